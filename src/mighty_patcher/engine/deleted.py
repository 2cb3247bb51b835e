"""Files that are gone. Where nobody imports what was in one any more, that is how it is to be; else
it is a mistake, or an editor is about to write the file.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Collection, Iterable
from types import ModuleType

from mighty_patcher.engine.imports import imports_anywhere
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.module_facts import name_of_module, package_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import BLOCK, DEFINITION_OR_CLASS, first_line
from mighty_patcher.engine.version import Version

__all__ = ["left_without_file", "lines_defining", "stays_without_file", "without_lines"]

_REASON = "its file is gone, and nobody imports it: who holds what it defined goes on with that"
_HINT = "let go of it, or restart"


def left_without_file(
    path: str, modules: Modules, in_force: InForce, news: Iterable[Version] = ()
) -> list[ModuleType]:
    """Return the modules of a file that is gone; nothing if it is there, or if one of them is a
    script, or is imported somewhere: but for files that are gone themselves, as with a folder.

    Args:
        path: The file.
        modules: The loaded modules.
        in_force: What runs now.
        news: What others are about to run.
    """
    if os.path.lexists(path):
        return []
    left, now = modules.of(path), {it.path: it for it in news}
    texts = [(it, now.get(text.path, text)) for it, text in in_force.texts()]
    if any(name_of_module(it) == "__main__" or _is_imported(it, texts) for it in left):
        return []
    return left


def stays_without_file(module: ModuleType) -> Stale:
    """Return what a report says of a module whose file is gone."""
    return Stale(f"module {name_of_module(module)}", _REASON, _HINT)


def lines_defining(tree: ast.Module, names: Collection[str]) -> set[int]:
    """Return the lines of the definitions that bind one of some names."""
    definitions = [it for it in executed(tree.body) if isinstance(it, DEFINITION_OR_CLASS)]
    return {it.lineno for it in definitions if it.name in names}


def without_lines(text: Version, lines: Collection[int]) -> Version | None:
    """Return a text without some statements, on the lines that the others have; None if it is
    encoded in a way in which that cannot be told.

    Args:
        text: The text.
        lines: Those on which the statements begin.
    """
    if text.data != text.text.encode():
        return None
    found = [it for it in executed(text.tree.body) if it.lineno in lines]
    rows = text.data.split(b"\n")
    for it in sorted(found, key=lambda it: (it.lineno, it.col_offset), reverse=True):
        first, last = first_line(it) - 1, (it.end_lineno or it.lineno) - 1
        if not isinstance(it, BLOCK):
            rest = rows[last][it.end_col_offset or 0 :]
            rows[first : last + 1] = [rows[first][: it.col_offset] + b"pass" + rest] + [b""] * (
                last - first
            )
    return Version.of(text.path, b"\n".join(rows))


def _is_imported(module: ModuleType, texts: Iterable[tuple[ModuleType, Version]]) -> bool:
    name = name_of_module(module)
    last = name.rpartition(".")[2].encode()
    return any(
        name in imported.modules() and not _is_gone(text.path)
        for importer, text in texts
        if importer is not module and last in text.data
        for imported in imports_anywhere(text.tree, name_of_module(importer), package_of(importer))
    )


def _is_gone(path: str) -> bool:
    """Tell whether a file is gone: of what is in an archive, that is the file."""
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
        if os.path.isdir(path):
            return True
    return False
