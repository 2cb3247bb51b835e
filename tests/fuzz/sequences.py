"""A random program and what is saved of it, save by save; what is wrong after a save; and the
smallest such sequence that is still wrong.
"""

from __future__ import annotations

import ast
import random
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from compare import ANOTHER, Words
from processes import Processes, Seen
from programs import Program, Texts
from rules import (
    HALFWAY,
    HANDED_ROUND,
    LEFT,
    MUST_BE_SAID,
    Cause,
    Causes,
    Memory,
    Node,
    Step,
    Version,
    differing,
)

__all__ = [
    "LEVELS",
    "Failure",
    "Save",
    "Sequence",
    "check",
    "explained",
    "new_sequence",
    "parsed",
    "shrunk",
]

LEVELS = ("errors", "values", "held", "state", "runs")
"""What is compared: failed reloads, modules, references from the start, states, executions."""

_STILL = {"function": "function", "wrapper": ("function", "a cache")}
_ACTS = re.compile(r"(?:the call of )?([\w.]+?)(?:\.append|\[.*)?$")
TWICE, REPORTED, RAN, DELETED, SUBMODULE, OTHERWISE = (
    "one object for two definitions",
    "reported to be stale",
    "given something of which nothing can be said",
    "deleted by now",
    "a package has a module as soon as somebody has imported that",
    "as in a process that begins with another module",
)
CUT = "lacks what the next one has again"
_BROKEN = {
    "does not parse": ("def broken(:\n", "x = = 1\n"),
    "raises": ("broken = 1 // 0\n", "import no_such_module\n", "raise ValueError('broken')\n"),
}


@dataclass(frozen=True)
class Save:
    """Files that are written at once.

    Attributes:
        texts: Their new texts.
        broken: Why nothing may change, or is not compared: it lacks a statement (`CUT`).
        edits: What was edited, in words.
    """

    texts: Texts
    broken: str = ""
    edits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sequence:
    """A program and the saves that follow."""

    texts: Texts
    saves: tuple[Save, ...]

    def in_force(self) -> Iterator[Texts]:
        """Yield what is in force after each save."""
        texts = dict(self.texts)
        for save in self.saves:
            if not save.broken:
                texts = texts | save.texts
            yield texts


@dataclass(frozen=True)
class Failure:
    """What is wrong after a save.

    Attributes:
        number: The number of the save.
        level: What kind of thing is wrong.
        differences: What is.
        report: What the reload said.
    """

    number: int
    level: str
    differences: tuple[str, ...]
    report: str = ""


@dataclass
class Said:
    """What reports have said; it is said once, and not again at each save.

    Attributes:
        stale: What is stale, and why.
        kept: What was kept though it would be another now: module and name.
        rebound: What was bound to the value that it has where it was imported from.
    """

    stale: list[str] = field(default_factory=list)
    kept: set[Node] = field(default_factory=set)
    rebound: set[Node] = field(default_factory=set)

    def excuse(self, text: str, causes: Causes, excused: Counter[str]) -> Iterator[str]:
        """Count a difference of which nothing can be said, or yield it if that had to be said."""
        got = self.kept | self.rebound
        said = {
            it.reason for it in causes if it.is_said(got if it.reason == HALFWAY else self.kept)
        }
        excused.update(said)
        if not said:
            silent = {it.reason for it in causes}
            if silent <= MUST_BE_SAID:
                yield f"{text}; and nothing says so ({', '.join(sorted(silent))})"
            excused.update(f"{it}, and nothing says so" for it in silent)


