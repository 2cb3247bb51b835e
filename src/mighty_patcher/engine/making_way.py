"""Classes that derive from something else for a while, so that others can have their new bases.

One save may change two classes, the second of which derives from the first and, as it still is,
conflicts with the first as it is to be. In a fresh process there would be no second yet when the
first is made. Here it makes way until its own statement gives it the bases of the new text; where
no statement does, that text has the conflict, and the reload is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mighty_patcher import _core
from mighty_patcher.engine.classes import (
    ClassEdit,
    bases_of,
    class_dict,
    classes_named,
    content_of,
    mro_of,
    qualname_of,
)
from mighty_patcher.engine.hierarchy import Derivation, making_way
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import every_module, is_module, name_of_module, namespace_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.errors import RefusedEdit

__all__ = ["MakingWay"]


class _Waiting(NamedTuple):
    cls: type
    bases: tuple[type, ...]
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
            self._waiting.setdefault(
                id(way.target), _Waiting(way.target, bases_of(way.target), mover, words)
            )
        return ways

    def settle(self, cls: type) -> None:
        """Note that a class has the bases that its own statement says."""
        self._waiting.pop(id(cls), None)

    def check(self) -> Iterator[Stale]:
        """See that all classes that made way have bases of their own again.

        Yields:
            Those that are gone from the source, and go on without the bases that they have lost.

        Raises:
            RefusedEdit: One has not, for its statement has not changed: there can be no such class.
        """
        waiting, self._waiting = self._waiting, {}
        for cls, bases, mover, words in waiting.values():
            if not _is_gone(cls):
                raise RefusedEdit(
                    f"class {mover}: {words}",
                    f"class {qualname_of(cls)} is in the way; change its bases too, or restart",
                )
            lost = [qualname_of(it) for it in bases if not is_one_of(it, mro_of(cls))]
            if lost:
                yield Stale(
                    f"class {qualname_of(cls)}",
                    f"it is gone from the source, and has lost {' and '.join(lost)} as a base, so "
                    f"that class {mover} can have new ones",
                    "restart if something still uses it",
                )


def _is_gone(cls: type) -> bool:
    """Tell whether no module has a class by any name, nor in one of its classes, and no function
    may have made it.
    """
    name, holder = qualname_of(cls), sys.modules.get(str(class_dict(cls).get("__module__")))
    if "<locals>" in name or not is_module(holder):
        return False
    names = namespace_of(holder)
    return not is_one_of(cls, classes_named(names, name_of_module(holder), name)) and not any(
        it is cls for module in every_module() for it in list(namespace_of(module).values())
    )
