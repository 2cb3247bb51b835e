"""What a class has made once and goes on with, though its header changes, or hooks and decorators
are given the class anew: caches, locks, executors.
"""

from __future__ import annotations

import sys

import pytest

LIB = """
import functools
from typing import ClassVar, Generic, Protocol, TypeVar, final
import abc, dataclasses, enum, logging

made = []
registry = {}
log = logging.getLogger(__name__)

class Thing:
    def __init__(self, *of): made.append(self); self.of = of
def make(*of): return Thing(*of)
told = []
def tell(function):
    told.append(function)
    return function
def around(function):
    @functools.wraps(function)
    def wrapper(*args): return "around", function(*args)
    told.append(wrapper)
    return wrapper

class Plain: pass
class Other:
    def inherited(self): return "other"
class Hooked:
    def __init_subclass__(cls, tag=None, **kw):
        super().__init_subclass__(**kw)
        log.debug("%s", cls)
        registry[cls.__name__, tag] = cls
class Adds:
    items = ["base"]
    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.items = Adds.items + cls.items
class Fills:
    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.items.append(cls.__name__)
class FillsByName:
    def __init_subclass__(cls, into="items"):
        super().__init_subclass__()
        getattr(cls, into).append("by name")
class FillsByPartsOfAName:
    kind = "ems"
    def __init_subclass__(cls):
        super().__init_subclass__()
        getattr(cls, "it" + cls.kind).append("by parts")
class FillsByAText:
    def __init_subclass__(cls, kind="ems"):
        super().__init_subclass__()
        setattr(cls, f"it{kind}", [*getattr(cls, "items"), "by a text"])
class FillsElsewhere:
    def __init_subclass__(cls):
        super().__init_subclass__()
        fill(cls)
class Registry:
    def take(self, cls):
        self.hand_on(cls)
    def hand_on(self, cls):
        fill(cls)
class FillsThroughAnObject:
    taker = Registry()
    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.taker.take(cls)
def fill(cls):
    cls.items.append(cls.__name__)
callbacks = [fill]
class CallsBack:
    def __init_subclass__(cls):
        super().__init_subclass__()
        for callback in callbacks: callback(cls)
class CallsBackByKey:
    def __init_subclass__(cls):
        super().__init_subclass__()
        dict(enumerate(callbacks))[0](cls)
class Wraps:
    def __init_subclass__(cls):
        super().__init_subclass__()
        for name, value in list(vars(cls).items()):
            if type(value) is list: setattr(cls, name, ["wrapped", *value])
class Lists:
    def __set_name__(self, owner, name): owner.items.append(name)

class Instances(type):
    instances = {}
    def __call__(cls, *args):
        if cls not in cls.instances: cls.instances[cls] = super().__call__(*args)
        return cls.instances[cls]
class Collects(type):
    def __new__(meta, name, bases, names):
        return super().__new__(meta, name, bases, {
            name: ["collected", *it] if type(it) is list else it for name, it in names.items()})

def register(cls):
    registry[cls.__name__] = cls
    return cls
def named(name):
    def decorate(cls):
        registry[name] = cls
        return cls
    return decorate
def fills(cls):
    fill(cls)
    return cls
def fills_with(*values):
    def decorate(cls):
        cls.items += values
        return cls
    return decorate
@functools.wraps(fills)
def fills_below(cls): return fills(cls)
def methods(cls):
    for name in [name for name in dir(cls) if not name.startswith("__")]:
        if callable(getattr(cls, name)): setattr(cls, name, functools.wraps(getattr(cls, name))(
            lambda *a, of=getattr(cls, name): ["wrapped", of(*a)]))
    return cls
T = TypeVar("T")
U = TypeVar("U")
"""
HEADER = "from ~lib import *\nimport abc, dataclasses, enum, functools\n"
BODY = """
    state = make()
    cache = {}
    limit = 1
    instance = None
    seen: "ClassVar" = 0
    def f(self): return 1
    @tell
    def told(self, x=()): return "told", x
    @around
    @tell
    def wrapped(self): return "wrapped", __class__
"""


def load(program, source):
    lib, m = program.load("m", lib=LIB, m=HEADER + source)
    return lib, m


def fresh(program, programs, name="C"):
    """What a fresh start makes of the text that was saved last."""
    other = programs()
    _, m = other.load("m", lib=LIB, m=program.text("m"))
    return getattr(m, name)


