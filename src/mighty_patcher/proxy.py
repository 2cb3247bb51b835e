"""Reloader: one module, function or class, kept up to date.

Objects are patched in place, so that there is nothing to be exchanged: what `Reloader` returns is
the thing, with two more attributes.
"""

from __future__ import annotations

import functools
import inspect
import os
import pickle
import pkgutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of
from mighty_patcher.engine.modules import EXCLUDED
from mighty_patcher.engine.report import Reload
from mighty_patcher.watch import AutoReloader, watcher_of

__all__ = ["Reloader"]

_OWN = frozenset(
    {"reload", "stop", "__copy__", "__deepcopy__", "__mro_entries__", "__reduce__", "__reduce_ex__"}
)
"""What is the handle's own; all else is asked of the thing."""

_NOT_FORWARDED = _OWN | {
    "__class__",
    "__del__",
    "__delattr__",
    "__dict__",
    "__doc__",
    "__getattr__",
    "__getattribute__",
    "__getstate__",
    "__init__",
    "__init_subclass__",
    "__module__",
    "__new__",
    "__setattr__",
    "__slots__",
    "__subclasshook__",
    "__weakref__",
}


@dataclass
class _State:
    """What a handle knows.

    Attributes:
        thing: The module, function or class.
        place: The namespace in which it was found, and its name there.
        reloaders: Who watches what for it, by root.
        watches: It was not stopped.
    """

    thing: Any
    place: tuple[dict[str, Any], str] | None
    reloaders: dict[str, AutoReloader]
    watches: bool = True

    def current(self) -> Any:
        """Return the thing; what its name is bound to, if an edit has bound it to another."""
        if self.place is not None:
            found = self.place[0].get(self.place[1])
            if found is not None and not issubclass(type(found), Reloader):
                self.thing = found
        return self.thing


class Reloader:
    """Keeps a module, a function or a class up to date, and is used exactly like it.

    The file is watched from now on; for a module of a package, the whole package. Instances,
    subclasses and plain references are as new as the handle, for the thing itself is edited.

    ``isinstance``, ``issubclass``, ``inspect``, ``help``, ``repr`` and ``pickle`` (by reference)
    take it for the thing. Where CPython insists on a real class (``except``, ``case``, a subclass
    check of an abstract base class) use the class itself.

    Args:
        obj: The module, function or class, decorated or not.
        excluded: Names of modules, as fnmatch patterns, that are never executed again or patched
            in this process, whoever reloads.

    Raises:
        TypeError: ``obj`` cannot be reloaded.

    Example:
        >>> import shop.cart  # doctest: +SKIP
        >>> cart = Reloader(shop.cart)  # doctest: +SKIP
    """

    __slots__ = ("__weakref__", "_state")
    _state: _State

    def __new__(cls, obj: Any, excluded: Iterable[str] = ()) -> Reloader:  # noqa: D102
        if isinstance(excluded, str):
            raise TypeError(f"excluded is a list of names, not the string {excluded!r}")
        if issubclass(type(obj), Reloader):
            obj = _state_of(obj).current()
        modules = _modules_of(obj)
        if not modules:
            raise TypeError(
                f"Reloader takes a module, a function or a class that comes from a Python source "
                f"file, not {_described(obj)}"
            )
        EXCLUDED.update(excluded)
        roots = sorted({root for module in modules for root in _roots_of(module)})
        reloaders = {root: _watchers.add(root) for root in roots}
        state = _State(obj, _place_of(obj, modules), reloaders)
        kind: Any = type(obj)
        handle = object.__new__(_handle_type(kind))
        object.__setattr__(handle, "_state", state)
        return handle

    def reload(self) -> Reload:
        """Reload now what was saved, on this thread.

        Returns:
            What was done. Errors are in it; none is raised.
        """
        reloaders = {watcher_of(root) or it for root, it in _state_of(self).reloaders.items()}
        results = [reloader.reload() for reloader in reloaders]
        return next((result for result in results if result.paths or not result.ok), results[-1])

    def stop(self) -> None:
        """Stop watching; `reload` works on. A watcher that others need as well goes on."""
        state = _state_of(self)
        if state.watches:
            state.watches = False
            for reloader in set(state.reloaders.values()):
                _watchers.remove(reloader)

    def __getattribute__(self, name: str) -> Any:
        if name in _OWN:
            return object.__getattribute__(self, name)
        thing = _state_of(self).current()
        if issubclass(type(thing), type):
            if name == "__bases__":
                return (thing,)  # what issubclass() asks of a class that is none
            if name == "__signature__":
                return _signature(thing)
        return getattr(thing, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_state_of(self).current(), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_state_of(self).current(), name)

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (_state_of(self).current(),)

    def __copy__(self) -> Reloader:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Reloader:
        return self

    def __reduce_ex__(self, protocol: Any) -> Any:
        # As a call: pickle compares what it finds under the name with what it was given.
        return pkgutil.resolve_name, (_reference(_state_of(self)),)

    if TYPE_CHECKING:  # what a handle has beyond this, its own type has (`_handle_type`)

        def __getattr__(self, name: str) -> Any: ...
        def __call__(self, *arguments: Any, **keywords: Any) -> Any: ...  # noqa: D102


