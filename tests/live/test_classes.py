"""Modules with classes that are run again: a class stays the class that everybody has."""

from __future__ import annotations

import pytest
from program import Live

MODULE = """
    RATE = 1

    class A:
        kind = "old"
        def method(self): return RATE
        @property
        def prop(self): return RATE
        @staticmethod
        def static(): return RATE
        class Inner:
            def method(self): return RATE

    class B(A):
        def method(self): return super().method() + 1

    instances = [A()]
"""
MAIN = "import m\nfrom m import A, B\na, b, inner = A(), B(), A.Inner()\nmethod = b.method"


def test_a_class_keeps_its_identity_with_its_instances(live: Live) -> None:
    program = live({"m.py": MODULE, "main.py": MAIN})
    report = program.save(
        "m.py",
        MODULE.replace("RATE = 1", "RATE = 5")
        .replace('kind = "old"', 'kind = "new"\n        added = 1')
        .replace("super().method() + 1", "super().method() + 2"),
    )
    assert report.ran == {"m"}
    assert not report.stale
    program.expect(
        "A is m.A, B is m.B, A.Inner is m.A.Inner, B.__bases__ == (A,)", str((True,) * 4)
    )
    program.expect("a.method(), method(), a.prop, A.static(), inner.method()", "(5, 7, 5, 5, 5)")
    program.expect("a.kind, b.added", "('new', 1)")
    program.expect("type(m.instances[0]) is A", "True")
    program.expect(
        "isinstance(a, m.A), issubclass(m.B, A), A.__subclasses__() == [B]", str((True,) * 3)
    )


def test_an_attribute_that_is_gone_from_a_class(live: Live) -> None:
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.do("A.set_by_the_program = 1")
    program.edit("m.py", '    kind = "old"\n', "    sort = 1\n")
    program.expect("hasattr(A, 'kind'), A.sort, a.set_by_the_program", "(False, 1, 1)")


def test_a_method_that_is_new_and_one_that_is_gone(live: Live) -> None:
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.edit(
        "m.py", "def method(self): return super().method() + 1", "def fresh(self): return 9"
    )
    program.expect("b.fresh(), b.method(), 'method' in vars(B)", "(9, 1, False)")


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("class A:", "class A(dict):", "another built-in base"),
        ("class A:", "class A(Exception):", "another built-in base"),
    ],
)
def test_a_class_of_another_shape_is_reported_stale(
    live: Live, old: str, new: str, why: str
) -> None:
    """Its old instances keep the old class, and the report says why."""
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.do("held = a")
    report = program.save("m.py", MODULE.replace(old, new).replace("RATE = 1", "RATE = 5"))
    assert report.ok
    assert why in report.stale["class A"]
    program.expect("held.method(), m.A().method()", "(5, 5)")
    program.expect("A is m.A, type(held) is A", "(True, False)")
    program.expect("type(a) is A", "True")  # main.py says `a = A()`, and A is another class


@pytest.mark.parametrize(
    ("old", "new", "bases", "metaclass"),
    [
        ("class A:", "class Other: pass\n    class A(Other):", "Other", "type"),
        ("class A:", "class Meta(type): pass\n    class A(metaclass=Meta):", "object", "Meta"),
    ],
)
def test_a_class_with_other_bases_is_the_same_class(
    live: Live, old: str, new: str, bases: str, metaclass: str
) -> None:
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.do("held = a")
    report = program.save("m.py", MODULE.replace(old, new).replace("RATE = 1", "RATE = 5"))
    assert report.ok
    assert not report.stale
    program.expect("a.method(), method(), m.A().method()", "(5, 6, 5)")
    program.expect("A is m.A, type(a) is A, B.__bases__ == (A,)", "(True, True, True)")
    program.expect("A.__bases__[0].__name__, type(A).__name__", repr((bases, metaclass)))


def test_classes_made_by_others_from_a_definition(live: Live) -> None:
    """Data classes, enumerations, named tuples, exceptions: the body of a method is edited."""
    program = live(
        {
            "m.py": """
                import dataclasses, enum, typing, abc

                @dataclasses.dataclass
                class Point:
                    x: int = 0
                    def far(self): return "old"

                @dataclasses.dataclass(slots=True, frozen=True)
                class Slotted:
                    x: int = 0
                    def far(self): return "old"

                class Colour(enum.Enum):
                    RED = 1
                    def far(self): return "old"

                class Pair(typing.NamedTuple):
                    x: int
                    def far(self): return "old"

                class Error(Exception):
                    def far(self): return "old"

                class Abstract(abc.ABC):
                    @abc.abstractmethod
                    def far(self): return "old"

                class Concrete(Abstract):
                    def far(self): return super().far()

                class Generic[T]:
                    def far(self): return "old"
            """.replace("class Generic[T]", "class Generic(typing.Generic[typing.TypeVar('T')])"),
            "main.py": """
                from m import *
                import m
                things = Point(), Slotted(), Colour.RED, Pair(1), Error(), Concrete(), Generic()
            """,
        }
    )
    report = program.save("m.py", program.text("m.py").replace('"old"', '"new"'))
    assert not report.ran
    assert not report.stale
    program.expect("{thing.far() for thing in things}", "{'new'}")
    report = program.save("m.py", program.text("m.py").replace('"new"', '"newer"') + "\nX = 1\n")
    assert report.ok
    program.expect("[type(t).__name__ for t in things if t.far() != 'newer']", "[]")
