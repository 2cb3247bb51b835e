"""Old object to new content, where only bodies changed: find every function that holds old code,
and plan the edits that give it the new.

Functions are looked for where a module and its classes keep them. Only where something unknown
still holds old code (a closure made earlier, a decorator, a container, a frame) the whole heap is
passed over, once: the refcount gate of the core decides.
"""

from __future__ import annotations

from collections.abc import Collection, MutableSet, Sequence
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import CodeType, EllipsisType, FunctionType, ModuleType
from typing import Any

from mighty_patcher import _core
from mighty_patcher.engine.bodies import Body, Left, bodies_of
from mighty_patcher.engine.class_facts import changed_facts
from mighty_patcher.engine.codetree import Pairs, is_scope
from mighty_patcher.engine.docstrings import Copy, copies_of
from mighty_patcher.engine.held_code import HeldCode, holders_of_code
from mighty_patcher.engine.held_functions import caches_in, functions_in
from mighty_patcher.engine.inner_parts import InnerPart, inner_parts
from mighty_patcher.engine.kept_functions import Trees
from mighty_patcher.engine.loose import Loose
from mighty_patcher.engine.module_facts import name_of_module, namespace_of
from mighty_patcher.engine.report import LINES_MOVED, Stale, Step
from mighty_patcher.engine.run import running_code
from mighty_patcher.engine.settling import Cache

__all__ = ["Patches", "living", "match_bodies"]


