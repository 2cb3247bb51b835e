"""Decorators that put what they are given, or a record of it, into a dictionary under a name."""

from __future__ import annotations

import pytest

APP = """
    import collections
    class Tool:
        def __init__(self, call, options):
            self.call, self.options = call, options
        def __repr__(self):
            return f"{self.call.__name__} {self.options}"
    class Tasks(dict):
        def pop(self, *_): raise RuntimeError("nobody takes anything out")
    class Manager:
        def __init__(self):
            self.tools = {}
    class App:
        def __init__(self):
            self.named, self.pairs, self.ordered = {}, {}, collections.OrderedDict()
            self.tasks, self.manager, self.calls = Tasks(), Manager(), []
            self.strict, self.overloads, self.laters = {}, {}, {}
        def name(self, name):
            def add(call):
                self.named[name] = call
                self.pairs[name, "pair"] = self.ordered[name] = (name, call)
                return call
            return add
        def later(self, name):
            def add(call):
                self.laters[name] = call
                return call
            return add
        def loud(self, name):
            def add(call):
                self.named[name.upper()] = call
                return call
            return add
        def tool(self, name, **options):
            def add(call):
                self.calls.append(name)
                if name not in self.manager.tools:
                    self.manager.tools[name] = Tool(call, options)
                return call
            return add
        def task(self, **options):
            def add(call):
                name = call.__qualname__
                if name not in self.tasks:
                    body = {"run": staticmethod(call), "options": options,
                            "__module__": call.__module__}
                    self.tasks[name] = type(name, (), body)()
                return self.tasks[name]
            return add
        def overload(self, kind, memory=set()):
            def add(call):
                found = self.overloads.setdefault(call.__name__, Overloads())
                found.calls[kind] = call
                return found
            return add
        def once(self, name, memory=set()):
            def add(call):
                if name not in memory:
                    self.strict[name] = Tool(call, {})
                memory.add(name)
                return call
            return add
    class Overloads:
        def __init__(self):
            self.calls = {}
        def __call__(self, it):
            return self.calls[type(it)](it)
    app = App()
    """
VIEWS = """
from ~app import app
@app.name("first")
def first(): return 1
@app.name("a")
def view(): return 2
@app.name("last")
def last(): return 3
"""


def stale(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.what, it.reason) for it in reload.stale]


@pytest.fixture
def app(project):
    return project.load("app", APP).app


def load(project, source):
    module = project.load("views", source)
    project.engine()
    return module


