"""Code objects that others hold: ``HIDDEN.append(f.__code__)``, in a decorator perhaps.

A function that gets other code is the same function, but its code is another object: who looks for
it by that does not find it any more. Whether what is held is to be the new code nobody knows; so it
is named in the report where a module has it, or a container of a module. What is deeper is mostly
that of tools, which note what has run (coverage has a list of all code). As a key of a dictionary
code is a question ("what do I know of this?"), and for other code there is another answer.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    TracebackType,
)
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.bindings import names_holding
from mighty_patcher.engine.classes import class_dict
from mighty_patcher.engine.holders import described, is_ours, listed
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import every_module, name_of_module, namespace_of
from mighty_patcher.engine.report import Stale

__all__ = ["HeldCode", "holders_of_code", "still_held_code"]

HeldCode = tuple[FunctionType, CodeType, Any]
"""A function, its code, and who else holds that."""

_RUN_IT = (
    *(FunctionType, CodeType, FrameType, TracebackType),
    *(GeneratorType, CoroutineType, AsyncGeneratorType),
)


def holders_of_code(functions: Iterable[FunctionType], ours: Sequence[Any]) -> Iterator[HeldCode]:
    """Find who holds the code of functions, besides what runs it: one pass over the heap.

    Args:
        functions: The functions.
        ours: What is known to hold some of this code.
    """
    of_code = {id(it.__code__): it for it in functions}
    codes = [it.__code__ for it in of_code.values()]
    known = {id(codes), id(of_code), *map(id, ours)}
    for holder in [*_core.find_referrers(codes), *_unseen()]:
        if id(holder) in known or _is_apart(holder):
            continue
        for value in _values(holder):
            if type(value) is CodeType and id(value) in of_code:
                function = of_code[id(value)]
                yield function, function.__code__, holder


def still_held_code(found: Sequence[HeldCode], ours: Sequence[Any]) -> Iterator[Stale]:
    """Name who holds code that functions do not have any more.

    Args:
        found: What was found before they got other code.
        ours: Containers of the engine that hold any of it.
    """
    ours = [*ours, *found, found]
    found = [entry for entry in found if _is_old(*entry)]
    if not found:
        return
    namespaces = {id(namespace_of(it)): it for it, *_ in names_holding([it[1] for it in found])}
    holders = [holder for *_, holder in found if id(holder) not in namespaces]
    has_name = {id(value) for *_, value in names_holding(holders)}
    words = described([it for it in holders if id(it) in has_name], [*ours, found, holders])
    places: dict[int, tuple[FunctionType, Counter[str]]] = {}
    for function, code, holder in found:
        _, known = places.setdefault(id(code), (function, Counter()))
        if id(holder) in namespaces:
            module = name_of_module(namespaces[id(holder)])
            names = [name for name, value in [*holder.items()] if value is code]
            known.update(f"{module}.{name}" for name in names)
        elif id(holder) in words:
            known[words[id(holder)]] += 1
    for function, known in places.values():
        if known:
            yield Stale(
                f"{function.__qualname__}.__code__",
                f"it is another now, and what it was is still in {listed(known)}",
                "put there what the function has now, or restart",
            )


def _unseen() -> Iterator[Any]:
    """Yield what modules hold and the collector does not look at, for it can be in no cycle: before
    3.14 a dictionary of strings and code, and from then on a tuple. What holds such a tuple itself
    is not known to hold the code.
    """
    for module in every_module():
        for value in [*namespace_of(module).values()]:
            if is_one_of(type(value), (dict, tuple)) and not gc.is_tracked(value):
                yield value


def _is_old(function: FunctionType, code: CodeType, holder: Any) -> bool:
    now = function.__code__
    return now is not code and not any(it is now for it in _values(holder))


def _is_apart(holder: Any) -> bool:
    """Tell whether something goes on with the code that it has, or shows what has run."""
    if is_one_of(type(holder), _RUN_IT) or is_ours(holder) or _is_of_code(holder):
        return True
    return bool(class_dict(type(holder)).get("__module__") == "traceback")


def _is_of_code(holder: Any) -> bool:
    """Tell whether a tuple is that of the constants of other code."""
    if type(holder) is not tuple or not any(type(it) is CodeType for it in holder):
        return False
    above = _core.find_referrers([holder]) if _core.FREE_THREADED else ()  # else none is seen
    return any(type(it) is CodeType for it in above)


def _values(holder: Any) -> Iterator[Any]:
    """Yield what something holds, keys apart."""
    if issubclass(type(holder), dict):
        yield from [*dict.values(holder)]
    else:
        yield from gc.get_referents(holder)
