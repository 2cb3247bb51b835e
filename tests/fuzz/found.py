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
    "a name that moves up a chain of imports of everything comes back to its end": """
        ----- base.py
        A = [1]
        ----- user.py
        from base import *
        ----- last.py
        from user import *
        =====
        ----- base.py
        ----- user.py
        from base import *
        A = [1]
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
    "a name that the header of a block sets, and its body anew": """
        ----- base.py
        from helper import note, scope
        with scope(2) as A:
            A = note("a", A * 6)
        =====
        ----- base.py
        from helper import note, scope
        with scope(2) as A:
            A = note("a", A * 6)
            def f(x):
                return x
        """,
    "who reads what came with everything, and is bound again, while something else goes": """
        ----- base.py
        def f(x):
            return x
        ----- user.py
        from base import *
        A = 1
        ----- last.py
        from helper import note
        from user import *
        B = note("b", A + 6)
        A = note("a", A + 8)
        =====
        ----- base.py
        """,
    "in a cycle a name comes from two, first with everything": """
        ----- pkg/two.py
        from helper import note
        A = note("a", 1)
        ----- pkg/__init__.py
        from helper import note
        from pkg.two import *
        B = note("b", A * 2)
        from last import C, A
        ----- user.py
        from pkg import *
        ----- last.py
        from helper import note
        import user
        from user import A
        C = note("c", user.B)
        =====
        ----- pkg/two.py
        from helper import note
        A = note("a", 3)
        """,
    "what a cycle has given is not asked for again when the cycle is no more": """
        ----- pkg/one.py
        A = 6
        def f(x):
            return x
        ----- pkg/__init__.py
        from pkg.one import A, f
        B = A + 1
        from last import C
        A = B + 9
        ----- last.py
        import pkg
        C = pkg.f(pkg.A * 9)
        =====
        ----- pkg/__init__.py
        from pkg.one import A, f
        B = A + 1
        A = B + 9
        """,
    "a function that stands in a loop and makes functions": """
        ----- base.py
        for A in (2, 5):
            def make_9(n):
                def inner(x, y=9):
                    return x * n + A
                return inner
        ----- last.py
        import base
        h = base.make_9(3)
        =====
        ----- base.py
        for A in (2, 5):
            def make_9(n):
                def inner(x, y=2):
                    return x * n + A
                return inner
        """,
    "a try that raised, and does no more": """
        ----- last.py
        from helper import note
        T = {"a": 6}
        try:
            A = note("a", 6 // (T["a"] - 6))
        except ZeroDivisionError:
            A = note("b", 4)
        else:
            class K:
                x = 2
        =====
        ----- last.py
        from helper import note
        T = {"a": 6}
        try:
            A = note("a", 6 // (T["a"] - 2))
        except ZeroDivisionError:
            A = note("b", 4)
        else:
            class K:
                x = 2
        """,
    "a try whose statement that raised is gone": """
        ----- last.py
        from helper import note
        try:
            def f(x):
                return x
            A = 6 // (7 - 7)
        except ZeroDivisionError:
            A = 1
        else:
            B = note("b", f(2))
        =====
        ----- last.py
        from helper import note
        try:
            def f(x):
                return x
        except ZeroDivisionError:
            A = 1
        else:
            B = note("b", f(2))
        """,
    "of an import of everything in a cycle only what is new is brought": """
        ----- base.py
        from helper import note
        A = 7
        from last import A, f as g
        A += note("a", A + 3)
        ----- last.py
        from helper import note
        from base import *
        def f(x):
            return x
        class K:
            y = note("y", A * 9)
        =====
        ----- base.py
        from helper import note
        A = 7
        from last import A, f as g
        def h(x):
            return x
        A += note("a", A + 3)
        """,
    "a statement that is new in a block reads what the block has set": """
        ----- last.py
        from helper import note
        if 6 > 3:
            A = note("a", 3)
        else:
            B = 1
        =====
        ----- last.py
        from helper import note
        if 6 > 3:
            A = note("a", 3)
            def f(x, y=note("y", A + 2)):
                return x
        else:
            B = 1
        """,
    "an import brings another name; what it brought before is asked for, too": """
        ----- user.py
        from helper import note
        L = note("l", [6, 4])
        A = note("a", 28)
        ----- last.py
        from helper import note, scope
        from user import L as M, A
        with scope(A + 6) as B:
            A = note("b", len(M) + 6)
        =====
        ----- user.py
        from helper import note
        L2 = note("l", [6, 4])
        A = note("a", 28)
        ----- last.py
        from helper import note, scope
        from user import L2 as M, A
        with scope(A + 6) as B:
            A = note("b", len(M) + 6)
        """,
    "a function moves to a module that had it with everything": """
        ----- base.py
        def f(x, *, z=4):
            return x + 2
        def g(x):
            return x
        ----- pkg/two.py
        from base import *
        ----- pkg/__init__.py
        ----- user.py
        from pkg.two import f as h, g
        =====
        ----- base.py
        def g(x):
            return x
        ----- pkg/two.py
        from base import *
        def f(x, *, z=4):
            return x + 2
        """,
    "who binds a name again that it imports may have an equal number": """
        ----- user.py
        A = 12
        B = A + 3
        ----- last.py
        from helper import note
        from user import A, B
        B = note("b", 15)
        =====
        ----- user.py
        A = 12
        B = A + 6
        """,
    "who binds a name again that came with everything may have an equal number": """
        ----- base.py
        A = 0
        ----- last.py
        from helper import note
        from base import *
        g = note("g", lambda x, y=A + 3: x)
        A = note("a", 0)
        =====
        ----- base.py
        A = 2
        """,
    "an import of everything that brought nothing but what was there goes": """
        ----- pkg/two.py
        from helper import State, note
        state_1 = note("state_1", State("state_1"))
        from pkg import *
        ----- pkg/__init__.py
        from pkg.two import *
        =====
        ----- pkg/two.py
        from helper import State, note
        state_1 = note("state_1", State("state_1"))
        """,
    "what had come back to its own module is gone elsewhere": """
        ----- pkg/two.py
        from pkg import *
        ----- pkg/__init__.py
        from helper import State, note
        state_1 = note("state_1", State("state_1"))
        from pkg.two import *
        =====
        ----- pkg/two.py
        """,
    "an import of everything goes that had brought the same before": """
        ----- base.py
        from helper import State, note
        ----- last.py
        from helper import State, note
        from base import *
        state_1 = note("state_1", State("state_1"))
        from base import *
        =====
        ----- last.py
        from helper import State, note
        state_1 = note("state_1", State("state_1"))
        from base import *
        """,
    "a decorator goes and comes again, and somebody holds what it decorates": """
        ----- base.py
        from helper import traced
        @traced
        def f(x: int) -> int:
            return x + 1
        =====
        ----- base.py
        from helper import traced
        def f(x: int) -> int:
            return x + 2
        =====
        ----- base.py
        from helper import traced
        @traced
        def f(x: int) -> int:
            y = 1
            return x + 3
        """,
    "a class in a block, below another of its name that is new": """
        ----- base.py
        try:
            class K:
                def three(self, x):
                    return x
        except ZeroDivisionError:
            A = 1
        =====
        ----- base.py
        try:
            class K:
                def one(self, x):
                    return x
        except ZeroDivisionError:
            A = 1
        try:
            class K:
                def three(self, x):
                    return x
        except ZeroDivisionError:
            A = 1
        """,
    "an instance of a class that derives from a dataclass": """
        ----- base.py
        import dataclasses
        @dataclasses.dataclass
        class K:
            v: str = "v"
            v = 2
        ----- last.py
        from helper import note
        from base import K
        class J(K):
            def one(self, x):
                return x
        o = note("o", J())
        =====
        ----- base.py
        import dataclasses
        @dataclasses.dataclass
        class K:
            v: str = "v"
        """,
    "a cycle that is new, of a module that is imported first and one that takes a late name": """
        ----- pkg/one.py
        def f(x):
            return x
        ----- pkg/two.py
        ----- pkg/__init__.py
        import pkg.two
        ----- user.py
        import pkg as p
        =====
        ----- pkg/one.py
        from user import *
        def f(x):
            return x
        def g(x):
            return x
        ----- pkg/two.py
        from .one import g, f as h
        """,
    "an attribute of a class is asked for by its name, and goes": """
        ----- base.py
        from helper import note
        import dataclasses
        @dataclasses.dataclass
        class K:
            x: int = note("x", 9)
            def three(self, x):
                return x
        class J(K):
            pass
        def f(x, y=getattr(J, "x", 8), *, z=getattr(K, "x", 7)):
            return x
        =====
        ----- base.py
        from helper import note
        import dataclasses
        @dataclasses.dataclass
        class K:
            def three(self, x):
                return x
        class J(K):
            pass
        def f(x, y=getattr(J, "x", 8), *, z=getattr(K, "x", 7)):
            return x
        """,
    "another name for what a decorator made, and another decorator": """
        ----- base.py
        import functools
        from helper import traced
        @traced
        def f(x):
            return x
        a = f
        =====
        ----- base.py
        import functools
        from helper import traced
        @functools.lru_cache(maxsize=4)
        @traced
        def f(x):
            return x
        a = f
        """,
    "a package imports everything from a module in it that has begun to import it": """
        ----- pkg/two.py
        ----- pkg/__init__.py
        import pkg.two
        =====
        ----- pkg/two.py
        import pkg as p
        ----- pkg/__init__.py
        from pkg.two import *
        import pkg.two
        """,
    "a cycle is new since a reload, and a name in it": """
        ----- base.py
        A = 1
        import user
        ----- user.py
        def f(x):
            return x
        ----- last.py
        from user import f as g
        from base import A
        =====
        ----- base.py
        A = 1
        from last import A, g
        import user
        =====
        ----- base.py
        B = 1
        from last import B, g
        import user
        ----- user.py
        from base import B as C
        def f(x):
            return x
        ----- last.py
        from user import f as g
        from base import B
        """,
    "a call that changes a list is moved below who reads it": """
        ----- base.py
        L = [6, 9]
        L.append(len(L) + 2)
        def f(x, y=len(L) + 4):
            return x
        =====
        ----- base.py
        L = [6, 9]
        def f(x, y=len(L) + 4):
            return x
        L.append(len(L) + 2)
        """,
    "a statement goes from a try, of which another has called what changed": """
        ----- base.py
        def f(x):
            return x + 1
        ----- last.py
        from helper import note
        from base import f
        try:
            c = note("c", f(2))
            L = note("l", [2, 7])
        except ZeroDivisionError:
            A = 12
        =====
        ----- base.py
        def f(x):
            return x + 2
        =====
        ----- last.py
        from helper import note
        from base import f
        try:
            c = note("c", f(2))
        except ZeroDivisionError:
            A = 12
        """,
    "a closure is held, and what is around it gets a comment before it is edited itself": """
        ----- base.py
        import functools
        def deco(fn):
            @functools.wraps(fn)
            def wrapper(*args):
                return 1, fn(*args)
            return wrapper
        ----- last.py
        import base
        @base.deco
        def f(x):
            return x
        =====
        ----- base.py
        import functools
        def deco(fn):
            @functools.wraps(fn)
            def wrapper(*args):
                return 1, fn(*args)
            # a comment
            return wrapper
        =====
        ----- base.py
        import functools
        def deco(fn):
            @functools.wraps(fn)
            def wrapper(*args):
                return 2, fn(*args)
            # a comment
            return wrapper
        """,
    "another decorator of what comes back to its module by an import": """
        ----- base.py
        import functools
        @functools.lru_cache(maxsize=4)
        def f(x):
            return x
        A = 1
        from last import g
        ----- last.py
        from base import A, f as g
        =====
        ----- base.py
        import functools
        @functools.lru_cache(maxsize=7)
        def f(x):
            return x
        A = 1
        from last import g
        """,
    "an import of everything is put into a block, and had brought what is there": """
        ----- base.py
        from helper import State, note
        ----- last.py
        from helper import State, note
        from base import *
        state_1 = note("state_1", State("state_1"))
        from base import *
        =====
        ----- last.py
        from helper import State, note
        if 8 > 0:
            from base import *
        state_1 = note("state_1", State("state_1"))
        from base import *
        """,
    "in a cycle a name is asked for that is deleted by now": """
        ----- pkg/__init__.py
        A = 6
        from last import *
        del A
        ----- last.py
        import pkg
        =====
        ----- last.py
        import pkg
        B = pkg.A + 4
        """,
    "a cycle is new, of an import of everything, and a name": """
        ----- base.py
        ----- user.py
        import base
        =====
        ----- base.py
        from user import *
        ----- user.py
        import base
        A = 1
        """,
    "who imports everything since a moment ago follows": """
        ----- base.py
        def f(x):
            return x
        ----- pkg/__init__.py
        import functools
        from base import f
        p = functools.partial(f, 1)
        ----- user.py
        from pkg import f as g, p as q
        =====
        ----- base.py
        def f(x):
            return x
        from user import *
        ----- pkg/__init__.py
        import functools
        from base import f
        r = functools.partial(f, 1)
        ----- user.py
        from pkg import f as g, r as q
        """,
    "a sum goes from a block that adds up more": """
        ----- last.py
        from helper import note, scope
        A = note("a", 7)
        with scope(8) as B:
            A += 75
            A += note("c", 168)
        =====
        ----- last.py
        from helper import note, scope
        A = note("a", 7)
        with scope(8) as B:
            A += 75
        """,
    "who binds a name again that came through another may have an equal number": """
        ----- pkg/__init__.py
        from helper import note
        A = 2
        ----- user.py
        from pkg import *
        ----- last.py
        from helper import note
        from user import A
        A = note("a", (7 if A > 8 else 2))
        =====
        ----- pkg/__init__.py
        from helper import note
        A = 2
        A += note("b", 9)
        """,
    "a module of a cycle is begun for who has its names through another": """
        ----- base.py
        import user
        ----- pkg/__init__.py
        from base import *
        ----- user.py
        from helper import note
        import pkg
        =====
        ----- base.py
        A = 1
        import user
        ----- user.py
        from helper import note
        import pkg
        B = note("b", pkg.A)
        """,
    "what an import of everything brings goes on to who hands it back": """
        ----- pkg/one.py
        A = 1
        ----- pkg/__init__.py
        ----- user.py
        from pkg.one import *
        C = 1
        ----- last.py
        import user
        from user import *
        D = 1
        =====
        ----- pkg/one.py
        A = 1
        B = 2
        ----- user.py
        from pkg.one import *
        C = 1
        from last import B, D
        """,
    "who has imported everything halfway round a cycle goes on so, whatever is new behind that": """
        ----- pkg/__init__.py
        A = 1
        from last import *
        ----- last.py
        from pkg import *
        def f(): return A
        =====
        ----- pkg/__init__.py
        A = 1
        from last import *
        B = K
        ----- last.py
        from pkg import *
        def f(): return A
        K = 3
        """,
    "an attribute of a class that its own module asks another one for": """
        ----- base.py
        from helper import note
        class K:
            x = 6
            y = 1
        import user
        C = note("c", getattr(user.K, "x", 2))
        ----- user.py
        from base import K
        =====
        ----- base.py
        from helper import note
        class K:
            y = 1
        import user
        C = note("c", getattr(user.K, "x", 2))
        """,
    "what a cycle hands back to where it was made": """
        ----- user.py
        from helper import note
        A = note("a", [1])
        from last import A
        ----- last.py
        from user import A
        =====
        ----- user.py
        from helper import note
        A = note("a", [2])
        from last import A
        """,
    "what a package has is no name of who imports a module in it": """
        ----- pkg/__init__.py
        from pkg.enc import e
        from pkg.lib import a
        from pkg.timed import t
        from pkg.use import b
        V = 1
        ----- pkg/exc.py
        x = 0
        ----- pkg/enc.py
        from pkg.exc import x
        e = 1
        ----- pkg/lib.py
        from pkg.enc import e
        a = 1
        ----- pkg/timed.py
        from pkg.enc import e
        from pkg.lib import a
        t = a
        ----- pkg/use.py
        from pkg.enc import e
        from pkg.lib import a
        from pkg.timed import t
        b = a
        =====
        ----- pkg/__init__.py
        from pkg.enc import e
        from pkg.lib import a
        from pkg.timed import t
        from pkg.use import b
        V = 2
        ----- pkg/exc.py
        x = 5
        ----- pkg/enc.py
        from pkg.exc import x
        e = x
        ----- pkg/lib.py
        from pkg.enc import e
        a = 1
        new = e
        ----- pkg/timed.py
        from pkg.enc import e
        from pkg.lib import new
        t = new
        ----- pkg/use.py
        from pkg.enc import e
        from pkg.lib import new
        from pkg.timed import t
        b = new
        """,
    "of two classes of one name the first one goes on, with another body": """
        ----- base.py
        class K:
            def one(self, x):
                return x + 1
            @classmethod
            def three(cls, x):
                return x + 1
        class K:
            def one(self, x):
                return x + 1
            @classmethod
            def three(cls, x):
                return x + 1
        =====
        ----- base.py
        class K:
            def one(self, x):
                return x + 2
        """,
    "an import of everything, executed halfway round a cycle, brings what comes later, too": """
        ----- base.py
        A = 1
        def decorated(n):
            return lambda function: function
        from last import K
        ----- pkg/one.py
        from helper import scope
        import base
        class K:
            pass
        with scope(base.A):
            B = 2
        ----- pkg/__init__.py
        ----- last.py
        from pkg.one import *
        =====
        ----- pkg/one.py
        from helper import scope
        import base as base_46
        import base
        class K:
            pass
        with scope(base.A):
            B = 2
            @base.decorated(base.A)
            def f(x):
                return x
        """,
    "a function that is called finds what its names stood for at that place": """
        ----- last.py
        from helper import note
        A = note("a", 1)
        def f(x):
            return A + x
        A += note("b", 5)
        =====
        ----- last.py
        from helper import note
        A = note("a", 1)
        def f(x):
            return A + x
        c = note("c", f(1))
        A += note("b", 5)
        """,
    "what a class inherits otherwise, since it has other bases, reaches who reads it": """
        ----- base.py
        class A:
            x = 14
        class B(A):
            pass
        ----- pkg/__init__.py
        from base import B
        a = getattr(B, "x", 3)
        b = [B.x] if hasattr(B, "x") else 0
        =====
        ----- base.py
        class A:
            x = 14
        class B:
            pass
        =====
        ----- base.py
        class A:
            x = 15
        class C(A):
            x = 16
        class B(C):
            pass
        """,
    "an import of everything halfway round a cycle does not bring what comes later": """
        ----- base.py
        A = 1
        import last
        ----- pkg/two.py
        from base import A
        ----- pkg/__init__.py
        from base import *
        ----- last.py
        from pkg.two import A
        =====
        ----- base.py
        A = 1
        import last
        B = 2
        =====
        ----- base.py
        A = 1
        C = 3
        import last
        B = 2
        """,
    "a package gets a module when that ends, and no import of everything before brings it": """
        ----- base.py
        A = 1
        ----- pkg/two.py
        B = 1
        from last import C
        ----- pkg/__init__.py
        ----- last.py
        C = 1
        =====
        ----- pkg/two.py
        B = 1
        from last import C
        from pkg import *
        ----- last.py
        C = 1
        from pkg import *
        """,
    "a cycle that is new is cut where it can be": """
        ----- pkg/__init__.py
        def f(x):
            return x
        A = 1
        ----- user.py
        from pkg import *
        B = 1
        ----- last.py
        from user import *
        def g(x):
            return x
        =====
        ----- pkg/__init__.py
        def f(x):
            return x
        A = 1
        from last import B, g as h
        """,
    "an import of everything that is new in a cycle which can be cut in one way only": """
        ----- base.py
        A = 1
        from last import f, B
        ----- pkg/one.py
        from base import A
        ----- pkg/__init__.py
        from pkg.one import *
        def f(x):
            return x
        ----- last.py
        from pkg import f
        B = 2
        =====
        ----- pkg/__init__.py
        from pkg.one import *
        def f(x):
            return x
        from base import *
        """,
    "a package imports one module before another, with which that is in a cycle": """
        ----- pkg/one.py
        def f(x):
            return x
        from .two import g
        a = f
        ----- pkg/two.py
        from pkg.one import *
        def g(x):
            return f(x)
        def h(x):
            return f(x)
        ----- pkg/__init__.py
        from . import one
        from .two import h
        =====
        ----- pkg/two.py
        from pkg.one import *
        def g(x):
            return f(x)
        if 1 > 0:
            def h(x):
                return f(x)
        """,
    "the last who sets a key has the last word": """
        ----- last.py
        T = {"a": 1, "b": 1}
        T["a"] = 2
        B = T["a"]
        T["b"] = 2
        T["a"] = 3
        =====
        ----- last.py
        T = {"a": 1, "b": 1}
        T["a"] = 4
        B = T["a"]
        T["b"] = 2
        T["a"] = 3
        """,
    "an import of everything goes into a block of a package, halfway round a cycle": """
        ----- base.py
        from pkg import two as t
        if t.A > 8:
            B = 1
        else:
            def f(x):
                return x + t.A
        ----- pkg/two.py
        import base
        A = 1
        ----- pkg/__init__.py
        from .two import A
        from base import *
        =====
        ----- pkg/__init__.py
        from .two import A
        if 8 > 0:
            from base import *
        """,
    "an import that is new finds a name that comes halfway round the cycle with it": """
        ----- user.py
        A = 1
        ----- last.py
        from user import *
        =====
        ----- user.py
        A = 1
        B = A + 1
        from last import B as C
        ----- last.py
        from user import *
        D = B + 6
        """,
    "a name is gone that another has as it was halfway round a cycle": """
        ----- user.py
        A = 1
        B = 1
        from last import B as C
        B += 1
        ----- last.py
        from user import *
        =====
        ----- user.py
        A = 1
        """,
    "a cycle that is new can be cut in one way only, for what is asked of a module": """
        ----- base.py
        A = 1
        ----- user.py
        from last import B
        ----- last.py
        from base import *
        B = A + 1
        =====
        ----- base.py
        A = 1
        import user as u
        def f(x, y=(9 if u.B > 4 else 2)):
            return x
        """,
    "a module of a package imports everything from that, which has not taken a branch": """
        ----- pkg/two.py
        A = 1
        ----- pkg/__init__.py
        from .two import A
        B = 2
        if A > 5:
            C = 1
        =====
        ----- pkg/two.py
        A = 1
        from pkg import *
        ----- pkg/__init__.py
        from .two import A
        if A > 5:
            C = 1
        B = 2
        """,
    "a function that another has made has its new body, but not its new default": """
        ----- pkg/one.py
        from helper import note
        def make_1(n):
            def inner(x, y=3):
                return x * n + [7, 8][-1]
            return inner
        h2 = note("k3", make_1(5 + 4))
        ----- pkg/__init__.py
        =====
        ----- pkg/one.py
        from helper import note
        def make_1(n):
            def inner(x, y=9):
                return x * n + [7, 9][-1]
            return inner
        h2 = note("k3", make_1(5 + 4))
        """,
    "what has been imported by a list of names, which in a cycle that is new is not there yet": """
        ----- base.py
        from helper import note
        A = 1
        __all__ = ["A"]
        ----- last.py
        from base import *
        =====
        ----- base.py
        from helper import note
        A = 1
        from last import A as B
        __all__ = ["A"]
        """,
    "a cycle within a new one, begun by who takes what the inner one has when it is done": """
        ----- base.py
        A = 1
        ----- user.py
        from base import A
        B = 2
        from last import f
        ----- last.py
        from user import B
        def f(x):
            return B
        =====
        ----- base.py
        A = 1
        from user import B, g
        ----- user.py
        from base import A
        B = 2
        from last import g
        ----- last.py
        from user import B
        def g(x):
            return B
        """,
    "a package has begun before a module in it, which is in a cycle with a third now": """
        ----- pkg/two.py
        ----- pkg/__init__.py
        import functools
        from pkg.two import *
        from . import two as A
        ----- last.py
        from pkg import *
        def f(x):
            return x
        =====
        ----- pkg/two.py
        from last import f
        """,
    "what is in a package is found without a list of names that comes later": """
        ----- pkg/two.py
        A = 1
        ----- pkg/__init__.py
        from pkg.two import A
        __all__ = []
        from last import B
        ----- last.py
        from pkg.two import A as B
        from pkg import *
        =====
        ----- pkg/__init__.py
        from pkg.two import A
        from last import B
        __all__ = []
        """,
    "a function moves to a module that has it from there, and a decorator of another is on it": """
        ----- base.py
        from helper import traced
        @traced
        def f(x):
            return x
        ----- user.py
        from helper import traced
        from base import *
        ----- last.py
        from user import f as A
        =====
        ----- base.py
        ----- user.py
        from helper import traced
        from base import *
        @traced
        def f(x):
            return x
        """,
    "what an import of everything had brought, and was bound again after who reads it": """
        ----- pkg/one.py
        A = 1
        ----- pkg/__init__.py
        from pkg.one import *
        import last
        A = 2
        ----- last.py
        import pkg as p
        B = p.A + 5
        =====
        ----- last.py
        import pkg as p
        if 7 > 0:
            B = p.A + 5
        """,
    "a function moves out of a package, and needs what its module had imported": """
        ----- base.py
        A = 1
        ----- pkg/one.py
        import base
        import base as b
        ----- pkg/__init__.py
        from . import one as o
        ----- last.py
        B = 1
        =====
        ----- pkg/one.py
        import base
        import base as b
        from last import f
        ----- last.py
        B = 1
        from pkg.one import b
        from pkg.one import base
        def f(x, y=base.A * 6):
            return x + b.A
        """,
    "a module that had begun before one in a new cycle has not got all its names by then": """
        ----- pkg/__init__.py
        import user as u
        def f(x, y=u.A):
            return x
        ----- user.py
        import pkg as p
        A = 1
        ----- last.py
        from pkg import *
        =====
        ----- user.py
        import pkg as p
        A = 1
        from last import g
        ----- last.py
        from pkg import *
        def g(x):
            return x
        """,
    "who has to be begun for one module waits for another before": """
        ----- base.py
        def f(x, y=5):
            return x
        ----- user.py
        from base import *
        A = 1
        ----- last.py
        from base import f
        =====
        ----- base.py
        def f(x, y=5):
            return x
        from last import make_2
        from user import A, g as h
        ----- user.py
        from base import *
        def g(x: int):
            return x
        A = 1
        ----- last.py
        def make_2(n):
            return n
        from base import f
        """,
    "a package on the way to what has begun has begun, too": """
        ----- base.py
        A = 1
        ----- pkg/two.py
        from base import A
        B = 3
        ----- pkg/__init__.py
        ----- last.py
        import functools
        =====
        ----- pkg/two.py
        from base import A
        B = 3
        from last import f
        def g(x, *, z: int = [A, 4][-1]):
            return x
        ----- pkg/__init__.py
        from pkg.two import g
        ----- last.py
        import functools
        from pkg.two import B
        def f(x: int, y=[B, 7][-1]):
            return x
        """,
    "nobody waits for who only imports a module and takes nothing from it": """
        ----- base.py
        A = 1
        import pkg.two
        ----- pkg/two.py
        import functools
        from base import A
        ----- pkg/__init__.py
        import base as b
        =====
        ----- pkg/two.py
        import functools
        from base import A
        from pkg import b
        class K:
            x = A + 3
        ----- pkg/__init__.py
        import base as b
        from pkg.two import K
        """,
}