class TestOtherNames:
    def test_the_new_one_has_the_place_of_the_old_one(self, project, app):
        m = load(project, VIEWS)
        named = app.named
        assert not stale(project.edit("views", '"a"', '"b"'))
        assert app.named is named
        assert list(named.items()) == [("first", m.first), ("b", m.view), ("last", m.last)]
        assert list(app.pairs) == [("first", "pair"), ("b", "pair"), ("last", "pair")]
        assert app.ordered == {
            "first": ("first", m.first),
            "b": ("b", m.view),
            "last": app.ordered["last"],
        }
        project.engine().undo()
        assert list(named.items()) == [("first", m.first), ("a", m.view), ("last", m.last)]
        assert list(app.pairs) == [("first", "pair"), ("a", "pair"), ("last", "pair")]
        assert sorted(app.ordered) == ["a", "first", "last"]

    def test_back_and_forth(self, project, app):
        m = load(project, VIEWS)
        before = list(app.named.items())
        for old, new in ("ab", "bc", "ca"):
            assert not stale(project.edit("views", f'"{old}"', f'"{new}"'))
        assert list(app.named.items()) == before
        assert app.named["a"] is m.view

    def test_it_raises_later(self, project, app):
        load(project, VIEWS)
        before = list(app.named.items())
        assert not project.edit("views", '"a")', '"b")\n@int').ok
        assert list(app.named.items()) == before
        assert not stale(project.edit("views", "@int\n", ""))
        assert list(app.named) == ["first", "b", "last"]

    def test_one_of_two(self, project, app):
        load(project, VIEWS.replace('@app.name("a")', '@app.name("a")\n@app.name("also")'))
        assert not stale(project.edit("views", '"also"', '"too"'))
        assert list(app.named) == ["first", "too", "a", "last"]

    def test_one_more(self, project, app):
        load(project, VIEWS)
        assert not stale(project.edit("views", '@app.name("a")', '@app.name("a")\n@app.name("b")'))
        assert sorted(app.named) == ["a", "b", "first", "last"]

    def test_several_in_one_save(self, project, app):
        """The engine has lists with the functions itself, which are nobody's records."""
        source = """
        from ~app import app
        @app.name("one")
        def one(a): return 1
        @app.name("two")
        @app.later("two")
        def _(a): return 2
        @app.name("three")
        def _(a): return 3
        """
        load(project, source)
        text = project.path("views").read_text(encoding="utf-8")
        text = text.replace("(a)", "(b)").replace('"one"', '"first"').replace('"two"', '"second"')
        assert not stale(project.save(views=text))
        assert {name: call(0) for name, call in app.named.items()} == {
            "first": 1,
            "second": 2,
            "three": 3,
        }
        assert list(app.laters) == ["second"]

    def test_what_others_have_put_there_stays(self, project, app):
        m = load(project, VIEWS)
        app.named["mine"] = m.view
        assert not stale(project.edit("views", '"a"', '"b"'))
        assert sorted(app.named) == ["b", "first", "last", "mine"]

    def test_nobody_knows_which(self, project, app):
        """The names are not those of the text."""
        m = load(project, VIEWS.replace('app.name("a")', 'app.loud("a")'))
        app.named["mine"] = m.view
        found = stale(project.edit("views", '"a"', '"b"'))
        assert found == [("view", "it is not known under which names they have put it there")]
        assert sorted(app.named) == ["A", "B", "first", "last", "mine"]

    @pytest.mark.parametrize("record", ["call", "(path, call)", "Route(path, call)"])
    def test_one_dictionary_in_another(self, project, record):
        """What has others in it stays."""
        views = f"""
        class Route:
            def __init__(self, path, call):
                self.path, self.call = path, call
        ROUTES = {{}}
        def route(method, path):
            def add(call):
                ROUTES.setdefault(method, {{}})[path] = {record}
                return call
            return add
        @route("GET", "/a")
        def a(): return 1
        @route("GET", "/b")
        def b(): return 2
        """
        m = load(project, views)
        get = m.ROUTES["GET"]
        project.edit("views", '"GET", "/a"', '"PUT", "/a"')
        assert m.ROUTES["GET"] is get
        assert list(get) == ["/b"]
        assert list(m.ROUTES) == ["GET", "PUT"]
        project.edit("views", '"PUT", "/a"', '"PUT", "/c"')
        assert list(m.ROUTES["PUT"]) == ["/c"]

    def test_classes_are_names(self, project):
        views = """
        class A: ...
        class B: ...
        HANDLERS = {}
        def on(kind):
            def add(call):
                HANDLERS[kind] = call
                return call
            return add
        @on(A)
        def handle(): return 1
        """
        m = load(project, views)
        assert not stale(project.edit("views", "on(A)", "on(B)"))
        assert {m.B: m.handle} == m.HANDLERS

    def test_nobody_is_asked(self, project):
        """A key may do whatever it likes when it is hashed."""
        views = """
        class Key:
            calls = 0
            def __hash__(self):
                Key.calls += 1
                return 1
        HANDLERS = {Key(): 1}
        def on(name):
            def add(call):
                HANDLERS[name] = call
                return call
            return add
        @on("a")
        def handle(): return 1
        """
        m = load(project, views)
        calls = m.Key.calls
        assert not stale(project.edit("views", '"a"', '"b"'))
        assert m.Key.calls == calls

    def test_a_command_of_its_own(self, project):
        """What has a name here has it as an attribute: it is no registry."""
        views = """
        class Group: ...
        group = Group()
        def command(name):
            def add(call):
                setattr(group, name, call)
                return call
            return add
        @command("a")
        def view(): return 1
        """
        m = load(project, views)
        vars(m.group)
        assert not stale(project.edit("views", '"a"', '"b"'))
        assert m.group.a is m.group.b is m.view


