"""Whether a decorator comes to a list or a dictionary, so that it may have put something there."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import class_dict, is_class
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.registries import is_plain_object

__all__ = ["CONTAINERS", "leads_to"]

_MOST_STEPS = 9  # a function, its variable, an object, its attributes, a manager, ...
_MOST_OBJECTS = 3_000
CONTAINERS = (dict, tuple, list, set, frozenset, staticmethod, classmethod, partial, MethodType)
"""Types of what leads to all that it refers to."""


def leads_to(decorator: Any, held: Any, but: Any = None) -> bool:
    """Tell whether a decorator comes to something by what it is made of: its object and its
    variables, what these have as attributes, and the names that its code has.

    Args:
        decorator: The decorator.
        held: What it may come to.
        but: What it is not to go through.
    """
    seen, layer = IdentitySet[Any]([decorator]), [decorator]
    for _ in range(_MOST_STEPS):
        below = IdentitySet(part for it in layer for part in _within(it) if part not in seen)
        if held in below:
            return True
        layer, seen = [it for it in below if it is not but], IdentitySet([*seen, *below])
        if not layer or len(seen) > _MOST_OBJECTS:
            break
    return False


def _within(value: Any) -> Iterator[Any]:
    if type(value) is FunctionType:
        for cell in value.__closure__ or ():
            yield from gc.get_referents(cell)
        names = {name for code in all_code(value.__code__) for name in code.co_names}
        variables: Mapping[str, Any] = value.__globals__
        yield from (variables[it] for it in names & variables.keys())
    elif is_class(value):
        yield from (it for it in class_dict(value).values() if issubclass(type(it), dict))
    elif is_one_of(type(value), CONTAINERS) or (
        is_plain_object(value) and not issubclass(type(value), ModuleType)
    ):
        yield from (it for it in gc.get_referents(value) if it is not type(value))
