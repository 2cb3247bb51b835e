"""Events of a source tree on Linux: an emitter for watchdog's observer, on inotify itself.

watchdog's own inotify emitter is not used, for it loses saves. Its reading thread dies of a
`KeyError` (watchdog 6.0 and 7.1) when a directory that has left the tree, and whose place another
one has taken, is removed. It holds back all events for half a second when a file leaves the tree.
It does not look into a directory that was moved in (6.0), does not tell that the kernel dropped
events (6.0) or refused a watch (7.1), and spends watches on ``node_modules`` and virtual
environments.

This one has less to do, because its user wants to know where something may have changed and not
how. A directory that moves has left one place and come up at another; the two halves of a move
are never put together, so nothing has to wait. Three rules keep saves from being lost:

* A directory is watched first and listed then: what comes between is seen twice, not never.
* Whoever gets a `DirCreatedEvent` looks at everything below that directory.
* A watch descriptor that is not known any more belongs to a directory that has left; its late
  events are dropped, since the directory was reported as a whole if it has come up elsewhere.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import os
import select
import stat
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileSystemEvent,
)
from watchdog.observers.api import EventEmitter

from mighty_patcher.engine.log import logger
from mighty_patcher.engine.roots import is_never_source

__all__ = ["SourceEmitter"]

# From <sys/inotify.h>.
IN_CLOSE_WRITE = 0x00000008
IN_MOVED_FROM = 0x00000040
IN_MOVED_TO = 0x00000080
IN_CREATE = 0x00000100
IN_DELETE = 0x00000200
IN_MOVE_SELF = 0x00000800
IN_Q_OVERFLOW = 0x00004000
IN_IGNORED = 0x00008000
IN_ONLYDIR = 0x01000000
IN_DONT_FOLLOW = 0x02000000
IN_EXCL_UNLINK = 0x04000000
IN_ISDIR = 0x40000000

# Neither reading nor opening is asked for: a callback that reads the files would feed itself.
WATCHED = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MOVE_SELF
FLAGS = IN_ONLYDIR | IN_DONT_FOLLOW | IN_EXCL_UNLINK

# A directory that is gone by now, was replaced by something else, or may not be read.
NOT_OURS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES})

BUFFER_SIZE = 64 * 1024  # bytes; some 1500 events
EVENT_HEADER = struct.Struct("iIII")  # descriptor, mask, cookie, length of the name

_libc = ctypes.CDLL(None, use_errno=True)


class SourceEmitter(EventEmitter):
    """Follow one directory, with all below it that may hold source if the watch is recursive.

    Args:
        on_refusal: Called on the emitter's thread when the kernel refuses to watch a directory
            that has appeared. What it refuses at the start is raised by ``start()``.
        args: What watchdog gives every emitter.
        kwargs: The same.
    """

    def __init__(self, *args: Any, on_refusal: Callable[[OSError], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tree = _Tree(
            os.fsdecode(self.watch.path), self.watch.is_recursive, self.queue_event, on_refusal
        )

    def on_thread_start(self) -> None:
        """Put all watches in place.

        Raises:
            OSError: The kernel refuses.
        """
        self._tree.open()

    def on_thread_stop(self) -> None:
        """Wake the thread, for it to end."""
        self._tree.wake()

    def run(self) -> None:
        """Read events until stopped."""
        try:
            super().run()
        finally:
            self._tree.close()

    def queue_events(self, timeout: float) -> None:  # noqa: ARG002
        """Sleep until there are events, and hand them to the observer.

        Args:
            timeout: Not used: an idle emitter costs nothing.
        """
        self._tree.wait()
        if self.should_keep_running():
            self._tree.read()

    @property
    def is_idle(self) -> bool:
        """Whether all that the kernel had to tell until now has been handed to the observer."""
        return self._tree.is_idle


class _Tree:
    """The watches on one directory and what is below it.

    All state belongs to the emitter's thread once that runs, but for the descriptor that wakes
    it, which `_lock` guards.
    """

    def __init__(
        self,
        root: str,
        recursive: bool,
        emit: Callable[[FileSystemEvent], None],
        on_refusal: Callable[[OSError], None],
    ) -> None:
        self._root = root
        self._recursive = recursive
        self._emit = emit
        self._on_refusal = on_refusal
        self._inotify = -1
        self._wake = -1
        self._process = -1
        self._lock = threading.Lock()
        self._is_reading = False
        self._folder_of: dict[int, str] = {}  # by watch descriptor
        self._descriptor_of: dict[str, int] = {}  # by path; the same pairs

    def open(self) -> None:
        """Put all watches in place; raises the `OSError` of a refusal and leaves nothing open."""
        try:
            self._inotify = _call("inotify_init1", os.O_CLOEXEC | os.O_NONBLOCK)
            self._wake = os.eventfd(0)
            self._process = os.getpid()
            self._watch_below(self._root)
        except OSError:
            self.close()
            raise

    def wait(self) -> None:
        """Sleep until there are events or somebody calls `wake`."""
        poll = select.poll()
        poll.register(self._inotify, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        poll.poll()

    def wake(self) -> None:
        """End `wait`, now and whenever it is called again. From any thread.

        A forked child shares the descriptor but has no thread to wake: it would wake its parent's.
        """
        with self._lock:
            if self._wake != -1 and os.getpid() == self._process:
                os.eventfd_write(self._wake, 1)

    def read(self) -> None:
        """Turn what the kernel has to tell into events."""
        self._is_reading = True  # before it is gone from the kernel: see `is_idle`
        try:
            for descriptor, mask, name in _parse(os.read(self._inotify, BUFFER_SIZE)):
                self._handle(descriptor, mask, name)
        finally:
            self._is_reading = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way from the kernel to `emit`. From any thread.

        An event puts itself into the kernel's queue before the call that causes it returns, and
        from there on it is seen here, in one place or the other, until it has been emitted.
        """
        with self._lock:  # or the descriptor might be another file by now
            if self._inotify == -1:
                return True
            unread = array.array("i", [0])
            fcntl.ioctl(self._inotify, termios.FIONREAD, unread)
        return unread[0] == 0 and not self._is_reading

    def close(self) -> None:
        """Give all watches back."""
        with self._lock:
            for descriptor in (self._inotify, self._wake):
                if descriptor != -1:
                    os.close(descriptor)
            self._inotify = self._wake = -1

    # Events.

    def _handle(self, descriptor: int, mask: int, name: str) -> None:
        folder = self._folder_of.get(descriptor)
        if mask & IN_Q_OVERFLOW:
            self._start_over()
        elif folder is None:
            return
        elif mask & (IN_IGNORED | IN_MOVE_SELF):
            if folder == self._root:  # for any other, its parent tells
                self._start_over()
            elif mask & IN_IGNORED:
                self._forget(folder)
        elif mask & IN_ISDIR:
            self._handle_folder(mask, os.path.join(folder, name))
        else:
            self._handle_file(mask, os.path.join(folder, name))

    def _handle_folder(self, mask: int, folder: str) -> None:
        if mask & (IN_DELETE | IN_MOVED_FROM):
            self._leave(folder)
            self._emit(DirDeletedEvent(folder))
        elif self._recursive and not is_never_source(folder):
            self._watch_appeared(folder)
            self._emit(DirCreatedEvent(folder))

    def _handle_file(self, mask: int, path: str) -> None:
        if mask & (IN_DELETE | IN_MOVED_FROM):
            self._emit(FileDeletedEvent(path))
        elif mask & IN_CLOSE_WRITE:
            self._emit(FileClosedEvent(path))
        elif mask & IN_MOVED_TO or not _is_about_to_be_written(path):
            self._emit(FileCreatedEvent(path))

    def _start_over(self) -> None:
        """Watch everything afresh: events were dropped, or the root itself has been replaced."""
        self._leave(self._root)
        self._watch_appeared(self._root)
        there = self._root in self._descriptor_of
        self._emit((DirCreatedEvent if there else DirDeletedEvent)(self._root))

    # Watches.

    def _watch_appeared(self, folder: str) -> None:
        try:
            self._watch_below(folder)
        except OSError as error:
            if not (folder == self._root and error.errno in NOT_OURS):
                self._on_refusal(error)

    def _watch_below(self, top: str) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            if self._watch(folder) and self._recursive:
                pending.extend(_subfolders(folder))

    def _watch(self, folder: str) -> bool:
        """Watch one directory; watching it again does no harm."""
        try:
            descriptor = _call(
                "inotify_add_watch", self._inotify, os.fsencode(folder), WATCHED | FLAGS
            )
        except OSError as error:
            if folder != self._root and error.errno in NOT_OURS:
                logger().debug("%s is not watched: %s", folder, error.strerror)
                return False
            raise
        # The kernel knows directories and not paths: this one may have been known by another.
        self._forget(self._folder_of.get(descriptor))
        self._forget(folder)
        self._folder_of[descriptor] = folder
        self._descriptor_of[folder] = descriptor
        return True

    def _leave(self, top: str) -> None:
        """Stop watching a directory that has left its place, and all below it."""
        below = os.path.join(top, "")
        for folder in [f for f in self._descriptor_of if f == top or f.startswith(below)]:
            descriptor = self._descriptor_of[folder]
            self._forget(folder)
            # Refused where the directory was deleted, which has removed the watch.
            _libc.inotify_rm_watch(self._inotify, descriptor)

    def _forget(self, folder: str | None) -> None:
        if folder is not None and (descriptor := self._descriptor_of.pop(folder, None)) is not None:
            del self._folder_of[descriptor]


def _call(function: str, *arguments: int | bytes) -> int:
    result = int(getattr(_libc, function)(*arguments))
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{function}: {os.strerror(error)}")
    return result


def _parse(buffer: bytes) -> Iterator[tuple[int, int, str]]:
    """Take apart what was read from inotify: watch descriptor, mask and name of each event."""
    start = 0
    while start < len(buffer):
        descriptor, mask, _, length = EVENT_HEADER.unpack_from(buffer, start)
        start += EVENT_HEADER.size
        name = buffer[start : start + length].rstrip(b"\0")
        start += length
        yield descriptor, mask, os.fsdecode(name)


def _subfolders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [
                entry.path
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not is_never_source(entry.path)
            ]
    except OSError as error:
        logger().debug("%s cannot be listed: %s", folder, error.strerror)
        return []


def _is_about_to_be_written(path: str) -> bool:
    """Tell whether a file has only just been opened; that it is closed will be an event.

    A link has all of its content at once and is never closed.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == 0 and found.st_nlink == 1
