"""Which module a saved file is, by whatever name and path it was loaded (SEEDS A3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import Live, Program

ONE = "def f(): return 1\n"


def move_on(program: Program, path: str, *names: str) -> None:
    """Edit ``f`` in a file, which is these modules."""
    report = program.edit(path, "return 1", "return 2")
    assert sorted(report.modules) == sorted(names)
    assert report.patched == {"f"}
    program.expect("f()", "2")


def test_a_package_is_its_init(live: Live) -> None:
    """SEEDS A3."""
    program = live({"foo/__init__.py": ONE, "main.py": "from foo import f"})
    move_on(program, "foo/__init__.py", "foo")


def test_a_module_in_nested_packages(live: Live) -> None:
    """SEEDS A3."""
    files = {"a/__init__.py": "", "a/b/__init__.py": "", "a/b/c.py": ONE}
    program = live({**files, "main.py": "from a.b.c import f"})
    move_on(program, "a/b/c.py", "a.b.c")


def test_a_module_in_a_namespace_package(live: Live) -> None:
    program = live({"space/inner/c.py": ONE, "main.py": "from space.inner.c import f"})
    move_on(program, "space/inner/c.py", "space.inner.c")


def test_a_module_with_another_name_than_the_root_says(live: Live) -> None:
    """SEEDS A3: the root is ``src``, and the program imports ``src.some_module.math``."""
    files = {"src/some_module/math.py": ONE}
    program = live({**files, "main.py": "from src.some_module.math import f"}, path="src")
    move_on(program, "src/some_module/math.py", "src.some_module.math")


def test_one_file_that_was_loaded_under_two_names(live: Live) -> None:
    """SEEDS A3: both modules are brought up to date."""
    program = live(
        {
            "src/m.py": ONE,
            "main.py": """
                import sys
                sys.path.append("src")
                import m
                from src.m import f
            """,
        },
        path=["src", "."],
    )
    move_on(program, "src/m.py", "m", "src.m")
    program.expect("m.f(), m.f is f", "(2, False)")


def test_main_itself(live: Live) -> None:
    """SEEDS A3: ``__main__`` is found by its file."""
    program = live({"main.py": ONE})
    move_on(program, "main.py", "__main__")


def test_main_of_a_package_run_by_its_name(live: Live) -> None:
    files = {"tool/__init__.py": "", "tool/__main__.py": ONE}
    program = live(files, script=("-m", "tool.__main__"))
    move_on(program, "tool/__main__.py", "__main__")


def test_main_that_is_imported_too(live: Live) -> None:
    program = live({"main.py": ONE + "import sys\nif __name__ == '__main__': import main"})
    report = program.edit("main.py", "return 1", "return 2")
    assert sorted(report.modules) == ["__main__", "main"]
    program.expect("f(), main.f()", "(2, 2)")


def test_main_by_its_absolute_path(live: Live, tmp_path: Path) -> None:
    program = live({"main.py": ONE}, script=(str(tmp_path / "program" / "main.py"),))
    move_on(program, "main.py", "__main__")


def test_several_roots(live: Live) -> None:
    """SEEDS A3."""
    program = live(
        {
            "one/x.py": ONE,
            "two/y.py": ONE.replace("def f", "def g"),
            "main.py": """
                import sys
                sys.path += ["one", "two"]
                from x import f
                from y import g
            """,
        },
        path=["one", "two"],
    )
    move_on(program, "one/x.py", "x")
    assert program.edit("two/y.py", "return 1", "return 3").modules == ["y"]
    program.expect("f(), g()", "(2, 3)")


@pytest.mark.parametrize("root", ["src/", "./src", "src/../src", "link", "link/"])
def test_any_spelling_of_a_root(live: Live, root: str) -> None:
    """SEEDS A3: a trailing slash, a relative path, a symbolic link."""
    program = live(
        {
            "src/m.py": ONE,
            "main.py": """
                import os, sys
                os.symlink("src", "link")
                sys.path.append("src")
                from m import f
            """,
        },
        path=root,
    )
    move_on(program, "src/m.py", "m")


def test_imported_through_a_link_and_saved_at_the_target(live: Live) -> None:
    program = live(
        {
            "src/m.py": ONE,
            "main.py": """
                import os, sys
                os.symlink("src", "link")
                sys.path.append(os.path.abspath("link"))
                from m import f
            """,
        },
        path="link",
    )
    move_on(program, "src/m.py", "m")


def test_a_single_file_is_a_root_as_well(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": "from m import f"}, path="m.py")
    move_on(program, "m.py", "m")


def test_spaces_and_letters_of_all_the_world(live: Live) -> None:
    """SEEDS A3."""
    folder = "mein Prögrämm 程序"
    program = live(
        {
            f"{folder}/größe.py": ONE,
            "main.py": f"""
                import sys
                sys.path.append({folder!r})
                from größe import f
            """,
        },
        path=folder,
    )
    move_on(program, f"{folder}/größe.py", "größe")


def test_the_program_changes_its_directory(live: Live) -> None:
    program = live({"m.py": ONE, "main.py": "from m import f\nimport os"})
    program.do("os.chdir('/')")
    move_on(program, "m.py", "m")
    report = program.edit("main.py", "import os", "import os\nX = 1")
    assert report.modules == ["__main__"]


def test_a_file_that_nobody_loaded_is_none_of_our_business(live: Live) -> None:
    program = live({"m.py": ONE, "other.py": ONE, "main.py": "from m import f"})
    program.write("other.py", ONE.replace("1", "5"))
    program.write("note.txt", "hello")
    program.no_more_reports()
    program.expect("__import__('other').f()", "5")
    assert program.edit("other.py", "return 5", "return 6").patched == {"f"}


def test_a_module_that_is_new_and_imported_later(live: Live) -> None:
    program = live({"main.py": ""})
    program.write("late/deep/m.py", ONE)
    program.no_more_reports()  # The new file has been read by now.
    program.do("import importlib; importlib.invalidate_caches()\nfrom late.deep.m import f")
    move_on(program, "late/deep/m.py", "late.deep.m")


def test_a_module_made_by_hand_without_a_file_is_known_by_its_name(live: Live) -> None:
    program = live(
        {
            "m.py": ONE,
            "main.py": """
                import sys, types
                from pathlib import Path
                m = sys.modules["m"] = types.ModuleType("m")
                exec(compile(Path("m.py").read_text(), "m.py", "exec"), vars(m))
                f = m.f
            """,
        }
    )
    assert program.edit("m.py", "return 1", "return 2").modules == ["m"]
    program.expect("f()", "2")
