"""New code through every kind of reference that a program can have taken before."""

from __future__ import annotations

import signal

import pytest
from program import Live, Program

MODULE = """
    import asyncio, contextlib, functools, operator, types, typing

    def plain(): return "old"
    def other(): return "other"
    async def coroutine(): return "old"
    def generator(): yield "old"
    async def asynchronous(): yield "old"

    def bare(function):
        def wrapper(*arguments): return function(*arguments)
        return wrapper

    def wrapping(function):
        @functools.wraps(function)
        def wrapper(*arguments): return function(*arguments)
        return wrapper

    class Callable:
        def __init__(self, function): self.function = function
        def __call__(self): return self.function()

    class Lazy:
        def __init__(self, function): self.function = function
        def __get__(self, instance, owner): return self.function()

    @bare
    def decorated(): return "old"

    @wrapping
    def wrapped(): return "old"

    @bare
    @wrapping
    @bare
    def decorated_thrice(): return "old"

    @functools.lru_cache
    def cached(key): return "old"

    @functools.singledispatch
    def dispatched(value): return "old"

    @dispatched.register
    def _(value: int): return "old"

    @contextlib.contextmanager
    def manager(): yield "old"

    @Callable
    def called(): return "old"

    @types.coroutine
    def legacy():
        return "old"
        yield

    if True:
        def in_if(): return "old"

    try:
        def in_try(): return "old"
    except Exception:
        pass

    for _name in ("x", "y"):
        def in_loop(): return "old"

    class A:
        class Inner:
            def method(self): return "old"

        def method(self): return "old"
        def __len__(self): return len("old")
        def __add__(self, it): return "old"
        def __eq__(self, it): return "old"
        __hash__ = object.__hash__

        @property
        def prop(self): return "old"

        @prop.setter
        def prop(self, value): self.set = "old"

        @staticmethod
        def static(): return "old"

        @classmethod
        def klass(cls): return "old", cls.__name__

        @functools.cached_property
        def lazy(self): return "old"

        @functools.lru_cache
        def cached(self): return "old"

        @bare
        def decorated(self): return "old"

        @Lazy
        def attribute(): return "old"

        partial = functools.partialmethod(lambda self, it: ("old", it), 1)
        short = lambda self: "old"

    class B(A):
        def method(self): return super().method()

    class Meta(type):
        def __call__(cls): return "old"

    class Made(metaclass=Meta):
        pass

    def outer():
        def inner(): return "old"
        return inner

    def counter():
        count = 0
        def count_up():
            nonlocal count
            count += 1
            return "old", count
        return count_up

    handlers = {"key": lambda: "old", "list": [lambda: "old", lambda: "same"]}
    in_tuple = (lambda: "old",)
    in_default = lambda f=lambda: "old": f()
    first, second = (lambda: "old"), (lambda: "second")
"""
MAIN = """
    import asyncio, functools, m, operator
    from m import *
    from m import plain as renamed

    a, b = A(), B()
    bound, bound_super = a.method, b.method
    bound_inner = A.Inner().method
    partial = functools.partial(plain)
    nested_partial = functools.partial(functools.partial(bare(plain)))
    in_list, in_dict, in_set = [plain], {"f": plain}, {plain}
    in_frozen = frozenset({plain})
    as_key = {plain: 1}

    def default(f=plain, *, g=plain):
        return f(), g()

    def close_over():
        held = plain
        return lambda: held()

    closure = close_over()
    made, count_up = outer(), counter()
    count_up()
    getter = a.__class__.prop.fget
    slot = A.__len__
    as_map = map(lambda f: f(), iter([plain]))
    held_decorated, held_lambda = decorated, handlers["list"][0]
    attribute_of_function = lambda: None
    attribute_of_function.f = plain
    weak = __import__("weakref").ref(plain)
    compiled_reference = operator.methodcaller("method")
    generator_of = functools.partial(generator)
"""
EXPECTED = {
    "plain()": "new",
    "renamed()": "new",
    "m.plain is plain is renamed": True,
    "other()": "other",
    "asyncio.run(coroutine())": "new",
    "list(generator())": ["new"],
    "next(generator_of())": "new",
    "decorated()": "new",
    "held_decorated()": "new",
    "wrapped()": "new",
    "wrapped.__wrapped__()": "new",
    "decorated_thrice()": "new",
    "cached(2)": "new",
    "dispatched('')": "new",
    "dispatched(1)": "new",
    "manager().__enter__()": "new",
    "called()": "new",
    "asyncio.run(asyncio.wait_for(wait_for_legacy(), 9))": "new",
    "in_if()": "new",
    "in_try()": "new",
    "in_loop()": "new",
    "a.method()": "new",
    "bound()": "new",
    "bound_super()": "new",
    "bound_inner()": "new",
    "compiled_reference(a)": "new",
    "a + 1": "new",
    "a == 1": "new",
    "a.prop": "new",
    "getter(a)": "new",
    "setattr(a, 'prop', 1) or a.set": "new",
    "A.static()": "new",
    "a.static()": "new",
    "B.klass()": ("new", "B"),
    "a.lazy": "new",
    "a.cached()": "new",
    "a.decorated()": "new",
    "a.attribute": "new",
    "a.partial()": ("new", 1),
    "a.short()": "new",
    "Made()": "new",
    "partial()": "new",
    "nested_partial()": "new",
    "in_list[0](), in_dict['f'](), {f() for f in in_set | in_frozen}": ("new", "new", {"new"}),
    "as_key[plain]": 1,
    "default()": ("new", "new"),
    "closure()": "new",
    "outer()()": "new",
    "made()": "new",
    "count_up()": ("new", 2),
    "next(as_map)": "new",
    "handlers['key']()": "new",
    "held_lambda()": "new",
    "handlers['list'][1]()": "same",
    "in_tuple[0]()": "new",
    "in_default()": "new",
    "first()": "new",
    "second()": "second",
    "attribute_of_function.f()": "new",
    "weak()()": "new",
}


