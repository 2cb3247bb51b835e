"""Decorators that put a record of what they are given into a list, and are called again."""

from __future__ import annotations

import textwrap
from collections import deque

import pytest

from mighty_patcher.engine.leftovers import lists_among

ROUTES = """
    class Route:
        def __init__(self, path, call):
            self.path, self.call = path, call
    class App:
        def __init__(self):
            self.routes, self.started = [], []
        def route(self, path):
            def add(call):
                self.routes.append(Route(path, call))
                return call
            return add
        def on_start(self, call):
            self.started.append((len(self.started), call))
            return call
        def first(self, call):
            self.routes.insert(0, Route("first", call))
            return call
        def paths(self):
            return [(it.path, it.call.__name__) for it in self.routes]
    app = App()
    """
VIEWS = textwrap.dedent("""
    from ~app import app
    def home(): return "home"
    app.route("/home")(home)
    @app.route("/cart")
    def cart(): return "cart"
    @app.route("/total")
    def total(): return "total"
    """)


def stale(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.what, it.reason) for it in reload.stale]


@pytest.fixture
def app(project):
    return project.load("app", ROUTES).app


TWICE = "a list has what its decorators have put there before beside what is new: "
PATHS = [("/home", "home"), ("/cart", "cart"), ("/total", "total")]


class TestLists:
    @pytest.mark.parametrize(
        ("old", "new", "paths"),
        [
            ('"/cart"', '"/basket"', [PATHS[0], ("/basket", "cart"), PATHS[2]]),
            ("cart()", "cart(sum=1)", PATHS),
            ("cart():", "cart() -> str:", PATHS),
            (
                '@app.route("/cart")',
                '@app.route("/b")\n@app.route("/a")',
                [PATHS[0], ("/a", "cart"), ("/b", "cart"), PATHS[2]],
            ),
            (
                '@app.route("/total")',
                '@app.route("/sum")\n@app.on_start',
                [*PATHS[:2], ("/sum", "total")],
            ),
        ],
    )
    def test_the_new_one_has_the_place_of_the_old_one(self, project, app, old, new, paths):
        views = project.load("views", VIEWS)
        project.engine()
        routes, before = app.routes, list(app.routes)
        assert app.paths() == PATHS
        assert not stale(project.edit("views", old, new))
        assert (app.routes is routes, app.paths()) == (True, paths)
        assert app.routes[0] is before[0]
        assert [it.call for it in app.routes if it.path in ("/cart", "/a")] in ([views.cart], [])
        if "on_start" not in new:
            assert not stale(project.edit("views", new, old))
            assert app.paths() == PATHS
        project.engine().undo()
        assert app.paths() == (PATHS if "on_start" in new else paths)

    def test_one_of_two_goes(self, project, app):
        project.load("views", VIEWS.replace("@", '@app.route("/more")\n@', 1))
        project.engine()
        assert len(app.routes) == 4
        assert not stale(project.edit("views", '@app.route("/more")\n', ""))
        assert app.paths() == PATHS

    def test_tuples_and_wrappers(self, project, app):
        source = """
            import functools
            from ~app import app
            def wrap(function):
                @functools.wraps(function)
                def wrapper(*arguments): return function(*arguments)
                return wrapper
            @app.on_start
            @wrap
            def begin(): return 1
            @app.on_start
            def then(): return 2
            """
        project.load("views", source)
        project.engine()
        assert not stale(project.edit("views", "begin():", "begin(n=2):"))
        assert [(at, it.__name__) for at, it in app.started] == [(2, "begin"), (1, "then")]

    def test_it_raises_later(self, project, app):
        views = project.load("views", VIEWS)
        project.engine()
        before = list(app.routes)
        source = VIEWS.replace('"/cart"', '"/basket"')
        reload = project.save(views=source + "1 / 0\n")
        assert not reload.ok
        assert app.routes[:3] == before
        assert not stale(project.save(views=source))
        assert views.cart() == "cart"

    def test_a_class_that_a_decorator_registers(self, project, app):
        source = """
            from ~app import app
            @app.on_start
            class Part:
                size = 1
            """
        views = project.load("views", source)
        project.engine()
        part = views.Part
        assert not stale(project.edit("views", "size = 1", "size = 2"))
        assert (views.Part is part, part.size, app.started[0][1] is part) == (True, 2, True)
        assert len(app.started) == 1

    def test_who_is_not_called_again_keeps_what_it_has(self, project, app):
        """A statement that is new puts one there for a function that is edited as well."""
        project.load("views", VIEWS)
        project.engine()
        source = VIEWS.replace("home()", "home(page=1)") + 'app.route("/start")(home)\n'
        assert not stale(project.save(views=source))
        assert app.paths() == [*PATHS, ("/start", "home")]

    def test_it_is_put_at_the_beginning(self, project, app):
        project.load("views", VIEWS.replace("@app", "@app.first\n@app", 1))
        project.engine()
        paths = app.paths()
        assert not stale(project.edit("views", "cart()", "cart(n=1)"))
        assert (app.paths(), paths[0]) == (paths, ("first", "cart"))

    def test_a_part_of_the_record_refers_to_it(self, project, app):
        source = """
            import functools
            from ~app import app
            class Job:
                def __init__(self, **parts): self.__dict__.update(parts)
            def every(count):
                def add(function):
                    job = Job(count=count, job=functools.partial(function, 1))
                    app.started.append(job)
                    return function
                return add
            @every(1)
            def job(number): return number
            """
        project.load("jobs", source)
        project.engine()
        assert not stale(project.edit("jobs", "@every(1)", "@every(2)"))
        assert [(it.count, it.job()) for it in app.started] == [(2, 1)]


