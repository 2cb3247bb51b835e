"""One pass over the heap finds every function, wherever it hides."""

from __future__ import annotations

import collections
import contextvars
import functools
import gc
import itertools
import operator
import signal
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType

import pytest
from edits import made, nested
from steady import FEW

from mighty_patcher import _core

NUMBERS = itertools.count()


pytestmark = pytest.mark.runs(FEW)  # each goes through the heap


@pytest.fixture(scope="module", autouse=True)
def frozen() -> None:
    """Nothing is frozen here, unlike in the other modules: here it makes a difference."""


def elsewhere() -> str:
    """A file name that no other function has, not even garbage that is not collected yet."""
    return f"<elsewhere {next(NUMBERS)}: \N{GREEK SMALL LETTER BETA}>"


def hidden(filename: str) -> FunctionType:
    """A new function that nobody else knows."""
    function: FunctionType = made("def f(*args): return args", filename).pop("f")
    return function


def generator(value: object) -> Iterator[object]:
    while True:
        yield value


async def coroutine(value: object) -> object:
    return value


class Target:
    """Something that can be referred to weakly."""


def in_a_signal_handler(function: FunctionType) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, function)
    yield
    signal.signal(signal.SIGTERM, before)


def in_a_weak_callback(function: FunctionType) -> Iterator[None]:
    target = Target()
    reference = weakref.ref(target, function)
    yield
    del reference


def in_a_started_generator(function: FunctionType) -> Iterator[None]:
    started = generator(function)
    next(started)
    del function
    yield
    started.close()


def in_a_coroutine(function: FunctionType) -> Iterator[None]:
    waiting = coroutine(function)
    del function
    yield
    waiting.close()


def in_a_context_variable(function: FunctionType) -> Iterator[None]:
    context = contextvars.copy_context()
    context.run(VARIABLE.set, function)
    yield
    del context


def in_a_thread_local(function: FunctionType) -> Iterator[None]:
    local = threading.local()
    local.function = function
    yield
    del local


def in_a_traceback(function: FunctionType) -> Iterator[None]:
    try:
        raise KeyError(function)
    except KeyError as error:
        kept = error
    yield
    del kept


VARIABLE: contextvars.ContextVar[object] = contextvars.ContextVar("VARIABLE")

HOLDERS: dict[str, Callable[[FunctionType], object]] = {
    "list": lambda f: [f],
    "tuple": lambda f: (f,),
    "dict value": lambda f: {"f": f},
    "dict key": lambda f: {f: 1},
    "set": lambda f: {f},
    "frozenset": lambda f: frozenset([f]),
    "deque": lambda f: collections.deque([f]),
    "default": lambda f: lambda function=f: function,
    "keyword default": lambda f: lambda *, function=f: function,
    "closure": lambda f: lambda: f,
    "partial": lambda f: functools.partial(f, 1),
    "partialmethod": lambda f: functools.partialmethod(f, 1),
    "wrapper": lambda f: functools.wraps(f)(lambda *args: f(*args)),
    "lru_cache": lambda f: functools.lru_cache(f),
    "cached_property": lambda f: functools.cached_property(f),
    "singledispatch": lambda f: functools.singledispatch(f),
    "bound method": lambda f: types.MethodType(f, 1),
    "property": lambda f: property(fset=f),
    "classmethod": lambda f: classmethod(f),
    "staticmethod": lambda f: staticmethod(f),
    "class": lambda f: type("C", (), {"f": f}),
    "instance": lambda f: types.SimpleNamespace(f=f),
    "map": lambda f: map(f, []),
    "filter": lambda f: filter(f, []),
    "accumulate": lambda f: itertools.accumulate([1], f),
    "groupby": lambda f: itertools.groupby([1], f),
    "starmap": lambda f: itertools.starmap(f, []),
    "takewhile": lambda f: itertools.takewhile(f, []),
    "method caller": lambda f: operator.methodcaller("f", f),
    "callable iterator": lambda f: iter(f, None),
    "cell": lambda f: types.CellType(f),
    "mapping proxy": lambda f: types.MappingProxyType({"f": f}),
    "defaultdict": lambda f: collections.defaultdict(f),
    "cmp_to_key": lambda f: functools.cmp_to_key(f),
    "slice": lambda f: slice(f),
    "weak callback": in_a_weak_callback,
    "signal handler": in_a_signal_handler,
    "generator": in_a_started_generator,
    "coroutine": in_a_coroutine,
    "context variable": in_a_context_variable,
    "thread local": in_a_thread_local,
    "traceback": in_a_traceback,
}


@pytest.mark.parametrize("place", HOLDERS)
def test_wherever_it_hides(place: str) -> None:
    filename = elsewhere()
    function = hidden(filename)
    code, identity = function.__code__, id(function)
    holder = HOLDERS[place](function)
    if isinstance(holder, types.GeneratorType):
        next(holder)
    del function
    for found in (_core.find_functions([], [filename]), _core.find_functions([code], [])):
        assert [id(function) for function in found] == [identity]
    if isinstance(holder, types.GeneratorType):
        next(holder, None)


