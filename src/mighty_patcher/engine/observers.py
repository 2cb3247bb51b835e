"""The observers of watchdog: how each platform is asked for events, or the files are looked at.

watchdog is imported when an observer is made, so that importing the package costs nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.roots import is_never_source

if TYPE_CHECKING:
    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver

__all__ = ["Handler", "event_types", "make_observer"]


class Handler:
    """What watchdog hands events to. Its own base class would have to be imported for this."""

    def __init__(self, dispatch: Callable[[FileSystemEvent], None]) -> None:
        self.dispatch = dispatch


def make_observer(
    poll: float | None,
    on_end: Callable[[BaseObserver], None],
    on_refusal: Callable[[OSError], None],
) -> BaseObserver:
    """Make the watchdog observer for this platform, one which tells when somebody stops it.

    Args:
        poll: Seconds between two looks at the files; `None` for events.
        on_end: Called with the observer when it is stopped.
        on_refusal: Called when the kernel refuses to watch a directory that has appeared.
    """
    base: Any
    options: dict[str, Any]
    if poll is not None:
        from watchdog.observers.polling import PollingObserverVFS

        base = PollingObserverVFS
        options = {"stat": _stat, "listdir": _list_source, "polling_interval": poll}
    elif sys.platform == "linux":
        from watchdog.observers.api import BaseObserver

        from mighty_patcher.engine.inotify import SourceEmitter

        base = BaseObserver
        options = {"emitter_class": partial(SourceEmitter, on_refusal=on_refusal)}
    else:
        from watchdog.observers import Observer

        base = Observer
        options = {}

    class SourceObserver(base):  # type: ignore[misc]  # which class, only the platform knows
        def on_thread_stop(self) -> None:
            super().on_thread_stop()
            on_end(self)

    observer: BaseObserver = SourceObserver(**options)
    return observer


def event_types(*, closed: bool) -> list[type[FileSystemEvent]]:
    """Choose the events to ask for; with all of them, a callback that reads would feed itself.

    Args:
        closed: Whether the observer tells when a file is closed after writing.
    """
    from watchdog import events

    return [
        events.FileClosedEvent if closed else events.FileModifiedEvent,
        events.FileCreatedEvent,
        events.FileMovedEvent,
        events.FileDeletedEvent,
        events.DirCreatedEvent,
        events.DirMovedEvent,
        events.DirDeletedEvent,
    ]


def _stat(path: str) -> SimpleNamespace:
    """Describe a file to watchdog's poller so that it sees every save.

    An editor or ``cp -p`` can set the time of a file, but not the time at which it did so.
    """
    found = os.stat(path)
    return SimpleNamespace(
        st_dev=found.st_dev,
        st_ino=found.st_ino,
        st_mode=found.st_mode,
        st_size=found.st_size,
        st_mtime=(found.st_mtime_ns, found.st_ctime_ns),
    )


def _list_source(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return [
            entry
            for entry in entries
            if (
                not is_never_source(entry.path)
                if entry.is_dir(follow_symlinks=False)
                else entry.name.endswith(".py")
            )
        ]