def new_sequence(processes: Processes, seed: int) -> Sequence:
    """Make a program that can be imported, and saves that can be."""
    choices = random.Random(seed)
    while True:
        program = Program.new(choices)
        texts = program.texts()
        if not processes.fresh(texts).error:
            break
    saves: list[Save] = []
    history, in_force, pending = [texts], texts, {}
    for _ in range(choices.choice((1, 1, 2, 2, 3, 4))):
        if choices.random() < 0.1 and not pending:
            saves.append(_broken(choices, in_force))
            pending = {path: in_force[path] for path in saves[-1].texts}
            continue
        before = program.copied()
        if len(history) > 1 and choices.random() < 0.12:
            new, edits = choices.choice(history[:-1]), ["back"]
        else:
            edits = [program.edit() for _ in range(choices.choice((1, 1, 2, 3)))]
            new = program.texts()
        written = {path: text for path, text in new.items() if text != in_force[path]}
        if not (written or pending) or processes.fresh(new).error:
            program.modules = before
            continue
        if edits == ["back"]:
            saves.append(Save(pending | written, "", ("back",)))
            history, in_force, pending = [*history, new], new, {}
            break  # the program has no statements for this text
        saves.append(Save(pending | written, "", tuple(edits)))
        history, in_force, pending = [*history, new], new, {}
    return _with_cuts(Sequence(texts, tuple(saves)), random.Random(f"cuts {seed}"))


def _broken(choices: random.Random, texts: Texts) -> Save:
    why = choices.choice(list(_BROKEN))
    path = choices.choice(list(texts))
    text = texts[path] + choices.choice(_BROKEN[why])
    return Save({path: text}, why, (why,))


def _with_cuts(sequence: Sequence, choices: random.Random) -> Sequence:
    """Let some saves be preceded by one that lacks a statement, which they have again."""
    saves: list[Save] = []
    befores = [sequence.texts, *sequence.in_force()]
    for save, before in zip(sequence.saves, befores, strict=False):
        is_after_good = not (save.broken or (saves and saves[-1].broken))
        if is_after_good and choices.random() < 0.15 and (cut := _cut(choices, before)):
            saves.append(cut)
            save = replace(save, texts={it: before[it] for it in cut.texts} | save.texts)
        saves.append(save)
    return Sequence(sequence.texts, tuple(saves))


def _cut(choices: random.Random, texts: Texts) -> Save | None:
    """Leave out a definition or an assignment."""
    places = [
        (path, it)
        for path, text in texts.items()
        for it in ast.parse(text).body
        if isinstance(it, (ast.FunctionDef, ast.ClassDef, ast.Assign))
        and "State(" not in ast.unparse(it)  # which goes with it, and nobody else may have it
    ]
    if not places:
        return None
    path, statement = choices.choice(places)
    lines = texts[path].splitlines(keepends=True)
    first = min([statement.lineno, *(it.lineno for it in getattr(statement, "decorator_list", ()))])
    left = [*lines[: first - 1], *lines[statement.end_lineno :]]
    return Save({path: "".join(left)}, CUT, ("cut",))


# --- what is wrong --------------------------------------------------------------------------------


def check(
    processes: Processes,
    sequence: Sequence,
    levels: tuple[str, ...] = LEVELS,
    sabotage: str = "",
    excused: set[str] | None = None,
) -> Failure | None:
    """Run a sequence and compare.

    Args:
        processes: Where to.
        sequence: The sequence.
        levels: What to compare.
        sabotage: Something to do to the process after each save.
        excused: Gets what differed and is no fault, by why.

    Returns:
        The first thing that is wrong.
    """
    first = processes.fresh(sequence.texts)
    seen = processes.reloaded(sequence.texts, [it.texts for it in sequence.saves], sabotage)
    if seen[0].error:
        return Failure(0, "errors", (seen[0].error,))
    before = seen[0]
    differences = [f"{key}: {a} / {b}" for key, a, b in differing(before.words, first.words)]
    if differences:
        return Failure(0, "fuzzer", tuple(differences))
    old, memory = Version(sequence.texts, first), Memory()
    alive = {node: node for node in old.binders if len(old.binders[node]) == 1}
    said = Said()
    steps = zip(sequence.saves, sequence.in_force(), seen[1:], strict=True)
    was_cut = False
    for number, (save, texts, now) in enumerate(steps, 1):
        new = old
        if save.broken == CUT:  # a fresh process may not even start
            said.kept.update(_named(now, old, old))
            said.stale += now.stale
            was_cut, before = True, now
            continue
        if save.broken:
            found = list(_unchanged(before, now, save))
        else:
            new = Version(texts, processes.fresh(texts))
            if now.error and any(f"'{it}'" in now.error for it in new.deleted_halfway):
                if excused is not None:
                    excused.add(DELETED)
                return None  # what was saved is not in force
            step = Step(
                old, new, now.notes, memory, _left(now, new), partial(_begun_by, processes, texts)
            )
            places = {first: _place_now(old, new, node) for first, node in alive.items()}
            alive = {first: node for first, node in places.items() if node is not None}
            said.kept.update(_named(now, old, new))
            said.rebound.update(now.rebound)
            said.stale += now.stale
            found = list(_wrong(step, now, alive, said))
            if excused is not None:
                excused.update(step.excused)
        compared = {*levels} - ({"runs"} if was_cut else set())  # what was pasted is executed
        was_cut = was_cut and bool(save.broken)
        wrong = [(level, text) for level, text in found if level in compared]
        if wrong:
            level = min((level for level, _ in wrong), key=LEVELS.index)
            texts_of = tuple(dict.fromkeys(text for it, text in wrong if it == level))
            return Failure(number, level, texts_of, now.report)
        before, old = now, new
    return None


