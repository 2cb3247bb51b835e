"""Places that statements set: keys and attributes that their text tells, as in ``table["a"] = 5``
and ``app.debug = True``.

Pure: only syntax trees are looked at.
"""

from __future__ import annotations

import ast
from itertools import chain

__all__ = ["only_sets", "place_of"]

_KEYS = (str, bytes, int, type(None))
_MAKES_NOTHING = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Tuple, ast.Starred),
    *(ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp),
    *(ast.JoinedStr, ast.FormattedValue),
    *(ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context),
)


def place_of(target: ast.expr) -> str:
    """Return how a place is written, the same for the same place; nothing for any other target.

    Args:
        target: What something is assigned to.
    """
    steps: list[str] = []
    while not isinstance(target, ast.Name):
        match target:
            case ast.Attribute(value=owner, attr=name):
                steps.append(f".{name}")
            case ast.Subscript(value=owner, slice=ast.Constant(value=key)):
                if not isinstance(key, _KEYS):
                    return ""
                # A large int has no repr (sys.set_int_max_str_digits).
                steps.append(f"[{hex(key) if type(key) is int else repr(key)}]")
            case _:
                return ""
        target = owner
    return "".join([target.id, *reversed(steps)]) if steps else ""


def only_sets(statement: ast.stmt) -> bool:
    """Tell whether all that a statement does is to set places, and to what is there already: it
    calls nothing, and makes no object that somebody could have changed since, such as a list.
    """
    match statement:
        case ast.Assign(targets=targets, value=value):
            pass
        case ast.AnnAssign(target=target, value=ast.expr() as value):
            targets = [target]
        case _:
            return False
    flat = list(chain.from_iterable(map(_flat, targets)))
    return all(map(place_of, flat)) and all(
        isinstance(node, _MAKES_NOTHING) for node in ast.walk(value)
    )


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return list(chain.from_iterable(map(_flat, target.elts)))
    return [target]
