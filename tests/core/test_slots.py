"""Slots that a class gains while instances are alive."""

from __future__ import annotations

import copy
import gc
import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import types
import weakref
from array import array
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar

import pytest

from mighty_patcher import _core

T = TypeVar("T")


def add(cls: type, name: str) -> Any:
    """Give a class a slot as an edit does, and return the descriptor."""
    slot = _core.side_slot(cls, name)
    type.__setattr__(cls, name, slot)
    type.__setattr__(cls, "__slots__", (*cls.__dict__.get("__slots__", ()), name))
    if "__slotnames__" in vars(cls):
        type.__delattr__(cls, "__slotnames__")
    return slot


def slotted(*slots: str, bases: tuple[type, ...] = (), **content: object) -> Any:
    return type("A", bases, {"__slots__": slots, "__module__": __name__, **content})


class Payload:
    """A value that can be watched, and hold others."""

    def __init__(self, *held: object) -> None:
        self.held = list(held)


def outcome(action: Callable[[], object]) -> object:
    """Say what came of it, in words that are the same for two classes that are alike."""
    try:
        return repr(action())
    except (AttributeError, TypeError) as error:
        told = getattr(error, "name", None), type(getattr(error, "obj", None)).__name__
        return type(error), str(error), told


def like_a_member(cls: Any, slot: Any) -> dict[str, object]:
    """Do everything that can be done with the slot `x` of a class `A` that has `kept` as well."""
    instance, other = cls(), slotted("x")()
    type(other).__name__ = "Other"
    seen: dict[str, object] = {}

    def note(**actions: Callable[[], object]) -> None:
        seen.update((name, outcome(action)) for name, action in actions.items())

    note(
        unset=lambda: instance.x,
        unset_by_hand=lambda: slot.__get__(instance),
        unset_by_both=lambda: slot.__get__(instance, cls),
        delete_unset=lambda: delattr(instance, "x"),
        delete_unset_by_hand=lambda: slot.__delete__(instance),
        get_wrong=lambda: slot.__get__(other),
        set_wrong=lambda: slot.__set__(other, 1),
        delete_wrong=lambda: slot.__delete__(other),
        get_none=lambda: slot.__get__(None),
        set_too_few=lambda: slot.__set__(instance),
        of_class=lambda: (cls.x is slot, slot.__get__(None, cls) is slot),
        set=lambda: setattr(instance, "x", 1),
        get=lambda: (instance.x, getattr(instance, "x"), hasattr(instance, "x")),  # noqa: B009
        set_again=lambda: setattr(instance, "x", None),
        get_again=lambda: instance.x,
        delete=lambda: delattr(instance, "x"),
        gone=lambda: hasattr(instance, "x"),
        name=lambda: slot.__name__,
        qualname=lambda: slot.__qualname__,
        doc=lambda: slot.__doc__,
        owner=lambda: slot.__objclass__ is cls,
        shown=lambda: slot,
        reduced=lambda: (slot.__reduce__()[0], slot.__reduce__()[1] == (cls, "x")),
        copied=lambda: copy.copy(slot) is slot,
        data=lambda: (inspect.isdatadescriptor(slot), inspect.ismethoddescriptor(slot)),
        equal=lambda: (slot == slot, hash(slot) == hash(slot)),
        read_only=lambda: setattr(slot, "__name__", "y"),
        in_dir=lambda: "x" in dir(instance),
    )
    return seen


def test_like_a_member() -> None:
    real = slotted("kept", "x")
    ours = slotted("kept")
    before = ours()
    slot = add(ours, "x")
    before.x = 3
    assert before.x == 3
    assert like_a_member(ours, slot) == like_a_member(real, vars(real)["x"])


def test_type_of_the_descriptor() -> None:
    slot: Any = add(slotted(), "x")
    kind: Any = type(slot)
    assert kind is _core.SideSlot
    with pytest.raises(TypeError, match="cannot create"):
        kind()
    with pytest.raises(TypeError, match="immutable"):
        type.__setattr__(kind, "anything", 1)
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (kind,), {})
    # CPython's own type is one whose values lie in the instance; ours cannot be one.
    assert not inspect.ismemberdescriptor(slot)
    assert gc.is_tracked(slot)


@pytest.mark.parametrize("wrong", [(1, "x"), (object, 1), (object, None), (None, "x")])
def test_wrong_arguments(wrong: Any) -> None:
    with pytest.raises(TypeError):
        _core.side_slot(*wrong)


