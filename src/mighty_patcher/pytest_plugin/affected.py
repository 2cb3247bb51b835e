"""Which tests an edit can affect. Where that is in doubt, they are affected.

A function of which only the body is another affects the tests that ran it. Whatever else was
touched in a module affects all that ran any code of that module or of one that needs it, and all
whose own module, or conftest, needs it. What needs a module is read off the sources and the
namespaces of the modules that are loaded (`engine.dependencies`), and off the imports that were
seen; a module that something else than the program has imported, such as a framework that was told
its name, may be needed by all.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest

from mighty_patcher.engine.dependencies import Sources, graph_of_loaded
from mighty_patcher.engine.module_facts import filename_of, name_of_module
from mighty_patcher.engine.modules import Modules
from mighty_patcher.pytest_plugin.ran import ELSEWHERE, Recorder
from mighty_patcher.pytest_plugin.runs import Run
from mighty_patcher.pytest_plugin.touched import Touched

__all__ = ["Affected", "Choice", "Needs"]


class Needs:
    """Who needs whom among the loaded modules of the program, by files.

    Args:
        modules: The modules.
        recorder: Has seen imports.
    """

    def __init__(self, modules: Modules, recorder: Recorder) -> None:
        self._modules = modules
        self._recorder = recorder
        self._sources = Sources()
        self._needed_by: dict[str, set[str]] = {}

    def look(self) -> None:
        """Look at all modules; what did not change since the last time is not parsed again."""
        by_name: dict[str, list[ModuleType]] = {}
        for module in self._modules.loaded():
            if filename_of(module) is not None:
                by_name.setdefault(name_of_module(module), []).append(module)
        found: dict[str, set[str]] = {}
        # Conftests may all have the same name; a graph has one of each.
        for place in range(max(map(len, by_name.values()), default=0)):
            modules = {name: them[min(place, len(them) - 1)] for name, them in by_name.items()}
            graph = graph_of_loaded(modules.values(), self._sources)
            files = {name: _file_of(module) for name, module in modules.items()}
            for name, path in files.items():
                found.setdefault(path, set()).update(files[it] for it in graph.importers(name))
        for importer, imported in self._recorder.imports.copy().items():
            for path in imported.copy():
                found.setdefault(path, set()).add(importer)
        self._needed_by = found

    def closure(self, paths: Iterable[str]) -> set[str]:
        """Return files, and those that need one of them, directly or through others."""
        found: set[str] = set()
        waiting = list(paths)
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += self._needed_by.get(path, ())
        return found

    def unseen(self) -> set[str]:
        """Return the files whose import was not seen."""
        return {path for path in self._needed_by if not self._recorder.was_imported(path)}

    def is_outside(self, path: str) -> bool:
        """Tell whether something else than the program may have imported a file."""
        if self._recorder.was_imported(path):
            return path in self._recorder.outside
        return not self._needed_by.get(path)


def _file_of(module: ModuleType) -> str:
    return os.path.realpath(filename_of(module) or "")


@dataclass
class Choice:
    """Which tests are affected.

    Attributes:
        is_all: All tests are.
        bits: Those that ran one of these functions are.
        near: Those that ran one of these come first: they have run what was touched itself.
        files: Those that come from one of these files are, or from below one of these conftests.
        imported: Files whose import ran what was touched, so that what it left is outdated.
    """

    is_all: bool = False
    bits: int = 0
    near: int = 0
    files: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)


class Affected:
    """Says which tests are affected.

    Args:
        recorder: Knows what ran.
        needs: Knows who needs whom.
        own: Tells the files of tests, and those of conftests.
    """

    def __init__(
        self, recorder: Recorder, needs: Needs, own: Callable[[], tuple[set[str], set[str]]]
    ) -> None:
        self._recorder = recorder
        self._needs = needs
        self._own = own

    def by(self, touched: Touched, saved: Collection[str] = ()) -> Choice:
        """Say what is affected.

        Args:
            touched: What reloads have touched.
            saved: The files that were saved. What this process does not have, others may.
        """
        choice, modules = Choice(), set(touched.modules)
        if touched.functions or modules or not touched.files.issuperset(saved):
            choice.bits |= ELSEWHERE
        if touched.functions and not self._recorder.sees_functions:
            modules |= {path for path, _ in touched.functions}
            tests, _ = self._own()  # may have called them for parameters
            choice.imported |= self._needs.closure(modules) & tests
        elif touched.functions:
            modules |= self._by_functions(touched.functions, choice)
        if modules:
            self._by_modules(modules, choice)
        self._recorder.settle()
        if self._recorder.base.bits & choice.bits & ~ELSEWHERE:  # hooks, while pytest collected
            choice.is_all = True
        return choice

    def _by_functions(self, functions: set[tuple[str, str]], choice: Choice) -> set[str]:
        """Return the files of modules that are another than before by what these return."""
        bits = 0
        for path, qualname in functions:
            bits |= self._recorder.bits_of(path, qualname)
        choice.bits |= bits
        choice.near |= bits
        found = set()
        for path, qualname in self._recorder.keepers(bits):
            found.add(path)
            if qualname == "<module>":
                choice.imported.add(path)
        unseen = self._needs.unseen()
        return found | (unseen & self._needs.closure(path for path, _ in functions))

    def _by_modules(self, modules: set[str], choice: Choice) -> None:
        tests, conftests = self._own()
        choice.files = self._needs.closure(modules)
        for path in choice.files:
            choice.bits |= self._recorder.bits_of_file(path)
            if path not in tests and path not in conftests and self._needs.is_outside(path):
                choice.is_all = True
        for path in modules:
            choice.near |= self._recorder.bits_of_file(path)
        # What these have called at their import may have read what is another now.
        ran = self._recorder.imports_that_ran(choice.bits & ~ELSEWHERE)
        choice.imported |= choice.files & (tests | conftests) & set(ran)

    def of(
        self, choice: Choice, items: Iterable[pytest.Item], runs: Mapping[str, Run]
    ) -> list[pytest.Item]:
        """Return the tests that are affected, those first that are so most likely.

        Args:
            choice: What is affected.
            items: The tests.
            runs: What is known of them, by node id. What is not known is affected.
        """
        _, conftests = self._own()
        folders = [Path(path).parent for path in choice.files & conftests]

        @functools.cache
        def is_file_affected(path: Path) -> bool:
            path = path.resolve()
            return str(path) in choice.files or any(path.is_relative_to(it) for it in folders)

        def is_affected(item: pytest.Item) -> bool:
            run = runs.get(item.nodeid)
            if choice.is_all or run is None or run.bits & choice.bits:
                return True
            return is_file_affected(item.path)

        def is_far(item: pytest.Item) -> bool:
            run = runs.get(item.nodeid)
            return run is not None and not run.bits & choice.near

        return sorted(filter(is_affected, items), key=is_far)
