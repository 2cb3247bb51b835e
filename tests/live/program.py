"""A real program in a child process, whose files are saved while it runs.

    program = live({"shop.py": "def price(): return 1", "main.py": "from shop import price"})
    program.edit("shop.py", "return 1", "return 2")
    program.expect("price()", "2")

Everything waits for what the child tells over a socket. Nothing sleeps, nothing polls.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import saving

import mighty_patcher
from mighty_patcher.engine.report import LINES_MOVED

TIMEOUT = 60.0
"""Seconds for which an event is waited for. One that comes at all comes within a tenth of one."""

_INSIDE = Path(__file__).parent / "inside"
_SOURCE = Path(mighty_patcher.__file__).parent.parent
_MARKER = "live_marker.py"
_TAIL = '\n\nif __name__ == "__main__":\n    import child\n\n    child.serve(globals())\n'

Text = str | bytes


class Report:
    """One reload, as `Reload.as_dict` tells it.

    Attributes:
        event: All of it.
        ok: Nothing failed.
        modules: The names of the modules, in order.
        paths: The files.
        patched: The qualified names of what was patched because its body changed.
        removed: The qualified names of what is gone from the source.
        ran: The names of the modules that were run again.
        rebound: ``module.name`` of what was bound anew where it had been imported.
        stale: For each stale thing, why.
        errors: The message of each error.
    """

    def __init__(self, event: dict[str, Any]) -> None:
        self.event = event
        self.ok: bool = event["ok"]
        self.modules: list[str] = event["modules"]
        self.paths: list[str] = event["paths"]
        self.patched = {
            step["qualname"] for step in self._steps("patched") if step["reason"] != LINES_MOVED
        }
        self.removed = {step["qualname"] for step in self._steps("removed")}
        self.ran = {step["module"] for step in self._steps("ran")}
        self.rebound = {f"{s['module']}.{s['qualname']}" for s in self._steps("rebound")}
        self.stale = {it["what"]: f"{it['reason']}; {it['hint']}" for it in event["stale"]}
        self.errors: list[str] = [error["message"] for error in event["errors"]]

    def __repr__(self) -> str:
        return f"Report({json.dumps(self.event, indent=1)})"

    def _steps(self, kind: str) -> list[dict[str, Any]]:
        return [step for step in self.event["steps"] if step["kind"] == kind]


class Program:
    """A program that runs.

    Args:
        root: An empty folder, for its files. It is the current directory of the child.
        files: The files, by relative path. ``main.py`` is run; where it does not say how, it ends
            in a ``__name__ == "__main__"`` block that answers the test.
        options: Arguments for `AutoReloader`, other than ``path="."``.
        script: The script, where it is not ``main.py``; or ``-m`` and a module.
    """

    def __init__(
        self,
        root: Path,
        files: Mapping[str, Text],
        options: Mapping[str, Any],
        script: tuple[str, ...] = ("main.py",),
    ) -> None:
        self.root = root
        self.shows_tracebacks = False
        self._main = script[-1].replace(".", "/") + ".py" if script[0] == "-m" else script[-1]
        self._marks = 0
        self._told: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for path, text in {self._main: "", _MARKER: "def f(): return 0", **files}.items():
            self._write(path, text, saving.in_place)
        logs = root.parent / f"{root.name}.logs"
        logs.mkdir()
        self._stdout, self._stderr = logs / "stdout", logs / "stderr"
        ours, theirs = socket.socketpair()
        with theirs, self._stdout.open("wb") as stdout, self._stderr.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "dev", "-W", "error", *script],
                cwd=root,
                env=self._environment(options, theirs),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[theirs.fileno()],
            )
        self._socket = ours
        self._reader = threading.Thread(target=self._read, args=[ours], daemon=True)
        self._reader.start()
        try:
            assert self.told() == "ready"
        except BaseException:
            self.kill()
            raise

    # ---- saving

    def edit(self, path: str, old: str, new: str, how: saving.How = saving.in_place) -> Report:
        """Replace a piece of a file, which is there once, and return the reload that followed."""
        self.write(path, self.replaced(path, old, new), how)
        return self.next_report()

    def save(self, path: str, text: Text, how: saving.How = saving.in_place) -> Report:
        """Save a file, and return the reload that followed."""
        self.write(path, text, how)
        return self.next_report()

    def write(self, path: str, text: Text, how: saving.How = saving.in_place) -> None:
        """Save a file, and wait for nothing."""
        self._write(path, text, how)

    def replaced(self, path: str, old: str, new: str) -> str:
        """Return the text of a file with one piece replaced."""
        text = self.text(path)
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        return text.replace(old, new)

    def text(self, path: str) -> str:
        """Return what a file holds, as it is on disk."""
        return (self.root / path).read_bytes().decode()

    def next_report(self) -> Report:
        """Wait for the next reload."""
        return Report(self._next(self._reports, "no reload was reported"))

    def no_more_reports(self) -> None:
        """Assert that nothing else was reloaded: the next save is the next report."""
        old, self._marks = f"return {self._marks}", self._marks + 1
        report = self.edit(_MARKER, old, f"return {self._marks}")
        assert report.modules == [_MARKER.removesuffix(".py")], report

    # ---- asking

    def expect(self, expression: str, value: str) -> None:
        """Evaluate an expression in the ``__main__`` of the program, and compare its `repr`."""
        found = self.value(expression)
        assert found == value, f"{expression} is {found}"

    def value(self, expression: str) -> str:
        """Evaluate an expression in the ``__main__`` of the program, and return its `repr`."""
        answer = self._ask(expression, "eval")
        assert "raised" not in answer, f"{expression} raised\n{answer['raised']}"
        return str(answer["value"])

    def raises(self, expression: str) -> str:
        """Evaluate an expression that raises, and return the traceback as Python prints it."""
        answer = self._ask(expression, "eval")
        assert "raised" in answer, f"{expression} is {answer['value']} and did not raise"
        return str(answer["raised"])

    def do(self, statements: str) -> None:
        """Execute statements in the ``__main__`` of the program."""
        answer = self._ask(textwrap.dedent(statements), "exec")
        assert "raised" not in answer, f"{statements} raised\n{answer['raised']}"

    def told(self) -> Any:
        """Wait for what the program tells by ``child.tell``."""
        return self._next(self._told, "the program told nothing")

    def output(self) -> str:
        """Return what it has printed so far."""
        self.value("None")  # It flushes before it answers.
        return self._stdout.read_text(encoding="utf-8")

    def console(self) -> str:
        """Return what is on its stderr so far."""
        return self._stderr.read_text(encoding="utf-8", errors="backslashreplace")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    # ---- ending

    def close(self) -> str:
        """Have it end by itself, check that it does so cleanly, and return all that it printed."""
        if self._process.returncode is None:
            self._socket.shutdown(socket.SHUT_WR)
            try:
                code = self._process.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                raise self._failure("it did not end") from None
            finally:
                self.kill()
            self._check_end(code)
        return self._stdout.read_text(encoding="utf-8")

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._socket.close()

    def _check_end(self, code: int) -> None:
        console = self.console()
        bad = ["Exception ignored", "inside Mighty Patcher", f"{os.sep}mighty_patcher{os.sep}"]
        if not self.shows_tracebacks:
            bad.append("Traceback (most recent call last)")
        found = [words for words in bad if words in console]
        if code or found:
            raise self._failure(f"it ended with {code}, and {found} on stderr")

    # ---- inside

    def _write(self, path: str, text: Text, how: saving.How) -> None:
        if isinstance(text, str):
            text = textwrap.dedent(text).removeprefix("\n")
            if self.root / path == self.root / self._main and "child.serve(" not in text:
                text = text.rstrip("\n") + _TAIL
            text = text.encode()
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        how(file, text)

    def _ask(self, source: str, mode: str) -> dict[str, Any]:
        self._socket.sendall(json.dumps([source, mode]).encode() + b"\n")
        answer: dict[str, Any] = self._next(self._answers, f"no answer to {source!r}")
        return answer

    def _read(self, ours: socket.socket) -> None:
        """Sort what the child tells; at its end, wake up everybody."""
        with ours.makefile(encoding="utf-8") as stream:
            for line in stream:
                message = json.loads(line)
                if "report" in message:
                    self._reports.put(message["report"])
                elif "told" in message:
                    self._told.put(message["told"])
                else:
                    self._answers.put(message)
        for messages in (self._reports, self._told, self._answers):
            messages.put(None)

    def _next(self, messages: queue.SimpleQueue[Any], failure: str) -> Any:
        try:
            message = messages.get(timeout=TIMEOUT)
        except queue.Empty:
            raise self._failure(f"{failure} within {TIMEOUT:.0f} s") from None
        if message is None:
            raise self._failure(f"{failure}, because it ended")
        return message

    def _failure(self, what: str) -> AssertionError:
        return AssertionError(
            f"{what}\n----- the end of its stderr -----\n{self.console()[-4000:]}"
        )

    def _environment(self, options: Mapping[str, Any], theirs: socket.socket) -> dict[str, str]:
        paths = [str(_SOURCE), str(_INSIDE), os.environ.get("PYTHONPATH", "")]
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYTHONHASHSEED": "0",
            "PYTHONIOENCODING": "utf-8",
            "LIVE_SOCKET": str(theirs.fileno()),
            "LIVE_OPTIONS": json.dumps({"path": ".", **options}),
            "LIVE_MARKER": str(self.root / _MARKER),
            "NO_COLOR": "1",
        }


class Live(Protocol):
    """Starts a program: its files by relative path, and options for `AutoReloader`."""

    def __call__(
        self, files: Mapping[str, Text], *, script: tuple[str, ...] = ..., **options: Any
    ) -> Program: ...
