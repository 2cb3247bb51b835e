"""Whatever refers to an object that must disappear refers to the one that stays."""

from __future__ import annotations

import abc
import collections
import contextvars
import enum
import functools
import gc
import operator
import sys
import threading
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from steady import FEW

from mighty_patcher import _core

pytestmark = pytest.mark.runs(FEW)  # each goes through the heap


def made(name: str = "C", *bases: type, metaclass: Any = type, **content: Any) -> Any:
    """A new class, which nobody holds but the caller."""
    return metaclass(name, bases, content)


def replace(donor: Any, target: Any, *kept: Any) -> list[tuple[Any, Any]]:
    return _core.replace_references([donor], [target], list(kept))


def holders_of(donor: Any, left: list[tuple[Any, Any]]) -> set[int]:
    """Identities of what is left. (A function, for a test's own variable must not be in a cell.)"""
    return {id(holder) for found, holder in left if found is donor}


def must_be_dead(reference: weakref.ref[Any]) -> None:
    for generation in range(3):  # what was just made is among the young, and soon found there
        if reference() is not None:
            gc.collect(generation)
    referrers = [] if reference() is None else gc.get_referrers(reference())
    assert reference() is None, referrers


class Slots:
    __slots__ = ("__weakref__", "other", "value")


class Hostile(type):
    """A metaclass that must not be asked anything."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise AssertionError("asked")

    def __getattribute__(cls, name: str) -> Any:
        raise AssertionError("asked")


class Guarded:
    """Instances whose attributes are not to be set."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("asked")

    @property
    def value(self) -> object:
        raise AssertionError("asked")


def slots(value: Any) -> Slots:
    holder = Slots()
    holder.value = value
    holder.other = [value]
    return holder


def instance(value: Any) -> Any:
    holder = Guarded()
    vars(holder)["value"] = value
    return holder


def inline(value: Any) -> Any:
    class Inline:
        def __init__(self) -> None:
            self.first = 1
            self.value = value

    return Inline()


class Deque(collections.deque[Any]):
    def __setitem__(self, *args: Any) -> None:
        raise AssertionError("asked")

    __iter__ = __len__ = __delitem__ = remove = __setitem__  # type: ignore[assignment]


class List(list[Any]):
    def __setitem__(self, *args: Any) -> None:
        raise AssertionError("asked")

    __iter__ = __len__ = __delitem__ = remove = __setitem__  # type: ignore[assignment]


class Dict(dict[Any, Any]):
    def __setitem__(self, *args: Any) -> None:
        raise AssertionError("asked")

    __iter__ = __len__ = __delitem__ = pop = __setitem__  # type: ignore[assignment]


class Set(set[Any]):
    def add(self, *args: Any) -> None:
        raise AssertionError("asked")

    __iter__ = __len__ = remove = discard = add  # type: ignore[assignment]


def closure(value: Any) -> Callable[[], Any]:
    return lambda: value


def started(value: Any) -> Iterator[Any]:
    yield value


Pair = collections.namedtuple("Pair", "left right")

