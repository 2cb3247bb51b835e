"""Whatever comes out differently in a fresh pytest is among the tests that were chosen."""

from __future__ import annotations

import os
import random
from pathlib import Path

from application import PLACES, STAYS_OLD, filled
from watching import Fresh, watching, write

SEED = int(os.environ.get("MIGHTY_PATCHER_SEED", "1"))
EDITS = int(os.environ.get("MIGHTY_PATCHER_EDITS", "0"))
"""How many random edits of several places are made after those of each."""

PRECISE = {
    "in_a_body": 6,
    "in_a_default": None,
    "in_a_callback": 1,
}


def test_whatever_changes_was_chosen(tmp_path: Path) -> None:
    numbers = dict.fromkeys(PLACES, 1)
    generator = random.Random(SEED)
    edits = [[name] for name in PLACES]
    edits += [generator.sample(PLACES, generator.randint(2, 5)) for _ in range(EDITS)]
    files = filled(numbers)
    with watching(tmp_path, files, is_terminal=False) as process, Fresh(tmp_path) as fresh:
        process.waits()
        known = process.outcomes()
        before = fresh.outcomes()
        assert known == before
        stale: set[str] = set()
        wrong = []
        for edit in edits:
            numbers |= {name: generator.randint(2, 999) for name in edit}
            write(tmp_path, changed(tmp_path, filled(numbers)))
            process.waits()
            chosen = process.outcomes()
            after = fresh.outcomes()
            differ = {test for test in after if before.get(test) != after[test]}
            if not differ <= chosen.keys():
                wrong.append(f"{edit}: {sorted(differ - chosen.keys())} not chosen")
            stale = stale | (differ if STAYS_OLD & set(edit) else set())
            for test in chosen.keys() & after.keys():
                if chosen[test] != after[test] and test not in stale:
                    wrong.append(f"{edit}: {test} was {chosen[test]}, and is {after[test]}")
            before = after
    assert not wrong, "\n".join(wrong)


def changed(folder: Path, files: dict[str, str]) -> dict[str, str]:
    import textwrap

    return {
        name: text
        for name, text in files.items()
        if (folder / name).read_text("utf-8") != textwrap.dedent(text).removeprefix("\n")
    }
