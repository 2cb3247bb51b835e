"""One reload in the making: what it does to the program, in order, so that all can be taken back.

Patches of modules that need not run gather in one log and are committed together. Where a module
has to run again, what gathered before is committed first, because the module may call it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Protocol

from mighty_patcher import _core
from mighty_patcher.engine.bindings import Imports, follow
from mighty_patcher.engine.classes import qualname_of
from mighty_patcher.engine.codetree import arguments
from mighty_patcher.engine.diff import names_gone
from mighty_patcher.engine.donors import Keeper, Trees
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.match import Body, Cache, Patches
from mighty_patcher.engine.modules import name_of_module, namespace_of
from mighty_patcher.engine.report import Stale, Step
from mighty_patcher.engine.run import run_again
from mighty_patcher.engine.version import Part

__all__ = ["Edit", "Transaction"]


class _Undoable(Protocol):
    def undo(self) -> None: ...


@dataclass
class _Clearing:
    """Caches that were cleared. What they remember since is stale when the reload is undone."""

    caches: list[Cache]

    def undo(self) -> None:
        for cache in self.caches:
            Cache.cache_clear(cache)


@dataclass
class Edit:
    """What a save means for one module.

    Attributes:
        module: The module.
        code: Its new code.
        parts: Compiles the statements that are run, where it runs.
        trees: The syntax trees in force, where it is known, and saved.
        patches: The functions with old code, wherever they are.
        runs: The module is run again.
        reason: Why.
        line: The line that says so; 0 for none in particular.
    """

    module: ModuleType
    code: CodeType
    parts: Callable[[], list[Part]]
    trees: Trees
    patches: Patches
    runs: bool
    reason: str
    line: int


class Transaction:
    """All that one reload has done so far.

    Args:
        imports: What a module imports at its top, from its source.
    """

    def __init__(self, imports: Imports) -> None:
        self.steps: list[Step] = []
        self.stale: list[Stale] = []
        self._imports = imports
        self._gathered: list[Patches] = []
        self._done: list[_Undoable] = []

    def add(self, edit: Edit) -> None:
        """Make the edits of one module, or gather them until `commit`.

        Raises:
            BaseException: Whatever the module raised when it ran; the caller then calls `undo`.
        """
        self.stale += edit.patches.stale
        if edit.runs:
            self.commit()
            self._run(edit)
        else:
            self.steps += edit.patches.steps
            self._gathered.append(edit.patches)

    def commit(self) -> None:
        """Apply what has gathered, in one go."""
        gathered, self._gathered = self._gathered, []
        self._apply(
            [body for patches in gathered for body in patches.bodies],
            [edit for patches in gathered for edit in patches.constants],
        )
        self._clear([cache for patches in gathered for cache in patches.caches])

    def undo(self) -> None:
        """Take back everything, the last thing first."""
        self._gathered.clear()
        while self._done:
            self._done.pop().undo()

    def discard(self) -> None:
        """Let go of the old values; from then on nothing can be taken back."""
        for done in self._done:
            if isinstance(done, _core.Log):
                done.discard()
        self._done.clear()

    def _apply(
        self, bodies: list[Body], constants: list[tuple[CodeType, CodeType, CodeType]]
    ) -> None:
        log = _core.Log()
        for body in bodies:
            log.add_code(*body)
        for outer, old, new in constants:
            log.add_constant(outer, old, new)
        self._commit_log(log)

    def _commit_log(self, log: _core.Log) -> None:
        log.commit()
        self._done.append(log)

    def _clear(self, caches: list[Cache]) -> None:
        """Let caches forget what functions have returned that return something else now."""
        if caches:
            clearing = _Clearing(caches)
            clearing.undo()
            self._done.append(clearing)

    def _run(self, edit: Edit) -> None:
        name = name_of_module(edit.module)
        before, journal = dict(namespace_of(edit.module)), Journal()
        self._done.append(journal)
        filename, remember = edit.code.co_filename, self._done.append
        keeper = Keeper(edit.module, before, filename, edit.trees, self._commit_log, remember)
        try:
            run_again(edit.module, edit.parts(), keeper, journal)
        finally:
            keeper.leave()
        self.steps.append(Step("ran", name, name, edit.line, edit.reason))
        self._patch_others(edit, keeper)
        self._clear(edit.patches.caches)
        self.stale += keeper.stale
        self.steps += [
            Step(
                "removed", name, f"{qualname_of(cls)}.{attribute}", 0, "it is gone from the source"
            )
            for cls, attribute in keeper.removed
        ]
        self._bind(edit, before)

    def _patch_others(self, edit: Edit, keeper: Keeper) -> None:
        """Patch the functions that hold old code and that no name of the module led to."""
        bodies = []
        for body in edit.patches.bodies:
            target, code, *_ = body
            if id(target) in keeper.targets:
                continue
            if arguments(target.__code__) == arguments(code):
                bodies.append(body)
            else:
                self.stale.append(_with_other_arguments(target))
        self._apply(bodies, edit.patches.constants)

    def _bind(self, edit: Edit, before: dict[str, Any]) -> None:
        """Remove the names that are gone, and let importers of the others follow."""
        name, namespace, journal = name_of_module(edit.module), namespace_of(edit.module), Journal()
        self._done.append(journal)
        for gone in _names_gone(edit, before):
            journal.unbind(namespace, gone)
            self.steps.append(Step("removed", name, gone, 0, "it is gone from the source"))
        changed = {
            bound: (before[bound], value)
            for bound, value in list(namespace.items())
            if bound in before and before[bound] is not value and not bound.startswith("__")
        }
        self.steps += follow(edit.module, changed, self._imports, journal)


def _names_gone(edit: Edit, before: dict[str, Any]) -> list[str]:
    """The names that the new text binds no more and that still hold what they held before.

    A submodule is an attribute of its package whether or not the package itself imports it.
    """
    old, new = edit.trees
    if old is None or new is None:
        return []
    namespace, package = namespace_of(edit.module), name_of_module(edit.module)
    return [
        name
        for name in sorted(names_gone(old, new))
        if name in before
        and name in namespace
        and namespace[name] is before[name]
        and sys.modules.get(f"{package}.{name}") is not namespace[name]
    ]


def _with_other_arguments(function: FunctionType) -> Stale:
    return Stale(
        function.__qualname__,
        "its arguments changed, and what holds it is not the module or one of its classes",
        "take it from the module again",
    )