# How to hold something, and how to get it out again.
HOLDERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "dict value": (lambda x: {"x": x}, lambda h: h["x"]),
    "dict key": (lambda x: {1: 1, x: 2}, lambda h: [*h][1]),
    "dict subclass": (lambda x: Dict({"x": x}), lambda h: dict.__getitem__(h, "x")),
    "dict subclass key": (lambda x: Dict({x: 1}), lambda h: next(iter(dict.keys(h)))),
    "OrderedDict": (lambda x: collections.OrderedDict(x=x), lambda h: h["x"]),
    "OrderedDict key": (lambda x: collections.OrderedDict([(x, 1)]), lambda h: next(iter(h))),
    "defaultdict": (lambda x: collections.defaultdict(x), lambda h: h.default_factory),
    "mapping proxy": (lambda x: types.MappingProxyType({"x": x}), lambda h: h["x"]),
    "list": (lambda x: [0, x], lambda h: h[1]),
    "list subclass": (lambda x: List([x]), lambda h: list.__getitem__(h, 0)),
    "deque": (lambda x: collections.deque([0, x]), lambda h: h[1]),
    "deque subclass": (lambda x: Deque([x]), lambda h: collections.deque.__getitem__(h, 0)),
    "tuple": (lambda x: (0, x), lambda h: h[1]),
    "named tuple": (lambda x: Pair(x, 1), lambda h: h.left),
    "set": (lambda x: {0, x}, lambda h: next(iter(h - {0}))),
    "set subclass": (lambda x: Set([x]), lambda h: next(set.__iter__(h))),
    "frozenset": (lambda x: frozenset([x]), lambda h: next(iter(h))),
    "large frozenset": (
        lambda x: frozenset([x, *range(99)]),
        lambda h: next(iter(h - {*range(99)})),
    ),
    "cell": (types.CellType, lambda h: h.cell_contents),
    "closure": (closure, lambda h: h()),
    "default": (lambda x: lambda y=x: y, lambda h: h()),
    "keyword default": (lambda x: lambda *, y=x: y, lambda h: h()),
    "function attribute": (lambda x: annotated(lambda: 0, x), lambda h: h.attribute),
    "annotation": (lambda x: annotated(lambda: 0, x), lambda h: h.__annotations__["x"]),
    "slot": (slots, lambda h: h.value),
    "instance": (instance, lambda h: vars(h)["value"]),
    "inline": (inline, lambda h: h.value),
    "namespace": (lambda x: types.SimpleNamespace(x=x), lambda h: h.x),
    "module": (lambda x: module_with(x), lambda h: h.x),
    "bound method": (lambda x: types.MethodType(print, x), lambda h: h.__self__),
    "method of it": (lambda x: types.MethodType(x, 1), lambda h: h.__func__),
    "partial": (lambda x: functools.partial(x, x, y=x), lambda h: h.func),
    "partial argument": (lambda x: functools.partial(print, x), lambda h: h.args[0]),
    "property": (property, lambda h: h.fget),
    "staticmethod": (staticmethod, lambda h: h.__func__),
    "classmethod": (classmethod, lambda h: h.__func__),
    "cached_property": (functools.cached_property, lambda h: h.func),
    "lru_cache": (functools.lru_cache, lambda h: h.__wrapped__),
    "generic alias": (lambda x: list[x], lambda h: h.__args__[0]),
    "origin": (lambda x: types.GenericAlias(x, (int,)), lambda h: h.__origin__),
    "typing alias": (lambda x: typing.Callable[[x], int], lambda h: h.__args__[0]),
    "map": (lambda x: map(x, [1]), lambda h: h.__reduce__()[1][0]),
    "slice": (slice, lambda h: h.stop),
    "method caller": (lambda x: operator.methodcaller("m", x), lambda h: h.__reduce__()[1][1]),
    "exception": (lambda x: KeyError(x), lambda h: h.args[0]),
    "thread local": (lambda x: local_with(x), lambda h: h.x),
    "itemgetter": (operator.itemgetter, lambda h: h.__reduce__()[1][0]),
}


def annotated(function: Any, value: Any) -> Any:
    function.attribute = value
    function.__annotations__ = {"x": value}
    return function


def module_with(value: Any) -> types.ModuleType:
    module = types.ModuleType("m")
    module.x = value  # type: ignore[attr-defined]
    return module


def local_with(value: Any) -> threading.local:
    local = threading.local()
    local.x = value
    return local


def a_class(number: int) -> Any:
    return made(f"C{number}")


def a_function(number: int) -> Any:
    return types.FunctionType((lambda *args: args).__code__, {})


def a_member(number: int) -> Any:
    return enum.Enum(f"E{number}", "A").A  # type: ignore[attr-defined]


# What a member of an enumeration is held by; there it can only be a value or a key. A class in an
# lru_cache is left out: its wrapper gets a copy of the dictionary, with descriptors of the class.
OF_MEMBERS = (
    "dict value",
    "dict key",
    "OrderedDict key",
    "list",
    "deque",
    "tuple",
    "set",
    "frozenset",
)
OF_MEMBERS += ("cell", "default", "slot", "instance", "inline", "bound method", "partial argument")
CASES = [(place, what) for place in HOLDERS for what in (a_class, a_function)]
CASES.remove(("lru_cache", a_class))
CASES += [(place, a_member) for place in OF_MEMBERS]


@pytest.mark.parametrize(("place", "what"), CASES)
def test_every_holder(place: str, what: Callable[[int], Any]) -> None:
    hold, get = HOLDERS[place]
    donor, target = what(1), what(2)
    holder = hold(donor)
    dead = weakref.ref(donor)
    found = _core.find_referrers([donor])
    assert found
    found.clear()
    cls = type(donor)
    left = replace(donor, target)
    if what is a_member:  # its class holds it, in its dictionary
        assert holders_of(donor, left) == {id(cls)}
        assert get(holder) is target
        return
    assert left == []
    assert get(holder) is target
    del donor
    must_be_dead(dead)
    assert get(holder) is target
    if place.startswith("typing"):
        typing._cleanups and [clean() for clean in typing._cleanups]  # type: ignore[attr-defined]


