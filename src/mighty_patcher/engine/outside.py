"""What others have changed for a module in a reload: those from which it imports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mighty_patcher.engine.parameters import spelling_of
from mighty_patcher.engine.version import Version

__all__ = ["ABSENT", "Outside", "TakenBack"]

ABSENT: Any = object()
"""Stands for the value of a name that is not there."""


@dataclass(frozen=True)
class TakenBack:
    """An attribute that a statement had set which is gone from the source.

    Attributes:
        owner: The class or module that has it.
        attribute: Its name.
        value: What it was set to.
        reason: Why it is taken back, in words.
    """

    owner: Any
    attribute: str
    value: Any
    reason: str


@dataclass
class Outside:
    """What others have changed for a module.

    Attributes:
        before: The values that names of the module had, which hold others now.
        attributes: Attributes of other modules that changed, by its names for them:
            ``("config", "X")``.
        rebuilt: Names of classes that have to be built again, and why.
        imported: Names that it imports and then binds itself, whose origin has another value.
        exported: The names that modules exported, of which it imports everything and which export
            others now, by the name of each.
        removed: The values of the names that were removed from it, as it has them no more from one
            of these.
        set_anew: Attributes of classes of other modules that have been set by their statements, by
            its names for these: who assigns them has the last word.
        refilled: Names whose objects have been given other content, and these objects.
        taken_back: Attributes of the module, or of its classes, that others had set.
        members: Names in bodies of classes that have to be bound again, and why, by the qualified
            names of the classes.
    """

    before: dict[str, Any] = field(default_factory=dict)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    rebuilt: dict[str, str] = field(default_factory=dict)
    imported: set[str] = field(default_factory=set)
    exported: dict[str, set[str]] = field(default_factory=dict)
    removed: dict[str, Any] = field(default_factory=dict)
    set_anew: set[tuple[str, str]] = field(default_factory=set)
    refilled: dict[str, Any] = field(default_factory=dict)
    taken_back: list[TakenBack] = field(default_factory=list)
    members: dict[str, dict[str, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.attributes) or not self.asks_only()

    def asks_only(self) -> bool:
        """Tell whether it concerns only who asks other modules for their names."""
        found = self.before, self.rebuilt, self.imported, self.exported, self.removed
        return not any((*found, self.set_anew, self.refilled, self.taken_back, self.members))

    def is_spelt(self, text: Version | None) -> bool:
        """Tell whether a text, if it is known, has any of the names in it that others are asked
        for.
        """
        return text is None or any(spelling_of(*it).encode() in text.data for it in self.attributes)

    def update(self, other: Outside) -> None:
        """Add what others have changed since; of a name the oldest value counts."""
        self.before = {**other.before, **self.before}
        self.attributes |= other.attributes
        self.set_anew |= other.set_anew
        self.rebuilt |= other.rebuilt
        self.imported |= other.imported
        self.exported = {**other.exported, **self.exported}
        self.removed = {**other.removed, **self.removed}
        self.refilled = {**other.refilled, **self.refilled}
        self.taken_back += other.taken_back
        for cls, names in other.members.items():
            self.members[cls] = {**self.members.get(cls, {}), **names}
