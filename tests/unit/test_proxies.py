"""Objects that stand for others and make those when they are asked anything: nobody asks them."""

from __future__ import annotations

import pytest

PROXY = """\
asked = []
class Proxy:
    def __init__(self, make): object.__setattr__(self, "_make", make)
    def __getattr__(self, name): return getattr(self._ask(name), name)
    def __setattr__(self, name, value): setattr(self._ask(name), name, value)
    def _ask(self, name):
        asked.append(name)
        return object.__getattribute__(self, "_make")()
    def __call__(self, *args): return self._ask("()")(*args)
    def __eq__(self, other): return self._ask("==") == other
    def __hash__(self): return hash(self._ask("hash"))
    def __bool__(self): return bool(self._ask("bool"))
    def __len__(self): return len(self._ask("len"))
    def __iter__(self): return iter(self._ask("iter"))
    def __repr__(self): return repr(self._ask("repr"))
    __dict__ = property(lambda self: self._ask("__dict__").__dict__)
    __class__ = property(lambda self: self._ask("__class__").__class__)
    __module__ = property(lambda self: self._ask("__module__").__module__)
    __name__ = property(lambda self: self._ask("__name__").__name__)
    __doc__ = property(lambda self: self._ask("__doc__").__doc__)
    __wrapped__ = property(lambda self: self._ask("__wrapped__").__wrapped__)
"""
MODULE = """\
from ~proxy import Proxy
LIMIT = 1
def made(): return LIMIT
def plain(): return made
app = Proxy(made)
decorated = Proxy(plain)
HELD = {"app": app, "all": [app, decorated]}
def run(item=app, *, other=decorated): return LIMIT, item is app
class Shop:
    app = app
    limit = LIMIT
    def run(self, item=app): return self.limit, item is app
class Other(Shop):
    app = decorated
    def run(self, item=app): return super().run(item)
SHOP = Shop()
SHOP.app = app
if LIMIT:
    here = app
"""
USER = "from ~m import app, Shop, HELD\nHERE = [app, HELD]\ntwice = app\nLAST = Shop.limit\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 1", "LIMIT = 2"),
        ("def made(): return LIMIT", "def made(): return LIMIT + 1"),
        ("return LIMIT, item is app", "return LIMIT, item is app, 1"),
        ("def run(item=app, *, other", "def run(item=app, n=1, *, other"),
        ("    limit = LIMIT", "    limit = LIMIT\n    more = app"),
        ("class Shop:", "class Shop(Proxy if 0 else object):"),
        ("class Other(Shop):\n    app = decorated", "class Other(Shop):\n    app = app"),
        ("app = Proxy(made)", "app = Proxy(lambda: made())"),
        ('HELD = {"app": app, ', 'HELD = {"it": app, '),
        ("SHOP.app = app\n", ""),
        ("    here = app", "    here = decorated"),
        ("decorated = Proxy(plain)\n", "@Proxy\ndef decorated(): return 1\n"),
    ],
)
def test_nobody_asks_a_proxy(project, old, new):
    asked = project.load("proxy", PROXY).asked
    module = project.load("m", MODULE)
    project.load("user", USER)
    engine = project.engine()
    asked.clear()
    reload = project.edit("m", old, new)
    assert reload.ok, [e.__cause__ or e for e in reload.errors]
    str(reload), reload.explained(), reload.kept
    engine.undo()
    assert asked == []
    assert module.run()[:2] == (1, True)
