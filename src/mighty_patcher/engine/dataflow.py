"""What has to run because something else has changed.

Pure: only syntax trees are looked at. `Flow` is told what really changed while the engine executes.

The rules, where they are not obvious:

* A statement runs if it reads a name whose value changed; so does a bare call (``configure(X)``).
  That a function's body changed is no change of a value; and a definition that is run keeps its
  identity, so that who reads its name is not run for it.
* Where a name is bound more than once, each reader has its own binding. If that was overwritten, it
  is run again before the reader is; what it overwrites is given back afterwards (`Flow.restore`),
  and not computed anew.
* ``settings["a"] = 2``, edited, changes settings in place: statements that bind something by
  reading settings are run, definitions and bare calls are not. ``app.config["A"] = 2`` reaches only
  those that read ``app.config``. If settings itself is bound anew, all that read it are run, and so
  what had been put into the old one is put into the new.
* A name that only a branch had set that is not taken any more stays, and the report says so; its
  readers are not run. For the branch may say ``if "cache" not in globals()``.
* A loop is taken to bind its target: nobody reuses a loop's variable for when there was nothing.
* Of ``from m import *`` the engine tells the names.
"""

from __future__ import annotations

import ast
import builtins
import sys
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mighty_patcher.engine.changes import Change, Plan, pruned
from mighty_patcher.engine.facts import LAZY, Facts, Stars, ends, facts, header_facts
from mighty_patcher.engine.toplevel import executed, is_never_run
from mighty_patcher.engine.tries import Holds, going_on

__all__ = ["UNBOUND", "Flow", "affected", "changes_nothing", "dependants"]

_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
_HEADED = (*_BLOCKS, ast.For, ast.AsyncFor, ast.While)
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)

Chain = tuple[int, ...]
"""The statements that give a name its value at some place: one that binds it in any case, and
those that perhaps did so since. Statements of the new text are numbered, those that are gone have
negative numbers; no statement at all is a value from outside.
"""


class _Bindings:
    """Who binds each name, in the order of one text.

    Args:
        entries: Each statement's place, its number, what it binds, and what of that for sure.
    """

    def __init__(self, entries: Iterable[tuple[int, int, frozenset[str], frozenset[str]]]) -> None:
        self._places: dict[str, list[int]] = {}
        self._binders: dict[str, list[tuple[int, bool]]] = {}
        for place, number, names, sure in entries:
            for name in names:
                self._places.setdefault(name, []).append(place)
                self._binders.setdefault(name, []).append((number, name in sure))

    def count(self, name: str) -> int:
        return len(self._binders.get(name, ()))

    def before(self, name: str, place: int) -> Chain:
        """Return what gives a name its value when the statement at a place is reached."""
        binders = self._binders.get(name, [])
        chain: list[int] = []
        for at in range(bisect_left(self._places.get(name, []), place) - 1, -1, -1):
            chain.append(binders[at][0])
            if binders[at][1]:
                break
        return tuple(reversed(chain))

    def final(self, name: str) -> Chain:
        return self.before(name, sys.maxsize)


_Given = list[tuple[str, Change | None]]
UNBOUND = Change("keep", None, None, "")
"""Says of a name that it is to be deleted (`Flow.restore`)."""

Why = Callable[[Facts, frozenset[str], Collection[str]], str | None]
"""Says why a statement has to run, if so, given what it does, and names that statements before it
in the same block have bound, without a change and with one.
"""


@dataclass
class _Job:
    """A statement that is about to be executed.

    Attributes:
        at: Its number.
        change: What becomes of it.
        facts: What executing it does.
        needs: The names that have to have certain values before.
        again: Nothing about it changed: it only provides a value that was overwritten.
    """

    at: int
    change: Change
    facts: Facts
    needs: dict[str, Chain]
    again: bool = False


