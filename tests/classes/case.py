"""One case: real modules on disk, imported, with an engine that reloads them."""

from __future__ import annotations

import gc
import importlib
import inspect
import itertools
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from mighty_patcher.engine.engine import Engine
from mighty_patcher.engine.report import Reload

__all__ = ["Program", "class_dict", "classes_like", "snapshot", "the_shape"]

_numbers = itertools.count()
class_dict = type.__dict__["__dict__"].__get__


class Program:
    """Modules below a folder of their own. ``~m`` in a source is the real name of the module m."""

    def __init__(self, engine: Engine) -> None:
        number = next(_numbers)
        self.engine = engine
        self.prefix = f"classes{number}_"
        self.root = Path(engine.modules.roots[0], str(number))
        self.root.mkdir()

    def path(self, name: str) -> Path:
        return self.root / f"{self.prefix}{name}.py"

    def text(self, name: str) -> str:
        return self.path(name).read_text(encoding="utf-8").replace(self.prefix, "~")

    def write(self, name: str, source: str) -> Path:
        text = textwrap.dedent(source).replace("~", self.prefix)
        self.path(name).write_text(text, encoding="utf-8")
        return self.path(name)

    def load(self, *edited: str, **sources: str) -> list[ModuleType]:
        """Write modules and import them, in order; the engine is told which are edited later."""
        for name, source in sources.items():
            self.write(name, source)
        self.engine.reload([self.path(name) for name in edited])  # it sees them written, then read
        importlib.invalidate_caches()
        return [importlib.import_module(self.prefix + name) for name in sources]

    def execute(self, **sources: str) -> list[ModuleType]:
        """Execute modules that are never edited and need no files."""
        modules = []
        for name, source in sources.items():
            module = ModuleType(self.prefix + name)
            sys.modules[module.__name__] = module
            text = source.replace("~", self.prefix)
            exec(compile(text, module.__name__, "exec", dont_inherit=True), vars(module))
            modules.append(module)
        return modules

    def save(self, **sources: str) -> Reload:
        """Write new texts of modules and reload them."""
        return self.engine.reload([self.write(name, text) for name, text in sources.items()])

    def edit(self, name: str, *changes: tuple[str, str]) -> Reload:
        """Replace texts of a module, each of which is there once, and reload it."""
        text = self.text(name)
        for old, new in changes:
            assert text.count(old) == 1, (old, text)
            text = text.replace(old, new)
        return self.save(**{name: text})

    @classmethod
    @contextmanager
    def running(cls, engine: Engine) -> Iterator[Program]:
        program = cls(engine)
        sys.path.insert(0, str(program.root))
        try:
            yield program
        finally:
            sys.path.remove(str(program.root))
            sys.path_importer_cache.pop(str(program.root), None)
            for name in [name for name in sys.modules if name.startswith(program.prefix)]:
                del sys.modules[name]


def classes_like(cls: type) -> list[type]:
    """Every class alive of the same module and qualified name."""
    gc.collect()
    key = cls.__module__, cls.__qualname__
    return [
        it
        for it in gc.get_objects()
        if issubclass(type(it), type)
        and type.__getattribute__(it, "__qualname__") == key[1]
        and class_dict(it).get("__module__") == key[0]
    ]


# --- what a class is ---------------------------------------------------------------------------

# What nobody wrote: made on first use, storage, or where in the file it stands.
_NOT_WRITTEN = frozenset(
    {
        "__dict__",
        "__weakref__",
        "_abc_impl",
        "__annotations__",
        "__annotations_cache__",
        "__annotate__",
        "__annotate_func__",
        "__slotnames__",
        "__non_callable_proto_members__",
        "__signature__",
        "_value2member_map_",  # flags are put together when they are asked for
    }
)
_SEQUENCE, _MAPPING, _ABSTRACT, _MATCH_SELF = 1 << 5, 1 << 6, 1 << 20, 1 << 22
_OF_C = 0xFF << 24  # int, list, tuple, bytes, str, dict, exception, type
_FLAGS = _SEQUENCE | _MAPPING | _ABSTRACT | _MATCH_SELF | _OF_C
_VALID_VERSION_TAG = 1 << 19
_PLAIN = (bool, int, float, str, bytes, type(None))


