from __future__ import annotations

import ast

import pytest

from mighty_patcher.engine.toplevel import (
    asks_currently_reloading,
    is_main_guard,
    names_gone,
    without_main_guard,
)


class TestMainGuard:
    @pytest.mark.parametrize("test", ["__name__ == '__main__'", "'__main__' == __name__"])
    def test_is_one(self, test):
        assert is_main_guard(ast.parse(f"if {test}: pass").body[0])

    @pytest.mark.parametrize(
        "text",
        [
            "if __name__ != '__main__': pass",
            "if name == '__main__': pass",
            "if __name__ == 'main': pass",
            "if __name__ == '__main__' and x: pass",
            "if __name__ == '__main__' == x: pass",
            "while __name__ == '__main__': pass",
            "x = __name__ == '__main__'",
        ],
    )
    def test_is_none(self, text):
        assert not is_main_guard(ast.parse(text).body[0])

    def test_its_else_is_run(self):
        tree = ast.parse("a = 1\nif __name__ == '__main__':\n  b = 2\nelse:\n  c = 3\nd = 4")
        assert ast.unparse(without_main_guard(tree)) == "a = 1\nc = 3\nd = 4"
        assert len(tree.body) == 3  # the version's own tree is left alone


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("from mighty_patcher import currently_reloading as c", True),
        ("import mighty_patcher\nmighty_patcher.currently_reloading()", True),
        ("def f():\n  from mighty_patcher import currently_reloading", True),
        ("x = 'currently_reloading'", False),
        ("# currently_reloading", False),
    ],
)
def test_asks_currently_reloading(text, asks):
    assert asks_currently_reloading(ast.parse(text)) is asks


class TestNamesGone:
    @pytest.mark.parametrize(
        "old",
        [
            "X = 1",
            "X: int = 1",
            "X, (Y, *Z) = 1, (2, 3)",
            "def X(): pass",
            "async def X(): pass",
            "class X: pass",
            "import X",
            "import X.y",
            "import y as X",
            "from y import X",
            "from y import z as X",
            "if a: X = 1",
            "for X in a: pass",
            "with a as X: pass",
            "try: pass\nexcept E as X: pass",
            "match a:\n  case {'k': b, **X}: pass",
            "match a:\n  case [X, *_]: pass",
            "print(X := 1)",
            "def f():\n  global X\n  X = 1",
        ],
    )
    def test_what_the_old_text_bound(self, old):
        assert "X" in names_gone(ast.parse(old), ast.parse("other = 1"))
        assert names_gone(ast.parse(old), ast.parse(old)) == set()

    @pytest.mark.parametrize(
        "old",
        [
            "def f():\n  X = 1",
            "class C:\n  X = 1\n  def m(self, X): pass",
            "lambda X: (Y := X)",
            "print(X)",
            "del X",
            "__doc__ = __file__ = __name__ = 1",
        ],
    )
    def test_what_is_no_name_of_the_module(self, old):
        assert names_gone(ast.parse(old), ast.parse("")) <= {"f", "C"}

    def test_what_a_star_brings(self):
        star = ast.parse("from m import *")
        assert names_gone(ast.parse("X = Y = 1"), star, ([], ["X"])) == {"Y"}
        assert names_gone(star, ast.parse("X = 1"), (["X", "Y"], [])) == {"Y"}
        assert names_gone(ast.parse("from m import *\nX = 1"), ast.parse("")) == {"X"}
