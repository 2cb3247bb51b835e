"""A class whose text takes ``__dict__`` or ``__weakref__`` away: instances go on having both, and
all else is what the text says.
"""

from __future__ import annotations

import copy
import dataclasses
import gc
import pickle
import subprocess
import sys
import weakref

import pytest

BODY = """
    def __init__(self, a=1, b=2):
        self.a, self.b = a, b
    def total(self): return self.a + self.b
"""
PLAIN = "class C:" + BODY
SLOTTED = "class C:\n    __slots__ = ('a', 'b')" + BODY
USER = """
from ~m import C
class Sub(C): pass
class Slotted(C):
    __slots__ = ("own",)
class Other: pass
class Both(Other, C): pass
x, sub, slotted, both = C(), Sub(), Slotted(), Both()
"""
HOT = 3_000


def kept(reload):
    return [(it.qualname, it.reason) for it in reload.kept]


def start(program, m=PLAIN, n=USER):
    return program.load("m", m=m, n=n)


def instances(n):
    return [n.x, n.sub, n.slotted, n.both]


# --- the class ----------------------------------------------------------------------------------


def test_it_is_the_same_class_and_the_report_says_what_stays(program):
    m, n = start(program)
    old = m.C
    before = dict(vars(old))
    reload = program.save(m=SLOTTED.replace("a + self.b", "a - self.b"))
    assert reload.ok, reload.errors
    assert (reload.stale, m.C is old, n.C is old) == ((), True, True)
    reason = "instances go on having __dict__ and __weakref__ until restart"
    assert [(name, why.startswith(reason)) for name, why in kept(reload)] == [("C", True)]
    assert old.__slots__ == ("a", "b")
    assert all(vars(old)[it] is before[it] for it in ("__dict__", "__weakref__"))
    for it in [*instances(n), m.C(), n.Sub(), n.Slotted(), n.Both()]:
        assert (it.total(), it.a, it.b, vars(it)) == (-1, 1, 2, {"a": 1, "b": 2})
        assert weakref.ref(it)() is it


def test_slots_are_like_slots(program):
    m, n = start(program)
    n.x.more = 3
    program.save(m=SLOTTED)
    for it in (n.x, m.C(), n.sub, n.both):
        it.a = 5
        assert (it.a, m.C.a.__get__(it), it.total()) == (5, 5, 7)
        del it.a
        with pytest.raises(AttributeError, match="a"):
            it.total()
        with pytest.raises(AttributeError, match="a"):
            del it.a
        it.a = 6
        assert it.total() == 8
    assert n.x.more == 3
    assert repr(m.C.a) == f"<member 'a' of '{m.C.__name__}' objects>"
    with pytest.raises(TypeError, match="doesn't apply"):
        m.C.a.__get__(n.Other())


def test_a_slot_hides_what_is_inherited_and_an_attribute_of_the_class_is_gone(program):
    _m, _ = program.load(
        "m",
        m="class Base:\n    a = 'of the base'\nclass C(Base):\n    a = 'of the class'\n",
        n="from ~m import C\nx, y = C(), C()\nx.a = 1\n",
    )
    n = sys.modules[program.prefix + "n"]
    assert program.edit("m", ("    a = 'of the class'", "    __slots__ = ('a',)")).ok
    assert n.x.a == 1
    with pytest.raises(AttributeError):
        n.y.a  # noqa: B018


@pytest.mark.parametrize(
    "slots", ["()", "'a'", "['a']", "{'a': 'what it is'}", "('a', '__dict__')"]
)
def test_all_ways_to_write_slots(program, slots):
    m, n = start(program)
    old = m.C
    reload = program.edit("m", ("class C:", f"class C:\n    __slots__ = {slots}"))
    assert (reload.ok, m.C is old) == (True, True)
    (step,) = kept(reload)
    assert ("__dict__" in step[1]) == ("__dict__" not in slots)
    assert "__weakref__" in step[1]
    for it in [*instances(n), m.C(), n.Sub()]:
        assert (it.total(), it.a, vars(it)) == (3, 1, {"a": 1, "b": 2})


