"""The loop: SEEDS D24 to D30, and one function again and again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import SOURCE, Run

# A signal that comes just before a lock is waited for does not end the wait.
WAIT = "while not __import__('threading').Event().wait(0.1): pass"

SCRIPT = """
import sys
print("run", *sys.argv[1:], __name__, __file__)
"""


def test_seed_24_a_script_runs_again_at_every_save(loop: Run) -> None:
    program = loop({"init.py": SCRIPT, "other.py": ""}, "init.py", "a", "--clear")
    program.expect("run a --clear __main__ init.py")
    program.expect(r"..:..:.. ran init.py  [\d.]+ ms")
    program.save(init=SCRIPT.replace('"run"', '"again"'))
    program.expect("again a --clear __main__ init.py")
    program.expect(".* ran .*")
    same = program.folder / "same"  # the same text: it was saved
    same.write_bytes((program.folder / "init.py").read_bytes())
    later = time.time() + 1  # more than a clock of files can be slow
    os.utime(same, (later, later))
    same.replace(program.folder / "init.py")
    program.expect("again a --clear __main__ init.py")
    program.expect(".* ran .*")
    program.save(other="1")  # it is in the folder of the script
    program.expect("again a --clear __main__ init.py")


def test_seed_24_watched_files_and_folders_and_new_files(loop: Run, tmp_path: Path) -> None:
    data, folder = tmp_path / "data.json", tmp_path / "code"
    data.write_text("1", "utf-8")
    folder.mkdir()
    program = loop(
        {"init.py": f"print('data', open({str(data)!r}).read())", "other.py": ""},
        *("--watch", str(data), "--watch", str(folder), "init.py"),
    )
    program.expect("data 1")
    program.expect(".* ran .*")
    data.write_text("2", "utf-8")
    program.expect("data 2")
    program.expect(".* ran .*")
    program.save(other="x = 1")  # not watched
    (folder / "new.py").write_text("x = 1", "utf-8")
    data.with_name("unrelated.json").write_text("1", "utf-8")
    program.expect("data 2")
    program.expect(".* ran .*")
    data.write_text("3", "utf-8")
    assert program.next_line() == "data 3"


def test_seed_24_the_paths_on_standard_input_are_watched(loop: Run, tmp_path: Path) -> None:
    listed = tmp_path / "listed.py"
    listed.write_text("", "utf-8")
    program = loop(
        {"init.py": "print('run')", "other.py": ""},
        "init.py",
        stdin=f"{listed}\n{tmp_path / 'missing.py'}\n",
    )
    program.expect(".* there is no file or folder .*missing.py to watch")
    program.expect(".* watching 1 path from standard input")
    program.expect("run")
    program.expect(".* ran .*")
    program.save(other="1")
    listed.write_text("1", "utf-8")
    assert program.next_line() == "run"
    program.expect(".* ran .*")
    program.save(init="print('edited')")
    assert program.next_line() == "edited"


def test_seed_24_a_pipe_that_stays_open_keeps_nobody_waiting(loop: Run) -> None:
    program = loop({"init.py": "print('run')"}, "init.py", stdin=...)
    program.expect("run")


def test_seed_24_a_command_runs_after_each_run(loop: Run) -> None:
    program = loop(
        {"init.py": "print('run')"}, "--clear", "--on-change", "echo changed; exit 3", "init.py"
    )
    for text in ("print('second')", "1 / 0"):
        program.expect("changed")
        program.expect(r".* echo changed; exit 3: exit status 3")
        program.save(init=text)
    program.expect("ZeroDivisionError: division by zero")
    program.expect("changed")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pseudo-terminal")
def test_seed_24_a_terminal_is_cleared_before_each_run(tmp_path: Path) -> None:
    (tmp_path / "init.py").write_text("print('run')", "utf-8")
    ours, theirs = os.openpty()
    environ = {**os.environ, "PYTHONPATH": SOURCE, "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mighty_patcher", "--loop", "--clear", "init.py"],
        cwd=tmp_path,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    try:
        for text in ("run", "again"):
            shown = b""
            while text.encode() not in shown:
                shown += os.read(ours, 1000)
            assert b"\033[2J" in shown.partition(text.encode())[0]
            (tmp_path / "init.py").write_text("print('again')", "utf-8")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_what_a_run_saves_does_not_begin_another(loop: Run) -> None:
    """A formatter that writes what is there already would run for ever."""
    program = loop(
        {
            "init.py": "print('run')",
            "form.py": "p = 'init.py'; t = open(p).read(); open(p, 'w').write(t)",
        },
        *("--watch", "init.py", "--on-change", "python3 form.py && echo formatted", "init.py"),
    )
    for text in ("second", "third"):
        program.expect(".* ran .*")
        program.save(init=f"print({text!r})")
        assert program.next_line() == text


STEPS = """
from mighty_patcher.loop import Call, ClearTerminal, Command, ReloadedPythonModule
from mighty_patcher.loop import hotload, listfiles


