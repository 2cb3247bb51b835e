"""What a function gets where the body of its definition changed: new code, with a cell for each of
its free variables; or why it stays as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_ITERABLE_COROUTINE
from types import CellType, CodeType, EllipsisType, FunctionType, NoneType
from typing import NamedTuple

from mighty_patcher import _core
from mighty_patcher.engine.classes import content_of
from mighty_patcher.engine.codetree import Pair, Pairs, arguments, docstring
from mighty_patcher.engine.free_variables import cell_for
from mighty_patcher.engine.held_functions import content_of_cell, held_by_function
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.signatures import Defaults, defaults_now, signature_at
from mighty_patcher.engine.trees import coroutine_names, decorators_at

__all__ = ["Body", "Left", "add_body", "bodies_of"]

_MAKE_ONE = "call the enclosing function again to make a new one"


class Body(NamedTuple):
    """What a function gets.

    Attributes:
        function: The function.
        code: Its new code.
        cells: A cell for each free variable of that.
        doc: Its docstring; an ellipsis for the one that it has.
        defaults: Its defaults, where its arguments are others and nothing that is executed gives it
            some; None for those that it has.
    """

    function: FunctionType
    code: CodeType
    cells: tuple[CellType, ...]
    doc: str | EllipsisType | None
    defaults: Defaults | None = None

    @property
    def fits(self) -> bool:
        """Whether the function can be called when it has this, and no more of it is changed."""
        function, code, *_ = self
        return self.defaults is not None or arguments(function.__code__) == arguments(code)


class Left(NamedTuple):
    """Why a function stays as it is.

    Attributes:
        reason: Why.
        hint: What to do about it.
        is_called_otherwise: Who calls it would have to call it in another way.
    """

    reason: str
    hint: str
    is_called_otherwise: bool = False


def add_body(log: _core.Log, body: Body) -> None:
    """Plan to give a function its new code; and its new name, if its definition has another one now
    and nobody else has named it.

    Args:
        log: The edits of the commit; added to.
        body: What the function gets.
    """
    function, code, cells, doc, defaults = body
    old, fields = function.__code__, _core.CODE
    if old.co_name != code.co_name and function.__name__ == old.co_name:
        fields |= _core.NAME
        if function.__qualname__ == old.co_qualname:
            fields |= _core.QUALNAME
    if defaults is not None:
        fields |= _core.DEFAULTS | _core.KWDEFAULTS
    if fields == _core.CODE:
        log.add_code(function, code, cells, doc)
        return
    donor = FunctionType(code, function.__globals__, closure=cells or None)
    if defaults is not None:  # in one commit with the code: it may have fewer arguments than these
        donor.__defaults__, donor.__kwdefaults__ = defaults
    if not isinstance(doc, EllipsisType):
        fields |= _core.DOC
    log.add_function(function, donor, fields)


def bodies_of(
    changed: Iterable[tuple[FunctionType, Pair]],
    owners: Mapping[FunctionType, type | None],
    trees: Trees,
) -> Iterator[tuple[FunctionType, Pair, Body | Left | None]]:
    """Find out what functions get. What is made together and calls each other gets it together, or
    stays as it is.

    Args:
        changed: The functions, and the old and new code of each.
        owners: The classes that hold them.
        trees: The old and new syntax tree, where they are known.

    Yields:
        Each function, its pair, and what it gets; None if it stays as it is and nobody needs to
        know.
    """
    pairs = list(changed)
    found = {id(it): _body(it, pair, owners.get(it), trees) for it, pair in pairs}
    is_settled = False
    while not is_settled:
        is_settled = True
        for function, pair in pairs:
            before = found[id(function)]
            if isinstance(before, Body):
                found[id(function)] = _with_those_it_calls(before, pair, found)
            for called in held_by_function(function) if isinstance(before, Left) else ():
                body = found.get(id(called))
                if isinstance(body, Body) and body.defaults is not None:
                    found[id(called)] = _called_by(function)
                    is_settled = False
            is_settled = is_settled and found[id(function)] is before
    for function, pair in pairs:
        yield function, pair, found[id(function)]


def _body(
    function: FunctionType, pair: Pair, owner: type | None, trees: Trees
) -> Body | Left | None:
    """Find out what one function gets.

    Args:
        function: The function.
        pair: Its old and new code.
        owner: The class that holds it.
        trees: The old and new syntax tree.
    """
    code = Pairs.successor(pair, function.__code__)
    if code is None and function.__name__ == "__annotate__":
        return None  # 3.14: of what has no annotations any more; nobody calls it
    if code is None and pair.runs_once:
        return None  # its name is removed, and who holds it otherwise keeps its last code
    if code is None:
        reason = "its definition is gone from the source and something still refers to it"
        return Left(reason, "it keeps its last code")
    defaults = None
    if not pair.runs_once and arguments(code) != arguments(function.__code__):
        was, now = map(signature_at, trees, (pair.old, code))
        if was is not None and now is not None:
            defaults = defaults_now(function, was, now)
        if defaults is None:
            reason = (
                "it was made before its arguments changed, and has no defaults for the new ones"
            )
            return Left(reason, _MAKE_ONE, is_called_otherwise=True)
    decorated = _as_decorated(function, pair, code, trees)
    if decorated is None and not pair.runs_once:
        reason = "it was made before its decorators changed, which take what it returns now"
        return Left(reason, _MAKE_ONE, is_called_otherwise=True)
    code = decorated or code
    cells, missing = _cells(function, code, owner, trees[1])
    if missing and function.__name__ == "__annotate__":
        return None  # what it is of is named, for its annotations are others: see `inner_parts`
    if missing:
        names = ", ".join(missing)
        reason = f"it was made before its code used {names} of the enclosing function"
        return Left(reason, _MAKE_ONE, is_called_otherwise=defaults is not None)
    doc = function.__doc__
    # Something else than a string was put there by the program, and to compare it may run code.
    is_from_source = is_one_of(type(doc), (str, NoneType)) and doc == docstring(pair.old)
    return Body(function, code, cells, docstring(code) if is_from_source else ..., defaults)


def _with_those_it_calls(
    body: Body, pair: Pair, found: Mapping[int, Body | Left | None]
) -> Body | Left:
    """Return what a function gets, if what is made together with it can be called like that."""
    function, *_ = body
    for called in held_by_function(function) if pair.edited else ():
        left = found.get(id(called))
        if isinstance(left, Left) and left.is_called_otherwise:
            reason = (
                f"it was made together with {called.__name__}, which stays old and is called in "
                f"another way now"
            )
            return Left(reason, "call the enclosing function again to make new ones")
    return body


def _called_by(function: FunctionType) -> Left:
    """Say why a function keeps its arguments."""
    reason = f"its arguments changed, and {function.__name__}, which may call it, stays old"
    return Left(reason, _MAKE_ONE, is_called_otherwise=True)


def _as_decorated(
    function: FunctionType, pair: Pair, code: CodeType, trees: Trees
) -> CodeType | None:
    """Return new code as the decorators of a function have made it; None if these have changed, and
    take something else now.
    """
    if pair.runs_once or _returns(code) == _returns(function.__code__):
        return code
    before, after = map(decorators_at, trees, (pair.old, code))
    if before == after:
        return code
    return _awaited(code, *map(_without_coroutine, trees, (before, after)))


def _cells(
    function: FunctionType, code: CodeType, owner: type | None, tree: ast.Module | None
) -> tuple[tuple[CellType, ...], list[str]]:
    """Return the cells for new code, those that a function has if it has them, and the names of the
    variables for which there are none.
    """
    held = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    if "__class__" in code.co_freevars and "__class__" not in held and owner is not None:
        held["__class__"] = _class_cell(owner)
    for name in set(code.co_freevars).difference(held):
        cell = cell_for(name, function, code, tree)
        if cell is not None:
            held[name] = cell
    missing = [name for name in code.co_freevars if name not in held]
    return tuple(held[name] for name in code.co_freevars if name in held), missing


def _class_cell(owner: type) -> CellType:
    """Return the cell through which methods of a class find it, or make one (``super()``)."""
    for value in content_of(owner).values():
        if type(value) is FunctionType and "__class__" in value.__code__.co_freevars:
            cell = (value.__closure__ or ())[value.__code__.co_freevars.index("__class__")]
            if content_of_cell(cell) is owner:
                return cell
    return CellType(owner)


def _returns(code: CodeType) -> int:
    """Return the flags that say what a call returns; `types.coroutine` makes another awaitable."""
    if code.co_flags & CO_ITERABLE_COROUTINE:
        return CO_COROUTINE
    return code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)


def _awaited(
    code: CodeType, before: tuple[list[str], bool], after: tuple[list[str], bool]
) -> CodeType | None:
    """Return code as `types.coroutine` makes it, which changes nothing else, if only that decorator
    came or went.
    """
    if before[0] != after[0] or not (before[1] or after[1]):
        return None
    is_awaitable = after[1] and code.co_flags & CO_GENERATOR
    return code.replace(co_flags=code.co_flags | CO_ITERABLE_COROUTINE) if is_awaitable else code


def _without_coroutine(tree: ast.Module | None, decorators: list[str]) -> tuple[list[str], bool]:
    """Return the other decorators, and whether `types.coroutine` is among them."""
    names = coroutine_names(tree)
    others = [it for it in decorators if it not in names]
    return others, len(others) < len(decorators)
