"""Names that statements set by texts go with what had set them."""

from __future__ import annotations

import pytest

HEAD = "import sys\nKINDS = ['one', 'two']\n"


def save(project, old, new):
    m = project.load("m", HEAD + old)
    before = set(vars(m))
    engine = project.engine()
    reload = project.save(m=new if new.startswith("import sys") else HEAD + new)
    assert reload.ok, [it.__cause__ or it for it in reload.errors]
    after = set(vars(m))
    engine.undo()
    assert set(vars(m)) == before
    return after - before, before - after, reload


@pytest.mark.parametrize(
    ("old", "new", "more", "less"),
    [
        ("globals()['old'] = 1", "globals()['new'] = 1", {"new"}, {"old"}),
        ("vars()['old'] = 1", "x = 1", {"x"}, {"old"}),
        (
            "for kind in KINDS: globals()[f'on_{kind}'] = kind",
            "for kind in KINDS: globals()[f'by_{kind}'] = kind",
            {"by_one", "by_two"},
            {"on_one", "on_two"},
        ),
        (
            "for kind in KINDS: globals()['on_' + kind] = kind",
            "for kind in KINDS[:1]: globals()['on_' + kind] = kind",
            set(),
            {"on_two"},
        ),
        (
            "for kind in KINDS: setattr(sys.modules[__name__], 'on_%s' % kind, kind)",
            "for kind in KINDS: setattr(sys.modules[__name__], '{}_on'.format(kind), kind)",
            {"one_on", "two_on"},
            {"on_one", "on_two"},
        ),
        (
            "for kind in ('a', 'b'): locals()[kind] = kind",
            "for kind in ('b', 'c'): locals()[kind] = kind",
            {"c"},
            {"a"},
        ),
        (
            "globals().update({f'on_{kind}': kind for kind in KINDS})",
            "globals().update({'on_one': 1, 'on_three': 3})",
            {"on_three"},
            {"on_two"},
        ),
        (
            "if KINDS:\n    globals()['on_a'] = 1\n    globals()['on_b'] = 2",
            "if KINDS:\n    globals()['on_a'] = 1\n    globals()['on_c'] = 2",
            {"on_c"},
            {"on_b"},
        ),
    ],
)
def test_what_nothing_sets_any_more_goes(project, old, new, more, less):
    found = save(project, old + "\n", new + "\n")
    assert found[:2] == (more, less)
    assert {it.qualname for it in found[2].steps if it.kind == "removed"} == less
    assert not found[2].kept


def test_a_loop_that_runs_again_because_of_what_it_reads(project):
    loop = "for kind in KINDS: globals()[f'on_{kind}'] = kind\n"
    more, less, _ = save(project, loop, "import sys\nKINDS = ['two', 'three']\n" + loop)
    assert (more, less) == ({"on_three"}, {"on_one"})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Who asks may leave alone what he finds.
        (
            "for kind in KINDS:\n    if 'on_' + kind not in globals(): globals()['on_' + kind] = 1",
            "for kind in KINDS:\n    if 'by_' + kind not in globals(): globals()['by_' + kind] = 1",
        ),
        # What it looks like says nothing.
        ("for kind in KINDS: globals()[kind] = 1", "for kind in KINDS: globals()['a' + kind] = 1"),
        # A function sets others like that.
        (
            "globals()['old'] = 1\ndef f(): globals()['new'] = 2",
            "globals()['new'] = 1\ndef f(): globals()['new'] = 2",
        ),
    ],
)
def test_what_may_be_the_programs_stays(project, old, new):
    _, less, reload = save(project, old + "\n", new + "\n")
    assert less == set()
    assert reload.kept


def test_what_others_set_stays(project):
    old = "globals()['on_a'] = 1\nglobals()['on_b'] = 2\nglobals()['on_c'] = 3\non_d = 4\n"
    m = project.load("m", HEAD + old + "for kind in 'ab': globals()[f'on_{kind}'] = 0\n")
    project.engine()
    m.on_c = 5
    text = "globals()['on_a'] = 1\nfor kind in 'e': globals()[f'on_{kind}'] = 0\non_d = 4\n"
    assert project.save(m=HEAD + text).ok
    # c has another value, d is bound; on_b nobody sets.
    assert {it for it in vars(m) if it.startswith("on_")} == {"on_a", "on_d", "on_e"}


def test_what_every_module_has_stays(project):
    loop = "for kind in KINDS: globals()[f'__{kind}__'] = kind\n"
    more, less, _ = save(project, loop, "import sys\nKINDS = ['two', 'three']\n" + loop)
    assert (more, less) == ({"__three__"}, set())


def test_what_an_import_brings_stays(project):
    """Names of everything that a module has, and a package its modules."""
    project.load("other", "on_a = 1\n")
    (project.root / f"{project.prefix}p").mkdir()
    text = "from ~other import *\nKINDS = ['b', 'c']\n"
    text += "for kind in KINDS: globals()[f'on_{kind}'] = kind\n"
    project.write("p/__init__", text)
    project.write("p/on_part", "")
    m = project.load("p.on_part", "") and __import__(f"{project.prefix}p")
    project.engine()
    assert project.save(**{"p/__init__": text.replace("['b', 'c']", "['c']")}).ok
    assert {it for it in vars(m) if it.startswith("on_")} == {"on_a", "on_c", "on_part"}


def test_what_a_text_has_set_stays(project):
    text = "exec('on_x = 1')\nfor kind in KINDS: globals()[f'on_{kind}'] = kind\n"
    _, less, reload = save(project, text, text.replace("KINDS:", "KINDS[:1]:"))
    assert less == set()
    assert reload.kept
