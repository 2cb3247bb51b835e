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
