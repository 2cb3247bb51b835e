"""A definition is cut in one save, and pasted in another: who had it has it again."""

from __future__ import annotations

import functools
import gc
import operator
import weakref

import pytest

USER = """\
from ~m import f
import functools
same = f
held = {"f": [f, (f,)]}
part = functools.partial(f)
def call(it=f): return it()
def make(it): return lambda: it()
closure = make(f)
"""


def results(user):
    """What f returns, by whatever reference."""
    held = [user.f, user.same, *user.held["f"][:1], *user.held["f"][1], user.part]
    return [it() for it in [*held, user.call, user.closure]]


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return RESULT\n",
        "def f(*, x=RESULT): return x\n",
        "f = lambda: RESULT\n",
        "def mark(function): return function\n@mark\ndef f(): return RESULT\n",
        "import functools\n@functools.lru_cache\ndef f(): return RESULT\n",
        "def mark(function):\n    return lambda: function()\n@mark\ndef f(): return RESULT\n",
        "class f(int):\n    def __new__(cls): return int(RESULT)\n",
    ],
)
@pytest.mark.parametrize("below", ["", "more = 1\n"])
def test_functions(project, text, below) -> None:
    project.load("m", f"first = 1\n{text.replace('RESULT', '1')}")
    user = project.load("user", USER)
    f = user.f
    report = project.save(m=f"first = 1\n{below}")
    assert report.ok
    assert [it.what for it in report.stale][:1] == [f"{user.__name__}.f"]
    assert "f is gone from the source" in report.stale[0].reason
    assert results(user) == [1] * 7
    report = project.save(m=f"{below}{text.replace('RESULT', '2')}first = 1\n")
    assert (report.ok, report.stale) == (True, ())
    if "f = lambda" not in text:  # another object, and nothing says of which definition it is
        assert user.f is f
        assert results(user) == [2] * 7
    else:
        assert user.f() == 2
    project.engine().undo()
    assert results(user) == [1] * 7


def test_a_class_and_what_was_made_of_it(project) -> None:
    text = "class C:\n    made = []\n    def f(self): return RESULT\n"
    m = project.load("m", text.replace("RESULT", "1"))
    user = project.load(
        "user",
        "from ~m import C\nclass D(C): pass\none, two, bound = C(), D(), C().f\nnew = C.__new__\n",
    )
    cls = m.C
    report = project.save(m="other = 1\n")
    assert [it.what for it in report.stale] == [f"{user.__name__}.C"]
    report = project.save(m=f"class B: pass\n{text.replace('C:', 'C(B):').replace('RESULT', '2')}")
    assert (report.ok, report.stale) == (True, ())
    assert (m.C is cls, user.C is cls, user.D.__mro__[1:3]) == (True, True, (cls, m.B))
    assert (user.one.f(), user.two.f(), user.bound()) == (2, 2, 2)


def test_constants_and_lists(project) -> None:
    m = project.load("m", "A = 1\nB = [1]\nC = (1, 2)\n")
    user = project.load("user", "from ~m import A, B, C\ntotal = A + len(B) + len(C)\n")
    report = project.save(m="D = 1\n")
    assert sorted(it.what for it in report.stale) == [f"{user.__name__}.{it}" for it in "ABC"]
    report = project.save(m="C = (1, 2, 3)\nB = [1, 2, 3]\nA = 3\n")
    assert (report.ok, report.stale) == (True, ())
    assert (user.A, user.B, user.C, user.total) == (3, [1, 2, 3], (1, 2, 3), 9)
    assert user.B is m.B


def test_what_the_program_has_bound_in_between_stays(project) -> None:
    project.load("m", "A = 1\ndef f(): return 1\n")
    user = project.load("user", "from ~m import A, f\n")
    assert project.save(m="D = 1\n").ok
    user.A, user.f = 7, operator.neg
    assert project.save(m="A = 3\ndef f(): return 3\n").ok
    assert (user.A, user.f) == (7, operator.neg)


def test_imported_on_and_by_imports_of_everything(project) -> None:
    project.load("m", "A = 1\ndef f(): return 1\n")
    project.load("on", "from ~m import *\n")
    user = project.load("user", "from ~on import A, f\ntotal = A + f()\n")
    f = user.f
    report = project.save(m="D = 1\n")
    assert {it.what for it in report.stale} >= {f"{user.__name__}.A", f"{user.__name__}.f"}
    assert project.save(m="A = 3\ndef f(): return 3\n").ok
    assert (user.A, user.f is f, f(), user.total) == (3, True, 3, 6)


