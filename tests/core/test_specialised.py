"""Call sites that are hot, and specialised for the old code, see the new at the very first call.

And afterwards they are as fast as ever: the specialiser treats a patched function like a fresh one.
"""

from __future__ import annotations

import asyncio
import dis
import functools
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

import pytest
from edits import commit, commit_code, made

from mighty_patcher import _core

HOT = 64  # calls, more than any version needs to specialise


@dataclass(frozen=True)
class Site:
    """A place that calls a function in one particular way.

    Attributes:
        source: What defines `old`, `new` and `site`; site() leads to old().
        before: What site() returns before the patch.
        after: What it returns after it.
    """

    source: str
    before: object = "old"
    after: object = "new"


SITES = {
    "exact arguments": Site("""
        def old(a, b): return "old"
        def new(a, b): return "new"
        def site(): return old(1, 2)
    """),
    "no arguments": Site("""
        def old(): return "old"
        def new(): return "new"
        def site(): return old()
    """),
    "defaults": Site(
        """
        def old(a, b="b"): return "old", a, b
        def new(a, b="B"): return "new", a, b
        def site(): return old(1)
        """,
        ("old", 1, "b"),
        ("new", 1, "B"),
    ),
    "more parameters": Site(
        """
        def old(a): return "old", a
        def new(a, b="b", *c, d="d", **e): return "new", a, b, c, d, e
        def site(): return old(1)
        """,
        ("old", 1),
        ("new", 1, "b", (), "d", {}),
    ),
    "fewer parameters": Site(
        """
        def old(a, b=2, c=3, *, d=4): return "old", a, b, c, d
        def new(a): return "new", a
        def site(): return old(1)
        """,
        ("old", 1, 2, 3, 4),
        ("new", 1),
    ),
    "keywords": Site(
        """
        def old(a, *, b): return "old", a, b
        def new(b, *, a): return "new", a, b
        def site(): return old(a=1, b=2)
        """,
        ("old", 1, 2),
        ("new", 1, 2),
    ),
    "unpacked arguments": Site(
        """
        def old(*a, **k): return "old", a, k
        def new(a, k): return "new", a, k
        ARGUMENTS, KEYWORDS = (1,), {"k": 2}
        def site(): return old(*ARGUMENTS, **KEYWORDS)
        """,
        ("old", (1,), {"k": 2}),
        ("new", 1, 2),
    ),
    "method": Site("""
        class A:
            def old(self): return "old"
        def new(self): return "new"
        a, old = A(), A.old
        def site(): return a.old()
    """),
    "bound method": Site("""
        class A:
            def old(self): return "old"
        def new(self): return "new"
        old, bound = A.old, A().old
        def site(): return bound()
    """),
    "property": Site("""
        class A:
            @property
            def p(self): return "old"
        def new(self): return "new"
        a, old = A(), A.p.fget
        def site(): return a.p
    """),
    "getitem": Site("""
        class A:
            def __getitem__(self, key): return "old"
        def new(self, key): return "new"
        a, old = A(), A.__getitem__
        def site(): return a[1]
    """),
    "init": Site(
        """
        class A:
            def __init__(self, a): self.a = "old"
        def new(self, a, b="b"): self.a = "new" + b
        old = A.__init__
        def site(): return A(1).a
        """,
        "old",
        "newb",
    ),
    "getattr": Site("""
        class A:
            def __getattr__(self, name): return "old"
        def new(self, name): return "new"
        a, old = A(), A.__getattr__
        def site(): return a.missing
    """),
    "getattribute": Site("""
        class A:
            def __getattribute__(self, name): return "old"
        def new(self, name): return "new"
        a, old = A(), A.__getattribute__
        def site(): return a.anything
    """),
    "call": Site("""
        class A:
            def __call__(self): return "old"
        def new(self): return "new"
        a, old = A(), A.__call__
        def site(): return a()
    """),
    "operators": Site(
        """
        class A:
            def __eq__(self, other): return "old"
            __lt__ = __add__ = __eq__
        def new(self, other): return "new"
        a, old = A(), A.__eq__
        def site(): return a == 1, a < 1, a + 1
        """,
        ("old",) * 3,
        ("new",) * 3,
    ),
    "truth and length": Site(
        """
        class A:
            def __len__(self): return 0
        def new(self): return 1
        a, old = A(), A.__len__
        def site(): return len(a), bool(a)
        """,
        (0, False),
        (1, True),
    ),
    "map": Site(
        """
        def old(a): return "old"
        def new(a): return "new"
        def site(): return [*map(old, range(3))]
        """,
        ["old"] * 3,
        ["new"] * 3,
    ),
    "sort key": Site(
        """
        def old(a): return a
        def new(a): return -a
        def site(): return sorted([2, 1, 3], key=old)
        """,
        [1, 2, 3],
        [3, 2, 1],
    ),
    "comprehension": Site(
        """
        def old(a): return "old"
        def new(a): return "new"
        def site(): return [old(n) for n in range(2)]
        """,
        ["old"] * 2,
        ["new"] * 2,
    ),
    "classmethod": Site("""
        class A:
            @classmethod
            def m(cls): return "old"
        def new(cls): return "new"
        old = A.m.__func__
        def site(): return A.m()
    """),
    "staticmethod": Site("""
        class A:
            @staticmethod
            def m(): return "old"
        def new(): return "new"
        old = A.m
        def site(): return A.m()
    """),
    "partial": Site("""
        import functools
        def old(a, b): return "old"
        def new(a, b): return "new"
        partial = functools.partial(old, 1)
        def site(): return partial(2)
    """),
    "singledispatch": Site("""
        import functools
        def old(a): return "old"
        def new(a): return "new"
        dispatch = functools.singledispatch(lambda a: None)
        dispatch.register(int, old)
        def site(): return dispatch(1)
    """),
    "wraps": Site("""
        import functools
        def decorate(function):
            @functools.wraps(function)
            def wrapper(*args): return function(*args)
            return wrapper
        def old(a): return "old"
        def new(a): return "new"
        decorated = decorate(old)
        def site(): return decorated(1)
    """),
    "closure": Site("""
        def maker(word):
            def function(): return word
            return function
        old, new = maker("old"), maker("new")
        def site(): return old()
    """),
    "lambda": Site("""
        old, new = (lambda: "old"), (lambda: "new")
        def site(): return old()
    """),
    "recursion": Site(
        """
        def old(n): return ["old", *old(n - 1)] if n else []
        def new(n): return ["new", *old(n - 1)] if n else []
        def site(): return old(3)
        """,
        ["old"] * 3,
        ["new"] * 3,
    ),
    "generator": Site(
        """
        def old(n):
            for i in range(n): yield "old"
        def new(n):
            yield from ["new"] * n
        def site(): return [x for x in old(2)]
        """,
        ["old"] * 2,
        ["new"] * 2,
    ),
    "context manager": Site("""
        class A:
            def __enter__(self): return "old"
            def __exit__(self, *exc): pass
        def new(self): return "new"
        a, old = A(), A.__enter__
        def site():
            with a as entered:
                return entered
    """),
    "iteration": Site(
        """
        class A:
            def __iter__(self): return iter(["old"])
        def new(self): return iter(["new"])
        a, old = A(), A.__iter__
        def site(): return [x for x in a]
        """,
        ["old"],
        ["new"],
    ),
    "super": Site("""
        class Base:
            def m(self): return "old"
        class A(Base):
            def m(self): return super().m()
        def new(self): return "new"
        a, old = A(), Base.m
        def site(): return a.m()
    """),
}

