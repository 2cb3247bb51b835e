"""What the compiler itself writes into a class from 3.13 on: the line on which it begins and the
attributes that its methods assign. They change although nothing of the class is run again. A model
of pydantic's has a copy of the names of the class that it stands in, and in it that line; and a
function that `functools.wraps` has made to look like a class has a copy of all that the class has.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from mighty_patcher.engine.classes import (
    class_dict,
    content_of,
    is_class,
    is_defined_in,
    qualname_of,
    stored,
)
from mighty_patcher.engine.codetree import Pairs
from mighty_patcher.engine.identity import IdentityDict
from mighty_patcher.engine.module_facts import namespace_of, shown_name

__all__ = ["changed_facts"]

_HAS_FACTS = sys.version_info >= (3, 13)
_LINE, _ATTRIBUTES = "__firstlineno__", "__static_attributes__"
_AROUND = "__pydantic_parent_namespace__"
_LOAD, _STORE, _EXTENDED = map(dis.opmap.__getitem__, ("LOAD_CONST", "STORE_NAME", "EXTENDED_ARG"))


def changed_facts(
    module: ModuleType, pairs: Pairs
) -> Iterator[tuple[type | FunctionType, dict[str, Any]]]:
    """Find the classes of a module about which the compiler says something else now.

    Args:
        module: The module.
        pairs: Its old and new code.

    Yields:
        Each class, or function that wraps one, with what it says.
    """
    if not _HAS_FACTS or not pairs.root.changed:
        return
    wrappers = IdentityDict[type, FunctionType]()
    classes = list(_own_classes(module, wrappers))
    codes = [_code_of(cls, pairs) for cls in classes]
    lines = {
        (qualname_of(cls), class_dict(cls)[_LINE]): code.co_firstlineno
        for cls, code in zip(classes, codes, strict=True)
        if code is not None
    }
    for cls, code in zip(classes, codes, strict=True):
        known = class_dict(cls)
        facts: dict[str, Any] = {}
        if code is not None:
            facts[_LINE] = code.co_firstlineno
            if _ATTRIBUTES in known:
                facts[_ATTRIBUTES] = _static_attributes(code)
        facts = {name: value for name, value in facts.items() if known[name] != value}
        around = known.get(_AROUND)
        if type(around) is dict and type(around.get(_LINE)) is int:
            line = lines.get((around.get("__qualname__"), around[_LINE]))
            if line not in (None, around[_LINE]):
                facts[_AROUND] = around | {_LINE: line}
        if facts:
            yield cls, facts
        copied = wrappers[cls].__dict__ if cls in wrappers else {}
        same = {it: facts[it] for it in facts if it in copied and copied[it] is known[it]}
        if same:
            yield wrappers[cls], same


def _code_of(cls: type, pairs: Pairs) -> CodeType | None:
    line = class_dict(cls).get(_LINE)
    return pairs.scope(qualname_of(cls), line) if type(line) is int else None


def _own_classes(module: ModuleType, wrappers: IdentityDict[type, FunctionType]) -> Iterator[type]:
    """Yield the classes of a module, and add the functions that wrap some."""
    name, namespace = shown_name(module), namespace_of(module)
    waiting, seen = list(namespace.values()), set[int]()
    while waiting:
        value: Any = waiting.pop()
        if type(value) is FunctionType:
            wrapper, value = value, stored(value, "__wrapped__")
            if is_class(value):
                wrappers[value] = wrapper
        if is_class(value) and id(value) not in seen:
            seen.add(id(value))
            if is_defined_in(value, name, namespace):
                yield value
                waiting += content_of(value).values()


def _static_attributes(code: CodeType) -> Any:
    """Return what the code of a class stores as ``__static_attributes__``.

    The compiler stores it last of all, so that it is looked for from the end, and `dis`, which goes
    through all of the code, is asked only where it does not come from a constant.
    """
    code_units, names = code.co_code, code.co_names
    at = len(code_units) - 2
    while at > 0:
        if code_units[at] == _STORE:
            argument, before = _argument_at(code_units, at)
            if names[argument] == _ATTRIBUTES:
                if code_units[before] == _LOAD:
                    return code.co_consts[_argument_at(code_units, before)[0]]
                return _disassembled(code)
        at -= 2
    return ()


def _argument_at(code_units: bytes, at: int) -> tuple[int, int]:
    """Return the argument of an instruction, and where the one before it is."""
    argument, shift = code_units[at + 1], 8
    while at > 1 and code_units[at - 2] == _EXTENDED:
        at -= 2
        argument |= code_units[at + 1] << shift
        shift += 8
    return argument, at - 2


def _disassembled(code: CodeType) -> Any:
    value: Any = ()
    for instruction in dis.get_instructions(code):
        if instruction.argval == _ATTRIBUTES:
            return value
        value = instruction.argval
    return ()