def test_only_weak_references_are_lost(program):
    m, n = start(program, "class C:\n    __slots__ = ('a', 'b', '__weakref__')" + BODY)
    old, ref = m.C, weakref.ref(n.x)
    reload = program.edit("m", (", '__weakref__')", ")"))
    assert (reload.ok, m.C is old, reload.stale) == (True, True, ())
    assert [it for it in kept(reload) if it[0] == "C" and "having __weakref__ until" in it[1]]
    assert ref() is n.x
    made = m.C()
    assert weakref.ref(made)() is made
    del n.x
    assert ref() is None


def test_hot_code_sees_it(program):
    text = """
def read(it): return it.a
def write(it): it.a = it.a + 1
"""
    m, n = start(program, n=USER + text)
    many = [n.C() for _ in range(4)]
    for _ in range(HOT):
        assert [n.read(it) for it in many] == [1] * 4
    for _ in range(HOT):
        for it in many:
            n.write(it)
    program.save(m=SLOTTED)
    many += [m.C(HOT + 1) for _ in range(4)]
    for _ in range(HOT):
        for it in many:
            n.write(it)
    assert [n.read(it) for it in many] == [2 * HOT + 1] * 8
    program.save(m=PLAIN)
    many += [m.C(2 * HOT + 1) for _ in range(4)]
    for _ in range(HOT):
        for it in many:
            n.write(it)
    assert [n.read(it) for it in many] == [3 * HOT + 1] * 12
    assert all(vars(it) == {"a": 3 * HOT + 1, "b": 2} for it in many)


# --- and back -----------------------------------------------------------------------------------


def test_back_again(program):
    m, n = start(program)
    old, names = m.C, [it for it in vars(m.C) if it not in ("__slotnames__",)]
    program.save(m=SLOTTED)
    made = [m.C(3, 4), n.Sub(3, 4), n.Slotted(3, 4), n.Both(3, 4)]
    n.x.a = 7
    reload = program.save(m=PLAIN)
    assert (reload.ok, reload.stale, kept(reload), m.C is old) == (True, (), [], True)
    assert sorted(vars(old)) == sorted(names)
    assert [it.total() for it in made] == [7] * 4
    assert (n.x.total(), vars(n.x)) == (9, {"a": 7, "b": 2})
    made[0].free = 1
    assert vars(made[0]) == {"a": 3, "b": 4, "free": 1}


def test_undone(program):
    m, n = start(program)
    before = dict(vars(m.C))
    program.save(m=SLOTTED)
    made = m.C(3, 4)
    program.engine.undo()
    assert dict(vars(m.C)) == before
    assert [it.total() for it in (made, *instances(n), m.C())] == [7, 3, 3, 3, 3, 3]
    made.more = 5
    assert vars(made) == {"a": 3, "b": 4, "more": 5}


def test_a_second_edit_and_a_third(program):
    m, n = start(program)
    old = m.C
    program.save(m=SLOTTED)
    made = m.C(3, 4)
    reload = program.edit("m", ("('a', 'b')", "('a', 'c')"), ("self.b = a, b", "self.c = a, b"))
    assert (reload.ok, kept(reload)) == (True, [])
    assert (made.a, made.b, n.x.b, m.C(5, 6).c, m.C is old) == (3, 4, 2, 6, True)
    reload = program.edit("m", ("    __slots__ = ('a', 'c')\n", ""), ("self.c = a", "self.b = a"))
    assert (reload.ok, made.total(), n.x.total(), m.C().total()) == (True, 7, 3, 3)


def test_a_reload_that_raises(program):
    m, n = start(program)
    before = dict(vars(m.C))
    reload = program.save(m=SLOTTED + "made = C(3, 4)\n1 / 0\n")
    assert not reload.ok
    assert dict(vars(m.C)) == before
    assert n.x.total() == 3
    assert program.save(m=SLOTTED + "made = C(3, 4)\n").ok
    assert (m.made.total(), type(m.made) is m.C is n.C) == (7, True)


# --- bases and subclasses -----------------------------------------------------------------------

