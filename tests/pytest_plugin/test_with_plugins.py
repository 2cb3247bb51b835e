"""The loop beside other plugins, each in a process that has only that one."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping

import pytest
from terminal import AtTerminal, Terminal

WAITS = "waits for a save; Ctrl-C leaves it failed and goes on"
APP = "def value():\n    return 1\n"
FAILS = """
    from app import value
    def test_a(): assert value() == 2
    def test_b(): pass
"""
FILES = {"app.py": APP, "test_app.py": FAILS}


def with_plugin(
    start: AtTerminal, plugin: str, files: Mapping[str, str], *arguments: str
) -> Terminal:
    """Start pytest with one plugin; skip where it is not there."""
    try:
        importlib.import_module(plugin)
    except ImportError as error:
        pytest.skip(f"{plugin} cannot be had on this Python: {error}")
    return start(files, "-p", plugin, *arguments)


def test_cov(at_terminal: AtTerminal) -> None:
    run = with_plugin(
        at_terminal,
        "pytest_cov.plugin",
        FILES,
        "--reload-wait",
        "--cov=app",
        "--cov-report=term-missing",
    )
    run.expect(WAITS)
    run.edit("app.py", "1", "2")
    screen = run.end()
    assert re.search(r"app\.py +2 +0 +100%", screen)
    assert "2 passed" in screen


def test_mock(at_terminal: AtTerminal) -> None:
    """What is mocked is taken back before the next attempt."""
    test = """
        import app
        def test_a(mocker):
            assert not hasattr(app.value, "mock_calls")
            mocker.patch("app.value", return_value=3)
            assert app.value() == 2
        def test_b():
            assert app.value() == 1
    """
    run = with_plugin(
        at_terminal, "pytest_mock", {"app.py": APP, "test_app.py": test}, "--reload-loop"
    )
    assert "assert 3 == 2" in run.prompt()
    run.mend("test_app.py", "app.value() == 2", "app.value() == 3")
    assert "2 passed" in run.end()


@pytest.mark.parametrize(("func_only", "method"), [("false", "signal"), ("true", "signal")])
def test_timeout(at_terminal: AtTerminal, func_only: str, method: str) -> None:
    """Each attempt has the time that the first one has."""
    test = """
        import time
        def test_a(): time.sleep(3600)
        def test_b(): pass
    """
    run = with_plugin(
        at_terminal,
        "pytest_timeout",
        {"test_app.py": test},
        "--reload-wait",
        "--timeout=0.5",
        "-o",
        f"timeout_func_only={func_only}",
        f"--timeout-method={method}",
    )
    assert "Timeout (>0.5s)" in run.expect(WAITS)
    run.edit("test_app.py", "3600", "1800")
    shown = run.expect(WAITS)
    assert "Timeout (>0.5s)" in shown
    assert "1800" in shown
    run.edit("test_app.py", "1800", "0")
    assert "2 passed" in run.end()


def test_randomly(at_terminal: AtTerminal) -> None:
    """Random numbers are the same in each attempt."""
    test = """
        import random
        def test_a():
            with open("numbers", "a") as file:
                print(random.random(), file=file)
            assert 1 == 2
        def test_b(): pass
    """
    run = with_plugin(at_terminal, "pytest_randomly", {"test_app.py": test}, "--reload-wait", "-v")
    run.expect(WAITS)
    run.edit("test_app.py", "def test_b", "def test_new(): pass\ndef test_b")
    run.expect(WAITS)
    run.edit("test_app.py", "assert 1 == 2", "assert 2 == 2")
    assert "3 passed" in run.end()
    first, second, third = (run.folder / "numbers").read_text().split()
    assert first == second == third


def test_rerunfailures(at_terminal: AtTerminal) -> None:
    """A test that is marked as flaky waits at its first failure, as it does with --pdb."""
    test = """
        import pytest
        @pytest.mark.flaky(reruns=2)
        def test_a(): assert 1 == 2
        def test_b(): pass
    """
    run = with_plugin(
        at_terminal, "pytest_rerunfailures", {"test_app.py": test}, "--reload-wait", "-v"
    )
    run.expect(WAITS)
    run.edit("test_app.py", "1 == 2", "2 == 2")
    assert "2 passed" in run.end()


def test_rerunfailures_for_all(at_terminal: AtTerminal) -> None:
    run = with_plugin(at_terminal, "pytest_rerunfailures", FILES, "--reload-loop", "--reruns=2")
    assert "ERROR: --reload-loop incompatible with --reruns" in run.end(
        status=pytest.ExitCode.USAGE_ERROR
    )


def test_hypothesis(at_terminal: AtTerminal) -> None:
    test = """
        from hypothesis import given, settings, strategies as st
        from app import value
        @settings(database=None)
        @given(n=st.integers(0, 100))
        def test_a(n): assert value() + n >= n + 2
        def test_b(): pass
    """
    run = with_plugin(
        at_terminal,
        "_hypothesis_pytestplugin",
        {"app.py": APP, "test_app.py": test},
        "--reload-loop",
    )
    shown = run.prompt()
    assert re.search(r"test_a\(\s+(E +)?n=0", shown), shown
    assert "-> def test_a(n): assert value() + n >= n + 2" in shown
    run.mend("app.py", "return 1", "return 2")
    assert "2 passed" in run.end()


def test_xdist(at_terminal: AtTerminal) -> None:
    """Its processes have no terminal; nothing happens but a line that says so."""
    run = with_plugin(at_terminal, "xdist.plugin", FILES, "--reload-loop", "-n1")
    screen = run.end(status=1)
    assert screen.count("mighty_patcher: --reload-loop does nothing with -n") == 1
    assert "1 failed, 1 passed" in screen
    assert "(Pdb)" not in screen


def test_xdist_without_processes(at_terminal: AtTerminal) -> None:
    run = with_plugin(at_terminal, "xdist.plugin", FILES, "--reload-wait", "-n0")
    run.expect(WAITS)
    run.edit("app.py", "1", "2")
    assert "2 passed" in run.end()


ASYNC = """
    import asyncio
    import pytest
    from app import value
    made = []
    {fixture}
    async def fresh():
        made.append(1)
        yield len(made)
        await asyncio.sleep(0)
    {marked}
    async def test_a(fresh):
        await asyncio.sleep(0)
        assert value() == 2
    class TestIn:
        {marked}
        async def test_b(self, fresh):
            assert fresh == 5
    {more}
