"""What takes the place of a method: whoever holds the old one has the new, or is named."""

from __future__ import annotations

import sys
from functools import partial

import pytest

from mighty_patcher import _core

WRAPPERS = """
from functools import wraps
class Called:
    def __init__(self, name, f): self.name, self.f = name, f
    def __call__(self, *args): return self.name, self.f(*args)
    def __get__(self, it, owner=None): return lambda *args: self(it, *args)
def wrapper(name):
    def decorate(f):
        @wraps(f)
        def wrapped(*args): return name, f(*args)
        return wrapped
    return decorate
one = wrapper("one")
def two(f):
    @wraps(f)
    def twice(*args): return "two", f(*args)
    return twice
def called(f): return Called("called", f)
def attach(names, f): names["attached"] = f
"""
METHODS = """
from ~lib import attach, called, one, two
def plain(self=None): return 1
class C:
    @one
    def bound(self): return 2
    @staticmethod
    @one
    def static(it): return 3
    @classmethod
    @one
    def of_class(cls): return 4
    @property
    @one
    def length(self): return 5
    assigned = one(plain)
    attach(vars(), one(plain))
    def bare(self): return 6
for name in ("looped",):
    setattr(C, name, one(plain))
"""


def said(report):
    return [(it.what.partition(".")[2], it.reason) for it in report.stale]


@pytest.fixture
def held(project):
    """A module with methods of all kinds, and who holds them: the engine sees neither."""
    project.load("lib", WRAPPERS)
    m = project.load("m", METHODS)
    project.engine()
    it, cls = m.C(), m.C
    length = vars(cls)["length"]
    calls = {
        "bound": it.bound,
        "function": partial(cls.bound, it),
        "static": partial(it.static, it),
        "of_class": it.of_class,
        "assigned": it.assigned,
        "attached": it.attached,
        "looped": it.looped,
        "bare": it.bare,
    }
    return m, lambda: {name: call() for name, call in calls.items()} | {"length": length.fget(it)}


def values(name, bare=6):
    by_name = {"bound": 2, "function": 2, "static": 3, "of_class": 4, "length": 5}
    by_name |= dict.fromkeys(("assigned", "attached", "looped"), 1)
    return {key: (name, value) for key, value in by_name.items()} | {"bare": bare}


class TestAnotherWrapper:
    def test_is_had_by_whoever_held_the_one_before(self, project, held):
        _, call = held
        assert call() == values("one")
        new = METHODS.replace("@one", "@two").replace("one(plain)", "two(plain)")
        assert not said(project.save(m=new))
        assert call() == values("two")
        assert not said(project.save(m=METHODS))
        assert call() == values("one")

    def test_and_is_taken_back(self, project, held):
        m, call = held
        new = METHODS.replace("@one", "@two").replace("one(plain)", "two(plain)")
        assert project.save(m=new).ok
        project.engine().undo()
        assert (call(), m.C().bound(), m.C().looped()) == (values("one"), ("one", 2), ("one", 1))

    def test_of_a_module_that_raises_later_is_not_had(self, project, held):
        m, call = held
        new = METHODS.replace("@one", "@two").replace("one(plain)", "two(plain)")
        assert not project.save(m=new + "raise ValueError\n").ok
        assert (call(), m.C().length) == (values("one"), ("one", 5))

    def test_of_another_kind(self, project, held):
        m, call = held
        assert not said(project.edit("m", "    @one\n    def bound", "    @called\n    def bound"))
        assert (call()["function"], m.C().bound()) == (("called", 2), ("called", 2))

    def test_of_what_had_none(self, project, held):
        m, call = held
        assert not said(project.edit("m", "    def bare", "    @two\n    def bare"))
        assert (call(), m.C().bare()) == (values("one", ("two", 6)), ("two", 6))
        assert not said(project.edit("m", "    @two\n    def bare", "    def bare"))
        assert (call(), m.C().bare()) == (values("one"), 6)


class TestAnother:
    """What has another name as well is not what the successor stands for."""

    SOURCE = """
        from ~lib import one, two
        def plain(self): return 1
        class A:
            m = one(plain)
        class B:
            m = A.m
        class C:
            m = one(plain)
            also = m
        """

    def test_that_an_alias_had(self, project):
        project.load("lib", WRAPPERS)
        m = project.load("m", self.SOURCE)
        project.engine()
        mine = m.A.m
        assert not said(project.edit("m", "m = A.m", "m = two(plain)"))
        assert (m.A.m is mine, m.A().m(), m.B().m()) == (True, ("one", 1), ("two", 1))

    def test_that_stays_under_its_other_name(self, project):
        project.load("lib", WRAPPERS)
        m = project.load("m", self.SOURCE)
        project.engine()
        was = m.C.m
        assert not said(project.edit("m", "also = m", "also = two(plain)"))
        assert (m.C.m is was, m.C().m(), m.C().also()) == (True, ("one", 1), ("two", 1))


