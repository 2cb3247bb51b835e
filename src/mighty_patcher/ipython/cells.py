"""What the cells of a session have imported, so that it can follow.

A cell is not executed again. But a name that it has imported, a constant or whatever else cannot be
patched, is bound to the new value for as long as it is the import that the name has its value from:
a name that a later cell has bound itself is the user's.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType

from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.module_facts import name_of_module, namespace_of
from mighty_patcher.engine.stars import exported
from mighty_patcher.engine.toplevel import names_bound

__all__ = ["Cells"]

_MAGICS = frozenset({"run_cell_magic", "run_line_magic"})
_EXECUTING = frozenset({"capture", "prun", "time"})
"""The magics that execute what they are given where the cell is executed."""
_NOTHING = object()


class Cells:
    """The imports of one session, by the names that hold what was imported.

    It is the `mighty_patcher.engine.inforce.Session` of the engine, which asks it on the thread
    that reloads, while cells may run on another.

    Args:
        module: The module in which cells are executed.
        transform: Makes Python of what was typed, magics and all.

    Attributes:
        transform: The same.
        takes_new_names: A name that is new in a module is bound here, too, unless names of that
            module were imported one by one.
    """

    def __init__(self, module: ModuleType, transform: Callable[[str], str]) -> None:
        self._module = module
        self.transform = transform
        self._held: dict[str, Imported] = {}
        self._by_star: set[str] = set()  # of these, those that nobody has named
        self._stars: set[str] = set()
        self.takes_new_names = False

    @property
    def module(self) -> ModuleType:
        """The module in which cells are executed."""
        return self._module

    @property
    def imports(self) -> list[Imported]:
        """What cells have imported and have not bound themselves since."""
        return list(self._held.values())

    def star_names(self, source: str) -> set[str] | None:
        """Return the names from a module of which everything was imported; None if it was not."""
        if source not in self._stars and not (self.takes_new_names and not self._has_named(source)):
            return None
        return {
            it.bound for it in self.imports if it.module == source and it.bound in self._by_star
        }

    def took(self, source: str, name: str) -> None:
        """Note that a reload has bound one more name of such a module."""
        self._hold(Imported(source, name, name, 0), by_star=True)

    def note(self, code: str, *, has_ended: bool = True) -> None:
        """Take note of a cell that was executed.

        Args:
            code: What was executed: Python.
            has_ended: It was executed to its end. Otherwise nobody knows how much of it was, and
                the values that names have tell.
        """
        if "import" not in code and not any(name in code for name in list(self._held)):
            return
        before, by_star = dict(self._held), set(self._by_star)
        for statement in self._statements(code):
            self._note(statement)
        for name in {*before, *self._held}:
            if name in self._held and self._is_held(self._held[name]):
                continue
            self._release(name)
            if not has_ended and name in before and self._is_held(before[name]):
                self._hold(before[name], by_star=name in by_star)
        # After `%reset` nothing is left of an import of everything.
        self._stars = {it for it in self._stars if self.star_names(it) or not _exported_by(it)}

    def _statements(self, code: str) -> Iterator[ast.stmt]:
        """Yield the statements of a cell, and those that it gives to magics such as ``%%time``."""
        try:
            body = ast.parse(code).body
        except (SyntaxError, ValueError):
            return
        for statement in body:
            yield statement
            for typed in _given_to_magics(statement):
                yield from self._statements(self.transform(typed))

    def _note(self, statement: ast.stmt) -> None:
        tree = ast.Module([statement], [])
        for name in names_bound(tree):
            self._release(name)
        for imported in imports_of(tree, name_of_module(self._module), ""):
            if imported.name == "*":
                self._note_star(imported)
            elif imported.name:
                self._hold(imported, by_star=False)

    def _note_star(self, star: Imported) -> None:
        self._stars.add(star.module)
        for name in _exported_by(star.module):
            self._hold(Imported(star.module, name, name, star.line), by_star=True)

    def _hold(self, imported: Imported, *, by_star: bool) -> None:
        self._release(imported.bound)
        self._held[imported.bound] = imported
        if by_star:
            self._by_star.add(imported.bound)

    def _release(self, name: str) -> None:
        self._held.pop(name, None)
        self._by_star.discard(name)

    def _is_held(self, imported: Imported) -> bool:
        """Tell whether the name has what the module has now."""
        source = sys.modules.get(imported.module)
        if source is None or not issubclass(type(source), ModuleType):
            return False
        value = namespace_of(source).get(imported.name, _NOTHING)
        return value is namespace_of(self._module).get(imported.bound)

    def _has_named(self, source: str) -> bool:
        return any(it.module == source and it.bound not in self._by_star for it in self.imports)


def _exported_by(name: str) -> set[str]:
    """Return the names that an import of everything takes from the module of this name."""
    source = sys.modules.get(name)
    if source is None or not issubclass(type(source), ModuleType):
        return set()
    return exported(namespace_of(source))


def _given_to_magics(statement: ast.stmt) -> Iterator[str]:
    """Yield the code that a statement has magics execute: ``%time``, ``%%capture``."""
    calls: Iterable[ast.AST] = ast.walk(statement)
    for node in calls:
        match node:
            case ast.Call(
                func=ast.Attribute(attr=runner),
                args=[ast.Constant(value=magic), *_, ast.Constant(value=str(code))],
            ) if runner in _MAGICS and magic in _EXECUTING:
                yield code
