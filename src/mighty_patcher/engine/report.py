"""What a reload did, in words: for the console, for the application's logs, and for tools."""

from __future__ import annotations

import datetime
import logging
import os
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from mighty_patcher.engine import events
from mighty_patcher.engine.log import logger, say
from mighty_patcher.engine.version import Version
from mighty_patcher.errors import MightyPatcherError, RefusedEdit, RunError, SourceError

__all__ = [
    "LINES_MOVED",
    "Reload",
    "Stale",
    "Step",
    "announce",
    "details",
    "found_besides",
]

LINES_MOVED = "lines moved"
"""The reason of a step that patched nothing but line numbers."""

_MOST_NAMES = 6
_MOST_PATHS = 3
_BINDING = "mighty_patcher/_core.pyx"  # as Cython names it in tracebacks
_PACKAGE = str(Path(__file__).parent.parent) + os.sep


@dataclass(frozen=True)
class Step:
    """What a reload did with one statement or definition.

    Attributes:
        kind: What was done; the words are those of the documentation's glossary.
        module: The name of the module.
        qualname: The qualified name within the module, such as ``Cart.total``; ``""`` for a
            statement that binds no name.
        line: The line in the new text, from 1; for what was removed, in the old one.
        reason: Why.
    """

    kind: Literal["patched", "ran", "rebound", "removed", "kept"]
    module: str
    qualname: str
    line: int
    reason: str = ""


@dataclass(frozen=True)
class Stale:
    """Something that is still old after a reload.

    Attributes:
        what: The thing.
        reason: Why it is still old.
        hint: What the user can do about it.
    """

    what: str
    reason: str
    hint: str


@dataclass(frozen=True)
class Reload:
    """What one reload did. Its `str()` is what the console shows.

    Attributes:
        modules: The names of the modules, in the order in which they were reloaded.
        paths: The files, as they are displayed.
        steps: What was done, in order.
        stale: What is still old.
        errors: What failed; the program keeps what it had.
        seconds: How long it took.
        started: When it began, with the local time zone.
        texts: For each file whose text is in force now its name, and the version before and now.
    """

    modules: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    stale: tuple[Stale, ...] = ()
    errors: tuple[MightyPatcherError, ...] = ()
    seconds: float = 0.0
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now().astimezone())
    texts: tuple[tuple[str, Version | None, Version], ...] = field(
        default=(), repr=False, compare=False
    )

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.errors

    @property
    def error(self) -> MightyPatcherError | None:
        """The first error, or `None`."""
        return self.errors[0] if self.errors else None

    @property
    def kept(self) -> tuple[Step, ...]:
        """What was left as it is though a fresh start would have something else there, or nothing:
        the steps of this kind, whose reasons say why.
        """
        return tuple(step for step in self.steps if step.kind == "kept")

    def __str__(self) -> str:
        return "\n".join(f"{self.started:%H:%M:%S} {line}" for line in self._entries())

    def explained(self) -> str:
        """Say each step with its reason, and show which lines of the source differ."""
        from mighty_patcher.engine.textdiff import text_diff  # nearly nobody asks for it

        steps = [
            f"{step.kind} {step.qualname or step.module} ({step.module}, line {step.line}): "
            f"{step.reason}"
            for step in self.steps
            if step.reason != LINES_MOVED
        ]
        differences = [
            line
            for name, old, new in self.texts
            for line in text_diff(name, _text(old), _text(new))
        ]
        return "\n".join([*steps, *differences])

    def as_dict(self) -> dict[str, Any]:
        """Return the reload as an event for tools, ready for `json.dumps`.

        Returns:
            A dictionary with the version of its format under ``"v"``.
        """
        return {
            "v": 1,
            "event": "reload",
            "ok": self.ok,
            "started": self.started.isoformat(),
            "seconds": self.seconds,
            "modules": list(self.modules),
            "paths": list(self.paths),
            "steps": [asdict(step) for step in self.steps],
            "stale": [asdict(stale) for stale in self.stale],
            "errors": [_error_as_dict(error) for error in self.errors],
        }

    def _entries(self) -> Iterator[str]:
        """Yield one entry for what was done and one for each error, without the time of day."""
        files = f" {_files(self.paths)}" if self.paths else ""
        done = _summary(self.steps)
        if self.ok or done or self.stale:
            stale = (f"\n  stale: {it.what}: {it.reason}; {it.hint}" for it in self.stale)
            summary = done or "nothing to change"
            yield f"reloaded{files}: {summary}  {_duration(self.seconds)}{''.join(stale)}"
        for error in self.errors:
            if isinstance(error, RefusedEdit):
                yield f"refused{files}: {error}"
            else:
                yield "\n  ".join([f"not reloaded: {error}", *_below(error)])


