"""attrs, pydantic, SQLAlchemy: what is added to a class is there wherever the class is."""

from __future__ import annotations

import sys

import pytest


# None of them has a wheel for every interpreter that we run on.
@pytest.fixture
def attrs():
    return pytest.importorskip("attrs", reason="attrs is not installed")


@pytest.fixture
def pydantic():
    return pytest.importorskip("pydantic", reason="pydantic is not installed")


@pytest.fixture
def sqlalchemy():
    return pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")


class TestAttrs:
    SOURCE = """
        import attrs

        @attrs.DECORATOR
        class C:
            a: int = 1
            def method(self): return "old"
            def which(self): return __class__
            # here
    """
    USER = """
        import attrs
        from ~m import C
        class Sub(C):
            more = 1
        x, sub = C(), Sub()
        bound = x.method

        @attrs.define
        class Holder:
            it: C = attrs.field(factory=C, validator=attrs.validators.instance_of(C))
        holder = Holder()
    """

    @pytest.fixture(params=["define", "frozen", "define(slots=False)", "s(auto_attribs=True)"])
    def loaded(self, attrs, request, program):
        source = self.SOURCE.replace("DECORATOR", request.param)
        if request.param.startswith("s("):
            source = source.replace("import attrs", "import attr, attrs").replace(
                "@attrs.s", "@attr.s"
            )
        m, n = program.load("m", m=source, n=self.USER)
        assert m.C().which() is m.C
        return program, m, n, request.param

    def test_a_body(self, loaded):
        program, m, n, _ = loaded
        cls = m.C
        assert not program.edit("m", ('"old"', '"new"')).stale
        assert (m.C is cls, n.x.method(), n.bound(), n.sub.method(), n.x.which() is cls) == (
            True,
            "new",
            "new",
            "new",
            True,
        )

    def test_a_field_added(self, loaded):
        program, m, n, _how = loaded
        cls = m.C
        assert program.edit("m", ("# here", "b: int = 2")).ok
        assert m.C is n.C is cls is type(n.x)
        assert [it.name for it in n.attrs.fields(cls)] == ["a", "b"]
        assert (cls(5, 6).b, n.Sub(5, 6).b, repr(cls(5, 6))) == (6, 6, "C(a=5, b=6)")
        assert cls(1, 2) == cls() != cls(1, 3)
        assert n.attrs.asdict(cls()) == {"a": 1, "b": 2}
        assert n.attrs.evolve(cls(), b=3).b == 3
        assert n.x.which() is cls
        assert n.x.a == 1
        object.__setattr__(n.x, "b", 7)
        assert repr(n.x) == "C(a=1, b=7)"
        assert n.Holder(cls()).it.b == 2
        program.engine.undo()
        assert [it.name for it in n.attrs.fields(cls)] == ["a"]
        assert repr(cls()) == "C(a=1)"
        with pytest.raises(TypeError):
            cls(1, 2)

    def test_a_field_removed(self, loaded):
        program, m, _n, _ = loaded
        cls = m.C
        assert program.edit("m", ("    a: int = 1\n", "    z: int = 1\n")).ok
        assert (m.C is cls, cls().z, repr(cls())) == (True, 1, "C(z=1)")
        assert not hasattr(cls(), "a")

    def test_validators_and_converters(self, loaded):
        program, m, n, _how = loaded
        cls = m.C
        assert program.edit(
            "m", ("a: int = 1", "a: int = attrs.field(default='1', converter=int)")
        ).ok
        assert (m.C is cls, cls("5").a, n.Sub("6").a) == (True, 5, 6)
        assert program.edit(
            "m", ("converter=int", "validator=attrs.validators.instance_of(str)")
        ).ok
        with pytest.raises(TypeError):
            cls(5)

    def test_super_newly_used(self, loaded):
        program, m, n, _ = loaded
        cls = m.C
        assert program.edit(
            "m", ("# here", "def again(self): return super().__init__ and __class__")
        ).ok
        assert n.x.again() is n.sub.again() is cls


