"""A hundred thousand patches leave nothing behind."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import pytest
from edits import commit, commit_code, made, nested
from steady import DEBUG, alive

from mighty_patcher import _core

PATCHES = 10_000 if DEBUG else 100_000  # debug builds count every reference, but are slow
WARM = 1_000
PASSES = 50  # over the heap, each of which would leave one object at least
NOISE = 100  # objects, references or blocks, however many patches there were

try:
    from resource import RUSAGE_SELF, getrusage

    def most_memory() -> int:
        """The most memory that the process ever had, in KiB (bytes on macOS)."""
        return getrusage(RUSAGE_SELF).ru_maxrss
except ImportError:  # Windows

    def most_memory() -> int:
        """Not known here; blocks are counted all the same."""
        return 0


SPARE = (1 << 21) if sys.platform == "darwin" else (1 << 11)  # 2 MiB

SOURCE = """
def maker(a, b, c):
    def f0(x=1): return x
    def f1(): return a
    def f2(*, k=2): "doc"; return a, b, k
    def f3(): return a, b, c
    return f0, f1, f2, f3

def plain(): return 1
def other(a: int = 1, *b: str, c: float = 2, **d: bytes) -> None: "doc"
other.mark = "mark"
def generator(): yield 1
async def coroutine(): pass
async def asyncgen(): yield

def outer(): return lambda: 1
def new_outer(): return lambda: 2
"""


def patched(target: Any, donors: list[Any], fields: int = _core.ALL_FIELDS) -> Callable[[], None]:
    """A step that patches one function with the next donor, for good."""
    turns = itertools.cycle(donors)

    def step() -> None:
        commit(target, next(turns), fields).discard()

    return step


def cells(*numbers: int) -> Callable[[], None]:
    maker = made(SOURCE)["maker"]
    functions = [*maker(1, 2, 3), *maker(4, 5, 6)]
    return patched(maker(7, 8, 9)[0], [functions[number] for number in numbers])


def kinds() -> Callable[[], None]:
    names = made(SOURCE)
    return patched(
        names["plain"],
        [names[name] for name in ("other", "generator", "coroutine", "asyncgen")],
    )


def undone() -> Callable[[], None]:
    names = made(SOURCE)
    functions = names["maker"](1, 2, 3)

    def step() -> None:
        log = _core.Log()
        log.add_function(functions[3], functions[0])
        log.add_function(names["plain"], names["other"])
        log.commit()
        log.undo()

    return step


def overlapping() -> Callable[[], None]:
    """As reloads are: the log of the last one is kept until the next one is in."""
    functions = made(SOURCE)["maker"](1, 2, 3)
    target = made(SOURCE)["maker"](4, 5, 6)[0]
    turns, logs = itertools.cycle([3, 0, 1, 0, 0, 2]), []

    def step() -> None:
        logs.append(commit(target, functions[next(turns)]))
        if len(logs) > 1:
            logs.pop(0).discard()

    return step


def constants() -> Callable[[], None]:
    names = made(SOURCE)
    outer = names["outer"].__code__
    turns = itertools.cycle([nested(names[n].__code__, "<lambda>") for n in ("outer", "new_outer")])
    current = next(turns)

    def step() -> None:
        nonlocal current
        following = next(turns)
        log = _core.Log()
        log.add_constant(outer, current, following)
        log.commit()
        current = following

    return step


def dictionaries() -> Callable[[], None]:
    target = {n: n for n in range(10)}
    contents = [{"a": [n]} for n in range(3)] + [{}]
    turns = itertools.cycle(contents)

    def step() -> None:
        log = _core.Log()
        log.add_items(target, next(turns))
        log.commit()

    return step


def refused() -> Callable[[], None]:
    names = made(SOURCE)
    code = names["plain"].__code__

    def step() -> None:
        log = _core.Log()
        log.add_function(names["plain"], names["other"])
        for wrong in (
            lambda: log.add_function(names["plain"], len),  # type: ignore[arg-type]
            lambda: log.add_constant(code, code, code),
            lambda: log.add_items({}, None),  # type: ignore[arg-type]
            log.undo,
        ):
            try:
                wrong()
            except (TypeError, ValueError):
                continue
            raise AssertionError("it was not refused")

    return step


def bare_code() -> Callable[[], None]:
    target = made(SOURCE)["maker"](1, 2, 3)[1]
    turns = itertools.cycle(made(SOURCE)["maker"](4, 5, 6))

    def step() -> None:
        commit_code(target, next(turns)).discard()

    return step


SHAPES: dict[str, Callable[[], Callable[[], None]]] = {
    "same number of cells": lambda: cells(2, 6),
    "three cells and none": lambda: cells(3, 0),
    "any number of cells": lambda: cells(0, 3, 1, 2, 7, 4, 4, 5),
    "kinds": kinds,
    "bare code": bare_code,
    "undone": undone,
    "overlapping": overlapping,
    "constants": constants,
    "dictionaries": dictionaries,
    "refused": refused,
}


@pytest.mark.unsteady("it measures for itself")
@pytest.mark.parametrize("shape", SHAPES)
def test_flat(shape: str) -> None:
    step = SHAPES[shape]()

    def steps(count: int) -> None:
        for _ in range(count):
            step()

    steps(WARM)
    before, blocks, memory = alive(), sys.getallocatedblocks(), most_memory()
    steps(PATCHES)
    after, more_blocks, more_memory = alive(), sys.getallocatedblocks(), most_memory()
    grown = {what: after[what] - before[what] for what in before}
    grown["blocks"] = more_blocks - blocks
    assert {what: count for what, count in grown.items() if count > NOISE} == {}
    if blocks:  # Python's own allocator, not the one of a sanitizer, which keeps what is freed
        assert more_memory - memory < SPARE


@pytest.mark.unsteady("it measures for itself")
def test_heap_and_gate_are_flat() -> None:
    names = made(SOURCE, "<memory>")
    functions = [names["plain"], names["outer"]]
    codes = [function.__code__ for function in functions]

    def step() -> None:
        assert len(_core.find_functions(codes, ["<memory>"])) > len(functions)
        _core.is_held_elsewhere(functions, codes, codes)

    for _ in range(5):
        step()
    before, blocks = alive(), sys.getallocatedblocks()
    for _ in range(PASSES):
        step()
    after, more_blocks = alive(), sys.getallocatedblocks()
    assert all(after[what] - before[what] < PASSES for what in before)
    assert more_blocks - blocks < PASSES
