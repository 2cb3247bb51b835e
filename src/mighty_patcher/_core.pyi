"""The C core: edits of live objects, applied all or none, and the log that takes them back."""

from types import CellType, CodeType, FunctionType
from typing import Any, Final, final, overload

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

    @overload
    def add_items(
        self, target: dict[Any, Any], donor: dict[Any, Any], had: dict[Any, Any] | None = None
    ) -> None: ...
    @overload
    def add_items(
        self, target: list[Any], donor: list[Any], had: list[Any] | None = None
    ) -> None: ...
    @overload
    def add_items(self, target: set[Any], donor: set[Any], had: set[Any] | None = None) -> None:
        """Plan to give ``target`` the items of ``donor`` in place of its own.

        Whoever iterates over a list goes on with what it has then.

        Args:
            target: What keeps its identity.
            donor: What it is to have.
            had: What the target had when the donor was made, which nobody changes any more.
                `commit` then refuses with a RuntimeError where the target has anything else by
                now, be it other objects that are equal, and where somebody iterates over a
                dictionary or a set, or watches a dictionary. A log has no other edits beside these.

        Raises:
            TypeError: They are no plain ``dict``, ``list`` or ``set``, all of the same type.
            ValueError: ``target`` has the attributes of an instance, and a key is no plain ``str``,
                or ``had`` is given. Or it is given for this edit, and not for others of the log.
        """

    def add_type(
        self,
        target: type,
        content: dict[str, Any],
        *,
        bases: tuple[type, ...] | None = None,
        metaclass: type | None = None,
        donor: type | None = None,
    ) -> None:
        """Plan to give a class other content, bases or another metaclass; nothing is changed yet.

        What the content would make of a class statement has been made of it already: ``__new__`` is
        a static method, ``__hash__`` is None where there is but ``__eq__``.

        Args:
            target: The class that keeps its identity, and the layout of its instances.
            content: All that is to be in its ``__dict__``, in that order.
            bases: Its bases; left out for those that it has.
            metaclass: Its metaclass; left out for the one that it has.
            donor: A class that CPython made with these bases, which says whether it is a sequence
                or a mapping to a match statement. It may have been buried.

        Raises:
            TypeError: The class is written in C, or the others are of another type.
            ValueError: With these bases or this metaclass, instances are laid out in another way,
                or the log is applied already.
        """

    def commit(self) -> None:
        """Make all edits, or none: no code of the program runs in between.

        Where bases change, the ``mro`` of a metaclass that has one does, and audit hooks do.

        Raises:
            MemoryError: Nothing was changed.
            RuntimeError: Somebody else changed a constant since it was added, or a dictionary or a
                class in the meantime, or see `add_items`; nothing was changed.
            TypeError: The new bases conflict, in a class or in one that derives from it; in
                CPython's words. Nothing was changed.
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

@final
class SideSlot:
    """A descriptor that behaves as that of a slot; the values lie outside of the instances.

    Only `side_slot` makes one.
    """

    @property
    def __objclass__(self) -> type: ...
    @property
    def __name__(self) -> str: ...
    @property
    def __qualname__(self) -> str: ...
    def __get__(self, instance: Any, owner: type | None = ...) -> Any: ...
    def __set__(self, instance: Any, value: Any) -> None: ...
    def __delete__(self, instance: Any) -> None: ...

def side_slot(owner: type, name: str, in_dict: bool = ...) -> SideSlot:
    """Make a slot for a class that has instances, which have no place for it.

    The class and those that derive from it are prepared, so that values go with their instances.
    ``inspect.ismemberdescriptor`` says no: that is one type of CPython's, and this is another.

    Args:
        owner: The class. The caller binds the name in it.
        name: The name of the slot, mangled if it is private.
        in_dict: An instance that has a ``__dict__`` has its value in there: it may have had one of
            that name before there was the slot, and keeps it when there is none any more.

    Raises:
        TypeError: Instances of ``owner``, or of a class derived from it, cannot have values
            outside of themselves.
    """

def side_slot_count() -> int:
    """Count the values that all instances have in such slots."""

def layout_difference(target: type, donor: type) -> str | None:
    """Say why instances of one class could not live on as those of a class like another.

    Own slots of either make no difference: added ones live in a side table, and the storage of
    removed ones stays. Nor does a ``__dict__`` or ``__weakref__`` that the other one has not: these
    stay, too.

    Returns:
        Half a sentence, or None if they can.
    """

def own_getset(cls: type, descriptor: object) -> object:
    """Make a ``__dict__`` or ``__weakref__`` descriptor for a class that had it from a base.

    Args:
        cls: The class.
        descriptor: That of a class that has it.

    Raises:
        TypeError: It is any other descriptor.
    """

def bury(cls: type, grave: type) -> None:
    """Take a class that nobody uses out of the ``__subclasses__()`` of its bases, for good.

    Args:
        cls: The class; no hook of it or of its metaclass runs.
        grave: A class with no content and ``__slots__ = ()``, from which it derives afterwards, or
            from one that is made below it where instances store what a base in C lays out.

    Raises:
        TypeError: One of them is written in C.
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

