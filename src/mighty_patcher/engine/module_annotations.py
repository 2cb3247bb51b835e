"""The annotations of a module: those of its new text, though not all of it is executed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from typing import Any

from mighty_patcher.engine.changes import Plan
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.parts import Parts
from mighty_patcher.engine.toplevel import executed

__all__ = ["annotate", "has_other_annotations"]

_LAZY = sys.version_info >= (3, 14)  # PEP 649


def has_other_annotations(plan: Plan) -> bool:
    """Tell whether a statement that annotates a name has come, gone or changed."""
    return any(
        isinstance(it, ast.AnnAssign)
        for change in plan.changes
        if change.kind != "keep"
        for statement in (change.old, change.new)
        for it in executed([statement] if statement is not None else [])
    )


def annotate(plan: Plan, namespace: dict[str, Any], parts: Parts, keeper: Keeper) -> None:
    """Let the annotations of a module be those of its new text.

    Args:
        plan: What becomes of its statements.
        namespace: Its names.
        parts: Compiles what evaluates them, from 3.14 on.
        keeper: Who keeps its objects.
    """
    if not _LAZY:
        known: Any = namespace.get("__annotations__")
        news = _annotated(it.new for it in plan.changes)
        for name in _annotated(it.old for it in plan.changes) - news:
            if type(known) is dict:
                known.pop(name, None)
        if type(known) is dict and not known and not news:
            del namespace["__annotations__"]
        return
    namespace.pop("__annotations__", None)  # what the old ones evaluated to
    part = parts.annotations(namespace)
    if part is None:
        namespace.pop("__annotate__", None)
        return
    keeper.will_run(part.code)
    exec(part.code, namespace)
    keeper.fold(["__annotate__"])


def _annotated(statements: Iterable[ast.stmt | None]) -> set[str | None]:
    """Return the names that statements annotate; none for what is no name."""
    inner = executed(it for it in statements if it is not None)
    found = (it.target for it in inner if isinstance(it, ast.AnnAssign))
    return {getattr(target, "id", None) for target in found}