_read_state: Callable[[Reloader], _State] = vars(Reloader)["_state"].__get__


def _state_of(handle: Reloader) -> _State:
    return _read_state(handle)


# --- the types of handles -----------------------------------------------------------------------


@functools.cache
def _handle_type(kind: type) -> type[Reloader]:
    """Make the type of handles for things of a type: operators are looked up in types alone."""
    names = {name for name in dir(kind) if name.startswith("__") and name.endswith("__")}
    members: dict[str, Any] = {
        name: _forwarder(name)
        for name in names - _NOT_FORWARDED
        if callable(getattr(kind, name, None))
    }
    if issubclass(kind, type):
        _teach_help()
        # `Stack[int]` asks a metaclass first, and then only a real class.
        members["__getitem__"] = _get_item
        members.setdefault("__iter__", None)
    members |= {"__slots__": (), "__module__": __name__, "__qualname__": "Reloader"}
    return type("Reloader", (Reloader,), members)


def _forwarder(name: str) -> Callable[..., Any]:
    def forward(self: Reloader, *arguments: Any, **keywords: Any) -> Any:
        thing = _state_of(self).current()
        if name != "__call__":
            arguments = tuple(map(_unwrapped, arguments))
        return getattr(type(thing), name)(thing, *arguments, **keywords)

    forward.__name__ = forward.__qualname__ = name
    return forward


def _get_item(self: Reloader, key: Any) -> Any:
    return _state_of(self).current()[key]


def _unwrapped(value: Any) -> Any:
    return _state_of(value).current() if issubclass(type(value), Reloader) else value


def _signature(cls: type) -> inspect.Signature:
    # Otherwise inspect takes the `__call__` of the handle for that of a metaclass.
    try:
        return inspect.signature(cls)
    except ValueError as error:  # of some built-in bases
        raise AttributeError("__signature__") from error


@functools.cache
def _teach_help() -> None:
    """Let `help` see the class behind a handle: pydoc calls ``type.__subclasses__`` on its own."""
    import pydoc

    resolve: Any = pydoc.resolve

    @functools.wraps(resolve)
    def resolve_handle(thing: Any, *arguments: Any, **keywords: Any) -> Any:
        return resolve(_unwrapped(thing), *arguments, **keywords)

    pydoc.resolve = resolve_handle


# --- the thing, and where it comes from ---------------------------------------------------------


def _modules_of(obj: object) -> list[ModuleType]:
    """Return the modules that a thing is made of, none if it cannot be reloaded.

    A decorated function comes from the module that defines it and from that of its decorator.
    """
    if issubclass(type(obj), ModuleType):
        module: Any = obj
        return [module] if _file_of(module) or _folders_of(module) else []
    names: dict[str, None] = {}
    for part in _parts_of(obj):
        names[getattr(part, "__module__", None) or ""] = None
        if type(part) is FunctionType:
            names[part.__globals__.get("__name__", "")] = None
    found = [sys.modules[name] for name in names if name in sys.modules]
    modules = [it for it in found if issubclass(type(it), ModuleType) and _file_of(it)]
    return [it for it in modules if not _is_installed(it)] or modules[:1]


