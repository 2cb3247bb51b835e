"""Saves while tests run: they are installed at once, on a thread, and can be waited for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from mighty_patcher.engine.report import Reload
from mighty_patcher.engine.saves import Saves
from mighty_patcher.watch import AutoReloader, watching

__all__ = ["Reloads"]

_PATIENCE = 0.5
"""Seconds. On Windows Ctrl-C does not wake up who waits for a lock."""
_LONGEST = 10.0
"""Seconds for which a reload that is under way is waited for: what it runs may wait for us."""


class Reloads:
    """Watches, reloads, and keeps what was reloaded until somebody takes it.

    Args:
        folders: What is watched.
        on_reload: Called with each reload, on the thread that reloaded.
    """

    def __init__(
        self, folders: Sequence[Path], on_reload: Callable[[Reload], object] | None = None
    ) -> None:
        self._reloader = AutoReloader(path=folders, watch=False, on_reload=on_reload)
        watching.add(self._reloader)  # a reloader in the tests need not watch the same
        self._lock = threading.Lock()
        self._reloading = threading.Lock()
        self._done: list[Reload] = []
        self._saved = threading.Event()
        self._saves = Saves([folders], self._on_save)

    def stop(self) -> None:
        """Watch no more; may be called again."""
        self._saves.stop()
        self._reloader.stop()

    def take(self) -> list[Reload]:
        """Return what was reloaded since the last time, and what is being reloaded right now."""
        if self._reloading.acquire(timeout=_LONGEST):
            self._reloading.release()
        with self._lock:
            done, self._done = self._done, []
        return done

    def forget(self) -> None:
        """Let `wait` wait for what is saved from now on."""
        self._saved.clear()

    def wait(self) -> None:
        """Wait for a save of a Python file that could be installed, or that nobody has imported.

        Raises:
            KeyboardInterrupt: As it comes.
        """
        while not self._saved.wait(_PATIENCE):
            pass

    def _on_save(self, paths: list[str]) -> None:
        with self._reloading:
            reload = self._reloader.reload(paths)
            with self._lock:
                self._done.append(reload)
        if reload.ok:
            self._saved.set()
