from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import os
import sys
import textwrap
import threading
import types
import weakref
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path

import pytest

from mighty_patcher.engine.imports import Imported, imports_of, in_dependency_order
from mighty_patcher.engine.module_facts import (
    every_module,
    filename_of,
    name_of_module,
    namespace_of,
    package_of,
)
from mighty_patcher.engine.modules import Modules

TIMEOUT = 60  # seconds


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A module root that is importable; what is imported from it is forgotten again."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    before = sys.modules.copy()
    yield root
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]
    sys.modules.update(before)


def write(root: Path, path: str, text: str = "") -> str:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text))
    importlib.invalidate_caches()
    return str(file)


def load(name: str, file: str) -> types.ModuleType:
    """Import a file under any name."""
    spec = importlib.util.spec_from_loader(name, SourceFileLoader(name, file))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class TestOf:
    def test_module_package_and_submodule(self, root):
        files = [write(root, path) for path in ("shop/__init__.py", "shop/cart.py", "tax.py")]
        cart = importlib.import_module("shop.cart")
        tax = importlib.import_module("tax")
        modules = Modules([root])
        assert [modules.of(file) for file in files] == [[sys.modules["shop"]], [cart], [tax]]

    def test_submodule_of_a_namespace_package(self, root):
        file = write(root, "space/part.py")
        part = importlib.import_module("space.part")
        assert Modules([root]).of(file) == [part]

    def test_file_that_is_not_loaded(self, root):
        file = write(root, "idle.py")
        assert Modules([root]).of(file) == []
        assert Modules([root]).of(str(root / "absent.py")) == []

    def test_file_that_is_loaded_later_and_deleted_then(self, root):
        file = write(root, "late.py")
        modules = Modules([root])
        assert modules.of(file) == []
        late = importlib.import_module("late")
        assert modules.of(file) == [late]
        Path(file).unlink()
        assert modules.of(file) == [late]

    def test_module_that_was_imported_anew(self, root):
        file = write(root, "again.py")
        modules = Modules([root])
        first = importlib.import_module("again")
        assert modules.of(file) == [first]
        del sys.modules["again"]
        second = importlib.import_module("again")
        assert modules.of(file) == [second] != [first]

    def test_any_name(self, root, tmp_path):
        file = write(root, "shop/cart.py")
        cart = load("root.shop.cart", file)
        assert Modules([root]).of(file) == [cart]
        assert Modules([tmp_path]).of(file) == [cart]
        assert Modules([]).of(file) == [cart]

    def test_loaded_several_times_in_order_of_import(self, root):
        file = write(root, "twice.py")
        second, first = load("zz", file), load("aa", file)
        assert Modules([root]).of(file) == [second, first]

    def test_alias_counts_once(self, root):
        file = write(root, "real.py")
        real = importlib.import_module("real")
        sys.modules["alias"] = real
        assert Modules([root]).of(file) == [real]
        assert Modules([root]).loaded().count(real) == 1

    def test_main(self, root, monkeypatch):
        main = types.ModuleType("__main__")
        main.__file__ = write(root, "bin/serve")  # a script needs no suffix
        monkeypatch.setitem(sys.modules, "__main__", main)
        modules = Modules([root])
        assert modules.of(main.__file__) == [main]
        assert modules.loaded() == [main]
        twin = load("serve", main.__file__)  # not a script: not by any importer of ours
        assert twin not in modules.of(main.__file__)

    def test_relative_file_after_a_change_of_directory(self, root, monkeypatch):
        file = write(root, "script.py")
        script = types.ModuleType("script")
        script.__file__ = "script.py"
        sys.modules["script"] = script
        monkeypatch.chdir(root)
        modules = Modules([root])
        assert modules.of(file) == [script]
        monkeypatch.chdir("/")
        assert modules.of(file) == [script]  # looked up before
        assert Modules([root]).of(file) == [script]  # and below a root

    def test_symbolic_links(self, root, tmp_path):
        target = write(tmp_path, "target.py")
        link = root / "linked.py"
        link.symlink_to(target)
        linked = importlib.import_module("linked")
        modules = Modules([root])
        assert modules.of(str(link)) == modules.of(target) == [linked]
        assert linked in modules.loaded()
        link.unlink()
        link.write_text("")  # as editors do that save by renaming
        assert modules.of(str(link)) == [linked]

    def test_symlinked_root(self, root, tmp_path):
        file = write(root, "below.py")
        below = importlib.import_module("below")
        (tmp_path / "alias").symlink_to(root)
        modules = Modules([tmp_path / "alias"])
        for path in (file, str(tmp_path / "alias" / "below.py")):
            assert modules.of(path) == [below]
            assert modules.name_of(path) == "below"
            assert modules.display(path) == "below.py"

    def test_by_name_without_a_file(self, root):
        file = write(root, "made/by_hand.py")
        made = types.ModuleType("made.by_hand")
        sys.modules["made.by_hand"] = made
        modules = Modules([root])
        assert modules.of(file) == [made]
        made.__file__ = str(root / "elsewhere.py")
        assert modules.of(file) == []
        made.__file__ = None
        assert modules.of(file) == [made]

    def test_not_what_only_bears_the_file_of_another(self, root):
        """As the package ``bottle.ext``, which bottle makes up for its extensions."""
        file = write(root, "framework.py")
        framework = importlib.import_module("framework")
        made_up = sys.modules["framework.ext"] = types.ModuleType("framework.ext")
        vars(made_up).update(__file__=file, __path__=[], __all__=[], part=types.ModuleType("part"))
        assert Modules([root]).of(file) == [framework]
        made_up.f = len  # it may have been executed there by somebody
        assert Modules([root]).of(file) == [framework, made_up]
        del made_up.f, sys.modules["framework"]
        assert Modules([root]).of(file) == [made_up]

    @pytest.mark.parametrize("path", ["sys.py", "time.py", "_imp.py", "zipimport.py"])
    def test_builtin_and_frozen_modules_are_no_files(self, root, path):
        assert Modules([root]).of(write(root, path)) == []

    def test_namespace_package_is_no_file(self, root):
        write(root, "space/part.py")
        importlib.import_module("space.part")
        assert Modules([root]).of(write(root, "space/__init__.py")) == []
        assert Modules([root]).of(write(root, "space.py")) == []

    def test_prompt_is_not_the_file_main(self, root, monkeypatch):
        main = types.ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", main)
        assert Modules([root]).of(write(root, "__main__.py")) == []
        main.__file__ = "<stdin>"
        assert Modules([root]).of(write(root, "__main__.py")) == []
        assert main not in Modules([root]).loaded()

    def test_bytecode_and_extensions_are_left_alone(self, root):
        file = write(root, "bare.py")
        for name in ("bare.pyc", "bare.so"):
            bare = types.ModuleType("bare")
            bare.__file__ = str(root / name)
            sys.modules["bare"] = bare
            assert filename_of(bare) is None
            assert Modules([root]).of(file) == []
            assert bare not in Modules([root]).loaded()


