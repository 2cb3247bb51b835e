"""What the functions of a module read that a statement calls, where more than one statement binds
it: a call in the middle of a module finds what is there by then.

Pure: only syntax trees are looked at, and only calls by name are followed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["Calls"]

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_MAKES = ("__init__", "__new__", "__post_init__")

Definitions = Callable[[str], Iterable[ast.stmt]]
"""Finds the statements that may have given a name its value."""


@dataclass(frozen=True)
class _Body:
    reads: frozenset[str]
    calls: frozenset[str]


class Calls:
    """Follows calls; each function is looked at once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[ast.stmt, _Body]] = {}

    def read(
        self, called: Iterable[str], definitions: Definitions, wanted: Collection[str]
    ) -> set[str]:
        """Return the names of a module that are read when some of its functions are called.

        Args:
            called: The names of the functions, or of classes.
            definitions: Finds their statements.
            wanted: The names that are looked for.
        """
        found: set[str] = set()
        waiting, seen = list(called), set(called)
        while waiting:
            for statement in definitions(waiting.pop()):
                body = self._body(statement)
                found.update(body.reads.intersection(wanted))
                waiting += body.calls - seen
                seen |= body.calls
        return found

    def _body(self, statement: ast.stmt) -> _Body:
        known = self._known.get(id(statement))
        if known is None:
            known = self._known[id(statement)] = statement, _body_of(statement)
        return known[1]


def _body_of(statement: ast.stmt) -> _Body:
    reads: set[str] = set()
    calls: set[str] = set()
    for function in _called(statement):
        own = _own_names(function)
        for node in (it for part in function.body for it in ast.walk(part)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                reads.add(node.id)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                calls.add(node.func.id)
        reads -= own
        calls -= own
    return _Body(frozenset(reads), frozenset(calls))


def _called(statement: ast.stmt) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the functions that are called by the name that a statement binds."""
    if isinstance(statement, _FUNCTION):
        yield statement
    elif isinstance(statement, ast.ClassDef):
        for it in statement.body:
            if isinstance(it, _FUNCTION) and it.name in _MAKES:
                yield it


def _own_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Return the names that a function, or one in it, has for itself."""
    own: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                own.add(name)
            case ast.Global(names=names):
                others.update(names)
            case ast.alias(name=name, asname=asname):
                own.add(asname or name.partition(".")[0])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                if node is not function:
                    own.add(name)
    return own - others
