"""``pytest --reload-watch`` with pipes, and pytest started anew, to compare what tests come to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from pexpect.popen_spawn import PopenSpawn
from terminal import TIMEOUT, command, environ, write

WAITS = "waiting for a save"
_HERE = str(Path(__file__).parent)
_TELLING = ("-p", "telling")

Outcomes = dict[str, str]

by_functions = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="3.11 goes by what modules import: test_by_modules"
)


class Watching:
    """A run of ``pytest --reload-watch`` without a terminal.

    Args:
        folder: Its current directory.
        options: Beside ``--reload-watch``.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._child = PopenSpawn(
            command(*_TELLING, "--reload-watch", *options),
            cwd=str(folder),
            env=_environ("told.jsonl"),
            encoding="utf-8",
            timeout=TIMEOUT,
        )
        self._told = folder / "told.jsonl"
        self._read = 0
        self._seen = ""

    def expect(self, pattern: str) -> str:
        """Wait for something to be printed, and return all up to it."""
        try:
            self._child.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            seen = self._seen + str(self._child.before)
            raise AssertionError(f"no {pattern!r} ({type(error).__name__}) in:\n{seen}") from None
        text = f"{self._child.before}{self._child.after}"
        self._seen += text
        return text

    def waits(self) -> str:
        """Wait until it waits for a save, and return what it has printed before."""
        return self.expect(re.escape(WAITS))

    def edit(self, name: str, old: str, new: str) -> str:
        """Save a file with another text in one place, and wait for the end of the round."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new), "utf-8")
        return self.waits()

    def save(self, files: Mapping[str, str]) -> str:
        """Save files, and wait for the end of the round."""
        write(self.folder, files)
        return self.waits()

    def outcomes(self) -> Outcomes:
        """What the tests have come to that ran since the last time this was asked."""
        lines = _lines(self._told)
        news, self._read = lines[self._read :], len(lines)
        return _joined(news)

    def ran(self) -> list[str]:
        """The names of the tests that ran since the last time this was asked."""
        return [nodeid.rpartition("/")[2].partition("::")[2] for nodeid in self.outcomes()]

    def send(self, signal_number: int) -> None:
        """Send a signal."""
        self._child.proc.send_signal(signal_number)

    def close_input(self) -> None:
        """Let its standard input come to its end."""
        self._child.proc.stdin.close()

    def end(self) -> int:
        """Wait for its end, and return its exit status."""
        self._child.expect(pexpect.EOF)
        self._seen += str(self._child.before)
        status: int = self._child.proc.wait(TIMEOUT)
        return status

    @property
    def seen(self) -> str:
        """All that it has printed, as far as it was waited for."""
        return self._seen

    def kill(self) -> None:
        """End it, whatever it does."""
        self._child.proc.kill()
        self._child.proc.wait()
        for stream in (self._child.proc.stdin, self._child.proc.stdout):
            stream.close()


@contextmanager
def watching(folder: Path, files: Mapping[str, str], *options: str) -> Iterator[Watching]:
    """Write files, and watch them."""
    write(folder, files)
    process = Watching(folder, *options)
    try:
        yield process
    finally:
        process.kill()


def run_pytest(folder: Path, files: Mapping[str, str], *arguments: str) -> tuple[int, str]:
    """Run pytest to its end, with nothing to read; return its exit status and output."""
    write(folder, files)
    ended = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environ(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    return ended.returncode, ended.stdout


class Fresh:
    """Runs pytest anew, as often as it is asked to: a process forks that has imported nothing else.

    Args:
        folder: The current directory.
    """

    def __init__(self, folder: Path) -> None:
        self._told = folder / "fresh.jsonl"
        _, _, _, *options = command(*_TELLING, "-q")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FRESH, *options],
            cwd=folder,
            env=_environ(self._told.name),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def begin(self) -> None:
        """Run it, beside what else is done."""
        assert self._process.stdin is not None
        self._told.unlink(missing_ok=True)
        self._process.stdin.write("run\n")
        self._process.stdin.flush()

    def outcomes(self) -> Outcomes:
        """What all tests have come to."""
        assert self._process.stdout is not None
        status = self._process.stdout.readline().strip()
        assert status in ("0", "1"), status
        return _joined(_lines(self._told))

    def __enter__(self) -> Fresh:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()


_FRESH = """
import os, sys, pytest
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        os.dup2(os.open("fresh.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os._exit(pytest.main(sys.argv[1:]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def _environ(told: str) -> dict[str, str]:
    found = environ()
    return {**found, "TOLD": told, "PYTHONPATH": os.pathsep.join([found["PYTHONPATH"], _HERE])}


def _lines(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _joined(lines: list[tuple[str, str]]) -> Outcomes:
    """One text for each test, of all that was told of its last run."""
    found: dict[str, list[str]] = {}
    for nodeid, what in lines:
        if what.startswith("setup"):
            found.pop(nodeid, None)
        found.setdefault(nodeid, []).append(what)
    return {nodeid: "; ".join(all_of_it) for nodeid, all_of_it in found.items()}
