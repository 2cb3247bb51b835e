"""``%autoreload`` and ``%aimport``, as IPython documents them, and beside IPython's own."""

from __future__ import annotations

import pytest
from shells import LOAD, Kernel, Start

M = "A = 1\ndef f(): return 1\n"
TWO = "A = 2\ndef f(): return 2\n"


@pytest.fixture
def fresh(notebook: Kernel) -> Kernel:
    """Three modules, of which a cell has imported one."""
    for name in ("m", "n", "other"):
        notebook.save(f"{name}.py", M)
    notebook.run("import m, n\nfrom m import A, f")
    yield notebook
    notebook.run("%autoreload 2\n%aimport m, n")
    notebook.run(
        """
        import mighty_patcher.ipython
        (session,) = mighty_patcher.ipython._sessions.values()
        session.marked.clear()
        """
    )


def save(notebook: Kernel) -> None:
    for name in ("m", "n", "other"):
        notebook.save(f"{name}.py", TWO)


@pytest.mark.parametrize("mode", ["0", "off", "OFF"])
def test_off(fresh: Kernel, mode: str) -> None:
    fresh.run(f"%autoreload {mode}")
    save(fresh)
    assert fresh.value("m.A, n.A") == "(1, 1)"


@pytest.mark.parametrize("mode", ["", "now"])
def test_now_also_where_it_is_off_but_for_what_is_excluded(fresh: Kernel, mode: str) -> None:
    fresh.run("%autoreload 0\n%aimport -n")
    save(fresh)
    assert fresh.value(f"%autoreload {mode}\nm.A, n.A, f(), A") == "(2, 1, 2, 2)"
    save(fresh)
    assert fresh.value("m.A") == "2"


@pytest.mark.parametrize("mode", ["1", "explicit"])
def test_only_what_was_imported_by_aimport(fresh: Kernel, mode: str) -> None:
    fresh.run(f"%autoreload {mode}\n%aimport m, other")
    save(fresh)
    assert fresh.value("m.A, n.A, other.A") == "(2, 1, 2)"
    assert fresh.value("n.A") == "1"
    fresh.run("%aimport n")
    assert fresh.value("n.A") == "2"


@pytest.mark.parametrize("mode", ["2", "all", "2-"])
def test_all_but_what_is_excluded(fresh: Kernel, mode: str) -> None:
    fresh.run(f"%autoreload {mode}\n%aimport -n")
    save(fresh)
    ran = fresh.run("m.A, n.A, f(), A")
    assert (ran.value, ran.out, ran.err) == ("(2, 1, 2, 2)", "", "")
    fresh.save("n.py", M.replace("1", "3"))
    assert fresh.value("n.A") == "1"
    fresh.run("%aimport n")
    assert fresh.value("n.A, n.f()") == "(3, 3)"


@pytest.mark.parametrize("mode", ["3", "complete"])
def test_names_that_are_new(fresh: Kernel, mode: str) -> None:
    fresh.run(f"%autoreload {mode}")
    fresh.run("mine = 'mine'")
    for name in ("m", "n"):
        fresh.save(f"{name}.py", f"{TWO}new_{name} = 1\nmine = 2\n")
    # Of m, names were imported one by one.
    assert fresh.value("'new_m' in globals(), new_n, mine") == "(False, 1, 'mine')"
    fresh.save("n.py", f"{TWO}new_n = 2\nmine = 3\n")
    assert fresh.value("new_n, mine") == "(2, 'mine')"
    fresh.run("%autoreload 2")
    fresh.save("n.py", f"{TWO}new_n = 2\nnewer = 3\n")
    assert fresh.value("'newer' in globals()") == "False"


