"""What names stood for that reloads have removed, and who still has it: a definition that was cut
may be pasted in another save.
"""

from __future__ import annotations

import ast
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from mighty_patcher.engine.bindings import readers
from mighty_patcher.engine.module_facts import is_module, name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import name_of_statement, names_bound
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS

__all__ = ["Importers", "Removals", "RemovedNames"]

Importers = Callable[[str, str], Iterable[tuple[ModuleType, str, str]]]
"""Finds the modules that import a name from one, by both names, what they call it, and what a class
calls it that does so.
"""
Reading = Callable[[ModuleType, str, str], Iterable[ast.stmt]]
"""Finds the statements of a module that read an attribute of what it has a name for."""


@dataclass(frozen=True)
class _Former:
    """What a name stood for.

    Attributes:
        module: The module that had it, weakly.
        tree: The syntax tree that bound it, where it is known.
        value: Returns it; None if nobody has it any more.
        is_weak: It is not kept alive.
    """

    module: weakref.ref[ModuleType]
    tree: ast.Module | None
    value: Callable[[], Any]
    is_weak: bool


def _same(value: Any) -> Any:
    return value


def _is_definition(name: str, tree: ast.Module) -> bool:
    binders = [it for it in tree.body if name in names_bound(ast.Module([it], []))]
    return len(binders) == 1 and isinstance(binders[0], DEFINITION_OR_CLASS)


class RemovedNames:
    """Remembers what names stood for that reloads have removed, as long as others have it.

    Only what cannot be referred to weakly is kept alive, and only while a module has imported it.

    Args:
        importers: Finds who imports a name.
        reading: Finds who reads it as an attribute of the module.
    """

    def __init__(self, importers: Importers, reading: Reading = lambda *_: ()) -> None:
        self._importers = importers
        self._reading = reading
        self._known: dict[tuple[str, str], _Former] = {}
        self._copied: dict[tuple[str, str], str] = {}

    def note(self, module: ModuleType, names: Mapping[str, Any], tree: ast.Module | None) -> None:
        """Remember names that are about to be removed.

        Args:
            module: The module.
            names: The names, and what they stand for.
            tree: The syntax tree that has bound them, where it is known.
        """
        for key in [key for key, former in self._known.items() if not self._is_of_use(key, former)]:
            del self._known[key]
        for name, value in names.items():
            key = name_of_module(module), name
            try:
                former = _Former(weakref.ref(module), tree, weakref.ref(value), is_weak=True)
            except TypeError:  # a number, a list
                former = _Former(weakref.ref(module), tree, partial(_same, value), is_weak=False)
            if former.is_weak or any(self.holders(*key, value)):
                self._known[key] = former

    def defined_in(self, module: ModuleType) -> dict[str, Any]:
        """Return those of the names that a definition alone had bound: only what that had made may
        get the content of another one. ``f = g`` stood for what has a name of its own.
        """
        trees = self.trees_of(module)
        found = {name: it for name, it in self.of(module).items() if name in trees}
        return {name: it for name, it in found.items() if _is_definition(name, trees[name])}

    def of(self, module: ModuleType) -> dict[str, Any]:
        """Return the names that were removed from a module, and what they stood for."""
        source, found = name_of_module(module), dict[str, Any]()
        for (owner, name), former in self._known.items():
            if owner == source and former.module() is module:
                value = former.value()
                if self._is_held(owner, name, value, former):
                    found[name] = value
        return found

    def trees_of(self, module: ModuleType) -> dict[str, ast.Module]:
        """Return the names that were removed from a module, and the syntax trees that bound them,
        where these are known.
        """
        trees = {name: self._known[name_of_module(module), name].tree for name in self.of(module)}
        return {name: tree for name, tree in trees.items() if tree is not None}

    def note_copied(self, source: str, name: str, target: str) -> None:
        """Remember that who had a name from one module has it from another, while both define it:
        what is pasted first, and cut last.
        """
        self._copied[source, name] = target

    def copied_to(self, source: str, name: str) -> ModuleType | None:
        """Return the module that this has been told of, if it has the name."""
        target = sys.modules.get(self._copied.get((source, name), ""))
        return target if is_module(target) and name in namespace_of(target) else None

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [it.value.args for it in self._known.values() if isinstance(it.value, partial)]

    def holders(self, source: str, name: str, value: Any) -> Iterator[tuple[ModuleType, str]]:
        """Yield the modules that have imported what a name stood for and still have it, with their
        names for it.
        """
        for importer, bound, member in self._importers(source, name):
            if not member and namespace_of(importer).get(bound, ABSENT) is value:
                yield importer, bound

    def readers(self, module: ModuleType, names: set[str]) -> Iterator[tuple[str, str]]:
        """Yield what has been made of names of a module by statements that read them as attributes
        of it, and each such attribute as it stands there.
        """
        for reader, path, name in readers([(module, names)]):
            for statement in self._reading(reader, path, name):
                made = name_of_statement(statement)
                yield f"{name_of_module(reader)}.{made}", f"{path}.{name}"

    def _is_of_use(self, key: tuple[str, str], former: _Former) -> bool:
        module, (source, name) = former.module(), key
        return (
            module is not None
            and name not in namespace_of(module)
            and self._is_held(source, name, former.value(), former)
        )

    def _is_held(self, source: str, name: str, value: Any, former: _Former) -> bool:
        return value is not None if former.is_weak else any(self.holders(source, name, value))


class Removals:
    """The names that one reload removes.

    Args:
        removed: Remembers them.
    """

    def __init__(self, removed: RemovedNames) -> None:
        self._removed = removed
        self._names: list[tuple[ModuleType, Mapping[str, Any]]] = []

    def note(
        self, module: ModuleType, names: Mapping[str, Any], tree: ast.Module | None = None
    ) -> None:
        """Note names that are about to be removed; see `RemovedNames.note`."""
        if names:
            self._removed.note(module, names, tree)
            self._names.append((module, names))

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [*(names for _, names in self._names), *self._removed.containers()]

    def left(self) -> Iterator[Stale]:
        """Name at the end who still has what names stood for that were removed."""
        for module, names in self._names:
            source = name_of_module(module)
            gone = [name for name in names if name not in namespace_of(module)]
            for name in gone:
                for importer, bound in self._removed.holders(source, name, names[name]):
                    yield Stale(
                        f"{name_of_module(importer)}.{bound}",
                        f"it was imported from {source}, where {name} is gone from the source",
                        "import it from where it is now, or remove the import",
                    )
            for made, attribute in self._removed.readers(module, set(gone)) if gone else ():
                yield Stale(
                    made,
                    f"it was made with {attribute}, which is gone from the source",
                    "read it from where it is now, or remove the statement",
                )
