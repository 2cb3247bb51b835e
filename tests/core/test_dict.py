"""The whole content of a dictionary."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from edits import made

from mighty_patcher import _core

SIZES = [0, 1, 2, 3, 5, 6, 10, 11, 50, 200]


def exchange(target: dict[Any, Any], donor: dict[Any, Any]) -> _core.Log:
    log = _core.Log()
    log.add_items(target, donor)
    log.commit()
    return log


def identities(dictionary: dict[Any, Any]) -> list[tuple[int, int]]:
    return [(id(key), id(value)) for key, value in dictionary.items()]


class Instance:
    pass


def instance(**attributes: object) -> Instance:
    made = Instance()
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize("after", SIZES)
@pytest.mark.parametrize("before", SIZES)
def test_content_and_order(before: int, after: int) -> None:
    target = {f"old {n}": object() for n in range(before)}
    donor = {(n, "new"): object() for n in reversed(range(after))}
    was, wanted = identities(target), identities(donor)
    log = exchange(target, donor)
    assert identities(target) == identities(donor) == wanted
    target["mine"] = 1
    assert "mine" not in donor
    log.undo()
    assert identities(target) == was


def test_gaps_do_not_matter() -> None:
    target = {n: object() for n in range(30)}
    donor = {n: object() for n in range(30)}
    for n in range(0, 30, 3):
        del target[n], donor[29 - n]
    was, wanted = identities(target), identities(donor)
    log = exchange(target, donor)
    assert identities(target) == wanted
    log.undo()
    assert identities(target) == was


def test_globals_of_hot_functions() -> None:
    names = made("word = 'old'\ndef f(): return word, len(word)")
    function = names["f"]
    for _ in range(100):
        function()
    log = exchange(names, {**names, "word": "new", "len": lambda _: -1})
    assert function() == ("new", -1)
    for _ in range(100):
        function()
    log.undo()
    assert function() == ("old", 3)


def test_attributes_of_an_instance() -> None:
    it = instance(a=1, b=2)

    def read() -> tuple[object, object]:
        return it.a, getattr(it, "c", None)  # type: ignore[attr-defined]

    for _ in range(100):
        read()
    log = exchange(it.__dict__, {"c": 4, "a": 3})
    assert read() == (3, 4)
    assert list(vars(it)) == ["c", "a"]
    log.undo()
    assert read() == (1, None)
    assert list(vars(it)) == ["a", "b"]


def test_attributes_of_an_instance_have_plain_names() -> None:
    log = _core.Log()
    with pytest.raises(ValueError, match="have plain str for names"):
        log.add_items(instance(a=1).__dict__, {1: 2})
    assert len(log) == 0


class Watcher:
    """A key that is compared with its like, and notes what a dictionary held at that moment."""

    def __init__(self, seen: list[list[object]], target: dict[Any, Any]) -> None:
        self.seen, self.target = seen, target

    def __hash__(self) -> int:
        self.look()
        return 7

    def __eq__(self, other: object) -> bool:
        self.look()
        return self is other

    def look(self) -> None:
        self.seen.append(list(self.target.values()))


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("size", range(1, 16))
def test_keys_run_no_python_in_between(size: int, gaps: bool) -> None:
    seen: list[list[object]] = []
    target: dict[Any, Any] = {}
    target.update({Watcher(seen, target): ("old", n) for n in range(size)})
    donor: dict[Any, Any] = {Watcher(seen, target): ("new", n) for n in range(size)}
    if gaps:
        for dictionary in (target, donor):
            for key in list(dictionary)[: size // 2]:
                del dictionary[key]
    old, new = list(target.values()), list(donor.values())
    seen.clear()
    log = exchange(target, donor)
    assert all(look == old for look in seen)
    seen.clear()
    log.undo()
    assert all(look == new for look in seen)
    assert list(target.values()) == old
    seen.clear()
    log.discard()
    target.clear()


class Meddler:
    """A key that changes a dictionary the next time it is hashed."""

    def __init__(self) -> None:
        self.target: dict[Any, Any] | None = None

    def __hash__(self) -> int:
        if self.target is not None:
            target, self.target = self.target, None
            target["meddled"] = True
        return 1


def test_a_dictionary_that_changes_meanwhile() -> None:
    key = Meddler()
    target: dict[Any, Any] = {key: 1}
    log = _core.Log()
    log.add_items(target, {"new": 2})
    key.target = target
    with pytest.raises(RuntimeError, match="a dictionary was changed by somebody else meanwhile"):
        log.commit()
    assert not log.applied
    assert list(target.values()) == [1, True]
    log.commit()
    assert target == {"new": 2}
    log.undo()
    assert list(target.values()) == [1, True]


def test_a_key_that_raises() -> None:
    class Key:
        broken = False

        def __hash__(self) -> int:
            if self.broken:
                raise KeyError("broken")
            return 1

    key = Key()
    target: dict[Any, Any] = {key: 1}
    log = _core.Log()
    log.add_items(target, {"new": 2})
    key.broken = True
    with pytest.raises(KeyError, match="broken"):
        log.commit()
    assert list(target) == [key]
    with pytest.raises(KeyError, match="broken"):
        _core.Log().add_items({}, target)


def test_nothing_is_dropped_before_the_discard() -> None:
    dropped: list[str] = []

    class Value:
        def __init__(self, name: str) -> None:
            self.name = name

        def __del__(self) -> None:
            dropped.append(self.name)

    target, donor = {"a": Value("old")}, {"b": Value("new")}
    log = exchange(target, donor)
    donor.clear()
    assert dropped == []
    log.undo()
    log.commit()
    assert dropped == []
    log.discard()
    gc.collect()
    assert dropped == ["old"]
    target.clear()
    assert dropped == ["old", "new"]


@pytest.mark.parametrize("size", [0, 1, 9])
def test_the_content_that_there_is(size: int) -> None:
    target: dict[Any, Any] = {f"n{i}": [i] for i in range(size)}
    before = list(target.items())
    log = exchange(target, dict(target))
    for act in (log.undo, lambda: None):
        assert list(target.items()) == before
        assert all(mine is value for mine, (_, value) in zip(target.values(), before, strict=True))
        act()
    target["later"] = 1
    assert len(target) == size + 1
    log.discard()
    assert len(target) == size + 1


def test_one_that_is_being_iterated_over_says_so() -> None:
    target = {n: n for n in range(5)}
    iterator = iter(target)
    next(iterator)
    log = exchange(target, {"other": 1})
    with pytest.raises(RuntimeError, match="changed"):
        next(iterator)
    log.undo()


class SubDict(dict[str, int]):
    pass


@pytest.mark.parametrize("wrong", [[], None, SubDict(), vars(int)], ids=lambda w: type(w).__name__)
def test_what_is_no_plain_dictionary_is_refused(wrong: Any) -> None:
    log = _core.Log()
    for target, donor in (({}, wrong), (wrong, {})):
        with pytest.raises(
            TypeError, match=r"^expected plain dictionaries, lists or sets, all alike, not '"
        ):
            log.add_items(target, donor)
    assert len(log) == 0
