"""The fixture `start`: a program in a process of its own, ended with its test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from running import RUNNER, Running, Start, write


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    programs: list[Running] = []

    def start(
        files: Mapping[str, str | bytes], *arguments: str, env: Mapping[str, str] | None = None
    ) -> Running:
        write(tmp_path, files)
        programs.append(program := Running(tmp_path, [*RUNNER, *arguments], env))
        return program

    yield start
    for program in programs:
        program.kill()
