"""Who holds what a name has lost is named in the report; and nobody else is."""

from __future__ import annotations

import pytest

from mighty_patcher.engine.holders import still_held

APP = """
    class App:
        def __init__(self): self.router = Router(self); self.all = [{"me": self}]
    class Router:
        def __init__(self, app): self.app = app
    app = App()
    """


def said(project, reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [
        (it.what.replace(project.prefix, ""), it.reason.replace(project.prefix, ""))
        for it in reload.stale
    ]


@pytest.mark.parametrize(
    ("held", "where"),
    [
        ("class S:\n    def __init__(self): self.a = ~m.app\ns = S()\n", "an object of type S"),
        (
            "class S:\n    __slots__ = 'a'\ns = S()\ndef f(): s.a = ~m.app\nf()\n",
            "an object of type S",
        ),
        (
            "class S: pass\ndef fill(s): s.all = [(~m.app,)]\ns = S()\nfill(s)\n",
            "a tuple in a list in an object of type S",
        ),
        ("def f(): return ~m.app\nL = []\nadd = L.append\nadd(f())\n", "h.L"),
        ("def f(D={}): D['a'] = ~m.app; return 1\nf()\n", "a dict in a default of f()"),
        (
            "def f():\n    x = ~m.app\n    def g(): return x\n    return g\ng = f()\n",
            "a variable of f.<locals>.g()",
        ),
        ("class C: pass\ndef f(): C.a = ~m.app\nf()\n", "class C"),
        (
            "def f():\n    x = ~m.app\n    def g(a=x): return a\n    return g\ng = f()\n",
            "a default of f.<locals>.g()",
        ),
        ("class C(~m.Router): pass\ndef f(): return C(~m.app)\nc = f()\n", "an object of type C"),
    ],
)
def test_it_is_named(project, held, where):
    m = project.load("m", APP)
    project.load("h", "import ~m\n" + held)
    project.engine()
    app = m.app
    assert said(project, project.edit("m", "app = App()", "app = App(*())")) == [
        ("m.app", f"it has something else now, and what it had is still in {where}")
    ]
    assert m.app is not app


def test_it_is_named_once_with_how_often(project):
    project.load("m", APP)
    source = "import ~m\nclass S:\n    def __init__(self): self.a = ~m.app\n"
    project.load("h", source + "several = [S() for _ in range(3)]\n")
    project.engine()
    ((_, reason),) = said(project, project.edit("m", "app = App()", "app = App(*())"))
    assert reason.endswith("is still in an object of type S (3 times)")


def test_what_a_removed_name_had(project):
    project.load("m", "def f(): return 1\ndef g(): return 2\n")
    project.load("h", "import ~m\nclass S: pass\ndef fill(s): s.f = ~m.f\ns = S()\nfill(s)\n")
    project.engine()
    assert said(project, project.save(m="def g(): return 2\n")) == [
        ("m.f", "it is gone from the source, and what it had is still in an object of type S")
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("5", "6"),
        ("'text' * 100", "'text' * 101"),
        ("(1, [2])", "(1, [3])"),
        ("re.compile('a')", "re.compile('b')"),
        ("dict[str, list]", "dict[str, set]"),
        ("typing.TypeVar('X')", "typing.TypeVar('X', bound=int)"),
        ("f", "g"),
    ],
)
def test_values_and_what_has_another_name_are_not(project, old, new):
    source = """
        import re, typing
        def f(): return 1
        def g(): return 2
        class S: pass
        s = S()
        def hold(): s.x = X
        X = [old]
        if 1: hold()
        """
    m = project.load("m", source.replace("[old]", old))
    project.engine()
    reload = project.save(m=source.replace("[old]", new))
    assert said(project, reload) == []
    assert m.X is not m.s.x


def test_what_only_the_old_object_leads_to_is_not(project):
    project.load("m", APP)
    project.load("h", "from ~m import app, Router\nr = Router(app)\nall = {'r': [r, app]}\n")
    project.engine()
    assert said(project, project.edit("m", "app = App()", "app = App(*())")) == []


def test_nothing_is_kept_alive(project):
    m = project.load("m", APP)
    project.engine()
    project.edit("m", "app = App()", "app = App(*())")
    project.edit("m", "app = App(*())", "app = App(**{})")
    import gc

    gc.collect()
    assert sum(type(it) is m.App for it in gc.get_objects()) == 2  # and the one of the undo


@pytest.mark.parametrize("answer", [ValueError, None])
def test_a_metaclass_is_not_asked_what_its_classes_are(answer):
    """Without a ``__hash__`` of its own its classes cannot be hashed at all."""

    class Meta(type):
        def __eq__(cls, other):
            if answer is not None:
                raise answer
            return True

    class App(metaclass=Meta):
        pass

    class Holder(metaclass=Meta):
        def __init__(self, app):
            self.app = app

    app = App()
    holder = Holder(app)
    (stale,) = still_held([("m.app", app, True)], [])
    assert "an object of type" in stale.reason
    assert "Holder" in stale.reason
    del holder


def test_an_object_that_goes_on_by_another_name(project):
    """A name that was another one of a function becomes one of its own, also in a class."""
    source = (
        "def wrap(f): return lambda *a: f(*a)\ndef go(): return 1\nleave = go\nn = m = 1\n"
        "class C:\n    def stay(self): return 1\n    wait = stay\n"
    )
    m = project.load("m", source)
    u = project.load("u", "from ~m import leave\n")
    project.engine()
    held = [m.leave]
    new = (
        source.replace("leave = go", "leave = wrap(go)")
        .replace("n = m = 1", "n, m = 1, 2")
        .replace("wait = stay", "wait = wrap(stay)")
    )
    reload = project.save(m=new.replace("return 1", "return 2"))
    assert said(project, reload) == []
    assert [(it.qualname, it.reason) for it in reload.steps if it.kind == "kept"] == [
        ("C.wait", "what it stood for is still stay, also for who holds that"),
        ("leave", "what it stood for is still go, also for who holds that"),
    ]
    assert (m.leave is u.leave, held[0] is m.go, held[0](), m.leave()) == (True, True, 2, 2)


def test_a_function_that_its_new_decorator_holds(project):
    """Who had the bare one has what the decorator has made of it; that is all who holds it."""
    m = project.load("m", "def f(): return 1\n")
    project.engine()
    f, held = m.f, [m.f]
    new = "from contextlib import contextmanager\n@contextmanager\ndef f(): yield 2\n"
    assert said(project, project.save(m=new)) == []
    assert (m.f.__wrapped__ is f, held[0] is m.f) == (True, True)
    with held[0]() as value:
        assert value == 2
