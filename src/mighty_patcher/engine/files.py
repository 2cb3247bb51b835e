"""Which files changed: roots go in, batches of changed paths come out.

Two threads are at work. watchdog's thread does nothing but put changes into a queue; the batch
thread collects them until the files have been quiet for a moment and calls the engine. So a
reload, however long, never keeps watchdog from reading events, and saves made meanwhile are the
next batch.

A batch names every file that *may* have changed. It is never decided here by time or size whether
one did: the engine compares contents.

watchdog is imported when a watcher starts, so that importing the package costs nothing. Paths are
strings and not `Path`: they are keys to the engine, and there may be many.
"""

from __future__ import annotations

import errno
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.log import logger
from mighty_patcher.engine.observers import Handler, event_types, make_observer
from mighty_patcher.engine.roots import Root, is_held, outermost, resolved

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

__all__ = ["Watcher"]

LONGEST_BATCH = 2.0  # seconds: a file written without a pause must not hold back all the others
POLL_INTERVAL = 1.0  # seconds, where inotify refuses
_GLANCE = 0.001  # seconds between two looks at whether a batch has been handled

# What the user has to raise when inotify refuses.
_LIMITS = {
    errno.ENOSPC: "the sysctl fs.inotify.max_user_watches",
    errno.EMFILE: "the sysctl fs.inotify.max_user_instances (or ulimit -n)",
}


