from __future__ import annotations

import datetime
import json
import logging

import pytest

from mighty_patcher.engine import report as room
from mighty_patcher.engine.report import (
    LINES_MOVED,
    Reload,
    Stale,
    Step,
    announce,
)
from mighty_patcher.engine.version import Version
from mighty_patcher.errors import RefusedEdit, RunError, SourceError

NOON = datetime.datetime(2026, 11, 20, 12, 3, 41, tzinfo=datetime.UTC)


def patched(*names: str, module: str = "shop.cart", reason: str = "body changed") -> list[Step]:
    return [Step("patched", module, name, 7, reason) for name in names]


def reload_of(*steps: Step, **attributes) -> Reload:
    given = {"modules": ("shop.cart",), "paths": ("shop/cart.py",), "seconds": 0.0031}
    return Reload(**{**given, "steps": steps, "started": NOON, **attributes})


def source_error(text: str) -> SourceError:
    """As version.py raises it."""
    try:
        compile(text, "/shop/cart.py", "exec")
    except SyntaxError as exc:
        error = SourceError("/shop/cart.py", exc.msg, exc.lineno)
        error.__cause__ = exc
    return error


def run_error(path) -> RunError:
    """As run.py raises it: from frames of ours into the user's file."""
    path.write_text("def rate():\n    return 1 / 0\n\nRATE = rate()\n")
    code = compile(path.read_text(), str(path), "exec")
    try:
        exec(code, {"__name__": "cart"})
    except ZeroDivisionError as exc:
        error = RunError(str(path), "ZeroDivisionError: division by zero", 2)
        error.__cause__ = exc
    return error


class TestLine:
    def test_all_kinds(self):
        reload = reload_of(
            *patched("Cart.total", "tax"),
            Step("ran", "shop.cart", "RATE", 1),
            Step("removed", "shop.cart", "old", 9),
            Step("rebound", "shop.app", "RATE", 2),
            Step("rebound", "__main__", "RATE", 3),
            Step("kept", "shop.cart", "CACHE", 2),
        )
        assert str(reload) == (
            "12:03:41 reloaded shop/cart.py: patched Cart.total, tax; ran RATE; removed old; "
            "rebound 2 names  3.1 ms"
        )

    def test_one_name(self):
        assert "rebound 1 name  " in str(reload_of(Step("rebound", "a", "X", 1)))

    def test_statement_without_a_name(self):
        assert ": ran line 12  " in str(reload_of(Step("ran", "a", "", 12)))

    def test_each_name_once_for_each_module(self):
        steps = [*patched("f"), *patched("f"), *patched("f", module="other")]
        assert "patched f, f  " in str(reload_of(*steps))

    def test_long_lists(self):
        names = [f"f{number}" for number in range(17)]
        assert "patched f0, f1, f2, f3, f4 and 12 more  " in str(reload_of(*patched(*names)))
        assert "patched f0, f1, f2, f3, f4 and 2 more  " in str(reload_of(*patched(*names[:7])))
        assert "patched f0, f1, f2, f3, f4, f5  " in str(reload_of(*patched(*names[:6])))

    def test_lines_moved(self):
        moved = patched("f", "g", reason=LINES_MOVED)
        assert "shop/cart.py: lines moved  3.1 ms" in str(reload_of(*moved))
        assert "shop/cart.py: patched h  " in str(reload_of(*moved, *patched("h")))

    def test_nothing_done(self):
        assert "shop/cart.py: nothing to change  3.1 ms" in str(reload_of())
        assert "nothing to change" in str(reload_of(Step("kept", "a", "X", 1)))

    @pytest.mark.parametrize(
        ("paths", "words"),
        [
            (("a.py", "b.py"), "reloaded a.py, b.py: "),
            (("a.py", "b.py", "c.py"), "reloaded a.py, b.py, c.py: "),
            (tuple(f"{n}.py" for n in range(14)), "reloaded 14 files: "),
        ],
    )
    def test_files(self, paths, words):
        assert words in str(reload_of(paths=paths))

    @pytest.mark.parametrize(
        ("seconds", "words"),
        [
            (0.00004, "0.0 ms"),
            (0.0031, "3.1 ms"),
            (0.0123, "12 ms"),
            (0.9, "900 ms"),
            (2, "2.00 s"),
        ],
    )
    def test_duration(self, seconds, words):
        assert str(reload_of(seconds=seconds)).endswith(f"  {words}")

    def test_stale(self):
        stale = (Stale("Cart", "it has slots", "restart"), Stale("x", "y", "z"))
        assert str(reload_of(*patched("f"), stale=stale)).splitlines() == [
            "12:03:41 reloaded shop/cart.py: patched f  3.1 ms",
            "  stale: Cart: it has slots; restart",
            "  stale: x: y; z",
        ]


