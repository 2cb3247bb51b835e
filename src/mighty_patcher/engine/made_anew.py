"""Objects that raise when what they have been told is told them once more: ``parser.add_argument``
wants no option twice. Where nothing but a statement of the module has made such an object, and it
is nothing but memory, it is made anew, as a fresh start would do, and all who read it follow.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.inputs import Inputs
from mighty_patcher.engine.memory import has_raised, is_instance, is_only_memory
from mighty_patcher.engine.module_facts import namespace_of
from mighty_patcher.engine.stars import TreeOf, imports_in
from mighty_patcher.engine.toplevel import name_of_statement
from mighty_patcher.engine.trees import ASSIGNMENT, only_name

__all__ = ["Anew", "Make", "Roots", "roots_of"]

if TYPE_CHECKING:
    from mighty_patcher.engine.dataflow import Flow

Roots = dict[str, ast.stmt]
"""Names of objects, each with the statement that binds it."""

Make = Callable[[ModuleType, ModuleType, str, str], bool]
"""Has another module bind a name again, for a reason, while a module waits for it; tells whether
that is possible.
"""


class Anew:
    """The objects that a module has made anew in one reload.

    Args:
        module: The module.
        tree_of: Finds the syntax trees of modules.

    Attributes:
        is_elsewhere: Other modules have to make some of them; this one waits.
    """

    def __init__(self, module: ModuleType, tree_of: TreeOf) -> None:
        self.is_elsewhere = False
        self._module = module
        self._tree_of = tree_of
        self._names: set[str] = set()

    def begin(
        self,
        error: Exception,
        statement: ast.stmt | None,
        flow: Flow,
        had: Mapping[str, Any],
        make: Make,
    ) -> bool:
        """Have the objects made anew that have refused a statement; tell if that can be done.

        Args:
            error: What was raised.
            statement: What was executed last.
            flow: Executes it once more when they are there.
            had: What the names of the module stood for before.
            make: Has other modules make what they have made.
        """
        if statement is None:
            return False
        told = [had[name] for name in _told_by(statement) if name in had]
        if not has_raised(error, filter(is_instance, told)):
            return False
        roots = flow.roots(lambda name: is_instance(had.get(name)))
        if not roots or self._names & {*roots}:
            return False
        if not all(is_only_memory(had[name]) for name in roots):
            return False
        imported = {name: it for name, it in roots.items() if isinstance(it, ast.ImportFrom)}
        makers = [_maker_of(self._module, it, name, self._tree_of) for name, it in imported.items()]
        reason = f"{name_of_statement(statement)} (line {statement.lineno}) tells it what it knows"
        reason = f"{reason}, and it has refused that"
        for maker in makers:
            if maker is None or not make(self._module, *maker, reason):
                return False
        self._names |= {*roots}
        flow.make_anew(dict.fromkeys(roots.keys() - imported.keys(), reason), imported)
        self.is_elsewhere = bool(imported)
        return True


def roots_of(at: int, inputs: Inputs, is_object: Callable[[str], bool]) -> Roots:
    """Return the objects that a statement tells something, or, of those that another object has
    made, that one.

    Args:
        at: The number of the statement.
        inputs: Who binds what it reads.
        is_object: Tells whether a name stands for an object that may be made anew.

    Returns:
        The objects; none if anything but one statement has bound one of them, or if what did is
        neither an import nor the call that makes it.
    """
    found: Roots = {}
    waiting, seen = [at], {at}
    while waiting:
        number = waiting.pop()
        for name in filter(is_object, _told_by(inputs.changes[number].new)):
            chain = inputs.new.before(name, number)
            if len(chain) != 1 or inputs.changes[chain[0]].fixed:
                return {}
            maker = inputs.changes[chain[0]].new
            assert maker is not None
            if isinstance(maker, ASSIGNMENT) and any(map(is_object, _told_by(maker))):
                if chain[0] not in seen:
                    seen.add(chain[0])
                    waiting.append(chain[0])
            elif inputs.new.final(name) != chain or not (
                isinstance(maker, ast.ImportFrom) or _makes(maker, name)
            ):
                return {}
            else:
                found[name] = maker
    return found


def _maker_of(
    module: ModuleType, statement: ast.stmt, name: str, tree_of: TreeOf
) -> tuple[ModuleType, str] | None:
    """Return the module, with the name there, in which a call has made what a module imports.

    Args:
        module: The module.
        statement: The import.
        name: What it binds.
        tree_of: Finds the syntax trees of modules.

    Returns:
        None if that is not known, or not all that has to do with the name there.
    """
    seen: list[ModuleType] = []
    value = namespace_of(module).get(name)
    while isinstance(statement, ast.ImportFrom) and not is_one_of(module, seen):
        seen.append(module)
        found = [it for it in imports_in(module, statement) if it.bound == name]
        source = sys.modules.get(found[0].module) if len(found) == 1 else None
        if source is None or namespace_of(source).get(found[0].name) is not value:
            return None
        tree = tree_of(source)
        if tree is None:
            return None
        module, name = source, found[0].name
        binders = [it for it in tree.body if name in facts(it).binds]
        if len(binders) != 1:
            return None
        (statement,) = binders
    had = namespace_of(module)
    told = any(is_instance(had.get(it)) for it in _told_by(statement))
    return None if told or not _makes(statement, name) else (module, name)


def _makes(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement gives one name what a call returns."""
    return (
        isinstance(statement, ASSIGNMENT)
        and isinstance(statement.value, ast.Call)
        and only_name(statement) == name
    )


def _told_by(statement: ast.stmt | None) -> Iterator[str]:
    """Yield the names of what a call that is a statement, or gives a name its value, may put
    something into: what has the method, or else what is handed to it.
    """
    call = getattr(statement, "value", None)
    if not isinstance(statement, (ast.Expr, *ASSIGNMENT)) or not isinstance(call, ast.Call):
        return
    receiver: ast.expr = call
    while isinstance(receiver, (ast.Attribute, ast.Call, ast.Subscript)):
        receiver = receiver.func if isinstance(receiver, ast.Call) else receiver.value
    if isinstance(receiver, ast.Name):
        yield receiver.id
    if isinstance(call.func, ast.Name):
        yield from (it.id for it in call.args if isinstance(it, ast.Name))
