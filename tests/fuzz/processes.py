"""Two processes: one imports a program and reloads it, save by save; the other has never heard of
reloading, and imports the texts of each save as if for the first time.

Both are forked from one that has a single thread, and serve one program after the other: to fork
for each would cost more than all that is to be tested. What one program leaves behind is removed.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import marshal
import os
import shutil
import signal
import sys
import tempfile
import traceback
import types
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, ClassVar

import helper
from compare import Words, clear_caches, describe, held_words, raw
from programs import Texts

__all__ = ["SABOTAGE", "Processes", "Seen", "module_of"]

_SECONDS = 120  # a process that does not answer is ended by a signal


def module_of(path: str) -> str:
    """Return the name of the module of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@dataclass
class Seen:
    """What was seen of a process.

    Attributes:
        words: What it holds.
        notes: What was executed: module, key and value.
        error: What it raised instead, or what the reload said.
        held: Of a process that reloads: what became of what was held from the start.
        lost: States that are not the same any more.
        stale: What the report said is stale.
        kept: What it said was kept though it would be another now: module and name.
        rebound: What it said was bound to another value.
        report: The console lines.
    """

    words: Words = field(default_factory=dict)
    notes: list[tuple[str, str, str]] = field(default_factory=list)
    error: str = ""
    held: Words = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    kept: list[tuple[str, str]] = field(default_factory=list)
    rebound: list[tuple[str, str]] = field(default_factory=list)
    report: str = ""


class Processes:
    """Runs programs in a folder.

    Args:
        folder: Where to make one.
    """

    def __init__(self, folder: Path) -> None:
        self._root = Path(tempfile.mkdtemp(dir=folder))
        self._fresh = _Worker(_Fresh(self._root).serve)
        self._live = _Worker(_Live(self._root).serve)
        self._known: dict[tuple[tuple[str, str], ...], Seen] = {}

    def close(self) -> None:
        self._fresh.close()
        self._live.close()
        shutil.rmtree(self._root)

    def fresh(self, texts: Texts) -> Seen:
        """Import a program afresh and describe what there is."""
        key = tuple(texts.items())
        if key not in self._known:
            if len(self._known) > 50:
                self._known.clear()
            (fields,) = self._fresh.ask(texts)
            self._known[key] = Seen(**fields)
        return self._known[key]

    def reloaded(self, texts: Texts, saves: Sequence[Texts], sabotage: str = "") -> list[Seen]:
        """Import a program, and have it reload what is saved.

        Args:
            texts: The program.
            saves: What is saved: of each save the files that are written.
            sabotage: Something to do to the process after each save, to see if that is noticed.

        Returns:
            What was seen at the start, and after each save.
        """
        return [Seen(**it) for it in self._live.ask((texts, list(saves), sabotage))]

    def restart(self) -> None:
        """Go on with processes that have run nothing yet, and know nothing."""
        self._known.clear()
        self._fresh.close()
        self._live.close()


class _Worker:
    """A process that answers."""

    _open: ClassVar[set[Any]] = set()  # what the next one must not inherit, or no end would be seen

    def __init__(self, serve: Any) -> None:
        self._serve = serve
        self._pid = 0
        self._asking: Any = None
        self._answering: Any = None

    def ask(self, question: Any) -> Any:
        if not self._pid:
            self._start()
        marshal.dump(question, self._asking)
        self._asking.flush()
        try:
            return marshal.load(self._answering)
        except (EOFError, ValueError, TypeError):
            code = self.close()
            return [{"error": f"the process ended with exit code {code}"}]

    def close(self) -> int:
        if not self._pid:
            return 0
        for file in (self._asking, self._answering):
            file.close()
            self._open.discard(file)
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def _start(self) -> None:
        mine, theirs = os.pipe(), os.pipe()
        self._pid = os.fork()
        if not self._pid:
            os.close(mine[1])
            os.close(theirs[0])
            for file in self._open:
                os.close(file.fileno())
            code = 1
            try:
                with os.fdopen(mine[0], "rb") as asked, os.fdopen(theirs[1], "wb") as answers:
                    self._answer(asked, answers)
                code = 0
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(code)
        os.close(mine[0])
        os.close(theirs[1])
        self._asking, self._answering = os.fdopen(mine[1], "wb"), os.fdopen(theirs[0], "rb")
        self._open.update((self._asking, self._answering))

    def _answer(self, questions: Any, answers: Any) -> None:
        gc.collect()
        gc.freeze()
        sys.dont_write_bytecode = True
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signal_number, signal.SIG_DFL)
        while True:
            try:
                question = marshal.load(questions)
            except EOFError:
                return
            signal.alarm(_SECONDS)
            answer = self._serve(question)
            signal.alarm(0)
            marshal.dump(answer, answers)
            answers.flush()