def _parts_of(obj: object) -> list[object]:
    """Return the functions and classes that a thing consists of: itself, and what it wraps."""
    found: dict[int, object] = {}
    waiting = [obj]
    while waiting:
        part = waiting.pop(0)
        if id(part) in found:
            continue
        if issubclass(type(part), type) or type(part) is FunctionType:
            found[id(part)] = part
        if part is obj or type(part) is FunctionType:
            waiting += _wrapped_by(part)
    return list(found.values())


def _wrapped_by(part: object) -> Iterator[object]:
    """Yield the functions in a wrapper's closure, or in the attributes of what is called."""
    if type(part) is FunctionType:
        yield from filter(_is_function, map(_content, part.__closure__ or ()))
    elif isinstance(part, functools.partial):
        yield part.func
    if callable(part) and not issubclass(type(part), type):
        held = getattr(part, "__dict__", None)
        yield from filter(_is_function, list(held.values()) if isinstance(held, dict) else ())


def _is_function(value: object) -> bool:
    return type(value) is FunctionType


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _file_of(module: ModuleType) -> str | None:
    file = filename_of(module)
    return os.path.realpath(file) if file is not None and Path(file).is_file() else None


def _folders_of(module: ModuleType) -> list[str]:
    """Return the folders of a package, which may have no file (PEP 420)."""
    path = namespace_of(module).get("__path__")
    return [os.path.realpath(it) for it in path if Path(it).is_dir()] if path is not None else []


def _is_installed(module: ModuleType) -> bool:
    file = Path(_file_of(module) or "")
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), _HERE]
    return any(file.is_relative_to(path) for path in paths)


_HERE = str(Path(__file__).parent)


def _roots_of(module: ModuleType) -> list[str]:
    """Return what to watch: the outermost package of a module, or its file."""
    name = name_of_module(module)
    package = sys.modules.get(name.partition(".")[0])
    if isinstance(package, ModuleType) and (folders := _folders_of(package)):
        return folders
    file = _file_of(module)
    return [file] if file is not None else []


def _place_of(obj: object, modules: Iterable[ModuleType]) -> tuple[dict[str, Any], str] | None:
    if issubclass(type(obj), ModuleType):
        return None
    for module in modules:
        namespace = namespace_of(module)
        for name, value in list(namespace.items()):
            if value is obj:
                return namespace, name
    return None


def _reference(state: _State) -> str:
    """Say where a thing is, for `pkgutil.resolve_name`.

    Raises:
        pickle.PicklingError: It is not found there.
    """
    thing = state.current()
    if issubclass(type(thing), ModuleType):
        return name_of_module(thing)
    if state.place is not None:
        return f"{state.place[0].get('__name__')}:{state.place[1]}"
    reference = f"{thing.__module__}:{thing.__qualname__}"
    try:
        found = pkgutil.resolve_name(reference)
    except (AttributeError, ImportError, ValueError):
        found = None
    if _unwrapped(found) is not thing:
        raise pickle.PicklingError(f"cannot pickle {thing!r}: it is not found as {reference}")
    return reference


def _described(obj: object) -> str:
    if issubclass(type(obj), ModuleType):
        return f"the module {name_of_module(obj)}"  # type: ignore[arg-type]
    if issubclass(type(obj), type) or type(obj).__name__.endswith(("function", "_or_method")):
        return f"{getattr(obj, '__module__', None)}.{getattr(obj, '__qualname__', obj)}"
    kind = type(obj).__qualname__
    return f"an object of the type {kind}"


# --- watching -----------------------------------------------------------------------------------


class _Watchers:
    """One reloader for each root, whichever handles need it: two would reload a save twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[AutoReloader, int] = {}

    def add(self, root: str) -> AutoReloader:
        """Return who watches a root, somebody new if nobody does."""
        with self._lock:
            reloader = watcher_of(root)
            if reloader is None:
                reloader = AutoReloader(path=root)
                self._users[reloader] = 0
            if reloader in self._users:  # not somebody else's
                self._users[reloader] += 1
            return reloader

    def remove(self, reloader: AutoReloader) -> None:
        """Stop a reloader that was made here, if nobody else uses it."""
        with self._lock:
            users = self._users.get(reloader)
            if users is None:
                return
            if users > 1:
                self._users[reloader] = users - 1
                return
            del self._users[reloader]
        reloader.stop()  # without the lock: it waits for a reload, which may be making a handle


_watchers = _Watchers()
