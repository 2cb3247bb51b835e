"""Where to look for source: directories with all that is below them, and single files."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = [
    "NEVER_SOURCE",
    "Root",
    "is_held",
    "is_never_source",
    "outermost",
    "python_files",
    "resolved",
]

NEVER_SOURCE = frozenset(
    {".git", ".hg", ".mypy_cache", ".nox", ".tox", "__pycache__", "node_modules"}
)
"""Names of directories below a root that never hold source. Virtual environments do not either;
they are known by their ``pyvenv.cfg``."""


def python_files(
    roots: Iterable[str | os.PathLike[str]], *, recursive: bool = True
) -> Iterator[str]:
    """Find every Python file below the roots.

    Directories that never hold source are left out, and symbolic links to directories are not
    followed: name their target as a root of its own where it holds source.

    Args:
        roots: Directories, or single files.
        recursive: Also what is in directories below them.

    Yields:
        The real path of each ``.py`` file, once.

    Raises:
        FileNotFoundError: A root does not exist.
    """
    seen: set[str] = set()
    for root in resolved(roots, recursive=recursive):
        for path in root.files():
            if path not in seen:
                seen.add(path)
                yield path


@dataclass(frozen=True)
class Root:
    """A directory with all that is below it, or a single file.

    Attributes:
        directory: The real path of the directory, or of that which the file is in.
        file: The path of the file.
        recursive: Also what is in directories below it.
    """

    directory: str
    file: str | None = None
    recursive: bool = True

    def holds(self, path: str) -> bool:
        """Tell whether a file or directory is this root's business."""
        if self.file is not None:
            return path == self.file
        if not self.recursive:
            is_in = os.path.dirname(path) == self.directory and path.endswith(".py")
            return is_in or path == self.directory
        if not path or not _is_below(path, self.directory):
            return False
        while path != self.directory:
            if is_never_source(path):
                return False
            path = os.path.dirname(path)
        return True

    def files(self, below: str | None = None) -> Iterator[str]:
        """Find the Python files, all of them or those below a directory that has changed."""
        if self.file is not None:
            if os.path.isfile(self.file) and below is None:
                yield os.path.realpath(self.file)
            return
        top = self.directory if below is None else os.path.dirname(below)
        if not self.holds(top):
            return
        for folder, directories, names in os.walk(top):
            directories[:] = (
                name
                for name in directories
                if self.recursive and not is_never_source(os.path.join(folder, name))
            )
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(".py") and os.path.isfile(path):  # not a link that leads nowhere
                    yield os.path.realpath(path) if os.path.islink(path) else path


def resolved(paths: Iterable[str | os.PathLike[str]], *, recursive: bool = True) -> list[Root]:
    """Turn what the user gave into roots none of which is held by another.

    Args:
        paths: Directories, or single files.
        recursive: Also what is in directories below them.

    Raises:
        FileNotFoundError: One of them does not exist.
    """
    roots: dict[Root, None] = {}
    for given in paths:
        path = os.fspath(given)
        real = os.path.realpath(path)
        if os.path.isdir(real):
            roots[Root(real, recursive=recursive)] = None
        elif os.path.isfile(real):
            roots[Root(os.path.dirname(real), real)] = None
            # A save may also replace a symbolic link, which is an event where the link is.
            folder, name = os.path.split(path)
            folder = os.path.realpath(folder)
            roots[Root(folder, os.path.join(folder, name))] = None
        else:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return [root for root in roots if not is_held(root, [it for it in roots if it != root])]


def is_held(root: Root, others: Iterable[Root]) -> bool:
    """Tell whether others hold all that a root does."""
    return any(
        other.holds(root.file or root.directory)
        and (other.recursive or not root.recursive or root.file is not None)
        for other in others
    )


def _is_below(path: str, directory: str) -> bool:
    """Tell whether a path is in a directory, at any depth, or is that directory."""
    return os.path.join(path, "").startswith(os.path.join(directory, ""))


def is_never_source(directory: str) -> bool:
    """Tell whether a directory below a root never holds source.

    Args:
        directory: Its path.
    """
    return os.path.basename(directory) in NEVER_SOURCE or os.path.exists(
        os.path.join(directory, "pyvenv.cfg")
    )


def outermost(directories: Iterable[str]) -> list[str]:
    """Drop the directories that are below another. All of them end with a separator."""
    outermost: list[str] = []
    for directory in sorted(directories):
        if not outermost or not directory.startswith(outermost[-1]):
            outermost.append(directory)
    return outermost
