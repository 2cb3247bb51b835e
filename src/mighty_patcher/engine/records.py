"""Lists into which decorators put records of what they are given: routes, handlers, jobs.

A decorator that is called again puts another record there, and who goes through the list would
meet the old one first. So the new ones take the places of the old ones.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import CellType, FunctionType
from typing import Any, NamedTuple

from mighty_patcher import _core
from mighty_patcher.engine.classes import attributes_of, class_dict, is_class, qualname_of
from mighty_patcher.engine.holders import is_ours
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of
from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.leads import leads_to
from mighty_patcher.engine.metaclasses import builds_a_class, named
from mighty_patcher.engine.module_facts import every_module, namespace_of
from mighty_patcher.engine.named_records import NamedRecords, names_in, roots_of
from mighty_patcher.engine.refilled import Refilled, refill
from mighty_patcher.engine.registries import Entry, is_made_of_one, is_wrapper, parts_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Remember
from mighty_patcher.engine.subjects import Subjects
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS

__all__ = ["Records"]

_MOST_PASSES = 5  # a part, its attributes, the record, its attributes, the list
_MOST_LAYERS = 8
_MOST_NEW = 1_000  # in one list: more are nobody's records of a definition or two
_CONTAINERS = (list, tuple, dict, CellType)
_AROUND = (CellType, FunctionType, staticmethod, classmethod, property)


class _Exchange(NamedTuple):
    """What a list has without the new records, and what it is to have with them."""

    before: list[Any]
    after: list[Any]


class Records:
    """The lists that have records of functions and classes, before decorators are called again.

    Args:
        trees: The old and the new text of the module, where they are known.
        namespace: The names of the module.
        donors: What the run has made and others go on in the place of, by address.
    """

    def __init__(
        self, trees: Trees, namespace: Mapping[str, Any], donors: Mapping[int, Any]
    ) -> None:
        self._bodies = [[] if tree is None else tree.body for tree in trees]
        self._namespace = namespace
        self._donors = donors
        self._subjects = Subjects()
        self._known: list[Any] = []
        self._lists: list[list[Any]] = []
        # What they had, by address: a reference would be one more that a donor may have.
        self._befores: list[set[int]] = []
        self._exported: list[tuple[list[Any], int]] = []
        self._named = NamedRecords(self._subjects, namespace)

    def containers(self) -> list[Any]:
        """Return what holds objects of the program here."""
        return [self._lists, self._known, self._exported, *self._named.containers()]

    def note(self, value: Any, others: Iterable[Any]) -> None:
        """Note what decorators are about to be given once more, and look for lists with records of
        it: that takes a pass over the heap, and one or two more if there may be any.

        Args:
            value: A function or a class.
            others: Those that may be next; one search is for all.
        """
        if not any(self._recording(value)):
            return
        if not self._subjects:
            found = (namespace_of(module).get("__all__") for module in every_module())
            self._exported += [(it, len(it)) for it in found if type(it) is list]
        self._subjects.add(value)
        if not is_one_of(value, self._known):
            known = IdentitySet(self._known)
            self._search([it for it in (value, *others) if it not in known])

    def _search(self, values: list[Any]) -> None:
        """Find the lists with records of some functions and classes."""
        self._known += values
        layers = [values]  # by address below: a set of them would be found as well, and in itself
        ours = *self.containers(), *self._known, *self._lists
        known = {id(layers), id(ours), *map(id, ours)}
        for _ in range(_MOST_PASSES if values else 0):
            known |= {id(layers[-1]), *map(id, layers[-1])}
            above = [it for it in _core.find_referrers(layers[-1]) if id(it) not in known]
            known.add(id(above))
            self._named.look([*above, *layers[-1]], layers[-1])  # one may have another of them
            if len(layers) > 1:
                lists = [it for it in above if type(it) is list and not any(map(self._is_pair, it))]
                self._lists += lists
                self._befores += [set(map(id, it)) for it in lists]
                known |= {id(lists), *map(id, lists)}
            layers.append([it for it in above if not self._is_pair(it) and _is_part(it, known)])
            if not layers[-1]:
                break

    def miss(self, entry: Entry) -> None:
        """Note that a decorator which was called without an entry has not put another one there."""
        self._named.miss(entry)

    def kept_silently(self, decorators: Sequence[Any], value: Any) -> list[Entry]:
        """Find the records that registries have kept where decorators were just called again.

        Args:
            decorators: The decorators.
            value: The function or class that they were called for.
        """
        return self._named.kept(decorators, value, self._is_of_program)

    def _is_pair(self, value: Any) -> bool:
        """Tell whether something is of ours: lists that have such are not to be kept alive."""
        return type(value) is tuple and any(id(it) in self._donors for it in value)

    def settle(self, remember: Remember) -> list[Stale]:
        """Let new records have the places of old ones.

        Args:
            remember: Remembers what is to be undone.

        Returns:
            What has an old record beside a new one.
        """
        stale: list[Stale] = []
        for at in range(len(self._lists)):  # no tuple shall hold one, not that of an iterator
            held, before = self._lists[at], self._befores[at]
            had = held.copy()
            news = [it for it in had if id(it) not in before][:_MOST_NEW]
            values = IdentitySet(it for it in map(self._subjects.about, news) if it is not None)
            for value in values if values and self._is_of_program(held) else ():
                exchange, why = self._exchange(value, had, before)
                if exchange is None:
                    continue
                if not why and not _make(exchange, held, had, remember):
                    why = "somebody else has changed it meanwhile"
                if why:
                    stale.append(_twice(value, why))
                else:
                    had = held.copy()
        for names, length in self._exported:
            if len(names) > length:
                _export_once(names, length, remember)
        named = self._named.settle(self._recording, self._is_of_program, remember)
        stale += (_beside(value, why) for value, why in named)
        stale += dict.fromkeys(map(_left, self._left()))
        self._named.clear()
        for found in (self._lists, self._befores, self._known, self._exported):
            found.clear()  # some may be of our own, and lead back here
        return stale

    def _left(self) -> Iterator[tuple[Any, str]]:
        """Yield what has lost decorators and is where one of these had put it, and where."""
        for value in self._subjects:
            was, now = self._recording(value)
            known = set(map(ast.dump, now))
            gone = [it for it in was if ast.dump(it) not in known] if len(now) < len(was) else []
            if not gone:
                continue
            names = names_in(gone, self._namespace) - names_in(now, self._namespace)
            held: list[tuple[Any, str]] = [
                (it, f"in a dictionary, under {key!r:.60}")
                for it, key in self._named.still_there(value, names, only_told=bool(now))
            ]
            lists = [] if now else self._lists
            held += (
                (it, "in a list")
                for it in lists
                if is_one_of(value, map(self._subjects.about, it.copy()))
            )
            roots = roots_of(gone, self._namespace)
            for it, where in held:
                if any(leads_to(root, it) for root in roots) and self._is_of_program(it):
                    yield value, where

    def _is_of_program(self, held: list[Any]) -> bool:
        """Tell whether a list is not one of ours, which know of definitions as well: whether
        something of the program leads to it.
        """
        layers: list[list[Any]] = [[held]]
        known = {id(held), id(layers), id(self._lists)}
        for _ in range(_MOST_LAYERS):
            known.add(id(layers[-1]))
            above = [it for it in _core.find_referrers(layers[-1]) if id(it) not in known]
            ours = {id(attributes_of(it)) for it in above if is_ours(it)}
            found = [it for it in above if not is_ours(it)]
            if not all(map(_is_container, found)):
                return True
            known |= {id(above), id(found), *map(id, found)}
            layers.append([it for it in found if id(it) not in ours])
            if not layers[-1]:
                break
        return False

    def _exchange(
        self, value: Any, had: list[Any], before: set[int]
    ) -> tuple[_Exchange | None, str]:
        """Find out what a list is to have where new records take the places of old ones.

        Args:
            value: What the records are about.
            had: What it has now.
            before: The addresses of what it had before.

        Returns:
            What it is to have, None if there are no old ones; and why they do not give way, if so.
        """
        records = IdentitySet(it for it in had if self._subjects.about(it) is value)
        news = [it for it in records if id(it) not in before]
        kinds = [type(it) for it in news]
        olds = [it for it in records if id(it) in before and is_one_of(type(it), kinds)]
        if not olds:
            return None, ""
        why, places = "", [[it] for it in news]
        if len(olds) != len(news):
            places = [news, *([] for _ in olds[1:])]
            if len(olds) > self._decorators_of(value):
                why = "others have put some there, too"
        instead = IdentityDict(zip(olds, places, strict=True))
        others = [it for it in had if not is_one_of(it, news)]
        return _Exchange(others, [new for it in others for new in instead.get(it, [it])]), why

    def _recording(self, value: Any) -> tuple[list[ast.expr], list[ast.expr]]:
        """Return the old and the new decorators of something that may put it anywhere."""
        was, now = (
            [
                it
                for of_one in _decorators(body, _path(value))
                for it in of_one
                if _may_record(it, self._namespace)
            ]
            for body in self._bodies
        )
        return was, now

    def _decorators_of(self, value: Any) -> int:
        """Return how many decorators the old definition of something had."""
        return max(map(len, _decorators(self._bodies[0], _path(value))), default=0)


def _may_record(decorator: ast.expr, namespace: Mapping[str, Any]) -> bool:
    """Tell whether a decorator may put what it is given anywhere: those of the standard library,
    and those that build classes, make something of it.
    """
    if isinstance(decorator, ast.Attribute) and decorator.attr in ("getter", "setter", "deleter"):
        return False
    value = named(decorator.func if isinstance(decorator, ast.Call) else decorator, namespace)
    module = value.__module__ if type(value) is FunctionType else None
    if is_class(value):
        module = class_dict(value).get("__module__", "builtins")
    package = str(module).partition(".")[0]
    is_known = package in sys.stdlib_module_names or builds_a_class(decorator, namespace)
    return not is_known


def _is_part(holder: Any, known: Collection[int]) -> bool:
    """Tell whether something may be a record of what is known, or belong to one: it has more than
    its class from there, and is nothing that a class or a function is made of.

    Args:
        holder: What refers to something that is known.
        known: The addresses of what is.
    """
    kind = type(holder)
    if kind is tuple:
        return not all(is_class(it) or type(it) is CellType for it in holder)
    if kind is staticmethod or (kind is dict and "__module__" in holder):
        return any(map(_is_of_module, parts_of(holder)))  # a class may be made for one function
    if kind is dict:
        return "__spec__" not in holder
    if kind is list:  # which a dictionary may have under a name
        return True
    if is_class(holder):
        return is_made_of_one(holder)
    if kind is FunctionType:
        attributes = (it for it in gc.get_referents(holder) if type(it) is dict)
        return any(id(it) in known for it in attributes)  # __wrapped__
    if is_one_of(kind, _AROUND) or not is_wrapper(holder):
        return False
    parts = (id(it) for it in parts_of(holder) if it is not kind)
    return id(kind) not in known or is_made_of_one(kind) or any(it in known for it in parts)


def _is_of_module(value: Any) -> bool:
    """Tell whether something is a function of a module, and no method; or a wrapper of one."""
    if type(value) is staticmethod:
        value = value.__func__
    return type(value) is FunctionType and "." not in value.__qualname__


def _is_container(holder: Any) -> bool:
    """Tell whether something only passes on what it holds: it is not even the names of a module."""
    is_namespace = type(holder) is dict and "__spec__" in holder
    return is_one_of(type(holder), _CONTAINERS) and not is_namespace


def _make(
    exchange: _Exchange, held: list[Any], had: list[Any], remember: Callable[[Refilled], None]
) -> bool:
    """Let a list have what it is to have; tell if nobody has changed it meanwhile."""
    done: list[Refilled] = []
    if not refill([(held, exchange.after, had)], done.append):
        return False
    for it in done:
        it.contents[:] = [(held, exchange.after, exchange.before)]
        remember(it)
    return True


def _export_once(names: list[Any], length: int, remember: Callable[[Refilled], None]) -> None:
    """Take names out of an ``__all__`` that a decorator (``@export``) has put there once more.

    Args:
        names: The list.
        length: How long it was before.
        remember: Remembers what is to be undone.
    """
    had = names.copy()
    known = {it for it in had[:length] if type(it) is str}
    content = [
        it for at, it in enumerate(had) if at < length or type(it) is not str or it not in known
    ]
    if len(content) < len(had):
        _make(_Exchange(content, content), names, had, remember)


def _decorators(body: Sequence[ast.stmt], path: str) -> Iterator[list[ast.expr]]:
    """Yield the decorators of each definition of a qualified name."""
    name, _, rest = path.partition(".")
    for it in executed(body):
        if isinstance(it, DEFINITION_OR_CLASS) and it.name == name:
            if rest:
                yield from _decorators(it.body, rest)
            else:
                yield it.decorator_list


def _path(value: Any) -> str:
    """Return the qualified name that a definition has in its module."""
    path: str = qualname_of(value) if is_class(value) else value.__code__.co_qualname
    return path


def _twice(value: Any, why: str) -> Stale:
    return _beside(
        value, f"a list has what its decorators have put there before beside what is new: {why}"
    )


def _left(found: tuple[Any, str]) -> Stale:
    value, where = found
    why = f"a decorator of it is gone, and what that has put there is still {where}"
    return _stale(value, why, "take it out there, or restart")


def _beside(value: Any, why: str) -> Stale:
    return _stale(value, why, "take the old one out there, or restart")


def _stale(value: Any, why: str, hint: str) -> Stale:
    return Stale(qualname_of(value) if is_class(value) else value.__qualname__, why, hint)
