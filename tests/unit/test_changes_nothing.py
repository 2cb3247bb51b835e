from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given, settings
from unit_sources import modules, with_comments, with_new_bodies, with_new_evaluation

from mighty_patcher.engine.changes import changes_nothing
from mighty_patcher.engine.statements import plan


def runs(old: str, new: str) -> bool:
    return not changes_nothing(plan(ast.parse(old), ast.parse(new), (old, new)))


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
        assert not runs(old, new)

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_bodies_of_generics(self):
        assert not runs("def f[T](x: T): 1", "def f[T](x: T): 2")
        assert not runs("class A[T]:\n  def f(x): 1", "class A[T]:\n  def f(x): 2")


class TestRuns:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("x = 1", "x = 2"),
            ("x = 1", "x = 1.0"),
            ("x = 1", "x = True"),
            ("x = 0.0", "x = -0.0"),
            ("x = 'a'", "x = b'a'"),
            ("x = 1", "x = 1\n\ny = 2"),
            ("x = 1\ny = 2", "x = 1"),
            ("x = 1", "x: int = 1"),
            ("a.b = 1", "a.b = 2"),
            ("import a", "import b"),
            ("'doc'", "'other'"),
            ("f(1)", "f(2)"),
            ("for i in a: pass", "for i in b: pass"),
            ("def f(a): pass", "def f(b): pass"),
            ("def f(a=1): pass", "def f(a=2): pass"),
            ("def f(a: int): pass", "def f(a: str): pass"),
            ("def f(): pass", "def f() -> int: pass"),
            ("def f(): pass", "def g(): pass"),
            ("def f(): pass", "async def f(): pass"),
            ("@a\ndef f(): pass", "@b\ndef f(): pass"),
            ("@a\n@b\ndef f(): pass", "@b\n@a\ndef f(): pass"),
            ("class A(B): pass", "class A(C): pass"),
            ("class A(k=1): pass", "class A(k=2): pass"),
            ("class A:\n  x = 1", "class A:\n  x = 2"),
            ("class A:\n  'doc'", "class A:\n  'other'"),
            ("class A:\n  def f(s): 1", "class A:\n  def f(s, a): 1"),
            ("class A:\n  def f(s): 1", "class A:\n  def f(s): 1\n  def g(s): 1"),
            ("x = lambda a: 1", "x = lambda b: 1"),
            ("x = [i for i in a]", "x = [i for i in b]"),
            ("if a: pass", "if b: pass"),
            ("def f(): pass\ndef g(): pass", "def g(): pass\ndef f(): pass"),
            ("x = lambda: 1", "def x(): return 1"),
        ],
    )
    def test_what_is_evaluated(self, old, new):
        assert runs(old, new)

    def test_integers_that_have_no_repr(self):
        large = hex(10**5000)
        assert not runs(f"x = {large}", f"x = {large}")
        assert runs(f"x = {large}", f"x = {large}0")

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_type_parameters(self):
        assert runs("def f[T](x): 1", "def f[T: int](x): 1")
        assert runs("type X = int", "type X = str")


class TestProperties:
    @settings(max_examples=25, deadline=None)
    @given(modules())
    def test_the_same_text_runs_nothing(self, text):
        assert not runs(text, text)

    @settings(max_examples=25, deadline=None)
    @given(with_comments())
    def test_comments_run_nothing(self, texts):
        assert not runs(*texts)

    @settings(max_examples=25, deadline=None)
    @given(with_new_bodies())
    def test_bodies_run_nothing(self, texts):
        assert not runs(*texts)

    @settings(max_examples=25, deadline=None)
    @given(with_new_evaluation())
    def test_what_is_evaluated_runs_both_ways(self, texts):
        old, new = texts
        assert runs(old, new)
        assert runs(new, old)


def test_an_edit_of_the_main_block_runs_nothing():
    text = "x = 1\nif __name__ == '__main__':\n  a = {}\nelse:\n  b = {}"
    assert not runs(text.format(1, 1), text.format(2, 1))
    assert runs(text.format(1, 1), text.format(1, 2))
