# row: 4
# expect: exit 0
# unguarded: SIGSEGV
"""An audit hook calls the function whenever anything happens while it is patched."""

import sys

from danger import UNGUARDED, commit, set_closure


def maker(a, b, c):
    def three():
        return a, b, c

    def one(x=1):
        return (a, x)

    def none():
        return ()

    return three, one, none


target = maker([1], [2], [3])[0]
donors = maker([4], [5], [6])
answers = [donors[0](), donors[1](), donors[2](), target()]
listening = False
calls = 0


def hook(event, arguments):
    global calls, listening
    if listening:
        listening = False  # the call has events of its own
        calls += 1
        assert target() in answers, event
        listening = True


sys.addaudithook(hook)
listening = True
if UNGUARDED:
    set_closure(target, donors[1].__closure__)
    target.__code__ = donors[1].__code__
for turn in range(300):
    log = commit(target, donors[turn % 3])
    assert target() == answers[turn % 3]
    if turn % 2:
        log.undo()
    else:
        log.discard()
object.__setattr__(target, "__code__", target.__code__)
assert calls
