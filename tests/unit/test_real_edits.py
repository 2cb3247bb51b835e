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
