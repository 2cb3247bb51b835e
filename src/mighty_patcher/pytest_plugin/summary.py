"""Each round is reported as a run of its own.

pytest reports once, when its session ends. Whoever reports is put back into the state that it had
when the session began, before each round, and told that the session has ended, after it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.log import NAME

__all__ = ["Reporters", "showing_reloads"]

_REPORTERS = ("TerminalReporter", "LogXML")
_STARTED = ("_session_start", "_sessionstarttime")  # since pytest 8.4, and before

_SILENT = -2
"""The verbosity with which pytest has no last line."""


class Reporters:
    """What reports on a round: the terminal, and the JUnit file, which is of the last one.

    Args:
        session: The session, which has just begun.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._states = [
            (plugin, _copied(vars(plugin)))
            for plugin in session.config.pluginmanager.get_plugins()
            if any(it.__name__ in _REPORTERS for it in type(plugin).__mro__)
        ]

    @property
    def _terminal(self) -> Any:
        return self._session.config.pluginmanager.get_plugin("terminalreporter")

    def say(self, line: str, **markup: bool) -> None:
        """Write a line, or several."""
        if self._terminal is None:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            return
        self._terminal.ensure_newline()
        self._terminal.write_line(line, flush=True, **markup)

    def begin(self) -> None:
        """A round begins."""
        for plugin, state in self._states:
            vars(plugin).update(_copied(state))
            for name in _STARTED:
                value = vars(plugin).get(name)
                if value is not None:
                    setattr(plugin, name, time.time() if name == _STARTED[1] else type(value)())

    def end(self, status: int, interrupt: BaseException | None) -> None:
        """A round has ended: show the summary.

        Args:
            status: The exit status that pytest would have now.
            interrupt: What has cut it short, if anything has.
        """
        if self._terminal is None:
            return
        if interrupt is not None:  # the hook would end capturing, too
            excinfo = pytest.ExceptionInfo.from_exception(interrupt)
            self._terminal.pytest_keyboard_interrupt(excinfo)
        progress = getattr(self._terminal, "pytest_runtestloop", None)  # since 9.1
        for _ in progress() if progress is not None else ():
            pass
        summary = self._terminal.pytest_sessionfinish(session=self._session, exitstatus=status)
        for _ in summary:  # it wraps what other plugins do when a session ends
            pass

    def forget(self) -> None:
        """Have the terminal report no round again, and others the last one."""
        for plugin, state in self._states:
            if plugin is self._terminal:
                vars(plugin).update(_copied(state))

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Have the terminal say nothing more than what plugins add to it."""
        option = self._session.config.option
        before, option.verbose = option.verbose, _SILENT
        try:
            yield
        finally:
            option.verbose = before


@contextmanager
def showing_reloads(say: Callable[[str], object]) -> Iterator[None]:
    """Show reloads where the rest is shown, and not on standard error beside that.

    Args:
        say: Writes a line.
    """
    handler = _Showing(say)
    logger = logging.getLogger(NAME)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(min(logging.INFO, logger.level or logging.INFO))
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _Showing(logging.Handler):
    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


def _copied(state: dict[str, Any]) -> dict[str, Any]:
    """Copy attributes, and those containers that are filled in the course of a session."""
    return {
        name: value.copy() if is_one_of(type(value), (dict, list, set)) else value
        for name, value in state.items()
    }
