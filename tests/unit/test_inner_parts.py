"""Annotations and defaults of functions that calls of others have made."""

from __future__ import annotations

import functools
import sys
import typing

import pytest

SOURCE = """\
import typing as t
import functools
class Price: pass
def make(kind=int):
    def inner(a: t.Any, b: "Price" = 1, *, c: int | None = None) -> Price:
        return a, b, c
    return inner
HELD = [make(), make(str)]
"""
OF_SOURCE = {"a": typing.Any, "b": "Price", "c": int | None, "return": "Price"}


@pytest.fixture
def module(project):
    module = project.load("m", SOURCE)
    project.engine()
    return module


@pytest.fixture
def functions(module):
    return list(module.HELD)


def annotations(module, function):
    """What a function says, with the name of a class of the module for it."""
    found = dict(function.__annotations__)
    return {k: "Price" if it is module.Price else it for k, it in found.items()}


@pytest.mark.parametrize("is_read", [True, False])
def test_annotations_become_texts_and_back(project, module, functions, is_read) -> None:
    if is_read:
        assert [annotations(module, it) for it in functions] == [OF_SOURCE] * 2
    report = project.save(m=f"from __future__ import annotations\n{SOURCE}")
    assert (report.ok, report.stale) == (True, ())
    texts = {"a": "t.Any", "b": "'Price'", "c": "int | None", "return": "Price"}
    assert [it.__annotations__ for it in functions] == [texts] * 2
    assert not project.save(m=SOURCE).stale
    assert [annotations(module, it) for it in functions] == [OF_SOURCE] * 2
    assert [it(0) for it in functions] == [(0, 1, None)] * 2


@pytest.mark.parametrize("is_read", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("a: t.Any", "a: t.Mapping[str, int]", {"a": typing.Mapping[str, int]}),
        ("-> Price", "-> float | None", {"return": float | None}),
        ("a: t.Any", "a", {"a": None}),
        (" -> Price", "", {"return": None}),
        ("*, c:", "*, c:", {}),
        ('"Price" = 1', "Price = 1", {"b": "Price"}),
        ("import functools", "from decimal import Decimal as D", {}),
    ],
)
def test_other_annotations(project, module, functions, old, new, changed, is_read) -> None:
    if is_read:
        assert [annotations(module, it) for it in functions] == [OF_SOURCE] * 2
    report = project.edit("m", old, new)
    assert (report.ok, report.stale) == (True, ())
    wanted = {k: v for k, v in {**OF_SOURCE, **changed}.items() if v is not None}
    assert [annotations(module, it) for it in functions] == [wanted] * 2
    project.engine().undo()
    assert [annotations(module, it) for it in functions] == [OF_SOURCE] * 2


def test_a_name_that_is_imported_in_the_same_save(project, functions) -> None:
    text = SOURCE.replace("import functools", "from decimal import Decimal as D")
    assert not project.save(m=text.replace("a: t.Any", "a: D")).stale
    assert {it.__annotations__["a"].__name__ for it in functions} == {"Decimal"}


def test_first_annotations(project) -> None:
    module = project.load("m", "def make():\n    def f(x): return x\n    return f\nF = make()\n")
    project.engine()
    report = project.edit("m", "f(x)", "f(x: int) -> str")
    assert (report.ok, report.stale) == (True, ())
    assert module.F.__annotations__ == {"x": int, "return": str}
    project.edit("m", "f(x: int) -> str", "f(x)")
    assert module.F.__annotations__ == {}


def test_annotations_of_what_the_call_had(project, functions) -> None:
    report = project.edit("m", "a: t.Any", "a: kind")
    [stale] = report.stale or [None]
    assert stale.what == "make.<locals>.inner"
    assert (
        stale.reason == "its annotations changed, and are made of what the enclosing function had"
    )
    assert functions[0].__annotations__["a"] is typing.Any


@pytest.mark.skipif(sys.version_info < (3, 14), reason="PEP 649")
@pytest.mark.parametrize("is_read", [True, False])
def test_annotations_of_what_is_kept_for_them(project, is_read) -> None:
    source = """\
        def make(kind):
            def f(x: kind): return x
            return f
        F = make(int)
    """
    module = project.load("m", source)
    project.engine()
    if is_read:
        assert module.F.__annotations__ == {"x": int}
    assert not project.edit("m", "x: kind", "x: list[kind]").stale
    assert module.F.__annotations__ == {"x": list[int]}
    project.engine().undo()
    assert module.F.__annotations__ == {"x": int}


