"""``apply="manual"``: saves wait until the program asks for them."""

from __future__ import annotations

from program import Live

TELL = """
    import logging
    from m import f, X
    import m

    class Tell(logging.Handler):
        def emit(self, record):
            if "waiting" in record.getMessage():
                import child
                child.tell("waiting")

    logging.getLogger("mighty_patcher").addHandler(Tell())
    logging.getLogger("mighty_patcher").setLevel(logging.DEBUG)
"""
ONE = "X = 1\ndef f(): return 1\n"
TWO = "X = 2\ndef f(): return 2\n"


def test_a_save_waits_until_it_is_applied(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": TELL}, apply="manual")
    assert program.value("reloader.apply()") == "None"
    program.write("m.py", TWO)
    assert program.told() == "waiting"
    program.expect("f(), X, m.X", "(1, 1, 1)")
    assert program.value("reloader.apply().modules") == "('m',)"
    assert program.next_report().ok
    program.expect("f(), X, m.X", "(2, 2, 2)")
    assert program.value("reloader.apply()") == "None"


def test_several_saves_are_one_reload(live: Live) -> None:
    program = live(
        {"m.py": ONE, "n.py": "def g(): return 1", "main.py": f"{TELL}\n    import n"},
        apply="manual",
    )
    for path, text in (("m.py", ONE + "1 / 0\n"), ("n.py", "def g(): return 2"), ("m.py", TWO)):
        program.write(path, text)
        assert program.told() == "waiting"
    program.expect("reloader.apply().ok, f(), n.g()", "(True, 2, 2)")
    report = program.next_report()
    assert sorted(report.modules) == ["m", "n"]


def test_what_does_not_read_waits_and_is_reported_when_it_is_asked_for(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": TELL}, apply="manual")
    program.write("m.py", "def f(:\n")
    assert program.told() == "waiting"
    program.expect("reloader.apply().ok, f()", "(False, 1)")
    assert not program.next_report().ok
    program.write("m.py", TWO)
    assert program.told() == "waiting"
    program.expect("reloader.apply().ok, f(), dict(reloader.errors)", "(True, 2, {})")


def test_a_save_is_known_at_once(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": "from m import f"}, apply="manual")
    for number in range(2, 12):
        program.write("m.py", f"X = {number}\ndef f(): return {number}\n")
        program.expect("(reloader.catch_up(), reloader.apply().ok, f())", f"(True, True, {number})")
        program.next_report()


def test_what_is_not_wanted_goes_on_waiting(live: Live) -> None:
    program = live(
        {"m.py": ONE, "n.py": "def g(): return 1", "main.py": "from m import f\nfrom n import g"},
        apply="manual",
    )
    program.write("m.py", TWO)
    program.write("n.py", "def g(): return 2")
    assert program.value("reloader.catch_up() and len(reloader.waiting)") == "2"
    program.expect("reloader.apply(lambda path: path.endswith('n.py')).modules", "('n',)")
    program.expect("f(), g(), len(reloader.waiting)", "(1, 2, 1)")
    program.expect("reloader.apply().modules, f(), reloader.waiting", "(('m',), 2, ())")


def test_tracebacks_show_what_runs_while_a_save_waits(live: Live) -> None:
    program = live({"m.py": "def f():\n    1 / 0  # old\n", "main.py": TELL.replace(", X", "")})
    program.do("reloader.is_manual = True")
    program.write("m.py", "# a line\n# and one\n\ndef f():\n    1 / 0  # new\n")
    assert program.told() == "waiting"
    assert "1 / 0  # old" in program.raises("f()")
    assert program.value("reloader.apply().ok") == "True"
    assert "line 5, in f\n    1 / 0  # new" in program.raises("f()")


def test_what_was_saved_before_its_import_does_not_wait(live: Live) -> None:
    """It is executed once, as it is then."""
    program = live({"n.py": "print('one')", "main.py": "import child"}, apply="manual")
    program.write("n.py", "print('two')")
    program.expect("(reloader.catch_up(), reloader.waiting)", "(True, ())")
    program.do("import n")
    program.expect("reloader.apply(), reloader.reload().modules", "(None, ())")
    assert program.output() == "two\n"


def test_roots_can_be_added(live: Live) -> None:
    program = live(
        {
            "main.py": "import sys\nsys.path += ['a', 'b']",
            "a/shop/__init__.py": "",
            "a/shop/cart.py": "def f(): return 1",
            "b/m.py": "def g(): return 1",
            "c/keep.py": "",
        },
        path="c",
    )
    program.do(
        """
        import shop.cart, m
        reloader.add("a/shop", package="shop")
        reloader.add("b", recursive=False)
        """
    )
    report = program.save("a/shop/cart.py", "def f(): return 2")
    assert (report.paths, report.patched) == (["shop/cart.py"], {"f"})
    assert program.save("b/m.py", "def g(): return 2").paths == ["m.py"]
    program.expect("shop.cart.f(), m.g(), len(reloader.roots)", "(2, 2, 3)")
    program.do("reloader.pause(); reloader.resume()")
    program.save("b/m.py", "def g(): return 3")
    program.expect("m.g()", "3")


def test_a_file_that_may_have_been_saved_after_its_import_is_run_again(live: Live) -> None:
    program = live(
        {"main.py": "import sys\nsys.path += ['b']", "b/m.py": "X = 1\n", "c/keep.py": ""}, path="c"
    )
    program.do("import m")
    program.write("b/m.py", "X = 2\n")
    program.do("reloader.add('b', doubtful=['b/m.py'])")
    assert program.next_report().ran == {"m"}
    program.expect("m.X", "2")


def test_what_is_excluded_for_a_time_is_reloaded_when_it_is_not(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": "from m import f, X"})
    program.do("reloader.engine.modules.excluded.add('m')")
    program.write("m.py", TWO)
    program.no_more_reports()
    program.do("reloader.engine.modules.excluded.discard('m'); reloader.saved(['m.py'])")
    assert program.next_report().modules == ["m"]
    program.expect("f(), X", "(2, 2)")
