"""``pytest --reload-watch``: after the run stay in the process, and at each save run the tests that
the edit can affect.

All of it happens inside of ``pytest_runtestloop``: for pytest and its plugins it is one session, in
which tests run again as they do with pytest-rerunfailures. After each round everything is torn
down, fixtures of the session included, so that each begins as a run of its own would: a fixture of
the session that outlives a round would go on with what code has made that is there no more.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from mighty_patcher.engine.log import logger
from mighty_patcher.engine.saves import Saves
from mighty_patcher.pytest_plugin.collected import Collected
from mighty_patcher.pytest_plugin.installing import Installer
from mighty_patcher.pytest_plugin.keys import ENDED, Waiting
from mighty_patcher.pytest_plugin.summary import Reporters, showing_reloads

__all__ = ["Watch"]

_HELP = """\
 a  run all tests (or Enter)
 f  run the tests that failed
 r  start pytest anew, imports and all
 q  quit
 ?  show this"""


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM."""


class Watch:
    """The plugin. It begins to watch, and to record, when it is made.

    Args:
        roots: The folders that are watched.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._collected = Collected()
        self._installer = Installer(roots, self._collected)
        self._runs = self._installer.runs
        self._saved: set[str] = set()
        self._lock = threading.Lock()
        self._waiting = Waiting()
        self._owed: dict[str, None] = {}
        self._status: int | pytest.ExitCode = pytest.ExitCode.OK
        self._stopped_by: KeyboardInterrupt | None = None
        self._is_reported = False
        self._is_over = False
        self._has_helped = False
        self._starts_anew = False
        self._saves = Saves(list(roots), self._on_save)
        atexit.register(self._start_anew)

    def register(self, config: pytest.Config) -> None:
        """Let pytest know of it and of its parts."""
        for plugin in (self, self._collected, self._runs, self._installer.files):
            config.pluginmanager.register(plugin)
        self._waiting.config = config

    def _on_save(self, paths: Iterable[str]) -> None:
        """On the watcher's thread."""
        with self._lock:
            self._saved.update(paths)
        self._waiting.wake()

    @property
    def has_saves(self) -> bool:
        """Whether something was saved that is not installed yet."""
        return bool(self._saved)

    def _taken(self) -> set[str]:
        with self._lock:
            saved, self._saved = self._saved, set()
        return saved

    # ---- what pytest calls

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionstart(self, session: pytest.Session) -> Generator[None, object, object]:
        """Remember what reporters are like when they have reported nothing."""
        result = yield
        self._session = session
        self._reporters = Reporters(session)
        return result

    def pytest_report_header(self) -> str:
        """Say what is going on."""
        how = "by what they ran" if self._installer.recorder.sees_functions else "by their imports"
        return f"mighty_patcher: at each save the tests run that it can affect, {how}"

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run rounds: the first is pytest's own."""
        if session.config.option.collectonly:
            return (yield)
        with showing_reloads(self._reporters.say), self._until_terminated():
            with self._round(session.items):
                yield
            self._end_round(session.items)
            while (items := self._next()) is not None:
                with self._round(items):
                    self._run(items)
                self._end_round(items)
            self._reporters.forget()
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Stop in time for what was saved: before the teardown, so that it is a full one."""
        if self.has_saves and report.when == "call" and not self._session.shouldstop:
            self._session.shouldstop = "a file was saved"

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """A test has run."""
        self._owed.pop(nodeid, None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """The summary was shown after each round; let plugins do what they do at the end."""
        if not self._is_reported:
            return (yield)
        with self._reporters.silent():
            result = yield
        if self._status != pytest.ExitCode.OK and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = self._status
        return result

    def stop(self) -> None:
        """Watch no more; may be called again."""
        self._saves.stop()
        self._installer.stop()
        self._waiting.close()

    # ---- rounds

    @contextmanager
    def _round(self, items: Sequence[pytest.Item]) -> Iterator[None]:
        """Run tests until something stops them.

        What ends the session (`pytest.exit`, an internal error) goes on to pytest.
        """
        session = self._session
        self._owed.update((item.nodeid, None) for item in items)
        self._runs.last = None
        self._stopped_by = None
        self._is_reported = False
        try:
            yield
        except session.Failed:
            pass
        except KeyboardInterrupt as interrupt:
            self._is_over |= isinstance(interrupt, _TerminatedError)
            self._stopped_by = None if session.shouldstop else interrupt

    def _end_round(self, items: Sequence[pytest.Item]) -> None:
        """Tear everything down, and show the summary."""
        self._tear_down()
        stopped_by, self._stopped_by = self._stopped_by, None  # it has frames of tests
        status = pytest.ExitCode.INTERRUPTED if stopped_by else self._judged(items)
        self._session.exitstatus = status
        self._runs.settle()
        self._reporters.end(status, stopped_by)  # --max-warnings may lead to another
        self._status = self._session.exitstatus
        if self._installer.files.failed:
            self._status = pytest.ExitCode.INTERRUPTED  # as pytest's own
        self._is_reported = True
        self._remember_failures()

    def _judged(self, items: Sequence[pytest.Item]) -> pytest.ExitCode:
        if self._session.testsfailed:
            return pytest.ExitCode.TESTS_FAILED
        return pytest.ExitCode.OK if items else pytest.ExitCode.NO_TESTS_COLLECTED

    def _run(self, items: Sequence[pytest.Item]) -> None:
        """Run tests as pytest does.

        Raises:
            Session.Failed: -x, for instance.
            Session.Interrupted: What was asked for in another way.
        """
        session = self._session
        session.testscollected = len(items)
        for place, item in enumerate(items):
            nextitem = items[place + 1] if place + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            if session.shouldfail:
                raise session.Failed(session.shouldfail)
            if session.shouldstop:
                raise session.Interrupted(session.shouldstop)

    def _tear_down(self) -> None:
        """End all fixtures where a round was cut short; not by the hook, which the test has had."""
        item, state = self._runs.last, self._session._setupstate
        if item is None or not state.stack:
            return
        capture: Any = item.config.pluginmanager.get_plugin("capturemanager")
        captured = nullcontext() if capture is None else capture.item_capture("teardown", item)
        with captured, self._runs.ending_fixtures():
            call = pytest.CallInfo.from_call(
                lambda: state.teardown_exact(None), "teardown", reraise=(KeyboardInterrupt,)
            )
        if call.excinfo is not None:
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            item.ihook.pytest_runtest_logreport(report=report)

    def _remember_failures(self) -> None:
        """Have ``--lf`` of another pytest see what has failed, before this one ends."""
        last_failed = self._session.config.pluginmanager.get_plugin("lfplugin")
        if last_failed is not None:
            last_failed.pytest_sessionfinish(session=self._session)

    # ---- between rounds

    def _next(self) -> list[pytest.Item] | None:
        """Wait, and return what is to be run next; None for the end."""
        session = self._session
        self._installer.rest(session)
        try:
            while not self._is_over:
                session.testsfailed = 0
                session._shouldfail = session._shouldstop = False  # the public ones cannot be unset
                saved = self._taken()
                items = self._installed(saved) if saved else self._asked_for()
                if items is not None:
                    return sorted(items, key=lambda it: it.nodeid not in self._runs.failed)
        except KeyboardInterrupt:  # not in a test: it ends the loop
            self._reporters.say("")
        finally:
            self._installer.end_rest()
        self._session.testsfailed = int(self._status == pytest.ExitCode.TESTS_FAILED)
        return None

    def _installed(self, saved: set[str]) -> list[pytest.Item] | None:
        """Install saves, and return what they can affect; None if no round is needed."""
        self._reporters.begin()
        installed = self._installer.install(self._session, saved)
        for line in installed.lines:
            self._reporters.say(line)
        if not installed.ok:
            return None
        waiting = self._owed.keys() | self._runs.failed.keys()
        owed = [item for item in self._session.items if item.nodeid in waiting]
        items = list(dict.fromkeys([*installed.items, *owed]))
        count = f"{len(items)} of {len(self._session.items)} tests"
        self._reporters.say(f"{count} can be affected" if items else "no test can be affected")
        return items if items or self._installer.files.failed else None

    def _asked_for(self) -> list[pytest.Item] | None:
        """Wait for a key or a save, and return what the key asks to run."""
        with self._waiting.reading() as has_keys:
            if has_keys and not self._has_helped:
                self._has_helped = True
                self._reporters.say(_HELP)
            self._reporters.say("waiting for a save" + ("; ? for help" if has_keys else ""))
            while not (self._is_over or self.has_saves):
                if items := self._named_by(self._waiting.wait()):
                    return items
        return None

    def _named_by(self, key: str | None) -> list[pytest.Item] | None:
        """Do what a key says, and return the tests that are to be run."""
        if key in ("a", "f", "\n", "\r"):
            again = self._runs.failed if key == "f" else None
            items = [it for it in self._session.items if again is None or it.nodeid in again]
            if items:
                self._reporters.begin()
                return items
            self._reporters.say("no test has failed" if key == "f" else "there are no tests")
        elif key in ("?", "h"):
            self._reporters.say(_HELP)
        elif key in ("q", "r", ENDED):
            self._starts_anew = key == "r"
            self._is_over = True
        return None

    # ---- the end

    @contextmanager
    def _until_terminated(self) -> Iterator[None]:
        """Have SIGTERM end the loop as the user would, unless somebody else waits for it."""
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL or not _is_main_thread():
            yield
            return
        signal.signal(signal.SIGTERM, _terminate)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _start_anew(self) -> None:
        """Become the same command again, when everything else has come to its end."""
        if self._starts_anew:
            sys.stdout.flush()
            sys.stderr.flush()
            logger().debug("starting %s", sys.orig_argv)
            os.execv(sys.executable, sys.orig_argv)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _terminate(_signum: int, _frame: FrameType | None) -> None:
    raise _TerminatedError
