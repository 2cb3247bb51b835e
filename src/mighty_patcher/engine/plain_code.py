"""What the code of a function tells of what it does, without being followed: its names, and whether
all that it comes to has a name there.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from itertools import zip_longest
from types import CodeType

from mighty_patcher.engine.identity import is_one_of

__all__ = ["BY_ANY_NAME", "BY_NAME", "called_in", "codes_of", "is_plain_to_see", "strings_in"]

BY_ANY_NAME = frozenset(
    {
        *("__delattr__", "__getattribute__", "__setattr__", "attrgetter", "dir", "eval", "exec"),
        *("getattr_static", "getmembers", "getmembers_static", "methodcaller", "setitem", "vars"),
    }
)
"""What comes to attributes whose names are not written in the code."""
BY_NAME = ("getattr", "hasattr", "setattr", "delattr")
"""What does so unless its second argument is."""
_HAS_FLAG = sys.version_info >= (3, 12)  # LOAD_METHOD is LOAD_ATTR with a flag (gh-103865)
_NULL_IS_LAST = sys.version_info >= (3, 13)
_NO_PART_OF_IT = ("CACHE", "EXTENDED_ARG", "NOP", "NOT_TAKEN", "PRECALL")
_LOADS_NAMES = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_BUILD_CLASS")
_LOADS_VARIABLES = ("LOAD_FAST", "LOAD_DEREF")
_TAKES_TWO = ("BINARY", "COMPARE", "CONTAINS", "IS_OP")
_MAKES = ("MAKE_FUNCTION", "SET_FUNCTION_ATTRIBUTE")
_LOADS_ATTRIBUTES = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "LOAD_SUPER_METHOD")


def codes_of(code: CodeType) -> Iterator[CodeType]:
    """Yield a code and those in it."""
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from codes_of(constant)


def strings_in(code: CodeType) -> Iterator[str]:
    """Yield the strings among its constants."""
    for constant in code.co_consts:
        for it in constant if is_one_of(type(constant), (tuple, frozenset)) else (constant,):
            if _is_str(it):
                yield it


def is_plain_to_see(code: CodeType) -> bool:
    """Tell whether the names of all attributes that a code comes to stand in it, and it calls
    nothing but what has a name there.
    """
    steps = _steps_of(code)
    for at, step in enumerate(steps):
        if step.opname in _LOADS_NAMES and step.argval in BY_NAME:
            of = [it for it in steps[at + 1 : at + 4] if it.opname != "PUSH_NULL"][:2]
            if len(of) < 2 or not of[0].opname.startswith(_LOADS_VARIABLES):
                return False
            if not _is_text(of[1]) or _makes_another(steps, steps.index(of[1], at)):
                return False
        elif step.opname == "PUSH_NULL":
            # It stands behind what is called, and before 3.13 in front of it.
            callee = steps[at - 1] if _NULL_IS_LAST else steps[at + 1]
            if not _is_named(code, callee):
                return False
        elif step.opname in _LOADS_ATTRIBUTES and step.argval == "__dict__":
            if not _is_asked_for_a_name(steps, at):
                return False
        elif (
            step.opname == "BINARY_SUBSCR"
            and not _NULL_IS_LAST
            and steps[at - 1].opname != "BUILD_SLICE"
        ):
            return False  # what is taken out may be called; no other instruction tells
    return True


def _steps_of(code: CodeType) -> list[dis.Instruction]:
    steps = [it for it in dis.get_instructions(code) if it.opname not in _NO_PART_OF_IT]
    # From 3.14 on a call with *args has no keywords if there is nothing in their place.
    return [
        step
        for step, following in zip_longest(steps, steps[1:])
        if step.opname != "PUSH_NULL" or following.opname != "CALL_FUNCTION_EX"
    ]


def _is_asked_for_a_name(steps: list[dis.Instruction], at: int) -> bool:
    """Tell whether a ``__dict__`` is only asked for one name: ``"x" in cls.__dict__``, and
    ``cls.__dict__.get("x")``.
    """
    following = steps[at + 1]
    if following.opname == "CONTAINS_OP":
        return _is_text(steps[at - 2]) and steps[at - 1].opname.startswith(_LOADS_VARIABLES)
    is_get = following.opname in _LOADS_ATTRIBUTES and following.argval == "get"
    return is_get and _is_text(steps[at + 2])


def _is_text(step: dis.Instruction) -> bool:
    return step.opname == "LOAD_CONST" and _is_str(step.argval)


def _makes_another(steps: list[dis.Instruction], at: int) -> bool:
    """Tell whether a constant is a part of something, and is not itself given to what is called:
    ``getattr(cls, "on_" + name)``.
    """
    above = 0  # so much lies on the stack above it
    for step in steps[at + 1 :]:
        count = step.arg or 0
        if step.opname.startswith("CALL") and not step.opname.startswith("CALL_INTRINSIC"):
            if count > above or step.opname == "CALL_FUNCTION_EX":
                return False
        elif step.opname.startswith(_TAKES_TWO):
            if above < 2:
                return True
        elif step.opname == "BUILD_STRING":
            if count > above:
                return True
        elif step.opname.startswith("JUMP"):
            above -= 1  # another value takes its place
            continue
        above += dis.stack_effect(step.opcode, step.arg, jump=False)
        if above < 0:
            return True
    return True


def _is_named(code: CodeType, callee: dis.Instruction) -> bool:
    if callee.opname in ("LOAD_DEREF", "LOAD_CLASSDEREF"):
        return callee.argval in code.co_freevars
    return callee.opname in (*_LOADS_NAMES, *_LOADS_ATTRIBUTES, *_MAKES)


def called_in(code: CodeType) -> Iterator[str]:
    """Yield the attributes that a code may call; those that it does for sure, if that is seen."""
    steps = _steps_of(code)
    is_told = _NULL_IS_LAST or not any(it.opname == "CALL_FUNCTION_EX" for it in steps)
    for at, step in enumerate(steps):
        if step.opname in _LOADS_ATTRIBUTES:
            is_method = step.opname != "LOAD_ATTR" or (_HAS_FLAG and bool((step.arg or 0) & 1))
            if is_method or not is_told or steps[at + 1].opname == "PUSH_NULL":
                yield str(step.argval)


def _is_str(value: object) -> bool:
    return type(value) is str
