"""Functions that may have been called when a class was made, and what they lead to: the functions
that they mention, those of the objects that they mention, and so on. What names they mention, and
which of them do not mention all that they may touch.
"""

from __future__ import annotations

import ast
import builtins
import sys
from abc import ABCMeta
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from mighty_patcher.engine.classes import class_dict, is_class, mro_of, stored
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.metaclasses import (
    BUILDING_DECORATORS,
)
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.plain_code import (
    BY_ANY_NAME,
    called_in,
    codes_of,
    is_plain_to_see,
    strings_in,
)
from mighty_patcher.engine.toplevel import is_special
from mighty_patcher.engine.values import is_plain
from mighty_patcher.engine.wrapped import functions_within, is_full

__all__ = ["MAKES_CLASSES", "Search", "UnknownError"]

_MANY = 100
"""So many functions are looked at; who calls more may do anything."""

_TYPES = (dict, list, set, frozenset, tuple, str, bytes, int, deque, OrderedDict, WeakSet)
_WEAK = (WeakKeyDictionary, WeakValueDictionary)
_OF_BUILTINS = frozenset(name for cls in (*_TYPES, *_WEAK) for name in dir(cls))
"""What is called of something unknown by these names is taken to be a container, or a string."""
_FUNCTIONS = (FunctionType, staticmethod, classmethod)
_CALLED_BY_ITSELF = ("__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__")
MAKES_CLASSES = frozenset({"__new__", "__init__", "__prepare__", "__setattr__"})
"""The methods of a metaclass that are called where a class is made."""
_OF_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: others have no methods that are written in Python
_flags_of = vars(type)["__flags__"].__get__
_HARMLESS_METACLASSES = ("abc", "typing", "typing_extensions")


class UnknownError(Exception):
    """Something may have been done to anything."""


