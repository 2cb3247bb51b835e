"""Which statement of the old text has become which of the new one."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from copy import copy
from typing import Protocol

from mighty_patcher.engine.changes import NEW, Change, bound_by
from mighty_patcher.engine.report import LINES_MOVED
from mighty_patcher.engine.trees import (
    BLOCK,
    DEFINITION_OR_CLASS,
    IMPORT,
    branches_of,
    digest,
    is_moved,
)

__all__ = ["Imports", "Matching", "places_of_gone"]


class Sameness(Protocol):
    """Says what makes two statements the same; of each it is told if it is a new one."""

    def evaluation(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two evaluate the same, whatever functions do."""

    def content(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two are the same, but for their positions."""

    def header(self, statement: ast.stmt, is_new: bool) -> Hashable:
        """Return what tells whether the headers of two blocks evaluate the same."""


class Matching:
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
        planner: Sameness,
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
        return is_moved(old, new)

    def _contents(self, planner: Sameness) -> tuple[list[Hashable], list[Hashable]]:
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


def places_of_gone(
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


def _name_key(statement: ast.stmt, is_new: bool, planner: Sameness) -> Hashable:
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
    if isinstance(statement, BLOCK):
        return planner.header(statement, is_new)
    name = getattr(statement, "name", None)
    return type(statement), name.id if isinstance(name, ast.Name) else None


def _definition_key(statement: ast.stmt, _is_new: bool) -> Hashable:
    """Return what tells definitions of one name apart: an overload, a setter, the rest."""
    if not isinstance(statement, DEFINITION_OR_CLASS):
        return None
    return type(statement).__name__, statement.name, digest(statement.decorator_list)


def _kind_key(statement: ast.stmt, _is_new: bool) -> Hashable:
    return type(statement).__name__ if isinstance(statement, BLOCK) else None


def _set_in(block: ast.stmt) -> Iterator[str]:
    """Yield the names that a block obviously sets."""
    for _, body in branches_of(block):
        for statement in body:
            match statement:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    yield statement.name
                case ast.Import() | ast.ImportFrom():
                    yield from map(bound_by, statement.names)
                case ast.Assign(targets=targets):
                    yield from (target.id for target in targets if isinstance(target, ast.Name))
                case _ if isinstance(statement, BLOCK):
                    yield from _set_in(statement)


class Imports:
    """Compares imports name by name, wherever they stand: to sort them is no change.

    Args:
        olds: All old statements.
        news: All new statements.
        matching: What is known about them; imports that are the same are out of question.
    """

    def __init__(
        self, olds: Sequence[ast.stmt], news: Sequence[ast.stmt], matching: Matching
    ) -> None:
        self.changes: dict[int, Change] = {}
        self._olds = olds
        self._rest: dict[int, list[ast.alias]] = {}
        matched = set(matching.old_of)
        places: dict[Hashable, deque[tuple[int, ast.alias]]] = defaultdict(deque)
        for place, old in enumerate(olds):
            if isinstance(old, IMPORT) and place not in matched:
                self._rest[place] = list(old.names)
                for alias in old.names:
                    places[_alias_key(old, alias)].append((place, alias))
        for at, new in enumerate(news):
            if isinstance(new, IMPORT) and matching.old_of[at] is None:
                self.changes[at] = self._change(new, places)

    def is_taken_over(self, place: int) -> bool:
        """Tell whether all that an old import imports is imported by new ones."""
        return place in self._rest and not self._rest[place]

    def rest_of(self, place: int) -> ast.stmt:
        """Return an old statement without what new imports have taken over."""
        statement, names = self._olds[place], self._rest.get(place)
        if names is None or not isinstance(statement, IMPORT) or names == statement.names:
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
                names.append(bound_by(alias))
        if not names and old is not None:
            return Change("keep", old, new, LINES_MOVED)
        if old is None:
            return Change("run", None, new, NEW)
        reason = f"it imports {', '.join(names)}, too"
        return Change("run", old, new, reason, names=tuple(names))


def _alias_key(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> Hashable:
    lazy = getattr(statement, "is_lazy", 0)  # PEP 810
    if isinstance(statement, ast.Import):
        return None, alias.name, alias.asname, lazy
    return statement.level, statement.module, alias.name, alias.asname, lazy
