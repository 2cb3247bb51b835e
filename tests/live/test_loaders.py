"""Modules that were not loaded as most are."""

from __future__ import annotations

import sys
import zipfile

import pytest
from program import Live

SOURCE = """
ran = globals().get("ran", [])
ran.append(1)
X: int = 1
def f(a: int = 0) -> int: return 1
class C:
    y: int = 1
    def m(self) -> int: return X
"""
INIT = {"pkg/__init__.py": ""}
HELD = "from pkg.m import f, C\nfrom pkg import m\nc = C()\n"


@pytest.mark.parametrize("hook", ["typeguard", "beartype"])
def test_an_import_hook_that_adds_checks(live: Live, hook: str) -> None:
    """All of the module is compiled again, so that what is new in it is checked, too."""
    pytest.importorskip(hook)
    install = {
        "typeguard": "from typeguard import install_import_hook; install_import_hook('pkg')",
        "beartype": "from beartype.claw import beartype_package; beartype_package('pkg')",
    }[hook]
    checked = f"{install}\nimport m2\nfrom m2 import *\n".replace("m2", "held")
    program = live({**INIT, "pkg/m.py": SOURCE, "held.py": HELD, "main.py": checked})
    report = program.edit("pkg/m.py", "-> int: return 1", "-> int: return a + 2")
    assert report.patched == {"f"}
    program.expect("f(), m.ran", "(2, [1])")
    assert "int" in program.raises("f('x')")
    report = program.edit("pkg/m.py", "X: int = 1", "X: int = 3")
    assert report.ok
    program.expect("f(), c.m(), m.X, C is m.C, f is m.f", "(2, 3, 3, True, True)")
    assert "int" in program.raises("f('x')")
    assert program.edit(
        "pkg/m.py", "y: int = 1", "y: int = 1\n    def n(self) -> int: return ''"
    ).ok
    assert "int" in program.raises("c.n()")


def test_a_namespace_package(live: Live) -> None:
    program = live({"pkg/m.py": SOURCE, "main.py": HELD})
    report = program.edit("pkg/m.py", "X: int = 1", "X: int = 3")
    assert report.ok
    program.expect("m.X, c.m(), m.ran, m.C is C", "(3, 3, [1], True)")


def test_a_zipped_package_is_left_alone(live: Live) -> None:
    program = live(
        {
            "main.py": """
    import sys, zipfile
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("zipped.py", "def f(): return 1")
    sys.path.insert(0, "a.zip")
    from zipped import f
    """
        }
    )
    with zipfile.ZipFile(program.root / "a.zip", "w") as archive:
        archive.writestr("zipped.py", "def f(): return 2")
    program.no_more_reports()
    program.expect("f()", "1")


def test_bytecode_without_source_is_left_alone(live: Live) -> None:
    compiling = (
        "import py_compile\npy_compile.compile('gone.txt', 'only.pyc')\nfrom only import f\n"
    )
    program = live({"gone.txt": "def f(): return 1", "main.py": compiling})
    program.write("only.py", "def f(): return 2")
    program.no_more_reports()
    program.expect("f()", "1")


def test_a_module_without_a_file_is_left_alone(live: Live) -> None:
    making = """
    import sys, types
    made = sys.modules["made"] = types.ModuleType("made")
    made.__spec__ = None
    exec("def f(): return 1", vars(made))
    """
    program = live({"main.py": making, "other.py": "x = 1"})
    program.write("other.py", "x = 2")
    program.no_more_reports()
    program.expect("made.f()", "1")


def test_a_lazy_attribute_of_a_package(live: Live) -> None:
    """PEP 562."""
    init = """
    def __getattr__(name):
        import importlib
        if name == "m":
            return importlib.import_module(".m", __name__)
        raise AttributeError(name)
    """
    program = live({"pkg/__init__.py": init, "pkg/m.py": SOURCE, "main.py": "import pkg"})
    program.write("pkg/m.py", SOURCE.replace("X: int = 1", "X: int = 2"))
    program.no_more_reports()
    program.expect("pkg.m.X, pkg.m.ran", "(2, [1])")
    assert program.edit("pkg/m.py", "X: int = 2", "X: int = 3").ok
    program.expect("pkg.m.X, pkg.m.C().m(), pkg.m.ran", "(3, 3, [1])")