def _begun_by(processes: Processes, texts: Texts) -> list[Words]:
    """Return what fresh processes hold that begin with another module: in a cycle that decides who
    finds what, and a process does not know what it has begun with.
    """
    names = list(texts)
    orders = [[it, *(other for other in names if other != it)] for it in names[1:]]
    found = [processes.fresh({it: texts[it] for it in order}) for order in orders]
    return [it.words for it in found if not it.error]


def _unchanged(before: Seen, now: Seen, save: Save) -> Iterator[tuple[str, str]]:
    if not now.error:
        yield "errors", f"the save {save.broken}, and the reload says {now.report or 'nothing'}"
    for (module, name, about), ours, theirs in differing(now.words, before.words):
        yield "values", f"{module}.{name} {about}: {ours}, before the failed save {theirs}"
    yield from (("state", f"{name} is lost") for name in now.lost)


def _place_now(old: Version, new: Version, node: Node) -> Node | None:
    """Return where a definition stands now: there is still one of the same kind, and no other of
    its name; or there is one in another module, and who had it from here has it from there.
    """
    found = [version.binders.get(node, ()) for version in (old, new)]
    if len(found[0]) != 1 or found[0][0].in_block:
        return None
    kind = found[0][0].kind
    if len(found[1]) == 1 and found[1][0].kind == kind and not found[1][0].in_block:
        return node
    if not found[0][0].defines or any(it.defines for it in found[1]):
        return None
    places = [
        it
        for it, binders in new.binders.items()
        if it[1] == node[1] and it[0] != node[0] and any(one.defines for one in binders)
    ]
    if len(places) != 1 or any(it.defines for it in old.binders.get(places[0], ())):
        return None
    (place,) = places
    (binder, *others) = new.binders[place]
    users = [
        it
        for it in {node, place, *new.sources}
        if new.origin(it) == place and old.origin(it) == node
        if all(len(version.binders.get(it, ())) == 1 for version in (old, new))
    ]
    is_told = bool(users) and not others and binder.kind == kind and not binder.in_block
    return place if is_told else None


def _named(now: Seen, old: Version, new: Version) -> Iterator[Node]:
    """Yield the names of which a report says that something was kept, and the objects that it says
    are as a statement has left them.
    """
    for module, what in now.kept:
        yield module, what.partition(".")[0]
        path = tuple(_ACTS.sub(r"\1", what).split("."))
        for version in (old, new):
            for node in list(version.nodes(module, path))[-1:]:
                yield from (node, version.origin(node), *version.way(node))


