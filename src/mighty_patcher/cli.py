"""The command line: run a program as ``python`` would, and keep it up to date while it runs."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, NoReturn

from mighty_patcher.children import Settings, environment

__all__ = ["Program", "interpreter_flags", "main"]

_MODULE = "mighty_patcher"
_USAGE = "mighty-patcher [options] [script.py | -m module | -c code | -] [argument ...]"
_DESCRIPTION = """\
Run a program as `python` would, and while it runs, bring what is saved into it.
Without a script it is an interactive session."""
_TARGETS = """\
what is run:
  script.py             a script, or a folder or archive that holds a __main__.py
  -m module             a module or package, as `python -m`
  -c code               code
  -                     what standard input holds
All that comes after it belongs to the program."""
_EPILOG = """\
Flags for Python go where they always do: python -X dev -m mighty_patcher script.py. Processes that
the program starts are watched with --children only."""


class Program(NamedTuple):
    """What is run.

    Attributes:
        kind: How it is named.
        target: The script, the module or the code; ``-`` for standard input, empty for none.
        arguments: What the program finds in ``sys.argv[1:]``.
        spelled: All of that as it was given.
    """

    kind: Literal["script", "module", "code", "stdin", "none"]
    target: str = ""
    arguments: tuple[str, ...] = ()
    spelled: tuple[str, ...] = ()


class _Options(argparse.Namespace):
    """The options, typed, with the `Program`."""

    program: Program
    watch: list[str]
    exclude: list[str]
    rerun: Literal["changed", "module"]
    apply: Literal["now", "manual"]
    poll: float | None
    children: bool
    events: str | None
    quiet: bool
    verbose: bool
    inspect: bool
    loop: bool
    clear: bool
    on_change: str | None
    on_error: bool
    explain: bool

    @property
    def level(self) -> str:
        """The name of the level of our logger; empty leaves it alone."""
        return "WARNING" if self.quiet else "DEBUG" if self.verbose else ""


class _Parser(argparse.ArgumentParser):
    """The parser of the options, which end where the program begins."""

    def __init__(self) -> None:
        super().__init__(
            prog="mighty-patcher",
            usage=_USAGE,
            description=f"{_DESCRIPTION}\n\n{_TARGETS}",
            epilog=_EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._with_value: set[str] = set()

    def flag(self, *names: str, text: str) -> None:
        """Add an option that stands for itself."""
        self.add_argument(*names, action="store_true", help=text)

    def value(self, name: str, text: str, **options: object) -> None:
        """Add an option that is followed by a value."""
        self._with_value.add(name)
        self.add_argument(name, help=text, **options)  # type: ignore[arg-type]

    def split(self, arguments: Sequence[str]) -> tuple[list[str], Program]:
        """Part the options from the program, of which the parser must see nothing."""
        place = 0
        while place < len(arguments):
            program = self._program(tuple(arguments[place:]))
            if program is not None:
                return list(arguments[:place]), program
            place += 2 if arguments[place] in self._with_value else 1
        return list(arguments), Program("none")

    def _program(self, spelled: tuple[str, ...]) -> Program | None:
        """Return the program if it is here that it begins."""
        first, *rest = spelled
        if first == "--":
            return Program("script", rest[0], tuple(rest[1:]), spelled) if rest else None
        if first == "-":
            return Program("stdin", "-", tuple(rest), spelled)
        if first[:2] in ("-m", "-c"):
            what = [first[2:], *rest] if first[2:] else rest
            if not what:
                self.error(f"{first} needs {'a module' if first == '-m' else 'code'}")
            kind: Literal["module", "code"] = "module" if first[1] == "m" else "code"
            return Program(kind, what[0], tuple(what[1:]), spelled)
        return None if first.startswith("-") else Program("script", first, tuple(rest), spelled)

    def error(self, message: str) -> NoReturn:
        """End with one line and status 2."""
        self.exit(2, f"{self.prog}: {message}; --help lists the options\n")


def _parser() -> _Parser:
    parser = _Parser()
    parser.value(
        "--watch",
        "a folder or file to watch, instead of the folder of the script; for -m and -c the current "
        "folder (repeatable)",
        action="append",
        default=[],
        metavar="PATH",
    )
    parser.value(
        "--exclude",
        "a module that is never touched, as a pattern: 'shop.state', 'shop.*' (repeatable)",
        action="append",
        default=[],
        metavar="NAME",
    )
    parser.value(
        "--rerun",
        "whether a save runs only what changed, or all of its module",
        choices=("changed", "module"),
        default="changed",
    )
    parser.value(
        "--apply",
        "manual: saves wait until the program calls apply()",
        choices=("now", "manual"),
        default="now",
    )
    parser.value(
        "--poll",
        "look at the files at intervals, where there are no events",
        type=_seconds,
        metavar="SECONDS",
    )
    parser.flag("--children", text="also watch in the processes that the program starts")
    parser.value("--events", "write what is done as JSON lines to a file", metavar="PATH")
    parser.flag("--quiet", text="say only what failed or is still old")
    parser.flag("--verbose", text="say why, and show the lines that differ")
    parser.add_argument(
        "-i", dest="inspect", action="store_true", help="stay in an interactive session at the end"
    )
    parser.flag(
        "--loop", text="run the script again at every save; or a function: module:function [script]"
    )
    parser.flag("--clear", text="with --loop: clear the terminal before each run")
    parser.value("--on-change", "with --loop: run this after each run", metavar="COMMAND")
    parser.flag("--on-error", text="with --loop: go on only if the run raised")
    parser.flag("--explain", text="say what an edit of the named modules could reach; run nothing")
    parser.add_argument("--version", action="version", version=_version())
    return parser


def main(arguments: Sequence[str] | None = None, *, flags: Sequence[str] = ()) -> int:
    """Do what a command line says. Where it names a program, this process becomes that.

    Args:
        arguments: The command line without the name of the command; None for that of the process.
        flags: The flags for Python itself.

    Returns:
        The exit status.
    """
    parser = _parser()
    given, program = parser.split(sys.argv[1:] if arguments is None else arguments)
    options = parser.parse_args(given, namespace=_Options())
    options.program = program
    if options.quiet and options.verbose:
        parser.error("--quiet and --verbose exclude each other")
    if options.explain:
        return _explain(parser, options)
    if options.loop:
        return _loop(parser, options)
    _check(parser, options)
    command = [sys.executable, *flags, *(["-i"] if options.inspect else []), *program.spelled]
    become = _wait_for if sys.platform == "win32" else _become
    return become(command, environment(_settings(options), _environ(options)))


def interpreter_flags() -> list[str]:
    """Return the flags that Python was given before ``-m mighty_patcher``.

    They are what is left of its command line, so that also those are known which leave no trace in
    `sys.flags`; and other runners in between (``-m debugpy``) come in where they stand.
    """
    head = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    if head and head[-1] == _MODULE:
        del head[-1]
    if not head:
        return []
    last = head.pop().removesuffix(_MODULE).removesuffix("m")  # `-um`, or `-mmighty_patcher`
    return [*head, last] if last != "-" else head


# --- what is asked for --------------------------------------------------------------------------


def _explain(parser: _Parser, options: _Options) -> int:
    names = [options.program.target, *options.program.arguments]
    if options.program.kind != "script":
        parser.error("--explain needs the name of a module: --explain shop.cart")
    roots = _existing(parser, options.watch or ["."])
    from mighty_patcher.explain import main as explain

    return explain(names, roots)


def _loop(parser: _Parser, options: _Options) -> int:
    if options.program.kind != "script":
        parser.error("--loop needs a script, or module:function")
    without = {"-i": options.inspect, "--children": options.children}
    for name, is_given in {**without, "--apply manual": options.apply == "manual"}.items():
        if is_given:
            parser.error(f"{name} does not go with --loop")
    os.environ.update(_environ(options))
    import logging

    from mighty_patcher.engine.log import NAME
    from mighty_patcher.loop_command import main as loop

    if options.level:
        logging.getLogger(NAME).setLevel(options.level)
    return loop(options.program.target, options.program.arguments, options)


def _check(parser: _Parser, options: _Options) -> None:
    """End where the program cannot be run, or not be watched."""
    program = options.program
    for name in ("clear", "on_change", "on_error"):
        if getattr(options, name):
            parser.error(f"--{name.replace('_', '-')} goes with --loop")
    stays = options.inspect or sys.flags.inspect or (sys.stdin is not None and sys.stdin.isatty())
    if program.kind == "none" and not stays:
        parser.exit(2, f"usage: {_USAGE}\n")
    if sys.flags.ignore_environment or sys.flags.no_site:
        parser.error("Python's flags -E, -I and -S keep the reloader out; leave them away")
    if not sys.executable:
        parser.error("this Python does not know its own executable")
    if program.kind == "script" and not os.path.exists(program.target):
        missing = os.path.abspath(program.target)
        parser.exit(
            2, f"{parser.prog}: can't open file {missing!r}: [Errno 2] No such file or directory\n"
        )
    try:
        import mighty_patcher._core  # noqa: F401
    except ImportError as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    _existing(parser, options.watch)


def _existing(parser: _Parser, paths: list[str]) -> list[str]:
    for path in paths:
        if not os.path.exists(path):
            parser.error(f"there is no {path} to watch")
    return [os.path.abspath(path) for path in paths]


def _settings(options: _Options) -> Settings:
    return Settings(
        watch=[os.path.abspath(path) for path in options.watch or [_folder(options.program)]],
        excluded=options.exclude,
        rerun=options.rerun,
        apply=options.apply,
        poll=options.poll,
        level=options.level,
        children=options.children,
    )


def _folder(program: Program) -> str:
    """Return what is watched by default: where the program's own modules are."""
    if program.kind != "script":
        return "."
    script = os.path.realpath(program.target)
    folder = script if os.path.isdir(script) else os.path.dirname(script)
    # A command of an installed package (`gunicorn`) runs what is here.
    commands = os.path.realpath(os.path.dirname(sys.executable))
    return "." if folder == commands else folder


def _environ(options: _Options) -> dict[str, str]:
    environ = dict(os.environ)
    if options.events is not None:
        is_file = not options.events.startswith(("fd:", "unix:"))
        events = os.path.abspath(options.events) if is_file else options.events
        environ["MIGHTY_PATCHER_EVENTS"] = events
    return environ


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return seconds


def _version() -> str:
    from mighty_patcher import __version__

    return f"mighty-patcher {__version__} (CPython {sys.version.split()[0]})"


# --- running it ---------------------------------------------------------------------------------


def _become(command: list[str], environ: Mapping[str, str]) -> NoReturn:
    """Let Python run the program in the place of this process: same number, parent and terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environ)


def _wait_for(command: list[str], environ: Mapping[str, str]) -> int:
    """On Windows, where ``exec`` would return to the shell at once, wait for the program.

    Ctrl-C goes to all processes of a console, and it is the program that has to answer it.
    """
    import signal
    import subprocess

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return subprocess.call(command, env=environ)
