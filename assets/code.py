"""Computes code versions: hashes of all code of the project that a function can reach.

The code version of an asset is a hash of the definitions (functions, classes, constants) that its function can reach by
name, through any number of modules of the project. Comments, docstrings, annotations of arguments and formatting are
not part of it. So a result of other code is never mistaken for a result of this code, no version number has to be
raised by hand, and a change elsewhere in the project makes nothing stale.

Reached, starting from the function of the asset, are:

* every definition of the project whose name is used in a reached definition, also through imports inside functions;
* a reached class as a whole, and a module as a whole if it is used as a value;
* the statements that a reached module and its packages execute when they are imported, besides definitions;
* if a definition mentions `__file__`: all other files in the folder of its module and below (templates, tables).

A change that is known to change no result is waived in `waivers.json`, beside this file. An entry names, for each asset
concerned, the later code version and the earlier one with the same results, and the reason. `tessitura waive` writes
the entry; it is reviewed like code.
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

Place = tuple[str, str]  # module, name; "" stands for the statements that run when the module is imported


class Sources:
    """The source files of the project at one moment, and the code that each function can reach in them.

    Example:
        >>> Sources.read(ROOT).closure("assets.synthesis.stages", "synthesis_autoencoder").version
        '3f2a9c01d4e6b870'
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Use files given by their content.

        Args:
            files: content of every file, by its path relative to the root of the project, with "/" as separator.
        """
        self.files = files
        self._modules: dict[str, Module] = {}
        self._paths = {_module_name(path): path for path in files if path.endswith(".py")}
        self._digests: dict[Place, str] = {}
        self._reached: dict[Place, set[Place]] = {}
        self._closures: dict[Place, Closure] = {}

    @classmethod
    def read(cls, root: Path) -> "Sources":
        """Read all files in the folders `FLOORS` of the project at `root`, without __pycache__."""
        found = {}
        for floor in FLOORS:
            for path in sorted((root / floor).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    found[path.relative_to(root).as_posix()] = path.read_bytes()
        return cls(found)

    def closure(self, module: str, name: str) -> "Closure":
        """Return the code that the function `name` of `module` can reach, itself included, without its decorators.

        Raises:
            KeyError: the module does not define this name.
        """
        start = (module, name)
        if start in self._closures:
            return self._closures[start]
        found = {place: self._digest(place, entry=place == start) for place in self.reached(module, name)}
        modules = sorted({module for module, _ in found})
        version = _hash(f"{module}:{name} {digest}" for (module, name), digest in sorted(found.items()))[:16]
        self._closures[start] = Closure(version, modules, sorted(self._paths[one] for one in modules))
        return self._closures[start]

    def reached(self, module: str, name: str) -> set[Place]:
        """Return the places that the function `name` of `module` can reach, its own included, without its decorators.

        Raises:
            KeyError: the module does not define this name.
        """
        start, todo, found = (module, name), [(module, name)], set[Place]()
        if name not in self._module(module).definitions:
            raise KeyError(f"{module} defines no {name}")
        while todo:
            place = todo.pop()
            if place not in found:
                found.add(place)
                todo += self._reachable(place, entry=place == start)
        return found

    def holds(self, module: str) -> bool:
        """Return whether a module is one of the project."""
        return module in self._paths

    def text(self, module: str) -> str:
        """Return the source of a module of the project."""
        return self.files[self._paths[module]].decode()

    def meant(self, module: str, attributes: list[str]) -> set[Place]:
        """Return the places that an attribute of a module stands for, such as ["Sing"] of "models.synthesis.sing"."""
        return set(self._target(module, attributes))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the paths and contents of all files, 64 hexadecimal digits."""
        return _hash(f"{path} {hashlib.sha256(content).hexdigest()}" for path, content in sorted(self.files.items()))

    def _module(self, name: str) -> Module:
        if name not in self._modules:
            self._modules[name] = parse(self.text(name))
        return self._modules[name]

    def _nodes(self, place: Place, *, entry: bool = False) -> list[ast.stmt]:
        """Return the statements of a place; without decorators for the function of an asset (`entry`)."""
        module, name = place
        found = self._module(module).definitions[name] if name else self._module(module).effects
        return [undecorated(one) for one in found] if entry else found

    def _digest(self, place: Place, *, entry: bool) -> str:
        """Return the hash of a place, including the files beside its module if it mentions `__file__`."""
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
        """Return path and hash of each file that is not Python, in the folder of a module and below."""
        folder = self._paths[module].rpartition("/")[0]
        paths = [path for path in self.files if path.startswith(f"{folder}/") and not path.endswith(".py")]
        return [f"{path} {hashlib.sha256(self.files[path]).hexdigest()}" for path in sorted(paths)]

    def _reachable(self, place: Place, *, entry: bool = False) -> set[Place]:
        """Return the places that the statements of a place refer to."""
        if entry:
            return self._named(place, self._nodes(place, entry=True))
        if place not in self._reached:
            self._reached[place] = self._named(place, self._nodes(place))
        return self._reached[place]

    def _named(self, place: Place, nodes: list[ast.stmt]) -> set[Place]:
        """Return the places that statements refer to, and what runs when their module is imported."""
        module = place[0]
        found = {(package, "") for package in self._packages(module)}
        for reference in references(nodes):
            found.update(self._resolve(module, reference))
        return found - {place}

    def _packages(self, module: str) -> Iterator[str]:
        """Yield the packages that contain a module, and the module: importing it runs all of them."""
        parts = module.split(".")
        for count in range(1, len(parts) + 1):
            if (one := ".".join(parts[:count])) in self._paths:
                yield one

    def _resolve(self, module: str, reference: Reference) -> Iterator[Place]:
        """Yield the places that a name used in a module stands for; none for names from outside the project."""
        known = self._module(module)
        imported = reference.imported or known.imports.get(reference.name)
        if reference.imported is None and reference.name in known.definitions:
            yield module, reference.name
        elif imported is not None:
            yield from self._target(imported.module, [*imported.attributes, *reference.attributes])

    def _target(self, module: str, attributes: list[str]) -> Iterator[Place]:
        """Yield the places of an attribute of a module; subpackages and re-exports are followed."""
        while attributes and f"{module}.{attributes[0]}" in self._paths:
            module, attributes = f"{module}.{attributes[0]}", attributes[1:]
        if module not in self._paths:
            return
        if not attributes:  # the module itself is used as a value, so any of its definitions may be used
            yield from ((module, name) for name in ["", *self._module(module).definitions])
        elif attributes[0] in self._module(module).definitions:
            yield module, attributes[0]
        elif (again := self._module(module).imports.get(attributes[0])) is not None:
            yield from self._target(again.module, [*again.attributes, *attributes[1:]])
        else:
            yield from self._target(module, [])


