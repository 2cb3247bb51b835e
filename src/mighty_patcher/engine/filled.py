"""Containers that several statements of a module fill: ``plone = black.copy()``, and below it
``plone.update(width=2)``. Where one of these is edited or gone, the object is made anew, and the
one that there is goes on with what that has in it.

Not where it has anything else than what these statements have put there: that is the program's, and
then an effect stays, as that of any call. What they make is computed without executing anything of
the program, so that it is known for literals, names and the containers of Python alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.displays import DISPLAY, UNKNOWN, are_plain_keys
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.refilled import differs, refill
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import globals_in
from mighty_patcher.engine.trees import ASSIGNMENT, only_name
from mighty_patcher.engine.values import same_value

__all__ = ["Filled"]

_CONTAINERS = (dict, list, set)
_METHODS: dict[type, frozenset[str]] = {
    dict: frozenset({"clear", "pop", "setdefault", "update"}),
    list: frozenset({"append", "clear", "extend", "insert", "pop", "reverse"}),
    set: frozenset({"add", "clear", "difference_update", "discard", "update"}),
}
_REASON = "what is put into it below changed"
_MEANWHILE = "something was put into it while it was made anew, and is not in the new one"
_HINT = "put it there again, or restart"


class _UnknownError(Exception):
    """What an expression is cannot be told without executing it."""


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
            if is_one_of(type(value), _CONTAINERS):
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
                if name in what.binds and not is_binder:
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
                made = _value(statement.value, names)
            elif made is not UNKNOWN:
                _fill(made, statement, names)
    except (_UnknownError, LookupError, TypeError, ValueError):
        return UNKNOWN
    return made


def _fill(made: Any, statement: ast.stmt, names: Mapping[str, Any]) -> None:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr=method)) as call):
            if method not in _METHODS.get(type(made), ()):
                raise _UnknownError
            given, named = _arguments(call, names)
            if type(made) is list:
                _check_list_call(method, given)
            else:
                keys = given[:1] if type(made) is dict and method != "update" else given
                _ask(it for key in keys for it in _keys(key, is_many="update" in method))
            getattr(made, method)(*given, **named)
        case ast.Assign(targets=[ast.Subscript(slice=key)], value=value):
            made[_key(key, names, made)] = _value(value, names)
        case ast.Delete(targets=[ast.Subscript(slice=key)]):
            del made[_key(key, names, made)]
        case _:
            raise _UnknownError


def _check_list_call(method: str, given: list[Any]) -> None:
    """See that a method of a list asks what it is given nothing: a generator would be exhausted."""
    if method == "extend":
        for it in given:
            _keys(it, is_many=True)
    elif method in ("insert", "pop") and given and type(given[0]) is not int:
        raise _UnknownError


def _value(expression: ast.expr | None, names: Mapping[str, Any]) -> Any:
    """Return what an expression is.

    Raises:
        _UnknownError: That is not known without executing it.
    """
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Attribute(value=owner, attr=name):
            module = _value(owner, names)
            if type(module) is ModuleType and name in namespace_of(module):
                return namespace_of(module)[name]
        case ast.Tuple(elts=items):
            return tuple(_items(items, names))
        case ast.List(elts=items):
            return list(_items(items, names))
        case ast.Set(elts=items):
            return set(_ask(_items(items, names)))
        case ast.Dict(keys=keys, values=values):
            return dict(_entries(keys, values, names))
        case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[], keywords=[]):
            return _copied(_value(owner, names))
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" as kind)) if kind not in names:
            given, named = _arguments(expression, names)
            if kind != "dict" and named:
                raise _UnknownError
            if not given:
                return {"dict": dict, "list": list, "set": set}[kind](**named)
            if len(given) == 1 and type(given[0]).__name__ == kind:
                copied = _copied(given[0])
                copied.update(named) if named else None
                return copied
    raise _UnknownError


def _copied(value: Any) -> Any:
    if not is_one_of(type(value), _CONTAINERS):
        raise _UnknownError
    if type(value) is not list:
        _ask(value)
    return value.copy()


def _arguments(call: ast.Call, names: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    named = {it.arg: _value(it.value, names) for it in call.keywords if it.arg is not None}
    if len(named) != len(call.keywords):
        raise _UnknownError
    return list(_items(call.args, names)), named


def _items(items: list[ast.expr], names: Mapping[str, Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, ast.Starred):
            inner = _value(item.value, names)
            if not is_one_of(type(inner), (list, tuple)):
                raise _UnknownError
            yield from inner
        else:
            yield _value(item, names)


def _entries(
    keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, Any]
) -> Iterator[tuple[Any, Any]]:
    for key, value in zip(keys, values, strict=True):
        inner = _value(value, names)
        if key is not None:
            yield _ask([_value(key, names)])[0], inner
        elif type(inner) is dict:
            yield from zip(_ask(inner), inner.values(), strict=True)
        else:
            raise _UnknownError


def _key(expression: ast.expr, names: Mapping[str, Any], made: Any) -> Any:
    (key,) = _ask([_value(expression, names)])
    if type(made) is list and type(key) is not int:
        raise _UnknownError
    return key


def _keys(value: Any, *, is_many: bool) -> list[Any]:
    if not is_many:
        return [value]
    if not is_one_of(type(value), (*_CONTAINERS, tuple, frozenset)):
        raise _UnknownError
    return list(value)


def _ask(keys: Iterable[Any]) -> list[Any]:
    """Return keys of which to look for one runs nothing of the program."""
    found = list(keys)
    if not are_plain_keys(found):
        raise _UnknownError
    return found


def _are_alike(made: Any, there: Any) -> bool:
    """Tell whether a container has just what was made, in the same order."""
    if made is there:
        return True
    if type(made) is not type(there) or not is_one_of(type(made), _CONTAINERS):
        return same_value(made, there)
    if len(made) != len(there):
        return False
    if type(made) is set:
        return are_plain_keys(there) and bool(made == there)
    if type(made) is dict and not all(map(same_value, made, there)):
        return False
    mine, theirs = (it.values() if type(it) is dict else it for it in (made, there))
    return all(map(_are_alike, mine, theirs))
