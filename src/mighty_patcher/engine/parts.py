"""The statements of a version, each compiled so that it can be executed by itself and yet makes the
very code that an import of the whole would make.

Where a function has decorators, what is compiled has one more, below them: it is given the function
first, and hands the decorators the one that the program knows already. Each decorator of a function
or a class goes through a guard, which calls it. A block may have marks, which tell what it binds.
"""

from __future__ import annotations

import ast
import importlib.machinery
import operator
import sys
from collections.abc import Callable, Collection, Container, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine import held_values, set_by_name
from mighty_patcher.engine.codetree import is_run_through
from mighty_patcher.engine.facts import binds
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.marks import PLACE, Binds, marked
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS
from mighty_patcher.engine.version import (
    is_rewritten,
    own_compiler,
    plain_compile,
    without_warnings,
)

__all__ = ["Guard", "Hook", "Mark", "Part", "Parts", "can_be_taken_apart"]

Hook = Callable[[FunctionType], FunctionType]
Mark = Callable[[tuple[str, ...]], None]
Guard = Callable[[Any, bool], Any]
_PLACE = b"\0the hook of mighty_patcher"
"""The constant in whose place the hook is put: the compiler takes no functions as constants."""
_GUARD = b"\0the guard of mighty_patcher"
"""The constant in whose place goes what stands in for decorators."""
_LAZY = sys.version_info >= (3, 14)  # PEP 649: the annotations of a module are one function of it


def can_be_taken_apart(module: ModuleType) -> bool:
    """Tell whether a module's text is compiled as it is: by us, or by the import system. A loader
    that changes what is compiled has to see the whole, unless it is known to look at each statement
    for itself.
    """
    if is_rewritten(module):
        return True
    source_to_code, _ = own_compiler(module)
    function = getattr(source_to_code, "__func__", source_to_code)
    known = [plain_compile, importlib.machinery.SourceFileLoader.source_to_code]
    # Half of our share of a start would be the import of this; who derives from it has done so.
    abstract: Any = sys.modules.get("importlib.abc")
    if abstract is not None:
        known.append(abstract.InspectLoader.source_to_code)
    return is_one_of(function, known)


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
        hook: Given each function that has decorators before they are; returns what they are given.
            It is never freed on builds without the GIL, where constants of code are immortal.
        compiler: What compiles them.
        mark: Told, in blocks that have marks, which names were bound. As for the hook.
        guard: Given each decorator, and whether no other is called after it; returns what is called
            in its place. As for the hook.
        held: Given the number of a value; returns it if it is not made anew. As for the hook.
        named: Given the name that a statement sets by a text; returns it. As for the hook.
    """

    def __init__(
        self,
        filename: str,
        tree: ast.Module,
        hook: Hook,
        compiler: Callable[[ast.Module, str], CodeType] = plain_compile,
        mark: Mark | None = None,
        guard: Guard | None = None,
        held: Callable[[int], Sequence[Any]] | None = None,
        named: Callable[[Any], Any] | None = None,
    ) -> None:
        self.tree = tree
        self._compiler = compiler
        self._hooks = {
            _PLACE: hook,
            PLACE: mark,
            _GUARD: guard,
            held_values.PLACE: held,
            set_by_name.PLACE: named,
        }
        # Who looks at each statement for himself knows decorators by how they are written.
        self._is_guarded = guard is not None and compiler is plain_compile
        self._filename = filename
        self._futures: list[ast.stmt] = [
            statement
            for statement in tree.body
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
        ]
        self._imports = _never_run(tree)

    def of(self, statement: ast.stmt, names: Collection[str] = (), binds: Binds = binds) -> Part:
        """Compile a statement of the version, or a part of one.

        From 3.14 on without the annotations of the module, which `annotations` makes.

        Args:
            statement: The statement.
            names: Of a block the names for which it gets marks.
            binds: Finds the names that statements bind.
        """
        body = [statement] if statement in self._futures else [*self._futures, *self._imports]
        if statement not in body:
            part = marked(statement, names, binds) if names else statement
            part = _unannotated(part) if _LAZY else part
            body.append(_hooked(part, self._is_guarded) if _has_decorators(part) else part)
        return Part(statement, _with_hooks(self._compile(body), self._hooks))

    def every(self) -> list[Part]:
        """Compile all statements of the version."""
        parts = [self.of(statement) for statement in self.tree.body]
        annotations = self.annotations()
        return parts if annotations is None else [*parts, annotations]

    def annotations(self, bound: Container[str] | None = None) -> Part | None:
        """Compile what makes the function that evaluates the annotations of the module.

        Args:
            bound: The names of the module, where it has run: what stands in a block is annotated if
                it is there. None for all.

        Returns:
            None where there are none, or where each statement sets its own: before 3.14.
        """
        found: list[ast.stmt] = [
            ast.copy_location(
                ast.AnnAssign(statement.target, statement.annotation, None, statement.simple),
                statement,
            )
            for statement in executed(self.tree.body)
            if isinstance(statement, ast.AnnAssign)
            and isinstance(statement.target, ast.Name)
            and (bound is None or statement in self.tree.body or statement.target.id in bound)
        ]
        if not found or not _LAZY:
            return None
        return Part(found[0], self._compile([*self._futures, *found]))

    def _compile(self, body: list[ast.stmt]) -> CodeType:
        part = ast.Module(body=body, type_ignores=[])
        with without_warnings(self._filename):  # they were shown when the whole was compiled
            return self._compiler(part, self._filename)


def _has_decorators(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, DEFINITION_OR_CLASS) and node.decorator_list
        for node in _evaluated(statement)
    )


def _evaluated(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield the definitions that executing a statement makes."""
    for node in executed([statement]):
        yield node
        if isinstance(node, ast.ClassDef):
            for inner in node.body:
                yield from _evaluated(inner)


