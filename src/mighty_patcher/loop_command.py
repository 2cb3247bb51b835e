"""``mighty-patcher --loop``: a script, or one function, again at every save."""

from __future__ import annotations

import argparse
import importlib
import os
import re
import stat
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from mighty_patcher.again import Again
from mighty_patcher.engine.saves import Saves, Watched
from mighty_patcher.loop import run_rounds, saves_watched
from mighty_patcher.rounds import Step, say, shown
from mighty_patcher.steps import ClearTerminal, Command, Refused, Script
from mighty_patcher.watch import AutoReloader

__all__ = ["main"]

_USAGE = 2
_FUNCTION = re.compile(r"[^\W\d]\w*(\.\w+)*:[^\W\d]\w*(\.\w+)*")
_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
_STDIN = 1.0
"""Seconds for which the first run waits for the paths that standard input names."""


def main(target: str, arguments: Sequence[str], options: argparse.Namespace) -> int:
    """Do what ``mighty-patcher --loop`` was asked for.

    Args:
        target: A script; ``module:function``; or a function of the script that follows.
        arguments: What comes after it.
        options: The options of the command line.

    Returns:
        The exit status: 2 if the target cannot be run; 1 if ``on_error`` was given and the last
        run raised; otherwise 0.
    """
    before = [ClearTerminal()] if options.clear else []
    after = [Command(options.on_change)] if options.on_change else []
    try:
        for path in options.watch:
            if not Path(path).exists():
                raise Refused(f"there is no file or folder {path} to watch")
        function = _function(target, arguments)
        if function:
            return _loop_function(function, arguments, options, before, after)
        return _loop_script(Script(target, arguments), options, before, after)
    except Refused as refused:
        sys.stderr.write(f"mighty-patcher: {refused}\n")
        return _USAGE


def _loop_script(
    script: Script, options: argparse.Namespace, before: Sequence[Step], after: Sequence[Step]
) -> int:
    watch: list[Watched] = options.watch or [script.folder]
    with _saves_watched([*watch, script.path], ["__main__"], options) as (saves, _):
        if not options.watch:
            _read_paths(saves, script)
        steps, on_error = [*before, script], bool(options.on_error)
        ok = run_rounds(saves, steps, after, name=script.path, on_error=on_error)
    return int(not ok and bool(options.on_error))


def _saves_watched(
    watch: list[Watched], excluded: list[str], options: argparse.Namespace
) -> AbstractContextManager[tuple[Saves, AutoReloader]]:
    excluded = [*excluded, *options.exclude]
    return saves_watched(watch, excluded, rerun=options.rerun, poll=options.poll)


def _read_paths(saves: Saves, script: Script) -> None:
    """Watch what standard input names, one path a line, if it is a pipe or a file.

    It is read on another thread, for whoever has started us may keep the pipe open.
    """
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed
        return
    if not stat.S_ISFIFO(mode) and not stat.S_ISREG(mode):
        return
    stream = sys.stdin

    def read() -> None:
        paths = dict.fromkeys(line.rstrip("\r\n") for line in stream)
        found = [path for path in paths if path and Path(path).exists()]
        for path in paths:
            if path and path not in found:
                say(f"there is no file or folder {path} to watch")
        if found:
            saves.watch([found, script.path])
            say(f"watching {len(found)} path{'s' if len(found) > 1 else ''} from standard input")

    reader = threading.Thread(target=read, name="mighty_patcher stdin", daemon=True)
    reader.start()
    reader.join(_STDIN)


def _function(target: str, arguments: Sequence[str]) -> str:
    """Return the ``module:function`` that is meant, nothing if it is a script."""
    if Path(target).exists():
        return ""
    if _FUNCTION.fullmatch(target):
        return target
    is_of_script = arguments and Path(arguments[0]).is_file() and _NAME.fullmatch(target)
    return f"__main__:{target}" if is_of_script else ""


def _loop_function(
    target: str,
    arguments: Sequence[str],
    options: argparse.Namespace,
    before: Sequence[Step],
    after: Sequence[Step],
) -> int:
    name, _, qualname = target.partition(":")
    script = Script(arguments[0], arguments[1:]) if arguments else None
    folder = script.folder if script is not None else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    on_error = bool(options.on_error)
    with _saves_watched([folder, *options.watch], [], options) as (saves, reloader):

        def made(module: ModuleType) -> Again:
            modules, steps = reloader.engine.modules, {"before": before, "after": after}
            try:
                return Again(module, qualname, saves, modules, on_error=on_error, **steps)
            except LookupError as error:
                raise Refused(error.args[0]) from None

        if name != "__main__":
            module = _imported(name, saves)
            if module is None:
                return 1
            again = made(module)
            if script is None:
                return int(not again.ends_well() and on_error)
        elif script is not None:
            script.tell_when_defined(qualname.partition(".")[0], made)
        if script is None:
            raise Refused(f"{target} needs its script: --loop {target} script.py")
        try:
            script.run()
        except Refused:
            raise
        except SystemExit as error:
            return error.code if isinstance(error.code, int) else int(not shown(error))
        except KeyboardInterrupt:
            return 1
        except BaseException as error:
            return int(not shown(error))
        return 0


def _imported(name: str, saves: Saves) -> ModuleType | None:
    """Import a module, again at each save until it can be; None if Ctrl-C comes before."""
    while True:
        try:
            return importlib.import_module(name)
        except BaseException as error:
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            if missing is not None and f"{name}.".startswith(f"{missing}."):
                raise Refused(f"there is no module {missing}") from None
            shown(error)
        saves.rest()
        try:
            saves.wait()
        except KeyboardInterrupt:
            say("the loop is stopped")
            return None
