"""Methods in whose place the program has put something else, by a function: it stays."""

from __future__ import annotations

import sys

import pytest

SOURCE = """
class Base: pass
class C(Base):
    LIMIT = 1
    def method(self, a): return a
    def other(self): return "other"
"""
EDITS = {
    "arguments": ("a): return a", "a, b=1): return a + b"),
    "a default": ("a): return a", "a=7): return a"),
    "a constant beside it": ("LIMIT = 1", "LIMIT = 2"),
    "the bases": ("class C(Base)", "class C"),
    "annotations": ("a): return a", "a: int) -> int: return a"),
}
WRAPPERS = {
    "a closure": """
def wrap(name):
    inner = getattr(C, name)
    def wrapper(self, *args): return "wrapped", inner(self, *args)
    setattr(C, name, wrapper)
wrap("method")
""",
    "one in another": """
def wrap(name, text):
    inner = getattr(C, name)
    def wrapper(self, *args): return text, inner(self, *args)
    setattr(C, name, wrapper)
wrap("method", "inner")
wrap("method", "outer")
""",
    "functools.wraps": """
import functools
def wrap(name):
    inner = getattr(C, name)
    @functools.wraps(inner)
    def wrapper(*args): return "wrapped", wrapper.__wrapped__(*args)
    setattr(C, name, wrapper)
wrap("method")
""",
    "by another name": """
def wrap(name):
    def wrapper(self, *args): return "wrapped", self._method(*args)
    C._method = getattr(C, name)
    setattr(C, name, wrapper)
wrap("method")
""",
    "an object": """
class Wrapper:
    def __init__(self, function): self.__wrapped__ = function
    def __call__(self, *args): return "wrapped", self.__wrapped__(*args)
    def __get__(self, instance, owner):
        return self if instance is None else lambda *args: self(instance, *args)
def wrap(): C.method = Wrapper(C.method)
wrap()
""",
}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_it_stays_and_leads_to_the_new_method(program, wrapper, old, new):
    user = f"from ~m import C\n{wrapper}\nx = C()\nheld, bound = C.method, x.method\n"
    m, n = program.load("m", m=SOURCE, n=user)
    wrapped, before = vars(m.C)["method"], n.x.method(1)
    reload = program.edit("m", (old, new))
    assert reload.ok, reload
    assert not reload.stale
    fresh = program.load("f", f=SOURCE.replace(old, new), g=user.replace("~m", "~f"))[1]
    assert vars(m.C)["method"] is wrapped
    assert n.x.method(1) == n.bound(1) == fresh.x.method(1)
    assert (m.C.LIMIT, n.x.other()) == (fresh.C.LIMIT, "other")
    assert program.engine.undo().ok
    assert (vars(m.C)["method"] is wrapped, n.x.method(1)) == (True, before)


def test_something_that_does_not_lead_to_it(program):
    user = "from ~m import C\ndef fake(self, a): return 'fake'\ndef put(): C.method = fake\nput()\n"
    m, n = program.load("m", m=SOURCE, n=user)
    reload = program.edit("m", ("a): return a", "a, b=1): return a + b"))
    assert reload.ok
    assert vars(m.C)["method"] is n.fake
    (stale,) = [it for it in reload.stale if "the program has put" in it.reason]
    assert (stale.what, stale.hint) == ("C.method", "set it again, or restart")


@pytest.mark.parametrize(
    "statement",
    ["C = methods(C)", "methods(C)", "@methods\nclass D(C): method = C.method", "D = methods(C)"],
)
@pytest.mark.parametrize("rerun", ["changed", "module"])
def test_what_is_called_below_it(program, statement, rerun):
    methods = """
def methods(cls):
    inner = cls.method
    cls.method = lambda self, *args: ("wrapped", inner(self, *args))
    return cls
"""
    source = f"__rerun__ = {rerun!r}\n{methods}{SOURCE}{statement}\n"
    (m,) = program.load("m", m=source)
    x, name = m.C(), "D" if "D" in statement else "C"
    before = getattr(m, name)().method(1)
    for new in ("a, b=1): return a + b", "a, c=2): return a + c"):
        reload = program.save(m=source.replace("a): return a", new))
        assert reload.ok
        (fresh,) = program.load("f", f=source.replace("a): return a", new))
        del sys.modules[fresh.__name__]
        assert getattr(m, name)().method(1) == getattr(fresh, name)().method(1)
        assert x.method(1) == fresh.C().method(1)
    assert program.save(m=source).ok
    assert getattr(m, name)().method(1) == before


@pytest.mark.parametrize(
    "statement", ["C.method = wrap(C.method)", "if True:\n    m.C.method = wrap(m.C.method)"]
)
@pytest.mark.parametrize("is_here", [True, False])
def test_a_statement_does_it_and_is_executed_again(program, statement, is_here):
    """It is not wrapped twice."""
    wrap = "def wrap(f): return lambda self, *args: ('wrapped', f(self, *args))\n"
    if is_here:
        own = statement.replace("m.C", "C")
        (m,) = program.load("m", m=f"{SOURCE}{wrap}{own}\n")
    else:
        m, _ = program.load(
            "m", m=SOURCE, n=f"from ~m import C\nimport ~m as m\n{wrap}{statement}\n"
        )
    reload = program.edit("m", ("a): return a", "a, b=1): return a + b"))
    assert reload.ok
    assert m.C().method(1) == ("wrapped", 2)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("    @wrap\n    def method(self, a)", "    def method(self, a, b=1)"),
        ("    def method(self, a)", "    @wrap\n    def method(self, a, b=1)"),
        (
            "    method = wrap(lambda self, a: a)\n    def _(self, a)",
            "    def method(self, a, b=1)",
        ),
    ],
)
def test_what_the_text_itself_has_made(program, first, second):
    wrap = "def wrap(f): return lambda self, *args: ('wrapped', f(self, *args))\n"
    source = f"{wrap}{SOURCE}"
    old = source.replace("    def method(self, a)", first)
    new = source.replace("    def method(self, a)", second)
    (m,) = program.load("m", m=old)
    reload = program.save(m=new)
    assert reload.ok
    (fresh,) = program.load("f", f=new)
    assert m.C().method(1) == fresh.C().method(1)


def test_a_decorator_of_the_class_has_made_it(program):
    source = """
        def all_of(cls):
            inner = cls.method
            cls.method = lambda self, *args: ("wrapped", inner(self, *args))
            return cls
        @all_of
        class C:
            def method(self, a): return a
        """
    (m,) = program.load("m", m=source)
    x = m.C()
    assert program.edit("m", ("a): return a", "a, b=1): return a + b")).ok
    assert x.method(1) == ("wrapped", 2)
    assert program.edit("m", ("@all_of\n", "")).ok
    assert x.method(1) == 2
