"""Enumerations: a member is the member that everybody has."""

from __future__ import annotations

import enum
import gc
import pickle
import sys
import threading
import types

import pytest
from case import snapshot

KINDS = ["Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"]
MUTABLE = ["Enum", "Flag"]
IMMUTABLE = ["IntEnum", "IntFlag", "StrEnum"]

SOURCE = """
import enum

class C(enum.KIND):
    A = 1
    B = 2
    def method(self): return "old"
    # here
"""
USER = """
from ~m import C
a, b = C.A, C.B
by_member = {a: "a", b: "b"}
A = C.A
members = [*C]
bound = C.A.method

def matched(member):
    match member:
        case C.A: return "a"
        case C.B: return "b"
    return "none"
"""


class Program:
    """An enumeration, and a module that holds its members."""

    def __init__(self, program, kind):
        source = SOURCE.replace("KIND", kind)
        if kind == "StrEnum":
            source = source.replace("1", "'1'").replace("2", "'2'")
        self.program, self.kind, self.source = program, kind, source
        self.m, self.n = program.load("m", m=source, n=USER)
        self.C, self.a, self.b = self.m.C, self.n.a, self.n.b

    def value(self, number):
        return str(number) if self.kind == "StrEnum" else number

    def refuses_unknown_values(self):
        """Others make members of them: IntFlag, and every Flag of the first versions of 3.11."""
        return getattr(self.C, "_boundary_", None) in (None, enum.FlagBoundary.STRICT)

    def edit(self, old, new):
        if self.kind == "StrEnum":
            for number in "123456789":
                old = old.replace(f"= {number}", f"= '{number}'")
                new = new.replace(f"= {number}", f"= '{number}'")
        reload = self.program.edit("m", (old, new))
        assert reload.ok, [error.__cause__ or error for error in reload.errors]
        assert self.m.C is self.C
        assert self.n.C is self.C
        return reload

    def undo(self):
        self.program.engine.undo()
        assert self.m.C is self.C
        assert [*self.C] == [self.a, self.b]
        assert [self.C.A, self.C["B"], self.C(self.value(2))] == [self.a, self.b, self.b]
        assert self.C.A is self.a
        assert self.C.B is self.b
        assert [self.a.value, self.b.value] == [self.value(1), self.value(2)]
        assert self.a.method() == "old"


@pytest.fixture(params=KINDS)
def it(request, program):
    return Program(program, request.param)


@pytest.fixture(params=MUTABLE)
def mutable(request, program):
    return Program(program, request.param)


@pytest.fixture(params=IMMUTABLE)
def immutable(request, program):
    return Program(program, request.param)


def test_a_member_added(it):
    before = snapshot(it.C)
    it.edit("    # here", "    N = 4")
    new = it.C.N
    assert type(new) is it.C
    assert [*it.C] == [it.a, it.b, new]
    assert it.C.A is it.a
    assert it.C["A"] is it.a
    assert it.C(it.value(1)) is it.a
    assert it.C(it.value(4)) is it.C["N"] is new
    assert new in it.C
    assert (len(it.C), new.name, new.value) == (3, "N", it.value(4))
    assert new.method() == it.a.method() == it.n.bound() == "old"
    assert it.n.by_member == {it.a: "a", it.b: "b"}
    assert [it.n.matched(member) for member in it.C] == ["a", "b", "none"]
    assert pickle.loads(pickle.dumps(new)) is new
    assert pickle.loads(pickle.dumps(it.a)) is it.a
    it.undo()
    assert snapshot(it.C) == before
    assert not hasattr(it.C, "N")
    if it.refuses_unknown_values():
        with pytest.raises(ValueError, match="valid"):
            it.C(it.value(4))


def test_a_member_added_at_the_front_and_a_method_in_the_same_save(it):
    it.edit("    A = 1", "    N = 4\n    A = 1\n    def more(self): return 'more'")
    assert [member.name for member in it.C] == ["N", "A", "B"]
    assert it.a.more() == it.C.N.more() == "more"
    assert it.C.A is it.a
    it.undo()
    assert not hasattr(it.a, "more")


