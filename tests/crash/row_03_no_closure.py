# row: 3
# expect: ValueError: 'maker.<locals>.lost' has 2 free variables and 0 cells
# unguarded: SIGSEGV
"""A donor has free variables and no closure at all."""

import ctypes

from danger import UNGUARDED, commit


def maker(a, b):
    def lost():
        return a, b

    return lost


def target():
    return "target"


make = ctypes.pythonapi.PyFunction_New
make.restype = ctypes.py_object
make.argtypes = [ctypes.py_object, ctypes.py_object]
donor = make(maker(1, 2).__code__, globals())
if UNGUARDED:
    print(donor())
else:
    commit(target, donor)
