"""Two versions of a module: what becomes of each statement.

Pure: only syntax trees are looked at. What follows from the flow of values (``B = A * 2`` where A
changed, an order that changed) is for :mod:`mighty_patcher.engine.dataflow`; this room compares.

Three kinds of statement cannot simply be run again when their line is edited:

* ``x += 1``. On top of the old result it would count twice. It is run as a part of its chain: the
  last plain binding of x before it (``x = 0``), it, and every later statement that builds on x, so
  that x is what a fresh run gives it (`Flow` finds them). Where nothing in the module sets x, it is
  run once, on top of what is there. If it is removed, the rest of the chain is run; if there is no
  chain, its effect stays.
* ``registry.append(1)`` and any other bare call, and ``table[k] += 1``. The new one is run once.
  The effect of the old one stays, whether the line was edited or removed: nobody can revert it.
* A statement in a loop. The others feed it, so that the loop is run as a whole.
"""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

from mighty_patcher.engine.report import LINES_MOVED
from mighty_patcher.engine.toplevel import (
    is_main_guard,
    is_never_run,
    names_bound,
    type_checking_names,
)

__all__ = [
    "DOCSTRING_CHANGED",
    "DOCSTRING_GONE",
    "Change",
    "Plan",
    "branches_of",
    "digest",
    "lines_of",
    "plan",
    "pruned",
]

Kind = Literal["keep", "patch", "run", "remove"]

DOCSTRING_CHANGED = "the docstring changed"
"""The reason of the one statement that is not run but assigned: to ``__doc__``."""
DOCSTRING_GONE = "the docstring is gone"
"""The reason for which ``__doc__`` becomes None."""
_NEW = "it is new"
_GONE = "it is gone from the source"
_BODY = "its body changed"
_NEVER_RUN = "a reload never runs it"
_EFFECT_STAYS = "the effect of the old one stays"

_Def = (ast.FunctionDef, ast.AsyncFunctionDef)
_Import = (ast.Import, ast.ImportFrom)
_Assignment = (ast.Assign, ast.AnnAssign)
_Loop = (ast.For, ast.AsyncFor, ast.While)
_With = (ast.With, ast.AsyncWith)
_Try = (ast.Try, ast.TryStar)
_Block = (ast.If, *_Loop, *_With, *_Try, ast.Match)


@dataclass(frozen=True)
class Change:
    """What becomes of one statement.

    Attributes:
        kind: ``keep``, ``patch`` (bodies of functions changed), ``run`` or ``remove``.
        old: The statement in the old text, if it was there.
        new: The statement in the new text, unless it is to be removed.
        reason: Why, in words.
        children: The statements in it: those of a class, or those of a block whose header is the
            same. None where it is one whole.
        header: The decorators, bases, keywords or type parameters of a class changed, or what
            decides whether the statements of a block run.
        branch: Where in the enclosing block it stands: ``body``, ``orelse``, ``finalbody``,
            ``handlers.0``, ``cases.1``.
        names: Of an import, the names it has to bind if not all; with ``*``, of an import of
            everything, it has to bind all. Of an assignment it is empty where the annotation alone
            changed: the value is not computed again.
        fixed: It cannot be run now, whatever changes: it is being executed, or stands below that.
    """

    kind: Kind
    old: ast.stmt | None
    new: ast.stmt | None
    reason: str
    children: tuple[Change, ...] | None = None
    header: bool = False
    branch: str = "body"
    names: tuple[str, ...] | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Plan:
    """What becomes of the statements of a module.

    Attributes:
        changes: In the order of the new text; what is removed stands before what followed it.
        future_annotations: ``from __future__ import annotations`` is in force in the new text.
        type_checking: The names by which the new text knows ``typing.TYPE_CHECKING``.
    """

    changes: tuple[Change, ...]
    future_annotations: bool = False
    type_checking: frozenset[str] = frozenset({"TYPE_CHECKING"})


def plan(old: ast.Module, new: ast.Module, texts: tuple[str, str] | None = None) -> Plan:
    """Compare two versions of a module, statement by statement.

    Args:
        old: The syntax tree in force.
        new: The syntax tree that was saved.
        texts: The sources of the two, if at hand: what is spelt alike need not be looked into.
    """
    futures = _has_future_annotations(old), _has_future_annotations(new)
    names = type_checking_names(new)
    planner = _Planner(futures, type_checking_names(old) | names, (old, new))
    lines = None
    if texts is not None and futures[0] == futures[1]:
        lines = _lines(texts[0]), _lines(texts[1])
    return Plan(tuple(planner.body(old.body, new.body, "body", lines)), futures[1], names)


