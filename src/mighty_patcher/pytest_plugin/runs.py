"""What each test ran when it did, and whether it failed.

A fixture of a higher scope is set up once, for whichever test comes first; what was run for it, at
its beginning and at its end, counts for every test that has it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from mighty_patcher.pytest_plugin.attempt import made_anew
from mighty_patcher.pytest_plugin.ran import Record, Recorder

__all__ = ["Fixture", "Run", "Runs"]


@dataclass
class Fixture(Record):
    """What ran for a fixture.

    Attributes:
        inner: Fixtures that it may have asked for by name, so that nobody else knows of it.
    """

    inner: list[Fixture] = field(default_factory=list)

    def all_bits(self, seen: set[int]) -> int:
        """Return the bits of this and of those that it may have."""
        if id(self) in seen:
            return 0
        seen.add(id(self))
        found = self.bits
        for it in self.inner:
            found |= it.all_bits(seen)
        return found


@dataclass
class Run:
    """What is known of a test that ran.

    Attributes:
        own: What ran on its behalf alone, in all of its runs so far: what it found done by others
            the second time, it may have done itself the first time.
        fixtures: Those of a higher scope that it had in its last run.
    """

    own: Record = field(default_factory=Record)
    fixtures: list[Fixture] = field(default_factory=list)

    @property
    def bits(self) -> int:
        """Everything, as bits."""
        found, seen = self.own.bits, set[int]()
        for fixture in self.fixtures:
            found |= fixture.all_bits(seen)
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
        self._alive: dict[Any, Fixture] = {}
        self._died: list[Fixture] = []

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
        fixture = self._alive[fixturedef] = Fixture()
        self._recorder.begin(fixture)
        try:
            return (yield)
        finally:
            self._recorder.end(again=True)
            if "request" in fixturedef.argnames and not _is_of_pytest(fixturedef):
                fixture.inner += (it for it in self._alive.values() if it is not fixture)

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
        self._now.fixtures += self._had_by(item)
        if not self._alive or (nextitem is not None and nextitem.parent is item.parent):
            return (yield)
        with self.ending_fixtures():
            return (yield)

    @contextmanager
    def ending_fixtures(self) -> Iterator[None]:
        """Record what runs while fixtures of a higher scope end, for those that have had them."""
        record = Record()
        self._died.clear()
        self._recorder.begin(record)
        try:
            yield
        finally:
            self._recorder.end(again=True)
            for it in (self._now.own, *self._died):
                it.bits |= record.bits

    def _had_by(self, item: Any) -> list[Fixture]:
        """Return the fixtures of a higher scope that a test has, all where it does not tell."""
        names = getattr(getattr(item, "_request", None), "fixturenames", None)
        return [
            fixture
            for definition, fixture in self._alive.items()
            if names is None or definition.argname in names
        ]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A test begins."""
        self.failed.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of failures."""
        if report.failed:
            self.failed[report.nodeid] = None


def _is_of_pytest(definition: Any) -> bool:
    """Tell whether a fixture is one that pytest makes, for ``setup_class`` and the like."""
    return str(getattr(definition.func, "__module__", "")).startswith("_pytest.")
