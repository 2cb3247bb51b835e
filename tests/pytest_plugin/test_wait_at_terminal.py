"""``--reload-wait`` at a terminal: a test that fails runs again at the next save."""

from __future__ import annotations

import re

from terminal import AtTerminal

WAITS = "waits for a save; Ctrl-C leaves it failed and goes on"


def test_again_at_the_next_save(at_terminal: AtTerminal) -> None:
    """A save that does not parse is shown, and nothing runs."""
    run = at_terminal(
        {
            "app.py": "def total(a, b):\n    return a - b\n",
            "test_app.py": """
                from app import total
                def test_total():
                    print("shown")
                    assert total(1, 2) == 3
                def test_after():
                    print("hidden")
            """,
        },
        "--reload-wait",
    )
    shown = run.expect(WAITS)
    assert re.search(r"_+ test_total _+", shown)
    assert "assert -1 == 3" in shown
    assert "- Captured stdout call -" in shown
    assert "not reloaded" in run.edit("app.py", "a - b", "a -")
    run.edit("app.py", "a -", "a * b")
    assert "assert 2 == 3" in run.expect(WAITS)
    run.edit("app.py", "a * b", "a + b")
    screen = run.end()
    assert "2 passed" in screen
    assert "test_app.py::test_total passed after 3 attempts" in screen
    assert "hidden" not in screen
    assert "(Pdb)" not in screen


def test_giving_up(at_terminal: AtTerminal) -> None:
    run = at_terminal(
        {
            "test_it.py": """
                def test_a(): assert 1 == 2
                def test_b(): pass
            """
        },
        "--reload-wait",
        "-rf",
    )
    run.expect(WAITS)
    run.interrupt()
    screen = run.end(status=1)
    assert "test_it.py::test_a is left failed" in screen
    assert "FAILED test_it.py::test_a" in screen
    assert "1 failed, 1 passed" in screen


def test_a_module_that_was_missing(at_terminal: AtTerminal) -> None:
    """Nobody has imported it, and its save counts all the same."""
    run = at_terminal(
        {"test_it.py": "def test_a():\n    import missing\n    assert missing.VALUE\n"},
        "--reload-wait",
    )
    assert "No module named 'missing'" in run.expect(WAITS)
    run.save("missing.py", "VALUE = 1\n")
    assert "1 passed" in run.end()


def test_a_test_that_passes_against_expectation(at_terminal: AtTerminal) -> None:
    """Nothing was raised that a debugger could show, so that it waits with --reload-loop, too."""
    run = at_terminal(
        {
            "test_it.py": """
                import pytest
                @pytest.mark.xfail(strict=True)
                def test_a(): assert 1 == 1
                def test_b(): assert 1 == 2
            """
        },
        "--reload-loop",
    )
    assert "XPASS(strict)" in run.expect(WAITS)
    run.edit("test_it.py", "def test_a(): assert 1 == 1", "def test_a(): assert 1 == 0")
    run.prompt()
    run.mend("test_it.py", "1 == 2", "2 == 2")
    assert "1 passed, 1 xfailed" in run.end()


def test_renamed_while_it_fails(at_terminal: AtTerminal) -> None:
    run = at_terminal(
        {"test_it.py": "def test_a(): assert 1 == 2\ndef test_z(): pass\n"}, "--reload-wait", "-v"
    )
    run.expect(WAITS)
    run.edit("test_it.py", "def test_a(): assert 1 == 2", "def test_b(): assert 2 == 2")
    screen = run.end()
    assert "gone: test_it.py::test_a" in screen
    assert "new: test_it.py::test_b" in screen
    assert "test_it.py::test_a SKIPPED" in screen
    assert "2 passed, 1 skipped" in screen


