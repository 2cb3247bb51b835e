"""What a process holds, in words that do not depend on identity or on the process."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import re
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import helper

__all__ = ["ANOTHER", "Key", "Words", "clear_caches", "describe", "held_words", "raw"]

Key = tuple[str, str, str]
"""A module, a name in it, and what about it."""
Words = dict[Key, str]

ANOTHER = ", not its module's"
"""Ends the name of a function or class that its module knows another by."""
_PLAIN = (int, str, bool, float, type(None))
_OF_A_CLASS = {"__module__", "__doc__", "__dict__", "__weakref__", "__qualname__"}
# Made on first use, or where a class stands in its file.
_NOT_WRITTEN = {
    *("__annotations__", "__annotations_cache__", "__annotate__", "__annotate_func__"),
    *("__static_attributes__", "__firstlineno__", "__dataclass_fields__", "__signature__"),
}
_PROGRAM_NAMES = ("__doc__", "__all__")


def describe(modules: Iterable[str]) -> Words:
    """Describe what modules hold.

    Args:
        modules: Their names.
    """
    clear_caches(modules)
    words: Words = {}
    first: dict[int, str] = {}
    for module in sorted(modules):
        namespace = vars(sys.modules[module])
        for name in sorted(namespace):
            if name.startswith("__") and name not in _PROGRAM_NAMES:
                continue
            value = namespace[name]
            for about, text in details(value):
                words[module, name, about] = text
            if not isinstance(value, (*_PLAIN, tuple, types.ModuleType)):
                same = first.setdefault(id(value), f"{module}.{name}")
                words[module, name, "is"] = same
    return words


def held_words(names: Iterable[str], held: dict[tuple[str, str, str], list[Any]]) -> Words:
    """Describe what was held from the start, as `describe` does with what modules hold.

    Args:
        names: The names of the modules.
        held: Each in a list, by the module and the name of the definition, and what it is.
    """
    clear_caches(names)
    words: Words = {}
    for (module, name, kind), (value,) in held.items():
        if kind == "instance":
            found: Iterable[tuple[str, str]] = _of_methods(value)
        elif kind.startswith("method"):
            found = [(f"().{kind.removeprefix('method ')}", _answer(value, 3))]
        else:
            found = details(value)
        for about, text in found:
            words[module, name, f"{kind}: {about}"] = text
    return words


def clear_caches(modules: Iterable[str]) -> None:
    """Forget what functions have returned: it stays when their bodies are patched."""
    for module in modules:
        for value in list(vars(sys.modules[module]).values()):
            while value is not None and not isinstance(value, type):
                if type(value) is functools._lru_cache_wrapper:
                    value.cache_clear()
                value = getattr(value, "__wrapped__", None)


def raw(value: Any) -> Any:
    """Return the function that decorators have wrapped."""
    while not isinstance(value, type) and hasattr(value, "__wrapped__"):
        value = value.__wrapped__
    return value


def details(value: Any) -> Iterator[tuple[str, str]]:
    """Yield what there is to say of a value, each with a word for it."""
    kind = type(value)
    if kind is types.FunctionType:
        yield from _of_function(value)
    elif isinstance(value, type) and value.__module__ != "helper":
        yield from _of_class(value)
    elif kind is functools._lru_cache_wrapper:
        yield "value", f"a cache {value.cache_parameters()}"
        yield from ((f"cached {about}", text) for about, text in details(value.__wrapped__))
    elif kind is functools.partial:
        yield "value", _short(value)
        yield "call", _answer(value)
    else:
        yield "value", _short(value)
        if _is_of_program(kind):
            yield from _of_instance(value)


def _is_of_program(kind: type) -> bool:
    return kind.__module__ in sys.modules and hasattr(sys.modules[kind.__module__], "note")


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, str]]:
    yield "value", f"function {function.__module__}.{function.__qualname__}"
    yield "defaults", _short((function.__defaults__, function.__kwdefaults__))
    yield "annotations", _annotations(lambda: function.__annotations__)
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    yield "arguments", str((code.co_argcount, code.co_varnames[:count], code.co_flags))
    yield "lines", str(list(_lines(code)))
    yield "doc", str(function.__doc__)
    closure = function.__closure__ or ()
    if closure:
        yield "closure", _short([cell.cell_contents for cell in closure])
    wrapped = function.__dict__.get("__wrapped__")
    if wrapped is not None:
        yield from ((f"wrapped {about}", text) for about, text in details(wrapped))
    yield "call 1", _answer(function, 1)
    yield "call 7", _answer(function, 7)


def _annotations(ask: Callable[[], dict[str, Any]]) -> str:
    try:
        return str([(name, str(it)) for name, it in ask().items()])
    except Exception as error:  # from 3.14 on they are evaluated now
        return f"{type(error).__name__}: {error}"


def _lines(code: types.CodeType) -> Iterator[int | None]:
    yield code.co_firstlineno
    seen: set[int | None] = set()
    for _, _, line in code.co_lines():
        if line not in seen:
            seen.add(line)
            yield line
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _lines(constant)


def _of_class(cls: type) -> Iterator[tuple[str, str]]:
    yield "value", f"class {cls.__module__}.{cls.__qualname__}"
    yield "bases", _short(cls.__bases__)
    yield "mro", _short(cls.__mro__)
    yield "doc", str(cls.__doc__)
    yield "annotations", _annotations(lambda: inspect.get_annotations(cls))
    members = type.__dict__["__dict__"].__get__(cls)
    names = sorted(members.keys() - _OF_A_CLASS - _NOT_WRITTEN)
    yield "names", str(names)
    for name in names:
        if name.startswith("__") and name != "__init__":
            continue
        yield from ((f".{name} {about}", text) for about, text in _of_member(members[name]))
    if dataclasses.is_dataclass(cls):
        yield "fields", str([(it.name, _short(it.default)) for it in dataclasses.fields(cls)])
    try:
        instance = cls()
    except Exception as error:
        yield "instance", f"{type(error).__name__}: {error}"
    else:
        yield from _of_instance(instance)


def _of_member(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, property):
        yield "kind", "property"
        value = value.fget
    elif isinstance(value, (staticmethod, classmethod)):
        yield "kind", type(value).__name__
        value = value.__func__
    if isinstance(value, types.FunctionType):
        # What it does is asked of instances.
        yield from (
            (about, text) for about, text in _of_function(value) if not about.startswith("call")
        )
    else:
        yield "value", _short(value)


def _of_instance(instance: Any) -> Iterator[tuple[str, str]]:
    for name in ("x", "y", "v"):
        if hasattr(instance, name):
            yield f"().{name}", _short(getattr(instance, name))
    yield from _of_methods(instance)


def _of_methods(instance: Any) -> Iterator[tuple[str, str]]:
    for name in ("one", "two", "three"):
        try:
            found = getattr(instance, name)
        except AttributeError:
            continue
        except Exception as error:
            yield f"().{name}", f"{type(error).__name__}: {error}"
            continue
        yield f"().{name}", _answer(found, 3) if callable(found) else _short(found)


def _answer(function: Callable[..., Any], *arguments: Any) -> str:
    try:
        return _short(function(*arguments))
    except ImportError as error:
        return str(error).partition(" (")[0]  # then where the module is
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def _short(value: Any) -> str:
    kind = type(value)
    if kind in _PLAIN:
        return re.sub(r" at 0x\w+", "", repr(value)) if kind is str else repr(value)
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join(map(_short, value))})"
    if kind is dict:
        return "{" + ", ".join(f"{k!r}: {_short(value[k])}" for k in sorted(value)) + "}"
    if kind is types.FunctionType or isinstance(value, type):
        return _named(value)
    if kind is functools._lru_cache_wrapper:
        return f"cache of {_short(value.__wrapped__)}"
    if kind is functools.partial:
        return f"partial({_short(value.func)}, {_short(value.args)}, {_short(value.keywords)})"
    if kind is types.ModuleType:
        return f"module {value.__name__}"
    if kind is types.MethodType:
        return f"method {_short(value.__func__)}"
    if kind is helper.State:
        return f"state {value.name}"
    if _is_of_program(kind):
        return f"instance of {_named(kind)} with {_short(dict(vars(value)))}"
    return kind.__name__


def _named(value: Any) -> str:
    """Name a function or class, and say if its module knows another by this name."""
    kind = "class" if isinstance(value, type) else "function"
    name = f"{kind} {value.__module__}.{value.__qualname__}"
    module = sys.modules.get(value.__module__)
    if module is None or not hasattr(module, "note") or "." in value.__qualname__:
        return name
    known = vars(module).get(value.__qualname__)
    return name if known is value or raw(known) is value else name + ANOTHER
