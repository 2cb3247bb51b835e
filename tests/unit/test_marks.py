"""Names that are left from branches which are not taken any more; the report says so."""

from __future__ import annotations

import pytest


def kept(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(step.qualname, step.line) for step in reload.kept]


class TestBranches:
    TEXT = """
        from ~config import A
        if A:
            import json
            X, Y = 1, 2
        else:
            Y = 3
        """

    def test_one_that_is_not_taken_any_more(self, project):
        project.load("config", "A = 1\n")
        m = project.load("m", self.TEXT)
        project.engine()
        reload = project.edit("config", "A = 1", "A = 0")
        assert kept(reload) == [("X", 3)]
        assert (m.X, m.Y, hasattr(m, "json")) == (1, 3, False)
        first, last = reload.as_dict()["steps"][-2:]
        assert "left from before" in first["reason"]
        assert (last["kind"], last["qualname"], last["line"]) == ("removed", "json", 3)
        assert "kept X" in reload.explained()

    def test_one_that_is_taken_again_and_binds_the_same(self, project):
        project.load("config", "A = 1\n")
        project.load("m", self.TEXT)
        project.engine()
        assert kept(project.edit("config", "A = 1", "A = 5")) == []

    def test_one_that_a_module_looks_into_before_it_sets_a_name(self, project):
        m = project.load("m", "if 'X' not in globals():\n    X = [1]\n")
        project.engine()
        x = m.X
        assert kept(project.edit("m", "[1]", "[2]")) == [("X", 1)]
        assert m.X is x

    def test_a_statement_that_moves_into_one(self, project):
        m = project.load("m", "A = 0\nX = 1\n")
        project.engine()
        assert kept(project.edit("m", "X = 1\n", "if A:\n    X = 1\n")) == [("X", 2)]
        assert m.X == 1

    def test_a_statement_that_goes_from_above_one(self, project):
        m = project.load("m", "A = 0\nX = 1\nif A:\n    X = 2\n")
        project.engine()
        assert kept(project.edit("m", "X = 1\n", "")) == [("X", 2)]
        assert m.X == 1

    def test_a_statement_that_another_one_follows(self, project):
        project.load("m", "A = 1\nif A:\n    X = 2\nX = 2\n")
        project.engine()
        assert kept(project.edit("m", "A = 1", "A = 0")) == []

    def test_a_name_that_a_function_deletes(self, project):
        project.load("m", "A = 1\nif A:\n    X = 2\nelif globals().pop('X'):\n    pass\n")
        project.engine()
        assert kept(project.edit("m", "A = 1", "A = 0")) == []


class TestOthers:
    def test_a_try_that_ends_earlier(self, project):
        m = project.load(
            "m",
            """
            try:
                A = 1
                X = int("5")
                Y = 7
            except ValueError:
                pass
            """,
        )
        project.engine()
        assert kept(project.edit("m", '"5"', '"x"')) == [("X", 2), ("Y", 2)]
        assert (m.X, m.Y) == (5, 7)

    @pytest.mark.parametrize(
        ("edit", "has_it"), [("sep, pathsep", True), ("sep, curdir", True), ("nothing", False)]
    )
    def test_a_try_whose_imports_stand_below(self, project, edit, has_it):
        """As pyjwt has them: only those are gone to which it has not come."""
        m = project.load(
            "m",
            """
            try:
                from os import sep
                from os.path import join
                import json as has_it
            except ImportError:
                from os import sep as instead
                from os.path import split
            """,
        )
        project.engine()
        join = m.join
        report = project.edit("m", "os import sep\n    from", f"os import {edit}\n    from")
        assert (report.ok, vars(m).get("join")) == (True, join if has_it else None)
        assert [hasattr(m, it) for it in ("sep", "has_it", "split")] == [has_it, has_it, not has_it]

    def test_a_loop_that_does_not_come_to_it(self, project):
        project.load(
            "m",
            """
            for i in range(3):
                if i == 2:
                    X = 1
            """,
        )
        project.engine()
        assert kept(project.edit("m", "range(3)", "range(2)")) == [("X", 2)]

    @pytest.mark.parametrize("value", [1, 2])
    def test_a_case(self, project, value):
        project.load(
            "m",
            """
            A = 1
            match A:
                case 1:
                    X = 1
                case 2:
                    X = 1
            """,
        )
        project.engine()
        assert kept(project.edit("m", "A = 1", f"A = {value} + 0")) == []
        assert kept(project.edit("m", f"A = {value} + 0", "A = 3")) == [("X", 3)]

    def test_what_a_case_has_captured(self, project):
        project.load(
            "m",
            """
            A = 5
            match A:
                case 1:
                    pass
                case w if w > 2:
                    pass
                case _:
                    pass
            """,
        )
        project.engine()
        assert kept(project.edit("m", "A = 5", "A = 2")) == []  # the guard has refused it
        assert kept(project.edit("m", "A = 2", "A = 1")) == [("w", 3)]

    def test_an_import_that_fails_now(self, project):
        """As in a fresh start, the name is not there; but one that a function binds stays."""
        m = project.load(
            "m",
            """
            try:
                import json
                import abc
            except ImportError:
                json = None
            if 1:
                import array
            def bind():
                global array
                import array
            """,
        )
        user = project.load("user", "from ~m import abc\n")
        project.engine()
        abc = m.abc
        assert kept(project.edit("m", "import abc", "from no_such_module import abc")) == []
        assert (m.json, hasattr(m, "abc"), user.abc) == (None, False, abc)
        assert kept(project.edit("m", "from no_such_module import abc", "import abc")) == []
        assert (m.abc, m.json is None) == (abc, False)
        project.engine().undo()
        assert (hasattr(m, "abc"), m.json) == (False, None)
        assert kept(project.edit("m", "if 1", "if 0")) == [("array", 7)]

    @pytest.mark.parametrize("block", ["if 1", "try"])
    def test_an_import_of_which_a_part_is_executed(self, project, block):
        project.load("lib", "A, B, C = 1, 2, 3\n")
        end = "except ImportError:\n    pass\n" if block == "try" else ""
        m = project.load("m", f"{block}:\n    from ~lib import A, B\n{end}")
        project.engine()
        assert kept(project.edit("m", "import A, B", "import C, B")) == []
        assert (hasattr(m, "A"), m.B, m.C) == (False, 2, 3)
        assert kept(project.edit("m", "import C, B", "import B, A")) == []
        assert (m.A, m.B, hasattr(m, "C")) == (1, 2, False)

    def test_what_an_import_of_everything_brought(self, project):
        project.load("config", "X = 1\n")
        project.load("m", "A = 1\nif A:\n    from ~config import *\n")
        project.engine()
        assert kept(project.edit("m", "A = 1", "A = 0")) == [("X", 2)]
