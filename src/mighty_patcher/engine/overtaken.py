"""Names of a package that modules in it have taken.

The import system binds a module in its package when it has been executed. ``import typing`` at the
top of a package that has a module of that name is what the statements below it find, until that
module is imported; then it is no more to be found in the package.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mighty_patcher.engine.import_graph import ImportGraph
from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.module_facts import (
    is_submodule,
    name_of_module,
    namespace_of,
    package_of,
)
from mighty_patcher.engine.stars import TreeOf, import_of
from mighty_patcher.engine.trees import IMPORT

__all__ = ["Overtaken"]


@dataclass(frozen=True)
class _Name:
    """A name of a package that a module in it has taken.

    Attributes:
        value: What an import of the package has bound it to.
        line: The line of that.
        until: The line from which on it stands for the module.
        module: The module.
    """

    value: object
    line: int
    until: float
    module: ModuleType


class Overtaken:
    """Gives statements that are executed what such names were when they were executed first.

    Args:
        module: The module whose statements they are.
        statements: All of them, at its top.
        tree_of: Finds the syntax trees of others.
    """

    def __init__(self, module: ModuleType, statements: Sequence[ast.stmt], tree_of: TreeOf) -> None:
        self._namespace: dict[str, Any] = namespace_of(module)
        self._names = dict(_found(module, statements, tree_of))

    @contextmanager
    def lent(self, line: int) -> Iterator[None]:
        """While a statement is executed.

        Args:
            line: The line on which it begins.
        """
        lent = {name: it for name, it in self._names.items() if it.line < line <= it.until}
        for name, it in lent.items():
            self._namespace[name] = it.value
        try:
            yield
        finally:
            self._give_back(lent)

    def give_back(self) -> None:
        """Have the names be what they were, as an import of them may have been executed."""
        self._give_back(self._names)

    def _give_back(self, names: dict[str, _Name]) -> None:
        for name, it in names.items():
            if self._namespace.get(name) is it.value:
                self._namespace[name] = it.module


def _found(
    package: ModuleType, statements: Sequence[ast.stmt], tree_of: TreeOf
) -> Iterator[tuple[str, _Name]]:
    own, namespace = name_of_module(package), namespace_of(package)
    taken = [name for name, value in namespace.items() if is_submodule(value, own, name)]
    if not taken:
        return
    graph = ImportGraph(lambda it, _: _imports(it, tree_of), lambda it: tree_of(it) is not None)
    own_imports = imports_of(ast.Module(list(statements), []), own, package_of(package))
    for name in taken:
        binders = [it for it in statements if isinstance(it, IMPORT) and _value(package, it, name)]
        if not binders:
            continue
        module, (value,) = namespace[name], _value(package, binders[-1], name)
        lines = (
            it.line
            for it in own_imports
            for other in it.modules()
            if other != own and graph.leads_to(sys.modules.get(other), module, but=package)
        )
        until = min(lines, default=float("inf"))
        if value is not module and until > binders[-1].lineno:
            yield name, _Name(value, binders[-1].lineno, until, module)


def _imports(module: ModuleType, tree_of: TreeOf) -> Sequence[Imported]:
    tree = tree_of(module)
    if tree is None:
        return ()
    return imports_of(tree, name_of_module(module), package_of(module))


def _value(module: ModuleType, statement: ast.stmt, name: str) -> tuple[object, ...]:
    """Return the value, alone in a tuple, that an import binds to a name; nothing if none is."""
    for alias in statement.names if isinstance(statement, ast.Import) else ():
        if name == (alias.asname or alias.name.partition(".")[0]):
            found = sys.modules.get(alias.name if alias.asname else name)
            return () if found is None else (found,)
    return import_of(module, statement, name)
