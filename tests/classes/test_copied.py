"""Instances that are copied and pickled: `copyreg` keeps the names of all slots in the class."""

from __future__ import annotations

import copy
import pickle

SOURCE = """
class Base:
    __slots__ = ("a",)
    def go(self): return 1
class Mid(Base): __slots__ = ()
class C(Mid):
    __slots__ = ("b",)
"""
USER = """
import copy
from ~m import C
class Sub(C): __slots__ = ("c",)
c, sub = C(), Sub()
c.a, c.b, sub.a, sub.b, sub.c = 1, 2, 3, 4, 5
for it in (c, sub): copy.copy(it)
"""


def test_a_base_gains_a_slot(program):
    m, n = program.load("m", m=SOURCE, n=USER)
    known = list(vars(n.Sub)["__slotnames__"])
    reload = program.edit("m", ('("a",)', '("a", "x")'))
    assert reload.ok, reload.errors
    n.c.x, n.sub.x = 6, 7
    assert [copy.copy(it).x for it in (n.c, n.sub)] == [6, 7]
    again = pickle.loads(pickle.dumps(n.sub))
    assert (again.a, again.b, again.c, again.x) == (3, 4, 5, 7)
    del again
    program.engine.undo()
    assert vars(n.Sub)["__slotnames__"] == known
    assert (copy.copy(n.sub).c, m.C is n.C) == (5, True)


def test_other_bases_with_slots(program):
    lib = "class Other: __slots__ = ()\n"
    source = "import ~lib as lib\nclass Base: __slots__ = ('a',)\nclass C(Base): __slots__ = ()\n"
    _lib, _m, n = program.load(
        "m", lib=lib, m=source, n="import copy\nfrom ~m import C\nc = C()\ncopy.copy(c)\n"
    )
    assert program.edit("m", ("class C(Base)", "class C(Base, lib.Other)")).ok
    assert "__slotnames__" not in vars(n.C)
    n.c.a = 1
    assert copy.copy(n.c).a == 1


def test_slots_as_they_were(program):
    _m, n = program.load("m", m=SOURCE, n=USER)
    known = vars(n.C)["__slotnames__"], vars(n.Sub)["__slotnames__"]
    new = SOURCE.replace('("b",)', '("b",)\n    limit = 1').replace("def go(self)", "def go(me)")
    assert program.save(m=new).ok
    assert (n.C.limit, n.c.go()) == (1, 1)
    assert vars(n.C)["__slotnames__"] is known[0]
    assert vars(n.Sub)["__slotnames__"] is known[1]
