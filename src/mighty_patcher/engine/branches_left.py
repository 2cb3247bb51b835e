"""Names that a branch had set which is not taken any more: which of them go with it.

Pure: only syntax trees are looked at. The branch may have asked for what the program has done
(``if "cache" not in globals()``), and then what it has set is the program's. Where nothing can be
lost, a name goes, as it is not there after a fresh start: all that binds it are imports; or imports
and definitions below tests that a fresh start would answer in the same way, ``if DEBUG:``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence

from mighty_patcher.engine.toplevel import globals_in
from mighty_patcher.engine.trees import BLOCK, DEFINITION_OR_CLASS, IMPORT, branches_of

__all__ = ["goes_with_branch"]

Blocks = tuple[ast.stmt, ...]

_PLAIN = (
    *(ast.BoolOp, ast.boolop, ast.UnaryOp, ast.unaryop, ast.Compare, ast.cmpop),
    *(ast.Name, ast.Attribute, ast.Constant, ast.Tuple, ast.expr_context),
)


def goes_with_branch(
    name: str,
    statements: Sequence[ast.stmt],
    binds: Callable[[ast.stmt], Collection[str]],
    is_as_written: Callable[[str], bool],
    is_there: Callable[[str], bool],
) -> bool:
    """Tell whether a name goes that nothing has set which was executed.

    Args:
        name: The name.
        statements: The statements of the module.
        binds: Finds the names that statements bind, a block by its header alone.
        is_as_written: Tells of a name that is set elsewhere in the module whether its value is
            the one that a fresh start would give it.
        is_there: Tells whether the module has a name.
    """
    if any(name in globals_in(it) for it in statements):
        return False
    found = [it for it in _walk(statements) if name in binds(it[0])]
    definitions = [it for it in found if isinstance(it[0], DEFINITION_OR_CLASS)]
    imports = [it for it, _ in found if isinstance(it, IMPORT) and it.names[0].name != "*"]
    return (
        bool(found)
        and len(definitions) + len(imports) == len(found)
        and all(
            not getattr(it, "decorator_list", ())
            and all(_is_settled(block, name, is_as_written, is_there) for block in blocks)
            for it, blocks in definitions
        )
    )


def _walk(statements: Sequence[ast.stmt], blocks: Blocks = ()) -> Iterator[tuple[ast.stmt, Blocks]]:
    """Yield the statements of a module, each with the blocks around it."""
    for it in statements:
        yield it, blocks
        if isinstance(it, BLOCK):
            for _, body in branches_of(it):
                yield from _walk(body, (*blocks, it))


def _fails_to_import(block: ast.Try, is_there: Callable[[str], bool]) -> bool:
    """Tell whether the first statement of a block that has failed is an import."""
    for it in block.body:
        if isinstance(it, IMPORT):
            bound = [alias.asname or alias.name.partition(".")[0] for alias in it.names]
            if not all(map(is_there, bound)):
                return True
        elif not (isinstance(it, ast.Assign) and isinstance(it.value, ast.Constant)):
            return False
    return False


def _is_settled(
    block: ast.stmt,
    name: str,
    is_as_written: Callable[[str], bool],
    is_there: Callable[[str], bool],
) -> bool:
    """Tell whether a fresh start takes the same branch of a block."""
    if isinstance(block, ast.Try):
        only_imports = all(isinstance(it, IMPORT) for it in block.body)
        return only_imports or _fails_to_import(block, is_there)
    if not isinstance(block, ast.If):
        return False
    nodes = list(ast.walk(block.test))
    names = {it.id for it in nodes if isinstance(it, ast.Name)}
    return (
        all(isinstance(it, _PLAIN) for it in nodes)
        and name not in names
        and all(map(is_as_written, names))
    )
