"""What the random programs import and nobody ever edits: it notes which statements are executed."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["NOTES", "REGISTERED", "State", "note", "register", "scope", "traced"]

NOTES: list[tuple[str, str, str]] = []
"""Module, key and value of each `note` since the list was cleared."""
REGISTERED: dict[str, Any] = {}


class State:
    """Something that a program makes once: a connection, a cache."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.module = sys._getframe(1).f_globals["__name__"]
        self.touched = ""


def note(key: str, value: Any) -> Any:
    """Note that a statement is executed; return what it has computed."""
    plain = type(value) in (int, str, tuple, bool, type(None))
    module = sys._getframe(1).f_globals["__name__"]
    text = repr(value) if plain else type(value).__name__
    NOTES.append((module, key, re.sub(r" at 0x\w+", "", text)))
    return value


def register(function: Any) -> Any:
    REGISTERED[f"{function.__module__}.{function.__qualname__}"] = function
    return function


def traced(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return "traced", function(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def scope(value: Any) -> Iterator[Any]:
    yield value
