"""Dictionaries in which decorators put what they are given, or a record of it, under a name.

A decorator that is called again may use another name: the entry under the old one goes. Or it may
leave what there is under its name, and say nothing (Celery's tasks, tools of an MCP server): then
it is called once more, without that.
"""

from __future__ import annotations

import ast
from abc import ABCMeta
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from enum import EnumMeta
from functools import partial
from types import FunctionType, MethodType, NoneType
from typing import Any

from mighty_patcher.engine.classes import class_dict, is_class
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.leads import CONTAINERS, leads_to
from mighty_patcher.engine.metaclasses import named
from mighty_patcher.engine.refilled import Refilled, refill
from mighty_patcher.engine.registries import (
    Entry,
    is_made_of_one,
    is_plain_object,
    owners_of,
    parts_of,
)
from mighty_patcher.engine.settling import Registered, Remember, entries_of, type_of_dict
from mighty_patcher.engine.subjects import Subjects

__all__ = ["NamedRecords", "names_in", "roots_of"]

_MOST_OBJECTS = 3_000
_MOST_ENTRIES = 10_000
_NAMES = (str, int, type, ABCMeta, EnumMeta)
_PLAIN_KEYS = (*_NAMES, bool, bytes, float, NoneType)
"""Types of what can be hashed and compared without running code of the program."""
_FILLED = (dict, list, set)  # by each call, and not made by it


