"""Modules that a reload imports for the first time: what they need of others has to be there."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys

import pytest

from mighty_patcher.engine import version


@pytest.fixture
def package(project):
    return Package(project)


class Package:
    """A package on disk. Write ``~p`` for its name."""

    def __init__(self, project):
        self.project = project
        self.name = f"{project.prefix}p"
        self.folder = project.root / self.name

    def write(self, sources):
        paths = []
        for name, text in sources.items():
            path = self.folder / f"{name.replace('init', '__init__')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("~p", self.name))
            paths.append(path)
        return paths

    def load(self, *names, **sources):
        """Write its modules, and import it, or some of them."""
        self.write(sources)
        self.project.engine()
        importlib.invalidate_caches()
        for name in names:
            importlib.import_module(f"{self.name}.{name}")
        return importlib.import_module(self.name)

    def save(self, **sources):
        reload = self.project.engine().reload(self.write(sources))
        fresh = subprocess.run(
            [sys.executable, "-c", f"import {self.name}"],
            cwd=self.project.root,
            capture_output=True,
            check=False,
        )
        assert reload.ok == (fresh.returncode == 0), reload.errors or fresh.stderr
        return reload


def done(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]


class TestPackages:
    """Modules of a package import it, as far as it has come."""

    def old(self, package, init="from . import conf\nfrom ~p.command import C\n"):
        command = "from ~p.conf import LIMIT\nclass C: pass\n"
        return package.load(init=init, conf="LIMIT = 1\n", command=command)

    @pytest.mark.parametrize(
        "news",
        [
            {"deco": "from ~p.command import C, G\nMADE = G\n"},
            {
                "deco": "from . import conf\nfrom .more import MADE\n",
                "more": "from ~p.command import G as MADE\n",
            },
            {"deco": "from .more import *\n", "more": "import ~p.command as c\nMADE = c.G\n"},
            {"deco": "from . import more\nMADE = more.G\n", "more": "from ~p.command import *\n"},
            {
                "deco/init": "from .inner.most import MADE\n",
                "deco/inner/most": "from ...command import G as MADE\n",
            },
            {
                "deco": "from .more import MADE\n",
                "more": "from . import last\nfrom ~p.last import MADE\n",
                "last": "import ~p.more\nfrom ~p.command import G as MADE\n",
            },
        ],
    )
    def test_what_comes_with_a_new_module(self, package, news):
        module = self.old(package)
        old = module.C
        done(
            package.save(
                init="from . import conf\nfrom ~p.deco import MADE\nfrom ~p.command import C, G\n",
                conf="LIMIT = 2\n",
                command="from ~p import conf\nclass C: pass\nclass G(C): LIMIT = conf.LIMIT\n",
                **news,
            )
        )
        assert module.MADE is module.G is module.command.G
        assert module.G.LIMIT == 2
        assert module.C is old

    def test_who_is_outside_comes_after_all_of_it(self, package):
        """What is loaded ends before the module that imports it, not after all that there is."""
        module = package.load(
            "user", init="from ~p.conf import LIMIT\n", conf="LIMIT = 1\n", user="USED = 1\n"
        )
        done(
            package.save(
                init="LIMIT = 2\nfrom ~p.deco import A\nfrom ~p.deco import B\nEND = 3\n",
                conf="LIMIT = 2\n",
                deco="from ~p import LIMIT as A\nfrom ~p.conf import LIMIT as B\n",
                user="from ~p import END\nUSED = END\n",
            )
        )
        assert module.user.USED == 3

    def test_a_name_of_the_package_is_no_module(self, package):
        """Of two things with one name the package has its own."""
        module = package.load(
            init="from ~p.user import USED\n", conf="LIMIT = 1\n", user="import ~p\nUSED = 1\n"
        )
        done(
            package.save(
                init="from ~p.conf import LIMIT\nfrom ~p.run import run\n",
                run="def run(): return 2\n",
                user="from ~p import run\nUSED = run()\n",
            )
        )
        assert module.user.USED == 2
        assert module.user.run is module.run

    @pytest.mark.parametrize(
        "news",
        [
            {"deco": "from ~p import BASE as MADE\n"},
            {"deco": "from . import more\nMADE = more.BASE\n", "more": "from ~p import BASE\n"},
        ],
    )
    def test_what_is_new_in_it_is_not_taken_from_it(self, package, news):
        """``from package import module`` finds the module, whenever the package binds it."""
        module = self.old(package)
        done(
            package.save(
                init="BASE = 2\nfrom ~p.command import C, G\nfrom . import deco, more\n",
                command="from . import deco\nclass C: pass\nG = deco.MADE\n",
                **{"more": "", **news},
            )
        )
        assert module.G == module.deco.MADE == 2

    @pytest.mark.parametrize("deco", ["MADE = 1\n", "from . import more\nMADE = 1\n"])
    def test_nor_by_a_package_that_is_run_as_a_whole(self, package, deco):
        """It waits for nobody once it has begun."""
        rule = "__rerun__ = 'module'\n"
        module = self.old(package, f"{rule}from ~p.command import C\n")
        done(
            package.save(
                init=f"{rule}from ~p.command import C, G\nfrom . import deco, more\n",
                command="from . import deco\nclass C: pass\nG = deco.MADE\n",
                deco=deco,
                more="",
            )
        )
        assert module.G == 1

    def test_the_next_reload_knows_it(self, package):
        module = self.old(package)
        init = "from . import conf\nfrom ~p.deco import MADE\nfrom ~p.command import C\n"
        done(package.save(init=init, deco="from ~p.command import C as MADE\n"))
        done(
            package.save(
                init=init,
                deco="from ~p.command import G as MADE\n",
                command="class C: pass\nclass G: pass\n",
            )
        )
        assert module.MADE is module.command.G

    def test_a_module_ends_after_what_comes_with_a_new_one(self, package):
        """It was no part of the cycle, and has ended before."""
        module = package.load(
            "early", "late", init="", early="X = 1\n", late="Y = 1\n", user="Z = 1\n"
        )
        done(
            package.save(
                early="from ~p.new import Y\nX = Y + 1\n",
                new="from ~p.late import Y\n",
                late="from . import zero\nY = 5\n",
                zero="",
            )
        )
        assert module.early.X == 6


class TestCycles:
    """What a fresh start finds halfway is found, and what it does not find is not."""

    def test_what_is_there_by_then(self, package):
        module = package.load(
            "one", "two", init="", one="A = 1\nB = 2\n", two="import ~p.one as o\n"
        )
        done(
            package.save(
                init="from ~p import one\n",
                one="A = 10\nfrom ~p.new import N\nB = N + 1\n",
                new="from ~p.two import V as N\n",
                two="import ~p.one as o\nV = o.A + 1\n",
            )
        )
        assert (module.two.V, module.one.B) == (11, 12)

    def test_what_is_not(self, package):
        """A fresh start raises; so all stays as it was, and the new modules are not there."""
        module = package.load("one", init="", one="A = 1\n")
        reload = package.save(
            init="from ~p import one\n",
            one="A = 10\nfrom ~p.new import N\nB = N + 1\n",
            new="from ~p.newer import N\n",
            newer="from ~p.one import B as N\n",
        )
        assert "cannot import name 'B'" in str(reload.errors[0])
        assert module.one.A == 1
        assert not {it for it in sys.modules if it.startswith(f"{package.name}.new")}


class TestModules:
    @pytest.mark.parametrize(
        ("lib", "new"),
        [("", "from ~lib import X as F\n"), ("X = 1\n", "import ~lib\nF = ~lib.X\n")],
        ids=["for a new name", "for what it had"],
    )
    def test_one_that_needs_another_that_was_saved(self, project, lib, new):
        main = project.load("main", "F = 1\n")
        project.load("lib", lib)
        project.engine()
        project.write("zero", "")
        project.write("new", new)
        done(project.save(main="from ~new import F\n", lib="import ~zero\nX = 2\n"))
        assert main.F == 2

    def test_one_that_asks_for_what_is_not_there_halfway(self, project):
        """The cycle begins at the other end, as it does in a fresh start."""
        project.write("two", "V = 1\n")
        project.write("one", "import ~two\n")
        project.load("main", "import ~one\n")
        project.engine()
        project.write("new", "import ~one as o\nN = o.A\n")
        done(
            project.save(
                main="import ~two\n",
                one="import ~two\nA = 10\n",
                two="from ~new import N\nV = N\n",
            )
        )
        assert sys.modules[f"{project.prefix}two"].V == 10

    def test_one_that_needs_what_follows_another(self, project):
        main = project.load("main", "F = 1\n")
        project.load("lib", "X = 1\n")
        project.load("kept", "from ~lib import X\nY = X * 2\n")
        project.engine()
        project.write("new", "from ~kept import Y\nF = Y + 1\n")
        done(project.save(main="from ~new import F\n", lib="X = 5\n"))
        assert main.F == 11

    def test_one_that_is_imported_by_who_was_not_saved(self, project):
        project.load("flags", "ON = False\n")
        user = project.load("user", "from ~flags import ON\nif ON:\n    from ~new import F\n")
        project.load("lib", "")
        project.engine()
        project.write("new", "from ~lib import X as F\n")
        done(project.save(flags="ON = True\n", lib="X = 2\n"))
        assert user.F == 2

    def test_one_that_does_not_parse_is_what_is_wrong(self, project):
        main = project.load("main", "F = 1\n")
        project.engine()
        project.write("new", "from ~main import (\n")
        reload = project.save(main="from ~new import F\n")
        assert "SyntaxError" in str(reload.errors[0])
        assert main.F == 1

    def test_each_is_read_once_and_no_other_is(self, project, tmp_path_factory, monkeypatch):
        """Nothing is looked into that is not below the roots."""
        size = 30
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        (elsewhere / f"{project.prefix}far.py").write_text("")
        monkeypatch.syspath_prepend(str(elsewhere))
        main = project.load("main", "")
        project.engine()
        for at in range(size):
            others = "".join(f"import ~new{it}\n" for it in range(size))
            project.write(f"new{at}", f"import ~far\n{others}")
        text = "".join(f"import ~new{at}\nimport ~far\n" for at in range(size))
        asked = []
        read = version.read
        monkeypatch.setattr(version, "read", lambda path: asked.append(path) or read(path))
        done(project.save(main=text))
        assert hasattr(main, f"{project.prefix}new0")
        assert len(asked) <= size + 3
        assert not [path for path in asked if path.startswith(str(elsewhere))]

    def test_nothing_is_left_to_the_collector(self, project):
        project.load("main", "F = 1\n")
        project.load("lib", "")
        project.engine()
        project.write("new", "from ~lib import X as F\n")
        done(project.save(main="from ~new import F\n", lib="X = 2\n"))
        gc.collect()
        gc.disable()
        try:
            project.write("newer", "from ~lib import Z as F\n")
            done(project.save(main="from ~newer import F\n", lib="X = 2\nZ = 3\n"))
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = [it for it in gc.garbage if type(it).__module__.startswith("mighty_patcher")]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert not left