@pytest.mark.parametrize("owner", [object, int, dict, Exception, type])
def test_classes_of_c_gain_no_slots(owner: type) -> None:
    with pytest.raises(TypeError, match="cannot gain slots: it is written in C"):
        _core.side_slot(owner, "x")


def test_metaclasses_gain_no_slots() -> None:
    with pytest.raises(TypeError, match="'type' has or is a metaclass"):
        _core.side_slot(type("Meta", (type,), {}), "x")


# ---- kinds of classes ----------------------------------------------------------------------

BASES: dict[str, tuple[type, ...]] = {
    "object": (),
    "dict": (dict,),
    "list": (list,),
    "set": (set,),
    "int": (int,),
    "str": (str,),
    "bytes": (bytes,),
    "tuple": (tuple,),
    "float": (float,),
    "Exception": (Exception,),
    "KeyError": (KeyError,),
    "ImportError": (ImportError,),
    "OSError": (OSError,),
    "Generic": (Generic,),
    "deque": (deque,),
    "partial": (partial,),
    "local": (threading.local,),
    "module": (types.ModuleType,),
    "OrderedDict": (OrderedDict,),
    "array": (array,),
    "count": (count,),
}
ARGUMENTS: dict[str, tuple[Any, ...]] = {"partial": (print,), "module": ("m",), "array": ("i",)}


def of_kind(kind: str, **content: object) -> Any:
    if kind == "Generic":
        content["__orig_bases__"] = (Generic[T],)  # type: ignore[index]
    return slotted(bases=BASES[kind], **content)


@pytest.mark.parametrize("kind", BASES)
def test_every_base(kind: str) -> None:
    cls = of_kind(kind)
    arguments = ARGUMENTS.get(kind, ())
    before = cls(*arguments)
    names = cls.__bases__, cls.__mro__
    add(cls, "x")
    assert (cls.__bases__, cls.__mro__) == names
    after = cls(*arguments)
    sizes = sys.getsizeof(before), cls.__basicsize__, cls.__itemsize__
    values = [Payload(), Payload()]
    alive = [weakref.ref(value) for value in values]
    before.x, after.x = values
    assert (sys.getsizeof(before), cls.__basicsize__, cls.__itemsize__) == sizes
    assert [before.x, after.x] == values
    assert _core.side_slot_count() == 2
    assert values[0] in gc.get_referents(before)
    assert gc.get_referents(before).count(cls) == 1
    del values
    del before
    gc.collect()  # a threading.local does not go at once on a free-threaded build
    assert [value() is None for value in alive] == [True, False]
    del after
    gc.collect()
    assert [value() is None for value in alive] == [True, True]
    assert _core.side_slot_count() == 0


@pytest.mark.parametrize("below", ["dict", "slots", "none"])
@pytest.mark.parametrize("kind", BASES)
def test_cycles_are_collected(kind: str, below: str) -> None:
    slots: dict[str, Any] = {"dict": {}, "slots": {"__slots__": ("y",)}, "none": {"__slots__": ()}}
    cls = of_kind(kind)
    try:
        sub = type("Sub", (cls,), {**slots[below], "__module__": __name__})
    except TypeError as error:
        if "__slots__ not supported" not in str(error):
            raise
        pytest.skip(str(error))
    instance = sub(*ARGUMENTS.get(kind, ()))
    add(cls, "x")
    payload = Payload(instance)
    alive = weakref.ref(payload)
    instance.x = payload
    assert payload in gc.get_referents(instance)
    del payload, instance
    gc.collect()
    assert alive() is None
    assert _core.side_slot_count() == 0


def test_cycles_of_the_class_are_collected() -> None:
    cls = slotted("y", "__weakref__")
    add(cls, "x")
    cls.instance = cls()
    cls.instance.x = cls
    alive = weakref.ref(cls)
    del cls
    gc.collect()
    assert alive() is None
    assert _core.side_slot_count() == 0


def test_subclasses_before_and_after() -> None:
    cls = slotted("a")

    class WithDict(cls):  # type: ignore[misc,valid-type]
        pass

    class WithSlots(cls):  # type: ignore[misc,valid-type]
        __slots__ = ("__weakref__", "b")

    instances = [cls(), WithDict(), WithSlots()]
    add(cls, "x")

    class Later(WithDict):
        __slots__ = ()

    class LaterWithSlots(cls):  # type: ignore[misc,valid-type]
        __slots__ = ("b",)

    instances += [cls(), WithDict(), WithSlots(), Later(), LaterWithSlots()]
    for n, instance in enumerate(instances):
        instance.x, instance.a = n, -n
    assert [instance.x for instance in instances] == list(range(8))
    assert [instance.a for instance in instances] == [-n for n in range(8)]
    assert vars(instances[1]) == {}
    assert _core.side_slot_count() == 8
    instances.clear()
    del instance
    assert _core.side_slot_count() == 0


