"""What statements have done that binds no name: it stays when they are removed, edited or executed
again, for nobody can take back a call. The report says so; `taken_back` knows the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import executed, name_of_statement
from mighty_patcher.engine.trees import DEFINITION, is_text, only_acts

__all__ = ["IsNew", "stay_of_removed", "stays_of_run"]

IsNew = Callable[[str, str], bool]
"""Tells whether an object was made by this reload, by its name and an attribute, which may be empty
(``("pkg", "L")`` for ``pkg.L``): then nothing has been done to it before.
"""
_GONE = "what it has done stays, though it is gone from the source"
_AGAIN = "it was executed again, and what it had done before stays"


def stay_of_removed(module: str, changes: Iterable[Change], is_new: IsNew) -> Iterator[Step]:
    """Say of statements that are gone that what they have done stays.

    Args:
        module: The name of the module.
        changes: What becomes of its statements.
        is_new: Tells what is new.
    """
    for change in changes:
        if change.kind == "remove" and change.old is not None:
            yield from _stays(module, change.old, is_new, _GONE, lambda it: _acts(it, again=False))
        elif not isinstance(change.new, ast.ClassDef):
            yield from stay_of_removed(module, change.children or (), is_new)


def stays_of_run(module: str, statement: ast.stmt, is_new: IsNew) -> Iterator[Step]:
    """Say of a statement that is executed once more that what it has done before stays.

    Args:
        module: The name of the module.
        statement: What is executed of it.
        is_new: Tells what is new.
    """
    return _stays(module, statement, is_new, _AGAIN, lambda it: _acts(it, again=True))


def _stays(
    module: str,
    statement: ast.stmt,
    is_new: IsNew,
    reason: str,
    acts: Callable[[ast.stmt], bool],
) -> Iterator[Step]:
    for it in executed([statement]):
        if not isinstance(it, DEFINITION) and acts(it):
            mutated = facts(it).mutated or _asked(it)
            if not mutated or not all(is_new(*target) for target in mutated):
                yield Step("kept", module, name_of_statement(it), it.lineno, reason)


def _asked(statement: ast.stmt) -> set[tuple[str, str]]:
    """Return whose method a call is that is a statement: ``parser`` of ``parser.add(...)``."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name)))):
            return {(name, "")}
    return set()


def _is_place(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store)


def _acts(statement: ast.stmt, *, again: bool) -> bool:
    """Tell whether a statement does something that a fresh start would not have, or have once only:
    ``table["a"] = 1`` is the same however often it is executed.
    """
    match statement:
        case ast.Expr(value=ast.Constant()):
            return False
        case ast.Assign(targets=targets):
            return not again and any(map(_is_place, chain.from_iterable(map(ast.walk, targets))))
        case ast.Delete(targets=targets):
            return not again and not all(isinstance(it, ast.Name) for it in targets)
    return only_acts(statement) and not is_text(statement)
