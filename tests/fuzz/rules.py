"""What a save may and must do, found from the texts alone and without the engine's own analysis.

Names are resolved through the imports of all modules to nodes, a module and a name. From two
versions `Step` finds the statements that may run: those that are new or changed, and those that
read, as they run, a name whose value another statement may have changed. Where the rule leaves
something behind by design, it finds the names of which nothing can be said (they are *unknown*).
The exceptions are these, and no others, each with the rule of DESIGN.md ("What runs again") that it
follows from:

* The effect of a bare call or of ``T["a"] = 1`` that was removed or edited stays: what it has
  changed is unknown until the statement that makes the object runs again; so is what was computed
  before it, and stands behind it now, or the other way round. Rule 2 runs what changed, and rule 3
  keeps everything else: nobody can revert a call, and the plan says that its effect stays.
* What a function of the program returned while the module ran (``c = f(2)``) is not computed again
  when the function's body or what the function reads has changed: c is unknown until it is. Rule 1
  executes nothing for a body; the report says that c was made before (made_before.py), or it is a
  fault.
* A statement that runs sees what others, which come after it, have changed in place: by rule 3
  these are kept, and the object with them.
* A name that is set in a block only may be left from a branch that is not taken any more: rule 6
  deletes what is deleted from the source, and this is not. The report says so, or it is a fault.
  So does it of a name that is gone where modules import everything from each other.
* What a module of a cycle gets from another while that is still being executed is unknown if it is
  bound again or changed in place later on, until its import is edited: by rule 6 who is reloaded
  has the value that the name has now, and its value of halfway through an import is gone. So is,
  for an import of everything, a name that is bound later on. The report says so (moments.py), or it
  is a fault; unless it is as in a process that begins with another module of the cycle, for nobody
  knows with which one a process has begun.
* A package has a module in it as soon as anybody has imported that: whether an import of everything
  finds it is nobody's business.
* A reload may fail, loudly, where a module of a cycle reads what another one has deleted by now.
* Of two definitions of one name a reload makes one object: rule 2, a definition that is run keeps
  the old identity.
* Whatever is computed from something unknown is unknown.

A table whose keys are only set by ``T["a"] = 1`` is not unknown because one of these was edited:
the last one of each key has the last word.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from compare import Key, Words
from processes import Seen, module_of
from programs import Texts

__all__ = ["LEFT", "Cause", "Causes", "Memory", "Node", "Step", "Version", "differing"]

Node = tuple[str, str]
Path = tuple[str, ...]
_Function = (ast.FunctionDef, ast.AsyncFunctionDef)
_Definition = (*_Function, ast.ClassDef)
_NOTE = re.compile(r'note\("(\w+)"')
_known: dict[Hashable, Statement] = {}
CHANGED, RETURNED, LATE, LATE_ELSEWHERE, AROUND, LEFT, HANDED_ROUND, HALFWAY, NOT_YET = (
    "changed in place",
    "returned before",
    "sees what was changed later",
    "sees what was changed later in another module",
    "stands elsewhere than what changes it",
    "left from a branch",
    "left where modules import everything from each other",
    "got halfway",
    "read halfway, or not there yet",
)
"""Why nothing can be said of something."""
MUST_BE_SAID = {RETURNED, LEFT, HANDED_ROUND, HALFWAY, NOT_YET}
"""Of these the report has to name what a fresh process has not, or what that is made of. It mostly
names the others, too: not where one module changes in place what another has read, or has read by
another way. `fuzzing.py SEED COUNT excused` counts these.
"""


@dataclass(frozen=True)
class Cause:
    """Why nothing can be said of something, and where that comes from.

    Attributes:
        reason: Why.
        module: The module of what is first of all not as a fresh process has it.
        names: What that is called in reports.
    """

    reason: str
    module: str = ""
    names: tuple[str, ...] = ()

    def is_said(self, said: Container[Node]) -> bool:
        """Tell whether a report has said so."""
        return self.reason not in MUST_BE_SAID or any(
            (self.module, it) in said for it in self.names
        )


Causes = frozenset[Cause]
_LOOKED_INTO = ("Match", "Try", "With")
_PLAIN = re.compile(r'\w+\["\w+"\] = \d+')
_NEVER = ("if __name__", "if typing.TYPE_CHECKING")


@dataclass(frozen=True)
class Statement:
    """A statement that is executed as a whole.

    Attributes:
        text: How it is spelt, without comments, below the headers of the blocks that it is in.
        evaluated: The same without what stands in functions, which is not evaluated.
        outer: Of a function the same without what stands in functions in it.
        binds: Names that it binds or deletes.
        reads: Names that it reads when it is executed, with their attributes.
        deep: Those that functions in it read, too.
        outer_reads: Those that it reads when it is called, but not functions in it.
        called: What it calls, and so depends on what functions do.
        asked: The classes that it takes attributes of.
        mutates: What it changes in place.
        subscript: Where it does so by a key, the key.
        notes: Keys of its notes.
        twice: Of a class the names that it binds more than once.
        members: Of a class what is evaluated of each statement in it, and the keys of its notes.
        kind: The type of the statement.
        defines: There are definitions in it, or it is one.
        is_decorated: It is a definition with decorators.
        in_block: It stands in a block, and may not be executed.
        in_loop: It may be executed more than once.
    """

    text: str
    evaluated: str
    outer: str
    binds: tuple[str, ...]
    reads: frozenset[Path]
    deep: frozenset[Path]
    outer_reads: frozenset[Path]
    called: frozenset[tuple[str, Path]]
    asked: frozenset[Path]
    mutates: frozenset[Path]
    subscript: str
    notes: tuple[str, ...]
    kind: str
    defines: bool
    is_decorated: bool
    in_block: bool
    in_loop: bool
    imports: tuple[tuple[str, str, str], ...] = ()
    twice: frozenset[str] = frozenset()
    members: tuple[tuple[str, tuple[str, ...]], ...] = ()


# --- one text -------------------------------------------------------------------------------------


@lru_cache(maxsize=400)
def _statements(text: str, module: str, is_package: bool) -> tuple[Statement, ...]:
    reader = _Reader(text, module, is_package)
    return tuple(reader.body(ast.parse(text).body, "", frozenset(), False))


class _Reader:
    def __init__(self, text: str, module: str, is_package: bool) -> None:
        self._lines = text.split("\n")
        self._package = module if is_package else module.rpartition(".")[0]

    def body(
        self, body: list[ast.stmt], above: str, reads: frozenset[Path], in_block: bool
    ) -> Iterator[Statement]:
        for node in body:
            header = self._lines[node.lineno - 1].strip()
            if isinstance(node, ast.If) and not header.startswith(_NEVER):
                extra = reads | frozenset(_paths(_evaluated([node.test], deep=False)))
                yield from self.body(node.body, above + header, extra, True)
                yield from self.body(node.orelse, above + header + "else", extra, True)
            elif not header.startswith(_NEVER):
                yield self._statement(node, above, reads, in_block)

    def _statement(
        self, node: ast.stmt, above: str, reads: frozenset[Path], in_block: bool
    ) -> Statement:
        text = self._text(node, [])
        key = text, above, reads, in_block, self._package
        if key not in _known:
            if len(_known) > 2000:
                _known.clear()
            _known[key] = self._read(node, text, above, reads, in_block)
        return _known[key]

    def _read(
        self, node: ast.stmt, text: str, above: str, reads: frozenset[Path], in_block: bool
    ) -> Statement:
        inner = [it for it in _inside(node) if isinstance(it, _Function)]
        evaluated = list(_evaluated([node], deep=False))
        mutated, subscript = _mutated(evaluated)
        first = [it for it in _inside(node, deep=False) if isinstance(it, _Function)]
        nested = [it for it in inner if it not in first]
        read = reads | frozenset(_paths(evaluated))
        is_deep = inner or "lambda" in text
        return Statement(
            text=above + text,
            evaluated=above + self._text(node, inner) if inner else above + text,
            outer=above + self._text(node, nested) if nested else above + text,
            binds=tuple(dict.fromkeys(_bound([node]))),
            reads=read,
            deep=read | frozenset(_paths(_evaluated([node], deep=True))) if is_deep else read,
            outer_reads=frozenset(
                path for it in first for path in _paths(_evaluated(it.body, deep=False))
            ),
            called=frozenset(_called(evaluated)),
            asked=frozenset(_asked(evaluated)),
            mutates=frozenset(mutated),
            subscript=subscript,
            notes=tuple(_NOTE.findall(self._text(node, inner))),
            kind=type(node).__name__,
            defines=any(isinstance(it, _Definition) for it in _inside(node, deep=False)),
            is_decorated=any(getattr(it, "decorator_list", ()) for it in _inside(node, deep=False)),
            in_block=in_block or isinstance(node, ast.For | ast.Try | ast.With | ast.Match),
            in_loop=isinstance(node, ast.For)
            or ("for " in text and any(isinstance(it, ast.For) for it in _inside(node))),
            imports=tuple(self._imports(node)) if "import " in text else (),
            twice=_bound_twice(node) if isinstance(node, ast.ClassDef) else frozenset(),
            members=tuple(self._members(node)) if isinstance(node, ast.ClassDef) else (),
        )

    def _members(self, cls: ast.ClassDef) -> Iterator[tuple[str, tuple[str, ...]]]:
        for node in cls.body:
            text = self._text(node, [it for it in _inside(node) if isinstance(it, _Function)])
            yield text, tuple(_NOTE.findall(text))

    def _text(self, node: ast.stmt, without: list[ast.AST]) -> str:
        decorators = getattr(node, "decorator_list", ())
        first = decorators[0].lineno if decorators else node.lineno
        gone = {
            line
            for it in without
            for line in range(it.body[0].lineno, (it.end_lineno or 0) + 1)  # type: ignore[attr-defined]
        }
        lines = [
            self._lines[line - 1][node.col_offset :]
            for line in range(first, (node.end_lineno or 0) + 1)
            if line not in gone
        ]
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))

    def _imports(self, node: ast.stmt) -> Iterator[tuple[str, str, str]]:
        """Yield bound name, module, and name in it, which is empty for the module itself."""
        for it in _inside(node):
            if isinstance(it, ast.Import):
                for alias in it.names:
                    if alias.asname:
                        yield alias.asname, alias.name, ""
                    else:
                        first = alias.name.partition(".")[0]
                        yield first, first, ""
            elif isinstance(it, ast.ImportFrom):
                source = it.module or ""
                if it.level:
                    source = f"{self._package}.{source}".rstrip(".")
                for alias in it.names:
                    yield alias.asname or alias.name, source, alias.name


def _inside(node: ast.stmt, *, deep: bool = True) -> Iterator[ast.stmt]:
    """Yield a statement and those in it, and if asked those in definitions, too."""
    waiting: list[ast.AST] = [node]
    while waiting:
        it = waiting.pop()
        if isinstance(it, ast.stmt):
            yield it
            if isinstance(it, _Definition) and not deep:
                continue
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            found = getattr(it, name, ())
            waiting += found if isinstance(found, list) else ()


def _evaluated(nodes: Iterable[ast.AST], *, deep: bool) -> Iterator[ast.AST]:
    """Yield the nodes that are evaluated, and if asked those in functions, too."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        kind = type(node)
        if kind is ast.Name or kind is ast.Constant:
            continue
        if kind in _Function and not deep:
            waiting += [*node.decorator_list, node.args]  # type: ignore[attr-defined]
            waiting += [] if node.returns is None else [node.returns]  # type: ignore[attr-defined]
        elif kind is ast.Lambda and not deep:
            waiting.append(node.args)  # type: ignore[attr-defined]
        else:
            for name in node._fields:
                found = getattr(node, name)
                if isinstance(found, ast.AST):
                    waiting.append(found)
                elif found.__class__ is list:
                    waiting += (it for it in found if isinstance(it, ast.AST))


