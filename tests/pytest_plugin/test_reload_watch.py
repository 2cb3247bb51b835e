"""``pytest --reload-watch``: what runs when, without a terminal."""

from __future__ import annotations

import signal
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from terminal import write
from watching import WAITS, by_functions, run_pytest, watching

APP = {
    "app.py": """
        def total(a, b): return a + b
        def half(a): return a / 2
        LIMIT = 3
        """,
    "test_app.py": """
        import app
        def test_total(): assert app.total(1, 2) == 3
        def test_half(): assert app.half(4) == 2
        def test_limit(): assert app.LIMIT == 3
        """,
    "test_other.py": """
        def test_other(): assert 1 + 1 == 2
        """,
}


@by_functions
def test_what_can_be_affected(tmp_path: Path) -> None:
    with watching(tmp_path, APP) as run:
        assert "4 passed" in run.waits()
        run.outcomes()
        said = run.edit("app.py", "a + b", "a - b")
        assert "reloaded app.py: patched total" in said
        assert "1 of 4 tests can be affected" in said
        assert "assert -1 == 3" in said
        assert "1 failed in" in said
        assert run.ran() == ["test_total"]
        run.edit("app.py", "a / 2", "a // 2")
        assert run.ran() == ["test_total", "test_half"]  # what has failed runs each time, and first
        run.edit("app.py", "a - b", "a + b")
        assert run.ran() == ["test_total"]
        assert "no test can be affected" in run.edit("app.py", "a // 2", "a // 2  # floor")
        run.edit("app.py", "LIMIT = 3", "LIMIT = 4")
        assert run.ran() == ["test_total", "test_half", "test_limit"]
        run.edit("test_other.py", "== 2", "== 3")
        assert run.ran() == ["test_limit", "test_other"]
        run.close_input()
        assert run.end() == pytest.ExitCode.TESTS_FAILED


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="there sys.monitoring tells more")
def test_by_modules(tmp_path: Path) -> None:
    """What needs a module that was touched runs, and nothing else."""
    files = {
        **APP,
        "more.py": "import app\n",
        "test_more.py": "import more\ndef test_more(): pass\n",
        "test_mark.py": """
            import pytest, app
            @pytest.mark.parametrize("it", [app.half(4)])
            def test_mark(it): assert it == 2
            """,
    }
    with watching(tmp_path, files) as run:
        run.waits()
        run.outcomes()
        run.edit("app.py", "a / 2", "a / 4")
        assert "test_other" not in (ran := run.ran())
        assert {"test_total", "test_half", "test_limit", "test_more", "test_mark[1.0]"} == {*ran}
        run.edit("more.py", "import app", "import app  ")
        assert run.ran() == ["test_half", "test_mark[1.0]"]  # which have failed
        run.edit("test_other.py", "== 2", "== 3")
        assert sorted(run.ran()) == ["test_half", "test_mark[1.0]", "test_other"]


@by_functions
def test_what_cannot_be_installed(tmp_path: Path) -> None:
    with watching(tmp_path, APP) as run:
        run.waits()
        run.outcomes()
        said = run.edit("app.py", "a + b", "a +")
        assert "app.py:1: invalid syntax" in said
        assert "affected" not in said
        assert run.ran() == []
        run.edit("app.py", "a +\n", "a * b\n")
        assert run.ran() == ["test_total"]


def test_tests_come_and_go(tmp_path: Path) -> None:
    with watching(tmp_path, {**APP, "tests/test_deep.py": "def test_deep(): pass\n"}) as run:
        run.waits()
        run.outcomes()
        run.save({"test_new.py": "def test_new(): pass\n"})
        assert run.ran() == ["test_new"]
        run.save({"tests/more/deeper/test_newer.py": "def test_newer(): pass\n"})
        assert run.ran() == ["test_newer"]
        run.edit("test_new.py", "test_new()", "test_renamed()")
        assert run.ran() == ["test_renamed"]
        (tmp_path / "test_new.py").unlink()
        assert "no test can be affected" in run.waits()
        said = run.save({"app.py": "LIMIT = 3\n"})  # and all that is not there any more
        assert "3 of 6 tests can be affected" in said
        run.save({"conftest.py": "import pytest\n"})  # nobody knows what it would do
        assert run.ran()


