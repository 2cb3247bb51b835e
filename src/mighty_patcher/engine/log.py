"""Where our messages go: to the logger ``mighty_patcher``, and to stderr where nobody shows them.

A program has the loggers and handlers with us that it has without: each logger leads to all others,
so that one more would be seen in every class and default that holds one. Ours enters logging's
table when the application asks for it by name.
"""

from __future__ import annotations

import datetime
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

__all__ = ["NAME", "ensure_console", "logger", "say"]

NAME = "mighty_patcher"
"""The name of our logger."""

_console_wanted = False


def logger() -> logging.Logger:
    """Return the logger that the application has asked for by our name.

    Where it has asked for none, one that logging does not list: below the root, and made anew each
    time, for logging forgets what a logger has cached of levels only in those that it lists.
    """
    manager = logging.Logger.manager
    ours = manager.loggerDict.get(NAME)
    if not isinstance(ours, logging.Logger):  # None, or what stands for the parent of others.
        ours = logging.Logger(NAME)
        ours.parent = manager.root
    ours.addHandler(_console if _console_wanted else _silence)
    return ours


def say(level: int, message: str, *values: object, extra: Mapping[str, Any]) -> None:
    """Log a message that the console shows even if it is below the level that logging begins with.

    Args:
        level: One of logging's levels.
        message: The text, with a ``%s`` for each of the values.
        values: They are put into the text.
        extra: Attributes of the record.
    """
    ours = logger()
    if ours.isEnabledFor(level):
        ours.log(level, message, *values, extra=extra)
    elif _only_by_default(ours, level):
        record = ours.makeRecord(NAME, level, "", 0, message, values, None, extra=extra)
        _console.handle(record)


def ensure_console() -> None:
    """Show reloads on stderr, unless the application has configured logging.

    May be called any number of times. The handler looks at each record whether anybody else
    handles it, so that an application may configure logging before or after.
    """
    global _console_wanted
    _console_wanted = True


def _only_by_default(ours: logging.Logger, level: int) -> bool:
    """Tell whether a record is dropped by nothing but the level that logging begins with.

    The application then has no opinion on it, and the console is there to show it. Changing the
    level of our logger instead would flood the log of an application that configures it later.
    """
    return (
        _console_wanted
        and not ours.disabled
        and ours.level == logging.NOTSET
        and ours.manager.root.level == logging.WARNING
        and ours.manager.disable < level
    )


class _Console(logging.Handler):
    """Writes to whatever `sys.stderr` is at the time, and never raises into the program."""

    def emit(self, record: logging.LogRecord) -> None:
        if _application_logs():
            return
        try:
            _write(sys.stderr, record)
        except Exception:
            # stderr is closed, a broken pipe, or an object of the program's that raises. There is
            # no other place to say so, and a reload must not end the program.
            return


def _application_logs() -> bool:
    current: logging.Logger | None = logger()
    while current is not None:
        for handler in current.handlers:
            if handler is not _console and not isinstance(handler, logging.NullHandler):
                return True
        current = current.parent if current.propagate else None
    return False


def _unlisted(handler: logging.Handler) -> logging.Handler:
    """Take a handler out of the list of those that `logging.shutdown` closes, and that a program
    may close before: it has nothing to close.
    """
    listed: list[Any] = getattr(logging, "_handlerList", [])
    for it in [*listed]:
        if it() is handler:
            listed.remove(it)
    return handler


_console = _unlisted(_Console())
# Else warnings come to stderr where nobody has asked for them.
_silence = _unlisted(logging.NullHandler())


def _write(stream: TextIO | None, record: logging.LogRecord) -> None:
    if stream is None:  # pythonw has none.
        return
    text = record.getMessage()
    if not hasattr(record, "reload"):
        text = f"{datetime.datetime.fromtimestamp(record.created):%H:%M:%S} {text}"
    if _colours(stream, os.environ):
        text = _painted(text, record.levelno)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    encodable = text.encode(encoding, "backslashreplace").decode(encoding)
    stream.write(encodable + "\n")  # In one piece: other threads write too.
    stream.flush()


_DIM, _RED, _GREEN, _YELLOW, _PLAIN = "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[0m"


def _painted(text: str, level: int) -> str:
    """Paint the time of day dim, and the first word after it in the colour of the level."""
    colour = _RED if level >= logging.ERROR else _YELLOW if level >= logging.WARNING else _GREEN
    time, _, rest = text.partition(" ")
    word, space, rest = rest.partition(" ")
    return f"{_DIM}{time}{_PLAIN} {colour}{word}{_PLAIN}{space}{rest}"


def _colours(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Decide on colours as CPython does for its own tracebacks."""
    if not sys.flags.ignore_environment:
        wish = environment.get("PYTHON_COLORS")
        if wish in ("0", "1"):
            return wish == "1"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    if environment.get("TERM") == "dumb":
        return False
    if sys.platform == "win32" and not environment.get("WT_SESSION"):
        return False  # Older consoles of Windows show the codes themselves.
    return stream.isatty()
