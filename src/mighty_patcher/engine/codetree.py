"""Which code object of one version became which of the next.

A compiled module is a tree: its constants hold the code of its functions and classes, whose
constants hold the code nested in those. Two versions are paired from the root down: by name, and
among equals (lambdas, overloads, the functions of a property) by the statement that makes each,
where that is known, by position where their owner did not change otherwise, and else by content
first and by position then.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from types import CodeType

__all__ = [
    "Pair",
    "Pairs",
    "all_code",
    "arguments",
    "docstring",
    "is_run_through",
    "is_scope",
    "nested",
    "signature",
]

# What `code.replace` may have changed without changing what the code does: @types.coroutine sets
# the one, and the compiler's own flags of the enclosing scope make the other.
_TRANSFERABLE_FLAGS = inspect.CO_ITERABLE_COROUTINE


def nested(code: CodeType) -> list[CodeType]:
    """Return the code objects among the constants of one, in the order of the source."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def all_code(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and, in the order of the source, all that is nested in it."""
    yield code
    for inner in nested(code):
        yield from all_code(inner)


def is_scope(code: CodeType) -> bool:
    """Tell whether this code runs once where it stands (a module, the body of a class) rather than
    whenever a function is called.
    """
    return not code.co_flags & inspect.CO_OPTIMIZED


def signature(code: CodeType) -> tuple[object, ...]:
    """Return what the code does, without where it stands: equal for code that only moved."""
    return _own(code), tuple(map(signature, nested(code)))


def arguments(code: CodeType) -> tuple[object, ...]:
    """Return what the defaults of a function belong to: where it differs, they do not fit."""
    last = code.co_argcount + code.co_kwonlyargcount
    return code.co_argcount, frozenset(code.co_varnames[code.co_argcount : last])


def docstring(code: CodeType) -> str | None:
    """Return the docstring with which a function of this code is made."""
    # CO_HAS_DOCSTRING came with 3.13 (gh-126072 in 3.14 made it the only sign); before it the first
    # constant is the docstring or None.
    flag = getattr(inspect, "CO_HAS_DOCSTRING", None)
    if flag is not None and not code.co_flags & flag:
        return None
    first = code.co_consts[0] if code.co_consts else None
    return first if isinstance(first, str) else None


@dataclass(eq=False, slots=True)
class Pair:
    """One code object of the old version and what became of it.

    Pairs refer to what is nested in them and never back: they go when they are no longer needed,
    and do not wait for the collector, so that the gate can count on nobody holding old code.

    Attributes:
        old: The old code. This is the one reference that the pairing holds to it.
        new: The new code, or None where the definition is gone.
        changed: Not even the lines are the same.
        edited: What it does, or what is nested in it does, is different.
        edited_itself: What it does is, whatever is nested in it.
        runs_once: It is nested in nothing but the module and classes, which run once.
    """

    old: CodeType
    new: CodeType | None
    changed: bool = True
    edited: bool = True
    edited_itself: bool = True
    runs_once: bool = False
    children: list[Pair] = field(default_factory=list)

    def all(self) -> Iterator[Pair]:
        """Yield it, and all that is nested in it."""
        waiting = [self]
        while waiting:
            pair = waiting.pop()
            yield pair
            waiting.extend(reversed(pair.children))

    @property
    def is_definition(self) -> bool:
        """A function, method or lambda that should be found where the module's own run put it."""
        name = self.old.co_name
        return (
            self.runs_once
            and not is_scope(self.old)
            and (name == "<lambda>" or not name.startswith("<"))
            and name != "__annotate__"
        )


