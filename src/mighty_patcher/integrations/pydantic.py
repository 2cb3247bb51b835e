"""pydantic: validators are compiled from the fields of a model and of the models in them, so that a
model that changed is built anew, and then all that contains it or derives from it.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from mighty_patcher import _core
from mighty_patcher.engine.classes import class_dict, mro_of, qualname_of, subclasses_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Remember, Restored

__all__ = ["rebuild"]

_FIELDS = "__pydantic_fields__"


def rebuild(model: type, remember: Remember) -> Iterable[Stale]:
    """Build the validators of a model anew, and those of all that contains it or derives from it.

    Args:
        model: A model whose content has changed.
        remember: Remembers what the other models were before.

    Returns:
        What could not be built; it validates what it did before.
    """
    stale: list[Stale] = []
    others = _depending_on(model)
    for each in [model, *others]:
        if each is not model:
            remember(Restored(each, dict(class_dict(each))))
            _inherit_fields(each)
        try:
            each.model_rebuild(force=True, raise_errors=False)  # type: ignore[attr-defined]
        except Exception as error:
            stale.append(_failed(f"class {qualname_of(each)}", error))
    stale += _rebuild_adapters({id(model), *map(id, others)})
    return stale


def _failed(what: str, error: Exception) -> Stale:
    return Stale(
        what,
        f"pydantic could not build its validator anew ({type(error).__name__}: {error})",
        "it validates what it did before; mend its fields, or restart",
    )


def _inherit_fields(model: type) -> None:
    """Collect the fields that a model has from its bases once more, as when it was made."""
    own = set(inspect.get_annotations(model))
    before: dict[str, Any] = class_dict(model).get(_FIELDS) or {}
    fields: dict[str, Any] = {}
    for base in reversed(mro_of(model)[1:]):
        inherited: dict[str, Any] = class_dict(base).get(_FIELDS) or {}
        fields.update((name, copy.copy(field)) for name, field in inherited.items())
    for field in fields.values():
        field.apply_typevars_map(_arguments(model))
    fields.update((name, field) for name, field in before.items() if name in own)
    if list(fields) != list(before):
        type.__setattr__(model, _FIELDS, fields)


def _arguments(model: type) -> dict[Any, Any]:
    """What the type variables stand for in a generic model with arguments."""
    metadata = class_dict(model).get("__pydantic_generic_metadata__") or {}
    origin = metadata.get("origin")
    if origin is None:
        return {}
    parameters = class_dict(origin)["__pydantic_generic_metadata__"]["parameters"]
    return dict(zip(parameters, metadata["args"], strict=True))


def _depending_on(model: type) -> list[type]:
    """The models that derive from one, or have a field of it or of such a model, nearest first."""
    found = list(subclasses_of(model))
    known = {id(model), *map(id, found)}
    models = list(subclasses_of(sys.modules["pydantic"].BaseModel))
    while True:
        more = [
            cls
            for cls in models
            if id(cls) not in known and any(id(part) in known for part in _parts_of_fields(cls))
        ]
        if not more:
            return found
        found += more
        known.update(map(id, more))


def _parts_of_fields(model: type) -> Iterator[Any]:
    fields = class_dict(model).get(_FIELDS) or {}
    return _parts([field.annotation for field in fields.values()])


def _parts(annotations: list[Any]) -> Iterator[Any]:
    """The types that annotations are made of."""
    waiting = list(annotations)
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(get_args(part))


def _rebuild_adapters(changed: set[int]) -> Iterator[Stale]:
    """Build the validators of living type adapters anew."""
    kind = sys.modules["pydantic"].TypeAdapter
    for adapter in _core.find_referrers([kind]):
        if type(adapter) is not kind or not any(
            id(part) in changed for part in _parts([adapter._type])
        ):
            continue
        try:
            adapter.rebuild(force=True, raise_errors=False)
        except Exception as error:
            yield _failed(f"a TypeAdapter of {adapter._type!r}", error)
