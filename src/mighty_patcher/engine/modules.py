"""Which modules a file is, and which files are loaded.

The program's modules are only looked at, never asked: see `module_facts`.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import is_
from pathlib import Path
from types import ModuleType

from mighty_patcher.engine.behind import behind
from mighty_patcher.engine.module_facts import (
    SOURCE,
    LazyModule,
    filename_of,
    is_at,
    is_module,
    loads_lazily,
    may_be_file,
    name_of_module,
    namespace_of,
    only_names_file,
    read_namespace,
    spec_of,
)

__all__ = ["EXCLUDED", "Modules", "real_path"]

EXCLUDED: set[str] = set()
"""Patterns of the names of modules that no engine of this process touches."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Directories of installed packages: below a root, they belong to a virtual environment."""

_NO_FILES = ("", os.curdir, os.pardir)
"""What the last part of a path is that names a folder."""


class Modules:
    """The loaded modules, as seen from the files below some roots.

    Where a ``__file__`` is, is looked up once: a later change of directory, or of a symbolic link,
    does not change where the module came from. It also makes `of` quick.

    Args:
        roots: Module roots, the directories that would be in `sys.path`; or single files.
        excluded: Patterns of the names of modules that are never touched.

    Attributes:
        roots: The roots, resolved, but for folders of which nothing below them matters.
        excluded: The patterns; they may change.
    """

    def __init__(self, roots: Sequence[Path], excluded: Collection[str] = ()) -> None:
        self.roots: tuple[Path, ...] = ()
        self.excluded = set(excluded)
        self._bases: list[_Base] = []
        self._places: dict[str, frozenset[str]] = {}  # of each absolute __file__
        self._files: dict[str, set[str]] = {}  # and back: the __file__s of each place
        self._scripts: dict[tuple[str, str], frozenset[str]] = {}  # of name and relative __file__
        self._foreign: set[str] = set()  # absolute __file__s of which no place is below a root
        self._own: set[str] = set()  # those of which one is
        self._answers: _Answers | None = None
        self._folders: dict[str, str] | None = None  # without symbolic links
        self.add(roots)

    def add(self, roots: Sequence[Path], package: str = "", *, recursive: bool = True) -> None:
        """Know more roots.

        Args:
            roots: Module roots, or single files; or folders of a package.
            package: The name of that package; empty for module roots.
            recursive: What is in folders below them, too.
        """
        resolved = tuple(root.resolve() for root in roots)
        # A root is known under the name it was given, too: what is a symbolic link below it
        # still has a place there. The most specific root comes first.
        bases = {str(root) for root in (*resolved, *(root.absolute() for root in roots))}
        self._bases = sorted(
            {*self._bases, *(_Base.of(base, package, recursive) for base in bases)},
            key=lambda base: -len(base.path),
        )
        if recursive:
            self.roots = tuple(dict.fromkeys((*self.roots, *resolved)))
        self._foreign, self._own = set(), set()

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Until the end of the block, look at all modules again only when one comes or goes.

        A reload asks for the same files a dozen times, and nobody changes a ``__file__`` meanwhile.
        """
        self._answers, self._folders = _Answers(), {}
        try:
            yield
        finally:
            self._answers = self._folders = None

    def look_again(self) -> None:
        """Forget what was found within `remembering`: a module has another ``__file__``."""
        if self._answers is not None:
            self._answers = _Answers()

    def of(self, path: str) -> list[ModuleType]:
        """Find every loaded module that is this file.

        A module is known by its ``__file__``, whatever its name is: ``src.shop.cart`` and
        ``__main__`` are found as well as ``shop.cart``, and all of them if a file was loaded
        several times; but none that only bears the file of another. A module without a
        ``__file__`` is known by its name below a root.

        Args:
            path: The file, which need not exist any more.

        Returns:
            The modules, each once, in the order in which their imports began.
        """
        answers = self._current_answers()
        found = answers.get(path)
        if found is None:
            places = _places_of(path)
            found = [
                module
                for name, module in _loaded(self._candidates(places))
                if not places.isdisjoint(self._places_of_module(name, module))
            ]
            if len(found) > 1:  # a package that somebody has made up may say where it stands
                found = [it for it in found if not only_names_file(it)] or found
            found = answers[path] = found or self._by_name(path) or self._led_to(path)
        return list(found)

    def loaded(self) -> list[ModuleType]:
        """List the modules whose source is below the roots, and ``__main__`` if it has a file.

        Installed packages (a virtual environment below a root) are left out.

        Returns:
            The modules, each once, in the order in which their imports began.
        """
        answers = self._current_answers()
        found = answers.get(None)
        if found is None:
            found = answers[None] = [
                module
                for name, module in _loaded(self._perhaps_own())
                if (places := self._places_of_module(name, module))
                and (name == "__main__" or self._is_any_own(module, places))
            ]
        return list(found)

    def with_paths(self) -> list[tuple[ModuleType, str]]:
        """List the same modules, each with the real path of its source file; but for those without
        one.
        """
        loaded, answers = self.loaded(), self._answers
        known = None if answers is None else answers.paths_of(loaded)
        if known is None:
            folders: dict[str, str] = {}
            files = ((module, filename_of(module)) for module in loaded)
            known = [(module, real_path(file, folders)) for module, file in files if file]
            if answers is not None:
                answers.paths = loaded, known
        return known

    def is_excluded(self, module: ModuleType) -> bool:
        """Tell whether a module is never touched."""
        if namespace_of(module).get("__rerun__") == "never":
            return True
        name = name_of_module(module)
        return any(fnmatch.fnmatchcase(name, it) for it in (*self.excluded, *EXCLUDED))

    def is_importing(self, module: ModuleType) -> bool:
        """Tell whether a module is still being imported, on whatever thread.

        A module whose import failed half-way is not: importlib takes it out of `sys.modules`.

        Args:
            module: A loaded module.

        Returns:
            True while the module's own code runs for the first time; its parents do not matter.
        """
        # importlib sets this while it loads a module and reads it for its own deadlock rules;
        # `_bootstrap._load_unlocked`, the same from 3.11 to 3.15.
        if getattr(spec_of(module), "_initializing", False):
            return True
        return type(module) is LazyModule and loads_lazily(module)

    def name_of(self, path: str) -> str | None:
        """Name the module that a file would be imported as.

        Args:
            path: The file.

        Returns:
            The dotted name, relative to the most specific root that the file is below; `None` if
            it is below none or cannot be imported by a dotted name.
        """
        relative = self._relative(path)
        if relative is None or not relative.endswith(SOURCE):
            return None
        parts = os.path.splitext(relative)[0].split("/")
        if parts[-1] == "__init__":
            del parts[-1]
        if not parts or any("." in part for part in parts):
            return None
        return ".".join(parts)

    def holds(self, path: str) -> bool:
        """Tell whether a file, or a folder with all that is below it, is below the roots."""
        return self._relative(path) is not None or any(
            base.path == place and base.recursive
            for place in _lexical_first(path)
            for base in self._bases
        )

    def display(self, path: str) -> str:
        """Write a path as the console shows it: ``shop/cart.py``.

        Args:
            path: The file.

        Returns:
            The path relative to the most specific root, with slashes; else the path as it is.
        """
        return self._relative(path) or path

    def is_own(self, path: str) -> bool:
        """Tell whether a file is below a root and no part of an installed package."""
        return any(map(self._is_own, _places_of(path)))

    def _current_answers(self) -> dict[str | None, list[ModuleType]]:
        answers = self._answers  # once: a reload on another thread may end meanwhile
        return {} if answers is None else answers.current()

    def _led_to(self, path: str) -> list[ModuleType]:
        """Find the modules whose file is a symbolic link that leads elsewhere than before."""
        return [
            module
            for module in self.loaded()
            if (file := filename_of(module)) is not None and os.path.realpath(file) == path
        ]

    def _by_name(self, path: str) -> list[ModuleType]:
        name = self.name_of(path)
        if name is None or name == "__main__":  # `python -c` and the prompt are no file.
            return []
        module = sys.modules.get(name)
        if not is_module(module):
            return []
        found = behind(module) or module
        is_file = may_be_file(module) if found is module else is_at(found, path)
        return [found] if is_file else []

    def replaced_by_object(self, path: str) -> str | None:
        """Name what a file is imported as, where `sys.modules` has an object that is no module."""
        name = self.name_of(path)
        found: object = sys.modules.get(name) if name is not None else None
        return name if found is not None and not is_module(found) else None

    def _candidates(self, places: frozenset[str]) -> list[tuple[str, object]]:
        """List what of `sys.modules` is at these places, or has not been looked up yet.

        This is the only loop over all modules at each save, so it does nothing else.
        """
        known = self._places
        here = {file for place in places for file in self._files.get(place, ())}
        return [
            (name, module)
            for name, module in sys.modules.copy().items()
            if issubclass(type(module), ModuleType)
            and isinstance(file := read_namespace(module).get("__file__"), str)
            and (file in here or file not in known)
        ]

    def _perhaps_own(self) -> list[tuple[str, object]]:
        """List what of `sys.modules` is not known to be a file below no root."""
        foreign = self._foreign
        return [
            (name, module)
            for name, module in sys.modules.copy().items()
            if name == "__main__"
            or not issubclass(type(module), ModuleType)
            or not isinstance(file := read_namespace(module).get("__file__"), str)
            or file not in foreign
        ]

    def _is_any_own(self, module: ModuleType, places: frozenset[str]) -> bool:
        file = filename_of(module)
        if file in self._own:
            return True
        is_own = any(map(self._is_own, places))
        if file is not None and os.path.isabs(file):
            (self._own if is_own else self._foreign).add(file)
        return is_own

    def _places_of_module(self, name: str, module: ModuleType) -> frozenset[str]:
        """Return where a module's source is; an empty set if it has none."""
        file = filename_of(module)
        if file is None:
            return frozenset()
        if not os.path.isabs(file):
            return self._places_of_script(name, file)
        places = self._places.get(file)
        if places is None:
            places = self._places[file] = _places_of(file, self._folders)
            for place in places:
                self._files.setdefault(place, set()).add(file)
        return places

    def _places_of_script(self, name: str, file: str) -> frozenset[str]:
        """Look for a relative ``__file__``: that of a script which was run by its path."""
        if (name, file) not in self._scripts:
            # The program may have changed its directory since.
            directories = [Path(), *self.roots]
            paths = [path for it in directories if (path := it / file).exists()]
            self._scripts[name, file] = _places_of(str(paths[0]) if paths else file)
        return self._scripts[name, file]

    def _relative(self, path: str) -> str | None:
        for place in _lexical_first(path):
            for base in self._bases:
                relative = base.relative(place)
                if relative is not None:
                    return relative
        return None

    def _is_own(self, place: str) -> bool:
        return any(
            _INSTALLED.isdisjoint(relative.split("/"))
            for base in self._bases
            if (relative := base.relative(place)) is not None
        )


