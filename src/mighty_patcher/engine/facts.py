"""What executing a statement does to the namespace of its module: what it reads, binds, deletes,
and changes in place.

Pure: only syntax trees are looked at. What a function reads or binds when it is called, ``exec``
and ``globals()`` are not seen; but for a text that is formatted with all names (`formatted`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace

from mighty_patcher.engine.formatted import formatted
from mighty_patcher.engine.parameters import GIVEN, LEADS_ON, PARAMETERS
from mighty_patcher.engine.scopes import Names
from mighty_patcher.engine.toplevel import is_never_run

__all__ = [
    "LAZY",
    "TYPE_CHECKING",
    "Facts",
    "Stars",
    "attribute_reads",
    "binds",
    "deletes",
    "ends",
    "facts",
    "header_facts",
    "mutates",
    "reads",
]

LAZY = sys.version_info >= (3, 14)
"""Annotations are evaluated when somebody asks for them (PEP 649)."""
TYPE_CHECKING = frozenset({"TYPE_CHECKING"})
_MUTATORS = {
    *("add", "append", "appendleft", "clear", "difference_update", "discard", "extend"),
    *("extendleft", "insert", "intersection_update", "move_to_end", "pop", "popitem", "popleft"),
    *("remove", "reverse", "rotate", "setdefault", "sort", "symmetric_difference_update", "update"),
}
"""Methods of the containers of the standard library that change them."""
_GO_THROUGH = {
    *("all", "any", "dict", "enumerate", "filter", "frozenset", "iter", "len", "list", "map"),
    *("max", "min", "reversed", "set", "sorted", "sum", "tuple", "zip"),
}
"""Builtins that go through what they are given."""
_ASK_FOR_THE_CLASS = {
    *("NewType", "ParamSpec", "TypeVar", "TypeVarTuple", "cast", "id", "isinstance", "issubclass"),
    *("partial", "repr", "type"),
}
"""What is given a class makes the same of it, whatever the class has in it."""

_WARNED_OF = re.compile(r"[\\'\"]|\d[^\W\d]")
"""What no annotation has, and the parser may warn of: ``\\d``, ``1if``."""

Stars = Callable[[ast.stmt], Collection[str]]
"""Finds the names that ``from m import *`` brings."""


@dataclass(frozen=True)
class Facts:
    """What executing a statement does to the namespace of its module.

    Attributes:
        reads: Names that it reads, but for those that it has bound itself by then.
        attributes: Attributes of such names: ``("config", "X")``, ``("pkg.config", "X")``. An empty
            one says that it goes through all that there is: ``("Colour", "")`` for
            ``for it in Colour``, for ``Colour["RED"]``, and for ``CHOICE = Choice(Colour)``.
            `PARAMETERS` says that it gives it to who may ask for these: ``Depends(f)``; `LEADS_ON`,
            that it has a type in it; `GIVEN`, that it does what is not done again for it.
        binds: Names that it binds or deletes; ``*`` for a star import.
        sure: Those that it binds or deletes whatever happens.
        deletes: Names that it deletes.
        mutated: Objects that it changes in place, as a name and an attribute, which is empty where
            it is the named object itself: ``("app", "config")`` for ``app.config["A"] = 1``,
            ``("a.b", "c")`` for ``a.b.c.clear()``.
        augmented: Names of augmented assignments.
        calls: Names that it calls, or decorates with.
        annotations: Names that annotations of functions and of attributes read when somebody asks
            for these, as a decorator or a metaclass may: those that are not evaluated at once.
        sets: Keys and attributes that it sets or deletes: ``table['a']``.
        goes_through_names: It goes through all names of the module: ``for name in dir()``.
        statement: The statement; None for a header.
    """

    reads: frozenset[str]
    attributes: frozenset[tuple[str, str]]
    binds: frozenset[str]
    sure: frozenset[str]
    deletes: frozenset[str]
    mutated: frozenset[tuple[str, str]]
    augmented: frozenset[str]
    calls: frozenset[str]
    annotations: frozenset[str]
    sets: frozenset[str]
    goes_through_names: bool
    statement: ast.stmt | None = None


def facts(
    statement: ast.stmt,
    *,
    lazy_annotations: bool = LAZY,
    type_checking: frozenset[str] = TYPE_CHECKING,
    stars: Stars | None = None,
) -> Facts:
    """Find out what executing a statement at the top of a module does, bodies of functions aside.

    Args:
        statement: The statement.
        lazy_annotations: Annotations are not evaluated: Python 3.14, or
            ``from __future__ import annotations``.
        type_checking: The names of ``typing.TYPE_CHECKING``, whose blocks are not executed.
        stars: Finds the names that an import of everything brings.
    """
    walker = _Walker(lazy_annotations, type_checking, stars)
    walker.statement(statement)
    return walker.facts(statement)


def header_facts(
    statement: ast.stmt,
    *,
    lazy_annotations: bool = LAZY,
    type_checking: frozenset[str] = TYPE_CHECKING,
) -> Facts:
    """Find out what the header of a class or block does.

    Args:
        statement: The class or block.
        lazy_annotations: As for `facts`.
        type_checking: As for `facts`.
    """
    match statement:
        case ast.ClassDef():
            parts: list[ast.AST] = [
                *statement.decorator_list,
                *statement.bases,
                *statement.keywords,
            ]
        case ast.If(test=test) | ast.While(test=test):
            parts = [test]
        case ast.For() | ast.AsyncFor():
            parts = [statement.iter, statement.target]
        case ast.With() | ast.AsyncWith():
            parts = list(statement.items)
        case ast.Match():
            parts = [statement.subject]
            for case in statement.cases:
                parts += [case.pattern] if case.guard is None else [case.pattern, case.guard]
        case ast.Try() | ast.TryStar():
            parts = [it.type for it in statement.handlers if it.type is not None]
        case _:
            parts = []
    walker = _Walker(lazy_annotations, type_checking)
    if isinstance(statement, ast.For | ast.AsyncFor):
        walker.go_through(statement.iter)
    walker.header(parts)
    found = walker.facts()
    if isinstance(statement, ast.ClassDef):
        found = replace(found, binds=found.binds | {statement.name})
    return found


def ends(body: Sequence[ast.stmt], *, type_checking: frozenset[str] = TYPE_CHECKING) -> bool:
    """Tell whether a body may come to its end, instead of raising something.

    Args:
        body: Statements.
        type_checking: As for `facts`.
    """
    return _Walker(LAZY, type_checking).block(body)


def reads(statement: ast.stmt, *, lazy_annotations: bool = LAZY) -> frozenset[str]:
    """Return the names of the module, or builtins, that executing a statement reads."""
    return facts(statement, lazy_annotations=lazy_annotations).reads


def attribute_reads(
    statement: ast.stmt, *, lazy_annotations: bool = LAZY
) -> frozenset[tuple[str, str]]:
    """Return the attributes of names that it reads: ``("config", "X")`` for ``config.X``."""
    return facts(statement, lazy_annotations=lazy_annotations).attributes


def binds(statement: ast.stmt) -> frozenset[str]:
    """Return the names of the module that executing a statement may bind or delete."""
    return facts(statement).binds


def deletes(statement: ast.stmt) -> frozenset[str]:
    """Return the names of the module that executing a statement may delete."""
    return facts(statement).deletes


def mutates(statement: ast.stmt) -> frozenset[str]:
    """Return the names whose objects a statement visibly changes in place."""
    found = facts(statement)
    return frozenset(name.partition(".")[0] for name, _ in found.mutated) | found.augmented


# --- what a statement does ------------------------------------------------------------------------


class _Walker:
    """Goes through a statement in the order in which it is executed."""

    def __init__(
        self, lazy_annotations: bool, type_checking: frozenset[str], stars: Stars | None = None
    ) -> None:
        self._lazy = lazy_annotations
        self._stars = stars
        self._type_checking = type_checking
        self._names = Names()
        self._binds_value = False

    def facts(self, statement: ast.stmt | None = None) -> Facts:
        names = self._names
        return Facts(
            frozenset(names.reads),
            frozenset(names.attributes),
            frozenset(names.binds),
            frozenset(names.sure),
            frozenset(names.deletes),
            frozenset(names.mutated),
            frozenset(names.augmented),
            frozenset(names.calls),
            frozenset(names.annotations),
            frozenset(names.sets),
            names.goes_through_names,
            statement,
        )

    def go_through(self, owner: ast.expr) -> None:
        self._names.go_through(owner)

    def header(self, parts: Sequence[ast.AST]) -> None:
        for part in parts:
            if isinstance(part, ast.withitem):
                self._visit(part.context_expr)
                if part.optional_vars is not None:
                    self._target(part.optional_vars)
            elif isinstance(part, ast.pattern):
                self._pattern(part)
            elif isinstance(getattr(part, "ctx", None), ast.Store) and isinstance(part, ast.expr):
                self._target(part)
            else:
                self._visit(part)

    # ---- expressions

    def _perhaps(self, *expressions: ast.AST | None) -> None:
        with self._names.perhaps():
            for expression in expressions:
                self._visit(expression)

    def _decorated(self, decorators: Sequence[ast.expr]) -> None:
        self._visit(*decorators)
        for decorator in decorators:
            if isinstance(decorator, ast.Call):
                self._handed(*_given_to(decorator))
            if isinstance(decorator, ast.Name):
                self._names.call(decorator.id)

    def _visit(self, *nodes: ast.AST | None) -> None:
        # With a stack of our own: a sum of a thousand strings is a thousand levels deep.
        stack: list[ast.AST | None] = list(reversed(nodes))
        while stack:
            node = stack.pop()
            for name in formatted(node).names if isinstance(node, (ast.BinOp, ast.Call)) else ():
                self._names.read(name)
            match node:
                case None | ast.Constant():
                    pass
                case ast.Name(id=name):
                    self._names.read(name)
                case ast.Attribute(value=value):
                    self._names.read_attribute(value, node.attr)
                    stack.append(value)
                case ast.Lambda(args=arguments):
                    self._defaults(arguments)
                case ast.NamedExpr(target=ast.Name(id=name), value=value):
                    self._visit(value)
                    self._names.bind(name)
                case ast.BoolOp(values=[first, *others]):
                    self._visit(first)
                    self._perhaps(*others)
                case ast.IfExp():
                    self._visit(node.test)
                    self._perhaps(node.body)
                    self._perhaps(node.orelse)
                case ast.ListComp(elt=element) | ast.SetComp(elt=element):
                    self._comprehension(node.generators, element)
                case ast.GeneratorExp(elt=element):
                    self._comprehension(node.generators, element)
                case ast.DictComp():
                    self._comprehension(node.generators, node.key, node.value)
                case ast.Call(
                    func=ast.Name(id="getattr" | "hasattr"),
                    args=[value, ast.Constant(value=str(attr)), *_],
                ):
                    self._names.read_attribute(value, attr)
                    stack += reversed(list(ast.iter_child_nodes(node)))
                case ast.Call(func=ast.Attribute(value=value, attr=attr)):
                    if attr in _MUTATORS:
                        self._names.mutate(value)
                    self._arguments(node, attr, attr in ("fromkeys", "join"))
                    stack += reversed(list(ast.iter_child_nodes(node)))
                case ast.Starred(value=value):
                    self._names.iterate(value)
                    stack.append(value)
                case ast.Subscript(value=value, ctx=ast.Load()):
                    self._names.go_through(value)
                    stack += reversed(list(ast.iter_child_nodes(node)))
                case ast.Call(func=ast.Name(id=name)):
                    self._arguments(node, name, name in _GO_THROUGH)
                    self._names.call(name)
                    stack += reversed(list(ast.iter_child_nodes(node)))
                case _:
                    stack += reversed(list(ast.iter_child_nodes(node)))

    def _arguments(self, call: ast.Call, name: str, goes_through: bool) -> None:
        """Note what a call may go through: where its result is bound, all that it is given."""
        is_unknown = self._binds_value and name not in _ASK_FOR_THE_CLASS
        note = self._names.iterate if goes_through else self._names.go_through
        for argument in call.args if goes_through or is_unknown else ():
            note(argument)
        for keyword in call.keywords if is_unknown else ():
            self._names.go_through(keyword.value)

    def _comprehension(self, generators: list[ast.comprehension], *elements: ast.AST) -> None:
        self._names.iterate(generators[0].iter)
        self._visit(generators[0].iter)
        own = {
            node.id
            for generator in generators
            for node in ast.walk(generator.target)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        with self._names.perhaps(), self._names.inside("comprehension", own):
            for at, generator in enumerate(generators):
                if at:
                    self._names.iterate(generator.iter)
                    self._visit(generator.iter)
                self._target(generator.target)
                self._visit(*generator.ifs)
            self._visit(*elements)

    def _handed(self, *expressions: ast.expr | None) -> None:
        """Note what calls in expressions are given: they may ask for its parameters. So may who
        reads ``Annotated[C, Depends()]``.
        """
        for node in (node for it in expressions if it is not None for node in ast.walk(it)):
            match node:
                case ast.Call():
                    for argument in _given_to(node):
                        self._names.read_attribute(argument, PARAMETERS)
                case ast.Subscript(slice=ast.Tuple(elts=[first, *others])):
                    if any(isinstance(it, ast.Call) and not it.args for it in others):
                        self._names.read_attribute(first, PARAMETERS)

    def _given(self, value: ast.expr | None) -> None:
        """Note what a statement of the module hands on to calls within a call."""
        calls = [] if value is None or not self._names.is_in_module else _calls_in(value)
        for inner in (inner for call in calls for it in _given_to(call) for inner in _calls_in(it)):
            for argument in _given_to(inner):
                self._names.read_attribute(argument, GIVEN)

    def _led_on(self, *expressions: ast.expr | None) -> None:
        """Note what types lead to: what calls in them are given, and what other types are for."""
        self._handed(*expressions)
        for node in (node for it in expressions if it is not None for node in ast.walk(it)):
            if isinstance(node, ast.Name | ast.Attribute):
                self._names.read_attribute(node, LEADS_ON)

    def _defaults(self, arguments: ast.arguments) -> None:
        self._visit(*arguments.defaults, *arguments.kw_defaults)

    def _bound_value(self, value: ast.expr | None) -> None:
        # In a class it may be a column of a table: a model is not made again for it.
        self._binds_value = self._names.is_in_module
        self._visit(value)
        self._given(value)
        if isinstance(value, ast.Subscript):  # Annotated[int, Depends(f)]
            self._led_on(value)
        self._binds_value = False

    def _target(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._names.bind(name)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for one in targets:
                    self._target(one)
            case ast.Starred(value=value):
                self._target(value)
            case ast.Attribute(value=value):
                self._visit(value)
                self._names.set_place(target)
            case ast.Subscript(value=value):
                self._visit(value, target.slice)
                self._names.set_place(target)

    def _annotation(self, *annotations: ast.expr | None) -> None:
        if not self._lazy:
            self._visit(*annotations)
        for it in filter(None, annotations):
            written = list(_written_as_strings(it))
            self._led_on(it, *written)
            for annotation in [it, *written] if self._lazy else written:
                self._names.annotate(annotation)

    def _pattern(self, pattern: ast.pattern) -> None:
        for node in ast.iter_child_nodes(pattern):
            if isinstance(node, ast.pattern):
                self._pattern(node)
            else:
                self._visit(node)
        name = getattr(pattern, "rest" if isinstance(pattern, ast.MatchMapping) else "name", None)
        if isinstance(name, str):
            self._names.bind(name)

    # ---- statements; each tells whether it may come to an end

    def block(self, body: Sequence[ast.stmt]) -> bool:
        ends = True
        for statement in body:
            ends = self.statement(statement) and ends
        return ends

    def statement(self, node: ast.stmt) -> bool:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node)
            case ast.ClassDef():
                self._class(node)
            case ast.Assign():
                self._bound_value(node.value)
                for target in node.targets:
                    self._target(target)
            case ast.AugAssign():
                self._augmented_assignment(node)
            case ast.AnnAssign():
                self._annotated_assignment(node)
            case ast.Delete():
                for target in node.targets:
                    self._deleted(target)
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    is_whole = isinstance(node, ast.Import)
                    first = alias.name.partition(".")[0] if is_whole else alias.name
                    self._names.bind(alias.asname or first)
                    if first == "*" and self._stars is not None:
                        for brought in self._stars(node):
                            self._names.bind(brought)
            case ast.Global(names=names):
                self._names.declare_global(names)
            case ast.If():
                return self._if(node)
            case ast.For() | ast.AsyncFor():
                self._names.go_through(node.iter)
                self._visit(node.iter)
                self._target(node.target)
                self._names.one_of([lambda: self.block(node.body), lambda: True])
                self._names.one_of([lambda: self.block(node.orelse), lambda: True])
            case ast.While():
                self._visit(node.test)
                self._names.one_of([lambda: self.block(node.body), lambda: True])
                self._names.one_of([lambda: self.block(node.orelse), lambda: True])
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    self._visit(item.context_expr)
                    if item.optional_vars is not None:
                        self._target(item.optional_vars)
                return self.block(node.body)
            case ast.Try() | ast.TryStar():
                return self._try(node)
            case ast.Match():
                return self._match(node)
            case ast.Raise():
                self._visit(node.exc, node.cause)
                return False
            case ast.Break() | ast.Continue():
                return False
            case ast.Assert():
                self._visit(node.test)
                self._perhaps(node.msg)
            case ast.Expr():
                self._visit(node.value)
                self._given(node.value)
            case _:
                name = getattr(node, "name", None)  # type X = ..., which is evaluated when asked
                if isinstance(name, ast.Name):
                    self._led_on(getattr(node, "value", None))
                    self._names.bind(name.id)
        return True

    def _with_type_params(self, node: ast.AST) -> AbstractContextManager[None]:
        params = getattr(node, "type_params", ())
        if not params:
            return nullcontext()
        return self._names.inside("annotation", {param.name for param in params})

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self._decorated(node.decorator_list)
        self._defaults(node.args)
        self._handed(*node.args.defaults, *node.args.kw_defaults)
        arguments = node.args
        of_position = [*arguments.posonlyargs, *arguments.args]
        of_position = of_position[len(of_position) - len(arguments.defaults) :]
        pairs = [
            *zip(of_position, arguments.defaults, strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            is_call = isinstance(default, ast.Call) and not default.args
            if is_call and argument.annotation is not None:  # page: Page = Depends()
                self._names.read_attribute(argument.annotation, PARAMETERS)
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [it for it in (arguments.vararg, arguments.kwarg) if it is not None]
        with self._with_type_params(node):
            self._annotation(*(argument.annotation for argument in every), node.returns)
        self._names.bind(node.name)

    def _class(self, node: ast.ClassDef) -> None:
        self._decorated(node.decorator_list)
        with self._with_type_params(node):
            self._visit(*node.bases, *node.keywords)
            with self._names.inside("class"):
                self.block(node.body)
        self._names.bind(node.name)

    def _augmented_assignment(self, node: ast.AugAssign) -> None:
        target = node.target
        if isinstance(target, ast.Name):
            self._names.read(target.id)
            self._visit(node.value)
            self._names.bind(target.id)
            self._names.augment(target.id)
        else:
            self._target(target)
            self._visit(node.value)
            if isinstance(target, ast.Attribute):
                self._visit(target)

    def _annotated_assignment(self, node: ast.AnnAssign) -> None:
        self._bound_value(node.value)
        if node.value is not None:
            self._target(node.target)
        elif isinstance(node.target, ast.Attribute | ast.Subscript):
            self._visit(*ast.iter_child_nodes(node.target))
        self._annotation(node.annotation)

    def _deleted(self, target: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._names.delete(name)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for one in targets:
                    self._deleted(one)
            case _:
                self._target(target)

    def _if(self, node: ast.If) -> bool:
        self._visit(node.test)
        if is_never_run(node, self._type_checking):
            return self.block(node.orelse)
        return self._names.one_of([lambda: self.block(node.body), lambda: self.block(node.orelse)])

    def _try(self, node: ast.Try | ast.TryStar) -> bool:
        def handled(handler: ast.ExceptHandler) -> bool:
            self._visit(handler.type)
            if handler.name is not None:
                self._names.bind(handler.name)
            ends = self.block(handler.body)
            if handler.name is not None:
                self._names.deletes.add(handler.name)
            return ends

        ways: list[Callable[[], bool]] = [lambda: self.block([*node.body, *node.orelse])]
        for handler in node.handlers:
            ways.append(lambda handler=handler: handled(handler))  # type: ignore[misc]
        ends = self._names.one_of(ways)
        return self.block(node.finalbody) and ends

    def _match(self, node: ast.Match) -> bool:
        def matched(case: ast.match_case) -> bool:
            self._pattern(case.pattern)
            self._visit(case.guard)
            return self.block(case.body)

        self._visit(node.subject)
        ways: list[Callable[[], bool]] = [
            lambda case=case: matched(case)  # type: ignore[misc]
            for case in node.cases
        ]
        last = node.cases[-1]
        is_any = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
        if not is_any or last.guard is not None:
            ways.append(lambda: True)
        return self._names.one_of(ways)


def _written_as_strings(annotation: ast.expr) -> Iterator[ast.expr]:
    """Yield the expressions that an annotation has in strings: ``"list[Limit]"``."""
    waiting: list[ast.AST] = [annotation]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not _WARNED_OF.search(node.value):
                with suppress(SyntaxError, ValueError):
                    yield ast.parse(node.value.strip(), mode="eval").body
        elif not isinstance(node, ast.Call):  # what that is given is no annotation
            waiting += ast.iter_child_nodes(node)


def _calls_in(expression: ast.expr) -> list[ast.Call]:
    return [node for node in ast.walk(expression) if isinstance(node, ast.Call)]


def _given_to(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(it.value for it in call.keywords)]
