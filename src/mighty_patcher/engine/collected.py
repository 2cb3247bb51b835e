"""What metaclasses and hooks have collected in attributes of classes: ``_traits`` and
``_declared_fields`` have those of the bases, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mighty_patcher.engine.classes import mro_of
from mighty_patcher.engine.identity import is_one_of

__all__ = ["Collected", "collected_by", "has_collected"]

Collected = Mapping[str, tuple[type, frozenset[int]]]
"""By the names of containers, their types and the addresses of what is in them."""

_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_CONTAINERS: tuple[Any, ...] = (list, tuple, set, frozenset)


def collected_by(content: Mapping[str, Any]) -> Collected:
    """Return what the containers among the attributes of a class have in them, but for those of
    plain values.

    Args:
        content: The attributes.
    """
    found: dict[str, tuple[type, frozenset[int]]] = {}
    for name, value in content.items():
        items = list(_items(value))
        if not all(is_one_of(type(it), _PLAIN) for it in items):
            found[name] = type(value), frozenset(map(id, items))
    return found


def _items(value: Any) -> Iterable[Any]:
    kinds = mro_of(type(value))
    if is_one_of(dict, kinds):
        return dict.values(value)
    kind = next((it for it in _CONTAINERS if is_one_of(it, kinds)), None)
    return () if kind is None else kind.__iter__(value)


def has_collected(base: Collected, now: Collected, other: Collected) -> bool:
    """Tell whether a class has collected all that one of its bases had, where that has something
    else now.

    Args:
        base: What was in the containers of the base.
        now: What is.
        other: What is in those of the class.
    """
    nothing = type(None), frozenset[int]()
    return any(
        base[name] != now.get(name, nothing)
        and base[name][0] is other[name][0]
        and base[name][1] <= other[name][1]
        for name in base.keys() & other.keys()
    )
