"""The items of a session, with those of some files collected again in their places."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from mighty_patcher.pytest_plugin.nodes import in_words
from mighty_patcher.pytest_plugin.registry import function_of, same_definition
from mighty_patcher.pytest_plugin.selected import Selection

if TYPE_CHECKING:
    from mighty_patcher.pytest_plugin.collected import Changes

__all__ = ["Places"]


class Places:
    """The order of the items of a session, with others in the place of some.

    Args:
        session: The session.
        running: The item that runs, or has just run: it and those before it keep their places.
        changes: What has changed, which is added to.
    """

    def __init__(
        self, session: pytest.Session, running: pytest.Item | None, changes: Changes
    ) -> None:
        self._session = session
        self._changes = changes
        self._fixed = session.items.index(running) + 1 if running in session.items else 0
        self._added: dict[pytest.Item | None, list[pytest.Item]] = {}  # after which

    def add(self, olds: list[pytest.Item], news: list[pytest.Item]) -> None:
        """Match what was collected with what was there.

        Args:
            olds: The items of a file.
            news: Those that it has now.
        """
        there: dict[str, list[pytest.Item]] = {}
        for old in olds:
            there.setdefault(old.nodeid, []).append(old)
        try:
            selected = {id(item) for item in Selection(self._session).of(news)}
        except Exception as error:  # what a conftest makes of a part of all items
            selected = set()
            self._changes.problems.append(
                f"pytest_collection_modifyitems: {in_words(error)}; new tests do not run"
            )
        last = self._before(olds)
        for new in _in_source_order(news):
            twins = there.get(new.nodeid)
            if twins:
                last = twins.pop(0)
                if _same_item(last, new):
                    vars(last).pop("location", None)  # it keeps its line
                else:
                    self._changes.replaced[last] = new
            elif id(new) in selected:
                self._added.setdefault(last, []).append(new)
                self._changes.added.append(new)
        self._changes.removed += (it for left in there.values() for it in left)

    def _before(self, olds: list[pytest.Item]) -> pytest.Item | None:
        """Return the item after which a file begins; None if it is the first."""
        items = self._session.items
        place = items.index(olds[0]) if olds else len(items)
        return items[place - 1] if place else None

    def put(self) -> None:
        """Write the new order."""
        gone = {id(it) for it in self._changes.removed}
        order: list[pytest.Item] = []
        waiting = [*self._added.get(None, ())]
        for place, item in enumerate(self._session.items):
            is_fixed = place < self._fixed
            if is_fixed or id(item) not in gone:
                order.append(self._changes.replaced.get(item, item))
            waiting += self._added.get(item, ())
            if place + 1 >= self._fixed:
                order += waiting
                waiting = []
        self._session.items[:] = [*order, *waiting]
        self._session.testscollected = len(self._session.items)


def _in_source_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """Order what pytest has found as a fresh start would: new names come last in a namespace."""
    lines: list[int] = []
    for item in items:
        path, line, _ = item.reportinfo()
        is_here = line is not None and os.fspath(path) == str(item.path)
        lines.append((line or 0) if is_here else lines[-1] if lines else 0)
    places = sorted(range(len(items)), key=lines.__getitem__)
    return [items[place] for place in places]


def _same_item(old: Any, new: Any) -> bool:
    """Tell whether an item that was collected before can stay."""
    return (
        type(old) is type(new)
        and isinstance(old, pytest.Function)
        and old.parent is new.parent
        and function_of(old.obj) is function_of(new.obj)
        and _equal(old.own_markers, new.own_markers)
        and _same_parameters(old, new)
        and _same_fixtures(old._fixtureinfo, new._fixtureinfo)
    )


def _equal(old: object, new: object) -> bool:
    """Compare marks, in which there may be what does not want to be compared, such as arrays."""
    try:
        return bool(old == new)
    except Exception:
        return False


def _same_parameters(old: Any, new: Any) -> bool:
    """Tell whether the values are the very same, as they are until somebody makes them again."""
    values, others = (getattr(it, "callspec", None) for it in (old, new))
    if values is None or others is None:
        return values is others
    return (
        values.indices == others.indices
        and values.params.keys() == others.params.keys()
        and all(values.params[name] is others.params[name] for name in values.params)
    )


def _same_fixtures(old: Any, new: Any) -> bool:
    olds, news = old.name2fixturedefs, new.name2fixturedefs
    return (
        old.argnames == new.argnames
        and old.names_closure == new.names_closure
        and olds.keys() == news.keys()
        and all(
            len(olds[name]) == len(news[name]) and all(map(same_definition, olds[name], news[name]))
            for name in olds
        )
    )
