"""The fixture `start`: a program in a process of its own, ended with its test."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from running import RUNNER, Running, Start, write


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """Where a shell has started us in the background, SIGINT is ignored, also by what we start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
