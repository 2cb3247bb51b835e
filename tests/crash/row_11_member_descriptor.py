# row: 11
# expect: exit 0
# unguarded: a read of memory that was freed
"""No descriptor of a slot can be cloned: its definition goes with the class that it is of."""

import ctypes
import gc

from danger import UNGUARDED

from mighty_patcher import _core


class A:
    __slots__ = ("__dict__", "__weakref__", "x")


class Donor:
    __slots__ = ("__dict__", "__weakref__", "x")


a = A()
a.x = 1
if UNGUARDED:
    new = ctypes.pythonapi.PyDescr_NewMember
    new.restype, new.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    member = ctypes.c_void_p.from_address(id(Donor.x) + object.__basicsize__ + 3 * 8).value
    clone = new(A, member)
    del Donor
    gc.collect()
    junk = [bytearray(b"\xff" * 1000) for _ in range(10_000)]
    print(clone.__get__(a))
for name in ("__dict__", "__weakref__", "x"):
    try:
        clone = _core.own_getset(A, vars(Donor)[name])
    except TypeError:
        assert name == "x" or vars(Donor)[name].__objclass__ is not Donor
    else:
        assert name != "x"
        if name == "__dict__":
            assert clone.__get__(a) == {}
del Donor
gc.collect()
assert a.x == 1
