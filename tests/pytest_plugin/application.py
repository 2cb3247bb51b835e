"""A small application and its tests, in which every ``[name]`` is a number that can be edited.

Each place stands for another way in which what a test comes to depends on what is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

PLACE = re.compile(r"\[\[(\w+)\]\]")

FILES = {
    "shop/__init__.py": "",
    "shop/rates.py": """
        import functools

        RATE = [[constant]]
        TABLE = {"a": [[in_a_table]]}

        def plain(value):
            return value + [[in_a_body]]

        def defaulted(value, more=[[in_a_default]]):
            return value + more

        def documented():
            "[[in_a_docstring]]"

        @functools.lru_cache
        def cached(value):
            return inner_of_cached(value)

        def inner_of_cached(value):
            return value * [[below_a_cache]]

        def unused():
            return [[unused]]
        """,
    "shop/tools.py": """
        import threading

        def adding(number):
            def decorate(function):
                def wrapper(*args):
                    return function(*args) + number + [[in_a_wrapper]]
                return wrapper
            return decorate

        def counting():
            number = [[where_a_generator_begins]]
            while True:
                yield number + [[where_a_generator_goes_on]]

        def by_key(item):
            return item * [[in_a_callback]]

        def on_a_thread(found):
            found.append([[on_a_thread]])

        def threaded():
            found = []
            thread = threading.Thread(target=on_a_thread, args=(found,))
            thread.start()
            thread.join()
            return found

        double = lambda it: it * [[in_a_lambda]]

        def made_by_exec():
            space = {}
            exec("def made(): return [[in_a_string]]", space)
            return space["made"]

        MADE = made_by_exec()
        """,
    "shop/models.py": """
        from dataclasses import dataclass
        from shop import rates, tools

        NUMBERS = tools.counting()
        FIRST = rates.plain(0)

        class Base:
            factor = [[in_a_class]]

            def total(self):
                return self.factor + self.extra()

            def extra(self):
                return [[in_a_base]]

            @property
            def size(self):
                return [[in_a_property]]

            @staticmethod
            def still():
                return [[in_a_staticmethod]]

        class Item(Base):
            def extra(self):
                return super().extra() + [[in_a_subclass]]

        @dataclass
        class Point:
            x: int = [[in_a_field]]

            def far(self):
                return self.x + sum(it + [[in_a_genexpr]] for it in range(2))

        @tools.adding([[in_a_decorator]])
        def decorated(value):
            return value + [[below_a_decorator]]

        _instance = None

        def instance():
            global _instance
            if _instance is None:
                _instance = make()
            return _instance

        def make():
            return [[kept_in_a_global]]

        class Field:
            def __set_name__(self, owner, name):
                self.value = [[when_a_class_is_made]]

        class Form:
            field = Field()
        """,
    "shop/lazy.py": """
        from shop.rates import RATE

        LIMIT = RATE + [[imported_late]]
        """,
    "shop/plugins.py": """
        VALUE = [[imported_by_name]]
        """,
    "shop/script.py": """
        print([[in_another_process]])
        """,
    "conftest.py": """
        import pytest
        from shop.models import Item

        SHARED = [[in_a_conftest]]

        @pytest.fixture(scope="session")
        def item():
            item = Item()
            yield item
            item.ended = [[when_a_fixture_ends]]

        @pytest.fixture
        def shared():
            return SHARED + [[in_a_fixture]]

        @pytest.fixture(params=[1, [[in_parameters_of_a_fixture]]])
        def several(request):
            return request.param

        @pytest.fixture
        def tell(record_property):
            return lambda value: record_property("value", repr(value))

        def pytest_generate_tests(metafunc):
            if "generated" in metafunc.fixturenames:
                metafunc.parametrize("generated", [[[in_a_hook]]], ids=["one"])
        """,
    "tests/test_rates.py": """
        import pytest
        from shop import rates
        from shop.rates import RATE, plain

        HERE = [[in_a_test_module]]

        def test_constant(tell):
            tell(RATE)

        def test_table(tell):
            tell(rates.TABLE["a"])

        def test_plain(tell):
            tell(plain(1))

        def test_default(tell):
            tell(rates.defaulted(1))

        def test_docstring(tell):
            tell(rates.documented.__doc__)

        def test_cached(tell):
            tell(rates.cached(1))

        def test_cached_too(tell):
            tell(rates.cached(1))

        def test_here(tell):
            tell(HERE + [[in_a_test]])

        @pytest.mark.parametrize("value", [[[in_a_mark]]], ids=["value"])
        def test_marked(tell, value):
            tell(value)

        @pytest.mark.parametrize("value", [plain(2)], ids=["value"])
        def test_computed_mark(tell, value):
            tell(value)

        @pytest.mark.skipif(plain(0) > 500, reason="plain")
        def test_skipped(tell):
            tell(0)
        """,
    "tests/test_models.py": """
        import importlib
        import subprocess
        import sys
        from shop import models, tools

        class TestItem:
            extra = [[in_a_test_class]]

            def test_total(self, item, tell):
                tell(item.total() + self.extra)

            def test_size(self, item, tell):
                tell(item.size)

            def test_still(self, tell):
                tell(models.Base.still())

        def test_point(tell):
            tell(models.Point().far())

        def test_decorated(tell):
            tell(models.decorated(1))

        def test_instance(tell):
            tell(models.instance())

        def test_instance_too(tell):
            tell(models.instance())

        def test_form(tell):
            tell(models.Form.field.value)

        def test_first(tell):
            tell(models.FIRST)

        def test_number(tell):
            tell(next(models.NUMBERS))

        def test_number_too(tell):
            tell(next(models.NUMBERS))

        def test_threaded(tell):
            tell(tools.threaded())

        def test_sorted(tell):
            tell(sorted([3, 1, -2], key=tools.by_key))

        def test_lambda(tell):
            tell(tools.double(1))

        def test_exec(tell):
            tell(tools.MADE())

        def test_lazy(tell):
            from shop.lazy import LIMIT
            tell(LIMIT)

        def test_lazy_too(tell):
            from shop.lazy import LIMIT
            tell(LIMIT)

        def test_by_name(tell):
            tell(importlib.import_module("".join(["shop.", "plugins"])).VALUE)

        def test_process(tell):
            tell(subprocess.check_output([sys.executable, "shop/script.py"]))

        def test_shared(shared, tell):
            tell(shared)

        def test_several(several, tell):
            tell(several)

        def test_generated(generated, tell):
            tell(generated)
        """,
    "tests/test_alone.py": """
        import unittest

        def test_alone(tell):
            tell([[alone]])

        class TestCase(unittest.TestCase):
            def setUp(self):
                self.number = [[in_a_set_up]]

            def test_case(self):
                assert self.number < 500
        """,
}

PLACES = sorted({name for text in FILES.values() for name in PLACE.findall(text)})

STAYS_OLD = frozenset(
    {
        # What an import has made of the functions that it called stays until it is imported again.
        "in_a_body",
        "in_a_string",
        "in_a_wrapper",
        "when_a_class_is_made",
        # So does what is kept in a global, and where a generator stands.
        "kept_in_a_global",
        "where_a_generator_begins",
        "where_a_generator_goes_on",
    }
)
"""Places of which an edit leaves something old in the process; the tests are chosen nonetheless."""


def filled(numbers: Mapping[str, int]) -> dict[str, str]:
    """Return the files, with numbers in their places."""
    return {
        name: PLACE.sub(lambda match: str(numbers[match[1]]), text) for name, text in FILES.items()
    }
