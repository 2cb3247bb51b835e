"""Syntax trees of modules: what is the same in two of them, what stands in a statement, and copies
with less in them.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Sequence
from copy import copy
from types import CodeType

from mighty_patcher.engine.toplevel import is_never_run

__all__ = [
    "ASSIGNMENT",
    "BLOCK",
    "DEFINITION",
    "DEFINITION_OR_CLASS",
    "IMPORT",
    "LOOP",
    "TRY",
    "WITH",
    "annotation_of",
    "body_of",
    "branches_of",
    "coroutine_names",
    "decorators_at",
    "decorators_in",
    "definition_at",
    "digest",
    "docstring_of",
    "first_line",
    "function_at",
    "has_future_annotations",
    "inert",
    "is_moved",
    "is_text",
    "lines_in",
    "no_text",
    "only_acts",
    "only_name",
    "segments",
    "with_bodies",
    "with_branches",
]

DEFINITION = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITION_OR_CLASS = (*DEFINITION, ast.ClassDef)
IMPORT = (ast.Import, ast.ImportFrom)
ASSIGNMENT = (ast.Assign, ast.AnnAssign)
LOOP = (ast.For, ast.AsyncFor, ast.While)
WITH = (ast.With, ast.AsyncWith)
TRY = (ast.Try, ast.TryStar)
BLOCK = (ast.If, *LOOP, *WITH, *TRY, ast.Match)

_NO_DIFFERENCE = {"ctx", "kind", "type_comment", "type_ignores"}
_FIELDS: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name in reversed(kind._fields) if name not in _NO_DIFFERENCE)
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
}
_WITHOUT_BODY = _FIELDS | {
    kind: tuple(name for name in _FIELDS[kind] if name != "body")
    for kind in (*DEFINITION, ast.Lambda)
}


def digest(
    tree: object, *, skip_functions: bool = False, skip_body: bool = False, salt: bool = False
) -> Hashable:
    """Return a value that is equal for trees that are the same, but for their positions.

    Args:
        tree: A node, a list of nodes, or the value of another field.
        skip_functions: Leave out the bodies of functions and lambdas.
        skip_body: Leave out the body of the tree itself.
        salt: Annotations are strings; those that are not are never the same.
    """
    # Not recursive: a sum of a thousand strings is a thousand levels deep.
    fields_of = _WITHOUT_BODY if skip_functions else _FIELDS
    out: list[object] = []
    stack: list[object] = [tree]
    if skip_body:
        stack = [getattr(tree, name, None) for name in _FIELDS[type(tree)] if name != "body"]
    while stack:
        item = stack.pop()
        kind = item.__class__
        fields = fields_of.get(kind)
        if fields is not None:
            out.append(kind)
            for name in fields:
                value = getattr(item, name, None)
                stack.append(value)
                if salt and value is not None and name in ("annotation", "returns"):
                    stack.append("a string")
        elif kind is list:
            out.append(len(item))  # type: ignore[arg-type]
            stack.extend(reversed(item))  # type: ignore[call-overload]
        elif kind is str:
            out.append(item)
        else:
            # 1, 1.0 and True are equal and not the same, and so are 0.0 and -0.0.
            # A large int has no repr (sys.set_int_max_str_digits).
            out += (kind, item if kind is int else repr(item))
    return tuple(out)


def branches_of(statement: ast.stmt) -> list[tuple[str, list[ast.stmt]]]:
    """List the bodies in a statement, in the order of the source, each with its name."""
    match statement:
        case ast.Match():
            return [(f"cases.{at}", case.body) for at, case in enumerate(statement.cases)]
        case ast.Try() | ast.TryStar():
            return [
                ("body", statement.body),
                *((f"handlers.{at}", it.body) for at, it in enumerate(statement.handlers)),
                ("orelse", statement.orelse),
                ("finalbody", statement.finalbody),
            ]
        case ast.If() | ast.While() | ast.For() | ast.AsyncFor():
            return [("body", statement.body), ("orelse", statement.orelse)]
        case ast.With() | ast.AsyncWith() | ast.ClassDef():
            return [("body", statement.body)]
    return []


def decorators_in(tree: ast.AST | None) -> dict[str, list[str]]:
    """Return the decorators of functions, by qualified name; of several the last definition counts.

    Args:
        tree: A module or a class; what stands in a function is not looked at.
    """
    found: dict[str, list[str]] = {}
    for statement in getattr(tree, "body", ()):
        _add_decorators(statement, "", found)
    return found


def _add_decorators(statement: ast.stmt, prefix: str, found: dict[str, list[str]]) -> None:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        found[f"{prefix}{statement.name}"] = [ast.dump(it) for it in statement.decorator_list]
    if isinstance(statement, ast.ClassDef):
        prefix = f"{prefix}{statement.name}."
    for _, body in branches_of(statement):
        for inner in body:
            _add_decorators(inner, prefix, found)


def decorators_at(tree: ast.AST | None, code: CodeType) -> list[str]:
    """Return the decorators of the function that has been compiled to some code.

    Args:
        tree: The module, where it is known.
        code: The code, whose first line is that of the first decorator.
    """
    definition = definition_at(tree, code)
    return [] if definition is None else [ast.dump(it) for it in definition.decorator_list]


def definition_at(
    tree: ast.AST | None, code: CodeType
) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the definition of the function that has been compiled to some code; None where that is
    of none, as 3.14's is that makes annotations.

    Args:
        tree: The module, where it is known.
        code: The code, whose first line is that of the first decorator.
    """
    line, body = code.co_firstlineno, getattr(tree, "body", ())
    around = (it for it in body if first_line(it) <= line <= (it.end_lineno or it.lineno))
    for node in (node for it in around for node in ast.walk(it)):
        if isinstance(node, DEFINITION) and (node.name, first_line(node)) == (code.co_name, line):
            return node
    return None


