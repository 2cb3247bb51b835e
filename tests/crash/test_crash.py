"""Each script beside this file does something dangerous, and ends as its first lines say.

``# expect: exit 0``
    It survives, and says nothing.
``# expect: ValueError: the beginning of the message``
    It is refused: the exception ends it.
``# env: NAME=value``
    It runs with this in its environment.

``# row:`` is the row of the crash catalogue, and ``# unguarded:`` what happens without the core,
with ``--unguarded``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPTS = sorted(
    path for path in HERE.glob("*.py") if path.name not in ("danger.py", "test_crash.py")
)
TIMEOUT = 240.0  # seconds; a deadlock is a failure too


def header(script: Path) -> list[tuple[str, str]]:
    """The keys and values of the first lines."""
    lines = script.read_text(encoding="utf-8").splitlines()
    matches = [re.fullmatch(r"# (\w+): (.+)", line) for line in lines]
    return [(match[1], match[2]) for match in matches[: matches.index(None)] if match is not None]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_survives_or_is_refused(script: Path) -> None:
    keys = header(script)
    ((_, expected),) = (pair for pair in keys if pair[0] == "expect")
    environment = dict(value.split("=", 1) for key, value in keys if key == "env")
    result = subprocess.run(
        [sys.executable, "-X", "faulthandler", script],
        env={**os.environ, "PYTHONDEVMODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert result.stdout == ""
    if expected == "exit 0":
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert (result.returncode, expected.split(":")[0]) == (1, "ValueError")
        assert result.stderr.splitlines()[-1].startswith(expected)


def test_every_row_has_a_script() -> None:
    rows = {int(value) for script in SCRIPTS for key, value in header(script) if key == "row"}
    assert rows == {*range(1, 17)}
