"""What was read before it was changed in place, or after, where a fresh start does it the other
way round: statements are kept though others have moved past them, or were executed again.
"""

from __future__ import annotations

import ast
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.effects import IsNew
from mighty_patcher.engine.facts import Facts
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import name_of_statement
from mighty_patcher.engine.trees import DEFINITION, IMPORT

__all__ = ["kept_out_of_order"]

_Target = tuple[str, str]  # as in Facts.mutated


@dataclass(frozen=True)
class _Leaf:
    """A statement that may be executed by itself.

    Attributes:
        statement: It, as it is in the new text.
        at: Where it stands there.
        before: Where it stood in the old text, if it was there.
        was_run: It was executed by this reload.
    """

    statement: ast.stmt
    at: tuple[int, int]
    before: tuple[int, int] | None
    was_run: bool


def kept_out_of_order(
    module: str,
    changes: Iterable[Change],
    facts_of: Callable[[ast.stmt], Facts],
    was_run: Callable[[ast.stmt], bool],
    is_new: IsNew,
) -> Iterator[Step]:
    """Say of statements that they have read something before it was changed in place, or after,
    where a fresh start does it the other way round.

    Args:
        module: The name of the module.
        changes: What becomes of its statements.
        facts_of: Finds what they do.
        was_run: Tells whether a statement was executed by this reload.
        is_new: Tells what is new.
    """
    leaves = [leaf for change in changes for leaf in _leaves(change, was_run)]
    changers: dict[_Target, list[_Leaf]] = defaultdict(list)
    for leaf in leaves:
        if not isinstance(leaf.statement, DEFINITION):
            for target in facts_of(leaf.statement).mutated:
                changers[target].append(leaf)
    orders = {it: _Order(found) for it, found in changers.items() if not is_new(*it)}
    named: set[_Target] = set()
    for leaf in leaves if orders else ():
        for target in _read(facts_of(leaf.statement), orders):
            missed = None if isinstance(leaf.statement, IMPORT) else orders[target].missed(leaf)
            if missed is not None and not _only_changes(leaf, target):
                yield _step(module, leaf, "read", target, *missed)
                named.add(target)
                break
    for target in sorted(orders.keys() - named):
        yield from _changed_out_of_order(module, target, changers[target], orders[target])


def _changed_out_of_order(
    module: str, target: _Target, changers: list[_Leaf], order: _Order
) -> Iterator[Step]:
    """Say once of an object that what changes it in place would do so in another order."""
    by_key: dict[str | None, list[_Leaf]] = defaultdict(list)
    for leaf in changers:
        by_key[_key(leaf.statement)].append(leaf)
    of_all = _Order(by_key[None])
    for key, found in by_key.items():
        # What is done to one key does not meet what is done to another.
        met = (order,) if key is None else (_Order(found), of_all)
        for leaf in found:
            missed = next((it for it in (one.missed(leaf) for one in met) if it), None)
            if missed is not None and _only_changes(leaf, target):
                yield _step(module, leaf, "changed", target, *missed)
                return


def _step(module: str, leaf: _Leaf, did: str, target: _Target, when: str, line: int) -> Step:
    path = ".".join(filter(None, target))
    reason = f"it has {did} {path} {when} line {line} changed it in place"
    return Step("kept", module, name_of_statement(leaf.statement), leaf.at[0], reason)


class _Order:
    """Where an object is changed in place, now and before.

    Args:
        changers: The statements that do so.
    """

    def __init__(self, changers: Iterable[_Leaf]) -> None:
        ran = [it.at for it in changers if it.was_run]
        kept = sorted(
            (it.at, it.before) for it in changers if it.before is not None and not it.was_run
        )
        self._ran = min(ran, default=None)
        self._kept = [at for at, _ in kept]
        stood = [(before, at[0]) for at, before in kept]
        self._latest = list(accumulate(stood, max))
        self._earliest = list(accumulate(reversed(stood), min))[::-1]

    def missed(self, reader: _Leaf) -> tuple[str, int] | None:
        """Return whether a statement came before a change or after it, where now it is the other
        way round, and on which line that is.
        """
        first = bisect_left(self._kept, reader.at)
        after = bisect_right(self._kept, reader.at)
        if reader.was_run:  # after all that has been done before this reload
            return ("after", self._kept[after][0]) if after < len(self._kept) else None
        if reader.before is None:
            return None
        if self._ran is not None and self._ran < reader.at:
            return "before", self._ran[0]
        if first and self._latest[first - 1][0] >= reader.before:
            return "before", self._latest[first - 1][1]
        if after < len(self._kept) and self._earliest[after][0] < reader.before:
            return "after", self._earliest[after][1]
        return None


def _leaves(change: Change, was_run: Callable[[ast.stmt], bool]) -> Iterator[_Leaf]:
    """Yield the statements in one that may be executed by themselves."""
    if change.new is None:
        return
    if change.children is not None and not isinstance(change.new, ast.ClassDef):
        for child in change.children:
            yield from _leaves(child, was_run)
    else:
        before = None if change.old is None else _place(change.old)
        yield _Leaf(change.new, _place(change.new), before, was_run(change.new))


def _place(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


def _read(found: Facts, orders: dict[_Target, _Order]) -> list[_Target]:
    """Return what a statement reads of these objects, if it makes something of it."""
    if not (found.binds or found.mutated):
        return []
    names = {(name, "") for name in found.reads}
    return sorted((names | found.attributes) & orders.keys())


def _only_changes(leaf: _Leaf, target: _Target) -> bool:
    """Tell whether a statement changes an object in place and makes nothing of what was in it:
    ``table["a"] = 1``, ``table["names"].append("a")``.
    """
    path = ".".join(filter(None, target))
    match leaf.statement:
        case ast.Assign(targets=[ast.Subscript(value=owner, slice=key)], value=value):
            others = [key, value]
        case ast.Delete(targets=[ast.Subscript(value=owner, slice=key)]):
            others = [key]
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner), args=args, keywords=named)):
            others = [*args, *(it.value for it in named)]
        case _:
            return False
    while isinstance(owner, ast.Attribute | ast.Subscript) and ast.unparse(owner) != path:
        others += [owner.slice] if isinstance(owner, ast.Subscript) else []
        owner = owner.value
    root = path.partition(".")[0]
    return ast.unparse(owner) == path and not any(
        isinstance(node, ast.Name) and node.id == root
        for it in others
        if not isinstance(it, ast.Constant)
        for node in ast.walk(it)
    )


def _key(statement: ast.stmt) -> str | None:
    """Return what stands for a key that alone is set or deleted, if its text says which it is."""
    match statement:
        case (
            ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=key))])
            | ast.Delete(targets=[ast.Subscript(slice=ast.Constant(value=key))])
        ):
            return repr(key)
    return None
