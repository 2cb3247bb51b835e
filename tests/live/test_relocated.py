"""A module that becomes a package, and a package that becomes a module: it is the same module, and
goes on with what it has.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping

import pytest
from program import Live, Program, Report

CART = """
    from .prices import RATE
    from . import prices
    import os

    CARTS = []
    HERE = os.path.basename(__file__)

    class Cart:
        def __init__(self):
            CARTS.append(self)

        def total(self):
            return 10 * RATE

    def make():
        return Cart()

    def rounds():
        while True:
            yield
"""
INIT = """
    from ..prices import RATE
    from .. import prices
    import os
    from .model import Cart

    CARTS = []
    HERE = os.path.basename(__file__)

    def make():
        "Make one."
        return Cart()

    def rounds():
        while True:
            yield
"""
MODEL = """
    from ..prices import RATE

    class Cart:
        def __init__(self):
            from shop.cart import CARTS
            CARTS.append(self)

        def total(self):
            return 20 * RATE
"""
MAIN = """
    import os
    from shop.cart import Cart, make
    from shop import cart
    import shop.cart as module

    one = make()
    total = one.total
    rounds = module.rounds()
    next(rounds)

    def place():
        path = os.path.relpath(make.__code__.co_filename)
        assert rounds.gi_code.co_filename == make.__code__.co_filename
        return path.replace(os.sep, "/"), module.__package__, hasattr(module, "__path__")