def test_several_bases() -> None:
    cls, other, wide = slotted(), slotted(), slotted("w")
    add(cls, "x")

    class First(cls, other):  # type: ignore[misc,valid-type]
        __slots__ = ()

    class Second(other, cls):  # type: ignore[misc,valid-type]
        __slots__ = ()

    class Third(cls, wide):  # type: ignore[misc,valid-type]
        __slots__ = ("t",)

    class Fourth(dict, cls):  # type: ignore[type-arg,misc,valid-type]
        pass

    class Fifth(Exception, cls):  # type: ignore[misc,valid-type]
        __slots__ = ()

    for made in (First, Second, Third, Fourth, Fifth):
        instance = made()
        alive = Payload(instance)
        watch = weakref.ref(alive)
        instance.x = alive
        assert instance.x is alive
        del instance, alive
        gc.collect()
        assert watch() is None, made
    assert _core.side_slot_count() == 0


def test_a_class_with_a_metaclass() -> None:
    class Meta(type):
        def __setattr__(cls, name: str, value: object) -> None:
            raise AssertionError

        def __subclasses__(cls) -> list[type]:
            raise AssertionError

    cls: Any = Meta("A", (), {"__slots__": ()})
    it = cls()
    add(cls, "x")
    it.x = 1
    assert it.x == 1
    del it
    assert _core.side_slot_count() == 0


def test_a_subclass_that_cannot() -> None:
    cls = slotted()
    type("Meta", (type, cls), {})
    with pytest.raises(TypeError, match="'Meta' cannot gain slots while instances are alive"):
        _core.side_slot(cls, "x")


def test_a_later_subclass_that_cannot() -> None:
    cls = slotted()
    add(cls, "x")
    meta = type("Meta", (type, cls), {})
    instance = meta("Instance", (), {})
    with pytest.raises(TypeError, match="'Meta' cannot gain slots while instances are alive"):
        instance.x = 1
    assert not hasattr(instance, "x")
    assert _core.side_slot_count() == 0


def test_two_prepared_bases() -> None:
    one, two = slotted(), slotted("t")
    add(one, "x")
    add(two, "x")
    add(two, "y")

    class Both(one, two):  # type: ignore[misc,valid-type]
        __slots__ = ()

    it = Both()
    it.x, it.y = 1, 2
    two.x.__set__(it, 3)
    assert (it.x, it.y, two.x.__get__(it)) == (1, 2, 3)
    assert _core.side_slot_count() == 3
    del it
    assert _core.side_slot_count() == 0


def test_what_the_class_shows() -> None:
    cls = slotted("a")
    sub = slotted(bases=(cls,))
    add(cls, "x")
    assert cls.__mro__ == (cls, object)
    assert cls.__bases__ == (object,)
    assert sub.__base__ is cls
    assert any(known is cls for known in object.__subclasses__())
    # The one place that shows it.
    assert cls.__base__.__name__ == "SideSlots"
    assert cls.__base__.__base__ is object
    assert not issubclass(cls, cls.__base__)
    assert not isinstance(cls(), cls.__base__)
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Sub", (cls.__base__,), {})
    cls.__base__()
    add(cls, "y")
    assert cls.__base__.__base__ is object


def test_new_of_a_base() -> None:
    def new(cls: Any, *arguments: object) -> Any:
        return super(made, cls).__new__(cls)

    for base in (object, list, Exception):
        made = slotted(bases=(base,), __new__=new, __init__=lambda *_: None)
        add(made, "x")
        it = made(1, 2)
        it.x = 1
        assert it.x == 1
        assert type(object.__reduce_ex__(it, 2)) is tuple
        if base is not object:
            with pytest.raises(TypeError, match=r"object.__new__\(A\) is not safe"):
                object.__new__(made)


def test_assignments_to_class() -> None:
    cls = slotted()
    sibling, stranger, prepared = slotted(bases=(cls,)), slotted(), slotted()
    add(cls, "x")
    add(prepared, "x")
    it = cls()
    it.x = 1
    it.__class__ = sibling
    assert it.x == 1
    # Where nobody would look after what is in the table, an instance does not get.
    with pytest.raises(TypeError, match="layout differs"):
        it.__class__ = stranger
    it.__class__ = prepared
    it.x = 2
    it.__class__ = cls
    assert it.x == 1
    assert _core.side_slot_count() == 2
    del it
    assert _core.side_slot_count() == 0


