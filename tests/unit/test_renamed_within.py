"""Functions within functions that have another name now: what was made of them has the new code."""

from __future__ import annotations

import sys

import pytest

from mighty_patcher import _core

DECORATOR = """
import functools
def count(f):
    calls = [0]
    def inner(*args):
        '''Counts.'''
        calls[0] += 1
        return calls[0], f(*args)
    return inner
@count
def work(x): return x
def named(f):
    @functools.wraps(f)
    def inner(*args): return "inner", f(*args)
    return inner
@named
def other(x): return x
"""
RENAMED = DECORATOR.replace("inner", "wrapper").replace('"wrapper"', '"inner"')
CHOICE = """
def choose(kind):
    if kind == "a":
        def get(): return "a"
        def put(x): return "a", x
    else:
        def get(): return "b"
        def put(x): return "b", x
    return get, put
a, b = choose("a"), choose("b")
"""


def test_the_only_one(project):
    m = project.load("m", DECORATOR)
    project.engine()
    work, other = m.work, m.other
    assert (work(5), work(6)) == ((1, 5), (2, 6))
    report = project.save(m=RENAMED.replace("+= 1", "+= 10").replace("Counts", "Counts by tens"))
    assert (report.ok, report.stale, m.work is work) == (True, (), True)
    assert (work(7), work.__name__, work.__doc__) == ((12, 7), "wrapper", "Counts by tens.")
    assert work.__qualname__ == work.__code__.co_qualname == "count.<locals>.wrapper"
    assert (other(1), other.__name__, other.__code__.co_name) == (("inner", 1), "other", "wrapper")
    project.engine().undo()
    assert (work(8), work.__name__, work.__doc__) == ((13, 8), "inner", "Counts.")
    assert (work.__qualname__, other.__code__.co_name) == ("count.<locals>.inner", "inner")


def test_of_several_those_that_do_the_same(project):
    """As loguru's functions for the time of a file, of which each system has its own."""
    m = project.load("m", CHOICE)
    project.engine()
    held = [*m.a, *m.b]
    new = """
        def choose(kind):
            if kind == "a":
                def get_of_a(): return "a"
                def put_of_a(x): return "a", x
                return get_of_a, put_of_a
            def get_of_b(): return "b"
            def put_of_b(x): return "b", x
            return get_of_b, put_of_b
        a, b = choose("a"), choose("b")
        """
    assert project.save(m=new).ok
    assert [*m.a, *m.b] == held
    assert [it.__name__ for it in held] == ["get_of_a", "put_of_a", "get_of_b", "put_of_b"]
    assert (held[0](), held[1](1), held[2](), held[3](1)) == ("a", ("a", 1), "b", ("b", 1))


@pytest.mark.parametrize(
    "new",
    [
        "def outer():\n    def two(x, y): return 3\n    return two\nheld = outer()\n",
        "def outer():\n    def two(x): 3\n    def three(x): 4\n    return two\nheld = outer()\n",
    ],
    ids=["called otherwise", "one of two"],
)
def test_what_cannot_be_told_is_named(project, new):
    m = project.load(
        "m", "def outer():\n    def one(x): return 2\n    return one\nheld = outer()\n"
    )
    project.engine()
    held = m.held
    report = project.save(m=new)
    assert (report.ok, held(1), [it.what for it in report.stale]) == (
        True,
        2,
        ["outer.<locals>.one"],
    )


def test_nothing_is_left_behind(project):
    if _core.FREE_THREADED:
        pytest.skip("it does not count all references")
    m = project.load("m", DECORATOR)
    project.engine()
    counts = []
    for _ in range(3):
        assert project.save(m=RENAMED).ok
        assert project.save(m=DECORATOR).ok
        counts.append((sys.getrefcount(m.work), sys.getrefcount(m.other)))
    assert counts[1] == counts[2]
