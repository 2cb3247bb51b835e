# row: 2
# expect: ValueError: the closure of 'maker.<locals>.short' holds something that is no cell
# unguarded: SIGSEGV
"""A target has a closure of the right length that holds no cells."""

from danger import UNGUARDED, commit, set_closure


def maker(a, b, c):
    def short():
        return a, b, c

    return short


donor, target = maker(1, 2, 3), maker(4, 5, 6)
set_closure(target, (1, 2, 3))
if UNGUARDED:
    print(target())
else:
    commit(target, donor)