TOKENS = """
class Token:
    def __init__(self): self.kind = "token"
class Bearer(Token):
    def __init__(self, a=1):
        super().__init__()
        self.a = a
class Mac(Token):
    __slots__ = ("b",)
"""


def test_a_base_and_what_derives_from_it(program):
    m, n = program.load(
        "m", m=TOKENS, n="from ~m import *\ntoken, bearer, mac = Token(), Bearer(), Mac()\n"
    )
    olds = [m.Token, m.Bearer, m.Mac]
    reload = program.edit(
        "m",
        ("class Token:", "class Token:\n    __slots__ = ('kind',)"),
        ("class Bearer(Token):", "class Bearer(Token):\n    __slots__ = ('a',)"),
    )
    assert (reload.ok, reload.stale, [m.Token, m.Bearer, m.Mac]) == (True, (), olds)
    assert [it for it, _ in kept(reload)] == ["Token", "Bearer"]
    for it in (n.bearer, m.Bearer()):
        assert (it.kind, it.a, vars(it)) == ("token", 1, {"kind": "token", "a": 1})
    reload = program.edit("m", ("('a',)", "('a', 'c')"))
    assert (reload.ok, kept(reload), m.Bearer is olds[1]) == (True, [], True)
    reload = program.save(m=TOKENS)
    assert (reload.ok, reload.stale, [m.Token, m.Bearer, m.Mac]) == (True, (), olds)
    assert (n.bearer.a, n.bearer.kind, vars(n.bearer)) == (1, "token", {"kind": "token", "a": 1})


def test_the_base_that_had_it_is_gone(program):
    m, n = program.load(
        "m",
        m="class Base: pass\nclass C(Base):" + BODY,
        n=USER,
    )
    old = m.C
    reload = program.edit("m", ("class C(Base):", "class C:\n    __slots__ = ('a', 'b')"))
    assert (reload.ok, m.C is old, m.C.__bases__) == (True, True, (object,))
    assert [it for it, _ in kept(reload)] == ["C"]
    for it in [*instances(n), m.C(), n.Sub()]:
        assert (it.total(), vars(it), weakref.ref(it)() is it) == (3, {"a": 1, "b": 2}, True)
    reload = program.save(m="class Base: pass\nclass C(Base):" + BODY)
    assert (reload.ok, m.C is old, m.C.__bases__) == (True, True, (m.Base,))
    for it in [*instances(n), m.C(), n.Sub()]:
        assert (it.total(), vars(it), weakref.ref(it)() is it) == (3, {"a": 1, "b": 2}, True)


def test_a_subclass_with_a_dict_of_a_class_without(program):
    """It gains a slot that instances of the subclass may have in their dict."""
    _m, n = program.load(
        "m",
        m="class C:\n    __slots__ = ()\n",
        n="from ~m import C\nclass Sub(C): pass\nclass Bare(C):\n    __slots__ = ()\n"
        "sub, bare = Sub(), Bare()\nsub.a = 1\n",
    )
    assert program.edit("m", ("()", "('a',)")).ok
    n.bare.a = 2
    made = n.Sub()
    made.a = 3
    assert [it.a for it in (n.sub, n.bare, made)] == [1, 2, 3]
    assert program.edit("m", ("('a',)", "()")).ok
    assert (n.sub.a, made.a, hasattr(n.bare, "a")) == (1, 3, False)


def test_subclasses_that_are_made_later(program):
    m, _n = start(program)
    program.save(m=SLOTTED)
    with_slots = type("Later", (m.C,), {"__slots__": ("own",)})
    several = type("Several", (m.C, int), {})
    counted = type("Counted", (m.C, tuple), {"__slots__": ()})
    it = with_slots()
    it.own = 1
    assert (it.total(), several().total(), it.own) == (3, 3, 1)
    assert counted.__new__(counted) == ()
    assert program.save(m=PLAIN).ok
    assert (it.total(), with_slots().total()) == (3, 3)


