"""Attributes of classes and modules that statements have set which are gone are taken back."""

from __future__ import annotations

import pytest


def kinds(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.kind, it.qualname) for it in reload.steps if it.kind in ("kept", "removed")]


CALL = """
    class Base:
        def infer(self): return "base"
    class Call(Base):
        count = 0
        # more
    class Name(Base):
        pass
    """
SETS = """
    import ~nodes as nodes
    def infer_call(self): return "outside"
    {}
    """
OWN = 'def infer(self): return "own"'
SETTER = "nodes.Call.infer = infer_call"


@pytest.fixture
def nodes(project):
    nodes = project.load("nodes", CALL)
    project.load("inference", SETS.format(SETTER))
    assert nodes.Call().infer() == "outside"
    return nodes


class TestClasses:
    @pytest.mark.parametrize("source", [SETS.format(""), SETS.split("def")[0], "x = 1\n"])
    def test_it_inherits_again(self, project, nodes, source):
        reload = project.save(inference=source)
        assert nodes.Call().infer() == "base"
        assert reload.stale == ()
        assert ("removed", "Call.infer") in kinds(reload)
        assert not any(kind == "kept" for kind, _ in kinds(reload))
        project.engine().undo()
        assert nodes.Call().infer() == "outside"

    def test_its_own_method_is_there_again(self, project):
        """It was bound before the statement has overwritten it; the rest is not executed again."""
        nodes = project.load("nodes", CALL.replace("# more", OWN))
        project.load("inference", SETS.format(SETTER))
        project.engine()
        assert nodes.Call().infer() == "outside"
        nodes.Call.count = 7
        reload = project.save(inference=SETS.format(""))
        assert nodes.Call().infer() == "own"
        assert nodes.Call.count == 7
        assert kinds(reload) == []
        project.engine().undo()
        assert nodes.Call().infer() == "outside"

    def test_a_method_that_comes_with_it(self, project, nodes):
        reload = project.save(nodes=CALL.replace("# more", OWN), inference=SETS.format(""))
        assert nodes.Call().infer() == "own"
        assert kinds(reload) == []

    def test_a_method_that_goes_with_it(self, project):
        nodes = project.load("nodes", CALL.replace("# more", OWN))
        project.load("inference", SETS.format(SETTER))
        project.engine()
        reload = project.save(nodes=CALL, inference=SETS.format(""))
        assert nodes.Call().infer() == "base"
        assert not any(kind == "kept" for kind, _ in kinds(reload))

    def test_of_the_same_module(self, project):
        """The function is not taken for the method, though both are of one file."""
        source = """
            def helper(self): return "outside"
            class A:
                x = []
                # more
            A.run = helper
            """
        m = project.load("m", source)
        project.engine()
        a, x = m.A(), m.A.x
        text = source.replace("A.run = helper", "pass").replace(
            "# more", "def run(self): return 'own'"
        )
        assert kinds(project.save(m=text)) == []
        assert (a.run(), m.helper(a), m.A.x is x) == ("own", "outside", True)
        assert kinds(project.save(m=text.replace("pass", "A.run = helper"))) == []
        assert (a.run(), m.helper(a)) == ("outside", "outside")
        assert kinds(project.save(m=text)) == []
        assert (a.run(), m.helper(a)) == ("own", "outside")

    def test_another_target(self, project, nodes):
        project.engine()
        reload = project.edit("inference", "nodes.Call.infer", "nodes.Name.infer")
        assert kinds(reload) == [("removed", "Call.infer")]
        assert (nodes.Call().infer(), nodes.Name().infer()) == ("base", "outside")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("for cls in (nodes.Call, nodes.Name): cls.infer = infer_call", ""),
            ("for cls in [nodes.Call, nodes.Name]:\n    cls.infer = infer_call", "cls = 1"),
            ("if True:\n    " + SETTER, "if True:\n    pass"),
            ("nodes.Call.infer, x = infer_call, 1", "x = 1"),
            ("nodes.Call.infer = nodes.Call.other = infer_call", "nodes.Call.other = infer_call"),
            ("X = (nodes.Call,)\nfor cls in X: cls.infer = infer_call", ""),
        ],
    )
    def test_in_whatever_way_it_was_set(self, project, old, new):
        nodes = project.load("nodes", CALL)
        source = SETS.replace("\n    ", "\n")
        project.load("inference", source.format(old))
        project.engine()
        assert nodes.Call().infer() == "outside"
        reload = project.save(inference=source.format(new))
        assert [it for it in kinds(reload) if it[0] == "kept"] == []
        assert (nodes.Call().infer(), nodes.Name().infer()) == ("base", "base")

    def test_of_one_that_the_loop_goes_through_no_more(self, project):
        nodes = project.load("nodes", CALL)
        source = SETS.replace("\n    ", "\n")
        loop = "for cls in {}: cls.infer = infer_call"
        project.load("inference", source.format(loop.format("(nodes.Call, nodes.Name)")))
        project.engine()
        assert project.save(inference=source.format(loop.format("(nodes.Name,)"))).ok
        assert (nodes.Call().infer(), nodes.Name().infer()) == ("base", "outside")

    def test_who_reads_it_is_run(self, project, nodes):
        reader = project.load(
            "reader",
            """
            import ~nodes as nodes
            x = nodes.Call.infer
            class Sub(nodes.Call):
                y = nodes.Call.infer
            """,
        )
        assert project.save(inference=SETS.format("")).ok
        assert reader.x is nodes.Base.infer
        assert reader.Sub.y is nodes.Base.infer

    def test_in_a_class_in_a_class(self, project):
        source = """
            class Outer:
                made = []
                class Inner:
                    made = []
                    def run(self): return "own"
                    @property
                    def size(self): return "own"
                    @size.setter
                    def size(self, value): pass
            """
        m = project.load("m", source)
        n = project.load(
            "n",
            """
            from ~m import Outer
            def run(self): return "outside"
            Outer.Inner.run = run
            SIZE = property(run)
            Outer.Inner.size = SIZE
            """,
        )
        project.engine()
        inner, made = m.Outer.Inner(), (m.Outer.made, m.Outer.Inner.made)
        assert (inner.run(), inner.size) == ("outside", "outside")
        reload = project.save(n="from ~m import Outer\n")
        assert kinds(reload) == [("removed", "SIZE"), ("removed", "run")]
        assert (inner.run(), inner.size) == ("own", "own")
        assert (m.Outer.made is made[0], m.Outer.Inner.made is made[1]) == (True, True)
        assert not hasattr(n, "run")

    def test_where_the_class_is_run_as_a_whole(self, project, nodes):
        own = CALL.replace("# more", "def other(self): pass")
        assert project.save(nodes='__rerun__ = "module"\n' + own.replace("\n    ", "\n")).ok
        assert nodes.Call().infer() == "outside"
        reload = project.save(inference=SETS.format(""))
        assert nodes.Call().infer() == "base"
        assert ("removed", "Call.infer") in kinds(reload)

    def test_where_the_module_that_set_it_is_run_as_a_whole(self, project, nodes):
        assert project.save(inference=SETS.format(f'__rerun__ = "module"\n    {SETTER}')).ok
        assert nodes.Call().infer() == "outside"
        assert project.save(inference=SETS.format('__rerun__ = "module"')).ok
        assert nodes.Call().infer() == "base"

    def test_a_reload_that_fails(self, project, nodes):
        for _ in range(2):
            assert not project.save(inference=SETS.format("1 / 0")).ok
            assert nodes.Call().infer() == "outside"
        assert project.save(inference=SETS.format("")).ok
        assert nodes.Call().infer() == "base"


