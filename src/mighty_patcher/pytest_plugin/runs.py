"""What each test ran when it did, and whether it failed.

A fixture of a higher scope is set up once, for whichever test comes first, and may have changed
anything; so what was run for it counts for every test that runs while it is alive.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from mighty_patcher.pytest_plugin.attempt import made_anew
from mighty_patcher.pytest_plugin.ran import Record, Recorder

__all__ = ["Run", "Runs"]


@dataclass
class Run:
    """What is known of a test that ran.

    Attributes:
        own: What ran on its behalf alone, in all of its runs so far: what it found done by others
            the second time, it may have done itself the first time.
        fixtures: What ran for the fixtures that were alive in its last run.
    """

    own: Record = field(default_factory=Record)
    fixtures: list[Record] = field(default_factory=list)

    @property
    def bits(self) -> int:
        """Everything, as bits."""
        found = self.own.bits
        for record in self.fixtures:
            found |= record.bits
        return found


class Runs:
    """A plugin that records.

    Args:
        recorder: Sees what runs.

    Attributes:
        known: The tests that ran, by node id.
        failed: The node ids of those that failed, in whatever phase, in their last run.
        last: The item that ran last.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.known: dict[str, Run] = {}
        self.failed: dict[str, None] = {}
        self.last: pytest.Item | None = None
        self._recorder = recorder
        self._now = Run()
        self._alive: dict[Any, Record] = {}
        self._died: list[Record] = []

    def settle(self) -> None:
        """All fixtures have come to their end: what is known of them is complete."""
        self._alive.clear()
        for run in self.known.values():
            run.own.bits = run.bits
            run.fixtures.clear()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Record a test, which runs as if it had not run before."""
        run = self._now = self.known.pop(item.nodeid, Run())
        self.last = item
        run.fixtures.clear()
        made_anew(item)
        item._report_sections.clear()
        keywords: Any = item.keywords
        marks, by_name = item.own_markers[:], dict(keywords._markers)
        properties = item.user_properties[:]
        self._recorder.begin(run.own)
        try:
            result = yield
        finally:
            self._recorder.end()
            item.own_markers[:] = marks  # a test may mark itself
            keywords._markers = by_name
            item.user_properties[:] = properties
        self.known[item.nodeid] = run
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        """Record a fixture that other tests may get, too."""
        if fixturedef.scope == "function":
            return (yield)
        record = self._alive[fixturedef] = Record()
        self._recorder.begin(record)
        try:
            return (yield)
        finally:
            self._recorder.end(again=True)

    def pytest_fixture_post_finalizer(self, fixturedef: Any) -> None:
        """Take note of the end of a fixture."""
        record = self._alive.pop(fixturedef, None)
        if record is not None:
            self._died.append(record)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """What the end of fixtures runs counts for all tests that have had them."""
        self._now.fixtures += self._alive.values()
        if not self._alive or (nextitem is not None and nextitem.parent is item.parent):
            return (yield)
        record = Record()
        self._died.clear()
        self._recorder.begin(record)
        try:
            return (yield)
        finally:
            self._recorder.end(again=True)
            for it in (self._now.own, *self._died):
                it.bits |= record.bits

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.failed.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of failures."""
        if report.failed:
            self.failed[report.nodeid] = None
