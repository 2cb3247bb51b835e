"""Weak containers, and what the core leaves to Python."""

from __future__ import annotations

import abc
import functools
import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from mighty_patcher.engine.references import replace


def made(**content: Any) -> Any:
    return type("C", (), content)


def test_the_caller_goes_on_holding_its_pairs() -> None:
    """Or they would be holders like any, and be looked for once more as keys, and be changed."""
    donor, target = made(), made()
    pairs = [(donor, target), (target, target)]
    first = pairs[0]
    assert replace(pairs) == []
    assert pairs[0] is first
    assert first == (donor, target)


def test_a_weak_set() -> None:
    donor, target, other = made(), made(), made()
    both, one = weakref.WeakSet([donor, target, other]), weakref.WeakSet([donor])
    assert replace([(donor, target)]) == []
    assert {*both} == {target, other}
    assert {*one} == {target}
    assert len(both) == 2
    del other
    gc.collect()
    assert [*both] == [target]


def test_a_weak_key_dictionary() -> None:
    donor, target = made(), made()
    both = weakref.WeakKeyDictionary({target: "old", donor: "new"})
    one = weakref.WeakKeyDictionary({donor: donor})
    assert replace([(donor, target)]) == []
    assert [*both.items()] == [(target, "new")]
    assert one[target] is target
    assert len(one) == 1


def test_a_weak_value_dictionary() -> None:
    donor, target = made(), made()
    values = weakref.WeakValueDictionary({"one": target, "two": donor})
    keys = weakref.WeakValueDictionary({donor: donor})
    assert replace([(donor, target)]) == []
    assert {**values} == {"one": target, "two": target}
    assert {**keys} == {target: target}
    del target, keys
    gc.collect()
    assert {**values} == {}


def test_they_let_go_of_the_target() -> None:
    donor, target = made(), made()
    members: weakref.WeakSet[Any] = weakref.WeakSet([donor])
    by_key = weakref.WeakKeyDictionary({donor: 1})
    by_name = weakref.WeakValueDictionary({"x": donor})
    replace([(donor, target)])
    assert len(members) == len(by_key) == len(by_name) == 1
    del donor, target
    gc.collect()
    assert len(members.data) == len(by_key.data) == len(by_name.data) == 0


def test_the_donor_is_free_afterwards() -> None:
    donor, target = made(), made()
    holders = [donor, weakref.WeakSet([donor])]
    dead = weakref.ref(donor)
    assert replace([(donor, target)]) == []
    del donor
    gc.collect()
    assert dead() is None
    assert holders[0] is target


def test_other_weak_references() -> None:
    donor, target = made(), made()
    seen: list[object] = []
    references = [weakref.ref(donor), weakref.ref(donor, seen.append), weakref.proxy(donor)]
    assert replace([(donor, target)]) == []
    assert references[0]() is references[1]() is donor
    assert seen == []


def test_functions_and_members() -> None:
    import enum

    def donor() -> None: ...
    def target() -> None: ...

    old, new = enum.Enum("E", "A"), enum.Enum("E", "A")
    functions = weakref.WeakSet([donor])
    members = weakref.WeakKeyDictionary({new.A: 1})  # type: ignore[attr-defined]
    assert replace([(donor, target), (new, old), (new.A, old.A)]) == []  # type: ignore[attr-defined]
    assert [*functions] == [target]
    assert [*members] == [old.A]  # type: ignore[attr-defined]


def test_single_dispatch_forgets_the_donor() -> None:
    @functools.singledispatch
    def dispatch(value: object) -> str:
        return "object"

    donor, target = made(), made()
    dispatch.register(donor, lambda value: "donor")
    assert dispatch(donor()) == "donor"
    assert replace([(donor, target)]) == []
    assert dispatch(target()) == "donor"
    assert target in dispatch.registry


def test_abstract_classes_are_left_alone() -> None:
    class Abstract(abc.ABC):  # noqa: B024
        pass

    donor, target = made(), made()
    Abstract.register(donor)
    assert issubclass(donor, Abstract)
    assert replace([(donor, target)]) == []
    assert issubclass(donor, Abstract)
    assert not issubclass(target, Abstract)


def test_the_pairs_stay_what_they_are() -> None:
    donor, target = made(), made()
    pairs = ((donor, target),)
    mine = [donor]
    record = {"donor": donor}
    assert replace(pairs, kept=[pairs, *pairs, mine]) == []
    assert pairs[0][0] is donor
    assert mine == [donor]
    assert record == {"donor": target}


def test_nothing_to_do() -> None:
    cls = made()
    assert replace([]) == []
    assert replace([(cls, cls)]) == []


class Hostile(type):
    failing = False

    def __hash__(cls) -> int:
        if Hostile.failing:
            raise RuntimeError("hash")
        return 1


@pytest.fixture(autouse=True)
def friendly() -> Iterator[None]:
    yield
    Hostile.failing = False


def test_what_cannot_be_hashed_is_reported() -> None:
    donor, target = Hostile("D", (), {}), Hostile("T", (), {})
    members: weakref.WeakSet[Any] = weakref.WeakSet([donor])
    by_key = weakref.WeakKeyDictionary({donor: 1})
    by_name = weakref.WeakValueDictionary({"x": donor})
    Hostile.failing = True
    left = replace([(donor, target)])
    Hostile.failing = False
    assert {(id(found), id(holder)) for found, holder in left} == {
        (id(donor), id(members)),
        (id(donor), id(by_key)),
    }
    assert [*members] == [donor]
    assert by_key[donor] == 1
    assert by_name["x"] is target
