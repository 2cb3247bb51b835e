"""Random programs of several modules, as source, and random edits of them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Node", "Program", "Texts"]

Texts = dict[str, str]
"""The sources of a program by their paths."""

_NUMBER = re.compile(r"(?<![-\w.\"'])\d+(?![\w\"'])")
_WORD = re.compile(r"[^\W\d]\w*")
_INDENT = "    "
_INTEGERS = "int"
_PATHS = ("base.py", "pkg/one.py", "pkg/two.py", "pkg/__init__.py", "user.py", "last.py")


@dataclass
class Node:
    """A statement: one or more lines, or headers with what stands below them.

    Attributes:
        kind: What it is: ``def``, ``class``, ``const``, ``if`` ...
        text: Its lines, if it has no parts.
        parts: Each header with its statements.
        binds: The names that it binds for others, each with what it is.
        fixed: It is never changed, copied or removed.
    """

    kind: str
    text: str = ""
    parts: list[tuple[str, list[Node]]] = field(default_factory=list)
    binds: tuple[tuple[str, str], ...] = ()
    fixed: bool = False

    def lines(self, indent: str = "") -> Iterator[str]:
        if self.text:
            yield from (indent + line if line else "" for line in self.text.split("\n"))
        for header, body in self.parts:
            yield from (indent + line for line in header.split("\n"))
            for node in body:
                yield from node.lines(indent + _INDENT)
            if all(node.kind == "comment" for node in body):
                yield indent + _INDENT + "pass"

    def copied(self) -> Node:
        parts = [(header, [node.copied() for node in body]) for header, body in self.parts]
        return Node(self.kind, self.text, parts, self.binds, self.fixed)

    def bound(self) -> list[tuple[str, str]]:
        """List what is bound whatever happens."""
        ways = [[it for node in body for it in node.bound()] for _, body in self._ways()]
        return [*self.binds, *(it for it in ways[0] if all(it in way for way in ways))]

    def _ways(self) -> list[tuple[str, list[Node]]]:
        """List the bodies of which one is executed to its end."""
        match self.kind:
            case "def" | "class" | "main" | "checking":
                return [("", [])]
            case "match":
                return [part for case in self.parts[0][1] for part in case.parts]
            case "try":
                return [part for part in self.parts if part[0] not in ("else:", "finally:")]
        return self.parts or [("", [])]

    def replaced(self, change: Callable[[str], str]) -> None:
        """Apply a change to all of its text."""
        self.text = change(self.text)
        self.parts = [(change(header), body) for header, body in self.parts]
        self.binds = tuple((change(name), change(kind)) for name, kind in self.binds)
        for _, body in self.parts:
            for node in body:
                node.replaced(change)


class Program:
    """Modules that import each other, those first that others import.

    Args:
        random: Where all choices come from.
    """

    def __init__(self, random: random.Random) -> None:
        self.random = random
        self.modules: dict[str, list[Node]] = {}
        self._count = 0

    @classmethod
    def new(cls, random: random.Random) -> Program:
        """Make a program."""
        made = cls(random)
        paths = list(_PATHS)
        sample = random.sample(paths[:-1], random.choice((1, 1, 2, 2, 2, 3, 4)))
        chosen = [path for path in paths if path in sample]
        if any(path.startswith("pkg/") for path in chosen) and "pkg/__init__.py" not in chosen:
            chosen.insert(chosen.index([p for p in chosen if p.startswith("pkg/")][-1]) + 1,
                          "pkg/__init__.py")  # fmt: skip
        for path in [*chosen, "last.py"]:
            made.modules[path] = []
            made._fill(path)
        if random.random() < 0.4:
            made._close_a_cycle()
        return made

    def texts(self) -> Texts:
        """Return the sources."""
        return {
            path: "\n".join(line for node in body for line in node.lines()) + "\n"
            for path, body in self.modules.items()
        }

    def copied(self) -> dict[str, list[Node]]:
        """Return what can be put back into `modules`."""
        return {path: [node.copied() for node in body] for path, body in self.modules.items()}

    # ---- modules

    def _fill(self, path: str) -> None:
        body = self.modules[path]
        body.append(Node("import", "import functools, dataclasses, typing", fixed=True))
        body.append(
            Node("import", "from helper import State, note, register, scope, traced", fixed=True)
        )
        for _ in range(self.random.choice((1, 2, 2, 3)) if len(self.modules) > 1 else 0):
            self._insert(body, self._import(path), len(body))
        count = self.random.randint(1, 4) if path.endswith("__init__.py") else 0
        for _ in range(count or self.random.randint(2, 5)):
            self._insert(body, self._statement(path, body), len(body))
        self._insert(body, self._state(), self.random.randint(2, len(body)))
        if self.random.random() < 0.2:
            names = [name for name, kind in self._known(body, len(body)) if kind == _INTEGERS]
            body.append(Node("all", f"__all__ = {sorted(set(names))!r}", binds=()))
        if self.random.random() < 0.1:
            body.append(
                Node("main", parts=[('if __name__ == "__main__":', [_act("note('m', 1)")])])
            )
        if self.random.random() < 0.15:
            body.insert(0, Node("doc", f'"""The docstring {self._number()}."""'))

    def _close_a_cycle(self) -> None:
        """Have an early module import a later one, at its end."""
        paths = list(self.modules)
        early = self.random.randrange(len(paths) - 1)
        late = self.random.randrange(early + 1, len(paths))
        body = self.modules[paths[early]]
        found = self._import(paths[early], paths[late])
        if found is not None:
            body.append(found)
            for _ in range(2):
                self._insert(body, self._statement(paths[early], body), len(body))

    def _insert(self, body: list[Node], node: Node | None, at: int) -> None:
        if node is not None:
            body.insert(at, node)

    def _known(self, body: Sequence[Node], at: int) -> list[tuple[str, str]]:
        """List the names that are bound before a place, each with what it is."""
        known = {name: kind for node in body[:at] for name, kind in node.bound()}
        return [(name, kind) for name, kind in known.items() if kind]

    def _exports(self, path: str) -> list[tuple[str, str]]:
        body = self.modules.get(path, [])
        return [(name, kind) for name, kind in self._known(body, len(body)) if name[0] != "_"]

    def _import(self, path: str, source: str | None = None) -> Node | None:
        r = self.random
        others = [other for other in self.modules if other != path]
        if source is None:
            if not others:
                return None
            at = list(self.modules).index(path)
            before = [other for other in list(self.modules)[:at] if other != path] or others
            source = r.choice(before)
        module = _name(source)
        exports = [it for it in self._exports(source) if not it[1].startswith("module")]
        style = r.random()
        if style < 0.3:
            if "." in module and r.random() < 0.5:
                package, _, last = module.rpartition(".")
                alias = f"{last}_{self._number()}"
                text = f"from {package} import {last} as {alias}"
                if path == "pkg/__init__.py":
                    text = f"from . import {last} as {alias}"
                return Node("import", text, binds=((alias, f"module {source}"),))
            if r.random() < 0.5:
                return Node("import", f"import {module}", binds=((module, f"module {source}"),))
            alias = f"{module.rpartition('.')[2]}_{self._number()}"
            text = f"import {module} as {alias}"
            return Node("import", text, binds=((alias, f"module {source}"),))
        if style < 0.42 and exports:
            if any(node.kind == "all" for node in self.modules[source]):
                exports = [it for it in exports if it[1] == _INTEGERS]
            return Node("import", f"from {module} import *", binds=tuple(exports))
        if not exports:
            return None
        binds, names = [], []
        for name, kind in r.sample(exports, min(len(exports), r.randint(1, 4))):
            alias = f"{name[0]}{self._number()}" if r.random() < 0.35 else name
            names.append(name if alias == name else f"{name} as {alias}")
            binds.append((alias, kind))
        where = module
        if path.startswith("pkg/") and module.startswith("pkg.") and r.random() < 0.5:
            where = "." + module.removeprefix("pkg.")
        text = f"from {where} import {', '.join(names)}"
        if r.random() < 0.06:
            head = "if typing.TYPE_CHECKING:"
            return Node("checking", parts=[(head, [Node("import", text)])])
        return Node("import", text, binds=tuple(binds))

    # ---- expressions

    def _number(self) -> int:
        self._count += 1
        return self._count

    def _literal(self) -> str:
        return str(self.random.randint(1, 9))

    def _of(self, known: list[tuple[str, str]], kind: str) -> list[str]:
        """List expressions for things of a kind, also those in modules."""
        found = [name for name, what in known if what == kind]
        for name, what in known:
            if what.startswith("module "):
                found += [f"{name}.{n}" for n, k in self._exports(what[7:]) if k == kind]
        return found

    def _integer(self, known: list[tuple[str, str]], *, calls: bool = True) -> str:
        """Return an expression for a number."""
        r = self.random
        names = self._of(known, _INTEGERS)
        simple = r.choice(names) if names and r.random() < 0.75 else self._literal()
        ways = [
            lambda: simple,
            lambda: f"{simple} + {self._literal()}",
            lambda: f"{simple} * {self._literal()}",
            lambda: f"sum(i * {simple} for i in range({self._literal()}))",
            lambda: f"({simple} if {r.choice(names or ['1'])} > {self._literal()} else 2)",
            lambda: f"[{simple}, {self._literal()}][-1]",
        ]
        lists, tables = self._of(known, "list"), self._of(known, "dict")
        if lists:
            ways.append(lambda: f"len({r.choice(lists)}) + {self._literal()}")
        if tables:
            ways.append(lambda: f'{r.choice(tables)}.get("a", {self._literal()})')
        classes = self._of(known, "class")
        if classes and calls:
            ways.append(lambda: f'getattr({r.choice(classes)}, "x", {self._literal()})')
        return r.choice(ways)()

    def _noted(self, expression: str, chance: float = 0.6) -> str:
        if self.random.random() >= chance:
            return expression
        return f'note("k{self._number()}", {expression})'

    # ---- statements

    def _state(self) -> Node:
        name = f"state_{self._number()}"
        return Node("state", f'{name} = note("{name}", State("{name}"))', fixed=True)

    def _statement(
        self, path: str, body: Sequence[Node], at: int | None = None, depth: int = 0
    ) -> Node:
        """Make any statement that may stand at a place."""
        known = self._known(body, len(body) if at is None else at)
        return self._made(path, known, depth)

    def _made(self, path: str, known: list[tuple[str, str]], depth: int = 0) -> Node:
        ways = [self._constant] * 5 + [self._function] * 5 + [self._class] * 2
        ways += [self._container, self._changed, self._changed, self._added_to, self._bare]
        ways += [self._decorated, self._decorated, self._closure, self._partial, self._instance]
        ways += [self._lambda, self._alias, self._decorator, self._called]
        if depth == 0:
            ways += [self._deleted, self._block, self._block, self._block, self._lazy_import]
        while True:
            made = self.random.choice(ways)(path, known)
            if made is not None:
                return made

    def _constant(self, path: str, known: list[tuple[str, str]]) -> Node:
        name, r = f"C{self._number()}", self.random
        value = self._noted(self._integer(known))
        kind = r.random()
        if kind < 0.1:
            return Node("const", f"{name}: int = {value}", binds=((name, _INTEGERS),))
        if kind < 0.2:
            value = self._noted(f"({self._integer(known)}, {self._literal()})")
            return Node("const", f"{name} = {value}", binds=((name, "tuple"),))
        if kind < 0.3:
            value = self._noted(f'f"v{{{self._integer(known)}}}"')
            return Node("const", f"{name} = {value}", binds=((name, "str"),))
        if kind < 0.36:
            other = f"C{self._number()}"
            text = f"{name}, {other} = {value}, {self._integer(known)}"
            return Node("const", text, binds=((name, _INTEGERS), (other, _INTEGERS)))
        if kind < 0.42:
            own = [n for n, k in known if k == _INTEGERS and n[0] == "C"]
            if own:  # bound again
                name = r.choice(own)
                return Node("const", f"{name} = {value}", binds=((name, _INTEGERS),))
        return Node("const", f"{name} = {value}", binds=((name, _INTEGERS),))

    def _container(self, path: str, known: list[tuple[str, str]]) -> Node:
        number = self._number()
        if self.random.random() < 0.5:
            value = self._noted(f"[{self._literal()}, {self._integer(known)}]", 1)
            return Node("const", f"L{number} = {value}", binds=((f"L{number}", "list"),))
        value = self._noted(f'{{"a": {self._literal()}, "b": {self._integer(known)}}}', 1)
        return Node("const", f"T{number} = {value}", binds=((f"T{number}", "dict"),))

    def _changed(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        """An augmented assignment to a number of this module's own."""
        own = [n for n, k in known if k == _INTEGERS and n[0] == "C" and self._is_own(path, n)]
        if not own:
            return None
        name = self.random.choice(own)
        text = f"{name} += {self._noted(self._integer(known))}"
        return Node("augmented", text, binds=((name, _INTEGERS),))

    def _is_own(self, path: str, name: str) -> bool:
        return any(
            name == bound
            for node in self.modules[path]
            if node.kind in ("const", "augmented")
            for bound, _ in node.bound()
        )

    def _added_to(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        lists, tables = self._of(known, "list"), self._of(known, "dict")
        value = self._noted(self._integer(known), 1)
        if lists and (not tables or self.random.random() < 0.5):
            return Node("bare", f"{self.random.choice(lists)}.append({value})")
        if tables:
            key = self.random.choice("abc")
            if self.random.random() < 0.5:  # so plain that it may be executed once more
                value = self._literal()
            return Node("bare", f'{self.random.choice(tables)}["{key}"] = {value}')
        return None

    def _bare(self, path: str, known: list[tuple[str, str]]) -> Node:
        return Node("bare", self._noted(self._integer(known), 1))

    def _body(
        self, known: list[tuple[str, str]], number: int, *, method: bool = False
    ) -> list[Node]:
        """Statements of a function of one argument, x."""
        r = self.random
        lower = [
            name
            for name in self._of(known, "function")
            if int(re.sub(r"\D", "", name.rpartition(".")[2]) or 0) < number
        ]
        body = []
        for _ in range(r.choice((0, 0, 1, 2))):
            body.append(_act(self._line(known)))
        value = f"x + {self._integer(known, calls=False)}"
        if lower and r.random() < 0.4:
            value = f"{r.choice(lower)}(x), {self._literal()}"
        elif r.random() < 0.2:
            value = f"[(i, {self._integer(known, calls=False)}) for i in range(2)]"
        if method and r.random() < 0.3:
            value = f"super().__repr__()[:1], {value}"
        body.append(_act(f"return ({value})"))
        return body

    def _line(self, known: list[tuple[str, str]]) -> str:
        value = self._integer(known, calls=False)
        return self.random.choice(
            (
                f"x = x * {self._literal()}",
                f"y = {value}",
                f"if x > {self._literal()}: x = -x",
                f"x = (lambda z={self._literal()}: z + x)()",
            )
        )

    def _parameters(self, known: list[tuple[str, str]]) -> str:
        r = self.random
        found = r.choice(("x", "x: int", "x", "x: 'str'"))
        if r.random() < 0.5:
            found += f", y={self._noted(self._integer(known), 0.3)}"
        if r.random() < 0.25:
            found += f", *, z: {r.choice(('int', 'str'))} = {self._integer(known)}"
        return found + ")" + r.choice(("", "", " -> int", " -> typing.Any"))

    def _function(self, path: str, known: list[tuple[str, str]]) -> Node:
        number = self._number()
        head = f"def f{number}({self._parameters(known)}:"
        body = self._body(known, number)
        return Node("def", parts=[(head, body)], binds=((f"f{number}", "function"),))

    def _decorations(self, known: list[tuple[str, str]]) -> list[str]:
        found = ["@register", "@traced", "@functools.lru_cache(maxsize=4)", "@functools.cache"]
        found += [f"@{name}" for name in self._of(known, "decorator")] * 2
        found += [f"@{n}({self._integer(known)})" for n in self._of(known, "decorators")] * 2
        return found

    def _decorated(self, path: str, known: list[tuple[str, str]]) -> Node:
        node = self._function(path, known)
        chosen = self.random.sample(self._decorations(known), self.random.choice((1, 1, 2)))
        # What is registered is the function itself.
        chosen.sort(key=lambda text: text == "@register")
        header, body = node.parts[0]
        node.parts[0] = "\n".join([*chosen, header]), body
        return node

    def _decorator(self, path: str, known: list[tuple[str, str]]) -> Node:
        """A function that wraps others; only what the wrapper does is ever edited."""
        number, value = self._number(), self._integer(known, calls=False)
        inner = ["@functools.wraps(fn)", "def wrapper(*args, **keywords):"]
        body = _act(f"return ({self._literal()}, {value}, fn(*args, **keywords))")
        if self.random.random() < 0.6:
            head = f"def deco_{number}(fn):"
            kept = [*map(_fix, inner[:0]), Node("def", parts=[("\n".join(inner), [body])])]
            kept.append(_fix("return wrapper"))
            return Node("def", parts=[(head, kept)], binds=((f"deco_{number}", "decorator"),))
        body = _act(f"return (n, {value}, fn(*args, **keywords))")
        wrapper = Node("def", parts=[("\n".join(inner), [body])])
        middle = Node("def", parts=[("def deco(fn):", [wrapper, _fix("return wrapper")])])
        outer = [middle, _fix("return deco")]
        head = f"def deco_{number}(n):"
        return Node("def", parts=[(head, outer)], binds=((f"deco_{number}", "decorators"),))

    def _closure(self, path: str, known: list[tuple[str, str]]) -> Node:
        makers = self._of(known, "maker")
        number = self._number()
        if makers and self.random.random() < 0.7:
            value = self._noted(f"{self.random.choice(makers)}({self._integer(known)})", 1)
            return Node("const", f"h{number} = {value}", binds=((f"h{number}", "held"),))
        body = _act(f"return x * n + {self._integer(known, calls=False)}")
        inner = Node("def", parts=[(f"def inner(x, y={self._literal()}):", [body])])
        head = f"def make_{number}(n):"
        parts = [(head, [inner, _fix("return inner")])]
        return Node("def", parts=parts, binds=((f"make_{number}", "maker"),))

    def _partial(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        functions, name = self._of(known, "function"), f"p{self._number()}"
        if not functions:
            return None
        value = f"functools.partial({self.random.choice(functions)}, {self._integer(known)})"
        return Node("const", f"{name} = {self._noted(value, 1)}", binds=((name, "held"),))

    def _lambda(self, path: str, known: list[tuple[str, str]]) -> Node:
        name = f"g{self._number()}"
        value = f"lambda x, y={self._integer(known)}: x * {self._integer(known, calls=False)}"
        return Node("const", f"{name} = {self._noted(value, 0.3)}", binds=((name, "held"),))

    def _alias(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        kind = self.random.choice(("function", "class", "list"))
        found, name = self._of(known, kind), f"a{self._number()}"
        if not found:
            return None
        value = self._noted(self.random.choice(found), 0.5)
        return Node("const", f"{name} = {value}", binds=((name, "held"),))

    def _instance(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        found, name = self._of(known, "class"), f"o{self._number()}"
        if not found:
            return None
        value = self._noted(f"{self.random.choice(found)}()", 1)
        return Node("const", f"{name} = {value}", binds=((name, "held"),))

    def _called(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        """What a function of the program returns, which later edits of it do not reach."""
        found, name = self._of(known, "function"), f"c{self._number()}"
        if not found or self.random.random() < 0.5:
            return None
        value = self._noted(f"{self.random.choice(found)}({self._integer(known)})", 1)
        return Node("const", f"{name} = {value}", binds=((name, "called"),))

    def _class(self, path: str, known: list[tuple[str, str]]) -> Node:
        number, r = self._number(), self.random
        bases = self._of(known, "class")
        base = f"({r.choice(bases)})" if bases and r.random() < 0.4 else ""
        is_data = not base and r.random() < 0.25
        name = f"K{number}"
        head = f"@dataclasses.dataclass\nclass {name}:" if is_data else f"class {name}{base}:"
        body = [self._member(known, number) for _ in range(r.randint(1, 4))]
        if is_data:
            fields = [f"x: int = {self._noted(self._integer(known), 0.3)}", "v: str = 'v'"]
            body = [_act(text) for text in fields] + body
        kind = "class"
        return Node("class", parts=[(head, body)], binds=((name, kind),))

    def _member(self, known: list[tuple[str, str]], number: int) -> Node:
        r = self.random
        kind = r.random()
        if kind < 0.3:
            name = r.choice(("x", "y", "v"))
            return _act(f"{name} = {self._noted(self._integer(known), 0.4)}")
        name = r.choice(("one", "two", "three"))
        if kind < 0.75:
            head = f"def {name}(self, x{r.choice(('', '=' + self._integer(known)))}):"
            return Node("def", parts=[(head, self._body(known, number, method=True))])
        if kind < 0.85:
            body = [_act(f"return {self._integer(known, calls=False)}")]
            return Node("def", parts=[(f"@property\ndef {name}(self):", body)])
        if kind < 0.92:
            head = f"@staticmethod\ndef {name}(x):"
            return Node("def", parts=[(head, self._body(known, number))])
        head = f"@classmethod\ndef {name}(cls, x):"
        return Node("def", parts=[(head, self._body(known, number))])

    def _deleted(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        own = [name for name, kind in known if kind == _INTEGERS and self._is_own(path, name)]
        if len(own) < 3:
            return None
        name = self.random.choice(own)
        return Node("del", f"del {name}", binds=((name, ""),))

    def _lazy_import(self, path: str, known: list[tuple[str, str]]) -> Node | None:
        others = [(p, n, k) for p in self.modules if p != path for n, k in self._exports(p)]
        others = [it for it in others if it[2] == _INTEGERS and "." not in it[1]]
        if not others:
            return None
        source, name, _ = self.random.choice(others)
        number, module = self._number(), _name(source)
        lines = [f"from {module} import {name} as late", f"return late + x + {self._literal()}"]
        if self.random.random() < 0.4:
            lines = [f"import {module}", f"return {module}.{name} + x"]
        parts = [(f"def f{number}(x):", list(map(_act, lines)))]
        return Node("def", parts=parts, binds=((f"f{number}", "function"),))

    def _block(self, path: str, known: list[tuple[str, str]]) -> Node:
        r, inner = self.random, list(known)

        def body() -> list[Node]:
            found = []
            for _ in range(r.choice((1, 1, 2))):
                found.append(self._made(path, inner, 1))
                inner.extend(found[-1].bound())
            return found

        value = self._integer(known)
        number = self._number()
        match r.choice(("if", "if", "if", "try", "with", "for", "match")):
            case "if":
                parts = [(f"if {value} > {self._literal()}:", body())]
                inner = list(known)
                if r.random() < 0.3:
                    parts.append((f"elif {self._integer(known)} % 2:", body()))
                inner = list(known)
                parts.append(("else:", body()))
                if r.random() < 0.7:  # both bind a name
                    name = f"C{number}"
                    for _, part in parts:
                        text = f"{name} = {self._noted(self._integer(known))}"
                        part.append(Node("const", text, binds=((name, _INTEGERS),)))
                return Node("if", parts=parts)
            case "try":
                name = f"C{number}"
                text = f"{name} = {self._noted(f'6 // ({value} - {self._literal()})')}"
                first = [*body(), Node("const", text, binds=((name, _INTEGERS),))]
                text = f"{name} = {self._noted(self._integer(known))}"
                handler = [Node("const", text, binds=((name, _INTEGERS),))]
                parts = [("try:", first), ("except ZeroDivisionError:", handler)]
                inner = list(known)
                if r.random() < 0.2:
                    parts.append(("else:", body()))
                inner = list(known)
                if r.random() < 0.2:
                    parts.append(("finally:", body()))
                return Node("try", parts=parts)
            case "with":
                name = f"C{number}"
                inner.append((name, _INTEGERS))
                header = f"with scope({value}) as {name}:"
                return Node("with", parts=[(header, body())], binds=((name, _INTEGERS),))
            case "for":
                name = f"C{number}"
                inner.append((name, _INTEGERS))
                header = f"for {name} in ({value}, {self._literal()}):"
                return Node("for", parts=[(header, body())], binds=((name, _INTEGERS),))
            case _:
                parts = [("case 0:", body())]
                inner = list(known)
                parts.append((r.choice(("case 1 | 2:", f"case w if w > {value}:")), body()))
                inner = list(known)
                parts.append(("case _:", body()))
                cases = [Node("case", parts=[part]) for part in parts]
                return Node("match", parts=[(f"match {value} % 3:", cases)])

    # ---- edits

    def edit(self) -> str:
        """Change something; return what, in a word or two."""
        r = self.random
        ways: list[tuple[int, Callable[[], bool]]] = [
            (10, self._edit_number),
            (3, self._edit_line),
            (4, self._edit_add),
            (3, self._edit_remove),
            (2, self._edit_rename),
            (2, self._edit_move),
            (3, self._edit_hand_over),
            (1, self._edit_duplicate),
            (2, self._edit_swap),
            (2, self._edit_decorator),
            (2, self._edit_header),
            (2, self._edit_import),
            (1, self._edit_kind),
            (1, self._edit_comment),
            (1, self._edit_enclose),
        ]
        while True:
            way = r.choices([way for _, way in ways], [weight for weight, _ in ways])[0]
            if way():
                return way.__name__.removeprefix("_edit_")

    def bodies(self, path: str) -> Iterator[list[Node]]:
        """Yield every list of statements of a module."""
        waiting = [self.modules[path]]
        while waiting:
            body = waiting.pop()
            yield body
            waiting += [part for node in body if not node.fixed for _, part in node.parts]

    def _anywhere(self, *, top: bool = False) -> tuple[str, list[Node], int] | None:
        """Choose a statement that may be changed."""
        path = self.random.choice(list(self.modules))
        bodies = [self.modules[path]] if top else list(self.bodies(path))
        places = [(b, i) for b in bodies for i, node in enumerate(b) if not node.fixed]
        return (path, *self.random.choice(places)) if places else None

    def _edit_number(self) -> bool:
        path = self.random.choice(list(self.modules))
        slots = []
        for body in self.bodies(path):
            for node in body:
                if not node.fixed and node.kind not in ("import", "comment"):
                    slots += [(node, -1, found) for found in _NUMBER.finditer(node.text)]
                    for at, (header, _) in enumerate(node.parts):
                        if not header.startswith("case "):
                            slots += [(node, at, found) for found in _NUMBER.finditer(header)]
        if not slots:
            return False
        node, at, found = self.random.choice(slots)
        text = node.text if at < 0 else node.parts[at][0]
        number = self.random.choice([n for n in range(1, 10) if str(n) != found[0]])
        text = text[: found.start()] + str(number) + text[found.end() :]
        if at < 0:
            node.text = text
        else:
            node.parts[at] = text, node.parts[at][1]
        return True

    def _functions(self) -> list[tuple[str, Node]]:
        """List functions and methods of which every part may change."""
        return [
            (path, node)
            for path in self.modules
            for body in self.bodies(path)
            for node in body
            if node.kind == "def" and not any(it.fixed for it in node.parts[0][1])
            and "wrapper" not in node.parts[0][0] and "inner" not in node.parts[0][0]
        ]  # fmt: skip

    def _edit_line(self) -> bool:
        """Add a line to a function, or take one away."""
        functions = self._functions()
        if not functions:
            return False
        path, node = self.random.choice(functions)
        body = node.parts[0][1]
        if "x" not in node.parts[0][0].partition("(")[2]:
            return False
        if len(body) > 1 and self.random.random() < 0.4:
            del body[0]
        else:
            known = self._known(self.modules[path], len(self.modules[path]))
            body.insert(0, _act(self._line([it for it in known if it[1] == _INTEGERS])))
        return True

    def _edit_add(self) -> bool:
        path = self.random.choice(list(self.modules))
        top = self.modules[path]
        if self.random.random() < 0.75:
            at = self.random.randint(2, len(top))
            at = max(at, 3 if top[0].kind == "doc" else 2)
            top.insert(at, self._statement(path, top, at))
            return True
        nodes = [(i, n) for i, n in enumerate(top) if n.parts and n.kind not in ("def", "main")]
        if not nodes:
            return False
        at, node = self.random.choice(nodes)
        _, body = self.random.choice(node.parts)
        known = self._known(top, at)
        if node.kind == "class":
            body.append(self._member(known, self._number()))
        elif node.kind == "match":
            body = self.random.choice(body).parts[0][1]
            body.append(self._made(path, known, 1))
        elif node.kind != "checking":
            body.append(self._made(path, known, 1))
        return True

    def _edit_remove(self) -> bool:
        found = self._anywhere(top=self.random.random() < 0.6)
        if found is None or found[1][found[2]].kind in ("act", "case"):
            return False
        del found[1][found[2]]
        return True

    def _edit_rename(self) -> bool:
        """Rename something, wherever it is used."""
        names = sorted(
            {
                name
                for body in self.modules.values()
                for node in body
                if not node.fixed and node.kind != "import"
                for name, kind in node.bound()
                if "." not in name and kind in (_INTEGERS, "function", "class", "list", "held")
            }
        )
        if not names:
            return False
        name = self.random.choice(names)
        other = f"{name[0]}{self._number()}"
        if name[0] == "f":  # whatever it calls has a lower number
            other = f"f0{name[1:]}" if self.random.random() < 0.9 else other
        pattern = re.compile(rf"\b{name}\b")
        for body in self.modules.values():
            for node in body:
                node.replaced(lambda text: pattern.sub(other, text))
        return True

    def _edit_move(self) -> bool:
        found = self._anywhere(top=True)
        if found is None:
            return False
        _, body, at = found
        node = body.pop(at)
        if node.kind not in ("import", "doc", "all", "main", "checking") and (
            self.random.random() < 0.25
        ):
            # into another module, which imports what it needs if it happens to
            other = self.random.choice(list(self.modules))
            body = self.modules[other]
        body.insert(self.random.randint(2, len(body)), node)
        return True

    def _edit_hand_over(self) -> bool:
        """Move a definition to another module, with what it needs: its module imports it back, or
        who imports it does so from there.
        """
        r = self.random
        path, other = r.choice(list(self.modules)), r.choice(list(self.modules))
        body, target = self.modules[path], self.modules[other]
        places = [at for at, it in enumerate(body) if it.kind in ("def", "class") and it.binds]
        if path == other or not places:
            return False
        at = r.choice(places)
        node, module = body.pop(at), _name(other)
        ((name, kind),) = node.binds
        has = dict(self._known(target, len(target)))
        words = {word for line in node.lines() for word in _WORD.findall(line)} - {name}
        moved = [node]
        for it in self._known(body, len(body)):
            if it[0] in words - has.keys():
                text = self._import_of(body, it[0], module) or f"from {_name(path)} import {it[0]}"
                moved.insert(0, Node("import", text, binds=(it,)))
        if name in has:  # what it had by this name it has got from there
            target[:] = [it for it in target if it.kind != "import" or it.binds != ((name, kind),)]
        start = r.randint(2, len(target))
        target[start:start] = moved
        users = [it for it in self._importers_of(_name(path), name) if it[0] is not target]
        is_used = any(name in _WORD.findall(line) for it in body for line in it.lines())
        if not users or is_used or r.random() < 0.4:
            at = at if r.random() < 0.3 else len(body)
            body.insert(at, Node("import", f"from {module} import {name}", binds=((name, kind),)))
        if r.random() < 0.7:
            for others, node, alias in users:
                self._import_from(others, node, name, alias, module)
        return True

    def _import_of(self, body: list[Node], name: str, module: str) -> str:
        """Return an import of a name as others have it, if it is not from one module."""
        for node in body:
            start, _, names = node.text.partition(" import ")
            for it in names.split(", ") if node.kind == "import" else ():
                is_it = it == name or it.endswith(f" as {name}")
                if is_it and start not in (f"from {module}", "import") and start[5] != ".":
                    return f"{start} import {it}"
        return ""

    def _importers_of(self, module: str, name: str) -> list[tuple[list[Node], Node, str]]:
        """List who imports a name from a module: the statements there, the import, and as what."""
        found = []
        for body in self.modules.values():
            for node in body:
                start, _, names = node.text.partition(" import ")
                if node.kind == "import" and start == f"from {module}":
                    aliases = [it.partition(" as ") for it in names.split(", ")]
                    found += [(body, node, it[2] or it[0]) for it in aliases if it[0] == name]
        return found

    def _import_from(
        self, body: list[Node], node: Node, name: str, alias: str, module: str
    ) -> None:
        """Have a name be imported from another module than it is."""
        start, _, names = node.text.partition(" import ")
        wanted = name if alias == name else f"{name} as {alias}"
        left = [it for it in names.split(", ") if it != wanted]
        binds = tuple(it for it in node.binds if it[0] == alias)
        found = Node("import", f"from {module} import {wanted}", binds=binds)
        at = next(at for at, it in enumerate(body) if it is node)
        if left:
            node.text = f"{start} import {', '.join(left)}"
            node.binds = tuple(it for it in node.binds if it[0] != alias)
            body.insert(at + 1, found)
        else:
            body[at] = found

    def _edit_duplicate(self) -> bool:
        found = self._anywhere(top=True)
        if found is None or found[1][found[2]].kind in ("doc", "main"):
            return False
        _, body, at = found
        body.insert(self.random.randint(at + 1, len(body)), body[at].copied())
        return True

    def _edit_swap(self) -> bool:
        path = self.random.choice(list(self.modules))
        body = self.random.choice(list(self.bodies(path)))
        if len(body) < 4:
            return False
        at = self.random.randrange(2, len(body) - 1)
        pair = body[at : at + 2]
        if any(node.kind in ("act", "doc", "case") for node in pair):
            return False
        body[at : at + 2] = pair[::-1]
        return True

    def _edit_decorator(self) -> bool:
        found = self._anywhere(top=True)
        if found is None:
            return False
        _, body, at = found
        node = body[at]
        if node.kind != "def" or dict(node.binds).keys() & {"x"}:
            return False
        if node.binds and node.binds[0][1] != "function":
            return False
        header, rest = node.parts[0]
        lines = header.split("\n")
        if len(lines) > 1 and self.random.random() < 0.6:
            del lines[self.random.randrange(len(lines) - 1)]
        else:
            text = self.random.choice(self._decorations(self._known(body, at)))
            place = len(lines) - 1 if text == "@register" else 0
            if text in lines:
                return False
            lines.insert(place, text)
        node.parts[0] = "\n".join(lines), rest
        return True

    def _edit_header(self) -> bool:
        """Change parameters, annotations or bases, or what a block looks at."""
        found = self._anywhere(top=True)
        if found is None:
            return False
        _, body, at = found
        node, known = body[at], self._known(body, at)
        if node.kind == "def" and node.binds and node.binds[0][1] == "function":
            header, rest = node.parts[0]
            start, _, end = header.rpartition("(x")
            lines = end.split("\n")
            if not start or len(lines) > 1:
                return False
            node.parts[0] = f"{start}({self._parameters(known)}:", rest
            return True
        if node.kind == "class":
            header, rest = node.parts[0]
            line = header.split("\n")[-1]
            name = re.findall(r"class (\w+)", line)[0]
            bases = [it for it in self._of(known, "class") if it != name]
            base = f"({self.random.choice(bases)})" if bases and "(" not in line else ""
            if header.startswith("@"):
                base, header = "", header if self.random.random() < 0.5 else line
            node.parts[0] = header.replace(line, f"class {name}{base}:"), rest
            return True
        if node.kind in ("if", "match"):
            header, rest = node.parts[0]
            word = node.kind
            end = f" > {self._literal()}:" if word == "if" else " % 3:"
            node.parts[0] = f"{word} {self._integer(known)}{end}", rest
            return True
        return False

    def _edit_import(self) -> bool:
        path = self.random.choice(list(self.modules))
        body = self.modules[path]
        imports = [i for i, node in enumerate(body) if node.kind == "import" and not node.fixed]
        if imports and self.random.random() < 0.4:
            del body[self.random.choice(imports)]
            return True
        node = self._import(path)
        if node is None:
            return False
        body.insert(self.random.randint(2, len(body)), node)
        return True

    def _edit_kind(self) -> bool:
        """Make a function a class, or the other way round."""
        found = self._anywhere(top=True)
        if found is None:
            return False
        _, body, at = found
        node = body[at]
        if node.kind == "def" and node.binds and node.binds[0][1] == "function":
            name = node.binds[0][0]
            made = [Node("def", parts=[("def __init__(self, *args):", [_act("pass")])])]
            made.append(self._member(self._known(body, at), 0))
            body[at] = Node("class", parts=[(f"class {name}:", made)], binds=node.binds)
            return True
        if node.kind == "class":
            name = node.binds[0][0]
            head = f"def {name}(x=1, *args):"
            parts = [(head, self._body(self._known(body, at), 0))]
            body[at] = Node("def", parts=parts, binds=((name, "function"),))
            return True
        return False

    def _edit_comment(self) -> bool:
        path = self.random.choice(list(self.modules))
        body = self.random.choice(list(self.bodies(path)))
        if any(node.kind == "case" for node in body):
            return False
        text = f"# a comment {self._number()}" + "\n# and more" * self.random.randint(0, 2)
        body.insert(self.random.randint(0, len(body)), Node("comment", text))
        return True

    def _edit_enclose(self) -> bool:
        """Put a statement into a block, or what is in a block into the open."""
        found = self._anywhere(top=True)
        if found is None:
            return False
        _, body, at = found
        node = body[at]
        if node.kind in ("if", "with", "try") and self.random.random() < 0.5:
            body[at : at + 1] = node.parts[0][1]
        elif node.kind not in ("doc", "main", "checking", "comment"):
            body[at] = Node("if", parts=[(f"if {self._literal()} > 0:", [node])])
        return True


def _act(text: str) -> Node:
    return Node("act", text)


def _fix(text: str) -> Node:
    return Node("act", text, fixed=True)


def _name(path: str) -> str:
    """Return the name of the module of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
