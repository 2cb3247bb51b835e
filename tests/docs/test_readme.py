"""Every Python example of the README, run as it stands there."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from examples import EDITED, PATIENCE, Examples, Folder, examples

README = Path(__file__).parents[2] / "README.rst"
EXAMPLES = examples(README.read_text("utf-8"))


@pytest.fixture
def folder(examples_in: Examples) -> Folder:
    return examples_in(README)


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
        "test_words.py": 1,
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
    def offered(*command: str) -> set[str]:
        line = [sys.executable, "-m", *command, "--help"]
        text = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE, check=True)
        return set(re.findall(r"--[a-z-]+", text.stdout))

    named = set(
        re.findall(r"^``(--[a-z-]+)|, ``(--[a-z-]+)", README.read_text("utf-8"), re.MULTILINE)
    )
    options = {option for pair in named for option in pair if option}
    assert {"--watch", "--children", "--explain", "--help"} <= options
    of_pytest = {option for option in options if option.startswith("--reload-")}
    assert of_pytest >= {"--reload-loop", "--reload-wait", "--reload-watch", "--reload-dir"}
    assert of_pytest <= offered("pytest", *plugin())
    assert options - of_pytest <= offered("mighty_patcher")


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


def plugin() -> list[str]:
    """Return what pytest needs to find our plugin, if it does not find it by itself."""
    installed = entry_points(group="pytest11").names
    return [] if "mighty_patcher" in installed else ["-p", "mighty_patcher.pytest_plugin"]


def test_pytest(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("test_words.py")
    program = folder.run("-m", "pytest", *plugin(), "-p", "no:cacheprovider", "--reload-wait")
    program.expect("E .*'Hello, Ada' == 'Good morning, Ada'")
    program.expect("test_words.py::test_greet waits for a save.*")
    folder.save("words.py", EDITED)
    program.expect(r"\d\d:\d\d:\d\d reloaded words\.py: patched greet  [\d.]+ ms")
    program.expect("test_words.py::test_greet passed after 2 attempts")


def test_pytest_watching(folder: Folder) -> None:
    folder.save("words.py")
    folder.save("test_words.py")
    program = folder.run("-m", "pytest", *plugin(), "-p", "no:cacheprovider", "--reload-watch")
    program.expect(".*1 failed in.*")
    program.expect("waiting for a save")
    folder.save("words.py", EDITED)
    program.expect(r"\d\d:\d\d:\d\d reloaded words\.py: patched greet  [\d.]+ ms")
    program.expect("1 of 1 tests can be affected")
    program.expect(".*1 passed in.*")


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
