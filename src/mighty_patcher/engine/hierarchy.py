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

__all__ = ["Move", "can_move", "making_way"]

_BASETYPE = 1 << 10  # Py_TPFLAGS_BASETYPE, Include/object.h
_flags_of = vars(type)["__flags__"].__get__
_size_of = vars(type)["__basicsize__"].__get__
_dict_place_of = vars(type)["__dictoffset__"].__get__
_weakref_place_of = vars(type)["__weakrefoffset__"].__get__
_base_of = vars(type)["__base__"].__get__
_Order = tuple[type, ...]


@dataclass(frozen=True)
class Move:
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
    def of(cls, edit: ClassEdit) -> Move:
        """Return what an edit does to the bases of its class."""
        return cls(
            edit.target, edit.bases or bases_of(edit.target), edit.metaclass or type(edit.target)
        )


class _NobodyKnowsError(Exception):
    """A metaclass has a say in it."""


def can_move(moves: Sequence[Move]) -> bool:
    """Tell whether classes can be given other bases in one commit.

    Args:
        moves: The classes. One that conflicts now may be able to move when others have.

    Returns:
        True if CPython will do it. False if it will not, or if only CPython knows: where an ``mro``
        of a metaclass would be called, and where there is a metaclass and a layout that some of the
        bases have and others have not.
    """
    try:
        return _World().move_all(moves)
    except _NobodyKnowsError:
        return False


def making_way(moves: Sequence[Move]) -> list[Move]:
    """Find what classes could derive from for a while so that others can move at once.

    A class that derives from one that moves may be in its way, though the text that was saved has
    other bases for both: CPython would not have made it yet.

    Args:
        moves: The classes that are to move, and cannot.

    Returns:
        The moves that make way: of each class that is in the way, to those of its bases that do not
        come by way of the others, or else to the one that lays out its instances. Empty if nothing
        helps.
    """
    ways: dict[int, Move] = {}
    untried: dict[int, list[Move]] = {}
    try:
        while not (world := _World()).move_all([*ways.values(), *moves]):
            cls = world.in_the_way
            if cls is None or any(move.cls is cls for move in moves):
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
    """The classes as they will be after some moves, by identity: a metaclass may hash and compare
    its classes as it likes.

    Attributes:
        in_the_way: The class that has no order of methods if another moves; None if a move fails
            for something else.
    """

    def __init__(self) -> None:
        self.in_the_way: type | None = None
        self._failed: dict[int, _Order] = {}
        self._moved: dict[int, Move] = {}
        self._orders: dict[int, _Order] = {}

    def move_all(self, moves: Sequence[Move]) -> bool:
        """Move classes in the order in which they can, and tell whether all have moved."""
        waiting = list(moves)
        while waiting:
            left = [move for move in waiting if not self.move(move)]
            if len(left) == len(waiting):
                return False
            waiting = left
        return True

    def ways_of(self, cls: type) -> list[Move]:
        """Return other bases for a class that is in the way of the last that could not move."""
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
        return [Move(cls, way, type(cls)) for way in [*found, (solid,)]]

    def move(self, move: Move) -> bool:
        """Move a class, and tell whether it can; nothing has changed if not."""
        self.in_the_way = None
        for base in move.bases:
            if not _flags_of(base) & _BASETYPE or any(it is move.cls for it in self._order(base)):
                return False
        moved, orders = dict(self._moved), dict(self._orders)
        self._moved.pop(id(move.cls), None)  # it comes last among the subclasses of its bases
        self._moved[id(move.cls)] = move
        if self._reorder(move.cls):
            return True
        self._failed = self._orders
        self._moved, self._orders = moved, orders
        return False

    def _order(self, cls: type) -> _Order:
        return self._orders.get(id(cls)) or mro_of(cls)

    def _bases(self, cls: type) -> tuple[type, ...]:
        return self._moved[id(cls)].bases if id(cls) in self._moved else bases_of(cls)

    def _reorder(self, cls: type) -> bool:
        """Compute the order of a class, then of those that derive from it."""
        metaclass = self._moved[id(cls)].metaclass if id(cls) in self._moved else type(cls)
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
        """In the order in which CPython has them: one that moved was added anew."""
        derived: list[type] = type.__subclasses__(cls)
        stayed = [it for it in derived if id(it) not in self._moved]
        came = [it.cls for it in self._moved.values() if any(base is cls for base in it.bases)]
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
