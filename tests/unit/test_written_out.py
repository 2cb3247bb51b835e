"""A dictionary, list or set that is written out goes on when its text is edited, with what the
program has put into it.
"""

from __future__ import annotations

import sys
import threading

import pytest

from mighty_patcher import _core


def ran(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [it.qualname for it in reload.steps if it.kind == "ran"]


def stale(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(it.what, it.reason) for it in reload.stale]


TABLE = """
    def f(): return "f"
    def g(): return "g"
    class Plugin: pass
    LIMIT = 5
    TABLE = {}
    def register(name, value): TABLE[name] = value
    """


def test_whose_parts_have_names_is_made_anew(project):
    """Else the name would be another part than the one in it."""
    m = project.load("m", "class Part: pass\nPARTS = [first := Part(), 1]\n")
    project.engine()
    assert project.edit("m", "Part(), 1", "Part(), 2").ok
    assert [m.first, 2] == m.PARTS


class TestDictionaries:
    @pytest.mark.parametrize(
        ("old", "new", "content"),
        [
            ("{'a': 1}", "{'a': 2}", "{'a': 2, 'mine': 0}"),
            ("{'a': 1}", "{'a': 1, 'b': 2}", "{'a': 1, 'b': 2, 'mine': 0}"),
            ("{'a': 1}", "{'b': 2, 'a': 1}", "{'b': 2, 'a': 1, 'mine': 0}"),
            ("{'a': 1, 'b': 2}", "{'b': 2}", "{'b': 2, 'mine': 0}"),
            ("{'a': 1}", "{}", "{'mine': 0}"),
            ("{}", "{'a': 1}", "{'a': 1, 'mine': 0}"),
            ("{'a': f}", "{'a': g}", "{'a': g, 'mine': 0}"),
            ("{'a': f, 'b': f}", "{'b': f}", "{'b': f, 'mine': 0}"),
            ("{f: 1, g: 2}", "{f: 3}", "{f: 3, 'mine': 0}"),
            ("{Plugin: 1}", "{Plugin: 2}", "{Plugin: 2, 'mine': 0}"),
            ("{(1, 'a'): 1, -1: 2}", "{(1, 'a'): 3}", "{(1, 'a'): 3, 'mine': 0}"),
            ("{'a': LIMIT}", "{'a': LIMIT, 'b': LIMIT + 1}", "{'a': 5, 'b': 6, 'mine': 0}"),
            ("{'a': len}", "{'a': len, 'b': str}", "{'a': len, 'b': str, 'mine': 0}"),
        ],
    )
    def test_of_an_edit(self, project, old, new, content):
        m = project.load("m", TABLE.format(old))
        n = project.load("n", "from ~m import TABLE as T\n")
        project.engine()
        table = m.TABLE
        m.register("mine", 0)
        before = list(table.items())
        assert not stale(project.save(m=TABLE.format(new)))
        expected = eval(content, vars(m))
        assert table == expected
        if not _core.FREE_THREADED:
            assert list(table.items()) == list(expected.items())
        assert m.TABLE is n.T is table
        project.engine().undo()
        assert list(table.items()) == before
        assert m.TABLE is n.T is table

    def test_an_entry_that_is_as_it_was_keeps_what_the_program_has_put_there(self, project):
        m = project.load("m", TABLE.format("{'a': Plugin(), 'b': 1, 'c': [], 'd': 1, 'e': 1}"))
        project.engine()
        plugin, mine = m.TABLE["a"], m.TABLE["c"]
        m.TABLE["b"], m.TABLE["e"] = 7, 8
        mine.append(1)
        del m.TABLE["d"]
        new = TABLE.format("{'a': Plugin(), 'b': 1, 'c': [], 'd': 1, 'f': Plugin()}")
        assert not stale(project.save(m=new))
        assert sorted(m.TABLE) == ["a", "b", "c", "e", "f"]
        assert (m.TABLE["a"] is plugin, m.TABLE["b"], m.TABLE["c"] is mine) == (True, 7, True)
        assert m.TABLE["e"] == 8  # it is not what the text had made

    def test_an_entry_that_a_function_has_made_is_made_anew(self, project):
        m = project.load("m", TABLE.format("{'a': f(), 'b': [f()], 'c': 1}"))
        project.engine()
        table, inner = m.TABLE, m.TABLE["b"]
        inner.append(0)
        assert project.save(m=TABLE.replace('"f"', '"new"').format("{'a': f(), 'b': [f()]}")).ok
        assert (m.TABLE is table, table["a"]) == (True, "new")
        assert (table["b"] is inner, inner) == (True, ["new", 0])

    def test_an_entry_reads_what_changed(self, project):
        m = project.load("m", TABLE.format("{'a': [LIMIT], 'b': LIMIT, 'c': Plugin()}"))
        project.engine()
        table, plugin = m.TABLE, m.TABLE["c"]
        m.register("mine", 0)
        assert ran(project.edit("m", "LIMIT = 5", "LIMIT = 6")) == ["LIMIT", "TABLE"]
        assert table == {"a": [6], "b": 6, "c": plugin, "mine": 0}
        assert m.TABLE is table

    def test_what_is_written_out_inside(self, project):
        old = "{'a': {'x': 1, 'y': [1, 2]}, 'b': {1, 2}}"
        m = project.load("m", TABLE.format(old))
        project.engine()
        inner, y, b = m.TABLE["a"], m.TABLE["a"]["y"], m.TABLE["b"]
        inner["mine"] = 0
        y.append(0)
        b.add(0)
        assert project.save(m=TABLE.format("{'a': {'x': 2, 'y': [1, 3]}, 'b': {1, 3}}")).ok
        assert {"a": {"x": 2, "y": [1, 3, 0], "mine": 0}, "b": {0, 1, 3}} == m.TABLE
        assert (m.TABLE["a"] is inner, inner["y"] is y, m.TABLE["b"] is b) == (True, True, True)
        project.engine().undo()
        assert {"a": {"x": 1, "y": [1, 2, 0], "mine": 0}, "b": {0, 1, 2}} == m.TABLE

    def test_functions_in_it(self, project):
        m = project.load("m", TABLE.format("{'a': lambda: 1, 'b': lambda x: x, 'c': f}"))
        project.engine()
        a, b, c = m.TABLE.values()
        new = TABLE.format("{'a': lambda: 2, 'b': lambda x, y: y, 'c': f, 'd': g}")
        assert project.save(m=new.replace('"f"', '"new"')).ok
        assert (m.TABLE["a"]() == a() == 2, m.TABLE["b"](1, 2), m.TABLE["c"] is c) == (
            True,
            2,
            True,
        )
        assert (c(), b(1)) == ("new", 1)

    def test_what_was_in_it_is_gone(self, project):
        m = project.load("m", TABLE.format("{'a': f, 'b': Plugin}"))
        project.engine()
        table = m.TABLE
        text = TABLE.format("{'a': g, 'b': g}").replace('def f(): return "f"', "")
        assert not stale(project.save(m=text.replace("class Plugin: pass", "")))
        assert (m.TABLE is table, table) == (True, {"a": m.g, "b": m.g})

    def test_classes_and_functions_that_are_defined_anew(self, project):
        m = project.load("m", TABLE.format("{'a': Plugin, 'b': f}"))
        project.engine()
        table, plugin, f = m.TABLE, m.Plugin, m.f
        new = TABLE.format("{'a': Plugin, 'b': f, 'c': Plugin()}")
        new = new.replace("class Plugin: pass", "class Plugin: x = 1").replace("f():", "f(y=1):")
        assert project.save(m=new).ok
        assert (table["a"] is plugin, table["b"] is f, type(table["c"]) is plugin) == (True,) * 3
        assert (table["c"].x, f(y=2)) == (1, "f")

    def test_who_reads_it_is_run(self, project):
        m = project.load("m", TABLE.format("{'a': 1}") + "KEYS = sorted(TABLE)\n")
        n = project.load(
            "n", "import ~m as m\nfrom ~m import TABLE\nN = len(m.TABLE)\nM = len(TABLE)\n"
        )
        project.engine()
        new = TABLE.format("{'a': 1, 'b': 2}") + "KEYS = sorted(TABLE)\n"
        assert ran(project.save(m=new)) == ["TABLE", "KEYS", "N", "M"]
        assert (m.KEYS, n.N, n.M) == (["a", "b"], 2, 2)
        assert ran(project.save(m=new.replace("'a': 1", "'a': LIMIT - 4"))) == ["TABLE"]

    def test_a_key_that_the_program_has_used_already(self, project):
        m = project.load("m", TABLE.format("{'a': 1}"))
        project.engine()
        m.register("b", 5)
        reload = project.save(m=TABLE.format("{'a': 1, 'b': 2}"))
        assert [what for what, _ in stale(reload)] == [f"{project.prefix}m.TABLE['b']"]
        assert m.TABLE == {"a": 1, "b": 2}

    def test_a_later_statement_raises(self, project):
        m = project.load("m", TABLE.format("{'a': 1, 'b': {1}}"))
        project.engine()
        m.register("mine", 0)
        m.TABLE["b"].add(3)
        before = repr(m.TABLE)
        for new in ("{'a': 2, 'b': {1, 2}}", "{'c': 2}"):
            reload = project.save(m=TABLE.format(new) + "1 / 0\n")
            assert type(reload.error).__name__ == "RunError"
            assert repr(m.TABLE) == before

    def test_somebody_goes_through_it(self, project):
        """A dictionary whose size changes would raise there; what was put into it goes along."""
        m = project.load("m", TABLE.format("{'a': 1, 'b': 2}"))
        project.engine()
        m.register("mine", 0)
        table, going = m.TABLE, iter(m.TABLE.items())
        next(going)
        assert project.save(m=TABLE.format("{'a': 1, 'b': 3}")).ok
        assert (m.TABLE is table, next(going)) == (True, ("b", 3))
        reload = project.save(m=TABLE.format("{'a': 1, 'c': 3}"))
        assert list(going) == [("mine", 0)]
        assert (m.TABLE, table) == ({"a": 1, "c": 3, "mine": 0}, {"a": 1, "b": 3, "mine": 0})
        del going
        assert not [it for it in stale(reload) if "put into" in it[1]]

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("{'a': 1, 'b': 2}", "{'b': 3, 'c': 4}"),
            ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"),
            ("{'a': 1, 'b': 2}", "{}"),
            ("{}", "{'a': 1}"),
        ],
    )
    def test_an_undo_leaves_what_the_program_has_done_since(self, project, old, new):
        m = project.load("m", TABLE.format(old))
        engine = project.engine()
        table, before = m.TABLE, dict(m.TABLE)
        assert project.save(m=TABLE.format(new)).ok
        m.register("mine", 0)
        table["b"] = 7
        engine.undo()
        assert m.TABLE is table
        assert table == {**before, "b": 7, "mine": 0}

    def test_an_undo_waits_for_a_thread(self, project):
        m = project.load("m", TABLE.format("{'a': 1, 'b': 2}"))
        engine = project.engine()
        assert project.save(m=TABLE.format("{'a': 1}")).ok
        raised, goes, ends = [], threading.Event(), threading.Event()

        def go():
            try:
                for _ in m.TABLE:
                    goes.set()
                    ends.wait(0.005)
            except RuntimeError as error:
                raised.append(error)

        thread = threading.Thread(target=go)
        thread.start()
        goes.wait()
        engine.undo()
        thread.join()
        assert (m.TABLE, raised) == ({"a": 1, "b": 2}, [])

    def test_threads_go_through_it(self, project):
        m = project.load("m", TABLE.format("{'a': 1, 'b': 2}"))
        project.engine()
        raised, ends = [], threading.Event()

        def go():
            try:
                while not ends.is_set():
                    for _ in m.TABLE:
                        pass
            except RuntimeError as error:
                raised.append(error)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=go) for _ in range(2)]
        try:
            for thread in threads:
                thread.start()
            for number in range(20):
                new = "{'a': 1}" if number % 2 else "{'a': 1, 'b': 2, 'c': 3}"
                assert project.save(m=TABLE.format(new)).ok
        finally:
            ends.set()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(interval)
        assert not raised


