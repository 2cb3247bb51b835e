"""``%load_ext mighty_patcher``: edits of modules are there in the next cell.

IPython looks for the two functions here on the package itself. This module imports nothing of
IPython, so that who looks at them from elsewhere need not have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mighty_patcher.ipython.session import ShellSession

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_sessions: WeakKeyDictionary[InteractiveShell, ShellSession] = WeakKeyDictionary()


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Begin to reload what is saved; called by ``%load_ext``. A second time does nothing.

    Args:
        shell: The shell.
    """
    if shell in _sessions:
        return
    from mighty_patcher.ipython.autoreload import install
    from mighty_patcher.ipython.magics import MightyMagics
    from mighty_patcher.ipython.session import ShellSession

    session = _sessions[shell] = ShellSession(shell)
    session.open()
    MightyMagics(session).install()
    install(session)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """End that; called by ``%unload_ext``. What was reloaded stays.

    Args:
        shell: The shell.
    """
    session = _sessions.pop(shell, None)
    if session is not None:
        session.close()
