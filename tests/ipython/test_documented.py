"""The sessions of the README and of docs/coming-from, typed as they stand there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from shells import Start

ROOT = Path(__file__).parents[2]
PAGES = {"README.rst": "words.py", "docs/coming-from/ipython-autoreload.rst": "prices.py"}


def sessions(text: str) -> list[tuple[str, list[str]]]:
    """Return what is typed in the sessions of a page, each with the lines that it shows."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", text):
        if "    In [1]: " not in block and not found:
            continue
        for line in textwrap.dedent(block).splitlines():
            if line.startswith("In ["):
                found.append((line.partition("]: ")[2], []))
            elif line and found:
                found[-1][1].append(line)
        if len(found) >= 5:
            break
    return found


def examples(text: str, name: str) -> list[str]:
    """Return the versions of a file that a page shows."""
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text)
    return [it for it in map(textwrap.dedent, blocks) if it.startswith(f"# {name}\n")]


def shape(line: str) -> str:
    """Return a line without what is another each time."""
    return re.sub(r"\d\d:\d\d:\d\d|[\d.]+ m?s$", "...", line)


@pytest.mark.parametrize("page", PAGES)
def test_session(terminal: Start, page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    name = PAGES[page]
    first, second = examples(text, name)
    typed = sessions(text)
    assert len(typed) == 5
    shell = terminal({name: first}, "--simple-prompt", "--colors=NoColor")
    for number, (line, shown) in enumerate(typed, 1):
        if number == len(typed):
            shell.save(name, second)
        seen = shell.run(line).splitlines()
        # Standard error and standard output are two things.
        assert sorted(map(shape, filter(None, seen[1:]))) == sorted(map(shape, shown)), line


def test_the_words_that_the_readme_names_are_those_that_there_are() -> None:
    from mighty_patcher.ipython.magics import MightyMagics

    readme = (ROOT / "README.rst").read_text("utf-8")
    named = set(re.findall(r"``%mighty (\w+)", readme))
    known = set(re.findall(r"``%mighty (\w+)", str(MightyMagics.mighty.__doc__)))
    assert named == known
