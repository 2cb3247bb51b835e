"""What is collected follows an edit: tests, parameters, marks, fixtures, conftests."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

import mighty_patcher

TIMEOUT = 60.0
_SOURCE = str(Path(mighty_patcher.__file__).parent.parent)
_HERE = str(Path(__file__).parent)

Edit = tuple[str, dict[str, tuple[str, str]]]


class Ran(NamedTuple):
    """What a run has shown.

    Attributes:
        tests: The outcome of each test, in order: ``test_a PASSED``.
        said: What each update did.
        output: All of it.
    """

    tests: list[str]
    said: list[dict[str, list[str]]]
    output: str


def run(
    folder: Path, files: Mapping[str, str], *edits: Edit, arguments: tuple[str, ...] = ()
) -> Ran:
    """Run pytest, and edit files after tests."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")
    (folder / "edits.json").write_text(json.dumps(edits), "utf-8")
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "editing",
            "-v",
            "-p",
            "no:cacheprovider",
            *arguments,
        ],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([_SOURCE, _HERE]),
            "NO_COLOR": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "",
        },
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )
    output = ended.stdout + ended.stderr
    said = folder / "said.json"
    assert said.exists(), output
    tests = re.findall(r"^\S*?::(\S+) (PASSED|FAILED|ERROR|SKIPPED|XPASS)", output, re.MULTILINE)
    return Ran([" ".join(it) for it in tests], json.loads(said.read_text("utf-8")), output)


def test_a_body_needs_nothing_new(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {"test_it.py": "def test_a(): pass\ndef test_b(): assert 1 == 2\n"},
        ("test_it.py::test_a", {"test_it.py": ("1 == 2", "1 == 1")}),
    )
    assert ran.tests == ["test_a PASSED", "test_b PASSED"], ran.output
    assert ran.said == [
        {
            "files": ["test_it.py"],
            "replaced": [],
            "added": [],
            "removed": [],
            "outdated": [],
            "problems": [],
        }
    ]


def test_tests_come_and_go(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                def test_a(): pass
                def test_b(): pass
                def test_c(): pass
                class TestIn:
                    def test_d(self): pass
            """,
            "test_next.py": "def test_z(): pass",
        },
        (
            "test_it.py::test_a",
            {
                "test_it.py": (
                    "def test_b(): pass\n",
                    "def test_between(): pass\ndef test_fixture(tmp_path): assert tmp_path\n",
                )
            },
        ),
        (
            "test_it.py::test_c",
            {"test_it.py": ("    def test_d", "    def test_new(self): pass\n    def test_d")},
        ),
    )
    assert ran.tests == [
        "test_a PASSED",
        "test_between PASSED",
        "test_fixture PASSED",
        "test_c PASSED",
        "TestIn::test_new PASSED",
        "TestIn::test_d PASSED",
        "test_z PASSED",
    ], ran.output
    assert [it["added"] for it in ran.said] == [
        ["test_between", "test_fixture"],
        ["TestIn::test_new"],
    ]
    assert [it["removed"] for it in ran.said] == [["test_b"], []]
    assert "7 passed" in ran.output
    assert "100%" in ran.output


def test_what_runs_keeps_its_place(tmp_path: Path) -> None:
    """What comes before it has run, and is not run again, nor is what is new there left out."""
    ran = run(
        tmp_path,
        {"test_it.py": "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n"},
        ("test_it.py::test_b", {"test_it.py": ("def test_a()", "def test_new()")}),
    )
    assert ran.tests == ["test_a PASSED", "test_b PASSED", "test_new PASSED", "test_c PASSED"]
    assert ran.said[0]["removed"] == ["test_a"]


def test_parameters_and_marks(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                import pytest
                from values import VALUES
                def test_a(): pass
                @pytest.mark.parametrize("n", [1, 2])
                def test_n(n): assert n < 10
                @pytest.mark.parametrize("v", VALUES)
                def test_v(v): pass
                @pytest.mark.parametrize("d", [{"a": 1}])
                def test_d(d): assert d["a"] is True
                @pytest.mark.skip
                def test_s(): pass
            """,
            "values.py": "VALUES = ['x']\n",
        },
        (
            "test_it.py::test_a",
            {
                "test_it.py": ("[1, 2]", "[2, 3]"),
                "values.py": ("['x']", "['x', 'y']"),
            },
        ),
        ("test_it.py::test_n[3]", {"test_it.py": ('{"a": 1}', '{"a": True}')}),
        ("test_it.py::test_v[x]", {"test_it.py": ("@pytest.mark.skip\n", "@pytest.mark.xfail\n")}),
    )
    assert ran.tests == [
        "test_a PASSED",
        "test_n[2] PASSED",
        "test_n[3] PASSED",
        "test_v[x] PASSED",
        "test_v[y] PASSED",
        "test_d[d0] PASSED",
        "test_s XPASS",
    ], ran.output
    assert ran.said[0]["added"] == ["test_n[3]", "test_v[y]"]
    assert ran.said[0]["removed"] == ["test_n[1]"]


