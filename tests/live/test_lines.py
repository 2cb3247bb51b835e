"""Tracebacks and `inspect` show the lines of the text that runs."""

from __future__ import annotations

from program import Live, Program

MODULE = """
    def good():
        return 1

    def bad():
        raise ValueError("bad")  # the line
"""


def start(live: Live) -> Program:
    return live(
        {"m.py": MODULE, "main.py": "import inspect, m\nfrom m import bad, good\nheld = bad"}
    )


def shows(program: Program, line: int, text: str = 'raise ValueError("bad")  # the line') -> None:
    """The traceback of ``bad`` has this line and this text."""
    trace = program.raises("held()").splitlines()
    at = next(i for i, entry in enumerate(trace) if "m.py" in entry and "in bad" in entry)
    assert f"line {line}," in trace[at]
    assert trace[at + 1].strip() == text


def test_lines_that_moved_with_an_edit(live: Live) -> None:
    program = start(live)
    shows(program, 5)
    program.edit("m.py", "return 1", "x = 1\n    x += 1\n    return x")
    shows(program, 7)
    program.edit("m.py", "    x += 1\n", "")
    shows(program, 6)


def test_lines_that_moved_by_comments_alone(live: Live) -> None:
    program = start(live)
    report = program.edit("m.py", "def good", "# one\n# two\n\ndef good")
    assert report.ok
    assert not report.patched
    assert not report.ran
    assert " lines moved " in program.console()
    shows(program, 8)


def test_the_text_of_the_line_itself_changes(live: Live) -> None:
    program = start(live)
    shows(program, 5)
    program.write("m.py", program.replaced("m.py", "# the line", "# another"))
    program.no_more_reports()
    shows(program, 5, 'raise ValueError("bad")  # another')


def test_a_broken_file_does_not_change_what_tracebacks_show(live: Live) -> None:
    program = start(live)
    assert not program.save("m.py", "def (\n\n\n\n\n\n\n").ok
    shows(program, 5)
    program.expect("inspect.getsource(good)", r"'def good():\n    return 1\n'")
    program.save("m.py", MODULE.replace("def good", "# comment\n    def good"))
    shows(program, 6)


def test_a_file_that_was_undone_shows_what_runs(live: Live) -> None:
    program = start(live)
    program.edit("m.py", "return 1", "x = 1\n    return x")
    shows(program, 6)
    program.do("reloader.undo()")
    shows(program, 5)


def test_inspect_shows_the_new_source(live: Live) -> None:
    program = start(live)
    program.expect("inspect.getsource(good)", r"'def good():\n    return 1\n'")
    program.edit("m.py", "return 1", "return 1 + 1")
    program.expect("inspect.getsource(good)", r"'def good():\n    return 1 + 1\n'")
    program.edit("m.py", "def good", "# more\n# lines\ndef good")
    program.expect(
        "inspect.getsource(good), good.__code__.co_firstlineno",
        r"('def good():\n    return 1 + 1\n', 3)",
    )


def test_the_traceback_of_a_frame_that_was_running(live: Live) -> None:
    """Its code is the old one, with the old lines; it is not an error to ask."""
    program = live(
        {
            "m.py": """
                import threading
                go = threading.Event()
                def bad():
                    go.wait(15)
                    raise ValueError("bad")
            """,
            "main.py": """
                import m, threading, traceback
                def call():
                    try:
                        m.bad()
                    except ValueError:
                        trace.append(traceback.format_exc())
                trace = []
                thread = threading.Thread(target=call)
            """,
        }
    )
    program.do("thread.start()")
    program.edit("m.py", "def bad", "\n\ndef bad")
    program.do("m.go.set(); thread.join()")
    program.expect("'line 5, in bad' in trace[0]", "True")


def test_breakpoints_find_the_file(live: Live) -> None:
    """``co_filename`` stays as it was: debuggers compare it."""
    program = start(live)
    program.do("names = good.__code__.co_filename, m.__file__")
    program.edit("m.py", "return 1", "return 2")
    program.edit("m.py", "def good", "X = 1\ndef good")
    program.expect("(good.__code__.co_filename, m.__file__) == names", "True")
