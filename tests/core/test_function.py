"""One function's content: each field alone, all together, and back again."""

from __future__ import annotations

import functools
import inspect
import sys
import traceback
import types
import typing
from collections.abc import Callable
from types import FunctionType

import pytest
from edits import commit, content, made, same

from mighty_patcher import _core

PAIR = """
def bare(): pass

def rich(a: int, b: "str" = "b", *, c: float = 0.5) -> bytes:
    'What it is for.'
    return (a, b, c)

rich.mark = object()
rich.__module__ = "elsewhere"
"""

FIELDS = {
    _core.DEFAULTS: "__defaults__",
    _core.KWDEFAULTS: "__kwdefaults__",
    _core.NAME: "__name__",
    _core.QUALNAME: "__qualname__",
    _core.MODULE: "__module__",
    _core.DOC: "__doc__",
    _core.CODE: "__code__",
    _core.CLOSURE: "__code__",  # they are only ever changed together
}


def pair() -> tuple[FunctionType, FunctionType]:
    names = made(PAIR)
    return names["bare"], names["rich"]


def closure(cells: int) -> FunctionType:
    """A function with so many free variables."""
    one, two, three = "one", "two", "three"
    makers: list[Callable[[], object]] = [
        lambda: (),
        lambda: (one,),
        lambda: (one, two),
        lambda: (one, two, three),
    ]
    return typing.cast(FunctionType, makers[cells])


@pytest.mark.parametrize(("field", "attribute"), FIELDS.items(), ids=lambda value: str(value))
def test_one_field_alone(field: int, attribute: str) -> None:
    bare, rich = pair()
    before = content(bare)
    log = commit(bare, rich, field)
    after = content(bare)
    assert after.pop(attribute) is getattr(rich, attribute)
    assert same(after, {name: before[name] for name in after})
    log.undo()
    assert same(content(bare), before)


def test_all_fields_and_back() -> None:
    bare, rich = pair()
    before, wanted = content(bare), content(rich)
    log = commit(bare, rich)
    assert same(content(bare), wanted)
    assert bare("a") == ("a", "b", 0.5)
    log.undo()
    assert same(content(bare), before)
    assert bare() is None
    assert same(content(rich), wanted)


def test_a_function_can_be_its_own_donor() -> None:
    _, rich = pair()
    before = content(rich)
    log = commit(rich, rich)
    assert same(content(rich), before)
    log.undo()
    assert same(content(rich), before)


def test_no_fields() -> None:
    bare, rich = pair()
    before = content(bare)
    commit(bare, rich, 0)
    assert same(content(bare), before)


def test_the_dictionary_is_a_copy() -> None:
    bare, rich = pair()
    bare.old = 1  # type: ignore[attr-defined]
    before = bare.__dict__
    log = commit(bare, rich, _core.DICT)
    assert bare.__dict__ == rich.__dict__
    bare.more = 2  # type: ignore[attr-defined]
    assert not hasattr(rich, "more")
    log.undo()
    assert bare.__dict__ is before
    assert before == {"old": 1}


def test_a_donor_without_a_dictionary_takes_it_away() -> None:
    bare, rich = pair()
    log = commit(rich, bare, _core.DICT)
    assert rich.__dict__ == {}
    log.undo()
    assert list(rich.__dict__) == ["mark"]


def test_annotations_and_signature_follow() -> None:
    bare, rich = pair()
    log = commit(bare, rich)
    assert typing.get_type_hints(bare) == {"a": int, "b": str, "c": float, "return": bytes}
    assert inspect.signature(bare) == inspect.signature(rich)
    log.undo()
    assert typing.get_type_hints(bare) == {}
    assert str(inspect.signature(bare)) == "()"


@pytest.mark.skipif(sys.version_info < (3, 14), reason="annotations are lazy from 3.14 on")
def test_lazy_annotations_stay_lazy() -> None:
    names = made("""
        evaluated = []
        def old(): pass
        def new(a: evaluated.append(1)): pass
    """)
    log = commit(names["old"], names["new"])
    assert names["evaluated"] == []
    assert names["old"].__annotate__ is names["new"].__annotate__
    assert names["old"].__annotations__ == {"a": None}
    assert names["evaluated"] == [1]
    log.undo()
    assert names["old"].__annotations__ == {}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type parameters are new in 3.12")
def test_type_parameters() -> None:
    names = made("def old[A](): pass\ndef new[B, C](): pass")
    before = names["old"].__type_params__
    log = commit(names["old"], names["new"], _core.TYPEPARAMS)
    assert names["old"].__type_params__ is names["new"].__type_params__
    log.undo()
    assert names["old"].__type_params__ is before


