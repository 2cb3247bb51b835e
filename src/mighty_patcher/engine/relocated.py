"""Files that have another place now: ``cart.py`` has become the package ``cart/__init__.py``, or a
package has become a plain file again. It is the same module, and goes on with what it has.
"""

from __future__ import annotations

import _imp
import ast
import gc
import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from itertools import takewhile
from pathlib import Path
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.behind import Behind
from mighty_patcher.engine.inforce import InForce, code_filename
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.log import logger
from mighty_patcher.engine.module_facts import (
    name_of_module,
    namespace_of,
    package_of,
    spec_of,
)
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.reimports import Reimports
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.run import running_code
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.version import Version, parsed

__all__ = ["Relocation", "Relocations", "as_written_in"]

_INIT = f"{os.sep}__init__.py"
_OF_PLACE = ("__spec__", "__loader__", "__package__", "__file__", "__cached__", "__path__")
_SUSPENDED = {GeneratorType: "gi_code", CoroutineType: "cr_code", AsyncGeneratorType: "ag_code"}
_FROM = re.compile(rb"from\b.*?\bimport\b", re.DOTALL)
_replaced: dict[int, str] = {}
"""What code had for its ``co_filename``, by its address: other threads may be reading it."""


class Relocations:
    """Finds them, and has the modules know their new places.

    Args:
        modules: The loaded modules.
        in_force: What runs now.
        reimports: What the program has executed again by itself.
    """

    def __init__(self, modules: Modules, in_force: InForce, reimports: Reimports) -> None:
        self._modules = modules
        self._in_force = in_force
        self._reimports = reimports

    def taken_by(self, path: str) -> str | None:
        """Return the file whose place another one takes; None if it takes none.

        Where both are there, an import takes the package (`importlib.machinery.FileFinder`); but
        an empty one is left alone as long as the other one is there: somebody is at work.

        Args:
            path: The file that may take it.
        """
        other = other_place(path)
        if other is None or not os.path.isfile(path) or self._modules.of(path):
            return None
        if os.path.isfile(other) and (not path.endswith(_INIT) or _is_blank(path)):
            return None
        modules = self._modules.of(other)
        return other if modules and all(map(self._can_move, modules)) else None

    def takes(self, path: str) -> str | None:
        """Return the file that takes the place of another one, which may be gone; None if none
        does.
        """
        other = other_place(path)
        return other if other is not None and self.taken_by(other) is not None else None

    def made(self, paths: Iterable[str]) -> list[Relocation]:
        """Find which of some files have taken, or lost, their places, and have their modules know.

        Args:
            paths: The files, all of which may have changed.
        """
        found: dict[str, str] = {}
        for path in paths:
            new = path if self.taken_by(path) is not None else self.takes(path)
            if new is not None:
                found[new] = str(other_place(new))
        if found:
            importlib.invalidate_caches()
        return [it for new, old in found.items() if (it := self._relocated(old, new)) is not None]

    def _relocated(self, old: str, new: str) -> Relocation | None:
        """Have the modules of a file be those of another one; None if an import would not find
        them there.
        """
        places: list[tuple[ModuleType, ModuleSpec]] = []
        for module in self._modules.of(old):
            spec = _spec_now(module)
            if spec is None or os.path.realpath(spec.origin or "") != new:
                name = name_of_module(module)
                logger().debug("%s: an import of %s does not lead to it", new, name)
                return None
            places.append((module, spec))
        before = [(it, namespace_of(it).copy()) for it, _ in places]
        texts, text = (self._in_force.text(old), self._in_force.text(new)), self._in_force.text(old)
        filenames, journal = list[tuple[str, str]](), Journal()
        for module, spec in places:
            filenames.append((code_filename(module, old), str(spec.origin)))
            package = package_of(module)
            _place(module, spec, journal)
            if text is not None:
                text = as_written_in(text, new, package, package_of(module))
        _rename(filenames)
        self._enter(old, new, text, None)

        def undo() -> None:
            journal.undo()
            _rename([(new_name, old_name) for old_name, new_name in filenames])
            self._enter(new, old, *texts)

        of_place = [
            (it, {name: names[name] for name in _OF_PLACE if name in names}) for it, names in before
        ]
        return Relocation(old, new, of_place, undo)

    def _enter(self, old: str, new: str, text: Version | None, left: Version | None) -> None:
        """Note that what was in one place is in another.

        Args:
            old: The one.
            new: The other.
            text: What its modules run, if that is known.
            left: What an import of the first would read; None for what is there.
        """
        self._modules.look_again()
        self._in_force.relocate(old, new, text, left)
        self._reimports.relocate(old, new)

    def _can_move(self, module: ModuleType) -> bool:
        spec = spec_of(module)
        return (
            spec is not None
            and type(module) is not Behind
            and name_of_module(module) != "__main__"
            and not self._modules.is_excluded(module)
            and not self._modules.is_importing(module)
        )


