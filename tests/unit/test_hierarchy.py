"""What CPython will say of other bases is known beforehand: compared with what it then says."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from mighty_patcher import _core
from mighty_patcher.engine.classes import content_of
from mighty_patcher.engine.hierarchy import Move, can_move, making_way


class Stranger(type):
    """Compares and hashes its classes in a way of its own."""

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return 1


class Ordered(type):
    def mro(cls) -> list[type]:
        return super().mro()


def log_of(moves: list[Move]) -> _core.Log:
    log = _core.Log()
    for move in moves:
        log.add_type(move.cls, content_of(move.cls), bases=move.bases)
    return log


def commits(moves: list[Move]) -> bool:
    """Ask CPython, and take it back."""
    log = log_of(moves)
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
    chance, told, helped = random.Random(7), {True: 0, False: 0}, 0
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
        ways = [] if expected else making_way(moves)
        if ways:
            assert commits([*ways, *moves]), (ways, moves)
            helped += 1
        assert orders(classes) == before
        told[expected] += 1
    assert min(told.values()) > 200, told
    assert helped > 5


@pytest.mark.parametrize("metaclass", [type, Stranger])
def test_random_moves_of_classes_with_slots(metaclass: type) -> None:
    """With a metaclass CPython looks at the layouts of all classes in an order; who tells that
    classes can move must be right, and who does not know may ask.
    """
    chance, moved = random.Random(7), 0
    for _ in range(2000):
        made = [("a",), ("a",), ()]
        classes: list[Any] = [metaclass("Base", (), {"__slots__": slots}) for slots in made]
        classes.append(metaclass("Root", (), {}))
        for number in range(chance.randint(1, 4)):
            content = chance.choice([{}, {"__slots__": ()}, {"__slots__": (f"s{number}",)}])
            bases = chance.sample(classes, chance.choice([1, 2]))
            with suppress(TypeError):
                classes.append(metaclass(f"C{number}", tuple(bases), content))
        before = orders(classes)
        bases = chance.sample(classes, chance.choice([1, 2]))
        move = Move(chance.choice(classes), tuple(bases), metaclass)
        moves = [move, *making_way([move])]
        if can_move(moves):
            try:
                log_of(moves)
            except (TypeError, ValueError):
                continue  # laid out in another way, which others look at
            assert commits(moves), moves
            moved += 1
        assert orders(classes) == before
    assert moved > 50


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
