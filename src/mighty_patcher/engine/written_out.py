"""Names of a module that stand for something written out: ``TABLE = {"a": f, "b": g}``. Where that
is edited, the object goes on, with what the program has put into it, and gets what the text says.

Not where statements that are executed once more change it in place, and not where the name may
stand for something else by now: there a new object takes its place, and who holds the old one, and
what is lost with it, is named in the report.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mighty_patcher.engine.bindings import names_holding, readers
from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.classes import class_dict, is_class
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.displays import DISPLAY, UNKNOWN, Container, Merging, are_plain_keys
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.facts import Facts, facts
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.modules import name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.refilled import differs, refill
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.stars import TreeOf
from mighty_patcher.engine.trees import ASSIGNMENT, DEFINITION, only_name
from mighty_patcher.engine.values import is_plain

__all__ = ["Lost", "WrittenOut", "lost_entries"]

_MOST_NAMED = 3


@dataclass
class Lost:
    """An object that another one has taken the place of.

    Attributes:
        module: The module.
        name: The name of the object there.
        old: How it was written.
        before: The object.
    """

    module: ModuleType
    name: str
    old: ast.expr
    before: Any


class WrittenOut:
    """Lets objects that are written out follow edits of their text.

    Args:
        module: The module.
        plan: What becomes of its statements.
        tree_of: Finds the syntax trees of others.

    Attributes:
        refilled: The names whose objects have been given other content, and these.
        lost: The objects that others have taken the place of.
    """

    def __init__(self, module: ModuleType, plan: Plan, tree_of: TreeOf) -> None:
        self.refilled: dict[str, Any] = {}
        self.lost: list[Lost] = []
        self._module = module
        self._namespace = namespace_of(module)
        self._plan = plan
        self._tree_of = tree_of

    def follow(
        self, change: Change, flow: Flow, keeper: Keeper, start: Mapping[str, Any]
    ) -> set[str]:
        """Let the object of a name go on, if a statement has just written it out anew.

        Args:
            change: What becomes of the statement.
            flow: What it reads.
            keeper: Who keeps the objects of the module.
            start: What the names of the module stood for when the reload began.

        Returns:
            The name, if its object has other content now.
        """
        found = _written_out(change)
        if found is None or found[0] not in start:
            return set()
        name, old, _ = found
        mine, theirs = start[name], self._namespace.get(name, ABSENT)
        if mine is theirs or type(mine) is not type(theirs) or not flow.is_sole_binder(name):
            return set()
        keeper.replace_within(theirs)
        has_more = type(mine) is list and len(mine) > len(getattr(old, "elts", ()))
        if not self._is_changed_at_top(name, mine, flow, has_more):
            merged = self._merged(found, mine, theirs, flow, keeper, start)
            if merged is not None:
                return {name} if merged else set()
        self.lost.append(Lost(self._module, name, old, mine))
        return set()

    def _merged(
        self,
        written_out: _Texts,
        mine: Any,
        theirs: Any,
        flow: Flow,
        keeper: Keeper,
        start: Mapping[str, Any],
    ) -> bool | None:
        """Let an object go on; or where somebody goes through it, give the new one what the program
        has put there.

        Returns:
            Whether it has other content; None if it does not go on.
        """
        name, old, new = written_out

        def known(expression: ast.expr) -> Any:
            return _known(expression, start, flow)

        merging = Merging(known, flow.reads_the_same)
        if not merging.merge(old, new, mine, theirs):
            return None
        contents = [(it, _mapped(content, keeper.map)) for it, content in merging.contents]
        is_other = any(differs(*it) for it in contents)
        if not refill(contents, keeper.put, keeper.remember):
            merging = Merging(known, flow.reads_the_same, goes_in=False)
            merging.merge(old, new, mine, theirs)
            refill([(theirs, _mapped(merging.contents[-1][1], keeper.map))], keeper.put, _nothing)
            return False
        self._namespace[name] = mine
        for key in merging.given_up:
            keeper.stale.append(_given_up(f"{name_of_module(self._module)}.{name}", key))
        if is_other:
            self.refilled[name] = mine
        return is_other

    def _is_changed_at_top(self, name: str, mine: Any, flow: Flow, has_more: bool) -> bool:
        """Tell whether an object is changed in place by statements that are executed once more when
        it is another, or may be by what they call; or whether functions bind its name.

        Args:
            name: Its name.
            mine: The object.
            flow: What statements do.
            has_more: It has more than was written out, and what they call may have put it there.
        """
        for change in self._plan.changes:
            for statement in (change.old, change.new):
                if statement is None:
                    continue
                if name in _declared_global(statement):
                    return True
                found = flow.facts_of(statement, before=statement is change.old)
                if _changes(found, name) or (has_more and _may_fill(statement, name)):
                    return True
        holders = names_holding([mine])
        names: dict[int, tuple[ModuleType, set[str]]] = {}
        for module, bound, _ in [*holders, (self._module, name, mine)]:
            names.setdefault(id(module), (module, set()))[1].add(bound)
        places = [(it, "", bound) for it, bound, _ in holders if it is not self._module]
        for module, path, bound in [*places, *readers(names.values())]:
            tree = self._tree_of(module)
            for statement in tree.body if tree is not None else ():
                full = f"{path}.{bound}" if path else bound
                if _changes(facts(statement), full) or (has_more and _may_fill(statement, full)):
                    return True
        return False


def lost_entries(lost: Iterable[Lost]) -> Iterator[Stale]:
    """Name what the program had put into objects that others have taken the place of, where it is
    not in these.

    Args:
        lost: The objects.
    """
    for it in lost:
        now, before = namespace_of(it.module).get(it.name, ABSENT), it.before
        if now is before or type(now) is not type(before):
            continue
        if type(before) is list:
            more = len(before) - len(getattr(it.old, "elts", ())) - len(now)
            count, named = more, ""
        else:
            keys = getattr(it.old, "keys", None) or getattr(it.old, "elts", [])
            if any(key is None for key in keys) or not are_plain_keys([*before, *now]):
                continue
            written = [key.value for key in keys if isinstance(key, ast.Constant)]
            if len(written) < len(keys):
                continue
            gone = [key for key in before if key not in now and key not in written]
            count, named = len(gone), ", ".join(f"{key!r:.40}" for key in gone[:_MOST_NAMED])
        if count > 0:
            entries = "an entry" if count == 1 else f"{count} entries"
            yield Stale(
                f"{name_of_module(it.module)}.{it.name}",
                f"it was made anew, and has not got {entries} that the program had put into the "
                f"old one{': ' if named else ''}{named}",
                "put them there again, or restart",
            )


def _given_up(name: str, key: Any) -> Stale:
    return Stale(
        f"{name}[{key!r:.40}]" if is_plain(key) else name,
        "it has what its text says, and not what the program had put there",
        "put that there again, or restart",
    )


_Texts = tuple[str, ast.expr, ast.expr]
"""A name, how its value was written out, and how it is now."""


def _written_out(change: Change) -> _Texts | None:
    old, new = change.old, change.new
    if change.kind != "run" or not isinstance(old, ASSIGNMENT) or not isinstance(new, ASSIGNMENT):
        return None
    name = only_name(new)
    if name is None or name != only_name(old) or (name.startswith("__") and name.endswith("__")):
        return None
    if not isinstance(old.value, DISPLAY) or not isinstance(new.value, DISPLAY):
        return None
    return name, old.value, new.value


def _known(expression: ast.expr, start: Mapping[str, Any], flow: Flow) -> Any:
    """Return what an expression of the old text was, where nothing has to be executed for that."""
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple(elts=items):
            found = tuple(_known(it, start, flow) for it in items)
            return UNKNOWN if is_one_of(UNKNOWN, found) else found
        case ast.Name(id=name):
            return start.get(name, getattr(builtins, name, UNKNOWN))
        case ast.Attribute(value=owner, attr=name) if flow.reads_the_same(expression):
            return _attribute(_known(owner, start, flow), name)
    return UNKNOWN


def _attribute(owner: Any, name: str) -> Any:
    if type(owner) is ModuleType:
        return namespace_of(owner).get(name, UNKNOWN)
    members = class_dict(owner).get("_member_map_") if is_class(owner) else None
    return members.get(name, UNKNOWN) if type(members) is dict else UNKNOWN


def _mapped(content: Container, kept: Callable[[Any], Any]) -> Container:
    """Return content with kept objects in the place of those that this run has made."""
    if type(content) is dict:
        return {kept(key): kept(value) for key, value in content.items()}
    return type(content)(map(kept, content))


def _nothing(_: object) -> None:
    """Remember nothing: what was made a moment ago goes with its name."""


# ---- statements


_READS_ONLY = frozenset(
    {
        *("all", "any", "bool", "dict", "enumerate", "filter", "frozenset", "isinstance", "iter"),
        *("len", "list", "map", "max", "min", "print", "range", "repr", "reversed", "set"),
        *("sorted", "str", "sum", "tuple", "type", "zip"),
    }
)


def _changes(found: Facts, path: str) -> bool:
    """Tell whether a statement changes an object in place."""
    places = (".".join(filter(None, it)) for it in found.mutated)
    return any(f"{it}.".startswith(f"{path}.") for it in places)


def _may_fill(statement: ast.stmt, path: str) -> bool:
    """Tell whether a statement gives an object to something that may put more into it."""
    if isinstance(statement, DEFINITION):
        return False
    last = path.rpartition(".")[2]
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in _READS_ONLY:
                continue
            for inner in (*node.args, *(it.value for it in node.keywords)):
                if any(
                    (it.id if isinstance(it, ast.Name) else getattr(it, "attr", "")) == last
                    for it in ast.walk(inner)
                    if isinstance(it, ast.Name | ast.Attribute)
                ):
                    return True
    return False


def _declared_global(statement: ast.stmt) -> set[str]:
    """Return the names that functions in a statement bind in the module."""
    found: set[str] = set()
    waiting: list[Any] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Global):
            found.update(node.names)
        for branch in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, branch, None)
            waiting += inner if type(inner) is list else []
    return found
