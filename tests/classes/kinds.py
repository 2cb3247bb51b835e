"""The table: kinds of class, edits of a class, and references to a class that a program may hold.

A kind is the source of a module ``m`` with a class ``C``; ``~x`` in a source is the real name of
the module x. Beside it are ``lib``, which is never edited, and ``n``, which holds all the
references.
Expressions are evaluated in a namespace with ``m``, ``n``, ``lib``, ``C`` (the class of before the
edit), ``x`` (an instance of it), ``sub`` (of a subclass in another module) and ``make()``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["EDITS", "KINDS", "LIB", "USER", "Edit", "Kind", "cases"]

HEAD = """
import abc, collections, collections.abc, contextlib, dataclasses, enum, functools, typing
import ~lib as lib
T = typing.TypeVar("T")
"""

LIB = """
import abc, enum, functools, weakref

class Mixin:
    __slots__ = ()
    def mixed(self): return "mixed"

class Base:
    def based(self): return "based"

class OtherBase(Base):
    def based(self): return "other"

class Meta(type):
    flavour = "meta"

def mark(cls):
    cls.marked = "marked"
    return cls
"""

USER = """
import functools, typing, weakref
from ~m import C
import ~lib as lib

def make(): return MAKE

held, in_tuple, in_set, in_frozen = [C], (C, (C,)), {C}, frozenset([C])
in_dict = {C: "key", "value": C}
weak, ref = weakref.WeakSet([C]), weakref.ref(C)
alias, optional, keyed = list[C], C | None, weakref.WeakKeyDictionary({C: 1})
partial = functools.partial(C)

class Holder:
    cls = C
holder = Holder()
holder.cls = C

def _closure():
    cls = C
    return lambda: cls
closure = _closure()

def default(a=C, *, b=C): return a, b

def annotated(a: C) -> C: return a

@functools.singledispatch
def generic(it): return "object"

@generic.register(C)
def _(it): return "C"

def enter(manager):
    with manager as it:
        return it

def match(it):
    match it:
        case C(kind): return kind

def mapping(it):
    match it:
        case {}: return "mapping"
        case _: return "other"

def catch(error):
    try:
        raise error
    except C:
        return "caught"
"""
SUBCLASS = """
class Sub(C):
    pass
