"""Does it leak? Run it again and again, and count what is alive before and after."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

DEBUG = hasattr(sys, "gettotalrefcount")
FEW = 6 if DEBUG else 4  # runs: fewer, and what a measurement takes itself looks like a leak
ATTEMPTS = 40  # the first ones may fill caches: hundreds of runs specialise what they run


# Attributes that were looked up are cached in 4096 places, each of which holds the name it was last
# used for: where classes are made all the time, new places are hit for hundreds of runs. It is
# emptied for each count (PyType_ClearCache, by the name that it has from 3.13 on).
_clear_caches: Callable[[], None] = getattr(sys, "_clear_internal_caches", sys._clear_type_cache)


def alive() -> dict[str, int]:
    """Count the objects that the collector knows and, on debug builds, all references."""
    _clear_caches()
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
    """Fail if each run leaves an object or, on debug builds, a reference behind. Where there are
    fewer than before, something else went that might hide a leak, and so it is measured again.

    Whoever leaks one a run makes a count grow by at least `runs` at every attempt; a cache that is
    filled, or this function's own few numbers, do not.

    Args:
        body: What to run; it must clean up after itself.
        runs: How often a measurement runs it; at least `FEW`, or our own numbers (one object; five
            references on 3.14) look like a leak.
    """
    grown: list[dict[str, int]] = []
    for _ in range(ATTEMPTS):
        grown.append(growth(body, runs))
        if all(abs(count) < runs for count in grown[-1].values()):
            return
    raise AssertionError(f"leaks: each {runs} runs, what is alive grew by {grown[-5:]}")
