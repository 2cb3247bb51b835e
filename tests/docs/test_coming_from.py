"""One line changes for who comes from another tool: each page of docs/coming-from, as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from examples import EDITED, Examples, Folder

ROOT = Path(__file__).parents[2]
PAGES = {page.stem: page for page in (ROOT / "docs" / "coming-from").glob("*.rst")}


def new_line(page: Path) -> str:
    """Return the line that a page tells to change, as it is then."""
    (block,) = re.findall(r"\.\. code-block:: diff\n\n((?:    .*\n)+)", page.read_text("utf-8"))
    old, new = block.splitlines()
    assert old.startswith("    - ")
    assert new.startswith("    + ")
    return str(new).removeprefix("    + ")


def command(page: Path) -> list[str]:
    """Return the arguments of Python that are the command which a page tells."""
    first, *rest = shlex.split(new_line(page))
    assert first in ("python", "mighty-patcher")
    return rest if first == "python" else ["-m", "mighty_patcher", *rest]


def start(folder: Folder, *, but: str = "") -> None:
    """Write the files of a page as they are before the save, except for one program."""
    for name in folder.examples:
        if name != but:
            folder.save(name)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_page_is_linked(page: Path) -> None:
    assert f"<{page.relative_to(ROOT).as_posix()}>`_" in (ROOT / "README.rst").read_text("utf-8")


def test_renovo(examples_in: Examples) -> None:
    """SEEDS B11 to B15."""
    folder = examples_in(PAGES["renovo"])
    start(folder)
    program = folder.run(*command(PAGES["renovo"]))
    program.ask("prices")
    program.expect("reloaded prices")
    program.expect(r"\['prices'\] 20")
    folder.save("prices.py", EDITED)
    program.expect(r".* reloaded prices\.py: ran PRICE .*")
    program.ask("prices")
    program.expect(r"\['prices'\] 24")


def test_muckrack_python_hmr(examples_in: Examples) -> None:
    """SEEDS B11 to B15."""
    folder = examples_in(PAGES["muckrack-python-hmr"])
    start(folder)
    program = folder.run(*command(PAGES["muckrack-python-hmr"]))
    program.ask("")
    program.expect("20")
    folder.save("prices.py", EDITED)
    program.expect("kept prices SyntaxError")
    program.ask("")
    program.expect("20")
    (folder.path / "prices.py").write_text(folder.examples["prices.py"][0].replace("10", "11"))
    program.expect("before prices")
    program.expect("after prices")
    program.ask("")
    program.expect("22")


@pytest.mark.parametrize(
    ("script", "before", "after"),
    [("main.py", "one one 2", "two two 4"), ("older.py", "one one True", "two two True")],
)
def test_python_hmr(examples_in: Examples, script: str, before: str, after: str) -> None:
    """SEEDS C18, C19 and C21."""
    folder = examples_in(PAGES["python-hmr"])
    assert new_line(PAGES["python-hmr"]) in folder.examples["main.py"][0].splitlines()
    start(folder)
    program = folder.run(script)
    program.ask("")
    program.expect(before)
    folder.save("dev/__init__.py", EDITED)
    program.expect(r".* reloaded .*: patched run, Runner\.answer .*")
    program.ask("")
    program.expect(after)


@pytest.mark.parametrize("script", ["init.py", "load.py"])
def test_hotload(examples_in: Examples, script: str) -> None:
    """SEEDS D24 to D26."""
    folder = examples_in(PAGES["hotload"])
    start(folder, but="load.py" if script == "init.py" else "")
    program = folder.run(*(command(PAGES["hotload"]) if script == "init.py" else [script]))
    program.expect("loading")
    program.expect(r"\[1, 4, 9\]")
    program.expect(".* ran .*")
    folder.save("lib.py", EDITED)
    program.expect(r"\[2, 5, 10\]")
    assert "".join(program.transcript).count("loading") == 1


@pytest.mark.parametrize("page", ["jurigged", "mighty_patcher-0.1"])
def test_jurigged_and_mighty_patcher(examples_in: Examples, page: str) -> None:
    """SEEDS A2 and A8, and the runner."""
    folder = examples_in(PAGES[page])
    start(folder)
    program = folder.run(*(command(PAGES[page]) if page == "jurigged" else ["main.py"]))
    program.ask("2")
    program.expect("20")
    folder.save("prices.py", EDITED)
    program.expect(r".* reloaded prices\.py: .*")
    program.ask("2")
    program.expect("24")
    assert program.process.stdin is not None
    program.process.stdin.close()
    assert program.process.wait(30) == 0


def test_jurigged_develoop(examples_in: Examples) -> None:
    folder = examples_in(PAGES["jurigged"])
    start(folder)
    line = "mighty-patcher --loop prices:total main.py"
    assert f"``{line}``" in PAGES["jurigged"].read_text("utf-8")
    program = folder.run("-m", "mighty_patcher", *line.split()[1:])
    program.ask("2")
    program.expect("prices:total returned 20 .*")
    folder.save("prices.py", EDITED)
    program.expect("prices:total returned 24 .*")