def _text(version: Version | None) -> str:
    try:
        return "" if version is None else version.text
    except SourceError:  # what was there before need not have been Python
        return ""


# --- the console line -------------------------------------------------------------------------


def _files(paths: tuple[str, ...]) -> str:
    return ", ".join(paths) if len(paths) <= _MOST_PATHS else f"{len(paths)} files"


def _summary(steps: tuple[Step, ...]) -> str:
    """Say what was done: ``patched Cart.total, tax; ran RATE; rebound 2 names``."""
    names: dict[str, dict[tuple[str, str], str]] = {}
    for step in steps:
        kind = LINES_MOVED if step.reason == LINES_MOVED else step.kind
        name = step.qualname or f"line {step.line}"
        names.setdefault(kind, {})[step.module, name] = name
    parts = [
        f"{kind} {_shortened([*names[kind].values()])}"
        for kind in ("patched", "ran", "removed")
        if kind in names
    ]
    if "rebound" in names:
        count = len(names["rebound"])
        parts.append(f"rebound {count} name{'s' if count > 1 else ''}")
    if not parts and LINES_MOVED in names:
        return LINES_MOVED
    return "; ".join(parts)


def _shortened(names: list[str]) -> str:
    if len(names) <= _MOST_NAMES:
        return ", ".join(names)
    shown = names[: _MOST_NAMES - 1]  # Never "and 1 more": the name itself is not longer.
    return f"{', '.join(shown)} and {len(names) - len(shown)} more"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s"
    milliseconds = seconds * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 10 else f"{milliseconds:.0f} ms"


# --- errors -----------------------------------------------------------------------------------


def details(error: MightyPatcherError) -> list[str]:
    """Return what belongs below an error: the bad line of a file, or the user's traceback."""
    cause = error.__cause__
    match error:
        case SourceError() if isinstance(cause, SyntaxError):
            lines = _lines(traceback.format_exception_only(cause))
            # Between `File "...", line 3` and the message, which the error has both.
            return [line for line in lines if line.startswith("    ")]
        case RunError() if cause is not None:
            theirs = _from_file(cause.__traceback__, error.path)
            shown = traceback.TracebackException(type(cause), cause, theirs)
            # A class statement is executed by us, and a person did not write that call.
            shown.stack[:] = [frame for frame in shown.stack if not _is_ours(frame.filename)]
            return _lines(shown.format())
        case _:
            return []


def _is_ours(filename: str) -> bool:
    return filename.startswith(_PACKAGE) or filename.endswith(_BINDING)


def _below(error: MightyPatcherError) -> list[str]:
    return list(error.details) or details(error)


def _lines(chunks: Iterable[str]) -> list[str]:
    return "".join(chunks).splitlines()


def _from_file(entries: TracebackType | None, path: str) -> TracebackType | None:
    """Cut what is ours off the top of a traceback: it begins in the user's file."""
    entry = entries
    while entry is not None:
        if os.path.realpath(entry.tb_frame.f_code.co_filename) == path:
            return entry
        entry = entry.tb_next
    # The code has another file name; then at least not our own frames.
    entry = entries
    while entry is not None and entry.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        entry = entry.tb_next
    return entry


def _error_as_dict(error: MightyPatcherError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "slug": error.slug,
        "path": getattr(error, "path", None),
        "line": getattr(error, "line", None),
        "reason": getattr(error, "reason", str(error)),
        "hint": getattr(error, "hint", None),
        "message": str(error),
        "details": _below(error),
    }


# --- logging ----------------------------------------------------------------------------------


def found_besides(find: Callable[[], Iterable[Step]]) -> list[Step]:
    """Return what a report says besides what was done. A fault of ours in finding that is logged,
    and has no part in the reload: what is done is done.

    Args:
        find: Finds it.
    """
    try:
        return list(find())
    except Exception:
        logger().exception("the report does not say what was kept; please report this")
        return []


def announce(reload: Reload) -> None:
    """Log a reload: as an error if something failed, as a warning if something is stale.

    Where debugging messages are wanted, a second one has the reasons and the lines that differ; and
    where the environment wants events (`events.VARIABLE`), one is written.

    Args:
        reload: The reload. Handlers find it as ``record.reload``.
    """
    events.emit(reload)
    level = logging.ERROR if reload.errors else logging.WARNING if reload.stale else logging.INFO
    say(level, "%s", reload, extra={"reload": reload})
    if logger().isEnabledFor(logging.DEBUG) and (explained := reload.explained()):
        logger().debug("%s", explained.replace("\n", "\n  "))
