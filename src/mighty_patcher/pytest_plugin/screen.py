"""What is written to the terminal beside what pytest writes, though output is captured."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest

from mighty_patcher.engine.log import NAME

__all__ = ["Screen"]

_CLEAR = "\r\033[K"


class Screen(logging.Handler):
    """Writes lines to the terminal, and keeps our logger out of what tests see.

    While a test runs, its output is captured, and lines wait. While somebody sits at a prompt, they
    come at once, above it.

    Args:
        config: The configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        super().__init__()
        self._reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        self._capture: Any = config.pluginmanager.get_plugin("capturemanager")
        self._guard = threading.Lock()
        self._waiting: list[str] = []
        self._is_open = False
        self._debugger: Any = None
        self._logger = logger = logging.getLogger(NAME)
        self._before = logger.level, logger.propagate
        # Neither into what a test has captured, nor into its log.
        logger.addHandler(self)
        logger.propagate = False
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)

    def close(self) -> None:
        """Leave the logger as it was; may be called again."""
        if self in self._logger.handlers:
            self._logger.removeHandler(self)
            level, self._logger.propagate = self._before
            self._logger.setLevel(level)
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Write what our logger says beside reloads."""
        if not hasattr(record, "reload"):
            self.tell(record.getMessage())

    def tell(self, what: object) -> None:
        """Write something, from whatever thread.

        Reloads come here and not by way of the logger, which tests may disable:
        `logging.config.dictConfig` does so unless it is told not to.
        """
        text = str(what)
        with self._guard:
            if not self._is_open:
                self._waiting.append(text)
            elif self._debugger is not None:
                self._write_above(text)
            else:
                self._reporter.write_line(text)

    def line(self, text: str = "", **markup: bool) -> None:
        """Write a line, and before it what has waited; from the main thread, while no test runs."""
        with self.uncaptured(), self._guard:
            self._flush()
            self._reporter.ensure_newline()
            self._reporter.write_line(text, **markup)

    def raw_line(self, text: str) -> None:
        """Write a line where nothing is captured anyway."""
        self._reporter.write_line(text)

    def begin_line(self) -> None:
        """Write what has waited, and have the next thing begin a line."""
        with self.uncaptured(), self._guard:
            self._flush()
            self._reporter.ensure_newline()

    def begin_result(self, item: pytest.Item) -> None:
        """Begin a line with the file of a test, where only letters follow."""
        if self._reporter.showfspath and not self._reporter.showlongtestinfo:
            self._reporter.write_fspath_result(item.nodeid, "")

    def show(self, report: pytest.TestReport) -> None:
        """Show a failure as at the end of a run."""
        with self.uncaptured(), self._guard:
            self._flush()
            self._reporter.ensure_newline()
            headline = self._reporter._getfailureheadline(report)
            self._reporter.write_sep("_", headline, red=True, bold=True)
            self._reporter._outrep_summary(report)

    def flush(self) -> None:
        """Write what has waited; from the main thread, while no test runs."""
        with self.uncaptured(), self._guard:
            self._flush()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Until the end of the block, what comes is written at once."""
        with self._guard:
            self._flush()
            self._is_open = True
        try:
            yield
        finally:
            with self._guard:
                self._is_open = False

    def uncaptured(self) -> Any:
        """Return a context in which standard output is the terminal."""
        return (
            nullcontext() if self._capture is None else self._capture.global_and_fixture_disabled()
        )

    def enter_debugger(self, debugger: Any) -> None:
        """Have what comes written above the prompt of a debugger."""
        with self._guard:
            self._flush()
            self._debugger, self._is_open = debugger, True

    def leave_debugger(self) -> None:
        """End that."""
        with self._guard:
            self._debugger, self._is_open = None, False

    def _flush(self) -> None:
        for text in self._waiting:
            self._reporter.ensure_newline()
            self._reporter.write_line(text)
        self._waiting.clear()

    def _write_above(self, text: str) -> None:
        """Write above a prompt, and write the prompt again with what has been typed."""
        stream = self._reporter._tw._file
        if not stream.isatty():
            stream.write(f"{text}\n")
        else:
            lines = text.replace("\n", "\r\n")  # the terminal may be in raw mode
            stream.write(f"{_CLEAR}{lines}\r\n{_prompt(self._debugger)}")
        stream.flush()


def _prompt(debugger: Any) -> str:
    """Return the prompt of a debugger, with what somebody has typed if that is known."""
    pyrepl = getattr(debugger, "pyrepl_input", None)  # since 3.15, at a terminal
    if pyrepl is not None:
        return f"{pyrepl.prompt}{pyrepl.readline_wrapper.get_line_buffer()}"
    readline = sys.modules.get("readline")
    typed = "" if readline is None else readline.get_line_buffer()
    return f"{getattr(debugger, 'prompt', '')}{typed}"
