"""Expressions that are followed without being executed, with `stand_ins` for objects: what they may
come to, and whether something may be done to the value.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import CellType, FunctionType
from typing import Any, Protocol, TypeAlias

from mighty_patcher.engine import handed_on, handling
from mighty_patcher.engine.stand_ins import (
    ANY,
    ANYTHING,
    BOTH,
    CLASS,
    FALSE,
    NAMESPACE,
    SLICE,
    TRUE,
    VALUE,
    Box,
    Call,
    Content,
    HandledError,
    Heap,
    Known,
    Many,
    Row,
    Text,
    known,
    one,
)
from mighty_patcher.engine.values import is_plain
from mighty_patcher.engine.wrapped import is_full

__all__ = ["Env", "Expressions", "Frame", "Written"]

Env: TypeAlias = dict[str, Content]
Written: TypeAlias = Callable[[FunctionType], "ast.FunctionDef | None"]
_MOST_STEPS = 20_000
_COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Frame:
    """A call that is followed.

    Attributes:
        function: The function.
        first: Its first argument, for ``super()``.
        returned: What it may return.
        broken: The variables where a loop may have been left, and where it may have gone on; of
            each loop around the statement.
        tried: What has been assigned in each ``try`` around it.
        cells: The variables of the functions around this one.
    """

    function: FunctionType
    first: Content = ANY
    returned: Content = frozenset()
    broken: list[tuple[list[Env], list[Env]]] = field(default_factory=list)
    tried: list[Env] = field(default_factory=list)
    cells: dict[str, CellType] = field(init=False)

    def __post_init__(self) -> None:
        names = self.function.__code__.co_freevars
        self.cells = dict(zip(names, self.function.__closure__ or (), strict=True))


class Others(Protocol):
    """Knows what functions do."""

    def has_to_be_followed(self, function: FunctionType) -> bool:
        """Tell whether a function may do something to values whose names it does not mention."""

    def may_be_called(self, name: str, function: FunctionType) -> bool:
        """Tell whether that is known, and it does not, of what a function calls by a name."""


class Expressions:
    """Evaluates what is in code that is given a class, or the namespace of which that is made.

    Args:
        cls: The class.
        name: The name of the value in it.
        value: The value, which is asked nothing but what its type is.
        written: Finds the definition of a function.
        others: Knows what functions do that are not followed.

    Attributes:
        functions: Those that are being followed, each called by the one before it.
        heap: What is in the boxes.
        followed: The functions that have been followed, by identity.
    """

    def __init__(
        self,
        cls: type,
        name: str,
        value: Any,
        written: Written,
        others: Others,
    ) -> None:
        self.cls = cls
        self.value = value
        self.heap = Heap(name)
        self.followed: dict[int, FunctionType] = {}
        self.others = others
        self.written = written
        self.functions: list[FunctionType] = []
        self._places: list[int] = []
        self._steps = 0

    def holds(self, *contents: Content) -> bool:
        """Tell whether something is the value, or leads to it."""
        return any(map(self.heap.holds, contents))

    def keep_out(self, *contents: Content) -> None:
        """Have nothing lead to the value.

        Raises:
            HandledError: Something does.
        """
        if self.holds(*contents):
            raise HandledError

    def truth(self, content: Content) -> Content:
        """Return what ``bool()`` may return."""
        found: Content = frozenset()
        for it in content or ANY:
            if type(it) is Known and is_plain(it.value):
                found |= TRUE if it.value else FALSE
            elif it is CLASS or (type(it) is Known and type(it.value) is FunctionType):
                found |= TRUE
            else:
                if it is VALUE and not handling.is_builtin(type(self.value)):
                    raise HandledError
                found |= BOTH
        return found

    def call(
        self, function: FunctionType, arguments: list[Content], keywords: dict[str, Content]
    ) -> Content:
        """Follow a call of a function: see `followed.Following`."""
        raise NotImplementedError

    def assign(self, target: ast.expr, value: Content, env: Env, frame: Frame) -> None:
        """Follow an assignment to something, of which the variables are changed."""
        match target:
            case ast.Name():
                env[target.id] = value
                for assigned in frame.tried:
                    assigned[target.id] = assigned.get(target.id, frozenset()) | value
            case ast.Tuple() | ast.List():
                parts = self._unpacked(value, target.elts)
                for part, content in zip(target.elts, parts, strict=True):
                    self.assign(part, content, env, frame)
            case ast.Attribute():
                owner = self.evaluate(target.value, env, frame)
                self.keep_out(value, owner)
                if target.attr == self.heap.key and (CLASS in owner or ANYTHING in owner):
                    raise HandledError
            case ast.Subscript():
                holder = self.evaluate(target.value, env, frame)
                index = self.evaluate(target.slice, env, frame)
                for it in holder:
                    handling.set_item(self, it, index, value)
            case ast.Starred():
                self.assign(target.value, one(Many(value)), env, frame)
            case _:
                raise HandledError

    def _unpacked(self, value: Content, targets: list[ast.expr]) -> list[Content]:
        found: list[Content] = [frozenset()] * len(targets)
        for it in value:
            if type(it) is Row and len(it.items) == len(targets):
                items = list(it.items)
            else:
                items = [self.items(one(it))] * len(targets)
            found = [had | item for had, item in zip(found, items, strict=True)]
        return found

    def delete(self, target: ast.expr, env: Env, frame: Frame) -> None:
        """Follow the deletion of something."""
        if isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, env, frame)
            index = self.evaluate(target.slice, env, frame)
            for it in owner:
                if it is VALUE or (self.holds(one(it)) and self._may_be_key(index)):
                    raise HandledError
        elif isinstance(target, ast.Attribute):
            self.keep_out(
                handling.attributes(self, self.evaluate(target.value, env, frame), target.attr)
            )
        elif not isinstance(target, ast.Name):
            raise HandledError

    def _may_be_key(self, index: Content) -> bool:
        return any(True in self.heap.may_be_key(it) for it in index)

    def has_to_be_followed(self, function: FunctionType) -> bool:
        """Tell whether a function may do something to the value though it does not mention it."""
        return self.others.has_to_be_followed(function)

    def call_unknown(self, name: str) -> None:
        """Follow a call of an attribute of something unknown.

        Raises:
            HandledError: It may do something to the value.
        """
        if not self.functions or not self.others.may_be_called(name, self.functions[-1]):
            raise HandledError

    def look_at_inner(self, it: ast.FunctionDef | ast.Lambda, env: Env, frame: Frame) -> None:
        """Look at a function in a function: it may be called at any time."""
        for node in ast.walk(it):
            name = getattr(node, "id", getattr(node, "attr", None))
            if name in handling.COMES_TO_ALL or name == self.heap.key:
                raise HandledError
            if isinstance(node, ast.Name):
                found = env[node.id] if node.id in env else self._found(node.id, frame)
                self.keep_out(found)
                handed_on.keep_calls_out(self, found)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                self.call_unknown(node.func.attr)

    def evaluate(self, it: ast.expr, env: Env, frame: Frame) -> Content:
        """Follow an expression; return what it may be."""
        self.step()
        match it:
            case ast.Constant():
                return known(it.value)
            case ast.Name():
                return env[it.id] if it.id in env else self._found(it.id, frame)
            case ast.Attribute():
                owner = self.evaluate(it.value, env, frame)
                return self._with_class(handling.attributes(self, owner, it.attr))
            case ast.Call():
                return self._call(it, env, frame)
            case ast.Subscript():
                owner = self.evaluate(it.value, env, frame)
                index = self.evaluate(it.slice, env, frame)
                return self._union(handling.item(self, one, index) for one in owner)
            case ast.Slice():
                for part in (it.lower, it.upper, it.step):
                    if part is not None:
                        self.keep_out(self.evaluate(part, env, frame))
                return one(SLICE)
            case ast.BoolOp():
                return self._bool(it, env, frame)
            case ast.UnaryOp(op=ast.Not()):
                truth = self.truth(self.evaluate(it.operand, env, frame))
                return self._union(FALSE if value == Known(True) else TRUE for value in truth)
            case ast.Compare():
                return self._compare(it, env, frame)
            case ast.IfExp():
                truth = self.truth(self.evaluate(it.test, env, frame))
                ways = [(TRUE, it.body), (FALSE, it.orelse)]
                return self._union(
                    self.evaluate(way, env, frame) for which, way in ways if which <= truth
                )
            case ast.NamedExpr():
                value = self.evaluate(it.value, env, frame)
                self.keep_out(value)
                before = env.get(it.target.id, frozenset())
                self.assign(it.target, before | value, env, frame)
                return value
            case ast.Tuple() if not any(isinstance(e, ast.Starred) for e in it.elts):
                return one(Row(tuple(self.evaluate(e, env, frame) for e in it.elts)))
            case ast.List() | ast.Tuple() | ast.Set():
                return self._list(it, env, frame)
            case ast.Dict():
                return self._dict(it, env, frame)
            case ast.JoinedStr():
                return self._text(it, env, frame)
            case ast.BinOp():
                return self.binary(it.op, it.left, it.right, env, frame, it)
            case ast.Lambda():
                self.look_at_inner(it, env, frame)
                return ANY
            case _ if isinstance(it, _COMPREHENSION):
                return self._comprehension(it, env, frame)
        for child in ast.iter_child_nodes(it):
            if isinstance(child, ast.expr):
                self.keep_out(self.evaluate(child, env, frame))
        if isinstance(it, ast.UnaryOp | ast.FormattedValue):
            return ANY
        raise HandledError

    def items(self, content: Content) -> Content:
        """Return what comes out where something is iterated over."""
        return self._union(handling.items(self, it) for it in content)

    def _found(self, name: str, frame: Frame) -> Content:
        """Return what a name stands for that is no variable of the function."""
        cell = frame.cells.get(name)
        if cell is not None:
            return self._with_class(handling.steady(cell.cell_contents) if is_full(cell) else ANY)
        namespace = frame.function.__globals__
        value = namespace.get(name, vars(builtins).get(name))
        return self._with_class(handling.steady(value))

    def _with_class(self, content: Content) -> Content:
        """Return what may be the class: by its name there is the one that was made."""
        it = Known(self.cls)
        return (content - {it}) | one(CLASS) if it in content else content

    def _call(self, it: ast.Call, env: Env, frame: Frame) -> Content:
        if isinstance(it.func, ast.Name) and it.func.id == "super":
            cell = frame.cells.get("__class__")
            if it.args:
                start = self.evaluate(it.args[0], env, frame)
                first = self.evaluate(it.args[1], env, frame) if len(it.args) > 1 else ANY
            else:
                start = known(cell.cell_contents) if cell is not None and is_full(cell) else ANY
                first = frame.first
            return handling.super_of(self, start, first)
        owner: Content = ANY
        if isinstance(it.func, ast.Attribute):
            owner = self.evaluate(it.func.value, env, frame)
        arguments = self._arguments(it.args, env, frame)
        keywords = {
            keyword.arg or "**": self.evaluate(keyword.value, env, frame) for keyword in it.keywords
        }
        self.keep_out(keywords.get("**", ANY))
        has_name = isinstance(it.func, ast.Name) and it.func.id not in env
        call = Call(arguments, keywords, self.place(it), has_name)
        functions = ANY
        if not isinstance(it.func, ast.Attribute):
            functions = self.evaluate(it.func, env, frame)
        self._places.append(id(it))
        try:
            if isinstance(it.func, ast.Attribute):
                name = it.func.attr
                return self._union(handed_on.method_called(self, of, name, call) for of in owner)
            return self._union(handed_on.called(self, function, call) for function in functions)
        finally:
            self._places.pop()

    def _arguments(self, expressions: list[ast.expr], env: Env, frame: Frame) -> list[Content]:
        found: list[Content] = []
        is_unknown = False
        for it in expressions:
            if not isinstance(it, ast.Starred):
                found.append(self.evaluate(it, env, frame))
                continue
            value = self.evaluate(it.value, env, frame)
            rows = [row for row in value if type(row) is Row]
            if len(rows) == len(value) == 1:
                found += rows[0].items
            else:
                found.append(ANY)
                is_unknown = True
                self.keep_out(value)
        if is_unknown:  # nobody knows which of them is which
            self.keep_out(*found)
        return found

    def _bool(self, it: ast.BoolOp, env: Env, frame: Frame) -> Content:
        goes_on = TRUE if isinstance(it.op, ast.And) else FALSE
        found: Content = frozenset()
        for index, part in enumerate(it.values):
            value = self.evaluate(part, env, frame)
            is_last = index == len(it.values) - 1
            truth = self.truth(value) if not is_last else frozenset()
            found |= frozenset(
                one_of for one_of in value if is_last or not self.truth(one(one_of)) <= goes_on
            )
            if not is_last and not goes_on <= truth:
                break
        return found

    def _compare(self, it: ast.Compare, env: Env, frame: Frame) -> Content:
        values = [self.evaluate(part, env, frame) for part in (it.left, *it.comparators)]
        if len(values) > 2:
            self.keep_out(*values)
            return BOTH
        return handling.compared(self, it.ops[0], *values)

    def _list(self, it: ast.List | ast.Tuple | ast.Set, env: Env, frame: Frame) -> Content:
        box = Box(self.place(it), has_keys=False)
        for part in it.elts:
            if isinstance(part, ast.Starred):
                value = self.items(self.evaluate(part.value, env, frame))
            else:
                value = self.evaluate(part, env, frame)
            if isinstance(it, ast.Set):
                self.keep_out(value)  # it would be hashed
            self.heap.put(box, None, value)
        return one(box)

    def _dict(self, it: ast.Dict, env: Env, frame: Frame) -> Content:
        box = Box(self.place(it), has_keys=True)
        for key, part in zip(it.keys, it.values, strict=True):
            value = self.evaluate(part, env, frame)
            if key is None:
                handling.update(self, box, value)
            else:
                handling.set_item(self, box, self.evaluate(key, env, frame), value)
        return one(box)

    def _comprehension(self, it: Any, env: Env, frame: Frame) -> Content:
        box = Box(self.place(it), has_keys=isinstance(it, ast.DictComp))
        self._go(it, it.generators, box, env, frame)
        return one(box)

    def _go(
        self, it: Any, generators: list[ast.comprehension], box: Box, env: Env, frame: Frame
    ) -> None:
        """Put into a box what a comprehension makes."""
        if not generators:
            if isinstance(it, ast.DictComp):
                key = self.evaluate(it.key, env, frame)
                handling.set_item(self, box, key, self.evaluate(it.value, env, frame))
                return
            value = self.evaluate(it.elt, env, frame)
            if isinstance(it, ast.SetComp):
                self.keep_out(value)  # it would be hashed
            self.heap.put(box, None, value)
            return
        for item in self.items(self.evaluate(generators[0].iter, env, frame)):
            inner = dict(env)
            self.assign(generators[0].target, one(item), inner, frame)
            tests = generators[0].ifs
            if all(self.truth(self.evaluate(test, inner, frame)) >= TRUE for test in tests):
                self._go(it, generators[1:], box, inner, frame)

    def _text(self, it: ast.JoinedStr, env: Env, frame: Frame) -> Content:
        parts: list[str | None] = []
        for part in it.values:
            if isinstance(part, ast.Constant):
                parts.append(str(part.value))
                continue
            assert isinstance(part, ast.FormattedValue)
            value = self.evaluate(part.value, env, frame)
            self.keep_out(value)
            texts = [v.value for v in value if type(v) is Known and type(v.value) is str]
            is_sure = len(texts) == len(value) == 1
            is_sure = is_sure and part.conversion == -1 and part.format_spec is None
            parts.append(texts[0] if is_sure else None)
        return one(handling.text_of(parts))

    def binary(
        self,
        operator: ast.operator,
        left: ast.expr,
        right: ast.expr,
        env: Env,
        frame: Frame,
        it: ast.AST,
    ) -> Content:
        """Follow an operator with two sides."""
        sides = [self.evaluate(part, env, frame) for part in (left, right)]
        if isinstance(operator, ast.Add):
            if self.holds(*sides):
                if any(one_of is VALUE or one_of is NAMESPACE for side in sides for one_of in side):
                    raise HandledError
                box = Box(self.place(it), has_keys=False)
                for side in sides:
                    self.heap.put(box, None, self.items(side))
                return one(box)
            parts = [_text_in(side) for side in sides]
            if any(parts):
                return one(handling.text_of(parts))
        self.keep_out(*sides)
        pattern = _text_in(sides[0])
        if isinstance(operator, ast.Mod) and pattern is not None and pattern.count("%") == 1:
            start, _, end = pattern.partition("%")
            return one(Text(start, end[1:] if end[:1] == "s" else ""))
        return ANY

    def _union(self, contents: Iterable[Content]) -> Content:
        return frozenset[Any]().union(*contents)

    def place(self, it: ast.AST) -> tuple[int, ...]:
        """Return where something is made, and where that is called."""
        return id(it), *self._places

    def step(self) -> None:
        """Count; there is an end to what is followed."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise HandledError


def _text_in(content: Content) -> str | None:
    texts = [it.value for it in content if type(it) is Known and type(it.value) is str]
    return texts[0] if len(texts) == len(content) == 1 else None
