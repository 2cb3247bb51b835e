"""What the scripts share: our commit, and the raw writes that it is there to replace.

Run as they are, they do something dangerous through the core, and must survive or be refused. With
``--unguarded`` they do the same through ctypes and the interpreter's own functions, which crashes,
or may: that proves that the danger is real, and is not part of the test suite.
"""

from __future__ import annotations

import ctypes
import sys
from types import FunctionType
from typing import Any

from mighty_patcher import _core

UNGUARDED = "--unguarded" in sys.argv
DEBUG = hasattr(sys, "gettotalrefcount")

# The fields of a function, as they lie in memory behind what every object has.
_FIELDS = (
    "globals",
    "builtins",
    "name",
    "qualname",
    "code",
    "defaults",
    "kwdefaults",
    "closure",
)
_replaced: list[object] = []


def commit(target: object, donor: object, fields: int = _core.ALL_FIELDS) -> _core.Log:
    """Give one function the content of another, and return the log."""
    log = _core.Log()
    log.add_function(target, donor, fields)  # type: ignore[arg-type]
    log.commit()
    return log


def store(function: FunctionType, field: str, value: object) -> None:
    """Write a field behind the interpreter's back; the old value stays alive."""
    address = id(function) + object.__basicsize__
    address += _FIELDS.index(field) * ctypes.sizeof(ctypes.c_void_p)
    place = ctypes.c_void_p.from_address(address)
    _replaced.append(value)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    place.value = None if value is None else id(value)


def store_content(target: FunctionType, donor: FunctionType) -> None:
    """Write all that belongs to the code, one field after the other."""
    for field in ("code", "defaults", "kwdefaults", "closure"):
        store(target, field, getattr(donor, f"__{field}__"))


def store_item(items: tuple[Any, ...], index: int, value: object) -> None:
    """Write into a tuple behind the interpreter's back; the old value stays alive."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    offset = tuple.__basicsize__ + index * tuple.__itemsize__
    ctypes.c_void_p.from_address(id(items) + offset).value = id(value)


def set_closure(function: FunctionType, closure: tuple[Any, ...]) -> None:
    """Give a function another closure with the API, which does not look at its code."""
    api = ctypes.pythonapi.PyFunction_SetClosure
    api.argtypes = [ctypes.py_object, ctypes.py_object]
    api(function, closure)
