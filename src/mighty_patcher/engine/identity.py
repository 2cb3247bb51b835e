"""Objects of the program by identity. A metaclass may hash and compare its classes as it likes, or
not at all, and so may a class its instances: to be told apart they are never asked.
"""

from __future__ import annotations

import operator
import weakref
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

__all__ = ["IdentityDict", "IdentitySet", "WeakIdentityDict", "are_same", "is_one_of"]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


def is_one_of(value: object, others: Iterable[object]) -> bool:
    """Tell whether an object is one of some others."""
    for other in others:  # noqa: SIM110  # called for every attribute, and `any` takes twice as long
        if other is value:
            return True
    return False


def are_same(left: Sequence[object], right: Sequence[object]) -> bool:
    """Tell whether two sequences have the same objects in the same order."""
    return len(left) == len(right) and all(map(operator.is_, left, right))


class IdentitySet(Generic[T]):
    """A set of objects, which it keeps alive.

    Args:
        items: What is in it at first.
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        self._items = {id(item): item for item in items}

    def __contains__(self, item: object) -> bool:
        return id(item) in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __len__(self) -> int:
        return len(self._items)


class IdentityDict(Generic[K, V]):
    """A dictionary whose keys are objects, which it keeps alive.

    Args:
        entries: Keys and values that are in it at first.
    """

    def __init__(self, entries: Iterable[tuple[K, V]] = ()) -> None:
        self._entries: dict[int, tuple[K, V]] = {id(key): (key, value) for key, value in entries}

    def __contains__(self, key: object) -> bool:
        return id(key) in self._entries

    def __getitem__(self, key: K) -> V:
        return self._entries[id(key)][1]

    def __setitem__(self, key: K, value: V) -> None:
        self._entries[id(key)] = key, value

    def __iter__(self) -> Iterator[K]:
        return (key for key, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: object, default: T) -> V | T:
        """Return the value for a key, or something else where there is none."""
        entry = self._entries.get(id(key))
        return default if entry is None else entry[1]

    def items(self) -> Iterable[tuple[K, V]]:
        """Return the keys with their values, in the order in which the keys came."""
        return self._entries.values()


class WeakIdentityDict(Generic[K, V]):
    """A dictionary whose keys are objects, each of which it forgets when it is gone."""

    def __init__(self) -> None:
        self._entries: dict[int, tuple[weakref.ref[K], V]] = {}

    def __contains__(self, key: object) -> bool:
        entry = self._entries.get(id(key))
        return entry is not None and entry[0]() is key

    def __setitem__(self, key: K, value: V) -> None:
        number, entries = id(key), self._entries

        def forget(reference: weakref.ref[K]) -> None:
            if number in entries and entries[number][0] is reference:
                del entries[number]

        entries[number] = weakref.ref(key, forget), value

    def get(self, key: K, default: V) -> V:
        """Return the value for a key, or something else where there is none."""
        reference, value = self._entries.get(id(key), (None, default))
        return value if reference is not None and reference() is key else default
