"""What several statements of a module fill: it follows their edits, if nobody else has done so."""

from __future__ import annotations

import pytest

SOURCE = """
black = {"width": 88, "commas": True}
plone = black.copy()
plone.update({"force": True, "lines": 2})
plone["single"] = True
names = ["a"]
names.append("b")
names.extend(["c", "d"])
kinds = set()
kinds.add(1)
made = []
profiles = {"black": black, "plone": plone}
count = len(plone), len(names), made.append(1)
"""
USER = """
from ~m import plone, names, kinds, count
held = [plone, names, kinds]
width = plone.get("lines")
"""
EDITS = {
    "an entry is gone": (', "lines": 2', ""),
    "an entry changed": ('"lines": 2', '"lines": 3'),
    "a statement is gone": ('plone.update({"force": True, "lines": 2})\n', ""),
    "an item is set otherwise": ('plone["single"] = True', 'plone["single"] = False'),
    "an item is not set": ('plone["single"] = True\n', ""),
    "deleted": ('plone["single"] = True', 'del plone["force"]'),
    "another order": ('names.append("b")\n', 'names.append("c")\nnames.append("b")\n'),
    "not extended": ('names.extend(["c", "d"])\n', ""),
    "extended otherwise": ('["c", "d"])', '["d"])'),
    "another kind": ("kinds.add(1)", "kinds.add(2)"),
}


@pytest.fixture
def both(project):
    m = project.load("m", SOURCE)
    n = project.load("n", USER)
    project.engine()
    return m, n


def state(m, n):
    return {name: getattr(m, name) for name in ("black", "plone", "names", "kinds", "profiles")} | {
        "n": [[*it] if type(it) is not dict else [*it.items()] for it in n.held],
        "count": m.count[:2],
        "n.count": n.count[:2],
        "width": n.width,
    }


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_it_is_what_a_fresh_start_makes(project, both, edit):
    m, n = both
    objects, before = [m.plone, m.names, m.kinds, m.profiles], repr(state(m, n))
    report = project.edit("m", *edit)
    assert (report.ok, report.stale, report.kept) == (True, (), ())
    fresh = project.load("fresh", SOURCE.replace(*edit))
    user = project.load("user", USER.replace("~m", "~fresh"))
    assert repr(state(m, n)) == repr(state(fresh, user)) != before
    now = [m.plone, m.names, m.kinds, m.profiles]
    assert all(mine is theirs for mine, theirs in zip(now, objects, strict=True))
    assert all(mine is theirs for mine, theirs in zip(n.held, now, strict=False))
    assert (m.profiles["plone"] is m.plone, n.plone is m.plone) == (True, True)
    project.engine().undo()
    assert repr(state(m, n)) == before
    assert all(mine is theirs for mine, theirs in zip(n.held, objects, strict=False))


@pytest.mark.parametrize(
    ("edit", "expected"),
    [(('"c", "d"]', '"e"]'), ["mine", "e"]), (('names.extend(["c", "d"])\n', ""), ["mine"])],
)
def test_what_the_program_has_filled_is_not_made_anew(project, both, edit, expected):
    m, n = both
    n.names.append("mine")
    report = project.edit("m", *edit)
    assert (report.ok, m.names is n.names, m.names) == (True, True, ["a", "b", "c", "d", *expected])
    assert {it.qualname for it in report.kept} == {"the call of names.extend"}


@pytest.mark.parametrize(
    "source",
    [
        "L = []\ndef f(): L.append(1)\nf()\nL.append(2)\n",
        "L = []\nL.append(object())\nL.append(2)\n",
        "L = []\nif True:\n    L.append(1)\nL.append(2)\n",
        "def f():\n    global L\n    L = L\nL = [1]\nL.append(2)\n",
        "import ~other\nL = ~other.L\nL.append(2)\n",
    ],
    ids=["called", "made", "in a block", "global", "of another"],
)
def test_what_cannot_be_told(project, source):
    """An effect stays then, and the report says so."""
    project.load("other", "L = [1]\n")
    m = project.load("m", source)
    project.engine()
    before = [*m.L]
    it = m.L
    report = project.edit("m", "L.append(2)", "L.append(3)")
    assert (report.ok, m.L is it, m.L) == (True, True, [*before, 3])
    assert [step.qualname for step in report.kept] == ["the call of L.append"]


ASKED = {
    "iterated": (
        "def __iter__(self): made.append(1); return iter([1])",
        "L = []\nL.extend(it)\nL.append(2)",
    ),
    "an index": (
        "def __index__(self): made.append(1); return 0",
        "L = [0]\nL[it] = 1\nL.insert(it, 1)\nL.append(2)",
    ),
    "hashed": (
        "def __hash__(self): made.append(1); return 0",
        "base = {it: 1}\nL = {**base}\nL['a'] = 2",
    ),
}


@pytest.mark.parametrize(("method", "statements"), ASKED.values(), ids=ASKED)
def test_nothing_of_the_program_is_asked(project, method, statements):
    """The statement that was edited is executed, and no other."""
    source = f"made = []\nclass I:\n    {method}\nit = I()\n{statements}\n"
    m = project.load("m", source)
    project.engine()
    before, had = m.L, len(m.L)
    m.made.clear()
    new = source.replace("append(2)", "append(3)").replace("['a'] = 2", "['a'] = 3")
    assert project.save(m=new).ok
    assert (m.made, m.L is before, len(m.L) - had) == ([], True, int(type(m.L) is list))


def test_what_goes_round_in_a_circle(project):
    source = "ring = []\nring.append(ring)\nT = {}\nT['a'] = ring\nT['b'] = 1\n"
    m = project.load("m", source)
    project.engine()
    assert project.save(m=source.replace("= 1", "= 2")).ok
    assert (m.T["a"] is m.ring, m.T["b"]) == (True, 2)


def test_what_others_put_into_it_meanwhile_is_named(project, both):
    """The object goes on with what they have put there; the name has the new one."""
    m, _ = both
    old = m.names
    m.late = lambda: old.append("late")
    new = SOURCE.replace('"c", "d"]', '"e"]').replace("kinds = set()", "kinds = set(late() or ())")
    report = project.save(m=new)
    assert (report.ok, old, m.names) == (True, ["a", "b", "c", "d", "late"], ["a", "b", "e"])
    (reason,) = (it.reason for it in report.stale if "made anew" in it.reason)
    assert reason.startswith("something was put into it")


def test_what_is_added_at_the_end_is_executed_alone(project, both):
    m, _ = both
    report = project.edit("m", "kinds = set()", 'names.append("e")\nkinds = set()')
    assert m.names == ["a", "b", "c", "d", "e"]
    ran = [it.qualname for it in report.steps if it.kind == "ran" and it.module.endswith("_m")]
    assert ran == ["the call of names.append", "count"]


def test_a_statement_that_raises_below_leaves_it_as_it_was(project, both):
    m, n = both
    before = repr(state(m, n))
    new = SOURCE.replace('"lines": 2', '"lines": 3').replace("kinds = set()", "kinds = {1 / 0}")
    assert (project.save(m=new).ok, repr(state(m, n))) == (False, before)


def test_whoever_goes_through_it_goes_on(project, both):
    """Another one takes its place then."""
    m, n = both
    going = iter(m.plone.items())
    first, plone = next(going), m.plone
    assert project.edit("m", '"lines": 2', '"lines": 3, "more": 4').ok
    assert (first, dict(going)["lines"], plone["lines"]) == (("width", 88), 2, 2)
    assert (m.plone["lines"], n.plone["more"], n.plone is m.profiles["plone"]) == (3, 4, True)
