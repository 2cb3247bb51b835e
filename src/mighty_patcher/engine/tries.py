"""How far the body of a ``try`` has come, or of ``with suppress(...)``: what stands behind a
statement that raised has never been executed, and has to be when that statement is edited; and
what is edited behind it must not be, as long as it raises.

Nobody has watched. But what was executed has left its names in the module.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.toplevel import executed

__all__ = ["Binders", "Holds", "coming_to", "going_on"]

Binders = Callable[[str], Iterable[ast.stmt]]
"""Finds the statements of the old text that bind a name, each block by its header alone."""
Holds = Callable[[str], tuple[object, ...]]
"""Returns the value, alone in a tuple, that a name had when the reload began; nothing for none."""
_Sure = Callable[[ast.stmt], frozenset[str]]
_Ends = Callable[[list[ast.stmt]], bool]

_COMES_TO = "it may keep what stands behind it in the try from being executed"
_GOES_ON = "what stands before it in the try may have kept it from being executed"


def going_on(change: Change, ends: _Ends, sure: _Sure, binders: Binders, holds: Holds) -> Change:
    """Return a change that also runs what stands in the body, or the ``else``, of a ``try`` behind
    a statement that changed, if that may have raised before: nothing shows that what stands behind
    it was executed.

    Args:
        change: A change, of which blocks are looked into.
        ends: Tells whether a body may come to its end, instead of raising something.
        sure: Finds the names that executing a statement binds whatever happens.
        binders: Finds the statements that bind a name.
        holds: Finds the values of names.
    """

    def run_behind(children: list[Change]) -> None:
        found = _perhaps_never_executed(children, sure, binders, holds)
        changed = [at for at, _ in found if children[at].kind in ("run", "remove")]
        if changed:
            at = changed[-1] + 1
            children[at:] = (_run(it, _GOES_ON) for it in children[at:])

    return _in_each_try(change, ends, run_behind)


def coming_to(change: Change, ends: _Ends, sure: _Sure, binders: Binders, holds: Holds) -> Change:
    """Return a change that, where it runs something in the body of a ``try``, also runs what binds
    a name before that, if nothing shows that it has done so: it may have raised, as it would now.

    Args:
        change: A change, of which blocks are looked into.
        ends: Tells whether a body may come to its end, instead of raising something.
        sure: Finds the names that executing a statement binds whatever happens.
        binders: Finds the statements that bind a name.
        holds: Finds the values of names.
    """

    def run_before(children: list[Change]) -> None:
        last = max(
            (at for at, it in enumerate(children) if it.kind == "run" and it.branch == "body"),
            default=0,
        )
        for at, it in _perhaps_never_executed(children, sure, binders, holds):
            if at < last and sure(it) and not _is_harmless(it):
                children[at:last] = (_run(it, _COMES_TO) for it in children[at:last])

    return _in_each_try(change, ends, run_before)


def _in_each_try(change: Change, ends: _Ends, edit: Callable[[list[Change]], None]) -> Change:
    """Return a change in which what stands in each ``try`` is edited, the innermost first."""
    if change.kind != "run" or change.children is None or change.header:
        return change
    children = [_in_each_try(child, ends, edit) for child in change.children]
    if change.old is not None and _goes_on_after_an_error(change.old, ends):
        edit(children)
    return replace(change, children=tuple(children))


def _goes_on_after_an_error(statement: ast.stmt, ends: _Ends) -> bool:
    match statement:
        case ast.Try(handlers=handlers) | ast.TryStar(handlers=handlers):
            return any(ends(handler.body) for handler in handlers)
        case ast.With(items=items):
            calls = [it.context_expr.func for it in items if isinstance(it.context_expr, ast.Call)]
            return any(ast.unparse(it).rpartition(".")[2] == "suppress" for it in calls)
    return False


def _run(child: Change, reason: str) -> Change:
    is_reached = child.branch in ("body", "orelse")
    if not is_reached or child.kind not in ("keep", "patch") or child.fixed:
        return child
    return replace(child, kind="run", reason=reason, header=child.children is not None)


def _perhaps_never_executed(
    children: list[Change], sure: _Sure, binders: Binders, holds: Holds
) -> Iterator[tuple[int, ast.stmt]]:
    """Yield those in the body that nothing shows to have been executed, with their places, the last
    first.
    """
    behind: list[ast.stmt] = []
    for at in range(len(children) - 1, -1, -1):
        child = children[at]
        if child.branch not in ("body", "orelse") or child.old is None:
            continue
        behind += executed([child.old])
        if any(_is_from(behind, name, binders, holds) for name in sure(child.old)):
            return
        if child.branch == "body":
            yield at, child.old


def _is_harmless(statement: ast.stmt) -> bool:
    """Tell whether a statement raises nothing."""
    match statement:
        case (
            ast.FunctionDef(decorator_list=decorators)
            | ast.AsyncFunctionDef(decorator_list=decorators)
        ):
            return not decorators
        case ast.Assign(value=ast.Constant(), targets=[ast.Name()]):
            return True
    return False


def _is_from(statements: list[ast.stmt], name: str, binders: Binders, holds: Holds) -> bool:
    """Tell whether a name has its value from one of some statements, and no other."""
    return bool(value := holds(name)) and all(
        any(it is one for one in statements) or _sets_another(it, *value) for it in binders(name)
    )


def _sets_another(statement: ast.stmt, value: object) -> bool:
    """Tell whether a statement sets a name to something that is not this value: ``HAS_X = False``,
    in a handler.
    """
    match statement:
        case ast.Assign(value=ast.Constant(value=constant), targets=[ast.Name()]):
            return type(constant) is not type(value) or constant != value
    return False
