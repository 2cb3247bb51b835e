"""The functions that a module and its classes hold: by name, in descriptors and partials, and in
the cells of decorators' wrappers. Nothing of them is executed.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from types import CellType, FunctionType, MethodType, ModuleType
from typing import cast

from mighty_patcher.engine.classes import class_dict, content_of, is_defined_in, stored
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import namespace_of, shown_name
from mighty_patcher.engine.settling import Cache

__all__ = ["caches_in", "content_of_cell", "functions_in", "held_by_function"]

_WRAPPERS: tuple[tuple[type, tuple[str, ...]], ...] = (
    (staticmethod, ("__func__",)),
    (classmethod, ("__func__",)),
    (MethodType, ("__func__",)),
    (property, ("fget", "fset", "fdel")),
    (functools.partial, ("func",)),
    (functools.cached_property, ("func",)),
)


def functions_in(module: ModuleType, filename: str) -> dict[FunctionType, type | None]:
    """Find the functions that a module and its classes hold, with the class that owns each.

    Args:
        module: The module; only what its namespace and its classes' namespaces hold is read.
        filename: Only functions compiled from this file are returned.
    """
    found: dict[FunctionType, type | None] = {}
    seen: set[int] = set()
    name, namespace = shown_name(module), namespace_of(module)
    waiting: list[tuple[object, type | None]]
    waiting = [(value, None) for value in list(namespace.values())]
    while waiting:
        value, owner = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        # By its type alone: to ask isinstance of a proxy can run its code, and raise.
        if type(value) is FunctionType:
            if value.__code__.co_filename == filename:
                found[value] = owner
            waiting += [(inner, owner) for inner in held_by_function(value)]
        elif issubclass(type(value), type):
            if is_defined_in(cast(type, value), name, namespace):
                owner = cast(type, value)
            waiting += [(inner, owner) for inner in list(class_dict(value).values())]
        else:
            waiting += [(inner, owner) for inner in _wrapped(value)]
    return found


def caches_in(module: ModuleType, edited: Collection[int]) -> Iterator[Cache]:
    """Find the ``lru_cache`` wrappers around some functions that a module and its own classes hold,
    whatever decorators there are above them or between.

    Args:
        module: The module.
        edited: The addresses of the functions.
    """
    name, namespace = shown_name(module), namespace_of(module)
    waiting: list[object] = list(namespace.values()) if edited else []
    seen: set[int] = set()  # classes may be attributes of each other
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if type(value) is Cache and _leads_to(value, edited):
            yield value
        if issubclass(type(value), type):
            if is_defined_in(cast(type, value), name, namespace):
                waiting.extend(content_of(cast(type, value)).values())
        else:
            waiting.extend(_below(value))


def _leads_to(cache: Cache, edited: Collection[int]) -> bool:
    """Tell whether what a cache wraps is one of some functions, or wraps one."""
    waiting: list[object] = [cache]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in edited:
            return True
        if id(value) not in seen:
            seen.add(id(value))
            waiting.extend(_below(value))
    return False


def _below(value: object) -> Iterator[object]:
    """What a wrapper has in its cells, in a descriptor, or says that it wraps, if that may lead to
    a function.
    """
    if type(value) is FunctionType:
        found = [content_of_cell(cell) for cell in value.__closure__ or ()]
        yield from (it for it in found if is_one_of(type(it), (FunctionType, Cache)))
    if is_one_of(type(value), (FunctionType, Cache)):
        yield stored(value, "__wrapped__")
    yield from _wrapped(value)


def held_by_function(function: FunctionType) -> Iterator[FunctionType]:
    """What a decorator's wrapper usually hides: a function in a cell; and 3.14's annotations."""
    for cell in function.__closure__ or ():
        content = content_of_cell(cell)
        if type(content) is FunctionType:
            yield content
    annotate = getattr(function, "__annotate__", None)
    if isinstance(annotate, FunctionType):
        yield annotate


def content_of_cell(cell: CellType) -> object:
    """Return what a cell holds; None where nothing has been assigned yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _wrapped(value: object) -> Iterator[object]:
    """The functions in a descriptor, a bound method or a partial."""
    for kind, names in _WRAPPERS:
        if issubclass(type(value), kind):
            return (_part(value, kind, name) for name in names)
    return iter(())


def _part(value: object, kind: type, name: str) -> object:
    """Read an attribute without running code: a subclass of the kind may override it, and raise."""
    descriptor = vars(kind).get(name)
    return descriptor.__get__(value) if descriptor else stored(value, name)
