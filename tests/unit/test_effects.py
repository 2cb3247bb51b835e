"""What statements have done that binds no name stays, and the report says so."""

from __future__ import annotations

import pytest

SOURCE = """
    L, T, A = [1], {"a": 1}, 1
    def act(): L.append(0)
    """


def kept(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.qualname, it.reason) for it in reload.kept]


GONE = "what it has done stays, though it is gone from the source"
AGAIN = "it was executed again, and what it had done before stays"


@pytest.mark.parametrize(
    ("old", "new", "name", "reason"),
    [
        ("L.append(2)", "", "the call of L.append", GONE),
        ("T['a'] = 2", "", "T['a']", GONE),
        ("T['a'] += 2", "", "T['a']", GONE),
        ("act()", "", "the call of act", GONE),
        ("if A:\n    L.append(2)", "if A:\n    pass", "the call of L.append", GONE),
        ("L.append(2)", "L.append(3)", "the call of L.append", AGAIN),
        ("if A:\n    L.append(2)", "if A > 0:\n    L.append(2)", "the call of L.append", AGAIN),
        ("T['a'] = 2", "T['a'] = 3", None, None),
        ("x = 2", "", None, None),
        ("'text'", "", None, None),
        ("", "L.append(2)", None, None),
    ],
)
def test_of_an_edit(project, old, new, name, reason):
    source = SOURCE.replace("\n    ", "\n")
    project.load("m", f"{source}{old}\n")
    project.engine()
    expected = [] if name is None else [(name, reason)]
    assert kept(project.save(m=f"{source}{new}\n")) == expected


def test_what_was_done_to_something_that_is_made_anew_is_gone(project):
    m = project.load("m", "L = [1]\nL.append(2)\n")
    project.engine()
    assert kept(project.edit("m", "[1]", "[3]")) == []
    assert m.L == [3, 2]
    assert kept(project.save(m="L = [5]\n")) == []
    assert m.L == [5]


def test_to_something_of_another_module(project):
    n = project.load("n", "A = 1\nL = []\n")
    project.load("m", "import ~n as n\nn.L.append(n.A)\n")
    project.engine()
    assert kept(project.edit("n", "A = 1", "A = 2")) == [("the call of n.L.append", AGAIN)]
    assert n.L == [1, 2]
    assert kept(project.edit("n", "L = []", "L = [0]")) == []


def test_who_asks_the_same_module_for_something_else_is_not_run(project):
    package = project.root / f"{project.prefix}p"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "q.py").write_text("L = [1]\ndef f(): return 1\n")
    text = "import ~p.q\n~p.q.L.append({})\nx = ~p.q.f()\ny = len(~p.q.L)\n"
    m = project.load("m", text.format(2))
    project.engine()
    reload = project.save(m=text.format(3))
    assert [it.qualname for it in reload.steps if it.kind == "ran"] == [
        f"the call of {project.prefix}p.q.L.append",
        "y",
    ]
    assert m.y == 3
