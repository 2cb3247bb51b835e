"""The fixtures `terminal` and `kernel`: IPython in a process of its own, ended with its test; and
`notebook`: a kernel that tests share, for it takes a second or two to start.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

_MISSING = [name for name in ("IPython", "pexpect") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*"] if _MISSING or sys.platform == "win32" else []

if TYPE_CHECKING or not collect_ignore_glob:
    from shells import LOAD, Kernel, Start, Terminal, write


def _needs_kernels() -> None:
    pytest.importorskip("ipykernel", reason="there is no pyzmq for this Python, so no kernel")
    pytest.importorskip("jupyter_client", reason="there is no pyzmq for this Python, so no kernel")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Start]:
    terminals: list[Terminal] = []

    def start(files: dict[str, str], *arguments: str) -> Terminal:
        folder = tmp_path / "work"
        write(folder, files)
        terminals.append(terminal := Terminal(folder, tmp_path / "home", *arguments))
        return terminal

    yield start
    for terminal in terminals:
        terminal.close()


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Start]:
    _needs_kernels()
    kernels: list[Kernel] = []

    def start(files: dict[str, str], *, load: bool = True, arguments: Any = ()) -> Kernel:
        folder = tmp_path / "work"
        write(folder, files)
        kernels.append(kernel := Kernel(folder, tmp_path / "home", list(arguments)))
        if load:
            assert not kernel.run(LOAD).error
        return kernel

    yield start
    for kernel in kernels:
        kernel.close()


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    _needs_kernels()
    top = tmp_path_factory.mktemp("notebook")
    (top / "work").mkdir()
    kernel = Kernel(top / "work", top / "home")
    assert not kernel.run(LOAD).error
    yield kernel
    kernel.close()


@pytest.fixture
def notebook(_shared: Kernel) -> Iterator[Kernel]:
    """The shared kernel, as it was at the beginning."""
    yield _shared
    _shared.run("%mighty on")
    _shared.run(
        """
        import pathlib, sys
        for _ in [it for it in sys.modules.values() if getattr(it, "__file__", None)]:
            if pathlib.Path(_.__file__).is_relative_to(pathlib.Path().resolve()):
                sys.modules.pop(_.__name__, None)
        %reset -f
        """
    )
    for path in sorted(_shared.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
