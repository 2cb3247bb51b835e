"""Being told which functions are entered: what we have of `sys.monitoring` (PEP 669).

It calls us the first time that a function is entered, or goes on where it was suspended, since it
was asked to begin anew; after that the function runs at full speed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

__all__ = ["ENOUGH", "Entries", "entries"]

_monitoring: Any = getattr(sys, "monitoring", None)  # from 3.12 on

_TOOLS = (4, 3, 5)
"""Ids of tools that no kind of tool has been given; hypothesis takes 3 where it is free."""

ENOUGH: Any = getattr(_monitoring, "DISABLE", None)
"""What is returned by who need not be told of this function again."""


def entries(
    entered: Callable[[CodeType, int], object], left: Callable[..., object] | None = None
) -> Entries | None:
    """Begin to tell which functions are entered.

    Args:
        entered: Called with the code of a function, and where in it; returns `ENOUGH`, or None.
        left: Called when a function returns for which that was asked (`Entries.tell_return`).

    Returns:
        What is to be ended; None on 3.11, or where others have taken all ids of tools.
    """
    tools = _TOOLS if _monitoring is not None else ()
    free = next((tool for tool in tools if _monitoring.get_tool(tool) is None), None)
    return None if free is None else Entries(free, entered, left)


class Entries:
    """Tells which functions are entered, until it is ended.

    Args:
        tool: The id of a tool that nobody has.
        entered: See `entries`.
        left: See there.
    """

    def __init__(
        self,
        tool: int,
        entered: Callable[[CodeType, int], object],
        left: Callable[..., object] | None,
    ) -> None:
        self._tool = tool
        events = _monitoring.events
        _monitoring.use_tool_id(tool, "mighty_patcher")
        _monitoring.register_callback(tool, events.PY_START, entered)
        # A generator that others have begun goes on in what begins now.
        _monitoring.register_callback(tool, events.PY_RESUME, entered)
        _monitoring.register_callback(tool, events.PY_RETURN, left)
        _monitoring.set_events(tool, events.PY_START | events.PY_RESUME)

    def again(self) -> None:
        """Tell of every function once more."""
        _monitoring.restart_events()

    def tell_return(self, code: CodeType) -> None:
        """Tell also when a function returns.

        Args:
            code: Its code.
        """
        _monitoring.set_local_events(self._tool, code, _monitoring.events.PY_RETURN)

    def end(self) -> None:
        """Tell nothing more."""
        for event in ("PY_START", "PY_RESUME", "PY_RETURN"):  # 3.12 leaves them registered
            _monitoring.register_callback(self._tool, getattr(_monitoring.events, event), None)
        _monitoring.set_events(self._tool, 0)
        _monitoring.free_tool_id(self._tool)
