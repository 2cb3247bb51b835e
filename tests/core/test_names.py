"""The names that hold an object."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from mighty_patcher import _core


def test_each_name_in_the_order_of_namespaces_and_names() -> None:
    one, two, other = object(), object(), object()
    spaces: list[dict[str, Any]] = [
        {"a": other, "b": two, "c": one},
        {},
        {"d": one, "e": one, "f": [one]},
    ]
    found = _core.names_holding(spaces, [one, two])
    assert found == [(0, "b", two), (0, "c", one), (2, "d", one), (2, "e", one)]
    assert all(spaces[at][name] is value for at, name, value in found)


def test_nothing_sought_or_nowhere() -> None:
    assert _core.names_holding([{"a": 1}], []) == _core.names_holding([], [object()]) == []


def test_more_than_fit_at_first() -> None:
    value = object()
    spaces = [{f"{at}_{n}": value for n in range(50)} for at in range(20)]
    found = _core.names_holding(spaces, [value, value])
    assert found == [(at, name, value) for at in range(20) for name in spaces[at]]


def test_equal_is_not_the_same() -> None:
    class Equal:
        def __eq__(self, other: object) -> bool:
            raise AssertionError("nothing of the program runs")

        __hash__ = None  # type: ignore[assignment]

    one, two = Equal(), Equal()
    assert _core.names_holding([{"a": one, "b": two}], [two]) == [(0, "b", two)]


def test_all_modules() -> None:
    spaces = [vars(it) for it in dict(sys.modules).values() if type(it) is type(sys)]
    found = _core.names_holding(spaces, [_core])
    assert [(spaces[at]["__name__"], name) for at, name, _ in found if spaces[at] is globals()] == [
        (__name__, "_core")
    ]


@pytest.mark.parametrize("wrong", [None, [], "dict"])
def test_no_namespace(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a dictionary"):
        _core.names_holding([{}, wrong], [1])


def test_while_another_thread_binds_names() -> None:
    space: dict[str, Any] = {"here": test_all_modules}
    go_on, began = [True], threading.Event()

    def bind() -> None:
        while go_on:
            space.update({str(n): n for n in range(200)})
            began.set()
            for n in range(200):
                del space[str(n)]

    thread = threading.Thread(target=bind)
    thread.start()
    try:
        assert began.wait(60)
        for _ in range(300):
            found = _core.names_holding([space], [test_all_modules])
            assert found == [(0, "here", test_all_modules)]
    finally:
        go_on.clear()
        thread.join()
