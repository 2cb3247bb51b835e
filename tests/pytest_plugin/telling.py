"""A plugin of a child pytest, which writes down what each test came to."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

_TOLD = Path(os.environ["TOLD"]).absolute()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    properties = " ".join(f"{name}={value}" for name, value in report.user_properties)
    what = f"{report.when} {report.outcome} {properties if report.when == 'call' else ''}"
    with _TOLD.open("a", encoding="utf-8") as file:
        file.write(json.dumps([report.nodeid, what.strip()]) + "\n")