def test_assignments_to_bases() -> None:
    cls = slotted("a")
    sub, mixin = slotted(bases=(cls,)), slotted()
    add(cls, "x")
    it = sub()
    it.x = 1
    sub.__bases__ = (mixin, cls)
    assert it.x == 1
    sub.__bases__ = (cls,)
    assert sub.__base__ is cls
    del it
    assert _core.side_slot_count() == 0


def test_an_undo_and_the_same_slot_again() -> None:
    cls = slotted()
    it = cls()
    slot = add(cls, "x")
    it.x = 1
    del cls.x
    assert not hasattr(it, "x")
    cls.x = slot
    assert it.x == 1
    del cls.x
    del slot
    add(cls, "x")
    assert not hasattr(it, "x")
    it.x = 2
    assert _core.side_slot_count() == 2
    del it
    assert _core.side_slot_count() == 0


# ---- lives of instances --------------------------------------------------------------------


@pytest.mark.unsteady("fills the cache of attributes with names, as real slots would")
def test_many_slots_of_one_instance() -> None:
    cls = slotted()
    names = [f"x{n}" for n in range(20)]
    for name in names:
        add(cls, name)
    it = cls()
    for name in names:
        setattr(it, name, name)
    assert [getattr(it, name) for name in names] == names
    for name in names[::2]:
        delattr(it, name)
    assert [hasattr(it, name) for name in names] == [False, True] * 10
    assert _core.side_slot_count() == 10
    del it
    assert _core.side_slot_count() == 0


@pytest.mark.parametrize("slots", [(), ("a", "__weakref__")])
def test_resurrection(slots: tuple[str, ...]) -> None:
    saved: list[Any] = []

    def resurrect(self: Any) -> None:
        if self.x != "enough":
            saved.append(self)

    cls = slotted(*slots, __del__=resurrect)
    add(cls, "x")
    it = cls()
    it.x = "first"
    del it
    assert [each.x for each in saved] == ["first"]
    saved[0].x = "enough"
    saved.clear()
    assert _core.side_slot_count() == 0


def test_a_value_that_is_set_for_the_first_time_in_del() -> None:
    cls, other = slotted(), slotted(__del__=lambda self: setattr(self, "x", 1))
    add(cls, "x")
    both = slotted(bases=(other, cls))
    both()
    assert _core.side_slot_count() == 0


def test_weak_references_see_no_values() -> None:
    cls = slotted("__weakref__")
    add(cls, "x")
    it = cls()
    it.x = Payload()
    seen: list[object] = []
    watch = weakref.ref(it, lambda ref: seen.append(ref()))
    value = weakref.ref(it.x, lambda _: seen.append(watch()))
    del it
    assert seen == [None, None]
    assert value() is None


@pytest.mark.parametrize("slots", [(), ("a",)])
def test_values_that_look_back_when_they_go(slots: tuple[str, ...]) -> None:
    counts: list[int] = []

    class Value:
        def __del__(self) -> None:
            gc.collect()
            counts.append(_core.side_slot_count())

    cls = slotted(*slots)
    add(cls, "x")
    add(cls, "y")
    it = cls()
    it.x = Value()
    it.x = Value()
    it.y = Value()
    del it.y
    it.y = Value()
    del it
    assert counts == [1, 1, 0, 0]


@pytest.mark.parametrize("slots", [(), ("a",)])
@pytest.mark.unsteady("a list of 100 000 instances")
def test_long_lists(slots: tuple[str, ...]) -> None:
    cls = slotted(*slots)
    add(cls, "next")
    it = None
    for _ in range(100_000):
        node = cls()
        node.next = it
        it = node
    del node
    assert _core.side_slot_count() == 100_000
    del it
    gc.collect()
    assert _core.side_slot_count() == 0


@pytest.mark.unsteady("100 000 instances")
def test_churn() -> None:
    cls = slotted("a")
    add(cls, "x")
    kept: list[Any] = []
    for n in range(100_000):
        it = cls()
        it.x = n
        if n % 7 == 0:
            it.x = it
        if n % 11 == 0:
            kept.append(it)
        if len(kept) > 500:
            del kept[::3]
        if n % 20_000 == 0:
            assert all(each.x is each or each.x % 7 for each in kept)
    del it
    kept.clear()
    gc.collect()
    assert _core.side_slot_count() == 0


# ---- copies --------------------------------------------------------------------------------


class Plain:
    __slots__ = ("a",)
    x: Any


