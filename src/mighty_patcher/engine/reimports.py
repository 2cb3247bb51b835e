"""Modules that the program itself executes again, by ``importlib.reload``.

What is in force is then the text that was read there, and there are two of each function: the one
that the module has now, and the one that others had from it, which later edits must reach as well.
"""

from __future__ import annotations

import dis
import importlib
import sys
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from mighty_patcher.engine import version
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.version import Version
from mighty_patcher.errors import SourceError

__all__ = ["Reimports"]

_RELOAD = getattr(importlib.reload, "__code__", None)  # others put a callable of theirs there
_RETURNS = ("RETURN_VALUE", "RETURN_CONST")


@dataclass(frozen=True)
class _Begun:
    """A file that was about to be executed again.

    Attributes:
        text: What it held.
        frame: The call of `importlib.reload`.
    """

    text: Version
    frame: FrameType

    def has_ended_well(self) -> bool:
        """Tell whether it has returned: the last instruction of one that raised is another."""
        last: int = self.frame.f_code.co_code[self.frame.f_lasti]
        return dis.opname[last] in _RETURNS


class Reimports:
    """A finder that finds nothing, but is told when a module is looked for again.

    ``importlib.reload`` is the one that names a module to be executed (the ``target`` of
    `importlib.abc.MetaPathFinder.find_spec`); any other import costs one call that does nothing.

    Args:
        in_force: What runs; it is told what has been executed.

    Attributes:
        repeated: Files of which there are functions from before.
        uncertain: Files of which nobody knows how much of them has been executed.
    """

    def __init__(self, in_force: InForce) -> None:
        self.repeated: set[str] = set()
        self.uncertain: set[str] = set()
        self._in_force = in_force
        self._begun: list[_Begun] = []

    def find_spec(
        self,
        name: str,  # noqa: ARG002
        path: object = None,  # noqa: ARG002
        target: object = None,
    ) -> None:
        """Find nothing; look at the file of a module that is about to be executed again."""
        if target is None or not issubclass(type(target), ModuleType):
            return
        module: Any = target
        known, frame = self._in_force.text_of(module), _call_of_reload()
        if known is None or frame is None:
            return
        try:
            self._begun.append(_Begun(version.read(known.path), frame))
        except SourceError:
            return  # nor can it be executed

    def watch(self) -> None:
        """Begin to notice."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Notice no more; may be called again."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def settle(self) -> bool:
        """Take note of what has been executed since the last time.

        Returns:
            Whether anything was.
        """
        begun, self._begun = self._begun, []
        for it in begun:
            known, path = self._in_force.text(it.text.path), it.text.path
            self.repeated.add(path)
            if not it.has_ended_well():
                self.uncertain.add(path)
            else:
                self.uncertain.discard(path)
                if known is None or known.digest != it.text.digest:
                    self._in_force.put(it.text)
        return bool(begun)

    def relocate(self, old: str, new: str) -> None:
        """Note that what is known of one file holds for another one."""
        for paths in (self.repeated, self.uncertain):
            if old in paths:
                paths.remove(old)
                paths.add(new)


def _call_of_reload() -> FrameType | None:
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code is not _RELOAD:
        frame = frame.f_back
    return frame
