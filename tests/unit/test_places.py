"""The text of a module that has become a package, as it would read there; see tests/live, too."""

from __future__ import annotations

import pytest

from mighty_patcher.engine.relocated import as_written_in, other_place
from mighty_patcher.engine.version import Version


@pytest.mark.parametrize(
    ("was", "now", "old", "new"),
    [
        ("shop", "shop.cart", "from . import a", "from .. import a"),
        ("shop", "shop.cart", "from .a import b", "from ..a import b"),
        ("shop", "shop.cart", "from .cart.a import b", "from .a import b"),
        ("shop", "shop.cart", "from shop.a import b", "from shop.a import b"),
        ("shop.cart", "shop", "from . import a", "from .cart import a"),
        ("shop.cart", "shop", "from .a import b", "from .cart.a import b"),
        ("shop.cart", "shop", "from ..a import b", "from .a import b"),
        ("shop.cart", "shop", "from .. import a", "from . import a"),
        ("a.b", "a.b.c", "from ...x import y", None),  # nothing is beyond the top
        ("", "m", "import a\nX = 1", "import a\nX = 1"),
        (
            "s",
            "s.c",
            "try: from .a import b\nexcept E: X = 1",
            "try: from ..a import b\nexcept E: X = 1",
        ),
        ("s", "s.c", "x = 1; from .a import b; y = 2", "x = 1; from ..a import b; y = 2"),
        ("s", "s.c", "if x:\n  from .a import (\n   b)", "if x:\n  from ..a import (\n   b)"),
        ("s", "s.c", "from \\\n .a \\\n import b\nX", "from ..a \\\n\\\nimport b\nX"),
        ("s", "s.c", "def f():\n  from .a import b", "def f():\n  from .a import b"),
        (
            "s",
            "s.c",
            "x = 'gr\u00f6\u00dfe'; from .a import b",
            "x = 'gr\u00f6\u00dfe'; from ..a import b",
        ),
    ],
)
def test_relative_imports(was: str, now: str, old: str, new: str | None) -> None:
    found = as_written_in(Version.of("m.py", old.encode()), "m/__init__.py", was, now)
    if new is None:
        assert found is None or "..." not in found.text
    else:
        assert found is not None
        assert found.text == new


def test_other_encodings() -> None:
    """What cannot be written in its encoding is not known; line ends do not matter."""
    latin = Version.of(
        "m.py", "# coding: latin-1\nx = '\u00e4'\nfrom .a import b\n".encode("latin-1")
    )
    assert as_written_in(latin, "m/__init__.py", "s", "s.m") is None
    windows = as_written_in(Version.of("m.py", b"x = 1\r\nfrom .a import b\r\n"), "n", "s", "s.m")
    assert windows is not None
    assert windows.text == "x = 1\nfrom ..a import b\n"
    bad = Version.of("m.py", b"def")
    assert as_written_in(bad, "m/__init__.py", "s", "s.m") is None


def test_other_places() -> None:
    assert other_place("/s/cart.py") == "/s/cart/__init__.py"
    assert other_place("/s/cart/__init__.py") == "/s/cart.py"
    assert other_place("/s/cart.txt") is None
