"""What pytest has collected, brought in line with modules that were reloaded.

The modules of tests are patched in place, so that an item goes on with the new code of its function
by itself. What was derived from them at the collection does not: which tests there are, their marks
and parameters, which fixtures they need, and what these are. So the files that a reload has touched
are collected again, by pytest itself, into the nodes that there are:

- a node (a file, a class) whose object is the same stays the node, with all that is set up for it;
- a definition of a fixture that says the same stays, with its value if it has one;
- an item that is the same stays, with all that plugins have put onto it. Others are replaced.

Use it with the session, between tests and never while one runs:

    collected = Collected()
    config.pluginmanager.register(collected)  # before the collection
    ...
    changes = collected.update(session, [reload], running=item)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of
from mighty_patcher.engine.report import Reload
from mighty_patcher.pytest_plugin.nodes import in_words, items_of
from mighty_patcher.pytest_plugin.order import Places
from mighty_patcher.pytest_plugin.registry import (
    Definition,
    Registry,
    fixture_function,
    same_definition,
)

__all__ = ["Changes", "Collected", "files_named", "touched"]


@dataclass
class Changes:
    """What an update did.

    Attributes:
        files: The nodes that were collected again.
        replaced: The new item for each that was replaced; it is in its place in ``session.items``.
        added: Items that are new, and are in ``session.items`` now.
        removed: Items whose test is gone. They are in ``session.items`` only if they come no later
            than the one that runs.
        outdated: Definitions of fixtures that are in force no more. Some may have a value, which
            lives until its scope ends unless somebody ends it before.
        problems: What could not be done, in words; a file that could not be collected is as before.
    """

    files: list[pytest.Collector] = field(default_factory=list)
    replaced: dict[pytest.Item, pytest.Item] = field(default_factory=dict)
    added: list[pytest.Item] = field(default_factory=list)
    removed: list[pytest.Item] = field(default_factory=list)
    outdated: list[Definition] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Collected:
    """A plugin that knows the files that were collected, and collects them again."""

    def __init__(self) -> None:
        self._files: dict[pytest.Collector, None] = {}
        self._hooks: dict[str, frozenset[str]] = {}  # of each plugin, by its file

    def pytest_plugin_registered(self, plugin: object) -> None:
        """Have conftests found that pytest has taken out of `sys.modules`, as one has the name of
        another (``_ensure_removed_sysmodule``).
        """
        if isinstance(plugin, ModuleType) and _is_conftest(plugin):
            sys.modules.setdefault(f"{name_of_module(plugin)} ({filename_of(plugin)})", plugin)

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        """Take note of a file."""
        if isinstance(collector, pytest.File):
            self._files[collector] = None

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take note of the hooks that conftests have now."""
        for plugin in _plugins(session.config):
            self._hooks[_key(plugin)] = _hooks_of(plugin)

    def update(
        self,
        session: pytest.Session,
        reloads: Iterable[Reload],
        running: pytest.Item | None = None,
    ) -> Changes:
        """Collect again what reloads have touched.

        Args:
            session: The session.
            reloads: What was reloaded since the last time.
            running: The item that runs, or has just run: it and those before it keep their places.

        Returns:
            What has changed. Nothing is raised for what cannot be collected.
        """
        names = touched(reloads)
        if not names:
            return Changes()
        update = _Update(session, Registry(session), names, self._hooks)
        for plugin in _plugins(session.config):
            update.look_at_plugin(plugin)
        for file in list(self._files):
            update.look_at_file(file)
        return update.merged(running)


def touched(reloads: Iterable[Reload]) -> set[str]:
    """Return the names of the modules that reloads have changed anything in."""
    found: set[str] = set()
    for reload in reloads:
        found.update(reload.modules)
        found.update(step.module for step in reload.steps)
    return found


