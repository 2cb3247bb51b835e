"""Protocols: what those that derive from one that has changed remember of its members."""

from __future__ import annotations

import sys
import typing

import pytest

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="they are asked for their members each time"
)

BASE = """
from typing import Protocol, runtime_checkable
@runtime_checkable
class Base(Protocol):
    size: int
    def first(self): ...
    def second(self): ...
    LIMIT = 1
"""
OTHERS = """
from typing import Protocol, TypeVar, runtime_checkable
from ~m import Base
T = TypeVar("T")
@runtime_checkable
class Sub(Base, Protocol[T]):
    weight: float
    def second(self): ...
    def own(self): ...
@runtime_checkable
class Leaf(Sub[int], Protocol):
    name: str
class Concrete(Base):
    pass
"""
EDITS = {
    "added": ("    LIMIT = 1", "    LIMIT = 1\n    def third(self): ..."),
    "gone": ("    def first(self): ...\n", ""),
    "gone, and another asks for it": ("    def second(self): ...\n", ""),
    "renamed": ("first", "begin"),
    "annotated": ("size: int", "size: int\n    height: int"),
    "not annotated": ("    size: int\n", ""),
    "annotated, as another has it": ("size: int", "weight: float"),
    "not callable": ("    def first(self): ...", "    first = 1"),
    "a property": ("    def first(self): ...", "    @property\n    def first(self): ..."),
    "a class method": ("LIMIT = 1", "@classmethod\n    def made(cls): ..."),
    "more than one": ("    def first(self): ...\n    def second(self): ...", "    other: list"),
    "no protocol any more": ("Base(Protocol)", "Base(Protocol, object)"),
}


def remembered(module):
    names = ("__protocol_attrs__", "__non_callable_proto_members__")
    return {
        (name, attribute): vars(cls).get(attribute)
        for name, cls in vars(module).items()
        if isinstance(cls, type) and cls.__module__ == module.__name__
        for attribute in names
    }


def has_members(names):
    """Make an object that has all of some attributes."""
    return type("Has", (), dict.fromkeys(names, lambda self: None))()


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_who_derives_from_it_remembers_its_members(program, old, new):
    m, n = program.load("m", m=BASE, n=OTHERS)
    before = remembered(m), remembered(n)
    reload = program.save(m=BASE.replace(old, new))
    assert reload.ok, reload
    mine = remembered(m), remembered(n)
    fresh_m, fresh_n = program.load("f", f=BASE.replace(old, new), g=OTHERS.replace("~m", "~f"))
    assert mine == (remembered(fresh_m), remembered(fresh_n))
    names = typing.get_protocol_members(n.Leaf) if sys.version_info >= (3, 13) else ()
    for cls in (n.Sub, n.Leaf):
        members = vars(cls)["__protocol_attrs__"]
        assert isinstance(has_members(members), cls)
        assert not isinstance(has_members(sorted(members)[1:]), cls)
    assert set(names) == (vars(n.Leaf)["__protocol_attrs__"] if names else set())
    assert program.engine.undo().ok
    assert (remembered(m), remembered(n)) == before
