"""Imports of everything: what they bring, and what it costs to find out."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest

from mighty_patcher.engine.stars import names_of_stars

COUNT = 16


@pytest.fixture
def ring(monkeypatch):
    """Modules of which each defines one function, and imports those of all others."""
    names = [f"ring{number}" for number in range(COUNT)]
    trees = {}
    for name in names:
        module = ModuleType(name)
        imports = "".join(f"from {it} import f_{it}\n" for it in names if it != name)
        trees[name] = ast.parse(f"{imports}def f_{name}(): pass\n")
        vars(module).update({f"f_{it}": it for it in names})
        monkeypatch.setitem(sys.modules, name, module)
    return sys.modules["ring0"], trees


def test_each_module_is_looked_at_once(ring):
    """The ways through them are too many to go: `pyelftools` imports like that. What they have from
    the module itself is not theirs.
    """
    module, trees = ring
    asked = []

    def tree_of(module):
        asked.append(module.__name__)
        return trees[module.__name__]

    stars = ast.parse("".join(f"from ring{number} import *\n" for number in range(1, COUNT)))
    found = names_of_stars(module, stars, tree_of)
    assert found == {f"f_ring{number}" for number in range(1, COUNT)}
    assert sorted(asked) == sorted({*asked})


ALL_NAMES = """
import os
from ~other import *
LIMIT = 1
def first(): return 1
{below}
__all__ = {expression}
"""


@pytest.mark.parametrize(
    "expression",
    [
        "[name for name in dir() if not name.startswith('_')]",
        "sorted(name for name, it in globals().items() if hasattr(it, '__code__'))",
        "list(filter(str.isalpha, vars()))",
        "[*filter(str.isalpha, locals())]",
        "['first', *(it for it in dir() if it.isupper())]",
    ],
)
def test_names_of_all_names(project, expression):
    project.load("other", "__all__ = ['found']\nfound = 1\n")
    source = ALL_NAMES.replace("{expression}", expression)
    m = project.load("m", source.replace("{below}", "def second(): return 2"))
    user = project.load("user", "from ~m import *\n_has = [it for it in dir() if it[0] != '_']\n")
    project.engine()

    def compare():
        text = project.path("m").read_text()
        fresh = project.load("fresh", text)
        assert sorted(m.__all__) == sorted(fresh.__all__)
        module = project.load(
            "fresh_user", "from ~fresh import *\n_has = [it for it in dir() if it[0] != '_']\n"
        )
        assert user._has == module._has
        for name in ("fresh", "fresh_user"):
            del sys.modules[project.prefix + name]

    second = m.second
    for below in ("def third(): return 3", "def third(): return 4\nMORE = 7", "class second: pass"):
        reload = project.save(m=source.replace("{below}", below))
        assert reload.ok
        compare()
    reload = project.save(m=source.replace("{below}", "def second(): return 5"))
    compare()
    # It is not known that the values do not matter.
    kept = [it.qualname for it in reload.steps if it.kind == "kept" and "dir()" not in it.reason]
    assert kept == []
    assert project.save(other="__all__ = ['found', 'LOST']\nfound = LOST = 1\n").ok
    compare()
    assert second() == 2


def test_names_of_all_names_and_others_below(project):
    """What is bound below is there by now, and a fresh start would not have come upon it."""
    source = """
        a = c = 1
        first: list[str] = [it for it in dir() if it[0] != '_']
        first += [it for it, value in globals().items() if it[0] != '_' and value == 1]
        c = 2
        def last(): return first
        """
    m = project.load("m", source)
    last, first = m.last, list(m.first)
    project.engine()
    project.edit("m", "a = c = 1", "a = b = c = 1")
    fresh = project.load("fresh", source.replace("a = c = 1", "a = b = c = 1"))
    assert m.first[:3] == fresh.first[:3] == ["a", "b", "c"]
    assert sorted(m.first) == sorted(fresh.first)  # what one statement binds is in any order
    assert (last(), m.c) == (m.first, 2)
    assert not hasattr(m, "it")
    project.edit("m", "a = b = c = 1", "a = c = 1")
    assert m.first == first
    project.edit("m", "a = c = 1", "a, c = 1, 0")
    assert m.first == ["a", "c", "a"]


def test_names_of_all_names_and_those_that_want_one(project):
    """They are not executed for others."""
    m = project.load(
        "m",
        """
        made = []
        a = 1
        made.append(globals()["a"])
        x = globals().get("a"), made.append(2)
        y = [globals()["a"]], made.append(3)
        z = [it for it in dir(dict) if it == "get"], made.append(4)
        """,
    )
    project.engine()
    assert project.edit("m", "a = 1\n", "a = 1\nb = 2\n").ok
    assert m.made == [1, 2, 3, 4]
