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

__all__ = ["LeftAlone", "Refilled", "differs", "refill"]

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
_MOST_LOOKS = 16


@dataclass
class Refilled:
    """Dictionaries that have other values, and sets that have other items.

    Attributes:
        values: Each of the dictionaries, and the values that some keys had.
        items: Each of the sets, and the items that it had.
        sizes: Dictionaries that have other keys, and what each had.
    """

    values: list[tuple[dict[Any, Any], dict[Any, Any]]]
    items: list[tuple[set[Any], set[Any]]]
    sizes: list[tuple[dict[Any, Any], dict[Any, Any]]]

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        lists = [self.values, self.items, self.sizes]
        pairs = [*self.values, *self.items, *self.sizes]
        return [*lists, *pairs, *(it for _, it in pairs)]

    def forget(self) -> None:
        """Let go of all: nothing has been done."""
        self.values.clear()
        self.items.clear()
        self.sizes.clear()

    def undo(self) -> None:
        """Give them back what they had."""
        for values, before in self.values:
            values.update(before)
        for items, had in self.items:
            items.symmetric_difference_update(items ^ had)
        log = _core.Log()
        for resized, content in self.sizes:
            log.add_items(resized, content)
        if len(log):
            log.commit()


def differs(target: Container, content: Container) -> bool:
    """Tell whether a container has other things in it than it is to have, or in another order."""
    if type(target) is dict and type(content) is dict:
        same = are_same([*target.values()], [*content.values()])
        return not (same and list(target) == list(content))
    if type(target) is list and type(content) is list:
        return not are_same(target, content)
    return target != content


class LeftAlone:
    """Finds out whether nobody goes through dictionaries and sets, in one reload of a module. That
    takes a look at all objects; from then on, who begins to do so refers to one once more.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], list[int]] = {}
        self._looks = 0

    def are(self, containers: list[Any]) -> bool:
        """Tell whether nobody goes through any of some.

        Args:
            containers: The dictionaries and sets. Who asks twice refers to them as often.
        """
        key = tuple(map(id, containers))
        for _ in range(_MOST_TRIES):
            counts = list(map(sys.getrefcount, containers))
            if counts == self._known.get(key):
                return True
            self._looks += 1
            if self._looks > _MOST_LOOKS:
                return False
            if any(is_one_of(type(it), _ITERATORS) for it in _core.find_referrers(containers)):
                return False
            self._known[key] = counts
        return False


def refill(
    contents: Sequence[tuple[Container, Container, Container]],
    commit: Callable[[_core.Log], None],
    remember: Callable[[Refilled], None],
    left_alone: LeftAlone,
) -> bool | None:
    """Give containers other content.

    Args:
        contents: Each container, whose keys are plain, what it is to have, and what it had when
            that was found out.
        commit: Applies a log and remembers it for an undo.
        remember: Remembers what else is to be undone.
        left_alone: Asked whether somebody goes through those whose size changes.

    Returns:
        Whether it was done: not if somebody does. None if one has changed meanwhile.
    """
    log = _core.Log()
    values: list[tuple[dict[Any, Any], dict[Any, Any]]] = []
    items: list[tuple[set[Any], set[Any]]] = []
    gone: list[tuple[dict[Any, Any], list[Any]]] = []
    refilled = Refilled([], [], [])
    resized: list[Any] = []
    for target, content, had in contents:
        if not differs(had, content):
            continue
        if type(target) is dict and type(content) is dict and type(had) is dict:
            if list(had) == list(content):
                changed = {key: it for key, it in content.items() if had[key] is not it}
                values.append((target, changed))
                refilled.values.append((target, {key: had[key] for key in changed}))
            else:
                resized.append(target)
                if _core.FREE_THREADED and had.keys() != content.keys():
                    # Others may put something into it at the very same time: that is not lost, and
                    # new keys come last.
                    changed = {k: it for k, it in content.items() if had.get(k, resized) is not it}
                    values.append((target, changed))
                    gone.append((target, list(had.keys() - content.keys())))
                    refilled.sizes.append((target, had))
                else:
                    log.add_items(target, content)
        elif type(target) is list and type(content) is list:
            log.add_items(target, content)
        elif type(target) is set and type(content) is set and type(had) is set:
            items.append((target, had ^ content))
            refilled.items.append((target, had))
            resized.append(target)
    if resized and not left_alone.are(resized):
        return False
    remember(refilled)
    if any(differs(target, had) for target, _, had in contents):
        refilled.forget()
        return None
    if len(log):
        try:
            commit(log)
        except RuntimeError:  # another thread has changed a dictionary since
            refilled.forget()
            return None
    for one, keys in gone:
        for key in keys:
            one.pop(key, None)
    for one, others in values:
        one.update(others)
    for few, more in items:
        few.symmetric_difference_update(more)
    return True