def test_assertions_say_why(tmp_path: Path) -> None:
    """In what was patched, in what was run, and in what is as it was; and nothing else has run."""
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                import helper
                runs = []
                runs.append(1)
                def test_a(): pass
                def test_patched(): assert runs == []
                def test_run(): assert runs == []
                def test_left(): assert runs == [2]
                def test_helped(): helper.check(1)
            """,
            "conftest.py": "import pytest\npytest.register_assert_rewrite('helper')\n",
            "helper.py": "def check(n): assert n == 2\n",
        },
        (
            "test_it.py::test_a",
            {
                "test_it.py": ("patched(): assert runs == []", "patched(): assert runs == [3]"),
                "helper.py": ("n == 2", "n == 4"),
            },
        ),
        (
            "test_it.py::test_patched",
            {"test_it.py": ("run(): assert runs == []", "run(n=5): assert runs == [4]")},
        ),
    )
    assert [it.split()[1] for it in ran.tests] == ["PASSED", *["FAILED"] * 4]
    for words in ("[1] == [3]", "[1] == [4]", "[1] == [2]", "1 == 4"):
        assert f"assert {words}" in ran.output


def test_the_next_start_has_the_new_text(tmp_path: Path) -> None:
    """The code that pytest has cached goes by the second and the size, before 9.2."""
    test = tmp_path / "test_it.py"
    edit = ("test_it.py::test_a", {"test_it.py": ("1 == 2", "2 == 2")})
    ran = run(tmp_path, {"test_it.py": "def test_a(): pass\ndef test_b(): assert 1 == 2\n"}, edit)
    assert ran.tests == ["test_a PASSED", "test_b PASSED"]
    edited = test.stat().st_mtime
    (tmp_path / "said.json").unlink()
    back = ("test_it.py::test_a", {"test_it.py": ("2 == 2", "2 == 3")})
    ran = run(tmp_path, {}, back)
    assert ran.tests == ["test_a PASSED", "test_b FAILED"]
    os.utime(test, (edited, edited))
    (tmp_path / "said.json").unlink()
    assert run(tmp_path, {}).tests == ["test_a PASSED", "test_b FAILED"]


def test_assertions_that_nobody_rewrites(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                '''PYTEST_DONT_REWRITE'''
                def test_a(): pass
                def test_patched(): assert [1] == []
                def test_run(): assert [1] == []
            """
        },
        (
            "test_it.py::test_a",
            {"test_it.py": ("patched(): assert [1] == []", "patched(): assert [1] == [2]")},
        ),
        ("test_it.py::test_patched", {"test_it.py": ("run():", "run(n=5):")}),
    )
    assert ran.tests == ["test_a PASSED", "test_patched FAILED", "test_run FAILED"]
    assert ran.output.count("AssertionError") >= 2
    assert "At index 0 diff" not in ran.output
    assert "Right contains" not in ran.output


FIXTURES = """
    import pytest
    made = []
    @pytest.fixture(scope="module")
    def kept():
        made.append("kept")
        yield len(made)
        made.append("unmade")
    @pytest.fixture
    def plain():
        return "plain"
    class TestIn:
        @pytest.fixture(scope="class")
        def inner(self):
            made.append("inner")
            return "inner"
        def test_a(self, kept, inner): pass
        def test_b(self, kept, inner): assert inner == "inner"
    def test_c(kept, plain):
        assert plain == "plain"
        assert made == ["kept", "inner"]
"""


