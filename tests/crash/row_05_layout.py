# row: 5
# expect: ValueError: its instances would inherit other slots
# unguarded: SIGSEGV
"""A class gets a base with a slot, for which its instances have no room."""

import ctypes

from danger import UNGUARDED

from mighty_patcher import _core


class Base:
    __slots__ = ("a", "b", "c", "d")


class A:
    __slots__ = ()


class Shape(Base):
    __slots__ = ()


a = [A() for _ in range(1000)]
if UNGUARDED:
    base = ctypes.c_void_p.from_address(id(A) + object.__basicsize__ + 32 * 8)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(Base))
    base.value = id(Base)
    A.__bases__ = (Base,)
    for x in a:
        x.d = [x]
    del a, x
else:
    assert _core.layout_difference(A, Shape) == "its instances would inherit other slots"
    log = _core.Log()
    log.add_type(A, dict(vars(A)), bases=(Base,), donor=Shape)
