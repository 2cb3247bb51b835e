"""Registries that refuse what they have: they are asked once more, and then they have not."""

from __future__ import annotations

import gc

import pytest

LIB = """
import functools

registry, others = {}, {}
calls = []

def register(name=None, **options):
    def decorate(function):
        calls.append(name)
        key = name or function.__name__
        if key in registry:
            raise KeyError(f"{key} is there already")
        registry[key] = function
        return function
    return decorate

class Command:
    def __init__(self, function, options):
        self.function, self.options = function, options
        if function.__name__ in registry:
            raise ValueError(f"{function.__name__} is there already")
        registry[function.__name__] = self
    def __call__(self, *arguments):
        return self.function(*arguments)

class Slotted:
    __slots__ = "function", "__weakref__"
    def __init__(self, function):
        self.function = function
        if function.__name__ in registry:
            raise ValueError
        registry[function.__name__] = self
    def __call__(self, *arguments):
        return self.function(*arguments)

def command(**options):
    return lambda function: Command(function, options)

def wrap(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return function(*arguments)
    if wrapper.__name__ in registry:
        raise KeyError(wrapper.__name__)
    registry[wrapper.__name__] = wrapper
    return wrapper

def outside(function):
    @functools.wraps(function)
    def outermost(*arguments):
        return function(*arguments)
    return outermost

def record(function):
    if function.__name__ in registry:
        raise KeyError(function.__name__)
    registry[function.__name__] = (function, "record")
    return function

def by_function(function):
    if function in registry:
        raise KeyError(function.__name__)
    registry[function] = "there"
    return function

def both(function):
    for it in (registry, others):
        if function.__name__ in it:
            raise KeyError(function.__name__)
        it[function.__name__] = function
    return function

def register_class(cls):
    if cls.__name__ in registry:
        raise KeyError(cls.__name__)
    registry[cls.__name__] = cls
    return cls
"""
DECORATORS = {
    "itself": "@lib.register()",
    "with an object around it": "@lib.command()",
    "with an object that has slots": "@lib.Slotted",
    "with a wrapper around it": "@lib.wrap",
    "below another decorator": "@lib.outside\n@lib.command()",
    "below two": "@lib.outside\n@lib.outside\n@lib.wrap",
    "in a record": "@lib.record",
    "as a key": "@lib.by_function",
    "in two registries": "@lib.both",
}


def loaded(program, source, **sources):
    m = f"import ~lib as lib\n{source}"
    lib, m, *others = program.load("m", *sources, lib=LIB, m=m, **sources)
    del lib.calls[:]
    return [lib, m, *others]


def edited(program, *edits):
    reload = program.edit("m", *edits)
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    return reload


def items(registry):
    """What a registry has, by identity and in order."""
    return [(key, id(value)) for key, value in registry.items()]


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=DECORATORS)
def test_a_function_with_other_parameters(program, decorator):
    text = f"{decorator}\ndef first(): return 1\n\n{decorator}\ndef second(): return 2\n"
    lib, m = loaded(program, text)
    before, order = items(lib.registry), list(lib.registry)
    held = m.first
    edited(program, ("first(): return 1", "first(x=10): return x"))
    assert (m.first(), m.first(11), m.second()) == (10, 11, 2)
    assert held(12) == 12
    assert list(lib.registry) == order
    assert [it for it in items(lib.registry) if it[0] in ("second", m.second)] == before[1:]
    value = lib.registry[order[0]]
    assert (value[0] if type(value) is tuple else value if callable(value) else m.first)(7) == 7
    program.engine.undo()
    assert items(lib.registry) == before
    assert m.first() == held() == 1


@pytest.mark.parametrize("decorator", DECORATORS.values(), ids=DECORATORS)
def test_what_fails_after_that_takes_it_back(program, decorator):
    lib, m = loaded(program, f"{decorator}\ndef first(): return 1\nRATE = 1\n")
    before, held = items(lib.registry), m.first
    reload = program.edit("m", ("first(): return 1", "first(x=10): return x"), ("= 1", "= 1 / 0"))
    assert not reload.ok
    assert items(lib.registry) == before
    assert m.first is held
    assert (m.first(), m.RATE) == (1, 1)
    edited(program, ("1 / 0", "2"))
    assert (m.first(), m.RATE) == (10, 2)