def find_referrers(objects: list[Any]) -> list[Any]:
    """Find, in one pass over the heap, what refers directly to some objects.

    An instance whose attributes lie in itself is a referrer, and so are the instances of a class.
    What a running frame holds is not seen.

    Args:
        objects: Compared by identity; the list itself is left out.
    """

def names_holding(
    namespaces: list[dict[str, Any]], objects: list[Any]
) -> list[tuple[int, str, Any]]:
    """Find the names that hold some objects, in modules for example.

    Args:
        namespaces: Where to look.
        objects: Compared by identity.

    Returns:
        The position of the namespace, the name and the object, in the order of both.

    Raises:
        TypeError: A namespace is no dictionary.
    """

def replace_references(
    donors: list[Any], targets: list[Any], kept: list[Any] | None = None
) -> list[tuple[Any, Any]]:
    """Make every reference to a donor one to the target at the same place.

    In dictionaries the donor's entry goes to the target's key, with the donor's value. A list or
    deque that has the target already loses the donor. Instances of a donor become instances of the
    target. No code of the program runs but ``__hash__`` and ``__eq__`` of keys.

    Args:
        donors: What must disappear. Their own parts count for nothing.
        targets: What is referred to instead.
        kept: Objects of the caller that go on holding donors.

    Returns:
        Donor and holder of each reference that is left: in classes, running code and whatever
        could not be changed safely.

    Raises:
        ValueError: There are not as many targets as donors.
    """

def own_slot(cls: type, name: str) -> Any:
    """Make a descriptor for a slot that instances of a class have a place for.

    A slot that was removed and comes back has its old place, and its values.

    Args:
        cls: The class.
        name: The name of the slot, mangled as in the dictionary of the class.

    Returns:
        The descriptor; None if instances have no such place.

    Raises:
        TypeError: The class is written in C.
    """

@final
class ClassStatement:
    """Stands in for ``builtins.__build_class__``, without a frame of its own.

    Args:
        build: What it stands in for.
        begin: Called with the function of the body, the name, the bases and the keywords of each
            class statement. It returns None for `build` to make the class; or else an object in
            whose ``namespace`` the body is executed, whose ``end()`` returns the hooks to be
            called (each with its arguments and keywords), and whose ``cls`` is the class. Where a
            hook raises an `Exception`, ``recovers(hook, arguments, keywords)`` tells whether to go
            on.
    """

    def __init__(self, build: Any, begin: Any) -> None: ...
    def __call__(self, body: FunctionType, name: str, *bases: Any, **keywords: Any) -> Any: ...

@final
class Decorator:
    """Stands in for a decorator of the program, without a frame of its own.

    Args:
        decorator: What it stands in for.
        make_way: Called with what was to be decorated where that has raised an `Exception`. It
            returns None for the error to be raised; or else an object whose ``done()`` is called
            when the decorator, called once more, has returned. Where it has raised again,
            ``give_back()`` returns another such object; or None for the first error to be raised.
        ask_again: Called with the decorator and what was decorated, where it has returned. It
            returns None, or else an object whose ``done()`` is called when the decorator was called
            once more. What that has returned counts; where it has raised an `Exception`, what the
            first call has.
    """

    def __init__(self, decorator: Any, make_way: Any, ask_again: Any) -> None: ...
    def __call__(self, value: Any) -> Any: ...
