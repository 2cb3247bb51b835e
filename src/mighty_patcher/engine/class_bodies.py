"""What the text of a class says of it: the names that its body binds."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from mighty_patcher.engine.toplevel import executed, is_never_run

__all__ = [
    "definitions_in",
    "mangled",
    "names_declared_in_class",
    "names_deleted",
    "names_in_class",
    "names_surely_in_class",
]


def definitions_in(tree: ast.Module | None) -> dict[str, ast.ClassDef]:
    """Return the classes that a module defines, by qualified name; of several the last one.

    Args:
        tree: The module. What stands in a function is not looked at.
    """
    found: dict[str, ast.ClassDef] = {}
    waiting = [("", tree.body if tree is not None else [])]
    while waiting:
        prefix, body = waiting.pop()
        for statement in executed(body):
            if isinstance(statement, ast.ClassDef):
                found[prefix + statement.name] = statement
                waiting.append((f"{prefix}{statement.name}.", statement.body))
    return found


def names_in_class(definition: ast.ClassDef | None) -> set[str]:
    """Return the names that the body of a class binds, mangled as they are in the class."""
    return set() if definition is None else _names_of(definition, executed(definition.body))


def names_declared_in_class(definition: ast.ClassDef | None) -> set[str]:
    """Return those of them that it only has an annotation for, or binds for a type checker alone:
    who gives them a value is somebody else.
    """
    if definition is None:
        return set()
    statements = list(executed(definition.body))
    unseen = [it.body for it in statements if isinstance(it, ast.If) and is_never_run(it)]
    checked = {id(it) for body in unseen for it in executed(body)}
    bound = [it for it in statements if id(it) not in checked and not _is_without_value(it)]
    return names_in_class(definition) - _names_of(definition, bound)


def _is_without_value(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.AnnAssign) and statement.value is None


def _names_of(definition: ast.ClassDef, statements: Iterable[ast.stmt]) -> set[str]:
    names: set[str] = set()
    for statement in statements:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(statement.name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
            case ast.Import() | ast.ImportFrom():
                names.update(
                    alias.asname or alias.name.partition(".")[0] for alias in statement.names
                )
            case _:
                names.update(_stored(statement))
    return {mangled(name, definition.name) for name in names}


def names_surely_in_class(definition: ast.ClassDef | None) -> set[str]:
    """Return the names that the body of a class binds in any case, and does not delete again."""
    if definition is None:
        return set()
    names: set[str] = set()
    for statement in definition.body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(statement.name)
            case ast.Assign():
                names.update(_stored(statement))
    return {mangled(name, definition.name) for name in names - names_deleted(definition.body)}


def names_deleted(body: Iterable[ast.stmt]) -> set[str]:
    """Return the names that some statements delete, and those that they need for that."""
    return {
        node.id
        for statement in executed(body)
        if isinstance(statement, ast.Delete)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name)
    }


def mangled(name: str, class_name: str) -> str:
    """Return what a private name becomes in a class."""
    if name.startswith("__") and not name.endswith("__") and class_name.strip("_"):
        return f"_{class_name.lstrip('_')}{name}"
    return name


def _stored(statement: ast.stmt) -> Iterator[str]:
    """The names that one statement stores by itself, without those in blocks below it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        waiting += [
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, (ast.stmt, ast.Lambda))
        ]


# ---- making content