def lines_of(plan: Plan) -> dict[int, int]:
    """Return where each statement that is in both texts begins in the old one, and in the new one.

    With the first line of the decorators, if there are any; and for a statement that is kept as it
    is, each line of it.
    """
    found: dict[int, int] = {}
    waiting = list(plan.changes)
    while waiting:
        change = waiting.pop()
        old, new = change.old, change.new
        waiting += change.children or ()
        if old is None or new is None or isinstance(new, _Import):
            continue
        first, last = _first_line(old), old.end_lineno or 0
        now, end = _first_line(new), new.end_lineno or 0
        same = change.kind == "keep" and last - first == end - now
        lines = range(first, last + 1) if same else (first,)
        found |= {line: line + now - first for line in lines}
    return found


def pruned(change: Change) -> ast.stmt | None:
    """Return what has to be executed for a change, with its positions in the new text.

    Of an import, that is the names that it did not import before. Of a block whose header is the
    same, a copy that has only the statements that must run, so that the header decides again
    whether they do; branches without any are left empty. A class is one whole.

    Of a ``try``, the statements of its body that must run are executed under the same handlers,
    after the imports that stand before them, which decide how far it gets. If a handler, ``else``
    or ``finally`` changed, the whole ``try`` is executed: nobody knows which handler had run. So is
    one that has a ``finally`` at all, for that clears up after everything in the body; and so is a
    loop.

    Args:
        change: A change of a plan.

    Returns:
        A statement, not to be changed; None if there is nothing to execute.
    """
    statement = change.new
    if statement is None or change.kind != "run":
        return None
    if isinstance(statement, _Import) and change.names is not None:
        part = copy(statement)
        if not (part.names[0].name == "*" and "*" in change.names):
            part.names = [it for alias in part.names for it in _wanted(alias, change.names)]
        return part if part.names else None
    if change.names == ():
        return _annotation_of(statement)
    if change.children is None or change.header or not isinstance(statement, _Block):
        return _inert(statement)
    runs = [child for child in change.children if child.kind in ("run", "remove")]
    if isinstance(statement, _Loop):
        return _inert(statement) if runs else None
    if isinstance(statement, _Try) and (
        any(child.branch != "body" for child in runs) or (runs and statement.finalbody)
    ):
        return _inert(statement)
    branches: dict[str, list[ast.stmt]] = defaultdict(list)
    before: list[ast.stmt] = []
    for child in change.children:
        needed = pruned(child)
        if needed is not None:
            branches[child.branch] += [*before, needed]
            before = []
        elif isinstance(statement, _Try) and isinstance(child.new, _Import):
            before.append(child.new)
    return _with_branches(statement, branches) if branches else None


# --- comparing ------------------------------------------------------------------------------------


