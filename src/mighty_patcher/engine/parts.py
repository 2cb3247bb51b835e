"""The statements of a version, each compiled so that it can be executed by itself and yet makes the
very code that an import of the whole would make.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import sys
from copy import copy
from dataclasses import dataclass
from types import CodeType, ModuleType

from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.version import own_compiler, plain_compile, without_warnings

__all__ = ["Part", "Parts", "can_be_taken_apart"]

_LAZY = sys.version_info >= (3, 14)  # PEP 649: the annotations of a module are one function of it


def can_be_taken_apart(module: ModuleType) -> bool:
    """Tell whether a module's text is compiled as it is: by us, or by the import system. A loader
    that changes what is compiled has to see the whole.
    """
    source_to_code, _ = own_compiler(module)
    function = getattr(source_to_code, "__func__", source_to_code)
    return function in (
        plain_compile,
        importlib.machinery.SourceFileLoader.source_to_code,
        importlib.abc.InspectLoader.source_to_code,
    )


@dataclass(frozen=True)
class Part:
    """One statement of a module, ready to be executed by itself.

    Attributes:
        statement: The statement; None where the module cannot be taken apart.
        code: Its code.
    """

    statement: ast.stmt | None
    code: CodeType


class Parts:
    """Compiles statements of one version.

    Args:
        filename: What their code shall have as its ``co_filename``.
        tree: The syntax tree of the version, or what of it is to be run.
    """

    def __init__(self, filename: str, tree: ast.Module) -> None:
        self.tree = tree
        self._filename = filename
        self._futures: list[ast.stmt] = [
            statement
            for statement in tree.body
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        ]
        self._imports = _never_run(tree)

    def of(self, statement: ast.stmt) -> Part:
        """Compile a statement of the version, or a part of one.

        From 3.14 on without the annotations of the module, which `annotations` makes.
        """
        body = [statement] if statement in self._futures else [*self._futures, *self._imports]
        if statement not in body:
            body.append(_without_annotations(statement) if _LAZY else statement)
        return Part(statement, self._compile(body))

    def every(self) -> list[Part]:
        """Compile all statements of the version."""
        parts = [self.of(statement) for statement in self.tree.body]
        annotations = self.annotations()
        return parts if annotations is None else [*parts, annotations]

    def annotations(self) -> Part | None:
        """Compile what makes the function that evaluates the annotations of the module.

        Returns:
            None where there are none, or where each statement sets its own: before 3.14.
        """
        found: list[ast.stmt] = [
            ast.copy_location(
                ast.AnnAssign(statement.target, statement.annotation, None, statement.simple),
                statement,
            )
            for statement in self.tree.body
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
        ]
        if not found or not _LAZY:
            return None
        return Part(found[0], self._compile([*self._futures, *found]))

    def _compile(self, body: list[ast.stmt]) -> CodeType:
        part = ast.Module(body=body, type_ignores=[])
        with without_warnings(self._filename):  # they were shown when the whole was compiled
            code: CodeType = compile(part, self._filename, "exec", dont_inherit=True)
        return code


def _without_annotations(statement: ast.stmt) -> ast.stmt:
    """Return a statement that binds the same and annotates nothing in the module."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return statement
    value: ast.stmt = ast.Pass()
    if statement.value is not None:
        value = ast.Assign([copy(statement.target)], statement.value)
    return ast.copy_location(value, statement)


def _never_run(tree: ast.Module) -> list[ast.stmt]:
    """Return a statement that does nothing but tell the compiler which names the module imports:
    calls of what such a name has are compiled in another way (is_import_originated,
    Python/codegen.c).
    """
    names = {
        alias.asname or alias.name.partition(".")[0]
        for node in executed(tree.body)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    } - {"*"}
    if not names:
        return []
    aliases = [ast.alias(name) for name in sorted(names)]
    never = ast.If(test=ast.Constant(False), body=[ast.Import(aliases)], orelse=[])
    return [ast.fix_missing_locations(never)]
