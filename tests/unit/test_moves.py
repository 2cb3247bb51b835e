"""Definitions that move to another module: who holds them goes on with what they are there."""

from __future__ import annotations

import functools
import importlib
import sys
import types

import pytest

from mighty_patcher.engine import donors

SOURCE = """\
import functools
HANDLERS = []
def handler(function):
    HANDLERS.append(function)
    return function
def traced(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper
def total(n=1): return n
@traced
def wrapped(): return 1
@functools.lru_cache
def cached(): return [1]
def _helper(): return 1
class Base:
    kind = 1
    def m(self): return _helper()
class Cart(Base):
    limit = 1
    def m(self): return super().m(), self.limit
"""
MOVED = (
    SOURCE.replace("n=1", "n=2")
    .replace("return 1", "return 2")
    .replace("[1]", "[2]")
    .replace("limit = 1", "limit = 2")
)
NAMES = "total, wrapped, cached, Base, Cart"
USER = f"from ~old import {NAMES}\nHELD = [total, wrapped]\nCART = Cart()\nTWICE = Cart.limit * 2\n"


class Here:
    """``user``, which had it all of ``old`` and now has it of ``new``."""

    def __init__(self, project) -> None:
        self.project = project
        self.old = project.load("old", SOURCE)
        self.user = project.load("user", USER)
        project.engine()
        self.held = {name: getattr(self.user, name) for name in NAMES.split(", ")}
        self.helper = self.old._helper
        self.bound, self.partial = self.user.CART.m, functools.partial(self.user.total)

    @property
    def new(self):
        return sys.modules[f"{self.project.prefix}new"]

    def reload(self, **sources):
        reload = self.project.save(**sources)
        assert reload.ok, [e.__cause__ or e for e in reload.errors]
        return reload

    def expect_moved(self) -> None:
        new, user, name = self.new, self.user, self.new.__name__
        for it, value in self.held.items():
            assert getattr(new, it) is getattr(user, it) is value
            assert value.__module__ == name
        assert self.helper is new._helper
        assert self.helper.__globals__ is vars(new)
        assert (user.total(), user.wrapped(), user.cached()) == (2, 2, [2])
        assert [user.total, user.wrapped] == user.HELD
        assert type(user.CART) is user.Cart
        assert user.CART.m() == self.bound() == (2, 2)
        assert self.partial() == 2
        assert user.TWICE == 4

    def expect_as_before(self) -> None:
        user, old = self.user, self.old
        for it, value in self.held.items():
            assert getattr(old, it) is getattr(user, it) is value
            assert value.__module__ == old.__name__
        assert (user.total(), user.wrapped(), user.cached(), user.TWICE) == (1, 1, [1], 2)
        assert user.CART.m() == self.bound() == (1, 1)


@pytest.fixture
def here(project):
    return Here(project)


def load(project, name, source):
    """Import a module while the engine is there already."""
    module = project.load(name, source)
    project.engine().imported([project.path(name)])
    return module


THERE = USER.replace("~old", "~new")


def test_to_a_new_module(here):
    reload = here.reload(old="", new=MOVED, user=THERE)
    here.expect_moved()
    assert not reload.stale
    moved = {it.qualname for it in reload.steps if it.reason.startswith("it has moved here from")}
    assert moved >= {"total", "wrapped", "cached", "Base", "Cart", "_helper", "handler"}
    assert "HELD" not in {it.qualname for it in reload.steps if it.kind == "ran"}
    here.project.engine().undo()
    here.expect_as_before()


def test_lists_are_looked_at_for_functions_and_classes_alone(here, monkeypatch):
    """Of a None or a lock that moves, any list may get one more meanwhile, which has to stay."""
    asked = []

    def lists_among(holders, values):
        asked.extend(values)
        return original(holders, values)

    original = donors.lists_among
    monkeypatch.setattr(donors, "lists_among", lists_among)
    assert here.reload(old="", new=MOVED, user=THERE).ok
    here.expect_moved()
    assert {type(it) for it in asked} == {type, types.FunctionType}


def test_out_of_a_module_that_is_deleted(here):
    here.project.path("old").unlink()
    paths = [here.project.write("new", MOVED), here.project.write("user", THERE)]
    here.project.engine().reload([here.project.path("old"), *paths])
    here.expect_moved()


def test_the_module_imports_it_back(here):
    here.reload(old=f"from ~new import {NAMES}, _helper\n", new=MOVED)
    here.expect_moved()
    assert here.old.total is here.held["total"]
    here.reload(new="", old=SOURCE.replace("functools\n", "functools\n\n", 1))  # and back
    here.expect_as_before()


