"""What ran of the program's own code, and on whose behalf: a test, a fixture, or an import.

Where `sys.monitoring` tells nothing (entries.py) nothing is recorded, and whoever asks has to go by
what modules import.

A function is known by its file and its ``co_qualname``, and by a number for both, so that what a
test ran is one integer whose bits are these numbers. Code objects are not kept: who holds one keeps
the reloader from seeing that it is gone.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from opcode import opmap
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

from mighty_patcher.pytest_plugin.entries import ENOUGH, Entries, entries

__all__ = ["ELSEWHERE", "Cache", "Record", "Recorder", "code_of_cache"]

Cache: Any = functools._lru_cache_wrapper
"""What `functools.lru_cache` makes."""

ELSEWHERE = 1
"""The bit of a test that had other processes, or other interpreters, run something."""

_PROCESSES = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
        "os.startfile",
        "os.system",
        "subprocess.Popen",
    }
)
"""Audit events of those who start a process."""

_STARTERS = ("multiprocessing/process.py", "concurrent/interpreters/__init__.py")
"""What starts processes, or interpreters, without an audit event on every version."""

_IMPORTERS = ("<frozen importlib", str(Path(importlib.__file__).parent))
_REWRITER = str(Path("_pytest", "assertion", "rewrite.py"))

_STORE_GLOBAL = opmap["STORE_GLOBAL"]


@dataclass
class Record:
    """What ran on behalf of one thing, as bits."""

    bits: int = 0


@dataclass
class _File:
    """One file of the program's own, and what was seen of it.

    Attributes:
        path: Its real path.
        numbers: Of the functions that ran, by qualified name.
        bits: All of them.
    """

    path: str
    numbers: dict[str, int] = field(default_factory=dict)
    bits: int = 0


class Recorder:
    """Notes what runs, while it is started.

    What ran is added to the record that is open. Whatever a module's import ran, or a function that
    keeps something for later calls (``global``, `functools.lru_cache`), is noted for these, too:
    who uses the result need not have run what made it.

    Args:
        is_own: Tells of the real path of a file whether it belongs to the program.

    Attributes:
        base: The record for what runs on behalf of nothing else: hooks, while pytest collects. What
            imports run is not in it.
        outside: Files that something else than the program has imported.
        imports: The files that each file was seen to import, however it did.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self.outside: set[str] = set()
        self.imports: dict[str, set[str]] = {}
        self._is_own = is_own
        self._by_name: dict[str, _File | None] = {}  # by co_filename; None for what is not ours
        self._files: dict[str, _File] = {}  # by real path
        self._starters: set[str] = set()
        self._names: list[tuple[str, str]] = [("", "")]  # of each number
        self.base = Record()
        self._open: list[tuple[Record, set[int]]] = [(self.base, set())]
        self._now = self._open[0][1]
        self._is_base = True
        self._keepers: set[int] = set()
        self._modules: set[int] = set()  # those of them that are modules
        self._kept: dict[int, set[int]] = {}
        self._inside: dict[int, list[int]] = {}  # keepers that run now, by thread
        self._entries: Entries | None = None

    # ---- beginning and ending

    @property
    def sees_functions(self) -> bool:
        """Whether functions are recorded at all."""
        return self._entries is not None

    def start(self) -> None:
        """Begin to record."""
        _listen(self)
        self._entries = entries(self._entered, self._left)

    def stop(self) -> None:
        """Record no more."""
        _listen(None)
        begun, self._entries = self._entries, None
        if begun is not None:
            begun.end()

    def begin(self, record: Record) -> None:
        """Record for something, until `end`; what is recorded for now waits."""
        self._open.append((record, set()))
        self._turn()
        self._again()
        for frame in sys._current_frames().values():
            self._suspended(frame)

    def end(self, *, again: bool = False) -> None:
        """Go on with what was recorded for before.

        Args:
            again: See what has run meanwhile for that, too, if it runs once more.
        """
        record, numbers = self._open.pop()
        record.bits |= _bits(numbers)
        self._turn()
        if again:
            self._again()

    def _turn(self) -> None:
        record, self._now = self._open[-1]
        self._is_base = record is self.base
        self._inside.clear()

    def settle(self) -> None:
        """Bring the bits of what is recorded for now up to date."""
        for record, numbers in self._open:
            record.bits |= _bits(numbers)

    def _again(self) -> None:
        if self._entries is not None:
            self._entries.again()

    # ---- asking

    def bits_of(self, path: str, qualname: str) -> int:
        """Return the bits of a function and of all that is nested in it.

        Args:
            path: The real path of its file.
            qualname: Its ``co_qualname``.
        """
        file, bits = self._files.get(path), 0
        for name, number in list(file.numbers.items()) if file else ():
            if f"{name}.".startswith(f"{qualname}."):
                bits |= 1 << number
        return bits

    def bits_of_file(self, path: str) -> int:
        """Return the bits of everything in a file that has run."""
        file = self._files.get(path)
        return file.bits if file else 0

    def was_imported(self, path: str) -> bool:
        """Tell whether the import of a file was seen."""
        file = self._files.get(path)
        return file is not None and "<module>" in file.numbers

    def keepers(self, bits: int) -> Iterator[tuple[str, str]]:
        """Yield the file and qualified name of what keeps results of these functions.

        Args:
            bits: The functions. Those that keep results themselves are among what is returned.
        """
        for number in list(self._keepers):
            inner = _bits(list(self._kept.get(number, ()))) | 1 << number
            if inner & bits:
                yield self._names[number]

    def imports_that_ran(self, bits: int) -> Iterator[str]:
        """Yield the files whose import ran one of these functions, not counting their own.

        Args:
            bits: The functions.
        """
        for number, kept in list(self._kept.items()):
            path, _ = self._names[number]
            if number in self._modules and _bits(list(kept)) & bits & ~self.bits_of_file(path):
                yield path

    def is_of_import(self, path: str, qualname: str) -> bool:
        """Tell whether the import of a module ran a function."""
        file = self._files.get(path)
        number = file.numbers.get(qualname) if file else None
        return number is not None and any(
            number in kept and keeper in self._modules for keeper, kept in self._kept.items()
        )

    def keep(self, functions: Iterable[CodeType]) -> None:
        """Take functions for such as keep what they return.

        Args:
            functions: Their code.
        """
        for code in functions:
            file = self._look(code.co_filename)
            if file is not None:
                self._keepers.add(self._number(file, code.co_qualname))

    # ---- called while the program runs

    def note_process(self) -> None:
        """A process was started: what runs there is not seen."""
        self._now.add(0)

    def _entered(self, code: CodeType, _: int) -> object:
        try:
            file = self._by_name[code.co_filename]
        except KeyError:
            file = self._look(code.co_filename)
        if file is None:
            if code.co_filename in self._starters:
                self._now.add(0)
            return ENOUGH
        number = file.numbers.get(code.co_qualname)
        if number is None:
            number = self._met(file, code)
        inside = self._inside.get(threading.get_ident(), ()) if self._inside else ()
        is_module = code.co_name == "<module>"
        for keeper in () if is_module else reversed(inside):
            self._kept[keeper].add(number)
            if keeper in self._modules:  # who has imported that, needs it
                break
        if not (self._is_base and (inside or is_module)):
            self._now.add(number)
        if number in self._keepers:
            self._enter(number, code)
            return None
        return ENOUGH

    def _left(self, code: CodeType, *_: object) -> None:
        file = self._by_name.get(code.co_filename)
        number = -1 if file is None else file.numbers.get(code.co_qualname, -1)
        thread = threading.get_ident()
        inside = self._inside.get(thread, [])
        if number in inside:
            del inside[inside.index(number) :]
            if code.co_name == "<module>":
                self.keep(codes_of_caches(sys._getframe(1).f_globals.values()))
            if not inside:
                self._inside.pop(thread, None)
            self._again()

    def _enter(self, number: int, code: CodeType) -> None:
        """A function has begun of which something stays: see all that it calls."""
        if self._entries is not None:
            self._entries.tell_return(code)
        self._kept.setdefault(number, set())
        self._inside.setdefault(threading.get_ident(), []).append(number)
        self._again()

    def _met(self, file: _File, code: CodeType) -> int:
        """A function runs for the first time."""
        number = self._number(file, code.co_qualname)
        if code.co_name == "<module>":
            frame = sys._getframe(2)
            if frame.f_globals.get("__name__") != "__main__":  # which goes on all the time
                self._keepers.add(number)
                self._modules.add(number)
                self._note_importer(file.path, frame.f_back)
        elif _STORE_GLOBAL in code.co_code[::2]:
            self._keepers.add(number)
        return number

    def _note_importer(self, path: str, frame: FrameType | None) -> None:
        while frame is not None:
            name = frame.f_code.co_filename
            if not (name.startswith(_IMPORTERS) or name.endswith(_REWRITER)):
                break
            frame = frame.f_back
        importer = self._look(frame.f_code.co_filename) if frame is not None else None
        if importer is None:
            self.outside.add(path)
        else:
            self.imports.setdefault(importer.path, set()).add(path)

    def _suspended(self, frame: FrameType | None) -> None:
        """Functions that run already go on in what begins."""
        while frame is not None:
            code = frame.f_code
            file = self._look(code.co_filename)
            if file is not None and code.co_name != "<module>":
                self._now.add(self._number(file, code.co_qualname))
            frame = frame.f_back

    # ---- numbers

    def _number(self, file: _File, qualname: str) -> int:
        number = file.numbers.get(qualname)
        if number is None:
            with _numbering:
                number = file.numbers.get(qualname)
                if number is None:
                    number = len(self._names)
                    self._names.append((file.path, qualname))
                    file.bits |= 1 << number
                    file.numbers[qualname] = number
        return number

    def _look(self, name: str) -> _File | None:
        """Find out what a ``co_filename`` is."""
        if name in self._by_name:
            return self._by_name[name]
        file = None
        if not name.startswith("<"):
            path = os.path.realpath(name)
            if self._is_own(path):
                file = self._files.setdefault(path, _File(path))
            elif Path(path).as_posix().endswith(_STARTERS):
                self._starters.add(name)
        self._by_name[name] = file
        return file


