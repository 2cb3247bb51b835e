"""The refcount gate: does anything unknown hold the code?

What a test holds itself counts too, so each makes its functions from source, whose module code is
gone, and keeps no code object in a variable unless that is the point.
"""

from __future__ import annotations

import sys
from types import CodeType, FunctionType
from typing import Any

import pytest
from edits import made

from mighty_patcher import _core

SOURCE = """
def plain(): return 1

def outer():
    value = 1
    def inner():
        return lambda: value
    return inner

def generator():
    yield 1
    yield 2

async def coroutine(): pass
"""

exact = pytest.mark.skipif(_core.FREE_THREADED, reason="references to code are not counted exactly")


def held(*functions: Any, roots: Any = None, vouched: Any = None) -> bool:
    return _core.is_held_elsewhere([*functions], roots or [], vouched or [])


@pytest.mark.skipif(not _core.FREE_THREADED, reason="with the GIL the answer is exact")
def test_nothing_is_certain_without_the_gil() -> None:
    assert held(made(SOURCE)["plain"])
    assert held()


@exact
@pytest.mark.parametrize("name", ["plain", "outer", "generator", "coroutine"])
def test_known_functions_alone(name: str) -> None:
    names = made(SOURCE)
    assert not held(names[name])
    names[name].__defaults__ = ()
    for _ in range(100):  # specialised, the code is the same
        result = names[name]()
        if name == "coroutine":
            result.close()
        del result
    assert not held(names[name])


@exact
def test_nothing() -> None:
    assert not held()


@exact
def test_a_function_that_shares_the_code() -> None:
    plain = made(SOURCE)["plain"]
    other = FunctionType(plain.__code__, {})
    assert held(plain)
    assert held(other)
    assert not held(plain, other)


@exact
def test_closures_made_earlier() -> None:
    outer = made(SOURCE)["outer"]
    inner = outer()
    assert held(outer)
    assert not held(outer, inner)
    innermost = inner()
    assert held(outer, inner)
    assert not held(outer, inner, innermost)
    inner = None
    assert held(outer)
    assert not held(outer, innermost)
    innermost = None
    assert not held(outer)


@exact
def test_a_generator_that_waits() -> None:
    function = made(SOURCE)["generator"]
    generator = function()
    assert held(function)
    next(generator)
    assert held(function)
    generator.close()
    generator = None
    assert not held(function)


@exact
def test_a_coroutine_that_waits() -> None:
    function = made(SOURCE)["coroutine"]
    coroutine = function()
    assert held(function)
    coroutine.close()
    coroutine = None
    assert not held(function)


@exact
def test_a_frame_that_runs() -> None:
    names = made("def f(ask): return ask()")
    assert names["f"](lambda: held(names["f"]))
    assert not held(names["f"])


@exact
def test_a_frame_that_a_traceback_keeps() -> None:
    function = made("def f(): raise KeyError")["f"]
    error = None
    try:
        function()
    except KeyError as caught:
        error = caught
    assert held(function)
    error = None
    assert error is None
    assert not held(function)


@exact
def test_roots_are_known_with_all_below() -> None:
    code = compile(SOURCE, "<root>", "exec")
    names: dict[str, Any] = {}
    exec(code, names)
    assert held(names["plain"])
    assert held(names["outer"])
    assert not held(names["plain"], roots=[code])
    assert not held(names["outer"], roots=[code])
    assert not held(names["plain"], names["outer"], roots=[code, code])
    inner = names["outer"]()
    assert held(names["outer"], roots=[code])
    assert held(inner)
    assert not held(inner, roots=[code])
    del code
    assert not held(names["outer"], inner)


@exact
def test_copies_that_share_their_constants() -> None:
    names = made(SOURCE)
    copy = FunctionType(names["outer"].__code__.replace(co_name="copy"), {})
    assert copy.__code__.co_consts is names["outer"].__code__.co_consts
    # One tuple refers to the inner code, however many code objects hold the tuple.
    assert not held(names["outer"])
    assert not held(names["outer"], copy)
    inner = copy()
    assert held(names["outer"], copy)
    assert held(copy)
    assert not held(copy, inner)


@exact
def test_copies_that_do_not() -> None:
    names = made(SOURCE)
    code = names["outer"].__code__
    copy = FunctionType(code.replace(co_consts=(*code.co_consts,)), {})
    code = None
    assert held(names["outer"])
    assert not held(names["outer"], copy)


@exact
def test_what_the_caller_vouches_for() -> None:
    plain = made(SOURCE)["plain"]
    mine: CodeType | None = plain.__code__
    assert held(plain)
    assert not held(plain, vouched=[mine])
    other = FunctionType(plain.__code__, {})
    assert held(plain, vouched=[mine])
    assert not held(plain, other, vouched=[mine])
    mine = None
    assert not held(plain, other)


@exact
def test_what_was_patched_is_free() -> None:
    names = made(SOURCE)
    new = made("def plain(): return 2").pop("plain")
    log = _core.Log()
    log.add_function(names["plain"], new)
    log.commit()
    # The log holds the old code, and two functions the new one.
    assert held(names["plain"])
    assert not held(names["plain"], new)
    new = None
    assert not held(names["plain"])
    log.discard()


@exact
def test_monitoring_and_tracing_hold_nothing() -> None:
    plain = made(SOURCE)["plain"]
    before = sys.gettrace()
    sys.settrace(lambda *_: lambda *_: None)
    plain()
    sys.settrace(before)
    assert not held(plain)


def test_wrong_types_are_refused() -> None:
    for wrong in (None, (), {}, "x"):
        for at in range(3):
            arguments: list[Any] = [[], [], []]
            arguments[at] = wrong
            with pytest.raises(TypeError):
                _core.is_held_elsewhere(*arguments)


@exact
def test_wrong_items_are_refused() -> None:
    plain = made(SOURCE)["plain"]
    with pytest.raises(TypeError, match=r"^expected a function, not 'code'$"):
        held(plain.__code__)
    with pytest.raises(TypeError, match=r"^expected a code object, not 'function'$"):
        held(plain, roots=[plain])
    with pytest.raises(TypeError, match=r"^expected a code object, not 'function'$"):
        held(plain, vouched=[plain])
