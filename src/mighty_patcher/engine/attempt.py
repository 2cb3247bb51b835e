"""One attempt to bring saved texts into the program: each module has its turns, in order, and if
one of them raises, all is taken back.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from types import ModuleType

from mighty_patcher.engine.behind import behind
from mighty_patcher.engine.bindings import readers, readers_of_attributes
from mighty_patcher.engine.halfway import Halfway
from mighty_patcher.engine.imports import Imported, imports_of, in_dependency_order
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.module_facts import name_of_module, namespace_of, package_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.moments import Moments
from mighty_patcher.engine.outside import Outside
from mighty_patcher.engine.planner import Planner
from mighty_patcher.engine.relocated import Relocation
from mighty_patcher.engine.removed_names import RemovedNames
from mighty_patcher.engine.report import Step, found_besides
from mighty_patcher.engine.set_from_outside import is_set_at_top
from mighty_patcher.engine.stars import asked, exported, imports_in, sources
from mighty_patcher.engine.statement_run import StatementRun
from mighty_patcher.engine.taken_back import Edited, Found, find_taken_back, may_assign
from mighty_patcher.engine.transaction import Edit, Transaction
from mighty_patcher.engine.unloaded import Unloaded, attributes_asked
from mighty_patcher.engine.version import Version, parsed
from mighty_patcher.engine.worklist import Turn, Worklist

__all__ = ["Attempt"]


class _Saved:
    """The modules that were saved, with what they will import and bind.

    Nothing here refers to what a reload does: a transaction, which outlives it, refers to this.
    """

    def __init__(
        self,
        modules: Modules,
        in_force: InForce,
        news: Sequence[Version],
        gone: Sequence[tuple[ModuleType, Version]],
    ) -> None:
        self._in_force = in_force
        self.gone = gone
        self._is_excluded = modules.is_excluded
        self.modules: list[ModuleType] = []
        # Not by name: two modules of one file may have the same, and a run may change it.
        self._versions: dict[int, Version] = {}
        self._imports: dict[int, list[Imported]] = {}
        self._loads: dict[int, list[Imported]] = {}
        self._before: dict[int, list[Imported]] = {}
        self.halfway = Halfway(self.text)
        self.unloaded = Unloaded(
            modules.is_own, in_force.knows, lambda module: self.text(module, before=False)
        )
        for new in news:
            for module in modules.of(new.path):
                if not modules.is_excluded(module):
                    self.modules.append(module)
                    self._versions[id(module)] = new

    def version(self, module: ModuleType) -> Version | None:
        """Return the version of a module that was saved."""
        return self._versions.get(id(module))

    def in_dependency_order(self) -> list[ModuleType]:
        """Return the modules, those that others import first."""
        names = set(map(name_of_module, self.modules))
        imports: dict[str, set[str]] = {}
        for module in self.modules:
            name, new = name_of_module(module), self._versions[id(module)]
            own = self._imports[id(module)] = imports_of(new.tree, name, package_of(module))
            loads = self._loads[id(module)] = self.unloaded.seen_through(own)
            imports.setdefault(name, set()).update(imported.needs(names) for imported in loads)
        return in_dependency_order(self.modules, imports)

    def imported(self, module: ModuleType, name: str) -> list[Imported]:
        """Return what a module has imported, if that may be from the module of this name, or, of
        ``*``, if it may import everything from any.
        """
        if self._in_force.begun and self.version(module) is not None:
            return self._imported_before(module)
        if name == "*":
            return self._in_force.imports_of(module, "", "*")
        return self._in_force.imports_of(module, name, "")

    def _imported_before(self, module: ModuleType) -> list[Imported]:
        """Return what a saved module has imported, though its new text is the one that counts."""
        if id(module) not in self._before:
            text, name = self._in_force.text_of(module), name_of_module(module)
            self._before[id(module)] = (
                [] if text is None else imports_of(text.tree, name, package_of(module))
            )
        return self._before[id(module)]

    def will_import(self, module: ModuleType, name: str) -> list[Imported]:
        """Return what a module will import, if that may be from the module of this name, or, of
        ``*``, if it may import everything from any.
        """
        own = self._imports.get(id(module))
        return self.imported(module, name) if own is None else own

    def will_load(self, module: ModuleType, name: str) -> list[Imported]:
        """Return what a module will import, itself or by modules that it is the first to import, if
        that may be from the module of this name (`will_import`).
        """
        loads = self._loads.get(id(module))
        return self.imported(module, name) if loads is None else loads

    def asked(self, module: ModuleType, other: ModuleType) -> set[str]:
        """Return the names for which a saved module asks another, while it is executed."""
        new, name = self._versions.get(id(module)), name_of_module(other)
        if new is None:
            return set()
        imports = self._imports.get(id(module), ())
        found = attributes_asked(imports, new.tree, name)
        return found | self.unloaded.asked(imports, name)

    def is_gone(self, module: ModuleType) -> bool:
        """Tell whether a module's file is gone, and nobody imports it."""
        return any(it is module for it, _ in self.gone)

    def taken_back(self) -> Found:
        """Find what statements have set which are gone."""
        edited: list[Edited] = []
        for module in self.modules:
            old = parsed(self._in_force.text_of(module))
            if old is not None:
                edited.append((module, old.tree, self._versions[id(module)].tree))
        edited += [(it, text.tree, ast.Module([], [])) for it, text in self.gone]
        return find_taken_back(edited, self._tree, self._may_set)

    def _tree(self, module: ModuleType) -> ast.Module | None:
        text = parsed(self._in_force.text_of(module))
        return None if text is None or self._is_excluded(module) else text.tree

    def _may_set(self, name: str) -> Iterator[tuple[ModuleType, ast.Module]]:
        """Yield the modules that may set an attribute of this name."""
        for module, text in self._in_force.texts():
            now = self._versions.get(id(module), text)
            if may_assign(now, name) and not self.is_gone(module):
                yield module, now.tree

    def is_set_by_statement(self, name: str) -> bool:
        """Tell whether a statement at the top of some module sets an attribute of this name."""
        return any(is_set_at_top(tree, name) for _, tree in self._may_set(name))

    def text(self, module: ModuleType, before: bool) -> Version | None:
        """Return the text that a module is to run, or has run so far."""
        return (None if before else self.version(module)) or self._in_force.text_of(module)

    def has(self, module: ModuleType, name: str, line: int) -> bool:
        """Tell whether a module has a name, or with ``*`` all of its names, when all before a line
        of it is executed.
        """
        is_as_it_was = name == "*" and self.version(module) is None
        return is_as_it_was or self.halfway.has(module, name, line)


