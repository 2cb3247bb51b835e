"""Objects that raise when they are told once more what they know: they are made anew."""

from __future__ import annotations

import gc
import sqlite3
import sys
import threading

import pytest

OPTIONS = """
import argparse
from ~version import NUMBER
parser = argparse.ArgumentParser(prog="serve")
parser.add_argument("--port", type=int, default=80)
group = parser.add_argument_group("more")
group.add_argument("--name", default="a")
commands = parser.add_subparsers()
p = commands.add_parser("start")
p.add_argument("--fast", action="store_true")
p = commands.add_parser("stop")
p.add_argument("--slow", action="store_true")
parser.add_argument("--version", action="version", version=NUMBER)
state = []
state.append(len(state))
def parse(*words):
    return vars(parser.parse_args(words))
"""
USER = """
from ~options import parser
import ~options as options
held = {"parser": parser}
"""


@pytest.fixture
def options(project):
    project.load("version", "NUMBER = '1.0'\n")
    module = project.load("options", OPTIONS)
    project.load("user", USER)
    project.engine()
    return module


def version_of(parser):
    return next(it.version for it in parser._actions if it.dest == "version")


@pytest.mark.parametrize(
    ("old", "new", "words", "result"),
    [
        ('"--port", type=int, default=80', '"--port", type=int, default=81', [], ("port", 81)),
        ('"--name", default="a"', '"--name", default="b"', [], ("name", "b")),
        ('"--name", default="a"', '"--name", default="a", type=len', ["--name=ab"], ("name", 2)),
        (
            '"--fast", action="store_true"',
            '"--fast", action="store_const", const=7',
            ["start", "--fast"],
            ("fast", 7),
        ),
        (
            '"--slow", action="store_true")',
            '"--slowly")\np.add_argument("--slow", default=3, action="store_true")',
            ["stop"],
            ("slow", 3),
        ),
        (
            '"--port", type=int, default=80)\n',
            '"--host", default="h")\nparser.add_argument("--port", default=1)\n',
            [],
            ("host", "h"),
        ),
    ],
)
def test_an_option_that_is_edited(project, options, old, new, words, result):
    state = options.state
    user = sys.modules[project.prefix + "user"]
    reload = project.edit("options", old, new)
    assert reload.ok, [it.__cause__ for it in reload.errors]
    assert options.parse(*words)[result[0]] == result[1]
    assert options.parser is user.parser is user.held["parser"]
    assert (options.state is state, options.state) == (True, [0])
    again = project.edit("options", new, old)
    assert again.ok, [it.__cause__ for it in again.errors]
    assert options.parse(*words).get(result[0]) != result[1]
    assert options.parser is user.parser is user.held["parser"]


def test_the_report_says_why(project, options):
    reload = project.edit("options", "default=80", "default=81")
    ran = [(it.qualname, it.reason) for it in reload.steps if it.kind == "ran"]
    assert ran[0] == (
        "parser",
        "the call of parser.add_argument (line 5) tells it what it knows, and it has refused that",
    )
    assert [name for name, _ in ran] == [
        *("parser", "the call of parser.add_argument", "group", "the call of group.add_argument"),
        *("commands", "p", "the call of p.add_argument", "p", "the call of p.add_argument"),
        *("the call of parser.add_argument", "held"),
    ]
    assert not [it for it in reload.steps if it.kind == "kept"]
    assert not reload.stale


def test_what_it_reads_has_changed(project, options):
    reload = project.save(version="NUMBER = '2.0'\n")
    assert reload.ok
    assert version_of(options.parser) == "2.0"
    assert project.engine().undo().ok
    assert version_of(options.parser) == "1.0"


