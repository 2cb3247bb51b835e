"""Edits that real projects have made, in small: what went wrong with them once."""

from __future__ import annotations


def said(reload):
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    return [(stale.what, stale.reason) for stale in reload.stale]


class TestClasses:
    def test_a_package_shows_a_class_as_its_own_that_has_class_methods_alone(self, project):
        """Nothing but the functions in its class methods tells where it was defined."""
        source = """
            class Backend:
                @classmethod
                def run(cls, command: str): return 1
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import Backend\nBackend.__module__ = __name__\n")
        project.engine()
        backend = m.Backend
        assert not said(project.save(m=source.replace("command: str", "command: bytes = b''")))
        assert (m.Backend is backend, user.Backend is backend) == (True, True)
        assert (backend.run(), backend.__module__) == (1, user.__name__)


class TestOverloads:
    def test_a_module_is_left_in_the_middle_while_a_name_holds_an_overload(self, project):
        """The second turn in a cycle goes on from what the reload began with."""
        project.write("late", "import ~m\nX = 1\nclass Late:\n    y = ~m.retry\n")
        source = """
            import typing
            def retry(*a): return "old"
            from ~late import X, Late
            """
        m = project.load("m", source)
        user = project.load("user", "from ~m import retry\nheld = [retry]\n")
        project.engine()
        retry = m.retry
        overloaded = """
            import typing
            Y = 1
            @typing.overload
            def retry(a: int): ...
            @typing.overload
            def retry(a: str, b: int): ...
            from ~late import X, Late, Z
            def retry(*a: int): return "new"
            """
        late = "import ~m\nX = 2\nZ = 3\nclass Late:\n    y = ~m.Y\n"
        assert not said(project.save(m=overloaded, late=late))
        assert (m.retry is retry, user.retry is retry, user.held[0]()) == (True, True, "new")
        assert (m.X, m.Z, m.Late.y) == (2, 3, 1)
