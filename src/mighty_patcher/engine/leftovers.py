"""What is left of donors after a run: whether anybody still refers to one, and how that is said."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any, cast
from weakref import getweakrefcount, getweakrefs

from mighty_patcher import _core
from mighty_patcher.engine.classes import (
    bases_of,
    class_dict,
    content_of,
    is_class,
    mro_of,
    qualname_of,
)
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.registries import is_plain_object, parts_of
from mighty_patcher.engine.report import Stale

__all__ = ["are_held", "drop_added", "is_own", "leftovers", "lists_among", "put_into_classes"]

_HEAPTYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE, Include/object.h
_flags_of = vars(type)["__flags__"].__get__


def lists_among(holders: Iterable[Any], values: Sequence[Any]) -> list[tuple[Any, Any, int]]:
    """Return the lists and deques among what refers to some objects, each with one of these and how
    often it has that.

    Args:
        holders: All that refers to the objects.
        values: The objects; the list itself is left out.
    """
    objects = {id(it): it for it in values}
    found: list[tuple[Any, Any, int]] = []
    for holder in holders:
        if holder is not values and issubclass(type(holder), (list, deque)):
            counts = Counter(id(it) for it in _items(holder) if id(it) in objects)
            found += [(holder, objects[it], count) for it, count in counts.items()]
    return found


def drop_added(before: list[tuple[Any, Any, int]]) -> None:
    """Take a class out of the lists that had it and got it again from a decorator or hook."""
    counts: dict[int, Counter[int]] = {}
    for holder, value, had in before:
        if id(holder) not in counts:
            counts[id(holder)] = Counter(map(id, _items(holder)))
        for _ in range(counts[id(holder)][id(value)] - had):
            index = len(holder) - 1 - [it is value for it in reversed(holder)].index(True)
            del holder[index]


def _items(holder: list[Any] | deque[Any]) -> list[Any]:
    if issubclass(type(holder), list):
        return list.copy(cast(list[Any], holder))
    while True:
        try:
            return list(deque.__iter__(cast(deque[Any], holder)))
        except RuntimeError:  # another thread has changed it meanwhile
            continue


def are_held(donors: list[Any]) -> bool:
    """Tell whether anything may refer to one of these but the list and a class' own parts."""
    if _core.FREE_THREADED:
        return bool(donors)  # counts are split between threads
    known = [_own_references(it) for it in donors]
    if None in known:
        return True
    return any(count > (own or 0) for count, own in zip(_references_to(donors), known, strict=True))


def _references_to(objects: list[Any]) -> list[int]:
    """Count the references to some objects, but for that of the list."""
    objects.append(object())  # to which nothing else refers
    *counts, alone = map(sys.getrefcount, objects)
    objects.pop()
    return [count - alone for count in counts]


def _own_references(donor: Any) -> int | None:
    """Count the references that a donor has from its own parts, which go with it: a class has some
    from its MRO and from the descriptors of what its instances store; None if others may have one
    of these parts, or a weak reference.
    """
    if not is_class(donor):
        return None if getweakrefcount(donor) else 0
    parts: list[Any] = [mro_of(donor)]
    parts += [
        value
        for value in class_dict(donor).values()
        if is_one_of(type(value), (GetSetDescriptorType, MemberDescriptorType))
        and getattr(value, "__objclass__", None) is donor
    ]
    weak = getweakrefs(donor)  # one for all bases, by which they know what derives from them
    if len(weak) > 1 or any(count > 1 for count in _references_to(parts)):
        return None
    if _references_to(weak) != [len(bases_of(donor))]:
        return None
    return len(parts)


def is_own(donor: Any, holder: Any, donors: list[Any], targets: list[Any]) -> bool:
    """Tell whether a donor is held only by what it holds itself, or an attribute of it does: that
    goes with it.
    """
    if not is_class(donor):
        return False
    target = targets[[each is donor for each in donors].index(True)]
    theirs = list(content_of(target).values())
    own = [it for it in content_of(donor).values() if not is_one_of(it, theirs)]
    own += [part for it in own if is_plain_object(it) for part in parts_of(it)]
    return is_one_of(holder, own) and not is_one_of(holder, theirs)


def put_into_classes(
    left: list[tuple[Any, Any]],
    pairs: Iterable[tuple[Any, Any]],
    commit: Callable[[_core.Log], object],
) -> list[tuple[Any, Any]]:
    """Let classes that have donors as attributes or as bases have the targets, with a log: to set
    attributes from outside would leave the caches of CPython behind.

    Args:
        left: Donors that are still held, each with what holds it.
        pairs: Donors, each with its target.
        commit: Applies the log, and remembers it.

    Returns:
        Those that are held otherwise.
    """
    targets = {id(donor): target for donor, target in pairs}
    classes = (it for _, it in left if is_class(it) and id(it) not in targets)
    holders = {id(it): it for it in classes if _flags_of(it) & _HEAPTYPE}
    log = _core.Log()
    for holder in holders.values():
        content = content_of(holder)
        if any(id(value) in targets for value in content.values()):
            log.add_type(holder, {it: targets.get(id(one), one) for it, one in content.items()})
    if len(log):
        commit(log)
    for holder in holders.values():
        if any(id(base) in targets for base in bases_of(holder)):
            _derive_from(holder, targets, commit)
    return [
        (donor, holder)
        for donor, holder in left
        if id(holder) not in holders
        or is_one_of(donor, [*content_of(holder).values(), *mro_of(holder)])
    ]


def _derive_from(cls: type, targets: dict[int, Any], commit: Callable[[_core.Log], object]) -> None:
    """Let a class that another module has made derive from what is kept, if CPython does."""
    log = _core.Log()
    bases = tuple(targets.get(id(base), base) for base in bases_of(cls))
    with suppress(TypeError, ValueError):  # then it is named
        log.add_type(cls, content_of(cls), bases=bases, donor=cls)
        commit(log)


def leftovers(left: list[tuple[Any, Any]]) -> Iterator[Stale]:
    """Name what still refers to a donor, once for each kind of holder."""
    kinds = dict.fromkeys(
        (qualname_of(donor) if is_class(donor) else type(donor).__qualname__, _kind(holder))
        for donor, holder in left
    )
    for name, kind in kinds:
        yield Stale(
            f"a reference to {name} in {kind}",
            "it was made with the class as this run built it, and cannot be given the one that is "
            "kept",
            "make it anew, or restart",
        )


def _kind(holder: Any) -> str:
    if is_class(holder):
        return f"class {qualname_of(holder)}"
    name: str = qualname_of(type(holder))
    return f"an object of type {name}"
