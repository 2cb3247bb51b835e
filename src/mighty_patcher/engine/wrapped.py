"""What wrappers hold: functions below decorators and in descriptors, and the cells of functions."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from functools import cached_property, partial
from types import CellType, FunctionType
from typing import Any

from mighty_patcher.engine import settling
from mighty_patcher.engine.classes import content_of, stored, stores_all_in_dict
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of

__all__ = [
    "DESCRIPTORS",
    "annotate_of",
    "annotations_of",
    "class_cells",
    "functions_within",
    "holders_within",
    "is_full",
    "is_own_wrapper",
    "is_wrapped_by",
    "shared_cells",
]

DESCRIPTORS: IdentityDict[type, tuple[str, ...]] = IdentityDict(
    [
        (staticmethod, ("__func__",)),
        (classmethod, ("__func__",)),
        (property, ("fget", "fset", "fdel")),
        (cached_property, ("func",)),
        (partial, ("func",)),
    ]
)
"""Types whose objects hold functions, and the names of the attributes that do."""

_TRAVERSED = IdentitySet([tuple, list, dict, CellType, FunctionType, *DESCRIPTORS])


def is_own_wrapper(value: Any) -> bool:
    """Tell whether an object was made by decorators, and is nobody else's."""
    kind = type(value)
    return (
        is_one_of(kind, (FunctionType, settling.Cache))
        or kind in DESCRIPTORS
        or stores_all_in_dict(kind)
    )


def holders_within(wrapper: Any, value: Any, depth: int = 4) -> Iterator[Any]:
    """Find what of a wrapper refers to what it wraps."""
    layer, seen = [wrapper], {id(wrapper)}
    for _ in range(depth):
        below: list[Any] = []
        for holder in layer:
            inner = gc.get_referents(holder)
            if any(it is value for it in inner):
                yield holder
            for it in inner:
                if id(it) not in seen and type(it) in _TRAVERSED and it is not value:
                    seen.add(id(it))
                    below.append(it)
        layer = [it for it in below if not (type(it) is dict and "__builtins__" in it)]


def is_wrapped_by(value: Any, old: Any) -> bool:
    """Tell whether a name has now what decorators have made of the object that it had: that holds
    it, and everybody else has been given the new one.
    """
    return is_own_wrapper(value) and any(True for _ in holders_within(value, old))


def shared_cells(old: FunctionType, new: FunctionType) -> Iterator[tuple[CellType, CellType]]:
    """The cells of two functions for variables of one name, where both are assigned."""
    held = dict(zip(old.__code__.co_freevars, old.__closure__ or (), strict=True))
    for name, cell in zip(new.__code__.co_freevars, new.__closure__ or (), strict=True):
        mine = held.get(name)
        if mine is not None and is_full(mine) and is_full(cell):
            yield mine, cell


def annotations_of(function: FunctionType) -> dict[str, Any] | None:
    """The annotations of a function where they are evaluated already: from 3.14 on they are not."""
    if sys.version_info >= (3, 14):
        return None
    return function.__annotations__


def annotate_of(function: FunctionType) -> FunctionType | None:
    """What evaluates the annotations of a function, from 3.14 on (PEP 649)."""
    annotate = getattr(function, "__annotate__", None)
    return annotate if type(annotate) is FunctionType else None


def is_full(cell: CellType) -> bool:
    """Tell whether the variable of a cell is assigned."""
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def functions_within(value: Any) -> Iterator[FunctionType]:
    """The functions that a wrapper holds: in its cells, in ``__wrapped__``, in a descriptor."""
    for name in DESCRIPTORS.get(type(value), ()):
        inner = object.__getattribute__(value, name)
        if type(inner) is FunctionType:
            yield inner
    if type(value) is FunctionType:
        for cell in value.__closure__ or ():
            if is_full(cell) and type(cell.cell_contents) is FunctionType:
                yield cell.cell_contents
    wrapped = stored(value, "__wrapped__")  # to ask a proxy may raise
    if type(wrapped) is FunctionType:
        yield wrapped


def class_cells(cls: type) -> Iterator[tuple[str, CellType]]:
    """The cells through which the methods of a class find it (``super()``) and its dictionary, each
    with the name of its variable.
    """
    for value in content_of(cls).values():
        functions = [it for it in [value, *functions_within(value)] if type(it) is FunctionType]
        for function in functions + [it for it in map(annotate_of, functions) if it is not None]:
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            ):
                if name not in ("__class__", "__classdict__") or not is_full(cell):
                    continue
                if name == "__classdict__" or cell.cell_contents is cls:
                    yield name, cell
