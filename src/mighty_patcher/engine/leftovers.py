"""What is left of donors after a run: whether anybody still refers to one, and how that is said."""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any, cast
from weakref import getweakrefcount

from mighty_patcher import _core
from mighty_patcher.engine.classes import content_of, is_class, qualname_of
from mighty_patcher.engine.report import Stale

__all__ = ["are_held", "drop_added", "is_own", "leftovers"]


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
    """Tell whether anything may refer to one of these but the list itself."""
    if _core.FREE_THREADED or any(map(is_class, donors)) or any(map(getweakrefcount, donors)):
        return bool(donors)
    donors.append(object())  # to which nothing else refers
    *counts, alone = map(sys.getrefcount, donors)
    donors.pop()
    return any(count > alone for count in counts)


def is_own(donor: Any, holder: Any, donors: list[Any], targets: list[Any]) -> bool:
    """Tell whether a donor is held only by what it holds itself: that goes with it."""
    if not is_class(donor):
        return False
    target = targets[[each is donor for each in donors].index(True)]
    return any(value is holder for value in content_of(donor).values()) and not any(
        value is holder for value in content_of(target).values()
    )


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
