"""All edits or none; undo by identity; the log owns every old value until it is discarded."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import pytest
from edits import commit, content, made, nested, same

from mighty_patcher import _core

MIXED = """
def function(a, b=1): return ("old", a, b)
def donor(a, b=2, c=3): return ("new", a, b, c)
def outer(): return lambda: "old"
def new_outer(): return lambda: "new"
table = {"a": "old"}
"""


class Marked:
    """A value that tells when it is dropped."""

    def __init__(self, name: str, dropped: list[str]) -> None:
        self.name, self.dropped = name, dropped

    def __del__(self) -> None:
        self.dropped.append(self.name)


def mixed() -> tuple[_core.Log, dict[str, Any]]:
    """A log with one edit of each kind, not committed, and the names that it is about."""
    names = made(MIXED)
    log = _core.Log()
    log.add_function(names["function"], names["donor"])
    outer, new = names["outer"].__code__, names["new_outer"].__code__
    log.add_constant(outer, nested(outer, "<lambda>"), nested(new, "<lambda>"))
    log.add_items(names["table"], {"b": "new"})
    return log, names


def answers(names: dict[str, Any]) -> tuple[object, ...]:
    return names["function"](0), names["outer"]()(), dict(names["table"])


OLD = (("old", 0, 1), "old", {"a": "old"})
NEW = (("new", 0, 2, 3), "new", {"b": "new"})


def test_nothing_changes_before_the_commit() -> None:
    log, names = mixed()
    assert (len(log), log.applied) == (3, False)
    assert answers(names) == OLD
    log.discard()
    assert answers(names) == OLD


def test_commit_and_undo_and_commit_again() -> None:
    log, names = mixed()
    for _ in range(3):
        log.commit()
        assert log.applied
        assert answers(names) == NEW
        log.undo()
        assert not log.applied
        assert answers(names) == OLD


def test_undo_is_exact() -> None:
    log, names = mixed()
    function = content(names["function"])
    constants = [id(constant) for constant in names["outer"].__code__.co_consts]
    items = [(id(key), id(value)) for key, value in names["table"].items()]
    log.commit()
    log.undo()
    assert same(content(names["function"]), function)
    assert [id(constant) for constant in names["outer"].__code__.co_consts] == constants
    assert [(id(key), id(value)) for key, value in names["table"].items()] == items


def test_all_or_none() -> None:
    log, names = mixed()
    outer = names["outer"].__code__
    rival = _core.Log()
    rival.add_constant(outer, nested(outer, "<lambda>"), made("f = lambda: 3")["f"].__code__)
    rival.commit()
    before = content(names["function"])
    with pytest.raises(RuntimeError):
        log.commit()
    assert answers(names) == (OLD[0], 3, OLD[2])
    assert same(content(names["function"]), before)
    rival.undo()
    log.commit()
    assert answers(names) == NEW


def test_an_edit_that_is_refused_is_not_in_the_log() -> None:
    log, names = mixed()
    with pytest.raises(TypeError):
        log.add_function(names["function"], len)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        log.add_items(names["table"], [])  # type: ignore[arg-type]
    outer = names["outer"].__code__
    with pytest.raises(ValueError, match="is no constant of"):
        log.add_constant(outer, outer, outer)
    assert len(log) == 3
    log.commit()
    assert answers(names) == NEW


def test_two_edits_of_one_function_come_out_as_they_went_in() -> None:
    f, g, h = (made(f"def f(a={n}): return {n}, a")["f"] for n in range(3))
    before = content(f)
    log = _core.Log()
    log.add_function(f, g)
    log.add_function(f, h, _core.DEFAULTS)
    log.commit()
    assert f() == (1, 2)
    log.undo()
    assert same(content(f), before)
    assert f() == (0, 0)


def test_two_edits_of_one_closure() -> None:
    def cells(count: int) -> FunctionType:
        a, b, c = "abc"
        return (lambda: (), lambda: (a,), lambda: (a, b), lambda: (a, b, c))[count]  # type: ignore

    target = cells(2)
    before = content(target)
    for first in range(4):
        for second in range(4):
            log = _core.Log()
            log.add_function(target, cells(first))
            log.add_function(target, cells(second))
            log.commit()
            assert target() == ("a", "b", "c")[:second]
            log.undo()
            assert same(content(target), before)
            log.commit()
            log.discard()
            commit(target, cells(2))
            before = content(target)


def test_two_edits_of_one_dictionary() -> None:
    target = {"a": 1}
    log = _core.Log()
    log.add_items(target, {"b": 2})
    log.add_items(target, {"c": 3})
    log.commit()
    assert target == {"c": 3}
    log.undo()
    assert target == {"a": 1}


def test_logs_undone_backwards() -> None:
    functions = [made(f"def f(): return {n}")["f"] for n in range(5)]
    target = functions[0]
    states, logs = [content(target)], []
    for donor in functions[1:]:
        logs.append(commit(target, donor))
        states.append(content(target))
    while logs:
        assert same(content(target), states.pop())
        logs.pop().undo()
    assert same(content(target), states[0])
    assert target() == 0


def test_many_edits() -> None:
    old = [made(f"def f(): return {n}")["f"] for n in range(100)]
    new = [made(f"def f(): return -{n}")["f"] for n in range(100)]
    log = _core.Log()
    for target, donor in zip(old, new, strict=True):
        log.add_function(target, donor)
    log.commit()
    assert [f() for f in old] == [-n for n in range(100)]
    log.undo()
    assert [f() for f in old] == [*range(100)]


def test_replaced_values_are_kept_until_the_discard() -> None:
    dropped: list[str] = []
    names = made("def old(): pass\ndef new(): pass")
    names["old"].__defaults__ = (Marked("default", dropped),)
    names["old"].__kwdefaults__ = {"k": Marked("keyword default", dropped)}
    names["old"].mark = Marked("attribute", dropped)
    names["old"].__doc__ = Marked("doc", dropped)
    log = commit(names["old"], names["new"])
    gc.collect()
    assert dropped == []
    log.discard()
    assert sorted(dropped) == ["attribute", "default", "doc", "keyword default"]
    assert (len(log), log.applied) == (0, False)


def test_values_are_dropped_with_the_log() -> None:
    dropped: list[str] = []
    names = made("def old(): pass\ndef new(): pass")
    names["old"].__defaults__ = (Marked("default", dropped),)
    log = commit(names["old"], names["new"])
    assert dropped == []
    del log
    assert dropped == ["default"]


def test_an_undone_log_holds_the_new_values() -> None:
    dropped: list[str] = []
    names = made("def old(): pass\ndef new(): pass")
    names["new"].__defaults__ = (Marked("default", dropped),)
    log = commit(names["old"], names["new"])
    del names["new"]
    log.undo()
    assert dropped == []
    log.discard()
    gc.collect()  # without the GIL, functions are left to the collector
    assert dropped == ["default"]


def test_the_discard_lets_go_of_what_was_replaced() -> None:
    names = made("""
        def maker(value):
            def old(): return value
            return old
        class Value: pass
        def new(): return "new"
    """)
    target, donor = names["maker"](names["Value"]()), names.pop("new")
    target.__code__ = target.__code__.replace()  # one that nobody else holds
    code, value = weakref.ref(target.__code__), weakref.ref(target())
    kept = weakref.ref(donor)
    log = commit(target, donor)
    del donor
    gc.collect()  # without the GIL, functions are left to the collector
    assert kept() is None  # a donor is copied from, and not held
    assert code() is not None
    assert value() is not None
    log.discard()
    gc.collect()
    assert code() is None
    assert value() is None
    assert target() == "new"


def test_a_log_keeps_its_targets_alive() -> None:
    names = made("def old(): pass\ndef new(): pass")
    log = commit(names["old"], names["new"])
    target = weakref.ref(names.pop("old"))
    assert target() is not None
    log.undo()
    log.discard()
    gc.collect()
    assert target() is None


def test_a_finalizer_may_use_the_log() -> None:
    names = made("def old(): pass\ndef new(): pass\ndef other(): pass")
    log = _core.Log()
    seen: list[tuple[int, bool]] = []

    class Meddler:
        def __del__(self) -> None:
            seen.append((len(log), log.applied))
            log.discard()
            log.add_function(names["other"], names["new"])

    names["old"].__defaults__ = (Meddler(),)
    log.add_function(names["old"], names["new"])
    log.commit()
    log.discard()
    assert seen == [(0, False)]
    assert len(log) == 1
    log.commit()
    log.discard()


def test_misuse() -> None:
    log, names = mixed()
    with pytest.raises(ValueError, match="only a log that is applied can be undone"):
        log.undo()
    log.commit()
    with pytest.raises(ValueError, match="the log is applied already"):
        log.commit()
    with pytest.raises(ValueError, match="the log is applied already"):
        log.add_function(names["function"], names["donor"])
    with pytest.raises(ValueError, match="the log is applied already"):
        log.add_constant(names["outer"].__code__, *[names["function"].__code__] * 2)
    with pytest.raises(ValueError, match="the log is applied already"):
        log.add_items({}, {})
    assert (len(log), answers(names)) == (3, NEW)
    log.undo()
    with pytest.raises(ValueError, match="only a log that is applied can be undone"):
        log.undo()
    assert answers(names) == OLD
    log.commit()
    log.discard()
    log.discard()
    with pytest.raises(ValueError, match="only a log that is applied can be undone"):
        log.undo()
    assert answers(names) == NEW


def test_an_empty_log() -> None:
    log = _core.Log()
    log.commit()
    assert (len(log), log.applied) == (0, True)
    log.undo()
    log.discard()


@pytest.fixture
def collector() -> Iterator[None]:
    enabled, threshold = gc.isenabled(), gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    (gc.enable if enabled else gc.disable)()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(collector: None, enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    log, _ = mixed()
    log.commit()
    assert gc.isenabled() is enabled
    log.undo()
    assert gc.isenabled() is enabled


def test_garbage_sees_whole_sets(collector: None) -> None:
    """A collection in the middle of a commit would run finalizers that look at half a commit."""
    functions = [made(f"def f(): return {n} * 0")["f"] for n in range(20)]
    donors = [made("def f(x=[]): return 1")["f"] for _ in range(20)]
    seen: set[tuple[int, ...]] = set()

    class Garbage:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            seen.add(tuple(f() for f in functions))

    gc.enable()
    gc.set_threshold(1, 1, 1)
    for _ in range(20):
        log = _core.Log()
        for target, donor in zip(functions, donors, strict=True):
            log.add_function(target, donor)
        log.add_items({}, {n: [n] for n in range(100)})
        for _ in range(10):
            Garbage()
        log.commit()
        for _ in range(10):
            Garbage()
        log.undo()
        log.discard()
    gc.collect()
    assert seen  # when it collects is the collector's own business
    assert seen <= {(0,) * 20, (1,) * 20}
