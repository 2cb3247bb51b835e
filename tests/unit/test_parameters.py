"""Functions whose parameters change after somebody has looked at these: who injects what routes ask
for, as FastAPI does.
"""

from __future__ import annotations

import pytest

ROUTES = """\
import inspect, sys
from typing import get_type_hints
class Depends:
    def __init__(self, call=None):
        self.call = call
    def __eq__(self, other):
        return type(other) is Depends and other.call is self.call
    def __hash__(self):
        return hash(self.call)
def asked(call):
    hints = get_type_hints(getattr(call, "__init__" if isinstance(call, type) else "__call__", call)
                           if not inspect.isroutine(call) else call, include_extras=True)
    found = []
    for name, it in inspect.signature(call).parameters.items():
        kind = hints.get(name)
        marks = [it.default, *getattr(kind, "__metadata__", ())]
        depends = [mark for mark in marks if type(mark) is Depends]
        if depends:
            found.append(asked(depends[0].call or getattr(kind, "__origin__", kind)))
        elif isinstance(marks[-1], str):
            found.append(f"{name}: {marks[-1]}")
        else:
            found.append(name)
    return found
ROUTES = {}
LOG = []
def route(path, dependencies=()):
    def decorate(function):
        LOG.append(path)
        ROUTES[path] = [*asked(function), *(asked(it.call) for it in dependencies)]
        return function
    return decorate
"""
DEPS = """\
{future}
from typing import Annotated, List
from ~routes import Depends
def inner(i=1): ...
def dep(a, b=Depends(inner)): ...
class Page:
    def __init__(self, number): ...
    @staticmethod
    def of(text): ...
class Checker:
    def __call__(self, q): ...
    def check(self, r): ...
checker = Checker()
Dep = Annotated[list, Depends(dep)]
Deps = List[Dep]
Limit = Annotated[int, "at most 10"]
"""
MAIN = """\
{future}
from typing import Annotated
from ~routes import Depends, route
from ~deps import Checker, Dep, Limit, Page, checker, dep
import ~deps as deps
@route("default")
def default(x=Depends(dep)): ...
@route("annotation")
def annotation(x: Annotated[list, Depends(deps.dep)]): ...
@route("alias")
def alias(x: Dep): ...
@route("text")
def text(x: "Dep"): ...
@route("decorator", dependencies=[Depends(dep)])
def decorator(): ...
@route("class")
def class_(x=Depends(Page)): ...
@route("short")
def short(x: Page = Depends()): ...
@route("shorter")
def shorter(x: Annotated[Page, Depends()]): ...
@route("static")
def static(x=Depends(Page.of)): ...
@route("instance")
def instance(x=Depends(checker)): ...
@route("method")
def method(x=Depends(checker.check)): ...
@route("limit")
def limit(x: Limit): ...
@route("type")
def type_(x: Page): ...
def plain(x: Page, y: Dep): ...
"""
FUTURE = "from __future__ import annotations"


@pytest.fixture(params=["", FUTURE], ids=["evaluated", "texts"])
def routes(project, request):
    """The module with the routes; annotations are evaluated, on 3.14 when asked for, or texts."""
    routes = project.load("routes", ROUTES)
    project.load("deps", DEPS.format(future=request.param))
    project.load("main", MAIN.format(future=request.param))
    project.engine()
    routes.LOG.clear()
    return routes


@pytest.mark.parametrize(
    ("old", "new", "paths", "now"),
    [
        (
            "def dep(a, b",
            "def dep(c, b",
            {"default", "annotation", "alias", "text", "decorator"},
            ["c", ["i"]],
        ),
        (
            "inner(i=1)",
            "inner(j=1)",
            {"default", "annotation", "alias", "text", "decorator"},
            ["a", ["j"]],
        ),
        ("self, number", "self, page", {"class", "short", "shorter"}, ["page"]),
        ("of(text)", "of(line)", {"static"}, ["line"]),
        ("self, q", "self, p", {"instance"}, ["p"]),
        ("self, r", "self, s", {"method"}, ["s"]),
    ],
)
def test_who_was_given_a_function_looks_at_it_again(project, routes, old, new, paths, now):
    report = project.edit("deps", old, new)
    assert {path: routes.ROUTES[path] for path in paths} == {it: [now] for it in paths}
    assert sorted(routes.LOG) == sorted(paths)
    assert not report.stale
    assert not report.errors


