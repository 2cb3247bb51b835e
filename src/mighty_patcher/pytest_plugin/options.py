"""What the options ask for: refused where it conflicts with others, and begun where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["begin", "begin_to_watch", "folders", "watch"]

_WATCH: pytest.StashKey[Any] = pytest.StashKey()


def begin(config: pytest.Config, *, waits: bool) -> None:
    """Register what does the work.

    Args:
        config: The configuration.
        waits: There is no debugger.

    Raises:
        pytest.UsageError: Another option excludes it, or there is no such folder.
    """
    option = "--reload-wait" if waits else "--reload-loop"
    if _is_distributed(config):
        config.pluginmanager.register(
            _Idle(f"{option} does nothing with -n: the processes of xdist have no terminal")
        )
        return
    _refuse_conflicts(config, option)
    from mighty_patcher.pytest_plugin.loop import Loop

    loop = Loop(config, folders(config), waits=waits)
    config.add_cleanup(loop.stop)
    config.pluginmanager.register(loop, "mighty_patcher loop")


def begin_to_watch(config: pytest.Config) -> None:
    """Begin to record for ``--reload-watch``, before anything of the program is imported.

    Args:
        config: The configuration, which is not complete yet.

    Raises:
        pytest.UsageError: There is no such folder.
    """
    from mighty_patcher.pytest_plugin.watch import Watch

    config.stash[_WATCH] = watch = Watch(folders(config))
    config.add_cleanup(watch.stop)


def watch(config: pytest.Config) -> None:
    """Register what runs the tests again, now that all options are known.

    Raises:
        pytest.UsageError: Another option excludes it.
    """
    option = "--reload-watch"
    for other in ("reload_loop", "reload_wait"):
        if config.getoption(other) or config.getini(other):
            raise pytest.UsageError(f"{option} incompatible with --{other.replace('_', '-')}")
    if _is_distributed(config):
        raise pytest.UsageError(f"{option} incompatible with -n: it runs tests in this process")
    if config.getoption("looponfail", default=False):
        raise pytest.UsageError(f"{option} incompatible with --looponfail, which does the same")
    if _WATCH not in config.stash:  # this plugin was loaded by a conftest
        begin_to_watch(config)
    config.stash[_WATCH].register(config)


def folders(config: pytest.Config) -> list[Path]:
    """Return what is watched.

    Raises:
        pytest.UsageError: A folder does not exist.
    """
    here = config.invocation_params.dir
    # What is known before all plugins are: --reload-watch begins early.
    given = [here / folder for folder in config.known_args_namespace.reload_dir]
    found = given or [Path(folder) for folder in config.getini("reload_dir")]
    for folder in found:
        if not folder.is_dir():
            raise pytest.UsageError(f"--reload-dir: there is no folder {folder}")
    return list(dict.fromkeys(found or _usual(config.rootpath, here)))


def _usual(*tops: Path) -> Iterator[Path]:
    for top in tops:
        if not any(top != other and top.is_relative_to(other) for other in tops):
            yield top
        source = top / "src"
        if source.is_dir() and not (source / "__init__.py").exists():
            yield source


def _is_distributed(config: pytest.Config) -> bool:
    """Tell whether xdist runs the tests in other processes."""
    return bool(config.getoption("tx", None)) or config.getoption("dist", "no") != "no"


def _refuse_conflicts(config: pytest.Config, option: str) -> None:
    if config.getoption("usepdb", default=False):
        raise pytest.UsageError(f"{option} incompatible with --pdb: it opens the debugger itself")
    if config.pluginmanager.get_plugin("terminalreporter") is None:
        raise pytest.UsageError(f"{option} incompatible with -p no:terminal")
    reruns = config.getoption("reruns", None) or config.getoption("force_reruns", None)
    if reruns and not config.getoption("collectonly", default=False):
        raise pytest.UsageError(f"{option} incompatible with --reruns")


class _Idle:
    """Says in the header why nothing is done."""

    def __init__(self, why: str) -> None:
        self._why = why

    def pytest_report_header(self) -> str:
        return f"mighty_patcher: {self._why}"