@dataclass
class Relocation:
    """One of them, which is done when it is made.

    Attributes:
        old: Where the file was.
        new: Where it is.
        before: For each module, what it had for the names that tell of its place.
        undo: Takes it back.
    """

    old: str
    new: str
    before: list[tuple[ModuleType, dict[str, Any]]]
    undo: Callable[[], None]

    def steps(self, display: Callable[[str], str]) -> list[Step]:
        """Return the words for it.

        Args:
            display: Writes a path as the console shows it.
        """
        reason = f"{display(self.old)} is {display(self.new)} now"
        names = [name_of_module(module) for module, _ in self.before]
        return [Step("rebound", it, "__file__", 0, reason) for it in names]


def _place(module: ModuleType, spec: ModuleSpec, journal: Journal) -> None:
    """Set what `importlib._bootstrap._init_module_attrs` sets."""
    namespace = namespace_of(module)
    names: dict[str, Any] = {
        "__spec__": spec,
        "__loader__": spec.loader,
        "__package__": spec.parent,
        "__file__": spec.origin,
    }
    if "__cached__" in namespace:  # until 3.14
        names["__cached__"] = spec.cached
    if spec.submodule_search_locations is not None:
        names["__path__"] = spec.submodule_search_locations
    elif "__path__" in namespace:
        journal.unbind(namespace, "__path__")
    for name, value in names.items():
        journal.bind(namespace, name, value)


def other_place(path: str) -> str | None:
    """Return where else an import of a file's module would look: ``m/__init__.py`` for ``m.py``."""
    if path.endswith(_INIT):
        return f"{path.removesuffix(_INIT)}.py"
    return f"{path.removesuffix('.py')}{_INIT}" if path.endswith(".py") else None


def as_written_in(text: Version, path: str, was: str, now: str) -> Version | None:
    """Return a text as it would read in another package: where it imports relatively to that, it
    has other dots.

    Args:
        text: The text.
        path: The file that is to have it.
        was: The package that it was in.
        now: The package that it is in.

    Returns:
        The text, which means what it meant; None if that cannot be told.
    """
    if parsed(text) is None:
        return None
    data = text.text.encode()
    imports = [it for it in executed(text.tree.body) if isinstance(it, ast.ImportFrom) and it.level]
    if was == now or not imports:
        return Version.of(path, text.data)
    starts = [0]
    starts += (it.end() for it in re.finditer(rb"\n", data))
    for it in sorted(imports, key=lambda it: (it.lineno, it.col_offset), reverse=True):
        head = _FROM.match(data, starts[it.lineno - 1] + it.col_offset)
        if head is None:
            return None
        rest = b"\\\n" * head.group().count(b"\n")
        source = _relative(_absolute(it, was), now).encode()
        data = data[: head.start()] + b"from %b %bimport" % (source, rest) + data[head.end() :]
    new = Version.of(path, data)  # where the text says that it is encoded otherwise, it is another
    return new if parsed(new) is not None and new.text == data.decode() else None


def _absolute(statement: ast.ImportFrom, package: str) -> list[str]:
    parts = package.split(".")
    base = parts[: len(parts) - statement.level + 1]
    return [*base, *(statement.module.split(".") if statement.module else ())]


def _relative(source: list[str], package: str) -> str:
    """Return how a module is called from a package, in as few steps as there can be."""
    here = package.split(".")
    common = sum(1 for _ in takewhile(lambda it: it[0] == it[1], zip(here, source, strict=False)))
    if not common:
        return ".".join(source)
    return "." * (len(here) - common + 1) + ".".join(source[common:])


def _spec_now(module: ModuleType) -> ModuleSpec | None:
    """Return what an import of a module would find now, as `importlib._bootstrap._find_spec`
    does; this runs the program's finders, as any import.
    """
    spec = spec_of(module)
    name = name_of_module(module) if spec is None else spec.name
    parent = name.rpartition(".")[0]
    package = sys.modules.get(parent)
    if parent and not isinstance(package, ModuleType):
        return None
    path = namespace_of(package).get("__path__") if isinstance(package, ModuleType) else None
    for finder in list(sys.meta_path):
        try:
            found = finder.find_spec(name, path, None)
        except Exception:
            logger().debug("%r was asked for %s", finder, name, exc_info=True)
            return None
        if found is not None:
            return found if issubclass(type(found), ModuleSpec) else None
    return None


def _rename(filenames: Iterable[tuple[str, str]]) -> None:
    """Have all code of some files say that it is of others: what is being executed, too.

    As importlib does with bytecode that was moved (`_bootstrap_external._compile_bytecode`): the
    name is no part of what code is compared by, and no instruction reads it.
    """
    for old, new in filenames:
        codes = [it.__code__ for it in _core.find_functions([], [old])]
        codes += running_code(old)
        codes += (it for it in _suspended() if it.co_filename == old)
        for code in codes:
            _replaced[id(code.co_filename)] = code.co_filename
            _imp._fix_co_filename(code, new)  # type: ignore[attr-defined, unused-ignore]


def _suspended() -> Iterator[CodeType]:
    for it in gc.get_objects():
        name = _SUSPENDED.get(type(it))
        if name is not None:
            yield getattr(it, name)


def _is_blank(path: str) -> bool:
    try:
        return not Path(path).read_bytes().strip()
    except OSError:
        return True
