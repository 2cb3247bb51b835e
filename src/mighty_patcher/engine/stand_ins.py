"""What stands for the objects that code handles, where it is followed without being executed: one
value of the body of a class, the name that it has there, the namespace with all of the body, the
class that is made of that, and whatever else there is.

A variable may be one of several; so its content is a set of these.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from mighty_patcher.engine.values import is_plain

__all__ = [
    "ANY",
    "BOTH",
    "CLASS",
    "FALSE",
    "NAMESPACE",
    "OTHER_NAME",
    "SLICE",
    "TRUE",
    "VALUE",
    "Box",
    "Call",
    "Content",
    "Fresh",
    "HandledError",
    "Heap",
    "Known",
    "Many",
    "Method",
    "Row",
    "StandIn",
    "Super",
    "Text",
    "known",
    "one",
]


class HandledError(Exception):
    """Something may have been done to the value."""


class StandIn(enum.Enum):
    """Objects of which we know no more than what they are."""

    ANYTHING = enum.auto()  # but not what follows, unless the class has been put somewhere
    NAME = enum.auto()  # of something else in the namespace
    VALUE = enum.auto()
    NAMESPACE = enum.auto()
    CLASS = enum.auto()
    SLICE = enum.auto()


@dataclass(frozen=True, eq=False)
class Known:
    """An object that is there.

    Attributes:
        value: The object.
    """

    value: Any

    def __eq__(self, other: object) -> bool:
        if type(other) is not Known:
            return False
        mine, theirs = self.value, other.value
        return mine is theirs or (
            type(mine) is type(theirs) and is_plain(mine) and bool(mine == theirs)
        )

    def __hash__(self) -> int:
        return hash(self.value) if is_plain(self.value) else id(self.value)


@dataclass(frozen=True)
class Text:
    """A string of which we know how it begins and ends."""

    start: str = ""
    end: str = ""


@dataclass(frozen=True)
class Row:
    """A tuple of which we know the items."""

    items: tuple[Content, ...]


@dataclass(frozen=True)
class Many:
    """Something to iterate over."""

    items: Content


@dataclass(frozen=True)
class Box:
    """A dictionary or list that the code makes; see `Heap`.

    Attributes:
        made: Where it makes that, and where that was called.
        has_keys: It is a dictionary.
    """

    made: tuple[int, ...]
    has_keys: bool


@dataclass(frozen=True)
class Fresh:
    """An object that the code makes of a class."""

    of: Known


@dataclass(frozen=True)
class Method:
    """What is bound to an object: a function, or what is written in C and has that name."""

    function: Known | str
    owner: Any


@dataclass(frozen=True)
class Super:
    """What ``super()`` returns."""

    start: Known
    owner: Any


Content: TypeAlias = frozenset[Any]

ANYTHING, VALUE, NAMESPACE, CLASS = (
    StandIn.ANYTHING,
    StandIn.VALUE,
    StandIn.NAMESPACE,
    StandIn.CLASS,
)
OTHER_NAME, SLICE = StandIn.NAME, StandIn.SLICE
ANY: Content = frozenset({ANYTHING})
TRUE: Content = frozenset({Known(True)})
FALSE: Content = frozenset({Known(False)})
BOTH: Content = TRUE | FALSE


def one(it: Any) -> Content:
    """Return the content of what is sure to be one thing."""
    return frozenset({it})


def known(value: Any) -> Content:
    """Return the content of what is sure to be an object that is there."""
    return frozenset({Known(value)})


@dataclass(frozen=True)
class Call:
    """What is given to something that is called.

    Attributes:
        arguments: By place.
        keywords: By name; ``**`` for what has no known names.
        place: Where it is called.
        has_name: A name that is written there leads to what is called.
    """

    arguments: list[Content]
    keywords: dict[str, Content]
    place: tuple[int, ...]
    has_name: bool = False

    def every(self) -> list[Content]:
        """Return all that is given."""
        return [*self.arguments, *self.keywords.values()]

    def of(self, owner: Any) -> Call:
        """Return the call of a method of an object."""
        return Call([one(owner), *self.arguments], self.keywords, self.place, has_name=True)

    def by_name(self) -> Call:
        """Return the same call of what is known by a name."""
        return Call(self.arguments, self.keywords, self.place, has_name=True)


@dataclass
class Heap:
    """What is in the boxes, whenever it was put there.

    Attributes:
        key: The name that the value has in the namespace.
        size: How much there is in all boxes.
    """

    key: str
    size: int = 0
    _entries: dict[Box, set[tuple[Any, Any]]] = field(default_factory=dict)

    def put(self, box: Box, keys: Content | None, values: Content) -> None:
        """Put something into a box."""
        entries = self._entries.setdefault(box, set())
        before = len(entries)
        entries |= {(key, value) for key in keys or (None,) for value in values}
        self.size += len(entries) - before

    def entries(self, it: Any) -> set[tuple[Any, Any]]:
        """Return keys and values of a box, or of the namespace."""
        if it is NAMESPACE:
            return {(Known(self.key), VALUE), (OTHER_NAME, ANYTHING)}
        return self._entries.get(it, set()).copy()

    def may_be_key(self, it: Any) -> frozenset[bool]:
        """Tell whether something is the name of the value."""
        if type(it) is Known:
            return frozenset({type(it.value) is str and it.value == self.key})
        if it is OTHER_NAME:
            return frozenset({False})
        if type(it) is Text:
            is_long = len(self.key) >= len(it.start) + len(it.end)
            if not (is_long and self.key.startswith(it.start) and self.key.endswith(it.end)):
                return frozenset({False})
        return frozenset({True, False})

    def holds(self, content: Iterable[Any]) -> bool:
        """Tell whether something is the value, or leads to it."""
        waiting, seen = list(content), set[Box]()
        while waiting:
            it = waiting.pop()
            if it is VALUE or it is NAMESPACE:
                return True
            if type(it) is Row:
                waiting += [inner for item in it.items for inner in item]
            elif type(it) is Many:
                waiting += it.items
            elif type(it) is Method:
                waiting.append(it.owner)
            elif type(it) is Box and it not in seen:
                seen.add(it)
                waiting += [value for _, value in self.entries(it)]
        return False
