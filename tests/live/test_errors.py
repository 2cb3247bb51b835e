"""What cannot be reloaded leaves the program as it is, is reported once, and is mended by the next
good save (SEEDS A5).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import saving
from program import Live, Program

MODULE = """
    import atexit

    TABLE = {"a": 1}

    def f():
        return 1

    def g():
        return TABLE["a"]
"""
MAIN = "from m import f, g\nimport m"


@pytest.fixture
def program(live: Live) -> Program:
    return live({"m.py": MODULE, "main.py": MAIN})


def still_as_it_was(program: Program, *words: str) -> None:
    """The program runs what it ran, the error is in one report and in ``errors``."""
    report = program.next_report()
    assert not report.ok
    (message,) = report.errors
    for word in words:
        assert word in message
    program.expect("f(), g(), m.TABLE", "(1, 1, {'a': 1})")
    program.expect("[p.rpartition('/')[2] for p in reloader.errors]", "['m.py']")
    program.expect("str(reloader.errors.popitem()[1])", repr(message))


def mended(program: Program) -> None:
    """The next good save applies."""
    report = program.save("m.py", MODULE.replace("return 1", "return 2"))
    assert report.ok
    assert report.patched == {"f"}
    program.expect("f(), g(), reloader.errors", "(2, 1, {})")
    program.no_more_reports()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", ["m.py:1", "invalid syntax"]),
        ("def f():\n    return 2\n\ndef g(", ["m.py:4", "'(' was never closed"]),
        ("def f():\nreturn 2\n", ["m.py:2", "expected an indented block"]),
        ("def f():\n\treturn 1\n        return 2\n", ["m.py:3"]),
        ("return 1\n", ["m.py:1", "'return' outside function"]),
        ("x = (1,\n" * 300, ["m.py"]),
        (b"def f(): return 'gr\xf6sse'\n", ["m.py:1", "byte 0xf6 is not utf-8"]),
        (b"# coding: nonsense\n", ["m.py:1", "nonsense"]),
        (b"def f(): return 2\0\n", ["m.py:1", "NUL byte"]),
        ("def f(): return 2\n".encode("utf-16"), ["m.py", "UTF-16"]),
        (b"\x7fELF\0\0\0\0\0\0", ["m.py", "NUL byte"]),
    ],
    ids=lambda value: value[:12] if isinstance(value, str | bytes) else "",
)
def test_a_text_that_is_no_python(program: Program, text: str | bytes, words: list[str]) -> None:
    """SEEDS A5."""
    program.write("m.py", text)
    still_as_it_was(program, *words)
    mended(program)


def test_a_deleted_file(program: Program) -> None:
    """SEEDS A5."""
    (program.root / "m.py").unlink()
    still_as_it_was(program, "m.py", "the file is not there")
    mended(program)


def test_a_deleted_file_that_nobody_imports_any_more(live: Live) -> None:
    """It is named once, and the next reports are about other things."""
    files = {"m.py": MODULE, "old.py": "def f(): return 1", "main.py": "import m, user"}
    program = live({**files, "user.py": "from old import f"})
    (program.root / "old.py").unlink()
    assert "the file is not there" in program.next_report().errors[0]
    report = program.save("user.py", "def f(): return 2")
    assert report.ok
    assert report.stale["module old"].startswith("its file is gone, and nobody imports it")
    program.expect("user.f(), reloader.errors", "(2, {})")
    assert not program.save("m.py", MODULE.replace("return 1", "return 2")).stale


def test_a_deleted_file_that_a_function_imports(live: Live) -> None:
    program = live({"old.py": "X = 1", "main.py": "import user", "user.py": "def f(): import old"})
    program.do("user.f()")
    (program.root / "old.py").unlink()
    assert "the file is not there" in program.next_report().errors[0]
    program.expect("len(reloader.errors)", "1")


def test_a_file_replaced_by_a_directory(program: Program) -> None:
    """SEEDS A5."""
    (program.root / "m.py").unlink()
    (program.root / "m.py").mkdir()
    still_as_it_was(program, "m.py", "a directory")
    (program.root / "m.py").rmdir()
    mended(program)


def test_a_file_without_permission(program: Program) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    program.write("m.py", MODULE.replace("1", "2"), saving.replace)
    (program.root / "m.py").chmod(0)
    still_as_it_was(program, "permission")


def test_half_typed_saves_one_after_another(program: Program) -> None:
    """SEEDS A5: an editor that saves at every key."""
    whole = "def f():\n    return max(1, 2)\n\ndef g():\n    return 1\n"
    for end in (7, 20, 26):
        program.write("m.py", whole[:end])
    assert not program.next_report().ok
    program.expect("f()", "1")
    assert program.save("m.py", whole).ok
    program.expect("f(), reloader.errors", "(2, {})")


def test_mended_by_going_back(program: Program) -> None:
    """The text that runs is saved again: nothing is left to do, and no error is left either."""
    good = program.text("m.py")
    program.write("m.py", "def f(:")
    still_as_it_was(program)
    program.write("m.py", good)
    program.no_more_reports()
    program.expect("f(), reloader.errors", "(1, {})")


def test_a_module_that_raises(program: Program) -> None:
    """SEEDS A5: every name, function and import is as it was."""
    program.shows_tracebacks = True
    program.do("names, code = dict(vars(m)), f.__code__")
    text = MODULE.replace("return 1", "return 2").replace('{"a": 1}', '{"a": 5}')
    program.write("m.py", text + "\n    NEW = 1\n    del atexit\n    1 / 0\n")
    still_as_it_was(program, "m.py:13", "ZeroDivisionError: division by zero")
    program.expect("dict(vars(m)) == names, f.__code__ is code", "(True, True)")
    program.expect("all(vars(m)[name] is names[name] for name in names)", "True")
    program.expect("str(reloader.last.error.__cause__)", "'division by zero'")
    report = program.save("m.py", text)
    assert report.ok
    program.expect("f(), g(), m.f is f, hasattr(m, 'NEW')", "(2, 5, True, False)")


@pytest.mark.parametrize(
    "statement",
    ["raise SystemExit(3)", "import nowhere", "f(", "raise BaseException", "exit(1)", "f(1, 2)"],
)
def test_whatever_it_raises_the_program_goes_on(program: Program, statement: str) -> None:
    program.shows_tracebacks = True
    program.write("m.py", f"{MODULE}\n    NEW = 1\n    {statement}\n")
    still_as_it_was(program)
    program.expect("hasattr(m, 'NEW')", "False")
    mended(program)


def test_the_console_shows_the_users_part_of_the_traceback(program: Program) -> None:
    program.shows_tracebacks = True
    program.write("m.py", MODULE + "\n    def h():\n        1 / 0\n\n    h()\n")
    assert not program.next_report().ok
    console = program.console()
    assert console.count("not reloaded: ") == 1
    assert "ZeroDivisionError: division by zero" in console
    assert "in h\n" in console
    assert "mighty_patcher" not in console


def test_two_broken_files_are_two_errors_in_one_report(live: Live) -> None:
    program = live(
        {"a.py": "def f(): return 1", "b.py": "def f(): return 1", "main.py": "import a, b"}
    )
    program.write("a.py", "def (")
    program.write("b.py", "def )")
    found = program.next_report().errors
    if len(found) < 2:  # The machine was slow, and they were two batches.
        found += program.next_report().errors
    assert len(found) == 2
    program.save("a.py", "def f(): return 2")
    program.expect("[p.rpartition('/')[2] for p in reloader.errors]", "['b.py']")
    program.save("b.py", "def f(): return 2")
    program.expect("a.f(), b.f(), reloader.errors", "(2, 2, {})")


def test_a_module_that_raised_is_tried_again_when_what_it_needs_is_saved(live: Live) -> None:
    """DESIGN invariant 6: what is not in force is tried again by the next save."""
    program = live(
        {
            "a.py": "def make(): return 1",
            "b.py": "from a import make\nX = make()\n",
            "main.py": "import a, b",
        }
    )
    program.shows_tracebacks = True
    assert not program.edit("b.py", "X = make()", "X = make(5)").ok
    program.expect("b.X", "1")
    report = program.edit("a.py", "def make(): return 1", "def make(n): return n")
    assert report.ok
    program.expect("b.X, reloader.errors", "(5, {})")


EDITS: dict[str, Callable[[str], str]] = {
    "a body": lambda text: text.replace("return 1", "return 2"),
    "a constant": lambda text: text.replace('{"a": 1}', '{"a": 2}'),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_one_bad_file_does_not_keep_another_from_its_reload(
    live: Live, edit: Callable[[str], str]
) -> None:
    program = live({"m.py": MODULE, "bad.py": "X = 1", "main.py": MAIN + "\nimport bad"})
    program.write("bad.py", "X = (")
    program.write("m.py", edit(program.text("m.py")))
    reports = [program.next_report()]
    while not any(report.errors for report in reports) or not any(r.modules for r in reports):
        reports.append(program.next_report())
    program.expect("f() + g(), bad.X", "(3, 1)")
