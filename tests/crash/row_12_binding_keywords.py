# row: 12
# expect: exit 0
# unguarded: SIGSEGV
"""A call is binding its keywords when the function that it calls loses its cells.

The comparison of the keyword, which is no plain str, runs Python, and that patches the function.
The call goes on with the old code, which reads as many cells as it always did.
"""

import gc

from danger import UNGUARDED, commit, store_content


class Keyword(str):
    __slots__ = ("when",)
    __hash__ = str.__hash__

    def __eq__(self, other):
        if self.when is not None:
            when, self.when = self.when, None
            when()
        return str.__eq__(self, other)


def maker(a, b, c, d, e):
    def five(*, key):
        return [a, b, c, d, e, key]

    def one(*, key):
        return [a, key]

    def none(*, key):
        return [key]

    return five, one, none


def patch(target, donor, logs):
    if UNGUARDED:
        store_content(target, donor)
    else:
        logs.append(commit(target, donor))
    gc.collect()
    # Somebody else's objects in whatever memory is free now.
    return [[(n,) for n in range(size)] for size in range(50)]


for turn in range(300):
    values = [[n] for n in range(5)]
    target = maker(*values)[0]
    donor = maker(*[[-n] for n in range(5)])[turn % 2 + 1]
    logs = []
    keyword = Keyword("key")
    keyword.when = lambda: patch(target, donor, logs)  # noqa: B023
    answer = target(**{keyword: "value"})
    assert answer == [*values, "value"], answer
    assert target(key=1) == donor(key=1)
    for log in logs:
        log.undo()
        assert target(key=2) == [*values, 2]
        log.commit()
        log.discard()
    assert target(key=3) == donor(key=3)
