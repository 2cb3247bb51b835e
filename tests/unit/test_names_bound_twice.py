"""Names that more than one statement or module gives a value, and what a reload makes of them."""

from __future__ import annotations

import textwrap

import pytest


def ran(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [step.qualname for step in reload.steps if step.kind == "ran"]


class TestBlocks:
    def test_what_the_header_sets_and_the_body_sets_anew(self, project):
        m = project.load(
            "m",
            """
            from contextlib import nullcontext
            with nullcontext(2) as n:
                n = n * 6
                x = 1
            """,
        )
        project.engine()
        project.edit("m", "x = 1", "x = 2")
        assert (m.n, m.x) == (12, 2)

    def test_what_the_branch_has_set_before_is_not_set_again(self, project):
        m = project.load("m", "calls = []\nif True:\n    n = calls.append(1)\n    x = n\n")
        project.engine()
        project.edit("m", "    x = n\n", "    x = n\n    y = n\n")
        assert (m.calls, m.y) == ([1], None)

    def test_a_sum_that_goes_from_one(self, project):
        m = project.load("m", "n = 1\nif True:\n    n += 10\n    n += 100\n")
        project.engine()
        project.edit("m", "    n += 100\n", "")
        assert m.n == 11

    def test_a_sum_in_another_branch_than_what_changed(self, project):
        project.load("config", "A = 0\n")
        m = project.load(
            "m",
            """
            import ~config as config
            n = 1
            if config is None:
                pass
            elif not config:
                x = config.A
            else:
                n += 10
            """,
        )
        project.engine()
        assert ran(project.edit("config", "A = 0", "A = 5")) == ["A", "the if statement"]
        assert m.n == 11

    @pytest.mark.parametrize(("new", "value"), [("x = 2", 2), ("z = 2", 7)])
    def test_an_attribute_of_a_class_that_stands_there(self, project, new, value):
        m = project.load(
            "m",
            """
            if True:
                class K:
                    x = 1
                    y = 1
                a = getattr(K, "x", 7)
                b = K.y
            """,
        )
        project.engine()
        reload = project.edit("m", "x = 1", new)
        assert ran(reload) == ["the if statement"]
        assert m.a == value

    def test_a_class_that_stands_in_a_block_below_a_new_one(self, project):
        m = project.load("m", "if True:\n    class K:\n        def one(self): return 1\n")
        project.engine()
        cls, instance = m.K, m.K()
        project.edit("m", "if True:", "class K:\n    def two(self): return 2\nif True:")
        assert (m.K is cls, instance.one(), hasattr(m.K, "two")) == (True, 1, False)

    def test_a_class_that_a_later_one_replaces(self, project):
        m = project.load("m", "class K:\n    def one(self): return 1\n")
        project.engine()
        cls, instance = m.K, m.K()
        project.edit("m", "class K:\n", "class K:\n    two = 2\nk = K()\nclass K:\n")
        assert (m.K is cls, instance.one(), m.k.two, hasattr(m.K, "two")) == (True, 1, 2, False)

    def test_what_a_branch_that_is_not_taken_leaves_alone(self, project):
        m = project.load(
            "m",
            """
            b, k = 0, 0
            if 0:
                b = 0
                k = b + 1
                b += k
            try:
                b = 6 // b
                k = b + 1
            except ZeroDivisionError:
                b = 1
            """,
        )
        project.engine()
        project.edit("m", "b, k = 0, 0", "b, k = 0, 0\nif 0:\n    k = 2")
        assert (m.b, m.k) == (1, 0)


class TestTry:
    TEXT = """
        ran = []
        try:
            A = 1 // {}
            ran.append("after")
        except ZeroDivisionError:
            A = None
        else:
            B = 2
        """

    def test_what_stands_behind_what_raised_is_executed_at_last(self, project):
        m = project.load("m", self.TEXT.format(0))
        project.engine()
        assert ran(project.edit("m", "A = 1 // 0", "A = 1 // 1")) == ["the try statement"]
        assert (m.A, m.B, m.ran) == (1, 2, ["after"])

    def test_it_is_also_where_what_raised_has_gone(self, project):
        m = project.load("m", self.TEXT.format(0))
        project.engine()
        project.edit("m", "    A = 1 // 0\n", "")
        assert (m.B, m.ran) == (2, ["after"])

    def test_what_has_been_executed_is_not_executed_again(self, project):
        m = project.load("m", self.TEXT.format(1))
        project.engine()
        project.edit("m", "A = 1 // 1", "A = 4 // 1")
        assert (m.A, m.ran) == (4, ["after"])

    @pytest.mark.parametrize("fails", [False, True])
    def test_a_constant_in_a_handler_tells_how_far_it_came(self, project, fails):
        text = """
            ran = []
            try:
                limit = int({})
                has_limit = True
                ran.append("after")
                last = 1
            except ValueError:
                has_limit = last = False
            """
        m = project.load("m", text.format("'x'" if fails else "'1'"))
        project.engine()
        project.edit("m", "limit = int('x')" if fails else "limit = int('1')", "limit = int('5')")
        assert (m.limit, m.has_limit, m.ran) == (5, True, ["after"])

    def test_a_handler_that_raises_itself_tells_that_it_was_not_taken(self, project):
        m = project.load(
            "m",
            """
            ran = []
            try:
                limit = int('1')
                ran.append("after")
            except ValueError:
                raise RuntimeError("no limit")
            """,
        )
        project.engine()
        project.edit("m", "int('1')", "int('5')")
        assert (m.limit, m.ran) == (5, ["after"])

    @pytest.mark.parametrize("divisor", [0, 2])
    def test_what_raised_before_keeps_what_stands_behind_it_from_being_executed(
        self, project, divisor
    ):
        text = f"""
            ran = []
            try:
                a = 6 // {divisor}
                ran.append("after")
                b = a + 1
            except ZeroDivisionError:
                b = None
            """
        m = project.load("m", text)
        project.engine()
        assert project.edit("m", "a + 1", "a + 2").ok
        assert (m.b, m.ran) == ((5, ["after"]) if divisor else (None, []))

    def test_suppress(self, project):
        m = project.load(
            "m",
            """
            import contextlib
            ran = []
            with contextlib.suppress(ImportError):
                import there_is_no_such_module_at_all as t
                ran.append(t.sep)
            """,
        )
        project.engine()
        project.edit("m", "import there_is_no_such_module_at_all as t", "import os as t")
        assert m.ran == [m.t.sep]


class TestImports:
    def test_each_name_of_an_import_can_be_set_again(self, project):
        """An import that brings another name, while a block reads what it brought before."""
        a = project.load("a", "X = 1\nL = [1]\n")
        m = project.load(
            "m",
            """
            from contextlib import nullcontext
            from ~a import L as K, X
            with nullcontext(X + 6) as y:
                X = len(K) + 1
            """,
        )
        project.engine()
        project.save(
            a="X = 1\nM = [1, 2]\n",
            m=project.path("m").read_text().replace("L as K", "M as K"),
        )
        assert (a.X, m.y, m.X) == (1, 7, 3)

    @pytest.mark.parametrize("what", ["X", "*"])
    def test_who_has_an_equal_number_of_its_own_keeps_it(self, project, what):
        a = project.load("a", "X = 1\n")
        m = project.load("m", f"from ~a import {what}\ndef f(x=X): return x\nX = 1\n")
        project.engine()
        project.edit("a", "X = 1", "X = 2")
        assert (a.X, m.f(), m.X) == (2, 2, 1)

    def test_also_where_it_came_through_another(self, project):
        project.load("a", "X = 1\n")
        project.load("b", "from ~a import X\n")
        m = project.load("m", "from ~b import X\ndef f(x=X): return x\nX = 1\n")
        project.engine()
        project.edit("a", "X = 1", "X = 2")
        assert (m.f(), m.X) == (2, 1)

    def test_a_name_that_came_twice_from_the_same_place_is_followed(self, project):
        project.load("a", "X = 1\n")
        m = project.load("m", "from ~a import *\nfrom ~a import X\n")
        project.engine()
        project.edit("a", "X = 1", "X = 2")
        assert m.X == 2


class TestImportsOfEverything:
    def test_who_reads_a_name_before_it_is_bound_again_is_left_alone(self, project):
        project.load("a", "X = 1\ndef f(): pass\n")
        m = project.load("m", "from ~a import *\nruns = [X]\nX = 2\n")
        project.engine()
        runs = m.runs
        assert ran(project.edit("a", "def f(): pass\n", "")) == []
        assert (m.runs is runs, m.X, hasattr(m, "f")) == (True, 2, False)

    def test_who_reads_a_name_that_is_bound_again_and_is_new_in_between(self, project):
        project.load("a", "Y = 1\n")
        m = project.load("m", "X = 1\nfrom ~a import *\ny = X\nX = 3\n")
        project.engine()
        project.edit("a", "Y = 1\n", "Y = 1\nX = 2\n")
        assert (m.y, m.X) == (2, 3)
        project.edit("a", "X = 2\n", "")
        assert (m.y, m.X) == (1, 3)

    def test_what_is_gone_from_one_comes_from_another(self, project):
        project.load("a", "X = 1\n")
        project.load("b", "X = 2\nY = 1\n")
        m = project.load("m", "from ~a import *\nfrom ~b import *\n")
        project.engine()
        project.edit("b", "X = 2\n", "")
        assert (m.X, m.Y) == (1, 1)

    def test_only_the_names_that_are_new_are_brought(self, project):
        """In a cycle the others were brought when they had another value."""
        project.write("m", "from ~a import *\nruns = [X]\n")
        a = project.load("a", "X = 1\nfrom ~m import runs\nX += 1\n")
        project.engine()
        runs = a.runs
        reload = project.edit("a", "from", "def f(): pass\nfrom")
        assert ran(reload) == ["f", "an import"]
        assert a.runs is runs
        assert runs == [1]

    def test_another_import_had_brought_the_same(self, project):
        project.load("tools", "def make(): return []\n")
        project.load("a", "from ~tools import make\n")
        m = project.load(
            "m", "from ~tools import make\nfrom ~a import *\nstate = make()\nfrom ~a import *\n"
        )
        project.engine()
        state = m.state
        project.save(m="from ~tools import make\nstate = make()\nfrom ~a import *\n")
        assert m.state is state
        project.save(m="if True:\n    from ~a import *\nstate = make()\nfrom ~a import *\n")
        assert m.state is state

    def test_a_name_that_leads_back_is_not_taken_from_there(self, project):
        project.write("m", "state = []\nfrom ~a import *\n")
        a = project.load("a", "from ~m import *\n")
        project.engine()
        state = a.state
        assert ran(project.edit("m", "from ~a import *\n".replace("~", project.prefix), "")) == []
        assert a.state is state

    def test_a_name_that_led_back_and_is_gone(self, project):
        project.write("m", "from ~a import *\n")
        a = project.load("a", "state = []\nfrom ~m import *\n")
        project.engine()
        state = a.state
        assert ran(project.save(m="")) == []
        assert a.state is state

    def test_a_function_that_moved_to_who_imported_it(self, project):
        project.load("a", "def f(): return 1\nX = 1\n")
        project.load("b", "from ~a import *\n")
        m = project.load("m", "from ~b import f as g\n")
        project.engine()
        project.save(a="X = 1\n", b="from ~a import *\ndef f(): return 2\n")
        assert (m.g(), m.g.__module__) == (2, f"{project.prefix}b")
        project.engine().undo()
        assert m.g() == 1


class TestCycles:
    def test_a_new_one_is_cut_where_the_names_are_there(self, project):
        """The module that both begin with has what the other takes only after its own import."""
        one = project.load("one", "X = 1\n")
        two = project.load("two", "")
        project.load("user", "import ~two\n")
        project.engine()
        project.save(one="from ~user import *\nX = 1\ndef f(): pass\n", two="from ~one import f\n")
        assert one.f is two.f

    def test_an_import_that_closes_one_leaves_it_cut_where_it_was(self, project):
        project.write("two", "X = 1\n")
        one = project.load("one", "import ~two\n")
        project.engine()
        project.save(one="from ~two import *\nimport ~two\n", two="X = 1\nimport ~one as o\n")
        assert one.o is one

    def test_who_imports_something_since_a_moment_ago_follows(self, project):
        one = project.load("one", "X = 1\n")
        two = project.load("two", "from ~one import X\np = [X]\n")
        project.engine()
        project.save(one="X = 1\nfrom ~two import *\n", two="from ~one import X\np = [X, 2]\n")
        assert one.p is two.p
        assert one.p == [1, 2]

    def test_everything_is_imported_when_it_is_there(self, project):
        one = project.load("one", "")
        project.load("two", "import ~one\n")
        project.engine()
        project.save(one="from ~two import *\n", two="import ~one\nX = 1\n")
        assert one.X == 1

    def test_one_that_goes_on_with_a_new_name(self, project):
        """`first` has imported `last` since a reload, and takes a name from it that it has from
        there: so `first` comes first."""
        user = project.load("user", "def f(): pass\n")
        first = project.load("first", "A = 1\nimport ~user\n")
        project.load("last", "from ~user import f as g\nfrom ~first import A\n")
        project.engine()
        project.save(first="A = 1\nfrom ~last import A, g\nimport ~user\n")
        project.save(
            first="B = 2\nfrom ~last import B, g\nimport ~user\n",
            last="from ~user import f as g\nfrom ~first import B\n",
            user="from ~first import B as C\ndef f(): pass\n",
        )
        assert first.B == 2
        project.edit("user", "def f(): pass", "D = C + 1\ndef f(): pass")
        assert user.D == 3


class TestDecorators:
    def test_what_was_held_bare_while_a_decorator_goes_and_comes(self, project):
        text = """
            import functools
            def twice(f):
                @functools.wraps(f)
                def wrapper(): return f(), f()
                return wrapper
            {}def f(): return {}
            """
        m = project.load("m", text.format("@twice\n            ", 1))
        project.engine()
        wrapper, bare = m.f, m.f.__wrapped__
        for decorator, value in (("", 2), ("@twice\n            ", 3), ("@twice\n            ", 4)):
            project.save(m=text.format(decorator, value))
            assert (bare(), m.f is wrapper) == (value, True)
        assert m.f() == (4, 4)
        assert m.f.__wrapped__ is bare

    def test_two_names_for_what_a_decorator_made(self, project):
        """Both are bound anew, and so is whoever has put it into a list."""
        text = """
            import functools
            def same(f):
                @functools.wraps(f)
                def wrapper(): return f()
                return wrapper
            {}@same
            def f(): return 1
            alias = f
            """
        m = project.load("m", text.format(""))
        project.engine()
        held = [m.f]
        project.save(m=text.format("@functools.cache\n            "))
        assert held[0] is m.f is m.alias
        assert hasattr(m.f, "cache_info")


class TestStars:
    def test_a_name_that_moves_up_a_chain_comes_back_to_its_end(self, project):
        project.load("a", "A = [1]\nB = 2\n")
        project.load("b", "from ~a import *\n")
        c = project.load("c", "from ~b import *\n")
        project.engine()
        reload = project.save(a="B = 2\n", b="from ~a import *\nA = [1]\n")
        assert reload.ok, reload.errors
        assert (c.A, c.B) == ([1], 2)


class TestApart:
    """Who has imported a name and holds something else keeps that, and the report says so."""

    def kept(self, project, reload):
        assert reload.ok, reload.errors
        return [
            (it.module.removeprefix(project.prefix), it.qualname, it.line) for it in reload.kept
        ]

    def test_what_was_got_halfway_round_a_cycle(self, project):
        project.write("b", "from ~a import A as B\n")
        a = project.load("a", "A = 4\nimport ~b as b\nA += b.B\n")
        project.engine()
        reload = project.edit("a", "A = 4", "A = 7")
        assert ("b", "B", 1) in self.kept(project, reload)
        assert a.b.B == 4

    def test_what_the_program_has_bound(self, project):
        project.load("a", "A = 4\n")
        b = project.load("b", "from ~a import A\n")
        project.engine()
        b.A = [5]
        assert self.kept(project, project.edit("a", "A = 4", "A = 7")) == [("b", "A", 1)]
        assert b.A == [5]

    def test_what_the_module_has_bound_itself_is_its_own(self, project):
        project.load("a", "A = 4\n")
        project.load("b", "from ~a import A\nA = [A]\n")
        project.engine()
        assert self.kept(project, project.edit("a", "A = 4", "A = 7")) == []


class TestCalls:
    """A call in the middle of a module finds what its names stand for by then."""

    SOURCE = """
        made = []
        level = made.append("level") or 1
        def show(n=0):
            return level + n
        class Shown:
            def __init__(self):
                self.level = show()
        def marked(function):
            function.level = level
            return function
        def own(level=7):
            return level
        level = 5
        """

    @pytest.fixture
    def m(self, project):
        m = project.load("m", self.SOURCE)
        project.engine()
        return m

    def test_of_a_function_that_reads_one(self, m, project):
        reload = project.edit("m", "level = 5", "x = show(1)\nlevel = 5")
        assert (ran(reload), m.x, m.level) == (["level", "x"], 2, 5)
        assert m.made == ["level", "level"]

    def test_of_a_class_whose_instances_call_it(self, m, project):
        project.edit("m", "level = 5", "x = Shown().level\nlevel = 5")
        assert (m.x, m.level) == (1, 5)

    def test_of_what_is_decorated_by_one_that_does(self, m, project):
        project.edit("m", "level = 5", "@marked\ndef one():\n    pass\nlevel = 5")
        assert (m.one.level, m.level) == (1, 5)

    def test_behind_the_last_one_nothing_is_set_again(self, m, project):
        assert ran(project.edit("m", "level = 5", "level = 5\nx = show(1)")) == ["x"]
        assert m.x == 6

    def test_a_name_of_the_function_itself_is_another(self, m, project):
        assert ran(project.edit("m", "level = 5", "x = own()\nlevel = 5")) == ["x"]
        assert (m.x, m.made) == (7, ["level"])


class TestWhatMayBeBoundAgain:
    """A definition, and after it something that has not bound its name so far."""

    @pytest.mark.parametrize(
        "after",
        [
            "try:\n    from nothing_of_the_kind import C\nexcept ImportError:\n    pass\n",
            "import os\nif os.environ.get('NOT_SET'):\n    old = C\n    def C(): return old\n",
        ],
        ids=["import", "branch"],
    )
    def test_a_class_stays_the_class(self, project, after):
        m = project.load("m", f"class C:\n    kind = 1\n    def f(self): return 1\n{after}")
        project.engine()
        cls, instance = m.C, m.C()
        ran(project.edit("m", "kind = 1", "kind = 2"))
        assert m.C is cls
        assert instance.kind == 2
        ran(project.edit("m", "kind = 2", "kind = 2\n    def g(self): return 3"))
        assert m.C is cls
        assert instance.g() == 3

    def test_a_function_stays_the_function(self, project):
        m = project.load(
            "m",
            """
            def f(a=1): return a
            try:
                from nothing_of_the_kind import f
            except ImportError:
                pass
            """,
        )
        project.engine()
        function = m.f
        ran(project.edit("m", "a=1", "a=2"))
        assert m.f is function
        assert function() == 2

    def test_what_has_bound_it_has_it(self, project):
        m = project.load(
            "m",
            "class C:\n    kind = 1\nif True:\n    from decimal import Decimal as C\n",
        )
        project.engine()
        cls = m.C
        ran(project.edit("m", "kind = 1", "kind = 2"))
        assert m.C is cls

    def test_a_branch_that_is_taken_now(self, project):
        source = "ON = {}\nclass C:\n    kind = {}\nif ON:\n    class C:\n        kind = 5\n"
        m = project.load("m", source.format(False, 1))
        project.engine()
        ran(project.save(m=source.format(True, 2)))
        assert m.C.kind == 5
        ran(project.save(m=source.format(False, 3)))
        assert m.C.kind == 3


ONE, FIVE = (f"class C:\n    kind = {kind}\n    METHOD\n" for kind in (1, 5))


def below(header, body):
    return f"{header}\n{textwrap.indent(body, '    ')}"


class TestTwoDefinitions:
    """Of one name, of which only one was executed: that one has made what the name holds."""

    @pytest.mark.parametrize("method", ["pass", "def f(self): return self.kind"])
    @pytest.mark.parametrize(
        "text",
        [
            ONE + below("if not C:", FIVE),
            below("if 0:", FIVE) + ONE,
            below("if X:", ONE) + below("if not X:", FIVE),
            below("if not X:", FIVE) + below("if X:", ONE),
            below("if X:", ONE) + below("else:", FIVE),
            below("if not X:", FIVE) + below("else:", ONE),
            f"@same\n{ONE}" + below("if not C:", f"@same\n{FIVE}"),
            below("if X:", ONE) + "try: from nothing_of_it import C\nexcept ImportError: pass\n",
        ],
    )
    def test_a_class_stays_the_class(self, project, text, method):
        text = text.replace("METHOD", method)
        m = project.load("m", f"X = 1\ndef same(cls): return cls\n{text}")
        project.engine()
        cls, instance = m.C, m.C()
        for kind in (2, 3):
            ran(project.edit("m", f"kind = {kind - 1}", f"kind = {kind}"))
            assert m.C is cls
            assert instance.kind == kind
        # By now its lines are others.
        ran(project.edit("m", "X = 1\n", "X = 1\n\n\n\n\n"))
        ran(project.edit("m", "kind = 3", "kind = 4"))
        assert m.C is cls
        assert instance.kind == 4
        if "kind = 5" in text:
            steps = ran(project.edit("m", "kind = 5", "kind = 6"))
            assert m.C is cls
            assert instance.kind == 4
            assert "C" not in steps

    def test_a_function_stays_the_function(self, project):
        m = project.load("m", "def f(a=1): return a\nif not f:\n    def f(a=5): return -a\n")
        project.engine()
        function = m.f
        ran(project.edit("m", "a=1", "a=2"))
        assert m.f is function
        assert function() == 2

    def test_who_only_may_bind_it_again_is_left_alone(self, project):
        """The class is the one that it was; who reads what changed in it is executed."""
        m = project.load(
            "m", f"{ONE}if not C:\n    class C: pass\nX = C.kind\n".replace("METHOD", "")
        )
        project.engine()
        assert ran(project.edit("m", "kind = 1", "kind = 2")) == ["C", "X"]
        assert m.X == 2

    def test_what_a_decorator_has_made_is_of_neither(self, project):
        text = "@functools.cache\ndef f(): return {}\n"
        m = project.load("m", "import functools\n" + (text * 2).format(1, 2))
        project.engine()
        ran(project.edit("m", "return 1", "return 3\nX = 1"))
        assert m.f() == 2

    def test_the_other_one_is_executed_now(self, project):
        text = "X = 1\nclass C:\n    kind = 1\nif X > 1:\n    class C:\n        kind = 5\n"
        m = project.load("m", text)
        project.engine()
        cls = m.C
        assert ran(project.edit("m", "X = 1", "X = 2")) == ["X", "the if statement"]
        assert m.C.kind == 5
        assert m.C is cls
        ran(project.edit("m", "X = 2", "X = 1"))
        assert m.C.kind == 1

    def test_both_were(self, project):
        """The second one is what there is, and the first is that of nobody."""
        m = project.load("m", "class C:\n    kind = 1\nif C:\n    class C:\n        kind = 5\n")
        project.engine()
        cls = m.C
        ran(project.edit("m", "kind = 1", "kind = 2"))
        assert (m.C, m.C.kind) == (cls, 5)
        ran(project.edit("m", "kind = 5", "kind = 6"))
        assert (m.C, m.C.kind) == (cls, 6)
