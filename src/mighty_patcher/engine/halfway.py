"""What modules that import each other find of one another: who is imported halfway through another
has of that what was there by then.

Found from the sources, and from the order in which imports have ended.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import Protocol

from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.inforce import StarImporter
from mighty_patcher.engine.module_facts import is_submodule, name_of_module, namespace_of
from mighty_patcher.engine.stars import exported, names_of_stars
from mighty_patcher.engine.toplevel import names_bound
from mighty_patcher.engine.version import Version

__all__ = ["Halfway"]

_Parts = tuple[ast.Module, ast.Module]


class _Lines(Protocol):
    def __call__(
        self, source: ModuleType, importer: ModuleType, *, before: bool = False
    ) -> int | None:
        """Return the line of a module on which another was imported that imports from it; or, of
        before, on which it had been when the reload began.
        """


class Halfway:
    """Finds it.

    Args:
        text_of: Finds the text that a module is to run; or, asked with true, has run.
    """

    def __init__(self, text_of: Callable[[ModuleType, bool], Version | None]) -> None:
        # Set by who knows in which order imports have ended.
        self.lines: _Lines
        self.may_be: Callable[[ModuleType, ModuleType], bool]
        """Tells, without looking at who imports whom, whether one may be imported by another."""
        self.text_of = text_of
        self._parts: dict[tuple[int, int, bool], tuple[_Parts, set[str]]] = {}

    def forget(self) -> None:
        """Let go of all that was found and of who was asked, at the end: these know it, and would
        live on with it until the collector comes by.
        """
        self._parts.clear()
        del self.lines, self.may_be, self.text_of

    def has(self, module: ModuleType, name: str, line: int) -> bool:
        """Tell whether a module has a name, or with ``*`` all of its names, when all before a line
        of it is executed.
        """
        (first, rest), late = self._split(module, line, before=False)
        if name == "*":
            lacking = late - namespace_of(module).keys()
            # What only a branch binds that was not taken is not there at the end, either.
            return not lacking or not any(lacking & facts(it).sure for it in rest.body)
        if is_submodule(namespace_of(module).get(name), name_of_module(module), name):
            return True  # `from package import module` imports it
        if name in late and name in names_of_stars(module, first):
            return True
        if name in late or "*" not in names_bound(rest):
            return name not in late
        if name not in namespace_of(module) and names_bound(first).isdisjoint(("*", name)):
            return False  # what is to bring it has not run yet
        return name not in self._bound_late(module, line, before=False)

    def not_there(
        self, source: ModuleType, importer: ModuleType, *, before: bool = False
    ) -> set[str]:
        """Return the names that a module gets after another has imported everything from it.

        Args:
            source: The module.
            importer: The other one.
            before: Ask about what was when the reload began.
        """
        line = self.lines(source, importer, before=before)
        late = set() if line is None else self._bound_late(source, line, before=before)
        submodules = self._submodules(source, importer, before=before)
        return late.union(name for name, is_there in submodules if not is_there)

    def not_listed(
        self, source: ModuleType, importer: ModuleType, *, before: bool = False
    ) -> set[str]:
        """Return the names that a module has when another imports everything from it, and that are
        not in its ``__all__``, which it gets after that.

        Args:
            source: The module.
            importer: The other one.
            before: Ask about what was when the reload began.
        """
        line = self.lines(source, importer, before=before)
        if line is None:
            return set()
        (first, _), late = self._split(source, line, before=before)
        if "__all__" not in late:
            return set()
        names = names_bound(first) | names_of_stars(source, first)
        submodules = self._submodules(source, importer, before=before)
        names.update(name for name, is_there in submodules if is_there)
        names = {it for it in names & namespace_of(source).keys() if not it.startswith("_")}
        return names - exported(namespace_of(source))

    def found_now(
        self, sources: Iterable[ModuleType], star_importers: Callable[[str], list[StarImporter]]
    ) -> Iterator[tuple[ModuleType, ModuleType, set[str]]]:
        """Yield who finds names of a module now that it has not found when it was imported.

        Args:
            sources: The modules.
            star_importers: Finds who imports everything from one, by its name.
        """
        for source in sources:
            for importer, *_ in star_importers(name_of_module(source)):
                names = self.not_there(source, importer, before=True)
                names = names - namespace_of(importer).keys() if names else names
                if names and (names := names - self.not_there(source, importer)):
                    yield source, importer, names

    def _submodules(
        self, source: ModuleType, importer: ModuleType, *, before: bool
    ) -> Iterator[tuple[str, bool]]:
        """Yield the submodules of a package, and whether another finds them there, halfway round a
        cycle: the package gets each when that ends.
        """
        for name, value in list(namespace_of(source).items()):
            if is_submodule(value, name_of_module(source), name):
                is_halfway = self.lines(value, importer, before=before) is not None
                yield name, not (value is importer or is_halfway)

    def _bound_late(self, module: ModuleType, line: int, *, before: bool) -> set[str]:
        """Return the names that a module gets at a line or after it, and not before."""
        parts, late = self._split(module, line, before=before)
        first, second = (names_of_stars(module, part) for part in parts)
        return (late | second) - first - names_bound(parts[0])

    def _split(self, module: ModuleType, line: int, *, before: bool) -> tuple[_Parts, set[str]]:
        """Return what stands before a line and what does not, and the names that only this binds,
        but for those of imports of everything.
        """
        known = self._parts.get((id(module), line, before))
        if known is None:
            text = self.text_of(module, before)
            parts = ast.Module([], []), ast.Module([], [])
            for statement in () if text is None else text.tree.body:
                parts[(statement.end_lineno or 0) >= line].body.append(statement)
            late = names_bound(parts[1]) - names_bound(parts[0]) - {"*"}
            known = self._parts[id(module), line, before] = parts, late
        return known
