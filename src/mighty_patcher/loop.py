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

import argparse
import ast
import builtins
import importlib
import importlib.util
import linecache
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

from mighty_patcher.again import Again
from mighty_patcher.engine.modules import filename_of, name_of_module, namespace_of, spec_of
from mighty_patcher.engine.run import executed_again
from mighty_patcher.engine.saves import Files, Roots, Saves, Watched
from mighty_patcher.rounds import Step, duration, run_steps, say, shown, succeeds
from mighty_patcher.watch import AutoReloader, watching

__all__ = [
    "Call",
    "ClearTerminal",
    "Command",
    "ReloadedPythonModule",
    "Step",
    "hotload",
    "listfiles",
    "main",
]

_USAGE = 2
_FUNCTION = re.compile(r"[^\W\d]\w*(\.\w+)*:[^\W\d]\w*(\.\w+)*")
_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
_DEFINED = "__mighty_patcher_defined__"
_STDIN = 1.0
"""Seconds for which the first run waits for the paths that standard input names."""


# --- what is watched ----------------------------------------------------------------------------


def listfiles(root: str | os.PathLike[str] = ".", ext: str = ".py") -> Files:
    """Name all files below a folder, those that are made later included.

    Args:
        root: The folder.
        ext: How their names end.

    Returns:
        What `hotload` can watch. To iterate over it lists the files that are there now.
    """
    return Files(os.path.realpath(root), ext)


# --- steps ---------------------------------------------------------------------------------------


class ClearTerminal:
    """Clears the terminal, if standard output is one."""

    def run(self) -> None:
        """Clear it."""
        if not sys.stdout.isatty():
            return
        if sys.platform == "win32":
            os.system("cls")
        else:
            sys.stdout.write("\033[2J\033[3J\033[H")  # screen, what was scrolled away, to the top
            sys.stdout.flush()


class Command:
    """Runs a shell command.

    Args:
        command: The command.
    """

    def __init__(self, command: str) -> None:
        self.command = command

    def run(self) -> None:
        """Run it, and say so if it fails."""
        sys.stdout.flush()
        status = subprocess.run(self.command, shell=True, check=False).returncode
        if status:
            say(f"{self.command}: exit status {status}")


