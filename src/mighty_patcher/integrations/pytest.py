"""pytest: modules of tests are compiled with rewritten assertions, after an edit as at the import.

The loader that pytest has for them has neither ``source_to_code`` nor ``get_code``, only
``exec_module``. What it does to an assertion concerns nothing but that statement, so that a module
can be taken apart all the same.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

__all__ = ["rewriting_compiler", "rewritten_bytecode"]

_MODULE = "_pytest.assertion.rewrite"
_DISABLED = "PYTEST_DONT_REWRITE"


def rewriting_compiler(
    loader: object, source: bytes = b""
) -> Callable[[bytes | ast.Module, str], CodeType] | None:
    """Return what compiles as pytest's loader does, or None for any other loader.

    Args:
        loader: The loader of a module.
        source: The text of the module; needed to compile a part of its syntax tree.
    """
    rewrite: Any = sys.modules.get(_MODULE)
    if rewrite is None or not isinstance(loader, rewrite.AssertionRewritingHook):
        return None
    config = loader.config

    def compile_rewritten(data: bytes | ast.Module, filename: str) -> CodeType:
        if isinstance(data, bytes):
            text, tree = data, ast.parse(data, filename)
        else:
            text, tree = source, _copy(data)  # for the rewriter writes to it
        if not _is_disabled(text):
            rewrite.rewrite_asserts(tree, text, filename, config)
        code: CodeType = compile(tree, filename, "exec", dont_inherit=True)
        return code

    return compile_rewritten


def _copy(tree: ast.Module) -> Any:
    """Copy a syntax tree, in half the time of `copy.deepcopy`."""
    import pickle  # which programs that have no pytest need not load

    return pickle.loads(pickle.dumps(tree, pickle.HIGHEST_PROTOCOL))


def rewritten_bytecode(path: str) -> str | None:
    """Return where pytest keeps the code of a module of tests, or None where there is no pytest."""
    rewrite: Any = sys.modules.get(_MODULE)
    if rewrite is None or not path.endswith(".py"):
        return None
    file = Path(path)
    return str(rewrite.get_cache_dir(file) / f"{file.stem}{rewrite.PYC_TAIL}")


def _is_disabled(text: bytes) -> bool:
    if _DISABLED.encode() not in text:
        return False
    return _DISABLED in (ast.get_docstring(ast.parse(text), clean=False) or "")
