# row: 1
# expect: exit 0
# unguarded: no way to do it without the core
"""A function gets content with a version of its own and content without, thousands of times.

3.12 numbers functions whose version was cleared from one counter, and code from another. When the
first comes to the number of the second, a call that is specialised for defaults meets a function
that has none.
"""

import sys
from types import FunctionType

from danger import commit

WAYS = {}
exec(
    """
def default(x, y=None, generation=None): return generation
def maker(generation):
    def cell(x): return generation
    return cell
""",
    WAYS,
)
target = FunctionType(WAYS["maker"].__code__, WAYS)


def site():
    return target(1)


# As often as the numbers of both counters are apart, and then some.
for generation in range(100_000 if sys.version_info[:2] == (3, 12) else 5_000):
    commit(target, FunctionType(WAYS["default"].__code__, WAYS, None, (None, generation)))
    for _ in range(80 if generation < 3 else 3):
        assert site() == generation
    commit(target, WAYS["maker"](-generation))
    assert site() == -generation
