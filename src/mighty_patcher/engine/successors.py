"""What has been made anew and takes the place of something that anybody may hold: the wrapper that
a decorator makes of a method, a function that a loop sets on a class. Whoever refers to the old one
(a bound method, a registry, a callback) is to refer to the new one.
"""

from __future__ import annotations

import ast
import gc
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import FunctionType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine import references
from mighty_patcher.engine.aliases import Aliases
from mighty_patcher.engine.class_bodies import names_in_class
from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.leftovers import leftovers, put_into_classes
from mighty_patcher.engine.module_facts import every_module, namespace_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Before, Replaced
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.wrapped import (
    DESCRIPTORS,
    functions_within,
    holders_within,
    is_own_wrapper,
    is_wrapped_by,
)

__all__ = [
    "Successors",
    "gone_from_classes",
    "may_set_members",
    "methods_lost",
    "put_in_place",
    "wrap_the_same",
]


class Successors:
    """What a run of a module has made in the place of something else."""

    def __init__(self) -> None:
        self._noted: list[tuple[Any, Any]] = []
        self._borrowed: list[Any] = []
        self._members: list[tuple[type, dict[str, Any]]] = []

    def note(self, old: Any, new: Any, *, is_borrowed: bool = False) -> None:
        """Note that whoever refers to an object is to refer to another.

        Args:
            old: The one.
            new: The other.
            is_borrowed: The other may have been there before, and others may have it.
        """
        self._noted.append((old, new))
        if is_borrowed:
            self._borrowed.append(new)

    def is_borrowed(self, new: Any) -> bool:
        """Tell whether `note` was told so of an object."""
        return is_one_of(new, self._borrowed)

    def note_members(
        self,
        before: Mapping[str, Any],
        now: Mapping[str, Any],
        decorated: Callable[[], Collection[str]],
        aliases: Aliases,
    ) -> None:
        """Note what the methods of a class are now.

        Args:
            before: What the class has.
            now: What it is about to have.
            decorated: Finds the methods that decorators have made.
            aliases: Knows the names that stand for what others have made.
        """
        anew = [
            name
            for name in now.keys() & before.keys()
            if now[name] is not before[name] and is_own_wrapper(before[name])
        ]
        if not anew:
            return
        made = decorated()
        still = IdentitySet(it for value in now.values() for it in _with_parts(value))
        for name in anew:
            for old, new in _functions_beside(before[name], now[name]):
                is_made = name in made or wrap_the_same(old, new)
                if is_made and name not in aliases.names and old not in still:
                    self.note(old, new)

    def watch(self, values: Iterable[Any]) -> list[Any]:
        """Remember the methods of classes, on which a statement may be about to set others.

        Args:
            values: What the module has; the classes among it count.

        Returns:
            What holds them.
        """
        if self._members:
            return []
        self._members += [(it, dict(class_dict(it))) for it in values if is_class(it)]
        return [content for _, content in self._members]

    def taken(self, kept_for: Callable[[Any], Any]) -> list[tuple[Any, Any]]:
        """Return what has been noted, each pair once, and forget it.

        Args:
            kept_for: Returns what is kept in the place of what was made, or that itself.
        """
        still = IdentitySet(it for cls, _ in self._members for it in class_dict(cls).values())
        for cls, before in self._members:
            for name, new in class_dict(cls).items():
                for old, made in _functions_beside(before.get(name), new):
                    if old is not made and old not in still and _are_of_one_maker(old, made):
                        self.note(old, made)
        found = {(id(old), id(new)): (old, kept_for(new)) for old, new in self._noted}
        self._borrowed = [kept_for(it) for it in self._borrowed]
        self._noted.clear()
        self._members.clear()
        return [pair for pair in found.values() if pair[0] is not pair[1]]


def may_set_members(statement: ast.stmt) -> bool:
    """Tell whether a statement may set attributes of classes: by itself, or by what it calls."""
    return any(
        isinstance(it, ast.Expr)
        or (isinstance(it, ast.Assign) and any(isinstance(at, ast.Attribute) for at in it.targets))
        for it in executed([statement])
    )


def methods_lost(
    before: Before, cls: type, definition: ast.ClassDef | None
) -> Iterator[tuple[type, str, Any]]:
    """Yield the methods of a class that are others now, or gone.

    Args:
        before: What the class had.
        cls: The class.
        definition: Its definition as it was: names that stand for what others have made are not
            the class's to lose.

    Yields:
        The class, a name, and a function that it had under that.
    """
    bound = names_in_class(definition)
    # What is called _ has been given to somebody else: `@show.register`.
    for name in before.changed(cls) - Aliases(definition, {}, {}).names - {"_"}:
        value = before.content.get(name)
        if type(value) in DESCRIPTORS or type(value) is FunctionType:
            functions = [value] if type(value) is FunctionType else functions_within(value)
            for function in functions:
                if name in bound or not _is_method_of_another(function, cls):
                    yield cls, name, function