def test_a_lazy_loader(live: Live) -> None:
    lazily = """
    import importlib.util, sys
    spec = importlib.util.find_spec("m")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    m = sys.modules["m"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    """
    program = live({"m.py": SOURCE, "main.py": lazily})
    program.write("m.py", SOURCE.replace("X: int = 1", "X: int = 2"))
    program.no_more_reports()
    program.expect("m.X, m.ran", "(2, [1])")
    assert program.edit("m.py", "X: int = 2", "X: int = 3").ok
    program.expect("m.X, m.C().m(), m.ran", "(3, 3, [1])")


@pytest.mark.skipif(sys.version_info < (3, 15), reason="PEP 810")
def test_a_lazy_import(live: Live) -> None:
    main = "lazy import m\nlazy from n import g\nimport sys\n"
    program = live({"m.py": SOURCE, "n.py": "def g(): return 1", "main.py": main})
    program.write("m.py", SOURCE.replace("X: int = 1", "X: int = 2"))
    program.no_more_reports()
    program.expect("'m' in sys.modules, 'n' in sys.modules", "(False, False)")
    program.expect("m.X, m.ran, g()", "(2, [1], 1)")
    assert program.edit("m.py", "X: int = 2", "X: int = 3").ok
    assert program.edit("n.py", "return 1", "return 2").ok
    program.expect("m.X, m.C().m(), m.ran, g()", "(3, 3, [1], 2)")


COPY = """
import sys, types
class Module(types.ModuleType): pass
copy = Module(__name__)
vars(copy).update(globals())
sys.modules[__name__] = copy
"""
NAMES = """
import sys, types
class Module(types.ModuleType):
    def __getattr__(self, name):
        if name == "LATE": return X
        raise AttributeError(name)
new = sys.modules[__name__] = Module(__name__)
vars(new).update({"X": X, "__file__": __file__, "__doc__": __doc__})
"""