def _left(now: Seen, new: Version) -> dict[Node, Causes]:
    """Return the names that may be left: from a branch that is not taken any more, or because
    modules that import everything from each other have it from each other.
    """
    left: dict[Node, Causes] = {}
    for module, name, about in now.words:
        if about != "value" or (module, name, about) in new.words:
            continue
        owners, seen = [module], set()
        while owners:
            owner = owners.pop()
            if owner in seen:
                continue
            seen.add(owner)
            node = new.origin((owner, name))
            reason = ""
            if f"{owner}.{name}" in new.statements:
                reason = SUBMODULE
            elif owner in new.in_star_cycles:
                reason = HANDED_ROUND
            binders = [*new.binders.get(node, ()), *new.binders.get((owner, name), ())]
            if any(it.in_block for it in binders):
                reason = LEFT
            if reason:
                causes = left.get((module, name), frozenset())
                left[module, name] = causes | {
                    Cause(reason, it, (name,)) for it in (module, owner, node[0])
                }
            owners += new.stars[owner]
    return left


def _wrong(step: Step, now: Seen, alive: dict[Node, Node], said: Said) -> Iterator[tuple[str, str]]:
    if now.error:
        yield "errors", f"the reload failed: {now.error}"
        return
    yield from (("values", text) for text in _wrong_values(step, now, said))
    yield from (("held", text) for text in _wrong_held(step, now, alive, said))
    yield from (("state", f"{name} is lost") for name in now.lost)
    yield from (("runs", text) for text in _wrong_runs(step, now))


def _wrong_values(step: Step, now: Seen, said: Said) -> Iterator[str]:
    excused = step.excused
    is_twice = step.old.has_two_definitions or step.new.has_two_definitions
    for (module, name, about), ours, theirs in differing(now.words, step.new.words):
        others = [tuple(it.rsplit(".", 1)) for it in (ours, theirs) if about == "is"]
        causes = [step.unknown[it] for it in [(module, name), *others] if it in step.unknown]
        if step.may_be_otherwise(causes, (module, name, about), ours):
            excused[OTHERWISE] += 1
            continue
        text = f"{module}.{name} {about}: {ours}, in a fresh process {theirs}"
        wrong = list(said.excuse(text, frozenset().union(*causes), excused)) if causes else [text]
        if (
            wrong
            and is_twice
            and (
                (module, name) in said.kept
                or causes
                or ours.replace(ANOTHER, "") == theirs.replace(ANOTHER, "")
            )
        ):
            excused[TWICE] += 1
        else:
            yield from wrong


def _wrong_held(step: Step, now: Seen, alive: dict[Node, Node], said: Said) -> Iterator[str]:
    """Compare what was held from the start with what stands there now, or where it has moved to."""
    fresh: dict[Node, dict[str, str]] = {}
    for (module, name, about), text in step.new.words.items():
        fresh.setdefault((module, name), {})[about] = text
    held: dict[Node, set[str]] = {}
    for module, name, what in now.held:
        held.setdefault((module, name), set()).add(what)
    raw = {node: _raw(words) for node, words in fresh.items()}
    is_twice = step.old.has_two_definitions or step.new.has_two_definitions
    for (module, name, what), ours in now.held.items():
        first, (kind, about) = (module, name), what.split(": ", 1)
        node = alive.get(first)
        if node is None or node not in fresh:
            continue
        words = raw[node] if kind == "function" else fresh[node]
        is_wrapped = held[first] & {"function: wrapped value", "function: cached value"}
        if kind == "function" and is_wrapped:
            words = fresh[node]  # it was given a decorator: who has it, has the wrapper
        if not words["value"].startswith(_STILL.get("wrapper" if is_wrapped else kind, "class")):
            continue
        if kind.startswith("method"):
            name_of = kind.removeprefix("method ")
            if any(name_of in it.twice for v in (step.old, step.new) for it in v.binders[node]):
                continue  # another definition may be its class's by now
            is_plain = f".{name_of} kind" not in words  # it is no property by now
            if not is_plain or not words.get(f".{name_of} value", "").startswith("function"):
                continue
        if kind == "wrapper" and "wrapped value" not in words and "cached value" not in words:
            continue  # it has no decorators any more
        theirs = words.get(about, "<absent>")
        if ours == theirs:
            continue
        text = f"{kind} {module}.{name}, held from the start, {about}: {ours}, fresh {theirs}"
        if any(re.search(rf"\b{name}\b", it) for it in said.stale):
            step.excused[REPORTED] += 1
        elif any(
            step.may_be_otherwise([causes], (*node, f"{within}{about}"), ours)
            for causes in filter(None, [step.unknown.get(node)])
            for within in ("", "wrapped ", "cached ", "cached wrapped ", "wrapped cached ")
        ):
            step.excused[OTHERWISE] += 1
        elif node in step.unknown:
            yield from said.excuse(text, step.unknown[node], step.excused)
        elif is_twice and ours.replace(ANOTHER, "") == theirs.replace(ANOTHER, ""):
            step.excused[TWICE] += 1
        else:
            yield text


