"""What a reload has to do for one module: bodies to patch, statements to run, or all of it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import partial
from types import FunctionType, ModuleType
from typing import Literal
from weakref import WeakSet

from mighty_patcher import _core
from mighty_patcher.engine import version
from mighty_patcher.engine.behind import Behind
from mighty_patcher.engine.changes import Plan, changes_nothing, lines_of
from mighty_patcher.engine.codetree import Pairs
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.held_functions import functions_in
from mighty_patcher.engine.identity import is_one_of
from mighty_patcher.engine.inforce import InForce, code_filename
from mighty_patcher.engine.loose import Loose
from mighty_patcher.engine.match import living, match_bodies
from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.outside import Outside
from mighty_patcher.engine.parts import Part, Parts, can_be_taken_apart
from mighty_patcher.engine.reimports import Reimports
from mighty_patcher.engine.report import Stale
from mighty_patcher.engine.run import (
    asked_once_more,
    held_value,
    note_bound,
    note_name,
    running_line,
    take_over,
)
from mighty_patcher.engine.running import without_running
from mighty_patcher.engine.statement_run import StatementRun
from mighty_patcher.engine.statements import plan as plan_of
from mighty_patcher.engine.toplevel import (
    asks_currently_reloading,
    is_main_guard,
    without_main_guard,
)
from mighty_patcher.engine.transaction import Edit
from mighty_patcher.engine.version import Version, parsed, part_compiler
from mighty_patcher.errors import RefusedEdit

__all__ = ["Planner", "Rerun"]

Rerun = Literal["changed", "module"]


class Planner:
    """Plans the edits of one module at a time, by the user's wishes.

    Args:
        modules: The loaded modules.
        in_force: What runs now.
        reimports: What the program has executed again by itself.
        rerun: ``"module"`` runs every saved module again, whatever changed in it.
        forget_last: Drops what the last reload could have been undone with.
    """

    def __init__(
        self,
        modules: Modules,
        in_force: InForce,
        reimports: Reimports,
        rerun: Rerun,
        forget_last: Callable[[], None],
    ) -> None:
        self._modules = modules
        self._in_force = in_force
        self._reimports = reimports
        self._rerun = rerun
        self._forget_last = forget_last
        self._left: WeakSet[FunctionType] = WeakSet()
        self._loose = Loose()

    def saved(
        self,
        module: ModuleType,
        new: Version,
        taken: set[int],
        *,
        again: bool = False,
        whole: bool = False,
    ) -> Edit:
        """Say what a saved module needs. It is looked at when those before it are done: what is
        found then is what is there.
        """
        old = parsed(self._in_force.text(new.path))
        code = self._in_force.saved_code(new, module)
        edit = Edit(module, code.co_filename, (None if old is None else old.tree, new.tree))
        reason = "its text at the time of its import is unknown"
        if old is not None:
            plan = plan_of(old.tree, new.tree, (old.text, new.text))
            reason = "it was asked for" if whole else self._why_whole(module, new, plan)
            pairs = Pairs(self._in_force.code(old, module), code, lines_of(plan))
            if not again and (reason or pairs.root.changed or not changes_nothing(plan)):
                self._forget_last()  # what only its log holds must not be found below
            others = {id(namespace_of(m)) for m in self._modules.of(new.path) if m is not module}
            patches = match_bodies(
                module,
                pairs,
                edit.filename,
                taken,
                self._left,
                others,
                everywhere=new.path in self._reimports.repeated,
                loose=self._loose,
                trees=edit.trees,
            )
            if patches.unknown is not None:
                reason = f"its file was changed after its import ({patches.unknown.__qualname__})"
            else:
                edit.patches = patches
            edit.living = partial(living, module, pairs, edit.patches.bodies, edit.filename)
            if reason or not changes_nothing(plan):
                _refuse_if_elsewhere(module, edit.filename, edit.trees[0])
            if not reason:
                plan, edit.patches.stale = self._without_running(module, plan, edit.patches.stale)
                edit.run = StatementRun(
                    module, plan, _parts(module, new, edit.filename), self._tree_of
                )
        if reason:
            edit.whole, edit.reason = self._whole(module, new, reason), reason
        return edit

    def importer(self, module: ModuleType, outside: Outside) -> Edit | None:
        """Say what a module may need that was not saved, but imports from one that was.

        Returns:
            None for one that only has imported names, or that is not ours to run.
        """
        text = self._text_of(module)
        if text is None or self._modules.is_excluded(module) or not _mentions(text, outside):
            return None
        if self._modules.is_importing(module) or not can_be_taken_apart(module):
            return None
        filename = code_filename(module, text.path)
        self._loose.note(functions_in(module, filename))
        plan = plan_of(text.tree, text.tree, (text.text, text.text))
        plan, _ = self._without_running(module, plan, [])
        return Edit(
            module,
            filename,
            (text.tree, text.tree),
            run=StatementRun(module, plan, _parts(module, text, filename), self._tree_of),
            living=partial(living, module, None, (), filename),
        )

    def _without_running(
        self, module: ModuleType, plan: Plan, stale: list[Stale]
    ) -> tuple[Plan, list[Stale]]:
        """Keep what is being executed right now, and what stands below it: the running code goes on
        with the old text.
        """
        running, text = running_line(module), self._text_of(module)
        if running is None or text is None:
            return plan, stale
        first = self._in_force.first_text(text.path) or text
        return without_running(plan, running[1], first.tree, text.tree, stale)

    def _text_of(self, module: ModuleType) -> Version | None:
        """Return the text that a module runs, if it is one below the roots."""
        return parsed(self._in_force.text_of(module))

    def _tree_of(self, module: ModuleType) -> ast.Module | None:
        text = self._text_of(module)
        return None if text is None else text.tree

    def _why_whole(self, module: ModuleType, new: Version, plan: Plan) -> str:
        """Say why all of a module is run again; nothing if it is not."""
        wish = namespace_of(module).get("__rerun__", self._rerun)
        if wish == "module":
            return "every save runs it again"
        if new.path in self._reimports.uncertain:
            return "importlib.reload() has not executed it to its end"
        if b"currently_reloading" in new.data and asks_currently_reloading(new.tree):
            return "it asks currently_reloading()"
        if not changes_nothing(plan) and not can_be_taken_apart(module):
            return "its loader changes what is compiled, and has to see all of it"
        return ""

    def _whole(self, module: ModuleType, new: Version, reason: str) -> Callable[[], list[Part]]:
        """Return what compiles a module that is run again.

        Raises:
            RefusedEdit: Its top-level code is running right now, outside its main block.
        """
        code = self._in_force.saved_code(new, module)
        tree = new.tree
        if name_of_module(module) == "__main__":
            tree = self._main_tree(module, new, reason)
            code = version.compile_for(new, module, code.co_filename, tree=tree)
        if not can_be_taken_apart(module):
            return lambda: [Part(None, code)]
        return _parts(module, new, code.co_filename, tree).every

    def _main_tree(self, module: ModuleType, new: Version, reason: str) -> ast.Module:
        running = running_line(module)
        if running is not None and not _is_in_main_guard(
            running[1], self._in_force.first_text(new.path)
        ):
            raise RefusedEdit(
                f"{reason}, in {self._modules.display(new.path)}, whose top-level code is "
                f"still running and would start again",
                'put what runs the program below `if __name__ == "__main__":`, or restart',
            )
        return without_main_guard(new.tree)


def _parts(
    module: ModuleType, text: Version, filename: str, tree: ast.Module | None = None
) -> Parts:
    compiler = part_compiler(module, text)
    tree = tree or text.tree
    hooks = note_bound, asked_once_more, held_value, note_name
    return Parts(filename, tree, take_over, compiler, *hooks)


def _refuse_if_elsewhere(module: ModuleType, filename: str, text: ast.Module | None) -> None:
    """Refuse to run statements of a module that has put another one in its place, where nothing
    tells in which namespace it was executed: nobody would see what these bind.

    Raises:
        RefusedEdit: It has.
    """
    name, namespace = name_of_module(module), namespace_of(module)
    functions: Iterable[FunctionType] = functions_in(module, filename)
    if filename_of(module) is None:  # what is there may have them as attributes of its class
        functions = _core.find_functions([], [filename])
    own = [it.__globals__ for it in functions if it.__globals__.get("__name__") == name]
    is_elsewhere = all(it is not namespace for it in own) if own else _lacks_names(module, text)
    if is_elsewhere:
        raise RefusedEdit(
            f"{name} has put another module in its place in sys.modules, and nothing in that one "
            f"leads to the namespace in which it was executed",
            "edit bodies of functions only, or restart",
        )


def _lacks_names(module: ModuleType, text: ast.Module | None) -> bool:
    """Tell whether what poses as a module has not got what its text binds."""
    if text is None or is_one_of(type(module), (ModuleType, Behind)):
        return False
    found = [facts(it) for it in text.body]
    names = {name for it in found for name in it.sure} - {
        name for it in found for name in it.deletes
    }
    return not names - {"*"} <= namespace_of(module).keys()


def _mentions(text: Version, outside: Outside) -> bool:
    """Tell whether a text may do something with names but import them."""
    names = (*outside.before, *outside.imported, *outside.refilled)
    twice = 1 if text.may_import_all else 2  # what imports all need not spell it
    return (
        bool(outside.rebuilt or outside.exported or outside.set_anew or outside.taken_back)
        or bool(outside.members)
        or outside.is_spelt(text)
        or any(text.data.count(it.encode()) >= twice for it in names)
    )


def _is_in_main_guard(line: int, text: Version | None) -> bool:
    return text is not None and any(
        statement.lineno <= line <= (statement.end_lineno or statement.lineno)
        for statement in text.tree.body
        if is_main_guard(statement)
    )
