"""`make demo` tells a newcomer what this is for, so it had better work; its recording, too."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "demo"


def shown(cast: Path) -> str:
    """Check a cast, and return what it shows, without colours."""
    head, *events = map(json.loads, cast.read_text("utf-8").splitlines())
    assert head["version"] == 2
    assert {"width", "height", "title"} <= head.keys()
    times = [at for at, _, _ in events]
    assert times == sorted(times)
    assert {kind for _, kind, _ in events} == {"o"}
    text = "".join(text for _, _, text in events).replace("\r\n", "\n")
    return re.sub(r"\033\[\d+m", "", text)


def test_demo(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    ended = subprocess.run(
        [sys.executable, DEMO / "record.py", tmp_path / "new.cast"],
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    now, recorded = shown(tmp_path / "new.cast"), shown(DEMO / "demo.cast")
    assert now.startswith("$ make demo\n$ mighty-patcher main.py\n")
    assert now.count(" ms after the save\n") == 7
    assert "not reloaded" in now
    assert "\nKept: " in now
    changing = r"127\.0\.0\.1:\d+|process \d+|shop-\w+|\d\d:\d\d:\d\d|[\d.]+ m?s\b"
    new, old = (re.sub(changing, "...", text) for text in (now, recorded))
    assert new == old, "it does something else now: python demo/record.py"