def test_what_it_tells(fresh: Kernel) -> None:
    fresh.run("%autoreload 2 --print")
    save(fresh)
    ran = fresh.run("m.A")
    assert sorted(ran.out.splitlines()) == ["Reloading 'm'.", "Reloading 'n'."]
    assert ran.err == ""
    fresh.run(
        """
        import logging
        class Keep(logging.Handler):
            def emit(self, record):
                kept.append((record.levelname, record.getMessage()))
        kept = []
        logging.getLogger("autoreload").addHandler(Keep())
        logging.getLogger("autoreload").setLevel("INFO")
        %autoreload 2 -l
        """
    )
    fresh.save("m.py", M)
    ran = fresh.run("kept")
    assert (ran.value, ran.out) == ("""[('INFO', "Reloading 'm'.")]""", "")
    fresh.run("%autoreload 2 -p -l")
    fresh.save("m.py", TWO)
    ran = fresh.run("len(kept)")
    assert (ran.value, ran.out) == ("2", "Reloading 'm'.\n")
    fresh.run("%mighty on")
    fresh.save("m.py", M)
    assert fresh.run("1").reports == ["reloaded m.py: patched f; ran A; rebound 1 name"]


def test_errors_are_shown_unless_they_are_hidden(fresh: Kernel) -> None:
    fresh.run("%autoreload 2")
    fresh.save("m.py", "A = 2 +\n")
    ran = fresh.run("m.A")
    assert ran.value == "1"
    assert "invalid syntax" in ran.err
    fresh.run("%autoreload 2 --hide-errors")
    fresh.save("m.py", "A = 3 +\n")
    assert fresh.run("m.A").err == ""
    assert "invalid syntax" in fresh.run("%mighty errors").out


def test_a_mode_that_there_is_not(fresh: Kernel) -> None:
    assert "%autoreload knows no '4'; it knows now, off (0)" in fresh.run("%autoreload 4").err


def test_what_aimport_lists_and_binds(fresh: Kernel) -> None:
    fresh.save("shop/__init__.py", "")
    fresh.save("shop/cart.py", "A = 1")
    fresh.run("%autoreload 1\n%aimport other, shop.cart, m as em\n%aimport -n")
    assert fresh.value("other.A, shop.cart.A, em is m") == "(1, 1, True)"
    listed = "Modules to reload:\nm other shop.cart\n\nModules to skip:\nn\n"
    assert fresh.run("%aimport").out == listed
    fresh.run("%autoreload 2")
    assert "Modules to reload:\nall-except-skipped\n" in fresh.run("%aimport").out
    assert "ModuleNotFoundError" in fresh.run("%aimport nothing_there").error
    status = fresh.run("%autoreload 1\n%mighty").out
    assert "only      m, other, shop.cart, marked by %aimport" in status
    assert "never     n" in status


def test_help(fresh: Kernel) -> None:
    assert "It is Mighty Patcher that reloads" in fresh.run("%autoreload?").pages
    assert "do not reload foo, in no mode" in fresh.run("%aimport?").pages


def test_the_real_one_that_is_loaded_already(kernel: Start) -> None:
    started = kernel({"m.py": M}, load=False)
    started.run("%load_ext autoreload\n%autoreload 0")
    started.run(LOAD)
    assert "IPython documents" not in started.run("%autoreload?").pages
    assert "AutoreloadMagics.autoreload" in started.value(
        "m = get_ipython().find_line_magic('autoreload'); m.__func__.__qualname__"
    )
    assert started.value("m.__module__") == "'IPython.extensions.autoreload'"
    started.run("from m import A, f")
    started.save("m.py", TWO)
    assert started.value("A, f()") == "(2, 2)"
    assert "autoreload is on as well" not in started.run("1").err
    started.run("%autoreload 2")
    assert "turn one of them off: %autoreload 0, or %mighty off\n" in started.run("1").err
    assert started.run("1").err == ""
    started.run("%unload_ext mighty_patcher")
    assert started.value("get_ipython().find_line_magic('autoreload').__module__") == (
        "'IPython.extensions.autoreload'"
    )


def test_the_real_one_that_is_loaded_later_wins(kernel: Start) -> None:
    started = kernel({"m.py": M})
    module = "get_ipython().find_line_magic('autoreload').__module__"
    assert started.value(module) == "'mighty_patcher.ipython.autoreload'"
    started.run("%load_ext autoreload")
    assert started.value(module) == "'IPython.extensions.autoreload'"
    started.run("%unload_ext mighty_patcher")
    assert started.value(module) == "'IPython.extensions.autoreload'"
    assert "Line magic function `%mighty` not found" in started.run("%mighty").err
