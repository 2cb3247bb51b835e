from __future__ import annotations

import enum

import pytest

from mighty_patcher.engine.journal import Journal


class Strict(type):
    def __setattr__(cls, name, value):
        raise RuntimeError(name)

    def __delattr__(cls, name):
        raise RuntimeError(name)


def snapshot(cls):
    return {
        name: value for name, value in vars(cls).items() if name not in {"__dict__", "__weakref__"}
    }


class TestNamespaces:
    def test_bound_names_come_back(self):
        old = object()
        namespace = {"a": old}
        journal = Journal()
        for name in ("a", "b", "a", "b"):
            journal.bind(namespace, name, object())
        journal.undo()
        assert namespace == {"a": old}
        assert namespace["a"] is old

    def test_what_ran(self):
        one, two, three = object(), object(), object()
        before = {"kept": one, "changed": two, "deleted": three}
        namespace = {"kept": one, "changed": object(), "new": object()}
        journal = Journal()
        journal.executed(namespace, before)
        journal.undo()
        assert namespace == before
        assert all(namespace[name] is before[name] for name in before)

    def test_values_are_never_compared(self):
        class Array:
            def __eq__(self, other):
                raise ValueError("ambiguous")

            __hash__ = None

        array = Array()
        namespace = {"a": Array(), "b": array}
        journal = Journal()
        journal.executed(namespace, {"a": array, "b": array})
        journal.undo()
        assert namespace["a"] is array

    def test_undoing_twice_does_nothing(self):
        namespace = {"a": 1}
        journal = Journal()
        journal.bind(namespace, "a", 2)
        journal.undo()
        namespace["a"] = 3
        journal.undo()
        assert namespace == {"a": 3}

    def test_a_name_that_somebody_has_deleted_since(self):
        namespace: dict[str, object] = {}
        journal = Journal()
        journal.bind(namespace, "a", 1)
        del namespace["a"]
        journal.undo()
        assert namespace == {}


class TestClasses:
    @pytest.mark.parametrize("metaclass", [type, Strict])
    def test_attributes_come_back(self, metaclass):
        cls = metaclass("cls", (), {"a": 1, "b": 2})
        before = snapshot(cls)
        journal = Journal()
        journal.set_attribute(cls, "a", 10)
        journal.set_attribute(cls, "c", 3)
        journal.delete_attribute(cls, "b")
        assert (cls.a, cls.c, hasattr(cls, "b")) == (10, 3, False)
        journal.undo()
        assert snapshot(cls) == before

    def test_what_is_inherited_is_not_its_own(self):
        base = type("base", (), {"a": 1})
        cls = type("cls", (base,), {})
        journal = Journal()
        journal.set_attribute(cls, "a", 2)
        journal.undo()
        assert "a" not in vars(cls)
        assert cls.a == 1

    def test_slots_of_the_interpreter_follow(self):
        cls = type("cls", (), {})
        journal = Journal()
        journal.set_attribute(cls, "__len__", lambda self: 7)
        assert len(cls()) == 7
        journal.undo()
        with pytest.raises(TypeError):
            len(cls())

    def test_a_class_that_takes_none(self):
        journal = Journal()
        with pytest.raises(TypeError):
            journal.set_attribute(int, "a", 1)
        journal.undo()

    def test_an_enumeration(self):
        class Colour(enum.Enum):
            RED = 1

        journal = Journal()
        journal.set_attribute(Colour, "describe", lambda self: self.name)
        assert Colour.RED.describe() == "RED"
        journal.undo()
        assert not hasattr(Colour.RED, "describe")
