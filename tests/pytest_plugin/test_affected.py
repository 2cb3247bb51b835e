"""Whatever comes out differently in a pytest that is started anew is among the tests that ran."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

from application import PLACES, STAYS_OLD, filled
from terminal import write
from watching import Fresh, Outcomes, by_functions, watching

SEED = int(os.environ.get("MIGHTY_PATCHER_SEED", "1"))
EDITS = int(os.environ.get("MIGHTY_PATCHER_EDITS", "0"))
"""How many edits of several places at random are made after those of each place. Where nobody asks,
only every other place is edited, by the version of Python: the next one does the others."""


def test_whatever_changes_was_run(tmp_path: Path) -> None:
    generator = random.Random(SEED)
    places = PLACES if EDITS else PLACES[sys.version_info.minor % 2 :: 2]
    edits = [[name] for name in places]
    edits += [generator.sample(PLACES, generator.randint(2, 5)) for _ in range(EDITS)]
    numbers = dict.fromkeys(PLACES, 1)
    files = filled(numbers)
    wrong: list[str] = []
    stale: set[str] = set()
    with watching(tmp_path, files) as run, Fresh(tmp_path) as fresh:
        fresh.begin()
        run.waits()
        before = fresh.outcomes()
        assert run.outcomes() == before
        for edit in edits:
            numbers |= {name: generator.randint(2, 999) for name in edit}
            olds, files = files, filled(numbers)
            write(tmp_path, {name: text for name, text in files.items() if olds[name] != text})
            fresh.begin()
            run.waits()
            chosen, after = run.outcomes(), fresh.outcomes()
            differ = _changed(before, after)
            if STAYS_OLD & set(edit):
                stale |= differ
            wrong += [f"{edit}: {test} did not run" for test in sorted(differ - chosen.keys())]
            wrong += [
                f"{edit}: {test} came to {chosen[test]}, anew to {after[test]}"
                for test in sorted(_changed(chosen, after) & chosen.keys() - stale)
            ]
            before = after
    assert not wrong, "\n".join(wrong)


def _changed(before: Outcomes, after: Outcomes) -> set[str]:
    return {test for test in after if before.get(test) != after[test]}


PRECISELY = {
    "unused": [],
    "alone": ["test_alone"],
    "in_a_callback": ["test_sorted"],
    "on_a_thread": ["test_threaded"],
    "in_a_property": ["TestItem::test_size"],
    "in_a_set_up": ["TestCase::test_case"],
    "in_a_fixture": ["test_shared"],
    "in_a_test": ["test_here"],
}


@by_functions
def test_no_more_than_that(tmp_path: Path) -> None:
    """The body of a function concerns those that have run it."""
    numbers = dict.fromkeys(PLACES, 1)
    with watching(tmp_path, filled(numbers)) as run:
        run.waits()
        run.outcomes()
        for place, ran in PRECISELY.items():
            before = filled(numbers)
            numbers[place] = 2
            after = filled(numbers)
            run.save({name: text for name, text in after.items() if text != before[name]})
            # What runs in another process is not seen, so that this may depend on anything.
            assert [name for name in run.ran() if name != "test_process"] == ran, place
