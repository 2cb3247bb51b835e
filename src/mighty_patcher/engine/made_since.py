"""What has been edited since a class was made, in this reload or in one before it: a hook, a
decorator, a metaclass. What the old one had made of the class, the new one does not tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from types import FunctionType
from typing import Any

from mighty_patcher.engine.identity import WeakIdentityDict

__all__ = ["is_edited_since", "note_edited", "note_made"]

_moments = count(1)
_edited = WeakIdentityDict[Any, int]()
_made = WeakIdentityDict[Any, int]()


@dataclass
class _Unmade:
    """Forgets that a class has been made again, when that is undone."""

    cls: type
    moment: int

    def undo(self) -> None:
        """Forget it."""
        _made[self.cls] = self.moment


def note_edited(value: FunctionType | type) -> None:
    """Note that a function, or a metaclass, does something else from now on.

    Args:
        value: It.
    """
    _edited[value] = next(_moments)


def note_made(cls: type, remember: Callable[[Any], None]) -> None:
    """Note that all of the statement of a class is executed.

    Args:
        cls: The class.
        remember: Remembers what is to be undone.
    """
    remember(_Unmade(cls, _made.get(cls, 0)))
    _made[cls] = next(_moments)


def is_edited_since(value: FunctionType | type, cls: type) -> bool:
    """Tell whether a function, or a metaclass, has been edited since a class was made.

    Args:
        value: The function or metaclass.
        cls: The class.
    """
    return _edited.get(value, 0) > _made.get(cls, 0)
