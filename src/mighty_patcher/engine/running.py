"""What is being executed right now cannot be executed anew: a script's main loop, say. It goes on
with the text that it began with, and so does what stands below it.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Literal

from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.statements import plan
from mighty_patcher.engine.toplevel import name_of_statement
from mighty_patcher.engine.trees import digest

__all__ = ["without_running"]


def without_running(
    changes: Plan, line: int, first: ast.Module, old: ast.Module, stale: list[Stale]
) -> tuple[Plan, list[Stale]]:
    """Keep the statement that is being executed, and all below it.

    Args:
        changes: What becomes of the statements of the module.
        line: The line that is being executed.
        first: The text that has this line: what the module began to execute.
        old: The text in force.
        stale: What is stale already.

    Returns:
        The plan that can be carried out, and what stays old because of that.
    """
    statement = next((it for it in first.body if it.lineno <= line <= (it.end_lineno or 0)), None)
    if statement is not None and first is not old:
        pairs = plan(first, old).changes
        statement = next((it.new for it in pairs if it.old is statement), None)
    if statement is None:
        return changes, stale
    kept: list[Change] = []
    stale = list(stale)
    is_below = False
    for change in changes.changes:
        is_it = change.old is statement
        is_below = is_below or is_it
        below = is_below if change.old is None else change.old.lineno >= statement.lineno
        if not below:
            kept.append(change)
            continue
        if change.kind in ("run", "remove") or (is_it and _is_other(change)):
            stale.append(_stale(change, is_it))
        if change.new is not None:
            kind: Literal["keep", "patch"] = "patch" if change.kind == "patch" else "keep"
            kept.append(Change(kind, change.old, change.new, change.reason, fixed=True))
    return replace(changes, changes=tuple(kept)), stale


def _is_other(change: Change) -> bool:
    return change.new is None or digest(change.old, skip_functions=True) != digest(
        change.new, skip_functions=True
    )


def _stale(change: Change, is_running: bool) -> Stale:
    statement = change.new or change.old
    assert statement is not None
    reason = "it is being executed right now" if is_running else "it stands below what is running"
    return Stale(
        f"{name_of_statement(statement)} (line {statement.lineno})",
        reason,
        "the running code keeps its old body until it returns; start the program again to have it",
    )
