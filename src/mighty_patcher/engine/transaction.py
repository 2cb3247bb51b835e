"""One reload in the making: what it does to the program, in order, so that all can be taken back.

Patches of modules that need not run gather in one log and are committed together. Where a module
has to run again, what gathered before is committed first, because the module may call it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.bindings import BindsAfter, Imports, names_holding
from mighty_patcher.engine.bodies import Body, add_body
from mighty_patcher.engine.class_changes import stays_as_built
from mighty_patcher.engine.classes import content_of, is_class, qualname_of
from mighty_patcher.engine.docstrings import Copies, Copy
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.followers import Followers, StarImporters, Tell
from mighty_patcher.engine.front import Front
from mighty_patcher.engine.gone import names_removed
from mighty_patcher.engine.held_code import HeldCode, still_held_code
from mighty_patcher.engine.holders import still_held, with_other_names
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.inner_parts import InnerPart, made_again
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.kept_functions import Living, Trees, unknown
from mighty_patcher.engine.lost import Lost, lost_entries
from mighty_patcher.engine.made_anew import Make
from mighty_patcher.engine.made_since import note_edited
from mighty_patcher.engine.making_way import MakingWay
from mighty_patcher.engine.match import Patches
from mighty_patcher.engine.module_facts import name_of_module, namespace_of
from mighty_patcher.engine.moves import Moves, Texts, are_alike, defined_in
from mighty_patcher.engine.outside import ABSENT, Outside
from mighty_patcher.engine.parts import Part
from mighty_patcher.engine.refilled import Refilled
from mighty_patcher.engine.registries import Registries
from mighty_patcher.engine.removed_names import Importers, Removals, RemovedNames
from mighty_patcher.engine.report import Stale, Step
from mighty_patcher.engine.run import run_again
from mighty_patcher.engine.set_from_outside import IsSetByStatement
from mighty_patcher.engine.settling import Before, Cache, Cleared, Undoable
from mighty_patcher.engine.stars import NotThere
from mighty_patcher.engine.statement_run import StatementRun, Wait
from mighty_patcher.engine.storage import stays_in_instances
from mighty_patcher.engine.successors import gone_from_classes
from mighty_patcher.engine.taken_back import left_as_set, take_back
from mighty_patcher.engine.toplevel import names_bound
from mighty_patcher.engine.version import Version
from mighty_patcher.engine.wrapped import is_wrapped_by

__all__ = ["Edit", "Transaction"]

_MOST_NAMES = 5


@dataclass
class Edit:
    """What a save, or a change of what it imports, means for one module.

    Attributes:
        module: The module.
        filename: The ``co_filename`` of its code; empty where any will do.
        trees: The syntax trees in force, where it is known, and saved.
        patches: The functions with old code, wherever they are.
        whole: Compiles the module, if all of it is run again.
        run: Runs those of its statements that must run; None where all are run, or where nobody
            knows what they are.
        living: Finds the function that the program has of a definition that is executed again.
        reason: Why all is run.
        is_begun: The bodies are patched, and the names that are gone are removed.
        is_done: The module has been run to its end; others have changed something for it since.
        kept: Identities of the functions that have their new content.
        made_anew: Identities of those that have it from statements.
        removed: The names that earlier reloads have removed from the module, and what they stood
            for, as far as others have it.
    """

    module: ModuleType
    filename: str
    trees: Trees = (None, None)
    patches: Patches = field(default_factory=Patches)
    whole: Callable[[], list[Part]] | None = None
    run: StatementRun | None = None
    living: Living = unknown
    reason: str = ""
    is_begun: bool = False
    is_done: bool = False
    kept: set[int] = field(default_factory=set)
    made_anew: set[int] = field(default_factory=set)
    removed: dict[str, Any] = field(default_factory=dict)

    def came_back(self) -> dict[str, Any]:
        """Return what names stood for that had been removed, and that the module has again."""
        namespace = namespace_of(self.module)
        return {name: value for name, value in self.removed.items() if name in namespace}

    def is_needed(self, outside: Outside) -> bool:
        """Tell whether there is anything to do."""
        if not self.is_begun and (self.whole is not None or self.patches):
            return True
        return self.run is not None and self.run.is_needed(outside)


class Transaction:
    """All that one reload has done so far.

    Args:
        imports: What a module imports at its top, from its source.
        importers: The modules that import a name from one, by both names, what they call it, and
            what a class calls it that does so.
        star_importers: Those that import everything from one, by its name.
        tell: Told which modules learn of a change through what they import.
        wait: Told what a module is about to import, and says whether it has to wait for that.
        make: Has a module make an object anew that another one waits for.
        binds_after: Tells whether a module binds a name itself after it has imported it.
        not_there: Finds what a module gets after another has imported it, halfway round a cycle.
        texts: Finds the texts of modules, for definitions that move from one to another.
        is_set_by_statement: Tells whether a statement at the top of some module sets an attribute.
        removed: Remembers what names stood for that reloads have removed.
    """

    def __init__(
        self,
        imports: Imports,
        importers: Importers,
        star_importers: StarImporters,
        tell: Tell,
        wait: Wait = lambda *_: False,
        make: Make = lambda *_: False,
        binds_after: BindsAfter = lambda *_: False,
        not_there: NotThere = lambda *_: (),
        texts: Texts = lambda *_, **__: None,
        is_set_by_statement: IsSetByStatement = lambda _: True,
        removed: RemovedNames | None = None,
    ) -> None:
        self.steps: list[Step] = []
        self.stale: list[Stale] = []
        self.lines: set[tuple[str, int]] = set()
        self.patched: dict[int, frozenset[str]] = {}
        """By the addresses of the functions that have got another body, what of that is another."""
        self.bound: dict[str, set[str]] = {}
        """The names that statements have bound, by their modules."""
        self.left: dict[int, tuple[ModuleType, set[str]]] = {}
        """Modules by their addresses, and the names of definitions that have moved elsewhere."""
        self._behind: list[tuple[FunctionType, CodeType, Stale]] = []
        self._held_code: list[HeldCode] = []
        self._wait = wait
        self._make = make
        self._is_set_by_statement = is_set_by_statement
        self._not_there = not_there
        self._gathered: list[Patches] = []
        self._done: list[Undoable] = []
        self._removed = RemovedNames(importers) if removed is None else removed
        self._removals = Removals(self._removed)
        self._followers = Followers(
            imports,
            importers,
            star_importers,
            tell,
            binds_after,
            self._done.append,
            self._removals.note,
        )
        self.changed = self._followers.changed
        """Those that have another value now, or none."""
        self._replaced: dict[tuple[str, str], Any] = {}
        self._methods: list[tuple[type, str, Any]] = []
        self._edited: set[int] = set()  # what is not what it was when classes were made
        self._own: list[Any] = []
        self._lost: list[Lost] = []
        self._making_way = MakingWay()
        self._moves = Moves(texts, self._removed)
        self._registries = Registries()

    def add(self, edit: Edit, outside: Outside, until: int | None = None) -> None:
        """Make the edits of one module, or gather them until `commit`.

        Args:
            edit: The edits.
            outside: What others have changed for the module.
            until: The line at which to stop for now, before the statement that goes beyond.

        Raises:
            BaseException: Whatever the module raised when it ran; the caller then calls `undo`.
        """
        if edit.whole is not None and until is not None:
            return
        if not edit.is_begun:
            edit.removed = self._may_come_back(edit)
            self._own.append(edit.removed)
            self.patched.update(edit.patches.edited)
            self._edited.update(edit.patches.edited)
            for function, *_ in edit.patches.bodies:
                if id(function) in edit.patches.edited:
                    note_edited(function)
            self.stale += edit.patches.stale
            self._behind += edit.patches.behind
            self._held_code += edit.patches.held
        if edit.whole is not None:
            if not edit.is_done:
                self.commit()
                self._run(edit, outside, edit.whole)
        elif edit.run is not None and edit.run.is_needed(outside):
            self.commit()
            self._run_statements(edit, edit.run, outside, until)
        elif not edit.is_begun:
            self.steps += edit.patches.steps
            self._gathered.append(edit.patches)
        edit.is_begun = True
        edit.is_done |= until is None and not (edit.run is not None and edit.run.is_held_up)

    def commit(self) -> None:
        """Apply what has gathered, in one go."""
        gathered, self._gathered = self._gathered, []
        self._apply(
            [body for patches in gathered for body in patches.bodies],
            [edit for patches in gathered for edit in patches.constants],
            [fact for patches in gathered for fact in patches.facts],
        )
        self._make_again([it for patches in gathered for it in patches.inner], ())
        self._copy_docs([entry for patches in gathered for entry in patches.copies])
        self._clear([cache for patches in gathered for cache in patches.caches])

    def finish(self) -> None:
        """Apply what has gathered, and say which functions are what they were, and who holds what
        names have lost.

        Raises:
            RefusedEdit: A class has made way for another, and has no bases of its own again.
        """
        self.commit()
        self.stale += self._making_way.check()
        self.stale += lost_entries(self._lost)
        self._lost.clear()
        self.stale += self._removals.left()
        self.steps += dict.fromkeys(self._followers.kept_apart())
        self._own += self._removals.containers()
        self._name_holders()
        self.stale += _left_behind(self._behind)
        self._behind.clear()
        if self._held_code:
            own = [it for done in self._done for it in _containers(done)]
            self.stale += still_held_code(self._held_code, [*self._own, *own])
            self._held_code.clear()

    def _name_holders(self) -> None:
        """Say who holds what names have lost, where that is not said already."""
        said = {stale.what for stale in self.stale}
        entries = [
            (f"{module}.{name}", old, name in namespace_of(sys.modules[module]))
            for (module, name), old in self._replaced.items()
            if module in sys.modules
            and not (is_class(old) and f"class {qualname_of(old)}" in said)
            and not is_wrapped_by(namespace_of(sys.modules[module]).get(name), old)
        ]
        for (module, name), old in self._replaced.items():
            if module in sys.modules:
                names = namespace_of(sys.modules[module])
                self.steps += with_other_names(module, "", [(name, old)], names)
        self._replaced.clear()
        entries += gone_from_classes(self._methods)
        self._methods.clear()
        if entries:
            own = [*self._own, *(it for done in self._done for it in _containers(done))]
            self.stale += still_held(entries, [*own, own, *entries, entries])
        self._own.clear()

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
        self,
        bodies: list[Body],
        constants: list[tuple[CodeType, CodeType, CodeType]],
        facts: list[tuple[type | FunctionType, dict[str, Any]]],
    ) -> None:
        log = _core.Log()
        for body in bodies:
            add_body(log, body)
        for outer, old, new in constants:
            log.add_constant(outer, old, new)
        for target, changed in facts:
            if type(target) is FunctionType:
                log.add_items(target.__dict__, {**target.__dict__, **changed})
            elif is_class(target):
                log.add_type(target, {**content_of(target), **changed})
        self._commit_log(log)

    def _make_again(self, parts: list[InnerPart], done: Collection[int]) -> None:
        """Give functions that calls have made the annotations and defaults that stand there now.

        Args:
            parts: The functions.
            done: The identities of those that statements have made anew.
        """
        log = _core.Log()
        self.stale += made_again((it for it in parts if id(it.function) not in done), log)
        if len(log):
            self._commit_log(log)

    def _commit_log(self, log: _core.Log) -> None:
        log.commit()
        self._done.append(log)

    def _copy_docs(self, entries: list[Copy]) -> None:
        if entries:
            copied = Copies(entries)
            self._done.append(copied)
            copied.apply()

    def _clear(self, caches: list[Cache]) -> None:
        """Let caches forget what functions have returned that return something else now."""
        if caches:
            cleared = Cleared(caches)
            cleared.undo()
            self._done.append(cleared)

    def leave(self, module: ModuleType, outside: Outside) -> None:
        """Say what a module keeps that would have to run for what others have changed, and cannot.

        Args:
            module: The module: it is excluded, or nobody knows what text it runs.
            outside: What others have changed.
        """
        self.stale += [
            stays_as_built(f"{name_of_module(module)}.{name}", reason)
            for name, reason in sorted(outside.rebuilt.items())
        ]
        self.stale += left_as_set(name_of_module(module), outside)

    def _run(self, edit: Edit, outside: Outside, parts: Callable[[], list[Part]]) -> None:
        """Run all of a module."""
        name, before = name_of_module(edit.module), dict(namespace_of(edit.module))
        front = Front(edit.module, before)
        self.steps.append(Step("ran", name, name, 0, edit.reason))
        with self._kept(edit, before, front, {**self._definitions_back(edit), **before}) as keeper:
            self.steps += take_back(keeper, outside.taken_back)
            run_again(edit.module, parts(), keeper)
        self._patch_others(edit, keeper)
        self._end(edit, keeper, before, front, outside)

    def _run_statements(
        self, edit: Edit, run: StatementRun, outside: Outside, until: int | None
    ) -> None:
        """Run what must run of a module. New bodies come first: what runs may call them."""
        before, known = dict(namespace_of(edit.module)), len(run.steps)
        front = Front(edit.module, before)
        fitting = [body for body in edit.patches.bodies if body.fits]
        if not edit.is_begun:
            self._apply(fitting, edit.patches.constants, edit.patches.facts)
            self._copy_docs(edit.patches.copies)
        try:
            olds = {**self._definitions_back(edit), **run.names_before(before)}
            with self._kept(edit, before, front, olds) as keeper:
                keeper.own += [fitting, front.before, *edit.patches.containers()]
                if not edit.is_begun:
                    gone = self._remove_names(edit, before)
                    keeper.changed += self._go_on_elsewhere(edit.module, before, gone)
                run.run(
                    keeper, outside, until, self._wait, self._make, self._not_there, self._moved
                )
        finally:
            ends = not (run.is_held_up or edit.is_done)
            if ends:
                ran = {step.qualname for step in run.steps if step.kind == "ran"}
                patched = edit.patches.steps
                self.steps += [it for it in patched if it.qualname.partition(".")[0] not in ran]
            self.steps += run.steps[known:]
            self.lines |= run.lines
        self.bound.setdefault(name_of_module(edit.module), set()).update(run.bound)
        self._share(fitting, keeper)
        edit.kept |= keeper.targets | {id(target) for target, *_ in fitting}
        edit.made_anew |= keeper.targets
        if ends:
            self._make_again(edit.patches.inner, edit.made_anew)
            for target, *_ in edit.patches.bodies:
                if id(target) not in edit.kept:
                    self.stale.append(_with_other_arguments(target))
        self._end(edit, keeper, before, front, outside)
        self._own += [before, olds, *keeper.own, *edit.patches.containers()]
        for name, value in {**edit.came_back(), **before}.items():
            if namespace_of(edit.module).get(name, ABSENT) is not value:
                self._replaced.setdefault((name_of_module(edit.module), name), value)
        self._methods += run.classes.methods
        self._own.append([*run.classes.replaced])
        run.classes.replaced.clear()
        run.classes.methods.clear()
        self._followers.follow_run(edit.module, run)
        self._followers.follow_refilled(edit.module, run.written_out.refilled)
        self._lost += run.written_out.lost
        run.written_out.lost.clear()

    def _may_come_back(self, edit: Edit) -> dict[str, Any]:
        """Return what names stood for that were removed from a module, and that it binds now."""
        removed, tree = self._removed.of(edit.module), edit.trees[1]
        bound = names_bound(tree) if removed and tree is not None else set[str]()
        return {name: it for name, it in removed.items() if not bound.isdisjoint((name, "*"))}

    def _definitions_back(self, edit: Edit) -> dict[str, Any]:
        """Return those of them that definitions had made, which go on as what comes back."""
        defined = self._removed.defined_in(edit.module) if edit.removed else {}
        return {name: it for name, it in edit.removed.items() if name in defined}

    def _moved(
        self,
        importer: ModuleType,
        before: Mapping[str, Any],
        old: Any,
        new: Any,
        own: Iterable[Any] = (),
    ) -> list[tuple[type, Before]] | None:
        """Let definitions that have moved to another module go on there; see `Moved`.

        Of containers of the engine itself, ``own`` are left as they are.
        """
        move = self._moves.of(old, new)
        if move is None:
            return None
        source, namespace = name_of_module(move.source), namespace_of(move.target)
        had = before if move.source is importer else namespace_of(move.source)
        had = {**self._removed.of(move.source), **had}
        olds = {it: self._replaced.get((source, it), had.get(it)) for it in move.lines}
        olds = {
            it: value
            for it, value in olds.items()
            if value is not (new := namespace.get(it)) and are_alike(value, new)
        }
        names = dict(namespace)
        with self._kept(
            Edit(move.target, "", move.trees), names, Front(move.target, names), olds
        ) as keeper:
            keeper.own += [names, olds, *own]
            kept = keeper.take_from(source, names_bound(move.trees[1]))
        self._own += [names, olds, *keeper.own]
        self.stale += keeper.stale
        self.left.setdefault(id(move.source), (move.source, set()))[1].update(kept)
        target = name_of_module(move.target)
        self.steps += [
            Step("patched", target, it, move.lines[it], f"it has moved here from {source}")
            for it in sorted(kept)
        ]
        self.steps += stays_in_instances(target, keeper.storage_lost)
        return keeper.changed if any(olds[it] is old for it in kept) else None

    def _share(self, bodies: list[Body], keeper: Keeper) -> None:
        """Let functions that were patched have the very code of those that statements have made of
        the same definition: who holds code that is only equal is not missed by the next reload.
        """
        made = keeper.functions.codes() if bodies else {}
        shared: list[Body] = [
            Body(function, made[code], function.__closure__ or (), ...)
            for function, code, *_ in bodies
            if function.__code__ is code and made.get(code, code) is not code
        ]
        if shared:
            self._apply(shared, [], [])

    @contextmanager
    def _kept(
        self,
        edit: Edit,
        before: dict[str, Any],
        front: Front,
        olds: dict[str, Any] | None = None,
    ) -> Iterator[Keeper]:
        """Keep the objects of a module while it runs, and remember the names that it binds.

        Args:
            edit: The edits of the module.
            before: Its names now.
            front: What others import in its place.
            olds: Its names when the reload began to run it, where that is not now.
        """
        journal = Journal()
        self._done.append(journal)
        remember = self._done.append
        keeper = Keeper(
            edit.module,
            before if olds is None else olds,
            edit.filename or None,
            edit.trees,
            self._commit_log,
            remember,
            edit.living,
            self._making_way,
            self._registries,
            self._edited,
            self._is_set_by_statement,
        )
        importlib.invalidate_caches()  # files that it imports may be as new as this one
        try:
            yield keeper
        finally:
            try:
                keeper.leave()
            finally:
                self._edited |= keeper.targets
                journal.executed(namespace_of(edit.module), before)
                front.executed(journal)
        front.become(namespace_of(edit.module), journal)

    def _patch_others(self, edit: Edit, keeper: Keeper) -> None:
        """Patch the functions that hold old code and that no name of the module led to."""
        bodies = []
        for body in edit.patches.bodies:
            if id(body[0]) in keeper.targets:
                continue
            if body.fits:
                bodies.append(body)
            else:
                self.stale.append(_with_other_arguments(body[0]))
        self._apply(bodies, edit.patches.constants, [])
        self._make_again(edit.patches.inner, keeper.targets)

    def _end(
        self,
        edit: Edit,
        keeper: Keeper,
        before: dict[str, Any],
        front: Front,
        outside: Outside,
    ) -> None:
        """After a run: caches, the report, names that are gone, and those who import others."""
        name = name_of_module(edit.module)
        if not edit.is_begun:
            self._clear(edit.patches.caches)
        self.stale += keeper.stale
        self.steps += [
            Step(
                "removed", name, f"{qualname_of(cls)}.{attribute}", 0, "it is gone from the source"
            )
            for cls, attribute in keeper.removed
        ]
        self.steps += stays_in_instances(name, keeper.storage_lost)
        if edit.whole is not None:
            journal = Journal()
            self._done.append(journal)
            for gone in self._names_removed(edit, before):
                journal.unbind(namespace_of(edit.module), gone)
        had = {**edit.came_back(), **before}
        self.steps += self._followers.follow(edit.module, had, outside, front)

    def _remove_names(self, edit: Edit, before: dict[str, Any]) -> list[str]:
        names = self._names_removed(edit, before)
        for gone in names:
            del namespace_of(edit.module)[gone]
        return names

    def leave_file(self, module: ModuleType, text: Version) -> list[ModuleType]:
        """Let definitions of a module whose file is gone go on where they have been pasted before.

        Args:
            module: The module, which nobody imports any more.
            text: Its text.

        Returns:
            The modules that have them now.
        """
        before = dict(namespace_of(module))
        self._own.append(before)
        names = [name for name in defined_in(text) if name in before]
        self._go_on_elsewhere(module, before, names)
        _, left = self.left.get(id(module), (module, ()))
        found = (self._removed.copied_to(name_of_module(module), name) for name in left)
        return list(dict.fromkeys(it for it in found if it is not None))

    def _go_on_elsewhere(
        self, module: ModuleType, before: dict[str, Any], names: Iterable[str]
    ) -> list[tuple[type, Before]]:
        """Let definitions that are cut go on in the module where they have been pasted before.

        Returns:
            The classes that have changed by that.
        """
        changed: list[tuple[type, Before]] = []
        for name in names:
            target = self._removed.copied_to(name_of_module(module), name)
            if target is not None:
                new = namespace_of(target)[name]
                journal = Journal()
                for holder, bound, _ in names_holding([new]):
                    journal.was(namespace_of(holder), bound, new)
                self._done.append(journal)
                own = journal.containers()
                changed += self._moved(module, before, before[name], new, own) or []
        return changed

    def _names_removed(self, edit: Edit, before: dict[str, Any]) -> list[str]:
        tree_of = None if edit.run is None else edit.run.tree_of
        gone, steps = names_removed(edit.module, edit.trees, before, tree_of)
        self.steps += steps
        self._removals.note(edit.module, {it: before[it] for it in gone}, edit.trees[0])
        return gone


def _left_behind(behind: Iterable[tuple[FunctionType, CodeType, Stale]]) -> list[Stale]:
    """Say which functions are what they were: those of one definition, by whatever name decorators
    have made them known, in one entry.
    """
    found: dict[tuple[str, str, str], list[str]] = {}
    for function, code, stale in behind:
        if function.__code__ is code:
            known = found.setdefault((code.co_qualname, stale.reason, stale.hint), [])
            if stale.what not in known:
                known.append(stale.what)
    return [
        Stale(what if known == [what] else f"{what} (as {_shortened(known)})", reason, hint)
        for (what, reason, hint), known in found.items()
    ]


def _shortened(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:-more])} and {more} more"


def _containers(done: Undoable) -> Iterator[Any]:
    """What of the engine holds objects of the program to be able to take back what was done."""
    if isinstance(done, Journal | Refilled):
        yield from done.containers()
    elif not isinstance(done, _core.Log):
        for held in vars(done).values():
            if is_one_of(type(held), (list, dict)):
                yield held
                yield from (it for it in held if type(it) is tuple)


def _with_other_arguments(function: FunctionType) -> Stale:
    return Stale(
        function.__qualname__,
        "its arguments changed, and what holds it is not the module or one of its classes",
        "take it from the module again",
    )
