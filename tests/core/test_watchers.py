"""Others who watch functions (torch, CinderX) are told, and are not in the way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from edits import commit, made

from mighty_patcher import _core

testcapi: Any = pytest.importorskip("_testcapi", reason="this Python has no _testcapi")
if sys.version_info < (3, 12):
    pytest.skip("functions can be watched from 3.12 on", allow_module_level=True)

SOURCE = """
def old(): return "old"
def new(a=1): return "new"
"""


@contextmanager
def watched(callback: Callable[[int, Any, Any], object]) -> Iterator[None]:
    watcher = testcapi.add_func_watcher(callback)
    try:
        yield
    finally:
        testcapi.clear_func_watcher(watcher)


def test_watchers_hear_of_the_new_code_and_of_the_old() -> None:
    names = made(SOURCE)
    heard: list[tuple[int, object]] = []

    def callback(event: int, function: Any, value: Any) -> None:
        if function is names["old"]:
            heard.append((event, value))

    codes = [names["old"].__code__, names["new"].__code__]
    with watched(callback):
        log = commit(names["old"], names["new"])
        assert (testcapi.PYFUNC_EVENT_MODIFY_CODE, codes[1]) in heard
        assert heard[0][0] == testcapi.PYFUNC_EVENT_MODIFY_DEFAULTS
        heard.clear()
        log.undo()
        assert (testcapi.PYFUNC_EVENT_MODIFY_CODE, codes[0]) in heard


def test_the_code_is_announced_when_it_is_there() -> None:
    names = made(SOURCE)
    called: list[str] = []

    def callback(event: int, function: Any, value: Any) -> None:
        if event == testcapi.PYFUNC_EVENT_MODIFY_CODE:
            called.append(function())

    with watched(callback):
        log = commit(names["old"], names["new"])
        log.undo()
    assert called == ["new", "old"]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13, a version is not final")
def test_a_watched_function_keeps_its_version() -> None:
    import dis

    names = made(SOURCE + "def site(): return old()")
    with watched(lambda *_: None):
        commit(names["old"], names["new"])
    for _ in range(100):
        names["site"]()
    calls = [i.opname for i in dis.get_instructions(names["site"], adaptive=True)]
    assert "CALL" not in calls


def test_a_watcher_that_fails_is_reported_and_stops_nothing() -> None:
    names = made(SOURCE)
    reported: list[object] = []

    def callback(event: int, function: Any, value: Any) -> None:
        if function is names["old"]:
            raise KeyError("watcher")

    hook = sys.unraisablehook
    sys.unraisablehook = lambda report: reported.append(report.exc_type)
    try:
        with watched(callback):
            log = commit(names["old"], names["new"])
    finally:
        sys.unraisablehook = hook
    assert names["old"]() == "new"
    assert set(reported) == {KeyError}
    log.undo()
    assert names["old"]() == "old"


def test_several_watchers() -> None:
    names = made(SOURCE)
    heard: list[str] = []

    def callback(name: str) -> Callable[[int, Any, Any], None]:
        def hear(event: int, function: Any, value: Any) -> None:
            if event == testcapi.PYFUNC_EVENT_MODIFY_CODE:
                heard.append(name)

        return hear

    with watched(callback("first")), watched(callback("second")):
        log = commit(names["old"], names["new"])
        log.undo()
    assert heard == ["first", "second"] * 2


def test_our_own_question_leaves_no_watcher() -> None:
    names = made(SOURCE)
    for _ in range(20):
        commit(names["old"], names["new"])
    with watched(lambda *_: None):
        pass


@pytest.mark.skipif(
    not hasattr(testcapi, "function_setvectorcall"), reason="this _testcapi cannot set a vectorcall"
)
def test_a_vectorcall_of_somebody_else_stays_in_force() -> None:
    names = made(SOURCE + "def site(): return old()")
    testcapi.function_setvectorcall(names["old"])
    wanted = names["site"]()
    assert wanted != "old"
    log = commit(names["old"], names["new"], _core.CODE)
    for _ in range(100):
        assert names["site"]() == wanted
    log.undo()
    for _ in range(100):
        assert names["site"]() == wanted