class TestLists:
    """A dictionary has lists of what was put there under a name."""

    SOURCE = """
class Start: ...
class Stop: ...
HANDLERS = {}
def on(event):
    def add(call):
        HANDLERS.setdefault(event, []).append(call)
        return call
    return add
@on(KEY)
def first(): return 1
@on(KEY)
def second(): return 2
@on("only")
def third(): return 3
TABLE = {"only": [third, 1], "start": [first, 1], Start: [first, 1]}
"""

    @pytest.mark.parametrize(("old", "new"), [('"start"', '"stop"'), ("Start", "Stop")])
    def test_others_stay_there(self, project, old, new):
        m = load(project, self.SOURCE.replace("KEY", old))
        handlers = m.HANDLERS[m.Start if old == "Start" else "start"]
        before, table = dict(m.HANDLERS), m.TABLE
        assert not stale(project.edit("views", f"on({old})\ndef first", f"on({new})\ndef first"))
        assert handlers == [m.second]
        assert list(m.HANDLERS.values()) == [[m.second], [m.third], [m.first]]
        assert m.TABLE is table
        assert [len(it) for it in table.values()] == [2, 2, 2]
        project.engine().undo()
        assert handlers == [m.first, m.second]
        assert before.keys() <= m.HANDLERS.keys()

    def test_the_list_of_one_goes(self, project):
        m = load(project, self.SOURCE.replace("KEY", '"start"'))
        assert not stale(project.edit("views", '@on("only")', '@on("new")'))
        assert {"start": [m.first, m.second], "new": [m.third]} == m.HANDLERS
        assert m.TABLE["only"] == [m.third, 1]

    def test_the_name_stays(self, project):
        m = load(project, self.SOURCE.replace("KEY", '"start"'))
        lists = list(m.HANDLERS.values())
        assert not stale(project.edit("views", "first()", "first(a=1)"))
        assert {"start": [m.first, m.second], "only": [m.third]} == m.HANDLERS
        assert [it is was for it, was in zip(m.HANDLERS.values(), lists, strict=True)] == [True] * 2


class TestNoDecorators:
    def test_it_is_named(self, project, app):
        load(project, VIEWS)
        why = "a decorator of it is gone, and what that has put there is still in a dictionary"
        found = stale(project.edit("views", '@app.name("a")\n', ""))
        names = ["'a'", "('a', 'pair')"]
        assert sorted(found) == [("view", f"{why}, under {it}") for it in names]
        assert "a" in app.named

    def test_of_two(self, project, app):
        load(project, VIEWS.replace('@app.name("a")', '@app.name("a")\n@app.name("b")'))
        found = stale(project.edit("views", '@app.name("b")\n', ""))
        assert {(what, reason[-3:]) for what, reason in found} == {("view", "'b'"), ("view", "r')")}

    def test_who_has_it_otherwise_is_not(self, project):
        source = """
        def mark(call): call.marked = True; return call
        @mark
        def view(): return 1
        TABLE = {"view": view, "pair": ("view", view)}
        LIST = [("view", view)]
        """
        load(project, source)
        assert not stale(project.edit("views", "@mark\n", ""))


