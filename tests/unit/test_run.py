from __future__ import annotations

import sys
import threading
import types

import pytest

from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.parts import Parts
from mighty_patcher.engine.run import currently_reloading, run_again, running_line, take_over
from mighty_patcher.engine.version import Version

FILE = "unit_run_module.py"


@pytest.fixture
def module(monkeypatch):
    module = types.ModuleType("unit_run_module")
    module.__file__ = "unit_run_module.py"
    module.__dict__["currently_reloading"] = currently_reloading
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def again(module, source):
    text = Version.of(FILE, source.encode())
    journal, before = Journal(), dict(vars(module))
    keeper = Keeper(module, before, FILE, (None, text.tree), lambda log: log.commit(), [].append)
    try:
        run_again(module, Parts(FILE, text.tree, take_over).every(), keeper)
    except BaseException:
        journal.executed(vars(module), before)
        journal.undo()
        raise
    journal.executed(vars(module), before)
    return before, journal


class TestRunAgain:
    def test_in_its_own_namespace_which_is_not_cleared(self, module):
        module.old = 1
        before, journal = again(module, "new = old + 1")
        assert (module.old, module.new) == (1, 2)
        assert before["old"] == 1
        assert "new" not in before
        journal.undo()
        assert not hasattr(module, "new")

    @pytest.mark.parametrize(
        "kind",
        ["ValueError", "SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"],
    )
    def test_what_raises_leaves_nothing(self, module, kind):
        module.x = old = [1]
        with pytest.raises(BaseException) as info:  # noqa: PT011
            again(module, f"x = 2\ny = 3\ndel currently_reloading\n__name__ = 'z'\nraise {kind}")
        assert info.type.__name__ == kind
        assert module.x is old
        assert not hasattr(module, "y")
        assert module.currently_reloading is currently_reloading
        assert module.__name__ == "unit_run_module"
        assert not currently_reloading()

    def test_the_annotations_of_all_statements(self, module):
        again(module, "x: int = 1\ny: str\nz = 2\nw: float = 3.0")
        assert (module.x, module.z, module.w) == (1, 2, 3.0)
        assert module.__annotations__ == {"x": int, "y": str, "w": float}
        assert not hasattr(module, "y")

    def test_an_exception_group(self, module):
        with pytest.raises(ExceptionGroup):
            again(module, "x = 1\nraise ExceptionGroup('g', [ValueError()])")
        assert not hasattr(module, "x")

    def test_an_exception_that_does_not_like_to_be_looked_at(self, module):
        source = """
class E(Exception):
    def __getattribute__(self, name): raise RuntimeError(name)
    def __eq__(self, other): raise RuntimeError
raise E
"""
        with pytest.raises(BaseException):  # noqa: PT011, B017
            again(module, source)
        assert not hasattr(module, "E")

    def test_deleted_names(self, module):
        module.x = 1
        _, journal = again(module, "del x")
        assert not hasattr(module, "x")
        journal.undo()
        assert module.x == 1

    def test_a_namespace_that_is_cleared(self, module):
        names = dict(module.__dict__)
        _, journal = again(module, "globals().clear()")
        journal.undo()
        assert {k: v for k, v in module.__dict__.items() if k != "__builtins__"} == {
            k: v for k, v in names.items() if k != "__builtins__"
        }


class TestCurrentlyReloading:
    def test_only_while_it_runs(self, module):
        source = """
at_top = currently_reloading()
def ask(): return currently_reloading()
called = ask()
class A: body = currently_reloading()
comprehended = [currently_reloading() for _ in "x"]
evaluated = eval("currently_reloading()")
"""
        exec(compile(source, "unit_run_module.py", "exec", dont_inherit=True), module.__dict__)
        assert (module.at_top, module.called, module.A.body) == (False, False, False)
        again(module, source)
        assert (module.at_top, module.called, module.A.body) == (True, True, True)
        assert module.comprehended == [True]
        assert not module.ask()

    def test_not_for_a_module_that_it_imports(self, module, project):
        project.write(
            "first", "from mighty_patcher import currently_reloading\nx = currently_reloading()"
        )
        again(module, f"import {project.prefix}first as m\ny = currently_reloading()")
        assert (module.m.x, module.y) == (False, True)

    def test_not_on_another_thread(self, module):
        answers = []
        module.answers, module.threading = answers, threading
        again(
            module,
            "t = threading.Thread(target=lambda: answers.append(currently_reloading()))\n"
            "t.start(); t.join()",
        )
        assert answers == [False]

    def test_not_here(self):
        assert not currently_reloading()


def test_running_line(module):
    found = []
    module.find = lambda: found.append(running_line(module))
    assert running_line(module) is None
    again(module, "def f(): find()\nf()")
    code, line = found[0]
    assert (code.co_name, line) == ("<module>", 2)
    assert running_line(module) is None
