"""What was read or changed in another order than a fresh start would do it."""

from __future__ import annotations

import pytest

from mighty_patcher.engine.order import kept_out_of_order


def kept(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.qualname, it.reason) for it in reload.kept]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("L = [1]\nL.append(2)\nx = len(L)\n", "L = [1]\nx = len(L)\nL.append(2)\n", "x after"),
        ("L = [1]\nx = len(L)\nL.append(2)\n", "L = [1]\nL.append(2)\nx = len(L)\n", "x before"),
        ("L = [1]\nx = len(L)\nL.append(2)\n", "L = [1]\nx = 5 + len(L)\nL.append(2)\n", "x after"),
        (
            "L = [1]\ndef x(a=len(L)): pass\n",
            "L = [1]\nL.append(2)\ndef x(a=len(L)): pass\n",
            "x before",
        ),
        ("L = [1]\nx = len(L)\n", "L = [1]\nx = len(L)\nL.append(2)\n", ""),
        ("L = [1]\nx = len(L)\n", "L = [1]\nL.append(2)\nx = len(L)\n", ""),
    ],
)
def test_what_was_read_in_another_order(project, old, new, expected):
    project.load("m", old)
    project.engine()
    found = [(name, reason) for name, reason in kept(project.save(m=new)) if "read" in reason]
    assert [f"{name} {reason.split()[4]}" for name, reason in found] == [expected][: bool(expected)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # What is done to one key does not meet what is done to another.
        ("T['a'] = 1\nT['b'] = 2\nT['c'] = 3\n", "T['a'] = 1\nT['b'] = 5\nT['c'] = 3\n", []),
        ("T['a'] = 1\nT['b'] = 2\n", "T['b'] = 2\nT['a'] = 1\n", []),
        (
            "T['a'] = 1\nT['a'] = 2\n",
            "T['a'] = 2\nT['a'] = 1\n",
            ["T['a']: it has changed T after line 3 changed it in place"],
        ),
        # Who had the last word has it again; but for who might make something else now.
        ("T['a'] = 1\nT['a'] = 2\n", "T['a'] = 5\nT['a'] = 2\n", []),
        (
            "T['a'] = 1\nT['a'] = int(2)\n",
            "T['a'] = 5\nT['a'] = int(2)\n",
            ["T['a']: it has changed T after line 3 changed it in place"],
        ),
        (
            "T['a'] = 1\nT['a'] = [2]\n",
            "T['a'] = 5\nT['a'] = [2]\n",
            ["T['a']: it has changed T after line 3 changed it in place"],
        ),
        (
            "T['a'] = 1\nif L:\n    T['a'] = 2\n",
            "T['a'] = 5\nif L:\n    T['a'] = 2\n",
            ["T['a']: it has changed T after line 4 changed it in place"],
        ),
        (
            "T['a'] = 1\nT['a'] += 2\n",
            "T['a'] = 5\nT['a'] += 2\n",
            ["T['a']: it has read T before line 2 changed it in place"],
        ),
        (
            "T['a'] = 1\nT.clear()\n",
            "T.clear()\nT['a'] = 1\n",
            ["the call of T.clear: it has changed T after line 3 changed it in place"],
        ),
        # One of many is moved: that is said once.
        (
            "L.append(1)\nL.append(2)\nL.append(3)\nL.append(4)\n",
            "L.append(2)\nL.append(3)\nL.append(4)\nL.append(1)\n",
            ["the call of L.append: it has changed L after line 5 changed it in place"],
        ),
        (
            "D['x'].append(1)\nD['x'].append(2)\nD['x'].append(3)\n",
            "D['x'].append(1)\nD['x'].append(5)\nD['x'].append(3)\n",
            ["the call of D['x'].append: it has changed D after line 4 changed it in place"],
        ),
        # Who makes something of what is there has read it.
        (
            "T['a'] = 1\nT['b'] = len(T)\n",
            "T['b'] = len(T)\nT['a'] = 1\n",
            ["T['b']: it has read T after line 3 changed it in place"],
        ),
        (
            "L.append(1)\nx = L.pop()\n",
            "x = L.pop()\nL.append(1)\n",
            ["x: it has read L after line 3 changed it in place"],
        ),
    ],
)
def test_what_was_changed_in_another_order(project, old, new, expected):
    head = "L, T, D = [0], {'z': 0}, {'x': []}\n"
    project.load("m", head + old)
    project.engine()
    found = [f"{name}: {reason}" for name, reason in kept(project.save(m=head + new))]
    assert [it for it in found if "in place" in it] == expected


