# expect: exit 0
"""A generator function has one free variable or fifty, by turns, while threads run it."""

import sys
import threading

from danger import DEBUG, commit

from mighty_patcher import _core

SWAPS = (2_000 if _core.FREE_THREADED else 20_000) // (5 if DEBUG else 1)

names = [f"v{n}" for n in range(50)]
scope = {}
exec(
    f"""
def maker({", ".join(names)}):
    def one(n):
        for i in range(n):
            yield v0
    def fifty(n):
        for i in range(n):
            yield [{", ".join(names)}][i]
    return one, fifty
""",
    scope,
)
target = scope["maker"](*[0] * 50)[0]
donors = scope["maker"](*[0] * 50)
done = threading.Event()
errors = []
runs = [0] * 3


def run(number):
    try:
        while not done.is_set():
            assert [*target(10)] == [0] * 10
            runs[number] += 1
    except BaseException as error:
        errors.append(error)
        raise


sys.setswitchinterval(1e-5)
threads = [threading.Thread(target=run, args=[n]) for n in range(3)]
for thread in threads:
    thread.start()
logs = []
try:
    turn = 0
    while turn < SWAPS or (min(runs) < 100 and not errors):
        turn += 1
        logs.append(commit(target, donors[turn % 2]))
        if len(logs) > 2:
            logs.pop(0).discard()
finally:
    done.set()
    for thread in threads:
        thread.join()
assert not errors, errors
