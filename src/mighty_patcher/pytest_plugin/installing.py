"""A save is installed: the modules are reloaded, what was collected follows, and the tests that it
can affect are named.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import ref

import pytest

from mighty_patcher.engine.module_facts import filename_of
from mighty_patcher.engine.report import Reload
from mighty_patcher.pytest_plugin.affected import Affected, Choice, Needs
from mighty_patcher.pytest_plugin.collected import Collected
from mighty_patcher.pytest_plugin.found import Files
from mighty_patcher.pytest_plugin.ran import Cache, Record, Recorder, code_of_cache
from mighty_patcher.pytest_plugin.runs import Runs
from mighty_patcher.pytest_plugin.touched import touched_by
from mighty_patcher.watch import AutoReloader

__all__ = ["Installed", "Installer"]

_MOST_NAMES = 3


@dataclass
class Installed:
    """What has become of a save.

    Attributes:
        ok: Whether anything of it is in force.
        items: The tests that it can affect, first those that it does most likely.
        lines: What there is to be said.
    """

    ok: bool
    items: list[pytest.Item] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Installer:
    """Installs saves, between two rounds.

    Args:
        roots: The folders that are watched.
        collected: Brings what was collected in line with modules.
    """

    def __init__(self, roots: Iterable[Path], collected: Collected) -> None:
        self._reloader = AutoReloader(path=list(roots), watch=False)
        modules = self._reloader.engine.modules
        ours = Path(__file__).resolve().parent
        self.recorder = Recorder(
            lambda path: modules.is_own(path) and not Path(path).is_relative_to(ours)
        )
        self.runs = Runs(self.recorder)
        self.files = Files()
        self._collected = collected
        self._plugins: Callable[[], Iterable[object]] = tuple
        self._needs = Needs(modules, self.recorder)
        self._affected = Affected(self.recorder, self._needs, self._own_files)
        self._tests: set[str] = set()
        self._idle: threading.Thread | None = None
        self._caches: list[ref[Any]] = []
        self.recorder.start()

    def stop(self) -> None:
        """Record and reload no more."""
        self.end_rest()
        self.recorder.stop()
        self._reloader.stop()

    def rest(self, session: pytest.Session) -> None:
        """While nothing else is to do, look at what the next save will be compared with."""
        self._plugins = session.config.pluginmanager.get_plugins
        self._tests = {os.path.realpath(path) for path in {item.path for item in session.items}}
        self._idle = threading.Thread(target=self._look, name="mighty_patcher idle", daemon=True)
        self._idle.start()

    def _look(self) -> None:
        self._needs.look()
        self._caches = [ref(it) for it in gc.get_objects() if type(it) is Cache]
        codes = (code_of_cache(cache) for it in self._caches if (cache := it()) is not None)
        self.recorder.keep(code for code in codes if code is not None)

    def end_rest(self) -> None:
        """Have that come to its end."""
        if self._idle is not None:
            self._idle.join()
            self._idle = None

    # ---- a save

    def install(self, session: pytest.Session, saved: set[str]) -> Installed:
        """Install what was saved.

        Args:
            session: The session.
            saved: The files.
        """
        self.end_rest()
        gone = {path for path in saved & self._tests if not Path(path).exists()}
        with self._recording():
            reloads = [self._reloader.reload(sorted(saved - gone))]
        unread = {path for path in saved if path in self._reloader.errors}
        choice = self._choice(reloads, saved - unread)
        # Not conftests, which may start what cannot be started twice.
        if again := choice.imported & self._tests:
            with self._recording():  # parameters, for one, that a function has made which is new
                reloads.append(self._reloader.reload(sorted(again), whole=True))
            choice = self._choice(reloads, saved - unread)
        self._clear_caches(choice)
        lines = list(self._outdated(choice))
        with self._recording(self.recorder.base):
            changes = self._collected.update(session, reloads)
            self.files.gone(session)
            self.files.come(session, saved)
        lines += changes.problems
        items = [it for it in session.items if it in {*changes.replaced.values(), *changes.added}]
        items += self._affected.of(choice, session.items, self.runs.known)
        is_ok = all(reload.ok or reload.modules for reload in reloads)
        return Installed(is_ok, list(dict.fromkeys(items)), lines)

    def _choice(self, reloads: list[Reload], saved: set[str]) -> Choice:
        touched = touched_by(reloads, self._tests)
        if touched.modules or touched.functions:
            self._needs.look()  # at what was saved, beside what is known
        return self._affected.by(touched, saved)

    @contextmanager
    def _recording(self, record: Record | None = None) -> Iterator[None]:
        """Record what runs; what is run of a module counts for that."""
        self.recorder.begin(record or Record())
        try:
            yield
        finally:
            self.recorder.end()

    def _outdated(self, choice: Choice) -> Iterator[str]:
        left = sorted(choice.imported - self._tests)
        if left:
            names = ", ".join(Path(path).name for path in left[:_MOST_NAMES])
            more = f" and {len(left) - _MOST_NAMES} more" if len(left) > _MOST_NAMES else ""
            yield (
                f"{names}{more} called what was saved while being imported, or what needs it, and "
                f"what came of it stays until pytest is started anew (key r)"
            )

    def _clear_caches(self, choice: Choice) -> None:
        """Have functions forget what they returned, unless a module has taken it at its import:
        it would be another object then.
        """
        for it in self._caches:
            cache = it()
            code = None if cache is None else code_of_cache(cache)
            if cache is None or code is None:
                continue
            path = os.path.realpath(code.co_filename)
            if path not in choice.files:
                continue
            if self.recorder.is_of_import(path, code.co_qualname):
                choice.imported.add(path)
            else:
                cache.cache_clear()

    # ---- whose files they are

    def _own_files(self) -> tuple[set[str], set[str]]:
        return self._tests, self._conftests()

    def _conftests(self) -> set[str]:
        files = (filename_of(it) for it in self._plugins() if isinstance(it, ModuleType))
        return {
            os.path.realpath(file)
            for file in files
            if file is not None and Path(file).name == "conftest.py"
        }
