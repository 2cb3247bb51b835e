"""Start the reloader in a process before the first line of its program: in the one that the runner
runs, and with ``--children`` in every Python that it starts.

The runner does not run a program itself. It becomes ``python script.py``, with two variables in
its environment: `VARIABLE`, which holds the `Settings`, and ``PYTHONPATH``, where ``_start`` comes
first. The ``sitecustomize`` there calls `start`. So there is no frame of ours below the program,
and all that Python does for a script is done by Python. Without ``--children`` both variables are
put back before the program begins, and what it starts knows nothing of this.

A process that was made by ``fork`` has no threads but one. Ours are stopped before, also because
CPython warns of a fork with several (gh-100228), and start again after it. That takes some 10 ms
for each fork, most of them the kernel's, which closes an inotify descriptor slowly.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from mighty_patcher.watch import AutoReloader

__all__ = ["VARIABLE", "Settings", "environment", "start"]

VARIABLE = "MIGHTY_PATCHER_RUN"
_PYTHONPATH = "PYTHONPATH"
_START = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_start")
_PATIENCE = 2.0
"""Seconds that a fork waits for a reload. One that takes longer may be waiting for the fork."""
_LONG = 3.0
"""Seconds after which somebody who waits for a program to begin wonders why."""
_LINGER = 0.1
"""Seconds for which a thread that has ended may still be known to the system."""
_GLANCE = 0.0002
_TASKS = "/proc/self/task"
_FILTER: Any = (
    "ignore",
    re.compile(r"This process \(pid=\d+\) is multi-threaded"),
    DeprecationWarning,
    None,
    0,
)
_ERRORS_OF_ITS_OWN = ("SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV")
"""Signals that a thread gets for what it did itself."""


class Settings(NamedTuple):  # a dataclass would be five times our share of the start
    """What a process has to know to be hot.

    Attributes:
        watch: The absolute paths of what is watched.
        excluded: Patterns of the names of modules that are never touched.
        rerun: As for `AutoReloader`.
        apply: The same.
        poll: The same.
        level: The name of the level of our logger; empty leaves it alone.
        children: Whether the processes that this one starts are hot, too.
        is_child: Whether this one was started by a hot one.
        pythonpath: The ``PYTHONPATH`` that there would be without us.
    """

    watch: list[str]
    excluded: list[str]
    rerun: Literal["changed", "module"] = "changed"
    apply: Literal["now", "manual"] = "now"
    poll: float | None = None
    level: str = ""
    children: bool = False
    is_child: bool = False
    pythonpath: str | None = None


def environment(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a Python starts hot.

    Args:
        settings: What it has to know.
        environ: The environment that it would have.
    """
    given = environ.get(_PYTHONPATH)
    if given is not None and _START in given:  # a hot program starts the runner
        given = os.pathsep.join(it for it in given.split(os.pathsep) if it != _START) or None
    return {
        **environ,
        _PYTHONPATH: os.pathsep.join(filter(None, [_START, given])),
        VARIABLE: json.dumps(settings._replace(pythonpath=given)._asdict()),
    }


def start(modules: Collection[str], path: list[str]) -> None:
    """Start the reloader that the environment asks for; called by the ``sitecustomize``.

    Args:
        modules: The names of the modules that Python has loaded without us.
        path: The ``sys.path`` of the program, less what Python puts first when it begins.
    """
    settings = Settings(**json.loads(os.environ[VARIABLE]))
    _pass_on(settings)
    if _is_helper(sys.orig_argv):
        return
    try:
        with _threads_aside():
            _start(settings)
    except BaseException as error:
        _tell(error)
        if not settings.is_child:
            os._exit(2)
    _give_way(modules, path)


def _pass_on(settings: Settings) -> None:
    """Let the processes that this one starts be hot, or let them have what they would have."""
    if settings.children:
        os.environ[VARIABLE] = json.dumps(settings._replace(is_child=True)._asdict())
        return
    del os.environ[VARIABLE]
    if settings.pythonpath is None:
        os.environ.pop(_PYTHONPATH, None)
    else:
        os.environ[_PYTHONPATH] = settings.pythonpath


def _is_helper(arguments: list[str]) -> bool:
    """Tell whether a process runs nothing of the user's: multiprocessing has one that counts."""
    return any("from multiprocessing.resource_tracker import" in it for it in arguments[:8])


def _start(settings: Settings) -> None:
    import logging

    from mighty_patcher import hmr
    from mighty_patcher.engine.log import NAME, logger
    from mighty_patcher.watch import AutoReloader

    if settings.level:
        logging.getLogger(NAME).setLevel(settings.level)
    clock = time.monotonic()
    reloader = AutoReloader(
        path=settings.watch,
        rerun=settings.rerun,
        excluded=settings.excluded,
        apply=settings.apply,
        poll=settings.poll,
    )
    if sentence := _why_so_long(settings.watch, time.monotonic() - clock):
        logger().warning(sentence)
    hmr.install(reloader)
    if hasattr(os, "register_at_fork"):  # Windows has no fork
        _survive_forks(reloader, in_children=settings.children)


