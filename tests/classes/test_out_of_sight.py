"""What hooks have set on a class is out of their sight when they are called for it again."""

from __future__ import annotations

import pytest
from case import snapshot

CLASS = """
from ~lib import *

class C(Base):
    kind = 1
"""
EDIT = ("kind = 1", "kind = 1\n    def added(self): return 'added'")


def hooked(program, body, source=CLASS, before=""):
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    lib, m = program.load(
        "m", lib=f"{before}\nclass Base:\n    def __init_subclass__(cls):\n{lines}", m=source
    )
    return lib, m


def edited(program, *edits):
    reload = program.edit("m", *(edits or (EDIT,)))
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    return reload


# --- a hook that asks what the bases have ---------------------------------------------------------

EVENTS = """
from typing import Generic, TypeVar

T = TypeVar("T")

class Dispatch:
    names = ()
    def __init__(self, events): self.events = events

class HasEvents(Generic[T]):
    target = None

    def __init_subclass__(cls):
        cls.create(cls.__name__, cls.__dict__)

    @staticmethod
    def set_dispatch(klass, made):
        klass.dispatch = made(klass)
        made.owner = klass
        return klass.dispatch

    @classmethod
    def create(cls, name, content):
        if hasattr(cls, "dispatch"):
            base = cls.dispatch.__class__
        else:
            base = Dispatch
        names = [it for it in content if it.startswith("on_")]
        made = type(f"{name}Dispatch", (base,), {"names": names})
        dispatch = cls.set_dispatch(cls, made)
        for above in made.__bases__:
            if above is not Dispatch:
                for it in above.owner.dispatch.names:
                    if len(dispatch.names) > 100:
                        raise RecursionError("it goes through what it adds to")
                    dispatch.names.append(it)
        if cls.target is not None:
            cls.target.dispatch = dispatch

class Events(HasEvents[T]):
    def on_any(self): pass
"""
LISTENING = """
import ~lib as lib

class Target: pass

class TargetEvents(lib.Events[Target]):
    target = Target

    @staticmethod
    def set_dispatch(cls, made):
        dispatch = lib.Events.set_dispatch(cls, made)
        dispatch.is_own = True
        return dispatch

    def on_load(self): pass
"""


def test_a_class_is_not_made_a_base_of_itself(program):
    """As in SQLAlchemy's events, where it went on for ever."""
    lib, m = program.load("m", lib=EVENTS, m=LISTENING)
    cls = m.TargetEvents
    edited(program, ("def on_load", "def on_save(self): pass\n    def on_load"))
    assert m.TargetEvents is cls
    assert type(cls.dispatch).__mro__[1:3] == (type(lib.Events.dispatch), lib.Dispatch)
    assert cls.dispatch.names == ["on_save", "on_load", "on_any"]
    assert (cls.dispatch.is_own, m.Target.dispatch is cls.dispatch) == (True, True)
    edited(program, ("    def on_load(self): pass\n", ""))
    assert cls.dispatch.names == ["on_save", "on_any"]
    program.engine.undo()
    assert cls.dispatch.names == ["on_save", "on_load", "on_any"]


def test_what_was_set_anew_is_what_it_was_after_an_undo(program):
    _lib, m = program.load("m", lib=EVENTS, m=LISTENING)
    before, first = snapshot(m.TargetEvents), m.TargetEvents.dispatch
    edited(program, ("def on_load", "def on_save(self): pass\n    def on_load"))
    assert m.TargetEvents.dispatch is not first
    program.engine.undo()
    assert m.TargetEvents.dispatch is first
    assert snapshot(m.TargetEvents) == before


def test_a_base_that_is_edited_itself(program):
    (m,) = program.load(
        "m", m=EVENTS + LISTENING.replace("import ~lib as lib", "").replace("lib.", "")
    )
    edited(program, ("def on_any", "def on_some(self): pass\n    def on_any"))
    assert type(m.Events.dispatch).__mro__[1:] == (m.Dispatch, object)
    assert m.Events.dispatch.names == ["on_some", "on_any"]