def test_a_member_removed(it):
    pickled = pickle.dumps(it.a)
    it.edit("    B = 2\n", "")
    assert [*it.C] == [it.a]
    assert not hasattr(it.C, "B")
    with pytest.raises(KeyError):
        it.C["B"]
    if it.refuses_unknown_values():
        with pytest.raises(ValueError, match="valid"):
            it.C(it.value(2))
    # Who holds the old member still has it.
    assert (it.b.name, it.b.value, it.b.method()) == ("B", it.value(2), "old")
    assert type(it.b) is it.C
    assert it.n.by_member[it.b] == "b"
    assert pickle.loads(pickled) is it.a
    it.undo()


@pytest.mark.parametrize("direction", [iter, reversed])
def test_who_goes_through_the_members_meanwhile_meets_those_of_the_time(it, direction):
    """`list(C)` asks the class for each name in turn."""
    began = direction(it.C)
    first = next(began)
    it.edit("    A = 1\n    B = 2\n", "    N = 4\n    B = 2\n    M = 8\n")
    gone, there = direction(it.C), direction(it.C)
    next(gone)
    assert {first, *began} <= {it.a, it.b, it.C.N, it.C.M}
    it.undo()
    assert {*gone} <= {it.a, it.b}
    assert {*there} <= {it.a, it.b}
    assert [*it.C] == [it.a, it.b]


@pytest.mark.parametrize("kind", ["Enum", "IntFlag"])
def test_other_threads_go_through_the_members_all_the_time(program, kind):
    it = Program(program, kind)
    ended, errors, rounds = threading.Event(), [], [0, 0]

    def look(number):
        try:
            while not ended.is_set():
                names = [member.name for member in it.C]
                assert {*names} <= {"A", "B", "M", "N"}
                rounds[number] += 1
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    threads = [threading.Thread(target=look, args=(number,)) for number in range(len(rounds))]
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for _ in range(3):
            it.edit("    A = 1\n    B = 2\n", "    B = 2\n    N = 4\n    M = 8\n")
            it.edit("    B = 2\n    N = 4\n    M = 8\n", "    A = 1\n    B = 2\n")
    finally:
        ended.set()
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()
    assert not errors, errors
    assert all(rounds)


def test_a_removed_member_comes_back(it):
    it.edit("    B = 2\n", "")
    it.edit("    A = 1\n", "    A = 1\n    B = 2\n")
    assert [member.name for member in it.C] == ["A", "B"]
    assert it.C.A is it.a
    assert it.C(it.value(2)) is it.C.B


def test_a_member_of_another_value(mutable):
    it = mutable
    by_member = it.n.by_member
    it.edit("A = 1", "A = 4")
    assert it.C.A is it.a is it.n.a is it.n.A
    assert it.a.value == 4
    assert it.C(4) is it.a
    if it.refuses_unknown_values():
        with pytest.raises(ValueError, match="valid"):
            it.C(1)
    assert by_member[it.a] == "a"
    assert pickle.loads(pickle.dumps(it.a)) is it.a
    assert it.C.B is it.b
    it.undo()
    if it.refuses_unknown_values():
        with pytest.raises(ValueError, match="valid"):
            it.C(4)


def test_a_member_whose_value_is_its_payload_is_replaced_and_that_is_said(immutable):
    it = immutable
    reload = it.edit("A = 1", "A = 4")
    assert it.value(4) == it.C.A
    assert it.C.A.value == it.value(4)
    assert it.C(it.value(4)) is it.C.A
    assert it.C.B is it.b
    assert type(it.a) is it.C
    assert it.a.method() == "old"
    said = [f"{s.what} {s.reason}" for s in reload.stale]
    said += [f"{s.qualname} {s.reason}" for s in reload.steps]
    assert any("C.A" in text for text in said), said
    it.undo()


def test_values_exchanged(it):
    it.edit("    A = 1\n    B = 2\n", "    A = 2\n    B = 1\n")
    assert [it.C.A.value, it.C.B.value] == [it.value(2), it.value(1)]
    assert it.C(it.value(2)) is it.C.A
    assert it.C(it.value(1)) is it.C.B
    it.undo()


