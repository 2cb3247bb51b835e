"""What happens when a test has failed: the debugger opens, or it waits for the next save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from _pytest.debugging import PdbInvoke

from mighty_patcher.pytest_plugin.attempt import Failure
from mighty_patcher.pytest_plugin.saves import Reloads
from mighty_patcher.pytest_plugin.screen import Screen

__all__ = ["Debugger", "Waiting"]


class Waiting:
    """Waits for the next save.

    Args:
        screen: The terminal.
        reloads: The saves.
    """

    help = "a test that fails runs again at the next save"

    def __init__(self, screen: Screen, reloads: Reloads) -> None:
        self._screen = screen
        self._reloads = reloads

    def wants_another(
        self, item: pytest.Item, report: pytest.TestReport, _: Failure | None
    ) -> bool:
        """Show a failure, wait, and return whether the test shall run again."""
        self._screen.show(report)
        try:  # from here on, because who reads the next line may press it at once
            self._screen.line(
                f"{item.nodeid} waits for a save; Ctrl-C leaves it failed and goes on", bold=True
            )
            with self._screen.listening():
                self._reloads.wait()
        except KeyboardInterrupt:
            self._screen.line(f"{item.nodeid} is left failed")
            return False
        return True


class Debugger:
    """Opens the debugger that the user has chosen, on the frame that failed.

    Args:
        screen: The terminal.
        reloads: The saves.
    """

    help = "at a failure the debugger opens, and c runs the test again"

    def __init__(self, screen: Screen, reloads: Reloads) -> None:
        self._screen = screen
        self._waiting = Waiting(screen, reloads)
        self._pdb = PdbInvoke()
        self._is_ours = False
        self._has_given_up = False

    def wants_another(
        self, item: pytest.Item, report: pytest.TestReport, failure: Failure | None
    ) -> bool:
        """Show a failure, open the debugger, and return whether the test shall run again.

        Raises:
            pytest.exit.Exception: The user has quit.
        """
        if failure is None:  # nothing was raised: a strict xfail has passed, say
            return self._waiting.wants_another(item, report, failure)
        self._screen.begin_line()
        self._is_ours, self._has_given_up = True, False
        try:
            self._pdb.pytest_exception_interact(item, failure.call, report)
        finally:
            self._is_ours = False
            self._screen.leave_debugger()
        return not self._has_given_up

    def pytest_enter_pdb(self, pdb: Any) -> None:
        """Add our command to a debugger that we have opened."""
        if self._is_ours:
            pdb.do_giveup = self._giving_up(pdb)
            self._screen.raw_line(
                "saves are installed as they come; c: run the test again, giveup: leave it failed "
                "and go on, q: end the run"
            )

    def _giving_up(self, pdb: Any) -> Callable[[str], object]:
        def giveup(argument: str) -> object:
            """giveup: leave the test failed, and go on with the next."""
            self._has_given_up = True
            return pdb.do_continue(argument)

        return giveup
