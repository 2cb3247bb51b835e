"""Threads that call forty functions while these are patched see whole sets, and no mixture."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import FunctionType

import pytest
from edits import commit, made
from steady import DEBUG

from mighty_patcher import _core

FUNCTIONS = 40
READERS = 4
TIMEOUT = 120.0  # seconds to wait for a thread that has nothing left to do
# Without the GIL, each commit has to bring busy readers to a stop; a debug build is slow.
COMMITS = 1000 if _core.FREE_THREADED else 10_000
if DEBUG:
    COMMITS //= 5

# Three ways to answer with one's generation. Each commit gives each function the next of them, so
# that code without its defaults or cells, or the other way round, raises an error, or crashes.
WAYS = made("""
    def keyword(x, *, generation): return generation
    def default(x, y=None, generation=None): return generation
    def maker(generation):
        def cell(x): return generation
        return cell
""")


def donors(generation: int) -> list[FunctionType]:
    """New content for all functions. It is quick to make, so that commits follow closely."""
    ways = [
        FunctionType(WAYS["keyword"].__code__, WAYS),
        FunctionType(WAYS["default"].__code__, WAYS, None, (None, generation)),
        WAYS["maker"](generation),
    ]
    ways[0].__kwdefaults__ = {"generation": generation}
    return [ways[(number + generation) % 3] for number in range(FUNCTIONS)]


def is_whole(answers: list[int], history: list[int]) -> bool:
    """True if the answers, one after the other, can come from the states, one after the other."""
    states = iter(history)
    state = next(states, None)
    for answer in answers:
        while state != answer:
            if state is None:
                return False
            state = next(states, None)
    return True


class Reader(threading.Thread):
    """Calls all functions in one order, over and over, and compares what they say with the states
    that there have been meanwhile."""

    def __init__(self, call: Callable[[], list[int]], history: list[int]) -> None:
        super().__init__()
        self.call, self.history = call, history
        self.calls = 0
        self.mixtures: list[list[int]] = []
        self.error: BaseException | None = None
        self.begun = threading.Event()
        self.stopping = False

    def run(self) -> None:
        try:
            while not self.stopping:
                # The newest entry is written before its commit, so the one before may still hold.
                since = max(0, len(self.history) - 2)
                answers = self.call()
                self.calls += len(answers)
                if not is_whole(answers, self.history[since:]):
                    self.mixtures.append(answers)
                self.begun.set()
        except BaseException as error:
            self.error = error
            self.begun.set()


@pytest.fixture
def impatient() -> Iterator[None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


def test_the_judge() -> None:
    assert is_whole([0, 0, 0], [0])
    assert is_whole([0, 0, 1, 1], [0, 1])
    assert is_whole([0, 1, 0, 2], [0, 1, 0, 2])
    assert is_whole([2, 2], [0, 1, 0, 2])
    assert not is_whole([0, 1, 0, 1], [0, 1])
    assert not is_whole([1, 0], [0, 1])
    assert not is_whole([0, 2, 1], [0, 1, 0, 2])


def callers(functions: list[FunctionType]) -> list[Callable[[], list[int]]]:
    """One that calls in this order, and one in the opposite; each call is a site of its own."""
    made_callers = []
    for order in (range(FUNCTIONS), reversed(range(FUNCTIONS))):
        calls = ", ".join(f"f{number}(1)" for number in order)
        namespace = {f"f{number}": function for number, function in enumerate(functions)}
        exec(f"def call(): return [{calls}]", namespace)
        made_callers.append(namespace["call"])
    return made_callers  # type: ignore[return-value]


def read_while(
    functions: list[FunctionType], history: list[int], write: Callable[[], None]
) -> list[Reader]:
    """Let readers read while write() runs, and return them."""
    forwards, backwards = callers(functions)
    readers = [Reader((forwards, backwards)[n % 2], history) for n in range(READERS)]
    for reader in readers:
        reader.start()
    try:
        for reader in readers:
            assert reader.begun.wait(TIMEOUT)
        write()
    finally:
        for reader in readers:
            reader.stopping = True
        for reader in readers:
            reader.join(TIMEOUT)
    return readers


def patch_together(functions: list[FunctionType], generation: int) -> list[_core.Log]:
    log = _core.Log()
    for target, donor in zip(functions, donors(generation), strict=True):
        log.add_function(target, donor)
    log.commit()
    return [log]


def patch_one_by_one(functions: list[FunctionType], generation: int) -> list[_core.Log]:
    return [
        commit(target, donor) for target, donor in zip(functions, donors(generation), strict=True)
    ]


@pytest.mark.unsteady("runs for seconds; test_memory.py repeats what it does")
@pytest.mark.parametrize(
    ("patch", "times"), [(patch_together, COMMITS), (patch_one_by_one, COMMITS // 10)]
)
def test_whole_sets(
    impatient: None, patch: Callable[[list[FunctionType], int], list[_core.Log]], times: int
) -> None:
    functions = [FunctionType(WAYS["maker"].__code__, WAYS) for _ in range(FUNCTIONS)]
    patch(functions, 0)
    history = [0]

    def write() -> None:
        kept: list[list[_core.Log]] = []
        for generation in range(1, times + 1):
            history.append(generation)
            logs = patch(functions, generation)
            if generation % 3:
                kept.append(logs)
            else:
                history.append(generation - 1)
                for log in logs:
                    log.undo()
            if len(kept) > 5:
                for log in kept.pop(0):
                    log.discard()

    readers = read_while(functions, history, write)
    assert [reader.error for reader in readers] == [None] * READERS
    assert all(reader.calls > FUNCTIONS for reader in readers)
    assert functions[0](1) == history[-1]
    # One by one must be noticed, or this test would prove nothing.
    mixtures = sum(len(reader.mixtures) for reader in readers)
    assert (mixtures > 0) is (patch is patch_one_by_one)


@pytest.mark.unsteady("runs for seconds; test_memory.py repeats what it does")
def test_a_dictionary_is_never_half_full(impatient: None) -> None:
    """Whoever copies it in one step gets the old or the new content."""
    contents = [{f"{word} {n}": word for n in range(50)} for word in ("old", "new")]
    target = dict(contents[0])
    mixtures: list[dict[str, str]] = []
    begun, done = threading.Event(), threading.Event()

    def read() -> None:
        while not done.is_set():
            copy = target.copy()
            if copy not in contents:
                mixtures.append(copy)
            begun.set()

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        assert begun.wait(TIMEOUT)
        for _ in range(COMMITS):
            log = _core.Log()
            log.add_items(target, contents[1])
            log.commit()
            log.undo()
    finally:
        done.set()
        for thread in threads:
            thread.join(TIMEOUT)
    assert mixtures == []
    assert target == contents[0]


@pytest.mark.unsteady("runs for seconds; test_memory.py repeats what it does")
def test_running_generators_and_new_ones(impatient: None) -> None:
    """Readers make and finish generators, whose code changes in between."""
    names = made("""
        def old(a, b=2):
            yield "old"
            yield "old"
        def maker(x, y):
            def new(a):
                yield x
                yield y
            return new
    """)
    old, new = names["old"], names["maker"]("new", "new")
    mixtures: list[list[str]] = []
    begun, done = threading.Event(), threading.Event()

    def read() -> None:
        while not done.is_set():
            words = [*old(1)]
            if words not in (["old"] * 2, ["new"] * 2):
                mixtures.append(words)
            begun.set()

    threads = [threading.Thread(target=read) for _ in range(READERS)]
    for thread in threads:
        thread.start()
    try:
        assert begun.wait(TIMEOUT)
        for _ in range(COMMITS):
            log = _core.Log()
            log.add_function(old, new)
            log.commit()
            log.undo()
            log.discard()
    finally:
        done.set()
        for thread in threads:
            thread.join(TIMEOUT)
    assert mixtures == []
    assert [*old(1)] == ["old"] * 2
