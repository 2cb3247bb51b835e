"""Run Python in an environment of its own that has this checkout installed.

    python tools/environment.py [OPTION...] -- ARGUMENT...

`make` calls this for everything it does. The environment is made the first time, and brought up to
date when what is written here changed since; otherwise this costs some milliseconds. It is below
HOME (default .venv), one for each version and kind of Python, pinned packages and build of the
core: 3.13.1, 3.14.0t, 3.11.7-debug, 3.11.7-watchdog-6. Whether the machine's own Python is
externally managed does not matter: nothing is ever installed there.

What is tested is what a user gets: the project is built from a copy of its sources and installed
as a wheel, never found by way of the checkout.

Options:
    --home HOME         The folder of the environments.
    --group GROUP       Also have what this dependency group of pyproject.toml names; repeatable.
    --pin REQUIREMENT   Have this ("watchdog==6.*") instead of what pyproject.toml says of that
                        package; repeatable.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import random
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.rst", "LICENSE", "src", "csrc")
KNOBS = ("MIGHTY_PATCHER_WERROR", "MIGHTY_PATCHER_DEBUG", "MIGHTY_PATCHER_SANITIZE", "CC", "CFLAGS")
DEBIAN = f"python{sys.version_info.major}.{sys.version_info.minor}"


def main() -> None:
    """Bring the environment up to date, then become the Python in it."""
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(usage=f"{sys.argv[0]} [OPTION...] -- ARGUMENT...")
    parser.add_argument("--home", type=Path, default=Path(".venv"))
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--pin", action="append", default=[])
    options = parser.parse_args(sys.argv[1:split])

    home = ROOT / options.home
    home.mkdir(parents=True, exist_ok=True)
    environment = Environment(home / tag(options.pin))
    wanted = requirements(options.group, options.pin)

    # Held until the command has ended, so that nothing is installed under a running suite.
    lock = os.open(f"{environment.folder}.lock", os.O_CREAT | os.O_RDWR, 0o644)
    os.set_inheritable(lock, True)
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not environment.has(wanted) and lock_alone(lock, environment, wanted):
        environment.update(wanted)
        fcntl.flock(lock, fcntl.LOCK_SH)

    os.chdir(ROOT)
    sys.stdout.flush()
    os.execve(environment.python, [environment.python, *sys.argv[split + 1 :]], clean_environ())


class Environment:
    """One virtual environment, and the record of what was put into it.

    Args:
        folder: Where it is, or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = str(folder / "bin" / "python")
        self.source = folder / "source"
        self.record = folder / "record.json"

    def has(self, wanted: list[str]) -> bool:
        """Return whether it has these requirements and the project as it is now."""
        record = self.read()
        return (
            record["made by"] == maker()
            and set(wanted) <= set(record["requirements"])
            and record["project"] == project()
        )

    def update(self, wanted: list[str]) -> None:
        """Make it, install what is missing, and install the project anew if it changed."""
        record = self.read()
        if record["made by"] != maker():
            self.make()
            record = self.write(self.read(), **{"made by": maker()})
        missing = [require for require in wanted if require not in record["requirements"]]
        if missing:
            say(f"installing {', '.join(missing)}")
            self.pip("install", *wanted)  # all of them, or a pin would not hold
            record = self.write(record, requirements=record["requirements"] + missing)
        if record["project"] != project():
            check_compiler()
            say("building and installing mighty_patcher")
            self.stage(anew=record["project"].get("knobs") != project()["knobs"])
            record = self.write(record, project={})
            as_it_is = ("--no-deps", "--no-build-isolation", "--force-reinstall")
            self.pip("install", *as_it_is, self.source)
            self.write(record, project=project())

    def make(self) -> None:
        """Make the virtual environment, empty but for pip."""
        if not importlib.util.find_spec("venv") or not importlib.util.find_spec("ensurepip"):
            fail(
                f"{sys.executable} cannot make virtual environments: it has no venv or no ensurepip"
                f" (on Debian and Ubuntu: apt install {DEBIAN}-venv)"
            )
        say(f"making {self.folder}")
        run(sys.executable, "-m", "venv", "--clear", self.folder)

    def stage(self, anew: bool) -> None:
        """Copy the project's sources into the environment, where setuptools builds them.

        What did not change keeps its date, so that only the rest is compiled again. Contents
        decide and not dates, for one environment may serve several checkouts.

        Args:
            anew: Forget what was built before.
        """
        wanted = {path.relative_to(ROOT) for path in sources()}
        build = self.source / "build"
        there = {
            path.relative_to(self.source)
            for path in self.source.rglob("*")
            if path.is_file() and not path.is_relative_to(build)
        }
        for gone in there - wanted:
            (self.source / gone).unlink()
        if anew or {path for path in there ^ wanted if ".egg-info" not in str(path)}:
            shutil.rmtree(build, ignore_errors=True)  # setuptools never forgets a file
        for path in wanted:
            old, new = self.source / path, (ROOT / path).read_bytes()
            if not old.exists() or old.read_bytes() != new:
                old.parent.mkdir(parents=True, exist_ok=True)
                old.write_bytes(new)

    def pip(self, *arguments: str | Path) -> None:
        """Run the environment's pip, which shows nothing unless it fails."""
        run(self.python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments)

    def read(self) -> dict[str, Any]:
        """Return the record, or an empty one where there is none."""
        if self.record.exists() and Path(self.python).exists():
            record: dict[str, Any] = json.loads(self.record.read_text("utf-8"))
            return record
        return {"made by": "", "requirements": [], "project": {}}

    def write(self, record: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """Keep the record with these changes, and return it."""
        record = {**record, **changes}
        self.record.write_text(json.dumps(record, indent=2), "utf-8")
        return record


def tag(pins: list[str]) -> str:
    """Return the name of the environment: this Python, and what is particular about it."""
    sanitizers = os.environ.get("MIGHTY_PATCHER_SANITIZE", "")
    debug = "debug" if os.environ.get("MIGHTY_PATCHER_DEBUG") == "1" else ""
    parts = [platform.python_version() + sys.abiflags, *pins, debug, sanitizers]
    return "-".join(re.sub(r"[^\w.]+", "-", part).strip("-.") for part in parts if part)


def maker() -> str:
    """Return what an environment is bound to: the interpreter, as it is today."""
    return f"{sys.executable} {sys.version}"


def requirements(groups: list[str], pins: list[str]) -> list[str]:
    """Return what is to be installed beside the project, as pyproject.toml and the pins have it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    found: list[str] = [*settings["build-system"]["requires"], *settings["project"]["dependencies"]]
    for group in groups:
        found.extend(of_group(settings["dependency-groups"], group))
    pinned = {package(pin): pin for pin in pins}
    return list(dict.fromkeys(pinned.get(package(require), require) for require in found))


def package(require: str) -> str:
    """Return the name of the package that a requirement is about (PEP 503)."""
    name = re.match(r"[\w.-]+", require)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else require


def of_group(groups: dict[str, list[str | dict[str, str]]], name: str) -> Iterator[str]:
    """Yield the requirements of one dependency group (PEP 735)."""
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from of_group(groups, entry["include-group"])


def sources() -> Iterator[Path]:
    """Yield every file that the project is built from."""
    for name in SOURCES:
        top = ROOT / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            built = path.suffix in {".pyc", ".so"} or ".egg-info" in str(path)
            if path.is_file() and not built:
                yield path


def project() -> dict[str, str]:
    """Return what tells one build of the project from another."""
    digest = hashlib.sha256()
    for path in sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode())
        digest.update(content)
    knobs = " ".join(f"{name}={os.environ[name]}" for name in KNOBS if os.environ.get(name))
    return {"sources": digest.hexdigest(), "knobs": knobs}


def check_compiler() -> None:
    """Say what is missing where C cannot be compiled for this Python."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if shutil.which(compiler) is None:
        fail(f"no C compiler: {compiler} is not there (on Debian and Ubuntu: apt install gcc)")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        fail(
            f"{sys.executable} has no Python.h to compile against"
            f" (on Debian and Ubuntu: apt install {DEBIAN}-dev)"
        )


def lock_alone(lock: int, environment: Environment, wanted: list[str]) -> bool:
    """Wait until nobody else uses the environment, or somebody else has changed it as wanted.

    Returns:
        Whether nobody else uses it now; or else the lock is shared again, and nothing is wanted.
    """
    has_said = False
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            fcntl.flock(lock, fcntl.LOCK_UN)  # two who share it would wait for each other
        if not has_said:
            say(f"waiting: {environment.folder} is in use, and is to be changed")
            has_said = True
        time.sleep(random.uniform(0.1, 0.5))
        fcntl.flock(lock, fcntl.LOCK_SH)
        if environment.has(wanted):
            return False


def clean_environ() -> dict[str, str]:
    """Return os.environ without what would let another Python's packages into the environment."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in foreign}


def run(*command: str | Path) -> None:
    """Run a command, and end with its exit code if it fails."""
    code = subprocess.run(command, env=clean_environ(), stdin=subprocess.DEVNULL).returncode
    if code:
        fail(f"failed: {shlex.join(map(str, command))}")


def say(text: str) -> None:
    """Tell the user what is being done."""
    print(f"environment: {text}", file=sys.stderr, flush=True)


def fail(text: str) -> None:
    """Tell the user in one line why it does not go on."""
    sys.exit(f"environment: {text}")


if __name__ == "__main__":
    main()
