"""Who imports whom: from the sources of modules, and from what loaded modules hold.

Nothing is run, and no import is watched: an import statement tells the same on the thousandth day
as on the first. What a source cannot tell (a module named by a variable) is seen in the namespaces
of the modules that are loaded.
"""

from __future__ import annotations

import ast
import importlib.util
import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType

from mighty_patcher.engine import version
from mighty_patcher.engine.classes import class_dict
from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of, package_of
from mighty_patcher.errors import SourceError

__all__ = ["Graph", "Held", "Sources", "Unknown", "Use", "graph_of_loaded", "uses_of"]

_HELD = "it holds something of it"


@dataclass(frozen=True)
class Use:
    """One import of a module by another.

    Attributes:
        module: The absolute name of the module that is imported from.
        name: The name there, which may be a submodule; ``"*"`` for a star import; ``""`` where the
            module itself is imported.
        line: The line of the statement or call, from 1.
        where: The qualified name of the function or class in which it stands; ``""`` at the top.
    """

    module: str
    name: str
    line: int
    where: str

    def target(self, names: Collection[str]) -> str | None:
        """Return the module that this depends on, or None if none of that name is known.

        Args:
            names: The names of the known modules.
        """
        submodule = f"{self.module}.{self.name}"
        if self.name and submodule in names:
            return submodule
        return self.module if self.module in names else None

    def __str__(self) -> str:
        what = f"from {self.module} import {self.name}" if self.name else f"import {self.module}"
        return f"{what}, in {self.where}()" if self.where else what


@dataclass(frozen=True)
class Unknown:
    """An import of which only running tells the module.

    Attributes:
        line: The line of the call, from 1.
        where: The qualified name of the function or class in which it stands; ``""`` at the top.
    """

    line: int
    where: str


@dataclass(frozen=True)
class Held:
    """A module, function or class of another module that a namespace holds."""

    module: str

    def __str__(self) -> str:
        return _HELD


# --- one source -------------------------------------------------------------------------------


def uses_of(tree: ast.Module, name: str, package: str) -> list[Use | Unknown]:
    """List every import of a source: at the top, in functions and classes, and by importlib.

    What only a type checker sees is left out.

    Args:
        tree: The syntax tree of the module.
        name: Its name.
        package: Its ``__package__``; where that is empty, it is derived from the name.

    Returns:
        The imports, in the order of the source.
    """
    reader = _Reader(name, package or name.rpartition(".")[0])
    reader.visit(tree)
    return reader.uses


