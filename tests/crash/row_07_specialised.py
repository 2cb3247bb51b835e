# row: 7
# expect: exit 0
# unguarded: a call of an object that was freed
"""Sites have the attributes of a class built in, which are freed when they give way."""

import ctypes
import gc

from danger import UNGUARDED

from mighty_patcher import _core


def content_of(turn):
    def method(self):
        return turn

    return {
        "m": method,
        "p": property(lambda self: turn),
        "__getitem__": lambda self, key: turn,
        "__init__": lambda self: setattr(self, "made", turn),
        "x": [turn],
    }


A = type("A", (), content_of(0))
B = type("B", (A,), {})


def site(x, cls):
    return x.m(), x.p, x[0], cls().made, cls.x[0]


b = B()
for turn in range(1, 60):
    for _ in range(100):
        assert site(b, B) == (turn - 1,) * 5
    if UNGUARDED:
        raw = ctypes.py_object.from_address(id(A) + object.__basicsize__ + 33 * 8).value
        raw.update(content_of(turn))
    else:
        log = _core.Log()
        log.add_type(A, {**vars(A), **content_of(turn)})
        log.commit()
        log.discard()
    gc.collect()
    junk = [[(n,) for n in range(50)] for _ in range(50)]