@pytest.mark.parametrize(
    "head",
    [
        "class C:\n",
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n",
        "class Hook:\n    def __init_subclass__(cls): cls.tag = 1\nclass C(Hook):\n",
        "import abc\nclass C(abc.ABC):\n",
        "class Meta(type):\n    pass\nclass C(metaclass=Meta):\n",
    ],
)
def test_methods(project, head) -> None:
    text = f"{head}    def f(self): return RESULT\n    @property\n    def p(self): return RESULT\n"
    text += "    @staticmethod\n    def s(): return RESULT\n    class D:\n        x = RESULT\n"
    m = project.load("m", f"{text.replace('RESULT', '1')}    n = 1\n")
    it = m.C()
    held = [it.f, m.C.f.__get__(it), m.C.s, functools.partial(m.C.p.fget, it)]
    inner = m.C.D()
    assert project.save(m=f"{head}    n = 1\n").ok
    assert ([it() for it in held], inner.x) == ([1] * 4, 1)
    report = project.save(m=f"{text.replace('RESULT', '2')}    n = 1\n")
    assert (report.ok, report.stale) == (True, ())
    assert ([it() for it in held], inner.x) == ([2] * 4, 2)
    project.engine().undo()
    assert ([it() for it in held], hasattr(m.C, "f")) == ([1] * 4, False)


def test_nothing_is_kept_alive(project) -> None:
    m = project.load("m", "class C: pass\ndef f(): pass\nA = C()\nL = [C()]\n")
    gone = [weakref.ref(it) for it in (m.C, m.f, m.A, m.L[0])]
    assert not project.save(m="D = 1\n").stale
    assert project.save(m="D = 2\n").ok  # until then the removal could be undone
    gc.collect()
    assert [it() for it in gone] == [None] * 4


def test_a_reload_that_fails_in_between(project) -> None:
    project.load("m", "def f(): return 1\n")
    user = project.load("user", "from ~m import f\n")
    f = user.f
    assert project.save(m="D = 1\n").ok
    assert not project.save(m="def f(): return 2\n1 / 0\n").ok
    assert user.f() == 1
    assert project.save(m="def f(): return 3\n").ok
    assert (user.f is f, f()) == (True, 3)


MOVED = "class C:\n    def m(self): return RESULT\ndef f(): return RESULT\n"


@pytest.mark.parametrize("is_shown", [True, False])
def test_into_another_module_save_by_save(project, is_shown) -> None:
    """The file that loses it is saved first, then the one that gets it, then who imports it."""
    a = project.load("a", f"first = 1\n{MOVED.replace('RESULT', '1')}")
    b = project.load("b", "first = 1\n")
    user = project.load("user", "from ~a import C, f\nmade = C()\ntable = [f, made.m]\n")
    cls, f = a.C, a.f
    report = project.save(a="first = 1\n")
    assert sorted(it.what for it in report.stale) == [f"{user.__name__}.C", f"{user.__name__}.f"]
    assert project.save(b=f"first = 1\n{MOVED.replace('RESULT', '2')}").ok
    assert b.C is not cls
    if is_shown:
        report = project.save(a="from ~b import C, f\n")
    else:
        report = project.edit("user", f"from {a.__name__}", f"from {b.__name__}")
    assert (report.ok, report.stale) == (True, ())
    assert (b.C is cls, b.f is f, user.C is cls, user.f is f) == (True, True, True, True)
    assert ([it() for it in user.table], user.made.m(), cls.__module__) == ([2, 2], 2, b.__name__)
    assert project.edit("b", "def f(): return 2", "def f(): return 3").ok
    assert user.table[0]() == 3


@pytest.mark.parametrize("order", ["cut paste user", "paste cut user", "paste user cut"])
def test_in_any_order(project, order) -> None:
    a = project.load("a", f"first = 1\n{MOVED.replace('RESULT', '1')}")
    b = project.load("b", "first = 1\n")
    user = project.load("user", "from ~a import C, f\n")
    cls, f, made = user.C, user.f, user.C()
    held = [f, made.m, functools.partial(f)]
    saves = {
        "cut": {"a": "first = 1\n"},
        "paste": {"b": f"first = 1\n{MOVED.replace('RESULT', '2')}"},
        "user": {"user": "from ~b import C, f\n"},
    }
    reports = [project.save(**saves[each]) for each in order.split()]
    assert all(report.ok for report in reports)
    assert reports[-1].stale == ()
    assert ([it() for it in held], made.m(), user.f()) == ([2] * 3, 2, 2)
    assert (b.f is f, user.f is f, b.C is cls, user.C is cls) == (True, True, True, True)
    assert not hasattr(a, "f")