@pytest.mark.parametrize(
    "body",
    [
        "cls.tags = (*getattr(cls, 'tags', ()), cls.__name__)",
        "setattr(cls, 'tags', (*getattr(cls, 'tags', ()), cls.__name__))",
        "mark(cls)",
        "cls.mark_it()",
        "if hasattr(cls, 'tags'):\n    mark(cls)\nelse:\n    cls.tags = ('C',)",
    ],
)
def test_what_is_set_in_any_case_is_made_out_of_what_was_there_at_first(program, body):
    before = """
def mark(cls):
    cls.tags = (*getattr(cls, "tags", ()), cls.__name__)
class Marks:
    @classmethod
    def mark_it(cls):
        super_ = cls
        mark(cls)
"""
    _lib, m = hooked(program, body, CLASS.replace("(Base)", "(Base, Marks)"), before)
    for text in ("added", "another"):
        edited(program, ("kind = 1", f"kind = 1\n    def {text}(self): pass"))
        assert m.C.tags == ("C",)


def test_a_hook_that_hands_on_to_the_next(program):
    lib, m = program.load(
        "m",
        lib="class First:\n    def __init_subclass__(cls, **kw):\n"
        "        super().__init_subclass__(**kw)\n        cls.first = (*cls.tags, 'first')\n"
        "class Base:\n    def __init_subclass__(cls):\n        super().__init_subclass__()\n"
        "        cls.tags = (*getattr(cls, 'tags', ()), 'base')\n",
        m=CLASS.replace("(Base)", "(First, Base)"),
    )
    edited(program)
    assert (m.C.tags, m.C.first) == (("base",), ("base", "first"))
    assert not hasattr(lib.Base, "tags")


# --- state ----------------------------------------------------------------------------------------

GUARDS = {
    "own": "if 'registry' not in cls.__dict__: cls.registry = {}",
    "any": "if not hasattr(cls, 'registry'): cls.registry = {}",
    "tried": "try: cls.registry\nexcept AttributeError: cls.registry = {}",
    "got": "if getattr(cls, 'registry', None) is None: setattr(cls, 'registry', {})",
    "always": "cls.registry = {}",
    "listed": "if 'registry' not in cls.__dict__: cls.registry = []",
    "always listed": "cls.registry = []",
}


@pytest.mark.parametrize("body", GUARDS.values(), ids=GUARDS)
def test_a_registry_that_others_have_filled(program, body):
    """It is the same container with the same content, whether the hook looks for one or not."""
    _lib, m = hooked(program, body)
    registry = m.C.registry
    registry.append("other") if type(registry) is list else registry.update(other=1)
    before = registry.copy()
    edited(program)
    assert m.C().added() == "added"
    assert (m.C.registry is registry, registry) == (True, before)
    program.engine.undo()
    assert (m.C.registry is registry, registry) == (True, before)


@pytest.mark.parametrize(
    "body",
    [
        "if not hasattr(cls, 'r'): cls.r = R()",
        "if 'r' not in cls.__dict__: cls.r = R()",
        "cls.r = cls.__dict__.get('r') or R()",
    ],
)
def test_an_object_that_the_hook_makes_once(program, body):
    _lib, m = hooked(program, f"{body}\nif 'count' not in vars(cls): cls.count = 0", before=_R)
    r = m.C.r
    m.C.count = 7
    edited(program)
    assert m.C.count == 7
    if "get(" not in body:  # that sets it in any case, and so is to make another
        assert m.C.r is r


_R = "class R: pass\n"


def test_the_first_class_does_not_register_itself(program):
    _lib, m = hooked(
        program,
        "if not hasattr(cls, 'plugins'):\n    cls.plugins = {}\n"
        "else:\n    cls.plugins[cls.__name__] = cls",
        CLASS + "class D(C): pass\n",
    )
    plugins = m.C.plugins
    edited(program)
    assert (m.C.plugins is plugins, plugins) == (True, {"D": m.D})
    edited(program, ("class D(C): pass", "class D(C): x = 1"))
    assert (m.C.plugins is plugins, plugins) == (True, {"D": m.D})


def test_what_the_hook_registers_now_is_added(program):
    _lib, m = hooked(
        program,
        "if 'by_kind' not in cls.__dict__: cls.by_kind = {}\ncls.by_kind[cls.kind] = cls.kind",
    )
    by_kind = m.C.by_kind
    by_kind["other"] = 1
    edited(program, ("kind = 1", "kind = 2"))
    assert m.C.by_kind is by_kind
    assert by_kind == {1: 1, "other": 1, 2: 2}


