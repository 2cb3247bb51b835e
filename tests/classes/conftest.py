"""What the tests of classes share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from case import Program

from mighty_patcher.engine.engine import Engine


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """One for all: each would look at every module of the process first."""
    return Engine([tmp_path_factory.mktemp("classes")])


@pytest.fixture
def programs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Program]]:
    """Make programs, which are unloaded afterwards."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Program.running(engine))


@pytest.fixture
def program(programs: Callable[[], Program]) -> Program:
    return programs()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the random edits first: each looks at all objects of the process, and these grow."""
    items.sort(key=lambda item: item.path.name != "test_random.py")
