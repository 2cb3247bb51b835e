"""The watcher on real files and a real observer: every way in which files are saved."""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mighty_patcher.engine import files
from mighty_patcher.engine.files import Watcher
from mighty_patcher.engine.log import NAME
from mighty_patcher.engine.roots import NEVER_SOURCE, python_files

TIMEOUT = 10.0  # seconds to wait for what must happen
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux")


class Watch:
    """A started watcher whose batches are collected."""

    def __init__(self, *roots: Any, quiet: float = 0.020, poll: float | None = None) -> None:
        self.batches: queue.Queue[frozenset[str]] = queue.Queue()
        self.watcher = Watcher(roots, self.batches.put, quiet=quiet, poll=poll)

    def expect(self, *paths: Path) -> set[str]:
        """Wait until every path was in a batch; return all that was reported meanwhile."""
        wanted = {os.path.realpath(path) for path in paths}
        reported: set[str] = set()
        while not wanted <= reported:
            try:
                reported |= self.batches.get(timeout=TIMEOUT)
            except queue.Empty:
                pytest.fail(f"not reported: {sorted(wanted - reported)}")
        return reported

    def expect_only(self, *paths: Path) -> None:
        """As `expect`, and nothing else may have been reported."""
        assert self.expect(*paths) == {os.path.realpath(path) for path in paths}

    def expect_nothing_before(self, mark: Path) -> None:
        """Save a file that is watched; what was done before must not have been reported."""
        write(mark)
        self.expect_only(mark)


Start = Callable[..., Watch]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start watchers; they are stopped when the test ends."""
    with contextlib.ExitStack() as stack:

        def start(*roots: Any, **options: Any) -> Watch:
            watch = Watch(*roots, **options)
            stack.callback(watch.watcher.stop)
            watch.watcher.start()
            return watch

        yield start


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with one module and one package."""
    top = tmp_path / "src"
    write(top / "m.py")
    write(top / "pkg" / "__init__.py")
    write(top / "pkg" / "inner.py")
    return top


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A directory that nobody watches, on the same file system."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    return directory