def test_what_the_hook_collects_of_the_class_is_as_the_class_is_now(program):
    _lib, m = hooked(
        program,
        "cls.names = [it for it in cls.__dict__ if it.startswith('x')]\n"
        "cls.fields = {it: getattr(cls, it) for it in cls.names}",
        CLASS + "    x1 = object()\n    x2 = object()\n",
    )
    assert len(m.C.names) == 2
    edited(program, ("    x1 = object()\n", ""))
    assert (m.C.names, m.C.fields) == (["x2"], {"x2": m.C.x2})
    edited(program, ("    x2 = object()\n", ""))
    assert (m.C.names, m.C.fields) == ([], {})


def test_descriptors_that_list_themselves_are_there_once(program):
    _lib, m = hooked(
        program,
        "pass",
        CLASS + "    x = Field()\n",
        "class Field:\n    def __set_name__(self, owner, name):\n"
        "        if 'names' not in owner.__dict__: owner.names = []\n"
        "        owner.names.append(name)\n",
    )
    names = m.C.names
    edited(program)
    assert (m.C.names is names, names) == (True, ["x"])
    edited(program, ("x = Field()", "x = Field()\n    y = Field()"))
    assert (m.C.names is names, names) == (True, ["x", "y"])


def test_who_was_given_the_new_container_has_the_old_one(program):
    lib, m = hooked(
        program, "cls.registry = everybody[cls.__name__] = set()", before="everybody = {}"
    )
    registry = m.C.registry
    registry.add("other")
    edited(program)
    assert m.C.registry is lib.everybody["C"] is registry


def test_a_hook_that_raises_where_the_module_catches_it(program):
    _lib, m = hooked(
        program,
        "cls.tag = cls.kind\nif 'registry' not in vars(cls): cls.registry = []\n"
        "if cls.kind == 2: raise LookupError",
        "from ~lib import *\ntry:\n    class C(Base):\n        kind = 1\n"
        "except LookupError: pass\n",
    )
    registry = m.C.registry
    registry.append("other")
    edited(program, ("kind = 1", "kind = 2"))
    assert (m.C.registry is registry, registry, m.C.tag) == (True, ["other"], 2)


def test_a_hook_that_raises_takes_all_back(program):
    _lib, m = hooked(
        program,
        "cls.tag = cls.kind\nif 'registry' not in vars(cls): cls.registry = []\n"
        "if cls.kind == 2: raise LookupError",
    )
    m.C.registry.append("other")
    before = snapshot(m.C)
    assert not program.edit("m", ("kind = 1", "kind = 2")).ok
    assert (snapshot(m.C), m.C.registry, m.C.tag) == (before, ["other"], 1)


# --- metaclasses and decorators that make another class -------------------------------------------

META = """
class Meta(type):
    def __init__(cls, *arguments):
        super().__init__(*arguments)
        if not hasattr(cls, "plugins"):
            cls.plugins = {}
        else:
            cls.plugins[cls.__name__] = cls
        cls.fields = [it for it in vars(cls) if it.startswith("x")]

class Base(metaclass=Meta):
    kind = 1
    x = 1
"""


def test_the_registry_of_a_metaclass(program):
    m, n = program.load(
        "m",
        m=META,
        n="from ~m import Base\nclass D(Base): pass\n",
    )
    plugins = m.Base.plugins
    edited(program)
    assert (m.Base.plugins is plugins, plugins) == (True, {"D": n.D})
    assert m.Base.fields == ["x"]
    edited(program, ("    x = 1\n", ""))
    assert (m.Base.plugins is plugins, plugins) == (True, {"D": n.D})
    assert m.Base.fields == []
    program.engine.undo()
    assert m.Base.fields == ["x"]


def test_the_registry_of_a_dataclass_with_a_hook(program):
    _lib, m = hooked(
        program,
        "cls.registry = set()",
        CLASS.replace("class C", "@dataclass\nclass C").replace("kind", "kind: int"),
        "from dataclasses import dataclass",
    )
    registry = m.C.registry
    registry.add("other")
    edited(program, ("int = 1", "int = 2"))
    assert (m.C().kind, m.C.registry is registry, registry) == (2, True, {"other"})


# --- a metaclass that is gone ---------------------------------------------------------------------

RULES = """
{base}

def rule(name):
    def decorator(cls):
        {first}
        if name in cls.rules:
            raise ValueError(name)
        cls.rules.append(name)
        return cls
    return decorator

@rule("a")
class C(Base): pass

@rule("b")
class D(C): pass
"""
WITH_METACLASS = RULES.format(
    base="""
class Meta(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        cls.rules = list(getattr(cls, "rules", []))
class Base(metaclass=Meta): pass
""",
    first="pass",
)
WITHOUT = RULES.format(
    base="class Base: rules = None",
    first="cls.rules = [*(cls.__dict__.get('rules') or [])]",
)


