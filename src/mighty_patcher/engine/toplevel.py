"""What the top of a module says, by its syntax tree alone: which names it binds, which statements a
reload never runs, whether it plans for being executed again.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from types import ModuleType

__all__ = [
    "OF_EVERY_MODULE",
    "asks_currently_reloading",
    "executed",
    "functions_defined",
    "globals_in",
    "is_main_guard",
    "is_never_run",
    "is_special",
    "lines_run",
    "name_of_statement",
    "names_bound",
    "names_gone",
    "names_imported",
    "type_checking_names",
    "without_main_guard",
]

OF_EVERY_MODULE = frozenset(vars(ModuleType("module"))) | {
    "__builtins__",
    "__cached__",
    "__file__",
    "__path__",
    "__annotate__",
    "__annotations__",
    "__conditional_annotations__",
}
"""Names that are set by the import system, the compiler or the reload itself."""


def is_special(name: str) -> bool:
    """Tell whether a name is one of the language's own, as ``__name__`` and ``__init__`` are."""
    return name.startswith("__") and name.endswith("__")


def asks_currently_reloading(tree: ast.Module) -> bool:
    """Tell whether a module asks ``currently_reloading()``, by whatever name it imported it."""
    return any(
        (isinstance(node, ast.alias) and node.name == "currently_reloading")
        or (isinstance(node, ast.Attribute) and node.attr == "currently_reloading")
        for node in ast.walk(tree)
    )


def names_gone(
    old: ast.Module, new: ast.Module, stars: tuple[Collection[str], Collection[str]] = ((), ())
) -> set[str]:
    """Return the names that a module bound when it ran, and that its new text binds nowhere.

    Args:
        old: The syntax tree in force.
        new: The syntax tree that was saved.
        stars: The names that the star imports of either bring.
    """
    bound, still_bound = names_bound(old).union(stars[0]), names_bound(new).union(stars[1])
    return bound - still_bound - OF_EVERY_MODULE - {"*"}


def names_imported(tree: ast.Module | None) -> set[str]:
    """Return the names that the imports of a module bind, but for those of everything."""
    return {
        alias.asname or alias.name.partition(".")[0]
        for statement in executed(tree.body if tree is not None else ())
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for alias in statement.names
    }


def functions_defined(tree: ast.Module | None) -> set[str]:
    """Return the names of the functions that the top of a module defines, also in blocks."""
    statements = executed(tree.body if tree is not None else ())
    return {it.name for it in statements if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef)}


def executed(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a block and of the blocks in it, but for those of definitions."""
    for statement in body:
        yield statement
        if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for _, value in ast.iter_fields(statement):
                if isinstance(value, list):
                    yield from executed(item for item in value if isinstance(item, ast.stmt))
                    for item in value:
                        if isinstance(item, (ast.ExceptHandler, ast.match_case)):
                            yield from executed(item.body)


def lines_run(statement: ast.stmt) -> Iterator[int]:
    """Yield the lines on which the statements begin that are executed with one."""
    for it in executed([statement]):
        yield it.lineno
        for inner in it.body if isinstance(it, ast.ClassDef) else ():
            yield from lines_run(inner)


def is_main_guard(statement: ast.stmt) -> bool:
    """Tell whether a statement is ``if __name__ == "__main__":``."""
    if not isinstance(statement, ast.If) or not isinstance(statement.test, ast.Compare):
        return False
    sides = [statement.test.left, *statement.test.comparators]
    return (
        len(sides) == 2
        and isinstance(statement.test.ops[0], ast.Eq)
        and any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
        and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    )


def is_never_run(statement: ast.AST | None, type_checking: Iterable[str] = ()) -> bool:
    """Tell whether a statement is an ``if`` whose body a reload never runs (its ``else`` may be).

    Args:
        statement: Any statement.
        type_checking: Names by which the module knows ``typing.TYPE_CHECKING``, besides that one.
    """
    match statement:
        case ast.If(test=ast.Attribute(attr="TYPE_CHECKING")):
            return True
        case ast.If(test=ast.Name(id=name)):
            return name == "TYPE_CHECKING" or name in type_checking
        case ast.If():
            return is_main_guard(statement)
    return False


def type_checking_names(tree: ast.Module) -> frozenset[str]:
    """Return the names by which a module knows ``typing.TYPE_CHECKING``."""
    return frozenset(
        (alias.asname or alias.name)
        for statement in tree.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
        if alias.name == "TYPE_CHECKING"
    ) | {"TYPE_CHECKING"}


def without_main_guard(tree: ast.Module) -> ast.Module:
    """Return a module without the blocks that a reload never runs (their ``else`` is run)."""
    body: list[ast.stmt] = []
    for statement in tree.body:
        if is_main_guard(statement):
            assert isinstance(statement, ast.If)
            body.extend(statement.orelse)
        else:
            body.append(statement)
    return ast.Module(body=body, type_ignores=tree.type_ignores)


def name_of_statement(statement: ast.stmt) -> str:
    """Name a statement as a person would: what it defines, or else its kind."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name
        case ast.Assign(targets=[target, *_]):
            return ast.unparse(target)
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            return ast.unparse(target)
        case ast.Import() | ast.ImportFrom():
            return "an import"
        case ast.Expr(value=ast.Constant(value=str())):
            return "the docstring"
        case ast.Expr(value=ast.Call(func=function)):
            return f"the call of {ast.unparse(function)}"
    return f"the {type(statement).__name__.lower()} statement"


def names_bound(tree: ast.Module) -> set[str]:
    """Return the names that the top of a module binds, also in blocks, and those that its functions
    declare global; ``*`` for a star import. What only a type checker reads binds nothing.
    """
    names: set[str] = set()
    waiting: list[ast.AST] = [tree]
    type_checking = type_checking_names(tree)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.If() if is_never_run(node, type_checking) and not is_main_guard(node):
                waiting.extend(node.orelse)
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                names |= globals_in(node)
                continue
            case ast.Lambda() | ast.Constant():
                continue
            case ast.Global():
                names.update(node.names)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias():
                names.add(node.asname or node.name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                names.add(name)
        waiting.extend(ast.iter_child_nodes(node))
    return names


def globals_in(statement: ast.AST) -> set[str]:
    """Return the names that functions and classes declare global, in a statement and below it."""
    names: set[str] = set()
    waiting = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            names.update(node.names)
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, field, ())
    return names
