"""What protocols remember of their members (`typing.Protocol`): from 3.12 on each has the names of
all that it and its bases ask for, as they were when it was made.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mighty_patcher.engine.classes import class_dict, mro_of

__all__ = ["protocol_content"]

_MEMBERS = "__protocol_attrs__"  # `_ProtocolMeta.__init__`, Lib/typing.py
_NOT_CALLABLE = "__non_callable_proto_members__"  # `runtime_checkable`


def protocol_content(cls: type, base: type, before: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return what a protocol has to remember now that one of its bases has changed.

    Args:
        cls: The protocol, or any other class.
        base: The base.
        before: What that had.

    Returns:
        Its attributes that are others now.
    """
    members, had, has = (it.get(_MEMBERS) for it in (class_dict(cls), before, class_dict(base)))
    if type(members) is not set or type(had) is not set or type(has) is not set:
        return {}
    if had == has and before.get(_NOT_CALLABLE) == class_dict(base).get(_NOT_CALLABLE):
        return {}
    mro = mro_of(cls)
    asked = {name for it in mro if it is not base for name in [*class_dict(it), *_annotated(it)]}
    now = (members | has) - (had - has - asked)
    changed = {} if now == members else {_MEMBERS: now}
    known = class_dict(cls).get(_NOT_CALLABLE)
    if type(known) is set:
        others = {name for name in now if not _is_callable(name, mro)}
        if others != known:
            changed[_NOT_CALLABLE] = others
    return changed


def _annotated(cls: type) -> Iterable[str]:
    """Return the names that are annotated in the body of a class; nothing is evaluated for it."""
    if sys.version_info >= (3, 14):
        import annotationlib

        if class_dict(cls).get("__annotate_func__") is None:
            return ()
        return annotationlib.get_annotations(cls, format=annotationlib.Format.STRING)
    found = class_dict(cls).get("__annotations__")
    return found if type(found) is dict else ()


def _is_callable(name: str, mro: Iterable[type]) -> bool:
    value = next((class_dict(it)[name] for it in mro if name in class_dict(it)), None)
    return callable(value.__func__ if type(value) is classmethod else value)
