"""pydantic: validators are compiled from the fields of a model and of the models in them, so that a
model that changed is built anew, and then all that contains it or derives from it.
"""

from __future__ import annotations

import copy
import functools
import inspect
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from mighty_patcher import _core
from mighty_patcher.engine.classes import (
    bases_of,
    class_dict,
    content_of,
    mro_of,
    qualname_of,
    subclasses_of,
)
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Remember, Restored

__all__ = ["depending_on", "rebuild", "undone"]

_FIELDS, _CONFIG = "__pydantic_fields__", "model_config"


def rebuild(model: type, remember: Remember) -> Iterable[Stale]:
    """Build the validators of a model anew, and those of all that contains it or derives from it.

    Args:
        model: A model whose content has changed.
        remember: Remembers what the other models were before.

    Returns:
        What could not be built; it validates what it did before.
    """
    stale: list[Stale] = []
    others = depending_on(model)
    for each in [model, *others]:
        if each is not model:
            remember(Restored(each, content_of(each)))
            _inherit_fields(each)
            _inherit_config(each)
        try:
            _build(each)
        except Exception as error:
            stale.append(_failed(f"class {qualname_of(each)}", error))
    stale += _rebuild_callers({id(model), *map(id, others)})
    return stale


def undone(model: type) -> None:
    """Let who validates by a model outside of any class follow it back, when a reload is undone.

    Args:
        model: The model, which is what it was, as are those that depend on it.
    """
    list(_rebuild_callers({id(model), *map(id, depending_on(model))}))


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
    if list(fields) != list(before) or not own.issuperset(fields):
        type.__setattr__(model, _FIELDS, fields)


def _inherit_config(model: type) -> None:
    """Let a generic model with arguments, which has no statement, have what its bases have."""
    if not _arguments(model):
        return
    config: dict[str, Any] = {}
    for base in bases_of(model):
        holders = (class_dict(it) for it in mro_of(base))
        config.update(next((it[_CONFIG] for it in holders if _CONFIG in it), {}))
    if config != class_dict(model).get(_CONFIG):
        type.__setattr__(model, _CONFIG, config)


def _arguments(model: type) -> dict[Any, Any]:
    """What the type variables stand for in a generic model with arguments."""
    metadata = class_dict(model).get("__pydantic_generic_metadata__") or {}
    origin = metadata.get("origin")
    if origin is None:
        return {}
    parameters = class_dict(origin)["__pydantic_generic_metadata__"]["parameters"]
    return dict(zip(parameters, metadata["args"], strict=True))


def depending_on(model: type) -> list[type]:
    """Find the models that derive from one, or have a field of it or of such a model.

    Args:
        model: The model.

    Returns:
        Models and dataclasses of pydantic, nearest first.
    """
    found = [cls for cls in subclasses_of(model) if _FIELDS in class_dict(cls)]
    known = {id(model), *map(id, found)}
    models = [cls for cls in subclasses_of(object) if _FIELDS in class_dict(cls)]
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


def _build(model: type) -> None:
    if issubclass(type(model), type(sys.modules["pydantic"].BaseModel)):
        model.model_rebuild(force=True, raise_errors=False)  # type: ignore[attr-defined]
    else:
        rebuild_dataclass = sys.modules["pydantic.dataclasses"].rebuild_dataclass
        rebuild_dataclass(model, force=True, raise_errors=False)


def _rebuild_callers(changed: set[int]) -> Iterator[Stale]:
    """Build the validators of living type adapters anew, and of what ``validate_call`` has made."""
    adapter_type = sys.modules["pydantic"].TypeAdapter
    internal = sys.modules.get("pydantic._internal._validate_call")
    wrapper_type = getattr(internal, "ValidateCallWrapper", adapter_type)
    for it in _core.find_referrers([adapter_type, wrapper_type]):
        try:
            if type(it) is adapter_type:
                what, annotations = f"a TypeAdapter of {it._type!r}", [it._type]
                build = functools.partial(it.rebuild, force=True, raise_errors=False)
            elif type(it) is wrapper_type:
                what = f"validate_call of {it.schema_type.__qualname__}"
                annotations = list(inspect.get_annotations(it.schema_type, eval_str=True).values())
                build = it._create_validators
            else:
                continue
        except Exception:  # half made, or its annotations cannot be evaluated: not built yet
            continue
        if not any(id(part) in changed for part in _parts(annotations)):
            continue
        try:
            with warnings.catch_warnings():  # it has warned when it was made
                warnings.simplefilter("ignore")
                build()
        except Exception as error:
            yield _failed(what, error)
