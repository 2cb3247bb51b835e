"""What ``APPS += ["debug"]`` has put into a list that a module has imported: ``+=`` changes it in
place, for all who have it. Where that is edited, gone, or executed again, what it had put there is
taken out first: a fresh start would begin with the list as others have made it.

Only where that is found there, once, and is known without executing anything of the program. Else
it stays, as the effect of any call, and the report says so.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mighty_patcher.engine.changes import Change, Kind, Plan
from mighty_patcher.engine.identity import are_same
from mighty_patcher.engine.plain_values import UnknownValueError, plain_value
from mighty_patcher.engine.refilled import Refilled, refill
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import ASSIGNMENT, only_name
from mighty_patcher.engine.values import same_value

__all__ = ["Augmented"]

_GONE = "what it has added stays, though it is gone from the source"
_AGAIN = "it was executed again, and what it had added before stays"

_ANY: tuple[Kind, ...] = ("keep", "patch", "run", "remove")
_Remember = Callable[[Refilled], None]


class Augmented:
    """Lists that a module has imported and adds to.

    Args:
        module: The name of the module.
        namespace: Its names.
        plan: What becomes of its statements.

    Attributes:
        steps: What is to be reported.
        changed: The names of lists that have other content than when the reload began.
    """

    def __init__(self, module: str, namespace: Mapping[str, Any], plan: Plan) -> None:
        self.steps: list[Step] = []
        self.changed: set[str] = set()
        self._module = module
        self._namespace = namespace
        self._changes = plan.changes
        self._had: dict[str, list[Any]] = {}
        self._left: dict[str, list[Any]] = {}  # when what was there of a statement was taken out
        self._added: dict[ast.expr, Sequence[Any] | None] = {}

    def gone(self, before: Mapping[str, Any], remember: _Remember) -> dict[str, Any]:
        """Take out what statements have added that are gone.

        Args:
            before: What the names of the module stand for.
            remember: Remembers what is to be undone.

        Returns:
            The lists that have other content now, by their names.
        """
        additions = [it for change in self._changes for it in _before(change, *_ANY)]
        names_before = {**self._namespace, **before} if additions else {}
        self._added = {it.value: _plain(it.value, names_before) for it in additions}
        found = [it for change in self._changes for it in _before(change, "remove")]
        names = [it.name for it in found if self._take_out(it, before, remember, _GONE)]
        self.changed.update(names)
        return {name: self._namespace[name] for name in names}

    def begin(self, change: Change, before: Mapping[str, Any], remember: _Remember) -> None:
        """Take out what a statement has added that is about to be executed again.

        Args:
            change: What becomes of it.
            before: What the names of the module stood for when the reload began.
            remember: Remembers what is to be undone.
        """
        self._had.clear()
        for name, *_ in _additions([change.new] if change.new is not None else []):
            value = self._list(name, before)
            if value is not None:
                self._had[name] = list(value)
        for addition in _before(change, "run") if self._had else ():
            self._take_out(addition, before, remember, _AGAIN)
        self._left = {name: list(self._namespace[name]) for name in self._had}

    def end(self, remember: _Remember) -> dict[str, Any]:
        """Return the lists that have other content, by their names, now that it is executed.

        Args:
            remember: Remembers what is to be undone.
        """
        found: dict[str, Any] = {}
        for name, had in self._had.items():
            value = self._namespace.get(name)
            if type(value) is list:
                remember(Refilled([(value, list(value), self._left[name])]))
                if not are_same(value, had):
                    found[name] = value
        self._had.clear()
        self._left.clear()
        self.changed |= found.keys()
        return found

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [self._added, *self._added.values()]

    def _list(self, name: str, before: Mapping[str, Any]) -> list[Any] | None:
        """Return the list that a name stands for, if it is the one from before."""
        value, known = self._namespace.get(name), before.get(name)
        return value if type(value) is list and value is known else None

    def _take_out(
        self, addition: _Addition, before: Mapping[str, Any], remember: _Remember, reason: str
    ) -> bool:
        """Take out what a statement has added to a list; tell if something is out."""
        name = addition.name
        value = self._list(name, before)
        if value is None:
            return False
        if any(_binds(change, name) for change in self._changes):
            return False  # it is made anew
        added = self._added.get(addition.value)
        if added is not None:
            if not added:
                return False
            place = _place_of(added, value)
            if place is not None:
                rest = [*value[:place], *value[place + len(added) :]]
                if refill([(value, rest, list(value))], remember):
                    return True
        self.steps.append(Step("kept", self._module, name, addition.line, reason))
        return False


class _Addition(NamedTuple):
    """``name += value``, on a line."""

    name: str
    value: ast.expr
    line: int


def _additions(statements: Iterable[ast.stmt]) -> Iterator[_Addition]:
    """Yield what statements add to lists, and those in them."""
    for statement in executed(statements):
        match statement:
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=value):
                yield _Addition(name, value, statement.lineno)


def _before(change: Change, *kinds: Kind) -> Iterator[_Addition]:
    """Yield what the statements of the old text have added of which this becomes."""
    if change.children is not None and not change.header:
        for child in change.children if not isinstance(change.new, ast.ClassDef) else ():
            yield from _before(child, *kinds)
    elif change.kind in kinds and change.old is not None:
        yield from _additions([change.old])


def _plain(expression: ast.expr, names: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return what is added to a list, if that is known without executing it."""
    try:
        value = plain_value(expression, names)
    except (UnknownValueError, LookupError, TypeError, ValueError):
        return None
    return list(value) if type(value) is list or type(value) is tuple else None


def _binds(change: Change, name: str) -> bool:
    """Tell whether a module makes itself what a name stands for."""
    return any(
        isinstance(it, ASSIGNMENT) and only_name(it) == name
        for it in executed(it for it in (change.old, change.new) if it is not None)
    )


def _place_of(added: Sequence[Any], value: list[Any]) -> int | None:
    """Return the place where some objects stand in a list, one after the other, if there is only
    one.
    """
    places = [
        at
        for at in range(len(value) - len(added) + 1)
        if all(map(same_value, added, value[at : at + len(added)]))
    ]
    return places[0] if len(places) == 1 and added else None