class Pairs:
    """All pairs of two versions of one module, to be asked with the code of living functions.

    Args:
        old: The module's code as it is in force.
        new: The module's code as it was saved.
        lines: Lines of the old text on which a statement begins, and where that is in the new one.
    """

    def __init__(
        self, old: CodeType, new: CodeType, lines: Mapping[int, int] | None = None
    ) -> None:
        self.root = _pair_trees(old, new, lines or {})
        self._news: set[CodeType] | None = None
        self._by_place: dict[tuple[str, int], list[Pair]] = {}
        for pair in self:
            self._by_place.setdefault(_place(pair.old), []).append(pair)

    def __iter__(self) -> Iterator[Pair]:
        return self.root.all()

    def of(self, code: CodeType) -> Pair | None:
        """Return the pair whose old code a living function has; None if it is not of this version.

        The living code is often another object than ours: it was compiled by the import, from the
        same text.
        """
        candidates = self._by_place.get(_place(code), ())
        for pair in candidates:
            if pair.old is code:
                return pair
        for pair in candidates:
            if pair.old == code or pair.old == _with_flags_of(pair.old, code):
                return pair
        return None

    def made(self, code: CodeType) -> Pair | None:
        """Return the pair of a definition that has just been executed; None if it is new.

        Args:
            code: The code of the function that was made.
        """
        for pair in self:
            if pair.runs_once and pair.new is not None and pair.new == code:
                return pair
        return None

    def scope(self, qualname: str, line: int) -> CodeType | None:
        """Return the new code of the body of a class, if that has changed.

        Args:
            qualname: The qualified name of the class.
            line: The line on which it began.
        """
        for pair in self._by_place.get((qualname, line), ()):
            if is_scope(pair.old) and pair.changed:
                return pair.new
        return None

    def is_new(self, code: CodeType) -> bool:
        """Tell whether a living function has code of the new version already.

        A module that is imported while its file is being saved may have read either text.
        """
        if self._news is None:
            assert self.root.new is not None
            self._news = set(all_code(self.root.new))
        return code in self._news

    @staticmethod
    def successor(pair: Pair, code: CodeType) -> CodeType | None:
        """Return the new code for a function with ``code``, with the flags that a decorator set."""
        if pair.new is None or not (pair.old.co_flags ^ code.co_flags) & _TRANSFERABLE_FLAGS:
            return pair.new
        if not pair.new.co_flags & inspect.CO_GENERATOR:
            return pair.new  # types.coroutine leaves everything else alone
        return pair.new.replace(co_flags=pair.new.co_flags | code.co_flags & _TRANSFERABLE_FLAGS)


def _own(code: CodeType) -> tuple[object, ...]:
    """What the code does by itself: what is nested in it only counts by name."""
    return (
        code.co_name,
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
        tuple(
            constant.co_name if isinstance(constant, CodeType) else _typed(constant)
            for constant in code.co_consts
        ),
    )


def _typed(constant: object) -> object:
    """Make constants comparable as the compiler does: 1, 1.0 and True are three constants."""
    if isinstance(constant, tuple):
        return (tuple, tuple(_typed(item) for item in constant))
    if isinstance(constant, frozenset):
        return (frozenset, frozenset(_typed(item) for item in constant))
    # 0.0 and -0.0 are equal, and a large int has no repr (sys.set_int_max_str_digits).
    return (type(constant), constant if type(constant) is int else repr(constant))


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _with_flags_of(old: CodeType, living: CodeType) -> CodeType:
    """Take back from living code the flags that a decorator may have set by ``code.replace``."""
    changed = (old.co_flags ^ living.co_flags) & _TRANSFERABLE_FLAGS
    return living.replace(co_flags=living.co_flags ^ changed) if changed else living


def is_run_through(code: CodeType) -> bool:
    """Tell whether code is executed as a part of what it is nested in."""
    # PEP 695 wraps a definition with type parameters into a scope that is called at once.
    return is_scope(code) or code.co_name.startswith("<generic parameters of ")


def _pair_trees(old: CodeType, new: CodeType, lines: Mapping[int, int]) -> Pair:
    root = Pair(old, new, runs_once=True)
    _pair_below(root, lines)
    return root


def _pair_below(pair: Pair, lines: Mapping[int, int]) -> None:
    """Pair what is nested in a pair, and then tell whether it changed."""
    old_groups, new_groups = _groups(pair.old), _groups(pair.new)
    runs_once = pair.runs_once and is_run_through(pair.old)
    renamed = {} if runs_once else dict(_renamed(old_groups, new_groups))
    for key, olds in old_groups.items():
        news = new_groups.get(key, [])
        known = _align_by_line(olds, news, lines) if runs_once else []
        for old, new in [*known, *_align(olds, news, pair)]:
            child = Pair(old, new or renamed.get(id(old)), runs_once=runs_once)
            pair.children.append(child)
            _pair_below(child, lines)
    if pair.new is None:
        return
    pair.changed = not (
        all(not child.changed for child in pair.children)
        and pair.old == pair.new
        and pair.old.co_linetable == pair.new.co_linetable
    )
    pair.edited_itself = pair.changed and _own(pair.old) != _own(pair.new)
    pair.edited = pair.edited_itself or any(child.edited for child in pair.children)


_Groups = dict[tuple[str, bool], list[CodeType]]
"""Code by its name, apart what is the body of a class."""


def _groups(code: CodeType | None) -> _Groups:
    groups: _Groups = {}
    for inner in nested(code) if code is not None else ():
        groups.setdefault((inner.co_name, is_scope(inner)), []).append(inner)
    return groups