class Own:
    def run(self):
        print("own step")


class Hooked(ReloadedPythonModule):
    def pre_reload_hook(self, module):
        print("before", module.__name__, hasattr(module, "answer"))

    def post_reload_hook(self, module):
        print("after", module.__name__, module.answer)


if __name__ == "__main__":
    steps = [
        ClearTerminal(),
        ReloadedPythonModule.from_module_name("lib"),
        Hooked.from_module_name("package.hooked"),
        Command("echo command"),
        Call(print, "called", sep="-"),
        lambda: print("lambda"),
        Own(),
    ]
    hotload(watch=[listfiles(".", ext=".py"), listfiles(".", ext=".csv")], steps=steps)
    print("went on")
"""
HOOKED = {"package/__init__.py": "", "package/hooked.py": "answer = 42"}


def test_seed_25_steps(run: Run) -> None:
    program = run({"main.py": STEPS, "lib.py": "print('lib 1')", "data.csv": "", **HOOKED})
    program.expect("lib 1")
    for line in ("before package.hooked False", "after package.hooked 42", "command", "called"):
        assert program.next_line() == line
    assert [program.next_line(), program.next_line()] == ["lambda", "own step"]
    program.save(lib="print('lib 2')")
    program.expect("lib 2")
    assert program.next_line() == "before package.hooked True"
    program.expect("own step")
    (program.folder / "data.csv").write_text("1", "utf-8")
    program.expect("own step")
    (program.folder / "new.py").write_text("1", "utf-8")
    program.expect(".* ran 7 steps .*")
    program.interrupt()
    program.expect(".* the loop is stopped")
    program.expect("went on")
    assert program.ends() == 0


def test_seed_25_what_is_no_step_is_refused(run: Run) -> None:
    program = run({"main.py": "from mighty_patcher.loop import hotload\nhotload(['.'], [3])"})
    program.expect(r"TypeError: a step is something with a run\(\) or a callable, not 3")


COUNTS = """
from mighty_patcher import currently_reloading
print("again" if currently_reloading() else "first")
try:
    constant = constant
except NameError:
    constant = print("expensive") or 7
