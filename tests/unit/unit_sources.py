"""Sources of small modules for hypothesis, and what may be done to them.

A body never raises and returns a value that can be compared; everything else is drawn.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Sequence

from hypothesis import strategies as st

NAMES = ("alpha", "beta", "gamma", "delta")
BODIES = (
    "return 1",
    "return 2.5",
    "'doc'\nreturn 3",
    "y = [i for i in (1, 2)]\nreturn y",
    "def inner(): return 5\nreturn inner()",
    "held = 6\ndef inner():\n    return held\nreturn inner()",
    "return (lambda: 7)() + (lambda: 8)()",
    "try:\n    return 9\nfinally:\n    z = (lambda: 1)()",
    "class Local:\n    def m(self): return 10\nreturn Local().m()",
    "return sum(i for i in (5, 6))",
    "return {k: (lambda k=k: k)() for k in (1, 2)}",
    "if True:\n    def inner(a=1): return a\nreturn inner()",
)
"""Bodies of functions and methods. None uses its arguments: all of them can be called alike."""
LAMBDAS = ("lambda *a: 1", "lambda *a: 'x'", "lambda *a: [lambda: 3][0]()", "lambda *a: (4, 4.0)")


@st.composite
def _function(draw: st.DrawFn, bodies: Sequence[str], *, method: bool = False) -> str:
    name = draw(st.sampled_from(NAMES))
    first = draw(st.sampled_from(("self", "*a"))) if method else ""
    decorator = ""
    if method and first == "*a":
        decorator = draw(st.sampled_from(("", "@staticmethod\n", "@classmethod\n")))
    arguments = first if method else draw(st.sampled_from(("", "*a", "x=1, *a", "*a, k=0")))
    body = textwrap.indent(draw(st.sampled_from(bodies)), "    ")
    return f"{decorator}def {name}({arguments}):\n{body}\n"


@st.composite
def _class(draw: st.DrawFn, bodies: Sequence[str]) -> str:
    name = draw(st.sampled_from(("Red", "Green")))
    members = draw(
        st.lists(
            st.one_of(_function(bodies, method=True), _assignment(), st.just('"""Text."""\n')),
            min_size=1,
            max_size=3,
        )
    )
    return f"class {name}:\n" + textwrap.indent("".join(members), "    ")


@st.composite
def _assignment(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(("one", "two")))
    value = draw(st.one_of(st.sampled_from(LAMBDAS), st.sampled_from(("1", "'s'", "[1, 2]"))))
    if draw(st.booleans()):
        value = f"[{value}, {draw(st.sampled_from(LAMBDAS))}]"
    return f"{name} = {value}\n"


@st.composite
def _block(draw: st.DrawFn, bodies: Sequence[str]) -> str:
    inner = textwrap.indent(draw(_function(bodies)), "    ")
    header = draw(st.sampled_from(("if True:\n{}", "try:\n{}finally:\n    pass\n")))
    return header.format(inner)


@st.composite
def modules(draw: st.DrawFn, bodies: Sequence[str] = BODIES) -> str:
    statements = st.one_of(_function(bodies), _class(bodies), _assignment(), _block(bodies))
    return "".join(draw(st.lists(statements, min_size=1, max_size=5)))


@st.composite
def with_comments(draw: st.DrawFn) -> tuple[str, str]:
    """A module, and the same with comments and blank lines before some statements."""
    text = draw(modules())
    lines: list[str] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(("", indent + "# a comment"))))
        lines.append(line)
    return text, "\n".join(lines) + "\n"


class _NewBodies(ast.NodeTransformer):
    def __init__(self, bodies: list[str]) -> None:
        self.bodies = bodies

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if self.bodies:
            node.body = (
                ast.parse("def f():\n" + textwrap.indent(self.bodies.pop(), "    ")).body[0].body
            )  # type: ignore[attr-defined]
        return node  # what is nested in it has gone with its body

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        if self.bodies:
            node.body = ast.Constant(len(self.bodies.pop()))
        return node


@st.composite
def with_new_bodies(draw: st.DrawFn) -> tuple[str, str]:
    """A module, and the same with other bodies of functions and lambdas.

    None is that of another definition before: two that change their bodies have changed places.
    """
    text = draw(modules())
    bodies = draw(st.lists(st.sampled_from(BODIES), min_size=1, max_size=6))
    bodies = [f"{body}\nreturn 'new'" for body in bodies]
    tree = _NewBodies(bodies).visit(ast.parse(text))
    return text, ast.unparse(ast.fix_missing_locations(tree)) + "\n"


@st.composite
def with_new_evaluation(draw: st.DrawFn) -> tuple[str, str]:
    """A module, and one in which something that is evaluated differs."""
    text = draw(modules())
    tree = ast.parse(text)
    kind = draw(st.sampled_from(("add", "remove", "decorate", "default", "constant", "swap")))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n in tree.body]
    if kind == "remove":
        del tree.body[draw(st.integers(0, len(tree.body) - 1))]
    elif kind == "decorate" and functions:
        functions[0].decorator_list.append(ast.Name("staticmethod", ast.Load()))
    elif kind == "default" and functions:
        arguments = functions[0].args
        arguments.kwonlyargs.append(ast.arg("added"))
        arguments.kw_defaults.append(ast.Constant(1))
    elif kind == "swap" and len({ast.dump(n) for n in tree.body}) > 1 and functions:
        tree.body.append(ast.parse("def last(): return 1").body[0])
        tree.body.reverse()
    else:
        at = draw(st.integers(0, len(tree.body)))
        tree.body.insert(at, ast.parse(draw(st.sampled_from(("new = 1", "import sys")))).body[0])
    return text, ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def mutated() -> st.SearchStrategy[tuple[str, str]]:
    return st.one_of(with_comments(), with_new_bodies(), with_new_evaluation())


@st.composite
def moved(draw: st.DrawFn) -> tuple[str, str]:
    """A module of statements that have nothing to do with each other, and the same, rearranged."""
    count = draw(st.integers(2, 8))
    kinds = draw(st.lists(st.sampled_from(("{} = 1\n", "def {}(): return 1\n", "class {}: x = 1\n",
                                           "if True:\n    {} = 2\n", "import os as {}\n")),
                          min_size=count, max_size=count))  # fmt: skip
    old = [kind.format(f"name{number}") for number, kind in enumerate(kinds)]
    return "".join(old), "".join(draw(st.permutations(old)))


@st.composite
def edited_sums(draw: st.DrawFn) -> tuple[str, str]:
    """A module in which each number is computed from those before it, and the same with others."""
    old: list[str] = []
    for number in range(draw(st.integers(1, 9))):
        names = [f"v{it}" for it in range(number)]
        used = draw(st.lists(st.sampled_from(names), max_size=2)) if names else []
        factor = draw(st.sampled_from(("+", "*")))
        old.append(f"v{number} = " + f" {factor} ".join([*used, str(draw(st.integers(0, 2)))]))
    new = list(old)
    for at in draw(st.lists(st.integers(0, len(old) - 1), max_size=2)):
        new[at] = f"{new[at][:-1]}{draw(st.integers(0, 2))}"
    return "\n".join(old), "\n".join(new)


VARIABLES = ("a", "b", "c", "d")


@st.composite
def _value(draw: st.DrawFn, known: Sequence[str]) -> str:
    number = str(draw(st.integers(0, 5)))
    if not known:
        return number
    name = draw(st.sampled_from(known))
    return draw(st.sampled_from((number, name, f"{name} + {number}", f"{name} * 2")))


@st.composite
def _value_statement(draw: st.DrawFn, known: list[str]) -> str:
    """A statement that computes something of numbers that are known by then; it adds to them."""
    name, value = draw(st.sampled_from(VARIABLES)), draw(_value(known))
    kinds = ["assign", "assign", "assign", "def", "class", "if", "perhaps", "two", "try"]
    kinds += ["with", "match", "for", "raising"]
    kinds += ["augmented", "augmented", "del"] if known else []
    kind = draw(st.sampled_from(kinds))
    if kind == "augmented":
        return f"{draw(st.sampled_from(known))} += {value}\n"
    if kind == "del":
        gone = draw(st.sampled_from(known))
        known.remove(gone)
        return f"del {gone}\n"
    if kind == "def":
        function = draw(st.sampled_from(("f", "g")))
        return f"def {function}(x={value}):\n    return {draw(st.integers(0, 3))}, x\n"
    if kind == "class":
        return f"class {draw(st.sampled_from('AB'))}:\n    x = {value}\n    y = x + 1\n"
    if name not in known:
        known.append(name)
    if kind == "if":
        test = draw(st.sampled_from((value, "True", "False")))
        other = draw(_value([one for one in known if one != name]))
        return f"if {test}:\n    {name} = {other}\nelse:\n    {name} = {value}\n"
    if kind == "perhaps":
        return f"if {value}:\n    {name} = {value}\n    k = {name} + 1\n    {name} += k\n"
    if kind == "with":
        return f"with nullcontext({value}) as {name}:\n    k = {name} + 1\n    {name} += k\n"
    if kind == "match":
        cases = f"    case 0:\n        {name} = {value}\n    case k:\n        {name} = k + 1\n"
        return f"match {value}:\n{cases}"
    if kind == "for":
        return f"for k in ({value}, 1):\n    {name} = k\n"
    if kind == "raising":
        body = f"    {name} = 6 // ({value})\n    k = {name} + 1\n"
        rest = f"except ZeroDivisionError:\n    {name} = {draw(st.integers(0, 3))}\n"
        return f"try:\n{body}{rest}" + (f"else:\n    k = {name}\n" if draw(st.booleans()) else "")
    if kind == "two":
        return f"{name}, k = {value}, {draw(st.integers(0, 3))}\n"
    if kind == "try":
        return f"try:\n    import nowhere\nexcept ImportError:\n    {name} = {value}\n"
    return f"{name} = {value}\n"


@st.composite
def edits_of_values(draw: st.DrawFn) -> tuple[str, str]:
    """A module that computes numbers from one another, and the same with some edits."""
    known: list[str] = []
    old = [draw(_value_statement(known)) for _ in range(draw(st.integers(1, 7)))]
    new = list(old)
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(("insert", "replace", "remove", "swap", "repeat")))
        at = draw(st.integers(0, len(new)))
        if kind == "insert":
            new.insert(at, draw(_value_statement(list(VARIABLES))))
        elif at < len(new):
            if kind == "replace":
                new[at] = draw(_value_statement(list(VARIABLES)))
            elif kind == "remove":
                del new[at]
            elif kind == "repeat":
                new.insert(at, new[at])
            else:
                other = draw(st.integers(0, len(new) - 1))
                new[at], new[other] = new[other], new[at]
    return "".join(old), "".join(new)