@dataclass(frozen=True)
class Closure:
    """The code that a function can reach.

    Attributes:
        version: hash of this code, 16 hexadecimal digits.
        modules: names of the modules that contain it, sorted.
        paths: paths of their files relative to the root of the project, sorted.
    """

    version: str
    modules: list[str]
    paths: list[str]


def _module_name(path: str) -> str:
    """Return the dotted name of the module in a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _hash(parts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class Waivers:
    """The recorded changes of code that are known to change no result.

    The JSON file is a list of entries {"reason": TEXT, "same": {ASSET: [EARLIER, LATER]}}, where EARLIER and LATER are
    code versions with the same results.

    Example:
        >>> Waivers().original("synthesis_model", "3f2a9c01d4e6b870")
        '3f2a9c01d4e6b870'
    """

    def __init__(self, path: Path = WAIVERS) -> None:
        """Read the entries of a file; a missing file has none.

        Raises:
            InputError: the file does not have the required form, or an entry has no reason.
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
        """Return the earliest code version of `asset` that gives the same results as `version`."""
        seen = {version}
        while (earlier := self._earlier.get((asset, version))) is not None and earlier not in seen:
            seen.add(earlier)
            version = earlier
        return version

    def add(self, reason: str, same: Mapping[str, tuple[str, str]]) -> None:
        """Append an entry to the file.

        Args:
            reason: why the results are the same.
            same: the earlier and the later code version of each asset, by name of the asset.
        """
        entry = {"reason": reason, "same": {asset: list(pair) for asset, pair in sorted(same.items())}}
        write_json(self._path, [*self._entries, entry])
