"""Names that the new text of a module does not bind any more: which of them go, and which stay."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.module_facts import is_submodule, name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.report import Step
from mighty_patcher.engine.stars import TreeOf, names_of_stars
from mighty_patcher.engine.toplevel import names_bound, names_gone

__all__ = ["names_removed"]


_GONE = "it is gone from the source"
_HANDED_ROUND = (
    "it is gone from the source, and modules that import everything from each other have it of "
    "each other"
)


def names_removed(
    module: ModuleType, trees: Trees, before: Mapping[str, Any], tree_of: TreeOf | None
) -> tuple[list[str], list[Step]]:
    """Find the names that are to be removed from a module, which still has them.

    Args:
        module: The module.
        trees: Its syntax trees, in force and saved; where one is not known, nothing goes.
        before: Its names from before.
        tree_of: Finds the syntax trees of others; None where all of the module is run again.

    Returns:
        The names, and what the report says of them and of those that stay.
    """
    old, new = trees
    if old is None or new is None:
        return [], []
    name, gone = name_of_module(module), _gone(module, old, new, before)
    steps = [Step("removed", name, it, 0, _GONE) for it in gone]
    if tree_of is not None:
        stay = _handed_round(module, old, new, before, tree_of).difference(gone)
        steps += [Step("kept", name, it, 0, _HANDED_ROUND) for it in sorted(stay)]
    return gone, steps


def _gone(
    module: ModuleType, old: ast.Module, new: ast.Module, before: Mapping[str, Any]
) -> list[str]:
    """The names that the new text binds no more and that still hold what they held before.

    A submodule is an attribute of its package whether or not the package itself imports it.
    """
    namespace, package = namespace_of(module), name_of_module(module)
    stars = names_of_stars(module, old), names_of_stars(module, new)
    if old is new and stars[0] == stars[1]:
        return []
    return [
        name
        for name in sorted(names_gone(old, new, stars))
        if name in before
        and name in namespace
        and namespace[name] is before[name]
        and not is_submodule(namespace[name], package, name)
    ]


def _handed_round(
    module: ModuleType,
    old: ast.Module,
    new: ast.Module,
    before: Mapping[str, Any],
    tree_of: TreeOf,
) -> set[str]:
    """The names that the new text binds no more, and that stay where modules import everything from
    each other.
    """
    stars = names_of_stars(module, new)
    if not stars:
        return set()
    gone = (names_bound(old) - names_bound(new)) & stars
    from_others = names_of_stars(module, new, tree_of) if gone else set()
    return {it for it in gone - from_others if before.get(it, ABSENT) is not ABSENT}
