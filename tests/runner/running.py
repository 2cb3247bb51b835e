"""Programs in processes of their own: run to their end, or while their files are saved."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple, Protocol

import mighty_patcher

TIMEOUT = 30.0
"""Seconds for which something is waited for. What comes at all comes within one."""
RUNNER = ("-m", "mighty_patcher")
_SOURCE = str(Path(mighty_patcher.__file__).parent.parent)


class Ended(NamedTuple):
    """How a program ended."""

    status: int
    output: str
    errors: str


def environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment in which the package that is tested is found."""
    given = {**os.environ, **(more or {})}
    paths = [_SOURCE, *given.get("PYTHONPATH", "").split(os.pathsep)]
    return {
        **given,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, paths))),
        "PYTHONIOENCODING": "utf-8",
        "NO_COLOR": "1",
    }


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, which are indented as it suits the test."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else textwrap.dedent(text).lstrip("\n").encode()
        path.write_bytes(data)


def run(
    folder: Path,
    arguments: Sequence[str],
    *,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
) -> Ended:
    """Run Python to its end."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=stdin,
        env=environ(env),
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=TIMEOUT,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


class Running:
    """A program that runs. What it prints and what is on its stderr are lines of one queue."""

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        env: Mapping[str, str] | None = None,
        stdin: int = subprocess.PIPE,
    ) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env={**environ(env), "PYTHONUNBUFFERED": "1"},
            text=True,
            encoding="utf-8",
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=1,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._transcript: list[str] = []
        self._listener = threading.Thread(target=self._listen, args=[self._process.stdout])
        self._listener.start()

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for a line that matches, and return the match."""
        while True:
            try:
                line = self._lines.get(timeout=TIMEOUT)
            except queue.Empty:
                line = None
            assert line is not None, f"no line matches {pattern!r}:\n{''.join(self._transcript)}"
            if match := re.fullmatch(pattern, line):
                return match

    def expect_all(self, *patterns: str) -> None:
        """Wait for lines of several processes or threads, in whatever order."""
        missing = set(patterns)
        while missing:
            line = self.expect("|".join(missing))[0]
            missing -= {pattern for pattern in missing if re.fullmatch(pattern, line)}

    def save(self, name: str, text: str) -> None:
        """Save a file in its folder."""
        write(self.folder, {name: text})

    def tell(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def ask(self, line: str, answer: str) -> None:
        """Write a line to its standard input, and wait for an answer."""
        self.tell(line)
        self.expect(re.escape(answer))

    def end(self) -> int:
        """Close its standard input, and return its exit status."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        status = self._process.wait(TIMEOUT)
        self._listener.join(TIMEOUT)
        return status

    @property
    def transcript(self) -> str:
        """All that it has printed so far."""
        return "".join(self._transcript)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it, whatever it does, with all processes that it has started."""
        if sys.platform == "win32":
            self._process.kill()
        else:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join(TIMEOUT)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _listen(self, stream: IO[str]) -> None:
        for line in stream:
            self._transcript.append(line)
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


class Start(Protocol):
    """Starts a program under the runner: its files, and what comes after the runner's name."""

    def __call__(
        self, files: Mapping[str, str | bytes], *arguments: str, env: Mapping[str, str] = ...
    ) -> Running: ...
