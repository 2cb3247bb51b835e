"""Run a module again in its own namespace: the only place that executes user code."""

from __future__ import annotations

import ast
import builtins
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.class_statement import ClassStatement, begin
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.module_facts import filename_of, namespace_of
from mighty_patcher.engine.parts import Part
from mighty_patcher.engine.registries import TakenOut
from mighty_patcher.engine.toplevel import names_bound

__all__ = [
    "asked_once_more",
    "currently_reloading",
    "executed_again",
    "held_value",
    "marked",
    "note_bound",
    "note_name",
    "run_again",
    "running_code",
    "running_line",
    "take_over",
]


@dataclass(frozen=True)
class _Running:
    thread: int
    keeper: Keeper | None  # None in a loop, where no object is kept
    bound: set[str]


# The namespaces that are being executed again, by the identity of each.
_running: dict[int, _Running] = {}


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
            return _running_here(frame.f_globals) is not None
        frame = frame.f_back
    return False


@contextmanager
def executed_again(namespace: dict[str, Any]) -> Iterator[None]:
    """While this thread executes all of a module again by itself, and not by a reload.

    Args:
        namespace: The namespace of the module.
    """
    _running[id(namespace)] = _Running(threading.get_ident(), None, set())
    try:
        yield
    finally:
        del _running[id(namespace)]


def _running_here(namespace: dict[str, Any]) -> _Running | None:
    """Return what is known of a module that this thread is executing again."""
    running = _running.get(id(namespace))
    return running if running and running.thread == threading.get_ident() else None


def _keeper_of(namespace: dict[str, Any]) -> Keeper | None:
    """Return who keeps the objects of a module that this thread is executing again."""
    running = _running_here(namespace)
    return running.keeper if running else None


def take_over(made: FunctionType) -> FunctionType:
    """Return what the decorators of a definition are given: the function that the program knows."""
    keeper = _keeper_of(made.__globals__)
    return made if keeper is None else keeper.functions.take_over(made)


def asked_once_more(decorator: Any, is_last: bool) -> _core.Decorator:
    """Return what stands in for a decorator in a module that is executed again: a registry that
    wants nothing twice has what is decorated already, and when it is asked again it has not. So it
    is with one that keeps what it has.

    Args:
        decorator: The decorator.
        is_last: No other is called after it for the definition.
    """
    return _core.Decorator(decorator, _make_way, _ask_again if is_last else _called)


def _make_way(value: Any) -> TakenOut | None:
    keeper = _keeper_of(sys._getframe(1).f_globals)
    return None if keeper is None else keeper.make_way(value)


def _called(decorator: Any, _: Any) -> None:
    keeper = _keeper_of(sys._getframe(1).f_globals)
    if keeper is not None:
        keeper.called.append(decorator)


def _ask_again(decorator: Any, value: Any) -> TakenOut | None:
    keeper = _keeper_of(sys._getframe(1).f_globals)
    return None if keeper is None else keeper.ask_again(decorator, value)


def note_bound(names: tuple[str, ...]) -> None:
    """Note that a block that is executed again has just bound some names."""
    running = _running_here(sys._getframe(1).f_globals)
    if running is not None:
        running.bound.update(names)


def note_name(name: Any) -> Any:
    """Note that a statement that is executed again is about to set what a text names; return it."""
    running = _running_here(sys._getframe(1).f_globals)
    if running is not None and type(name) is str:
        running.bound.add(name)
    return name


def held_value(number: int) -> Sequence[Any]:
    """Return a value that a class goes on with, to its body; nothing if it does not."""
    keeper = _keeper_of(sys._getframe(1).f_globals)
    return () if keeper is None else keeper.held[number : number + 1]


def run_again(
    module: ModuleType,
    parts: Sequence[Part],
    keeper: Keeper,
) -> None:
    """Execute new code of a module in the module's namespace, which is not cleared first.

    What a statement makes anew is folded into what the program holds before the next is executed.

    Args:
        module: The module.
        parts: What to execute, in order.
        keeper: Who keeps the objects of the module.

    Raises:
        BaseException: Whatever the code raised.
    """
    namespace = namespace_of(module)
    with marked(namespace, keeper):
        _execute(parts, namespace, keeper)


def _execute(parts: Sequence[Part], namespace: dict[str, Any], keeper: Keeper) -> None:
    bound = [_bound_by(part, namespace) for part in parts]
    last = {name: index for index, names in enumerate(bound) for name in names}
    unfolded: list[str] = []
    for index, part in enumerate(parts):
        keeper.will_run(part.code)
        if unfolded and not _only_defines(part):
            keeper.fold(unfolded)
            unfolded = []
        exec(part.code, namespace)
        if part.statement is None or "*" in bound[index]:
            unfolded = list(namespace)
        else:
            if _is_docstring(part.statement) and index == 0:
                namespace["__doc__"] = ast.get_docstring(_module_of(part.statement), clean=False)
            # What is bound again further down is something else: an overload, a property's setter.
            unfolded += [name for name in bound[index] if last[name] == index]
    keeper.fold(unfolded)


def _bound_by(part: Part, namespace: dict[str, Any]) -> list[str]:
    if part.statement is None:
        return list(namespace)
    return sorted(names_bound(_module_of(part.statement)))


def _module_of(statement: ast.stmt) -> ast.Module:
    return ast.Module(body=[statement], type_ignores=[])


def _only_defines(part: Part) -> bool:
    """Tell whether a statement calls nothing that could ask for what was defined before it."""
    statement = part.statement
    return (
        isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        and not statement.decorator_list
        and not statement.args.defaults
        and not any(statement.args.kw_defaults)
    )


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


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
def marked(
    namespace: dict[str, Any], keeper: Keeper, bound: set[str] | None = None
) -> Iterator[None]:
    """While this thread executes code of a module again.

    Args:
        namespace: The namespace of the module.
        keeper: Who keeps its objects.
        bound: Gets the names that blocks with marks bind.
    """
    bound = set() if bound is None else bound
    _running[id(namespace)] = _Running(threading.get_ident(), keeper, bound)
    make_class = builtins.__build_class__
    ours: Any = _core.ClassStatement(make_class, _begin)
    # Only while a module runs again, and all that does not concern it is handed on.
    builtins.__build_class__ = ours
    try:
        yield
    finally:
        if builtins.__build_class__ is ours:
            builtins.__build_class__ = make_class
        del _running[id(namespace)]


def _begin(
    body: Any, name: str, bases: tuple[Any, ...], keywords: dict[str, Any]
) -> ClassStatement | None:
    if type(body) is not FunctionType:
        return None
    keeper = _keeper_of(body.__globals__)
    return None if keeper is None else begin(keeper, body, name, bases, keywords)
