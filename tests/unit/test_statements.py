from __future__ import annotations

import ast
import copy
import sys
import textwrap
import time

import pytest
from hypothesis import given, settings
from unit_sources import edits_of_values, modules, moved, with_comments, with_new_bodies

from mighty_patcher.engine.changes import DOCSTRING_CHANGED, Change, Plan, pruned
from mighty_patcher.engine.statements import plan
from mighty_patcher.engine.toplevel import is_never_run, type_checking_names


class _WithoutBodies(ast.NodeTransformer):
    def visit_FunctionDef(self, node):
        node = self.generic_visit(node)
        node.body = []
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node):
        node = self.generic_visit(node)
        node.body = ast.Constant(None)
        return node


def evaluated(node: ast.stmt) -> str:
    """What a statement evaluates, spelt out by the standard library."""
    return ast.dump(_WithoutBodies().visit(copy.deepcopy(node)))


def trees(old: str, new: str) -> tuple[ast.Module, ast.Module]:
    return ast.parse(textwrap.dedent(old)), ast.parse(textwrap.dedent(new))


def changes(old: str, new: str) -> tuple[Change, ...]:
    """What becomes of the statements, with and without the help of the texts."""
    old, new = textwrap.dedent(old), textwrap.dedent(new)
    found = plan(*trees(old, new))
    assert kinds(plan(*trees(old, new), (old, new)).changes) == kinds(found.changes)
    return found.changes


def kinds(found: tuple[Change, ...]) -> list[object]:
    return [
        change.kind if change.children is None else (change.kind, *kinds(change.children))
        for change in found
    ]


def told(old: str, new: str) -> list[str]:
    """Each change as its kind, its first line and its reason, but those that are simply kept."""
    return [
        f"{change.kind} {ast.unparse(change.new or change.old).splitlines()[0]}: {change.reason}"
        for change in changes(old, new)
        if change.kind != "keep"
    ]


def to_run(old: str, new: str) -> list[str]:
    found = [pruned(change) for change in changes(old, new)]
    return [ast.unparse(statement) for statement in found if statement is not None]