class Derived(Plain):
    __slots__ = ("__dict__",)


add(Plain, "x")


@pytest.mark.parametrize("cls", [Plain, Derived])
def test_copies(cls: Any) -> None:
    it = cls()
    it.a, it.x = 1, [2]
    assert copy.copy(it).x is it.x
    deep = copy.deepcopy(it)
    assert (deep.a, deep.x) == (1, [2])
    assert deep.x is not it.x
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(it, protocol))
        assert (again.a, again.x) == (1, [2])
        assert pickle.loads(pickle.dumps(Plain.x, protocol)) is Plain.x
    del it.x
    assert not hasattr(copy.copy(it), "x")


def test_slots_that_were_pickled_before() -> None:
    cls = slotted("a")
    it = cls()
    it.a = 1
    copy.copy(it)
    assert "__slotnames__" in vars(cls)
    add(cls, "x")
    it.x = 2
    again = copy.copy(it)
    assert (again.a, again.x) == (1, 2)


def test_dataclass() -> None:
    @dataclass(slots=True)
    class Point:
        x: int
        y: int

    @dataclass(slots=True)
    class More:
        x: int
        y: int
        z: int = 3

    before = Point(1, 2)
    add(Point, "z")
    for name in ("__init__", "__repr__", "__eq__", "__dataclass_fields__", "__match_args__"):
        setattr(Point, name, getattr(More, name))
    after = Point(1, 2, 4)  # type: ignore[call-arg]
    before.z = 3  # type: ignore[attr-defined]
    assert (before.z, after.z) == (3, 4)  # type: ignore[attr-defined]
    assert before != after
    assert repr(after).endswith("(x=1, y=2, z=4)")
    del before, after
    assert _core.side_slot_count() == 0


# ---- threads and the end -------------------------------------------------------------------


def in_threads(work: Callable[[int], None], number: int = 4) -> None:
    errors: list[BaseException] = []
    start = threading.Barrier(number)

    def run(number: int) -> None:
        start.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


@pytest.mark.unsteady("threads")
def test_threads_with_instances_of_their_own() -> None:
    cls = slotted("a")
    for name in "xyz":
        add(cls, name)

    def work(number: int) -> None:
        kept: list[Any] = []
        for n in range(4000):
            it = cls()
            it.x, it.y = (number, n), it
            kept.append(it)
            if n % 3 == 2:
                kept.pop(0)
            if n % 500 == 0:
                gc.collect()
            other = kept[n % len(kept)]
            assert other.x[0] == number
            assert other.y is other
            other.z = n
            del other.z

    in_threads(work)
    gc.collect()
    assert _core.side_slot_count() == 0


@pytest.mark.unsteady("threads")
def test_threads_with_one_instance() -> None:
    cls = slotted("a")
    add(cls, "x")

    def work(shared: Any, number: int) -> None:
        for n in range(4000):
            if number == 0 and n % 400 == 0:
                gc.collect()
                gc.get_referents(shared)
            if (number + n) % 3 == 0:
                shared.x = Payload(shared)
            elif (number + n) % 3 == 1:
                assert type(getattr(shared, "x", Payload())) is Payload
            else:
                with suppress(AttributeError):
                    del shared.x

    in_threads(partial(work, cls()))
    gc.collect()
    assert _core.side_slot_count() == 0


@pytest.mark.unsteady("threads")
def test_threads_while_classes_gain_slots() -> None:
    classes = [slotted(*("a",) * (n % 2)) for n in range(60)]

    def work(number: int) -> None:
        for n, cls in enumerate(classes):
            slot = _core.side_slot(cls, f"x{number}")
            later = slotted(bases=(slotted(), cls))
            for instance in (cls(), later()):
                slot.__set__(instance, (number, n))
                assert slot.__get__(instance) == (number, n)

    in_threads(work)
    gc.collect()
    assert _core.side_slot_count() == 0


@pytest.mark.unsteady("a process of its own")
@pytest.mark.parametrize("kind", ["", "dict", "Exception", "int"])
def test_the_end_of_the_interpreter(kind: str) -> None:
    script = f"""
        from mighty_patcher import _core
        class A({kind}):
            __slots__ = ()
        class B(A):
            pass
        A.x = _core.side_slot(A, "x")
        kept = [A(), B(), A(), B()]
        for it in kept:
            it.x = kept
        class Last:
            def __del__(self):
                print("last", flush=True)
        kept[1].x = Last()
        print(_core.side_slot_count())
    """
    source = Path(_core.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(source)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "4"