# These are left as they are by the specialiser, or it has no eyes for what they call.
NOT_SPECIALISED = {"unpacked arguments", "truth and length", "context manager", "iteration"}


def warm(site: Callable[[], object], wanted: object) -> None:
    for _ in range(HOT):
        assert site() == wanted


def operations(site: FunctionType) -> list[str]:
    """The instructions of a site as they are now, specialised or not."""
    return [instruction.opname for instruction in dis.get_instructions(site, adaptive=True)]


def cold(site: FunctionType) -> FunctionType:
    """A copy of a site that has never run."""
    return FunctionType(site.__code__.replace(), site.__globals__, closure=site.__closure__)


def specialised(site: FunctionType, wanted: object) -> list[str]:
    """What a copy of the site becomes when it is hot."""
    copy = cold(site)
    warm(copy, wanted)
    return operations(copy)


@pytest.mark.parametrize("name", SITES)
def test_first_call(name: str) -> None:
    case, names = SITES[name], made(SITES[name].source)
    site = names["site"]
    warm(site, case.before)
    if name not in NOT_SPECIALISED:
        assert operations(site) != operations(cold(site))
    log = commit(names["old"], names["new"])
    assert site() == case.after
    warm(site, case.after)
    log.undo()
    assert site() == case.before
    warm(site, case.before)
    log.commit()
    assert site() == case.after
    log.discard()
    warm(site, case.after)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13, a version is not final")
