"""Values that a class goes on with though all of its body is executed again: because a decorator, a
metaclass or an ``__init_subclass__`` is to be given the whole class, or its statements have another
order. ``cache = {}`` and ``lock = Lock()`` that did not change are not made anew.

In their place the body is given what the class has. That has to be what the body had bound: no hook
or decorator has had anything to do with it, and it is of the type that the statement makes, as far
as that can be told. So do the functions that definitions have made with their decorators, for who
has registered one is not told of it again; and so are blocks not executed, and calls that stand
alone not made again. What is no state (a constant) is executed: it is the same each time, or goes
to who makes something else of it; but where the program has set another value since, that stays.
Which statements can be left to themselves is in held_statements.py.
"""

from __future__ import annotations

import ast
from abc import ABCMeta
from collections import Counter
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.as_written import as_written
from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.class_bodies import mangled
from mighty_patcher.engine.classes import (
    class_dict,
    classes_named,
    is_class,
    mro_of,
    qualname_of,
)
from mighty_patcher.engine.held_statements import DISPLAYS, HeldStatements, makes_something
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.made_since import is_edited_since
from mighty_patcher.engine.metaclasses import named
from mighty_patcher.engine.narrowing import is_left_out
from mighty_patcher.engine.reached import functions_of
from mighty_patcher.engine.signatures import NO_VALUE, constant
from mighty_patcher.engine.toplevel import executed, is_special
from mighty_patcher.engine.touched import Touched, touched
from mighty_patcher.engine.trees import (
    ASSIGNMENT,
    DEFINITION,
    branches_of,
    only_name,
)
from mighty_patcher.engine.values import same_value

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["PLACE", "HeldValues", "held_values", "is_touched", "touched_by_others"]

PLACE = b"\0what a class holds, of mighty_patcher"
"""The constant in whose place is put what is called for a value, with its number."""

_OF_DESCRIPTORS = ("__get__", "__set__", "__delete__", "__set_name__")


