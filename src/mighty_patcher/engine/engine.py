"""The engine: it knows what is in force, takes a batch of saves, and returns what became of it."""

from __future__ import annotations

import ast
import fnmatch
import linecache
import os
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Literal

from mighty_patcher.engine import diff, version
from mighty_patcher.engine.codetree import Pairs
from mighty_patcher.engine.files import python_files
from mighty_patcher.engine.match import Patches, functions_in, match_bodies
from mighty_patcher.engine.modules import (
    Imported,
    Modules,
    filename_of,
    imports_of,
    in_dependency_order,
    name_of_module,
    namespace_of,
    package_of,
)
from mighty_patcher.engine.report import Reload, Stale, logger
from mighty_patcher.engine.run import frame_of
from mighty_patcher.engine.transaction import Edit, Transaction
from mighty_patcher.engine.version import Texts, Version
from mighty_patcher.errors import MightyPatcherError, RefusedEdit, RunError, SourceError

__all__ = ["Engine", "Rerun"]

Rerun = Literal["changed", "module"]


class Engine:
    """Owns what is in force, and reloads: one at a time, whole or not at all.

    Args:
        roots: Module roots.
        rerun: ``"module"`` runs every saved module again, whatever changed in it.
        excluded: Patterns of the names of modules that are never touched.
    """

    def __init__(
        self, roots: Sequence[Path], *, rerun: Rerun = "changed", excluded: Collection[str] = ()
    ) -> None:
        self.modules = Modules(roots)
        self.last: Reload | None = None
        self.errors: dict[str, MightyPatcherError] = {}
        self.importing: set[str] = set()
        """Files that were saved while a module of theirs was still being imported."""
        self._rerun = rerun
        self._excluded = tuple(excluded)
        self._lock = threading.RLock()
        self._is_reloading = False
        self._texts = Texts()
        self._codes: dict[tuple[str, str], tuple[bytes, CodeType]] = {}
        self._imports: dict[str, tuple[bytes, list[Imported]]] = {}
        self._last: tuple[Transaction, list[Version | None], list[Version]] | None = None
        self._texts.take(python_files(self.modules.roots))

    # ---- what the front ends call

    def reload(self, paths: Iterable[str | os.PathLike[str]] | None = None) -> Reload:
        """Bring the program to what is on disk.

        Args:
            paths: The files that may have changed; None for every loaded one below the roots.

        Returns:
            What was done. Nothing is raised but what stops the calling thread, such as
            ``KeyboardInterrupt``, and then everything is taken back first.
        """
        with self._lock:
            if self._is_reloading:
                nested = RefusedEdit(
                    "a module that is being run by a reload asked for another reload",
                    "it would see half of the first; ask when that has ended",
                )
                return Reload(errors=(nested,))
            self._is_reloading = True
            try:
                return self._reload(self._files(paths))
            finally:
                self._is_reloading = False

    def undo(self) -> Reload:
        """Take the last reload back, exactly; its files are then not in force.

        Returns:
            The reload that was taken back, or one with an error if there is none.
        """
        with self._lock:
            if self._last is None or self.last is None:
                nothing = RefusedEdit("there is no reload to undo", "only the last one can be")
                return Reload(errors=(nothing,))
            transaction, olds, news = self._last
            self._last = None
            transaction.undo()
            transaction.discard()
            for old, new in zip(olds, news, strict=True):
                if old is None:
                    self._texts.forget(new.path)
                else:
                    self._put(old, in_force_on_disk=False)
                self.errors[new.path] = RefusedEdit(
                    f"the reload of {self.modules.display(new.path)} was undone",
                    "save the file again to have it",
                )
            return self.last

    def looks_unfinished(self, path: str) -> bool:
        """Tell whether an editor is probably in the middle of saving a file."""
        known = self._texts.get(path)
        if not self.modules.of(path):
            return False
        if version.looks_unfinished(path, known):
            return True
        try:
            return version.read(path).tree is None
        except SourceError:
            return True

    # ---- a batch

    def _files(self, paths: Iterable[str | os.PathLike[str]] | None) -> list[str]:
        if paths is not None:
            return [os.path.realpath(path) for path in paths]
        files = (filename_of(module) for module in self.modules.loaded())
        return list(dict.fromkeys(os.path.realpath(file) for file in files if file))

    def _reload(self, paths: list[str]) -> Reload:
        started, clock = datetime.now().astimezone(), time.perf_counter()
        retried = [path for path, error in self.errors.items() if isinstance(error, RunError)]
        result = self._attempt(paths, started, clock)
        for path in retried:
            if path not in paths and result.modules:
                again = self._attempt([path], started, clock, again=True)
                result = _joined(result, again)
        if result.modules or result.errors:
            self.last = result
        return result

    def _attempt(
        self, paths: list[str], started: datetime, clock: float, *, again: bool = False
    ) -> Reload:
        """Reload some files, all or none of those that can be read."""
        errors: list[MightyPatcherError] = []
        news: list[Version] = []
        for path in paths:
            try:
                new = self._read(path, again=again)
            except SourceError as error:
                errors.append(self._not_in_force(path, error))
            else:
                if new is not None:
                    news.append(new)
        olds = [self._texts.get(new.path) for new in news]
        transaction = Transaction(self._imports_of)
        reloaded: list[ModuleType] = []
        try:
            try:
                for edit in self._edits(news):
                    if edit.runs:
                        reloaded.append(edit.module)
                        transaction.add(edit)
                    elif edit.patches.functions or edit.patches.stale:
                        reloaded.append(edit.module)
                        transaction.add(edit)
                self._forget_last()
                transaction.commit()
            except BaseException:
                transaction.undo()
                raise
        except MightyPatcherError as error:
            errors.append(error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            errors.append(_run_error(reloaded, error))
        if any(not isinstance(error, SourceError) for error in errors):
            for new in news:
                self._not_in_force(new.path, errors[-1])
            steps, stale, names = (), (), ()
        else:
            for new in news:
                self._put(new)
            self._last = (transaction, olds, news) if news else self._last
            steps, stale = tuple(transaction.steps), tuple(transaction.stale)
            names = tuple(name_of_module(module) for module in reloaded)
        shown = [new.path for new in news] or [e.path for e in errors if isinstance(e, SourceError)]
        return Reload(
            modules=names,
            paths=tuple(self.modules.display(path) for path in shown),
            steps=steps,
            stale=tuple(dict.fromkeys(stale)),
            errors=tuple(errors),
            seconds=time.perf_counter() - clock,
            started=started,
        )

    def _read(self, path: str, *, again: bool) -> Version | None:
        """Return the text of a file if something has to be done about it."""
        modules = [m for m in self.modules.of(path) if not self._is_excluded(m)]
        if not modules:
            logger.debug("%s was saved; no module was loaded from it", self.modules.display(path))
            self._texts.take([path])
            return None
        if any(map(self.modules.is_importing, modules)):
            self.importing.add(path)
            return None
        self.importing.discard(path)
        new, known = version.read(path), self._texts.get(path)
        if known is not None and known.digest == new.digest:
            if not again:
                self.errors.pop(path, None)
            return None
        version.parse(new)
        return new

    def _edits(self, news: list[Version]) -> Iterable[Edit]:
        """Say what each saved module needs, those that others import first.

        A module is looked at when those before it are done: what is found then is what is there.
        """
        versions = {
            name_of_module(module): (module, new)
            for new in news
            for module in self.modules.of(new.path)
            if not self._is_excluded(module)
        }
        imports = {
            name: {
                imported.needs(versions)
                for imported in imports_of(new.tree, name, package_of(module))
            }
            for name, (module, new) in versions.items()
        }
        ordered = in_dependency_order([module for module, _ in versions.values()], imports)
        taken: set[int] = set()
        for module in ordered:
            yield self._edit(module, versions[name_of_module(module)][1], taken)

    def _edit(self, module: ModuleType, new: Version, taken: set[int]) -> Edit:
        old = self._texts.get(new.path)
        filename = _code_filename(module, new.path)
        code = self._compile(new, module, filename)
        patches, plan = Patches(), diff.Plan(True, "its text at the time of its import is unknown")
        if old is not None:
            plan = self._plan(module, old, new)
            pairs = Pairs(self._compile(old, module, filename), code)
            patches = match_bodies(module, pairs, filename, taken)
            if patches.unknown is not None:
                reason = f"its file was changed after its import ({patches.unknown.__qualname__})"
                plan, patches = diff.Plan(True, reason), Patches()
        if plan.runs and name_of_module(module) == "__main__":
            code = self._main_code(module, old, new, filename, plan)
        old_tree = old.tree if old is not None else None
        return Edit(module, filename, code, old_tree, patches, plan.runs, plan.reason, plan.line)

    def _plan(self, module: ModuleType, old: Version, new: Version) -> diff.Plan:
        wish = namespace_of(module).get("__rerun__", self._rerun)
        if wish == "module":
            return diff.Plan(True, "every save runs it again")
        if b"currently_reloading" in new.data and diff.asks_currently_reloading(new.tree):
            return diff.Plan(True, "it asks currently_reloading()")
        return diff.diff(old.tree, new.tree)

    def _main_code(
        self,
        module: ModuleType,
        old: Version | None,
        new: Version,
        filename: str,
        plan: diff.Plan,
    ) -> CodeType:
        """Compile ``__main__`` so that it can be run again: without its main block.

        Raises:
            RefusedEdit: Its top-level code is running right now, outside that block.
        """
        frame = frame_of(module)
        if frame is not None and not _is_in_main_guard(frame.f_lineno, old):
            raise RefusedEdit(
                f"{plan.reason} in {self.modules.display(new.path)}, whose top-level code is "
                f"still running and would start again",
                'put what runs the program below `if __name__ == "__main__":`, or restart; '
                "bodies of functions can be edited all the time",
            )
        tree = diff.without_main_guard(new.tree)
        return version.compile_for(new, module, filename, tree=tree)

    # ---- what is in force

    def _compile(self, text: Version, module: ModuleType, filename: str) -> CodeType:
        """Compile a version for a module, once."""
        key = (text.path, name_of_module(module))
        digest, code = self._codes.get(key, (b"", None))
        if code is None or digest != text.digest or code.co_filename != filename:
            code = version.compile_for(text, module, filename)
            if text is not self._texts.get(text.path):
                self._codes[key] = (text.digest, code)
        return code

    def _put(self, text: Version, *, in_force_on_disk: bool = True) -> None:
        """Note that a version is in force, and let tracebacks show its lines."""
        self._texts.put(text)
        self.errors.pop(text.path, None)
        for filename in self._filenames(text.path):
            linecache.cache.pop(filename, None)
            if not in_force_on_disk:
                _pin_lines(filename, text)

    def _not_in_force(self, path: str, error: MightyPatcherError) -> MightyPatcherError:
        """Note that the saved text does not run; tracebacks go on showing the one that does."""
        self.errors[path] = error
        known = self._texts.get(path)
        if known is not None:
            for filename in self._filenames(path):
                _pin_lines(filename, known)
        return error

    def _filenames(self, path: str) -> set[str]:
        return {path, *(_code_filename(module, path) for module in self.modules.of(path))}

    def _forget_last(self) -> None:
        """Drop what the last reload could have been undone with, before the next one commits."""
        if self._last is not None:
            self._last[0].discard()
            self._last = None

    def _is_excluded(self, module: ModuleType) -> bool:
        name = name_of_module(module)
        if namespace_of(module).get("__rerun__") == "never":
            return True
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in self._excluded)

    def _imports_of(self, module: ModuleType) -> list[Imported]:
        """What a module imports at its top, from its text."""
        file = filename_of(module)
        if file is None:
            return []
        path = os.path.realpath(file)
        try:
            text = self._texts.get(path) or version.read(path)
            known = self._imports.get(path)
            if known is None or known[0] != text.digest:
                found = imports_of(text.tree, name_of_module(module), package_of(module))
                known = self._imports[path] = (text.digest, found)
        except SourceError:
            return []
        return known[1]


