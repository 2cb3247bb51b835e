"""Random programs of several modules, random edits, and after each save the question whether the
process that reloads is what a fresh one is; see `rules.py` for what is asked, and what is not.

The seed is printed at the start. A failure prints the smallest program and saves that
were found to show it, and what repeats it. CONTRIBUTING.rst has the variables of the long mode.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")

SEQUENCES = int(os.environ.get("FUZZ_SEQUENCES", "170"))
PARTS = 2 if SEQUENCES < 1000 else 20

Fuzzing = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("part", range(PARTS))
def test_a_reloaded_process_is_what_a_fresh_one_is(
    part: int, first_seed: int, fuzzing: Fuzzing
) -> None:
    count = max(1, SEQUENCES // PARTS)
    done = fuzzing(first_seed + part * count, count)
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


def test_what_was_wrong_once(fuzzing: Fuzzing) -> None:
    done = fuzzing("found")
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


of_the_oracle = pytest.mark.skipif(
    "CI" in os.environ and sys.version_info[:2] != (3, 13),
    reason="it asks about the comparison alone; one interpreter is enough",
)


@of_the_oracle
@pytest.mark.parametrize("sabotage", ["stale binding", "old code", "lost state"])
def test_what_is_wrong_is_noticed(sabotage: str, first_seed: int, fuzzing: Fuzzing) -> None:
    done = fuzzing(first_seed, 10, sabotage)
    noticed = int(done.stdout.rpartition("noticed: ")[2] or -1)
    assert noticed >= 4, done.stdout + done.stderr


@of_the_oracle
def test_two_fresh_processes_are_alike(first_seed: int, fuzzing: Fuzzing) -> None:
    """What is compared depends on nothing but the texts."""
    done = fuzzing(first_seed, 10, "twice")
    assert done.returncode == 0, done.stdout + done.stderr