LIST = """
    def f(): return "f"
    class Plugin: pass
    LIST = {}
    def register(value): LIST.append(value)
    """


class TestLists:
    @pytest.mark.parametrize(
        ("old", "new", "content"),
        [
            ("[1, f]", "[1, 2, f]", "[1, 2, f, 0]"),
            ("[1, f]", "[f]", "[f, 0]"),
            ("[1, f]", "[]", "[0]"),
            ("[]", "[1]", "[1, 0]"),
            ("['a', 'b']", "['b', 'a']", "['b', 'a', 0]"),
        ],
    )
    def test_of_an_edit(self, project, old, new, content):
        m = project.load("m", LIST.format(old))
        project.engine()
        known, going = m.LIST, iter(m.LIST)
        m.register(0)
        before = list(known)
        assert not stale(project.save(m=LIST.format(new)))
        assert known == eval(content, vars(m))
        assert m.LIST is known
        list(going)
        project.engine().undo()
        assert known == before

    def test_an_entry_that_is_as_it_was(self, project):
        m = project.load("m", LIST.format("[Plugin(), 1, Plugin(), []]"))
        project.engine()
        first, _, second, third = m.LIST
        assert project.save(m=LIST.format("[2, [], Plugin(), Plugin(), Plugin()]")).ok
        assert m.LIST[1:4] == [third, first, second]
        assert m.LIST[1] is third

    def test_the_program_has_changed_the_order(self, project):
        m = project.load("m", LIST.format("[1, 2]"))
        project.engine()
        m.register(0)
        m.LIST.sort()
        reload = project.save(m=LIST.format("[1, 2, 3]"))
        assert m.LIST == [1, 2, 3]
        assert stale(reload) == [(f"{project.prefix}m.LIST", LOST)]


