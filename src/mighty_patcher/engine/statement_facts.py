"""What the statements of a plan do when they are executed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence

from mighty_patcher.engine.changes import Change, Plan, pruned
from mighty_patcher.engine.facts import (
    LAZY,
    TYPE_CHECKING,
    Facts,
    Stars,
    ends,
    facts,
    header_facts,
)
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import BLOCK, TRY, WITH

__all__ = ["StatementFacts"]

_BY_THEIR_COURSE = (ast.ClassDef, *TRY, *WITH)


class StatementFacts:
    """What executing the statements of a plan does, of both texts; each is looked at once.

    Args:
        plan: What becomes of the statements.
        stars: Finds the names that an import of everything brings.
        stars_before: Finds those that it brought when the reload began.

    Attributes:
        type_checking: The names by which the new text knows ``typing.TYPE_CHECKING``.
        are_plain: They are what `facts` finds of a statement that is looked at by itself.
    """

    def __init__(self, plan: Plan, stars: Stars | None, stars_before: Stars | None) -> None:
        self.type_checking = plan.type_checking
        self._plan = plan
        self._lazy = LAZY or plan.future_annotations
        self.are_plain = self._lazy == LAZY and plan.type_checking == TYPE_CHECKING
        self._stars = stars
        self._stars_before = stars_before or stars
        self._known: dict[tuple[int, bool], Facts] = {}
        self._headers: dict[int, Facts] = {}
        self._kept_alive: list[ast.stmt] = []
        self._binders: dict[str, list[ast.stmt]] | None = None

    def forget(self) -> None:
        """Look at all statements anew: imports of everything bring other names."""
        self._known.clear()

    def of(self, statement: ast.stmt, *, before: bool = False) -> Facts:
        """Find out what executing a statement does now, or did when the reload began."""
        found = self._known.get((id(statement), before))
        if found is None:
            found = self._known.get((id(statement), not before))
            if found is None or "*" in found.binds:
                found = facts(
                    statement,
                    lazy_annotations=self._lazy,
                    type_checking=self.type_checking,
                    stars=self._stars_before if before else self._stars,
                )
            self._known[id(statement), before] = found
            self._kept_alive.append(statement)
        return found

    def header_of(self, statement: ast.stmt) -> Facts:
        """Find out what the header of a block does."""
        found = self._headers.get(id(statement))
        if found is None:
            found = header_facts(
                statement, lazy_annotations=self._lazy, type_checking=self.type_checking
            )
            self._headers[id(statement)] = found
            self._kept_alive.append(statement)
        return found

    def ends(self, body: Sequence[ast.stmt]) -> bool:
        """Tell whether a body may come to its end, instead of raising something."""
        return ends(body, type_checking=self.type_checking)

    def sure(self, statement: ast.stmt) -> frozenset[str]:
        """Return the names that a statement has bound whatever happened."""
        found = self.of(statement, before=True)
        return found.sure - found.deletes - {"*"}

    def bound_by(self, change: Change) -> frozenset[str]:
        """Return the names that executing a change binds."""
        statement = pruned(change)
        return frozenset() if statement is None else self.of(statement).binds

    def unsure(self, change: Change) -> frozenset[str]:
        """Return the names that executing a change may leave alone.

        Where the header of a block is the same, what a branch binds now it bound before; but a
        ``try`` may come less far this time.
        """
        if change.children is None or change.header or isinstance(change.new, _BY_THEIR_COURSE):
            statement = pruned(change)
            if statement is None:
                return frozenset()
            found = self.of(statement)
            return found.binds - found.sure
        runs = [self.unsure(child) for child in change.children if child.kind == "run"]
        return frozenset().union(*runs)

    def removed_from(self, change: Change) -> frozenset[str]:
        """Return the names that statements have bound which are gone from a block."""
        if not isinstance(change.new, BLOCK):
            return frozenset()
        gone = [it.old for it in change.children or () if it.kind == "remove" and it.old]
        inner = [self.removed_from(it) for it in change.children or ()]
        return frozenset().union(*(self.of(it, before=True).binds for it in gone), *inner)

    def binding(
        self, statements: Iterable[ast.stmt], name: str, *, before: bool = False
    ) -> Iterator[ast.stmt]:
        """Yield what binds a name in some statements, a block for its header alone."""
        for it in executed(statements):
            found = self.of(it, before=before)
            if isinstance(it, BLOCK):
                found = self.header_of(it)
            if name in found.binds:
                yield it

    def binders_before(self, name: str) -> list[ast.stmt]:
        """Return the statements of the old text that bind a name; a block by its header alone."""
        if self._binders is None:
            self._binders = {}
            for it in executed(it.old for it in self._plan.changes if it.old is not None):
                found = self.header_of(it) if isinstance(it, BLOCK) else self.of(it)
                for bound in found.binds:
                    self._binders.setdefault(bound, []).append(it)
        return self._binders.get(name, [])
