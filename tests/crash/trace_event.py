# expect: exit 0
"""A trace function patches the very function whose event it is told of, at every kind of event."""

import sys

from danger import commit


def maker(a, b, c):
    def plain(n):
        x = a
        return x if n == 0 else plain(n - 1)

    def generator(n):
        for i in range(n):
            yield a, b, c, i

    def none(n):
        x = y = z = n
        return x + y + z

    def fails(n):
        raise KeyError(b)

    return plain, generator, none, fails


functions = maker("a", "b", "c")
donors = maker("A", "B", "C")
target = functions[0]
turn = 0
events = set()


def trace(frame, event, argument):
    global turn
    if frame.f_code.co_filename == __file__ and frame.f_code.co_name != "commit":
        frame.f_trace_opcodes = True
        events.add(event)
        turn += 1
        log = commit(target, donors[turn % 4])
        if turn % 3 == 0:
            log.undo()
        return trace
    return None


sys.settrace(trace)
for _ in range(300):
    try:
        result = target(3)
        if hasattr(result, "__next__"):
            assert len([*result]) == 3
    except KeyError:
        pass
sys.settrace(None)
assert events >= {"call", "line", "return", "exception"}, events  # 3.12 leaves out opcodes
log = commit(target, functions[2])
assert target(1) == 3
