"""Attributes of classes and modules that statements have set which are gone from the source: they
are taken back. ``Call.infer = infer_call`` would hide for ever what the class itself says by now.

Only where it is known what a fresh start has there: the object is a class or a module whose text is
known, it still holds the very object that the right side names, and nobody but its own definition
can have had anything there before. Nothing of the program is asked. What else such statements have
done stays, and the report says so (`effects`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.class_bodies import definitions_in, names_in_class
from mighty_patcher.engine.classes import (
    DERIVED,
    class_dict,
    content_of,
    is_class,
    mro_of,
    qualname_of,
)
from mighty_patcher.engine.identity import IdentityDict, is_one_of
from mighty_patcher.engine.metaclasses import builds_a_class, way_for
from mighty_patcher.engine.module_facts import is_loaded, name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT, Outside, TakenBack
from mighty_patcher.engine.report import Stale, Step
from mighty_patcher.engine.settling import FIELDS
from mighty_patcher.engine.toplevel import (
    OF_EVERY_MODULE,
    is_never_run,
    is_special,
    names_bound,
    names_imported,
    type_checking_names,
)
from mighty_patcher.engine.trees import BLOCK, LOOP, branches_of
from mighty_patcher.engine.values import is_plain

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper
    from mighty_patcher.engine.version import Version

__all__ = ["Edited", "Found", "find_taken_back", "left_as_set", "may_assign", "take_back"]

Edited = tuple[ModuleType, ast.Module, ast.Module]
"""A module, its syntax tree in force, and the one that was saved: an empty one if it is gone."""
TreeOf = Callable[[ModuleType], "ast.Module | None"]
"""Finds the syntax tree that a module runs, if it is one that may be reloaded."""
Others = Callable[[str], Iterable[tuple[ModuleType, ast.Module]]]
"""Finds the modules that may set an attribute, with the syntax trees that they are to run."""
_Loops = Mapping[str, "ast.expr | None"]
_BINDS_UNSEEN = frozenset({"locals", "vars", "exec"})
_LOOKED_AT = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, *BLOCK)
_ANY = "*"
_UNKNOWN: Any = object()


@dataclass
class Found:
    """What is to be taken back.

    Attributes:
        outside: Whom it concerns, by the address of each: a module, and what it is to be told.
        lines: By the address of each edited module, the lines in its old text of the statements of
            which anything is taken back.
        whole: Those of which nothing stays.
    """

    outside: dict[int, tuple[ModuleType, Outside]] = field(default_factory=dict)
    lines: dict[int, set[int]] = field(default_factory=dict)
    whole: dict[int, set[int]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Setting:
    """An attribute that a statement sets: ``owner.attribute = value``.

    Attributes:
        line: The line of the statement.
        owner: What has it.
        attribute: Its name.
        value: What it is set to; None if that is a part of something.
        loops: What the loops around it go through, by the names that they set; None where nobody
            knows what such a name stands for.
    """

    line: int
    owner: ast.expr
    attribute: str
    value: ast.expr | None
    loops: _Loops


def find_taken_back(
    edited: Sequence[Edited],
    tree_of: TreeOf,
    others: Others,
) -> Found:
    """Find the attributes that are to be taken back, before anything is executed.

    Args:
        edited: The modules that were saved, or that are gone with their files.
        tree_of: Finds the syntax trees that modules run.
        others: Finds who else may set an attribute.
    """
    found = Found()
    for module, old, new in edited:
        if old is new or not (before := list(_settings(old.body, type_checking_names(old)))):
            continue
        gone = _Gone(module, new, tree_of, others)
        stays: set[int] = set()
        for setting in before:
            for owner in _values(setting.owner, namespace_of(module), setting.loops):
                back = gone.back(setting, owner)
                if back is _UNKNOWN:
                    stays.add(setting.line)
                elif back is not None:
                    place = found.outside.setdefault(id(back[0]), (back[0], Outside()))
                    place[1].taken_back.append(back[1])
                    found.lines.setdefault(id(module), set()).add(setting.line)
        found.whole[id(module)] = found.lines.get(id(module), set()) - stays
    return found


def may_assign(text: Version, name: str) -> bool:
    """Tell whether a text may set an attribute of a name."""
    spelt = name.encode()
    return spelt in text.data and _assignment(spelt).search(text.data) is not None


@lru_cache(maxsize=64)
def _assignment(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"\.\s*%s\b\s*[:,=)\]][^=]|setattr" % re.escape(name))


def take_back(keeper: Keeper, taken_back: Iterable[TakenBack]) -> Iterator[Step]:
    """Take attributes back, where they are what they were; what a class has in its body is set when
    that is executed.

    Args:
        keeper: Who keeps the objects of the module that defines the classes.
        taken_back: The attributes.

    Yields:
        What was done.
    """
    contents = IdentityDict[type, dict[str, Any]]()
    for it in taken_back:
        owner, name = it.owner, it.attribute
        step = Step("removed", keeper.module_name, name, 0, it.reason)
        if not is_class(owner):
            if namespace_of(owner).get(name, ABSENT) is it.value:
                del namespace_of(owner)[name]
                yield step
            continue
        if class_dict(owner).get(name, ABSENT) is not it.value:
            continue
        if name in names_in_class(keeper.definitions[1].get(qualname_of(owner))):
            keeper.classes.give_back(owner, name)
            continue
        content = contents.get(owner, None)
        if content is None:
            content = contents[owner] = content_of(owner)
        del content[name]
        yield replace(step, qualname=f"{qualname_of(owner)}.{name}")
    for cls, content in contents.items():
        keeper.classes.become(cls, content)
    keeper.commit()


def left_as_set(module: str, outside: Outside) -> Iterator[Stale]:
    """Name what cannot be taken back, as its own module cannot be run.

    Args:
        module: The name of the module.
        outside: What others have changed for it.
    """
    for it in outside.taken_back:
        owner = qualname_of(it.owner) if is_class(it.owner) else module
        yield Stale(
            f"{owner}.{it.attribute}",
            f"{it.reason}, but nothing of {module} can be executed here",
            "delete it, or restart",
        )


class _Gone:
    """What may be taken back of what a module has set.

    Args:
        module: The module.
        new: Its syntax tree from now on.
        tree_of: Finds the syntax trees of others.
        others: Finds who else may set an attribute.
    """

    def __init__(
        self,
        module: ModuleType,
        new: ast.Module,
        tree_of: TreeOf,
        others: Others,
    ) -> None:
        self._module = module
        self._own = _Setters(module, new)
        self._tree_of = tree_of
        self._others = others
        self._places = IdentityDict[type, ModuleType | None]()
        self._setters: dict[int, _Setters] = {}

    def back(self, setting: _Setting, owner: Any) -> Any:
        """Return the module that has to take an attribute back, and what; None if the module sets
        it all the same, and `_UNKNOWN` if nobody knows what was there before.
        """
        name = setting.attribute
        if self._own.may_set(owner, name):
            return None
        values = _values(setting.value, namespace_of(self._module), setting.loops)
        if len(values) != 1 or values[0] is _UNKNOWN or is_plain(values[0]):
            return _UNKNOWN
        place = self._place_of(owner, name, values[0])
        if place is None or any(it.may_set(owner, name) for it in self._setters_of(name)):
            return _UNKNOWN
        own = name_of_module(self._module)
        reason = f"what has set it is gone from the source ({own}, line {setting.line})"
        return place, TakenBack(owner, name, values[0], reason)

    def _setters_of(self, name: str) -> Iterator[_Setters]:
        for module, tree in self._others(name):
            if module is not self._module:
                if id(module) not in self._setters:
                    self._setters[id(module)] = _Setters(module, tree)
                yield self._setters[id(module)]

    def _place_of(self, owner: Any, name: str, value: Any) -> ModuleType | None:
        """Return the module that defines a class or module, if all is known of what that may have
        had under a name, and it has this value now.
        """
        if is_class(owner):
            if class_dict(owner).get(name, ABSENT) is not value or _is_made(owner, name):
                return None
            if owner not in self._places:
                self._places[owner] = self._place_of_class(owner)
            return self._places[owner]
        if type(owner) is not ModuleType or namespace_of(owner).get(name, ABSENT) is not value:
            return None
        tree = self._tree_of(owner)
        if tree is None or name in OF_EVERY_MODULE or {name, "*"} & names_bound(tree):
            return None
        return owner

    def _place_of_class(self, cls: type) -> ModuleType | None:
        module: Any = sys.modules.get(str(class_dict(cls).get("__module__")))
        tree = self._tree_of(module) if is_loaded(module) else None
        definition = definitions_in(tree).get(qualname_of(cls))
        if definition is None or way_for(type(cls)).kind != "in place":
            return None
        if not all(builds_a_class(it, namespace_of(module)) for it in definition.decorator_list):
            return None
        if any(isinstance(it, ast.Name) and it.id in _BINDS_UNSEEN for it in ast.walk(definition)):
            return None
        if any(map(_has_own_hook, mro_of(cls)[1:])) or any(map(_asks, mro_of(type(cls)))):
            return None
        return module  # type: ignore[no-any-return]


class _Setters:
    """Which attributes the text of a module sets, and of which objects.

    Args:
        module: The module.
        tree: The syntax tree.
    """

    def __init__(self, module: ModuleType, tree: ast.Module) -> None:
        self._namespace = namespace_of(module)
        self._imported = names_imported(tree)
        self._owners: dict[str, IdentityDict[Any, None]] = {}
        for it in _settings(tree.body, type_checking_names(tree), with_calls=True):
            owners = self._owners.setdefault(it.attribute, IdentityDict())
            for owner in self._owners_of(it):
                owners[owner] = None

    def may_set(self, owner: Any, name: str) -> bool:
        """Tell whether it may set an attribute of an object."""
        return any(
            owner in owners or _UNKNOWN in owners
            for owners in (self._owners.get(name, ()), self._owners.get(_ANY, ()))
        )

    def _owners_of(self, setting: _Setting) -> list[Any]:
        root = setting.owner
        while isinstance(root, ast.Attribute):
            root = root.value
        if isinstance(root, ast.Name) and root.id not in {*self._namespace, *setting.loops}:
            # What is yet to be made is another object.
            return [_UNKNOWN] if root.id in self._imported else []
        return _values(setting.owner, self._namespace, setting.loops)


def _is_made(cls: type, name: str) -> bool:
    """Tell whether an attribute of a class may be made of its definition, without being bound in
    it: special methods of data classes, descriptors of slots, what a named tuple has.
    """
    content = class_dict(cls)
    slots = content.get("__slots__", ())
    return (
        name in DERIVED
        or "_fields" in content
        or (is_special(name) and any(it in content for it in FIELDS))
        or not is_one_of(type(slots), (str, tuple, list))
        or name in ([slots] if type(slots) is str else slots)
    )


def _has_own_hook(cls: type) -> bool:
    """Tell whether a base is told of classes that derive from it, and may set anything on them."""
    return (
        type(class_dict(cls).get("__init_subclass__")) is classmethod
        and class_dict(cls).get("__module__") != "typing"
    )


def _asks(metaclass: type) -> bool:
    """Tell whether a metaclass has a word in what is set on its classes."""
    return (
        metaclass is not type
        and metaclass is not object
        and bool({"__setattr__", "__delattr__"} & class_dict(metaclass).keys())
    )


# ---- statements


def _settings(
    body: Iterable[ast.stmt],
    type_checking: Iterable[str],
    loops: _Loops | None = None,
    *,
    with_calls: bool = False,
) -> Iterator[_Setting]:
    """Yield the attributes that statements set, also in blocks.

    Args:
        body: The statements.
        type_checking: The names of ``typing.TYPE_CHECKING``.
        loops: What the loops around them go through.
        with_calls: Also those of ``setattr(owner, "attribute", value)``; `_ANY` where the name is
            not a constant.
    """
    known = {} if loops is None else loops
    for statement in body:
        if not isinstance(statement, _LOOKED_AT) or _only_binds_a_name(statement):
            continue  # as most are
        pairs: Iterable[tuple[ast.Attribute, ast.expr | None]] = ()
        match statement:
            case ast.Assign(targets=targets, value=value):
                pairs = [it for target in targets for it in _pairs(target, value)]
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                pairs = _pairs(target, value)
            case ast.AugAssign(target=target):
                pairs = _pairs(target, None)
            case ast.Expr(value=ast.Call(func=ast.Name(id="setattr"), args=[owner, name, *_])):
                attribute = str(name.value) if isinstance(name, ast.Constant) else _ANY
                if with_calls:
                    pairs = [(ast.Attribute(owner, attribute), None)]
        for one, what in pairs:
            yield _Setting(statement.lineno, one.value, one.attr, what, known)
        if isinstance(statement, BLOCK):
            inner = {**known, **_loops_of(statement)} if isinstance(statement, LOOP) else known
            for branch, statements in branches_of(statement):
                if branch == "orelse" or not is_never_run(statement, type_checking):
                    yield from _settings(statements, type_checking, inner, with_calls=with_calls)


def _only_binds_a_name(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign):
        return False
    return len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name)


def _pairs(
    target: ast.expr, value: ast.expr | None
) -> Iterator[tuple[ast.Attribute, ast.expr | None]]:
    """Yield the attributes among the targets of an assignment, each with what it is set to."""
    match target, value:
        case ast.Attribute(), _:
            yield target, value
        case (ast.Tuple(elts=targets) | ast.List(elts=targets), _):
            values: list[ast.expr | None] = [None] * len(targets)
            if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(targets):
                every = [*targets, *value.elts]
                if not any(isinstance(it, ast.Starred) for it in every):
                    values = [*value.elts]
            for inner, part in zip(targets, values, strict=True):
                yield from _pairs(inner, part)
        case ast.Starred(value=inner), _:
            yield from _pairs(inner, None)


def _loops_of(statement: ast.stmt) -> _Loops:
    match statement:
        case ast.For(target=ast.Name(id=name), iter=iterable):
            return {name: iterable}
        case ast.For(target=target) | ast.AsyncFor(target=target):
            return {it.id: None for it in ast.walk(target) if isinstance(it, ast.Name)}
    return {}


# ---- what they lead to


def _values(expression: ast.expr | None, namespace: Mapping[str, Any], loops: _Loops) -> list[Any]:
    """Return what a name or an attribute stands for; several objects for that of a loop, and
    `_UNKNOWN` for what nobody knows without executing it.
    """
    match expression:
        case ast.Name(id=name) if name in loops:
            return _items(loops[name], namespace, {**loops, name: None})
        case ast.Name(id=name):
            return [namespace.get(name, _UNKNOWN)]
        case ast.Attribute(value=owner, attr=attribute):
            return [_attribute(it, attribute) for it in _values(owner, namespace, loops)]
    return [_UNKNOWN]


def _items(iterable: ast.expr | None, namespace: Mapping[str, Any], loops: _Loops) -> list[Any]:
    if isinstance(iterable, ast.Tuple | ast.List):
        return [it for item in iterable.elts for it in _values(item, namespace, loops)]
    (found, *more) = _values(iterable, namespace, loops)
    if more or not is_one_of(type(found), (tuple, list)):
        return [_UNKNOWN]
    return list(found)


def _attribute(owner: Any, name: str) -> Any:
    """Return an attribute of a module or class, where to ask for it would run nothing."""
    if type(owner) is ModuleType:
        return namespace_of(owner).get(name, _UNKNOWN)
    if not is_class(owner) or any(name in class_dict(it) for it in mro_of(type(owner))):
        return _UNKNOWN
    value = next((class_dict(it)[name] for it in mro_of(owner) if name in class_dict(it)), None)
    return value if type(value) is FunctionType or is_class(value) else _UNKNOWN