def test_a_list_gets_no_duplicate() -> None:
    donor, target, other = made(), made(), made()
    both = [other, target, donor, other, donor]
    twice = [donor, other, donor]
    queue = collections.deque([donor, target, other], maxlen=3)
    assert replace(donor, target) == []
    assert both == [other, target, other]
    assert twice == [target, other, target]
    assert queue == collections.deque([target, other])
    both.append(both.pop())


def test_a_dictionary_gets_the_newest_value() -> None:
    donor, target, last = made(), made(), made()
    first = {target: "old", 1: 1, donor: "new"}
    second = {donor: "new", 1: 1, target: "old", last: donor}
    ordered = collections.OrderedDict([(donor, "new"), (1, 1), (target, "old")])
    assert replace(donor, target) == []
    assert first == {target: "new", 1: 1}
    assert [*first] == [target, 1]
    assert second == {target: "new", 1: 1, last: target}
    assert [*ordered.items()] == [(1, 1), (target, "new")]


@pytest.mark.skipif(_core.FREE_THREADED, reason="others would miss the entries meanwhile")
def test_a_dictionary_keeps_its_order() -> None:
    donor, target, other, function = made(), made(), made(), a_function(0)
    holder = {0: 0, donor: 1, "x": donor, other: 3, 5: 5, function: 6}
    assert replace(donor, target) == []
    assert [*holder.items()] == [
        (0, 0),
        (target, 1),
        ("x", target),
        (other, 3),
        (5, 5),
        (function, 6),
    ]


def test_a_set_that_has_both() -> None:
    donor, target = made(), made()
    mutable, frozen = {donor, target, 1}, frozenset([donor, target, 1])
    assert replace(donor, target) == []
    assert mutable == frozen == {target, 1}
    assert len(mutable) == len(frozen) == 2


def test_tuples_and_frozensets_are_found_again_as_keys() -> None:
    donor, target = made(), made()
    pair, frozen = (donor, 1), frozenset([donor, 2])
    deep = ((donor, 3), 4)
    hashes = {*map(hash, (pair, frozen, deep))}
    by_key = {pair: "pair", frozen: "frozen", deep: "deep", "x": "x"}
    members = {pair, frozen, deep}
    around = frozenset([pair, deep])
    assert replace(donor, target) == []
    assert len(hashes) == 3
    assert by_key[target, 1] == "pair"
    assert by_key[frozenset([target, 2])] == "frozen"
    assert by_key[(target, 3), 4] == "deep"
    assert (target, 1) in members
    assert frozenset([2, target]) in members
    assert ((target, 3), 4) in members
    assert around == {(target, 1), ((target, 3), 4)}
    assert hash(around) == hash(frozenset([(target, 1), ((target, 3), 4)]))
    assert len(by_key) == 4
    assert len(members) == 3


def test_a_cache_with_a_limit_goes_on() -> None:
    @functools.lru_cache(maxsize=2)
    def cached(*args: object) -> object:
        return args

    donor, target = made(), made()
    cached(donor, 1)
    cached(donor, 2)
    assert replace(donor, target) == []
    for number in range(6):
        assert cached(target, number) == (target, number)
    assert cached.cache_info().currsize <= 2


def test_instances() -> None:
    donor, target = made(x=1), made(x=2)
    first, second = donor(), donor()
    first.attribute = 1
    dead = weakref.ref(donor)
    assert replace(donor, target) == []
    assert type(first) is type(second) is target
    assert (first.x, first.attribute) == (2, 1)
    second.attribute = 2
    del donor
    must_be_dead(dead)


def test_instances_that_cannot_change() -> None:
    donor, target = made(__slots__=("a", "b")), made(__slots__=())
    instance = donor()
    assert replace(donor, target) == [(donor, instance)]
    assert type(instance) is donor


def test_a_metaclass() -> None:
    donor, target = made("M", type), made("M", type)
    cls = made(metaclass=donor)
    dead = weakref.ref(donor)
    assert replace(donor, target) == []
    assert type(cls) is target
    del donor
    must_be_dead(dead)


