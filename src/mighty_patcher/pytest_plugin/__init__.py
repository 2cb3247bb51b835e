"""The pytest plugin: mend a failing test while it waits, and see it pass.

This module is imported by every run of pytest of everybody who has installed the package. It
imports nothing, and does nothing unless one of its options is used.
"""

from __future__ import annotations

import pytest

__all__: list[str] = []

_LOOP = """\
when a test fails, open the debugger (--pdbcls) on it, install what is saved meanwhile, and run it \
again at `c`, until it passes; `giveup` leaves it failed and goes on, `q` ends the run"""
_WAIT = """\
the same without a debugger: a test that failed waits, and runs again at the next save; Ctrl-C \
leaves it failed and goes on"""
_WATCH = """\
after the run stay in the process; at each save install it and run the tests that it can affect, \
those that failed first; Ctrl-C or q ends it"""
_DIR = """\
a folder from which modules are imported, watched instead of the root and the current folder and \
the src in them (repeatable)"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, each with a setting of the same name."""
    group = parser.getgroup("mighty_patcher", "edits while tests run (mighty_patcher)")
    group.addoption("--reload-loop", action="store_true", default=None, help=_LOOP)
    group.addoption("--reload-wait", action="store_true", default=None, help=_WAIT)
    group.addoption("--reload-watch", action="store_true", default=None, help=_WATCH)
    group.addoption("--reload-dir", action="append", default=[], metavar="DIR", help=_DIR)
    parser.addini("reload_loop", "use --reload-loop", type="bool", default=False)
    parser.addini("reload_wait", "use --reload-wait", type="bool", default=False)
    parser.addini("reload_watch", "use --reload-watch", type="bool", default=False)
    parser.addini("reload_dir", "folders for --reload-dir", type="paths", default=[])


def _is_wanted(config: pytest.Config, name: str) -> bool:
    return bool(config.getoption(name) or config.getini(name))


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Begin to record what runs before the first conftest does, if it is asked for."""
    if early_config.known_args_namespace.reload_watch or early_config.getini("reload_watch"):
        from mighty_patcher.pytest_plugin import options

        options.begin_to_watch(early_config)


@pytest.hookimpl(trylast=True)  # when all others have their options in order
def pytest_configure(config: pytest.Config) -> None:
    """Begin, if it is asked for."""
    loop, wait = _is_wanted(config, "reload_loop"), _is_wanted(config, "reload_wait")
    watch = _is_wanted(config, "reload_watch")
    if not (loop or wait or watch):
        if config.getoption("reload_dir"):
            raise pytest.UsageError(
                "--reload-dir goes with --reload-loop, --reload-wait or --reload-watch"
            )
        return
    if hasattr(config, "workerinput"):
        return  # of xdist, whose other side says so
    from mighty_patcher.pytest_plugin import options

    if watch:
        options.watch(config)
    else:
        options.begin(config, waits=wait)