def test_closures_and_nested_functions_made_earlier() -> None:
    filename = elsewhere()
    names = made(
        """
        def maker(n):
            def inner():
                return lambda: n
            return inner
        """,
        filename,
    )
    inners = [names["maker"](n) for n in range(3)]
    innermost = [inner() for inner in inners]
    inner = nested(names["maker"].__code__, "inner")
    assert identities([inner]) == {*map(id, inners)}
    assert identities([nested(inner, "<lambda>")]) == {*map(id, innermost)}
    everything = [names["maker"], *inners, *innermost]
    assert identities([], [filename]) == {*map(id, everything)}


def identities(codes: list[CodeType], filenames: list[str] = []) -> set[int]:  # noqa: B006
    found = _core.find_functions(codes, filenames)
    assert len({*map(id, found)}) == len(found)
    return {*map(id, found)}


def test_functions_that_a_decorator_hides() -> None:
    filename = elsewhere()
    names = made(
        """
        def decorate(function):
            calls = []
            class Wrapper:
                def __call__(self, *args):
                    calls.append(args)
                    return function(*args)
            return Wrapper().__call__
        @decorate
        @decorate
        def f(): pass
        """,
        filename,
    )
    gc.collect()  # functions that only made a class
    found = _core.find_functions([], [filename])
    assert sorted(function.__name__ for function in found) == [
        *["__call__"] * 2,
        "decorate",
        "f",
    ]
    del names


def test_more_than_the_first_guess() -> None:
    filename = elsewhere()
    functions = [hidden(filename)]
    code = functions[0].__code__
    for count in (1023, 1024, 1025, 3000):
        functions += [FunctionType(code, {}) for _ in range(count - len(functions))]
        assert identities([code]) == {*map(id, functions)}
        assert identities([], [filename]) == {*map(id, functions)}


def test_several_codes_and_filenames_at_once() -> None:
    filenames = [elsewhere() for _ in range(6)]
    functions = [hidden(filename) for filename in filenames]
    codes = [function.__code__ for function in functions]
    assert identities(codes[:3], filenames[2:5]) == {*map(id, functions[:5])}
    assert identities(codes[5:] * 3, filenames[5:] * 3) == {id(functions[5])}


def test_nothing_is_found_for_nothing() -> None:
    filename = elsewhere()
    function = hidden(filename)
    assert _core.find_functions([], []) == []
    assert _core.find_functions([], ["", filename[:-1], filename + "x", "ascii"]) == []
    assert _core.find_functions([function.__code__.replace()], []) == []


def test_filenames_are_compared_by_text() -> None:
    class Path(str):
        __slots__ = ()

    for filename in (elsewhere(), elsewhere() + "\N{SNAKE}", f"<{next(NUMBERS)} in ascii>"):
        function = hidden(filename)
        assert identities([], ["".join([*filename])]) == {id(function)}
        assert identities([], [Path(filename)]) == {id(function)}


def test_frozen_functions() -> None:
    filename = elsewhere()
    early = hidden(filename)
    gc.freeze()
    try:
        late = hidden(filename)
        assert identities([], [filename]) == {id(early), id(late)}
    finally:
        gc.unfreeze()


def test_nothing_is_frozen_by_it() -> None:
    """What is frozen, again or by mistake, is not collected any more."""
    early = Target()
    early.cycle = early  # type: ignore[attr-defined]
    gc.freeze()
    late = Target()
    late.cycle = late  # type: ignore[attr-defined]
    before = gc.get_freeze_count()
    _core.find_functions([], [__file__])
    assert gc.get_freeze_count() < before
    dead = [weakref.ref(early), weakref.ref(late)]
    del early, late
    gc.collect()
    assert [reference() for reference in dead] == [None, None]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    if not enabled:
        gc.disable()
    try:
        before = gc.get_freeze_count()  # 3.12 freezes what is immortal by itself
        _core.find_functions([], [__file__])
        assert gc.isenabled() is enabled
        assert gc.get_freeze_count() <= before
    finally:
        gc.enable()


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^expected a file name, not 'bytes'$"):
        _core.find_functions([], [b"x"])  # type: ignore[list-item]
    for wrong in (None, (), "x"):
        with pytest.raises(TypeError):
            _core.find_functions(wrong, [])  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            _core.find_functions([], wrong)  # type: ignore[arg-type]


def test_while_other_threads_make_functions() -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            [lambda: None for _ in range(100)]

    threads = [threading.Thread(target=work) for _ in range(3)]
    filename = elsewhere()
    function = hidden(filename)
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            assert identities([], [filename]) == {id(function)}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
