"""Names that the new text of a module does not bind any more: which of them go, which stay, and who
still has what went. A definition that was cut may be pasted, in another save.
"""

from __future__ import annotations

import ast
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.module_facts import is_submodule, name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.report import Stale, Step
from mighty_patcher.engine.stars import TreeOf, names_of_stars
from mighty_patcher.engine.toplevel import names_bound, names_gone

__all__ = ["Importers", "Removals", "RemovedNames", "names_removed"]

Importers = Callable[[str, str], Iterable[tuple[ModuleType, str, str]]]
"""Finds the modules that import a name from one, by both names, what they call it, and what a class
calls it that does so.
"""

_GONE = "it is gone from the source"
_HANDED_ROUND = (
    "it is gone from the source, and modules that import everything from each other have it of "
    "each other"
)


def names_removed(
    module: ModuleType, trees: Trees, before: Mapping[str, Any], tree_of: TreeOf | None
) -> tuple[list[str], list[Step]]:
    """Find the names that are to be removed from a module, which still has them.

    Args:
        module: The module.
        trees: Its syntax trees, in force and saved; where one is not known, nothing goes.
        before: Its names from before.
        tree_of: Finds the syntax trees of others; None where all of the module is run again.

    Returns:
        The names, and what the report says of them and of those that stay.
    """
    old, new = trees
    if old is None or new is None:
        return [], []
    name, gone = name_of_module(module), _gone(module, old, new, before)
    steps = [Step("removed", name, it, 0, _GONE) for it in gone]
    if tree_of is not None:
        stay = _handed_round(module, old, new, before, tree_of).difference(gone)
        steps += [Step("kept", name, it, 0, _HANDED_ROUND) for it in sorted(stay)]
    return gone, steps


def _gone(
    module: ModuleType, old: ast.Module, new: ast.Module, before: Mapping[str, Any]
) -> list[str]:
    """The names that the new text binds no more and that still hold what they held before.

    A submodule is an attribute of its package whether or not the package itself imports it.
    """
    namespace, package = namespace_of(module), name_of_module(module)
    stars = names_of_stars(module, old), names_of_stars(module, new)
    if old is new and stars[0] == stars[1]:
        return []
    return [
        name
        for name in sorted(names_gone(old, new, stars))
        if name in before
        and name in namespace
        and namespace[name] is before[name]
        and not is_submodule(namespace[name], package, name)
    ]


def _handed_round(
    module: ModuleType,
    old: ast.Module,
    new: ast.Module,
    before: Mapping[str, Any],
    tree_of: TreeOf,
) -> set[str]:
    """The names that the new text binds no more, and that stay where modules import everything from
    each other.
    """
    stars = names_of_stars(module, new)
    if not stars:
        return set()
    gone = (names_bound(old) - names_bound(new)) & stars
    from_others = names_of_stars(module, new, tree_of) if gone else set()
    return {it for it in gone - from_others if before.get(it, ABSENT) is not ABSENT}


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


class RemovedNames:
    """Remembers what names stood for that reloads have removed, as long as others have it.

    Only what cannot be referred to weakly is kept alive, and only while a module has imported it.

    Args:
        importers: Finds who imports a name.
    """

    def __init__(self, importers: Importers) -> None:
        self._importers = importers
        self._known: dict[tuple[str, str], _Former] = {}

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

    def of(self, module: ModuleType) -> dict[str, Any]:
        """Return the names that were removed from a module, and what they stood for."""
        source = name_of_module(module)
        return {
            name: former.value()
            for (owner, name), former in self._known.items()
            if owner == source and self._has(module, owner, name, former)
        }

    def trees_of(self, module: ModuleType) -> dict[str, ast.Module]:
        """Return the names that were removed from a module, and the syntax trees that bound them,
        where these are known.
        """
        trees = {name: self._known[name_of_module(module), name].tree for name in self.of(module)}
        return {name: tree for name, tree in trees.items() if tree is not None}

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

    def _is_of_use(self, key: tuple[str, str], former: _Former) -> bool:
        module, (source, name) = former.module(), key
        return (
            module is not None
            and name not in namespace_of(module)
            and self._has(module, source, name, former)
        )

    def _has(self, module: ModuleType, source: str, name: str, former: _Former) -> bool:
        if former.module() is not module:
            return False
        value = former.value()
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
            for name in names.keys() - namespace_of(module).keys():
                for importer, bound in self._removed.holders(source, name, names[name]):
                    yield Stale(
                        f"{name_of_module(importer)}.{bound}",
                        f"it was imported from {source}, where {name} is gone from the source",
                        "import it from where it is now, or remove the import",
                    )
