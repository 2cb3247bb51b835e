"""The definition of a function is found where it is written, and is that of the code that runs."""

from __future__ import annotations

import ast
import importlib
import sys

import pytest

from mighty_patcher.engine.as_written import as_written, do_the_same

SOURCE = '''
import functools
import os.path as at
from json import decoder

def plain(x, y=1, *args, z=2, **kw):
    """Documented."""
    return f"{x!r} {y:>3}", [it for it in args if it], {**kw}, lambda: z

def calls_what_is_imported(x):
    return at.join(x, "a"), decoder.JSONDecoder().decode(x), at

class Plain:
    plain = 1
    def __init__(self, x):
        super().__init__()
        self.__x = x, Plain
    @functools.wraps(plain)
    def wrapped(self): return self.__x
    @classmethod
    def of(cls, x): return cls(
        x
    )
    class Inner:
        def method(self):
            text = """
no margin
"""
            return text, __class__

def make(a):
    def inner(b):
        nonlocal a
        a = b
        return a, plain
    return inner
if True:
    def twice(): return 1
else:
    def twice(): return 2
made = make(1)
'''


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "as_written_m.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    yield importlib.import_module("as_written_m")
    del sys.modules["as_written_m"]


def functions(m):
    plain = vars(m.Plain)
    return [
        *(m.plain, m.calls_what_is_imported, m.make, m.made, m.twice),
        plain["__init__"],
        plain["wrapped"],
        plain["of"].__func__,
        m.Plain.Inner.method,
    ]


@pytest.mark.parametrize("by_tree", [False, True])
def test_every_function_is_found(module, by_tree):
    tree = ast.parse(SOURCE) if by_tree else None
    for function in functions(module):
        found = as_written(function, tree)
        assert found is not None, function
        assert found.name == function.__code__.co_name


def test_in_a_file_that_has_changed(module, tmp_path):
    """Nothing is found that is not what runs; the tree that is in force has it still."""
    text = SOURCE.replace("x, y=1", "y, x=1").replace("self.__x = x", "self.__y = x")
    (tmp_path / "as_written_m.py").write_text(text)
    assert as_written(module.plain) is None
    assert as_written(module.Plain.__init__) is None
    assert as_written(module.Plain.__init__, ast.parse(SOURCE)) is not None
    assert as_written(module.Plain.Inner.method) is not None
    (tmp_path / "as_written_m.py").unlink()
    assert as_written(module.Plain.Inner.method) is None


def test_what_has_no_text():
    namespace = {}
    exec("def f(): pass", namespace)
    assert as_written(namespace["f"]) is None
    assert as_written(lambda: 1) is None


def test_codes_that_do_the_same(module):
    def again(source):
        namespace = {}
        exec(compile(source, "other", "exec", dont_inherit=True), namespace)
        return namespace["plain"].__code__

    mine = module.plain.__code__
    assert do_the_same(mine, again("\n\n" + SOURCE))
    for old, new in [("y:>3", "y:>4"), ("if it]", "if not it]"), ("lambda: z", "lambda: y")]:
        assert not do_the_same(mine, again(SOURCE.replace(old, new)))