@pytest.mark.parametrize("name", SITES)
def test_as_fast_as_a_fresh_function(name: str) -> None:
    case, names = SITES[name], made(SITES[name].source)
    site, old = names["site"], names["old"]
    fresh = specialised(site, case.before)
    if name not in NOT_SPECIALISED:
        assert fresh != operations(cold(site))
    log = commit(old, names["new"])
    warm(site, case.after)
    log.undo()
    assert specialised(site, case.before) == fresh
    log.commit()
    # The same shape again, but from another donor, so that the site must become what it was.
    commit(old, made(case.source)["old"])
    assert specialised(site, case.before) == fresh


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13, a version is not final")
@pytest.mark.parametrize(
    "fields",
    [_core.CODE, _core.DEFAULTS, _core.KWDEFAULTS, _core.CODE | _core.DOC, _core.DICT, 0],
)
def test_as_fast_after_a_part_was_patched(fields: int) -> None:
    names = made("""
        def old(a, b=1): return a
        def new(a, b=2): return a
        def site(): return old(1, 2)
    """)
    fresh = specialised(names["site"], 1)
    assert fresh != operations(cold(names["site"]))
    log = commit(names["old"], names["new"], fields)
    assert specialised(names["site"], 1) == fresh
    log.undo()
    assert specialised(names["site"], 1) == fresh


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13, a version is not final")
def test_as_fast_after_a_donor_that_lost_its_version() -> None:
    names = made("""
        def old(a, b): return "old"
        def new(a, b): return "new"
        def site(): return old(1, 2)
    """)
    fresh = specialised(names["site"], "old")
    by_hand = FunctionType(names["new"].__code__, names)
    commit(names["old"], by_hand, _core.CODE)
    assert specialised(names["site"], "new") == fresh


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13, a version is not final")
def test_as_fast_after_a_commit_that_failed() -> None:
    names = made("""
        def old(a, b): return "old"
        def new(a, b): return "new"
        def outer(): return lambda: 1
        def other(): return lambda: 2
        def site(): return old(1, 2)
    """)
    fresh = specialised(names["site"], "old")
    outer, other = names["outer"].__code__, names["other"].__code__
    constants = [
        next(c for c in code.co_consts if isinstance(c, CodeType)) for code in (outer, other)
    ]
    log, rival = _core.Log(), _core.Log()
    log.add_function(names["old"], names["new"])
    for each in (log, rival):
        each.add_constant(outer, *constants)
    rival.commit()
    with pytest.raises(RuntimeError):
        log.commit()
    assert specialised(names["site"], "old") == fresh


# ---- what the specialiser knows of defaults, up to 3.12 --------------------------------------


DEFAULTS = """
def old(a, b=1): return "old", a, b
def plain(a): return "plain", a
def new(a, b=5, c=6): return "new", a, b, c
def site(function): return function(1)
"""


CODE = functools.partial(commit, fields=_core.CODE)


@pytest.mark.parametrize("patch", [CODE, commit_code])
def test_defaults_that_were_changed_between_commit_and_undo(
    patch: Callable[[FunctionType, FunctionType], _core.Log],
) -> None:
    names = made(DEFAULTS)
    old, site = names["old"], names["site"]
    warm(functools.partial(site, old), ("old", 1, 1))
    log = patch(old, names["new"])
    old.__defaults__ = None
    log.undo()
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'b'"):
        site(old)


@pytest.mark.parametrize("patch", [CODE, commit_code])
@pytest.mark.parametrize("target", ["old", "plain"])
def test_code_of_another_number_of_defaults(
    target: str, patch: Callable[[FunctionType, FunctionType], _core.Log]
) -> None:
    names = made(DEFAULTS)
    warm(functools.partial(names["site"], names["new"]), ("new", 1, 5, 6))
    patch(names[target], names["new"])
    with pytest.raises(TypeError, match="missing"):
        names["site"](names[target])
    assert names["site"](names["new"]) == ("new", 1, 5, 6)


