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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from types import FunctionType
from typing import Any

from mighty_patcher.engine.as_written import as_written
from mighty_patcher.engine.classes import class_dict, mro_of
from mighty_patcher.engine.expressions import Written
from mighty_patcher.engine.followed import Following
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.looked_at import MAKES_CLASSES, Search, UnknownError
from mighty_patcher.engine.making import make
from mighty_patcher.engine.metaclasses import IN_PLACE, MERGED, named, way_for
from mighty_patcher.engine.stand_ins import HandledError

__all__ = ["Touched", "touched"]


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
    search = Search(cls, is_edited)
    try:
        for base in mro_of(type(cls)):
            for name in () if is_one_of(base, (type, object)) else MAKES_CLASSES:
                search.follow_maker(class_dict(base).get(name))
        for base in mro_of(cls)[1:]:
            search.meet(class_dict(base).get("__init_subclass__"), cls)
        for value in class_dict(cls).copy().values():
            for base in mro_of(type(value)):
                search.meet(class_dict(base).get("__set_name__"), value)
        for decorator in (*definition.decorator_list, *below):
            search.evaluate(decorator, namespace)
        search.finish()
    except UnknownError:
        return _EVERYTHING
    fields, by_any_name = search.fields, None
    if search.has_to_follow():
        by_any_name = partial(_is_handled, search, fields, cache(written))
    return Touched(frozenset(search.names), fields, by_any_name=by_any_name)


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


def _is_handled(search: Search, fields: bool, written: Written, name: str, value: Any) -> bool:
    """Tell whether code may have done something to a value in whose text its name does not stand.

    Args:
        search: Has found the code.
        fields: It is known already that fields are collected.
        written: Finds the definition of a function.
        name: The name.
        value: The value.
    """
    following = Following(search.cls, name, value, written, search)
    try:
        make(following)
    except (HandledError, UnknownError, RecursionError):
        return True
    collects = search.fields and not fields
    return name in search.names or collects or not search.is_all(following.followed)
