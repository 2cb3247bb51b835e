"""``%autoreload`` and ``%aimport`` mean what IPython documents of them, unless its own extension is
loaded: then they are that one's.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from mighty_patcher.engine.log import logger
from mighty_patcher.engine.report import Reload
from mighty_patcher.ipython.magics import give_magics

if TYPE_CHECKING:
    from mighty_patcher.ipython.session import ShellSession

__all__ = ["AutoreloadMagics", "install"]

_MODES = {
    "": "now",
    "now": "now",
    "0": "off",
    "off": "off",
    "1": "explicit",
    "explicit": "explicit",
    "2": "all",
    "all": "all",
    "3": "complete",
    "complete": "complete",
}


def install(session: ShellSession) -> None:
    """Have the shell know both magics, unless they are IPython's.

    Args:
        session: What they are about.
    """
    if _theirs(session) is None:
        give_magics(session, AutoreloadMagics(session))
    session.on_cell.append(_Warning(session))


class _Warning:
    """Says once that two reloaders are at work: theirs executes again what ours has patched."""

    def __init__(self, session: ShellSession) -> None:
        self._session = session
        self._is_said = False

    def __call__(self) -> None:
        if self._is_said or self._session.when == "off":
            return
        theirs = _theirs(self._session)
        if theirs is not None and getattr(getattr(theirs, "_reloader", None), "enabled", False):
            self._is_said = True
            logger().warning(
                "IPython's autoreload is on as well, and executes again what is patched here; turn "
                "one of them off: %autoreload 0, or %mighty off"
            )


def _theirs(session: ShellSession) -> Any:
    """Return the magics of IPython's own extension if they are what ``%autoreload`` is."""
    manager: Any = session.shell.magics_manager
    magic = manager.magics["line"].get("autoreload")
    owner = getattr(magic, "__self__", None)
    return None if owner is None or isinstance(owner, AutoreloadMagics) else owner


@magics_class
class AutoreloadMagics(Magics):
    """The magics of those who come from IPython's own extension.

    Args:
        session: What they are about.
    """

    def __init__(self, session: ShellSession) -> None:
        super().__init__(session.shell)
        self._session = session

    @line_magic
    @magic_arguments()
    @argument(
        "mode",
        nargs="?",
        default="now",
        help="""now, or nothing: reload all modules now, except those excluded by %%aimport.
        0, off: reload nothing by itself.
        1, explicit: reload what %%aimport has imported, before each cell.
        2, all: reload all modules, except those excluded by %%aimport, before each cell.
        3, complete: the same, and names that are new in a module are bound here as well.
        A `-` after the number, which chooses an algorithm of IPython's, changes nothing.""",
    )
    @argument("-p", "--print", action="store_true", help="print the name of what is reloaded")
    @argument("-l", "--log", action="store_true", help="log it, at the level INFO")
    @argument("--hide-errors", action="store_true", help="do not show what fails")
    @argument("--full", action="store_true", help="accepted; it changes nothing")
    def autoreload(self, line: str = "") -> None:
        """Reload modules before each cell, as IPython's extension of this name does.

        It is Mighty Patcher that reloads: see `%mighty?`.
        """
        arguments = parse_argstring(self.autoreload, line)
        mode = _MODES.get(arguments.mode.lower().removesuffix("-"))
        if mode is None:
            raise UsageError(
                f"%autoreload knows no {arguments.mode!r}; it knows now, off (0), explicit (1), "
                f"all (2) and complete (3)"
            )
        session = self._session
        session.tell = _teller(arguments.print, arguments.log)
        session.is_silent, session.hides_errors = True, arguments.hide_errors
        if mode == "now":
            session.apply(also_unmarked=True)
        elif mode == "off":
            session.when = "off"
        else:
            session.only_marked = mode == "explicit"
            session.cells.takes_new_names = mode == "complete"
            session.when = "between"

    @line_magic
    def aimport(self, line: str = "") -> None:
        """Import modules and mark them for `%autoreload explicit`, or exclude modules.

        ``%aimport``               list the modules
        ``%aimport foo, bar``      import them, and mark them
        ``%aimport foo.bar as b``  the same, under another name
        ``%aimport -foo``          do not reload foo, in no mode
        """
        if not line.strip():
            self._list()
        for entry in filter(None, (it.strip() for it in line.split(","))):
            if entry.startswith("-"):
                self._session.skip(entry[1:].strip())
            else:
                self._import(entry)

    def _list(self) -> None:
        session = self._session
        marked = " ".join(sorted(session.marked)) if session.only_marked else "all-except-skipped"
        sys.stdout.write(f"Modules to reload:\n{marked}\n")
        sys.stdout.write(f"\nModules to skip:\n{' '.join(sorted(session.skipped))}\n")

    def _import(self, entry: str) -> None:
        name, _, alias = (it.strip() for it in entry.partition(" as "))
        importlib.import_module(name)
        self._session.mark(name)
        top = name.partition(".")[0]
        self._session.shell.push({alias: sys.modules[name]} if alias else {top: sys.modules[top]})


def _teller(prints: bool, logs: bool) -> Callable[[Reload], object]:
    """Return what tells of a reload, in IPython's words."""
    log = logging.getLogger("autoreload")

    def tell(reload: Reload) -> None:
        for name in reload.modules:
            text = f"Reloading '{name}'."
            if prints:
                print(text)  # noqa: T201  It was asked for, and is the output of a cell.
            if logs:
                log.info(text)

    return tell
