"""What a cell sees of an edit that was saved before it: names, instances, classes, lines."""

from __future__ import annotations

import textwrap

from shells import Kernel

M = """
    RATE = 5

    def total(count, rate=RATE):
        return count * rate

    class Cart:
        kind = "old"

        def items(self):
            return 1
"""


def test_functions_classes_instances_and_constants(notebook: Kernel) -> None:
    notebook.save("m.py", M)
    notebook.run(
        """
        import m
        from m import RATE as R, RATE, total, Cart
        cart = Cart()
        class Big(Cart):
            def items(self):
                return super().items() * 10
        big = Big()
        def here(rate=RATE):
            return rate, total(2)
        """
    )
    notebook.save("m.py", M.replace("5", "7").replace("return 1", "return 2").replace("old", "new"))
    ran = notebook.run("R, RATE, m.RATE, total(2), cart.items(), big.items(), Big.kind")
    assert ran.value == "(7, 7, 7, 14, 2, 20, 'new')"
    (report,) = ran.reports
    assert report.startswith("reloaded m.py: ")
    assert notebook.value("isinstance(cart, Cart), Cart is m.Cart, here()[1]") == "(True, True, 14)"
    # The default of a function that is defined in a cell is the cell's.
    assert notebook.value("here()[0]") == "5"
    assert notebook.run("R").reports == []


