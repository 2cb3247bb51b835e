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
* ``settings["a"] = 3`` below that is executed again, as it has had the last word: where its text
  tells the very place and it calls nothing. Any other is kept, and the report says so.
* ``config.limit = 7`` is executed again when config has set limit anew: it has the last word, too.
* A dictionary, list or set that is written out goes on (`written_out`); who reads it is run as if
  it were another.
* A name that only a branch had set that is not taken any more stays, and the report says so; its
  readers are not run. For the branch may say ``if "cache" not in globals()``. Some go, see
  `branches_left`.
* A loop is taken to bind its target: nobody reuses a loop's variable for when there was nothing.
* Of ``from m import *`` the engine tells the names.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from mighty_patcher.engine.all_names import LEAD_TO_VALUES, SeenNames, may_be_repeated
from mighty_patcher.engine.calls import Calls
from mighty_patcher.engine.chains import Chain
from mighty_patcher.engine.changes import Change, Plan, changes_nothing, pruned, with_members
from mighty_patcher.engine.facts import Facts, Stars, facts
from mighty_patcher.engine.inputs import Given, ImportTheSame, Inputs, MadeBy
from mighty_patcher.engine.made_anew import Roots, roots_of
from mighty_patcher.engine.parameters import GIVEN, LEADS_ON, PARAMETERS
from mighty_patcher.engine.places import only_sets
from mighty_patcher.engine.promotion import Promotion
from mighty_patcher.engine.statement_facts import StatementFacts
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS, IMPORT
from mighty_patcher.engine.tries import Holds, coming_to, going_on

__all__ = ["Flow"]