def test_members_reordered(it):
    it.edit("    A = 1\n    B = 2\n", "    B = 2\n    A = 1\n")
    assert {*it.C} == {it.a, it.b}
    assert [it.C.A is it.a, it.C.B is it.b] == [True, True]
    assert [*it.C] == [it.b, it.a]
    it.undo()


def test_a_member_renamed(it):
    it.edit("    B = 2\n", "    OTHER = 2\n")
    assert [member.name for member in it.C] == ["A", "OTHER"]
    assert it.C(it.value(2)) is it.C.OTHER
    assert not hasattr(it.C, "B")
    assert it.C.A is it.a
    it.undo()


def test_an_alias_added_and_one_made_of_a_member(it):
    it.edit("    # here", "    ALIAS = 1")
    assert it.C.ALIAS is it.a
    assert it.C["ALIAS"] is it.a
    assert [*it.C] == [it.a, it.b]
    it.undo()
    it.edit("    B = 2\n", "    B = 1\n")
    assert it.C.B is it.C.A is it.a
    assert [*it.C] == [it.a]
    it.undo()


def test_a_method_of_a_member(it):
    reload = it.edit('return "old"', 'return "new"')
    assert not reload.stale
    assert [it.a.method(), it.n.bound(), it.C.B.method()] == ["new"] * 3
    it.undo()


def test_missing_added(it):
    it.edit("    # here", "    @classmethod\n    def _missing_(cls, value): return cls.A")
    assert it.C("nobody") is it.a
    it.undo()
    with pytest.raises((ValueError, TypeError)):
        it.C("nobody")


def test_str_and_format_added(it):
    it.edit("    # here", "    def __str__(self): return 'as text'")
    assert str(it.a) == f"{it.b}" == "as text"
    it.undo()
    assert str(it.a) != "as text"


def test_a_property_and_a_constant_that_is_no_member(it):
    it.edit(
        "    # here",
        "    @property\n    def twice(self): return self.value * 2\n    limit = enum.nonmember(5)",
    )
    assert it.a.twice == it.value(1) * 2
    assert it.C.limit == 5
    assert [*it.C] == [it.a, it.b]
    it.undo()


def test_the_base_changes(program):
    it = Program(program, "Enum")
    source = "import enum\nclass Base(enum.Enum):\n    def based(self): return 'based'\n"
    reload = program.save(m=source + it.source.partition("\n\n")[2].replace("enum.Enum", "Base"))
    assert reload.ok, reload.errors
    assert it.C.A is it.a
    assert (it.m.C is it.C, it.a.based(), isinstance(it.b, it.m.Base)) == (True, "based", True)
    it.undo()
    assert not hasattr(it.a, "based")


def test_an_enumeration_of_another_kind_is_either_kept_or_reported(program):
    """A plain member has no room for the number of an `IntEnum`."""
    it = Program(program, "Enum")
    reload = program.edit("m", ("enum.Enum", "enum.IntEnum"))
    assert reload.ok, reload.errors
    assert it.m.C.A == 1
    assert [s.what for s in reload.stale]
    assert it.a.method() == "old"
    program.edit("m", ('"old"', '"new"'))
    assert it.m.C.A.method() == "new"


def test_members_with_content_of_their_own(program):
    m, n = program.load(
        "m",
        m="""
        import enum

        class Planet(enum.Enum):
            EARTH = (5, 6)
            MARS = (1, 3)
            def __init__(self, mass, radius):
                self.mass, self.radius = mass, radius
            @property
            def gravity(self): return self.mass / self.radius
        """,
        n="from ~m import Planet\nearth, mars = Planet\nby_member = {earth: 1}\n",
    )
    cls = m.Planet
    assert program.edit("m", ("(5, 6)", "(12, 6)")).ok
    assert (m.Planet is cls, cls.EARTH is n.earth, cls.MARS is n.mars) == (True, True, True)
    assert (n.earth.mass, n.earth.gravity, cls((12, 6)) is n.earth) == (12, 2, True)
    assert n.by_member[cls.EARTH] == 1
    assert program.edit(
        "m",
        ("MARS = (1, 3)", "MARS = (1, 4)"),
        ("self.radius = mass, radius", "self.size = mass, radius"),
        ("self.radius\n", "self.size\n"),
    ).ok
    assert (n.earth.size, n.earth.gravity, hasattr(n.earth, "radius")) == (6, 2, False)
    program.engine.undo()
    assert (n.earth.radius, hasattr(n.earth, "size")) == (6, False)