def test_a_name_that_was_bound_long_ago_and_one_that_is_the_users(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\nB = 1\nC = 1\nD = 1\nE = 1\nF = 1\n")
    notebook.run("from m import A, B, C, D, E as e, F")
    notebook.run("B = 1")
    notebook.run("for C in [1]: pass")
    notebook.run("del D")
    notebook.run("e, keep = 1, e")
    notebook.run("from m import A as F")
    for number in (2, 3):
        notebook.save("m.py", "".join(f"{name} = {number}\n" for name in "ABCDE") + "F = 9\n")
        assert notebook.value("A, B, C, 'D' in globals(), e, keep, F") == (
            f"({number}, 1, 1, False, 1, 1, {number})"
        )


def test_a_cell_that_raises_has_imported_what_it_came_to(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\nB = 1\nC = 1\n")
    notebook.run("from m import C")
    ran = notebook.run("from m import A\n1 / 0\nfrom m import B\nC = 1")
    assert "ZeroDivisionError" in ran.error
    notebook.save("m.py", "A = 2\nB = 2\nC = 2\n")
    assert notebook.value("A, C, 'B' in globals()") == "(2, 2, False)"
    assert "SyntaxError" in notebook.run("from m import B +\nA = 2").error
    notebook.save("m.py", "A = 3\nB = 3\nC = 2\n")
    assert notebook.value("A, 'B' in globals()") == "(3, False)"


def test_imports_in_blocks_and_in_magics(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\nB = 1\nC = 1\n")
    notebook.run("%%capture\ntry:\n    from m import A\nexcept ImportError:\n    A = 0")
    notebook.run("%time from m import B as b")
    notebook.run("%%time\n%matplotlib --list\nif True:\n    from m import C\n!true")
    notebook.save("m.py", "A = 2\nB = 2\nC = 2\n")
    assert notebook.value("A, b, C") == "(2, 2, 2)"


def test_everything_from_a_module(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\nB = 1\nGONE = 1\n_D = 1\ndef f(): return A\n")
    notebook.run("from m import *\nfrom m import GONE as kept")
    notebook.run("B = 1\nTHEIRS = 0")
    notebook.save("m.py", "A = 2\nB = 2\nNEW = 2\nTHEIRS = 2\n_D = 2\ndef f(): return A\n")
    assert notebook.value("A, B, NEW, THEIRS, f()") == "(2, 1, 2, 0, 2)"
    assert notebook.value("'GONE' in globals(), kept, '_D' in globals()") == "(False, 1, False)"
    notebook.save("m.py", "A = 3\nNEW = 3\ndef f(): return A\n")
    assert notebook.value("A, NEW, f()") == "(3, 3, 3)"
    assert "undone" in notebook.run("%mighty undo").out
    assert notebook.value("A, NEW, f()") == "(2, 2, 2)"


def test_names_through_another_module(notebook: Kernel) -> None:
    notebook.save("shop/__init__.py", "from .rates import RATE")
    notebook.save("shop/rates.py", "RATE = 1")
    notebook.run("from shop import RATE, rates")
    notebook.save("shop/rates.py", "RATE = 2")
    ran = notebook.run("RATE, rates.RATE")
    assert ran.value == "(2, 2)"
    assert ran.reports == ["reloaded shop/rates.py: ran RATE; rebound 2 names"]


def test_lines_that_moved(notebook: Kernel) -> None:
    """IPython #14900."""
    text = "def f():\n    raise ValueError('old')\n"
    notebook.save("m.py", text)
    notebook.run("from m import f")
    assert "----> 2     raise ValueError('old')" in notebook.run("f()").error
    notebook.save("m.py", f"# one\n\n# two\n\n{text}")
    ran = notebook.run("f()")
    assert "----> 6     raise ValueError('old')" in ran.error
    assert ran.reports == ["reloaded m.py: lines moved"]
    notebook.save("m.py", f"# one\n{text.replace('old', 'new')}")
    assert "----> 3     raise ValueError('new')" in notebook.run("f()").error


def test_the_source_and_the_help_are_new(notebook: Kernel) -> None:
    notebook.save("m.py", 'def f(count):\n    """Old words."""\n')
    notebook.run("from m import f")
    assert "Old words." in notebook.run("f?").pages
    notebook.save("m.py", '\n\ndef f(number):\n    """New words."""\n    return number + 1\n')
    assert "return number + 1" in notebook.run("f??").pages
    page = notebook.run("f?").pages
    assert "f(number)" in page
    assert "New words." in page


def test_timeit(notebook: Kernel) -> None:
    notebook.save("m.py", "def f():\n    return 1\n")
    notebook.run("from m import f")
    notebook.save("m.py", "seen = []\n\ndef f():\n    seen.append(2)\n    return 2\n")
    ran = notebook.run("%timeit -n 3 -r 2 f()\nimport m\nlen(m.seen)")
    assert ran.value == "6"
    assert "loop" in ran.out


def test_what_is_written_and_imported_in_one_cell(notebook: Kernel) -> None:
    cell = """
        with open("m.py", "w") as file:
            _ = file.write("print('ran')\\nA = 1\\n")
        from m import A
        """
    assert notebook.run(cell).out == "ran\n"
    ran = notebook.run("A")
    assert (ran.value, ran.out, ran.err) == ("1", "", "")
    notebook.save("m.py", "print('ran')\nA = 2\n")
    ran = notebook.run("A")
    assert (ran.value, ran.out) == ("2", "")


def test_a_file_that_is_saved_after_its_import_in_the_same_cell(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\nB = 1\n")
    notebook.run("from m import A, B\nopen('m.py', 'w').write('A = 1\\nB = 222\\n') and None")
    assert notebook.value("A, B") == "(1, 222)"


def test_a_save_and_then_at_once_a_cell(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 0")
    notebook.run("from m import A")
    for number in range(1, 21):
        notebook.run(f"%%writefile m.py\nA = {number}")
        assert notebook.value("A") == str(number)


def test_modules_from_other_folders(notebook: Kernel) -> None:
    notebook.save("far/lib/shop/__init__.py", "")
    notebook.save("far/lib/shop/cart.py", "A = 1")
    notebook.save("far/space/deep/part.py", "A = 1")
    notebook.save("far/flat/single.py", "A = 1")
    ran = notebook.run(
        """
        import sys
        sys.path += ["far/lib", "far", "far/flat"]
        from shop.cart import A as a
        from space.deep.part import A as b
        from single import A as c
        %mighty
        """
    )
    assert "far" not in ran.out
    out = notebook.run("%mighty").out
    assert "far/flat, far/lib/shop, far/space/deep" in out
    for name in ("lib/shop/cart", "space/deep/part", "flat/single"):
        notebook.save(f"far/{name}.py", "A = 2")
    ran = notebook.run("a, b, c")
    assert ran.value == "(2, 2, 2)"
    (report,) = ran.reports
    assert all(it in report for it in ("shop/cart.py", "space/deep/part.py", "single.py"))


def test_what_fails_is_shown_once_and_tried_again(notebook: Kernel) -> None:
    notebook.save("m.py", "A = 1\n")
    notebook.run("from m import A")
    notebook.save("m.py", "A = 2\n1 / 0\n")
    ran = notebook.run("A")
    assert ran.value == "1"
    assert "m.py:2: raised ZeroDivisionError: division by zero; its names are" in ran.reports[0]
    assert "    1 / 0" in ran.err
    ran = notebook.run("A")
    assert (ran.value, ran.err) == ("1", "")
    assert "ZeroDivisionError" in notebook.run("%mighty errors").out
    notebook.save("m.py", "A = 3 +\n")
    ran = notebook.run("A")
    assert ran.value == "1"
    assert "invalid syntax" in ran.err
    assert notebook.run("A").err == ""
    assert "errors    m.py: see %mighty errors" in notebook.run("%mighty").out
    notebook.save("m.py", "A = 4\n")
    ran = notebook.run("A")
    assert (ran.value, ran.reports) == ("4", ["reloaded m.py: ran A; rebound 1 name"])
    assert notebook.run("%mighty errors").out == "none: what is saved is what runs\n"


def test_what_raises_is_tried_again_when_another_file_is_saved(notebook: Kernel) -> None:
    notebook.save("m.py", "import n\nA = 1\n")
    notebook.save("n.py", "")
    notebook.run("from m import A")
    notebook.save("m.py", "import n\nA = n.B\n")
    assert "AttributeError" in notebook.run("A").err
    notebook.save("n.py", "B = 5\n")
    assert notebook.value("A") == "5"


def test_a_class_made_in_a_cell_of_a_data_class(notebook: Kernel) -> None:
    """The cell is not executed again, which is said."""
    text = """
        import dataclasses

        @dataclasses.dataclass
        class Point:
            x: int = 1
        """
    notebook.save("m.py", text)
    notebook.run("from m import Point\nimport dataclasses\n")
    notebook.run("@dataclasses.dataclass\nclass Far(Point):\n    z: int = 0\n")
    notebook.save("m.py", textwrap.dedent(text) + "    y: int = 2\n")
    ran = notebook.run("Point().y")
    assert ran.value == "2"
    assert "stale: class __main__.Far" in ran.err


def test_an_application_that_logs_has_the_reports(notebook: Kernel) -> None:
    notebook.save("m.py", "def f(): return 1\n")
    notebook.run(
        """
        import logging, sys
        logging.basicConfig(level="INFO", stream=sys.stdout, format="log: %(message)s")
        from m import f
        """
    )
    notebook.save("m.py", "def f(): return 2\n")
    ran = notebook.run("f()")
    assert ran.err == ""
    assert "reloaded m.py: patched f" in ran.out
    notebook.run("import logging; logging.root.handlers.clear(); logging.root.setLevel('WARNING')")


def test_a_folder_that_has_gone(notebook: Kernel) -> None:
    notebook.save("lib/shop/__init__.py", "A = 1")
    notebook.save("m.py", "def f(): return 1\n")
    notebook.run("import sys, shutil\nsys.path.append('lib')\nfrom shop import A\nfrom m import f")
    notebook.run("shutil.rmtree('lib')")
    notebook.save("m.py", "def f(): return 2\n")
    assert notebook.value("f(), A") == "(2, 1)"


def test_a_folder_that_goes_and_comes_back(notebook: Kernel) -> None:
    """As when somebody goes to another branch, and returns."""
    for path in ("shop/__init__.py", "shop/cart.py"):
        notebook.save(path, "A = 1")
    notebook.run("from shop.cart import A\nimport shutil")
    notebook.run("shutil.rmtree('shop')")
    assert notebook.value("A") == "1"
    notebook.save("shop/__init__.py", "A = 1")
    notebook.save("shop/cart.py", "A = 2")
    assert notebook.value("A") == "2"
    notebook.save("shop/cart.py", "A = 3")
    assert notebook.value("A") == "3"


def test_processes_that_a_cell_forks(notebook: Kernel) -> None:
    notebook.save("m.py", "def f(): return 1\n")
    ran = notebook.run(
        """
        import os, warnings
        from m import f
        warnings.simplefilter("ignore")
        child = os.fork()
        if not child:
            os._exit(f() + 40)
        os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        """
    )
    assert ran.value == "41"
    notebook.save("m.py", "def f(): return 2\n")
    assert notebook.value("f()") == "2"
