"""Names that the statements of a module set by a text: ``globals()[f"on_{kind}"] = make(kind)``,
``setattr(sys.modules[__name__], name, value)``, ``globals().update({...})``.

Which ones a statement had set that is gone, or is executed again, nobody has written down. Its text
tells what they look like; those of them go that nothing sets any more: no statement that was
executed now, for these tell what they set, and no other of the text. A statement that asks what
there is may leave alone what it finds; of such a one nothing is known, and neither if a function
sets names like that.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any

from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.module_facts import is_submodule
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.toplevel import executed, globals_in, is_special, name_of_statement
from mighty_patcher.engine.trees import BLOCK, DEFINITION, branches_of

__all__ = ["PLACE", "SetByName", "lines_known", "told"]

PLACE = b"\0the name of mighty_patcher"
"""The constant in whose place is put what is called with each name, and returns it."""

_NAMESPACE = ("globals", "locals", "vars")
_ASKS = (*_NAMESPACE, "dir")
_LEAST = 3
"""Characters that have to be written in a text before it says anything of a name."""
_ANYTHING = ".*"
_GONE = "nothing sets it any more"
_STAYS = "it was executed again, and names that it had set before and has not now stay"
_FORMATTED = re.compile(r"%(?:\([^)]*\))?[-#0 +]*\d*[sdr]|\{[^{}]*\}")

Loops = Mapping[str, list[str]]


@dataclass(frozen=True)
class _Store:
    """A statement that sets names by texts.

    Attributes:
        statement: The statement.
        keys: What the names are computed from.
        names: What they look like; None if that is not plain.
    """

    statement: ast.stmt
    keys: list[ast.expr]
    names: re.Pattern[str] | None

    def sets(self, name: str) -> bool:
        """Tell whether a name looks like what it sets."""
        return self.names is not None and self.names.fullmatch(name) is not None


class SetByName:
    """The names that statements of a module set by a text, and which of them go.

    Args:
        name: The name of the module.
        plan: What becomes of its statements.
    """

    def __init__(self, name: str, plan: Plan) -> None:
        self._name = name
        self._plan = plan
        self._olds: list[ast.stmt] = []
        self._ran: set[int] = set()

    def runs(self, change: Change, statement: ast.stmt) -> None:
        """Remember what is executed.

        Args:
            change: What becomes of a statement.
            statement: What of it is executed.
        """
        if change.old is not None:
            self._olds.append(change.old)
        self._ran |= {id(it) for it in executed([statement])}

    def gone(
        self,
        before: Mapping[str, Any],
        now: Mapping[str, Any],
        told: Collection[str],
        binds: Callable[[ast.stmt], Collection[str]],
    ) -> tuple[list[Step], set[int]]:
        """Find the names that nothing sets any more.

        Args:
            before: The names of the module when the reload began.
            now: Its names now.
            told: What statements have set.
            binds: Finds the names that statements bind.

        Returns:
            A step for each name, or for each statement that may have left some; and the lines of
            old statements of which all is known.
        """
        removed = [it.old for it in _removed(self._plan.changes) if it.old is not None]
        olds = list(_stores([*self._olds, *removed]))
        if not olds:
            return [], set()
        news = [it.new for it in self._plan.changes if it.new is not None]
        kept = [it for it in _stores(news) if id(it.statement) not in self._ran]
        if any(it.names is None for it in (*olds, *kept)) or any(map(_sets_otherwise, news)):
            return [self._stays(it) for it in _stores(self._olds)], set()
        statements = [*news, *(it.old for it in self._plan.changes if it.old is not None)]
        bound = set(chain.from_iterable(binds(it) for it in executed(statements)))
        bound = bound.union(told, *map(globals_in, news))
        steps = [
            Step("removed", self._name, name, 0, _GONE)
            for name, value in before.items()
            if name not in bound
            and not is_special(name)  # as those that every module has
            and not is_submodule(value, self._name, name)
            and now.get(name, now) is value
            and any(it.sets(name) for it in olds)
            and not any(it.sets(name) for it in kept)
        ]
        return steps, {it.statement.lineno for it in olds}

    def _stays(self, store: _Store) -> Step:
        name = name_of_statement(store.statement)
        return Step("kept", self._name, name, store.statement.lineno, _STAYS)


def told(statement: ast.stmt) -> ast.stmt:
    """Return a statement that tells the names that it sets by texts: a copy, if there are any."""
    keys = {id(key) for store in _stores([statement]) for key in store.keys}
    copied: ast.stmt = _with_told(statement, keys) if keys else statement
    return copied


def lines_known(statement: ast.stmt) -> set[int]:
    """Return the lines of a statement that set names by texts, and do nothing else."""
    return {it.statement.lineno for it in _stores([statement]) if it.names is not None}


def _removed(changes: Iterable[Change]) -> Iterator[Change]:
    for change in changes:
        if change.kind == "remove":
            yield change
        elif not isinstance(change.new, ast.ClassDef):
            yield from _removed(change.children or ())


def _sets_otherwise(statement: ast.stmt) -> bool:
    """Tell whether a statement executes a text, or a function in it may set names by texts."""
    nodes = list(ast.walk(statement))
    return any(_is_called(it, ("exec",)) for it in nodes) or any(
        _asks(it) for it in nodes if isinstance(it, DEFINITION)
    )


def _asks(node: ast.AST, but: Collection[int] = ()) -> bool:
    """Tell whether code asks for all names of its module, but in certain places."""
    return any(
        (_is_called(it, _ASKS) or _is_own_module(it)) and id(it) not in but for it in ast.walk(node)
    )


def _stores(statements: Iterable[ast.stmt], loops: Loops | None = None) -> Iterator[_Store]:
    """Yield the statements that set names by texts, also in blocks."""
    for statement in statements:
        found = list(_stores_in(statement, loops or {}))
        places = {id(place) for _, place in found}
        is_plain = bool(found) and not _asks(statement, places)
        for store, _ in found:
            yield store if is_plain else _Store(store.statement, store.keys, None)


def _stores_in(statement: ast.stmt, loops: Loops) -> Iterator[tuple[_Store, ast.AST]]:
    """Yield them, each with what in it stands for the module."""
    if isinstance(statement, BLOCK):
        inner = {**loops, **_loop_of(statement)}
        for _, body in branches_of(statement):
            for it in body:
                yield from _stores_in(it, inner)
        return
    keys, place = _keys(statement)
    if place is not None:
        texts = [_text(key, loops) for key in keys]
        plain = [it for it in texts if it is not None]
        names = re.compile("|".join(plain)) if len(plain) == len(texts) else None
        yield _Store(statement, keys, names), place


def _keys(statement: ast.stmt) -> tuple[list[ast.expr], ast.AST | None]:
    """Return what the names are computed from that a statement sets, and what in it stands for the
    module.
    """
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=place, slice=key)]) if _is_namespace(place):
            return [key], place
        case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[place, key, _])) if (
            _is_own_module(place)
        ):
            return [key], place
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=place, attr="update"), args=[it])):
            if _is_namespace(place) and isinstance(it, ast.Dict) and None not in it.keys:
                return [key for key in it.keys if key is not None], place
            if _is_namespace(place) and isinstance(it, ast.DictComp):
                return [it.key], place
    return [], None


def _is_namespace(node: ast.AST) -> bool:
    return _is_called(node, _NAMESPACE)


def _is_called(node: ast.AST, names: Collection[str]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name), args=args):
            return name in names and not (args and name in _ASKS)
    return False


def _is_own_module(node: ast.AST) -> bool:
    match node:
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Name(id="__name__")):
            return True
    return False


def _loop_of(block: ast.stmt) -> dict[str, list[str]]:
    """Return the variable of a loop with its values, where these are written out."""
    match block:
        case ast.For(target=ast.Name(id=name), iter=ast.Tuple(elts=items) | ast.List(elts=items)):
            values = [it.value for it in items if isinstance(it, ast.Constant)]
            if len(values) == len(items) and all(type(it) is str for it in values):
                return {name: [it for it in values if type(it) is str]}
    return {}


def _text(key: ast.expr, loops: Loops) -> str | None:
    """Return a pattern of what an expression may evaluate to; None if that may be anything."""
    parts = list(_parts(key, loops))
    is_open = any(pattern == _ANYTHING for pattern, _ in parts)
    if is_open and sum(written for _, written in parts) < _LEAST:
        return None
    return "".join(pattern for pattern, _ in parts)


def _parts(key: ast.expr, loops: Loops) -> Iterator[tuple[str, int]]:
    """Yield patterns of the parts of a text, each with how many characters of it are written."""
    match key:
        case ast.Constant(value=str() as text):
            yield re.escape(text), len(text)
        case ast.JoinedStr(values=values):
            for it in values:
                yield from _parts(it, loops)
        case ast.FormattedValue(value=ast.Name(id=name), conversion=-1, format_spec=None) if (
            name in loops
        ):
            yield from _values(loops[name])
        case ast.Name(id=name) if name in loops:
            yield from _values(loops[name])
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from (*_parts(left, loops), *_parts(right, loops))
        case (
            ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Mod())
            | ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="format"))
        ):
            for index, part in enumerate(_FORMATTED.split(text)):
                yield from [(_ANYTHING, 0)] * bool(index)
                yield re.escape(part), len(part)
        case _:
            yield _ANYTHING, 0


def _values(values: list[str]) -> Iterator[tuple[str, int]]:
    yield f"(?:{'|'.join(map(re.escape, values))})", min(map(len, values), default=0)


def _with_told(node: Any, keys: Collection[int]) -> Any:
    """Copy a statement, and let it tell what certain expressions in it evaluate to."""
    if isinstance(node, list):
        return [_with_told(it, keys) for it in node]
    if not isinstance(node, ast.AST) or isinstance(node, DEFINITION):
        return node
    result = copy(node)
    for name, value in ast.iter_fields(node):
        setattr(result, name, _with_told(value, keys))
    if id(node) not in keys:
        return result
    place = ast.copy_location(ast.Constant(PLACE), node)
    assert isinstance(result, ast.expr)
    return ast.copy_location(ast.Call(place, [result], []), node)
