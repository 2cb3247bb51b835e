"""Edits that real projects have made, in small: what went wrong with them once."""

from __future__ import annotations

import importlib
import sys

import pytest


def said(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(stale.what, stale.reason) for stale in reload.stale]


class TestClasses:
    def test_a_package_shows_a_class_as_its_own_that_has_class_methods_alone(self, project):
        """Nothing but the functions in its class methods tells where it was defined."""
        source = """
            class Backend:
                @classmethod
                def run(cls, command: str): return 1
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import Backend\nBackend.__module__ = __name__\n")
        project.engine()
        backend = m.Backend
        assert not said(project.save(m=source.replace("command: str", "command: bytes = b''")))
        assert (m.Backend is backend, user.Backend is backend) == (True, True)
        assert (backend.run(), backend.__module__) == (1, user.__name__)

    def test_what_the_program_has_deleted_from_a_class_stays_deleted(self, project):
        """A loop below the class takes its helpers away; the class is run again, the loop not."""
        source = """
            class Stats:
                limit = 1
                def _mean(self): return 1
                def mean(self): return 2
            for name in list(vars(Stats)):
                if name.startswith("_mean"):
                    delattr(Stats, name)
            """
        m = project.load("m", source)
        project.engine()
        stats = m.Stats
        assert not said(project.edit("m", "limit = 1", "limit = 2"))
        assert (m.Stats is stats, stats.limit, hasattr(stats, "_mean")) == (True, 2, False)

    def test_a_method_that_a_decorator_makes_is_held(self, project):
        source = """
            import dataclasses
            @dataclasses.dataclass(order=True)
            class Data:
                size: int
                # more
            """
        m = project.load("m", source)
        project.engine()
        data = m.Data(2)
        less, initialise, shown = m.Data.__lt__, data.__init__, data.__repr__
        assert project.edit("m", "# more", "more: int = 7").ok
        initialise(3)
        assert (data.more, shown(), less(m.Data(3, 6), data)) == (7, "Data(size=3, more=7)", True)
        assert (m.Data.__lt__ is less, m.Data.__init__ is initialise.__func__) == (True, True)

    def test_what_a_decorator_has_set_and_does_not_set_any_more(self, project):
        """It goes; of what nobody knows who has set it, it stays, but the report names it."""
        source = """
            def make(name): return lambda self: name
            def having(*names):
                def decorate(cls):
                    for name in names: setattr(cls, name, make(name))
                    return cls
                return decorate
            @having("seek", "soft")
            class File: x = 1
            @having("seek", "named")
            class Other:
                named = 2
            Other.here = make("here")
            """
        m = project.load("m", source)
        project.engine()
        m.File.own = 1
        here = m.Other.here
        m.Other.named = "by the program"
        assert not said(project.edit("m", "x = 1", "x = 2"))
        new = source.replace("x = 1", "x = 2").replace(', "soft"', "").replace(', "named"', "")
        stale = said(project.save(m=new))
        named = {what for what, reason in stale if "decorator" in reason}
        assert named == {"File.own", "Other.here"}
        assert (m.File().seek(), m.File.own, m.Other.here) == ("seek", 1, here)
        assert (hasattr(m.File, "soft"), m.Other.named) == (False, 2)
        project.engine().undo()
        assert (m.File().seek(), m.File().soft()) == ("seek", "soft")

    @pytest.mark.parametrize("edited", ["attribute", "method", "later statement"])
    def test_one_that_a_later_statement_hands_on(self, project, edited):
        """As decorators were written before there were any for classes: the class is the same."""
        source = """
            known = []
            def mark(cls):
                cls.marked = cls.x
                known.append(cls)
                return cls
            class A:
                x = 1
                class Inner: y = 3
                def f(self): return self.x
            A = mark(A)
            it = A()
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import A\nclass B(A): pass\n")
        project.engine()
        a, inner = m.A, m.A.Inner
        new = {
            "attribute": ("x = 1", "x = 2"),
            "method": ("def f(self)", "g = x\n    def f(self)"),
            "later statement": ("A = mark(A)", "A = mark(A) or A"),
        }[edited]
        assert not said(project.edit("m", *new))
        assert (m.A is a, user.A is a, user.B.__base__ is a, type(m.it) is a) == (True,) * 4
        assert (m.A.Inner is inner, m.known, m.A.marked) == (True, [a], m.A.x)
        assert not said(project.save(m=source))
        assert (m.A is a, m.A.x, m.A.marked, m.known) == (True, 1, 1, [a])

    def test_one_that_a_later_statement_makes_another_of(self, project):
        source = """
            import dataclasses
            class A:
                x: int = 1
            A = dataclasses.dataclass(slots=True)(A)
            class Meta(type): pass
            class B: y = 1
            B = Meta("B", B.__bases__, dict(vars(B)))
            """
        m = project.load("m", source)
        project.engine()
        a = m.A
        assert not said(project.save(m=source.replace("= 1", "= 2")))
        assert (m.A is a, m.A().x, m.A.__slots__) == (True, 2, ("x",))
        assert (type(m.B) is m.Meta, m.B.y) == (True, 2)

    def test_what_the_body_of_a_class_has_deleted_may_come_back(self, project):
        m = project.load("m", "class A:\n    x = 1\n    if x > 1: y = 1\n    del x\n")
        project.engine()
        a = m.A
        assert not said(project.save(m="class A:\n    x = 2\n    if x > 1: y = 1\n"))
        assert (m.A is a, a.x, a.y) == (True, 2, 1)

    def test_a_decorator_is_given_another_method(self, project):
        """A name that was another one of a method becomes a wrapper of its own around it."""
        source = """
            import functools
            def synonym_of(function):
                def decorate(other):
                    @functools.wraps(function)
                    def wrapper(self): return "synonym", function(self)
                    return wrapper
                return decorate
            class Base:
                def go(self): return 1
            class Expression(Base):
                def go(self): return super().go(), 2
                def size(self): return 3
                leave = go
                length = property(size)
            """
        m = project.load("m", source)
        project.engine()
        go, size, it = m.Expression.go, m.Expression.size, m.Expression()
        new = (
            source.replace("return super().go(), 2", "return super().go(), 4")
            .replace("leave = go", "@synonym_of(go)\n                def leave(self): ...")
            .replace("length = property(size)", "length = property(synonym_of(size)(size))")
            .replace("return 3", "return 5")
        )
        assert not said(project.save(m=new))
        leave, length = m.Expression.leave, m.Expression.length.fget
        assert (m.Expression.go is go, m.Expression.size is size) == (True, True)
        assert (leave.__wrapped__ is go, leave.__closure__[0].cell_contents is go) == (True, True)
        assert length.__wrapped__ is length.__closure__[0].cell_contents is size
        assert (it.leave(), it.length) == (("synonym", (1, 4)), ("synonym", 5))

    @pytest.mark.parametrize("made", ["class C:", "class Base: pass\nclass C(Base):"])
    def test_a_decorator_names_a_function_of_its_own_after_each_class(self, project, made):
        lib = """
            def evolve(it): return it
            def define(cls):
                evolve.__qualname__, evolve.__doc__ = f"{cls.__qualname__}.evolve", cls.__name__
                cls.__replace__ = evolve
                return cls
            def create(name):
                return define(type(name, (), {"__module__": __name__}))
            """
        lib = project.load("lib", lib)
        head = "from ~lib import create, define\n"
        source = f"{head}X = create('X')\n@define\n{made}\n    a = 1\n@define\nclass D: pass\n"
        m = project.load("m", source)
        project.engine()
        known = lib.evolve.__qualname__, lib.evolve.__doc__
        assert known == ("D.evolve", "D")
        new = source.replace("a = 1", "a = 2").replace("create('X')", "create('Y')")
        assert not said(project.save(m=new))
        assert (m.C.a, m.X.__name__, m.C.__replace__) == (2, "Y", lib.evolve)
        assert (lib.evolve.__qualname__, lib.evolve.__doc__) == known

    def test_to_derive_from_object_or_not_is_no_change(self, project):
        m = project.load("m", "ran = []\nclass A(object):\n    ran.append(1)\n    x = 1\n")
        project.engine()
        assert not said(project.edit("m", "A(object)", "A"))
        assert m.ran == [1]
        assert project.save(m="object = dict\nran = []\nclass A(object):\n    x = 1\n").ok
        assert issubclass(m.A, dict)

    SPEC = """
        from functools import cached_property
        runs = []
        def match(): return "of the module"
        def other(): return "another"
        class Spec:
            runs.append(1)
            first = 1
            made = staticmethod(match)
            last = 2
            first = 3
            @cached_property
            def match(self): return 4
        """

    def test_a_statement_does_not_find_what_stands_below_it(self, project):
        """A method further down has the name of the function that an attribute is made of."""
        m = project.load("m", self.SPEC)
        project.engine()
        match = m.Spec.match
        assert not said(project.save(m=self.SPEC.replace("staticmethod(match)", "(other)")))
        assert (m.Spec.made(), m.Spec.match is match) == ("another", True)
        assert not said(project.save(m=self.SPEC))
        assert (m.Spec.made(), m.Spec.match is match, m.runs) == ("of the module", True, [1])

    def test_a_statement_finds_the_value_that_a_name_had_by_then(self, project):
        m = project.load("m", self.SPEC)
        project.engine()
        assert not said(project.save(m=self.SPEC.replace("last = 2", "last = first")))
        assert (m.Spec.last, m.Spec.first, m.runs) == (1, 3, [1])

    def test_one_finds_what_stands_below_the_other(self, project):
        m = project.load("m", self.SPEC)
        project.engine()
        text = self.SPEC.rstrip() + "\n            alias = property(match.func)\n"
        source = text.replace("last = 2", "last = staticmethod(match)")
        assert not said(project.save(m=source))
        assert (m.Spec.last(), m.Spec().alias, m.runs) == ("of the module", 4, [1])

    @pytest.mark.parametrize(
        ("edits", "first", "removed"),
        [
            ([("x=1", "x=2")], ("one", 2), set()),
            ([("x=1", "x=2"), ("one", "two")], ("two", 2), set()),
            ([("clear = pop", "clear")], ("one", 1), {"pop"}),
            ([("    del _fail\n", "")], ("one", 1), set()),
            ([("one", "two")], ("two", 1), set()),
        ],
    )
    def test_what_is_made_of_a_name_that_the_class_deletes(self, project, edits, first, removed):
        """As flask's NullSession."""
        text = """
            made = []
            class Session:
                made.append(1)
                def _fail(self, x=1): return "one", x
                clear = pop = _fail
                del _fail
            """
        m = project.load("m", text)
        project.engine()
        held = m.Session.clear
        source = text
        for old, new in [(old.replace("    del", " " * 16 + "del"), new) for old, new in edits]:
            assert source.count(old) == 1
            source = source.replace(old, new)
        assert not said(project.save(m=source))
        assert (m.Session().clear(), held(0), m.Session.clear is held) == (first, first, True)
        assert {"clear", "pop"} - vars(m.Session).keys() == removed
        assert ("_fail" in vars(m.Session)) == ("del _fail" not in source)
        assert m.made == [1]
        assert not said(project.save(m=text))
        assert (m.Session().pop(), held(0), "_fail" in vars(m.Session)) == (("one", 1),) * 2 + (
            False,
        )

    def test_a_statement_finds_what_stands_above_it(self, project):
        m = project.load("m", self.SPEC)
        project.engine()
        source = self.SPEC.replace("first = 3", "second = last, made")
        assert not said(project.save(m=source))
        assert (m.Spec.second, m.Spec.first, m.runs) == ((2, m.Spec.__dict__["made"]), 1, [1])

    @pytest.mark.parametrize("keywords", ['{"metaclass": Meta}', "{}"])
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('"""One."""', '"""Two."""'),
            ("a = 1", "a = 2"),
            ("m(self): pass", "m(self, x=1): return x"),
            ("# here", "b = 2"),
        ],
    )
    def test_a_decorator_makes_a_copy_of_the_class(self, project, keywords, old, new):
        """With a metaclass of its own, perhaps: what has the name is that copy."""
        copied = f"""
            import types
            class Meta(type):
                def __call__(cls, *arguments): return super().__call__(*arguments)
            registry = {{}}
            def component(cls):
                content = {{k: v for k, v in vars(cls).items() if k not in OWN}}
                fill = lambda names: names.update(content)
                made = types.new_class(cls.__name__, cls.__bases__, {keywords}, fill)
                registry[cls.__name__] = made
                return made
            OWN = ("__dict__", "__weakref__")
            """
        source = """
            from ~copied import component
            @component
            class C:
                \"""One.\"""
                a = 1
                def m(self): pass
                # here
            """
        copied = project.load("copied", copied)
        m = project.load("m", source)
        user = project.load("user", "from ~m import C\nclass D(C): pass\nc, d = C(), D()\n")
        project.engine()
        cls, derived, c, d = m.C, user.D, user.c, user.d
        for change in [(old, new), (new, old), (old, new)]:
            assert not said(project.edit("m", *change))
            assert (m.C is cls, user.C is cls, user.D is derived) == (True, True, True)
            assert (isinstance(c, cls), isinstance(d, cls), derived.__mro__[1] is cls) == (
                True,
            ) * 3
            text = project.path("m").read_text(encoding="utf-8")
            assert (cls.__doc__, c.a, d.m()) == (
                "Two." if "Two" in text else "One.",
                2 if "a = 2" in text else 1,
                1 if "x=1" in text else None,
            )
            assert (hasattr(d, "b"), copied.registry) == ("b = 2" in text, {"C": cls})
        project.engine().undo()
        assert (m.C is cls, isinstance(d, cls)) == (True, True)
        assert (cls.__doc__, c.a, d.m(), hasattr(d, "b")) == ("One.", 1, None, False)


