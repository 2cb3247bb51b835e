"""Wrappers that have the very annotations and defaults of what they wrap."""

from __future__ import annotations

import inspect
import sys

import pytest

EXTRACT = """
import functools
class Extract:
    def __call__(self, url: str, names: int = 1) -> str:
        return url
    def others(self, it: int): return it
EXTRACT = Extract()
@functools.wraps(EXTRACT.__call__)
def extract(*args, **kwargs):
    return EXTRACT(*args, **kwargs)
@functools.wraps(Extract.others)
def others(*args): return EXTRACT.others(*args)
def plain(it: int): return it
"""

RENAMED = """
def renamed(name, function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)
    inner.__name__ = name
    inner.__kwdefaults__ = function.__kwdefaults__
    return inner
def nested(*, opens="(", closes=")"):
    return opens + closes
def plain(*, it=1): return it
Nested = renamed("Nested", nested)
"""


@pytest.fixture
def module(project):
    module = project.load("m", EXTRACT)
    project.engine()
    return module


@pytest.mark.parametrize("annotation", ["str, *, also: bytes", "'list[str]'", "list"])
def test_annotations(project, module, annotation):
    extract, others, before = module.extract, module.others, dict(module.extract.__annotations__)
    new = f"url: {annotation}, names"
    reload = project.edit("m", "url: str, names", new)
    assert reload.ok, [it.__cause__ for it in reload.errors]
    fresh = project.load("fresh", EXTRACT.replace("url: str, names", new))
    assert module.extract is extract
    assert extract.__annotations__ == fresh.extract.__annotations__ != before
    assert module.Extract.__call__.__annotations__ == extract.__annotations__
    assert inspect.signature(extract) == inspect.signature(fresh.extract)
    assert others.__annotations__ == {"it": int}
    project.engine().undo()
    assert extract.__annotations__ == before == module.Extract.__call__.__annotations__
    reload = project.edit("m", "others(self, it: int)", "others(self, it)")
    assert reload.ok, [it.__cause__ for it in reload.errors]
    assert others.__annotations__ == {}
    assert module.plain.__annotations__ == {"it": int}
    if sys.version_info >= (3, 14):
        return  # what has no annotations has nothing that makes them: nobody shares it
    reload = project.edit("m", "others(self, it)", "others(self, it: str)")
    assert reload.ok, [it.__cause__ for it in reload.errors]
    assert others.__annotations__ == {"it": str}


def test_the_state_of_others_stays(project, module):
    """Somebody has put another dictionary there, with what is in the first one."""
    module.extract.__annotations__ = {**module.extract.__annotations__, "own": 1}
    reload = project.edit("m", "url: str", "url: bytes")
    assert reload.ok, [it.__cause__ for it in reload.errors]
    assert module.extract.__annotations__["url"] is str
    assert module.Extract.__call__.__annotations__["url"] is bytes


@pytest.mark.parametrize("new", ["opens='['", "opens='(', more=1", ""])
def test_defaults_of_keywords(project, new):
    module = project.load("r", RENAMED)
    project.engine()
    outer, nested, before = module.Nested, module.nested, dict(module.Nested.__kwdefaults__)
    defaults, plain = outer.__kwdefaults__, module.plain.__kwdefaults__
    reload = project.edit("r", '*, opens="(", closes=")"', f"*, {new}" if new else "opens, closes")
    assert reload.ok, [it.__cause__ for it in reload.errors]
    fresh = project.load("fresh", project.path("r").read_text())
    assert (module.Nested is outer, outer.__kwdefaults__ is defaults) == (True, True)
    assert defaults == (fresh.Nested.__kwdefaults__ or {})
    assert nested.__kwdefaults__ == fresh.nested.__kwdefaults__
    assert inspect.signature(nested) == inspect.signature(fresh.nested)
    assert module.plain.__kwdefaults__ is plain
    project.engine().undo()
    assert (outer.__kwdefaults__, nested.__kwdefaults__) == (before, before)
