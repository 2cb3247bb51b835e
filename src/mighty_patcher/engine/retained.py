"""What the program itself has set on a class, and what its metaclass, its hooks and its decorators
have: the source of the class does not say either of it. The first stays when the statement of the
class is run again; of the second what would not be set any more goes.

Nobody writes down who sets an attribute. Three things tell:

*   What a reload has seen them set when it ran the statement before (`Retained.note_set`).
*   The order of a class' dictionary, which a new value does not change: as long as no reload has
    filled it, what lies before something that the metaclass sets was there when that was set, while
    the class was made.
*   The code of a metaclass that is none any more, see `hook_code.set_by_metaclass`.

Where none of them does, an attribute stays, and is named if it looks like one for a line that is
gone.
"""

from __future__ import annotations

import ast
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.class_bodies import names_declared_in_class, names_in_class
from mighty_patcher.engine.classes import (
    DERIVED,
    ClassEdit,
    class_dict,
    content_of,
    own_slots,
    qualname_of,
)
from mighty_patcher.engine.hook_code import set_by_decorators, set_by_hooks, set_by_metaclass
from mighty_patcher.engine.identity import WeakIdentityDict, is_one_of
from mighty_patcher.engine.metaclasses import way_for
from mighty_patcher.engine.out_of_sight import CONTAINERS
from mighty_patcher.engine.removed_members import note_removed
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.toplevel import is_special
from mighty_patcher.engine.wrapped import functions_within

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["Retained"]

_set = WeakIdentityDict[type, dict[str, int]]()
"""What others have set on classes when a reload ran their statements: names and identities. The
values are in the class; who has another one under such a name was set by somebody else."""


@dataclass
class _SetBefore:
    """What was known to be set on a class, for an undo."""

    cls: type
    values: dict[str, int]

    def undo(self) -> None:
        """Know that again."""
        _set[self.cls] = self.values


class Retained:
    """What stays on the classes of a module that runs again, although their source has it not.

    Args:
        keeper: Who keeps all that the module makes.
    """

    def __init__(self, keeper: Keeper) -> None:
        # Weakly, for in a cycle all that the program has lost would wait for a collection.
        self._keeper: Keeper = weakref.proxy(keeper)
        self._from_others: list[tuple[type, str, Any]] = []
        self._for_lines_gone: list[tuple[type, str, Any]] = []
        self._noted: list[tuple[type, Collection[str]]] = []

    def of(self, old: type, content: Collection[str], metaclass: type) -> dict[str, Any]:
        """Return what stays on a class.

        Where decorators or a metaclass make special methods, those that they make no more go; and
        so does what a metaclass has set that is none any more, or would not set any more.

        Args:
            old: The class, as it is.
            content: The names that its new definition leads to.
            metaclass: Its new metaclass.
        """
        definitions = self._definitions(old)
        bound = names_in_class(definitions[0])
        names = bound | names_in_class(definitions[1])
        is_made = way_for(type(old)).kind == "merged" or any(
            definition is not None and definition.decorator_list for definition in definitions
        )
        has_others = _have_other_decorators(*definitions)
        before = content_of(old)
        not_set_again = set_by_metaclass(old, metaclass) | _known_to_be_set(old, before)
        if has_others:
            not_set_again |= self._set_by_decorators_gone(old, *definitions)
        if is_made and None not in definitions and old not in _set:
            not_set_again |= _set_before_others(before, content, names)
        lost = bound - names_in_class(definitions[1]) if definitions[1] is not None else set[str]()
        bound -= names_declared_in_class(definitions[0]) & names_in_class(definitions[1])
        retained: dict[str, Any] = {}
        for name, value in before.items():
            if name == "__slotnames__":  # until slots change: see `settling.settle`
                retained[name] = value
            if name in content or name in DERIVED or own_slots(old).get(name) is value:
                continue
            if name in bound or definitions[0] is None:
                self._keeper.removed.append((old, name))
                note_removed(old, name, value)
            elif name in not_set_again:
                continue
            elif not (is_made and is_special(name)):
                retained[name] = value
                if has_others:
                    self._from_others.append((old, name, value))
                elif any(it.strip("_").lower() in name.lower() for it in lost if it.strip("_")):
                    self._for_lines_gone.append((old, name, value))
        return retained

    def note_set(self, cls: type, names: Iterable[str]) -> None:
        """Note what has been set on a class while its statement ran, other than by its body.

        Args:
            cls: The class.
            names: All that it has by now but for what the program had set on it before.
        """
        bound = names_in_class(self._definitions(cls)[1])
        self._noted.append((cls, [it for it in names if it not in bound and it not in DERIVED]))

    def leave(self) -> Iterator[Stale]:
        """After the run: name what may have been set by somebody who does not do so any more."""
        for cls, names in self._noted:
            _know(cls, names, self._keeper.remember)
        self._noted.clear()
        yield from _not_set_again(self._from_others, "a decorator that changed")
        yield from _not_set_again(self._for_lines_gone, "its metaclass or a hook for a line gone")
        self._from_others.clear()
        self._for_lines_gone.clear()

    def not_set_again(self) -> Iterator[ClassEdit]:
        """After decorators that changed: what those before them have set goes, if these do not.

        Such an attribute was named in the decorators, and is not any more; and it is made of the
        same code as one that these have set again.
        """
        again = [
            (cls, code)
            for cls, name, value in self._from_others
            if class_dict(cls).get(name) is not value
            for code in _codes_of(value)
        ]
        for cls, name, value in self._from_others if again else ():
            before, after = self._definitions(cls)
            content = content_of(cls)
            if (
                content.get(name) is value
                and name in _named_by_decorators(before) - _named_by_decorators(after)
                and any(owner is cls and code in _codes_of(value) for owner, code in again)
            ):
                del content[name]
                yield ClassEdit(cls, content)

    def _set_by_decorators_gone(
        self, cls: type, old: ast.ClassDef | None, new: ast.ClassDef | None
    ) -> frozenset[str]:
        """Return what decorators have set that are gone: where others do so, they do it again."""
        if old is None or new is None:
            return frozenset()
        left = {ast.dump(it) for it in new.decorator_list}
        gone = [it for it in old.decorator_list if ast.dump(it) not in left]
        return set_by_decorators(cls, gone, self._keeper.before)

    def _definitions(self, cls: type) -> list[ast.ClassDef | None]:
        return [known.get(qualname_of(cls)) for known in self._keeper.definitions]


