"""pytest at a terminal: type, save, and read the screen."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import textwrap
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pexpect
from pexpect.fdpexpect import fdspawn

import mighty_patcher

TIMEOUT = 60.0
"""Seconds for which something is waited for. What comes at all comes within two."""
_SOURCE = str(Path(mighty_patcher.__file__).parent.parent)
_ON_TERMINAL = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z@]")


def environ() -> dict[str, str]:
    """Return an environment in which pytest has no plugins but those that are named."""
    paths = [_SOURCE, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(filter(None, paths))),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_ADDOPTS": "",
        "NO_COLOR": "1",
        "TERM": "xterm",
    }


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, which are indented as it suits the test."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")


def command(*arguments: str) -> list[str]:
    """Return a command line of pytest with our plugin."""
    return [sys.executable, "-m", "pytest", "-p", "mighty_patcher.pytest_plugin", *arguments]


class Terminal:
    """A run of pytest at a terminal of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(ours, (50, 160))
        # Not by forkpty(), which warns where there is a thread, such as that of faulthandler.
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _ON_TERMINAL, *command(*arguments)],
            cwd=folder,
            env=environ(),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self._child = fdspawn(
            ours, encoding="utf-8", codec_errors="backslashreplace", timeout=TIMEOUT
        )
        self._seen: list[str] = []

    def expect(self, pattern: str) -> str:
        """Wait for something on the screen, and return all up to it."""
        try:
            self._child.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            rest = self._child.before if isinstance(self._child.before, str) else ""
            screen = _plain("".join([*self._seen, rest]))
            raise AssertionError(f"no {pattern!r} ({type(error).__name__}) on:\n{screen}") from None
        text = f"{self._child.before}{self._child.after if pattern is not pexpect.EOF else ''}"
        self._seen.append(text)
        return _plain(text)

    def prompt(self) -> str:
        """Wait for the debugger's prompt."""
        return self.expect(r"\(Pdb\) ")

    def type(self, line: str, *, end: str = "\n") -> None:
        """Type a line."""
        self._child.send(f"{line}{end}")

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.send("\x03")

    def save(self, name: str, text: str) -> None:
        """Save a file."""
        write(self.folder, {name: text})

    def edit(self, name: str, old: str, new: str) -> str:
        """Change and save a file, and wait until it is reloaded; return what is said."""
        self.edit_only(name, old, new)
        return self.expect(r"\d\d:\d\d:\d\d (reloaded|refused|not reloaded)[^\n]*\n")

    def edit_only(self, name: str, old: str, new: str) -> None:
        """Change and save a file."""
        path = self.folder / name
        text = path.read_text("utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new), "utf-8")

    def mend(self, name: str, old: str, new: str) -> None:
        """At the prompt: change a file, and run the test again."""
        self.edit(name, old, new)
        self.prompt()
        self.type("c")

    def end(self, status: int = 0) -> str:
        """Wait for the end, and return all that was on the screen."""
        try:
            self._child.expect(pexpect.EOF)
        except pexpect.TIMEOUT:
            screen = _plain("".join([*self._seen, str(self._child.before)]))
            raise AssertionError(f"does not end:\n{screen}") from None
        self._seen.append(self._child.before or "")
        ended = self._process.wait(TIMEOUT)
        assert ended == status, (ended, self.screen)
        return self.screen

    @property
    def descriptor(self) -> int:
        """The file descriptor of its terminal."""
        return int(self._child.child_fd)

    @property
    def screen(self) -> str:
        """All that was on the screen."""
        return _plain("".join(self._seen))

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._child.close()


class AtTerminal(Protocol):
    """Starts pytest: the files, and the arguments."""

    def __call__(self, files: Mapping[str, str], *arguments: str) -> Terminal: ...


def _plain(text: str) -> str:
    return _CODES.sub("", text).replace("\r\n", "\n")
