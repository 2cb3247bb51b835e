"""What statements change in place is put back with the rest of a reload."""

from __future__ import annotations

import pytest

SOURCE = """
    import types
    from ~config import options
    import ~config as config
    LIMIT = 1
    def g(): pass
    class C: pass
    class D(C): pass
    class S: __slots__ = ("a", "b")
    class P:
        @property
        def a(self): return self.told
        @a.setter
        def a(self, value): self.told = value
    i, s, p = C(), S(), P()
    i.d = {}
    table, names, known = {}, [0], {0}
    g.a = LIMIT
    C.a = LIMIT
    i.a = LIMIT
    s.a = LIMIT
    p.a = LIMIT
    i.d["x"] = LIMIT
    config.limit = LIMIT
    options["limit"] = LIMIT
    table["x"] = LIMIT
    table.update(more=LIMIT)
    names.append(LIMIT)
    known.add(LIMIT)
    if LIMIT:
        D.a = s.b = LIMIT
    g.__doc__ = f"up to {LIMIT}"
    # here
    """


def state(m, config):
    return (
        *(m.g.a, m.C.a, m.D.a, m.i.a, m.s.a, m.s.b, m.g.__doc__),
        *(config.limit, config.options, m.i.d, m.table, m.names, m.known),
        *(vars(m.D).keys(), vars(m.i).keys(), m.LIMIT),
    )


def said(m, config):
    return repr(state(m, config))


@pytest.fixture
def loaded(project):
    config = project.load("config", "limit, options = 0, {}\n")
    m = project.load("m", SOURCE)
    project.engine()
    return m, config


class TestItIsPutBack:
    NEW = SOURCE.replace("LIMIT = 1", "LIMIT = 2")

    def test_by_undo(self, project, loaded):
        before = said(*loaded)
        assert project.save(m=self.NEW).ok
        m, config = loaded
        assert (m.g.a, m.C.a, m.i.a, m.s.b, m.g.__doc__) == (2, 2, 2, 2, "up to 2")
        assert (config.limit, config.options, m.table) == (2, {"limit": 2}, {"x": 2, "more": 2})
        assert said(m, config) != before
        project.engine().undo()
        assert said(m, config) == before

    def test_where_a_statement_raises(self, project, loaded):
        before = said(*loaded)
        reload = project.save(m=self.NEW.replace("# here", "raise ValueError"))
        assert not reload.ok
        assert said(*loaded) == before
        assert project.save(m=self.NEW).ok
        assert loaded[0].C.a == 2

    def test_where_it_raises_itself(self, project, loaded):
        before = said(*loaded)
        source = SOURCE.replace("if LIMIT:", "for it in (1, 0):").replace(
            "D.a = s.b = LIMIT", "D.a = names[0] = table['y'] = 1 / it"
        )
        assert not project.save(m=source).ok
        assert said(*loaded) == before

    def test_what_was_not_there_before_goes(self, project, loaded):
        m, config = loaded
        before = said(m, config)
        new = "D.more = i.more = g.more = config.more = table['more'] = LIMIT\n    names += [5]"
        assert project.save(m=SOURCE.replace("# here", new)).ok
        assert (m.D.more, m.i.more, m.g.more, config.more, m.names[-1]) == (1, 1, 1, 1, 5)
        project.engine().undo()
        assert said(m, config) == before
        assert not any(hasattr(it, "more") for it in (m.D, m.i, m.g, config))

    def test_what_the_program_has_changed_since_stays(self, project, loaded):
        m, config = loaded
        assert project.save(m=self.NEW).ok
        m.C.a, m.i.a, m.table["x"], config.limit = "mine", "mine", "mine", "mine"
        m.names.append("mine")
        project.engine().undo()
        assert (m.C.a, m.i.a, m.table["x"], config.limit) == ("mine",) * 4
        assert (m.names[-1], m.g.a, m.table["more"]) == ("mine", 1, 1)

    def test_nobody_is_asked(self, project, loaded):
        """What a setter has done is its own."""
        m, _ = loaded
        assert project.save(m=self.NEW).ok
        project.engine().undo()
        assert m.p.told == 2
