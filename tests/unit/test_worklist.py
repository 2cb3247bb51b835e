"""In which order modules get their turns; what that costs, in time where all import all."""

from __future__ import annotations

import gc
import importlib

import pytest

from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.version import Version


@pytest.mark.parametrize("size", [40])
def test_a_package_that_is_one_cycle(project, monkeypatch, size):
    """All modules ask the package for what it has from one of them. Each is asked what it imports a
    few times, and not once for each pair of them.
    """
    name = f"{project.prefix}p"
    package = project.root / name
    package.mkdir()
    names = [f"m{number}" for number in range(size)]
    package.joinpath("__init__.py").write_text(
        "from .base import *\n" + "".join(f"from .{it} import *\n" for it in names)
    )
    package.joinpath("base.py").write_text("LIMIT = 100_000\n")
    for number, it in enumerate(names):
        package.joinpath(f"{it}.py").write_text(
            f"import {name} as p\nV{number} = p.LIMIT + {number}\n"
        )
    module = importlib.import_module(name)
    engine = project.engine()
    asked = []

    def counted(self, *args):
        asked.append(args)
        return imports_of(self, *args)

    imports_of = InForce.imports_of
    monkeypatch.setattr(InForce, "imports_of", counted)
    package.joinpath("base.py").write_text("LIMIT = 200_000\n")
    reload = engine.reload([package / "base.py"])
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    assert [getattr(module, f"V{number}") for number in range(size)] == list(
        range(200_000, 200_000 + size)
    )
    assert len(asked) / size < 100


def test_texts_are_not_left_to_the_collector(project):
    """What knows who imports whom goes with the reload: its objects must not hold each other."""
    m = project.load("m", "import ~n as n\nX = 0\n") if project.load("n", "") else None
    project.engine()
    gc.collect()
    gc.disable()
    try:
        for number in range(1, 11):
            assert project.save(m=f"import ~n as n\nX = {number}\n").ok
        texts = [it for it in gc.get_objects() if type(it) is Version and it.path == m.__file__]
    finally:
        gc.enable()
    assert m.X == 10
    assert len(texts) <= 4  # that in force, the one before, for undo(), the first; not ten
