"""What becomes of the statements of a module, and what of them has to be executed for that."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Literal

from mighty_patcher.engine.class_bodies import names_in_class
from mighty_patcher.engine.trees import (
    BLOCK,
    DEFINITION,
    IMPORT,
    LOOP,
    TRY,
    annotation_of,
    docstring_of,
    first_line,
    inert,
    with_branches,
)

__all__ = [
    "DOCSTRING_CHANGED",
    "DOCSTRING_GONE",
    "NEW",
    "Change",
    "Kind",
    "Plan",
    "bound_by",
    "changes_nothing",
    "lines_of",
    "pruned",
    "redocumented",
    "with_members",
]

Kind = Literal["keep", "patch", "run", "remove"]

DOCSTRING_CHANGED = "the docstring changed"
"""The reason of the one statement that is not run but assigned: to ``__doc__``."""
DOCSTRING_GONE = "the docstring is gone"
"""The reason for which ``__doc__`` becomes None."""
NEW = "it is new"


@dataclass(frozen=True)
class Change:
    """What becomes of one statement.

    Attributes:
        kind: ``keep``, ``patch`` (bodies of functions changed), ``run`` or ``remove``.
        old: The statement in the old text, if it was there.
        new: The statement in the new text, unless it is to be removed.
        reason: Why, in words.
        children: The statements in it: those of a class, or those of a block whose header is the
            same. None where it is one whole.
        header: The decorators, bases, keywords or type parameters of a class changed, or what
            decides whether the statements of a block run.
        anew: The class that there is may not be the one that this statement has made.
        branch: Where in the enclosing block it stands: ``body``, ``orelse``, ``finalbody``,
            ``handlers.0``, ``cases.1``.
        names: Of an import, the names it has to bind if not all; with ``*``, of an import of
            everything, it has to bind all. Of an assignment it is empty where the annotation alone
            changed: the value is not computed again.
        fixed: It cannot be run now, whatever changes: it is being executed, or stands below that.
    """

    kind: Kind
    old: ast.stmt | None
    new: ast.stmt | None
    reason: str
    children: tuple[Change, ...] | None = None
    header: bool = False
    anew: bool = False
    branch: str = "body"
    names: tuple[str, ...] | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Plan:
    """What becomes of the statements of a module.

    Attributes:
        changes: In the order of the new text; what is removed stands before what followed it.
        future_annotations: ``from __future__ import annotations`` is in force in the new text.
        type_checking: The names by which the new text knows ``typing.TYPE_CHECKING``.
    """

    changes: tuple[Change, ...]
    future_annotations: bool = False
    type_checking: frozenset[str] = frozenset({"TYPE_CHECKING"})


def lines_of(plan: Plan) -> dict[int, int]:
    """Return where each statement that is in both texts begins in the old one, and in the new one.

    With the first line of the decorators, if there are any; and for a statement that is kept as it
    is, each line of it.
    """
    found: dict[int, int] = {}
    waiting = list(plan.changes)
    while waiting:
        change = waiting.pop()
        old, new = change.old, change.new
        waiting += change.children or ()
        if old is None or new is None or isinstance(new, IMPORT):
            continue
        first, last = first_line(old), old.end_lineno or 0
        now, end = first_line(new), new.end_lineno or 0
        same = change.kind == "keep" and last - first == end - now
        lines = range(first, last + 1) if same else (first,)
        found |= {line: line + now - first for line in lines}
    return found


def pruned(
    change: Change, instead: Callable[[ast.stmt], list[ast.stmt]] = lambda _: []
) -> ast.stmt | None:
    """Return what has to be executed for a change, with its positions in the new text.

    Of an import, that is the names that it did not import before. Of a block whose header is the
    same, a copy that has only the statements that must run, so that the header decides again
    whether they do; branches without any are left empty. A class is one whole.

    Of a ``try``, the statements of its body that must run are executed under the same handlers,
    after the imports that stand before them, which decide how far it gets. If a handler, ``else``
    or ``finally`` changed, the whole ``try`` is executed: nobody knows which handler had run. So is
    one that has a ``finally`` at all, for that clears up after everything in the body; and so is a
    loop.

    Args:
        change: A change of a plan.
        instead: Finds what stands in the place of a statement in a block that need not run, or not
            all of it.

    Returns:
        A statement, not to be changed; None if there is nothing to execute.
    """
    statement = change.new
    if statement is None or change.kind != "run":
        return None
    if isinstance(statement, IMPORT) and change.names is not None:
        part = copy(statement)
        if not (part.names[0].name == "*" and "*" in change.names):
            part.names = [it for alias in part.names for it in _wanted(alias, change.names)]
        return part if part.names else None
    if change.names == ():
        return annotation_of(statement)
    if change.children is None or change.header or not isinstance(statement, BLOCK):
        return inert(statement)
    runs = [child for child in change.children if child.kind in ("run", "remove")]
    if isinstance(statement, LOOP):
        return inert(statement) if runs else None
    if isinstance(statement, TRY) and (
        any(child.branch != "body" for child in runs) or (runs and statement.finalbody)
    ):
        return inert(statement)
    branches: dict[str, list[ast.stmt]] = defaultdict(list)
    before: list[tuple[str, ast.stmt]] = []
    is_empty = True
    for child in change.children:
        needed = pruned(child, instead)
        if needed is not None:
            branches[child.branch] += [*(it for _, it in before), needed]
            if isinstance(child.new, IMPORT) and child.names is not None:
                branches[child.branch] += instead(child.new)  # the other names stay
            before, is_empty = [], False
        elif isinstance(statement, TRY) and isinstance(child.new, IMPORT):
            before.append((child.branch, child.new))
        elif child.new is not None:
            branches[child.branch] += instead(child.new)
    for branch, below in before:  # imports that stand below all that is executed
        branches[branch] += instead(below)
    return None if is_empty else with_branches(statement, branches)


def _wanted(alias: ast.alias, names: Collection[str]) -> list[ast.alias]:
    """Return what of an import has to be done to bind some names: of everything those alone."""
    if alias.name == "*":
        return [ast.copy_location(ast.alias(it), alias) for it in names]
    return [alias] if bound_by(alias) in names else []


def bound_by(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def changes_nothing(plan: Plan) -> bool:
    """Tell whether all statements of a plan are kept or patched, in the order they had."""
    line = 0
    for change in plan.changes:
        if change.kind not in ("keep", "patch"):
            return False
        if change.old is not None:
            if change.old.lineno < line:
                return False
            line = change.old.lineno
    return True


def redocumented(changes: Iterable[Change], path: str = "") -> Iterator[str]:
    """Find the functions that are in both texts and have another docstring in the new one.

    Args:
        changes: Those of a plan, or of what stands in a statement.
        path: What stands before their names: that of a class, with its dot.

    Yields:
        Their qualified names.
    """
    for change in changes:
        old, new = change.old, change.new
        if change.kind not in ("patch", "run") or old is None:
            continue
        if isinstance(new, DEFINITION):
            if isinstance(old, DEFINITION) and docstring_of(old) != docstring_of(new):
                yield path + new.name
        else:
            inner = f"{path}{new.name}." if isinstance(new, ast.ClassDef) else path
            yield from redocumented(change.children or (), inner)


def with_members(change: Change, path: Sequence[str], names: Mapping[str, str]) -> Change:
    """Return a change that also executes what binds some names in the body of a class.

    Args:
        change: A change of the class, or of what it stands in.
        path: Its name, below those of the classes around it.
        names: The names as they are in the class, and why each has to be bound.
    """
    new, children, within = change.new, change.children or (), path
    if isinstance(new, ast.ClassDef):
        if new.name != path[0]:
            return change
        within = path[1:]
    if within:
        more = [with_members(it, within, names) for it in children]
    else:
        more = [_with_member(it, path[0], names) for it in children]
    reason = next((it.reason for it, was in zip(more, children, strict=True) if it != was), "")
    if not reason:
        return change
    why = change.reason if change.kind == "run" else reason
    return replace(change, kind="run", reason=why, children=tuple(more))


def _with_member(child: Change, class_name: str, names: Mapping[str, str]) -> Change:
    if child.kind == "run" or child.new is None:
        return child
    of_one = ast.ClassDef(class_name, [], [], [child.new], [])
    bound = sorted(names_in_class(of_one) & names.keys())
    return replace(child, kind="run", reason=names[bound[0]]) if bound else child