def test_defaults_alone() -> None:
    names = made(DEFAULTS)
    site = functools.partial(names["site"], names["old"])
    warm(site, ("old", 1, 1))
    log = commit(names["old"], names["new"], _core.DEFAULTS)
    assert site() == ("old", 1, 6)
    warm(site, ("old", 1, 6))
    log.undo()
    assert site() == ("old", 1, 1)
    log = commit(names["old"], names["plain"], _core.DEFAULTS)
    with pytest.raises(TypeError, match="missing"):
        site()
    log.undo()
    warm(site, ("old", 1, 1))


# ---- kinds and closures ----------------------------------------------------------------------


def plain() -> str:
    return "plain"


def generator() -> Iterator[str]:
    yield "generator"


async def coroutine() -> str:
    return "coroutine"


async def async_generator() -> Any:
    yield "async generator"


def a_closure() -> FunctionType:
    word = "closure"

    def closure() -> str:
        return word

    return closure  # type: ignore[return-value]


KINDS = {
    "plain": lambda: copy_of(plain),
    "generator": lambda: copy_of(generator),
    "coroutine": lambda: copy_of(coroutine),
    "async generator": lambda: copy_of(async_generator),
    "closure": a_closure,
}


def copy_of(function: Any) -> FunctionType:
    return FunctionType(function.__code__.replace(), function.__globals__)


def answer(result: Any) -> object:
    """What a call of any kind of function leads to."""
    if inspect.isgenerator(result):
        (result,) = result
    elif inspect.iscoroutine(result):
        result = finish(result)
    elif inspect.isasyncgen(result):
        result = finish(result.__anext__())
    return result


def finish(awaitable: Any) -> object:
    """Run what waits for nothing, without an event loop."""
    iterator = awaitable.__await__()
    with pytest.raises(StopIteration) as stopped:
        next(iterator)
    value: object = stopped.value.value
    del stopped
    return value


@pytest.mark.parametrize(("old", "new"), [*itertools.permutations(KINDS, 2)])
def test_kinds(old: str, new: str) -> None:
    target = KINDS[old]()

    def site() -> object:
        return answer(target())

    warm(site, old)
    log = commit(target, KINDS[new]())
    assert site() == new
    warm(site, new)
    log.undo()
    assert site() == old
    warm(site, old)


CELLS = """
def maker(a, b, c):
    def f0(): return ()
    def f1(): return a,
    def f2(): return a, b
    def f3(): return a, b, c
    return f0, f1, f2, f3
"""


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("before", range(4))
def test_free_variables(before: int, after: int) -> None:
    maker = made(CELLS)["maker"]
    target, donor = maker(1, 2, 3)[before], maker(-1, -2, -3)[after]

    def site() -> object:
        return target()

    was, wanted = (1, 2, 3)[:before], (-1, -2, -3)[:after]
    warm(site, was)
    log = commit(target, donor)
    assert site() == wanted
    warm(site, wanted)
    log.undo()
    assert site() == was
    log.commit()
    log.discard()
    warm(site, wanted)


# ---- what runs while it is patched -----------------------------------------------------------


def test_a_running_frame_keeps_its_code_and_cells() -> None:
    names = made("""
        def maker(word, call):
            def old(n):
                if n == 1:
                    call()
                return [word, *(old(n - 1) if n else [])]
            return old
        def maker_of_new(word):
            def new(n): return [word, n]
            return new
        def bare(n): return ["bare", n]
    """)
    for donor, called in ((names["maker_of_new"]("new"), "new"), (names["bare"], "bare")):
        logs: list[_core.Log] = []
        functions: list[FunctionType] = []
        patch = functools.partial(patch_first, functions, donor, logs)
        functions.append(names["maker"]("old", patch))
        assert functions[0](3) == ["old", "old", "old", called, 0]
        logs[0].undo()
        assert functions[0](0) == ["old"]
        logs[0].discard()  # the collector does not look into logs, and the function holds this one


