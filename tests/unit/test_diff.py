from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given, settings
from unit_sources import modules, with_comments, with_new_bodies, with_new_evaluation

from mighty_patcher.engine.diff import (
    Plan,
    asks_currently_reloading,
    diff,
    is_main_guard,
    names_gone,
    without_main_guard,
)


def plan(old: str, new: str) -> Plan:
    return diff(ast.parse(old), ast.parse(new))


class TestRunsNothing:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("x = 1", "# comment\n\nx = 1  # more"),
            ("x = (1)", "x = 1"),
            ("x = 'a' 'b'", 'x = "ab"'),
            ("def f(): return 1", "def f(): return 2"),
            ("def f(): 'doc'", "def f(): 'other'"),
            ("async def f(): pass", "async def f(): await g()"),
            ("def f(): return 1", "def f(): yield 1"),
            ("x = lambda: 1", "x = lambda: 2"),
            ("x = {1: [lambda: 1]}", "x = {1: [lambda: 2]}"),
            ("def f(a=lambda: 1): pass", "def f(a=lambda: 2): pass"),
            ("class A:\n  def m(self): return 1", "class A:\n  def m(self): return super()"),
            (
                "class A:\n  class B:\n    def m(self): 1",
                "class A:\n  class B:\n    def m(self): 2",
            ),
            ("class A:\n  key = lambda s: 1", "class A:\n  key = lambda s: 2"),
            (
                "if a:\n  def f(): 1\nelse:\n  def f(): 2",
                "if a:\n  def f(): 3\nelse:\n  def f(): 4",
            ),
            (
                "try:\n  import a\nexcept ImportError:\n  def a(): 1\nelse:\n  def b(): 1",
                "try:\n  import a\nexcept ImportError:\n  def a(): 2\nelse:\n  def b(): 2",
            ),
            ("@deco(lambda: 1)\ndef f(): pass", "@deco(lambda: 2)\ndef f(): pass"),
            ("x = [lambda: i for i in y]", "x = [lambda: i + 1 for i in y]"),
        ],
    )
    def test_only_bodies(self, old, new):
        assert not plan(old, new).runs

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_bodies_of_generics(self):
        assert not plan("def f[T](x: T): 1", "def f[T](x: T): 2").runs
        assert not plan("class A[T]:\n  def f(x): 1", "class A[T]:\n  def f(x): 2").runs


class TestRuns:
    @pytest.mark.parametrize(
        ("old", "new", "reason", "line"),
        [
            ("x = 1", "x = 2", "x changed", 1),
            ("x = 1", "x = 1.0", "x changed", 1),
            ("x = 1", "x = True", "x changed", 1),
            ("x = 0.0", "x = -0.0", "x changed", 1),
            ("x = 'a'", "x = b'a'", "x changed", 1),
            ("x = 1", "x = 1\n\ny = 2", "y is new", 3),
            ("x = 1\ny = 2", "x = 1", "y is gone", 0),
            ("x = 1", "x: int = 1", "x changed", 1),
            ("a.b = 1", "a.b = 2", "a.b changed", 1),
            ("import a", "import b", "an import changed", 1),
            ("'doc'", "'other'", "the docstring changed", 1),
            ("f(1)", "f(2)", "the call of f changed", 1),
            ("for i in a: pass", "for i in b: pass", "the for statement changed", 1),
            ("def f(a): pass", "def f(b): pass", "f changed", 1),
            ("def f(a=1): pass", "def f(a=2): pass", "f changed", 1),
            ("def f(a: int): pass", "def f(a: str): pass", "f changed", 1),
            ("def f(): pass", "def f() -> int: pass", "f changed", 1),
            ("def f(): pass", "def g(): pass", "g changed", 1),
            ("def f(): pass", "async def f(): pass", "f changed", 1),
            ("@a\ndef f(): pass", "@b\ndef f(): pass", "f changed", 2),
            ("@a\n@b\ndef f(): pass", "@b\n@a\ndef f(): pass", "f changed", 3),
            ("class A(B): pass", "class A(C): pass", "A changed", 1),
            ("class A(k=1): pass", "class A(k=2): pass", "A changed", 1),
            ("class A:\n  x = 1", "class A:\n  x = 2", "A changed", 1),
            ("class A:\n  'doc'", "class A:\n  'other'", "A changed", 1),
            ("class A:\n  def f(s): 1", "class A:\n  def f(s, a): 1", "A changed", 1),
            ("class A:\n  def f(s): 1", "class A:\n  def f(s): 1\n  def g(s): 1", "A changed", 1),
            ("x = lambda a: 1", "x = lambda b: 1", "x changed", 1),
            ("x = [i for i in a]", "x = [i for i in b]", "x changed", 1),
            ("if a: pass", "if b: pass", "the if statement changed", 1),
            ("def f(): pass\ndef g(): pass", "def g(): pass\ndef f(): pass", "g changed", 1),
            ("x = lambda: 1", "def x(): return 1", "x changed", 1),
        ],
    )
    def test_what_is_evaluated(self, old, new, reason, line):
        assert plan(old, new) == Plan(True, reason, line)

    def test_integers_that_have_no_repr(self):
        large = hex(10**5000)
        assert not plan(f"x = {large}", f"x = {large}").runs
        assert plan(f"x = {large}", f"x = {large}0").runs

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_type_parameters(self):
        assert plan("def f[T](x): 1", "def f[T: int](x): 1").runs
        assert plan("type X = int", "type X = str").runs