def test_every_kind_of_reference(live: Live) -> None:
    """One save; nothing is run; every reference that was taken before has the new code."""
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.do("async def wait_for_legacy(): return await legacy()")
    program.do("objects = {name: vars(m)[name] for name in vars(m)}")
    report = program.save("m.py", MODULE.replace('"old"', '"new"'))
    assert report.ok
    assert not report.ran
    assert not report.stale
    wrong = {
        expression: found
        for expression, value in EXPECTED.items()
        if (found := program.value(expression)) != repr(value)
    }
    assert not wrong
    program.expect("all(vars(m)[name] is value for name, value in objects.items())", "True")


def test_the_same_when_the_module_is_run(live: Live) -> None:
    """A constant changes too: the module runs, and the old objects still get the new code.

    Only lambdas have no name by which a run could tell which is which; and what holds only what a
    decorator that knows nothing of its function made can be found by that function.
    """
    program = live({"m.py": MODULE, "main.py": MAIN})
    program.do("async def wait_for_legacy(): return await legacy()")
    report = program.save("m.py", MODULE.replace('"old"', '"new"') + "\n    NEW = 1\n")
    assert "m" in report.ran
    wrong = {
        expression: found
        for expression, value in EXPECTED.items()
        if (found := program.value(expression)) != repr(value)
    }
    assert not wrong


# ---- what runs at the time of the save


@pytest.fixture
def program(live: Live) -> Program:
    return live(
        {
            "m.py": """
                import asyncio, queue, threading

                steps, out = queue.Queue(), queue.Queue()

                def numbers(n):
                    yield ("old", n)
                    yield ("old", n - 1)
                    yield from numbers(n - 2) if n > 2 else ()

                def inside():
                    while steps.get(timeout=15):
                        out.put(step())
                    out.put("left the old")

                def step():
                    return "old step"

                def making():
                    while steps.get(timeout=15):
                        def made():
                            return "old made"
                        out.put(made)

                async def ticking(ticks):
                    while await ticks.get():
                        out.put(await tick())

                async def tick():
                    return "old tick"

                def depth(n):
                    return ["old"] + (depth(n - 1) if n and not steps.get(timeout=15) else [])
            """,
            "main.py": "import m, asyncio, threading\nout, steps = m.out, m.steps",
        }
    )