@pytest.mark.parametrize(
    "there",
    [
        "try:\n    from ~new import total\nexcept ImportError:\n    total = None\n",
        "import ~new\ntotal = ~new.total\n",
        "from ~new import *\n",
    ],
)
def test_however_it_is_had_from_there(here, there):
    user = there + USER.replace("import total, ", "import ")
    here.reload(
        old=SOURCE.replace("def total(n=1): return n\n", ""),
        new="def total(n=2): return n\n",
        user=user,
    )
    total = here.held["total"]
    assert here.user.total is here.new.total is here.user.HELD[0] is total
    assert total() == here.partial() == 2


@pytest.mark.parametrize("names", ["*", "total, other"])
def test_to_a_module_that_had_it(project, names):
    old = project.load("old", "def total(n=1): return n\ndef other(): pass\n")
    new = project.load("new", f"from ~old import {names}\n")
    user = project.load("user", "from ~new import total as sum_of\n")
    project.engine()
    total = user.sum_of
    imports = f"from ~old import {names.removeprefix('total, ')}\n"
    project.save(old="def other(): pass\n", new=imports + "def total(n=2): return n\n")
    assert user.sum_of is new.total is total
    assert (total(), total.__module__, hasattr(old, "total")) == (2, new.__name__, False)


def test_what_a_decorator_of_a_third_module_has_made(project):
    project.load("tools", SOURCE.partition("def total")[0])
    text = "from ~tools import traced\n@traced\ndef total(): return 1\n"
    old = project.load("old", text)
    project.engine()
    total = old.total
    project.save(new=text, old="from ~new import total\n")
    assert old.total is total
    assert total.__module__ == total.__wrapped__.__module__ == f"{project.prefix}new"


def test_to_a_module_that_was_there(here, project):
    new = load(project, "new", "KEPT = object()\ndef other(): return 1\n")
    kept = new.KEPT
    here.reload(old="", new="KEPT = object()\ndef other(): return 1\n" + MOVED, user=THERE)
    here.expect_moved()
    assert new.KEPT is kept


def test_the_next_edits_reach_it_there(here):
    here.reload(old="", new=MOVED, user=THERE)
    here.reload(new=MOVED.replace("return 2", "return 3").replace("limit = 2", "limit = 3"))
    total, cart = here.held["total"], here.user.CART
    assert (total(), here.bound(), here.helper(), cart.limit) == (2, (3, 3), 3, 3)
    here.reload(new=MOVED.replace("n=2", "n=5").replace("return n", "return -n"))
    assert (total(), here.partial()) == (-5, -5)


def test_what_derives_from_it_there(here):
    derived = "class Shop(Cart):\n    pass\nSHOPS = [Shop]\nITEM = Cart()\n"
    here.reload(old="", new=MOVED + derived, user=THERE)
    here.expect_moved()
    new = here.new
    assert new.Shop.__bases__ == (here.held["Cart"],)
    assert [new.Shop] == new.SHOPS
    assert new.Shop().m() == (2, 2)
    assert type(new.ITEM) is here.held["Cart"]


def test_what_raises_takes_it_back(here):
    reload = here.project.save(old="", new=MOVED, user=THERE + "1 / 0\n")
    assert not reload.ok
    here.expect_as_before()
    here.reload(user=THERE)
    assert here.user.total() == 2


def test_a_class_whose_layout_changed_is_named(here):
    other = MOVED.replace("class Base:", "class Base(dict):")
    reload = here.reload(old="", new=other, user=THERE)
    assert {it.what for it in reload.stale} >= {"class Base", "class Cart"}
    assert here.held["total"] is here.new.total
    assert here.bound() == (2, 2)


def test_a_class_whose_instances_lose_their_dict(here):
    slots = MOVED.replace("    limit = 2\n", "    limit = 2\n    __slots__ = ()\n")
    slots = slots.replace("    kind = 1\n", "    kind = 1\n    __slots__ = ()\n")
    reload = here.reload(old="", new=slots, user=THERE)
    here.expect_moved()
    assert not reload.stale
    said = {it.qualname for it in reload.kept if "go on having __dict__" in it.reason}
    assert said == {"Base", "Cart"}
    assert here.new.Cart.__slots__ == ()