@dataclass
class Patches:
    """The edits of one module, ready to be added to a log.

    Attributes:
        bodies: What each function gets.
        constants: Outer code, old and new nested code of each constant.
        facts: Classes and functions that wrap some, and what the compiler says of each.
        copies: The copies of docstrings that others have.
        inner: Functions that calls of others have made, and that have other annotations or
            defaults now.
        caches: The ``lru_cache`` wrappers of functions that do something else now: what they
            remember is stale.
        edited: The addresses of the functions whose bodies changed, and not their lines alone; with
            each the qualified names of what does, of it and of what is nested in it.
        steps: What this does, for the report.
        stale: What stays old, and why.
        behind: Functions that this leaves as they are, their code, and why.
        held: Functions that get other code, and who else holds the code that they have.
        unknown: A function of the module whose code is not that of the old version, so that the
            old version is not what was imported; then nothing else counts.
    """

    bodies: list[Body] = field(default_factory=list)
    constants: list[tuple[CodeType, CodeType, CodeType]] = field(default_factory=list)
    facts: list[tuple[type | FunctionType, dict[str, Any]]] = field(default_factory=list)
    copies: list[Copy] = field(default_factory=list)
    inner: list[InnerPart] = field(default_factory=list)
    caches: list[Cache] = field(default_factory=list)
    edited: dict[int, frozenset[str]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    stale: list[Stale] = field(default_factory=list)
    behind: list[tuple[FunctionType, CodeType, Stale]] = field(default_factory=list)
    held: list[HeldCode] = field(default_factory=list)
    unknown: FunctionType | None = None

    def left(self, function: FunctionType, why: Left) -> None:
        """Note that a function stays as it is, unless a statement brings it up to date."""
        stale = Stale(function.__qualname__, why.reason, why.hint)
        self.behind.append((function, function.__code__, stale))

    def containers(self) -> list[Any]:
        """Return all that holds objects of the program here."""
        lists: list[list[Any]] = [
            self.bodies,
            self.constants,
            self.facts,
            self.copies,
            self.behind,
            self.held,
            self.inner,
            self.caches,
        ]
        return [*lists, *(entry for held in lists[:-1] for entry in held)]

    def __bool__(self) -> bool:
        found = self.bodies, self.constants, self.facts, self.stale, self.behind, self.inner
        return any(found)


def match_bodies(
    module: ModuleType,
    pairs: Pairs,
    filename: str,
    taken: set[int],
    left: MutableSet[FunctionType],
    others: Collection[int] = (),
    *,
    everywhere: bool = False,
    loose: Loose | None = None,
    trees: Trees = (None, None),
) -> Patches:
    """Plan to give every function of a module its new code.

    Args:
        module: The module; nothing of it is executed.
        pairs: Its old and new code.
        filename: The ``co_filename`` of its code.
        taken: Identities of the functions and tuples of constants that this reload changes already;
            added to.
        left: The functions that reloads have left with older code than the old one; added to.
        others: Identities of the namespaces of other modules of the file, whose turn comes.
        everywhere: Look for functions in the whole heap, also where no old code seems to be held.
        loose: The code that closures may have been made of; added to.
        trees: The old and new syntax tree, where they are known.
    """
    patches = Patches()
    owners = functions_in(module, filename)
    for own in owners:
        # From 3.14 on a reload makes the function of the module's annotations, of its own code.
        is_known = own in left or own.__name__ == "__annotate__"
        is_known = is_known or pairs.of(own.__code__) is not None or pairs.is_new(own.__code__)
        if own.__globals__ is namespace_of(module) and not is_known:
            return Patches(unknown=own)
    running = running_code(filename)
    functions = list(owners)
    if loose is not None:
        everywhere = everywhere or loose.has_changed(functions, pairs)
        loose.note(functions)
    everywhere = everywhere or _must_search_heap(functions, pairs, [pairs.root.old, *running])
    if everywhere:
        known = set(map(id, functions))
        found = _core.find_functions([pair.old for pair in pairs if pair.changed], [filename])
        functions += [function for function in found if id(function) not in known]
        targets = [function for function in functions if _is_changed(function, pairs)]
        if _is_held(targets, pairs, [pairs.root.old, *running]):
            constants = [function.__code__.co_consts for function in functions]
            patches.held = list(holders_of_code(targets, [running, *constants]))
    changed = [
        (function, pair)
        for function in functions
        for pair in [pairs.of(function.__code__)]
        if pair is not None and pair.changed and id(function) not in taken
        # What the body of a class was run by is no function; without the GIL it lingers.
        if id(function.__globals__) not in others and not is_scope(pair.old)
    ]
    names: dict[str, Step] = {}
    edited: dict[int, frozenset[str]] = {}
    for function, pair, body in bodies_of(changed, owners, trees):
        if isinstance(body, Body):
            patches.bodies.append(body)
            taken.add(id(function))
            if pair.edited:
                edited[id(function)] = frozenset(
                    it.new.co_qualname for it in pair.all() if it.edited_itself and it.new
                )
            step = Step(
                "patched",
                name_of_module(module),
                function.__qualname__,
                pair.new.co_firstlineno if pair.new else 0,
                "its body changed" if pair.edited else LINES_MOVED,
            )
            if function.__name__ != "__annotate__":  # nobody has written it
                names.setdefault(function.__qualname__, step)
        else:
            left.add(function)
            if body is not None:
                patches.left(function, body)
    patches.caches = list(caches_in(module, edited))
    patches.edited = edited
    patches.facts = list(changed_facts(module, pairs))
    patched = {id(function) for function, *_ in patches.bodies}
    inner = inner_parts(pairs, trees, functions, patched, filename)
    patches.inner = [it for it in inner if it.function.__globals__ is namespace_of(module)]
    docs = {
        function: doc
        for function, _, _, doc, _ in patches.bodies
        if not isinstance(doc, EllipsisType) and doc != function.__doc__
    }
    patches.copies, stale = copies_of(docs)
    patches.stale += stale
    patches.steps = sorted(names.values(), key=lambda step: step.line)
    if everywhere:
        outers = {id(code): code for code in running}
        runs = set(outers)
        outers |= {id(target.__code__): target.__code__ for target, *_ in patches.bodies}
        for outer in outers.values():
            # Two modules of one file share what runs; and copies of code share their constants.
            if id(outer.co_consts) not in taken:
                taken.add(id(outer.co_consts))
                may_run = id(outer) in runs or _suspends(outer)
                _plan_constants(outer, pairs, patches, may_run=may_run)
    return patches


def living(
    module: ModuleType,
    pairs: Pairs | None,
    bodies: Sequence[Body],
    filename: str,
    made: FunctionType,
) -> FunctionType | None:
    """Find the function that the program has of a definition that is executed again.

    Args:
        module: The module.
        pairs: Its old and new code; None if the text did not change.
        bodies: What is known of its functions: those that get other code.
        filename: The ``co_filename`` of its code.
        made: What the definition has just made.

    Returns:
        The function; None if there is none, or more than one.
    """
    # What is nested in the code of these is new by now: it is not what is looked for further down.
    known = [
        function
        for function, code, *_ in bodies
        if code == made.__code__ and function.__globals__ is made.__globals__
    ]
    if len(known) > 1:  # what the name holds is to be what decorators make of the other
        bare = namespace_of(module).get(made.__qualname__)
        known = [function for function in known if function is not bare]
    if known:
        return known[0] if len(known) == 1 else None
    pair = pairs.made(made.__code__) if pairs is not None else None
    if pairs is not None and pair is None:
        return None
    codes = [made.__code__] if pair is None else [made.__code__, pair.old]

    def fits(function: FunctionType) -> bool:
        return (
            function is not made
            and function.__globals__ is made.__globals__
            and function.__code__ in codes
        )

    found = list(filter(fits, functions_in(module, filename)))
    if not found:
        found = list(filter(fits, _core.find_functions(codes, [filename])))
    return found[0] if len(found) == 1 else None


def _must_search_heap(functions: list[FunctionType], pairs: Pairs, roots: list[CodeType]) -> bool:
    """Tell whether functions with old code may exist that are not among those found.

    No local of this function may refer to code while the gate counts references.
    """
    if _core.FREE_THREADED or _may_have_copies(pairs):
        return True
    found = {id(pairs.of(function.__code__)) for function in functions}
    if any(pair.changed and pair.is_definition and id(pair) not in found for pair in pairs):
        return True
    return _is_held([it for it in functions if _is_changed(it, pairs)], pairs, roots)


def _is_held(targets: list[FunctionType], pairs: Pairs, roots: list[CodeType]) -> bool:
    """Tell whether something else than these functions may hold their code. No local of this
    function or of its caller may refer to code.
    """
    return _core.is_held_elsewhere(targets, roots, [pair.old for pair in pairs])


def _may_have_copies(pairs: Pairs) -> bool:
    """Tell whether closures may have copies of code that changed: `types.coroutine` makes some."""
    if not any("coroutine" in pair.old.co_names for pair in pairs):
        return False
    return any(
        pair.changed
        and not pair.runs_once
        and pair.old.co_flags & CO_GENERATOR
        and not pair.old.co_name.startswith("<")
        for pair in pairs
    )


def _is_changed(function: FunctionType, pairs: Pairs) -> bool:
    pair = pairs.of(function.__code__)
    return pair is not None and pair.changed


def _suspends(code: CodeType) -> bool:
    """Tell whether a frame of this code may be waiting somewhere, on no thread's stack."""
    return bool(code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR))


def _plan_constants(outer: CodeType, pairs: Pairs, patches: Patches, *, may_run: bool) -> None:
    """Plan to let code that is still running make new inner functions.

    Each constant of the living code is looked up by itself: it need not be the object that we
    compiled.
    """
    for constant in outer.co_consts:
        pair = pairs.of(constant) if isinstance(constant, CodeType) else None
        if pair is None or pair.new is None or not pair.changed:
            continue
        if pair.new.co_freevars == constant.co_freevars:
            patches.constants.append((outer, constant, pair.new))
        elif pair.edited and may_run:
            patches.stale.append(
                Stale(
                    f"{constant.co_qualname} as made by code that is running now",
                    "its new code uses other variables of the enclosing function",
                    "it is new when the enclosing function is called again",
                )
            )