class TestHandsOff:
    """The program's modules are looked at, never asked."""

    def test_whatever_is_in_sys_modules(self, root):
        class Raising:
            def __getattribute__(self, name):
                raise AssertionError(name)

        class Hidden(types.ModuleType):
            @property
            def __dict__(self):
                raise AssertionError

            def __getattribute__(self, name):
                raise AssertionError(name)

            def __eq__(self, other):
                raise AssertionError

            __hash__ = None

        hidden = Hidden("hidden")
        file = write(root, "hidden.py")
        namespace_of(hidden)["__file__"] = file
        strange = types.ModuleType("strange")
        strange.__file__ = strange.__name__ = strange.__spec__ = ["?"]
        for number, thing in enumerate((None, Raising(), 7, hidden, strange)):
            sys.modules[f"thing{number}"] = thing
        modules = Modules([root])
        (found,) = modules.of(file)
        assert found is hidden
        assert any(module is hidden for module in modules.loaded())
        assert not modules.is_importing(hidden)
        assert not modules.is_importing(strange)
        assert (name_of_module(hidden), name_of_module(strange)) == ("hidden", "?")
        assert (package_of(hidden), package_of(strange)) == ("", "")

    def test_module_level_getattr_is_not_called(self, root):
        file = write(root, "dynamic.py", "def __getattr__(name): raise AssertionError(name)")
        dynamic = importlib.import_module("dynamic")
        del dynamic.__spec__, dynamic.__package__
        modules = Modules([root])
        assert modules.of(file) == [dynamic]
        assert not modules.is_importing(dynamic)
        assert package_of(dynamic) == ""
        del dynamic.__file__, dynamic.__name__
        assert modules.of(file) == [dynamic]
        assert name_of_module(dynamic) == "?"

    def test_lazy_module_is_not_loaded_by_it(self, root):
        file = write(root, "lazy.py", "loaded = True")
        spec = importlib.util.find_spec("lazy")
        spec.loader = importlib.util.LazyLoader(spec.loader)
        lazy = sys.modules["lazy"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(lazy)
        modules = Modules([root])
        assert modules.of(file) == []
        assert lazy not in modules.loaded()
        assert not modules.is_importing(lazy)
        assert "loaded" not in namespace_of(lazy)
        assert lazy.loaded
        assert modules.of(file) == [lazy]
        assert lazy in modules.loaded()

    def test_imports_on_other_threads_meanwhile(self, root):
        file = write(root, "unit_resident.py")
        resident = importlib.import_module("unit_resident")
        modules = Modules([root])
        ended = threading.Event()

        def come_and_go():
            for number in range(3000):
                sys.modules[f"passing{number}"] = types.ModuleType("passing")
                sys.modules.pop(f"passing{number - 50}", None)
            ended.set()

        thread = threading.Thread(target=come_and_go)
        thread.start()
        while not ended.is_set():
            assert modules.of(file) == [resident]
        thread.join(TIMEOUT)


class TestBehind:
    """A module that has put another one in its place is known by where it was executed."""

    SOURCE = """
    import sys, types
    def f(): pass
    class Front(types.ModuleType): f = staticmethod(f)
    own = globals()
    front = sys.modules[__name__] = Front(__name__)
    """

    def test_is_found_by_its_functions(self, root):
        file = write(root, "replaced.py", self.SOURCE)
        front = importlib.import_module("replaced")
        modules = Modules([root])
        (found,) = modules.of(file)
        assert found is not front
        assert namespace_of(found) is front.f.__globals__
        assert (name_of_module(found), filename_of(found)) == ("replaced", file)
        assert modules.of(file) == [found]
        assert found in modules.loaded()
        assert front not in modules.loaded()
        assert found in every_module()
        assert front in every_module()

    def test_is_forgotten_with_what_took_its_place(self, root):
        file = write(root, "replaced.py", self.SOURCE)
        front = importlib.import_module("replaced")
        (found,) = Modules([root]).of(file)
        gone = weakref.ref(front)
        del sys.modules["replaced"]
        assert found not in every_module()
        front.f.__globals__.clear()
        del found, front
        gc.collect()
        assert gone() is None
        again = importlib.import_module("replaced")
        (found,) = Modules([root]).of(file)
        assert namespace_of(found) is again.f.__globals__

    def test_is_not_behind_one_that_has_got_another_class(self, root):
        other_class = "import sys\nsys.modules[__name__].__class__ = Front\n"
        source = textwrap.dedent(self.SOURCE).rpartition("front =")[0]
        file = write(root, "reclassed.py", source + other_class)
        module = importlib.import_module("reclassed")
        assert Modules([root]).of(file) == [module]

    def test_is_not_where_two_have_been(self, root):
        """Functions of two imports do not tell which of them it was."""
        file = write(root, "replaced.py", self.SOURCE)
        first = importlib.import_module("replaced")
        del sys.modules["replaced"]
        front = importlib.import_module("replaced")
        namespace_of(front).update(first=first.f, __file__=file)
        assert Modules([root]).of(file) == [front]


class TestIsImporting:
    def test_on_another_thread(self, root):
        write(
            root, "gates.py", "import threading\nbegun, go = threading.Event(), threading.Event()"
        )
        gates = importlib.import_module("gates")
        file = write(root, "slow.py", f"import gates\ngates.begun.set()\ngates.go.wait({TIMEOUT})")
        thread = threading.Thread(target=importlib.import_module, args=("slow",))
        thread.start()
        assert gates.begun.wait(TIMEOUT)
        modules = Modules([root])
        (slow,) = modules.of(file)
        assert modules.is_importing(slow)
        assert not modules.is_importing(gates)
        gates.go.set()
        thread.join(TIMEOUT)
        assert not modules.is_importing(slow)

    def test_package_and_the_submodule_it_imports(self, root):
        write(root, "probe.py", "seen = {}")
        write(root, "pkg/sub.py", "value = 1")
        write(
            root,
            "pkg/__init__.py",
            """
            import sys, probe
            from mighty_patcher.engine.modules import (Modules)
            from . import sub
            for module in (sys.modules[__name__], sub, sys):
                probe.seen[module.__name__] = Modules([]).is_importing(module)
            """,
        )
        importlib.import_module("pkg")
        assert sys.modules["probe"].seen == {"pkg": True, "pkg.sub": False, "sys": False}

    def test_main_never_is(self):
        assert not Modules([]).is_importing(sys.modules["__main__"])

    def test_not_after_a_failed_import(self, root):
        write(root, "keep.py", "modules = []")
        write(root, "bad.py", "import sys, keep\nkeep.modules.append(sys.modules[__name__])\n1 / 0")
        with pytest.raises(ZeroDivisionError):
            importlib.import_module("bad")
        assert not Modules([root]).is_importing(sys.modules["keep"].modules[0])


class TestNames:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("cart.py", "cart"),
            ("shop/cart.py", "shop.cart"),
            ("shop/__init__.py", "shop"),
            ("shop/__main__.py", "shop.__main__"),
            ("läden/my-script.py", "läden.my-script"),
            ("with space/a b.py", "with space.a b"),
            ("__init__.py", None),
            ("v1.2/cart.py", None),
            ("cart.txt", None),
            ("../outside.py", None),
            ("../rootless/cart.py", None),
        ],
    )
    def test_name_of(self, root, path, name):
        assert Modules([root]).name_of(str(root / path)) == name

    def test_most_specific_root(self, root):
        file = str(root / "src" / "shop" / "cart.py")
        for roots in ([root, root / "src"], [root / "src", root]):
            assert Modules(roots).name_of(file) == "shop.cart"
            assert Modules(roots).display(file) == "shop/cart.py"

    def test_roots_in_any_spelling(self, root, monkeypatch):
        file = str(root / "shop" / "cart.py")
        monkeypatch.chdir(root.parent)
        for spelling in (Path("root"), Path("./root/"), Path("root/../root"), Path(f"{root}/")):
            modules = Modules([spelling])
            assert modules.roots == (root.resolve(),)
            assert modules.display(file) == "shop/cart.py"
            assert modules.display("root/shop/cart.py") == "shop/cart.py"

    def test_file_system_root(self):
        assert Modules([Path(os.sep)]).name_of(f"{os.sep}shop{os.sep}cart.py") == "shop.cart"

    def test_root_that_is_a_file(self, root):
        file = write(root, "script.py")
        modules = Modules([Path(file)])
        assert modules.name_of(file) == "script"
        assert modules.display(file) == "script.py"
        assert modules.name_of(str(root / "other.py")) is None
        script = importlib.import_module("script")
        assert modules.of(file) == [script]
        assert script in modules.loaded()

    def test_display_outside(self, root, tmp_path):
        assert Modules([root]).display(str(tmp_path / "x.py")) == str(tmp_path / "x.py")

    def test_package_of(self, root):
        write(root, "pkg/__init__.py")
        write(root, "pkg/sub.py")
        write(root, "top.py")
        names = {"pkg": "pkg", "pkg.sub": "pkg", "top": ""}
        assert {name: package_of(importlib.import_module(name)) for name in names} == names
        script = types.ModuleType("__main__")
        script.__package__ = "pkg"
        assert package_of(script) == "pkg"


