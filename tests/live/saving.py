"""The ways in which editors and tools save a file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

How = Callable[[Path, bytes], None]

_OLD_TIME = 1_000_000_000  # seconds: 2001


def in_place(file: Path, data: bytes) -> None:
    """Truncate and write, as ``open(..., "w")`` does (nano, VS Code)."""
    file.write_bytes(data)


def replace(file: Path, data: bytes) -> None:
    """Write a file next to it and rename that over it (most careful editors)."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(data)
    temporary.replace(file)


def move_in(file: Path, data: bytes) -> None:
    """Write a file outside of everything that is watched, and move it here."""
    temporary = _outside(file) / f"{file.name}.part"
    temporary.write_bytes(data)
    temporary.replace(file)


def vim(file: Path, data: bytes) -> None:
    """Rename it to a backup, write it anew, remove the backup (``backupcopy=no``)."""
    backup = file.with_name(f"{file.name}~")
    probe = file.with_name("4913")  # Vim sees in this way whether it may create files here.
    probe.touch()
    probe.unlink()
    file.replace(backup)
    file.write_bytes(data)
    backup.unlink()


def delete_and_create(file: Path, data: bytes) -> None:
    """Remove it and write another."""
    file.unlink()
    file.write_bytes(data)


def with_older_time(file: Path, data: bytes) -> None:
    """Put a file there that is older than the one that was (``cp -p``, rsync, tar)."""
    temporary = _outside(file) / f"{file.name}.part"
    temporary.write_bytes(data)
    os.utime(temporary, (_OLD_TIME, _OLD_TIME))
    temporary.replace(file)


def with_same_time(file: Path, data: bytes) -> None:
    """Write it such that neither its time nor, if the caller sees to that, its size tells."""
    before = file.stat()
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def append(file: Path, data: bytes) -> None:
    """Write only what was added at its end (``echo >>``)."""
    old = file.read_bytes()
    assert data.startswith(old)
    with file.open("ab") as stream:
        stream.write(data[len(old) :])


def in_pieces(file: Path, data: bytes) -> None:
    """Write it by a hundred small writes."""
    with file.open("wb", buffering=0) as stream:
        for start in range(0, len(data), max(1, len(data) // 100)):
            stream.write(data[start : start + max(1, len(data) // 100)])


def through_link(file: Path, data: bytes) -> None:
    """Write into what a symbolic link in its place leads to."""
    target = _outside(file) / file.name
    target.write_bytes(data)
    link = file.with_name(f".{file.name}.link")
    link.symlink_to(target)
    link.replace(file)


ALL: dict[str, How] = {
    "in place": in_place,
    "replace": replace,
    "moved in": move_in,
    "vim": vim,
    "delete and create": delete_and_create,
    "older time": with_older_time,
    "same size and time": with_same_time,
    "in pieces": in_pieces,
}


def _outside(file: Path) -> Path:
    """A folder that nobody watches, on the same file system: next to the root of the program."""
    root = next(folder for folder in file.parents if folder.name.startswith("program"))
    outside = root.with_name("outside")
    outside.mkdir(exist_ok=True)
    return outside
