"""Values that can be compared without running code of the program."""

from __future__ import annotations

from types import EllipsisType, NoneType
from typing import Any

from mighty_patcher.engine.identity import is_one_of

__all__ = ["is_plain", "same_value"]

_PLAIN = (int, str, float, bool, bytes, complex, NoneType, EllipsisType, range)


def is_plain(value: Any) -> bool:
    """Tell whether a value is of a plain type, so that there may be one object for all like it."""
    return is_one_of(type(value), _PLAIN)


def same_value(old: Any, new: Any) -> bool:
    """Tell whether two values are the same, or equal and can never change.

    Args:
        old: A value.
        new: Another. Only of plain types is it asked more than whether it is the same object.
    """
    if old is new:
        return True
    if type(old) is not type(new):
        return False
    if type(old) is tuple:
        return len(old) == len(new) and all(map(same_value, old, new))
    if type(old) is frozenset:
        return all(is_one_of(type(item), _PLAIN) for item in (*old, *new)) and old == new
    # 0.0 and -0.0 are equal, and a large int has no repr (sys.set_int_max_str_digits).
    if type(old) is float or type(old) is complex:
        return repr(old) == repr(new)
    return is_one_of(type(old), _PLAIN) and bool(old == new)