@pytest.mark.usefixtures("module")
def test_annotations_that_cannot_be_evaluated(project) -> None:
    report = project.edit("m", "a: t.Any", "a: Nowhere or t.Any")
    assert report.ok
    is_lazy = sys.version_info >= (3, 14)  # nobody has asked for them
    assert [it.what for it in report.stale] == ([] if is_lazy else ["make.<locals>.inner"])


def test_a_wrapper_poses_as_what_it_wraps(project) -> None:
    source = """\
        import functools
        def traced(f):
            @functools.wraps(f)
            def wrapper(*a: int): return f(*a)
            return wrapper
        @traced
        def total(a: str, b: float): pass
    """
    module = project.load("m", source)
    project.engine()
    assert not project.edit("m", "*a: int", "*a: complex").stale
    assert module.total.__annotations__ == {"a": str, "b": float}
    assert module.total.__wrapped__.__annotations__ == {"a": str, "b": float}


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ('"Price" = 1', '"Price" = 2', (0, 2, None)),
        ('"Price" = 1', '"Price" = (1, -2)', (0, (1, -2), None)),
        ("= None", "= 5", (0, 1, 5)),
        ("a: t.Any", "a: t.Any = 7", (0, 1, None)),
    ],
)
def test_other_defaults(project, functions, old, new, result) -> None:
    report = project.edit("m", old, new)
    assert (report.ok, report.stale) == (True, ())
    assert [it(0) for it in functions] == [result] * 2
    if "7" in new:
        assert [it() for it in functions] == [(7, 1, None)] * 2
    project.save(m=SOURCE)
    assert [it(0) for it in functions] == [(0, 1, None)] * 2
    with pytest.raises(TypeError):
        functions[0]()


def test_a_default_that_is_taken_away(project, functions) -> None:
    assert not project.edit("m", " = 1", "").stale
    with pytest.raises(TypeError):
        functions[0](0)
    assert functions[0](0, 3) == (0, 3, None)


@pytest.mark.parametrize("new", ["kind", "[]", "Price"])
def test_defaults_of_which_nobody_knows_what_they_were(project, functions, new) -> None:
    report = project.edit("m", "= 1", f"= {new}")
    assert [it.what for it in report.stale] == ["make.<locals>.inner"]
    assert functions[0](0) == (0, 1, None)


def test_defaults_that_the_program_has_set(project, functions) -> None:
    functions[0].__defaults__ = (100,)
    report = project.edit("m", "= 1", "= 2")
    assert [it.what for it in report.stale] == ["make.<locals>.inner"]
    assert [it(0)[1] for it in functions] == [100, 2]


def test_methods_of_classes_that_calls_have_made(project) -> None:
    source = (
        "def make():\n    class Local:\n        T = 1\n        def m(self, x: int = 1): return x\n"
    )
    module = project.load("m", f"{source}    return Local\nC = make()\n")
    project.engine()
    assert not project.edit("m", "x: int = 1", "x: float = 2").stale
    assert (module.C().m(), module.C.m.__annotations__) == (2, {"x": float})
    assert [it.what for it in project.edit("m", "x: float", "x: T").stale]


def test_in_a_function_with_type_parameters(project) -> None:
    if sys.version_info < (3, 12):
        pytest.skip("PEP 695 came with 3.12")
    source = "def make[T]():\n    def f[U](x: int = 1): return x\n    return f\nF = make()\n"
    module = project.load("m", source)
    project.engine()
    assert not project.edit("m", "x: int = 1", "x: float = 2").stale
    assert (module.F(), module.F.__annotations__) == (2, {"x": float})
    assert project.edit("m", "x: float", "x: T").stale


def test_what_statements_make_anew_is_theirs(project) -> None:
    source = (
        "def make(n):\n    def f(x: int = 1): return x, n\n    return f\nF = make(1)\nG = make(1)\n"
    )
    module = project.load("m", source)
    f, g = module.F, module.G
    project.engine()
    text = source.replace("int = 1", "float = 2").replace("F = make(1)", "F = make(2)")
    assert not project.save(m=text).stale
    assert (module.F(), module.G()) == ((2, 2), (2, 1))
    assert f.__annotations__ == g.__annotations__ == {"x": float}


def test_nothing_else_is_looked_at(project, functions) -> None:
    before = [it.__annotations__ for it in functions]
    partial = functools.partial(functions[0], 1)
    project.edit("m", "return a, b, c", "return c, b, a")
    assert partial() == (None, 1, 1)
    assert all(it.__annotations__ is was for it, was in zip(functions, before, strict=True))