def test_two_conftests(at_terminal: AtTerminal) -> None:
    """Both are called ``conftest``, and pytest keeps only the last of them in ``sys.modules``."""
    conftest = """
        import pytest
        @pytest.fixture{scope}
        def {name}(): return 1
    """
    run = at_terminal(
        {
            "a/conftest.py": conftest.format(name="of_a", scope=""),
            "a/b/conftest.py": conftest.format(name="of_b", scope='(scope="session")'),
            "a/b/test_it.py": """
                def test_a(of_a): assert of_a == 2
                def test_b(of_a, of_b): assert of_b == 2
            """,
        },
        "--reload-wait",
    )
    run.expect(WAITS)
    run.edit("a/conftest.py", "return 1", "return 2")
    run.expect(WAITS)
    run.edit("a/b/conftest.py", "return 1", "return 2")
    assert "2 passed" in run.end()


def test_fixtures_of_wide_scope(at_terminal: AtTerminal) -> None:
    """They are made anew, after their end, if what ran in their set-up was edited; others stay."""
    run = at_terminal(
        {
            "app.py": """
                RATE = 1
                def rate(): return RATE
                class Box:
                    def __init__(self): self.n = rate()
                def bad(): return 1
            """,
            "test_it.py": """
                import pytest
                from app import Box, bad
                log = []
                @pytest.fixture(scope="session")
                def box():
                    log.append("box")
                    yield Box()
                    log.append("end of box")
                @pytest.fixture(scope="module")
                def user(box):
                    log.append("user")
                    yield box
                    log.append("end of user")
                @pytest.fixture(scope="module")
                def other():
                    log.append("other")
                @pytest.fixture(scope="module")
                def ends_badly():
                    yield bad()
                    raise LookupError("the end")
                made = ["box", "user"]
                ended = ["end of user", "end of box"]
                def test_constant(user, other): assert user.n == 2
                def test_method(user): assert user.n == 12
                def test_log(user, other): assert log == [*made, "other", *(ended + made) * 2]
                def test_other(other): assert log.count("other") == 1
                def test_end(ends_badly): assert ends_badly == 2
            """,
        },
        "--reload-wait",
    )
    run.expect(WAITS)
    run.edit("app.py", "RATE = 1", "RATE = 2")
    run.expect(WAITS)
    run.edit("app.py", "self.n = rate()", "self.n = rate() + 10")
    assert "test_end" in run.expect(WAITS)
    run.edit("app.py", "bad(): return 1", "bad(): return 2")
    run.expect("the end of fixture ends_badly raised LookupError: the end")
    assert "test_end" in run.expect(WAITS)  # which is the last, so that the fixture ends again
    run.interrupt()
    assert "5 passed, 1 error" in run.end(status=1)


def test_only_what_failed_last(at_terminal: AtTerminal) -> None:
    files = {"test_it.py": "def test_a(): assert 1 == 2\ndef test_b(): pass\n"}
    assert "1 failed, 1 passed" in at_terminal(files).end(status=1)
    run = at_terminal({}, "--lf", "--reload-wait")
    run.expect(WAITS)
    run.edit("test_it.py", "1 == 2", "22 == 22")
    assert "1 passed in" in run.end()
    assert "2 passed" in at_terminal({}, "--lf").end()


def test_what_is_saved_while_another_test_runs(at_terminal: AtTerminal) -> None:
    """It is installed at once, said before the next test, and what is set up is made anew."""
    run = at_terminal(
        {
            "app.py": "def value(): return 1\n",
            "test_it.py": """
                import time
                from pathlib import Path
                import pytest
                from app import value
                @pytest.fixture(scope="module")
                def wide(): return value()
                @pytest.fixture(scope="module")
                def other(): return [1]
                held = []
                def test_a(wide, other):
                    held.append(other)
                    assert wide == 1
                    Path("app.py").write_text("def value(): return 2\\n")
                    deadline = time.monotonic() + 30
                    while value() == 1:
                        assert time.monotonic() < deadline
                def test_b(wide, other):
                    assert wide == 2
                    assert other is held[0]
            """,
        },
        "--reload-wait",
        "-v",
    )
    screen = run.end()
    assert "2 passed" in screen
    assert "reloaded app.py: patched value" in screen
    assert screen.index("test_a PASSED") < screen.index("reloaded app.py") < screen.index("test_b")
