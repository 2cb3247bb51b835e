"""Who imports whom: from sources alone, among loaded modules, and as `--explain` says it."""

from __future__ import annotations

import ast
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import write

from mighty_patcher.engine.dependencies import (
    Graph,
    Sources,
    Unknown,
    Use,
    graph_of_loaded,
    uses_of,
)
from mighty_patcher.explain import explain, main


def found(source: str, name: str = "shop.cart", package: str = "") -> list[str]:
    uses = uses_of(ast.parse(textwrap.dedent(source)), name, package)
    return [
        f"{use.line}:?" if isinstance(use, Unknown) else f"{use.line}:{use.module}:{use.name}"
        for use in uses
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a", ["1:a:"]),
        ("import a.b.c", ["1:a.b.c:", "1:a.b:", "1:a:"]),
        ("import a.b.c as d", ["1:a.b.c:"]),
        ("from a.b import c as d, e", ["1:a.b:c", "1:a.b:e"]),
        ("from . import prices", ["1:shop:prices"]),
        ("from .prices import *", ["1:shop.prices:*"]),
        ("from .. import beyond", []),
        ("from ... import beyond", []),
        ("if 1:\n  import a\nelse:\n  import b", ["2:a:", "4:b:"]),
        ("try:\n  import a\nexcept ImportError:\n  import b", ["2:a:", "4:b:"]),
        ("if TYPE_CHECKING:\n  import a\nelse:\n  import b", ["4:b:"]),
        ("if not t.TYPE_CHECKING:\n  import a\nelse:\n  import b", ["2:a:"]),
        ("def f():\n  async def g():\n    import a", ["3:a:"]),
        ("class C:\n  from a import b", ["2:a:b"]),
        ("x = lambda: __import__('a')", ["1:a:"]),
        ("import importlib\nimportlib.import_module('a.b')", ["1:importlib:", "2:a.b:"]),
        (
            "import importlib as i\ni.import_module('.b', package=__package__)",
            ["1:importlib:", "2:shop.b:"],
        ),
        (
            "from importlib import import_module as load\nload('.b', 'other')\nload(name='c')",
            ["1:importlib:import_module", "2:other.b:", "3:c:"],
        ),
        ("import_module('a')\nother.import_module('b')", []),
    ],
)
def test_what_a_source_imports(source: str, expected: list[str]) -> None:
    assert found(source) == expected


def test_an_import_that_only_running_tells() -> None:
    assert found("import importlib\nimportlib.import_module(name)\n__import__(f())") == [
        "1:importlib:",
        "2:?",
        "3:?",
    ]


def test_a_package_is_its_own_package() -> None:
    assert found("from .cart import Cart", "shop", "shop") == ["1:shop.cart:Cart"]


@pytest.mark.skipif(sys.version_info < (3, 15), reason="PEP 810 is new in 3.15")
def test_lazy_imports() -> None:
    assert found("lazy import a.b as c\nlazy from .d import e") == ["1:a.b:", "2:shop.d:e"]


def test_where_it_stands() -> None:
    (use,) = uses_of(ast.parse("class A:\n  def f(self):\n    import b"), "m", "")
    assert (use.where, str(use)) == ("A.f", "import b, in A.f()")


def graph(**imports: str) -> Graph:
    return Graph.of(
        {name: [Use(one, "", 1, "") for one in them.split()] for name, them in imports.items()}
    )


def test_the_nearest_come_first_and_cycles_end() -> None:
    made = graph(a="b", b="c", c="a d", d="", e="a c")
    assert made.dependents("d") == {"c": "d", "b": "c", "e": "c", "a": "b"}
    assert made.dependencies("a") == {"b": "a", "c": "b", "d": "c"}
    assert list(made.dependents("a")) == ["c", "e", "b"]
    assert made.dependents("unknown") == {} == made.dependencies("unknown")


