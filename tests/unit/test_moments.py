"""What modules of a cycle have read of each other halfway, and what the report says of it."""

from __future__ import annotations

import importlib

import pytest


def kept(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(step.module.partition("_")[0], step.qualname) for step in reload.kept]


@pytest.fixture
def cycle(project):
    """Two modules, of which the first imports the last one halfway."""
    project.write("last", "import ~first as one\nx = one.C\ny = one.L[:]\n")
    first = project.load("first", "C = 1\nL = []\nimport ~last as last\nC += 5\nL.append(1)\n")
    project.engine()
    return first


class TestNames:
    def test_who_reads_one_later_than_a_fresh_start_would(self, cycle, project):
        reload = project.edit("last", "x = ", "z = 2 + one.C\nx = ")
        assert kept(reload)[0][1] == "z"
        assert "at another moment of that module's import" in reload.kept[0].reason

    def test_what_is_changed_in_place_by_then(self, cycle, project):
        reload = project.edit("last", "x = ", "z = [*one.L]\nx = ")
        assert [name for _, name in kept(reload)] == ["z"]

    def test_what_an_import_of_everything_has_brought_by_then(self, project):
        project.load("base", "C = 1\n")
        project.write("last", "import ~first as one\nx = one.C\n")
        project.load("first", "from ~base import *\nimport ~last\nC = 5\n")
        project.engine()
        assert [name for _, name in kept(project.edit("last", "x = ", "x = 2 + "))] == ["x"]

    def test_a_cycle_that_is_no_more(self, cycle, project):
        reload = project.save(first="C = 1\nL = []\nC += 5\nL.append(1)\n")
        assert [name for _, name in kept(reload)] == ["x", "y"]

    def test_nothing_is_said_of_what_is_right(self, cycle, project):
        assert not kept(project.edit("last", "x = ", "z = 2\nx = "))
        assert not kept(project.edit("first", "C += 5", "C += 5\nD = C"))
        assert not kept(project.edit("first", "L = []", "def f():\n    pass\nL = []"))

    def test_a_function_is_one_object_whenever_it_is_read(self, project):
        project.write("last", "import ~first as one\nx = one.f\n")
        project.load("first", "def f(): pass\nimport ~last as last\ndef f(): return 1\n")
        project.engine()
        assert not kept(project.edit("last", "x = ", "z = [one.f]\nx = "))


class TestEverything:
    @pytest.fixture
    def first(self, project):
        project.write("last", "from ~first import *\n")
        first = project.load("first", "A = 1\nimport ~last as last\nB = 2\n")
        project.engine()
        return first

    def test_what_comes_later_is_not_brought(self, first, project):
        last = first.last
        project.edit("first", "B = 2", "B = 2\nC = 3")
        project.edit("first", "A = 1", "A = 1\nD = 4")
        assert [name for name in "ABCD" if hasattr(last, name)] == ["A", "D"]

    def test_without_the_cycle_it_is(self, first, project):
        last = first.last
        assert not kept(project.save(first="A = 1\nB = 2\n"))
        assert last.B == 2

    def test_what_a_new_cycle_would_keep_away_is_named(self, project):
        first = project.load("first", "A = 1\nB = 2\n")
        last = project.load("user", "from ~first import *\n")
        project.engine()
        reload = project.save(first="A = 1\nfrom ~user import A as a\nB = 2\n")
        assert (first.a, last.B) == (1, 2)
        assert [name for _, name in kept(reload)] == ["B"]
        assert not kept(project.edit("first", "B = 2", "B = 3"))

    def test_what_is_there_before_the_list_of_what_is_exported_is_named(self, project):
        first = project.load("first", "import os as A\nB = 2\n__all__ = ['B']\n")
        last = project.load("user", "from ~first import *\n")
        project.engine()
        text = "import os as A\nB = 2\nfrom ~user import B as b\nC = 3\n__all__ = ['B']\n"
        reload = project.save(first=text)
        assert (first.b, hasattr(last, "A")) == (2, False)
        assert [name for _, name in kept(reload)] == ["A"]
        assert not kept(project.edit("first", "C = 3", "C = 4"))

    def test_so_is_what_a_package_has_by_then_for_a_module_in_it(self, project):
        (project.root / f"{project.prefix}p").mkdir()
        project.write("p/__init__", "A = 1\nfrom ~p.two import B\n__all__ = ['B']\n")
        project.write("p/two", "B = 1\n")
        two = importlib.import_module(f"{project.prefix}p.two")
        project.engine()
        reload = project.edit("p/two", "B = 1", f"B = 1\nfrom {project.prefix}p import *")
        assert not hasattr(two, "A")
        assert [name for _, name in kept(reload)] == ["A"]
        assert not kept(project.edit("p/two", "B = 1", "B = 1\nC = 4"))

    def test_what_is_gone_and_stays_as_they_have_it_of_each_other_is_named(self, project):
        project.write("last", "from ~first import *\ndef f(): pass\n")
        first = project.load("first", "A = 1\nfrom ~last import *\n")
        project.engine()
        reload = project.edit("last", "def f(): pass\n", "")
        assert first.f is not None
        assert [name for _, name in kept(reload)] == ["f"]


def test_a_fault_in_finding_it_takes_nothing_back(project, monkeypatch, caplog):
    def broken(*_):
        raise ValueError("broken")

    m = project.load("m", "X = 1\n")
    project.engine()
    monkeypatch.setattr("mighty_patcher.engine.attempt.Moments.kept", broken)
    assert project.edit("m", "1", "2").ok
    assert m.X == 2
    assert "please report this" in caplog.text
