"""Every way in which editors and tools save is one reload."""

from __future__ import annotations

import pytest
import saving
from program import Live

ONE = "def f():\n    return 1\n"
MAIN = "from m import f"
HOLD = """
    import child, threading
    from mighty_patcher import currently_reloading

    if not currently_reloading():
        go = threading.Event()
    else:
        child.tell("entered")
        go.wait(15)
"""


@pytest.mark.parametrize("how", saving.ALL.values(), ids=saving.ALL)
def test_every_way_to_save(live: Live, how: saving.How) -> None:
    program = live({"m.py": ONE, "main.py": MAIN})
    for old, new in (("return 1", "return 2"), ("return 2", "return 3")):
        report = program.edit("m.py", old, new, how)
        assert report.ok
        assert report.patched == {"f"}
        program.expect("f()", new.removeprefix("return "))
    program.no_more_reports()


def test_truncate_pause_write(live: Live) -> None:
    """What is seen in the pause is no version of the program (JetBrains' safe write is off)."""
    program = live(
        {"m.py": ONE, "pause.py": "def f(): return 1", "main.py": f"{MAIN}\nimport pause"}
    )
    program.write("m.py", "")
    # When this save has been reloaded, the empty file has been looked at.
    program.edit("pause.py", "return 1", "return 2")
    program.expect("f()", "1")
    report = program.save("m.py", ONE.replace("1", "2"))
    assert report.ok
    assert report.patched == {"f"}
    assert not report.ran
    program.expect("f()", "2")
    program.no_more_reports()


def test_a_file_that_becomes_empty_for_good(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": f"{MAIN}\nimport m"})
    report = program.save("m.py", "")
    assert report.ok
    assert report.removed == {"f"}
    program.expect("f()", "1")
    assert program.save("m.py", ONE.replace("1", "2")).ok
    program.expect("m.f()", "2")


def test_the_same_text_is_no_reload(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": MAIN})
    for how in saving.ALL.values():
        program.write("m.py", ONE, how)
    program.no_more_reports()


def test_a_link_that_leads_to_another_file_from_now_on(live: Live) -> None:
    """Nobody knows what the other file held before, so the module is run."""
    program = live({"m.py": ONE, "main.py": MAIN})
    report = program.edit("m.py", "return 1", "return 2", saving.through_link)
    assert report.ran == {"m"}
    program.expect("f()", "2")


def test_a_burst_is_one_reload(live: Live) -> None:
    """A checkout of another branch: 400 files, 40 of them loaded modules.

    It comes while a reload is under way, so that no pause of the machine can part it.
    """
    names = [f"part/m{number:03}" for number in range(400)]
    loaded = [name.replace("/", ".") for name in names[::10]]
    program = live(
        {
            **{f"{name}.py": ONE for name in names},
            "hold.py": HOLD,
            "main.py": f"""
                import importlib, child, hold
                modules = [importlib.import_module(name) for name in {loaded}]
                held = [module.f for module in modules]
            """,
        }
    )
    program.write("hold.py", HOLD + "    x = 1\n")
    assert program.told() == "entered"
    for name in names:
        program.write(f"{name}.py", ONE.replace("1", "2"), saving.replace)
    program.do("hold.go.set()")
    assert program.next_report().modules == ["hold"]
    report = program.next_report()
    assert sorted(report.modules) == loaded
    program.expect("{f() for f in held}", "{2}")
    program.no_more_reports()


def test_a_folder_that_is_moved_away_and_back(live: Live) -> None:
    """What a checkout, a rebase or a stash does to a folder that one branch does not have."""
    program = live({"part/m.py": ONE, "main.py": "from part.m import f"})
    folder, away = program.root / "part", program.root.with_name("outside")
    folder.rename(away)
    assert not program.next_report().ok
    program.expect("f()", "1")
    (away / "m.py").write_text(ONE.replace("1", "2"))
    away.rename(folder)
    assert program.next_report().patched == {"f"}
    program.expect("f(), reloader.errors", "(2, {})")
    program.edit("part/m.py", "return 2", "return 3")
    program.expect("f()", "3")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"def f():\r\n    return 1\r\n", b"def f():\r\n    return 2\r\n"),
        (b"\xef\xbb\xbfdef f():\n    return 1\n", b"\xef\xbb\xbfdef f():\n    return 2\n"),
        (
            b"# coding: latin-1\ndef f():\n    return '\xe4'\n",
            b"# coding: latin-1\ndef f(): return 2\n",
        ),
        (b"def f():\n    return 1\n", b"def f():\r\n    return 2\r\n"),
    ],
    ids=["CRLF", "BOM", "latin-1", "LF to CRLF"],
)
def test_any_encoding_and_newline(live: Live, before: bytes, after: bytes) -> None:
    program = live({"m.py": before, "main.py": MAIN})
    assert program.save("m.py", after).patched == {"f"}
    program.expect("f()", "2")


def test_only_the_newlines_change(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": MAIN})
    program.write("m.py", ONE.replace("\n", "\r\n").encode())
    program.no_more_reports()
    program.expect("f()", "1")
