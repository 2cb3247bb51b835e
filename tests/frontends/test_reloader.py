"""``Reloader``: SEEDS C18 to C23."""

from __future__ import annotations

from programs import Passes, Run

THINGS = """
    import enum
    import functools


    class Base:
        def __init_subclass__(cls):
            registry.append(cls.__name__)


    registry = []


    class Cart(Base):
        "A cart."

        def __init__(self, count, *, tax=0):
            self.count = count
            self.tax = tax

        def total(self):
            return ("old", self.count)

        def __class_getitem__(cls, item):
            return ("of", item)


    class Colour(enum.Enum):
        RED = 1
        BLUE = 2


    def add(x: int, y: int = 1) -> int:
        "Adds."
        return x + y


    @functools.lru_cache
    def cached(x):
        return ("old", x)
    """


def test_seed_18_it_is_used_like_the_thing(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import Reloader
            import things
            module, Cart, add = Reloader(things), Reloader(things.Cart), Reloader(things.add)
            Colour, cached = Reloader(things.Colour), Reloader(things.cached)

            assert add(1) == 2 and add(x=1, y=3) == 4 and module.add is things.add
            cart = Cart(3, tax=1)
            assert type(cart) is things.Cart and cart.total() == ("old", 3)
            assert isinstance(cart, Cart) and isinstance(things.Cart(1), (int, Cart))
            assert not isinstance(3, Cart) and isinstance(Cart, type)
            assert issubclass(things.Cart, Cart) and issubclass(Cart, things.Cart)
            assert issubclass(Cart, things.Base) and not issubclass(int, Cart)

            before = list(things.registry)
            class Own(Cart):
                pass
            assert Own.__mro__[:2] == (Own, things.Cart) and issubclass(Own, Cart)
            assert things.registry == [*before, "Own"]

            assert Cart.__name__ == "Cart" and Cart["x"] == ("of", "x")
            assert list(Colour) == [*things.Colour] and Colour["RED"] is things.Colour.RED
            assert len(Colour) == 2 and things.Colour.RED in Colour
            assert (Cart | None) == (things.Cart | None) and (None | Cart) == (None | things.Cart)
            assert Cart == things.Cart and things.Cart == Cart and not Cart != things.Cart
            assert {things.Cart: 1}[Cart] == 1 and Cart != Colour
            assert cached(2) == ("old", 2) and cached.cache_info().misses == 1
            module.added = add.attribute = 5
            assert things.added == things.add.attribute == 5
            del module.added
            assert not hasattr(things, "added")
            for thing in (module, Cart, add):
                assert not hasattr(thing, "missing") and dir(thing)
            assert callable(add) and callable(Cart) and not callable(module)
            class Holder:
                method = add
            assert Holder.method is things.add and Holder().method.__func__ is things.add
            """,
            "things.py": THINGS,
        }
    )


def test_seed_18_help_repr_inspect_and_pickle(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import copy, inspect, pickle, pydoc, typing
            from mighty_patcher import Reloader
            import things
            names = ["Cart", "add", "cached", "Colour"]
            pairs = [(Reloader(getattr(things, name)), getattr(things, name)) for name in names]
            pairs.append((Reloader(things), things))
            for handle, thing in pairs:
                assert repr(handle) == repr(thing) and str(handle) == str(thing)
                assert pydoc.render_doc(handle) == pydoc.render_doc(thing)
                assert handle.__class__ is thing.__class__ and handle.__doc__ == thing.__doc__
                for kind in ("class", "module", "function", "routine"):
                    ask = getattr(inspect, f"is{kind}")
                    assert ask(handle) == ask(thing), (ask, thing)
                assert inspect.getsource(handle) == inspect.getsource(thing)
                if thing is not things.cached:
                    assert inspect.getsourcefile(handle) == inspect.getsourcefile(thing)
                assert inspect.getdoc(handle) == inspect.getdoc(thing)
                if callable(thing):
                    assert inspect.signature(handle) == inspect.signature(thing)
                for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
                    pickled = pickle.dumps([handle], protocol)
                    assert pickle.loads(pickled)[0] is thing and b"mighty" not in pickled
                assert copy.copy(handle) is handle and copy.deepcopy([handle])[0] is handle
            assert typing.get_type_hints(pairs[1][0]) == {"x": int, "y": int, "return": int}
            assert pickle.loads(pickle.dumps(pairs[0][0](3))).count == 3
            """,
            "things.py": THINGS,
        }
    )


