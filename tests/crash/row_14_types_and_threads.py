# row: 14
# expect: exit 0
# unguarded: an assertion of a debug build, or a deadlock, if it were done inside the window
"""Classes change in every way at once while threads make, call, derive and look at them."""

import sys
import threading

from danger import DEBUG

from mighty_patcher import _core

COMMITS = (50 if _core.FREE_THREADED else 2000) // (5 if DEBUG else 1)


class X:
    def hi(self):
        return "X"


class Meta(type):
    pass


class A:
    x = 1

    def hi(self):
        return "A"


class B(A):
    pass


def length(self):
    return 7


plain = dict(vars(A))
special = {**plain, "__len__": length, "x": 2, "__call__": length}
ways = [
    (special, {}),
    (plain, {"bases": (X,)}),
    (special, {"bases": (X,)}),
    (special, {"metaclass": Meta}),
    ({**plain, "__new__": staticmethod(lambda cls: object.__new__(cls))}, {}),
]
done = threading.Event()
errors = []
turns = [0] * 4


def look(number):
    try:
        b = B()
        while not done.is_set():
            for x in (b, A(), B()):
                assert x.x in (1, 2)
                assert x.hi() == "A"
                assert isinstance(x, A)
                try:
                    assert len(x) == 7
                    assert x() == 7
                except (TypeError, AttributeError):
                    pass
            if turns[number] % 50 == 0:
                type("C", (B,), {})().hi()
            turns[number] += 1
    except BaseException as error:
        errors.append(error)
        raise


sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=look, args=[n]) for n in range(4)]
for thread in threads:
    thread.start()
try:
    for turn in range(COMMITS):
        content, more = ways[turn % len(ways)]
        log = _core.Log()
        log.add_type(A, content, **more)
        log.commit()
        log.undo()
finally:
    done.set()
    for thread in threads:
        thread.join()
assert not errors, errors
assert [*vars(A).items()] == [*plain.items()]