class TestErrors:
    def test_ok_and_error(self):
        first, second = SourceError("a.py", "bad"), SourceError("b.py", "bad")
        reload = reload_of(errors=(first, second))
        assert not reload.ok
        assert reload.error is first
        assert reload_of().ok
        assert reload_of().error is None

    def test_source_error_shows_the_line(self):
        text = str(reload_of(errors=(source_error("a = 1\ntotal = sum(prices\n"),)))
        head, source, caret = text.splitlines()
        assert head == (
            "12:03:41 not reloaded: /shop/cart.py:2: '(' was never closed; "
            "save it again when it is mended"
        )
        assert source.strip() == "total = sum(prices"
        assert caret.index("^") == source.index("(")

    def test_source_error_without_a_line(self):
        text = str(reload_of(errors=(SourceError("/shop/cart.py", "the file is not there"),)))
        assert text == (
            "12:03:41 not reloaded: /shop/cart.py: the file is not there; "
            "save it again when it is mended"
        )

    def test_run_error_shows_the_users_frames_only(self, tmp_path):
        file = tmp_path / "cart.py"
        lines = str(reload_of(errors=(run_error(file),))).splitlines()
        assert lines[0].startswith(f"12:03:41 not reloaded: {file}:2: raised ZeroDivisionError")
        assert lines[1] == "  Traceback (most recent call last):"
        assert lines[2] == f'    File "{file}", line 4, in <module>'
        assert "rate()" in lines[3]
        assert lines[-1] == "  ZeroDivisionError: division by zero"
        assert __file__ not in "".join(lines)

    def test_run_error_from_code_of_another_name(self, tmp_path, monkeypatch):
        error = run_error(tmp_path / "cart.py")
        error.path = "/elsewhere.py"
        assert __file__ in str(reload_of(errors=(error,)))
        monkeypatch.setattr(room, "_PACKAGE", __file__)  # as if the frame here were ours
        assert __file__ not in str(reload_of(errors=(error,)))

    def test_run_error_that_cannot_be_written(self, tmp_path):
        class Mute(Exception):
            def __str__(self):
                raise RuntimeError

        error = RunError("/cart.py", "Mute")
        error.__cause__ = Mute()
        assert "Mute" in str(reload_of(errors=(error,)))

    def test_refused_edit(self):
        text = str(reload_of(errors=(RefusedEdit("Cart gained a slot", "restart"),)))
        assert text == "12:03:41 refused shop/cart.py: Cart gained a slot; restart"

    def test_some_files_and_some_errors(self):
        errors = (SourceError("/a.py", "bad"), RefusedEdit("b", "c"))
        lines = str(reload_of(*patched("f"), errors=errors)).splitlines()
        assert [line.split()[1] for line in lines] == ["reloaded", "not", "refused"]
        assert all(line.startswith("12:03:41 ") for line in lines)