def test_a_mistake_is_one_all_the_same(project, options):
    parser = id(options.parser)
    for mistake in ('"--port", typo=1', '"--name"', "*1"):
        source = OPTIONS.replace('"--port", type=int', mistake)
        reload = project.save(options=source)
        (error,) = reload.errors
        assert error.line in (5, 7)
        assert (id(options.parser) == parser, options.parse()["port"]) == (True, 80)
    assert project.save(options=OPTIONS.replace("80", "90")).ok
    assert options.parse()["port"] == 90


STRICT = """
class Strict:
    def __init__(self, *parts):
        self.known = {}
        self.parts = parts
    def add(self, name, value):
        if name in self.known:
            raise KeyError(name)
        self.known[name] = value
        return value
    def child(self, name):
        return self.add(name, Strict(self))
made = []
def strict():
    made.append(1)
    return Strict()
"""


def test_a_connection_is_not_opened_once_more(project, tmp_path):
    project.load("strict", STRICT)
    module = project.load(
        "m",
        """
        import sqlite3, threading
        from ~strict import Strict
        opened = []
        def connect():
            opened.append(1)
            return sqlite3.connect(":memory:", check_same_thread=False)
        database = Strict(connect())
        database.add("a", 1)
        lock = Strict(threading.Lock())
        lock.add("a", 1)
        """,
    )
    project.engine()
    assert isinstance(module.database.parts[0], sqlite3.Connection)
    for name in ("database", "lock"):
        old = getattr(module, name)
        reload = project.edit("m", f'{name}.add("a", 1)', f'{name}.add("a", 2)')
        (error,) = reload.errors
        assert "KeyError: 'a'" in str(error)
        assert (getattr(module, name) is old, old.known, module.opened) == (True, {"a": 1}, [1])
        project.edit("m", f'{name}.add("a", 2)', f'{name}.add("a", 1)')
    module.database.parts[0].close()


def test_what_runs_goes_on_with_what_it_has(project):
    project.load("strict", STRICT)
    module = project.load("m", "from ~strict import Strict\napp = Strict()\napp.add('a', 1)\n")
    project.engine()
    begun, ends = threading.Event(), threading.Event()

    def serve(app):
        begun.set()
        ends.wait()
        return app

    thread = threading.Thread(target=serve, args=[module.app])
    thread.start()
    try:
        begun.wait()
        assert not project.edit("m", "'a', 1", "'a', 2").ok
        assert module.app.known == {"a": 1}
    finally:
        ends.set()
        thread.join()
    gc.collect()  # the thread's frame, where that is what frees it
    assert project.edit("m", "'a', 2", "'a', 3").ok
    assert module.app.known == {"a": 3}


def test_what_waits_goes_on_with_what_it_has(project):
    project.load("strict", STRICT)
    module = project.load("m", "from ~strict import Strict\napp = Strict()\napp.add('a', 1)\n")
    project.engine()

    def serve(app):
        yield 1
        yield app

    server = serve(module.app)
    next(server)
    assert not project.edit("m", "'a', 1", "'a', 2").ok
    assert next(server) is module.app


@pytest.mark.parametrize(
    ("source", "old", "new", "names"),
    [
        ("app = Strict()\nx = app.add('a', 1)\n", "1", "2", {"x": 2}),
        ("app = Strict()\nc = app.child('c')\nx = c.add('a', 1)\n", "1", "2", {"x": 2}),
        ("app = Strict()\n@app.child\ndef f(): pass\napp.add('a', 1)\n", "1", "2", {}),
        (
            "app = Strict()\nx = app.add('b', 3)\napp.add('a', 1)\n",
            "3)\napp.add('a', 1",
            "4)\napp.add('a', 5",
            {"x": 4},
        ),
        (
            "app = Strict()\ndef put(it, v): return it.add('a', v)\ny = put(app, 1)\n",
            "1",
            "2",
            {"y": 2},
        ),
    ],
)
def test_what_tells_it(project, source, old, new, names):
    project.load("strict", STRICT)
    head = "from ~strict import Strict, strict\n"
    module = project.load("m", head + source)
    project.engine()
    reload = project.save(m=head + source.replace(old, new))
    assert reload.ok, [it.__cause__ for it in reload.errors]
    fresh = project.load("fresh", head + source.replace(old, new))
    assert repr_of(module.app) == repr_of(fresh.app)
    assert names.items() <= vars(module).items()


