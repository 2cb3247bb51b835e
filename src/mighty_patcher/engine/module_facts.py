"""What can be known of a module without asking it.

Reading an attribute of a module may run a module-level ``__getattr__`` (PEP 562), finish a lazy
import, or reach an object that only poses as a module. So everything here goes through
`namespace_of`.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ModuleSpec,
)
from types import ModuleType
from typing import Any, TypeGuard

from mighty_patcher.engine.behind import Behind, all_behind
from mighty_patcher.engine.toplevel import is_special

__all__ = [
    "SOURCE",
    "LazyModule",
    "every_module",
    "filename_of",
    "is_at",
    "is_loaded",
    "is_module",
    "is_submodule",
    "loads_lazily",
    "may_be_file",
    "name_of_module",
    "named_by",
    "namespace_of",
    "only_names_file",
    "package_of",
    "read_namespace",
    "shown_name",
    "spec_of",
]

SOURCE = tuple(SOURCE_SUFFIXES)
_NO_SOURCE = (*BYTECODE_SUFFIXES, *EXTENSION_SUFFIXES)
read_namespace = vars(ModuleType)["__dict__"].__get__
LazyModule = getattr(importlib.util, "_LazyModule", None)


def namespace_of(module: ModuleType) -> dict[str, Any]:
    """Return a module's namespace without running any of the program's code.

    ``vars(module)`` would: a class may define ``__dict__`` (apipkg does), and any attribute of a
    module that `importlib.util.LazyLoader` made finishes its import.
    """
    if type(module) is Behind:
        return module.namespace  # of its own it has nothing
    namespace: dict[str, Any] = read_namespace(module)
    return namespace


def every_module() -> list[ModuleType]:
    """List all that is loaded, each once, and what others have taken the place of."""
    # By its type alone: isinstance asks the object for its `__class__`, which may raise.
    loaded = {id(module): module for module in sys.modules.copy().values()}.values()
    modules = [module for module in loaded if issubclass(type(module), ModuleType)]
    return [*modules, *all_behind()]


def named_by(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    """Return what a name stands for, or a name in modules; None for anything else.

    Args:
        expression: The expression; nothing of it is executed.
        names: What names stand for where it is written, those of `builtins` aside.
    """
    match expression:
        case ast.Name(id=name):
            return names.get(name, vars(builtins).get(name))
        case ast.Attribute(value=value, attr=name):
            owner = named_by(value, names)
            return namespace_of(owner).get(name) if is_module(owner) else None
    return None


def name_of_module(module: ModuleType) -> str:
    """Return the name by which others import a module, or ``"?"`` where nobody knows it.

    That is its ``__name__``, unless it has set that to the name of another one, of which it wants
    to seem a part (``__name__ = __name__.rpartition(".")[0]``): then its spec tells.
    """
    name = shown_name(module)
    if sys.modules.get(name) is not module:
        spec = spec_of(module)
        if spec is not None and sys.modules.get(spec.name) is module:
            return spec.name
    return name


def shown_name(module: ModuleType) -> str:
    """Return a module's ``__name__``, which its classes and functions have as their module, or
    ``"?"`` where the program has taken it away.
    """
    name = namespace_of(module).get("__name__")
    return name if isinstance(name, str) else "?"


def is_submodule(value: object, package: str, name: str) -> bool:
    """Tell whether a value is the module of a name in a package, which has it as an attribute of
    this name whether or not the package itself imports it.

    Args:
        value: The value.
        package: The name of the package.
        name: The name in it.
    """
    return issubclass(type(value), ModuleType) and sys.modules.get(f"{package}.{name}") is value


def package_of(module: ModuleType) -> str:
    """Return the package that a module's relative imports start from; ``""`` for none."""
    spec = spec_of(module)
    package = namespace_of(module).get("__package__") if spec is None else spec.parent
    return package if isinstance(package, str) else ""


def spec_of(module: ModuleType) -> ModuleSpec | None:
    """Return a module's ``__spec__`` if it is one; a script run as ``__main__`` has none."""
    spec = namespace_of(module).get("__spec__")
    return spec if issubclass(type(spec), ModuleSpec) else None


def filename_of(module: ModuleType) -> str | None:
    """Return the source file that a module says it was loaded from.

    Args:
        module: A loaded module.

    Returns:
        Its ``__file__`` as it stands, perhaps relative; `None` if there is none, or if it is no
        source: bytecode without source and extension modules are left alone. A script may have
        any suffix.
    """
    namespace = namespace_of(module)
    file = namespace.get("__file__")
    if not isinstance(file, str):
        return None
    if file.endswith(SOURCE):
        return file
    is_script = namespace.get("__name__") == "__main__"
    if not is_script or file.endswith(_NO_SOURCE) or file.startswith("<"):  # `<stdin>`
        return None
    return file


def is_module(module: object) -> TypeGuard[ModuleType]:
    """Tell whether an object is a module. Not by isinstance, which asks it for its `__class__`."""
    return issubclass(type(module), ModuleType)


def is_loaded(module: object) -> TypeGuard[ModuleType]:
    """Tell whether an object is a module that has been executed, or has begun to be: it may have a
    class of its own, unless that is the one of those which are still to be loaded.
    """
    return is_module(module) and type(module) is not LazyModule


def loads_lazily(module: ModuleType) -> bool:
    """Tell whether a lazy module has begun to load; on 3.11 it is none any more then."""
    state = getattr(spec_of(module), "loader_state", None)
    return isinstance(state, dict) and bool(state.get("is_loading"))


def may_be_file(module: ModuleType) -> bool:
    """Tell whether a module says nothing against having been loaded from a source file."""
    namespace = namespace_of(module)
    if namespace.get("__file__") is not None or "__path__" in namespace:
        return False  # Of another file; or a namespace package, which is of none.
    spec = spec_of(module)
    return spec is None or spec.origin not in ("built-in", "frozen")


def only_names_file(module: ModuleType) -> bool:
    """Tell whether a module bears a file that it was not executed from: it is none that an import
    has made, and has nothing but what every module has, and other modules.
    """
    namespace = namespace_of(module).copy()
    return (
        spec_of(module) is None
        and namespace.get("__name__") != "__main__"
        and all(is_module(value) or is_special(name) for name, value in namespace.items())
    )


def is_at(module: ModuleType, path: str) -> bool:
    """Tell whether a module was loaded from a file."""
    file = filename_of(module)
    return file is not None and os.path.realpath(file) == os.path.realpath(path)
