"""Record the demo as a terminal cast (asciinema's format, version 2): demo/record.py [FILE].

It shows what demo/run.py prints, when it prints it; only before each edit there is a pause, for
whoever is reading. Play it with ``asciinema play demo/demo.cast``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SIZE = {"width": 108, "height": 32}
TYPED = "make demo"
KEY = 0.08  # seconds for a key
PAUSE = 3.5  # seconds, to read what an edit did


def output() -> Iterator[tuple[float, str]]:
    """Run the demo, and yield its lines with the seconds from its start."""
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, str(HERE / "run.py")],
        stdout=subprocess.PIPE,
        env={**os.environ, "FORCE_COLOR": "1", "PYTHONIOENCODING": "utf-8"},
        text=True,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield time.perf_counter() - start, line
    if process.returncode:
        sys.exit(process.returncode)


def events() -> Iterator[tuple[float, str]]:
    """Yield what a terminal shows, and when."""
    at = 0.5
    yield at, "$ "
    for key in TYPED:
        at += KEY
        yield at, key
    at += 5 * KEY
    yield at, "\r\n"
    for since, line in output():
        if line == "\n":
            at += PAUSE
        yield at + since, line.replace("\n", "\r\n")


def main() -> None:
    """Write the cast."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "demo.cast"
    head = {"version": 2, **SIZE, "title": "Mighty Patcher", "env": {"TERM": "xterm-256color"}}
    lines = [head, *([round(at, 3), "o", text] for at, text in events())]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main()
