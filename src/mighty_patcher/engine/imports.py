"""Who imports whom, as the sources say it, and the order that follows from it."""

from __future__ import annotations

import ast
import heapq
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

from mighty_patcher.engine.module_facts import name_of_module

__all__ = ["Imported", "imports_anywhere", "imports_of", "in_dependency_order"]


@dataclass(frozen=True)
class Imported:
    """One name that an import statement of a module binds.

    Attributes:
        module: The absolute name of the module that is imported from.
        name: The name there, which may be a submodule; ``"*"`` for a star import; ``""`` for
            ``import a.b``, which binds a module.
        bound: The name here: Y of ``from m import X as Y``, a of ``import a.b``; empty in the body
            of a class, whose names are no names of the module.
        line: The line of the statement, from 1.
        member: The name here, where that is one of a class: ``Cart.Y``.
    """

    module: str
    name: str
    bound: str
    line: int
    member: str = ""

    def modules(self) -> Iterator[str]:
        """Yield the names of the modules that the binding may have to execute, packages first."""
        full = f"{self.module}.{self.name}."
        return (full[:at] for at, letter in enumerate(full) if letter == ".")

    def needs(self, names: Collection[str]) -> str:
        """Return the module that the binding depends on.

        Args:
            names: The names of the loaded modules.

        Returns:
            ``m.X`` for ``from m import X`` if that is a module, otherwise ``m``.
        """
        submodule = f"{self.module}.{self.name}"
        return submodule if self.name and submodule in names else self.module


def imported_by(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[Imported]:
    """Yield what an import statement binds, in its order; nothing if it reaches beyond the top.

    Args:
        statement: The statement.
        package: The package of the module in which it stands.
    """
    line = statement.lineno
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            yield Imported(alias.name, "", bound, line)
        return
    module = _absolute(statement.module or "", statement.level, package)
    if module is not None:
        for alias in statement.names:
            yield Imported(module, alias.name, alias.asname or alias.name, line)


def imports_of(tree: ast.Module, module_name: str, package: str) -> list[Imported]:
    """List what a module imports when it runs.

    That is at module level, including ``if``, ``try``, ``with``, loops, ``match`` and classes; not
    in functions, and not where only a type checker looks.

    Args:
        tree: The syntax tree of the module.
        module_name: Its name.
        package: Its ``__package__``; where that is empty, it is derived from the name.

    Returns:
        One entry for each binding, in the order of the source.
    """
    package = package or module_name.rpartition(".")[0]
    return [
        replace(it, bound="", member=f"{prefix}{it.bound}") if prefix else it
        for statement, prefix in _statements(tree)
        for it in imported_by(statement, package)
    ]


def imports_anywhere(tree: ast.Module, module_name: str, package: str) -> Iterator[Imported]:
    """Yield what a module may ever import: also in functions, and where a type checker looks.

    Args:
        tree: The syntax tree of the module.
        module_name: Its name.
        package: Its ``__package__``; where that is empty, it is derived from the name.
    """
    package = package or module_name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imported_by(node, package)


def _statements(
    parent: ast.AST, prefix: str = ""
) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    """Yield the imports that are executed in something, each with what qualifies its names."""
    for child in _children(parent):
        match child:
            case ast.Import() | ast.ImportFrom():
                yield child, prefix
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.ClassDef():
                yield from _statements(child, f"{prefix}{child.name}.")
            case ast.stmt() | ast.ExceptHandler() | ast.match_case():
                yield from _statements(child, prefix)


def _children(parent: ast.AST) -> Iterable[ast.AST]:
    match parent:
        case ast.If(test=test) if _is_type_checking(test):
            return parent.orelse
        case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=test)) if _is_type_checking(test):
            return parent.body
        case _:
            return ast.iter_child_nodes(parent)


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _absolute(name: str, level: int, package: str) -> str | None:
    if level == 0:
        return name
    parts = package.split(".") if package else []
    if level > len(parts):
        return None  # Beyond the top: the import itself fails.
    base = parts[: len(parts) - level + 1]
    return ".".join([*base, name] if name else base)


def in_dependency_order(
    modules: Sequence[ModuleType], imports: Mapping[str, Collection[str]]
) -> list[ModuleType]:
    """Order modules as their imports would end: what is imported before who imports it.

    A cycle is cut where the program cut it: the module that was imported first, and so ended last,
    comes last. `sys.modules` tells, for an import puts its module at the end once more when it ends
    (importlib's `_load_unlocked`). Where nothing else decides, that order is kept.

    Args:
        modules: The modules to order.
        imports: For each module by name, the names of those it imports. It may hold more modules
            than are to be ordered: a changed module may depend on another through unchanged ones.

    Returns:
        The same modules.
    """
    by_name: dict[str, list[ModuleType]] = {}
    for module in modules:
        by_name.setdefault(name_of_module(module), []).append(module)
    ranks = {name: rank for rank, name in enumerate(sys.modules.copy())}

    def rank(name: str) -> int:
        return ranks.get(name, len(ranks))

    places = {name: place for place, name in enumerate(_in_order_of_end(by_name, imports, rank))}
    waits = {
        name: {needed for needed in imports.get(name, ()) if places[needed] < places[name]}
        for name in places
    }
    followers: dict[str, list[str]] = {}
    for name, needed in waits.items():
        for one in needed:
            followers.setdefault(one, []).append(name)
    ready = [(rank(name), name) for name, needed in waits.items() if not needed]
    heapq.heapify(ready)
    ended: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        ended.append(name)
        for follower in followers.get(name, ()):
            waits[follower].remove(name)
            if not waits[follower]:
                heapq.heappush(ready, (rank(follower), follower))
    return [module for name in ended for module in by_name.get(name, ())]


def _in_order_of_end(
    names: Iterable[str], imports: Mapping[str, Collection[str]], rank: Callable[[str], int]
) -> list[str]:
    """Import in thought, beginning with what ended last, and list what ends."""
    ended: list[str] = []
    seen: set[str] = set()
    # With a stack of our own: chains of imports may be longer than Python's stack.
    stack: list[tuple[str, Iterator[str]]] = [("", iter(sorted(names, key=rank, reverse=True)))]
    while stack:
        importer, importees = stack[-1]
        for name in importees:
            if name not in seen:
                seen.add(name)
                stack.append((name, iter(sorted(imports.get(name, ()), key=rank))))
                break
        else:
            ended.append(importer)
            stack.pop()
    return ended[:-1]
