"""Containers that several statements of a module fill: ``plone = black.copy()``, and below it
``plone.update(width=2)``. Where one of these is edited or gone, the object is made anew, and the
one that there is goes on with what that has in it.

Not where it has anything else than what these statements have put there: that is the program's, and
then an effect stays, as that of any call. What they make is computed without executing anything of
the program, so that it is known for literals, names and the containers of Python alone.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.displays import DISPLAY, UNKNOWN, are_plain_keys
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.plain_values import (
    CONTAINERS,
    UnknownValueError,
    arguments,
    asked,
    plain_value,
)
from mighty_patcher.engine.refilled import differs, refill
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import globals_in
from mighty_patcher.engine.trees import ASSIGNMENT, only_name
from mighty_patcher.engine.values import same_value

__all__ = ["Filled"]

_METHODS: dict[type, frozenset[str]] = {
    dict: frozenset({"clear", "pop", "setdefault", "update"}),
    list: frozenset({"append", "clear", "extend", "insert", "pop", "reverse"}),
    set: frozenset({"add", "clear", "difference_update", "discard", "update"}),
}
_REASON = "what is put into it below changed"
_MEANWHILE = "something was put into it while it was made anew, and is not in the new one"
_HINT = "put it there again, or restart"


class Filled:
    """Lets what several statements fill follow edits of these.

    Args:
        module: The module.
        plan: What becomes of its statements.
    """

    def __init__(self, module: ModuleType, plan: Plan) -> None:
        self._namespace = namespace_of(module)
        self._plan = plan
        self._before: dict[str, tuple[Any, Any]] = {}  # each object, and what it had

    def edited(self, flow: Flow) -> dict[str, str]:
        """Find out what has to be made anew, before anything is executed.

        Args:
            flow: Knows what the statements do.

        Returns:
            The names, each with the reason.
        """
        names = set(filter(None, map(_edited_in, self._plan.changes)))
        if names and _is_only_added(self._plan.changes):
            names.clear()
        for name in names:
            value: Any = self._namespace.get(name)
            if is_one_of(type(value), CONTAINERS):
                statements = self._statements(name, flow)
                if statements and _are_alike(_made(statements, name, self._namespace), value):
                    self._before[name] = value, value.copy()
        return dict.fromkeys(self._before, _REASON)

    def go_on(self, keeper: Keeper) -> dict[str, Any]:
        """Let the objects go on in the place of those that have been made anew.

        Args:
            keeper: Who keeps the objects of the module.

        Returns:
            Those that have other content now, by their names.
        """
        found: dict[str, Any] = {}
        for name, (before, had) in self._before.items():
            new = self._namespace.get(name, ABSENT)
            if new is before or type(new) is not type(before):
                continue
            keeper.replace_within(new)
            if refill([(before, new.copy(), had)], keeper.remember):
                keeper.replaced.append((new, before))
                self._namespace[name] = found[name] = before
            elif differs(before, had):
                keeper.stale.append(Stale(f"{keeper.module_name}.{name}", _MEANWHILE, _HINT))
        self._before.clear()
        return found

    def _statements(self, name: str, flow: Flow) -> list[ast.stmt] | None:
        """Return the statements of the old text that bind a name and fill what it stands for; None
        if others may do so as well, then or now.
        """
        binders: list[tuple[ast.stmt | None, ast.stmt | None]] = []
        found: list[ast.stmt] = []
        for change in self._plan.changes:
            for statement in (change.old, change.new):
                if statement is None:
                    continue
                what = flow.facts_of(statement, before=statement is change.old)
                is_binder = isinstance(statement, ASSIGNMENT) and only_name(statement) == name
                is_filling = _filled_by(statement) == name
                if name in what.binds and not (is_binder or is_filling):
                    return None
                if any(it == name for it, _ in what.mutated) and not is_filling:
                    return None
                if name in globals_in(statement):
                    return None
                if is_binder or is_filling:
                    binders += [(change.old, change.new)] if is_binder else []
                    found += [statement] if statement is change.old else []
        is_bound_once = len(binders) == 2 and binders[0] == binders[1]
        return sorted(found, key=lambda it: it.lineno) if is_bound_once else None


def _edited_in(change: Change) -> str | None:
    """Return the name of what a statement fills that was edited, is gone, or is new."""
    if change.kind not in ("run", "remove"):
        return None
    filled = {_filled_by(it) for it in (change.old, change.new) if it is not None}
    return filled.pop() if len(filled) == 1 else None


def _is_only_added(changes: tuple[Change, ...]) -> bool:
    """Tell whether all that fills something and has changed is new, and stands below all else that
    fills it: then it has to be executed, and nothing else.
    """
    added: set[str] = set()
    for change in changes:
        name = _filled_by(change.new if change.new is not None else change.old)
        if name is None:
            continue
        if change.kind != "keep" and change.old is not None:
            return False
        if change.old is not None and name in added:
            return False
        if change.old is None:
            added.add(name)
    return True


def _filled_by(statement: ast.stmt | None) -> str | None:
    """Return the name of what a statement changes in place, if it does nothing else."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method))) if (
            any(method in it for it in _METHODS.values())
        ):
            return name
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]):
            return name
        case ast.Delete(targets=[ast.Subscript(value=ast.Name(id=name))]):
            return name
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add() | ast.BitOr()):
            return name
    return None


