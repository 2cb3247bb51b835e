"""Modules that are run again: what they can ask, what they keep (SEEDS A6, A7)."""

from __future__ import annotations

from program import Live

ASKING = """
    from mighty_patcher import currently_reloading

    _my_cache = {}

    if not currently_reloading():
        connection = object()
        number_of_restarts = 0

    if currently_reloading():
        number_of_restarts += 1
        print("Reloaded!")

    def cached(key):
        return _my_cache.setdefault(key, 1)
"""


def test_a_module_that_asks_is_run_at_every_save(live: Live) -> None:
    """SEEDS A7, to the letter."""
    program = live({"m.py": ASKING, "main.py": "import m\nfrom m import cached"})
    program.do("connection, cache = m.connection, m._my_cache; cached('a'); m.extra = 5")
    program.expect("m._my_cache, m.number_of_restarts", "({'a': 1}, 0)")
    assert program.output() == ""
    for restarts in (1, 2, 3):
        report = program.edit("m.py", f"key, {restarts}", f"key, {restarts + 1}")
        assert report.ran == {"m"}
        program.expect("m.number_of_restarts, m._my_cache", f"({restarts}, {{}})")
        program.expect("m.connection is connection, m.extra", "(True, 5)")
        program.expect("cached is m.cached, cached('a')", f"(True, {restarts + 1})")
        assert program.output() == "Reloaded!\n" * restarts
    program.expect("cache", "{'a': 1}")


def test_it_is_run_even_if_only_a_comment_changed(live: Live) -> None:
    """SEEDS A7: *every* save."""
    program = live({"m.py": ASKING, "main.py": "import m"})
    program.save("m.py", f"{ASKING}\n    # a comment\n")
    program.expect("m.number_of_restarts", "1")


def test_true_only_while_the_module_is_run_again(live: Live) -> None:
    """SEEDS A6: False at the first import and in what is imported meanwhile."""
    program = live(
        {
            "m.py": """
                from mighty_patcher import currently_reloading as asks
                seen = []

                def ask():
                    return asks()

                seen.append(asks())
                seen.append(ask())
                class Body:
                    seen.append(asks())
                seen.append([asks() for _ in range(1)][0])
                seen.append((lambda: asks())())
                VERSION = 1
            """,
            "new.py": """
                from mighty_patcher import currently_reloading
                seen = [currently_reloading()]
                import inner
            """,
            "inner.py": "import mighty_patcher\nseen = [mighty_patcher.currently_reloading()]",
            "main.py": "import m",
        }
    )
    program.expect("m.seen, m.ask()", "([False, False, False, False, False], False)")
    program.edit("m.py", "VERSION = 1", "import new, inner; after = asks()")
    program.expect("m.seen, m.ask(), m.after", "([True, True, True, True, True], False, True)")
    program.expect("m.new.seen, m.inner.seen", "([False], [False])")
    program.edit("new.py", "import inner", "import inner  # once more")
    program.expect("m.new.seen, m.inner.seen", "([True], [False])")


def test_false_on_other_threads_meanwhile(live: Live) -> None:
    """SEEDS A6: a function of the module that another thread calls is not being executed again."""
    program = live(
        {
            "m.py": """
                import concurrent.futures
                from mighty_patcher import currently_reloading

                def ask():
                    return currently_reloading()

                with concurrent.futures.ThreadPoolExecutor(1) as pool:
                    seen = currently_reloading(), pool.submit(ask).result()
            """,
            "main.py": "import m",
        }
    )
    program.edit("m.py", "(1)", "(2)")
    program.expect("m.seen", "(True, False)")


def test_false_again_after_it_raised(live: Live) -> None:
    """SEEDS A6."""
    program = live({"m.py": ASKING, "main.py": "import m, mighty_patcher"})
    program.shows_tracebacks = True
    program.write("m.py", ASKING + "    1 / 0\n")
    assert not program.next_report().ok
    program.expect("mighty_patcher.currently_reloading(), m.number_of_restarts", "(False, 0)")
    program.save("m.py", ASKING + "    asked = currently_reloading()\n")
    program.expect("m.number_of_restarts, m.asked", "(1, True)")
    program.expect("mighty_patcher.currently_reloading()", "False")


def test_asking_by_the_name_of_the_package(live: Live) -> None:
    """SEEDS A7: ``import mighty_patcher as mp`` asks as well."""
    text = "import mighty_patcher as mp\nasked = mp.currently_reloading()\ndef f(): return 1\n"
    program = live({"m.py": text, "main.py": "import m"})
    assert program.edit("m.py", "return 1", "return 2").ran == {"m"}
    program.expect("m.asked, m.f()", "(True, 2)")


