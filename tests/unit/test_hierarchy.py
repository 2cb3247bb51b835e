"""What CPython will say of other bases is known beforehand: compared with what it then says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mighty_patcher import _core
from mighty_patcher.engine.classes import content_of
from mighty_patcher.engine.hierarchy import Move, can_move


class Stranger(type):
    """Compares and hashes its classes in a way of its own."""

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return 1


class Ordered(type):
    def mro(cls) -> list[type]:
        return super().mro()


def commits(moves: list[Move]) -> bool:
    """Ask CPython, and take it back."""
    log = _core.Log()
    for move in moves:
        log.add_type(move.cls, content_of(move.cls), bases=move.bases)
    try:
        log.commit()
    except TypeError:
        return False
    log.undo()
    return True


def orders(classes: list[type]) -> list[list[int]]:
    return [list(map(id, cls.__mro__)) for cls in classes]


@pytest.mark.parametrize("metaclass", [type, Stranger])
def test_random_moves_of_several_classes(metaclass: type) -> None:
    chance, told = random.Random(7), {True: 0, False: 0}
    for _ in range(1500):
        root: Any = metaclass("Root", (), {})
        classes = [root]
        for number in range(chance.randint(2, 7)):
            for _ in range(5):
                bases = chance.sample(classes, min(len(classes), chance.choice([1, 1, 2, 2, 3])))
                try:
                    classes.append(metaclass(f"C{number}", tuple(bases), {}))
                    break
                except TypeError:
                    continue
        before = orders(classes)
        moved = chance.sample(classes[1:], min(len(classes) - 1, chance.choice([1, 1, 2, 3])))
        moves = [
            Move(cls, tuple(chance.sample(classes, chance.choice([1, 1, 2, 2]))), metaclass)
            for cls in moved
        ]
        expected = commits(moves)
        assert can_move(moves) is expected, [(it.cls, it.bases, it.cls.__bases__) for it in moves]
        assert orders(classes) == before
        told[expected] += 1
    assert min(told.values()) > 200, told


def test_a_class_whose_bases_move_in_the_same_commit() -> None:
    class Base: ...

    class A: ...

    class B(A): ...

    assert can_move([Move(A, (Base,), type), Move(B, (A, Base), type)])
    # Before A derives from it, Base may stand in front of A; afterwards only behind it.
    assert can_move([Move(B, (Base, A), type)])
    both = [Move(A, (Base,), type), Move(B, (Base, A), type)]
    assert not can_move(both)
    assert not can_move(both[::-1])
    assert not commits(both)


def test_an_order_that_there_is_only_when_another_class_has_moved() -> None:
    class Base: ...

    class A(Base): ...

    class B: ...

    moves = [Move(B, (Base, A), type), Move(A, (object,), type)]
    assert not can_move(moves[:1])
    assert can_move(moves)
    assert commits(moves)


def test_what_no_class_can_derive_from() -> None:
    class A: ...

    class B(A): ...

    assert not can_move([Move(A, (B,), type)])
    assert not can_move([Move(A, (A,), type)])
    assert not can_move([Move(A, (bool,), type)])
    assert not can_move([Move(A, (B, B), type)])


def test_nobody_knows_what_a_metaclass_orders() -> None:
    class Base: ...

    class A: ...

    class B(A, metaclass=Ordered): ...

    assert not can_move([Move(A, (Base,), Ordered)])
    assert not can_move([Move(A, (Base,), type)]), "B would be asked"
