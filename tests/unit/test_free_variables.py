"""Functions that calls of others have made, and whose code needs another variable of these."""

from __future__ import annotations

import decimal

import pytest

SOURCE = """\
import functools
import functools as ft
def plain(function): return function
def outer(option):
    def make(factor=2):
        def inner(a):
            return a, factor
        return inner
    return make
HELD = outer(None)(5)
"""
INNER = "        def inner(a):\n            return a, factor\n"


@pytest.fixture
def module(project):
    module = project.load("m", SOURCE)
    project.engine()
    return module


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"        limit = 7\n{INNER}", 7),
        (f"{INNER}        limit: tuple = (7, -1, 'x')\n", (7, -1, "x")),
        (f"        from decimal import Decimal as limit\n{INNER}", decimal.Decimal),
        (f"        import decimal as limit, functools\n{INNER}", decimal),
    ],
)
def test_it_does_not_depend_on_the_call(project, module, text, wanted) -> None:
    held = module.HELD
    report = project.save(m=SOURCE.replace(INNER, text).replace("a, factor", "a, factor, limit"))
    assert (report.ok, report.stale) == (True, ())
    assert held(1) == (1, 5, wanted)
    assert module.outer(None)()(1) == (1, 2, wanted)
    project.engine().undo()
    assert held(1) == (1, 5)


def test_of_the_function_around_that_one(project, module) -> None:
    text = SOURCE.replace("    def make", "    limit = None\n    def make")
    report = project.save(m=text.replace("a, factor", "a, factor, limit"))
    assert (report.ok, report.stale) == (True, ())
    assert module.HELD(1) == (1, 5, None)


def test_a_package_that_is_imported(project, module) -> None:
    text = SOURCE.replace(INNER, f"        import xml.dom\n{INNER}")
    project.load("n", "import xml.dom\n")
    report = project.save(m=text.replace("a, factor", "a, factor, xml.dom.__name__"))
    assert (report.ok, report.stale) == (True, ())
    assert module.HELD(1) == (1, 5, "xml.dom")


@pytest.mark.parametrize(
    "decorator", ["", "        @functools.wraps(plain)\n", "        @ft.wraps(plain)\n"]
)
def test_itself(project, module, decorator) -> None:
    held = module.HELD
    text = SOURCE.replace(INNER, f"{decorator}{INNER}")
    report = project.save(m=text.replace("a, factor", "a, factor, inner"))
    assert (report.ok, report.stale) == (True, ())
    assert held(1) == (1, 5, held)


@pytest.mark.parametrize(
    "text",
    [
        f"        limit = option\n{INNER}",  # what the call was given
        f"        limit = []\n{INNER}",  # another one for each call
        f"        limit = 1\n        limit = 2\n{INNER}",
        f"        limit = 1\n        if option: del limit\n{INNER}",
        f"        if option: limit = 1\n{INNER}",
        f"        for limit in (1,): pass\n{INNER}",
        f"        limit = kept = 1\n{INNER}",
        f"        import not_there as limit\n{INNER}",
        f"        from functools import not_there as limit\n{INNER}",
        f"        from sys import maxsize as limit\n{INNER}",  # of a program's it may change
        f"        from ....beyond import limit\n{INNER}",
        f"        limit = 1\n        def count():\n            nonlocal limit\n{INNER}",
        f"        def limit(): pass\n{INNER}",
        f"        @plain\n        def limit(): pass\n{INNER}",
        "        @plain\n        def limit(a): return a, factor\n        inner = limit\n",
    ],
)
def test_each_call_may_have_its_own(project, module, text) -> None:
    held = module.HELD
    text = SOURCE.replace(INNER, text).replace("a, factor", "a, factor, limit")
    report = project.save(m=text)
    assert report.ok
    assert held(1) == (1, 5)
    assert len(report.stale) == 1
    assert "limit of the enclosing function" in report.stale[0].reason
    assert not project.save(m=SOURCE).stale
    assert held(1) == (1, 5)


def test_a_variable_that_is_an_argument_as_well(project, module) -> None:
    text = SOURCE.replace("make(factor=2)", "make(factor=2, limit=3)")
    report = project.save(m=text.replace("a, factor", "a, factor, limit"))
    assert len(report.stale) == 1
    assert module.HELD(1) == (1, 5)


def test_in_a_lambda(project) -> None:
    text = "def make(n):\n    limit = 3\n    return lambda x: (x, n)\nHELD = make(5)\n"
    module = project.load("m", text)
    project.engine()
    report = project.save(m=text.replace("(x, n)", "(x, n, limit)"))
    assert (report.ok, report.stale) == (True, ())
    assert module.HELD(1) == (1, 5, 3)
