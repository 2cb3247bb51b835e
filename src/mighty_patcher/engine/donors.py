"""New object to old object, after a module ran again: what the run made anew are donors, whose
content goes to the objects that the program already holds under the same names.

A function gets the donor's whole content; a class gets the donor's attributes, where both are laid
out alike. What is no longer the same kind of thing is rebound, and said to be stale where that
loses somebody.
"""

from __future__ import annotations

import ast
import sys
import types
from abc import ABCMeta
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import EnumType
from functools import cached_property, partial
from inspect import getattr_static
from types import CellType, CodeType, FunctionType, ModuleType, NoneType
from typing import Any, cast

from mighty_patcher import _core
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.diff import evaluates_the_same
from mighty_patcher.engine.match import class_dict
from mighty_patcher.engine.modules import name_of_module, namespace_of
from mighty_patcher.engine.report import Stale

__all__ = ["Donors", "Trees", "match_donors"]

Trees = tuple[ast.Module | None, ast.Module | None]
"""The syntax tree of the version in force, where it is known, and that of the saved one."""

# Of a class, and never handed on: its own storage, or what the interpreter keeps up by itself.
_OWN_TO_A_CLASS = frozenset({"__dict__", "__weakref__", "_abc_impl"})
_DESCRIPTORS: dict[type, tuple[str, ...]] = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    property: ("fget", "fset", "fdel"),
    cached_property: ("func",),
    partial: ("func",),
}
# What the annotations of a class are kept in; from 3.14 on also what they once were evaluated to.
_ANNOTATIONS = ("__annotations__", "__annotate_func__", "__annotations_cache__")
_METACLASSES = (type, ABCMeta)
_PLAIN = (int, str, float, bool, bytes, complex, NoneType)
_WHOLE = _core.CODE | _core.DEFAULTS | _core.KWDEFAULTS | _core.DICT
_REST = (
    _core.NAME
    | _core.QUALNAME
    | _core.MODULE
    | _core.DOC
    | _core.ANNOTATIONS
    | _core.ANNOTATE
    | _core.TYPEPARAMS
)


@dataclass
class Donors:
    """What to do with what a module made when it ran again.

    Attributes:
        functions: Target, donor and fields of each function.
        attributes: Class, name and value of each class attribute to set.
        removed: Class and name of each class attribute that is gone from the source.
        cells: The cells through which methods of a donor class find it, and the class that is kept.
        instances: Objects made of a donor class, and the class that is kept.
        bases: Classes that are new, and what they derive from where that is kept.
        names: Names of the module that go back to the object that is kept.
        stale: What could not be kept.
    """

    functions: list[tuple[FunctionType, FunctionType, int]] = field(default_factory=list)
    attributes: list[tuple[type, str, Any]] = field(default_factory=list)
    removed: list[tuple[type, str]] = field(default_factory=list)
    cells: list[tuple[CellType, type]] = field(default_factory=list)
    instances: list[tuple[Any, type]] = field(default_factory=list)
    bases: list[tuple[type, tuple[type, ...]]] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    stale: list[Stale] = field(default_factory=list)


def match_donors(
    module: ModuleType, before: dict[str, Any], code: CodeType, trees: Trees
) -> Donors:
    """Match what a module holds after it ran again with what it held before.

    Args:
        module: The module, which has just run.
        before: Its namespace before.
        code: The code that ran.
        trees: The syntax tree that was in force before, where it is known, and that of the code.
    """
    matcher = _Matcher(module, code, trees)
    namespace = namespace_of(module)
    changed = {
        name: (before[name], value)
        for name, value in list(namespace.items())
        if name in before and before[name] is not value
    }
    for name, (old, new) in changed.items():
        if matcher.keep(old, new):
            matcher.donors.names[name] = old
    made = {
        name: value
        for name, value in list(namespace.items())
        if name not in matcher.donors.names and (name not in before or name in changed)
    }
    return matcher.finish(made)