_BLOCKS = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)


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
        import_the_same: ImportTheSame = lambda *_: False,
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
        self.lost: Collection[str] = ()
        """Names that imports of everything have brought, and do not bring any more."""
        self._facts = StatementFacts(plan, stars, stars_before)
        self.facts_of = self._facts.of
        """Finds out what executing a statement does."""
        self.facts_are_plain = self._facts.are_plain
        inputs = self._inputs = Inputs(self._facts, changed, import_the_same, made_by)
        self._promotion = Promotion(self._facts, lambda name: inputs.new.count(name))
        self._holds = holds
        self._made_by = made_by
        self._calls = Calls()
        self._plan = plan
        self._attributes = set(attributes)
        self._mutated: set[tuple[str, str]] = set()
        self._rebuilt: dict[str, str] = {}
        self._members: dict[str, dict[str, str]] = {}
        self._set_again: set[tuple[str, str]] = set()
        self._set: dict[str, int] = {}  # each place, and the first that has set it
        self._executed: set[int] = set()
        self._stack: list[_Job] = []
        self._current: _Job | None = None
        self._at = 0
        # Where nothing has to run, nothing has to be known.
        self._is_asleep = not (changed or attributes) and changes_nothing(plan)
        if not self._is_asleep:
            inputs.collect(plan.changes)

    def outside(
        self, changed: Collection[str] = (), attributes: Collection[tuple[str, str]] = ()
    ) -> None:
        """Tell that more has been changed by others since. What was executed is not executed again,
        and everything else is looked at anew.
        """
        self._inputs.outside(changed)
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

    def set_in_class(self, qualname: str, name: str, reason: str) -> None:
        """Have what binds a name in the body of a class executed.

        Args:
            qualname: The qualified name of the class.
            name: The name in it.
            reason: Why.
        """
        self._members.setdefault(qualname, {})[name] = reason
        self._begin_again()

    def export(self) -> None:
        """Tell that imports of everything bring other names than before (`stars`)."""
        self._facts.forget()
        # Those that were executed halfway round a cycle bring what has come since.
        self._executed -= {at for at in self._executed if self._imports_all(at)}
        self._is_asleep = False
        self._inputs.collect(self._plan.changes)
        self._begin_again()

    def set_again(self, attributes: Collection[tuple[str, str]]) -> None:
        """Have statements executed that assign attributes: ``Base.default = X``, below the class.

        Args:
            attributes: The name of a class or function and an attribute, which its statement has
                set.
        """
        self._set_again |= set(attributes)

    def set_anew(self, attributes: Collection[tuple[str, str]]) -> None:
        """Have statements executed that assign attributes of classes that others have set."""
        self.set_again(attributes)
        if attributes:
            self._begin_again()

    def reads_the_same(self, expression: ast.expr) -> bool:
        """Tell whether a part of what `next` has returned reads nothing that has changed."""
        assert self._current is not None
        assigned = ast.Assign([ast.Name("_", ast.Store())], expression, lineno=0)
        found = facts(assigned, type_checking=self._facts.type_checking)
        return self._why(self._current.at, found, frozenset(), ()) is None

    def leads_on(self) -> bool:
        """Tell whether what `next` has returned makes a type with functions in it whose parameters
        changed.
        """
        assert self._current is not None
        found = self._current.facts.attributes & self._attributes
        is_definition = isinstance(self._current.change.new, DEFINITION_OR_CLASS)
        return not is_definition and any(it in (LEADS_ON, PARAMETERS) for _, it in found)

    def not_given_again(self) -> Iterator[tuple[ast.stmt, str]]:
        """Yield the statements that were not executed and have handed something on whose parameters
        changed, each with its name for that.
        """
        changed = {(root, GIVEN) for root, it in self._attributes if it == PARAMETERS}
        for at, change in enumerate(self._inputs.changes if changed else ()):
            if change.new is not None and at not in self._executed:
                for root, _ in sorted(self._facts.of(change.new).attributes & changed):
                    yield change.new, root

    def is_sole_binder(self, name: str) -> bool:
        """Tell whether what `next` has returned alone binds a name, and did so before."""
        assert self._current is not None
        chains = self._inputs.old.final(name), self._inputs.new.final(name)
        counts = self._inputs.old.count(name), self._inputs.new.count(name)
        return chains == ((self._current.at,),) * 2 and counts == (1, 1)

    def takes_over(self, name: str) -> bool:
        """Tell whether what `next` has returned is what gives a name its value, and what it held
        before is not that of a statement which goes on.
        """
        assert self._current is not None
        if self._is_made_by_current(name, self._inputs.new.final(name)):
            return True
        before = self._inputs.old.final(name)
        return not self.is_overwritten(name) and not any(
            at >= 0
            and at != self._current.at
            and self._inputs.changes[at].kind in ("keep", "patch")
            for at in before[-1:]
        )

    def is_overwritten(self, name: str) -> bool:
        """Tell whether a later statement binds a name that what `next` has returned binds."""
        assert self._current is not None
        after = self._inputs.new.final(name)
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
        after = [self._inputs.changes[it].old for it in others]
        return None not in after and self._made_by(name, old, [it for it in after if it])

    def last_binder(self, name: str) -> ast.stmt | None:
        """Return the last statement that may bind a name, if all that may have been executed now,
        and none of them binds it in any case.
        """
        chain = self._inputs.new.final(name)
        if not chain or not self._executed.issuperset(chain):
            return None
        first, last = self._inputs.changes[chain[0]].new, self._inputs.changes[chain[-1]].new
        return None if first is None or name in self._facts.of(first).sure else last

    def next(self) -> Change | None:
        """Return the next statement to execute, or None."""
        given_back: Given = []
        while True:
            if self._stack:
                job = self._stack[-1]
                if self._is_beyond(job.change):
                    break
                if not self._supply_all(job, given_back) and not self._pass_on(job, given_back):
                    self._stack.pop()
                    self._executed.add(job.at)
                    self._current = job
                    self.restore = tuple(given_back)
                    return job.change
            elif self._at < len(self._inputs.changes) and not self._is_beyond(
                self._inputs.changes[self._at]
            ):
                self._at += 1
                self._turn(self._at - 1, given_back)
            elif self.until is not None or not self._left_over(given_back):
                break
        self.restore = tuple(given_back)
        return None

    def names_seen(self) -> SeenNames | None:
        """Return the names that what `next` has returned comes upon where it goes through all of
        the module (`Inputs.names_at`), and those that are there already, and would not be after a
        fresh start; None if it does not do that, or might do more with them.
        """
        job = self._current
        assert job is not None
        if not job.facts.goes_through_names or not may_be_repeated(self._new(job.at)):
            return None
        return self._inputs.names_at(job.at)

    def put_back(self) -> None:
        """Have what `next` has returned be returned once more, as it was not executed."""
        assert self._current is not None
        self._executed.discard(self._current.at)
        self._stack.append(self._current)
        self._current = None

    def roots(self, is_object: Callable[[str], bool]) -> Roots:
        """Return the objects that what `next` has returned tells something, if they can be made
        anew (`roots_of`) and have not been so far.

        Args:
            is_object: Tells whether a name stands for an object.
        """
        assert self._current is not None
        found = roots_of(self._current.at, self._inputs, is_object)
        return {} if any(self._inputs.new.final(it)[0] in self._executed for it in found) else found

    def make_anew(self, names: Mapping[str, str], others: Collection[str]) -> None:
        """Have objects made anew that have refused what `next` has returned. When they are, it is
        executed once more, and so is all else that was executed by now and has told them something.

        Args:
            names: Their names, and why.
            others: The names of those that other modules make.
        """
        assert self._current is not None
        self._executed.discard(self._current.at)
        self._current = None
        self._stack.clear()  # who has waited for it has its turn again
        followed = {*names, *others}
        for at in sorted(self._executed):
            found = self.facts_of(self._new(at))
            if found.reads & followed:
                self._executed.discard(at)
                followed |= found.binds
        self._rebuilt |= names
        self._begin_again()

    def _new(self, at: int) -> ast.stmt:
        new = self._inputs.changes[at].new
        assert new is not None
        return new

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
        self._inputs.executed(job.at, change, job.facts.binds - {"*"}, changed, job.again)
        for place in job.facts.sets:
            self._set[place] = min(job.at, self._set.get(place, job.at))
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
        statements = [it.new for it in self._inputs.changes if isinstance(it.new, ast.Import)]
        return {alias.name for it in statements for alias in it.names if alias.asname is None}

    def _imports_all(self, at: int) -> bool:
        statement = self._inputs.changes[at].new
        return isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"

    def _begin_again(self) -> None:
        """Look at everything anew that was not executed."""
        self._at = 0
        if self._is_asleep:
            self._is_asleep = False
            self._inputs.collect(self._plan.changes)

    # ---- what to do

    def _turn(self, at: int, given_back: Given) -> None:
        """Decide on the statement that is next in the text."""
        if at in self._executed:
            return
        change = self._inputs.changes[at]
        new = change.new
        assert new is not None
        if change.fixed:
            return
        found = self._facts.of(new)
        if not isinstance(new, IMPORT):

            def why(facts: Facts, shadow: frozenset[str], dirty: Collection[str]) -> str | None:
                return self._why(at, facts, shadow, dirty)

            change = self._promotion.promoted(change, why) or change
            if change.names == () and any(self._inputs.new.count(name) > 1 for name in found.binds):
                change = replace(change, names=None)  # a reader between the two may need its value
            longer = going_on(
                change, self._facts.ends, self._facts.sure, self._facts.binders_before, self._holds
            )
            if longer != change:
                change = self._promotion.promoted(longer, why) or longer
        if change.kind == "run" and isinstance(new, ast.ClassDef) and self._is_of_another(at, new):
            change = replace(change, header=True, anew=True)
        for qualname, names in self._members.items():
            if qualname.partition(".")[0] in found.binds:
                change = with_members(change, qualname.split("."), names)
        for name in sorted(self._rebuilt.keys() & found.binds):
            if at in self._inputs.new.final(name) and not change.anew:
                reason = change.reason if change.header else self._rebuilt[name]
                if isinstance(new, ast.ClassDef):
                    change = replace(change, kind="run", header=True)
                else:
                    change = self._promotion.binding(change, {name})
                change = replace(change, reason=reason)
        wanted = {
            name
            for name in found.binds
            if isinstance(new, IMPORT)
            and name in self._inputs.from_outside
            and self._inputs.new.final(name) != self._inputs.new.before(name, at + 1)
        }
        wanted |= self._handed_back(at, new, found.binds) | self._brought_halfway(
            at, new, found.binds
        )
        wanted |= self._bound_in_other_branches(at, change)
        wanted |= found.binds & self._facts.removed_from(change)
        for name in found.binds - self._facts.bound_by(change) - wanted - {"*"}:
            last = self._inputs.new.final(name)
            if (
                last[-1:] != (at,)
                or last == self._inputs.holder(name)
                or self._inputs.adds_to_outside(at, name)
            ):
                continue
            if not self._inputs.give_back(name, last, given_back):
                wanted.add(name)
        self._push(at, change, wanted)

    def _is_of_another(self, at: int, statement: ast.ClassDef) -> bool:
        """Tell whether another statement has made the class that there is, of which nothing can be
        kept for this one.
        """
        last = self._inputs.old.final(statement.name)[-1:]
        olds = [self._inputs.before(it).old for it in last]
        return last != (at,) and any(isinstance(it, ast.ClassDef) for it in olds)

    def _handed_back(self, at: int, statement: ast.stmt, names: frozenset[str]) -> frozenset[str]:
        """Return the names that an import binds again which had another value until then: the
        module that they come from may have them from here.
        """
        if not isinstance(statement, ast.ImportFrom):
            return frozenset()
        return frozenset(
            name for name in names if self._inputs.differs(name, self._inputs.new.before(name, at))
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
        later = self._inputs.changes[at + 1 :]
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
            if self._inputs.holder(name) != self._inputs.new.before(name, at + 1)
            or (name in part.reads and (name in part.binds or not self._is_own(at, name)))
        }

    def _is_own(self, at: int, name: str) -> bool:
        """Tell whether nothing but a statement and what follows it gives a name a value."""
        return not self._inputs.new.before(name, at) and not hasattr(builtins, name)

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
        change = coming_to(
            change, self._facts.ends, self._facts.sure, self._facts.binders_before, self._holds
        )
        statement = None if change.fixed else pruned(change)
        if statement is None:
            return False
        found = self._facts.of(statement)
        needed = found.reads | self._facts.unsure(change) | (wanted - found.sure)
        if self._inputs.twice and found.calls:
            needed |= self._calls.read(
                found.calls, lambda name: self._definitions(name, at), self._inputs.twice
            )
        needs = {
            name: self._inputs.new.before(name, at)
            for name in sorted(needed)
            if not self._inputs.adds_to_outside(at, name)
        }
        self._stack.append(_Job(at, change, found, needs, again))
        return True

    def _definitions(self, name: str, at: int) -> list[ast.stmt]:
        """Return the statements that may have given a name its value when one is reached."""
        found = (self._inputs.changes[it].new for it in self._inputs.new.before(name, at))
        return [it for it in found if it is not None]

    def _supply_all(self, job: _Job, given_back: Given) -> bool:
        return any(self._supply(name, chain, given_back) for name, chain in job.needs.items())

    def _pass_on(self, job: _Job, given_back: Given) -> bool:
        """Give back what a statement may leave alone, where that is known: whose value it is
        afterwards is the one that it finds, if its branch is not taken. Of a name that has got
        another value since it was there it has to be the right one: tell if there is such a name.
        """
        is_more = False
        for name in sorted(job.facts.binds - job.facts.sure - job.needs.keys()):
            chain = self._inputs.new.before(name, job.at)
            if (
                chain
                and self._inputs.holder(name) != chain
                and not self._inputs.adds_to_outside(job.at, name)
                and not self._inputs.give_back(name, chain, given_back)
                and (self._inputs.is_held(name) or job.at not in self._inputs.holder(name))
            ):
                job.needs[name] = chain
                is_more = True
        return is_more

    def _supply(self, name: str, chain: Chain, given_back: Given) -> bool:
        """See to it that a name has a certain value; tell if something has to run for that."""
        holder = self._inputs.holder(name)
        if not chain and holder and hasattr(builtins, name):
            self._inputs.give_builtin(name, given_back)
            return False
        if not chain or holder == chain:
            return False
        if self._inputs.give_back(name, chain, given_back):
            return False
        done = self._come_as_far(name, chain, given_back)
        at = chain[done]
        if any(job.at == at for job in self._stack):
            return False
        change = self._inputs.changes[at]
        if at in self._executed:
            if not isinstance(change.new, IMPORT):
                return False
            change = replace(change, kind="keep")  # another of its names; what it imports is there
        change = self._promotion.binding(change, {name})
        wanted = {name} | self._bound_in_other_branches(at, change)
        return self._push(at, change, wanted, again=True)

    def _come_as_far(self, name: str, chain: Chain, given_back: Given) -> int:
        """Give a name the value that it had after the first of some statements, if that is known;
        tell after how many of them.
        """
        holder = self._inputs.holder(name)
        for done in range(len(chain) - 1, 0, -1):
            if holder == chain[:done] or self._inputs.give_back(name, chain[:done], given_back):
                return done
        return 0

    def _left_over(self, given_back: Given) -> bool:
        """Set right what was overwritten after its turn; tell if something has to run for that."""
        for name in self._inputs.held:
            last = self._inputs.new.final(name)
            if last and self._supply(name, last, given_back):
                return True
        return False

    def _why(
        self, at: int, found: Facts, shadow: frozenset[str], dirty: Collection[str]
    ) -> str | None:
        for name in sorted(found.reads):
            if name in dirty or (name not in shadow and self._inputs.is_other_for(at, name)):
                return f"reads {name}, which changed"
        for name in sorted(found.annotations):
            if name in dirty or (name not in shadow and self._inputs.is_other_for(at, name)):
                return f"its annotations read {name}, which changed"
        for root, attribute in sorted(found.attributes):
            if (root, attribute) in self._attributes or f"{root}.{attribute}" in dirty:
                if attribute == PARAMETERS:
                    return f"is given {root}, whose parameters changed"
                if attribute == LEADS_ON:
                    return f"reads {root}, which leads to a function whose parameters changed"
                path = f"{root}.{attribute}" if attribute else root
                return f"reads {path}, which changed"
        if found.goes_through_names and may_be_repeated(self._new(at)):
            values = bool(found.calls & LEAD_TO_VALUES)
            if self._inputs.has_other_names(at, self.lost, values=values):
                return "goes through what the module has, and that is something else"
        for name in sorted(found.calls if self._attributes else ()):
            if (name, "") in self._attributes:  # an enumeration, which is asked for a member
                return f"reads {name}, which changed"
        for root, attribute in sorted(self._attributes if found.sets else ()):
            if f"{root}.{attribute}" in found.sets:
                return f"sets {root}.{attribute}, which has been set anew"
        is_definition = isinstance(self._inputs.changes[at].new, DEFINITION_OR_CLASS)
        for root, attribute in sorted(found.mutated & self._set_again if not is_definition else ()):
            return f"sets {root}.{attribute}, which has been set anew"
        for place in sorted(found.sets if self._set or dirty else ()):
            is_set = self._set.get(place, at) < at or f"{place} =" in dirty
            if is_set and found.statement is not None and only_sets(found.statement):
                return f"sets {place}, which was set above it"
        if found.binds and not is_definition:
            for root, attribute in sorted(self._mutated):
                path = f"{root}.{attribute}" if attribute else root
                if (root, attribute) in found.attributes if attribute else root in found.reads:
                    return f"reads {path}, which was changed in place"
        return None