class Search:
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
        self._unknown: dict[int, FunctionType] = {}
        self._reached: dict[int, list[Any]] = {}
        self._plain: dict[tuple[int, int], tuple[bool, FunctionType, Any]] = {}
        self._special = IdentityDict[type, list[Any]]()
        self._leads: set[tuple[int, int]] = set()
        self._looked_at: FunctionType | None = None
        self._getters: dict[int, FunctionType] = {}
        self._in_class = set(map(id, class_dict(cls).copy().values()))
        self._metaclass = type(cls)

    def has_to_be_followed(self, function: FunctionType) -> bool:
        """Tell whether a function may come to values whose names it does not mention.

        Raises:
            UnknownError: It may have done anything.
        """
        known = (self.followed, self.on_the_way, self._getters)
        if any(id(function) in functions for functions in known):
            return True
        if not self._is_plain(function, None):
            self.follow(function)
            return True
        return False

    def _is_plain(self, function: FunctionType, owner: Any) -> bool:
        """Tell whether a function mentions all that it may touch, and so does what it leads to; if
        so, these names are noted.
        """
        if self._is_known(function):
            return True
        key = id(function), id(owner)
        if key not in self._plain:
            self._plain[key] = self._looks_plain(function, owner), function, owner
        return self._plain[key][0]

    def _looks_plain(self, function: FunctionType, owner: Any) -> bool:
        search = Search(self.cls, self._is_edited)
        search.meet(function, owner)
        try:
            search.finish()
        except UnknownError:
            return False
        if search.followed:
            return False
        self._getters |= search._getters
        self.names |= search.names
        self.fields |= search.fields
        return True

    def follow(self, function: FunctionType) -> None:
        """Note a function that is followed, and look at what may be done with the objects that it
        mentions.

        Raises:
            UnknownError: That may be anything.
        """
        if self._is_edited(function) or id(function) in self._unknown:
            raise UnknownError
        self._unknown[id(function)] = function  # until it is known
        codes = list(codes_of(function.__code__))
        names = _names_in(codes)
        self._reached[id(function)] = reached = []
        for value, _, owner in self._led_to([*_objects_of(function, names), self.cls], names):
            reached.append(value)
            is_one = is_class(value) or issubclass(type(value), ModuleType)
            is_of_instances = type(value) is property and is_class(owner)
            if not is_one and not is_of_instances and not is_one_of(type(value), _FUNCTIONS):
                self._may_be_called(value)
        self.finish()
        self.on_the_way[id(function)] = self._unknown.pop(id(function))

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

    def has_to_follow(self) -> bool:
        """Tell whether there is anything to be followed."""
        return bool(self.followed or self.on_the_way or self._getters)

    def is_all(self, followed: Collection[int]) -> bool:
        """Tell whether all functions that have to be followed have been, and no other leads there.

        Args:
            followed: The identities of those that have been.
        """
        needed = self.followed.keys() | self._getters.keys()
        return needed <= set(followed) and not any(
            it in self.followed and caller not in followed for caller, it in self._leads
        )

    def follow_maker(self, value: Any) -> None:
        """Note a method of a metaclass, which is given the namespace of the body.

        Raises:
            UnknownError: Nobody knows what it is.
        """
        if value is None or _is_of(value, _HARMLESS_METACLASSES):
            return
        is_wrapper = is_one_of(type(value), (staticmethod, classmethod))
        function = value.__func__ if is_wrapper else value
        if type(function) is not FunctionType or self._is_known(function):
            raise UnknownError
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
            UnknownError: They may have done anything.
        """
        waiting = self._waiting
        try:
            while waiting:
                function, owner = waiting.pop()
                if self._is_known(function):
                    continue
                if len(self._seen) > _MANY or self._is_edited(function):
                    raise UnknownError
                self._looked_at = function
                self._look_at(function, owner)
        finally:
            self._looked_at = None
            waiting.clear()

    def evaluate(self, expression: ast.expr, namespace: Mapping[str, Any]) -> None:
        """Look at an expression.

        Raises:
            UnknownError: What it calls cannot be found.
        """
        nodes = list(ast.walk(expression))
        called = [it.func for it in nodes if isinstance(it, ast.Call)]
        if any(isinstance(it, (ast.Lambda, ast.NamedExpr)) for it in nodes) or not all(
            isinstance(it, ast.Name | ast.Attribute | ast.Call) for it in [expression, *called]
        ):
            raise UnknownError
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
        if not _mentions_all(function):
            self.followed[id(function)] = function
        called = {name for code in codes for name in called_in(code)}
        objects = [*_objects_of(function, names), self.cls, self._metaclass, owner]
        self._follow(objects, names, called)

    def _follow(self, objects: list[Any], names: set[str], called: set[str]) -> None:
        """Meet objects, and those that are their attributes by the names that are mentioned.

        Raises:
            UnknownError: Something that is called is an attribute of none of them.
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
                raise UnknownError

    def _led_to(self, objects: list[Any], names: set[str]) -> Iterator[tuple[Any, str | None, Any]]:
        """Go from objects to those that are their attributes by the names that are mentioned.

        Yields:
            Each of them, and if it is an attribute, its name and what has it.

        Raises:
            UnknownError: There are too many.
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
                raise UnknownError
            # Those of a metaclass are followed.
            for one in names - MAKES_CLASSES if value is self._metaclass else names:
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
            self._meet_all(type(value), value, None, is_in_class=id(value) in self._in_class)
            if not _is_written_in_python(value):
                raise UnknownError

    def _meet_all(
        self,
        cls: type,
        owner: Any,
        names: Collection[str] | None,
        *,
        is_in_class: bool = False,
    ) -> None:
        """Meet methods of a class; without names all special ones of what is made already."""
        for base in mro_of(cls):
            if is_one_of(base, (object, type, ABCMeta)) or not _flags_of(base) & _OF_HEAP:
                continue
            content = class_dict(base)
            if names is None:
                if base not in self._special:
                    self._special[base] = [
                        value
                        for name, value in content.copy().items()
                        if _is_special(name) and name not in _CALLED_BY_ITSELF
                    ]
                found = self._special[base]
            else:
                found = [content[name] for name in names if name in content]
            for value in found:
                # What descriptors of the class do with instances is done later, and what they do
                # where the class is asked for them is followed.
                name = value.__name__ if is_in_class and type(value) is FunctionType else None
                if name == "__get__" and not self._is_known(value) and not _mentions_all(value):
                    self._getters[id(value)] = value
                elif name not in ("__set__", "__delete__"):
                    self.meet(value, owner)


def _mentions_all(function: FunctionType) -> bool:
    """Tell whether the names of all attributes that a function comes to stand in it, and of what it
    calls.
    """
    codes = list(codes_of(function.__code__))
    return (
        _names_in(codes).isdisjoint(BY_ANY_NAME)
        and not any("__dict__" in strings_in(it) for it in codes)
        and all(map(is_plain_to_see, codes))
    )


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
    return _is_str(name) and is_special(name)


def _is_str(value: Any) -> bool:
    return type(value) is str
