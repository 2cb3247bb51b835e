"""Docstrings that others have copied from a function when it was decorated: a property has that of
its getter, a wrapper that of what it wraps, an object that of a function that it has.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import (
    content_of,
    is_class,
    is_defined_in,
    stored,
    stored_attributes,
)
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.module_facts import name_of_module, namespace_of
from mighty_patcher.engine.values import same_value

__all__ = ["Copies", "copies"]

_getter_of = vars(property)["fget"].__get__
_GETTER = IdentityDict([(property, "fget"), (functools.cached_property, "func")])


@dataclass
class Copies:
    """Copies of docstrings, which are brought up to date and taken back.

    Attributes:
        entries: Who has a copy, the old docstring, and the new one.
    """

    entries: list[tuple[Any, str | None, str | None]]

    def apply(self) -> None:
        """Let all have the new docstring."""
        for owner, _, new in self.entries:
            _set_doc(owner, new)

    def undo(self) -> None:
        """Let all have the old docstring."""
        for owner, old, _ in self.entries:
            _set_doc(owner, old)


def _set_doc(owner: Any, doc: str | None) -> None:
    if _keeps_its_own(owner):
        stored_attributes(owner)["__doc__"] = doc  # its class may do more when it is set
    else:
        owner.__doc__ = doc


def _keeps_its_own(owner: Any) -> bool:
    """Tell whether something was given a docstring as an attribute like any other."""
    return not (type(owner) is FunctionType or type(owner) in _GETTER)


def copies(
    module: ModuleType, docs: Mapping[FunctionType, str | None]
) -> Iterator[tuple[Any, str | None, str | None]]:
    """Find who has copied the docstrings of some functions.

    Args:
        module: Only what the module and its classes hold is looked at.
        docs: The functions, whose docstrings change, and the new ones.

    Yields:
        Who has a copy, the old docstring, and the new one.
    """
    name, namespace = name_of_module(module), namespace_of(module)
    waiting = list(namespace.values())
    seen: set[int] = set()
    while waiting if docs else ():
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if is_class(value):
            if is_defined_in(value, name, namespace):
                waiting += content_of(value).values()
            continue
        if is_one_of(type(value), (staticmethod, classmethod)):
            waiting.append(value.__func__)
        if type(value) in _GETTER:
            original = getattr(value, _GETTER[type(value)])
        elif type(value) is FunctionType:
            wrapped = list(_wrapped_in(value))
            waiting += wrapped  # who wraps a wrapper has its docstring from that
            original = next((it for it in wrapped if it in docs), None)
        elif type(stored(value, "__doc__")) is str and type(value) is not ModuleType:
            yield from _copied_by(value, docs)
            continue
        else:
            continue
        is_ours = type(original) is FunctionType and original in docs
        if is_ours and same_value(value.__doc__, original.__doc__):
            yield value, original.__doc__, docs[original]


def _wrapped_in(function: FunctionType) -> Iterator[FunctionType]:
    """Yield what a function says that it wraps, and what that wraps, the nearest first."""
    seen, it = {id(function)}, stored(function, "__wrapped__")
    while type(it) is FunctionType and id(it) not in seen:
        yield it
        seen.add(id(it))
        it = stored(it, "__wrapped__")


def _copied_by(
    value: Any, docs: Mapping[FunctionType, str | None]
) -> Iterator[tuple[Any, str | None, str | None]]:
    """Find of which of its attributes an object has copied the docstring: a descriptor or a
    decorator that is written in Python.
    """
    attributes = stored_attributes(value)
    getter = _getter_of(value) if issubclass(type(value), property) else None
    for original in [*list(attributes.values()), getter]:
        is_ours = type(original) is FunctionType and original in docs
        if is_ours and same_value(attributes["__doc__"], original.__doc__):
            yield value, original.__doc__, docs[original]
            return
