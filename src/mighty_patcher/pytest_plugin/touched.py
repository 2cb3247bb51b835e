"""What reloads have touched, as far as tests can tell: functions by their bodies, or a module.

The steps of a reload name functions as the program does, and `functools.wraps` renames them; so the
bodies that differ are read off the two texts, under the names that code objects have.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from mighty_patcher.engine.module_facts import filename_of
from mighty_patcher.engine.report import LINES_MOVED, Reload
from mighty_patcher.engine.version import Version
from mighty_patcher.errors import SourceError

__all__ = ["Touched", "touched_by"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Body = tuple[str, _Function]
_YIELDS = (ast.Yield, ast.YieldFrom)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass
class Touched:
    """What was touched; files by their real paths.

    Attributes:
        functions: File and qualified name of functions of which only the body is another.
        modules: Files in which more than that was touched, each with what it was.
        files: All files that were saved and are in force.
    """

    functions: set[tuple[str, str]] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.functions or self.modules or self.files)


def touched_by(reloads: Iterable[Reload], tests: Collection[str] = ()) -> Touched:
    """Find out what reloads have touched.

    Args:
        reloads: The reloads.
        tests: The files of tests. A test function in one of them that comes, goes or is decorated
            otherwise is no more than that function: nothing else calls it.
    """
    found = Touched()
    for reload in reloads:
        by_text = set()
        for _, old, new in reload.texts:
            found.files.add(new.path)
            if old is not None and _compare(old, new, found, of_tests=new.path in tests):
                by_text.add(new.path)
            elif old is None:
                found.modules.setdefault(new.path, "what it was before is not known")
        for step in reload.steps:
            if step.kind == "patched" or step.reason == LINES_MOVED:
                continue  # found by the texts
            for path in _files_of(step.module, found.files):
                is_known = path in by_text and path in tests and step.kind != "rebound"
                if not is_known:
                    what = step.qualname or f"line {step.line}"
                    found.modules.setdefault(path, f"{step.kind} {what}")
        for stale in reload.stale:
            for name in reload.modules:
                for path in _files_of(name, found.files):
                    found.modules.setdefault(path, f"stale: {stale.what}")
    return found


def _files_of(name: str, saved: Iterable[str]) -> Iterator[str]:
    """Yield the files of the modules of a name; two may share it, such as conftests."""
    module = sys.modules.get(name)
    file = filename_of(module) if isinstance(module, ModuleType) else None
    if file is not None:
        yield os.path.realpath(file)
    last = name.rpartition(".")[2]
    for path in saved:
        if last in (Path(path).stem, Path(path).parent.name):
            yield path


# --- two texts ----------------------------------------------------------------------------------


def _compare(old: Version, new: Version, found: Touched, *, of_tests: bool) -> bool:
    try:
        before, after = _Parts(old, of_tests), _Parts(new, of_tests)
    except SourceError:  # what was there before need not have been Python
        found.modules.setdefault(new.path, "what it was before is not known")
        return False
    if before.skeleton != after.skeleton:
        found.modules.setdefault(new.path, "more than bodies of functions")
    for name in before.functions.keys() | after.functions.keys():
        olds, news = before.functions.get(name, []), after.functions.get(name, [])
        if not (len(olds) == len(news) and all(map(_same, olds, news))):
            found.functions.add((new.path, name))
    return True


def _same(old: _Body, new: _Body) -> bool:
    return old[0] == new[0] or ast.dump(old[1]) == ast.dump(new[1])


class _Parts:
    """A text, taken apart into the bodies of its functions and all the rest."""

    def __init__(self, text: Version, of_tests: bool) -> None:
        self.functions: dict[str, list[_Body]] = {}
        self._lines = text.text.split("\n")
        self._of_tests = of_tests
        self.skeleton = list(self._seen(text.tree, ""))

    def _seen(self, node: ast.AST, scope: str) -> Iterator[object]:
        """Yield what a node is to those who call no function."""
        if isinstance(node, _Function):
            yield from self._function(node, scope)
            return
        yield type(node)
        if isinstance(node, ast.ClassDef):
            scope = f"{scope}{node.name}."
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.AST):
                yield from self._seen(value, scope)
            elif isinstance(value, list):
                yield len(value)
                for one in value:
                    if isinstance(one, ast.AST):
                        yield from self._seen(one, scope)
                    else:
                        yield one
            else:
                yield name, type(value), value

    def _function(self, node: _Function, scope: str) -> Iterator[object]:
        qualname = f"{scope}{node.name}"
        whole = "\n".join(self._lines[_first_line(node) - 1 : node.end_lineno])
        self.functions.setdefault(qualname, []).append((whole, node))
        if self._of_tests and node.name.startswith("test"):
            return
        yield type(node), qualname, ast.get_docstring(node, clean=False), _yields(node)
        for part in (node.args, node.returns, *node.decorator_list, *_type_params(node)):
            yield None if part is None else list(self._seen(part, scope))


def _first_line(node: _Function) -> int:
    return min([node.lineno, *(it.lineno for it in node.decorator_list)])


def _type_params(node: _Function) -> list[ast.AST]:
    return getattr(node, "type_params", [])


def _yields(node: _Function) -> bool:
    """Tell whether a function is a generator: what a call of it does without running its body."""
    waiting: list[ast.AST] = [*node.body]
    while waiting:
        here = waiting.pop()
        if isinstance(here, _YIELDS):
            return True
        if not isinstance(here, _SCOPES):
            waiting += ast.iter_child_nodes(here)
    return False
