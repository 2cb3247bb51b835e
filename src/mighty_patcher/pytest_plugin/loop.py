"""``pytest --reload-loop``: a test that fails is run again, edited meanwhile, until it passes.

Each attempt is what pytest does for a test, phase by phase, but nothing of it is reported until the
test is settled. Between two attempts the test is torn down, what is collected is brought in line
with what was reloaded, and those fixtures of a wider scope are ended that the edit concerns.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import call_and_report

from mighty_patcher.engine.report import Reload
from mighty_patcher.pytest_plugin.alive import Alive
from mighty_patcher.pytest_plugin.attempt import Attempt, Failure, made_anew
from mighty_patcher.pytest_plugin.collected import Collected
from mighty_patcher.pytest_plugin.limits import Limits
from mighty_patcher.pytest_plugin.prompt import Debugger, Waiting
from mighty_patcher.pytest_plugin.saves import Reloads
from mighty_patcher.pytest_plugin.screen import Screen

__all__ = ["Loop"]


class Loop:
    """The plugin.

    Args:
        config: The configuration.
        folders: What is watched.
        waits: There is no debugger.
    """

    def __init__(self, config: pytest.Config, folders: Sequence[Path], *, waits: bool) -> None:
        self._folders = folders
        self._screen = Screen(config)
        self._reloads = Reloads(folders, self._screen.tell)
        self._collected = Collected()
        self._alive = Alive()
        self._prompt = (
            Waiting(self._screen, self._reloads) if waits else Debugger(self._screen, self._reloads)
        )
        self._limits = Limits()
        for plugin in (self._collected, self._alive, self._limits, self._prompt):
            config.pluginmanager.register(plugin)
        self._failures: list[Failure] = []
        self._settled: list[tuple[str, int]] = []

    def stop(self) -> None:
        """Watch no more; may be called again."""
        self._reloads.stop()
        self._screen.close()

    # ---- hooks

    def pytest_report_header(self, config: pytest.Config) -> str:
        """Say what is watched."""
        here = config.invocation_params.dir
        names = [
            str(it.relative_to(here)) if it.is_relative_to(here) else str(it)
            for it in self._folders
        ]
        return f"mighty_patcher: watching {', '.join(names)}; {self._prompt.help}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Run a test until it passes or is given up."""
        now = self._brought_up_to_date(item)
        if now is None:
            return True
        now.ihook.pytest_runtest_logstart(nodeid=now.nodeid, location=now.location)
        self._run(now)
        self._screen.flush()
        return True

    def pytest_exception_interact(self, node: Any, call: pytest.CallInfo[Any], report: Any) -> None:
        """Take note of what was raised."""
        if isinstance(report, pytest.TestReport):
            self._failures.append(Failure(node, call, report))

    def pytest_enter_pdb(self, pdb: Any) -> None:
        """Have saves shown above the prompt, at a breakpoint too."""
        self._screen.enter_debugger(pdb)

    def pytest_leave_pdb(self) -> None:
        """End that."""
        self._screen.leave_debugger()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> Any:
        """Say how many attempts a test took."""
        attempts = getattr(report, "reload_attempts", 1)
        if report.when != "call" or report.outcome != "passed" or attempts == 1:
            return None
        return "passed", ".", (f"PASSED after {attempts} attempts", {"green": True})

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List the tests that took more than one attempt."""
        self._reloads.take()  # one that is under way is waited for, and shown
        self._screen.flush()
        if self._settled:
            terminalreporter.write_sep("=", "mended while running", green=True)
            for nodeid, attempts in self._settled:
                terminalreporter.write_line(f"{nodeid} passed after {attempts} attempts")

    # ---- one test

    def _run(self, item: pytest.Item) -> None:
        now: pytest.Item | None = item
        attempts = 0
        while now is not None:
            item, attempts = now, attempts + 1
            attempt = self._attempt(item)
            if not attempt.is_repeated:
                break
            now = self._brought_up_to_date(item, is_again=True)
            if now is not None:
                self._limits.begin(now)
        else:
            attempt.become_skipped("it was renamed or removed while it failed")
        self._limits.end(item)
        attempt.note(attempts)
        if attempts > 1:
            self._screen.begin_result(item)
            if attempt.has_passed:
                self._settled.append((item.nodeid, attempts))
        attempt.log()
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _attempt(self, item: pytest.Item) -> Attempt:
        """Run a test once; where it fails, let somebody decide before it is torn down."""
        attempt = Attempt(item)
        self._failures.clear()
        self._reloads.forget()
        try:
            with attempt.holding():
                self._phases(attempt)
        except BaseException:
            attempt.log()  # as far as it has come
            raise
        finally:
            attempt.end()
        return attempt

    def _phases(self, attempt: Attempt) -> None:
        item = attempt.item
        attempt.add(call_and_report(item, "setup", log=False))
        if attempt.has_passed:
            attempt.show_fixtures()
            if not item.config.getoption("setuponly", default=False):
                attempt.add(call_and_report(item, "call", log=False))
        self._decide(attempt)
        following = item.parent if attempt.is_repeated else _next(item)
        if item.session.shouldfail or item.session.shouldstop or attempt.would_end_session:
            following = None
        report: Any = call_and_report(item, "teardown", log=False, nextitem=following)
        attempt.add(report)
        if report.failed and attempt.is_repeated:
            self._screen.show(report)  # nobody else will
        elif not attempt.is_settled:
            self._decide(attempt)

    def _decide(self, attempt: Attempt) -> None:
        failed = attempt.failed
        if failed is None:
            return
        failure = next((it for it in self._failures if it.report is failed), None)
        attempt.settle(self._prompt.wants_another(attempt.item, failed, failure))

    def _brought_up_to_date(
        self, item: pytest.Item, *, is_again: bool = False
    ) -> pytest.Item | None:
        """Take in what was reloaded; return the item for the same test, None if there is none."""
        reloads: list[Reload] = self._reloads.take()
        if reloads:
            self._screen.flush()
            changes = self._collected.update(item.session, reloads, running=item)
            for problem in changes.problems:
                self._screen.line(problem, yellow=True)
            for new in changes.added:
                self._screen.line(f"new: {new.nodeid}")
            if item in changes.removed:
                self._screen.line(f"gone: {item.nodeid}", yellow=True)
                return None
            item = changes.replaced.get(item, item)
        if reloads or is_again:
            for problem in self._alive.end(reloads, changes.outdated if reloads else ()):
                self._screen.line(problem, yellow=True)
            self._tear_down_to(item)
        return made_anew(item) if is_again else item

    def _tear_down_to(self, item: pytest.Item) -> None:
        """Tear down what is set up and not needed any more, and what has failed."""
        state: Any = item.session._setupstate
        has_failed = any(error is not None for _, error in state.stack.values())
        try:
            state.teardown_exact(None if has_failed else item)
        except Exception as error:
            self._screen.line(f"teardown raised {type(error).__name__}: {error}", yellow=True)


def _next(item: pytest.Item) -> pytest.Item | None:
    """Return the item that comes next, which may be another than before the last reload."""
    items = item.session.items
    with suppress(ValueError, IndexError):
        return items[items.index(item) + 1]
    return None
