"""Whether an object is nothing but memory, so that another can be made in its place: a connection
is not opened once more, and a server goes on with the application that it serves.
"""

from __future__ import annotations

import gc
import re
import sys
import threading
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    GenericAlias,
    MappingProxyType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.classes import class_dict, is_class, mro_of
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import is_module, namespace_of

__all__ = ["has_raised", "is_instance", "is_only_memory"]

_ENOUGH = 20_000  # objects to have been looked at
_IMMUTABLE_TYPE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE, Include/object.h
_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE

_ENDS = (
    *(type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented), range),
    *(type, FunctionType, BuiltinFunctionType, ModuleType, CodeType, re.Pattern, GenericAlias),
    *(weakref.ref, weakref.WeakMethod, property, staticmethod, classmethod, type(int | str)),
)
"""What holds nothing that was opened, or belongs to others."""

_BUILTIN_CONTAINERS = (dict, frozenset, list, set, tuple)
_CONTAINERS = (
    *(*_BUILTIN_CONTAINERS, bytearray, slice),
    *(CellType, MappingProxyType, MethodType, OrderedDict, SimpleNamespace),
    *(defaultdict, deque, object, partial),
)

_OUR_OWN = __name__.partition(".")[0] + "."
_SUSPENDED = (AsyncGeneratorType, CoroutineType, GeneratorType)


def is_only_memory(value: Any) -> bool:
    """Tell whether an object is nothing but memory, and nothing that runs has it at hand."""
    if not is_instance(value) or _is_at_hand(value):
        return False
    known = {id(value): value}
    waiting = [value]
    while waiting:
        if len(known) > _ENOUGH:
            return False
        holder = waiting.pop()
        if issubclass(type(holder), _ENDS):
            continue
        if not (is_one_of(type(holder), _CONTAINERS) or _is_plain(type(holder))):
            return False
        for it in gc.get_referents(holder):
            if id(it) not in known and not is_class(it):
                known[id(it)] = it
                waiting.append(it)
    return True


def has_raised(error: Exception, objects: Iterable[Any]) -> bool:
    """Tell whether one of some objects was at work when an error was raised."""
    known, trace = list(objects), error.__traceback__
    while trace is not None:
        if known and _has(trace.tb_frame, known):
            return True
        trace = trace.tb_next
    return False


def is_instance(value: Any) -> bool:
    """Tell whether something is an object of a class that is written in Python."""
    return not is_class(value) and _is_written_in_python(type(value))


def _is_plain(cls: type) -> bool:
    """Tell whether a class, and all that it derives from, is a container or written in Python."""
    return all(
        is_one_of(it, _ENDS)
        or is_one_of(it, _CONTAINERS)
        or issubclass(it, _BUILTIN_CONTAINERS)  # one of an extension, too
        or _size_of(it) == object.__basicsize__  # it adds methods alone
        or _is_written_in_python(it)
        for it in mro_of(cls)
    )


def _is_written_in_python(cls: type) -> bool:
    if _flags_of(cls) & (_HEAP_TYPE | _IMMUTABLE_TYPE) != _HEAP_TYPE:
        return False
    name = class_dict(cls).get("__module__")
    module = sys.modules.get(name) if type(name) is str else None
    file = namespace_of(module).get("__file__") if is_module(module) else None
    return type(file) is str and file.endswith((".py", ".pyc"))


def _is_at_hand(value: Any) -> bool:
    """Tell whether code that is running, or that waits, has an object in one of its variables."""
    if any(is_one_of(type(it), _SUSPENDED) for it in _core.find_referrers([value])):
        return True
    others = sys._current_frames().keys() - {threading.get_ident()}
    if _core.FREE_THREADED and others:
        return True  # what others have in their variables cannot be looked at while they run
    innermost = [*sys._current_frames().values()]
    try:
        return any(_has(frame, [value]) for frame in _frames(innermost))
    finally:
        innermost.clear()  # or this frame would be in a variable of its own


def _frames(innermost: Iterable[FrameType]) -> Iterator[FrameType]:
    for it in innermost:
        frame: FrameType | None = it
        while frame is not None:
            yield frame
            frame = frame.f_back


def _has(frame: FrameType, objects: list[Any]) -> bool:
    """Tell whether a function, but none of ours, has one of some objects in a variable."""
    is_ours = str(frame.f_globals.get("__name__")).startswith(_OUR_OWN)
    if is_ours or frame.f_locals is frame.f_globals:
        return False
    return any(is_one_of(it, objects) for it in dict(frame.f_locals).values())


_flags_of = vars(type)["__flags__"].__get__
_size_of = vars(type)["__basicsize__"].__get__