class TestStatements:
    @pytest.mark.parametrize(
        ("old", "new", "reasons"),
        [
            ("x = 1", "x = 2", ["run x = 2: its value changed"]),
            ("x = 1", "x: int = 1", ["run x: int = 1: its annotation changed"]),
            ("x: int = 1", "x: str = 1", ["run x: str = 1: its annotation changed"]),
            ("x = 1", "x = True", ["run x = True: its value changed"]),
            ("x = 0.0", "x = -0.0", ["run x = -0.0: its value changed"]),
            ("x = lambda: 1", "x = lambda: 2", ["patch x = lambda: 2: its body changed"]),
            ("def f(): 1", "def f(): 2", ["patch def f():: its body changed"]),
            ("def f(): 'a'", "def f(): 'b'", ["patch def f():: its body changed"]),
            ("async def f(): 1", "async def f(): 2", ["patch async def f():: its body changed"]),
            ("def f(): 1", "async def f(): 1", ["run async def f():: it changed"]),
            ("def f(): 1", "@d\ndef f(): 1", ["run @d: a decorator changed"]),
            ("def f(a=1): 1", "def f(a=2): 1", ["run def f(a=2):: a default changed"]),
            ("def f(*, a=1): 1", "def f(*, a=2): 1", ["run def f(*, a=2):: a default changed"]),
            ("def f(a): 1", "def f(b): 1", ["run def f(b):: its parameters changed"]),
            ("def f(a): 1", "def f(a, /): 1", ["run def f(a, /):: its parameters changed"]),
            ("def f(a): 1", "def f(a: int): 1", ["run def f(a: int):: an annotation changed"]),
            ("def f(): 1", "def f() -> int: 1", ["run def f() -> int:: an annotation changed"]),
            ("class A: x = 1", "class A(B): x = 1", ["run class A(B):: its bases changed"]),
            ("class A: x = 1", "class A(m=1): x = 1", ["run class A(m=1):: its keywords changed"]),
            ("class A: x = 1", "@d\nclass A: x = 1", ["run @d: a decorator changed"]),
            ("'a'\nx = 1", "'b'\nx = 1", [f"run 'b': {DOCSTRING_CHANGED}"]),
            ("x = 1", "'b'\nx = 1", [f"run 'b': {DOCSTRING_CHANGED}"]),
            ("'a'\nx = 1", "x = 1", ["remove 'a': the docstring is gone"]),
            ("x = 1\n'a'", "x = 1\n'b'", []),
            ("f(1)", "f(2)", ["run f(2): it changed; the effect of the old one stays"]),
            ("f(1)", "", ["remove f(1): it is gone from the source; its effect stays"]),
            ("x = 1", "", ["remove x = 1: it is gone from the source"]),
            ("", "x = 1", ["run x = 1: it is new"]),
            ("x = 0\nx += 1", "x = 0\nx += 2", ["run x += 2: its value changed"]),
            ("if a:\n  x = 1", "if b:\n  x = 1", ["run if b:: its condition changed"]),
            ("for a in b: c", "for a in d: c", ["run for a in d:: what it goes through changed"]),
            ("if a:\n  x = 1", "if a:\n  x = 2", ["run if a:: a statement in it changed"]),
            ("if a:\n  def f(): 1", "if a:\n  def f(): 2", ["patch if a:: its body changed"]),
        ],
    )  # fmt: skip
    def test_reasons(self, old, new, reasons):
        assert told(old, new) == reasons

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
    def test_type_parameters(self):
        assert told("def f[T](): 1", "def f[S](): 1") == [
            "run def f[S]():: its type parameters changed"
        ]
        assert told("type X = int", "type X = str") == ["run type X = str: it changed"]
        assert told("class A[T]:\n  def m(self): 1", "class A[T]:\n  def m(self): 2") == [
            "patch class A[T]:: its body changed"
        ]

    def test_lines_that_moved(self):
        found = changes("x = 1\ndef f():\n  return 1", "# more\nx = 1\ndef f():\n\n  return 1")
        assert [(c.kind, c.reason) for c in found] == [("keep", "lines moved")] * 2
        assert [c.reason for c in changes("x = 1", "x  =  1")] == [""]

    def test_one_of_two_that_are_alike_got_a_comment(self):
        assert told("f()\nf()", "f()\nf()  # again") == []

    def test_what_was_moved_is_kept(self):
        assert told("x = 1\ny = 2\nz = 3", "z = 3\ny = 2\nx = 1") == []

    def test_what_was_inserted(self):
        assert told("x = 1\nf()\ny = 1", "x = 1\ng()\nf()\ny = 1") == ["run g(): it is new"]
        assert told("f()\nf()", "f()\nf()\nf()") == ["run f(): it is new"]
        assert len(told("x += 1", "x += 1\nx += 1")) == 1

    def test_what_was_renamed(self):
        assert told("def f(): 1\nx = 1", "def g(): 1\nx = 1") == [
            "remove def f():: it is gone from the source",
            "run def g():: it is new",
        ]

    def test_moved_and_edited(self):
        assert told("def f(): 1\nx = 1\ny = 2", "x = 1\ny = 2\ndef f(): 3") == [
            "patch def f():: its body changed"
        ]

    def test_definitions_of_one_name(self):
        old = "@r(1)\ndef _(): 1\n@r(2)\ndef _(): 2\n@r(3)\ndef _(): 3"
        assert told(old, old.replace(": 2", ": 9")) == ["patch @r(2): its body changed"]
        assert told(old, old.replace("r(2)", "r(9)")) == ["run @r(9): a decorator changed"]
        assert told(old, old.replace("@r(2)\ndef _(): 2\n", "")) == [
            "remove @r(2): it is gone from the source"
        ]

    def test_removals_stand_where_they_stood(self):
        found = changes("a = 1\nb = 1\nc = 1\nd = 1", "a = 1\nd = 1")
        assert [c.kind for c in found] == ["keep", "remove", "remove", "keep"]
        assert [ast.unparse(c.old) for c in found] == ["a = 1", "b = 1", "c = 1", "d = 1"]

    def test_annotations_that_became_strings(self):
        old = "def f(a: int): 1\ndef g(a): 1\nx: int = 1"
        assert [c.kind for c in changes(old, "from __future__ import annotations\n" + old)] == [
            "run",
            "run",
            "keep",
            "run",
        ]