class _Teller:
    """Tells modules what others have changed for them, unless it is names of theirs that they do
    not spell: many import a package, and few ask it for the same.
    """

    def __init__(self, saved: _Saved, work: Worklist) -> None:
        self._saved = saved
        self._work = work
        self._texts: dict[int, Version | None] = {}

    def tell(self, module: ModuleType, outside: Outside) -> None:
        """Note what others have changed for a module."""
        module = behind(module) or module
        if self._saved.is_gone(module):
            return
        if (outside.set_anew or outside.asks_only()) and id(module) not in self._texts:
            self._texts[id(module)] = self._saved.text(module, before=False)
        if outside.set_anew:
            text = self._texts[id(module)]
            names = {it for _, it in outside.set_anew}
            if text is None or not any(may_assign(text, it) for it in names):
                return
        if not outside.asks_only() or outside.is_spelt(self._texts[id(module)]):
            self._work.tell(module, outside)


class _Waiter:
    """Tells whether a module has to wait for others before a statement (`Wait`, `Make`)."""

    def __init__(self, unloaded: Unloaded, work: Worklist) -> None:
        self._unloaded = unloaded
        self._work = work

    def wait(
        self, module: ModuleType, statement: ast.stmt, read: Sequence[ModuleType] | None
    ) -> bool:
        """Have a module wait, if it has to: then it has another turn."""
        imports = self._unloaded.seen_through(imports_in(module, statement))
        imported = list(sources(module, imports))
        waits_for = [] if read is None else [*asked(module, imports), *read]
        return bool(imported or waits_for) and self._work.wait(module, imported, waits_for)

    def make(self, module: ModuleType, source: ModuleType, name: str, reason: str) -> bool:
        """Have another module bind a name again, while a module waits for it, if it can."""
        self._work.tell(source, Outside(rebuilt={name: reason}))
        return self._work.wait(module, [source], [])