def test_other_decorators(program):
    lib, m = loaded(program, "@lib.register(speed=1)\ndef first(): return 1\n")
    first = m.first
    edited(program, ("speed=1", "speed=2"))
    assert (m.first is first, lib.registry) == (True, {"first": first})
    assert lib.calls == [None, None]  # each decorator is evaluated once, and called once more
    edited(program, ("speed=2", "'other'"))
    assert lib.registry == {"other": first}


STRICT = """\
def strict(function):
    lib.register()(function)
    if function.__defaults__: raise LookupError('no defaults')
    return function
"""


def test_a_registry_that_refuses_for_another_reason(program):
    """The error is the first one, what is registered stays, and nothing has changed."""
    lib, m = loaded(
        program,
        STRICT + "@strict\ndef first(): return 1\n@strict\ndef second(): return 2\n",
    )
    before = items(lib.registry)
    reload = program.edit("m", ("first(): return 1", "first(x=10): return x"))
    assert not reload.ok
    assert "KeyError: 'first is there already'" in str(reload.error)
    assert items(lib.registry) == before
    assert (m.first(), m.second()) == (1, 2)


def test_a_second_refusal_that_the_module_catches(program):
    """The module goes on; what it had registered is registered."""
    lib, m = loaded(
        program,
        STRICT + "try:\n    @strict\n    def first(): return 1\nexcept LookupError: pass\n"
        "@strict\ndef second(): return 2\n",
    )
    lib.others["kept"] = m.first
    edited(program, ("first(): return 1", "first(x=10): return x"))
    assert list(lib.registry) == ["first", "second"]
    assert (lib.registry["first"] is m.first, lib.others) == (True, {"kept": m.first})


def test_no_registry_has_it(program):
    """Then nobody is asked twice."""
    lib, m = loaded(
        program,
        "def never(function):\n    lib.calls.append('never')\n"
        "    if function.__defaults__: raise LookupError('no defaults')\n    return function\n"
        "@never\ndef first(): return 1\n",
    )
    reload = program.edit("m", ("first(): return 1", "first(x=10): return x"))
    assert not reload.ok
    assert "no defaults" in str(reload.error)
    assert (lib.calls, m.first()) == (["never"], 1)


def test_many_in_modules_that_follow(program):
    """One heap is gone through for the first, and then it is known who refuses."""
    count = 40
    functions = "".join(
        f"@lib.register(speed=SPEED)\ndef f{i}(x=SPEED): return x\n" for i in range(count)
    )
    lib, m, n = loaded(
        program,
        f"SPEED = 1\n{functions}",
        n="import ~lib as lib\nfrom ~m import SPEED\n" + functions.replace("def f", "def g"),
    )
    before = items(lib.registry)
    edited(program, ("SPEED = 1", "SPEED = 2"))
    assert (m.f3(), n.g3(), m.f39(), n.g39()) == (2, 2, 2, 2)
    assert items(lib.registry) == before
    assert len(lib.calls) == 4 * count


def test_methods_and_functions_in_blocks(program):
    lib, m = loaded(
        program,
        "if True:\n    @lib.register()\n    def first(): return 1\n"
        "class C:\n    @lib.register('C.method')\n    def method(self): return 1\n"
        "    @staticmethod\n    @lib.command()\n    def other(): return 1\n",
    )
    order, method = list(lib.registry), m.C.method
    edited(
        program,
        ("first(): return 1", "first(x=10): return x"),
        ("method(self): return 1", "method(self, x=10): return x"),
        ("other(): return 1", "other(x=10): return x"),
    )
    assert (m.first(), m.C().method(), m.C.other()) == (10, 10, 10)
    assert (m.C.method is method, list(lib.registry)) == (True, order)
    assert lib.registry["C.method"] is method
    assert lib.registry["other"](11) == 11


@pytest.mark.parametrize("more", ["", "from dataclasses import dataclass\n@dataclass\n"])
def test_a_class_decorator_that_refuses(program, more):
    before, _, decorator = more.rpartition("\n@")
    lib, m = loaded(
        program,
        f"{before}\n@lib.register_class\n{'@' if decorator else ''}{decorator}"
        "class C:\n    kind: int = 1\n    @lib.register()\n    def f(self): return 1\n",
    )
    cls, order = m.C, list(lib.registry)
    edited(program, ("kind: int = 1", "kind: int = 2"))
    assert (m.C is cls, m.C().kind, list(lib.registry)) == (True, 2, order)
    assert lib.registry["C"] is cls
    program.engine.undo()
    assert (m.C().kind, list(lib.registry), lib.registry["C"] is cls) == (1, order, True)


