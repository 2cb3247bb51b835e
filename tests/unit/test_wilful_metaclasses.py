"""Classes whose metaclass hashes and compares them in its own way, or not at all, with instances
that are no better: no edit of a module that has such classes asks them.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import mighty_patcher
from mighty_patcher import AutoReloader
from mighty_patcher.engine.report import Reload

_numbers = itertools.count()

RAISES = """
    def __eq__(self, other): raise RuntimeError("asked whether it is equal")
    def __ne__(self, other): raise RuntimeError("asked whether it is not equal")
    def __hash__(self): raise RuntimeError("asked for a hash")
    def __bool__(self): raise RuntimeError("asked whether it is true")
    def __len__(self): raise RuntimeError("asked how long it is")
"""
AGREES = """
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 1
    def __bool__(self): return False
    def __len__(self): return 0
"""
NEVER_EQUAL = """
    __hash__ = type.__hash__
    def __eq__(self, other): raise RuntimeError("asked whether it is equal")
    def __ne__(self, other): raise RuntimeError("asked whether it is not equal")
"""

LIB = """
import abc, enum, functools
class Meta(type):{will}
class Wilful(metaclass=Meta):{will}
class Base(Wilful):
    def based(self): return "based"
class Other(Wilful):
    def based(self): return "other"
def mark(cls):
    cls.marked = "marked"
    return cls
def logged(function):
    @functools.wraps(function)
    def wrapper(*args): return "logged", function(*args)
    return wrapper
"""

MODULE = """
import dataclasses, functools
import ~lib as lib
from ~lib import Wilful, Base, Other, mark
class C(Wilful):
    kind = "old"
    part = Other
    held = [Base, Other]
    made = Base()
    def __init__(self): self.a = 1
    def method(self, of=Base): return "old"
    def gone(self): return "gone"
    @property
    def prop(self): return "prop"
    @staticmethod
    def static(): return "static"
    @classmethod
    def of_class(cls): return "class"
    @functools.lru_cache
    def cached(): return "cached"
    class Inner(Wilful):
        def f(self): return "inner"
    # here
class D(C, Base):
    __slots__ = ("own",)
    def method(self): return super().method() + "!"
@dataclasses.dataclass(eq=False)
class Point(Wilful):
    "Without this 3.11 asks the class whether it is `type`."
    x: int = 1
@mark
class Marked(Wilful):
    pass
CONSTANT = 1
VALUE = C()
CLASSES = (C, D)
"""

USER = """
import ~m as m
from ~m import C, D, CONSTANT, VALUE, CLASSES
class E(C): pass
held, pair, named = [C, D], (C, D), dict(c=C, d=D)
x, sub, e, point = C(), D(), E(), m.Point()
bound = x.method
def default(it=C, *, value=VALUE): return it, value
def annotated(it: C) -> D: return it
class Holder:
    cls = C
