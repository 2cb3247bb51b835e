"""What has been edited since a class was made, in this reload or in one before it: a hook, a
decorator, a metaclass. What the old one had made of the class, the new one does not tell.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import FunctionType
from typing import Any

__all__ = ["is_edited_since", "note_edited", "note_made"]

_moments = count(1)
_edited: dict[int, tuple[weakref.ref[Any], int]] = {}
_made: dict[int, tuple[weakref.ref[Any], int]] = {}


@dataclass
class _Unmade:
    """Forgets that a class has been made again, when that is undone."""

    cls: type
    moment: int

    def undo(self) -> None:
        """Forget it."""
        _put(_made, self.cls, self.moment)


def note_edited(value: FunctionType | type) -> None:
    """Note that a function, or a metaclass, does something else from now on.

    Args:
        value: It.
    """
    _put(_edited, value, next(_moments))


def note_made(cls: type, remember: Callable[[Any], None]) -> None:
    """Note that all of the statement of a class is executed.

    Args:
        cls: The class.
        remember: Remembers what is to be undone.
    """
    remember(_Unmade(cls, _moment_of(_made, cls)))
    _put(_made, cls, next(_moments))


def is_edited_since(value: FunctionType | type, cls: type) -> bool:
    """Tell whether a function, or a metaclass, has been edited since a class was made.

    Args:
        value: The function or metaclass.
        cls: The class.
    """
    return _moment_of(_edited, value) > _moment_of(_made, cls)


def _moment_of(known: dict[int, tuple[weakref.ref[Any], int]], value: Any) -> int:
    reference, moment = known.get(id(value), (None, 0))
    return moment if reference is not None and reference() is value else 0


def _put(known: dict[int, tuple[weakref.ref[Any], int]], value: Any, moment: int) -> None:
    key = id(value)

    def forget(reference: weakref.ref[Any]) -> None:
        if key in known and known[key][0] is reference:
            del known[key]

    known[key] = weakref.ref(value, forget), moment
