"""The patcher by hand: give one object the content of another, through every reference to it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.errors import RefusedEdit

__all__ = ["actually_patch", "replace_inner_value"]

# A call that is binding its arguments while its function is patched still reads the cells that the
# log holds (csrc/function.c, closure_with_room); so a log goes when the next one comes.
_recent: deque[_core.Log] = deque(maxlen=1)


def replace_inner_value(target: Any, replacement: Any) -> None:
    """Give an object the content of another; whoever holds the object sees it.

    The identity of ``target`` stays, and ``replacement`` is left as it is.

    Args:
        target: A function or a plain ``dict``.
        replacement: Another of the same kind.

    Raises:
        TypeError: They are not of the same kind, or of a kind that cannot be patched.
        RefusedEdit: They are classes, which cannot be patched by hand yet.

    Example:
        >>> def greet(): return "hello"
        >>> def shout(): return "HELLO"
        >>> callbacks = [greet]
        >>> replace_inner_value(greet, shout)
        >>> callbacks[0]()
        'HELLO'
    """
    log = _planned(target, replacement)
    log.commit()
    _recent.append(log)


@contextmanager
def actually_patch(func: Any, replacement: Any) -> Iterator[None]:
    """Give an object the content of another while the block runs, and its own back afterwards.

    Args:
        func: A function or a plain ``dict``.
        replacement: Another of the same kind.

    Raises:
        TypeError: They are not of the same kind, or of a kind that cannot be patched.
        RefusedEdit: They are classes, which cannot be patched by hand yet.

    Example:
        >>> def greet(): return "hello"
        >>> with actually_patch(greet, lambda: "patched"):
        ...     greet()
        'patched'
        >>> greet()
        'hello'
    """
    log = _planned(func, replacement)
    log.commit()
    try:
        yield
    finally:
        log.undo()
        _recent.append(log)


def _planned(target: Any, replacement: Any) -> _core.Log:
    log = _core.Log()
    if type(target) is FunctionType and type(replacement) is FunctionType:
        log.add_function(target, replacement)
    elif type(target) is dict and type(replacement) is dict:
        log.add_dict(target, replacement)
    elif issubclass(type(target), type) and issubclass(type(replacement), type):
        raise RefusedEdit(
            f"classes cannot be patched by hand yet ({target.__qualname__})",
            "patch its methods one by one",
        )
    else:
        raise TypeError(
            f"a {_kind(target)} cannot be given the content of a {_kind(replacement)}; "
            f"both must be functions, or both plain dictionaries"
        )
    return log


def _kind(value: object) -> str:
    return type(value).__qualname__