class _Matcher:
    """Pairs objects, and collects what follows from it."""

    def __init__(self, module: ModuleType, code: CodeType, trees: Trees) -> None:
        self.donors = Donors()
        self._module_name = name_of_module(module)
        self._filename = code.co_filename
        self._trees = trees
        self._made_now = set(map(id, all_code(code)))
        self._kept: dict[int, tuple[Any, Any]] = {}  # identity of a donor: the donor, its target
        self._targets: set[int] = set()
        self._opened: set[tuple[int, int]] = set()
        self._functions: list[tuple[FunctionType, FunctionType]] = []

    def keep(self, old: Any, new: Any) -> bool:
        """Pair two objects; True if the old one takes the place of the new one."""
        if old is new:
            return True
        if id(new) in self._kept:
            return self._kept[id(new)][1] is old
        if id(old) in self._targets:
            return False
        if type(old) is FunctionType and type(new) is FunctionType:
            return self._keep_function(old, new)
        if issubclass(type(old), type) and issubclass(type(new), type):
            return self._keep_class(old, new)
        if type(old) is type(new) and type(old) in _DESCRIPTORS:
            return self._keep_descriptor(old, new)
        for hidden in [old] if type(old) is FunctionType else _functions_within(old):
            self._keep_hidden(hidden, new)
        return False

    def finish(self, made: dict[str, Any]) -> Donors:
        """Plan the edits, now that every pair is known.

        Args:
            made: What else the module holds since it ran, by name: it may refer to donors.
        """
        for old, new in self._functions:
            self._plan_function(old, new)
        attributes = [(cls, name, self._map(value)) for cls, name, value in self.donors.attributes]
        self.donors.attributes = attributes
        for value in [*made.values(), *(value for _, _, value in attributes)]:
            self._replace_within(value)
            self._put_on_kept_bases(value)
        for name, value in made.items():
            if self._map(value) is not value:
                self.donors.names[name] = self._map(value)
        return self.donors

    def _put_on_kept_bases(self, value: Any) -> None:
        """Let a class that is new derive from the classes that are kept."""
        if (
            issubclass(type(value), type)
            and class_dict(value).get("__module__") == self._module_name
        ):
            bases = tuple(map(self._kept_for, value.__bases__))
            if bases != value.__bases__:
                self.donors.bases.append((value, bases))

    def _replace_within(self, value: Any, depth: int = 4) -> None:
        """Put kept objects in the place of donors, within containers that the run made."""
        if type(value) is dict and depth:
            for key, item in list(value.items()):
                self._replace_within(item, depth - 1)
                # Written only where it must be: other threads may use what the run did not make.
                if self._map(key) is not key:
                    del value[key]
                    value[self._map(key)] = self._map(item)
                elif self._map(item) is not item:
                    value[key] = self._map(item)
        elif type(value) is list and depth:
            for index, item in enumerate(value):
                self._replace_within(item, depth - 1)
                if self._map(item) is not item:
                    value[index] = self._map(item)
        elif type(value) is tuple and depth:
            for item in value:
                self._replace_within(item, depth - 1)
        elif type(value) is set:
            for item in [item for item in value if self._map(item) is not item]:
                value.remove(item)
                value.add(self._map(item))
        elif id(type(value)) in self._kept:
            self.donors.instances.append((value, self._kept_for(type(value))))

    def _map(self, value: Any) -> Any:
        """Return the kept object for a donor, a tuple of the kept ones for a tuple, else itself."""
        if type(value) in (tuple, frozenset):
            items = [self._kept_for(item) for item in value]
            if any(mine is not item for mine, item in zip(items, value, strict=True)):
                return type(value)(items)
        return self._kept_for(value)

    def _kept_for(self, value: Any) -> Any:
        return self._kept[id(value)][1] if id(value) in self._kept else value

    def _pair(self, old: Any, new: Any) -> None:
        self._kept[id(new)] = (new, old)
        self._targets.add(id(old))

    # ---- functions

    def _keep_function(self, old: FunctionType, new: FunctionType) -> bool:
        """A definition of this file, or a wrapper that its decorator made around one."""
        ours = new.__code__.co_filename == old.__code__.co_filename == self._filename
        if not self._is_made_now(new) or not (ours or old.__code__ == new.__code__):
            self._keep_hidden(old, new)
            return False
        self._pair(old, new)
        self._functions.append((old, new))
        for mine, theirs in _shared_cells(old, new):
            self.keep(mine.cell_contents, theirs.cell_contents)
        return True

    def _plan_function(self, old: FunctionType, new: FunctionType) -> None:
        kept = {
            id(theirs): mine
            for mine, theirs in _shared_cells(old, new)
            if self._agree(mine, theirs)
        }
        cells = tuple(kept.get(id(cell), cell) for cell in new.__closure__ or ())
        defaults = self._map(new.__defaults__)
        donor = FunctionType(new.__code__, new.__globals__, new.__name__, defaults, cells)
        if new.__kwdefaults__ is not None:
            donor.__kwdefaults__ = {k: self._map(v) for k, v in new.__kwdefaults__.items()}
        attributes = {**old.__dict__, **{k: self._map(v) for k, v in new.__dict__.items()}}
        donor.__dict__.update(attributes)
        fields = _WHOLE
        if attributes.keys() == old.__dict__.keys() and all(
            attributes[name] is old.__dict__[name] for name in attributes
        ):
            fields &= ~_core.DICT
        if old.__globals__ is not new.__globals__:
            fields |= _core.GLOBALS | _core.BUILTINS
        self._replace_within(_annotations(new))
        self.donors.functions += [(old, donor, fields), (old, new, _REST)]

    def _agree(self, mine: CellType, theirs: CellType) -> bool:
        return self._kept_for(theirs.cell_contents) is mine.cell_contents

    def _is_made_now(self, function: FunctionType, depth: int = 8) -> bool:
        """Tell whether the run made a function: of its code, or around such a function."""
        if id(function.__code__) in self._made_now:
            return True
        return depth > 0 and any(
            self._is_made_now(inner, depth - 1) for inner in _functions_within(function)
        )

    def _keep_hidden(self, old: FunctionType, new: Any) -> None:
        """A decorator that is new or gone: what was held bare still gets the new content."""
        if id(old) in self._targets or (id(old), id(new)) in self._opened:
            return
        self._opened.add((id(old), id(new)))  # a wrapper may hold itself
        for inner in _functions_within(new):
            if inner.__qualname__ == old.__qualname__ and id(inner) not in self._kept:
                self._keep_function(old, inner)
                return

    # ---- classes

    def _keep_class(self, old: type, new: type) -> bool:
        members, new_members = class_dict(old), class_dict(new)
        same_definition = (
            members.get("__module__") == new_members.get("__module__") == self._module_name
            and old.__qualname__ == new.__qualname__
        )
        # What is not kept may come up again, as what its own methods close over.
        if not same_definition or (id(old), id(new)) in self._opened:
            return False
        self._opened.add((id(old), id(new)))
        difference = self._difference(old, new)
        if difference is not None and self._is_made_alike(old, new):
            self._pair(old, new)
            self._keep_members(old, new, set_others=False)
            return True
        if difference is not None:
            self._keep_members(old, new, set_others=False)
            self.donors.stale.append(
                Stale(
                    f"class {old.__qualname__}",
                    f"{difference}, so the name has a new class and what was made of the old one, "
                    f"or derives from it, keeps the old",
                    "its methods are new all the same; restart to have one class again",
                )
            )
            return False
        self._pair(old, new)
        self._keep_members(old, new, set_others=True)
        for name in self._names_gone(old, new_members):
            self.donors.removed.append((old, name))
        return True

    def _is_made_alike(self, old: type, new: type) -> bool:
        """Tell whether a class whose metaclass builds more than a class is as it was: of the same
        definition, and if it is an enumeration, with the same values.
        """
        definitions = [_class_definition(tree, old.__qualname__) for tree in self._trees]
        if not self.keep(type(old), type(new)) or not all(definitions):
            return False
        same = evaluates_the_same(*cast(list[ast.AST], definitions))
        return same and (
            not issubclass(type(old), EnumType) or _enum_values(old) == _enum_values(new)
        )

    def _difference(self, old: type, new: type) -> str | None:
        """Why the content of one class cannot simply be given to another; None if it can."""
        if not self.keep(type(old), type(new)):
            return "its metaclass changed"
        if type(old) not in _METACLASSES:
            return f"classes of {type(old).__qualname__} cannot be changed in place yet"
        # A base may have no name of its own: `class Point(namedtuple("Point", "x y"))`.
        if len(old.__bases__) != len(new.__bases__) or not all(
            map(self.keep, old.__bases__, new.__bases__)
        ):
            return "its bases changed"
        if issubclass(old, tuple) and class_dict(old).get("_fields") != class_dict(new).get(
            "_fields"
        ):
            return "its fields changed"
        if class_dict(old).get("__slots__") != class_dict(new).get("__slots__"):
            return "its __slots__ changed"
        return None if _layout(old) == _layout(new) else "its instances are laid out differently"

    def _keep_members(self, old: type, new: type, *, set_others: bool) -> None:
        members, new_members = class_dict(old), class_dict(new)
        for name, value in list(new_members.items()):
            if name in _OWN_TO_A_CLASS or type(value) in (
                types.MemberDescriptorType,
                types.GetSetDescriptorType,
            ):
                continue
            mine = members.get(name)
            if name in members and self.keep(mine, value):
                continue
            if set_others:
                self.donors.attributes.append((old, name, value))
        if set_others:
            self.donors.cells += [(cell, old) for cell in _class_cells(new)]

    def _keep_descriptor(self, old: Any, new: Any) -> bool:
        """A property, a static method: the same object if all its functions are kept."""
        parts = _DESCRIPTORS[type(old)]
        pairs = [
            (object.__getattribute__(old, part), object.__getattribute__(new, part))
            for part in parts
        ]
        kept = [self.keep(mine, theirs) for mine, theirs in pairs]
        if type(old) is partial:
            kept.append(_are_same(old.args, new.args) and _are_same(old.keywords, new.keywords))
        return all(kept)

    def _names_gone(self, old: type, new_members: Any) -> Iterator[str]:
        """The names that the old source bound in the body of a class and the new one does not.

        What the program itself has set on the class is not in its source, and stays.
        """
        members = class_dict(old)
        yield from (name for name in _ANNOTATIONS if name in members and name not in new_members)
        definition = _class_definition(self._trees[0], old.__qualname__)
        for statement in definition.body if definition is not None else ():
            for name in _bound_by(statement):
                if name in class_dict(old) and name not in new_members:
                    yield name


