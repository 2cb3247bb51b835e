"""One round of a loop: run its steps, and show what they raise as Python would."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol

__all__ = ["Step", "duration", "run_steps", "say", "shown", "succeeds"]

_HERE = str(Path(__file__).parent)
_IMPORTLIB = str(Path(importlib.__file__).parent)


class Step(Protocol):
    """What a loop runs at every save."""

    def run(self) -> object:
        """Run it. What it raises is shown, and the rest of the round is left out."""


def run_steps(steps: Sequence[Step]) -> bool:
    """Run steps until one raises, and return whether none has."""
    ok = all(succeeds(step) for step in steps)
    sys.stdout.flush()
    return ok


def succeeds(step: Step) -> bool:
    """Run a step; show what it raises, and return whether it did not."""
    try:
        step.run()
    except BaseException as error:
        return shown(error)
    return True


def shown(error: BaseException) -> bool:
    """Show what a run raised, as Python would at its end; return whether it is no failure."""
    sys.stdout.flush()
    if isinstance(error, KeyboardInterrupt):
        say("the run is stopped; save to run again, Ctrl-C to end the loop")
    elif isinstance(error, SystemExit):
        if error.code is None or error.code == 0:
            return True
        status = error.code if isinstance(error.code, int) else 1
        words = "" if isinstance(error.code, int) else f"{error.code}\n"
        sys.stderr.write(words)
        say(f"the run ended with exit status {status}")
    else:
        trace = _without_ours(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(trace), trace)
    return False


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Cut what is ours off the top of a traceback."""
    while trace is not None and _is_ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _is_ours(filename: str) -> bool:
    """Tell whether code is ours, or the import system's, which we have called."""
    return filename.startswith((_HERE, _IMPORTLIB, "<frozen importlib"))


def duration(since: float) -> str:
    """Say how long ago a reading of ``time.perf_counter()`` was."""
    milliseconds = (time.perf_counter() - since) * 1000
    return f"{milliseconds:.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"


def say(sentence: str) -> None:
    """Write a line to standard error, with the time of day."""
    if sys.stderr is not None:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
        sys.stderr.flush()
