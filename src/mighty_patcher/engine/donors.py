"""What a module made when it ran again, and the objects that the program already holds under the
same names: the new ones are donors, whose content goes to the old ones, which are kept.

A function gets the donor's whole content, a class what its body or its metaclass made. What is no
longer the same kind of thing is rebound, and said to be stale where that loses somebody.
"""

from __future__ import annotations

import ast
import gc
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property, partial
from types import (
    CellType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    ModuleType,
)
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine import references, settling
from mighty_patcher.engine.classes import (
    DERIVED,
    SIDE_SLOT,
    ClassEdit,
    bases_of,
    bury,
    class_dict,
    content_of,
    definitions_in,
    is_class,
    is_defined_in,
    names_in_class,
    own_slots,
    own_storage,
    qualname_of,
    stored_attributes,
    stores_all_in_dict,
)
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.hierarchy import Move, can_move
from mighty_patcher.engine.identity import are_same, is_one_of
from mighty_patcher.engine.left_behind import content_left
from mighty_patcher.engine.leftovers import are_held, drop_added, is_own, leftovers
from mighty_patcher.engine.making_way import MakingWay
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.modules import name_of_module, namespace_of
from mighty_patcher.engine.narrowing import Narrowed
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import names_imported
from mighty_patcher.engine.trees import decorators_in
from mighty_patcher.engine.values import same_value
from mighty_patcher.engine.within import replace_within
from mighty_patcher.engine.wrapped import (
    DESCRIPTORS,
    annotations_of,
    class_cells,
    functions_within,
    holders_within,
    is_full,
    is_own_wrapper,
    shared_cells,
)
from mighty_patcher.errors import RefusedEdit

__all__ = ["Keeper", "Living", "Trees", "unknown"]

Trees = tuple[ast.Module | None, ast.Module | None]
"""The syntax tree of the version in force, where it is known, and that of the saved one."""

Living = Callable[[FunctionType], FunctionType | None]
"""Finds the function that the program has of a definition which has just made another."""


def unknown(_made: FunctionType) -> None:
    """Find none."""
    return


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


