from __future__ import annotations

import datetime
import io
import logging
import sys

import pytest

from mighty_patcher.engine import log as room
from mighty_patcher.engine.log import ensure_console, logger
from mighty_patcher.engine.report import Reload, Stale, Step, announce
from mighty_patcher.errors import SourceError


def reload_of(name: str = "f", **attributes) -> Reload:
    steps = (Step("patched", "shop.cart", name, 7, "body changed"),)
    started = datetime.datetime(2026, 11, 20, 12, 3, 41, tzinfo=datetime.UTC)
    return Reload(**{"modules": ("shop.cart",), "steps": steps, "started": started, **attributes})


OK = reload_of()
STALE = reload_of(stale=(Stale("a", "b", "c"),))
FAILED = reload_of(steps=(), errors=(SourceError("/cart.py", "bad"),))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def fresh(monkeypatch):
    """Logging as it is when a program starts; the real one has handlers of pytest's."""
    for name in ("NO_COLOR", "FORCE_COLOR", "PYTHON_COLORS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging.Logger, "manager", logging.Manager(root))
    monkeypatch.setattr(room, "_console_wanted", False)
    return root


@pytest.fixture
def shown(capsys):
    """What was written to stderr since the last look."""
    return lambda: capsys.readouterr().err


class TestLogger:
    """The logger that the application has asked for, or one that it does not see."""

    def test_a_program_has_its_own_loggers_alone(self, fresh, shown):
        ensure_console()
        announce(FAILED)
        logger().debug("not said")
        assert list(fresh.manager.loggerDict) == []
        assert shown() == f"{FAILED}\n"

    def test_and_its_own_handlers(self):
        listed = [it() for it in logging._handlerList]  # type: ignore[attr-defined]
        assert not [it for it in listed if it in (room._console, room._silence)]

    def test_what_the_application_has_asked_for_is_ours(self, fresh):
        before = logger()
        asked = logging.getLogger("mighty_patcher")
        assert before is not asked
        assert logger() is asked

    def test_one_that_was_asked_for_below_ours_does_not_count(self, fresh, shown):
        logging.getLogger("mighty_patcher.more")
        ensure_console()
        announce(OK)
        assert shown() == f"{OK}\n"
        logging.getLogger("mighty_patcher").setLevel(logging.ERROR)
        announce(OK)
        assert shown() == ""

    def test_levels_that_change_later_hold(self, fresh):
        assert not logger().isEnabledFor(logging.INFO)
        fresh.setLevel(logging.INFO)
        assert logger().isEnabledFor(logging.INFO)
        fresh.manager.disable = logging.INFO
        assert not logger().isEnabledFor(logging.INFO)

    def test_records_reach_the_handlers_of_the_application(self, fresh):
        stream = io.StringIO()
        fresh.addHandler(handler := logging.StreamHandler(stream))
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
        logger().warning("a")
        logging.getLogger("mighty_patcher").warning("b")
        logger().warning("c")
        assert stream.getvalue().splitlines() == [f"WARNING mighty_patcher {it}" for it in "abc"]

    def test_nothing_is_said_where_nobody_listens(self, fresh, shown):
        logger().error("a")
        logging.getLogger("mighty_patcher")
        logger().error("b")
        assert shown() == ""


@pytest.mark.usefixtures("fresh")
class TestConsole:
    @pytest.mark.parametrize("reload", [OK, STALE, FAILED])
    def test_silent_unless_asked(self, reload, shown):
        announce(reload)
        assert shown() == ""

    @pytest.mark.parametrize("reload", [OK, STALE, FAILED])
    def test_shows_each_reload_once(self, reload, shown):
        ensure_console()
        ensure_console()
        announce(reload)
        assert shown() == f"{reload}\n"

    def test_other_messages_get_the_time(self, shown):
        ensure_console()
        room.logger().warning("polling every %s s", 0.3)
        text = shown()
        assert text[2] == text[5] == ":"
        assert text[8:] == " polling every 0.3 s\n"

    @pytest.mark.parametrize("where", ["root", "ours"])
    @pytest.mark.parametrize("first", ["application", "console"])
    def test_silent_if_the_application_logs(self, fresh, shown, where, first):
        handler = logging.StreamHandler(io.StringIO())
        if first == "console":
            ensure_console()
        (fresh if where == "root" else logging.getLogger(room.NAME)).addHandler(handler)
        ensure_console()
        announce(OK)
        announce(FAILED)
        assert shown() == ""
        # It did not ask for more than warnings, and we do not change that.
        assert handler.stream.getvalue() == f"{FAILED}\n"

    def test_a_null_handler_is_no_configuration(self, fresh, shown):
        fresh.addHandler(logging.NullHandler())
        ensure_console()
        announce(OK)
        assert shown() == f"{OK}\n"

    def test_other_handlers_do_not_count_without_propagation(self, fresh, shown):
        fresh.addHandler(logging.StreamHandler(io.StringIO()))
        logging.getLogger(room.NAME).propagate = False
        ensure_console()
        announce(OK)
        assert shown() == f"{OK}\n"

    @pytest.mark.parametrize("how", ["ours", "root", "disable", "disabled"])
    def test_levels_that_the_application_set_hold(self, fresh, shown, how):
        ensure_console()
        match how:
            case "ours":
                logging.getLogger(room.NAME).setLevel(logging.ERROR)
            case "root":
                fresh.setLevel(logging.ERROR)
            case "disable":
                logging.Logger.manager.disable = logging.INFO
            case "disabled":
                logging.getLogger(room.NAME).disabled = True
        announce(OK)
        assert shown() == ""

    def test_stderr_of_the_moment(self, monkeypatch, shown):
        ensure_console()
        announce(OK)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        announce(FAILED)
        assert sys.stderr.getvalue() == f"{FAILED}\n"
        assert shown() == f"{OK}\n"

    def test_never_raises(self, monkeypatch):
        class Broken:
            def write(self, text):
                raise BrokenPipeError

            def __getattr__(self, name):
                raise RuntimeError(name)

        closed = io.StringIO()
        closed.close()
        ensure_console()
        for stream in (None, closed, Broken(), object()):
            monkeypatch.setattr(sys, "stderr", stream)
            announce(OK)
            announce(FAILED)

    @pytest.mark.parametrize("encoding", ["ascii", "utf-8", "utf-16", "cp1252"])
    def test_any_encoding(self, monkeypatch, encoding):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding=encoding))
        ensure_console()
        announce(reload_of("größe", paths=("日本/\udcff.py",)))
        text = raw.getvalue().decode(encoding)
        assert "patched größe" in text or "patched gr\\xf6\\xdfe" in text
        assert "\\udcff" in text

    def test_colours_on_a_terminal(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "linux")
        monkeypatch.setattr(sys, "stderr", Terminal())
        ensure_console()
        for reload, colour in ((OK, 32), (STALE, 33), (FAILED, 31)):
            announce(reload)
            word = str(reload).split()[1]
            painted = f"\033[2m12:03:41\033[0m \033[{colour}m{word}\033[0m "
            assert painted in sys.stderr.getvalue()


class TestColours:
    @pytest.mark.parametrize(
        ("tty", "environment", "colours"),
        [
            (True, {}, True),
            (False, {}, False),
            (True, {"NO_COLOR": "1"}, False),
            (True, {"NO_COLOR": ""}, True),
            (False, {"FORCE_COLOR": "1"}, True),
            (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
            (True, {"TERM": "dumb"}, False),
            (False, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
            (True, {"PYTHON_COLORS": "0", "FORCE_COLOR": "1"}, False),
            (False, {"PYTHON_COLORS": "1", "NO_COLOR": "1"}, True),
            (True, {"PYTHON_COLORS": "?"}, True),
        ],
    )
    def test_rules(self, monkeypatch, tty, environment, colours):
        monkeypatch.setattr(sys, "platform", "linux")
        stream = Terminal() if tty else io.StringIO()
        assert room._colours(stream, environment) is colours

    def test_old_windows_console(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "win32")
        assert not room._colours(Terminal(), {})
        assert room._colours(Terminal(), {"WT_SESSION": "x"})