def test_automatic_values(program):
    m, n = program.load(
        "m",
        m="import enum\nclass C(enum.Enum):\n    A = enum.auto()\n    B = enum.auto()\n",
        n="from ~m import C\na, b = C\n",
    )
    assert program.edit("m", ("    A =", "    N = enum.auto()\n    A =")).ok
    assert [member.name for member in m.C] == ["N", "A", "B"]
    assert [member.value for member in m.C] == [1, 2, 3]
    assert (m.C.A is n.a, m.C(2) is n.a, m.C(3) is n.b) == (True, True, True)


@pytest.mark.parametrize("kind", ["Flag", "IntFlag"])
def test_combinations_of_flags(program, kind):
    it = Program(program, kind)
    both, none = it.a | it.b, it.C(0)
    it.edit("    # here", "    D = 4")
    assert (it.a | it.b) == both
    assert it.a in both
    assert it.C.D not in both
    assert (both | it.C.D).value == 7
    assert ~it.a == it.b | it.C.D
    assert (both & it.b) is it.b
    assert not none
    assert [*both] == [it.a, it.b]
    it.undo()
    assert ~it.a == it.b


def test_decorators_of_enum(program):
    m, n = program.load(
        "m",
        m="import enum\n@enum.unique\nclass C(enum.Enum):\n    A = 1\n    B = 2\n",
        n="from ~m import C\na = C.A\n",
    )
    cls = m.C
    assert program.edit("m", ("B = 2", "B = 2\n    N = 3")).ok
    assert (m.C is cls, m.C.A is n.a, len(cls)) == (True, True, 3)
    reload = program.edit("m", ("N = 3", "N = 1"))
    assert not reload.ok
    assert "duplicate values found" in str(reload.error)
    assert (m.C is cls, m.C.A is n.a, len(cls), cls.N.value) == (True, True, 3, 3)


@pytest.mark.parametrize("kind", ["Enum", "Flag"])
def test_a_class_becomes_an_enumeration_and_a_class_again(program, kind):
    plain = "import enum\nclass C:\n    A = 1\n"
    m, n = program.load("m", m=plain, n="from ~m import C\nx = C()\n")
    cls = m.C
    (stale,) = program.save(m=f"import enum\nclass C(enum.{kind}):\n    A = 1\n").stale
    assert (stale.what, "no member" in stale.reason) == ("1 living instance of C", True)
    assert (m.C is cls, cls(1) is cls.A, [*cls] == [cls.A], cls.A.value) == (True, True, True, 1)
    assert not program.save(m=plain).stale
    assert (m.C is cls, cls.A, type(cls), type(cls()) is type(n.x) is cls) == (True, 1, type, True)
    program.engine.undo()
    assert (cls(1) is cls.A, cls.A.name) == (True, "A")


def test_no_second_enumeration_is_left(it):
    it.edit("    # here", "    N = 4\n    # here")
    it.edit("    N = 4\n", "")
    gc.collect()
    found = [
        cls
        for cls in gc.get_objects()
        if isinstance(cls, type) and cls.__qualname__ == "C" and cls.__module__ == it.m.__name__
    ]
    assert found == [it.C]
    assert [o for o in gc.get_objects() if type(o) is it.C and o.name == "A"] in ([it.a], [])


def test_many_reloads_leave_nothing(it):
    def there_and_back():
        it.edit("    # here", "    N = 4\n    # here")
        it.edit("    N = 4\n", "")

    def count():
        gc.collect()
        kinds = (type, types.FunctionType, types.CellType, dict, it.C)
        return [sum(isinstance(o, kind) for o in gc.get_objects()) for kind in kinds]

    there_and_back()
    there_and_back()
    before = count()
    for _ in range(3):
        there_and_back()
    assert count() == before


