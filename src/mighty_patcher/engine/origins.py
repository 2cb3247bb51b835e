"""Which of several statements that bind a name has made what it holds."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from types import FunctionType

from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import DEFINITION

__all__ = ["is_made_by"]


def is_made_by(
    value: object, module: str, definition: ast.stmt, others: Iterable[ast.stmt]
) -> bool:
    """Tell whether a definition has made what its name holds, though others may bind that: the
    import of a faster one that failed, or a branch that was not taken.

    Args:
        value: What the name holds.
        module: The name of the module.
        definition: The statement of a class or function.
        others: The others. Where one of them defines such an object, too, it is not told apart.
    """
    if isinstance(definition, ast.ClassDef) and is_class(value):
        kinds: tuple[type[ast.stmt], ...] = (ast.ClassDef,)
        origin = class_dict(value).get("__module__"), qualname_of(value)
    elif isinstance(definition, DEFINITION) and type(value) is FunctionType:
        kinds = DEFINITION
        origin = value.__module__, value.__qualname__
    else:
        return False
    return origin == (module, definition.name) and not any(
        isinstance(it, kinds) and getattr(it, "name", "") == definition.name
        for it in executed(others)
    )