class _Answers:
    """What was found while the modules were these. Several threads may ask."""

    def __init__(self) -> None:
        # By path; None stands for all that are loaded.
        self._known: tuple[list[object], dict[str | None, list[ModuleType]]] = [], {}
        self.paths: tuple[list[ModuleType], list[tuple[ModuleType, str]]] = [], []
        """All that are loaded, and their files."""

    def current(self) -> dict[str | None, list[ModuleType]]:
        modules: list[object] = list(sys.modules.copy().values())
        known, found = self._known
        # One by one: a list would ask what is no longer the same whether it is equal.
        if len(modules) != len(known) or not all(map(is_, modules, known)):
            found = {}  # another one, for who looked at the old modules writes into the old one
            self._known = modules, found
        return found

    def paths_of(self, loaded: list[ModuleType]) -> list[tuple[ModuleType, str]] | None:
        """Return the files of all that are loaded, if they are known."""
        known, paths = self.paths
        is_known = len(known) == len(loaded) and all(map(is_, known, loaded))
        return paths if is_known else None


@dataclass(frozen=True)
class _Base:
    """One spelling of a root; `file` is the name of a root that is a single file, and `package`
    where what is below the root is found from ``sys.path``: ``shop/`` for the package ``shop``.
    """

    path: str
    file: str | None
    package: str = ""
    recursive: bool = True

    @classmethod
    def of(cls, path: str, package: str = "", recursive: bool = True) -> _Base:
        root = Path(os.path.normcase(path))
        within = f"{package.replace('.', '/')}/" if package else ""
        return cls(str(root), root.name if root.is_file() else None, within, recursive)

    def relative(self, place: str) -> str | None:
        """Return a place relative to this root, with slashes, or `None` if it is not below."""
        if self.file is not None:
            return self.package + self.file if place == self.path else None
        prefix = self.path.rstrip(os.sep) + os.sep
        if not place.startswith(prefix):
            return None
        rest = place[len(prefix) :].replace(os.sep, "/")
        return self.package + rest if self.recursive or "/" not in rest else None


