"""What a function has made whose body changed is kept, and the report says so."""

from __future__ import annotations

import pytest

SOURCE = """
    LIMIT = 5
    def make(): return [1]
    def limit(): return LIMIT
    def mark(f): return f
    class A:
        def __init__(self): self.a = 1
    class B(A): pass
    """


def kept(project, reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [
        f"{it.module.removeprefix(project.prefix)}.{it.qualname}: {it.reason}"
        for it in reload.steps
        if it.kind == "kept"
    ]


@pytest.mark.parametrize(
    ("old", "new", "made", "reason"),
    [
        ("[1]", "[2]", "x = (0,\n    make())", "it was made by make(), whose body changed"),
        ("[1]", "[2]", "if 1:\n    x = make()", "it was made by make(), whose body changed"),
        ("= 5", "= 6", "x = limit()", "it was made by limit(), which reads LIMIT"),
        ("a = 1", "a = 2", "x: A = B()", "it was made by A(), whose body changed"),
        (
            "return f",
            "return [f][0]",
            "@mark\ndef x(): return 1",
            "it was decorated by mark(), whose body changed",
        ),
        ("def make()", "def make(n=1)", "x = make()", "it was made by make(), which changed"),
        ("[1]", "[2]", "x = lambda: make()", None),
        ("[1]", "[2]", "def x(): return make()", None),
        ("[1]", "[2]", "if __name__ == '__main__':\n    x = make()", None),
        ("[1]", "[1]\n", "x = make()", None),
    ],
)
def test_in_the_module_itself(project, old, new, made, reason):
    m = project.load("m", SOURCE.replace("\n    ", "\n") + made + "\n")
    project.engine()
    x = vars(m).get("x")
    assert kept(project, project.edit("m", old, new)) == ([f"m.x: {reason}"] if reason else [])
    assert vars(m).get("x") is x


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("x = [0] + make()", "it was made by make(), whose body changed"),
        ("x = ~m.make()", "it was made by make(), whose body changed"),
        ("@mark\ndef x(): return 1", "it was decorated by mark(), whose body changed"),
        ("def x(): return make()", None),
        ("make = list\nx = make()", None),
    ],
)
def test_in_a_module_that_was_not_saved(project, made, reason):
    """It is not parsed for that: only what a line says is found."""
    project.load("m", SOURCE)
    project.load("n", f"import ~m\nfrom ~m import *\n{made}\n")
    project.engine()
    both = SOURCE.replace("[1]", "[2]").replace("return f", "return [f][0]")
    assert kept(project, project.save(m=both)) == ([f"n.x: {reason}"] if reason else [])


@pytest.mark.parametrize(
    ("function", "made", "reason"),
    [
        ("def f(): return make()", "x = f()", "it was made by f(), which uses make"),
        ("def g(): return make()\ndef f(): return g()", "x = f()", "by f(), which uses g"),
        ("def f():\n    from ~m import make\n    return make()", "x = f()", "f(), which uses make"),
        ("import ~m as other\ndef f(): return other.make()", "x = f()", "f(), which uses make"),
        ("def f(): return M", "x = f()", "it was made by f(), which reads M"),
        ("import ~m", "x = ~m.make()", "it was made by make(), whose body changed"),
        ("import ~n.deep", "x = ~n.deep.make()", None),
        (
            "@functools.cache\n@functools.lru_cache\ndef f(): return M",
            "x = f()",
            "it was made by f(), which reads M",
        ),
        ("", "x = cached()", "it was made by cached(), whose body changed"),
        ("", "def x(a=make()): return a", "it was made by make(), whose body changed"),
        ("x = None", "if make():\n    x = 1", "the if statement: it was made by make()"),
        ("x = None", "for x in make(): pass", "the for statement: it was made by make()"),
        ("x = None", "if M:\n    x = make()", None),
        ("", "@decorate\ndef x(): return 1", None),
        ("", "x = decorate(len)", None),
        ("", "@decorate\ndef f(): return 1\nx = f()", "made by f(), whose body"),
    ],
)
def test_what_is_used_through_more(project, function, made, reason):
    source = """
        import functools
        M = 1
        def make(): return [1]
        @functools.cache
        def cached(): return 1
        def decorate(f):
            @functools.wraps(f)
            def inner(): return 1
            return inner
        """
    project.load("m", source)
    text = f"from ~m import *\n{function}\n{made}\n".replace("import ~n.deep", "import os.path")
    m = project.load("n", text.replace("~n.deep.make", "os.path.curdir.upper"))
    project.engine()
    found = kept(project, project.save(m=source.replace("1", "2")))
    found = [it for it in found if it.startswith(("n.x:", "n.the"))]
    assert len(found) == (reason is not None)
    assert reason is None or reason in found[0]
    assert "x" in vars(m)


