"""What others have set on a class: what its metaclass or a hook would not set any more goes, what
the program has set stays.
"""

from __future__ import annotations

import pytest

MAKERS = """
class Field:
    def __init__(self, tag):
        self.tag = tag

    def add_to(self, cls, name):
        setattr(cls, name, property(lambda obj: self.tag))
        setattr(cls, f"add_{name}", lambda obj: ("add", self.tag))

class Meta(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        for key, value in namespace.items():
            if isinstance(value, Field):
                value.add_to(cls, key)

class Hooked:
    def __init_subclass__(cls):
        for key, value in list(vars(cls).items()):
            if isinstance(value, Field):
                setattr(cls, f"add_{key}", lambda obj: ("add", value.tag))

class WithMeta(metaclass=Meta):
    pass
"""
TWO = (
    "import ~lib as lib\n\nclass Row(lib.{base}):\n    a = lib.Field('a')\n    b = lib.Field('b')\n"
)
A, B = "    a = lib.Field('a')\n", "    b = lib.Field('b')\n"


def load(program, base, text=TWO):
    return program.load("m", lib=MAKERS, m=text.format(base=base))[1].Row


def named(reload):
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    return {it.what for it in reload.stale}


def own(cls):
    return {name for name in vars(cls) if not name.startswith("__")}


@pytest.mark.parametrize("base", ["WithMeta", "Hooked"])
def test_what_a_reload_has_seen_set_goes_with_its_line(program, base):
    row = load(program, base)
    assert not named(program.edit("m", (B, B + "    c = lib.Field('c')\n")))
    assert own(row) == {"a", "add_a", "b", "add_b", "c", "add_c"}
    assert not named(program.edit("m", ("    c = lib.Field('c')\n", "")))
    assert own(row) == {"a", "add_a", "b", "add_b"}


def test_what_a_metaclass_set_before_others_goes_with_its_line(program):
    row = load(program, "WithMeta")
    assert not named(program.edit("m", (A, "")))
    assert own(row) == {"b", "add_b"}
    assert row().add_b() == ("add", "b")


def test_what_nobody_can_tell_from_the_programs_own_stays_and_is_named(program):
    row = load(program, "WithMeta")
    assert named(program.edit("m", (B, ""))) == {"Row.add_b"}
    assert own(row) == {"a", "add_a", "add_b"}


@pytest.mark.parametrize("base", ["WithMeta", "Hooked"])
def test_what_the_program_has_set_stays(program, base):
    row = load(program, base)
    row.mine = mine = lambda obj: "mine"
    assert not named(program.edit("m", (B, B + "    c = lib.Field('c')\n")))
    row.add_c = other = lambda obj: "other"
    row.more = 1
    assert named(program.edit("m", ("    c = lib.Field('c')\n", ""))) == {"Row.add_c"}
    assert (row.mine, row.add_c, row.more) == (mine, other, 1)


@pytest.mark.parametrize("base", ["WithMeta", "Hooked"])
def test_an_undo_knows_what_was_known(program, base):
    row = load(program, base)
    program.edit("m", (B, B + "    c = lib.Field('c')\n"))
    program.edit("m", ("    c = lib.Field('c')\n", ""))
    program.engine.undo()
    assert "add_c" in own(row)
    program.write("m", (TWO + "    c = lib.Field('c')\n").format(base=base))
    assert not named(program.edit("m", ("    c = lib.Field('c')\n", "    d = 1\n")))
    assert own(row) == {"a", "add_a", "b", "add_b", "d"}


def test_what_a_hook_sets_only_if_there_is_none_is_not_set_again(program):
    """Also where a reload has seen it set for the first time."""
    lib = """
import itertools
numbers = itertools.count(1)
class Base:
    def __init_subclass__(cls):
        pass
"""
    _, m = program.load("lib", "m", lib=lib, m="import ~lib\nclass C(~lib.Base):\n    x = 1\n")
    hook = "        if 'number' not in cls.__dict__: cls.number = next(numbers)\n"
    assert program.edit("lib", ("        pass\n", hook)).ok
    for value in (2, 3):
        assert program.edit("m", (f"x = {value - 1}", f"x = {value}")).ok
        assert (m.C.x, m.C.number) == (value, 1)


DECORATORS = """
def mark(cls):
    cls.marks = ["mark"]
    return cls

def perhaps(cls):
    if cls.__name__ == "Row":
        cls.marks = ["perhaps"]
    return cls

def named(name):
    def decorate(cls):
        setattr(cls, name, 1)
        return cls
    return decorate

class Mark:
    def __call__(self, cls):
        cls.marks = ["Mark"]
        return cls
called = Mark()
"""
DECORATED = "import ~lib as lib\nfrom ~lib import mark\n\n{at}class Row:\n    x = 1\n"


@pytest.mark.parametrize("decorator", ["@mark\n", "@lib.mark\n", "@lib.perhaps\n@mark\n"])
def test_what_a_decorator_has_set_goes_with_it(program, decorator):
    _, m = program.load("m", lib=DECORATORS, m=DECORATED.format(at=decorator))
    m.Row.set_by_hand, marks = 1, m.Row.marks
    without = decorator.replace("@mark\n", "").replace("@lib.mark\n", "")
    reload = program.edit("m", (decorator, without))
    assert named(reload) == {"Row.set_by_hand"}
    assert own(m.Row) == ({"x", "set_by_hand", "marks"} if without else {"x", "set_by_hand"})
    program.engine.undo()
    assert m.Row.marks is marks


@pytest.mark.parametrize("decorator", ["@lib.perhaps\n", "@lib.named('marks')\n", "@lib.called\n"])
def test_what_a_decorator_may_have_set_stays_and_is_named(program, decorator):
    _, m = program.load("m", lib=DECORATORS, m=DECORATED.format(at=decorator))
    reload = program.edit("m", (decorator, ""))
    assert named(reload) == {"Row.marks"}
    assert "perhaps by a decorator that changed" in reload.stale[0].reason
    assert own(m.Row) == {"x", "marks"}


def test_what_a_decorator_has_set_that_is_imported_no_more(program):
    text = DECORATED.replace("import ~lib as lib\n", "")
    _, m = program.load("m", lib=DECORATORS, m=text.format(at="@mark\n"))
    reload = program.edit("m", ("@mark\n", ""), ("from ~lib import mark\n", ""))
    assert (named(reload), own(m.Row)) == (set(), {"x"})
