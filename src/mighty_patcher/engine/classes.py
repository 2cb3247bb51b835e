"""Classes as they really are, whatever their metaclass says, and what their content is made of.

What goes into a class is computed here as a plain dictionary, of which a commit makes the content
of the class that the program already has.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from types import FunctionType, GetSetDescriptorType, MappingProxyType, MemberDescriptorType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.identity import are_same, is_one_of

__all__ = [
    "DERIVED",
    "SIDE_SLOT",
    "ClassEdit",
    "Plain",
    "abstract_methods",
    "as_content",
    "attributes_of",
    "bases_of",
    "bury",
    "class_dict",
    "class_named",
    "classes_named",
    "content_of",
    "has_hook",
    "is_abc",
    "is_class",
    "is_defined_in",
    "is_shield",
    "is_slot_of",
    "mro_of",
    "mro_of_shape",
    "own_slots",
    "qualname_of",
    "set_class",
    "shape_of",
    "stored",
    "stored_attributes",
    "stores_all_in_dict",
    "subclasses_of",
]

# The attributes of a class itself, whatever its metaclass makes of attribute access.
class_dict: Any = vars(type)["__dict__"].__get__
bases_of: Any = vars(type)["__bases__"].__get__
mro_of: Any = vars(type)["__mro__"].__get__
qualname_of: Any = vars(type)["__qualname__"].__get__
set_class: Any = vars(object)["__class__"].__set__

DERIVED = frozenset(
    {
        "__abstractmethods__",
        "__annotate_func__",
        "__annotations__",
        "__annotations_cache__",
        "__dict__",
        "__doc__",
        "__firstlineno__",
        "__hash__",
        "__match_args__",
        "__module__",
        "__orig_bases__",
        "__parameters__",
        "__slotnames__",
        "__slots__",
        "__static_attributes__",
        "__type_params__",
        "__weakref__",
        "_abc_impl",
    }
)
"""Names in a class that come from its definition without being bound in it."""

SIDE_SLOT: Any = _core.SideSlot
_IMPLICIT_CLASS_METHODS = ("__init_subclass__", "__class_getitem__")


@dataclass
class ClassEdit:
    """The new content of one class.

    Attributes:
        target: The class.
        content: All that its dictionary shall hold, in order.
        bases: Its bases, where they change.
        metaclass: Its metaclass, where that changes.
        shape: A class that CPython made with both, where either is given.
    """

    target: type
    content: dict[str, Any]
    bases: tuple[type, ...] | None = None
    metaclass: type | None = None
    shape: type | None = None


def content_of(cls: type) -> dict[str, Any]:
    """Return a copy of the dictionary of a class, taken in one go: while it is looked at, other
    threads may add to it (``copyreg`` does, when it pickles the first instance).
    """
    return class_dict(cls).copy()  # type: ignore[no-any-return]


def is_class(value: object) -> bool:
    """Tell whether something is a class: by its type alone, for to ask a proxy may run its code."""
    return issubclass(type(value), type)


def attributes_of(value: Any) -> Any:
    """Return the dictionary of an object, or None where it has none or its class has an attribute
    of this name instead: no code of the program runs.

    A proxy hands out that of what it stands for, and makes that first (celery's ``current_app``).
    """
    for base in mro_of(type(value)):
        getter = class_dict(base).get("__dict__")
        if getter is not None:
            if is_one_of(type(getter), (GetSetDescriptorType, MemberDescriptorType)):
                return getter.__get__(value)
            return None
    return None


def stored(value: Any, name: str) -> Any:
    """Return what an object itself holds under a name, or None; no code of the program runs.

    (`inspect.getattr_static` keeps the classes that it was asked about, on 3.12.)
    """
    own = attributes_of(value)
    return own.get(name) if is_one_of(type(own), (dict, MappingProxyType)) else None


def stored_attributes(value: Any) -> dict[str, Any]:
    """Return the dictionary of an object whose class `stores_all_in_dict`."""
    return object.__getattribute__(value, "__dict__")  # type: ignore[no-any-return]


def stores_all_in_dict(cls: type) -> bool:
    """Tell whether the instances of a class have all that they have in their ``__dict__``: it and
    its bases are written in Python, and have no slots.
    """
    return (
        all(
            base is object or (base.__flags__ & _HEAP_TYPE and not own_slots(base))
            for base in mro_of(cls)
        )
        and _core.layout_difference(Plain, cls) is None
        and _core.layout_difference(cls, Plain) is None
    )


class Plain:
    """Lays out its instances as most classes do."""


_HEAP_TYPE = 1 << 9  # Py_TPFLAGS_HEAPTYPE, Include/object.h


def subclasses_of(cls: type) -> Iterator[type]:
    """Yield the classes that derive from one, directly or not."""
    seen: set[int] = set()
    waiting: list[type] = [cls]
    subclass: type
    while waiting:
        for subclass in type.__subclasses__(waiting.pop()):
            if id(subclass) not in seen:
                seen.add(id(subclass))
                waiting.append(subclass)
                yield subclass


def class_named(namespace: Mapping[str, Any], module: str, qualname: str) -> type | None:
    """Find the class that a definition has led to, from what a module holds.

    Args:
        namespace: The names of the module.
        module: The module's own name.
        qualname: The qualified name of the definition.
    """
    found = classes_named(namespace, module, qualname)
    return found[-1] if found else None


def has_hook(cls: type) -> bool:
    """Tell whether a base wants to be told of the classes that derive from it."""
    return any(
        type(class_dict(base).get("__init_subclass__")) is classmethod for base in mro_of(cls)[1:]
    )


def is_defined_in(cls: type, module: str, namespace: Mapping[str, Any]) -> bool:
    """Tell whether a class was defined by a module, whatever its ``__module__`` says by now:
    packages like to show a class as their own.

    Args:
        cls: The class.
        module: The name of the module.
        namespace: The names of the module.
    """
    shown = class_dict(cls).get("__module__")
    if shown == module:
        return True
    qualname = qualname_of(cls)
    for method in _methods_in(content_of(cls)):
        if method.__code__.co_qualname.startswith(f"{qualname}."):
            source = method.__globals__.get("__name__")
            if source == module:
                return "." in qualname or any(value is cls for value in namespace.values())
            if source == shown:  # as with most that a module has imported: the first one tells
                return False
    return False


def _methods_in(content: Mapping[str, Any]) -> Iterator[FunctionType]:
    """The functions among the attributes of a class, also those in descriptors and wrappers."""
    for value in content.values():
        inner = value
        if is_one_of(type(value), (classmethod, staticmethod)):
            inner = value.__func__
        elif type(value) is property:
            inner = value.fget
        seen: set[int] = set()
        while type(inner) is FunctionType and id(inner) not in seen:
            yield inner
            seen.add(id(inner))
            inner = stored(inner, "__wrapped__")


def classes_named(namespace: Mapping[str, Any], module: str, qualname: str) -> list[type]:
    """Find the classes that definitions of one name have led to, in the order of their making.

    What a class decorator has put in the place of a class is looked through: a class that derives
    from it, a function or an object that holds it.

    Args:
        namespace: The names of the module.
        module: The module's own name.
        qualname: The qualified name of the definitions.
    """
    members = namespace
    for name in qualname.split(".")[:-1]:
        outer = members.get(name)
        if not is_class(outer):
            return []
        members = class_dict(outer)
    value = members.get(qualname.rpartition(".")[2])
    for candidate in [value, *_held_by(value)]:
        if is_class(candidate):
            found = [
                cls
                for cls in reversed(mro_of(candidate))
                if qualname_of(cls) == qualname
                and is_defined_in(cls, module, namespace)
                and not (cls is not candidate and _is_from_namedtuple(cls))
            ]
            if found:
                return found
    return []


def _is_from_namedtuple(cls: type) -> bool:
    """Tell whether a class was made by a call: ``class Point(namedtuple("Point", "x y"))``."""
    return are_same(bases_of(cls), (tuple,)) and "_make" in class_dict(cls)


def _held_by(value: Any) -> Iterator[Any]:
    """What a function closes over, or an object has for attributes, and its class."""
    if type(value) is FunctionType:
        for cell in value.__closure__ or ():
            with suppress(ValueError):  # not assigned yet
                yield cell.cell_contents
        yield from vars(value).values()
    elif not is_class(value):
        yield type(value)
        own = attributes_of(value)
        yield from () if own is None else list(own.values())


def as_content(namespace: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return what CPython makes of the namespace that the body of a class leaves (``type_new``).

    Args:
        namespace: The namespace; cells in it are taken out.
    """
    content = {
        name: value
        for name, value in namespace.items()
        if name not in {"__qualname__", "__classcell__", "__classdictcell__"}
    }
    if type(content.get("__new__")) is FunctionType:
        content["__new__"] = staticmethod(content["__new__"])
    for name in _IMPLICIT_CLASS_METHODS:
        if type(content.get(name)) is FunctionType:
            content[name] = classmethod(content[name])
    content.setdefault("__doc__", None)
    if "__eq__" in content:
        content.setdefault("__hash__", None)
    return content


class _Shield:
    """The first base of a class that is made for its layout alone: no hook hears of that class."""

    __slots__ = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        pass


class _Grave:
    """The base of classes that nobody uses any more."""

    __slots__ = ()


def shape_of(
    name: str, bases: tuple[type, ...], metaclass: type, namespace: Mapping[str, Any]
) -> type:
    """Let CPython make a class, to see how its instances are laid out; no hook of anybody runs.

    Args:
        name: Its name.
        bases: Its bases.
        metaclass: Its metaclass.
        namespace: What the body left; only names count, and what ``__slots__`` says.

    Raises:
        TypeError: There can be no such class, in CPython's words.
        ValueError: ``__slots__`` conflicts with something.
    """
    names: dict[str, Any] = dict.fromkeys(namespace)
    names.pop("__classcell__", None)
    names.pop("__classdictcell__", None)
    for name_of_string in ("__module__", "__qualname__"):
        names[name_of_string] = str(namespace.get(name_of_string, name))
    if "__slots__" in namespace:
        names["__slots__"] = namespace["__slots__"]
    bases = tuple(base for base in bases if base is not object)
    try:
        return type.__new__(metaclass, name, (_Shield, *bases), names)
    except TypeError as error:
        if "MRO" in str(error):  # which names the bases, and the shield is none of the user's
            type.__new__(metaclass, name, bases, {})  # so it cannot be made either
        raise


def bury(cls: type) -> None:
    """Take a class that nobody uses out of the ``__subclasses__()`` of its bases."""
    _core.bury(cls, _Grave)


def is_shield(cls: type) -> bool:
    """Tell whether a class is the first base of what `shape_of` returns."""
    return cls is _Shield


def mro_of_shape(shape: type) -> list[type]:
    """Return what would come after a class in its MRO."""
    return [cls for cls in mro_of(shape)[1:] if cls is not _Shield]


def own_slots(cls: type) -> dict[str, Any]:
    """Return the descriptors of the slots that a class itself has, by name."""
    return {name: value for name, value in content_of(cls).items() if is_slot_of(cls, value)}


def is_slot_of(cls: type, value: Any) -> bool:
    """Tell whether a class attribute is the descriptor of a slot that the class itself has."""
    return is_one_of(type(value), (MemberDescriptorType, SIDE_SLOT)) and value.__objclass__ is cls


def abstract_methods(content: Mapping[str, Any], mro: Iterable[type]) -> frozenset[str]:
    """Return the abstract methods of a class, as ABCMeta computes them.

    Args:
        content: What its own dictionary holds.
        mro: What comes after it in the MRO.
    """
    mro = list(mro)
    found = {name for name, value in content.items() if _is_abstract(value)}
    for base in mro:
        for name in class_dict(base).get("__abstractmethods__", ()):
            if name in found:
                continue
            value = content.get(name, _Shield)
            if value is _Shield:
                value = next((class_dict(b)[name] for b in mro if name in class_dict(b)), None)
            if _is_abstract(value):
                found.add(name)
    return frozenset(found)


def _is_abstract(value: Any) -> bool:
    return bool(getattr(value, "__isabstractmethod__", False))


def is_abc(metaclass: type) -> bool:
    """Tell whether classes of a metaclass have abstract methods."""
    return is_one_of(ABCMeta, mro_of(metaclass))
