"""A class that keeps its shape while its name gets another class: what it is given all the same.

Its methods get their new bodies, and those call new methods and read new attributes: without these
what was made of the class before would fail where it runs new code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from types import CellType, FunctionType, GetSetDescriptorType, MemberDescriptorType
from typing import Any

from mighty_patcher.engine.aliases import Aliases
from mighty_patcher.engine.class_bodies import names_in_class
from mighty_patcher.engine.classes import (
    SIDE_SLOT,
    class_dict,
    content_of,
    is_class,
    mro_of,
    own_slots,
    qualname_of,
)
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.wrapped import DESCRIPTORS, is_full

__all__ = ["content_left"]

_OF_ITS_SHAPE = frozenset(
    {
        "__abstractmethods__",
        "__annotations_cache__",
        "__classdictcell__",
        "__dict__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__slotnames__",
        "__slots__",
        "__type_params__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Names in a class that say what its instances store and what it derives from."""

_OF_ITS_SOURCE = frozenset(
    {
        "__annotate_func__",
        "__annotations__",
        "__doc__",
        "__firstlineno__",
        "__static_attributes__",
    }
)
"""Names that CPython writes into a class, and that say what stands in its definition."""

_STORAGE = (MemberDescriptorType, GetSetDescriptorType, SIDE_SLOT)
_KEPT_FACTS = ("__kwdefaults__", "__qualname__", "__module__", "__doc__", "__type_params__")
_REBUILT = (staticmethod, classmethod, property)
Definitions = tuple[ast.ClassDef | None, ast.ClassDef | None]


def content_left(
    old: type,
    members: Mapping[str, Any],
    bases: Iterable[type],
    definitions: Definitions,
    keep: Callable[[Any, Any], bool],
    kept_for: Callable[[Any], Any],
) -> dict[str, Any]:
    """Return what a class is to hold that cannot become what its statement says.

    It keeps what its instances store, its bases, and the values of attributes whose lines are what
    they were.

    Args:
        old: The class.
        members: What the statement makes of the class that its name gets.
        bases: The bases of that: what it inherits from one that this class does not have stays.
        definitions: The statement before and now, where they are known.
        keep: Pairs two objects, and tells whether the first one takes the place of the second.
        kept_for: Returns what has been paired with an object, or else that object.
    """
    content = content_of(old)
    slots = own_slots(old)
    before, after = map(_sources, definitions)
    others = [it for base in bases for it in mro_of(base) if not is_one_of(it, mro_of(old))]
    aliases = Aliases(definitions[0], content, members)
    is_decorated = any(it is not None and it.decorator_list for it in definitions)
    is_merged = way_for(type(old)).kind != "in place"
    given: dict[str, Any] = {}
    for name, value in members.items():
        if name in _OF_ITS_SHAPE or name in slots or is_one_of(type(value), _STORAGE):
            continue
        is_kept = name in content and aliases.keeps(name, content[name], value, keep)
        if name in before or name in after:
            has_changed = before.get(name) != after.get(name)
        else:
            has_changed = is_decorated or name in _OF_ITS_SOURCE
        if is_kept or (name in content and not has_changed):
            continue
        if not is_merged or (name in after and _holds_functions(value)):
            given[name] = value
    if not is_merged:
        for name in before.keys() - members.keys() - slots.keys() - _OF_ITS_SHAPE:
            if not any(name in class_dict(it) for it in others):
                content.pop(name, None)
    if type(given.get("__annotations__")) is dict:
        given["__annotations__"] = dict(given["__annotations__"])
    if "__annotate_func__" in given:
        content.pop("__annotations_cache__", None)
    # By now all is paired that has a pair.
    return content | {name: _for(old, value, kept_for) for name, value in given.items()}


def _sources(definition: ast.ClassDef | None) -> dict[str, list[str]]:
    """Return the statements in the body of a class that bind each name."""
    found: dict[str, list[str]] = {}
    for statement in definition.body if definition is not None else ():
        of_one = ast.ClassDef("", [], [], [statement], [])
        for name in names_in_class(of_one):
            found.setdefault(name, []).append(ast.dump(statement))
    return found


def _holds_functions(value: Any) -> bool:
    return type(value) is FunctionType or type(value) in DESCRIPTORS


def _for(cls: type, value: Any, kept_for: Callable[[Any], Any], depth: int = 4) -> Any:
    """Return what a class is given of another one: functions that know that one know this one."""
    if type(value) is FunctionType:
        cells = [
            _cell_for(cls, name, cell, kept_for, depth)
            for name, cell in zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        ]
        if all(mine is cell for mine, cell in zip(cells, value.__closure__ or (), strict=True)):
            return value
        return _copy(value, tuple(cells), kept_for)
    if is_one_of(type(value), _REBUILT):
        parts = [object.__getattribute__(value, name) for name in DESCRIPTORS[type(value)]]
        mine = [_for(cls, part, kept_for, depth) for part in parts]
        if all(new is part for new, part in zip(mine, parts, strict=True)):
            return value
        kind: Any = type(value)
        return kind(*mine, value.__doc__) if type(value) is property else kind(*mine)
    return value


def _cell_for(
    cls: type, name: str, cell: CellType, kept_for: Callable[[Any], Any], depth: int
) -> CellType:
    if name == "__class__":
        return CellType(cls)
    if name == "__classdict__":
        return CellType(class_dict(cls))
    if not is_full(cell) or not depth:
        return cell
    value = cell.cell_contents
    mine = kept_for(value)
    if is_class(value) and _is_made_for(value, cls):
        mine = cls
    elif mine is value and type(value) is FunctionType:
        mine = _for(cls, value, kept_for, depth - 1)
    return cell if mine is value else CellType(mine)


def _is_made_for(value: type, cls: type) -> bool:
    """Tell whether a class was made by the statement that has made another before."""
    mine, theirs = (class_dict(it).get("__module__") for it in (cls, value))
    return bool(mine == theirs) and bool(qualname_of(value) == qualname_of(cls))


def _copy(
    function: FunctionType, cells: tuple[CellType, ...], kept_for: Callable[[Any], Any]
) -> FunctionType:
    made = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        cells,
    )
    for name in _KEPT_FACTS:
        if hasattr(function, name):
            setattr(made, name, getattr(function, name))
    # PEP 649: to ask for the annotations would evaluate them.
    annotations = "__annotate__" if hasattr(function, "__annotate__") else "__annotations__"
    setattr(made, annotations, getattr(function, annotations))
    made.__dict__.update({name: kept_for(value) for name, value in function.__dict__.items()})
    return made
