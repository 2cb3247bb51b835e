"""What others remember of a class and have to learn anew when it has changed: abstract methods of
the classes that derive from it, what ``isinstance`` and ``functools.singledispatch`` have cached.
"""

from __future__ import annotations

import functools
from _abc import _get_dump, _reset_caches  # type: ignore[import-not-found]
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, getweakrefs

from mighty_patcher import _core
from mighty_patcher.engine import references
from mighty_patcher.engine.classes import (
    abstract_methods,
    bases_of,
    class_dict,
    content_of,
    is_abc,
    is_slot_of,
    mro_of,
    subclasses_of,
)
from mighty_patcher.engine.collected import Collected, collected_by
from mighty_patcher.engine.enums import Members, members_of
from mighty_patcher.engine.identity import IdentitySet, are_same
from mighty_patcher.engine.protocols import protocol_content
from mighty_patcher.engine.toplevel import is_special

__all__ = [
    "FIELDS",
    "Before",
    "Cache",
    "Cleared",
    "Registered",
    "Remember",
    "Replaced",
    "Restored",
    "Settled",
    "Undoable",
    "Undone",
    "entries_of",
    "hook_of",
    "settle",
    "type_of_dict",
]

if TYPE_CHECKING:
    Cache = functools._lru_cache_wrapper[object]
else:
    Cache = functools._lru_cache_wrapper
"""What ``functools.lru_cache`` makes."""

FIELDS = ("__dataclass_fields__", "__attrs_attrs__")
"""Attributes of classes whose fields a decorator has collected."""


@dataclass
class Before:
    """What a class was like, as far as others remember it.

    Attributes:
        bases: Its bases.
        special: The special names that it had.
        metaclass: Its metaclass.
        hook: What was told of classes that derive from it.
        content: Its attributes.
        line: The classes that it inherited from, in order.
        members: Its members, if it is an enumeration.
        collected: What its containers have in them.
    """

    bases: tuple[type, ...]
    special: set[str]
    metaclass: type
    hook: Any
    content: dict[str, Any]
    line: tuple[type, ...]
    members: Members
    collected: Collected

    @classmethod
    def of(cls, owner: type) -> Before:
        """Note what a class is like now."""
        content = content_of(owner)
        return cls(
            bases_of(owner),
            _special(owner),
            type(owner),
            hook_of(owner),
            content,
            mro_of(owner)[1:],
            members_of(owner),
            collected_by(content),
        )

    def changed(self, owner: type) -> set[str]:
        """Return the attributes that hold something else now, or nothing any more."""
        now = content_of(owner)
        return {
            name
            for name in {**self.content, **now}
            if (name == "__doc__" or not name.startswith("__"))
            and (name not in now or self.content.get(name) is not now[name])
        }

    def other_values(self, owner: type) -> set[str]:
        """Return those that changed and are values; methods and the like are none."""
        content = {**self.content, **class_dict(owner)}
        found = {it for it in self.changed(owner) if not hasattr(type(content[it]), "__get__")}
        if not are_same(self.bases, bases_of(owner)):
            found |= self._otherwise_inherited(owner) - class_dict(owner).keys()
        return found

    def _otherwise_inherited(self, owner: type) -> set[str]:
        """Return the values that are inherited now and were not, or the other way round."""
        before, now = (_values_of(line) for line in (self.line, mro_of(owner)[1:]))
        return {
            name
            for name in before.keys() | now.keys()
            if name not in before or name not in now or before[name] is not now[name]
        }


def _values_of(line: Iterable[type]) -> dict[str, Any]:
    """Return what classes have of values, the first of each name; methods and the like are none."""
    found: dict[str, Any] = {}
    for cls in line:
        found = {**class_dict(cls), **found}
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("__") and not hasattr(type(value), "__get__")
    }


@dataclass
class Settled:
    """A class that others have learnt anew. When the commit is undone they have to once more; so
    this is remembered before the commit, and undone after it.

    Attributes:
        cls: The class.
    """

    cls: type

    def undo(self) -> None:
        """Let everybody learn anew."""
        if is_abc(type(self.cls)):
            _reset_caches(self.cls)
        changed = [self.cls, *subclasses_of(self.cls)]
        _forget_instance_checks(changed)
        _forget_dispatch(changed)


@dataclass
class Undone:
    """Who follows a class back when its edit is undone; remembered before the commit, too.

    Attributes:
        cls: The class.
        follow: What is called with it.
    """

    cls: type
    follow: Callable[[type], None]

    def undo(self) -> None:
        """Let it follow."""
        self.follow(self.cls)


@dataclass
class Restored:
    """A class that a framework has changed in the wake of another.

    Attributes:
        cls: The class.
        content: What it was before.
    """

    cls: type
    content: dict[str, Any]

    def undo(self) -> None:
        """Give it back what it was."""
        log = _core.Log()
        log.add_type(self.cls, self.content)
        log.commit()


@dataclass
class Cleared:
    """Caches that were cleared. What they remember since is stale when the reload is undone.

    Attributes:
        caches: What ``functools.lru_cache`` has made.
    """

    caches: list[Cache]

    def undo(self) -> None:
        """Clear them once more."""
        for cache in self.caches:
            Cache.cache_clear(cache)