def test_what_is_set_up_stays_set_up(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {"test_it.py": FIXTURES},
        (
            "test_it.py::TestIn::test_a",
            {"test_it.py": ('assert inner == "inner"', 'assert inner == "inner" and kept == 1')},
        ),
        (
            "test_it.py::TestIn::test_b",
            {"test_it.py": ("def test_c(kept, plain):", "def test_c(kept, plain, tmp_path):")},
        ),
    )
    assert ran.tests == ["TestIn::test_a PASSED", "TestIn::test_b PASSED", "test_c PASSED"], (
        ran.output
    )
    assert [it["outdated"] for it in ran.said] == [[], []]
    assert ran.said[1]["replaced"] == ["test_c"]


def test_definitions_of_fixtures(tmp_path: Path) -> None:
    """A new one, one that asks for another, one with other parameters, one that is always used."""
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                import pytest
                made = []
                @pytest.fixture
                def it(): return 1
                def test_a(it): pass
                def test_b(it): assert it == "new", made
            """
        },
        (
            "test_it.py::test_a",
            {
                "test_it.py": (
                    "@pytest.fixture\ndef it(): return 1\n",
                    """@pytest.fixture\ndef new(): return "new"
@pytest.fixture(params=[1, 2])
def it(new): return new
@pytest.fixture(autouse=True)
def always(): made.append(1)
""",
                )
            },
        ),
    )
    assert ran.tests[-2:] == ["test_b[1] PASSED", "test_b[2] PASSED"], ran.output
    assert ran.said[0]["outdated"] == ["it"]


@pytest.mark.parametrize("folder", ["", "inner/"])
def test_conftest(tmp_path: Path, folder: str) -> None:
    conftest = f"{folder}conftest.py"
    ran = run(
        tmp_path,
        {
            conftest: """
                import pytest
                @pytest.fixture
                def it(): return 1
            """,
            f"{folder}test_it.py": """
                def test_a(it): assert it == 1
                def test_b(it): assert it == 2
                def test_c(more): assert more == 4
            """,
        },
        (
            f"{folder}test_it.py::test_a",
            {conftest: ("def it(): return 1", "def it(tmp_path): return 2")},
        ),
        (
            f"{folder}test_it.py::test_b",
            {
                conftest: (
                    "import pytest\n",
                    """import pytest
@pytest.fixture
def more(it): return it * 2
def pytest_report_header(): return 'new'
""",
                )
            },
        ),
    )
    assert ran.tests == ["test_a PASSED", "test_b PASSED", "test_c PASSED"], ran.output
    assert ran.said[0]["outdated"] == ["it"]
    assert ran.said[1]["outdated"] == []
    assert ran.said[1]["problems"] == [
        f"{conftest}: hooks come and go with the next start of pytest: pytest_report_header"
    ]


def test_fixtures_and_tests_that_come_from_elsewhere(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "shared.py": """
                import pytest
                @pytest.fixture
                def it(): return 1
                class Base:
                    def test_a(self): pass
            """,
            "conftest.py": "from shared import it\n",
            "test_it.py": """
                from shared import Base
                class TestIt(Base):
                    def test_b(self, it, tmp_path): assert it == tmp_path
            """,
        },
        (
            "test_it.py::TestIt::test_a",
            {
                "shared.py": (
                    "def it(): return 1\nclass Base:\n",
                    "def it(tmp_path): return tmp_path\nclass Base:\n    def test_new(self): 1\n",
                )
            },
        ),
    )
    assert ran.tests == [
        "TestIt::test_a PASSED",
        "TestIt::test_new PASSED",
        "TestIt::test_b PASSED",
    ], ran.output


def test_unittest_and_doctests(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                import unittest
                made = []
                class Case(unittest.TestCase):
                    @classmethod
                    def setUpClass(cls): made.append(1)
                    def test_a(self): pass
                    def test_b(self): self.assertEqual(1, 2)
            """,
            "words.py": '''
                """Words.

                >>> 1 + 1
                3
                """
            ''',
        },
        (
            "test_it.py::Case::test_a",
            {
                "test_it.py": (
                    "self.assertEqual(1, 2)",
                    "self.assertEqual(made, [1])\n    def test_c(self): pass",
                ),
            },
        ),
        ("test_it.py::Case::test_c", {"words.py": ("3", "2")}),
        arguments=("--doctest-modules", "test_it.py", "words.py"),
    )
    assert ran.tests == [
        "Case::test_a PASSED",
        "Case::test_b PASSED",
        "Case::test_c PASSED",
        "words PASSED",
    ], ran.output


