"""The statements of one module in one reload: those that must run are executed, one after the
other, and what each has changed decides on the next.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from types import ModuleType
from typing import Any

from mighty_patcher.engine.all_names import execute_with
from mighty_patcher.engine.augmented import Augmented
from mighty_patcher.engine.borrowed import Borrowed
from mighty_patcher.engine.branches_left import goes_with_branch
from mighty_patcher.engine.changes import (
    DOCSTRING_CHANGED,
    DOCSTRING_GONE,
    Change,
    Plan,
    changes_nothing,
    pruned,
    redocumented,
)
from mighty_patcher.engine.class_changes import ClassChanges
from mighty_patcher.engine.classes import (
    is_class,
    qualname_of,
)
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.effects import stay_of_removed, stays_of_run
from mighty_patcher.engine.facts import Facts, facts, header_facts
from mighty_patcher.engine.filled import Filled
from mighty_patcher.engine.held_values import HeldValues, held_values
from mighty_patcher.engine.in_place import ChangedInPlace
from mighty_patcher.engine.inputs import UNBOUND
from mighty_patcher.engine.made_anew import Anew, Make
from mighty_patcher.engine.made_before import made_with
from mighty_patcher.engine.marks import mark
from mighty_patcher.engine.module_annotations import annotate, has_other_annotations
from mighty_patcher.engine.module_facts import (
    is_submodule,
    name_of_module,
    namespace_of,
    shown_name,
)
from mighty_patcher.engine.moves import Moved, nothing_moved
from mighty_patcher.engine.narrowing import CannotBeNarrowedError, is_left_out, narrow
from mighty_patcher.engine.order import kept_out_of_order
from mighty_patcher.engine.origins import Origins
from mighty_patcher.engine.outside import ABSENT, Outside, TakenBack
from mighty_patcher.engine.overtaken import Overtaken
from mighty_patcher.engine.parts import Parts
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.run import marked
from mighty_patcher.engine.set_by_name import SetByName, lines_known, told
from mighty_patcher.engine.stars import (
    NotThere,
    TreeOf,
    import_of,
    imported_names,
    imports_in,
    names_of_stars,
    sources,
)
from mighty_patcher.engine.successors import may_set_members
from mighty_patcher.engine.taken_back import take_back
from mighty_patcher.engine.toplevel import (
    OF_EVERY_MODULE,
    executed,
    lines_run,
    name_of_statement,
)
from mighty_patcher.engine.trees import (
    ASSIGNMENT,
    BLOCK,
    DEFINITION,
    IMPORT,
    branches_of,
    only_name,
)
from mighty_patcher.engine.values import same_value
from mighty_patcher.engine.written_out import WrittenOut

__all__ = ["StatementRun", "Wait"]

_SET_BY_DEF = (
    "__annotations__",
    "__defaults__",
    "__doc__",
    "__kwdefaults__",
    "__module__",
    "__name__",
    "__qualname__",
)
"""What a ``def`` gives a function, and a statement below it may set: ``f.__doc__ = g.__doc__``."""
_LEFT = "nothing that was executed has set it: it is left from before"
_NOT_SET = "it was set before, and is not any more"

Wait = Callable[[ModuleType, ast.stmt, Sequence[ModuleType] | None], bool]
"""Tells whether a module has to wait for others before a statement. Given are those that it is
about to ask, beside what it imports; None if nothing was executed that others may have to follow.
"""


class StatementRun:
    """Executes what must run of a module, each statement at most once, also if it is called again
    because the modules it imports from have changed meanwhile (a cycle).

    Args:
        module: The module.
        plan: What becomes of its statements.
        parts: Compiles them.
        tree_of: Finds the syntax trees of others.

    Attributes:
        steps: What was executed, and why.
        classes: What it has changed in classes.
        lines: The name of the module with each line of a statement that was executed.
        bound: The names that it has bound.
        is_held_up: It has stopped before the end, and goes on when others are done.
        tree_of: Finds the syntax trees of others.
        written_out: Lets what is written out follow edits.
        without_effect: Lines in the old text of statements that are gone with all they have done.
    """

    def __init__(
        self, module: ModuleType, plan: Plan, parts: Parts, tree_of: TreeOf = lambda _: None
    ) -> None:
        self.steps: list[Step] = []
        self.classes = ClassChanges(module)
        self.lines: set[tuple[str, int]] = set()
        self.bound: set[str] = set()
        self._module = module
        self._namespace = namespace_of(module)
        self._plan = plan
        self._parts = parts
        olds = [it.old for it in plan.changes if it.old is not None]
        self._origins = Origins(shown_name(module), self._namespace, olds)
        self.tree_of = tree_of
        self._exported: dict[str, set[str]] = {}  # by others, when the reload began
        self._not_there: NotThere = lambda *_, **__: ()
        self._moved: Moved = nothing_moved
        self._lost: dict[str, Any] = {}  # names that it had from one of them, and what they were
        self._start: dict[str, Any] | None = None  # when the reload began
        self._begin: dict[str, Any] = {}  # when the first statement was about to be executed
        self._values: dict[tuple[int, str], Any] = {}  # right after a change was executed
        self._flow: Flow | None = None
        self.is_held_up = False
        self.without_effect: Collection[int] = ()
        self._removed = plan.changes
        self._others: set[tuple[str, str]] = set()  # attributes of others that have changed
        self._watched: set[str] = set()  # names that blocks which were executed may have bound
        self._seen: set[str] = set()  # those that they have
        self._has_changed = False
        self._has_waited: set[int] = set()
        self._imported: dict[str, list[ModuleType]] | None = None
        self._known: dict[int, tuple[ast.stmt, Facts]] = {}  # each is looked at once
        self._taken_back: list[TakenBack] = []
        self.written_out = WrittenOut(module, plan, tree_of)
        self._filled = Filled(module, plan)
        self._augmented = Augmented(name_of_module(module), self._namespace, plan)
        self._anew = Anew(module, tree_of)
        self._by_name = SetByName(name_of_module(module), plan)

    @cached_property
    def _overtaken(self) -> Overtaken:
        statements = [it.new for it in self._plan.changes if it.new is not None]
        return Overtaken(self._module, statements, self.tree_of)

    def forget(self) -> None:
        """Let go, at the end, of what knows it and would live on with it until the collector comes
        by.
        """
        self._flow = None
        self.written_out.forget()

    def names_before(self, now: dict[str, Any]) -> dict[str, Any]:
        """Return what names held before anything was executed: between two turns they may hold what
        the next statement is to replace, the first of several overloads for example.

        Args:
            now: The names of the module, before it is executed or goes on.
        """
        return now if self._start is None else {**now, **self._start}

    def redocumented(self) -> list[tuple[Any, set[str]]]:
        """Return what the module holds whose functions get other docstrings, with these as its
        attributes: ``method.__doc__`` of a class.
        """
        found = (f"{it}.__doc__".partition(".") for it in redocumented(self._plan.changes))
        return [
            (self._namespace[name], {path}) for name, _, path in found if name in self._namespace
        ]

    def is_needed(self, outside: Outside) -> bool:
        """Tell whether anything but bodies of functions has changed."""
        return bool(outside) or self.is_held_up or not changes_nothing(self._plan)

    def run(
        self,
        keeper: Keeper,
        outside: Outside,
        until: int | None = None,
        wait: Wait = lambda *_: False,
        make: Make = lambda *_: False,
        not_there: NotThere = lambda *_, **__: (),
        moved: Moved = nothing_moved,
    ) -> None:
        """Execute what must run.

        Args:
            keeper: Who keeps the objects of the module.
            outside: What others have changed.
            until: The line at which to stop for now, before the statement that goes beyond.
            wait: Tells whether to stop for now, before a statement that imports others.
            make: Has another module make an object anew.
            not_there: Finds what an import of everything does not find in a cycle.
            moved: Lets definitions go on in the module that they have moved to.

        Raises:
            BaseException: Whatever the code raised.
        """
        if self._start is None:
            self._start = {**keeper.before, **outside.before}
            self._begin = dict(keeper.before)
        self._begin |= {name: self._namespace.get(name, ABSENT) for name in outside.before}
        keeper.own += [self._start, self._begin, self._values, self._lost]
        keeper.own += [outside.before, outside.removed]
        changed = [name for name in outside.before if self._differs(name)]
        changed += filter(self._is_bound_again, outside.imported)
        refilled = outside.refilled.items()
        changed += [name for name, it in refilled if self._namespace.get(name) is it]
        self._augmented.changed.update(outside.refilled)
        self._others |= outside.attributes
        self._exported = {**outside.exported, **self._exported}
        self._not_there = not_there
        self._moved = moved
        lost = outside.removed.keys() - self._namespace.keys()
        self._lost |= {name: outside.removed[name] for name in lost}
        if self._flow is None:
            added = self._augmented.gone(self._start, keeper.remember)
            self.written_out.refilled |= added
            changed += added
            flow = self._flow = Flow(
                self._plan,
                changed,
                outside.attributes,
                self._stars,
                self._stars_before,
                self._import_the_same,
                self._held,
                self._is_made_by,
            )
            flow.rebuild(self._filled.edited(flow))
        else:
            flow = self._flow
            flow.outside(changed, outside.attributes)
        keeper.own += self._augmented.containers()
        self.written_out.begin(flow, self._start)
        keeper.written_out = self.written_out
        flow.rebuild(outside.rebuilt)
        flow.set_anew(outside.set_anew)
        self._taken_back += outside.taken_back
        self.steps += take_back(keeper, self._taken_back)
        for it in outside.taken_back:
            if is_class(it.owner):
                flow.set_in_class(qualname_of(it.owner), it.attribute, it.reason)
                self.classes.tell(it.owner, {it.attribute}, flow)
        for qualname, names in outside.members.items():
            for name, reason in names.items():
                flow.set_in_class(qualname, name, reason)
        self._follow_classes(keeper, flow)
        if outside.exported:
            flow.export()
        flow.until, flow.lost = until, self._lost
        self.is_held_up, self._has_changed = False, False
        if any(it.reason == DOCSTRING_GONE for it in self._plan.changes):
            self._namespace["__doc__"] = None
        with marked(self._namespace, keeper, self._seen):
            while (change := flow.next()) is not None:
                self._give_back(flow)
                if self._waits(change, wait):
                    flow.put_back()
                    self.is_held_up = True
                    return
                known = len(self.steps)
                try:
                    self._execute(change, flow, keeper)
                except Exception as error:
                    if not self._anew.begin(error, change.new, flow, self._start, make):
                        raise
                    del self.steps[known:]
                    if self._anew.is_elsewhere:
                        self.is_held_up = True
                        return
            self._give_back(flow)
            self._overtaken.give_back()
            if until is None and has_other_annotations(self._plan):
                annotate(self._plan, self._namespace, self._parts, keeper)
        if until is None:
            self.steps += self._augmented.steps
            self.steps += self._left(flow)
            self.steps += self._not_given_again(flow)
            name = name_of_module(self._module)
            left = self._left_by_name()
            gone = stay_of_removed(name, self._removed, self._is_new)
            self.steps += [it for it in gone if it.line not in left.union(self.without_effect)]
            self.steps += kept_out_of_order(
                name, self._removed, flow.facts_of, self._was_run, self._is_new
            )
            self._removed = ()
            self.written_out.refilled |= self._filled.go_on(keeper)
        self.is_held_up = until is not None

    def _waits(self, change: Change, wait: Wait) -> bool:
        """Tell whether a statement is about to import what is not done yet."""
        if change.new is None or id(change.new) in self._has_waited:
            return False
        self._has_waited.add(id(change.new))
        read = self._read_by(change.new) if self._has_changed else None
        return wait(self._module, change.new, read)

    def _sources(self, statement: ast.stmt) -> Iterator[ModuleType]:
        """Yield the loaded modules that a statement imports something from, or imports."""
        return sources(self._module, imports_in(self._module, statement))

    def _read_by(self, statement: ast.stmt) -> list[ModuleType]:
        """Return the modules from which a statement reads what the module has imported."""
        if self._imported is None:
            statements = [it.new for it in self._plan.changes if it.new is not None]
            self._imported = imported_names(self._module, ast.Module(statements, []))
        names = self._facts_of(statement).reads & self._imported.keys()
        return [source for name in sorted(names) for source in self._imported[name]]

    def _is_bound_again(self, name: str) -> bool:
        """Tell whether more than one statement binds a name, and not its import alone. Otherwise it
        was the program that has bound it to something else, and that is respected.
        """
        statements = [it.new for it in self._plan.changes if it.new is not None]
        return sum(name in self._facts_of(it).binds for it in statements) > 1

    def _stars(self, statement: ast.stmt) -> Collection[str]:
        tree = ast.Module([statement], [])
        return names_of_stars(self._module, tree, self.tree_of, {}, self._not_there)

    def _stars_before(self, statement: ast.stmt) -> Collection[str]:
        not_there = partial(self._not_there, before=True)
        tree = ast.Module([statement], [])
        found = names_of_stars(self._module, tree, self.tree_of, self._exported, not_there)
        return found - self._lost.keys()

    def _import_the_same(self, statements: Sequence[ast.stmt], name: str) -> bool:
        values = [import_of(self._module, it, name) for it in statements]
        return bool(values) and all(it and it[0] is values[0][0] for it in values)

    def _held(self, name: str) -> tuple[object, ...]:
        assert self._start is not None
        value = self._start.get(name, ABSENT)
        return () if value is ABSENT else (value,)

    def _is_made_by(self, name: str, statement: ast.stmt, others: Sequence[ast.stmt]) -> bool:
        held = self._held(name)
        return any(self._origins.is_made_by(name, it, statement, others) for it in held)

    def _execute(self, change: Change, flow: Flow, keeper: Keeper) -> None:
        assert change.new is not None
        statement = pruned(change)
        name = name_of_statement(change.new)
        self.steps.append(
            Step("ran", name_of_module(self._module), name, change.new.lineno, change.reason)
        )
        before = dict(self._namespace)
        if change.reason == DOCSTRING_CHANGED:
            of_module = ast.Module(body=[change.new], type_ignores=[])
            self._namespace["__doc__"] = ast.get_docstring(of_module, clean=False)
        elif statement is not None:
            names = self._facts_of(statement).binds
            keeper.overwritten = frozenset(filter(flow.is_overwritten, names))
            module = name_of_module(self._module)
            if change.old is not None:
                known = lines_known(statement)
                stays = stays_of_run(module, statement, self._is_new)
                self.steps += [it for it in stays if it.line not in known]
                if may_set_members(statement):
                    keeper.watch_members()
            self._augmented.begin(change, self._begin, keeper.remember)
            mutated = self._facts_of(statement).mutated
            if _is_undecorated_now(change):
                keeper.note_undecorated(name)
            in_place = ChangedInPlace(mutated, self._namespace, self._start or {})
            keeper.own += in_place.containers()
            try:
                self._run(change, statement, keeper)
            finally:
                in_place.remember(keeper.remember)
        added = self._augmented.end(keeper.remember)
        self.written_out.refilled |= added
        refilled = self.written_out.follow(change, keeper)
        bound = self._bound_since(before)
        if self._go_on_here(bound, keeper):
            bound = self._bound_since(before)
        for it in executed([statement] if statement is not None else []):
            if isinstance(it, ast.ImportFrom) and it.names[0].name == "*":
                self._drop_not_there(it, before)
        for source in self._sources(change.new):
            keeper.know(namespace_of(source).values())
        taken = sorted(filter(flow.takes_over, bound))
        keeper.fold(taken, are_decorated=_is_decorated(change))
        keeper.follow_wrapped(bound.difference(taken))
        if statement is not None:
            bound |= self._facts_of(statement).binds - {"*"}
        self.bound |= bound
        for name in bound:
            self._values[id(change), name] = self._namespace.get(name, ABSENT)
        self._has_changed = True
        changed = refilled.union(name for name in bound if self._differs(name))
        changed |= bound & self._augmented.changed
        if isinstance(change.new, ast.ClassDef) and flow.is_overwritten(change.new.name):
            changed.add(change.new.name)  # `A = mark(A)` is given the class as it is now
        elif isinstance(change.new, DEFINITION):
            flow.set_again({(change.new.name, it) for it in _SET_BY_DEF})
        flow.done(change, changed)
        self.classes.tell_parameters(change, flow)
        self._follow_classes(keeper, flow)

    def _bound_since(self, before: Mapping[str, Any]) -> set[str]:
        """Return the names that have other values than before, or none."""
        after = dict(self._namespace)
        bound = {name for name, value in after.items() if before.get(name, ABSENT) is not value}
        return bound | (before.keys() - after.keys())

    def _go_on_here(self, bound: Collection[str], keeper: Keeper) -> bool:
        """Let names have what they had, where that has moved to where it is defined now.

        Args:
            bound: The names that a statement has bound.
            keeper: Who keeps the objects of the module.

        Returns:
            Whether any of them has it again.
        """
        assert self._start is not None
        has_moved, had = False, {**self._lost, **self._start}
        for name in sorted(bound & had.keys() & self._namespace.keys()):
            old = had[name]
            changed = self._moved(self._module, self._start, old, self._namespace[name])
            if changed is not None:
                self._namespace[name] = old
                keeper.changed += changed
                has_moved = True
        return has_moved

    def _drop_not_there(self, statement: ast.ImportFrom, before: Collection[str]) -> None:
        """Let go of what an import of everything has brought and would not, were the program
        started now: it would be executed halfway round a cycle.
        """
        for source in self._sources(statement):
            names = namespace_of(source)
            for name in self._not_there(source, self._module):
                value = self._namespace.get(name, ABSENT)
                if name not in before and value is not ABSENT and value is names.get(name):
                    del self._namespace[name]

    def _follow_classes(self, keeper: Keeper, flow: Flow) -> None:
        """Let others follow what has changed in classes."""
        while self.written_out.members:
            cls, name = self.written_out.members.pop()
            self.classes.tell(cls, {name}, flow)
            self.steps += made_with(cls, {name}, [])
        self.steps += self.classes.follow(keeper, flow)

    def _run(self, change: Change, statement: ast.stmt, keeper: Keeper) -> None:
        bound = self._facts_of(statement).binds
        narrowed = narrow(change, keeper)
        if narrowed is not None:
            part: ast.stmt
            part, keeper.narrowed = narrowed
            known, lines = keeper.done(), set[int]()
            if any(
                isinstance(it, (ast.ClassDef, *BLOCK)) and not is_left_out(it) for it in part.body
            ):
                held = _held(change, keeper)
                part, lines = held.put_into(part), held.lines()
            try:
                self._exec(part, keeper, bound)
            except CannotBeNarrowedError:
                keeper.begin_again(known)
            else:
                self._note(statement, lines, *(it.left_out for it in keeper.narrowed.values()))
                return
            finally:
                keeper.narrowed = {}
        self._by_name.runs(change, statement)
        run = statement
        if names := self._may_bind(change.new):
            self._watched |= names
            marks = pruned(change, lambda it: mark(it, names & self._facts_of(it).binds))
            run = marks or statement
        held = _held(change, keeper)
        self._exec(told(held.put_into(run)), keeper, bound, names)
        self._note(statement, held.lines() if keeper.held else ())

    def _note(self, statement: ast.stmt, *left_out: Collection[int]) -> None:
        """Remember what was executed."""
        lines = set(lines_run(statement)).difference(*left_out)
        self.lines |= {(name_of_module(self._module), line) for line in lines}

    def _exec(
        self,
        statement: ast.stmt,
        keeper: Keeper,
        bound: Collection[str],
        names: Collection[str] = (),
    ) -> None:
        part = self._parts.of(statement, names, self._binds)
        known = self._namespace.values()
        borrowed = Borrowed(self._namespace, bound)
        keeper.will_run(part.code, calls=_binds_what_a_call_returns(statement), known=known)
        try:
            with self._overtaken.lent(statement.lineno):
                seen = None if self._flow is None else self._flow.names_seen()
                if seen is None:
                    exec(part.code, self._namespace)
                else:
                    execute_with(seen, part.code, self._namespace, bound)
        finally:
            borrowed.give_back()

    def _may_bind(self, statement: ast.stmt | None) -> set[str]:
        """Return the names that the module has and that a block may bind, or may not."""
        if not isinstance(statement, BLOCK):
            return set()
        found = self._facts_of(statement)
        is_captured = isinstance(statement, ast.Match)  # or is not, as the case may be
        of_header = frozenset() if is_captured else header_facts(statement).binds
        known = self._namespace.keys() - OF_EVERY_MODULE
        return known & (found.binds - found.sure - of_header)

    def _binds(self, statement: ast.stmt) -> Collection[str]:
        is_block = isinstance(statement, BLOCK)
        return (header_facts(statement) if is_block else self._facts_of(statement)).binds

    def _facts_of(self, statement: ast.stmt) -> Facts:
        known = self._known.get(id(statement))
        if known is not None and known[0] is statement:
            return known[1]
        if self._flow is not None and self._flow.facts_are_plain:
            found = self._flow.facts_of(statement)  # which has looked at most of them
        else:
            found = facts(statement, stars=self._stars)
        if "*" in found.binds:  # an import of everything brings other names, as time goes by
            return facts(statement, stars=self._stars)
        self._known[id(statement)] = statement, found
        return found

    def _left(self, flow: Flow) -> Iterator[Step]:
        """Say which names are left from branches that are not taken any more, or go with them."""
        assert self._start is not None
        module = name_of_module(self._module)
        statements = [it.new for it in self._plan.changes if it.new is not None]
        for name in sorted(self._watched - self._seen):
            value, statement = self._start.get(name, ABSENT), flow.last_binder(name)
            if statement is None or self._differs(name) or is_submodule(value, module, name):
                continue
            is_there = self._namespace.__contains__
            if goes_with_branch(name, statements, self._binds, self._is_as_written, is_there):
                del self._namespace[name]
                yield Step("removed", module, name, statement.lineno, _NOT_SET)
            else:
                yield Step("kept", module, name, statement.lineno, _LEFT)
        self._watched.clear()

    def _not_given_again(self, flow: Flow) -> Iterator[Step]:
        """Say who has been given something that has other parameters now."""
        module = name_of_module(self._module)
        for statement, name in flow.not_given_again():
            reason = f"it was given {name}, whose parameters changed"
            yield Step("kept", module, name_of_statement(statement), statement.lineno, reason)

    def _left_by_name(self) -> set[int]:
        """Delete the names that were set by texts, and are not any more.

        Returns:
            Lines of old statements that have left nothing.
        """
        assert self._start is not None
        steps, lines = self._by_name.gone(self._start, self._namespace, self._seen, self._binds)
        for step in steps:
            if step.kind == "removed":
                self._namespace.pop(step.qualname, None)
        self.steps += steps
        return lines

    def _is_as_written(self, name: str) -> bool:
        """Tell whether a name has the value that a fresh start would give it, or is a builtin's."""
        if name not in self._namespace or self._differs(name):
            return True
        statements = [it.new for it in self._plan.changes if it.new is not None]
        found = [it for it in executed(statements) if name in self._binds(it)]
        if all(isinstance(it, IMPORT) for it in found):
            return bool(found)
        constants = [it.value for it in found if isinstance(it, ASSIGNMENT) and only_name(it)]
        if len(found) != 1 or not constants or not isinstance(constants[0], ast.Constant):
            return False
        return same_value(constants[0].value, self._namespace[name])

    def _give_back(self, flow: Flow) -> None:
        """Give names the values that they had at the beginning, or after some statement."""
        for name, source in flow.restore:
            if source is UNBOUND:
                value = ABSENT
            elif source is None:
                value = self._begin.get(name, ABSENT)
            else:
                value = self._values.get((id(source), name), ABSENT)
            if value is ABSENT:
                self._namespace.pop(name, None)
            else:
                self._namespace[name] = value

    def _was_run(self, statement: ast.stmt) -> bool:
        return (name_of_module(self._module), statement.lineno) in self.lines

    def _is_new(self, name: str, attribute: str) -> bool:
        """Tell whether an object that a name stands for, or an attribute of it, is another now."""
        return self._differs(name.partition(".")[0]) or (name, attribute) in self._others

    def _differs(self, name: str) -> bool:
        """Tell whether a name has another value than when the reload began."""
        assert self._start is not None
        return self._namespace.get(name, ABSENT) is not self._start.get(name, ABSENT)


def _held(change: Change, keeper: Keeper) -> HeldValues:
    """Have classes go on with what a statement that is executed need not make anew."""
    held = held_values(change, keeper)
    keeper.held = held.values
    keeper.own.append(held.values)
    return held


def _is_decorated(change: Change) -> bool:
    """Tell whether a function is defined anew, and decorators make something of it, or did."""
    definitions = [
        it
        for it in (change.old, change.new)
        if isinstance(it, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    return len(definitions) == 2 and any(it.decorator_list for it in definitions)


def _is_undecorated_now(change: Change) -> bool:
    """Tell whether a function is defined anew, and has lost all its decorators."""
    old, new = change.old, change.new
    if not isinstance(new, DEFINITION) or not isinstance(old, DEFINITION):
        return False
    return bool(old.decorator_list) and not new.decorator_list


def _binds_what_a_call_returns(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Assign, ast.AnnAssign)):
        value = statement.value
        return value is not None and any(isinstance(node, ast.Call) for node in ast.walk(value))
    if isinstance(statement, ast.ClassDef):
        return bool(statement.decorator_list)  # they may give the class methods that they make
    return any(_binds_what_a_call_returns(it) for _, body in branches_of(statement) for it in body)
