"""One attempt at a test: its reports, which are held back until the test is settled."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

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
        self.is_settled = False
        self.is_repeated = False
        self._properties = len(item.user_properties)
        if hasattr(item, "_request") and not item._request:  # as pytest's own protocol
            item._initrequest()  # type: ignore[attr-defined]

    def add(self, report: Any) -> None:
        """Add the report of a phase."""
        self.reports.append(report)

    @property
    def has_passed(self) -> bool:
        """Whether no phase so far has failed or was skipped."""
        return all(report.passed for report in self.reports)

    @property
    def failed(self) -> Any:
        """The report of the last phase if that failed, and nobody expected it."""
        last = self.reports[-1]
        return last if last.failed else None

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
        path, line, _ = self.item.location
        for report in self.reports:
            if report.failed:
                report.outcome = "skipped"
                report.longrepr = (path, line, f"Skipped: {why}")

    def log(self) -> None:
        """Let pytest know."""
        for report in self.reports:
            self.item.ihook.pytest_runtest_logreport(report=report)

    def end(self) -> None:
        """Forget the values of the fixtures; where another attempt follows, all that was said."""
        if hasattr(self.item, "_request"):
            self.item._request = False
            self.item.funcargs = None  # type: ignore[attr-defined]
        if self.is_repeated:
            del self.item.user_properties[self._properties :]
            self.item._report_sections.clear()


def made_anew(item: pytest.Item) -> pytest.Item:
    """Let a test begin again: with another instance of its class, and what it was decorated with."""
    values = vars(item)
    if isinstance(item, pytest.Function) and not _is_unittest(item):
        values.pop("_instance", None)
        item._obj = None  # type: ignore[attr-defined]
    values.pop("location", None)
    return item


def _is_unittest(item: Any) -> bool:
    """Tell whether an item looks for its method at each setup by itself."""
    return type(item).__name__ == "TestCaseFunction"
