"""The random programs run in a process of their own, which the tests only start."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Fuzzing = Callable[..., "subprocess.CompletedProcess[str]"]


def pytest_report_header() -> str:
    return f"fuzz: FUZZ_SEED={SEED}"


SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().randrange(10**6))


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