class TestImports:
    def test_an_import_more(self):
        old, new = "from m import a, b", "from m import a, b, c"
        assert told(old, new) == ["run from m import a, b, c: it imports c, too"]
        assert to_run(old, new) == ["from m import c"]

    def test_an_import_less(self):
        assert told("from m import a, b", "from m import a") == [
            "remove from m import b: it is gone from the source"
        ]

    def test_sorted_imports(self):
        old = "import b, a\nfrom m import c\nfrom m import d"
        assert told(old, "import a\nimport b\nfrom m import d, c") == []

    def test_another_source(self):
        assert told("from m import a", "from n import a") == [
            "remove from m import a: it is gone from the source",
            "run from n import a: it is new",
        ]
        assert to_run("import a", "import a as b") == ["import a as b"]


class TestClasses:
    def test_methods_and_attributes(self):
        old = "class A:\n  x = 1\n  y = 2\n  def m(self): 1\n  def n(self): 1"
        new = "class A:\n  x = 3\n  y = 2\n  def m(self): 2\n  z = 1"
        assert kinds(changes(old, new)) == [("run", "run", "keep", "patch", "remove", "run")]

    def test_methods_only(self):
        old = "class A:\n  'a'\n  x = 1\n  class B:\n    def m(self): 1"
        (change,) = changes(old, old.replace("self): 1", "self): 2"))
        assert kinds((change,)) == [("patch", "keep", "keep", ("patch", "patch"))]
        assert not change.header

    def test_header_and_body(self):
        (change,) = changes("class A:\n  def m(self): 1", "class A(B):\n  def m(self): 2")
        assert change.header
        assert kinds((change,)) == [("run", "patch")]

    @pytest.mark.parametrize(
        ("old", "new", "found"),
        [
            ("class A: x = 1", "class A: x = 2", ("run", "run")),
            ("class A(\n  B): x = 1", "class A(\n  C): x = 1", ("run", "keep")),
            ("class A:\n  x = 1; y = 1", "class A:\n  x = 2; y = 1", ("run", "run", "keep")),
            ("class A:\n  x = 1; y = 1", "class A:\n  y = 1; x = 1", None),
            (
                "class A:\n  x = 1\n  y = 1",
                "class A:\n    x = 1\n    y = 2",
                ("run", "keep", "run"),
            ),
            ("class A:\n  'a'; x = 1", "class A:\n  'b'; x = 1", ("run", "run", "keep")),
            ("class A:\n  @a\n  def f(): 1", "class A:\n  @b\n  def f(): 1", ("run", "run")),
            ("if a:\n  x = 1\nelse: x = 2", "if a:\n  x = 1\nelse: x = 3", ("run", "keep", "run")),
            ("if a: x = 1; y = 2\nelse: y = 2", "if a: y = 2\nelse: x = 1; y = 2", None),
            ("try: f()\nexcept E: x = 1", "try: f()\nexcept E: x = 2", ("run", "keep", "run")),
        ],
    )
    def test_what_shares_its_line(self, old, new, found):
        (change,) = changes(old, new)  # both with the texts and without
        assert found is None or kinds((change,)) == [found]

    def test_docstring(self):
        (change,) = changes("class A:\n  'a'", "class A:\n  'b'")
        assert change.children[0].reason == DOCSTRING_CHANGED


