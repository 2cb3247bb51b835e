"""What the instances of a class store, and which of its attributes lead there.

Instances keep what they have a place for. So a class whose text takes their ``__dict__`` or
``__weakref__`` away goes on with both, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.classes import (
    SIDE_SLOT,
    Plain,
    bases_of,
    class_dict,
    is_shield,
    mro_of,
    mro_of_shape,
    qualname_of,
)
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.report import Step

__all__ = [
    "is_storage",
    "own_storage",
    "slot_for",
    "slot_names",
    "stays_in_instances",
    "storage_lost",
]

_OFFSETS = (("__dict__", "__dictoffset__"), ("__weakref__", "__weakrefoffset__"))


def own_storage(cls: type, shape: type | None) -> dict[str, Any]:
    """Return the ``__dict__`` and ``__weakref__`` descriptors that a class needs itself.

    They belong to the first class along the layout whose instances have such a thing.

    Args:
        cls: The class.
        shape: A class with the layout that it gets; None if bases and layout stay.
    """
    storage: dict[str, Any] = {}
    for name, offset in _OFFSETS:
        mine = class_dict(cls).get(name)
        has_own = type(mine) is GetSetDescriptorType
        if shape is None:
            if has_own:
                storage[name] = mine
            continue
        is_lost = _offset(cls, offset) and not _offset(shape, offset)
        if not is_lost and (not _offset(shape, offset) or _offset(_layout_base(shape), offset)):
            continue
        owner = Plain if is_lost else shape
        theirs = class_dict(owner)[name]
        if has_own:
            storage[name] = mine
        else:
            # 3.15 has one for all classes (gh-135228).
            is_shared = getattr(theirs, "__objclass__", None) is not owner
            storage[name] = theirs if is_shared else _core.own_getset(cls, theirs)
    return storage


def _offset(cls: type, name: str) -> int:
    return int(vars(type)[name].__get__(cls))


def _layout_base(shape: type) -> type:
    """The base whose layout a class extends, but for the shield."""
    base: type = vars(type)["__base__"].__get__(shape)
    if not is_shield(base):
        return base
    bases = bases_of(shape)[1:]
    return bases[0] if bases else object


def slot_for(cls: type, name: str) -> Any:
    """Make a descriptor for a slot: of its old place if the class once had it, or else for values
    in the ``__dict__`` of the instances, or outside of them where they have none.
    """
    own = _core.own_slot(cls, name)
    return own if own is not None else _core.side_slot(cls, name, in_dict=True)


def is_storage(value: Any, old: type, shape: type | None) -> bool:
    """Tell whether a class attribute gives access to what an instance stores.

    Args:
        value: The attribute.
        old: The class that is to have it.
        shape: The class that has it.
    """
    return (
        type(value) is GetSetDescriptorType and value.__name__ in ("__dict__", "__weakref__")
    ) or (
        is_one_of(type(value), (MemberDescriptorType, SIDE_SLOT))
        and (value.__objclass__ is shape or value.__objclass__ is old)
    )


def slot_names(slots: Any) -> Any:
    """Return the names in ``__slots__``, or what it is where that cannot be told apart."""
    if isinstance(slots, str):
        return {slots}
    if isinstance(slots, (tuple, list, set, frozenset, dict)):
        return set(slots)
    return slots


def storage_lost(cls: type, content: Mapping[str, Any], shape: type | None) -> list[str]:
    """Return which of ``__dict__`` and ``__weakref__`` the instances of a class go on having,
    though nothing in the text of the class and its bases gives them any, as it did before.

    Args:
        cls: The class as it is.
        content: What it is to hold.
        shape: A class with the layout that it gets; None if bases and layout stay.
    """
    bases = mro_of(cls)[1:]
    new_bases = bases if shape is None else mro_of_shape(shape)
    return [
        name
        for name, offset in _OFFSETS
        if (_gives(cls, class_dict(cls), name, offset) or _is_given(bases, name, offset))
        and not (_gives(cls, content, name, offset) or _is_given(new_bases, name, offset))
    ]


def stays_in_instances(module: str, lost: Iterable[tuple[type, str]]) -> Iterator[Step]:
    """Say what the instances of classes go on having.

    Args:
        module: The name of the module that defines the classes.
        lost: Each class, with the name of what its source gives its instances no more.
    """
    found = IdentityDict[type, list[str]]()
    for cls, name in lost:
        names = found.get(cls, [])
        found[cls] = [*names, name] if name not in names else names
    for cls, names in found.items():
        reason = f"instances go on having {' and '.join(names)} until restart"
        yield Step("kept", module, qualname_of(cls), 0, f"{reason}, as their layout cannot change")


def _is_given(classes: Iterable[type], name: str, offset: str) -> bool:
    return any(_gives(cls, class_dict(cls), name, offset) for cls in classes)


def _gives(cls: type, content: Mapping[str, Any], name: str, offset: str) -> bool:
    """Tell whether the text of a class gives such a thing to its instances: it says nothing of
    slots, or names it there. What is written in C has it, or has not.
    """
    if not _offset(cls, offset):
        return False
    if "__slots__" not in content:
        return True
    names = slot_names(content["__slots__"])
    return isinstance(names, set) and name in names
