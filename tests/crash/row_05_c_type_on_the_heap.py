# row: 5
# expect: ValueError: its instances would be stored in another way
# unguarded: no way to do it without the core
"""A class gets a base that is written in C but was made at run time, as many are since 3.12."""

import collections

from mighty_patcher import _core


class A:
    pass


_core.Log().add_type(A, dict(vars(A)), bases=(collections.deque,))
