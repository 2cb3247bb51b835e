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
