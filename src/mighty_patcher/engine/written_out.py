"""Names of a module that stand for something written out: ``TABLE = {"a": f, "b": g}``. Where that
is edited, the object goes on, with what the program has put into it, and gets what the text says.

Not where statements that are executed once more change it in place, and not where the name may
stand for something else by now: there a new object takes its place, and who holds the old one, and
what is lost with it, is named in the report.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from mighty_patcher.engine.bindings import names_holding, readers, readers_of_attributes
from mighty_patcher.engine.changes import Change, Plan
from mighty_patcher.engine.class_bodies import names_in_class
from mighty_patcher.engine.classes import (
    ClassEdit,
    class_dict,
    is_class,
    qualname_of,
)
from mighty_patcher.engine.dataflow import Flow
from mighty_patcher.engine.displays import DISPLAY, UNKNOWN, Container, Merging
from mighty_patcher.engine.donors import Keeper
from mighty_patcher.engine.facts import Facts, facts
from mighty_patcher.engine.held_values import is_touched, touched_by_others
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.lost import Lost, Texts, given_up
from mighty_patcher.engine.module_facts import name_of_module, namespace_of
from mighty_patcher.engine.outside import ABSENT
from mighty_patcher.engine.refilled import differs, refill
from mighty_patcher.engine.stars import TreeOf
from mighty_patcher.engine.toplevel import globals_in, is_special
from mighty_patcher.engine.touched import Touched
from mighty_patcher.engine.trees import ASSIGNMENT, DEFINITION, digest, only_name
from mighty_patcher.engine.values import same_value

__all__ = ["WrittenOut"]

_MOST_TRIES = 8


class WrittenOut:
    """Lets objects that are written out follow edits of their text.

    Args:
        module: The module.
        plan: What becomes of its statements.
        tree_of: Finds the syntax trees of others.

    Attributes:
        refilled: The names whose objects have been given other content, and these.
        members: The same of classes: a class, and the name in it.
        lost: The objects that others have taken the place of.
    """

    def __init__(self, module: ModuleType, plan: Plan, tree_of: TreeOf) -> None:
        self.refilled: dict[str, Any] = {}
        self.members: list[tuple[type, str]] = []
        self.lost: list[Lost] = []
        self._module = module
        self._namespace = namespace_of(module)
        self._plan = plan
        self._tree_of = tree_of
        self._flow: Flow | None = None
        self._start: Mapping[str, Any] = {}
        self._bound_in_functions: set[str] | None = None
        self._others: dict[int, list[tuple[ast.stmt, Facts]]] = {}

    def begin(self, flow: Flow, start: Mapping[str, Any]) -> None:
        """Begin to look after the module.

        Args:
            flow: Knows what its statements do.
            start: What its names stood for when the reload began.
        """
        self._flow, self._start = flow, start

    def forget(self) -> None:
        """Let go of what was given to `begin`."""
        self._flow, self._start = None, {}

    def follow(self, change: Change, keeper: Keeper) -> set[str]:
        """Let the object of a name go on, if a statement has just written it out anew.

        Args:
            change: What becomes of the statement.
            keeper: Who keeps the objects of the module.

        Returns:
            The name, if its object has other content now.
        """
        name, flow = _only_name(change), self._flow
        if flow is None or name not in self._start or not flow.is_sole_binder(name):
            return set()
        texts = _texts(change.old, change.new)
        mine, theirs = self._start[name], self._namespace.get(name, ABSENT)
        if texts is None or mine is theirs or type(mine) is not type(theirs):
            return set()
        path = f"{name_of_module(self._module)}.{name}"
        if name not in self._globals():
            self._namespace[name] = mine  # whoever puts something into it has to meet this one
            merged = self._merged(path, name, texts, (mine, theirs), keeper)
            if merged is None or not merged[0]:
                self._namespace[name] = theirs
            if merged is not None:
                if merged[1]:
                    self.refilled[name] = mine
                return {name} if merged[1] else set()
        self._lose(Lost(self._module, name, path, texts, mine), name)
        return set()

    def follow_members(self, edit: ClassEdit, before: Mapping[str, Any], keeper: Keeper) -> None:
        """Let objects go on that the body of a class has just written out anew.

        Args:
            edit: What the class is to be.
            before: What it was.
            keeper: Who keeps the objects of the module.
        """
        cls = edit.target
        olds, news = (_written_in(it.get(qualname_of(cls))) for it in keeper.definitions)
        by_others: Touched | None = None
        for name in olds.keys() & news.keys() & before.keys() & edit.content.keys():
            texts, mine, theirs = _texts(olds[name], news[name]), before[name], edit.content[name]
            if texts is None or mine is theirs or type(mine) is not type(theirs):
                continue
            path = f"{qualname_of(cls)}.{name}"
            if qualname_of(cls) not in keeper.narrowed:
                by_others = by_others or touched_by_others(cls, keeper)
                if digest(texts[0]) == digest(texts[1]) or is_touched(
                    name, olds[name], mine, by_others
                ):
                    self._lose(Lost(cls, name, path, texts, mine), path)
                    continue  # what hooks have put into it they put there again
            members = before, edit.content
            merged = self._merged(path, path, texts, (mine, theirs), keeper, members, cls)
            if merged is None:
                self._lose(Lost(cls, name, path, texts, mine), path)
            elif merged[0]:
                edit.content[name] = mine
                keeper.pair(mine, theirs)  # other attributes, and defaults, may be the same
                keeper.replaced.append((theirs, mine))
            if merged is not None and merged[1]:
                self.members.append((cls, name))

    def _merged(
        self,
        path: str,
        here: str,
        texts: Texts,
        objects: tuple[Any, Any],
        keeper: Keeper,
        members: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
        cls: type | None = None,
    ) -> tuple[bool, bool] | None:
        """Let an object go on; or where somebody goes through it, give the new one what the program
        has put into it.

        Args:
            path: What it is called in reports.
            here: What the module calls it.
            texts: Its texts.
            objects: The object, and the one that has just been made.
            keeper: Who keeps the objects of the module.
            members: What the class that it is in had, and is to have.
            cls: That class.

        Returns:
            Whether it goes on, and if so, whether it has other content; None if nobody knows what
            it is to have.
        """
        flow, start, (mine, theirs) = self._flow, self._start, objects
        assert flow is not None
        has_more = type(mine) is list and len(mine) > len(getattr(texts[0], "elts", ()))
        if self._is_changed_at_top(here, mine, cls, has_more):
            return None
        keeper.replace_within(theirs)

        def is_same(expression: ast.expr) -> bool:
            return flow.reads_the_same(expression) and all(
                same_value(members[0].get(it, ABSENT), keeper.map(members[1].get(it, ABSENT)))
                for it in _names_in(expression)
            )

        names = {**start, **members[0]}

        def known(expression: ast.expr) -> Any:
            return _known(expression, names, is_same)

        def stays(expression: ast.expr) -> bool:
            return _is_made_by_classes(expression, known)

        made, since = _made_by_text(texts[1], theirs, is_public=cls is None)
        is_done = False
        for _ in range(_MOST_TRIES):
            merging = Merging(known, is_same, stays)
            if not merging.merge(*texts, mine, made):
                return None
            contents = [
                (it, _mapped(content, keeper.map), had) for it, content, had in merging.contents
            ]
            is_done = refill(contents, keeper.remember)
            if is_done:
                break
        if not is_done:
            if cls is None:
                self._namespace[here] = theirs  # what is put into it from now on is put there
            merging = Merging(known, is_same, stays, goes_in=False)
            if not merging.merge(*texts, mine, made):
                return None
            _put_into(theirs, made, _mapped(merging.contents[-1][1], keeper.map))
        elif since:
            _put_into(mine, [] if type(mine) is list else {}, since)
        keeper.stale += [given_up(path, key) for key in merging.given_up]
        return is_done, is_done and any(differs(it[2], it[1]) for it in contents)

    def _lose(self, lost: Lost, path: str) -> None:
        """Note that an object is lost, unless what had changed it may be gone from the text.

        Args:
            lost: The object.
            path: What the module calls it.
        """
        flow = self._flow
        assert flow is not None
        gone = (it.old for it in self._plan.changes if it.kind != "keep" and it.old is not None)
        if not any(_changes(flow.facts_of(it, before=True), path) for it in gone):
            self.lost.append(lost)

    def _globals(self) -> set[str]:
        """Return the names of the module that functions bind."""
        if self._bound_in_functions is None:
            found = [globals_in(it) for change in self._plan.changes for it in _both(change)]
            self._bound_in_functions = set().union(*found)
        return self._bound_in_functions

    def _is_changed_at_top(self, path: str, mine: Any, cls: type | None, has_more: bool) -> bool:
        """Tell whether an object is changed in place by statements that are executed once more when
        it is another, or may be by what they call.

        Args:
            path: What the module calls it.
            mine: The object.
            cls: The class that it is in.
            has_more: It has more than was written out, and what they call may have put it there.
        """
        owner, _, name = path.rpartition(".")
        if cls is not None:
            places = [(self._module, owner, name), *readers_of_attributes([(cls, {name})])]
        else:
            holders = names_holding([mine])
            names = {id(self._module): (self._module, {name})}
            for module, bound, _ in holders:
                names.setdefault(id(module), (module, set()))[1].add(bound)
            places = [(it, "", bound) for it, bound, _ in holders]
            places += [(self._module, "", name), *readers(names.values())]
        for module, outer, bound in places:
            full = f"{outer}.{bound}" if outer else bound
            statements = self._statements(module)
            if any(_changes(found, full) for _, found in statements if found.mutated):
                return True
            if has_more and any(_may_fill(it, bound) for it, _ in statements):
                return True
        return False

    def _statements(self, module: ModuleType) -> list[tuple[ast.stmt, Facts]]:
        """Return the statements at the top of a module, each with what it does."""
        known = self._others.get(id(module))
        if known is None:
            flow, tree = self._flow, None
            if module is self._module and flow is not None:
                known = [
                    (it, flow.facts_of(it, before=it is change.old))
                    for change in self._plan.changes
                    for it in _both(change)
                ]
            else:
                tree = self._tree_of(module)
                known = [(it, facts(it)) for it in (tree.body if tree is not None else ())]
            self._others[id(module)] = known
        return known


def _both(change: Change) -> Iterator[ast.stmt]:
    return (it for it in (change.old, change.new) if it is not None)


def _only_name(change: Change) -> str:
    """Return the name that a statement binds alone, and has bound; nothing if there is none."""
    if change.kind != "run" or not (
        isinstance(change.old, ASSIGNMENT) and isinstance(change.new, ASSIGNMENT)
    ):
        return ""
    name = only_name(change.new) or ""
    return "" if name != only_name(change.old) or is_special(name) else name


def _texts(old: ast.stmt | None, new: ast.stmt | None) -> Texts | None:
    """Return how a value was written out, and how it is; None where parts of it have names."""
    if not isinstance(old, ASSIGNMENT) or not isinstance(new, ASSIGNMENT):
        return None
    if not isinstance(old.value, DISPLAY) or not isinstance(new.value, DISPLAY):
        return None
    if any(isinstance(it, ast.NamedExpr) for text in (old, new) for it in ast.walk(text)):
        return None
    return old.value, new.value


def _written_in(definition: ast.ClassDef | None) -> dict[str, ast.stmt]:
    """Return the statements of a class that alone bind a name, by that name."""
    found: dict[str, ast.stmt] = {}
    counts: Counter[str] = Counter()
    if definition is None:
        return found
    for statement in definition.body:
        of_one = ast.ClassDef(definition.name, [], [], [statement], [])
        names = names_in_class(of_one)
        counts.update(names)
        if isinstance(statement, ASSIGNMENT) and only_name(statement) is not None:
            found.update((it, statement) for it in names if not is_special(it))
    return {name: it for name, it in found.items() if counts[name] == 1}


def _is_made_by_classes(expression: ast.expr, known: Callable[[ast.expr], Any]) -> bool:
    """Tell whether nothing is called to make something but classes, whose instances go on as they
    are: what a function returns may be something else when its body has changed.
    """
    waiting: list[ast.AST] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and not is_class(known(node.func)):
            return False
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return True


def _names_in(expression: ast.expr) -> Iterator[str]:
    return (it.id for it in ast.walk(expression) if isinstance(it, ast.Name))


def _known(
    expression: ast.expr, start: Mapping[str, Any], is_same: Callable[[ast.expr], bool]
) -> Any:
    """Return what an expression of the old text was, where nothing has to be executed for that."""
    match expression:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Tuple(elts=items):
            found = tuple(_known(it, start, is_same) for it in items)
            return UNKNOWN if is_one_of(UNKNOWN, found) else found
        case ast.Name(id=name):
            return start.get(name, getattr(builtins, name, UNKNOWN))
        case ast.Attribute(value=owner, attr=name) if is_same(expression):
            return _attribute(_known(owner, start, is_same), name)
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


def _made_by_text(text: ast.expr, made: Any, *, is_public: bool) -> tuple[Any, Any]:
    """Return what a text has made of an object that it has just made, and what other threads have
    put into it since, by the name that it had for a moment.

    Args:
        text: How it is written.
        made: The object.
        is_public: It had a name.
    """
    if is_public and isinstance(text, ast.Dict) and type(made) is dict:
        items, count = list(made.items()), len(text.keys)
        return dict(items[:count]), dict(items[count:])
    if is_public and isinstance(text, ast.List) and type(made) is list:
        return made[: len(text.elts)], made[len(text.elts) :]
    return made.copy(), None


def _put_into(target: Any, before: Any, content: Any) -> None:
    """Put more into an object into which others may put something at the same time.

    Args:
        target: The object.
        before: What of it gives way to the content.
        content: What is to be in it.
    """
    if type(target) is dict:
        for key in before.keys() - content.keys():
            target.pop(key, None)
        target.update(content)
    elif type(target) is set:
        target.difference_update(before - content)
        target.update(content)
    elif before:
        target[: len(before)] = content
    else:
        target.extend(content)


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


def _may_fill(statement: ast.stmt, name: str) -> bool:
    """Tell whether a statement gives an object to something that may put more into it."""
    if isinstance(statement, DEFINITION):
        return False
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in _READS_ONLY:
                continue
            for inner in (*node.args, *(it.value for it in node.keywords)):
                if any(
                    (it.id if isinstance(it, ast.Name) else getattr(it, "attr", "")) == name
                    for it in ast.walk(inner)
                    if isinstance(it, ast.Name | ast.Attribute)
                ):
                    return True
    return False