def test_what_a_metaclass_has_set_goes_with_it(program):
    """A decorator that asks for it finds what the bases have."""
    (m,) = program.load("m", m=WITH_METACLASS)
    m.C.others = others = ["x"]
    for source, rules, metaclass in [
        (WITHOUT, (["a"], ["b"]), "type"),
        (WITH_METACLASS, (["a"], ["a", "b"]), "Meta"),
        (WITHOUT, (["a"], ["b"]), "type"),
    ]:
        c, d = m.C, m.D
        reload = program.save(m=source)
        assert reload.ok, [error.__cause__ or error for error in reload.errors]
        assert (m.C.rules, m.D.rules) == rules
        assert [type(it).__name__ for it in (m.Base, m.C, m.D)] == [metaclass] * 3
        assert (m.C is c, m.D is d, m.C.others is others) == (True, True, True)
        assert not {"C.rules", "D.rules"} & {it.qualname for it in reload.steps}
    program.engine.undo()
    assert (m.C.rules, m.D.rules, type(m.D).__name__) == (["a"], ["a", "b"], "Meta")


# --- what a body only has annotations for ---------------------------------------------------------

DECLARED = """
from typing import TYPE_CHECKING, ClassVar

calls = []

def fill(cls):
    calls.append(sorted(it for it in ("made", "checked", "limit", "other") if it in vars(cls)))
    if "made" not in vars(cls):
        cls.made = property(lambda self: WHAT)
    return cls

class Plain:
    limit: int
    if TYPE_CHECKING:
        checked: int
        def also(self): ...
    def method(self, x=1): return x

@fill
class Filled:
    made: int
    limit: ClassVar[int]
    gone: int
    if TYPE_CHECKING:
        checked: int
    else:
        kind = 1
    def method(self, x=1): return x
"""


def test_what_a_body_only_declares_is_not_its_own_to_remove(program):
    (m,) = program.load("m", m=DECLARED.replace("WHAT", "'old'"))
    for cls in (m.Plain, m.Filled):
        cls.limit, cls.checked, cls.also, cls.gone = 1, 2, 3, 4
    assert m.calls == [[]]
    text = program.text("m")
    for old, new in [
        ("class Plain", "class Plain(object)"),
        ("    gone: int\n", "    kept: int\n"),
        ("'old'", "'new'"),
        ("x=1", "x=2"),
    ]:
        text = text.replace(old, new)
    reload = program.save(m=text)
    assert (reload.ok, reload.stale) == (True, ())
    assert m.calls == [[], []]  # it found the class as it did at first
    assert (m.Plain().method(), m.Filled().method(), m.Filled().made) == (2, 2, "new")
    for cls in (m.Plain, m.Filled):
        assert (cls.limit, cls.checked, cls.also) == (1, 2, 3)
    assert (m.Plain.gone, "gone" in vars(m.Filled)) == (4, False)
    removed = [step.qualname for step in reload.steps if step.kind == "removed"]
    assert removed == ["Filled.gone"]
    program.engine.undo()
    assert (m.Filled.limit, m.Filled.checked, m.Filled.gone) == (1, 2, 4)
    assert m.Filled().made == "old"


ROUTED = """
class Base: routes = None
class Routes(list): pass

def route(path):
    def decorator(cls):
        if cls.routes is None:
            cls.routes = Routes()
        cls.routes.append(path)
        return cls
    return decorator

@route("a")
class C(Base):
    limit = 1
    names = []
"""


def test_what_decorators_add_again_is_named(program):
    """Nobody knows which of it is theirs; so it stays, and is there twice."""
    (m,) = program.load("m", m=ROUTED)
    routes = m.C.routes
    (stale,) = program.edit("m", ("limit = 1", "limit = 2")).stale
    assert (stale.what, "have added to" in stale.reason) == ("C.routes", True)
    assert (m.C.routes is routes, m.C.routes, m.C.limit) == (True, ["a", "a"], 2)
    m.C.routes = None
    assert not program.edit("m", ("limit = 2", "limit = 3")).stale
    assert (m.C.routes, m.C.names) == (["a"], [])
