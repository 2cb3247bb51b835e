"""AutoReloader: watch the files of a running program and reload what is saved."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal
from weakref import WeakSet

from mighty_patcher.engine.engine import Engine, Rerun
from mighty_patcher.engine.files import Watcher
from mighty_patcher.engine.log import ensure_console, logger
from mighty_patcher.engine.report import Reload, announce

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

    from mighty_patcher.errors import MightyPatcherError

__all__ = ["NOWHERE", "AutoReloader", "watcher_of", "watching"]

_PathLike = str | os.PathLike[str]
NOWHERE: list[str] = []
"""The path of a reloader that watches nothing yet: roots are added when they are known."""
_GRACE = 0.3
"""Seconds for which a file that is absent, empty or broken counts as being saved right now."""
_GLANCE = 0.005
"""Seconds between two looks at an import that has not ended."""


class AutoReloader:
    """Watches module roots on a thread of its own and brings every save into the running program.

    Args:
        path: A module root, or several: directories that are watched recursively, such that
            ``<root>/shop/cart.py`` is the module ``shop.cart``; or single files.
        watch: False starts no thread; then `reload` does it when it is called.
        rerun: ``"changed"`` runs a module again only where more than bodies of functions changed;
            ``"module"`` at every save.
        excluded: Names of modules, as fnmatch patterns, that are never touched.
        apply: ``"now"`` reloads when a file is saved; with ``"manual"`` saves wait until the
            program calls `apply`, at a point that it chooses.
        poll: Seconds between two looks at the files, for mounts that report no events; None for
            the events of the operating system.
        on_reload: Called with each `Reload`, on the thread that reloaded. What it raises is logged.

    Raises:
        TypeError: ``path`` is nothing that names a file.
        NotADirectoryError: A root does not exist.
        ValueError: ``rerun`` or ``apply`` is none of their values.

    Example:
        >>> reloader = AutoReloader(path="src")  # doctest: +SKIP
    """

    def __init__(
        self,
        path: _PathLike | Sequence[_PathLike] = ".",
        watch: bool = True,
        rerun: Rerun = "changed",
        excluded: Iterable[str] = (),
        apply: Literal["now", "manual"] = "now",
        poll: float | None = None,
        on_reload: Callable[[Reload], object] | None = None,
    ) -> None:
        if apply not in ("now", "manual"):
            raise ValueError(f'apply is "now" or "manual", not {apply!r}')
        if rerun not in ("changed", "module"):
            raise ValueError(f'rerun is "changed" or "module", not {rerun!r}')
        if isinstance(excluded, str):
            raise TypeError(f"excluded is a list of patterns, not the string {excluded!r}")
        roots = _roots(path)
        self._listeners = [] if on_reload is None else [on_reload]
        self.announce: Callable[[Reload], object] = announce
        self._is_manual = apply == "manual"
        self._waiting: dict[str, None] = {}  # saved, in order, until `apply`
        self._waiting_lock = threading.Lock()
        self._unfinished = 0  # batches of which an editor has to write some file yet
        self._stopped = threading.Event()
        self._engine = Engine(roots, rerun=rerun, excluded=tuple(excluded))
        self._engine.open()
        ensure_console()
        self._roots = dict.fromkeys(roots, True)  # and whether they are recursive
        self._poll = poll
        self._watcher = self._make_watcher() if watch else None
        self._is_paused = False
        if self._watcher is not None:
            self._watcher.start()
            watching.add(self)
            self.reload()  # what was saved between the first look at the files and the watch

    @property
    def observer(self) -> BaseObserver | None:
        """The watchdog observer, with ``stop()`` and ``join()``; None with ``watch=False``."""
        return self._watcher.observer if self._watcher is not None else None

    @property
    def engine(self) -> Engine:
        """The engine, for front ends."""
        return self._engine

    @property
    def roots(self) -> tuple[Path, ...]:
        """What is watched."""
        return tuple(self._roots)

    @property
    def last(self) -> Reload | None:
        """The last reload that did something or failed."""
        return self._engine.last

    @property
    def errors(self) -> dict[str, MightyPatcherError]:
        """The error of each file whose saved text is not what runs."""
        return dict(self._engine.errors)

    @property
    def is_manual(self) -> bool:
        """Whether saves wait for `apply`. May be changed; what waits goes on waiting."""
        return self._is_manual

    @is_manual.setter
    def is_manual(self, is_manual: bool) -> None:
        self._is_manual = is_manual

    @property
    def waiting(self) -> tuple[str, ...]:
        """The files that were saved and wait for `apply`, in order."""
        return tuple(self._waiting)

    def add(
        self,
        path: _PathLike,
        *,
        package: str = "",
        recursive: bool = True,
        doubtful: Collection[_PathLike] = (),
    ) -> None:
        """Watch one more root.

        Args:
            path: A module root, or a single file; or the folder of a package.
            package: The name of that package, ``shop`` or ``shop.cart``; empty for a module root.
            recursive: What is in folders below it, too.
            doubtful: Files below it that may have been saved after they were imported. They are
                reloaded as a save would be, and all of each is run again, for nobody knows what it
                was.

        Raises:
            NotADirectoryError: The root does not exist.
        """
        roots = _roots(path)
        files = [os.path.realpath(it) for it in doubtful]
        self._roots |= dict.fromkeys(roots, recursive)
        if self._watcher is not None:
            self._watcher.add(roots, recursive=recursive)
        self._engine.add(roots, package, recursive=recursive, doubtful=files)
        self.saved(files)

    def imported(self, paths: Iterable[_PathLike]) -> None:
        """Take note of files that have just been imported as they are now.

        A save shortly before an import may be known only after it. Then it need not be reloaded.

        Args:
            paths: The files.
        """
        files = [os.path.realpath(path) for path in paths]
        self._engine.imported(files)
        with self._waiting_lock:
            for path in files:
                self._waiting.pop(path, None)

    def saved(self, paths: Iterable[_PathLike]) -> None:
        """Take files for saved just now, whether or not they were.

        Args:
            paths: The files.
        """
        self._reload([os.path.realpath(path) for path in paths])

    def listen(self, listener: Callable[[Reload], object]) -> None:
        """Have something called with each `Reload`, as ``on_reload`` is.

        Args:
            listener: Called on the thread that reloaded. What it raises is logged.
        """
        self._listeners.append(listener)

    def reload(
        self,
        paths: Iterable[_PathLike] | None = None,
        *,
        whole: bool = False,
        takes_empty: bool = True,
    ) -> Reload:
        """Reload now, on this thread.

        Args:
            paths: The files that may have changed; None for every loaded one below the roots.
            whole: Run all of their modules, also where nothing changed.
            takes_empty: False leaves a file alone that has become empty: an editor may be about
                to write it.

        Returns:
            What was done. Errors are in it and in `errors`; none is raised.
        """
        result = self._engine.reload(paths, whole=whole, takes_empty=takes_empty)
        self._report(result)
        self._wait_for_imports()
        return result

    def apply(self, only: Callable[[str], bool] = lambda _: True) -> Reload | None:
        """Reload now, on this thread, what was saved since the last time.

        Args:
            only: Told the path of each file that was saved; returns whether to reload it now.
                Others go on waiting.

        Returns:
            What was done; None if nothing was saved. With ``apply="now"`` nothing ever waits.
        """
        with self._waiting_lock:
            waiting = [path for path in self._waiting if only(path)]
            for path in waiting:
                del self._waiting[path]
        if not waiting:
            return None
        try:
            return self.reload(waiting)
        except BaseException:  # Ctrl-C, and everything was taken back
            self._let_wait(waiting)
            raise

    def catch_up(self, timeout: float = 1.0) -> bool:
        """Wait until every save that was made before this call is known: reloaded, or waiting for
        `apply`. That costs next to nothing if there is none.

        Args:
            timeout: Seconds to wait, at most.

        Returns:
            Whether all of them are.
        """
        if self._watcher is None:
            return True
        deadline = time.monotonic() + timeout
        while self._watcher.catch_up(self._engine.files, max(0.0, deadline - time.monotonic())):
            if not self._unfinished:
                return True
            if time.monotonic() >= deadline or self._stopped.wait(_GLANCE):
                break
        return False

    def undo(self) -> Reload:
        """Take the last reload back, exactly.

        Returns:
            The reload that was taken back, or one with an error if there is none.
        """
        return self._engine.undo()

    def stop(self) -> None:
        """Stop watching. What was reloaded stays; may be called again."""
        self._stopped.set()
        self._engine.close()
        watching.discard(self)
        if self._watcher is not None:
            self._watcher.stop()

    def pause(self, timeout: float | None = None) -> None:
        """Stop all threads, and forget nothing; `resume` goes on. For before a ``fork``.

        Args:
            timeout: Seconds to wait for a reload that is under way; None for as long as it takes.
        """
        if self._watcher is None:
            return
        self._is_paused = True
        self._watcher.stop(timeout)

    def resume(self) -> None:
        """Watch again, and reload what was saved meanwhile on the thread that watches."""
        if not self._is_paused or self._stopped.is_set():
            return  # two threads may fork at once, and one of them has been here
        self._is_paused = False
        self._watcher = self._make_watcher(on_start=self._reload_unwatched)
        self._watcher.start()

    def __enter__(self) -> AutoReloader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_watcher(self, on_start: Callable[[], object] | None = None) -> Watcher:
        deep = [root for root, recursive in self._roots.items() if recursive]
        watcher = Watcher(deep, self._on_batch, poll=self._poll, on_start=on_start)
        watcher.add([it for it in self._roots if it not in deep], recursive=False)
        return watcher

    def _reload_unwatched(self) -> None:
        """Reload what was saved while nobody watched, or let it wait."""
        if self._is_manual:
            self._let_wait(self._engine.files())
            return
        self.reload(takes_empty=False)
        if self._engine.emptied:  # or an editor is at it right now
            self._on_batch(sorted(self._engine.emptied))

    def _on_batch(self, paths: Iterable[str]) -> None:
        """On the watcher's thread: reload what is whole now, and give the rest a moment."""
        unfinished = {path for path in paths if self._engine.looks_unfinished(path)}
        self._reload([path for path in paths if path not in unfinished])
        if unfinished:
            with self._waiting_lock:
                self._unfinished += 1
            timer = threading.Timer(_GRACE, self._reload_unfinished, [sorted(unfinished)])
            timer.daemon = True
            timer.start()

    def _reload_unfinished(self, paths: list[str]) -> None:
        try:
            self._reload(paths)
        finally:
            with self._waiting_lock:
                self._unfinished -= 1

    def _reload(self, paths: list[str]) -> None:
        if not paths or self._stopped.is_set():
            return
        if self._is_manual:
            self._let_wait(paths)
            logger().debug("saved, and waiting for apply(): %s", ", ".join(paths))
        else:
            self.reload(paths)

    def _let_wait(self, paths: list[str]) -> None:
        held = self._engine.hold(paths)
        with self._waiting_lock:
            self._waiting.update(dict.fromkeys(held))

    def _report(self, result: Reload) -> None:
        if not result.modules and not result.errors:
            return
        self.announce(result)
        for listener in tuple(self._listeners):
            try:
                listener(result)
            except Exception:
                logger().exception("on_reload raised")

    def _wait_for_imports(self) -> None:
        """Have what was saved during an import reloaded when that import has ended."""
        if self._engine.importing:
            threading.Thread(
                target=self._reload_after_import, name="mighty_patcher import", daemon=True
            ).start()

    def _reload_after_import(self) -> None:
        waiting = sorted(self._engine.importing)
        while any(map(self._is_importing, waiting)):
            if self._stopped.wait(_GLANCE):
                return
        self._reload(waiting)

    def _is_importing(self, path: str) -> bool:
        modules = self._engine.modules
        return any(map(modules.is_importing, modules.of(path)))


watching: WeakSet[AutoReloader] = WeakSet()
"""The reloaders that learn of saves by themselves, or by whoever has put them here."""


def watcher_of(path: str) -> AutoReloader | None:
    """Return a reloader that watches a file already; two of them would reload it twice.

    Args:
        path: The real path of the file.
    """
    for reloader in list(watching):
        if reloader.engine.modules.holds(path):
            return reloader
    return None


def _roots(path: _PathLike | Sequence[_PathLike]) -> list[Path]:
    given = [path] if isinstance(path, str | os.PathLike) else list(path)
    if not given and path is not NOWHERE:
        raise TypeError("path is empty: name at least one directory to watch")
    roots = [Path(one) for one in given]
    for root in roots:
        if not root.exists():
            raise NotADirectoryError(f"there is no directory {root} to watch")
    return roots
