"""What several rooms need: modules on disk, imported under names of their own, and an engine."""

from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mighty_patcher.engine.engine import Engine
from mighty_patcher.engine.report import Reload

_numbers = itertools.count()


class Project:
    """A module root. Write ``~m`` in a source for the name that the module m really has."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.prefix = f"unit{next(_numbers)}_"
        self._engine: Engine | None = None

    def engine(self, **options: object) -> Engine:
        if self._engine is None:
            self._engine = Engine([self.root], **options)  # type: ignore[arg-type]
        return self._engine

    def path(self, name: str) -> Path:
        return self.root / f"{self.prefix}{name}.py"

    def write(self, name: str, source: str) -> Path:
        text = textwrap.dedent(source).replace("~", self.prefix)
        self.path(name).write_text(text, encoding="utf-8")
        return self.path(name)

    def load(self, name: str, source: str) -> ModuleType:
        """Write a module and import it."""
        self.write(name, source)
        importlib.invalidate_caches()
        return importlib.import_module(self.prefix + name)

    def save(self, **sources: str) -> Reload:
        """Write new texts of modules and reload them."""
        return self.engine().reload([self.write(name, text) for name, text in sources.items()])

    def edit(self, name: str, old: str, new: str) -> Reload:
        """Replace something in the text of a module and reload it."""
        text = self.path(name).read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")
        return self.engine().reload([self.path(name)])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    project = Project(tmp_path)
    yield project
    for name in [name for name in sys.modules if name.startswith(project.prefix)]:
        del sys.modules[name]
