"""What an edit looks like: the lines that differ, and the definitions that they are in."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from mighty_patcher.engine.version import without_warnings

__all__ = ["text_diff"]

_CONTEXT = 2


def text_diff(name: str, old: str, new: str) -> list[str]:
    """Compare two texts of a module.

    Args:
        name: What the file is called in the first two lines.
        old: The text before.
        new: The text now; if it parses, each group of lines has its definition's name.

    Returns:
        Lines of a unified diff, without line ends; none if nothing differs.
    """
    lines = difflib.unified_diff(
        old.splitlines(), new.splitlines(), name, name, n=_CONTEXT, lineterm=""
    )
    try:
        with without_warnings(name):
            definitions = list(_definitions(ast.parse(new, name), ""))
    except SyntaxError:
        definitions = []
    result: list[str] = []
    for line in lines:
        if line.startswith("@@"):
            first = int(line.split("+")[1].split(",")[0].split(" ")[0])
            result.append(f"{line} {_around(first + _CONTEXT, definitions)}".rstrip())
        else:
            result.append(line)
    return result


def _definitions(tree: ast.AST, prefix: str) -> Iterator[tuple[int, int, str]]:
    """Yield first line, last line and qualified name of each definition, outer ones first."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}{node.name}"
            first = min([node.lineno, *(it.lineno for it in node.decorator_list)])
            yield first, node.end_lineno or node.lineno, name
            yield from _definitions(node, f"{name}.")
        else:
            yield from _definitions(node, prefix)


def _around(line: int, definitions: list[tuple[int, int, str]]) -> str:
    return next((it[2] for it in reversed(definitions) if it[0] <= line <= it[1]), "")
