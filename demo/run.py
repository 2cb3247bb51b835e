"""Run the shop in demo/shop under the runner, save edits to its files, and show what it serves.

The shop is a web application with a worker thread, and has no line for the reloader. Nothing here
waits for time to pass, only for what the shop says.
"""

from __future__ import annotations

import difflib
import http.client
import os
import queue
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
BOOKS = {"On+Computable+Numbers": 10, "Sketch+of+the+Analytical+Engine": 50}
COLOURS = {"bold": "1", "+": "32", "-": "31", "dim": "2"}
IS_COLOURED = "NO_COLOR" not in os.environ and (sys.stdout.isatty() or "FORCE_COLOR" in os.environ)


class Shop:
    """The program, in a process of its own.

    Args:
        folder: Where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mighty_patcher", "main.py"],
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.transcript: list[str] = []
        self.says: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
        self.reports: queue.SimpleQueue[tuple[str, float] | None] = queue.SimpleQueue()
        self.listeners = [
            threading.Thread(target=self.listen, args=[stream, lines], daemon=True)
            for stream, lines in (
                (self.process.stdout, self.says),
                (self.process.stderr, self.reports),
            )
        ]
        for listener in self.listeners:
            listener.start()
        self.port = int(self.wait(self.says)[0].rpartition(":")[2])

    def listen(self, stream: IO[bytes], lines: queue.SimpleQueue[tuple[str, float] | None]) -> None:
        """Put what comes out of a stream into a queue, with the time at which it came.

        A report may have several lines, but is written in one piece.
        """
        while text := os.read(stream.fileno(), 65536):
            at = time.perf_counter()
            self.transcript.append(text.decode().rstrip())
            lines.put((text.decode().rstrip(), at))
        lines.put(None)

    def wait(self, lines: queue.SimpleQueue[tuple[str, float] | None]) -> tuple[str, float]:
        """Wait for a line of the shop or a report of the reloader, and return it with its time."""
        try:
            line = lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.give_up(f"nothing came within {PATIENCE:.0f} s")
        if line is None:
            self.give_up("it ended")
        return line

    def get(self, path: str) -> str:
        """Visit a page, and return what it says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            return connection.getresponse().read().decode().rstrip()
        except (OSError, http.client.HTTPException) as error:
            self.give_up(f"GET {path}: {error!r}")
        finally:
            connection.close()

    def give_up(self, reason: str) -> NoReturn:
        """End the demo: something is wrong, and all that the shop said may tell what."""
        self.process.kill()
        for listener in self.listeners:
            listener.join()
        said = "\n".join(self.transcript)
        sys.exit(
            f"The shop does not do what it should: {reason}. This is all that it said:\n{said}"
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
    """One save, and the page that shows it.

    Attributes:
        shows: What it is an example of.
        file: The file.
        old: What is replaced there,
        new: and by what.
        save: How it is saved.
        page: The page.
        changes: Whether the page is another after it.
    """

    shows: str
    file: str
    old: str
    new: str
    save: Callable[[Path, str], None]
    page: str = "/cart?owner=Ada"
    changes: bool = True


EDITS = (
    Edit(
        "a page: the table of routes has held this very function since the start",
        "pages.py",
        '    return f"{cart.label()}: {total(cart):.2f} {CURRENCY}"\n',
        '    return f"{cart.label()}: {len(cart.books)} books, {total(cart):.2f} {CURRENCY}"\n',
        in_place,
    ),
    Edit(
        "a constant: pages.py imported the value by name",
        "pricing.py",
        'CURRENCY = "EUR"\n',
        'CURRENCY = "USD"\n',
        by_rename,
    ),
    Edit(
        "a method: the cart was made before, by the old class",
        "stock.py",
        """        return f"{self.owner}'s cart"\n""",
        """        return f"the cart of {self.owner}"\n""",
        by_rename,
    ),
    Edit(
        "the worker: its loop has been running in a thread, and counts on",
        "worker.py",
        '    return f"parcel {number}: {len(cart.books)} books for {cart.owner}"\n',
        "    return f\"parcel {number} for {cart.owner}: {', '.join(cart.books)}\"\n",
        in_place,
        "/order?owner=Ada",
    ),
    Edit(
        "a new page: it is run, and by that in the table; nothing else is run",
        "pages.py",
        '@route("/order")\n',
        '@route("/count")\n'
        "def count():\n"
        '    return f"{len(carts)} customer"\n\n\n'
        '@route("/order")\n',
        in_place,
        "/count",
    ),
    Edit(
        "half a line, saved too early: the shop goes on with what it had",
        "pricing.py",
        "    return sum(cart.books.values()) * 0.90\n",
        "    return 3.50 +\n",
        in_place,
        changes=False,
    ),
    Edit(
        "the line, mended",
        "pricing.py",
        "    return 3.50 +\n",
        "    return 3.50 + sum(cart.books.values()) * 0.90\n",
        by_rename,
    ),
)


def make(edit: Edit, shop: Shop, folder: Path) -> None:
    """Make one edit, and show what came of it."""
    path = folder / edit.file
    old = path.read_text("utf-8")
    new = old.replace(edit.old, edit.new)
    before = shop.get(edit.page)

    edit.save(path, new)
    saved = time.perf_counter()
    report, at = shop.wait(shop.reports)
    after = shop.get(edit.page)

    print(f"\n{painted('bold', edit.file)}: {edit.shows}")
    page = f"GET {edit.page.partition('?')[0]}"
    show(page, before)
    for change in list(difflib.unified_diff(old.splitlines(), new.splitlines(), n=0))[3:]:
        if change[1:]:
            show(change[0], painted(change[0], change[1:]))
    show("console", report)
    show("", painted("dim", f"{(at - saved) * 1000:.0f} ms after the save"))
    show(page, painted("bold", after))
    if (after != before) is not edit.changes:
        shop.give_up(f"{edit.shows}: {before!r} became {after!r}")


def show(what: str, text: str) -> None:
    """Print a line of the demo, or a report of several."""
    first, *rest = text.splitlines() or [""]
    print(
        f"  {painted('dim', f'{what:>10}')}  {first}",
        *(f"{'':>14}{line}" for line in rest),
        sep="\n",
        flush=True,
    )


def painted(colour: str, text: str) -> str:
    """Write a text in a colour, where there are any."""
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if IS_COLOURED else text


def check_kept(shop: Shop, pid: int) -> str:
    """Return what the shop kept through all of it, or end the demo if it lost anything."""
    parcel = shop.get("/order?owner=Ada")
    titles = ", ".join(book.replace("+", " ") for book in BOOKS)
    if parcel != f"parcel 4 for Ada: {titles}" or shop.process.poll() is not None:
        shop.give_up(f"it lost its state: {parcel}")
    return (
        f"the process {pid}, its socket, Ada's cart, and the thread of the worker, "
        "which has just packed its parcel 4"
    )


def main() -> None:
    """Run the demo."""
    with tempfile.TemporaryDirectory(prefix="shop-") as name:
        folder = Path(name).resolve()
        shutil.copytree(SHOP, folder, dirs_exist_ok=True)
        print(f"$ {painted('bold', 'mighty-patcher main.py')}", flush=True)
        shop = Shop(folder)
        pid = shop.process.pid
        try:
            show("", f"{shop.transcript[0]}  (process {pid})")
            for book, price in BOOKS.items():
                show("GET /add", shop.get(f"/add?owner=Ada&book={book}&price={price}"))
            show("GET /order", shop.get("/order?owner=Ada"))
            for edit in EDITS:
                make(edit, shop, folder)
            print(f"\nKept: {check_kept(shop, pid)}.", flush=True)
        finally:
            shop.process.kill()
            shop.process.wait()


if __name__ == "__main__":
    main()