class _Reader(ast.NodeVisitor):
    """Reads a source from top to bottom, and keeps count of where it is."""

    def __init__(self, name: str, package: str) -> None:
        self.uses: list[Use | Unknown] = []
        self._constants = {"__name__": name, "__package__": package}
        self._package = package
        self._where: list[str] = []
        # What `importlib.import_module` is called here, and `importlib`.
        self._functions = {"__import__"}
        self._importlibs: set[str] = set()

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._use(alias.name, "", node.lineno)
            if alias.asname is None:  # it binds the outermost package, and by that all between
                for parent in _parents(alias.name):
                    self._use(parent, "", node.lineno)
            if alias.name.partition(".")[0] == "importlib":
                self._importlibs.add(alias.asname or "importlib")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = self._absolute("." * node.level + (node.module or ""))
        for alias in node.names if module is not None else ():
            self._use(module or "", alias.name, node.lineno)
            if (module, alias.name) == ("importlib", "import_module"):
                self._functions.add(alias.asname or alias.name)

    def visit_Call(self, node: ast.Call) -> None:
        if self._is_import(node.func):
            self._call(node)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        match node.test:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                self._all(node.orelse)
            case ast.UnaryOp(
                op=ast.Not(),
                operand=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"),
            ):
                self._all(node.body)
            case _:
                self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope(node)

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._where.append(node.name)
        self.generic_visit(node)
        self._where.pop()

    def _all(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            self.visit(node)

    def _is_import(self, function: ast.expr) -> bool:
        match function:
            case ast.Name(id=name):
                return name in self._functions
            case ast.Attribute(value=ast.Name(id=name), attr="import_module" | "__import__"):
                return name in self._importlibs or name == "builtins"
            case _:
                return False

    def _call(self, node: ast.Call) -> None:
        """``import_module("a.b")``, ``import_module(".b", __package__)``, ``__import__("a")``."""
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        name = self._constant(node.args[0] if node.args else keywords.get("name"))
        package = self._constant(node.args[1] if len(node.args) > 1 else keywords.get("package"))
        module = None if name is None else self._absolute(name, package)
        if module is None:
            self.uses.append(Unknown(node.lineno, ".".join(self._where)))
        else:
            self._use(module, "", node.lineno)

    def _constant(self, node: ast.expr | None) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self._constants.get(name)
            case _:
                return None

    def _absolute(self, name: str, package: str | None = None) -> str | None:
        try:
            return importlib.util.resolve_name(name, package or self._package)
        except ImportError:  # beyond the top, or relative in no package: the import itself fails
            return None

    def _use(self, module: str, name: str, line: int) -> None:
        self.uses.append(Use(module, name, line, ".".join(self._where)))


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


# --- many -------------------------------------------------------------------------------------


class Graph:
    """Modules, and who needs whom.

    Args:
        needs: For each module by name, the modules that it needs itself, each with why.
    """

    def __init__(self, needs: Mapping[str, Mapping[str, Use | Held]]) -> None:
        self._needs = {name: dict(needed) for name, needed in needs.items()}
        self._needed_by: dict[str, dict[str, Use | Held]] = {}
        for importer, needed in self._needs.items():
            for name, why in needed.items():
                self._needed_by.setdefault(name, {})[importer] = why

    @classmethod
    def of(
        cls, uses: Mapping[str, Iterable[Use | Unknown | Held]], others: Collection[str] = ()
    ) -> Graph:
        """Make it from what each module imports.

        Args:
            uses: The imports of each module, by its name.
            others: The names of modules that are known beside these.
        """
        names = {*uses, *others}
        needs: dict[str, dict[str, Use | Held]] = {}
        for importer, found in uses.items():
            needed = needs.setdefault(importer, {})
            for use in found:
                target = _target(use, names)
                if target is not None and target != importer and not isinstance(use, Unknown):
                    needed.setdefault(target, use)
        return cls(needs)

    def dependencies(self, name: str) -> dict[str, str]:
        """Return what a module needs, the nearest first, each with the one by which it does."""
        return _reached(name, lambda one: self._needs.get(one, {}))

    def dependents(self, name: str) -> dict[str, str]:
        """Return who needs a module, the nearest first, each with the one by which it does."""
        return _reached(name, lambda one: self._needed_by.get(one, {}))

    def importers(self, name: str) -> frozenset[str]:
        """Return who needs a module itself."""
        return frozenset(self._needed_by.get(name, ()))

    def why(self, importer: str, name: str) -> Use | Held | None:
        """Return the import by which one module needs another itself."""
        return self._needs.get(importer, {}).get(name)


def _target(use: Use | Unknown | Held, names: Collection[str]) -> str | None:
    match use:
        case Use():
            return use.target(names)
        case Held():
            return use.module if use.module in names else None
        case _:
            return None


def _reached(start: str, neighbours: Callable[[str], Iterable[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for name in neighbours(here):
            if name != start and name not in found:
                found[name] = here
                waiting.append(name)
    return found


class Sources:
    """The imports of source files; each version of a file is parsed once."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], tuple[bytes, list[Use | Unknown]]] = {}

    def uses(self, path: str, name: str, package: str) -> list[Use | Unknown]:
        """Return what a file imports.

        Args:
            path: The file.
            name: The name of the module that it is.
            package: Its package.

        Raises:
            SourceError: It does not read or parse.
        """
        text = version.read(path)
        digest, uses = self._known.get((path, name, package), (b"", []))
        if digest != text.digest:
            uses = uses_of(text.tree, name, package)
            self._known[path, name, package] = text.digest, uses
        return uses


def graph_of_loaded(modules: Iterable[ModuleType], sources: Sources) -> Graph:
    """Return who needs whom among loaded modules.

    Args:
        modules: The modules.
        sources: Remembers what was parsed.
    """
    by_name = {name_of_module(module): module for module in modules}
    uses: dict[str, list[Use | Unknown | Held]] = {}
    for name, module in by_name.items():
        uses[name] = [*_from_source(module, name, sources), *_held_by(module)]
    return Graph.of(uses)


def _from_source(module: ModuleType, name: str, sources: Sources) -> list[Use | Unknown]:
    file = filename_of(module)
    try:
        return sources.uses(os.path.realpath(file), name, package_of(module)) if file else []
    except SourceError:  # half typed; what the module holds is known all the same
        return []


def _held_by(module: ModuleType) -> Iterator[Held]:
    """Yield the modules of which a namespace holds something, looking at nothing but types.

    An import that is still lazy (PEP 810) is an object of a type of its own, and stays so.
    """
    own = name_of_module(module)
    for name, value in list(namespace_of(module).items()):
        owner: object = None
        if issubclass(type(value), ModuleType):
            owner = name_of_module(value)
            if owner == f"{own}.{name}":  # a package has its submodules, whoever imports them
                continue
        elif type(value) is FunctionType:
            owner = value.__module__
        elif issubclass(type(value), type):
            owner = class_dict(value).get("__module__")
        if isinstance(owner, str):
            yield Held(owner)
