"""Two versions of a file: what has to be done to get from the one to the other.

Pure: nothing of the program is looked at. The question is whether anything that a module or a class
*evaluates* has changed (a constant, an import, a decorator, a default, a base, an annotation, a
definition added or removed) or only the bodies of functions and lambdas, which evaluate nothing
before they are called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from types import ModuleType

__all__ = [
    "Plan",
    "asks_currently_reloading",
    "diff",
    "evaluates_the_same",
    "executed",
    "is_main_guard",
    "names_bound",
    "names_gone",
    "without_main_guard",
]

_OF_EVERY_MODULE = frozenset(vars(ModuleType("module"))) | {
    "__builtins__",
    "__cached__",
    "__file__",
    "__path__",
}
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Plan:
    """What a reload will do with one file.

    Attributes:
        runs: The module is run again; otherwise its functions are patched and nothing is executed.
        reason: Why, in words.
        line: The first line of the new text that says so; 0 for none in particular.
    """

    runs: bool
    reason: str
    line: int = 0


def diff(old: ast.Module, new: ast.Module) -> Plan:
    """Compare two versions of a module.

    Args:
        old: The syntax tree in force.
        new: The syntax tree that was saved.
    """
    for old_statement, new_statement in zip_longest(old.body, new.body):
        if old_statement is None:
            return Plan(True, f"{_name(new_statement)} is new", new_statement.lineno)
        if new_statement is None:
            return Plan(True, f"{_name(old_statement)} is gone")
        if not _same_statement(old_statement, new_statement):
            return Plan(True, f"{_name(new_statement)} changed", new_statement.lineno)
    return Plan(False, "only bodies of functions changed")


def asks_currently_reloading(tree: ast.Module) -> bool:
    """Tell whether a module asks ``currently_reloading()``, by whatever name it imported it."""
    return any(
        (isinstance(node, ast.alias) and node.name == "currently_reloading")
        or (isinstance(node, ast.Attribute) and node.attr == "currently_reloading")
        for node in ast.walk(tree)
    )


def names_gone(old: ast.Module, new: ast.Module) -> set[str]:
    """Return the names that a module bound when it ran, and that its new text binds nowhere.

    Args:
        old: The syntax tree in force.
        new: The syntax tree that was saved. If it imports everything from somewhere, nobody can
            tell what it binds, and nothing is gone.
    """
    bound, still_bound = names_bound(old), names_bound(new)
    return set() if "*" in still_bound else bound - still_bound - _OF_EVERY_MODULE - {"*"}


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


def _same_statement(old: ast.stmt, new: ast.stmt) -> bool:
    """Compare two statements of a module; what is never run by a reload makes no difference."""
    if is_main_guard(old) and is_main_guard(new):
        assert isinstance(old, ast.If)
        assert isinstance(new, ast.If)
        return _same_field(old.orelse, new.orelse)
    return evaluates_the_same(old, new)


def evaluates_the_same(old: ast.AST, new: ast.AST) -> bool:
    """Compare two trees, but for positions and for what stands inside functions.

    Args:
        old: A node of the one tree.
        new: A node of the other.
    """
    if type(old) is not type(new):
        return False
    opaque = "body" if isinstance(old, _FUNCTION) else None
    for name in old._fields:
        if name == opaque or name in {"type_comment", "kind"}:
            continue
        if not _same_field(getattr(old, name, None), getattr(new, name, None)):
            return False
    return True


def _same_field(old: object, new: object) -> bool:
    if isinstance(old, ast.AST) and isinstance(new, ast.AST):
        return evaluates_the_same(old, new)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(_same_field, old, new))
    # A constant: 1, 1.0 and True are equal and not the same, and so are 0.0 and -0.0.
    # A large int has no repr (sys.set_int_max_str_digits).
    return type(old) is type(new) and (old == new if type(old) is int else repr(old) == repr(new))


def _name(statement: ast.stmt) -> str:
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
    declare global; ``*`` for a star import.
    """
    names: set[str] = set()
    waiting: list[tuple[ast.AST, bool]] = [(tree, True)]
    while waiting:
        node, at_top = waiting.pop()
        match node:
            case ast.Global():
                names.update(node.names)
            case ast.Name(id=name, ctx=ast.Store()) if at_top:
                names.add(name)
            case ast.alias() if at_top:
                names.add(node.asname or node.name.partition(".")[0])
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) if at_top:
                names.add(name)
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)) if at_top:
                names.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if at_top:
                    names.add(node.name)
                at_top = False
            case ast.Lambda():
                at_top = False
        waiting.extend((child, at_top) for child in ast.iter_child_nodes(node))
    return names
