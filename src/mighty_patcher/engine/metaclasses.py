"""What becomes of a class whose statement is run again: the table, one row for each metaclass.

===========================  =====================================================================
metaclass                    what happens
===========================  =====================================================================
``type``, ``ABCMeta``        *in place*: the body is executed, and its namespace becomes the content
                             of the class that there is. No second class is ever made, so that
                             decorators and ``__init_subclass__`` are given the old one.
``EnumType``                 *merged*: a second enumeration is built, and the old members get
                             what its members are.
pydantic's                   *merged*, then its validators and those of the models that contain it
                             are built anew, and models that derive from it.
SQLAlchemy's (declarative)   *members only*: what changed in the body is executed in place, and the
                             class is not mapped again. An edit of what is mapped is refused.
any other                    *merged*: the metaclass builds a donor as always, and its content
                             goes to the class that there is, past the metaclass' own
                             ``__setattr__``. What was given the donor (a registry) holds the old
                             class afterwards.
===========================  =====================================================================

A class decorator that builds a class of its own, or computes methods from the body, makes it a
merge as well: those of ``dataclasses`` and attrs are known, see `BUILDING_DECORATORS`.

Others may add rows to `TABLE`; the nearest metaclass in the MRO counts.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any, Literal

from mighty_patcher.engine import enums
from mighty_patcher.engine.classes import (
    ClassEdit,
    class_dict,
    is_class,
    mro_of,
    qualname_of,
    stored,
)
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Remember
from mighty_patcher.integrations import pydantic, sqlalchemy

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = [
    "BUILDING_DECORATORS",
    "TABLE",
    "Changed",
    "Way",
    "builds_a_class",
    "metaclass_of",
    "named",
    "way_for",
]


Changed = Mapping[str, tuple[Any, Any]]
"""Attributes of a class, each with its value before and after; None where it is not there."""


@dataclass(frozen=True)
class Way:
    """What becomes of the classes of one metaclass.

    Attributes:
        kind: ``"in place"``, ``"members only"`` or ``"merged"``, as above.
        merge: Changes the edit of a merge before the commit; it is given who keeps the objects,
            the edit and the donor.
        settle: Called after the commit with the class, and with what remembers what it changes;
            returns what it could not mend.
        undone: Called with the class when its edit has been undone, and all that came after it.
        refusal: Says why members cannot be set: see `mighty_patcher.integrations.sqlalchemy`.
    """

    kind: Literal["in place", "members only", "merged"]
    merge: Callable[[Keeper, ClassEdit, type], None] | None = None
    settle: Callable[[type, Remember], Iterable[Stale]] | None = None
    undone: Callable[[type], None] | None = None
    refusal: Callable[[ast.ClassDef | None, ast.ClassDef | None, Changed], str | None] | None = None


IN_PLACE = Way("in place")
MERGED = Way("merged")
MEMBERS_ONLY = Way("members only", refusal=sqlalchemy.refusal)

TABLE: dict[str, Way] = {
    "builtins:type": MERGED,  # what derives from it; the two exact ones are below
    "enum:EnumType": Way("merged", merge=enums.merge),
    "pydantic._internal._model_construction:ModelMetaclass": Way(
        "merged", settle=pydantic.rebuild, undone=pydantic.undone
    ),
    "sqlalchemy.orm.decl_api:DeclarativeAttributeIntercept": MEMBERS_ONLY,
    "sqlalchemy.orm.decl_api:DeclarativeMeta": MEMBERS_ONLY,
}
"""For a metaclass and all that derive from it, by module and qualified name."""

EXACT: dict[str, Way] = {"builtins:type": IN_PLACE, "abc:ABCMeta": IN_PLACE}
"""For one metaclass alone, before `TABLE`."""

BUILDING_DECORATORS = ("dataclasses", "attr", "attrs", "pydantic.dataclasses")
"""Packages and modules whose class decorators build a class, or methods, from the body of one."""


def way_for(metaclass: type) -> Way:
    """Return what becomes of the classes of a metaclass."""
    exact = EXACT.get(_name(metaclass))
    if exact is not None:
        return exact
    return next(TABLE[_name(cls)] for cls in mro_of(metaclass) if _name(cls) in TABLE)


def metaclass_of(bases: tuple[Any, ...], wish: Any) -> type | None:
    """Return the metaclass of a class to be, as CPython chooses it; None where it would refuse.

    Args:
        bases: Its bases.
        wish: The metaclass that its definition names, or None.
    """
    winner: Any = wish if wish is not None else type
    if not issubclass(type(winner), type):
        return None
    for base in bases:
        if not issubclass(type(base), type):
            return None
        if not is_one_of(type(base), mro_of(winner)):
            if not is_one_of(winner, mro_of(type(base))):
                return None
            winner = type(base)
    return winner  # type: ignore[no-any-return]


def named(expression: ast.expr, namespace: Mapping[str, Any]) -> Any:
    """Return what a dotted name stands for, without asking anything of the program; None where it
    is none, or nobody knows.

    Args:
        expression: The name.
        namespace: The names of the module.
    """
    names: list[str] = []
    while isinstance(expression, ast.Attribute):
        names.append(expression.attr)
        expression = expression.value
    if not isinstance(expression, ast.Name):
        return None
    value = namespace.get(expression.id, vars(builtins).get(expression.id))
    for name in reversed(names):
        value = stored(value, name)
    return value


def builds_a_class(decorator: ast.expr, namespace: Mapping[str, Any]) -> bool:
    """Tell whether a class decorator is one of those that build a class from the body of another.

    Args:
        decorator: Its expression, which is looked up and not evaluated.
        namespace: The names of the module.
    """
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    value = named(decorator, namespace)
    while type(value) is partial:
        value = value.func
    if is_class(value):
        module = class_dict(value).get("__module__")
    else:
        module = value.__module__ if is_one_of(type(value), _FUNCTIONS) else None
    return type(module) is str and (
        module in BUILDING_DECORATORS or module.partition(".")[0] in BUILDING_DECORATORS
    )


def _name(cls: type) -> str:
    return f"{_module_of(cls)}:{qualname_of(cls)}"


_FUNCTIONS = (FunctionType, BuiltinFunctionType)
_module_of = vars(type)["__module__"].__get__