class _Update:
    """One update."""

    def __init__(
        self,
        session: pytest.Session,
        registry: Registry,
        names: set[str],
        hooks: dict[str, frozenset[str]],
    ) -> None:
        self._session = session
        self._registry = registry
        self._names = names
        self._hooks = hooks
        self._paths = set(files_named(names))
        self._below: list[Path | None] = []  # whose conftest was parsed again; None for all
        self._twins: dict[int, Definition] = {}
        self._news: list[tuple[list[pytest.Item], list[pytest.Item]]] = []
        self._changes = Changes()

    # ---- plugins and conftests

    def look_at_plugin(self, plugin: ModuleType) -> None:
        """Parse the fixtures of a plugin again if they may have changed."""
        if not self._has_touched_fixtures(plugin):
            return
        self._look_at_hooks(plugin)
        restore = self._registry.snapshot()
        before = {id(it) for it in self._registry}
        try:
            olds = self._registry.parse_plugin_anew(plugin)
        except Exception as error:
            restore()
            self._changes.problems.append(f"{self._label(plugin)}: {in_words(error)}")
            return
        news = [it for it in self._registry if id(it) not in before]
        self._pair(olds, news)
        folder = Path(filename_of(plugin) or "").parent
        self._below.append(folder if _is_conftest(plugin) else None)

    def _look_at_hooks(self, plugin: ModuleType) -> None:
        known, here = self._hooks.get(_key(plugin), frozenset()), _hooks_of(plugin)
        if known != here:
            names = ", ".join(sorted(known ^ here))
            self._changes.problems.append(
                f"{self._label(plugin)}: hooks come and go with the next start of pytest: {names}"
            )
            self._hooks[_key(plugin)] = here

    def _label(self, plugin: ModuleType) -> str:
        """Return the file of a plugin, as pytest names those of tests."""
        path, root = Path(_key(plugin)), self._session.config.rootpath
        return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)

    def _has_touched_fixtures(self, plugin: ModuleType) -> bool:
        return name_of_module(plugin) in self._names or any(
            self._is_touched(fixture_function(value))
            for value in list(namespace_of(plugin).values())
        )

    def _is_touched(self, function: Any) -> bool:
        return getattr(function, "__module__", None) in self._names

    # ---- files

    def look_at_file(self, file: pytest.Collector) -> None:
        """Collect a file again if what is in it may have changed."""
        if not self._concerns(file):
            return
        olds = [item for item in self._session.items if file in item.listchain()]
        nodes = {node for item in olds for node in item.listchain()}
        restore = self._registry.snapshot()
        definitions = self._registry.forget_below(file)
        before = {id(it) for it in self._registry}
        try:
            news = list(items_of(file, {(it.nodeid, type(it)): it for it in nodes}))
        except Exception as error:  # of a hook, say: it is the user's code that runs
            restore()
            self._changes.problems.append(in_words(error))
            return
        self._pair(definitions, [it for it in self._registry if id(it) not in before])
        self._changes.files.append(file)
        self._news.append((olds, news))

    def _concerns(self, file: pytest.Collector) -> bool:
        if os.path.realpath(file.path) in self._paths or any(
            folder is None or file.path.is_relative_to(folder) for folder in self._below
        ):
            return True
        module = getattr(file, "_obj", None)
        if not isinstance(module, ModuleType):
            return False
        return any(map(self._brings_tests, list(namespace_of(module).values())))

    def _brings_tests(self, value: object) -> bool:
        """Tell whether a fixture, or a base of a class, has come from a module that was touched."""
        if isinstance(value, type):
            return any(it.__module__ in self._names for it in value.__mro__[1:])
        return self._is_touched(fixture_function(value))

    # ---- what is the same

    def _pair(self, olds: Iterable[Definition], news: Iterable[Definition]) -> None:
        """Let old definitions stay where new ones say the same."""
        places: dict[tuple[str, str], list[Definition]] = {}
        for old in olds:
            places.setdefault((old.argname, old.baseid), []).append(old)
        for new in news:
            there = places.get((new.argname, new.baseid), [])
            twin = next((it for it in there if same_definition(it, new)), None)
            if twin is not None:
                there.remove(twin)
                # A module that has doctests is two nodes, and before 9.1 they share definitions.
                self._twins[id(new)] = self._twins.get(id(twin), twin)
        self._changes.outdated += (it for left in places.values() for it in left)

    def merged(self, running: pytest.Item | None) -> Changes:
        """Put what was collected into the session."""
        self._registry.put_back(self._twins)
        for _, news in self._news:
            for item in news:
                self._take_twins(item)
        places = Places(self._session, running, self._changes)
        for olds, news in self._news:
            places.add(olds, news)
        places.put()
        return self._changes

    def _take_twins(self, item: pytest.Item) -> None:
        definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None)
        if definitions is None:
            return
        for name, them in list(definitions.items()):
            if any(id(it) in self._twins for it in them):
                definitions[name] = [self._twins.get(id(it), it) for it in them]
        item._initrequest()  # type: ignore[attr-defined]  # it may have taken a copy


# --- modules ------------------------------------------------------------------------------------


def _plugins(config: pytest.Config) -> list[ModuleType]:
    return [it for it in config.pluginmanager.get_plugins() if isinstance(it, ModuleType)]


def _key(plugin: ModuleType) -> str:
    return filename_of(plugin) or name_of_module(plugin)


def _hooks_of(plugin: ModuleType) -> frozenset[str]:
    return frozenset(
        name
        for name, value in list(namespace_of(plugin).items())
        if name.startswith("pytest_") and callable(value) and name != "pytest_plugins"
    )


def _is_conftest(plugin: ModuleType) -> bool:
    return Path(filename_of(plugin) or "").name == "conftest.py"


def files_named(names: set[str]) -> Iterator[str]:
    """Yield the real paths of modules; several may have one name, as conftests have."""
    for module in sys.modules.copy().values():
        if issubclass(type(module), ModuleType) and name_of_module(module) in names:
            file = filename_of(module)
            if file is not None:
                yield os.path.realpath(file)
