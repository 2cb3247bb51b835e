"""Changes that must do more: run also statements in a class or a block that others feed, or that
have to bind a name again.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from dataclasses import replace

from mighty_patcher.engine.changes import (
    DOCSTRING_CHANGED,
    DOCSTRING_GONE,
    Change,
    pruned,
    redocumented,
)
from mighty_patcher.engine.facts import Facts
from mighty_patcher.engine.statement_facts import StatementFacts
from mighty_patcher.engine.toplevel import is_never_run
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS, IMPORT

__all__ = ["Promotion", "Why"]


Why = Callable[[Facts, frozenset[str], Collection[str]], str | None]
"""Says why a statement has to run, if so, given what it does, and names that statements before it
in the same block have bound, without a change and with one; ``K.x`` is an attribute of a class, and
``T['a'] =`` a place that has been set.
"""


class Promotion:
    """Makes changes do more than the comparison of two texts has found.

    Args:
        facts: What the statements do.
        count: Tells how many statements of the new text bind a name.
    """

    def __init__(self, facts: StatementFacts, count: Callable[[str], int]) -> None:
        self._facts = facts
        self._count = count
        self._without_annotation: dict[int, ast.stmt] = {}
        self._classes = 0  # as many are being decided on

    def promoted(self, change: Change, why: Why) -> Change | None:
        """Return a change that also runs what has a reason to; None if nothing has."""
        return self._with_more(change, why, frozenset(), ())

    def binding(self, change: Change, names: set[str]) -> Change:
        """Return a change that binds some names, whatever else it does."""
        if isinstance(change.new, IMPORT):
            if change.kind == "run":
                names = names | (
                    set(change.names) if change.names else self._facts.bound_by(change)
                )
            return replace(change, kind="run", reason=_again(names), names=tuple(sorted(names)))

        if isinstance(change.new, ast.ClassDef):
            return replace(change, kind="run", reason=_again(names), header=True, anew=True)

        def why(facts: Facts, _shadow: frozenset[str], _dirty: Collection[str]) -> str | None:
            found = names & facts.binds
            return _again(found) if found else None

        return self.promoted(change, why) or change

    def _with_more(
        self, change: Change, why: Why, shadow: frozenset[str], dirty: Collection[str]
    ) -> Change | None:
        new = change.new
        is_whole = change.kind == "run" and change.children is None and change.names != ()
        in_class = isinstance(new, ast.ClassDef)
        if new is None or is_whole or change.anew or (change.header and not in_class):
            return None
        if change.children is None:
            if isinstance(new, ast.If) and is_never_run(new, self._facts.type_checking):
                return None
            found = self._facts.of(new)
            if isinstance(new, ast.AnnAssign) and not self._classes:  # who asks, asks the module
                found = replace(found, annotations=frozenset())
            reason = why(found, shadow, dirty)
            if reason and self._is_only_annotation(new, shadow, dirty, why):
                return replace(change, kind="run", reason=reason, names=())
            return replace(change, kind="run", reason=reason, names=None) if reason else None
        is_fed = change.kind == "run" or any(redocumented(change.children))
        if not is_fed and why(self._facts.of(new), frozenset(), dirty) is None:
            return None
        before = change
        if not change.header and not is_never_run(new, self._facts.type_checking):
            reason = why(self._facts.header_of(new), shadow, dirty)
            if reason:
                change = replace(change, kind="run", reason=reason, header=True)
                if not in_class:
                    return change
        assert change.children is not None
        children = self._children(change, why, shadow, dirty)
        if children == list(change.children):
            return None if change is before else change
        was_run = change.kind == "run"
        reason = next(child.reason for child in children if child.kind == "run")
        return replace(
            change,
            kind="run",
            reason=change.reason if was_run else reason,
            children=tuple(children),
        )

    def _is_only_annotation(
        self, statement: ast.stmt, shadow: frozenset[str], dirty: Collection[str], why: Why
    ) -> bool:
        """Tell whether an assignment has no reason to be executed but its annotation."""
        if self._classes or not isinstance(statement, ast.AnnAssign) or statement.value is None:
            return False
        assignment = self._without_annotation.get(id(statement))
        if assignment is None:
            assignment = ast.copy_location(
                ast.Assign([statement.target], statement.value), statement
            )
            self._without_annotation[id(statement)] = assignment
        return why(self._facts.of(assignment), shadow, dirty) is None

    def _children(
        self, change: Change, why: Why, shadow: frozenset[str], dirty: Collection[str]
    ) -> list[Change]:
        """Decide on the statements in a class or a block, as far as they feed each other."""
        assert change.children is not None
        children = list(change.children)
        in_class = isinstance(change.new, ast.ClassDef)
        self._classes += in_class
        while True:
            before = list(children)
            feeding = set(dirty)
            bound: dict[str, set[str]] = {}
            assert change.new is not None
            header = frozenset() if in_class else self._facts.header_of(change.new).binds
            shadow |= header
            for at, child in enumerate(children):
                here = bound.setdefault(child.branch, set(shadow))
                children[at] = child = (
                    self._with_more(child, why, frozenset(here), feeding) or child
                )
                if in_class and child.reason in (DOCSTRING_CHANGED, DOCSTRING_GONE):
                    feeding.add("__doc__")
                if child.new is None:
                    continue
                feeding |= {f"{name}.__doc__" for name in redocumented([child])}
                if child.kind == "run":
                    feeding |= self._fed_by(child, in_class)
                here |= self._facts.of(child.new).sure
            self._bind_again_in(children)
            self._bind_over(header, children)
            if children == before:
                self._classes -= in_class
                return children

    def _fed_by(self, child: Change, in_class: bool) -> frozenset[str]:
        """Return the names whose values a statement in a block is taken to change, attributes of a
        class, such as ``K.x``, and places that it sets: ``T['a'] =``.
        """
        if isinstance(child.new, ast.ClassDef) and not in_class:
            return self._members_of(child, child.new.name)
        is_fixed = isinstance(child.new, DEFINITION_OR_CLASS) and not (
            in_class and child.new.decorator_list
        )
        return frozenset() if is_fixed else self._facts.bound_by(child) | self._places_of(child)

    def _places_of(self, child: Change) -> frozenset[str]:
        statement = pruned(child)
        sets = frozenset() if statement is None else self._facts.of(statement).sets
        return frozenset(f"{place} =" for place in sets)

    def _members_of(self, change: Change, name: str) -> frozenset[str]:
        changed = [it for it in change.children or () if it.kind in ("run", "remove")]
        statements = [it for child in changed for it in (child.old, child.new) if it is not None]
        return frozenset(
            f"{name}.{bound}" for it in statements for bound in self._facts.of(it).binds
        )

    def _bind_again_in(self, children: list[Change]) -> None:
        """Where a name is bound several times, run all of a branch that binds it if need be."""
        binders: dict[tuple[str, str], list[int]] = {}
        for at, child in enumerate(children):
            if child.new is not None and not isinstance(child.new, DEFINITION_OR_CLASS):
                for name in self._facts.of(child.new).binds:
                    binders.setdefault((child.branch, name), []).append(at)
        for child in list(children):
            statement = pruned(child)  # of a block in it, what is executed
            if statement is None:
                continue
            found = self._facts.of(statement)
            for name in found.reads | found.binds:
                places = binders.get((child.branch, name), [])
                # What others bind, too, may hold another value when the block is entered again.
                if len(places) > 1 or (name in found.reads and self._count(name) > 1):
                    for at in places:
                        if name not in self._facts.bound_by(children[at]):
                            children[at] = self.binding(children[at], {name})

    def _bind_over(self, header: frozenset[str], children: list[Change]) -> None:
        """Run what sets a name anew that the header sets each time that the block is entered."""
        if not header or not any(child.kind == "run" for child in children):
            return
        for at, child in enumerate(children):
            names = header & self._facts.of(child.new).binds if child.new is not None else set()
            if names - self._facts.bound_by(child):
                children[at] = self.binding(child, set(names))


def _again(names: Collection[str]) -> str:
    return f"{', '.join(sorted(names))} has to be set again"
