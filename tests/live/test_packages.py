"""Real packages from PyPI, moved from one release to the next while they are imported."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import saving
from program import Live, Program

RELEASES = [
    ("tinydb", "4.8.0", "4.8.1"),
    ("mistune", "3.0.1", "3.0.2"),
    ("humanize", "4.8.0", "4.9.0"),
]
MAIN = """
    import importlib, pkgutil, types
    import child, {package}

    for module in pkgutil.walk_packages({package}.__path__, "{package}."):
        try:
            importlib.import_module(module.name)
        except ImportError:  # It is a plugin of something that is not installed.
            pass
    held = child.functions(["{package}"])
    bound = {{name: types.MethodType(function, name) for name, function in held.items()}}

    def fingerprints(names):
        return {{name: child.fingerprint(bound[name].__func__.__code__) for name in names}}
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the downloaded wheels: in the environment, so that it is filled once."""
    in_venv = sys.prefix != sys.base_prefix
    folder = Path(sys.prefix) / "live-wheels" if in_venv else tmp_path_factory.mktemp("wheels")
    folder.mkdir(exist_ok=True)
    return folder


def sources(wheels: Path, package: str, release: str) -> dict[str, bytes]:
    """Return the source files of a release of a package, and its metadata, by path."""
    pattern = f"{package}-{release}-*.whl"
    if not any(wheels.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", str(wheels), f"{package}=={release}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"{package} {release} cannot be had: {done.stderr.strip()[-200:]}")
    (wheel,) = wheels.glob(pattern)
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if (name.startswith(f"{package}/") and name.endswith(".py"))
            or name.endswith("/METADATA")
        }


def edited(old: bytes, new: bytes) -> set[str]:
    """Return the functions, by qualified name, that differ by their bodies alone."""
    olds, news = (dict(_once(_functions(ast.parse(text)))) for text in (old, new))
    return {
        name
        for name in olds.keys() & news.keys()
        if _head(olds[name]) == _head(news[name]) and _body(olds[name]) != _body(news[name])
    }


@pytest.mark.parametrize(("package", "old", "new"), RELEASES, ids=lambda value: str(value))
def test_from_one_release_to_the_next(
    live: Live, wheels: Path, package: str, old: str, new: str
) -> None:
    """Every function whose body changed answers with the new code, by references taken before."""
    olds, news = sources(wheels, package, old), sources(wheels, package, new)
    names = sorted(
        f"{_module(path)}:{name}"
        for path in olds.keys() & news.keys()
        if path.endswith(".py")
        for name in edited(olds[path], news[path])
    )
    assert names, "the releases differ in no body of a function"
    main = MAIN.format(package=package)
    program = live({**olds, "main.py": main})
    assert set(names) <= set(json.loads(program.value("child.json.dumps(list(held))")[1:-1]))
    changed = [path for path in news if news[path] != olds.get(path) and path.endswith(".py")]
    for path in sorted(changed, key=lambda path: path in olds):  # what is new comes first
        program.write(path, news[path], saving.replace)
    wait_until_in_force(program, changed)
    fresh = live({**news, "main.py": main})
    for name in names:
        question = f"fingerprints([{name!r}])"
        assert program.value(question) == fresh.value(question)
    question = "[name for name in held if held[name] is not child.functions(['%s']).get(name)]"
    assert not set(names) & set(ast.literal_eval(program.value(question % package)))


def wait_until_in_force(program: Program, paths: list[str]) -> None:
    """A burst of saves may be more than one batch: wait for the reload after the last of them."""
    program.write("live_marker.py", "def f(): return -1")
    while "live_marker" not in (report := program.next_report()).modules:
        assert report.ok
    assert report.ok
    program.expect("reloader.reload().modules, reloader.errors", "((), {})")


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _functions(
    parent: ast.AST, prefix: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(parent):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.If | ast.Try | ast.With):
            yield from _functions(child, prefix)


def _once(
    functions: Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]],
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Leave out overloads and setters: one name would be several functions."""
    found = list(functions)
    counts = Counter(name for name, _ in found)
    return ((name, function) for name, function in found if counts[name] == 1)


def _head(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    parts = [function.args, *function.decorator_list, *filter(None, [function.returns])]
    return [type(function).__name__, *map(ast.dump, parts)]


def _body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return list(map(ast.dump, function.body))