class Attempt:
    """Reloads what was saved, and who has to follow.

    Args:
        modules: The loaded modules.
        in_force: What runs now.
        planner: Plans the edits of a module.
        news: The versions that were saved.
        raised: What is known of modules that end after others (`Worklist`); added to.
        gone: The modules whose files are gone, and that nobody imports any more, with their texts.
        moved: What has another file now.
        removed: Remembers what names stood for that reloads have removed.

    Attributes:
        transaction: All that it does.
        reloaded: The modules that it has done something to.
        module: The one whose turn it is.
        taken_back: What statements have set which are gone.
    """

    def __init__(
        self,
        modules: Modules,
        in_force: InForce,
        planner: Planner,
        news: Sequence[Version],
        raised: set[tuple[str, str]],
        gone: Sequence[tuple[ModuleType, Version]] = (),
        moved: Sequence[Relocation] = (),
        removed: RemovedNames | None = None,
    ) -> None:
        self._in_force = in_force
        self._moved = moved
        self._display = modules.display
        self._planner = planner
        self._saved = saved = _Saved(modules, in_force, news, gone)
        self._work = Worklist(
            saved.in_dependency_order(),
            saved.will_load,
            saved.imported,
            in_force.knows,
            saved.has,
            raised,
            saved.asked,
        )
        saved.halfway.lines, saved.halfway.may_be = self._work.halfway, self._work.has_outlasted
        self._tell = _Teller(saved, self._work).tell
        waiter = _Waiter(saved.unloaded, self._work)
        self.transaction = Transaction(
            in_force.imports_of,
            in_force.importers,
            in_force.star_importers,
            self._tell,
            waiter.wait,
            waiter.make,
            in_force.binds_after,
            saved.halfway.not_there,
            saved.text,
            saved.is_set_by_statement,
            removed,
        )
        self._is_otherwise = False  # more than bodies of functions was changed
        self._has_told = False
        self.reloaded: list[ModuleType] = []
        self.module: ModuleType | None = None
        self.taken_back = Found()

    def _next(self) -> Turn | None:
        """Return what is next; at last those who find what they have not found so far, as they are
        not imported halfway through a module any more.
        """
        turn = self._work.next()
        if turn is None and not self._has_told and self._is_otherwise:
            self._has_told = True
            for source, importer, names in self._saved.halfway.found_now(
                self._saved.modules, self._in_force.star_importers
            ):
                had = exported(namespace_of(source)) - names
                self._work.tell(importer, Outside(exported={name_of_module(source): had}))
            turn = self._work.next()
        return turn

    def _has_done(self, *modules: ModuleType) -> None:
        """Note that something was done to modules."""
        for module in modules:
            if not any(module is done for done in self.reloaded):
                self.reloaded.append(module)

    def _tell_of_places(self) -> None:
        """Tell who reads it that modules have another ``__file__``."""
        for place in self._moved:
            self.transaction.steps += place.steps(self._display)
            for module, before in place.before:
                self.reloaded.append(module)
                self._work.tell(module, Outside(before))
                for reader, path, name in readers([(module, {*before, "__path__"})]):
                    self._tell(reader, Outside(attributes={(path, name)}))

    def _tell_of_docstrings(self, run: StatementRun) -> None:
        """Tell who reads them that functions have other docstrings."""
        for reader, path, name in readers_of_attributes(run.redocumented()):
            self._tell(reader, Outside(attributes={(path, name)}))

    def _kept_in_cycles(self) -> list[Step]:
        if not self._is_otherwise:
            return []
        saved = self._saved
        moments = Moments(saved.halfway, self._in_force, saved.will_import, saved.imported)
        known = {(it.module, it.qualname) for it in self.transaction.steps if it.kind == "kept"}
        found = found_besides(
            lambda: moments.kept(
                saved.modules, self.reloaded, self.transaction.lines, self._work.begun
            )
        )
        return [it for it in dict.fromkeys(found) if (it.module, it.qualname) not in known]

    def run(
        self,
        before: Iterable[Callable[[str], object]],
        *,
        again: bool = False,
        whole: Collection[str] = (),
    ) -> None:
        """Do it.

        Args:
            before: Called with the name of each saved module just before it is patched or run.
            again: It was tried before.
            whole: The files whose modules are to be run as a whole.

        Raises:
            BaseException: Whatever a module has raised; then all is as it was before.
        """
        edits: dict[int, Edit] = {}
        taken: set[int] = set()
        try:
            self.taken_back = self._saved.taken_back()
            for module, outside in self.taken_back.outside.values():
                self._work.tell(behind(module) or module, outside)
            self._tell_of_places()
            while (turn := self._next()) is not None:
                module = self.module = turn.module
                new = self._saved.version(module)
                edit = edits.get(id(module))
                if edit is None and new is not None:
                    edit = self._planner.saved(
                        module, new, taken, again=again, whole=new.path in whole
                    )
                    if edit.run is not None:
                        edit.run.without_effect = self.taken_back.whole.get(id(module), ())
                elif edit is None:
                    edit = self._planner.importer(module, turn.outside)
                    if edit is None:
                        self.transaction.leave(module, turn.outside)
                        continue
                edits[id(module)] = edit
                if new is not None:
                    self._is_otherwise |= edit.whole is not None or (
                        edit.run is not None and edit.run.is_needed(Outside())
                    )
                if not edit.is_needed(turn.outside):
                    continue
                known = len(self.transaction.steps)
                for tell in before if new is not None and not edit.is_begun else ():
                    tell(name_of_module(module))
                if new is not None:
                    self._in_force.begun[new.path] = new
                was_begun = edit.is_begun
                self.transaction.add(edit, turn.outside, turn.until)
                if edit.run is not None and not was_begun:
                    self._tell_of_docstrings(edit.run)
                if new is not None or len(self.transaction.steps) > known:
                    self._has_done(module)
            for module, text in self._saved.gone:
                self._has_done(*self.transaction.leave_file(module, text))
            self.transaction.finish()
            self.transaction.steps += self._kept_in_cycles()
        except BaseException:
            self.transaction.undo()
            raise
        finally:
            self._in_force.begun.clear()
            for edit in edits.values():
                if edit.run is not None:
                    edit.run.forget()
            self._work.forget()
            self._saved.halfway.forget()
            self._saved.unloaded.forget()
