"""Registries that want nothing twice, and raise when a class or a function that they know comes up
again. What the old definition has put in there is taken out, they are asked once more, and then all
is in the order that it was in.

A registry is a dictionary that has the object as a key or as a value, or an object, a tuple or a
bound method that refers to it. What a module, a class or an object keeps its attributes in is none.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from functools import partial
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.classes import attributes_of, class_dict, is_class, qualname_of
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of
from mighty_patcher.engine.module_facts import every_module, namespace_of
from mighty_patcher.engine.settling import Registered, entries_of, type_of_dict

__all__ = [
    "Registries",
    "TakenOut",
    "is_made_of_one",
    "is_plain_object",
    "is_wrapper",
    "objects_between",
    "owners_of",
    "parts_of",
]

_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE, Include/object.h
_OUR_OWN = __name__.partition(".")[0] + "."
_ENOUGH = 2_000  # to have been looked at

_RECORDS = (tuple, MethodType, partial)
_PARTS = (tuple, CellType, FunctionType, MethodType, staticmethod, classmethod, property, partial)

Entry = tuple[dict[Any, Any], Any, Any]
"""A registry, a key, and what it has there."""


class Registries:
    """The registries that have been asked once more in a reload."""

    def __init__(self) -> None:
        self._known: list[Registered] = []

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [it.before for it in self._known]

    def take_out(
        self, objects: list[Any], ours: list[Any], remember: Callable[[Registered], None]
    ) -> TakenOut | None:
        """Take out of registries what is, or refers to, one of some objects. Those that are known
        are looked into first; others are looked for if that was not enough.

        Args:
            objects: The objects: a class; or a function and what decorators have made of it.
            ours: Containers of the engine itself, to which those of these registries are added.
            remember: Remembers what is to be undone.

        Returns:
            What was taken out; None if there is nothing.
        """

        def others() -> TakenOut | None:
            return self.take_entries(_entries_of(objects, ours), ours, remember)

        known = IdentitySet(objects)
        entries = [entry for it in self._known for entry in _leading_to(known, it.registry[0])]
        return TakenOut(entries, others) if entries else others()

    def take_entries(
        self,
        entries: list[Entry],
        ours: list[Any],
        remember: Callable[[Registered], None],
        missed: Callable[[Entry], None] = lambda _: None,
    ) -> TakenOut | None:
        """Take entries out of registries.

        Args:
            entries: The entries.
            ours: As for `take_out`.
            remember: As for `take_out`.
            missed: Called with each entry that nobody has put there again.

        Returns:
            What was taken out; None if there is nothing.
        """
        known = {id(it.registry[0]) for it in self._known}
        for registry, *_ in entries:
            if id(registry) not in known:
                known.add(id(registry))
                self._known.append(Registered((registry,), entries_of(registry)))
                ours.append(self._known[-1].before)
                remember(self._known[-1])
        return TakenOut(entries, missed=missed) if entries else None

    def put_in_order(self) -> None:
        """Let the registries have what they have in the order that it was in."""
        log = _core.Log()
        for it in self._known:
            (registry,) = it.registry
            now = entries_of(registry)
            content = {key: now[key] for key in it.before if key in now} | now
            if type(registry) is dict and list(content) != list(now):
                log.add_items(registry, content)
        if len(log):
            log.commit()


class TakenOut:
    """Entries of registries that are not there for a moment.

    Args:
        entries: What is taken out.
        others: Takes out what else there is, if this was not enough.
        missed: Called with each entry that nobody has put there again.
    """

    def __init__(
        self,
        entries: list[Entry],
        others: Callable[[], TakenOut | None] = lambda: None,
        missed: Callable[[Entry], None] = lambda _: None,
    ) -> None:
        self._entries = entries
        self._others = others
        self._missed = missed
        for registry, key, _ in entries:
            type_of_dict(registry).pop(registry, key, None)

    def give_back(self) -> TakenOut | None:
        """Let the registries have what they had, for it was not enough.

        Returns:
            What else was taken out; None if there is nothing else.
        """
        self.done()
        return self._others()

    def done(self) -> None:
        """Let them have what was taken out and has not been put there again."""
        for registry, key, value in self._entries:
            if type_of_dict(registry).setdefault(registry, key, value) is value:
                self._missed((registry, key, value))
        self._entries = []


def _entries_of(objects: list[Any], ours: list[Any]) -> list[Entry]:
    """Find the entries of registries that lead to one of some objects."""
    others = {*map(id, map(namespace_of, every_module())), *map(id, ours)}
    found, holders = _holders(objects, others)
    records = [it for it in holders if not is_one_of(it, objects)]
    if records:
        found += _holders(records, others)[0]
    known = IdentitySet([*objects, *records])
    return [
        (registry, key, value)
        for registry in IdentitySet(found)
        for key, value in list(registry.items())
        if key in known or value in known
    ]


def _leading_to(objects: IdentitySet[Any], registry: dict[Any, Any]) -> Iterator[Entry]:
    """Yield the entries of one registry that lead to one of some objects."""
    for key, value in list(registry.items()):
        for it in (key, value):
            if it in objects or any(inner in objects for inner in _attributes(it)):
                yield registry, key, value
                break


def _attributes(value: Any) -> Iterator[Any]:
    """Yield what a record refers to."""
    if _is_record(value):
        yield from parts_of(value)


def parts_of(value: Any) -> Iterator[Any]:
    """Yield what an object refers to, and what its attributes are."""
    for it in gc.get_referents(value):
        yield from it.copy().values() if type(it) is dict else (it,)


def objects_between(outer: Any, inner: Any) -> list[Any]:
    """Return what decorators have made of a function: all through which one leads to the other.

    Args:
        outer: What the name of the definition stands for.
        inner: The function.
    """
    parents: IdentityDict[Any, list[Any]] = IdentityDict([(outer, [])])
    layer = [outer] if outer is not inner else []
    while layer and len(parents) < _ENOUGH:
        below: list[Any] = []
        for holder in layer:
            for it in gc.get_referents(holder):
                if it in parents:
                    parents[it].append(holder)
                elif it is inner or is_wrapper(it):
                    parents[it] = [holder]
                    below.append(it)
        layer = [it for it in below if it is not inner]
    found, waiting = [inner], [inner]
    while waiting:
        above = IdentitySet(parents.get(waiting.pop(), []))
        new = [it for it in above if not is_one_of(it, found)]
        found += new
        waiting += new
    return found


def owners_of(dicts: list[dict[Any, Any]]) -> Iterator[tuple[dict[Any, Any], Any]]:
    """Find the dictionaries in which something keeps its attributes: a pass over the heap or two.

    Args:
        dicts: The dictionaries.

    Yields:
        Each of these, with what that is; with None where it is a class, a function, or our own.
    """
    known = set(map(id, dicts))
    holders = _core.find_referrers(dicts) if dicts else []
    ours = {id(it) for it in _dicts_of_ours([it for it in holders if type(it) is dict])}
    for holder in holders:
        found = [it for it in gc.get_referents(holder) if id(it) in known]
        is_none = is_class(holder) or type(holder) is FunctionType or id(holder) in ours
        if is_none or _is_ours(holder):
            yield from ((it, None) for it in found)
        else:
            yield from ((it, holder) for it in found if it is attributes_of(holder))


def is_made_of_one(value: Any) -> bool:
    """Tell whether something is a class that somebody has made, a decorator for one function, and
    no statement of a module.
    """
    if not is_class(value):
        return False
    module = sys.modules.get(str(class_dict(value).get("__module__")))
    name = qualname_of(value)
    if "." in name or module is None:
        return "<locals>" in name
    return namespace_of(module).get(name) is not value


def is_wrapper(value: Any) -> bool:
    """Tell whether something may belong to what a decorator has made."""
    if type(value) is dict:
        return not _is_namespace(value)
    return is_one_of(type(value), _PARTS) or is_plain_object(value)


def _is_namespace(names: dict[Any, Any]) -> bool:
    """Tell whether a dictionary is that of a module, or a copy of one."""
    return "__builtins__" in names or "__spec__" in names


def is_plain_object(value: Any) -> bool:
    """Tell whether something is an object of a class written in Python, or made there."""
    return (
        not is_class(value)
        and not issubclass(type(value), ModuleType)
        and bool(type(value).__flags__ & _HEAP_TYPE)
        and not _is_ours(value)
    )


def _is_record(value: Any) -> bool:
    """Tell whether a registry may have something for what that refers to: ``cls.load``, say."""
    return is_one_of(type(value), _RECORDS) or is_plain_object(value)


def _is_ours(value: Any) -> bool:
    return str(_module_of(type(value))).startswith(_OUR_OWN)


def _holders(objects: list[Any], others: set[int]) -> tuple[list[dict[Any, Any]], list[Any]]:
    """Find what refers to some objects: dictionaries that are nobody's attributes; and objects and
    tuples.
    """
    classes = [it for it in objects if is_class(it)]
    holders = [
        it
        for it in _core.find_referrers(objects)
        if not is_one_of(type(it), classes)  # its instances refer to a class
    ]
    dicts = [
        it for it in holders if type(it) is dict and id(it) not in others and not _is_namespace(it)
    ]
    owners = IdentityDict(owners_of(dicts))
    objects_found = [it for it in holders if _is_record(it)]
    objects_found += [it for _, it in owners.items() if it is not None and is_plain_object(it)]
    return [it for it in dicts if it not in owners], list(IdentitySet(objects_found))


def _dicts_of_ours(dicts: list[dict[Any, Any]]) -> Iterator[Any]:
    """Yield those dictionaries in which our own objects keep their attributes."""
    for holder in _core.find_referrers(dicts) if dicts else ():
        if _is_ours(holder):
            yield attributes_of(holder)


_module_of = vars(type)["__module__"].__get__
