"""Writes the code that functions reach as a package of its own, which needs nothing else of the project.

The package holds the definitions that `assets.code` finds to be reached, as they stand in the source, in modules of the
same names. Imports between them become relative, so the package works under any name and in any folder. Imports that
nothing in it uses are left out. Annotations are kept as text and never evaluated.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping

from assets.code import Place, Sources
from assets.names_in_code import parse, references

_LONG = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_ALLOWED = {*sys.stdlib_module_names, "torch", "numpy"}  # imports that are kept where only annotations use them


def bundle(sources: Sources, entries: Iterable[Place]) -> dict[str, str]:
    """Return the files of a package with the code that functions reach.

    Args:
        sources: source files of the project, some of which may have been replaced by stand-ins.
        entries: the functions, each as its module and its name.

    Returns:
        The text of each file by its path in the package, with an `__init__.py` for every folder.

    Raises:
        ValueError: a reached module imports another one as `import a.b`, which cannot be made relative.

    Example:
        >>> files = bundle(Sources.read(ROOT), [("models.synthesis.train", "load_sing")])
        >>> sorted(files)[-1]
        'models/synthesis/train.py'
    """
    places = {place for module, name in entries for place in sources.reached(module, name)}
    modules: dict[str, set[str]] = {}
    for module, name in places:
        if name:
            modules.setdefault(module, set()).add(name)
    files = {}
    for module, names in sorted(modules.items()):
        path = f"{module.replace('.', '/')}.py"
        files[path] = _Module(sources, module, names, places).text()
        for depth in range(module.count(".")):
            folder = "/".join(module.split(".")[: depth + 1])
            files[f"{folder}/__init__.py"] = '"""Part of an exported model; see README.md of the export."""\n'
    files["__init__.py"] = '"""The code of an exported model; it needs torch and what its README.md names."""\n'
    return files


class _Module:
    """One module of the package.

    Args:
        sources: source files of the project.
        name: name of the module.
        kept: names whose definitions are kept.
        places: everything that the package holds.
    """

    def __init__(self, sources: Sources, name: str, kept: set[str], places: set[Place]) -> None:
        self._sources, self._name, self._kept, self._places = sources, name, kept, places
        self._source = sources.text(name)
        self._lines = self._source.splitlines()
        module = parse(self._source)
        nodes = [one for names in kept for one in module.definitions[names]] + module.effects
        self._used = {one.name for one in references(nodes)}

    def text(self) -> str:
        """Return the text of the module."""
        body = ast.parse(self._source).body
        kept = [one for one in body[1:] if self._is_kept(one)]
        mentioned = {one.id for statement in kept for one in ast.walk(statement) if isinstance(one, ast.Name)}
        imports = [
            line
            for one in body
            if isinstance(one, (ast.Import, ast.ImportFrom))
            for line in self._import(one, mentioned)
        ]
        text = "\n".join([self._piece(body[0]), "", "from __future__ import annotations", "", *imports])
        for before, one in zip([body[0], *kept], kept, strict=False):
            apart = isinstance(before, _LONG) or isinstance(one, _LONG) or before is body[0]
            text += ("\n\n\n" if apart else "\n") + self._piece(one)
        return f"{text.rstrip()}\n"

    def _is_kept(self, statement: ast.stmt) -> bool:
        """Return whether a top-level statement besides imports and the docstring is part of the package."""
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            return False
        module = parse(ast.unparse(statement))
        return bool(module.definitions.keys() & self._kept) or bool(module.effects)

    def _piece(self, statement: ast.stmt) -> str:
        """Return the source of a top-level statement with the comments above it, and its inner imports rewritten."""
        decorators = [one.lineno for one in getattr(statement, "decorator_list", [])]
        first, last = min([statement.lineno, *decorators]), statement.end_lineno
        while first > 1 and self._lines[first - 2].startswith("#"):
            first -= 1
        replaced: dict[int, list[str]] = {}
        for one in ast.walk(statement):
            if isinstance(one, (ast.Import, ast.ImportFrom)):
                lines = self._import(one, None)
                replaced[one.lineno] = [" " * one.col_offset + line for line in lines]
                replaced |= {number: [] for number in range(one.lineno + 1, (one.end_lineno or one.lineno) + 1)}
        found = []
        for number in range(first, (last or first) + 1):
            found += replaced.get(number, [self._lines[number - 1]])
        return "\n".join(found)

    def _import(self, statement: ast.Import | ast.ImportFrom, mentioned: set[str] | None) -> Iterator[str]:
        """Yield what becomes of an import statement: a line for each module that is still imported.

        Args:
            statement: the import.
            mentioned: names that occur in the module; None keeps every name that is not of the project.
        """
        if isinstance(statement, ast.ImportFrom):
            origin = statement.module or ""
            kept = [one for one in statement.names if self._keeps(origin, one, mentioned)]
            if kept:
                own = self._sources.holds(origin)
                yield f"from {self._relative(origin) if own else origin} import {', '.join(map(ast.unparse, kept))}"
            return
        for one in statement.names:
            if self._keeps("", one, mentioned):
                own = self._sources.holds(one.name)
                if own and "." in one.name:
                    raise ValueError(f"{self._name}: import {one.name} cannot be made relative")
                yield f"from {self._relative('')} import {ast.unparse(one)}" if own else f"import {ast.unparse(one)}"

    def _keeps(self, origin: str, alias: ast.alias, mentioned: set[str] | None) -> bool:
        """Return whether a name is still imported: from outside if it is used, of the project if it is in the package.

        Names that only annotations use are kept where they come from torch, NumPy or Python itself.
        """
        bound = alias.asname or alias.name.partition(".")[0]
        if mentioned is not None and bound not in mentioned:
            return False
        module = origin or alias.name
        if not self._sources.holds(module):
            return mentioned is None or bound in self._used or module.partition(".")[0] in _ALLOWED
        return not self._places.isdisjoint(self._sources.meant(module, [alias.name] if origin else []))

    def _relative(self, module: str) -> str:
        """Return the name of a module of the package as seen from this one: ".blocks"."""
        own, target = self._name.split(".")[:-1], module.split(".") if module else []
        common = 0
        while common < min(len(own), len(target)) and own[common] == target[common]:
            common += 1
        return "." * (len(own) - common + 1) + ".".join(target[common:])


def with_stand_ins(sources: Sources, stand_ins: Mapping[str, bytes]) -> Sources:
    """Return source files some of which are replaced, or added.

    Args:
        sources: source files of the project.
        stand_ins: content of the files that stand in, by the path of the file that each replaces.
    """
    return Sources({**sources.files, **stand_ins})
