"""Slots that a class gains whose instances have a `__dict__`: the values lie in there."""

from __future__ import annotations

import gc
import types
import weakref
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from test_slots import Payload, in_threads, like_a_member, slotted
from test_type import content, patch

from mighty_patcher import _core

HOT = 300


def add(cls: type, name: str) -> Any:
    slot = _core.side_slot(cls, name, in_dict=True)
    type.__setattr__(cls, name, slot)
    return slot


class Plain:
    pass


def derived(*bases: type, **space: object) -> Any:
    return type("A", bases, {"__module__": __name__, **space})


def test_like_a_member() -> None:
    real = slotted("kept", "x", "__dict__", "__weakref__")
    ours = slotted("kept", "__dict__", "__weakref__")
    before = ours()
    before.x = 3
    slot = add(ours, "x")
    assert (before.x, vars(before)) == (3, {"x": 3})
    assert like_a_member(ours, slot) == like_a_member(real, vars(real)["x"])
    assert before.x == 3
    assert _core.side_slot_count() == 0


@pytest.mark.parametrize(
    "base", [object, Plain, dict, list, int, Exception, types.ModuleType, partial, OrderedDict]
)
def test_every_base(base: Any) -> None:
    cls = derived(base)
    arguments = ("name",) if base is types.ModuleType else (int,) if base is partial else ()
    before = cls(*arguments)
    before.x = Payload(before)
    slot = add(cls, "x")
    for it in (before, cls(*arguments), derived(cls)(*arguments)):
        it.x = Payload(it)
        assert vars(it)["x"] is it.x
        assert slot.__get__(it) is it.x
        gone = weakref.ref(it.x)
        it.x = 1
        gc.collect()
        assert (gone() is None, it.x) == (True, 1)
        del it.x
        for action in (slot.__get__, slot.__delete__):
            with pytest.raises(AttributeError, match="x"):
                action(it)
        it.x = it
    assert _core.side_slot_count() == 0
    gone = weakref.ref(cls)
    del before, it, cls, slot, action
    gc.collect()
    assert gone() is None


def test_instances_without_a_dict_of_the_same_slot() -> None:
    cls = slotted()
    bare, full = slotted(bases=(cls,)), derived(cls)
    before = full()
    before.x = 1
    slot = add(cls, "x")
    it, other = bare(), slotted(bases=(full, tuple))()  # which has the dict of a second base
    it.x, other.x = 2, 3
    assert [slot.__get__(one) for one in (before, it, other)] == [1, 2, 3]
    assert _core.side_slot_count() == 1
    del it, other
    gc.collect()
    assert _core.side_slot_count() == 0


def test_the_dict_of_a_class_is_not_written_to() -> None:
    cls = slotted()
    add(cls, "x")
    meta: Any = derived(cls, type)
    it = meta("It", (), {"x": 1})
    assert not hasattr(it, "x")
    with pytest.raises(TypeError, match="metaclass"):
        it.x = 2
    assert vars(it)["x"] == 1
    with pytest.raises(TypeError, match="metaclass"):
        _core.side_slot(type("Meta", (type,), {}), "x", in_dict=True)
    with pytest.raises(TypeError, match="written in C"):
        _core.side_slot(Exception, "x", in_dict=True)


def test_another_dict() -> None:
    class Odd:
        def __hash__(self) -> int:
            return hash("x")

        def __eq__(self, other: object) -> bool:
            raise LookupError

    cls = derived()
    slot = add(cls, "x")
    it = cls()
    it.x = 1
    it.__dict__ = {"x": 2}
    assert it.x == 2
    it.__dict__ = OrderedDict(x=3)
    it.x += 1
    assert vars(it) == {"x": 4}
    del it.__dict__
    assert not hasattr(it, "x")
    it.x = 5
    assert vars(it) == {"x": 5}
    it.__dict__ = {Odd(): 1}
    for action in (slot.__get__, slot.__delete__, lambda it: slot.__set__(it, 1)):
        with pytest.raises(LookupError):
            action(it)