def _shared_cells(old: FunctionType, new: FunctionType) -> Iterator[tuple[CellType, CellType]]:
    """The cells of two functions for variables of one name, where both are assigned."""
    held = dict(zip(old.__code__.co_freevars, old.__closure__ or (), strict=True))
    for name, cell in zip(new.__code__.co_freevars, new.__closure__ or (), strict=True):
        mine = held.get(name)
        if mine is not None and _is_full(mine) and _is_full(cell):
            yield mine, cell


def _annotations(function: FunctionType) -> dict[str, Any] | None:
    """The annotations of a function where they are evaluated already: from 3.14 on they are not."""
    if sys.version_info >= (3, 14):
        return None
    return function.__annotations__


def _are_same(old: Any, new: Any) -> bool:
    """Compare the arguments of two partials by identity: to compare values may run code."""
    if type(old) is dict:
        return old.keys() == new.keys() and all(old[name] is new[name] for name in old)
    return len(old) == len(new) and all(
        mine is theirs for mine, theirs in zip(old, new, strict=True)
    )


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _functions_within(value: Any) -> Iterator[FunctionType]:
    """The functions that a wrapper holds: in its cells, in ``__wrapped__``, in a descriptor."""
    for name in _DESCRIPTORS.get(type(value), ()):
        inner = object.__getattribute__(value, name)
        if type(inner) is FunctionType:
            yield inner
    if type(value) is FunctionType:
        for cell in value.__closure__ or ():
            if _is_full(cell) and type(cell.cell_contents) is FunctionType:
                yield cell.cell_contents
    wrapped = getattr_static(value, "__wrapped__", None)  # to ask a proxy may raise
    if type(wrapped) is FunctionType:
        yield wrapped