class HeldValues:
    """The values that the classes of a statement go on with.

    Attributes:
        values: The values, by number.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[tuple[int, int], _Held] = {}

    def __bool__(self) -> bool:
        return bool(self.values)

    def add(self, statement: ast.stmt, values: Mapping[str, Any]) -> None:
        """Hold what a statement need not make anew.

        Args:
            statement: The statement.
            values: What the names have that it binds, as far as they have something.
        """
        first = [statement.lineno, *(it.lineno for it in getattr(statement, "decorator_list", ()))]
        lines = range(min(first), (statement.end_lineno or statement.lineno) + 1)
        place = statement.lineno, statement.col_offset
        self._places[place] = _Held(len(self.values), tuple(values), lines)
        self.values += values.values() or [None]  # a number for what binds nothing, too

    def lines(self) -> set[int]:
        """Return the lines of the statements whose values are held."""
        return {line for held in self._places.values() for line in held.lines}

    def put_into(self, statement: ast.stmt) -> ast.stmt:
        """Return a statement in which the values are asked for, instead of being made.

        Args:
            statement: What is executed. It is copied as far as it differs.
        """
        held = self._places.get((statement.lineno, statement.col_offset))
        if isinstance(statement, ast.ClassDef) or is_left_out(statement):
            held = None
        if held is not None and isinstance(statement, ast.AnnAssign) and statement.value:
            result = copy(statement)  # which the compiler looks for
            result.value = _held_or_made(held.number, statement.value)
            return result
        if held is not None:
            return held.or_executed(statement)
        if not self._are_in(statement):
            return statement
        changed: ast.stmt = copy(statement)
        for owner in _owners_of_bodies(changed):
            for name in ("body", "orelse", "finalbody"):
                body = getattr(owner, name, None)
                if body:
                    setattr(owner, name, [self.put_into(it) for it in body])
        return changed

    def _are_in(self, statement: ast.stmt) -> bool:
        lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        return bool(branches_of(statement)) and any(line in lines for line, _ in self._places)


@dataclass(frozen=True)
class _Held:
    """What is held of a statement.

    Attributes:
        number: That of its first value.
        names: The names that have them.
        lines: Its lines.
    """

    number: int
    names: tuple[str, ...]
    lines: range

    def or_executed(self, statement: ast.stmt) -> ast.stmt:
        """Return what binds the values where they are held, and else executes the statement."""
        bound: list[ast.stmt] = [
            ast.Assign([ast.Name(name, ast.Store())], _value(self.number + at))
            for at, name in enumerate(self.names)
        ]
        choice = ast.If(_called(self.number), bound or [ast.Pass()], [])
        for node in ast.walk(choice):
            ast.copy_location(node, statement)
        choice.orelse = [statement]
        return choice


def _held_or_made(number: int, expression: ast.expr) -> ast.expr:
    """Return what evaluates to a value where it is held, and else to that of an expression."""
    choice = ast.IfExp(_called(number), _value(number), ast.Constant(None))
    for node in ast.walk(choice):
        ast.copy_location(node, expression)
    choice.orelse = expression
    return choice


def _value(number: int) -> ast.expr:
    return ast.Subscript(_called(number), ast.Constant(0), ast.Load())


def _called(number: int) -> ast.Call:
    return ast.Call(ast.Constant(PLACE), [ast.Constant(number)], [])


def _owners_of_bodies(statement: ast.stmt) -> Iterator[ast.AST]:
    """Yield a block and what in it has bodies, copied so that they can be given others."""
    yield statement
    if isinstance(statement, ast.Match):
        statement.cases = [copy(it) for it in statement.cases]
        yield from statement.cases
    elif isinstance(statement, ast.Try | ast.TryStar):
        statement.handlers = [copy(it) for it in statement.handlers]
        yield from statement.handlers


def held_values(change: Change, keeper: Keeper) -> HeldValues:
    """Find what the classes of a statement go on with that is about to be executed.

    Args:
        change: What becomes of the statement: a class, or a block with classes in it.
        keeper: Who keeps the objects of the module.
    """
    held = HeldValues()
    for it in _classes_in(change):
        assert isinstance(it.new, ast.ClassDef)
        found = classes_named(keeper.before, keeper.module_name, it.new.name)
        if len(found) == 1 and _is_defined_once(it.new.name, keeper.trees[0]):
            decorators = _decorators_below(it.new.name, keeper)
            if decorators is not None:
                _hold(held, it, found[0], decorators, keeper, set())
    return held


def _classes_in(change: Change) -> Iterator[Change]:
    """Yield what becomes of the classes that are executed."""
    if change.kind != "run" or change.children is None:
        return
    if isinstance(change.new, ast.ClassDef):
        yield change
        return
    for child in change.children:
        yield from _classes_in(child)


def _is_defined_once(name: str, tree: ast.Module | None) -> bool:
    """Tell whether a module had one definition of a class: or nobody knows which has made it."""
    definitions = executed(tree.body) if tree is not None else ()
    return sum(isinstance(it, ast.ClassDef) and it.name == name for it in definitions) == 1


def _decorators_below(name: str, keeper: Keeper) -> list[ast.expr] | None:
    """Return what has been given a class behind its statement, to bind its name again: ``A =
    mark(A)``. None where something else binds it, too.
    """
    tree = keeper.trees[0]
    if name not in keeper.overwritten or tree is None:
        return []
    assignments = [it for it in executed(tree.body) if isinstance(it, ASSIGNMENT)]
    found = [it.value for it in assignments if only_name(it) == name]
    return [it for it in found if it is not None] or None


def _hold(
    held: HeldValues,
    change: Change,
    cls: type,
    decorators: list[ast.expr],
    keeper: Keeper,
    type_params: set[str],
) -> None:
    """Hold what a class goes on with, and the classes in it."""
    old, new = change.old, change.new
    if change.anew or not isinstance(old, ast.ClassDef) or not isinstance(new, ast.ClassDef):
        return
    body = HeldStatements(change, new.name, type_params)
    if body.lays_out_otherwise() or keeper.is_edited(cls):
        return
    holding = _Holding(body, cls, keeper)
    found = holding.found()
    if any(body.bound_by(it) for it in found):
        by_others = _touched(cls, old, decorators, keeper)
        found = [it for it in found if not holding.is_touched(it, by_others)]
    for child in body.independent(found):
        assert child.new is not None
        held.add(child.new, holding.values(child))
    for child in change.children or ():
        if isinstance(child.new, ast.ClassDef):
            inner = holding.content.get(mangled(child.new.name, new.name))
            if is_class(inner) and qualname_of(inner) == f"{qualname_of(cls)}.{child.new.name}":
                _hold(held, child, inner, [], keeper, body.type_params)


class _Holding:
    """A class that goes on with what it has.

    Args:
        body: The statements of the class.
        cls: The class.
        keeper: Who keeps the objects of the module.

    Attributes:
        content: What it has.
    """

    def __init__(self, body: HeldStatements, cls: type, keeper: Keeper) -> None:
        self._body, self._cls, self._keeper = body, cls, keeper
        self.content = class_dict(cls)
        self._deleted = body.deleted()

    def values(self, child: Change) -> dict[str, Any]:
        """Return what the class has of the names that a statement binds."""
        names = sorted(self._body.bound_by(child) & self.content.keys())
        return {name: self.content[name] for name in names}

    def found(self) -> list[Change]:
        """Return what can be left: the class has what it binds, or nothing where it need not."""
        alike = self._body.alike()
        often = Counter(name for it in alike for name in self._body.bound_by(it))
        return [
            it
            for it in alike
            if (any(often[name] > 1 for name in self._body.bound_by(it)) or self._is_worth_it(it))
            and self._has_what_is_bound_by(it)
        ]

    def _is_worth_it(self, child: Change) -> bool:
        """Tell whether it is another thing to execute a statement: not to bind a constant, but
        where the program has set another value since.
        """
        statement = child.new
        if not isinstance(statement, ASSIGNMENT) or statement.value is None:
            return True
        if makes_something(statement.value):
            return True
        return any(
            written is not NO_VALUE and not is_special(name) and not same_value(value, written)
            for name, value in self.values(child).items()
            for source in self._body.sources(child, name)
            for written in ([constant(source)] if isinstance(source, ast.expr) else [])
        )

    def _has_what_is_bound_by(self, child: Change) -> bool:
        names = self._body.bound_by(child)
        if any(map(is_special, names)) and not (
            len(names) == 1 and isinstance(child.new, (*DEFINITION, *ASSIGNMENT))
        ):
            return False
        may_be_without = self._deleted
        if not isinstance(child.new, (*DEFINITION, *ASSIGNMENT)):
            may_be_without = names  # a block need not bind what it may
        return names - self.content.keys() <= may_be_without and all(
            self._may_be_held(child, name, value) for name, value in self.values(child).items()
        )

    def _may_be_held(self, child: Change, name: str, value: Any) -> bool:
        """Tell whether a value is what a statement makes, and is not for others to make something
        of.
        """
        sources = self._body.sources(child, name)
        if any(self._is_made_by(it, value) for it in sources if isinstance(it, DEFINITION)):
            return True
        expressions = [it for it in sources if not isinstance(it, ast.stmt)]
        if type(value) is FunctionType:  # `x = wrap(y)`
            return any(
                isinstance(it, ast.Call) and self._may_be_of(it, value) for it in expressions
            )
        return not _is_descriptor(value) and any(self._may_be_of(it, value) for it in expressions)

    def _is_made_by(self, definition: ast.FunctionDef | ast.AsyncFunctionDef, value: Any) -> bool:
        """Tell whether a function is what a definition, and its decorators, have made."""
        qualname = f"{qualname_of(self._cls)}.{definition.name}"
        return type(value) is FunctionType and any(
            it.__code__.co_qualname == qualname and it.__globals__ is self._keeper.namespace
            for it in functions_of(value)
        )

    def _may_be_of(self, expression: ast.expr | None, value: Any) -> bool:
        """Tell whether a value is of the type that an expression makes, as far as that can be told;
        in place of a constant stands whatever the program has set.
        """
        if is_class(value):
            return expression is not None and constant(expression) is not NO_VALUE
        if expression is None:
            return True
        made = _type_of(expression, self._keeper.before)
        if isinstance(expression, tuple(DISPLAYS)):
            return type(value) is made
        return made is None or is_one_of(made, mro_of(type(value)))

    def is_touched(self, child: Change, by_others: Touched) -> bool:
        """Tell whether others may have had to do with what a statement binds, or with what the
        class has not, though it may bind it.
        """
        values = self.values(child)
        missing = self._body.bound_by(child) - values.keys() - self._deleted
        if missing and (
            by_others.everything
            or by_others.by_any_name is not None
            or not missing.isdisjoint(by_others.names)
        ):
            return True
        return any(is_touched(name, child.old, it, by_others) for name, it in values.items())


def touched_by_others(cls: type, keeper: Keeper) -> Touched:
    """Find what hooks and decorators may have touched of a class that is executed again.

    Args:
        cls: The class, as it was.
        keeper: Who keeps the objects of the module.
    """
    qualname = qualname_of(cls)
    definition = keeper.definitions[0].get(qualname)
    is_inner = "." in qualname
    below = [] if is_inner else _decorators_below(qualname, keeper)
    if (
        definition is None
        or below is None
        or keeper.is_edited(cls)
        or not (is_inner or _is_defined_once(qualname, keeper.trees[0]))
    ):
        return Touched(everything=True)
    return _touched(cls, definition, below, keeper)


def _touched(cls: type, definition: ast.ClassDef, below: list[ast.expr], keeper: Keeper) -> Touched:
    tree, namespace = keeper.trees[0], keeper.namespace

    def written(function: FunctionType) -> ast.FunctionDef | None:
        return as_written(function, tree if function.__globals__ is namespace else None)

    def is_edited(value: FunctionType | type) -> bool:
        return is_edited_since(value, cls) or (not is_class(value) and keeper.is_edited(value))

    return touched(cls, definition, below, keeper.before, is_edited, written)


def is_touched(name: str, statement: ast.stmt | None, value: Any, by_others: Touched) -> bool:
    """Tell whether what a statement has bound in a class may have been touched by others.

    Args:
        name: The name.
        statement: The statement.
        value: What the class has.
        by_others: What they may have touched.
    """
    if by_others.everything or name in by_others.names:
        return True
    is_field = isinstance(statement, ast.AnnAssign) and not _is_class_variable(statement.annotation)
    if by_others.fields and is_field:
        return True
    return by_others.by_any_name is not None and by_others.by_any_name(name, value)


def _is_class_variable(annotation: ast.expr) -> bool:
    """Tell whether an annotation says ``ClassVar``: that is nobody's field."""
    if isinstance(annotation, ast.Constant) and type(annotation.value) is str:
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return False
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return getattr(annotation, "attr", getattr(annotation, "id", None)) == "ClassVar"


def _is_descriptor(value: Any) -> bool:
    return any(name in class_dict(base) for base in mro_of(type(value)) for name in _OF_DESCRIPTORS)


def _type_of(expression: ast.expr, namespace: Mapping[str, Any]) -> type | None:
    """Return the type of what an expression makes, if it is plain to see."""
    for kind, made in DISPLAYS.items():
        if isinstance(expression, kind):
            return made
    if not isinstance(expression, ast.Call):
        return None
    called = expression.func
    if isinstance(called, ast.Subscript):  # deque[int]()
        called = called.value
    value = named(called, namespace)
    return value if is_one_of(type(value), (type, ABCMeta)) else None