class Call:
    """Calls something.

    Args:
        function: What is called.
        arguments: With these,
        keywords: and these.
    """

    def __init__(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        self.function = function
        self.arguments = arguments
        self.keywords = keywords

    def run(self) -> None:
        """Call it."""
        self.function(*self.arguments, **self.keywords)


class ReloadedPythonModule:
    """Executes all of a module, at every round, in its own namespace, which is kept.

    It is imported in the first round. Subclasses may override the two hooks.

    Args:
        module: The module, or its name.
    """

    def __init__(self, module: ModuleType | str) -> None:
        self.name = module if isinstance(module, str) else name_of_module(module)

    @classmethod
    def from_module_name(cls, module_name: str) -> ReloadedPythonModule:
        """Make the step for a module.

        Args:
            module_name: Its name; it need not be imported yet.
        """
        return cls(module_name)

    def run(self) -> None:
        """Execute it, between the hooks."""
        is_first = self.name not in sys.modules
        module = _made(self.name) if is_first else sys.modules[self.name]
        self.pre_reload_hook(module)
        _execute(module, _code_of(module), again=not is_first)
        self.post_reload_hook(module)

    def pre_reload_hook(self, module: ModuleType) -> None:
        """Called before the module is executed, in the first round, too.

        Args:
            module: The module, still empty in the first round.
        """

    def post_reload_hook(self, module: ModuleType) -> None:
        """Called when the module has been executed.

        Args:
            module: The module.
        """


class _Script:
    """Runs a script as ``__main__``, whose namespace is kept."""

    name = "__main__"

    def __init__(self, path: str, arguments: Sequence[str]) -> None:
        self.path = path
        self._arguments = list(arguments)
        self._file = Path(path).resolve()  # the script may change the directory
        self.folder = str(self._file.parent)
        self._module: ModuleType | None = None
        self._awaited: tuple[str, Callable[[ModuleType], object]] | None = None

    @classmethod
    def of(cls, path: str, arguments: Sequence[str]) -> _Script:
        if not Path(path).is_file():
            raise _Refused(f"there is no script {path}")
        return cls(path, arguments)

    def run(self) -> None:
        is_first = self._module is None
        module = self._module = self._module or self._made()
        sys.modules["__main__"] = module
        sys.argv[:] = [self.path, *self._arguments]
        linecache.cache.pop(self.path, None)
        _execute(module, self._code(module), again=not is_first)

    def tell_when_defined(self, name: str, tell: Callable[[ModuleType], object]) -> None:
        """Have something called with the module as soon as a definition at its top is executed."""
        self._awaited = name, tell

    def _code(self, module: ModuleType) -> CodeType:
        data = self._file.read_bytes()
        if self._awaited is None:
            return compile(data, self.path, "exec", dont_inherit=True)
        name, tell = self._awaited
        tree = ast.parse(data, self.path)
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        places = [
            at for at, it in enumerate(tree.body) if isinstance(it, kinds) and it.name == name
        ]
        if not places:
            raise _Refused(f"there is no function {name} at the top of {self.path}")
        call = ast.Expr(ast.Call(ast.Name(_DEFINED, ast.Load()), [], []))
        ast.fix_missing_locations(ast.copy_location(call, tree.body[places[-1]]))
        tree.body.insert(places[-1] + 1, call)

        def defined() -> None:
            del vars(module)[_DEFINED]
            tell(module)

        vars(module)[_DEFINED] = defined
        return compile(tree, self.path, "exec", dont_inherit=True)

    def _made(self) -> ModuleType:
        module = ModuleType("__main__")
        loader = SourceFileLoader("__main__", self.path)
        vars(module).update(__file__=self.path, __builtins__=builtins, __loader__=loader)
        if not sys.flags.safe_path:
            sys.path[0] = self.folder
        return module


def _made(name: str) -> ModuleType:
    """Make a module that is not executed yet, as an import would."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)
    return module


def _code_of(module: ModuleType) -> CodeType:
    """Compile a module from its source: a cache may be as old as this second."""
    file, spec = filename_of(module), spec_of(module)
    if file is None:
        raise ImportError(f"{name_of_module(module)} is no Python source file")
    linecache.cache.pop(file, None)
    loader: Any = spec.loader if spec is not None else None
    source_to_code = getattr(loader, "source_to_code", None)
    if source_to_code is None:
        return compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    code: CodeType = source_to_code(Path(file).read_bytes(), file)
    return code


def _execute(module: ModuleType, code: CodeType, *, again: bool) -> None:
    importlib.invalidate_caches()  # it may import a file that is as new as itself
    namespace = namespace_of(module)
    with executed_again(namespace) if again else nullcontext():
        exec(code, namespace)


# --- the loop ------------------------------------------------------------------------------------


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
    with _watching([*watch], _excluded(made), SimpleNamespace(poll=poll)) as (saves, _):
        _loop(saves, made, name=f"{len(made)} step{'s' if len(made) != 1 else ''}")


def _step(given: Any) -> Step:
    if callable(getattr(given, "run", None)):
        step: Step = given
        return step
    if callable(given):
        return Call(given)
    raise TypeError(f"a step is something with a run() or a callable, not {given!r}")


def _excluded(steps: Iterable[Step]) -> list[str]:
    """The modules that a loop executes itself: their saves are not reloaded beside that."""
    return [step.name for step in steps if isinstance(step, (ReloadedPythonModule, _Script))]


@contextmanager
def _watching(
    watch: list[Watched], excluded: Collection[str], options: object
) -> Iterator[tuple[Saves, AutoReloader]]:
    """Watch, and reload what was imported at its saves."""
    poll = getattr(options, "poll", None)
    roots = Roots.of(watch).python or [str(Path.cwd())]
    reloader = AutoReloader(
        path=roots,
        watch=False,
        rerun=getattr(options, "rerun", "changed"),
        excluded=[*excluded, *getattr(options, "exclude", ())],
    )
    watching.add(reloader)  # a `Reloader` in the program needs no other
    saves = Saves(watch, reloader.reload, poll)
    try:
        yield saves, reloader
    finally:
        saves.stop()
        reloader.stop()


def _loop(
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


# --- the command ---------------------------------------------------------------------------------


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
                raise _Refused(f"there is no file or folder {path} to watch")
        function = _function(target, arguments)
        if function:
            return _loop_function(function, arguments, options, before, after)
        return _loop_script(_Script.of(target, arguments), options, before, after)
    except _Refused as refused:
        sys.stderr.write(f"mighty-patcher: {refused}\n")
        return _USAGE


class _Refused(Exception):
    """What was asked for cannot be done; a sentence without a full stop."""


def _loop_script(
    script: _Script, options: argparse.Namespace, before: Sequence[Step], after: Sequence[Step]
) -> int:
    watch: list[Watched] = options.watch or [script.folder]
    with _watching([*watch, script.path], ["__main__"], options) as (saves, _):
        if not options.watch:
            _read_paths(saves, script)
        steps, on_error = [*before, script], bool(options.on_error)
        ok = _loop(saves, steps, after, name=script.path, on_error=on_error)
    return int(not ok and bool(options.on_error))


def _read_paths(saves: Saves, script: _Script) -> None:
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
    script = _Script.of(arguments[0], arguments[1:]) if arguments else None
    folder = script.folder if script is not None else str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    on_error = bool(options.on_error)
    with _watching([folder, *options.watch], (), options) as (saves, reloader):

        def made(module: ModuleType) -> Again:
            modules, steps = reloader.engine.modules, {"before": before, "after": after}
            try:
                return Again(module, qualname, saves, modules, on_error=on_error, **steps)
            except LookupError as error:
                raise _Refused(error.args[0]) from None

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
            raise _Refused(f"{target} needs its script: --loop {target} script.py")
        try:
            script.run()
        except _Refused:
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
                raise _Refused(f"there is no module {missing}") from None
            shown(error)
        saves.rest()
        try:
            saves.wait()
        except KeyboardInterrupt:
            say("the loop is stopped")
            return None
