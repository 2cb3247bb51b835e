"""Which attributes of a class those may have had to do with that were called when it was made: its
decorators, the hooks of its bases, its metaclass, and the ``__set_name__`` of what it holds.

Nothing is executed. What the code of a function mentions, by name or in a string, it may have
touched; and so may the functions that it mentions, those of the objects that it mentions, and so
on. Code that comes to attributes whose names are not written in it, as all of a metaclass does that
is given the namespace of the body, is followed for each value: see `followed`. Where that leads
nowhere, or something is called that cannot be found, everything may have been touched.
"""

from __future__ import annotations

import ast
import builtins
import sys
from abc import ABCMeta
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, partial
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from mighty_patcher.engine.as_written import as_written
from mighty_patcher.engine.classes import class_dict, is_class, mro_of, stored
from mighty_patcher.engine.expressions import Written
from mighty_patcher.engine.followed import Following
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.making import make
from mighty_patcher.engine.metaclasses import (
    BUILDING_DECORATORS,
    IN_PLACE,
    MERGED,
    named,
    way_for,
)
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.plain_code import called_in, codes_of, is_plain_to_see, strings_in
from mighty_patcher.engine.stand_ins import HandledError
from mighty_patcher.engine.values import is_plain
from mighty_patcher.engine.wrapped import functions_within, is_full

__all__ = ["Touched", "touched"]

_MANY = 100
"""So many functions are looked at; who calls more may do anything."""

_BY_ANY_NAME = frozenset(
    {
        *(
            "__getattribute__",
            "__setattr__",
            "__delattr__",
            "attrgetter",
            "dir",
            "eval",
        ),
        *("exec", "getattr_static", "getmembers", "getmembers_static", "methodcaller", "setitem"),
        *("vars",),
    }
)
"""What comes to attributes whose names are not written in the code."""
_TYPES = (dict, list, set, frozenset, tuple, str, bytes, int, deque, OrderedDict, WeakSet)
_WEAK = (WeakKeyDictionary, WeakValueDictionary)
_OF_BUILTINS = frozenset(name for cls in (*_TYPES, *_WEAK) for name in dir(cls))
"""What is called of something unknown by these names is taken to be a container, or a string."""
_FUNCTIONS = (FunctionType, staticmethod, classmethod)
_CALLED_BY_ITSELF = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__")
_MAKES_CLASSES = {"__new__", "__init__", "__prepare__", "__setattr__"}
_HARMLESS_METACLASSES = ("abc", "typing", "typing_extensions")


@dataclass(frozen=True)
class Touched:
    """Attributes of a class.

    Attributes:
        names: Those that are mentioned.
        fields: What is annotated may have been taken for fields.
        everything: Nobody knows.
        by_any_name: Tells of a name and its value whether that may have been touched by code in
            which the name does not stand; None if there is no such code.
    """

    names: frozenset[str] = frozenset()
    fields: bool = False
    everything: bool = False
    by_any_name: Callable[[str, Any], bool] | None = None


_EVERYTHING = Touched(everything=True)


class _Unknown(Exception):
    """Something may have been done to anything."""


def touched(
    cls: type,
    definition: ast.ClassDef,
    below: Iterable[ast.expr],
    namespace: Mapping[str, Any],
    is_edited: Callable[[FunctionType | type], bool],
    written: Written = as_written,
) -> Touched:
    """Find what may have been touched of a class when it was made.

    Args:
        cls: The class.
        definition: Its definition, as it was.
        below: The expressions of what has been given the class behind its statement.
        namespace: The names of the module, as they were.
        is_edited: Tells whether a function, or a metaclass, is not what it was by then.
        written: Finds the definition of a function, as it was.
    """
    if not _is_made_by_its_metaclass(cls, definition, namespace):
        return _EVERYTHING
    if any(map(is_edited, mro_of(type(cls)))):
        return _EVERYTHING
    search = _Search(cls, is_edited)
    try:
        for base in mro_of(type(cls)):
            for name in () if is_one_of(base, (type, object)) else _MAKES_CLASSES:
                search.follow_maker(class_dict(base).get(name))
        for base in mro_of(cls)[1:]:
            search.meet(class_dict(base).get("__init_subclass__"), cls)
        for value in class_dict(cls).copy().values():
            for base in mro_of(type(value)):
                search.meet(class_dict(base).get("__set_name__"), value)
        for decorator in (*definition.decorator_list, *below):
            search.evaluate(decorator, namespace)
        search.finish()
    except _Unknown:
        return _EVERYTHING
    has_others = search.followed or search.on_the_way
    by_any_name = partial(_is_handled, search, cache(written)) if has_others else None
    return Touched(frozenset(search.names), search.fields, by_any_name=by_any_name)


