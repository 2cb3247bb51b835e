"""Every Python example of the README, run as it stands there."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

README = Path(__file__).parents[2] / "README.rst"
PATIENCE = 30.0  # seconds
FIRST, EDITED = 0, 1  # which example of a file that the README has twice


def examples(text: str) -> dict[str, list[str]]:
    """Return the Python examples by the file name in their first line, in order."""
    found: dict[str, list[str]] = {}
    for block in re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text):
        code = textwrap.dedent(block).strip() + "\n"
        name = re.match(r"# (\w+\.py)\n", code)
        assert name, f"this example does not begin with the name of its file:\n{code}"
        found.setdefault(name[1], []).append(code)
    return found


EXAMPLES = examples(README.read_text("utf-8"))


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
    """A folder with examples of the README in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.programs: list[Program] = []

    def save(self, name: str, which: int = FIRST) -> None:
        (self.path / name).write_text(EXAMPLES[name][which], "utf-8")

    def run(self, *arguments: str) -> Program:
        program = Program(self.path, *arguments)
        self.programs.append(program)
        return program


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    for program in made.programs:
        program.stop()


def test_every_example_is_run_here() -> None:
    assert {name: len(codes) for name, codes in EXAMPLES.items()} == {
        "words.py": 2,
        "main.py": 1,
        "hello.py": 1,
        "by_hand.py": 1,
        "state.py": 1,
        "by_name.py": 1,
        "one_thing.py": 1,
        "looping.py": 1,
        "patching.py": 1,
        "counter.py": 1,
    }


def test_ten_lines(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("main.py")
    program = folder.run("main.py")
    program.expect("Hello, Ada")
    folder.save("words.py", EDITED)
    program.expect(r"\d\d:\d\d:\d\d reloaded words\.py: patched greet  [\d.]+ ms")
    program.expect("Good morning, Ada")


def test_running_a_program(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("hello.py")
    program = folder.run("-m", "mighty_patcher", "hello.py")
    program.expect("Hello, Ada")
    folder.save("words.py", EDITED)
    program.expect(r"\d\d:\d\d:\d\d reloaded words\.py: patched greet  [\d.]+ ms")
    program.expect("Good morning, Ada")


def test_the_options_that_it_names_are_there() -> None:
    command = [sys.executable, "-m", "mighty_patcher", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    named = set(
        re.findall(r"^``(--[a-z-]+)|, ``(--[a-z-]+)", README.read_text("utf-8"), re.MULTILINE)
    )
    options = {option for pair in named for option in pair if option}
    assert {"--watch", "--children", "--explain", "--help"} <= options
    assert options <= set(re.findall(r"--[a-z-]+", text.stdout))


def test_by_hand(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("by_hand.py")
    program = folder.run("by_hand.py")
    assert program.process.wait(PATIENCE) == 0, "".join(program.transcript)


REPL = """\
import {module}
from mighty_patcher import AutoReloader

AutoReloader(path=".")
print("ready")
while True:
    print(eval(input()))
"""


def test_currently_reloading(folder: Folder) -> None:
    folder.save("state.py")
    (folder.path / "repl.py").write_text(REPL.format(module="state"), "utf-8")
    program = folder.run("repl.py")
    program.expect("ready")
    program.ask("state.results.setdefault('kept', state.saves)")
    program.expect("0")
    for saves in (1, 2):
        (folder.path / "state.py").write_text(EXAMPLES["state.py"][0] + f"# {saves}\n", "utf-8")
        program.expect(r".* reloaded state\.py: .*")
        program.ask("state.results, state.saves")
        program.expect(re.escape(f"({{}}, {saves})"))


@pytest.mark.parametrize("script", ["by_name.py", "one_thing.py"])
def test_by_name_and_one_thing(folder: Folder, script: str) -> None:
    folder.save("words.py")
    folder.save(script)
    program = folder.run(script)
    assert program.process.wait(PATIENCE) == 0, "".join(program.transcript)
    if script == "by_name.py":
        program.expect("reloaded words")
        program.expect("kept words as it was: SyntaxError")


def test_loop(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("looping.py")
    program = folder.run("looping.py")
    program.expect("words has run")
    program.expect(".* ran 3 steps .*")
    folder.save("words.py", EDITED)
    program.expect("words has run")


def test_patching(folder: Folder) -> None:
    folder.save("patching.py")
    program = folder.run("patching.py")
    assert program.process.wait(PATIENCE) == 0, "".join(program.transcript)


def test_instances_are_brought_up_to_date(folder: Folder) -> None:
    new = EXAMPLES["counter.py"][0]
    old = "class Counter:\n    def __init__(self):\n        self.clicks = 7\n"
    (folder.path / "counter.py").write_text(old, "utf-8")
    (folder.path / "repl.py").write_text(REPL.format(module="counter"), "utf-8")
    program = folder.run("repl.py")
    program.expect("ready")
    program.ask("setattr(counter, 'it', counter.Counter())")
    program.expect("None")
    (folder.path / "counter.py").write_text(new, "utf-8")
    program.expect(r".* reloaded counter\.py: .*")
    program.ask("counter.it.history, type(counter.it) is counter.Counter")
    program.expect(re.escape("([7], True)"))