@pytest.mark.parametrize("value", ["cls.load", "functools.partial(cls, 2)"])
def test_a_class_decorator_that_refuses_what_leads_to_a_class(program, value):
    """Under another key than its name: a bound class method, say."""
    lib, m = loaded(
        program,
        "import functools\n"
        "def load_with(cls):\n"
        '    assert "c" not in lib.registry\n'
        f'    lib.registry["c"] = {value}\n'
        "    return cls\n"
        "@load_with\n"
        "class C:\n"
        "    def __init__(self, n=1): self.kind = n\n"
        "    @classmethod\n"
        "    def load(cls): return cls()\n"
        "    KIND = 1\n",
    )
    cls, known = m.C, list(lib.registry)
    edited(program, ("KIND = 1", "KIND = 2"))
    assert (m.C is cls, m.C.KIND, list(lib.registry)) == (True, 2, known)
    assert type(lib.registry["c"]()) is cls


def test_a_hook_that_refuses_keeps_the_order(program):
    lib, m = program.load(
        "m",
        lib="registry = {}\nclass Strict:\n    def __init_subclass__(cls):\n"
        "        if cls.__name__ in registry: raise KeyError(cls.__name__)\n"
        "        registry[cls.__name__] = cls\n",
        m="import ~lib as lib\nclass C(lib.Strict):\n    kind = 1\nclass D(lib.Strict): pass\n"
        "class Outer:\n    class Inner(lib.Strict):\n        kind = 'inner'\n",
    )
    before = items(lib.registry)
    edited(program, ("kind = 1", "kind = 2"))
    assert (items(lib.registry), m.C.kind) == (before, 2)
    edited(program, ("kind = 'inner'", "kind = 'new'"))
    assert (items(lib.registry), m.Outer.Inner.kind) == (before, "new")


def test_attributes_of_modules_classes_and_objects_stay_meanwhile(program):
    """What has the function, and is no registry, has it while the decorator is called again."""
    _, m, n = loaded(
        program,
        "seen = []\nclass Holder: pass\nholder = Holder()\n"
        "def look(function):\n"
        "    if hasattr(holder, 'it'):\n"
        "        it = holder.it\n"
        "        seen.append((it is function, C.it is it, default.__kwdefaults__['it'] is it))\n"
        "    return lib.register()(function)\n"
        "@look\ndef first(): return 1\n"
        "holder.it = first\n"
        "class C:\n    it = first\n"
        "def default(*, it=first): pass\n",
        n="from ~m import first\ntable = [first]\n",
    )
    del m.seen[:]
    edited(program, ("first(): return 1", "first(x=10): return x"))
    assert m.seen[-1] == (True, True, True)
    assert (n.first is m.first, n.table == [m.first], n.first()) == (True, True, 10)


def test_an_error_begins_in_the_file_of_the_program(program):
    _lib, _m = loaded(program, "@lib.register()\ndef first(): return 1\n")
    reload = program.edit("m", ("@lib.register()", "@lib.register(1 / 0)"))
    assert "m.py" in str(reload.error)
    reload = program.edit("m", ("@lib.register(1 / 0)", "@len"))
    assert not reload.ok
    assert "has no len()" in str(reload.error)
    assert "_core" not in str(reload.error)
    assert "registries" not in str(reload.error)


def test_decorators_look_at_who_called_them(program):
    (m,) = program.load(
        "m",
        m="import sys\nseen = []\ndef look(function):\n"
        "    seen.append(sys._getframe(1).f_code.co_name)\n    return function\n"
        "@look\ndef first(): return 1\n@look\nclass C:\n    kind = 1\n"
        "    @look\n    def f(self): return 1\n",
    )
    before = list(m.seen)
    del m.seen[:]
    edited(
        program,
        ("first(): return 1", "first(x=10): return x"),
        ("kind = 1", "kind = 2"),
        ("f(self): return 1", "f(self, x=1): return 1"),
    )
    assert m.seen == before == ["<module>", "C", "<module>"]


def test_nothing_of_what_was_taken_out_is_left(program):
    _lib, m = loaded(program, "@lib.command()\ndef first(): return 1\n")
    for number in range(3):
        edited(program, (f"return {number + 1}", f"return {number + 2}"), ("first(", "first(x=1, "))
        program.edit("m", ("first(x=1, ", "first("))
    gc.collect()
    commands = [it for it in gc.get_objects() if type(it) is type(m.first)]
    assert len(commands) == 1