def test_a_class_that_asks_nobody() -> None:
    donor, target = Hostile("D", (), {}), Hostile("T", (), {})
    holders: Any = [[donor], {donor: donor}, {donor}, (donor,), frozenset([donor]), slots(donor)]
    instance = donor()
    assert replace(donor, target) == []
    assert holders[0][0] is target
    assert holders[1][target] is target
    assert target in holders[2]
    assert holders[3][0] is target
    assert target in holders[4]
    assert holders[5].value is target
    assert type(instance) is target


def test_a_class_in_a_cell_of_its_own() -> None:
    class Donor:
        def method(self) -> Any:
            return __class__  # type: ignore[name-defined]

    target = made()
    target.method = Donor.method
    dead = weakref.ref(Donor)
    assert replace(Donor, target) == []
    del Donor  # the cell of this function has it no more, either
    must_be_dead(dead)
    assert target().method() is target


def test_classes_are_reported() -> None:
    donor, target = made(), made()
    derived = made("Derived", donor)
    holding = made("Holding", attribute=donor)
    plain = made("Plain")
    left = replace(donor, target)
    assert holders_of(donor, left) == {id(derived), id(holding)}
    assert len(left) == 2
    assert derived.__bases__ == (donor,)
    assert holding.attribute is donor
    assert plain.__mro__ == (plain, object)


def test_its_own_parts_are_no_leftovers() -> None:
    class Donor(metaclass=abc.ABCMeta):
        __slots__ = ("__dict__", "__weakref__", "slot")

        @abc.abstractmethod
        def method(self) -> Any:
            return super()

    Donor.register(int)
    Donor.itself = Donor  # type: ignore[attr-defined]
    assert isinstance(1, Donor)
    target = made()
    dead = weakref.ref(Donor)
    assert replace(Donor, target) == []
    del Donor
    must_be_dead(dead)


def test_enum_members() -> None:
    old, new = enum.Enum("E", "A B"), enum.Enum("E", "A B C")
    held = {new.A: [new.B], "c": (new.C,)}  # type: ignore[attr-defined]
    third = new.C  # type: ignore[attr-defined]
    donors = [new, new.A, new.B]  # type: ignore[attr-defined]
    left = _core.replace_references(donors, [old, old.A, old.B])  # type: ignore[attr-defined]
    assert left == []
    assert held == {old.A: [old.B], "c": (third,)}  # type: ignore[attr-defined]
    assert type(third) is old


def test_a_property_that_is_specialised_for() -> None:
    def donor(self: object) -> int:
        return 1

    def target(self: object) -> int:
        return 2

    class Base:
        value = property(donor)

    class Derived(Base):
        pass

    def read(instance: Any) -> Any:
        return instance.value

    instances = [Base(), Derived()]
    assert {read(instance) for _ in range(100) for instance in instances} == {1}
    dead = weakref.ref(donor)
    assert replace(donor, target) == []
    del donor
    must_be_dead(dead)
    assert {read(instance) for _ in range(100) for instance in instances} == {2}


def test_a_reference_that_is_not_owned() -> None:
    """A context variable has its default, and remembers what it had last without holding it."""
    donor, target = made(), made()
    variable = contextvars.ContextVar("variable", default=donor)
    context = contextvars.copy_context()
    context.run(variable.set, donor)
    assert context.run(variable.get) is donor
    count = sys.getrefcount(target)
    left = replace(donor, target)
    assert variable.get() is target
    if not _core.FREE_THREADED:
        assert sys.getrefcount(target) == count + 1
    assert len(left) == len(holders_of(donor, left)) <= 1  # the context itself is not changed


def test_what_is_kept() -> None:
    donor, target = made(), made()
    pair, other = (donor, target), (donor, target)
    donors, targets = [donor], [target]
    assert _core.replace_references(donors, targets, [pair]) == []
    assert pair[0] is donor
    assert other[0] is target
    assert donors == [donor]
    assert targets == [target]


def test_suspended_generators_are_reported() -> None:
    donor, target = made(), made()
    generator = started(donor)
    next(generator)
    assert [holder for _, holder in replace(donor, target)] == [generator]


def test_finished_frames_are_reported() -> None:
    donor, target = made(), made()

    def fail(value: object) -> None:
        raise KeyError

    try:
        fail(donor)
    except KeyError as error:
        trace = error.__traceback__
        assert trace is not None
        assert trace.tb_next is not None
        frame = trace.tb_next.tb_frame
    left = replace(donor, target)
    assert [(found, holder is frame) for found, holder in left] == [(donor, True)]
    frame.clear()
    del left, frame, trace


