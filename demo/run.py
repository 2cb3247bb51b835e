"""Start the till in demo/shop, save edits to its files as an editor would, and show what it says.

The till runs as it would without us, `python main.py`; only the files change under it. Nothing here
waits for time to pass, only for lines that the till prints.
"""

from __future__ import annotations

import difflib
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

SHOP = Path(__file__).parent / "shop"
PATIENCE = 20.0  # seconds; for a machine that is busy, as a rule it takes some milliseconds


@dataclass(frozen=True)
class Line:
    """What the till printed: on standard output what it says, on standard error a report."""

    text: str
    error: bool
    at: float


class Till:
    """The program, in a process of its own.

    Args:
        folder: Where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "main.py"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.said: list[str] = []
        self.transcript: list[str] = []
        self.lines: queue.Queue[Line | None] = queue.Queue()
        streams = (self.process.stdout, self.process.stderr)
        self.listeners = [
            threading.Thread(target=self.listen, args=(stream,), daemon=True) for stream in streams
        ]
        for listener in self.listeners:
            listener.start()

    def listen(self, stream: IO[bytes]) -> None:
        """Put what comes out of a stream into the queue, with the time at which it came.

        The till says one line at a time. A report may have several, but is written in one piece.
        """
        error = stream is self.process.stderr
        while text := (os.read(stream.fileno(), 65536) if error else stream.readline()):
            at = time.perf_counter()
            line = Line(text.decode().rstrip(), error, at)
            self.transcript.append(line.text)
            self.lines.put(line)
        self.lines.put(None)

    def wait(self, *, effect: bool, report: bool) -> tuple[Line | None, list[Line]]:
        """Wait until the till says something new, until the reloader reports, or for both.

        Args:
            effect: Wait for a line of the till.
            report: Wait for a line of the reloader.

        Returns:
            The till's line, and the reloader's lines.
        """
        answer: Line | None = None
        reports: list[Line] = []
        deadline = time.monotonic() + PATIENCE
        while (effect and answer is None) or (report and not reports):
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self.give_up(f"nothing came within {PATIENCE:.0f} s")
            if line is None:
                self.give_up("it ended")
            if line.error:
                reports.append(line)
            else:
                answer = line
                self.said.append(line.text)
        return answer, reports

    def give_up(self, reason: str) -> NoReturn:
        """End the demo: something is wrong, and all that the till said may tell what."""
        self.process.kill()
        for listener in self.listeners:
            listener.join()
        said = "\n".join(self.transcript)
        sys.exit(
            f"The till does not do what it should: {reason}. This is all that it said:\n{said}"
        )


def in_place(path: Path, text: str) -> None:
    """Save as most editors do: over the old content."""
    path.write_text(text, "utf-8")


def by_rename(path: Path, text: str) -> None:
    """Save as careful editors do: to a temporary file, which then takes the place of the old."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, "utf-8")
    beside.replace(path)


@dataclass(frozen=True)
class Edit:
    """One save, and what it shows."""

    shows: str
    file: str
    old: str
    new: str
    save: Callable[[Path, str], None]
    takes_effect: bool = True


EDITS = (
    Edit(
        "a function's body; main.py and cart.py imported the function by name",
        "pricing.py",
        "    return price * 0.90\n",
        "    return price * 0.80\n",
        in_place,
    ),
    Edit(
        "a method's body; the cart was made before the save, and by the old class",
        "cart.py",
        """        return f"{self.owner}'s cart"\n""",
        """        return f"{self.owner} buys {len(self.prices)} books"\n""",
        by_rename,
    ),
    Edit(
        "a constant; main.py imported the value by name",
        "pricing.py",
        'CURRENCY = "EUR"\n',
        'CURRENCY = "USD"\n',
        in_place,
    ),
    Edit(
        "half a line, saved too early: the till goes on with what it had",
        "cart.py",
        "    return sum(discount(price) for price in cart.prices)\n",
        "    return 3.50 +\n",
        in_place,
        takes_effect=False,
    ),
    Edit(
        "the line, mended",
        "cart.py",
        "    return 3.50 +\n",
        "    return 3.50 + sum(discount(price) for price in cart.prices)\n",
        by_rename,
    ),
)


def make(edit: Edit, till: Till, folder: Path) -> None:
    """Make one edit, and show what came of it."""
    path = folder / edit.file
    old = path.read_text("utf-8")
    new = old.replace(edit.old, edit.new)
    before = till.said[-1]

    edit.save(path, new)
    saved = time.perf_counter()
    after, reports = till.wait(effect=edit.takes_effect, report=True)

    how = "saved in place" if edit.save is in_place else "saved by renaming"
    print(f"\n{edit.file}, {how}: {edit.shows}")
    changes = difflib.unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    for change in list(changes)[3:]:
        show(change[0], change[1:].strip())
    show("before", before)
    if after is not None:
        show("after", f"{after.text}   <- {(after.at - saved) * 1000:.0f} ms after the save")
    for report in reports:
        show("console", report.text)


def show(what: str, text: str) -> None:
    """Print a line of the demo, or a report of several."""
    first, *rest = text.splitlines()
    print(f"  {what:>8}  {first}", *(f"{'':>10}{line}" for line in rest), sep="\n", flush=True)


def check_kept(till: Till) -> str:
    """Return what the till kept through all of it, or end the demo if it lost anything."""
    ticks = [int(found[1]) for line in till.said if (found := re.match(r"tick +(\d+)", line))]
    openings = sum(line.startswith("opening the shop") for line in till.said)
    if ticks != sorted(set(ticks)) or openings != 1 or till.process.poll() is not None:
        till.give_up("it lost its state")
    return (
        f"the process {till.process.pid}, its loop (tick {ticks[0]} to {ticks[-1]}), "
        "the catalogue and Ada's cart (the shop was opened once)"
    )


def main() -> None:
    """Run the demo."""
    with tempfile.TemporaryDirectory(prefix="shop-") as name:
        folder = Path(name).resolve()
        shutil.copytree(SHOP, folder, dirs_exist_ok=True)
        till = Till(folder)
        try:
            print(f"$ python main.py     (process {till.process.pid})")
            for _ in range(2):
                answer, _ = till.wait(effect=True, report=False)
                assert answer is not None
                show("", answer.text)
            for edit in EDITS:
                make(edit, till, folder)
            print(f"\nKept: {check_kept(till)}.")
        finally:
            till.process.kill()
            till.process.wait()


if __name__ == "__main__":
    main()
