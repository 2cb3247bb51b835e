# row: 13
# expect: exit 0
# unguarded: SIGSEGV, or a mixture of two functions
"""Other threads are in the middle of calls when a function gets other cells and parameters."""

import sys
import threading

from danger import DEBUG, UNGUARDED, commit, store_content

from mighty_patcher import _core

COMMITS = (1000 if _core.FREE_THREADED else 10_000) // (5 if DEBUG else 1)


def maker(*words):
    a, b, c = words

    def three(x):
        return [a, b, c]

    def one(x, y=1, *, z=2):
        p = q = r = s = None
        return [a, a, a, p, q, r, s][:3]

    def none(x, *rest):
        return ["0", "0", "0"]

    return three, one, none


target = maker("3", "3", "3")[0]
donors = maker("1", "1", "1")
allowed = [["3"] * 3, ["1"] * 3, ["0"] * 3]
done = threading.Event()
errors = []
calls = [0] * 4


def call(number):
    try:
        while not done.is_set():
            for _ in range(100):
                answer = target(1)
                assert answer in allowed, answer
            calls[number] += 100
    except BaseException as error:
        errors.append(error)
        raise


sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=call, args=[n]) for n in range(4)]
for thread in threads:
    thread.start()
try:
    turn = 0
    while turn < COMMITS or (min(calls) < 1000 and not errors):
        turn += 1
        donor = donors[turn % 3]
        if UNGUARDED:
            store_content(target, donor)
        elif turn % 5:
            commit(target, donor).discard()
        else:
            commit(target, donor).undo()
finally:
    done.set()
    for thread in threads:
        thread.join()
assert not errors, errors