def _is_made_by_its_metaclass(
    cls: type, definition: ast.ClassDef, namespace: Mapping[str, Any]
) -> bool:
    """Tell whether it is the metaclass of a class that has made it, and no other function."""
    metaclass = type(cls)
    if way_for(metaclass) not in (IN_PLACE, MERGED):
        return False
    if any("mro" in class_dict(it) for it in mro_of(metaclass)[:-2]):
        return False
    if not all(is_one_of(it, (type, object)) for it in mro_of(type(metaclass))):
        return False
    for keyword in definition.keywords:
        if keyword.arg == "metaclass":
            return is_one_of(named(keyword.value, namespace), mro_of(metaclass))
        if keyword.arg is None:
            return False
    return True


def _is_handled(search: _Search, written: Written, name: str, value: Any) -> bool:
    """Tell whether code may have done something to a value in whose text its name does not stand.

    Args:
        search: Has found the code.
        written: Finds the definition of a function.
        name: The name.
        value: The value.
    """
    following = Following(search.cls, name, value, written, search)
    try:
        make(following)
    except (HandledError, _Unknown):
        return True
    return name in search.names or search.fields or not search.is_all(following.followed)


class _Search:
    """Looks at functions, and at what these lead to.

    Args:
        cls: The class that they are given.
        is_edited: Tells whether a function is not what it was by then.

    Attributes:
        cls: The class.
        names: The names that they mention.
        fields: They call what collects fields.
        followed: Those that have to be followed, by identity.
        on_the_way: Those that have to be if these lead to them.
    """

    def __init__(self, cls: type, is_edited: Callable[[FunctionType | type], bool]) -> None:
        self.names: set[str] = set()
        self.fields = False
        self.followed: dict[int, FunctionType] = {}
        self.cls = cls
        self._is_edited = is_edited
        self._waiting: list[tuple[FunctionType, Any]] = []
        self._seen: dict[tuple[int, int], tuple[FunctionType, Any]] = {}
        self.on_the_way: dict[int, FunctionType] = {}
        self._reached: dict[int, list[Any]] = {}
        self._plain: dict[int, FunctionType] = {}
        self._leads: set[tuple[int, int]] = set()
        self._looked_at: FunctionType | None = None
        self._metaclass = type(cls)

    def has_to_be_followed(self, function: FunctionType) -> bool:
        """Tell whether a function may come to values whose names it does not mention.

        Raises:
            _Unknown: It may have done anything.
        """
        if id(function) in self.followed or id(function) in self.on_the_way:
            return True
        if not self._is_plain(function, None):
            self.follow(function)
            return True
        return False

    def _is_plain(self, function: FunctionType, owner: Any) -> bool:
        """Tell whether a function mentions all that it may touch, and so does what it leads to; if
        so, these names are noted.
        """
        if id(function) in self._plain or self._is_known(function):
            return True
        search = _Search(self.cls, self._is_edited)
        search.meet(function, owner)
        try:
            search.finish()
        except _Unknown:
            return False
        if search.followed:
            return False
        self._plain[id(function)] = function
        self.names |= search.names
        self.fields |= search.fields
        return True

    def follow(self, function: FunctionType) -> None:
        """Note a function that is followed, and look at what may be done with the objects that it
        mentions.

        Raises:
            _Unknown: That may be anything.
        """
        if self._is_edited(function):
            raise _Unknown
        self.on_the_way[id(function)] = function
        codes = list(codes_of(function.__code__))
        names = _names_in(codes)
        self._reached[id(function)] = reached = []
        for value, _, _ in self._led_to([*_objects_of(function, names), self.cls], names):
            reached.append(value)
            is_one = is_class(value) or issubclass(type(value), ModuleType)
            if not is_one and not is_one_of(type(value), _FUNCTIONS):
                self._may_be_called(value)
        self.finish()

    def may_be_called(self, name: str, function: FunctionType) -> bool:
        """Tell whether it is known what a function may call that calls an attribute of something,
        and that it does nothing to values whose names it does not mention.

        Args:
            name: The name of the attribute.
            function: The function.
        """
        objects = [*self._reached.get(id(function), ()), self._metaclass]
        found = [(it, value) for value in objects for it in _attributes(value, name, every=True)]
        if not found and not (name in _OF_BUILTINS or _is_special(name)):
            found = [
                (it, value) for value in self._values for it in _attributes(value, name, every=True)
            ]
            if not found:
                return False
        for it, owner in found:
            functions = [it] if type(it) is FunctionType else []
            for each in [*functions, *functions_within(it)]:
                if not self._is_plain(each, owner):
                    return False
        return True

    def is_all(self, followed: Collection[int]) -> bool:
        """Tell whether all functions that have to be followed have been, and no other leads there.

        Args:
            followed: The identities of those that have been.
        """
        return self.followed.keys() <= set(followed) and not any(
            it in self.followed and caller not in followed for caller, it in self._leads
        )

    def follow_maker(self, value: Any) -> None:
        """Note a method of a metaclass, which is given the namespace of the body.

        Raises:
            _Unknown: Nobody knows what it is.
        """
        if value is None or _is_of(value, _HARMLESS_METACLASSES):
            return
        function = value.__func__ if type(value) in (staticmethod, classmethod) else value
        if type(function) is not FunctionType or self._is_known(function):
            raise _Unknown
        self.follow(function)

    def meet(self, value: Any, owner: Any = None) -> None:
        """Note a function that may be called, by itself or in a descriptor.

        Args:
            value: The function or descriptor, or anything else.
            owner: What has it for an attribute.
        """
        if type(value) is MethodType:
            value, owner = value.__func__, value.__self__
        functions = [value] if type(value) is FunctionType else []
        for function in [*functions, *functions_within(value)]:
            if self._looked_at is not None:
                self._leads.add((id(self._looked_at), id(function)))
            key = id(function), id(owner)
            if key not in self._seen:
                self._seen[key] = function, owner
                self._waiting.append((function, owner))

    def finish(self) -> None:
        """Look at all functions that have been met.

        Raises:
            _Unknown: They may have done anything.
        """
        while self._waiting:
            function, owner = self._waiting.pop()
            if self._is_known(function):
                continue
            if len(self._seen) > _MANY or self._is_edited(function):
                raise _Unknown
            self._looked_at = function
            self._look_at(function, owner)
            self._looked_at = None

    def evaluate(self, expression: ast.expr, namespace: Mapping[str, Any]) -> None:
        """Look at an expression.

        Raises:
            _Unknown: What it calls cannot be found.
        """
        nodes = list(ast.walk(expression))
        called = [it.func for it in nodes if isinstance(it, ast.Call)]
        if any(isinstance(it, (ast.Lambda, ast.NamedExpr)) for it in nodes) or not all(
            isinstance(it, ast.Name | ast.Attribute | ast.Call) for it in [expression, *called]
        ):
            raise _Unknown
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        constants = [it.value for it in nodes if isinstance(it, ast.Constant)]
        strings = {it for it in constants if isinstance(it, str)}
        objects = [_global(namespace, name) for name in sorted(names)]
        self._follow(objects, names | attributes | strings, attributes)

    def _is_known(self, function: FunctionType) -> bool:
        """Tell whether a function does nothing to attributes that are no methods; what collects
        fields is noted.
        """
        module = function.__globals__.get("__name__")
        if type(module) is not str:
            return False
        if module in BUILDING_DECORATORS or module.partition(".")[0] in BUILDING_DECORATORS:
            self.fields = True
            return True
        return _is_in_library(module)

    def _look_at(self, function: FunctionType, owner: Any) -> None:
        codes = list(codes_of(function.__code__))
        names = _names_in(codes)
        is_by_any_name = "__dict__" in names and any("__dict__" in strings_in(it) for it in codes)
        if (
            is_by_any_name
            or not names.isdisjoint(_BY_ANY_NAME)
            or not all(map(is_plain_to_see, codes))
        ):
            self.followed[id(function)] = function
        called = {name for code in codes for name in called_in(code)}
        objects = [*_objects_of(function, names), self.cls, self._metaclass, owner]
        self._follow(objects, names, called)

    def _follow(self, objects: list[Any], names: set[str], called: set[str]) -> None:
        """Meet objects, and those that are their attributes by the names that are mentioned.

        Raises:
            _Unknown: Something that is called is an attribute of none of them.
        """
        self.names |= names
        found: set[str] = set()
        for value, name, owner in self._led_to(objects, names):
            if name is not None:
                found.add(name)
                self.meet(value, owner)
            self._may_be_called(value)
        for name in called - found:
            if not (name in _OF_BUILTINS or _is_special(name)):
                raise _Unknown

    def _led_to(self, objects: list[Any], names: set[str]) -> Iterator[tuple[Any, str | None, Any]]:
        """Go from objects to those that are their attributes by the names that are mentioned.

        Yields:
            Each of them, and if it is an attribute, its name and what has it.

        Raises:
            _Unknown: There are too many.
        """
        waiting: list[tuple[Any, str | None, Any]] = [(it, None, None) for it in objects]
        seen = set[int]()
        while waiting:
            value, name, owner = waiting.pop()
            is_new = id(value) not in seen and value is not None and not is_plain(value)
            if not is_new and name is None:
                continue
            yield value, name, owner
            if not is_new:
                continue
            seen.add(id(value))
            if len(seen) > _MANY:
                raise _Unknown
            # Those of a metaclass are followed.
            for one in names - _MAKES_CLASSES if value is self._metaclass else names:
                for attribute in _attributes(value, one, every="super" in names):
                    waiting.append((attribute, one, value))

    @cached_property
    def _values(self) -> list[Any]:
        """One of each type of objects that are in the class, or in a container of it."""
        content = [*class_dict(self.cls).copy().values()]
        for it in [*content]:
            if is_one_of(type(it), (list, tuple, dict)):
                content += [*(it.copy().values() if type(it) is dict else it)]
        of_types = IdentityDict([(type(it), it) for it in content if not is_plain(it)])
        return [of_types[it] for it in of_types if it is not FunctionType]

    def _may_be_called(self, value: Any) -> None:
        """Meet what is executed where an object is called, or something is done with it."""
        self.meet(value)
        if value is self.cls or issubclass(type(value), ModuleType):
            return
        if is_one_of(value, mro_of(self._metaclass)):
            return  # it would make another class
        if is_class(value):
            self._meet_all(value, value, _CALLED_BY_ITSELF)
            self._meet_all(type(value), value, ("__call__",))
        else:
            self._meet_all(type(value), value, None)
            if not _is_written_in_python(value):
                raise _Unknown

    def _meet_all(self, cls: type, owner: Any, names: Collection[str] | None) -> None:
        """Meet methods of a class; without names all special ones of what is made already."""
        for base in mro_of(cls):
            if is_one_of(base, (object, type, ABCMeta)):
                continue
            content = class_dict(base)
            for name in content.copy() if names is None else names:
                if names is not None or (_is_special(name) and name not in _CALLED_BY_ITSELF):
                    self.meet(content.get(name), owner)