def _paths(nodes: Iterable[ast.AST]) -> Iterator[Path]:
    for node in nodes:
        reads = _READS.get(type(node))
        if reads is not None:
            yield from reads(node)


def _read_name(node: ast.Name) -> Iterator[Path]:
    if isinstance(node.ctx, ast.Load):
        yield (node.id,)


def _read_sum(node: ast.AugAssign) -> Iterator[Path]:
    if isinstance(node.target, ast.Name):  # also what is bound: of x += 1 x is read
        yield (node.target.id,)


def _read_attribute(node: ast.Attribute) -> Iterator[Path]:
    path = _path(node)
    if path:
        yield path


def _read_import_from(node: ast.ImportFrom) -> Iterator[Path]:
    if not node.level:
        for alias in node.names:
            yield ("import", node.module or "", alias.name)


def _read_import(node: ast.Import) -> Iterator[Path]:
    for alias in node.names:
        yield ("import", alias.name, "")


_READS: dict[type, Callable[[Any], Iterator[Path]]] = {
    ast.Name: _read_name,
    ast.AugAssign: _read_sum,
    ast.Attribute: _read_attribute,
    ast.ImportFrom: _read_import_from,
    ast.Import: _read_import,
}


def _path(node: ast.expr) -> Path:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else ()


def _bound(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                continue
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.Lambda() | ast.ListComp() | ast.GeneratorExp():
                continue
        yield from _bound(ast.iter_child_nodes(node))


def _bound_twice(cls: ast.ClassDef) -> frozenset[str]:
    counts = Counter(name for node in cls.body for name in {*_bound([node])})
    return frozenset(name for name, count in counts.items() if count > 1)


def _called(nodes: list[ast.AST]) -> Iterator[tuple[str, Path]]:
    """Yield what a statement calls when it is executed, and how far that matters."""
    for it in nodes:
        for decorator in getattr(it, "decorator_list", ()):
            path = _path(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if path:
                yield "decorator", path
        if isinstance(it, ast.Call):
            path = _path(it.func)
            if path and path != ("getattr",):
                yield "call", path


def _asked(nodes: list[ast.AST]) -> Iterator[Path]:
    for it in nodes:
        if isinstance(it, ast.Call) and _path(it.func) == ("getattr",):
            yield _path(it.args[0])


def _mutated(nodes: list[ast.AST]) -> tuple[set[Path], str]:
    found: set[Path] = set()
    subscript = ""
    for it in nodes:
        if isinstance(it, ast.Call) and isinstance(it.func, ast.Attribute):
            if it.func.attr == "append":
                found.add(_path(it.func.value))
        elif isinstance(it, ast.Subscript) and isinstance(it.ctx, ast.Store):
            found.add(_path(it.value))
            subscript = ast.unparse(it.slice)
    return found - {()}, subscript


# --- all texts ------------------------------------------------------------------------------------


class Version:
    """The texts of a program at one time, and what a fresh process makes of them.

    Args:
        texts: The sources.
        seen: What a fresh process holds.
    """

    def __init__(self, texts: Texts, seen: Seen) -> None:
        self.texts, self.words = texts, seen.words
        self.notes = Counter((module, key) for module, key, _ in seen.notes)
        self.noted = defaultdict(list)
        for module, key, value in seen.notes:
            self.noted[module, key].append(value)
        self.statements = {
            module_of(path): _statements(text, module_of(path), path.endswith("__init__.py"))
            for path, text in texts.items()
        }
        self.binders: dict[Node, list[Statement]] = defaultdict(list)
        for module, statements in self.statements.items():
            for statement in statements:
                for name in statement.binds:
                    self.binders[module, name].append(statement)
        self._modules: dict[Node, str] = {}
        self.sources: dict[Node, Node] = {}
        self.all_sources: dict[Node, list[Node]] = defaultdict(list)
        self._origins: dict[Node, Node] = {}
        self._in_calls: dict[tuple[str, str], set[str]] = {}
        self.twice: set[Node] = set()
        self.in_star_cycles: set[str] = set()
        self.not_yet: set[Node] = set()
        self.stars: dict[str, list[str]] = {
            module: [
                source
                for it in found
                for bound, source, _ in it.imports
                if bound == "*" and source in self.statements
            ]
            for module, found in self.statements.items()
        }
        for module in self.statements:
            self._resolve_imports(module)
        self.halfway = self._find_halfway()

    @cached_property
    def has_two_definitions(self) -> bool:
        """Whether any name has two, of which a reload makes one object."""
        return any(sum(it.defines for it in binders) > 1 for binders in self.binders.values())

    @cached_property
    def deleted_halfway(self) -> list[str]:
        """The names that modules of a cycle have while they are executed, and not at their ends."""
        return [name for module, name in self.twice if (module, name, "value") not in self.words]

    def _resolve_imports(self, module: str) -> None:
        for statement in self.statements[module]:
            if statement.kind not in ("Import", "ImportFrom"):
                continue
            for bound, source, name in statement.imports:
                inner = f"{source}.{name}" if name else source
                if name == "*":
                    for known in self.names(source):
                        self.sources.setdefault((module, known), (source, known))
                        self.all_sources[module, known].append((source, known))
                        self.binders[module, known].append(statement)
                elif inner in self.statements and (source, name) not in self.binders:
                    self._modules[module, bound] = inner
                elif source in self.statements and name:
                    self.sources[module, bound] = source, name
                    self.all_sources[module, bound].append((source, name))

    def _find_halfway(self) -> set[Node]:
        """Return what modules of a cycle get from each other before it has its last value."""
        needs = {
            module: {it for s in found for it in _executed_by(s)
                     if it in self.statements and it != module}
            for module, found in self.statements.items()
        }  # fmt: skip
        for _ in needs:
            needs = {it: set.union(found, *(needs[other] for other in found))
                     for it, found in needs.items()}  # fmt: skip
        cyclic = {module for module, found in needs.items() if module in found}
        if not cyclic:
            return set()
        self.in_star_cycles = {it for it in cyclic if not cyclic.isdisjoint(self.stars[it])}
        self.twice = twice = {
            node for node, binders in self.binders.items() if node[0] in cyclic and len(binders) > 1
        }
        twice |= {
            node for module, it in self.all() if module in cyclic
            for node in _targets(self, module, it) if node[0] in cyclic
        }  # fmt: skip
        found = {node for node in self.sources if not twice.isdisjoint(self.way(node))}
        self.not_yet = self._not_yet_there(cyclic)
        found.update(self.not_yet)
        for module, it in self.all():
            if module not in cyclic:
                continue
            nodes = self.all_nodes(module, it.deep)
            nodes |= {other for node in nodes for other in self.way(node)}
            if any(node[0] != module for node in nodes & twice):
                found |= {(module, name) for name in it.binds}
                if it.kind not in ("Import", "ImportFrom"):
                    self.not_yet |= {(module, name) for name in it.binds}
        return found

    def _not_yet_there(self, cyclic: set[str]) -> set[Node]:
        """Return what a star import takes from a module of a cycle if it waits for its end, and who
        else has that then.
        """
        found: set[Node] = set()
        stars = [(module, source) for module, it in self.stars.items() for source in it]
        for _ in stars:
            for module, source in stars:
                names = {name for owner, name in found if owner == source}
                if {module, source} <= cyclic:
                    names |= self.names(source)
                    if (source, "__all__") in self.binders:  # which is not there yet either
                        found |= {(module, name) for name in self.names(source)}
                found |= {(module, it) for it in names if (module, it, "value") not in self.words}
        return found

    def names(self, module: str) -> set[str]:
        """Return the names that a module holds in a fresh process."""
        return {name for owner, name, _ in self.words if owner == module and name[0] != "_"}

    def nodes(self, module: str, path: Path) -> Iterator[Node]:
        """Yield what a path leads through."""
        if path[0] == "import":
            if path[1] in self.statements and path[2]:
                yield path[1], path[2]
            return
        node = module, path[0]
        yield node
        inner = self._modules.get(node)
        if path[0] in self.statements and node not in self.binders:
            inner = path[0]  # a function may import it by this name
        for at, name in enumerate(path[1:], 1):
            if inner is None:
                return
            below = f"{inner}.{name}"
            if below in self.statements and at < len(path) - 1:
                inner = below
            else:
                yield inner, name
                inner = self._modules.get((inner, name))

    def all_nodes(self, module: str, paths: Iterable[Path]) -> set[Node]:
        return {node for path in paths for node in self.nodes(module, path)}

    def origin(self, node: Node) -> Node:
        """Follow imports to where something is defined."""
        if node not in self._origins:
            self._origins[node] = self._origin(node, set()) or node
        return self._origins[node]

    def way(self, node: Node) -> set[Node]:
        """Return all that a name may have its value from, without itself."""
        found: set[Node] = set()
        waiting = list(self.all_sources.get(node, ()))
        while waiting:
            source = waiting.pop()
            if source not in found:
                found.add(source)
                waiting += self.all_sources.get(source, ())
        return found

    def _origin(self, node: Node, seen: set[Node]) -> Node | None:
        """Return nothing where imports lead back: then an earlier one has brought it."""
        if node in seen:
            return None
        if node not in self.sources:
            return node
        seen.add(node)
        sources = [self.sources[node], *reversed(self.all_sources.get(node, ()))]
        return next(filter(None, (self._origin(it, seen) for it in dict.fromkeys(sources))), None)

    def all(self) -> Iterator[tuple[str, Statement]]:
        for module, statements in self.statements.items():
            for statement in statements:
                yield module, statement

    def _is_decorated(self, node: Node) -> bool:
        """Tell whether decorators have a say in what a function does, or a class or a base of it
        makes of its instances.
        """
        seen: set[Node] = set()
        waiting = [node]
        while waiting:
            node = self.origin(waiting.pop())
            binder = (self.binders.get(node) or [None])[-1]  # type: ignore[list-item]
            if binder is None or node in seen:
                continue
            seen.add(node)
            if binder.is_decorated:
                return True
            if binder.kind == "ClassDef":
                waiting += self.all_nodes(node[0], binder.reads)
        return False

    def read_in_calls(self, module: str, statement: Statement) -> set[str]:
        """Return the names that functions of its module read which a statement calls."""
        key = module, statement.text
        if key not in self._in_calls:
            found: set[str] = set()
            waiting = [path[0] for _, path in statement.called]
            seen = set(waiting)
            while waiting:
                for binder in self.binders.get((module, waiting.pop()), ()):
                    if binder.defines:
                        names = {path[0] for path in binder.deep}
                        found |= names
                        waiting += names - seen
                        seen |= names
            self._in_calls[key] = found
        return self._in_calls[key]

    def signature(self, module: str, statement: Statement) -> frozenset[str]:
        """Return the texts of all that the calls in a statement depend on."""
        found: set[str] = set()
        seen: set[tuple[Node, bool]] = set()
        waiting: list[tuple[Node, bool]] = []
        for how, path in statement.called:
            for node in self.nodes(module, path):
                node = self.origin(node)
                binder = (self.binders.get(node) or [None])[-1]  # type: ignore[list-item]
                if binder is None:
                    continue
                if how == "decorator" or node[1].startswith(("deco", "make")):
                    waiting.append((node, False))
                elif self._is_decorated(node) or (binder.defines and binder.kind != "ClassDef"):
                    waiting.append((node, True))
        while waiting:
            node, deep = waiting.pop()
            node = self.origin(node)
            if (node, deep) in seen:
                continue
            seen.add((node, deep))
            for binder in self.binders.get(node, ()):
                found.add(binder.text if deep else binder.outer)
                paths = binder.deep if deep else binder.reads | binder.outer_reads
                waiting += [(it, deep) for it in self.all_nodes(node[0], paths)]
        return frozenset(found)


def _executed_by(statement: Statement) -> Iterator[str]:
    """Yield the names of the modules that the imports in a statement execute."""
    names = {f"{source}.{name}" for _, source, name in statement.imports}
    names |= {f"{path[1]}.{path[2]}" for path in statement.reads if path[0] == "import"}
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:at]) for at in range(1, len(parts) + 1))


