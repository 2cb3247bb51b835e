"""One shell, and the reloader that keeps its modules up to date: between cells, or at once."""

from __future__ import annotations

import contextvars
import os
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from mighty_patcher.engine import events
from mighty_patcher.engine.log import logger
from mighty_patcher.engine.module_facts import name_of_module
from mighty_patcher.engine.report import Reload, announce
from mighty_patcher.ipython.cells import Cells
from mighty_patcher.ipython.own import Own
from mighty_patcher.watch import NOWHERE, AutoReloader, watcher_of, watching

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

    from mighty_patcher.engine.engine import Engine

__all__ = ["ShellSession", "When"]

When = Literal["between", "now", "off"]
"""When a save is applied: before the next cell, at once, or not by itself."""


class ShellSession:
    """Follows the cells of one shell.

    Saves are applied on the thread of the cells, before the next cell begins. While any cell runs
    they wait: also while one runs on another thread (a subshell of a kernel), or calls
    ``run_cell`` itself.

    Args:
        shell: The shell.

    Attributes:
        shell: The shell.
        cells: What its cells have imported.
        marked: Names of modules; with `only_marked`, no others are reloaded.
        skipped: Names of modules that are not reloaded.
        tell: Called with each reload if `is_silent`, when it did something.
        is_silent: Reloads that went well are not reported.
        hides_errors: Nor are those that did not.
        on_close: Called when the session is closed.
        on_cell: Called before each cell, unless another runs.
        is_closed: It has been closed.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.cells = Cells(_module_of(shell), shell.input_transformer_manager.transform_cell)
        self.marked: set[str] = set()
        self.skipped: set[str] = set()
        self.tell: Callable[[Reload], object] = lambda _: None
        self.is_silent = False
        self.hides_errors = False
        self.on_close: list[Callable[[], object]] = []
        self.on_cell: list[Callable[[], object]] = []
        self.is_closed = False
        self._when: When = "between"
        self._only_marked = False
        self._own = Own()
        self._has_started = False
        self._engines: list[Engine] = []
        self._running: dict[int, int] = {}  # by thread, how many cells it is in
        self._left: tuple[str, ...] = ()  # what was saved and is not wanted
        # With a context of its own: what is printed by threads of the watcher then belongs to the
        # cell that runs, and not to the one in which they were started (PEP 567; 3.14t inherits).
        self.reloader: AutoReloader = contextvars.Context().run(
            AutoReloader, NOWHERE, apply="manual"
        )
        self.reloader.announce = self._announce

    # ---- beginning and end

    def open(self) -> None:
        """Begin: with what was imported and typed before."""
        for reloader in (self.reloader, *watching):  # the command line may have one
            if reloader.engine not in self._engines:
                self._engines.append(reloader.engine)
                reloader.engine.open_session(self.cells)
        self.shell.events.register("pre_run_cell", self._before_cell)
        self.shell.events.register("post_run_cell", self._after_cell)
        self._look()
        self._note_start()
        history: Any = self.shell.history_manager
        for code in history.input_hist_parsed if history is not None else ():
            self.cells.note(code)

    def _note_start(self) -> None:
        """Take note of what the files in the profile's startup folder have imported.

        The configuration loads extensions before that is executed, but it is before any cell.
        """
        folder: Any = getattr(getattr(self.shell, "profile_dir", None), "startup_dir", None)
        for path in sorted(Path(folder).glob("*.*py")) if folder else ():
            code = path.read_text("utf-8", "replace")
            self.cells.note(code if path.suffix == ".py" else self.cells.transform(code))
        self._has_started = self.shell.execution_count > 1

    def close(self) -> None:
        """End: saves are not noticed any more."""
        self.is_closed = True
        with suppress(ValueError):  # somebody has taken them out
            self.shell.events.unregister("pre_run_cell", self._before_cell)
            self.shell.events.unregister("post_run_cell", self._after_cell)
        for end in self.on_close:
            end()
        for engine in self._engines:
            engine.close_session(self.cells)
        self.reloader.stop()

    # ---- what the magics set

    @property
    def when(self) -> When:
        """When saves are applied."""
        return self._when

    @when.setter
    def when(self, when: When) -> None:
        self._when = when
        self.reloader.is_manual = when != "now"
        self._left = ()
        if when == "now":
            self.apply()

    @property
    def only_marked(self) -> bool:
        """Whether no modules are reloaded but those that are marked."""
        return self._only_marked

    @only_marked.setter
    def only_marked(self, only_marked: bool) -> None:
        self._only_marked = only_marked
        self._left = ()

    def mark(self, name: str) -> None:
        """Have a module reloaded also where `only_marked`."""
        self.skipped.discard(name)
        self.marked.add(name)
        self.reloader.engine.modules.excluded.discard(name)
        self._left = ()
        self.reloader.saved(self._files_of(name))

    def skip(self, name: str) -> None:
        """Have a module not reloaded."""
        self.marked.discard(name)
        self.skipped.add(name)
        self.reloader.engine.modules.excluded.add(name)
        self._left = ()

    def watch(self, folder: str) -> str:
        """Watch one more folder from which modules are imported.

        Returns:
            Its real path.

        Raises:
            NotADirectoryError: There is no such folder.
        """
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise NotADirectoryError(f"there is no folder {path} to watch")
        self.reloader.add(path)
        return os.path.realpath(path)

    def apply(self, *, also_unmarked: bool = False) -> Reload | None:
        """Reload now what was saved.

        Args:
            also_unmarked: Those that are not marked, too.
        """
        self.reloader.catch_up()
        return self.reloader.apply(self._is_not_skipped if also_unmarked else self._is_wanted)

    # ---- cells

    def _before_cell(self, _: object = None) -> None:
        thread = threading.get_ident()
        self._running[thread] = self._running.get(thread, 0) + 1
        if sum(self._running.values()) > 1:
            return
        for look in self.on_cell:
            look()
        self._look()
        if not self._has_started:
            self._note_start()
            self._has_started = True
        if self._when == "off":
            return
        self.reloader.catch_up()
        if self._when == "between" and self.reloader.waiting != self._left:
            self.reloader.apply(self._is_wanted)
            self._left = self.reloader.waiting

    def _after_cell(self, result: ExecutionResult | None = None) -> None:
        thread = threading.get_ident()
        cells = self._running.get(thread, 0) - 1
        self._running[thread] = cells
        if cells <= 0:  # also after a blank cell, or that of `%load_ext`, of which we saw no begin
            del self._running[thread]
        self._look()
        info: Any = getattr(result, "info", None)
        if result is not None and info is not None and info.raw_cell:
            code = getattr(info, "transformed_cell", None)
            if code is None:  # IPython < 8.13
                code = self.shell.input_transformer_manager.transform_cell(info.raw_cell)
            self.cells.note(code, has_ended=bool(result.success))

    def _look(self) -> None:
        """Watch what the modules need that were imported since the last time."""
        for root, news in self._own.news().items():
            if watcher_of(root.path_of("__init__.py")) is not None:
                self.reloader.imported(news.as_saved)
                continue
            try:
                self.reloader.add(
                    root.folder,
                    package=root.package,
                    recursive=root.is_package,
                    doubtful=news.doubtful,
                )
            except OSError as error:
                logger().warning("%s is not watched: %s", root.folder, error)

    # ---- which saves

    def _is_wanted(self, path: str) -> bool:
        names = self._names_of(path)
        if not self._is_not_skipped(path):
            return False
        return not names or not self._only_marked or not self.marked.isdisjoint(names)

    def _is_not_skipped(self, path: str) -> bool:
        return self.skipped.isdisjoint(self._names_of(path))

    def _names_of(self, path: str) -> set[str]:
        return {name_of_module(module) for module in self.reloader.engine.modules.of(path)}

    def _files_of(self, name: str) -> Iterable[str]:
        module: Any = sys.modules.get(name)
        file = getattr(module, "__file__", None)
        return [os.path.realpath(file)] if isinstance(file, str) else []

    # ---- the report

    def _announce(self, reload: Reload) -> None:
        if not self.is_silent:
            announce(reload)
            return
        if reload.modules:
            self.tell(reload)
        is_bad = bool(reload.errors or reload.stale)
        if is_bad and not self.hides_errors:
            announce(reload)
        else:
            events.emit(reload)


def _module_of(shell: InteractiveShell) -> ModuleType:
    """Return the module whose namespace is that of the cells.

    In a shell that was embedded in a function they have another, which nobody can find by a name;
    what it has imported does not follow then.
    """
    module: ModuleType = shell.user_module
    if vars(module) is shell.user_ns:
        return module
    return ModuleType("__main__")