class TestSilent:
    """A registry keeps what it has under a name, and says nothing."""

    def test_it_is_asked_once_more(self, project, app):
        source = """
        from ~app import app
        @app.tool("one", size=1)
        def one(): return 1
        @app.tool("two", size=1)
        def two(): return 2
        """
        m = load(project, source)
        before, tools = dict(app.manager.tools), app.manager.tools
        app.calls.clear()
        assert not stale(project.edit("views", '"one", size=1', '"one", size=2'))
        assert app.calls == ["one", "one"]
        assert list(tools) == ["one", "two"]
        assert (tools["one"].options, tools["one"].call) == ({"size": 2}, m.one)
        assert tools["two"] is before["two"]
        project.engine().undo()
        assert tools == before

    def test_parameters(self, project, app):
        source = """
        from ~app import app
        @app.tool("one")
        def one(a): return 1
        """
        m = load(project, source)
        before = app.manager.tools["one"]
        assert not stale(project.edit("views", "one(a)", "one(a, b=2)"))
        assert app.manager.tools["one"] is not before
        assert app.manager.tools["one"].call is m.one

    def test_a_class_for_each(self, project, app):
        """Celery makes a class of each task, and an object of that."""
        source = """
        from ~app import app
        @app.task(retries=1)
        def one(): return 1
        HELD = [one]
        """
        m = load(project, source)
        held = m.HELD
        assert not stale(project.edit("views", "retries=1", "retries=2"))
        assert m.one is app.tasks["one"] is m.HELD[0]
        assert m.one.options == {"retries": 2}
        assert (type(app.tasks).__name__, m.one.run(), m.HELD is held) == ("Tasks", 1, True)
        project.engine().undo()
        assert app.tasks["one"].options == m.one.options == {"retries": 1}

    def test_bodies_ask_nobody(self, project, app):
        source = """
        from ~app import app
        @app.tool("one")
        def one(): return 1
        """
        load(project, source)
        app.calls.clear()
        before = app.manager.tools["one"]
        assert not stale(project.edit("views", "return 1", "return 2"))
        assert (app.manager.tools["one"], before.call(), app.calls) == (before, 2, [])

    def test_what_goes_through_several_is_left_alone(self, project, app):
        source = """
        from ~app import app
        @app.overload(int)
        def size(it): return it
        @app.overload(str)
        def size(it): return len(it)
        """
        m = load(project, source)
        size = app.overloads["size"]
        assert not stale(
            project.edit("views", "overload(str)\ndef size(it)", "overload(str)\ndef size(it, n=2)")
        )
        assert app.overloads == {"size": size}
        assert (m.size is size, size(3), size("abc")) == (True, 3, 3)

    def test_what_others_have_put_there_is_left_alone(self, project, app):
        source = """
        from ~app import Tool, app
        @app.name("one")
        def one(): return 1
        MINE = {"one": Tool(one, {"size": 1})}
        """
        m = load(project, source)
        mine = m.MINE["one"]
        assert not stale(project.edit("views", "def one()", "def one(a=1)"))
        assert list(m.MINE.values()) == [mine]

    def test_it_does_not_take_it_again(self, project, app):
        source = """
        from ~app import app
        @app.once("one")
        def one(): return 1
        """
        load(project, source)
        before = dict(app.strict)
        why = "a registry keeps what its decorators had put there before under 'one'"
        assert stale(project.edit("views", "one()", "one(a=1)")) == [("one", why)]
        assert app.strict == before

    @pytest.mark.parametrize("is_last", [True, False])
    def test_one_of_two_decorators(self, project, app, is_last):
        """Only the last one can be called once more."""
        lines = ['@app.tool("one", size=1)', '@app.name("one")'][:: 1 if is_last else -1]
        source = "\n".join(["from ~app import app", *lines, "def one(): return 1"])
        load(project, source + "\n")
        app.calls.clear()
        found = stale(project.edit("views", "size=1", "size=2"))
        tool = app.manager.tools["one"]
        why = "a registry keeps what its decorators had put there before under 'one'"
        assert found == ([] if is_last else [("one", why)])
        assert tool.options == {"size": 2 if is_last else 1}
        assert len(app.calls) == 1 + is_last