class TestWhatHasNone:
    def test_a_method_that_is_gone(self, project, held):
        _, call = held
        report = project.edit("m", "    def bare(self): return 6\n", "")
        what, reason = said(report)[0]
        assert (what, call()["bare"]) == ("C.bare", 6)
        assert reason.startswith("it is gone from the source, and what it had is still in ")
        assert "a bound method" in reason

    def test_a_method_that_is_called_in_another_way(self, project, held):
        _, call = held
        old = "    @one\n    def bound(self)"
        report = project.edit("m", old, "    @staticmethod\n    @two\n    def bound(*self)")
        assert {what for what, _ in said(report)} == {"C.bound"}
        assert call()["bound"] == ("one", 2)

    def test_is_named_only_where_somebody_has_it(self, project):
        project.load("lib", WRAPPERS)
        project.load("m", METHODS)
        project.engine()
        assert not said(project.edit("m", "    def bare(self): return 6\n", ""))

    @pytest.mark.skipif(_core.FREE_THREADED, reason="it does not count all references")
    def test_nothing_is_left_behind(self, project, held):
        m, _ = held
        new, counts = METHODS.replace("@one", "@two"), []
        for _ in range(3):
            assert project.save(m=new).ok
            assert project.save(m=METHODS).ok
            counts.append((sys.getrefcount(m.C.bare), sys.getrefcount(m.C.bound)))
        assert counts[1] == counts[2]


def test_a_method_that_a_class_decorator_makes_now(project):
    """As h2's events, which became data classes: whoever holds the bound method has the new one."""
    source = """
        from dataclasses import dataclass
        @dataclass(repr=False)
        class Ended:
            def __init__(self): self.stream = None
            def show(self): return self.stream
        """
    m = project.load("m", source)
    project.engine()
    it, plain = m.Ended(), m.Ended.show
    again, before = it.__init__, m.Ended.__init__
    body = "    def __init__(self): self.stream = None\n"
    assert not said(project.edit("m", body, "    stream: int\n"))
    again(5)
    assert (it.stream, m.Ended(6).show(), m.Ended.show is plain) == (5, 6, True)
    project.engine().undo()
    assert (m.Ended.__init__ is before, again(), it.stream) == (True, None, None)


class TestAlias:
    def test_that_a_decorator_is_given_the_other_name_of(self, project):
        """As pyparsing 3.1 has it: the name of old becomes a wrapper of what it stood for."""
        source = """
            from ~lib import one
            class C:
                @staticmethod
                def new(it=None): return 1
                old = new
            """
        project.load("lib", WRAPPERS)
        m = project.load("m", source)
        project.engine()
        new = m.C.new
        edited = source.replace(
            "old = new",
            "@staticmethod\n                @one\n                def old(it=None): return 2",
        )
        assert not said(project.save(m=edited))
        assert (m.C.new is new, m.C.new(), m.C.old()) == (True, 1, ("one", 2))


def test_another_class_that_has_it_has_the_new_one(project):
    project.load("lib", WRAPPERS)
    m = project.load("m", METHODS)
    n = project.load("n", "class D: pass\n")
    n.D.bound = m.C.bound  # by the program
    project.engine()
    report = project.edit("m", "    @one\n    def bound", "    @two\n    def bound")
    assert (said(report), n.D.bound is m.C.bound, n.D().bound()) == ([], True, ("two", 2))
    project.engine().undo()
    assert (n.D.bound is m.C.bound, n.D().bound()) == (True, ("one", 2))


def test_a_class_that_is_registered_in_another_one(project):
    """A second class is built by the metaclass, and given to the decorator: robotframework."""
    source = """
        class Meta(type):
            def __new__(mcs, name, bases, names): return super().__new__(mcs, name, bases, names)
        class Body:
            error = None
            @classmethod
            def register(cls, item):
                cls.error = item
                return item
        @Body.register
        class Error(metaclass=Meta):
            def __init__(self, values): self.values = values
        """
    m = project.load("m", source)
    project.engine()
    error = m.Error
    report = project.save(m=source.replace("values):", "values=()):"))
    assert (said(report), m.Error is error, m.Body.error is error) == ([], True, True)
    project.engine().undo()
    assert (m.Error is error, m.Body.error is error) == (True, True)


PARTIALS = """
from functools import partial
def load(*args, **named): return args, named
def other(*args, **named): return "other", args, named
first = partial(load, 1, kind="a")
class C:
    second = staticmethod(partial(load, 1))
def keeps(it=first): return it
"""