class TestLoaded:
    def test_only_below_the_roots(self, root):
        write(root, "own.py")
        own = importlib.import_module("own")
        loaded = Modules([root]).loaded()
        assert own in loaded
        assert ast not in loaded

    def test_installed_packages_are_left_out(self, root):
        file = write(root, ".venv/lib/python3/site-packages/dep.py")
        dep = load("dep", file)
        assert dep not in Modules([root]).loaded()
        assert dep in Modules([Path(file).parent]).loaded()
        assert Modules([root]).of(file) == [dep]


def imported(source: str, name: str = "shop.cart", package: str = "shop") -> list[tuple[str, ...]]:
    found = imports_of(ast.parse(textwrap.dedent(source)), name, package)
    return [(it.module, it.name, it.bound) for it in found]


class TestRemembering:
    def test_a_module_that_comes_meanwhile_is_found(self, tmp_path, monkeypatch):
        modules, file = Modules([tmp_path]), tmp_path / "late.py"
        file.write_text("")
        with modules.remembering():
            before = modules.loaded()
            assert modules.of(str(file)) == []
            late = types.ModuleType("late")
            late.__file__ = str(file)
            monkeypatch.setitem(sys.modules, "late", late)
            assert modules.of(str(file)) == [late]
            assert modules.loaded() == [*before, late]
            monkeypatch.delitem(sys.modules, "late")
            assert modules.of(str(file)) == []
            assert modules.loaded() == before

    def test_while_another_thread_begins_and_ends(self, tmp_path):
        """The watcher looks at files while the program reloads on a thread of its own."""
        modules, file = Modules([tmp_path]), tmp_path / "some.py"
        file.write_text("")
        go_on = [True]

        def begin_and_end():
            while go_on:
                with modules.remembering():
                    pass

        thread = threading.Thread(target=begin_and_end)
        thread.start()
        try:
            for _ in range(200):
                assert modules.of(str(file)) == []
        finally:
            go_on.clear()
            thread.join()


