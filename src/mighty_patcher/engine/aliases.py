"""Names that stand for what something else has made: ``leave = go``, ``from m import go``.

What such a name is bound to anew does not take the place of the object that it stood for, which has
a name of its own.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from mighty_patcher.engine.class_bodies import mangled
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.values import same_value

__all__ = ["Aliases", "aliases_in"]

_MAKES_NOTHING = (
    ast.Name,
    ast.Attribute,
    ast.Subscript,
    ast.Constant,
    ast.Tuple,
    ast.Starred,
    ast.IfExp,
    ast.BoolOp,
    ast.NamedExpr,
    ast.expr_context,
    ast.boolop,
)


class Aliases:
    """The names of a module or a class, and which of them stand for what another one has made.

    Args:
        tree: The module or class as it was, where that is known.
        names: What the names stood for.
        news: What they stand for now.
    """

    def __init__(
        self,
        tree: ast.Module | ast.ClassDef | None,
        names: Mapping[str, Any],
        news: Mapping[str, Any],
    ) -> None:
        self._tree = tree
        self._names = names
        self._news = news

    def keeps(self, name: str, old: Any, new: Any, keep: Callable[[Any, Any], bool]) -> bool:
        """Tell whether what a name stood for takes the place of what it stands for now.

        Args:
            name: The name.
            old: What it stood for.
            new: What it stands for now.
            keep: Decides, unless another name goes on standing for the old object.
        """
        return same_value(old, new) if self._is_shared(name, old, new) else keep(old, new)

    def _is_shared(self, name: str, old: Any, new: Any) -> bool:
        if self._tree is None or old is new or id(old) not in self._held_twice:
            return False
        return name in self.names and any(
            value is old and other != name and self._news.get(other, new) is not new
            for other, value in list(self._names.items())
        )

    @cached_property
    def _held_twice(self) -> set[int]:
        seen: set[int] = set()
        twice: set[int] = set()
        for value in list(self._names.values()):
            (twice if id(value) in seen else seen).add(id(value))
        return twice

    @cached_property
    def names(self) -> frozenset[str]:
        """The names that stood for what another statement has made."""
        tree = self._tree
        names = aliases_in(tree.body if tree is not None else ())
        if isinstance(tree, ast.ClassDef):
            return frozenset(mangled(name, tree.name) for name in names)
        return names


def aliases_in(body: Iterable[ast.stmt]) -> frozenset[str]:
    """Return the names in a block that no statement of it binds to anything that it makes.

    Args:
        body: The statements of a module or of a class, as they are written.
    """
    given: set[str] = set()
    made: set[str] = set()
    for statement in executed(body):
        match statement:
            case ast.Import() | ast.ImportFrom():
                given |= {it.asname or it.name.partition(".")[0] for it in statement.names}
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                makes = not all(isinstance(it, _MAKES_NOTHING) for it in ast.walk(value))
                (made if makes else given).update(_stored(statement))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                made.add(statement.name)
            case _:
                made.update(_stored(statement))
    return frozenset(given - made)


def _stored(statement: ast.stmt) -> Iterator[str]:
    return (
        node.id
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    )
