"""Does it leak? Run it again and again, and count what is alive before and after."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

DEBUG = hasattr(sys, "gettotalrefcount")
ATTEMPTS = 40  # the first ones may fill caches: hundreds of runs specialise what they run


def alive() -> dict[str, int]:
    """Count the objects that the collector knows and, on debug builds, all references."""
    gc.collect()
    counts = {"objects": len(gc.get_objects())}
    if DEBUG:
        counts["references"] = sys.gettotalrefcount()
    return counts


def growth(body: Callable[[], object], runs: int) -> dict[str, int]:
    """Say by how much each count grew over so many runs."""
    before = alive()
    for _ in range(runs):
        body()
    after = alive()
    return {what: after[what] - before[what] for what in before}


def steady(body: Callable[[], object], runs: int = 10) -> None:
    """Fail if each run leaves an object or, on debug builds, a reference behind.

    Whoever leaks one a run makes a count grow by at least `runs` at every attempt; a cache that is
    filled, or this function's own few numbers, do not.

    Args:
        body: What to run; it must clean up after itself.
        runs: How often a measurement runs it; at least 10, or our own numbers look like a leak.
    """
    grown: list[dict[str, int]] = []
    for _ in range(ATTEMPTS):
        grown.append(growth(body, runs))
        if all(count < runs for count in grown[-1].values()):
            return
    raise AssertionError(f"leaks: each {runs} runs, what is alive grew by {grown[-5:]}")
