"""The fixture `examples_in`: a folder for the examples of a page (see examples.py)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples import Examples, Folder


@pytest.fixture
def examples_in(tmp_path: Path) -> Iterator[Examples]:
    made: list[Folder] = []

    def make(page: Path) -> Folder:
        made.append(Folder(tmp_path, page))
        return made[-1]

    yield make
    for folder in made:
        for program in folder.programs:
            program.stop()