class TestPydantic:
    SOURCE = """
        import typing
        import pydantic

        class C(pydantic.BaseModel):
            a: int = 1
            def method(self): return "old"
            # here

        class InTheModule(pydantic.BaseModel):
            it: C = C()
            many: list[C] = []
    """
    USER = """
        import typing, pydantic
        from ~m import C

        class Sub(C):
            more: int = 5

        class Outer(pydantic.BaseModel):
            it: C
        class OuterMost(pydantic.BaseModel):
            by_name: dict[str, Outer] = {}
            perhaps: typing.Optional[C] = None
        class OuterSub(Outer):
            sub: Sub = Sub()

        adapter = pydantic.TypeAdapter(list[C])
        x, sub = C(a=1), Sub()
        outer = Outer(it=x)
        bound = x.method
    """

    @pytest.fixture
    def loaded(self, pydantic, program):
        m, n = program.load("m", "n", m=self.SOURCE, n=self.USER)
        return program, m, n

    def bad(self, model, **values):
        with pytest.raises(ValueError, match="validation error"):
            model(**values)

    def test_a_body(self, loaded):
        program, m, n = loaded
        cls = m.C
        assert not program.edit("m", ('"old"', '"new"')).stale
        assert (m.C is cls, n.x.method(), n.bound(), n.outer.it.method()) == (
            True,
            "new",
            "new",
            "new",
        )

    def test_a_field_added(self, loaded):
        program, m, n = loaded
        cls = m.C
        reload = program.edit("m", ("# here", "b: int = 2"))
        assert reload.ok, reload.errors
        assert m.C is n.C is cls is type(n.x)
        assert (cls().b, cls(b="5").b, n.Sub(b="6").b) == (2, 5, 6)
        self.bad(cls, b="no")
        self.bad(n.Sub, b="no")
        # Its dependants, in its module and in others.
        self.bad(m.InTheModule, it={"b": "no"})
        self.bad(m.InTheModule, many=[{"b": "no"}])
        self.bad(n.Outer, it={"b": "no"})
        self.bad(n.OuterMost, by_name={"a": {"it": {"b": "no"}}})
        self.bad(n.OuterMost, perhaps={"b": "no"})
        self.bad(n.OuterSub, it={}, sub={"b": "no"})
        assert n.Outer(it={"b": "7"}).it.b == 7
        assert type(n.Outer(it={}).it) is cls
        assert n.OuterMost(by_name={"a": {"it": {}}}).by_name["a"].it.b == 2
        assert n.Outer(it={"b": 8}).model_dump() == {"it": {"a": 1, "b": 8}}
        assert [*n.Sub.model_fields] == ["a", "more", "b"] or {*n.Sub.model_fields} == {
            "a",
            "b",
            "more",
        }
        assert cls.model_json_schema()["properties"].keys() == {"a", "b"}

    def test_old_instances_keep_working(self, loaded):
        program, m, n = loaded
        assert program.edit(
            "m", ("# here", "b: int = 2\n    def twice(self): return self.a * 2")
        ).ok
        assert (n.x.a, n.x.twice(), n.sub.twice(), n.outer.it is n.x) == (1, 2, 2, True)
        assert n.x == n.x.model_copy()
        n.x.a = 9
        assert n.x.a == 9
        assert isinstance(n.Outer(it=n.x).it, m.C)

    def test_a_type_adapter_that_somebody_holds_is_new_or_named(self, loaded):
        program, m, n = loaded
        reload = program.edit("m", ("# here", "b: int = 2"))
        found = n.adapter.validate_python([{"a": "3"}])[0]
        assert type(found) is m.C
        said = [f"{it.what} {it.reason}" for it in reload.stale]
        assert getattr(found, "b", None) == 2 or any("TypeAdapter" in text for text in said)

    def test_a_field_removed_or_of_another_type(self, loaded):
        program, m, n = loaded
        cls = m.C
        assert program.edit("m", ("a: int = 1", "a: str = ''")).ok
        assert (m.C is cls, cls(a="text").a, n.Outer(it={"a": "text"}).it.a) == (
            True,
            "text",
            "text",
        )
        self.bad(cls, a=1)
        assert program.edit("m", ("    a: str = ''\n", "")).ok
        assert [*cls.model_fields] == []
        assert cls(a=1).model_dump() == {}

    def test_validators_and_configuration(self, loaded):
        program, m, n = loaded
        cls = m.C
        assert program.edit(
            "m",
            (
                "# here",
                (
                    "@pydantic.field_validator('a')\n    @classmethod\n    def _even(cls, a):\n"
                    "        if a % 2: raise ValueError('odd')\n        return a"
                ),
            ),
        ).ok
        self.bad(cls, a=3)
        self.bad(n.Outer, it={"a": 3})
        assert cls(a=4).a == 4
        assert program.edit(
            "m",
            (
                "    a: int = 1\n",
                "    model_config = pydantic.ConfigDict(extra='forbid')\n    a: int = 1\n",
            ),
        ).ok
        self.bad(cls, unknown=1)
        self.bad(n.Outer, it={"unknown": 1})
        assert m.C is cls

    def test_undone(self, loaded):
        program, m, n = loaded
        program.edit("m", ("# here", "b: int = 2"))
        program.engine.undo()
        assert [*m.C.model_fields] == ["a"]
        assert m.C(b="no").model_dump() == {"a": 1}
        assert n.Outer(it={"b": "no"}).it.a == 1
        assert n.x.method() == "old"
        assert m.InTheModule(it={"b": "no"}).it == m.C()

    def test_a_constraint_on_another_model_of_the_module(self, loaded):
        program, m, _n = loaded
        cls, inner = m.C, m.InTheModule
        assert program.edit("m", ("many: list[C] = []", "many: list[C] = []\n    n: int = 1")).ok
        assert (m.C is cls, m.InTheModule is inner) == (True, True)
        self.bad(inner, n="no")
        assert type(inner(it={"a": 5}).it) is cls

    def test_a_generic_model(self, pydantic, program):
        m, n = program.load(
            "m",
            m="""
            import typing, pydantic
            T = typing.TypeVar("T")
            class Box(pydantic.BaseModel, typing.Generic[T]):
                content: T
                # here
            """,
            n="from ~m import Box\nInts = Box[int]\nx = Ints(content=1)\n",
        )
        cls = m.Box
        assert program.edit("m", ("# here", "label: str = ''")).ok
        assert m.Box is cls
        assert isinstance(n.x, cls)
        assert cls[str](content="a", label="b").label == "b"
        self.bad(n.Ints, content="no")

    def test_the_configuration_of_a_generic_model(self, pydantic, program):
        """What has arguments has no statement of its own, and others derive from it."""
        source = """
            import typing, pydantic
            T = typing.TypeVar("T")
            class Box(pydantic.BaseModel, typing.Generic[T]):
                model_config = {"title": "one", "frozen": True}
                content: T
            class Sub(Box[T], typing.Generic[T]):
                more: int = 1
            """
        other = """
            from ~m import Box, Sub
            class Mine(Box[str]):
                own: int = 0
            models = [Box[int], Sub[int], Mine]
            """
        m, n = program.load("m", "n", m=source, n=other)
        before, models = [it.model_config for it in n.models], list(n.models)
        report = program.edit("m", ('"one", "frozen": True', '"two"'))
        assert not report.stale
        assert not [it for it in report.steps if it.kind == "kept"]
        assert [it.model_config for it in (*n.models, m.Sub[str])] == [{"title": "two"}] * 4
        assert [it.model_json_schema()["title"] for it in n.models] == ["two"] * 3
        assert all(it is was for it, was in zip(n.models, models, strict=True))
        program.engine.undo()
        assert [it.model_config for it in n.models] == before

    @pytest.mark.skipif(sys.version_info < (3, 13), reason="classes do not know their line")
    def test_a_model_in_a_class_knows_on_which_line_that_begins(self, pydantic, program):
        """Its names are kept for annotations, and this is one of them."""
        source = (
            "import pydantic\nLIMIT = 1\nclass Chat:\n    kind = 'chat'\n"
            "    class Options(pydantic.BaseModel):\n        size: int = 1\n"
        )
        (m,) = program.load("m", m=source)
        around = m.Chat.Options.__pydantic_parent_namespace__
        assert program.edit("m", ("LIMIT", "# more\n\nLIMIT")).ok
        now = m.Chat.Options.__pydantic_parent_namespace__
        assert now == around | {"__firstlineno__": m.Chat.__firstlineno__}
        assert (m.Chat.__firstlineno__, around["__firstlineno__"]) == (5, 3)
        program.engine.undo()
        assert m.Chat.Options.__pydantic_parent_namespace__ is around

    def test_a_dataclass_of_pydantic(self, pydantic, program):
        m, n = program.load(
            "m",
            m="""
            import pydantic.dataclasses
            @pydantic.dataclasses.dataclass
            class C:
                a: int = 1
                # here
            """,
            n="from ~m import C\nx = C()\n",
        )
        cls = m.C
        assert program.edit("m", ("# here", "b: int = 2")).ok
        assert (m.C is cls, cls(b="5").b, type(n.x) is cls) == (True, 5, True)
        with pytest.raises(ValueError, match="validation error"):
            cls(b="no")

    def test_a_derived_model_validates_as_its_base(self, loaded):
        program, m, n = loaded
        cls, sub = m.C, n.Sub
        validator = (
            "b: int = 2\n    @pydantic.field_validator('b')\n    @classmethod\n"
            "    def _even(cls, b):\n        if b % 2: raise ValueError('odd')\n        return b"
        )
        assert program.edit("m", ("# here", validator)).ok
        assert (m.C is cls, n.Sub is sub, type(n.sub) is sub) == (True, True, True)
        self.bad(sub, b=3)
        self.bad(n.OuterSub, it={}, sub={"b": 3})
        assert (sub(b=4).b, [*sub.model_fields]) == (4, ["a", "b", "more"])
        program.engine.undo()
        assert sub(b=3).model_dump() == {"a": 1, "more": 5}

    def test_who_validates_outside_of_any_model(self, pydantic, program):
        m, n = program.load(
            "m",
            m="""
                import pydantic
                class C(pydantic.BaseModel):
                    a: int = 1
                    # here
            """,
            n="""
                import pydantic, pydantic.dataclasses
                from ~m import C
                adapter = pydantic.TypeAdapter(list[C])

                @pydantic.validate_call
                def called(it: C): return it

                @pydantic.dataclasses.dataclass
                class Data:
                    it: C
            """,
        )
        users = [
            lambda: n.adapter.validate_python([{"b": "no"}]),
            lambda: n.called({"b": "no"}),
            lambda: n.Data(it={"b": "no"}),
        ]
        assert not program.edit("m", ("# here", "b: int = 2")).stale
        for user in users:
            with pytest.raises(ValueError, match="validation error"):
                user()
        assert (n.called({}).b, n.Data(it={"b": "7"}).it.b, type(n.called({})) is m.C) == (
            2,
            7,
            True,
        )
        program.engine.undo()
        for user in users:
            user()

    def test_the_field_that_old_instances_lack_is_said(self, loaded):
        program, _m, n = loaded
        added = "b: int = 2\n    shared: typing.ClassVar[int] = 1"
        (stale,) = program.edit("m", ("# here", added)).stale
        assert "4 living instances of C" in stale.what  # x, sub, and two defaults
        assert "'b'" in stale.reason
        assert not hasattr(n.x, "b")

    def test_a_derived_model_that_has_no_statement_of_its_own_is_named(self, pydantic, program):
        m, n = program.load(
            "m",
            m="""
                import pydantic
                class C(pydantic.BaseModel):
                    a: int = 1
                    # here
            """,
            n="""
                from ~m import C
                def make():
                    class Local(C): pass
                    return Local
                Local = make()
            """,
        )
        (stale,) = program.edit("m", ("# here", "b: int = 2")).stale
        assert stale.what == "class make.<locals>.Local"
        assert issubclass(n.Local, m.C)


