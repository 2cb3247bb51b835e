"""Which of several statements that bind a name has made what it holds: a class or function of which
there are two definitions, or an import beside it, and only one of them was executed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

from mighty_patcher.engine.class_bodies import mangled, names_in_class
from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import BLOCK, DEFINITION, DEFINITION_OR_CLASS, first_line

__all__ = ["Origins"]


class Origins:
    """Tells them apart by what is there before anything of a reload is done: later on the classes
    and functions have the lines of the new text.

    Args:
        module: The name of the module.
        namespace: Its names.
        statements: The text that it runs.
    """

    def __init__(
        self, module: str, namespace: Mapping[str, Any], statements: Iterable[ast.stmt]
    ) -> None:
        self._module = module
        self._definitions: dict[str, list[ast.stmt]] = {}
        for statement in statements:
            for it in executed([statement]) if isinstance(statement, BLOCK) else [statement]:
                if isinstance(it, DEFINITION_OR_CLASS):
                    self._definitions.setdefault(it.name, []).append(it)
        self._makers: dict[str, tuple[int, ast.stmt | None]] = {}  # each with an address
        for name in [name for name, found in self._definitions.items() if len(found) > 1]:
            value = namespace.get(name)
            if len(found := self._of_its_kind(name, value)) > 1:
                self._makers[name] = id(value), _maker(value, found)

    def is_made_by(
        self, name: str, value: object, statement: ast.stmt, others: Iterable[ast.stmt]
    ) -> bool:
        """Tell whether a statement has made what a name held, though others may bind that: the
        import of a faster one that failed, or a branch that was not taken.

        Args:
            name: The name.
            value: What it held.
            statement: A definition, or a block with one.
            others: The others.
        """
        known, maker = self._makers.get(name, (id(value), None))
        found = self._of_its_kind(name, value)
        if len(found) == 1:
            maker = found[0]
        if maker is None or known != id(value):
            return False
        return _contains(statement, maker) and not any(_contains(it, maker) for it in others)

    def _of_its_kind(self, name: str, value: object) -> list[ast.stmt]:
        """Return the definitions of a name that may have made a value."""
        if is_class(value):
            kinds: tuple[type[ast.stmt], ...] = (ast.ClassDef,)
            origin = class_dict(value).get("__module__"), qualname_of(value)
        elif type(value) is FunctionType:
            kinds, origin = DEFINITION, (value.__module__, value.__qualname__)
        else:
            return []
        found = self._definitions.get(name, ()) if origin == (self._module, name) else ()
        return [it for it in found if isinstance(it, kinds)]


def _contains(statement: ast.stmt, inner: ast.stmt) -> bool:
    return statement.lineno <= inner.lineno <= (statement.end_lineno or 0)


def _maker(value: Any, definitions: list[ast.stmt]) -> ast.stmt | None:
    """Return the one of some definitions that has made a class or function, if that is certain."""
    lines = {value.__code__.co_firstlineno} if type(value) is FunctionType else _lines_of(value)
    fitting = [it for it in definitions if any(_has_line(it, line) for line in lines)]
    if not lines:
        classes = [it for it in definitions if isinstance(it, ast.ClassDef) and _fits(value, it)]
        bound = [(it, names_in_class(it)) for it in classes]
        # One that says less (`class C: pass`) fits any class.
        fitting = [it for it, names in bound if all(names >= others for _, others in bound)]
    return fitting[0] if len(fitting) == 1 else None


def _has_line(definition: ast.stmt, line: int) -> bool:
    return first_line(definition) <= line <= (definition.end_lineno or 0)


def _lines_of(cls: type) -> set[int]:
    """Return lines of a class: its own, which it knows from Python 3.13 on, or those on which its
    methods begin.
    """
    members = class_dict(cls)
    line = members.get("__firstlineno__")
    if type(line) is int:
        return {line}
    return {
        it.__code__.co_firstlineno
        for name, it in members.items()
        if type(it) is FunctionType
        and (it.__module__, it.__qualname__)
        == (members.get("__module__"), f"{qualname_of(cls)}.{name}")
    }


def _fits(cls: type, definition: ast.ClassDef) -> bool:
    """Tell whether a class holds what a definition without methods says."""
    members = class_dict(cls)
    constants = {
        mangled(target.id, definition.name): it.value.value
        for it in definition.body
        if isinstance(it, ast.Assign) and isinstance(it.value, ast.Constant)
        for target in it.targets
        if isinstance(target, ast.Name)
    }
    return names_in_class(definition) <= members.keys() and all(
        type(members[name]) is type(value) and members[name] == value
        for name, value in constants.items()
    )