@pytest.mark.parametrize("at_once", [True, False])
def test_another_one_of_the_name_where_it_was(project, at_once) -> None:
    """What has moved is its own there, and not what comes by its name later."""
    a = project.load("a", f"first = 1\n{MOVED.replace('RESULT', '1')}")
    b = project.load("b", "first = 1\n")
    user = project.load("user", "from ~a import C, f\n")
    texts = {"a": "first = 1\n", "b": MOVED.replace("RESULT", "1"), "user": "from ~b import C, f\n"}
    if at_once:
        assert project.save(**texts).ok
    else:
        assert all(project.save(**{name: text}).ok for name, text in texts.items())
    f, cls = user.f, user.C
    assert (b.f is f, b.C is cls) == (True, True)
    assert project.save(a=f"first = 1\n{MOVED.replace('RESULT', '7')}").ok
    assert (a.f(), a.C().m(), b.f(), b.C().m(), user.f()) == (7, 7, 1, 1, 1)
    assert (a.f is f, a.C is cls, f.__module__) == (False, False, b.__name__)


def test_a_cache_below_a_decorator_of_another_module(project) -> None:
    wraps = "import functools\ndef deco(fn):\n    @functools.wraps(fn)\n"
    project.load("lib", f"{wraps}    def wrapper(*args): return 8, fn(*args)\n    return wrapper\n")
    text = "from ~lib import *\n@deco\n@functools.cache\ndef f(x): return x, RESULT\n"
    m = project.load("m", text.replace("RESULT", "1"))
    f = m.f
    assert f(0) == (8, (0, 1))
    assert project.save(m="from ~lib import *\n").ok
    report = project.save(m=text.replace("RESULT", "2"))
    assert (report.ok, report.stale) == (True, ())
    assert (m.f is f, f(0)) == (True, (8, (0, 2)))


CLASS = """\
class B: pass
C = B
class K:
    m = g
    n = h
    o = B
"""
CLASS_NOW = """\
class B: pass
class C:
    x = 2
class K:
    def m(self): return 3
    def n(self): return 4
    class o:
        x = 5
"""


@pytest.mark.parametrize("text", ["f = g\n", "from functools import reduce as f\n"])
def test_a_name_that_stood_for_something_else(project, text) -> None:
    """What has a name of its own is not made what comes by another name that it had."""
    project.load("o", "def h(): return 0\n")
    head = "from ~o import h\ndef g(): return 1\n"
    m = project.load("m", f"{head}{text}{CLASS}")
    user = project.load("user", "from ~m import f, C\n")
    g, h, cls = m.g, m.h, m.B
    assert project.save(m=f"{head}class B: pass\nclass K:\n    x = 1\n").ok
    assert project.save(m=f"{head}def f(): return 2\n{CLASS_NOW}").ok
    assert (g(), m.g is g, h(), m.B is cls, hasattr(cls, "x")) == (1, True, 0, True, False)
    assert (m.f(), m.C.x, m.C is cls) == (2, 2, False)
    assert (user.f is m.f, user.C is m.C) == (True, True)
    assert (m.K().m(), m.K().n(), m.K.o.x) == (3, 4, 5)


def test_who_reads_an_attribute_that_is_gone_is_named(project) -> None:
    """And follows when it is back."""
    m = project.load("m", "LIMIT = 1\ndef f(): return 1\nother = 0\n")
    user = project.load(
        "user",
        "import ~m as m\nimport ~m\ntwice = 2 * m.LIMIT\n"
        "class C:\n    limit = m.LIMIT\n    f = m.f\n"
        "def late(): return m.LIMIT\ntry: maybe = m.LIMIT\nexcept AttributeError: maybe = 0\n",
    )
    report = project.save(m="def f(): return 1\nother = 0\n")
    assert report.ok
    assert sorted((it.what, it.reason) for it in report.stale) == [
        (f"{user.__name__}.{name}", "it was made with m.LIMIT, which is gone from the source")
        for name in ("C", "twice")
    ]
    assert not hasattr(m, "LIMIT")
    report = project.save(m="LIMIT = 5\ndef f(): return 1\nother = 0\n")
    assert (report.ok, report.stale) == (True, ())
    assert (user.twice, user.C.limit, user.late()) == (10, 5, 5)