def test_a_module_that_only_speaks_of_it_is_not_run(live: Live) -> None:
    text = "# currently_reloading() is not for us\nran = []\ndef f(): return 1\n"
    program = live({"m.py": text, "main.py": "import m\nran = m.ran"})
    assert not program.edit("m.py", "return 1", "return 2").ran
    program.expect("m.ran is ran, m.f()", "(True, 2)")


def test_rerun_module_runs_every_saved_module(live: Live) -> None:
    text = "made = object()\ndef f(): return 1\n"
    program = live({"m.py": text, "main.py": "import m\nfrom m import f"}, rerun="module")
    program.do("made = m.made")
    report = program.edit("m.py", "return 1", "return 2")
    assert report.ran == {"m"}
    program.expect("m.made is made, f(), m.f is f", "(False, 2, True)")


def test_a_module_chooses_for_itself(live: Live) -> None:
    """``__rerun__`` in a module goes before what the reloader was told."""
    text = "__rerun__ = {!r}\nmade = object()\ndef f(): return 1\n"
    names = ["module", "changed", "never"]
    program = live(
        {
            **{f"{name}_.py": text.format(name) for name in names},
            "main.py": f"import {', '.join(f'{name}_' for name in names)}\n",
        }
    )
    program.do("made = [m.made for m in (module_, changed_, never_)]")
    assert program.edit("module_.py", "return 1", "return 2").ran == {"module_"}
    assert not program.edit("changed_.py", "return 1", "return 2").ran
    program.write("never_.py", text.format("never").replace("1", "2"))
    program.no_more_reports()
    program.expect("[m.f() for m in (module_, changed_, never_)]", "[2, 2, 1]")
    program.expect(
        "[m.made is o for m, o in zip((module_, changed_, never_), made)]", "[False, True, True]"
    )


def test_excluded_modules_are_never_touched(live: Live) -> None:
    """DESIGN: by fnmatch patterns of their names."""
    one = "def f(): return 1\n"
    program = live(
        {"state/a.py": one, "plain.py": one, "main.py": "import state.a, plain"},
        excluded=["state.*", "nothing"],
    )
    program.write("state/a.py", one.replace("1", "2"))
    program.edit("plain.py", "return 1", "return 2")
    program.no_more_reports()
    program.expect("state.a.f(), plain.f()", "(1, 2)")
    program.expect("reloader.reload().modules, state.a.f()", "((), 1)")


def test_names_that_are_gone_from_the_source(live: Live) -> None:
    """They are deleted; what the program bound itself stays, and so do old references, of which
    imports are named.
    """
    text = "A = 1\nB = 2\ndef f(): return A\ndef g(): return B\nclass C:\n  def m(self): pass\n"
    program = live({"m.py": text, "main.py": "import m\nfrom m import f, g\nm.own = 5\n"})
    program.expect("f(), g(), m.own", "(1, 2, 5)")
    gone = text.replace("def g(): return B\n", "").replace("  def m(self): pass", "  pass")
    report = program.save("m.py", gone.replace("A = 1\n", "A = 3\n"))
    assert report.ran == {"m"}
    assert report.removed == {"g", "C.m"}
    assert [*report.stale] == ["__main__.g"]
    assert "g is gone from the source" in report.stale["__main__.g"]
    program.expect("f(), m.own, hasattr(m, 'g'), hasattr(m.C, 'm')", "(3, 5, False, False)")
    program.expect("g()", "2")
    program.do("reloader.undo()")
    program.expect("f(), m.own, m.g is g, hasattr(m.C, 'm')", "(1, 5, True, True)")


def test_a_submodule_stays_where_its_package_imports_it_no_more(live: Live) -> None:
    """Somebody else may have imported it, and then it is there."""
    program = live(
        {
            "pkg/__init__.py": "from . import sub\nfrom .sub import X\n",
            "pkg/sub.py": "X = 1\n",
            "main.py": "import pkg.sub\n",
        }
    )
    report = program.save("pkg/__init__.py", "Y = 2\n")
    assert report.removed == {"X"}
    program.expect("pkg.sub.X, pkg.Y", "(1, 2)")


