"""Texts into which names of the module are formatted."""

from __future__ import annotations

import ast

import pytest

from mighty_patcher.engine.facts import facts


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("x = '%(a)s %% %(b)03d' % locals()", {"a", "b", "locals"}),
        ("x = ('%(a)s'\n     '%(b)s') % vars()", {"a", "b", "vars"}),
        ("x = '%(a)s' % globals() + c", {"a", "c", "globals"}),
        ("x = '%(a)s' % {'a': b}", {"b"}),
        ("x = '%(a)s' % vars(b)", {"b", "vars"}),
        ("x = '{a} {b.c:>{d}} {e[0]}'.format(**locals())", {"a", "b", "e", "locals"}),
        ("x = '{a}'.format_map(globals())", {"a", "globals"}),
        ("x = '{a}'.format(a=b)", {"b"}),
        ("x = '{a'.format(**locals())", {"locals"}),
    ],
)
def test_what_they_read(source, names):
    assert facts(ast.parse(source).body[0]).reads == names


def test_they_follow_and_nothing_else_is_said(project):
    source = """
        digit = "[0-9]"
        letter = "[a-z]"
        number = r"(?: %(digit)s+ )" % locals()
        word = r"(?: %(letter)s+ )" % locals()
        either = "{number}|{word}".format(**globals())
        """
    m = project.load("m", source)
    user = project.load("user", "from ~m import either\n")
    project.engine()
    reload = project.edit("m", "[0-9]", "[0-7]")
    assert reload.ok
    assert user.either == m.either == "(?: [0-7]+ )|(?: [a-z]+ )"
    assert [step.qualname for step in reload.steps if step.kind == "ran"] == [
        "digit",
        "number",
        "either",
    ]
    assert not reload.kept
