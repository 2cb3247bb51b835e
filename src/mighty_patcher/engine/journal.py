"""The names and attributes that a reload binds, and how to take that back.

The log of the core does this for the content of functions; this is for what is bound in plain
namespaces while and after statements run. Every value that was replaced is kept until the journal
is dropped.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from mighty_patcher.engine.classes import set_class

__all__ = ["Journal"]

_ABSENT: Any = object()


class Journal:
    """Changes of names in namespaces and of attributes of classes, in order."""

    def __init__(self) -> None:
        self._changes: list[tuple[MutableMapping[str, Any] | type, str, Any]] = []
        self._classes: list[tuple[object, type]] = []

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        return [self._changes, *self._changes, self._classes, *self._classes]

    def bind(self, namespace: MutableMapping[str, Any], name: str, value: object) -> None:
        """Bind a name in a namespace, and remember what it was."""
        self._changes.append((namespace, name, namespace.get(name, _ABSENT)))
        namespace[name] = value

    def unbind(self, namespace: MutableMapping[str, Any], name: str) -> None:
        """Delete a name from a namespace, and remember what it was."""
        self._changes.append((namespace, name, namespace.pop(name)))

    def set_attribute(self, cls: type, name: str, value: object) -> None:
        """Set an attribute of a class, without asking its metaclass, and remember what it was.

        Raises:
            TypeError: The class takes no attributes.
        """
        old = _own(cls, name)
        type.__setattr__(cls, name, value)
        self._changes.append((cls, name, old))

    def delete_attribute(self, cls: type, name: str) -> None:
        """Delete an attribute of a class, without asking its metaclass, and remember it."""
        old = _own(cls, name)
        type.__delattr__(cls, name)
        self._changes.append((cls, name, old))

    def set_class(self, value: object, cls: type) -> None:
        """Give an object another class, without asking its own, and remember what it had.

        Raises:
            TypeError: It cannot be of that class.
        """
        old = type(value)
        set_class(value, cls)
        self._classes.append((value, old))

    def was(self, namespace: MutableMapping[str, Any], name: str, value: object) -> None:
        """Remember what a name was that others have bound since."""
        self._changes.append((namespace, name, value))

    def executed(self, namespace: MutableMapping[str, Any], before: dict[str, Any]) -> None:
        """Remember what a namespace was like before code ran in it.

        Args:
            namespace: The namespace as it is now.
            before: A copy from before.
        """
        for name in [*before, *(name for name in list(namespace) if name not in before)]:
            old = before.get(name, _ABSENT)
            if namespace.get(name, _ABSENT) is not old:
                self._changes.append((namespace, name, old))

    def undo(self) -> None:
        """Put everything back, the last change first; the journal is empty then.

        Each name is set by itself, so that other threads never see a namespace without its names.
        """
        while self._changes:
            owner, name, old = self._changes.pop()
            if isinstance(owner, type):
                if old is _ABSENT:
                    type.__delattr__(owner, name)
                else:
                    type.__setattr__(owner, name, old)
            elif old is _ABSENT:
                owner.pop(name, None)
            else:
                owner[name] = old
        while self._classes:
            set_class(*self._classes.pop())


def _own(cls: type, name: str) -> Any:
    return vars(type)["__dict__"].__get__(cls).get(name, _ABSENT)
