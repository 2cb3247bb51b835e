"""Variables of an enclosing function that a closure has no cell for, and whose values do not depend
on the call that has made it: constants, what is imported, and the closure itself.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterator
from types import CellType, CodeType, FunctionType
from typing import Any

from mighty_patcher.engine.classes import is_class
from mighty_patcher.engine.imports import imported_by
from mighty_patcher.engine.module_facts import is_module, named_by, namespace_of
from mighty_patcher.engine.signatures import NO_VALUE, constant
from mighty_patcher.engine.trees import function_at

__all__ = ["cell_for"]

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def cell_for(
    name: str, function: FunctionType, code: CodeType, tree: ast.Module | None
) -> CellType | None:
    """Return a cell for a variable of an enclosing function; None where it may hold another thing
    for each call. Nothing is executed.

    Args:
        name: The variable, as the compiler has it.
        function: The closure.
        code: Its new code.
        tree: What that was compiled from, where it is known.
    """
    definition = function_at(tree, code)
    if tree is None or definition is None:
        return None
    for enclosing in _around(definition, tree):
        binders = [it for it in ast.walk(enclosing) if it is not enclosing and name in _bound(it)]
        if binders:
            return _cell(function, definition, enclosing, binders)
    return None


def _cell(
    function: FunctionType,
    definition: ast.AST,
    enclosing: ast.AST,
    binders: list[ast.AST],
) -> CellType | None:
    """Return a cell for a variable that these bind; only one may, and in any case."""
    (binder, *others), statements = binders, getattr(enclosing, "body", ())
    if others or not isinstance(statements, list):
        return None
    if isinstance(binder, ast.alias):
        value = _imported(binder, statements, function)
    elif isinstance(binder, ast.Name):
        value = _assigned(binder, statements)
    elif binder is definition and _is_bound_as_it_is(binder, function):
        value = function
    else:
        value = NO_VALUE
    return None if value is NO_VALUE else CellType(value)


def _around(definition: ast.AST, tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the functions around a definition, from the inside out."""
    inner: list[ast.AST] = []
    for it in ast.walk(tree):
        if isinstance(it, _FUNCTION) and it is not definition:
            body = it.body if isinstance(it.body, list) else [it.body]
            if any(node is definition for part in body for node in ast.walk(part)):
                inner.append(it)
    return reversed(inner)


def _bound(node: ast.AST) -> Iterator[str | None]:
    """Yield the names that a node binds, in whatever scope, or lets others bind."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from names
        case ast.MatchMapping(rest=name):
            yield name
        case _ if isinstance(getattr(node, "name", None), str):  # definitions, handlers, patterns
            yield node.name  # type: ignore[attr-defined]


def _assigned(binder: ast.Name, statements: list[ast.stmt]) -> Any:
    for statement in statements:
        match statement:
            case ast.Assign(targets=[target], value=value) if target is binder:
                return constant(value)
            case ast.AnnAssign(target=target, value=ast.expr() as value) if target is binder:
                return constant(value)
    return NO_VALUE


def _imported(binder: ast.alias, statements: list[ast.stmt], function: FunctionType) -> Any:
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom) and binder in statement.names:
            package = function.__globals__.get("__package__") or ""
            bound = [*imported_by(statement, package)]  # nothing if that is beyond the top
            found = dict(zip(statement.names, bound, strict=False)).get(binder)
            if found is None:
                return NO_VALUE
            is_top = isinstance(statement, ast.Import) and binder.asname is None
            module = sys.modules.get(found.bound if is_top else found.module)
            if module is None or not found.name:
                return NO_VALUE if module is None else module
            value = namespace_of(module).get(found.name)
            # Another value may be about to change, and these do so in place.
            is_in_place = is_module(value) or is_class(value) or type(value) is FunctionType
            return value if is_in_place else NO_VALUE
    return NO_VALUE


def _is_bound_as_it_is(definition: ast.AST, function: FunctionType) -> bool:
    """Tell whether a definition binds the function itself: no decorator makes another thing."""
    decorators = getattr(definition, "decorator_list", ())
    return all(
        isinstance(it, ast.Call) and named_by(it.func, function.__globals__) is functools.wraps
        for it in decorators
    )
