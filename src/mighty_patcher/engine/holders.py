"""Who goes on holding what a name has had: modules that imported it follow, and nobody else can.

An attribute of an instance, a closure, a default, a list: to replace the object there would be a
guess, for the new one has not seen what the old one has. So they are named in the report. Numbers,
text and the like are not looked for: who holds a 5 holds no particular one.
"""

from __future__ import annotations

import gc
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import (
    BuiltinFunctionType,
    CellType,
    FrameType,
    FunctionType,
    GenericAlias,
    MappingProxyType,
    MethodType,
    ModuleType,
    UnionType,
)
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.bindings import names_holding
from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.module_facts import every_module, name_of_module, namespace_of
from mighty_patcher.engine.report import Stale, Step

__all__ = ["described", "is_ours", "listed", "still_held", "with_other_names"]

_MOST_OBJECTS = 64
_MOST_HOLDERS = 2000
_MOST_PASSES = 6
_MOST_NAMED = 3
_VALUES = (
    *(bool, int, float, complex, str, bytes, range, slice, tuple, frozenset, type(None)),
    *(ModuleType, BuiltinFunctionType, GenericAlias, UnionType, re.Pattern, type(...)),
)
_PARTS = IdentityDict[type, str](
    [
        (list, "a list"),
        (dict, "a dict"),
        (set, "a set"),
        (frozenset, "a frozenset"),
        (tuple, "a tuple"),
        (deque, "a deque"),
        (CellType, "a variable"),
        (MethodType, "a bound method"),
        (MappingProxyType, "a view of a dict"),
    ]
)
_OURS = __name__.partition(".")[0]


def still_held(replaced: Sequence[tuple[str, Any, bool]], ours: Iterable[Any]) -> Iterator[Stale]:
    """Name who holds objects that their names do not have any more.

    It takes a few passes over the heap, and runs nothing of the program. What only the old objects
    themselves lead to is not counted: it goes with them.

    Args:
        replaced: Names, each with the object that it had, and whether it has another now.
        ours: Containers of the engine, which hold such objects directly.

    Yields:
        One for each object that somebody holds.
    """
    objects = [entry for entry in replaced if _is_somebodys(entry[1])][:_MOST_OBJECTS]
    has_name = {id(value) for _, _, value in names_holding([old for _, old, _ in objects])}
    objects = [entry for entry in objects if id(entry[1]) not in has_name]
    if not objects:
        return
    olds = [old for _, old, _ in objects]
    heap = _Heap(olds, [*ours, *objects, objects, olds])
    for name, old, has_other in objects:
        holders = (it for it in heap.holders(old) if not _was_once(it, name, old))
        found = Counter(map(heap.describe, holders))
        if found:
            now = "it has something else now" if has_other else "it is gone from the source"
            yield Stale(
                name,
                f"{now}, and what it had is still in {listed(found)}",
                "make that anew or assign it there, or restart",
            )


def with_other_names(
    module: str, prefix: str, before: Iterable[tuple[str, Any]], names: Mapping[str, Any]
) -> Iterator[Step]:
    """Say of names that stood for an object which has another name, too, that who holds the object
    has what that one stands for now.

    Args:
        module: The name of the module.
        prefix: What stands before the names: that of a class, with its dot.
        before: Names, each with the object that it stood for.
        names: What the names of the module or class stand for now.
    """
    for name, old in before:
        if name in names and names[name] is not old and _is_somebodys(old):
            others = [it for it, value in list(names.items()) if value is old and it != name]
            if others:
                reason = f"what it stood for is still {others[0]}, also for who holds that"
                yield Step("kept", module, prefix + name, 0, reason)


def described(holders: Sequence[Any], ours: Iterable[Any]) -> dict[int, str]:
    """Say in words where some objects are, each by its address, but for those that are nowhere.

    Args:
        holders: The objects.
        ours: Containers of the engine, which hold such objects directly.
    """
    olds = [*holders]
    heap = _Heap(olds, [*ours, holders, olds])
    return {id(it): heap.describe(it) for it in holders if heap.is_alive(it)}


def is_ours(value: Any) -> bool:
    """Tell whether something is of the engine."""
    if type(value) is _core.Log:
        return True
    if type(value) is FrameType:
        return str(value.f_globals.get("__name__")).partition(".")[0] == _OURS
    module = class_dict(type(value)).get("__module__")
    return isinstance(module, str) and module.partition(".")[0] == _OURS


def _was_once(holder: Any, name: str, old: Any) -> bool:
    """Tell whether what holds a method is a class that the one of its name was made of, or what was
    in such a class.
    """
    if type(holder) is dict:
        return "__module__" in holder and holder.get(name.rpartition(".")[2]) is old
    if not is_class(holder):
        return False
    module = class_dict(holder).get("__module__")
    return name.rpartition(".")[0] == f"{module}.{qualname_of(holder)}"


def _is_somebodys(value: Any) -> bool:
    """Tell whether an object is one of its own, and no value that anybody may have or share."""
    kind = type(value)
    return not is_one_of(kind, _VALUES) and class_dict(kind).get("__module__") != "typing"


