"""Whether classes can have other bases: what CPython will say of them, computed beforehand.

Nothing is changed for it. CPython computes the orders of methods of a class and of all that derive
from it while it sets ``__bases__``, one class at a time (``type_set_bases`` and ``mro_hierarchy``,
Objects/typeobject.c); this does the same in the same order, with tuples of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mighty_patcher.engine.classes import ClassEdit, bases_of, class_dict, mro_of

__all__ = ["Derivation", "can_derive", "making_way"]

_BASETYPE = 1 << 10  # Py_TPFLAGS_BASETYPE, Include/object.h
_flags_of = vars(type)["__flags__"].__get__
_size_of = vars(type)["__basicsize__"].__get__
_dict_place_of = vars(type)["__dictoffset__"].__get__
_weakref_place_of = vars(type)["__weakrefoffset__"].__get__
_base_of = vars(type)["__base__"].__get__
_Order = tuple[type, ...]


@dataclass(frozen=True)
class Derivation:
    """A class and what it is to derive from.

    Attributes:
        cls: The class.
        bases: Its bases to be.
        metaclass: Its metaclass to be.
    """

    cls: type
    bases: tuple[type, ...]
    metaclass: type

    @classmethod
    def of(cls, edit: ClassEdit) -> Derivation:
        """Return what an edit does to the bases of its class."""
        return cls(
            edit.target, edit.bases or bases_of(edit.target), edit.metaclass or type(edit.target)
        )


class _NobodyKnowsError(Exception):
    """A metaclass has a say in it."""


def can_derive(wanted: Sequence[Derivation]) -> bool:
    """Tell whether classes can be given other bases in one commit.

    Args:
        wanted: The classes. One that conflicts now may be possible when others have.

    Returns:
        True if CPython will do it. False if it will not, or if only CPython knows: where an ``mro``
        of a metaclass would be called, and where there is a metaclass and a layout that some of the
        bases have and others have not.
    """
    try:
        return _World().derive_all(wanted)
    except _NobodyKnowsError:
        return False


def making_way(wanted: Sequence[Derivation]) -> list[Derivation]:
    """Find what classes could derive from for a while so that others can have other bases at once.

    A class may be in the way of one that it derives from, though the text that was saved has other
    bases for both: CPython would not have made it yet.

    Args:
        wanted: The classes that are to have other bases, and cannot.

    Returns:
        What makes way: each class that is in the way, with those of its bases that do not come by
        way of the others, or else with the one that lays out its instances. Empty if nothing helps.
    """
    ways: dict[int, Derivation] = {}
    untried: dict[int, list[Derivation]] = {}
    try:
        while not (world := _World()).derive_all([*ways.values(), *wanted]):
            cls = world.in_the_way
            if cls is None or any(one.cls is cls for one in wanted):
                return []
            others = untried.setdefault(id(cls), world.ways_of(cls))
            if not others:
                return []
            ways[id(cls)] = others.pop(0)
    except _NobodyKnowsError:
        return []
    return list(ways.values())


def _has_own_layout(cls: type) -> bool:
    """Tell whether instances store more than a ``__dict__`` and a ``__weakref__``, which some
    versions have in them and others before them (``extra_ivars``, Objects/typeobject.c).
    """
    places: Any = [it for it in (_dict_place_of(cls), _weakref_place_of(cls)) if it > 0]
    return bool(_size_of(cls) - struct.calcsize("P") * len(places) != _size_of(object))


class _World:
    """The classes as they will be when some derive from others, by identity: a metaclass may hash
    and compare its classes as it likes.

    Attributes:
        in_the_way: The class that has no order of methods if another derives from others; None if
            it fails for something else.
    """

    def __init__(self) -> None:
        self.in_the_way: type | None = None
        self._failed: dict[int, _Order] = {}
        self._derived: dict[int, Derivation] = {}
        self._orders: dict[int, _Order] = {}

    def derive_all(self, wanted: Sequence[Derivation]) -> bool:
        """Derive classes from others in the order in which they can; tell whether all do."""
        waiting = list(wanted)
        while waiting:
            left = [one for one in waiting if not self.derive(one)]
            if len(left) == len(waiting):
                return False
            waiting = left
        return True

    def ways_of(self, cls: type) -> list[Derivation]:
        """Return other bases for a class that is in the way of the last that failed."""
        bases, orders = bases_of(cls), self._failed
        apart = tuple(
            base
            for base in bases
            if not any(
                any(it is base for it in orders.get(id(other)) or self._order(other))
                for other in bases
                if other is not base
            )
        )
        solid: type = _base_of(cls)
        found = [apart] if apart and len(apart) < len(bases) else []
        return [Derivation(cls, way, type(cls)) for way in [*found, (solid,)]]

    def derive(self, one: Derivation) -> bool:
        """Derive a class from others; tell whether it can, and nothing has changed if not."""
        self.in_the_way = None
        for base in one.bases:
            if not _flags_of(base) & _BASETYPE or any(it is one.cls for it in self._order(base)):
                return False
        derived, orders = dict(self._derived), dict(self._orders)
        self._derived.pop(id(one.cls), None)  # it comes last among the subclasses of its bases
        self._derived[id(one.cls)] = one
        if self._reorder(one.cls):
            return True
        self._failed = self._orders
        self._derived, self._orders = derived, orders
        return False

    def _order(self, cls: type) -> _Order:
        return self._orders.get(id(cls)) or mro_of(cls)

    def _bases(self, cls: type) -> tuple[type, ...]:
        return self._derived[id(cls)].bases if id(cls) in self._derived else bases_of(cls)

    def _reorder(self, cls: type) -> bool:
        """Compute the order of a class, then of those that derive from it."""
        metaclass = self._derived[id(cls)].metaclass if id(cls) in self._derived else type(cls)
        if next(it for it in mro_of(metaclass) if "mro" in class_dict(it)) is not type:
            raise _NobodyKnowsError
        order = self._merged(cls)
        if order is None:
            self.in_the_way = cls
            return False
        if metaclass is not type and any(map(_has_own_layout, order[1:])):
            raise _NobodyKnowsError  # mro_check, with the order of methods from before
        self._orders[id(cls)] = order
        return all(map(self._reorder, self._subclasses(cls)))

    def _subclasses(self, cls: type) -> list[type]:
        """In the order in which CPython has them: one that was given other bases was added anew."""
        derived: list[type] = type.__subclasses__(cls)
        stayed = [it for it in derived if id(it) not in self._derived]
        came = [it.cls for it in self._derived.values() if any(base is cls for base in it.bases)]
        return stayed + came

    def _merged(self, cls: type) -> _Order | None:
        """The order of one class out of those of its bases, which is C3; None if there is none."""
        bases = self._bases(cls)
        if len({id(base) for base in bases}) < len(bases):
            return None
        waiting: list[list[type]] = [list(self._order(base)) for base in bases] + [list(bases)]
        order = [cls]
        while any(waiting):
            waiting = [rest for rest in waiting if rest]
            tails = {id(it) for rest in waiting for it in rest[1:]}
            head = next((rest[0] for rest in waiting if id(rest[0]) not in tails), None)
            if head is None:
                return None
            order.append(head)
            for rest in waiting:
                if rest[0] is head:
                    del rest[0]
        return tuple(order)
