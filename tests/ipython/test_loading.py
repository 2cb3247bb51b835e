"""From ``%load_ext`` to the end of the process."""

from __future__ import annotations

import subprocess
import sys

from shells import LOAD, Start, environ

M = "A = 1\ndef f(): return 1\n"
TWO = "A = 2\ndef f(): return 2\n"


def test_the_package_knows_it_and_imports_nothing_for_it(tmp_path) -> None:
    script = (
        "import sys, mighty_patcher\n"
        "print('load_ipython_extension' in dir(mighty_patcher), 'IPython' in sys.modules)\n"
        "print(callable(mighty_patcher.load_ipython_extension))\n"
        "print(callable(mighty_patcher.unload_ipython_extension), 'IPython' in sys.modules)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=environ(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout == "True False\nTrue\nTrue False\n"


def test_what_was_imported_before(kernel: Start) -> None:
    started = kernel({"m.py": M, "shop/__init__.py": "", "shop/cart.py": "B = 1"}, load=False)
    started.run("from m import A as a, f")
    started.run("import shop.cart\nfrom shop.cart import *")
    started.run("A = 1")
    started.run(LOAD)
    started.save("m.py", TWO)
    started.save("shop/cart.py", "B = 2\nC = 3")
    assert started.value("a, f(), A, B, C") == "(2, 2, 1, 2, 3)"


def test_twice_anew_and_not_any_more(kernel: Start) -> None:
    started = kernel({"m.py": M})
    assert "already loaded" in started.run(LOAD).out
    started.run("import mighty_patcher\nmighty_patcher.load_ipython_extension(get_ipython())")
    started.run("from m import A, f")
    started.save("m.py", TWO)
    ran = started.run("A, f()")
    assert ran.value == "(2, 2)"
    assert len(ran.reports) == 1
    assert not started.run("%reload_ext mighty_patcher").err
    started.save("m.py", M)
    ran = started.run("A, f()")
    assert ran.value == "(1, 1)"
    assert len(ran.reports) == 1
    threads = "import threading; [it.name for it in threading.enumerate() if 'mighty' in it.name]"
    assert started.value(threads) == "['mighty_patcher']"
    started.run("%unload_ext mighty_patcher")
    assert started.value(threads) == "[]"
    started.save("m.py", TWO)
    ran = started.run("A, f()")
    assert (ran.value, ran.err) == ("(1, 1)", "")
    finders = "import sys; [it for it in sys.meta_path if 'mighty' in type(it).__module__]"
    assert started.value(finders) == "[]"
    for magic in ("autoreload", "aimport", "mighty"):
        assert f"Line magic function `%{magic}` not found" in started.run(f"%{magic}").err
    started.run(LOAD)
    assert "version" in started.run("%mighty").out


def test_as_the_configuration_says(kernel: Start, tmp_path) -> None:
    profile = tmp_path / "home" / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    line = "c.InteractiveShellApp.extensions = ['mighty_patcher']\n"
    (profile / "ipython_config.py").write_text(line)
    (profile / "startup").mkdir()
    (profile / "startup" / "first.py").write_text("from m import A\n")
    started = kernel({"m.py": M, "late.py": "B = 1"}, load=False)
    started.run("from late import B")
    started.save("m.py", TWO)
    started.save("late.py", "B = 2")
    assert started.value("A, B") == "(2, 2)"


def test_a_kernel_ends_and_begins_again(kernel: Start) -> None:
    started = kernel({"m.py": M})
    started.run("%mighty now\nfrom m import A, f")
    started.restart()
    assert "not found" in started.run("%mighty").err
    started.run(LOAD)
    started.run("from m import A, f")
    started.save("m.py", TWO)
    assert started.value("A, f()") == "(2, 2)"
    assert started.end() == 0
