"""A class statement of which only a part is executed: its header, what changed in its body, and
what depends on that. The rest of the class is what it was: a cache that it holds, a lock.

Only where the class is executed in place, and where nobody has made something else of what the body
had bound: a decorator, a metaclass, an ``__init_subclass__``. Where somebody may have, all of the
body is executed, but for what held_values.py finds.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.class_bodies import mangled, names_deleted, names_in_class
from mighty_patcher.engine.classes import (
    class_dict,
    classes_named,
    has_hook,
    qualname_of,
)
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.metaclasses import builds_a_class, way_for
from mighty_patcher.engine.toplevel import executed, lines_run

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["CannotBeNarrowedError", "Narrowed", "is_left_out", "narrow"]


class CannotBeNarrowedError(Exception):
    """A class cannot be kept after all; so all of its body has to be executed."""


@dataclass(frozen=True)
class Narrowed:
    """What a class keeps while a part of its body is executed.

    Attributes:
        held: Names that the body has from the beginning, because a statement that is not executed
            binds them.
        late: Those of them that it must not find so far.
        kept: Those of them that are bound last by such a statement.
        apart: Names that another definition binds now than the one that did, which goes on.
        names: All names that the body binds, in their order.
        left_out: Lines of the statements that are not executed.
    """

    held: frozenset[str]
    late: frozenset[str]
    kept: frozenset[str]
    apart: frozenset[str]
    names: tuple[str, ...]
    left_out: frozenset[int] = frozenset()

    def before(self, cls: type) -> dict[str, Any]:
        """Return what the body has from the beginning."""
        content = class_dict(cls)
        return {name: content[name] for name in self.names if name in self.held & content.keys()}

    def settle(self, cls: type, namespace: dict[str, Any]) -> None:
        """Give kept names their values again after the execution, and all names their order."""
        content = class_dict(cls)
        for name in self.kept:
            if name in content:
                namespace[name] = content[name]
        for name in self.names:
            if name in namespace:
                namespace[name] = namespace.pop(name)


def narrow(change: Change, keeper: Keeper) -> tuple[ast.ClassDef, dict[str, Narrowed]] | None:
    """Leave out of a class statement what need not be executed.

    Args:
        change: What becomes of the statement.
        keeper: Who keeps the objects of the module.

    Returns:
        The statement, and what it keeps of each class that it defines, by qualified name; None if
        all of it has to be executed.
    """
    if not isinstance(change.new, ast.ClassDef) or change.new.name in keeper.overwritten:
        return None  # `A = mark(A)` is executed again, and finds what it found at first
    found = classes_named(keeper.before, keeper.module_name, change.new.name)
    return _narrow(change, found[0], keeper) if len(found) == 1 else None


def _narrow(
    change: Change, cls: type, keeper: Keeper
) -> tuple[ast.ClassDef, dict[str, Narrowed]] | None:
    new = change.new
    if (
        not isinstance(new, ast.ClassDef)
        or change.children is None
        or not _has_its_attributes(change, cls, keeper.before)
        or not _is_executed_in_place(cls)
        or keeper.is_edited(cls)
        or not all(map(_can_be_left_out, change.children))
        or _needs_what_is_deleted(change.children)
        or any(isinstance(base, ast.Name) and base.id == new.name for base in new.bases)
    ):
        return None
    found: dict[str, Narrowed] = {}
    bound = _Bound(new.name)
    again = _built_again(change.children, bound)
    body: list[ast.stmt] = []
    held: set[str] = set()
    last: dict[str, bool] = {}  # whether a name is bound last by what is not executed
    binder: dict[str, Change] = {}
    left_out: set[int] = set()
    for child in change.children:
        if child.new is None:
            continue
        names = bound.by(child.new)
        is_kept = child.kind in ("keep", "patch") and not _is_text(child.new)
        is_left_out = is_kept and again.isdisjoint([*names, *_decorated_by(child.new, new.name)])
        for name in names:
            last.pop(name, None)
            last[name] = is_left_out
            binder[name] = child
        if not is_left_out:
            body.append(_inner(child, cls, keeper, found))
            continue
        held.update(names)
        left_out.update(lines_run(child.new))
        body.append(_left_out(child.new))
    late = _not_there_yet(change.children, left_out, bound)
    if late is None:
        return None
    result = copy(new)
    result.body = body
    kept = frozenset(name for name, is_left_out in last.items() if is_left_out)
    apart = _bound_apart(change.children, binder, bound)
    late |= held & {"__name__"}  # every class begins with `__module__ = __name__`
    found[qualname_of(cls)] = Narrowed(
        frozenset(held), frozenset(late), kept, apart, tuple(last), frozenset(left_out)
    )
    return result, found


class _Bound:
    """The names that the statements of a class bind; each is looked at once.

    Args:
        class_name: The name of the class.
    """

    def __init__(self, class_name: str) -> None:
        self.class_name = class_name
        self._known: dict[ast.stmt, list[str]] = {}

    def by(self, statement: ast.stmt) -> list[str]:
        """Return the names that a statement binds in the class."""
        found = self._known.get(statement)
        if found is None:
            of_one = ast.ClassDef(self.class_name, [], [], [statement], [])
            found = self._known[statement] = sorted(names_in_class(of_one))
        return found

    def before(self, child: Change) -> list[str]:
        """Return the names that the old statement of a change bound."""
        if child.kind == "keep" and child.children is None and child.new is not None:
            return self.by(child.new)  # which is the same
        return self.by(child.old) if child.old is not None else []


def _has_its_attributes(change: Change, cls: type, namespace: Mapping[str, Any]) -> bool:
    """Tell whether a class has what its body has bound, and is to have that when it gets another
    header.
    """
    old, new = change.old, change.new
    if not isinstance(old, ast.ClassDef) or not isinstance(new, ast.ClassDef) or change.anew:
        return False
    if not change.header:
        return not new.decorator_list
    if way_for(type(cls)).kind != "in place":
        return False  # it would have to be built again
    lines = [child.old.lineno for child in change.children or () if child.old and child.new]
    return (
        not old.decorator_list
        and not any(builds_a_class(it, namespace) for it in new.decorator_list)
        # Functions close over these, and their annotations name them.
        and not getattr(old, "type_params", ())
        and not getattr(new, "type_params", ())
        and all(one <= two for one, two in pairwise(lines))
    )


def _is_executed_in_place(cls: type) -> bool:
    kind = way_for(type(cls)).kind
    return kind == "members only" or (kind == "in place" and not has_hook(cls))


def _bound_apart(
    children: Sequence[Change], binder: Mapping[str, Change], bound: _Bound
) -> frozenset[str]:
    olds = sorted(
        (child for child in children if child.old is not None),
        key=lambda child: child.old.lineno if child.old is not None else 0,
    )
    before = {name: child for child in olds for name in bound.before(child)}
    return frozenset(
        name
        for name, child in before.items()
        if child.new is not None
        and child.kind in ("keep", "patch")
        and binder.get(name, child) is not child
    )


def _not_there_yet(
    children: Sequence[Change], left_out: Collection[int], bound: _Bound
) -> set[str] | None:
    """Find the names that statements which are executed read before the class has them, so that
    they have to find those of the module: ``_match = staticmethod(match)`` above ``def match``.

    Args:
        children: The statements of the class.
        left_out: The lines of those that are not executed.
        bound: The names that they bind.

    Returns:
        The names; None if others of these statements read the same from the class.
    """
    news = [child.new for child in children if child.new is not None]
    binders: dict[str, list[int]] = {}
    for at, statement in enumerate(news):
        for name in bound.by(statement):
            binders.setdefault(name, []).append(at)
    held = {
        name for name, all_ in binders.items() if any(news[it].lineno in left_out for it in all_)
    }
    late, early = set[str](), set[str]()
    for at, statement in enumerate(news):
        if statement.lineno in left_out:
            continue
        for name in held.intersection(
            mangled(it, bound.class_name) for it in facts(statement).reads
        ):
            before = [it for it in binders[name] if it < at]
            if not before:
                late.add(name)
            elif news[before[-1]].lineno in left_out:
                early.add(name)
    return None if late & early else late


def _built_again(children: Sequence[Change], bound: _Bound) -> set[str]:
    """Find what has to be built from the beginning, because a step of it changed or is gone: the
    setter of a property, what is registered with a ``singledispatchmethod``.
    """
    own = {
        name
        for child in children
        for names in (bound.before(child), bound.by(child.new) if child.new is not None else [])
        for name in names
    }
    steps = [
        own.intersection([*bound.by(child.new), *_decorated_by(child.new, bound.class_name)])
        for child in children
        if child.new is not None
    ]
    again: set[str] = set()
    for child in children:
        if child.old is not None and child.kind in ("run", "remove"):
            again |= own.intersection(_decorated_by(child.old, bound.class_name))
            if child.new is None:
                again.update(bound.by(child.old))
    while True:
        found = again.union(*(names for names in steps if not names.isdisjoint(again)))
        if found == again:
            return again
        again = found


def _decorated_by(statement: ast.stmt, class_name: str) -> list[str]:
    """Return the names that the decorators of a definition read."""
    decorators = getattr(statement, "decorator_list", [])
    return [
        mangled(node.id, class_name)
        for decorator in decorators
        for node in ast.walk(decorator)
        if isinstance(node, ast.Name)
    ]


def _inner(child: Change, cls: type, keeper: Keeper, found: dict[str, Narrowed]) -> ast.stmt:
    """Narrow a class in a class, too, if that can be done."""
    assert child.new is not None
    if isinstance(child.new, ast.ClassDef):
        inner = class_dict(cls).get(mangled(child.new.name, cls.__name__))
        if issubclass(type(inner), type) and qualname_of(inner).endswith(f".{child.new.name}"):
            narrowed = _narrow(child, inner, keeper)
            if narrowed is not None:
                found.update(narrowed[1])
                return narrowed[0]
    return child.new


def _can_be_left_out(child: Change) -> bool:
    """Tell whether a statement can be made one that is not executed, if it need not be."""
    if child.new is None or child.kind not in ("keep", "patch"):
        return not isinstance(child.new, ast.Global)
    inside = list(executed([child.new]))
    return not any(
        isinstance(it, ast.Global) or (isinstance(it, ast.AnnAssign) and it is not child.new)
        for it in inside
    )


def _needs_what_is_deleted(children: Sequence[Change]) -> bool:
    """Tell whether a statement that is executed has to do with a name that the class does not keep:
    ``pop = clear = _fail`` above ``del _fail``.
    """
    statements = [it for child in children for it in (child.old, child.new) if it is not None]
    deleted = names_deleted(statements)
    return bool(deleted) and any(
        not deleted.isdisjoint(facts(it).reads | facts(it).binds)
        for child in children
        if child.kind in ("run", "remove")
        for it in (child.old, child.new)
        if it is not None
    )


def _left_out(statement: ast.stmt) -> ast.stmt:
    """Return what is executed in the place of a statement: nothing, but the compiler sees it. It
    looks into methods for the attributes that they assign, and collects annotations.
    """
    if isinstance(statement, ast.AnnAssign):
        annotation = copy(statement)
        annotation.value = None
        return annotation
    never = ast.If(test=ast.Constant(False), body=[statement], orelse=[])
    ast.copy_location(never.test, statement)
    return ast.copy_location(never, statement)


def is_left_out(statement: ast.stmt) -> bool:
    """Tell whether a statement of a class is one that is not executed: `narrow` has left it out."""
    if isinstance(statement, ast.AnnAssign):
        return statement.value is None
    test = statement.test if isinstance(statement, ast.If) else None
    return isinstance(test, ast.Constant) and test.value is False


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