class TestBlocks:
    def test_only_what_changed_is_left(self):
        old = "if a:\n  x = 1\n  y = 2\nelif b:\n  x = 3\nelse:\n  x = 4\n  z = 5"
        new = old.replace("x = 1", "x = 7").replace("z = 5", "z = 6")
        assert to_run(old, new) == ["if a:\n    x = 7\nelif b:\n    pass\nelse:\n    z = 6"] or (
            to_run(old, new) == ["if a:\n    x = 7\nelse:\n    z = 6"]
        )

    def test_positions_are_kept(self):
        old = "if a:\n  x = 1\n  y = 2"
        (change,) = changes(old, "\n\n" + old.replace("y = 2", "y = 3"))
        statement = pruned(change)
        assert (statement.lineno, statement.body[0].lineno) == (3, 5)
        compile(ast.Module([statement], []), "m", "exec")

    def test_header_that_changed(self):
        old = "if a:\n  x = 1\n  y = 2"
        (change,) = changes(old, old.replace("if a", "if b"))
        assert change.header
        assert ast.unparse(pruned(change)) == "if b:\n    x = 1\n    y = 2"

    def test_removed_from_a_block(self):
        old = "if a:\n  x = 1\n  f()"
        assert kinds(changes(old, "if a:\n  x = 1")) == [("run", "keep", "remove")]
        assert to_run(old, "if a:\n  x = 1") == []

    def test_with(self):
        old = "with a as b:\n  x = 1\n  y = 2"
        assert to_run(old, old.replace("x = 1", "x = 3")) == ["with a as b:\n    x = 3"]

    def test_match(self):
        old = "match a:\n  case 1:\n    x = 1\n    y = 1\n  case b:\n    x = 2"
        assert to_run(old, old.replace("y = 1", "y = 3")) == [
            "match a:\n    case 1:\n        y = 3\n    case b:\n        pass"
        ]

    @pytest.mark.parametrize("header", ["for a in b", "while a"])
    def test_loops_are_run_as_a_whole(self, header):
        old = f"{header}:\n  x = 1\n  y = 2"
        assert to_run(old, old.replace("x = 1", "x = 3")) == [f"{header}:\n    x = 3\n    y = 2"]
        old = f"{header}:\n  def f(): 1"
        assert kinds(changes(old, old.replace("1", "2"))) == [("patch", "patch")]

    def test_try_body(self):
        old = "try:\n  import a\n  x = 1\n  y = f()\nexcept E:\n  x = 2\nelse:\n  z = 3"
        assert to_run(old, old.replace("y = f()", "y = g()")) == [
            "try:\n    import a\n    y = g()\nexcept E:\n    x = 2"
        ]

    def test_try_as_a_whole(self):
        old = "try:\n  a = 1\nexcept E:\n  b = 1\nelse:\n  c = 1"
        for edit in ("b = 1", "c = 1"):
            new = old.replace(edit, edit[0] + " = 2")
            assert to_run(old, new) == [ast.unparse(ast.parse(new))]
        old = "try:\n  a = 1\n  b = 1\nfinally:\n  c = 1"
        new = old.replace("a = 1", "a = 2")
        assert to_run(old, new) == [ast.unparse(ast.parse(new))]

    def test_main_is_never_run(self):
        old = "if __name__ == '__main__':\n  main()\nelse:\n  x = 1\n  y = 1"
        assert kinds(changes(old, old.replace("main()", "start()"))) == [("keep", "keep", "keep")]
        assert to_run(old, old.replace("x = 1", "x = 2")) == [
            "if __name__ == '__main__':\n    pass\nelse:\n    x = 2"
        ]
        assert kinds(changes("", "if __name__ == '__main__':\n  main()")) == ["keep"]
        assert to_run("", old) == [ast.unparse(ast.parse(old.replace("main()", "pass")))]
        within = "try:\n  " + old.replace("\n", "\n  ") + "\nexcept E:\n  z = 1"
        new = within.replace("z = 1", "z = 2")
        assert to_run(within, new) == [ast.unparse(ast.parse(new.replace("main()", "pass")))]

    @pytest.mark.parametrize(
        ("imported", "test"),
        [
            ("from typing import TYPE_CHECKING", "TYPE_CHECKING"),
            ("from typing import TYPE_CHECKING as TC", "TC"),
            ("import typing as t", "t.TYPE_CHECKING"),
        ],
    )
    def test_type_checking_is_never_run(self, imported, test):
        old = f"{imported}\nif {test}:\n  import a\nelse:\n  x = 1"
        new = old.replace("import a", "import b")
        assert told(old, new) == []
        assert told(old, old.replace("x = 1", "x = 2")) == [
            f"run if {test}:: a statement in it changed"
        ]
        tree = ast.parse(old)
        assert is_never_run(tree.body[1], type_checking_names(tree))
        assert not is_never_run(ast.parse("if TC: pass").body[0])