@dataclass
class Replaced:
    """Objects that have taken the place of others wherever these were referred to.

    Attributes:
        pairs: What was referred to, and what is now.
        holders: What referred to it, where others may refer to what is there now, too; else None.
    """

    pairs: list[tuple[Any, Any]]
    holders: list[Any] | None = None

    def undo(self) -> None:
        """Refer to what was referred to before."""
        pairs, self.pairs = self.pairs, []
        holders, self.holders = self.holders, None
        others = []
        if holders is not None:
            others = references.holders_of([new for _, new in pairs], set(map(id, holders)))
        references.replace([(new, old) for old, new in pairs], kept=[pairs, *pairs, *others])


@dataclass
class Registered:
    """A registry of the program from which something is taken out, and put there again.

    Attributes:
        registry: The registry, alone.
        before: What it had.
    """

    registry: tuple[dict[Any, Any]]
    before: dict[Any, Any]

    def undo(self) -> None:
        """Give it back what it had."""
        (registry,) = self.registry
        if type(registry) is dict:
            log = _core.Log()
            log.add_items(registry, self.before)
            log.commit()
            return
        plain = type_of_dict(registry)
        for key in entries_of(registry).keys() - self.before.keys():
            plain.pop(registry, key, None)
        plain.update(registry, self.before)


def type_of_dict(registry: dict[Any, Any]) -> Any:
    """Return the type of the standard library whose methods keep a dictionary in order, and run no
    code of the program.
    """
    return OrderedDict if issubclass(type(registry), OrderedDict) else dict


def entries_of(registry: dict[Any, Any]) -> dict[Any, Any]:
    """Return what a dictionary has, of whatever type it is."""
    return dict.copy(registry)


class Undoable(Protocol):
    """What a reload has done, and can take back."""

    def undo(self) -> None:
        """Take it back."""


Remember = Callable[[Undoable], None]
"""Remembers what is to be undone, the last thing first."""


def settle(cls: type, before: Before) -> _core.Log | None:
    """Let everybody learn anew what they remember of a class.

    Args:
        cls: The class, which has changed.
        before: What it was like.

    Returns:
        The edits of classes that derive from it, to be committed; None if there are none.
    """
    moved = not are_same(bases_of(cls), before.bases)
    if is_abc(type(cls)):
        _reset_caches(cls)
    if moved or _special(cls) != before.special:
        _forget_instance_checks([cls, *subclasses_of(cls)])
    if moved:
        _forget_dispatch([cls, *subclasses_of(cls)])
    has_other_slots = moved or _slots(cls, before.content) != _slots(cls, content_of(cls))
    log = _core.Log()
    for it in [cls, *subclasses_of(cls)]:
        content = content_of(it)
        known = content.get("__abstractmethods__")
        is_other = False
        if known is not None and it is not cls and is_abc(type(it)):
            now = content["__abstractmethods__"] = abstract_methods(content, mro_of(it)[1:])
            is_other = now != known
        if has_other_slots:  # of all bases: what `copyreg` reads when an instance is copied
            is_other = content.pop("__slotnames__", None) is not None or is_other
        remembered = {} if it is cls else protocol_content(it, cls, before.content)
        if is_other or remembered:
            log.add_type(it, content | remembered)
    return log if len(log) else None


def _slots(cls: type, content: Mapping[str, Any]) -> set[str]:
    return {name for name, value in content.items() if is_slot_of(cls, value)}


def hook_of(cls: type) -> Any:
    """Return the ``__init_subclass__`` that classes derived from a class are made with."""
    return next((it for it in map(_own_hook, mro_of(cls)) if it is not None), None)


def _own_hook(cls: type) -> Any:
    return class_dict(cls).get("__init_subclass__")


def _special(cls: type) -> set[str]:
    return {name for name in class_dict(cls) if is_special(name)}


def _forget_instance_checks(changed: list[type]) -> None:
    """ABCs remember which classes are theirs and which are not, until a class is registered."""
    # Its caches are sets of weak references with a callback of its own (_add_to_weak_set,
    # Modules/_abc.c): where there is none, nobody has to be looked for.
    references = IdentitySet(
        reference
        for cls in changed
        for reference in getweakrefs(cls)
        if getattr(reference.__callback__, "__name__", None) == "_destroy"
    )
    for cls in subclasses_of(object) if references else ():
        if is_abc(type(cls)) and "_abc_impl" in class_dict(cls):
            _, theirs, not_theirs, _ = _get_dump(cls)
            if any(reference in references for reference in (*theirs, *not_theirs)):
                _reset_caches(cls)


def _dispatching_code() -> Iterator[CodeType]:
    """The code of what ``functools.singledispatch`` returns."""
    for constant in functools.singledispatch.__code__.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == "wrapper":
            yield constant


def _forget_dispatch(changed: list[type]) -> None:
    """Generic functions remember which implementation a class leads to: in a dictionary with weak
    keys; a class that is in none has not to be forgotten, and all functions not to be looked at.
    """
    of_dictionaries = WeakKeyDictionary.__init__.__qualname__ + ".<locals>."
    if not any(
        str(getattr(reference.__callback__, "__qualname__", "")).startswith(of_dictionaries)
        for cls in changed
        for reference in getweakrefs(cls)
    ):
        return
    for function in _core.find_functions(list(_dispatching_code()), []):
        clear: Any = vars(function).get("_clear_cache")
        if clear is not None:
            clear()
