"""Classes that were built out of what another one was, and so have to be built again when that has
changed: by a metaclass or an ``__init_subclass__`` that they have from it, or by a decorator or a
metaclass that collects something of the bases.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterator

from mighty_patcher.engine.classes import (
    bases_of,
    class_dict,
    has_hook,
    mro_of,
    qualname_of,
    subclasses_of,
)
from mighty_patcher.engine.collected import collected_by, has_collected
from mighty_patcher.engine.identity import are_same, is_one_of
from mighty_patcher.engine.module_facts import every_module, namespace_of
from mighty_patcher.engine.settling import FIELDS, Before, hook_of

__all__ = ["built_of", "made_by_others", "makes_otherwise"]

_COLLECTED = (*FIELDS, "__pydantic_decorators__")
"""Where fields are collected, and what pydantic's metaclass collects, of the bases as well."""
_OF_METACLASSES = ("__new__", "__init__", "__prepare__", "__setattr__", "mro")


def built_of(cls: type, before: Before) -> Iterator[type]:
    """Find the classes that were built out of what a class was, and so have to be built again: by a
    metaclass or an ``__init_subclass__`` that they have from it, or by a decorator or a metaclass
    that collects fields.

    Args:
        cls: A class that has changed.
        before: What it was like.
    """
    has_other_hook = type(cls) is not before.metaclass or hook_of(cls) is not before.hook
    now = collected_by(class_dict(cls))
    for subclass in subclasses_of(cls):
        content = class_dict(subclass)
        has_statement = not qualname_of(subclass).endswith("]")  # a generic model with arguments
        if has_statement and (
            has_other_hook
            or any(fields in content for fields in _COLLECTED)
            or (_is_told(subclass) and has_collected(before.collected, now, collected_by(content)))
        ):
            yield subclass
    if _is_typed_dict(cls):
        yield from _typed_dicts_of(cls)


def _is_told(cls: type) -> bool:
    """Tell whether a metaclass or a hook is given a class when it is made."""
    return has_hook(cls) or not is_one_of(type(cls), (type, ABCMeta))


def _is_typed_dict(cls: type) -> bool:
    metaclass = class_dict(type(cls))
    return qualname_of(type(cls)) == "_TypedDictMeta" and metaclass.get("__module__") in (
        "typing",
        "typing_extensions",
    )


def _typed_dicts_of(cls: type) -> Iterator[type]:
    """Yield the typed dictionaries that have copied the keys of another one: they do not derive
    from it, and from 3.12 on they tell.
    """
    found: dict[int, type] = {}
    for module in every_module():
        for value in list(namespace_of(module).values()):
            if type(value) is type(cls):
                bases = class_dict(value).get("__orig_bases__", ())
                if type(bases) is tuple and is_one_of(cls, bases):
                    found[id(value)] = value
    for one in found.values():
        yield one
        yield from _typed_dicts_of(one)


def made_by_others(cls: type, before: Before) -> Iterator[type]:
    """Find the classes that were made with hooks that nobody finds any more, now that a class that
    they derive from has changed.

    Args:
        cls: The class.
        before: What it was like.
    """
    had_hook = type(before.hook) is classmethod and before.hook is not hook_of(cls)
    if had_hook or type(cls) is not before.metaclass:
        yield from subclasses_of(cls)


def makes_otherwise(cls: type, before: Before) -> bool:
    """Tell whether a metaclass has other methods to make classes with; see `made_since`.

    Args:
        cls: A class that has changed.
        before: What it was like.
    """
    if not is_one_of(type, mro_of(cls)):
        return False
    now = class_dict(cls)
    return not are_same(before.bases, bases_of(cls)) or any(
        before.content.get(name) is not now.get(name) for name in _OF_METACLASSES
    )
