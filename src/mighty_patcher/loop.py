"""Run again at every save: a script, steps of your own, or one function.

Everything stays in one process, so that heavy imports are paid once; and modules that are imported
are patched in place meanwhile.

    from mighty_patcher.loop import ClearTerminal, ReloadedPythonModule, hotload, listfiles

    hotload(
        watch=[listfiles(".", ext=".py")],
        steps=[ClearTerminal(), ReloadedPythonModule.from_module_name("lib")],
    )
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mighty_patcher.engine.engine import Rerun
from mighty_patcher.engine.saves import Files, Roots, Saves, Watched
from mighty_patcher.rounds import Step, duration, run_steps, say, succeeds
from mighty_patcher.steps import Call, ClearTerminal, Command, ReloadedPythonModule, Script
from mighty_patcher.watch import AutoReloader, watching

__all__ = [
    "Call",
    "ClearTerminal",
    "Command",
    "ReloadedPythonModule",
    "Step",
    "hotload",
    "listfiles",
    "run_rounds",
    "saves_watched",
]


def listfiles(root: str | os.PathLike[str] = ".", ext: str = ".py") -> Files:
    """Name all files below a folder, those that are made later included.

    Args:
        root: The folder.
        ext: How their names end.

    Returns:
        What `hotload` can watch. To iterate over it lists the files that are there now.
    """
    return Files(os.path.realpath(root), ext)


def hotload(
    watch: Iterable[Watched],
    steps: Iterable[Step | Callable[[], object]],
    *,
    poll: float | None = None,
) -> None:
    """Run steps now, and again at every save, until Ctrl-C.

    Modules that the program has imported are patched in place at their own saves, also while a
    step is running. What a step raises is shown, and the loop goes on. The first Ctrl-C stops what
    is running, and one while the loop waits ends it.

    Args:
        watch: Folders, for the Python files below them; files; and what `listfiles` returns.
        steps: Run in order. Anything that has a ``run()`` is a step, and so is a callable.
        poll: Seconds between two looks at the files, for mounts that report no events.

    Raises:
        FileNotFoundError: Something that is to be watched does not exist.
        TypeError: Something is no step.

    Example:
        >>> hotload([listfiles(".")], [Command("make -s check")])  # doctest: +SKIP
    """
    made = [_step(step) for step in steps]
    with saves_watched([*watch], _excluded(made), poll=poll) as (saves, _):
        run_rounds(saves, made, name=f"{len(made)} step{'s' if len(made) != 1 else ''}")


def _step(given: Any) -> Step:
    if callable(getattr(given, "run", None)):
        step: Step = given
        return step
    if callable(given):
        return Call(given)
    raise TypeError(f"a step is something with a run() or a callable, not {given!r}")


def _excluded(steps: Iterable[Step]) -> list[str]:
    """The modules that a loop executes itself: their saves are not reloaded beside that."""
    return [step.name for step in steps if isinstance(step, (ReloadedPythonModule, Script))]


@contextmanager
def saves_watched(
    watch: list[Watched],
    excluded: Collection[str] = (),
    *,
    rerun: Rerun = "changed",
    poll: float | None = None,
) -> Iterator[tuple[Saves, AutoReloader]]:
    """Watch, and reload what was imported at its saves.

    Args:
        watch: As for `hotload`.
        excluded: Patterns of the names of modules that are never touched.
        rerun: As for `AutoReloader`.
        poll: As for `hotload`.
    """
    roots = Roots.of(watch).python or [str(Path.cwd())]
    reloader = AutoReloader(path=roots, watch=False, rerun=rerun, excluded=excluded)
    watching.add(reloader)  # a `Reloader` in the program needs no other
    saves = Saves(watch, reloader.reload, poll)
    try:
        yield saves, reloader
    finally:
        saves.stop()
        reloader.stop()


def run_rounds(
    saves: Saves,
    steps: Sequence[Step],
    after: Sequence[Step] = (),
    *,
    name: str,
    on_error: bool = False,
) -> bool:
    """Run rounds until Ctrl-C comes between two of them.

    Args:
        saves: What begins a round.
        steps: What it runs; where one raises, the rest is left out.
        after: What it runs then, whether one has raised or not.
        name: What is said to have run.
        on_error: End after the first round in which nothing is raised.

    Returns:
        Whether the last round ended without an exception.
    """
    ok = False
    try:
        while True:
            clock = time.perf_counter()
            ok = run_steps(steps)
            took = duration(clock)
            for step in after:
                succeeds(step)
            saves.rest()
            if ok:
                say(f"ran {name}  {took}")
            if ok and on_error:
                return ok
            saves.wait()
    except KeyboardInterrupt:  # not in a step, where it is shown
        say("the loop is stopped")
        return ok