CLASSES = {
    "bases": ("class C(Plain):", "class C(Other):"),
    "bases gained": ("class C:", "class C(Other):"),
    "bases lost": ("class C(Other):", "class C:"),
    "object": ("class C(Plain):", "class C(Plain, object):"),
    "an exception": ("class C(ValueError):", "class C(LookupError):"),
    "abc": ("class C(abc.ABC):", "class C(Other, abc.ABC):"),
    "abc gained": ("class C(Plain):", "class C(abc.ABC):"),
    "metaclass abc": ("class C:", "class C(metaclass=abc.ABCMeta):"),
    "generic": ("class C(Generic[T]):", "class C(Generic[T, U]):"),
    "generic gained": ("class C(Plain):", "class C(Plain, Generic[T]):"),
    "protocol": ("class C(Protocol):", "class C(Protocol[T]):"),
    "hook": ("class C(Hooked):", "class C(Hooked, Other):"),
    "hook gained": ("class C(Plain):", "class C(Hooked):"),
    "hook lost": ("class C(Hooked):", "class C(Plain):"),
    "keyword": ("class C(Hooked, tag=1):", "class C(Hooked, tag=2):"),
    "decorator gained": ("class C:", "@register\nclass C:"),
    "decorator lost": ("@register\nclass C:", "class C:"),
    "decorator": ("@named('a')\nclass C:", "@named('b')\nclass C:"),
    "decorators": ("@register\nclass C:", "@final\n@register\nclass C:"),
    "of methods gained": ("class C:", "@methods\nclass C:"),
    "bases and decorator": ("@register\nclass C(Plain):", "@register\nclass C(Other):"),
    "dataclass": (
        "@dataclasses.dataclass\nclass C:",
        "@dataclasses.dataclass(order=True)\nclass C:",
    ),
    "dataclass gained": ("class C:", "@dataclasses.dataclass\nclass C:"),
    "dataclass lost": ("@dataclasses.dataclass\nclass C:", "class C:"),
    "slots of a dataclass": (
        "@dataclasses.dataclass(slots=True)\nclass C:",
        "@dataclasses.dataclass(slots=True, frozen=True)\nclass C:",
    ),
    "total_ordering": (
        "@functools.total_ordering\nclass C(Plain):\n    def __lt__(self, it): return True",
        "@functools.total_ordering\nclass C(Other):\n    def __lt__(self, it): return True",
    ),
    "metaclass of singletons": (
        "class C(metaclass=Instances):",
        "class C(Other, metaclass=Instances):",
    ),
    "metaclass gained": ("class C:", "class C(metaclass=Instances):"),
    "metaclass that collects gained": ("class C:", "class C(metaclass=Collects):"),
}


@pytest.fixture(params=CLASSES)
def headers(request):
    return CLASSES[request.param]


