"""Dictionaries, lists and sets that are written out: what an edit of the text makes of the object
that there is, to which the program may have added something.

Each entry has three versions: what the old text has made, what the object has, and what the new
text has made. An entry whose text and inputs are what they were keeps what the object has; what is
gone, new or changed follows the text; and what only the object has is the program's own, and stays.
Nothing of the program is asked: where keys have a hash or a comparison of their own, nobody knows
which is which.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from mighty_patcher.engine.classes import class_dict, mro_of
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.trees import digest
from mighty_patcher.engine.values import is_plain, same_value

__all__ = ["DISPLAY", "UNKNOWN", "Container", "Merging", "are_plain_keys"]

DISPLAY = (ast.Dict, ast.List, ast.Set)
UNKNOWN: Any = object()
"""Stands for a value that nobody knows without executing something."""
Container = dict[Any, Any] | list[Any] | set[Any]
_MADE_BY = ((ast.Dict, dict), (ast.List, list), (ast.Set, set))


class Merging:
    """Merges what two texts make with what there is.

    Args:
        known: Returns what an expression of the old text was, or `UNKNOWN`.
        is_same: Tells whether an expression of the new text that is in the old one as well reads
            nothing that has changed.
        stays: Tells whether what such an expression has made is what it would make now.
        goes_in: Look into what is written out inside, too.

    Attributes:
        contents: Each object that is to be changed, what it is to have, and what it had.
        given_up: Keys under which the program had put something that makes way for the text's.
    """

    def __init__(
        self,
        known: Callable[[ast.expr], Any],
        is_same: Callable[[ast.expr], bool],
        stays: Callable[[ast.expr], bool],
        *,
        goes_in: bool = True,
    ) -> None:
        self.contents: list[tuple[Container, Container, Container]] = []
        self.given_up: list[Any] = []
        self._known = known
        self._is_same = is_same
        self._stays = stays
        self._goes_in = goes_in

    def merge(self, old: ast.expr, new: ast.expr, mine: Any, theirs: Any) -> bool:
        """Merge two texts of an object.

        Args:
            old: How it was written.
            new: How it is written.
            mine: What there is.
            theirs: What the new text has made.

        Returns:
            False if it cannot be told what is the text's own.
        """
        if not any(
            isinstance(old, node)
            and isinstance(new, node)
            and type(mine) is kind
            and type(theirs) is kind
            for node, kind in _MADE_BY
        ):
            return False
        content: Container | None = None
        had: Container = mine.copy()
        match old, new:
            case ast.Dict(), ast.Dict():
                content = self._dict(old, new, dict(had), theirs)
            case ast.List(), ast.List():
                content = self._list(old.elts, new.elts, list(had), theirs)
            case ast.Set(), ast.Set():
                content = self._set(old.elts, list(had), theirs)
        if content is not None:
            self.contents.append((mine, content, had))
        return content is not None

    def _dict(
        self, old: ast.Dict, new: ast.Dict, mine: dict[Any, Any], theirs: dict[Any, Any]
    ) -> dict[Any, Any] | None:
        if None in new.keys or len(new.keys) != len(theirs):
            return None  # of two equal keys the last has the value
        if not are_plain_keys([*mine, *theirs]):
            return None
        olds = self._keys(old.keys, dict(zip(map(digest, new.keys), theirs, strict=True)))
        if olds is None:
            return None
        base = dict(zip(olds, old.values, strict=True))
        if base and base.keys().isdisjoint(mine):
            return None  # nothing is left of what the text had made
        content: dict[Any, Any] = {}
        for (key, value), expression in zip(theirs.items(), new.values, strict=True):
            if key in mine and key in base:
                content[key] = self._item(base[key], expression, mine[key], value)
            elif key not in base or not self._is_unchanged(base[key], expression):
                content[key] = value
                if key in mine and not same_value(mine[key], value):
                    self.given_up.append(key)
        for key, value in mine.items():
            if key not in theirs and (key not in base or self._is_other(base[key], value)):
                content[key] = value
        return content

    def _list(
        self, olds: Sequence[ast.expr], news: Sequence[ast.expr], mine: list[Any], theirs: list[Any]
    ) -> list[Any] | None:
        if any(isinstance(it, ast.Starred) for it in (*olds, *news)) or len(mine) < len(olds):
            return None
        if len(theirs) != len(news):
            return None  # others have put something into it
        if any(map(self._is_other, olds, mine)):
            return None
        places: dict[Hashable, list[int]] = {}
        for at in reversed(range(len(olds))):
            places.setdefault(digest(olds[at]), []).append(at)
        content: list[Any] = []
        for expression, value in zip(news, theirs, strict=True):
            known = places.get(digest(expression))
            if known:
                place = known.pop()
                value = self._item(olds[place], expression, mine[place], value)
            content.append(value)
        return content + mine[len(olds) :]

    def _set(self, olds: Sequence[ast.expr], mine: list[Any], theirs: set[Any]) -> set[Any] | None:
        before = self._keys(olds, {})
        if before is None or not are_plain_keys([*mine, *theirs]):
            return None
        base, has = set(before), set(mine)
        if base and base.isdisjoint(has):
            return None
        return (has - (base - theirs)) | (theirs - base)

    def _keys(self, olds: Sequence[ast.expr | None], news: dict[Hashable, Any]) -> list[Any] | None:
        """Return the keys that the old text has made, if they are known.

        Args:
            olds: How they were written.
            news: Those of the new text, by how they are written.
        """
        found: list[Any] = []
        for it in olds:
            key = UNKNOWN if it is None else self._known(it)
            if key is UNKNOWN and it is not None and self._is_same(it):
                key = news.get(digest(it), UNKNOWN)
            found.append(key)
        return None if is_one_of(UNKNOWN, found) or not are_plain_keys(found) else found

    def _item(self, old: ast.expr, new: ast.expr, mine: Any, theirs: Any) -> Any:
        """Return what an entry is to be that is in both texts."""
        if self._is_unchanged(old, new) and self._stays(new):
            return mine
        is_inner = self._goes_in and isinstance(new, DISPLAY)
        return mine if is_inner and self.merge(old, new, mine, theirs) else theirs

    def _is_unchanged(self, old: ast.expr, new: ast.expr) -> bool:
        return digest(old) == digest(new) and self._is_same(new)

    def _is_other(self, expression: ast.expr, value: Any) -> bool:
        """Tell whether a value is another than an expression of the old text has given."""
        was = self._known(expression)
        return was is not UNKNOWN and not same_value(was, value)


def are_plain_keys(keys: Iterable[Any]) -> bool:
    """Tell whether to look for some keys would run nothing of the program."""
    return all(map(_is_plain_key, keys))


def _is_plain_key(key: Any) -> bool:
    if is_plain(key):
        return True
    if is_one_of(type(key), (tuple, frozenset)):
        return are_plain_keys(key)
    for base in mro_of(type(key)):
        if not {"__hash__", "__eq__"}.isdisjoint(class_dict(base)):
            return is_one_of(base, (object, type)) or _is_of_enum(base)
    return False


def _is_of_enum(cls: type) -> bool:
    return class_dict(cls).get("__module__") == "enum" or is_one_of(cls, (int, str))
