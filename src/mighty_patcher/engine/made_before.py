"""What functions and classes have made that would make something else now.

A body that changed runs nothing, so that a table, a connection, a decorated definition stays what
the old body made of it. That is the rule, and no fault; but whoever wonders finds it in the report.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from types import BuiltinFunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from mighty_patcher.engine.classes import (
    class_dict,
    has_hook,
    is_class,
    mro_of,
    qualname_of,
    stored,
    subclasses_of,
)
from mighty_patcher.engine.formatted import formatted
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of
from mighty_patcher.engine.instances import instances_of
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.module_facts import name_of_module, named_by, namespace_of
from mighty_patcher.engine.reached import Reached, functions_of
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import is_main_guard, name_of_statement
from mighty_patcher.engine.trees import branches_of
from mighty_patcher.engine.version import Version, parsed_for_now
from mighty_patcher.errors import SourceError

__all__ = ["made_before", "made_by_metaclasses", "made_with"]

_MOST = 200
_MORE = f"; there is more like this: no more than {_MOST} statements are named"
_ASSIGNMENT = (ast.Assign, ast.AnnAssign, ast.AugAssign)
_USES = "which uses "
_NAMESPACE = ("dir", "locals", "vars")  # who says globals() wants one name or sets some

_Why = Mapping[int, tuple[Any, str]]


def made_before(
    modules: Sequence[tuple[ModuleType, Version]],
    steps: Sequence[Step],
    lines: Collection[tuple[str, int]],
    reached: Reached,
) -> Iterator[Step]:
    """Say of statements that were not run that what they call would do something else now.

    Args:
        modules: Modules, each with its text that is in force.
        steps: What was done.
        lines: The lines of the statements that were executed, each with the name of its module.
        reached: What does something else now.

    Yields:
        One step for each statement, no more than `_MOST`; the last one says if there are more.
    """
    whole = {step.module for step in steps if step.kind == "ran" and step.qualname == step.module}
    names = {name.encode(errors="replace") for name in _all_names(reached.why, reached.names)}
    found = (
        step
        for module, text in modules
        if name_of_module(module) not in whole
        for step in _kept_of(module, text, reached, names, lines)
        if (step.module, step.line) not in lines
    )
    yield from islice(found, _MOST - 1)
    last, more = next(found, None), next(found, None)
    if last is not None:
        yield last if more is None else replace(last, reason=f"{last.reason}{_MORE}")


def _kept_of(
    module: ModuleType,
    text: Version,
    reached: Reached,
    names: set[bytes],
    lines: Collection[tuple[str, int]],
) -> Iterator[Step]:
    name = name_of_module(module)
    of_namespace = _of_namespace(module, text) if reached.changed.get(name) else {}
    if not of_namespace and not reached.is_near(module, text):
        return
    names = names.union(it.encode() for it in _all_names(of_namespace))
    if not _may_call(text, names, reached):
        return
    with suppress(SourceError), parsed_for_now(text) as tree:
        if not names.isdisjoint(_called(text)):
            why = {**reached.why, **of_namespace}
            yield from _kept_in(module, tree.body, _Made(reached, why, lines), "")


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


def made_by_metaclasses(steps: Sequence[Step], reached: Reached) -> Iterator[Step]:
    """Say of classes that were not made again that their metaclass would make something else now:
    its own body changed, or what that reads.

    Args:
        steps: What was done.
        reached: What does something else now.
    """
    metaclasses: IdentityDict[type, str] = IdentityDict()
    for value, reason in reached.why.values():
        if is_class(value) and is_one_of(type, mro_of(value)) and not reason.startswith(_USES):
            for cls in (value, *subclasses_of(value)):
                metaclasses[cls] = f"it was made by {qualname_of(value)}(), {reason}"
    if not metaclasses:
        return
    ran = {(it.module, it.qualname.partition(".")[0]) for it in steps if it.kind == "ran"}
    for cls in islice(instances_of(IdentitySet(metaclasses)), _MOST):
        module = class_dict(cls).get("__module__")
        first = qualname_of(cls).partition(".")[0]
        if isinstance(module, str) and not {(module, first), (module, module)} & ran:
            yield Step("kept", module, qualname_of(cls), 0, metaclasses[type(cls)])


def _of_namespace(module: ModuleType, text: Version) -> dict[int, tuple[Any, str]]:
    """Return the builtins that tell what a module has, if it calls any: it has other names now."""
    namespace = namespace_of(module)
    return {
        id(value): (value, "which has other names or values now")
        for value in (vars(builtins)[name] for name in _NAMESPACE)
        if value.__name__ not in namespace and f"{value.__name__}()".encode() in text.data
    }


def _all_names(why: _Why, known: Collection[str] = ()) -> set[str]:
    """Return the names of functions and of classes, of those that derive from these as well."""
    values = {id(value): value for value, _ in why.values()}
    for value in [it for it in values.values() if is_class(it)]:
        values |= {id(it): it for it in subclasses_of(value)}
    return {*known, *(name for value in values.values() for name in _names(value))}


def _may_call(text: Version, names: set[bytes], reached: Reached) -> bool:
    """Tell whether a text is worth looking into: one that was not parsed is looked at roughly."""
    called = _CALLED.get(text)
    if called is not None:
        return not names.isdisjoint(called)
    names = names & reached.words_in(text, names)
    if not names:
        return False
    if "tree" in vars(text):
        return True
    any_name = re.compile(rb"\b(?:%s)\b" % b"|".join(map(re.escape, sorted(names))))
    return any(any_name.search(it) for it in map(_executed, _PART.findall(text.data)))


_CALLED: WeakKeyDictionary[Version, frozenset[bytes]] = WeakKeyDictionary()


def _called(text: Version) -> frozenset[bytes]:
    """Return the names by which a text calls and decorates, functions apart: its tree need not stay
    for that.
    """
    known = _CALLED.get(text)
    if known is None:
        names = set(_called_in(text.tree.body))
        known = _CALLED[text] = frozenset(it.encode(errors="replace") for it in names)
    return known


def _called_in(body: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in body:
        for _, inner in branches_of(statement):
            yield from _called_in(inner)
        callers: list[ast.AST] = [*getattr(statement, "decorator_list", [])]
        callers += [it.func for it in _evaluated(_parts(statement)) if isinstance(it, ast.Call)]
        for node in (it for caller in callers for it in ast.walk(caller)):
            if isinstance(node, ast.Name):
                yield node.id
            elif isinstance(node, ast.Attribute):
                yield node.attr


_PART = re.compile(rb"^[^\s#].*(?:\n(?:[ \t#)\]}].*)?)*", re.MULTILINE)
"""A line that is not indented, and those below it that are."""
_MEMBER = re.compile(rb"^(?: {1,4}|\t)(?:@|[^\W\d][\w.]*[ \t]*(?::[^=\n]+)?=)[^\n]*", re.MULTILINE)


def _executed(part: bytes) -> bytes:
    """Return what of a part of a text may be executed when the module is, but for its imports."""
    if part.startswith((b"import ", b"from ")):
        return b""
    if part.startswith((b"def ", b"async def ")):
        return part.partition(b"\n")[0]
    if part.startswith(b"class "):
        return b"\n".join([part.partition(b"\n")[0], *_MEMBER.findall(part)])
    return part


def _names(value: Any) -> Iterator[str]:
    """Yield the names of a class or function, whatever a metaclass says that it is."""
    if is_class(value):
        yield qualname_of(value).rpartition(".")[2]
        return
    is_built_in = type(value) is BuiltinFunctionType
    name = value.__name__ if is_built_in else stored(value, "__name__")  # a proxy runs its code
    if type(name) is str:
        yield name
    for function in functions_of(value):
        yield function.__name__


@dataclass(frozen=True)
class _Made:
    """What is known when statements of a module are looked at.

    Attributes:
        reached: What does something else now.
        why: The same, and builtins that tell what the module has.
        lines: The lines that were executed, each with the name of its module.
    """

    reached: Reached
    why: _Why
    lines: Collection[tuple[str, int]]


def _kept_in(
    module: ModuleType,
    body: Iterable[ast.stmt],
    made: _Made,
    prefix: str,
    old: Collection[str] = (),
) -> Iterator[Step]:
    """Say it of the statements in a body.

    Args:
        module: The module.
        body: The body.
        made: What is known.
        prefix: What the qualified names in the body begin with.
        old: Names above it that stand for what would be something else now.
    """
    namespace, old = namespace_of(module), set(old)
    for statement in body:
        if is_main_guard(statement):
            continue
        here = f"{prefix}{statement.name}." if isinstance(statement, ast.ClassDef) else prefix
        for _, inner in branches_of(statement):
            yield from _kept_in(module, inner, made, here, old)
        reason = _why(statement, namespace, made.why) or _made_of(statement, old)
        is_made_now = (name_of_module(module), statement.lineno) in made.lines
        old -= _bound_by(statement)
        if reason is None or (not prefix and _has_it(statement, namespace, made)):
            continue
        name = prefix + name_of_statement(statement)
        yield Step("kept", name_of_module(module), name, statement.lineno, reason)
        if isinstance(statement, _ASSIGNMENT) and not is_made_now:
            old |= _bound_by(statement)


def _made_of(statement: ast.stmt, old: Collection[str]) -> str | None:
    """Say of what that was kept an assignment has made something: a sum, a copy, a list. What only
    refers to it has it, and is none of that.
    """
    if not old or not isinstance(statement, _ASSIGNMENT) or statement.value is None:
        return None
    for node in _evaluated([statement.value]):
        match node:
            case ast.BinOp(left=left, right=right):
                operands = [left, right]
            case ast.UnaryOp(operand=operand):
                operands = [operand]
            case ast.Subscript(value=value, slice=ast.Slice()):
                operands = [value]
            case ast.Starred(value=value) | ast.comprehension(iter=value):
                operands = [value]
            case _:
                continue
        for it in operands:
            while isinstance(it, (ast.Call, ast.Attribute)):  # a copy of it, or a part
                it = it.func if isinstance(it, ast.Call) else it.value
            if isinstance(it, ast.Name) and it.id in old:
                return f"it was made of {it.id}, which was kept"
    return None


def _has_it(statement: ast.stmt, namespace: Mapping[str, Any], made: _Made) -> bool:
    """Tell whether what a statement has bound has the new body itself, and all else is the same."""
    makers = [it for _, it, _ in _makers(statement, namespace, made.why)]
    return any(made.reached.has_it(namespace.get(it), makers) for it in _bound_by(statement))


def _bound_by(statement: ast.stmt) -> set[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {statement.name}
        case ast.Assign(targets=targets):
            pass
        case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
            targets = [target]
        case _:
            return set()
    nodes = (node for target in targets for node in ast.walk(target))
    return {it.id for it in nodes if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)}


def _why(statement: ast.stmt, namespace: Mapping[str, Any], why: _Why) -> str | None:
    """Say what a statement calls that would do something else now."""
    for how, _, reason in _makers(statement, namespace, why):
        return f"it was {how} by {reason}"
    return None


def _makers(
    statement: ast.stmt, namespace: Mapping[str, Any], why: _Why
) -> Iterator[tuple[str, Any, str]]:
    """Yield what a statement calls that would do something else now: what for, itself, and why."""
    for decorator in getattr(statement, "decorator_list", []):
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        yield from (("decorated", *it) for it in _reasons(function, namespace, why))
    known: set[ast.AST] = set()  # what has been read of all names is known, and was not changed
    for node in _evaluated(_parts(statement)):
        known.update(formatted(node).calls)
        if isinstance(node, ast.Call):
            is_namespace = isinstance(node.func, ast.Name) and node.func.id in _NAMESPACE
            if is_namespace and (node.args or node in known):
                continue
            yield from (("made", *it) for it in _reasons(node.func, namespace, why))


def _parts(statement: ast.stmt) -> list[ast.AST]:
    """Return what of a statement makes something that stays: of a block, what it begins with."""
    match statement:
        case ast.Expr():
            return []
        case ast.FunctionDef(args=args) | ast.AsyncFunctionDef(args=args):
            return [*args.defaults, *(it for it in args.kw_defaults if it is not None)]
        case ast.If(test=header) | ast.While(test=header) | ast.Match(subject=header):
            return [header]
        case ast.For(iter=header) | ast.AsyncFor(iter=header):
            return [header]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            return [it.context_expr for it in items]
        case ast.ClassDef(bases=bases, keywords=keywords):
            return [*bases, *keywords]
        case ast.Try() | ast.TryStar():
            return []
    return [statement]


def _evaluated(parts: list[ast.AST]) -> Iterator[ast.AST]:
    """Walk through what is evaluated: what is in a lambda is not."""
    waiting = parts
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def _reasons(
    function: ast.expr, namespace: Mapping[str, Any], why: _Why
) -> Iterator[tuple[Any, str]]:
    value = named_by(function, namespace)
    candidates = mro_of(value) if is_class(value) else [value]
    for it in candidates:
        if id(it) in why:
            name = qualname_of(it) if is_class(it) else next(_names(it), ast.unparse(function))
            yield it, f"{name}(), {why[id(it)][1]}"
