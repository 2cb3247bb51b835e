"""Modules that are not loaded yet, and that others are about to import for the first time.

An import executes them where it stands: what they import in turn, it imports as well. So what they
need has to be there by then, as if the statement had asked for it itself.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

from mighty_patcher.engine import version
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.module_facts import is_loaded, name_of_module, namespace_of, package_of
from mighty_patcher.engine.toplevel import names_bound
from mighty_patcher.engine.version import Version, parsed
from mighty_patcher.errors import SourceError

__all__ = ["Unloaded", "attributes_asked"]

_NOTHING = ast.Module([], [])
_IMPORT_SYSTEM = ("_frozen_importlib_external", "importlib._bootstrap_external")


@dataclass(frozen=True)
class _New:
    """A module that is not loaded.

    Attributes:
        name: Its name.
        package: Its ``__package__``.
        folders: Where to look for what is in it, if it is a package.
        tree: Its syntax tree; an empty one if it has no file.
    """

    name: str
    package: str
    folders: tuple[str, ...]
    tree: ast.Module

    @cached_property
    def imports(self) -> list[Imported]:
        """What it imports."""
        return imports_of(self.tree, self.name, self.package)

    @cached_property
    def own(self) -> frozenset[str]:
        """The names that it binds to anything but modules in it."""
        return _names_of(self.tree, self.name, self.imports)


class Unloaded:
    """Finds them, from the files that an import would find. Nothing is executed for that.

    Args:
        is_own: Tells of a file whether it may be reloaded: nobody looks into others.
        knows: Tells the same of a loaded module.
        text_of: Finds the text that a loaded module is to run.
    """

    def __init__(
        self,
        is_own: Callable[[str], bool],
        knows: Callable[[ModuleType], bool],
        text_of: Callable[[ModuleType], Version | None],
    ) -> None:
        self._is_own = is_own
        self._knows = knows
        self._text_of = text_of
        self._found: dict[str, _New | None] = {}
        self._names: dict[str, Collection[str]] = {}
        self._steps: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
        self._asked: dict[tuple[str, ...], set[str]] = {}

    def forget(self) -> None:
        """Let go of all that was found, and of who was asked."""
        self._found.clear()
        self._names.clear()
        self._steps.clear()
        self._asked.clear()
        del self._is_own, self._knows, self._text_of

    def seen_through(self, imports: Iterable[Imported]) -> list[Imported]:
        """Return what some statements import, and what modules import of loaded ones that are
        loaded by that, as if the statements did so.

        Args:
            imports: What stands there.
        """
        found: dict[Imported, None] = {}
        known: dict[str, dict[str, None]] = {}
        through: dict[str, dict[tuple[str, str], None]] = {}
        for it in map(self._resolved, imports):
            found[it] = None
            for start in self._unloaded(it):
                if start not in through:
                    known[start] = self._loaded_by([start], known)
                    steps = map(self._step, known[start])
                    through[start] = dict.fromkeys(pair for step in steps for pair in step[1])
                for module, name in through[start]:
                    found[Imported(module, name, it.bound, it.line)] = None
        return list(found)

    def asked(self, imports: Iterable[Imported], name: str) -> set[str]:
        """Return the names for which modules ask another as its attributes, that are loaded by some
        statements.

        Args:
            imports: What these import.
            name: The name of the other one.
        """
        starts = dict.fromkeys(start for it in imports for start in self._unloaded(it))
        key = (*starts, name)
        if key not in self._asked:
            news = map(self._new, self._loaded_by(starts, {}))
            self._asked[key] = {
                attribute
                for new in news
                if new is not None
                for attribute in attributes_asked(new.imports, new.tree, name)
            }
        return self._asked[key]

    # ---- who comes with whom

    def _loaded_by(
        self, starts: Iterable[str], known: Mapping[str, Iterable[str]]
    ) -> dict[str, None]:
        """Return the modules that are loaded with some, these included.

        Args:
            starts: Their names.
            known: What is known of others.
        """
        found = dict.fromkeys(starts)
        waiting = list(found)
        while waiting:
            others = self._step(waiting.pop())[0]
            for other in others:
                if other in known and other not in found:
                    found.update(dict.fromkeys(known[other]))
            more = [it for it in others if it not in found and it not in sys.modules]
            found.update(dict.fromkeys(more))
            waiting += more
        return found

    def _step(self, name: str) -> tuple[list[str], list[tuple[str, str]]]:
        """Return the modules that one that is not loaded loads itself, and what it imports of
        loaded ones: their names, and those there.
        """
        if name not in self._steps:
            new = self._new(name)
            imports = [self._resolved(it) for it in (new.imports if new else ())]
            others = dict.fromkeys(other for it in imports for other in self._unloaded(it))
            loaded = dict.fromkeys((it.module, it.name) for it in imports if self._is_of_known(it))
            self._steps[name] = list(others), list(loaded)
        return self._steps[name]

    def _is_of_known(self, imported: Imported) -> bool:
        found = map(sys.modules.get, imported.modules())
        return any(is_loaded(it) and self._knows(it) for it in found)

    def _unloaded(self, imported: Imported) -> Iterator[str]:
        """Yield the modules that are not loaded, and that an import of a name loads."""
        name = imported.name
        for module in imported.modules():
            is_name = bool(name) and len(module) > len(imported.module)
            if is_name and (name == "*" or self._has(imported)):
                return
            if module not in sys.modules and self._new(module) is not None:
                yield module

    def _resolved(self, imported: Imported) -> Imported:
        """Return an import of a module that its package has not yet as that of the module: the
        package is not asked for it.
        """
        name = f"{imported.module}.{imported.name}"
        if imported.name in ("", "*") or name in sys.modules or self._has(imported):
            return imported
        return imported if self._new(name) is None else replace(imported, module=name, name="")

    def _has(self, imported: Imported) -> bool:
        """Tell whether a name is one that a module has, or will have, itself."""
        module, name = sys.modules.get(imported.module), imported.name
        if module is None:
            new = self._new(imported.module)
            return new is None or name in new.own
        if type(module) is not ModuleType or name in namespace_of(module):
            return True
        if imported.module not in self._names:
            self._names[imported.module] = self._names_of(module)
        return name in self._names[imported.module]

    def _names_of(self, module: ModuleType) -> Collection[str]:
        text = parsed(self._text_of(module))
        if text is None:
            return ()
        name = name_of_module(module)
        return _names_of(text.tree, name, imports_of(text.tree, name, package_of(module)))

    # ---- where they are

    def _new(self, name: str) -> _New | None:
        """Return a module that is not loaded; None if it is no source below the roots."""
        if name not in self._found:
            self._found[name] = self._look_for(name)
        return self._found[name]

    def _look_for(self, name: str) -> _New | None:
        package, _, last = name.rpartition(".")
        if not last:
            return None
        file, inner = _look_in(self._folders(package), last)
        if file is None:
            return _New(name, name, inner, _NOTHING) if inner else None
        try:
            tree = version.read(file).tree if self._is_own(file) else None
        except SourceError:
            return None  # the import will say so
        if tree is None:
            return None
        return _New(name, name if inner else package, inner, tree)

    def _folders(self, package: str) -> Iterable[object]:
        if not package:
            return sys.path
        module = sys.modules.get(package)
        if module is None:
            new = self._new(package)
            return () if new is None else new.folders
        return _path_of(module) if is_loaded(module) else ()


def attributes_asked(imports: Iterable[Imported], tree: ast.Module, name: str) -> set[str]:
    """Return the names for which a module asks another as its attributes, while it is executed.

    Args:
        imports: What it imports.
        tree: Its syntax tree.
        name: The name of the other module.
    """
    paths: set[str] = set()
    for it in imports:
        if name == (f"{it.module}.{it.name}" if it.name else it.module):
            is_path = not it.name and it.bound == name.partition(".")[0]
            paths.add(name if is_path else it.bound)
    if not paths:
        return set()
    found = (pair for it in tree.body for pair in facts(it).attributes)
    return {attribute for path, attribute in found if attribute and path in paths}


def _names_of(tree: ast.Module, name: str, imports: Iterable[Imported]) -> frozenset[str]:
    """Return the names that a module binds to anything but modules in it."""
    submodules = {it.bound for it in imports if it.module == name and it.name == it.bound}
    return frozenset(names_bound(tree) - submodules)


def _path_of(package: ModuleType) -> Iterable[object]:
    path: object = namespace_of(package).get("__path__")
    if is_one_of(type(path), (list, tuple)):
        return tuple(path)  # type: ignore[arg-type]
    known = getattr(path, "_path", None) if type(path).__module__ in _IMPORT_SYSTEM else ()
    return tuple(known or ())


def _look_in(folders: Iterable[object], name: str) -> tuple[str | None, tuple[str, ...]]:
    """Look for a module as the import system does.

    Args:
        folders: Where to look.
        name: The last part of its name.

    Returns:
        The file; None if it has none. And the folders to look in for what is in it, if it is a
        package.
    """
    portions: list[str] = []
    for folder in folders:
        if type(folder) is not str:
            continue
        try:
            inner = os.path.join(os.path.abspath(folder), name)
        except OSError:
            continue  # below the current directory, which is gone
        file = os.path.join(inner, "__init__.py")
        if os.path.isfile(file):
            return file, (inner,)
        if os.path.isfile(f"{inner}.py"):
            return f"{inner}.py", ()
        if os.path.isdir(inner):
            portions.append(inner)
    return None, tuple(portions)