def test_globals_and_builtins() -> None:
    there, elsewhere = made("word = 'there'"), made("word = 'elsewhere'")
    elsewhere["__builtins__"] = {"len": lambda _: "no length"}
    source = "def f(): return word, len('four')"
    exec(source, there)
    exec(source, elsewhere)
    old, new = there["f"], elsewhere["f"]
    assert old() == ("there", 4)
    log = commit(old, new, _core.CODE)
    assert old() == ("there", 4)
    log.undo()
    log = commit(old, new, _core.GLOBALS | _core.BUILTINS)
    assert old() == ("elsewhere", "no length")
    log.undo()
    assert old() == ("there", 4)


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("before", range(4))
def test_any_number_of_free_variables(before: int, after: int) -> None:
    target, donor = closure(before), closure(after)
    was, cells = target(), target.__closure__
    log = commit(target, donor)
    assert target() == donor() == ("one", "two", "three")[:after]
    assert len(target.__closure__ or ()) == after == len(target.__code__.co_freevars)
    log.undo()
    assert target() == was
    assert target.__closure__ is cells


def test_no_cells_are_no_closure_once_the_log_is_gone() -> None:
    target = closure(3)
    log = commit(target, closure(0))
    assert target.__closure__ == ()
    log.discard()
    assert target.__closure__ is None
    assert target() == ()


def test_an_empty_closure_may_be_held_by_others() -> None:
    target, other = closure(3), closure(2)
    log = commit(target, closure(0))
    held = target.__closure__
    copy = FunctionType(target.__code__, target.__globals__, closure=held)
    assert held is not None
    assert (held, len(held), hash(held), repr(held), [*held]) == ((), 0, hash(()), "()", [])
    second = commit(other, target)  # the donor's empty closure is not handed on
    log.discard()
    second.discard()
    assert (held, len(held)) == ((), 0)
    assert target() == copy() == other() == ()
    with pytest.raises(TypeError):
        type(held)()


def test_each_log_outlives_the_one_before() -> None:
    target, donors = closure(2), (closure(0), closure(1), closure(3))
    last = commit(target, donors[0])
    for turn in range(12):
        log = commit(target, donors[turn % 3])
        last.discard()
        last = log
    last.undo()
    assert target() == donors[1]()
    last.discard()


def test_the_donor_and_what_refers_to_it_run_new_code_too() -> None:
    old, new = made("def f(): return 'old'")["f"], made("def f(): return 'new'")["f"]
    leftover = functools.partial(new)
    log = commit(old, new)
    assert (old(), new(), leftover()) == ("new", "new", "new")
    log.undo()
    assert (old(), new(), leftover()) == ("old", "new", "new")


def test_tracebacks_show_the_lines_of_the_new_code() -> None:
    old = made("def f(): raise KeyError")["f"]
    new = made("\n\n\ndef f():\n    x = 1\n    raise KeyError", "new.py")["f"]
    commit(old, new)
    with pytest.raises(KeyError) as caught:
        old()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.name) == ("new.py", 6, "f")
    del caught


class Called:
    def __call__(self) -> None:
        pass

    def method(self) -> None:
        pass


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (len, "builtin_function_or_method"),
        (Called, "type"),
        (Called(), "Called"),
        (Called().method, "method"),
        (functools.partial(print), "functools.partial"),
        (None, "NoneType"),
        (closure(0).__code__, "code"),
        (functools.lru_cache(closure(0)), "functools._lru_cache_wrapper"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_function_is_refused(wrong: object, kind: str) -> None:
    right = made("def f(): return 'right'")["f"]
    for target, donor in ((right, wrong), (wrong, right)):
        with pytest.raises(TypeError, match=f"^expected a function, not '{kind}'$"):
            commit(target, donor)
    assert right() == "right"


def test_fields_that_are_no_set_of_bits_are_refused() -> None:
    bare, rich = pair()
    for wrong in (-1, 1 << 99):
        with pytest.raises(OverflowError):
            commit(bare, rich, wrong)
    with pytest.raises(TypeError):
        commit(bare, rich, "CODE")  # type: ignore[arg-type]


def test_methods_of_a_class_are_patched_for_every_instance() -> None:
    names = made("""
        class A:
            def who(self): return ("old", self.name)
        a = A(); a.name = "a"
        def who(self): return ("new", self.name)
    """)
    bound = names["a"].who
    log = commit(names["A"].who, names["who"])
    assert bound() == names["a"].who() == ("new", "a")
    log.undo()
    assert bound() == ("old", "a")


def test_super_and_dunder_class_come_with_the_closure() -> None:
    names = made("""
        class Base:
            def hello(self): return ["base"]
        class A(Base):
            def hello(self): return ["old"]
        def new(__class__):
            def hello(self): return ["new", *super().hello()]
            return hello
    """)
    log = commit(names["A"].hello, names["new"](names["A"]))
    assert names["A"]().hello() == ["new", "base"]
    log.undo()
    assert names["A"]().hello() == ["old"]


def test_a_cell_is_shared_with_the_donor() -> None:
    names = made("""
        def counter():
            count = 0
            def up():
                nonlocal count
                count += 1
                return count
            return up
        def zero(): return 0
    """)
    donor = names["counter"]()
    assert donor() == 1
    log = commit(names["zero"], donor)
    assert (names["zero"](), donor()) == (2, 3)
    log.undo()
    assert (names["zero"](), donor()) == (0, 4)


def test_function_types_stay() -> None:
    bare, rich = pair()
    identity = id(bare)
    commit(bare, rich)
    assert (id(bare), type(bare)) == (identity, types.FunctionType)
