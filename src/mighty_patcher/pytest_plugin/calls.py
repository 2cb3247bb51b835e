"""Which functions ran while a fixture was set up.

From 3.12 on by what `sys.monitoring` tells (entries.py), else by `sys.setprofile`. Code objects are
not kept: who holds one keeps a reload from seeing that it is gone.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType

from mighty_patcher.engine.report import Step
from mighty_patcher.pytest_plugin.entries import ENOUGH, Entries, entries

__all__ = ["Calls", "listening"]

_FOREIGN = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


class Calls:
    """Functions of the program that ran."""

    def __init__(self) -> None:
        self._functions: set[tuple[str, str]] = set()  # real path and qualified name
        self._names: set[str] = set()  # all global names and attributes that they use

    def add(self, code: CodeType) -> None:
        """Note that this ran."""
        path = _real_path(code.co_filename)
        if path is not None:
            self._functions.add((path, code.co_qualname))
            self._note_names(code)

    def _note_names(self, code: CodeType) -> None:
        self._names.update(code.co_names)
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                self._note_names(constant)

    def concern(self, step: Step, path: str) -> bool:
        """Tell whether these functions do something else since a step of a reload.

        Args:
            step: What the reload did.
            path: The real path of its module.
        """
        if not step.qualname:  # a statement that may have done anything
            return any(here == path for here, _ in self._functions)
        if any(
            here == path and f"{name}.".startswith(f"{step.qualname}.")
            for here, name in self._functions
        ):
            return True
        if step.kind == "patched":
            return False
        first, _, rest = step.qualname.partition(".")
        return first in self._names or rest.rpartition(".")[2] in self._names


_paths: dict[str, str | None] = {}


def _real_path(filename: str) -> str | None:
    """Return the real path of a file of the program; None for what is installed, or no file."""
    try:
        return _paths[filename]
    except KeyError:
        is_own = not filename.startswith(("<", *_FOREIGN)) and "site-packages" not in filename
        path = _paths[filename] = os.path.realpath(filename) if is_own else None
        return path


# --- listening ----------------------------------------------------------------------------------

_open: list[Calls] = []
_entries: list[Entries] = []


@contextmanager
def listening() -> Iterator[Calls]:
    """Note what runs in the block; blocks may be nested, and the outer one sees the inner."""
    calls = Calls()
    _open.append(calls)
    stop = _start()
    try:
        yield calls
    finally:
        _open.remove(calls)
        stop()


def _note(code: CodeType, _: int = 0) -> object:
    for calls in _open:
        calls.add(code)
    return ENOUGH


def _start() -> Callable[[], None]:
    """Begin to listen, or see again what has been seen; returns what ends it."""
    if _entries:
        _entries[-1].again()
        return lambda: None
    begun = entries(_note)
    if begun is None:
        return _start_profiling()
    begun.again()
    _entries.append(begun)

    def stop() -> None:
        _entries.pop().end()

    return stop


def _start_profiling() -> Callable[[], None]:
    before, before_in_threads = sys.getprofile(), threading.getprofile()

    def called(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            _note(frame.f_code)

    sys.setprofile(called)
    threading.setprofile(called)

    def stop() -> None:
        sys.setprofile(before)
        threading.setprofile(before_in_threads)

    return stop