class TestSets:
    @pytest.mark.parametrize(
        ("old", "new", "content"),
        [
            ("{1, f}", "{1, 2}", "{0, 1, 2}"),
            ("{1, f}", "{f, 'a'}", "{f, 'a', 0}"),
        ],
    )
    def test_of_an_edit(self, project, old, new, content):
        source = "def f(): pass\nITEMS = {}\n"
        m = project.load("m", source.format(old))
        project.engine()
        items = m.ITEMS
        items.add(0)
        before = set(items)
        assert not stale(project.save(m=source.format(new)))
        assert items == eval(content, vars(m))
        assert m.ITEMS is items
        project.engine().undo()
        assert items == before


CLASS = """
    import dataclasses
    def f(): return "f"
    class Base: pass
    {}
    class C(Base):
        x = 1
        def run(self): return 1
        table = {}
        def keys(self): return sorted(self.table)
        class Inner:
            names = []
    def register(name, value): C.table[name] = value
    KEYS = sorted(C.table)
    """


class TestClasses:
    @pytest.mark.parametrize("decorator", ["", "@dataclasses.dataclass"])
    @pytest.mark.parametrize(
        ("old", "new", "content"),
        [
            ("{'a': 1}", "{'a': 2}", "{'a': 2, 'mine': 0}"),
            ("{'a': f}", "{'a': f, 'b': 2}", "{'a': f, 'b': 2, 'mine': 0}"),
            ("{'a': x, 'b': run}", "{'b': run}", "{'b': C.run, 'mine': 0}"),
            ("{'a': x}", "{'a': x, 'b': run}", "{'a': 1, 'b': C.run, 'mine': 0}"),
        ],
    )
    def test_of_an_edit(self, project, decorator, old, new, content):
        m = project.load("m", CLASS.format(decorator, old))
        n = project.load("n", "from ~m import C\nN = len(C.table)\n")
        project.engine()
        table, c = m.C.table, m.C()
        m.register("mine", 0)
        before = dict(table)
        assert not stale(project.save(m=CLASS.format(decorator, new)))
        assert table == eval(content, vars(m))
        assert (m.C.table is table, m.KEYS, n.N) == (True, sorted(table), len(table))
        assert c.keys() == sorted(table)
        project.engine().undo()
        assert (m.C.table is table, table) == (True, before)

    def test_a_method_and_a_value_that_change_with_it(self, project):
        m = project.load("m", CLASS.format("", "{'a': run, 'b': x}"))
        project.engine()
        table, run = m.C.table, m.C.run
        m.register("mine", 0)
        new = CLASS.format("", "{'a': run, 'b': x, 'c': x}").replace("x = 1", "x = 2")
        assert not stale(project.save(m=new.replace("run(self)", "run(self, y=3)")))
        assert table == {"a": run, "b": 2, "c": 2, "mine": 0}
        assert (m.C.table is table, m.C.run is run, run(0, y=1)) == (True, True, 1)

    def test_it_is_as_it_was_and_the_class_is_run_as_a_whole(self, project):
        source = """
            def mark(cls): return cls
            @mark
            class C:
                table = {'a': 1}
                x = 1
            """
        m = project.load("m", source)
        project.engine()
        table = m.C.table
        table["mine"] = 0
        assert not stale(project.edit("m", "x = 1", "x = 2"))
        assert (m.C.table is table, table, m.C.x) == (True, {"a": 1, "mine": 0}, 2)

    def test_in_a_class_in_a_class(self, project):
        m = project.load("m", CLASS.format("", "{}").replace("[]", "[1]"))
        project.engine()
        names = m.C.Inner.names
        names.append(0)
        assert not stale(project.edit("m", "[1]", "[1, 2]"))
        assert (m.C.Inner.names is names, names) == (True, [1, 2, 0])

    def test_others_have_the_same(self, project):
        source = """
            class C:
                table = {'a': 1}
                alias = table
                def get(self, table=table): return table
            """
        m = project.load("m", source)
        project.engine()
        table, get = m.C.table, m.C().get
        table["mine"] = 0
        assert not stale(project.edit("m", "'a': 1", "'a': 2"))
        assert table == {"a": 2, "mine": 0}
        assert m.C.table is m.C.alias is m.C().get() is get() is table

    @pytest.mark.parametrize(
        ("body", "below", "content"),
        [
            ("table['x'] = 1", "", {"a": 2, "x": 1}),
            ("pass", "C.table['x'] = 1", {"a": 2, "x": 1}),
            ("pass", "C.table = {'z': 1}", {"z": 1}),
        ],
    )
    def test_statements_change_it(self, project, body, below, content):
        source = f"""
            class C:
                table = {{'a': 1}}
                {body}
            {below}
            """
        m = project.load("m", source)
        project.engine()
        table = m.C.table
        assert project.edit("m", "'a': 1", "'a': 2").ok
        assert (m.C.table, table) == (content, table)
        m.C.table["mine"] = 0
        reload = project.edit("m", "'a': 2", "'a': 3")
        assert m.C.table.get("a", 3) == 3
        assert ("mine" in m.C.table) is not any(LOST in reason for _, reason in stale(reload))


