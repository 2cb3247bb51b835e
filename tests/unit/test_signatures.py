"""Functions that calls of others have made, and whose arguments change."""

from __future__ import annotations

import inspect
from types import FunctionType

import pytest

SOURCE = """\
OPTION = 7
def make(factor=2):
    def inner(a, b=3, *, c="c", d=factor):
        return a, b, c, d, factor
    return inner
HELD = [make(), make(5)]
"""


@pytest.fixture
def module(project):
    module = project.load("m", SOURCE)
    project.engine()
    return module


@pytest.mark.parametrize(
    ("arguments", "result", "call", "wanted"),
    [
        ("a, b=3, e=None, *, c='c', d=factor", "a, b, c, d, e", (1,), (1, 3, "c", 5, None)),
        ("a, b=3, *, c='c', d=factor, e=-1", "a, b, c, d, e", (1,), (1, 3, "c", 5, -1)),
        ("a, *, c='c', d=factor", "a, c, d", (1,), (1, "c", 5)),
        ("a, b=3, *, d=factor", "a, b, d", (1,), (1, 3, 5)),
        ("a, b=3, d=factor, *, c='c'", "a, b, c, d", (1,), (1, 3, "c", 5)),
        ("x, a, b=3, *, c='c', d=factor", "x, a, b, c, d", (0, 1), (0, 1, 3, "c", 5)),
        ("a, b=(4, ()), *, d=factor, e=1", "a, b, d, e", (1,), (1, (4, ()), 5, 1)),
        ("*args, d=factor, **more", "args, d, more", (1, 2), ((1, 2), 5, {})),
        ("a, z=3, *, c='c', d=factor", "a, z, c, d", (1,), (1, 3, "c", 5)),
        ("a, z=4, *, c='c', d=factor", "a, z, c, d", (1,), (1, 4, "c", 5)),
        ("a, b, z=4, *, c='c', d=factor", "a, b, z, c, d", (1, 2), (1, 2, 4, "c", 5)),
        ("", "()", (), ()),
    ],
)
def test_arguments_change(project, module, arguments, result, call, wanted) -> None:
    inner = module.HELD[1]
    text = SOURCE.replace('a, b=3, *, c="c", d=factor', arguments)
    report = project.save(m=text.replace("a, b, c, d, factor", f"[{result}, factor]"))
    assert (report.ok, report.stale) == (True, ()), report
    factor = [5]
    assert inner(*call) == [*([()] if not arguments else wanted), *factor]
    fresh: dict = {}
    exec(text.replace("a, b, c, d, factor", f"[{result}, factor]"), fresh)
    assert inspect.signature(inner) == inspect.signature(fresh["HELD"][1])
    project.engine().undo()
    assert inner(1) == (1, 3, "c", 5, 5)
    assert inspect.signature(inner).parameters["d"].default == 5


@pytest.mark.parametrize(
    "arguments",
    [
        "a, b=3, e=factor, *, c='c', d=factor",  # made of the call
        "a, b=3, e=OPTION, *, c='c', d=factor",  # of the module: it may have been another
        "a, b=3, *, c='c', d=1, e=2",  # nobody knows that this is not the program's own
        "a, b=3, *, c='c', d=factor, e=[]",  # each call has its own
    ],
)
def test_defaults_that_nobody_knows(project, module, arguments) -> None:
    inner = module.HELD[1]
    text = SOURCE.replace('a, b=3, *, c="c", d=factor', arguments)
    report = project.save(m=text.replace("d, factor", "d, factor, e"))
    assert report.ok
    assert [it.what for it in report.stale] == ["make.<locals>.inner"]
    assert "before its arguments changed" in report.stale[0].reason
    assert inner(1) == (1, 3, "c", 5, 5)
    assert not project.save(m=SOURCE).stale
    assert inner(1) == (1, 3, "c", 5, 5)


def test_defaults_that_the_program_has_set(project, module) -> None:
    inner, other = module.HELD
    inner.__defaults__ = (30,)
    text = SOURCE.replace("a, b=3, *", "a, b=4, e=5, *")
    report = project.save(m=text)
    assert [it.what for it in report.stale] == ["make.<locals>.inner"]
    assert (inner(1)[1], other(1)[1]) == (30, 4)


