"""Programs in processes of their own, which tell what they do by printing.

Nothing sleeps: `Running.expect` waits for a line.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

import pytest

import mighty_patcher

PATIENCE = 30.0
"""Seconds for which a line is waited for. One that comes at all comes at once."""

SOURCE = str(Path(mighty_patcher.__file__).parent.parent)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, by their paths below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).removeprefix("\n"), "utf-8")


class Running:
    """A process, and the lines that it prints, on standard output and standard error.

    Args:
        folder: Its current directory.
        arguments: Those of Python.
        stdin: What it reads; None for nothing, and an ellipsis for a pipe that stays open.
    """

    def __init__(
        self, folder: Path, arguments: Sequence[str], stdin: str | object | None = None
    ) -> None:
        self.folder = folder
        self.seen: list[str] = []
        paths = [SOURCE, os.environ.get("PYTHONPATH", "")]
        environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
        }
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # stale caches are part of life
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", *arguments],
            cwd=folder,
            env=environ,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._listener = threading.Thread(target=self._listen, args=(self.process.stdout,))
        self._listener.start()
        if isinstance(stdin, str):
            assert self.process.stdin is not None
            self.process.stdin.write(stdin)
            self.process.stdin.close()

    def save(self, **files: str) -> None:
        """Save modules of its folder, by their names without ``.py``."""
        write(self.folder, {f"{name}.py": text for name, text in files.items()})

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches, and forget those before it."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                pytest.fail(f"no line matches {pattern!r}:\n{self.output}")
            if match := re.fullmatch(pattern, line):
                return match

    def next_line(self) -> str | None:
        """Wait for the next line; None if it has ended."""
        return self._lines.get(timeout=PATIENCE)

    def ask(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        if sys.platform == "win32":
            pytest.skip("Windows sends Ctrl-C to all processes of a console, this one too")
        self.process.send_signal(signal.SIGINT)

    def ends(self) -> int:
        """Wait for its end, and return its exit status."""
        status = self.process.wait(PATIENCE)
        self._listener.join()
        return status

    @property
    def output(self) -> str:
        """All that it has printed so far."""
        return "".join(self.seen)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._listener.join()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self.seen.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


class Run(Protocol):
    """Starts a program of files, by its script or the arguments of Python."""

    def __call__(
        self, files: Mapping[str, str], *arguments: str, stdin: str | object | None = None
    ) -> Running: ...


Passes = Callable[[Mapping[str, str]], Running]
"""Runs a program that checks itself to its end."""