def _raw(words: dict[str, str]) -> dict[str, str]:
    """Keep what is said of the innermost function."""
    while True:
        inner = {
            about.split(" ", 1)[1]: text
            for about, text in words.items()
            if about.startswith(("wrapped ", "cached "))
        }
        if not inner:
            return words
        words = inner


def _wrong_runs(step: Step, now: Seen) -> Iterator[str]:
    may: Counter[Node] = Counter()
    unsure: set[Node] = set()
    looping: set[Node] = set()
    for module, it in step.new.all():
        nodes = {(module, name) for name in it.binds} | step.new.all_nodes(module, it.deep)
        nodes |= {step.new.origin(node) for node in nodes}
        for key in it.notes:
            others = {step.new.origin(node) for node in nodes if node[0] != module}
            if nodes & step.unknown.keys() or others & step.new.twice:
                unsure.add((module, key))
            if (module, it.text) in step.may_run:
                may[module, key] += 1
                if it.in_loop:
                    looping.add((module, key))
    for (module, key), count in step.ran.items():
        if (module, key) not in looping and count > may[module, key]:
            yield f'{module}: note("{key}") ran {count} times, and may {may[module, key]} times'
    for module, key, value in now.notes:
        values = step.new.noted[module, key]
        if (module, key) in unsure and value not in values:
            step.excused[RAN] += 1
        elif value not in values:
            yield f'{module}: note("{key}") was given {value}, in a fresh process {values}'
    for module, it in step.new.all():
        if (module, it.text) in step.changed and not it.in_block and "lambda" not in it.text:
            for key in it.notes:
                if key in step.kept_notes[module]:
                    continue
                if not step.ran[module, key] and step.new.notes[module, key]:
                    yield f'{module}: note("{key}") did not run though its statement changed'


# --- the smallest ---------------------------------------------------------------------------------


def shrunk(
    processes: Processes, sequence: Sequence, levels: tuple[str, ...], sabotage: str = ""
) -> tuple[Sequence, Failure]:
    """Return the smallest sequence found that fails in the same way."""
    failure = check(processes, sequence, levels, sabotage)
    assert failure is not None
    best, level = sequence, failure.level
    size = None
    while size != (size := sum(len(text) for text in _all_texts(best))):
        for change in _reductions(best, failure.number):
            smaller = change(best)
            if smaller is None or smaller == best:
                continue
            if any(processes.fresh(texts).error for texts in (smaller.texts, *smaller.in_force())):
                continue
            found = check(processes, smaller, levels, sabotage)
            if found is not None and found.level == level:
                best, failure = smaller, found
    return best, failure


def _all_texts(sequence: Sequence) -> Iterator[str]:
    yield from sequence.texts.values()
    for save in sequence.saves:
        yield from save.texts.values()


Reduction = Callable[[Sequence], Sequence | None]


def _reductions(sequence: Sequence, last: int) -> Iterator[Reduction]:
    """Yield ways to make a sequence smaller, the big ones first."""
    yield lambda it: replace(it, saves=it.saves[:last])
    yield lambda it: Sequence(next(it.in_force()), it.saves[1:]) if len(it.saves) > 1 else None
    for at in reversed(range(len(sequence.saves))):
        yield partial(_without_save, at=at)
        yield partial(_merged, at=at)
    for path in reversed(sequence.texts):
        yield partial(_without, path=path, segments=None)
        for at in range(len(sequence.saves)):
            yield partial(_without_file, at=at, path=path)
    for path, text in reversed(sequence.texts.items()):
        versions = [text, *(save.texts[path] for save in sequence.saves if path in save.texts)]
        found = dict.fromkeys(it for version in versions for it in _segments(version))
        segments = list(reversed(found))
        for size in (8, 3, 1):
            for at in range(0, len(segments), size):
                yield partial(_without, path=path, segments=segments[at : at + size])