holder = Holder()
holder.it = x
"""


@dataclass(frozen=True)
class Edit:
    """What somebody saves.

    Attributes:
        old: What is there once.
        new: What they write for it.
        expected: What expressions are then, where ``m``, ``n`` and ``lib`` are the modules.
    """

    old: str
    new: str
    expected: dict[str, object]


HAS_OTHER = "any(it is lib.Other for it in {}.__mro__)"

EDITS = {
    "method": Edit(
        'return "old"',
        'return "new"',
        {"n.x.method()": "new", "n.bound()": "new", "n.sub.method()": "new!"},
    ),
    "attribute": Edit('kind = "old"', 'kind = "new"', {"n.x.kind": "new"}),
    "attribute added": Edit("# here", "added = 1", {"n.x.added": 1}),
    "attribute removed": Edit('kind = "old"', "pass", {"hasattr(n.x, 'kind')": False}),
    "class in it": Edit("part = Other", "part = Base", {"n.x.part is lib.Base": True}),
    "instance in it": Edit(
        "made = Base()", "made = Other()", {"type(n.x.made) is lib.Other": True}
    ),
    "classes in a list": Edit("[Base, Other]", "[Other]", {"n.x.held[0] is lib.Other": True}),
    "method added": Edit("# here", "def added(self): return 1", {"n.x.added()": 1}),
    "method removed": Edit(
        '    def gone(self): return "gone"\n', "", {"hasattr(n.x, 'gone')": False}
    ),
    "default": Edit("of=Base", "of=Other", {"n.C.method.__defaults__[0] is lib.Other": True}),
    "property": Edit('return "prop"', 'return "new"', {"n.x.prop": "new"}),
    "static method": Edit('return "static"', 'return "new"', {"n.x.static()": "new"}),
    "class method": Edit('return "class"', 'return "new"', {"n.x.of_class()": "new"}),
    "cache": Edit('return "cached"', 'return "new"', {"n.C.cached()": "new"}),
    "nested class": Edit('return "inner"', 'return "new"', {"n.C.Inner().f()": "new"}),
    "initialiser": Edit(
        "self.a = 1", "self.a = 1; self.b = 2", {"n.C().b": 2, "hasattr(n.x, 'b')": False}
    ),
    "hook": Edit(
        "# here", "def __reloaded__(self): self.b = 2", {"n.x.b": 2, "n.sub.b": 2, "n.e.b": 2}
    ),
    "base added": Edit(
        "class D(C, Base)", "class D(C, Base, Other)", {HAS_OTHER.format("n.D"): True}
    ),
    "base removed": Edit("class D(C, Base)", "class D(C)", {"hasattr(n.sub, 'based')": False}),
    "other base": Edit(
        "class C(Wilful)", "class C(Other)", {"n.x.based()": "other", "n.e.based()": "other"}
    ),
    "new base": Edit(
        "class C(Wilful)",
        "class New(Other): pass\nclass C(New)",
        {"n.x.based()": "other", "n.C.__bases__[0] is m.New": True},
    ),
    "class decorator": Edit("class C(Wilful)", "@mark\nclass C(Wilful)", {"n.x.marked": "marked"}),
    "no class decorator": Edit("@mark\n", "", {"hasattr(m.Marked, 'marked')": False}),
    "decorator": Edit(
        "    def gone", "    @lib.logged\n    def gone", {"n.x.gone()": ("logged", "gone")}
    ),
    "slot": Edit('"own",', '"own", "more"', {"setattr(n.sub, 'more', 3) or n.sub.more": 3}),
    "field": Edit("x: int = 1", "x: int = 1; y: int = 2", {"m.Point().y": 2, "n.point.y": 2}),
    "class added": Edit(
        "CONSTANT = 1", "class F(D): pass\nCONSTANT = 1", {"m.F().method()": "old!"}
    ),
    "class removed": Edit(
        "@mark\nclass Marked(Wilful):\n    pass\n", "", {"hasattr(m, 'Marked')": False}
    ),
    "function instead": Edit(
        "@mark\nclass Marked(Wilful):\n    pass\n", "def Marked(): return 1\n", {"m.Marked()": 1}
    ),
    "constant": Edit("CONSTANT = 1", "CONSTANT = 2", {"m.CONSTANT": 2, "n.CONSTANT": 2}),
    "instance": Edit("VALUE = C()", "VALUE = D()", {"type(n.VALUE) is m.D": True}),
    "instance removed": Edit("VALUE = C()", "VALUE = 1", {"n.VALUE": 1}),
    "classes in a tuple": Edit("(C, D)", "(D, C)", {"n.CLASSES[0] is m.D": True}),
    "exported": Edit("CONSTANT = 1", "CONSTANT = 1\n__all__ = ['C']", {"m.__all__": ["C"]}),
}


class Program:
    """Modules on disk, imported, and an `AutoReloader` that is told what was saved.

    Args:
        root: Where they are.
        sources: Their texts, by name; ``~m`` is the real name of the module m.
        rerun: What runs again.
    """

    def __init__(self, root: Path, sources: dict[str, str], rerun: str) -> None:
        self._root, self._prefix = root, f"wilful{next(_numbers)}_"
        for name, text in sources.items():
            self._write(name, text)
        importlib.invalidate_caches()
        self.modules = {it: importlib.import_module(self._prefix + it) for it in sources}
        self.reloader = AutoReloader(root, watch=False, rerun=rerun)

    def _path(self, name: str) -> Path:
        return self._root / f"{self._prefix}{name}.py"

    def _write(self, name: str, text: str) -> Path:
        self._path(name).write_text(text.replace("~", self._prefix), encoding="utf-8")
        return self._path(name)

    def edit(self, name: str, old: str, new: str) -> Reload:
        """Replace something in the text of a module, and reload it."""
        text = self._path(name).read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        reload = self.reloader.reload([self._write(name, text.replace(old, new))])
        assert reload.ok, [error.__cause__ or error for error in reload.errors]
        return reload

    def value(self, expression: str) -> object:
        """Return what an expression is among the modules."""
        return eval(expression, dict(self.modules))

    def close(self) -> None:
        """Unload them."""
        self.reloader.stop()
        for name in [it for it in sys.modules if it.startswith(self._prefix)]:
            del sys.modules[name]


Start = Callable[..., Program]


@pytest.fixture
def start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Start]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    programs = []

    def start(will: str, rerun: str = "changed", **sources: str) -> Program:
        texts = {name: textwrap.dedent(text) for name, text in sources.items()}
        texts = {name: text.replace("{will}", will) for name, text in texts.items()}
        programs.append(Program(tmp_path, texts, rerun))
        return programs[-1]

    yield start
    for program in programs:
        program.close()
    logged = [it.getMessage() for it in caplog.get_records("call")]
    assert not [it for it in logged if "please report this" in it]


@pytest.mark.parametrize("will", [RAISES, AGREES], ids=["raises", "agrees"])
@pytest.mark.parametrize("name", EDITS)
def test_an_edit(start: Start, name: str, will: str) -> None:
    program, edit = start(will, lib=LIB, m=MODULE, n=USER), EDITS[name]
    cls, sub = program.modules["n"].C, program.modules["n"].D
    reload = program.edit("m", edit.old, edit.new)
    for expression, value in edit.expected.items():
        assert program.value(expression) == value, (expression, reload)
    assert program.modules["m"].C is program.modules["n"].C is cls
    assert program.modules["m"].D is program.modules["n"].D is sub
    assert program.reloader.undo().ok
    assert program.value("n.x.method(), n.sub.method(), n.x.kind") == ("old", "old!", "old")
    assert program.modules["m"].C is program.modules["n"].C is cls


@pytest.mark.parametrize("will", [RAISES, AGREES], ids=["raises", "agrees"])
def test_whole_modules(start: Start, will: str) -> None:
    program = start(will, rerun="module", lib=LIB, m=MODULE, n=USER)
    cls = program.modules["n"].C
    program.edit("m", 'return "old"', 'return "new"')
    assert program.value("n.x.method(), n.sub.method()") == ("new", "new!")
    program.edit("lib", 'return "based"', 'return "new"')
    assert program.value("n.sub.based()") == "new"
    assert program.modules["m"].C is program.modules["n"].C is cls


@pytest.mark.parametrize("will", [RAISES, AGREES], ids=["raises", "agrees"])
def test_an_edit_of_the_metaclass(start: Start, will: str) -> None:
    program = start(will, lib=LIB, m=MODULE, n=USER)
    program.edit("lib", "class Wilful", "Meta.more = 1\nclass Wilful")
    assert program.value("n.C.more") == 1
    program.edit("lib", "class Meta(type):", "class Meta(type):\n    flavour = 'new'")
    assert program.value("n.C.flavour") == "new"
    assert program.value("n.x.method()") == "old"


def test_abstract_classes(start: Start) -> None:
    """What ABCs remember of classes are weak references, which are equal where the classes are."""
    program = start(
        NEVER_EQUAL,
        lib="import abc\nclass Meta(abc.ABCMeta):{will}\n",
        m="""
            import abc
            from ~lib import Meta
            class Shape(metaclass=Meta):
                @abc.abstractmethod
                def area(self): ...
            class Square(Shape):
                def area(self): return 1
            class Round: pass
            """,
        n="""
            from ~m import Round, Shape, Square
            answers = isinstance(Square(), Shape), isinstance(Round(), Shape)
            """,
    )
    square = program.modules["n"].Square()
    program.edit("m", "class Round: pass", "class Round(Shape):\n    def area(self): return 3")
    assert program.value("isinstance(n.Round(), n.Shape)") is True
    program.edit(
        "m",
        "def area(self): ...",
        "def area(self): ...\n    @abc.abstractmethod\n    def edge(self): ...",
    )
    assert square.area() == 1
    with pytest.raises(TypeError, match="abstract"):
        program.value("n.Square()")


@pytest.mark.parametrize("will", [RAISES, NEVER_EQUAL], ids=["raises", "never equal"])
def test_enumerations(start: Start, will: str) -> None:
    program = start(
        will,
        lib="import enum\nclass Meta(enum.EnumMeta):{will}\n",
        m="""
            import enum
            from ~lib import Meta
            class Colour(enum.Enum, metaclass=Meta):
                RED = 1
                GREEN = 2
                def of(self): return "old"
            class Size(enum.IntFlag, metaclass=Meta):
                SMALL = 1
                LARGE = 2
            """,
        n="from ~m import Colour, Size\nred, both = Colour.RED, Size.SMALL | Size.LARGE\n",
    )
    program.edit("m", "old", "new")
    assert program.value("n.red.of()") == "new"
    program.edit("m", "GREEN = 2", "GREEN = 3\n    BLUE = 4")
    assert program.value("(n.Colour.BLUE.value, n.Colour.RED is n.red, n.Colour.GREEN.value)") == (
        4,
        True,
        3,
    )
    program.edit("m", "LARGE = 2", "LARGE = 2\n    HUGE = 4")
    assert program.value("n.Size(3) is n.both") is True


def test_no_room_compares_classes() -> None:
    """``type(value) in (list, dict)`` asks the metaclass of the value, ``==`` those of bases."""
    paths = Path(mighty_patcher.__file__).parent.rglob("*.py")
    nodes = [(it.name, node) for it in paths for node in ast.walk(ast.parse(it.read_bytes()))]
    by_identity = {
        it.arg
        for _, node in nodes
        if isinstance(node, ast.arguments)
        for it in node.args
        if it.annotation
        and ast.unparse(it.annotation).startswith(("IdentitySet[", "IdentityDict["))
    } | {
        target.id
        for _, node in nodes
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and ast.unparse(node.value or node.target).startswith(("IdentitySet(", "IdentityDict("))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    found = []
    for name, node in nodes:
        match node:
            case ast.Compare(ast.Call(ast.Name("type")), [ast.In() | ast.NotIn()], [others]):
                is_asked = ast.unparse(others) not in by_identity
            case ast.Compare(
                ast.Call(ast.Name("type" | "bases_of" | "mro_of")), [ast.Eq() | ast.NotEq()]
            ):
                is_asked = True
            case _:
                is_asked = False
        if is_asked:
            found.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert by_identity
    assert found == []
