"""Statements that go through all names of their module: ``__all__ = [it for it in dir() if ...]``.

They come upon the names that are there, and by now that is also what is bound below them. So they
are executed in a copy of the namespace, with what a fresh start would have by then, in that order:
other threads must not miss a name meanwhile.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from types import CodeType
from typing import Any

from mighty_patcher.engine.trees import ASSIGNMENT, only_name
from mighty_patcher.engine.values import same_value

__all__ = ["LEAD_TO_VALUES", "SeenNames", "execute_with", "may_be_repeated"]

LEAD_TO_VALUES = frozenset({"eval", "getattr", "globals", "locals", "vars"})
"""Functions by which the values of names are found."""

SeenNames = tuple[Mapping[str, int], Collection[str]]
"""The names that are bound above a statement, each with the number of the one that binds it first,
and all others that the text binds.
"""


def may_be_repeated(statement: ast.stmt) -> bool:
    """Tell whether a statement that goes through all names may be executed because these are others
    now: it only binds a name. A loop or a call may do anything with them; and a function would go
    on with the copy that it was made in.
    """
    if isinstance(statement, ASSIGNMENT):
        is_plain = only_name(statement) is not None
    else:
        is_plain = isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name)
    if not is_plain or isinstance(getattr(statement, "value", None), ast.GeneratorExp):
        return False
    return not any(isinstance(it, (ast.Lambda, ast.NamedExpr)) for it in ast.walk(statement))


def execute_with(
    seen: SeenNames, code: CodeType, namespace: dict[str, Any], bound: Collection[str]
) -> None:
    """Execute code with the names that it would find after a fresh start.

    Args:
        seen: Those names.
        code: The code of one statement.
        namespace: That of the module; it gets what is bound, unless that is a list that has in it
            what there is already.
        bound: The names that it binds.

    Raises:
        BaseException: Whatever the code raised.
    """
    places, later = seen
    known = {name: it for name, it in namespace.items() if name not in later}
    names = sorted((name for name in known if name in places), key=places.__getitem__)
    own = {name: known.pop(name) for name in names}
    view = known | own  # what the interpreter and others have put there comes first
    exec(code, view)
    for name in bound:
        if name in view and not _are_alike(view[name], namespace.get(name)):
            namespace[name] = view[name]


def _are_alike(new: object, old: object) -> bool:
    """Tell whether two lists have the same in them."""
    if not (type(new) is list and type(old) is list and len(new) == len(old)):
        return False
    return all(map(same_value, new, old))