def function_at(
    tree: ast.AST | None, code: CodeType
) -> ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | None:
    """Return the definition or the lambda that has been compiled to some code; None where that is
    of neither, or other lambdas stand in the same line.

    Args:
        tree: The module, where it is known.
        code: The code.
    """
    if tree is None or code.co_name != "<lambda>":
        return definition_at(tree, code)
    line = code.co_firstlineno
    lambdas = [it for it in ast.walk(tree) if isinstance(it, ast.Lambda) and it.lineno == line]
    return lambdas[0] if len(lambdas) == 1 else None


def coroutine_names(tree: ast.AST | None) -> set[str]:
    """Return by what a module knows `types.coroutine`, in the form of `decorators_at`."""
    found: set[str] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            modules = [it.asname or it.name for it in node.names if it.name == "types"]
            found |= {ast.dump(ast.parse(f"{it}.coroutine", mode="eval").body) for it in modules}
        elif isinstance(node, ast.ImportFrom) and node.module == "types" and not node.level:
            names = [it.asname or it.name for it in node.names if it.name == "coroutine"]
            found |= {ast.dump(ast.Name(it, ast.Load())) for it in names}
    return found


def body_of(statement: ast.stmt, name: str) -> list[ast.stmt]:
    """Return the body in a statement that has this name."""
    return next((body for branch, body in branches_of(statement) if branch == name), [])


def with_branches(statement: ast.stmt, branches: dict[str, list[ast.stmt]]) -> ast.stmt:
    """Copy a block with other bodies; one that must not be empty gets a ``pass``."""
    block = copy(statement)

    def filled(name: str, around: ast.stmt) -> list[ast.stmt]:
        return branches.get(name) or [ast.copy_location(ast.Pass(), around)]

    if isinstance(block, ast.Match):
        cases = [copy(case) for case in block.cases]
        for at, case in enumerate(cases):
            case.body = filled(f"cases.{at}", case.body[0])
        block.cases = cases
        return block
    assert isinstance(block, (ast.If, *LOOP, *WITH, *TRY))
    block.body = filled("body", block.body[0])
    if isinstance(block, ast.Try | ast.TryStar):
        block.orelse = []  # What stands there is executed after the whole body, or not at all.
    elif isinstance(block, ast.If):
        block.orelse = branches.get("orelse", [])
    return block


