"""Enumerations: a member is the same object after a reload, whatever became of its value.

A member whose value is stored in the object itself (of an ``IntEnum``, a ``StrEnum``) cannot change
it; then the new member takes its place, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Flag
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.classes import ClassEdit, class_dict, mro_of, qualname_of
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.instances import attributes_set, instances_of
from mighty_patcher.engine.report import Stale

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["merge"]

_COMPARABLE = (int, str, float, bytes)
_COMPUTED = ("_inverted_",)


def merge(keeper: Keeper, edit: ClassEdit, donor: type) -> None:
    """Let the members of an enumeration take over what the members of its donor are.

    Args:
        keeper: Who pairs the members.
        edit: The edit of the enumeration that is kept.
        donor: The enumeration that was built from the new definition.
    """
    old = edit.target
    mine: dict[str, Any] = class_dict(old).get("_member_map_", {})  # it may become one only now
    theirs: dict[str, Any] = class_dict(donor)["_member_map_"]
    paired: set[int] = set()
    own = {*_COMPUTED, *attributes_set(keeper.definitions[0].get(qualname_of(old)))}
    for name, member in theirs.items():
        before = mine.get(name)
        if id(member) in paired or id(before) in keeper.targets:
            continue  # an alias
        if before is not None and _is_stored_alike(before, member, old):
            paired.add(id(member))
            keeper.pair(before, member)
            keeper.replaced.append((member, before))
            keeper.add_dict(_attributes(before), _attributes_after(before, member, own))
        else:
            keeper.give_class(member, old)
            if before is not None:
                keeper.stale.append(_is_another(old, name))
    _keep_order(keeper, edit, donor)
    if not mine:
        keeper.stale += _no_members(old)
    elif is_one_of(Flag, mro_of(old)):
        _keep_combinations(edit, mine)


def _keep_order(keeper: Keeper, edit: ClassEdit, donor: type) -> None:
    """Let the list of names stay the same list.

    ``list(Colour)`` that is under way, in another thread or a generator, goes through this list and
    asks the class for each name (``EnumType.__iter__``): where a member went, a list from before
    would have names that the class does not know.
    """
    mine = class_dict(edit.target).get("_member_names_")
    theirs = class_dict(donor)["_member_names_"]
    if type(mine) is type(theirs) is list:
        keeper.add_order(mine, theirs)
        edit.content["_member_names_"] = mine


def _is_stored_alike(old: Any, new: Any, cls: type) -> bool:
    """Tell whether two members differ in nothing but their attributes."""
    data: Any = class_dict(cls).get("_member_type_", object)
    if data is object:
        return True
    return is_one_of(data, _COMPARABLE) and bool(data.__eq__(old, new))


def _attributes(member: Any) -> dict[str, Any]:
    found: dict[str, Any] = object.__getattribute__(member, "__dict__")
    return found


def _attributes_after(old: Any, new: Any, own: set[str]) -> dict[str, Any]:
    """What the new one has, and what the program has given the old one since."""
    mine = {name: value for name, value in _attributes(old).items() if name not in own}
    return mine | _attributes(new)


def _keep_combinations(edit: ClassEdit, named: dict[str, Any]) -> None:
    """Flags that were combined by the program are compared by identity, and so they stay."""
    members = {id(member) for member in named.values()}
    known: dict[Any, Any] = edit.content["_value2member_map_"]
    mask = edit.content.get("_flag_mask_", 0)
    for value, member in class_dict(edit.target)["_value2member_map_"].copy().items():
        if id(member) not in members and type(value) is int and not value & ~mask:
            known.setdefault(value, member)


def _no_members(cls: type) -> Iterator[Stale]:
    """Name what was made of a class before it became an enumeration."""
    count = len(instances_of(IdentitySet([cls])))
    if count:
        yield Stale(
            f"{count} living instance{'s' if count > 1 else ''} of {qualname_of(cls)}",
            "made before it became an enumeration, and so no member of it",
            "take members from the class instead",
        )


def _is_another(cls: type, name: str) -> Stale:
    return Stale(
        f"{qualname_of(cls)}.{name} as it was",
        "its value changed and is part of an object that cannot change, so that the member was "
        "replaced",
        "what holds the old member keeps the old value; take it from the class again",
    )
