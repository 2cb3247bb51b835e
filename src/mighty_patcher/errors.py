"""What a reload can fail with. Nothing here ever reaches the program that is being edited:
an error is kept in the :class:`~mighty_patcher.engine.report.Reload` and in ``reloader.errors``.
"""

from __future__ import annotations

__all__ = ["MightyPatcherError", "RefusedEdit", "RunError", "SourceError"]


class MightyPatcherError(Exception):
    """The base of every error of this package.

    Attributes:
        slug: The anchor under which the documentation explains the error.
        details: Lines that belong below the message, such as the user's traceback.
    """

    slug = "errors"
    details: tuple[str, ...] = ()


class SourceError(MightyPatcherError):
    """A saved file that does not read, decode or parse; the program keeps what it had.

    Args:
        path: The file.
        reason: What is wrong, as one sentence without a full stop.
        line: The line in the file, from 1, where it is known.
    """

    slug = "source-error"

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.path = path
        self.reason = reason
        self.line = line
        where = path if line is None else f"{path}:{line}"
        super().__init__(f"{where}: {reason}; save it again when it is mended")


class RunError(MightyPatcherError):
    """A module raised while it was run again; every name and patch of that reload is undone.

    The exception itself, with its traceback, is the ``__cause__``.

    Args:
        path: The file that was run.
        reason: The exception in words.
        line: The line in the file, from 1, on which it was raised, where it is known.
    """

    slug = "run-error"

    def __init__(self, path: str, reason: str, line: int | None = None) -> None:
        self.path = path
        self.reason = reason
        self.line = line
        where = path if line is None else f"{path}:{line}"
        super().__init__(f"{where}: raised {reason}; its names are as they were before the save")


class RefusedEdit(MightyPatcherError):
    """An edit that cannot be made safely; the old content keeps running.

    Args:
        reason: Why it is refused, as one sentence without a full stop.
        hint: What the user can do about it.
    """

    slug = "refused-edit"

    def __init__(self, reason: str, hint: str) -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(f"{reason}; {hint}")
