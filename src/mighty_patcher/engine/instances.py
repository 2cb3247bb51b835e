"""Instances that were made before a reload: they are never initialised again. What they lack is
said, and a class that wants to bring them up to date defines ``__reloaded__(self)``.
"""

from __future__ import annotations

import ast
from collections import namedtuple
from collections.abc import Iterator, Mapping
from itertools import chain
from types import MemberDescriptorType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.class_bodies import definitions_in, mangled
from mighty_patcher.engine.classes import (
    SIDE_SLOT,
    attributes_of,
    class_dict,
    class_named,
    content_of,
    mro_of,
    qualname_of,
    subclasses_of,
)
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.version import Version

__all__ = ["attributes_gained", "attributes_set", "changed_definitions", "instances_of", "migrate"]

HOOK = "__reloaded__"

_MODEL = "__pydantic_fields__"
_GETTER = type(vars(namedtuple("_Pair", "one two"))["one"])

Definition = tuple[ast.ClassDef, ast.ClassDef]
"""A class as it was defined, and as it is defined now."""


def changed_definitions(old: Version | None, new: Version) -> dict[str, Definition]:
    """Return the classes of a module whose definitions differ, by qualified name.

    Args:
        old: The version that was in force, where it is known.
        new: The one that is now.
    """
    if old is None:
        return {}
    olds, news = definitions_in(old.tree), definitions_in(new.tree)
    old_lines, new_lines = old.text.splitlines(), new.text.splitlines()
    return {
        qualname: (olds[qualname], news[qualname])
        for qualname in olds.keys() & news.keys()
        if _lines_of(olds[qualname], old_lines) != _lines_of(news[qualname], new_lines)
    }


def _lines_of(definition: ast.ClassDef, lines: list[str]) -> list[str]:
    first = min(
        definition.lineno, *(it.lineno for it in definition.decorator_list), definition.lineno
    )
    return lines[first - 1 : definition.end_lineno]


def attributes_gained(definition: Definition) -> list[str]:
    """Return the attributes that the new ``__init__`` of a class sets and no method did before.

    Args:
        definition: The class before and now.
    """
    old, new = definition
    gained = {
        name
        for method in _methods(new)
        if method.name in ("__init__", "__post_init__")
        for name in _set_by(method)
    }
    fields = _annotated(new) - _annotated(old) if new.decorator_list else set()
    names = gained | fields
    before = attributes_set(old) if names else set()
    return sorted(mangled(name, new.name) for name in names - before)


def attributes_set(definition: ast.ClassDef | None) -> set[str]:
    """Return the attributes that the methods of a class set on their instance."""
    methods = _methods(definition) if definition is not None else ()
    return {name for method in methods for name in _set_by(method)}


def migrate(
    namespace: Mapping[str, Any], module: str, definitions: Mapping[str, Definition]
) -> Iterator[Stale]:
    """Let living instances of changed classes know, and say what they lack.

    Args:
        namespace: The names of a module that was reloaded.
        module: Its name.
        definitions: Its classes whose definitions changed.
    """
    lacking: IdentityDict[type, list[str]] = IdentityDict()
    hooked: list[type] = []
    for qualname, definition in definitions.items():
        cls = class_named(namespace, module, qualname)
        if cls is None:
            continue
        gained = [name for name in attributes_gained(definition) if not _has(cls, name)]
        gained += _fields_gained(cls, definition)
        if gained:
            lacking[cls] = gained
        hooked += [each for each in (cls, *subclasses_of(cls)) if _hook_of(each) is not None]
    if not lacking and not hooked:
        return
    families = [IdentitySet([cls, *subclasses_of(cls)]) for cls in lacking]
    instances = instances_of(IdentitySet(chain(hooked, *families)))
    yield from _call_hooks(instances, IdentitySet(hooked))
    for (cls, names), classes in zip(lacking.items(), families, strict=True):
        family = [it for it in instances if type(it) in classes]
        for name in names:
            count = sum(not _holds(it, name) for it in family)
            if count:
                yield _lacks(cls, name, count)


