"""SQLAlchemy: a class that was mapped cannot be mapped again, for its table, its mapper and the
sessions that know its instances would go on with the first mapping. So its body is executed in
place, what changed of it is set, and nobody maps it; and what is mapped may not change.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from mighty_patcher.engine.identity import is_one_of

__all__ = ["refusal"]

_PACKAGE = "sqlalchemy"


def refusal(
    old: ast.ClassDef | None, new: ast.ClassDef | None, changed: Mapping[str, tuple[Any, Any]]
) -> str | None:
    """Say why an edit of a declarative class cannot be made without mapping it anew.

    Args:
        old: Its definition in force, where it is known.
        new: The new one.
        changed: The attributes that change: what the class has, and what it would.

    Returns:
        The reason; None if what changes is not mapped.
    """
    if old is None or new is None or _annotated(old) != _annotated(new):
        return "its annotations changed, and columns and relationships are made of them"
    for name, values in sorted(changed.items()):
        if any(map(_is_mapped, values)):
            return f"{name!r} is mapped"
        is_special = name.startswith("__") and name.endswith("__")
        if name == "__init__" or (is_special and not all(map(_is_method, values))):
            return f"{name!r} is a part of its mapping"
    return None


def _annotated(definition: ast.ClassDef) -> list[str]:
    return [ast.dump(it) for it in definition.body if isinstance(it, ast.AnnAssign)]


def _is_mapped(value: Any) -> bool:
    """Tell whether a value is one of SQLAlchemy's: a column, what it has put in its place."""
    return any(str(cls.__module__).partition(".")[0] == _PACKAGE for cls in type(value).__mro__)


def _is_method(value: Any) -> bool:
    return value is None or is_one_of(type(value), (FunctionType, staticmethod, classmethod))
