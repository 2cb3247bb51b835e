"""IPython in processes of its own: at a terminal, and as the kernel of a notebook."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pexpect
import pytest

import mighty_patcher

TIMEOUT = 60.0
"""Seconds for which something is waited for. What comes at all comes within two."""
SOURCE = str(Path(mighty_patcher.__file__).parent.parent)
LOAD = "%load_ext mighty_patcher"

Start = Callable[..., Any]


def environ(home: Path) -> dict[str, str]:
    """Return an environment with nobody's configuration or history in it."""
    home.mkdir(exist_ok=True)
    paths = [SOURCE, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    given = {name: it for name, it in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **given,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "JUPYTER_PREFER_ENV_PATH": "0",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONWARNINGS": "ignore",
        "NO_COLOR": "1",
    }


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files, which are indented as it suits the test."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"), "utf-8")


@dataclass
class Ran:
    """What came of a cell.

    Attributes:
        out: Its standard output.
        err: Its standard error.
        value: The `repr` of its last expression; empty if there was none.
        error: What it raised, as a traceback; empty if it did not.
        pages: What it showed in the pager.
    """

    out: str = ""
    err: str = ""
    value: str = ""
    error: str = ""
    pages: str = ""

    @property
    def reports(self) -> list[str]:
        """The lines of standard error, without the time of day and how long it took."""
        lines = (re.sub(r"^\d\d:\d\d:\d\d |  [\d.]+ m?s$", "", it) for it in self.err.splitlines())
        return [line for line in lines if line]


@dataclass
class Kernel:
    """A kernel, and the client that a notebook is for it.

    Args:
        folder: Where it runs.
        home: Where its configuration is.
    """

    folder: Path
    home: Path
    arguments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from jupyter_client.manager import KernelManager

        self.manager: Any = KernelManager(kernel_name="python3")
        self.manager.start_kernel(
            cwd=str(self.folder), env=environ(self.home), extra_arguments=self.arguments
        )
        self.client: Any = self._connected()

    def _connected(self) -> Any:
        client = self.manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=TIMEOUT)
        return client

    def run(self, code: str, **options: Any) -> Ran:
        """Run a cell to its end."""
        ran = Ran()

        def hear(message: dict[str, Any]) -> None:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                ran.out += content["text"]
            elif kind == "stream":
                ran.err += content["text"]
            elif kind == "execute_result":
                ran.value += content["data"]["text/plain"]
            elif kind == "error":
                ran.error += _plain("\n".join(content["traceback"]))

        reply = self.client.execute_interactive(
            textwrap.dedent(code).strip("\n"),
            output_hook=hear,
            timeout=TIMEOUT,
            allow_stdin=False,
            **options,
        )
        pages = (it["data"]["text/plain"] for it in reply["content"].get("payload", ()))
        ran.pages = _plain("\n".join(pages))
        return ran

    def value(self, code: str) -> str:
        """Run a cell that does not raise, and return the `repr` of its last expression."""
        ran = self.run(code)
        assert not ran.error, ran.error
        return ran.value

    def completions(self, code: str) -> list[str]:
        """Return what the Tab key offers at the end of a line."""
        reply = self.client.complete(code, reply=True, timeout=TIMEOUT)
        matches: list[str] = reply["content"]["matches"]
        return matches

    def save(self, name: str, text: str) -> None:
        """Save a file in its folder."""
        write(self.folder, {name: text})

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a piece of a file, which is there once."""
        text = (self.folder / name).read_text("utf-8")
        assert text.count(old) == 1
        (self.folder / name).write_text(text.replace(old, new), "utf-8")

    def restart(self) -> None:
        """Restart it as a notebook does: asked to end, not killed."""
        self.client.stop_channels()
        self.manager.restart_kernel(now=False)
        self.client = self._connected()

    def end(self) -> int | None:
        """Ask it to end, and return its exit status."""
        process = self.manager.provisioner.process
        self.client.shutdown()
        status: int | None = process.wait(TIMEOUT)
        return status

    def close(self) -> None:
        """End it, whatever it does."""
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy()


class Terminal:
    """IPython at a terminal.

    Args:
        folder: Where it runs.
        home: Where its configuration is.
        arguments: Options of IPython; or a script that starts it.
    """

    def __init__(self, folder: Path, home: Path, *arguments: str) -> None:
        self.folder = folder
        is_script = arguments[-1:] and arguments[-1].endswith(".py")
        options = [] if is_script else ["-m", "IPython", "--no-banner", "--no-confirm-exit"]
        with warnings.catch_warnings():
            # The clients of kernels have left threads; and a fork that is followed by an exec at
            # once is none of those of which gh-100228 warns.
            warnings.simplefilter("ignore", DeprecationWarning)
            self.process = pexpect.spawn(
                sys.executable,
                [*options, *arguments],
                cwd=str(folder),
                env={**environ(home), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
                encoding="utf-8",
                codec_errors="replace",
                timeout=TIMEOUT,
                dimensions=(50, 160),
            )
        self.prompts = 0
        self.prompt()

    def prompt(self) -> str:
        """Wait for the next prompt, and return what is above it."""
        self.prompts += 1
        self.expect(rf"In \[{self.prompts}\]:")
        return self.above

    def run(self, line: str) -> str:
        """Type a line, and return what it shows."""
        self.process.sendline(line)
        return self.prompt()

    def expect(self, pattern: str) -> None:
        """Wait for something on the screen."""
        try:
            self.process.expect(pattern)
        except (pexpect.TIMEOUT, pexpect.EOF):
            pytest.fail(f"{pattern!r} is not on the screen:\n{_plain(self.process.before)}")

    @property
    def above(self) -> str:
        """What was there before the last thing that was waited for."""
        return _plain(self.process.before)

    def save(self, name: str, text: str) -> None:
        """Save a file in its folder."""
        write(self.folder, {name: text})

    def end(self, *, by_key: bool = False) -> int | None:
        """Type `exit`, or Ctrl-D, and return the exit status."""
        if by_key:
            self.process.sendeof()
        else:
            self.process.sendline("exit")
        self.process.expect(pexpect.EOF)
        self.process.wait()
        status: int | None = self.process.exitstatus
        return status

    def close(self) -> None:
        """End it, whatever it does."""
        if self.process.isalive():
            self.process.kill(signal.SIGKILL)
        self.process.close()


def _plain(text: str) -> str:
    """Return what a person sees: without colours and movements of the cursor."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\x1b[=>]|\r", "", text)