def _methods(definition: ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for statement in definition.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield statement


def _set_by(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """The attributes that a method sets on its first argument."""
    arguments = [*method.args.posonlyargs, *method.args.args]
    if arguments:
        for node in ast.walk(method):
            match node:
                case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store(), attr=attribute) if (
                    name == arguments[0].arg
                ):
                    yield attribute


def _annotated(definition: ast.ClassDef) -> set[str]:
    return {
        statement.target.id
        for statement in definition.body
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def _fields_gained(cls: type, definition: Definition) -> list[str]:
    """Return the fields of a class that a base or a metaclass collects, and that may be new: of a
    model of pydantic, and of a tuple with names, whose bases may have changed
    (``class Point(namedtuple("Point", "x y z"))``).
    """
    old, new = definition
    if _MODEL in class_dict(cls):
        return sorted((_annotated(new) - _annotated(old)) & class_dict(cls)[_MODEL].keys())
    if not is_one_of(tuple, mro_of(cls)) or ast.dump(_without_methods(old)) == ast.dump(
        _without_methods(new)
    ):
        return []
    return [name for name in _getters(cls) if type(name) is str]


def _without_methods(definition: ast.ClassDef) -> ast.ClassDef:
    body: list[ast.stmt] = [it for it in definition.body if isinstance(it, ast.AnnAssign)]
    return ast.ClassDef(definition.name, definition.bases, [], body, [])


def _getters(cls: type) -> dict[str, Any]:
    """What looks up the fields of a tuple."""
    found: dict[str, Any] = {}
    for each in mro_of(cls):
        found = {k: v for k, v in content_of(each).items() if type(v) is _GETTER} | found
    return found


def _has(cls: type, name: str) -> bool:
    """Tell whether a class itself answers for an attribute where an instance has none."""
    for each in mro_of(cls):
        if name in class_dict(each):
            return not is_one_of(type(class_dict(each)[name]), (MemberDescriptorType, SIDE_SLOT))
    return False


def _hook_of(cls: type) -> Any:
    return next((class_dict(each)[HOOK] for each in mro_of(cls) if HOOK in class_dict(each)), None)


def instances_of(classes: IdentitySet[type]) -> list[Any]:
    """Return the living instances of some classes that the collector knows: those of a class that
    can hold nothing but numbers and text, it does not.

    Args:
        classes: The classes; what derives from them counts only where it is among them.
    """
    return [it for it in _core.find_referrers(list(classes)) if type(it) in classes]


def _holds(instance: Any, name: str) -> bool:
    for each in mro_of(type(instance)):
        descriptor = class_dict(each).get(name)
        if is_one_of(type(descriptor), (MemberDescriptorType, SIDE_SLOT, _GETTER)):
            try:
                descriptor.__get__(instance)
            except (AttributeError, IndexError):
                return False
            return True
    own = attributes_of(instance)
    return own is None or name in own  # it has no place for it, which was said before


def _call_hooks(instances: list[Any], hooked: IdentitySet[type]) -> Iterator[Stale]:
    failures: IdentityDict[type, tuple[Exception, int]] = IdentityDict()
    for instance in instances:
        cls = type(instance)
        if cls in hooked:
            try:
                _hook_of(cls).__get__(instance, cls)()
            except Exception as raised:
                first, count = failures.get(cls, (raised, 0))
                failures[cls] = first, count + 1
    for cls, (error, count) in failures.items():
        yield Stale(
            f"{count} instance{'s' if count > 1 else ''} of {qualname_of(cls)}",
            f"{HOOK} raised {type(error).__name__}: {error}",
            "mend it and save again",
        )


def _lacks(cls: type, name: str, count: int) -> Stale:
    living = "1 living instance" if count == 1 else f"{count} living instances"
    if name in _getters(cls):
        return Stale(
            f"{living} of {qualname_of(cls)}",
            f"made before it had the field {name!r}, and a tuple cannot grow",
            "make new ones",
        )
    return Stale(
        f"{living} of {qualname_of(cls)}",
        f"made before its __init__ set {name!r}, and never initialised again",
        f"set it on them, in {HOOK}(self) for example, or make new ones",
    )
