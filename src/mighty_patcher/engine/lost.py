"""What the program has put into an object, and is lost where the edit of a text makes it anew."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.displays import are_plain_keys
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.values import is_plain

__all__ = ["Lost", "Texts", "given_up", "lost_entries"]

_MOST_NAMED = 3
_LARGE = 10**12

Texts = tuple[ast.expr, ast.expr]
"""How a value was written out, and how it is now."""


@dataclass
class Lost:
    """An object that another one has taken the place of.

    Attributes:
        owner: The module or class that had it.
        name: Its name there.
        path: Its full name.
        texts: How it was written, and how it is now.
        before: The object.
    """

    owner: Any
    name: str
    path: str
    texts: Texts
    before: Any


def lost_entries(lost: Iterable[Lost]) -> Iterator[Stale]:
    """Name what the program had put into objects that others have taken the place of, where it is
    not in these.

    Args:
        lost: The objects.
    """
    for it in lost:
        names = class_dict(it.owner) if is_class(it.owner) else namespace_of(it.owner)
        now, before = names.get(it.name, ABSENT), it.before
        if now is before or type(now) is not type(before):
            continue
        if type(before) is list:
            old, new = (getattr(text, "elts", ()) for text in it.texts)
            if any(isinstance(item, ast.Starred) for item in (*old, *new)):
                continue
            count, named = (len(before) - len(old)) - (len(now) - len(new)), ""
        else:
            keys = getattr(it.texts[0], "keys", None) or getattr(it.texts[0], "elts", [])
            if any(key is None for key in keys) or not are_plain_keys([*before, *now]):
                continue
            written = [key.value for key in keys if isinstance(key, ast.Constant)]
            if len(written) < len(keys):
                continue
            gone = [key for key in before if key not in now and key not in written]
            count, named = len(gone), ", ".join(map(_shown, gone[:_MOST_NAMED]))
        if count > 0:
            entries = "an entry" if count == 1 else f"{count} entries"
            yield Stale(
                it.path,
                f"it was made anew, and has not got {entries} that the program had put into the "
                f"old one{': ' if named else ''}{named}",
                "put them there again, or restart",
            )


def given_up(name: str, key: Any) -> Stale:
    """Say that an entry which the program had set has what the new text says.

    Args:
        name: What the object is called.
        key: The key of the entry.
    """
    return Stale(
        f"{name}[{_shown(key)}]",
        "it has what its text says, and not what the program had put there",
        "put that there again, or restart",
    )


def _shown(key: Any) -> str:
    """Say what a key is, without asking it."""
    if type(key) is int:
        return hex(key) if abs(key) > _LARGE else str(key)  # there may be no decimal digits of it
    return f"{key!r:.40}" if is_plain(key) else f"an object of type {qualname_of(type(key))}"
