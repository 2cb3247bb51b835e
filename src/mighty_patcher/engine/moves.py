"""Definitions that have moved to another module, in one save or in several: who holds what they
made before goes on with what they are there.

One module defines a name no more, and another one defines it now. That it is the same definition is
told by whoever had it from the one and now has it from the other.
"""

from __future__ import annotations

import ast
import gc
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any, Protocol

from mighty_patcher import _core
from mighty_patcher.engine.classes import class_dict, is_class, qualname_of
from mighty_patcher.engine.codetree import Pairs
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.module_facts import filename_of, namespace_of
from mighty_patcher.engine.removed_names import RemovedNames
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.settling import Before, Cache
from mighty_patcher.engine.toplevel import executed
from mighty_patcher.engine.trees import DEFINITION_OR_CLASS
from mighty_patcher.engine.version import Version

__all__ = ["Move", "Moved", "Moves", "are_alike", "defined_in", "move_inner", "nothing_moved"]


class Texts(Protocol):
    """Finds the text of a module: the one in force before the reload, or else the one to be run."""

    def __call__(self, module: ModuleType, /, before: bool) -> Version | None: ...


Moved = Callable[[ModuleType, Mapping[str, Any], Any, Any], list[tuple[type, Before]] | None]
"""Told what has come in the place of what a module had, with its names from before. Where
both are of one definition, which has moved, the old object is made what the new one was, and the
classes that have changed by that are returned; else None.
"""


def nothing_moved(*_: object) -> None:
    """Know of none."""
    return


@dataclass(frozen=True)
class Move:
    """Definitions that went from one module to another.

    Attributes:
        source: The module that defined them.
        target: The module that defines them now.
        lines: Their names, each with its line in the target.
        trees: The syntax tree of the source from before, and that of the target.
    """

    source: ModuleType
    target: ModuleType
    lines: dict[str, int]
    trees: tuple[ast.Module, ast.Module]


class Moves:
    """What has moved in one reload.

    Args:
        texts: Finds the texts of modules.
        removed: Remembers what earlier saves have removed.
    """

    def __init__(self, texts: Texts, removed: RemovedNames) -> None:
        self._texts = texts
        self._removed = removed
        self._loaded = frozenset(sys.modules)

    def of(self, old: Any, new: Any) -> Move | None:
        """Find the move of which one object in the place of another is a part.

        Args:
            old: What somebody had.
            new: What he has imported in its place.
        """
        before, after = _definition_of(old), _definition_of(new)
        if before is None or after is None or before[1] != after[1] or type(old) is not type(new):
            return None
        source, target = (sys.modules.get(module) for module, _ in (before, after))
        if source is None or target is None or source is target:
            return None
        was, came = self._texts(source, before=True), self._texts(target, before=False)
        if was is None or came is None:
            return None
        had = defined_in(self._texts(target, before=True)) if after[0] in self._loaded else {}
        left = {} if _is_gone(source) else defined_in(self._texts(source, before=False))
        if before[1] in left and before[1] in defined_in(came):
            self._removed.note_copied(before[0], before[1], after[0])
        tree, gone, names = was.tree, defined_in(was).keys() - left.keys(), namespace_of(target)
        if before[1] not in gone:
            earlier = self._removed.trees_of(source)
            tree = earlier.get(before[1], tree)
            gone = {name for name, it in earlier.items() if it is tree} - left.keys()
        if before[1] not in gone or names.get(before[1]) is not new:
            return None
        lines = {
            name: line
            for name, line in defined_in(came).items()
            if name in gone and (name not in had or _can_be_another(names.get(name)))
        }
        return Move(source, target, lines, (tree, came.tree)) if before[1] in lines else None


def are_alike(old: Any, new: Any) -> bool:
    """Tell whether two objects are of one definition, as far as they say."""
    before, after = _definition_of(old), _definition_of(new)
    return before is not None and after is not None and before[1] == after[1]


def move_inner(
    moved: Iterable[tuple[CodeType, CodeType]], namespace: dict[str, Any], log: _core.Log
) -> list[Stale]:
    """Let the functions that calls of moved ones have made go on as what these make now.

    Args:
        moved: The old and the new code of the functions that have moved.
        namespace: Where they look names up now.
        log: The edits are added to it.

    Returns:
        Those that stay what they were, and why.
    """
    pairs = {
        id(pair.old): pair
        for old, new in moved
        for pair in Pairs(old, new)
        if pair.new is not None and pair.old is not old
    }
    stale = []
    codes = [pair.old for pair in pairs.values()]
    for function in _core.find_functions(codes, []) if codes else ():
        code = pairs[id(function.__code__)].new
        assert code is not None
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        if code.co_freevars and not cells.keys() >= set(code.co_freevars):
            reason = "what made it has moved, and would give it variables now that it has not got"
            stale.append(Stale(function.__qualname__, reason, "make it again, or restart"))
            continue
        closure = tuple(cells[name] for name in code.co_freevars)
        donor = FunctionType(code, namespace, function.__name__, None, closure)
        fields = _core.CODE | _core.GLOBALS | _core.BUILTINS
        if function.__module__ == function.__globals__.get("__name__"):  # and not that of another
            fields |= _core.MODULE
        log.add_function(function, donor, fields)
    return stale


def _definition_of(value: Any) -> tuple[str, str] | None:
    """Return the module and the name of what is defined at the top of one."""
    if is_class(value):
        module, name = class_dict(value).get("__module__"), qualname_of(value)
    elif is_one_of(type(value), (FunctionType, Cache)):
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    else:
        return None
    is_told = type(module) is str and type(name) is str and "." not in name
    return (module, name) if is_told else None


def defined_in(text: Version | None) -> dict[str, int]:
    """Return the names of what is defined at the top of a module, each with its line."""
    statements = executed(text.tree.body) if text is not None else ()
    return {it.name: it.lineno for it in statements if isinstance(it, DEFINITION_OR_CLASS)}


def _can_be_another(value: Any) -> bool:
    """Tell whether an object that was there before can leave its place to another one: not a class
    that instances were made of.
    """
    return not is_class(value) or all(type(it) is not value for it in gc.get_objects())


def _is_gone(module: ModuleType) -> bool:
    file = filename_of(module)
    return file is not None and not os.path.exists(file)