def test_a_value_that_looks_back_when_it_goes() -> None:
    seen: list[object] = []

    class Looks:
        def __init__(self, owner: Any) -> None:
            self.owner = owner

        def __del__(self) -> None:
            seen.append(getattr(self.owner, "x", None))
            self.owner.x = "again"

    cls = derived()
    add(cls, "x")
    it = cls()
    it.x = Looks(it)
    it.x = 1
    assert (seen, it.x) == ([1], "again")
    it.x = Looks(it)
    del it.x
    assert (seen, it.x) == ([1, None], "again")


def test_specialised_code() -> None:
    """What reads and writes attributes in instances looks again when there is a slot."""

    class A:
        def __init__(self) -> None:
            self.x = 1
            self.y = 2

        def add(self) -> int:
            self.x = self.x + 1
            return self.x

    many = [A() for _ in range(8)]
    for it in many:
        for _ in range(HOT):
            it.add()
    log = patch(A, content(A, x=_core.side_slot(A, "x", in_dict=True), __slots__=("x",)))
    many += [A() for _ in range(8)]
    for it in many:
        for _ in range(HOT):
            it.add()
    log.undo()
    many += [A() for _ in range(8)]
    for it in many:
        for _ in range(HOT):
            it.add()
    assert [it.x for it in many] == [3 * HOT + 1] * 8 + [2 * HOT + 1] * 8 + [HOT + 1] * 8
    assert [list(vars(it)) for it in many] == [["x", "y"]] * 24


def test_the_base_with_the_dict_goes() -> None:
    """Instances keep a dict, and are freed with it, that no base in their layout knows of."""

    class Base:
        pass

    class A(Base):
        pass

    class B(A):
        __slots__ = ("own",)

    Shape = type("A", (), {"__slots__": ("x",)})
    assert _core.layout_difference(A, Shape) is None
    before, below = A(), B()
    before.x = below.own = below.x = Payload(before, below)  # type: ignore[attr-defined]
    new: dict[str, Any] = {
        name: _core.own_getset(A, vars(Plain)[name])
        if getattr(vars(Plain)[name], "__objclass__", None) is Plain
        else vars(Plain)[name]
        for name in ("__dict__", "__weakref__")
    }
    new |= {"x": _core.side_slot(A, "x", in_dict=True), "__slots__": ("x",)}
    log = patch(A, content(A, **new), bases=(object,), donor=Shape)
    assert (A.__mro__, A.__base__) == ((A, object), object)
    for it in (before, below, A(), B()):
        it.x = Payload(it)  # type: ignore[attr-defined]
        assert list(vars(it)) == ["x"]
    gone = [weakref.ref(it) for it in (before, below, below.x)]  # type: ignore[attr-defined]
    del before, below, it
    gc.collect()
    assert [ref() for ref in gone] == [None] * 3
    made = A()
    made.x = 1  # type: ignore[attr-defined]
    log.undo()
    assert (A.__bases__, vars(made)) == ((Base,), {"x": 1})


@pytest.mark.unsteady("threads")
def test_threads_with_one_instance() -> None:
    cls = derived()
    add(cls, "x")

    def work(shared: Any, number: int) -> None:
        for n in range(4000):
            if (number + n) % 3 == 0:
                shared.x = Payload(shared)
            elif (number + n) % 3 == 1:
                assert type(getattr(shared, "x", Payload())) is Payload
            elif n % 50 == 2:
                shared.__dict__ = {}
            else:
                with suppress(AttributeError):
                    del shared.x

    in_threads(partial(work, cls()))


@pytest.mark.unsteady("threads")
def test_threads_while_a_class_gains_and_loses_a_slot() -> None:
    class A:
        def __init__(self) -> None:
            self.x = 1

    done: list[int] = []

    def work(number: int) -> None:
        if number == 0:
            for _ in range(300):
                slot = _core.side_slot(A, "x", in_dict=True)
                log = patch(A, content(A, x=slot, __slots__=("x",)))
                log.undo()
            done.append(1)
        while not done:
            it = A()
            it.x += 1
            assert (it.x, vars(it)) == (2, {"x": 2})

    in_threads(work)