def save_new(program: Program) -> None:
    assert program.save("m.py", program.text("m.py").replace('"old', '"new')).ok


def test_a_running_generator_ends_as_it_began(program: Program) -> None:
    program.do("g = m.numbers(4); first = next(g)")
    save_new(program)
    program.expect("[first, *g]", "[('old', 4), ('old', 3), ('new', 2), ('new', 1)]")
    program.expect("next(m.numbers(1))", "('new', 1)")


def test_a_thread_inside_a_function(program: Program) -> None:
    program.do("thread = threading.Thread(target=m.inside); thread.start(); steps.put(1)")
    program.expect("out.get(timeout=15)", "'old step'")
    save_new(program)
    program.do("steps.put(1)")
    program.expect("out.get(timeout=15)", "'new step'")
    program.do("steps.put(0); thread.join()")


def test_a_running_function_makes_new_inner_functions(program: Program) -> None:
    program.do("thread = threading.Thread(target=m.making); thread.start(); steps.put(1)")
    program.do("before = out.get(timeout=15)")
    save_new(program)
    program.do("steps.put(1); after = out.get(timeout=15); steps.put(0); thread.join()")
    program.expect("before(), after()", "('new made', 'new made')")


def test_an_event_loop_that_runs(program: Program) -> None:
    program.do(
        """
        def run():
            async def main():
                global ticks, loop
                ticks, loop = asyncio.Queue(), asyncio.get_running_loop()
                started.set()
                await m.ticking(ticks)
            asyncio.run(main())

        def send(value):
            loop.call_soon_threadsafe(ticks.put_nowait, value)

        started = threading.Event()
        thread = threading.Thread(target=run)
        thread.start()
        started.wait(15)
        send(1)
        """
    )
    program.expect("out.get(timeout=15)", "'old tick'")
    save_new(program)
    program.do("send(1)")
    program.expect("out.get(timeout=15)", "'new tick'")
    program.do("send(0); thread.join()")


def test_recursion_calls_the_new(program: Program) -> None:
    program.do(
        """
        result = []
        thread = threading.Thread(target=lambda: result.extend(m.depth(2)))
        thread.start()
        """
    )
    save_new(program)
    program.do("steps.put(0); steps.put(0); thread.join()")
    program.expect("result", "['old', 'new', 'new']")


def test_callbacks_that_others_hold(live: Live) -> None:
    """A timer, a signal handler, atexit, a weak method, an executor's queue."""
    program = live(
        {
            "m.py": """
                import child
                def on_signal(number, frame): child.tell("old signal")
                def on_timer(): child.tell("old timer")
                def at_exit(): print("old exit")
                class A:
                    def method(self): return "old method"
            """,
            "main.py": """
                import atexit, m, signal, threading, weakref
                signal.signal(signal.SIGUSR1, m.on_signal)
                atexit.register(m.at_exit)
                timer = threading.Timer(0, m.on_timer)
                a = m.A()
                method = weakref.WeakMethod(a.method)
            """,
        }
    )
    report = program.save("m.py", program.text("m.py").replace('"old', '"new'))
    assert report.patched == {"on_signal", "on_timer", "at_exit", "A.method"}
    program.do("timer.start()")
    assert program.told() == "new timer"
    program.signal(signal.SIGUSR1)
    assert program.told() == "new signal"
    program.expect("method()()", "'new method'")
    assert program.close() == "new exit\n"


# ---- closures