@pytest.mark.parametrize("base", ["Exception", "dict", "list", "int", "str", "tuple"])
def test_of_a_builtin_base(program, base):
    text = f"class C({base}):\n    pass\n"
    m, n = program.load("m", m=text, n="from ~m import C\nx = C()\nx.a = 1\n")
    old = m.C
    sized = base in ("int", "tuple")
    slots = "()" if sized else "('a',)"
    reload = program.edit("m", ("    pass", f"    __slots__ = {slots}"))
    assert (reload.ok, m.C is old, reload.stale) == (True, True, ())
    made = m.C()
    made.a = 2
    assert (n.x.a, made.a, vars(n.x)) == (1, 2, {"a": 1})
    assert program.save(m=text).ok
    assert (n.x.a, made.a) == (1, 2)


def test_an_abstract_class(program):
    head = "import abc\n"
    text = head + PLAIN.replace(
        "class C:", "class C(abc.ABC):\n    @abc.abstractmethod\n    def f(self): ..."
    )
    m, n = program.load(
        "m", m=text, n="from ~m import C\nclass D(C):\n    def f(self): return 1\nx = D()\n"
    )
    old = m.C
    old.register(int)
    reload = program.edit("m", ("(abc.ABC):", "(abc.ABC):\n    __slots__ = ('a', 'b')"))
    assert (reload.ok, m.C is old, isinstance(1, old)) == (True, True, True)
    assert (n.x.total(), n.D().total()) == (3, 3)
    with pytest.raises(TypeError, match="abstract"):
        m.C()


# --- others that make classes -------------------------------------------------------------------


@pytest.mark.parametrize("frozen", [False, True])
def test_a_data_class(program, frozen):
    head = "import dataclasses\n"
    text = (
        head
        + f"@dataclasses.dataclass(frozen={frozen})\nclass C:\n    a: int = 1\n    b: int = 2\n"
    )
    text += "    def total(self): return self.a + self.b\nDEFAULT = C()\n"
    m, n = start(program, text)
    old = m.C
    reload = program.edit("m", ("dataclass(", "dataclass(slots=True, "))
    assert (reload.ok, reload.stale, m.C is old) == (True, (), True), reload.errors
    assert [it for it, why in kept(reload) if "having __dict__" in why] == ["C"]
    assert m.C.__slots__ == ("a", "b")
    for it in [n.x, n.sub, m.C(), n.Sub(), m.DEFAULT]:
        assert (it.total(), isinstance(it, old), it.a) == (3, True, 1)
        assert copy.copy(it) == it == pickle.loads(pickle.dumps(it))
    reload = program.save(m=text)
    assert (reload.ok, reload.stale, m.C is old) == (True, (), True)
    assert [it.total() for it in (n.x, n.sub, m.C(), m.DEFAULT)] == [3] * 4


def test_a_class_becomes_a_frozen_data_class(program):
    """Whose functions close over the class that the decorator makes."""
    text = "class C:\n    def __init__(self, a): self.a = a\n    def go(self): return self.a\n"
    m, n = program.load("m", m=text, n="from ~m import C\nx = C(1)\nx.more = 1\n")
    old = m.C
    reload = program.save(
        m="import dataclasses\n@dataclasses.dataclass(frozen=True, slots=True)\nclass C:\n"
        "    a: int\n    def go(self): return dataclasses.replace(self, a=-self.a)\n"
    )
    assert (reload.ok, reload.stale, m.C is old) == (True, (), True)
    for it in (n.x, m.C(1)):
        made = it.go()
        assert (type(made), made.a, made == old(-1)) == (old, -1, True)
        with pytest.raises(dataclasses.FrozenInstanceError):
            it.a = 2
        assert it == pickle.loads(pickle.dumps(it)) == copy.copy(it)
    assert vars(n.x) == {"a": 1, "more": 1}
    assert program.save(m=text).ok
    n.x.a = m.C(1).a = 2
    assert n.x.go() == 2


