"""The leak check itself."""

from __future__ import annotations

import pytest
from steady import DEBUG, steady

pytestmark = pytest.mark.unsteady("it is about the check")


def test_what_is_cleaned_up_passes() -> None:
    cycle: list[object] = []
    cycle.append(cycle)
    steady(lambda: [cycle, [object() for _ in range(100)]])


def test_a_cache_that_fills_up_passes() -> None:
    cache: dict[int, list[int]] = {}
    steady(lambda: [cache.setdefault(n, [n]) for n in range(1000)])


def test_an_object_for_each_run_is_seen() -> None:
    kept: list[object] = []
    with pytest.raises(AssertionError, match=r"^leaks: each 10 runs"):
        steady(lambda: kept.append([]))


@pytest.mark.skipif(not DEBUG, reason="only debug builds count references")
def test_a_reference_for_each_run_is_seen() -> None:
    kept, something = [], object()
    with pytest.raises(AssertionError, match=r"^leaks: each 10 runs"):
        steady(lambda: kept.append(something))
