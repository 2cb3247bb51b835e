"""Imported values: whoever did ``from m import X`` and still holds the old X gets the new one.

A function or class that was patched in place needs nothing. A number, a string, a rebound object
does: the modules that hold the old value are found by identity, and then their own source must say
that they imported it, for a 5 is a 5 wherever it came from.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.imports import Imported
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.module_facts import every_module, name_of_module, namespace_of
from mighty_patcher.engine.report import Step

__all__ = [
    "BindsAfter",
    "Imports",
    "Rebound",
    "follow",
    "names_holding",
    "readers",
    "readers_of_attributes",
    "spelt",
]


Imports = Callable[[ModuleType, str, str], list[Imported]]
"""What a module imports at its top; may be empty where that cannot be a name from a module."""
BindsAfter = Callable[[ModuleType, str, int], bool]
"""Tells whether a module binds a name in any case after a line of its source."""


@dataclass(frozen=True)
class Rebound:
    """A name that was bound to a new value.

    Attributes:
        importer: The module that has it.
        name: The name there.
        old: What it held before.
        step: The words for it.
    """

    importer: ModuleType
    name: str
    old: Any
    step: Step


def follow(
    module: ModuleType,
    changed: dict[str, tuple[Any, Any]],
    imports: Imports,
    journal: Journal,
    binds_after: BindsAfter = lambda *_: False,
) -> list[Rebound]:
    """Bind the new values of a module's names wherever the old ones were imported.

    Args:
        module: The module that was run again.
        changed: For each of its names the old and the new value; they are not the same object.
        imports: What a module imports, from its source, with the module and name looked for.
        journal: Remembers what is bound.
        binds_after: Tells whether an importer binds a name itself after its import: then it holds
            that value, which may well be the same number.

    Returns:
        The names that were bound, also where others have them from those that import them.
    """
    bindings: list[Rebound] = []
    holders = _holders([old for old, _ in changed.values()])
    waiting = [(name_of_module(module), name, *values) for name, values in changed.items()]
    while waiting:
        source, name, old, new = waiting.pop()
        for importer, bound in holders[id(old)]:
            # What was bound a moment ago, by another way to the same value, is done.
            if namespace_of(importer).get(bound) is not old:
                continue
            line = _line_of_import(source, name, bound, imports(importer, source, name))
            if line is None:
                continue
            if binds_after(importer, bound, line):
                continue
            journal.bind(namespace_of(importer), bound, new)
            importer_name = name_of_module(importer)
            step = Step("rebound", importer_name, bound, line, f"imported from {source}")
            bindings.append(Rebound(importer, bound, old, step))
            # Re-exported: others may have it from there.
            waiting.append((importer_name, bound, old, new))
    return bindings


def readers(
    changed: Iterable[tuple[ModuleType, set[str]]],
) -> Iterator[tuple[ModuleType, str, str]]:
    """Find who may read names of modules as attributes (``import config``, ``config.X``).

    Args:
        changed: Modules, and those of their names that have other values.

    Yields:
        A module, what it calls the other one (``config``, ``pkg.config``), and each name.
    """
    wanted: dict[int, list[tuple[str, set[str]]]] = {}
    sought: list[ModuleType] = []
    for module, names in changed:
        full = name_of_module(module)
        wanted.setdefault(id(module), []).append(("", names))
        sought.append(module)
        for at, letter in enumerate(full):
            package = sys.modules.get(full[:at]) if letter == "." else None
            if package is not None:
                wanted.setdefault(id(package), []).append((full[at:], names))
                sought.append(package)
    for reader, bound, value in names_holding(sought):
        for path, names in wanted[id(value)]:
            if value is reader and not path:
                continue  # its own names; but a package may read what a module in it has
            for name in names:
                yield reader, f"{bound}{path}", name


def readers_of_attributes(
    changed: Collection[tuple[Any, set[str]]],
) -> Iterator[tuple[ModuleType, str, str]]:
    """Find who may read attributes of classes (``Options.TEXT``, ``config.Options.TEXT``) or of
    functions (``run.__doc__``).

    Args:
        changed: Classes or others, and those of their attributes that have other values.

    Yields:
        A module, and each name as `spelt` there.
    """
    attributes: dict[int, set[str]] = {}
    for owner, names in changed:
        attributes.setdefault(id(owner), set()).update(names)
    holders = _holders([owner for owner, _ in changed]) if attributes else {}
    found: dict[str, set[str]] = {}
    modules = []
    for identity, places in holders.items():
        for module, bound in places:
            modules.append((module, {bound}))
            found.setdefault(bound, set()).update(attributes[identity])
            for name in attributes[identity]:
                yield module, *spelt(bound, name)
    for reader, path, bound in readers(modules):
        for name in found[bound]:
            yield reader, *spelt(f"{path}.{bound}", name)


def spelt(path: str, name: str) -> tuple[str, str]:
    """Return what a module calls the owner of an attribute, and the last name.

    Args:
        path: What it calls an object.
        name: An attribute of it, or of one of its attributes: ``RED.value``.
    """
    owner, _, last = f"{path}.{name}".rpartition(".")
    return owner, last


def names_holding(values: list[Any]) -> list[tuple[ModuleType, str, Any]]:
    """Find the names of all modules that hold one of these values, by identity: one pass.

    Args:
        values: The values.

    Returns:
        Module, name and value of each.
    """
    if not values:
        return []
    modules = every_module()
    found = _core.names_holding([namespace_of(module) for module in modules], values)
    return [(modules[at], name, value) for at, name, value in found]


def _holders(values: list[Any]) -> dict[int, list[tuple[ModuleType, str]]]:
    """For each value, by identity, the modules that hold it, with their names for it."""
    found: dict[int, list[tuple[ModuleType, str]]] = {id(value): [] for value in values}
    for module, name, value in names_holding(values):
        found[id(value)].append((module, name))
    return found


def _line_of_import(source: str, name: str, bound: str, imports: list[Imported]) -> int | None:
    """The last line on which a module imports a name from another as a name of its own, if any."""
    for imported in reversed(imports):
        if imported.module == source and (
            (imported.name, imported.bound) == (name, bound)
            or (imported.name == "*" and name == bound)
        ):
            return imported.line
    return None