class TestFunctions:
    def test_a_package_shows_a_function_as_its_own_that_is_decorated_now(self, project):
        """The package has set it on what the name had: not on the function below the decorator."""
        source = """
            import functools
            def wrap(function):
                @functools.wraps(function)
                def wrapper(): return "wrapped", function()
                return wrapper
            def go(): return 1
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import go\ngo.__module__ = __name__\n")
        project.engine()
        go = user.go
        assert not said(project.edit("m", "def go()", "@wrap\ndef go()"))
        assert (m.go is user.go, m.go()) == (True, ("wrapped", 1))
        assert (m.go.__module__, m.go.__wrapped__ is go) == (user.__name__, True)
        assert go.__module__ == m.__name__
        assert not said(project.edit("m", "@wrap\n", ""))
        assert (m.go is user.go, m.go(), m.go.__module__) == (True, 1, user.__name__)
        project.engine().undo()
        assert (m.go is user.go, m.go.__module__) == (True, user.__name__)
        assert m.go.__wrapped__.__module__ == m.__name__

    def test_a_descriptor_and_a_decorator_have_copied_a_docstring(self, project):
        source = """
            import functools
            class lazy:
                def __init__(self, function):
                    self.function, self.__doc__ = function, function.__doc__
                def __setattr__(self, name, value):
                    assert name not in vars(self)
                    super().__setattr__(name, value)
                def __get__(self, it, cls): return self if it is None else self.function(it)
            class Command:
                def __init__(self, function): functools.update_wrapper(self, function)
            class C:
                @lazy
                def size(self):
                    "one"
                    return 1
            @Command
            def run():
                "two"
            other = Command(run.__wrapped__)
            other.__doc__ = "mine"
            """
        m = project.load("m", source)
        project.engine()
        new = source.replace('"one"', '"1"').replace('"two"', '"2"')
        assert not said(project.save(m=new))
        assert (m.C.size.__doc__, m.run.__doc__, m.other.__doc__) == ("1", "2", "mine")
        project.engine().undo()
        assert (m.C.size.__doc__, m.run.__doc__, m.other.__doc__) == ("one", "two", "mine")

    def test_a_property_of_its_own_class_has_copied_a_docstring(self, project):
        source = """
            class stored(property):
                def __init__(self, function): super().__init__(function)
            class C:
                @stored
                def size(self):
                    "one"
                @stored
                def name(self): "two"
            C.name.__doc__ = "mine"
            """
        m = project.load("m", source)
        project.engine()
        size = m.C.size
        assert not said(project.save(m=source.replace('"one"', '"1"').replace('"two"', '"2"')))
        assert (m.C.size is size, size.__doc__, m.C.name.__doc__) == (True, "1", "mine")
        project.engine().undo()
        assert (size.__doc__, m.C.name.__doc__) == ("one", "mine")

    def test_a_wrapper_of_a_wrapper_has_copied_a_docstring(self, project):
        source = """
            import functools
            def wrap(function):
                @functools.wraps(function)
                def wrapper(): return function()
                return wrapper
            @wrap
            @wrap
            def run():
                "one"
            """
        m = project.load("m", source)
        project.engine()
        assert not said(project.save(m=source.replace('"one"', '"1"')))
        assert (m.run.__doc__, m.run.__wrapped__.__doc__) == ("1", "1")
        m.run.__wrapped__.__wrapped__.__wrapped__ = m.run
        assert not said(project.save(m=source.replace('"one"', '"2"')))
        assert (m.run.__doc__, m.run.__wrapped__.__doc__) == ("2", "2")

    def test_a_decorator_that_goes_takes_the_name_of_its_module_with_it(self, project):
        tools = """
            def each(function):
                def wrapped(): return function()
                return wrapped
            """
        project.load("tools", tools)
        bare = "from ~tools import each\ndef f(): return 1\n"
        m = project.load("m", bare)
        project.engine()
        f = m.f
        assert not said(project.save(m=bare.replace("def f", "@each\ndef f")))
        assert (m.f.__module__, m.f.__name__) == (f"{project.prefix}tools", "wrapped")
        assert not said(project.save(m=bare))
        assert (m.f is f, f.__module__, f.__name__, f()) == (True, m.__name__, "f", 1)

    def test_what_is_set_below_a_function_that_is_defined_anew(self, project):
        source = "def f(x): pass\nf.__doc__ = 'set below'\nf.__name__ = 'g'\nf.own = []\n"
        m = project.load("m", source)
        project.engine()
        f, own = m.f, m.f.own
        assert not said(project.save(m=source.replace("f(x)", "f(x, y=0)")))
        assert (m.f.__doc__, m.f.__name__, f.__name__) == ("set below", "g", "g")
        assert (m.f(1, 2), m.f.own is own) == (None, True)


class TestNames:
    def test_what_is_none_is_taken_away_with_what_bound_it(self, project):
        source = "try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None\n"
        m = project.load("m", source + "X = 1\n")
        project.load("user", "from ~m import *\n")
        project.engine()
        assert not said(project.save(m="X = 1\n"))
        assert not hasattr(m, "no_such_module")
        assert not hasattr(sys.modules[project.prefix + "user"], "no_such_module")


class TestAliases:
    """A name for what another one has made gets something of its own; the other one keeps it."""

    WRAP = "def wrap(f): return lambda *a: ('w', f(*a))\n"

    @pytest.mark.parametrize("body", ["return 1", "return 2"])
    @pytest.mark.parametrize(
        ("new", "result"),
        [
            ("@wrap\ndef leave(*a): return 3", ("w", 3)),
            ("leave = wrap(go)", ("w", None)),
            ("leave = lambda *a: 4", 4),
            ("def leave(): return 5", 5),
        ],
    )
    @pytest.mark.parametrize("rerun", ["changed", "module"])
    def test_of_a_module(self, project, body, new, result, rerun):
        source = self.WRAP + "def go(): return 1\nleave = go\n"
        m = project.load("m", source)
        u = project.load("u", "from ~m import go, leave\n")
        project.engine(rerun=rerun)
        go, value = m.go, int(body[-1])
        assert not said(project.save(m=source.replace("return 1", body).replace("leave = go", new)))
        assert (m.go is go, u.go is go, go()) == (True, True, value)
        assert (u.leave is m.leave, m.leave is go) == (True, False)
        assert m.leave() == (result if result != ("w", None) else ("w", value))
        assert not said(project.save(m=source))
        assert (m.go is go, m.leave is u.leave, go(), m.leave()) == (True, True, 1, 1)

    @pytest.mark.parametrize("whole", [False, True])
    def test_of_a_class(self, project, whole):
        source = f"{self.WRAP}class C:\n    def go(self): return 1\n    leave = go\n"
        m = project.load("m", source)
        project.engine()
        go, it = m.C.go, m.C()
        new = source.replace("leave = go", "@wrap\n    def leave(self): return 3")
        assert not said(project.save(m=new.replace("return 1", "return 2") if whole else new))
        assert (m.C.go is go, it.go(), m.C.leave(it)) == (True, 2 if whole else 1, ("w", 3))
        assert not said(project.save(m=source))
        assert (m.C.go is m.C.leave is go, it.leave()) == (True, 1)

    def test_that_stay_so_while_all_of_the_class_is_run(self, project):
        source = """
            def mark(cls): return cls
            @mark
            class C:
                limit = 1
                def go(self): return self.limit
                leave = go
                size = property(go)
                length = size
            """
        m = project.load("m", source)
        project.engine()
        go, size = m.C.go, m.C.size
        assert not said(project.edit("m", "limit = 1", "limit = 2"))
        assert (m.C.go is m.C.leave is go, m.C.size is m.C.length is size) == (True, True)

    @pytest.mark.parametrize("rerun", ["changed", "module"])
    def test_that_come_first_by_name(self, project, rerun):
        source = self.WRAP + "def go(): return 1\nalso = go\nclass C: pass\nD = B = C\n"
        m = project.load("m", source)
        project.engine(rerun=rerun)
        go, c = m.go, m.C
        new = source.replace("also = go", "also = wrap(go)").replace("D = B = C", "B = C\nD = 1")
        assert project.save(m=new).ok
        assert (m.go is go, go(), m.also()) == (True, 1, ("w", 1))
        assert (m.C is m.B is c, m.D) == (True, 1)

    def test_the_other_name_goes(self, project):
        """A function is renamed: who holds it by its other name has the new one."""
        m = project.load("m", "def _go(): return 1\ngo = _go\n")
        project.engine()
        go = m.go
        assert not said(project.save(m="def go(): return 2\n"))
        assert (m.go is go, go()) == (True, 2)

    def test_an_equal_value_is_no_change(self, project):
        m = project.load("m", "A = (1, 2)\nB = A\nC = [B]\n")
        project.engine()
        before = m.C
        assert not said(project.edit("m", "B = A", "B = (1, 2)"))
        assert m.C is before


class TestOverloads:
    def test_a_module_is_left_in_the_middle_while_a_name_holds_an_overload(self, project):
        """The second turn in a cycle goes on from what the reload began with."""
        project.write("late", "import ~m\nX = 1\nclass Late:\n    y = ~m.retry\n")
        source = """
            import typing
            def retry(*a): return "old"
            from ~late import X, Late
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import retry\nheld = [retry]\n")
        project.engine()
        retry = m.retry
        overloaded = """
            import typing
            Y = 1
            @typing.overload
            def retry(a: int): ...
            @typing.overload
            def retry(a: str, b: int): ...
            from ~late import X, Late, Z
            def retry(*a: int): return "new"
            """
        late = "import ~m\nX = 2\nZ = 3\nclass Late:\n    y = ~m.Y\n"
        assert not said(project.save(m=overloaded, late=late))
        assert (m.retry is retry, user.retry is retry, user.held[0]()) == (True, True, "new")
        assert (m.X, m.Z, m.Late.y) == (2, 3, 1)


