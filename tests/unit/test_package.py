from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import mighty_patcher


def child(script: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_importing_it_imports_nothing_else():
    loaded = child(
        "import sys; before = set(sys.modules); import mighty_patcher;"
        "print(*sorted(set(sys.modules) - before))"
    )
    assert set(loaded.split()) <= {"__future__", "mighty_patcher"}


def test_the_errors_need_no_core():
    loaded = child(
        "import sys; from mighty_patcher import RefusedEdit, MightyPatcherError;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('watchdog', 'rich', 'logging')"
        " or m.endswith('_core')])"
    )
    assert loaded == "[]"


def test_the_patcher_by_hand_watches_nothing():
    loaded = child(
        "import sys; from mighty_patcher import actually_patch;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('watchdog', 'rich')])"
    )
    assert loaded == "[]"


@pytest.mark.parametrize("name", mighty_patcher.__all__)
def test_every_public_name_is_there(name):
    value = getattr(mighty_patcher, name)
    assert value.__name__ == name
    assert vars(mighty_patcher)[name] is value  # the next look-up does not come through here


def test_dir_knows_names_that_are_not_loaded():
    names = child("import mighty_patcher; print(*dir(mighty_patcher))").split()
    assert set(mighty_patcher.__all__) <= set(names)
    assert names == sorted(set(names))


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'mighty_patcher' has no attribute 'nothing'"):
        mighty_patcher.nothing  # noqa: B018
    assert not hasattr(mighty_patcher, "__wrapped__")


def test_star_import():
    names = child("from mighty_patcher import *; print('AutoReloader' in dir())")
    assert names == "True"


def test_version():
    try:
        version = importlib.metadata.version("mighty-patcher")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed, only on the path")
    assert mighty_patcher.__version__ == version