@pytest.mark.parametrize("how", ["a decorator", "a statement"])
def test_instances_that_the_run_has_made(program, how):
    """Of the class that the decorator of data classes makes, before that is the one there is."""
    head = "import dataclasses\ndef keep(cls):\n    cls.first = cls()\n    return cls\n"
    text = head + ("@keep\n" if how == "a decorator" else "")
    text += "@dataclasses.dataclass()\nclass C:\n    a: int = 1\n"
    text += "FIRST = C.first\n" if how == "a decorator" else "FIRST = C()\n"
    m, n = start(program, text)
    old, first = m.C, m.FIRST
    reload = program.edit("m", ("class()", "class(slots=True)"), ("a: int = 1", "a: int = 2"))
    assert (reload.ok, m.C is old, first.a, m.C().a) == (True, True, 1, 2), reload.errors
    is_named = any("instance" in it.what or "C" in it.what.split() for it in reload.stale)
    assert type(m.FIRST) is old or is_named, reload
    assert n.x.a == 1


def test_attrs(program):
    attr = pytest.importorskip("attr")
    text = (
        "import attr\n@attr.s\nclass C:\n    a = attr.ib(default=1)\n    b = attr.ib(default=2)\n"
    )
    text += "    def total(self): return self.a + self.b\n"
    m, n = start(program, text)
    old = m.C
    reload = program.edit("m", ("@attr.s\n", "@attr.s(slots=True)\n"))
    assert (reload.ok, reload.stale, m.C is old) == (True, (), True), reload.errors
    for it in [n.x, n.sub, m.C(), n.Sub()]:
        assert (it.total(), isinstance(it, old)) == (3, True)
        assert copy.copy(it) == it == pickle.loads(pickle.dumps(it))
    assert attr.asdict(n.x) == {"a": 1, "b": 2}
    assert program.save(m=text).ok
    assert [it.total() for it in (n.x, n.sub, m.C())] == [3] * 3


# --- copies, and what becomes of them -----------------------------------------------------------


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_copies(program, protocol):
    m, n = start(program)
    n.x.more = 3
    before = pickle.dumps(n.x, protocol)
    copy.copy(n.slotted)  # which remembers the names of slots
    program.save(m=SLOTTED)
    n.slotted.own = 4
    made = m.C(3, 4)
    for it in [*instances(n), made]:
        for other in (copy.copy(it), copy.deepcopy(it), pickle.loads(pickle.dumps(it, protocol))):
            assert type(other) is type(it)
            assert vars(other) == vars(it)
            assert other.total() == it.total()
            assert getattr(other, "own", None) == getattr(it, "own", None)
    assert vars(pickle.loads(before)) == {"a": 1, "b": 2, "more": 3}
    after = pickle.dumps(made, protocol)
    program.save(m=PLAIN)
    assert vars(pickle.loads(after)) == {"a": 3, "b": 4}


def in_a_fresh_start(program, m, code, data=b""):
    code = (
        f"import sys; sys.path.insert(0, {str(program.root)!r}); import {m.__name__} as m, pickle\n"
        f"read, write = sys.stdin.buffer.read, sys.stdout.buffer.write\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, input=data, check=False
    )


def test_between_processes(program):
    """What is read from a fresh start is fine. One cannot read an instance that has a ``__dict__``
    where it gives its own none, which is among the limits; but one that has the old text can.
    """
    m, _n = start(program)
    program.save(m=SLOTTED)
    fresh = in_a_fresh_start(program, m, "write(pickle.dumps(m.C(3, 4)))")
    assert pickle.loads(fresh.stdout).total() == 7
    data = pickle.dumps(m.C(3, 4))
    total = "write(str(pickle.loads(read()).total()).encode())"
    assert b"has no attribute '__dict__'" in in_a_fresh_start(program, m, total, data).stderr
    program.save(m=PLAIN)
    assert in_a_fresh_start(program, m, total, data).stdout == b"7"


def test_instances_are_collected(program):
    m, n = start(program)
    program.save(m=SLOTTED)
    gone = []
    for cls in (m.C, n.Sub, n.Slotted, n.Both):
        it = cls()
        it.a = it
        gone.append(weakref.ref(it))
    n.x.a = n.x
    gone.append(weakref.ref(n.x))
    del it, n.x
    gc.collect()
    assert [it() for it in gone] == [None] * 5