"""


@pytest.mark.parametrize("plugin", ["pytest_asyncio.plugin", "anyio.pytest_plugin"])
def test_async(at_terminal: AtTerminal, plugin: str) -> None:
    """SEEDS A10: the application, an async test, an async fixture."""
    if plugin == "pytest_asyncio.plugin":
        names = ("import pytest_asyncio\n    @pytest_asyncio.fixture", "@pytest.mark.asyncio", "")
    else:
        backend = '@pytest.fixture\n    def anyio_backend(): return "asyncio"'
        names = ("@pytest.fixture", "@pytest.mark.anyio", backend)
    test = ASYNC.format(fixture=names[0], marked=names[1], more=names[2])
    run = with_plugin(
        at_terminal, plugin, {"app.py": APP, "test_app.py": test}, "--reload-loop", "-v"
    )
    assert "assert 1 == 2" in run.prompt()
    run.edit("app.py", "return 1", "return 2")
    run.prompt()
    run.edit("test_app.py", "assert value() == 2", "assert value() == 3")
    run.prompt()
    run.type("c")
    assert "assert 2 == 3" in run.prompt()
    run.mend("test_app.py", "assert value() == 3", "assert value() == 2")
    assert "assert 4 == 5" in run.prompt()
    run.mend("test_app.py", "yield len(made)", "yield len(made) and 5")
    screen = run.end()
    assert "test_a PASSED after 3 attempts" in screen
    assert "TestIn::test_b PASSED after 2 attempts" in screen