def _joined(first: Reload, second: Reload) -> Reload:
    """One report of a reload and of what could be done in its wake."""
    return Reload(
        modules=first.modules + second.modules,
        paths=first.paths + second.paths,
        steps=first.steps + second.steps,
        stale=first.stale + second.stale,
        errors=first.errors + second.errors,
        seconds=second.seconds,
        started=first.started,
    )


def _run_error(reloaded: list[ModuleType], error: BaseException) -> MightyPatcherError:
    """Name the module that raised, and the line of it on which it did."""
    file = (filename_of(reloaded[-1]) if reloaded else None) or "?"
    path, line, trace = os.path.realpath(file), None, error.__traceback__
    while trace is not None:
        if os.path.realpath(trace.tb_frame.f_code.co_filename) == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    result: MightyPatcherError
    if line is None:
        result = MightyPatcherError(
            f"{path}: the reload failed inside Mighty Patcher ({type(error).__name__}: {error}); "
            f"nothing was changed; please report it"
        )
    else:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        result = RunError(path, words, line)
    result.__cause__ = error
    return result


def _is_in_main_guard(line: int, old: Version | None) -> bool:
    return old is not None and any(
        statement.lineno <= line <= (statement.end_lineno or statement.lineno)
        for statement in old.tree.body
        if diff.is_main_guard(statement)
    )


def _code_filename(module: ModuleType, path: str) -> str:
    """Return the ``co_filename`` of a module's code, which must stay what it was: debuggers and
    breakpoints go by it. That of a script is what was typed on the command line.
    """
    frame = frame_of(module)
    if frame is not None:
        return frame.f_code.co_filename
    name = os.path.basename(path)
    for value in list(namespace_of(module).values()):
        if type(value) is FunctionType and value.__globals__ is namespace_of(module):
            filename = value.__code__.co_filename
            if os.path.basename(filename) == name:
                return filename
    return filename_of(module) or path


def _pin_lines(filename: str, text: Version) -> None:
    """Let tracebacks show this text, whatever is on disk: without a time it is never checked."""
    lines = text.text.splitlines(keepends=True)
    linecache.cache[filename] = (len(text.data), None, lines, filename)


