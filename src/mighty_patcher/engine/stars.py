"""What imports bring: the names of ``from m import *``, and the values of names."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.module_facts import is_loaded, name_of_module, namespace_of, package_of
from mighty_patcher.engine.toplevel import names_bound
from mighty_patcher.engine.trees import DEFINITION

__all__ = [
    "NotThere",
    "TreeOf",
    "asked",
    "exported",
    "import_of",
    "imported_names",
    "imports_in",
    "names_of_stars",
    "sources",
]

TreeOf = Callable[[ModuleType], "ast.Module | None"]
"""Finds the syntax tree that a module runs, if that is known."""
NotThere = Callable[..., Collection[str]]
"""Finds the names that a module gets after another has imported it, halfway round a cycle; with
``before=True``, those that it got so when the reload began.
"""


def exported(namespace: Mapping[str, Any]) -> set[str]:
    """Return the names that an import of everything takes from a module.

    Args:
        namespace: The names of the module.
    """
    public: Any = namespace.get("__all__")
    if is_one_of(type(public), (list, tuple)):
        return {name for name in public if type(name) is str and name in namespace}
    return {name for name in list(namespace) if not name.startswith("_")}


def names_of_stars(
    module: ModuleType,
    tree: ast.Module,
    tree_of: TreeOf = lambda _: None,
    had: Mapping[str, Collection[str]] | None = None,
    not_there: NotThere = lambda *_: (),
) -> set[str]:
    """Return the names that a module has, or would have now, from all of which it imports
    everything; but for those that these in turn have from it.

    Args:
        module: The module.
        tree: Its syntax tree, or a part of it.
        tree_of: Finds the syntax trees of others.
        had: What others exported before, by their names; of those that are not there what counts
            is what they export now.
        not_there: Finds what they get after their import: the module has that only if it has it.
    """
    had = had or {}
    handed = _Handed(tree_of, had)
    names: set[str] = set()
    for imported in imports_of(tree, name_of_module(module), package_of(module)):
        source = sys.modules.get(imported.module)
        if imported.name == "*" and is_loaded(source):
            found = _exports(source, had) - handed.back(source, module)
            if not found <= namespace_of(module).keys():
                found -= set(not_there(source, module)) - namespace_of(module).keys()
            names |= found
    return names


def _exports(module: ModuleType, had: Mapping[str, Collection[str]]) -> set[str]:
    known = had.get(name_of_module(module))
    return exported(namespace_of(module)) if known is None else set(known)


class _Handed:
    """What modules hand on of what they have imported, and bind in no other way.

    Each module is looked at once: imports of everything may lead round many circles.
    """

    def __init__(self, tree_of: TreeOf, had: Mapping[str, Collection[str]]) -> None:
        self._tree_of = tree_of
        self._had = had
        self._found: dict[int, dict[str, ModuleType]] = {}

    def back(self, source: ModuleType, module: ModuleType) -> set[str]:
        """Return the names that a module has from another by imports alone, maybe through more."""
        return {name for name in self._by(source) if self._comes_from(module, name, source)}

    def _comes_from(self, module: ModuleType, name: str, source: ModuleType) -> bool:
        seen: list[ModuleType] = []
        at: ModuleType | None = source
        while at is not None and at is not module and not is_one_of(at, seen):
            seen.append(at)
            at = self._by(at).get(name)
        return at is module

    def _by(self, source: ModuleType) -> dict[str, ModuleType]:
        """Return the names that a module hands on, each with the module that it has it from."""
        if id(source) not in self._found:
            tree = self._tree_of(source)
            found = {} if tree is None else dict(self._imported(source, tree))
            self._found[id(source)] = found
        return self._found[id(source)]

    def _imported(self, source: ModuleType, tree: ast.Module) -> Iterator[tuple[str, ModuleType]]:
        left = _exports(source, self._had) - _bound_beside_imports(tree)
        for imported in reversed(imports_of(tree, name_of_module(source), package_of(source))):
            other = sys.modules.get(imported.module)
            names = left & {imported.bound}
            if imported.name == "*" and is_loaded(other):
                names = left & (_exports(other, self._had) | exported(namespace_of(other)))
            left -= names
            if is_loaded(other) and imported.name in ("*", *names):
                yield from ((name, other) for name in names)


_BOUND: WeakKeyDictionary[ast.Module, frozenset[str]] = WeakKeyDictionary()


def _bound_beside_imports(tree: ast.Module) -> frozenset[str]:
    """Return the names that a module binds by other statements than imports at its top."""
    found = _BOUND.get(tree)
    if found is None:
        others = [it for it in tree.body if not isinstance(it, ast.Import | ast.ImportFrom)]
        found = _BOUND[tree] = frozenset(names_bound(ast.Module(others, [])))
    return found


def sources(module: ModuleType, imports: Collection[Imported]) -> Iterator[ModuleType]:
    """Yield the loaded modules that a statement imports something from, or imports; but for the
    packages that its module is in, where these are only on the way: they have begun before it.

    Args:
        module: The module that it stands in.
        imports: What the statement imports (`imports_in`).
    """
    inside = f"{name_of_module(module)}."
    names = dict.fromkeys(
        name
        for imported in imports
        for name in imported.modules()
        if not inside.startswith(f"{name}.") or name == imported.needs(sys.modules)
    )
    yield from _loaded(names, module)


def asked(module: ModuleType, imports: Iterable[Imported]) -> Iterator[ModuleType]:
    """Yield the loaded modules that the imports in a statement have something from: not packages
    that are only on the way.

    Args:
        module: The module that it stands in.
        imports: What the statement imports (`imports_in`).
    """
    yield from _loaded(dict.fromkeys(it.needs(sys.modules) for it in imports), module)


def imports_in(module: ModuleType, statement: ast.stmt) -> list[Imported]:
    """Return what a statement imports when it is executed.

    Args:
        module: The module that it stands in.
        statement: The statement.
    """
    if isinstance(statement, DEFINITION):
        return []
    return imports_of(ast.Module([statement], []), name_of_module(module), package_of(module))


def _loaded(names: Iterable[str], but: ModuleType) -> Iterator[ModuleType]:
    for source in map(sys.modules.get, names):
        if is_loaded(source) and source is not but:
            yield source


def imported_names(module: ModuleType, tree: ast.Module) -> dict[str, list[ModuleType]]:
    """Return the names that a module imports, and the loaded modules that each comes from.

    Args:
        module: The module.
        tree: Its syntax tree.
    """
    found: dict[str, list[ModuleType]] = {}
    for imported in imports_of(tree, name_of_module(module), package_of(module)):
        # A package that is only on the way to what is imported is not asked for anything.
        asked = [imported.needs(sys.modules)] if imported.name else imported.modules()
        loaded = [sys.modules.get(name) for name in asked]
        others = [it for it in loaded if is_loaded(it) and it is not module]
        names = {imported.bound}
        if imported.name == "*" and others:
            names = exported(namespace_of(others[-1]))
        for name in names:
            found.setdefault(name, []).extend(others)
    return found


def import_of(module: ModuleType, statement: ast.stmt, name: str) -> tuple[object, ...]:
    """Return the value, alone in a tuple, that an import would bind to a name; nothing if nobody
    knows without executing it.

    Args:
        module: The module that it stands in.
        statement: The import.
        name: The name.
    """
    if not isinstance(statement, ast.ImportFrom):
        return ()
    tree = ast.Module([statement], [])
    for imported in imports_of(tree, name_of_module(module), package_of(module)):
        source = sys.modules.get(imported.module)
        if is_loaded(source) and (imported.bound == name or imported.name == "*"):
            namespace = namespace_of(source)
            origin = name if imported.name == "*" else imported.name
            return (namespace[origin],) if origin in namespace else ()
    return ()
