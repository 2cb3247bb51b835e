"""Bare code for a function: all else that the function has stays, and no donor is needed."""

from __future__ import annotations

import dis
import sys
from types import CellType, FunctionType
from typing import Any

import pytest
from edits import made

from mighty_patcher import _core

SOURCE = """
def target(a, b=1, *, c=2):
    "old"
    return a, b, c
target.mark = "mark"

def donor(a, b=10, *, c=20):
    "new"
    return "new", a, b, c

def maker(x, y):
    def none(): return 0
    def one(): return x
    def two(): return x, y
    return none, one, two
"""


def given(target: Any, code: Any, closure: Any = (), *doc: Any) -> _core.Log:
    """Commit bare code."""
    log = _core.Log()
    log.add_code(target, code, closure, *doc)
    log.commit()
    return log


class TestContent:
    def test_code_is_new_and_all_else_stays(self) -> None:
        names = made(SOURCE)
        target, defaults = names["target"], names["target"].__defaults__
        given(target, names["donor"].__code__)
        assert target(0) == ("new", 0, 1, 2)
        assert target.__defaults__ is defaults
        assert (target.__doc__, target.mark, target.__name__) == ("old", "mark", "target")

    def test_a_docstring(self) -> None:
        names = made(SOURCE)
        for doc in ("new", None):
            given(names["target"], names["donor"].__code__, (), doc)
            assert names["target"].__doc__ is doc

    def test_undo_is_exact(self) -> None:
        names = made(SOURCE)
        target = names["target"]
        before = target.__code__, target.__closure__, target.__doc__
        given(target, names["donor"].__code__, (), "new").undo()
        assert all(
            now is then
            for now, then in zip(
                (target.__code__, target.__closure__, target.__doc__), before, strict=True
            )
        )

    @pytest.mark.parametrize("before", range(3))
    @pytest.mark.parametrize("after", range(3))
    def test_any_number_of_free_variables(self, before: int, after: int) -> None:
        target = made(SOURCE)["maker"](1, 2)[before]
        code = made(SOURCE)["maker"](0, 0)[after].__code__
        log = given(target, code, tuple(map(CellType, "xy"[:after])))
        assert target() == [0, "x", ("x", "y")][after]
        log.undo()
        assert target() == [0, 1, (1, 2)][before]
        log.discard()


class TestRefused:
    @pytest.mark.parametrize("cells", [0, 1, 3])
    def test_another_number_of_cells(self, cells: int) -> None:
        code = made(SOURCE)["maker"](1, 2)[2].__code__
        with pytest.raises(ValueError, match=f"has 2 free variables and {cells} cells"):
            _core.Log().add_code(made(SOURCE)["target"], code, tuple(map(CellType, range(cells))))

    def test_what_is_no_cell(self) -> None:
        code = made(SOURCE)["maker"](1, 2)[1].__code__
        with pytest.raises(ValueError, match="no cell"):
            _core.Log().add_code(made(SOURCE)["target"], code, (1,))  # type: ignore[arg-type]

    @pytest.mark.parametrize("wrong", ["code", "closure", "target"])
    def test_another_type(self, wrong: str) -> None:
        names = made(SOURCE)
        right = {"target": names["target"], "code": names["donor"].__code__, "closure": ()}
        log = _core.Log()
        with pytest.raises(TypeError):
            log.add_code(**{**right, wrong: [1]})
        assert len(log) == 0


@pytest.mark.skipif(sys.version_info < (3, 13), reason="a cleared version is given anew")
def test_a_function_keeps_being_specialised() -> None:
    names = made(f"{SOURCE}\ndef patched(): return target(1, 2)\ndef fresh(): return donor(1, 2)")
    given(names["target"], names["donor"].__code__)
    calls = []
    for caller in (names["patched"], names["fresh"]):
        for _ in range(200):
            caller()
        instructions = dis.get_instructions(caller, adaptive=True)
        calls.append([i.opname for i in instructions if i.opname.startswith("CALL")])
    assert calls[0] == calls[1] != ["CALL"]


def test_what_is_refused_or_undone_leaves_nothing() -> None:
    """Like every test here it is repeated for leaks."""
    names = made(SOURCE)
    code, nested = names["donor"].__code__, names["maker"](1, 2)[2]
    given(names["target"], code, (), "doc").discard()
    given(nested, names["maker"](3, 4)[0].__code__).discard()
    given(nested, names["maker"](3, 4)[2].__code__, (CellType(1), CellType(2))).undo()
    with pytest.raises(ValueError, match="cells"):
        _core.Log().add_code(nested, code, (CellType(),))
    assert isinstance(nested, FunctionType)
