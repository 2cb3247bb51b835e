"""The fixture `at_terminal`: pytest at a terminal, ended with its test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from terminal import AtTerminal, Terminal, write


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