class Flow:
    """Says what to execute, in order, each statement at most once.

    Args:
        plan: What becomes of the statements of the module.
        changed: Names of the module whose values others have changed already: what it imports.
        attributes: Attributes of modules that changed, by the names that this one has for them:
            ``("config", "X")``.
        stars: Finds the names that an import of everything brings.
        stars_before: Finds those that it brought when the reload began.
        import_the_same: Tells whether some statements are imports that give a name one value.
        holds: Returns the value, alone in a tuple, that a name had when the reload began.

    Example:
        >>> while (change := flow.next()) is not None:
        ...     give_back(flow.restore)
        ...     execute(pruned(change))
        ...     flow.done(change, names_that_changed)
        ... else:
        ...     give_back(flow.restore)
    """

    def __init__(
        self,
        plan: Plan,
        changed: Collection[str] = (),
        attributes: Collection[tuple[str, str]] = (),
        stars: Stars | None = None,
        stars_before: Stars | None = None,
        import_the_same: Callable[[Sequence[ast.stmt], str], bool] = lambda *_: False,
        holds: Holds = lambda _: (),
    ) -> None:
        self.restore: tuple[tuple[str, Change | None], ...] = ()
        """The names to be given back a value, or none, before what `next` has returned is
        executed: the one that they had right after a change was executed, or else at the beginning;
        with `UNBOUND`, none.
        """
        self.until: int | None = None
        """The line of the new text at which to stop for now."""
        self._lazy = LAZY or plan.future_annotations
        self._type_checking = plan.type_checking
        self._stars = stars
        self._stars_before = stars_before or stars
        self._import_the_same = import_the_same
        self._holds = holds
        self._binders: dict[str, list[ast.stmt]] | None = None
        self._plan = plan
        self._changes: list[Change] = []
        self._from_outside = frozenset(changed)
        self._changed = set(changed)
        self._attributes = set(attributes)
        self._mutated: set[tuple[str, str]] = set()
        self._rebuilt: dict[str, str] = {}
        self._set_again: set[tuple[str, str]] = set()
        self._differs: set[tuple[int, str]] = set()
        self._executed: set[int] = set()
        self._holders: dict[str, Chain] = {}
        self._known: dict[tuple[str, Chain], tuple[Change, bool]] = {}
        self._stack: list[_Job] = []
        self._current: _Job | None = None
        self._at = 0
        self._without_annotation: dict[int, ast.stmt] = {}
        self._classes = 0  # as many are being decided on
        self._facts: dict[tuple[int, bool], Facts] = {}
        self._kept_alive: list[ast.stmt] = []
        # Where nothing has to run, nothing has to be known.
        self._is_asleep = not (changed or attributes) and changes_nothing(plan)
        self._collect([] if self._is_asleep else plan.changes)

    def outside(
        self, changed: Collection[str] = (), attributes: Collection[tuple[str, str]] = ()
    ) -> None:
        """Tell that more has been changed by others since. What was executed is not executed again,
        and everything else is looked at anew.
        """
        self._from_outside |= set(changed)
        self._changed |= set(changed)
        self._attributes |= set(attributes)
        if changed or attributes:
            self._begin_again()

    def rebuild(self, names: Mapping[str, str]) -> None:
        """Have names bound again.

        Args:
            names: The names, and why.
        """
        self._rebuilt |= names
        if names:
            self._begin_again()

    def export(self) -> None:
        """Tell that imports of everything bring other names than before (`stars`)."""
        self._facts.clear()
        self._is_asleep = False
        self._collect(self._plan.changes)
        self._begin_again()

    def set_again(self, attributes: Collection[tuple[str, str]]) -> None:
        """Have statements executed that assign attributes: ``Base.default = X``, below the class.

        Args:
            attributes: The name of a class and an attribute, which its statement has set.
        """
        self._set_again |= set(attributes)

    def takes_over(self, name: str) -> bool:
        """Tell whether what `next` has returned is what gives a name its value, and what it held
        before is not that of a statement which goes on.
        """
        assert self._current is not None
        before = self._old.final(name)
        return not self.is_overwritten(name) and not any(
            at >= 0 and at != self._current.at and self._changes[at].kind in ("keep", "patch")
            for at in before[-1:]
        )

    def is_overwritten(self, name: str) -> bool:
        """Tell whether a later statement binds a name that what `next` has returned binds."""
        assert self._current is not None
        after = self._new.final(name)
        return bool(after) and after[-1] > self._current.at

    def last_binder(self, name: str) -> ast.stmt | None:
        """Return the last statement that may bind a name, if all that may have been executed now,
        and none of them binds it in any case.
        """
        chain = self._new.final(name)
        if not chain or not self._executed.issuperset(chain):
            return None
        first, last = self._changes[chain[0]].new, self._changes[chain[-1]].new
        return None if first is None or name in self._facts_of(first).sure else last

    def next(self) -> Change | None:
        """Return the next statement to execute, or None."""
        given_back: _Given = []
        while True:
            if self._stack:
                job = self._stack[-1]
                if self._is_beyond(job.change):
                    break
                if not self._supply_all(job, given_back):
                    self._stack.pop()
                    self._executed.add(job.at)
                    self._current = job
                    self.restore = tuple(given_back)
                    return job.change
            elif self._at < len(self._changes) and not self._is_beyond(self._changes[self._at]):
                self._at += 1
                self._turn(self._at - 1, given_back)
            elif self.until is not None or not self._left_over(given_back):
                break
        self.restore = tuple(given_back)
        return None

    def put_back(self) -> None:
        """Have what `next` has returned be returned once more, as it was not executed."""
        assert self._current is not None
        self._executed.discard(self._current.at)
        self._stack.append(self._current)
        self._current = None

    def _is_beyond(self, change: Change) -> bool:
        assert change.new is not None
        return self.until is not None and (change.new.end_lineno or 0) >= self.until

    def done(self, change: Change, changed: Collection[str]) -> None:
        """Tell that a statement was executed.

        Args:
            change: What `next` returned.
            changed: The names of the module that have another value now than when the reload began.
        """
        job = self._current
        assert job is not None
        assert job.change is change
        for name in job.facts.binds - {"*"}:
            is_outside = self._adds_to_outside(job.at, name)
            after = self._new.final(name) if is_outside else self._new.before(name, job.at + 1)
            self._holders[name] = after
            self._known[name, after] = change, name in changed
            if name not in changed:
                self._changed.discard(name)
            if not job.again and self._is_other(job.at, name, name in changed):
                self._differs.add((job.at, name))
        self._changed |= set(changed)
        if not job.again:
            self._mutated |= job.facts.mutated

    def _is_other(self, at: int, name: str, has_changed: bool) -> bool:
        """Tell whether a statement that was executed may have given a name another value than it
        gave it before.

        Args:
            at: Its number.
            name: The name.
            has_changed: It holds another value now than when the reload began.
        """
        change = self._changes[at]
        if change.kind != "keep" or not isinstance(change.new, ast.Import | ast.ImportFrom):
            return True
        if self._new.final(name) != self._new.before(name, at + 1):
            return name in self._from_outside  # what it held then came from a later statement
        return has_changed

    # ---- what is known

    def _begin_again(self) -> None:
        """Look at everything anew that was not executed."""
        self._at = 0
        if self._is_asleep:
            self._is_asleep = False
            self._collect(self._plan.changes)

    def _collect(self, changes: Sequence[Change]) -> None:
        self._changes = [change for change in changes if change.new is not None]
        self._gone = [change for change in changes if change.new is None]
        news: list[tuple[int, int, frozenset[str], frozenset[str]]] = []
        olds: list[tuple[tuple[int, int], int, frozenset[str], frozenset[str]]] = []
        at, gone = 0, 0
        for change in changes:
            new, old, number = change.new, change.old, at
            if new is None:
                gone -= 1
                number = gone
            else:
                found = self._facts_of(new)
                news.append((at, at, found.binds - {"*"}, found.sure))
                at += 1
            if old is None:
                continue
            if isinstance(new, ast.Import | ast.ImportFrom):
                found = self._facts_of(new, before=True)
                names = found.binds - frozenset(change.names or ())
                sure = names
            else:
                same = new if change.kind == "keep" and not change.children else None
                found = self._facts_of(same or old, before=True)
                names, sure = found.binds, found.sure
            olds.append(((old.lineno, old.col_offset), number, names - {"*"}, sure))
        olds.sort()
        self._new = _Bindings(news)
        self._old = _Bindings(
            (place, number, names, sure) for place, (_, number, names, sure) in enumerate(olds)
        )
        self._old_places = {number: place for place, (_, number, _, _) in enumerate(olds)}

    def _facts_of(self, statement: ast.stmt, *, before: bool = False) -> Facts:
        """Find out what executing a statement does now, or did when the reload began."""
        found = self._facts.get((id(statement), before))
        if found is None:
            found = self._facts.get((id(statement), not before))
            if found is None or "*" in found.binds:
                found = facts(
                    statement,
                    lazy_annotations=self._lazy,
                    type_checking=self._type_checking,
                    stars=self._stars_before if before else self._stars,
                )
            self._facts[id(statement), before] = found
            self._kept_alive.append(statement)
        return found

    def _header_facts(self, statement: ast.stmt) -> Facts:
        return header_facts(
            statement, lazy_annotations=self._lazy, type_checking=self._type_checking
        )

    def _ends(self, body: Sequence[ast.stmt]) -> bool:
        return ends(body, type_checking=self._type_checking)

    def _sure(self, statement: ast.stmt) -> frozenset[str]:
        found = self._facts_of(statement, before=True)
        return found.sure - found.deletes - {"*"}

    def _binders_before(self, name: str) -> list[ast.stmt]:
        """Return the statements of the old text that bind a name; a block by its header alone."""
        if self._binders is None:
            self._binders = {}
            for it in executed(it.old for it in self._plan.changes if it.old is not None):
                found = self._header_facts(it) if isinstance(it, _HEADED) else self._facts_of(it)
                for bound in found.binds:
                    self._binders.setdefault(bound, []).append(it)
        return self._binders.get(name, [])

    def _holder(self, name: str) -> Chain:
        """Return what gave a name the value that it has now."""
        return self._holders.get(name, self._old.final(name))

    def _is_original(self, name: str, chain: Chain) -> bool:
        """Tell whether a value is the one that the name had when the reload began."""
        return chain == self._old.final(name) and not any(
            (at, name) in self._differs for at in chain
        )

    def _adds_to_outside(self, at: int, name: str) -> bool:
        """Tell whether a statement is ``x += ...``, and nothing before it sets x."""
        while True:
            statement = self._changes[at].new
            if not isinstance(statement, ast.AugAssign) or name not in (
                self._facts_of(statement).augmented
            ):
                return False
            chain = self._new.before(name, at)
            if not chain:
                return True
            at = chain[-1]

    def _input_changed(self, at: int, name: str) -> bool:
        """Tell whether a statement that is kept would read another value than it did."""
        if self._adds_to_outside(at, name):
            return False
        place = self._old_places.get(at)
        need = self._new.before(name, at)
        had = () if place is None else self._old.before(name, place)
        if not need:
            return name in self._changed or (bool(had) and hasattr(builtins, name))
        if self._holder(name) == need and (not had or had == self._old.final(name)):
            return name in self._changed
        if need != had:
            return not self._is_same_import(need, had, name)
        return any((one, name) in self._differs for one in need)

    def _is_same_import(self, need: Chain, had: Chain, name: str) -> bool:
        """Tell whether only imports have given a name its value, and of the same object."""
        if not need or not had or name in self._from_outside:
            return False
        were = [self._gone[-at - 1] if at < 0 else self._changes[at] for at in had]
        if any(it.new is not None and it.kind != "keep" for it in were):
            return False
        olds = [it.old for it in were if it.old is not None]
        news = [it.new for it in map(self._changes.__getitem__, need) if it.new is not None]
        imports = [*self._binding_in(olds, name, before=True), *self._binding_in(news, name)]
        return self._import_the_same(imports, name)

    def _binding_in(
        self, statements: Iterable[ast.stmt], name: str, *, before: bool = False
    ) -> Iterator[ast.stmt]:
        """Yield what binds a name in some statements, a block for its header alone."""
        for it in executed(statements):
            found = self._facts_of(it, before=before)
            if isinstance(it, _HEADED):
                found = self._header_facts(it)
            if name in found.binds:
                yield it

    # ---- what to do

    def _turn(self, at: int, given_back: _Given) -> None:
        """Decide on the statement that is next in the text."""
        if at in self._executed:
            return
        change = self._changes[at]
        new = change.new
        assert new is not None
        if change.fixed:
            return
        found = self._facts_of(new)
        if not isinstance(new, ast.Import | ast.ImportFrom):

            def why(facts: Facts, shadow: frozenset[str], dirty: Collection[str]) -> str | None:
                return self._why(at, facts, shadow, dirty)

            change = self._promoted(change, why) or change
            if change.names == () and any(self._new.count(name) > 1 for name in found.binds):
                change = replace(change, names=None)  # a reader between the two may need its value
            longer = going_on(change, self._ends, self._sure, self._binders_before, self._holds)
            if longer != change:
                change = self._promoted(longer, why) or longer
        for name in sorted(self._rebuilt.keys() & found.binds):
            if at in self._new.final(name) and not change.header:
                change = replace(self._binding(change, {name}), reason=self._rebuilt[name])
        wanted = {
            name
            for name in found.binds
            if isinstance(new, ast.Import | ast.ImportFrom)
            and name in self._from_outside
            and self._new.final(name) != self._new.before(name, at + 1)
        }
        wanted |= self._brought_halfway(at, new, found.binds)
        wanted |= self._bound_in_other_branches(at, change)
        wanted |= found.binds & self._removed_from(change)
        for name in found.binds - self._bound_by(change) - wanted - {"*"}:
            last = self._new.final(name)
            if last[-1:] != (at,) or last == self._holder(name) or self._adds_to_outside(at, name):
                continue
            if not self._give_back(name, last, given_back):
                wanted.add(name)
        self._push(at, change, wanted)

    def _brought_halfway(
        self, at: int, statement: ast.stmt, names: frozenset[str]
    ) -> frozenset[str]:
        """Return the names that an import of everything brings for the first time, and that another
        import binds again: the module that this is from may have them from here.
        """
        if "*" not in names:
            return frozenset()
        new = names - self._facts_of(statement, before=True).binds
        later = self._changes[at + 1 :]
        imports = [it for it in map(pruned, later) if isinstance(it, ast.Import | ast.ImportFrom)]
        return new.intersection(name for it in imports for name in self._facts_of(it).binds)

    def _removed_from(self, change: Change) -> frozenset[str]:
        """Return the names that statements have bound which are gone from a block."""
        if not isinstance(change.new, _HEADED):
            return frozenset()
        gone = [it.old for it in change.children or () if it.kind == "remove" and it.old]
        inner = [self._removed_from(it) for it in change.children or ()]
        return frozenset().union(*(self._facts_of(it, before=True).binds for it in gone), *inner)

    def _bound_in_other_branches(self, at: int, change: Change) -> set[str]:
        """Return the names that a block has to bind whichever branch is taken.

        That is where the module does not hold what the block had bound, or does no longer when that
        part of the block is executed that must be, because it reads the value from before.
        """
        statement = pruned(change) if isinstance(change.new, _BLOCKS) else None
        if statement is None or change.new is None:
            return set()
        part, found = self._facts_of(statement), self._facts_of(change.new)
        return {
            name
            for name in part.binds | (found.binds & part.reads)
            if self._holder(name) != self._new.before(name, at + 1)
            or (name in part.reads and (name in part.binds or not self._is_own(at, name)))
        }

    def _is_own(self, at: int, name: str) -> bool:
        """Tell whether nothing but a statement and what follows it gives a name a value."""
        return not self._new.before(name, at) and not hasattr(builtins, name)

    def _bound_by(self, change: Change) -> frozenset[str]:
        statement = pruned(change)
        return frozenset() if statement is None else self._facts_of(statement).binds

    def _push(self, at: int, change: Change, wanted: set[str], *, again: bool = False) -> bool:
        """Have a statement executed, if there is anything in it to execute.

        Args:
            at: Its number.
            change: What becomes of it.
            wanted: Names that it has to bind in any case.
            again: It changed in nothing.
        """
        if wanted:
            change = self._binding(change, wanted)
        statement = None if change.fixed else pruned(change)
        if statement is None:
            return False
        found = self._facts_of(statement)
        needed = found.reads | self._unsure(change) | (wanted - found.sure)
        needs = {
            name: self._new.before(name, at)
            for name in needed
            if not self._adds_to_outside(at, name)
        }
        self._stack.append(_Job(at, change, found, needs, again))
        return True

    def _supply_all(self, job: _Job, given_back: _Given) -> bool:
        return any(self._supply(name, chain, given_back) for name, chain in job.needs.items())

    def _supply(self, name: str, chain: Chain, given_back: _Given) -> bool:
        """See to it that a name has a certain value; tell if something has to run for that."""
        holder = self._holder(name)
        if not chain and holder and hasattr(builtins, name):
            given_back.append((name, UNBOUND))  # it reads the builtin
            self._holders[name] = ()
            return False
        if not chain or holder == chain:
            return False
        if self._give_back(name, chain, given_back):
            return False
        done = len(holder) if holder == chain[: len(holder)] else 0
        at = chain[done]
        if any(job.at == at for job in self._stack):
            return False
        change = self._changes[at]
        if at in self._executed:
            if not isinstance(change.new, ast.Import | ast.ImportFrom):
                return False
            change = replace(change, kind="keep")  # another of its names; what it imports is there
        return self._push(at, change, {name}, again=True)

    def _give_back(self, name: str, chain: Chain, given_back: _Given) -> bool:
        """Have a name be given a value that is known; tell if it is."""
        known = self._known.get((name, chain))
        if known is None and not self._is_original(name, chain):
            return False
        source, has_changed = known or (None, name in self._from_outside)
        given_back.append((name, source))
        self._holders[name] = chain
        if has_changed:
            self._changed.add(name)
        else:
            self._changed.discard(name)
        return True

    def _left_over(self, given_back: _Given) -> bool:
        """Set right what was overwritten after its turn; tell if something has to run for that."""
        for name in sorted(self._holders):
            last = self._new.final(name)
            if last and self._supply(name, last, given_back):
                return True
        return False

    def _unsure(self, change: Change) -> frozenset[str]:
        """Return the names that executing a change may leave alone.

        Where the header of a block is the same, what a branch binds now it bound before.
        """
        if change.children is None or change.header or isinstance(change.new, ast.ClassDef):
            statement = pruned(change)
            if statement is None:
                return frozenset()
            found = self._facts_of(statement)
            return found.binds - found.sure
        runs = [self._unsure(child) for child in change.children if child.kind == "run"]
        return frozenset().union(*runs)

    def _why(
        self, at: int, found: Facts, shadow: frozenset[str], dirty: Collection[str]
    ) -> str | None:
        for name in sorted(found.reads):
            if name in dirty or (name not in shadow and self._input_changed(at, name)):
                return f"reads {name}, which changed"
        for root, attribute in sorted(found.attributes & self._attributes):
            return f"reads {root}.{attribute}, which changed"
        is_definition = isinstance(self._changes[at].new, _Definition)
        for root, attribute in sorted(found.mutated & self._set_again if not is_definition else ()):
            return f"sets {root}.{attribute}, which has been set anew"
        if found.binds and not is_definition:
            for root, attribute in sorted(self._mutated):
                path = f"{root}.{attribute}" if attribute else root
                if (root, attribute) in found.attributes if attribute else root in found.reads:
                    return f"reads {path}, which was changed in place"
        return None

    # ---- changes that must do more

    def _promoted(self, change: Change, why: Why) -> Change | None:
        """Return a change that also runs what has a reason to; None if nothing has."""
        return self._with_more(change, why, frozenset(), ())

    def _binding(self, change: Change, names: set[str]) -> Change:
        """Return a change that binds some names, whatever else it does."""
        if isinstance(change.new, ast.Import | ast.ImportFrom):
            if change.kind == "run":
                names = names | (set(change.names) if change.names else self._bound_by(change))
            return replace(change, kind="run", reason=_again(names), names=tuple(sorted(names)))

        if isinstance(change.new, ast.ClassDef):
            return replace(change, kind="run", reason=_again(names), header=True)

        def why(facts: Facts, _shadow: frozenset[str], _dirty: Collection[str]) -> str | None:
            found = names & facts.binds
            return _again(found) if found else None

        return self._promoted(change, why) or change

    def _with_more(
        self, change: Change, why: Why, shadow: frozenset[str], dirty: Collection[str]
    ) -> Change | None:
        new = change.new
        is_whole = change.kind == "run" and change.children is None and change.names != ()
        if new is None or is_whole or change.header:
            return None
        if change.children is None:
            if isinstance(new, ast.If) and is_never_run(new, self._type_checking):
                return None
            reason = why(self._facts_of(new), shadow, dirty)
            if reason and self._is_only_annotation(new, shadow, dirty, why):
                return replace(change, kind="run", reason=reason, names=())
            return replace(change, kind="run", reason=reason, names=None) if reason else None
        if why(self._facts_of(new), frozenset(), dirty) is None and change.kind != "run":
            return None
        if not is_never_run(new, self._type_checking):
            reason = why(self._header_facts(new), shadow, dirty)
            if reason:
                return replace(change, kind="run", reason=reason, header=True)
        children = self._children(change, why, shadow, dirty)
        if children == list(change.children):
            return None
        was_run = change.kind == "run"
        reason = next(child.reason for child in children if child.kind == "run")
        return replace(
            change,
            kind="run",
            reason=change.reason if was_run else reason,
            children=tuple(children),
        )

    def _is_only_annotation(
        self, statement: ast.stmt, shadow: frozenset[str], dirty: Collection[str], why: Why
    ) -> bool:
        """Tell whether an assignment has no reason to be executed but its annotation."""
        if self._classes or not isinstance(statement, ast.AnnAssign) or statement.value is None:
            return False
        assignment = self._without_annotation.get(id(statement))
        if assignment is None:
            assignment = ast.copy_location(
                ast.Assign([statement.target], statement.value), statement
            )
            self._without_annotation[id(statement)] = assignment
        return why(self._facts_of(assignment), shadow, dirty) is None

    def _children(
        self, change: Change, why: Why, shadow: frozenset[str], dirty: Collection[str]
    ) -> list[Change]:
        """Decide on the statements in a class or a block, as far as they feed each other."""
        assert change.children is not None
        children = list(change.children)
        in_class = isinstance(change.new, ast.ClassDef)
        self._classes += in_class
        while True:
            before = list(children)
            feeding = set(dirty)
            bound: dict[str, set[str]] = {}
            assert change.new is not None
            header = frozenset() if in_class else self._header_facts(change.new).binds
            shadow |= header
            for at, child in enumerate(children):
                here = bound.setdefault(child.branch, set(shadow))
                children[at] = child = (
                    self._with_more(child, why, frozenset(here), feeding) or child
                )
                if child.new is None:
                    continue
                if child.kind == "run":
                    feeding |= self._fed_by(child, in_class)
                here |= self._facts_of(child.new).sure
            self._bind_again_in(children)
            self._bind_over(header, children)
            if children == before:
                self._classes -= in_class
                return children

    def _fed_by(self, child: Change, in_class: bool) -> frozenset[str]:
        """Return the names whose values a statement in a block is taken to change."""
        is_fixed = isinstance(child.new, _Definition) and not (
            in_class and child.new.decorator_list
        )
        return frozenset() if is_fixed else self._bound_by(child)

    def _bind_again_in(self, children: list[Change]) -> None:
        """Where a name is bound several times, run all of a branch that binds it if need be."""
        binders: dict[tuple[str, str], list[int]] = {}
        for at, child in enumerate(children):
            if child.new is not None and not isinstance(child.new, _Definition):
                for name in self._facts_of(child.new).binds:
                    binders.setdefault((child.branch, name), []).append(at)
        for child in list(children):
            statement = pruned(child)  # of a block in it, what is executed
            if statement is None:
                continue
            found = self._facts_of(statement)
            for name in found.reads | found.binds:
                places = binders.get((child.branch, name), [])
                # What others bind, too, may hold another value when the block is entered again.
                if len(places) > 1 or (name in found.reads and self._new.count(name) > 1):
                    for at in places:
                        if name not in self._bound_by(children[at]):
                            children[at] = self._binding(children[at], {name})

    def _bind_over(self, header: frozenset[str], children: list[Change]) -> None:
        """Run what sets a name anew that the header sets each time that the block is entered."""
        if not header or not any(child.kind == "run" for child in children):
            return
        for at, child in enumerate(children):
            names = header & self._facts_of(child.new).binds if child.new is not None else set()
            if names - self._bound_by(child):
                children[at] = self._binding(child, set(names))