# --- a step ---------------------------------------------------------------------------------------


@dataclass
class Memory:
    """What is carried from save to save.

    Attributes:
        results: Statements that would have another result by now, and why.
        contents: What was changed in place in a way that a fresh process does not repeat.
        left: Names that are left from a branch that is not taken any more.
        halfway: What was got in a cycle, and not again since.
        not_yet: What an import of everything did not get in one, or a statement has read in one.
    """

    results: dict[tuple[str, str], Causes] = field(default_factory=dict)
    contents: set[Node] = field(default_factory=set)
    left: dict[Node, Causes] = field(default_factory=dict)
    halfway: set[Node] = field(default_factory=set)
    not_yet: set[Node] = field(default_factory=set)


class Step:
    """One save that is in force.

    Args:
        old: What was in force.
        new: What is.
        notes: What was executed meanwhile: module, key and value.
        memory: What is carried along; it is updated.
        left: Names that are left from branches of blocks.
        begun_by: Returns what fresh processes hold that begin with other modules.
    """

    def __init__(
        self,
        old: Version,
        new: Version,
        notes: list[tuple[str, str, str]],
        memory: Memory,
        left: Mapping[Node, Causes] | None = None,
        begun_by: Callable[[], list[Words]] = list,
    ) -> None:
        self.old, self.new, self.memory = old, new, memory
        self._begun_by = begun_by
        self.excused: Counter[str] = (
            Counter()
        )  # the differences of which nothing can be said, by why
        self.ran = Counter((module, key) for module, key, _ in notes)
        self._unknown_before = _unknown(old, memory)
        memory.halfway |= old.halfway
        memory.not_yet |= old.not_yet
        memory.left = dict(left or {})
        self.changed: set[tuple[str, str]] = set()
        self.reordered: set[tuple[str, str]] = set()
        self.kept_notes: dict[str, set[str]] = {}
        self.may_run: set[tuple[str, str]] = set()
        self._reads = {
            (module, it.text): {
                other
                for node in new.all_nodes(module, it.reads)
                for other in (node, new.origin(node))
            }
            for module, it in new.all()
        }
        self._find_changed()
        self._spread()
        memory.halfway = {node for node in memory.halfway if not self._is_got_anew(node)}
        self._remember()
        self.unknown = _unknown(new, memory)

    @cached_property
    def _others(self) -> list[Words]:
        return self._begun_by()

    def may_be_otherwise(self, causes: Iterable[Causes], key: Key, ours: str) -> bool:
        """Tell whether something is as it is in a fresh process that begins with another module,
        where a cycle of modules lets that matter.
        """
        reasons = {it.reason for found in causes for it in found}
        return not reasons.isdisjoint((HALFWAY, NOT_YET, HANDED_ROUND)) and any(
            words.get(key, "<absent>") == ours for words in self._others
        )

    # ---- what may run

    def _find_changed(self) -> None:
        """Find statements that are not what they were, and names that are bound otherwise."""
        self.names: set[Node] = set()
        self.mutated: set[Node] = set()
        for module, statements in self.new.statements.items():
            before = self.old.statements[module]
            members = {text for it in before for text, _ in it.members}
            self.kept_notes[module] = {
                key for it in statements for text, keys in it.members for key in keys
                if text in members
            }  # fmt: skip
            left = Counter(it.evaluated for it in before)
            for it in statements:
                if left[it.evaluated]:
                    left[it.evaluated] -= 1
                else:
                    self.changed.add((module, it.text))
            for it in before:
                if left[it.evaluated]:
                    left[it.evaluated] -= 1
                    self._changes(self.old, module, it, is_gone=True)
        for node in self.old.binders.keys() | self.new.binders.keys():
            if self._order(self.old, node) != self._order(self.new, node):
                self.names.add(node)
                texts = {it.text for it in self.new.binders.get(node, ())}
                self.reordered |= {(node[0], text) for text in texts}
        for node, source in self.new.sources.items():
            if self.old.sources.get(node) != source:
                self.names.add(node)

    def _order(self, version: Version, node: Node) -> list[str]:
        binders = version.binders.get(node, [])
        if len(binders) < 2:
            return []
        return [
            it.evaluated
            for it in version.statements[node[0]]
            if node[1] in it.binds or "*" in it.binds or (node[1],) in it.reads
        ]

    def _changes(
        self, version: Version, module: str, it: Statement, *, is_gone: bool = False
    ) -> None:
        """Take the values of names to be others, as a statement changed or runs again."""
        for name in it.binds:
            node = module, name
            binders = self.new.binders.get(node, ())
            if it.kind in ("FunctionDef", "ClassDef") and not it.is_decorated and not is_gone:
                kinds = {binder.kind for binder in (*self.old.binders.get(node, ()), *binders)}
                if kinds == {it.kind} and self.old.binders.get(node):
                    continue  # it keeps its identity
            if not is_gone and self._has_same_value(node):
                continue
            self.names.add(node)
        for path in it.mutates:
            found = list(version.nodes(module, path))[-1:]
            self.mutated |= {other for node in found for other in (node, version.origin(node))}

    def _has_same_value(self, node: Node) -> bool:
        words = [
            (it.words.get((*node, "value")), it.words.get((*node, "is")))
            for it in (self.old, self.new)
        ]
        one_each = all(
            len(it.binders.get(node, ())) == 1 and not it.binders[node][0].in_block
            for it in (self.old, self.new)
        )
        return (
            words[0] == words[1]
            and words[0][0] is not None
            and words[0][1] is None
            and not words[0][0].startswith("tuple")
            and one_each
            and node not in self._unknown_before
        )

    def _spread(self) -> None:
        waiting = True
        for module, it in self.new.all():
            if (module, it.text) in self.changed or (module, it.text) in self.reordered:
                self.may_run.add((module, it.text))
                self._changes(self.new, module, it)
        while waiting:
            waiting = False
            for node, sources in self.new.all_sources.items():
                for known in (self.names, self.mutated):
                    if node not in known and not known.isdisjoint(sources):
                        known.add(node)
                        waiting = True
            for module, it in self.new.all():
                key = module, it.text
                if key in self.may_run or it.kind in ("Import", "ImportFrom"):
                    continue
                reads = self._reads[key]
                asks = self.new.all_nodes(module, it.asked)
                binds = bool(it.binds) and it.kind not in ("FunctionDef", "ClassDef")
                if (
                    reads & self.names
                    or (binds and reads & self.mutated)
                    or any(self._has_other_attribute(node) for node in asks)
                    or self._is_in_group(module, it)
                ):
                    self.may_run.add(key)
                    self._changes(self.new, module, it)
                    waiting = True

    def _has_other_attribute(self, cls: Node) -> bool:
        """Tell whether the one attribute that is asked for by its name is another."""
        values = [
            (it.words.get((*cls, ".x value")), it.words.get((*cls, "().x")))
            for it in (self.old, self.new)
        ]
        return values[0] != values[1]

    def _is_in_group(self, module: str, it: Statement) -> bool:
        """Tell whether it binds or reads a name that is bound twice, with one that may run."""
        for name in {*it.binds, *(path[0] for path in it.reads)}:
            node = module, name
            if any(len(v.binders.get(node, ())) > 1 for v in (self.old, self.new)):
                if node in self.names:
                    return True
                for other in self.new.statements[module]:
                    if (module, other.text) in self.may_run and (
                        name in other.binds
                        or (name,) in other.reads
                        or name in self.new.read_in_calls(module, other)
                    ):
                        return True
        return False

    # ---- what nobody can know

    def _did_run(self, module: str, it: Statement) -> bool:
        keys = [key for key in it.notes if self.new.notes[module, key]]
        executed = all if it.kind in _LOOKED_INTO else any
        return bool(keys) and executed(self.ran[module, key] for key in keys)

    def _remember(self) -> None:
        results = {key: self._cause(reason, key) for key, reason in self._seen_late()}
        for module, it in self.new.all():
            key = module, it.text
            if self._did_run(module, it):
                continue
            is_kept = key not in self.changed or it.kind in _LOOKED_INTO
            before, after = (self._changed_before(v, module, it) for v in (self.old, self.new))
            known = self._reason_before(module, it)
            if known and (it.called or is_kept):
                results[key] = known
            elif is_kept and self._may_return_another(module, it):
                results[key] = self._cause(RETURNED, key)
            elif is_kept and before != after:
                results[key] = self._cause(AROUND, key)
        self.memory.results = results
        contents = {node for node in self.memory.contents if not self._is_made_anew(node)}
        for node in self._changed_in_place(self.old) | self._changed_in_place(self.new):
            is_known = self._repeats(node) or self._has_its_last_words(node)
            if not self._is_made_anew(node) and not is_known:
                contents.add(node)
        self.memory.contents = contents

    def _changed_before(self, version: Version, module: str, it: Statement) -> list[str]:
        """List the statements before one in its module that change in place what it reads."""
        reads = self._reads[module, it.text]
        before: list[str] = []
        for other in version.statements[module]:
            if other.text == it.text:
                return before
            if not reads.isdisjoint(_targets(version, module, other)):
                before.append(other.text)
        return []

    def _seen_late(self) -> Iterator[tuple[tuple[str, str], str]]:
        """Yield the statements that see what others, after them, have changed in place."""
        targets = {
            (node, module)
            for module, it in self.new.all()
            for node in _targets(self.new, module, it)
        }
        for module, statements in self.new.statements.items():
            own = [_targets(self.new, module, it) for it in statements]
            for at, it in enumerate(statements):
                key = module, it.text
                if key not in self.may_run and key not in self.memory.results:
                    continue
                after = {node for found in own[at + 1 :] for node in found}
                read = self._reads[key]
                if not read.isdisjoint(after):
                    yield key, LATE
                elif any(target in read and owner != module for target, owner in targets):
                    yield key, LATE_ELSEWHERE

    def _cause(self, reason: str, key: tuple[str, str]) -> Causes:
        (it,) = {it for it in self.new.statements[key[0]] if it.text == key[1]}
        return frozenset({Cause(reason, key[0], it.binds)})

    def _reason_before(self, module: str, it: Statement) -> Causes:
        """Return why nothing could be said of a statement, or of the block that it was before."""
        known = self.memory.results.get((module, it.text), frozenset())
        for other in self.old.statements[module] if it.kind in _LOOKED_INTO else ():
            if other.kind == it.kind and not {*other.binds}.isdisjoint(it.binds):
                known |= self.memory.results.get((module, other.text), frozenset())
        return known

    def _may_return_another(self, module: str, it: Statement) -> bool:
        if not it.called:
            return False
        called = self.new.all_nodes(module, (path for _, path in it.called))
        before, after = (version.signature(module, it) for version in (self.old, self.new))
        return before != after or bool(called & self._unknown_before.keys())

    def _changed_in_place(self, version: Version) -> set[Node]:
        return {node for module, it in version.all() for node in _targets(version, module, it)}

    def _is_got_anew(self, node: Node) -> bool:
        return any((node[0], it.text) in self.changed for it in self.new.binders.get(node, ()))

    def _is_made_anew(self, node: Node) -> bool:
        binders = self.new.binders.get(node, ())
        return len(binders) == 1 and self._did_run(node[0], binders[0])

    def _repeats(self, node: Node) -> bool:
        """Tell whether what was done to an object leaves it as a fresh process has it."""
        before, after = (
            [
                (module, it.text, bool(it.in_loop))
                for module, it in version.all()
                if node in _targets(version, module, it)
            ]
            for version in (self.old, self.new)
        )
        if before != after:
            return False
        return not any(
            self._did_run(module, it)
            for module, it in self.new.all()
            if node in _targets(self.new, module, it)
        )

    def _has_its_last_words(self, node: Node) -> bool:
        """Tell whether each key of a table has the value of the last statement that sets it, though
        one before that was edited: nothing else changes the table, and each sets one key plainly.
        """
        before, after = (
            [(module, it) for module, it in v.all() if node in _targets(v, module, it)]
            for v in (self.old, self.new)
        )
        plain = [
            it
            for writers in (before, after)
            for module, it in writers
            if module == node[0] and not it.in_block and _PLAIN.fullmatch(it.text)
        ]
        texts = [[it.text for _, it in writers] for writers in (before, after)]
        if len(plain) != len(before) + len(after) or any(len(set(t)) < len(t) for t in texts):
            return False
        lasts = [{it.subscript: it.text for _, it in writers} for writers in (before, after)]
        return list(lasts[0]) == list(lasts[1]) and all(
            text == lasts[0][key] or text not in texts[0] for key, text in lasts[1].items()
        )


