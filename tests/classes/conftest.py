"""What the tests of classes share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from case import Program

from mighty_patcher.engine.engine import Engine

_LIBRARIES = ("attrs", "pydantic", "sqlalchemy")


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
    """Have the random edits first, and what imports libraries last: every edit looks at all objects
    of the process, and these grow.
    """

    def size(item: pytest.Item) -> int:
        if item.path.name == "test_random.py":
            return 0
        is_large = item.path.name == "test_libraries.py" or any(
            it in item.name for it in _LIBRARIES
        )
        return 2 if is_large else 1

    items.sort(key=size)
