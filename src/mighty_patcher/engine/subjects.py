"""What records are about: the functions and classes that decorators are called again for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from mighty_patcher.engine.identity import IdentitySet
from mighty_patcher.engine.registries import is_made_of_one, is_wrapper

__all__ = ["Subjects"]

_MOST_LAYERS = 8
_MOST_OBJECTS = 500  # that one record is made of


class Subjects:
    """Functions and classes that decorators are called again for in a reload."""

    def __init__(self) -> None:
        self._defined = IdentitySet[Any]()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._defined)

    def __len__(self) -> int:
        return len(self._defined)

    def add(self, value: Any) -> None:
        """Add one more."""
        self._defined = IdentitySet([*self._defined, value])

    def about(self, record: Any) -> Any:
        """Return what a record is about: the nearest of these, and None if it is one of them
        itself, or if there is none, or more than one.
        """
        if record in self._defined:
            return None
        seen, layer = IdentitySet([record]), [record]
        for _ in range(_MOST_LAYERS):
            if len(seen) > _MOST_OBJECTS:
                return None
            below = IdentitySet(it for one in layer for it in gc.get_referents(one))
            found = [it for it in below if it in self._defined]
            if found or not below:
                return found[0] if len(found) == 1 else None
            layer = [
                it for it in below if it not in seen and (is_wrapper(it) or is_made_of_one(it))
            ]
            seen = IdentitySet([*seen, *layer])
        return None

    def of(self, value: Any) -> Any:
        """Return one of these if it is one, else what it is about."""
        return value if value in self._defined else self.about(value)
