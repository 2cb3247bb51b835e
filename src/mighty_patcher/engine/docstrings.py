"""Docstrings that others have copied from a function: a property has that of its getter, a wrapper
that of what it wraps; a command, a route or a tool shows it as its help, wherever it is held.

Who has a function, or something around it, is looked for in the whole heap, and what it has beside
that and is the old docstring, or what is usually made of one, becomes the new one.
"""

from __future__ import annotations

import functools
import gc
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import CellType, FunctionType, MemberDescriptorType, MethodType
from typing import Any, NamedTuple

from mighty_patcher import _core
from mighty_patcher.engine.classes import (
    attributes_of,
    class_dict,
    mro_of,
    own_slots,
    qualname_of,
    stored,
)
from mighty_patcher.engine.holders import is_ours
from mighty_patcher.engine.identity import IdentityDict, IdentitySet, is_one_of
from mighty_patcher.engine.module_facts import every_module, namespace_of
from mighty_patcher.engine.registries import is_plain_object, owners_of
from mighty_patcher.engine.report import Stale

__all__ = ["Copies", "Copy", "copies_of"]

_DOC, _WRAPPED = "__doc__", "__wrapped__"
_GETTERS = (property, functools.cached_property)
_AROUND = (CellType, MethodType, functools.partial, staticmethod, classmethod, *_GETTERS)
_MOST_PASSES = 6
_TELLING = 12  # letters of a line that nobody writes twice by chance


_Place = tuple[Any, Any, str | None, str | None]
"""What will be a `Copy`: while owners are looked for, nothing of our own may have what they own."""


class Copy(NamedTuple):
    """A copy of a docstring.

    Attributes:
        owner: Who has it: a dictionary or an object.
        key: The key, the descriptor of a slot, or ``__doc__`` of a function or getter.
        old: What it is.
        new: What it is to be.
    """

    owner: Any
    key: Any
    old: str | None
    new: str | None

    def put(self, doc: str | None) -> None:
        """Let the owner have a docstring; no code of the program runs."""
        if type(self.owner) is dict:
            self.owner[self.key] = doc
        elif type(self.key) is MemberDescriptorType:
            self.key.__set__(self.owner, doc)
        else:
            self.owner.__doc__ = doc


@dataclass(frozen=True)
class _Edit:
    """What becomes of the docstring of a function.

    Attributes:
        function: The function.
        old: Its docstring.
        new: The new one.
        forms: What is usually made of the old one, and what would be made of the new one.
    """

    function: FunctionType
    old: str | None
    new: str | None
    forms: Mapping[str, str]

    @classmethod
    def of(cls, function: FunctionType, new: str | None) -> _Edit:
        """Tell what becomes of what is made of it."""
        old: str | None = function.__doc__
        forms: dict[str, str] = {}
        for make in _USUAL if old is not None else ():
            forms.setdefault(make(old or ""), make(new or ""))
        for it in ("", function.__name__, function.__qualname__):  # the name of what it is held by
            forms.pop(it, None)
        return cls(function, old, new, forms)


@dataclass
class Copies:
    """Copies of docstrings, which are brought up to date and taken back."""

    entries: list[Copy]

    def apply(self) -> None:
        """Let all have the new docstring."""
        for it in self.entries:
            it.put(it.new)

    def undo(self) -> None:
        """Let all have the old docstring."""
        for it in self.entries:
            it.put(it.old)


def copies_of(docs: Mapping[FunctionType, str | None]) -> tuple[list[Copy], list[Stale]]:
    """Find who has copied the docstrings of some functions: a pass over the heap, and one more for
    each layer of wrappers.

    Args:
        docs: The functions, whose docstrings change, and the new ones.

    Returns:
        The copies; and what was made of a docstring in a way that nobody knows.
    """
    # By address: what has the objects themselves would be found as well, and in itself.
    known = {id(it): _Edit.of(it, doc) for it, doc in docs.items()}
    found: list[_Place] = []
    told: list[tuple[Any, str, _Edit]] = []
    layers: list[list[Any]] = [list(docs)]
    ours = {id(docs), id(layers), *(id(namespace_of(it)) for it in every_module() if docs)}
    for _ in range(_MOST_PASSES):
        ours.add(id(layers[-1]))
        above = []
        for holder in _core.find_referrers(layers[-1]) if layers[-1] else ():
            if id(holder) in known or id(holder) in ours or is_ours(holder):
                continue
            for edit in _within(holder, known):
                if _leads_further(holder, known):
                    known[id(holder)] = edit
                    above.append(holder)
                found += _copied_by(holder, edit)
                told += ((holder, name, edit) for name in _told_by(holder, edit))
        layers.append(above)
    tables = [it for it, *_ in (*found, *told) if type(it) is dict]
    owners = IdentityDict(owners_of(tables)) if tables else IdentityDict[Any, Any]()
    copies = [Copy(*it) for it in found if owners.get(it[0], it) is not None]
    stale: dict[tuple[FunctionType, str], Stale] = {}
    for holder, name, edit in told:
        owner = owners.get(holder, holder)
        if owner is not None:
            full = name if type(owner) is dict else f"{qualname_of(type(owner))}.{name}"
            stale[edit.function, full] = _as_it_was(edit.function, full)
    return copies, [*stale.values()]