print("constant", constant, VERSION)
"""


def test_seed_26_top_level_code_runs_again_in_its_own_namespace(loop: Run) -> None:
    program = loop({"init.py": COUNTS.replace("VERSION", "1")}, "init.py")
    for line in ("first", "expensive", "constant 7 1"):
        assert program.next_line() == line
    program.expect(".* ran .*")
    program.save(init=COUNTS.replace("VERSION", "2"))
    for line in ("again", "constant 7 2"):
        assert program.next_line() == line


def test_seed_26_also_where_the_first_run_raised(loop: Run) -> None:
    program = loop({"init.py": COUNTS.replace("VERSION", "1 / 0")}, "init.py")
    program.expect("expensive")
    program.expect("ZeroDivisionError: .*")
    program.save(init=COUNTS.replace("VERSION", "2"))
    for line in ("again", "constant 7 2"):
        assert program.next_line() == line


def test_seed_27_hooks_of_a_reloaded_module(run: Run) -> None:
    program = run({"main.py": STEPS, "lib.py": "", **HOOKED})
    program.expect("before package.hooked False")
    program.expect("after package.hooked 42")
    program.save(**{"package/hooked": "answer = 43"})
    program.expect("before package.hooked True")
    program.expect("after package.hooked 43")


def test_seed_28_exceptions_are_shown_and_the_loop_goes_on(loop: Run) -> None:
    program = loop({"init.py": "def f():\n    1 / 0\nf()"}, "init.py")
    program.expect(r"Traceback \(most recent call last\):")
    assert program.next_line() == '  File "init.py", line 3, in <module>'  # no frame of ours
    program.expect("ZeroDivisionError: division by zero")
    program.save(init="def f(:\n")
    program.expect("SyntaxError: .*")
    program.save(init="raise SystemExit('enough')")
    program.expect("enough")
    program.expect(".* the run ended with exit status 1")
    program.save(init="import sys; print('well'); sys.exit()")
    program.expect("well")
    assert "Traceback" in program.output
    program.save(init="print('plain')")
    program.expect("plain")


def test_seed_28_ctrl_c_stops_the_run_first_and_the_loop_second(loop: Run) -> None:
    waits = f"print('waiting')\n{WAIT}"
    program = loop({"init.py": waits}, "init.py")
    program.expect("waiting")
    program.interrupt()
    program.expect(".* the run is stopped; save to run again, Ctrl-C to end the loop")
    program.save(init="print('second run')")
    program.expect("second run")
    program.expect(".* ran .*")
    program.interrupt()
    program.expect(".* the loop is stopped")
    assert program.ends() == 0
    assert "Traceback" not in program.output


def test_seed_29_imported_modules_are_patched_in_place(loop: Run) -> None:
    init = """
        import mymath
        try:
            first = first
        except NameError:
            first = mymath.double
        print(mymath.double(2), first is mymath.double)
        """
    program = loop({"init.py": init, "mymath.py": "def double(x): return x * 2"}, "init.py")
    program.expect("4 True")
    program.expect(".* ran .*")
    program.save(mymath="def double(x): return x * 3")
    program.expect(".* reloaded mymath.py: patched double .*")
    program.expect("6 True")


def test_seed_29_a_module_is_patched_while_the_script_runs(loop: Run) -> None:
    init = """
        import mymath, threading
        print("started", flush=True)
        while mymath.double(2) == 4:
            threading.Event().wait(0.01)
        print("seen", mymath.double(2))
        """
    program = loop({"init.py": init, "mymath.py": "def double(x): return x * 2"}, "init.py")
    program.expect("started")
    program.save(mymath="def double(x): return x * 3")
    program.expect("seen 6")


def test_seed_29_importlib_reload_keeps_working(loop: Run) -> None:
    init = """
        import importlib, mymath
        importlib.reload(mymath)
        print("double", mymath.double(2))
        """
    program = loop({"init.py": init, "mymath.py": "def double(x): return x * 2"}, "init.py")
    program.expect("double 4")
    for factor in (3, 4, 5):  # of one size, and within a second: a cache would be the old one
        program.expect(".* ran .*")
        program.save(mymath=f"def double(x): return x * {factor}")
        program.expect(f"double {2 * factor}")


def test_seed_30_no_import_is_paid_twice(loop: Run) -> None:
    """What made a restart slow is not done again; the time is told, and not asserted."""
    init = "import heavy\nprint('run', heavy.imports)"
    heavy = "import builtins\nimports = builtins.imports = getattr(builtins, 'imports', 0) + 1"
    program = loop({"init.py": init, "heavy.py": heavy}, "init.py")
    for count in range(5):
        program.expect("run 1")
        program.expect(r".* ran init.py  [\d.]+ ms")
        program.save(init=f"{init}\n# {count}")


def test_a_target_that_cannot_be_run_is_a_usage_error(loop: Run) -> None:
    for options, words in (
        (["missing.py"], "there is no script missing.py"),
        (["--watch", "nowhere", "init.py"], "there is no file or folder nowhere to watch"),
        (["missing:f"], "there is no module missing"),
        (["shop:missing"], "there is no shop.missing"),
        (["shop:Cart"], "shop:Cart is no function"),
        (["shop:later"], "shop:later is an async function, and only others can be called"),
        (["total", "init.py"], "there is no function total at the top of init.py"),
        (["__main__:f"], "__main__:f needs its script: --loop __main__:f script.py"),
        (["shop:total", "missing.py"], "there is no script missing.py"),
    ):
        shop = "class Cart: pass\nasync def later(): pass\ndef total(): pass"
        program = loop({"init.py": "", "shop.py": shop}, *options)
        assert program.ends() == 2
        assert program.output == f"mighty-patcher: {words}\n"


def test_a_reloader_in_a_looped_script_reloads_nothing_twice(loop: Run) -> None:
    init = "import lib\nfrom mighty_patcher import Reloader\nprint('run', Reloader(lib.f)())"
    program = loop({"init.py": init, "lib.py": "def f(): return 1"}, "init.py")
    program.expect("run 1")
    program.expect(".* ran .*")
    program.save(lib="def f(): return 2")
    program.expect("run 2")
    program.expect(".* ran .*")
    program.save(lib="def f(): return 3")
    program.expect("run 3")
    assert program.output.count("reloaded lib.py") == 2


# ---- on error


def test_on_error_ends_the_loop_with_the_first_good_run(loop: Run) -> None:
    program = loop({"init.py": "1 / 0"}, "--on-error", "init.py")
    program.expect("ZeroDivisionError: .*")
    program.save(init="print('mended')")
    program.expect("mended")
    assert program.ends() == 0
    program = loop({"init.py": "print('good')"}, "--on-error", "init.py")
    assert program.ends() == 0


# ---- one function

SHOP = """
import prices

def total(count, *, tax=0):
    return prices.price() * count + tax