def _renamed(old_groups: _Groups, new_groups: _Groups) -> Iterator[tuple[int, CodeType]]:
    """Find out which functions within a function have another name now: those that do the same, and
    the only one that is left if it is called in the same way.

    Yields:
        The address of the old code, and the new code.
    """
    olds, news = _beside(old_groups, new_groups), _beside(new_groups, old_groups)
    for old in list(olds):
        alike = [it for it in news if _unnamed(it) == _unnamed(old)]
        if alike:
            yield id(old), alike[0]
            _take_out(olds, old)
            _take_out(news, alike[0])
    if len(olds) == len(news) == 1 and arguments(olds[0]) == arguments(news[0]):
        yield id(olds[0]), news[0]


def _unnamed(code: CodeType) -> tuple[object, ...]:
    """What code does, but for its own name, which `_own` has first."""
    return _own(code)[1:], signature(code)[1:]


def _beside(groups: _Groups, others: _Groups) -> list[CodeType]:
    """Return the functions of whose names the others have none."""
    names = (key for key in groups if key not in others and not key[1] and key[0][0] != "<")
    return [code for key in names for code in groups[key] if key[0] != "__annotate__"]


def _align_by_line(
    olds: list[CodeType], news: list[CodeType], lines: Mapping[int, int]
) -> list[tuple[CodeType, CodeType | None]]:
    """Pair definitions of one name of which it is known where they went, and take them out of the
    lists: of several that are alike, each has its own line.
    """
    if len(olds) < 2 and len(news) < 2:
        return []
    places = {code.co_firstlineno: code for code in news}
    found: list[tuple[CodeType, CodeType | None]] = []
    for old in list(olds):
        new = places.get(lines.get(old.co_firstlineno, 0))
        alike = [it for it in olds if it.co_firstlineno == old.co_firstlineno]
        theirs = [it for it in news if new is not None and it.co_firstlineno == new.co_firstlineno]
        if new is not None and len(alike) == len(theirs) == 1:
            found.append((old, new))
    for old, new in found:
        _take_out(olds, old)
        _take_out(news, new)
    return found


def _take_out(codes: list[CodeType], code: CodeType | None) -> None:
    del codes[[it is code for it in codes].index(True)]


def _align(
    olds: list[CodeType], news: list[CodeType], owner: Pair
) -> Iterator[tuple[CodeType, CodeType | None]]:
    """Pair code of one name within one owner; every old one is yielded once."""
    if len(olds) == len(news) == 1 or (len(olds) == len(news) and _is_arranged_alike(owner)):
        return zip(olds, news, strict=True)
    return _align_by_content(olds, news)


def _is_arranged_alike(pair: Pair) -> bool:
    """Tell whether an owner uses the same names and nests as much under each, in the same order.

    Then what stands in the same place is the same thing: of ``a, b = lambda: 1, lambda: 2``,
    swapped, a is still a.
    """
    if pair.new is None:
        return False
    old_names, new_names = (
        (
            code.co_names,
            code.co_varnames,
            [(inner.co_name, is_scope(inner)) for inner in nested(code)],
        )
        for code in (pair.old, pair.new)
    )
    return old_names == new_names


def _align_by_content(
    olds: list[CodeType], news: list[CodeType]
) -> Iterator[tuple[CodeType, CodeType | None]]:
    matcher = SequenceMatcher(
        None, [signature(code) for code in olds], [signature(code) for code in news], autojunk=False
    )
    for _, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        yield from _align_by_likeness(olds[old_start:old_end], news[new_start:new_end])


def _align_by_likeness(
    olds: list[CodeType], news: list[CodeType]
) -> Iterator[tuple[CodeType, CodeType | None]]:
    """Pair code by position, or where there is more on one side, with what is most like it: an
    overload that is new is not the implementation, nor is a setter the getter.
    """
    if len(olds) == len(news):
        yield from zip(olds, news, strict=True)
        return
    left = dict(enumerate(news))
    chosen: dict[int, CodeType] = {}
    ranked = sorted(
        (
            (_likeness(old, new), -at, -place, place, at)
            for at, new in left.items()
            for place, old in enumerate(olds)
        ),
        reverse=True,
    )
    for *_, place, at in ranked:
        if place not in chosen and at in left:
            chosen[place] = left.pop(at)
    for place, old in enumerate(olds):
        yield old, chosen.get(place)


def _likeness(old: CodeType, new: CodeType) -> tuple[bool, float]:
    """Say how much two pieces of code are alike, so that they can be compared."""
    mine, theirs = set(old.co_names), set(new.co_names)
    shared = len(mine & theirs) / (len(mine | theirs) or 1)
    length = min(len(old.co_code), len(new.co_code)) / max(len(old.co_code), len(new.co_code))
    return arguments(old) == arguments(new), shared + length
