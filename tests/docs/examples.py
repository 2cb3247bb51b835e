"""The examples of a page of documentation, and programs that are made of them."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

PATIENCE = 30.0  # seconds
FIRST, EDITED = 0, 1  # which example of a file that a page has twice


def examples(text: str) -> dict[str, list[str]]:
    """Return the Python examples by the file name in their first line, in order."""
    found: dict[str, list[str]] = {}
    for block in re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text):
        code = textwrap.dedent(block).strip() + "\n"
        name = re.match(r"# ((?:\w+/)?\w+\.py)\n", code)
        assert name, f"this example does not begin with the name of its file:\n{code}"
        found.setdefault(name[1], []).append(code)
    return found


class Program:
    """An example that runs in a process of its own, and what it prints."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        environ = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=environ,
            text=True,
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout is not None
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.transcript: list[str] = []
        self.listener = threading.Thread(target=self.listen, args=(self.process.stdout,))
        self.listener.start()

    def listen(self, stream: IO[str]) -> None:
        for line in stream:
            self.transcript.append(line)
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def expect(self, pattern: str) -> None:
        """Wait for a line that matches."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                line = None
            if line is None:
                pytest.fail(f"no line matches {pattern!r}:\n{''.join(self.transcript)}")
            if re.fullmatch(pattern, line):
                return

    def ask(self, expression: str) -> None:
        """Have `REPL` evaluate an expression."""
        assert self.process.stdin is not None
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.listener.join()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


class Folder:
    """A folder with examples of a page in it."""

    def __init__(self, path: Path, page: Path) -> None:
        self.path = path
        self.examples = examples(page.read_text("utf-8"))
        self.programs: list[Program] = []

    def save(self, name: str, which: int = FIRST) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(self.examples[name][which], "utf-8")

    def run(self, *arguments: str) -> Program:
        program = Program(self.path, *arguments)
        self.programs.append(program)
        return program


Examples = Callable[[Path], Folder]
"""Makes a folder for the examples of a page."""
