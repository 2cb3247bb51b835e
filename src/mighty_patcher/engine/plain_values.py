"""What an expression is, told without executing anything of the program: literals, names, and the
containers of Python.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mighty_patcher.engine.displays import are_plain_keys
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import is_loaded, namespace_of

__all__ = ["CONTAINERS", "UnknownValueError", "arguments", "asked", "plain_value"]

CONTAINERS = (dict, list, set)


class UnknownValueError(Exception):
    """What an expression is cannot be told without executing it."""


def plain_value(expression: ast.expr | None, names: Mapping[str, Any]) -> Any:
    """Return what an expression is.

    Raises:
        UnknownValueError: That is not known without executing it.
    """
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Attribute(value=owner, attr=name):
            module = plain_value(owner, names)
            if is_loaded(module) and name in namespace_of(module):
                return namespace_of(module)[name]
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            parts = plain_value(left, names), plain_value(right, names)
            if type(parts[0]) is type(parts[1]) and is_one_of(type(parts[0]), (list, tuple)):
                return parts[0] + parts[1]
        case ast.Tuple(elts=items):
            return tuple(_items(items, names))
        case ast.List(elts=items):
            return list(_items(items, names))
        case ast.Set(elts=items):
            return set(asked(_items(items, names)))
        case ast.Dict(keys=keys, values=values):
            return dict(_entries(keys, values, names))
        case ast.Call(func=ast.Attribute(value=owner, attr="copy"), args=[], keywords=[]):
            return _copied(plain_value(owner, names))
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" as kind)) if kind not in names:
            given, named = arguments(expression, names)
            if kind != "dict" and named:
                raise UnknownValueError
            if not given:
                return {"dict": dict, "list": list, "set": set}[kind](**named)
            if len(given) == 1 and type(given[0]).__name__ == kind:
                copied = _copied(given[0])
                copied.update(named) if named else None
                return copied
    raise UnknownValueError


def arguments(call: ast.Call, names: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return what a call is given, by place and by name.

    Raises:
        UnknownValueError: That is not known without executing it.
    """
    named = {it.arg: plain_value(it.value, names) for it in call.keywords if it.arg is not None}
    if len(named) != len(call.keywords):
        raise UnknownValueError
    return list(_items(call.args, names)), named


def asked(keys: Iterable[Any]) -> list[Any]:
    """Return keys of which to look for one runs nothing of the program.

    Raises:
        UnknownValueError: To look for one does.
    """
    found = list(keys)
    if not are_plain_keys(found):
        raise UnknownValueError
    return found


def _copied(value: Any) -> Any:
    if not is_one_of(type(value), CONTAINERS):
        raise UnknownValueError
    if type(value) is not list:
        asked(value)
    return value.copy()


def _items(items: list[ast.expr], names: Mapping[str, Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, ast.Starred):
            inner = plain_value(item.value, names)
            if not is_one_of(type(inner), (list, tuple)):
                raise UnknownValueError
            yield from inner
        else:
            yield plain_value(item, names)


def _entries(
    keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, Any]
) -> Iterator[tuple[Any, Any]]:
    for key, value in zip(keys, values, strict=True):
        inner = plain_value(value, names)
        if key is not None:
            yield asked([plain_value(key, names)])[0], inner
        elif type(inner) is dict:
            yield from zip(asked(inner), inner.values(), strict=True)
        else:
            raise UnknownValueError
