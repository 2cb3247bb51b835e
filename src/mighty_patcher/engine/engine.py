"""The engine: it knows what is in force, takes a batch of saves, and returns what became of it."""

from __future__ import annotations

import gc
import os
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from types import ModuleType

from mighty_patcher import _core
from mighty_patcher.engine import version
from mighty_patcher.engine.attempt import Attempt
from mighty_patcher.engine.deleted import (
    left_without_file,
    lines_defining,
    stays_without_file,
    without_lines,
)
from mighty_patcher.engine.inforce import InForce, Session
from mighty_patcher.engine.instances import changed_definitions, migrate
from mighty_patcher.engine.log import logger
from mighty_patcher.engine.made_before import made_before, made_by_metaclasses
from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.planner import Planner, Rerun
from mighty_patcher.engine.reached import Reached
from mighty_patcher.engine.reimports import Reimports
from mighty_patcher.engine.relocated import Relocation, Relocations
from mighty_patcher.engine.removed_names import RemovedNames
from mighty_patcher.engine.report import Reload, Stale, Step, details, found_besides
from mighty_patcher.engine.roots import python_files
from mighty_patcher.engine.transaction import Transaction
from mighty_patcher.engine.version import Version, parsed
from mighty_patcher.errors import MightyPatcherError, RefusedEdit, RunError, SourceError

__all__ = ["Engine", "Rerun"]


