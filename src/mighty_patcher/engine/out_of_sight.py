"""What hooks have set on a class before, while they are called for it again.

A hook may ask what the class has: it is to find what it found when the class was made, and not
what it has set itself since. So that is out of its sight until it is done. Then what it has set
anew is what the class has, but for containers that go on: others have put something into them.
"""

from __future__ import annotations

import ast
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.class_bodies import names_declared_in_class, names_in_class
from mighty_patcher.engine.classes import (
    DERIVED,
    ClassEdit,
    class_dict,
    mro_of,
    own_slots,
    qualname_of,
)
from mighty_patcher.engine.hook_code import Stores, stores_of
from mighty_patcher.engine.identity import IdentitySet, is_one_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.values import is_plain, same_value

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["CONTAINERS", "OutOfDecoratorsSight", "OutOfSight", "was_filled_by_others"]

_SEQUENCES = (list, deque)
_SETS = (set, weakref.WeakSet)
_MAPPINGS = (
    dict,
    defaultdict,
    OrderedDict,
    weakref.WeakKeyDictionary,
    weakref.WeakValueDictionary,
)
CONTAINERS = (*_SEQUENCES, *_SETS, *_MAPPINGS)
"""The types of what others register themselves in."""

_ABSENT: Any = object()


class OutOfSight:
    """The attributes of a class that its hooks do not see.

    Hidden is what the hooks are sure to set. A container is hidden also where they perhaps do, for
    it loses nothing: what they put into another one is added to it.

    Args:
        keeper: Who keeps the objects of the module.
        cls: The class, with its new content.
        before: What it had before that.
        bound: The names that its body binds.
        hooks: What is about to be called for it, each with its arguments.
    """

    def __init__(
        self,
        keeper: Keeper,
        cls: type,
        before: Mapping[str, Any],
        bound: Iterable[str],
        hooks: Iterable[tuple[Any, tuple[Any, ...]]],
    ) -> None:
        self._keeper = keeper
        self._cls = cls
        self._before = before
        self._hidden: dict[str, Any] = {}
        self._surely: frozenset[str] = frozenset()
        own = before.keys() - set(bound) - DERIVED - own_slots(cls).keys()
        if own:
            self._hide(own, [_stores(cls, *it) for it in hooks])

    def _hide(self, own: Iterable[str], stores: list[Stores]) -> None:
        self._surely = frozenset[str]().union(*(it.surely for it in stores))
        perhaps = frozenset[str]().union(*(it.perhaps for it in stores))
        content = class_dict(self._cls)
        for name in perhaps.intersection(own, content):
            value = content[name]
            if name in self._surely or is_one_of(type(value), CONTAINERS):
                self._hidden[name] = value
                type.__delattr__(self._cls, name)

    def show(self) -> None:
        """Give the class what it is to have, after its hooks; to be called once more is nothing."""
        hidden, self._hidden = self._hidden, {}
        for name, mine in hidden.items():
            theirs = class_dict(self._cls).get(name, _ABSENT)
            if theirs is not _ABSENT and not self._goes_on(name, mine, theirs):
                continue
            type.__setattr__(self._cls, name, mine)
            if is_one_of(type(theirs), CONTAINERS):  # others may have been given it
                self._keeper.pair(mine, theirs)
                self._keeper.replaced.append((theirs, mine))

    def _goes_on(self, name: str, mine: Any, theirs: Any) -> bool:
        if same_value(mine, theirs):
            return True
        if type(mine) is not type(theirs) or not is_one_of(type(mine), CONTAINERS):
            return False
        if name not in self._surely:
            _add(mine, theirs)
            return True
        return was_filled_by_others(self._cls, self._before, mine, theirs)


class OutOfDecoratorsSight:
    """What decorators of classes do not see, until they are done: what others have set that a body
    only has annotations for.
    """

    def __init__(self) -> None:
        self._hidden: list[tuple[type, str, Any]] = []
        self._lists: list[tuple[type, str, list[Any], int]] = []

    def hide(self, edit: ClassEdit, definition: ast.ClassDef) -> None:
        """Leave it out of what a class is to have.

        Args:
            edit: The edit of the class, whose decorators will be called.
            definition: Its definition.
        """
        cls, before = edit.target, class_dict(edit.target)
        for name in names_declared_in_class(definition) & before.keys() & edit.content.keys():
            if edit.content[name] is before[name]:
                self._hidden.append((cls, name, edit.content.pop(name)))
        others = edit.content.keys() - names_in_class(definition)
        self._lists += [
            (cls, name, value, list.__len__(value))
            for name, value in edit.content.items()
            if name in others and issubclass(type(value), list)
        ]

    def show(self) -> Iterator[Stale]:
        """Give classes again what their decorators have not set.

        Yields:
            A list that they have added to, as they had when they were called for the first time.
        """
        hidden, self._hidden = self._hidden, []
        lists, self._lists = self._lists, []
        for cls, name, value in hidden:
            if name not in class_dict(cls):
                type.__setattr__(cls, name, value)
        for cls, name, value, had in lists:
            if class_dict(cls).get(name) is value and list.__len__(value) > had:
                yield Stale(
                    f"{qualname_of(cls)}.{name}",
                    "the decorators of the class were called again, and have added to what they "
                    "had put there",
                    "take out what is there twice, or restart",
                )


def was_filled_by_others(cls: type, before: Mapping[str, Any], mine: Any, theirs: Any) -> bool:
    """Tell whether a container that is made anew for a class, and is empty, had got something that
    is not of the class itself: then it was made for others to register there.

    Args:
        cls: The class.
        before: What the class had.
        mine: The container that it had.
        theirs: The new one, of the same type.
    """
    if theirs:
        return False
    contents = [before, *map(class_dict, mro_of(cls))]
    found = [value for content in contents for value in content.values() if not is_plain(value)]
    values, names = IdentitySet([cls, *found]), set[str]().union(*contents)
    items = mine.items() if is_one_of(type(mine), _MAPPINGS) else ((it,) for it in mine)
    is_own = [
        any(part in values or (type(part) is str and part in names) for part in item)
        for item in list(items)
    ]
    return not all(is_own) or not is_own


def _add(mine: Any, theirs: Any) -> None:
    """Add to a container what another one has and it has not."""
    if is_one_of(type(mine), _SEQUENCES):
        mine += [it for it in theirs if not any(same_value(it, known) for known in mine)]
    else:
        mine.update(theirs)


def _stores(cls: type, hook: Any, arguments: tuple[Any, ...]) -> Stores:
    """Find what a hook sets on the class that it is bound to, or given."""
    if type(hook) is MethodType and type(hook.__func__) is FunctionType:
        return stores_of(hook.__func__, cls)
    if type(hook) is FunctionType and is_one_of(cls, arguments):
        return stores_of(hook, cls, [it is cls for it in arguments].index(True))
    return Stores()
