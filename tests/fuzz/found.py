"""Programs and saves that were wrong once, as small as they got: see `sequences.parsed`."""

from __future__ import annotations

__all__ = ["FOUND"]

FOUND = {
    "a name that is new reaches who imports everything and does nothing else": """
        ----- last.py
        from helper import note
        A = 1
        ----- user.py
        from last import *
        =====
        ----- last.py
        from helper import note
        A = 1
        B = note("b", 2)
        """,
    "what an import of everything had brought goes with it": """
        ----- base.py
        A = 1
        B = 2
        ----- last.py
        from base import *
        B = 3
        =====
        ----- last.py
        B = 3
        """,
    "what an import of everything brings counts as bound by it": """
        ----- base.py
        A = 1
        ----- last.py
        from base import *
        A += 1
        =====
        ----- last.py
        from base import *
        """,
    "who has names of its own keeps them when an import of everything brings others": """
        ----- base.py
        from helper import note
        A = note("base", 1)
        ----- last.py
        from helper import note
        from base import *
        A = note("a", 2)
        C = note("c", A + 1)
        =====
        ----- base.py
        from helper import note
        A = note("base", 1)
        B = 2
        """,
    "of a name that is not exported nobody is told": """
        ----- base.py
        __all__ = ["A"]
        A = 1
        ----- last.py
        from base import *
        =====
        ----- base.py
        __all__ = ["A"]
        A = 1
        B = 2
        """,
    "a number of one's own goes not with an equal one that was imported": """
        ----- base.py
        A = 1
        B = 2
        ----- last.py
        from base import *
        B = 2
        =====
        ----- base.py
        A = 1
        """,
    "what was renamed has one object under both its names": """
        ----- base.py
        import functools
        from helper import register
        @functools.lru_cache(maxsize=4)
        @register
        def f1(x):
            return x
        a = f1
        =====
        ----- base.py
        import functools
        from helper import register
        @functools.lru_cache(maxsize=4)
        @register
        def f2(x):
            return x
        a = f2
        """,
    "a function in two wrappers, with other parameters, and code nested in it": """
        ----- base.py
        import functools
        from helper import traced
        @traced
        @functools.cache
        def f(x, y=1, *, z: str = 2):
            x = (lambda z=3: z + x)()
            return x + 9
        =====
        ----- base.py
        import functools
        from helper import traced
        @traced
        @functools.cache
        def f(x: "str", *, z: int = 3) -> int:
            y = 6
            x = (lambda z=3: z + x)()
            return x + 9
        """,
    "of a definition and its copy the last one counts": """
        ----- base.py
        A = 1
        def f(x):
            return x
        =====
        ----- base.py
        A = 1
        def f(x):
            return x
        def f(x):
            return x
        """,
    "of a definition and its copy the first one goes": """
        ----- base.py
        A = 1
        def e(x):
            return x
        def f(x):
            return x
        def f(x):
            return x
        =====
        ----- base.py
        A = 1
        def f(x):
            return x
        """,
    "names that are new in two modules which import from each other": """
        ----- base.py
        C = 1
        ----- last.py
        from base import *
        K = 1
        =====
        ----- base.py
        D = 2
        def f(x):
            return x + D
        C = 1
        from last import f as g, K
        """,
    "names that are new in two modules, one of which hands out those of the other": """
        ----- base.py
        from helper import note
        ----- last.py
        from helper import note
        A = 1
        =====
        ----- base.py
        from helper import note
        B = note("b", 2)
        from last import B as C, D
        E = note("e", D)
        ----- last.py
        from helper import note
        from base import B
        A = 1
        D = note("d", B + A)
        """,
    "in a cycle a statement finds what had been executed when it was imported": """
        ----- base.py
        from helper import note
        import dataclasses
        C = 1
        @dataclasses.dataclass
        class K:
            x: int = C * 8
        from pkg.one import D
        ----- pkg/one.py
        from helper import note
        import base as b
        from base import C as D
        ----- pkg/__init__.py
        =====
        ----- base.py
        from helper import note
        import dataclasses
        C = 2
        @dataclasses.dataclass
        class K:
            x: int = C * 8
        from pkg.one import D
        ----- pkg/one.py
        from helper import note
        import base as b
        from base import C as D
        o = note("o", b.K())
        """,
    "a cycle of three": """
        ----- base.py
        from helper import note
        A = note("a", 1)
        from pkg import C
        D = note("d", C)
        ----- pkg/one.py
        from helper import note
        import base
        B = note("b", base.A)
        ----- pkg/__init__.py
        from helper import note
        from base import A
        from pkg.one import B
        C = note("c", A + B)
        =====
        ----- base.py
        from helper import note
        A = note("a", 2)
        A2 = note("a2", 3)
        from pkg import C, C2
        D = note("d", C + C2)
        ----- pkg/one.py
        from helper import note
        import base
        B = note("b", base.A)
        B2 = note("b2", base.A2)
        ----- pkg/__init__.py
        from helper import note
        from base import A, A2
        from pkg.one import B, B2
        C = note("c", A + B)
        C2 = note("c2", A2 + B2)
        """,
    "a package that reads by its own name what a module in it has": """
        ----- pkg/two.py
        A = 1
        ----- pkg/__init__.py
        from helper import note
        import pkg.two
        B = note("b", pkg.two.A)
        =====
        ----- pkg/two.py
        A = 2
        """,
    "what is gone goes through all that import everything": """
        ----- base.py
        A = 1
        B = 2
        ----- user.py
        from base import *
        ----- last.py
        from user import *
        =====
        ----- base.py
        A = 1
        """,
    "a statement that only stands after an import of everything is not run": """
        ----- base.py
        A = 1
        B = 1
        ----- user.py
        from base import *
        ----- last.py
        from helper import State, note
        from user import *
        state_1 = note("state_1", State("state_1"))
        C = note("c", B)
        from base import *
        =====
        ----- base.py
        B = 1
        """,
    "a partial of a function that was renamed has that function": """
        ----- base.py
        import functools
        def f(x):
            return x
        p = functools.partial(f, 1)
        =====
        ----- base.py
        import functools
        def g(x):
            return x
        p = functools.partial(g, 1)
        """,
    "a module that waits for another has what it was told itself": """
        ----- base.py
        class K:
            x = 1
        ----- pkg/one.py
        from helper import note
        from base import K as L
        if 8 > 0:
            from last import *
        ----- pkg/__init__.py
        ----- last.py
        from pkg.one import L
        =====
        ----- base.py
        class J:
            x = 1
        ----- pkg/one.py
        from helper import note
        from base import J as L
        if 8 > 0:
            from last import *
        """,
    "in a cycle a name is followed before it is asked for through another": """
        ----- pkg/__init__.py
        from helper import note
        C = note("c", 1)
        import last
        from last import C as D
        class K:
            v = note("v", last.C + 2)
            w = note("w", D + 3)
        ----- last.py
        from pkg import C
        =====
        ----- pkg/__init__.py
        from helper import note
        C = note("c", 4)
        import last
        from last import C as D
        class K:
            v = note("v", last.C + 2)
            w = note("w", D + 3)
        """,
    "a cycle is cut where the program cut it, whoever imports something of it later": """
        ----- pkg/__init__.py
        def f(x):
            return x
        import user as u
        ----- user.py
        from pkg import f
        class J:
            x = 1
        ----- last.py
        import user
        g = lambda x, y=getattr(user.J, "x", 1): x
        =====
        ----- pkg/__init__.py
        def f(x):
            return x
        import user as u
        class L:
            x = getattr(u.K, "x", 4)
        ----- user.py
        from pkg import f
        class K:
            x = 1
        ----- last.py
        import user
        """,
    "a decorator goes, and comes again": """
        ----- base.py
        from helper import traced
        @traced
        def f(x):
            return x
        =====
        ----- base.py
        from helper import traced
        def f(x):
            return x
        =====
        ----- base.py
        from helper import traced
        @traced
        def f(x):
            return x
        """,
    "a block that is new makes a function, and a partial of it": """
        ----- base.py
        import functools
        try:
            A = 1
        finally:
            def f(x):
                return x
        =====
        ----- base.py
        import functools
        try:
            A = 1
        finally:
            def f(x):
                return x
            p = functools.partial(f, 1)
        """,
    "another import that brings the same is no change": """
        ----- base.py
        from helper import State, note
        ----- last.py
        from helper import State, note
        state_1 = note("state_1", State("state_1"))
        =====
        ----- last.py
        from helper import State, note
        from base import *
        state_1 = note("state_1", State("state_1"))
        """,
}