WATCHING = """
from mighty_patcher import Reloader
import pkg.sub, user
from pkg.sub import Cart, add

first, second, ref = Cart(1), Cart(2), add
{made}
print("ready")
for line in iter(input, ""):
    print(eval(line))
"""
PKG = {
    "pkg/__init__.py": "",
    "pkg/sub.py": """
        from pkg.state import factor
        class Cart:
            def __init__(self, count): self.count = count
            def total(self): return "old", self.count
        def add(x): return "old", x
        RATE = 1
        """,
    "pkg/state.py": "factor = 1\nruns = globals().get('runs', 0) + 1\ndef f(): return 'old'",
    "user.py": "from pkg.sub import RATE",
}


def test_seed_19_saves_reach_everything(run: Run) -> None:
    made = "module, cart, function = Reloader(pkg.sub), Reloader(Cart), Reloader(add)"
    program = run({"main.py": WATCHING.format(made=made), **PKG}, "main.py", stdin=...)
    program.expect("ready")
    text = (program.folder / "pkg/sub.py").read_text("utf-8")
    program.save(**{"pkg/sub": text.replace("old", "new")})
    program.expect(".* reloaded .*sub.py: patched Cart.total, add .*")
    program.ask("first.total(), second.total(), ref(3), cart(4).total(), function(5)")
    program.expect(r"\(\('new', 1\), \('new', 2\), \('new', 3\), \('new', 4\), \('new', 5\)\)")
    program.save(**{"pkg/sub": text.replace("RATE = 1", "RATE = 2")})
    program.expect(".* reloaded .*sub.py: .*")
    program.ask("module.RATE, user.RATE, isinstance(first, cart), ref is add")
    program.expect(r"\(2, 2, True, True\)")
    program.save(**{"pkg/state": "factor = 5"})  # another module of the package
    program.expect(".* reloaded .*state.py: .*")
    program.ask("module.factor")
    program.expect("5")
    # One save is one reload, however many reloaders there are.
    assert program.output.count("reloaded") == 3


def test_seed_20_by_hand_and_stop(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import threading
            from mighty_patcher import Reloader
            import foo
            f, C = Reloader(foo.f), Reloader(foo.C)

            def watchers():
                return [it.name for it in threading.enumerate() if it.name == "mighty_patcher"]

            assert len(watchers()) == 1
            f.stop()
            f.stop()
            assert len(watchers()) == 1  # for C
            C.stop()
            assert watchers() == []
            save("foo", "def f(): return 2\\nclass C: pass")
            assert f() == 1
            reload = f.reload()
            assert reload.ok and reload.modules == ("foo",) and f() == foo.f() == 2
            save("foo", "def f(:")
            assert not f.reload().ok and f() == 2
            save("foo", "def f(): return 3\\nclass C: pass")
            again = Reloader(foo.C)
            assert len(watchers()) == 1
            again.stop()
            """,
            "foo.py": "def f(): return 1\nclass C: pass",
        }
    )


def test_seed_20_the_watcher_of_the_program_is_used(run: Run) -> None:
    program = run(
        {
            "main.py": """
            from mighty_patcher import AutoReloader, Reloader
            import foo
            reloader = AutoReloader(path=".")
            f = Reloader(foo.f)
            print("ready")
            input()
            f.stop()
            assert reloader.observer.is_alive()
            """,
            "foo.py": "def f(): return 1",
        },
        "main.py",
        stdin=...,
    )
    program.expect("ready")
    program.save(foo="def f(): return 2")
    program.expect(".* reloaded foo.py: patched f .*")
    program.ask("")
    assert program.ends() == 0
    assert program.output.count("reloaded") == 1


def test_seed_21_what_is_excluded_is_never_touched(passes: Passes) -> None:
    """Whoever reloads: the reloader that was told, another, `AutoReloader` and `__hmr__`."""
    passes(
        {
            "main.py": """
            from mighty_patcher import AutoReloader, Reloader, hmr
            import pkg.state, pkg.sub, pkg.reader
            from pkg.sub import RATE
            sub = Reloader(pkg.sub, excluded=["pkg.state", "pkg.reader"])
            f = pkg.state.f
            others = Reloader(pkg.state.f), Reloader(pkg)
            own = AutoReloader(path=".", watch=False)
            hmr.install(own)

            save("pkg.state", "factor = 7\\nruns = 100\\ndef f(): return 'new'")
            for reload in (sub.reload, others[0].reload, others[1].reload, own.reload):
                reload()
            assert len(__hmr__.reload_module("pkg.state")[0]) == 0
            assert (pkg.state.factor, pkg.state.runs, f()) == (1, 1, "old")

            save("pkg.sub", pathlib.Path("pkg/sub.py").read_text().replace("RATE = 1", "RATE = 2"))
            sub.reload()
            assert sub.RATE == RATE == 2 and pkg.reader.RATE == 1
            """,
            **PKG,
            "pkg/reader.py": "from pkg.sub import RATE",
        }
    )


DECORATED = """
import functools
from decorators import bare, held, wrapping

@bare
def plain(x): return "old", x

@wrapping
def wrapped(x): return "old", x

@held
def object_(x): return "old", x

@functools.lru_cache
def cached(x): return "old", x

class Cart:
    @bare
    def total(self): return "old"
    @staticmethod
    @wrapping
    def rate(): return "old"
    @property
    def size(self): return "old"
"""


def test_seed_22_decorated_functions_with_and_without_wraps(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import decorated, pickle
            from mighty_patcher import Reloader
            names = ["plain", "wrapped", "object_", "cached"]
            things = [getattr(decorated, name) for name in names]
            handles = [Reloader(thing) for thing in things]
            cart, rate = Reloader(decorated.Cart), Reloader(decorated.Cart.rate)
            one = cart()
            for handle, thing in zip(handles, things):
                assert handle(1)[-2:] == thing(1)[-2:], thing
                assert pickle.loads(pickle.dumps(handle)) is thing
            for handle in [*handles, cart, rate]:
                handle.stop()

            save("decorated", pathlib.Path("decorated.py").read_text().replace("old", "new"))
            assert handles[0].reload().ok
            for handle, thing in zip(handles, things):
                assert "new" in str(handle(1)) and "new" in str(thing(1)), thing
            assert "new" in str((one.total(), rate(), one.size))
            assert "old" not in str((one.total(), rate(), one.size))

            text = pathlib.Path("decorators.py").read_text()
            save("decorators", text.replace("deco", "anew"))
            assert handles[0].reload().modules == ("decorators",)
            assert "anew" in str(handles[0](1)) and "anew" in str(one.total())
            """,
            "decorated.py": DECORATED,
            "decorators.py": """
                import functools

                def bare(function):
                    def inner(*arguments):
                        return "deco", function(*arguments)
                    return inner

                def wrapping(function):
                    @functools.wraps(function)
                    def inner(*arguments):
                        return "deco", function(*arguments)
                    return inner

                class held:
                    def __init__(self, function):
                        self.function = function
                    def __call__(self, *arguments):
                        return "deco", self.function(*arguments)
                """,
        }
    )


