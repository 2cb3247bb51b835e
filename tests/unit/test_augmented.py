"""``APPS += [...]`` of a list that another module has made."""

from __future__ import annotations

import sys

import pytest

BASE = """
APPS = ["a", "b"]
"""
SETTINGS = """
from ~base import APPS
import ~base as base
EXTRA = ["x"]
DEBUG = True
APPS += ["debug", "tools"]
if DEBUG:
    APPS += EXTRA
COUNT = len(APPS)
"""
USER = """
from ~settings import APPS
from ~base import APPS as FROM_BASE
import ~settings as settings
held = {"apps": APPS}
COUNT = len(APPS), len(FROM_BASE), len(settings.APPS)
"""
EDITS = {
    "an item is new": ('["debug", "tools"]', '["debug", "tools", "more"]'),
    "an item is other": ('"debug"', '"profiler"'),
    "an item is gone": ('"debug", ', ""),
    "all are gone": ('["debug", "tools"]', "[]"),
    "the statement is gone": ('APPS += ["debug", "tools"]\n', ""),
    "the one in a block is gone": ("    APPS += EXTRA\n", "    pass\n"),
    "the block is gone": ("if DEBUG:\n    APPS += EXTRA\n", ""),
    "the branch is not taken": ("DEBUG = True", "DEBUG = False"),
    "what it adds is other": ('EXTRA = ["x"]', 'EXTRA = ["y", "z"]'),
    "in another way": ("    APPS += EXTRA\n", "    APPS += [*EXTRA, 'y']\n"),
    "one more": ("COUNT =", 'APPS += ["last"]\nCOUNT ='),
    "a tuple": ('["debug", "tools"]', '("debug", "tools", "more")'),
    "a call": ('["debug", "tools"]', 'list("abc")'),
    "all imports": ("from ~base import APPS\n", "from ~base import *\n"),
}


@pytest.fixture
def both(project):
    modules = [project.load("base", BASE), project.load("settings", SETTINGS)]
    modules.append(project.load("user", USER))
    project.engine()
    return modules


def state(base, settings, user):
    return (base.APPS, settings.APPS, settings.COUNT, user.held, user.COUNT)


def fresh(project, base, settings):
    """Return the state of modules that are imported now."""
    names = {"base": "base2", "settings": "settings2"}
    sources = {"base2": base, "settings2": settings, "user2": USER}
    for name, source in sources.items():
        for old, new in names.items():
            source = source.replace(f"~{old}", f"~{new}")
        sources[name] = source
    return state(*(project.load(name, source) for name, source in sources.items()))


@pytest.mark.parametrize(("old", "new"), EDITS.values(), ids=EDITS)
def test_it_is_what_a_fresh_start_makes(project, both, old, new):
    base, settings, user = both
    apps, before = settings.APPS, repr(state(*both))
    text = SETTINGS.replace(old, new)
    reload = project.save(settings=text)
    assert reload.ok, [it.__cause__ for it in reload.errors]
    assert not [it for it in reload.steps if it.kind == "kept"]
    now = sorted(map(repr, settings.APPS))
    expected = fresh(project, BASE, text)
    assert now == sorted(map(repr, expected[1]))  # what was edited may come last
    assert (expected[2], expected[4]) == (settings.COUNT, user.COUNT)
    assert base.APPS is settings.APPS is user.APPS is user.held["apps"] is apps
    assert project.engine().undo().ok
    assert repr(state(*both)) == before
    assert project.save(settings=text).ok
    assert project.save(settings=SETTINGS).ok
    if "list(" not in new:  # which is not known without calling it
        assert (sorted(apps), settings.COUNT) == (["a", "b", "debug", "tools", "x"], 5)


def test_what_others_have_made_changes(project, both):
    base, settings, user = both
    apps = settings.APPS
    for items in ('"a", "b", "c"', '"b"', ""):
        reload = project.save(base=f"\nAPPS = [{items}]\n")
        assert reload.ok
        expected = fresh(project, f"\nAPPS = [{items}]\n", SETTINGS)
        for name in ("base2", "settings2", "user2"):
            del sys.modules[project.prefix + name]
        assert state(*both) == expected
        assert settings.APPS is base.APPS is user.held["apps"] is apps


def test_what_the_program_has_put_there_stays(project, both):
    _, settings, _ = both
    settings.APPS.insert(2, "own")
    settings.APPS.append("own")
    reload = project.edit("settings", 'EXTRA = ["x"]', 'EXTRA = ["y"]')
    assert reload.ok
    assert settings.APPS == ["a", "b", "own", "own", "debug", "tools", "y"]
    settings.APPS.insert(5, "within")
    reload = project.edit("settings", '["debug", "tools"]', '["debug"]')
    assert settings.APPS == ["a", "b", "own", "own", "debug", "within", "tools", "debug", "y"]
    assert {(it.qualname, it.reason) for it in reload.steps if it.kind == "kept"} == {
        ("APPS", "it was executed again, and what it had added before stays")
    }


@pytest.mark.parametrize(
    ("old", "new", "apps"),
    [
        ("+= made()", "+= [*made(), 'y']", ["a", "x", "x", "y"]),
        ("APPS += made()\n", "", ["a", "x"]),
    ],
)
def test_what_is_not_known_stays(project, old, new, apps):
    project.load("base", "APPS = ['a']\n")
    m = project.load("m", "from ~base import APPS\ndef made(): return ['x']\nAPPS += made()\n")
    project.engine()
    reload = project.edit("m", old, new)
    assert apps == m.APPS
    (kept,) = [it for it in reload.steps if it.kind == "kept"]
    assert kept.qualname == "APPS"
    assert "what it ha" in kept.reason


def test_one_that_raises(project, both):
    _, settings, _ = both
    reload = project.edit("settings", '["debug", "tools"]', '["debug", 1 / 0]')
    assert not reload.ok
    assert settings.APPS == ["a", "b", "debug", "tools", "x"]
    assert project.edit("settings", "1 / 0", '"t"').ok
    assert sorted(settings.APPS) == ["a", "b", "debug", "t", "x"]


def test_a_list_of_the_module_itself(project):
    source = "A = ['a']\nB = A\nA += ['b']\nC = len(A)\n"
    m = project.load("m", source)
    project.engine()
    for new in ("['c', 'd']", "['b']", "[]"):
        assert project.save(m=source.replace("['b']", new)).ok
        expected = project.load("fresh", source.replace("['b']", new))
        del sys.modules[expected.__name__]
        assert (m.A, m.B, m.C) == (expected.A, expected.B, expected.C)


def test_nobody_else_holds_what_is_gone(project):
    """Least of all the engine itself."""
    source = "from ~base import HANDLERS\nclass H:\n    x = 0\nfirst = H()\nHANDLERS += [first]\n"
    project.load("base", "HANDLERS = []\n")
    m = project.load("m", source)
    project.engine()
    reload = project.save(m=source.replace("H()", "H() or None"))
    assert (reload.ok, reload.stale) == (True, ())
    assert [m.first] == m.HANDLERS
