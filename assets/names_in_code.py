"""Parses Python source: what a module defines and imports, and which names a definition uses."""

import ast
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Imported:
    """What a name bound by an import stands for.

    Attributes:
        module: dotted name of the module.
        attributes: attributes to look up in the module, one after the other; () stands for the module itself.
    """

    module: str
    attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reference:
    """A use of a name in a definition.

    Attributes:
        name: the name.
        attributes: attributes read from it: ("losses", "l1") for `models.losses.l1` with the name `models`.
        imported: what the name stands for if an import inside the definition binds it, otherwise None.
    """

    name: str
    attributes: tuple[str, ...] = ()
    imported: Imported | None = None


@dataclass
class Module:
    """The statements of a parsed module.

    Attributes:
        definitions: top-level statements that define a name, by name.
        imports: what each imported name stands for.
        effects: other top-level statements, which run when the module is imported.
    """

    definitions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, Imported] = field(default_factory=dict)
    effects: list[ast.stmt] = field(default_factory=list)


def parse(text: str) -> Module:
    """Parse the source text of a module, without the parts that cannot change a result.

    Left out are comments, docstrings, and annotations of arguments, return values and local variables.
    """
    module = Module()
    for statement in _Stripper().visit(ast.parse(text)).body:
        _sort(statement, module)
    return module


def _sort(statement: ast.stmt, module: Module) -> None:
    """Add a top-level statement to the definitions, imports or effects of a module."""
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        module.imports.update(_bindings(statement))
    elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        module.definitions.setdefault(statement.name, []).append(statement)
    elif isinstance(statement, ast.If) and _is_name_test(statement.test, "TYPE_CHECKING"):
        for one in statement.body:
            _sort(one, module)
    elif names := _assigned(statement):
        for name in names:
            module.definitions.setdefault(name, []).append(statement)
    elif not _is_text(statement) and not (isinstance(statement, ast.If) and _is_main_guard(statement.test)):
        module.effects.append(statement)
        module.imports.update(
            binding
            for one in ast.walk(statement)
            if isinstance(one, (ast.Import, ast.ImportFrom))
            for binding in _bindings(one).items()
        )


def _bindings(statement: "ast.Import | ast.ImportFrom") -> dict[str, Imported]:
    """Return what each name that an import binds stands for."""
    if isinstance(statement, ast.ImportFrom):
        origin = statement.module or ""
        return {one.asname or one.name: Imported(origin, (one.name,)) for one in statement.names}
    return {
        one.asname or one.name.partition(".")[0]: Imported(one.name if one.asname else one.name.partition(".")[0])
        for one in statement.names
    }


def _assigned(statement: ast.stmt) -> list[str]:
    """Return the names that an assignment defines; an empty list if a target is not a plain name."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        targets = [statement.target]
    leaves = [leaf for target in targets for leaf in _leaves(target)]
    names = [leaf.id for leaf in leaves if isinstance(leaf, ast.Name)]
    return names if len(names) == len(leaves) else []


def _leaves(target: ast.expr) -> Iterator[ast.expr]:
    """Yield the single targets of an assignment target, which may be a nested tuple or list."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for one in target.elts:
            yield from _leaves(one)
    else:
        yield target.value if isinstance(target, ast.Starred) else target


def _is_name_test(test: ast.expr, name: str) -> bool:
    return isinstance(test, ast.Name) and test.id == name