@pytest.mark.skipif(sys.version_info < (3, 12), reason="3.12 made `in` take values")
def test_values_are_in_it(it):
    it.edit("A = 1", "A = 4")
    assert it.value(4) in it.C
    if it.kind != "IntFlag":
        assert it.value(1) not in it.C


READERS = {
    "v": "v = ~m.C.A.value",
    "names": "names = [it.name for it in ~m.C]",
    "values": "values = {it.value: it for it in ~m.C}",
    "members": "members = list(~m.C)",
    "table": "table = dict.fromkeys(~m.C, 0)",
    "known": "known = tuple(~m.C.__members__)",
    "doubled": "doubled = ~m.C.A.doubled()",
    "named": "named = ~m.C['A'].value",
    "default": "def default(names=tuple(it.name for it in ~m.C)): return names",
    "Chosen": "class Chosen:\n    among = sorted(it.name for it in ~m.C)",
    "Looped": "class Looped:\n    for among in ~m.C: pass",
}
ENUM = """
import enum
class C(enum.Enum):
    A = 1
    B = 2
    def doubled(self): return self.value * 2
"""


def read(module):
    """What the readers have, in a form that is equal for members that are alike."""

    def plain(value):
        if isinstance(value, dict):
            return {plain(key): plain(it) for key, it in value.items()}
        if isinstance(value, list | tuple):
            return [plain(it) for it in value]
        return (value.name, value.value) if isinstance(value, enum.Enum) else value

    found = {name: getattr(module, name) for name in READERS} | {"default": module.default()}
    return {name: plain(getattr(it, "among", it)) for name, it in found.items()}


@pytest.mark.parametrize("way", ["from ~m import C", "import ~m", ""])
@pytest.mark.parametrize(
    "edit",
    [("B = 2", "B = 2\n    D = 3"), ("A = 1", "A = 5"), ("B = 2", "E = 2"), ("B = 2", "")],
    ids=["another", "value", "name", "gone"],
)
def test_who_goes_through_an_enumeration_runs_again(program, way, edit):
    """Its members are no attributes that others need spell."""
    readers = "\n".join(READERS.values())
    if not way.startswith("import"):
        readers = readers.replace("~m.", "")
    if way:
        m, n = program.load("m", "n", m=ENUM, n=f"{way}\n{readers}\n")
    else:
        m, n = program.load("m", m=ENUM + readers, n="from ~m import C\n")
        n = m
    before, cls = read(n), m.C
    reload = program.edit("m", edit)
    assert (reload.ok, reload.stale, m.C is cls) == (True, (), True)
    source = ENUM.replace(*edit) + "\n".join(READERS.values()).replace("~m.", "")
    (fresh,) = program.execute(fresh=source)
    assert read(n) == read(fresh) != before
    program.engine.undo()
    assert read(n) == before


def test_who_names_a_member_of_an_enumeration_keeps_it(program):
    """The member is the same object, whatever its value is."""
    user = "from ~m import C\nmade = []\nclass D:\n    first = made.append(1) or C.A\n"
    _, n = program.load("m", "n", m=ENUM, n=user)
    assert program.edit("m", ("A = 1", "A = 5")).ok
    assert (n.D.first.value, n.made) == (5, [1])
    assert program.edit("m", ("self.value * 2", "self.value * 3")).ok
    assert (n.D.first.doubled(), n.made) == (15, [1])


GIVEN = """
class Choice:
    def __init__(self, *given, among=()):
        self.names = [it.name for them in (*given, among) for it in them]
"""