def test_a_module_that_cannot_be_collected(tmp_path: Path) -> None:
    files = {**APP, "test_broken.py": "import app, gone\ndef test_a(): pass\n"}
    with watching(tmp_path, files) as run:
        said = run.waits()
        assert "ModuleNotFoundError: No module named 'gone'" in said
        assert "1 error during collection" in said
        assert run.ran() == []
        assert "No module named 'gone'" in run.edit("app.py", "a / 2", "a // 2")  # tried again
        run.outcomes()
        said = run.save({"gone.py": "VALUE = 1\n"})
        assert "error" not in said
        assert sorted(run.ran()) == ["test_a"]
        run.edit("test_broken.py", "pass", "assert gone.VALUE == 2")
        assert run.ran() == ["test_a"]
        run.edit("gone.py", "1", "2")
        assert run.ran() == ["test_a"]
        run.close_input()
        assert run.end() == pytest.ExitCode.OK


@by_functions
def test_each_round_begins_anew(tmp_path: Path) -> None:
    """Fixtures of the session, instances of classes, what a test adds to itself."""
    files = {
        "app.py": "def value(): return 1\n",
        "conftest.py": """
            import pytest
            from app import value
            made = []
            @pytest.fixture(scope="session")
            def shared(request):
                made.append("begin")
                yield value()
                made.append("end")
            """,
        "test_it.py": """
            import pytest, conftest, unittest
            def test_shared(shared, record_property):
                record_property("value", shared)
                record_property("made", conftest.made)
            class TestIt:
                def test_instance(self, request):
                    assert not hasattr(self, "used")
                    self.used = True
                    request.node.add_marker("once")
                    assert len(request.node.own_markers) == 1
            class TestCase(unittest.TestCase):
                def test_case(self):
                    assert not hasattr(self, "used")
                    self.used = True
            """,
    }
    with watching(tmp_path, files, "-W", "ignore") as run:
        assert "3 passed" in run.waits()
        run.outcomes()
        run.edit("app.py", "1", "2")
        assert list(run.outcomes().values()) == [
            "setup passed; call passed value=2 made=['begin', 'end', 'begin']; teardown passed"
        ]
        said = run.edit("test_it.py", "import pytest", "import os, pytest")
        assert "3 passed" in said


def test_the_first_failure_ends_a_round(tmp_path: Path) -> None:
    """What did not run is owed: it runs with the next save, whatever that is."""
    with watching(tmp_path, APP, "-x") as run:
        run.waits()
        run.outcomes()
        said = run.edit("app.py", "LIMIT = 3", "LIMIT = 3; total = lambda a, b: 0")
        assert "stopping after 1 failures" in said
        assert run.ran() == ["test_total"]
        run.edit("app.py", "; total = lambda a, b: 0", "")
        assert run.ran() == ["test_total", "test_half", "test_limit"]


@by_functions
def test_reports_are_of_the_last_round(tmp_path: Path) -> None:
    options = ("--junitxml=out.xml", "-p", "cacheprovider", "--durations=2", "-vv")
    with watching(tmp_path, APP, *options) as run:
        run.waits()
        said = run.edit("app.py", "a + b", "a - b")
        assert "test_app.py::test_total FAILED" in said
        assert "[100%]" in said
        assert "slowest 2 durations" in said
        failed = tmp_path / ".pytest_cache/v/cache/lastfailed"
        assert "test_total" in failed.read_text("utf-8")  # --lf of another pytest sees it now
        run.close_input()
        assert run.end() == 1
        suite = ET.parse(tmp_path / "out.xml").find("testsuite")
        assert suite is not None
        assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
        assert run.seen.count("1 failed") == 1


def test_conftests_of_the_same_name(tmp_path: Path) -> None:
    """pytest keeps one of them in `sys.modules`."""
    conftest = "import pytest, app\n@pytest.fixture\ndef limit(): return app.LIMIT\n"
    test = "def test_{0}(limit): assert limit == 3\n"
    files = {"conftest.py": conftest, "app.py": "LIMIT = 3\n", "test_c.py": test.format("c")}
    for name in "ab":
        files |= {f"{name}/conftest.py": conftest, f"{name}/test_{name}.py": test.format(name)}
    with watching(tmp_path, files) as run:
        run.waits()
        run.outcomes()
        assert "3 failed" in run.edit("app.py", "3", "4")
        run.edit("app.py", "4", "3")
        run.outcomes()
        run.edit("a/conftest.py", "app.LIMIT", "5")
        if sys.version_info >= (3, 12):
            assert run.ran() == ["test_a"]
        else:  # which goes by the names of modules
            assert "test_a" in run.ran()


def test_doctests(tmp_path: Path) -> None:
    app = 'def one():\n    """\n    >>> one()\n    1\n    """\n    return 1\n'
    with watching(tmp_path, {"app.py": app}, "--doctest-modules") as run:
        assert "1 passed" in run.waits()
        assert "1 failed" in run.edit("app.py", "return 1", "return 2")
        assert "1 passed" in run.edit("app.py", "    1\n", "    2\n")


