"""The patcher by hand: give one object the content of another, through every reference to it."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import CellType, FunctionType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.classes import bases_of, content_of, is_class, qualname_of
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.settling import Undoable
from mighty_patcher.errors import RefusedEdit

__all__ = ["actually_patch", "replace_inner_value"]

# A call that is binding its arguments while its function is patched still reads the cells that the
# log holds (csrc/function.c, closure_with_room); so a log goes when the next one comes.
_recent: deque[list[Undoable]] = deque(maxlen=1)


def replace_inner_value(target: Any, replacement: Any) -> None:
    """Give an object the content of another; whoever holds the object sees it.

    The identity of ``target`` stays, and ``replacement`` is left as it is.

    Args:
        target: A function, a class or a plain ``dict``.
        replacement: Another of the same kind.

    Raises:
        TypeError: They are not of the same kind, or of a kind that cannot be patched.
        RefusedEdit: They are classes whose instances are laid out differently.

    Example:
        >>> def greet(): return "hello"
        >>> def shout(): return "HELLO"
        >>> callbacks = [greet]
        >>> replace_inner_value(greet, shout)
        >>> callbacks[0]()
        'HELLO'
    """
    _recent.append(_committed(target, replacement))


@contextmanager
def actually_patch(func: Any, replacement: Any) -> Iterator[None]:
    """Give an object the content of another while the block runs, and its own back afterwards.

    Args:
        func: A function, a class or a plain ``dict``.
        replacement: Another of the same kind.

    Raises:
        TypeError: They are not of the same kind, or of a kind that cannot be patched.
        RefusedEdit: They are classes whose instances are laid out differently.

    Example:
        >>> def greet(): return "hello"
        >>> with actually_patch(greet, lambda: "patched"):
        ...     greet()
        'patched'
        >>> greet()
        'hello'
    """
    logs = _committed(func, replacement)
    try:
        yield
    finally:
        for log in reversed(logs):
            log.undo()
        _recent.append(logs)


def _committed(target: Any, replacement: Any) -> list[Undoable]:
    """Patch, and return what takes it back, last thing last."""
    if is_class(target) and is_class(replacement):
        return _committed_class(target, replacement)
    log = _core.Log()
    if type(target) is FunctionType and type(replacement) is FunctionType:
        log.add_function(target, replacement)
    elif type(target) is dict and type(replacement) is dict:
        log.add_items(target, replacement)
    else:
        raise TypeError(
            f"a {_kind(target)} cannot be given the content of a {_kind(replacement)}; "
            f"both must be functions, classes, or plain dictionaries"
        )
    log.commit()
    return [log]


def _committed_class(target: type, replacement: type) -> list[Undoable]:
    logs: list[Undoable] = []

    def commit(log: _core.Log) -> None:
        log.commit()
        logs.append(log)

    keeper = Keeper(ModuleType("by hand"), {}, None, (None, None), commit, logs.append)
    difference = keeper.classes.difference(target, replacement, bases_of(replacement))
    if difference is not None:
        raise RefusedEdit(
            f"{qualname_of(target)} cannot be given the content of {qualname_of(replacement)}: "
            f"{difference}",
            "patch its methods one by one",
        )
    members = {name: _owned_by(target, value) for name, value in content_of(replacement).items()}
    keeper.classes.edit(target, members, bases_of(replacement), type(replacement), replacement)
    keeper.commit()
    return logs


def _owned_by(cls: type, value: Any) -> Any:
    """Return a method that uses ``super()`` or ``__class__`` as a method of another class."""
    if type(value) is FunctionType and "__class__" in value.__code__.co_freevars:
        cells = [
            CellType(cls) if name == "__class__" else cell
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        ]
        owned = FunctionType(
            value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
        )
        owned.__kwdefaults__ = value.__kwdefaults__
        functools.update_wrapper(owned, value)
        del owned.__wrapped__  # type: ignore[attr-defined]
        return owned
    if is_one_of(type(value), (staticmethod, classmethod)):
        return type(value)(_owned_by(cls, value.__func__))
    if type(value) is property:
        fget, fset, fdel = (_owned_by(cls, it) for it in (value.fget, value.fset, value.fdel))
        return property(fget, fset, fdel, value.__doc__)
    return value


def _kind(value: object) -> str:
    return type(value).__qualname__