EDITS = {
    "header": lambda source, old, new: source.replace(old, new),
    "body": lambda source, *_: source.replace("limit = 1", "limit = 2"),
    "bodies": lambda source, *_: (
        source.replace("limit = 1", "limit = 2")
        .replace('"told", x', '"other", x')
        .replace('"wrapped",', '"again",')
        .replace("def f(self): return 1", "def f(self): return 11")
    ),
    "signature": lambda source, *_: source.replace("f(self)", "f(self, x=1)"),
    "new method": lambda source, *_: source + "    def g(self): return 2\n",
    "order": lambda source, *_: source.replace("    cache = {}\n", "") + "    cache = {}\n",
    "all": lambda source, old, new: (
        EDITS["order"](source, old, new).replace(old, new).replace("limit = 1", "limit = 2")
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_what_did_not_change_is_not_made_again(program, programs, headers, edit):
    source = headers[0] + BODY
    lib, m = load(program, source)
    cls, state, cache = m.C, m.C.state, m.C.cache
    told, wrapped, f = cls.told, cls.wrapped, cls.f
    cache["a"] = 1
    instance = object()
    cls.instance, cls.seen = instance, 7
    new = EDITS[edit](source, *headers)
    assert new != source
    reload = program.save(m=HEADER + new)
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    assert not reload.stale, reload.stale
    assert m.C is cls
    assert (cls.state is state, cls.cache is cache, cache, len(lib.made)) == (
        True,
        True,
        {"a": 1},
        1,
    )
    assert (cls.instance is instance, cls.seen) == (True, 7)
    assert len(lib.told) == 3
    if "@methods" not in new:  # which wraps all of them
        assert (cls.told is told, cls.wrapped is wrapped) == (True, True)
        it = cls.__new__(cls)
        words = ("other", "again") if edit == "bodies" else ("told", "wrapped")
        own = it.wrapped()[1][1] if "slots=True" in new else cls  # before 3.14 that is another
        assert (it.told(), it.wrapped()) == ((words[0], ()), ("around", (words[1], own)))
        assert it.f() == f(it) == (11 if edit == "bodies" else 1)
    expected = fresh(program, programs)
    names = [[it.__name__ for it in c.__mro__] for c in (cls, expected)]
    assert names[0] == names[1]
    ours = [
        [name for name in vars(c) if not name.startswith("__") or name == "__lt__"]
        for c in (cls, expected)
    ]
    assert sorted(ours[0]) == sorted(ours[1])
    program.engine.undo()
    assert (cls.instance is instance, cls.seen) == (True, 7)
    assert (m.C is cls, cls.state is state, cls.cache is cache) == (True, True, True)


def test_every_edit_of_many(program):
    source = "@register\nclass C(Plain):" + BODY
    lib, m = load(program, source)
    state = m.C.state
    for base in ("Other", "Hooked", "Hooked, tag=2", "Plain", "abc.ABC", "Generic[T]", "Other"):
        new = source.replace("(Plain)", f"({base})")
        for text in (new, new.replace("limit = 1", "limit = 3"), new.replace("@register\n", "")):
            assert program.save(m=HEADER + text).ok
            assert (m.C.state is state, len(lib.made)) == (True, 1)


def test_hooks_and_decorators_are_called_as_ever(program):
    lib, m = load(program, "class C(Hooked, tag=1):" + BODY)
    cls = m.C
    assert program.edit("m", ("class C(Hooked, tag=1)", "@register\nclass C(Hooked, tag=2)")).ok
    assert lib.registry == {("C", 1): cls, ("C", 2): cls, "C": cls}
    assert program.edit("m", ("@register\n", "@named('it')\n")).ok
    assert lib.registry["it"] is cls


@pytest.mark.parametrize(
    "hook",
    [
        "cls.registry = {}",
        "if 'registry' not in cls.__dict__: cls.registry = {}",
        "if not cls.__dict__.get('is_abstract', False): registry[cls.__name__.lower()] = cls",
        "registry.setdefault(kw.pop('tag', None) or cls.__name__, []).append(cls)",
        "cls.name = getattr(cls, 'name', None) or cls.__qualname__",
        "if hasattr(cls, 'name'): setattr(cls, 'title', cls.name.title())",
        "if inspect.isabstract(cls): return",
        "if not issubclass(cls, Plain): raise TypeError(f'{cls!r} is none')",
        "log.info('%s: %s', cls, kw)",
        "taker.register(cls, *kw)",
        "register(cls)",
        "handler = functools.partial(register, cls); registry['late'] = handler",
        "cls.handle = lambda self, x: [x for _ in (1, 2)]",
        "cls.check()",
        "threading.Timer(0, print, (cls,))",
        "registry[cls.__name__] = re.sub('[A-Z]', '_', cls.__name__)",
        "subclasses.add(cls)",
        "for base in cls.__mro__[1:]: base.register_known(cls) if base in known else None",
    ],
)
def test_hooks_that_are_looked_through(program, hook):
    """The last one calls something by a name that nothing has: who knows what that is."""
    lib = f"""{LIB}
import inspect, re, threading, weakref
subclasses, known = weakref.WeakSet(), []
class Taker:
    def __init__(self): self.classes = []
    def register(self, cls, *names): self.add(cls); return self
    def add(self, cls): self.classes.append(cls)
taker = Taker()
class Base(Plain):
    def __init_subclass__(cls, **kw):
        super().__init_subclass__()
        {hook}
    @classmethod
    def check(cls): return cls.__name__
"""
    lib, m = program.load("m", lib=lib, m=HEADER + "class C(Base):" + BODY)
    state, cache = m.C.state, m.C.cache
    for edit in [("limit = 1", "limit = 2"), ("C(Base)", "C(Base, Other)"), ("C(Base", "C(Plain")]:
        assert program.edit("m", edit).ok
    is_held = "register_known" not in hook
    assert (m.C.state is state, m.C.cache is cache) == (is_held, is_held)


# --- what somebody has made something else of is made again --------------------------------------

TOUCHED = {
    "class C(Adds):": "class C(Adds, Other):",
    "class C(Fills):": "class C(Fills, Other):",
    "class C(FillsByName, into='items'):": "class C(FillsByName):",
    "class C(FillsByPartsOfAName):": "class C(FillsByPartsOfAName, Other):",
    "class C(FillsByAText):": "class C(FillsByAText, Other):",
    "class C(FillsElsewhere):": "class C(FillsElsewhere, Other):",
    "class C(FillsThroughAnObject):": "class C(FillsThroughAnObject, Other):",
    "class C(CallsBack):": "class C(CallsBack, Other):",
    "class C(CallsBackByKey):": "class C(CallsBackByKey, Other):",
    "class C(Wraps):": "class C(Wraps, Other):",
    "class C(metaclass=Collects):": "class C(Other, metaclass=Collects):",
    "@fills\nclass C(Plain):": "@fills\nclass C(Other):",
    "@fills_with(1)\nclass C:": "@fills_with(1, 2)\nclass C:",
    "@fills_with(1, 2)\nclass C:": "class C:",
    "@fills_below\nclass C:": "@register\n@fills_below\nclass C:",
    "@(lambda cls: fills(cls))\nclass C:": "@(lambda cls: fills(cls) )\nclass C(Other):",
    "@callbacks[0] or register\nclass C:": "class C:",
    "@functools.partial(fills_with, 1)()\nclass C:": "class C:",
}


@pytest.mark.parametrize("edit", ["header", "body"])
@pytest.mark.parametrize("header", TOUCHED)
def test_what_hooks_or_decorators_touch_is_as_after_a_fresh_start(program, programs, header, edit):
    source = f"{LIB}\ncallbacks = [fills]\n" if "callbacks[0]" in header else LIB
    text = f"{HEADER}{header}\n    items = []\n    limit = 1\n"
    _lib, m = program.load("m", lib=source, m=text)
    changed = {header: TOUCHED[header]} if edit == "header" else {"limit = 1": "limit = 2"}
    for old, new in changed.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    reload = program.save(m=text)
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    other = programs()
    _, expected = other.load("m", lib=source, m=text)
    assert m.C.items == expected.C.items


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("x: list = dataclasses.field(default_factory=list)", None),
        ("x: object = dataclasses.field(default=5)", 5),
        ("x: object = make()", None),
        ("x: 'ClassVar[object]' = make()", "held"),
        ("x: ClassVar[object] = make()", "held"),
        ("x = make()", "held"),
    ],
)
def test_fields_are_made_again(program, body, value):
    lib, m = load(program, f"@dataclasses.dataclass\nclass C:\n    {body}\n    y: int = 1\n")
    x, count = vars(m.C).get("x"), len(lib.made)
    assert program.edit("m", ("y: int = 1", "y: int = 2")).ok
    if value == "held":
        assert (m.C.x is x, len(lib.made), m.C().y) == (True, 1, 2)
    else:
        assert (vars(m.C).get("x") is x) == (not count)
        assert len(lib.made) == 2 * count
    assert type(m.C().x) in (list, int, lib.Thing)


