"""Texts into which names of the module are formatted: ``"%(host)s:%(port)s" % locals()``.

That reads these names and no others, though it asks for all.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from string import Formatter

__all__ = ["Formatted", "formatted"]

_KEY = re.compile(r"%\((\w+)\)")


@dataclass(frozen=True)
class Formatted:
    """What a text is formatted with.

    Attributes:
        names: The names that it reads.
        calls: What returns all names that there are: ``locals()``.
    """

    names: tuple[str, ...] = ()
    calls: tuple[ast.expr, ...] = ()


def formatted(node: ast.AST) -> Formatted:
    """Find out which names an expression formats into a text, if it does.

    Args:
        node: The expression.
    """
    match node:
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod(), right=right):
            calls = _that_return_names([right])
            return Formatted(tuple(_KEY.findall(text)), calls) if calls else Formatted()
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr=attribute)):
            given: list[ast.expr] = []
            if attribute == "format":
                given = [it.value for it in node.keywords if it.arg is None]
            elif attribute == "format_map":
                given = node.args
            calls = _that_return_names(given)
            return Formatted(_fields(text), calls) if calls else Formatted()
    return Formatted()


def _that_return_names(expressions: list[ast.expr]) -> tuple[ast.expr, ...]:
    found = []
    for it in expressions:
        match it:
            case ast.Call(func=ast.Name(id="globals" | "locals" | "vars"), args=[], keywords=[]):
                found.append(it)
    return tuple(found)


def _fields(text: str) -> tuple[str, ...]:
    try:
        fields = [name for _, name, _, _ in Formatter().parse(text) if name]
    except ValueError:  # so will the call
        return ()
    return tuple(re.split(r"[.\[]", name, maxsplit=1)[0] for name in fields)
