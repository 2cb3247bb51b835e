"""Who has a copy of a docstring, or reads it, when it is edited."""

from __future__ import annotations

import pytest


def stale(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.what, it.reason) for it in reload.stale]


def steps(reload):
    return [(it.kind, it.qualname) for it in reload.steps]


class TestCopies:
    """What a decorator, or whoever was given the function, has made of it."""

    def test_a_command_shows_it_as_its_help(self, project):
        pytest.importorskip("click", reason="click is not installed")
        source = '''
            import click
            @click.group()
            def cli():
                """All
                of them."""
            @cli.command()
            @click.option("--n", default=1)
            @click.pass_context
            def go(context, n):
                """One thing.

                More."""
            '''
        m = project.load("m", source)
        project.engine()
        go, was = m.go, m.go.help
        assert not stale(project.edit("m", "One thing", "Two things"))
        assert (m.go is go, go.help) == (True, was.replace("One thing", "Two things"))
        assert not stale(project.edit("m", "of them.", "of these."))
        assert (m.cli.help.split(), m.cli.commands) == (["All", "of", "these."], {"go": go})
        project.engine().undo()
        assert m.cli.help.split() == ["All", "of", "them."]

    TOOLS = """
        import dataclasses, inspect
        tools = []
        @dataclasses.dataclass(frozen=True, slots=True)
        class Tool:
            function: object
            about: str
            name: str
        class Route:
            def __init__(self, function):
                self.endpoint = function
                self.summary = function.__doc__.strip().splitlines()[0]
                self.description = inspect.cleandoc(function.__doc__)
                self.title = "as it is"
        def tool(function):
            tools.append(Tool(function, function.__doc__, function.__name__))
            return function
        """

    def test_who_was_given_the_function_has_it_in_its_usual_forms(self, project):
        tools = project.load("tools", self.TOOLS)
        source = '''
            from ~tools import Route, tool
            @tool
            def run():
                """Runs it.

                Now.
                """
            @tool
            def other(): "other"
            routes = {"run": Route(run)}
            table = {"function": run, "text": run.__doc__}
            '''
        m = project.load("m", source)
        project.engine()
        found, route = tools.tools[0], m.routes["run"]
        had = found.about
        new = source.replace("Runs", "Starts").replace('"other"', '"another"')
        assert not stale(project.save(m=new))
        assert found.about == had.replace("Runs", "Starts") == m.run.__doc__
        assert (route.summary, route.title) == ("Starts it.", "as it is")
        assert route.description == "Starts it.\n\nNow."
        assert m.table["text"] == m.run.__doc__
        assert (tools.tools[0] is found, len(tools.tools)) == (True, 2)
        # A name is a name, though it was the docstring, too.
        assert (tools.tools[1].name, m.other.__doc__) == ("other", "another")
        assert not stale(project.save(m=source))
        assert (found.about, route.summary) == (had, "Runs it.")

    def test_what_was_made_of_it_in_another_way_is_named(self, project):
        source = '''
            class Shown:
                def __init__(self, function):
                    self.function, self.html = function, f"<p>{function.__doc__}</p>"
                    self.mine = "something else"
            shown = []
            def show(function):
                shown.append(Shown(function))
                return function
            @show
            def run(): """What it does at first."""
            '''
        m = project.load("m", source)
        project.engine()
        reload = project.edit("m", "at first", "at last")
        assert stale(reload) == [
            ("run.__doc__", "'Shown.html' was made of it somewhere, and is what it was")
        ]
        assert m.shown[0].html == "<p>What it does at first.</p>"

    def test_a_wrapper_of_another_module_has_copied_it(self, project):
        source = '''
            def run(): """one"""
            def bare(): pass
            '''
        project.load("m", source)
        user = project.load(
            "user",
            """
            import functools
            from ~m import run, bare
            def wrap(function):
                @functools.wraps(function)
                def wrapper(): return function()
                return wrapper
            def hide(function):
                def hidden(): return function()
                return hidden
            run, hidden = wrap(wrap(run)), hide(bare)
            bare = wrap(bare)
            """,
        )
        project.engine()
        new = source.replace("one", "two").replace("pass", '"""three"""')
        assert not stale(project.save(m=new))
        assert (user.run.__doc__, user.run.__wrapped__.__doc__) == ("two", "two")
        assert (user.bare.__doc__, user.hidden.__doc__) == ("three", None)
        assert not stale(project.save(m=source))
        assert (user.run.__doc__, user.bare.__doc__) == ("one", None)

    def test_decorators_are_called_again_for_the_first_docstring(self, project):
        """Nothing tells where they would have put it."""
        source = """
            about = {}
            def show(function):
                about[function.__name__] = function.__doc__ or "nobody knows"
                return function
            @show
            def run(): pass
            def plain(): pass
            """
        m = project.load("m", source)
        project.engine()
        run = m.run
        reload = project.save(m=source.replace("pass", "'runs'"))
        assert not stale(reload)
        assert sorted(steps(reload)) == [("patched", "plain"), ("ran", "run")]
        assert (m.about, m.run is run) == ({"run": "runs"}, True)


class TestReaders:
    """Statements that read it are executed again, wherever they stand."""

    SOURCE = """
        import functools
        def f(): "one"
        class C:
            made = [1]
            def m(self): "one"
            def n(self): pass
            n.__doc__ = m.__doc__
        @functools.lru_cache
        def h(): "one"
        if True:
            def i(): "one"
        def g(): pass
        g.__doc__ = f.__doc__
        TEXT = [f.__doc__, C.m.__doc__, h.__doc__, i.__doc__]
        made = [f.__name__]
        """
    USER = """
        import ~m
        from ~m import f as ff, C as D
        one, two = ff.__doc__, ~m.C.m.__doc__
        def user(): pass
        user.__doc__ = "See " + D.m.__doc__
        class F:
            def a(self): pass
            a.__doc__ = D.m.__doc__
        made = []
        made.append(ff.__name__)
        """

    def test_of_functions_and_methods(self, project):
        m, user = project.load("m", self.SOURCE), project.load("user", self.USER)
        project.engine()
        made, of_class = m.made, m.C.made
        for text, other in ("two", self.SOURCE.replace('"one"', '"two"')), ("one", self.SOURCE):
            reload = project.save(m=other)
            assert not stale(reload)
            assert [text] * 4 == m.TEXT
            assert (m.g.__doc__, m.C.n.__doc__) == (text, text)
            assert (user.one, user.two, user.user.__doc__) == (text, text, f"See {text}")
            assert user.F.a.__doc__ == text
            assert (m.made is made, m.C.made is of_class, user.made) == (True, True, ["f"])

    def test_nobody_else_is_executed(self, project):
        m, user = project.load("m", self.SOURCE), project.load("user", self.USER)
        project.engine()
        first = m.TEXT
        reload = project.edit("m", 'def i(): "one"', 'def i(): "i"')
        assert not stale(reload)
        assert steps(reload) == [("patched", "i"), ("ran", "TEXT")]
        assert (m.TEXT is first, first[3], user.one) == (True, "i", "one")