class NamedRecords:
    """What dictionaries have of functions and classes before decorators are called again.

    Args:
        subjects: What decorators are called again for.
        namespace: The names of the module.
    """

    def __init__(self, subjects: Subjects, namespace: Mapping[str, Any]) -> None:
        self._subjects = subjects
        self._namespace = namespace
        # Apart, for a tuple of them would be one more that has a record.
        self._registries: list[dict[Any, Any]] = []
        self._keys: list[list[Any]] = []
        self._values: list[Any] = []  # of all, one after the other
        self._records: set[int] = set()  # by address: who may be one
        self._missed: list[tuple[Any, str]] = []

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [self._registries, self._values, self._missed]

    def clear(self) -> None:
        """Let go of all that is known."""
        for it in (*self.containers(), self._keys, self._records):
            it.clear()

    def look(self, holders: Iterable[Any], records: Collection[Any]) -> None:
        """Note the dictionaries among what refers to some objects.

        Args:
            holders: All that refers to the objects.
            records: Functions and classes, or what may be records of such.
        """
        known = set(map(id, records))
        self._records |= known
        for holder in holders:
            if not issubclass(type(holder), dict) or is_one_of(holder, self._registries):
                continue
            entries = {} if _is_namespace(holder) else entries_of(holder)
            is_registry = any(
                id(value) in known and not _is_private(key) for key, value in entries.items()
            )
            if is_registry and len(entries) <= _MOST_ENTRIES and all(map(_is_plain, entries)):
                self._registries.append(holder)
                self._keys.append(list(entries))
                self._values += entries.values()

    def _befores(self) -> Iterator[tuple[dict[Any, Any], dict[Any, Any]]]:
        """Yield the dictionaries, each with what it had."""
        start = 0
        for registry, keys in zip(self._registries, self._keys, strict=True):
            yield registry, dict(zip(keys, self._values[start : start + len(keys)], strict=True))
            start += len(keys)

    # ---- what is left as it was

    def kept(
        self, decorators: Sequence[Any], value: Any, is_of_program: Callable[[Any], bool]
    ) -> list[Entry]:
        """Find the records that decorators which were just called have left as they were.

        Args:
            decorators: The decorators.
            value: The function or class that they were called for.
            is_of_program: Tells whether a dictionary is none of ours.
        """
        found: list[Entry] = []
        for registry, before in self._befores() if decorators else ():
            now = entries_of(registry)
            olds = [(key, it) for key, it in now.items() if before.get(key) is it]
            olds = [(key, it) for key, it in olds if id(it) in self._records and it is not value]
            news = [it for key, it in now.items() if olds and before.get(key) is not it]
            if any(self._subjects.of(it) is value for it in news):
                continue
            for key, it in olds:
                is_record = not issubclass(type(it), _FILLED) and self._is_about(it, value)
                if is_record and any(_is_own(each, registry, it) for each in decorators):
                    found.append((registry, key, it))
        attributes = _attributes_among(registry for registry, *_ in found)
        return [it for it in found if it[0] not in attributes and is_of_program(it[0])]

    def miss(self, entry: Entry) -> None:
        """Note that a decorator which was called without an entry has not put another one there."""
        _, key, record = entry
        why = f"a registry keeps what its decorators had put there before under {key!r:.60}"
        self._missed.append((self._subjects.of(record), why))

    # ---- other names

    def settle(
        self,
        decorators: Callable[[Any], tuple[Sequence[ast.expr], Sequence[ast.expr]]],
        is_of_program: Callable[[Any], bool],
        remember: Remember,
    ) -> Iterator[tuple[Any, str]]:
        """Take out what is under names that the decorators do not use any more.

        Args:
            decorators: Finds the old and the new decorators of a function or class that may put it
                anywhere.
            is_of_program: Tells whether a dictionary is none of ours.
            remember: Remembers what is to be undone.

        Yields:
            Of what there is an old record beside a new one, and why.
        """
        yield from self._missed
        for registry, before in self._befores():
            now = entries_of(registry)
            news = {key: self._subjects.of(it) for key, it in now.items() if key not in before}
            outer = self._names_of(registry)
            for value in self._subjects if news or outer else ():
                was, then = decorators(value)
                had = names_in(was, self._namespace)
                lost = had - names_in(then, self._namespace)
                olds = [key for key, it in before.items() if now.get(key) is it]
                olds = [it for it in olds if id(before[it]) in self._records]
                olds = [it for it in olds if self._is_about(before[it], value)]
                added = [key for key, it in news.items() if it is value]
                more = len(then) - len(was)
                gone, why = _gone(olds, added, more, lost) if was else ([], "")
                if more >= 0 and outer & lost and self._comes_to(was, registry):
                    gone = [it for it in olds if _parts(it) & had]
                if not gone and not why:
                    continue
                if registry in _attributes_among([registry]) or not is_of_program(registry):
                    break
                if not why and not _take(registry, now, gone, added, remember):
                    why = "somebody else has changed it meanwhile"
                if why:
                    yield value, why
                now = entries_of(registry)
        self._take_from_lists(decorators, is_of_program, remember)

    def _take_from_lists(
        self,
        decorators: Callable[[Any], tuple[Sequence[ast.expr], Sequence[ast.expr]]],
        is_of_program: Callable[[Any], bool],
        remember: Remember,
    ) -> None:
        """Take out of lists what is there under such a name together with others:
        ``handlers["start"]``. As for `settle`.
        """
        for value in self._subjects:
            was, then = decorators(value)
            lost = names_in(was, self._namespace) - names_in(then, self._namespace)
            for registry, before in self._befores() if len(then) >= len(was) else ():
                for key, it in before.items():
                    is_there = type(it) is list and dict.get(registry, key) is it
                    if not is_there or not _parts(key) & lost:
                        continue
                    had = it.copy()
                    after = [each for each in had if self._subjects.of(each) is not value]
                    if len(after) < len(had) and self._comes_to(was, it) and is_of_program(it):
                        refill([(it, after, had)], remember)

    def _comes_to(self, decorators: Iterable[ast.expr], held: Any) -> bool:
        """Tell whether decorators may have put something into a list or dictionary."""
        return any(leads_to(it, held) for it in roots_of(decorators, self._namespace))

    def _names_of(self, registry: dict[Any, Any]) -> set[Any]:
        """Return the names that a dictionary had in others: ``routes["GET"]["/cart"]``."""
        befores = (before for _, before in self._befores())
        keys = (key for before in befores for key, it in before.items() if it is registry)
        return {text for key in keys for text in _parts(key)}

    def still_there(
        self, value: Any, names: frozenset[Any], *, only_told: bool
    ) -> Iterator[tuple[Any, Any]]:
        """Yield the dictionaries that have what they had of something, each with the name.

        Args:
            value: A function or class.
            names: Under these it may be that itself, else it is a record of it.
            only_told: Under other names it is of no interest.
        """
        for registry, before in self._befores():
            entries = [
                (key, it) for key, it in entries_of(registry).items() if before.get(key) is it
            ]
            entries = [(key, it) for key, it in entries if id(it) in self._records]
            found = [key for key, it in entries if self._is_about(it, value)]
            told = [it for it in found if not names.isdisjoint(_parts(it))]
            if not only_told:
                told += [it for it in found if before[it] is not value and it not in told]
            if told and registry not in _attributes_among([registry]):
                yield from ((registry, key) for key in told)

    def _is_about(self, record: Any, value: Any) -> bool:
        """Tell whether a record is about something, and nothing else; or is that itself."""
        if record is value:
            return True
        is_alone = self._subjects.about(record) is value
        return is_alone and not any(_is_other(it, value) for it in _functions_in(record))


def _gone(
    olds: list[Any], news: list[Any], more: int, names: frozenset[Any]
) -> tuple[list[Any], str]:
    """Find out which names are not used any more.

    Args:
        olds: Those under which there is what was there before.
        news: Those under which there is something now, and was nothing.
        more: How many decorators there are that were not there before.
        names: What the decorators had in them, and have not now.

    Returns:
        These names; and why they are not known, if so.
    """
    count = min(len(news) - max(0, more), len(olds))
    if count <= 0:
        return [], ""
    if len(olds) == count:
        return olds, ""
    told = [key for key in olds if names & _parts(key)]
    if len(told) == count:
        return told, ""
    return [], "it is not known under which names they have put it there"