class TestItIsSetAgain:
    """Where the statement is still there, it has the last word."""

    def test_on_a_class_that_gets_a_method_of_that_name(self, project, nodes):
        reload = project.save(nodes=CALL.replace("# more", OWN))
        assert nodes.Call().infer() == "outside"
        assert [it.qualname for it in reload.steps if it.kind == "ran"] == [
            "Call",
            "nodes.Call.infer",
        ]
        assert project.save(inference=SETS.format("")).ok
        assert nodes.Call().infer() == "own"

    def test_on_a_class_whose_method_is_defined_anew(self, project):
        text = CALL.replace("# more", OWN)
        nodes = project.load("nodes", text)
        project.load("inference", SETS.format(SETTER))
        assert project.save(
            nodes=text.replace('(self): return "own"', '(self, x=1): return "n"')
        ).ok
        assert nodes.Call().infer() == "outside"
        assert project.save(inference=SETS.format("")).ok
        assert nodes.Call().infer(x=2) == "n"

    def test_on_a_module(self, project):
        config = project.load("config", "limit = 1\n")
        project.load("m", "import ~config as config\nconfig.limit = 7\n")
        reader = project.load("reader", "import ~config as config\nx = config.limit\n")
        assert project.save(config="limit = 2\n").ok
        assert (config.limit, reader.x) == (7, 7)

    def test_nobody_else_is_run(self, project, nodes):
        project.load("other", "from ~nodes import Call\ninfer = Call.infer\nx = [infer == 1]\n")
        reload = project.save(nodes=CALL.replace("# more", OWN))
        assert "x" not in [it.qualname for it in reload.steps if it.kind == "ran"]


