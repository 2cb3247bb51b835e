"""In which order modules get their turns; what that costs, in time where all import all."""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType

import pytest

from mighty_patcher.engine.imports import Imported
from mighty_patcher.engine.inforce import InForce
from mighty_patcher.engine.outside import Outside
from mighty_patcher.engine.version import Version
from mighty_patcher.engine.worklist import Worklist


def loaded(project, name, texts):
    """Write a package, import it and have it watched; return its folder, it and the engine."""
    package = project.root / name
    package.mkdir()
    for it, text in texts.items():
        package.joinpath(f"{it}.py").write_text(text)
    return package, importlib.import_module(name), project.engine()


@pytest.mark.parametrize("size", [40])
def test_a_package_that_is_one_cycle(project, monkeypatch, size):
    """All modules ask the package for what it has from one of them. Each is asked what it imports a
    few times, and not once for each pair of them.
    """
    name = f"{project.prefix}p"
    package = project.root / name
    package.mkdir()
    names = [f"m{number}" for number in range(size)]
    package.joinpath("__init__.py").write_text(
        "from .base import *\n" + "".join(f"from .{it} import *\n" for it in names)
    )
    package.joinpath("base.py").write_text("LIMIT = 100_000\n")
    for number, it in enumerate(names):
        package.joinpath(f"{it}.py").write_text(
            f"import {name} as p\nV{number} = p.LIMIT + {number}\n"
        )
    module = importlib.import_module(name)
    engine = project.engine()
    asked = []

    def counted(self, *args):
        asked.append(args)
        return imports_of(self, *args)

    imports_of = InForce.imports_of
    monkeypatch.setattr(InForce, "imports_of", counted)
    package.joinpath("base.py").write_text("LIMIT = 200_000\n")
    reload = engine.reload([package / "base.py"])
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    assert [getattr(module, f"V{number}") for number in range(size)] == list(
        range(200_000, 200_000 + size)
    )
    assert len(asked) / size < 100


def test_what_was_imported_on_the_way_is_done(project):
    """Who imports it later does not begin before it, nor does the package go on to that."""
    name = f"{project.prefix}p"
    texts = {
        "__init__": "from .first import a\nfrom .objects import make\nfrom .last import d\n",
        "helpers": f"import {name} as p\nUNSET = 1\nPARTS = 2\nhas = hasattr(p, 'make')\n",
        "first": f"import {name} as p\nfrom .helpers import UNSET\na = UNSET\n",
        "tools": f"import {name} as p\nfrom .helpers import UNSET\nc = UNSET\n",
        "objects": f"import {name} as p\nfrom .helpers import UNSET\nfrom .tools import c\n"
        "def make(): return 1\n",
        "last": f"import {name} as p\nfrom .helpers import UNSET\ndef d(): return p.make()\n"
        "made = p.make()\n",
    }
    package, module, engine = loaded(project, name, texts)
    package.joinpath("__init__.py").write_text(
        texts["__init__"].replace("import make", "import apply, make")
    )
    package.joinpath("objects.py").write_text(
        texts["objects"].replace("import UNSET", "import PARTS, UNSET")
        + "def apply(x=PARTS): return x\n"
    )
    package.joinpath("first.py").write_text(texts["first"].replace("a = UNSET", "a = -UNSET"))
    reload = engine.reload([package / f"{it}.py" for it in ("__init__", "first", "objects")])
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    assert (module.apply(), module.a) == (2, -1)


def test_a_package_that_its_modules_import(project):
    """What it imports first is executed first, also if that imports the package, and what else it
    imports needs it.
    """
    name = f"{project.prefix}p"
    texts = {
        "auth": "LIMIT = 1\n",
        "transport": f"import {name}\nfrom .auth import LIMIT\nclass T: limit = LIMIT\n",
        "client": "from .transport import T\nclass C(T): x = 1\n",
        "__init__": "from .transport import T\nfrom .client import C\n",
    }
    new = {
        "auth": "LIMIT = 2\n",
        "transport": texts["transport"] + "class More(T): pass\n",
        "client": texts["client"].replace("x = 1", "x = 2"),
        "__init__": texts["__init__"].replace("import T", "import T, More"),
    }
    package, module, engine = loaded(project, name, texts)
    for it, text in new.items():
        package.joinpath(f"{it}.py").write_text(text)
    reload = engine.reload([package / f"{it}.py" for it in new])
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    assert (module.More.limit, module.C.x, module.C.limit) == (2, 2, 2)
    assert len({(it.module, it.line) for it in reload.steps if it.kind == "ran"}) == len(
        [it for it in reload.steps if it.kind == "ran"]
    )


