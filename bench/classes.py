"""How long an edit of fifty classes takes, as a multiple of what Python itself needs to execute
their statements anew.

    make bench
    make bench PYTHON=python3.14 ARGS="--saves 50"

Each row is a module of fifty classes with an instance each, and an edit of all of them, made and
taken back by turns. All columns are measured in one run, so that a busy machine slows all of them:

``commit``
    what is spent in ``Log.commit()``, all commits of a reload together: the time in which classes
    change, and, without the GIL, the world is stopped
``reload``
    all of a reload from when its save is seen: reading, comparing and compiling the text, executing
    what changed, finding who holds what, and the commits
``exec``
    the execution of the whole module in a namespace of its own, compiled already: what a restart
    would need for it, had it nothing else to do

Medians; "best" is the fastest commit, which other processes have disturbed least.

Where bases change, most of a commit is spent in CPython's own setter of ``__bases__``, which looks
for the function of every slot in every class of the new order. The last line has both alone, for as
many classes, by turns: what ``cls.__bases__ = (Base,)`` takes, and what a commit for it takes.
"""

from __future__ import annotations

import importlib
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from mighty_patcher import AutoReloader, _core
from mighty_patcher.engine.classes import content_of

__all__ = ["main"]

CLASSES = 50
HEAD = "import dataclasses, enum\n\nclass Base:\n    def method(self): return 0\n"

# One class before the edit, and after it.
ROWS = {
    "attribute changed": (
        "class C{0}(Base):\n    kind = 1\n    def method(self): return super().method()\n",
        "class C{0}(Base):\n    kind = 2\n    def method(self): return super().method()\n",
    ),
    "super() newly used": (
        "class C{0}(Base):\n    def method(self): return 1\n",
        "class C{0}(Base):\n    def method(self): return super().method()\n",
    ),
    "base added": (
        "class C{0}:\n    def method(self): return 1\n",
        "class C{0}(Base):\n    def method(self): return 1\n",
    ),
    "slot added": (
        "class C{0}:\n    __slots__ = ('a',)\n",
        "class C{0}:\n    __slots__ = ('a', 'b')\n",
    ),
    "data class field added": (
        "@dataclasses.dataclass\nclass C{0}:\n    a: int = 1\n",
        "@dataclasses.dataclass\nclass C{0}:\n    a: int = 1\n    b: int = 2\n",
    ),
    "enum member added": (
        "class C{0}(enum.Enum):\n    A = 1\n",
        "class C{0}(enum.Enum):\n    A = 1\n    B = 2\n",
    ),
}


class TimedLog(_core.Log):  # type: ignore[misc]
    """A log that knows what all logs have spent in their commits."""

    spent = 0.0

    def commit(self) -> None:
        """Apply it."""
        begin = time.perf_counter()
        super().commit()
        TimedLog.spent += time.perf_counter() - begin


def text(classes: str) -> str:
    """Return the source of a module."""
    return HEAD + "".join(classes.format(number) for number in range(CLASSES))


def measure(row: str, saves: int, folder: Path) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of each reload, of its commits, and of an execution of the module."""
    name = "bench_" + "".join(filter(str.isalpha, row))
    path, sources = folder / f"{name}.py", [text(it) for it in ROWS[row]]
    path.write_text(sources[0], "utf-8")
    module = importlib.import_module(name)
    kept = [getattr(module, f"C{number}") for number in range(CLASSES)]
    held = [it(1) if row.startswith("enum") else it() for it in kept]
    reloads, commits, executions = [], [], []
    with AutoReloader(path=folder, watch=False) as reloader:
        for save in range(1, saves + 1):
            source = sources[save % 2]
            path.write_text(source, "utf-8")
            TimedLog.spent = 0.0

            begin = time.perf_counter()
            reload = reloader.reload([path])
            reloads.append(time.perf_counter() - begin)
            commits.append(TimedLog.spent)

            code, namespace = compile(source, str(path), "exec"), {"__name__": name}
            begin = time.perf_counter()
            exec(code, namespace)
            executions.append(time.perf_counter() - begin)

            if not reload.ok or not TimedLog.spent:
                sys.exit(f"the save was not installed: {reload}")
            if not all(getattr(module, it.__name__) is it for it in kept):
                sys.exit(f"a class is another class: {reload}")
    if not all(type(mine) is it for mine, it in zip(held, kept, strict=True)):
        sys.exit("an instance is of another class")
    return reloads, commits, executions


def measure_bases(rounds: int) -> tuple[list[float], list[float]]:
    """Return the seconds in which CPython gives all classes other bases, and of as many commits."""
    namespace: dict[str, Any] = {"__name__": "bench_bases"}
    exec(text("class C{0}(Base):\n    def method(self): return 1\n"), namespace)
    classes = [namespace[f"C{number}"] for number in range(CLASSES)]
    bases = (namespace["Base"],), (type("Other", (), {}),)
    by_setter, by_commit = [], []
    for number in range(2 * rounds):
        new = bases[1 - number % 2]
        if number % 4 in (1, 2):  # each is measured there and back
            begin = time.perf_counter()
            for cls in classes:
                cls.__bases__ = new
            by_setter.append(time.perf_counter() - begin)
        else:
            logs = [_core.Log() for _ in classes]
            for log, cls in zip(logs, classes, strict=True):
                log.add_type(cls, content_of(cls), bases=new)
            begin = time.perf_counter()
            for log in logs:
                log.commit()
            by_commit.append(time.perf_counter() - begin)
        if any(cls.__bases__ != new for cls in classes):
            sys.exit("a class has not got its bases")
    return by_setter, by_commit


def main(saves: int, folder: Path) -> None:
    """Measure, and print one line for each edit.

    Args:
        saves: How often each is made or taken back.
        folder: Where modules are imported from.
    """
    known = _core.Log
    _core.Log = TimedLog  # type: ignore[misc]
    try:
        columns = "  ".join(f"{it:>9}" for it in ("commit", "best", "reload", "exec"))
        print(f"{CLASSES} classes{'':14}  {columns}  commit/exec  reload/exec")
        for row in ROWS:
            reloads, commits, executions = measure(row, saves, folder)
            reload, commit, execution = map(statistics.median, (reloads, commits, executions))
            times = (commit, min(commits), reload, execution)
            shown = "  ".join(f"{seconds * 1000:6.2f} ms" for seconds in times)
            ratios = f"{commit / execution:11.2f}  {reload / execution:11.2f}"
            print(f"{row:24}  {shown}  {ratios}", flush=True)
        by_setter, by_commit = measure_bases(10 * saves)
        setter, commit = statistics.median(by_setter), statistics.median(by_commit)
        print(
            f"other bases alone         {commit * 1000:6.2f} ms  {min(by_commit) * 1000:6.2f} ms  "
            f"CPython's setter: {setter * 1000:.2f} ms, best {min(by_setter) * 1000:.2f} ms; "
            f"commit/setter {commit / setter:.2f}"
        )
    finally:
        _core.Log = known  # type: ignore[misc]