def test_what_is_called_by_another_name_in_a_module_between(project):
    project.load("m", "def make(): return [1]\n")
    project.load("n", "from ~m import make as build\n")
    project.load("o", "import ~n as n\nx = n.build()\n")
    project.engine()
    assert kept(project, project.edit("m", "[1]", "[2]")) == [
        "o.x: it was made by make(), whose body changed"
    ]


def test_what_a_block_has_run_is_not_kept(project):
    project.load("m", "def f(): return 1\nA = 1\nif A:\n    x = f()\n")
    project.engine()
    reload = project.save(m="def f(): return 2\nA = 2\nif A:\n    x = f()\n")
    assert kept(project, reload) == []


def test_in_a_class_of_the_module(project):
    project.load("m", "def make(): return [1]\nclass C:\n    x = make()\n    y = 1\n")
    project.engine()
    assert kept(project, project.edit("m", "[1]", "[2]")) == [
        "m.C.x: it was made by make(), whose body changed"
    ]


def test_in_a_class_of_which_only_a_part_is_run(project):
    source = """
        def make(n=0): return [1]
        class C:
            limit = 1
            x = make()
            y: list = make(1)
            z = (0,
                 make())
            class Inner:
                limit = 2
                x = make()
        """
    m = project.load("m", source)
    project.engine()
    x, inner = m.C.x, m.C.Inner.x
    new = source.replace("[1]", "[2]").replace("limit = 1", "limit = 3")
    assert kept(project, project.save(m=new.replace("limit = 2", "limit = 4"))) == [
        f"m.C.{name}: it was made by make(), whose body changed"
        for name in ("x", "y", "z", "Inner.x")
    ]
    assert (m.C.x is x, m.C.Inner.x is inner, m.C.limit, m.C.Inner.limit) == (True, True, 3, 4)


@pytest.mark.parametrize("maker", ["__init__(self)", "__new__(cls)"])
def test_what_a_class_uses_to_make_an_instance(project, maker):
    source = f"""
        def fields(): return 1
        class Builder:
            def {maker}: fields()
            def build(self): return 2
        def define(cls):
            Builder()
            return cls
        class Other:
            def build(self): return fields()
        other = Other()
        @define
        class C: pass
        """
    project.load("m", source)
    project.engine()
    assert kept(project, project.edit("m", "return 1", "return 3")) == [
        "m.C: it was decorated by define(), which uses Builder"
    ]


def test_what_was_made_of_what_is_kept(project):
    source = """
        class Word:
            def __init__(self): self.made = 1
            def __or__(self, other): return [self, other]
            def clone(self): return self
        a = Word()
        b = a.clone() | Word.__name__
        c = b[:]
        same = a
        d = [*c, *(it for it in (1, 2))]
        e = [it for it in c]
        class Common:
            LIMIT = 1
            f = -LIMIT
            g = c[:1] + [LIMIT]
            a = 5
            h = a + 1
        a = 2
        i = a + 1
        called = str(c)
        """
    project.load("m", source)
    project.engine()
    project.edit("m", "LIMIT = 1", "LIMIT = 2")
    reload = project.edit("m", "made = 1", "made = 2")
    assert kept(project, reload) == [
        "m.a: it was made by Word(), whose body changed",
        "m.b: it was made of a, which was kept",
        "m.c: it was made of b, which was kept",
        "m.d: it was made of c, which was kept",
        "m.e: it was made of c, which was kept",
        "m.Common.g: it was made of c, which was kept",
    ]
    both = project.path("m").read_text().replace("made = 2", "made = 3").replace("b[:]", "b[0:]")
    assert kept(project, project.save(m=both)) == [
        "m.a: it was made by Word(), whose body changed",
        "m.b: it was made of a, which was kept",
    ]


