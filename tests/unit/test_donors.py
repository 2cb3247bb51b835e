from __future__ import annotations

import sys
import textwrap
import types
import weakref

import pytest

from mighty_patcher import _core
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.leftovers import are_held
from mighty_patcher.engine.parts import Parts
from mighty_patcher.engine.run import run_again, take_over
from mighty_patcher.engine.version import Version

FILE = "unit_donors_module.py"
NAME = "unit_donors_module"


class Run:
    """A module that was run, and run again from another text."""

    def __init__(self, old: str, new: str) -> None:
        self.module = types.ModuleType(NAME)
        was, text = (Version.of(FILE, source.encode()) for source in (old, new))
        exec(compile(was.tree, FILE, "exec", dont_inherit=True), self.module.__dict__)
        self.before = dict(self.module.__dict__)
        self.keeper = Keeper(
            self.module,
            self.before,
            FILE,
            (was.tree, text.tree),
            lambda log: log.commit(),
            [].append,
        )
        parts = Parts(FILE, text.tree, take_over).every()
        run_again(self.module, parts, self.keeper)

    @property
    def kept(self) -> set[str]:
        """The names that hold what they held before."""
        return {
            name
            for name, value in self.before.items()
            if not name.startswith("__") and vars(self.module).get(name) is value
        }


def test_a_function_goes_back_under_its_name():
    run = Run("def f(): pass\ndef g(): pass\nX = 1", "def f(): 1\ndef g(): 1\nX = 2")
    assert run.kept == {"f", "g"}


def test_what_comes_later_is_given_what_is_kept():
    run = Run("def f(): return 1", "def f(): return 2\nheld = [f]\nvalue = f()")
    assert run.module.held == [run.before["f"]]
    assert run.module.value == 2


def test_a_name_that_is_bound_again_is_something_else_before():
    text = "held = []\ndef f(): return 1\nheld.append(f)\ndef f(): return {}\nheld.append(f)"
    run = Run(text.format(2), text.format(3))
    first, last = run.module.held
    assert last is run.before["f"] is run.module.f
    assert (first(), last()) == (1, 3)


def test_the_whole_content():
    run = Run(
        "def f(a=1): 'one'",
        "def f(a: int = 2, *, k=3) -> str:\n    'two'\n    return a, k\nf.mark = 4",
    )
    f = run.before["f"]
    assert (f(), f.__doc__, f.mark) == ((2, 3), "two", 4)
    assert f.__annotations__ == {"a": int, "return": str}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def f(): pass", "f = 1"),
        ("f = 1", "def f(): pass"),
        ("def f(): pass", "f = len"),
        ("def f(): pass", "class f: pass"),
        ("class f: pass", "def f(): pass"),
        ("class f: pass", "f = int"),
        ("f = int", "class f: pass"),
        ("f = len", "def f(): pass"),
        ("import json as f", "def f(): pass"),
    ],
)
def test_other_kinds_are_not_kept(old, new):
    assert Run(old, new).kept == set()


def test_a_function_of_another_module_is_never_a_target():
    code = textwrap.dedent.__code__
    for new in ("def f(): pass", "from textwrap import fill as f"):
        run = Run("from textwrap import dedent as f", new)
        assert run.kept == set()
    assert textwrap.dedent.__code__ is code


def test_an_alias_is_kept_with_what_it_names():
    run = Run("def f(): pass\ng = f", "def f(): 1\ng = f")
    assert run.kept == {"f", "g"}


def test_two_that_were_one_are_two():
    run = Run("def f(): pass\ng = f", "def f(): return 1\ndef g(): return 2")
    assert run.kept == {"f"}
    assert (run.module.f(), run.module.g()) == (1, 2)


def test_what_a_decorator_hides_is_kept_when_the_decorator_is_new():
    deco = (
        "def deco(f):\n  def wrapper(): return [f()]\n"
        "  wrapper.__qualname__ = f.__qualname__\n  return wrapper\n"
    )
    run = Run(deco + "def f(): return 1", deco + "@deco\ndef f(): return 2")
    assert run.module.f() == [2]
    assert run.before["f"]() in (2, [2])