@dataclass
class _Undo:
    """What takes the last reload back.

    Attributes:
        transaction: All that it did.
        olds: The versions that were in force before, where they were known.
        news: Those that it brought, in the same order.
        places: The modules that have another file since.
    """

    transaction: Transaction
    olds: list[Version | None]
    news: list[Version]
    places: list[Relocation]


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
        self.modules = Modules(roots, excluded)
        self.last: Reload | None = None
        self.errors: dict[str, MightyPatcherError] = {}
        self.importing: set[str] = set()
        """Files that were saved while a module of theirs was still being imported."""
        self.emptied: set[str] = set()
        """Files that were left alone because they have become empty."""
        self.before: list[Callable[[str], object]] = []
        """Called with the name of each module just before it is patched or run; must not raise."""
        self._lock = threading.RLock()
        self._thread: int | None = None  # the one that reloads
        self._whole: frozenset[str] = frozenset()
        self._takes_empty = True
        self._in_force = InForce(self.modules, python_files(self.modules.roots))
        self._undo: list[_Undo] = []
        self._raised: set[tuple[str, str]] = set()  # see `Worklist`
        self._last_done: Reload | None = None  # while that can be undone
        self._removed = RemovedNames(self._in_force.importers, self._in_force.reading)
        self._reimports = Reimports(self._in_force)
        self._planner = Planner(
            self.modules, self._in_force, self._reimports, rerun, self._forget_last
        )
        self._read_ahead: dict[str, Version] = {}
        self._relocations = Relocations(self.modules, self._in_force, self._reimports)

    # ---- what the front ends call

    def open(self) -> None:
        """Begin to follow modules that the program executes again itself: until `close`, or until
        nobody has the engine any more.
        """
        self._reimports.watch()
        weakref.finalize(self, self._reimports.stop).atexit = False

    def close(self) -> None:
        """End that; may be called again."""
        self._reimports.stop()

    def add(
        self,
        roots: Sequence[Path],
        package: str = "",
        *,
        recursive: bool = True,
        doubtful: Collection[str] = (),
    ) -> None:
        """Know more roots: what is imported from there is reloaded as well.

        Args:
            roots: Module roots, or single files; or folders of a package.
            package: The name of that package; empty for module roots.
            recursive: What is in folders below them, too.
            doubtful: Files that may have been saved after their import. Their next reload runs all
                of them, for nobody knows what they were.
        """
        with self._lock:
            self.modules.add(roots, package, recursive=recursive)
            self._in_force.take(python_files(roots, recursive=recursive))
            for path in doubtful:
                self._in_force.doubt(path)

    def open_session(self, session: Session) -> None:
        """Let the names follow that a session has imported."""
        with self._lock:
            self._in_force.open_session(session)

    def close_session(self, session: Session) -> None:
        """End that; may be called again."""
        with self._lock:
            self._in_force.close_session(session)

    def imported(self, paths: Iterable[str]) -> None:
        """Note that files have been imported as they are now."""
        with self._lock:
            for path in paths:
                self._in_force.read_anew(path)

    def hold(self, paths: Iterable[str]) -> list[str]:
        """Note that files were saved and will be reloaded later: until then tracebacks show the
        lines that run.

        Returns:
            Those that have to be reloaded at all: a module was loaded from them.
        """
        held = []
        with self._lock:
            for path in paths:
                is_module = self.modules.of(path) or self.modules.replaced_by_object(path)
                if is_module or self._relocations.taken_by(path) is not None:
                    held.append(path)
                    self._in_force.show(path, self._in_force.text(path))
                else:
                    self._in_force.read_anew(path)
        return held

    @property
    def is_reloading_here(self) -> bool:
        """Whether the calling thread is inside a reload, that is in code that a reload runs."""
        return self._thread == threading.get_ident()

    @property
    def is_reloading_elsewhere(self) -> bool:
        """Whether another thread is inside a reload; after a ``fork`` that never ends."""
        return self._thread not in (None, threading.get_ident())

    def reload(
        self,
        paths: Iterable[str | os.PathLike[str]] | None = None,
        *,
        whole: bool = False,
        takes_empty: bool = True,
    ) -> Reload:
        """Bring the program to what is on disk.

        Args:
            paths: The files that may have changed; None for every loaded one below the roots.
            whole: Run all of their modules, also where nothing changed.
            takes_empty: A file that has become empty is taken for what it is, and not left alone
                (`emptied`) because an editor may be about to write it.

        Returns:
            What was done. Nothing is raised but what stops the calling thread, such as
            ``KeyboardInterrupt``, and then everything is taken back first.
        """
        with self._lock:
            if self._thread is not None:
                nested = RefusedEdit(
                    "a module that is being run by a reload asked for another reload",
                    "it would see half of the first; ask when that has ended",
                )
                return Reload(errors=(nested,))
            self._settle_reimports()
            self._thread = threading.get_ident()
            collects = gc.isenabled()
            gc.disable()
            files: list[str] = []
            try:
                files = self.files() if paths is None else list(map(os.path.realpath, paths))
                self._whole = frozenset(files if whole else ())
                self._takes_empty = takes_empty
                self.emptied.difference_update(files)
                with self.modules.remembering():
                    result = self._reload(files)
            finally:
                self._thread, self._whole = None, frozenset()
                self._in_force.forget_trees(files)
                if collects:
                    gc.enable()
            if collects and _ran(result.steps):
                # The classes that a run made refer to themselves. They must be gone before the next
                # reload looks for functions; as nothing was collected meanwhile, they are young.
                gc.collect(1)
            return result

    def undo(self) -> Reload:
        """Take the last reload back, exactly; its files are then not in force.

        Returns:
            The reload that was taken back, or one with an error if there is none.
        """
        with self._lock:
            self._settle_reimports()
            if not self._undo or self._last_done is None:
                nothing = RefusedEdit("there is no reload to undo", "only the last one can be")
                return Reload(errors=(nothing,))
            while self._undo:
                done = self._undo.pop()
                done.transaction.undo()
                done.transaction.discard()
                for old, new in zip(done.olds, done.news, strict=True):
                    self._in_force.take_back(old, new)
                    self.errors[new.path] = RefusedEdit(
                        f"the reload of {self.modules.display(new.path)} was undone",
                        "save the file again to have it",
                    )
                _put_back(done.places)
            return self._last_done

    def looks_unfinished(self, path: str) -> bool:
        """Tell whether an editor is probably in the middle of saving a file."""
        if self._relocations.takes(path) is not None:
            return False
        known = self._relocations.taken_by(path) or path
        if not self.modules.of(known):
            return False
        if version.looks_unfinished(path, self._in_force.text(known)):
            return True
        try:
            text = version.read(path)
            text.tree  # noqa: B018  It is parsed here, once.
        except SourceError:
            return True
        self._read_ahead[path] = text
        return False

    # ---- a batch

    def files(self) -> list[str]:
        """List the files of the loaded modules below the roots."""
        files = (filename_of(module) for module in self.modules.loaded())
        loaded = dict.fromkeys(os.path.realpath(file) for file in files if file)
        # What is not known to have been other is not known to have changed.
        return [path for path in loaded if self._in_force.text(path) is not None]

    def _reload(self, paths: list[str]) -> Reload:
        started, clock = datetime.now().astimezone(), time.perf_counter()
        failed = {path: e for path, e in self.errors.items() if isinstance(e, RunError)}
        result = self._attempt(paths, started, clock)
        waiting = [path for path in failed if path not in paths]
        if waiting and result.modules:
            again = self._attempt(waiting, started, clock, again=True)
            if not again.ok and len(waiting) > 1:
                for path in waiting:
                    again = _joined(again, self._attempt([path], started, clock, again=True))
            known = {str(error) for error in failed.values()}
            news = {str(error): error for error in again.errors if str(error) not in known}
            result = _joined(result, replace(again, errors=tuple(news.values())))
        if result.modules or result.errors:
            self.last = result
        if result.modules:
            self._last_done = result
        return result

    def _attempt(
        self, paths: list[str], started: datetime, clock: float, *, again: bool = False
    ) -> Reload:
        """Reload some files, all or none of those that can be read."""
        errors: list[MightyPatcherError] = []
        news: list[Version] = []
        unread: list[str] = []
        places = {it.new: it for it in self._relocations.made(paths)}
        back: set[str] = set()
        for path in dict.fromkeys([*places, *paths]):
            if path in back:
                continue
            try:
                new = self._read(path, again=again, anew=path in places)
            except (SourceError, RefusedEdit) as error:
                if path in places:
                    back.add(places[path].old)
                    _put_back([places.pop(path)])
                errors.append(self._not_in_force(path, error))
                unread.append(path)
            else:
                if new is not None:
                    news.append(new)
        olds = [self._in_force.text(new.path) for new in news]
        for new in news:  # what is raised from now on is raised by these lines
            self._in_force.show(new.path, new)
        gone = self._gone(news)
        moved = list(places.values())
        attempt = Attempt(
            self.modules,
            self._in_force,
            self._planner,
            news,
            self._raised,
            gone,
            moved,
            self._removed,
        )
        transaction, reloaded = attempt.transaction, attempt.reloaded
        steps: tuple[Step, ...] = ()
        stale: tuple[Stale, ...] = ()
        names: tuple[str, ...] = ()
        texts: tuple[tuple[str, Version | None, Version], ...] = ()
        try:
            attempt.run(self.before, again=again, whole=self._whole)
        except (KeyboardInterrupt, GeneratorExit):
            for new, old in zip(news, olds, strict=True):
                self._in_force.show(new.path, old)
            _put_back(moved)
            raise
        except BaseException as error:
            failure = (
                error
                if isinstance(error, MightyPatcherError)
                else _run_error(attempt.module, error)
            )
            errors.append(failure)
            for new in news:
                self._not_in_force(new.path, failure)
            _put_back(moved)
        else:
            for it in moved:
                self.errors.pop(it.old, None)
            for new in news:
                self._in_force.put(new)
                self._reimports.uncertain.discard(new.path)
                self.errors.pop(new.path, None)
            if reloaded:
                if not again:
                    self._forget_last()
                left = self._without_effect(gone, attempt.taken_back.lines, transaction.left)
                now = [*news, *(it for _, it in left)]
                self._undo.append(_Undo(transaction, [*olds, *(it for it, _ in left)], now, moved))
                transaction.stale += self._migrate(reloaded, dict(zip(news, olds, strict=True)))
                transaction.steps += self._made_before(transaction)
            steps, stale = tuple(transaction.steps), tuple(transaction.stale)
            stale += tuple(self._left_without_file(errors))
            names = tuple(name_of_module(module) for module in reloaded)
            texts = tuple(
                (self.modules.display(new.path), old, new)
                for old, new in zip(olds, news, strict=True)
            )
        shown = [new.path for new in news] or unread
        return Reload(
            modules=names,
            paths=tuple(self.modules.display(path) for path in shown),
            steps=steps,
            stale=tuple(dict.fromkeys(stale)),
            errors=tuple(errors),
            seconds=time.perf_counter() - clock,
            started=started,
            texts=texts,
        )

    def _gone(self, news: list[Version]) -> list[tuple[ModuleType, Version]]:
        """Return the modules whose files are gone, and which nobody will import."""
        paths = [path for path, it in self.errors.items() if isinstance(it, SourceError)]
        left = (left_without_file(path, self.modules, self._in_force, news) for path in paths)
        texts = [(it, parsed(self._in_force.text_of(it))) for them in left for it in them]
        return [(it, text) for it, text in texts if text is not None and without_lines(text, ())]

    def _without_effect(
        self,
        gone: list[tuple[ModuleType, Version]],
        lines: Mapping[int, Collection[int]],
        moved: Mapping[int, tuple[ModuleType, Collection[str]]],
    ) -> list[tuple[Version, Version]]:
        """Note that statements of files that are gone have no effect any more, or that what they
        define has moved: they are executed again if such a file comes back.

        Args:
            gone: The modules of these files, with their texts.
            lines: The lines of the statements, by the address of the module.
            moved: Modules by their addresses, and the names of the definitions.

        Returns:
            Texts as they were, and as they are now.
        """
        changed: list[tuple[Version, Version]] = []
        known = {id(module) for module, _ in gone}
        for module, _ in moved.values():
            text = self._in_force.text_of(module)
            if id(module) not in known and text is not None and not os.path.lexists(text.path):
                gone = [*gone, (module, text)]  # nobody has told yet
        for module, text in gone:
            found = lines_defining(text.tree, moved.get(id(module), (module, ()))[1])
            new = without_lines(text, found.union(lines.get(id(module), ())))
            if new is not None and new.digest != text.digest:
                self._in_force.put(new)
                self._in_force.show(new.path, new)
                changed.append((text, new))
        return changed

    def _left_without_file(self, errors: list[MightyPatcherError]) -> Iterator[Stale]:
        """Take it for no mistake that files are gone which nobody imports any more, and say so."""
        for path, error in list(self.errors.items()):
            if isinstance(error, SourceError):
                left = left_without_file(path, self.modules, self._in_force)
                if left:
                    yield from map(stays_without_file, left)
                    del self.errors[path]
                    errors[:] = [it for it in errors if it is not error]

    def _made_before(self, done: Transaction) -> list[Step]:
        """Say what was kept though it would be made in another way now."""

        def find() -> Iterator[Step]:
            modules = list(self._in_force.texts())
            reached = Reached(modules, done.steps, done.patched, done.bound, done.changed)
            yield from made_before(modules, done.steps, done.lines, reached)
            yield from made_by_metaclasses(done.steps, reached)

        return found_besides(find)

    def _migrate(
        self, reloaded: list[ModuleType], versions: dict[Version, Version | None]
    ) -> Iterator[Stale]:
        """Let the instances of classes that changed know, after the commit."""
        for new, old in versions.items():
            changed = changed_definitions(parsed(old), new)
            for module in self.modules.of(new.path) if changed else ():
                if any(module is done for done in reloaded):
                    name = name_of_module(module)
                    yield from migrate(namespace_of(module), name, changed)

    def _read(self, path: str, *, again: bool, anew: bool) -> Version | None:
        """Return the text of a file if something has to be done about it.

        Args:
            path: The file.
            again: It was tried before.
            anew: Something has to be done about it in any case.
        """
        loaded = self.modules.of(path)
        modules = [m for m in loaded if not self.modules.is_excluded(m)]
        if loaded and not modules:
            self.errors.pop(path, None)
            return None  # they run what they have run: who excluded them may include them again
        if not modules:
            self._refuse_if_replaced(path)
            self.errors.pop(path, None)
            logger().debug("%s was saved; no module was loaded from it", self.modules.display(path))
            self._in_force.read_anew(path)
            return None
        if any(map(self.modules.is_importing, modules)):
            self.importing.add(path)
            return None
        self.importing.discard(path)
        new, known = version.read(path), self._in_force.text(path)
        if not (self._takes_empty or new.data) and known is not None and known.data:
            self.emptied.add(path)
            return None
        ahead = self._read_ahead.pop(path, new)
        new = ahead if ahead.digest == new.digest else new
        is_certain = not (anew or path in self._reimports.uncertain or path in self._whole)
        if known is not None and known.digest == new.digest and is_certain:
            if not again:
                self.errors.pop(path, None)
            return None
        version.forget_bytecode(path)
        for module in modules:
            self._in_force.saved_code(new, module)
        return new

    def _refuse_if_replaced(self, path: str) -> None:
        """Refuse to be silent about a module that has put some object in its place."""
        name, known = self.modules.replaced_by_object(path), self._in_force.text(path)
        if name is not None and (known is None or known.digest != version.read(path).digest):
            raise RefusedEdit(
                f"{name} has put an object in its place in sys.modules, and what it has in its "
                f"own namespace cannot be found",
                "put a module there (a subclass of types.ModuleType will do), or restart",
            )

    def _settle_reimports(self) -> None:
        """What was executed since the last reload cannot be taken back with it."""
        if self._reimports.settle():
            self._forget_last()

    def _not_in_force(self, path: str, error: MightyPatcherError) -> MightyPatcherError:
        """Note that the saved text does not run; tracebacks go on showing the one that does."""
        self.errors[path] = error
        self._in_force.show(path, self._in_force.text(path))
        return error

    def _forget_last(self) -> None:
        """Drop what the last reload could have been undone with; there is a new last one soon."""
        lingers = _core.FREE_THREADED and any(_ran(done.transaction.steps) for done in self._undo)
        for done in self._undo:
            done.transaction.discard()
        self._undo.clear()
        if lingers:
            # Without the GIL a function with deferred references (PEP 703) is freed by the
            # collector alone. Until then it would be found below, and live on in the next log.
            gc.collect()


def _put_back(places: Iterable[Relocation]) -> None:
    """Have modules be where they were before a reload."""
    for it in places:
        it.undo()


def _ran(steps: Iterable[Step]) -> bool:
    return any(step.kind == "ran" for step in steps)


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
        texts=first.texts + second.texts,
    )


def _run_error(module: ModuleType | None, error: BaseException) -> MightyPatcherError:
    """Name the module that raised, and the line of it on which it did."""
    file = (filename_of(module) if module is not None else None) or "?"
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
    result.details = tuple(details(result))  # while its lines are at hand
    traceback.clear_frames(error.__traceback__)  # or the error would keep their locals alive
    return result