sub = SUB
"""
INSTANCE = """
x = make()
bound = x.method
"""

COMMON = '''
    """The class."""
    kind = "old"
    def method(self): return "old"
    def gone(self): return "gone"
    @property
    def prop(self): return "prop"
    class Inner:
        def f(self): return "inner"
    # here
'''
WITHOUT_ATTRIBUTES = '''
    """The class."""
    def method(self): return "old"
    def gone(self): return "gone"
    # here
'''
OF_AN_ENUM = '''
    """The class."""
    A = 1
    B = 2
    def method(self): return "old"
    def gone(self): return "gone"
    @property
    def prop(self): return "prop"
    # here
'''


@dataclass(frozen=True)
class Edit:
    """What somebody does to the source.

    Attributes:
        name: What it is called in the ids of tests.
        changes: Texts and what they become. The text ``class`` stands for the header of C.
        after: Expressions and their values after it; an exception class if they raise.
        before: The same before it, and after it was taken back.
        method: What ``x.method()`` returns after it; None if that is not a method any more.
        without: Kinds that Python itself does not let do this, and kinds it says nothing about.
        only: The kinds it is for; empty for all that have its texts.
        since: The Python that has it.
        pickles: Whether an instance that was pickled before it can be read after it.
        makes: Whether there can be instances after it.
        residue: Names that a decorator or hook has left in the class, which stay.
    """

    name: str
    changes: tuple[tuple[str, str], ...]
    after: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    method: str | None = "old"
    without: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    since: tuple[int, int] = (3, 11)
    residue: frozenset[str] = frozenset()
    pickles: bool = True
    makes: bool = True

    def fits(self, kind: Kind) -> bool:
        if kind.name in self.without or sys.version_info < self.since:
            return False
        if self.only and kind.name not in self.only:
            return False
        if not kind.instances and re.search(r"\b(x|sub|make)\b", " ".join(self.after)):
            return False
        return all(self._text(kind, old) is not None for old, _ in self.changes)

    def apply(self, kind: Kind) -> str:
        source = kind.source
        for old, new in self.changes:
            text = self._text(kind, old)
            assert text is not None
            source = source.replace(text, new)
        assert source != kind.source
        return source

    @staticmethod
    def _text(kind: Kind, old: str) -> str | None:
        return old if kind.source.count(old) == 1 else None


@dataclass(frozen=True)
class HeaderEdit(Edit):
    """An edit of the line that begins with ``class C``.

    Attributes:
        base: A base to put first.
        keyword: A keyword argument to add.
        decorator: A decorator to put above everything.
    """

    base: str = ""
    keyword: str = ""
    decorator: str = ""

    def fits(self, kind: Kind) -> bool:
        return super().fits(kind) and not (self.keyword and "metaclass=" in kind.source)

    def apply(self, kind: Kind) -> str:
        source = super().apply(kind) if self.changes else kind.source
        line = re.search(r"^class C\b.*:$", source, re.MULTILINE)
        assert line is not None
        match = re.fullmatch(r"class C(\[.*?\])?(?:\((.*)\))?:", line[0])
        assert match is not None
        params, arguments = match[1] or "", match[2] or ""
        new = ", ".join(filter(None, [self.base, arguments, self.keyword]))
        header = f"class C{params}({new}):"
        source = source.replace(line[0], header)
        if self.decorator:
            first = source.rfind("\n\n", 0, line.start()) + 2
            source = source[:first] + self.decorator + "\n" + source[first:]
        return source


@dataclass(frozen=True)
class Kind:
    """A kind of class.

    Attributes:
        name: What it is called in the ids of tests.
        source: Of the module m.
        make: An expression for an instance, in n.
        sub: One for an instance of the subclass there; "" if there can be no subclass.
        lib: What lib has besides `LIB`.
        user: What n has besides `USER`.
        since: The Python that has it.
        needs: A package.
        stays: Expressions whose value is the same before any edit and after it.
        edits: Edits of its own.
        instances: Whether it has instances of its own with a method.
        pickles: Whether they can be pickled.
    """

    name: str
    source: str
    make: str = "C()"
    sub: str = "Sub()"
    lib: str = ""
    user: str = ""
    since: tuple[int, int] = (3, 11)
    needs: str = ""
    stays: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()
    instances: bool = True
    pickles: bool = True

    @property
    def user_source(self) -> str:
        parts = [USER.replace("MAKE", self.make)]
        if self.sub:
            parts.append(SUBCLASS.replace("SUB", self.sub))
        if self.instances:
            parts.append(INSTANCE)
        return "".join([*parts, self.user])


def kind(name: str, header: str, body: str = COMMON, **fields: Any) -> Kind:
    needs = fields.get("needs")
    return Kind(
        name, HEAD + (f"import {needs}\n" if needs else "") + "\n" + header + body, **fields
    )


def add(text: str) -> tuple[tuple[str, str], ...]:
    """Put members at the end of the body of C."""
    return (("    # here\n", "".join(f"    {line}\n" for line in text.splitlines())),)


def turn(new: str) -> tuple[tuple[str, str], ...]:
    """Make something else of the method ``gone``."""
    text = "".join(f"    {line}\n" for line in new.splitlines())
    return (('    def gone(self): return "gone"\n', text),)


GONE = {"x.gone()": "gone", "sub.gone()": "gone"}
DATACLASSES = (
    "dataclass",
    "dataclass-frozen",
    "dataclass-order",
    "dataclass-no-eq",
    "dataclass-kw-only",
    "dataclass-slots",
    "dataclass-slots-frozen",
    "dataclass-weakref-slot",
)
SLOTTED_DATACLASSES = frozenset(name for name in DATACLASSES if "slot" in name)
ENUMS = frozenset({"enum", "flag", "int-enum", "str-enum", "int-flag"})
FROZEN = frozenset({"dataclass-frozen", "dataclass-slots-frozen", "attrs-frozen"})
# Up to 3.13 the class that methods of these close over is not the one that the decorator returns.
CELL = SLOTTED_DATACLASSES if sys.version_info < (3, 14) else frozenset()
# Sequences, mappings and numbers have the dunders already.
FULL = frozenset({"int", "str", "dict", "list", "tuple", "named-tuple"}) | ENUMS
NOT_ANNOTATED = frozenset({"pydantic"})  # every name in the body is a field

# These get every edit that fits them; their like, and what Python makes as it makes these, the few.
EVERY = frozenset(
    {
        "plain",
        "slots",
        "enum",
    }
)
FEW = frozenset(
    {
        "body",
        "method to property",
        "super in a new method",
        "attribute changed",
        "base added",
        "much at once",
    }
)

EDITS = (
    Edit("body", (('method(self): return "old"', 'method(self): return "new"'),), method="new"),
    Edit(
        "method added",
        add('def added(self): return "added"'),
        {"x.added()": "added", "sub.added()": "added", "make().added()": "added"},
        {"x.added": AttributeError, "sub.added": AttributeError},
    ),
    Edit(
        "method removed",
        (('    def gone(self): return "gone"\n', ""),),
        {"x.gone": AttributeError, "sub.gone": AttributeError, "make().gone": AttributeError},
        GONE,
    ),
    Edit(
        "method to property",
        turn('@property\ndef gone(self): return "property"'),
        {"x.gone": "property", "sub.gone": "property", "make().gone": "property"},
        GONE,
        without=frozenset({"protocol"}),
    ),
    Edit(
        "method to static method",
        turn('@staticmethod\ndef gone(): return "static"'),
        {"x.gone()": "static", "sub.gone()": "static", "C.gone()": "static"},
        GONE,
    ),
    Edit(
        "method to class method",
        turn("@classmethod\ndef gone(cls): return cls.__name__"),
        {"x.gone() == type(x).__name__": True, "sub.gone()": "Sub", "C.gone()": "C"},
        GONE,
    ),
    Edit(
        "method to attribute",
        turn('gone = "attribute"'),
        {"x.gone": "attribute", "sub.gone": "attribute"},
        GONE,
        without=ENUMS | NOT_ANNOTATED | {"protocol"},
    ),
    Edit(
        "method to class",
        turn('class gone:\n    it = "class"'),
        {"x.gone.it": "class", "sub.gone.it": "class", "C.gone.__qualname__": "C.gone"},
        GONE,
        without=ENUMS,
    ),
    Edit(
        "method to lambda",
        turn('gone = lambda self: "lambda"'),
        {"x.gone()": "lambda", "sub.gone()": "lambda"},
        GONE,
        without=NOT_ANNOTATED,
    ),
    Edit(
        "method to coroutine",
        turn("async def gone(self): return 1"),
        {"x.gone().close()": None},
        GONE,
    ),
    Edit(
        "arguments of a method",
        turn('def gone(self, a=1, *b, c=2, **d): return ("gone", a, b, c, d)'),
        {
            "x.gone(0)": ("gone", 0, (), 2, {}),
            "sub.gone(1, 2, c=3, d=4)": ("gone", 1, (2,), 3, {"d": 4}),
        },
        GONE,
    ),
    Edit(
        "property to method",
        (("    @property\n    def prop", "    def prop"),),
        {"x.prop()": "prop", "sub.prop()": "prop"},
        {"x.prop": "prop", "sub.prop": "prop"},
    ),
    Edit(
        "property to attribute",
        (('    @property\n    def prop(self): return "prop"', "    prop = 1"),),
        {"x.prop": 1, "sub.prop": 1},
        {"x.prop": "prop"},
        without=ENUMS | NOT_ANNOTATED,
    ),
    Edit(
        "property gains setter and deleter",
        (
            (
                '    def prop(self): return "prop"\n',
                (
                    '    def prop(self): return "prop"\n'
                    "    log: typing.ClassVar[list] = []\n"
                    "    @prop.setter\n    def prop(self, value): self.log.append(value)\n"
                    '    @prop.deleter\n    def prop(self): self.log.append("deleted")\n'
                ),
            ),
        ),
        {
            "object.__setattr__(x, 'prop', 5), object.__delattr__(x, 'prop'), C.log[-2:]": (
                None,
                None,
                [5, "deleted"],
            ),
            "x.prop": "prop",
        },
        {"object.__setattr__(x, 'prop', 5)": AttributeError, "x.prop": "prop"},
        without=ENUMS | {"metaclass-prepare", "named-tuple"},
    ),
    Edit(
        "property changed",
        (('prop(self): return "prop"', 'prop(self): return "changed"'),),
        {"x.prop": "changed", "sub.prop": "changed"},
        {"x.prop": "prop"},
    ),
    Edit(
        "super newly used",
        (('method(self): return "old"', 'method(self): return super().__doc__ and "" or "new"'),),
        method="new",
        without=CELL | {"named-tuple"},
    ),
    Edit(
        "super in a new method",
        add("def added(self): return super().__init__ and __class__"),
        {"x.added() is C": True, "sub.added() is C": True},
        {"x.added": AttributeError},
        without=CELL | {"decorator-wraps", "named-tuple"},
    ),
    Edit(
        "class cell in a property, a static method and a lambda",
        add(
            "@property\ndef added(self): return __class__\n"
            "@staticmethod\ndef static(): return __class__\n"
            "deep = property(lambda self: (lambda: __class__)())"
        ),
        {"x.added is C": True, "sub.static() is C": True, "x.deep is C": True},
        {"x.added": AttributeError},
        without=CELL | NOT_ANNOTATED | {"protocol", "named-tuple"},
    ),
    Edit(
        "docstring",
        (('"""The class."""', '"""Another."""'),),
        {"C.__doc__": "Another."},
        {"C.__doc__": "The class."},
    ),
    Edit(
        "docstring removed",
        (('    """The class."""\n', ""),),
        {"C.__doc__ != 'The class.'": True},
        {"C.__doc__": "The class."},
    ),
    Edit(
        "attribute changed",
        (('kind = "old"', 'kind = "new"'),),
        {"x.kind": "new", "sub.kind": "new", "C.kind": "new"},
        {"x.kind": "old"},
    ),
    Edit(
        "attribute removed",
        (('    kind = "old"\n', ""),),
        {"x.kind": AttributeError, "sub.kind": AttributeError},
        {"x.kind": "old"},
        without=frozenset({"metaclass-getattr"}),
    ),
    Edit(
        "attribute added",
        add("extra = [1]"),
        {"x.extra": [1], "sub.extra": [1]},
        {"x.extra": AttributeError},
        without=ENUMS | NOT_ANNOTATED | {"protocol"},
    ),
    Edit(
        "annotations",
        add("extra: typing.ClassVar[int] = 1\nother: typing.ClassVar[str]"),
        {"{'extra', 'other'} <= typing.get_type_hints(C).keys()": True, "x.extra": 1},
        {"x.extra": AttributeError},
        without=ENUMS | {"protocol", "named-tuple", "metaclass-getattribute"},
    ),
    Edit(
        "nested class changed",
        (('f(self): return "inner"', 'f(self): return "changed"\n        g = 1'),),
        {"m.C.Inner is C.Inner": True, "x.Inner().f()": "changed", "x.Inner.g": 1},
        {"x.Inner().f()": "inner", "x.Inner.g": AttributeError},
    ),
    Edit(
        "nested class removed",
        (('    class Inner:\n        def f(self): return "inner"\n', ""),),
        {"x.Inner": AttributeError},
        {"x.Inner().f()": "inner"},
    ),
    Edit(
        "nested class added",
        add('class Added:\n    def f(self): return "added"'),
        {"x.Added().f()": "added", "sub.Added.__qualname__": "C.Added"},
        {"x.Added": AttributeError},
        without=ENUMS | {"protocol"},
    ),
    Edit(
        "moved in the file",
        (("T = typing", "def before(): return 1\nclass First: pass\n\n\nT = typing"),),
        {"m.before()": 1},
        {"m.before": AttributeError},
    ),
    # ---- dunders: each is a slot of the type, and of its subclasses
    Edit(
        "__len__ and __bool__ added",
        add("def __len__(self): return 3\ndef __bool__(self): return False"),
        {"len(x)": 3, "bool(x)": False, "len(sub)": 3, "bool(sub)": False},
        without=FULL,
        before={"len(x)": TypeError, "bool(x)": True, "len(sub)": TypeError},
    ),
    Edit(
        "__getitem__, __iter__ and __contains__ added",
        add(
            "def __getitem__(self, i): return ('item', i)\n"
            "def __iter__(self): return iter([1, 2])\n"
            "def __contains__(self, it): return it == 'it'"
        ),
        {
            "x[1]": ("item", 1),
            "[*x]": [1, 2],
            "'it' in x": True,
            "sub[1]": ("item", 1),
            "[*sub]": [1, 2],
        },
        {"x[1]": TypeError, "[*x]": TypeError, "sub[1]": TypeError},
        without=FULL | NOT_ANNOTATED,
    ),
    Edit(
        "__call__ added",
        add("def __call__(self, a): return ('called', a)"),
        {"x(1)": ("called", 1), "callable(sub)": True, "sub(2)": ("called", 2)},
        {"x(1)": TypeError, "callable(sub)": False},
    ),
    Edit(
        "__eq__ and __hash__ added",
        add("def __eq__(self, other): return other == 'equal'\ndef __hash__(self): return 7"),
        {"x == 'equal'": True, "hash(x)": 7, "sub == 'equal'": True, "hash(sub)": 7},
        {"x == 'equal'": False},
        without=FROZEN | {"dict", "list"},
    ),
    Edit(
        "__eq__ added makes it unhashable",
        add("def __eq__(self, other): return other == 'equal'"),
        {"x == 'equal'": True, "hash(x)": TypeError, "hash(sub)": TypeError, "C.__hash__": None},
        {"x == 'equal'": False},
        only=frozenset(
            {"plain", "abc", "generic", "exception", "metaclass-registry", "base", "slots"}
        ),
    ),
    Edit(
        "__getattr__ added",
        add(
            "def __getattr__(self, name):\n"
            "    if name == 'a_name': return 'got'\n    raise AttributeError(name)"
        ),
        {"x.a_name": "got", "sub.a_name": "got", "x.another_name": AttributeError},
        {"x.a_name": AttributeError},
    ),
    Edit(
        "__getattribute__ added",
        add(
            "def __getattribute__(self, name):\n"
            "    return 'got' if name == 'a_name' else object.__getattribute__(self, name)"
        ),
        {"x.a_name": "got", "sub.a_name": "got", "x.method()": "old"},
        {"x.a_name": AttributeError},
    ),
    Edit(
        "__setattr__ added",
        add(
            "def __setattr__(self, name, value):\n"
            "    if name == 'banned': raise ZeroDivisionError(name)\n"
            "    object.__setattr__(self, name, value)"
        ),
        {
            "setattr(x, 'banned', 1)": ZeroDivisionError,
            "setattr(sub, 'banned', 1)": ZeroDivisionError,
        },
        without=FROZEN,
    ),
    Edit(
        "__add__ and __radd__ added",
        add(
            "def __add__(self, other): return ('add', other)\n"
            "def __radd__(self, other): return ('radd', other)"
        ),
        {"x + 1.5": ("add", 1.5), "1.5 + x": ("radd", 1.5), "sub + 1.5": ("add", 1.5)},
        {"x + None": TypeError, "None + sub": TypeError},
    ),
    Edit(
        "__repr__ and __str__ added",
        add("def __repr__(self): return 'R'\ndef __str__(self): return 'S'"),
        {"repr(x)": "R", "str(x)": "S", "f'{sub!r}{sub!s}'": "RS"},
        {"repr(x) == 'R'": False},
    ),
    Edit(
        "__enter__ and __exit__ added",
        add("def __enter__(self): return 'in'\ndef __exit__(self, *error): return True"),
        {"n.enter(x)": "in", "n.enter(sub)": "in"},
        {"n.enter(x)": TypeError},
    ),
    Edit(
        "__init_subclass__ added",
        add("def __init_subclass__(cls, **kw): cls.seen = kw"),
        {"type('New', (C,), {}, a=1).seen": {"a": 1}},
        without=ENUMS
        | {
            "protocol",
            "pydantic",
            "metaclass-registry",
            "metaclass-call",
            "init-subclass",
            "metaclass-setattr",
            "typed-dict",
            "metaclass-in-the-module",
        }
        | {"named-tuple"},
    ),
    Edit(
        "__class_getitem__ added",
        add("def __class_getitem__(cls, item): return ('class', item)"),
        {"C[1]": ("class", 1)},
        without=ENUMS
        | {
            "typed-dict",
            "protocol",
            "generic",
            "type-parameters",
            "pydantic",
            "dict",
            "list",
            "tuple",
            "named-tuple",
        },
        before={"C[1]": TypeError},
    ),
    Edit(
        "__new__ added",
        (
            *add(
                "def __new__(cls, *a, **k):\n    it = object.__new__(cls)\n"
                "    made.append(cls)\n    return it"
            ),
            ("T = typing", "made = []\nT = typing"),
        ),
        {"make() and m.made[-1] is C": True, "n.Sub() and m.made[-1] is n.Sub": True},
        only=frozenset(
            {"plain", "base", "dataclass", "abc", "slots", "metaclass-registry", "set-name"}
        ),
    ),
    Edit(
        "__init__ added",
        add("def __init__(self): self.filled = 'filled'"),
        {"make().filled": "filled", "x.filled": AttributeError, "n.Sub().filled": "filled"},
        only=frozenset(
            {"plain", "base", "abc", "generic", "type-parameters", "metaclass-registry", "set-name"}
        ),
    ),
    Edit(
        "__match_args__ added",
        add("__match_args__ = ('kind',)"),
        {"n.match(x)": "old", "n.match(sub)": "old"},
        only=frozenset({"plain", "base", "abc", "exception"}),
    ),
    # ---- the header
    HeaderEdit(
        "base added",
        (),
        {
            "x.mixed()": "mixed",
            "sub.mixed()": "mixed",
            "isinstance(x, lib.Mixin)": True,
            "issubclass(n.Sub, lib.Mixin)": True,
            "lib.Mixin in C.__mro__": True,
            "lib.Mixin in n.Sub.__mro__": True,
        },
        {"x.mixed": AttributeError, "isinstance(sub, lib.Mixin)": False},
        base="lib.Mixin",
        without=frozenset({"named-tuple", "protocol", "slots-with-a-base"}),
    ),
    HeaderEdit(
        "base with __dict__ added",
        (),
        {
            "x.based()": "based",
            "sub.based()": "based",
            "isinstance(x, lib.Base)": True,
            "[*map(str, vars(x))] == [*map(str, vars(make()))]": True,
            "C in lib.Base.__subclasses__()": True,
        },
        {
            "x.based": AttributeError,
            "isinstance(sub, lib.Base)": False,
            "lib.Base in C.__mro__": False,
        },
        base="lib.Base",
        without=frozenset({"named-tuple", "protocol", "slots"})
        | SLOTTED_DATACLASSES
        | ENUMS
        | {"attrs-slots", "attrs-frozen", "base", "abc-keyword"},
    ),
    HeaderEdit(
        "decorator added",
        (),
        {"x.marked": "marked", "sub.marked": "marked", "C.marked": "marked"},
        decorator="@lib.mark",
        without=frozenset({"metaclass-setattr", "protocol"}),
        residue=frozenset({"marked"}),
    ),
    HeaderEdit(
        "metaclass type to ABCMeta",
        (),
        {
            "type(C) is abc.ABCMeta": True,
            "C.register(float) and isinstance(1.5, C)": True,
            "isinstance(x, C)": True,
            "isinstance(sub, C)": True,
            "isinstance('', C)": False,
        },
        {"type(C) is type": True},
        keyword="metaclass=abc.ABCMeta",
        only=frozenset(
            {
                "plain",
                "base",
                "dataclass",
                "dataclass-slots",
                "exception",
                "dict",
                "int",
                "slots",
                "set-name",
                "generic",
            }
        ),
    ),
    HeaderEdit(
        "metaclass type to another",
        (),
        {"type(C) is lib.Meta": True, "C.flavour": "meta", "isinstance(x, C)": True},
        {"type(C) is type": True, "C.flavour": AttributeError},
        keyword="metaclass=lib.Meta",
        only=frozenset(
            {
                "plain",
                "base",
                "dataclass",
                "dataclass-slots",
                "exception",
                "dict",
                "int",
                "slots",
                "set-name",
                "generic",
            }
        ),
    ),
    Edit(
        "much at once",
        (
            ('method(self): return "old"', 'method(self, a=1): return "new"'),
            ('    def gone(self): return "gone"\n', ""),
            ("    # here\n", "    def added(self): return self.method()\n"),
            ('"""The class."""', '"""Much."""'),
        ),
        {"x.added()": "new", "x.gone": AttributeError, "C.__doc__": "Much.", "sub.added()": "new"},
        {"x.gone()": "gone", "x.added": AttributeError},
        method="new",
    ),
)


def _fields(*, slots: bool, keywords: bool = False) -> tuple[Edit, ...]:
    """Edits of the fields of a dataclass: ``a`` and ``z`` are there before."""
    without_default = AttributeError if slots else 2
    two = "C(a=8, b=9)" if keywords else "C(8, 0, 9)"
    return (
        Edit(
            "field added",
            add("b: int = 2"),
            pickles=not slots,
            after={
                "make().b": 2,
                f"{two}.b": 9,
                "x.b": without_default,
                "object.__setattr__(x, 'b', 5), x.b": (None, 5),
                "object.__setattr__(sub, 'b', 6), sub.b, x.b": (None, 6, 5),
                "[f.name for f in dataclasses.fields(C)]": ["a", "z", "b"],
                "repr(make())": "C(a=1, z=0, b=2)",
                "repr(x)": "C(a=1, z=0, b=5)",
                "dataclasses.replace(make(), b=3).b": 3,
            },
            before={"make().b": AttributeError, "repr(x)": "C(a=1, z=0)"},
        ),
        Edit(
            "field removed",
            (("    z: int = 0\n", ""),),
            {
                "[f.name for f in dataclasses.fields(C)]": ["a"],
                "repr(x)": "C(a=1)",
                "C(1, 2)": TypeError,
                "make().z": AttributeError,
            },
            {"repr(x)": "C(a=1, z=0)"},
            pickles=not slots,
        ),
        Edit(
            "default changed",
            (("a: int = 1", "a: int = 7"),),
            {"C().a": 7, "x.a": 1, "n.Sub().a": 7},
            {"C().a": 1},
        ),
        Edit(
            "default factory",
            (("z: int = 0", "z: list = dataclasses.field(default_factory=list)"),),
            {"make().z": [], "x.z": 0, "make().z is make().z": False},
            {"make().z": 0},
        ),
        Edit(
            "fields reordered",
            (("    a: int = 1\n    z: int = 0\n", "    z: int = 0\n    a: int = 1\n"),),
            {"repr(x)": "C(z=0, a=1)", "(x.a, x.z)": (1, 0), "(make().a, make().z)": (1, 0)},
            {"repr(x)": "C(a=1, z=0)"},
        ),
        Edit(
            "__post_init__ added",
            add("def __post_init__(self): object.__setattr__(self, 'a', 9)"),
            {"C().a": 9, "x.a": 1},
            {"C().a": 1},
        ),
        Edit(
            "field becomes a class variable",
            (("    z: int = 0\n", "    z: typing.ClassVar[int] = 0\n"),),
            {"[f.name for f in dataclasses.fields(C)]": ["a"], "make().z": 0, "repr(x)": "C(a=1)"},
            {"repr(x)": "C(a=1, z=0)"},
            pickles=not slots,
        ),
    )


def _dataclass(name: str, options: str = "", **fields: Any) -> Kind:
    slots, keywords = "slots" in options, "kw_only" in options
    return kind(
        name,
        f"@dataclasses.dataclass{options}\nclass C:",
        COMMON.replace("    # here\n", "    a: int = 1\n    z: int = 0\n    # here\n"),
        edits=(
            *_fields(slots=slots, keywords=keywords),
            Edit(
                "decorator removed",
                ((f"@dataclasses.dataclass{options}\n", ""),),
                {"make().method()": "old"},
                residue=frozenset({"*"}),
            )
            if options in ("", "(frozen=True)", "(eq=False)")
            else Edit(
                "another option",
                ((f"dataclass{options}", f"dataclass{options[:-1]}, repr=False)"),),
                {"repr(x).startswith('<')": True},
                {"repr(x)": "C(a=1, z=0)"},
            ),
        ),
        **fields,
    )


METACLASSES = """
class SetattrMeta(type):
    def __setattr__(cls, name, value): raise TypeError(f"nobody sets {name}")
    def __delattr__(cls, name): raise TypeError(f"nobody deletes {name}")