class TestImportsOf:
    @pytest.mark.parametrize(
        ("source", "expected"),
        [
            ("import a", [("a", "", "a")]),
            ("import a.b.c", [("a.b.c", "", "a")]),
            ("import a.b as c, d", [("a.b", "", "c"), ("d", "", "d")]),
            ("from m import X", [("m", "X", "X")]),
            ("from m.n import X as Y, Z", [("m.n", "X", "Y"), ("m.n", "Z", "Z")]),
            ("from m import *", [("m", "*", "*")]),
            ("from . import tax", [("shop", "tax", "tax")]),
            ("from .tax import RATE", [("shop.tax", "RATE", "RATE")]),
            ("from .. import x", []),
        ],
    )
    def test_statements(self, source, expected):
        assert imported(source) == expected

    def test_relative_levels(self):
        source = "from . import x\nfrom .. import x\nfrom ..y import x\nfrom .... import x"
        names = [module for module, _, _ in imported(source, "a.b.c", "a.b")]
        assert names == ["a.b", "a", "a.y"]

    def test_relative_in_a_package_itself(self):
        assert imported("from .cart import Cart", "shop", "shop") == [("shop.cart", "Cart", "Cart")]

    def test_package_is_derived_from_the_name(self):
        assert imported("from .tax import X", "shop.cart", "") == [("shop.tax", "X", "X")]
        assert imported("from .tax import X", "cart", "") == []

    def test_blocks(self):
        source = """
            if a: import n1
            elif b: import n2
            else: import n3
            try: import n4
            except E: import n5
            else: import n6
            finally: import n7
            try: import n8
            except* E: import n9
            with a: import n10
            for a in b: import n11
            else: import n12
            while a: import n13
            match a:
                case 1:
                    if b: import n14
            if __name__ == "__main__": import n15
        """
        assert [name for name, _, _ in imported(source)] == [f"n{i}" for i in range(1, 16)]

    def test_not_in_functions(self):
        source = """
            def f(): import n1
            async def g(): import n2
            class C:
                def m(self): import n4
            if a:
                def f(): import n5
        """
        assert imported(source) == []

    def test_in_classes(self):
        """The names there are those of the class."""
        source = """
            class C:
                import n1
                class D:
                    if a: from n2 import x as y
        """
        found = imports_of(ast.parse(textwrap.dedent(source)), "m", "")
        names = [(it.module, it.name, it.bound, it.member) for it in found]
        assert names == [("n1", "", "", "C.n1"), ("n2", "x", "", "C.D.y")]

    def test_type_checking(self):
        source = """
            if TYPE_CHECKING: import n1
            else: import y1
            if typing.TYPE_CHECKING: import n2
            elif a: import y2
            if not TYPE_CHECKING: import y3
            else: import n3
            if TYPE_CHECKING or a: import y4
        """
        assert [name for name, _, _ in imported(source)] == ["y1", "y2", "y3", "y4"]

    def test_line(self):
        (it,) = imports_of(ast.parse("\n\nfrom m import (\n X)"), "a", "")
        assert it == Imported("m", "X", "X", 3)

    def test_needs(self):
        names = {"m", "m.sub"}
        assert Imported("m", "sub", "sub", 1).needs(names) == "m.sub"
        assert Imported("m", "X", "X", 1).needs(names) == "m"
        assert Imported("m", "*", "*", 1).needs(names) == "m"
        assert Imported("m.sub", "", "m", 1).needs(names) == "m.sub"

    @pytest.mark.skipif(sys.version_info < (3, 15), reason="PEP 810")
    def test_lazy_imports(self):
        assert imported("lazy import a\nlazy from b import c") == [("a", "", "a"), ("b", "c", "c")]