def closures(live: Live, old: str, new: str) -> Program:
    """A program with ``made``, an inner function that was made before its code was edited."""
    text = """
        def outer(a, b):
            c = a + b
            d = 4
            def inner():
                BODY
            return inner
    """
    program = live(
        {"m.py": text.replace("BODY", old), "main.py": "from m import outer\nmade = outer(1, 2)"}
    )
    report = program.save("m.py", text.replace("BODY", new))
    assert report.ok
    program.do(f"stale = {list(report.stale.values())}")
    return program


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("return a, b", "return b, a", "(2, 1)"),
        ("return a, b", "return b", "2"),
        ("return a, b", "return 5", "5"),
        ("return a", "x = a; return (lambda: x)()", "1"),
        ("return a", "return a, d", "(1, 4)"),
        ("return a", "return a, callable(inner)", "(1, True)"),
        ("return [a for _ in (1,)]", "return {a: b for b in (1,)}", "{1: 1}"),
    ],
)
def test_a_closure_made_earlier(live: Live, old: str, new: str, value: str) -> None:
    """Fewer and reordered free variables as well."""
    program = closures(live, old, new)
    program.expect("made(), outer(1, 2)(), stale", f"({value}, {value}, [])")


def test_a_closure_that_needs_another_variable_is_stale(live: Live) -> None:
    """It is reported, with what helps; those that are made from now on are new."""
    program = closures(live, "return a", "return a, c")
    program.expect("made(), outer(1, 2)()", "(1, (1, 3))")
    program.expect("'c of the enclosing function' in stale[0]", "True")


def test_super_and_class_newly_used(live: Live) -> None:
    program = live(
        {
            "m.py": """
                class Base:
                    def name(self): return "base"

                class A(Base):
                    def name(self): return "A"
                    def owner(self): return "?"
                    @classmethod
                    def make(cls): return "?"

                class B(A):
                    def name(self): return "B of " + super().name()
            """,
            "main.py": "import m\na, b = m.A(), m.B()\nname = a.name",
        }
    )
    text = program.text("m.py").replace('return "A"', 'return "A of " + super().name()')
    report = program.save("m.py", text)
    assert not report.stale
    program.expect("name(), b.name()", "('A of base', 'B of A of base')")
    text = text.replace('owner(self): return "?"', "owner(self): return __class__")
    program.save(
        "m.py", text.replace('make(cls): return "?"', "make(cls): return super().__self__")
    )
    program.expect("b.owner() is m.A, b.make() is m.B", "(True, True)")


@pytest.mark.parametrize(
    ("old", "new", "expression", "value"),
    [
        ("def f(): return 1", "def f():\n    yield 1", "list(held())", "[1]"),
        ("def f(): return 1", "async def f(): return 2", "asyncio.run(held())", "2"),
        (
            "def f(): return 1",
            "def f(a=5, *b, c=6): return a, b, c",
            "held(), held(1, 2, c=3)",
            "((5, (), 6), (1, (2,), 3))",
        ),
        ("def f(a, b): return a", "def f(b): return b", "held(b=1)", "1"),
        ("def f(a=1): return a", "def f(a=2): return a", "held()", "2"),
        (
            "def f(*, a=1): return a",
            "def f(*, a=2): return a",
            "held(), held.__kwdefaults__",
            "(2, {'a': 2})",
        ),
        ("def f():\n    'old'", "def f():\n    'new'", "held.__doc__", "'new'"),
        (
            "def f(a: int): ...",
            "def f(a: str) -> str: ...",
            "held.__annotations__",
            "{'a': <class 'str'>, 'return': <class 'str'>}",
        ),
        ("def f(): return 1", "f = lambda: 2", "m.f()", "2"),
        ("f = lambda: 1", "def f(): return 2", "m.f()", "2"),
        (
            "def f(): return 1",
            "import functools\n@functools.lru_cache\ndef f(): return 2",
            "m.f(), held()",
            "(2, 2)",
        ),
        (
            "import functools\n@functools.lru_cache\ndef f(): return 1",
            "def f(): return 2",
            "m.f()",
            "2",
        ),
    ],
)
def test_more_than_the_body_of_a_function_changes(
    live: Live, old: str, new: str, expression: str, value: str
) -> None:
    program = live({"m.py": f"{old}\n", "main.py": "import asyncio, m\nheld = m.f"})
    assert program.save("m.py", f"{new}\n").ok
    program.expect(expression, value)