LOST = "it was made anew, and has not got an entry that the program had put into the old one"


class TestMadeAnew:
    """Where it is not known what the text has made, or statements would do it twice."""

    def test_statements_change_it_in_place(self, project):
        source = "L = [1]\nL.append(2)\nT = {'a': 1}\nT['b'] = 2\n"
        m = project.load("m", source)
        project.engine()
        table = m.T
        assert project.edit("m", "[1]", "[3]").ok
        assert project.edit("m", "'a': 1", "'a': 3, 'b': 1").ok
        assert (m.L, m.T, m.T is table) == ([3, 2], {"a": 3, "b": 2}, False)

    def test_what_they_call_changes_it_in_place(self, project):
        source = "def fill(l): l.append(2)\nL = [1]\nfill(L)\nS = sorted(L)\n"
        m = project.load("m", source)
        project.engine()
        assert project.edit("m", "[1]", "[3]").ok
        assert (m.L, m.S) == ([3, 2], [2, 3])

    @pytest.mark.parametrize(
        "other", ["from ~m import L\nL.append(2)\n", "import ~m\n~m.L += [2]\n"]
    )
    def test_another_module_does(self, project, other):
        m = project.load("m", "L = [1]\n")
        project.load("n", other)
        project.engine()
        assert project.edit("m", "[1]", "[3]").ok
        assert m.L == [3, 2]

    @pytest.mark.parametrize(
        "statement",
        [
            "{'a': 1}\nT['x'] = 1",
            "{'a': 1}\ndef bind():\n    global T\n    T = {}",
            "{'a': 1}\nif T: T = {'a': 1}",
        ],
    )
    def test_what_is_lost_is_named(self, project, statement):
        m = project.load("m", f"T = {statement}\n")
        project.engine()
        m.T["mine"] = 0
        reload = project.save(m=f"T = {statement}\n".replace("'a': 1", "'a': 2"))
        assert m.T.get("a") == 2
        assert "mine" not in m.T
        if "if" not in statement:
            assert stale(reload) == [(f"{project.prefix}m.T", f"{LOST}: 'mine'")]

    def test_what_has_changed_it_is_gone_with_it(self, project):
        m = project.load("m", "T = {'a': 1}\nT['b'] = 2\nT.update(c=3)\n")
        project.engine()
        assert not stale(project.save(m="T = {'a': 2}\n"))
        assert m.T == {"a": 2}

    def test_keys_compare_as_they_like(self, project):
        source = """
            class Key:
                def __init__(self, name): self.name = name
                def __eq__(self, other): raise ValueError
                def __hash__(self): return 1
            KEY = Key("a")
            T = {KEY: 1}
            """
        m = project.load("m", source)
        project.engine()
        table = m.T
        assert project.edit("m", "{KEY: 1}", "{KEY: 2}").ok
        assert (list(m.T.values()), list(table.values())) == ([2], [1])

    def test_the_name_stands_for_something_else(self, project):
        m = project.load("m", "T = {'a': 1}\n")
        project.engine()
        m.T = other = {"z": 1}
        assert project.edit("m", "1", "2").ok
        assert (m.T, other) == ({"a": 2}, {"z": 1})

    def test_names_of_every_module(self, project):
        m = project.load("m", "__all__ = ['a']\na = b = 1\n")
        n = project.load("n", "from ~m import *\n")
        project.engine()
        assert project.edit("m", "['a']", "['a', 'b']").ok
        assert (m.__all__, n.b) == (["a", "b"], 1)

    def test_the_whole_module_is_run(self, project):
        m = project.load("m", "__rerun__ = 'module'\nT = {'a': 1}\n")
        project.engine()
        m.T["mine"] = 0
        assert project.edit("m", "1", "2").ok
        assert m.T == {"a": 2}