def test_texts_are_not_left_to_the_collector(project):
    """What knows who imports whom goes with the reload: its objects must not hold each other."""
    m = project.load("m", "import ~n as n\nX = 0\n") if project.load("n", "") else None
    project.engine()
    gc.collect()
    gc.disable()
    try:
        for number in range(1, 11):
            assert project.save(m=f"import ~n as n\nX = {number}\n").ok
        texts = [it for it in gc.get_objects() if type(it) is Version and it.path == m.__file__]
    finally:
        gc.enable()
    assert m.X == 10
    assert len(texts) <= 4  # that in force, the one before, for undo(), the first; not ten


def test_who_waits_for_one_that_waits(monkeypatch):
    """Nothing but what they are about to import tells in which order they come."""
    modules = [ModuleType(name) for name in ("first", "second", "third")]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    first, second, third = modules
    work = Worklist(modules, lambda *_: (), lambda *_: (), lambda _: True)

    def following():
        turn = work.next()
        return None if turn is None else turn.module.__name__

    assert following() == "first"
    assert work.wait(first, [second], [])
    assert following() == "second"
    assert work.wait(second, [third], [])
    assert [following() for _ in range(4)] == ["third", "second", "first", None]


def test_who_waits_for_one_that_needs_it(monkeypatch):
    """What is known of their imports is not all: that one is not put after who waits for it."""
    first, second = modules = [ModuleType("first"), ModuleType("second")]
    for module in modules:
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def imports(module, _):
        return [Imported("first", "X", "X", 1)] if module is second else []

    work = Worklist(modules, imports, imports, lambda _: True)
    assert [work.next().module, work.wait(first, [second], [])] == [first, True]
    assert [work.next().module for _ in modules] == [second, first]


def test_what_is_new_ends_before_who_has_imported_it(monkeypatch):
    modules = [ModuleType(name) for name in ("first", "second", "inner", "outer")]
    for module in modules[:2]:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    first, second, *news = modules
    work = Worklist([first, second], lambda *_: (), lambda *_: (), lambda _: True)
    assert work.next().module is first
    for module in news:
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert work.wait(first, [], []) is False
    for module in reversed(modules):
        work.tell(module, Outside())
    assert [work.next().module for _ in modules] == [*news, first, second]


