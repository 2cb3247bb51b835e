"""Who gives a name its value at some place of a text."""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Iterable

__all__ = ["Bindings", "Chain"]

Chain = tuple[int, ...]
"""The statements that give a name its value at some place: one that binds it in any case, and
those that perhaps did so since. Statements of the new text are numbered, those that are gone have
negative numbers; no statement at all is a value from outside.
"""


class Bindings:
    """Who binds each name, in the order of one text.

    Args:
        entries: Each statement's place, its number, what it binds, and what of that for sure.
    """

    def __init__(self, entries: Iterable[tuple[int, int, frozenset[str], frozenset[str]]]) -> None:
        self._places: dict[str, list[int]] = {}
        self._binders: dict[str, list[tuple[int, bool]]] = {}
        for place, number, names, sure in entries:
            for name in names:
                self._places.setdefault(name, []).append(place)
                self._binders.setdefault(name, []).append((number, name in sure))

    def count(self, name: str) -> int:
        """Return how many statements bind a name."""
        return len(self._binders.get(name, ()))

    def names_before(self, place: int) -> dict[str, int]:
        """Return the names that are bound before a place, each with the place where it first is."""
        return {name: places[0] for name, places in self._places.items() if places[0] < place}

    def bound_twice(self) -> frozenset[str]:
        """Return the names that more than one statement binds."""
        return frozenset(name for name, found in self._binders.items() if len(found) > 1)

    def before(self, name: str, place: int) -> Chain:
        """Return what gives a name its value when the statement at a place is reached."""
        binders = self._binders.get(name, [])
        chain: list[int] = []
        for at in range(bisect_left(self._places.get(name, []), place) - 1, -1, -1):
            chain.append(binders[at][0])
            if binders[at][1]:
                break
        return tuple(reversed(chain))

    def final(self, name: str) -> Chain:
        """Return what gives a name its value at the end of the text."""
        return self.before(name, sys.maxsize)