def test_descriptors_name_themselves_again(program):
    """What is read or filled by their `__set_name__` is made again with them."""
    _lib, m = load(
        program,
        "@register\nclass C:\n    items = []\n    other = []\n    it = Lists()\n    limit = 1\n",
    )
    items, other = m.C.items, m.C.other
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.items is items, m.C.other is other) == (["it"], False, True)


@pytest.mark.parametrize(
    "body",
    [
        "items = []\n    items.append(1)",
        "items = []\n    items += [1]",
        "items = [0]\n    items[0] = 1",
        "items = []\n    @items.append\n    def f(self): pass",
        "items = []\n    for it in (1, 2): items.append(it)",
        "items = []\n    locals()['items'].append(1)",
        "items = []\n    items = [1]",
        "if True: items = [1]",
        "other = make()\n    other.of += ([],)\n    items = [other.of]",
        "first = []\n    items = [first]\n    first.append(2)",
        "def f(self): pass\n    items = [f]",
        "items = (other := [1])",
        "from builtins import list as of\n    items = of()\n    items.append(1)",
    ],
)
def test_what_other_statements_have_a_hand_in_is_made_again(program, programs, body):
    _, m = load(program, f"@register\nclass C:\n    {body}\n    limit = 1\n")
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    expected = fresh(program, programs)
    assert len(m.C.items) == len(expected.items)
    if "def f" in body:
        assert m.C.items == [m.C.f] or m.C.f is None
    elif "other" not in body:
        assert m.C.items == expected.items


def test_one_made_of_another(program):
    lib, m = load(
        program,
        "@register\nclass C:\n    size = 1\n    a = make(size)\n    b = make(a)\n    c = make(b)\n",
    )
    before = m.C.a, m.C.b, m.C.c
    assert program.edit("m", ("@register", "@final")).ok
    assert (m.C.a, m.C.b, m.C.c) == before
    assert program.edit("m", ("make(a)", "make(a, 1)")).ok
    assert m.C.a is before[0]
    assert m.C.b.of == (m.C.a, 1)
    assert m.C.c.of == (m.C.b,)
    assert program.edit("m", ("size = 1", "size = 2")).ok
    assert (m.C.a.of, m.C.b.of, m.C.c.of) == ((2,), (m.C.a, 1), (m.C.b,))
    assert len(lib.made) == 8


def test_one_made_of_another_that_stands_below_it_now(program):
    source = "a = 0\nclass C(Plain):\n    a = make()\n    b = make(a)\n"
    _, m = load(program, source)
    new = "a = 0\nclass C(Plain):\n    b = make(a)\n    a = make()\n"
    assert program.save(m=HEADER + new).ok
    assert m.C.b.of == (0,)


def test_what_reads_something_that_changed(program):
    lib, m = load(program, "LIMIT = 1\nclass C(Plain):\n    a = make(LIMIT)\n    b = make()\n")
    b = m.C.b
    assert program.edit("m", ("LIMIT = 1", "LIMIT = 2"), ("C(Plain)", "C(Other)")).ok
    assert (m.C.a.of, m.C.b is b, m.C().inherited(), len(lib.made)) == ((2,), True, "other", 3)


@pytest.mark.parametrize("edit", [("limit = 1", "limit = 2"), ("C(Plain)", "C(Other)")])
@pytest.mark.parametrize(
    ("below", "is_held"),
    [
        ("C = fills(C)", False),
        ("C = methods(C)", False),
        ("C = dataclasses.dataclass(C)", True),
        ("C = named('x')(C)", True),
        ("C = register(C)", True),
    ],
)
def test_what_decorates_the_class_below_it(program, programs, below, is_held, edit):
    _, m = load(
        program,
        "class C(Plain):\n    x: list = dataclasses.field(default_factory=list)\n    items = []\n"
        f"    limit = 1\n    def f(self): return 1\n{below}\n",
    )
    items = m.C.items
    assert program.edit("m", edit).ok
    expected = fresh(program, programs)
    assert (m.C.items is items, m.C.items) == (is_held, expected.items)
    assert m.C().f() == expected().f()
    assert type(m.C().x) is type(expected().x)


# --- where the class is made anew, or what made it is not what it was ----------------------------