def the_shape(cls: type, prefix: str, *, depth: int = 3) -> dict[str, Any]:
    """Describe a class in words that do not depend on identity, to compare two processes."""

    def plain(text: object) -> str:
        return str(text).replace(prefix, "~")

    members = {k: v for k, v in class_dict(cls).items() if k not in _NOT_WRITTEN}
    shape: dict[str, Any] = {
        "metaclass": plain(type(cls).__qualname__),
        "mro": [plain(f"{c.__module__}.{c.__qualname__}") for c in type.mro(cls)],
        "flags": cls.__flags__ & _FLAGS,
        "names": sorted(members),
        "annotations": plain(_annotations(cls)),
        "abstract": sorted(getattr(cls, "__abstractmethods__", ())),
    }
    for name, value in members.items():
        shape[f"member {name}"] = _describe(value, plain, prefix, depth)
    return shape


def _annotations(cls: type) -> list[tuple[str, object]]:
    try:
        return sorted(inspect.get_annotations(cls).items())
    except (TypeError, AttributeError):  # its metaclass does not show them
        return []


def _describe(value: object, plain: Any, prefix: str, depth: int) -> object:
    """One member of a class."""
    kind = type(value).__name__
    if isinstance(value, types.FunctionType):
        code = value.__code__
        return (
            kind,
            value.__qualname__,
            value.__doc__,
            code.co_code if _is_comparable(code) else code.co_names,
            _constants(code, plain),
            _signature(value, plain),
            value.__closure__ is not None and len(value.__closure__),
        )
    if isinstance(value, (staticmethod, classmethod)):
        return kind, _describe(value.__func__, plain, prefix, depth)
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return kind, value.__doc__, [_describe(it, plain, prefix, depth) for it in parts]
    if isinstance(value, type) and depth and plain(value.__module__).startswith("~"):
        return kind, the_shape(value, prefix, depth=depth - 1)
    if type(value) in _PLAIN:
        return kind, plain(value)
    if type(value) in (tuple, list):
        return kind, [_describe(it, plain, prefix, depth) for it in value]
    if type(value) in (set, frozenset):
        return kind, sorted(map(plain, value)) if all(type(v) is str for v in value) else len(value)
    if isinstance(value, Mapping):
        return kind, [plain(key) for key in value]
    # A slot that a class gained while instances were alive is a descriptor of another type.
    return "slot" if kind in {"member_descriptor", "SideSlot"} else kind


def _is_comparable(code: types.CodeType) -> bool:
    """What attrs makes into ``__hash__`` has a salt."""
    return not code.co_freevars and code.co_name != "__hash__"


def _constants(code: types.CodeType, plain: Any) -> str:
    text = str(code.co_consts)  # nested code has an address
    return plain(text) if _is_comparable(code) and "<code object" not in text else ""


def _signature(function: types.FunctionType, plain: Any) -> str:
    try:
        return plain(inspect.signature(function))
    except (ValueError, TypeError) as error:
        return plain(type(error))


def snapshot(cls: type) -> dict[str, Any]:
    """What an undo has to bring back, by identity; the values are kept alive by it."""
    functions = {
        name: _content(value)
        for name, value in class_dict(cls).items()
        if isinstance(value, types.FunctionType)
    }
    return {
        "members": [(name, _Same(value)) for name, value in class_dict(cls).items()],
        "functions": functions,
        "bases": [_Same(it) for it in cls.__bases__],
        "mro": [_Same(it) for it in type.__dict__["__mro__"].__get__(cls)],
        "type": _Same(type(cls)),
        "flags": cls.__flags__ & ~_VALID_VERSION_TAG,
        "subclasses": [_Same(it) for it in type.__subclasses__(cls)],
        "names": (cls.__name__, cls.__qualname__, cls.__module__),
        "sizes": (cls.__basicsize__, cls.__dictoffset__, cls.__weakrefoffset__),
        "registered": [_subclasses(base, cls.__module__) for base in cls.__bases__],
    }


def _subclasses(base: type, module: str) -> set[int]:
    """What a base of the same program has; which of two it knows first is no matter.

    Those of others, such as object, have what is not yet collected.
    """
    program = module.partition("_")[0] + "_"
    if not str(base.__module__).startswith(program):
        return set()
    return {id(it) for it in type.__subclasses__(base)}


def _content(function: types.FunctionType) -> tuple[object, ...]:
    closure = tuple(_Same(cell.cell_contents) for cell in function.__closure__ or ())
    return (
        _Same(function.__code__),
        _Same(function.__defaults__),
        _Same(function.__kwdefaults__),
        function.__doc__,
        closure,
        function.__dict__.copy(),
    )


class _Same:
    """Equal to what holds the very same object."""

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self.value).__name__} at {id(self.value):#x}"