@pytest.mark.parametrize("way", ["from ~m import C", "import ~m"])
@pytest.mark.parametrize("given", ["~m.C", "among=~m.C", "Choice"])
def test_what_is_made_of_an_enumeration_is_made_again(program, way, given):
    """Unknown code may go through what it is given; what asks for the class alone does not."""
    user = f"{way}\nimport typing\n{GIVEN}choice = Choice({given.replace('Choice', '')})\n"
    user += "made = []\nbound = typing.TypeVar('T', bound=~m.C)\nmade.append(~m.C)\n"
    user = user if way.startswith("import") else user.replace("~m.C", "C")
    m, n = program.load("m", "n", m=ENUM, n=user)
    bound, choice = n.bound, n.choice
    assert program.edit("m", ("B = 2", "B = 2\n    D = 3")).ok
    assert n.choice.names == ([] if given == "Choice" else ["A", "B", "D"])
    assert (n.bound is bound, n.made, n.choice is choice) == (True, [m.C], given == "Choice")
    assert program.edit("m", ("self.value * 2", "self.value * 3")).ok
    assert n.made == [m.C]


def test_a_class_that_asks_for_an_enumeration_is_not_made_again(program):
    """It may be the column of a table."""
    user = f"from ~m import C\n{GIVEN}class Table:\n    made = []\n    choice = Choice(C)\n"
    _, n = program.load("m", "n", m=ENUM, n=user)
    choice = n.Table.choice
    assert program.edit("m", ("B = 2", "B = 2\n    D = 3")).ok
    assert n.Table.choice is choice


def test_a_package_shows_a_class_without_methods_as_its_own(program):
    """Nothing but its name in the module tells where it was defined."""
    source = "from dataclasses import dataclass\n\n@dataclass\nclass Point:\n    x: int\n"
    _, m = program.load("m", lib="", m=source)
    m.Point.__module__ = "shown"
    point, cls = m.Point(1), m.Point
    reload = program.edit("m", ("x: int", "x: int\n    y: int = 2"))
    assert reload.ok
    assert (m.Point is cls, cls.__module__, type(point) is m.Point) == (True, "shown", True)
    assert m.Point(3).y == 2


def test_a_class_of_the_name_that_may_have_been_imported(program):
    source = "try: from ~lib import Point\nexcept ImportError:\n    class Point:\n        x = 1\n"
    lib, m = program.load("m", lib="class Point:\n    x = 0\n", m=source)
    program.edit("m", ("from ~lib import Point", "import nowhere"))
    assert (lib.Point is m.Point, lib.Point.x, m.Point.x) == (False, 0, 1)


IMPORTING = "class C:\n  from ~lib import X, f\n  class Inner:\n    from ~lib import X as Y\n"


def test_the_body_of_a_class_imports_what_is_new(program):
    """The class is executed when that is there."""
    _, m = program.load("m", lib="X = 1\ndef f(self): return 1\n", m=IMPORTING)
    c = m.C()
    new = IMPORTING.replace("X, f", "X, f, Z")
    reload = program.save(m=new, lib="X = 1\ndef f(self): return 2\nZ = 3\n")
    assert (reload.ok, reload.kept) == (True, ())
    assert (c.f(), c.Z, m.C.X) == (2, 3, 1)


def test_the_body_of_a_class_has_imported_what_changed(program):
    lib, m = program.load("m", lib="X = 1\ndef f(self): return 1\n", m=IMPORTING)
    c = m.C()
    reload = program.edit("lib", ("X = 1", "X = 2"))
    reason = f"imports {lib.__name__}.X, which changed"
    assert ("C", reason) in {(it.qualname, it.reason) for it in reload.steps}
    assert (m.C.X, m.C.Inner.Y, c.X, c.f(), reload.kept) == (2, 2, 2, 1, ())
    assert program.engine.undo().ok
    assert (m.C.X, m.C.Inner.Y) == (1, 1)


def test_the_body_of_a_class_has_imported_what_somebody_has_set(program):
    """That is respected, and the report says so."""
    lib, m = program.load("m", lib="X = 1\ndef f(self): return 1\n", m=IMPORTING)
    m.C.X = 7
    reload = program.edit("lib", ("X = 1", "X = 2"))
    assert (m.C.X, m.C.Inner.Y) == (7, 2)
    reason = f"its body has imported {lib.__name__}.X, which changed"
    assert [(it.qualname, it.reason) for it in reload.kept] == [("C", reason)]