MAKERS = """
    import functools
    RATE = 2
    def step(n): return n + 1
    def make(n):
        n = step(n)
        def inner(x=1): return x * n * RATE
        def other(): return 3
        return inner
    def more(n): return make(n)
    def tagged(f):
        f.tag = 4
        @functools.wraps(f)
        def wrapper(): return f() + 5
        return wrapper
    h = more(1)
    @tagged
    def f(): return 6
    """


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (["x * n/n * x"], ""),
        (["x * n/n * x", "RATE = 2/RATE = 7"], ""),
        (["x * n/n * x", "x=1/x=7"], "h"),
        (["x * n/n * x", "step(n)\n/step(n + 7)\n"], "h"),
        (["x * n/n * x", "n + 1/n + 7"], "h"),
        (["x * n/n * x", "return make(n)/return make(n + 7)"], "h"),
        (["x * n/n * x", "return 3/return 7"], "h"),
        (["() + 5/() + 7"], ""),
        (["return 6/return 7", "() + 5/() + 7"], ""),
        (["return 6/return 7", "tag = 4/tag = 7"], "f"),
        (["() + 5/() + 7", "tag = 4/tag = 7"], "f"),
    ],
)
def test_what_has_the_new_body_and_is_otherwise_not_as_it_would_be_made(project, edits, said):
    m = project.load("m", MAKERS)
    project.engine()
    h, text = m.h, project.path("m").read_text()
    for edit in edits:
        old, new = edit.split("/")
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = kept(project, project.save(m=text))
    assert [it.partition(":")[0] for it in found] == ([f"m.{said}"] if said else [])
    assert m.h is h


def test_in_a_block_of_which_only_a_part_is_run(project):
    source = "def make(): return [1]\nif 1:\n    x = make()\n    y = make()\n"
    m = project.load("m", source)
    project.engine()
    new = source.replace("[1]", "[2]").replace("y = make()", "y = make() * 2")
    assert kept(project, project.save(m=new)) == ["m.x: it was made by make(), whose body changed"]
    assert (m.x, m.y) == ([1], [2, 2])


def test_what_is_run_is_not_kept(project):
    m = project.load("m", "def make(): return [1]\nx = make()\n")
    project.engine()
    assert kept(project, project.save(m="def make(): return [2]\nx = make() + [0]\n")) == []
    assert m.x == [2, 0]


def test_what_was_made_of_all_names(project):
    project.load("m", "A = 1\nall_ = list(map(lambda it: it, dir()))\nx = vars(dict)\n")
    project.engine()
    assert kept(project, project.edit("m", "A = 1", "A = B = 1")) == [
        "m.all_: it was made by dir(), which has other names or values now"
    ]


def test_a_class_that_a_hook_has_made_with_what_its_base_had(project):
    source = """
        class Base:
            keys = ["a"]
            def __init_subclass__(cls): cls.all = [[*cls.keys], [*cls.__base__.keys]]
        class Plain: keys = ["a"]
        class Child(Base): pass
        """
    project.load("m", source)
    n = project.load("n", "from ~m import Base, Plain\nclass C(Base): pass\nclass P(Plain): pass\n")
    project.engine()
    assert sorted(kept(project, project.save(m=source.replace('["a"]', '["b"]')))) == [
        "m.Child: it was made when Base.keys had another value",
        "n.C: it was made when Base.keys had another value",
    ]
    assert n.C.all == [["a"], ["a"]]


def test_in_a_module_of_which_all_was_run(project):
    m = project.load("m", "def make(): return [1]\nx = make()\ny = sorted(dir())\n")
    project.engine(rerun="module")
    assert kept(project, project.edit("m", "[1]", "[2]")) == []
    assert m.x == [2]


