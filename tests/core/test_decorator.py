"""What stands in for a decorator calls it, and once more where somebody makes way for it."""

from __future__ import annotations

import sys

import pytest

from mighty_patcher import _core


def nobody(*_):
    """Nothing was left as it was."""


class Way:
    """Makes way some times, and notes what it is told."""

    def __init__(self, times=1):
        self.times = times
        self.said = []

    def __call__(self, value):
        self.said.append(value)
        return self if self.times else None

    def give_back(self):
        self.said.append("give back")
        self.times -= 1
        return self if self.times else None

    def done(self):
        self.said.append("done")


def refusing(times):
    """A decorator that raises some times, each time another error."""
    errors = [LookupError(str(number)) for number in range(times)]

    def decorate(value):
        if errors:
            raise errors.pop(0)
        return [value]

    return decorate


def test_it_returns_what_the_decorator_returns():
    way = Way()
    assert _core.Decorator(refusing(0), way, nobody)(1) == [1]
    assert way.said == []


def test_it_is_called_once_more():
    way = Way()
    assert _core.Decorator(refusing(1), way, nobody)(1) == [1]
    assert way.said == [1, "done"]


def test_it_is_called_as_often_as_somebody_makes_way():
    way = Way(3)
    assert _core.Decorator(refusing(3), way, nobody)(1) == [1]
    assert way.said == [1, "give back", "give back", "done"]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_the_first_error_is_raised(times):
    way = Way(times)
    with pytest.raises(LookupError, match=r"^0$") as raised:
        _core.Decorator(refusing(9), way, nobody)(1)
    assert way.said == [1, *["give back"] * times]
    assert raised.value.__context__ is None


def test_what_is_no_exception_is_none_of_its_business():
    def interrupt(value):
        raise KeyboardInterrupt

    way = Way()
    with pytest.raises(KeyboardInterrupt):
        _core.Decorator(interrupt, way, nobody)(1)
    assert way.said == []


def test_an_error_of_who_makes_way_is_raised():
    def make_way(value):
        raise RuntimeError("no way")

    with pytest.raises(RuntimeError, match="no way"):
        _core.Decorator(refusing(1), make_way, nobody)(1)


def test_it_has_no_frame_of_its_own():
    def who_calls(value):
        return sys._getframe(1)

    assert _core.Decorator(who_calls, None, nobody)(1) is sys._getframe()


def test_it_wants_one_argument():
    with pytest.raises(TypeError):
        _core.Decorator(refusing(0), None, nobody)()
    with pytest.raises(TypeError):
        _core.Decorator(refusing(0), None, nobody)(1, 2)


def counting(*results):
    """A decorator that returns something else each time, or raises it."""
    left = list(results)

    def decorate(value):
        made = left.pop(0)
        if isinstance(made, BaseException):
            raise made
        return made

    return decorate


def test_it_is_called_once_more_where_something_was_left():
    way, asked = Way(), []
    decorate = counting("first", "second", "third")

    def ask_again(decorator, value):
        asked.append((decorator, value))
        return way

    assert _core.Decorator(decorate, None, ask_again)(1) == "second"
    assert (asked, way.said) == ([(decorate, 1)], ["done"])


def test_what_it_has_made_the_first_time_counts_if_it_raises_then():
    way = Way()
    decorate = counting("first", LookupError())
    assert _core.Decorator(decorate, None, lambda *_: way)(1) == "first"
    assert way.said == ["done"]


def test_an_interrupt_is_raised_and_all_is_given_back():
    way = Way()
    with pytest.raises(KeyboardInterrupt):
        _core.Decorator(counting("first", KeyboardInterrupt()), None, lambda *_: way)(1)
    assert way.said == ["done"]


def test_who_raises_at_first_is_not_asked_again():
    way = Way()

    def ask_again(*_):
        raise AssertionError

    assert _core.Decorator(refusing(1), way, ask_again)(1) == [1]