def _loaded(items: Iterable[tuple[str, object]]) -> Iterator[tuple[str, ModuleType]]:
    """Yield each module that has begun to run, once, under the first of its names.

    The items are from a copy of `sys.modules`, because other threads import meanwhile. Anything
    may be in there, `None` for instance.
    """
    seen: set[int] = set()
    for name, module in items:
        if is_module(module) and id(module) not in seen:
            seen.add(id(module))
            if type(module) is not LazyModule or loads_lazily(module):
                yield name, behind(module) or module


def _lexical_first(path: str) -> tuple[str, str]:
    absolute = os.path.abspath(path)
    return os.path.normcase(absolute), os.path.normcase(os.path.realpath(path))


def _places_of(path: str, folders: dict[str, str] | None = None) -> frozenset[str]:
    """Where a file is, with and without symbolic links: an editor may replace a link by a file.

    Args:
        path: The file.
        folders: As for `real_path`.
    """
    if folders is None or os.path.basename(path) in _NO_FILES:
        return frozenset(_lexical_first(path))
    real = real_path(path, folders)
    return frozenset((os.path.normcase(os.path.abspath(path)), os.path.normcase(real)))


def real_path(path: str, folders: dict[str, str]) -> str:
    """Find where a file is without symbolic links, one of many.

    Args:
        path: The file.
        folders: Where folders really are, as far as that is known; added to. To look at each part
            of each path anew is what takes long with hundreds of modules.
    """
    folder, name = os.path.split(path)
    if name in _NO_FILES or os.path.islink(path):
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)