def _is_method_of_another(function: FunctionType, cls: type) -> bool:
    """Tell whether a function stands in the body of another class: a metaclass has only lent it."""
    owner = function.__qualname__.rpartition(".")[0]
    return owner not in ("", qualname_of(cls)) and not owner.endswith("<locals>")


def gone_from_classes(methods: Iterable[tuple[type, str, Any]]) -> Iterator[tuple[str, Any, bool]]:
    """Leave out the methods that their class still has, by another name or wrapped by decorators.

    Args:
        methods: What `methods_lost` has found.

    Yields:
        The name, the function that it had, and whether it has another now.
    """
    for cls, name, old in methods:
        members = class_dict(cls)
        if not is_one_of(old, members.values()) and not is_wrapped_by(members.get(name), old):
            label = f"{members.get('__module__')}.{qualname_of(cls)}.{name}"
            yield label, old, name in members


def wrap_the_same(old: Any, new: Any) -> bool:
    """Tell whether two objects are wrappers of one function: the new one stands where the old one
    did.
    """
    if type(old) is partial and type(new) is partial:
        return old.func is new.func
    if type(old) is not FunctionType or type(new) is not FunctionType:
        return False
    inner = IdentitySet(functions_within(old))
    return any(it in inner for it in functions_within(new))


def put_in_place(
    found: list[tuple[Any, Any]],
    others: Iterable[Any],
    own: Iterable[Any],
    commit: Callable[[_core.Log], object],
    remember: Callable[[Replaced], None],
    is_borrowed: Callable[[Any], bool],
) -> Iterator[Stale]:
    """Let whatever refers to what was there before refer to what is in its place.

    What refers to both, where that is not ours alone, is left as it is: which of the two it means
    could not be told when it is taken back.

    Args:
        found: What `Successors.taken` has returned.
        others: What has names of its own. What these hold, too, need not have been made for what
            has a successor.
        own: What the engine holds of the program.
        commit: Applies a log, and remembers it.
        remember: Given what takes it back.
        is_borrowed: Tells whether others may have had what is in its place before.

    Yields:
        What cannot follow.
    """
    shared = Counter(id(old) for old, _ in found)
    shared.update(map(id, others))
    pairs = [
        (old, new)
        for old, new in found
        if is_own_wrapper(old) and not is_class(new) and shared[id(old)] == 1
    ]
    if not pairs:
        return
    within = [holder for old, new in pairs for holder in holders_within(new, old)]
    ours = [found, *found, pairs, *pairs, within, *own, *within]
    borrowed = [pair for pair in pairs if is_borrowed(pair[1])]
    holders, others = _holders(borrowed) if borrowed else (None, [])
    left = references.replace(pairs, kept=[*ours, borrowed, *others])
    known = set(map(id, [*ours, *others]))
    left = [it for it in left if id(it[1]) not in known]
    yield from leftovers(put_into_classes(left, pairs, commit))
    remember(Replaced(pairs, holders))


def _holders(pairs: list[tuple[Any, Any]]) -> tuple[list[Any], list[Any]]:
    """Find what refers to the first of each pair, and apart what is left as it is: what refers to
    the second as well, and modules, for which it is another value of a name.
    """
    olds, news = [old for old, _ in pairs], [new for _, new in pairs]
    namespaces = set(map(id, map(namespace_of, every_module())))
    found: tuple[list[Any], list[Any]] = [], []
    for holder in references.holders_of(olds):
        has_both = any(is_one_of(it, news) for it in gc.get_referents(holder))
        found[has_both or id(holder) in namespaces].append(holder)
    return found


def _with_parts(value: Any) -> list[Any]:
    """Return what an attribute has, and if that is a descriptor, what is in it."""
    parts = DESCRIPTORS.get(type(value), ())
    return [value, *(object.__getattribute__(value, name) for name in parts)]


def _functions_beside(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """Pair what an attribute had and has, and the functions in both where they are descriptors; not
    a function with a descriptor, which is called in another way.
    """
    if type(old) is type(new) or (type(old) not in DESCRIPTORS and type(new) not in DESCRIPTORS):
        for mine, theirs in zip(_with_parts(old), _with_parts(new), strict=False):
            if mine is not theirs and mine is not None and theirs is not None:
                yield mine, theirs


def _are_of_one_maker(old: Any, new: Any) -> bool:
    """Tell whether one function has made both of two, or they are wrappers of one."""
    if type(old) is not FunctionType or type(new) is not FunctionType:
        return wrap_the_same(old, new)
    name = new.__code__.co_qualname
    return (name == old.__code__.co_qualname and "<locals>" in name) or wrap_the_same(old, new)
