"""The example of the issue, and how a reloader is started."""

from __future__ import annotations

from textwrap import dedent

import pytest
from program import Live

MATH = """
    def double(x):
        return x + x
"""
OTHER = """
    from some_module.math import double

    def quadruple(x):
        return double(double(x))
"""


def test_the_example_as_written(live: Live) -> None:
    """SEEDS A4: the old function object holds the new code, for everybody who has it."""
    program = live(
        {
            "some_module/__init__.py": "",
            "some_module/math.py": MATH,
            "other.py": OTHER,
            "main.py": """
                import other
                import some_module.math
                from some_module.math import double

                held, code = double, double.__code__
            """,
        }
    )
    program.expect("double(2), other.quadruple(2)", "(4, 8)")
    report = program.edit("some_module/math.py", "x + x", "2 * x + 1")
    assert report.modules == ["some_module.math"]
    assert report.patched == {"double"}
    assert not report.ran
    program.expect("double(2), other.double(2), other.quadruple(2)", "(5, 5, 11)")
    program.expect("other.double is some_module.math.double is double is held", "True")
    program.expect("other.double.__code__ is some_module.math.double.__code__", "True")
    program.expect("held.__code__ is code", "False")


def test_the_console_says_what_happened_in_one_line(live: Live) -> None:
    program = live({"some_module/math.py": MATH, "main.py": "import some_module.math"})
    program.edit("some_module/math.py", "x + x", "2 * x")
    (line,) = program.console().splitlines()
    assert " reloaded some_module/math.py: patched double  " in line
    assert line.endswith(" ms")


def test_a_hundred_saves_in_a_row(live: Live) -> None:
    """SEEDS A8: and nothing is left behind, however many they are."""
    program = live(
        {"some_module/math.py": MATH, "main.py": "from some_module.math import double\nimport gc"}
    )
    old = "x + x"
    for number in range(100):
        program.edit("some_module/math.py", old, new := f"x + {number}")
        program.expect("double(1)", str(1 + number))
        old = new


# ---- starting and stopping


@pytest.mark.parametrize(
    "path",
    [
        "'.'",
        "'../program/'",
        "Path('.')",
        "Path('.').absolute()",
        "Like()",
        "['.']",
        "(Path('.'),)",
    ],
)
def test_any_path_starts_a_watch(live: Live, path: str) -> None:
    """SEEDS A2: ``path`` is a str or any PathLike, before the main loop, as the old tool had it."""
    program = live(
        {
            "some_module/math.py": MATH,
            "main.py": f"""
                import os
                from pathlib import Path

                import child
                from mighty_patcher.watch import AutoReloader

                class Like:
                    def __fspath__(self):
                        return os.getcwd()

                reloader = AutoReloader(path={path}, on_reload=child.report)
                from some_module.math import double
            """,
        }
    )
    program.edit("some_module/math.py", "x + x", "x * 5")
    program.expect("double(2)", "10")


def test_observer_stops_and_joins(live: Live) -> None:
    """SEEDS A2: after ``observer.stop()`` and ``observer.join()`` nothing is reloaded."""
    program = live({"some_module/math.py": MATH, "main.py": "from some_module.math import double"})
    program.do("reloader.observer.stop(); reloader.observer.join()")
    program.write("some_module/math.py", dedent(MATH).replace("x + x", "0"))
    program.expect("reloader.observer.is_alive(), double(2)", "(False, 4)")
    program.expect("reloader.reload().modules, double(2)", "(('some_module.math',), 0)")


def test_stop_as_context_manager_and_twice(live: Live) -> None:
    program = live({"main.py": ""})
    program.do(
        """
        import threading, mighty_patcher
        with mighty_patcher.AutoReloader(".") as second:
            observer = second.observer
        second.stop()
        """
    )
    program.expect("observer.is_alive()", "False")
    program.do("reloader.stop()")
    program.expect("[t.name for t in threading.enumerate()]", "['MainThread']")


def test_a_root_that_is_not_there_is_refused_at_once(live: Live) -> None:
    program = live({"main.py": "import mighty_patcher"})
    trace = program.raises("mighty_patcher.AutoReloader('nowhere')")
    assert trace.splitlines()[-1] == "NotADirectoryError: there is no directory nowhere to watch"


def test_stopping_from_on_reload_does_not_hang(live: Live) -> None:
    program = live(
        {
            "some_module/math.py": MATH,
            "main.py": """
                import child
                from mighty_patcher import AutoReloader
                from some_module.math import double

                def once(reload):
                    reloader.stop()
                    child.report(reload)

                reloader = AutoReloader(".", on_reload=once)
            """,
        }
    )
    program.edit("some_module/math.py", "x + x", "x * 5")
    program.expect("double(2)", "10")


def test_on_reload_that_raises_is_logged_and_nothing_else(live: Live) -> None:
    program = live(
        {
            "some_module/math.py": MATH,
            "main.py": """
                import child
                from mighty_patcher import AutoReloader
                from some_module.math import double

                def broken(reload):
                    child.report(reload)
                    1 / 0

                reloader = AutoReloader(".", on_reload=broken)
            """,
        }
    )
    program.edit("some_module/math.py", "x + x", "x * 5")
    program.edit("some_module/math.py", "x * 5", "x * 6")
    program.expect("double(2)", "12")
    program.do("reloader.stop()")
    assert program.console().count("on_reload raised") == 2
    program.kill()  # Its stderr has a traceback with our frames in it, as it should.