class TestPackagesWhoseModulesNameThem:
    """``from package import module`` in a module of the package: the package has begun before."""

    def load(self, project, **sources):
        """Write the modules of a package, and import it."""
        self.package = project.root / f"{project.prefix}p"
        self.package.mkdir()
        self.write(sources)
        project.engine()
        return importlib.import_module(self.package.name)

    def write(self, sources):
        for name, text in sources.items():
            path = self.package / f"{name.replace('init', '__init__')}.py"
            path.write_text(text.replace("~p", self.package.name))

    def save(self, project, **sources):
        self.write(sources)
        files = sorted(map(str, self.package.glob("*.py")))
        reload = project.engine().reload(files)
        assert reload.ok, [e.__cause__ or e for e in reload.errors]

    def test_what_it_takes_of_others_in_the_package_is_not_from_the_package(self, project):
        init = "from ~p.base import *\nfrom ~p.tools import *\n"
        module = self.load(
            project,
            init=init,
            errors="class Bad(Exception): pass\n",
            base="from ~p import errors as er\nLIMIT = 1\n",
            checks="from ~p.base import LIMIT\n",
            tools="from ~p.base import LIMIT\nfrom ~p import checks\n",
        )
        self.save(
            project,
            errors="class Bad(Exception): pass\nclass Worse(Bad): pass\n",
            base="from ~p import errors as er\nfrom ~p.errors import Worse\nLIMIT = 1\nMORE = 2\n",
            checks="from ~p.base import LIMIT, MORE\n",
            tools="from ~p.base import LIMIT\nfrom ~p import checks\nfrom ~p.base import MORE\n",
        )
        assert module.tools.MORE == module.checks.MORE == module.MORE == 2

    def test_what_is_in_it_does_not_begin_it(self, project):
        """What they import of it was there when they began, so it does not lead them to the rest
        of the package.
        """
        init = "from ~p.flags import Flag\nfrom ~p.control import act\nfrom ~p.core import run\n"
        module = self.load(
            project,
            init=init + "VERSION = 1\n",
            errors="class Bad(Exception): pass\n",
            flags="from ~p.errors import Bad\nclass Flag: pass\n",
            pretty="def shown(): return 1\n",
            utils="def known(): return 1\n",
            tools="from ~p.utils import known\nfrom ~p.control import act\n",
            control="from ~p import Flag\nfrom ~p.utils import known\ndef act(): return known()\n",
            core="from ~p.control import act\nfrom ~p.tools import known\n"
            "def run(): return known()\n",
        )
        self.save(
            project,
            init=init + "VERSION = 2\n",
            utils="from ~p.pretty import shown\ndef known(): return 1\ndef fresh(): return 2\n",
            tools="from ~p.control import act\nfrom ~p.pretty import shown\n"
            "from ~p.utils import known, fresh\n",
            control="from ~p import Flag\nfrom ~p.utils import known\n"
            "from ~p.pretty import shown\ndef act(): return known()\n",
            core="from ~p.control import act\nfrom ~p.pretty import shown\n"
            "from ~p.tools import known, fresh\ndef run(): return fresh()\n",
        )
        assert module.run() == module.tools.fresh() == 2

    def test_a_module_of_it_is_there_before_it_has_its_name(self, project):
        init = "from ~p import engine\nfrom ~p import tokens\nfrom ~p import filters\n"
        module = self.load(
            project,
            init=init + "VERSION = 1\n",
            tokens="NAME = 1\n",
            sql="from ~p import tokens\nclass Token: pass\n",
            engine="from ~p.stack import Stack\n",
            stack="from ~p import sql\nclass Stack: pass\n",
            others="from ~p import sql, tokens\nclass Strip: pass\n",
            filters="from ~p.others import Strip\n",
        )
        self.save(
            project,
            init=init + "VERSION = 2\n",
            tokens="NAME = 2\n",
            sql="from ~p import tokens\nclass Token: pass\nclass Over(Token): pass\n",
            stack="from ~p import sql\nfrom ~p.filters import More\nclass Stack: pass\n",
            others="from ~p import sql, tokens\nclass Strip: pass\nclass More: pass\n",
            filters="from ~p.others import Strip\nfrom ~p.others import More\n",
        )
        assert module.stack.More is module.filters.More is module.others.More

    def test_what_comes_from_elsewhere_has_no_place_among_them(self, project, monkeypatch):
        """When a module of the standard library was imported says nothing of who uses it now."""
        module = self.load(
            project,
            init="from ~p.base import *\nfrom ~p.checks import *\nfrom ~p.tools import *\n",
            errors="class Bad(Exception): pass\n",
            base="from ~p import errors as er\nLIMIT = 1\n",
            checks="from ~p.base import LIMIT\n",
            tools="from ~p.base import LIMIT\nfrom ~p import checks\n",
        )
        monkeypatch.delitem(sys.modules, "colorsys", raising=False)
        importlib.import_module("colorsys")
        self.save(
            project,
            errors="import colorsys\nclass Bad(Exception): pass\nclass Worse(Bad): pass\n",
            base="from ~p import errors as er\nimport colorsys\nfrom ~p.errors import Worse\n"
            "LIMIT = 1\nMORE = 2\n",
            checks="from ~p.base import LIMIT, MORE\nimport colorsys\n",
            tools="from ~p.base import LIMIT\nfrom ~p import checks\n"
            "from ~p.base import MORE\nimport colorsys\n",
        )
        assert module.tools.MORE == module.checks.MORE == module.MORE == 2

    def test_a_cycle_that_is_cut_now(self, project):
        """Who has ended before the one that it imports ends after it, all of them in their order:
        each imports what is new in the one before.
        """
        module = self.load(
            project,
            init="from ~p.common import Conf\nfrom ~p.front import run\n",
            common="class Conf: pass\nfrom ~p.parser import parse\n",
            grammar="def rules(): return 1\n",
            analysis="from ~p.grammar import rules\ndef table(): return rules()\n",
            parser="from ~p.analysis import table\ndef parse(): return table()\n",
            front="from ~p.common import Conf\nfrom ~p.parser import parse\n"
            "def run(): return parse()\n",
        )
        assert module.run() == 1
        self.save(
            project,
            common="class Conf: pass\nclass More: pass\n",
            grammar="from ~p.common import More\ndef rules(): return 1\ndef states(): return 2\n",
            analysis="from ~p.common import More\nfrom ~p.grammar import rules, states\n"
            "def table(): return rules()\ndef ints(): return states()\n",
            parser="from ~p.common import More\nfrom ~p.analysis import table, ints\n"
            "def parse(): return ints()\n",
        )
        assert module.run() == 2

    def test_a_package_on_the_way_that_had_begun_before(self, project):
        """Who imports what is in it, and is imported by it through another, does not wait for it:
        so that other one finds what is new.
        """
        (project.root / f"{project.prefix}p").mkdir()
        project.write("p/two", "A = 2\n")
        project.write("user", "from ~p.two import *\nC = A\n")
        project.write("last", "from ~user import C\n")
        project.write("p/__init__", "from ~p.two import *\nfrom ~last import C\n")
        package = importlib.import_module(f"{project.prefix}p")
        project.engine()
        reload = project.save(
            **{
                "p/two": "A = 3\nB = 4\n",
                "user": "from ~p.two import *\nC = A\nD = B\n",
                "last": "from ~user import C, D\n",
            }
        )
        assert reload.ok, [e.__cause__ or e for e in reload.errors]
        assert package.C == 3
        assert sys.modules[f"{project.prefix}last"].D == 4
