"""``pytest --reload-watch`` in a process of its own: under a terminal, or with pipes.

Nothing sleeps: `Watching.expect` waits for what is printed. A plugin in the process tells what each
test came to, so that nothing has to be read off the screen that is not about the screen.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pexpect.popen_spawn

import mighty_patcher

PATIENCE = 60
"""Seconds for which something is waited for. What comes at all comes at once."""

SOURCE = str(Path(mighty_patcher.__file__).parent.parent)
HERE = str(Path(__file__).parent)
PLUGIN = ("-p", "mighty_patcher.pytest_plugin", "-p", "telling")
WAITS = "waiting for a save"

Outcomes = dict[str, str]


def environ(**more: str) -> dict[str, str]:
    """The environment of a pytest with no plugins but those that are named."""
    paths = [SOURCE, HERE, os.environ.get("PYTHONPATH", "")]
    found = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "TERM": "dumb",
        "COLUMNS": "120",
        **more,
    }
    for name in ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTHONDONTWRITEBYTECODE", "FORCE_COLOR"):
        found.pop(name, None)
    return found


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).removeprefix("\n"), "utf-8")


class Watching:
    """The process.

    Args:
        folder: Its current directory.
        options: Beside ``--reload-watch``.
        is_terminal: Whether it has one.
    """

    def __init__(self, folder: Path, *options: str, is_terminal: bool = True) -> None:
        self.folder = folder
        self.seen = ""
        command = ["-m", "pytest", *PLUGIN, "--reload-watch", *options]
        given = {"cwd": str(folder), "env": environ(), "encoding": "utf-8", "timeout": PATIENCE}
        self.process = (
            pexpect.spawn(sys.executable, command, dimensions=(50, 120), **given)
            if is_terminal
            else pexpect.popen_spawn.PopenSpawn([sys.executable, *command], **given)
        )
        self._told = folder / "told.jsonl"
        self._read = 0

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for something to be printed, and forget what was before it."""
        try:
            self.process.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            raise AssertionError(f"nothing matches {pattern!r} in:\n{self.seen}\n{error}") from None
        self.seen += self.process.before + self.process.after
        return self.process.match

    def waits(self) -> str:
        """Wait until it waits for a save, and return what it has printed before."""
        self.expect(re.escape(WAITS))
        return self.process.before.replace("\r\n", "\n")

    def edit(self, name: str, old: str, new: str) -> None:
        """Save a file with another text in one place."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new), "utf-8")

    def save(self, files: Mapping[str, str]) -> None:
        write(self.folder, files)

    def press(self, keys: str) -> None:
        self.process.send(keys)

    def outcomes(self) -> Outcomes:
        """What the tests have come to that ran since the last time this was asked."""
        lines = told(self._told)
        news, self._read = lines[self._read :], len(lines)
        return joined(news)

    def ends(self) -> int:
        """Wait for its end, and return its exit status."""
        self.process.expect(pexpect.EOF)
        self.seen += self.process.before
        status = self.process.wait()
        if isinstance(self.process, pexpect.spawn):
            self.process.close()
            status = self.process.exitstatus
        assert status is not None, self.seen
        return status

    def close(self) -> None:
        if isinstance(self.process, pexpect.spawn):
            self.process.close(force=True)
        else:
            self.process.proc.kill()
            self.process.proc.wait()
            self.process.proc.stdin.close()
            self.process.proc.stdout.close()


@contextmanager
def watching(
    folder: Path, files: Mapping[str, str], *options: str, is_terminal: bool = True
) -> Iterator[Watching]:
    """Write files, and watch them."""
    write(folder, files)
    process = Watching(folder, *options, is_terminal=is_terminal)
    try:
        yield process
    finally:
        process.close()


class Fresh:
    """Runs pytest anew, as often as it is asked to: a process forks that has imported nothing else.

    Args:
        folder: The current directory.
    """

    def __init__(self, folder: Path) -> None:
        self._told = folder / "fresh.jsonl"
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FRESH, *PLUGIN, "-q", "-p", "no:cacheprovider"],
            cwd=folder,
            env=environ(TOLD=self._told.name),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def outcomes(self) -> Outcomes:
        """What all tests come to."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._told.unlink(missing_ok=True)
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        status = self._process.stdout.readline().strip()
        assert status in ("0", "1"), status
        return joined(told(self._told))

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
        status = pytest.main(sys.argv[1:])
        os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def told(path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    return [tuple(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def joined(lines: list[tuple[str, str]]) -> Outcomes:
    """One text for each test, of all that was told of it."""
    found: dict[str, list[str]] = {}
    for nodeid, what in lines:
        if what.startswith("setup"):
            found[nodeid] = []
        found.setdefault(nodeid, []).append(what)
    return {nodeid: "; ".join(all_of_it) for nodeid, all_of_it in found.items()}
