"""Objects that must disappear: whatever refers to one refers to the object that stays.

The core looks after what the collector can see. Weak containers refer to what they hold through
weak references, which belong to one object for good; so here they get others in their place.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any
from weakref import (
    KeyedRef,
    ReferenceType,
    WeakKeyDictionary,
    WeakSet,
    WeakValueDictionary,
    getweakrefs,
    ref,
)

from mighty_patcher import _core

__all__ = ["holders_of", "replace"]

Leftover = tuple[Any, Any]
Weak = WeakSet[Any] | WeakKeyDictionary[Any, Any] | WeakValueDictionary[Any, Any]


def replace(pairs: Sequence[tuple[Any, Any]], kept: Iterable[Any] = ()) -> list[Leftover]:
    """Make every reference to a donor one to its target, weak containers included.

    It runs no code of the program but ``__hash__`` and ``__eq__`` of keys, and cannot be undone.

    Args:
        pairs: Donors, each with its target.
        kept: Objects of the caller that go on holding donors, directly.

    Returns:
        Each donor that is still held, and what holds it.
    """
    # The caller's own tuples, which are among what is kept: others would be holders like any.
    pairs = [pair for pair in pairs if pair[0] is not pair[1]]
    if not pairs:
        return []
    donors, targets = [donor for donor, _ in pairs], [target for _, target in pairs]
    leftovers = _core.replace_references(donors, targets, [pairs, *pairs, *kept])
    leftovers += [
        (donor, container)
        for donor, target in pairs
        for reference, container in _weak_containers(donor)
        if not _move(reference, container, target)
    ]
    return leftovers


def holders_of(objects: Sequence[Any], but: Collection[int] = ()) -> list[Any]:
    """Return what refers to some objects directly, as far as the collector sees it.

    Args:
        objects: The objects.
        but: The addresses of what is left out.
    """
    return [it for it in gc.get_referrers(*objects) if it is not objects and id(it) not in but]


def _weak_containers(donor: Any) -> Iterator[tuple[ReferenceType[Any], Weak]]:
    """Find the containers that hold an object, each with its reference to it.

    A container hands out references whose callback knows it, as the default of an argument.
    """
    for reference in getweakrefs(donor):
        if not isinstance(reference, ref):
            continue  # a proxy
        callback = reference.__callback__
        defaults = getattr(callback, "__defaults__", None)
        if getattr(callback, "__module__", None) in ("weakref", "_weakrefset") and defaults:
            container = defaults[0]()
            if isinstance(container, WeakSet | WeakKeyDictionary | WeakValueDictionary):
                yield reference, container


def _move(reference: ReferenceType[Any], container: Weak, target: Any) -> bool:
    """Put a reference to the target in the place of one to the donor.

    Returns:
        False if a hash or a comparison of the program fails.
    """
    callback = reference.__callback__
    data: Any = vars(container)["data"]
    try:
        if isinstance(reference, KeyedRef):
            if data.get(reference.key) is reference:
                data[reference.key] = KeyedRef(target, callback, reference.key)
        elif isinstance(container, WeakSet):
            fresh = ref(target, callback)
            hash(fresh)
            if reference in data:
                data.discard(reference)
                data.add(fresh)
        else:
            fresh = ref(target, callback)
            hash(fresh)
            if reference in data:
                data[fresh] = data.pop(reference)
    except Exception:
        return False
    return True