class _Copied(ast.NodeTransformer):
    """Copies a statement, and what of it is changed."""

    def visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, (ast.stmt, ast.ExceptHandler, ast.match_case)):
            return node
        visited: ast.AST = super().visit(node)
        return visited

    def generic_visit(self, node: ast.AST) -> ast.AST:
        node = copy(node)
        for name, value in ast.iter_fields(node):
            if type(value) is list:
                setattr(node, name, list(value))  # which the transformer writes to
        return super().generic_visit(node)


class _Hooked(_Copied):
    """Adds the hook below all decorators of functions that a statement makes, and lets decorators
    go through the guard.

    Args:
        is_guarded: There is one.
    """

    def __init__(self, is_guarded: bool) -> None:
        self._is_guarded = is_guarded

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._hooked(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._hooked(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        copied = self.generic_visit(node)
        assert isinstance(copied, ast.ClassDef)
        copied.decorator_list = self._guarded(copied.decorator_list)
        return copied

    def _hooked(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        if not node.decorator_list:
            return node
        node = copy(node)
        hook = ast.copy_location(ast.Constant(_PLACE), node.decorator_list[-1])
        node.decorator_list = [*self._guarded(node.decorator_list), hook]
        return node

    def _guarded(self, decorators: list[ast.expr]) -> list[ast.expr]:
        if not self._is_guarded:
            return decorators
        found: list[ast.expr] = []
        for it in decorators:
            guard, is_last = (
                ast.copy_location(ast.Constant(constant), it) for constant in (_GUARD, not found)
            )
            found.append(ast.copy_location(ast.Call(guard, [it, is_last], []), it))
        return found


def _hooked(statement: ast.stmt, is_guarded: bool) -> ast.stmt:
    copied = _Hooked(is_guarded).visit(statement)
    assert isinstance(copied, ast.stmt)
    return copied


def _with_hooks(code: CodeType, hooks: Mapping[bytes, object]) -> CodeType:
    """Put the hooks where their places are, also in the bodies of classes."""
    constants: list[object] = []
    for constant in code.co_consts:
        if type(constant) is bytes and constant in hooks:
            constants.append(hooks[constant])
        elif isinstance(constant, CodeType) and is_run_through(constant):
            constants.append(_with_hooks(constant, hooks))
        else:
            constants.append(constant)
    if all(map(operator.is_, constants, code.co_consts)):
        return code
    return code.replace(co_consts=tuple(constants))


class _Unannotated(_Copied):
    """Copies a statement that binds the same and annotates nothing in the module."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if not isinstance(node.target, ast.Name):
            return node
        value: ast.stmt = ast.Pass()
        if node.value is not None:
            value = ast.Assign([copy(node.target)], node.value)
        return ast.copy_location(value, node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node


def _unannotated(statement: ast.stmt) -> ast.stmt:
    if not any(isinstance(it, ast.AnnAssign) for it in executed([statement])):
        return statement
    copied = _Unannotated().visit(statement)
    assert isinstance(copied, ast.stmt)
    return copied


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
