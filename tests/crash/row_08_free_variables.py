# row: 8
# expect: ValueError: <code object inner at
# unguarded: SIGSEGV
"""A nested constant would give way to code with other free variables."""

from types import CodeType

from danger import UNGUARDED, store_item

from mighty_patcher import _core


def outer():
    a = [1]

    def inner():
        return a

    return inner


def new_outer(b, c, d):
    def inner():
        return [b, c, d]

    return inner


def place(function):
    constants = function.__code__.co_consts
    index = next(i for i, constant in enumerate(constants) if isinstance(constant, CodeType))
    return index, constants[index]


index, old = place(outer)
_, new = place(new_outer)
if UNGUARDED:
    store_item(outer.__code__.co_consts, index, new)
    print(outer()())
else:
    log = _core.Log()
    log.add_constant(outer.__code__, old, new)
