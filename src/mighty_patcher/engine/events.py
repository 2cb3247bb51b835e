"""Reloads as events for other programs: one JSON object on one line for each."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from mighty_patcher.engine.log import logger

if TYPE_CHECKING:
    from mighty_patcher.engine.report import Reload

__all__ = ["VARIABLE", "emit"]

VARIABLE = "MIGHTY_PATCHER_EVENTS"
"""Names where events go: a file, which they are added to, ``fd:3``, or ``unix:`` and a socket."""

_unreachable: set[str] = set()


def emit(reload: Reload) -> None:
    """Write a reload to where the environment wants events; otherwise do nothing.

    What cannot be written is said once, as a warning: nobody's program ends because a tool does not
    listen.

    Args:
        reload: The reload; `Reload.as_dict` is what is written.
    """
    target = os.environ.get(VARIABLE)
    if not target:
        return
    try:
        _write(target, json.dumps(reload.as_dict(), default=repr).encode() + b"\n")
    except (OSError, ValueError) as error:
        if target not in _unreachable:
            _unreachable.add(target)
            logger().warning(
                "events cannot be written to %s (%s); name a file that can in %s",
                target,
                error,
                VARIABLE,
            )
    else:
        _unreachable.discard(target)


def _write(target: str, line: bytes) -> None:
    kind, _, rest = target.partition(":")
    if kind == "fd":
        _write_all(int(rest), line)
    elif kind == "unix":
        import socket  # by those alone who ask for it

        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(rest)
            stream.sendall(line)
    else:
        # In one piece, at the end: other processes may write there, too.
        file = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            _write_all(file, line)
        finally:
            os.close(file)


def _write_all(file: int, line: bytes) -> None:
    while line:
        line = line[os.write(file, line) :]
