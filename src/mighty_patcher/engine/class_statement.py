"""A class statement that is run again and keeps its class: the body is executed, and what it leaves
becomes the content of the class that the program has.

CPython makes a class in ``builtins.__build_class__``. While a module is run again,
`_core.ClassStatement` stands in for it; it hands on what is not a class of this module, has no
class yet, or has a metaclass that builds more than a class (see metaclasses.py).
"""

from __future__ import annotations

import ast
import types
from _abc import _abc_init  # type: ignore[import-not-found]
from collections.abc import Callable, Mapping
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.class_bodies import names_in_class, names_surely_in_class
from mighty_patcher.engine.classes import (
    DERIVED,
    abstract_methods,
    as_content,
    bases_of,
    bury,
    class_dict,
    classes_named,
    content_of,
    has_hook,
    is_abc,
    mro_of,
    mro_of_shape,
    qualname_of,
    shape_of,
)
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.identity import are_same, is_one_of
from mighty_patcher.engine.made_since import note_made
from mighty_patcher.engine.metaclasses import Changed, builds_a_class, metaclass_of, way_for
from mighty_patcher.engine.narrowing import CannotBeNarrowedError
from mighty_patcher.engine.out_of_sight import OutOfSight
from mighty_patcher.engine.settling import FIELDS
from mighty_patcher.engine.storage import slot_names
from mighty_patcher.errors import RefusedEdit

__all__ = ["ClassStatement", "begin"]

_WRITTEN_BY_COMPILER = DERIVED - {"__slots__", "__hash__"} | {
    "__qualname__",
    "__classcell__",
    "__classdictcell__",
    "__conditional_annotations__",
    "__annotate__",
    "__doc__",
}
Refusal = Callable[[ast.ClassDef | None, ast.ClassDef | None, Changed], str | None]
Hook = tuple[Callable[..., Any], tuple[Any, ...], Mapping[str, Any]]


def begin(
    keeper: Keeper, body: Any, name: str, bases: tuple[Any, ...], keywords: Mapping[str, Any]
) -> ClassStatement | None:
    """Decide whether a class statement keeps its class.

    Args:
        keeper: Who keeps the objects of the module that is run.
        body: The function of the statement's body.
        name: The name of the class.
        bases: Its bases, as they were evaluated.
        keywords: Its keywords, the metaclass among them.

    Returns:
        The statement, which is to be executed; None if CPython is to make a class.
    """
    statement = _begun(keeper, body, name, bases, keywords)
    keeper.defined = None
    if statement is None and body.__qualname__ in keeper.narrowed:
        raise CannotBeNarrowedError(body.__qualname__)
    return statement


def _begun(
    keeper: Keeper, body: Any, name: str, bases: tuple[Any, ...], keywords: Mapping[str, Any]
) -> ClassStatement | None:
    qualname = body.__qualname__
    olds = classes_named(keeper.before, keeper.module_name, qualname)
    number = keeper.statements[qualname]
    resolved = tuple(types.resolve_bases(bases))
    metaclass = metaclass_of(resolved, keywords.get("metaclass"))
    if (
        qualname.partition(".")[0] in keeper.overwritten
        and number >= len(olds) - 1
        and not (olds and _is_handed_on(keeper, body, olds[-1], metaclass))
    ):
        return None  # the last is that of a later statement; `class A(A):` has those before it
    keeper.statements[qualname] += 1
    if number >= len(olds) or id(olds[number]) in keeper.targets:
        return None
    old = olds[number]
    if metaclass is None or way_for(metaclass).kind == "merged":
        return None
    if way_for(metaclass).kind == "members only" and qualname not in keeper.narrowed:
        raise _cannot_be_built(qualname, "all of its statement would be executed again")
    definition = keeper.definitions[1].get(qualname)
    decorators = definition.decorator_list if definition is not None else []
    if any(builds_a_class(decorator, keeper.namespace) for decorator in decorators):
        return None
    if _is_made_by_decorator(keeper, old, qualname, metaclass):
        return None
    if any(is_one_of(old, mro_of(base)) for base in resolved):
        return None  # `class A(A):` extends the one before it
    if decorators or has_hook(old) or name in keeper.overwritten:
        keeper.show(old)
    statement = ClassStatement(keeper, old, name, resolved, bases, metaclass, keywords)
    if not statement.may_keep_values():
        keeper.held = ()  # another class is made, with values of its own
        return None if qualname in keeper.narrowed else statement
    return statement