@by_functions
def test_what_an_import_made_is_said_to_be_old(tmp_path: Path) -> None:
    files = {
        "rates.py": "def rate(): return 1\n",
        "app.py": "from rates import rate\nRATE = rate()\n",
        "test_it.py": "import app\ndef test_it(): assert app.RATE\n",
        "test_mark.py": """
            import pytest
            from rates import rate
            @pytest.mark.parametrize("it", [rate()])
            def test_mark(it, record_property): record_property("it", it)
            """,
    }
    with watching(tmp_path, files) as run:
        run.waits()
        run.outcomes()
        said = run.edit("rates.py", "1", "2")
        assert "app.py called what was saved while being imported" in said
        # The modules of tests are executed again: nothing else holds what they made.
        assert run.outcomes() == {
            "test_it.py::test_it": "setup passed; call passed; teardown passed",
            "test_mark.py::test_mark[2]": "setup passed; call passed it=2; teardown passed",
        }


BLOCKS = {
    "test_it.py": """
        import pathlib, threading, time
        def test_a():
            pathlib.Path("begun").touch()
            deadline = time.monotonic() + 60
            while not pathlib.Path("go").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        def test_b(): pass
        """
}


def test_a_save_ends_a_round_that_runs(tmp_path: Path) -> None:
    """A test is not edited while it runs; the next does not begin before the save is installed."""
    saves = """
        import pathlib, time
        def test_saves(pytestconfig):
            if pathlib.Path("app.py").read_text() == "LIMIT = 4\\n":
                return
            pathlib.Path("app.py").write_text("LIMIT = 4\\n")
            plugins = pytestconfig.pluginmanager.get_plugins()
            watch = next(it for it in plugins if type(it).__name__ == "Watch")
            deadline = time.monotonic() + 60
            while not watch.has_saves and time.monotonic() < deadline:
                time.sleep(0.01)
        """
    conftest = """
        import pytest
        @pytest.fixture(scope="session", autouse=True)
        def shared():
            yield
            raise ValueError("at its end")
        """
    with watching(tmp_path, {**APP, "test_aa.py": saves, "conftest.py": conftest}) as run:
        said = run.waits()
        first, second = said.split("a file was saved", 1)
        assert "ValueError: at its end" in first
        assert "1 passed, 1 error" in second
        assert "reloaded app.py" not in first
        assert "3 failed, 2 passed, 1 error" in second.split("reloaded app.py", 1)[1]
        assert sorted(run.ran()) == [
            "test_half",
            "test_limit",
            "test_other",
            "test_saves",
            "test_total",
        ]


def test_a_test_that_ends_the_session(tmp_path: Path) -> None:
    with watching(tmp_path, APP) as run:
        run.waits()
        run.edit(
            "test_other.py", "def test_other(): assert 1 + 1 == 2", "def test_other(): assert 0"
        )
        write(
            tmp_path, {"test_other.py": "import pytest\ndef test_other(): pytest.exit('all', 7)\n"}
        )
        assert run.end() == 7
        assert "Exit: all" in run.seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_while_it_waits(tmp_path: Path, number: signal.Signals) -> None:
    with watching(tmp_path, APP) as run:
        run.waits()
        run.send(number)
        assert run.end() == pytest.ExitCode.OK
        assert "Traceback" not in run.seen


def test_sigterm_while_a_test_runs(tmp_path: Path) -> None:
    with watching(tmp_path, BLOCKS) as run:
        run.expect("collected 2 items")
        while not (tmp_path / "begun").exists():
            pass
        run.send(signal.SIGTERM)
        assert run.end() == pytest.ExitCode.INTERRUPTED
        assert WAITS not in run.seen


@pytest.mark.parametrize("other", ["--reload-loop", "--reload-wait"])
def test_other_options_are_refused(tmp_path: Path, other: str) -> None:
    status, output = run_pytest(tmp_path, APP, "--reload-watch", other)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert f"--reload-watch incompatible with {other}" in output


def test_nothing_to_watch_for(tmp_path: Path) -> None:
    """With no standard input there is one round; with --collect-only there is none."""
    status, output = run_pytest(tmp_path, APP, "--reload-watch")
    assert status == 0
    assert "4 passed" in output
    status, output = run_pytest(tmp_path, {}, "--reload-watch", "--collect-only")
    assert status == 0
    assert WAITS not in output