def inert(statement: ast.stmt) -> ast.stmt:
    """Return a statement without what a reload never runs."""
    if not isinstance(statement, BLOCK):
        return statement
    never = is_never_run(statement)
    inner = {name: list(map(inert, body)) for name, body in branches_of(statement)}
    if never:
        inner["body"] = []
    elif all(
        part is was
        for name, body in branches_of(statement)
        for part, was in zip(inner[name], body, strict=True)
    ):
        return statement
    return with_bodies(statement, inner)


def with_bodies(statement: ast.stmt, bodies: dict[str, list[ast.stmt]]) -> ast.stmt:
    """Copy a block with other bodies in all its parts."""
    block = with_branches(statement, bodies)
    if isinstance(block, ast.Try | ast.TryStar):
        block.orelse, block.finalbody = bodies["orelse"], bodies["finalbody"]
        block.handlers = [copy(handler) for handler in block.handlers]
        for at, handler in enumerate(block.handlers):
            handler.body = bodies[f"handlers.{at}"]
    elif isinstance(block, LOOP):
        block.orelse = bodies["orelse"]
    return block


def docstring_of(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """Return the docstring of a function, as it is written."""
    first = definition.body[0]
    return first.value.value if is_text(first) else None  # type: ignore[attr-defined]


def is_text(statement: ast.stmt) -> bool:
    """Tell whether a statement is a string: a docstring, or of no consequence."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def no_text(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body without the strings in it."""
    return [statement for statement in body if not is_text(statement)]


def only_name(assignment: ast.Assign | ast.AnnAssign) -> str | None:
    """Return the name that an assignment binds, if it is one name and nothing else."""
    single = isinstance(assignment, ast.AnnAssign) or len(assignment.targets) == 1
    target = assignment.targets[0] if isinstance(assignment, ast.Assign) else assignment.target
    return target.id if single and isinstance(target, ast.Name) else None


def annotation_of(statement: ast.stmt) -> ast.stmt | None:
    """Return an annotated assignment without its value; None for one without annotation."""
    if not isinstance(statement, ast.AnnAssign):
        return None
    part = copy(statement)
    part.value = None
    return part


def only_acts(statement: ast.stmt) -> bool:
    """Tell whether a statement binds nothing, so that its effect is all there is of it."""
    match statement:
        case ast.Expr():
            return True
        case ast.AugAssign(target=target):
            return not isinstance(target, ast.Name)
    return False


def has_future_annotations(tree: ast.Module) -> bool:
    """Tell whether ``from __future__ import annotations`` is in force in a module."""
    return any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for statement in tree.body
    )


def is_moved(old: ast.stmt, new: ast.stmt) -> bool:
    """Tell whether any statement in two that are the same stands on another line."""
    olds, news = [old], [new]
    while olds:
        was, now = olds.pop(), news.pop()
        if (was.lineno, was.end_lineno) != (now.lineno, now.end_lineno):
            return True
        if isinstance(was, DEFINITION) and isinstance(now, DEFINITION):
            olds += was.body
            news += now.body
        for name, body in branches_of(was):
            olds += body
            news += body_of(now, name)
    return False


def lines_in(text: str) -> list[str]:
    """Split a source as the parser counts its lines."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def segments(body: Sequence[ast.stmt], lines: list[str]) -> list[str | None]:
    """Return how each statement is spelt; None where it shares a line with another."""
    found: list[str | None] = []
    firsts = [first_line(statement) for statement in body]
    lasts = [statement.end_lineno or 0 for statement in body]
    last_before = 0
    for statement, first, last, following in zip(
        body, firsts, lasts, [*firsts[1:], len(lines) + 1], strict=False
    ):
        is_alone = last_before < first and last < following
        # Nor with the header above it.
        is_alone = is_alone and not lines[first - 1][: statement.col_offset].strip()
        last_before = last
        if not is_alone:
            found.append(None)
        else:
            found.append(lines[first - 1] if first == last else "\n".join(lines[first - 1 : last]))
    return found


def first_line(statement: ast.stmt) -> int:
    """Return the line on which a statement begins, with its decorators."""
    decorators: list[ast.expr] | None = getattr(statement, "decorator_list", None)
    return decorators[0].lineno if decorators else statement.lineno