def test_who_reads_a_type_in_annotations_follows_it(project, routes):
    report = project.edit("deps", "at most 10", "at most 20")
    assert routes.ROUTES["limit"] == ["x: at most 20"]
    assert routes.LOG == ["limit"]
    assert not report.stale


def test_bodies_concern_nobody(project, routes):
    project.edit("deps", "def dep(a, b=Depends(inner)): ...", "def dep(a, b=Depends(inner)): pass")
    project.edit("deps", "def check(self, r): ...", "def check(self, r): pass")
    assert not routes.LOG


def test_fields_of_a_class_are_its_parameters(project):
    routes = project.load("routes", ROUTES)
    project.load(
        "main",
        """\
        from dataclasses import dataclass
        from ~routes import Depends, route
        @dataclass
        class Query:
            text: str = None
        class Longer(Query): ...
        @route("query")
        def query(x=Depends(Query)): ...
        @route("longer")
        def longer(x=Depends(Longer)): ...
        """,
    )
    project.engine()
    project.edit("main", "text: str = None", "text: str = None\n    limit: int = 3")
    assert routes.ROUTES == {"query": [["text", "limit"]], "longer": [["text", "limit"]]}


def test_what_hands_it_on_in_a_call_is_named(project):
    """A router that would be another, without its routes, is not made again."""
    project.load("routes", ROUTES)
    main = project.load(
        "main",
        """\
        from ~routes import Depends, asked
        def dep(a): ...
        def make(dependencies): return [asked(it.call) for it in dependencies]
        router = make([Depends(dep)])
        """,
    )
    project.engine()
    router = main.router
    report = project.edit("main", "def dep(a)", "def dep(b)")
    kept = [(it.qualname, it.reason) for it in report.steps if it.kind == "kept"]
    assert main.router is router
    assert kept == [("router", "it was given dep, whose parameters changed")]


def test_models_follow_types_in_annotations_that_are_not_evaluated_at_once(project):
    main = project.load(
        "main",
        f"""\
        {FUTURE}
        from typing import Annotated, get_type_hints
        MOST = 10
        Limit = Annotated[int, MOST]
        class Model:
            def __init_subclass__(cls):
                cls.hints = get_type_hints(cls, include_extras=True)
        class Item(Model):
            size: Limit = 3
        """,
    )
    project.engine()
    item = main.Item
    project.edit("main", "MOST = 10", "MOST = 20")
    assert main.Item is item
    assert item.hints["size"].__metadata__ == (20,)


def test_texts_that_are_no_annotations(project):
    """Nothing is said of them: they are looked at as if they might be."""
    source = r"""
    from typing import Annotated, Literal
    KIND = int
    def f(a: Annotated[KIND, r"\d+ 1if", Literal["it's"]], b: "1if", c: "KIND"): ...
    """
    main = project.load("main", source)
    project.engine()
    report = project.edit("main", "KIND = int", "KIND = str")
    assert main.f.__annotations__["a"].__origin__ is str
    assert not report.errors


def test_a_decorator_that_makes_nothing(project):
    """Many names stand for None: none of these has other parameters."""
    main = project.load(
        "main",
        """\
        def nothing(call): return None
        NONE = None
        LOG = []
        def given(value): return value
        @nothing
        def f(a): ...
        def g(x=given(NONE)): LOG.append("g")
        """,
    )
    project.engine()
    report = project.edit("main", "f(a)", "f(b)")
    assert main.f is None
    assert [it.qualname for it in report.steps if it.kind == "ran"] == ["f"]
