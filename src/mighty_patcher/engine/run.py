"""Run a module again in its own namespace: the only place that executes user code."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.modules import filename_of, namespace_of

__all__ = ["currently_reloading", "run_again", "running_code", "running_line"]

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


def running_line(module: ModuleType) -> tuple[CodeType, int] | None:
    """Return a module's own top-level code and its line, if a thread is executing it right now.

    A debugger or a prompt may execute code of its own in the same namespace.
    """
    namespace, name = namespace_of(module), os.path.basename(filename_of(module) or "")
    for code, variables, line in _core.running_frames():
        is_own = os.path.basename(code.co_filename) == name
        if variables is namespace and code.co_name == "<module>" and is_own:
            return code, line
    return None


def running_code(filename: str) -> list[CodeType]:
    """Return the code of a file that threads are executing right now, outermost callers included.

    A module's own code lives only as long as it runs, and a function's may outlive the function.
    """
    codes = [code for code, _, _ in _core.running_frames() if code.co_filename == filename]
    return list({id(code): code for code in codes}.values())


@contextmanager
def _marked(namespace: dict[str, Any]) -> Iterator[None]:
    _running[id(namespace)] = threading.get_ident()
    try:
        yield
    finally:
        del _running[id(namespace)]
