"""pydantic: validators are compiled from the fields of a model and of the models in them, so that a
model that changed is built anew, and then those that contain it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from mighty_patcher.engine.classes import class_dict, qualname_of, subclasses_of
from mighty_patcher.engine.report import Stale

__all__ = ["rebuild"]


def rebuild(model: type) -> Iterable[Stale]:
    """Build the validators of a model anew, and those of all models that contain it.

    Args:
        model: A model whose content has changed.

    Returns:
        The models for which that failed; they validate what they did before.
    """
    stale: list[Stale] = []
    for each in [model, *_containing(model)]:
        try:
            each.model_rebuild(force=True, raise_errors=False)  # type: ignore[attr-defined]
        except Exception as error:
            stale.append(
                Stale(
                    f"class {qualname_of(each)}",
                    f"pydantic could not build its validator anew "
                    f"({type(error).__name__}: {error})",
                    "it validates what it did before; mend its fields, or restart",
                )
            )
    return stale


def _containing(model: type) -> list[type]:
    """The models with a field of a model, or of a model with such a field, nearest first."""
    base = sys.modules["pydantic"].BaseModel
    found: list[type] = []
    sought = {id(model), *map(id, subclasses_of(model))}
    models = [cls for cls in subclasses_of(base) if cls is not model]
    while True:
        more = [
            cls
            for cls in models
            if id(cls) not in {id(known) for known in found}
            and any(id(part) in sought for part in _parts_of_fields(cls))
        ]
        if not more:
            return found
        found += more
        sought.update(map(id, more))


def _parts_of_fields(model: type) -> Iterator[Any]:
    fields = class_dict(model).get("__pydantic_fields__") or {}
    waiting = [field.annotation for field in fields.values()]
    while waiting:
        part = waiting.pop()
        yield part
        waiting.extend(get_args(part))
