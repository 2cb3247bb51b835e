"""Waiting for a save or for a key, whichever comes first.

pytest has taken standard input away from tests, also where there is a terminal; it is given back
while we wait, and a terminal is then read key by key. Everything is as it was when a test runs.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

__all__ = ["ENDED", "Waiting"]

ENDED: Literal[""] = ""
"""What is returned for a key when standard input has come to its end."""

_STDIN = 0
_CTRL_D = (b"\x04", b"\0")
"""It is a key while we read, and what Linux makes of it if it was typed before."""
_PATIENCE = 0.5
"""Seconds after which Ctrl-C is looked for on Windows, where it does not wake up who waits."""


class Waiting:
    """Waits on the main thread for what another tells it, and for keys.

    Attributes:
        config: Knows who has taken standard input.
    """

    config: pytest.Config

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._wakes, self._woken = (-1, -1) if sys.platform == "win32" else os.pipe()
        self._reads_input = sys.platform != "win32"
        self._is_terminal = False
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of what it holds."""
        with self._lock:
            for end in (self._wakes, self._woken):
                if end >= 0:
                    os.close(end)
            self._wakes = self._woken = -1

    def wake(self) -> None:
        """Have `wait` return. May be called on any thread."""
        self._told.put(None)
        with self._lock:
            if self._woken >= 0:
                os.write(self._woken, b".")

    @contextmanager
    def reading(self) -> Iterator[bool]:
        """Read standard input until the end of the block; the value is whether it has keys."""
        if not self._reads_input:
            yield False
            return
        with self._input(), _key_by_key(_STDIN) as self._is_terminal:
            yield self._is_terminal

    def wait(self) -> str | None:
        """Wait, while `reading`, and return the key, `ENDED`, or None if `wake` was called.

        Raises:
            KeyboardInterrupt: As it comes.
        """
        if not self._reads_input:
            self._wait_without_input()
            return None
        while True:
            key = self._next(self._is_terminal)
            if key is None or key is ENDED or (self._is_terminal and key):
                return key

    def _next(self, is_terminal: bool) -> str | None:
        inputs = [self._wakes, _STDIN] if _is_open(_STDIN) else [self._wakes]
        ready, _, _ = select.select(inputs, [], [])
        if self._wakes in ready:
            os.read(self._wakes, 4096)
            return None
        try:
            data = os.read(_STDIN, 1 if is_terminal else 4096)
        except OSError:  # the terminal is gone
            return ENDED
        if is_terminal and data in _CTRL_D:
            return ENDED
        return data.decode("utf-8", "replace") if data else ENDED

    def _wait_without_input(self) -> None:
        while True:
            try:
                self._told.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            return

    @contextmanager
    def _input(self) -> Iterator[None]:
        """Give standard input back for as long."""
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        if capture is None:
            yield
            return
        capture.suspend_global_capture(in_=True)
        try:
            yield
        finally:
            capture.resume_global_capture()
            capture.suspend_global_capture(in_=False)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _is_ours(fd: int) -> bool:
    """Tell whether this is a terminal that we may read: who reads in the background is stopped."""
    try:
        return os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


@contextmanager
def _key_by_key(fd: int) -> Iterator[bool]:
    """Read a terminal without waiting for the end of a line; Ctrl-C and Ctrl-Z go on as ever."""
    if not _is_ours(fd):
        yield False
        return
    import termios
    import tty

    before = termios.tcgetattr(fd)
    tty.setcbreak(fd, termios.TCSADRAIN)
    try:
        yield True
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
