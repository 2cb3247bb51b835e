"""What ``lru_cache`` remembers of a function that is edited, wherever the cache stands."""

from __future__ import annotations

import pytest

SOURCE = """\
import functools
def deco(fn):
    @functools.wraps(fn)
    def wrapper(*args): return fn(*args)
    return wrapper
def bare(fn):
    return lambda *args: fn(*args)
def apart(n): return n
called = []
@apart
@functools.lru_cache
def other(n):
    called.append(n)
    return n
DECORATORS
def f(n): return n, 1
class C:
    @staticmethod
    @deco
    @functools.cache
    def s(n): return n, 1
    @property
    @functools.cache
    def p(self): return 1
"""


@pytest.mark.parametrize(
    "decorators",
    [
        "@functools.cache",
        "@deco\n@functools.cache",
        "@functools.cache\n@deco",
        "@bare\n@functools.cache\n@bare",
        "@functools.cache\n@functools.cache",
        "@deco\n@bare\n@functools.lru_cache(maxsize=3)\n@deco",
        "@functools.partial(functools.partial)\n@functools.cache",
    ],
)
def test_it_is_forgotten(project, decorators) -> None:
    module = project.load("m", SOURCE.replace("DECORATORS", decorators))
    project.engine()
    it = module.C()
    assert (module.f(0), module.C.s(0), it.p, module.other(5)) == ((0, 1), (0, 1), 1, 5)
    text = SOURCE.replace("DECORATORS", decorators).replace("n, 1", "n, 2")
    report = project.save(m=text.replace("return 1\n", "return 2\n"))
    assert (report.ok, report.stale) == (True, ())
    assert (module.f(0), module.C.s(0), it.p, module.other(5)) == ((0, 2), (0, 2), 2, 5)
    assert module.called == [5]  # nothing of that was edited