def test_a_hook_that_is_edited_with_the_class(program):
    """What the old one had done is not known any more."""
    source = """
    class Base:
        def __init_subclass__(cls): cls.items = cls.items + ["old"]
    class C(Base):
        items = []
        limit = 1
    """
    (m,) = program.load("m", m=source)
    new = source.replace("cls.items = cls.items + ['old']".replace("'", '"'), "cls.other = ['new']")
    assert program.save(m=new.replace("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.other) == ([], ["new"])


def test_a_class_that_is_edited_after_its_hook(program):
    source = """
    class Base:
        def __init_subclass__(cls): cls.items = cls.items + ["old"]
    class C(Base):
        items = []
        limit = 1
    """
    (m,) = program.load("m", m=source)
    assert program.edit("m", ('cls.items = cls.items + ["old"]', "cls.other = 1")).ok
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.other) == ([], 1)
    assert program.edit("m", ("cls.other = 1", "cls.other = 2"), ("items = []", "items = [1]")).ok
    assert (m.C.items, m.C.other) == ([1], 2)
    items = m.C.items
    assert program.edit("m", ("limit = 2", "limit = 3")).ok
    assert m.C.items is items


@pytest.mark.parametrize("made", ["metaclass=Meta", "Base"])
def test_what_is_written_out_after_what_makes_the_class(program, made):
    """What the old code has put there is not what the program has."""
    source = f"""
    class Meta(type):
        def __init__(cls, *of): cls.items.append("old")
    class Base:
        def __init_subclass__(cls): cls.items.append("old")
    class C({made}):
        items = []
        limit = 1
    """
    (m,) = program.load("m", m=source)
    assert m.C.items == ["old"]
    text = program.text("m").replace('cls.items.append("old")', "cls.other = 1")
    assert program.save(m=text).ok
    assert program.edit("m", ("items = []", "items = [1]")).ok
    assert (m.C.items, m.C.other) == ([1], 1)


def test_a_decorator_that_is_edited_with_the_class(program):
    lib, m = program.load(
        "m",
        "lib",
        lib="def add(cls):\n    cls.items = cls.items + [1]\n    return cls\n",
        m="from ~lib import add\n@add\nclass C:\n    items = []\n    limit = 1\n",
    )
    assert m.C.items == [1]
    text = program.text("m").replace("limit = 1", "limit = 2")
    reload = program.save(lib="def add(cls):\n    cls.other = [2]\n    return cls\n", m=text)
    assert reload.ok
    assert (lib.add is m.add, m.C.items, m.C.other) == (True, [], [2])


def test_a_base_that_loses_its_hook(program):
    source = """
    class Base:
        def __init_subclass__(cls): cls.items = cls.items + ["old"]
    class C(Base):
        items = []
        def f(self): return 1
    """
    (m,) = program.load("m", m=source)
    hook = '    def __init_subclass__(cls): cls.items = cls.items + ["old"]'
    assert program.save(m=source.replace(hook, "    pass")).ok
    assert m.C.items == []


def test_a_base_that_gets_a_hook(program):
    source = """
    made = []
    class Base:
        pass
    class C(Base):
        items = [made.append(1)]
        def f(self): return 1
    """
    (m,) = program.load("m", m=source)
    items, f = m.C.items, m.C.f
    hook = "    def __init_subclass__(cls): cls.found = [cls.f]"
    assert program.save(m=source.replace("        pass", f"    {hook}")).ok
    assert (m.C.items is items, m.C.found, m.made) == (True, [f], [1])


def test_a_data_class_whose_base_has_another_field(program):
    lib, m = load(
        program,
        "@dataclasses.dataclass\nclass Base:\n    x: int = 1\n"
        "@dataclasses.dataclass\nclass C(Base):\n    y: int = 2\n    state = make()\n",
    )
    state = m.C.state
    assert program.edit("m", ("x: int = 1", "x: int = 1\n    z: int = 3")).ok
    assert (m.C.state is state, m.C().z, len(lib.made)) == (True, 3, 1)


def test_another_class_has_values_of_its_own(program):
    """Where instances would be laid out in another way, and the old class goes on beside it."""
    lib, m = load(program, "@register\nclass C(Plain):" + BODY + "class D(C): pass\n")
    old, cache = m.C, m.C.cache
    reload = program.edit("m", ("class C(Plain)", "class C(Plain, int)"))
    assert reload.ok
    assert [it.what for it in reload.stale][:1] == ["class C"]
    assert m.C is not old
    assert (old.cache is cache, m.C.cache is cache, m.C.state is old.state) == (True, False, False)
    assert len(lib.made) == 2


def test_a_body_is_executed_once_where_another_class_has_to_be_made(program):
    lib, m = load(program, "class C(Plain):" + BODY)
    old = m.C
    assert program.edit("m", ("C(Plain)", "C(Plain, int)"), ("limit = 1", "limit = make()")).ok
    assert (m.C is old, len(lib.made)) == (False, 3)


def test_an_enumeration(program):
    """Its members are made of what the body binds, and held by nobody else."""
    lib, m = load(
        program, "class C(enum.Enum):\n    A = make()\n    B = []\n    def f(self): pass\n"
    )
    a = m.C.A
    assert program.edit("m", ("def f", "def g")).ok
    assert (m.C.A is a, type(m.C.A.value), m.C.B.value) == (True, lib.Thing, [])
    assert program.edit("m", ("C(enum.Enum)", "C")).ok
    assert (type(m.C.A), m.C.B) == (lib.Thing, [])
    b = m.C.B
    assert program.edit("m", ("class C", "class C(enum.Enum)")).ok
    assert m.C.B.value is b


# --- where classes stand -------------------------------------------------------------------------


@pytest.mark.parametrize("block", ["if True:", "try:", "with open('/dev/null'):"])
def test_in_a_block(program, block):
    end = "\nexcept LookupError: pass\n" if block == "try:" else "\n"
    text = ("class C(Plain):" + BODY).replace("\n", "\n    ")
    lib, m = load(program, f"{block}\n    {text}{end}")
    state, cache = m.C.state, m.C.cache
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert (m.C.state is state, m.C.cache is cache, len(lib.made)) == (True, True, 1)
    assert (m.C.limit, m.C().inherited()) == (2, "other")


def test_in_another_branch_is_another_class(program):
    source = (
        "FLAG = True\nif FLAG:\n    class C:\n        x = []\nelse:\n    class C:\n        x = []\n"
    )
    _, m = load(program, source)
    m.C.x.append(1)
    assert program.edit("m", ("FLAG = True", "FLAG = False")).ok
    assert m.C.x == []


def test_in_a_class(program):
    inner = ("class Inner(Plain):" + BODY).replace("\n", "\n    ")
    lib, m = load(program, f"@register\nclass C:\n    {inner}\n    other = make()\n")
    state, other = m.C.Inner.state, m.C.other
    edits = [("limit = 1", "limit = 2"), ("@register\n", ""), ("Inner(Plain)", "Inner(Other)")]
    for edit in edits:
        assert program.edit("m", edit).ok
        assert (m.C.Inner.state is state, m.C.other is other, len(lib.made)) == (True, True, 2)
    assert (m.C.Inner.limit, m.C.Inner().inherited()) == (2, "other")


def test_private_names_and_annotations(program):
    lib, m = load(
        program,
        "@register\nclass C(Plain):\n    __a = make()\n    b: object = make()\n    c: int\n",
    )
    a, b = m.C._C__a, m.C.b
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert (m.C._C__a is a, m.C.b is b, len(lib.made)) == (True, True, 2)
    assert list(m.C.__annotations__) == ["b", "c"]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_type_parameters_that_functions_close_over(program):
    source = "@register\nclass C[T]:\n    x = 1\n    def f(self): return T\n"
    _, m = load(program, source + "    class D:\n        def g(self, x: T): return T\n")
    assert program.edit("m", ("x = 1", "x = 2")).ok
    (first,) = m.C.__type_params__
    assert (m.C().f(), m.C.D().g(0), m.C.D.g.__annotations__["x"]) == (first, first, first)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="PEP 695")