def test_running_frames_of_other_threads_are_reported() -> None:
    donor, target = made(), made()
    ready, stop = threading.Event(), threading.Event()

    def work(box: list[Any]) -> None:
        value = box.pop()
        ready.set()
        stop.wait()
        del value

    thread = threading.Thread(target=work, args=([donor],))
    thread.start()
    ready.wait()
    left = replace(donor, target)
    stop.set()
    thread.join()
    assert [(found, holder.f_code) for found, holder in left] == [(donor, work.__code__)]


def test_other_weak_references_are_left_alone() -> None:
    donor, target = made(), made()
    reference = weakref.ref(donor)
    proxy = weakref.proxy(target)
    callback = weakref.ref(target, donor)
    assert replace(donor, target) == [(donor, callback)]
    assert reference() is donor
    assert proxy.__name__ == "C"


class Unhashable(type):
    """A metaclass whose hash and comparison can be made to fail."""

    failing = False

    def __hash__(cls) -> int:
        if Unhashable.failing:
            raise RuntimeError("hash")
        return 1

    def __eq__(cls, other: object) -> bool:
        if Unhashable.failing:
            raise RuntimeError("eq")
        return cls is other


@pytest.fixture
def failing() -> Iterator[Callable[[bool], None]]:
    def fail(now: bool) -> None:
        Unhashable.failing = now

    yield fail
    fail(False)


def test_keys_that_cannot_be_hashed(failing: Callable[[bool], None]) -> None:
    donor, target = Unhashable("D", (), {}), Unhashable("T", (), {})
    values, members, frozen = {donor: donor, "x": donor}, {donor}, frozenset([donor])
    pairs, items = {(donor, 1): 1}, [donor]
    failing(True)
    left = replace(donor, target)
    holders = holders_of(donor, left)
    failing(False)
    assert holders == {id(values), id(members), id(frozen)}
    assert values == {donor: donor, "x": target}
    assert members == {donor}
    assert frozen == {donor}
    assert [*pairs] == [(target, 1)]
    assert items == [target]


def test_keys_that_are_equal() -> None:
    class Equal(type):
        def __hash__(cls) -> int:
            return 1

        def __eq__(cls, other: object) -> bool:
            return type(other) is type(cls)

    donor, target = Equal("D", (), {}), Equal("T", (), {})
    values, members = {donor: donor}, {donor}
    assert replace(donor, target) == []
    ((key, value),) = values.items()
    assert key is value is target
    assert next(iter(members)) is target


def test_a_thousand_at_once() -> None:
    donors, targets = [made() for _ in range(1000)], [made() for _ in range(1000)]
    registry = {donor: [donor] for donor in donors}
    everything = [*donors]
    dead = [weakref.ref(donor) for donor in donors]
    assert _core.replace_references(donors, targets) == []
    assert everything == targets
    assert [*registry] == targets
    assert [*registry.values()] == [[target] for target in targets]
    donors.clear()
    gc.collect()
    assert [reference() for reference in dead] == [None] * 1000


def test_nothing_to_do() -> None:
    assert _core.replace_references([], []) == []
    cls = made()
    holder = [cls]
    assert replace(cls, cls) == []
    assert holder == [cls]
    with pytest.raises(ValueError, match=r"^each donor has one target$"):
        _core.replace_references([cls], [])


def test_referrers() -> None:
    cls = made()
    items, pair, instance = [cls], (cls, 1), cls()
    holder = slots(cls)
    sought = [cls]
    found = {id(referrer) for referrer in _core.find_referrers(sought)}
    assert {id(items), id(pair), id(instance), id(holder)} <= found
    assert id(sought) not in found
    assert _core.find_referrers([]) == []
    (only,) = _core.find_referrers([pair, pair])[:1] or [None]
    assert only is None


def test_frozen_objects_are_found() -> None:
    donor, target = made(), made()
    early = [donor]
    gc.freeze()
    try:
        assert replace(donor, target) == []
        assert early == [target]
    finally:
        gc.unfreeze()


def test_while_other_threads_work() -> None:
    stop = threading.Event()
    target = made()
    shared: list[Any] = []
    registry: dict[Any, Any] = {}

    def work() -> None:
        while not stop.is_set():
            for value in [*registry.values()]:
                shared.append((value, [value], {value: value}))
            del shared[:50]
            assert isinstance(target(), target)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            donor = made()
            registry[number] = donor
            replace(donor, target)
            assert registry[number] is target
    finally:
        stop.set()
        for thread in threads:
            thread.join()