"""
PRICES = "def price(): return 10"
MAIN = """
from shop import total
print("before")
print("total is", total(3, tax=1))
print("total is", total(4))
"""


def test_one_function_is_called_again_with_its_last_arguments(loop: Run) -> None:
    program = loop(
        {"shop.py": SHOP, "prices.py": PRICES, "main.py": MAIN, "other.py": ""},
        *("shop:total", "main.py"),
    )
    program.expect("before")
    program.expect(r"shop:total returned 31  [\d.]+ ms")
    program.save(shop=SHOP.replace("* count", "* count * 2"))
    program.expect(r"shop:total returned 61  .*")
    program.save(prices="def price(): return 20")  # what it uses
    program.expect(r"shop:total returned 121  .*")
    program.save(other="x = 1")  # what it does not
    program.save(prices="def price(): return 1 / 0")
    program.expect(".* shop:total raised ZeroDivisionError .*")
    program.expect("ZeroDivisionError: .*")
    program.save(shop=SHOP.replace("tax=0", "tax=5"))  # its definition runs again
    program.expect("ZeroDivisionError: .*")
    program.save(prices="def price(): return 1")
    program.expect(r"shop:total returned 4  .*")
    program.interrupt()
    program.expect(".* the loop is stopped")
    program.expect("total is 4")
    program.expect("total is 9")  # by the default of now; and the loop is over
    assert program.ends() == 0


def test_a_function_of_the_script_itself(loop: Run) -> None:
    main = """
        import prices

        class Shop:
            def total(self, count): return prices.price() * count

        print("total is", Shop().total(3))
        print("no more")
        """
    program = loop({"main.py": main, "prices.py": PRICES}, "Shop.total", "main.py")
    program.expect(r"__main__:Shop\.total returned 30  .*")
    program.save(prices="def price(): return 20")
    program.expect(r"__main__:Shop\.total returned 60  .*")
    program.save(main=main.replace("* count", "* count * 2"))
    program.expect(r"__main__:Shop\.total returned 120  .*")
    program.interrupt()
    program.expect("total is 120")
    program.expect("no more")
    assert program.ends() == 0


def test_one_function_without_a_script(loop: Run) -> None:
    program = loop({"shop.py": "def hello(): print('hello'); return 'x' * 3000"}, "shop:hello")
    program.expect("hello")
    program.expect("shop:hello returned 'x{1999}….*")
    program.save(shop="def hello(): raise KeyError('no')")
    program.expect("KeyError: 'no'")
    program.save(shop=f"def hello():\n  print('in')\n  {WAIT}")
    program.expect("in")
    program.interrupt()
    program.expect(".* the run is stopped; .*")
    program.save(shop="def goodbye(): pass")
    program.expect(r".* there is no shop.hello any more; .*")
    program.expect("in")
    program.interrupt()
    program.expect(".* the run is stopped; .*")
    program.interrupt()
    program.expect(".* the loop is stopped")
    assert program.ends() == 0


def test_methods_and_functions_that_call_themselves(loop: Run) -> None:
    maths = """
        class Maths:
            def __init__(self): self.calls = 0
            @staticmethod
            def twice(x): return x * 2
            def factorial(self, n):
                self.calls += 1
                return 1 if n < 2 else n * self.factorial(n - 1)
        """
    main = "from maths import Maths\nprint(Maths().factorial(4), Maths.twice(4))"
    files = {"maths.py": maths, "main.py": main}
    program = loop(files, "maths:Maths.factorial", "main.py")
    program.expect("maths:Maths.factorial returned 24 .*")
    program.save(maths=maths.replace("n * ", "n + "))
    program.expect("maths:Maths.factorial returned 10 .*")
    program.interrupt()
    program.expect("10 8")
    program = loop(files, "maths:Maths.twice", "main.py")
    program.expect("maths:Maths.twice returned 8 .*")
    program.interrupt()
    program.expect("24 8")


def test_on_error_keeps_only_a_call_that_raised(loop: Run) -> None:
    program = loop(
        {"shop.py": SHOP, "prices.py": "def price(): return price.it", "main.py": MAIN},
        *("--on-error", "shop:total", "main.py"),
    )
    program.expect(".* shop:total raised AttributeError .*")
    program.save(prices="def price(): return 2")
    program.expect("total is 7")
    program.expect("total is 8")
    assert program.ends() == 0


def test_a_module_that_cannot_be_imported_is_waited_for(loop: Run) -> None:
    program = loop({"shop.py": "def total(:\n"}, "shop:total")
    program.expect("SyntaxError: .*")
    program.save(shop="def total(): return 1")
    program.expect("shop:total returned 1 .*")
