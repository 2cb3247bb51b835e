"""Enumerations: a member is the same object after a reload, whatever became of its value.

A member whose value is stored in the object itself (of an ``IntEnum``, a ``StrEnum``) cannot change
it; then the new member takes its place, and the report says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import EnumType, Flag
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.classes import ClassEdit, class_dict, mro_of, qualname_of
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.instances import attributes_set, instances_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.values import same_value

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["Members", "members_of", "merge", "paths_of_others"]

Members = dict[str, tuple[Any, dict[str, Any]]]
"""What there is under each name of an enumeration, and the attributes of that, in order."""

_COMPARABLE = (int, str, float, bytes)
_COMPUTED = ("_inverted_",)
_OF_PLACE = ("__objclass__", "_inverted_", "_name_", "_sort_order_")
"""Attributes of members that tell nothing but which one it is."""


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


def members_of(cls: type) -> Members:
    """Note the members of a class; it has none if it is no enumeration."""
    named = class_dict(cls).get("_member_map_")
    if type(named) is not dict or not issubclass(type(cls), EnumType):
        return {}
    return {name: (member, _attributes(member).copy()) for name, member in named.items()}


def paths_of_others(before: Members, cls: type) -> set[str]:
    """Find out what is read otherwise of an enumeration than before.

    Args:
        before: Its members as they were.
        cls: The enumeration.

    Returns:
        The names of members that are gone, new or another object; what can be read of those that
        have other attributes (``RED.value``); and if any of that is so, or they have another order,
        ``__members__`` and an empty name, for who goes through them all.
    """
    now, found = members_of(cls), set[str]()
    for name in {**before, **now}:
        was, is_now = before.get(name), now.get(name)
        if was is None or is_now is None or was[0] is not is_now[0]:
            found.add(name)
        elif any(
            not same_value(was[1].get(it, was), is_now[1].get(it, now))
            for it in (was[1].keys() | is_now[1].keys()).difference(_OF_PLACE)
        ):
            found.update(f"{name}.{it}" for it in ("value", *was[1], *is_now[1], *_asked(cls)))
    if found or [*before] != [*now]:
        found |= {"", "__members__"}
    return found


def _asked(cls: type) -> Iterator[str]:
    """Yield what members are asked for by name: methods and properties."""
    for base in mro_of(cls):
        if class_dict(base).get("__module__") != "enum":
            yield from (it for it in class_dict(base) if not it.startswith("_"))
