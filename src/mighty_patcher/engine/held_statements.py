"""The statements of a class body that is executed again: which of them may be left as they are,
because they are in both texts, and have nothing to do with those that may not.

What cannot be told apart goes together: a name that several statements bind, ``count = 0`` and
``count += 1``, stays if all of them are left, and else is made from the beginning. A block is left
as one; or, where a statement in it changed, those statements in it that may.

Pure: only syntax trees are looked at.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.class_bodies import mangled, names_in_class
from mighty_patcher.engine.facts import deletes, facts, header_facts
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import (
    ASSIGNMENT,
    DEFINITION,
    IMPORT,
    WITH,
    body_of,
    branches_of,
    is_text,
    only_name,
)

__all__ = ["DISPLAYS", "HeldStatements", "makes_something"]

DISPLAYS: dict[type[ast.expr], type] = {
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
}
"""The expressions that make a container each time, and its type."""
_LOOKS_AT_ALL_NAMES = frozenset({"locals", "vars", "exec", "eval"})
_OPENED = (ast.If, ast.Match, *WITH)
"""Blocks of which a part can be executed: nobody knows how far a ``try`` has got, or a loop."""
_EXECUTED_AGAIN = (*IMPORT, ast.ClassDef, ast.Pass, ast.Global)


class HeldStatements:
    """The statements of a class that is executed, and those that it had before.

    Args:
        change: What becomes of the class.
        class_name: Its name.
        type_params: The type parameters of the classes that it is in.

    Attributes:
        type_params: These, and its own.
    """

    def __init__(self, change: Change, class_name: str, type_params: set[str]) -> None:
        self._class_name = class_name
        self._known: dict[ast.stmt, tuple[set[str], set[str]]] = {}
        self._opened: set[ast.stmt] = set()
        self._children = list(self._apart(change.children or ()))
        self._statements = [
            it
            for text in (change.old, change.new)
            if text is not None
            for it in self._apart_in(body_of(text, "body"))
        ]
        self._become = {  # what evaluates the same
            it.old: it.new
            for it in self._children
            if it.kind in ("keep", "patch") and it.old is not None and it.new is not None
        }
        self.type_params = type_params | {
            it.name
            for statement in (change.old, change.new)
            for it in getattr(statement, "type_params", ())
        }
        lines = [it.old.lineno for it in self._children if it.old and it.new]
        self._is_in_order = lines == sorted(lines)

    def _apart(self, children: Iterable[Change]) -> Iterator[Change]:
        """Yield what becomes of each statement, of opened blocks what becomes of those in them."""
        for child in children:
            yield child
            if (
                child.kind == "run"
                and child.old is not None
                and child.children is not None
                and not child.header
                and isinstance(child.new, _OPENED)
            ):
                self._opened |= {child.old, child.new}
                yield from self._apart(child.children)

    def _apart_in(self, body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
        for statement in body:
            yield statement
            if statement in self._opened:
                for _, branch in branches_of(statement):
                    yield from self._apart_in(branch)

    def alike(self) -> list[Change]:
        """Return what is the same in both texts, and would make or do something again."""
        found = [it for it in self._children if self._can_be_left(it)]
        declared = {
            name
            for statement in self._statements
            for it in executed([statement])
            if isinstance(it, ast.Global)
            for name in it.names
        }
        return [it for it in found if declared.isdisjoint(self.bound_by(it))]

    def _can_be_left(self, child: Change) -> bool:
        statement = child.new
        if child.kind not in ("keep", "patch") or child.old is None or statement is None:
            return False
        if isinstance(statement, DEFINITION):
            return not self.type_params  # it closes over these, also to evaluate annotations
        if is_text(statement) or isinstance(statement, _EXECUTED_AGAIN):
            return False
        if isinstance(statement, ast.AnnAssign):
            return statement.value is not None and self.bound_by(child) == {
                mangled(only_name(statement) or "", self._class_name)
            }
        # The compiler looks for annotations and classes; who sees only values does not find them.
        return not any(
            isinstance(it, (ast.AnnAssign, ast.ClassDef)) for it in executed([statement])
        )

    def bound_by(self, child: Change) -> set[str]:
        """Return the names that a statement binds or deletes, as they are in the class."""
        assert child.new is not None
        return self._facts_of(child.new)[1]

    def sources(self, child: Change, name: str) -> list[ast.stmt | ast.expr | None]:
        """Return what a name may have been bound to by a statement, or a block: definitions of
        functions, and expressions; None for what cannot be told.

        Args:
            child: What becomes of the statement: nothing.
            name: The name, as it is in the class.
        """
        assert child.new is not None
        found: list[ast.stmt | ast.expr | None] = []
        for it in executed([child.new]):
            values = [
                value
                for written, value in _bound_to(it)
                if mangled(written, self._class_name) == name
            ]
            found += [it for it in values if it is not None] or values[:1]
        return found

    def deleted(self) -> set[str]:
        """Return the names that statements delete."""
        found = (deletes(it) for it in self._statements if it not in self._opened)
        return {mangled(name, self._class_name) for names in found for name in names}

    def lays_out_otherwise(self) -> bool:
        """Tell whether another class may have to be made, with values of its own."""
        return any(
            "__slots__" in self._facts_of(it)[1]
            for child in self._children
            if child.kind in ("run", "remove")
            for it in (child.old, child.new)
            if it is not None
        )

    def _facts_of(self, statement: ast.stmt) -> tuple[set[str], set[str]]:
        """Return the names that a statement reads, and those that it binds; of an opened block its
        header.
        """
        statement = self._become.get(statement, statement)
        known = self._known.get(statement)
        if known is None:
            found = header_facts(statement) if statement in self._opened else facts(statement)
            reads, binds = (
                {mangled(it, self._class_name) for it in names}
                for names in (found.reads, found.binds)
            )
            if isinstance(statement, ast.AnnAssign):
                binds |= names_in_class(ast.ClassDef(self._class_name, [], [], [statement], []))
            known = self._known[statement] = reads, binds
        return known

    def independent(self, found: Iterable[Change]) -> list[Change]:
        """Leave out what has to be made anew with the rest: what a statement that is executed
        reads, for it may put something into that, as it has done before; what is made out of
        something that is made anew; what something else is bound to by the same name; and
        everything, where a statement sees all names.

        Args:
            found: What may be left as it is.
        """
        left = {id(it): it for it in found}
        statements = {at: [it for it in (c.old, c.new) if it is not None] for at, c in left.items()}
        readers, binders = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
        for at, olds_and_news in statements.items():
            reads, binds = self._facts_of(olds_and_news[-1])
            for names, by_name in ((reads, readers), (binds, binders)):
                for name in names:
                    by_name[name].add(at)
        apart = {id(it) for its in statements.values() for it in its}
        waiting = [it for it in self._statements if id(it) not in apart]
        edited = self._edited_assignments()
        dropped = {at for name in self.type_params for at in readers[name]}
        if not self._is_in_order:  # who is made out of whom is another matter then
            for name in {name for it in self._statements for name in self._facts_of(it)[1]}:
                if readers[name] or len(binders[name]) > 1:
                    dropped |= readers[name] | binders[name]
        while waiting or dropped:
            for at in dropped & left.keys():
                del left[at]
                waiting += statements[at]
            dropped = set()
            for statement in waiting:
                reads, binds = self._facts_of(statement)
                if not reads.isdisjoint(_LOOKS_AT_ALL_NAMES):
                    return []
                for name in reads if id(statement) not in edited else ():
                    dropped |= binders[name]
                is_another = not _is_the_same_again(statement)
                for name in binds:
                    dropped |= binders[name] | (readers[name] if is_another else set())
            dropped &= left.keys()
            waiting = []
        return list(left.values())

    def _edited_assignments(self) -> set[int]:
        """Return the identities of assignments that changed, and do nothing but assign: as in a
        class of which only these are executed, what they read stays.
        """
        pairs = [(it.old, it.new) for it in self._children if it.kind == "run"]
        return {
            id(it)
            for pair in pairs
            if all(isinstance(it, ASSIGNMENT) for it in pair)
            for it in pair
            if it is not None and not facts(it).mutated
        }


def _is_the_same_again(statement: ast.stmt) -> bool:
    """Tell whether a statement binds the very same when it is executed again."""
    if isinstance(statement, ASSIGNMENT):
        return statement.value is None or not makes_something(statement.value)
    return isinstance(statement, IMPORT) or is_text(statement)


def makes_something(expression: ast.expr) -> bool:
    """Tell whether to evaluate an expression anew would make another object, or do something."""
    waiting: list[ast.AST] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Call, *DISPLAYS)):
            return True
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return False


def _bound_to(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt | ast.expr | None]]:
    """Yield the names that one statement binds, and what to, as far as that can be told."""
    if isinstance(statement, DEFINITION):
        yield statement.name, statement
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _assigned(target, statement.value)
    elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
        yield from _assigned(statement.target, statement.value)
    known = header_facts(statement) if branches_of(statement) else facts(statement)
    for name in known.binds:
        yield name, None


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif (
        isinstance(target, (ast.Tuple, ast.List))
        and isinstance(value, (ast.Tuple, ast.List))
        and len(value.elts) == len(target.elts)
        and not any(isinstance(it, ast.Starred) for it in (*value.elts, *target.elts))
    ):
        for one, its in zip(target.elts, value.elts, strict=True):
            yield from _assigned(one, its)
