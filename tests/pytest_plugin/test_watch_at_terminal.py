"""``--reload-watch`` at a terminal: keys, Ctrl-C, and what is left of the terminal."""

from __future__ import annotations

import termios
from pathlib import Path

import pexpect
import pytest
from terminal import AtTerminal
from watching import by_functions

WAITS = r"waiting for a save; \? for help"
FILES = {
    "app.py": "def one(): return 1\n",
    "test_app.py": """
        import app
        def test_one():
            print("hid" + "den")
            assert app.one() == 1
        """,
    "test_other.py": "def test_other(): pass\n",
}


def test_keys(at_terminal: AtTerminal) -> None:
    run = at_terminal(FILES, "--reload-watch")
    first = run.expect(WAITS)
    assert "2 passed" in first
    for line in ("a  run all tests (or Enter)", "f  run the tests that failed", "q  quit"):
        assert line in first
    run.edit("app.py", "1", "2")
    shown = run.expect(WAITS)
    assert "1 failed in" in shown
    assert "Captured stdout call" in shown
    assert "run all tests" not in shown  # help is shown once, and when it is asked for
    run.type("f", end="")
    assert "1 failed in" in run.expect(WAITS)
    for key in ("a", "\n"):
        run.type(key, end="")
        assert "1 failed, 1 passed in" in run.expect(WAITS)
    run.type("?", end="")
    run.expect("run all tests")
    run.edit("app.py", "2", "1")
    assert "1 passed in" in run.expect(WAITS)
    run.type("xf", end="")  # x is no key
    run.expect("no test has failed")
    run.type("q", end="")
    screen = run.end()
    assert screen.count("hidden") == 4  # once in each round in which it failed
    assert screen.rstrip().endswith("no test has failed")


def test_interrupting_a_round_and_then_the_loop(at_terminal: AtTerminal) -> None:
    files = {
        "test_it.py": """
            import threading, pytest
            @pytest.fixture
            def ends():
                yield
                with open("/dev/tty", "w") as terminal: terminal.write("fixture ended\\n")
            def test_blocks(ends):
                with open("/dev/tty", "w") as terminal: terminal.write("test begun\\n")
                threading.Event().wait()
            def test_after():
                print("hidden")
            """
    }
    run = at_terminal(files, "--reload-watch")
    run.expect("test begun")
    run.interrupt()
    run.expect("fixture ended")
    assert "KeyboardInterrupt" in run.expect(WAITS)
    run.edit("test_it.py", "threading.Event().wait()", "pass")
    shown = run.expect(WAITS)
    assert "2 passed" in shown  # what did not run is owed
    assert "hidden" not in shown  # pytest ends capturing when it is interrupted; this did not
    run.edit("test_it.py", "    pass", "    threading.Event().wait()")
    run.expect("test begun")
    run.interrupt()
    run.expect(WAITS)
    run.interrupt()
    screen = run.end(status=pytest.ExitCode.INTERRUPTED)
    assert "Traceback" not in screen


@pytest.mark.parametrize("leave", ["q", "\x03", "\x04"])
def test_the_terminal_is_as_it_was(at_terminal: AtTerminal, tmp_path: Path, leave: str) -> None:
    """Ctrl-C and Ctrl-D leave, too; while tests run the terminal is as they expect it."""
    files = {
        "test_it.py": """
            import os, termios
            def test_it():
                terminal = os.open("/dev/tty", os.O_RDWR)
                assert termios.tcgetattr(terminal)[3] & termios.ICANON
                assert os.read(0, 1) == b""
            """
    }
    run = at_terminal(files, "--reload-watch")
    before = termios.tcgetattr(run.descriptor)
    for _ in range(2):
        assert "1 passed" in run.expect(WAITS)
        run.type("a", end="")
    run.expect(WAITS)
    run.type(leave, end="")
    run.expect(pexpect.EOF)
    assert termios.tcgetattr(run.descriptor) == before


@by_functions
def test_starting_anew(at_terminal: AtTerminal) -> None:
    """The same command in the same process, with nothing imported."""
    files = {
        "rates.py": "def rate(): return 1\n",
        "app.py": "from rates import rate\nRATE = rate()\n",
        "test_it.py": """
            import app, os
            def test_it():
                with open("/dev/tty", "w") as terminal:
                    terminal.write(f"{os.getpid()} {app.RATE}\\n")
            """,
    }
    run = at_terminal(files, "--reload-watch", "-q")
    first = run.expect(r"\d+ 1\s")
    run.expect(WAITS)
    run.edit("rates.py", "1", "2")
    assert "stays until pytest is started anew (key r)" in run.expect(WAITS)
    run.type("r", end="")
    assert run.expect(r"\d+ 2\s").split()[-2] == first.split()[-2]
    run.expect(WAITS)
    run.type("q", end="")
    run.end()
