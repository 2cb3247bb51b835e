"""What statements read: which statement has given each name the value that it has now, and whether
that is another than its reader had.

Pure: only syntax trees are looked at. `Inputs` is told what was executed, and what has changed by
that (`dataflow`).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Sequence

from mighty_patcher.engine.chains import Bindings, Chain
from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.statement_facts import StatementFacts
from mighty_patcher.engine.trees import IMPORT

__all__ = ["UNBOUND", "Given", "ImportTheSame", "Inputs", "MadeBy"]

ImportTheSame = Callable[[Sequence[ast.stmt], str], bool]
"""Tells whether some statements are imports that give a name one value."""

MadeBy = Callable[[str, ast.stmt, Sequence[ast.stmt]], bool]
"""Tells whether a statement has made what a name held, and not one of some others."""

Given = list[tuple[str, Change | None]]
"""Names that are to be given a value: the one that they had right after a change was executed, or
else when the reload began; with `UNBOUND`, none.
"""

UNBOUND = Change("keep", None, None, "")
"""Says of a name that it is to be deleted."""


class Inputs:
    """The values that the names of a module have had and have, without the values themselves.

    Args:
        facts: What the statements do.
        changed: Names whose values others have changed already.
        import_the_same: Tells whether some statements are imports that give a name one value.
        made_by: Tells whether a statement has made what a name held when the reload began, and not
            one of some others that may bind it.

    Attributes:
        changes: The statements of the new text. Each is known by its number here.
        gone: Those that are gone from it, the first of which has the number -1.
        new: Who binds names in the new text.
        old: Who did so in the old one.
        twice: The names that more than one statement of the new text binds.
        from_outside: The names whose values others have changed.
        changed: The names that have another value now than when the reload began.
    """

    def __init__(
        self,
        facts: StatementFacts,
        changed: Collection[str],
        import_the_same: ImportTheSame,
        made_by: MadeBy,
    ) -> None:
        self.from_outside = frozenset(changed)
        self.changed = set(changed)
        self._facts = facts
        self._import_the_same = import_the_same
        self._made_by = made_by
        self._differs: set[tuple[int, str]] = set()
        self._holders: dict[str, Chain] = {}
        self._known: dict[tuple[str, Chain], tuple[Change, bool]] = {}
        self.collect(())

    def collect(self, changes: Sequence[Change]) -> None:
        """Find out who binds what.

        Args:
            changes: What becomes of the statements.
        """
        self.changes = [change for change in changes if change.new is not None]
        self.gone = [change for change in changes if change.new is None]
        news: list[tuple[int, int, frozenset[str], frozenset[str]]] = []
        olds: list[tuple[tuple[int, int], int, frozenset[str], frozenset[str]]] = []
        at, gone = 0, 0
        for change in changes:
            new, old, number = change.new, change.old, at
            if new is None:
                gone -= 1
                number = gone
            else:
                found = self._facts.of(new)
                news.append((at, at, found.binds - {"*"}, found.sure))
                at += 1
            if old is None:
                continue
            if isinstance(new, IMPORT):
                found = self._facts.of(new, before=True)
                names = found.binds - frozenset(change.names or ())
                sure = names
            else:
                same = new if change.kind == "keep" and not change.children else None
                found = self._facts.of(same or old, before=True)
                names, sure = found.binds, found.sure
            olds.append(((old.lineno, old.col_offset), number, names - {"*"}, sure))
        olds.sort()
        self.new = Bindings(news)
        self.twice = self.new.bound_twice()
        self.old = Bindings(
            (place, number, names, sure) for place, (_, number, names, sure) in enumerate(olds)
        )
        self._old_places = {number: place for place, (_, number, _, _) in enumerate(olds)}

    # ---- what has happened

    def outside(self, changed: Collection[str]) -> None:
        """Tell that others have changed the values of names."""
        self.from_outside |= set(changed)
        self.changed |= set(changed)

    def executed(
        self, at: int, change: Change, binds: Collection[str], changed: Collection[str], again: bool
    ) -> None:
        """Tell that a statement was executed.

        Args:
            at: Its number.
            change: What was executed of it.
            binds: The names that it may have bound.
            changed: The names of the module that have another value now than when the reload began.
            again: It changed in nothing.
        """
        for name in binds:
            is_outside = self.adds_to_outside(at, name)
            after = self.new.final(name) if is_outside else self.new.before(name, at + 1)
            self._holders[name] = after
            self._known[name, after] = change, name in changed
            if name not in changed:
                self.changed.discard(name)
            if not again and self._is_other(at, name, name in changed):
                self._differs.add((at, name))
        self.changed |= set(changed)

    def _is_other(self, at: int, name: str, has_changed: bool) -> bool:
        """Tell whether a statement that was executed may have given a name another value than it
        gave it before.

        Args:
            at: Its number.
            name: The name.
            has_changed: It holds another value now than when the reload began.
        """
        change = self.changes[at]
        if change.kind != "keep" or not isinstance(change.new, IMPORT):
            return has_changed or not self._has_made_it(name, at)
        if self.new.final(name) != self.new.before(name, at + 1):
            return name in self.from_outside  # what it held then came from a later statement
        return has_changed

    def give_back(self, name: str, chain: Chain, given_back: Given) -> bool:
        """Have a name be given a value that is known; tell if it is.

        Args:
            name: The name.
            chain: What gave it that value.
            given_back: It is added to these.
        """
        known = self._known.get((name, chain))
        if known is None and not self._is_original(name, chain):
            return False
        source, has_changed = known or (None, name in self.from_outside)
        given_back.append((name, source))
        self._holders[name] = chain
        if has_changed:
            self.changed.add(name)
        else:
            self.changed.discard(name)
        return True

    def give_builtin(self, name: str, given_back: Given) -> None:
        """Have a name be deleted, so that who reads it finds a builtin.

        Args:
            name: The name.
            given_back: It is added to these.
        """
        given_back.append((name, UNBOUND))
        self._holders[name] = ()

    # ---- what is known

    @property
    def held(self) -> list[str]:
        """The names that have been given a value, sorted."""
        return sorted(self._holders)

    def is_held(self, name: str) -> bool:
        """Tell whether a name has been given a value."""
        return name in self._holders

    def holder(self, name: str) -> Chain:
        """Return what gave a name the value that it has now."""
        return self._holders.get(name, self.old.final(name))

    def differs(self, name: str, chain: Chain) -> bool:
        """Tell whether one of some statements has given a name another value than before."""
        return any((at, name) in self._differs for at in chain)

    def _is_original(self, name: str, chain: Chain) -> bool:
        """Tell whether a value is the one that the name had when the reload began."""
        if self.differs(name, chain):
            return False
        if chain == self.old.final(name):
            return True
        is_kept = bool(chain) and self.before(chain[-1]).kind in ("keep", "patch")
        return is_kept and self._has_made_it(name, chain[-1])

    def _has_made_it(self, name: str, at: int) -> bool:
        """Tell whether a statement has made what a name held when the reload began, though others
        may bind that.

        Args:
            name: The name.
            at: The number of the statement.
        """
        chain = self.old.final(name)
        if at not in chain:
            return False
        old, *others = (self.before(it).old for it in (at, *(it for it in chain if it != at)))
        return old is not None and self._made_by(name, old, [it for it in others if it])

    def adds_to_outside(self, at: int, name: str) -> bool:
        """Tell whether a statement is ``x += ...``, and nothing before it sets x."""
        while True:
            statement = self.changes[at].new
            if not isinstance(statement, ast.AugAssign) or name not in (
                self._facts.of(statement).augmented
            ):
                return False
            chain = self.new.before(name, at)
            if not chain:
                return True
            at = chain[-1]

    def is_other_for(self, at: int, name: str) -> bool:
        """Tell whether a statement that is kept would read another value than it did.

        Args:
            at: Its number.
            name: The name that it reads.
        """
        if self.adds_to_outside(at, name):
            return False
        place = self._old_places.get(at)
        need = self.new.before(name, at)
        had = () if place is None else self.old.before(name, place)
        if not need:
            return name in self.changed or (bool(had) and hasattr(builtins, name))
        if self.holder(name) == need and (not had or had == self.old.final(name)):
            return name in self.changed
        if need != had:
            return not self._is_same_import(need, had, name)
        return self.differs(name, need)

    def has_other_names(self, at: int, lost: Collection[str], *, values: bool) -> bool:
        """Tell whether a statement that is kept would come upon something else if it went through
        all that the module has above it.

        Args:
            at: Its number.
            lost: Names that imports of everything have brought, and do not bring any more.
            values: Whether other values of the same names count.
        """
        place = self._old_places.get(at)
        if place is None:
            return False
        names, old = set(self.new.names_before(at)), self.old.names_before(place)
        return names != {*old, *lost} or (values and not names.isdisjoint(self.changed))

    def names_at(self, at: int) -> tuple[dict[str, int], set[str]]:
        """Return the names that are bound above a statement, each with the number of the one that
        binds it first, and all others that the text binds.
        """
        names = self.new.names_before(at)
        return names, self.new.names_before(len(self.changes)).keys() - names.keys()

    def _is_same_import(self, need: Chain, had: Chain, name: str) -> bool:
        """Tell whether only imports have given a name its value, and of the same object."""
        if not need or not had or name in self.from_outside:
            return False
        were = [self.before(at) for at in had]
        if any(it.new is not None and it.kind != "keep" for it in were):
            return False
        olds = [it.old for it in were if it.old is not None]
        news = [it.new for it in map(self.changes.__getitem__, need) if it.new is not None]
        imports = [*self._facts.binding(olds, name, before=True), *self._facts.binding(news, name)]
        return self._import_the_same(imports, name)

    def before(self, at: int) -> Change:
        """Return what becomes of a statement of the old text, by its number."""
        return self.gone[-at - 1] if at < 0 else self.changes[at]