class TestClasses:
    def test_attributes(self):
        run = Run("class A:\n  x = 1\n  y = 1", "class A:\n  x = 2\n  z = 3")
        cls = run.before["A"]
        assert run.kept == {"A"}
        assert (cls.x, cls.z, hasattr(cls, "y")) == (2, 3, False)
        assert run.keeper.removed == [(cls, "y")]

    def test_methods_are_patched_and_keep_identity(self):
        text = (
            "class A:\n  def m(self): return {0}\n  p = property(lambda s: {0})\n"
            "  s = staticmethod(lambda: {0})"
        )
        run = Run(text.format(1), text.replace("A:", "A:\n  x = 1").format(2))
        cls = run.before["A"]
        assert (cls().m(), cls().p, cls.s()) == (2, 2, 2)
        assert {id(vars(cls)["m"]), id(cls.s), id(vars(cls)["p"].fget)} <= run.keeper.targets

    def test_super_finds_the_class_that_is_kept(self):
        run = Run("class A:\n  def m(self): 1", "class A:\n  def m(self): return __class__")
        assert run.before["A"]().m() is run.before["A"] is run.module.A

    def test_nested_classes(self):
        run = Run("class A:\n  class B:\n    x = 1", "class A:\n  class B:\n    x = 2")
        cls = run.before["A"]
        inner = cls.B
        assert inner.x == 2
        assert run.module.A.B is inner

    def test_what_the_program_set_is_not_removed(self):
        old = "class A:\n  x = 1"
        run = Run(old + "\nA.y = 1", old + "0")
        assert run.keeper.removed == []
        assert (run.module.A.x, run.module.A.y) == (10, 1)

    @pytest.mark.parametrize(
        ("old", "new", "word"),
        [
            ("class A: pass", "class A(dict): pass", "built-in base"),
            ("class A:\n  __slots__ = 'x'", "class A: pass", "gain a __dict__"),
            (
                "class A:\n  __slots__ = ()",
                "class A:\n  __slots__ = '__weakref__'",
                "gain a __weakref__",
            ),
            (
                "class A(int): pass",
                "class A(str): pass",
                "built-in base",
            ),
        ],
    )
    def test_what_cannot_be_kept_is_stale(self, old, new, word):
        run = Run(old, new)
        assert run.kept == set()
        (stale,) = run.keeper.stale
        assert word in stale.reason
        assert stale.hint

    def test_a_base_without_a_name(self):
        text = (
            "import collections as c\nclass A(c.namedtuple('A', 'x y')):\n  def m(self): return {}"
        )
        run = Run(text.format(1), text.format(2))
        assert "A" in run.kept
        assert run.keeper.stale == []
        assert run.module.A(1, 2).m() == 2

    def test_fields_of_a_named_tuple(self):
        text = "import collections as c\nA = c.namedtuple('A', '{}')"
        run = Run(text.format("x"), text.format("x y"))
        assert "A" in run.kept
        assert run.module.A(1, 2) == (1, 2)

    def test_another_metaclass(self):
        text = (
            "class M(type): pass\nclass N(type): pass\n"
            "class A(metaclass={}):\n  def m(self): return __class__"
        )
        run = Run(text.format("M"), text.format("N"))
        assert "A" in run.kept
        assert type(run.module.A) is run.before["N"]
        assert run.module.A().m() is run.module.A

    def test_another_class_of_that_name(self):
        run = Run("def make():\n  class A: pass\n  return A\nA = make()", "class A: pass")
        assert "A" not in run.kept


class TestContainers:
    def test_only_donors_are_replaced(self):
        run = Run("def f(): pass", "def f(): 1\nx = [1, f, {'k': f, f: 2}, (f,)]")
        f = run.before["f"]
        assert run.module.x == [1, f, {"k": f, f: 2}, (f,)]

    def test_a_container_that_holds_itself(self):
        run = Run("def f(): pass", "def f(): 1\nx = [f]\nx.append(x)\ny = {}\ny[1] = y")
        assert run.module.x[0] is run.before["f"]

    def test_instances(self):
        run = Run("class A: pass", "class A: x = 1\nit = A()\nmany = [A()]")
        assert type(run.module.it) is type(run.module.many[0]) is run.before["A"]
        assert run.module.it.x == 1


class TestWhetherADonorIsHeld:
    """Nobody looks through the heap for a class that only its own parts refer to."""

    @pytest.mark.skipif(_core.FREE_THREADED, reason="there it is always looked for")
    @pytest.mark.parametrize("slots", [[], ["a", "b"]])
    def test_by_its_own_parts(self, slots):
        class Base: ...

        class Other: ...

        content = {"__slots__": slots} if slots else {"method": lambda self: 1}
        donors = [type("C", (Base, Other), dict(content)), type("D", (Base,), dict(content))]
        assert not are_held(donors)
        assert len(donors) == 2

    @pytest.mark.parametrize(
        "hold",
        [
            lambda donor: [donor],
            lambda donor: donor.__mro__,
            pytest.param(
                lambda donor: vars(donor)["__dict__"],
                marks=pytest.mark.skipif(
                    sys.version_info >= (3, 15), reason="there all classes have the same one"
                ),
            ),
            lambda donor: donor(),
            lambda donor: type("Derived", (donor,), {}),
            lambda donor: setattr(donor, "itself", [donor]),
            weakref.ref,
            lambda donor: weakref.ref(donor, lambda it: None),
            lambda donor: weakref.WeakSet([donor]),
        ],
    )
    def test_by_somebody_else(self, hold):
        donors = [type("C", (), {}), type("C", (), {})]
        held = hold(donors[1])
        assert are_held(donors)
        del held

    @pytest.mark.parametrize("hold", [lambda donor: [donor], weakref.ref])
    def test_a_function(self, hold):
        donors = [lambda: 1, lambda: 2]
        assert are_held(donors) is _core.FREE_THREADED
        held = hold(donors[0])
        assert are_held(donors)
        del held
