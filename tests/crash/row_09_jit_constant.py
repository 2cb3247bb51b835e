# row: 9
# expect: exit 0
# env: PYTHON_JIT=1
# unguarded: with the JIT, a stale answer, a bad free or SIGSEGV
"""A nested constant gives way while machine code of the JIT has it built in."""

import gc
from types import CodeType, FunctionType

from danger import UNGUARDED, store_item

from mighty_patcher import _core


def outer(n):
    total = 0
    for _ in range(n):
        total += (lambda: 1)()
    return total


constants = outer.__code__.co_consts
index = next(i for i, constant in enumerate(constants) if isinstance(constant, CodeType))
template = constants[index]


def fresh(number):
    """Code that nobody holds but the constants, once it is there."""
    scope = {}
    exec(f"function = lambda: {number}", scope)
    return scope["function"].__code__.replace(co_name="<lambda>", co_qualname=template.co_qualname)


for number in range(2, 40):
    outer(5000)
    if UNGUARDED:
        store_item(constants, index, fresh(number))
    else:
        log = _core.Log()
        log.add_constant(outer.__code__, constants[index], fresh(number))
        log.commit()
        del log  # and the old code with it
    gc.collect()
    junk = [FunctionType(template, {}) for _ in range(100)]
    assert outer(5000) == number * 5000, (outer(5000), number)
