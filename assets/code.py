"""Versions of code: a hash of everything that a function can reach inside the project.

The code version of an asset is the hash of the definitions (functions, classes, constants) that its function
can reach by name, from module to module, whatever floor they lie on. Comments, docstrings, annotations of
arguments and formatting are no part of it. So a model of other code is never taken for one of this code, and
nobody has to remember to raise a number; and a change elsewhere in the project makes nothing stale.

What counts as reached, starting from the function of the asset:

* every definition of the project whose name stands in a reached definition, also through imports inside functions;
* of a reached class all of it; of a module that is used as a value, all of it;
* what a reached module does when it is imported, besides defining things;
* where a definition mentions `__file__`, the files beside its module (templates, tables).

A change that is known to change no result is waived in `waivers.json`, beside this file: it says, for every asset
concerned, which hash means the same as which earlier one, and why. `tessitura waive` writes the entry; a person
reviews it like code.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from assets.names_in_code import Module, Reference, parse, references, undecorated
from data.errors import InputError
from data.files.durable import read_json, write_json

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("pipelines", "assets", "models", "eval", "data")
WAIVERS = Path(__file__).with_name("waivers.json")

Place = tuple[str, str]  # module, name; the name "" stands for what the module does when it is imported


class Sources:
    """The sources of the project at one moment, and what can be reached in them.

    Example:
        >>> Sources.read(ROOT).closure("assets.synthesis.stages", "synthesis_autoencoder").version
        '3f2a9c01d4e6b870'
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Keep the content of files by their path below the root, "/" between folders."""
        self.files = files
        self._modules: dict[str, Module] = {}
        self._paths = {_module_name(path): path for path in files if path.endswith(".py")}
        self._digests: dict[Place, str] = {}
        self._reached: dict[Place, set[Place]] = {}
        self._closures: dict[Place, Closure] = {}

    @classmethod
    def read(cls, root: Path) -> "Sources":
        """Return the sources below `root` as they are now."""
        found = {}
        for floor in FLOORS:
            for path in sorted((root / floor).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    found[path.relative_to(root).as_posix()] = path.read_bytes()
        return cls(found)

    def closure(self, module: str, name: str) -> "Closure":
        """Return what the function `name` of `module` can reach, itself included.

        Raises:
            KeyError: there is no such definition.
        """
        start, todo, found = (module, name), [(module, name)], dict[Place, str]()
        if start in self._closures:
            return self._closures[start]
        if name not in self._module(module).definitions:
            raise KeyError(f"{module} defines no {name}")
        while todo:
            place = todo.pop()
            if place not in found:
                found[place] = self._digest(place, entry=place == start)
                todo += self._reachable(place, entry=place == start)
        modules = sorted({module for module, _ in found})
        version = _hash(f"{module}:{name} {digest}" for (module, name), digest in sorted(found.items()))[:16]
        self._closures[start] = Closure(version, modules, sorted(self._paths[one] for one in modules))
        return self._closures[start]

    @cached_property
    def digest(self) -> str:
        """Hash of all files."""
        return _hash(f"{path} {hashlib.sha256(content).hexdigest()}" for path, content in sorted(self.files.items()))

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = parse(self.files[self._paths[name]].decode())
        return self._modules[name]

    def _nodes(self, place: Place, *, entry: bool = False) -> list[ast.stmt]:
        """Return the statements of a place; those of the function of an asset without its decorators."""
        module, name = place
        found = self._module(module).definitions[name] if name else self._module(module).effects
        return [undecorated(one) for one in found] if entry else found

    def _digest(self, place: Place, *, entry: bool) -> str:
        if entry:
            return _hash([ast.unparse(one) for one in self._nodes(place, entry=True)])
        if place not in self._digests:
            nodes = self._nodes(place)
            parts = [ast.unparse(one) for one in nodes]
            if any(one.name == "__file__" for one in references(nodes)):
                parts += self._beside(place[0])
            self._digests[place] = _hash(parts)
        return self._digests[place]

    def _beside(self, module: str) -> list[str]:
        """Return the hashes of the files, other than modules, beside a module and in folders below."""
        folder = self._paths[module].rpartition("/")[0]
        paths = [path for path in self.files if path.startswith(f"{folder}/") and not path.endswith(".py")]
        return [f"{path} {hashlib.sha256(self.files[path]).hexdigest()}" for path in sorted(paths)]

    def _reachable(self, place: Place, *, entry: bool = False) -> set[Place]:
        """Return the places that are named in a place."""
        if entry:
            return self._named(place, self._nodes(place, entry=True))
        if place not in self._reached:
            self._reached[place] = self._named(place, self._nodes(place))
        return self._reached[place]

    def _named(self, place: Place, nodes: list[ast.stmt]) -> set[Place]:
        module = place[0]
        found = {(package, "") for package in self._packages(module)}
        for reference in references(nodes):
            found.update(self._resolve(module, reference))
        return found - {place}

    def _packages(self, module: str) -> Iterator[str]:
        """Yield the module and the packages it lies in: all of them run when it is imported."""
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            if (one := ".".join(parts[:count])) in self._paths:
                yield one

    def _resolve(self, module: str, reference: Reference) -> Iterator[Place]:
        """Yield the places that a name in a module stands for; nothing for names from outside the project."""
        known = self._module(module)
        imported = reference.imported or known.imports.get(reference.name)
        if reference.imported is None and reference.name in known.definitions:
            yield module, reference.name
        elif imported is not None:
            yield from self._target(imported.module, [*imported.attributes, *reference.attributes])

    def _target(self, module: str, attributes: list[str]) -> Iterator[Place]:
        """Yield the place of an attribute of a module, through packages and re-exports."""
        while attributes and f"{module}.{attributes[0]}" in self._paths:
            module, attributes = f"{module}.{attributes[0]}", attributes[1:]
        if module not in self._paths:
            return
        if not attributes:  # the module itself is used as a value: whatever is in it may be
            yield from ((module, name) for name in ["", *self._module(module).definitions])
        elif attributes[0] in self._module(module).definitions:
            yield module, attributes[0]
        elif (again := self._module(module).imports.get(attributes[0])) is not None:
            yield from self._target(again.module, [*again.attributes, *attributes[1:]])
        else:
            yield from self._target(module, [])


@dataclass(frozen=True)
class Closure:
    """What a function can reach.

    Attributes:
        version: hash of all of it, 16 hexadecimal digits.
        modules: the modules it lies in, sorted.
        paths: their files below the root, sorted.
    """

    version: str
    modules: list[str]
    paths: list[str]


def _module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class Waivers:
    """Changes of code that are known to change no result.

    The file is a list of entries {"reason": TEXT, "same": {ASSET: [EARLIER, LATER]}}.
    """

    def __init__(self, path: Path = WAIVERS) -> None:
        """Read the entries.

        Raises:
            InputError: the file is no such list.
        """
        self._path = path
        self._entries = read_json(path) if path.is_file() else []
        self._earlier: dict[tuple[str, str], str] = {}
        try:
            for entry in self._entries:
                if not entry["reason"].strip():
                    raise InputError(f"{path}: an entry without a reason; say why the results are the same")
                for asset, (earlier, later) in entry["same"].items():
                    self._earlier[asset, later] = earlier
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: not a list of waivers ({error}); assets/code.py says what one is") from error

    def original(self, asset: str, version: str) -> str:
        """Return the earliest version of the code of `asset` that gives the same results as `version`."""
        seen = {version}
        while (earlier := self._earlier.get((asset, version))) is not None and earlier not in seen:
            seen.add(earlier)
            version = earlier
        return version

    def add(self, reason: str, same: Mapping[str, tuple[str, str]]) -> None:
        """Append an entry: for each asset, the later version gives the results of the earlier one."""
        entry = {"reason": reason, "same": {asset: list(pair) for asset, pair in sorted(same.items())}}
        write_json(self._path, [*self._entries, entry])
