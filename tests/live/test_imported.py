"""What the predecessor listed as its limits (SEEDS A8): imported values, registries, leaks."""

from __future__ import annotations

import importlib.util

import pytest
from program import Live

SETTINGS = """
    LIMIT = 10
    NAME = "one"
    PAIR = (1, 2)
    DOUBLE = LIMIT * 2
"""


def test_values_imported_by_name_follow(live: Live) -> None:
    """SEEDS A8: in any module and in ``__main__``, also ``as Y``."""
    program = live(
        {
            "settings.py": SETTINGS,
            "user.py": "from settings import LIMIT as most, NAME\ndef get(): return most, NAME",
            "main.py": "from settings import LIMIT, PAIR as pair\nimport user, settings as s",
        }
    )
    report = program.save("settings.py", SETTINGS.replace("10", "50").replace("one", "two"))
    program.expect("LIMIT, pair, user.get(), s.DOUBLE", "(50, (1, 2), (50, 'two'), 100)")
    assert report.rebound >= {"__main__.LIMIT", "user.most", "user.NAME"}
    assert not report.stale


def test_values_follow_through_packages_that_export_them_again(live: Live) -> None:
    """SEEDS A8: re-exports, relative imports, ``import *``."""
    program = live(
        {
            "pkg/__init__.py": "from .settings import LIMIT\nfrom .settings import *",
            "pkg/settings.py": SETTINGS,
            "pkg/star.py": "from .settings import *\n",
            "pkg/deep.py": "from . import LIMIT as deep\nfrom .star import NAME",
            "main.py": "from pkg import *\nfrom pkg.deep import deep\nimport pkg.star",
        }
    )
    program.save("pkg/settings.py", SETTINGS.replace("10", "50").replace("one", "two"))
    program.expect("LIMIT, NAME, deep", "(50, 'two', 50)")
    program.expect("pkg.LIMIT, pkg.star.NAME, pkg.deep.NAME, pkg.DOUBLE", "(50, 'two', 'two', 100)")


def test_somebody_elses_own_value_is_respected(live: Live) -> None:
    """SEEDS A8: an equal value that was not imported, and a name that was bound anew since."""
    program = live(
        {
            "settings.py": SETTINGS,
            "own.py": "LIMIT = 10",
            "again.py": "from settings import LIMIT\nLIMIT = 99",
            "main.py": "from settings import LIMIT, NAME\nimport own, again\nNAME = 'mine'",
        }
    )
    program.save("settings.py", SETTINGS.replace("10", "50").replace("one", "two"))
    program.expect("LIMIT, NAME, own.LIMIT, again.LIMIT", "(50, 'mine', 10, 99)")


def test_imports_inside_blocks_follow(live: Live) -> None:
    program = live(
        {
            "settings.py": SETTINGS,
            "main.py": """
                try:
                    from settings import LIMIT
                except ImportError:
                    LIMIT = None
                if LIMIT:
                    from settings import NAME
            """,
        }
    )
    program.save("settings.py", SETTINGS.replace("10", "50").replace("one", "two"))
    program.expect("LIMIT, NAME", "(50, 'two')")


def test_imported_values_are_put_back_when_a_later_module_raises(live: Live) -> None:
    program = live(
        {
            "settings.py": SETTINGS,
            "user.py": "from settings import LIMIT\nX = LIMIT\n",
            "main.py": "from settings import LIMIT\nimport user",
        }
    )
    program.shows_tracebacks = True
    program.write("settings.py", SETTINGS.replace("10", "50") + "    1 / 0\n")
    assert not program.next_report().ok
    program.expect("LIMIT, user.LIMIT, user.X", "(10, 10, 10)")


REGISTRY = """
    handlers = []

    def register(function):
        handlers.append(function)
        return function
"""


def test_a_registry_gets_nothing_twice(live: Live) -> None:
    """SEEDS A8: the edit of a body executes no decorator, and what is registered is new."""
    program = live(
        {
            "registry.py": REGISTRY,
            "views.py": """
                from registry import register

                @register
                def index():
                    return "old index"

                @register
                def about():
                    return "about"
            """,
            "main.py": "import registry, views",
        }
    )
    report = program.edit("views.py", "old index", "new index")
    assert report.patched == {"index"}
    program.expect("[h() for h in registry.handlers]", "['new index', 'about']")