def patch_first(functions: list[FunctionType], donor: FunctionType, logs: list[_core.Log]) -> None:
    logs.append(commit(functions[0], donor))


@pytest.mark.parametrize("name", ["generator", "coroutine", "asyncgen"])
def test_what_is_suspended_keeps_its_code(name: str) -> None:
    names = made("""
        import types
        @types.coroutine
        def pause(): yield "paused"
        def maker(a, b):
            def generator():
                yield a
                yield b
            async def coroutine():
                await pause()
                return a, b
            async def asyncgen():
                yield a
                yield b
            return {"generator": generator, "coroutine": coroutine, "asyncgen": asyncgen}
        def new(): return "new"
    """)
    target = names["maker"]("a", "b")[name]
    running = target()
    if name == "generator":
        assert next(running) == "a"
    elif name == "coroutine":
        assert running.send(None) == "paused"
    else:
        assert finish(running.__anext__()) == "a"
    log = commit(target, names["new"])
    assert target() == "new"
    if name == "generator":
        assert [*running] == ["b"]
    elif name == "coroutine":
        with pytest.raises(StopIteration) as stopped:
            running.send(None)
        assert stopped.value.value == ("a", "b")
        del stopped
    else:
        assert finish(running.__anext__()) == "b"
        finish(running.aclose())
    log.undo()
    assert inspect.isfunction(target)


@pytest.mark.unsteady("an event loop makes objects that live on in caches of asyncio")
def test_tasks_of_an_event_loop() -> None:
    names = made("""
        import asyncio
        async def old(event):
            await event.wait()
            return "old"
        async def new(event):
            return "new"
    """)

    async def main() -> list[str]:
        event = asyncio.Event()
        task = asyncio.create_task(names["old"](event))
        await asyncio.sleep(0)
        commit(names["old"], names["new"])
        later = asyncio.create_task(names["old"](event))
        event.set()
        return [await task, await later]

    assert asyncio.run(main()) == ["old", "new"]


# ---- those who look on -----------------------------------------------------------------------

LINES = """
def old():
    return 1

def new():
    x = 1

    return x + 1
"""


def test_trace_functions_see_the_new_lines() -> None:
    names = made(LINES, "lines.py")
    old = names["old"]
    lines: list[tuple[str, int]] = []

    def trace(frame: types.FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename == "lines.py":
            lines.append((event, frame.f_lineno))
            return trace
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        old()
        log = commit(old, names["new"])
        old()
        log.undo()
        old()
    finally:
        sys.settrace(before)
    first = [("call", 2), ("line", 3), ("return", 3)]
    second = [("call", 5), ("line", 6), ("line", 8), ("return", 8)]
    assert lines == first + second + first


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
def test_monitoring_sees_the_new_lines() -> None:
    names = made(LINES, "lines.py")
    old = names["old"]
    monitoring = sys.monitoring
    tool = next(n for n in range(6) if monitoring.get_tool(n) is None)
    lines: list[int] = []

    def line(code: CodeType, number: int) -> None:
        if code.co_filename == "lines.py":
            lines.append(number)

    warm(old, 1)
    monitoring.use_tool_id(tool, "test")
    monitoring.register_callback(tool, monitoring.events.LINE, line)
    try:
        monitoring.set_local_events(tool, names["new"].__code__, monitoring.events.LINE)
        log = commit(old, names["new"])
        assert old() == 2
        assert lines == [6, 8]
        monitoring.set_events(tool, monitoring.events.LINE)
        log.undo()
        assert old() == 1
        assert lines == [6, 8, 3]
    finally:
        monitoring.set_events(tool, 0)
        monitoring.set_local_events(tool, names["new"].__code__, 0)
        monitoring.register_callback(tool, monitoring.events.LINE, None)
        monitoring.free_tool_id(tool)


def test_patched_while_it_is_traced() -> None:
    names = made(LINES, "lines.py")
    old = names["old"]
    logs: list[_core.Log] = []

    def trace(frame: types.FrameType, event: str, argument: object) -> None:
        if frame.f_code.co_filename == "lines.py" and not logs:
            logs.append(commit(old, names["new"]))

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert old() == 1  # this frame was made already
        assert old() == 2
    finally:
        sys.settrace(before)
    logs.pop().undo()
    assert old() == 1
