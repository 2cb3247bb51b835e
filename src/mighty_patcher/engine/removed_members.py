"""Methods that are gone from the source of a class, as long as others have them: what was cut comes
back when it is pasted, and a callback that had it is to have it again.
"""

from __future__ import annotations

import weakref
from types import FunctionType
from typing import Any

from mighty_patcher.engine.classes import is_class, qualname_of
from mighty_patcher.engine.identity import WeakIdentityDict
from mighty_patcher.engine.wrapped import functions_within

__all__ = ["former_members", "note_removed"]

_removed = WeakIdentityDict[type, dict[str, list[weakref.ref[Any]]]]()
"""By class and name; nothing is kept alive, and a name that the class has again means nothing."""


def note_removed(cls: type, name: str, value: Any) -> None:
    """Remember what is about to be removed from a class.

    Args:
        cls: The class.
        name: The name.
        value: What the class has.
    """
    qualname = f"{qualname_of(cls)}.{name}"  # others have only lent it: ``total = shared_total``
    own = [it for it in _parts(value) if _qualname(it) == qualname]
    _removed[cls] = {**_removed.get(cls, {}), name: [weakref.ref(it) for it in own]}


def former_members(cls: type, name: str, value: Any) -> list[tuple[Any, Any]]:
    """Pair what a class had by a name that was removed with what comes back.

    Args:
        cls: The class, which has not the name.
        name: The name.
        value: What the class is to have.

    Returns:
        Functions and classes that others still have, each with the new one.
    """
    known = _removed.get(cls, {}).get(name, [])
    pairs = zip((it() for it in known), _parts(value), strict=False)
    return [(old, new) for old, new in pairs if old is not None and type(old) is type(new)]


def _qualname(value: Any) -> str:
    return qualname_of(value) if is_class(value) else str(value.__qualname__)


def _parts(value: Any) -> list[Any]:
    return [value] if type(value) is FunctionType or is_class(value) else [*functions_within(value)]
