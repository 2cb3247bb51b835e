"""Imported values: whoever did ``from m import X`` and still holds the old X gets the new one.

A function or class that was patched in place needs nothing. A number, a string, a rebound object
does: the modules that hold the old value are found by identity, and then their own source must say
that they imported it, for a 5 is a 5 wherever it came from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.modules import Imported, name_of_module, namespace_of
from mighty_patcher.engine.report import Step

__all__ = ["Imports", "follow"]


Imports = Callable[[ModuleType, str, str], list[Imported]]
"""What a module imports at its top; may be empty where that cannot be a name from a module."""


def follow(
    module: ModuleType, changed: dict[str, tuple[Any, Any]], imports: Imports, journal: Journal
) -> list[Step]:
    """Bind the new values of a module's names wherever the old ones were imported.

    Args:
        module: The module that was run again.
        changed: For each of its names the old and the new value; they are not the same object.
        imports: What a module imports, from its source, with the module and name looked for.
        journal: Remembers what is bound.

    Returns:
        A step for each name that was bound.
    """
    steps: list[Step] = []
    holders = _holders([old for old, _ in changed.values()])
    waiting = [(name_of_module(module), name, *values) for name, values in changed.items()]
    while waiting:
        source, name, old, new = waiting.pop()
        for importer, bound in holders[id(old)]:
            line = _line_of_import(source, name, bound, imports(importer, source, name))
            # What was bound a moment ago, by another way to the same value, is done.
            if line is None or namespace_of(importer).get(bound) is not old:
                continue
            journal.bind(namespace_of(importer), bound, new)
            importer_name = name_of_module(importer)
            steps.append(Step("rebound", importer_name, bound, line, f"imported from {source}"))
            # Re-exported: others may have it from there.
            waiting.append((importer_name, bound, old, new))
    return steps


def _holders(values: list[Any]) -> dict[int, list[tuple[ModuleType, str]]]:
    """For each value, by identity, the modules that hold it, with their names for it: one pass."""
    found: dict[int, list[tuple[ModuleType, str]]] = {id(value): [] for value in values}
    for importer in {id(m): m for m in list(sys.modules.values())}.values():
        # By its type alone: isinstance asks the object for its `__class__`, which may raise.
        if issubclass(type(importer), ModuleType):
            for bound, value in list(namespace_of(importer).items()):
                if id(value) in found:
                    found[id(value)].append((importer, bound))
    return found


def _line_of_import(source: str, name: str, bound: str, imports: list[Imported]) -> int | None:
    """The line on which a module imports a name from another as a name of its own, if it does."""
    for imported in imports:
        if imported.module == source and (
            (imported.name, imported.bound) == (name, bound)
            or (imported.name == "*" and name == bound)
        ):
            return imported.line
    return None
