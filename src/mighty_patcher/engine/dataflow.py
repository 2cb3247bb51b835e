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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from mighty_patcher.engine.calls import Calls
from mighty_patcher.engine.chains import Bindings, Chain
from mighty_patcher.engine.changes import Change, Plan, changes_nothing, pruned
from mighty_patcher.engine.facts import Facts, Stars
from mighty_patcher.engine.promotion import Promotion
from mighty_patcher.engine.statement_facts import StatementFacts
from mighty_patcher.engine.trees import DEFINITION, IMPORT
from mighty_patcher.engine.tries import Holds, going_on

__all__ = ["UNBOUND", "Flow"]

_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
_DEFINITION = (*DEFINITION, ast.ClassDef)
MadeBy = Callable[[str, ast.stmt, Sequence[ast.stmt]], bool]
"""Tells whether a statement has made what a name held, and not one of some others."""

_Given = list[tuple[str, Change | None]]

UNBOUND = Change("keep", None, None, "")
"""Says of a name that it is to be deleted (`Flow.restore`)."""


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
        made_by: Tells whether a statement has made what a name held then, and not one of some
            others that may bind it.

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
        made_by: MadeBy = lambda *_: False,
    ) -> None:
        self.restore: tuple[tuple[str, Change | None], ...] = ()
        """The names to be given back a value, or none, before what `next` has returned is
        executed: the one that they had right after a change was executed, or else at the beginning;
        with `UNBOUND`, none.
        """
        self.until: int | None = None
        """The line of the new text at which to stop for now."""
        self._facts = StatementFacts(plan, stars, stars_before)
        self.facts_of = self._facts.of
        """Finds out what executing a statement does."""
        self.facts_are_plain = self._facts.are_plain
        self._promotion = Promotion(self._facts, lambda name: self._new.count(name))
        self._import_the_same = import_the_same
        self._holds = holds
        self._made_by = made_by
        self._calls = Calls()
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
        # Where nothing has to run, nothing has to be known.
        self._is_asleep = not (changed or attributes) and changes_nothing(plan)
        self._collect([] if self._is_asleep else plan.changes)

    def forget(self) -> None:
        """Let go, at the end, of what knows it."""
        del self._promotion

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
        self._facts.forget()
        # Those that were executed halfway round a cycle bring what has come since.
        self._executed -= {at for at in self._executed if self._imports_all(at)}
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
        if self._is_made_by_current(name, self._new.final(name)):
            return True
        before = self._old.final(name)
        return not self.is_overwritten(name) and not any(
            at >= 0 and at != self._current.at and self._changes[at].kind in ("keep", "patch")
            for at in before[-1:]
        )

    def is_overwritten(self, name: str) -> bool:
        """Tell whether a later statement binds a name that what `next` has returned binds."""
        assert self._current is not None
        after = self._new.final(name)
        is_last = not after or after[-1] <= self._current.at
        return not is_last and not self._is_made_by_current(name, after)

    def _is_made_by_current(self, name: str, chain: Chain) -> bool:
        """Tell whether what `next` has returned has made what a name holds, though others after it
        may bind that.
        """
        assert self._current is not None
        old, others = self._current.change.old, [it for it in chain if it > self._current.at]
        if old is None or not others or self._current.at not in chain:
            return False
        after = [self._changes[it].old for it in others]
        return None not in after and self._made_by(name, old, [it for it in after if it])

    def last_binder(self, name: str) -> ast.stmt | None:
        """Return the last statement that may bind a name, if all that may have been executed now,
        and none of them binds it in any case.
        """
        chain = self._new.final(name)
        if not chain or not self._executed.issuperset(chain):
            return None
        first, last = self._changes[chain[0]].new, self._changes[chain[-1]].new
        return None if first is None or name in self._facts.of(first).sure else last

    def next(self) -> Change | None:
        """Return the next statement to execute, or None."""
        given_back: _Given = []
        while True:
            if self._stack:
                job = self._stack[-1]
                if self._is_beyond(job.change):
                    break
                if not self._supply_all(job, given_back):
                    self._pass_on(job, given_back)
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
            self._mutated |= {self._first_attribute(*it) for it in job.facts.mutated}

    def _first_attribute(self, root: str, attribute: str) -> tuple[str, str]:
        """Return the attribute of a module, or else the first one of an object, by which the reader
        of something that is changed in place comes to it.
        """
        parts = [*root.split("."), attribute]
        length = max(
            (at for at in range(1, len(parts)) if ".".join(parts[:at]) in self._dotted), default=1
        )
        return ".".join(parts[:length]), parts[length]

    @cached_property
    def _dotted(self) -> set[str]:
        """The names of modules that are imported as they are: ``import a.b``."""
        statements = [it.new for it in self._changes if isinstance(it.new, ast.Import)]
        return {alias.name for it in statements for alias in it.names if alias.asname is None}

    def _is_other(self, at: int, name: str, has_changed: bool) -> bool:
        """Tell whether a statement that was executed may have given a name another value than it
        gave it before.

        Args:
            at: Its number.
            name: The name.
            has_changed: It holds another value now than when the reload began.
        """
        change = self._changes[at]
        if change.kind != "keep" or not isinstance(change.new, IMPORT):
            return True
        if self._new.final(name) != self._new.before(name, at + 1):
            return name in self._from_outside  # what it held then came from a later statement
        return has_changed

    # ---- what is known

    def _imports_all(self, at: int) -> bool:
        statement = self._changes[at].new
        return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"

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
        self._new = Bindings(news)
        self._twice = self._new.bound_twice()
        self._old = Bindings(
            (place, number, names, sure) for place, (_, number, names, sure) in enumerate(olds)
        )
        self._old_places = {number: place for place, (_, number, _, _) in enumerate(olds)}

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
                self._facts.of(statement).augmented
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
        imports = [*self._facts.binding(olds, name, before=True), *self._facts.binding(news, name)]
        return self._import_the_same(imports, name)

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
        found = self._facts.of(new)
        if not isinstance(new, IMPORT):

            def why(facts: Facts, shadow: frozenset[str], dirty: Collection[str]) -> str | None:
                return self._why(at, facts, shadow, dirty)

            change = self._promotion.promoted(change, why) or change
            if change.names == () and any(self._new.count(name) > 1 for name in found.binds):
                change = replace(change, names=None)  # a reader between the two may need its value
            longer = going_on(
                change, self._facts.ends, self._facts.sure, self._facts.binders_before, self._holds
            )
            if longer != change:
                change = self._promotion.promoted(longer, why) or longer
        if change.kind == "run" and isinstance(new, ast.ClassDef) and self._is_of_another(at, new):
            change = replace(change, header=True)
        for name in sorted(self._rebuilt.keys() & found.binds):
            if at in self._new.final(name) and not change.header:
                change = replace(
                    self._promotion.binding(change, {name}), reason=self._rebuilt[name]
                )
        wanted = {
            name
            for name in found.binds
            if isinstance(new, IMPORT)
            and name in self._from_outside
            and self._new.final(name) != self._new.before(name, at + 1)
        }
        wanted |= self._handed_back(at, new, found.binds) | self._brought_halfway(
            at, new, found.binds
        )
        wanted |= self._bound_in_other_branches(at, change)
        wanted |= found.binds & self._facts.removed_from(change)
        for name in found.binds - self._facts.bound_by(change) - wanted - {"*"}:
            last = self._new.final(name)
            if last[-1:] != (at,) or last == self._holder(name) or self._adds_to_outside(at, name):
                continue
            if not self._give_back(name, last, given_back):
                wanted.add(name)
        self._push(at, change, wanted)

    def _is_of_another(self, at: int, statement: ast.ClassDef) -> bool:
        """Tell whether another statement has made the class that there is, of which nothing can be
        kept for this one.
        """
        last = self._old.final(statement.name)[-1:]
        olds = [(self._gone[-it - 1] if it < 0 else self._changes[it]).old for it in last]
        return last != (at,) and any(isinstance(it, ast.ClassDef) for it in olds)

    def _handed_back(self, at: int, statement: ast.stmt, names: frozenset[str]) -> frozenset[str]:
        """Return the names that an import binds again which had another value until then: the
        module that they come from may have them from here.
        """
        if not isinstance(statement, ast.ImportFrom):
            return frozenset()
        return frozenset(
            name
            for name in names
            if any((one, name) in self._differs for one in self._new.before(name, at))
        )

    def _brought_halfway(
        self, at: int, statement: ast.stmt, names: frozenset[str]
    ) -> frozenset[str]:
        """Return the names that an import of everything brings for the first time, and that another
        import binds again: the module that this is from may have them from here.
        """
        if "*" not in names:
            return frozenset()
        new = names - self._facts.of(statement, before=True).binds
        later = self._changes[at + 1 :]
        imports = [it for it in map(pruned, later) if isinstance(it, IMPORT)]
        return new.intersection(name for it in imports for name in self._facts.of(it).binds)

    def _bound_in_other_branches(self, at: int, change: Change) -> set[str]:
        """Return the names that a block has to bind whichever branch is taken.

        That is where the module does not hold what the block had bound, or does no longer when that
        part of the block is executed that must be, because it reads the value from before.
        """
        statement = pruned(change) if isinstance(change.new, _BLOCKS) else None
        if statement is None or change.new is None:
            return set()
        part, found = self._facts.of(statement), self._facts.of(change.new)
        return {
            name
            for name in part.binds | (found.binds & part.reads)
            if self._holder(name) != self._new.before(name, at + 1)
            or (name in part.reads and (name in part.binds or not self._is_own(at, name)))
        }

    def _is_own(self, at: int, name: str) -> bool:
        """Tell whether nothing but a statement and what follows it gives a name a value."""
        return not self._new.before(name, at) and not hasattr(builtins, name)

    def _push(self, at: int, change: Change, wanted: set[str], *, again: bool = False) -> bool:
        """Have a statement executed, if there is anything in it to execute.

        Args:
            at: Its number.
            change: What becomes of it.
            wanted: Names that it has to bind in any case.
            again: It changed in nothing.
        """
        if wanted:
            change = self._promotion.binding(change, wanted)
        statement = None if change.fixed else pruned(change)
        if statement is None:
            return False
        found = self._facts.of(statement)
        needed = found.reads | self._facts.unsure(change) | (wanted - found.sure)
        if self._twice and found.calls:
            needed |= self._calls.read(
                found.calls, lambda name: self._definitions(name, at), self._twice
            )
        needs = {
            name: self._new.before(name, at)
            for name in needed
            if not self._adds_to_outside(at, name)
        }
        self._stack.append(_Job(at, change, found, needs, again))
        return True

    def _definitions(self, name: str, at: int) -> list[ast.stmt]:
        """Return the statements that may have given a name its value when one is reached."""
        found = (self._changes[it].new for it in self._new.before(name, at))
        return [it for it in found if it is not None]

    def _supply_all(self, job: _Job, given_back: _Given) -> bool:
        return any(self._supply(name, chain, given_back) for name, chain in job.needs.items())

    def _pass_on(self, job: _Job, given_back: _Given) -> None:
        """Give back what a statement may leave alone, where that is known: whose value it is
        afterwards is the one that it finds, if its branch is not taken.
        """
        for name in sorted(job.facts.binds - job.facts.sure - job.needs.keys()):
            chain = self._new.before(name, job.at)
            if chain and self._holder(name) != chain and not self._adds_to_outside(job.at, name):
                self._give_back(name, chain, given_back)

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
            if not isinstance(change.new, IMPORT):
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

    def _why(
        self, at: int, found: Facts, shadow: frozenset[str], dirty: Collection[str]
    ) -> str | None:
        for name in sorted(found.reads):
            if name in dirty or (name not in shadow and self._input_changed(at, name)):
                return f"reads {name}, which changed"
        for root, attribute in sorted(found.attributes):
            if (root, attribute) in self._attributes or f"{root}.{attribute}" in dirty:
                return f"reads {root}.{attribute}, which changed"
        is_definition = isinstance(self._changes[at].new, _DEFINITION)
        for root, attribute in sorted(found.mutated & self._set_again if not is_definition else ()):
            return f"sets {root}.{attribute}, which has been set anew"
        if found.binds and not is_definition:
            for root, attribute in sorted(self._mutated):
                path = f"{root}.{attribute}" if attribute else root
                if (root, attribute) in found.attributes if attribute else root in found.reads:
                    return f"reads {path}, which was changed in place"
        return None
