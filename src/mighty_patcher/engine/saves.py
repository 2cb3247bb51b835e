"""Saves of whatever is watched, for loops: what the user has saved, and not what a run has.

The watcher of `files` brings Python files. Others, such as data that a script reads, are watched
beside it.
"""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.files import Watcher
from mighty_patcher.engine.log import logger
from mighty_patcher.engine.roots import is_never_source, python_files
from mighty_patcher.engine.version import forget_bytecode

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

__all__ = ["Files", "Roots", "Saves", "Watched", "wait_for_text"]

_GRACE = 0.3
"""Seconds for which a file that is empty counts as being saved right now."""
_GLANCE = 0.005
_QUIET = 0.020
"""Seconds after which a file that does not change any more counts as written."""
_POLL = 1.0
# On Windows Ctrl-C does not wake up who waits for a lock; elsewhere not if it comes just before.
_PATIENCE = 0.5

_PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Files:
    """The files below a folder whose names end alike; as a list, those that are there now."""

    root: str
    ext: str

    def __iter__(self) -> Iterator[str]:
        if self.ext == ".py":
            yield from python_files([self.root])
            return
        for folder, folders, names in os.walk(self.root):
            folders[:] = (it for it in folders if not is_never_source(os.path.join(folder, it)))
            yield from (os.path.join(folder, it) for it in names if it.endswith(self.ext))


Watched = _PathLike | Files | Iterable[_PathLike]
"""A folder, for the Python files below it; a file; what `listfiles` returns; or several."""


@dataclass
class Roots:
    """What is watched, sorted by how."""

    python: list[str]
    files: set[str]  # of other kinds
    listed: list[Files]

    @classmethod
    def of(cls, watch: Iterable[Watched]) -> Roots:
        """Sort what a user has named.

        Raises:
            FileNotFoundError: Something does not exist.
        """
        roots = cls([], set(), [])
        for one in watch:
            if isinstance(one, Files):
                if one.ext == ".py":
                    roots.python.append(one.root)
                else:
                    roots.listed.append(one)
            elif isinstance(one, str | os.PathLike):
                roots._add(os.path.realpath(one), os.fspath(one))
            else:
                for path in one:
                    roots._add(os.path.realpath(path), os.fspath(path))
        return roots

    def _add(self, path: str, given: str) -> None:
        if os.path.isdir(path) or (os.path.isfile(path) and path.endswith(".py")):
            self.python.append(path)
        elif os.path.isfile(path):
            self.files.add(path)
        else:
            raise FileNotFoundError(f"there is no file or folder {given} to watch")

    def has(self, path: str) -> bool:
        """Tell whether a file of another kind than Python is one of these."""
        return path in self.files or any(
            path.endswith(it.ext) and path.startswith(os.path.join(it.root, ""))
            for it in self.listed
        )

    def present(self) -> Iterator[str]:
        """Find the files that are there now."""
        yield from python_files(self.python)
        yield from self.files
        for listed in self.listed:
            yield from listed


