"""The options: what they cost where nobody uses them, what they refuse, what they watch."""

from __future__ import annotations

import os
import re
from importlib import metadata
from pathlib import Path

import pytest
from watching import run_pytest

NAMES = ("--reload-loop", "--reload-wait", "--reload-dir")
SAYS = """
    import sys
    def pytest_unconfigure(config):
        names = {name.partition(".")[0] for name in sys.modules}
        loaded = [name for name in sys.modules if name.startswith("mighty_patcher")]
        print("loaded", *sorted(loaded), "watchdog" in names)
"""


def test_installing_the_package_installs_the_plugin() -> None:
    """SEEDS A1."""
    try:
        points = metadata.distribution("mighty-patcher").entry_points
    except metadata.PackageNotFoundError:
        pytest.skip("the package is on the path, but is not installed")
    assert [(it.name, it.value) for it in points if it.group == "pytest11"] == [
        ("mighty_patcher", "mighty_patcher.pytest_plugin")
    ]


def test_it_costs_nothing(tmp_path: Path) -> None:
    files = {"conftest.py": SAYS, "test_it.py": "def test_a(): pass\n"}
    status, output = run_pytest(tmp_path, files)
    assert status == 0
    assert "loaded mighty_patcher mighty_patcher.pytest_plugin False\n" in output
    status, output = run_pytest(tmp_path, {}, "--reload-wait")
    assert status == 0
    assert re.search(r"loaded .*mighty_patcher\._core.* True\n", output)


def test_help(tmp_path: Path) -> None:
    """SEEDS A1."""
    status, output = run_pytest(tmp_path, {}, "--help")
    assert status == 0
    for name in NAMES:
        assert name in output
        assert re.search(rf"{name[2:].replace('-', '_')} \(", output)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--reload-loop", "--pdb"), "--reload-loop incompatible with --pdb"),
        (("--reload-wait", "--pdb"), "--reload-wait incompatible with --pdb"),
        (("--reload-loop", "-p", "no:terminal"), "--reload-loop incompatible with -p no:terminal"),
        (("--reload-dir=.",), "--reload-dir goes with --reload-loop"),
        (("--reload-wait", "--reload-dir=no"), "--reload-dir: there is no folder"),
    ],
)
def test_conflicts(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    status, output = run_pytest(tmp_path, {"test_it.py": "def test_a(): pass\n"}, *arguments)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {says}" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "settings", "watched"),
    [
        (("--reload-wait",), "", ". src"),
        (("--reload-wait", "--rootdir=tests"), "", ". src"),
        (("--reload-wait", "--reload-dir=lib", "--reload-dir", "src"), "", "lib src"),
        (("tests",), "reload_wait = true\nreload_dir =\n    lib\n    tests\n", "lib tests"),
        (("--reload-dir=src", "tests"), "reload_loop = true\nreload_dir = lib\n", "src"),
    ],
)
def test_what_is_watched(
    tmp_path: Path, arguments: tuple[str, ...], settings: str, watched: str
) -> None:
    files = {
        "pytest.ini": f"[pytest]\n{settings}",
        "src/pack/__init__.py": "",
        "lib/other.py": "",
        "tests/test_it.py": "def test_a(): pass\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    status, output = run_pytest(tmp_path, {}, *arguments)
    assert status == 0, output
    said = re.search(r"mighty_patcher: watching (.*); ", output)
    assert said is not None, output
    assert said[1].split(", ") == [os.path.normpath(it) for it in watched.split()]


def test_without_a_terminal_a_failure_ends_the_run(tmp_path: Path) -> None:
    """As with --pdb: the debugger reads the end of its input."""
    files = {"test_it.py": "def test_a(): assert 1 == 2\ndef test_b(): pass\n"}
    status, output = run_pytest(tmp_path, files, "--reload-loop")
    assert status == pytest.ExitCode.INTERRUPTED
    assert "assert 1 == 2" in output
    assert "Quitting debugger" in output
    assert "1 failed" in output


def test_capture_and_logs_are_as_without(tmp_path: Path) -> None:
    """What is reloaded while a test runs is neither in its output nor in its log."""
    status, output = run_pytest(
        tmp_path,
        {
            "app.py": "def value(): return 1\n",
            "test_it.py": """
                import logging.config, time
                from pathlib import Path
                from app import value
                def test_a(capfd, caplog):
                    logging.config.dictConfig({"version": 1})  # disables all loggers that there are
                    caplog.set_level(0)
                    Path("app.py").write_text("def value(): return 2\\n")
                    deadline = time.monotonic() + 30
                    while value() == 1:
                        assert time.monotonic() < deadline
                    print("mine", flush=True)
                    assert capfd.readouterr() == ("mine\\n", "")
                    assert not caplog.records
            """,
        },
        "--reload-wait",
    )
    assert status == 0, output
    assert "reloaded app.py: patched value" in output
