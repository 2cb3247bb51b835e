"""What a class goes on with whose metaclass has methods of its own, that make something of it:
these are looked through, and what they cannot have touched is not made again.
"""

from __future__ import annotations

import gc
import weakref

import pytest

from mighty_patcher.engine.expressions import Frame
from mighty_patcher.engine.followed import Following
from mighty_patcher.engine.looked_at import Search
from mighty_patcher.engine.stand_ins import Box, Call, Heap

LIB = """
import abc, collections, functools, inspect, threading, types, warnings
made, seen = [], {}
class Thing:
    def __init__(self, *of): made.append(self); self.of = of
class Field:
    def __init__(self, of=None): self.of = of
    def bind(self, owner, name): self.owner, self.name = owner, name
class Column(Field): pass
class Abstract(abc.ABC): pass
def is_field(it): return isinstance(it, Field)
def is_instance_or_subclass(it, of):
    try: return issubclass(it, of)
    except TypeError: return isinstance(it, of)
def fields_in(attrs):
    return [(name, it) for name, it in attrs.items() if is_instance_or_subclass(it, Field)]
def wrapped(it):
    @functools.wraps(it)
    def wrapper(self, *of): return it(self, *of)
    return wrapper
def note(cls, **more): seen[cls.__name__] = cls
class Plain: pass
class Other:
    def inherited(self): return "other"
"""
BODY = """
    state = Thing()
    cache = {}
    found = []
    lock = threading.Lock()
    counter = collections.Counter()
    limit = 1
    x = Field()
    def f(self): return 1
"""
REGISTRY = """
class Meta(type):
    registry = {}
    def __new__(mcs, name, bases, ns):
        cls = super().__new__(mcs, name, bases, ns)
        mcs.registry[name] = cls
        return cls
"""
HELD = {
    "a registry": REGISTRY,
    "a registry of an ABC": REGISTRY.replace("(type)", "(abc.ABCMeta)"),
    "what cannot be compared": REGISTRY
    + """
    def __eq__(cls, other): raise RuntimeError("asked whether it is equal")
    def __hash__(cls): raise RuntimeError("asked for a hash")
    def __bool__(cls): raise RuntimeError("asked whether it is true")
    def __instancecheck__(cls, it): raise RuntimeError("asked what is its own")
""",
    "fields of what cannot be compared": """
class Meta(type):
    def __new__(mcs, name, bases, ns):
        ns["_fields"] = {k: v for k, v in ns.items() if isinstance(v, (Field, Plain))}
        ns["_kinds"] = [k for k, v in ns.items() if type(v) is Field or type(v) == Field]
        return super().__new__(mcs, name, bases, ns)
    def __eq__(cls, other): raise RuntimeError("asked whether it is equal")
    def __hash__(cls): raise RuntimeError("asked for a hash")
""",
    "type.__new__": REGISTRY.replace("super().__new__", "type.__new__"),
    "super with arguments": REGISTRY.replace("super()", "super(Meta, mcs)"),
    "arguments as they are": """
class Meta(type):
    def __new__(mcs, *args, **kwargs):
        cls = super().__new__(mcs, *args, **kwargs)
        note(cls, **kwargs)
        return cls
    def __init__(cls, *args, **kwargs):
        super().__init__(*args, **kwargs)
""",
    "luigi": """
class Meta(abc.ABCMeta):
    __instances = {}
    _default = {}
    _reg = []
    def __new__(metacls, classname, bases, classdict, **kwargs):
        cls = super(Meta, metacls).__new__(metacls, classname, bases, classdict, **kwargs)
        cls._at_class_time = metacls._get_namespace(cls.__module__)
        metacls._reg.append(cls)
        return cls
    def __call__(cls, *args, **kwargs):
        made = super().__call__(*args, **kwargs)
        for name, it in vars(cls).items(): pass
        return made
    @classmethod
    def _get_namespace(mcs, module_name):
        for parent in mcs.parents(module_name):
            entry = mcs._default.get(parent)
            if entry: return entry
        return ''
    @staticmethod
    def parents(name):
        for index, char in enumerate(name):
            if char == ".": yield name[:index]
""",
    "what is told its name": """
class Meta(type):
    def __new__(mcs, name, bases, ns):
        ns["named"] = Named()
        return super().__new__(mcs, name, bases, ns)
class Named:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, instance, owner):
        if instance is None: return self
        return instance.__dict__[self.name]
    def __set__(self, instance, value): instance.__dict__[self.name] = value
""",
    "plugins": """
class Meta(type):
    def __init__(cls, name, bases, ns):
        super().__init__(name, bases, ns)
        if not hasattr(cls, 'plugins'): cls.plugins = []
        else: cls.plugins.append(cls)
""",
    "fields out of the namespace": """
class Meta(type):
    def __new__(mcs, name, bases, ns):
        fields = {k: v for k, v in ns.items() if isinstance(v, Field)}
        ns["_fields"] = fields
        return super().__new__(mcs, name, bases, ns)
""",
    "fields that are taken out": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        fields = fields_in(attrs)
        for field_name, _ in fields:
            del attrs[field_name]
        cls = super().__new__(mcs, name, bases, attrs)
        cls._fields = dict(fields)
        for field_name, field in fields:
            field.bind(cls, field_name)
        return cls
""",
    "fields as Django takes them": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        attrs["declared"] = {
            key: attrs.pop(key) for key, value in list(attrs.items()) if isinstance(value, Field)
        }
        new_class = super().__new__(mcs, name, bases, attrs)
        declared = {}
        for base in reversed(new_class.__mro__):
            if hasattr(base, "declared"): declared.update(base.declared)
            for attr, value in base.__dict__.items():
                if value is None and attr in declared: declared.pop(attr)
        new_class.base_fields = declared
        return new_class
""",
    "another namespace": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        new_attrs, contributed = {"__module__": attrs.pop("__module__")}, {}
        for key, value in attrs.items():
            if hasattr(value, "bind"): contributed[key] = value
            else: new_attrs[key] = value
        cls = super().__new__(mcs, name, bases, new_attrs)
        cls.contributed = contributed
        for key, value in contributed.items(): value.bind(cls, key)
        return cls
""",
    "a copy of the namespace": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        attrs = dict(attrs, extra=1)
        return super().__new__(mcs, name, bases, {**attrs, "more": 2})
""",
    "what is callable": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        for key, value in attrs.items():
            if key.startswith("_") or not callable(value): continue
            attrs[key] = wrapped(value)
        return super().__new__(mcs, name, bases, attrs)
""",
    "functions": """
class Meta(type):
    def __init__(cls, name, bases, attrs):
        cls.handlers = [it for it in attrs.values() if isinstance(it, types.FunctionType)]
        cls.commands = {k: v for k, v in vars(cls).items() if inspect.isfunction(v)}
        cls.__doc__ = cls.__doc__ or ""
""",
    "upper case": """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        constants = {k: attrs[k] for k in attrs if k.isupper()}
        attrs["constants"] = constants
        return super().__new__(mcs, name, bases, attrs)
""",
    "names alone": """
class Meta(type):
    def __init__(cls, name, bases, attrs):
        super().__init__(name, bases, attrs)
        cls.names = sorted(attrs)
        cls.count = len(attrs)
        cls.of_all = [it for it in dir(cls) if not it.startswith("_")]
        if "strange" in attrs or attrs.get("odd"): raise TypeError(f"{name}: {attrs}")
""",
    "traits": """
class Meta(type):
    def __init__(cls, name, bases, classdict, **kwds):
        super().__init__(name, bases, classdict, **kwds)
        cls.setup_class(classdict)
    def setup_class(cls, classdict):
        cls._descriptors = []
        for k, v in classdict.items():
            if isinstance(v, Field): v.bind(cls, k)
        for _, v in inspect.getmembers(cls):
            if isinstance(v, Field): cls._descriptors.append(v)
class Meta(Meta):
    def setup_class(cls, classdict):
        cls._traits = {}
        super().setup_class(classdict)
        for name in dir(cls):
            try: value = getattr(cls, name)
            except AttributeError: pass
            else:
                if isinstance(value, Field):
                    cls._traits[name] = value
                    if f"_{name}_default" in classdict: cls._traits[name] = 1
""",
    "hooks by an attribute": """
class Meta(abc.ABCMeta):
    def __init__(cls, name, bases, attrs):
        super().__init__(name, bases, attrs)
        cls._hooks = cls.resolve_hooks()
    def resolve_hooks(cls):
        hooks = collections.defaultdict(list)
        for attr_name in dir(cls):
            for parent in inspect.getmro(cls):
                try: attr = parent.__dict__[attr_name]
                except KeyError: continue
                else: break
            else: continue
            try: config = attr._hook
            except AttributeError: pass
            else:
                for tag in config: hooks[tag].append(attr_name)
        return hooks
""",
    "a wtform": """
class Meta(type):
    def __init__(cls, name, bases, attrs):
        type.__init__(cls, name, bases, attrs)
        cls._unbound_fields = None
    def __call__(cls, *args, **kwargs):
        if cls._unbound_fields is None:
            cls._unbound_fields = [name for name in dir(cls) if hasattr(getattr(cls, name), "of")]
        return type.__call__(cls, *args, **kwargs)
    def __setattr__(cls, name, value):
        if name == "Meta": cls._meta = None
        elif not name.startswith("_") and hasattr(value, "_formfield"): cls._unbound_fields = None
        type.__setattr__(cls, name, value)
""",
    "a singleton": """
class Meta(type):
    _instances = {}
    def __call__(cls, *args, **kwargs):
        if cls not in cls._instances:
            cls._instances[cls] = super().__call__(*args, **kwargs)
        return cls._instances[cls]
    def __init__(cls, name, bases, namespace):
        super().__init__(name, bases, namespace)
        cls._instances.pop(cls, None)
""",
    "a prepared namespace": """
class Meta(type):
    @classmethod
    def __prepare__(mcs, name, bases, **kwargs): return collections.OrderedDict()
    def __new__(mcs, name, bases, ns, **kwargs):
        cls = super().__new__(mcs, name, bases, dict(ns))
        cls.order = tuple(ns)
        return cls
""",
    "an abstract class that nobody is": """
class Meta(type):
    def __new__(mcs, name, bases, ns):
        own = [k for k, v in ns.items() if isinstance(v, (Abstract, Field))]
        return super().__new__(mcs, name, bases, {**ns, "own": own})
""",
}


def held(m):
    names = ("state", "cache", "found", "lock", "counter")
    return {name: vars(m.C).get(name) for name in names}


@pytest.mark.parametrize("meta", HELD)
def test_what_a_metaclass_cannot_have_touched_stays(program, programs, meta):
    source = "from ~lib import *\nclass C(Plain, metaclass=Meta):" + BODY
    lib, m = program.load("m", lib=LIB + HELD[meta], m=source)
    cls, before, instance = m.C, held(m), m.C()
    cls.cache["a"], cls.found[:] = 1, [1]
    cls.counter["a"] += 1
    for edit in [
        ("limit = 1", "limit = 2"),
        ("f(self)", "f(self, more=1)"),
        ("C(Plain", "C(Other"),
        ("    def f", "    def g(self): return 2\n    def f"),
    ]:
        reload = program.edit("m", edit)
        assert reload.ok, [error.__cause__ or error for error in reload.errors]
        assert not reload.stale, reload.stale
    after = held(m)
    assert {name for name in after if after[name] is not before[name]} == set()
    assert (m.C is cls, type(instance) is cls, len(lib.made)) == (True, True, 1)
    assert (cls.cache, cls.found, cls.counter["a"], cls.limit) == ({"a": 1}, [1], 1, 2)
    assert (instance.inherited(), instance.g()) == ("other", 2)
    others = programs()
    _, expected = others.load("m", lib=LIB + HELD[meta], m=program.text("m"))
    assert sorted(map(str, vars(expected.C))) == sorted(map(str, vars(cls)))


TOUCHED = {
    "by name": "ns['items'].append(1)",
    "by name in the class": "cls.items.append(1)",
    "of some type": "for v in ns.values():\n        if isinstance(v, list): v.append(1)",
    "of some type, in the class": (
        "for k, v in list(vars(cls).items()):\n        if type(v) is list: setattr(cls, k, [1, *v])"
    ),
    "what is not of another type": (
        "for v in ns.values():\n        if not isinstance(v, (str, types.FunctionType)): add(v)"
    ),
    "by another function": "each(ns, add)",
    "through a callback": "for it in callbacks: it(ns)",
    "what has an attribute": (
        "for k in dir(cls):\n        it = getattr(cls, k)\n"
        "        if hasattr(it, 'append') : it.append(1)"
    ),
    "what it says is another": (
        "for v in ns.values():\n        if isinstance(v, Says): v.append(1)"
    ),
    "what is registered": (
        "for v in ns.values():\n        if isinstance(v, Registered): v.append(1)"
    ),
    "in a function in it": "(lambda: [v.append(1) for v in ns.values() if type(v) is list])()",
    "by a name that is put together": "ns['it' + kind].append(1)",
    "behind its namespace": "mcs.by_name[name] = ns; by_kept_name(mcs, name)",
    "by another way to an attribute": (
        "for k in ns:\n        it = inspect.getattr_static(cls, k)\n"
        "        if type(it) is list: it.append(1)"
    ),
    "by a function that is handed on": (
        "for it in map(getattr, [cls] * len(ns), ns):\n        if type(it) is list: it.append(1)"
    ),
    "by what asks for an attribute": "attribute_of_it(cls).append(1)",
    "with a part of a function": "functools.partial(each, ns)(add)",
    "with a function of its own": "inner(ns)()",
    "through all classes": "mcs.all.append(cls); each_of_all(mcs)",
    "through all names": "locals()['ns']['it' + kind].append(1)",
    "step by step": "for it in one_by_one(ns): it.append(1)",
    "through an object": "Keeps(ns).change()",
    "through an object that is there": "keeper[name] = cls",
    "through a method": "cls.change(kind)",
    "through something in it": "ns['changer'].touch(ns)",
    "through what is told its name": "ns['named'] = Named()",
    "through what is asked for": "cls.asked = Asked(); cls.asked.of",
    "under another name": "mcs.kept = list(ns.values()); each(dict(enumerate(mcs.kept)), add)",
    "where something is asked": "for v in ns.values():\n        if v == Equal(): pass",
    "where it is tried": (
        "try:\n        for v in ns.values():\n            if type(v) is list: raise KeyError\n"
        "    except KeyError: v.append(1)"
    ),
    "behind a loop": (
        "for v in ns.values():\n        if type(v) is list: break\n"
        "    else: v = None\n    v.append(1)"
    ),
    "with what was found": (
        "found = next((v for v in ns.values() if type(v) is list), None)\n    found.append(1)"
    ),
    "by sorting": "sorted(ns.items(), key=lambda it: str(add(it[1])))",
}
TOUCHED_NEW = {
    "another value": "{k: [1, *v] if isinstance(v, list) else v for k, v in ns.items()}",
    "another value for some": "{k: v if k != what else [1, *v] for k, v in ns.items()}",
    "all but some": "{**{k: [1] for k, v in ns.items() if type(v) is list}, '__module__': 'x'}",
    "another name": "{k[:]: [1, *v] if type(v) is list else v for k, v in ns.items()}",
    "through a class": "Changes(ns)",
    "through a function": "changed(ns)",
    "by update": "updated(dict(ns), ns)",
}


def source_that_touches(how):
    if how in TOUCHED:
        new, touch = "ns", TOUCHED[how]
    else:
        new, touch = TOUCHED_NEW[how], "pass"
    before = "" if "cls" in touch else touch
    after = touch if "cls" in touch else ""
    return f"""{LIB}
kind, what = "ems", "items"
def add(it):
    if type(it) is list: it.append(1)
def each(of, it):
    for one in of.values(): it(one)
class Attribute:
    def __init__(self, start): self.name = start + kind
    def __call__(self, cls): return getattr(cls, self.name)
attribute_of_it = Attribute("it")
def inner(ns):
    def change(): each(ns, add)
    return change
def each_of_all(mcs):
    for cls in mcs.all: each(vars(cls), add)
def one_by_one(ns):
    for it in ns.values():
        if type(it) is list: yield it
class Keeps:
    def __init__(self, ns): self.ns = ns
    def change(self): each(self.ns, add)
class Keeper:
    def __setitem__(self, name, cls): each(vars(cls), add)
keeper = Keeper()
class Equal:
    def __eq__(self, other): add(other)
    __hash__ = None
class Named:
    def __set_name__(self, owner, name):
        for it in vars(owner).values(): add(it)
class Asked:
    def __set_name__(self, owner, name): self.name = name
    def __get__(self, instance, owner):
        each(owner.__dict__, add)
        return self
    of = 1
class Changer:
    def touch(self, ns): each(ns, add)
callbacks = [lambda ns: each(ns, add)]
def by_kept_name(mcs, name): each(mcs.by_name[name], add)
class Says(type):
    def __instancecheck__(cls, it): return type(it) is list
class Says(metaclass=Says): pass
class Registered(abc.ABC): pass
Registered.register(list)
def changed(ns):
    found = {{}}
    for k, v in ns.items():
        if type(v) is list: v = [1, *v]
        found[k] = v
    return found
class Changes(dict):
    def __init__(self, ns): super().__init__(changed(ns))
def updated(ns, old):
    ns.update((k, [1, *v]) for k, v in old.items() if type(v) is list)
    return ns
class Meta(type):
  by_name, all = {{}}, []
  def change(cls, kind): getattr(cls, "it" + kind).append(1)
  def __new__(mcs, name, bases, ns):
    {before or "pass"}
    cls = super().__new__(mcs, name, bases, {new})
    {after or "pass"}
    return cls
"""


@pytest.mark.parametrize("edit", [("limit = 1", "limit = 2"), ("C(Plain", "C(Other")])
@pytest.mark.parametrize("how", [*TOUCHED, *TOUCHED_NEW])
def test_what_a_metaclass_touches_is_as_after_a_fresh_start(program, programs, how, edit):
    lib = source_that_touches(how)
    source = (
        "from ~lib import *\nclass C(Plain, metaclass=Meta):\n"
        "    items = []\n    changer = Changer()\n    limit = 1\n"
    )
    _, m = program.load("m", lib=lib, m=source)
    assert m.C.items == [1]
    reload = program.edit("m", edit)
    assert reload.ok, [error.__cause__ or error for error in reload.errors]
    assert m.C.items == [1]


# --- the metaclass itself is edited -------------------------------------------------------------

META = """
class Meta(type):
    registry = {}
    def __new__(mcs, name, bases, ns):
        cls = super().__new__(mcs, name, bases, ns)
        cls.items = cls.items + ["old"]
        mcs.registry[name] = cls
        return cls
class C(metaclass=Meta):
    items = []
    cache = {}
    limit = 1
"""


def test_a_metaclass_that_is_edited_with_its_class(program):
    """What the old one had done is not known any more."""
    (m,) = program.load("m", m=META)
    assert program.edit("m", ("cls.items + ['old']".replace("'", '"'), "[2]"), ("= 1", "= 2")).ok
    assert (m.C.items, m.C.limit) == ([2], 2)


def test_a_metaclass_that_is_edited_before_its_class(program):
    """Its code is the new one; the class has what the old one had made of it."""
    (m,) = program.load("m", m=META)
    m.C.cache["a"] = 1
    assert program.edit("m", ('cls.items = cls.items + ["old"]', "cls.other = 1")).ok
    assert program.edit("m", ("cls.other = 1", "cls.other = 2"), ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.cache, m.C.limit, m.C.other) == ([], {}, 2, 2)
    cache = m.C.cache
    assert program.edit("m", ("limit = 2", "limit = 3")).ok  # it has been made with the new one
    assert (m.C.cache is cache, m.C.limit) == (True, 3)
    program.engine.undo()
    assert (m.C.cache is cache, m.C.limit) == (True, 2)


@pytest.mark.parametrize("is_undone", [False, True])
def test_a_class_that_is_edited_after_its_metaclass(program, is_undone):
    (m,) = program.load("m", m=META)
    assert program.edit("m", ('cls.items = cls.items + ["old"]', "cls.other = 1")).ok
    assert m.C.items == ["old"]
    if is_undone:  # it is as if it had not been made
        assert program.edit("m", ("limit = 1", "limit = 2")).ok
        program.engine.undo()
        assert (m.C.items, m.C.limit) == (["old"], 1)
        program.path("m").touch()
    assert program.edit("m", (f"limit = {1 + is_undone}", "limit = 3")).ok
    assert (m.C.items, m.C.limit) == ([], 3)


def test_a_class_that_is_edited_after_a_metaclass_has_lost_its_method(program):
    (m,) = program.load("m", m=META)
    start, end = META.index("    def __new__"), META.index("class C")
    assert program.save(m=META[:start] + META[end:]).ok
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.limit) == ([], 2)


def test_a_metaclass_that_loses_its_method(program):
    (m,) = program.load("m", m=META)
    start, end = META.index("    def __new__"), META.index("class C")
    assert program.save(m=META[:start] + META[end:].replace("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.limit) == ([], 2)


def test_a_metaclass_that_gets_another_method(program):
    (m,) = program.load("m", m=META)
    other = "    def __init__(cls, *of):\n        super().__init__(*of)\n        cls.found = [1]\n"
    new = META.replace("    def __new__", f"{other}    def __new__").replace(
        "limit = 1", "limit = 2"
    )
    cls = m.C
    assert program.save(m=new).ok
    assert (m.C.items, m.C.found, m.C.limit, m.C is cls) == (["old"], [1], 2, True)
    assert m.Meta.registry == {"C": cls}


def test_a_metaclass_in_the_same_module(program):
    (m,) = program.load("m", m=META)
    cls, cache, instance = m.C, m.C.cache, m.C()
    cache["a"] = 1
    for edit in [
        ("\nclass Meta", "# above\n\n\nclass Meta"),
        ("limit = 1", "limit = 2"),
        ("class C(", "class Base: pass\n\n\nclass C(Base, "),
    ]:
        reload = program.edit("m", edit)
        assert (reload.ok, reload.stale) == (True, ())
    assert (m.C is cls, m.C.cache is cache, m.C.limit) == (True, True, 2)
    assert (cache, type(instance) is cls, m.C.__base__) == ({"a": 1}, True, m.Base)


def test_registries_of_a_metaclass_have_a_class_once(program):
    lib, m = program.load(
        "m",
        lib=LIB
        + """
class Meta(type):
    registry, order, known = {}, [], set()
    def __new__(mcs, name, bases, ns):
        cls = super().__new__(mcs, name, bases, ns)
        mcs.registry[name] = cls
        mcs.order.append(cls)
        mcs.known.add(cls)
        return cls
""",
        m="from ~lib import *\nclass A(Plain, metaclass=Meta): pass\nclass C(A):" + BODY,
    )
    cls, before = m.C, held(m)
    for edit in [("limit = 1", "limit = 2"), ("C(A)", "C(A, Other)"), ("    x = Field()\n", "")]:
        assert program.edit("m", edit).ok
    assert lib.Meta.registry == {"A": m.A, "C": cls}
    assert (lib.Meta.order, lib.Meta.known) == ([m.A, cls], {m.A, cls})
    assert held(m) == before
    program.engine.undo()
    assert (m.C is cls, held(m), lib.Meta.order) == (True, before, [m.A, cls])


def test_what_is_written_out_follows_its_edit(program):
    source = (
        "from ~lib import *\nclass C(Plain, metaclass=Meta):\n    table = {'a': 1}\n    x = 1\n"
    )
    _, m = program.load("m", lib=LIB + HELD["luigi"], m=source)
    table = m.C.table
    table["mine"] = 2
    reload = program.edit("m", ("{'a': 1}", "{'a': 3, 'b': 4}"))
    assert (reload.ok, reload.stale) == (True, ())
    assert (m.C.table is table, table) == (True, {"a": 3, "mine": 2, "b": 4})


WITH_METACLASS = """
def with_metaclass(meta, *bases):
    class Once(type):
        def __new__(mcs, name, _, namespace): return meta(name, bases, namespace)
    return type.__new__(Once, "once", (), {})
"""


def test_a_metaclass_by_way_of_a_base(program):
    """As of ``six``."""
    source = "from ~lib import *\nclass C(with_metaclass(Meta, Plain)):" + BODY
    _, m = program.load("m", lib=LIB + REGISTRY + WITH_METACLASS, m=source)
    cls, before = m.C, held(m)
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C is cls, m.C.limit, held(m)) == (True, 2, before)


OTHERWISE = {
    "a function": """
def Meta(name, bases, ns):
    ns['it' + 'ems'].append(1)
    return type(name, bases, ns)
""",
    "an order": """
class Meta(type):
    def mro(cls):
        for it in vars(cls).values():
            if type(it) is list: it.append(1)
        return super().mro()
""",
    "a namespace": """
class Meta(type):
    class Names(dict):
        def __setitem__(self, name, it):
            super().__setitem__(name, [1, *it] if type(it) is list else it)
    @classmethod
    def __prepare__(mcs, *of): return mcs.Names()
""",
    "a metaclass of a metaclass": """
class Makes(type):
    def __call__(meta, name, bases, ns):
        return super().__call__(name, bases, {k: [1] if v == [] else v for k, v in ns.items()})
class Meta(type, metaclass=Makes): pass
""",
    "keywords": """
def make(name, bases, ns):
    ns['it' + 'ems'].append(1)
    return type(name, bases, ns)
Meta, more = type, {"metaclass": make}
""",
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_what_makes_classes_otherwise(program, how):
    header = "**more" if how == "keywords" else "metaclass=Meta"
    source = f"from ~lib import *\nclass C({header}):\n    items = []\n    limit = 1\n"
    _, m = program.load("m", lib=LIB + OTHERWISE[how], m=source)
    assert m.C.items == [1]
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.limit) == ([1], 2)


def test_a_metaclass_that_knows_its_class_by_name(program):
    """The name stands for the one that there is; it may be the one that is being made."""
    (m,) = program.load(
        "m",
        m="""
        class Meta(type):
            def __init__(cls, *of):
                super().__init__(*of)
                globals()["C"] = cls
                change()
        def change():
            for it in vars(C).values():
                if type(it) is list: it.append(1)
        class C(metaclass=Meta):
            items = []
            limit = 1
        """,
    )
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.limit) == ([1], 2)


@pytest.mark.parametrize("call", ["super().__call__()", "type.__call__(cls)", "cls()", "new(cls)"])
def test_a_metaclass_that_makes_an_instance_at_once(program, call):
    lib = f"""
def new(cls): return cls()
class Meta(type):
    def __init__(cls, *of):
        super().__init__(*of)
        cls.instance = {call}
class Base:
    def __init__(self): self.items.append(self)
"""
    source = "from ~lib import *\nclass C(Base, metaclass=Meta):\n    items = []\n    limit = 1\n"
    _, m = program.load("m", lib=lib, m=source)
    assert program.edit("m", ("limit = 1", "limit = 2")).ok
    assert (m.C.items, m.C.limit) == ([m.C.instance], 2)


def test_nothing_that_was_followed_is_left_behind(program):
    """Not even for the collector; the class that was made for a moment is another matter."""
    lib, m = program.load(
        "m", lib=LIB + HELD["traits"], m="from ~lib import *\nclass C(metaclass=Meta):" + BODY
    )
    state = m.C.state
    gc.collect()
    gc.disable()
    try:
        assert program.edit("m", ("limit = 1", "limit = 2")).ok
        assert program.edit("m", ("limit = 2", "limit = 3"), ("f(self)", "f(self, x=1)")).ok
        kinds = (Following, Frame, Heap, Search, Box, Call)
        assert [it for it in gc.get_objects() if type(it) in kinds] == []
    finally:
        gc.enable()
    assert (m.C.state is state, len(lib.made)) == (True, 1)
    state = weakref.ref(state)
    assert program.edit("m", ("state = Thing()", "state = None")).ok
    assert program.edit("m", ("limit = 3", "limit = 4")).ok
    assert program.edit("m", ("limit = 4", "limit = 5")).ok
    lib.made.clear()
    gc.collect()
    assert state() is None


COLLECTS = """
class Field:
    def __init__(self, default=None): self.default = default
class Meta(type):
    def __init__(cls, name, bases, names):
        super().__init__(name, bases, names)
        cls.fields = {}
        for base in reversed(cls.__mro__):
            cls.fields.update((k, v) for k, v in vars(base).items() if isinstance(v, Field))
class Hook:
    def __init_subclass__(cls):
        super().__init_subclass__()
        cls.fields = {k: v for base in reversed(cls.__mro__) for k, v in vars(base).items()
                      if isinstance(v, Field)}
class Popped(type):
    def __new__(meta, name, bases, names):
        own = {k: names.pop(k) for k, v in list(names.items()) if isinstance(v, Field)}
        for base in bases: own = {**base.fields, **own}
        return super().__new__(meta, name, bases, {**names, "fields": own})
made = []
"""


@pytest.mark.parametrize(
    "head", ["class A(metaclass=Meta):", "class A(Hook):", "class A(metaclass=Popped):"]
)
def test_classes_that_have_collected_what_their_base_had(program, head):
    """In this module, and in others."""
    lib, m, user = program.load(
        *("m", "user"),
        lib=COLLECTS,
        m=f"from ~lib import *\n{head}\n    a = Field(1)\n    limit = 1\n"
        "    def f(self): return 1\n"
        "class B(A):\n    b = Field(2)\n    state = made.append('B') or [made]\n",
        user="from ~m import A, Field\nclass C(A):\n    c = Field(3)\n",
    )
    b, state = m.B, m.B.state

    def defaults(cls):
        return {name: field.default for name, field in cls.fields.items()}

    assert defaults(b) == {"a": 1, "b": 2}
    instance = b()
    reload = program.edit("m", ("a = Field(1)", "a = Field(10)"))
    assert (reload.ok, reload.stale) == (True, ())
    assert (defaults(m.A), defaults(b)) == ({"a": 10}, {"a": 10, "b": 2})
    assert defaults(user.C) == {"a": 10, "c": 3}
    assert (m.B is b, type(instance) is b, b.state is state, lib.made) == (True, True, True, ["B"])
    assert program.edit("m", ("    limit = 1", "    more = Field(4)\n    limit = 1")).ok
    assert defaults(b) == {"a": 10, "more": 4, "b": 2}
    assert program.edit("m", ("limit = 1", "limit = 2"), ("return 1", "return 2")).ok
    assert defaults(b) == {"a": 10, "more": 4, "b": 2}
    assert program.edit("m", ("    more = Field(4)\n", "")).ok
    assert defaults(b) == {"a": 10, "b": 2}
    assert (instance.f(), b.state is state, lib.made) == (2, True, ["B"])
    program.engine.undo()
    assert defaults(b) == {"a": 10, "more": 4, "b": 2}
