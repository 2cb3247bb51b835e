"""Which tests the user has asked for, of those that were collected again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

__all__ = ["Selection"]


class Selection:
    """What the command line selects.

    Args:
        session: The session.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._config = session.config

    def of(self, items: list[pytest.Item]) -> list[pytest.Item]:
        """Return the items that a run from the start would have, of these.

        All plugins and conftests see them, as they do at the collection, to mark or deselect them.
        """
        found = [item for item in items if self._is_named(item)]
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        stats = {} if reporter is None else reporter.stats
        counted = list(stats.get("deselected", ()))
        self._config.hook.pytest_collection_modifyitems(
            session=self._session, config=self._config, items=found
        )
        if counted or "deselected" in stats:
            stats["deselected"] = counted  # they were counted the first time
        return found

    def _is_named(self, item: pytest.Item) -> bool:
        """Tell whether the node ids on the command line, if there are any, have this one."""
        ids = [argument for argument in self._config.args if "::" in argument]
        others = [self._path(it) for it in self._config.args if "::" not in it]
        if not ids or any(item.path.is_relative_to(it) for it in others):
            return True
        return any(self._names(argument, item) for argument in ids)

    def _names(self, argument: str, item: pytest.Item) -> bool:
        base, bracket, rest = argument.partition("[")
        path, *parts = base.split("::")
        if self._path(path) != item.path:
            return False
        chain = item.listchain()
        file = next(place for place, it in enumerate(chain) if isinstance(it, pytest.File))
        names = [it.name for it in chain[file + 1 :]]
        if bracket:
            parts[-1] += bracket + rest
        else:
            names = [name.partition("[")[0] for name in names]
        return names[: len(parts)] == parts

    def _path(self, argument: str) -> Path:
        return Path(self._config.invocation_params.dir, argument)