def write(path: Path, text: str = "x = 1\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# How editors and other tools save a file.


def save_in_place(path: Path, elsewhere: Path) -> None:
    path.write_text("x = 2\n")


def save_by_replacing(path: Path, elsewhere: Path) -> None:
    temporary = write(path.with_name(".m.py.tmp~"), "x = 2\n")
    temporary.replace(path)


def save_by_moving_in(path: Path, elsewhere: Path) -> None:
    write(elsewhere / "temporary", "x = 2\n").replace(path)


def save_like_vim(path: Path, elsewhere: Path) -> None:
    backup = path.with_name("m.py~")
    path.rename(backup)
    with path.open("w") as file:
        file.write("x = 2\n")
        file.flush()
        os.fsync(file.fileno())
    backup.unlink()


def save_by_deleting_first(path: Path, elsewhere: Path) -> None:
    path.unlink()
    path.write_text("x = 2\n")


def save_with_older_time(path: Path, elsewhere: Path) -> None:
    path.write_text("x = 2\n")
    os.utime(path, (1_000_000, 1_000_000))


def save_with_same_size_and_time(path: Path, elsewhere: Path) -> None:
    before = path.stat()
    path.write_text("x = 2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def save_by_copying_over(path: Path, elsewhere: Path) -> None:
    source = write(elsewhere / "m.py", "x = 2\n")
    os.utime(source, (1_000_000, 1_000_000))
    shutil.copy2(source, path)


SAVES = [
    save_in_place,
    save_by_replacing,
    save_by_moving_in,
    save_like_vim,
    save_by_deleting_first,
    save_with_older_time,
    save_with_same_size_and_time,
    save_by_copying_over,
]


@pytest.mark.parametrize("poll", [None, 0.05], ids=["events", "poll"])
@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_every_way_to_save_is_seen(
    start: Start,
    root: Path,
    elsewhere: Path,
    save: Callable[[Path, Path], None],
    poll: float | None,
) -> None:
    watch = start(root, poll=poll)
    save(root / "m.py", elsewhere)
    watch.expect_only(root / "m.py")
    assert (root / "m.py").read_text() == "x = 2\n"


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_a_batch_comes_after_the_last_write(
    root: Path, elsewhere: Path, save: Callable[[Path, Path], None]
) -> None:
    texts: queue.Queue[str] = queue.Queue()
    watcher = Watcher([root], lambda batch: texts.put((root / "m.py").read_text()), quiet=0.2)
    watcher.start()
    try:
        save(root / "m.py", elsewhere)
        assert texts.get(timeout=TIMEOUT) == "x = 2\n"
    finally:
        watcher.stop()


@linux_only
def test_a_file_that_is_still_open_is_not_reported(start: Start, root: Path) -> None:
    watch = start(root)
    other = root / "pkg" / "inner.py"
    with (root / "m.py").open("w") as file:  # truncated, as JetBrains does
        write(other)
        watch.expect_only(other)  # that batch has ended; the open file was in none
        file.write("x = ")
        file.flush()
        time.sleep(0.05)  # the editor's own pause, longer than the quiet time
        file.write("2\n")
    watch.expect_only(root / "m.py")


def test_a_burst_is_one_batch(start: Start, root: Path) -> None:
    watch = start(root, quiet=0.5)
    burst = {str(write(root / f"folder{i % 20}" / f"m{i}.py")) for i in range(400)}
    assert watch.batches.get(timeout=TIMEOUT) == burst


def test_a_batch_ends_though_saves_go_on(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LONGEST_BATCH", 0.1)
    watch = start(root, quiet=TIMEOUT * 10)
    deadline = time.monotonic() + TIMEOUT
    while watch.batches.empty() and time.monotonic() < deadline:
        write(root / "m.py")
    watch.expect_only(root / "m.py")


# Directories that come, go and change their names.


def test_a_new_directory(start: Start, root: Path) -> None:
    watch = start(root)
    first = write(root / "new" / "deep" / "deeper" / "a.py")
    watch.expect_only(first)
    second = write(root / "new" / "deep" / "b.py")
    watch.expect_only(second)
    write(first, "x = 2\n")
    watch.expect_only(first)


def test_a_directory_that_was_moved_in(start: Start, root: Path, elsewhere: Path) -> None:
    write(elsewhere / "new" / "a.py")
    write(elsewhere / "new" / "deep" / "b.py")
    watch = start(root)
    (elsewhere / "new").rename(root / "new")
    watch.expect_only(root / "new" / "a.py", root / "new" / "deep" / "b.py")
    for path in (root / "new" / "a.py", root / "new" / "deep" / "b.py"):
        write(path, "x = 2\n")
        watch.expect_only(path)


def test_a_directory_that_was_renamed(start: Start, root: Path) -> None:
    write(root / "pkg" / "deep" / "c.py")
    watch = start(root)
    (root / "pkg").rename(root / "renamed")
    names = ("__init__.py", "inner.py", "deep/c.py")
    watch.expect_only(*(root / folder / name for folder in ("pkg", "renamed") for name in names))
    for name in names:
        write(root / "renamed" / name, "x = 2\n")
        watch.expect_only(root / "renamed" / name)


def test_a_directory_that_was_moved_in_and_then_renamed(
    start: Start, root: Path, elsewhere: Path
) -> None:
    write(elsewhere / "new" / "deep" / "a.py")
    watch = start(root)
    (elsewhere / "new").rename(root / "new")
    watch.expect(root / "new" / "deep" / "a.py")
    (root / "new").rename(root / "renamed")
    watch.expect_only(root / "new" / "deep" / "a.py", root / "renamed" / "deep" / "a.py")
    write(root / "renamed" / "deep" / "a.py", "x = 2\n")
    watch.expect_only(root / "renamed" / "deep" / "a.py")


def test_a_directory_that_leaves_and_comes_back(start: Start, root: Path, elsewhere: Path) -> None:
    inner = (root / "pkg" / "__init__.py", root / "pkg" / "inner.py")
    watch = start(root)
    for _ in range(2):
        (root / "pkg").rename(elsewhere / "pkg")
        watch.expect_only(*inner)
        (elsewhere / "pkg").rename(root / "pkg")
        watch.expect_only(*inner)
        write(inner[1], "x = 2\n")
        watch.expect_only(inner[1])


def test_another_directory_in_the_place_of_one_that_left(
    start: Start, root: Path, elsewhere: Path
) -> None:
    write(elsewhere / "other" / "inner.py", "x = 2\n")
    watch = start(root)
    (root / "pkg").rename(elsewhere / "pkg")
    watch.expect(root / "pkg" / "inner.py")
    (elsewhere / "other").rename(root / "pkg")
    watch.expect_only(root / "pkg" / "inner.py")
    write(root / "pkg" / "inner.py", "x = 3\n")
    watch.expect_only(root / "pkg" / "inner.py")


def test_a_directory_that_was_removed(start: Start, root: Path) -> None:
    watch = start(root)
    shutil.rmtree(root / "pkg")
    watch.expect_only(root / "pkg" / "__init__.py", root / "pkg" / "inner.py")
    write(root / "pkg" / "inner.py")
    watch.expect_only(root / "pkg" / "inner.py")


def test_a_root_that_was_removed_is_told(
    start: Start, root: Path, request: pytest.FixtureRequest
) -> None:
    said: queue.Queue[logging.LogRecord] = queue.Queue()
    handler = logging.handlers.QueueHandler(said)
    logger = logging.getLogger(NAME)
    logger.addHandler(handler)
    request.addfinalizer(lambda: logger.removeHandler(handler))
    watch = start(root)
    inside = (root / "m.py", root / "pkg" / "__init__.py", root / "pkg" / "inner.py")
    shutil.rmtree(root)
    watch.expect_only(*inside)
    # The directory itself may be the last to be noticed, in a batch that has no file.
    assert f"{os.path.realpath(root)} is gone" in said.get(timeout=TIMEOUT).getMessage()


# Files that go, and what is none of our business.


@pytest.mark.parametrize("poll", [None, 0.05], ids=["events", "poll"])
def test_a_deleted_file(start: Start, root: Path, poll: float | None) -> None:
    watch = start(root, poll=poll)
    (root / "m.py").unlink()
    watch.expect_only(root / "m.py")


def test_both_ends_of_a_move(start: Start, root: Path) -> None:
    watch = start(root)
    (root / "m.py").rename(root / "pkg" / "moved.py")
    watch.expect_only(root / "m.py", root / "pkg" / "moved.py")


def test_a_save_after_a_file_has_left_the_tree(start: Start, root: Path, elsewhere: Path) -> None:
    watch = start(root)
    (root / "m.py").rename(elsewhere / "m.py")
    write(root / "pkg" / "inner.py", "x = 2\n")
    watch.expect_only(root / "m.py", root / "pkg" / "inner.py")


@linux_only
def test_a_directory_that_left_is_removed_when_another_has_its_place(
    start: Start, root: Path, elsewhere: Path
) -> None:
    watch = start(root)
    (root / "pkg").rename(elsewhere / "pkg")
    write(root / "pkg" / "inner.py", "x = 2\n")
    watch.expect(root / "pkg" / "inner.py", root / "pkg" / "__init__.py")
    shutil.rmtree(root / "pkg")
    shutil.rmtree(elsewhere / "pkg")  # the reading thread of watchdog's own emitter dies of this
    watch.expect(root / "pkg" / "inner.py")
    write(root / "m.py")
    watch.expect_only(root / "m.py")


@linux_only
def test_what_happens_in_a_directory_that_left_is_not_reported(
    start: Start, root: Path, elsewhere: Path
) -> None:
    watch = start(root)
    (root / "pkg").rename(elsewhere / "pkg")
    watch.expect(root / "pkg" / "inner.py")
    write(elsewhere / "pkg" / "inner.py", "x = 2\n")
    watch.expect_nothing_before(root / "m.py")


@linux_only
def test_a_root_that_was_replaced(start: Start, root: Path) -> None:
    watch = start(root)
    other = write(root.with_name("other") / "m.py", "x = 2\n").parent
    exchange(root, other)
    inside = (root / "m.py", root / "pkg" / "__init__.py", root / "pkg" / "inner.py")
    watch.expect_only(*inside)
    write(root / "m.py", "x = 3\n")
    watch.expect_only(root / "m.py")


def exchange(one: Path, other: Path) -> None:
    """Let two directories change places in one go."""
    import ctypes

    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "renameat2"):
        pytest.skip("this libc has no renameat2")
    assert libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


@linux_only
def test_a_new_file_is_reported_when_it_has_its_content(start: Start, root: Path) -> None:
    watch = start(root)
    with (root / "new.py").open("w") as file:
        write(root / "m.py")
        watch.expect_only(root / "m.py")
        file.write("x = 2\n")
    watch.expect_only(root / "new.py")


@linux_only
def test_links_have_their_content_at_once(start: Start, root: Path, elsewhere: Path) -> None:
    watch = start(root)
    (root / "hard.py").hardlink_to(write(elsewhere / "a.py"))
    watch.expect_only(root / "hard.py")
    (root / "soft.py").symlink_to(elsewhere / "a.py")
    watch.expect_only(elsewhere / "a.py")


@linux_only
def test_directories_that_never_hold_source_cost_no_watch(start: Start, root: Path) -> None:
    write(root / "node_modules" / "deep" / "a.js")
    write(root / "environment" / "pyvenv.cfg")
    write(root / "environment" / "lib" / "a.py")
    watched = {os.path.realpath(root), os.path.realpath(root / "pkg")}
    watch = start(root)
    assert set(the_tree(watch)._descriptor_of) == watched
    write(root / "pkg" / "node_modules" / "deep" / "a.js")
    watch.expect_nothing_before(root / "m.py")
    assert set(the_tree(watch)._descriptor_of) == watched


@linux_only
def test_a_directory_that_can_be_reached_by_two_paths(start: Start, root: Path) -> None:
    watch = start(root)
    tree = the_tree(watch)
    alias = os.path.realpath(root) + "/./pkg"  # as a bind mount would
    tree._watch(alias)
    assert {alias, os.path.realpath(root)} == set(tree._descriptor_of)
    assert {path: descriptor for descriptor, path in tree._folder_of.items()} == tree._descriptor_of


def the_tree(watch: Watch) -> Any:
    """What a watch on one root keeps for inotify."""
    observer: Any = watch.watcher.observer
    [emitter] = observer.emitters
    return emitter._tree


@pytest.mark.parametrize("poll", [None, 0.05], ids=["events", "poll"])
def test_other_files_are_ignored(start: Start, root: Path, poll: float | None) -> None:
    watch = start(root, poll=poll)
    write(root / "notes.txt")
    write(root / "m.pyc")
    write(root / "mpy")
    (root / ".#m.py").symlink_to("user@host.1234:5678")  # as Emacs locks a file
    (root / "directory.py").mkdir()
    watch.expect_nothing_before(root / "m.py")


@pytest.mark.parametrize("poll", [None, 0.05], ids=["events", "poll"])
def test_directories_that_never_hold_source_are_ignored(
    start: Start, root: Path, poll: float | None
) -> None:
    write(root / "environment" / "pyvenv.cfg")
    write(root / "environment" / "lib" / "old.py")
    watch = start(root, poll=poll)
    for name in NEVER_SOURCE:
        write(root / "pkg" / name / "deep" / "a.py")
    write(root / "environment" / "lib" / "new.py")
    watch.expect_nothing_before(root / "m.py")
    assert not any("environment" in path for path in python_files([root]))


def test_a_root_inside_such_a_directory_is_watched(start: Start, root: Path) -> None:
    packages = root / "environment" / "lib"
    write(root / "environment" / "pyvenv.cfg")
    inside = write(packages / "a.py")
    for roots in ([packages], [root, packages]):
        watch = start(*roots)
        write(inside, "x = 2\n")
        watch.expect_only(inside)
        assert os.path.realpath(inside) in python_files(roots)


# Roots in every form.


def form_string(root: Path) -> Any:
    return str(root)


def form_trailing_slash(root: Path) -> Any:
    return f"{root}/"


def form_relative(root: Path) -> Any:
    os.chdir(root.parent)
    return root.name


def form_dot(root: Path) -> Any:
    os.chdir(root)
    return Path()


def form_dots(root: Path) -> Any:
    return root / "pkg" / ".."


def form_symlink(root: Path) -> Any:
    link = root.parent / "link"
    link.symlink_to(root, target_is_directory=True)
    return link


def form_below_a_symlink(root: Path) -> Any:
    return form_symlink(root.parent) / root.name


def form_spaces_and_letters(root: Path) -> Any:
    return root.rename(root.parent / "méin Prøjekt 代码")


@pytest.mark.parametrize(
    "form",
    [
        form_string,
        form_trailing_slash,
        form_relative,
        form_dot,
        form_dots,
        form_symlink,
        form_below_a_symlink,
        form_spaces_and_letters,
    ],
    ids=lambda form: form.__name__,
)
def test_a_root_in_any_form(
    start: Start, root: Path, form: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)  # and back again afterwards
    given = form(root)
    watch = start(given, quiet=0.2)  # on a busy machine, longer than it takes to write a file
    real = Path(os.path.realpath(given))
    write(real / "pkg" / "ñame with space.py")
    watch.expect_only(real / "pkg" / "ñame with space.py")
    write(Path(given) / "m.py")
    watch.expect_only(real / "m.py")
    assert str(real / "m.py") in python_files([given])


def test_several_roots(start: Start, root: Path, elsewhere: Path) -> None:
    watch = start(root, elsewhere, quiet=0.5)
    write(root / "m.py")
    write(elsewhere / "n.py")
    watch.expect_only(root / "m.py", elsewhere / "n.py")


def test_overlapping_roots_report_once(start: Start, root: Path) -> None:
    roots: list[str | Path] = [
        root,
        root / "pkg",
        str(root),
        root / "m.py",
        root / "pkg" / "inner.py",
    ]
    watch = start(*roots)
    for path in (root / "pkg" / "inner.py", root / "m.py", root / "pkg" / "inner.py"):
        write(path)
        assert watch.batches.get(timeout=TIMEOUT) == {os.path.realpath(path)}
    watch.expect_nothing_before(root / "m.py")
    found = list(python_files(roots))
    assert len(found) == len(set(found)) == 3


def test_roots_with_a_common_start_of_their_names(start: Start, tmp_path: Path) -> None:
    short, long = write(tmp_path / "a" / "m.py"), write(tmp_path / "ab" / "m.py")
    watch = start(short.parent)
    write(long)
    watch.expect_nothing_before(short)
    both = start(short.parent, long.parent)
    write(long)
    both.expect_only(long)


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_a_file_as_root(
    start: Start, root: Path, elsewhere: Path, save: Callable[[Path, Path], None]
) -> None:
    watch = start(root / "m.py")
    write(root / "other.py")
    write(root / "pkg" / "inner.py")
    write(root / "new" / "m.py")
    save(root / "m.py", elsewhere)
    watch.expect_only(root / "m.py")
    assert list(python_files([root / "m.py"])) == [os.path.realpath(root / "m.py")]


def test_a_relative_file_as_root(start: Start, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    watch = start("m.py")
    write(root / "m.py")
    watch.expect_only(root / "m.py")


def test_a_symlinked_file_as_root(start: Start, root: Path, elsewhere: Path) -> None:
    link = elsewhere / "link.py"
    link.symlink_to(root / "m.py")
    watch = start(link)
    write(root / "m.py")
    watch.expect_only(root / "m.py")
    write(elsewhere / "temporary", "x = 2\n").replace(link)  # the link becomes a file
    watch.expect_only(link)


def test_a_root_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Watcher([tmp_path / "nowhere"], print)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        list(python_files([tmp_path / "nowhere"]))


def test_python_files(root: Path, elsewhere: Path) -> None:
    outside = write(elsewhere / "outside.py")
    (root / "link.py").symlink_to(outside)
    (root / "again.py").symlink_to(outside)
    (root / "nowhere.py").symlink_to(root / "missing.py")
    (root / "pkg" / "loop").symlink_to(root, target_is_directory=True)
    (root / "directory.py").mkdir()
    write(root / "notes.txt")
    write(root / "__pycache__" / "m.py")
    found = list(python_files([root]))
    names = ("m.py", "pkg/__init__.py", "pkg/inner.py")
    expected = [outside, *(root / name for name in names)]
    assert sorted(found) == sorted(os.path.realpath(path) for path in expected)


# The callback and its thread.


def test_reading_the_file_makes_no_batch(root: Path) -> None:
    batches: queue.Queue[frozenset[str]] = queue.Queue()

    def read(batch: frozenset[str]) -> None:
        for path in batch:
            Path(path).read_text()
        batches.put(batch)

    watcher = Watcher([root], read)
    watcher.start()
    try:
        for name in ("m.py", "pkg/inner.py", "m.py", "pkg/inner.py"):
            write(root / name)
            assert batches.get(timeout=TIMEOUT) == {os.path.realpath(root / name)}
    finally:
        watcher.stop()
    assert batches.empty()


def test_the_callback_has_a_daemon_thread_of_its_own(root: Path) -> None:
    threads: queue.Queue[threading.Thread] = queue.Queue()
    watcher = Watcher([root], lambda batch: threads.put(threading.current_thread()))
    watcher.start()
    try:
        write(root / "m.py")
        thread = threads.get(timeout=TIMEOUT)
        assert (thread.name, thread.daemon) == ("mighty_patcher", True)
        assert thread is not watcher.observer
        assert watcher.observer is not None
        assert watcher.observer.daemon
    finally:
        watcher.stop()
    assert not thread.is_alive()
    assert not watcher.observer.is_alive()


def test_saves_during_a_callback_are_the_next_batch(root: Path) -> None:
    batches: queue.Queue[frozenset[str]] = queue.Queue()
    go_on = threading.Event()

    def wait(batch: frozenset[str]) -> None:
        batches.put(batch)
        assert go_on.wait(TIMEOUT)

    watcher = Watcher([root], wait, quiet=0.2)
    watcher.start()
    try:
        write(root / "m.py")
        assert batches.get(timeout=TIMEOUT) == {os.path.realpath(root / "m.py")}
        write(root / "m.py")
        write(root / "pkg" / "inner.py")
        go_on.set()
        both = {os.path.realpath(root / name) for name in ("m.py", "pkg/inner.py")}
        assert batches.get(timeout=TIMEOUT) == both
    finally:
        go_on.set()
        watcher.stop()


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3)], ids=repr)
def test_a_callback_that_raises_is_logged(
    root: Path, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    calls: queue.Queue[frozenset[str]] = queue.Queue()

    def fail(batch: frozenset[str]) -> None:
        calls.put(batch)
        raise error

    watcher = Watcher([root], fail)
    watcher.start()
    try:
        for _ in range(2):
            write(root / "m.py")
            calls.get(timeout=TIMEOUT)
    finally:
        watcher.stop()
    records = [record for record in caplog.records if record.name == "mighty_patcher"]
    assert [record.levelno for record in records] == [logging.ERROR] * 2
    assert records[0].exc_info is not None
    assert records[0].exc_info[1] is error


def test_stop_from_the_callback(root: Path) -> None:
    stopped = threading.Event()

    def stop(batch: frozenset[str]) -> None:
        watcher.stop()
        watcher.stop()
        stopped.set()

    watcher = Watcher([root], stop)
    watcher.start()
    write(root / "m.py")
    assert stopped.wait(TIMEOUT)
    watcher.stop()
    assert_ended(watcher)


def test_stop_twice_and_nothing_afterwards(start: Start, root: Path) -> None:
    watch = start(root)
    watch.watcher.stop()
    watch.watcher.stop()
    write(root / "m.py")
    assert_ended(watch.watcher)
    assert watch.batches.empty()


def test_stop_before_start(root: Path) -> None:
    watcher = Watcher([root], print)
    watcher.stop()
    with pytest.raises(RuntimeError, match="starts once"):
        watcher.start()


def test_start_again_is_refused(start: Start, root: Path) -> None:
    watch = start(root)
    with pytest.raises(RuntimeError, match="starts once"):
        watch.watcher.start()
    write(root / "m.py")
    watch.expect_only(root / "m.py")  # the first start still holds
    watch.watcher.stop()
    with pytest.raises(RuntimeError, match="starts once"):
        watch.watcher.start()


def test_stopping_the_observer_ends_the_watch(start: Start, root: Path) -> None:
    watcher = start(root).watcher  # SEEDS A2
    assert watcher.observer is not None
    watcher.observer.stop()
    watcher.observer.join()
    watcher._thread.join(TIMEOUT)
    assert_ended(watcher)


def test_nothing_is_left_behind(root: Path, elsewhere: Path) -> None:
    before = set(threading.enumerate())
    descriptors = open_descriptors() if sys.platform == "linux" else set()
    watcher = Watcher([root, elsewhere], print)
    watcher.start()
    assert len(threading.enumerate()) > len(before)
    watcher.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(TIMEOUT)
        assert not thread.is_alive(), thread
    if sys.platform == "linux":
        assert open_descriptors() == descriptors


@linux_only
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_stopping_in_a_forked_child_leaves_the_parent_alone(start: Start, root: Path) -> None:
    watch = start(root)
    child = os.fork()
    if child == 0:
        watch.watcher.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    write(root / "m.py")
    watch.expect_only(root / "m.py")


def open_descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


def assert_ended(watcher: Watcher) -> None:
    assert watcher.observer is not None
    for thread in (watcher.observer, watcher._thread):
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def test_importing_does_not_import_watchdog() -> None:
    program = (
        "import sys, mighty_patcher.engine.files as f;"
        "f.Watcher(['.'], print);"
        "sys.exit('watchdog' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# When inotify refuses, or loses events.

SYSCTLS = {
    errno.ENOSPC: "fs.inotify.max_user_watches",
    errno.EMFILE: "fs.inotify.max_user_instances",
}


Refuse = Callable[[int, str], None]


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Let the kernel refuse an inotify call with an error; a watch only for ``pkg``."""
    if sys.platform != "linux":
        pytest.skip("inotify is Linux")
    from mighty_patcher.engine import inotify

    real = inotify._call

    def refuse(error: int, refused: str) -> None:
        def call(function: str, *arguments: Any) -> int:
            if function == refused and (len(arguments) == 1 or b"pkg" in arguments[1]):
                raise OSError(error, f"{function}: {os.strerror(error)}")
            return real(function, *arguments)

        monkeypatch.setattr(inotify, "_call", call)

    return refuse


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if (record.name, record.levelno) == ("mighty_patcher", logging.WARNING)
    ]


@pytest.mark.parametrize(
    ("error", "call"), [(errno.ENOSPC, "inotify_add_watch"), (errno.EMFILE, "inotify_init1")]
)
def test_polling_where_inotify_refuses(
    start: Start,
    root: Path,
    elsewhere: Path,
    refuse: Refuse,
    error: int,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(files, "POLL_INTERVAL", 0.05)
    refuse(error, call)
    descriptors, threads = open_descriptors(), threading.active_count()
    watch = start(elsewhere, root)
    assert open_descriptors() == descriptors
    assert threading.active_count() == threads + 4  # the observer, two emitters, our own
    [warning] = warnings_in(caplog)
    assert SYSCTLS[error] in warning
    assert "\n" not in warning
    write(root / "pkg" / "inner.py", "x = 2\n")
    watch.expect_only(root / "pkg" / "inner.py")


def test_polling_when_inotify_refuses_later(
    start: Start,
    root: Path,
    elsewhere: Path,
    refuse: Refuse,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(files, "POLL_INTERVAL", 0.05)
    (root / "pkg").rename(elsewhere / "pkg")
    watch = start(root)
    events = watch.watcher.observer
    assert events is not None
    refuse(errno.ENOSPC, "inotify_add_watch")
    (root / "pkg_that_is_refused").mkdir()
    (elsewhere / "pkg").rename(root / "pkg")
    watch.expect(root / "pkg" / "inner.py", root / "m.py")  # all, for nobody knows what was missed
    [warning] = warnings_in(caplog)
    assert SYSCTLS[errno.ENOSPC] in warning
    write(root / "pkg" / "inner.py", "x = 2\n")
    watch.expect(root / "pkg" / "inner.py")
    assert watch.watcher.observer is not events
    events.join(TIMEOUT)
    assert not events.is_alive()
    watch.watcher.stop()
    assert_ended(watch.watcher)


@linux_only
def test_a_directory_that_may_not_be_read_is_left_out(
    start: Start, root: Path, refuse: Refuse, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(errno.EACCES, "inotify_add_watch")
    watch = start(root)
    assert warnings_in(caplog) == []
    write(root / "m.py")
    watch.expect_only(root / "m.py")


@linux_only
def test_everything_may_have_changed_when_the_kernel_dropped_events(
    start: Start, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mighty_patcher.engine import inotify

    watch = start(root)
    overflow = inotify.EVENT_HEADER.pack(-1, inotify.IN_Q_OVERFLOW, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "read", lambda descriptor, size: overflow)
        write(root / "pkg" / "inner.py")
        watch.expect(*(root / name for name in ("m.py", "pkg/__init__.py", "pkg/inner.py")))
    write(root / "pkg" / "inner.py", "x = 2\n")
    watch.expect(root / "pkg" / "inner.py")