HEAD = """
log = []
class T(dict):
    def __setitem__(self, key, value):
        log.append((key, value))
        super().__setitem__(key, value)
class N: x = 0
T, X, Y = T(), 1, 2
"""


@pytest.mark.parametrize(
    ("text", "old", "new", "log"),
    [
        ("T['a'] = 1\nT['b'] = 1\nT['a'] = 2\n", "1\nT['b']", "5\nT['b']", "a5 a2"),
        ("T['a'] = 1\nT['a'] = 2\nT['a'] = 3\n", "= 1", "= 5", "a5 a2 a3"),
        ("T['a'] = 1\nT['a'] = 2\nT['a'] = 3\n", "= 2", "= 5", "a5 a3"),
        ("T['a'] = 1\nT['a'] = 2\n", "= 2", "= 5", "a5"),
        ("T['a'] = 1\nT['a'] = T['b'] = 2\n", "= 1", "= 5", "a5 a2 b2"),
        ("T['a'] = 1\nT['a'], T['c'] = 2, (Y,)\n", "= 1", "= 5", "a5 a2 c(2,)"),
        ("T['b'] = 1\nT['a'] = 2\n", "T['b'] = 1", "T['b'] = 1\nT['a'] = 5", "a5 a2"),
        # by what it reads
        ("Z = X\nT['a'] = Z\nT['a'] = Y + 1\n", "Z = X", "Z = Y", "a2 a3"),
        # in a block
        ("if X:\n    T['a'] = 1\n    T['a'] = 2\n", "= 1\n    ", "= 5\n    ", "a5 a2"),
        ("if X:\n    T['a'] = 1\nT['a'] = 2\n", "= 1\nT", "= 5\nT", "a5 a2"),
        # not before the statement, nor another place
        ("T['a'] = 1\nT[X] = 2\nT['A'] = 3\n", "= 1\nT", "= 5\nT", "a5"),
        ("T['a'] = 1\nprint(len(T))\nT['a'] = 2\n", "print(", "print(1, ", ""),
        # never twice
        ("T['a'] = 1\nT['a'] = 2\nT['a'] = 3\n", "= 1\nT['a'] = 2", "= 5\nT['a'] = 6", "a5 a6 a3"),
    ],
)  # fmt: skip
def test_who_had_the_last_word_has_it_again(project, text, old, new, log):
    m = project.load("m", HEAD + text)
    project.engine()
    m.log.clear()
    assert project.edit("m", old, new).ok
    assert " ".join(f"{key}{value}" for key, value in m.log) == log
    fresh = project.load("fresh", project.path("m").read_text())
    assert fresh.T == m.T


def test_a_reader_between_sees_what_is_there_by_then(project):
    text = "T['a'] = 1\nbetween = T['a']\nT['a'] = 2\nbehind = T['a']\nN.x = 1\nN.x = 2\n"
    m = project.load("m", HEAD + text)
    project.engine()
    reload = project.edit("m", "T['a'] = 1", "T['a'] = 5")
    assert (m.between, m.T["a"], m.behind) == (5, 2, 2)
    assert not any("in place" in reason for _, reason in kept(reload))
    assert "T['a'], which was set above it" in [s.reason for s in reload.steps][2]
    project.edit("m", "N.x = 1", "N.x = 5")
    assert m.N.x == 2


def test_a_long_module_is_gone_through_once(project, monkeypatch):
    """One of many changes of one object is edited: each statement is looked at a few times."""
    looked = []

    def counting(module, changes, facts_of, was_run, is_new):
        def counted(statement):
            looked.append(statement)
            return facts_of(statement)

        return kept_out_of_order(module, changes, counted, was_run, is_new)

    monkeypatch.setattr("mighty_patcher.engine.statement_run.kept_out_of_order", counting)
    project.load("m", "T = {}\n" + "".join(f"T['k{it}'] = {it}\n" for it in range(200)))
    project.engine()
    assert kept(project.edit("m", "] = 100\n", "] = 5\n")) == []
    assert 200 <= len(looked) <= 1000
