"""Code objects that others hold are named: the function that they were of has other code."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest

SOURCE = """
    HIDDEN, NAMED, SEEN, KNOWN = [], {}, set(), {}

    class Entry:
        def __init__(self, code):
            self.code = code

    def hide(function):
        ~HOW
        return function

    @hide
    def f():
        return 1
"""
REASON = "it is another now, and what it was is still in "


@pytest.mark.parametrize(
    ("how", "where"),
    [
        ("HIDDEN.append(function.__code__)", "HIDDEN"),
        ("SEEN.add(function.__code__)", "SEEN"),
        ("NAMED['f'] = function.__code__", "NAMED"),
        ("global OF_F; OF_F = function.__code__", "OF_F"),
    ],
)
def test_who_holds_code_is_named(project, how, where):
    module = project.load("m", SOURCE.replace("~HOW", how))
    project.engine()
    reload = project.edit("m", "return 1", "return 2")
    assert module.f() == 2
    (stale,) = reload.stale
    for name in ("HIDDEN", "SEEN", "NAMED", "OF_F"):
        where = where.replace(name, f"{module.__name__}.{name}")
    assert (stale.what, stale.reason) == ("f.__code__", REASON + where)


@pytest.mark.parametrize(
    "how",
    [
        "HIDDEN.append((1, function.__code__))",
        "HIDDEN.append(Entry([function.__code__]))",
        "NAMED['get'] = lambda code=function.__code__: code",
    ],
)
def test_what_is_deeper_is_mostly_that_of_tools(project, how):
    module = project.load("m", SOURCE.replace("~HOW", how))
    project.engine()
    reload = project.edit("m", "return 1", "return 2")
    assert module.f() == 2
    assert not reload.stale


def test_so_it_is_where_lines_moved(project):
    module = project.load("m", SOURCE.replace("~HOW", "HIDDEN.append(function.__code__)"))
    project.engine()
    (stale,) = project.edit("m", "@hide", "# moved\n@hide").stale
    assert stale.what == "f.__code__"
    module.HIDDEN[:] = [module.f.__code__]
    (stale,) = project.edit("m", "# moved", "# moved\n").stale
    module.HIDDEN.clear()
    assert not project.edit("m", "# moved\n", "# moved").stale


def test_code_as_a_key_is_a_question(project):
    module = project.load("m", SOURCE.replace("~HOW", "KNOWN[function.__code__] = 1"))
    project.engine()
    assert not project.edit("m", "return 1", "return 2").stale
    assert module.f() == 2


def test_what_runs_goes_on_with_its_code(project):
    module = project.load(
        "m",
        """
        import sys
        def f():
            yield sys._getframe()
            yield 1
        kept = [f()]
        frame = next(kept[0])
        """,
    )
    project.engine()
    assert not project.edit("m", "yield 1", "yield 2").stale
    assert next(module.kept[0]) == 1
    assert list(module.f())[1] == 2


def test_who_was_given_the_new_code_too_is_not_named(project):
    module = project.load("m", SOURCE.replace("~HOW", "HIDDEN.append(function.__code__)"))
    project.engine()
    text = "return 1"
    path = project.path("m")
    source = path.read_text(encoding="utf-8").replace(text, "return 2").replace("@hide", "@(hide)")
    reload = project.save(
        m=source.replace("@(hide)", "@hide  # again").replace("def f()", "def f(x=0)")
    )
    assert reload.ok
    assert module.f.__code__ in module.HIDDEN
    assert not reload.stale


def test_nothing_is_kept_alive(project):
    module = project.load("m", SOURCE.replace("~HOW", "HIDDEN.append(function.__code__)"))
    project.engine()
    old = weakref.ref(module.f.__code__)
    assert project.edit("m", "return 1", "return 2").stale
    module.HIDDEN.clear()
    project.edit("m", "return 2", "return 3")
    project.edit("m", "return 3", "return 4")
    gc.collect()
    assert old() is None or sys.version_info < (3, 12)