def _without_save(sequence: Sequence, at: int) -> Sequence | None:
    saves = sequence.saves
    if at >= len(saves) or len(saves) < 2:
        return None
    return replace(sequence, saves=(*saves[:at], *saves[at + 1 :]))


def _merged(sequence: Sequence, at: int) -> Sequence | None:
    saves = sequence.saves
    if at + 1 >= len(saves) or saves[at].broken:
        return None
    both = replace(saves[at + 1], texts=saves[at].texts | saves[at + 1].texts)
    return replace(sequence, saves=(*saves[:at], both, *saves[at + 2 :]))


def _without_file(sequence: Sequence, at: int, path: str) -> Sequence | None:
    saves = sequence.saves
    if at >= len(saves) or path not in saves[at].texts or len(saves[at].texts) < 2:
        return None
    fewer = {it: text for it, text in saves[at].texts.items() if it != path}
    changed = replace(saves[at], texts=fewer)
    return replace(sequence, saves=(*saves[:at], changed, *saves[at + 1 :]))


def _segments(text: str) -> list[str]:
    """Split a text into its statements, and those of its blocks and classes."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    lines = text.splitlines(keepends=True)
    found = []
    bodies = [tree.body]
    while bodies:
        body = bodies.pop()
        for node in body:
            decorators = getattr(node, "decorator_list", ())
            first = decorators[0].lineno if decorators else node.lineno
            if isinstance(node, ast.Return):
                continue  # or decorators would return nothing
            if len(body) > 1 or body is tree.body:
                found.append("".join(lines[first - 1 : node.end_lineno]))
            bodies += [
                part for name in ("body", "orelse", "finalbody") if (part := getattr(node, name, 0))
            ]
    found += [line for line in lines if line.lstrip().startswith("#")]
    return found


def _without(sequence: Sequence, path: str, segments: list[str] | None) -> Sequence | None:
    """Leave out a file, or parts of it, in all versions."""

    def changed(texts: Texts) -> Texts:
        if segments is None:
            return {it: text for it, text in texts.items() if it != path}
        found = dict(texts)
        for segment in segments if path in texts else ():
            found[path] = found[path].replace(segment, "", 1)
        return found

    if path not in sequence.texts:
        return None
    saves = tuple(replace(save, texts=changed(save.texts)) for save in sequence.saves)
    if not all(save.texts for save in saves):
        return None
    return Sequence(changed(sequence.texts), saves)


def explained(seed: int, sequence: Sequence, failure: Failure) -> str:
    """Describe a failure: the files before, what was saved, and what is wrong."""
    parts = [f"seed {seed}: {failure.level} wrong after save {failure.number}"]
    parts.append(f"===== again: python tests/fuzz/fuzzing.py {seed} 1")
    parts += [f"----- {path}\n{text}" for path, text in sequence.texts.items()]
    on_disk = dict(sequence.texts)
    for number, save in enumerate(sequence.saves, 1):
        parts.append(f"===== save {number}: {', '.join(save.edits)}")
        for path, text in save.texts.items():
            parts.append(f"----- {path}\n" + _shown(on_disk[path], text))
        on_disk |= save.texts
        if number == failure.number:
            break
    parts.append(f"===== the reload said\n{failure.report}")
    parts.append("===== the differences\n" + "\n".join(failure.differences[:12]))
    return "\n".join(parts)


def parsed(text: str) -> Sequence:
    """Read what `explained` writes, as far as the last save."""
    parts: list[Texts] = [{}]
    path = ""
    for line in textwrap.dedent(text).strip("\n").split("\n"):
        if line.startswith("====="):
            parts.append({})
        elif line.startswith("----- "):
            path = line[6:]
            parts[-1][path] = ""
        else:
            parts[-1][path] += line + "\n"
    return Sequence(parts[0], tuple(map(Save, parts[1:])))


def _shown(old: str, new: str) -> str:
    return "(what it was)" if old == new else new
