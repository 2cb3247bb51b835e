"""The module that another one has put in its place in ``sys.modules``, while that other one is
executed again: it gets what it holds of it.

Whoever imports the module gets this one. It may have copied names when it was made, and what is
told of that by the program is its identity alone: where it holds the very object that the other
module held under the same name, it has it from there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.behind import Behind
from mighty_patcher.engine.journal import Journal
from mighty_patcher.engine.module_facts import is_module, name_of_module, namespace_of
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import OF_EVERY_MODULE
from mighty_patcher.errors import RefusedEdit

__all__ = ["Front"]

_ABSENT: Any = object()
_OF_ITS_OWN = OF_EVERY_MODULE - {"__doc__"}
_COPIED = "the module that stands in its place in sys.modules has it from here"
_NOT_COPIED = "the module that stands in its place in sys.modules has not been given it"


class Front:
    """What stands in the place of a module.

    Args:
        module: A module, which is about to be executed again.
        before: Its names now.

    Attributes:
        module: What others import in its place; the module itself, where nothing has taken it.
        before: The names of that from before.
    """

    def __init__(self, module: ModuleType, before: dict[str, Any]) -> None:
        self._is_other = type(module) is Behind
        self.module = module.front if type(module) is Behind else module
        self.before = dict(namespace_of(self.module)) if self._is_other else before
        self._name = name_of_module(module)

    def executed(self, journal: Journal) -> None:
        """Remember what the module has done to it.

        Args:
            journal: Remembers it.
        """
        if self._is_other:
            journal.executed(namespace_of(self.module), self.before)
            if sys.modules.get(self._name) is not self.module:
                journal.was(sys.modules, self._name, self.module)

    def become(self, namespace: dict[str, Any], journal: Journal) -> None:
        """Where the module has put yet another one there, be what that is: those who have imported
        this one go on with it.

        Args:
            namespace: The names of the module.
            journal: Remembers what is bound.

        Raises:
            RefusedEdit: It cannot be.
        """
        other = sys.modules.get(self._name)
        if not self._is_other or other is self.module:
            return
        try:
            if other is None or not issubclass(type(other), ModuleType):
                raise TypeError
            journal.set_class(self.module, type(other))
        except TypeError:
            raise RefusedEdit(
                f"{self._name} would put yet another module in its place in sys.modules, of "
                f"another kind, of which those who have imported it know nothing",
                "leave the lines that do so as they are, or restart",
            ) from None
        for names in (sys.modules, namespace):
            for name in [name for name, value in names.items() if value is other]:
                journal.bind(names, name, self.module)
        own = namespace_of(self.module)
        for name, value in namespace_of(other).items():
            if name not in _OF_ITS_OWN and own.get(name, _ABSENT) is not value:
                journal.bind(own, name, value)

    def take_over(
        self, before: Mapping[str, Any], namespace: Mapping[str, Any], journal: Journal
    ) -> Iterator[Step]:
        """Give it what it had copied.

        Args:
            before: The names that the module had.
            namespace: Those that it has.
            journal: Remembers what is bound.
        """
        own, has_all = namespace_of(self.module), self._has_all(before)
        for name in [*before, *(it for it in namespace if it not in before)]:
            old, new = before.get(name, _ABSENT), namespace.get(name, _ABSENT)
            if old is new or name in _OF_ITS_OWN:
                continue
            if old is _ABSENT and not (has_all or name in own):
                yield Step("kept", self._name, name, 0, _NOT_COPIED)
            elif own.get(name, _ABSENT) is not old:
                continue  # that is its own, or it has been given the new one
            elif new is _ABSENT:
                journal.unbind(own, name)
                yield Step("removed", self._name, name, 0, _COPIED)
            else:
                journal.bind(own, name, new)
                yield Step("rebound", self._name, name, 0, _COPIED)

    def _has_all(self, before: Mapping[str, Any]) -> bool:
        """Tell whether it has been given all that the module had, but for modules, which need not
        be shown: it would have more, too.
        """
        return all(
            self.before.get(name, _ABSENT) is value
            or (name not in self.before and is_module(value))
            for name, value in before.items()
            if name not in _OF_ITS_OWN
        )
