"""Classes that derive from something else for a while, so that others can have their new bases.

One save may change two classes, the second of which derives from the first and, as it still is,
conflicts with the first as it is to be. In a fresh process there would be no second yet when the
first is made. Here it makes way until its own statement gives it the bases of the new text; where
no statement does, that text has the conflict, and the reload is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mighty_patcher import _core
from mighty_patcher.engine.classes import ClassEdit, content_of, qualname_of
from mighty_patcher.engine.hierarchy import Derivation, making_way
from mighty_patcher.errors import RefusedEdit

__all__ = ["MakingWay"]


class _Waiting(NamedTuple):
    cls: type
    mover: str
    words: str


class MakingWay:
    """The classes that have made way in one reload."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}

    def plan(self, edits: Sequence[ClassEdit], words: str) -> list[ClassEdit]:
        """Find what other classes have to do so that some can have their new bases.

        Args:
            edits: What these are to become, the one in question last.
            words: Why CPython cannot do it now.

        Returns:
            The edits to be made together with those, as little as can be; none if nothing helps.
        """
        ways = [
            ClassEdit(it.cls, content_of(it.cls), it.bases, None, None)
            for it in making_way([Derivation.of(edit) for edit in edits])
        ]
        log = _core.Log()
        try:
            for way in ways:
                log.add_type(way.target, way.content, bases=way.bases)
        except (TypeError, ValueError):
            return []  # they could not be laid out
        mover = qualname_of(edits[-1].target)
        for way in ways:
            self._waiting.setdefault(id(way.target), _Waiting(way.target, mover, words))
        return ways

    def settle(self, cls: type) -> None:
        """Note that a class has the bases that its own statement says."""
        self._waiting.pop(id(cls), None)

    def check(self) -> None:
        """See that all classes that made way have bases of their own again.

        Raises:
            RefusedEdit: One has not, for its statement has not changed: there can be no such class.
        """
        waiting, self._waiting = self._waiting, {}
        for cls, mover, words in waiting.values():
            raise RefusedEdit(
                f"class {mover}: {words}",
                f"class {qualname_of(cls)} is in the way; change its bases too, or restart",
            )