def test_another_name_and_another_default(project, module) -> None:
    """It is called as before: the default is that of the same place."""
    inner = module.HELD[0]
    report = project.save(m=SOURCE.replace("a, b=3", "a, x=4").replace("a, b,", "a, x,"))
    assert (report.ok, report.stale) == (True, ())
    assert inner(1) == (1, 4, "c", 2, 2)


TOGETHER = """\
def make(value=None):
    def called(a):
        return a
    def caller():
        return called(1)
    return called, caller
HELD = make(2)
"""


def test_who_calls_it_gets_its_code_too(project) -> None:
    module = project.load("m", TOGETHER)
    project.engine()
    _called, caller = module.HELD
    report = project.save(
        m=TOGETHER.replace("called(a)", "called(a, b)")
        .replace("return a", "return a, b")
        .replace("called(1)", "called(1, 2)")
    )
    assert (report.ok, report.stale) == (True, ())
    assert caller() == (1, 2)


def test_who_calls_it_stays_old(project) -> None:
    """The caller cannot get its code, so that what it calls keeps its arguments."""
    module = project.load("m", TOGETHER)
    project.engine()
    _called, caller = module.HELD
    report = project.save(
        m=TOGETHER.replace("called(a)", "called(a, b)")
        .replace("return a", "return a, b")
        .replace("called(1)", "called(1, value)")
    )
    assert report.ok
    assert sorted(it.what for it in report.stale) == [
        "make.<locals>.called",
        "make.<locals>.caller",
    ]
    assert "caller, which may call it, stays old" in str(report)
    assert caller() == 1
    assert module.make(3)[1]() == (1, 3)


def test_a_wrapper_that_takes_more(project) -> None:
    text = """\
import functools
def traced(function):
    @functools.wraps(function)
    def wrapper(x):
        return function(x)
    return wrapper
@traced
def double(x):
    return 2 * x
class Meter:
    @traced
    def read(self):
        return 1
HELD = [double, Meter().read]
"""
    module = project.load("m", text)
    project.engine()
    double, read = module.HELD
    wrapper = text.replace("wrapper(x)", "wrapper(*args, times=1)")
    report = project.save(m=wrapper.replace("function(x)\n", "function(*args) * times\n", 1))
    assert (report.ok, report.stale) == (True, ())
    assert (double(4, times=2), read(times=3)) == (16, 3)


@pytest.mark.parametrize("line", ["lambda x, y=1: (x, y, factor)", "lambda: factor"])
def test_lambdas(project, line) -> None:
    text = "def make(factor):\n    return lambda x: (x, factor)\nHELD = make(5)\n"
    module = project.load("m", text)
    project.engine()
    report = project.save(m=text.replace("lambda x: (x, factor)", line))
    assert (report.ok, report.stale) == (True, ())
    assert module.HELD(*("x" in line) * [2]) == ((2, 1, 5) if "x" in line else 5)


def test_two_lambdas_in_a_line(project) -> None:
    """Which of the two has which defaults nobody can tell."""
    text = "def make(n):\n    return (lambda x: (x, n)), (lambda: n)\nHELD = make(5)\n"
    module = project.load("m", text)
    project.engine()
    first, second = module.HELD
    report = project.save(m=text.replace("lambda x: (x, n)", "lambda x, y=1: (x, y, n)"))
    assert report.ok
    assert first(1) in ((1, 5), (1, 1, 5))
    assert report.stale or first(1) == (1, 1, 5)
    assert second() == 5


def test_the_defaults_are_the_programs_objects(project) -> None:
    """Defaults that are written as before are the very objects, of each function its own."""
    text = (
        "def make(seen):\n    def inner(a, seen=seen):\n        return seen\n    return inner\n"
        "HELD = [make([1]), make([2])]\n"
    )
    module = project.load("m", text)
    project.engine()
    before = [it(0) for it in module.HELD]
    assert project.save(m=text.replace("inner(a, seen", "inner(a, b=1, seen")).stale == ()
    assert all(it(0) is seen for it, seen in zip(module.HELD, before, strict=True))
    assert all(type(it) is FunctionType for it in module.HELD)