def codes_of_caches(objects: Iterable[object]) -> Iterator[CodeType]:
    """Yield the code of functions below `functools.lru_cache`, in classes, too.

    Args:
        objects: What there is.
    """
    for it in list(objects):
        if type(it) is Cache:
            code = code_of_cache(it)
            if code is not None:
                yield code
        elif type(it) is type:
            yield from codes_of_caches(value for value in vars(it).values() if type(value) is Cache)


def code_of_cache(cache: Any) -> CodeType | None:
    """Return the code of the function whose results are kept, if it is one."""
    function = cache.__wrapped__
    while not isinstance(function, FunctionType):
        function = getattr(function, "__wrapped__", None)
        if function is None:
            return None
    return function.__code__


_numbering = threading.Lock()
_listener: list[Recorder] = []
"""Who wants to know of processes that are started; an audit hook cannot be taken back (PEP 578)."""


def _listen(recorder: Recorder | None) -> None:
    if recorder is not None and not _hooked:
        _hooked.append(True)
        sys.addaudithook(_audit)
    _listener[:] = [] if recorder is None else [recorder]


_hooked: list[bool] = []


def _audit(event: str, _: object) -> None:
    if event in _PROCESSES:
        for recorder in _listener:
            recorder.note_process()


def _bits(numbers: Iterable[int]) -> int:
    found = sorted(numbers)
    if not found:
        return 0
    data = bytearray(found[-1] // 8 + 1)
    for number in found:
        data[number // 8] |= 1 << number % 8
    return int.from_bytes(data, "little")
