"""The syntax tree of a function, as it is written in its file: looked for there, and compiled again
to be sure that it is the one that runs.
"""

from __future__ import annotations
import __future__

import ast
import dis
import inspect
import linecache
import sys
import tokenize
from collections.abc import Iterator
from copy import copy
from itertools import pairwise
from types import CodeType, FunctionType

from mighty_patcher.engine.trees import branches_of
from mighty_patcher.engine.version import without_warnings

__all__ = ["as_written", "do_the_same"]

_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
_SAME = (
    *("co_code", "co_names", "co_varnames", "co_cellvars", "co_freevars", "co_argcount"),
    *("co_posonlyargcount", "co_kwonlyargcount", "co_exceptiontable"),
)
_HAS_FLAG = sys.version_info >= (3, 12)  # LOAD_METHOD is LOAD_ATTR with a flag (gh-103865)
_INNER = "<locals>"


def as_written(function: FunctionType, tree: ast.Module | None = None) -> ast.FunctionDef | None:
    """Return the definition of a function; None where none is found that compiles to its code.

    Args:
        function: The function.
        tree: What its module runs, if that need not be what its file has.
    """
    code = function.__code__
    with without_warnings(code.co_filename):
        found = _in_file(code) if tree is None else _in_body(tree.body, code.co_qualname.split("."))
        return next((it for it in found if _is_of(it, code)), None)


def _in_file(code: CodeType) -> Iterator[ast.FunctionDef]:
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
    try:
        block = "".join(inspect.getblock(lines)) if lines else ""
        tree = ast.parse(f"if 1:\n{block}" if block[:1].isspace() else block)
    except (SyntaxError, ValueError, tokenize.TokenError):
        return
    yield from _in_body(tree.body, [code.co_name])


def _in_body(body: list[ast.stmt], path: list[str]) -> Iterator[ast.FunctionDef]:
    """Yield the definitions that a qualified name may mean."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.name == path[0]:
            rest = path[1:]
            if not rest and isinstance(statement, ast.FunctionDef):
                yield statement
            elif rest:
                yield from _in_body(statement.body, rest[rest[0] == _INNER :])
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for _, inner in branches_of(statement):
                yield from _in_body(inner, path)


def _is_of(definition: ast.FunctionDef, code: CodeType) -> bool:
    """Tell whether a code was compiled from a definition."""
    alone = copy(definition)
    alone.decorator_list = []
    *_, owner, _ = ["", "", *code.co_qualname.split(".")]
    cells = ", ".join(it for it in code.co_freevars if it != "__class__")
    is_method = owner not in ("", _INNER)
    header = f" global {owner}\n class {owner}:\n  pass" if is_method else " pass"
    try:
        names = "".join(f"import {it}\n" for it in sorted(_imported(code)))
        module = ast.parse(f"{names}def outer({cells}):\n{header}")
        outer = module.body[-1]
        assert isinstance(outer, ast.FunctionDef)
        holder = outer.body[-1]
        (holder if isinstance(holder, ast.ClassDef) else outer).body = [alone]
        flags = code.co_flags & _FUTURES
        made = compile(module, code.co_filename, "exec", flags, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return any(do_the_same(it, code) for it in _codes_in(made) if it.co_name == code.co_name)


def _imported(code: CodeType) -> set[str]:
    """Return the names of a module that its imports bind, as far as a code tells: to call what is
    in them is compiled in another way.
    """
    imported, called = set[str](), set[str]()
    for it in (code, *_codes_in(code)):
        for one, two in pairwise(dis.get_instructions(it)):
            if one.opname == "LOAD_GLOBAL" and two.opname in ("LOAD_ATTR", "LOAD_METHOD"):
                is_method = two.opname == "LOAD_METHOD" or (_HAS_FLAG and bool((two.arg or 0) & 1))
                (called if is_method else imported).add(str(one.argval))
    return imported - called


def _codes_in(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield constant
            yield from _codes_in(constant)


def do_the_same(one: CodeType, two: CodeType) -> bool:
    """Tell whether two codes do the same, wherever they stand.

    Args:
        one: A code.
        two: Another.
    """
    if any(getattr(one, name) != getattr(two, name) for name in _SAME):
        return False
    if len(one.co_consts) != len(two.co_consts):
        return False
    return all(
        do_the_same(mine, theirs)
        if type(mine) is CodeType and type(theirs) is CodeType
        else type(mine) is type(theirs) and repr(mine) == repr(theirs)
        for mine, theirs in zip(one.co_consts, two.co_consts, strict=True)
    )
