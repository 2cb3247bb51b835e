"""Roots that are added to a watcher, and saves that are waited for."""

from __future__ import annotations

import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mighty_patcher.engine import files
from mighty_patcher.engine.files import Watcher
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.roots import python_files

TIMEOUT = 10.0  # seconds to wait for what must happen
POLLS = [None, 0.05]

Batches = queue.Queue[frozenset[str]]
Watch = Callable[..., tuple[Watcher, Batches]]


@pytest.fixture
def watch() -> Iterator[Watch]:
    watchers = []

    def watch(*roots: Path, poll: float | None = None) -> tuple[Watcher, Batches]:
        batches: Batches = queue.Queue()
        watchers.append(watcher := Watcher(roots, batches.put, poll=poll))
        watcher.start()
        return watcher, batches

    yield watch
    for watcher in watchers:
        watcher.stop()


def write(path: Path, text: str = "x = 1\n") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("poll", POLLS)
def test_a_root_that_is_added_is_watched(tmp_path: Path, watch: Watch, poll: float | None) -> None:
    write(tmp_path / "a" / "m.py")
    inner = write(tmp_path / "b" / "pkg" / "m.py")
    watcher, batches = watch(tmp_path / "a", poll=poll)
    watcher.add([tmp_path / "b"])
    write(Path(inner), "x = 22\n")
    assert batches.get(timeout=TIMEOUT) == {inner}


@pytest.mark.parametrize("poll", POLLS)
def test_nothing_below_a_flat_root(tmp_path: Path, watch: Watch, poll: float | None) -> None:
    file = write(tmp_path / "m.py")
    inner = write(tmp_path / "below" / "m.py")
    watcher, batches = watch(poll=poll)
    watcher.add([tmp_path], recursive=False)
    assert list(python_files([tmp_path], recursive=False)) == [file]
    write(Path(inner), "x = 22\n")
    (tmp_path / "new").mkdir()
    write(tmp_path / "new" / "m.py")
    write(Path(file), "x = 22\n")
    assert batches.get(timeout=TIMEOUT) == {file}
    # All of it may be added later: the flat root does not hold that.
    watcher.add([tmp_path])
    write(Path(inner), "x = 333\n")
    assert inner in batches.get(timeout=TIMEOUT)


def test_what_is_watched_already_is_not_watched_twice(tmp_path: Path, watch: Watch) -> None:
    file = write(tmp_path / "pkg" / "m.py")
    watcher, batches = watch(tmp_path)
    assert watcher.observer is not None
    before = len(watcher.observer.emitters)
    watcher.add([tmp_path / "pkg"])
    watcher.add([tmp_path], recursive=False)
    assert len(watcher.observer.emitters) == before
    write(Path(file), "x = 22\n")
    assert batches.get(timeout=TIMEOUT) == {file}