@pytest.mark.skipif(importlib.util.find_spec("django") is None, reason="Django is not installed")
def test_a_model_file_of_django(live: Live) -> None:
    """SEEDS A8: a method of a model is edited; the model is not registered again."""
    program = live(
        {
            "shop/__init__.py": "",
            "shop/models.py": """
                from django.db import models

                class Product(models.Model):
                    name = models.CharField(max_length=20)

                    class Meta:
                        app_label = "shop"

                    def __str__(self):
                        return f"product {self.name}"

                    @property
                    def shout(self):
                        return self.name.upper()
            """,
            "main.py": """
                import warnings
                with warnings.catch_warnings(action="ignore"):
                    import django
                    from django.conf import settings
                    settings.configure(INSTALLED_APPS=["shop"], USE_TZ=True)
                    django.setup()
                    from shop.models import Product
                tea = Product(name="tea")
            """,
        }
    )
    program.expect("str(tea), tea.shout", "('product tea', 'TEA')")
    report = program.edit("shop/models.py", "product {", "a product: {")
    assert report.ok
    assert report.patched == {"Product.__str__"}
    program.edit("shop/models.py", "self.name.upper()", "self.name.upper() + '!'")
    program.expect("str(tea), tea.shout", "('a product: tea', 'TEA!')")
    program.expect("django.apps.apps.get_model('shop', 'product') is Product", "True")


def test_nothing_is_left_behind_by_three_hundred_reloads(live: Live) -> None:
    """SEEDS A8: neither by edits of bodies nor by runs of the module."""
    text = """
        import functools
        RATE = 0
        table = {"f": lambda: 0}

        def f(x=[]):
            return lambda: 0

        @functools.wraps(f)
        def g():
            return [0 for _ in ()]

        class A:
            def method(self):
                return super().__init__(), 0

            @property
            def size(self):
                return 0
    """
    program = live(
        {"m.py": text, "main.py": "import gc, m, sys\nfrom m import A, f\nkept = A(), f, f()\n"},
        watch=False,
    )
    program.do(
        """
        from pathlib import Path
        template = Path("m.py").read_text()

        def reload(number, run):
            text = template.replace("return lambda: 0", f"return lambda: {number}")
            text = text.replace(", 0\\n", f", {number}\\n").replace("return 0", f"return {number}")
            if run:
                text = text.replace("RATE = 0", f"RATE = {number}")
            Path("m.py").write_text(text)
            assert reloader.reload().ok

        def count(times, run):
            for number in range(times):
                reload(number + 1, run)
            reload(0, run)
            gc.collect()
            return len(gc.get_objects())

        def growth(run):
            count(5, run)
            return count(20, run) - count(130, run)
        """
    )
    program.do("bodies, runs = growth(False), growth(True)")
    program.expect("abs(bodies) < 20, abs(runs) < 20, (bodies, runs)[:0]", "(True, True, ())")


CACHES = """
    import functools

    calls = []

    @functools.lru_cache
    def edited(x): return ("old", x)

    class C:
        @staticmethod
        @functools.cache
        def method(x): return ("old", x)

    @functools.lru_cache
    def kept(x): calls.append(x); return ("kept", x)
"""


def test_a_cache_forgets_what_its_function_would_not_return_any_more(live: Live) -> None:
    """What ``lru_cache`` remembers is a stale reference too; other caches are kept."""
    main = "from m import edited, kept, C, calls\nheld = edited, C.method, kept\n"
    program = live({"m.py": CACHES, "main.py": main})
    old, new = [("old", 1), ("old", 1), ("kept", 1)], [("new", 1), ("new", 1), ("kept", 1)]
    program.expect("[f(1) for f in held], calls", repr((old, [1])))
    program.save("m.py", CACHES.replace('"old"', '"new"'))
    program.expect("[f(1) for f in held], calls", repr((new, [1])))
    program.do("reloader.undo()")
    program.expect("[f(1) for f in held], calls", repr((old, [1])))