def test_what_its_calls_have_made(project):
    """As aiofiles has moved its ``wrap``: what that had made is what it would make now."""
    wrap = """\
import os
HERE = {here}
def wrap(function, *more):
    def run(*args):
        return HERE, function(*args)
    return run
"""
    old = project.load("old", wrap.format(here=1) + "size = wrap(len)\n")
    user = project.load("user", "from ~old import wrap, size\nbig = [wrap(max)]\n")
    project.engine()
    size, big = user.size, user.big[0]
    new = wrap.format(here=2).replace("HERE, function", "HERE, *more, function")
    source = "from ~new import wrap\nHERE = 1\nsize = wrap(len)\n"
    reload = project.save(new=wrap.format(here=2), old=source)
    assert reload.ok, reload.errors
    assert not reload.stale
    assert (size("ab"), big([3, 4]), old.size is user.size is size) == ((2, 2), (2, 4), True)
    project.engine().undo()
    assert (size("ab"), big([3, 4])) == ((1, 2), (1, 4))
    reload = project.save(new=new, old=source + "\n")
    assert any("variables now that it has not got" in it.reason for it in reload.stale)
    assert size("ab") == (1, 2)


@pytest.mark.parametrize("first", ["new", "user"])
def test_one_save_after_the_other(here, project, first):
    new = load(project, "new", "def other(): return 1\n")
    saves = {"new": {"new": "def other(): return 1\n" + MOVED}, "user": {"old": "", "user": THERE}}
    for name in (first, *(saves.keys() - {first})):
        last = project.save(**saves[name])
    assert last.ok
    assert new.total is here.held["total"]
    here.expect_moved()


def test_a_function_that_was_there_already(here, project):
    new = load(project, "new", "def total(n=1): return n * 10\nHELD = [total]\n")
    theirs = new.total
    user = "from ~new import total\n" + USER.replace("import total, ", "import ")
    here.reload(old=SOURCE.replace("def total(n=1): return n\n", ""), user=user)
    assert here.user.total is new.total is new.HELD[0] is here.held["total"]
    assert here.held["total"]() == theirs() == 10


def test_a_class_that_was_there_already_and_has_instances(here, project):
    new = load(project, "new", "class Cart:\n    def m(self): return 9\nITEM = Cart()\n")
    theirs = new.Cart
    user = "from ~new import Cart\n" + USER.replace(", Cart\n", "\n").replace("Cart.limit", "1")
    reload = here.reload(old=SOURCE[: SOURCE.index("class Cart")], user=user)
    assert here.user.Cart is new.Cart is type(new.ITEM) is theirs
    assert any(it.what.endswith(".Cart") for it in reload.stale)
    assert here.bound() == (1, 1)


def test_one_that_stays_where_it_was_has_not_moved(here):
    user = USER.replace("import total, ", "import ") + "from ~new import total\n"
    here.reload(new="def total(n=1): return n * 10\n", user=user)
    assert (here.user.total(), here.held["total"]()) == (10, 1)
    assert here.old.total is here.held["total"]


@pytest.mark.parametrize("kind", ["enum", "dataclass", "abc"])
def test_kinds_of_class(project, kind):
    classes = {
        "enum": "import enum\nclass C(enum.Enum):\n    A = 1\n    def f(self): return [1]\n",
        "dataclass": "import dataclasses\n@dataclasses.dataclass\nclass C:\n    A: int = 1\n"
        "    def f(self): return [1]\n",
        "abc": "import abc\nclass C(abc.ABC):\n    A = None\n    def f(self): return [1]\n",
    }
    project.load("old", classes[kind])
    user = project.load("user", "from ~old import C\n")
    project.engine()
    held = user.C
    item = held.A if kind == "enum" else held()
    moved = classes[kind].replace("[1]", "[2]")
    reload = project.save(old="", new=moved, user="from ~new import C\n")
    assert reload.ok, reload.errors
    assert user.C is held
    assert isinstance(item, held)
    assert item.f() == [2]
    assert importlib.import_module(f"{project.prefix}new").C is held


def test_a_new_module_derives_from_what_moves_before_it_has_moved(project):
    """Another module imports it first, and what it finds there is new."""
    base = "class Base:\n    def f(self): return 1\n"
    project.load("new", "")
    project.load("first", "")
    old = project.load("old", f"import ~first\n{base}class A(Base): pass\n")
    project.engine()
    held = old.Base
    project.write(
        "fresh", "from ~new import Base\nclass B(Base): pass\nclass C(B):\n    base = Base\n"
    )
    reload = project.save(
        new=base.replace("1", "2"),
        first="from ~fresh import B, C\n",
        old="import ~first\nfrom ~new import Base\nclass A(Base): pass\n",
    )
    assert (reload.ok, reload.stale, old.Base) == (True, (), held)
    fresh = sys.modules[f"{project.prefix}fresh"]
    assert fresh.B.__mro__ == (fresh.B, held, object)
    assert fresh.C.__mro__ == (fresh.C, fresh.B, held, object)
    assert (fresh.Base, fresh.C.base, fresh.C().f(), old.A().f()) == (held, held, 2, 2)
    assert held.__subclasses__() == [old.A, fresh.B]


