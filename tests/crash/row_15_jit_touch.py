# row: 15
# expect: exit 0
# env: PYTHON_JIT=1
# unguarded: with the JIT, a stale answer or an assertion of a debug build
"""Functions are patched while machine code of the JIT has them built in."""

from danger import UNGUARDED, commit, store_content

WORD = 1


def old(x):
    return x + WORD


def new(x):
    return x * 3 * WORD


def again(x):
    return x + WORD


def loop(function, n):
    total = 0
    for _ in range(n):
        total += function(2)
    return total


def nest(n):
    total = 0
    for _ in range(n):
        total += old(2)
    return total


for turn in range(20):
    WORD = 1 + turn % 2
    assert nest(5000) == loop(old, 5000) == (2 + WORD) * 5000
    if UNGUARDED:
        store_content(old, new)
    else:
        log = commit(old, new)
    assert nest(5000) == loop(old, 5000) == 6 * WORD * 5000, (nest(5000), loop(old, 5000))
    WORD += 1
    assert nest(5000) == loop(old, 5000) == 6 * WORD * 5000
    WORD -= 1
    if UNGUARDED:
        store_content(old, again)
    else:
        log.undo()