def _class_cells(cls: type) -> Iterator[CellType]:
    """The cells through which the methods of a class find it (``super()``)."""
    for value in class_dict(cls).values():
        for function in [value, *_functions_within(value)]:
            if type(function) is not FunctionType:
                continue
            for name, cell in zip(
                function.__code__.co_freevars, function.__closure__ or (), strict=True
            ):
                if name == "__class__" and _is_full(cell) and cell.cell_contents is cls:
                    yield cell


def _layout(cls: type) -> tuple[int, ...]:
    return cls.__basicsize__, cls.__itemsize__, cls.__dictoffset__, cls.__weakrefoffset__


def _enum_values(cls: type) -> list[tuple[str, type, object]]:
    """The members of an enumeration, with values that can be compared without running code."""
    members = class_dict(cls)["_member_map_"]
    values = [
        (name, object.__getattribute__(member, "_value_")) for name, member in members.items()
    ]
    return [
        (name, type(value), repr(value) if type(value) in _PLAIN else id(value))
        for name, value in values
    ]


def _class_definition(tree: ast.Module | None, qualname: str) -> ast.ClassDef | None:
    """Find the definition of a class by its qualified name, at the top of a module or a class."""
    body: list[ast.stmt] = tree.body if tree is not None else []
    found = None
    for name in qualname.split("."):
        found = next((s for s in body if isinstance(s, ast.ClassDef) and s.name == name), None)
        if found is None:
            return None
        body = found.body
    return found


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