def test_type_parameters(program):
    lib, m = load(
        program,
        "class C[T]:\n    a = make()\n    b = make(T)\n    def f(self, x: T) -> T: return x\n",
    )
    a = m.C.a
    assert program.edit("m", ("C[T]", "C[T, U]")).ok
    first, _ = m.C.__type_params__
    assert (m.C.a is a, m.C.b.of, m.C.f.__annotations__["x"]) == (True, (first,), first)
    assert len(lib.made) == 3


# --- what is not the body's ----------------------------------------------------------------------


def test_what_was_set_from_outside_stays(program):
    _, m = load(program, "class C(Plain):" + BODY)
    m.C.other = m.C.limit = object()
    other = m.C.other
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert (m.C.other is other, m.C.limit is other) == (True, True)


def test_what_was_set_in_place_of_a_constant(program):
    """It stays where the constant does; a hook that makes something of that gets the constant."""
    _, m = load(
        program,
        """\
class C(Hooked):
    default = None
    left = right = None
    items = ()
class D(Adds):
    items = []
    other = 1
class Doubles:
    def __init_subclass__(cls): cls.number *= 2
class F(Doubles):
    number = 4
    def f(self): return 1
""",
    )
    m.C.default, m.C.left, m.D.other, m.F.other = int, 1, 2, 3
    assert program.edit("m", ("items = ()", "items = (1,)"), ("items = []", "items = [1]")).ok
    assert (m.C.default, m.C.left, m.C.right, m.C.items, m.D.other) == (int, 1, None, (1,), 2)
    assert m.F.number == 8
    assert program.edit("m", ("    def f(self): return 1", "    more = 1")).ok
    assert (m.F.number, m.F.more, m.F.other) == (8, 1, 3)
    assert program.edit("m", ("default = None", "default = 0")).ok
    assert m.C.default == 0


def test_what_was_deleted_from_outside_stays_deleted(program):
    _, m = load(program, "class C(Plain):" + BODY)
    del m.C.cache, m.C.f
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert not hasattr(m.C, "cache")
    assert not hasattr(m.C, "f")


def test_what_is_of_another_type_was_not_made_by_the_body(program):
    _, m = load(program, "@register\nclass C(Plain):" + BODY)
    m.C.cache = [1]
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert m.C.cache == {}


def test_methods_are_the_same_functions_and_patched(program):
    _, m = load(program, "@register\nclass C(Plain):" + BODY)
    f, x = m.C.f, m.C()
    bound = x.f
    assert program.edit(
        "m", ("C(Plain)", "C(Other)"), ("return 1", "return super().inherited()")
    ).ok
    assert (m.C.f is f, bound(), x.f()) == (True, "other", "other")


def test_what_decorators_of_methods_remember_goes_on(program):
    """In a class that nobody makes something else of, methods are not made again, either."""
    _, m = load(program, "class C(Plain):\n    @functools.cache\n    def f(self): return make()\n")
    x = m.C()
    made = x.f()
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    assert x.f() is made


def test_nothing_is_left_behind(program):
    """Neither by the values that are held nor by the code that asks for them."""
    import gc
    import weakref

    lib, m = load(program, "@register\nclass C(Plain):" + BODY)
    assert program.edit("m", ("C(Plain)", "C(Other)")).ok
    state = weakref.ref(m.C.state)
    gc.collect()
    gc.disable()
    try:
        assert program.edit("m", ("C(Other)", "C(Plain)")).ok
        assert program.edit("m", ("state = make()", "state = None")).ok
        assert program.edit("m", ("limit = 1", "limit = 2")).ok
        assert program.edit("m", ("limit = 2", "limit = 3")).ok
        lib.made.clear()
        assert state() is None
    finally:
        gc.enable()