class TestProperties:
    @settings(max_examples=25, deadline=None)
    @given(modules())
    def test_the_same_text_runs_nothing(self, text):
        assert not plan(text, text).runs

    @settings(max_examples=25, deadline=None)
    @given(with_comments())
    def test_comments_run_nothing(self, texts):
        assert not plan(*texts).runs

    @settings(max_examples=25, deadline=None)
    @given(with_new_bodies())
    def test_bodies_run_nothing(self, texts):
        assert not plan(*texts).runs

    @settings(max_examples=25, deadline=None)
    @given(with_new_evaluation())
    def test_what_is_evaluated_runs_both_ways(self, texts):
        old, new = texts
        assert plan(old, new).runs
        assert plan(new, old).runs
        assert plan(old, new).reason


class TestMainGuard:
    @pytest.mark.parametrize("test", ["__name__ == '__main__'", "'__main__' == __name__"])
    def test_is_one(self, test):
        assert is_main_guard(ast.parse(f"if {test}: pass").body[0])

    @pytest.mark.parametrize(
        "text",
        [
            "if __name__ != '__main__': pass",
            "if name == '__main__': pass",
            "if __name__ == 'main': pass",
            "if __name__ == '__main__' and x: pass",
            "if __name__ == '__main__' == x: pass",
            "while __name__ == '__main__': pass",
            "x = __name__ == '__main__'",
        ],
    )
    def test_is_none(self, text):
        assert not is_main_guard(ast.parse(text).body[0])

    def test_an_edit_of_it_runs_nothing(self):
        text = "x = 1\nif __name__ == '__main__':\n  a = {}\nelse:\n  b = {}"
        assert not plan(text.format(1, 1), text.format(2, 1)).runs
        assert plan(text.format(1, 1), text.format(1, 2)).runs

    def test_its_else_is_run(self):
        tree = ast.parse("a = 1\nif __name__ == '__main__':\n  b = 2\nelse:\n  c = 3\nd = 4")
        assert ast.unparse(without_main_guard(tree)) == "a = 1\nc = 3\nd = 4"
        assert len(tree.body) == 3  # the version's own tree is left alone


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("from mighty_patcher import currently_reloading as c", True),
        ("import mighty_patcher\nmighty_patcher.currently_reloading()", True),
        ("def f():\n  from mighty_patcher import currently_reloading", True),
        ("x = 'currently_reloading'", False),
        ("# currently_reloading", False),
    ],
)
def test_asks_currently_reloading(text, asks):
    assert asks_currently_reloading(ast.parse(text)) is asks


class TestNamesGone:
    @pytest.mark.parametrize(
        "old",
        [
            "X = 1",
            "X: int = 1",
            "X, (Y, *Z) = 1, (2, 3)",
            "def X(): pass",
            "async def X(): pass",
            "class X: pass",
            "import X",
            "import X.y",
            "import y as X",
            "from y import X",
            "from y import z as X",
            "if a: X = 1",
            "for X in a: pass",
            "with a as X: pass",
            "try: pass\nexcept E as X: pass",
            "match a:\n  case {'k': b, **X}: pass",
            "match a:\n  case [X, *_]: pass",
            "print(X := 1)",
            "def f():\n  global X\n  X = 1",
        ],
    )
    def test_what_the_old_text_bound(self, old):
        assert "X" in names_gone(ast.parse(old), ast.parse("other = 1"))
        assert names_gone(ast.parse(old), ast.parse(old)) == set()

    @pytest.mark.parametrize(
        "old",
        [
            "def f():\n  X = 1",
            "class C:\n  X = 1\n  def m(self, X): pass",
            "lambda X: (Y := X)",
            "print(X)",
            "del X",
            "__doc__ = __file__ = __name__ = 1",
        ],
    )
    def test_what_is_no_name_of_the_module(self, old):
        assert names_gone(ast.parse(old), ast.parse("")) <= {"f", "C"}

    def test_nobody_knows_what_a_star_brings(self):
        assert names_gone(ast.parse("X = 1"), ast.parse("from m import *")) == set()
        assert names_gone(ast.parse("from m import *\nX = 1"), ast.parse("")) == {"X"}