def changes_nothing(plan: Plan) -> bool:
    """Tell whether all statements of a plan are kept or patched, in the order they had."""
    line = 0
    for change in plan.changes:
        if change.kind not in ("keep", "patch"):
            return False
        if change.old is not None:
            if change.old.lineno < line:
                return False
            line = change.old.lineno
    return True


def _again(names: Collection[str]) -> str:
    return f"{', '.join(sorted(names))} has to be set again"


def affected(
    plan: Plan, changed: Collection[str] = (), attributes: Collection[tuple[str, str]] = ()
) -> Plan:
    """Return a plan in which all runs that has to, if every value that is set anew is another.

    Args:
        plan: What becomes of the statements.
        changed: Names whose values others have changed.
        attributes: Attributes of modules that changed.
    """
    flow = Flow(plan, changed, attributes)
    runs: dict[int, Change] = {}
    while (change := flow.next()) is not None:
        assert change.new is not None
        runs[id(change.new)] = change
        names = () if isinstance(change.new, _Definition) else flow._bound_by(change)
        flow.done(change, names)
    changes = [runs.get(id(change.new), change) for change in plan.changes]
    return replace(plan, changes=tuple(changes))


def dependants(
    plan: Plan, changed: Collection[str] = (), attributes: Collection[tuple[str, str]] = ()
) -> list[Change]:
    """Return what `affected` adds to a plan."""
    pairs = zip(plan.changes, affected(plan, changed, attributes).changes, strict=True)
    return [after for before, after in pairs if after is not before and before.kind != "run"]