def test_a_function_in_what_goes_on_is_patched(program):
    _, m = load(
        program,
        "from collections import defaultdict\n@register\nclass C(Plain):\n"
        "    cache = defaultdict(lambda: 1)\n    limit = 1\n",
    )
    cache = m.C.cache
    assert program.edit("m", ("C(Plain)", "C(Other)"), ("lambda: 1", "lambda: 2")).ok
    assert (m.C.cache is cache, cache["a"]) == (True, 2)
    assert program.edit("m", ("limit = 1", "limit = 2"), ("lambda: 2", "lambda: 3")).ok
    assert (m.C.cache is cache, cache["b"]) == (True, 3)


def test_what_was_made_by_a_function_that_changed_is_named(program):
    source = "def make_one(): return [1]\n@register\nclass C(Plain):\n    x = make_one()\n"
    _, m = load(program, source)
    x = m.C.x
    reload = program.edit("m", ("[1]", "[2]"), ("C(Plain)", "C(Other)"))
    assert [f"{it.qualname}: {it.reason}" for it in reload.kept] == [
        "C.x: it was made by make_one(), whose body changed"
    ]
    assert m.C.x is x


WRAPPERS = """
import functools, inspect, types
told = []
def tell(function):
    told.append(function)
    function.tag = "tag"
    return function
def wrap(function):
    @functools.wraps(function)
    def wrapper(*args): return ["wrapped", function(*args)]
    return wrapper
class Meta(type):
    def __new__(meta, name, bases, namespace):
        return super().__new__(meta, name, bases, {k: change(k, v) for k, v in namespace.items()})
class Sets(type):
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        for k, v in namespace.items():
            if change(k, v) is not v: setattr(cls, k, change(k, v))
class Hook:
    def __init_subclass__(cls):
        super().__init_subclass__()
        for k, v in list(vars(cls).items()):
            if change(k, v) is not v: setattr(cls, k, change(k, v))
def decorate(cls):
    for k, v in list(vars(cls).items()):
        if change(k, v) is not v: setattr(cls, k, change(k, v))
    return cls
"""
CHANGES = [
    "callable(v) and not k.startswith('__')",
    "inspect.isfunction(v)",
    "type(v) is types.FunctionType",
    "isinstance(v, types.FunctionType)",
    "k.startswith('on_')",
    "k == 'on_' + 'it'",
    "getattr(v, 'tag', None)",
    "hasattr(v, 'tag')",
    "'tag' in getattr(v, '__dict__', ())",
    "getattr(v, '__name__', '').startswith('on')",
    "hasattr(v, '__code__') and 'self' in v.__code__.co_varnames",
    "isinstance(v, int)",
    "hasattr(v, 'other')",
    "k in ('others', 'more')",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "head",
    [
        "class C(metaclass=Meta):",
        "class C(metaclass=Sets):",
        "class C(Hook):",
        "@decorate\nclass C:",
    ],
)
def test_methods_are_wrapped_once(program, head, change):
    """By whoever is given the class, or goes through what its body has bound."""
    wrappers = f"{WRAPPERS}\ndef change(k, v): return wrap(v) if {change} else v\n"
    body = "    limit = '1'\n    @tell\n    def on_it(self): return 'it', self.limit\n"
    lib, m = program.load("m", lib=wrappers, m=f"from ~lib import *\n{head}\n{body}")
    before, told = m.C.on_it, len(lib.told)
    result = m.C().on_it()
    assert result in (("it", "1"), ["wrapped", ("it", "1")])
    for number in ("2", "3"):
        edit = (f"limit = '{int(number) - 1}'", f"limit = '{number}'")
        assert program.edit("m", edit).ok
        expected = ("it", number)
        assert m.C().on_it() == (expected if type(result) is tuple else ["wrapped", expected])
        assert before(m.C()) == m.C().on_it()
    if type(result) is tuple:  # nobody has made anything of it
        assert (before is m.C.on_it, len(lib.told)) == (True, told)


CALLING = """
    limit = 1
    items = []
    items.append("first")
    made.append("called")
    def handle(self, x=make()): return "handled", x
    made.append(handle)
    a, b = make(1), make(2)
"""


@pytest.mark.parametrize(
    "head",
    [
        "class C(Hooked):",
        "@register\nclass C:",
        "@dataclasses.dataclass\nclass C:",
        "class C(metaclass=Instances):",
    ],
)
def test_calls_that_stand_alone_are_not_made_again(program, head):
    lib, m = load(program, head + CALLING)
    made, items, handle = list(lib.made), m.C.items, m.C.handle
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.limit, m.C.items is items, items) == (2, True, ["first"])
    assert (m.C.handle is handle, handle.__defaults__[0]) == (True, made[1])
    assert lib.made == made
    assert program.edit("m", ('"handled"', '"other"'), ("limit = 2", "limit = 3")).ok
    assert handle(m.C())[0] == "other"
    # One that is edited is, and what it fills is made for it.
    assert program.edit("m", ('items.append("first")', 'items.append("second")')).ok
    assert m.C.items == ["second"]
    assert "called" not in lib.made[len(made) :]
    program.engine.undo()
    assert m.C.items == ["first"]