class Keeper:
    """Sees to it that what a module makes anew while it runs becomes what the program holds.

    Args:
        module: The module.
        before: Its namespace before the run.
        filename: The ``co_filename`` of its code, for only functions of that file are kept; None to
            keep all.
        trees: The syntax tree that was in force before, where it is known, and the new one.
        commit: Applies a log and remembers it for an undo.
        remember: Remembers what else is to be done after an undo.
        living: Finds the function that the program has of a definition which has just made another.
        making_way: The classes that make way for others in this reload; None where none may.

    Attributes:
        stale: What could not be kept.
        removed: Class and name of each class attribute that is gone from the source.
        definitions: The classes that the module defined, and those that it defines now.
        narrowed: What classes keep of which only a part is executed, by qualified name.
        overwritten: Names that a later statement of the module binds, too: what they hold then is
            what the program has.
        own: Containers of the engine itself, which go on holding what the program held.
        statements: How often a class of each qualified name has been made.
        changed: Each class that has changed, and what it was like.
        replaced: Each donor that somebody may have been given, and what is kept in its place.
    """

    def __init__(
        self,
        module: ModuleType,
        before: dict[str, Any],
        filename: str | None,
        trees: Trees,
        commit: Callable[[_core.Log], None],
        remember: settling.Remember,
        living: Living = unknown,
        making_way: MakingWay | None = None,
    ) -> None:
        self.stale: list[Stale] = []
        self.removed: list[tuple[type, str]] = []
        self.replaced: list[tuple[Any, Any]] = []
        self.changed: list[tuple[type, settling.Before]] = []
        self.module_name = name_of_module(module)
        self.statements: Counter[str] = Counter()
        self.namespace = namespace_of(module)
        self.before = before
        self._known: list[Any] = []
        self._known_ids: set[int] = set()
        self.own: list[Any] = [before, self._known]
        self.narrowed: Mapping[str, Narrowed] = {}
        self.overwritten: frozenset[str] = frozenset()
        self.definitions = definitions_in(trees[0]), definitions_in(trees[1])
        self._trees = trees
        # Functions without the attributes that they had, for their decorators to set some.
        self._set_aside: dict[int, tuple[FunctionType, dict[str, Any]]] = {}
        self.targets: set[int] = set()
        self._filename = filename
        self._commit = commit
        self._remember = remember
        self._living = living
        self._making_way = making_way
        self._made_now: set[int] = set()
        self._young: set[int] | None = None
        self._codes: list[CodeType] = []
        self._kept: dict[int, tuple[Any, Any]] = {}  # identity of a donor: the donor, its target
        self._opened: dict[tuple[int, int], tuple[Any, Any]] = {}
        self._functions: list[tuple[FunctionType, FunctionType]] = []
        self._classes: list[ClassEdit] = []
        self._refused: set[int] = set()
        self._retained_from_others: list[tuple[type, str, Any]] = []
        self._shown: list[Any] = []
        self._lists: list[tuple[Any, Any, int]] | None = None
        self._owners: dict[int, type] = {}  # identity of a method's donor: the class that is left
        self._cells: list[tuple[CellType, Any]] = []
        self._dicts: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._orders: list[tuple[list[str], list[str]]] = []
        self._instances: list[tuple[Any, type]] = []
        self._moved: list[
            tuple[Any, Any]
        ] = []  # what decorators made of a definition, then and now

    def done(self) -> tuple[set[int], Counter[str]]:
        """Return what has been kept so far, for `begin_again`."""
        return set(self.targets), Counter(self.statements)

    def begin_again(self, known: tuple[set[int], Counter[str]]) -> None:
        """Let what has been kept since be kept once more: its statement is executed again."""
        self.targets, self.statements = known

    def _is_young(self, value: Any) -> bool:
        """Tell whether an object was made since `will_run` (nothing is collected meanwhile)."""
        young = self._young
        return young is not None and id(value) not in young and any(it is value for it in _young())

    def will_run(self, code: CodeType, *, calls: bool = False, known: Iterable[Any] = ()) -> None:
        """Note code that is about to be executed: functions of it are made by this run.

        Args:
            code: The code.
            calls: It may be given functions that others have made for it.
            known: What others have made before: to bind a name to that makes nothing.
        """
        self._known.clear()
        self._known_ids.clear()
        self.know(known)
        self._young = {id(it) for it in _young()} if calls else None
        self._codes.append(code)
        self._made_now.update(map(id, all_code(code)))

    def codes(self) -> dict[CodeType, CodeType]:
        """Return the code that has been executed, and all in it, by what it is equal to."""
        return {code: code for executed in self._codes for code in all_code(executed)}

    def know(self, values: Iterable[Any]) -> None:
        """Note what was not made by what is being executed."""
        known = list(values)
        self._known.append(known)
        self._known_ids.update(map(id, known))
        self.own.append(known)

    def fold(self, names: Iterable[str], *, are_decorated: bool = False) -> None:
        """Give what was just bound to some names of the module to what they were bound to before.

        Args:
            names: The names.
            are_decorated: They are what decorators have made of a definition.
        """
        self._put_back()
        changed = {
            name: (self.before[name], self.namespace[name])
            for name in names
            if name in self.before
            and name in self.namespace
            and self.before[name] is not self.namespace[name]
        }
        kept = {
            name: old
            for name, (old, new) in changed.items()
            if self.keep(old, new) or (are_decorated and self._keep_wrapper(old, new))
        }
        if are_decorated:
            self._moved += [
                (old, self.kept_for(new))
                for name, (old, new) in changed.items()
                if name not in kept
            ]
        made = {
            name: self.namespace[name]
            for name in names
            if name in self.namespace and name not in kept
        }
        for value in made.values():
            self._replace_within(value)
            self._put_on_kept_bases(value)
        kept |= {
            name: self.map(value) for name, value in made.items() if self.map(value) is not value
        }
        self.commit()
        self.namespace.update(kept)

    def keep(self, old: Any, new: Any) -> bool:
        """Pair two objects; True if the old one takes the place of the new one."""
        if old is new:
            return True
        if id(new) in self._kept:
            return self._kept[id(new)][1] is old
        if id(old) in self.targets:
            return False
        if id(new) in self._known_ids:
            return same_value(old, new)
        if type(old) is FunctionType and type(new) is FunctionType:
            return self._keep_function(old, new)
        if is_class(old) and is_class(new):
            return self._keep_class(old, new)
        if type(old) is type(new) and type(old) in DESCRIPTORS:
            return self._keep_descriptor(old, new)
        if type(old) is type(new) is settling.Cache:
            return self._keep_cache(old, new)
        if same_value(old, new):
            return True
        for hidden in [old] if type(old) is FunctionType else functions_within(old):
            self._keep_hidden(hidden, new)
        return False

    def take_over(self, made: FunctionType) -> FunctionType:
        """Let the function that the program has of a definition have its new content, before any
        decorator sees it.

        Returns:
            That function, or else the new one.
        """
        old = self._living(made)
        if old is None or id(old) in self.targets or not self._keep_function(old, made):
            return made
        if old.__dict__:
            self._set_aside[id(old)] = old, dict(old.__dict__)
        self.replaced.append((made, old))
        self.show(old)
        self.commit()
        return old

    def _put_back(self) -> None:
        """Give functions the attributes that decorators have not set again: the program's own."""
        for function, attributes in self._set_aside.values():
            if not self._has_other_decorators(function):
                lacking = {k: v for k, v in attributes.items() if k not in function.__dict__}
                if lacking:
                    self.add_dict(function.__dict__, {**function.__dict__, **lacking})
        self._set_aside.clear()

    def _keep_cache(self, old: settling.Cache, new: settling.Cache) -> bool:
        """A cache around a function that is kept: it forgets what that has returned."""
        if old.cache_parameters() != new.cache_parameters() or not self.keep(
            old.__wrapped__, new.__wrapped__
        ):
            return False
        self.pair(old, new)
        self.add_dict(vars(old), {**vars(old), **vars(new), "__wrapped__": old.__wrapped__})
        cleared = settling.Cleared([old])
        cleared.undo()
        self._remember(cleared)
        return True

    def _keep_wrapper(self, old: Any, new: Any) -> bool:
        """An object of a class, around a function that is kept, takes over what the new one has. A
        container that the new one has not filled yet stays: others have registered there.
        """
        if type(old) is not type(new) or not stores_all_in_dict(type(old)):
            return False
        mine, theirs = stored_attributes(old), stored_attributes(new)
        self.pair(old, new)
        self.replaced.append((new, old))
        filled = {
            name: value
            for name, value in theirs.items()
            if not is_one_of(type(value), (dict, list, set)) or value or name not in mine
        }
        self.add_dict(mine, {**mine, **filled})
        return True

    def pair(self, old: Any, new: Any) -> None:
        """Let one object take the place of another in all that this run makes."""
        self._kept[id(new)] = (new, old)
        self.targets.add(id(old))

    def map(self, value: Any) -> Any:
        """Return the kept object for a donor, a tuple of the kept ones for a tuple, else itself."""
        if is_one_of(type(value), (tuple, frozenset)):
            items = [self.kept_for(item) for item in value]
            if any(mine is not item for mine, item in zip(items, value, strict=True)):
                return type(value)(items)
        return self.kept_for(value)

    def kept_for(self, value: Any) -> Any:
        """Return the kept object for a donor, else itself."""
        return self._kept[id(value)][1] if id(value) in self._kept else value

    def commit(self) -> None:
        """Apply what has gathered, in one go."""
        log = _core.Log()
        for old, new in self._functions:
            self._add_function(log, old, new)
        for cell, content in self._cells:
            cell.cell_contents = content
        for target, content in self._dicts:
            log.add_dict(target, {name: self.map(value) for name, value in content.items()})
        for order, names in self._orders:
            log.add_list(order, names)
        edits = [edit for edit in self._classes if self._add_class(log, edit)]
        befores = [settling.Before.of(edit.target) for edit in edits]
        instances, self._instances = self._instances, []
        self._functions, self._classes, self._cells = [], [], []
        self._dicts, self._orders = [], []
        for edit in edits:
            self._remember(settling.Settled(edit.target))
            undone = way_for(type(edit.target)).undone
            if undone is not None:
                self._remember(settling.Undone(edit.target, undone))
        if len(log):
            self._commit(log)
        for instance, cls in instances:
            self._give_class(instance, cls)
        for edit, before in zip(edits, befores, strict=True):
            self.changed.append((edit.target, before))
            follow_up = settling.settle(edit.target, before)
            if follow_up is not None:
                self._commit(follow_up)
            settled = way_for(type(edit.target)).settle
            if settled is not None:
                self.stale += settled(edit.target, self._remember)

    def show(self, value: type | FunctionType) -> None:
        """Note that code of the program is about to be given what it may know already."""
        if self._lists is None:
            # Whatever may be shown later, for each search looks at all objects of the program.
            classes = [it for it in self.before.values() if is_class(it)]
            functions = [it for it in self.before.values() if type(it) is FunctionType]
            functions += [it for function in functions for it in functions_within(function)]
            known = [value, *classes, *map(type, classes), *functions]
            self._shown = list({id(it): it for it in known}.values())
            self._lists = _core.lists_holding(self._shown)
        if not any(it is value for it in self._shown):
            self._shown.append(value)
            if type(value) is FunctionType:
                self._lists += _core.lists_holding([value])

    def leave(self) -> None:
        """After the run, also one that raised: nobody has a donor, or a class twice."""
        if self._lists is not None:
            drop_added(self._lists)
        # In two lists, for a pair would be a reference like others.
        donors = [donor for donor, _ in self.replaced]
        targets = [target for _, target in self.replaced]
        self.replaced.clear()
        self._kept.clear()
        self._opened.clear()
        self.stale += _not_set_again(self._retained_from_others)
        self._retained_from_others.clear()
        left: list[tuple[Any, Any]] = []
        if are_held(donors):
            pairs = list(zip(donors, targets, strict=True))
            left = references.replace(pairs, kept=[donors, targets])
            left = [entry for entry in left if not is_own(*entry, donors, targets)]
            self.stale += leftovers(left)
        used = {id(donor) for donor, _ in left}
        for donor in donors:
            if is_class(donor) and id(donor) not in used:
                bury(donor)
        self._move()

    def _move(self) -> None:
        """Let whatever refers to what a decorated definition was refer to what it is now."""
        moved, self._moved = self._moved, []
        # What other names hold, too, need not have been made for this one, unless imports have
        # brought it back.
        shared = Counter(id(old) for old, _ in moved)
        imported = names_imported(self._trees[1]) if moved else ()
        shared.update(id(it) for name, it in self.namespace.items() if name not in imported)
        pairs = [
            (old, new)
            for old, new in moved
            if is_own_wrapper(old) and not is_class(new) and shared[id(old)] == 1
        ]
        if pairs:
            within = [holder for old, new in pairs for holder in holders_within(new, old)]
            ours = [moved, *moved, pairs, *pairs, within, *self.own, *within]
            left = references.replace(pairs, kept=ours)
            known = set(map(id, ours))
            self.stale += leftovers([it for it in left if id(it[1]) not in known])
            self._remember(settling.Replaced(pairs))

    # ---- containers that the run made

    def give_class(self, instance: Any, cls: type) -> None:
        """Plan to make an object that was made of a donor one of the class that is kept."""
        self._instances.append((instance, cls))

    def add_dict(self, target: dict[str, Any], content: dict[str, Any]) -> None:
        """Plan to give the attributes of a donor to an object that is kept."""
        self._dicts.append((target, content))

    def add_order(self, target: list[str], names: list[str]) -> None:
        """Plan to let a list have other names: whoever goes through it meets those of the time."""
        self._orders.append((target, names))

    def _give_class(self, instance: Any, cls: type) -> None:
        try:
            _set_class(instance, cls)
        except TypeError as error:
            self.stale.append(
                Stale(
                    f"an instance of {qualname_of(cls)} made at module level",
                    f"it was made of a class of this run, and cannot be given the one that is kept "
                    f"({error})",
                    "restart to have one class again",
                )
            )

    def _put_on_kept_bases(self, value: Any) -> None:
        """Let a class that is new derive from the classes that are kept."""
        if is_class(value) and class_dict(value).get("__module__") == self.module_name:
            bases = tuple(map(self.kept_for, bases_of(value)))
            if not are_same(bases, bases_of(value)):
                content = content_of(value)
                self._classes.append(ClassEdit(value, content, bases, None, value))

    def _replace_within(self, value: Any) -> None:
        """Put kept objects in the place of donors, within what the run made."""
        replace_within(value, self.map, self._meet)

    def _meet(self, value: Any) -> None:
        if id(type(value)) in self._kept:
            self._instances.append((value, self.kept_for(type(value))))

    # ---- functions

    def _keep_function(self, old: FunctionType, new: FunctionType) -> bool:
        """A definition of this file, or a wrapper that its decorator made around one."""
        if self._filename is not None:
            if (
                "<locals>" not in new.__code__.co_qualname
                and new.__code__.co_filename == self._filename
            ):
                alike = old.__code__.co_filename == self._filename
            else:
                is_here = old.__code__.co_filename == new.__code__.co_filename == self._filename
                alike = is_here or old.__code__.co_qualname == new.__code__.co_qualname
            if not alike or not (self._is_made_now(new) or self._is_young(new)):
                self._keep_hidden(old, new)
                return False
        self.pair(old, new)
        self._functions.append((old, new))
        for mine, theirs in shared_cells(old, new):
            self.keep(mine.cell_contents, theirs.cell_contents)
        return True

    def _add_function(self, log: _core.Log, old: FunctionType, new: FunctionType) -> None:
        kept = {
            id(theirs): mine for mine, theirs in shared_cells(old, new) if self._agree(mine, theirs)
        }
        names = new.__code__.co_freevars
        if id(new) in self._owners and "__class__" in names:
            theirs = (new.__closure__ or ())[names.index("__class__")]
            kept[id(theirs)] = CellType(self._owners[id(new)])
        cells = tuple(kept.get(id(cell), cell) for cell in new.__closure__ or ())
        defaults = self.map(new.__defaults__)
        donor = FunctionType(new.__code__, new.__globals__, new.__name__, defaults, cells)
        if new.__kwdefaults__ is not None:
            donor.__kwdefaults__ = {k: self.map(v) for k, v in new.__kwdefaults__.items()}
        attributes = {k: self.map(v) for k, v in new.__dict__.items()}
        if old.__dict__ and id(old) not in self._set_aside and not self._has_other_decorators(new):
            attributes = {**old.__dict__, **attributes}  # the program may have set some
        donor.__dict__.update(attributes)
        fields = _WHOLE
        if attributes.keys() == old.__dict__.keys() and all(
            attributes[name] is old.__dict__[name] for name in attributes
        ):
            fields &= ~_core.DICT
        if old.__globals__ is not new.__globals__:
            fields |= _core.GLOBALS | _core.BUILTINS
        self._replace_within(annotations_of(new))
        log.add_function(old, donor, fields)
        is_shown_elsewhere = old.__module__ != old.__globals__.get("__name__")  # by its package
        log.add_function(old, new, _REST & ~_core.MODULE if is_shown_elsewhere else _REST)

    def _has_other_decorators(self, function: FunctionType) -> bool:
        """Tell whether a definition is decorated in another way than before: what attributes the
        old decorators have set must not stay.
        """
        name = function.__code__.co_qualname
        old, new = self._decorators
        return name in old and name in new and old[name] != new[name]

    @cached_property
    def _decorators(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        old, new = self._trees
        return decorators_in(old), decorators_in(new)

    def _agree(self, mine: CellType, theirs: CellType) -> bool:
        return self.kept_for(theirs.cell_contents) is mine.cell_contents

    def _is_made_now(self, function: FunctionType, depth: int = 8) -> bool:
        """Tell whether the run made a function: of its code, or around such a function."""
        if id(function.__code__) in self._made_now:
            return True
        cells = [cell.cell_contents for cell in function.__closure__ or () if is_full(cell)]
        if any(is_class(it) and (id(it) in self.targets or id(it) in self._kept) for it in cells):
            return True
        return depth > 0 and any(
            self._is_made_now(inner, depth - 1) for inner in functions_within(function)
        )

    def _keep_hidden(self, old: FunctionType, new: Any) -> None:
        """A decorator that is new or gone: what was held bare still gets the new content."""
        if id(old) in self.targets or not self._open(old, new):
            return  # a wrapper may hold itself
        for mine in [old, *functions_within(old)]:
            for inner in [new, *functions_within(new)]:
                if (
                    type(inner) is FunctionType
                    and inner.__qualname__ == mine.__qualname__
                    and id(inner) not in self._kept
                    and id(mine) not in self.targets
                    and self._keep_function(mine, inner)
                ):
                    return

    def _open(self, old: Any, new: Any) -> bool:
        """Note that a pair was looked at; False if it had been."""
        key = id(old), id(new)
        is_new = key not in self._opened
        self._opened[key] = old, new  # or what takes their addresses would be taken for them
        return is_new

    # ---- classes

    def _keep_class(self, old: type, new: type) -> bool:
        same_definition = (
            class_dict(new).get("__module__") == self.module_name
            and qualname_of(old) == qualname_of(new)
            and is_defined_in(old, self.module_name, self.before)
        )
        # What is not kept may come up again, as what its own methods close over.
        if not same_definition or id(old) in self._refused or not self._open(old, new):
            return False
        way = way_for(type(new))
        bases = tuple(self._kept_base(*pair) for pair in self._bases(old, new))
        try:
            difference = self.difference(old, new, bases)
        except TypeError as error:
            raise RefusedEdit(
                f"class {qualname_of(old)}: {_in_one_line(error)}",
                "a class that derives from it is in the way; save its new bases first, or restart",
            ) from error
        if difference is not None:
            self.refuse(old, content_of(new), difference)
            return False
        self.pair(old, new)
        self.replaced.append((new, old))
        edit = self.edit(old, content_of(new), bases, type(new), new)
        self._cells += [(cell, old) for cell in class_cells(new)]
        # What annotations are evaluated in (PEP 649, PEP 695): the donor's would keep the donor.
        self._cells += [(cell, class_dict(old)) for cell in class_cells(new, "__classdict__")]
        if way.merge is not None:
            way.merge(self, edit, new)
        return True

    def _bases(self, old: type, new: type) -> list[tuple[type | None, type]]:
        """The bases of a donor, each beside the one in its place, which may have no name of its own
        (``class Point(namedtuple("Point", "x y"))``).
        """
        mine, theirs = bases_of(old), bases_of(new)
        return [
            (mine[i] if len(mine) == len(theirs) else None, base) for i, base in enumerate(theirs)
        ]

    def _kept_base(self, old: type | None, new: type) -> type:
        if old is not None and old is not new:
            self.keep(old, new)
        return self.kept_for(new)  # type: ignore[no-any-return]

    def kept_bases(self, old: type, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the bases of a class statement, with kept classes in the place of donors."""
        mine = bases_of(old)
        if len(mine) != len(bases):
            return tuple(map(self.kept_for, bases))
        return tuple(
            self._kept_base(base_before, base)
            for base_before, base in zip(mine, bases, strict=True)
        )

    def difference(self, old: type, shape: type, bases: tuple[type, ...]) -> str | None:
        """Why a class cannot become like another; None if it can.

        Args:
            old: The class.
            shape: A class that CPython made as this one is to be.
            bases: The new bases.

        Raises:
            TypeError: The bases conflict, for it or for a class that derives from it, in CPython's
                words.
        """
        reason: str | None = _core.layout_difference(old, shape)
        if reason is None and type(old) is not type(shape):
            mine, theirs = type(old), type(shape)
            if mine.__basicsize__ != theirs.__basicsize__:
                return "its new metaclass stores something else in a class"
        if (
            reason is None
            and own_slots(shape).keys() - own_slots(old).keys()
            and shape.__itemsize__
        ):
            return "its instances have no place for new slots"
        return reason or self._refusal_of_bases(old, shape, bases)

    def _refusal_of_bases(self, old: type, shape: type, bases: tuple[type, ...]) -> str | None:
        """Why CPython would not give a class its new bases. What it says of the MRO, also of that
        of a class which derives from this one, is an error; what it says of the layout a refusal.
        """
        metaclass = None if type(shape) is type(old) else type(shape)
        if are_same(bases, bases_of(old)) and metaclass is None:
            return None
        if _jit_goes_on():
            return (
                "its bases changed, and the JIT of this Python goes on with those it has compiled"
            )
        moves = [*self._classes, ClassEdit(old, content_of(old), bases, metaclass, shape)]
        log = _core.Log()
        try:
            for edit in moves:
                log.add_type(
                    edit.target,
                    content_of(edit.target),
                    bases=edit.bases,
                    metaclass=edit.metaclass,
                    donor=edit.shape,
                )
            if not can_move([Move.of(edit) for edit in moves]):
                log.commit()  # to be told why, or that it can be done all the same
                log.undo()
        except (TypeError, ValueError) as error:
            words = _in_one_line(error)
            if "layout" in words or type(error) is ValueError:
                return f"CPython cannot lay it out with its new bases ({words})"
            ways = self._making_way.plan(moves, words) if self._making_way is not None else []
            if not ways:
                raise
            self._classes += ways
        return None

    def refuse(self, old: type, members: Mapping[str, Any], difference: str) -> None:
        """Leave a class with its shape: its methods get their new content all the same, and it
        what they need.
        """
        self._refused.add(id(old))
        for value in members.values():
            for function in [value, *functions_within(value)]:
                if type(function) is FunctionType:
                    self._owners[id(function)] = old
        before, after = (known.get(qualname_of(old)) for known in self.definitions)
        content = content_left(old, members, (before, after), self.keep, self.kept_for)
        self._classes.append(ClassEdit(old, content))
        self.stale.append(
            Stale(
                f"class {qualname_of(old)}",
                f"{difference}, so the name has a new class and what was made of the old one, "
                f"or derives from it, keeps the old",
                "its methods are new all the same; restart to have one class again",
            )
        )

    def edit(
        self,
        old: type,
        members: Mapping[str, Any],
        bases: tuple[type, ...],
        metaclass: type,
        shape: type | None,
        apart: Collection[str] = (),
    ) -> ClassEdit:
        """Plan the new content of a class.

        Args:
            old: The class.
            members: What its new definition makes of it.
            bases: Its new bases, all of them kept ones.
            metaclass: Its new metaclass.
            shape: A class of that layout; None if layout and bases stay.
            apart: Names that hold something else now, while what they held goes on.
        """
        if self._making_way is not None:
            self._making_way.settle(old)
        before = class_dict(old)
        content = {
            name: value if name in apart else self._member(before, name, value)
            for name, value in members.items()
            if not _is_storage(value, old, shape)
        }
        slots = own_slots(old)
        for name in slots if shape is None else own_slots(shape):
            content[name] = slots[name] if name in slots else _slot(old, name)
        content |= own_storage(old, shape)
        content |= self._retained(old, content)
        edit = ClassEdit(
            old,
            content,
            None if are_same(bases, bases_of(old)) else bases,
            None if metaclass is type(old) else metaclass,
            shape,
        )
        self._classes.append(edit)
        return edit

    def _member(self, before: Mapping[str, Any], name: str, value: Any) -> Any:
        if name not in before:
            return value
        mine = before[name]
        if name == "_abc_impl":  # what was registered stays so
            return mine
        if name == "__module__" and not same_value(mine, self.module_name):
            return mine  # a package shows the class as its own
        if name == "__static_attributes__" and same_value(mine, value):
            return mine
        return mine if self.keep(mine, value) else value

    def _retained(self, old: type, content: Mapping[str, Any]) -> dict[str, Any]:
        """What the program itself has set on a class: it is not in its source, and stays.

        Where decorators or a metaclass make special methods, those that they make no more go.
        """
        definitions = [known.get(qualname_of(old)) for known in self.definitions]
        bound = names_in_class(definitions[0])
        is_made = way_for(type(old)).kind == "merged" or any(
            definition is not None and definition.decorator_list for definition in definitions
        )
        retained: dict[str, Any] = {}
        has_others = _have_other_decorators(*definitions)
        for name, value in content_of(old).items():
            if name == "__slotnames__":  # until slots change: see `settling.settle`
                retained[name] = value
            if name in content or name in DERIVED or own_slots(old).get(name) is value:
                continue
            if name in bound or definitions[0] is None:
                self.removed.append((old, name))
            elif not (is_made and name.startswith("__") and name.endswith("__")):
                retained[name] = value
                if has_others:
                    self._retained_from_others.append((old, name, value))
        return retained

    def _add_class(self, log: _core.Log, edit: ClassEdit) -> bool:
        """Add the edit of a class to a log, unless nothing is to change."""
        for value in edit.content.values():
            self._replace_within(value)
        content = {name: self.map(value) for name, value in edit.content.items()}
        before = content_of(edit.target)
        if (
            edit.bases is None
            and edit.metaclass is None
            and list(content) == list(before)
            and are_same([*content.values()], [*before.values()])
        ):
            return False
        log.add_type(
            edit.target, content, bases=edit.bases, metaclass=edit.metaclass, donor=edit.shape
        )
        return True

    def _keep_descriptor(self, old: Any, new: Any) -> bool:
        """A property, a static method: the same object if all its functions are kept."""
        parts = DESCRIPTORS[type(old)]
        pairs = [
            (object.__getattribute__(old, part), object.__getattribute__(new, part))
            for part in parts
        ]
        kept = [self.keep(mine, theirs) for mine, theirs in pairs]
        if type(old) is partial:
            kept.append(_are_same(old.args, new.args) and _are_same(old.keywords, new.keywords))
        return all(kept)


_set_class: Any = vars(object)["__class__"].__set__


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())  # before 3.13 CPython breaks what it says of an MRO


def _jit_goes_on() -> bool:
    """Tell whether compiled code survives a change of bases: 3.15's has crashed after one, with
    threads that use the class meanwhile (tests/crash/row_14_types_and_threads.py, PYTHON_JIT=1).
    """
    jit = getattr(sys, "_jit", None)
    return sys.version_info >= (3, 15) and jit is not None and jit.is_enabled()


def _slot(cls: type, name: str) -> Any:
    """Make a descriptor for a slot: of its old place if the class once had it, or else beside."""
    own = _core.own_slot(cls, name)
    return own if own is not None else _core.side_slot(cls, name)


def _is_storage(value: Any, old: type, shape: type | None) -> bool:
    """Tell whether a class attribute gives access to what an instance stores."""
    return (
        type(value) is GetSetDescriptorType and value.__name__ in ("__dict__", "__weakref__")
    ) or (
        is_one_of(type(value), (MemberDescriptorType, SIDE_SLOT))
        and (value.__objclass__ is shape or value.__objclass__ is old)
    )


def _young() -> list[FunctionType]:
    """Return the functions that have not lived through a collection yet."""
    objects = gc.get_objects() if _core.FREE_THREADED else gc.get_objects(generation=0)
    return [it for it in objects if type(it) is FunctionType]


def _have_other_decorators(old: ast.ClassDef | None, new: ast.ClassDef | None) -> bool:
    if old is None or new is None:
        return False
    return [*map(ast.dump, old.decorator_list)] != [*map(ast.dump, new.decorator_list)]


def _not_set_again(retained: list[tuple[type, str, Any]]) -> Iterator[Stale]:
    """Name attributes that other decorators may have set, and that the new ones have not."""
    for cls, name, value in retained:
        if class_dict(cls).get(name) is value:
            yield Stale(
                f"{qualname_of(cls)}.{name}",
                "it was set on the class from outside, perhaps by a decorator that changed, and "
                "nothing has set it again",
                "delete it if it should go, or restart",
            )


def _are_same(old: Any, new: Any) -> bool:
    """Compare the arguments of two partials by identity: to compare values may run code."""
    if type(old) is dict:
        return old.keys() == new.keys() and all(old[name] is new[name] for name in old)
    return are_same(old, new)