class _Planner:
    """Compares statements.

    Args:
        futures: Whether annotations are strings in the old text, and in the new.
        type_checking: The names of ``typing.TYPE_CHECKING`` in either.
        trees: Both texts.
    """

    def __init__(
        self,
        futures: tuple[bool, bool],
        type_checking: frozenset[str],
        trees: tuple[ast.Module, ast.Module],
    ) -> None:
        self.futures = futures
        self._trees = trees
        self.type_checking = type_checking
        self._classes = 0  # as many are being looked into

    def body(
        self,
        olds: Sequence[ast.stmt],
        news: Sequence[ast.stmt],
        branch: str,
        lines: tuple[list[str], list[str]] | None = None,
    ) -> Iterator[Change]:
        """Compare two lists of statements.

        Args:
            olds: The old ones.
            news: The new ones.
            branch: Where they stand.
            lines: The lines of both texts, if these are the statements of modules.
        """
        yield from self._docstring(olds, news, branch)
        olds = [statement for statement in olds if not _is_text(statement)]
        news = [statement for statement in news if not _is_text(statement)]
        spelt = None
        if lines is not None:
            spelt = _segments(olds, lines[0]), _segments(news, lines[1])
        matching = _Matching(olds, news, self, spelt)
        imports = _Imports(olds, news, matching)
        matched = {place: at for at, place in enumerate(matching.old_of) if place is not None}
        gone = [
            place
            for place in range(len(olds))
            if place not in matched and not imports.is_taken_over(place)
        ]
        waiting: dict[int, list[int]] = defaultdict(list)
        for place, at in _places_of_gone(gone, len(olds), len(news), matched):
            waiting[at].append(place)
        for at in range(len(news) + 1):
            for place in waiting.get(at, ()):
                yield self._removed(imports.rest_of(place), branch)
            if at < len(news):
                change = self._change(at, matching, imports)
                yield change if branch == "body" else replace(change, branch=branch)

    def _docstring(
        self, olds: Sequence[ast.stmt], news: Sequence[ast.stmt], branch: str
    ) -> Iterator[Change]:
        """Compare the string that a body begins with; other strings are of no consequence."""
        old = olds[0] if olds and _is_text(olds[0]) else None
        new = news[0] if news and _is_text(news[0]) else None
        if new is not None:
            same = old is not None and digest(old) == digest(new)
            moved = LINES_MOVED if same and old and old.lineno != new.lineno else ""
            yield (
                Change("keep", old, new, moved, branch=branch)
                if same
                else Change("run", old, new, DOCSTRING_CHANGED, branch=branch)
            )
        elif old is not None:
            yield Change("remove", old, None, DOCSTRING_GONE, branch=branch)

    def _removed(self, statement: ast.stmt, branch: str) -> Change:
        reason = _GONE
        if _only_acts(statement):
            reason = f"{_GONE}; its effect stays"
        return Change("remove", statement, None, reason, branch=branch)

    def _change(self, at: int, matching: _Matching, imports: _Imports) -> Change:
        new, place = matching.news[at], matching.old_of[at]
        if at in imports.changes:
            return imports.changes[at]
        if place is None:
            return self._added(new)
        old = matching.olds[place]
        if matching.is_identical[at]:
            return self._kept(old, new, matching.is_shifted(at))
        return self._compare(old, new)

    def _kept(self, old: ast.stmt, new: ast.stmt, is_shifted: bool, branch: str = "body") -> Change:
        """Say of two statements that are the same, and of all in them, that they are kept."""
        children = None
        if isinstance(new, (ast.ClassDef, *_Block)):
            children = tuple(
                self._kept(was, child, was.lineno != child.lineno, name)
                for name, body in self._looked_into(new)
                for was, child in zip(_branch(old, name), body, strict=True)
                if not _is_text(child) or isinstance(new, ast.ClassDef)
            )
        return Change("keep", old, new, LINES_MOVED if is_shifted else "", children, branch=branch)

    def _added(self, new: ast.stmt) -> Change:
        if is_never_run(new, self.type_checking) and isinstance(new, ast.If) and not new.orelse:
            return Change("keep", None, new, _NEVER_RUN)
        return Change("run", None, new, _NEW)

    def _compare(self, old: ast.stmt, new: ast.stmt) -> Change:
        """Compare two statements that are not the same but belong together."""
        if isinstance(new, ast.ClassDef):
            assert isinstance(old, ast.ClassDef)
            return self._compared_class(old, new)
        if isinstance(new, _Block):
            return self._compared_block(old, new)
        if self.evaluation(old, False) == self.evaluation(new, True):
            return Change("patch", old, new, _BODY)
        if not self._classes and self._has_same_value(old, new):
            return Change("run", old, new, _REASONS["annotation"], names=())
        return Change("run", old, new, self._why(old, new))

    def _has_same_value(self, old: ast.stmt, new: ast.stmt) -> bool:
        """Tell whether two statements that differ assign the same to the same name."""
        if not isinstance(old, _Assignment) or not isinstance(new, _Assignment):
            return False
        if old.value is None or new.value is None or _only_name(new) is None:
            return False
        return _only_name(old) == _only_name(new) and (
            self._evaluated(old.value, False) == self._evaluated(new.value, True)
        )

    def _compared_class(self, old: ast.ClassDef, new: ast.ClassDef) -> Change:
        self._classes += 1
        children = self._children(old, new)
        self._classes -= 1
        differs = self._differing(old, new, ("body", "bases"))
        if self._evaluated(self._bases(old), False) != self._evaluated(self._bases(new), True):
            differs.insert(0, "bases")
        if differs:
            return Change("run", old, new, _reason_of(differs), children, header=True)
        if not _are_in_order(children):
            return Change("run", old, new, "its order changed", children, header=True)
        is_patched = digest(old, skip_body=True) != digest(new, skip_body=True)
        return _folded(Change("keep", old, new, "", children), is_patched)

    def _bases(self, statement: ast.ClassDef) -> list[ast.expr]:
        """Return the bases of a class; ``class A(object)`` has none but those of ``class A``."""
        match statement.bases:
            case [ast.Name(id="object")] if self._object_is_builtin:
                return []
        return statement.bases

    @cached_property
    def _object_is_builtin(self) -> bool:
        return all("object" not in names_bound(tree) for tree in self._trees)

    def _compared_block(self, old: ast.stmt, new: ast.stmt) -> Change:
        never = is_never_run(new, self.type_checking)
        if never and isinstance(old, ast.If) and isinstance(new, ast.If):
            children = self._children(old, new)
            change = _folded(Change("keep", old, new, _NEVER_RUN, children), False)
            return replace(change, reason=_NEVER_RUN) if change.kind == "keep" else change
        if self.header(old, False) != self.header(new, True):
            return Change("run", old, new, _BLOCK_REASONS[type(new)], header=True)
        return _folded(Change("keep", old, new, "", self._children(old, new)), False)

    def _children(self, old: ast.stmt, new: ast.stmt) -> tuple[Change, ...]:
        """Compare what stands in two statements of one kind, whose headers are the same."""
        found: list[Change] = []
        for name, body in self._looked_into(new):
            was = _branch(old, name)
            if not isinstance(new, ast.ClassDef):
                was, body = _no_text(was), _no_text(body)
            found += self.body(was, body, name)
        return tuple(found)

    def _looked_into(self, statement: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
        never = is_never_run(statement, self.type_checking)
        for name, body in branches_of(statement):
            if name == "orelse" or not never:
                yield name, body

    def evaluation(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two statements evaluate the same, whatever functions do."""
        return digest(statement, skip_functions=True, salt=self.futures[is_new])

    def content(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two statements are the same, but for their positions."""
        return digest(statement, salt=self.futures[is_new])

    def header(self, statement: ast.stmt, is_new: bool) -> Hashable:
        """Return what tells whether the headers of two blocks evaluate the same."""
        if is_never_run(statement, self.type_checking):
            return is_main_guard(statement)
        parts: list[ast.AST] = []
        match statement:
            case ast.If(test=test) | ast.While(test=test):
                parts = [test]
            case ast.For() | ast.AsyncFor():
                parts = [statement.target, statement.iter]
            case ast.With() | ast.AsyncWith():
                parts = list(statement.items)
            case ast.Match():
                parts = [statement.subject]
                for case in statement.cases:
                    parts += [case.pattern, case.guard or ast.Constant(True)]
            case ast.Try() | ast.TryStar():
                for handler in statement.handlers:
                    parts += [handler.type or ast.Constant(None), ast.Name(handler.name or "")]
                parts.append(ast.Constant(bool(statement.finalbody)))
        return type(statement), tuple(self.evaluation(part, is_new) for part in parts)

    def _differing(self, old: ast.stmt, new: ast.stmt, but: tuple[str, ...]) -> list[str]:
        """List the fields of a statement that evaluate differently."""
        if type(old) is not type(new):
            return ["kind"]
        names = [name for name in new._fields if name not in (*but, "type_comment")]
        return [
            name
            for name in names
            if self._evaluated(getattr(old, name, None), False)
            != self._evaluated(getattr(new, name, None), True)
        ]

    def _evaluated(self, value: object, is_new: bool) -> Hashable:
        return digest(value, skip_functions=True, salt=self.futures[is_new])

    def _why(self, old: ast.stmt, new: ast.stmt) -> str:
        if _only_acts(new):
            return f"it changed; {_EFFECT_STAYS}"
        if isinstance(new, _Def):
            differs = self._differing(old, new, ("body", "args"))
            if differs or not isinstance(old, _Def):
                return _reason_of(differs)
            return self._why_arguments(old.args, new.args)
        if isinstance(new, ast.AugAssign):
            return "its value changed"
        differs = self._differing(old, new, ())
        if differs == ["annotation"]:
            return _reason_of(differs)
        return "its value changed" if isinstance(new, ast.Assign | ast.AnnAssign) else "it changed"

    def _why_arguments(self, old: ast.arguments, new: ast.arguments) -> str:
        def of(arguments: ast.arguments) -> Iterator[ast.arg | None]:
            yield from (*arguments.posonlyargs, None, *arguments.args, arguments.vararg)
            yield from (*arguments.kwonlyargs, arguments.kwarg)

        was = [argument and argument.arg for argument in of(old)]
        if was != [argument and argument.arg for argument in of(new)]:
            return "its parameters changed"
        for name in ("defaults", "kw_defaults"):
            if self._evaluated(getattr(old, name), False) != self._evaluated(
                getattr(new, name), True
            ):
                return "a default changed"
        return "an annotation changed"


_REASONS = {
    "decorator_list": "a decorator changed",
    "bases": "its bases changed",
    "keywords": "its keywords changed",
    "type_params": "its type parameters changed",
    "returns": "an annotation changed",
    "annotation": "its annotation changed",
}
_BLOCK_REASONS = {
    ast.If: "its condition changed",
    ast.While: "its condition changed",
    ast.For: "what it goes through changed",
    ast.AsyncFor: "what it goes through changed",
    ast.With: "what it enters changed",
    ast.AsyncWith: "what it enters changed",
    ast.Try: "what it catches changed",
    ast.TryStar: "what it catches changed",
    ast.Match: "its cases changed",
}


def _reason_of(differing: list[str]) -> str:
    return _REASONS.get(differing[0], "it changed") if differing else "it changed"


def _are_in_order(changes: Iterable[Change]) -> bool:
    """Tell whether what is in both texts is evaluated in the same order in both."""
    pairs = [(it.old, it.new) for it in changes if it.old is not None and it.new is not None]
    if all(one.lineno <= two.lineno for (one, _), (two, _) in pairwise(pairs)):
        return True
    olds = sorted((old for old, _ in pairs), key=lambda statement: statement.lineno)
    return [digest(it, skip_functions=True) for it in olds] == [
        digest(new, skip_functions=True) for _, new in pairs
    ]


def _folded(change: Change, is_patched: bool) -> Change:
    """Decide what becomes of a statement by what becomes of those in it."""
    children = change.children or ()
    kinds = {child.kind for child in children}
    if kinds & {"run", "remove"}:
        return replace(change, kind="run", reason="a statement in it changed")
    if "patch" in kinds or is_patched:
        return replace(change, kind="patch", reason=_BODY)
    moved = change.old is not None and change.new is not None and _is_moved(change.old, change.new)
    moved = moved or any(child.reason for child in children)
    return replace(change, reason=LINES_MOVED if moved else change.reason)


# --- which statement has become which -------------------------------------------------------------


class _Matching:
    """Finds out which old statement each new one was.

    First what is the same, wherever it went; then, between what stayed in order, and after that
    anywhere: what evaluates the same, and what binds the same names.

    Args:
        olds: The old statements.
        news: The new ones.
        planner: Knows what is the same.
        spelt: How the statements are spelt, where that is known.
    """

    def __init__(
        self,
        olds: Sequence[ast.stmt],
        news: Sequence[ast.stmt],
        planner: _Planner,
        spelt: tuple[list[str | None], list[str | None]] | None,
    ) -> None:
        self.olds, self.news = olds, news
        self.old_of: list[int | None] = [None] * len(news)
        self._spelt = spelt
        self._free = set(range(len(olds)))
        old_keys, new_keys = self._contents(planner)
        anchors = self._match_same(old_keys, new_keys)
        self.is_identical = [place is not None for place in self.old_of]
        if not self._free or None not in self.old_of:
            return
        old_gaps = _gaps(len(olds), [place for place, _ in anchors])
        new_gaps = _gaps(len(news), [at for _, at in anchors])
        levels: list[Callable[[ast.stmt, bool], Hashable]] = [
            planner.evaluation,
            _definition_key,
            lambda statement, is_new: _name_key(statement, is_new, planner),
        ]
        for level in levels:
            self._match_by(level, (old_gaps, new_gaps))
        for level in levels:
            self._match_by(level, None)
        self._match_by(_kind_key, (old_gaps, new_gaps))

    def is_shifted(self, at: int) -> bool:
        """Tell whether the lines of a statement that is the same have moved."""
        place = self.old_of[at]
        assert place is not None
        old, new = self.olds[place], self.news[at]
        if self._spelt is not None:
            spelling = self._spelt[1][at]
            if spelling is not None and spelling == self._spelt[0][place]:
                return old.lineno != new.lineno
        return _is_moved(old, new)

    def _contents(self, planner: _Planner) -> tuple[list[Hashable], list[Hashable]]:
        """Return keys of all statements that are equal where the statements are the same."""
        if self._spelt is None:
            return (
                [planner.content(statement, False) for statement in self.olds],
                [planner.content(statement, True) for statement in self.news],
            )
        old_spelt, new_spelt = self._spelt
        # What is spelt alike as often in both can only pair up with itself.
        counts = Counter(old_spelt), Counter(new_spelt)
        shared = {text for text in counts[0] if text and counts[0][text] == counts[1][text]}
        return (
            [
                text if text in shared else planner.content(statement, False)
                for statement, text in zip(self.olds, old_spelt, strict=True)
            ],
            [
                text if text in shared else planner.content(statement, True)
                for statement, text in zip(self.news, new_spelt, strict=True)
            ],
        )

    def _match_same(
        self, old_keys: list[Hashable], new_keys: list[Hashable]
    ) -> list[tuple[int, int]]:
        """Match what is the same; return the pairs that are in order, old place and new."""
        start, ends = 0, min(len(old_keys), len(new_keys))
        while start < ends and old_keys[start] == new_keys[start]:
            start += 1
        end = 0
        while end < ends - start and old_keys[-1 - end] == new_keys[-1 - end]:
            end += 1
        places: dict[Hashable, deque[int]] = defaultdict(deque)
        for place in range(start, len(old_keys) - end):
            places[old_keys[place]].append(place)
        middle = [
            (places[key].popleft(), at)
            for at, key in enumerate(new_keys[start : len(new_keys) - end], start)
            if places.get(key)
        ]
        pairs = [(place, place) for place in range(start)]
        tail = [(len(old_keys) - i, len(new_keys) - i) for i in range(end, 0, -1)]
        for place, at in (*pairs, *middle, *tail):
            self._pair(place, at)
        return [*pairs, *_in_order(middle), *tail]

    def _pair(self, place: int, at: int) -> None:
        self.old_of[at] = place
        self._free.discard(place)

    def _match_by(
        self,
        key_of: Callable[[ast.stmt, bool], Hashable],
        gaps: tuple[list[int], list[int]] | None,
    ) -> None:
        """Match what is left by a key, in order; if gaps are given, only within one."""
        waiting = [at for at, place in enumerate(self.old_of) if place is None]
        if not self._free or not waiting:
            return
        places: dict[Hashable, deque[int]] = defaultdict(deque)
        for place in sorted(self._free):
            key = key_of(self.olds[place], False)
            if key is not None:
                places[key, gaps and gaps[0][place]].append(place)
        for at in waiting:
            found = places.get((key_of(self.news[at], True), gaps and gaps[1][at]))
            if found:
                self._pair(found.popleft(), at)


def _in_order(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return a longest part of some pairs in which the first members increase, too."""
    tails: list[int] = []  # the pair that ends the best increasing part of each length
    firsts: list[int] = []
    previous: list[int] = []
    for index, (first, _) in enumerate(pairs):
        length = bisect_left(firsts, first)
        previous.append(tails[length - 1] if length else -1)
        tails[length : length + 1] = [index]
        firsts[length : length + 1] = [first]
    found: list[tuple[int, int]] = []
    index = tails[-1] if tails else -1
    while index >= 0:
        found.append(pairs[index])
        index = previous[index]
    return found[::-1]


def _places_of_gone(
    gone: list[int], old_count: int, new_count: int, matched: dict[int, int]
) -> Iterator[tuple[int, int]]:
    """Say where what is gone would stand: after what was before it, but before what followed."""
    followers: dict[int, int] = {}
    follower = new_count
    for place in range(old_count - 1, -1, -1):
        followers[place] = follower = matched.get(place, follower)
    at, left = 0, deque(gone)
    for place in range(old_count):
        if left and left[0] == place:
            yield left.popleft(), min(at, followers[place])
        elif place in matched:
            at = matched[place] + 1


def _gaps(count: int, anchors: list[int]) -> list[int]:
    """Number places by how many anchors stand before them."""
    gaps, before, is_anchor = [], 0, set(anchors)
    for place in range(count):
        before += place in is_anchor
        gaps.append(before)
    return gaps


def _name_key(statement: ast.stmt, is_new: bool, planner: _Planner) -> Hashable:
    """Return what makes two statements versions of one: what they define, or where they decide."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return "def", statement.name
        case ast.ClassDef():
            return "class", statement.name
        case ast.Assign():
            return "assign", tuple(map(ast.unparse, statement.targets))
        case ast.AnnAssign():
            return "assign", (ast.unparse(statement.target),)
        case ast.AugAssign():
            return "augmented", ast.unparse(statement.target)
        case ast.Expr(value=ast.Call(func=function) | ast.Await(value=ast.Call(func=function))):
            return "call", ast.unparse(function)
        case ast.Import() | ast.ImportFrom():
            return None
        case ast.Try() | ast.TryStar():
            return planner.header(statement, is_new), frozenset(_set_in(statement))
    if isinstance(statement, _Block):
        return planner.header(statement, is_new)
    name = getattr(statement, "name", None)
    return type(statement), name.id if isinstance(name, ast.Name) else None


def _definition_key(statement: ast.stmt, _is_new: bool) -> Hashable:
    """Return what tells definitions of one name apart: an overload, a setter, the rest."""
    if not isinstance(statement, (ast.ClassDef, *_Def)):
        return None
    return type(statement).__name__, statement.name, digest(statement.decorator_list)


def _kind_key(statement: ast.stmt, _is_new: bool) -> Hashable:
    return type(statement).__name__ if isinstance(statement, _Block) else None


def _set_in(block: ast.stmt) -> Iterator[str]:
    """Yield the names that a block obviously sets."""
    for _, body in branches_of(block):
        for statement in body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    yield statement.name
                case ast.Import() | ast.ImportFrom():
                    yield from map(_bound, statement.names)
                case ast.Assign(targets=targets):
                    yield from (target.id for target in targets if isinstance(target, ast.Name))
                case _ if isinstance(statement, _Block):
                    yield from _set_in(statement)


class _Imports:
    """Compares imports name by name, wherever they stand: to sort them is no change.

    Args:
        olds: All old statements.
        news: All new statements.
        matching: What is known about them; imports that are the same are out of question.
    """

    def __init__(
        self, olds: Sequence[ast.stmt], news: Sequence[ast.stmt], matching: _Matching
    ) -> None:
        self.changes: dict[int, Change] = {}
        self._olds = olds
        self._rest: dict[int, list[ast.alias]] = {}
        matched = set(matching.old_of)
        places: dict[Hashable, deque[tuple[int, ast.alias]]] = defaultdict(deque)
        for place, old in enumerate(olds):
            if isinstance(old, _Import) and place not in matched:
                self._rest[place] = list(old.names)
                for alias in old.names:
                    places[_alias_key(old, alias)].append((place, alias))
        for at, new in enumerate(news):
            if isinstance(new, _Import) and matching.old_of[at] is None:
                self.changes[at] = self._change(new, places)

    def is_taken_over(self, place: int) -> bool:
        """Tell whether all that an old import imports is imported by new ones."""
        return place in self._rest and not self._rest[place]

    def rest_of(self, place: int) -> ast.stmt:
        """Return an old statement without what new imports have taken over."""
        statement, names = self._olds[place], self._rest.get(place)
        if names is None or not isinstance(statement, _Import) or names == statement.names:
            return statement
        rest = copy(statement)
        rest.names = names
        return rest

    def _change(
        self,
        new: ast.Import | ast.ImportFrom,
        places: dict[Hashable, deque[tuple[int, ast.alias]]],
    ) -> Change:
        old: ast.stmt | None = None
        names: list[str] = []
        for alias in new.names:
            found = places.get(_alias_key(new, alias))
            if found:
                place, was = found.popleft()
                self._rest[place].remove(was)
                old = old or self._olds[place]
            else:
                names.append(_bound(alias))
        if not names and old is not None:
            return Change("keep", old, new, LINES_MOVED)
        if old is None:
            return Change("run", None, new, _NEW)
        reason = f"it imports {', '.join(names)}, too"
        return Change("run", old, new, reason, names=tuple(names))


def _alias_key(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Hashable:
    lazy = getattr(statement, "is_lazy", 0)  # PEP 810
    if isinstance(statement, ast.Import):
        return None, alias.name, alias.asname, lazy
    return statement.level, statement.module, alias.name, alias.asname, lazy


def _wanted(alias: ast.alias, names: Collection[str]) -> list[ast.alias]:
    """Return what of an import has to be done to bind some names: of everything those alone."""
    if alias.name == "*":
        return [ast.copy_location(ast.alias(it), alias) for it in names]
    return [alias] if _bound(alias) in names else []


def _bound(alias: ast.alias) -> str:
    """Return the name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


# --- trees ----------------------------------------------------------------------------------------

_NO_DIFFERENCE = {"ctx", "kind", "type_comment", "type_ignores"}
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _NO_DIFFERENCE)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_WITHOUT_BODY = _FIELDS | {
    kind: tuple(name for name in _FIELDS[kind] if name != "body") for kind in (*_Def, ast.Lambda)
}


def digest(
    tree: object, *, skip_functions: bool = False, skip_body: bool = False, salt: bool = False
) -> Hashable:
    """Return a value that is equal for trees that are the same, but for their positions.

    Args:
        tree: A node, a list of nodes, or the value of another field.
        skip_functions: Leave out the bodies of functions and lambdas.
        skip_body: Leave out the body of the tree itself.
        salt: Annotations are strings; those that are not are never the same.
    """
    # Not recursive: a sum of a thousand strings is a thousand levels deep.
    fields_of = _WITHOUT_BODY if skip_functions else _FIELDS
    out: list[object] = []
    stack: list[object] = [tree]
    if skip_body:
        stack = [getattr(tree, name, None) for name in _FIELDS[type(tree)] if name != "body"]
    while stack:
        item = stack.pop()
        kind = item.__class__
        fields = fields_of.get(kind)
        if fields is not None:
            out.append(kind)
            for name in fields:
                value = getattr(item, name, None)
                stack.append(value)
                if salt and value is not None and name in ("annotation", "returns"):
                    stack.append("a string")
        elif kind is list:
            out.append(len(item))  # type: ignore[arg-type]
            stack.extend(reversed(item))  # type: ignore[call-overload]
        elif kind is str:
            out.append(item)
        else:
            # 1, 1.0 and True are equal and not the same, and so are 0.0 and -0.0.
            # A large int has no repr (sys.set_int_max_str_digits).
            out += (kind, item if kind is int else repr(item))
    return tuple(out)


def branches_of(statement: ast.stmt) -> list[tuple[str, list[ast.stmt]]]:
    """List the bodies in a statement, in the order of the source, each with its name."""
    match statement:
        case ast.Match():
            return [(f"cases.{at}", case.body) for at, case in enumerate(statement.cases)]
        case ast.Try() | ast.TryStar():
            return [
                ("body", statement.body),
                *((f"handlers.{at}", it.body) for at, it in enumerate(statement.handlers)),
                ("orelse", statement.orelse),
                ("finalbody", statement.finalbody),
            ]
        case ast.If() | ast.While() | ast.For() | ast.AsyncFor():
            return [("body", statement.body), ("orelse", statement.orelse)]
        case ast.With() | ast.AsyncWith() | ast.ClassDef():
            return [("body", statement.body)]
    return []


def decorators_in(tree: ast.AST | None) -> dict[str, list[str]]:
    """Return the decorators of functions, by qualified name; of several the last definition counts.

    Args:
        tree: A module or a class; what stands in a function is not looked at.
    """
    found: dict[str, list[str]] = {}
    for statement in getattr(tree, "body", ()):
        _add_decorators(statement, "", found)
    return found


def _add_decorators(statement: ast.stmt, prefix: str, found: dict[str, list[str]]) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        found[f"{prefix}{statement.name}"] = [ast.dump(it) for it in statement.decorator_list]
    if isinstance(statement, ast.ClassDef):
        prefix = f"{prefix}{statement.name}."
    for _, body in branches_of(statement):
        for inner in body:
            _add_decorators(inner, prefix, found)


def _branch(statement: ast.stmt, name: str) -> list[ast.stmt]:
    return next((body for branch, body in branches_of(statement) if branch == name), [])


def _with_branches(statement: ast.stmt, branches: dict[str, list[ast.stmt]]) -> ast.stmt:
    """Copy a block with other bodies; one that must not be empty gets a ``pass``."""
    block = copy(statement)

    def filled(name: str, around: ast.stmt) -> list[ast.stmt]:
        return branches.get(name) or [ast.copy_location(ast.Pass(), around)]

    if isinstance(block, ast.Match):
        cases = [copy(case) for case in block.cases]
        for at, case in enumerate(cases):
            case.body = filled(f"cases.{at}", case.body[0])
        block.cases = cases
        return block
    assert isinstance(block, (ast.If, *_Loop, *_With, *_Try))
    block.body = filled("body", block.body[0])
    if isinstance(block, ast.Try | ast.TryStar):
        block.orelse = []  # What stands there is executed after the whole body, or not at all.
    elif isinstance(block, ast.If):
        block.orelse = branches.get("orelse", [])
    return block


def _inert(statement: ast.stmt) -> ast.stmt:
    """Return a statement without what a reload never runs."""
    if not isinstance(statement, _Block):
        return statement
    never = is_never_run(statement)
    inner = {name: list(map(_inert, body)) for name, body in branches_of(statement)}
    if never:
        inner["body"] = []
    elif all(
        part is was
        for name, body in branches_of(statement)
        for part, was in zip(inner[name], body, strict=True)
    ):
        return statement
    block = _with_branches(statement, inner)
    if isinstance(block, ast.Try | ast.TryStar):
        block.orelse, block.finalbody = inner["orelse"], inner["finalbody"]
        block.handlers = [copy(handler) for handler in block.handlers]
        for at, handler in enumerate(block.handlers):
            handler.body = inner[f"handlers.{at}"]
    elif isinstance(block, _Loop):
        block.orelse = inner["orelse"]
    return block


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _no_text(body: list[ast.stmt]) -> list[ast.stmt]:
    return [statement for statement in body if not _is_text(statement)]


def _only_name(assignment: ast.Assign | ast.AnnAssign) -> str | None:
    """Return the name that an assignment binds, if it is one name and nothing else."""
    single = isinstance(assignment, ast.AnnAssign) or len(assignment.targets) == 1
    target = assignment.targets[0] if isinstance(assignment, ast.Assign) else assignment.target
    return target.id if single and isinstance(target, ast.Name) else None


def _annotation_of(statement: ast.stmt) -> ast.stmt | None:
    """Return an annotated assignment without its value; None for one without annotation."""
    if not isinstance(statement, ast.AnnAssign):
        return None
    part = copy(statement)
    part.value = None
    return part


def _only_acts(statement: ast.stmt) -> bool:
    """Tell whether a statement binds nothing, so that its effect is all there is of it."""
    match statement:
        case ast.Expr():
            return True
        case ast.AugAssign(target=target):
            return not isinstance(target, ast.Name)
    return False


def _has_future_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for statement in tree.body
    )


def _is_moved(old: ast.stmt, new: ast.stmt) -> bool:
    """Tell whether any statement in two that are the same stands on another line."""
    olds, news = [old], [new]
    while olds:
        was, now = olds.pop(), news.pop()
        if (was.lineno, was.end_lineno) != (now.lineno, now.end_lineno):
            return True
        if isinstance(was, _Def) and isinstance(now, _Def):
            olds += was.body
            news += now.body
        for name, body in branches_of(was):
            olds += body
            news += _branch(now, name)
    return False


def _lines(text: str) -> list[str]:
    """Split a source as the parser counts its lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _segments(body: Sequence[ast.stmt], lines: list[str]) -> list[str | None]:
    """Return how each statement is spelt; None where it shares a line with another."""
    found: list[str | None] = []
    firsts = [_first_line(statement) for statement in body]
    lasts = [statement.end_lineno or 0 for statement in body]
    last_before = 0
    for statement, first, last, following in zip(
        body, firsts, lasts, [*firsts[1:], len(lines) + 1], strict=False
    ):
        is_alone = last_before < first and last < following and statement.col_offset == 0
        last_before = last
        if not is_alone:
            found.append(None)
        else:
            found.append(lines[first - 1] if first == last else "\n".join(lines[first - 1 : last]))
    return found


def _first_line(statement: ast.stmt) -> int:
    decorators: list[ast.expr] | None = getattr(statement, "decorator_list", None)
    return decorators[0].lineno if decorators else statement.lineno
