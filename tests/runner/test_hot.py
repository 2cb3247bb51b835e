"""Programs under the runner, and saves while they run."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from running import RUNNER, Running, Start, write

ONE = "def f():\n    return 1\n"
TWO = "def f():\n    return 2\n"
ASK = r"""
import sys
from words import f

TEN = 10

def main():
    print("ready", sys.argv[1:])
    for line in sys.stdin:
        sys.stdout.write(f"{eval(line)}\n")

if __name__ == "__main__":
    main()
"""
RELOADED = r"\d\d:\d\d:\d\d reloaded words\.py: patched f  [\d.]+ ms"


@pytest.mark.parametrize(
    ("arguments", "main"),
    [
        (("app/main.py",), "app/main.py"),
        (("app",), "app/__main__.py"),
        (("--watch", "app", "-m", "app"), "app/__main__.py"),
        (("--poll", "0.05", "app/main.py"), "app/main.py"),
    ],
    ids=["script", "folder", "module", "poll"],
)
def test_a_save(start: Start, arguments: tuple[str, ...], main: str) -> None:
    text = ASK if "-m" not in arguments else ASK.replace("words", "app.words")
    program = start({main: text, "app/words.py": ONE}, *arguments, "a", "--watch")
    program.expect(r"ready \['a', '--watch'\]")
    program.ask("f()", "1")
    program.save("app/words.py", TWO)
    program.expect(RELOADED)
    program.ask("f()", "2")
    program.save(main, text.replace("TEN = 10", "TEN = 11\n\ndef g(): return TEN"))
    program.expect(r".* reloaded \w+\.py: .*")
    program.ask("TEN, g()", "(11, 11)")
    assert program.end() == 0


def test_code_and_the_builtin(start: Start) -> None:
    """SEEDS B12."""
    program = start({"words.py": ONE}, "-c", f"print(__hmr__)\n{ASK}")
    program.expect(r"<mighty_patcher\..*>")
    program.expect("ready .*")
    program.save("words.py", TWO)
    program.expect(RELOADED)
    program.ask("f()", "2")


def test_the_folder_of_the_script_is_watched_and_nothing_else(start: Start) -> None:
    files = {"main.py": "from words import f", "app/words.py": ONE, "app/main.py": ASK}
    program = start({**files, "near.py": ONE}, "app/main.py", env={"PYTHONPATH": "."})
    program.ask("__import__('near').f()", "1")
    program.save("near.py", TWO)
    program.save("app/words.py", TWO)
    program.expect(RELOADED)
    program.ask("__import__('near').f()", "1")
    assert "near.py" not in program.transcript


def test_what_is_excluded_and_what_is_run_again(start: Start) -> None:
    files = {"main.py": f"import state\n{ASK}", "words.py": ONE, "state.py": ONE}
    program = start(files, "--exclude", "sta*", "--rerun", "module", "main.py")
    program.expect("ready .*")
    program.save("state.py", TWO)
    program.save("words.py", TWO + "print('again')\n")
    program.expect("again")
    program.expect(r".* reloaded words\.py: .*")
    program.save("words.py", TWO.replace("2", "3") + "print('again')\n")
    program.expect("again")
    program.expect(r".* reloaded words\.py: .*")
    program.ask("f(), state.f()", "(3, 1)")


def test_saves_wait_for_the_program_and_events_are_written(start: Start, tmp_path: Path) -> None:
    files = {"main.py": ASK, "words.py": ONE}
    program = start(files, "--apply", "manual", "--events", "log.jsonl", "--verbose", "main.py")
    program.expect("ready .*")
    program.save("words.py", TWO)
    program.expect(r".* saved, and waiting for apply\(\): .*words\.py")
    program.ask("f(), __hmr__.reloader.apply().modules, f()", "(1, ('words',), 2)")
    (event,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(event)["modules"] == ["words"]


def test_quiet_and_verbose(start: Start) -> None:
    files = {"main.py": ASK, "words.py": ONE, "near.py": ""}
    program = start(files, "--quiet", "main.py")
    program.expect("ready .*")
    program.save("words.py", TWO + "raise RuntimeError")
    program.expect(r".* not reloaded: .*words\.py:3: .*")
    program.save("words.py", TWO)
    program.save("words.py", "def f(:")
    program.expect(r".* not reloaded: .*words\.py:1: .*")
    assert " reloaded words" not in program.transcript
    program = start(files, "--verbose", "main.py")
    program.expect("ready .*")
    program.save("near.py", ONE)
    program.expect(r".* near\.py was saved; no module was loaded from it")


def test_what_a_program_raises_shows_the_lines_that_run(start: Start) -> None:
    program = start({"main.py": ASK, "words.py": ONE}, "main.py")
    program.expect("ready .*")
    program.save("words.py", "# one\n# two\ndef f():\n    return 1 / 0  # new\n")
    program.expect(RELOADED)
    program.tell("f()")
    program.expect(r'  File ".*words\.py", line 4, in f')
    program.expect(r"    return 1 / 0  # new")
    program.expect("ZeroDivisionError: division by zero")
    assert program.end() == 1
    assert "mighty_patcher" not in program.transcript


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c(start: Start) -> None:
    program = start({"main.py": ASK, "words.py": ONE}, "main.py")
    program.expect("ready .*")
    program.save("words.py", TWO)
    program.expect(RELOADED)
    program.send_signal(signal.SIGINT)
    program.expect("KeyboardInterrupt")
    assert program.end() == -signal.SIGINT


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
@pytest.mark.parametrize("arguments", [(), ("-i", "words.py")], ids=["nothing", "-i"])
def test_an_interactive_session(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    import pty

    write(tmp_path, {"words.py": ONE})
    ours, theirs = pty.openpty()
    program = Running(
        tmp_path,
        [*RUNNER, *arguments],
        {"TERM": "dumb", "PYTHON_BASIC_REPL": "1", "PYTHONSTARTUP": ""},
        stdin=theirs,
    )
    try:
        with os.fdopen(ours, "w") as terminal:
            for line in ("import sys, words", "f = words.f; print(f(), sys.argv)"):
                print(line, file=terminal, flush=True)
            program.expect(f".*1 {re.escape(str([*arguments[1:], ''][:1]))}")
            program.save("words.py", TWO)
            program.expect(f".*{RELOADED}")
            print("print(f(), 'then')\nsys.exit(3)", file=terminal, flush=True)
            program.expect(".*2 then")
            assert program.end() == 3
    finally:
        program.kill()
        os.close(theirs)
