"""``--reload-loop`` at a terminal: SEEDS A10."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from terminal import AtTerminal

LOOP = ("--reload-loop",)

APP = """
    def total(a, b):
        return a - b
"""
TESTS = """
    import pytest
    from app import total

    made = []

    @pytest.fixture(scope="module")
    def db():
        made.append("db")
        return made

    def test_before():
        print("hidden before")

    def test_total(db, tmp_path):
        print("shown")
        n = 5
        assert not list(tmp_path.iterdir())
        (tmp_path / "used").touch()
        assert total(2, n) == 7

    def test_after(db):
        print("hidden after")
        assert db == ["db"]
"""


def test_mend_the_application(at_terminal: AtTerminal) -> None:
    """SEEDS A10: without ``-s``; with fresh fixtures, but those that nothing concerns."""
    run = at_terminal({"app.py": APP, "test_app.py": TESTS}, *LOOP, "-v")
    shown = run.prompt()
    assert "assert -3 == 7" in shown
    assert "captured stdout" in shown
    assert "shown" in shown
    assert re.search(r"> .*test_app.py\(\d+\)test_total\(\)\n-> assert total\(2, n\) == 7", shown)
    run.type("p n * 1000")
    run.expect("5000")
    run.prompt()
    run.edit("app.py", "a - b", "a + b")
    run.type("c")
    screen = run.end()
    assert "test_app.py::test_total PASSED after 2 attempts" in screen
    assert "3 passed" in screen
    assert "test_app.py::test_total passed after 2 attempts" in screen
    assert "hidden" not in screen
    assert screen.count("\nshown\n") == 1


def test_what_is_typed_stays(at_terminal: AtTerminal) -> None:
    """A save is shown above the prompt; one that does not parse changes nothing."""
    run = at_terminal({"app.py": APP, "test_app.py": TESTS}, *LOOP)
    run.prompt()
    run.type("p n *", end="")
    run.expect(".*".join(["p", " ", "n", " ", r"\*"]))  # PyREPL draws each by itself
    said = run.edit("app.py", "a - b", "a -")
    assert "not reloaded" in said
    run.expect(r"\(Pdb\) p n \*")
    said = run.edit("app.py", "a -", "a + b")
    assert "reloaded app.py: patched total" in said
    run.expect(r"\(Pdb\) p n \*")
    run.type(" 1000")
    run.expect("5000")
    run.prompt()
    run.type("c")
    assert "3 passed" in run.end()


def test_all_that_can_be_edited(at_terminal: AtTerminal) -> None:
    """SEEDS A10: the test, a helper, fixtures, conftest, parameters; and new tests run."""
    run = at_terminal(
        {
            "conftest.py": """
                import pytest
                @pytest.fixture
                def of_conftest(): return 1
                @pytest.fixture(scope="session")
                def of_session(): raise LookupError("set-up")
            """,
            "test_it.py": """
                import pytest
                made = []
                def helper(): return 1
                @pytest.fixture
                def of_module(): return 1
                @pytest.fixture
                def ending():
                    yield
                    raise LookupError("tear-down")
                @pytest.fixture(scope="module")
                def kept():
                    made.append("kept")
                    return "kept"
                @pytest.fixture(scope="module")
                def wide(): return helper()
                def test_function(kept): assert 1 == 2
                def test_helper(): assert helper() == 2
                def test_fixture(of_module, kept): assert of_module == 2
                def test_conftest(of_conftest): assert of_conftest == 2
                def test_setup(of_session): assert of_session == 2
                def test_teardown(ending, kept): pass
                def test_wide(wide): assert wide == 3
                def test_signature(): assert 1 == 2
                @pytest.mark.parametrize("n", [1])
                def test_parameters(n): assert n == 2
                def test_last(kept): assert made == ["kept"]
            """,
        },
        *LOOP,
        "-v",
    )
    for test, name, old, new in [
        ("test_function", "test_it.py", "(kept): assert 1 == 2", "(kept): assert 2 == 2"),
        ("test_helper", "test_it.py", "def helper(): return 1", "def helper(): return 2"),
        ("test_fixture", "test_it.py", "def of_module(): return 1", "def of_module(): return 2"),
        (
            "test_conftest",
            "conftest.py",
            "def of_conftest(): return 1",
            "def of_conftest(): return 2",
        ),
        ("of_session", "conftest.py", 'raise LookupError("set-up")', "return 2"),
        ("ending", "test_it.py", 'raise LookupError("tear-down")', "pass"),
        ("test_wide", "test_it.py", "def helper(): return 2", "def helper(): return 3"),
        (
            "test_signature",
            "test_it.py",
            "def test_signature(): assert 1 == 2",
            "def test_signature(tmp_path, kept): assert tmp_path",
        ),
        ("test_parameters", "test_it.py", '"n", [1])', '"n", [2])'),
    ]:
        shown = run.prompt()
        assert f"{test}(" in shown, shown
        run.mend(name, old, new)
    screen = run.end()
    passed = re.findall(r"::(\S+) PASSED( after 2 attempts)?", screen)
    assert passed == [
        *(
            (f"test_{it}", " after 2 attempts")
            for it in ("function", "helper", "fixture", "conftest", "setup", "teardown", "wide")
        ),
        ("test_signature", " after 2 attempts"),
        ("test_parameters[2]", ""),
        ("test_last", ""),
    ]
    assert "1 skipped" in screen


def test_giveup_and_quit(at_terminal: AtTerminal) -> None:
    run = at_terminal(
        {
            "test_it.py": """
                def test_a(): assert 1 == 2
                def test_b(): assert 3 == 4
                def test_c(): pass
            """
        },
        *LOOP,
        "-rfs",
    )
    assert "giveup" in run.prompt()
    run.type("giveup")
    assert "assert 3 == 4" in run.prompt()
    run.type("q")
    screen = run.end(status=2)
    assert "Quitting debugger" in screen
    assert "2 failed" in screen
    assert "FAILED test_it.py::test_a" in screen


def test_the_debugger_of_ones_choice(at_terminal: AtTerminal) -> None:
    run = at_terminal(
        {
            "my_debugger.py": """
                import pdb
                class Mine(pdb.Pdb):
                    def interaction(self, *arguments):
                        print("my debugger")
                        super().interaction(*arguments)
            """,
            "test_it.py": "def test_a(): assert 1 == 2\n",
        },
        *LOOP,
        "--pdbcls=my_debugger:Mine",
    )
    run.expect("my debugger")
    run.prompt()
    run.mend("test_it.py", "1 == 2", "2 == 2")
    assert "1 passed" in run.end()


def test_reports(at_terminal: AtTerminal) -> None:
    """What is settled is reported once: ``-x``, exit status, JUnit's XML."""
    run = at_terminal(
        {
            "test_it.py": """
                def test_a(record_property):
                    record_property("mine", 1)
                    print("said")
                    assert 1 == 2
                def test_b(): assert 3 == 4
                def test_c(): pass
            """
        },
        *LOOP,
        "-x",
        "--junitxml=out.xml",
        "-o",
        "junit_logging=all",
    )
    run.prompt()
    run.type("c")
    run.prompt()
    run.mend("test_it.py", "1 == 2", "2 == 2")
    run.prompt()
    run.type("giveup")
    screen = run.end(status=1)
    assert "stopping after 1 failures" in screen
    suite = ElementTree.parse(run.folder / "out.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    first, second = suite.findall("testcase")
    assert [it.get("name") for it in first.iter("property")] == ["mine", "reload_attempts"]
    assert [it.get("value") for it in first.iter("property")] == ["1", "3"]
    assert (first.findtext("system-out") or "").count("said") == 1
    assert second.find("failure") is not None


KINDS = """
    import unittest
    import pytest

    class TestClass:
        seen = None
        def test_method(self):
            assert self.seen is None
            self.seen = 1
            assert 1 == 2

    class Case(unittest.TestCase):
        def setUp(self): self.value = 1
        def test_case(self): self.assertEqual(self.value, 2)

"""

SUBTESTS = """
    import unittest
    class Case(unittest.TestCase):
        def test_parts(self):
            for n in (1, 2, 3):
                with self.subTest(n=n):
                    self.assertNotEqual(n, 2)
    def test_parts(subtests):
        for n in (1, 2, 3):
            with subtests.test(n=n):
                assert n != 2
    def test_last(): pass
"""


@pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="pytest has subtests since 9.0")
def test_subtests(at_terminal: AtTerminal) -> None:
    """What a part has reported of an attempt that is repeated, counts no more."""
    run = at_terminal({"test_it.py": SUBTESTS}, *LOOP, "-v", "--junitxml=out.xml")
    assert "self.assertNotEqual(n, 2)" in run.prompt()
    run.mend("test_it.py", "self.assertNotEqual(n, 2)", "self.assertNotEqual(n, 4)")
    assert "assert n != 2" in run.prompt()
    run.type("giveup")
    screen = run.end(status=1)
    assert "Case::test_parts PASSED after 2 attempts" in screen
    assert "contains 1 failed subtest" in screen
    failed = re.search(r"=+ (.*) in [\d.]+s =+", screen)
    assert failed is not None
    assert failed[1].startswith("2 failed, 2 passed")
    suite = ElementTree.parse(run.folder / "out.xml").getroot()[0]
    assert {it.get("name") for it in suite.iter("testcase") if it.find("failure") is not None} == {
        "test_parts"
    }


def test_classes_and_doctests(at_terminal: AtTerminal) -> None:
    run = at_terminal(
        {
            "test_it.py": KINDS,
            "words.py": '''
                def greet():
                    """Greets.

                    >>> greet()
                    'Hello'
                    """
                    return "Good day"
            ''',
        },
        *LOOP,
        "-v",
        "--doctest-modules",
    )
    run.prompt()
    run.mend("test_it.py", "assert 1 == 2", "assert 2 == 2")
    run.prompt()
    run.mend("test_it.py", "self.value = 1", "self.value = 2")
    run.prompt()
    run.mend("words.py", "'Hello'", "'Good day'")
    screen = run.end()
    for name in ("TestClass::test_method", "Case::test_case", "words.greet"):
        assert f"::{name} PASSED after 2 attempts" in screen
