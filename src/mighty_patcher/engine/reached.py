"""Which functions and classes do something else now when they are called: those that changed, those
that read a name which has another value, and those that use one of these, maybe through more.

Code and names are looked at, and nothing is asked of the program: what a function reads of an
object, or is given, is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property, partial
from types import FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import class_dict, is_class, stored, subclasses_of
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.hook_code import called_on_first
from mighty_patcher.engine.identity import IdentitySet
from mighty_patcher.engine.module_facts import is_loaded, name_of_module, namespace_of
from mighty_patcher.engine.report import LINES_MOVED, Step
from mighty_patcher.engine.settling import Cache
from mighty_patcher.engine.version import Version
from mighty_patcher.engine.wrapped import functions_within

__all__ = ["Bound", "Reached", "functions_of"]

Bound = Mapping[str, Set[str]]
"""Names by the modules that have them."""

_BODY = "whose body changed"
_CHANGED = "which changed"
_MAKES = ("__init__", "__new__")
_CALLABLE = IdentitySet([FunctionType, Cache, partial])
_ROUNDS = 8
_MANY = 50
_WORD = re.compile(rb"[\w\x80-\xff]+")
_MOST = 500


class Reached:
    """Finds them.

    Args:
        modules: Modules, each with its text that is in force.
        steps: What was done.
        patched: By the addresses of the functions that have got another body, the qualified names
            of what in it is another: of it, or of what is nested in it.
        bound: The names that statements have bound again.
        changed: Those that have another value, or none.
    """

    def __init__(
        self,
        modules: Sequence[tuple[ModuleType, Version]],
        steps: Iterable[Step],
        patched: Mapping[int, Set[str]],
        bound: Bound,
        changed: Bound,
    ) -> None:
        self.why: dict[int, tuple[Any, str]] = {}
        """By the address of each the object, and why."""
        self.changed = changed
        self.names: set[str] = set()
        """What it is called anywhere."""
        self._patched = patched
        self._modules = [
            (name_of_module(module), namespace_of(module), text) for module, text in modules
        ]
        self._namespaces = {name: namespace for name, namespace, _ in self._modules}
        self._new: dict[str, set[str]] = {}  # what was found last: names, and the modules of each
        self._known: set[str] = set()  # the modules of all that was found
        self._handed_on: set[tuple[str, str]] = set()
        self._local: dict[int, dict[str, str]] = {}
        self._words: dict[str, set[bytes]] = {}  # of texts in which many were sought
        self._read: dict[int, tuple[Any, list[tuple[dict[str, Any], set[str]]]]] = {}
        for step in steps:
            if step.kind == "patched" and step.reason != LINES_MOVED:
                self._take_patched(step)
        for module, names in bound.items():
            for name in names:
                value = self._namespaces.get(module, {}).get(name)
                if self._may_have_changed(value):
                    self._add(module, name, value, _CHANGED)
        for module, names in changed.items():
            for name in names:
                self._new.setdefault(name, set()).add(module)
        for _ in range(_ROUNDS):
            if not self._new or len(self.why) > _MOST:
                break
            self._find_users()

    def has_it(self, value: Any, makers: Iterable[Any]) -> bool:
        """Tell whether something holds functions that have got another body, and nothing else of
        what has made it would do something else: no default of theirs and none of their variables
        would be another.

        Args:
            value: The value.
            makers: The functions and classes that have made it.
        """
        held = list(functions_of(value))
        if not any(id(it) in self._patched for it in held):
            return False
        own = {it.__code__.co_qualname for it in held}
        waiting, seen = list(makers), set(map(id, held))
        while waiting:
            maker = waiting.pop()
            if id(maker) in seen:
                continue
            seen.add(id(maker))
            is_explained = False
            for it in _makers(maker) if is_class(maker) else functions_of(maker):
                edited = self._patched.get(id(it), frozenset())
                found = list(self._used_by(it, own))
                if None in found or not all(_is_within(name, own) for name in edited):
                    return False
                waiting += found
                is_explained = is_explained or bool(found or edited)
            if not is_explained:
                return False
        return True

    def _used_by(self, function: FunctionType, but: Set[str]) -> Iterator[Any]:
        """Yield what a function uses of what does something else now, and None for a name that has
        another value; but for what only those in it use that have certain qualified names.
        """
        codes = (it for it in all_code(function.__code__) if not _is_within(it.co_qualname, but))
        names = {name for code in codes for name in code.co_names}
        places, seen = [function.__globals__], set()
        while places:
            namespace = places.pop()
            seen.add(id(namespace))
            if not names.isdisjoint(self.changed.get(str(namespace.get("__name__")), ())):
                yield None
            for value in [namespace[name] for name in names & namespace.keys()]:
                if id(value) in self.why:
                    yield value
                elif is_loaded(value) and id(namespace_of(value)) not in seen:
                    places.append(namespace_of(value))

    def _take_patched(self, step: Step) -> None:
        first, _, rest = step.qualname.partition(".")
        value: Any = self._namespaces.get(step.module, {}).get(first)
        if is_class(value):
            if rest in _MAKES or any(id(it) in self._patched for it in _makers(value)):
                self._add(step.module, first, value, _BODY)
        else:
            self._new.setdefault(first, set()).add(step.module)  # others may hold it in wrappers
            if type(value) in _CALLABLE:
                self._add(step.module, first, value, _BODY)

    def _may_have_changed(self, value: Any) -> bool:
        """Tell whether a value that a name was bound to may be new: what it was imported from
        elsewhere is not.
        """
        if is_class(value):
            origins = [class_dict(value).get("__module__")]
        elif type(value) in _CALLABLE:
            origins = [it.__globals__.get("__name__") for it in functions_of(value)]
        else:
            origins = []
        return any(type(it) is str and it in self._namespaces for it in origins)

    def _add(self, module: str, name: str, value: Any, why: str) -> None:
        if id(value) not in self.why:
            self.why[id(value)] = value, why
            self._find(module, name)

    def is_near(self, module: ModuleType, text: Version) -> bool:
        """Tell whether a module holds any of it, or may ask another for it."""
        values = list(namespace_of(module).values())
        if not self._with_derived.isdisjoint(map(id, values)):
            return True
        return any(last in text.data for last in self._owners) and any(
            is_loaded(it) for it in values
        )

    @cached_property
    def _with_derived(self) -> set[int]:
        classes = [value for value, _ in self.why.values() if is_class(value)]
        return {*self.why, *(id(it) for cls in classes for it in subclasses_of(cls))}

    @cached_property
    def _owners(self) -> set[bytes]:
        return set(map(_last, self._known))

    def _find_users(self) -> None:
        """Find who uses what was found last."""
        wanted, self._new = self._new, {}
        self._local.clear()
        spelt = {it.encode(errors="replace"): it for it in wanted}
        lasts = {it: {_last(owner) for owner in owners} for it, owners in wanted.items()}
        sought = {*spelt, *(last for each in lasts.values() for last in each)}
        owned: dict[str, set[str]] = {}
        for it, owners in wanted.items():
            for owner in owners:
                owned.setdefault(owner, set()).add(it)
        for name, namespace, text in self._modules:
            words = self.words_in(text, sought)
            near = {it for it in namespace.keys() & wanted.keys() if id(namespace[it]) in self.why}
            near |= owned.get(name, set())
            for word in spelt.keys() & words:
                if not lasts[spelt[word]].isdisjoint(words):
                    near.add(spelt[word])
            here = {it: wanted[it] - {name} for it in near}
            for bound, value in list(namespace.items()) if here else ():
                if id(value) in self.why:
                    self._new_in(name, bound, wanted)
                elif type(value) in _CALLABLE or _is_class_of(name, value):
                    reason = self._reason(value, here)
                    if reason is not None:
                        self._add(name, bound, value, reason)

    def words_in(self, text: Version, sought: Set[bytes]) -> Set[bytes]:
        """Return what of some words is in a text, and maybe others; each may be a part of a longer
        one.
        """
        words = self._words.get(text.path)
        if words is None:
            if len(sought) <= _MANY:
                return {word for word in sought if word in text.data}
            words = self._words[text.path] = set(_WORD.findall(text.data))
        return words

    def _new_in(self, module: str, name: str, known: Mapping[str, set[str]]) -> None:
        """Look for who asks a module for what it has from elsewhere."""
        if module not in known.get(name, ()) and (module, name) not in self._handed_on:
            self._handed_on.add((module, name))
            self._find(module, name)

    def _find(self, module: str, name: str) -> None:
        self.names.add(name)
        self._known.add(module)
        self._new.setdefault(name, set()).add(module)

    def _reason(self, value: Any, elsewhere: Mapping[str, set[str]]) -> str | None:
        """Say what a function, or one in it, uses of what does something else now."""
        known = self._read.get(id(value))
        if known is None:
            functions = list(functions_of(value) if not is_class(value) else _makers(value))
            if any(id(it) in self._patched for it in functions):
                return _BODY
            known = value, [(it.__globals__, _names_in(it)) for it in functions]
            self._read[id(value)] = known
        for namespace, names in known[1]:
            local = self._local_of(namespace)
            if not names.isdisjoint(local):
                return local[min(names & local.keys())]
            for name in () if names.isdisjoint(elsewhere) else sorted(names & elsewhere.keys()):
                if any(_leads_to(it, names, namespace) for it in elsewhere[name]):
                    return f"which uses {name}"
        return None

    def _local_of(self, namespace: dict[str, Any]) -> dict[str, str]:
        """Return the names in a namespace of what does something else or has another value."""
        if id(namespace) not in self._local:
            changed = self.changed.get(str(namespace.get("__name__")), set())
            self._local[id(namespace)] = {name: f"which reads {name}" for name in changed} | {
                name: f"which uses {name}"
                for name, value in list(namespace.items())
                if id(value) in self.why
            }
        return self._local[id(namespace)]


def functions_of(value: Any) -> Iterator[FunctionType]:
    """Yield a function, and those that it wraps or holds."""
    waiting, seen = [value], {id(value)}
    while waiting:
        it = waiting.pop()
        if type(it) is FunctionType:
            yield it
        below = [*functions_within(it), stored(it, "__wrapped__")]  # a cache of a cache
        inner = [one for one in below if type(one) in _CALLABLE and id(one) not in seen]
        seen.update(map(id, inner))
        waiting += inner


def _is_class_of(module: str, value: Any) -> bool:
    return is_class(value) and class_dict(value).get("__module__") == module


def _makers(cls: type) -> Iterator[FunctionType]:
    """Yield what is executed to make an instance, of what a class itself has: also the methods that
    its constructor calls, and those call.
    """
    content = class_dict(cls)
    waiting, seen = list(_MAKES), set(_MAKES)
    while waiting:
        value = content.get(waiting.pop())
        for it in functions_of(value) if type(value) is FunctionType else functions_within(value):
            yield it
            methods = (set(it.__code__.co_names) & content.keys()) - seen
            methods = methods and methods.intersection(called_on_first(it))
            seen |= methods
            waiting += methods


def _names_in(function: FunctionType) -> set[str]:
    return {name for code in all_code(function.__code__) for name in code.co_names}


def _is_within(name: str, owners: Set[str]) -> bool:
    """Tell whether a qualified name is one of some, or of what is nested in one of these."""
    return name in owners or any(name.startswith(f"{it}.<locals>.") for it in owners)


def _last(module: str) -> bytes:
    return module.rpartition(".")[2].encode()


def _leads_to(module: str, names: set[str], namespace: Mapping[str, Any]) -> bool:
    """Tell whether code may ask a module for something: it knows it by a name, or imports it."""
    last = module.rpartition(".")[2]
    for name in names:
        value = namespace.get(name)
        if name.rpartition(".")[2] == last or (
            is_loaded(value) and f"{module}.".startswith(f"{name_of_module(value)}.")
        ):
            return True
    return False
