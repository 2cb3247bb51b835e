"""What a run made and holds donors: there go the objects that are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import FunctionType
from typing import Any

from mighty_patcher.engine.wrapped import DESCRIPTORS, is_full

__all__ = ["replace_within"]


def replace_within(
    value: Any, kept_for: Callable[[Any], Any], meet: Callable[[Any], None], depth: int = 4
) -> None:
    """Put kept objects in the place of donors, in containers and in what decorators made.

    Args:
        value: What may hold donors.
        kept_for: Returns what is kept for a donor, or else the object itself.
        meet: Called with what is neither a container nor a function.
        depth: How far containers in containers are looked into.
    """
    if type(value) is dict and depth:
        for key, item in list(value.items()):
            replace_within(item, kept_for, meet, depth - 1)
            # Written only where it must be: other threads may use what the run did not make.
            if kept_for(key) is not key:
                del value[key]
                value[kept_for(key)] = kept_for(item)
            elif kept_for(item) is not item:
                value[key] = kept_for(item)
    elif type(value) is list and depth:
        for index, item in enumerate(value):
            replace_within(item, kept_for, meet, depth - 1)
            if kept_for(item) is not item:
                value[index] = kept_for(item)
    elif type(value) is tuple and depth:
        for item in value:
            replace_within(item, kept_for, meet, depth - 1)
    elif type(value) is set:
        for item in [item for item in value if kept_for(item) is not item]:
            value.remove(item)
            value.add(kept_for(item))
    elif type(value) is partial and kept_for(value.func) is not value.func:
        value.__setstate__(  # type: ignore[attr-defined]  # as pickle does
            (kept_for(value.func), value.args, value.keywords, vars(value))
        )
    elif type(value) is FunctionType or type(value) in DESCRIPTORS:
        _replace_in_wrapper(value, kept_for, depth)
    else:
        meet(value)


def _replace_in_wrapper(value: Any, kept_for: Callable[[Any], Any], depth: int) -> None:
    """A decorator may have been given a function of the same class: ``@synonym_of(other)``."""
    for name in DESCRIPTORS.get(type(value), ()):
        inner = object.__getattribute__(value, name)
        if type(inner) is FunctionType and depth:
            _replace_in_wrapper(inner, kept_for, depth - 1)
    if type(value) is not FunctionType or value.__closure__ is None:
        return
    for cell in filter(is_full, value.__closure__):
        content = cell.cell_contents
        if kept_for(content) is not content:
            cell.cell_contents = kept_for(content)
        elif type(content) is FunctionType and depth:
            _replace_in_wrapper(content, kept_for, depth - 1)
    for name, content in list(value.__dict__.items()):
        if kept_for(content) is not content:
            value.__dict__[name] = kept_for(content)
