from __future__ import annotations

import ast
import gc
import types

import pytest

from mighty_patcher.engine.codetree import Pairs
from mighty_patcher.engine.match import Patches, match_bodies
from mighty_patcher.engine.outside import Outside
from mighty_patcher.engine.parts import Parts
from mighty_patcher.engine.run import take_over
from mighty_patcher.engine.statement_run import StatementRun
from mighty_patcher.engine.statements import plan
from mighty_patcher.engine.transaction import Edit, Transaction

FILE = "unit_transaction_module.py"


def code(text):
    return compile(text, FILE, "exec", dont_inherit=True)


def module(text, name="unit_transaction_module"):
    made = types.ModuleType(name)
    exec(code(text), made.__dict__)
    return made


def body(target, old, new):
    """The edit of a module of which only bodies changed."""
    patches = match_bodies(target, Pairs(code(old), code(new)), FILE, set(), set())
    trees = ast.parse(old), ast.parse(new)
    run = StatementRun(target, plan(*trees), Parts(FILE, trees[1], take_over))
    return Edit(target, FILE, trees, patches, run=run)


def whole(target, old, new):
    """The edit of a module that is run as a whole."""
    edit = body(target, old, new)
    edit.run, edit.whole, edit.reason = (
        None,
        Parts(FILE, ast.parse(new), take_over).every,
        "X changed",
    )
    return edit


again = pytest.mark.parametrize("again", [body, whole], ids=["statements", "whole"])


@pytest.fixture
def transaction():
    gc.collect()  # without the GIL the functions of the test before still live, and have equal code

    class Alone(Transaction):
        def __init__(self):
            super().__init__(
                lambda module, source, name: [],
                lambda source, name: [],
                lambda source: [],
                lambda module, outside: None,
            )

        def add(self, edit):
            super().add(edit, Outside())

    return Alone()


F1, F2 = "def f(): return 1\n", "def f(): return 2\n"


class TestBodies:
    def test_gather_until_the_commit(self, transaction):
        one, two = module(F1), module("def g(): return 1\n")
        transaction.add(body(one, F1, F2))
        transaction.add(body(two, "def g(): return 1\n", "def g(): return 2\n"))
        assert (one.f(), two.g()) == (1, 1)
        transaction.finish()
        assert (one.f(), two.g()) == (2, 2)
        transaction.undo()
        assert (one.f(), two.g()) == (1, 1)

    def test_undo_before_the_commit_forgets_them(self, transaction):
        one = module(F1)
        transaction.add(body(one, F1, F2))
        transaction.undo()
        transaction.finish()
        assert one.f() == 1

    @again
    def test_are_in_force_before_a_module_runs_that_calls_them(self, transaction, again):
        one, two = module(F1), module("X = 0\n", "unit_transaction_other")
        two.f = one.f
        transaction.add(body(one, F1, F2))
        transaction.add(again(two, "X = 0\n", "X = f()\n"))
        assert two.X == 2
        transaction.undo()
        assert (two.X, one.f()) == (0, 1)

    def test_nothing_at_all(self, transaction):
        transaction.finish()
        transaction.undo()
        transaction.discard()
        assert transaction.steps == transaction.stale == []


class TestRuns:
    @again
    def test_identity_is_kept_and_undo_is_exact(self, transaction, again):
        old = "X = 1\ndef f(a=1): return a\nclass C:\n    y = 1\n    def m(self): return 1\n"
        new = "X = 2\ndef f(a=2): return -a\nclass C:\n    y = 2\n    def m(self): return 2\n"
        it = module(old)
        f, c, m, x = it.f, it.C, it.C.m, it.X
        transaction.add(again(it, old, new))
        transaction.finish()
        assert (it.f is f, it.C is c, it.C.m is m) == (True, True, True)
        assert (it.X, f(), c.y, m(None)) == (2, -2, 2, 2)
        transaction.undo()
        assert (it.f is f, it.C is c, it.C.m is m, it.X is x) == (True, True, True, True)
        assert (f(), c.y, m(None)) == (1, 1, 1)

    @again
    def test_what_raises_takes_back_what_was_before_it(self, transaction, again):
        one, two = module(F1), module("X = 1\n", "unit_transaction_other")
        transaction.add(body(one, F1, F2))
        with pytest.raises(ZeroDivisionError):
            transaction.add(again(two, "X = 1\n", "X = 2\n1 / 0\n"))
        assert one.f() == 2
        transaction.undo()
        assert (one.f(), two.X) == (1, 1)

    @again
    def test_a_function_held_elsewhere_whose_arguments_changed_is_not_half_patched(
        self, transaction, again
    ):
        old = "def f(a): return a\nX = 1\n"
        it = module(old)
        held = it.f
        it.f = lambda: None
        edit = again(it, old, "def f(a, b=2): return a + b\nX = 2\n")
        transaction.add(edit)
        transaction.finish()
        assert held(1) in (1, 3)
        assert it.f(1) == 3
        assert held(1) == 3 or [stale.what for stale in transaction.stale] == ["f"]

    def test_steps(self, transaction):
        it = module("X = 1\n")
        transaction.add(whole(it, "X = 1\n", "X = 2\n"))
        transaction.add(body(it, "X = 2\nY = X", "X = 3\nY = X"))
        assert [(s.kind, s.qualname, s.reason) for s in transaction.steps] == [
            ("ran", it.__name__, "X changed"),
            ("ran", "X", "its value changed"),
            ("ran", "Y", "reads X, which changed"),
        ]


def test_patches_are_true_if_they_do_something():
    assert not Patches()
    assert Patches(stale=[object()])
    assert Patches(constants=[(None, None, None)])
