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
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise

from mighty_patcher.engine.changes import (
    DOCSTRING_CHANGED,
    DOCSTRING_GONE,
    NEW,
    Change,
    Plan,
)
from mighty_patcher.engine.matching import Imports, Matching, places_of_gone
from mighty_patcher.engine.report import LINES_MOVED
from mighty_patcher.engine.toplevel import (
    is_main_guard,
    is_never_run,
    names_bound,
    type_checking_names,
)
from mighty_patcher.engine.trees import (
    ASSIGNMENT,
    BLOCK,
    DEFINITION,
    body_of,
    branches_of,
    digest,
    docstring_of,
    has_future_annotations,
    is_moved,
    is_text,
    lines_in,
    no_text,
    only_acts,
    only_name,
    segments,
)

__all__ = ["plan"]

_GONE = "it is gone from the source"
_DOCUMENTED = "it has a docstring now, which its decorators may show"
_BODY = "its body changed"
_NEVER_RUN = "a reload never runs it"
_EFFECT_STAYS = "the effect of the old one stays"


def plan(old: ast.Module, new: ast.Module, texts: tuple[str, str] | None = None) -> Plan:
    """Compare two versions of a module, statement by statement.

    Args:
        old: The syntax tree in force.
        new: The syntax tree that was saved.
        texts: The sources of the two, if at hand: what is spelt alike need not be looked into.
    """
    futures = has_future_annotations(old), has_future_annotations(new)
    names = type_checking_names(new)
    lines = None
    if texts is not None and futures[0] == futures[1]:
        lines = lines_in(texts[0]), lines_in(texts[1])
    planner = _Planner(futures, type_checking_names(old) | names, (old, new), lines)
    return Plan(tuple(planner.body(old.body, new.body, "body")), futures[1], names)


