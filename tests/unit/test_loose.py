"""Closures that were made before the function around them got other code."""

from __future__ import annotations

import pytest

FACTORY = """
def deco(f{flag}):
    def wrapper():
        return {value}, f()
    {more}
    return wrapper
"""


@pytest.mark.parametrize(
    "between",
    [
        {"more": "# a comment"},
        {"more": "name = f.__name__"},
        {"flag": ", flag=False"},
    ],
    ids=["a comment", "its body", "its parameters"],
)
def test_an_edit_of_what_is_around_them_does_not_hide_them(project, between):
    def text(value, **more):
        return FACTORY.format(**{"value": value, "flag": "", "more": "pass", **more})

    project.load("d", text(1))
    m = project.load("m", "from ~d import deco\n@deco\ndef f(): return 'f'\n")
    project.engine()
    held = m.f
    project.save(d=text(1, **between))
    assert held() == (1, "f")
    for value in (2, 3):
        project.save(d=text(value, **between))
        assert held() == (value, "f")


def test_a_default_of_an_importer_that_runs_again(project):
    """The function around them is made again, of a text that nobody saved."""
    project.load("a", "X = 1\n")
    project.load("d", "from ~a import X\n" + FACTORY.format(value=1, flag=", x=X", more="pass"))
    m = project.load("m", "from ~d import deco\n@deco\ndef f(): return 'f'\n")
    project.engine()
    project.edit("a", "X = 1", "X = 2")
    project.edit("d", "return 1, f()", "return 5, f()")
    assert m.f() == (5, "f")