def _part_of(value: Any) -> str | None:
    """Say what a part of something else is; None for what is one of its own."""
    return _PARTS.get(type(value), None)


class _Heap:
    """What leads to some objects, as far up as must be known to tell whether it is alive."""

    def __init__(self, olds: list[Any], ours: list[Any]) -> None:
        self._namespaces = {id(names): name for name, names in _namespaces()}
        self._found: list[Any] = []  # keeps them, so that addresses are not taken by others
        self._ours = set(map(id, ours))
        self._above: dict[int, list[Any]] = {id(old): [] for old in olds}
        self._bookkeeping = {id(ours), id(self._found), *map(id, self._above.values())}
        self._goes_with_old: set[int] = set()
        self._alive = self._reached_from(self._climb(olds))

    def holders(self, old: Any) -> list[Any]:
        """Return what refers directly to an object, and is alive."""
        return [it for it in self._above[id(old)] if id(it) in self._alive]

    def is_alive(self, value: Any) -> bool:
        """Tell whether anything leads to an object."""
        return id(value) in self._alive or self._is_held_unseen(value)

    def describe(self, holder: Any, depth: int = 4) -> str:
        """Say in words where something is held."""
        above = self._above.get(id(holder), [])
        if is_class(holder):
            return f"class {qualname_of(holder)}"
        if type(holder) is FunctionType:
            return f"{holder.__qualname__}()"
        kind = _part_of(holder)
        if kind is None:
            return f"an object of type {qualname_of(type(holder))}"
        if type(holder) is CellType:
            above = [it for closure in above for it in self._above.get(id(closure), ())]
        for it in above:
            if type(it) is FunctionType and (type(holder) is tuple or type(holder) is CellType):
                part = "a default" if type(holder) is tuple else "a variable"
                return f"{part} of {it.__qualname__}()"
            if type(holder) is tuple and is_class(it):
                return self.describe(it)
            if id(it) in self._namespaces:
                return f"{self._namespaces[id(it)]}.{_key_of(holder, it)}"
            if type(holder) is dict and _part_of(it) is None and type(it) is not FrameType:
                return self.describe(it)  # its attributes, and nothing is asked to find out
        if above and depth:
            return f"{kind} in {self.describe(above[0], depth - 1)}"
        return kind

    def _climb(self, olds: list[Any]) -> list[Any]:
        """Go up from some objects until everything is known to be alive, or ends at one of them.

        Returns:
            What is alive, whatever refers to it.
        """
        is_old, below = set(map(id, olds)), list(olds)
        for _ in range(_MOST_PASSES):
            targets, found = set(map(id, below)), _core.find_referrers(below)
            below.clear()
            while found:
                holder = found.pop()
                if id(holder) in self._bookkeeping:
                    continue
                reached = {id(it) for it in (*gc.get_referents(holder), type(holder))} & targets
                if id(holder) in is_old or self._is_ours(holder):
                    self._goes_with_old |= reached
                    continue
                for one in reached:
                    self._above[one].append(holder)
                if id(holder) not in self._above:
                    self._above[id(holder)] = []
                    self._bookkeeping.add(id(self._above[id(holder)]))
                    self._found.append(holder)
                    if not self._is_end(holder):
                        below.append(holder)
            if not below or len(self._found) > _MOST_HOLDERS:
                break
        return below + [it for it in self._found if self._is_end(it) or self._is_held_unseen(it)]

    def _is_held_unseen(self, value: Any) -> bool:
        """Tell whether an object that nothing seems to refer to is held all the same: by a frame
        that is running, or in C. Parts of others are not: the undo log has such.
        """
        return (
            not self._above[id(value)]
            and id(value) not in self._goes_with_old
            and _part_of(value) is None
        )

    def _reached_from(self, ends: list[Any]) -> set[int]:
        """Return the addresses of what some objects lead to, and of themselves."""
        below: dict[int, list[int]] = {}
        for one, holders in self._above.items():
            for holder in holders:
                below.setdefault(id(holder), []).append(one)
        alive, waiting = set(map(id, ends)), list(map(id, ends))
        while waiting:
            news = [it for it in below.get(waiting.pop(), ()) if it not in alive]
            alive.update(news)
            waiting += news
        return alive

    def _is_ours(self, value: Any) -> bool:
        return id(value) in self._ours or is_ours(value)

    def _is_end(self, holder: Any) -> bool:
        return id(holder) in self._namespaces or is_class(holder) or type(holder) is FrameType


def _namespaces() -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name_of_module(module), namespace_of(module)) for module in every_module())


def _key_of(value: Any, namespace: dict[str, Any]) -> str:
    return next((name for name, it in list(namespace.items()) if it is value), "?")


def listed(found: Counter[str]) -> str:
    """Return places in words, the first few of them.

    Args:
        found: The places, and how often each is one.
    """
    shown = [f"{it} ({count} times)" if count > 1 else it for it, count in found.most_common()]
    more = len(shown) - _MOST_NAMED
    if more > 1:
        shown[_MOST_NAMED:] = [f"{more} more"]
    return ", ".join(shown[:-1]) + " and " + shown[-1] if len(shown) > 1 else shown[0]