def test_a_module_of_tests_with_doctests(tmp_path: Path) -> None:
    """It is collected twice; what is set up stays set up, also for who asks for it late."""
    ran = run(
        tmp_path,
        {
            "test_it.py": '''
                """
                >>> 1 + 1
                2
                """
                import pytest
                made = []
                @pytest.fixture(scope="module")
                def wide():
                    made.append(1)
                    return made
                def test_a(wide): pass
                def test_b(request):
                    wide = request.getfixturevalue("wide")
                    assert wide == [2]
            '''
        },
        ("test_it.py::test_a", {"test_it.py": ("wide == [2]", "wide == [1]")}),
        arguments=("--doctest-modules",),
    )
    assert ran.tests == ["test_it PASSED", "test_a PASSED", "test_b PASSED"], ran.output
    assert ran.said[0]["files"] == ["test_it.py", "test_it.py"]
    assert ran.said[0]["outdated"] == []


def test_what_cannot_be_collected(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        {
            "test_it.py": """
                import pytest
                @pytest.fixture
                def it(): return 1
                def test_a(): pass
                def test_b(it): assert it == 1
                def test_n(): pass
            """
        },
        (
            "test_it.py::test_a",
            {"test_it.py": ("def test_n()", '@pytest.mark.parametrize("no", [1])\ndef test_n()')},
        ),
    )
    assert ran.tests == ["test_a PASSED", "test_b PASSED", "test_n PASSED"], ran.output
    (problem,) = ran.said[0]["problems"]
    assert problem.startswith("test_it.py is as it was collected before:")
    assert "uses no argument 'no'" in problem


def test_a_hook_that_wants_all_tests(tmp_path: Path) -> None:
    """What the user's hook makes of a part of them is said, and the run goes on."""
    ran = run(
        tmp_path,
        {
            "conftest.py": "def pytest_collection_modifyitems(items): items[2]\n",
            "test_it.py": "def test_a(): pass\ndef test_b(): assert 1 == 2\n",
            "test_next.py": "def test_z(): pass\n",
        },
        (
            "test_it.py::test_a",
            {"test_it.py": ("def test_b(): assert 1 == 2", "def test_b(tmp_path): pass")},
        ),
    )
    assert ran.tests == ["test_a PASSED", "test_b PASSED", "test_z PASSED"], ran.output
    assert ran.said[0]["problems"] == [
        "pytest_collection_modifyitems: IndexError: list index out of range; new tests do not run"
    ]


@pytest.mark.parametrize(
    ("arguments", "tests"),
    [
        (("-k", "a or new"), ["test_a PASSED", "test_new PASSED"]),
        (("test_it.py::test_a",), ["test_a PASSED"]),
        (
            ("test_it.py",),
            ["test_a PASSED", "test_new PASSED", "test_other PASSED", "test_b PASSED"],
        ),
    ],
)
def test_only_what_was_asked_for(
    tmp_path: Path, arguments: tuple[str, ...], tests: list[str]
) -> None:
    ran = run(
        tmp_path,
        {"test_it.py": "def test_a(): pass\ndef test_b(): pass\n"},
        (
            "test_it.py::test_a",
            {
                "test_it.py": (
                    "def test_b",
                    "def test_new(): pass\ndef test_other(): pass\ndef test_b",
                )
            },
        ),
        arguments=arguments,
    )
    assert ran.tests == tests, ran.output
