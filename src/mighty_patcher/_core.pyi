"""The C core: edits of live objects, applied all or none, and the log that takes them back."""

from types import CellType, CodeType, FunctionType
from typing import Any, Final, final

FREE_THREADED: Final[bool]
"""True on a build without the GIL."""

CODE: Final[int]
"""The code and the closure, which are only ever changed together."""
CLOSURE: Final[int]
DEFAULTS: Final[int]
KWDEFAULTS: Final[int]
GLOBALS: Final[int]
BUILTINS: Final[int]
NAME: Final[int]
QUALNAME: Final[int]
MODULE: Final[int]
DOC: Final[int]
ANNOTATIONS: Final[int]
ANNOTATE: Final[int]
"""Without effect before 3.14."""
TYPEPARAMS: Final[int]
"""Without effect before 3.12."""
DICT: Final[int]
"""The function gets a copy of the donor's ``__dict__``."""
ALL_FIELDS: Final[int]

@final
class Log:
    """The edits of one commit and, once they are applied, the values that they replaced.

    Not safe to use from two threads at once.
    """

    def __len__(self) -> int: ...
    @property
    def applied(self) -> bool:
        """True while the program holds the new values and the log the old ones."""

    def add_function(self, target: FunctionType, donor: FunctionType, fields: int = ...) -> None:
        """Plan to give ``target`` the content of ``donor``; nothing is changed yet.

        Args:
            target: The function that keeps its identity.
            donor: The function to copy from; it is left as it is.
            fields: Which content, as a sum of the constants of this module.

        Raises:
            TypeError: One of them is no plain function.
            ValueError: A closure does not fit its code, or the log is applied already.
        """

    def add_code(
        self,
        target: FunctionType,
        code: CodeType,
        closure: tuple[CellType, ...],
        doc: object = ...,
    ) -> None:
        """Plan to give ``target`` new code; nothing is changed yet.

        Args:
            target: The function that keeps its identity, and everything else that it has.
            code: Its new code.
            closure: A cell for each free variable of the code.
            doc: Its new docstring; left out, or an ellipsis, for the one that it has.

        Raises:
            TypeError: ``target`` is no plain function, or the others are of another type.
            ValueError: The closure does not fit the code, or the log is applied already.
        """

    def add_constant(self, outer: CodeType, old: CodeType, value: CodeType) -> None:
        """Plan to make ``value`` the constant of ``outer`` in the place of ``old``.

        Raises:
            TypeError: One of them is no code object.
            ValueError: ``old`` is no constant of ``outer``, it gives way to another value already,
                or the free variables differ.
        """

    def add_dict(self, target: dict[Any, Any], donor: dict[Any, Any]) -> None:
        """Plan to give ``target`` the items of ``donor`` in place of its own.

        Raises:
            TypeError: One of them is no plain ``dict``.
            ValueError: ``target`` has the attributes of an instance, and a key is no plain ``str``.
        """

    def commit(self) -> None:
        """Make all edits, or none: no code of the program runs in between.

        Raises:
            MemoryError: Nothing was changed.
            RuntimeError: Another thread changed a constant since it was added, or a dictionary in
                the meantime; nothing was changed.
        """

    def undo(self) -> None:
        """Put back every old value, by identity.

        Raises:
            ValueError: The log is not applied.
        """

    def discard(self) -> None:
        """Let go of the values that the log holds. Finalizers of the program may run."""

def is_held_elsewhere(
    functions: list[FunctionType], roots: list[CodeType], vouched: list[CodeType]
) -> bool:
    """Ask whether anything unknown holds the code of these functions, or code nested in it.

    Args:
        functions: All functions that are known to hold it.
        roots: Code objects that the caller keeps alive; the constants below them are known.
        vouched: Code objects that the caller holds once more each, besides this list.

    Returns:
        False only if every reference is accounted for; always True without the GIL, where
        references to code are not counted exactly.
    """

def running_frames() -> list[tuple[CodeType, dict[str, Any], int]]:
    """List what every thread is executing right now: code, globals and line of each frame.

    The frames of a thread follow each other, the innermost first. No frame is kept.
    """

def find_functions(codes: list[CodeType], filenames: list[str]) -> list[FunctionType]:
    """Find, in one pass over the heap, the functions that share code.

    What ``gc.freeze()`` put aside is looked at too, and given back to the collector for good.

    Args:
        codes: Code objects, compared by identity.
        filenames: File names as in ``co_filename``; every function compiled from one is found.
    """
