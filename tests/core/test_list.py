"""The content of a list, in place: who iterates over it goes on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mighty_patcher import _core

SIZES = [0, 1, 2, 5, 50]


def exchange(target: list[Any], donor: list[Any]) -> _core.Log:
    log = _core.Log()
    log.add_items(target, donor)
    log.commit()
    return log


@pytest.mark.parametrize("after", SIZES)
@pytest.mark.parametrize("before", SIZES)
def test_there_and_back(before: int, after: int) -> None:
    target, donor = [object() for _ in range(before)], [object() for _ in range(after)]
    was, wanted = list(map(id, target)), list(map(id, donor))
    log = exchange(target, donor)
    assert list(map(id, target)) == list(map(id, donor)) == wanted
    target.append("mine")
    assert len(donor) == after
    log.undo()
    assert list(map(id, target)) == was
    target.extend(range(100))
    log.discard()
    assert target[before:] == [*range(100)]


def test_old_items_live_until_the_log_goes() -> None:
    class Item: ...

    target: list[Any] = [Item()]
    log = exchange(target, [])
    assert target == []
    target.append(1)
    log.discard()
    assert target == [1]


@pytest.mark.parametrize("direction", [iter, reversed])
@pytest.mark.parametrize("after", SIZES)
def test_an_iterator_that_is_under_way(direction: Any, after: int) -> None:
    target = [*range(10)]
    iterator = direction(target)
    for _ in range(3):
        next(iterator)
    log = exchange(target, [*range(100, 100 + after)])
    assert set(iterator) <= {*range(100, 100 + after)}
    log.undo()
    assert target == [*range(10)]


@pytest.mark.unsteady("threads run as often as they like")
def test_readers_see_one_or_the_other() -> None:
    first, second = [*range(20)], [*range(100, 150)]
    target, ended, wrong = list(first), threading.Event(), []

    def look() -> None:
        while not ended.is_set():
            seen = target[:]
            if seen not in (first, second):
                wrong.append(seen)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(2000):
        exchange(target, second).undo()
    ended.set()
    for thread in threads:
        thread.join()
    assert wrong == []


class Derived(list):  # type: ignore[type-arg]
    pass


@pytest.mark.parametrize("wrong", [(), {}, None, Derived()])
def test_what_is_no_plain_list_is_refused(wrong: Any) -> None:
    log = _core.Log()
    for target, donor in (([], wrong), (wrong, [])):
        with pytest.raises(
            TypeError, match=r"^expected plain dictionaries, lists or sets, all alike, not "
        ):
            log.add_items(target, donor)
    assert len(log) == 0
