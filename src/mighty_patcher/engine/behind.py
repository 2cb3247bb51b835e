"""Modules that have put another one in their place in ``sys.modules``: what their functions read,
and their statements bind, is in the namespace in which the file was executed, and no module that
can be imported has that.

Nothing is asked of the program: its functions tell where they look names up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.machinery import SOURCE_SUFFIXES, ModuleSpec
from types import FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.identity import is_one_of

__all__ = ["Behind", "all_behind", "behind"]

_read_namespace = vars(ModuleType)["__dict__"].__get__
_read_members = vars(type)["__dict__"].__get__
_SOURCE = tuple(SOURCE_SUFFIXES)
_HOLD_ONE = (staticmethod, classmethod)


class Behind(ModuleType):
    """Stands for the module that a file was executed in, where another one has taken its place.

    That one may be gone: only its namespace lives as long as its functions do. So `namespace_of`
    reads that, and this has nothing of its own.

    Attributes:
        namespace: The names that the file has bound.
        front: The module that is in ``sys.modules``.
        place: The name of both.
    """

    __slots__ = ("front", "namespace", "place")

    def __init__(self, place: str, front: ModuleType, namespace: dict[str, Any]) -> None:
        super().__init__(place)
        self.place = place
        self.front = front
        self.namespace = namespace


_known: dict[int, Behind] = {}
"""By the address of what is in their place, which they keep alive."""


def behind(module: ModuleType) -> Behind | None:
    """Return what stands for the module whose place another one has taken: always the same object,
    as long as that is there.

    Args:
        module: What is in ``sys.modules``.
    """
    own = _read_namespace(module)
    if type(module) is ModuleType and type(own.get("__spec__")) is ModuleSpec:
        return None  # as an import makes them; this is asked of all modules
    known = _known.get(id(module))
    if known is not None and known.front is module:
        return known
    if type(module) is Behind:
        return None
    namespace = _executed_in(module, own)
    if namespace is None:
        return None
    found = _known[id(module)] = Behind(namespace["__name__"], module, namespace)
    return found


def all_behind() -> list[Behind]:
    """Return all that are known and whose place is still taken."""
    for address, it in list(_known.items()):
        if sys.modules.get(it.place) is not it.front:
            _known.pop(address, None)
    return list(_known.values())


def _executed_in(module: ModuleType, own: dict[str, Any]) -> dict[str, Any] | None:
    """Return the namespace that functions of a module look names up in, if that is another one, and
    the same one for all.
    """
    name, file = own.get("__name__"), own.get("__file__")
    if not isinstance(name, str) or sys.modules.get(name) is not module:
        return None
    found: dict[int, dict[str, Any]] = {}
    for function in _functions_of(name, module, own):
        namespace = function.__globals__
        if namespace.get("__name__") == name:
            found[id(namespace)] = namespace
    if len(found) != 1 or id(own) in found:
        return None
    [namespace] = found.values()
    source = namespace.get("__file__")
    is_source = isinstance(source, str) and source.endswith(_SOURCE)
    return namespace if is_source and file in (None, source) else None


def _functions_of(name: str, module: ModuleType, own: dict[str, Any]) -> Iterator[FunctionType]:
    """Yield the functions that a module and its classes hold, and those of its own class: one that
    the file defines, so that it stands in its place.
    """
    waiting: list[Any] = [type(module), *list(own.values())]
    for value in waiting:
        if type(value) is FunctionType:
            yield value
        elif issubclass(type(value), type):
            members = _read_members(value)
            if members.get("__module__") == name:
                for it in list(members.values()):
                    inner = it.__func__ if is_one_of(type(it), _HOLD_ONE) else it
                    if type(inner) is FunctionType:
                        yield inner