class TestOrder:
    @pytest.fixture(autouse=True)
    def modules(self, root):
        """Modules a to g, whose imports ended in this order, as far as sys.modules tells."""
        self.known = {name: types.ModuleType(name) for name in "abcdefg"}
        sys.modules.update(self.known)

    def order(self, names: str, imports: dict[str, str]) -> str:
        modules = [self.known[name] for name in names]
        ordered = in_dependency_order(modules, {k: list(v) for k, v in imports.items()})
        return "".join(module.__name__ for module in ordered)

    def test_nothing(self):
        assert self.order("", {}) == ""

    def test_in_order_of_import_without_dependencies(self):
        assert self.order("cab", {}) == "abc"

    def test_importees_first(self):
        assert self.order("abc", {"a": "b", "b": "c"}) == "cba"
        assert self.order("abcd", {"a": "cb", "b": "d", "c": "d"}) == "dbca"

    def test_through_modules_that_did_not_change(self):
        assert self.order("ac", {"a": "b", "b": "c"}) == "ca"

    def test_cycle_is_cut_where_the_program_cut_it(self):
        assert self.order("ba", {"a": "b", "b": "a"}) == "ab"  # b began, and imported a
        assert self.order("cba", {"a": "b", "b": "c", "c": "a"}) == "bac"
        assert self.order("cba", {"a": "c", "b": "a", "c": "b"}) == "abc"
        # d imports the cycle and g is imported by it
        assert self.order("gdcb", {"b": "c", "c": "bg", "d": "c"}) == "bgcd"

    def test_a_new_import_of_what_ended_later_is_followed(self):
        assert self.order("ab", {"a": "b"}) == "ba"

    def test_a_package_comes_after_the_modules_that_it_imports_and_that_import_it(self):
        modules = {"f": "abc", "a": "f", "c": "af", "b": "c"}
        assert self.order("abcf", modules) == "acbf"

    def test_imports_itself(self):
        assert self.order("a", {"a": "a"}) == "a"

    def test_unknown_names(self):
        assert self.order("ab", {"a": "xb", "x": "y"}) == "ba"

    def test_same_name_twice_and_main(self):
        twin, main = types.ModuleType("a"), types.ModuleType("__main__")
        ordered = in_dependency_order([main, twin, self.known["a"]], {"__main__": ["a"]})
        assert [id(it) for it in ordered] == [id(twin), id(self.known["a"]), id(main)]

    def test_long_chain(self):
        chain = [types.ModuleType(f"m{number}") for number in range(5000)]
        imports = {f"m{number}": [f"m{number + 1}"] for number in range(5000)}
        assert in_dependency_order(chain, imports) == chain[::-1]

    def test_sets_give_the_same_order_each_time(self):
        modules = [self.known[name] for name in "abcdefg"]
        ordered = in_dependency_order(modules, {"a": {"g", "c", "e", "b"}})
        assert [module.__name__ for module in ordered] == list("bcdefga")


def test_spec_that_is_none_of_ours():
    module = types.ModuleType("m")
    module.__spec__ = types.SimpleNamespace(_initializing=True, parent="x")
    assert not Modules([]).is_importing(module)
    module.__spec__ = ModuleSpec("p.m", None)
    assert package_of(module) == "p"