REST = {
    "two names": "a, b = make(1), make(2)",
    "nested": "(a, b), *c = [make(1), make(2)], make(3), make(4)",
    "one for two": "a = b = make()",
    "within an expression": "a = [b := make(3), b]",
    "an if": "if make(): a = make()\n    else: b = 1",
    "a for": "for a in (1, 2): make(a)",
    "a while": "a = 2\n    while a: a -= 1; make(a)",
    "deleted": "for a in (1, 2): make(a)\n    del a",
    "made and deleted": "a = make()\n    b = make(a)\n    del a",
    "a with": "with open('/dev/null') as a: b = make(a)",
    "a try": "try: import nothing_that_there_is\n    except ImportError: a = make()",
    "a match": "match make(1, 2):\n        case Thing(of=(a, b)): make(a)",
    "augmented": "a = make().of\n    a += (make(),)",
    "twice": "a = make()\n    a = make(a)",
    "a function": "if True:\n        def a(self, x=make()): return x",
    "decorated in a block": "if True:\n        @around\n        def a(self, x=make()): return 1",
    "by key": "a = {}\n    a['x'] = make()",
    "an assert": "assert make()",
    "a call in an expression": "make() or 1",
    "private": "__a, __b = make(), make()",
    "made of a function": "def _it(self): return 1\n    a = around(_it)\n    b = make(1)",
    "a pair of functions": "a = make()\n    def f(self): return 1\n    b = f.x, f.y = make(), 1",
}
HEADS = [
    "class C(Hooked):",
    "@register\nclass C:",
    "@dataclasses.dataclass\nclass C:",
    "class C(metaclass=Instances):",
    "class C(Plain):",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("body", REST.values(), ids=REST)
def test_what_is_no_plain_assignment_is_not_executed_again(program, programs, head, body):
    lib, m = load(program, f"{head}\n    limit = 1\n    {body}\n    after = 1\n")
    made, told = list(lib.made), len(lib.told)
    before = {name: value for name, value in vars(m.C).items() if not name.startswith("__")}
    assert made
    for edit in [("limit = 1", "limit = 2"), ("after = 1", "after = 2\n    more = 3")]:
        assert program.edit("m", edit).ok
        assert (lib.made, len(lib.told)) == (made, told)
        expected = before | {"limit": 2, "after": m.C.after}
        assert {name: vars(m.C)[name] for name in before} == expected
    assert (m.C.limit, m.C.after, m.C.more) == (2, 2, 3)
    last = body.rindex("make(")
    assert program.edit(
        "m", (body, f"{body[:last]}make('new', *[{body[last + 5 :].replace(')', '])', 1)}")
    ).ok
    assert any("new" in it.of for it in lib.made)
    ours, others = vars(m.C), vars(fresh(program, programs))
    assert {it for it in ours if not it.startswith("__")} == {
        it for it in others if not it.startswith("__")
    }


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize(
    "block", ["if len(made) < 9:", "with open('/dev/null') as it:", "match 1:\n      case 1:"]
)
def test_of_a_block_what_changed_is_executed(program, head, block):
    body = """
        cache = make()
        made.append("called")
        limit = 1
        a, b = make(cache), limit
        def f(self): return 1
"""
    lib, m = load(program, f"{head}\n    {block}{body}")
    made, cache, f = list(lib.made), m.C.cache, m.C.f
    assert program.edit("m", ("def f(self): return 1", "def f(self): return 2")).ok
    assert (lib.made, m.C.f is f, m.C().f()) == (made, True, 2)
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.limit, m.C.cache is cache, m.C.b, m.C.a.of) == (2, True, 2, (cache,))
    assert [it for it in lib.made[len(made) :] if type(it) is not lib.Thing] == []
    assert program.edit("m", (block, f"{block} # moved\n")).ok


def test_what_is_made_in_the_part_of_a_try_that_ran_before_is_made_again(program):
    """Nobody knows how far it had got."""
    lib, m = load(
        program,
        "class C(Hooked):\n    try:\n        a = make()\n        b = 1\n"
        "    except TypeError:\n        a = None\n",
    )
    a = m.C.a
    assert program.edit("m", ("b = 1", "b = 2")).ok
    assert (m.C.b, m.C.a is a, len(lib.made)) == (2, False, 2)


@pytest.mark.parametrize(
    "body", ["if True: items = []", "items, other = [], []", "items = it = []"]
)
@pytest.mark.parametrize("header", TOUCHED)
def test_what_others_touch_of_them_is_as_after_a_fresh_start(program, programs, header, body):
    source = f"{LIB}\ncallbacks = [fills]\n" if "callbacks[0]" in header else LIB
    text = f"{HEADER}{header}\n    {body}\n    limit = 1\n"
    _lib, m = program.load("m", lib=source, m=text)
    text = text.replace("limit = 1", "limit = 2")
    assert program.save(m=text).ok
    _, expected = programs().load("m", lib=source, m=text)
    assert m.C.items == expected.C.items


def test_what_a_metaclass_takes_out_of_a_block_is_made_for_it_again(program, programs):
    source = f"""{LIB}
taken = []
class Takes(type):
    def __new__(meta, name, bases, names):
        taken.append([names.pop(it) for it in list(names) if type(names[it]) is list])
        return super().__new__(meta, name, bases, names)
"""
    lib, _ = program.load(
        "m",
        lib=source,
        m=f"{HEADER}class C(metaclass=Takes):\n    if True: a = [1]\n    for b in [[2]]: pass\n"
        "    limit = 1\n",
    )
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert lib.taken == [[[1], [2]]] * 2
