"""Code of closures that no function of their module holds any more.

A function that gets new code makes its closures of that from then on. Those that it made before
keep the old code, and where they were not edited that is equal to the new, but another object: the
gate of the core, which counts who holds the code of a module, would not miss it.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Iterable
from types import CodeType, FunctionType

from mighty_patcher.engine.codetree import Pairs, all_code, is_scope

__all__ = ["Loose"]


class Loose:
    """Remembers the code that closures may be made of, as long as anything holds it."""

    def __init__(self) -> None:
        self._codes: dict[int, weakref.ref[CodeType]] = {}

    def note(self, functions: Iterable[FunctionType]) -> None:
        """Note what is nested in functions that may be about to get other code."""
        self._codes = {key: code for key, code in self._codes.items() if code() is not None}
        for function in functions:
            for code in all_code(function.__code__):
                if code is not function.__code__ and not is_scope(code):
                    self._codes[id(code)] = weakref.ref(code)

    def has_changed(self, functions: Collection[FunctionType], pairs: Pairs) -> bool:
        """Tell whether there is code that changed, and that is in none of these functions.

        Args:
            functions: The functions that are known.
            pairs: The old and the new code.
        """
        if not self._codes:
            return False
        known = {id(code) for function in functions for code in all_code(function.__code__)}
        for key, reference in self._codes.items():
            code = reference()
            if code is None or key in known:
                continue
            pair = pairs.of(code)
            if pair is not None and pair.changed:
                return True
        return False
