"""What somebody goes through, and what has changed since its new content was made."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import pytest

from mighty_patcher import _core

ITERATORS: dict[str, Callable[[Any], Iterator[Any]]] = {
    "keys": iter,
    "values": lambda it: iter(it.values()),
    "items": lambda it: iter(it.items()),
    "reversed keys": reversed,
    "reversed values": lambda it: reversed(it.values()),
    "reversed items": lambda it: reversed(it.items()),
    "enumerate": enumerate,
    "chain": lambda it: chain(it.values(), [0]),
    "generator": lambda it: (key for key in it),
}


def refill(target: Any, donor: Any) -> None:
    log = _core.Log()
    log.add_items(target, donor, target.copy())
    log.commit()


@pytest.mark.parametrize("begin", ITERATORS.values(), ids=ITERATORS)
def test_a_dictionary(begin: Callable[[Any], Iterator[Any]]) -> None:
    target = {1: "a", 2: "b", 3: "c"}
    going = begin(target)
    next(going)
    with pytest.raises(RuntimeError, match="somebody goes through"):
        refill(target, {1: "a"})
    assert len(list(going)) >= 2
    refill(target, {1: "a"})
    assert target == {1: "a"}


def test_a_set() -> None:
    target = {1, 2, 3}
    going = iter(target)
    next(going)
    with pytest.raises(RuntimeError, match="somebody goes through"):
        refill(target, {1})
    assert len(list(going)) == 2
    refill(target, {1})
    assert target == {1}


def test_one_of_several() -> None:
    target, others = {1: 1}, [{n: n} for n in range(5)]
    going = iter(others[3])
    log = _core.Log()
    for it in (target, *others):
        log.add_items(it, {}, it.copy())
    with pytest.raises(RuntimeError, match="somebody goes through"):
        log.commit()
    assert (target, others) == ({1: 1}, [{n: n} for n in range(5)])
    assert list(going) == [3]
    log.commit()
    assert (target, others) == ({}, [{}] * 5)


def test_a_list_goes_on() -> None:
    target = [1, 2, 3]
    going = iter(target)
    assert next(going) == 1
    refill(target, [4, 5])
    assert list(going) == [5]


@pytest.mark.parametrize(
    ("target", "had"),
    [
        ({1: "a"}, {}),
        ({1: "a"}, {1: "b"}),
        ({1: "a", 2: "b"}, {2: "b", 1: "a"}),
        ([1], []),
        ([1, 2], [2, 1]),
        ([], [1]),
    ],
)
def test_what_has_changed_since_stays(target: Any, had: Any) -> None:
    was = target.copy()
    log = _core.Log()
    log.add_items(target, type(target)(), had)
    with pytest.raises(RuntimeError, match="was changed by somebody else"):
        log.commit()
    assert target == was
    assert not log.applied


def test_a_log_has_no_other_edits_beside() -> None:
    log = _core.Log()
    log.add_items([], [1], [])
    for other in ((log.add_items, {}, {}), (log.add_function, refill, refill)):
        with pytest.raises(ValueError, match="of all edits of a log, or of none"):
            other[0](*other[1:])  # type: ignore[operator]
    assert len(log) == 1


def test_twice_in_one_log() -> None:
    target = {1: 1}
    log = _core.Log()
    log.add_items(target, {2: 2}, {1: 1})
    log.add_items(target, {3: 3}, {1: 1})
    log.commit()
    assert target == {3: 3}
    log.undo()
    assert target == {1: 1}


def test_the_collector_knows_what_is_in_it_now() -> None:
    class Cycle:
        pass

    target: dict[int, Any] = {1: 1}
    cycle = Cycle()
    cycle.target = target  # type: ignore[attr-defined]
    gone = weakref.ref(cycle)
    refill(target, {1: 1, 2: cycle})
    assert gc.is_tracked(target)
    del cycle, target
    gc.collect()
    assert gone() is None


def test_the_attributes_of_an_instance() -> None:
    class Instance:
        pass

    it = Instance()
    it.name = 1  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="table of another kind"):
        _core.Log().add_items(vars(it), {}, {"name": 1})


@pytest.mark.parametrize("content", [{}, {1: 2}, dict.fromkeys(range(1000))])
@pytest.mark.parametrize("had", [{}, {1: 1}, dict.fromkeys(range(100))])
def test_the_dictionary_works_on(had: dict[int, Any], content: dict[int, Any]) -> None:
    target = dict(had)
    for key in [*target][::3]:
        del target[key]
    was = [*target.items()]
    log = _core.Log()
    log.add_items(target, content, dict(target))
    log.commit()
    assert target == content
    for key in range(200, 2000):
        target[key] = key
    for key in range(200, 1900):
        del target[key]
    assert len(target) == len({*content} - {*range(200, 1900)}) + 100
    log.undo()
    assert [*target.items()] == was
    target["more"] = 1  # type: ignore[index]
    assert [*target] == [*dict(was), "more"]


def test_it_need_not_be_known_for_an_undo() -> None:
    target = {1: 1}
    log = _core.Log()
    log.add_items(target, {}, target.copy())
    log.commit()
    target[2] = 2
    log.undo()
    assert target == {1: 1}


GOING: list[Callable[[Any], Any]] = [
    lambda it: [key + 1 for key in it],
    list,
    lambda it: list(it.items()) if type(it) is dict else sorted(it),
    lambda it: [value for value in it.values() if value is None] if type(it) is dict else max(it),
    lambda it: sorted(it, key=lambda key: -key),
    lambda it: sum(1 for _ in it),
]


@pytest.mark.parametrize("go", GOING)
@pytest.mark.parametrize("kind", [dict.fromkeys, set])
def test_threads_go_through_it(kind: Callable[[Any], Any], go: Callable[[Any], Any]) -> None:
    """Whoever goes through it meets no error, and what others put into it is not lost."""
    many, few = kind(range(1, 50)), kind(range(1, 10))
    target = many.copy()
    raised: list[BaseException] = []
    ends, begun = threading.Event(), threading.Barrier(3)

    def run() -> None:
        begun.wait()
        try:
            while not ends.is_set():
                go(target)
        except RuntimeError as error:
            raised.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=run) for _ in range(2)]
    refused = done = 0
    try:
        for thread in threads:
            thread.start()
        begun.wait()
        for number in range(8):
            try:
                refill(target, few if number % 2 else many)
                done += 1
            except RuntimeError:
                refused += 1
    finally:
        ends.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert not raised
    assert done + refused == 8
    refill(target, few)
    assert target == few


@pytest.mark.parametrize("kind", [dict, list, set])
def test_threads_put_into_it(kind: Any) -> None:
    target = kind()
    begun = threading.Barrier(2)

    def run() -> None:
        begun.wait()
        for number in range(1, 5000):
            if kind is list:
                target.append(number)
            elif kind is set:
                target.add(number)
            else:
                target[number] = number

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    thread = threading.Thread(target=run)
    refused = number = 0
    try:
        thread.start()
        begun.wait()
        while thread.is_alive() or number < 10:
            number += 1
            had = target.copy()
            donor = kind([*had, -number]) if kind is not dict else {**had, -number: 0}
            log = _core.Log()
            log.add_items(target, donor, had)
            try:
                log.commit()
            except RuntimeError:
                refused += 1
    finally:
        thread.join()
        sys.setswitchinterval(interval)
    assert {*range(1, 5000)} <= {*target}
    assert len(target) == len({*target}) == 4999 + number - refused


def test_frozen_objects_are_looked_at() -> None:
    target = {1: 1}
    going = iter(target)
    gc.freeze()
    try:
        with pytest.raises(RuntimeError, match="somebody goes through"):
            refill(target, {})
        assert list(going) == [1]
    finally:
        gc.unfreeze()
