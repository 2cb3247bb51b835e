"""What others have of a function that is no copy: `functools.wraps` and who does the like give a
wrapper the very annotations and defaults that the wrapped function has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FunctionType
from typing import Literal

from mighty_patcher import _core
from mighty_patcher.engine.wrapped import annotate_of

__all__ = ["annotated_by", "share"]

Attribute = Literal["__annotations__", "__kwdefaults__"]


def share(function: FunctionType, donor: FunctionType, name: Attribute, log: _core.Log) -> None:
    """Plan to let those who have a dictionary of a function have what is in it now. From 3.14 on
    there is none of annotations that others have (`annotated_by`).

    Args:
        function: The function.
        donor: What it is to get the attribute from; that has the dictionary then, too.
        name: The name of the attribute.
        log: Where that is planned.
    """
    if _times_held(function, name) <= _ALONE[name]:
        return
    held, content = getattr(function, name), getattr(donor, name)
    log.add_items(held, content or {})
    if content is not None:
        setattr(donor, name, held)


def annotated_by(functions: Iterable[FunctionType]) -> list[tuple[FunctionType, FunctionType]]:
    """Find the other functions whose annotations are made by what makes those of some functions:
    from 3.14 on that is what `functools.wraps` gives to a wrapper. It takes one pass over the heap,
    if any of them may be shared.

    Returns:
        Each of them, after the one that it shares that with.
    """
    makers: dict[FunctionType, FunctionType] = {}
    for function in functions:
        is_alone = _times_held(function, "__annotate__") <= _ALONE["__annotate__"]
        annotate = annotate_of(function)
        # Without the GIL the interpreter counts otherwise.
        if annotate is not None and (_core.FREE_THREADED or not is_alone):
            makers[annotate] = function
    found: list[tuple[FunctionType, FunctionType]] = []
    for it in _core.find_referrers([*makers]) if makers else ():
        shared = annotate_of(it) if type(it) is FunctionType else None
        if shared in makers and makers[shared] is not it:
            found.append((makers[shared], it))
    return found


def _times_held(function: FunctionType, name: str) -> int:
    """Return how many refer to an attribute of a function; 0 if there is nothing of the kind."""
    held: object = getattr(function, name, None)
    return 0 if held is None else sys.getrefcount(held)


def _alone(*, it: int = 0) -> None: ...


_ALONE = {
    name: _times_held(_alone, name)  # type: ignore[arg-type]
    for name in ("__annotations__", "__annotate__", "__kwdefaults__")
}
