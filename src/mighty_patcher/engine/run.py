"""Run a module again in its own namespace: the only place that executes user code."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType
from typing import Any

from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.modules import filename_of, namespace_of

__all__ = ["currently_reloading", "frame_of", "run_again", "running_code"]

# The namespaces that are being executed again, by the identity of each, with the thread that does.
_running: dict[int, int] = {}


def currently_reloading() -> bool:
    """Tell whether the calling module is being executed again by a reload.

    False while a module is imported for the first time, also if that import happens because another
    module is executed again; False when called from anywhere later on.

    Example:
        >>> if not currently_reloading():
        ...     connection = "opened once"
    """
    if not _running:
        return False
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return _running.get(id(frame.f_globals)) == threading.get_ident()
        frame = frame.f_back
    return False


def run_again(module: ModuleType, code: CodeType) -> tuple[dict[str, Any], Journal]:
    """Execute new code of a module in the module's namespace, which is not cleared first.

    Args:
        module: The module.
        code: What to execute.

    Returns:
        The namespace as it was before, and a journal that puts it back.

    Raises:
        BaseException: Whatever the code raised; the namespace is as it was before.
    """
    namespace = namespace_of(module)
    before = dict(namespace)
    journal = Journal()
    importlib.invalidate_caches()  # files that it imports may be as new as this one
    try:
        with _marked(namespace):
            exec(code, namespace)
    except BaseException:
        journal.executed(namespace, before)
        journal.undo()
        raise
    journal.executed(namespace, before)
    return before, journal


def frame_of(module: ModuleType) -> FrameType | None:
    """Return the frame in which a module's own top-level code is running now, on any thread.

    A debugger or a prompt may execute code of its own in the same namespace.
    """
    namespace, name = namespace_of(module), os.path.basename(filename_of(module) or "")
    found: list[FrameType] = []

    def look(frame: FrameType) -> None:
        code = frame.f_code
        is_own = os.path.basename(code.co_filename) == name
        if frame.f_globals is namespace and code.co_name == "<module>" and is_own:
            found.append(frame)

    _visit_frames(look)
    return found[0] if found else None


def running_code(filename: str) -> list[CodeType]:
    """Return the code of a file that threads are executing right now, outermost callers included.

    A module's own code lives only as long as it runs, and a function's may outlive the function.
    """
    codes: dict[int, CodeType] = {}

    def look(frame: FrameType) -> None:
        if frame.f_code.co_filename == filename:
            codes[id(frame.f_code)] = frame.f_code

    _visit_frames(look)
    return list(codes.values())


def _visit_frames(visit: Callable[[FrameType], None]) -> None:
    """Show every frame of every thread to a function.

    The frame of this very call is among them. A name of it that is left would make it hold itself,
    and through its callers all that a reload has at hand, until the collector comes.
    """
    frame: FrameType | None = None
    waiting = list(sys._current_frames().values())
    try:
        while waiting:
            frame = waiting.pop()
            visit(frame)
            if frame.f_back is not None:
                waiting.append(frame.f_back)
    finally:
        waiting.clear()
        frame = None


@contextmanager
def _marked(namespace: dict[str, Any]) -> Iterator[None]:
    _running[id(namespace)] = threading.get_ident()
    try:
        yield
    finally:
        del _running[id(namespace)]