GONE = [("kept", "nodes.Call.infer")]


class TestItStays:
    """Where nobody knows what a fresh start would have there."""

    def project_with(self, project, call, setter=SETTER):
        nodes = project.load("nodes", call)
        project.load("inference", SETS.format(setter))
        project.engine()
        return nodes

    @pytest.mark.parametrize(
        "call",
        [
            """
            def mark(cls):
                cls.infer = 1
                return cls
            @mark
            class Call: pass
            """,
            """
            class Base:
                def __init_subclass__(cls): cls.infer = 1
            class Call(Base): pass
            """,
            """
            class Meta(type):
                def __new__(meta, name, bases, names): return type.__new__(meta, name, bases, names)
            class Call(metaclass=Meta): pass
            """,
            """
            class Meta(type):
                def __setattr__(cls, name, value): type.__setattr__(cls, name, value)
            class Call(metaclass=Meta): pass
            """,
            "Call = type('Call', (), {'infer': 1})\n",
            """
            import typing
            class Call(typing.NamedTuple): infer: int = 1
            """,
            """
            class Call:
                __slots__ = ("infer",)
            """,
            """
            class Call:
                vars()["infer"] = 1
            """,
            "from fractions import Fraction as Call\n",
            """
            class Holder:
                def __init__(self): self.infer = 1
            Call = Holder()
            """,
            """
            class Holder: pass
            Call = Holder
            Call.__qualname__ = "Other"
            """,
        ],
    )
    def test_another_may_have_set_it_before(self, project, call):
        nodes = self.project_with(project, call)
        value = nodes.Call.infer
        assert kinds(project.save(inference=SETS.format(""))) == GONE
        assert nodes.Call.infer == value
        if nodes.Call.__module__ == "fractions":
            del nodes.Call.infer

    @pytest.mark.parametrize(
        "setter",
        [
            "nodes.Call.infer = lambda self: 'outside'",
            "nodes.Call.infer = staticmethod(infer_call)",
            "nodes.Call.infer = 'outside'",
        ],
    )
    def test_what_it_was_set_to_is_not_known(self, project, setter):
        nodes = self.project_with(project, CALL, setter)
        assert kinds(project.save(inference=SETS.format(""))) == GONE
        assert nodes.Call.infer is not nodes.Base.infer

    def test_a_part_of_something(self, project):
        setter = "nodes.Call.infer, *more = infer_call, 1"
        nodes = self.project_with(project, CALL, setter)
        stays = kinds(project.save(inference=SETS.format("")))
        assert stays == [("removed", "more"), ("kept", "(nodes.Call.infer, *more)")]
        assert nodes.Call().infer() == "outside"

    def test_the_program_has_set_it_to_something_else(self, project, nodes):
        nodes.Call.infer = len
        assert kinds(project.save(inference=SETS.format(""))) == GONE
        assert nodes.Call.infer is len

    @pytest.mark.parametrize(
        "other",
        [
            "Call.infer = infer_call",
            "setattr(Call, 'infer', infer_call)",
            "for name in ['infer']: setattr(Call, name, infer_call)",
            "for it in [C for C in [Call]]: it.infer = infer_call",
        ],
    )
    def test_another_module_sets_it_too(self, project, nodes, other):
        project.load("other", f"from ~nodes import *\nfrom ~inference import *\n{other}\n")
        assert kinds(project.save(inference=SETS.format(""))) == GONE
        assert nodes.Call().infer() == "outside"

    def test_the_module_itself_sets_it_too(self, project):
        nodes = self.project_with(project, CALL, f"if nodes: {SETTER}\n    {SETTER}")
        assert kinds(project.save(inference=SETS.format(SETTER))) == GONE
        assert nodes.Call().infer() == "outside"

    def test_its_module_is_excluded(self, project):
        nodes = project.load("nodes", CALL)
        project.load("inference", SETS.format(SETTER))
        project.engine(excluded=["*nodes"])
        assert kinds(project.save(inference=SETS.format(""))) == GONE
        assert nodes.Call().infer() == "outside"


