"""Values that a class goes on with though all of its body is executed again: because a decorator, a
metaclass or an ``__init_subclass__`` is to be given the whole class, or its statements have another
order. ``cache = {}`` and ``lock = Lock()`` that did not change are not made anew.

In their place the body is given what the class has. That has to be what the body had bound: nobody
else binds the name, no hook or decorator has had anything to do with it, and it is of the type
that the statement makes, as far as that can be told. So do the functions that definitions have made
with their decorators, for who has registered one is not told of it again; and so are calls that
stand alone not made again. What is no state (a constant) is executed: it is the same each time, or
goes to who makes something else of it; but where the program has set another value since, that
stays.
"""

from __future__ import annotations

import ast
from abc import ABCMeta
from collections.abc import Iterator, Mapping
from copy import copy
from types import FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.as_written import as_written
from mighty_patcher.engine.changes import Change
from mighty_patcher.engine.class_bodies import mangled, names_in_class
from mighty_patcher.engine.classes import (
    class_dict,
    classes_named,
    is_class,
    mro_of,
    qualname_of,
)
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.made_since import is_edited_since
from mighty_patcher.engine.metaclasses import named
from mighty_patcher.engine.reached import functions_of
from mighty_patcher.engine.signatures import NO_VALUE, constant
from mighty_patcher.engine.toplevel import executed, is_special
from mighty_patcher.engine.touched import Touched, touched
from mighty_patcher.engine.trees import (
    ASSIGNMENT,
    DEFINITION,
    IMPORT,
    body_of,
    branches_of,
    is_text,
    only_name,
)
from mighty_patcher.engine.values import same_value

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["PLACE", "HeldValues", "held_values", "is_touched", "touched_by_others"]

PLACE = b"\0what a class holds, of mighty_patcher"
"""The constant in whose place is put what is called for a value, with its number."""

_DISPLAYS: dict[type[ast.expr], type] = {
    ast.List: list,
    ast.ListComp: list,
    ast.Dict: dict,
    ast.DictComp: dict,
    ast.Set: set,
    ast.SetComp: set,
}
_CALL = "a call in line "
_BINDS_MORE = (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)
_LOOKS_AT_ALL_NAMES = frozenset({"locals", "vars", "exec", "eval"})
_OF_DESCRIPTORS = ("__get__", "__set__", "__delete__", "__set_name__")


class HeldValues:
    """The values that the classes of a statement go on with.

    Attributes:
        values: The values, by number.
    """

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[tuple[int, int], tuple[int, range]] = {}

    def __bool__(self) -> bool:
        return bool(self.values)

    def add(self, statement: ast.stmt, value: Any) -> None:
        """Hold what a statement need not make anew."""
        first = [statement.lineno, *(it.lineno for it in getattr(statement, "decorator_list", ()))]
        lines = range(min(first), (statement.end_lineno or statement.lineno) + 1)
        self._places[statement.lineno, statement.col_offset] = len(self.values), lines
        self.values.append(value)

    def lines(self) -> set[int]:
        """Return the lines of the statements whose values are held."""
        return {line for _, lines in self._places.values() for line in lines}

    def put_into(self, statement: ast.stmt) -> ast.stmt:
        """Return a statement in which the values are asked for, instead of being made.

        Args:
            statement: What is executed. It is copied as far as it differs.
        """
        place = self._places.get((statement.lineno, statement.col_offset))
        if place is not None and isinstance(statement, ASSIGNMENT) and statement.value is not None:
            result = copy(statement)
            result.value = _held_or_made(place[0], statement.value)
            return result
        if place is not None and isinstance(statement, (*DEFINITION, ast.Expr)):
            return _held_or_executed(place[0], statement)
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


def _held_or_made(number: int, expression: ast.expr) -> ast.expr:
    """Return what evaluates to a value where it is held, and else to that of an expression."""
    held = ast.Subscript(_called(number), ast.Constant(0), ast.Load())
    choice = ast.IfExp(_called(number), held, expression)
    for node in ast.walk(ast.Tuple([choice.test, held], ast.Load())):
        ast.copy_location(node, expression)
    return ast.copy_location(choice, expression)