RENAMED = """
    import functools
    LIMIT = 1
    STATE = []
    def mark(function):
        @functools.wraps(function)
        def wrapper(): return function(), LIMIT
        return wrapper
    def f(): return LIMIT
    @mark
    def g(): return f()
    @functools.cache
    def h(): return LIMIT
    class C:
        def method(self): return LIMIT, f()
    """
USES = """
    from ~m import C, f, g, h
    import functools
    part = functools.partial(g)
    """
STEPS = {
    "at once": ["m n user"],
    "the file first": ["m", "n user"],
    "the user first": ["n user", "m"],
    "one by one": ["n", "user", "m"],
}


@pytest.mark.parametrize("back", STEPS)
@pytest.mark.parametrize("there", STEPS)
def test_a_file_that_is_renamed_and_gets_its_name_back(project, there, back) -> None:
    """As by another branch and back: what there was follows each time."""
    m = project.load("m", RENAMED)
    user = project.load("user", USES)
    project.engine()
    objects = {name: getattr(user, name) for name in "Cfgh"}
    state, instance = m.STATE, user.C()

    def rename(old, new, names, text) -> None:
        project.write(new, text)
        for step in names:
            saved = [{"m": old, "n": new, "user": "user"}[it] for it in step.split()]
            for name in saved:
                if name == old:
                    project.path(old).unlink()
                elif name == "user":
                    project.write("user", USES.replace("~m", f"~{new}"))
                else:
                    project.write(new, text)
            project.engine().reload([project.path(name) for name in saved])
        assert not project.engine().errors

    def seen():
        return instance.method(), objects["f"](), objects["g"](), user.part()

    def edited(limit):
        return (limit, limit), limit, (limit, limit), (limit, limit)

    assert seen() == edited(1)
    rename("m", "n", STEPS[there], RENAMED)
    assert {name: getattr(user, name) for name in "Cfgh"} == objects
    assert (seen(), user.C.__module__) == (edited(1), f"{project.prefix}n")
    assert project.edit("n", "LIMIT = 1", "LIMIT = 2").ok
    assert seen() == edited(2)
    rename("n", "m", STEPS[back], RENAMED)
    assert {name: getattr(user, name) for name in "Cfgh"} == objects
    assert (seen(), user.C.__module__) == (edited(1), f"{project.prefix}m")
    reload = project.edit("m", "LIMIT = 1", "LIMIT = 3")
    assert (reload.ok, reload.stale, seen()) == (True, (), edited(3))
    assert project.edit("m", "return LIMIT, f()", "return 'new', f()").ok
    assert instance.method() == ("new", 3)
    assert (m is sys.modules[m.__name__], m.STATE is state) == (True, True)


def test_a_file_that_is_renamed_before_anybody_tells(project) -> None:
    """Each save tells of one file, and the old one is gone before the first of them."""
    project.load("m", "LIMIT = 1\ndef f(): return LIMIT\n")
    user = project.load("user", "from ~m import f\n")
    engine, f = project.engine(), user.f
    for number, (old, new) in enumerate([("m", "n"), ("n", "m"), ("m", "n")], 2):
        project.path(old).rename(project.path(new))
        project.write("user", f"from ~{new} import f\n")
        for name in (new, "user", old):
            engine.reload([project.path(name)])
        assert not engine.errors
        assert project.edit(new, f"LIMIT = {number - 1}", f"LIMIT = {number}").ok
        assert (user.f is f, f(), f.__module__) == (True, number, f"{project.prefix}{new}")


def test_a_file_that_goes_last_is_undone(project) -> None:
    m = project.load("m", "LIMIT = 1\ndef f(): return LIMIT\n")
    user = project.load("user", "from ~m import f\n")
    f = user.f
    project.engine()
    assert project.save(n="LIMIT = 2\ndef f(): return LIMIT\n").ok
    assert project.save(user="from ~n import f\n").ok
    assert (user.f(), f(), user.f is f) == (2, 1, False)
    project.path("m").unlink()
    reload = project.engine().reload([project.path("m")])
    assert (reload.ok, user.f is f, f()) == (True, True, 2)
    assert (f"{project.prefix}n", "f") in [(it.module, it.qualname) for it in reload.steps]
    project.engine().undo()
    assert (m.f is f, f(), user.f()) == (True, 1, 2)
