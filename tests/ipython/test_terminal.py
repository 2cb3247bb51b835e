"""At a terminal: what a person types and sees."""

from __future__ import annotations

import re

from shells import LOAD, Start

M = "A = 1\ndef f():\n    return 1\n"
PLAIN = ("--simple-prompt", "--colors=NoColor")
SCRIPT = f"""
import IPython

IPython.start_ipython(["--no-banner", "--no-confirm-exit", *{PLAIN!r}])
"""


def test_edit_type_and_see(terminal: Start) -> None:
    shell = terminal({"m.py": M}, *PLAIN)
    shell.run(LOAD)
    shell.run("from m import A, f")
    assert "Out[3]: (1, 1)" in shell.run("A, f()")
    shell.save("m.py", M.replace("1", "2"))
    seen = shell.run("A, f()")
    assert re.search(
        r"\d\d:\d\d:\d\d reloaded m\.py: patched f; ran A; rebound 1 name  [\d.]+ m?s\n", seen
    )
    assert "Out[4]: (2, 2)" in seen
    assert "Out[5]: (2, 2)" in shell.run("A, f()")
    assert "reloaded" not in shell.above
    assert shell.end() == 0


def test_the_debugger_after_lines_have_moved(terminal: Start) -> None:
    shell = terminal({"m.py": "def f(x):\n    return 1 / x\n"}, *PLAIN)
    shell.run(LOAD)
    shell.run("from m import f")
    shell.save("m.py", "import math\n\n\ndef f(x):\n    y = x\n    return math.pi / y\n")
    assert "----> 6     return math.pi / y" in shell.run("f(0)")
    shell.process.sendline("%debug")
    shell.expect("ipdb> ")
    assert "----> 6     return math.pi / y" in shell.above
    shell.process.sendline("p y")
    shell.expect(r"p y\s+0\s+")
    shell.process.sendline("q")
    shell.prompt()
    # The next edit is applied after the debugger.
    shell.save("m.py", "def f(x):\n    return x\n")
    assert "Out[5]: 0" in shell.run("f(0)")
    assert shell.end() == 0


def test_above_the_prompt_at_once(terminal: Start) -> None:
    """With all that a prompt does at a real terminal."""
    shell = terminal({"m.py": M}, "--colors=NoColor")
    shell.run(LOAD)
    shell.run("from m import A, f")
    shell.run("%mighty now")
    shell.save("m.py", M.replace("1", "2"))
    shell.expect("reloaded m.py: patched f; ran A; rebound 1 name")
    shell.expect(r"In \[4\]:")
    assert "Traceback" not in shell.above
    assert "(2, 2)" in shell.run("A, f()")
    assert shell.end() == 0


def test_ctrl_c_and_the_end_of_a_session(terminal: Start) -> None:
    shell = terminal({"m.py": M}, *PLAIN)
    shell.run(LOAD)
    shell.run("import m, time")
    shell.process.sendline("print('begun', flush=True); time.sleep(60)")
    shell.expect("\nbegun")
    shell.save("m.py", M.replace("1", "2"))
    shell.process.sendintr()
    assert "KeyboardInterrupt" in shell.prompt()
    assert "Out[4]: 2" in shell.run("m.f()")
    assert shell.end(by_key=True) == 0


def test_a_shell_that_the_command_line_runs(terminal: Start) -> None:
    """What it watches is applied at once, and there is no second one."""
    shell = terminal(
        {"m.py": M, "main.py": SCRIPT},
        "-m",
        "mighty_patcher",
        "main.py",
    )
    shell.run(LOAD)
    shell.run("from m import A, f")
    assert "watches   nothing" in shell.run("%mighty")
    shell.save("m.py", M.replace("1", "2"))
    shell.expect("reloaded m.py: patched f; ran A; rebound 1 name")
    assert "Out[4]: (2, 2)" in shell.run("A, f()")
    assert shell.end() == 0


def test_a_shell_in_a_function(terminal: Start) -> None:
    """Names of the function do not follow; functions do."""
    script = """
        import sys
        import IPython

        def start():
            from m import A, f
            IPython.embed(banner1="", simple_prompt=True, colors="NoColor", confirm_exit=False)

        start()
        """
    shell = terminal({"m.py": M, "main.py": script}, "main.py")
    shell.run(LOAD)
    shell.save("m.py", M.replace("1", "2"))
    assert "Out[2]: (1, 2)" in shell.run("A, f()")
