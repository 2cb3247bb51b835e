"""Defaults of functions that calls of others have made: those that stand there now, where these
need nothing of the call.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import takewhile
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from mighty_patcher.engine.trees import digest, function_at
from mighty_patcher.engine.values import same_value

__all__ = [
    "NO_VALUE",
    "Defaults",
    "Signature",
    "constant",
    "defaults_now",
    "signature_at",
    "signature_of",
]

NO_VALUE, _ABSENT = object(), object()


class Defaults(NamedTuple):
    """The defaults of a function, as it has them.

    Attributes:
        positional: For the last of its positional arguments.
        keyword: For those that are given by name alone.
    """

    positional: tuple[Any, ...] | None
    keyword: dict[str, Any] | None


@dataclass(frozen=True)
class Signature:
    """The arguments of a function that can have defaults.

    Attributes:
        names: Their names as the compiler has them, the positional ones first.
        positional: How many of them are positional.
        written: The expression of each default; None for an argument that has none.
    """

    names: tuple[str, ...]
    positional: int
    written: tuple[ast.expr | None, ...]


def signature_of(code: CodeType, arguments: ast.arguments) -> Signature:
    """Return the arguments of a function.

    Args:
        code: Its code.
        arguments: What it was compiled from.
    """
    without = code.co_argcount - len(arguments.defaults)
    written = (*[None] * without, *arguments.defaults, *arguments.kw_defaults)
    return Signature(code.co_varnames[: len(written)], code.co_argcount, written)


def signature_at(tree: ast.AST | None, code: CodeType) -> Signature | None:
    """Return the arguments of the function that has been compiled to some code; None where its text
    is not known.

    Args:
        tree: The module, where it is known.
        code: The code.
    """
    found = function_at(tree, code)
    return None if found is None else signature_of(code, found.args)


def defaults_now(function: FunctionType, was: Signature, now: Signature) -> Defaults | None:
    """Return the defaults that a function would have if it was made now: those that are written as
    they were it has already, and others have to be constants. Nothing is executed.

    Args:
        function: The function, with code of the old signature.
        was: The old signature.
        now: The new one.

    Returns:
        The defaults; None where they may be made of what the enclosing function had, or somebody
        has given the function others than those that stood there.
    """
    held = _held(function, was)
    values = {}
    for at, (name, default) in enumerate(zip(now.names, now.written, strict=True)):
        before = _before(name, at, was, now)
        old = None if before is None else was.written[was.names.index(before)]
        value = _ABSENT if before is None else held.get(before, _ABSENT)
        if digest(old) == digest(default):
            if value is _ABSENT and default is not None:
                return None
        elif not (same_value(value, constant(old)) or same_value(value, constant(default))):
            return None
        else:
            value = constant(default)
        if value is NO_VALUE:
            return None
        values[name] = value
    positional = [values[it] for it in now.names[: now.positional]]
    given = list(takewhile(lambda it: it is not _ABSENT, reversed(positional)))
    if any(it is not _ABSENT for it in positional[: len(positional) - len(given)]):
        return None
    keyword = {it: values[it] for it in now.names[now.positional :] if values[it] is not _ABSENT}
    return Defaults(tuple(reversed(given)) or None, keyword or None)


def _held(function: FunctionType, signature: Signature) -> dict[str, Any]:
    """Return the defaults that a function has, by the names of the arguments."""
    values = function.__defaults__ or ()
    positional = signature.names[: signature.positional]
    last = positional[max(len(positional) - len(values), 0) :]
    return {**dict(zip(last, values, strict=False)), **(function.__kwdefaults__ or {})}


def _before(name: str, at: int, was: Signature, now: Signature) -> str | None:
    """Return what an argument was called: one that is positional may have another name now."""
    if name in was.names:
        return name
    is_positional = at < min(was.positional, now.positional)
    return was.names[at] if is_positional and was.names[at] not in now.names else None


def constant(expression: ast.expr | None) -> Any:
    """Return the value of an expression that is a constant, or a tuple of some; else `NO_VALUE`.
    Where none stands, that there is none.
    """
    if expression is None:
        return _ABSENT
    if any(isinstance(it, ast.List | ast.Dict | ast.Set) for it in ast.walk(expression)):
        return NO_VALUE
    try:
        return ast.literal_eval(expression)
    except ValueError:
        return NO_VALUE
