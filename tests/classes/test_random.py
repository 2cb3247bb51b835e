"""Random edits of random hierarchies: after each of them the classes that were patched are what a
fresh process makes of the text.

CI has 350 edits on each interpreter. ::

    CLASSES_EDITS=100000 CLASSES_SEED=7 make test ARGS="tests/classes/test_random.py"
"""

from __future__ import annotations

import gc
import inspect
import os
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from case import Program, class_dict
from hierarchies import Hierarchy

from mighty_patcher.engine.report import Reload

EDITS = int(os.environ.get("CLASSES_EDITS", "350"))
SEED = int(os.environ.get("CLASSES_SEED", "1"))
PER_HIERARCHY = 25
LIMIT = "lay-out conflict"  # a base still has the place of slots that are gone from the source

# Of the interpreter's own, or caches.
_NOT_COMPARED = {
    "__annotations_cache__",
    "__annotate_func__",
    "_abc_impl",
    "__slotnames__",
    "__dict__",
    "__weakref__",
}


def fresh(text: str, name: str) -> types.ModuleType:
    """Execute the text as a fresh process would."""
    module = types.ModuleType(name)
    exec(compile(text, name, "exec", dont_inherit=True), vars(module))
    return module


def classes(module: types.ModuleType) -> dict[str, type]:
    return {name: it for name, it in vars(module).items() if name in set("ABCDE")}


def made(cls: type) -> Any:
    try:
        return cls()
    except TypeError as error:
        return error


def answer(ask: Callable[[], Any]) -> str:
    try:
        value = ask()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(value, type):
        return f"{value.__name__}.x = {getattr(value, 'x', None)}"
    return repr(value) if not hasattr(value, "__next__") else repr(list(value))


def member(value: Any) -> str:
    """Describe a class attribute, comparable between two processes."""
    function = getattr(value, "__func__", value)
    if isinstance(value, type):
        return f"class {sorted(class_dict(value).keys() - _NOT_COMPARED)}"
    if isinstance(function, types.FunctionType):
        return f"{type(value).__name__}{inspect.signature(function)}"
    if type(value).__name__ in ("member_descriptor", "SideSlot"):
        return "slot"
    if isinstance(value, (int, str, tuple, frozenset, type(None))):
        return repr(value)
    return type(value).__name__


def description(cls: type, instance: Any) -> dict[str, str]:
    """What a class is and does."""
    members = {name: value for name, value in class_dict(cls).items() if name not in _NOT_COMPARED}
    found = {f"vars {name}": member(value) for name, value in members.items()}
    found["mro"] = str([base.__qualname__ for base in cls.__mro__])
    found["bases"] = str([base.__qualname__ for base in cls.__bases__])
    found["metaclass"] = type(cls).__qualname__
    found["abstract"] = str(inspect.isabstract(cls))
    found["parameters"] = str(getattr(cls, "__parameters__", None))
    for name in ("__dict__", "__weakref__"):  # of its own, or inherited: slots may lie elsewhere
        found[f"has {name}"] = str(any(name in class_dict(base) for base in cls.__mro__))
    if isinstance(instance, TypeError):
        return found | {"made": str(instance)}
    for name in ("one", "two", "three", "mixed", "asked", "value0"):
        found[f".{name}"] = _attribute(instance, name)
        if callable(getattr(instance, name, None)):
            found[f".{name}"] = answer(getattr(instance, name))
    for name, ask in {
        "len": lambda: len(instance),
        "item": lambda: instance[1],
        "call": lambda: instance(),
        "equal": lambda: instance == 1,
        "bool": lambda: bool(instance),
        "in": lambda: 3 in instance,
        "add": lambda: instance + 1,
        "iter": lambda: list(iter(instance)),
        "hash": lambda: type(hash(instance)),
    }.items():
        found[name] = answer(ask)
    for name in ("p", "q", "r"):
        found[f"set {name}"] = answer(partial(_set, instance, name))
    return {key: value.replace(hex(id(instance)), "<id>") for key, value in found.items()}


def _attribute(instance: Any, name: str) -> str:
    value = answer(partial(getattr, instance, name))
    return "a method" if callable(getattr(instance, name, None)) else value


