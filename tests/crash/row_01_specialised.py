# row: 1
# expect: exit 0
# unguarded: UnboundLocalError on 3.11, SIGSEGV from 3.12 on
"""Code is exchanged under property and getitem sites that are specialised for the old.

Such a site makes the frame by itself, and fills in no defaults.
"""

from danger import UNGUARDED, commit, store_content


class A:
    @property
    def p(self):
        return 1

    def __getitem__(self, key):
        return 1


def p(self, more=(2,)):
    return [*more]


def item(self, key, more=(3,)):
    return [*more]


a = A()


def site():
    return a.p, a[0]


for _ in range(1000):
    assert site() == (1, 1)
for target, donor in ((A.p.fget, p), (A.__getitem__, item)):
    if UNGUARDED:
        store_content(target, donor)
    else:
        commit(target, donor)
for _ in range(1000):
    assert site() == ([2], [3])
