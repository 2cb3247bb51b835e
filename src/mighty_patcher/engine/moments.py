"""Says who has read a name of a module at another moment of that module's import than a program
that starts now would: in a cycle of imports, where the name is bound more than once.

Nobody is asked to run for that: what has been read stays, as it does everywhere in a cycle.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from mighty_patcher.engine.bindings import names_holding
from mighty_patcher.engine.chains import Bindings
from mighty_patcher.engine.facts import Facts, facts
from mighty_patcher.engine.halfway import Halfway
from mighty_patcher.engine.import_graph import Imports
from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.module_facts import is_loaded, name_of_module, namespace_of, package_of
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.stars import names_of_stars
from mighty_patcher.engine.toplevel import executed, name_of_statement
from mighty_patcher.engine.trees import BLOCK, DEFINITION_OR_CLASS, digest
from mighty_patcher.engine.values import same_value

__all__ = ["Moments"]

_MOST = 50
_ABSENT = object()
_AT_ANOTHER = "at another moment of that module's import, as the two are in a cycle"


@dataclass(frozen=True)
class _Text:
    """The statements of a module.

    Attributes:
        body: The statements.
        bindings: Who binds its names.
        changes: Who binds its names, or changes in place what they stand for.
        in_place: The names of what is changed in place.
    """

    body: tuple[ast.stmt, ...]
    bindings: Bindings
    changes: Bindings
    in_place: frozenset[str]

    def view(self, name: str, line: int | None, *, is_imported: bool) -> tuple[ast.stmt, ...]:
        """Return the statements that give a name the value that it has at a line; but for those
        that change it in place if the name is imported: the object is the same.
        """
        place = len(self.body)
        if line is not None:
            place = sum((it.end_lineno or 0) < line for it in self.body)
        found = (self.bindings if is_imported else self.changes).before(name, place)
        return tuple(self.body[at] for at in found)


@dataclass(frozen=True)
class _Views:
    """The statements that give a name its value.

    Attributes:
        was: As an importer has seen it.
        should: As it would now.
        last: At the end.
    """

    was: tuple[ast.stmt, ...]
    should: tuple[ast.stmt, ...]
    last: tuple[ast.stmt, ...]

    @classmethod
    def of(
        cls,
        texts: tuple[_Text, _Text],
        cuts: tuple[int | None, int | None],
        name: str,
        *,
        is_imported: bool,
    ) -> _Views:
        """Find them in a text as it was, and as it is."""
        was, should = (
            text.view(name, line, is_imported=is_imported)
            for text, line in zip(texts, cuts, strict=True)
        )
        return cls(was, should, texts[1].view(name, None, is_imported=is_imported))

    @property
    def matter(self) -> bool:
        """Whether the moment does: the name is there, and not one object whenever it is read."""
        ends = [it[-1] for it in (self.last, self.should) if it]
        return len(ends) == 2 and not all(isinstance(it, DEFINITION_OR_CLASS) for it in ends)

    @property
    def are_other(self) -> bool:
        """Whether an importer would see another value now."""
        return _digests(self.was) != _digests(self.should)

    @property
    def is_last(self) -> bool:
        """Whether it would see that of the end."""
        return _digests(self.should) == _digests(self.last)


class Moments:
    """Finds them.

    Args:
        halfway: Knows who is imported halfway through another.
        in_force: What runs.
        imports: What modules import now.
        imported: What they have imported so far.
    """

    def __init__(
        self, halfway: Halfway, in_force: InForce, imports: Imports, imported: Imports
    ) -> None:
        self._halfway = halfway
        self._in_force = in_force
        self._imports = imports
        self._imported = imported
        self._texts: dict[tuple[int, bool], _Text] = {}
        self._spanned: dict[int, set[str]] = {}

    def kept(
        self,
        saved: Collection[ModuleType],
        reloaded: Collection[ModuleType],
        lines: Collection[tuple[str, int]],
        begun: Collection[int],
    ) -> Iterator[Step]:
        """Say what is not what a fresh start would have.

        Args:
            saved: The modules that were saved.
            reloaded: Those that something was done to.
            lines: The lines that were executed, each with the name of its module.
            begun: The addresses of the modules that were executed in two turns.
        """
        found = [*saved, *self._imported_whole(self._imported_by_change(saved, is_new=True))]
        for source in {id(it): it for it in found}.values():
            yield from self._extras(source)
        pairs = {
            (id(importer), id(source)): (importer, source)
            for importer, source in [
                *self._importers_of(saved),
                *self._imported_by(reloaded),
                *self._imported_by_change(saved, is_new=False),
            ]
            if importer is not source
        }
        for importer, source in pairs.values():
            if not self._halfway.may_be(source, importer) or not self._spanning(source):
                continue  # the import graph is not asked: it may be large
            old, new = (self._halfway.lines(source, importer, before=it) for it in (True, False))
            if old is not None or new is not None:
                yield from self._read(importer, source, (old, new), lines, id(source) in begun)

    # ---- who may have

    def _importers_of(self, saved: Iterable[ModuleType]) -> Iterator[tuple[ModuleType, ModuleType]]:
        """Yield who reads from saved modules what is bound before an import there and after it."""
        for source in saved:
            names = self._spanning(source)
            for name in names:
                for importer, _, _ in self._in_force.importers(name_of_module(source), name):
                    yield importer, source
            if names:
                stars = self._in_force.star_importers(name_of_module(source))
                yield from ((it.module, source) for it in stars)
                yield from ((module, source) for module, _, _ in names_holding([source]))

    def _spanning(self, source: ModuleType) -> set[str]:
        """Return the names of a module that are bound before an import and after it."""
        known = self._spanned.get(id(source))
        if known is None:
            known = self._spanning_in(source, before=True) | self._spanning_in(source, before=False)
            self._spanned[id(source)] = known
        return known

    def _spanning_in(self, source: ModuleType, *, before: bool) -> set[str]:
        own = {it.line for it in self._imports_of(source, before=before) if self._is_own(it)}
        if not own:
            return set()
        text = self._text(source, before=before)
        places = [
            at
            for at, it in enumerate(text.body)
            if any(it.lineno <= line <= (it.end_lineno or 0) for line in own)
        ]
        return {
            name
            for name in text.changes.bound_twice()
            if any(
                text.changes.before(name, at) not in ((), text.changes.final(name)) for at in places
            )
        }

    def _imports_of(self, module: ModuleType, *, before: bool) -> Sequence[Imported]:
        return (self._imported if before else self._imports)(module, "")

    def _is_own(self, imported: Imported) -> bool:
        found = map(sys.modules.get, imported.modules())
        return any(is_loaded(it) and self._in_force.knows(it) for it in found)

    def _imported_by(
        self, modules: Iterable[ModuleType]
    ) -> Iterator[tuple[ModuleType, ModuleType]]:
        for importer in modules:
            for name in {name for it in self._imports(importer, "") for name in it.modules()}:
                source = sys.modules.get(name)
                if is_loaded(source) and self._in_force.knows(source):
                    yield importer, source

    def _imported_by_change(
        self, saved: Iterable[ModuleType], *, is_new: bool
    ) -> Iterator[tuple[ModuleType, ModuleType]]:
        """Yield who is imported, maybe through others, by what a saved module does not import any
        more, or has not imported so far, and from whom it imports.
        """
        waiting: list[ModuleType] = []
        for module in saved:
            before, now = (
                {name for it in imports(module, "") for name in it.modules()}
                for imports in (self._imported, self._imports)
            )
            found = [sys.modules.get(name) for name in (now - before if is_new else before - now)]
            waiting += [it for it in found if is_loaded(it) and self._in_force.knows(it)]
        seen = set(map(id, waiting))
        while waiting and len(seen) < _MOST:
            module = waiting.pop()
            for _, source in self._imported_by([module]):
                yield module, source
                if id(source) not in seen:
                    seen.add(id(source))
                    waiting.append(source)

    def _imported_whole(
        self, pairs: Iterable[tuple[ModuleType, ModuleType]]
    ) -> Iterator[ModuleType]:
        """Yield those modules from which their importers import everything."""
        for importer, source in pairs:
            if _takes_all(self._imports, importer, source):
                yield source

    # ---- what they have

    def _read(
        self,
        importer: ModuleType,
        source: ModuleType,
        cuts: tuple[int | None, int | None],
        lines: Collection[tuple[str, int]],
        is_begun: bool,
    ) -> Iterator[Step]:
        """Say what an importer has from a module that it should have otherwise."""
        texts = self._text(source, before=True), self._text(source, before=False)
        names = texts[0].changes.bound_twice() | texts[1].changes.bound_twice()
        in_place = texts[0].in_place | texts[1].in_place
        module, of = name_of_module(importer), name_of_module(source)
        imported: dict[str, str] = {}
        for statement in executed(self._text(importer, before=False).body if names else ()):
            if isinstance(statement, BLOCK):
                continue
            has_run = (module, statement.lineno) in lines
            for name, bound in _reads(importer, source, statement, names, imported):
                if bound and name in in_place:
                    imported[bound] = name
                views = _Views.of(texts, cuts, name, is_imported=bool(bound))
                if not views.matter:
                    continue
                if bound:
                    is_wrong = (
                        (has_run or views.are_other)
                        and not self._in_force.binds_after(importer, bound, statement.lineno)
                        and self._holds_another(importer, source, name, bound, views.is_last)
                    )
                elif has_run:
                    is_set = is_begun and (of, views.should[-1].lineno) in lines
                    is_wrong = not (is_set or views.is_last)
                else:
                    is_wrong = views.are_other
                if is_wrong:
                    what = bound or name_of_statement(statement)
                    reason = f"a fresh start would read {of}.{name} {_AT_ANOTHER}"
                    yield Step("kept", module, what, statement.lineno, reason)
                    break

    def _holds_another(
        self, importer: ModuleType, source: ModuleType, name: str, bound: str, is_last: bool
    ) -> bool:
        own = namespace_of(importer).get(bound, _ABSENT)
        value = namespace_of(source).get(name, _ABSENT)
        is_same = own is value or same_value(own, value)
        return own is not _ABSENT and is_same != is_last

    def _extras(self, source: ModuleType) -> Iterator[Step]:
        """Say what others have, as they had imported everything when it was there; and what they
        have not, as there was an ``__all__`` without it.
        """
        package = sys.modules.get(name_of_module(source).rpartition(".")[0])
        for it in (source, package):
            if type(it) is not ModuleType:
                continue
            for importer, own, _ in self._in_force.star_importers(name_of_module(it)):
                namespace = namespace_of(importer)
                names = self._halfway.not_listed(it, importer) - own - namespace.keys()
                if names and _takes_all(self._imported, importer, it):
                    names -= self._halfway.not_listed(it, importer, before=True)
                for name in sorted(names):
                    reason = f"a fresh start would find it in {name_of_module(it)}, without __all__"
                    yield Step("kept", name_of_module(importer), name, 0, reason)
                names = self._halfway.not_there(it, importer) - own
                if not names:
                    continue
                names -= self._halfway.not_there(it, importer, before=True)
                for name in sorted(names & namespace.keys()):
                    if namespace[name] is namespace_of(it).get(name, _ABSENT):
                        reason = f"a fresh start would not find it yet in {name_of_module(it)}"
                        yield Step("kept", name_of_module(importer), name, 0, reason)

    # ---- texts

    def _text(self, module: ModuleType, *, before: bool) -> _Text:
        known = self._texts.get((id(module), before))
        if known is None:
            text = self._halfway.text_of(module, before)
            body = () if text is None else tuple(text.tree.body)
            every = [facts(it) for it in body]
            stars = [
                names_of_stars(module, ast.Module([it], [])) if "*" in found.binds else set()
                for it, found in zip(body, every, strict=True)
            ]
            in_place = [
                frozenset() if isinstance(it, DEFINITION_OR_CLASS) else _changed_by(found)
                for it, found in zip(body, every, strict=True)
            ]
            entries = [
                (at, found.binds - {"*"} | brought, found.sure | brought, names)
                for at, (found, brought, names) in enumerate(
                    zip(every, stars, in_place, strict=True)
                )
            ]
            known = self._texts[id(module), before] = _Text(
                body,
                Bindings((at, at, binds, sure) for at, binds, sure, _ in entries),
                Bindings((at, at, binds | names, sure) for at, binds, sure, names in entries),
                frozenset().union(*in_place),
            )
        return known


def _takes_all(imports: Imports, importer: ModuleType, source: ModuleType) -> bool:
    name = name_of_module(source)
    return any((it.module, it.name) == (name, "*") for it in imports(importer, name))


def _changed_by(found: Facts) -> frozenset[str]:
    return frozenset(name for name, attribute in found.mutated if not attribute)


def _digests(statements: Iterable[ast.stmt]) -> list[object]:
    return [digest(it) for it in statements]


def _reads(
    importer: ModuleType,
    source: ModuleType,
    statement: ast.stmt,
    names: Collection[str],
    imported: Mapping[str, str],
) -> Iterator[tuple[str, str]]:
    """Yield those of some names of a module that a statement reads, each with the name that an
    import gives it.
    """
    if isinstance(statement, ast.ImportFrom):
        tree = ast.Module([statement], [])
        for it in imports_of(tree, name_of_module(importer), package_of(importer)):
            if it.module == name_of_module(source) and it.name == "*":
                yield from ((name, name) for name in sorted(names))
            elif it.module == name_of_module(source) and it.name in names:
                yield it.name, it.bound
        return
    found = facts(statement)
    yield from ((imported[name], "") for name in sorted(found.reads & imported.keys()))
    for path, name in sorted(found.attributes):
        if name in names and _value_of(importer, path) is source:
            yield name, ""


def _value_of(module: ModuleType, path: str) -> object:
    first, *rest = path.split(".")
    value: object = namespace_of(module).get(first)
    for name in rest:
        value = namespace_of(value).get(name) if is_loaded(value) else None
    return value
