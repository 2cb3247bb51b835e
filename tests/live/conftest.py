"""The fixture `live`: a real program in a child process (see program.py)."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from program import Live, Program, Text

collect_ignore = [] if sys.platform != "win32" else ["."]  # The child inherits a socket.

_programs = pytest.StashKey[list[Program]]()


@pytest.fixture
def live(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Live]:
    """Start programs, and see to it that each of them ends, and ends cleanly."""
    programs = request.node.stash[_programs] = []

    def start(
        files: Mapping[str, Text], *, script: tuple[str, ...] = ("main.py",), **options: Any
    ) -> Program:
        root = tmp_path / f"program{len(programs) or ''}"
        root.mkdir()
        programs.append(program := Program(root, files, options, script))
        return program

    yield start
    failures = []
    for program in programs:
        try:
            program.close()
        except AssertionError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what a program had on its stderr where a test fails."""
    report = yield
    if report.failed and call.when == "call":
        for program in item.stash.get(_programs, []):
            report.sections.append((f"stderr of {program.root.name}", program.console()))
    return report
