"""Files of tests that come, go, or could not be collected so far."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest

from mighty_patcher.pytest_plugin.selected import Selection

__all__ = ["Files"]


class Files:
    """A plugin that knows which folders were collected, and what failed there."""

    def __init__(self) -> None:
        self.failed: dict[pytest.Collector, pytest.CollectReport] = {}
        self._folders: dict[Path, pytest.Collector] = {}
        self._known: dict[Path, None] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Take note of what is collected, and of what cannot be."""
        report = yield
        if isinstance(collector, (pytest.Directory, pytest.Session)):
            self._folders[collector.path] = collector
        elif isinstance(collector, pytest.File):
            self._known[collector.path] = None
        if report.failed:
            self.failed[collector] = report
        else:
            self.failed.pop(collector, None)
        return report

    def gone(self, session: pytest.Session) -> list[pytest.Item]:
        """Drop the tests of files that are there no more, and return them."""
        gone = [item for item in session.items if not item.path.exists()]
        for collector in [it for it in self.failed if not it.path.exists()]:
            del self.failed[collector]
        if gone:
            session.items[:] = [item for item in session.items if item not in gone]
        return gone

    def come(self, session: pytest.Session, saved: Iterable[str]) -> list[pytest.Item]:
        """Collect new files, and again those that could not be, and return their tests.

        What fails is in `failed`.

        Args:
            session: The session.
            saved: What was saved.
        """
        session._collection_cache.clear()  # of what has failed
        collected: list[pytest.Item] = []
        for collector in [*self.failed, *self._new(session, map(Path, saved))]:
            collected += session.genitems(collector)
        found = Selection(session).of(collected) if collected else []
        session.items.extend(found)
        return found

    def _new(self, session: pytest.Session, paths: Iterable[Path]) -> Iterator[pytest.Collector]:
        arguments = [
            Path(os.path.realpath(session.config.invocation_params.dir / it.partition("::")[0]))
            for it in session.config.args
            if "::" not in it
        ]
        for path in paths:
            is_meant = any(path.is_relative_to(it) for it in arguments)
            if not is_meant or not path.exists() or self._is_known(path):
                continue
            parent = self._folder(session, path.parent)
            if parent is not None and not _is_ignored(parent, path):
                files = parent.ihook.pytest_collect_file(file_path=path, parent=parent)
                yield from (it for made in files for it in _listed(made))

    def _is_known(self, path: Path) -> bool:
        return any(it == path or it.resolve() == path for it in self._known)

    def _folder(self, session: pytest.Session, path: Path) -> pytest.Collector | None:
        """Return the node of a folder; one that was not collected before is made."""
        if path in self._folders:
            return self._folders[path]
        if path.parent == path:
            return None
        outer = self._folder(session, path.parent)
        if outer is None or _is_ignored(outer, path):
            return None
        made = outer.ihook.pytest_collect_directory(path=path, parent=outer)
        if made is not None:
            self._folders[path] = made
        return made  # type: ignore[no-any-return]


def _is_ignored(parent: pytest.Collector, path: Path) -> bool:
    return bool(parent.ihook.pytest_ignore_collect(collection_path=path, config=parent.config))


def _listed(made: object) -> list[pytest.Collector]:
    return made if isinstance(made, list) else [made]  # type: ignore[list-item]
