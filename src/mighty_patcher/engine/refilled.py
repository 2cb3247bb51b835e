"""Dictionaries, lists and sets of the program that get other content in place: who holds one has
it, and it can be taken back.

Each changes in one go. Who goes through a list meets what is there by then; but for a dictionary or
a set whose size changes that would be an error in the program: these are left alone while somebody
goes through them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.displays import Container
from mighty_patcher.engine.identity import are_same, is_one_of

__all__ = ["Refilled", "differs", "refill"]

_ITERATORS = tuple(
    map(
        type,
        (
            *(iter({}), iter({}.values()), iter({}.items()), iter(set())),
            *(reversed({}), reversed({}.values()), reversed({}.items())),
        ),
    )
)
_MOST_TRIES = 3


@dataclass
class Refilled:
    """Dictionaries that have other values, and sets that have other items.

    Attributes:
        values: Each of the dictionaries, and the values that some keys had.
        items: Each of the sets, and the items that it had.
    """

    values: list[tuple[dict[Any, Any], dict[Any, Any]]]
    items: list[tuple[set[Any], set[Any]]]

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        held = [it for _, it in (*self.values, *self.items)]
        return [self.values, *self.values, self.items, *self.items, *held]

    def undo(self) -> None:
        """Give them back what they had."""
        for values, before in self.values:
            values.update(before)
        for items, had in self.items:
            items.symmetric_difference_update(items ^ had)


def differs(target: Container, content: Container) -> bool:
    """Tell whether a container has other things in it than it is to have, or in another order."""
    if type(target) is dict and type(content) is dict:
        same = are_same([*target.values()], [*content.values()])
        return not (same and list(target) == list(content))
    if type(target) is list and type(content) is list:
        return not are_same(target, content)
    return target != content


def refill(
    contents: Sequence[tuple[Container, Container]],
    commit: Callable[[_core.Log], None],
    remember: Callable[[Refilled], None],
    may_resize: Callable[[], bool] = lambda: True,
) -> bool:
    """Give containers other content.

    Args:
        contents: Each container, whose keys are plain, and what it is to have.
        commit: Applies a log and remembers it for an undo.
        remember: Remembers what else is to be undone.
        may_resize: Asked whether to find out if somebody goes through those that change their size.

    Returns:
        False if somebody does, or if nobody is to find out: then all are as they were.
    """
    log = _core.Log()
    values: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
    items: list[tuple[set[Any], set[Any]]] = []
    resized: list[Any] = []
    for target, content in contents:
        if not differs(target, content):
            continue
        if type(target) is list and type(content) is list:
            log.add_items(target, content)
        elif type(target) is set and type(content) is set:
            items.append((target, target ^ content))
            resized.append(target)
        elif type(target) is dict and type(content) is dict:
            if list(target) == list(content):
                changed = {key: it for key, it in content.items() if target[key] is not it}
                values.append((target, changed))
            else:
                log.add_items(target, content)
                resized.append(target)
    if resized and not (may_resize() and _are_left_alone(resized)):
        return False
    remember(
        Refilled(
            [(target, {key: target[key] for key in content}) for target, content in values],
            [(target, set(target)) for target, _ in items],
        )
    )
    if len(log):
        commit(log)
    for one, others in values:
        one.update(others)
    for few, more in items:
        few.symmetric_difference_update(more)
    return True


def _are_left_alone(containers: list[Any]) -> bool:
    """Tell whether nobody goes through any of some dictionaries and sets. Whoever begins to do so
    while all objects are looked at refers to it once more.
    """
    for _ in range(_MOST_TRIES):
        counts = list(map(sys.getrefcount, containers))
        if any(is_one_of(type(it), _ITERATORS) for it in _core.find_referrers(containers)):
            return False
        if counts == list(map(sys.getrefcount, containers)):
            return True
    return False