class TestOneThatReplacedItself:
    """Its statements bind what its functions see, and what others import of it follows."""

    def test_by_a_copy(self, live: Live) -> None:
        program = live({**INIT, "pkg/m.py": SOURCE + COPY, "main.py": HELD})
        program.do("front = m")
        assert program.edit("pkg/m.py", "-> int: return 1", "-> int: return 2").patched == {"f"}
        program.expect("f(), m.f()", "(2, 2)")
        report = program.edit("pkg/m.py", "X: int = 1", "X: int = 3")
        assert report.ok
        assert not report.stale
        assert report.rebound == {"pkg.m.X"}
        program.expect("m.X, c.m(), m.C().m(), C is m.C, m.ran", "(3, 3, 3, True, [1])")
        assert program.edit("pkg/m.py", "X: int = 3", "X: int = 3\nY = X + 1").ok
        assert program.edit("pkg/m.py", "return X", "return X, Y").ok
        program.expect("m.Y, c.m()", "(4, (3, 4))")
        program.do("reloader.undo()")
        program.expect("m.Y, c.m()", "(4, 3)")
        program.write("pkg/m.py", SOURCE + COPY)
        report = program.next_report()
        assert report.ok
        assert report.removed == {"Y"}
        program.expect("m.X, c.m(), hasattr(m, 'Y')", "(1, 1, False)")
        program.expect("front is m is __import__('sys').modules['pkg.m']", "True")

    def test_what_the_program_has_set_there_is_kept(self, live: Live) -> None:
        program = live({**INIT, "pkg/m.py": SOURCE + COPY, "main.py": HELD})
        program.do("m.X = 'own'")
        assert program.edit("pkg/m.py", "X: int = 1", "X: int = 3").rebound == set()
        program.expect("m.X, c.m()", "('own', 3)")

    def test_by_attributes_of_a_class(self, live: Live) -> None:
        tail = """
import sys, types
class Module(types.ModuleType):
    f = staticmethod(f)
    C = C
    X = X
sys.modules[__name__] = Module(__name__)
"""
        program = live({**INIT, "pkg/m.py": SOURCE + tail, "main.py": HELD})
        assert program.edit("pkg/m.py", "-> int: return 1", "-> int: return 2").patched == {"f"}
        program.expect("f(), m.f()", "(2, 2)")
        assert program.edit("pkg/m.py", "X: int = 1", "X: int = 3").ok
        program.expect("m.X, c.m(), m.C is C", "(3, 3, True)")

    def test_by_one_that_is_given_some_names(self, live: Live) -> None:
        user = "from pkg.m import X\nfrom pkg import m\nZ = m.X * 10\n"
        program = live(
            {
                **INIT,
                "pkg/m.py": f'"""Old."""\nX: int = 1{NAMES}',
                "user.py": user,
                "main.py": "import user\nfrom pkg import m",
            }
        )
        assert program.edit("pkg/m.py", "X: int = 1", "X: int = 3").ok
        program.expect("m.X, m.LATE, user.X, user.Z", "(3, 3, 3, 30)")
        assert program.edit("pkg/m.py", "Old", "New").ok
        program.expect("m.__doc__", "'New.'")
        report = program.edit("pkg/m.py", "X: int = 3", "X: int = 3\nY = 4")
        [kept] = [it for it in report.event["steps"] if it["kind"] == "kept"]
        assert kept["qualname"] == "Y"
        assert "has not been given it" in kept["reason"]
        program.expect("hasattr(m, 'Y')", "False")
        assert program.edit("pkg/m.py", '{"X": X,', '{"X": X, "Y": Y,').ok
        program.expect("m.Y", "4")

    def test_what_it_imports_follows(self, live: Live) -> None:
        program = live(
            {
                **INIT,
                "settings.py": "LIMIT = 1",
                "pkg/m.py": f"from settings import LIMIT\nX: int = LIMIT{NAMES}",
                "main.py": "from pkg import m",
            }
        )
        report = program.edit("settings.py", "1", "2")
        assert report.ok
        assert not report.stale
        program.expect("m.X, m.LATE", "(2, 2)")

    def test_all_or_nothing(self, live: Live) -> None:
        program = live({**INIT, "pkg/m.py": f"X: int = 1{NAMES}", "main.py": "from pkg import m"})
        program.shows_tracebacks = True
        report = program.edit("pkg/m.py", "X: int = 1", "X: int = 3\n1 / 0")
        assert "ZeroDivisionError" in report.errors[0]
        program.expect("m.X, m.LATE", "(1, 1)")
        text = program.text("pkg/m.py").replace("1 / 0", "")
        report = program.save("pkg/m.py", f"{text}\n1 / 0")
        assert "ZeroDivisionError" in report.errors[0]
        program.expect("m.X, m.LATE", "(1, 1)")
        assert program.save("pkg/m.py", text).ok
        program.expect("m.X, m.LATE", "(3, 3)")

    def test_by_yet_another(self, live: Live) -> None:
        """Who has imported the one before goes on with it: it is what the other one is."""
        program = live({**INIT, "pkg/m.py": f"X: int = 1{NAMES}", "main.py": "from pkg import m"})
        text = program.text("pkg/m.py").replace("X: int = 1", "X: int = 3")
        assert program.save(
            "pkg/m.py", text.replace("Module(__name__)", "Module(str(__name__))")
        ).ok
        program.expect("m.X, m.LATE, m is __import__('sys').modules['pkg.m']", "(3, 3, True)")
        program.do("reloader.undo()")
        program.expect("m.X, m.LATE, m is __import__('sys').modules['pkg.m']", "(1, 1, True)")

    def test_by_one_of_a_class_that_is_made_each_time(self, live: Live) -> None:
        """As celery does: what it hands out late is in the class, and is built of what changed."""
        tail = """
import sys, types
class Late(types.ModuleType):
    late = {}
    def __getattr__(self, name):
        try: return self.late[name]
        except KeyError: raise AttributeError(name)
def put(**names):
    module = sys.modules[__name__] = type("late", (Late,), {"late": dict(names)})(__name__)
    vars(module).update(names, __spec__=__spec__, __file__=__file__)
    return module
module = put(X=X, f=f)
module.late["more"] = -X
"""
        source = f"X = 1\ndef f(): return X, module is sys.modules[__name__]{tail}"
        program = live(
            {**INIT, "pkg/m.py": source, "main.py": "from pkg import m\nfrom pkg.m import X"}
        )
        program.expect("m.X, m.more, m.f()", "(1, -1, (1, True))")
        assert program.edit("pkg/m.py", "X = 1", "X = 2").ok
        program.expect("m.X, X, m.more, m.f()", "(2, 2, -2, (2, True))")
        program.expect("m is __import__('sys').modules['pkg.m']", "True")
        program.do("reloader.undo()")
        program.expect("m.X, X, m.more, m.f()", "(1, 1, -1, (1, True))")

    def test_by_one_that_has_copied_all_but_modules(self, live: Live) -> None:
        """As Pygments does: it has what is new as well."""
        tail = """
class Late(types.ModuleType):
    def __getattr__(self, name): raise AttributeError(name)
old = sys.modules[__name__]
new = Late(__name__)
new.__dict__.update(old.__dict__)
sys.modules[__name__] = new
del new.new, new.old, new.sys, new.types
"""
        source = f"import sys, types\nX = 1\ndef f(): return X\n{tail}"
        program = live({**INIT, "pkg/m.py": source, "main.py": "from pkg import m"})
        report = program.edit("pkg/m.py", "X = 1", "X = 2\nY = 3\ndef g(): return Y")
        assert report.ok
        program.expect("m.X, m.f(), m.Y, m.g(), hasattr(m, 'sys')", "(2, 2, 3, 3, False)")
        program.do("reloader.undo()")
        program.expect("m.X, m.f(), hasattr(m, 'Y')", "(1, 1, False)")

    def test_not_by_one_of_another_kind(self, live: Live) -> None:
        program = live({**INIT, "pkg/m.py": f"X: int = 1{NAMES}", "main.py": "from pkg import m"})
        text = program.text("pkg/m.py").replace("X: int = 1", "X: int = 3")
        other = text.replace("= Module(__name__)", "= types.SimpleNamespace()")
        report = program.save("pkg/m.py", other)
        assert "would put yet another module in its place" in report.errors[0]
        program.expect("m.X, m.LATE, m is __import__('sys').modules['pkg.m']", "(1, 1, True)")
        assert program.save("pkg/m.py", text).ok
        program.expect("m.X, m.LATE", "(3, 3)")

    def test_by_one_that_leads_nowhere(self, live: Live) -> None:
        """No function leads to the namespace in which it was executed."""
        files = {
            **INIT,
            "pkg/lazy.py": "import types\nclass Module(types.ModuleType): pass\n",
            "pkg/m.py": """
            import sys
            from pkg.lazy import Module
            X: int = 1
            sys.modules[__name__] = Module(__name__)
            vars(sys.modules[__name__]).update(X=X, __file__=__file__)
            """,
            "main.py": "from pkg import m",
        }
        program = live(files)
        report = program.edit("pkg/m.py", "X: int = 1", "X: int = 3")
        assert "has put another module in its place" in report.errors[0]
        program.expect("m.X", "1")

    def test_by_an_object(self, live: Live) -> None:
        tail = """
import sys
class Everything:
    def __getattr__(self, name):
        if name in globals(): return globals()[name]
        raise AttributeError(name)
sys.modules[__name__] = Everything()
"""
        program = live({**INIT, "pkg/m.py": SOURCE + tail, "main.py": HELD})
        report = program.edit("pkg/m.py", "-> int: return 1", "-> int: return 2")
        assert "has put an object in its place" in report.errors[0]
        program.expect("f(), m.f()", "(1, 1)")
        program.write("pkg/m.py", SOURCE + tail)
        program.no_more_reports()
        program.expect("list(reloader.errors)", "[]")