def _know(cls: type, names: Iterable[str], remember: Callable[[Any], None]) -> None:
    content = class_dict(cls)
    remember(_SetBefore(cls, _set.get(cls, {})))
    _set[cls] = {name: id(content[name]) for name in names if name in content}


def _known_to_be_set(cls: type, before: dict[str, Any]) -> set[str]:
    """Return what a reload has seen others set on a class, and nobody has replaced since; but for
    containers, which go on where they are made again (see `out_of_sight`), and for what hooks may
    set only if there is none.
    """
    known = _set.get(cls, {})
    if known and way_for(type(cls)).kind == "in place":  # hooks will be given the class as it is
        known = {it: known[it] for it in known.keys() - set_by_hooks(cls)}
    return {
        name
        for name, value in before.items()
        if known.get(name) == id(value) and not is_one_of(type(value), CONTAINERS)
    }


def _set_before_others(
    before: dict[str, Any], content: Collection[str], bound: Collection[str]
) -> set[str]:
    """Return what lies in a class before something that is no part of its body and is set again."""
    # Special ones are left out: some are written when they are asked for.
    others = [it for it in before if it not in bound and not is_special(it)]
    again = [index for index, name in enumerate(others) if name in content]
    return set(others[: again[-1]]).difference(content) if again else set()


def _have_other_decorators(old: ast.ClassDef | None, new: ast.ClassDef | None) -> bool:
    if old is None or new is None:
        return False
    return [*map(ast.dump, old.decorator_list)] != [*map(ast.dump, new.decorator_list)]


def _codes_of(value: Any) -> list[CodeType]:
    functions = [value, *functions_within(value)]
    return [it.__code__ for it in functions if type(it) is FunctionType]


def _named_by_decorators(definition: ast.ClassDef | None) -> set[str]:
    """Return the strings that stand in the decorators of a class."""
    return {
        node.value
        for decorator in (definition.decorator_list if definition is not None else ())
        for node in ast.walk(decorator)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _not_set_again(retained: list[tuple[type, str, Any]], whom: str) -> Iterator[Stale]:
    """Name attributes that somebody may have set, and nobody has set again."""
    for cls, name, value in retained:
        if class_dict(cls).get(name) is value:
            yield Stale(
                f"{qualname_of(cls)}.{name}",
                f"it was set on the class from outside, perhaps by {whom}, and nothing has set "
                f"it again",
                "delete it if it should go, or restart",
            )