def _is_handed_on(keeper: Keeper, body: Any, old: type, metaclass: type | None) -> bool:
    """Tell whether a class whose name a later statement binds again is the one that this statement
    has made: no other class statement of the name follows, but ``A = register(A)``, which may have
    made another one only if it has another metaclass, or slots that are not in the body.
    """
    qualname: str = body.__qualname__
    last = keeper.definitions[1].get(qualname.partition(".")[0])
    if last is None or type(old) is not metaclass:
        return False
    before = names_in_class(keeper.definitions[0].get(qualname))
    first = min([last.lineno, *(it.lineno for it in last.decorator_list)])
    lines = range(first, 1 + (last.end_lineno or 0))
    has_own_slots = "__slots__" in before or "__slots__" not in class_dict(old)
    return body.__code__.co_firstlineno in lines and has_own_slots


def _is_made_by_decorator(keeper: Keeper, old: type, qualname: str, metaclass: type) -> bool:
    """Tell whether a decorator has made the class that has the name: then the slots are its own, or
    the metaclass. It may be one of the program's that calls ``dataclass`` or ``attrs.define``.
    """
    definition = keeper.definitions[0].get(qualname)
    if definition is None or not definition.decorator_list:
        return False
    if type(old) is not metaclass:
        return True
    content = class_dict(old)
    if any(fields in content for fields in FIELDS):
        return True
    return "__slots__" in content and any(
        builds_a_class(decorator, keeper.before) for decorator in definition.decorator_list
    )


