"""The fixture `run`: a program in a process of its own (see programs.py)."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from programs import Run, Running, write

SAVE = """\
import pathlib


def save(module, text):
    pathlib.Path(module.replace(".", "/") + ".py").write_text(text)


"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started: list[Running] = []

    def start(
        files: Mapping[str, str], *arguments: str, stdin: str | object | None = None
    ) -> Running:
        folder = tmp_path / f"program{len(started) or ''}"
        folder.mkdir()
        write(folder, files)
        started.append(Running(folder, arguments or ("main.py",), stdin))
        return started[-1]

    yield start
    for program in started:
        program.close()


@pytest.fixture
def loop(run: Run) -> Run:
    """Start ``mighty-patcher --loop`` with these options."""

    def start(
        files: Mapping[str, str], *options: str, stdin: str | object | None = None
    ) -> Running:
        return run(files, "-m", "mighty_patcher", "--loop", *options, stdin=stdin)

    return start


@pytest.fixture
def passes(run: Run) -> Callable[[Mapping[str, str]], Running]:
    """Run a program that checks itself: ``main.py``, which has ``save(module, text)``."""

    def check(files: Mapping[str, str]) -> Running:
        main = SAVE + textwrap.dedent(files["main.py"])
        program = run({**files, "main.py": main})
        assert program.ends() == 0, program.output
        return program

    return check