"""
FILES = {"shop/__init__.py": "", "shop/prices.py": "RATE = 3\n", "shop/cart.py": CART}


@pytest.fixture
def program(live: Live) -> Program:
    program = live({**FILES, "main.py": MAIN})
    program.do("kept = module.CARTS, module, module.__dict__")
    return program


def moved(program: Program, gone: str, files: Mapping[str, str]) -> Report:
    """Put files in the place of another one, or of a folder, in one batch."""
    path = program.root / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name, text in files.items():
        program.write(name, text)
    return program.next_report()


def to_package(program: Program, init: str = INIT) -> Report:
    files = {"shop/cart/model.py": MODEL, "shop/cart/__init__.py": init}
    return moved(program, "shop/cart.py", files)


def is_a_module(program: Program, total: int = 30) -> None:
    program.expect("place()", "('shop/cart.py', 'shop', False)")
    program.expect("total(), one.total(), Cart().total()", str((total,) * 3))
    program.expect("module.HERE, make.__doc__", "('cart.py', None)")
    program.expect("kept == (module.CARTS, module, vars(module)) and module is cart", "True")
    program.expect("type(one) is Cart is module.Cart, Cart.__module__", "(True, 'shop.cart')")


def is_a_package(program: Program, total: int = 60) -> None:
    program.expect("place()", "('shop/cart/__init__.py', 'shop.cart', True)")
    program.expect("total(), one.total(), Cart().total()", str((total,) * 3))
    program.expect("module.HERE, make.__doc__", "('__init__.py', 'Make one.')")
    program.expect("kept == (module.CARTS, module, vars(module)) and module is cart", "True")
    program.expect("type(one) is Cart is module.Cart, Cart.__module__", "(True, 'shop.cart.model')")
    program.expect("module.__spec__.submodule_search_locations == module.__path__", "True")


def test_a_module_becomes_a_package_and_a_module_again(program: Program) -> None:
    report = to_package(program)
    assert not report.errors, report
    assert "shop.cart.__file__" in report.rebound
    is_a_package(program)
    program.edit("shop/cart/model.py", "20 * RATE", "30 * RATE")
    is_a_package(program, 90)
    program.edit("shop/prices.py", "RATE = 3", "RATE = 4")
    is_a_package(program, 120)

    report = moved(program, "shop/cart", {"shop/cart.py": CART})
    assert not report.errors, report
    is_a_module(program, 40)
    program.edit("shop/cart.py", "10 * RATE", "11 * RATE")
    is_a_module(program, 44)


def test_only_what_reads_its_place_is_executed(program: Program) -> None:
    """Imports with the dots that they have to have in the package are what they were."""
    init = CART.replace("from .prices", "from ..prices").replace("from . import", "from .. import")
    report = moved(program, "shop/cart.py", {"shop/cart/__init__.py": init})
    steps = [it["qualname"] for it in report.event["steps"] if it["kind"] == "ran"]
    assert (report.ok, steps, report.stale) == (True, ["HERE"], {})
    program.expect("place()", "('shop/cart/__init__.py', 'shop.cart', True)")
    program.expect("total(), module.HERE, len(module.CARTS)", "(30, '__init__.py', 1)")


def test_renamed_as_it_is(live: Live) -> None:
    """``git mv cart.py cart/__init__.py``, and back."""
    program = live({"cart.py": "def f(): return 1\nX = []\n", "main.py": "import cart"})
    program.do("x = cart.X")
    file, package = program.root / "cart.py", program.root / "cart/__init__.py"
    package.parent.mkdir()
    file.rename(package)
    assert program.next_report().rebound == {"cart.__file__"}
    program.expect("cart.f(), cart.X is x, len(cart.__path__)", "(1, True, 1)")
    program.edit("cart/__init__.py", "return 1", "return 2")
    package.rename(file)
    assert program.next_report().rebound == {"cart.__file__"}
    program.expect("cart.f(), cart.X is x, hasattr(cart, '__path__')", "(2, True, False)")
    program.edit("cart.py", "return 2", "return 3")
    program.expect("cart.f()", "3")


def test_imports_that_mean_something_else_in_the_package_are_executed(live: Live) -> None:
    files = {"shop/__init__.py": "", "shop/prices.py": "RATE = 3\n", "shop/cart.py": CART}
    program = live({**files, "main.py": MAIN})
    package = {"shop/cart/__init__.py": CART, "shop/cart/prices.py": "RATE = 7\n"}
    assert moved(program, "shop/cart.py", package).ok
    program.expect("total(), module.prices.__name__", "(70, 'shop.cart.prices')")


@pytest.mark.parametrize("wrong", ["def", "1 / 0", "from .nowhere import x"])
def test_a_package_that_cannot_be_executed(program: Program, wrong: str) -> None:
    """The module is what it was, and where it was, until that is mended."""
    report = to_package(program, f"{INIT}\n    {wrong}\n")
    program.shows_tracebacks = True
    assert not report.ok
    is_a_module(program)
    program.expect("len(reloader.errors) > 0", "True")
    report = program.save("shop/cart/__init__.py", INIT)
    assert report.ok, report
    is_a_package(program)
    program.expect("reloader.errors", "{}")


def test_undone(program: Program) -> None:
    assert to_package(program).ok
    program.do("reloader.undo()")
    is_a_module(program)
    program.expect("[*map(os.path.basename, reloader.errors)]", "['__init__.py']")
    program.write("shop/cart/__init__.py", INIT)
    assert program.next_report().ok
    is_a_package(program)


def test_the_package_comes_while_the_module_is_there(program: Program) -> None:
    """An import takes the package then; but not an empty one, which is only being made."""
    program.write("shop/cart/__init__.py", "")
    program.no_more_reports()
    is_a_module(program)
    program.write("shop/cart/model.py", MODEL)
    assert program.save("shop/cart/__init__.py", INIT).ok
    is_a_package(program)
    (program.root / "shop/cart.py").unlink()
    program.no_more_reports()
    is_a_package(program)


def test_the_module_was_there_all_the_time(live: Live) -> None:
    """It was hidden by the package, which goes."""
    files = {**FILES, "shop/cart/__init__.py": INIT, "shop/cart/model.py": MODEL}
    program = live({**files, "main.py": MAIN})
    program.do("kept = module.CARTS, module, module.__dict__")
    is_a_package(program)
    assert moved(program, "shop/cart", {}).ok
    is_a_module(program)


def test_loaded_under_two_names(live: Live) -> None:
    one = "def f(): return 1\n"
    main = "import sys\nsys.path.append('src')\nimport m, src.m\nfrom m import f"
    program = live({"src/m.py": one, "main.py": main}, path=["src", "."])
    two = {"src/m/__init__.py": one.replace("1", "2")}
    assert sorted(moved(program, "src/m.py", two).modules) == ["m", "src.m"]
    program.expect(
        "f(), src.m.f(), m is src.m, m.__path__ == src.m.__path__", "(2, 2, False, True)"
    )


def test_an_excluded_module_stays_where_it_was(live: Live) -> None:
    program = live({**FILES, "main.py": MAIN}, excluded=["shop.cart"])
    (program.root / "shop/cart.py").unlink()
    program.write("shop/cart/__init__.py", INIT)
    program.no_more_reports()
    program.expect("place(), total()", "(('shop/cart.py', 'shop', False), 30)")


def test_applied_by_hand(live: Live) -> None:
    program = live({**FILES, "main.py": MAIN}, apply="manual")
    program.do("kept = module.CARTS, module, module.__dict__")
    (program.root / "shop/cart.py").unlink()
    program.write("shop/cart/model.py", MODEL)
    program.write("shop/cart/__init__.py", INIT)
    is_a_module(program)
    program.expect("(reloader.catch_up(), reloader.apply().ok)", "(True, True)")
    is_a_package(program)
