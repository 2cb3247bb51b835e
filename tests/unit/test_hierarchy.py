"""What CPython will say of other bases is known beforehand: compared with what it then says."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any

import pytest

from mighty_patcher import _core
from mighty_patcher.engine.classes import content_of
from mighty_patcher.engine.hierarchy import Derivation, can_derive, making_way


class Stranger(type):
    """Compares and hashes its classes in a way of its own."""

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return 1


class Ordered(type):
    def mro(cls) -> list[type]:
        return super().mro()


def log_of(wanted: list[Derivation]) -> _core.Log:
    log = _core.Log()
    for one in wanted:
        log.add_type(one.cls, content_of(one.cls), bases=one.bases)
    return log


def commits(wanted: list[Derivation]) -> bool:
    """Ask CPython, and take it back."""
    log = log_of(wanted)
    try:
        log.commit()
    except TypeError:
        return False
    log.undo()
    return True


def orders(classes: list[type]) -> list[list[int]]:
    return [list(map(id, cls.__mro__)) for cls in classes]


@pytest.mark.parametrize("metaclass", [type, Stranger])
def test_random_bases_of_several_classes(metaclass: type) -> None:
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
        wanted = [
            Derivation(cls, tuple(chance.sample(classes, chance.choice([1, 1, 2, 2]))), metaclass)
            for cls in moved
        ]
        expected = commits(wanted)
        assert can_derive(wanted) is expected, [
            (it.cls, it.bases, it.cls.__bases__) for it in wanted
        ]
        ways = [] if expected else making_way(wanted)
        if ways:
            assert commits([*ways, *wanted]), (ways, wanted)
            helped += 1
        assert orders(classes) == before
        told[expected] += 1
    assert min(told.values()) > 200, told
    assert helped > 5


@pytest.mark.parametrize("metaclass", [type, Stranger])
def test_random_bases_of_classes_with_slots(metaclass: type) -> None:
    """With a metaclass CPython looks at the layouts of all classes in an order; who tells that
    classes can be derived must be right, and who does not know may ask.
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
        one = Derivation(chance.choice(classes), tuple(bases), metaclass)
        wanted = [one, *making_way([one])]
        if can_derive(wanted):
            try:
                log_of(wanted)
            except (TypeError, ValueError):
                continue  # laid out in another way, which others look at
            assert commits(wanted), wanted
            moved += 1
        assert orders(classes) == before
    assert moved > 50


def test_a_class_whose_bases_move_in_the_same_commit() -> None:
    class Base: ...

    class A: ...

    class B(A): ...

    assert can_derive([Derivation(A, (Base,), type), Derivation(B, (A, Base), type)])
    # Before A derives from it, Base may stand in front of A; afterwards only behind it.
    assert can_derive([Derivation(B, (Base, A), type)])
    both = [Derivation(A, (Base,), type), Derivation(B, (Base, A), type)]
    assert not can_derive(both)
    assert not can_derive(both[::-1])
    assert not commits(both)


def test_an_order_that_there_is_only_when_another_class_has_moved() -> None:
    class Base: ...

    class A(Base): ...

    class B: ...

    wanted = [Derivation(B, (Base, A), type), Derivation(A, (object,), type)]
    assert not can_derive(wanted[:1])
    assert can_derive(wanted)
    assert commits(wanted)


def test_what_no_class_can_derive_from() -> None:
    class A: ...

    class B(A): ...

    assert not can_derive([Derivation(A, (B,), type)])
    assert not can_derive([Derivation(A, (A,), type)])
    assert not can_derive([Derivation(A, (bool,), type)])
    assert not can_derive([Derivation(A, (B, B), type)])


def test_nobody_knows_what_a_metaclass_orders() -> None:
    class Base: ...

    class A: ...

    class B(A, metaclass=Ordered): ...

    assert not can_derive([Derivation(A, (Base,), Ordered)])
    assert not can_derive([Derivation(A, (Base,), type)]), "B would be asked"