def _set(instance: Any, name: str) -> Any:
    setattr(instance, name, 1)
    return getattr(instance, name)


def stored_more(patched: type, expected: type) -> list[str]:
    """What instances go on having though the text gives them none, which the report has said."""
    offsets = {"__dict__": "__dictoffset__", "__weakref__": "__weakrefoffset__"}
    return [
        name
        for name, offset in offsets.items()
        if type.__getattribute__(patched, offset) and not type.__getattribute__(expected, offset)
    ]


def saved(program: Program, reports: list[Reload], text: str) -> Reload:
    reports.append(program.save(m=text))
    return reports[-1]


def says_what_stays(reports: list[Reload]) -> bool:
    return any("go on having" in step.reason for it in reports for step in it.kept)


def compare(patched: type, expected: type, instance: Any, when: str) -> None:
    ours, theirs = description(patched, instance), description(expected, made(expected))
    if isinstance(instance, TypeError) != ("made" in theirs):
        return  # what could be made before cannot be any more, or the other way round
    if when.endswith("old instance"):  # it has what its own __init__ gave it
        del ours[".value0"], theirs[".value0"]
    roomier = stored_more(patched, expected)
    for key in {**ours, **theirs}:
        mine = ours.get(key, "").split(" at 0x")[0]
        if key in [f"has {name}" for name in roomier]:
            assert (mine, theirs[key]) == ("True", "False"), f"{patched.__name__} {key} {when}"
            continue
        if "__dict__" in roomier and key.startswith("set ") and mine == "1":
            continue
        assert mine == theirs.get(key, "").split(" at 0x")[0], f"{patched.__name__} {key} {when}"


@pytest.mark.parametrize("part", range(max(1, EDITS // 500)))
def test_patched_classes_are_what_a_fresh_process_has(
    part: int, programs: Callable[[], Program]
) -> None:
    edits = kept = 0
    for number in range(min(EDITS, 500) // PER_HIERARCHY):
        seed = SEED * 1_000_000 + part * 1000 + number
        hierarchy, program = Hierarchy.new(seed), programs()
        text = hierarchy.source()
        try:
            fresh(text, "first")
        except TypeError:
            continue  # there can be no such hierarchy to begin with
        (module,) = program.load("m", m=text)
        held = {name: (cls, made(cls)) for name, cls in classes(module).items()}
        reports: list[Reload] = []

        save = partial(saved, program, reports)

        for step in range(PER_HIERARCHY):
            before = hierarchy.classes[:]
            hierarchy.edit()
            text, when = hierarchy.source(), f"seed {seed}, step {step}"
            edits += 1
            words = ""
            try:
                expected = fresh(text, module.__name__)
            except TypeError as error:
                words = str(error)
                expected = None
            if expected is None:
                # Classes that gained slots in place can have it: then it is well.
                report = save(text)
                assert report.ok or words in str(report.error), when
                hierarchy.classes = before
                assert save(hierarchy.source()).ok, when
                held = {name: (cls, made(cls)) for name, cls in classes(module).items()}
                continue
            when += "\n" + text.partition("super().__call__(*a)")[2]
            report = save(text)
            if not report.ok and LIMIT in str(report.error):
                hierarchy.classes = before
                assert save(hierarchy.source()).ok, when
                continue
            assert report.ok, (when, report, report.error and report.error.__cause__)
            left = {stale.what for stale in report.stale}
            for name, cls in classes(module).items():
                old, instance = held.get(name, (cls, None))
                if old is not cls:
                    assert any(what.startswith("class ") for what in left), (when, name, left)
                    held[name] = cls, made(cls)
                else:
                    kept += 1
                    if not isinstance(instance, (TypeError, type(None))):
                        compare(cls, classes(expected)[name], instance, f"{when}, old instance")
                compare(cls, classes(expected)[name], made(cls), f"{when}, new instance")
                if stored_more(cls, classes(expected)[name]):
                    assert says_what_stays(reports), when
            del expected
    assert kept > edits, "most edits keep most classes"
    gc.collect()
