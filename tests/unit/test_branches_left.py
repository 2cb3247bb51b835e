"""What becomes of names that a branch had set, when an edit lets another branch be taken."""

from __future__ import annotations

import pytest

DEFINED = "    def f(): return 1\n    class C: x = 1\n    import json as j\n"


def save(project, old, new):
    m = project.load("m", old)
    names = m.f, m.C
    engine = project.engine()
    reload = project.save(m=new)
    assert reload.ok, [it.__cause__ or it for it in reload.errors]
    there = {name for name in ("f", "C", "j") if name in vars(m)}
    engine.undo()
    assert (m.f, m.C) == names
    return there, {(it.kind, it.qualname) for it in reload.steps if it.kind in ("kept", "removed")}


@pytest.mark.parametrize(
    ("test", "new"),
    [
        ("DEBUG", "DEBUG"),
        ("DEBUG and sys.version_info > (3,)", "DEBUG and sys.version_info > (3,)"),
        ("not (NEVER or not DEBUG)", "not (NEVER or not DEBUG)"),
        ("True", "False"),
        ("NEVER != 1", "NEVER == 1"),
    ],
)
def test_definitions_go_where_a_fresh_start_has_none(project, test, new):
    head = "import sys\nDEBUG = True\nNEVER = False\n"
    there, steps = save(
        project,
        f"{head}if {test}:\n{DEFINED}",
        f"{head if test != new else head.replace('True', 'False')}if {new}:\n{DEFINED}",
    )
    assert (there, steps) == (set(), {("removed", it) for it in ("f", "C", "j")})


@pytest.mark.parametrize(
    ("block", "head"),
    [
        ("if DEBUG and len(ASKED) < 9:", "ASKED = []\n"),  # who knows what is in there
        ("if DEBUG and 'f' not in globals():", ""),
        ("if DEBUG and not begun:", "begun = 0\nbegun = 0\n"),
        ("while DEBUG:", ""),
    ],
)
def test_they_stay_where_the_program_may_be_asked(project, block, head):
    text = f"DEBUG = True\n{head}{block}\n{DEFINED}{'    break' if 'while' in block else ''}\n"
    there, steps = save(project, text, text.replace("DEBUG = True", "DEBUG = False"))
    assert there == {"f", "C"}
    assert {("kept", "f"), ("kept", "C"), ("removed", "j")} <= steps


def test_they_stay_where_the_program_has_set_what_is_asked(project):
    text = f"DEBUG = True\nbegun = False\nif not begun:\n{DEFINED}"
    m = project.load("m", text)
    project.engine()
    m.begun = True
    assert project.save(m=text.replace("not begun", "not begun and DEBUG")).ok
    assert "f" in vars(m)


def test_what_has_decorators_or_a_value_stays(project):
    text = f"DEBUG = True\nif DEBUG:\n{DEFINED}    @str\n    def g(): pass\n    cache = {{}}\n"
    m = project.load("m", text)
    project.engine()
    assert project.save(m=text.replace("True", "False")).ok
    assert [it in vars(m) for it in ("f", "C", "g", "cache")] == [False, False, True, True]


def test_a_definition_goes_that_stood_for_an_import_that_failed(project):
    text = f"try:\n    import no_such_thing\nexcept ImportError:\n{DEFINED}"
    there, _ = save(project, text, text.replace("no_such_thing", "json"))
    assert there == set()


def test_a_definition_goes_that_stands_below_an_import_that_fails(project):
    """As bpython has it: one lock for each operating system."""
    defined = DEFINED.replace("    import json as j\n", "    import json as j\n    has = True\n")
    plain = "\n".join(it.strip() for it in defined.splitlines())
    new = f"try:\n    import no_such_thing\n{defined}except ImportError:\n    has = False\n"
    there, steps = save(project, f"{plain}\n", new)
    assert there == set()
    assert {("removed", it) for it in ("f", "C", "j")} <= steps


def test_a_definition_stays_below_what_may_ask_the_program(project):
    plain = "\n".join(it.strip() for it in DEFINED.splitlines())
    new = f"try:\n    {{}}[0]\n{DEFINED}except KeyError: pass\n"
    there, _ = save(project, f"{plain}\n", new)
    assert {"f", "C"} <= there
