# row: 16
# expect: exit 0
# unguarded: no way to do it without the core
"""Instances are freed after their class has gone through every base, and deeply nested ones are."""

import gc

from mighty_patcher import _core


class Plain:
    pass


class Other(Plain):
    def __del__(self):
        finalized.append(type(self))


class A:
    pass


class B(A):
    pass


finalized = []
for bases in ((Plain,), (Other,), (Plain,), (object,)):
    for cls in (A, B):
        instances = [cls() for _ in range(100)]
        chain = None
        for _ in range(100_000):
            link = cls()
            link.next = chain
            chain = link
        del link
        log = _core.Log()
        log.add_type(A, dict(vars(A)), bases=bases)
        log.commit()
        finalized.clear()
        del chain, instances
        gc.collect()
        assert len(finalized) == (100_100 if Other in bases else 0), len(finalized)