def leaves(found: tuple[Change, ...]) -> list[Change]:
    return [leaf for c in found for leaf in (leaves(c.children) if c.children else [c])]


def positions(statement: ast.stmt | None) -> list[tuple[int, int | None]]:
    assert statement is not None
    return [(it.lineno, it.end_lineno) for it in ast.walk(statement) if isinstance(it, ast.stmt)]


class TestProperties:
    @given(modules())
    @settings(max_examples=100, deadline=None)
    def test_the_same_is_kept(self, text):
        for found in (plan(*trees(text, text)), plan(*trees(text, text), (text, text))):
            assert {(c.kind, c.reason) for c in leaves(found.changes)} <= {("keep", "")}
            assert [c.new for c in found.changes if pruned(c)] == []

    @given(with_comments())
    @settings(max_examples=100, deadline=None)
    def test_comments_move_lines_and_do_nothing_else(self, edit):
        for found in (plan(*trees(*edit)), plan(*trees(*edit), edit)):
            assert {c.kind for c in leaves(found.changes)} <= {"keep"}
            for change in found.changes:
                moved = positions(change.old) != positions(change.new)
                assert (change.kind, change.reason) == ("keep", "lines moved" if moved else "")

    @given(moved())
    @settings(max_examples=100, deadline=None)
    def test_what_was_moved_is_kept(self, edit):
        for found in (plan(*trees(*edit)), plan(*trees(*edit), edit)):
            assert {c.kind for c in leaves(found.changes)} == {"keep"}
            for change in found.changes:
                assert ast.dump(change.old) == ast.dump(change.new)

    @given(with_new_bodies())
    @settings(max_examples=100, deadline=None)
    def test_bodies_run_nothing(self, edit):
        assert {c.kind for c in plan(*trees(*edit)).changes} <= {"keep", "patch"}

    @given(edits_of_values())
    @settings(max_examples=200, deadline=None)
    def test_each_statement_has_one_change(self, edit):
        old, new = trees(*edit)
        found = plan(old, new)
        assert isinstance(found, Plan)
        assert [c.new for c in found.changes if c.new is not None] == new.body
        olds = [c.old for c in found.changes if c.old is not None]
        assert sorted(map(id, olds)) == sorted(map(id, old.body))
        for change in found.changes:
            if change.kind in ("keep", "patch"):
                assert evaluated(change.old) == evaluated(change.new)

    def test_what_is_removed_and_new_is_the_reverse(self):
        old, new = "a = 1\nf()\nb = 2", "a = 1\nb = 2\nimport c"
        there = [c.kind for c in plan(*trees(old, new)).changes]
        back = [c.kind for c in plan(*trees(new, old)).changes]
        assert sorted(there) == ["keep", "keep", "remove", "run"] == sorted(back)


class TestSpeed:
    def test_a_big_file_costs_less_than_to_compile_it(self):
        lines = [
            f"def f{i}(a, b=1):\n    c = a + b\n    return [c, f{i}(a, *c)]" for i in range(2500)
        ]
        lines += [f"x{i} = compute({i}, 'a' * {i})" for i in range(2500)]
        old, new = "\n".join(lines), "\n".join([*lines[:1000], "y = 1", *lines[1002:]])
        compiling, planning = [], []
        both = trees(old, new)
        for _ in range(3):
            begin = time.perf_counter()
            compile(new, "m", "exec")
            middle = time.perf_counter()
            plan(*both, (old, new))
            planning.append(time.perf_counter() - middle)
            compiling.append(middle - begin)
        assert min(planning) < min(compiling)

    def test_many_that_are_alike(self):
        old, new = "f()\n" * 5000, "g()\n" + "f()\n" * 4000 + "h()\n" + "f()\n" * 1500
        both = trees(old, new)
        begin = time.perf_counter()
        compile(new, "m", "exec")
        compiling = time.perf_counter() - begin
        found = plan(*both).changes
        assert sum(c.kind == "run" for c in found) == 502
        assert time.perf_counter() - begin < 60 * compiling + 1  # Not its square.
