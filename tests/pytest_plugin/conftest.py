"""The fixture `at_terminal`: pytest at a terminal, ended with its test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from terminal import Terminal, write


class AtTerminal(Protocol):
    """Starts pytest: the files, and the arguments."""

    def __call__(self, files: Mapping[str, str], *arguments: str) -> Terminal: ...


@pytest.fixture
def at_terminal(tmp_path: Path) -> Iterator[AtTerminal]:
    started: list[Terminal] = []

    def start(files: Mapping[str, str], *arguments: str) -> Terminal:
        write(tmp_path, files)
        started.append(Terminal(tmp_path, *arguments))
        return started[-1]

    yield start
    for terminal in started:
        terminal.kill()
