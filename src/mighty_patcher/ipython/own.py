"""Which modules are the user's own, and what is to be watched for them.

That is all but the standard library and what is installed. What is watched is the outermost
package of a module. The folder of one that is in no package is watched without what is below it:
that may be somebody's home, with everything in it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import ModuleType

from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of, spec_of

__all__ = ["News", "Own", "Root"]

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MARGIN = 50_000_000
"""Nanoseconds by which the clock of a file system may be behind."""


@dataclass(frozen=True)
class Root:
    """What is to be watched.

    Attributes:
        folder: The folder.
        package: The package that it is, or belongs to (PEP 420); empty for none.
        is_package: All that is below it matters.
    """

    folder: str
    package: str
    is_package: bool

    def path_of(self, name: str) -> str:
        """Return the path of a file in it."""
        return os.path.join(self.folder, name)


@dataclass
class News:
    """Modules that are new.

    Attributes:
        as_saved: Files that were saved lately, and have been imported as they are now.
        doubtful: Files that may have been saved after they were imported.
    """

    as_saved: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


@dataclass
class Own:
    """Finds the user's own modules among those that were imported since it last looked."""

    _seen: set[str] = field(default_factory=set)
    _count: int = 0
    _looked: int = 0

    def __post_init__(self) -> None:
        places = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
        places.append(os.path.dirname(os.path.dirname(__file__)))
        self._elsewhere = tuple(
            os.path.join(path, "") for it in places for path in (it, os.path.realpath(it))
        )

    def news(self) -> dict[Root, News]:
        """Return what the modules need that are new. This is called for every cell: it looks no
        further where `sys.modules` is as long as before.
        """
        since, self._looked = self._looked, time.time_ns()
        if len(sys.modules) == self._count:
            return {}
        modules = sys.modules.copy()
        found: dict[Root, News] = {}
        for name in modules.keys() - self._seen:
            path = self._own_file(name, modules[name])
            if path is not None:
                news = found.setdefault(_root_of(modules[name], path), News())
                if since and _was_saved(path, since):
                    is_certain = _is_as_imported(modules[name], path)
                    (news.as_saved if is_certain else news.doubtful).append(path)
        self._seen, self._count = set(modules), len(modules)
        return found

    def _own_file(self, name: str, module: object) -> str | None:
        """Return the real path of a module's file if it is the user's own."""
        if name == "__main__" or not issubclass(type(module), ModuleType):
            return None
        file = filename_of(module)  # type: ignore[arg-type]
        if file is None or not self._is_own(file) or not os.path.isfile(file):
            return None
        path = os.path.realpath(file)  # which costs something, and most are not
        return path if self._is_own(path) else None

    def _is_own(self, path: str) -> bool:
        return not path.startswith(self._elsewhere) and _INSTALLED.isdisjoint(path.split(os.sep))


def _root_of(module: ModuleType, path: str) -> Root:
    name = name_of_module(module)
    for package in _packages(name):
        # One without a file is no more than a folder, which may have anything in it (PEP 420).
        file = filename_of(sys.modules[package])
        folder = os.path.dirname(os.path.realpath(file)) if file is not None else None
        if folder is not None and path.startswith(os.path.join(folder, "")):
            return Root(folder, package, is_package=True)
    return Root(os.path.dirname(path), name.rpartition(".")[0], is_package=False)


def _packages(name: str) -> Iterator[str]:
    """Yield the loaded packages that a module is in, or is, the outermost first."""
    dotted = f"{name}."
    for at, letter in enumerate(dotted):
        package = sys.modules.get(dotted[:at]) if letter == "." else None
        if issubclass(type(package), ModuleType) and "__path__" in namespace_of(package):  # type: ignore[arg-type]
            yield dotted[:at]


def _was_saved(path: str, since: int) -> bool:
    """Tell whether a file may have been saved since a time, in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError:
        return True
    return max(status.st_ctime_ns, status.st_mtime_ns) >= since - _MARGIN


def _is_as_imported(module: ModuleType, path: str) -> bool:
    """Tell whether a file is as it was imported: an import leaves a note of the time and the size
    of what it has compiled (PEP 552).
    """
    spec = spec_of(module)
    try:
        status = os.stat(path)
        with open(spec.cached if spec is not None and spec.cached else "", "rb") as file:
            head = file.read(16)
    except OSError:
        return False
    flags, time_, size = (int.from_bytes(head[at : at + 4], "little") for at in (4, 8, 12))
    saved = (int(status.st_mtime) & 0xFFFFFFFF, status.st_size & 0xFFFFFFFF)
    return flags == 0 and (time_, size) == saved
