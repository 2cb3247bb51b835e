# row: 6
# expect: ValueError: its metaclass stores something else in a class
# unguarded: SIGSEGV
"""A class gets a metaclass that expects more in a class than there is."""

import ctypes

from danger import UNGUARDED

from mighty_patcher import _core


class A:
    pass


wanted = type(ctypes.Structure)
if UNGUARDED:
    ctypes.c_void_p.from_address(id(A) + object.__basicsize__ - 8).value = id(wanted)
    print(A * 3, (A * 3)())
else:
    _core.Log().add_type(A, dict(vars(A)), metaclass=wanted)