def test_a_module_whose_text_was_changed_after_its_import(live: Live) -> None:
    """It changed between the import and the start of the reloader: said so, and the module run."""
    program = live(
        {
            "m.py": "def f(): return 1\nX = 1\n",
            "main.py": """
                from pathlib import Path
                import m
                from m import f
                Path("m.py").write_text("def f(): return 2\\nX = 2\\n")
            """,
        }
    )
    program.expect("f()", "1")
    report = program.edit("m.py", "return 2", "return 3")
    assert report.ran == {"m"}
    assert "changed after its import" in report.event["steps"][0]["reason"]
    program.expect("f(), m.X, m.f is f", "(3, 2, True)")


# ---- by hand


def test_reload_by_hand(live: Live) -> None:
    """``watch=False``: no thread; one call brings in all that was saved meanwhile."""
    program = live(
        {
            "m.py": "def f(): return 1",
            "n.py": "def f(): return 1",
            "main.py": "import m, n, threading",
        },
        watch=False,
    )
    program.expect("reloader.observer, threading.active_count()", "(None, 1)")
    program.write("m.py", "def f(): return 2")
    program.write("n.py", "def f(): return 2")
    program.expect("reloader.reload(['m.py']).modules, m.f(), n.f()", "(('m',), 2, 1)")
    program.expect("reloader.reload().modules, m.f(), n.f()", "(('n',), 2, 2)")
    program.expect("reloader.reload().modules, reloader.last.modules", "((), ('n',))")


def test_reload_from_inside_a_module_that_is_being_reloaded(live: Live) -> None:
    """Refused in its report, and not raised."""
    program = live(
        {
            "m.py": """
                from mighty_patcher import currently_reloading
                inner = None
                if currently_reloading():
                    import __main__
                    inner = __main__.reloader.reload()
                VERSION = 1
            """,
            "main.py": "import m",
        }
    )
    assert not program.edit("m.py", "VERSION = 1", "VERSION = 2").ok  # the inner one
    assert program.next_report().ok
    program.expect(
        "m.VERSION, m.inner.ok, type(m.inner.error).__name__", "(2, False, 'RefusedEdit')"
    )
    program.no_more_reports()


def test_interrupt_in_an_explicit_reload(live: Live) -> None:
    """KeyboardInterrupt goes through to who asked for the reload; everything is undone before."""
    program = live({"m.py": "X = 1\ndef f(): return 1\n", "main.py": "import m"}, watch=False)
    program.write("m.py", "X = 2\ndef f(): return 2\nraise KeyboardInterrupt\n")
    assert program.raises("reloader.reload()").rstrip().endswith("KeyboardInterrupt")
    program.expect("m.X, m.f()", "(1, 1)")
    program.write("m.py", "X = 3\ndef f(): return 3\n")
    program.expect("reloader.reload().ok, m.X, m.f(), reloader.errors", "(True, 3, 3, {})")


def test_undo_takes_a_reload_back(live: Live) -> None:
    program = live(
        {
            "m.py": "X = 1\nTABLE = {}\ndef f(): return 1\nclass A:\n    def g(self): return 1\n",
            "main.py": "import m\nfrom m import X, f",
        }
    )
    program.do("names, code, a = dict(vars(m)), f.__code__, m.A()")
    text = program.text("m.py").replace("return 1", "return 2").replace("X = 1", "X = 2\nNEW = 1")
    assert program.save("m.py", text).ok
    program.expect("X, f(), a.g(), m.X", "(2, 2, 2, 2)")
    program.do("undone = reloader.undo()")
    program.expect("X, f(), a.g(), m.X", "(1, 1, 1, 1)")
    program.expect(
        "all(vars(m).get(n) is names[n] for n in names), f.__code__ is code", "(True, True)"
    )
    program.expect("hasattr(m, 'NEW')", "False")
    assert program.save("m.py", text.replace("return 2", "return 3")).ok
    program.expect("X, f(), a.g(), m.X, m.NEW, reloader.errors", "(2, 3, 3, 2, 1, {})")


def test_undo_without_a_reload(live: Live) -> None:
    program = live({"main.py": ""})
    program.expect("reloader.undo().ok", "False")


# ---- the main module


def test_a_constant_of_main_below_whose_guard_the_loop_runs(live: Live) -> None:
    """SEEDS A8, B16: the block itself is never run again."""
    text = "RATE = 1\nstarts = []\nstarts.append(1)\ndef f(): return RATE\n"
    program = live({"main.py": text})
    assert program.edit("main.py", "RATE = 1", "RATE = 5").ran == {"__main__"}
    program.expect("RATE, f(), starts", "(5, 5, [1])")
    program.edit("main.py", "return RATE", "return -RATE")
    program.expect("f()", "-5")


LOOP = """
    RATE = 1

    def f():
        return RATE

    import child
    child.serve(globals())
"""


