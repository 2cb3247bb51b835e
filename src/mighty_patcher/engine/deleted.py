"""Files that are gone. Where nobody imports what was in one any more, that is how it is to be; else
it is a mistake, or an editor is about to write the file.
"""

from __future__ import annotations

import os
from types import ModuleType

from mighty_patcher.engine.imports import imports_anywhere
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.modules import Modules, name_of_module, package_of
from mighty_patcher.engine.report import Stale

__all__ = ["left_without_file"]

_REASON = "its file is gone, and nobody imports it: who holds what it defined goes on with that"
_HINT = "let go of it, or restart"


def left_without_file(path: str, modules: Modules, in_force: InForce) -> list[Stale]:
    """Return what a report says of the modules of a file that is gone; nothing if it is there, or
    if one of them is a script, or is imported somewhere by the text that runs.

    Args:
        path: The file.
        modules: The loaded modules.
        in_force: What runs now.
    """
    if os.path.lexists(path):
        return []
    left = modules.of(path)
    if any(name_of_module(it) == "__main__" or _is_imported(it, in_force) for it in left):
        return []
    return [Stale(f"module {name_of_module(it)}", _REASON, _HINT) for it in left]


def _is_imported(module: ModuleType, in_force: InForce) -> bool:
    name = name_of_module(module)
    last = name.rpartition(".")[2].encode()
    return any(
        name in imported.modules()
        for importer, text in in_force.texts()
        if importer is not module and last in text.data
        for imported in imports_anywhere(text.tree, name_of_module(importer), package_of(importer))
    )