class TestModules:
    def test_it_is_not_there_any_more(self, project):
        config = project.load("config", "limit = 1\n")
        source = "import ~config as config\ndef f(): return 1\n"
        project.load("m", source + "config.handler = f\nconfig.limit = f\n")
        project.engine()
        reload = project.save(m=source)
        assert kinds(reload) == [("removed", "handler"), ("kept", "config.limit")]
        assert not hasattr(config, "handler")
        assert config.limit() == 1
        project.engine().undo()
        assert config.handler() == 1


class TestDeletedFiles:
    @pytest.fixture
    def user(self, project, nodes):
        project.load("user", "import ~inference\n")
        project.engine()
        return nodes

    def test_what_it_has_set_goes_with_the_file(self, project, user):
        project.path("inference").unlink()
        files = [project.write("user", "x = 1\n"), project.path("inference")]
        reload = project.engine().reload(files)
        assert sorted(kinds(reload)) == [
            ("removed", "Call.infer"),
            ("removed", f"{project.prefix}inference"),
        ]
        assert [it.what for it in reload.stale] == [f"module {project.prefix}inference"]
        assert user.Call().infer() == "base"
        project.engine().undo()
        assert user.Call().infer() == "outside"

    def test_the_file_comes_back_as_it_was(self, project, user):
        path = project.path("inference")
        text = path.read_text()
        path.unlink()
        assert project.engine().reload([project.write("user", "x = 1\n"), path]).ok
        assert user.Call().infer() == "base"
        path.write_text(text)
        reload = project.engine().reload([path])
        assert [it.qualname for it in reload.steps if it.kind == "ran"] == ["nodes.Call.infer"]
        assert user.Call().infer() == "outside"

    def test_its_importer_is_saved_later(self, project, user):
        project.path("inference").unlink()
        reload = project.engine().reload([project.path("inference")])
        assert not reload.ok
        assert user.Call().infer() == "outside"
        assert ("removed", "Call.infer") in kinds(project.save(user="x = 1\n"))
        assert user.Call().infer() == "base"

    def test_alone(self, project, nodes):
        project.engine()
        project.path("inference").unlink()
        reload = project.engine().reload([project.path("inference")])
        assert kinds(reload) == [("removed", "Call.infer")]
        assert nodes.Call().infer() == "base"
