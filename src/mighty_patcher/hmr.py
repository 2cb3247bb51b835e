"""``builtins.__hmr__``: reload by name, be told of reloads, ask who depends on whom.

`reload` is the other ``hmr`` that there is, of python-hmr, and makes a `Reloader`.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from mighty_patcher.engine.dependencies import Graph, Sources, graph_of_loaded
from mighty_patcher.engine.log import logger
from mighty_patcher.engine.module_facts import filename_of, name_of_module
from mighty_patcher.engine.report import Reload
from mighty_patcher.engine.saves import wait_for_text
from mighty_patcher.watch import AutoReloader, watcher_of

__all__ = ["Hmr", "install", "reload"]

_NAME = "__hmr__"

_Hook = TypeVar("_Hook", bound=Callable[[str], object])
_Handler = TypeVar("_Handler", bound=Callable[[str, BaseException], object])


class Hmr:
    """Reloads modules by name, and tells of every reload, the watcher's included.

    All of it may be called from any thread. The methods that add return what they were given, so
    that they are decorators, too; what is added twice is there once, so that a module which adds
    its hooks may be run again.

    Args:
        reloader: Does the work.

    Attributes:
        reloader: The reloader.

    Example:
        >>> reloaded, milliseconds = __hmr__.reload_module("shop.cart")  # doctest: +SKIP
    """

    def __init__(self, reloader: AutoReloader) -> None:
        self.reloader = reloader
        self._before: list[Callable[[str], object]] = []
        self._after: list[Callable[[str], object]] = []
        self._handlers: list[Callable[[str, BaseException], object]] = []
        self._sources = Sources()
        self._later: list[str] = []
        self._postponed = threading.local()
        reloader.engine.before.append(self._tell_before)
        reloader.listen(self._tell_after)

    # ---- reloading

    def reload_module(self, name: str) -> tuple[tuple[str, ...], float]:
        """Bring a module, and all that depends on it, up to date.

        If its file has changed, this does what a save does. If it has not, all of the module is
        run again in its own namespace: there is no other reason to ask (it reads a data file, or
        begins with empty caches). `reload_changed` never runs what did not change.

        Called from code that a reload is running, it returns at once, and the module has its turn
        when that reload has ended.

        Args:
            name: The name of a loaded module.

        Returns:
            The names of the modules that were reloaded or rebound, in that order; and how long it
            took, in milliseconds.

        Raises:
            ImportError: It is not loaded, or not from a source file; unless there is an error
                handler.
            Exception: What the file or the module raised, a SyntaxError for instance; unless there
                is an error handler.
        """
        if self.reloader.engine.is_reloading_here:
            self._later.append(name)
            return (), 0.0
        clock = time.perf_counter()
        try:
            path = _path_of(name)
        except ImportError as error:
            self._fail(name, error)
            return (), _milliseconds(clock)
        wait_for_text(path, may_be_empty=True)
        clock = time.perf_counter()
        result = self._reload(path)
        if path in self.reloader.engine.emptied:  # since that look at it
            wait_for_text(path)
            result = self._reload(path, takes_empty=True)
        if not self._handlers:
            for failure in result.errors:
                if getattr(failure, "path", path) == path:
                    raise _theirs(failure)
        return _reloaded(result), _milliseconds(clock)

    def _reload(self, path: str, *, takes_empty: bool = False) -> Reload:
        result = self.reloader.reload([path], takes_empty=takes_empty)
        if result.ok and not result.paths and path not in self.reloader.engine.emptied:
            result = self.reloader.reload([path], whole=True, takes_empty=takes_empty)
        return result

    def reload_changed(self) -> tuple[tuple[str, ...], float]:
        """Reload every loaded module whose file was saved and is not yet in force.

        Returns:
            As `reload_module`. Errors go to the handlers and into ``reloader.errors``; none is
            raised.
        """
        clock = time.perf_counter()
        if self.reloader.engine.is_reloading_here:
            return (), 0.0
        return _reloaded(self.reloader.reload()), _milliseconds(clock)

    # ---- who needs whom

    def dependents(self, name: str) -> tuple[str, ...]:
        """Return the loaded modules that need a module, directly or through others.

        Args:
            name: The name of the module.

        Returns:
            Their names, the nearest first.
        """
        return tuple(self._graph(name).dependents(name))

    def dependencies(self, name: str) -> tuple[str, ...]:
        """Return the loaded modules that a module needs, directly or through others.

        Args:
            name: The name of the module.

        Returns:
            Their names, the nearest first. Installed packages and the standard library are left
            out, except for the module itself.
        """
        return tuple(self._graph(name).dependencies(name))

    def _graph(self, name: str) -> Graph:
        modules = self.reloader.engine.modules.loaded()
        module = sys.modules.get(name)
        if isinstance(module, ModuleType) and not any(module is it for it in modules):
            modules.append(module)
        return graph_of_loaded(modules, self._sources)

    # ---- hooks

    def add_pre_reload_hook(self, hook: _Hook) -> _Hook:
        """Have something called with the name of each module before it is patched or run."""
        _add(self._before, hook)
        return hook

    def remove_pre_reload_hook(self, hook: Callable[[str], object]) -> None:
        """Take back `add_pre_reload_hook`.

        Raises:
            ValueError: It was not added.
        """
        self._before.remove(hook)

    def add_post_reload_hook(self, hook: _Hook) -> _Hook:
        """Have something called with the name of each module that was patched or run."""
        _add(self._after, hook)
        return hook

    def remove_post_reload_hook(self, hook: Callable[[str], object]) -> None:
        """Take back `add_post_reload_hook`.

        Raises:
            ValueError: It was not added.
        """
        self._after.remove(hook)

    def add_error_handler(self, handler: _Handler) -> _Handler:
        """Have something called with the name of a module and what kept it from being reloaded.

        That is the exception itself, such as a SyntaxError; or a `RefusedEdit`.
        """
        _add(self._handlers, handler)
        return handler

    def remove_error_handler(self, handler: Callable[[str, BaseException], object]) -> None:
        """Take back `add_error_handler`.

        Raises:
            ValueError: It was not added.
        """
        self._handlers.remove(handler)

    def _tell_before(self, name: str) -> None:
        for hook in tuple(self._before):
            _call(hook, name)

    def _tell_after(self, result: Reload) -> None:
        """On the thread that reloaded, after it has."""
        for name in result.modules:
            for hook in tuple(self._after):
                _call(hook, name)
        for error in result.errors:
            for name in self._names_of(error):
                for handler in tuple(self._handlers):
                    _call(handler, name, _theirs(error))
        self._do_later()

    def _fail(self, name: str, error: ImportError) -> None:
        if not self._handlers:
            raise error
        for handler in tuple(self._handlers):
            _call(handler, name, error)

    def _names_of(self, error: Exception) -> Iterator[str]:
        modules = self.reloader.engine.modules
        paths = [path for path, known in self.reloader.errors.items() if known is error]
        for path in paths or filter(None, [getattr(error, "path", None)]):
            names = [name_of_module(module) for module in modules.of(path)]
            yield from names or [modules.name_of(path) or path]

    def _do_later(self) -> None:
        """Reload what was asked for by code that was being run by the reload that has ended."""
        done: set[str] | None = getattr(self._postponed, "names", None)
        if done is not None:
            return  # the loop below goes on with it
        done = self._postponed.names = set()
        try:
            while self._later:
                name = self._later.pop(0)
                if name in done:  # it asks for itself whenever it is run
                    continue
                done.add(name)
                try:
                    self.reload_module(name)
                except Exception as error:  # it was reported as every reload is
                    logger().debug("reload_module(%r) raised %r", name, error)
        finally:
            del self._postponed.names


def install(reloader: AutoReloader | None = None) -> Hmr:
    """Put an `Hmr` into `builtins`, as ``__hmr__``.

    It need not be the first thing that a program does: what was imported before is known as well.

    Args:
        reloader: Does the work; None for the one that watches the folder of the program, or, if
            there is none, for one that watches nothing.

    Returns:
        The ``__hmr__``; the one that is there if it is that of this reloader.
    """
    installed = getattr(builtins, _NAME, None)
    if isinstance(installed, Hmr) and reloader in (None, installed.reloader):
        return installed
    if reloader is None:
        folder = _program()
        reloader = watcher_of(folder) or AutoReloader(path=folder, watch=False)
    hmr = Hmr(reloader)
    setattr(builtins, _NAME, hmr)
    return hmr


def reload(*things: Any, exclude: Iterable[str] = ()) -> Any:
    """Keep modules, functions and classes up to date, as python-hmr's ``hmr.reload`` does.

    Args:
        things: The modules, functions or classes; or one list of them.
        exclude: Names of modules that are never executed again or patched, as for `Reloader`.

    Returns:
        A `Reloader` for one of them, a list for several.

    Raises:
        TypeError: One of them cannot be reloaded.

    Example:
        >>> cart, prices = reload(shop.cart, shop.prices)  # doctest: +SKIP
    """
    from mighty_patcher.proxy import Reloader

    if len(things) == 1 and isinstance(things[0], list | tuple):
        things = tuple(things[0])
    handles = [Reloader(thing, excluded=exclude) for thing in things]
    return handles[0] if len(handles) == 1 else handles


def _program() -> str:
    main = sys.modules.get("__main__")
    file = filename_of(main) if isinstance(main, ModuleType) else None
    return os.path.realpath(Path(file).parent if file else Path())


def _path_of(name: str) -> str:
    module = sys.modules.get(name)
    if not isinstance(module, ModuleType):
        raise ModuleNotFoundError(f"{name} is not loaded, so it cannot be reloaded", name=name)
    file = filename_of(module)
    if file is None:
        raise ImportError(f"{name} was not loaded from a Python source file", name=name)
    return os.path.realpath(file)


def _reloaded(result: Reload) -> tuple[str, ...]:
    bound = (step.module for step in result.steps if step.kind == "rebound")
    return tuple(dict.fromkeys([*result.modules, *bound]))


def _theirs(error: Exception) -> BaseException:
    """Return what the file or the module raised, where it did."""
    return error.__cause__ or error


def _milliseconds(since: float) -> float:
    return (time.perf_counter() - since) * 1000


def _add(hooks: list[Any], hook: object) -> None:
    if hook not in hooks:
        hooks.append(hook)


def _call(hook: Callable[..., object], *arguments: object) -> None:
    try:
        hook(*arguments)
    except (Exception, SystemExit):
        name = getattr(hook, "__qualname__", hook)
        # In the message: the console shows no exc_info.
        below = traceback.format_exc().rstrip().replace("\n", "\n  ")
        logger().error("the hook %s raised; the reload is none the worse for it\n  %s", name, below)