def names_in(expressions: Iterable[ast.expr], namespace: Mapping[str, Any]) -> frozenset[Any]:
    """Return what expressions have in them that may be a name in a registry: texts, numbers and
    classes.

    Args:
        expressions: Expressions of a module.
        namespace: Its names.
    """
    nodes = [node for it in expressions for node in ast.walk(it)]
    found = [node.value for node in nodes if isinstance(node, ast.Constant)]
    found += [named(it, namespace) for it in nodes if isinstance(it, (ast.Name, ast.Attribute))]
    return frozenset(it for it in found if is_one_of(type(it), _NAMES))


def roots_of(expressions: Iterable[ast.expr], namespace: Mapping[str, Any]) -> list[Any]:
    """Return the objects that expressions begin with: ``app`` of ``app.route("/cart")``."""
    names = ([it.id for it in ast.walk(one) if isinstance(it, ast.Name)] for one in expressions)
    return [namespace.get(found[0]) for found in names if found]


def _take(
    registry: dict[Any, Any],
    had: dict[Any, Any],
    gone: list[Any],
    added: list[Any],
    remember: Callable[[Refilled | Registered], None],
) -> bool:
    """Take names out of a registry, and let new ones have their places; tell if nobody has changed
    it meanwhile.
    """
    instead = dict(zip(gone, added, strict=False))
    order = [instead.get(key, key) for key in had if key not in instead.values()]
    after = {key: had[key] for key in order if key not in gone}
    if type(registry) is dict:
        done: list[Refilled] = []
        if not refill([(registry, after, had)], done.append):
            return False
        before = {key: it for key, it in had.items() if key not in added}
        for it in done:
            it.contents[:] = [(registry, after, before)]
            remember(it)
        return True
    remember(Registered((registry,), {k: it for k, it in had.items() if k not in added}))
    for key in gone:
        type_of_dict(registry).pop(registry, key, None)
    return True


def _is_plain(key: Any) -> bool:
    return all(is_one_of(type(it), _PLAIN_KEYS) for it in (key if type(key) is tuple else (key,)))


def _is_private(key: Any) -> bool:
    """Tell whether a key is the name of an attribute of a proxy, which hides its dictionary."""
    return type(key) is str and key.startswith("__")


def _parts(key: Any) -> frozenset[Any]:
    """Return the texts, numbers and classes of which a key is made."""
    parts = key if type(key) is tuple else (key,)
    return frozenset(it for it in parts if is_one_of(type(it), _NAMES))


def _is_namespace(names: dict[Any, Any]) -> bool:
    """Tell whether a dictionary is that of a module or a class."""
    return "__module__" in names or "__spec__" in names


def _attributes_among(registries: Iterable[dict[Any, Any]]) -> IdentitySet[Any]:
    """Return the dictionaries in which something keeps its attributes."""
    return IdentitySet(it for it, _ in owners_of([it for it in registries if type(it) is dict]))


# ---- whose registry it is


def _is_own(decorator: Any, registry: dict[Any, Any], record: Any) -> bool:
    """Tell whether a decorator has put a record into a registry: it leads there, or comes from
    where the class of the registry is defined. And it does not lead to the record otherwise, as to
    the application that it is a method of.
    """
    if leads_to(decorator, record, but=registry):
        return False
    is_alike = type(registry) is not dict and _package(registry) == _package(decorator)
    return is_alike or leads_to(decorator, registry)


def _is_other(function: FunctionType, value: Any) -> bool:
    """Tell whether a function in a record is another than the record is about, and was not made for
    that one: it goes through several (overloads).
    """
    is_wrapper = "<locals>" in function.__code__.co_qualname
    return function is not value and "__spec__" in function.__globals__ and not is_wrapper


def _package(value: Any) -> str:
    """Return the name of the package that something is defined in."""
    if type(value) is MethodType:
        value = value.__func__
    elif type(value) is partial:
        value = value.func
    if type(value) is FunctionType:
        module = value.__module__
    else:
        module = class_dict(value if is_class(value) else type(value)).get("__module__")
    return str(module or "").partition(".")[0]


def _functions_in(record: Any) -> Iterator[FunctionType]:
    """Yield the functions that a record is made of; of a container of records, those of these."""
    seen, layer = IdentitySet[Any]([record]), [record]
    holds_records = _is_part(record)
    while layer and len(seen) < _MOST_OBJECTS:
        below = IdentitySet(part for it in layer for part in parts_of(it) if part not in seen)
        yield from (it for it in below if type(it) is FunctionType)
        layer = [it for it in below if _is_part(it) or (holds_records and is_plain_object(it))]
        seen = IdentitySet([*seen, *below])


def _is_part(value: Any) -> bool:
    return is_one_of(type(value), CONTAINERS) or is_made_of_one(value)