class TestPackages:
    def test_a_package_is_on_the_way_to_what_a_module_asks(self, project):
        """A module waits in the middle for what it asks. The package that brings both is none of
        that: what it imports later needs what the module has not bound yet.
        """
        core = """
            _limit = 3
            from . import steps
            _all = steps.pipe(_limit)
            class Base: pass
            """
        texts = {
            "steps": "def pipe(*a): return a\n",
            "core": core,
            "user": "from .core import _all, Base\nX = _all\n",
            "__init__": "from . import steps\nfrom .core import Base\nfrom .user import X\n",
        }
        project.path("p/core").parent.mkdir()
        for name, text in texts.items():
            project.write(f"p/{name}", text)
        package = importlib.import_module(f"{project.prefix}p")
        project.engine()
        new = core.replace("_limit", "LIMIT").replace("_all", "ALL").replace("3", "4")
        user = texts["user"].replace("_all", "ALL")
        assert not said(project.save(**{"p/core": new, "p/user": user}))
        assert (package.X, package.core.ALL, package.core.LIMIT) == ((4,), (4,), 4)


class TestAnnotations:
    def test_a_registry_gets_an_annotation(self, project):
        """Its value is not computed again: nobody would fill it, for functions do that."""
        source = """
            caches = {}
            def register(name): caches[name] = 1
            for name in "ab":
                register(name)
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import caches\nmost = len(caches)\n")
        project.engine()
        caches = m.caches
        reload = project.save(m=source.replace("caches = ", "caches: dict[str, int] = "))
        assert [(it.qualname, it.reason) for it in reload.steps if it.kind == "ran"] == [
            ("caches", "its annotation changed")
        ]
        assert (m.caches is caches, user.caches is caches, len(caches)) == (True, True, 2)
        assert m.__annotations__ == {"caches": dict[str, int]}
        assert not said(project.edit("m", "dict[str, int]", "dict"))
        assert (m.caches is caches, m.__annotations__) == (True, {"caches": dict})
        assert not said(project.edit("m", "caches: dict = ", "caches = "))
        assert "__annotations__" not in vars(m)
        assert (m.caches is caches, getattr(m, "__annotations__", {})) == (True, {})

    @pytest.mark.skipif(sys.version_info >= (3, 14), reason="PEP 649")
    @pytest.mark.parametrize("kept", ["", "z: str = ''\n"])
    def test_it_goes_with_the_block_that_it_stands_in(self, project, kept):
        m = project.load("m", kept + "if True:\n    x: int = 1\nelse:\n    y: int = 2\n")
        project.engine()
        assert not said(project.save(m=kept + "x = 1\n"))
        assert (m.x, vars(m).get("__annotations__")) == (1, {"z": str} if kept else None)

    def test_a_value_that_changes_with_its_annotation(self, project):
        m = project.load("m", "A = 1\nB: int = A\n")
        project.engine()
        assert project.save(m="A = 2.5\nB: float = A\n").ok
        assert (m.B, m.__annotations__) == (2.5, {"B": float})
        assert project.save(m="A = 2.5\nB: complex = A + 1\n").ok
        assert (m.B, m.__annotations__) == (3.5, {"B": complex})
        assert project.save(m="A = 2\nif A:\n    B = A + 1\nC = B\n").ok
        assert (m.B, m.C, getattr(m, "__annotations__", {})) == (3, 3, {})
        assert project.save(m="A = 2\nif A:\n    B: int = A + 1\nC = B\n").ok
        assert (m.B, m.C, m.__annotations__) == (3, 3, {"B": int})

    def test_a_value_that_is_bound_again_further_down(self, project):
        m = project.load("m", "X = 1\nX = 2\n")
        project.engine()
        assert project.save(m="X: int = 1\nY = X\nX = 2\n").ok
        assert (m.X, m.Y) == (2, 1)

    def test_an_annotation_reads_what_changed(self, project):
        m = project.load("m", "T = int\nU = {}\ncache: T = U\ncache['a'] = 1\n")
        project.engine()
        cache = m.cache
        reload = project.edit("m", "T = int", "T = str")
        assert [it.qualname for it in reload.steps] == (
            ["T", "cache"] if sys.version_info < (3, 14) else ["T"]
        )
        assert (m.cache is cache, m.cache, m.U is cache) == (True, {"a": 1}, True)
        assert m.__annotations__ == {"cache": str}
        project.edit("m", "U = {}", "U = {'b': 2}")
        assert (m.cache, m.cache is m.U) == ({"a": 1, "b": 2}, True)


class TestOrder:
    def test_who_imports_a_module_that_waits_for_another(self, project):
        """The other one was not saved, and comes later than who imports: dnspython 2.4."""
        project.load("base", "K = 1\n")
        project.load("a", "x = 1\n")
        c = project.load("c", "import ~a\ny = ~a.x\n")
        project.load("x", "from ~base import K\nV = K\n")
        project.engine()
        report = project.save(
            base="K = 2\n", a="import ~x\nNew = ~x.V\n", c="import ~a\ny = ~a.New\n"
        )
        assert (said(report), c.y) == ([], 2)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a typed dictionary does not tell its bases")
def test_typed_dictionaries_that_have_copied_the_keys_of_another(project):
    """They do not derive from it: robotframework's listener interface."""
    source = """
        from typing import TypedDict
        class Start(TypedDict):
            name: str
        class End(Start):
            status: str
        """
    m = project.load("m", source)
    n = project.load("n", "from ~m import End\nclass Last(End):\n    took: int\n")
    project.engine()
    start, end, last = m.Start, m.End, n.Last
    assert not said(project.edit("m", "name: str", "name: str\n    tags: list"))
    assert (m.Start is start, m.End is end, n.Last is last) == (True, True, True)
    assert [*end.__annotations__] == ["name", "tags", "status"]
    assert last.__required_keys__ == {"name", "tags", "status", "took"}