class TestPartials:
    def test_with_other_arguments(self, project):
        m = project.load("m", PARTIALS)
        n = project.load("n", "from ~m import first as mine\nheld = [mine]")
        project.engine()

        def closure():
            return first()

        first, table, it = m.first, {"a": m.first, "b": m.C.second}, m.C()
        new = PARTIALS.replace('1, kind="a"', "2, what=[]").replace("(load, 1)", "(load, 3)")
        assert not said(project.save(m=new))
        expected = (2,), {"what": []}
        assert n.mine() == n.held[0]() == closure() == table["a"]() == m.keeps()() == expected
        assert table["b"]() == it.second() == ((3,), {})
        project.engine().undo()
        expected = (1,), {"kind": "a"}
        assert n.mine() == n.held[0]() == closure() == table["a"]() == m.keeps()() == expected
        assert table["b"]() == it.second() == ((1,), {})

    def test_of_another_function(self, project):
        m = project.load("m", PARTIALS)
        n = project.load("n", "from ~m import first\nheld = []")
        project.engine()
        n.held.append(m.first)
        report = project.save(m=PARTIALS.replace("load, 1, kind", "other, 1, kind"))
        assert [what for what, _ in said(report)] == ["first"]
        assert n.first() == m.first() == ("other", (1,), {"kind": "a"})
        assert n.held[0]() == ((1,), {"kind": "a"})


DEFINED = """
import ~lib
def other(): return "other"
def f(): return "f"
"""
USER = """
from ~m import f
made = f()
table = {"a": f}
def keeps(it=f): return it
class C:
    static = staticmethod(f)
"""


class TestAssigned:
    """What was a definition, and is something else to call: who holds the function calls that."""

    @pytest.fixture
    def both(self, project):
        project.load(
            "lib", "def g(): return 'g'\ndef around(f): return lambda: f()\nclass D: pass\n"
        )
        m = project.load("m", DEFINED)
        n = project.load("n", USER)
        project.engine()
        return m, n

    @staticmethod
    def called(n, *held):
        held = [*held, n.f, n.table["a"], n.keeps(), n.C.static]
        return {it() for it in held}, n.made

    @pytest.mark.parametrize(
        ("statement", "expected"),
        [
            ("f = other", "other"),
            ("f = ~lib.g", "g"),
            ("from ~lib import g as f", "g"),
            ("from functools import partial\nf = partial(other)", "other"),
            ("f = ~lib.around(other)", "other"),
            ("f = list", []),
            ("try: f = ~lib.g\nexcept AttributeError: pass", "g"),
        ],
    )
    def test_is_had_by_whoever_held_the_function(self, project, both, statement, expected):
        m, n = both
        held, bound = [m.f], partial(m.f)
        n.held = held

        def closure():
            return bound() if held else closure

        old = m.f
        report = project.save(m=DEFINED.replace('def f(): return "f"', statement))
        if statement == "f = list":  # a class: who holds a function may want just that
            assert [what for what, _ in said(report)][:1] == ["f"]
            assert (n.f(), n.made, held[0]()) == ([], [], "f")
            return
        assert not said(report)
        assert self.called(n, *held, bound, closure) == ({expected}, expected)
        after = [m.f]
        project.engine().undo()
        assert self.called(n, *held, bound, closure) == ({"f"}, "f")
        assert (m.f is held[0] is n.f is old, after[0]()) == (True, expected)

    def test_others_go_on_with_what_they_have(self, project, both):
        """By an undo, too, who had the other function before has that."""
        m, n = both
        alone, held = [m.other], [m.f, m.other]
        table = {m.f: 1, m.other: 2}
        old, other = m.f, m.other
        assert project.save(m=DEFINED.replace('def f(): return "f"', "f = other")).ok
        assert (n.f is other, alone, held, list(table)) == (
            True,
            [other],
            [old, other],
            [old, other],
        )
        project.engine().undo()
        assert (n.f is old, alone, held, list(table)) == (True, [other], [old, other], [old, other])
        assert m.other is other is not m.f

    def test_or_a_wrapper_of_it(self, project, both):
        m, n = both
        f, held = m.f, [m.f]
        assert not said(project.save(m=DEFINED + "f = ~lib.around(f)\n"))
        assert (n.f is held[0] is n.table["a"] is m.f is not f, n.f()) == (True, "f")
        assert not said(project.save(m=DEFINED.replace('"f"', '"F"') + "f = ~lib.around(f)\n"))
        assert (n.f is held[0] is n.table["a"] is m.f is not f, n.f()) == (True, "F")
        project.engine().undo()
        assert (n.f is held[0] is n.table["a"] is m.f is not f, n.f()) == (True, "f")
        n.made = None
        assert not said(project.save(m=DEFINED))
        assert (n.f is held[0] is n.table["a"] is m.f is f, n.f(), n.made) == (True, "f", "f")

    def test_and_back(self, project, both):
        m, n = both
        held = [m.f]
        assert project.save(m=DEFINED.replace('def f(): return "f"', "f = ~lib.g")).ok
        assert project.save(m=DEFINED.replace('"f"', '"F"')).ok
        assert (m.f(), n.f(), n.made, n.table["a"](), held[0]()) == ("F", "F", "F", "F", "g")
