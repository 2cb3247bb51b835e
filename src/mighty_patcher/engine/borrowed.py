"""Functions of other modules that a class holds.

Who makes a class may name such a function after it, as attrs does with its ``evolve``, so that it
bears the name of the class that was made last. A class that is made once more is not that one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any, cast

from mighty_patcher.engine.classes import content_of, is_class

__all__ = ["Borrowed"]

_FACTS = ("__name__", "__qualname__", "__module__", "__doc__")


class Borrowed:
    """What the functions are called that classes have from other modules.

    Args:
        namespace: The names of the module that is run.
        names: Those that are about to be bound again.
    """

    def __init__(self, namespace: Mapping[str, Any], names: Iterable[str]) -> None:
        self._facts = [
            (value, name, getattr(value, name))
            for cls in filter(is_class, map(namespace.get, names))
            for value in content_of(cast(type, cls)).values()
            if type(value) is FunctionType and _is_of_another(value, namespace)
            for name in _FACTS
        ]

    def give_back(self) -> None:
        """Let them be called what they were called."""
        for function, name, value in self._facts:
            if getattr(function, name) is not value:
                setattr(function, name, value)


def _is_of_another(function: FunctionType, namespace: Mapping[str, Any]) -> bool:
    """Tell whether a function is one that another module has by its name: not a wrapper, nor what
    was made for the class.
    """
    names = function.__globals__
    return names is not namespace and names.get(function.__code__.co_name) is function
