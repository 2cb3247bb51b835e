from __future__ import annotations

import sys
import types

import pytest

from mighty_patcher.engine.bindings import follow
from mighty_patcher.engine.imports import Imported
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.module_facts import name_of_module


@pytest.fixture
def world(monkeypatch):
    """Modules by name, what each imports, and a way to follow a change."""

    class World:
        def __init__(self):
            self.imports: dict[str, list[Imported]] = {}
            self.journal = Journal()
            self.asked: list[str] = []

        def add(self, name, imports=(), **names):
            module = types.ModuleType(name)
            module.__dict__.update(names)
            monkeypatch.setitem(sys.modules, name, module)
            self.imports[name] = [Imported(*one) for one in imports]
            return module

        def imports_of(self, module, source, name):
            self.asked.append(name_of_module(module))
            return self.imports.get(name_of_module(module), [])

        def follow(self, module, **changed):
            found = follow(module, changed, self.imports_of, self.journal)
            assert all(it.old is changed[name][0] for it in found for name in changed)
            return [(it.step.module, it.step.qualname, it.step.line) for it in found]

    return World()


OLD, NEW = ["old"], ["new"]


def test_under_any_name(world):
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_m", "X", "X", 3)], X=OLD)
    b = world.add("unit_b", [("unit_m", "X", "Y", 4)], Y=OLD)
    assert sorted(world.follow(m, X=(OLD, NEW))) == [("unit_a", "X", 3), ("unit_b", "Y", 4)]
    assert a.X is b.Y is NEW
    world.journal.undo()
    assert a.X is b.Y is OLD


def test_star_imports(world):
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_m", "*", "*", 1)], X=OLD, Y=OLD)
    assert world.follow(m, X=(OLD, NEW)) == [("unit_a", "X", 1)]
    assert a.Y is OLD


def test_only_who_says_that_it_was_imported(world):
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_other", "X", "X", 1)], X=OLD, other=OLD)
    assert world.follow(m, X=(OLD, NEW)) == []
    assert a.X is OLD


def test_not_who_has_bound_something_else_since(world):
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_m", "X", "X", 1)], X=["old"])
    assert world.follow(m, X=(OLD, NEW)) == []
    assert a.X is not NEW


def test_through_modules_that_hand_it_on(world):
    m = world.add("unit_m", X=NEW)
    world.add("unit_pkg", [("unit_m", "X", "Z", 1)], Z=OLD)
    c = world.add("unit_c", [("unit_pkg", "Z", "W", 2)], W=OLD)
    assert world.follow(m, X=(OLD, NEW)) == [("unit_pkg", "Z", 1), ("unit_c", "W", 2)]
    assert c.W is NEW


def test_a_cycle_of_imports(world):
    m = world.add("unit_m", [("unit_a", "X", "again", 1)], X=NEW, again=OLD)
    world.add("unit_a", [("unit_m", "X", "X", 1), ("unit_m", "again", "back", 2)], X=OLD, back=OLD)
    steps = world.follow(m, X=(OLD, NEW))
    assert sorted(steps) == [("unit_a", "X", 1), ("unit_a", "back", 2), ("unit_m", "again", 1)]


def test_one_module_under_two_names_is_told_once(world, monkeypatch):
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_m", "X", "X", 1)], X=OLD)
    monkeypatch.setitem(sys.modules, "unit_alias", a)
    assert world.follow(m, X=(OLD, NEW)) == [("unit_a", "X", 1)]


def test_what_is_in_sys_modules_may_be_anything(world, monkeypatch):
    class Evil:
        def __getattribute__(self, name):
            raise RuntimeError(name)

        @property
        def __class__(self):
            raise RuntimeError("class")

        def __eq__(self, other):
            raise RuntimeError("eq")

        def __hash__(self):
            raise RuntimeError("hash")

    monkeypatch.setitem(sys.modules, "unit_none", None)
    monkeypatch.setitem(sys.modules, "unit_evil", Evil())
    m = world.add("unit_m", X=NEW)
    a = world.add("unit_a", [("unit_m", "X", "X", 1)], X=OLD, evil=Evil())
    assert world.follow(m, X=(OLD, NEW)) == [("unit_a", "X", 1)]
    old = Evil()
    a.X = old
    assert world.follow(m, X=(old, Evil())) == [("unit_a", "X", 1)]


def test_a_module_that_answers_for_itself_is_not_asked(world, monkeypatch):
    class Lazy(types.ModuleType):
        def __getattribute__(self, name):
            raise RuntimeError(name)

    lazy = Lazy("unit_lazy")
    types.ModuleType.__getattribute__(lazy, "__dict__")["X"] = OLD
    monkeypatch.setitem(sys.modules, "unit_lazy", lazy)
    world.imports["unit_lazy"] = [Imported("unit_m", "X", "X", 1)]
    m = world.add("unit_m", X=NEW)
    assert world.follow(m, X=(OLD, NEW)) == [("unit_lazy", "X", 1)]
