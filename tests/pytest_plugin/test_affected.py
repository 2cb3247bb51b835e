"""Whatever comes out differently in a pytest that is started anew is among the tests that ran."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from application import PLACES, STAYS_OLD, filled
from terminal import write
from watching import Fresh, Outcomes, by_functions, watching

SEED = int(os.environ.get("MIGHTY_PATCHER_SEED", "1"))
EDITS = int(os.environ.get("MIGHTY_PATCHER_EDITS", "0"))
"""How many edits of several places at random are made after those of each."""


def test_whatever_changes_was_run(tmp_path: Path) -> None:
    generator = random.Random(SEED)
    edits = [[name] for name in PLACES]
    edits += [generator.sample(PLACES, generator.randint(2, 5)) for _ in range(EDITS)]
    numbers = dict.fromkeys(PLACES, 1)
    files = filled(numbers)
    wrong: list[str] = []
    stale: set[str] = set()
    with watching(tmp_path, files) as run, Fresh(tmp_path) as fresh:
        run.waits()
        before = fresh.outcomes()
        assert run.outcomes() == before
        for edit in edits:
            numbers |= {name: generator.randint(2, 999) for name in edit}
            olds, files = files, filled(numbers)
            write(tmp_path, {name: text for name, text in files.items() if olds[name] != text})
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


@by_functions
@pytest.mark.parametrize(
    ("place", "ran"),
    [
        ("unused", []),
        ("alone", ["test_alone"]),
        ("in_a_callback", ["test_sorted"]),
        ("on_a_thread", ["test_threaded"]),
        ("in_a_property", ["TestItem::test_size"]),
        ("in_a_set_up", ["TestCase::test_case"]),
        ("in_a_fixture", ["test_shared"]),
    ],
)
def test_no_more_than_that(tmp_path: Path, place: str, ran: list[str]) -> None:
    """The body of a function concerns those that have run it."""
    numbers = dict.fromkeys(PLACES, 1)
    before, after = filled(numbers), filled(numbers | {place: 2})
    with watching(tmp_path, before) as run:
        run.waits()
        run.outcomes()
        run.save({name: text for name, text in after.items() if text != before[name]})
        # What runs in another process is not seen, so that this may depend on anything.
        assert [name for name in run.ran() if name != "test_process"] == ran