def test_submodules_are_meant_where_they_are_known() -> None:
    uses = {"m": [Use("p", "sub", 1, ""), Use("p", "X", 2, "")], "p": [], "p.sub": []}
    assert list(Graph.of(uses).dependencies("m")) == ["p.sub", "p"]
    assert list(Graph.of({"m": uses["m"], "p": []}).dependencies("m")) == ["p"]


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_what_loaded_modules_hold_is_known_and_nothing_is_run(loaded: Path) -> None:
    write(
        loaded,
        {
            "depbase.py": "def f(): pass\nclass C: pass",
            "depdyn.py": "f = getattr(__import__('dep' + 'base'), 'f')",
            "depcls.py": "C = getattr(__import__('dep' + 'base'), 'C')",
            "depmod.py": "held = __import__('dep' + 'base')",
            "depget.py": "def __getattr__(name): raise AssertionError(name)",
        },
    )
    for name in ("depdyn", "depcls", "depmod", "depget"):
        __import__(name)
    modules = [module for name, module in sys.modules.items() if name.startswith("dep")]
    made = graph_of_loaded(modules, Sources())
    assert set(made.dependents("depbase")) == {"depdyn", "depcls", "depmod"}
    assert made.dependencies("depget") == {}


@pytest.mark.skipif(sys.version_info < (3, 15), reason="PEP 810 is new in 3.15")
def test_a_lazy_import_stays_lazy(loaded: Path) -> None:
    write(loaded, {"depheavy.py": "raise AssertionError", "depuser.py": "lazy import depheavy"})
    user = __import__("depuser")
    made = graph_of_loaded([user], Sources())
    assert made.dependencies("depuser") == {}  # depheavy is not loaded
    assert "depheavy" not in sys.modules


def test_a_source_that_changes_is_read_again(tmp_path: Path) -> None:
    file, sources = tmp_path / "m.py", Sources()
    file.write_text("import a", "utf-8")
    first = sources.uses(str(file), "m", "")
    assert sources.uses(str(file), "m", "") is first
    file.write_text("import b", "utf-8")
    assert [str(use) for use in sources.uses(str(file), "m", "")] == ["import b"]


# ---- explain

SHOP = {
    "shop/__init__.py": "from .cart import Cart\nprint('run!')",
    "shop/cart.py": "from shop import prices\nimport json\nclass Cart: pass",
    "shop/prices.py": "raise AssertionError('run!')",
    "shop/plugins.py": "import importlib\nfor n in 'ab':\n    importlib.import_module(n)",
    "main.py": "def start():\n    from shop import Cart",
    "broken.py": "def f(:\n",
    "alone.py": "",
}


def test_explain_says_what_an_edit_can_reach(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, SHOP)
    assert main(["shop.prices", "alone"], [str(tmp_path)]) == 0
    printed = capsys.readouterr()
    assert printed.out == textwrap.dedent(
        """\
        shop.prices  (shop/prices.py)
          an edit of it can reach 3 modules:
            shop.cart  shop/cart.py:1      from shop import prices
            shop       shop/__init__.py:1  from shop.cart import Cart  (through shop.cart)
            main       main.py:2           from shop import Cart, in start()  (through shop)
          shop/plugins.py:3 imports a module that only running tells

        alone  (alone.py)
          no module below the roots imports it
          shop/plugins.py:3 imports a module that only running tells
        """
    )
    assert "left out: " in printed.err
    assert "broken.py:1: " in printed.err
    assert "shop" not in sys.modules


def test_explain_takes_the_path_of_a_file_and_knows_src(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "src", SHOP)
    monkeypatch.chdir(tmp_path)
    assert explain("src/shop/cart.py").startswith("shop.cart  (shop/cart.py)\n")
    assert "\n  it needs shop.prices\n" in explain("shop.cart")


def test_explain_refuses_what_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, SHOP)
    assert main(["shop.none"], [str(tmp_path)]) == 2
    assert (
        capsys.readouterr().err
        == f"mighty-patcher: there is no module shop.none below {tmp_path}\n"
    )
    with pytest.raises(ModuleNotFoundError, match=r"shop\.none"):
        explain("shop.none", [tmp_path])


def test_the_sources_of_the_standard_library() -> None:
    """Real sources, whose imports nobody has written for this test."""
    sources, folder = Sources(), Path(ast.__file__).parent
    uses = {
        f"email.{path.stem}": sources.uses(str(path), f"email.{path.stem}", "email")
        for path in sorted((folder / "email").glob("*.py"))
    }
    made = Graph.of(uses)
    assert "email.message" in made.dependents("email._policybase")
    assert str(made.why("email.message", "email.utils")) == "from email import utils"