class GetattrMeta(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return f"{name}, they say"

class GetattributeMeta(type):
    def __getattribute__(cls, name):
        if name in {"__dict__", "__subclasses__", "__annotations__"}:
            raise AttributeError(f"{name} is private")
        return super().__getattribute__(name)

class NoDuplicates(dict):
    def __setitem__(self, name, value):
        if name in self and not name.startswith("__"):
            raise TypeError(f"{name} twice")
        super().__setitem__(name, value)

class PrepareMeta(type):
    @classmethod
    def __prepare__(mcs, name, bases): return NoDuplicates(prepared=name)
    def __new__(mcs, name, bases, namespace):
        return super().__new__(mcs, name, bases, {**namespace, "order": [*namespace]})

class Singleton(type):
    instances = {}
    def __call__(cls, *args):
        if cls not in Singleton.instances:
            Singleton.instances[cls] = super().__call__(*args)
        return Singleton.instances[cls]

class Registry(type):
    by_init, by_new = [], {}
    def __new__(mcs, name, bases, namespace):
        cls = super().__new__(mcs, name, bases, namespace)
        mcs.by_new[name] = cls
        return cls
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        Registry.by_init.append(cls)
"""

HOOKS = """
class Hooked:
    as_list, as_dict, as_set, as_weak = [], {}, set(), weakref.WeakSet()
    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        Hooked.as_list.append(cls)
        Hooked.as_dict[cls.__name__] = cls
        Hooked.as_set.add(cls)
        Hooked.as_weak.add(cls)

class Named:
    log = []
    def __init__(self, label): self.label = label
    def __set_name__(self, owner, name):
        self.owner, self.name = owner, name
        Named.log.append(owner)
    def __get__(self, instance, owner):
        return self if instance is None else (self.label, self.name)

registry = []
def register(cls):
    registry.append(cls)
    return cls

def wrap(cls):
    class Wrapper(cls):
        wrapped = "wrapped"
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(Wrapper, name, getattr(cls, name))
    return Wrapper
"""

_registered = {
    "[c.__name__ for c in lib.Registry.by_init]": ["C", "Sub"],
    "lib.Registry.by_init[0] is C": True,
    "[*lib.Registry.by_new]": ["C", "Sub"],
    "lib.Registry.by_new['C'] is C": True,
}
_hooked = {
    "[c.__name__ for c in lib.Hooked.as_list]": ["C", "Sub"],
    "lib.Hooked.as_list[0] is C": True,
    "lib.Hooked.as_dict == {'C': C, 'Sub': n.Sub}": True,
    "lib.Hooked.as_set == {C, n.Sub}": True,
    "set(lib.Hooked.as_weak) == {C, n.Sub}": True,
}
_slot_edits = (
    Edit(
        "slot added",
        (("'p', 'q'", "'p', 'q', 'r'"),),
        {
            "x.r": AttributeError,
            "setattr(x, 'r', 5), x.r": (None, 5),
            "delattr(x, 'r')": None,
            "hasattr(x, 'r')": False,
            "delattr(x, 'r')  # again": AttributeError,
            "[(setattr(it, 'r', 6), it.r) for it in [make(), sub, n.Sub()]]": [(None, 6)] * 3,
            "setattr(x, 's', 1)": AttributeError,
            "C.__slots__": ("p", "q", "r"),
            "(x.p, x.q)": (1, 2),
        },
        {"setattr(x, 'r', 1)": AttributeError},
    ),
    Edit(
        "slot removed",
        (("'p', 'q'", "'p',"),),
        {"x.q": AttributeError, "setattr(x, 'q', 1)": AttributeError, "x.p": 1},
        {"x.q": 2, "x.p": 1},
        pickles=False,
    ),
    Edit(
        "slots reordered",
        (("'p', 'q'", "'q', 'p'"),),
        {
            "(x.p, x.q)": (1, 2),
            "C.__slots__": ("q", "p"),
            "setattr(make(), 'p', 7), x.p": (None, 1),
        },
        {"(x.p, x.q)": (1, 2)},
    ),
    Edit(
        "slot renamed",
        (("'p', 'q'", "'p', 'w'"),),
        {
            "x.q": AttributeError,
            "x.w": AttributeError,
            "setattr(x, 'w', 3), x.w, x.p": (None, 3, 1),
        },
        {"x.q": 2},
        pickles=False,
    ),
    Edit(
        "slot to property",
        (("'p', 'q'", "'p',"), ("    # here\n", "    q = property(lambda self: 'property')\n")),
        {"x.q": "property", "sub.q": "property"},
        {"x.q": 2},
        pickles=False,
    ),
)

KINDS: tuple[Kind, ...] = (
    kind(
        "plain",
        "class C:",
        edits=(
            Edit(
                "first annotation of all",
                add("extra: int\nother: str = ''"),
                {"C.__annotations__": {"extra": int, "other": str}},
                {"C.__dict__.get('__annotations__', {})": {}},
            ),
            HeaderEdit(
                "base becomes abstract", (), {"x.based()": "based"}, base="lib.Base, abc.ABC"
            ),
            HeaderEdit(
                "base becomes a mapping",
                (
                    (
                        "    # here\n",
                        (
                            "    def __getitem__(self, k): return k\n"
                            "    def __iter__(self): return iter('a')\n"
                            "    def __len__(self): return 1\n"
                        ),
                    ),
                ),
                {
                    "dict(x)": {"a": "a"},
                    "n.mapping(x)": "mapping",
                    "isinstance(sub, collections.abc.Mapping)": True,
                },
                {"n.mapping(x)": "other"},
                base="collections.abc.Mapping",
            ),
            HeaderEdit(
                "becomes generic",
                (),
                {
                    "C[int].__args__": (int,),
                    "isinstance(x, typing.Generic)": True,
                    "C[int]().method()": "old",
                },
                {"C[int]": TypeError},
                base="typing.Generic[T]",
            ),
        ),
    ),
    kind(
        "base",
        "class C(lib.Base):",
        edits=(
            Edit(
                "base removed",
                (("class C(lib.Base):", "class C:"),),
                {
                    "x.based": AttributeError,
                    "isinstance(x, lib.Base)": False,
                    "C.__bases__": (object,),
                    "setattr(x, 'v', 1), vars(x)['v'], setattr(sub, 'v', 2), sub.v": (
                        None,
                        1,
                        None,
                        2,
                    ),
                    "make().method()": "old",
                    "n.weakref.ref(x)() is x": True,
                },
                {"x.based()": "based", "isinstance(sub, lib.Base)": True},
            ),
            Edit(
                "base changed",
                (("class C(lib.Base):", "class C(lib.OtherBase):"),),
                {
                    "x.based()": "other",
                    "sub.based()": "other",
                    "C.__bases__ == (lib.OtherBase,)": True,
                },
                {"x.based()": "based"},
            ),
            Edit(
                "bases reordered",
                (("class C(lib.Base):", "class C(lib.Mixin, lib.OtherBase, lib.Base):"),),
                {
                    "C.__mro__[1:4] == (lib.Mixin, lib.OtherBase, lib.Base)": True,
                    "sub.based()": "other",
                },
                {"x.based()": "based"},
            ),
            Edit(
                "base of its own module",
                (
                    (
                        "class C(lib.Base):",
                        "class Own:\n    def own(self): return 'own'\n\nclass C(Own):",
                    ),
                ),
                {"x.own()": "own", "C.__bases__ == (m.Own,)": True, "isinstance(sub, m.Own)": True},
                {"x.own": AttributeError},
            ),
        ),
    ),
    kind(
        "abc",
        "class C(abc.ABC):",
        user="""
C.register(int)
also = isinstance(x, C), isinstance(1, C), isinstance("", C), issubclass(Sub, C)
""",
        stays={"isinstance(1, C)": True, "isinstance('', C)": False, "issubclass(n.Sub, C)": True},
        edits=(
            Edit(
                "abstract method added",
                add("@abc.abstractmethod\ndef must(self): ..."),
                makes=False,
                pickles=False,
                after={
                    "C()": TypeError,
                    "n.Sub()": TypeError,
                    "C.__abstractmethods__": frozenset({"must"}),
                    "n.Sub.__abstractmethods__": frozenset({"must"}),
                    "type('New', (n.Sub,), {'must': 1})().method()": "old",
                    "sub.method()": "old",
                },
                before={"C().method()": "old", "n.Sub.__abstractmethods__": frozenset()},
            ),
            Edit(
                "method becomes abstract",
                turn("@abc.abstractmethod\ndef gone(self): ..."),
                makes=False,
                pickles=False,
                after={"C()": TypeError, "n.Sub()": TypeError, "x.gone()": None},
                before={"C().gone()": "gone", "n.Sub().gone()": "gone"},
            ),
            Edit(
                "__subclasshook__ added",
                add(
                    "@classmethod\n"
                    "def __subclasshook__(cls, other): return other is bytes or NotImplemented"
                ),
                {"isinstance(b'', C)": True},
            ),
        ),
    ),
    kind(
        "abc-keyword",
        "class C(lib.Base, metaclass=abc.ABCMeta):",
        user="C.register(int)\n",
        stays={"isinstance(1, C)": True, "isinstance('', C)": False},
    ),
    kind(
        "protocol",
        "@typing.runtime_checkable\nclass C(typing.Protocol):",
        WITHOUT_ATTRIBUTES,
        make="Sub()",
        user="class Structural:\n    def method(self): return 1\n"
        "    def gone(self): return 1\n"
        "    def added(self): return 1\n",
        edits=(
            Edit(
                "member added",
                add("def member(self): ..."),
                {"isinstance(n.Structural(), C)": False, "isinstance(x, C)": True},
                {"isinstance(n.Structural(), C)": True},
            ),
        ),
    ),
    kind(
        "generic",
        "class C(typing.Generic[T]):",
        user="of_int = C[int]\n",
        stays={"n.of_int.__origin__ is C": True},
        edits=(
            Edit(
                "another parameter",
                (
                    ("T = typing", "U = typing.TypeVar('U')\nT = typing"),
                    ("typing.Generic[T]", "typing.Generic[T, U]"),
                ),
                {
                    "C[int, str].__args__": (int, str),
                    "C[bytes]": TypeError,
                    "[p.__name__ for p in C.__parameters__]": ["T", "U"],
                },
                {"C[int].__args__": (int,)},
            ),
            Edit(
                "not generic any more",
                (("(typing.Generic[T])", ""),),
                {"C[bytes]": TypeError, "isinstance(x, typing.Generic)": False},
                {"C[int].__args__": (int,)},
            ),
        ),
    ),
    kind(
        "named-tuple",
        "class C(typing.NamedTuple):",
        COMMON.replace('    kind = "old"\n', '    a: int = 1\n    z: int = 0\n    kind = "old"\n'),
        stays={"x[0]": 1, "len(x)": 2},
        edits=(
            Edit(
                "field added",
                (("    z: int = 0\n", "    z: int = 0\n    b: int = 2\n"),),
                {
                    "C._fields": ("a", "z", "b"),
                    "make().b": 2,
                    "repr(make())": "C(a=1, z=0, b=2)",
                    "len(C(1, 2, 3))": 3,
                    "x.b": IndexError,
                    "n.Sub().b": 2,
                },
                {"C._fields": ("a", "z"), "C(1, 2, 3)": TypeError},
            ),
            Edit(
                "default changed",
                (("a: int = 1", "a: int = 7"),),
                {"C().a": 7, "x.a": 1},
                {"C().a": 1},
            ),
            Edit(
                "field renamed",
                (("z: int = 0", "y: int = 0"),),
                {"x.y": 0, "x.z": AttributeError, "C._fields": ("a", "y")},
                {"x.z": 0},
            ),
        ),
    ),
    kind(
        "typed-dict",
        "class C(typing.TypedDict):",
        '\n    """The class."""\n    a: int\n    # here\n',
        instances=False,
        sub="Sub(a=1)",
        make="C(a=1)",
        edits=(
            Edit(
                "key added",
                add("b: str"),
                {
                    "C.__required_keys__": frozenset({"a", "b"}),
                    "typing.get_type_hints(C)": {"a": int, "b": str},
                },
                {"C.__required_keys__": frozenset({"a"})},
            ),
            Edit(
                "key not required",
                (("a: int", "a: typing.NotRequired[int]"),),
                {"C.__optional_keys__": frozenset({"a"})},
                {"C.__optional_keys__": frozenset()},
            ),
            Edit(
                "not total",
                (("(typing.TypedDict)", "(typing.TypedDict, total=False)"),),
                {"C.__total__": False, "C.__optional_keys__": frozenset({"a"})},
                {"C.__total__": True},
            ),
        ),
    ),
    _dataclass("dataclass"),
    _dataclass("dataclass-frozen", "(frozen=True)"),
    _dataclass("dataclass-order", "(order=True)", stays={"x <= x": True}),
    _dataclass("dataclass-no-eq", "(eq=False)"),
    _dataclass("dataclass-kw-only", "(kw_only=True)", make="C(a=1)"),
    _dataclass("dataclass-slots", "(slots=True)"),
    _dataclass("dataclass-slots-frozen", "(slots=True, frozen=True)"),
    _dataclass("dataclass-weakref-slot", "(slots=True, weakref_slot=True)"),
    kind(
        "slots",
        "class C:",
        COMMON.replace(
            "    # here\n",
            "    __slots__ = ('p', 'q')\n    def __init__(self):\n"
            "        self.p = 1\n"
            "        with contextlib.suppress(AttributeError): self.q = 2\n"
            "    # here\n",
        ),
        edits=_slot_edits,
    ),
    kind(
        "slots-with-a-base",
        "class C(lib.Mixin):",
        COMMON.replace(
            "    # here\n",
            "    __slots__ = ('p', 'q')\n    def __init__(self):\n"
            "        self.p = 1\n"
            "        with contextlib.suppress(AttributeError): self.q = 2\n"
            "    # here\n",
        ),
        edits=_slot_edits,
    ),
    kind(
        "exception",
        "class C(Exception):",
        make="C('text')",
        sub="Sub('text')",
        stays={
            "n.catch(x)": "caught",
            "n.catch(sub)": "caught",
            "n.catch(make())": "caught",
            "x.args": ("text",),
        },
        edits=(
            Edit(
                "base changed",
                (("(Exception)", "(ValueError)"),),
                {"isinstance(x, ValueError)": True, "issubclass(n.Sub, ValueError)": True},
                {"isinstance(x, ValueError)": False},
            ),
        ),
    ),
    kind("int", "class C(int):", make="C(5)", sub="Sub(5)", stays={"x == 5": True}),
    kind("str", "class C(str):", make="C('s')", sub="Sub('s')", stays={"str.upper(x)": "S"}),
    kind("dict", "class C(dict):", make="C(a=1)", sub="Sub(a=1)", stays={"x['a']": 1}),
    kind("list", "class C(list):", make="C([1])", sub="Sub([1])", stays={"x[0]": 1}),
    kind("tuple", "class C(tuple):", make="C([1])", sub="Sub([1])", stays={"x[0]": 1}),
    kind(
        "enum",
        "class C(enum.Enum):",
        OF_AN_ENUM,
        make="C.A",
        sub="",
        stays={"C.A is x": True, "C(1) is x": True, "[e.name for e in C][:2]": ["A", "B"]},
    ),
    kind(
        "flag",
        "class C(enum.Flag):",
        OF_AN_ENUM,
        make="C.A",
        sub="",
        stays={"C.A is x": True, "(C.A | C.B).value": 3},
    ),
    kind(
        "int-enum",
        "class C(enum.IntEnum):",
        OF_AN_ENUM,
        make="C.A",
        sub="",
        stays={"C.A is x": True, "C.B + 0": 2},
    ),
    kind(
        "int-flag",
        "class C(enum.IntFlag):",
        OF_AN_ENUM,
        make="C.A",
        sub="",
        stays={"C.A is x": True, "int(C.A | C.B)": 3},
    ),
    kind(
        "str-enum",
        "class C(enum.StrEnum):",
        OF_AN_ENUM.replace("A = 1", "A = 'a'").replace("B = 2", "B = 'b'"),
        make="C.A",
        sub="",
        stays={"C.A is x": True, "C('a') is x": True},
    ),
    kind("metaclass-setattr", "class C(metaclass=lib.SetattrMeta):", lib=METACLASSES),
    kind(
        "metaclass-getattr",
        "class C(metaclass=lib.GetattrMeta):",
        lib=METACLASSES,
        stays={"C.anything": "anything, they say"},
    ),
    kind(
        "metaclass-getattribute",
        "class C(metaclass=lib.GetattributeMeta):",
        lib=METACLASSES,
        pickles=False,
        stays={"C.__dict__": AttributeError},
    ),
    kind(
        "metaclass-prepare",
        "class C(metaclass=lib.PrepareMeta):",
        lib=METACLASSES,
        stays={"C.prepared": "C", "'method' in C.order": True},
        edits=(Edit("order", add("def added(self): ..."), {"'added' in C.order": True}),),
    ),
    kind(
        "metaclass-call",
        "class C(metaclass=lib.Singleton):",
        lib=METACLASSES,
        stays={
            "C() is x": True,
            "{*lib.Singleton.instances} == {C, n.Sub} and len(lib.Singleton.instances)": 2,
        },
    ),
    kind(
        "metaclass-registry", "class C(metaclass=lib.Registry):", lib=METACLASSES, stays=_registered
    ),
    kind("init-subclass", "class C(lib.Hooked):", lib=HOOKS, stays=_hooked),
    kind(
        "set-name",
        "class C:",
        COMMON + "    field = lib.Named('one')\n",
        lib=HOOKS,
        stays={"C.field.owner is C": True, "x.field[1]": "field", "{*lib.Named.log} == {C}": True},
        edits=(
            Edit(
                "descriptor added",
                add("more = lib.Named('more')"),
                {
                    "x.more": ("more", "more"),
                    "sub.more": ("more", "more"),
                    "C.more.owner is C": True,
                },
                {"x.more": AttributeError},
            ),
            Edit(
                "descriptor changed",
                (("lib.Named('one')", "lib.Named('two')"),),
                {"x.field": ("two", "field"), "C.field.owner is C": True},
                {"x.field": ("one", "field")},
            ),
        ),
    ),
    kind(
        "decorator-registers",
        "@lib.register\nclass C:",
        lib=HOOKS,
        stays={"[*map(id, lib.registry)] == [id(C)]": True},
    ),
    kind("decorator-wraps", "@lib.wrap\nclass C:", lib=HOOKS, stays={"x.wrapped": "wrapped"}),
    kind("decorator-marks", "@lib.mark\nclass C:", stays={"C.marked": "marked"}),
    kind(
        "total-ordering",
        "@functools.total_ordering\nclass C:",
        COMMON.replace("    # here", "    def __lt__(self, other): return True\n    # here"),
        edits=(
            Edit(
                "order reversed",
                (("other): return True", "other): return False"),),
                {"x >= make()": True, "sub >= make()": True},
            ),
            Edit(
                "from __lt__ to __gt__",
                (("__lt__(self, other): return True", "__gt__(self, other): return True"),),
                {"x > make()": True, "x < make()": False, "sub <= make()": False},
            ),
        ),
    ),
    kind(
        "cached-property",
        "class C:",
        COMMON + "    @functools.cached_property\n    def cached(self): return ['cached']\n",
        user="kept = x.cached\n",
        stays={"x.cached is n.kept": True, "vars(C)['cached'].attrname": "cached"},
        edits=(
            Edit(
                "cached property changed",
                (("['cached']", "['changed']"),),
                {"make().cached": ["changed"], "sub.cached": ["changed"]},
                {"make().cached": ["cached"]},
            ),
            Edit(
                "another one added",
                add("@functools.cached_property\ndef added(self): return ['added']"),
                {"x.added is x.added": True, "x.added": ["added"]},
                {"make().added": AttributeError},
            ),
        ),
    ),
    kind(
        "singledispatchmethod",
        "class C:",
        COMMON
        + """
    @functools.singledispatchmethod
    def show(self, it): return "object"
    @show.register
    def _(self, it: int): return "int"
    # more
""",
        stays={"x.show([])": "object"},
        edits=(
            Edit(
                "a type added",
                (("    # more\n", "    @show.register\n    def _(self, it: str): return 'str'\n"),),
                {"x.show('')": "str", "sub.show('')": "str", "x.show(1)": "int"},
                {"x.show('')": "object"},
            ),
            Edit(
                "a type changed",
                (('return "int"', 'return "integer"'),),
                {"x.show(1)": "integer", "sub.show(1)": "integer"},
                {"x.show(1)": "int"},
            ),
        ),
    ),
    replace(
        kind(
            "metaclass-in-the-module",
            "class Own(type):\n    flavour = 'own'\n\nclass C(metaclass=Own):",
        ),
        edits=(
            Edit(
                "metaclass changed",
                (("'own'", "'changed'"),),
                {"C.flavour": "changed", "type(C) is m.Own": True},
                {"C.flavour": "own"},
            ),
        ),
    ),
    kind(
        "base-in-the-module",
        "class Root:\n    def root(self): return 'root'\n\nclass C(Root):",
        stays={
            "m.Root in C.__bases__": True,
            "m.Root.__subclasses__() == [C]": True,
            "isinstance(x, m.Root)": True,
        },
        edits=(
            Edit(
                "base edited",
                (("return 'root'", "return 'changed'"), ("class Root:", "class Root:\n    a = 1")),
                {"x.root()": "changed", "sub.a": 1},
                {"x.root()": "root"},
            ),
        ),
    ),
    kind(
        "attrs-slots",
        "@attrs.define\nclass C:",
        COMMON.replace("    # here", "    a: int = 1\n    # here"),
        needs="attrs",
        edits=(
            Edit(
                "field added",
                add("b: int = 2"),
                {
                    "make().b": 2,
                    "x.b": AttributeError,
                    "setattr(x, 'b', 3), x.b, repr(x)": (None, 3, "C(a=1, b=3)"),
                    "C(1, 2) == C(1, 2)": True,
                    "C(1, b=3) == C(1, 2)": False,
                },
                {"C(1, 2)": TypeError},
                pickles=False,
            ),
            Edit(
                "default changed",
                (("a: int = 1", "a: int = 7"),),
                {"C().a": 7, "x.a": 1},
                {"C().a": 1},
            ),
        ),
    ),
    kind(
        "attrs-dict",
        "@attrs.define(slots=False)\nclass C:",
        COMMON.replace("    # here", "    a: int = 1\n    # here"),
        needs="attrs",
        edits=(
            Edit(
                "field added",
                add("b: int = 2"),
                {"make().b": 2, "repr(C(1, 3))": "C(a=1, b=3)"},
                {"C(1, 2)": TypeError},
            ),
        ),
    ),
    kind(
        "attrs-frozen",
        "@attrs.frozen\nclass C:",
        COMMON.replace("    # here", "    a: int = 1\n    # here"),
        needs="attrs",
        stays={"setattr(x, 'a', 1)": AttributeError, "isinstance(hash(make()), int)": True},
        edits=(
            Edit(
                "field added",
                add("b: int = 2"),
                {"make().b": 2, "repr(C(1, 3))": "C(a=1, b=3)", "C(1, 2) == C(1, 2)": True},
                {"C(1, 2)": TypeError},
                pickles=False,
            ),
        ),
    ),
    kind(
        "pydantic",
        "class C(pydantic.BaseModel):",
        COMMON.replace('kind = "old"', 'kind: typing.ClassVar[str] = "old"').replace(
            "    # here", "    a: int = 1\n    # here"
        ),
        needs="pydantic",
        stays={
            "type(C.model_validate({'a': 3})) is C": True,
            "x.model_dump()['a']": 1,
            "type(x.model_copy()) is C": True,
        },
        edits=(
            Edit(
                "field added",
                add("b: int = 2"),
                {
                    "make().b": 2,
                    "C(b='5').b": 5,
                    "C(b='no')": ValueError,
                    "[*C.model_fields]": ["a", "b"],
                    "n.Sub(b='5').b": 5,
                    "'b' in C.model_json_schema()['properties']": True,
                },
                {"[*C.model_fields]": ["a"]},
            ),
            Edit(
                "default changed",
                (("a: int = 1", "a: int = 7"),),
                {"C().a": 7, "x.a": 1},
                {"C().a": 1},
            ),
        ),
    ),
    kind(
        "type-parameters",
        "class C[P]:",
        since=(3, 12),
        user="of_int = C[int]\n",
        stays={"n.of_int.__origin__ is C": True},
        edits=(
            Edit(
                "another parameter",
                (("class C[P]:", "class C[P, Q: int]:"),),
                {
                    "[str(p) for p in C.__type_params__]": ["P", "Q"],
                    "C[int, int].__args__": (int, int),
                },
                {"[str(p) for p in C.__type_params__]": ["P"]},
            ),
            Edit(
                "no parameters",
                (("class C[P]:", "class C:"),),
                {"C.__type_params__": (), "C[int]": TypeError},
                {"C[int].__args__": (int,)},
            ),
        ),
    ),
)


def cases() -> Iterator[tuple[Kind, Edit]]:
    """Every kind with every edit that fits it."""
    for each in KINDS:
        if sys.version_info < each.since:
            continue
        every = each.name in EVERY
        for edit in (
            *(edit for edit in EDITS if every or edit.name in FEW or edit.only),
            *each.edits,
        ):
            if edit.fits(each):
                yield each, edit
