"""`make demo` tells a newcomer what this is for, so it had better work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "demo" / "run.py"


def test_demo() -> None:
    ended = subprocess.run(
        [sys.executable, DEMO], capture_output=True, text=True, encoding="utf-8", timeout=120
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    effects = re.findall(r"^ +after  tick .* <- \d+ ms after the save$", ended.stdout, re.MULTILINE)
    assert len(effects) == 4
    assert "not reloaded" in ended.stdout
    assert "\nKept: " in ended.stdout
