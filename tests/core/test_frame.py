"""What every thread is executing right now."""

from __future__ import annotations

import sys
import threading

from mighty_patcher import _core


def names(module: str = __name__) -> list[str]:
    """The functions of a module that are running, innermost first within each thread."""
    return [
        code.co_name
        for code, variables, _ in _core.running_frames()
        if variables.get("__name__") == module
    ]


def test_callers_are_included_and_innermost_come_first() -> None:
    def inner() -> list[str]:
        return names()

    def outer() -> list[str]:
        return inner()

    assert outer()[:4] == ["names", "inner", "outer", sys._getframe().f_code.co_name]


def test_the_line() -> None:
    me = sys._getframe()
    lines = [line for code, _, line in _core.running_frames() if code is me.f_code]
    assert lines == [me.f_lineno - 1]


def test_other_threads() -> None:
    ready, go = threading.Event(), threading.Event()

    def waits() -> None:
        ready.set()
        go.wait(10)

    thread = threading.Thread(target=waits)
    thread.start()
    assert ready.wait(10)
    assert "waits" in names()
    go.set()
    thread.join()
    assert "waits" not in names()


def test_threads_that_come_and_go_and_run_deep() -> None:
    stop = threading.Event()

    def deep(depth: int) -> int:
        return deep(depth - 1) + 1 if depth else 0

    def busy() -> None:
        while not stop.is_set():
            deep(50)
            threading.Thread(target=deep, args=(5,)).start()

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        assert "test_threads_that_come_and_go_and_run_deep" in names()
    stop.set()
    for thread in threads:
        thread.join()
