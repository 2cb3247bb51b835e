# row: 2
# expect: ValueError: 'maker.<locals>.short' has 3 free variables and 0 cells
# unguarded: SIGSEGV
"""A donor has fewer cells than its code has free variables."""

from danger import UNGUARDED, commit, set_closure


def maker(a, b, c):
    def short():
        return a, b, c

    return short


donor, target = maker([1], [2], [3]), maker(4, 5, 6)
set_closure(donor, ())
if UNGUARDED:
    print(donor())
else:
    commit(target, donor)
