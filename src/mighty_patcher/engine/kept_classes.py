"""Classes that a module makes anew while it runs: which is which, and what the old ones become."""

from __future__ import annotations

import ast
import sys
import weakref
from collections.abc import Collection, Mapping
from types import CellType, FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher import _core
from mighty_patcher.engine.aliases import Aliases
from mighty_patcher.engine.class_bodies import mangled, names_in_class
from mighty_patcher.engine.classes import (
    ClassEdit,
    bases_of,
    class_dict,
    content_of,
    is_class,
    is_defined_in,
    own_slots,
    qualname_of,
)
from mighty_patcher.engine.facts import facts, header_facts
from mighty_patcher.engine.hierarchy import Derivation, can_derive
from mighty_patcher.engine.identity import IdentityDict, are_same, is_one_of
from mighty_patcher.engine.left_behind import content_left
from mighty_patcher.engine.made_since import note_made
from mighty_patcher.engine.making_way import MakingWay
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.out_of_sight import CONTAINERS, was_filled_by_others
from mighty_patcher.engine.removed_members import former_members
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.retained import Retained
from mighty_patcher.engine.set_from_outside import method_behind, stands_in_for, stays_as_set
from mighty_patcher.engine.storage import is_storage, own_storage, slot_for, storage_lost
from mighty_patcher.engine.toplevel import executed, is_special
from mighty_patcher.engine.trees import BLOCK, decorators_in
from mighty_patcher.engine.values import same_value
from mighty_patcher.engine.wrapped import class_cells, functions_within
from mighty_patcher.errors import RefusedEdit

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["KeptClasses"]