class Watcher:
    """Watch roots and hand batches of changed Python files to a callback.

    A batch holds the real paths of ``.py`` files that were closed after writing, created, moved
    (both ends) or deleted. It ends when nothing has changed for ``quiet`` seconds, and at the
    latest after two seconds. Batches come one at a time, on a daemon thread named
    ``mighty_patcher``; what changes during a callback is the next batch. A callback that raises
    is logged, and the watch goes on.

    Args:
        roots: Directories, watched recursively, or single files. They may overlap.
        on_batch: Called with each batch.
        quiet: Seconds without a change that end a batch.
        poll: Seconds between two looks at the files, for mounts that report no events; `None`
            for the events of the operating system. Where these cannot be had, the watcher polls
            by itself and logs one warning.
        on_start: Called on the thread of the batches, before the first of them.

    Attributes:
        observer: The watchdog observer, from :meth:`start` on. ``observer.stop()`` followed by
            ``observer.join()`` ends the watch as :meth:`stop` does.

    Raises:
        FileNotFoundError: A root does not exist.
    """

    observer: BaseObserver | None

    def __init__(
        self,
        roots: Sequence[str | os.PathLike[str]],
        on_batch: Callable[[frozenset[str]], None],
        *,
        quiet: float = 0.020,
        poll: float | None = None,
        on_start: Callable[[], object] | None = None,
    ) -> None:
        self.observer = None
        self._roots = resolved(roots)
        self._on_batch = on_batch
        self._quiet = quiet
        self._poll = poll
        self._on_start = on_start
        self._handler = Handler(self._notice)
        # Paths of files; paths of directories below which anything may have changed, with a
        # separator at their end; why the kernel cannot watch any more; None, when the watch ends.
        self._changes: queue.SimpleQueue[str | OSError | None] = queue.SimpleQueue()
        self._unhandled = 0  # of these, those that have not been handed to the callback
        # The files that are there. When a directory leaves, nobody can list what it held.
        self._present: set[str] = set()
        self._stamps: dict[str, object] = {}  # of files, where events may come late
        self._watches: dict[Root, ObservedWatch] = {}
        self._lost: set[Root] = set()  # of which the directory is gone
        self._thread = threading.Thread(target=self._run, name="mighty_patcher", daemon=True)
        self._stopped = False
        self._lock = threading.Lock()  # guards `observer`, `_poll`, `_roots` and `_stopped`
        self._counting = threading.Lock()  # guards `_unhandled`

    def start(self) -> None:
        """Start watching. What is saved after this has returned will be seen.

        Raises:
            RuntimeError: The watcher was started or stopped before.
        """
        with self._lock:
            if self.observer is not None or self._stopped:
                raise RuntimeError("a watcher starts once; make a new one")
            self.observer = self._first_observer()
            self._take_stock(self._roots)
            self._thread.start()

    def add(self, roots: Iterable[str | os.PathLike[str]], *, recursive: bool = True) -> None:
        """Watch these as well. What is saved after this has returned will be seen.

        Args:
            roots: Directories, or single files. They may overlap.
            recursive: Also what is in directories below them.

        Raises:
            FileNotFoundError: A root does not exist.
        """
        more = resolved(roots, recursive=recursive)
        with self._lock:
            new = [root for root in more if not is_held(root, self._roots)]
            self._roots = [*self._roots, *new]
            if self.observer is None or self._stopped:
                return
            try:
                self._schedule(self.observer, new, self._poll)
            except OSError as error:
                self._put(error)  # from now on all of them are polled
            self._take_stock(new)

    def catch_up(self, paths: Callable[[], Iterable[str]], timeout: float) -> bool:
        """Wait until all that was saved before this call has been handed to the callback. A root
        that was gone is watched again if it is back.

        That costs nothing where the kernel can be asked whether it has something to tell: inotify.
        Elsewhere events come late, and files are looked at.

        Args:
            paths: Called there; returns the files.
            timeout: Seconds to wait, at most.

        Returns:
            Whether that is so now.
        """
        if self.observer is None or self._stopped or threading.current_thread() is self._thread:
            return True
        if self._lost:
            self._look_for_lost_roots()
        if not self._is_prompt():
            self._glance(paths())
        deadline = time.monotonic() + timeout
        while not self._is_idle():
            if time.monotonic() >= deadline:
                return False
            time.sleep(_GLANCE)
        return True

    def stop(self, timeout: float | None = None) -> None:
        """Stop watching and wait for both threads, except for the one that this is called on.

        A batch that is being collected is dropped. Stopping twice does no harm.

        Args:
            timeout: Seconds to wait for each, at most.
        """
        with self._lock:
            self._stopped = True
            observer = self.observer
        if observer is None:
            return
        observer.stop()
        for thread in (observer, self._thread):
            if thread is not threading.current_thread():
                thread.join(timeout)

    # From watchdog's events to changes, on watchdog's thread.

    def _notice(self, event: FileSystemEvent) -> None:
        for path in (os.fsdecode(event.src_path), os.fsdecode(event.dest_path)):
            if event.is_directory:
                if self._holds(path):
                    self._put(os.path.join(path, ""))
            elif path.endswith(".py") and self._holds(path):
                self._put(os.path.realpath(path))

    def _put(self, change: str | OSError) -> None:
        with self._counting:
            self._unhandled += 1
        self._changes.put(change)

    def _holds(self, path: str) -> bool:
        return any(root.holds(path) for root in self._roots)

    def _notice_all(self) -> None:
        for root in self._roots:
            self._put(root.file or os.path.join(root.directory, ""))

    # Whether all changes have gone through.

    def _is_prompt(self) -> bool:
        """Tell whether every change can be asked for as soon as it has been made."""
        emitters = self.observer.emitters if self.observer is not None else ()
        return all(hasattr(emitter, "is_idle") for emitter in list(emitters))

    def _is_idle(self) -> bool:
        """Tell whether no change is on its way, beginning with where they come from: each is in
        the next place before it is gone from the one before.
        """
        observer = self.observer
        if observer is None or self._stopped:
            return True
        emitters = list(observer.emitters)
        return (
            all(getattr(emitter, "is_idle", True) for emitter in emitters)
            and observer.event_queue.unfinished_tasks == 0
            and self._unhandled == 0
        )

    def _glance(self, paths: Iterable[str]) -> None:
        for path in paths:
            stamp = _stamp(path)
            if self._stamps.setdefault(path, stamp) != stamp:
                self._stamps[path] = stamp
                self._put(path)

    def _take_stock(self, roots: Iterable[Root]) -> None:
        found = [path for root in roots for path in root.files()]
        self._present.update(found)
        if not self._is_prompt():
            self._stamps.update((path, _stamp(path)) for path in found)

    # From changes to batches, on the batch thread.

    def _run(self) -> None:
        if self._on_start is not None:
            try:
                self._on_start()
            except BaseException:
                logger().exception("what was saved before the watch began was not handled")
        while (changes := self._collect()) is not None:
            try:
                if batch := self._settle(set(changes)):
                    self._on_batch(batch)
            except BaseException:  # also SystemExit: an edit that exits must not end the watch
                logger().exception("a batch of saves was not handled")
            with self._counting:
                self._unhandled -= len(changes)

    def _collect(self) -> list[str | OSError] | None:
        """Wait for a change and for the quiet after it; None when the watch has ended."""
        changes: list[str | OSError] = []
        change = self._changes.get()
        deadline = time.monotonic() + LONGEST_BATCH
        while change is not None:
            changes.append(change)
            wait = min(self._quiet, deadline - time.monotonic())
            if wait <= 0:
                return changes
            try:
                change = self._changes.get(timeout=wait)
            except queue.Empty:
                return changes
        return None

    def _settle(self, changes: set[str | OSError]) -> frozenset[str]:
        """Put the files below changed directories in the place of these directories."""
        for change in changes:
            if isinstance(change, OSError):
                self._change_to_polling(change)
        paths = {change for change in changes if isinstance(change, str)}
        batch = {path for path in paths if not path.endswith(os.sep)}
        for directory in outermost(paths - batch):
            self._tell_of_lost_root(directory)
            batch.update(path for path in self._present if path.startswith(directory))
            batch.update(path for root in self._roots for path in root.files(directory))
        batch = {path for path in batch if path.endswith(".py")}  # a link may lead elsewhere
        self._present -= batch
        self._present.update(filter(os.path.isfile, batch))
        return frozenset(batch)

    def _tell_of_lost_root(self, directory: str) -> None:
        for root in self._roots:
            if directory == os.path.join(root.directory, "") and not os.path.isdir(directory):
                logger().warning("%s is gone; its files are not watched any more", root.directory)
                self._lost.add(root)

    def _look_for_lost_roots(self) -> None:
        """Watch again what has come back: somebody went to another branch, and returned."""
        with self._lock:
            observer = self.observer
            back = [root for root in self._lost if os.path.isdir(root.directory)]
            if observer is None or self._stopped:
                return
            self._lost.difference_update(back)
            for root in back:
                logger().info("%s is back, and is watched", root.directory)
                observer.unschedule(self._watches[root])
                self._schedule(observer, [root], self._poll)
        for root in back:
            self._put(os.path.join(root.directory, ""))

    # The observer.

    def _first_observer(self) -> BaseObserver:
        if self._poll is None:
            try:
                return self._observe(None)
            except OSError as error:
                self._warn(error)
            self._poll = POLL_INTERVAL
        return self._observe(self._poll)

    def _observe(self, poll: float | None) -> BaseObserver:
        """Make an observer and start it.

        Raises:
            OSError: The operating system refuses to watch so much, or at all.
        """
        observer: Any = make_observer(poll, on_end=self._ended, on_refusal=self._put)
        try:
            self._schedule(observer, self._roots, poll)
            observer.start()
        except OSError:
            observer.stop()
            raise
        started: BaseObserver = observer
        return started

    def _schedule(self, observer: BaseObserver, roots: Iterable[Root], poll: float | None) -> None:
        types = event_types(closed=poll is None and sys.platform == "linux")
        handler: Any = self._handler
        for root in roots:
            recursive = root.recursive and root.file is None
            self._watches[root] = observer.schedule(
                handler, root.directory, recursive=recursive, event_filter=types
            )

    def _ended(self, observer: BaseObserver) -> None:
        if observer is self.observer:  # not one that was given up for polling
            self._changes.put(None)

    def _change_to_polling(self, error: OSError) -> None:
        with self._lock:
            refused = self.observer
            if self._stopped or self._poll is not None or refused is None:
                return
            self._warn(error)
            self._poll = POLL_INTERVAL
            self.observer = self._observe(self._poll)
        refused.stop()
        self._notice_all()  # what changed between the two observers

    def _warn(self, error: OSError) -> None:
        limit = _LIMITS.get(error.errno or 0)
        logger().warning(
            "cannot watch %s by events (%s); looking at the files every %g s instead%s",
            ", ".join(root.file or root.directory for root in self._roots),
            error.strerror or error,
            POLL_INTERVAL,
            f"; raise {limit} to change that" if limit else "",
        )


def _stamp(path: str) -> object:
    """Return what tells one save of a file from the next; None where there is no file."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
