"""A class that cannot become what its statement says, and what was made of it: it runs the new
methods, so it has what these call and read.
"""

from __future__ import annotations

import gc

import pytest
from case import snapshot

OLD = """
import dataclasses, functools
def synonym(function):
    def decorate(other):
        @functools.wraps(function)
        def wrapper(self): return "synonym", function(self)
        return wrapper
    return decorate
class Base:
    def greet(self): return "base"
    def greet_more(self): return "base more"
class Other:
    def greet_less(self): return "other"
class C(Base):
    LIMIT = 1
    registry = {}
    counter = 0
    def greet(self): return "old"
    def alias_of(self): return "alias"
    alias = alias_of
    gone = "gone"
    def greet_more(self): return "more"
    def greet_less(self): return "less"
    def greet_all(self): return self.greet_more(), self.greet_less()
"""
NEW = """
class C(Base, Other, dict):
    LIMIT = 2
    ADDED = 3
    registry = {}
    counter = 0
    def greet(self): return self._helper(), self.LIMIT, self.ADDED, self.of_class(), self.prop
    def _helper(self): return super().greet()
    @classmethod
    def of_class(cls): return super().__name__ if False else __class__
    @property
    def prop(self): return __class__, self.static()
    @staticmethod
    def static(): return "static"
    def __len__(self): return 7
    def alias_of(self): return super().greet(), "alias"
    @synonym(alias_of)
    def alias(self): ...
    def greet_all(self): return self.greet_more(), self.greet_less(), "all"
"""
USER = "from ~m import C\nclass Sub(C): pass\nx, sub = C(), Sub()\nbound = x.greet\n"


@pytest.fixture(params=["this module", "another"])
def edited(program, request):
    source = OLD
    if request.param == "another":
        lib, _, rest = OLD.partition("class Base")
        (_lib,) = program.load(lib=lib)
        source = f"from ~lib import synonym\nclass Base{rest}"
    m, n = program.load("m", m=source, n=USER)
    old = m.C
    old.registry["a"], old.counter = 1, 5
    before = snapshot(old), dict(vars(m))
    reload = program.save(m=source.partition("class C")[0] + NEW)
    assert reload.ok, reload.errors
    assert [it.what for it in reload.stale] == ["class C"]
    assert m.C is not old
    return program, m, n, old, before


def test_new_methods_are_there_for_the_patched_ones(edited):
    _, m, n, old, _ = edited
    for it in (n.x, n.sub):
        assert it.greet() == ("base", 2, 3, old, (old, "static"))
        assert len(it) == 7
    assert n.bound() == n.x.greet()
    assert m.C().greet() == ("base", 2, 3, m.C, (m.C, "static"))


def test_attributes_whose_lines_are_as_they_were_keep_their_values(edited):
    _, m, _, old, _ = edited
    assert (old.registry, old.counter) == ({"a": 1}, 5)
    assert (m.C.registry, m.C.counter, hasattr(m.C, "gone")) == ({}, 0, False)


def test_what_is_gone_from_the_source_goes(edited):
    """But not if the new class has it from a base that the old one does not have."""
    _, m, n, old, _ = edited
    assert not hasattr(old, "gone")
    assert n.x.greet_all() == ("base more", "less", "all")
    assert m.C().greet_all() == ("base more", "other", "all")


def test_a_name_that_was_another_of_a_method_and_is_decorated_now(edited):
    _, m, n, old, _ = edited
    assert n.x.alias() == ("synonym", ("base", "alias")) == m.C().alias()
    assert old.alias.__wrapped__ is old.alias_of
    assert m.C.alias.__wrapped__ is m.C.alias_of


def test_bodies_are_patched_in_both_from_then_on(edited):
    program, m, n, _, _ = edited
    text = program.text("m")
    reload = program.save(m=text.replace("return super().greet()\n", "return 'helped'\n"))
    assert reload.ok
    assert (n.x._helper(), n.sub._helper(), m.C()._helper()) == ("helped",) * 3


def test_undone(edited):
    program, m, n, old, before = edited
    program.engine.undo()
    gc.collect()  # the new class, which its base knows until then
    assert (snapshot(old), dict(vars(m))) == before
    assert n.x.greet() == "old"
    assert not hasattr(n.x, "_helper")


def test_what_a_class_decorator_has_made(program):
    """The functions of a frozen data class close over the class that it makes."""
    m, n = program.load(
        "m",
        m="class C:\n    __slots__ = ('a',)\n    def __init__(self, a): self.a = a\n"
        "    def go(self): return self.a\n",
        n="from ~m import C\nx = C(1)\nheld = {}\n",
    )
    old = m.C
    reload = program.save(
        m="import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass C:\n"
        "    a: int\n    def go(self): return dataclasses.replace(self, a=-self.a)\n"
    )
    assert reload.ok, reload.errors
    assert m.C is not old
    made = n.x.go()
    assert (type(made), made.a, made == old(-1)) == (old, -1, True)
    with pytest.raises(AttributeError):
        n.x.a = 2
    with pytest.raises(AttributeError):
        n.x.other = 2
    assert (m.C(3).go().a, type(m.C(3).go())) == (-3, m.C)
    assert vars(old)["__slots__"] == ("a",)


def test_a_slot_keeps_what_it_holds_where_the_new_class_has_an_attribute(program):
    m, n = program.load(
        "m",
        m="class C:\n    __slots__ = ('p',)\n    def go(self): return self.p\n",
        n="from ~m import C\nx = C()\nx.p = 1\n",
    )
    old = m.C
    assert program.save(m="class C:\n    p = 5\n    def go(self): return -self.p\n").ok
    assert m.C is not old
    assert (n.x.go(), m.C().go()) == (-1, -5)


def test_of_an_enumeration_only_methods(program):
    m, n = program.load(
        "m",
        m="import enum\nclass C(int, enum.Enum):\n    A = 1\n    def go(self): return 'old'\n",
        n="from ~m import C\nx = C.A\n",
    )
    old, member = m.C, m.C.A
    reload = program.save(
        m="import enum\nclass C(str, enum.Enum):\n    A = '1'\n    B = '2'\n"
        "    def go(self): return self.more()\n    def more(self): return self.name\n"
    )
    assert reload.ok, reload.errors
    assert m.C is not old
    assert (old.A is member, list(old), n.x.go(), m.C.B.go()) == (True, [member], "A", "B")


def test_abstract_methods_are_those_that_the_class_had(program):
    m, n = program.load(
        "m",
        m="import abc\nclass C(abc.ABC):\n    def go(self): return 1\n",
        n="from ~m import C\nclass Sub(C): pass\n",
    )
    old, caches = m.C, m.C.__dict__["_abc_impl"]
    new = (
        "import abc\nclass C(abc.ABC, dict):\n    def go(self): return 2\n"
        "    @abc.abstractmethod\n    def must(self): ...\n"
    )
    assert program.save(m=new).ok
    assert m.C is not old
    assert old.__dict__["_abc_impl"] is caches
    assert (n.Sub().go(), m.C.__abstractmethods__) == (2, {"must"})
