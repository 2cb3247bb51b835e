"""Nested constants: an outer function that still runs makes new inner functions."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType

import pytest
from edits import commit, made, nested

from mighty_patcher import _core

SOURCE = """
def old():
    base = 1
    while True:
        def inner(): return ("old", base)
        yield inner
        yield lambda: "old lambda"

def new():
    base = 1
    while True:
        def inner(more=0): return ("new", base, more)
        yield inner
        yield lambda: "new lambda"
"""


def running() -> tuple[Iterator[FunctionType], CodeType, CodeType]:
    """A generator that has been started, its code, and the new code."""
    names = made(SOURCE)
    generator = names["old"]()
    next(generator)
    next(generator)
    return generator, names["old"].__code__, names["new"].__code__


def exchange(outer: CodeType, old: CodeType, value: CodeType) -> _core.Log:
    log = _core.Log()
    log.add_constant(outer, old, value)
    log.commit()
    return log


def inner_codes() -> tuple[CodeType, CodeType, CodeType]:
    """An outer code object, its constant, and one that can take its place."""
    names = made(SOURCE)
    outer = names["old"].__code__
    return outer, nested(outer, "inner"), nested(names["new"].__code__, "inner")


def test_a_running_generator_makes_new_functions() -> None:
    generator, old, new = running()
    first = next(generator)
    logs = [exchange(old, nested(old, name), nested(new, name)) for name in ("inner", "<lambda>")]
    assert next(generator)() == "new lambda"
    # The default is made by the outer code, which is still the old one.
    assert next(generator)(2) == ("new", 1, 2)
    assert first() == ("old", 1)
    for log in reversed(logs):
        log.undo()
    assert next(generator)() == "old lambda"
    assert next(generator)() == ("old", 1)


def test_undo_restores_the_same_constant() -> None:
    outer, old, value = inner_codes()
    before = outer.co_consts
    items = [*before]
    log = exchange(outer, old, value)
    assert outer.co_consts is before
    assert [a is b for a, b in zip(before, items, strict=True)].count(False) == 1
    log.undo()
    assert all(a is b for a, b in zip(before, items, strict=True))


def test_the_hash_of_the_constants_follows() -> None:
    outer, old, value = inner_codes()
    before = hash(outer.co_consts)
    log = exchange(outer, old, value)
    assert hash(outer.co_consts) == hash((*outer.co_consts,)) != before
    log.undo()
    assert hash(outer.co_consts) == before


def test_functions_and_constants_in_one_commit() -> None:
    generator, old, new = running()
    first = next(generator)
    donor = made("def f(): return 'whole'")["f"]
    log = _core.Log()
    log.add_constant(old, nested(old, "<lambda>"), nested(new, "<lambda>"))
    log.add_function(first, donor)
    log.commit()
    assert (first(), next(generator)()) == ("whole", "new lambda")
    next(generator)
    log.undo()
    assert (first(), next(generator)()) == (("old", 1), "old lambda")


def test_not_among_the_constants() -> None:
    outer, old, value = inner_codes()
    log = _core.Log()
    with pytest.raises(ValueError, match=r"is no constant of <code object old"):
        log.add_constant(outer, value, old)
    assert len(log) == 0


@pytest.mark.parametrize(
    "inner",
    [
        "def inner(): return a",
        "def inner(): return a, b, c",
        "def inner(): return a, c",
        "def inner(): return 1",
    ],
)
def test_other_free_variables_are_refused(inner: str) -> None:
    source = "def outer(a, b, c):\n    {}\n    return inner"
    old = made(source.format("def inner(): return a, b"))["outer"].__code__
    new = made(source.format(inner))["outer"].__code__
    log = _core.Log()
    with pytest.raises(ValueError, match=r"has free variables \('a', 'b'\), and <code object"):
        log.add_constant(old, nested(old, "inner"), nested(new, "inner"))
    assert len(log) == 0


def test_what_is_no_code_is_refused() -> None:
    outer, old, value = inner_codes()
    log = _core.Log()
    for wrong in ((None, old, value), (outer, None, value), (outer, old, None), (outer, 1, 2)):
        with pytest.raises(TypeError, match=r"^expected a code object, not '(NoneType|int)'$"):
            log.add_constant(*wrong)  # type: ignore[arg-type]
    assert len(log) == 0


def test_the_same_exchange_twice_is_one() -> None:
    outer, old, value = inner_codes()
    copy = outer.replace(co_name="copy")
    log = _core.Log()
    log.add_constant(outer, old, value)
    log.add_constant(outer, old, value)
    if copy.co_consts is outer.co_consts:
        log.add_constant(copy, old, value)
    assert len(log) == 1
    with pytest.raises(ValueError, match=r"gives way to <code object inner .* already$"):
        log.add_constant(outer, old, old)
    log.commit()
    assert value in outer.co_consts
    log.undo()
    assert any(constant is old for constant in outer.co_consts)


def test_a_constant_that_somebody_else_changed() -> None:
    outer, old, value = inner_codes()
    third = inner_codes()[1]
    target, donor = made("def f(): return 1")["f"], made("def f(): return 2")["f"]
    before = target.__code__
    late = _core.Log()
    late.add_function(target, donor)
    late.add_constant(outer, old, third)
    first = exchange(outer, old, value)
    with pytest.raises(RuntimeError, match="a constant was changed by somebody else meanwhile"):
        late.commit()
    assert not late.applied
    assert target.__code__ is before
    assert any(constant is value for constant in outer.co_consts)
    first.undo()
    late.commit()
    assert any(constant is third for constant in outer.co_consts)
    with pytest.raises(ValueError, match="is no constant of"):
        first.add_constant(outer, old, value)
    late.undo()


def test_undo_is_refused_where_somebody_else_went_on() -> None:
    outer, old, value = inner_codes()
    third = inner_codes()[1]
    first = exchange(outer, old, value)
    second = exchange(outer, value, third)
    with pytest.raises(RuntimeError, match="changed by somebody else"):
        first.undo()
    assert first.applied
    second.undo()
    first.undo()
    assert any(constant is old for constant in outer.co_consts)


def test_old_inner_functions_keep_their_code_until_they_are_patched() -> None:
    generator, old, new = running()
    first = next(generator)
    log = exchange(old, nested(old, "inner"), nested(new, "inner"))
    assert first() == ("old", 1)
    next(generator)
    commit(first, next(generator))
    assert first(3) == ("new", 1, 3)
    log.discard()
