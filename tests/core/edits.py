"""What most tests of the core need: functions made from source, and a commit in one line."""

from __future__ import annotations

import textwrap
from types import CodeType, FunctionType
from typing import Any

from mighty_patcher import _core


def commit(target: object, donor: object, fields: int = _core.ALL_FIELDS) -> _core.Log:
    """Give one function the content of another, and return the log."""
    log = _core.Log()
    log.add_function(target, donor, fields)  # type: ignore[arg-type]
    log.commit()
    return log


def made(source: str, filename: str = "<made>", **names: object) -> dict[str, Any]:
    """Return the names that a source defines, beside those that are given to it.

    Nothing else holds its code afterwards.
    """
    namespace: dict[str, Any] = {"__name__": "made", **names}
    exec(compile(textwrap.dedent(source), filename, "exec", dont_inherit=True), namespace)
    return namespace


def commit_code(target: FunctionType, donor: FunctionType) -> _core.Log:
    """Give one function the bare code of another, and return the log."""
    log = _core.Log()
    log.add_code(target, donor.__code__, donor.__closure__ or ())
    log.commit()
    return log


def nested(code: CodeType, name: str) -> CodeType:
    """Return the code object of this name among the constants of an outer one."""
    (found,) = (
        constant
        for constant in code.co_consts
        if isinstance(constant, CodeType) and constant.co_name == name
    )
    return found


def content(function: FunctionType) -> dict[str, object]:
    """Return every value of a function that a commit can replace, without making any."""
    names = ["__code__", "__closure__", "__defaults__", "__kwdefaults__", "__globals__"]
    names += ["__builtins__", "__name__", "__qualname__", "__module__", "__doc__"]
    names += [name for name in ("__type_params__",) if hasattr(function, name)]
    return {name: getattr(function, name) for name in names}


def same(left: dict[str, object], right: dict[str, object]) -> bool:
    """Compare by identity."""
    return left.keys() == right.keys() and all(left[name] is right[name] for name in left)
