"""What functions and classes have made that would make something else now.

A body that changed runs nothing, so that a table, a connection, a decorated definition stays what
the old body made of it. That is the rule, and no fault; but whoever wonders finds it in the report.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import (
    class_dict,
    has_hook,
    is_class,
    mro_of,
    qualname_of,
    subclasses_of,
)
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.modules import name_of_module, namespace_of
from mighty_patcher.engine.report import LINES_MOVED, Step
from mighty_patcher.engine.toplevel import is_main_guard, name_of_statement
from mighty_patcher.engine.trees import branches_of
from mighty_patcher.engine.version import Version, parsed

__all__ = ["made_before", "made_with"]

_MOST = 200
_BODY = "whose body changed"
_MAKES = ("__init__", "__new__")
_NAMESPACE = ("dir", "locals", "vars")  # who says globals() wants one name or sets some


def made_before(
    modules: Iterable[tuple[ModuleType, Version]],
    steps: Sequence[Step],
    lines: Collection[tuple[str, int]],
) -> Iterator[Step]:
    """Say of statements that were not run that what they call would do something else now.

    Args:
        modules: Modules, each with its text that is in force.
        steps: What was done.
        lines: The lines of the statements that were executed, each with the name of its module.

    Yields:
        One step for each statement, no more than a few dozen.
    """
    changed = _changed(steps)
    bound = {step.module for step in steps if step.kind != "patched"}
    if not changed and not bound:
        return
    whole = {step.module for step in steps if step.kind == "ran" and step.qualname == step.module}
    modules = [it for it in modules if name_of_module(it[0]) not in whole]
    found = (
        step
        for module, text in modules
        for its in [
            changed | _of_namespace(module, text) if name_of_module(module) in bound else changed
        ]
        if _may_call(text, its) and parsed(text) is not None
        for step in _kept_in(module, text.tree.body, its, "")
        if (step.module, step.line) not in lines
    )
    yield from islice(found, _MOST)


def made_with(base: type, names: set[str], but: Sequence[type]) -> Iterator[Step]:
    """Say of classes that a metaclass or an ``__init_subclass__`` of a base has made them, and may
    have read attributes of the base that are others now.

    Args:
        base: The base.
        names: The attributes.
        but: The classes that are made again.
    """
    if not names:
        return
    for cls in islice(subclasses_of(base), _MOST):
        module = class_dict(cls).get("__module__")
        is_told = has_hook(cls) or way_for(type(cls)).kind != "in place"
        if is_told and isinstance(module, str) and not any(it is cls for it in but):
            read = ", ".join(f"{qualname_of(base)}.{name}" for name in sorted(names))
            reason = f"it was made when {read} had another value"
            yield Step("kept", module, qualname_of(cls), 0, reason)


def _changed(steps: Sequence[Step]) -> dict[int, tuple[Any, str]]:
    """Return what does something else now when it is called, by its address, and why."""
    changed: dict[int, tuple[Any, str]] = {}
    names: dict[str, set[str]] = {}
    for step in steps:
        module = sys.modules.get(step.module)
        if step.kind not in ("patched", "ran", "rebound") or step.reason == LINES_MOVED:
            continue
        if type(module) is not ModuleType:
            continue
        first, _, rest = step.qualname.partition(".")
        value = namespace_of(module).get(first)
        if is_class(value) and (step.kind == "ran" or rest in _MAKES):
            changed[id(value)] = value, "which changed" if step.kind == "ran" else _BODY
        elif type(value) is FunctionType and not rest:
            changed[id(value)] = value, _BODY if step.kind == "patched" else "which changed"
        elif not rest:
            names.setdefault(step.module, set()).add(first)
    for name, read in names.items():
        namespace = namespace_of(sys.modules[name])
        for value in list(namespace.values()):
            if type(value) is FunctionType and value.__globals__ is namespace:
                used = {it for code in all_code(value.__code__) for it in code.co_names} & read
                if used:
                    changed.setdefault(id(value), (value, f"which reads {min(used)}"))
    return changed


def _of_namespace(module: ModuleType, text: Version) -> dict[int, tuple[Any, str]]:
    """Return the builtins that tell what a module has, if it calls any: it has other names now."""
    namespace = namespace_of(module)
    return {
        id(value): (value, "which has other names or values now")
        for value in (vars(builtins)[name] for name in _NAMESPACE)
        if value.__name__ not in namespace and f"{value.__name__}()".encode() in text.data
    }


def _may_call(text: Version, changed: Mapping[int, tuple[Any, str]]) -> bool:
    """Tell whether a text is worth looking into: one that was not parsed is looked at roughly."""
    values = [value for value, _ in changed.values()]
    values += [it for value in values if is_class(value) for it in subclasses_of(value)]
    names = {_name(value).encode(errors="replace") for value in values}
    names = {name for name in names if name in text.data}
    if not names:
        return False
    if "tree" in vars(text):
        return True
    any_name = b"|".join(map(re.escape, sorted(names)))
    statement = rb"^(?:@|[^\W\d][\w.]*[ \t]*(?::[^=\n]+)?=[^\n]*?)\b(?:%s)\b" % any_name
    return re.search(statement, text.data, re.MULTILINE) is not None


def _name(value: Any) -> str:
    """Return the name of a class or function, whatever a metaclass says that it is."""
    return qualname_of(value).rpartition(".")[2] if is_class(value) else str(value.__name__)


def _kept_in(
    module: ModuleType,
    body: Iterable[ast.stmt],
    changed: Mapping[int, tuple[Any, str]],
    prefix: str,
) -> Iterator[Step]:
    for statement in body:
        if is_main_guard(statement):
            continue
        branches = branches_of(statement)
        here = f"{prefix}{statement.name}." if isinstance(statement, ast.ClassDef) else prefix
        for _, inner in branches:
            yield from _kept_in(module, inner, changed, here)
        reason = _why(statement, bool(branches), namespace_of(module), changed)
        if reason is not None:
            name = prefix + name_of_statement(statement)
            yield Step("kept", name_of_module(module), name, statement.lineno, reason)


def _why(
    statement: ast.stmt,
    is_block: bool,
    namespace: Mapping[str, Any],
    changed: Mapping[int, tuple[Any, str]],
) -> str | None:
    """Say what a statement calls that would do something else now."""
    decorators = getattr(statement, "decorator_list", [])
    for decorator in decorators:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        reason = _reason(function, namespace, changed)
        if reason is not None:
            return f"it was decorated by {reason}"
    if is_block or isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Expr)):
        return None
    for node in _evaluated(statement):
        if isinstance(node, ast.Call):
            is_namespace = isinstance(node.func, ast.Name) and node.func.id in _NAMESPACE
            if is_namespace and node.args:
                continue
            reason = _reason(node.func, namespace, changed)
            if reason is not None:
                return f"it was made by {reason}"
    return None


def _evaluated(statement: ast.stmt) -> Iterator[ast.AST]:
    """Walk through what a statement evaluates: what is in a lambda it does not."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _reason(
    function: ast.expr, namespace: Mapping[str, Any], changed: Mapping[int, tuple[Any, str]]
) -> str | None:
    value: Any = None
    if isinstance(function, ast.Name):
        value = namespace.get(function.id, vars(builtins).get(function.id))
    elif isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        holder = namespace.get(function.value.id)
        if type(holder) is ModuleType:
            value = namespace_of(holder).get(function.attr)
    candidates = mro_of(value) if is_class(value) else [value]
    for it in candidates:
        if id(it) in changed:
            name = qualname_of(it) if is_class(it) else it.__qualname__
            return f"{name}(), {changed[id(it)][1]}"
    return None
