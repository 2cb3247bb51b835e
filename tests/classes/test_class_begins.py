"""What every class begins with: its line, the name of its module, and its docstring."""

from __future__ import annotations

import inspect
import sys

import pytest

SOURCE = '''
def mark(text):
    return lambda function: (text, function)
class C:
    """one"""
    made = []
    @property
    def __name__(self): return "of an instance"
    twice = __doc__ * 2
    @mark(__doc__)
    def marked(self): pass
    def f(self, text=__doc__): return text
    @property
    def __doc__(self): return "of an instance"
    class D:
        again = __doc__
    limit = 1
'''


@pytest.mark.parametrize(
    "edit",
    [("limit = 1", "limit = 2"), ("one", "two"), ('"""one"""', "__doc__ = 'text'")],
)
def test_names_of_its_own(program, programs, edit) -> None:
    """They are the body's, and found in it only below the statement that binds them."""
    (m,) = program.load("m", m=SOURCE)
    cls, made = m.C, m.C.made
    assert program.edit("m", edit).ok
    (other,) = programs().load("m", m=program.text("m"))
    assert (cls.__module__, cls.__qualname__) == (m.__name__, "C")
    assert (cls.limit, cls.twice, cls.marked[0]) == (
        other.C.limit,
        other.C.twice,
        other.C.marked[0],
    )
    assert cls.f(None) == other.C.f(None)
    assert (cls().__name__, cls().__doc__) == ("of an instance", "of an instance")
    assert cls.made is made
    program.engine.undo()
    assert (cls.__module__, cls.twice, cls.limit) == (m.__name__, "oneone", 1)


def test_who_reads_the_docstring(program) -> None:
    (m,) = program.load(
        "m",
        m='class C:\n    """one"""\n    made = []\n    usage = __doc__ + "!"\n    other = 1\n',
    )
    made = m.C.made
    assert program.edit("m", ("one", "two")).ok
    assert (m.C.__doc__, m.C.usage, m.C.made is made) == ("two", "two!", True)
    reload = program.edit("m", ("other = 1", "other = 2"))
    assert [it.qualname for it in reload.steps if it.kind == "ran"] == ["C"]
    assert (m.C.usage, m.C.other) == ("two!", 2)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the compiler says nothing of a class")
def test_a_function_that_wraps_a_class(program) -> None:
    """It has a copy of what the class has, and of its line."""
    (m,) = program.load(
        "m",
        m="""\
import functools
def deprecated(cls):
    @functools.wraps(cls)
    def make(*args): return cls(*args)
    return make
@deprecated
class C:
    def f(self): self.x = 1
""",
    )
    make, cls = m.C, m.C.__wrapped__
    assert program.edit("m", ("@deprecated", "# more\n\n@deprecated"), ("self.x", "self.y")).ok
    assert (make.__firstlineno__, cls.__firstlineno__) == (8, 8)
    assert (make.__static_attributes__, cls.__static_attributes__) == (("y",), ("y",))
    assert inspect.getsource(cls).startswith("@deprecated\nclass C")
    make.__firstlineno__ = 100
    assert program.edit("m", ("# more", "# more\n# and more")).ok
    assert (make.__firstlineno__, cls.__firstlineno__) == (100, 9)
    program.engine.undo()
    assert (make.__firstlineno__, cls.__firstlineno__) == (100, 8)