def _first_line(doc: str) -> str:
    return doc.strip().partition("\n")[0].strip()


def _summary(doc: str) -> str:
    return inspect.cleandoc(doc).strip().partition("\n\n")[0]


_USUAL: tuple[Callable[[str], str], ...] = (
    str,
    inspect.cleandoc,
    str.strip,
    lambda doc: inspect.cleandoc(doc).strip(),
    lambda doc: inspect.cleandoc(doc).partition("\f")[0],
    lambda doc: inspect.cleandoc(doc).partition("\f")[0].strip(),
    _first_line,
    _summary,
    lambda doc: " ".join(_summary(doc).split()),
    lambda doc: " ".join(doc.split()),
)


def _within(holder: Any, known: Mapping[int, _Edit]) -> Iterator[_Edit]:
    """Yield the edits of the functions that something leads to, each once."""
    parts = holder.copy().values() if type(holder) is dict else gc.get_referents(holder)
    found = (known.get(id(it)) for it in parts)
    yield from IdentitySet(it for it in found if it is not None)


def _leads_further(holder: Any, known: Mapping[int, _Edit]) -> bool:
    """Tell whether who holds something may be known by the function in it: it is around that."""
    kind = type(holder)
    if kind is dict:
        return id(holder.get(_WRAPPED)) in known
    if kind is tuple:  # the cells of a closure
        return all(type(it) is CellType for it in holder)
    return kind is FunctionType or is_one_of(kind, _AROUND)


def _copied_by(holder: Any, edit: _Edit) -> Iterator[_Place]:
    """Yield the copies of a docstring in one object. None is one where the object says so."""
    is_getter = is_one_of(type(holder), _GETTERS)
    if is_getter or type(holder) is FunctionType:
        is_copy = edit.old is not None or is_getter or stored(holder, _WRAPPED) is not None
        if is_copy and _is_text(holder.__doc__) and holder.__doc__ == edit.old:
            yield (holder, _DOC, edit.old, edit.new)
        return
    for owner, key, text in _texts(holder):
        if text is None:
            if edit.old is None and key == _DOC and _WRAPPED in owner:
                yield (owner, key, None, edit.new)
        elif text == edit.old and (key == _DOC or text in edit.forms):
            yield (owner, key, text, edit.new)  # which may be None
        elif text in edit.forms:
            yield (owner, key, text, edit.forms[text])


def _told_by(holder: Any, edit: _Edit) -> Iterator[str]:
    """Yield the names under which an object has text with lines of the old docstring that are not
    in the new one, and that is no copy.
    """
    if edit.old is None or type(holder) is FunctionType:
        return
    gone = _lines(edit.old) - _lines(edit.new or "")
    telling = [it for it in gone if len(it) >= _TELLING]
    for _, key, text in _texts(holder) if telling else ():
        is_copy = text == edit.old or text in edit.forms
        if text is not None and not is_copy and any(it in text for it in telling):
            yield str(getattr(key, "__name__", key))


def _lines(doc: str) -> set[str]:
    return {it.strip() for it in doc.splitlines()}


def _texts(holder: Any) -> Iterator[tuple[Any, Any, str | None]]:
    """Yield where an object has text: the owner, the key, and the text; None is text as well."""
    kind = type(holder)
    attributes = holder if kind is dict else None
    if attributes is None and is_plain_object(holder):
        attributes = attributes_of(holder)
        for base in mro_of(kind):
            for it in own_slots(base).values() if "__slots__" in class_dict(base) else ():
                if type(it) is MemberDescriptorType:
                    with suppress(AttributeError):  # it was never set
                        text = it.__get__(holder)
                        if type(text) is str:
                            yield holder, it, text
    if type(attributes) is dict:
        for key, text in attributes.copy().items():
            if type(key) is str and _is_text(text):
                yield attributes, key, text


def _is_text(value: Any) -> bool:
    return value is None or type(value) is str


def _as_it_was(function: FunctionType, name: str) -> Stale:
    return Stale(
        f"{function.__qualname__}.__doc__",
        f"{name!r} was made of it somewhere, and is what it was",
        "edit the line of its decorator, or of the call that was given it, too; or restart",
    )
