"""The modules of one reload: those that were saved, and those that learn of a change through what
they import, in the order in which an import of the program would come to them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType

from mighty_patcher.engine.statement_run import Outside

__all__ = ["Worklist"]


class Worklist:
    """Hands out modules, each after those that it imports from as far as these are known.

    Args:
        saved: The modules that were saved, those that others import first.
    """

    def __init__(self, saved: Sequence[ModuleType]) -> None:
        # An import puts its module at the end when it ends (importlib's `_load_unlocked`), so what
        # was imported stands before who imported it, and a cycle is cut where the program cut it.
        self._ranks = {id(module): rank for rank, module in enumerate(sys.modules.copy().values())}
        self._saved = list(saved)
        self._told: dict[int, tuple[ModuleType, Outside]] = {}

    def tell(self, module: ModuleType, outside: Outside) -> None:
        """Note what others have changed for a module: it is handed out, perhaps once more."""
        known = self._told.setdefault(id(module), (module, Outside()))[1]
        known.update(outside)

    def next(self) -> tuple[ModuleType, Outside] | None:
        """Return the next module, and what others have changed for it; None if there is none."""
        saved = set(map(id, self._saved))
        told = [module for module, _ in self._told.values() if id(module) not in saved]
        first = min(told, key=self._rank, default=None)
        if first is not None and not any(self._rank(it) < self._rank(first) for it in self._saved):
            module = first
        elif self._saved:
            module = self._saved.pop(0)
        else:
            return None
        return module, self._told.pop(id(module), (module, Outside()))[1]

    def _rank(self, module: ModuleType) -> int:
        return self._ranks.get(id(module), len(self._ranks))