class TestSqlalchemy:
    SOURCE = """
        import sqlalchemy as sa
        from sqlalchemy.orm import (
            DeclarativeBase, Mapped, Session, declarative_base, mapped_column, relationship
        )

        class Base(DeclarativeBase):
            pass

        class C(Base):
            __tablename__ = "c"
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str]
            parts: Mapped[list["Part"]] = relationship(back_populates="of")
            kind = "old"
            def method(self): return "old"
            def gone(self): return "gone"
            # here

        class Part(Base):
            __tablename__ = "part"
            id: Mapped[int] = mapped_column(primary_key=True)
            of_id: Mapped[int] = mapped_column(sa.ForeignKey("c.id"))
            of: Mapped[C] = relationship(back_populates="parts")

        OldBase = declarative_base()

        class Old(OldBase):
            __tablename__ = "old"
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String)
            # there
    """
    USER = """
        import sqlalchemy as sa
        from sqlalchemy.pool import StaticPool
        from ~m import Base, C, Old, OldBase, Part, Session

        engine = sa.create_engine("sqlite://", poolclass=StaticPool)
        Base.metadata.create_all(engine)
        OldBase.metadata.create_all(engine)
        session = Session(engine)
        x = C(name="x", parts=[Part()])
        session.add_all([x, Old(name="old")])
        session.commit()
        bound = x.method

        def names():
            session.add(C(name="y"))
            session.flush()
            found = [it.name for it in session.scalars(sa.select(C).order_by(C.id))]
            joined = [it is x for it in session.scalars(sa.select(C).join(Part))]
            session.rollback()
            return found, joined
    """

    @pytest.fixture
    def loaded(self, sqlalchemy, program):
        m, n = program.load("m", m=self.SOURCE, n=self.USER)
        assert n.names() == (["x", "y"], [True])
        yield program, m, n
        n.session.close()
        n.engine.dispose()

    def test_members_that_are_not_mapped(self, loaded):
        program, m, n = loaded
        cls, old = m.C, m.Old
        reload = program.edit(
            "m",
            ('kind = "old"', 'kind = "new"'),
            ('def gone(self): return "gone"', 'def label(self): return f"<{self.name}>"'),
            ("# here", "@property\n    def upper(self): return self.name.upper()"),
            ("# there", "def label(self): return __class__, self.name"),
        )
        assert reload.ok, reload.errors
        assert not reload.stale
        assert (m.C is cls, m.Old is old) == (True, True)
        assert (n.x.kind, n.x.label(), n.x.upper, hasattr(n.x, "gone")) == (
            "new",
            "<x>",
            "X",
            False,
        )
        assert n.session.get(old, 1).label() == (old, "old")
        assert n.names() == (["x", "y"], [True])
        assert program.edit(
            "m", ('def method(self): return "old"', "def method(self): return 1")
        ).ok
        assert n.bound() == 1
        program.engine.undo()
        assert (n.bound(), n.names()) == ("old", (["x", "y"], [True]))

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("name: Mapped[str]", "name: Mapped[str]\n    age: Mapped[int]"),
            ("name: Mapped[str]", "name: Mapped[str | None]"),
            ("    name = sa.Column(sa.String)\n", ""),
            ("name = sa.Column(sa.String)", "name = sa.Column(sa.Text)"),
            ("# there", "more = sa.Column(sa.String)"),
            ('kind = "old"', "kind = mapped_column(sa.String)"),
            ('__tablename__ = "c"', '__tablename__ = "other"'),
            ('kind = "old"', '__table_args__ = {"extend_existing": True}'),
            ('def gone(self): return "gone"', "def __init__(self): pass"),
            ("class C(Base):", "class C(Base, object):"),
        ],
    )
    def test_what_is_mapped_is_refused_and_goes_on(self, loaded, old, new):
        program, m, n = loaded
        cls = m.C
        reload = program.edit("m", (old, new))
        assert not reload.ok
        assert type(reload.error).__name__ == "RefusedEdit"
        assert "cannot be built again by its metaclass" in str(reload.error)
        assert m.C is cls
        assert n.names() == (["x", "y"], [True])
        assert n.x.parts[0].of is n.x
