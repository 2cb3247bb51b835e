from __future__ import annotations

import gc
import importlib
import sys
import threading
import types
import weakref

import pytest

from mighty_patcher.errors import RefusedEdit, RunError, SourceError

PROXY = """
class Proxy:
    def __getattribute__(self, name): raise RuntimeError("out of context: " + name)
    __class__ = property(lambda self: 1 / 0)
    def __setattr__(self, name, value): raise RuntimeError("set")
    def __eq__(self, other): raise RuntimeError("eq")
    def __hash__(self): raise RuntimeError("hash")
    def __bool__(self): raise RuntimeError("bool")
    def __len__(self): raise RuntimeError("len")
"""


def kinds(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(step.kind, step.qualname) for step in reload.steps]


class TestPatching:
    def test_a_body(self, project):
        m = project.load("m", "ran = []\nran.append(1)\ndef f(): return 1\n")
        project.engine()
        f, ran = m.f, m.ran
        reload = project.edit("m", "return 1", "return 2")
        assert kinds(reload) == [("patched", "f")]
        assert reload.modules == (m.__name__,)
        assert (f(), m.ran is ran, ran) == (2, True, [1])

    def test_classes_that_are_attributes_of_each_other(self, project):
        m = project.load(
            "m",
            "class A:\n    def f(self): return 1\nclass B:\n    of = A\nA.of = B\nA.own = A\n",
        )
        project.engine()
        a = m.A()
        assert kinds(project.edit("m", "return 1", "return 2")) == [("patched", "A.f")]
        assert kinds(project.edit("m", "    of = A\n", "    of, x = A, 1\n")) == [("ran", "B")]
        assert (a.f(), m.A.of is m.B, m.B.of is m.A, m.B.x) == (2, True, True, 1)

    @pytest.mark.parametrize("collects", ["nowhere", "before", "after", "before, after"])
    def test_functions_that_a_decorator_of_others_makes(self, project, collects):
        # Told apart from those that it shares, also where the program collects meanwhile.
        project.load(
            "maker",
            f"""
            import gc
            def shared(self): return "shared"
            def before(cls):
                cls.shared = shared
                if "before" in "{collects}": gc.collect()
                return cls
            def after(cls):
                if "after" in "{collects}": gc.collect()
                return cls
            """,
        )
        text = """
            from dataclasses import dataclass
            from ~maker import after, before
            @after
            @dataclass
            @before
            class A:
                x: int = 1
            @after
            @dataclass
            @before
            class B:
                x: int = 1
            """
        m = project.load("m", text)
        project.engine()
        a, b, makes, shared = m.A(), m.B(), m.A.__init__, m.A.shared
        name, code = shared.__qualname__, shared.__code__
        for number in (2, 3):
            project.save(m=text.replace("= 1", f"= {number}"))
            assert (m.A().x, m.B().x) == (number, number)
            assert (type(a), type(b), repr(a)) == (m.A, m.B, "A(x=1)")
            assert (a.shared(), m.B.shared is shared) == ("shared", True)
            assert (shared.__qualname__, shared.__code__ is code) == (name, True)
            assert "after" in collects or m.A.__init__ is makes

    def test_what_a_decorator_has_set_goes_with_it(self, project):
        m = project.load(
            "m",
            """
            def mark(f): f.marked = True; return f
            @mark
            def f(): return 1
            class C:
                @mark
                def m(self): return 1
            """,
        )
        project.engine()
        f, method = m.f, m.C.m
        f.calls = method.calls = 7  # the program's
        project.edit("m", "def f(): return 1", "def f(a=1): return 1")
        assert (m.f is f, vars(f)) == (True, {"marked": True, "calls": 7})
        project.edit("m", "@mark\ndef", "def")
        project.edit("m", "    @mark\n", "")
        assert (m.f is f, vars(f), m.C.m is method, vars(method)) == (True, {}, True, {})

    def test_a_decorator_finds_a_function_without_what_it_has_set_before(self, project):
        m = project.load(
            "m",
            """
            def on(f): f.__dict__.setdefault("seen", []).append(f); return f
            @on
            def f(a=1): return a
            class C:
                @on
                def m(self, a=1): return a
            """,
        )
        project.engine()
        f, method = m.f, m.C.m
        f.calls = method.calls = 7  # the program's
        project.edit("m", "def f(a=1)", "def f(a=2)")
        project.edit("m", "def m(self, a=1)", "def m(self, a=2)")
        assert (f(), f.seen, f.calls) == (2, [f], 7)
        assert (method(0), method.seen, method.calls) == (2, [method], 7)
        project.engine().undo()
        assert (method(0), method.seen, method.calls) == (1, [method], 7)

    def test_a_wrapper_takes_the_name_of_what_it_wraps(self, project):
        source = """
            def mark(f): f.marked = True; return f
            def wrap(inner):
                def decorate(f):
                    def wrapper(): return f, inner
                    return wrapper
                return decorate
            @mark
            def f(): return 1
            """
        m = project.load("m", source)
        project.engine()
        held = [m.f]
        project.edit("m", "def f(): return 1", "def g(): return 1\n@wrap(g)\ndef f(): return 2")
        assert (m.f is held[0], vars(m.f)) == (True, {})
        f, g = m.f()
        assert (f(), g(), vars(f), vars(g)) == (2, 1, {}, {"marked": True})

    def test_a_module_imported_after_the_engine_began(self, project):
        project.write("m", "def f(): return 1\n")
        project.engine()
        m = project.load("m", "def f(): return 1\n")
        assert kinds(project.edit("m", "1", "2")) == [("patched", "f")]
        assert m.f() == 2

    def test_a_file_that_nobody_imported(self, project):
        project.engine()
        assert project.save(m="x = 1\n").modules == ()

    def test_the_same_text_again(self, project):
        project.load("m", "def f(): return 1\n")
        project.engine()
        assert project.save(m="def f(): return 1\n").modules == ()
        assert project.engine().last is None

    def test_a_function_that_was_deleted_does_not_run_the_module_for_ever(self, project):
        m = project.load("m", "def a(): return 1\ndef b(): return 1\n")
        project.engine()
        held = m.b
        steps = kinds(project.save(m="def a(): return 1\n"))
        assert steps == [("removed", "b")]
        assert held() == 1
        assert kinds(project.save(m="def a(): return 2\n")) == [("patched", "a")]
        assert kinds(project.save(m="def a(): return 3\n")) == [("patched", "a")]
        assert m.a() == 3

    def test_two_modules_of_one_file(self, project, monkeypatch):
        m = project.load("m", "def f(): return 1\n")
        spec = importlib.util.spec_from_file_location(m.__name__, m.__file__)
        twin = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "unit_engine_twin", twin)
        spec.loader.exec_module(twin)
        project.engine()
        project.edit("m", "return 1", "return 2")
        assert (m.f(), twin.f()) == (2, 2)
        project.edit("m", "def f()", "X = 3\ndef f()")
        assert (m.X, twin.X) == (3, 3)

    def test_a_name_that_the_module_gave_itself(self, project):
        m = project.load("m", "__name__ = 'other'\ndef f(): return 1\n")
        project.engine()
        project.edit("m", "return 1", "return 2")
        project.edit("m", "'other'", "'another'")
        assert (m.f(), m.__name__) == (2, "another")

    def test_a_module_that_was_changed_before_it_was_known(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.write("m", "def f(): return 2\n")
        project.engine()
        assert kinds(project.save(m="def f(): return 3\n")) == [("ran", m.__name__)]
        assert m.f() == 3

    def test_excluded(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.engine(excluded=["*_m"])
        project.edit("m", "1", "2")
        assert m.f() == 1

    def test_a_module_that_wants_never(self, project):
        m = project.load("m", "__rerun__ = 'never'\ndef f(): return 1\n")
        project.engine()
        project.edit("m", "1", "2")
        assert m.f() == 1

    @pytest.mark.parametrize("how", ["engine", "module"])
    def test_every_save_runs_it(self, project, how):
        m = project.load("m", "__rerun__ = 'module'\nx = []\n" if how == "module" else "x = []\n")
        project.engine(**({"rerun": "module"} if how == "engine" else {}))
        x = m.x
        project.edit("m", "x = []", "# text\nx = []")
        assert m.x is not x

    def test_who_asks_currently_reloading_is_run_at_every_save(self, project):
        source = (
            "from mighty_patcher import currently_reloading\n"
            "if not currently_reloading():\n"
            "    connection = object()\n"
            "runs = globals().get('runs', 0) + 1\n"
        )
        m = project.load("m", source)
        project.engine()
        connection = m.connection
        project.save(m=source + "# a comment\n")
        assert (m.connection is connection, m.runs) == (True, 2)


class TestRunning:
    def test_a_constant(self, project):
        m = project.load("m", "X = 1\ndef f(): return X\n")
        n = project.load("n", "from ~m import X as Y, f\n")
        project.engine()
        f = m.f
        reload = project.edit("m", "X = 1", "X = 2")
        assert kinds(reload) == [("ran", "X"), ("rebound", "Y")]
        assert (m.X, n.Y, f(), m.f is f, n.f is f) == (2, 2, 2, True, True)

    def test_a_frozen_dataclass_and_what_was_made_of_it(self, project):
        m = project.load(
            "m",
            """
            from dataclasses import dataclass
            @dataclass(frozen=True)
            class C:
                x: int = 1
            it = C()
            """,
        )
        project.engine()
        cls, it = m.C, m.it
        reload = project.edit("m", "x: int = 1", "x: int = 1\n    y: int = 2")
        assert reload.ok, reload.error
        assert (m.C is cls, type(m.it) is cls, m.it.y) == (True, True, 2)
        assert it.y == 2
        assert cls(5, 6) == cls(5, 6)

    def test_annotations(self, project):
        m = project.load("m", "class C:\n    x: int = 1\ndef f(a: int): pass\n")
        project.engine()
        cls, f = m.C, m.f
        assert (cls.__annotations__, f.__annotations__) == ({"x": int}, {"a": int})
        assert not project.save(
            m="class C:\n    x: str = 1\n    z: int\ndef f(a: str): pass\n"
        ).stale
        assert (cls.__annotations__, f.__annotations__) == ({"x": str, "z": int}, {"a": str})
        assert not project.save(m="class C:\n    x = 1\ndef f(a): pass\n").stale
        assert (cls.__annotations__, f.__annotations__) == ({}, {})
        project.engine().undo()
        assert (cls.__annotations__, f.__annotations__) == ({"x": str, "z": int}, {"a": str})

    def test_donors_in_containers(self, project):
        source = """
            def f(): return 1
            class K: pass
            t = (f, K)
            fs = frozenset([f])
            l = [f, (K,)]
            d = {f: K, "x": [f]}
            s = {f, K}
            it = [K()]
            X = 1
        """
        m = project.load("m", source)
        project.engine()
        f, k = m.f, m.K
        assert project.save(m=source.replace("X = 1", "X = 2")).ok
        assert (m.f is f, m.K is k) == (True, True)
        assert m.t == (f, k)
        assert m.fs == {f}
        assert m.l == [f, (k,)]
        assert m.d == {f: k, "x": [f]}
        assert m.s == {f, k}
        assert type(m.it[0]) is k

    def test_an_old_cache_held_elsewhere_gets_the_new_defaults(self, project):
        m = project.load(
            "m", "import functools\n§functools.lru_cache\ndef f(a): return a\n".replace("§", "@")
        )
        project.engine()
        held = m.f
        project.edit("m", "f(a): return a", "f(a, b=2): return a + b")
        assert (held(1), m.f(1)) == (3, 3)

    def test_a_registration(self, project):
        m = project.load(
            "m",
            """
            import functools
            @functools.singledispatch
            def f(x): return "any"
            @f.register
            def _(x: int): return "int"
            """,
        )
        project.engine()
        held = m.f
        project.edit("m", '"int"', '"INT"')
        assert (held(1), held("")) == ("INT", "any")
        project.edit("m", "x: int", "x: str")
        assert (m.f(""), m.f(1.0)) == ("INT", "any")

    @pytest.mark.parametrize(
        ("header", "body"),
        [
            ("import enum", "class C(enum.Enum):\n    A = 1\n    def m(self): return 1"),
            (
                "import typing",
                "class C(typing.NamedTuple):\n    a: int = 1\n    def m(self): return 1",
            ),
            ("import typing", "class C(typing.TypedDict):\n    a: int"),
            ("import typing", "class C(typing.Protocol):\n    def m(self): return 1"),
            ("import abc", "class C(abc.ABC):\n    @abc.abstractmethod\n    def m(self): ..."),
            ("import collections", "class C(collections.namedtuple('C', 'a b')):\n    x = 1"),
            ("import dataclasses", "@dataclasses.dataclass(slots=True)\nclass C:\n    a: int = 1"),
            ("import typing\nT = typing.TypeVar('T')", "class C(typing.Generic[T]):\n    x = 1"),
            ("", "class C(Exception):\n    def m(self): return 1"),
            (
                "",
                "class M(type):\n  def __setattr__(c, n, v): 1 / 0\nclass C(metaclass=M):\n  x = 1",
            ),
            ("", "class C:\n    def __init_subclass__(cls): 1\nclass D(C):\n    x = 1"),
            ("", "class C:\n    __slots__ = ('a',)\n    x = 1"),
            ("", "class C:\n    __hash__ = None\n    class D:\n        pass"),
            ("", "C = type('C', (), {'x': 1})"),
            (
                "import functools",
                "@functools.total_ordering\nclass C:\n    def __lt__(s, o): return True",
            ),
        ],
    )
    def test_a_module_with_any_kind_of_class_can_run_again_and_be_undone(
        self, project, header, body
    ):
        m = project.load("m", f"{header}\nX = 1\n{body}\n")
        project.engine()
        old = {k: v for k, v in vars(m).items() if not k.startswith("__")}
        content = dict(vars(m.C))
        reload = project.edit("m", "X = 1", "X = 2")
        assert reload.ok, reload.error.__cause__
        assert m.X == 2
        assert m.C is old["C"] or reload.stale
        assert project.engine().undo().ok
        assert {k: v for k, v in vars(m).items() if not k.startswith("__")} == old
        assert vars(m.C).keys() - {"__annotations_cache__"} == content.keys() - {
            "__annotations_cache__"
        }

    def test_what_a_class_gains_and_loses(self, project):
        m = project.load("m", "class A:\n    x = 1\n    def f(self): return 1\n")
        project.engine()
        cls, it = m.A, m.A()
        cls.set_by_program = 5
        project.save(
            m="class A:\n    y = 2\n    def g(self): return super().__repr__() and __class__\n"
        )
        assert (m.A is cls, it.y, it.g(), it.set_by_program) == (True, 2, cls, 5)
        assert not hasattr(it, "x")
        assert not hasattr(it, "f")
        project.engine().undo()
        assert (it.x, it.f()) == (1, 1)
        assert not hasattr(it, "g")

    def test_other_bases_and_slots_are_stale_and_said_to_be(self, project):
        m = project.load("m", "class B: pass\nclass A:\n    def f(self): return 1\n")
        project.engine()
        it = m.A()
        reload = project.save(m="class B: pass\nclass A(B):\n    def f(self): return 2\n")
        assert reload.ok
        assert it.f() == 2
        assert isinstance(it, m.B) or reload.stale

    def test_a_wrapper_that_holds_itself(self, project):
        project.load(
            "one",
            "def deco(f):\n  def w(): return f()\n  w.__qualname__ = 'f'\n  return w\n",
        )
        project.load(
            "two",
            "def deco(f):\n  def w(): return w and f()\n  w.__qualname__ = 'f'\n  return w\n",
        )
        source = "from ~one import deco\n@deco\ndef f(): return 1\n"
        m = project.load("m", source)
        project.engine()
        reload = project.save(m=source.replace("~one", "~two").replace("return 1", "return 2"))
        assert reload.ok, reload.error.__cause__
        assert m.f() == 2

    def test_objects_that_raise_when_they_are_asked(self, project, monkeypatch):
        h = project.load("h", PROXY)
        monkeypatch.setitem(sys.modules, "unit_engine_evil", object.__new__(h.Proxy))
        source = """
            from ~h import Proxy
            import functools
            p = Proxy()
            def f(): return 1
            f.held = Proxy()
            f.__doc__ = Proxy()
            class A:
                q = Proxy()
                def m(self): return 1
            def g(): pass
            P = functools.partial(f, Proxy())
            d, l, t = {"a": Proxy()}, [Proxy(), f], (Proxy(), f)
            X = 1
        """
        m = project.load("m", source)
        project.engine()
        f = m.f
        for old, new in [
            ("def f(): return 1", "def f(): return 2"),
            ("def m(self): return 1", "def m(self): return __class__"),
            ("X = 1", "X = 2"),
            ("def g(): pass", "g = Proxy()"),
            ("g = Proxy()", "def g(): return 3"),
            ("X = 2", "X = Proxy()"),
            ("X = Proxy()", "X = 4"),
        ]:
            reload = project.edit("m", old, new)
            assert reload.ok, reload.error.__cause__
        assert (m.f is f, f(), m.A().m(), m.g(), m.X) == (True, 2, m.A, 3, 4)
        assert project.engine().undo().ok

    def test_what_other_threads_put_into_a_dictionary_of_another_module_stays(self, project):
        h = project.load("h", "class Watched(dict): pass\nshared = dict(a=1)\n")
        m = project.load("m", "from ~h import shared\nmine = None\n")
        project.engine()
        project.edit("m", "mine = None", "mine = shared")
        assert m.mine is h.shared
        assert list(h.shared.items()) == [("a", 1)]


class TestFailing:
    def test_a_module_that_raises(self, project):
        m = project.load("m", "X = 1\ndef f(): return 1\n")
        project.engine()
        names = dict(vars(m))
        reload = project.save(m="X = 2\nY = 3\ndef f(): return 1\n1 / 0\n")
        (error,) = reload.errors
        assert isinstance(error, RunError)
        assert (error.line, type(error.__cause__)) == (4, ZeroDivisionError)
        assert vars(m) == names
        assert project.engine().errors == {str(project.path("m")): error}
        assert project.save(m="X = 2\ndef f(): return 1\n").ok
        assert (m.X, project.engine().errors) == (2, {})

    @pytest.mark.parametrize(
        "what", ["SystemExit(3)", "BaseException()", "ExceptionGroup('g', [ValueError()])"]
    )
    def test_whatever_it_raises(self, project, what):
        m = project.load("m", "X = 1\n")
        project.engine()
        reload = project.save(m=f"X = 2\nraise {what}\n")
        assert isinstance(reload.error, RunError)
        assert m.X == 1

    def test_what_stops_the_thread_goes_through(self, project):
        m = project.load("m", "X = 1\n")
        project.engine()
        with pytest.raises(KeyboardInterrupt):
            project.save(m="X = 2\nraise KeyboardInterrupt\n")
        assert m.X == 1
        assert project.save(m="X = 3\n").ok
        assert m.X == 3

    def test_one_of_several_raises_and_all_are_undone(self, project):
        a = project.load("a", "X = 1\ndef f(): return 1\n")
        b = project.load("b", "from ~a import X\nY = 1\n")
        c = project.load("c", "def f(): return 1\n")
        project.engine()
        reload = project.save(
            a="X = 2\ndef f(): return 2\n",
            b="from ~a import X\nY = 2\n1 / 0\n",
            c="def f(): return 2\n",
        )
        assert isinstance(reload.error, RunError)
        assert (a.X, a.f(), b.X, b.Y, c.f()) == (1, 1, 1, 1, 1)
        assert len(project.engine().errors) == 3
        project.save(b="from ~a import X\nY = 2\n")
        assert (a.X, a.f(), b.X, b.Y, c.f()) == (2, 2, 2, 2, 2)
        assert project.engine().errors == {}

    @pytest.mark.parametrize(
        "bad", ["def f(:\n", "def f(): return 2\nreturn\n", "x = 'a\0b'\n", "# coding: nothing\n"]
    )
    def test_a_syntax_error_in_one_of_several(self, project, bad):
        a = project.load("a", "def f(): return 1\n")
        b = project.load("b", "def f(): return 1\n")
        project.engine()
        reload = project.save(a=bad, b="def f(): return 2\n")
        assert isinstance(reload.error, SourceError)
        assert (a.f(), b.f()) == (1, 2)
        assert list(project.engine().errors) == [str(project.path("a"))]
        assert kinds(project.save(a="def f(): return 3\n")) == [("patched", "f")]
        assert (a.f(), project.engine().errors) == (3, {})

    def test_back_to_what_runs(self, project):
        project.load("m", "X = 1\n")
        project.engine()
        project.save(m="X = (\n")
        assert project.engine().errors
        project.save(m="X = 1\n")
        assert not project.engine().errors

    def test_a_deleted_file(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.engine()
        project.path("m").unlink()
        reload = project.engine().reload([project.path("m")])
        assert (reload.ok, [it.what for it in reload.stale]) == (True, [f"module {m.__name__}"])
        assert m.f() == 1
        assert project.save(m="def f(): return 2\n").ok
        assert m.f() == 2

    def test_a_deleted_file_that_is_imported(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.load("user", "import ~m\n")
        project.engine()
        project.path("m").unlink()
        reload = project.engine().reload([project.path("m")])
        assert isinstance(reload.error, SourceError)
        assert m.f() == 1

    def test_deleted_files_that_import_each_other(self, project):
        """As those of a folder that has moved: tablib."""
        old = project.load("old", "def f(): return 1\n")
        again = project.load("again", "import ~old\ndef g(): return ~old.f()\n")
        project.write("old", "import ~again\ndef f(): return 1\n")
        project.load("user", "X = 1\n")
        project.engine()
        project.save(old="import ~again\ndef f(): return 1\n")
        paths = [project.path("old"), project.path("again")]
        for path in paths:
            path.unlink()
        reload = project.engine().reload(paths)
        names = {f"module {it.__name__}" for it in (old, again)}
        assert (reload.ok, {it.what for it in reload.stale}, again.g()) == (True, names, 1)
        assert not project.engine().errors
        assert project.save(user="X = 2\n").stale == ()
        assert project.save(old="def f(): return 2\n").ok
        assert again.g() == 2

    def test_is_tried_again_at_the_next_save_of_another_file(self, project):
        n = project.load("n", "def f(): return 1\n")
        m = project.load("m", "from ~n import f\nX = 1\n")
        project.engine()
        assert isinstance(project.save(m="from ~n import f, Y\nX = 2\n").error, RunError)
        assert m.X == 1
        assert project.save(n="def f(): return 1\nY = 3\n").ok
        assert (m.X, m.Y, n.Y) == (2, 3, 3)
        project.engine().undo()
        assert (m.X, hasattr(m, "Y"), hasattr(n, "Y")) == (1, False, False)

    def test_a_reload_within_a_reload_is_refused(self, project):
        m = project.load("m", "X = 1\nhook = None\n")
        project.engine()
        project.load("h", "hook = None\n").hook = lambda: project.engine().reload().error
        assert project.save(m="from ~h import hook\nX = hook()\n").ok
        assert isinstance(m.X, RefusedEdit)


class TestSeveral:
    def test_who_is_imported_goes_first(self, project):
        project.load("c", "V = 1\n")
        project.load("b", "from ~c import V\nW = V * 10\n")
        a = project.load("a", "from ~b import W\nX = W * 10\n")
        project.engine()
        reload = project.save(
            a="from ~b import W\nX = W * 10 + 1\n",
            b="from ~c import V\nW = V * 10 + 1\n",
            c="V = 2\n",
        )
        assert reload.ok
        assert [name[-1] for name in reload.modules] == ["c", "b", "a"]
        assert a.X == 211

    def test_a_cycle(self, project):
        project.write("b", "import ~a\nX = 1\ndef f(): return ~a.X\n")
        a = project.load("a", "import ~b\nX = 1\ndef f(): return ~b.X\n")
        project.engine()
        assert project.save(
            a="import ~b\nX = 2\ndef f(): return ~b.X\n",
            b="import ~a\nX = 3\ndef f(): return ~a.X\n",
        ).ok
        assert a.f() == 3
        assert sys.modules[project.prefix + "b"].f() == 2

    def test_the_new_body_runs_in_what_is_run_after_it(self, project):
        project.load("a", "def f(): return 1\n")
        b = project.load("b", "from ~a import f\nX = f()\n")
        project.engine()
        assert project.save(a="def f(): return 2\n", b="from ~a import f\nX = f() + 0\n").ok
        assert b.X == 2


class TestUndo:
    def test_nothing_to_undo(self, project):
        assert isinstance(project.engine().undo().error, RefusedEdit)

    def test_a_body_and_then_the_next_save(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.engine()
        project.edit("m", "1", "2")
        assert project.engine().undo().ok
        assert m.f() == 1
        assert isinstance(project.engine().errors[str(project.path("m"))], RefusedEdit)
        assert kinds(project.edit("m", "2", "3")) == [("patched", "f")]
        assert (m.f(), project.engine().errors) == (3, {})

    def test_a_run(self, project):
        m = project.load("m", "X = [1]\ndef f(a=1): return a\nclass C:\n    y = 1\n")
        n = project.load("n", "from ~m import X\n")
        project.engine()
        x, f, cls = m.X, m.f, m.C
        project.save(m="X = [2]\ndef f(a=2): return -a\nclass C:\n    y = 2\nZ = 1\n")
        assert (n.X, f(), cls.y) == ([2], -2, 2)
        project.engine().undo()
        assert (m.X is x, n.X is x, f(), cls.y, hasattr(m, "Z")) == (True, True, 1, 1, False)

    def test_only_once(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.engine()
        project.edit("m", "1", "2")
        project.engine().undo()
        assert isinstance(project.engine().undo().error, RefusedEdit)
        assert m.f() == 1

    def test_a_save_that_did_nothing_is_not_the_last_reload(self, project):
        m = project.load("m", "def f(): return 1\n")
        project.engine()
        project.edit("m", "1", "2")
        project.edit("m", "return 2\n", "return 2\n# a comment\n")
        project.engine().undo()
        assert m.f() == 1

    def test_old_values_are_let_go_by_the_next_reload(self, project):
        m = project.load(
            "m", "class V:\n    def __init__(self, n): pass\nX = V(1)\ndef f(): return 1\n"
        )
        project.engine()
        old = weakref.ref(m.X)
        project.edit("m", "V(1)", "V(2)")
        assert old() is not None
        project.edit("m", "return 1", "return 2")
        gc.collect()
        assert old() is None


def test_a_module_that_is_still_being_imported_waits(project):
    began, go = threading.Event(), threading.Event()
    gate = project.load("gate", "began = go = None\n")
    gate.began, gate.go = began, go
    project.write(
        "m", "from ~gate import began, go\nbegan.set()\ngo.wait(60)\nX = 1\ndef f(): return 1\n"
    )
    project.engine()
    thread = threading.Thread(target=importlib.import_module, args=[project.prefix + "m"])
    thread.start()
    try:
        assert began.wait(60)
        assert project.edit("m", "def f(): return 1", "def f(): return 2").modules == ()
        assert project.engine().importing == {str(project.path("m"))}
    finally:
        go.set()
        thread.join(60)
    m = sys.modules[project.prefix + "m"]
    assert m.f() == 1
    assert kinds(project.engine().reload([project.path("m")])) == [("patched", "f")]
    assert (m.f(), project.engine().importing) == (2, set())


MAIN = """
X = 1
def f(): return 1
if __name__ == "__main__":
    began.set()
    go.wait(60)
"""


@pytest.fixture
def script(project, monkeypatch):
    """A program whose main block is running on another thread."""
    began, go = threading.Event(), threading.Event()
    path = project.write("script", MAIN)
    main = types.ModuleType("__main__")
    main.__file__, main.began, main.go = str(path), began, go
    monkeypatch.setitem(sys.modules, "__main__", main)
    code = compile(path.read_text(), str(path), "exec", dont_inherit=True)
    thread = threading.Thread(target=exec, args=[code, main.__dict__])
    project.engine()
    thread.start()
    assert began.wait(60)
    yield main
    go.set()
    thread.join(60)


class TestScript:
    def test_a_body(self, project, script):
        assert kinds(project.edit("script", "return 1", "return 2")) == [("patched", "f")]
        assert script.f() == 2

    def test_a_constant_while_the_main_block_runs(self, project, script):
        script.began.clear()
        assert kinds(project.edit("script", "X = 1", "X = 2")) == [("ran", "X")]
        assert script.X == 2
        assert not script.began.is_set()

    def test_the_main_block_is_known_by_the_lines_that_run(self, project, script):
        assert project.edit("script", "return 1", "\n\n\n\n\n\n\n\n    return 2").ok
        assert kinds(project.edit("script", "X = 1", "X = 2")) == [("ran", "X")]
        assert (script.X, script.f()) == (2, 2)

    def test_an_edit_of_the_main_block_runs_nothing(self, project, script):
        assert project.edit("script", "go.wait(60)", "go.wait(61)").steps == ()

    def test_what_runs_outside_of_it_is_not_started_again(self, project, monkeypatch):
        began, go = threading.Event(), threading.Event()
        path = project.write("script", "X = 1\ndef f(): return 1\nbegan.set()\ngo.wait(60)\n")
        main = types.ModuleType("__main__")
        main.__file__, main.began, main.go = str(path), began, go
        monkeypatch.setitem(sys.modules, "__main__", main)
        code = compile(path.read_text(), str(path), "exec", dont_inherit=True)
        thread = threading.Thread(target=exec, args=[code, main.__dict__])
        project.engine()
        thread.start()
        try:
            assert began.wait(60)
            assert kinds(project.edit("script", "X = 1", "X = 2")) == [("ran", "X")]
            assert main.X == 2
            reload = project.edit("script", "wait(60)", "wait(61)\nY = 1")
            assert not any(step.kind == "ran" for step in reload.steps)
            assert [it.what for it in reload.stale] == [
                "the call of go.wait (line 4)",
                "Y (line 5)",
            ]
            assert not hasattr(main, "Y")
            assert kinds(project.edit("script", "return 1", "return 2")) == [("patched", "f")]
            assert main.f() == 2
        finally:
            go.set()
            thread.join(60)


class TestImporters:
    def test_who_imports_a_name_twice(self, project):
        m = project.load("m", "X = 1\n")
        n = project.load("n", "from ~m import X\nfrom ~m import X\nY = X + 1\n")
        project.engine()
        assert project.edit("m", "X = 1", "X = 5").ok
        assert (m.X, n.X, n.Y) == (5, 5, 6)

    def test_who_makes_another_value_of_a_name(self, project):
        project.load("m", "X = 1\n")
        n = project.load("n", "from ~m import X\nX = X * 10\nY = X + 1\n")
        project.engine()
        assert project.edit("m", "X = 1", "X = 5").ok
        assert (n.X, n.Y) == (50, 51)

    def test_who_has_bound_a_name_while_the_program_ran(self, project):
        project.load("m", "X = 1\n")
        n = project.load("n", "from ~m import X\nY = [X]\n")
        project.engine()
        n.X, y = "ours", n.Y
        assert project.edit("m", "X = 1", "X = 5").ok
        assert (n.X, n.Y is y) == ("ours", True)

    def test_who_imports_everything(self, project):
        project.load("m", "X = 1\nGONE = 1\n")
        n = project.load("n", "from ~m import *\nY = X + 1\n")
        project.engine()
        assert project.save(m="X = 5\nMORE = 2\n").ok
        assert (n.X, n.Y, n.MORE, hasattr(n, "GONE")) == (5, 6, 2, False)

    def test_who_reads_it_as_an_attribute(self, project):
        project.load("m", "X = 1\nclass C:\n    limit = 1\n")
        n = project.load("n", "import ~m as m\nY = m.X + 1\nZ = m.C.limit\nkept = [m]\n")
        project.engine()
        kept = n.kept
        assert project.save(m="X = 5\nclass C:\n    limit = 7\n").ok
        assert (n.Y, n.Z, n.kept is kept) == (6, 7, True)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="PEP 649")
def test_annotations_of_a_module_in_blocks(project):
    text = "a: int = 1\nif a:\n  b: int = 1\nelse:\n  c: int = 1\ndef f() -> int: return 1\n"
    m = project.load("m", text)
    project.engine()
    assert kinds(project.edit("m", "b: int = 1", "b: str = 2")) == [("ran", "the if statement")]
    assert (m.b, m.__annotations__) == (2, {"a": int, "b": str})
    assert kinds(project.edit("m", "return 1", "return 2")) == [("patched", "f")]
    assert (m.f(), m.__annotations__) == (2, {"a": int, "b": str})
