"""Names while a statement at the top of a module is executed: in which scope each is looked up, and
what becomes of those that are the module's.

Pure: who goes through the statement says what it comes upon (`facts`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mighty_patcher.engine.places import place_of

__all__ = ["Names"]


def _is_namespace(expression: ast.expr) -> bool:
    """Tell whether an expression is ``globals()``, ``dir()``, or ``vars().items()``."""
    match expression:
        case ast.Call(func=ast.Attribute(value=owner, attr="copy" | "items" | "keys" | "values")):
            return _is_namespace(owner)
        case ast.Call(func=ast.Name(id="dir" | "globals" | "locals" | "vars"), args=[]):
            return True
    return False


@dataclass
class _Scope:
    """Where names are looked up: ``module``, ``class``, ``comprehension`` or ``annotation``."""

    kind: str
    outer: _Scope | None = None
    bound: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)


class Names:
    """The names of a module that a statement uses, as `facts.Facts` has them.

    Attributes:
        reads: Those that it reads.
        attributes: Their attributes that it reads.
        binds: Those that it binds or deletes.
        deletes: Those that it deletes.
        mutated: What it changes in place.
        augmented: Those of augmented assignments.
        calls: Those that it calls.
        annotations: Those that its annotations will read when somebody asks for these.
        sets: The keys and attributes that it sets, as far as these are known.
        goes_through_names: It goes through all names of the module: ``for name in dir()``.
    """

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.binds: set[str] = set()
        self.deletes: set[str] = set()
        self.mutated: set[tuple[str, str]] = set()
        self.augmented: set[str] = set()
        self.calls: set[str] = set()
        self.annotations: set[str] = set()
        self.sets: set[str] = set()
        self.goes_through_names = False
        self._module = self._scope = _Scope("module")

    @property
    def sure(self) -> set[str]:
        """The names that are bound or deleted by now, whatever happens."""
        return self._module.bound

    @property
    def is_in_module(self) -> bool:
        """Whether the statement itself is being looked at, and no class or comprehension in it."""
        return self._scope.kind == "module"

    def _is_of_module(self, name: str) -> bool:
        """Tell whether a name is looked up in the module, and not bound by this statement."""
        scope: _Scope | None = self._scope
        sees_class = True
        while scope is not None:
            if scope.kind != "class" or sees_class:
                if name in scope.globals:
                    return name not in self._module.bound
                if name in scope.bound:
                    return False
            sees_class = sees_class and scope.kind == "annotation"
            scope = scope.outer
        return True

    # ---- what a name is used for

    def read(self, name: str) -> None:
        """Note that a name is read."""
        if self._is_of_module(name):
            self.reads.add(name)

    def call(self, name: str) -> None:
        """Note that what a name stands for is called."""
        if self._is_of_module(name):
            self.calls.add(name)

    def annotate(self, annotation: ast.expr) -> None:
        """Note what an annotation will read when somebody asks for it: names, and attributes."""
        for node in ast.walk(annotation):
            if isinstance(node, ast.Name) and self._is_of_module(node.id):
                self.annotations.add(node.id)
            elif isinstance(node, ast.Attribute):
                self.read_attribute(node.value, node.attr)

    def read_attribute(self, owner: ast.expr, name: str) -> None:
        """Note that an attribute is read of what an expression leads to."""
        path = _dotted(owner)
        if path and self._is_of_module(path.partition(".")[0]):
            self.attributes.add((path, name))

    def go_through(self, owner: ast.expr) -> None:
        """Note that all is read that what an expression leads to has in it."""
        self.read_attribute(owner, "")

    def iterate(self, owner: ast.expr) -> None:
        """Note that what an expression leads to is gone through here and now."""
        self.go_through(owner)
        self.goes_through_names |= _is_namespace(owner)

    def bind(self, name: str) -> None:
        """Note that a name is bound."""
        scope = self._scope
        while scope.kind in ("comprehension", "annotation"):
            if scope.kind == "comprehension" and name in scope.bound:
                return
            assert scope.outer is not None
            scope = scope.outer
        if scope.kind == "class" and name not in scope.globals:
            scope.bound.add(name)
        else:
            self.binds.add(name)
            self._module.bound.add(name)

    def augment(self, name: str) -> None:
        """Note that a name has been read and bound by an augmented assignment."""
        if self._scope.kind == "module" or name in self._scope.globals:
            self.augmented.add(name)

    def delete(self, name: str) -> None:
        """Note that a name is deleted."""
        self.read(name)
        if self._scope.kind == "class" and name not in self._scope.globals:
            self._scope.bound.discard(name)
        else:
            self.bind(name)
            self.deletes.add(name)

    def mutate(self, node: ast.expr) -> bool:
        """Note that what an expression leads to is changed in place: as far as attributes lead.

        Returns:
            Whether that begins with a name of the module.
        """
        steps: list[str] = []
        while isinstance(node, ast.Attribute | ast.Subscript):
            steps = [node.attr, *steps] if isinstance(node, ast.Attribute) else []
            node = node.value
        if not isinstance(node, ast.Name) or not self._is_of_module(node.id):
            return False
        root, _, step = ".".join([node.id, *steps]).rpartition(".")
        self.mutated.add((root, step) if root else (step, ""))
        return True

    def set_place(self, target: ast.expr) -> None:
        """Note that an attribute or an item is set or deleted."""
        if self.mutate(target) and (place := place_of(target)):
            self.sets.add(place)

    # ---- scopes

    def declare_global(self, names: Iterable[str]) -> None:
        """Note that names are those of the module from here on."""
        self._scope.globals.update(names)

    @contextmanager
    def inside(self, kind: str, bound: Collection[str] = ()) -> Iterator[None]:
        """Look names up in an inner scope for a while.

        Args:
            kind: ``class``, ``comprehension`` or ``annotation``.
            bound: The names that it has from the beginning.
        """
        self._scope = _Scope(kind, self._scope, set(bound))
        yield
        assert self._scope.outer is not None
        self._scope = self._scope.outer

    # ---- what may happen or not

    def _bound_now(self) -> list[set[str]]:
        found, scope = [], self._scope
        while True:
            found.append(set(scope.bound))
            if scope.outer is None:
                return found
            scope = scope.outer

    def _set_bound(self, bound: list[set[str]]) -> None:
        scope: _Scope | None = self._scope
        for names in bound:
            assert scope is not None
            scope.bound = set(names)
            scope = scope.outer

    @contextmanager
    def perhaps(self) -> Iterator[None]:
        """Hold nothing for sure that is bound meanwhile."""
        before = self._bound_now()
        yield
        self._set_bound(before)

    def one_of(self, ways: Iterable[Callable[[], bool]]) -> bool:
        """Take several ways; what all of them bind that come to an end is bound.

        Args:
            ways: Each goes one, and tells whether that may come to an end.
        """
        before, ends = self._bound_now(), []
        for way in ways:
            self._set_bound(before)
            if way():
                ends.append(self._bound_now())
        if ends:
            before = [set.intersection(*names) for names in zip(*ends, strict=True)]
        self._set_bound(before)
        return bool(ends)


def _dotted(node: ast.expr) -> str:
    """Return ``a.b`` for such an expression, and nothing for any other."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])