def repr_of(app):
    return {
        getattr(name, "__name__", name): repr_of(it) if hasattr(it, "known") else it
        for name, it in app.known.items()
    }


@pytest.mark.parametrize(
    "source",
    [
        "app = Strict() if 1 else None\napp.add('a', 1)\n",
        "app = Strict()\napp = app\napp.add('a', 1)\n",
        "if True:\n    app = Strict()\napp.add('a', 1)\n",
        "a = [Strict()]\na[0].add('a', 1)\n",
    ],
)
def test_who_has_made_it_is_not_plain(project, source):
    project.load("strict", STRICT + "app = Strict()\n")
    head = "from ~strict import Strict\n"
    module = project.load("m", head + source)
    project.engine()
    reload = project.save(m=head + source.replace("1)", "2)"))
    (error,) = reload.errors
    assert "KeyError: 'a'" in str(error)
    app = module.app if hasattr(module, "app") else module.a[0]
    assert app.known == {"a": 1}


SHARED = {
    "shared": "from ~strict import Strict\napp = Strict()\n",
    "hands": "from ~shared import app as application\n",
    "m": "from ~hands import application as app\nx = app.add('a', 1)\ny = x + 1\n",
    "n": "from ~shared import app\nz = app.add('b', 1)\n",
}


@pytest.fixture
def shared(project):
    project.load("strict", STRICT)
    modules = {name: project.load(name, source) for name, source in SHARED.items()}
    project.engine()
    return modules


def test_another_module_has_made_it(project, shared):
    old = id(shared["m"].app)
    shared["n"].more = [shared["n"].z]
    reload = project.edit("m", "'a', 1", "'a', 2")
    assert reload.ok, [it.__cause__ for it in reload.errors]
    m, n = shared["m"], shared["n"]
    assert (m.x, m.y, n.z, m.app.known) == (2, 3, 1, {"a": 2, "b": 1})
    assert m.app is n.app is shared["shared"].app is shared["hands"].application
    assert [(it.module[len(project.prefix) :], it.qualname) for it in reload.steps][:1] == [
        ("shared", "app")
    ]
    assert project.engine().undo().ok
    assert (m.x, m.y, m.app.known) == (1, 2, {"a": 1, "b": 1})
    assert id(m.app) == id(n.app) == id(shared["hands"].application) == old


def test_a_mistake_elsewhere(project, shared):
    m, n = shared["m"], shared["n"]
    old = id(m.app)
    assert not project.edit("m", "'a', 1", "*'a'").ok
    assert not project.edit("m", "*'a'", "'a', 1 / 0").ok
    assert (id(m.app), id(n.app), m.app.known) == (old, old, {"a": 1, "b": 1})
    assert project.edit("m", "'a', 1 / 0", "'c', 5").ok
    assert m.app.known == {"a": 1, "b": 1, "c": 5}
    assert not project.save(n=SHARED["n"].replace("'b'", "'c'")).ok


@pytest.mark.parametrize(
    "source",
    [
        "from ~strict import Strict\napp = Strict()\napp = app\n",
        "from ~strict import Strict\nfor app in [Strict()]: pass\n",
        "from ~strict import Strict\nfirst = Strict()\napp = first.child('x')\n",
    ],
)
def test_another_module_has_not_made_it_plainly(project, shared, source):
    shared_too = project.load("too", source)
    m = project.load("of_too", "from ~too import app\napp.add('a', 1)\n")
    (error,) = project.edit("of_too", "'a', 1", "'a', 2").errors
    assert "KeyError: 'a'" in str(error)
    assert m.app is shared_too.app
    assert m.app.known == {"a": 1}