# ---- what statements make


def _made(statements: list[ast.stmt], name: str, names: Mapping[str, Any]) -> Any:
    """Return what a binding and the statements that fill it have made, or `UNKNOWN`."""
    made = UNKNOWN
    try:
        for statement in statements:
            if isinstance(statement, ASSIGNMENT) and only_name(statement) == name:
                if not isinstance(statement.value, (*DISPLAY, ast.Call)):
                    return UNKNOWN  # it is somebody else's
                made = plain_value(statement.value, names)
            elif made is not UNKNOWN:
                _fill(made, statement, names)
    except (UnknownValueError, LookupError, TypeError, ValueError):
        return UNKNOWN
    return made


def _fill(made: Any, statement: ast.stmt, names: Mapping[str, Any]) -> None:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method)) as call):
            if method not in _METHODS.get(type(made), ()):
                raise UnknownValueError
            given, named = arguments(call, names)
            if type(made) is list:
                _check_list_call(method, given)
            else:
                keys = given[:1] if type(made) is dict and method != "update" else given
                asked(it for key in keys for it in _keys(key, is_many="update" in method))
            getattr(made, method)(*given, **named)
        case ast.Assign(targets=[ast.Subscript(slice=key)], value=value):
            made[_key(key, names, made)] = plain_value(value, names)
        case ast.Delete(targets=[ast.Subscript(slice=key)]):
            del made[_key(key, names, made)]
        case ast.AugAssign(op=ast.Add(), value=value) if type(made) is list:
            made.extend(_keys(plain_value(value, names), is_many=True))
        case ast.AugAssign(op=ast.BitOr(), value=value) if type(made) is not list:
            others = plain_value(value, names)
            if type(others) is not type(made):
                raise UnknownValueError
            asked(others)
            made.update(others)
        case _:
            raise UnknownValueError


def _check_list_call(method: str, given: list[Any]) -> None:
    """See that a method of a list asks what it is given nothing: a generator would be exhausted."""
    if method == "extend":
        for it in given:
            _keys(it, is_many=True)
    elif method in ("insert", "pop") and given and type(given[0]) is not int:
        raise UnknownValueError


def _key(expression: ast.expr, names: Mapping[str, Any], made: Any) -> Any:
    (key,) = asked([plain_value(expression, names)])
    if type(made) is list and type(key) is not int:
        raise UnknownValueError
    return key


def _keys(value: Any, *, is_many: bool) -> list[Any]:
    if not is_many:
        return [value]
    if not is_one_of(type(value), (*CONTAINERS, tuple, frozenset)):
        raise UnknownValueError
    return list(value)


def _are_alike(made: Any, there: Any) -> bool:
    """Tell whether a container has just what was made, in the same order."""
    if made is there:
        return True
    if type(made) is not type(there) or not is_one_of(type(made), CONTAINERS):
        return same_value(made, there)
    if len(made) != len(there):
        return False
    if type(made) is set:
        return are_plain_keys(there) and bool(made == there)
    if type(made) is dict and not all(map(same_value, made, there)):
        return False
    mine, theirs = (it.values() if type(it) is dict else it for it in (made, there))
    return all(map(_are_alike, mine, theirs))