def test_a_root_can_be_added_before_the_start_and_after_the_end(tmp_path: Path) -> None:
    file = write(tmp_path / "m.py")
    batches: Batches = queue.Queue()
    watcher = Watcher([], batches.put)
    watcher.add([tmp_path])
    watcher.start()
    write(Path(file), "x = 22\n")
    assert batches.get(timeout=TIMEOUT) == {file}
    watcher.stop()
    watcher.add([tmp_path / "m.py"])
    with pytest.raises(FileNotFoundError):
        watcher.add([tmp_path / "nothing"])


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")
def test_all_are_polled_where_a_root_that_is_added_is_refused(
    tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mighty_patcher.engine import inotify

    first, second = write(tmp_path / "a" / "m.py"), write(tmp_path / "b" / "m.py")
    watcher, batches = watch(tmp_path / "a")
    call = inotify._call

    def refuse(function: str, *arguments: int | bytes) -> int:
        if function == "inotify_init1":
            raise OSError(24, "Too many open files")
        return call(function, *arguments)

    monkeypatch.setattr(inotify, "_call", refuse)
    monkeypatch.setattr(files, "POLL_INTERVAL", 0.05)
    watcher.add([tmp_path / "b"])
    write(Path(second), "x = 22\n")
    write(Path(first), "x = 22\n")
    reported: set[str] = set()
    while not {first, second} <= reported:
        reported |= batches.get(timeout=TIMEOUT)
    assert "max_user_instances" in caplog.text


@pytest.mark.parametrize("poll", [None, 1000.0])
def test_a_save_that_was_made_is_known(tmp_path: Path, watch: Watch, poll: float | None) -> None:
    """Also where the next look at the files is far away."""
    paths = [write(tmp_path / f"m{number}.py") for number in range(20)]
    watcher, batches = watch(tmp_path, poll=poll)
    for number, path in enumerate(paths):
        write(Path(path), f"x = {number}.5\n")
        assert watcher.catch_up(lambda: paths, TIMEOUT)
        assert path in batches.get_nowait()
        assert watcher.catch_up(lambda: paths, 0.0)


@pytest.mark.parametrize("poll", POLLS)
@pytest.mark.parametrize("recursive", [True, False])
def test_a_root_that_comes_back(
    tmp_path: Path, watch: Watch, poll: float | None, recursive: bool
) -> None:
    file = write(tmp_path / "lib" / "m.py")
    watcher, batches = watch(poll=poll)
    watcher.add([tmp_path / "lib"], recursive=recursive)
    shutil.rmtree(tmp_path / "lib")
    assert batches.get(timeout=TIMEOUT) == {file}
    end = time.monotonic() + TIMEOUT  # until it is known that the folder has gone, too
    while not watcher._lost and time.monotonic() < end:
        watcher.catch_up(lambda: [file], TIMEOUT)
    write(Path(file))
    assert watcher.catch_up(lambda: [file], TIMEOUT)
    assert file in batches.get(timeout=TIMEOUT)
    write(Path(file), "x = 22\n")
    assert watcher.catch_up(lambda: [file], TIMEOUT)
    assert file in batches.get(timeout=TIMEOUT)


def test_whoever_handles_a_batch_does_not_wait_for_itself(tmp_path: Path) -> None:
    file = write(tmp_path / "m.py")
    answers: queue.Queue[bool] = queue.Queue()
    watcher = Watcher([tmp_path], lambda _: answers.put(watcher.catch_up(list, TIMEOUT)))
    watcher.start()
    try:
        write(Path(file), "x = 22\n")
        assert answers.get(timeout=TIMEOUT) is True
    finally:
        watcher.stop()
    assert watcher.catch_up(list, 0.0)


def test_waiting_ends(tmp_path: Path) -> None:
    file = write(tmp_path / "m.py")
    handling, may_end = threading.Event(), threading.Event()

    def handle(_: frozenset[str]) -> None:
        handling.set()
        assert may_end.wait(TIMEOUT)

    watcher = Watcher([tmp_path], handle)
    watcher.start()
    try:
        write(Path(file), "x = 22\n")
        assert handling.wait(TIMEOUT)
        begin = time.monotonic()
        assert not watcher.catch_up(list, 0.01)
        assert time.monotonic() - begin >= 0.01
        may_end.set()
        assert watcher.catch_up(list, TIMEOUT)
    finally:
        may_end.set()
        watcher.stop()


def test_the_names_of_modules_below_a_package(tmp_path: Path) -> None:
    cart = write(tmp_path / "src" / "shop" / "cart.py")
    modules = Modules([])
    assert modules.name_of(cart) is None
    modules.add([tmp_path / "src" / "shop"], "shop")
    assert (modules.name_of(cart), modules.display(cart)) == ("shop.cart", "shop/cart.py")
    assert modules.name_of(str(tmp_path / "src" / "shop" / "__init__.py")) == "shop"
    assert modules.holds(cart)
    assert modules.holds(str(tmp_path / "src" / "shop"))
    assert not modules.holds(str(tmp_path / "src"))


def test_the_names_of_modules_in_a_flat_folder(tmp_path: Path) -> None:
    flat, below = write(tmp_path / "m.py"), write(tmp_path / "shop" / "cart.py")
    modules = Modules([])
    modules.add([tmp_path], recursive=False)
    assert (modules.name_of(flat), modules.name_of(below)) == ("m", None)
    assert modules.holds(flat)
    assert not modules.holds(below)
    assert not modules.holds(str(tmp_path))
    modules.add([tmp_path])
    assert modules.name_of(below) == "shop.cart"