def test_seed_23_what_cannot_be_reloaded_is_refused_at_once(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import math, pytest, sys, types
            from mighty_patcher import Reloader
            import things
            made = types.FunctionType((lambda: 1).__code__, {"__name__": "nowhere"})
            made.__module__ = "nowhere"
            refused = {
                "an object of the type int": 3,
                "an object of the type str": "things",
                "an object of the type NoneType": None,
                "an object of the type Cart": things.Cart(1),
                "an object of the type method": things.Cart(1).total,
                "the module math": math,
                "the module sys": sys,
                "the module made": types.ModuleType("made"),
                "builtins.len": len,
                "builtins.int": int,
                "nowhere.<lambda>": made,
            }
            for words, thing in refused.items():
                with pytest.raises(TypeError) as info:
                    Reloader(thing)
                assert str(info.value) == (
                    "Reloader takes a module, a function or a class that comes from a Python "
                    f"source file, not {words}"
                )
            with pytest.raises(TypeError, match="excluded is a list of names, not the string 'x'"):
                Reloader(things, excluded="x")
            """,
            "things.py": THINGS,
        }
    )


def test_a_name_that_is_bound_to_another_object_is_followed(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import foo
            from mighty_patcher import Reloader
            f = Reloader(foo.f)
            f.stop()
            save("foo", "import functools\\nf = functools.partial(max, 5)")
            assert f.reload().ok
            assert f(3) == 5
            foo.f = f  # put where it came from
            assert f(3) == 5 and repr(f).startswith("functools.partial")
            """,
            "foo.py": "def f(x): return x",
        }
    )


def test_a_script_and_a_namespace_package(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import Reloader
            import spaces, spaces.one
            VALUE = "old"
            def f(): return "old"
            if __name__ == "__main__":
                own, package, one = Reloader(f), Reloader(spaces), Reloader(spaces.one)
                save("main", pathlib.Path("main.py").read_text().replace('"old"', '"new"'))
                save("spaces.one", "def g(): return 2")
                own.reload()
                package.reload()
                assert (own(), VALUE, one.g()) == ("new", "new", 2)
            """,
            "spaces/one.py": "def g(): return 1",
        }
    )
