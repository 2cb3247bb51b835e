"""Who follows a module that has run: those who import from it get what it has now, where they still
hold what it had, and who else may have read it is told.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.bindings import (
    BindsAfter,
    Imports,
    follow,
    names_holding,
    readers,
    readers_of_attributes,
)
from mighty_patcher.engine.classes import class_dict, is_class
from mighty_patcher.engine.front import Front
from mighty_patcher.engine.inforce import StarImporter
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.module_facts import is_loaded, is_submodule, name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT, Outside
from mighty_patcher.engine.removed_names import Importers
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.stars import exported
from mighty_patcher.engine.statement_run import StatementRun
from mighty_patcher.engine.toplevel import OF_EVERY_MODULE
from mighty_patcher.engine.values import same_value

__all__ = ["Followers", "StarImporters", "Tell"]

StarImporters = Callable[[str], list[StarImporter]]
"""Finds those that import everything from one, by its name."""
Tell = Callable[[ModuleType, Outside], None]
"""Is told which modules learn of a change through what they import."""


class Followers:
    """Has them follow, in one reload.

    Args:
        imports: What a module imports at its top, from its source.
        importers: Finds those who import a name.
        star_importers: Finds those who import everything.
        tell: Tells who else has to do something.
        binds_after: Tells whether a module binds a name itself after it has imported it.
        remember: Given each journal before anything is bound, so that it can be taken back.
        removes: Given the names that are about to be removed from a module, and their values.

    Attributes:
        changed: The names that have another value now, or none, by their modules.
    """

    def __init__(
        self,
        imports: Imports,
        importers: Importers,
        star_importers: StarImporters,
        tell: Tell,
        binds_after: BindsAfter,
        remember: Callable[[Journal], None],
        removes: Callable[[ModuleType, Mapping[str, Any]], None],
    ) -> None:
        self.changed: dict[str, set[str]] = {}
        self._imports = imports
        self._importers = importers
        self._star_importers = star_importers
        self._tell = tell
        self._binds_after = binds_after
        self._remember = remember
        self._removes = removes
        self._apart: list[tuple[ModuleType, str, ModuleType, str]] = []
        self._in_classes: list[tuple[ModuleType, str, ModuleType, str]] = []

    def follow(
        self, module: ModuleType, before: dict[str, Any], outside: Outside, front: Front
    ) -> list[Step]:
        """Let importers have the new values of a module's names, and tell who else reads them.

        Args:
            module: The module, which has run.
            before: Its names from before.
            outside: What others have changed for it.
            front: What others import in its place.

        Returns:
            What was bound and removed for that.
        """
        namespace, journal, steps = namespace_of(module), Journal(), list[Step]()
        self._remember(journal)
        if front.module is not module:
            steps += front.take_over(before, namespace, journal)
            module, before = front.module, {**before, **front.before}
            namespace = {**namespace, **namespace_of(module)}
        if exported(front.before) != exported(namespace_of(module)):
            self._export(module, front.before, steps)
        before = {**outside.removed, **before}
        new = {
            name
            for name, value in list(namespace.items())
            if before.get(name, ABSENT) is not value and name not in OF_EVERY_MODULE
        }
        gone = before.keys() - namespace.keys()
        self.changed.setdefault(name_of_module(module), set()).update(new, gone)
        changed = {name: (before[name], namespace[name]) for name in new if name in before}
        bindings = follow(module, changed, self._imports, journal, self._binds_after)
        steps += dict.fromkeys(it.step for it in bindings)  # what stands in a place has it, too
        followed = {(id(it.importer), it.name) for it in bindings}
        sources = [(module, name, old) for name, (old, _) in changed.items()]
        for source, name, old in [*sources, *((it.importer, it.name, it.old) for it in bindings)]:
            for importer, bound, member in self._importers(name_of_module(source), name):
                if member:
                    if _member(importer, member) is old:
                        cls, _, own = member.rpartition(".")
                        reason = f"imports {name_of_module(source)}.{name}, which changed"
                        self._tell(importer, Outside(members={cls: {own: reason}}))
                    self._in_classes.append((importer, member, source, name))
                elif (id(importer), bound) not in followed:
                    self._tell(importer, Outside(imported={bound}))
                    self._apart.append((importer, bound, source, name))
        names: dict[int, tuple[ModuleType, set[str]]] = {}
        names[id(module)] = module, new | outside.before.keys()
        for it in bindings:
            self.changed.setdefault(name_of_module(it.importer), set()).add(it.name)
            self._tell(it.importer, Outside({it.name: it.old}))
            names.setdefault(id(it.importer), (it.importer, set()))[1].add(it.name)
        for reader, path, attribute in readers([it for it in names.values() if it[1]]):
            self._tell(reader, Outside(attributes={(path, attribute)}))
        return steps

    def _export(self, module: ModuleType, before: dict[str, Any], steps: list[Step]) -> None:
        """Have those who import everything from a module import what it has now.

        Args:
            module: The module.
            before: Its names from before.
            steps: Those that are done for it are added.
        """
        name, had, has = name_of_module(module), exported(before), exported(namespace_of(module))
        gone = had - has
        for importer, own, session in self._star_importers(name):
            names, namespace = name_of_module(importer), namespace_of(importer)
            journal = Journal()
            self._remember(journal)
            was = dict(namespace)
            removed: dict[str, Any] = {}
            for it in sorted(gone - own):
                is_own = namespace.get(it, ABSENT) is before[it]
                if is_own and not is_submodule(before[it], names, it):
                    removed[it] = namespace[it]
                    journal.unbind(namespace, it)
                    steps.append(Step("removed", names, it, 0, f"it is gone from {name}"))
                elif (
                    not is_own and it in namespace and not self._is_from_others(it, importer, name)
                ):
                    reason = f"it had another value than {name}.{it}, which is gone, and keeps it"
                    steps.append(Step("kept", names, it, 0, reason))
            if removed:
                self._removes(importer, removed)
                self._export(importer, was, steps)
            if session is None:
                self._tell(importer, Outside(exported={name: had}, removed=removed))
                continue
            for it in sorted(has - had - namespace.keys()):  # its code is not ours to execute
                journal.bind(namespace, it, namespace_of(module)[it])
                session.took(name, it)
                steps.append(Step("rebound", names, it, 0, f"imported from {name}"))

    def _is_from_others(self, name: str, importer: ModuleType, source: str) -> bool:
        """Tell whether a module imports a name, or everything where it is, from another source."""
        for it in self._imports(importer, "", "*"):
            if it.module != source and it.name in (name, "*"):
                other = sys.modules.get(it.module)
                if is_loaded(other) and name in exported(namespace_of(other)):
                    return True
        return False

    def follow_run(self, module: ModuleType, run: StatementRun) -> None:
        """Tell those who read what statements have made of classes, and where others have to be
        built again.

        Args:
            module: The module.
            run: Its statements, which have run.
        """
        while run.classes.elsewhere:
            name, cls, reason = run.classes.elsewhere.pop()
            other = sys.modules.get(name)
            if is_loaded(other):
                self._tell(other, Outside(rebuilt={cls: reason}))
        for reader, path, name in readers_of_attributes(run.classes.attributes):
            if reader is not module or _leads_to_module(reader, path):  # else it knows already
                self._tell(reader, Outside(attributes={(path, name)}))
        run.classes.attributes.clear()
        for reader, path, name in readers_of_attributes(run.classes.set_anew):
            if reader is not module or "." in path:
                self._tell(reader, Outside(set_anew={(path, name)}))
        run.classes.set_anew.clear()

    def follow_refilled(self, module: ModuleType, refilled: dict[str, Any]) -> None:
        """Tell those who read what a module holds, and what has other content now.

        Args:
            module: The module.
            refilled: What it holds, by its names.
        """
        names = {id(module): (module, set(refilled))}
        for importer, bound, value in names_holding(list(refilled.values())):
            names.setdefault(id(importer), (importer, set()))[1].add(bound)
            if importer is not module:
                self._tell(importer, Outside(refilled={bound: value}))
        for holder, bound_there in names.values():
            self.changed.setdefault(name_of_module(holder), set()).update(bound_there)
        for reader, path, attribute in readers(names.values()) if refilled else ():
            self._tell(reader, Outside(attributes={(path, attribute)}))
        refilled.clear()

    def kept_apart(self) -> Iterator[Step]:
        """Say at the end who has imported a name and holds something else: the program has bound
        it, or the import was made halfway round a cycle, or in the body of a class.
        """
        apart, self._apart = self._apart, []
        in_classes, self._in_classes = self._in_classes, []
        for importer, member, source, name in in_classes:
            old, new = _member(importer, member), namespace_of(source).get(name)
            if old is not ABSENT and not same_value(old, new):
                reason = f"its body has imported {name_of_module(source)}.{name}, which changed"
                yield Step("kept", name_of_module(importer), member.rpartition(".")[0], 0, reason)
        for importer, bound, source, name in apart:
            own, new = namespace_of(importer).get(bound, ABSENT), namespace_of(source).get(name)
            lines = [
                it.line
                for it in self._imports(importer, name_of_module(source), name)
                if it.module == name_of_module(source) and it.name in (name, "*")
            ]
            if own is ABSENT or not lines or own is new or same_value(own, new):
                continue
            if not self._binds_after(importer, bound, lines[-1]):
                reason = f"it had another value than {name_of_module(source)}.{name}, and keeps it"
                yield Step("kept", name_of_module(importer), bound, lines[-1], reason)


def _leads_to_module(reader: ModuleType, path: str) -> bool:
    """Tell whether a path of names leads through a module that the reader has imported."""
    first, dot, _ = path.partition(".")
    return bool(dot) and isinstance(namespace_of(reader).get(first), ModuleType)


def _member(module: ModuleType, qualname: str) -> Any:
    """Return what a class has by a name: ``Cart.X``; `ABSENT` if it has not."""
    *owners, last = qualname.split(".")
    names: Mapping[str, Any] = namespace_of(module)
    for owner in owners:
        names = class_dict(names[owner]) if is_class(names.get(owner)) else {}
    return names.get(last, ABSENT)