def _is_main_guard(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and _is_name_test(test.left, "__name__")


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


class _Stripper(ast.NodeTransformer):
    """Removes docstrings, and annotations of arguments, return values and local variables."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = [one for one in node.body if not _is_text(one)] or [ast.Pass()]
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def _function(self, node: "ast.FunctionDef | ast.AsyncFunctionDef") -> ast.AST:
        node.returns = None
        self.generic_visit(node)
        body: list[ast.stmt] = []
        for one in node.body:
            if isinstance(one, ast.AnnAssign):
                if one.value is not None:
                    body.append(ast.copy_location(ast.Assign([one.target], one.value), one))
            elif not _is_text(one):
                body.append(one)
        node.body = body or [ast.Pass()]
        return node


def undecorated(statement: ast.stmt) -> ast.stmt:
    """Return a copy of a definition without its decorators; any other statement unchanged."""
    found = copy(statement)
    if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        found.decorator_list = []
    return found


def references(nodes: Iterable[ast.AST]) -> set[Reference]:
    """Return the names in top-level statements that stand for something defined elsewhere, with their attributes.

    Arguments and local variables are left out, also where they hide a global name. A name that an import inside a
    function binds is included, with what it stands for.
    """
    finder = _Finder()
    for node in nodes:
        finder.visit(node)
    return finder.found


class _Finder(ast.NodeVisitor):
    """Collects references.

    `_scopes` has a dictionary for each function or comprehension around the present node, innermost last: the names
    bound there, with what they stand for if an import binds them, otherwise None.
    """

    def __init__(self) -> None:
        self.found: set[Reference] = set()
        self._scopes: list[dict[str, Imported | None]] = []

    def _refer(self, name: str, attributes: tuple[str, ...]) -> None:
        for scope in reversed(self._scopes):
            if name in scope:
                imported = scope[name]
                if imported is not None:
                    self.found.add(Reference(name, attributes, imported))
                return
        self.found.add(Reference(name, attributes))

    def visit_Name(self, node: ast.Name) -> None:
        self._refer(node.id, ())

    def visit_Attribute(self, node: ast.Attribute) -> None:
        base, attributes = node.value, [node.attr]
        while isinstance(base, ast.Attribute):
            attributes.append(base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self._refer(base.id, tuple(reversed(attributes)))
        else:
            self.visit(base)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node, [*node.decorator_list, *_defaults(node.args)], node.body)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node, [*node.decorator_list, *_defaults(node.args)], node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node, _defaults(node.args), [node.body])

    def _function(
        self,
        node: "ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda",
        outside: Iterable[ast.AST],
        inside: Iterable[ast.AST],
    ) -> None:
        for one in outside:
            self.visit(one)
        scope: dict[str, Imported | None] = {one.arg: None for one in _arguments(node.args)}
        for one in inside:
            _bind(one, scope)
        for one in (below for part in inside for below in ast.walk(part)):
            if isinstance(one, (ast.Global, ast.Nonlocal)):
                for name in one.names:
                    scope.pop(name, None)
        self._within(scope, inside)

    def _within(self, scope: dict[str, Imported | None], nodes: Iterable[ast.AST]) -> None:
        self._scopes.append(scope)
        for one in nodes:
            self.visit(one)
        self._scopes.pop()

    def _comprehension(self, node: "ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp") -> None:
        """Visit a comprehension: its targets are local, but its first iterable is evaluated in the outer scope."""
        generators = node.generators
        self.visit(generators[0].iter)
        scope: dict[str, Imported | None] = {}
        for one in generators:
            _bind(one.target, scope)
        parts = [value for name, value in ast.iter_fields(node) if name != "generators"]
        inner = [part for one in generators for part in (*one.ifs, *([] if one is generators[0] else [one.iter]))]
        self._within(scope, [*inner, *parts])

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    """Return all parameters of a function, `*args` and `**kwargs` included."""
    several = [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *several]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    """Return the default values of a function's parameters."""
    return [*arguments.defaults, *(one for one in arguments.kw_defaults if one is not None)]


_OWN_SCOPE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def _bind(node: ast.AST, scope: dict[str, Imported | None]) -> None:
    """Add the names that a node binds in its function; those of nested functions and comprehensions are left out."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        scope.update(_bindings(node))
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.setdefault(node.name, None)
    elif not isinstance(node, _OWN_SCOPE):
        if isinstance(node, ast.Name) and isinstance(node.ctx, (ast.Store, ast.Del)):
            scope.setdefault(node.id, None)
        if isinstance(node, ast.ExceptHandler) and node.name:
            scope.setdefault(node.name, None)
        for one in ast.iter_child_nodes(node):
            _bind(one, scope)