def _why_so_long(watch: list[str], seconds: float) -> str:
    """Say what a start has waited for, if that is more than it should be."""
    if seconds < _LONG:
        return ""
    folders = " and ".join(watch)
    return f"it took {seconds:.0f} s to read what is below {folders}; --watch names less of it"


def _tell(error: BaseException) -> None:
    if isinstance(error, OSError):
        sys.stderr.write(f"mighty-patcher: {error}\n")
    else:
        import traceback

        traceback.print_exception(error)
        sys.stderr.write("mighty-patcher: the reloader did not start\n")
    sys.stderr.flush()


def _give_way(modules: Collection[str], path: list[str]) -> None:
    """Forget the modules that we have loaded by names which the program uses for its own.

    A script next to a ``queue.py`` of the user's imports that one under plain Python.
    """
    library = os.path.dirname(os.__file__)
    folders = [_first_folder(), *itertools.takewhile(lambda it: not it.startswith(library), path)]
    hidden = set()
    for folder in filter(None, folders):
        for name in _modules_in(folder) & (sys.modules.keys() - modules - {__package__}):
            file = getattr(sys.modules[name], "__file__", None) or ""
            if not file.startswith(os.path.join(folder, "")):  # it is not the very same
                hidden.add(name)
    for name in sys.modules.keys() - modules:
        if name.partition(".")[0] in hidden:
            del sys.modules[name]


def _first_folder() -> str:
    """Return what Python puts first into ``sys.path`` when the program begins, if anything."""
    script = sys.argv[0]
    if sys.flags.safe_path:
        return ""
    if script in ("", "-", "-c", "-m"):
        return os.getcwd()
    return script if os.path.isdir(script) else os.path.dirname(os.path.realpath(script))


def _modules_in(folder: str) -> set[str]:
    try:
        return {
            name.removesuffix(".py")
            for name in os.listdir(folder)
            if name.endswith(".py") or os.path.exists(os.path.join(folder, name, "__init__.py"))
        }
    except OSError:
        return set()


@contextmanager
def _threads_aside() -> Iterator[None]:
    """Have the threads that are started here take no signal of the program's and no number.

    A program that blocks a signal to wait for it (``sigwait``) knows of no other thread that the
    kernel could give it to; and the first thread that it starts is ``Thread-1``.
    """
    counter = vars(threading).get("_counter")
    if counter is not None:
        vars(threading)["_counter"] = itertools.count(1).__next__
    mask = None
    if hasattr(signal, "pthread_sigmask"):  # Windows has none
        every = signal.valid_signals() - {getattr(signal, name) for name in _ERRORS_OF_ITS_OWN}
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, every)
    try:
        yield
    finally:
        if mask is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if counter is not None:
            vars(threading)["_counter"] = counter


# --- fork ---------------------------------------------------------------------------------------


def _survive_forks(reloader: AutoReloader, *, in_children: bool) -> None:
    from mighty_patcher.engine.log import logger

    def pause() -> None:
        threads = set(threading.enumerate())
        reloader.pause(_PATIENCE)
        _wait_until_gone(threads - set(threading.enumerate()))
        if sys.version_info[:2] == (3, 13):
            _keep_warning_right()

    def resume() -> None:
        with _threads_aside():
            reloader.resume()

    def resume_in_child() -> None:
        if reloader.engine.is_reloading_elsewhere:
            logger().warning(
                "the process %d was forked in the middle of a reload, and is not kept up to date; "
                "start it again",
                os.getpid(),
            )
        else:
            resume()

    os.register_at_fork(before=pause, after_in_parent=resume)
    if in_children:
        os.register_at_fork(after_in_child=resume_in_child)


def _wait_until_gone(threads: Collection[threading.Thread]) -> None:
    """Wait until the system has no such threads either: it is what CPython counts at a fork."""
    deadline = time.monotonic() + _LINGER
    for thread in threads:
        task = f"{_TASKS}/{thread.native_id}"
        while os.path.exists(task) and time.monotonic() < deadline:
            time.sleep(_GLANCE)


def _keep_warning_right() -> None:
    """Have CPython 3.13 warn of a fork only where the program has several threads.

    It counts when the hooks have run, ours among them, and so finds the threads that `resume` has
    started; 3.12 and 3.14 count before. The filter concerns no other warning, and so may stay.
    """
    filters: Any = warnings.filters
    threads = len(os.listdir(_TASKS)) if os.path.isdir(_TASKS) else threading.active_count()
    with suppress(ValueError):
        filters.remove(_FILTER)
    if threads == 1:
        filters.insert(0, _FILTER)
