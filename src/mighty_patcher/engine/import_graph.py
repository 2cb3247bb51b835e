"""What modules import, and what comes with that, each found out once in a reload."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

from mighty_patcher.engine.imports import Imported
from mighty_patcher.engine.module_facts import is_loaded, name_of_module

__all__ = ["Asked", "ImportGraph", "Imports"]

Imports = Callable[[ModuleType, str], Sequence[Imported]]
"""What a module will import at its top, if that may be from the module of this name, or, of ``*``,
if it may import everything from any.
"""
Asked = tuple[str, str]
"""The name of a module, and of what it is asked for; empty for any, ``*`` for all."""


class ImportGraph:
    """Who imports whom.

    Args:
        imports: What modules import.
        is_own: Tells whether a module is one of those that may be reloaded: of the others nothing
            is known.
    """

    def __init__(self, imports: Imports, is_own: Callable[[ModuleType], bool]) -> None:
        self._ask = imports
        self._is_own = is_own
        self._imports: dict[tuple[int, str], Sequence[Imported]] = {}
        self._sources: dict[int, list[ModuleType]] = {}
        self._reached: dict[tuple[int, int], set[int]] = {}
        self._names: dict[int, frozenset[str]] = {}

    def forget(self) -> None:
        """Let go of all that was found."""
        self._imports.clear()
        self._sources.clear()
        self._reached.clear()
        self._names.clear()

    def imports(self, module: ModuleType, name: str = "") -> Sequence[Imported]:
        """Return what a module imports (`Imports`)."""
        known = self._imports.get((id(module), name))
        if known is None:
            known = self._imports[id(module), name] = self._ask(module, name)
        return known

    def names(self, module: ModuleType) -> frozenset[str]:
        """Return the names of the modules that a module imports, packages on the way included."""
        known = self._names.get(id(module))
        if known is None:
            found = (name for it in self.imports(module) for name in it.modules())
            known = self._names[id(module)] = frozenset(found)
        return known

    def leads_to(self, start: object, module: ModuleType, but: ModuleType | None = None) -> bool:
        """Tell whether to import a module is to import another, maybe through more, but for one."""
        reached = self._all_reached(start)
        if but is not None and {id(module), id(but)} <= reached:
            reached = self._all_reached(start, but)
        return id(module) in reached

    def sources(self, asked: set[Asked], name: str = "") -> Iterator[str]:
        """Yield the modules from which others have what they are asked for.

        Args:
            asked: Modules, and what they are asked for.
            name: Only this one is looked for: a text that cannot import it is not parsed.
        """
        waiting, seen = set(asked), set(asked)
        while waiting:
            place, wanted = waiting.pop()
            source = sys.modules.get(place)
            if type(source) is not ModuleType or not self._is_own(source):
                continue
            for it in self.imports(source, name):
                if wanted in ("", "*", it.bound) or it.bound == "*":
                    yield from it.modules()
            stars = {it.module for it in self.imports(source, "*") if it.name == "*"}
            more = {(it, wanted) for it in stars} - seen
            seen |= more
            waiting |= more

    def led_to(self, start: object, but: ModuleType | None = None) -> Iterator[ModuleType]:
        """Yield a module, and those that are imported with it, but for one."""
        waiting: list[ModuleType] = [start] if is_loaded(start) else []
        seen = {id(start), id(but)}
        while waiting:
            importer = waiting.pop()
            yield importer
            for source in self._imported_by(importer):
                if id(source) not in seen:
                    seen.add(id(source))
                    waiting.append(source)

    def _all_reached(self, start: object, but: ModuleType | None = None) -> set[int]:
        key = id(start), id(but)
        if key not in self._reached:
            self._reached[key] = set(map(id, self.led_to(start, but)))
        return self._reached[key]

    def _imported_by(self, importer: ModuleType) -> list[ModuleType]:
        """Return the modules that one imports, of its own accord. The packages that it is in are
        not: they have begun before it, whatever it imports.
        """
        known = self._sources.get(id(importer))
        if known is None:
            imports = self.imports(importer) if self._is_own(importer) else ()
            inside = f"{name_of_module(importer)}."
            names = dict.fromkeys(name for it in imports for name in it.modules())
            names = {it: None for it in names if not inside.startswith(f"{it}.")}
            found = map(sys.modules.get, names)
            known = [it for it in found if it is not None and is_loaded(it)]
            self._sources[id(importer)] = known
        return known
