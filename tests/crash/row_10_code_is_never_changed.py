# row: 10
# expect: exit 0
# unguarded: SIGSEGV, or a call with the wrong number of arguments
"""Nothing that the core offers writes into a code object that a generator and hot callers use."""

import ctypes

from danger import UNGUARDED, commit

from mighty_patcher import _core


def old(n):
    for i in range(n):
        yield i + 0


def new(n, m=5, *, k=None):
    one, two, three, four, five = range(5)
    for i in range(n):
        for j in range(m):
            yield one, two, three, four, five, i, j, k


def digest(code):
    """All that a code object is, except for the constants."""
    names = [name for name in dir(code) if name.startswith("co_") and name != "co_lnotab"]
    values = {name: getattr(code, name) for name in names}
    return {name: list(v()) if callable(v) else v for name, v in values.items()}


def drain():
    return [*old(3)]


for _ in range(1000):
    drain()
running = old(3)
assert next(running) == 0
code, before = old.__code__, digest(old.__code__)
if UNGUARDED:
    header = object.__basicsize__
    size = type(code).__basicsize__ - header
    ctypes.memmove(id(code) + header, id(new.__code__) + header, size)
    print([*running], drain())

offered = {name for name in dir(_core.Log) if not name.startswith("_")}
assert offered == {
    "add_code",
    "add_constant",
    "add_function",
    "add_items",
    "add_type",
    "applied",
    "commit",
    "discard",
    "undo",
}
for wrong in ((code, new.__code__), (old, new.__code__), (code, new)):
    for add in (_core.Log().add_function, _core.Log().add_items):
        try:
            add(*wrong)
        except TypeError:
            continue
        raise AssertionError("it was not refused")

for wrong in ((code, new.__code__, ()), (old, code, code), (old, new, ()), (old, old, old)):
    try:
        _core.Log().add_code(*wrong)
    except TypeError:
        continue
    raise AssertionError("it was not refused")

log = commit(old, new)
assert old.__code__ is not code
assert len(drain()) == 15
log.undo()
assert old.__code__ is code
assert digest(code) == before
assert drain() == [0, 1, 2]
assert [*running] == [1, 2]
