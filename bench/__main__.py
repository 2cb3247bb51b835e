"""How long a reload takes, as a multiple of what Python itself needs to compile the same text; what
an edit of many classes takes (classes.py); and how much sooner ``pytest --reload-watch`` is there
than a pytest that is started anew (watching.py).

    make bench
    make bench PYTHON=python3.14 ARGS="--saves 100"

Both are measured in one run, in turn, so that a busy machine slows both. One function of a module
is edited and the module reloaded without a watcher: what is counted begins when the save is seen.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import classes, watching
from mighty_patcher import AutoReloader

SIZES = (10, 100, 1000)  # functions in the module

FUNCTION = '''
def step_{number}(value, factor={number}):
    """Multiply, and add what this save brings."""
    if value > factor:
        return value * factor + {save}
    return [item + factor for item in range(value)]
'''


def text(functions: int, save: int) -> str:
    """Return the source of a module, of which each save changes the function in the middle."""
    saves = (save if number == functions // 2 else 0 for number in range(functions))
    return "".join(FUNCTION.format(number=number, save=mark) for number, mark in enumerate(saves))


def measure(functions: int, saves: int, folder: Path) -> tuple[float, float]:
    """Return the median seconds of a reload, and of a ``compile()`` of the same text."""
    name = f"bench_{functions}"
    path = folder / f"{name}.py"
    path.write_text(text(functions, 0), "utf-8")
    module = importlib.import_module(name)
    middle = getattr(module, f"step_{functions // 2}")
    reloads, compiles = [], []
    with AutoReloader(path=folder, watch=False) as reloader:
        for save in range(1, saves + 1):
            source = text(functions, save)
            path.write_text(source, "utf-8")

            begin = time.perf_counter()
            reload = reloader.reload([path])
            reloads.append(time.perf_counter() - begin)

            begin = time.perf_counter()
            compile(source, str(path), "exec")
            compiles.append(time.perf_counter() - begin)

            if not reload.ok or save not in middle.__code__.co_consts:
                sys.exit(f"the save was not installed: {reload}")
    return statistics.median(reloads), statistics.median(compiles)


def main() -> None:
    """Measure, and print one line for each size."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--saves", type=int, default=30, help="saves for each size")
    saves = parser.parse_args().saves
    logging.getLogger("mighty_patcher").setLevel(logging.ERROR)
    print(f"{'functions':>9}  {'reload':>9}  {'compile()':>9}  {'ratio':>6}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        sys.path.insert(0, folder)
        for functions in SIZES:
            reload, compiled = measure(functions, saves, Path(folder))
            shown = f"{reload * 1000:6.2f} ms  {compiled * 1000:6.2f} ms  {reload / compiled:6.2f}"
            print(f"{functions:>9}  {shown}", flush=True)
        print()
        classes.main(saves, Path(folder))
    print()
    watching.main(min(saves, 10))


if __name__ == "__main__":
    main()