def test_a_text_that_does_not_parse_is_nothing_to_look_into(project):
    """It was broken when the engine first saw it, after the module had been imported."""
    project.load("m", SOURCE)
    project.load("n", "from ~m import make\nx = make()\n")
    project.write("n", "from ~m import make\nx = make()\ndef (:\n")
    project.engine()
    assert kept(project, project.edit("m", "[1]", "[2]")) == []


def test_a_metaclass_is_not_asked_for_names(project):
    project.load(
        "m",
        """
        class Meta(type):
            @property
            def __name__(cls): raise ValueError
        class A(metaclass=Meta):
            def __init__(self): self.a = 1
        x = A()
        """,
    )
    project.engine()
    steps = kept(project, project.edit("m", "self.a = 1", "self.a = 2"))
    assert steps == ["m.x: it was made by A(), whose body changed"]


def test_an_import_changes_nothing_of_what_it_brings(project):
    head = "from contextlib import contextmanager\nfrom collections import OrderedDict as D\n"
    project.load("m", "def make(): return [1]\n")
    project.load("n", f"{head}@contextmanager\ndef g(): yield\nd = D()\n")
    project.engine()
    assert kept(project, project.save(m=f"{head}def make(): return [1]\n")) == []


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("LIMIT = 1", "LIMIT = 2"), "which reads LIMIT"),
        (("cls.limit = LIMIT", "cls.limit = -LIMIT"), "whose body changed"),
    ],
)
def test_classes_whose_metaclass_would_make_something_else(project, edit, reason):
    """As those of param, whose metaclass reads a name of its module."""
    source = """
        LIMIT = 1
        class Meta(type):
            def __init__(cls, name, bases, names): cls.limit = LIMIT
            def other(cls): return 1
        class More(Meta): pass
        class A(metaclass=Meta): pass
        """
    m = project.load("m", source)
    n = project.load("n", "import ~m\nclass B(~m.A): pass\nclass C(metaclass=~m.More): pass\n")
    project.engine()
    report = project.edit("m", *edit)
    said = f"it was made by Meta(), {reason}"
    assert {(it.qualname, it.reason) for it in report.kept} == {(it, said) for it in "ABC"}
    assert (m.A.limit, n.B.limit, n.C.limit) == (1, 1, 1)
    assert not project.edit("m", "return 1", "return 2").kept


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (("LIMIT = 1", "LIMIT = 2"), "which reads LIMIT"),
        (("return LIMIT", "return -LIMIT"), "whose body changed"),
        (("return data", "return [data]"), None),
    ],
)
@pytest.mark.parametrize("base", ["type", "object"])
def test_methods_that_a_constructor_calls(project, base, edit, reason):
    """The constructor calls a method of what is made, which calls another; ``update`` is not one,
    although the class has a method of that name.
    """
    made = "class it(metaclass=Made): pass" if base == "type" else "it = Made()"
    source = f"""
        LIMIT = 1
        data = {{}}
        class Made({base}):
            def __init__(self, *args):
                self.__set_up()
                data.update()
            def __set_up(self): self.limit = self.find()
            @staticmethod
            def find(): return LIMIT
            def update(self): return data
        {made}
        """
    m = project.load("m", source)
    project.engine()
    report = project.edit("m", *edit)
    said = [("it", f"it was made by Made(), {reason}")] if reason else []
    assert [(step.qualname, step.reason) for step in report.kept] == said
    assert m.it.limit == 1


def test_there_is_more(project):
    """What is too much to be named is at least counted as such."""
    source = "def make(): return []\n" + "".join(f"X{n} = make()\n" for n in range(250))
    project.load("m", source)
    project.engine()
    kept = project.edit("m", "return []", "return [1]").kept
    assert len(kept) == 200
    assert [it.qualname for it in kept if "there is more like this" in it.reason] == ["X199"]
    kept = project.save(m=source[: source.index("X200")]).kept
    assert len(kept) == 200
    assert not [it for it in kept if "there is more like this" in it.reason]