SHOWN = """\
import functools
from ~tools import traced
class Client:
    "The client."
    class Inner:
        "What is in it."
        @traced
        def get(self):
            "Get it."
            return 1
    @traced
    def get(self):
        "Get it."
        self.a = 1
        return 1
    @property
    @traced
    def name(self):
        "Its name."
        return 'a'
    @functools.cache
    def cached(self): return 1
    @traced
    @functools.cache
    def other(self): return 1
"""


@pytest.mark.parametrize(
    "edited", ["all", "class doc", "method doc", "cached", "lines", "annotation"]
)
def test_classes_that_a_package_shows_as_its_own(project, edited):
    """What is asked of all classes of a module is asked of them, too: caches, docstrings, lines."""
    project.load(
        "tools",
        "import functools\ndef traced(function):\n    @functools.wraps(function)\n"
        "    def wrapper(*args): return function(*args)\n    return wrapper\n",
    )
    text = SHOWN
    m = project.load("m", text)
    user = project.load(
        "user",
        "import inspect\nfrom ~m import *\ndef show(it):\n"
        "    for value in vars(it).values():\n"
        "        if inspect.isclass(value): show(value)\n"
        "        if callable(value): value.__module__ = __name__\n"
        "    it.__module__ = __name__\nshow(Client)\n",
    )
    project.engine()
    cls = user.Client
    it = cls()
    assert (cls.__module__, cls.get.__module__, it.cached(), it.other()) == (
        *[user.__name__] * 2,
        1,
        1,
    )
    changes = {
        "class doc": ('"The client."', '"The new client."'),
        "method doc": ('"Get it."', '"Get it now."'),
        "cached": ("def cached(self): return 1", "def cached(self): return 2"),
        "lines": ("import functools", "\nimport functools".replace("\\\n", "\n")),
        "annotation": ("def name(self):", "def name(self) -> str:"),
    }
    for old, new in changes.values() if edited == "all" else [changes[edited]]:
        text = text.replace(old, new)
    text = text.replace("other(self): return 1", "other(self): return 2")
    reload = project.save(m=text)
    assert (reload.ok, reload.stale) == (True, ())
    assert (m.Client is cls, it.other()) == (True, 2)
    is_done = edited == "all"
    assert cls.__doc__ == ("The new client." if is_done or edited == "class doc" else "The client.")
    doc = "Get it now." if is_done or edited == "method doc" else "Get it."
    assert [cls.get.__doc__, cls.get.__wrapped__.__doc__, cls.Inner.get.__doc__] == [doc] * 3
    assert it.cached() == (2 if is_done or edited == "cached" else 1)
    if hasattr(cls, "__firstlineno__"):
        line = text.count("\n", 0, text.index("class Client")) + 1
        assert cls.__firstlineno__ == line
    assert cls.__module__ == user.__name__