def _held_or_executed(number: int, statement: ast.stmt) -> ast.stmt:
    """Return what binds a value where it is held, or does nothing, and else executes a statement:
    a definition, or a call.
    """
    instead: ast.stmt = ast.Pass()
    if isinstance(statement, DEFINITION):
        held = ast.Subscript(_called(number), ast.Constant(0), ast.Load())
        instead = ast.Assign([ast.Name(statement.name, ast.Store())], held)
    choice = ast.If(_called(number), [instead], [])
    for node in ast.walk(choice):
        ast.copy_location(node, statement)
    choice.orelse = [statement]
    return choice


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
    body, content = _Body(change, new.name, type_params), class_dict(cls)
    if body.lays_out_otherwise() or keeper.is_edited(cls):
        return
    found = {
        name: child
        for name, child in body.bound_by_one().items()
        if name in content and _may_be_held(child, name, content[name], cls, keeper)
    }
    if found:
        by_others = _touched(cls, old, decorators, keeper)
        found = {
            name: child
            for name, child in found.items()
            if not is_touched(name, child.old, content[name], by_others)
        }
    for name, child in body.independent(found | body.calls()).items():
        assert child.new is not None
        held.add(child.new, content.get(name))
    for child in change.children or ():
        if isinstance(child.new, ast.ClassDef):
            inner = content.get(mangled(child.new.name, new.name))
            if is_class(inner) and qualname_of(inner) == f"{qualname_of(cls)}.{child.new.name}":
                _hold(held, child, inner, [], keeper, body.type_params)


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


class _Body:
    """The statements of a class that is executed, and those that it had before.

    Args:
        change: What becomes of the class.
        class_name: Its name.
        type_params: The type parameters of the classes that it is in.
    """

    def __init__(self, change: Change, class_name: str, type_params: set[str]) -> None:
        self._children = change.children or ()
        self._class_name = class_name
        self._olds = [] if change.old is None else body_of(change.old, "body")
        self._news = [] if change.new is None else body_of(change.new, "body")
        self._known: dict[ast.stmt, tuple[set[str], set[str]]] = {}
        self._become = {  # what evaluates the same
            it.old: it.new
            for it in self._children
            if it.kind in ("keep", "patch") and it.old is not None and it.new is not None
        }
        self.type_params = type_params | {
            it.name
            for statement in (change.old, change.new)
            for it in getattr(statement, "type_params", ())
        }
        lines = [it.old.lineno for it in self._children if it.old and it.new]
        self._is_in_order = lines == sorted(lines)

    def bound_by_one(self) -> dict[str, Change]:
        """Return the names that one assignment binds, or one definition of a function, and no other
        statement does, and that makes the same in both texts.
        """
        often = self._bound_by_several(self._olds) | self._bound_by_several(self._news)
        found: dict[str, Change] = {}
        for child in self._children:
            name, statement = None, child.new
            if child.kind not in ("keep", "patch") or child.old is None:
                continue
            if isinstance(statement, ASSIGNMENT) and statement.value is not None:
                name = only_name(statement)
            elif isinstance(statement, DEFINITION) and not self.type_params:
                name = statement.name  # it closes over these, also to evaluate annotations
            if name is not None:
                found[mangled(name, self._class_name)] = child
        return {name: child for name, child in found.items() if name not in often}

    def calls(self) -> dict[str, Change]:
        """Return the calls that stand alone and are the same in both texts, by what is no name."""
        return {
            f"{_CALL}{child.new.lineno}": child
            for child in self._children
            if child.kind in ("keep", "patch")
            and child.old is not None
            and isinstance(child.new, ast.Expr)
            and isinstance(child.new.value, ast.Call)
        }

    def lays_out_otherwise(self) -> bool:
        """Tell whether another class may have to be made, with values of its own."""
        return any(
            "__slots__" in self._facts_of(it)[1]
            for child in self._children
            if child.kind in ("run", "remove")
            for it in (child.old, child.new)
            if it is not None
        )

    def _bound_by_several(self, statements: list[ast.stmt]) -> set[str]:
        seen, several = set[str](), set[str]()
        for it in statements:
            binds = self._facts_of(it)[1]
            several |= seen & binds
            seen |= binds
            for inner in executed([it]):
                if isinstance(inner, ast.Global):
                    several |= set(inner.names)
        return several

    def _facts_of(self, statement: ast.stmt) -> tuple[set[str], set[str]]:
        """Return the names that a statement reads, and those that it binds."""
        statement = self._become.get(statement, statement)
        known = self._known.get(statement)
        if known is None:
            found = facts(statement)
            reads, binds = (
                {mangled(it, self._class_name) for it in names}
                for names in (found.reads, found.binds)
            )
            if isinstance(statement, ast.AnnAssign):
                binds |= names_in_class(ast.ClassDef(self._class_name, [], [], [statement], []))
            known = self._known[statement] = reads, binds
        return known

    def independent(self, found: Mapping[str, Change]) -> dict[str, Change]:
        """Leave out what has to be made anew with the rest: what a statement that is executed
        reads, for it may put something into that, as it has done before; what is made out of
        something that is made anew; and everything, where a statement sees all names.

        Args:
            found: What may be left as it is: the names, and the statements that bind them.
        """
        left = dict(found)
        readers: dict[str, list[str]] = {}
        statements = {
            name: [it for it in (child.old, child.new) if it is not None]
            for name, child in found.items()
        }
        for name, olds_and_news in statements.items():
            for read in self._facts_of(olds_and_news[-1])[0]:
                readers.setdefault(read, []).append(name)
        apart = {id(it) for its in statements.values() for it in its}
        waiting = [it for it in (*self._olds, *self._news) if id(it) not in apart]
        edited = self._edited_assignments()
        names = {name for it in (*self._olds, *self._news) for name in self._facts_of(it)[1]}
        dropped = [name for read in self.type_params for name in readers.get(read, ())]
        if not self._is_in_order:  # who is made out of whom is another matter then
            dropped += [
                name for read in names for name in (read, *readers.get(read, ())) if read in readers
            ]
        while waiting or dropped:
            for name in dropped:
                if name in left:
                    del left[name]
                    waiting += statements[name]
            dropped = []
            for statement in waiting:
                reads, binds = self._facts_of(statement)
                if not reads.isdisjoint(_LOOKS_AT_ALL_NAMES):
                    return {}
                dropped += reads if id(statement) not in edited else ()
                if not _is_the_same_again(statement):
                    dropped += [name for bound in binds for name in readers.get(bound, ())]
            waiting = []
        return left

    def _edited_assignments(self) -> set[int]:
        """Return the identities of assignments that changed, and do nothing but assign: as in a
        class of which only these are executed, what they read stays.
        """
        pairs = [(it.old, it.new) for it in self._children if it.kind == "run"]
        return {
            id(it)
            for pair in pairs
            if all(isinstance(it, ASSIGNMENT) and only_name(it) for it in pair)
            for it in pair
            if it is not None and not facts(it).mutated
        }