class _Fresh:
    """Imports programs; what is compiled once need not be again."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._codes: dict[tuple[str, str], types.CodeType] = {}
        self._paths: dict[str, str] = {}
        self._texts: Texts = {}

    def serve(self, texts: Texts) -> list[dict[str, Any]]:
        gc.disable()
        self._texts = texts
        self._paths = {module_of(path): path for path in texts}
        if len(self._codes) > 200:
            self._codes.clear()
        sys.meta_path.insert(0, self)  # type: ignore[arg-type]
        try:
            names = _import(texts)
        except Exception as error:
            return [{"error": f"{type(error).__name__}: {error}"}]
        else:
            notes = list(helper.NOTES)
            return [{"words": describe(names), "notes": notes}]
        finally:
            sys.meta_path.remove(self)  # type: ignore[arg-type]
            _unload(texts)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self._paths:
            return None
        is_package = self._paths[name].endswith("__init__.py")
        return importlib.util.spec_from_loader(name, self, is_package=is_package)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        path = self._paths[module.__name__]
        key = path, self._texts[path]
        if key not in self._codes:
            filename = str(self._root / path)
            self._codes[key] = compile(key[1], filename, "exec", dont_inherit=True)
        exec(self._codes[key], vars(module))


class _Live:
    """Imports programs and reloads them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def serve(self, question: tuple[Texts, list[Texts], str]) -> list[dict[str, Any]]:
        texts, saves, sabotage = question
        gc.enable()
        for path, text in texts.items():
            self._write(path, text)
        sys.path.insert(0, str(self._root))
        try:
            return self._run(texts, saves, sabotage)
        finally:
            sys.path.remove(str(self._root))
            _unload(texts)
            for path in texts:
                (self._root / path).unlink()
            gc.collect()
            gc.freeze()  # what is left are the caches of libraries

    def _write(self, path: str, text: str) -> None:
        file = self._root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def _run(self, texts: Texts, saves: list[Texts], sabotage: str) -> list[dict[str, Any]]:
        from mighty_patcher.engine.engine import Engine

        engine = Engine([self._root])
        try:
            names = _import(texts)
        except Exception as error:
            return [{"error": f"{type(error).__name__}: {error}"}]
        notes = list(helper.NOTES)
        held, states = _held(names), _states(names)
        seen: list[dict[str, Any]] = [{"words": describe(names), "notes": notes}]
        for save in saves:
            for path, text in save.items():
                self._write(path, text)
            helper.NOTES.clear()
            report = engine.reload([self._root / path for path in save])
            notes = list(helper.NOTES)
            if sabotage:
                SABOTAGE[sabotage](names)
            cause = report.error and report.error.__cause__
            found = {
                "words": describe(names),
                "notes": notes,
                "error": f"{report.error} {cause!r}" if report.error else "",
                "held": held_words(names, held),
                "lost": [at for at, state in states.items() if not _is_there(at, state)],
                "stale": [f"{it.what}: {it.reason}" for it in report.stale],
                "kept": [(it.module, it.qualname) for it in report.kept],
                "rebound": [
                    (it.module, it.qualname) for it in report.steps if it.kind == "rebound"
                ],
                "report": "\n".join([str(report), *map(_in_words, report.steps)]),
            }
            seen.append(found)
        return seen


def _in_words(step: Any) -> str:
    return f"  {step.kind} {step.module} {step.qualname} (line {step.line}): {step.reason}"


def _import(texts: Texts) -> list[str]:
    importlib.invalidate_caches()
    helper.NOTES.clear()
    helper.REGISTERED.clear()
    names = [module_of(path) for path in texts]
    for name in names:
        importlib.import_module(name)
    return names


def _unload(texts: Texts) -> None:
    for path in texts:
        sys.modules.pop(module_of(path), None)
    sys.modules.pop("pkg", None)
    helper.NOTES.clear()
    helper.REGISTERED.clear()


def _held(names: list[str]) -> dict[tuple[str, str, str], list[Any]]:
    """Take references to what the modules define; each in a list, as programs hold them."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    clear_caches(names)
    for module in names:
        for name, value in vars(sys.modules[module]).items():
            inner = raw(value)
            if getattr(inner, "__module__", None) != module:
                continue
            if isinstance(inner, types.FunctionType) and inner.__qualname__ == name:
                found[module, name, "function"] = [inner]
                if inner is not value:
                    found[module, name, "wrapper"] = [value]
            elif isinstance(inner, type) and inner.__qualname__ == name:
                found[module, name, "class"] = [inner]
                try:
                    instance = inner()
                except Exception:
                    continue
                found[module, name, "instance"] = [instance]
                for method in ("one", "two", "three"):
                    if isinstance(vars(inner).get(method), types.FunctionType):
                        found[module, name, f"method {method}"] = [getattr(instance, method)]
    return found


def _states(names: list[str]) -> dict[str, helper.State]:
    return {
        f"{module} {name}": value
        for module in names
        for name, value in vars(sys.modules[module]).items()
        if name.startswith("state_")
        and isinstance(value, helper.State)
        and value.module == module  # others import it, or do no more
    }


def _is_there(at: str, state: helper.State) -> bool:
    module, name = at.split()
    return vars(sys.modules[module]).get(name) is state


# --- what must be noticed ---------------------------------------------------------------------


def _stale_binding(names: list[str]) -> None:
    """Put an old number into a module that had imported it, or set it."""
    for name in reversed(names):
        for bound, value in vars(sys.modules[name]).items():
            if bound[0] == "C" and type(value) is int:
                setattr(sys.modules[name], bound, value - 1)
                return


def _old_code(names: list[str]) -> None:
    for name in names:
        for value in vars(sys.modules[name]).values():
            is_plain = isinstance(value, types.FunctionType) and not value.__closure__
            if is_plain and value.__qualname__[0] == "f":
                value.__code__ = (lambda x, y=0, *, z=0: "old").__code__
                return


def _runs_again(names: list[str]) -> None:
    exec("note('k_state', 1)", vars(sys.modules[names[0]]))
    for name in names:
        for bound, value in vars(sys.modules[name]).items():
            if isinstance(value, helper.State):
                setattr(sys.modules[name], bound, helper.State(bound))
                return


SABOTAGE = {
    "stale binding": _stale_binding,
    "old code": _old_code,
    "lost state": _runs_again,
}