class _Planner:
    """Compares statements.

    Args:
        futures: Whether annotations are strings in the old text, and in the new.
        type_checking: The names of ``typing.TYPE_CHECKING`` in either.
        trees: Both texts.
        lines: Their lines, if at hand and if what is spelt alike is the same.
    """

    def __init__(
        self,
        futures: tuple[bool, bool],
        type_checking: frozenset[str],
        trees: tuple[ast.Module, ast.Module],
        lines: tuple[list[str], list[str]] | None,
    ) -> None:
        self.futures = futures
        self._lines = lines
        self._trees = trees
        self.type_checking = type_checking
        self._classes = 0  # as many are being looked into
        self._known: dict[tuple[int, bool, bool], Hashable] = {}  # what statements are, by identity

    def body(
        self, olds: Sequence[ast.stmt], news: Sequence[ast.stmt], branch: str
    ) -> Iterator[Change]:
        """Compare two lists of statements.

        Args:
            olds: The old ones.
            news: The new ones.
            branch: Where they stand.
        """
        yield from self._docstring(olds, news, branch)
        olds = [statement for statement in olds if not is_text(statement)]
        news = [statement for statement in news if not is_text(statement)]
        spelt = None
        if self._lines is not None:
            spelt = segments(olds, self._lines[0]), segments(news, self._lines[1])
        matching = Matching(olds, news, self, spelt)
        imports = Imports(olds, news, matching)
        matched = {place: at for at, place in enumerate(matching.old_of) if place is not None}
        gone = [
            place
            for place in range(len(olds))
            if place not in matched and not imports.is_taken_over(place)
        ]
        waiting: dict[int, list[int]] = defaultdict(list)
        for place, at in places_of_gone(gone, len(olds), len(news), matched):
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
        old = olds[0] if olds and is_text(olds[0]) else None
        new = news[0] if news and is_text(news[0]) else None
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
        if only_acts(statement):
            reason = f"{_GONE}; its effect stays"
        return Change("remove", statement, None, reason, branch=branch)

    def _change(self, at: int, matching: Matching, imports: Imports) -> Change:
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
        if isinstance(new, (ast.ClassDef, *BLOCK)):
            children = tuple(
                self._kept(was, child, was.lineno != child.lineno, name)
                for name, body in self._looked_into(new)
                for was, child in zip(body_of(old, name), body, strict=True)
                if not is_text(child) or isinstance(new, ast.ClassDef)
            )
        return Change("keep", old, new, LINES_MOVED if is_shifted else "", children, branch=branch)

    def _added(self, new: ast.stmt) -> Change:
        if is_never_run(new, self.type_checking) and isinstance(new, ast.If) and not new.orelse:
            return Change("keep", None, new, _NEVER_RUN)
        return Change("run", None, new, NEW)

    def _compare(self, old: ast.stmt, new: ast.stmt) -> Change:
        """Compare two statements that are not the same but belong together."""
        if isinstance(new, ast.ClassDef):
            assert isinstance(old, ast.ClassDef)
            return self._compared_class(old, new)
        if isinstance(new, BLOCK):
            return self._compared_block(old, new)
        if self.evaluation(old, False) == self.evaluation(new, True):
            if not self._classes and _is_documented_now(old, new):
                return Change("run", old, new, _DOCUMENTED)
            return Change("patch", old, new, _BODY)
        if not self._classes and self._has_same_value(old, new):
            return Change("run", old, new, _REASONS["annotation"], names=())
        return Change("run", old, new, self._why(old, new))

    def _has_same_value(self, old: ast.stmt, new: ast.stmt) -> bool:
        """Tell whether two statements that differ assign the same to the same name."""
        if not isinstance(old, ASSIGNMENT) or not isinstance(new, ASSIGNMENT):
            return False
        if old.value is None or new.value is None or only_name(new) is None:
            return False
        return only_name(old) == only_name(new) and (
            self._evaluated(old.value, False) == self._evaluated(new.value, True)
        )

    def _compared_class(self, old: ast.ClassDef, new: ast.ClassDef) -> Change:
        self._classes += 1
        children = self._children(old, new)
        self._classes -= 1
        differs = self._differing(old, new, ("body", "bases"))
        if self._differs(self._bases(old), self._bases(new)):
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
            was = body_of(old, name)
            if not isinstance(new, ast.ClassDef):
                was, body = no_text(was), no_text(body)
            found += self.body(was, body, name)
        return tuple(found)

    def _looked_into(self, statement: ast.stmt) -> Iterator[tuple[str, list[ast.stmt]]]:
        never = is_never_run(statement, self.type_checking)
        for name, body in branches_of(statement):
            if name == "orelse" or not never:
                yield name, body

    def evaluation(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two statements evaluate the same, whatever functions do."""
        return self._digest(statement, is_new, skip_functions=True)

    def content(self, statement: ast.AST, is_new: bool) -> Hashable:
        """Return what tells whether two statements are the same, but for their positions."""
        return self._digest(statement, is_new, skip_functions=False)

    def _digest(self, statement: ast.AST, is_new: bool, *, skip_functions: bool) -> Hashable:
        """Return the digest of a statement, of which it may be asked at every level of matching."""
        key = id(statement), is_new, skip_functions
        found = self._known.get(key)
        if found is None:
            found = digest(statement, skip_functions=skip_functions, salt=self.futures[is_new])
            self._known[key] = found
        return found

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
        return type(statement), tuple(self._evaluated(part, is_new) for part in parts)

    def _differing(self, old: ast.stmt, new: ast.stmt, but: tuple[str, ...]) -> list[str]:
        """List the fields of a statement that evaluate differently."""
        if type(old) is not type(new):
            return ["kind"]
        names = [name for name in new._fields if name not in (*but, "type_comment")]
        return [
            name
            for name in names
            if self._differs(getattr(old, name, None), getattr(new, name, None))
        ]

    def _differs(self, old: object, new: object) -> bool:
        """Tell whether two values of a field evaluate differently."""
        if old is None or type(old) is str or old == []:  # as most are
            return type(old) is not type(new) or old != new
        return self._evaluated(old, False) != self._evaluated(new, True)

    def _evaluated(self, value: object, is_new: bool) -> Hashable:
        return digest(value, skip_functions=True, salt=self.futures[is_new])

    def _why(self, old: ast.stmt, new: ast.stmt) -> str:
        if only_acts(new):
            return f"it changed; {_EFFECT_STAYS}"
        if isinstance(new, DEFINITION):
            differs = self._differing(old, new, ("body", "args"))
            if differs or not isinstance(old, DEFINITION):
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
            if self._differs(getattr(old, name), getattr(new, name)):
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


def _is_documented_now(old: ast.stmt, new: ast.stmt) -> bool:
    """Tell whether decorators get a docstring to show for the first time: no copy tells where."""
    if not isinstance(old, DEFINITION) or not isinstance(new, DEFINITION):
        return False
    return bool(new.decorator_list and docstring_of(new)) and docstring_of(old) is None


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
    moved = change.old is not None and change.new is not None and is_moved(change.old, change.new)
    moved = moved or any(child.reason for child in children)
    return replace(change, reason=LINES_MOVED if moved else change.reason)
