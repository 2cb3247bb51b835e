"""Whether classes can have other bases: what CPython will say of them, computed beforehand.

Nothing is changed for it. CPython computes the orders of methods of a class and of all that derive
from it while it sets ``__bases__``, one class at a time (``type_set_bases`` and ``mro_hierarchy``,
Objects/typeobject.c); this does the same in the same order, with tuples of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mighty_patcher.engine.classes import ClassEdit, bases_of, class_dict, mro_of

__all__ = ["Move", "can_move"]

_BASETYPE = 1 << 10  # Py_TPFLAGS_BASETYPE, Include/object.h
_flags_of = vars(type)["__flags__"].__get__
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
    """A metaclass has a say in the order."""


def can_move(moves: Sequence[Move]) -> bool:
    """Tell whether classes can be given other bases in one commit.

    Args:
        moves: The classes. One that conflicts now may be able to move when others have.

    Returns:
        True if CPython will do it. False if it will not, or if only CPython knows: where an ``mro``
        of a metaclass would be called.
    """
    world = _World()
    waiting = list(moves)
    try:
        while waiting:
            left = [move for move in waiting if not world.move(move)]
            if len(left) == len(waiting):
                return False
            waiting = left
    except _NobodyKnowsError:
        return False
    return True


class _World:
    """The classes as they will be after some moves, by identity: a metaclass may hash and compare
    its classes as it likes.
    """

    def __init__(self) -> None:
        self._moved: dict[int, Move] = {}
        self._orders: dict[int, _Order] = {}

    def move(self, move: Move) -> bool:
        """Move a class, and tell whether it can; nothing has changed if not."""
        for base in move.bases:
            if not _flags_of(base) & _BASETYPE or any(it is move.cls for it in self._order(base)):
                return False
        moved, orders = dict(self._moved), dict(self._orders)
        self._moved.pop(id(move.cls), None)  # it comes last among the subclasses of its bases
        self._moved[id(move.cls)] = move
        if self._reorder(move.cls):
            return True
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
            return False
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
