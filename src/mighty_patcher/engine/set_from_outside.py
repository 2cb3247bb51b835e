"""Methods that the program has put others in the place of: ``Cart.total = timed(Cart.total)``, done
by a function somewhere. The text of the class does not say so, and when the method is executed
again the class would lose what was put there.

It stays, and what it was made of is the method that there is now. Where a statement at the top of a
module does it, that is executed again, and nothing stays.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, TypeGuard

from mighty_patcher.engine.class_bodies import names_in_class
from mighty_patcher.engine.classes import class_dict, has_hook, is_abc, qualname_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import DEFINITION
from mighty_patcher.engine.wrapped import functions_within

__all__ = ["IsSetByStatement", "is_set_at_top", "method_behind", "stands_in_for", "stays_as_set"]

IsSetByStatement = Callable[[str], bool]
"""Tells whether a statement at the top of some module sets an attribute of this name."""


def stands_in_for(
    cls: type, definitions: Iterable[ast.ClassDef | None], name: str, mine: Any, made: Any
) -> bool:
    """Tell whether the program has put something in the place of a method.

    Args:
        cls: The class.
        definitions: Its statement before and now, where they are known.
        name: The name of the method.
        mine: What the class has by that name.
        made: What its statement makes of it.
    """
    return (
        type(made) is FunctionType
        and made.__code__.co_qualname == f"{qualname_of(cls)}.{name}"
        and not _is_of(mine, made)
        and callable(mine)
        and all(it is not None and _is_plain_method(it, name) for it in definitions)
        and (type(cls) is type or is_abc(type(cls)))
        and not has_hook(cls)
    )


def method_behind(cls: type, wrapper: Any, made: FunctionType) -> FunctionType | None:
    """Return the method from before that a wrapper leads to, or that the class has by another name.

    Args:
        cls: The class.
        wrapper: What it has in the place of the method.
        made: What its statement makes of it now.
    """
    layer: list[object] = [wrapper, *class_dict(cls).copy().values()]
    seen = set[int]()
    while layer:
        for value in layer:
            if _is_of(value, made):
                return value
        seen.update(map(id, layer))
        layer = [it for outer in layer for it in functions_within(outer) if id(it) not in seen]
    return None


def _is_of(value: object, made: FunctionType) -> TypeGuard[FunctionType]:
    """Tell whether something is a function of the same definition."""
    return type(value) is FunctionType and value.__code__.co_qualname == made.__code__.co_qualname


def _is_plain_method(definition: ast.ClassDef, name: str) -> bool:
    """Tell whether one statement of a class that nothing decorates defines a method, and nothing
    else binds its name.
    """
    if definition.decorator_list:
        return False
    found = [
        it
        for it in definition.body
        if name in names_in_class(ast.ClassDef(definition.name, [], [], [it], []))
    ]
    return len(found) == 1 and isinstance(found[0], DEFINITION) and not found[0].decorator_list


def is_set_at_top(tree: ast.Module, name: str) -> bool:
    """Tell whether a statement at the top of a module sets an attribute of this name."""
    return any(
        isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store | ast.Del)
        and node.attr == name
        for statement in executed(tree.body)
        if not isinstance(statement, (*DEFINITION, ast.ClassDef))
        for node in ast.walk(statement)
    )


def stays_as_set(cls: type, name: str) -> Stale:
    """Say that a class keeps what the program has put in the place of a method."""
    return Stale(
        f"{qualname_of(cls)}.{name}",
        "the program has put something else in its place, which does not lead to it, and stays",
        "set it again, or restart",
    )