class ClassStatement:
    """One class statement on its way. `_core.ClassStatement` executes the body in `namespace`,
    calls `end`, calls the hooks that that returns, and takes `cls`.
    """

    def __init__(
        self,
        keeper: Keeper,
        old: type,
        name: str,
        bases: tuple[Any, ...],
        written: tuple[Any, ...],
        metaclass: type,
        keywords: Mapping[str, Any],
    ) -> None:
        self._narrowed = keeper.narrowed.get(qualname_of(old))
        self._held = {} if self._narrowed is None else self._narrowed.before(old)
        late = frozenset[str]() if self._narrowed is None else self._narrowed.late
        self.namespace: dict[str, Any] = {
            name: value for name, value in self._held.items() if name not in late
        }
        self.cls: type = old
        self._keeper = keeper
        self._old = old
        self._name = name
        self._bases = keeper.classes.kept_bases(old, bases)
        self._written = written
        self._metaclass = metaclass
        self._keywords = {key: value for key, value in keywords.items() if key != "metaclass"}
        self._to_bury: type | None = None
        self._out_of_sight: OutOfSight | None = None

    def may_keep_values(self) -> bool:
        """Tell whether the class can stay, for all that is known before its body is executed: else
        another has to be made, out of all of the body.
        """
        if self._is_laid_out_as_before() or not (self._narrowed or self._keeper.held):
            return True
        definition = self._keeper.definitions[1].get(qualname_of(self._old))
        namespace: dict[str, Any] = dict.fromkeys(names_in_class(definition))
        if "__slots__" in namespace:
            if "__slots__" not in class_dict(self._old):
                return False
            namespace["__slots__"] = class_dict(self._old)["__slots__"]
        try:
            shape = shape_of(self._name, self._bases, self._metaclass, namespace)
        except (TypeError, ValueError):
            return True  # which is raised again
        try:
            return _core.layout_difference(self._old, shape) is None
        finally:
            bury(shape)

    def end(self) -> list[Hook]:
        """Give the class its new content.

        Returns:
            The hooks to be called: what to call, its arguments and keywords.

        Raises:
            TypeError: There can be no such class, in CPython's words; it is as it was.
            CannotBeNarrowedError: Another class has to be made, out of all of the body.
        """
        way = way_for(self._metaclass)
        if self._narrowed is not None:
            self._narrowed.settle(self._old, self.namespace)
            if way.refusal is not None:
                self._must_be_possible(way.refusal)
        if not all(issubclass(type(base), type) for base in self._written):
            self.namespace["__orig_bases__"] = self._written
        shape = self._to_bury = self._shape()
        before, difference = content_of(self._old), None
        try:
            if shape is not None:
                bases = self._bases or (object,)
                difference = self._keeper.classes.difference(self._old, shape, bases)
            if difference is None:
                self._fill(shape)
        finally:
            self._bury_shape()
        self._keeper.defined = self._old
        if difference is None:
            return self._in_sight(before, self._hooks())
        if self._narrowed is not None:
            raise CannotBeNarrowedError(self._name)
        return self._make_another(difference)

    def recovers(self, hook: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> bool:
        """Call a hook once more, which has raised: a registry that wants no class twice has this
        one already, and when it is asked again it has not.

        Returns:
            False if it raises all the same.
        """
        is_fine = self._is_fine_once_more(hook, arguments, keywords)
        if not is_fine and self._out_of_sight is not None:
            self._out_of_sight.show()
        return is_fine

    def _is_fine_once_more(
        self, hook: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> bool:
        if getattr(hook, "__name__", None) != "__init_subclass__":
            return False
        taken = self._keeper.take_out([self._old])
        while taken is not None:
            try:
                hook(*arguments, **keywords)
            except Exception:
                taken = taken.give_back()
            else:
                taken.done()
                return True
        return False

    def _shape(self) -> type | None:
        """A class like the one to be, where its instances may be laid out in another way."""
        if self._is_laid_out_as_before() and self._has_same_slots():
            return None
        return shape_of(self._name, self._bases, self._metaclass, self.namespace)

    def _is_laid_out_as_before(self) -> bool:
        """Tell whether its bases and its metaclass are what they were."""
        same_bases = are_same(self._bases, bases_of(self._old)) or (
            not self._bases and are_same(bases_of(self._old), (object,))
        )
        return same_bases and self._metaclass is type(self._old)

    def _has_same_slots(self) -> bool:
        mine, theirs = class_dict(self._old).get("__slots__"), self.namespace.get("__slots__")
        has_slots = "__slots__" in class_dict(self._old)
        if has_slots != ("__slots__" in self.namespace):
            return False
        return bool(slot_names(mine) == slot_names(theirs))

    def _make_another(self, difference: str) -> list[Hook]:
        """The class cannot become what the statement says: the name gets one that can."""
        self._keeper.classes.refuse(self._old, as_content(self.namespace), self._bases, difference)
        namespace = dict(self.namespace)
        self.cls = self._metaclass(self._name, self._bases, namespace, **self._keywords)
        return []

    def _fill(self, shape: type | None) -> None:
        namespace, old = self.namespace, self._old
        for name, content in (("__classcell__", old), ("__classdictcell__", class_dict(old))):
            if name in namespace:
                namespace[name].cell_contents = content
        members = as_content(namespace)
        for name in self._deleted():
            members.pop(name, None)
        if is_abc(self._metaclass):
            mro = mro_of(old)[1:] if shape is None else mro_of_shape(shape)
            members["__abstractmethods__"] = abstract_methods(members, mro)
            members["_abc_impl"] = self._abc_impl(shape)
        bases = self._bases or (object,)
        self._keeper.targets.add(id(old))
        apart = frozenset[str]() if self._narrowed is None else self._narrowed.apart
        edit = self._keeper.classes.edit(old, members, bases, self._metaclass, shape, apart)
        definition = self._keeper.definitions[1].get(qualname_of(old))
        if definition is not None and definition.decorator_list:
            self._keeper.from_decorators.hide(edit, definition)
        if self._keeper.written_out is not None:
            self._keeper.written_out.follow_members(edit, content_of(old), self._keeper)
        if self._narrowed is None:
            note_made(old, self._keeper.remember)
        # To bury it is to give it other bases, for which CPython looks for some ninety special
        # methods in the whole order. Right after that, in the commit, the same is much faster.
        self._keeper.commit(just_before=self._bury_shape)

    def _bury_shape(self) -> None:
        if self._to_bury is not None:
            bury(self._to_bury)
            self._to_bury = None

    def _deleted(self) -> set[str]:
        """What the program has deleted from the class since its body bound it stays deleted, as
        what the program has set on it stays.
        """
        definition = self._keeper.definitions[0].get(qualname_of(self._old))
        return names_surely_in_class(definition).difference(class_dict(self._old))

    def _abc_impl(self, shape: type | None) -> Any:
        """What ABCMeta keeps of a class: that which it has, or what it is to have as a new ABC."""
        known = class_dict(self._old).get("_abc_impl")
        if known is None and shape is not None:
            _abc_init(shape)
            known = class_dict(shape)["_abc_impl"]
        return known

    def _hooks(self) -> list[Hook]:
        """What CPython calls when it has made a class."""
        old = self._old
        hooks: list[Hook] = []
        for name, value in self.namespace.items():
            hook = getattr(type(value), "__set_name__", None)
            is_new = self._held.get(name) is not value
            if hook is not None and is_new and class_dict(old).get(name) is value:
                hooks.append((hook, (value, old, name), {}))
        if way_for(self._metaclass).kind != "members only":
            hooks.append((super(old, old).__init_subclass__, (), self._keywords))  # type: ignore[arg-type]
        return hooks

    def _in_sight(self, before: dict[str, Any], hooks: list[Hook]) -> list[Hook]:
        """Let hooks find the class as it was when they were first called for it; where only a part
        of the body is executed, what the rest of it has led to is there.
        """
        if self._narrowed is not None:
            return hooks
        called = [(hook, arguments) for hook, arguments, _ in hooks]
        self._out_of_sight = OutOfSight(self._keeper, self._old, before, self.namespace, called)
        filled = content_of(self._old)
        return [*hooks, (self._out_of_sight.show, (), {}), (self._note_set, (filled,), {})]

    def _note_set(self, filled: Mapping[str, Any]) -> None:
        """After the hooks: note what they have set on a class that had been given its body."""
        content = content_of(self._old)
        names = [it for it, value in content.items() if filled.get(it, self) is not value]
        self._keeper.classes.retained.note_set(self._old, names)

    def _must_be_possible(self, refusal: Refusal) -> None:
        """Refuse what only the metaclass could make of the class.

        Raises:
            RefusedEdit: The reason that the table's row knows.
        """
        old, qualname = class_dict(self._old), qualname_of(self._old)
        before, after = (known.get(qualname) for known in self._keeper.definitions)
        names = {
            name
            for name in {*self.namespace, *names_in_class(before)}
            if old.get(name) is not self.namespace.get(name)
        }
        names -= _WRITTEN_BY_COMPILER
        changed = {name: (old.get(name), self.namespace.get(name)) for name in names}
        reason = refusal(before, after, changed)
        if reason is not None:
            raise _cannot_be_built(qualname, reason)


def _cannot_be_built(qualname: str, reason: str) -> RefusedEdit:
    return RefusedEdit(
        f"class {qualname} cannot be built again by its metaclass: {reason}",
        "edits of its methods and other attributes can be made; restart for this one",
    )
