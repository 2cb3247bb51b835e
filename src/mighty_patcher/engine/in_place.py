"""What statements change in place, to be put back if the reload is taken back: attributes that they
set (``Cart.limit = LIMIT``), and what they put into dictionaries, lists and sets by a name.

Which objects that are is read from the text. They are looked up before the statement is executed,
and nothing is asked that might run code of the program. What another object does when it is told
something (``app.register(x)``) nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import attributes_of, class_dict, is_class, mro_of
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.refilled import Refilled, differs
from mighty_patcher.engine.settling import Remember

__all__ = ["ChangedInPlace", "SetAttributes"]

_UNKNOWN: Any = object()
_CONTAINERS = (dict, list, set)
_OF_FUNCTIONS = frozenset({
    *("__doc__", "__name__", "__qualname__", "__module__"),
    *("__defaults__", "__kwdefaults__", "__annotations__"),
})  # fmt: skip


@dataclass
class SetAttributes:
    """Attributes that a statement has set.

    Attributes:
        entries: Whose they are, their names, what they were set to, and what they were before.
    """

    entries: list[tuple[Any, str, Any, Any]] = field(default_factory=list)

    def undo(self) -> None:
        """Give them back what they were, but for those that somebody has set since."""
        for owner, name, given, had in reversed(self.entries):
            if _stored(owner, name) is given:
                _store(owner, name, had)
        self.entries.clear()


class ChangedInPlace:
    """What a statement that is about to be executed may change in place.

    Args:
        mutated: Names and attributes, as of `Facts.mutated`.
        namespace: The names of the module.
        start: The names as the reload has found them: what it has made itself is not put back.
    """

    def __init__(
        self,
        mutated: Collection[tuple[str, str]],
        namespace: Mapping[str, Any],
        start: Mapping[str, Any],
    ) -> None:
        self._attributes: list[tuple[Any, str, Any]] = []
        self._contents: list[tuple[Any, Any]] = []
        for path, attribute in sorted(mutated):
            name, *more = path.split(".")
            value = namespace.get(name, ABSENT)
            if value is not start.get(name, ABSENT):
                continue
            for it in more:
                value = _looked_up(value, it)
            if attribute and value is not ABSENT:
                if (before := _stored(value, attribute)) is not _UNKNOWN:
                    self._attributes.append((value, attribute, before))
                value = _looked_up(value, attribute)
            if is_one_of(type(value), _CONTAINERS):
                self._contents.append((value, value.copy()))

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        copies = [it for _, it in self._contents]
        return [self._attributes, *self._attributes, self._contents, *self._contents, *copies]

    def remember(self, remember: Remember) -> None:
        """Remember what the statement has changed, also where it has raised."""
        now = ((owner, name, _stored(owner, name), had) for owner, name, had in self._attributes)
        entries = [it for it in now if it[2] is not it[3] and it[2] is not _UNKNOWN]
        if entries:
            remember(SetAttributes(entries))
        contents = [(it, it.copy(), had) for it, had in self._contents if differs(it, had)]
        if contents:
            remember(Refilled(contents))


def _looked_up(owner: Any, name: str) -> Any:
    """Return an attribute of an object as it is held, be it by a base; `ABSENT` where it is not."""
    if is_class(owner):
        return next(_all_of(owner, name), ABSENT)
    value = _stored(owner, name)
    if value is ABSENT or value is _UNKNOWN:
        value = next(_all_of(type(owner), name), ABSENT)
        return ABSENT if hasattr(type(value), "__get__") else value
    return value


def _stored(owner: Any, name: str) -> Any:
    """Return what an object itself has as an attribute, `ABSENT` where it has none of the name, and
    `_UNKNOWN` where that is not plain.
    """
    if is_class(owner):
        is_plain = not any(name in class_dict(it) for it in mro_of(type(owner)))
        return class_dict(owner).get(name, ABSENT) if is_plain else _UNKNOWN
    if type(owner) is FunctionType and name in _OF_FUNCTIONS:
        return getattr(owner, name)
    descriptor = _descriptor_of(type(owner), name)
    if type(descriptor) is MemberDescriptorType:
        try:
            return descriptor.__get__(owner)
        except AttributeError:
            return ABSENT
    attributes = _attributes_of(owner)
    is_plain = attributes is not None and descriptor is None
    return attributes.get(name, ABSENT) if is_plain else _UNKNOWN


def _store(owner: Any, name: str, value: Any) -> None:
    """Let an object have an attribute, of which `_stored` knows; or not any more."""
    descriptor = None if is_class(owner) else _descriptor_of(type(owner), name)
    if is_class(owner):
        if value is ABSENT:
            type.__delattr__(owner, name)
        else:
            type.__setattr__(owner, name, value)
    elif type(owner) is FunctionType and name in _OF_FUNCTIONS:
        setattr(owner, name, value)
    elif type(descriptor) is MemberDescriptorType:
        if value is ABSENT:
            descriptor.__delete__(owner)
        else:
            descriptor.__set__(owner, value)
    elif value is ABSENT:
        _attributes_of(owner).pop(name, None)
    else:
        _attributes_of(owner)[name] = value


def _attributes_of(owner: Any) -> Any:
    """Return the dictionary of an object, None where it has no plain one."""
    found = namespace_of(owner) if issubclass(type(owner), ModuleType) else attributes_of(owner)
    return found if type(found) is dict else None


def _descriptor_of(cls: type, name: str) -> Any:
    """Return what a class has under a name that decides on what instances have under it."""
    for value in _all_of(cls, name):
        if hasattr(type(value), "__set__") or hasattr(type(value), "__delete__"):
            return value
    return None


def _all_of(cls: type, name: str) -> Iterator[Any]:
    """Yield what a class and its bases have under a name."""
    return (class_dict(it)[name] for it in mro_of(cls) if name in class_dict(it))
