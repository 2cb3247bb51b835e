"""Annotations and defaults of functions that calls of others have made: an edit of these others
reaches them, too, where what is written there now needs nothing of the call.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Collection, Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.codetree import Pair, Pairs, arguments, is_run_through, is_scope
from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.signatures import Signature, defaults_now, signature_of
from mighty_patcher.engine.trees import definition_at, digest, has_future_annotations
from mighty_patcher.engine.version import without_warnings

__all__ = ["InnerPart", "inner_parts", "made_again"]

_Definition = ast.FunctionDef | ast.AsyncFunctionDef
_HINT = "call the enclosing function again to make a new one"
_PLAIN = (ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Tuple, ast.List, ast.BinOp)


@dataclass(frozen=True)
class _Change:
    """What has changed of an inner function but its body.

    Attributes:
        old: Its definition before.
        new: Its definition now.
        texts: Whether annotations were texts before, and are now.
        local: Names that are no names of the module there.
        signatures: The arguments before, and now.
        is_called_alike: Whether these take the same places; else the defaults come with the code.
    """

    old: _Definition
    new: _Definition
    texts: tuple[bool, bool]
    local: frozenset[str]
    signatures: tuple[Signature, Signature]
    is_called_alike: bool

    @property
    def has_other_annotations(self) -> bool:
        """Whether its annotations are others."""
        return self.texts[0] != self.texts[1] or _annotated(self.old) != _annotated(self.new)

    @property
    def has_other_defaults(self) -> bool:
        """Whether its defaults are others."""
        was, now = self.signatures
        return self.is_called_alike and digest([*was.written]) != digest([*now.written])


@dataclass(frozen=True)
class InnerPart:
    """A function, and what has changed of it.

    Attributes:
        function: The function.
        change: What has changed.
        is_annotated: What makes its annotations when they are asked for (PEP 649) has new code, and
            what it needs of the call.
    """

    function: FunctionType
    change: _Change
    is_annotated: bool


def inner_parts(
    pairs: Pairs,
    trees: Trees,
    known: Iterable[FunctionType],
    patched: Collection[int],
    filename: str,
) -> list[InnerPart]:
    """Find the inner functions of which more than the body changed.

    Args:
        pairs: The old and new code.
        trees: The old and the new syntax tree, where they are known.
        known: The functions that were found so far.
        patched: The identities of those that get new code.
        filename: The ``co_filename`` of the code.
    """
    old, new = trees
    if old is None or new is None:
        return []
    texts = has_future_annotations(old), has_future_annotations(new)
    changes: dict[int, _Change] = {}
    for pair, local in _inner(pairs.root):
        assert pair.new is not None  # for those are left out
        was, now = definition_at(old, pair.old), definition_at(new, pair.new)
        if was is not None and now is not None:
            signatures = signature_of(pair.old, was.args), signature_of(pair.new, now.args)
            is_called_alike = arguments(pair.old) == arguments(pair.new)
            change = _Change(was, now, texts, local, signatures, is_called_alike)
            if change.has_other_annotations or change.has_other_defaults:
                changes[id(pair)] = change
    if not changes:
        return []
    codes = [it.old for it in pairs if id(it) in changes]
    functions = {id(it): it for it in [*known, *_core.find_functions(codes, [filename])]}
    parts = []
    for function in functions.values():
        found = pairs.of(function.__code__)
        kept = changes.get(id(found))
        if kept is not None and (kept.is_called_alike or id(function) in patched):
            is_annotated = id(getattr(function, "__annotate__", None)) in patched
            parts.append(InnerPart(function, kept, is_annotated))
    return parts


def made_again(parts: Iterable[InnerPart], log: _core.Log) -> Iterator[Stale]:
    """Give functions the annotations and defaults that stand there now. The annotations are
    evaluated in their module.

    Args:
        parts: The functions.
        log: The edits are added to it.

    Yields:
        What stays as it is, and why.
    """
    for part in parts:
        name = part.function.__qualname__
        if part.change.has_other_annotations and not _annotate(part, log):
            reason = "its annotations changed, and are made of what the enclosing function had"
            yield Stale(name, reason, _HINT)
        if part.change.has_other_defaults and not _default(part, log):
            reason = "its defaults changed, and may be made of what the enclosing function had"
            yield Stale(name, reason, _HINT)


# --- what has changed -----------------------------------------------------------------------------


def _inner(
    pair: Pair, local: frozenset[str] = frozenset(), *, is_within: bool = False
) -> Iterator[tuple[Pair, frozenset[str]]]:
    """Yield the functions in functions that changed, each with the names that are no names of the
    module there.
    """
    if pair.new is None or not pair.edited:
        return
    is_within = is_within or not is_run_through(pair.new)
    local = local | _local_names(pair.new) if is_within else local
    for child in pair.children:
        if child.new is None:
            continue
        is_function = is_within and not is_scope(child.new) and child.new.co_name[0] != "<"
        if is_function:
            yield child, local
        yield from _inner(child, local, is_within=is_within)


def _local_names(code: CodeType) -> frozenset[str]:
    names = {*code.co_varnames, *code.co_cellvars, *code.co_freevars}
    if is_scope(code):  # a class: what it only reads may be of the module
        names |= {it.argval for it in dis.get_instructions(code) if it.opname == "STORE_NAME"}
    return frozenset(names)


def _arguments(definition: _Definition) -> list[ast.arg]:
    given = definition.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [it for it in every if it is not None]


def _annotations(definition: _Definition) -> list[tuple[str, ast.expr | None]]:
    found = [(it.arg, it.annotation) for it in _arguments(definition)]
    return [*found, ("return", definition.returns)]


def _annotated(definition: _Definition) -> list[Any]:
    return [(name, digest(it)) for name, it in _annotations(definition)]


# --- annotations ----------------------------------------------------------------------------------


def _annotate(part: InnerPart, log: _core.Log) -> bool:
    """Plan to give a function its annotations; False if they cannot be made without the call."""
    function, change = part.function, part.change
    filename = function.__code__.co_filename
    if "__wrapped__" in function.__dict__:
        return True  # it poses as another one, and has that one's annotations
    if not change.texts[1] and _is_local([it for _, it in _annotations(change.new)], change.local):
        if part.is_annotated:  # what was made of the old code when somebody asked goes
            log.add_function(function, FunctionType(_nothing.__code__, {}), _core.ANNOTATIONS)
        return part.is_annotated
    definition = copy(change.new)
    definition.args = copy(change.new.args)
    definition.args.defaults, definition.args.kw_defaults = (
        [],
        [None] * len(change.new.args.kwonlyargs),
    )
    definition.decorator_list, definition.body = [], [ast.copy_location(ast.Pass(), change.new)]
    body: list[ast.stmt] = [definition]
    if change.texts[1]:
        future = ast.ImportFrom("__future__", [ast.alias("annotations")], 0)
        body.insert(0, ast.fix_missing_locations(ast.copy_location(future, definition)))
    names: dict[str, Any] = {}
    try:
        with without_warnings(filename):
            code = compile(ast.Module(body, []), filename, "exec", dont_inherit=True)
        exec(code, function.__globals__, names)
    except Exception:  # a name that is there for a type checker alone, say
        return False
    log.add_function(function, names[definition.name], _core.ANNOTATIONS | _core.ANNOTATE)
    return True


def _nothing() -> None:
    """Has code that needs nothing."""


def _is_local(annotations: Iterable[ast.expr | None], local: Collection[str]) -> bool:
    """Tell whether annotations need what is not in the module, or would do more than name types."""
    for it in annotations:
        for node in ast.walk(it) if it is not None else ():
            if isinstance(node, ast.expr) and not isinstance(node, _PLAIN):
                return True
            if isinstance(node, ast.Name) and node.id in local:
                return True
    return False


# --- defaults -------------------------------------------------------------------------------------


def _default(part: InnerPart, log: _core.Log) -> bool:
    """Plan to give a function its defaults; False if they cannot be made without the call."""
    function = part.function
    defaults = defaults_now(function, *part.change.signatures)
    if defaults is None:
        return False
    donor = FunctionType(function.__code__, {}, closure=function.__closure__)
    donor.__defaults__, donor.__kwdefaults__ = defaults
    log.add_function(function, donor, _core.DEFAULTS | _core.KWDEFAULTS)
    return True
