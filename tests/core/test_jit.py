"""With the JIT on, machine code that was made for old content is not used for new."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

jit = getattr(sys, "_jit", None)
pytestmark = [
    pytest.mark.skipif(
        jit is None or not jit.is_available(), reason="this Python was built without the JIT"
    ),
    pytest.mark.unsteady("it starts another process"),
]

COMMON = """
import sys
from types import CodeType, FunctionType
from mighty_patcher import _core

assert sys._jit.is_enabled()

def commit(target, donor, fields=_core.ALL_FIELDS):
    log = _core.Log()
    log.add_function(target, donor, fields)
    log.commit()
    return log

def nested(function):
    return next(c for c in function.__code__.co_consts if isinstance(c, CodeType))
"""


def run(source: str) -> None:
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", COMMON + textwrap.dedent(source)],
        env={**os.environ, "PYTHON_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "done\n")


def test_functions_under_warm_loops() -> None:
    run("""
        WORD = 3
        def old(x): return x + WORD
        def new(x, y=10): return x * y
        def maker(a, b):
            def closure(x): return x + a + b
            return closure

        def loop(n):
            total = 0
            for i in range(n):
                total += old(2)
            return total

        for _ in range(20):
            assert loop(5000) == 5 * 5000
            log = commit(old, new)
            assert loop(5000) == 20 * 5000
            second = commit(old, maker(1, 2))
            assert loop(5000) == 5 * 5000
            second.undo()
            assert loop(5000) == 20 * 5000
            log.undo()
            WORD = 4
            assert loop(5000) == 6 * 5000
            WORD = 3
        print("done")
    """)


def test_in_the_middle_of_a_warm_loop() -> None:
    run("""
        def old(x): return 1
        def new(x): return 1000

        def loop(n, log):
            total = 0
            for i in range(n):
                total += old(i)
                if i == n // 2:
                    log.commit()
            return total

        for _ in range(20):
            log = _core.Log()
            log.add_function(old, new)
            assert loop(4000, log) == 2001 + 1999 * 1000
            log.undo()
        print("done")
    """)


def test_methods_properties_and_init() -> None:
    run("""
        class A:
            def __init__(self, x): self.x = x
            @property
            def p(self): return self.x
            def m(self): return self.x
            def __getitem__(self, key): return self.x
        def init(self, x, y=1): self.x = x + y
        def double(self): return self.x * 2
        def item(self, key): return self.x * 3

        def loop(n):
            total = 0
            for i in range(n):
                a = A(1)
                total += a.p + a.m() + a[i]
            return total

        for _ in range(10):
            assert loop(3000) == 3 * 3000
            log = _core.Log()
            log.add_function(A.__init__, init)
            log.add_function(A.p.fget, double)
            log.add_function(A.m, double)
            log.add_function(A.__getitem__, item)
            log.commit()
            assert loop(3000) == (4 + 4 + 6) * 3000
            log.undo()
        print("done")
    """)


def test_init_at_many_sites() -> None:
    """What a loop has inlined depends on the content of __init__, at sites that are ever new."""
    run("""
        class_ = "class A:\\n  def __init__(self, a): self.a = 'old'"
        new = "def new(self, a, b='b'): self.a = 'new' + b"
        site = "def site(): return A(1).a"
        source = "\\n".join([class_, new, site])

        def warm(site, wanted):
            for _ in range(64):
                assert site() == wanted

        for _ in range(400):
            names = {}
            exec(source, names)
            warm(names["site"], "old")
            log = commit(names["A"].__init__, names["new"])
            warm(names["site"], "newb")
            log.undo()
            warm(names["site"], "old")
        print("done")
    """)


def test_constants_under_warm_loops() -> None:
    run("""
        def outer(n):
            total = 0
            for i in range(n):
                total += (lambda: 1)()
                if i % 1000 == 999:
                    yield total
        def new_outer():
            return lambda: 1000

        old, new = nested(outer), nested(new_outer)
        for _ in range(30):
            running = outer(4000)
            assert next(running) == 1000
            assert next(running) == 2000
            log = _core.Log()
            log.add_constant(outer.__code__, old, new)
            log.commit()
            assert next(running) == 2000 + 1000 * 1000
            log.undo()
            assert next(running) == 3000 + 1000 * 1000
            log.discard()
        print("done")
    """)


def test_globals_are_not_folded_over() -> None:
    run("""
        here, there = {"WORD": 1}, {"WORD": 1000}
        source = "def f(x): return WORD"
        exec(source, here)
        exec(source, there)
        f, donor = here["f"], there["f"]

        def loop(function, n):
            total = 0
            for i in range(n):
                total += function(i)
            return total

        for _ in range(10):
            assert loop(f, 5000) == 5000
            assert loop(donor, 5000) == 5000 * 1000
            log = commit(f, donor, _core.CODE)
            assert loop(f, 5000) == 5000
            log.undo()
            log = commit(f, donor, _core.GLOBALS)
            assert loop(f, 5000) == 5000 * 1000
            log.undo()
        print("done")
    """)


def test_a_dictionary_that_is_the_globals() -> None:
    run("""
        names = {"WORD": 1}
        exec("def f(x): return WORD", names)
        f = names["f"]

        def loop(n):
            total = 0
            for i in range(n):
                total += f(i)
            return total

        for _ in range(10):
            assert loop(5000) == 5000
            log = _core.Log()
            log.add_items(names, {**names, "WORD": 1000})
            log.commit()
            assert loop(5000) == 5000 * 1000
            log.undo()
        print("done")
    """)
