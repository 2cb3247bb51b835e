"""What imports bring: the names of ``from m import *``, and the values of names."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.modules import imports_of, name_of_module, namespace_of, package_of

__all__ = ["exported", "import_of", "imported_names", "names_of_stars", "sources"]


def exported(namespace: Mapping[str, Any]) -> set[str]:
    """Return the names that an import of everything takes from a module.

    Args:
        namespace: The names of the module.
    """
    public: Any = namespace.get("__all__")
    if type(public) in (list, tuple):
        return {name for name in public if type(name) is str and name in namespace}
    return {name for name in list(namespace) if not name.startswith("_")}


def names_of_stars(module: ModuleType, tree: ast.Module) -> set[str]:
    """Return the names that a module has, or would have now, from all of which it imports
    everything.

    Args:
        module: The module.
        tree: Its syntax tree, or a part of it.
    """
    names: set[str] = set()
    for imported in imports_of(tree, name_of_module(module), package_of(module)):
        source = sys.modules.get(imported.module)
        if imported.name == "*" and type(source) is ModuleType:
            names |= exported(namespace_of(source))
    return names


def sources(module: ModuleType, statement: ast.stmt) -> Iterator[ModuleType]:
    """Yield the loaded modules that a statement imports something from, or imports.

    Args:
        module: The module that it stands in.
        statement: The statement.
    """
    tree = ast.Module([statement], [])
    found = imports_of(tree, name_of_module(module), package_of(module))
    for name in dict.fromkeys(name for imported in found for name in imported.modules()):
        source = sys.modules.get(name)
        if type(source) is ModuleType and source is not module:
            yield source


def imported_names(module: ModuleType, tree: ast.Module) -> dict[str, list[ModuleType]]:
    """Return the names that a module imports, and the loaded modules that each comes from.

    Args:
        module: The module.
        tree: Its syntax tree.
    """
    found: dict[str, list[ModuleType]] = {}
    for imported in imports_of(tree, name_of_module(module), package_of(module)):
        loaded = [sys.modules.get(name) for name in imported.modules()]
        others = [it for it in loaded if type(it) is ModuleType and it is not module]
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
        if type(source) is ModuleType and (imported.bound == name or imported.name == "*"):
            namespace = namespace_of(source)
            origin = name if imported.name == "*" else imported.name
            return (namespace[origin],) if origin in namespace else ()
    return ()
