"""The modules of one reload: those that were saved, and those that learn of a change through what
they import, in the order in which an import of the program would come to them.

In a cycle that means that a module has two turns: it is executed as far as the import that leads to
the others, and they find what it has by then; when they are done it is executed to its end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from mighty_patcher.engine.import_graph import Asked, ImportGraph, Imports
from mighty_patcher.engine.module_facts import is_loaded, name_of_module
from mighty_patcher.engine.outside import Outside

__all__ = ["Turn", "Worklist"]

_MANY = 16
"""From so many modules on all that others bring is found at once, instead of who may bring each."""


@dataclass(frozen=True)
class Turn:
    """What is to be looked at next.

    Attributes:
        module: The module.
        outside: What others have changed for it.
        until: The line of it at which to stop; None for its end.
    """

    module: ModuleType
    outside: Outside
    until: int | None = None


class Worklist:
    """Hands out modules, each after those that it imports from as far as these are known.

    Args:
        saved: The modules that were saved, those that others import first.
        imports: What modules will import.
        imported: What they have imported.
        is_own: Tells whether a module is one of those that may be reloaded.
        has: Tells whether a module has a name, or with ``*`` all of its names, when all before a
            line of it is executed.
        raised: The names of modules that were found to end after others that had ended after them,
            as they have imported them since; more are added.
        asked: Finds the names that a module will ask another for while it is executed.
    """

    def __init__(
        self,
        saved: Sequence[ModuleType],
        imports: Imports,
        imported: Imports,
        is_own: Callable[[ModuleType], bool],
        has: Callable[[ModuleType, str, int], bool] = lambda *_: True,
        raised: set[tuple[str, str]] | None = None,
        asked: Callable[[ModuleType, ModuleType], Collection[str]] = lambda *_: (),
    ) -> None:
        # An import puts its module at the end when it ends (importlib's `_load_unlocked`), so what
        # was imported stands before who imported it, and a cycle is cut where the program cut it.
        loaded = {
            name: module
            for name, module in sys.modules.copy().items()
            if issubclass(type(module), ModuleType)
        }
        # A module with two names has the later place; the places are as many as the modules.
        places = dict.fromkeys(id(module) for module in reversed(loaded.values()))
        self._ranks = {one: float(rank) for rank, one in enumerate(reversed(places))}
        self._count = len(sys.modules)
        self._turn: ModuleType | None = None
        self._saved = list(saved)
        self._imports = ImportGraph(imports, is_own)
        self._before = ImportGraph(imported, is_own)
        self._is_own = is_own
        self._has = has
        self._asked = asked
        self._told: dict[int, tuple[ModuleType, Outside]] = {}
        self.begun: dict[int, int] = {}
        """By the addresses of modules: as far as which line each was handed out."""
        self._held: set[int] = set()  # who waits in the middle: as in an import, others do not
        self._awaited: dict[int, list[ModuleType]] = {}  # by the address of each, who waits for it
        self._needed: dict[tuple[int, str], bool] = {}
        self._brought: dict[Asked, set[str]] = {}
        self._lines: dict[tuple[int, int], int | None] = {}  # while all ranks are as they are
        self._raised = set() if raised is None else raised
        ranks = dict(self._ranks)
        for name, other in self._raised:
            if name in loaded and other in loaded and self._needs(loaded[name], loaded[other]):
                rank = _after(ranks, loaded[other], loaded[name])
                self._end_after(loaded[name], rank, ranks)
        self._ended_before = self._with_outers(loaded, ranks)
        for module in saved:
            self._raise(module, loaded, ranks)
        for module in sorted(self._saved, key=self._rank):
            self._put_after_inner(module)
        self._ended = self._with_outers(loaded, ranks)  # who waits in this reload is another matter

    def tell(self, module: ModuleType, outside: Outside) -> None:
        """Note what others have changed for a module: it is handed out, perhaps once more."""
        known = self._told.setdefault(id(module), (module, Outside()))[1]
        known.update(outside)

    def next(self) -> Turn | None:
        """Return what is next; None if there is nothing."""
        self._place_new()
        while (module := self._first()) is not None:
            begins = self._beginning(module, [module])
            awaited = None if begins is None else self._awaited_by(begins[0], module)
            if awaited is not None:
                module = awaited
                begins = self._beginning(module, [module])
            waiting = self._waiting_for_others(module) if begins is None else None
            if waiting is None:
                break
            self._saved = [it for it in self._saved if it is not module]
            self._put_after(module, [waiting], set())
            self.tell(module, Outside())
        if module is None:
            return None
        if begins is not None:
            outer, line = begins
            self.begun[id(outer)] = line
            self._held.add(id(outer))
            outside = self._taken(outer)
            self.tell(outer, Outside())  # its end comes later
            self._turn = outer
            return Turn(outer, outside, line)
        self._held.discard(id(module))
        self._saved = [it for it in self._saved if it is not module]
        self._turn = module
        return Turn(module, self._taken(module))

    def wait(
        self, module: ModuleType, imported: Sequence[ModuleType], read: Sequence[ModuleType]
    ) -> bool:
        """Have a module wait, before a statement, for others that are not done yet.

        Args:
            module: The module.
            imported: What it is about to import.
            read: What it is about to import or to ask, if it has names that changed, which
                these may have from it.

        Returns:
            Whether it has to wait. Then it has another turn, after what it waits for.
        """
        self._place_new()
        waiting = {*map(id, self._saved), *self._told}
        held = [name_of_module(it) for it in imported if id(it) in self._held]
        found = [
            it
            for it in imported
            if id(it) in waiting
            # A package has begun before what is in it.
            and not any(name.startswith(f"{name_of_module(it)}.") for name in held)
            and not self._had_begun(it, module)
        ]
        found += [it for it in read if self._follows(it, module)]
        found = [it for it in found if id(it) not in self._held]
        if not found:
            return False
        for it in found:
            self._awaited.setdefault(id(it), []).append(module)
        self._put_after(module, found, set())
        self.begun.pop(id(module), None)
        self._held.add(id(module))
        self.tell(module, Outside())
        return True

    def _had_begun(self, package: ModuleType, module: ModuleType) -> bool:
        """Tell whether a package is only on the way to what a module imports, and had begun before
        that: it has ended after it, though it was imported there as well.
        """
        name = name_of_module(package)
        last = len(self._ended_before)
        ends = (self._ended_before.get(id(it), last) for it in (module, package))
        return (
            next(ends) < next(ends)
            and any(name in it.modules() for it in self._before.imports(module, name))
            and all(it.needs(sys.modules) != name for it in self._imports.imports(module, name))
        )

    def _waiting_for_others(self, module: ModuleType) -> ModuleType | None:
        """Return a module that another one needs, that waits before a statement, and not for that
        one: an import would have it go on before it comes back.
        """
        for other, _ in self._told.values():
            if (
                id(other) in self._held
                and id(other) not in self.begun
                and self._rank(other) > self._rank(module)
                and self._needs(module, other)
                and not self._imports.leads_to(other, module)
                and not self._is_awaited(module, other)
            ):
                return other
        return None

    def _is_awaited(self, module: ModuleType, other: ModuleType) -> bool:
        """Tell whether another one waits for a module, maybe for one that waits for it."""
        waiting, seen = [module], {id(module)}
        for it in waiting:  # it grows
            for one in self._awaited.get(id(it), ()):
                if one is other:
                    return True
                if id(one) not in seen:
                    seen.add(id(one))
                    waiting.append(one)
        return False

    def _put_after(self, module: ModuleType, others: Sequence[ModuleType], seen: set[int]) -> None:
        """Have a module end after others, and after it those that wait for it."""
        self._lines.clear()
        rank = self._rank(module)
        later = [found + 0.5 for it in others if (found := self._rank(it)) >= rank]
        self._ranks[id(module)] = max([rank, *later])
        seen.add(id(module))
        for it in self._awaited.get(id(module), ()):
            if id(it) not in seen:
                self._put_after(it, [module], seen)

    def forget(self) -> None:
        """Let go of who imports whom: the next reload would look through all that is kept."""
        self._imports.forget()
        self._before.forget()

    def has_outlasted(self, source: ModuleType, importer: ModuleType) -> bool:
        """Tell whether a module has ended, or would end, after another that imports from it."""
        return any(
            ranks.get(id(importer), 0) < ranks.get(id(source), -1)
            for ranks in (self._ended_before, self._ended)
        )

    def halfway(
        self, source: ModuleType, importer: ModuleType, *, before: bool = False
    ) -> int | None:
        """Return the line of a module on which another is imported that imports from it, and so
        finds what the module has by then; None if it is no cycle, or is cut elsewhere.

        Args:
            source: The module.
            importer: The other one.
            before: Ask how it was when the reload began.
        """
        if f"{name_of_module(source)}.".startswith(f"{name_of_module(importer)}."):
            return None  # a package has begun before what is in it
        ranks = self._ended_before if before else self._ended
        if ranks.get(id(importer), 0) >= ranks.get(id(source), -1) or not self._is_own(source):
            return None
        line = self._line_of_importing(
            source, importer, ranks, self._before if before else self._imports
        )
        if before or line is None:
            return line
        is_new = _takes_all(self._imports, importer, source) and not _takes_all(
            self._before, importer, source
        )
        if is_new and self._may_begin_first(importer, source):
            return None
        return line if self._has_all(source, importer, line) else None

    def _first(self) -> ModuleType | None:
        saved = set(map(id, self._saved))
        told = [module for module, _ in self._told.values() if id(module) not in saved]
        first = min(told, key=self._rank, default=None)
        if first is not None and not any(self._rank(it) < self._rank(first) for it in self._saved):
            return first
        return self._saved[0] if self._saved else None

    def _awaited_by(self, outer: ModuleType, module: ModuleType) -> ModuleType | None:
        """Return what a module waits for that has to be begun for another one."""
        for it in (*self._saved, *(told for told, _ in self._told.values())):
            is_awaited = any(one is outer for one in self._awaited.get(id(it), ()))
            if is_awaited and it is not module and id(it) not in self._held:  # which waits itself
                return it
        return None

    def _place_new(self) -> None:
        """Have modules that were imported for the first time by the one whose turn it is, or was,
        end right before that, as they have.
        """
        if len(sys.modules) == self._count or self._turn is None:
            return
        self._count = len(sys.modules)
        self._lines.clear()
        found = {id(it): it for it in sys.modules.copy().values() if id(it) not in self._ranks}
        end, step = self._rank(self._turn), 1 / (len(self._ranks) + 2) ** 3
        for at, new in enumerate(reversed(found), 1):
            self._ranks[new] = self._ended[new] = end - at * step

    def _taken(self, module: ModuleType) -> Outside:
        return self._told.pop(id(module), (module, Outside()))[1]

    def _rank(self, module: ModuleType) -> float:
        return self._ranks.get(id(module), len(self._ranks))

    # ---- cycles

    def _put_after_inner(self, outer: ModuleType) -> None:
        """Put a module after all that it imports and that ended before it: the order in which the
        modules were given may cut a cycle elsewhere.
        """
        place = [it is outer for it in self._saved].index(True)
        for at in range(len(self._saved) - 1, place, -1):
            inner = self._saved[at]
            if self._rank(inner) < self._rank(outer) and self._line_of_import(outer, inner):
                self._saved.insert(at, self._saved.pop(place))
                break

    def _follows(self, other: ModuleType, module: ModuleType) -> bool:
        """Tell whether a module may have names from another, and does not only import that."""
        if not (self._is_own(other) and self._needs(other, module)):
            return False
        name = name_of_module(module)
        found = ((it.needs(sys.modules), it) for it in self._imports.imports(other))
        taken = {(source, it.name if source == it.module else "") for source, it in found}
        taken.discard((name, ""))  # the module itself
        return (
            any(source == name for source, _ in taken)
            or name in self._imports.sources(taken, name)
            or bool(self._asked(other, module))
        )

    def _raise(
        self,
        module: ModuleType,
        loaded: Mapping[str, ModuleType],
        ranks: Mapping[int, float],
    ) -> None:
        """Have a module end after those that it will import, and has not imported so far, or not
        what it takes from them now.
        """
        rank = ranks.get(id(module), len(ranks))
        taken = {(it.module, it.name) for it in self._before.imports(module)}
        is_new = any((it.module, it.name) not in taken for it in self._imports.imports(module))
        saved = set(map(id, self._saved))
        later = {
            name: loaded[name]
            for it in self._imports.imports(module)
            for name in it.modules()
            if name in loaded
            and ranks[id(loaded[name])] > rank
            and self._is_own(loaded[name])  # nobody waits for another
        }
        for name, other in later.items():
            if (name_of_module(module), name) not in self._raised:
                if not is_new and id(other) not in saved:
                    continue  # both are as they were
                line = self._line_leading_to(other, module)
                imported = self._before.imports(module, name)
                if line is None and any(name in it.modules() for it in imported):
                    continue
                if (
                    line is not None
                    and self._has_all(other, module, line)
                    and self._may_begin_first(other, module)
                ):
                    continue  # it has begun before, or may have
                self._raised.add((name_of_module(module), name))
            self._end_after(module, _after(ranks, other, module), ranks)
            if any(it is other for it in self._saved):
                self._saved = [it for it in self._saved if it is not module]
                place = [it is other for it in self._saved].index(True) + 1
                while place < len(self._saved) and (
                    ranks[id(other)] < self._rank(self._saved[place]) < self._rank(module)
                ):
                    place += 1
                self._saved.insert(place, module)

    def _end_after(self, module: ModuleType, rank: float, ranks: Mapping[int, float]) -> None:
        """Have a module end later; so do the packages that it is in, if they have waited for it."""
        self._lines.clear()
        self._ranks[id(module)] = rank = max(self._rank(module), rank)
        package = name_of_module(module)
        while package := package.rpartition(".")[0]:
            outer = sys.modules.get(package)
            has_waited = ranks.get(id(module), -1) < ranks.get(id(outer), -1) <= rank
            if has_waited and self._imports.leads_to(outer, module):
                rank += 1 / (len(ranks) + 2) ** 2
                self._ranks[id(outer)] = max(self._ranks[id(outer)], rank)

    def _with_outers(
        self, loaded: Mapping[str, ModuleType], ranks: Mapping[int, float]
    ) -> dict[int, float]:
        """Return when modules end, where some end later than they did: so do those that had begun
        before one of these, as it imports them and has ended first, and may still do so.
        """
        found, step = dict(self._ranks), 1 / (len(ranks) + 2) ** 2
        if found == ranks:
            return found
        waiting = [it for it in loaded.values() if found[id(it)] != ranks[id(it)]]
        seen = set(map(id, waiting))
        for inner in waiting:  # it grows
            name, start, end = name_of_module(inner), ranks[id(inner)], found[id(inner)]
            for outer in loaded.values():
                has_waited = start < ranks[id(outer)] and found[id(outer)] <= end
                if not has_waited or id(outer) in seen or not self._is_own(outer):
                    continue
                if (
                    any(name in it.modules() for it in self._imports.imports(outer, name))
                    and self._before.leads_to(inner, outer)
                    and self._may_begin_first(outer, inner)
                ):
                    found[id(outer)] = end + step
                    seen.add(id(outer))
                    waiting.append(outer)
        return found

    def _beginning(
        self, module: ModuleType, seen: list[ModuleType]
    ) -> tuple[ModuleType, int] | None:
        """Return a module that has to be begun before another, and the line as far as which."""
        waiting = {id(it): it for it in (*self._saved, *(it for it, _ in self._told.values()))}
        outers = [
            outer
            for outer in waiting.values()
            if self._rank(outer) > self._rank(module) and not any(it is outer for it in seen)
        ]
        standing: list[tuple[ModuleType, int]] = []  # before what imports the module
        for outer in sorted(outers, key=self._rank, reverse=True):
            if not self._needs(module, outer):
                continue
            line, begun = self._line_of_import(outer, module), self.begun.get(id(outer), 0)
            if line is None:
                continue
            if line > begun and all(self._is_on_way(outer, *it) for it in standing):
                return self._beginning(outer, [*seen, outer]) or (outer, line)
            if line == begun:
                standing.append((outer, line))
            elif line < begun:
                return None  # which has imported it on its way here, whoever else does so later
        return None

    def _is_on_way(self, module: ModuleType, outer: ModuleType, line: int) -> bool:
        """Tell whether what another module imports on a line leads to a module."""
        return any(
            self._imports.leads_to(sys.modules.get(name), module, but=outer)
            for it in self._imports.imports(outer)
            if it.line == line
            for name in it.modules()
            if name != name_of_module(outer)
        )

    def _needs(self, module: ModuleType, other: ModuleType) -> bool:
        """Tell whether a module will import another, or one that will have names from there."""
        name = name_of_module(other)
        if (id(module), name) not in self._needed:
            self._needed[id(module), name] = self._has_names_from(name, module)
        return self._needed[id(module), name]

    def _has_names_from(self, name: str, module: ModuleType) -> bool:
        if name in self._imports.names(module):
            return True
        # Whom it asks for which name; not a package that is only on the way to what it imports.
        asked = ((it.needs(sys.modules), it) for it in self._imports.imports(module))
        entries = {(source, it.name if source == it.module else "") for source, it in asked}
        if len(self._saved) + len(self._told) < _MANY:
            return name in self._imports.sources(entries, name)
        for entry in entries:
            if entry not in self._brought:
                self._brought[entry] = set(self._imports.sources({entry}))
            if name in self._brought[entry]:
                return True
        return False

    def _line_of_import(self, outer: ModuleType, module: ModuleType) -> int | None:
        """Return the line on which a module imports what another was imported by."""
        key = id(outer), id(module)
        if key not in self._lines:
            asked = name_of_module(module)
            line = self._line_of_importing(outer, module, self._ranks, self._imports, asked)
            has_all = line is not None and self._has_all(outer, module, line)
            self._lines[key] = line if has_all else None
        return self._lines[key]

    def _line_of_importing(
        self,
        outer: ModuleType,
        module: ModuleType,
        ranks: Mapping[int, float],
        graph: ImportGraph,
        asked: str = "",
    ) -> int | None:
        """Return the line on which a module imports what another was imported by, by what is
        imported and when the modules end. A text without the name that is asked for is not parsed.
        """
        rank, end = ranks.get(id(module), len(ranks)), ranks.get(id(outer), len(ranks))
        # The first is enough: to find who is led to takes long in a large cycle.
        for imported in sorted(graph.imports(outer, asked), key=lambda it: it.line):
            for name in imported.modules():
                if rank <= ranks.get(id(sys.modules.get(name)), -1) < end and graph.leads_to(
                    sys.modules[name], module, but=outer
                ):
                    return imported.line
        return None

    def _has_all(self, outer: ModuleType, module: ModuleType, line: int) -> bool:
        """Tell whether a module has by a line what another takes from it: else the program cannot
        cut the cycle there. Who has imported everything so far, as far as it was there, goes on so.
        """
        name = name_of_module(outer)
        had_all = _takes_all(self._before, module, outer)
        return all(
            (had_all and it.name == "*") or self._has(outer, it.name, line)
            for it in self._imports.imports(module, name)
            if it.module == name and it.name
        ) and all(self._has(outer, it, line) for it in self._asked(module, outer))

    def _line_leading_to(self, other: ModuleType, module: ModuleType) -> int | None:
        """Return the line on which a module imports what it has imported another by."""
        names = {name for it in self._before.imports(other) for name in it.modules()}
        names.discard(name_of_module(other))  # a package, on the way to what is in it
        lines = (
            it.line
            for it in self._imports.imports(other)
            for name in names.intersection(it.modules())
            if self._before.leads_to(sys.modules.get(name), module, but=other)
        )
        return min(lines, default=None)

    def _begins(self, package: object, other: ModuleType, module: ModuleType) -> bool:
        """Tell whether a package imports one module, and not another before or by that."""
        found = self._imports.imports(package) if is_loaded(package) else ()
        for name in dict.fromkeys(name for it in found for name in it.modules()):
            source = sys.modules.get(name)
            if source is package:
                continue
            if source is not module and self._imports.leads_to(source, other, but=module):
                return True
            if self._imports.leads_to(source, module):
                return False
        return False

    def _may_begin_first(
        self, module: ModuleType, other: ModuleType, *, is_inner: bool = False
    ) -> bool:
        """Tell whether a module may begin before another. A package begins before what is in it,
        and so does what it imports; and what comes with the other one has to find what it takes,
        if it has not itself begun before the module.
        """
        lines = [
            it.line
            for it in self._imports.imports(module)
            for name in {*it.modules()} - {name_of_module(module)}
            if self._imports.leads_to(sys.modules.get(name), other, but=module)
        ]
        for it in self._imports.led_to(other) if lines else ():
            if it is module or self._has_all(module, it, min(lines)):
                continue
            if it is other or is_inner or not self._may_begin_first(it, module, is_inner=True):
                return False
        package = name_of_module(module)
        while package := package.rpartition(".")[0]:
            outer = sys.modules.get(package)
            if outer is other or self._begins(outer, other, module):
                return False
        return True


def _after(ranks: Mapping[int, float], other: ModuleType, module: ModuleType) -> float:
    """Return a rank right after another module; those that have one there stay in their order."""
    last = len(ranks)
    return ranks.get(id(other), last) + (ranks.get(id(module), last) + 1) / (last + 2)


def _takes_all(graph: ImportGraph, module: ModuleType, source: ModuleType) -> bool:
    """Tell whether a module imports everything from another."""
    name = name_of_module(source)
    return any((it.module, it.name) == (name, "*") for it in graph.imports(module, name))
