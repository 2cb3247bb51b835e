"""One function, called again at every save of anything it uses."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import MethodType, ModuleType
from typing import Any

from mighty_patcher.engine.bindings import names_holding
from mighty_patcher.engine.dependencies import Sources, graph_of_loaded
from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.saves import Saves
from mighty_patcher.rounds import Step, duration, say, shown, succeeds

__all__ = ["Again"]

_LONGEST = 2000  # characters of a result


class Again:
    """Stands for a function: a call of it is made again at every save of anything it uses.

    It is no function itself, or a module that runs again would give it the content of the new one.

    Args:
        module: The module of the function.
        qualname: Its qualified name there.
        saves: What calls are made again for.
        modules: The modules that it may use.
        before: Run before each call.
        after: Run after each call.
        on_error: A call that returns is not made again.

    Raises:
        LookupError: There is no such function.
    """

    __wrapped__: Callable[..., Any]

    def __init__(
        self,
        module: ModuleType,
        qualname: str,
        saves: Saves,
        modules: Modules,
        *,
        before: Sequence[Step] = (),
        after: Sequence[Step] = (),
        on_error: bool = False,
    ) -> None:
        self._module = module
        self._saves = saves
        self._modules = modules
        self._before = before
        self._after = after
        self._name = f"{name_of_module(module)}:{qualname}"
        *outer, self._last = qualname.split(".")
        self._outer = outer
        self._on_error = on_error
        self._is_over = False
        self._busy = threading.Lock()
        self._sources = Sources()
        self._take(self._found())

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the function, and again at every save, until the loop is over."""
        # A function that calls itself, or is called on another thread meanwhile, is just called.
        if self._is_over or not self._busy.acquire(blocking=False):
            return self.__wrapped__(*arguments, **keywords)
        try:
            return self._call_again(arguments, keywords)
        finally:
            self._busy.release()

    def _call_again(self, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        value: Any = None
        error: BaseException | None = None
        try:
            while True:
                for step in self._before:
                    succeeds(step)
                clock = time.perf_counter()
                value, error = self._called(arguments, keywords)
                self._show(value, error, duration(clock))
                for step in self._after:
                    succeeds(step)
                self._saves.rest()
                if self._on_error and error is None:
                    return value
                while not self._uses(self._saves.wait()):
                    pass
                self._look_again()
        except KeyboardInterrupt:  # not in the call, where it is what the call raises
            self._is_over = True
            say("the loop is stopped")
        if error is not None:
            raise error
        return value

    def _called(
        self, arguments: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[Any, BaseException | None]:
        try:
            return self.__wrapped__(*arguments, **keywords), None
        except BaseException as error:
            return None, error

    def _show(self, value: object, error: BaseException | None, took: str) -> None:
        if error is None:
            sys.stdout.write(f"{self._name} returned {_shortened(value)}  {took}\n")
            sys.stdout.flush()
            return
        if not isinstance(error, KeyboardInterrupt):
            say(f"{self._name} raised {type(error).__name__}  {took}")
        shown(error)

    def _look_again(self) -> None:
        try:
            self._take(self._found())
        except LookupError as missing:
            say(f"{missing.args[0]} any more; its last code is called")

    def _uses(self, saved: frozenset[str]) -> bool:
        """Tell whether the function may use one of these files; what is not Python, it may."""
        name = name_of_module(self._module)
        own = {name_of_module(it): it for it in self._modules.loaded()} | {name: self._module}
        needs = {name, *graph_of_loaded(own.values(), self._sources).dependencies(name)}
        places = [filename_of(own[it]) for it in needs if it in own]
        files = {os.path.realpath(place) for place in places if place is not None}
        return any(path in files or not path.endswith(".py") for path in saved)

    def ends_well(self) -> bool:
        """Call it with no arguments, and return whether the last call returned."""
        try:
            self()
        except BaseException:  # it was shown
            return False
        return True

    # ---- the function, and where it is

    def _owner(self) -> Any:
        owner: Any = self._module
        for name in self._outer:
            owner = vars(owner)[name]
        return owner

    def _found(self) -> Any:
        """Return what the name is bound to, as it stands in its namespace."""
        try:
            return vars(self._owner())[self._last]
        except (KeyError, TypeError):
            raise LookupError(f"there is no {self._name.replace(':', '.')}") from None

    def _take(self, found: Any) -> None:
        """Stand for a function, unless that is what is done."""
        inner = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
        if inner is self:
            return
        if not callable(inner) or isinstance(inner, type):
            raise LookupError(f"{self._name} is no function")
        if inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner):
            raise LookupError(f"{self._name} is an async function, and only others can be called")
        functools.update_wrapper(self, inner)
        new = self if inner is found else type(found)(self)
        setattr(self._owner(), self._last, new)
        if inner is found:  # who has imported it
            for module, name, _ in names_holding([found]):
                namespace_of(module)[name] = self


def _shortened(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}, whose repr() raised {type(error).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
