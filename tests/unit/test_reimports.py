"""``importlib.reload`` by the program itself."""

from __future__ import annotations

import gc
import importlib
import sys
import weakref

import pytest

from mighty_patcher.engine.engine import Engine
from mighty_patcher.engine.reimports import Reimports

ONE = "ran = globals().get('ran', [])\nran.append(1)\nX = 1\ndef f(): return X, 1\n"


@pytest.fixture
def engine(project, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    project.load("m", ONE)
    engine = project.engine()
    engine.open()
    yield engine
    engine.close()


@pytest.fixture
def m(project, engine):
    return sys.modules[project.prefix + "m"]


def names(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    done = [step for step in reload.steps if step.kind != "kept"]  # `ran` is made of globals()
    return [(step.kind, step.qualname) for step in done]


def test_functions_from_before_are_patched_too(project, m):
    before = m.f
    importlib.reload(m)
    assert m.f is not before
    reload = project.edit("m", "X, 1", "X, 2")
    assert names(reload) == [("patched", "f")]
    assert before() == m.f() == (1, 2)
    assert m.ran == [1, 1]
    assert names(project.edit("m", "X, 2", "X, 3")) == [("patched", "f")]
    assert before() == m.f() == (1, 3)


def test_what_it_has_executed_is_in_force(project, engine, m):
    project.write("m", ONE.replace("X = 1", "X = 2"))
    importlib.reload(m)
    assert engine.reload([project.path("m")]).modules == ()
    assert names(project.edit("m", "X, 1", "X, 2")) == [("patched", "f")]
    assert m.f() == (2, 2)
    assert m.ran == [1, 1]


def test_what_was_saved_after_it_is_compared_with_what_it_executed(project, m):
    project.write("m", ONE.replace("X = 1", "X = 2").replace("return X, 1", "return X, 2"))
    importlib.reload(m)
    assert names(project.edit("m", "X = 2", "X = 3")) == [("ran", "X")]
    assert m.f() == (3, 2)
    assert m.ran == [1, 1]


def test_what_raised_is_executed_again(project, m):
    project.write("m", ONE.replace("X = 1", "X = 1 / 0"))
    with pytest.raises(ZeroDivisionError):
        importlib.reload(m)
    reload = project.edit("m", "X = 1 / 0", "X = 5")
    assert names(reload) == [("ran", m.__name__)]
    assert "importlib.reload()" in reload.steps[0].reason
    assert m.f() == (5, 1)
    assert names(project.edit("m", "X = 5", "X = 6")) == [("ran", "X")]
    assert m.f() == (6, 1)


def test_what_raised_is_executed_again_though_its_text_is_the_old_one(project, engine, m):
    project.write("m", ONE.replace("X = 1", "X = 7; del f; 1 / 0"))
    with pytest.raises(ZeroDivisionError):
        importlib.reload(m)
    project.write("m", ONE)
    assert names(engine.reload([project.path("m")])) == [("ran", m.__name__)]
    assert m.f() == (1, 1)
    assert engine.reload([project.path("m")]).modules == ()


def test_it_cannot_be_undone(project, engine, m):
    project.edit("m", "X = 1", "X = 2")
    project.write("m", ONE.replace("X = 1", "X = 3"))
    importlib.reload(m)
    assert "no reload to undo" in str(engine.undo().error)
    assert m.X == 3


def test_other_modules_do_not_matter(engine):
    import colorsys

    importlib.reload(colorsys)
    assert not engine._reimports._begun


def test_a_file_that_is_not_there(project, engine, m):
    project.path("m").unlink()
    with pytest.raises((FileNotFoundError, ModuleNotFoundError)):
        importlib.reload(m)
    project.write("m", ONE.replace("X = 1", "X = 4"))
    assert engine.reload([project.path("m")]).ok
    assert m.f() == (4, 1)


def test_closed(project, engine, m):
    def finders():
        return [finder for finder in sys.meta_path if isinstance(finder, Reimports)]

    assert engine._reimports in finders()
    engine.close()
    engine.close()
    assert engine._reimports not in finders()


def test_an_engine_that_nobody_has_notices_no_more(tmp_path):
    engine = Engine([tmp_path])
    engine.open()
    finder = weakref.ref(engine._reimports)
    assert finder() in sys.meta_path
    del engine
    gc.collect()
    assert finder() is None


def test_a_reload_that_is_not_that_of_importlib_is_no_error(engine, m, monkeypatch):
    original = importlib.reload
    monkeypatch.setattr(importlib, "reload", lambda module: original(module))
    importlib.reload(m)
    monkeypatch.setattr(importlib, "reload", "something else")
    engine._reimports.find_spec(m.__name__, None, m)
    assert engine._reimports.settle()
