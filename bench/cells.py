"""What a cell costs in which nothing was saved, with many modules loaded: with us, and with
IPython's own ``%autoreload 2``.

    make bench-cells
    make bench-cells PYTHON=python3.14 ARGS="--modules 500"

All are measured in one run, in turn, in one shell: what listens to its events is exchanged. The
cell is ``pass``. What it takes without either is taken off.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 20
CELLS = 20  # in each round

Listeners = dict[str, list[Callable[..., object]]]


def load(modules: int, folder: Path) -> None:
    """Write a package of so many modules, and import all of them."""
    package = folder / "bench_cells"
    package.mkdir()
    (package / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    for number in range(modules):
        (package / f"m{number}.py").write_text(f"X = {number}\ndef f():\n    return X\n")
    importlib.invalidate_caches()
    for number in range(modules):
        importlib.import_module(f"bench_cells.m{number}")


def listeners(shell: Any, *lines: str) -> Listeners:
    """Run cells, and return what listens to the shell's events since then."""
    before = {event: list(known) for event, known in shell.events.callbacks.items()}
    for line in lines:
        shell.run_cell(line).raise_error()
    found = {
        event: [it for it in known if it not in before[event]]
        for event, known in shell.events.callbacks.items()
    }
    shell.events.callbacks.update(before)
    return found


def seconds(shell: Any, listening: Listeners) -> float:
    """Return what one cell takes."""
    before = {event: list(known) for event, known in shell.events.callbacks.items()}
    shell.events.callbacks.update({it: before[it] + more for it, more in listening.items()})
    begin = time.perf_counter()
    for _ in range(CELLS):
        shell.run_cell("pass")
    taken = (time.perf_counter() - begin) / CELLS
    shell.events.callbacks.update(before)
    return taken


def main() -> None:
    """Measure, and print one line for each."""
    parser = argparse.ArgumentParser(prog="bench.cells")
    parser.add_argument("--modules", type=int, default=1500)
    modules = parser.parse_args().modules
    logging.getLogger("mighty_patcher").setLevel(logging.ERROR)  # that both are on
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["IPYTHONDIR"] = folder
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config

        shell: Any = InteractiveShell.instance(
            config=Config({"HistoryManager": {"enabled": False}})
        )
        load(modules, Path(folder))
        ways = {
            "nothing": {},
            "%autoreload 2": listeners(shell, "%load_ext autoreload", "%autoreload 2"),
            "Mighty Patcher": listeners(shell, "%autoreload 0", "%load_ext mighty_patcher"),
        }
        shell.run_cell("%autoreload 2")
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, listening in ways.items():
                taken[way].append(seconds(shell, listening))
        medians = {way: statistics.median(times) for way, times in taken.items()}
        print(f"{len(sys.modules)} modules, {modules} of them one's own")
        costs = {way: median - medians["nothing"] for way, median in medians.items()}
        for way, cost in costs.items():
            ratio = cost / costs["%autoreload 2"]
            share = f"{cost * 1e6:8.1f} µs more  {ratio:8.4f} of %autoreload 2" if cost else ""
            print(f"{way:15} {medians[way] * 1e6:8.1f} µs  {share}".rstrip(), flush=True)


if __name__ == "__main__":
    main()
