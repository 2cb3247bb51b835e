"""``--reload-watch`` beside other plugins: what they do in one run, they do in each round."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from watching import by_functions, run_pytest, watching

FILES = {
    "app.py": """
        def total(a, b):
            return a + b

        def half(a):
            return a / 2
        """,
    "test_app.py": """
        import app

        def test_total():
            assert app.total(1, 2) == 3

        def test_half():
            assert app.half(4) == 2
        """,
}


def needs(*modules: str) -> pytest.MarkDecorator:
    missing = [name for name in modules if not importlib.util.find_spec(name)]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {missing}")


@by_functions
@pytest.mark.parametrize("core", ["ctrace", "sysmon"])
@needs("pytest_cov")
def test_coverage(tmp_path: Path, core: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts through all rounds, and reports at the end; with `sys.monitoring` beside ours."""
    if core == "ctrace" and not importlib.util.find_spec("coverage.tracer"):
        pytest.skip("coverage has no compiled tracer here")
    monkeypatch.setenv("COVERAGE_CORE", core)
    with watching(tmp_path, FILES, "-p", "pytest_cov", "--cov=app") as run:
        assert "2 passed" in run.waits()
        run.outcomes()
        run.edit("app.py", "a / 2", "a // 2")
        assert run.ran() == ["test_half"]
        run.close_input()
        assert run.end() == 0
        assert re.search(r"app\.py +4 +0 +100%", run.seen)
        assert run.seen.count("tests coverage") == 1


@needs("pytest_randomly", "pytest_timeout", "pytest_rerunfailures", "pytest_mock")
def test_others(tmp_path: Path) -> None:
    """The order, time limits, reruns and mocks, all at once."""
    test = """
        import app, random, threading, pytest

        def test_seed(record_property):
            record_property("value", random.random())

        def test_mock(mocker):
            mocker.patch("app.total", return_value=app.half(8))
            assert app.total(1, 1) in (4, 2)

        @pytest.mark.timeout(1)
        @pytest.mark.flaky(reruns=0)  # pytest-timeout has one limit for a test and its reruns
        def test_long():
            if app.half(4) != 2:
                threading.Event().wait()

        def test_flaky():
            assert app.half(4) == 2
        """
    plugins = ("pytest_randomly", "pytest_timeout", "pytest_mock", "pytest_rerunfailures")
    options = [option for name in plugins for option in ("-p", name)] + ["--reruns=1"]
    with watching(tmp_path, {**FILES, "test_app.py": test}, *options) as run:
        assert "4 passed" in run.waits()
        first = run.outcomes()
        said = run.edit("app.py", "a / 2", "a / 4")
        assert "Timeout" in said
        assert "2 failed" in said
        assert "1 rerun" in said
        run.outcomes()
        said = run.edit("app.py", "a / 4", "a / 2")
        assert "failed" not in said
        run.edit("test_app.py", "import app,", "import app as app,")
        again = run.outcomes()
        name = "test_app.py::test_seed"
        assert again[name] == first[name]  # each test begins with the seed of the session


@needs("hypothesis")
def test_hypothesis(tmp_path: Path) -> None:
    """The examples of a run are other ones than those of the next: what any has run, counts."""
    test = """
        import app
        from hypothesis import given, strategies as st

        @given(st.integers(0, 9))
        def test_it(number):
            if number == 7:
                assert app.half(4) == 2
        """
    with watching(
        tmp_path, {**FILES, "test_app.py": test}, "-p", "_hypothesis_pytestplugin"
    ) as run:
        assert "1 passed" in run.waits()
        said = run.edit("app.py", "a / 2", "a / 4")
        assert "1 failed" in said
        assert "1 passed" in run.edit("app.py", "a / 4", "a / 2")


@needs("pytest_asyncio")
def test_async(tmp_path: Path) -> None:
    test = """
        import app, asyncio, pytest

        @pytest.fixture
        async def four():
            await asyncio.sleep(0)
            return 4

        @pytest.mark.asyncio
        async def test_it(four):
            await asyncio.sleep(0)
            assert app.half(four) == 2
        """
    if not importlib.util.find_spec("pytest_asyncio.plugin"):
        pytest.skip("an older pytest-asyncio")
    fixture = test.replace("@pytest.fixture", "@pytest_asyncio.fixture")
    fixture = fixture.replace("import app,", "import pytest_asyncio, app,")
    options = ("-p", "pytest_asyncio.plugin", "-W", "ignore::pytest.PytestDeprecationWarning")
    with watching(tmp_path, {**FILES, "test_app.py": fixture}, *options) as run:
        assert "1 passed" in run.waits()
        assert "1 failed" in run.edit("app.py", "a / 2", "a / 4")
        assert "1 passed" in run.edit("app.py", "a / 4", "a / 2")


@needs("xdist")
def test_xdist_is_refused(tmp_path: Path) -> None:
    status, output = run_pytest(tmp_path, FILES, "--reload-watch", "-p", "xdist", "-n", "2")
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "--reload-watch incompatible with -n" in output