def _targets(version: Version, module: str, it: Statement) -> set[Node]:
    return {
        version.origin(node)
        for path in it.mutates
        for node in list(version.nodes(module, path))[-1:]
    }


def _unknown(version: Version, memory: Memory) -> dict[Node, Causes]:
    """Return the names of which nothing can be said, and why."""
    unknown: dict[Node, Causes] = defaultdict(frozenset)
    for node in memory.halfway | version.halfway:
        reason = NOT_YET if node in memory.not_yet | version.not_yet else HALFWAY
        unknown[node] |= {Cause(reason, node[0], (node[1],))}
    for node in memory.contents:
        unknown[node] |= {Cause(CHANGED, node[0], (node[1],))}
    for node, causes in memory.left.items():
        unknown[node] |= causes
    for module, it in version.all():
        if causes := memory.results.get((module, it.text), frozenset()):
            for name in it.binds:
                unknown[module, name] |= causes
    sources = [
        (
            [*((module, name) for name in it.binds), *_targets(version, module, it)],
            {
                n
                for node in version.all_nodes(module, it.deep)
                for n in (node, version.origin(node))
            },
        )
        for module, it in version.all()
    ] + [([node], {source}) for node, source in version.sources.items()]
    more = bool(unknown)
    while more:
        more = False
        for nodes, read in sources:
            found = frozenset().union(*(unknown[it] for it in read & unknown.keys()))
            for node in nodes:
                if not found <= unknown.get(node, frozenset()):
                    unknown[node] |= found
                    more = True
    return dict(unknown)


def differing(ours: Words, theirs: Words) -> Iterator[tuple[tuple[str, str, str], str, str]]:
    """Yield what two processes hold differently."""
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key, "<absent>"), theirs.get(key, "<absent>")
        if mine != other:
            yield key, mine, other
