"""How a class is made, followed without being executed: its metaclass prepares a namespace, makes
the class of it, and initialises that.
"""

from __future__ import annotations

from types import FunctionType
from typing import Any

from mighty_patcher.engine.classes import class_dict, mro_of
from mighty_patcher.engine.followed import Following
from mighty_patcher.engine.handling import looked_up
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.stand_ins import (
    ANY,
    CLASS,
    NAMESPACE,
    OTHER_NAME,
    Box,
    Content,
    HandledError,
    Row,
    Text,
    known,
    one,
)

__all__ = ["make"]

_MOST_ROUNDS = 6
_module_of = vars(type)["__module__"].__get__
_OF_METACLASSES = ("builtins", "abc", "typing", "typing_extensions")


def make(f: Following) -> None:
    """Follow the code that makes a class, and its bases' hooks that have to be followed.

    Args:
        f: Follows it for one value in the class.

    Raises:
        HandledError: Something may be done to the value.
    """
    size = -1
    for _ in range(_MOST_ROUNDS):
        if size == f.heap.size:
            return
        size = f.heap.size  # what is put into a box later may be there before, in a loop
        _make(f)
    raise HandledError


def _make(f: Following) -> None:
    metaclass = type(f.cls)
    bases = one(Row(tuple(known(it) for it in f.cls.__bases__)))
    given = [one(Text()), bases, one(NAMESPACE)]
    prepare, new, init, setting = (
        _own(metaclass, name) for name in ("__prepare__", "__new__", "__init__", "__setattr__")
    )
    unnamed = {"**": ANY}
    if prepare is not None:
        made = f.call(prepare, [known(metaclass), *given[:2]], unnamed)
        if not made or not all(type(it) is Box and it.has_keys for it in made):
            raise HandledError
        for it in made:
            f.keep_out(_values(f, it))
    if new is not None and f.call(new, [known(metaclass), *given], unnamed) != one(CLASS):
        raise HandledError
    if init is not None:
        f.call(init, [one(CLASS), *given], unnamed)
    if setting is not None:
        f.call(setting, [one(CLASS), one(OTHER_NAME), ANY], {})
    for it in _descriptors(f.cls):
        set_name, get = (_method(it, name) for name in ("__set_name__", "__get__"))
        if set_name is not None and f.has_to_be_followed(set_name):
            f.call(set_name, [ANY, one(CLASS), one(OTHER_NAME)], {})
        if get is not None and f.has_to_be_followed(get):
            f.call(get, [ANY, known(None), one(CLASS)], {})
    hook = next((it for it in map(_hook, mro_of(f.cls)[1:]) if it is not None), None)
    if hook is not None and f.has_to_be_followed(hook):
        f.call(hook, [one(CLASS)], unnamed)


def _values(f: Following, box: Box) -> Content:
    return frozenset(value for _, value in f.heap.entries(box))


def _own(metaclass: type, name: str) -> FunctionType | None:
    """Return the function that a metaclass has for a method; None if it is no function of its own.

    Raises:
        HandledError: It is something else.
    """
    for base in mro_of(metaclass):
        if _module_of(base) in _OF_METACLASSES:
            return None
        value: Any = class_dict(base).get(name)
        if value is None:
            continue
        if is_one_of(type(value), (staticmethod, classmethod)):
            value = value.__func__
        if type(value) is not FunctionType:
            raise HandledError
        return value
    return None


def _descriptors(cls: type) -> list[type]:
    """Return the types of what a class has that is told its name."""
    found = IdentityDict((type(it), None) for it in class_dict(cls).copy().values())
    return [it for it in found if looked_up(mro_of(it), "__set_name__") is not None]


def _method(cls: type, name: str) -> FunctionType | None:
    value = looked_up(mro_of(cls), name)
    return value if type(value) is FunctionType else None


def _hook(base: type) -> FunctionType | None:
    value = class_dict(base).get("__init_subclass__")
    function = value.__func__ if type(value) is classmethod else None
    return function if type(function) is FunctionType else None
