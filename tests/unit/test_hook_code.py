"""What a hook sets on a class, as its code tells."""

from __future__ import annotations

import sys
import textwrap
import types

import pytest

from mighty_patcher.engine.hook_code import Stores, stores_of

HELPERS = """
import helpers_of_hooks as helpers

def mark(cls, value=1):
    cls.x = value

def perhaps(cls):
    if cls.y:
        cls.x = 1

def mark_second(value, cls):
    cls.x = value

def again(cls):
    cls.x = 1
    again(cls)

class Tool:
    def mark(cls): cls.x = 1
    @staticmethod
    def put(cls): cls.x = 1
    @classmethod
    def make(cls, other): cls.x = 1

class Other:
    def __init_subclass__(cls): cls.x = 1

class Above:
    @classmethod
    def make(cls, value=None): cls.x = value
    @staticmethod
    def put(cls, value=None): cls.x = value
    def plain(self): self.x = 1
    @property
    def prop(self): return 1

class Base(Above, Other):
    def __init_subclass__(cls, **kw):
{}

class C(Base):
    y = z = 1
"""

SURELY = [
    "cls.x = 1",
    "cls.x: int = 1",
    "cls.x = cls.y = 1",
    "cls.y, cls.x = 1, 2",
    "setattr(cls, 'x', 1)",
    "if cls.y:\n    cls.x = 1\nelse:\n    cls.x = 2",
    "v = cls.y if hasattr(cls, 'x') else cls.z\ncls.x = v",
    "if not cls.y:\n    raise TypeError\ncls.x = 1",
    "assert cls.y\ncls.x = 1",
    "try:\n    cls.x = cls.y\nfinally:\n    cls.z = 1",
    "with helpers.context():\n    cls.x = 1",
    "for _ in (): pass\ncls.x = 1",
    "while True:\n    cls.x = 1\n    if cls.y: break",
    "match cls.y:\n    case 1: cls.x = 1\n    case _: cls.x = 2",
    "cls.x = lambda: cls",
    "cls.x = [cls for _ in ()]",
    "cls.make()",
    "cls.make(cls.y)",
    "cls.make(value=2)",
    "cls.put(cls)",
    "cls.put(cls, 2)",
    "mark(cls)",
    "mark(cls, 2)",
    "again(cls)",
    "helpers.mark(cls)",
    "helpers.Tool.put(cls)",
    "Tool.mark(cls)",
    "super().__init_subclass__()",
    "super().__init_subclass__(**kw)",
    "super(Base, cls).__init_subclass__()",
    "cls.x = 1\nif cls.y:\n    return\ncls.z = 1",
]
PERHAPS = [
    "if not hasattr(cls, 'x'): cls.x = 1",
    "if 'x' not in cls.__dict__: cls.x = 1",
    "'x' in vars(cls) or setattr(cls, 'x', 1)",
    "if cls.y:\n    return\ncls.x = 1",
    "try:\n    cls.x\nexcept AttributeError:\n    cls.x = 1",
    "for it in cls.y: cls.x = it",
    "while cls.y: cls.x = 1",
    "match cls.y:\n    case 1: cls.x = 1",
    "if cls.y:\n    mark(cls)",
    "perhaps(cls)",
    "if cls.y: super().__init_subclass__()",
]
NOT_AT_ALL = [
    "pass",
    "cls.y.x = 1",
    "other = cls\nother.x = 1",
    "cls = type(cls)\ncls.x = 1",
    "kw.x = 1",
    "cls.x",
    "setattr(cls, cls.y, 1)",
    "setattr(kw, 'x', 1)",
    "setattr(cls.y, 'x', 1)",
    "mark(cls.y)",
    "mark(kw)",
    "mark(kw, cls)",
    "mark_second(1, cls)",
    "cls.make",
    "kw['f'] = cls.make",
    "cls.plain()",
    "cls.prop",
    "cls.missing(cls)",
    "missing(cls)",
    "helpers.missing(cls)",
    "kw.mark(cls)",
    "Tool.make(cls)",
    "super().__str__()",
    "del cls.x",
    "def inner(): cls.x = 1",
]


def found(body, monkeypatch):
    helpers = types.ModuleType("helpers_of_hooks")
    exec(HELPERS.format("        pass").replace("import", "#"), vars(helpers))
    monkeypatch.setitem(sys.modules, "helpers_of_hooks", helpers)
    namespace = {"__name__": "hooks"}
    text = HELPERS.format(textwrap.indent(body, "        "))
    code = compile(text, "hooks", "exec", dont_inherit=True)
    hook = next(
        it
        for cls in code.co_consts
        if isinstance(cls, types.CodeType) and cls.co_name == "Base"
        for it in cls.co_consts
        if isinstance(it, types.CodeType)
    )
    # The hook is looked at and not executed: most of these would raise.
    exec(compile(HELPERS.format("        pass"), "hooks", "exec", dont_inherit=True), namespace)
    base, cell = namespace["Base"], types.CellType(namespace["Base"])
    cells = tuple(cell for _ in hook.co_freevars)
    function = types.FunctionType(hook, namespace, "__init_subclass__", None, cells)
    base.__init_subclass__ = classmethod(function)
    return stores_of(function, namespace["C"])


@pytest.mark.parametrize("body", SURELY)
def test_it_is_set_in_any_case(body, monkeypatch):
    stores = found(body, monkeypatch)
    assert "x" in stores.surely
    assert stores.surely <= stores.perhaps


@pytest.mark.parametrize("body", PERHAPS)
def test_it_is_set_perhaps(body, monkeypatch):
    stores = found(body, monkeypatch)
    assert ("x" in stores.surely, "x" in stores.perhaps) == (False, True)


@pytest.mark.parametrize("body", NOT_AT_ALL)
def test_it_is_not_set_as_far_as_can_be_told(body, monkeypatch):
    assert "x" not in found(body, monkeypatch).perhaps


def test_a_descriptor_is_given_the_class_second():
    def __set_name__(self, owner, name):
        self.x = owner.y
        owner.z = self

    assert stores_of(__set_name__, int, 1) == Stores(frozenset({"z"}), frozenset({"z"}))


def test_a_function_without_such_an_argument():
    assert stores_of(lambda *all_of_them: all_of_them, int) == Stores()


def test_calls_in_a_circle_and_many_of_them():
    namespace = {}
    calls = "\n".join(f"    f{i}(cls)" for i in range(12))
    text = "".join(f"def f{i}(cls):\n    cls.x{i} = 1\n{calls}\n" for i in range(12))
    exec(text, namespace)
    assert stores_of(namespace["f0"], int).perhaps == {f"x{i}" for i in range(12)}
