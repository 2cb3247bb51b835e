"""One attempt at a test: its reports, which are held back until the test is settled."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from _pytest.runner import show_test_item

__all__ = ["Attempt", "Failure", "made_anew"]


class Failure(NamedTuple):
    """What a phase of a test has raised."""

    item: pytest.Item
    call: pytest.CallInfo[Any]
    report: pytest.TestReport


class Attempt:
    """One run of a test.

    Args:
        item: The test.
    """

    def __init__(self, item: pytest.Item) -> None:
        self.item = item
        self.reports: list[Any] = []
        self._parts: list[Any] = []  # of the call: of subtests
        self.is_settled = False
        self.is_repeated = False
        self._properties = len(item.user_properties)
        if hasattr(item, "_request") and not item._request:  # as pytest's own protocol
            item._initrequest()  # type: ignore[attr-defined]

    def add(self, report: Any) -> None:
        """Add the report of a phase."""
        self.reports.append(report)

    def show_fixtures(self) -> None:
        """Do what ``--setup-show`` wants, as pytest's own protocol."""
        config = self.item.config
        if config.getoption("setupshow", default=False):
            given = inspect.signature(show_test_item).parameters
            space = not config.getoption("setuponly", default=False)
            show_test_item(self.item, **({"add_space": space} if "add_space" in given else {}))

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Until the end of the block, hold back what is reported of parts of the test.

        Subtests report themselves as they end, by the hooks of their item.
        """
        session: Any = self.item.session
        relay_of = session.gethookproxy
        session.gethookproxy = lambda path: _Holding(relay_of(path), self._parts)
        try:
            yield
        finally:
            del session.gethookproxy

    @property
    def has_passed(self) -> bool:
        """Whether nothing so far has failed or was skipped."""
        return all(report.passed for report in self.reports) and self.failed is None

    @property
    def failed(self) -> Any:
        """The report of what has failed in the last phase, if nobody expected that."""
        last = self.reports[-1]
        failed = [last] if last.failed else []
        if last.when == "call":
            failed += [report for report in self._parts if report.failed]
        return next((it for it in failed if not hasattr(it, "wasxfail")), None)

    @property
    def would_end_session(self) -> bool:
        """Whether the run ends with this test, by ``-x`` or ``--maxfail``."""
        most = self.item.config.getoption("maxfail", default=0)
        failed = sum(report.failed for report in self.reports)
        return bool(most and failed and self.item.session.testsfailed + failed >= most)

    def settle(self, is_repeated: bool) -> None:
        """Note what was decided about a failure."""
        self.is_settled, self.is_repeated = True, is_repeated

    def note(self, attempts: int) -> None:
        """Note the number of attempts where reports are kept."""
        if attempts > 1:
            for report in self.reports:
                report.reload_attempts = attempts
                report.user_properties.append(("reload_attempts", attempts))

    def become_skipped(self, why: str) -> None:
        """Be what is left of a test that is gone."""
        self._parts.clear()
        path, line, _ = self.item.location
        for report in self.reports:
            if report.failed:
                report.outcome = "skipped"
                report.longrepr = (path, line, f"Skipped: {why}")

    def log(self) -> None:
        """Let pytest know."""
        for report in self.reports:
            parts = self._parts if report.when == "call" else ()
            for one in (*parts, report):
                self.item.ihook.pytest_runtest_logreport(report=one)

    def end(self) -> None:
        """Forget the values of the fixtures; where another attempt follows, all that was said."""
        if hasattr(self.item, "_request"):
            self.item._request = False
            self.item.funcargs = None  # type: ignore[attr-defined]
        if self.is_repeated:
            del self.item.user_properties[self._properties :]
            self.item._report_sections.clear()
            subtests = sys.modules.get("_pytest.subtests")  # since 9.0
            if subtests is not None:
                item: Any = self.item
                key = getattr(item, "id", item.nodeid)  # since 9.2 or so
                item.config.stash[subtests.failed_subtests_key].pop(key, None)


class _Holding:
    """The hooks of an item, but for one."""

    def __init__(self, relay: Any, reports: list[Any]) -> None:
        self._relay = relay
        self._reports = reports

    def pytest_runtest_logreport(self, *, report: Any) -> None:
        self._reports.append(report)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relay, name)


def made_anew(item: pytest.Item) -> pytest.Item:
    """Let a test begin again, with another instance of its class."""
    values = vars(item)
    if isinstance(item, pytest.Function) and not _is_unittest(item):
        values.pop("_instance", None)
        item._obj = None
    values.pop("location", None)
    return item


def _is_unittest(item: Any) -> bool:
    """Tell whether an item looks for its method at each setup by itself."""
    return type(item).__name__ == "TestCaseFunction"
