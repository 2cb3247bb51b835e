"""The runner is exact: programs of all kinds, run by it and by plain ``python``, do the same.

What they print, what is on their stderr and how they end is compared as it is, but for
addresses and numbers of processes.
"""

from __future__ import annotations

import dataclasses
import io
import py_compile
import re
import signal
import sys
import zipfile
from pathlib import Path

import pytest
from running import RUNNER, Ended, run, write


@dataclasses.dataclass(frozen=True)
class Case:
    """A program.

    Attributes:
        main: Its ``main.py``.
        status: The exit status that shows that it does what it is there for.
        says: What is in its output or on its stderr, for the same reason.
        files: Other files.
        arguments: What comes after ``python``.
        flags: What comes before that.
        stdin: Its standard input.
        env: More of an environment.
    """

    main: str = ""
    status: int = 0
    says: str = ""
    files: dict[str, str | bytes] = dataclasses.field(default_factory=dict)
    arguments: tuple[str, ...] = ("main.py",)
    flags: tuple[str, ...] = ()
    stdin: str = ""
    env: dict[str, str] = dataclasses.field(default_factory=dict)


def archive(**texts: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        for name, text in texts.items():
            file.writestr(f"{name}.py", text)
    return data.getvalue()


EVERYTHING = """
import builtins, os, sys, __main__
print(sorted(globals()))
print(__name__, globals().get("__file__"), __package__, __spec__, __loader__)
print(__builtins__ is builtins, vars(__main__) is globals(), __doc__)
print(sys.argv, sys.path, sys.orig_argv[1:], sys.flags, sys._xoptions, sys.warnoptions)
print(sys.executable, sys.prefix, sys.stdin.encoding, sys.dont_write_bytecode, sys.gettrace())
print({k: v for k, v in sorted(os.environ.items()) if k != "_"}, os.getcwd())
print([hook for hook in dir(sys) if hook.startswith("__")], sys.excepthook, sys.displayhook)
"""
PACKAGE: dict[str, str | bytes] = {
    "shop/__init__.py": "print('package', __name__, __path__)",
    "shop/__main__.py": f"from . import cart\nfrom .cart import f\n{EVERYTHING}\nf()",
    "shop/cart.py": "import sys\n\ndef f():\n    print(sys._getframe(1).f_code.co_name)",
}
POOL = """
import multiprocessing as mp, os, pickle, sys

class Point:
    def __init__(self, x): self.x = x
    def __eq__(self, other): return type(other) is Point and other.x == self.x

def work(point):
    return Point(point.x + 1), __name__, os.environ.get("PYTHONPATH"), sorted(
        k for k in os.environ if k.startswith("MIGHTY")
    )

if __name__ == "__main__":
    assert pickle.loads(pickle.dumps(Point(3))) == Point(3)
    with mp.get_context("{method}").Pool(2) as pool:
        points = pool.map(work, [Point(1), Point(2)])
    print([(type(p) is Point, p.x, *rest) for p, *rest in points], Point.__module__)
"""

# The runner is a Python, too, before it becomes the program.
NOT_IN_THE_RUNNER = "import sys\nif 'mighty_patcher' not in sys.orig_argv: "

CASES = {
    "everything": Case(EVERYTHING, says="__main__", arguments=("main.py", "-m", "--watch", "a b")),
    "path and link": Case(
        files={"a/b/it.py": EVERYTHING, "a/b/near.py": ""}, arguments=("a/../a/b/it.py", "")
    ),
    "exit nothing": Case("import sys; sys.exit()"),
    "exit 3": Case("import sys; sys.exit(3)", 3),
    "exit -1": Case("raise SystemExit(-1)", 255),
    "exit 256": Case("raise SystemExit(256)", 0),
    "exit True": Case("raise SystemExit(True)", 1),
    "exit words": Case("import sys; sys.exit('no such luck \\xe4')", 1, "no such luck"),
    "exit tuple": Case("import sys; sys.exit((1, 2))", 1, "(1, 2)"),
    "exit in a function": Case(
        "import sys\ndef f():\n  try: sys.exit(4)\n  finally: print(1)\nf()", 4
    ),
    "exit at once": Case("import os; print('lost'); os._exit(7)", 7),
    "unhandled": Case(
        """
        def f():
            try:
                1 / 0
            except ZeroDivisionError as error:
                error.add_note("in f")
                raise LookupError("no price") from error
        f()
        """,
        1,
        "LookupError: no price",
    ),
    "unhandled group": Case(
        "raise ExceptionGroup('both', [ValueError(1), KeyError(2)])", 1, "both"
    ),
    "unhandled in an import": Case("import near", 1, "1/0", files={"near.py": "def f(): 1/0\nf()"}),
    "syntax error": Case("print(1)\ndef f(:\n    pass\n", 1, "SyntaxError"),
    "indentation error": Case("if 1:\nprint()\n", 1, "IndentationError"),
    "not UTF-8": Case(files={"it.py": b"x = '\xe4'\n"}, status=1, arguments=("it.py",)),
    "latin-1": Case(
        files={"it.py": b"# coding: latin-1\nprint(ascii('\xe4'))\n"},
        says="'\\xe4'",
        arguments=("it.py",),
    ),
    "recursion": Case(
        """
        import sys
        depth = 0
        def f():
            global depth
            depth += 1
            f()
        try:
            f()
        except RecursionError:
            print(depth, sys.getrecursionlimit())
        f()
        """,
        1,
        "RecursionError",
    ),
    "frames": Case(
        """
        import inspect, sys, traceback
        def f():
            print([frame.function for frame in inspect.stack()])
            traceback.print_stack()
        f()
        print(sys._getframe().f_back)
        """,
        says="['f', '<module>']",
    ),
    "own excepthook": Case(
        "import sys\nsys.excepthook = lambda *a: print(a, a[2].tb_next)\n1/0", 1, "None"
    ),
    "bad excepthook": Case("import sys\nsys.excepthook = lambda *a: 1/0\nnothing", 1, "excepthook"),
    "at exit": Case(
        """
        import atexit, threading, time, sys
        class Last:
            def __del__(self): print("finalised", sys is None)
        last = Last()
        go = threading.Event()
        def still_running():
            go.wait(0.05)
            print("thread", threading.current_thread().name)
            raise KeyError("in a thread")
        atexit.register(print, "first")
        atexit.register(lambda: 1/0)
        atexit.register(print, "last")
        threading.Thread(target=still_running).start()
        threading.Thread(target=time.sleep, args=[1000], daemon=True).start()
        print("main", threading.main_thread() is threading.current_thread())
        """,
        says="Exception in thread Thread-1 (still_running)",
    ),
    "warnings": Case(
        """
        import warnings
        import near
        warnings.warn("one")
        warnings.warn("two", stacklevel=2)
        warnings.warn("three", DeprecationWarning)
        near.f()
        print(warnings.filters)
        "\\d"
        """,
        says="DeprecationWarning: three",
        files={"near.py": "import warnings\ndef f(): warnings.warn('near', stacklevel=3)"},
    ),
    "-W error": Case("import warnings\nwarnings.warn('x')", 1, flags=("-W", "error"), says="x"),
    "-W ignore": Case("import warnings\nwarnings.warn('x')", flags=("-Wignore",)),
    "-X and others": Case(
        EVERYTHING, flags=("-X", "dev", "-Xutf8", "-OO", "-bB", "-u", "-X", "mine=1"), says="mine"
    ),
    "-P": Case(EVERYTHING + "import near", 1, "near", {"near.py": ""}, flags=("-P",)),
    "PYTHONSAFEPATH": Case(
        EVERYTHING + "import near", 1, "near", {"near.py": ""}, env={"PYTHONSAFEPATH": "1"}
    ),
    "PYTHONPATH": Case(
        EVERYTHING + "import far",
        says="far",
        files={"lib/far.py": "print(__name__)"},
        env={"PYTHONPATH": "lib"},
    ),
    "-m package": Case(files=PACKAGE, arguments=("-m", "shop", "-m", "x"), says="<module>"),
    "-m module": Case(files=PACKAGE, arguments=("-mshop.__main__", "--watch"), says="<module>"),
    "-m nothing": Case(status=1, arguments=("-m", "shopp"), says="No module named shopp"),
    "-m no main": Case(
        status=1, files={"shop/__init__.py": ""}, arguments=("-m", "shop"), says="__main__"
    ),
    "-m library": Case(arguments=("-m", "json.tool"), stdin="[1]", says="1"),
    "folder": Case(
        files={"app/__main__.py": "import near" + EVERYTHING, "app/near.py": ""},
        arguments=("app", "x"),
        says="__main__",
    ),
    "folder without main": Case(
        files={"app/near.py": ""}, arguments=("app",), status=1, says="__main__"
    ),
    "archive": Case(
        files={"app.zip": archive(__main__="import near" + EVERYTHING, near="print(__file__)")},
        arguments=("app.zip", "x"),
        says="app.zip",
    ),
    "-c": Case(arguments=("-c", EVERYTHING, "-c", "--quiet"), says="__main__"),
    "-c raises": Case(arguments=("-cdef f(): 1/0\nf()",), status=1, says="ZeroDivisionError"),
    "stdin": Case(arguments=("-", "a", "-m"), stdin=EVERYTHING, says="__main__"),
    "stdin raises": Case(arguments=("-",), stdin="def f(): 1/0\nf()", status=1, says="<stdin>"),
    "-i": Case(
        "def f(): 1/0\nf()", arguments=("-i", "main.py", "x"), stdin="import sys; sys.argv\nf\n"
    ),
    "-i alone": Case(arguments=("-i", "-"), stdin="1 + 1\n1/0\nprint(3)"),
    "asks": Case("print(input('name? '), sorted(iter(input, '')))", stdin="Ada\nb\na\n\n"),
    "names of the library": Case(
        "import queue, logging, code; print(queue.__file__, logging.mine, code.mine)",
        files={
            "queue.py": "",
            "logging/__init__.py": "mine = 1",
            "code.py": "mine = 2",
            "ast/x": "",
        },
        says="1 2",
    ),
    "names of the library in PYTHONPATH": Case(
        "import queue, signal; print(queue.__file__, signal.__file__)",
        files={"lib/queue.py": "print(__file__)", "lib/signal.py": ""},
        env={"PYTHONPATH": "lib"},
        says="queue.py",
    ),
    "command line": Case(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--watch")
        parser.add_argument("-m", required=True)
        print(parser.parse_args())
        """,
        2,
        "the following arguments are required: -m",
        arguments=("main.py", "--watch", "x"),
    ),
    "own sitecustomize": Case(
        "print('main')",
        says="mine",
        files={"lib/sitecustomize.py": f"{NOT_IN_THE_RUNNER}print('mine', __file__, sys.path)"},
        env={"PYTHONPATH": "lib"},
    ),
    "bad sitecustomize": Case(
        "print('main')",
        says="Error in sitecustomize",
        files={"lib/sitecustomize.py": f"{NOT_IN_THE_RUNNER}import nothing_there"},
        env={"PYTHONPATH": "lib"},
    ),
    "logging": Case(
        "import logging; logging.warning('w'); logging.info('i'); print(logging.root.handlers)",
        says="w",
    ),
    "runpy": Case(
        "import runpy; print(runpy.run_path('near.py', run_name='__main__')['x'])",
        says="__main__",
        files={"near.py": "x = __name__; print(__file__)"},
    ),
    "asyncio": Case(
        """
        import asyncio, os, signal
        async def main():
            try:
                os.kill(os.getpid(), signal.SIGINT)
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                print("cancelled")
                raise
        asyncio.run(main())
        """,
        -signal.SIGINT,
        "cancelled",
    ),
    "keyboard interrupt": Case("raise KeyboardInterrupt", -signal.SIGINT, "KeyboardInterrupt"),
    "SIGINT": Case(
        "import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(1000)",
        -signal.SIGINT,
        "KeyboardInterrupt",
    ),
    "SIGTERM": Case("import os; os.kill(os.getpid(), 15)", -signal.SIGTERM),
    "SIGTERM handled": Case(
        """
        import os, signal, sys
        signal.signal(signal.SIGTERM, lambda number, it: sys.exit(f"{number} in {it.f_lineno}"))
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        1,
        "15 in",
    ),
    "sigwait": Case(
        """
        import os, signal
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        os.kill(os.getpid(), signal.SIGUSR1)
        print(signal.sigwait({signal.SIGUSR1}))
        """,
        says="SIGUSR1",
    ),
    "fork": Case(
        """
        import os, sys, threading
        for turn in range(3):
            sys.stdout.flush()
            if os.fork() == 0:
                print("child", turn, threading.active_count())
                sys.exit(turn)
            print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
        says="child 2 1",
        flags=("-W", "always"),
    ),
    "fork with threads": Case(
        """
        import os, threading
        go = threading.Event()
        thread = threading.Thread(target=go.wait)
        for turn in range(3):
            if os.fork() == 0:
                os._exit(turn)
            print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
            if turn == 0: thread.start()
            if turn == 1: go.set(); thread.join()
        """,
        says="is multi-threaded" if sys.version_info >= (3, 12) else "2",
        flags=("-W", "always"),
    ),
    "subprocess": Case(
        """
        import os, subprocess, sys
        subprocess.run([sys.executable, "-c", "import os; print(sorted(os.environ.items()))"])
        subprocess.run([sys.executable, "near.py"], env={})
        """,
        files={"near.py": "import sys, threading; print(sys.path, threading.active_count())"},
        says="PYTHONPATH",
    ),
    "pool spawn": Case(POOL.replace("{method}", "spawn"), says="(True, 2, '__mp_main__'"),
    "pool fork": Case(POOL.replace("{method}", "fork"), says="(True, 2, '__main__'"),
    "pool forkserver": Case(POOL.replace("{method}", "forkserver"), says="(True, 2, '__mp_main__'"),
    "closed stdout": Case("import sys; print(1); sys.stdout.close(); print(2)", 1, "closed file"),
    "empty": Case(),
}


@pytest.mark.skipif(sys.platform == "win32", reason="the programs use signals and fork")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_program_does_the_same(tmp_path: Path, case: Case) -> None:
    """SEEDS B11."""
    write(tmp_path, {"main.py": case.main, **case.files})
    env = {**case.env, "PYTHONDONTWRITEBYTECODE": "1"}
    plain = run(tmp_path, [*case.flags, *case.arguments], stdin=case.stdin, env=env)
    hot = run(tmp_path, [*case.flags, *RUNNER, *case.arguments], stdin=case.stdin, env=env)
    assert plain.status == case.status, plain
    assert case.says in plain.output + plain.errors
    assert without_numbers(hot) == without_numbers(plain)


def without_numbers(ended: Ended) -> Ended:
    """Take out what is different whenever a program runs."""
    status, *texts = ended
    return Ended(status, *(re.sub(r"\b0x[0-9a-fA-F]+|pid=\d+", "...", text) for text in texts))


def test_bytecode(tmp_path: Path) -> None:
    write(tmp_path, {"main.py": "print(__file__, __cached__ if 0 else '')\nraise SystemExit(5)"})
    py_compile.compile(str(tmp_path / "main.py"), cfile=str(tmp_path / "it.pyc"))
    assert run(tmp_path, [*RUNNER, "it.pyc"]) == run(tmp_path, ["it.pyc"])


def test_a_link_to_a_script(tmp_path: Path) -> None:
    write(
        tmp_path, {"app/main.py": "import near, sys\nprint(__file__, sys.path)", "app/near.py": ""}
    )
    (tmp_path / "tool").symlink_to("app/main.py")
    plain = run(tmp_path, ["tool"])
    assert plain.status == 0
    assert run(tmp_path, [*RUNNER, "tool"]) == plain
