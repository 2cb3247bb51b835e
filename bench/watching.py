"""How long a save takes until the result of its test is there: ``pytest --reload-watch``, against
the same test in a pytest that is started anew.

    make bench
    make bench PYTHON=python3.14 ARGS="--saves 10"

The application imports one large library, and its test calls one function that is edited. All
columns are measured in one run, in turn, so that a busy machine slows all of them; medians:

``import``
    the import of the library, in a process of its own
``anew``
    from the save to the summary, of ``pytest`` on this one test
``watch``
    from the save to the summary, of ``pytest --reload-watch``
``gained``
    anew minus watch, in imports of the library: 1 is what not importing it again saves by itself
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

__all__ = ["main"]

LIBRARIES = {
    "django": "import django.test, django.contrib.admin, django.db.models.sql as library",
    "pandas": "import pandas as library",
    "sympy": "import sympy as library",
}

APP = "{imports}\n\ndef answer():\n    return {save}\n"
TEST = "import app\n\ndef test_answer():\n    assert app.answer()\n"
PYTEST = (sys.executable, "-m", "pytest", "-p", "mighty_patcher.pytest_plugin", "-q")


def main(saves: int) -> None:
    """Measure with each of the libraries that is installed, and print one line for it."""
    installed = [name for name in LIBRARIES if find_spec(name)]
    if not installed or not find_spec("pytest"):
        print(f"watching: needs pytest and one of {', '.join(LIBRARIES)}")
        return
    print(f"{'library':>9}  {'import':>8}  {'anew':>8}  {'watch':>8}  {'gained':>7}")
    for name in installed:
        imports, anew, watch = measure(LIBRARIES[name], saves)
        shown = "  ".join(f"{it * 1000:5.0f} ms" for it in (imports, anew, watch))
        print(f"{name:>9}  {shown}  {(anew - watch) / imports:7.2f}", flush=True)


def measure(imports: str, saves: int) -> tuple[float, float, float]:
    """Return the median seconds of an import, of a pytest started anew, and of one that watches."""
    with tempfile.TemporaryDirectory(prefix="bench-watching-") as folder:
        app = Path(folder, "app.py")
        app.write_text(APP.format(imports=imports, save=1), "utf-8")
        Path(folder, "test_app.py").write_text(TEST, "utf-8")
        environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        environ["PYTHONPATH"] = os.pathsep.join(it for it in sys.path if it)
        environ.pop("PYTEST_ADDOPTS", None)
        columns: list[list[float]] = [[], [], []]
        with subprocess.Popen(
            [*PYTEST, "--reload-watch"],
            cwd=folder,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as watching:
            wait_for_summary(watching)
            for save in range(2, saves + 2):
                text = APP.format(imports=imports, save=save)
                columns[0].append(importing(imports, environ))

                begin = time.perf_counter()
                app.write_text(text, "utf-8")
                wait_for_summary(watching)
                columns[2].append(time.perf_counter() - begin)

                begin = time.perf_counter()
                subprocess.run(
                    PYTEST, cwd=folder, env=environ, check=True, stdout=subprocess.DEVNULL
                )
                columns[1].append(time.perf_counter() - begin)
            watching.communicate()
        imported, anew, watch = map(statistics.median, columns)
        return imported, anew, watch


def importing(imports: str, environ: dict[str, str]) -> float:
    """Return the seconds of the import alone, which the process measures itself."""
    program = f"import time; t = time.perf_counter()\n{imports}\nprint(time.perf_counter() - t)"
    output = subprocess.run(
        [sys.executable, "-c", program], env=environ, check=True, capture_output=True, text=True
    )
    return float(output.stdout)


def wait_for_summary(watching: subprocess.Popen[str]) -> None:
    """Read until a round has passed."""
    assert watching.stdout is not None
    for line in watching.stdout:
        if line.startswith("1 passed"):
            return
    sys.exit("pytest --reload-watch has ended, or its test did not pass")