def _is_the_same_again(statement: ast.stmt) -> bool:
    """Tell whether a statement binds the very same when it is executed again."""
    if isinstance(statement, ASSIGNMENT):
        return statement.value is None or not _makes_something(statement.value)
    return isinstance(statement, IMPORT) or is_text(statement)


def _may_be_held(child: Change, name: str, value: Any, cls: type, keeper: Keeper) -> bool:
    """Tell whether a value is what a statement makes, and is not for others to make something of.

    Args:
        child: What becomes of the statement: nothing.
        name: The name that it binds.
        value: What the class has.
        cls: The class.
        keeper: Who keeps the objects of the module.
    """
    if isinstance(child.new, DEFINITION):
        qualname = f"{qualname_of(cls)}.{child.new.name}"
        return type(value) is FunctionType and any(
            it.__code__.co_qualname == qualname and it.__globals__ is keeper.namespace
            for it in functions_of(value)
        )
    expression = getattr(child.new, "value", None)
    if not isinstance(expression, ast.expr) or _is_descriptor(value):
        return False
    if not _makes_something(expression):
        written = constant(expression)
        is_of_program = written is not NO_VALUE and not same_value(value, written)
        return is_of_program and not is_special(name)
    if any(isinstance(node, _BINDS_MORE) for node in ast.walk(expression)):
        return False
    made = _type_of(expression, keeper.before)
    if made is not None and not is_one_of(made, mro_of(type(value))):
        return False
    if isinstance(expression, tuple(_DISPLAYS)) and type(value) is not made:
        return False
    return not is_class(value)


def _is_descriptor(value: Any) -> bool:
    return any(name in class_dict(base) for base in mro_of(type(value)) for name in _OF_DESCRIPTORS)


def _makes_something(expression: ast.expr) -> bool:
    """Tell whether to evaluate an expression anew would make another object, or do something."""
    waiting: list[ast.AST] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Call, *_DISPLAYS)):
            return True
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return False


def _type_of(expression: ast.expr, namespace: Mapping[str, Any]) -> type | None:
    """Return the type of what an expression makes, if it is plain to see."""
    for kind, made in _DISPLAYS.items():
        if isinstance(expression, kind):
            return made
    if not isinstance(expression, ast.Call):
        return None
    called = expression.func
    if isinstance(called, ast.Subscript):  # deque[int]()
        called = called.value
    value = named(called, namespace)
    return value if is_one_of(type(value), (type, ABCMeta)) else None
