"""Imported values: whoever did ``from m import X`` and still holds the old X gets the new one.

A function or class that was patched in place needs nothing. A number, a string, a rebound object does:
the modules that hold the old value are found by identity, and then their own source must say that
they imported it, for a 5 is a 5 wherever it came from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.modules import Imported, name_of_module, namespace_of
from mighty_patcher.engine.report import Step

__all__ = ["follow"]


def follow(
    module: ModuleType,
    changed: dict[str, tuple[Any, Any]],
    imports: Callable[[ModuleType], list[Imported]],
    journal: Journal,
) -> list[Step]:
    """Bind the new values of a module's names wherever the old ones were imported.

    Args:
        module: The module that was run again.
        changed: For each of its names the old and the new value; they are not the same object.
        imports: What a module imports at its top, from its source.
        journal: Remembers what is bound.

    Returns:
        A step for each name that was bound.
    """
    steps: list[Step] = []
    waiting = [(name_of_module(module), name, old, new) for name, (old, new) in changed.items()]
    while waiting:
        source, name, old, new = waiting.pop()
        for importer, bound, line in _holders(source, name, old, imports):
            journal.bind(namespace_of(importer), bound, new)
            importer_name = name_of_module(importer)
            steps.append(Step("rebound", importer_name, bound, line, f"imported from {source}"))
            # Re-exported: others may have it from there.
            waiting.append((importer_name, bound, old, new))
    return steps


def _holders(
    source: str, name: str, old: Any, imports: Callable[[ModuleType], list[Imported]]
) -> Iterator[tuple[ModuleType, str, int]]:
    """The modules that imported a name from a module and still hold its old value."""
    for importer in {id(m): m for m in list(sys.modules.values())}.values():
        if not isinstance(importer, ModuleType):
            continue
        namespace = namespace_of(importer)
        held = [bound for bound, value in list(namespace.items()) if value is old]
        if not held:
            continue
        for imported in imports(importer):
            if imported.module != source:
                continue
            if imported.name == name and imported.bound in held:
                yield importer, imported.bound, imported.line
            elif imported.name == "*" and name in held:
                yield importer, name, imported.line