class TestModules:
    @pytest.mark.parametrize("kind", ["", "sys.modules[__name__].__class__ = Enhanced"])
    def test_a_module_bears_the_name_of_the_one_that_shows_it(self, project, kind):
        """All that it defines seems to be of that one, which may be a module of its own kind."""
        source = """
            __name__ = __name__.replace("inner", "outer")
            LIMIT = 1
            class Cart:
                size = 1
                def total(self): return 1
            def one(): return 1
            """
        inner = project.load("inner", source)
        outer = f"""
            import sys, types
            class Enhanced(types.ModuleType):
                def __getattribute__(self, name): return super().__getattribute__(name)
            {kind}
            from ~inner import *
            TWICE = LIMIT * 2
            """
        outer = project.load("outer", outer)
        user = project.load("user", "from ~outer import one, Cart\ndef go(): return one()\n")
        project.engine()
        one, cart, was = inner.one, inner.Cart, inner.Cart()
        assert (cart.__module__, outer.one is one) == (outer.__name__, True)
        source = source.replace("= 1\n", "= 2\n").replace("return 1", "return 2")
        reload = project.save(
            inner=f"{source.rstrip()}\n            def two(): return 3\n",
            user="from ~outer import one, two, Cart\ndef go(): return one() + two()\n",
        )
        assert not said(reload)
        assert (inner.one is one, inner.Cart is cart, type(was) is cart) == (True, True, True)
        assert (outer.LIMIT, outer.TWICE, was.size, was.total(), user.go()) == (2, 4, 2, 2, 5)
        assert user.Cart is cart
