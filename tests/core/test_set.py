"""The content of a set."""

from __future__ import annotations

import enum

import pytest

from mighty_patcher import _core

SIZES = [0, 1, 3, 5, 8, 20, 200]


def exchange(target: set[object], donor: set[object], had: set[object] | None = None) -> _core.Log:
    log = _core.Log()
    log.add_items(target, donor, had)
    log.commit()
    return log


@pytest.mark.parametrize("after", SIZES)
@pytest.mark.parametrize("before", SIZES)
def test_content(before: int, after: int) -> None:
    target: set[object] = {f"old {n}" for n in range(before)}
    donor: set[object] = {(n, "new") for n in range(after)}
    was, wanted = set(target), set(donor)
    log = exchange(target, donor, set(target))
    assert target == donor == wanted
    target.add("mine")
    assert "mine" not in donor
    target.remove("mine")
    log.undo()
    assert target == was
    assert donor == wanted
    assert {*map(id, target)} == {*map(id, was)}


def test_gaps_do_not_matter() -> None:
    target, donor = set(range(100)), set(range(1000, 1100))
    for n in range(0, 100, 3):
        target.remove(n)
        donor.remove(1000 + n)
    was = set(target)
    log = exchange(target, donor, set(target))  # type: ignore[arg-type]
    assert target == donor
    assert {target.pop() for _ in donor} == donor
    log.undo()
    assert not target ^ was


def test_no_item_is_asked_anything() -> None:
    asked = []

    class Item:
        def __hash__(self) -> int:
            asked.append(self)
            return 1

        def __eq__(self, other: object) -> bool:
            asked.append(self)
            return self is other

    class Colour(enum.Enum):
        RED = 1

    target: set[object] = {Item(), Item(), Colour.RED}
    donor: set[object] = {Item(), Item()}
    had = set(target)
    asked.clear()
    exchange(target, donor, had).undo()
    assert not asked
    assert target == had


@pytest.mark.parametrize(
    "had",
    [set(), {1}, {1, 3}, {1, 2, 3}, {1.0, 2}],
    ids=["none", "fewer", "others", "more", "equal"],
)
def test_what_has_changed_since_stays(had: set[object]) -> None:
    target: set[object] = {1, 2}
    with pytest.raises(RuntimeError, match="a set was changed"):
        exchange(target, {5}, had)
    assert target == {1, 2}


@pytest.mark.parametrize(
    ("target", "donor", "had"),
    [
        (set(), [], None),
        (set(), frozenset(), None),
        (set(), set(), []),
        ({}, {}, set()),
        ([], [], set()),
        (frozenset(), frozenset(), None),
    ],
)
def test_other_types(target: object, donor: object, had: object) -> None:
    log = _core.Log()
    with pytest.raises(TypeError, match="all alike"):
        log.add_items(target, donor, had)  # type: ignore[call-overload]
    assert len(log) == 0
