"""Code of closures that no function of their module holds any more.

A function that gets new code makes its closures of that from then on. Those that it made before
keep the old code, and where they were not edited that is equal to the new, but another object: the
gate of the core, which counts who holds the code of a module, would not miss it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from types import CodeType, FunctionType
from weakref import WeakValueDictionary

from mighty_patcher.engine.codetree import Pairs, all_code, is_scope

__all__ = ["Loose"]


class Loose:
    """Remembers the code that closures may be made of, as long as anything holds it."""

    def __init__(self) -> None:
        # By address: code is equal to other code. Without the GIL it dies in the collector alone,
        # much later than the reload that let go of it.
        self._codes: WeakValueDictionary[int, CodeType] = WeakValueDictionary()

    def note(self, functions: Iterable[FunctionType]) -> None:
        """Note what is nested in functions that may be about to get other code."""
        for function in functions:
            for code in all_code(function.__code__):
                if code is not function.__code__ and not is_scope(code):
                    self._codes[id(code)] = code

    def has_changed(self, functions: Collection[FunctionType], pairs: Pairs) -> bool:
        """Tell whether there is code that changed, and that is in none of these functions.

        Args:
            functions: The functions that are known.
            pairs: The old and the new code.
        """
        if not self._codes:
            return False
        known = {id(code) for function in functions for code in all_code(function.__code__)}
        for code in self._codes.values():
            pair = None if id(code) in known else pairs.of(code)
            if pair is not None and pair.changed:
                return True
        return False