def test_a_body_in_main_whose_top_level_code_is_running(live: Live) -> None:
    program = live({"main.py": LOOP})
    assert program.edit("main.py", "return RATE", "return RATE + 1").patched == {"f"}
    program.expect("f()", "2")


def test_a_constant_of_main_whose_top_level_code_is_running(live: Live) -> None:
    """What stands above the running statement is run like that of any module."""
    program = live({"main.py": LOOP})
    report = program.edit("main.py", "RATE = 1", "RATE = 5")
    assert (report.ok, report.stale) == (True, {})
    program.expect("RATE, f()", "(5, 5)")


def test_the_running_statement_and_what_is_below_it_stay_old(live: Live) -> None:
    program = live({"main.py": f"{LOOP}    BELOW = 1\n"})
    report = program.edit("main.py", "serve(globals())\nBELOW = 1", "serve(vars())\nBELOW = 2")
    assert not report.ran
    assert list(report.stale) == ["the call of child.serve (line 7)", "BELOW (line 8)"]
    assert all("until it returns" in reason for reason in report.stale.values())
    program.edit("main.py", "return RATE", "return RATE + 1")
    program.expect("f(), 'BELOW' in globals()", "(2, False)")


def test_all_of_a_main_that_is_running_is_not_run_again(live: Live) -> None:
    """It would start again from the top: refused, with a hint, and everything else goes on."""
    program = live({"main.py": LOOP, "m.py": "def f(): return 1"}, rerun="module")
    report = program.edit("main.py", "RATE = 1", "RATE = 5")
    assert not report.ok
    assert "still running" in report.errors[0]
    assert 'if __name__ == "__main__":' in report.errors[0]
    program.expect("RATE, f()", "(1, 1)")
    program.do("import m")
    assert program.edit("m.py", "return 1", "return 2").ok
    program.expect("m.f(), RATE", "(2, 1)")


def test_reload_asked_for_by_code_that_runs_in_the_namespace_of_main(live: Live) -> None:
    """A debugger's prompt: its frame has the names of ``__main__`` and is not of its file."""
    program = live({"main.py": "def f(): return 1"}, watch=False)
    program.write("main.py", program.replaced("main.py", "return 1", "return 2"))
    program.expect("reloader.reload().modules, f()", "(('__main__',), 2)")
    program.expect("f.__code__.co_filename == __file__", "True")
    program.write("main.py", program.replaced("main.py", "return 2", "return 3") + "\n\nX = 1\n")
    program.expect("reloader.reload().ok, f()", "(True, 3)")


# ---- imports that are under way


def test_a_module_that_is_still_being_imported(live: Live) -> None:
    """It is reloaded when its import has ended, and not before."""
    program = live(
        {
            "slow.py": """
                import child
                from main_gates import go
                def f(): return 1
                X = 1
                child.tell("entered")
                go.wait(15)
                Y = f()
            """,
            "main_gates.py": "import threading\ngo = threading.Event()",
            "main.py": """
                import importlib, main_gates, threading
                thread = threading.Thread(target=importlib.import_module, args=["slow"])
            """,
        }
    )
    program.do("thread.start()")
    assert program.told() == "entered"
    program.write(
        "slow.py", program.replaced("slow.py", "return 1", "return 2").replace("X = 1", "X = 2")
    )
    program.no_more_reports()
    program.do("import sys; slow = sys.modules['slow']")
    program.expect("slow.f(), slow.X", "(1, 1)")
    program.do("main_gates.go.set(); thread.join()")
    report = program.next_report()
    assert report.modules == ["slow"]
    program.expect("slow.f(), slow.X, slow.Y", "(2, 2, 1)")  # a body is no value


def test_a_save_during_a_reload_is_the_next_reload(live: Live) -> None:
    program = live(
        {
            "hold.py": """
                import child, threading
                from mighty_patcher import currently_reloading
                if not currently_reloading():
                    go = threading.Event()
                    runs = 0
                else:
                    runs += 1
                    child.tell("entered")
                    go.wait(15)
                VERSION = 1
            """,
            "main.py": "import hold",
        }
    )
    program.write("hold.py", program.replaced("hold.py", "VERSION = 1", "VERSION = 2"))
    assert program.told() == "entered"
    program.write("hold.py", program.replaced("hold.py", "VERSION = 2", "VERSION = 3"))
    program.do("hold.go.set()")
    assert program.next_report().ok
    assert program.told() == "entered"
    assert program.next_report().ok
    program.expect("hold.VERSION, hold.runs", "(3, 2)")
    program.no_more_reports()
