"""Marks in a block that is executed again, which tell what it has bound: a name that a branch had
set, and no branch does that is taken now, stays in the module, and nobody sees it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator

from mighty_patcher.engine.trees import BLOCK, branches_of, with_bodies

__all__ = ["PLACE", "Binds", "mark", "marked"]

Binds = Callable[[ast.stmt], Collection[str]]
"""Finds the names that a statement binds, a block by its header alone."""
PLACE = b"\0the mark of mighty_patcher"
"""The constant in whose place is put what marks call, with the names that were bound."""


def marked(block: ast.stmt, names: Collection[str], binds: Binds) -> ast.stmt:
    """Return a block with marks behind all that binds certain names.

    Args:
        block: The block.
        names: The names.
        binds: Finds the names that statements bind. What the header of a block in it binds, it is
            taken to bind whenever it is reached.

    Returns:
        A copy, as far as it differs.
    """

    def inside(outer: ast.stmt) -> ast.stmt:
        bodies = {name: list(body(it)) for name, it in branches_of(outer)}
        if isinstance(outer, ast.Match):
            for at, case in enumerate(outer.cases):  # a guard may have refused what was captured
                captured = {*binds(ast.Match(outer.subject, outer.cases[: at + 1]))}
                marks = mark(case.body[0], captured.intersection(names))
                bodies[f"cases.{at}"] = [*marks, *bodies[f"cases.{at}"]]
        return with_bodies(outer, bodies)

    def body(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
        for it in statements:
            marks = mark(it, {*binds(it)}.intersection(names))
            if isinstance(it, ast.Match):
                yield inside(it)
            elif isinstance(it, BLOCK):
                yield from [*marks, inside(it)]
            else:
                yield from [it, *marks]

    return inside(block)


def mark(statement: ast.stmt, names: Collection[str]) -> list[ast.stmt]:
    """Return what tells that control has come to a statement; nothing if it binds nothing.

    Args:
        statement: The statement, whose position it gets.
        names: The names that it binds.
    """
    if not names:
        return []
    nodes = ast.Constant(PLACE), ast.Constant(tuple(sorted(names)))  # type: ignore[arg-type]
    call = ast.Call(nodes[0], [nodes[1]], [])
    told = ast.Expr(call)
    for node in (told, call, *nodes):
        ast.copy_location(node, statement)
    return [told]