def _names_in(codes: list[CodeType]) -> set[str]:
    """Return the names and the strings in some code."""
    strings = {it for code in codes for it in strings_in(code)}
    return {name for code in codes for name in code.co_names} | strings


def _objects_of(function: FunctionType, names: set[str]) -> list[Any]:
    """Return what the names stand for that a function mentions, and what it holds."""
    objects = [_global(function.__globals__, name) for name in sorted(names)]
    objects += [it.cell_contents for it in function.__closure__ or () if is_full(it)]
    return [*objects, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]


def _is_written_in_python(value: Any) -> bool:
    """Tell whether what is executed when an object is called can be looked at, or is known."""
    if type(value) is BuiltinFunctionType:
        module = value.__module__
        return not _is_str(module) or _is_in_library(module)
    for base in mro_of(type(value)):
        called = class_dict(base).get("__call__")
        if called is not None:
            module = _module_of(base)
            is_known = _is_str(module) and _is_in_library(module)
            return type(called) is FunctionType or is_known
    return True


def _attributes(value: Any, name: str, *, every: bool) -> Iterator[Any]:
    """What an object has for an attribute, as far as it can be found without asking it.

    Args:
        value: The object.
        name: The name of the attribute.
        every: Also what stands behind the first in its classes.
    """
    if is_class(value):
        own, classes = None, mro_of(value)
    else:
        own, classes = stored(value, name), mro_of(type(value))
        if issubclass(type(value), ModuleType):
            own = namespace_of(value).get(name)
    if own is not None:
        yield own
    for base in classes:
        content = class_dict(base)
        if name in content:
            yield content[name]
            if not every:
                return


def _global(namespace: Mapping[str, Any], name: str) -> Any:
    return namespace.get(name, vars(builtins).get(name))


def _is_of(value: Any, modules: Collection[str]) -> bool:
    """Tell whether a method is written in C, or in one of some modules."""
    functions = [value] if type(value) is FunctionType else list(functions_within(value))
    return all(it.__globals__.get("__name__") in modules for it in functions)


def _is_in_library(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names and module != "__main__"


_module_of = vars(type)["__module__"].__get__


def _is_special(name: Any) -> bool:
    return _is_str(name) and name.startswith("__") and name.endswith("__")


def _is_str(value: Any) -> bool:
    return type(value) is str