class Saves:
    """Waits for saves of what is watched.

    Args:
        watch: What is watched.
        on_save: Called with the Python files of each batch, on another thread, before `wait`
            returns.
        poll: Seconds between two looks at the files; None for events.
    """

    def __init__(
        self,
        watch: Iterable[Watched],
        on_save: Callable[[list[str]], object],
        poll: float | None = None,
    ) -> None:
        self._on_save = on_save
        self._poll = poll
        self._saved: queue.SimpleQueue[frozenset[str]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._digests: dict[str, bytes] = {}
        # When the round ended: what was saved since counts, even if it is the same again. What a
        # round itself saves, such as a formatter, must not lead to another.
        self._idle_since: int | None = None
        self._roots = Roots([], set(), [])
        self._watchers: list[Any] = []
        self.watch(watch)

    def watch(self, watch: Iterable[Watched]) -> None:
        """Watch this, and nothing else any more."""
        before, roots = self._watchers, Roots.of(watch)
        self._digests.update((path, _digest(path)) for path in roots.present())
        self._roots, self._watchers = roots, []
        if roots.python:
            watcher = Watcher(roots.python, self._on_batch, poll=self._poll)
            watcher.start()
            self._watchers.append(watcher)
        if roots.files or roots.listed:
            self._watchers.append(_observer(roots, self._on_event, self._poll))
        for old in before:
            old.stop()

    def rest(self) -> None:
        """Note that a round has ended."""
        self._idle_since = time.time_ns()

    def wait(self) -> frozenset[str]:
        """Wait for a save, and return the files.

        Raises:
            KeyboardInterrupt: As it comes.
        """
        while True:
            try:
                saved = self._saved.get(timeout=_PATIENCE)
            except queue.Empty:
                continue
            with suppress(queue.Empty):
                while True:
                    saved |= self._saved.get_nowait()
            self._idle_since = None
            return saved

    def stop(self) -> None:
        """Stop watching."""
        for watcher in self._watchers:
            watcher.stop()

    def _on_event(self, event: Any) -> None:
        paths = (os.fsdecode(it) for it in (event.src_path, event.dest_path) if it)
        if found := frozenset(path for path in paths if self._roots.has(path)):
            self._on_batch(found)

    def _on_batch(self, paths: frozenset[str]) -> None:
        with self._lock:
            for path in paths:
                if self._digests.get(path) and os.path.exists(path):
                    wait_for_text(path)
            saved = frozenset(path for path in paths if self._counts(path))
        if saved:
            python = sorted(path for path in saved if path.endswith(".py"))
            for path in python:  # those of scripts, too, which no reload concerns
                forget_bytecode(path)
            if python:
                self._on_save(python)
            self._saved.put(saved)

    def _counts(self, path: str) -> bool:
        """Tell whether a save is one that the user has made."""
        digest, before = _digest(path), self._digests.get(path, b"")
        self._digests[path] = digest
        if digest != before:
            return True
        try:
            saved = os.stat(path).st_mtime_ns
        except OSError:
            return False
        return self._idle_since is not None and saved > self._idle_since


def _digest(path: str) -> bytes:
    """Return what tells two texts of a file apart; nothing for a file without text."""
    try:
        data = Path(path).read_bytes()
    except OSError:
        return b""
    return hashlib.blake2b(data, digest_size=16).digest() if data else b""


def _observer(roots: Roots, on_event: Callable[[Any], None], poll: float | None) -> BaseObserver:
    """Watch files that are not Python."""
    from watchdog import events
    from watchdog.observers import Observer
    from watchdog.observers.polling import PollingObserver

    closed = poll is None and sys.platform == "linux"
    types: list[type[events.FileSystemEvent]] = [
        events.FileClosedEvent if closed else events.FileModifiedEvent,
        events.FileMovedEvent,
        events.FileDeletedEvent,
    ]

    class Handler(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            on_event(event)

    observer: BaseObserver = PollingObserver(timeout=poll) if poll else Observer()
    folders = {os.path.dirname(path): False for path in roots.files}
    folders |= {listed.root: True for listed in roots.listed}
    try:
        for folder, recursive in folders.items():
            observer.schedule(Handler(), folder, recursive=recursive, event_filter=types)
        observer.start()
    except OSError as error:  # too many for inotify
        if poll is not None:
            raise
        observer.stop()
        logger().warning("cannot watch by events (%s); looking every %g s instead", error, _POLL)
        return _observer(roots, on_event, _POLL)
    return observer


def wait_for_text(path: str, *, may_be_empty: bool = False) -> None:
    """Wait until an editor has written a file, but not for long.

    Args:
        path: The file.
        may_be_empty: It is not known to have had anything in it.
    """
    deadline = time.monotonic() + _GRACE
    while _is_being_written(path, may_be_empty) and time.monotonic() < deadline:
        time.sleep(_GLANCE)


def _is_being_written(path: str, may_be_empty: bool) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return True
    is_empty = status.st_size == 0 and not may_be_empty
    return is_empty or time.time() - status.st_mtime < _QUIET
