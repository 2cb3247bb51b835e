from __future__ import annotations

import ast
import types

import pytest

from mighty_patcher import _core
from mighty_patcher.engine.donors import Donors, match_donors

FILE = "unit_donors_module.py"
NAME = "unit_donors_module"


class Run:
    """A module that was run, and run again from another text."""

    def __init__(self, old: str, new: str) -> None:
        self.module = types.ModuleType(NAME)
        exec(compile(old, FILE, "exec", dont_inherit=True), self.module.__dict__)
        self.before = dict(self.module.__dict__)
        code = compile(new, FILE, "exec", dont_inherit=True)
        exec(code, self.module.__dict__)
        self.donors: Donors = match_donors(
            self.module, self.before, code, (ast.parse(old), ast.parse(new))
        )

    @property
    def targets(self) -> set[object]:
        return {target for target, _, _ in self.donors.functions}

    def commit(self) -> None:
        log = _core.Log()
        for edit in self.donors.functions:
            log.add_function(*edit)
        log.commit()


def test_a_function_goes_back_under_its_name():
    run = Run("def f(): pass\ndef g(): pass\nX = 1", "def f(): 1\ndef g(): 1\nX = 2")
    assert run.donors.names == {name: run.before[name] for name in "fg"}


def test_the_whole_content():
    run = Run(
        "def f(a=1): 'one'",
        "def f(a: int = 2, *, k=3) -> str:\n    'two'\n    return a, k\nf.mark = 4",
    )
    run.commit()
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
    assert Run(old, new).donors.names == {}


def test_a_function_of_another_module_is_never_a_target():
    run = Run("from textwrap import dedent as f", "def f(): pass")
    assert run.donors.functions == []
    run = Run("from textwrap import dedent as f", "from textwrap import fill as f")
    assert run.donors.functions == []


def test_an_alias_is_kept_with_what_it_names():
    run = Run("def f(): pass\ng = f", "def f(): 1\ng = f")
    assert run.donors.names == {"f": run.before["f"], "g": run.before["f"]}
    assert len(run.targets) == 1


def test_two_that_were_one_are_two():
    run = Run("def f(): pass\ng = f", "def f(): 1\ndef g(): 2")
    assert run.donors.names == {"f": run.before["f"]}


def test_what_a_decorator_hides_is_kept_when_the_decorator_is_new():
    deco = (
        "def deco(f):\n  def wrapper(): return [f()]\n"
        "  wrapper.__qualname__ = f.__qualname__\n  return wrapper\n"
    )
    run = Run(deco + "def f(): return 1", deco + "@deco\ndef f(): return 2")
    run.commit()
    assert run.module.f() == [2]
    assert run.before["f"]() in (2, [2])


class TestClasses:
    def test_attributes(self):
        run = Run("class A:\n  x = 1\n  y = 1", "class A:\n  x = 2\n  z = 3")
        cls = run.before["A"]
        assert run.donors.names == {"A": cls}
        attributes = {name: value for _, name, value in run.donors.attributes if name in "xyz"}
        assert attributes == {"x": 2, "z": 3}
        assert run.donors.removed == [(cls, "y")]

    def test_methods_are_patched_and_keep_identity(self):
        run = Run(
            "class A:\n  def m(self): 1\n  p = property(lambda s:1)\n  s = staticmethod(lambda: 1)",
            "class A:\n  def m(self): 2\n  p = property(lambda s:2)\n  s = staticmethod(lambda: 2)",
        )
        cls = run.before["A"]
        assert {vars(cls)["m"], cls.s, vars(cls)["p"].fget} == run.targets
        assert not {"m", "p", "s"} & {name for _, name, _ in run.donors.attributes}

    def test_super_finds_the_class_that_is_kept(self):
        run = Run("class A:\n  def m(self): 1", "class A:\n  def m(self): return __class__")
        ((cell, cls),) = run.donors.cells
        assert cls is run.before["A"]
        assert cell.cell_contents is run.module.A

    def test_nested_classes(self):
        run = Run("class A:\n  class B:\n    x = 1", "class A:\n  class B:\n    x = 2")
        inner = run.before["A"].B
        assert [(cls, value) for cls, name, value in run.donors.attributes if name == "x"] == [
            (inner, 2)
        ]
        assert "B" not in {name for _, name, _ in run.donors.attributes}

    def test_what_the_program_set_is_not_removed(self):
        old = "class A:\n  x = 1"
        run = Run(old + "\nA.y = 1", old)
        assert run.donors.removed == []

    @pytest.mark.parametrize(
        ("old", "new", "word"),
        [
            ("class A: pass", "class A(dict): pass", "bases"),
            ("class A: pass", "class A:\n  __slots__ = 'x'", "slots"),
            ("class A:\n  __slots__ = 'x'", "class A:\n  __slots__ = 'x', 'y'", "slots"),
            ("class A: pass", "import abc\nclass A(abc.ABC): pass", "metaclass"),
            (
                "import enum\nclass A(enum.Enum): X = 1",
                "import enum\nclass A(enum.Enum): X = 2",
                "Enum",
            ),
            (
                "import collections as c\nA = c.namedtuple('A', 'x')",
                "import collections as c\nA = c.namedtuple('A', 'x y')",
                "fields",
            ),
        ],
    )
    def test_what_cannot_be_kept_is_stale(self, old, new, word):
        run = Run(old, new)
        assert "A" not in run.donors.names
        (stale,) = run.donors.stale
        assert word in stale.reason
        assert stale.hint

    def test_a_base_without_a_name(self):
        text = (
            "import collections as c\nclass A(c.namedtuple('A', 'x y')):\n  def m(self): return {}"
        )
        run = Run(text.format(1), text.format(2))
        assert run.donors.names["A"] is run.before["A"]
        assert run.donors.stale == []

    def test_what_closes_over_a_class_that_is_not_kept(self):
        text = (
            "class M(type): pass\nclass N(type): pass\n"
            "class A(metaclass={}):\n  def __init__(self): super().__init__()"
        )
        run = Run(text.format("M"), text.format("N"))
        assert [stale.what for stale in run.donors.stale] == ["class A"]
        assert "A" not in run.donors.names

    def test_another_class_of_that_name(self):
        run = Run("def make():\n  class A: pass\n  return A\nA = make()", "class A: pass")
        assert "A" not in run.donors.names


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
        assert run.donors.instances == [
            (run.module.it, run.before["A"]),
            (run.module.many[0], run.before["A"]),
        ]
