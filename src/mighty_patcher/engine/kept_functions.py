"""Functions that a module makes anew while it runs: which is which, and what the old ones get."""

from __future__ import annotations

import ast
import gc
import weakref
from collections.abc import Callable, Iterator
from functools import cached_property
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any

from mighty_patcher import _core
from mighty_patcher.engine.classes import is_class, stored
from mighty_patcher.engine.codetree import all_code
from mighty_patcher.engine.settling import Cache
from mighty_patcher.engine.shared import annotated_by, share
from mighty_patcher.engine.trees import decorators_in
from mighty_patcher.engine.wrapped import annotations_of, functions_within, is_full, shared_cells

if TYPE_CHECKING:
    from mighty_patcher.engine.donors import Keeper

__all__ = ["KeptFunctions", "Living", "Trees", "unknown"]

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


class KeptFunctions:
    """Functions of a module that runs again, and what they are given.

    Args:
        keeper: Who keeps all that the module makes.
        filename: The ``co_filename`` of its code, for only functions of that file are kept; None to
            keep all.
        trees: The syntax tree that was in force before, where it is known, and the new one.
        living: Finds the function that the program has of a definition which has just made another.

    Attributes:
        owners: The class that is left to a method of a donor, by the identity of the method.
        moved: The old and the new code of functions that look names up in another module now.
    """

    def __init__(
        self, keeper: Keeper, filename: str | None, trees: Trees, living: Living = unknown
    ) -> None:
        self.owners: dict[int, type] = {}
        self.moved: list[tuple[CodeType, CodeType]] = []
        # Weakly, for in a cycle all that the program has lost would wait for a collection.
        self._keeper: Keeper = weakref.proxy(keeper)
        self._filename = filename
        self._trees = trees
        self._living = living
        self._pairs: list[tuple[FunctionType, FunctionType]] = []
        self._codes: list[CodeType] = []
        self._made_now: set[int] = set()
        self._before: _Before | None = None
        # Without the attributes that they had, for their decorators to set some.
        self._set_aside: dict[int, tuple[FunctionType, dict[str, Any]]] = {}
        # The modules that functions were shown as part of before decorators wrapped them.
        self._shown: dict[int, tuple[FunctionType, str]] = {}
        self._to_show: list[tuple[FunctionType, str]] = []

    @property
    def has_gathered(self) -> bool:
        """Whether there is anything to be added to a log."""
        return bool(self._pairs or self._to_show)

    def add_to(self, log: _core.Log) -> None:
        """Add what has gathered to a log."""
        news = dict(self._pairs)
        for function, wrapper in annotated_by(news):
            log.add_function(wrapper, news[function], _core.ANNOTATIONS | _core.ANNOTATE)
        for old, new in self._pairs:
            self._add(log, old, new)
        self._pairs = []
        for function, module in self._to_show:
            donor = FunctionType(_nothing.__code__, {})
            donor.__module__ = module
            log.add_function(function, donor, _core.MODULE)
        self._to_show = []

    def will_run(self, code: CodeType, *, calls: bool) -> None:
        """Note code that is about to be executed: functions of it are made by this run.

        Args:
            code: The code.
            calls: It may be given functions that others have made for it.
        """
        self._before = _Before() if calls else None
        self._codes.append(code)
        self._made_now.update(map(id, all_code(code)))

    def codes(self) -> dict[CodeType, CodeType]:
        """Return the code that has been executed, and all in it, by what it is equal to."""
        return {code: code for executed in self._codes for code in all_code(executed)}

    def keep(self, old: FunctionType, new: FunctionType) -> bool:
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
            if not alike or not (self._is_made_now(new) or self._is_made_since(new)):
                self.keep_hidden(old, new)
                return False
        self._keeper.pair(old, new)
        self._pairs.append((old, new))
        for mine, theirs in shared_cells(old, new):
            self._keeper.keep(mine.cell_contents, theirs.cell_contents)
        return True

    def take_over(self, made: FunctionType) -> FunctionType:
        """Let the function that the program has of a definition have its new content, before any
        decorator sees it.

        Returns:
            That function, or else the new one.
        """
        old = self._living(made)
        self._keeper.defined = made
        if old is None or id(old) in self._keeper.targets or not self.keep(old, made):
            return made
        self._keeper.defined = old
        if old.__dict__:
            self._set_aside[id(old)] = old, dict(old.__dict__)
        self._keeper.replaced.append((made, old))
        self._keeper.show(old)
        self._keeper.commit()
        return old

    def put_back(self) -> None:
        """Give functions the attributes that decorators have not set again: the program's own."""
        for function, attributes in self._set_aside.values():
            if not self._has_other_decorators(function):
                lacking = {k: v for k, v in attributes.items() if k not in function.__dict__}
                if lacking:
                    self._keeper.add_dict(function.__dict__, {**function.__dict__, **lacking})
        self._set_aside.clear()

    def show_as(self, old: Any, new: Any) -> None:
        """Let what decorators have made of a function, or what was below them, be shown as a part
        of the package that has shown what the name had before as a part of itself.

        Args:
            old: What the name had.
            new: What it has now.
        """
        if type(old) is not FunctionType or type(new) is not FunctionType:
            return
        own = self._keeper.module_name
        _, module = self._shown.get(id(old), (old, old.__module__))
        is_ours = any(
            it.__globals__ is self._keeper.namespace for it in [old, *functions_within(old)]
        )
        # A wrapper is a part of the module of its decorator, which is no package that shows it.
        natural = old.__globals__.get("__name__")
        if is_ours and module not in (own, natural) and new.__module__ == own:
            self._to_show.append((new, module))

    def _is_made_since(self, function: FunctionType) -> bool:
        """Tell whether anybody has made a function since `will_run`."""
        return self._before is not None and self._before.is_followed_by(function)

    def _is_made_now(self, function: FunctionType, depth: int = 8) -> bool:
        """Tell whether the run made a function: of its code, or around such a function."""
        if id(function.__code__) in self._made_now:
            return True
        cells = [cell.cell_contents for cell in function.__closure__ or () if is_full(cell)]
        if any(
            is_class(it) and (id(it) in self._keeper.targets or self._keeper.has_kept(it))
            for it in cells
        ):
            return True
        cached = [stored(it, "__wrapped__") for it in cells if type(it) is Cache]
        return depth > 0 and any(
            self._is_made_now(inner, depth - 1)
            for inner in [*functions_within(function), *cached]
            if type(inner) is FunctionType
        )

    def keep_hidden(self, old: FunctionType, new: Any) -> None:
        """A decorator that is new or gone: what was held bare still gets the new content."""
        if id(old) in self._keeper.targets or not self._keeper.open(old, new):
            return  # a wrapper may hold itself
        for mine in [old, *functions_within(old)]:
            for inner in [new, *functions_within(new)]:
                if (
                    type(inner) is FunctionType
                    and inner.__qualname__ == mine.__qualname__
                    and not self._keeper.has_kept(inner)
                    and id(mine) not in self._keeper.targets
                    and self.keep(mine, inner)
                ):
                    return

    def _add(self, log: _core.Log, old: FunctionType, new: FunctionType) -> None:
        kept = {
            id(theirs): mine for mine, theirs in shared_cells(old, new) if self._agree(mine, theirs)
        }
        names = new.__code__.co_freevars
        if id(new) in self.owners and "__class__" in names:
            theirs = (new.__closure__ or ())[names.index("__class__")]
            kept[id(theirs)] = CellType(self.owners[id(new)])
        cells = tuple(kept.get(id(cell), cell) for cell in new.__closure__ or ())
        defaults = self._keeper.map(new.__defaults__)
        donor = FunctionType(new.__code__, new.__globals__, new.__name__, defaults, cells)
        if new.__kwdefaults__ is not None:
            donor.__kwdefaults__ = {k: self._keeper.map(v) for k, v in new.__kwdefaults__.items()}
        attributes = {k: self._keeper.map(v) for k, v in new.__dict__.items()}
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
            self.moved.append((old.__code__, new.__code__))
        self._keeper.replace_within(annotations_of(new))
        share(old, donor, "__kwdefaults__", log)
        if annotations_of(new) is not None:
            share(old, new, "__annotations__", log)
        log.add_function(old, donor, fields)
        natural = (old.__globals__.get("__name__"), self._keeper.came_from)
        is_shown_elsewhere = old.__module__ not in natural  # by its package
        if is_shown_elsewhere and self._is_decorated_first(new):
            self._shown[id(old)] = old, old.__module__
            is_shown_elsewhere = False
        log.add_function(old, new, _REST & ~_core.MODULE if is_shown_elsewhere else _REST)

    def _has_other_decorators(self, function: FunctionType) -> bool:
        """Tell whether a definition is decorated in another way than before: what attributes the
        old decorators have set must not stay.
        """
        name = function.__code__.co_qualname
        old, new = self._decorators
        return name in old and name in new and old[name] != new[name]

    def _is_decorated_first(self, function: FunctionType) -> bool:
        """Tell whether a definition had no decorators before, so that its name had the function
        itself: what was done to that concerns what they make of it now.
        """
        name = function.__code__.co_qualname
        old, new = self._decorators
        return old.get(name) == [] != new.get(name, [])

    @cached_property
    def _decorators(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        old, new = self._trees
        return decorators_in(old), decorators_in(new)

    def _agree(self, mine: CellType, theirs: CellType) -> bool:
        return self._keeper.kept_for(theirs.cell_contents) is mine.cell_contents


def _nothing() -> None:
    """Has code that needs nothing."""


class _Before:
    """A moment: tells which functions were made later. A reload collects nothing meanwhile."""

    def __init__(self) -> None:
        self._known: set[int] | None = None
        if _core.FREE_THREADED:  # which keeps its objects in no order
            self._known = {id(it) for it in gc.get_objects() if type(it) is FunctionType}
        self._mark: list[None] = []
        self._later: set[int] = set()

    def is_followed_by(self, function: FunctionType) -> bool:
        """Tell whether a function was made later."""
        if self._known is not None:
            return id(function) not in self._known
        # Whoever has the place of one of them now is younger still.
        if id(function) not in self._later:
            self._later = set(self._made_later())
        return id(function) in self._later

    def _made_later(self) -> Iterator[int]:
        # The collector has its youngest objects in the order of their making. If the program has
        # collected them since, whatever is young now was made after that.
        for it in reversed(gc.get_objects(generation=0)):
            if it is self._mark:
                break
            if type(it) is FunctionType:
                yield id(it)