def test_lists_and_how_often_they_have_something():
    class Names(list):
        """Of its own kind."""

    one, two = object(), object()
    plain, derived, queue = [one, two, one], Names([two]), deque([one, one, one])
    sought = [one, two, one]
    found = lists_among([plain, derived, queue, {1: one}, [3], sought], sought)
    assert [(id(holder), id(what), count) for holder, what, count in found] == [
        (id(plain), id(one), 2),
        (id(plain), id(two), 1),
        (id(derived), id(two), 1),
        (id(queue), id(one), 3),
    ]


def test_names_are_exported_once(project):
    package = project.load(
        "package",
        """
        __all__ = ["export"]
        def export(it):
            globals()[it.__name__] = it
            __all__.append(it.__name__)
            return it
        """,
    )
    source = textwrap.dedent("""
        from ~package import export
        @export
        def one(): return 1
        @export
        def two(): return 2
        """)
    project.load("m", source)
    project.engine()
    names = package.__all__
    new = source.replace("one()", "one(n=1)") + "@export\ndef three(): return 3\n"
    assert not stale(project.save(m=new))
    assert (names is package.__all__, names) == (True, ["export", "one", "two", "three"])
    project.engine().undo()
    assert names[:3] == ["export", "one", "two"]


def test_nobody_is_compared(project):
    """Who leads to the list holds objects that do not like that, or is part of a closure."""
    source = """
        class Wilful:
            def __eq__(self, other): raise TypeError(other)
            __hash__ = None
        ROUTES = []
        def route(path):
            def add(function):
                ROUTES.append((path, function))
                return function
            return add
        def hold(it):
            def held(): return it
            return held
        HOLDERS = [[Wilful(), ROUTES], (Wilful(), ROUTES), hold(ROUTES), {"it": ROUTES}]
        """
    routes = project.load("routes", source).ROUTES
    views = 'from ~routes import route\n@route("/a")\ndef view(): return 1\n'
    m = project.load("m", views)
    project.engine()
    assert not stale(project.edit("m", '"/a"', '"/b"'))
    assert routes == [("/b", m.view)]


class TestRefusals:
    """Where nobody knows which one to take out, both stay and are named."""

    def test_others_have_registered_it_as_well(self, project, app):
        project.load("views", VIEWS)
        more = """
            from ~app import app
            from ~views import cart
            app.route("/mine")(cart)
            """
        project.load("more", more)
        project.engine()
        reload = project.edit("views", '"/cart"', '"/basket"')
        assert stale(reload) == [("cart", f"{TWICE}others have put some there, too")]
        assert app.paths() == [*PATHS, ("/mine", "cart"), ("/basket", "cart")]