class KeptClasses:
    """Classes of a module that runs again, and what they become.

    Args:
        keeper: Who keeps all that the module makes.
        making_way: The classes that make way for others in this reload; None where none may.
    """

    def __init__(self, keeper: Keeper, making_way: MakingWay | None) -> None:
        # Weakly, for in a cycle all that the program has lost would wait for a collection.
        self._keeper: Keeper = weakref.proxy(keeper)
        self.retained = Retained(keeper)
        self._making_way = making_way
        self._edits: list[ClassEdit] = []
        self._refused: set[int] = set()
        self._cells: list[tuple[CellType, Any]] = []
        self._given_back = IdentityDict[type, set[str]]()

    @property
    def has_gathered(self) -> bool:
        """Whether there is anything to be added to a log, or a cell to be filled."""
        return bool(self._edits or self._cells)

    def fill_cells(self) -> None:
        """Let methods find the class that is kept: ``super()``, and what their annotations name."""
        for cell, content in self._cells:
            cell.cell_contents = content
        self._cells = []

    def add_to(self, log: _core.Log) -> list[ClassEdit]:
        """Add what has gathered to a log.

        Returns:
            The edits that change anything.
        """
        edits = [edit for edit in self._edits if self._add(log, edit)]
        self._edits = []
        return edits

    def drop_not_set_again(self) -> None:
        """After decorators that changed: see `Retained.not_set_again`."""
        self._edits += self.retained.not_set_again()

    def become(self, cls: type, content: dict[str, Any]) -> None:
        """Plan to let a class have another content than it has been given."""
        self._edits.append(ClassEdit(cls, content))

    def give_back(self, cls: type, name: str) -> None:
        """Note that a class has not got an attribute from its own statement, but from another that
        is gone: the next one to be executed makes nothing of that.
        """
        self._given_back[cls] = self.given_back(cls) | {name}

    def given_back(self, cls: type) -> set[str]:
        """Return the names of such attributes."""
        return self._given_back.get(cls, set())

    def keep(self, old: type, new: type) -> bool:
        """Let a class have what its donor is, if both are of one definition; tell if it has."""
        same_definition = (
            class_dict(new).get("__module__") == self._keeper.module_name
            and qualname_of(old) == qualname_of(new)
            and (
                is_defined_in(old, self._keeper.came_from, self._keeper.before)
                or self._is_only_meaning(old)
            )
        )
        # What is not kept may come up again, as what its own methods close over.
        if not same_definition or id(old) in self._refused or not self._keeper.open(old, new):
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
            self.refuse(old, content_of(new), bases, difference)
            return False
        self._keeper.pair(old, new)
        self._keeper.replaced.append((new, old))
        before = content_of(old)
        edit = self.edit(old, content_of(new), bases, type(new), new)
        # What annotations are evaluated in (PEP 649, PEP 695): the donor's would keep the donor.
        self._cells += [
            (cell, old if name == "__class__" else class_dict(old))
            for name, cell in class_cells(new)
        ]
        if way.merge is not None:
            way.merge(self._keeper, edit, new)
        elif way.settle is None:
            if self._keeper.written_out is not None:
                self._keeper.written_out.follow_members(edit, before, self._keeper)
            self._keep_filled(edit, before)
        note_made(old, self._keeper.remember)
        self.retained.note_set(old, class_dict(new))
        return True

    def _keep_filled(self, edit: ClassEdit, before: dict[str, Any]) -> None:
        """Let a class go on with the containers that its metaclass or a hook has made for others to
        fill, and has made anew.
        """
        known = [it.get(qualname_of(edit.target)) for it in self._keeper.definitions]
        bound = {name for definition in known for name in names_in_class(definition)}
        for name, theirs in edit.content.items():
            mine = before.get(name)
            if (
                type(mine) is type(theirs)
                and is_one_of(type(theirs), CONTAINERS)
                and mine is not theirs
                and name not in bound
                and not is_special(name)
                and was_filled_by_others(edit.target, before, mine, theirs)
            ):
                edit.content[name] = mine
                self._keeper.pair(mine, theirs)
                self._keeper.replaced.append((theirs, mine))

    def put_on_kept_bases(self, value: Any) -> None:
        """Let a class that is new derive from the classes that are kept."""
        if is_class(value) and class_dict(value).get("__module__") == self._keeper.module_name:
            bases = tuple(map(self._keeper.kept_for, bases_of(value)))
            if not are_same(bases, bases_of(value)):
                content = content_of(value)
                self._edits.append(ClassEdit(value, content, bases, None, value))

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
            self._keeper.keep(old, new)
        return self._keeper.kept_for(new)  # type: ignore[no-any-return]

    def kept_bases(self, old: type, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the bases of a class statement, with kept classes in the place of donors."""
        mine = bases_of(old)
        if len(mine) != len(bases):
            return tuple(map(self._keeper.kept_for, bases))
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
        wanted = [*self._edits, ClassEdit(old, content_of(old), bases, metaclass, shape)]
        log = _core.Log()
        try:
            for edit in wanted:
                log.add_type(
                    edit.target,
                    content_of(edit.target),
                    bases=edit.bases,
                    metaclass=edit.metaclass,
                    donor=edit.shape,
                )
            if not can_derive([Derivation.of(edit) for edit in wanted]):
                log.commit()  # to be told why, or that it can be done all the same
                log.undo()
        except (TypeError, ValueError) as error:
            words = _in_one_line(error)
            if "layout" in words or type(error) is ValueError:
                return f"CPython cannot lay it out with its new bases ({words})"
            ways = self._making_way.plan(wanted, words) if self._making_way is not None else []
            if not ways:
                raise
            self._edits += ways
        return None

    def refuse(
        self, old: type, members: Mapping[str, Any], bases: tuple[type, ...], difference: str
    ) -> None:
        """Leave a class with its shape: its methods get their new content all the same, and it
        what they need.
        """
        self._refused.add(id(old))
        for value in members.values():
            for function in [value, *functions_within(value)]:
                if type(function) is FunctionType:
                    self._keeper.functions.owners[id(function)] = old
        before, after = (known.get(qualname_of(old)) for known in self._keeper.definitions)
        content = content_left(
            old, members, bases, (before, after), self._keeper.keep, self._keeper.kept_for
        )
        self._edits.append(ClassEdit(old, content))
        self._keeper.stale.append(
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
        aliases = Aliases(self._keeper.definitions[0].get(qualname_of(old)), before, members)
        apart = self.given_back(old).union(apart)
        by_others: set[str] = set()
        content = {
            name: value if name in apart else self._member(old, name, value, aliases, by_others)
            for name, value in members.items()
            if not is_storage(value, old, shape)
        }
        slots = own_slots(old)
        for name in slots if shape is None else own_slots(shape):
            content[name] = slots[name] if name in slots else slot_for(old, name)
        content |= own_storage(old, shape)

        def decorated() -> set[str]:
            texts = [known.get(qualname_of(old)) for known in self._keeper.definitions]
            found = {
                mangled(name, old.__name__)
                for text in texts
                for name, decorators in decorators_in(text).items()
                if decorators and name not in apart
            }
            if None not in texts:  # what decorators of the class make in the place of its own
                found |= names_in_class(texts[0]) - names_in_class(texts[1])
            return found

        made = {name: value for name, value in before.items() if name not in by_others}
        self._keeper.successors.note_members(made, content, decorated, aliases)
        content |= self.retained.of(old, content, metaclass)
        self._keeper.storage_lost += [(old, it) for it in storage_lost(old, content, shape)]
        edit = ClassEdit(
            old,
            content,
            None if are_same(bases, bases_of(old)) else bases,
            None if metaclass is type(old) else metaclass,
            shape,
        )
        self._edits.append(edit)
        return edit

    def _is_only_meaning(self, cls: type) -> bool:
        """Tell whether a class has the name of a definition which is the only statement that binds
        it: a package shows the class as its own, and no method tells where it was defined.
        """
        name, tree = qualname_of(cls), self._keeper.trees[0]
        if tree is None or self._keeper.before.get(name) is not cls:
            return False
        found = [
            it
            for it in executed(tree.body)
            if {name, "*"} & (header_facts if isinstance(it, BLOCK) else facts)(it).binds
        ]
        return len(found) == 1 and isinstance(found[0], ast.ClassDef)

    def _member(
        self, cls: type, name: str, value: Any, aliases: Aliases, by_others: set[str]
    ) -> Any:
        before = class_dict(cls)
        if name not in before:
            for former, theirs in former_members(cls, name, value):
                self._keeper.keep(former, theirs)
            return self._keeper.kept_for(value)
        mine = before[name]
        if name == "_abc_impl":  # what was registered stays so
            return mine
        if name == "__module__" and not same_value(mine, self._keeper.came_from):
            return mine  # a package shows the class as its own
        if name == "__static_attributes__" and same_value(mine, value):
            return mine
        if self._runs_alone(cls):
            definitions = [known.get(qualname_of(cls)) for known in self._keeper.definitions]
            if stands_in_for(cls, definitions, name, mine, value):
                by_others.add(name)
                return self._put_by_others(cls, name, mine, value)
        return mine if aliases.keeps(name, mine, value, self._keeper.keep) else value

    def _runs_alone(self, cls: type) -> bool:
        """Tell whether the statement of a class is executed, and not all that may do something with
        the class in its module as well: ``C = methods(C)``.
        """
        is_overwritten = qualname_of(cls).partition(".")[0] in self._keeper.overwritten
        return self._keeper.written_out is not None and not is_overwritten

    def _put_by_others(self, cls: type, name: str, mine: Any, made: FunctionType) -> Any:
        """Return what a class has in the place of a method, where the program has put something
        there.
        """
        method = method_behind(cls, mine, made)
        if method is not None:
            self._keeper.keep(method, made)
        if self._keeper.is_set_by_statement(name):
            return made  # that is executed again
        if method is None:
            self._keeper.stale.append(stays_as_set(cls, name))
        return mine

    def _add(self, log: _core.Log, edit: ClassEdit) -> bool:
        """Add the edit of a class to a log, unless nothing is to change."""
        for value in edit.content.values():
            self._keeper.replace_within(value)
        content = {name: self._keeper.map(value) for name, value in edit.content.items()}
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


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())  # before 3.13 CPython breaks what it says of an MRO


def _jit_goes_on() -> bool:
    """Tell whether compiled code survives a change of bases: 3.15's has crashed after one, with
    threads that use the class meanwhile (tests/crash/row_14_types_and_threads.py, PYTHON_JIT=1).
    """
    jit = getattr(sys, "_jit", None)
    return sys.version_info >= (3, 15) and jit is not None and jit.is_enabled()
