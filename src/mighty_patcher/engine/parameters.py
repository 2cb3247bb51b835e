"""Functions whose parameters changed: who has been given one may have looked at these, as
``Depends(f)`` in the parameters of a route does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.trees import DEFINITION

__all__ = [
    "GIVEN",
    "LEADS_ON",
    "PARAMETERS",
    "instances_in",
    "spelling_of",
    "with_other_parameters",
]

PARAMETERS = "()"
"""What stands for the parameters of an object among its attributes: ``("f", "()")``."""
GIVEN = "(())"
"""The same for what a statement that is not executed again for it hands on within a call:
``router = Router([Depends(f)])``.
"""
LEADS_ON = "[]"
"""What stands for the functions that a type leads to: ``Dep = Annotated[int, Depends(f)]``."""
_OF_THE_CLASS = ("__init__", "__new__")


def with_other_parameters(change: Change, path: str = "") -> Iterator[str]:
    """Find what may have other parameters when a change was executed: functions, methods, and
    classes, whose parameters are those of a method, or their fields.

    Args:
        change: The change.
        path: What stands before the names: that of a class, with its dot.

    Yields:
        Their qualified names.
    """
    old, new = change.old, change.new
    if change.kind == "remove" and path:
        new = old
    if change.kind not in ("run", "remove") or new is None:
        return
    if isinstance(new, DEFINITION):
        yield path + new.name
        if path and new.name in _OF_THE_CLASS:
            yield path[:-1]
    elif isinstance(new, ast.AnnAssign) and path:
        yield path[:-1]
    else:
        is_class = isinstance(new, ast.ClassDef)
        inner = f"{path}{new.name}." if isinstance(new, ast.ClassDef) else path
        if is_class and change.header:
            yield inner[:-1]
        for child in change.children or ():
            yield from with_other_parameters(child, inner)


def instances_in(modules: list[ModuleType], classes: list[type]) -> list[Any]:
    """Find the objects of some classes that modules have names for."""
    known = set(map(id, classes))
    names = (list(namespace_of(it).values()) for it in modules)
    return [it for values in names for it in values if id(type(it)) in known]


def spelling_of(owner: str, attribute: str) -> str:
    """Return what a text that reads an attribute has in it in any case."""
    return owner.rpartition(".")[2] if attribute in (GIVEN, LEADS_ON, PARAMETERS) else attribute
