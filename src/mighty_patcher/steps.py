"""What a loop runs: a script, a module, a shell command, a call."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import linecache
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of, spec_of
from mighty_patcher.engine.run import executed_again
from mighty_patcher.rounds import say

__all__ = ["Call", "ClearTerminal", "Command", "Refused", "ReloadedPythonModule", "Script"]

_DEFINED = "__mighty_patcher_defined__"


class Refused(Exception):
    """A loop cannot do what was asked for; a sentence without a full stop."""


class ClearTerminal:
    """Clears the terminal, if standard output is one."""

    def run(self) -> None:
        """Clear it."""
        if not sys.stdout.isatty():
            return
        if sys.platform == "win32":
            os.system("cls")
        else:
            sys.stdout.write("\033[2J\033[3J\033[H")  # screen, what was scrolled away, to the top
            sys.stdout.flush()


class Command:
    """Runs a shell command.

    Args:
        command: The command.
    """

    def __init__(self, command: str) -> None:
        self.command = command

    def run(self) -> None:
        """Run it, and say so if it fails."""
        sys.stdout.flush()
        status = subprocess.run(self.command, shell=True, check=False).returncode
        if status:
            say(f"{self.command}: exit status {status}")


class Call:
    """Calls something.

    Args:
        function: What is called.
        arguments: With these,
        keywords: and these.
    """

    def __init__(self, function: Callable[..., object], *arguments: Any, **keywords: Any) -> None:
        self.function = function
        self.arguments = arguments
        self.keywords = keywords

    def run(self) -> None:
        """Call it."""
        self.function(*self.arguments, **self.keywords)


class ReloadedPythonModule:
    """Executes all of a module, at every round, in its own namespace, which is kept.

    It is imported in the first round. Subclasses may override the two hooks.

    Args:
        module: The module, or its name.
    """

    def __init__(self, module: ModuleType | str) -> None:
        self.name = module if isinstance(module, str) else name_of_module(module)

    @classmethod
    def from_module_name(cls, module_name: str) -> ReloadedPythonModule:
        """Make the step for a module.

        Args:
            module_name: Its name; it need not be imported yet.
        """
        return cls(module_name)

    def run(self) -> None:
        """Execute it, between the hooks."""
        is_first = self.name not in sys.modules
        module = _made(self.name) if is_first else sys.modules[self.name]
        self.pre_reload_hook(module)
        _execute(module, _code_of(module), again=not is_first)
        self.post_reload_hook(module)

    def pre_reload_hook(self, module: ModuleType) -> None:
        """Called before the module is executed, in the first round, too.

        Args:
            module: The module, still empty in the first round.
        """

    def post_reload_hook(self, module: ModuleType) -> None:
        """Called when the module has been executed.

        Args:
            module: The module.
        """


class Script:
    """Runs a script as ``__main__``, whose namespace is kept.

    Args:
        path: The script.
        arguments: What comes after it on its command line.

    Raises:
        Refused: There is no such script.
    """

    name = "__main__"

    def __init__(self, path: str, arguments: Sequence[str]) -> None:
        if not Path(path).is_file():
            raise Refused(f"there is no script {path}")
        self.path = path
        self._arguments = list(arguments)
        self._file = Path(path).resolve()  # the script may change the directory
        self.folder = str(self._file.parent)
        self._module: ModuleType | None = None
        self._awaited: tuple[str, Callable[[ModuleType], object]] | None = None

    def run(self) -> None:
        """Execute it, in the first run as ``python script`` would."""
        is_first = self._module is None
        module = self._module = self._module or self._made()
        sys.modules["__main__"] = module
        sys.argv[:] = [self.path, *self._arguments]
        linecache.cache.pop(self.path, None)
        _execute(module, self._code(module), again=not is_first)

    def tell_when_defined(self, name: str, tell: Callable[[ModuleType], object]) -> None:
        """Have something called with the module as soon as a definition at its top is executed."""
        self._awaited = name, tell

    def _code(self, module: ModuleType) -> CodeType:
        data = self._file.read_bytes()
        if self._awaited is None:
            return compile(data, self.path, "exec", dont_inherit=True)
        name, tell = self._awaited
        tree = ast.parse(data, self.path)
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        places = [
            at for at, it in enumerate(tree.body) if isinstance(it, kinds) and it.name == name
        ]
        if not places:
            raise Refused(f"there is no function {name} at the top of {self.path}")
        call = ast.Expr(ast.Call(ast.Name(_DEFINED, ast.Load()), [], []))
        ast.fix_missing_locations(ast.copy_location(call, tree.body[places[-1]]))
        tree.body.insert(places[-1] + 1, call)

        def defined() -> None:
            del vars(module)[_DEFINED]
            tell(module)

        vars(module)[_DEFINED] = defined
        return compile(tree, self.path, "exec", dont_inherit=True)

    def _made(self) -> ModuleType:
        module = ModuleType("__main__")
        loader = SourceFileLoader("__main__", self.path)
        vars(module).update(__file__=self.path, __builtins__=builtins, __loader__=loader)
        if not sys.flags.safe_path:
            sys.path[0] = self.folder
        return module


def _made(name: str) -> ModuleType:
    """Make a module that is not executed yet, as an import would."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)
    return module


def _code_of(module: ModuleType) -> CodeType:
    """Compile a module from its source: a cache may be as old as this second."""
    file, spec = filename_of(module), spec_of(module)
    if file is None:
        raise ImportError(f"{name_of_module(module)} is no Python source file")
    linecache.cache.pop(file, None)
    loader: Any = spec.loader if spec is not None else None
    source_to_code = getattr(loader, "source_to_code", None)
    if source_to_code is None:
        return compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    code: CodeType = source_to_code(Path(file).read_bytes(), file)
    return code


def _execute(module: ModuleType, code: CodeType, *, again: bool) -> None:
    importlib.invalidate_caches()  # it may import a file that is as new as itself
    namespace = namespace_of(module)
    with executed_again(namespace) if again else nullcontext():
        exec(code, namespace)