class TestEvent:
    def test_is_json(self, tmp_path):
        reload = reload_of(
            *patched("f"),
            stale=(Stale("a", "b", "c"),),
            errors=(run_error(tmp_path / "cart.py"), RefusedEdit("d", "e"), source_error("(")),
        )
        event = json.loads(json.dumps(reload.as_dict()))
        assert event["v"] == 1
        assert event["event"] == "reload"
        assert event["ok"] is False
        assert datetime.datetime.fromisoformat(event["started"]) == NOON
        assert event["modules"] == ["shop.cart"]
        assert event["paths"] == ["shop/cart.py"]
        assert event["seconds"] == 0.0031
        assert event["steps"] == [
            {
                "kind": "patched",
                "module": "shop.cart",
                "qualname": "f",
                "line": 7,
                "reason": "body changed",
            }
        ]
        assert event["stale"] == [{"what": "a", "reason": "b", "hint": "c"}]
        run, refused, source = event["errors"]
        assert (run["type"], run["slug"], run["line"]) == ("RunError", "run-error", 2)
        assert run["details"][-1] == "ZeroDivisionError: division by zero"
        assert (refused["reason"], refused["hint"], refused["path"]) == ("d", "e", None)
        assert (source["path"], source["line"], source["hint"]) == ("/shop/cart.py", 1, None)

    def test_defaults(self):
        reload = Reload()
        assert reload.started.tzinfo is not None
        assert json.dumps(reload.as_dict())


OK = reload_of(*patched("f"))
STALE = reload_of(*patched("f"), stale=(Stale("a", "b", "c"),))
FAILED = reload_of(errors=(SourceError("/cart.py", "bad"),))


class TestLogging:
    @pytest.mark.parametrize(
        ("reload", "level"),
        [(OK, logging.INFO), (STALE, logging.WARNING), (FAILED, logging.ERROR)],
    )
    def test_level(self, caplog, reload, level):
        with caplog.at_level(logging.INFO, "mighty_patcher"):
            announce(reload)
        (record,) = caplog.records
        assert (record.levelno, record.getMessage()) == (level, str(reload))
        assert record.reload is reload

    def test_errors_are_errors_though_something_is_stale(self, caplog):
        announce(reload_of(stale=STALE.stale, errors=FAILED.errors))
        assert caplog.records[0].levelno == logging.ERROR


def test_a_reload_of_no_file_names_none() -> None:
    reload = Reload(errors=(RefusedEdit("asked for by a module that runs", "ask later"),))
    assert str(reload).endswith(" refused: asked for by a module that runs; ask later")
    assert " reloaded: nothing to change  " in str(Reload())


class TestExplained:
    def test_reasons_and_lines(self):
        old = Version.of("/shop/cart.py", b"RATE = 1\n")
        new = Version.of("/shop/cart.py", b"RATE = 2\n")
        reload = reload_of(
            Step("ran", "shop.cart", "RATE", 1, "it changed"),
            *patched("tax", reason=LINES_MOVED),
            texts=(("shop/cart.py", old, new),),
        )
        assert reload.explained().splitlines() == [
            "ran RATE (shop.cart, line 1): it changed",
            "--- shop/cart.py",
            "+++ shop/cart.py",
            "@@ -1 +1 @@",
            "-RATE = 1",
            "+RATE = 2",
        ]

    def test_what_was_not_known_or_not_python_before(self):
        new, binary = Version.of("/a.py", b"x = 1\n"), Version.of("/a.py", b"\0\xff")
        for old in (None, binary):
            reload = reload_of(texts=(("a.py", old, new),))
            assert reload.explained().splitlines()[-1] == "+x = 1"

    def test_is_logged_where_debugging_messages_are_wanted(self, caplog):
        with caplog.at_level(logging.INFO, "mighty_patcher"):
            announce(reload_of(*patched("tax")))
        assert len(caplog.records) == 1
        with caplog.at_level(logging.DEBUG, "mighty_patcher"):
            announce(reload_of(*patched("tax")))
        assert "patched tax (shop.cart, line 7): body changed" in caplog.records[-1].getMessage()
