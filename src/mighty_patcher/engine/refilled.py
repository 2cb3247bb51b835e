"""Dictionaries, lists and sets of the program that get other content in place: who holds one has
it, and it can be taken back.

Each changes in one go, if it has nothing else than what its new content was made from. Who goes
through a list meets what is there by then; but for a dictionary or a set whose size changes that
would be an error in the program: these are left alone while somebody goes through them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.displays import Container
from mighty_patcher.engine.identity import IdentitySet, are_same
from mighty_patcher.engine.outside import ABSENT

__all__ = ["Refilled", "differs", "refill"]

_MOST_WAITS = 50
_WAIT = 0.001  # seconds

_Content = tuple[Any, Any, Any]  # containers of one type


@dataclass
class Refilled:
    """Containers that have other content.

    Attributes:
        contents: Each, what it was given, and what it had.
    """

    contents: list[_Content]

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        parts = (it for _, *others in self.contents for it in others)
        return [self.contents, *self.contents, *parts]

    def undo(self) -> None:
        """Give them back what they had. What the program has changed since stays."""
        contents, self.contents = self.contents, []
        for _ in range(_MOST_WAITS):
            backs = []
            for target, given, had in contents:
                now = target.copy()
                backs.append((target, _taken_back(now, given, had), now))
            if _exchange(backs):
                return
            time.sleep(_WAIT)  # somebody goes through one, in another thread
        for target, content, _ in backs:
            log = _core.Log()
            log.add_items(target, content)
            log.commit()


def differs(target: Container, content: Container) -> bool:
    """Tell whether a container has other things in it than it is to have, or in another order."""
    if type(target) is dict and type(content) is dict:
        same = are_same([*target.values()], [*content.values()])
        return not (same and list(target) == list(content))
    if type(target) is list and type(content) is list:
        return not are_same(target, content)
    return target != content


def refill(contents: Sequence[_Content], remember: Callable[[Refilled], None]) -> bool:
    """Give containers other content, all or none.

    Args:
        contents: Each container, whose keys are plain, what it is to have, and what it had when
            that was found out.
        remember: Remembers what is to be undone.

    Returns:
        Whether it was done: not if one has changed meanwhile, or somebody goes through it.
    """
    refilled = Refilled([it for it in contents if differs(it[2], it[1])])
    if not refilled.contents:
        return True
    remember(refilled)
    is_done = False
    try:
        is_done = _exchange(refilled.contents)
    finally:
        if not is_done:
            refilled.contents.clear()
    return is_done


def _exchange(contents: Iterable[_Content]) -> bool:
    """Give each container its content, unless one is not what it was."""
    log = _core.Log()
    values: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
    for target, content, had in contents:
        if type(target) is not dict or list(had) != list(content):
            log.add_items(target, content, had)
        elif differs(target, had):
            return False
        else:  # its size stays, and so may whoever goes through it
            values.append((target, {k: it for k, it in content.items() if had[k] is not it}))
    try:
        if len(log):
            log.commit()
    except RuntimeError:
        return False
    for table, changed in values:
        table.update(changed)
    return True


def _taken_back(now: Any, given: Any, had: Any) -> Any:
    """Return what a container is to have that goes back, and may have changed since.

    Args:
        now: What it has.
        given: What it was given.
        had: What it had before.
    """
    if type(now) is dict:
        back = {}
        for key, value in had.items():
            has = now.get(key, ABSENT)
            if has is given.get(key, ABSENT):
                back[key] = value
            elif has is not ABSENT:
                back[key] = has
        for key, value in now.items():
            if key not in had and given.get(key, ABSENT) is not value:
                back[key] = value
        return back
    if type(now) is list:
        if are_same(now[: len(given)], given):
            return had + now[len(given) :]
        known = IdentitySet([*given, *had])
        return had + [it for it in now if it not in known]
    return (now - (given - had)) | (had - given)
