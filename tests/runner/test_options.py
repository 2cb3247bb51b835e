"""The command line itself: what it understands, and how it says that it does not."""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest
from running import RUNNER, run, write

import mighty_patcher
from mighty_patcher import cli

COMMAND = "import sys\nfrom mighty_patcher.cli import main\nsys.exit(main())\n"
TELL = "import os, sys\nprint(__file__, sys.argv, sys.path, os.environ.get('PYTHONPATH'))\n"
WRONG = {
    ("--poll", "often", "main.py"): "argument --poll: 'often' is no number of seconds",
    ("--poll", "0", "main.py"): "argument --poll: '0' is no number of seconds",
    ("--rerun", "never", "main.py"): "argument --rerun: invalid choice: 'never'",
    ("--apply=later", "main.py"): "argument --apply: invalid choice: 'later'",
    ("--nothing", "main.py"): "unrecognized arguments: --nothing",
    ("--watc", "main.py"): "unrecognized arguments: --watc",
    ("--watch",): "argument --watch: expected one argument",
    ("--watch", "nowhere", "main.py"): "there is no nowhere to watch",
    ("-m",): "-m needs a module",
    ("-i", "-c"): "-c needs code",
    ("--clear", "main.py"): "--clear goes with --loop",
    ("--on-change", "make", "main.py"): "--on-change goes with --loop",
    ("--on-error", "main.py"): "--on-error goes with --loop",
    ("--loop", "-c", "1"): "--loop needs a script, or module:function",
    ("--loop", "--children", "main.py"): "--children does not go with --loop",
    ("--loop", "--apply", "manual", "main.py"): "--apply manual does not go with --loop",
    ("--loop", "-i", "main.py"): "-i does not go with --loop",
    ("--loop",): "--loop needs a script, or module:function",
    ("--explain",): "--explain needs the name of a module: --explain shop.cart",
    ("--explain", "--watch", "nowhere", "a"): "there is no nowhere to watch",
    ("--quiet", "--verbose", "main.py"): "--quiet and --verbose exclude each other",
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.items(), ids=" ".join)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    message: str,
) -> None:
    write(tmp_path, {"main.py": "print('it runs')"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    output, errors = capsys.readouterr()
    assert (ended.value.code, output) == (2, "")
    assert errors.startswith(f"mighty-patcher: {message}")
    assert errors.endswith("; --help lists the options\n")
    assert errors.count("\n") == 1


def test_what_is_wrong_is_said_by_the_command(tmp_path: Path) -> None:
    ended = run(tmp_path, [*RUNNER, "--nothing", "main.py"])
    words = "mighty-patcher: unrecognized arguments: --nothing; --help lists the options\n"
    assert ended == (2, "", words)


@pytest.mark.parametrize("flag", ["-E", "-I", "-S"])
def test_flags_that_keep_us_out(tmp_path: Path, flag: str) -> None:
    """They cannot be had: a hook of Python's start is what starts the reloader."""
    write(tmp_path, {"main.py": ""})
    code = f"import sys; sys.path[:0] = {sys.path}; from mighty_patcher.cli import main; main()"
    ended = run(tmp_path, [flag, "-c", code, "main.py"])
    assert ended.status == 2
    assert ended.errors.startswith("mighty-patcher: Python's flags -E, -I and -S keep")


def test_nothing_to_run(tmp_path: Path) -> None:
    """SEEDS B11. At a terminal it would be an interactive session."""
    ended = run(tmp_path, RUNNER)
    assert (ended.status, ended.output) == (2, "")
    assert ended.errors.startswith("usage: mighty-patcher [options] ")
    assert ended.errors.count("\n") == 1


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    """SEEDS B11. The words are Python's."""
    ended, plain = run(tmp_path, [*RUNNER, "nope.py"]), run(tmp_path, ["nope.py"])
    assert ended.status == plain.status == 2
    words = plain.errors.replace(f"{sys.executable}:", "mighty-patcher:")
    assert ended.errors == words


def test_version_and_help(tmp_path: Path) -> None:
    version = run(tmp_path, [*RUNNER, "--version"])
    python = sys.version.split()[0]
    assert version == (0, f"mighty-patcher {mighty_patcher.__version__} (CPython {python})\n", "")
    status, output, errors = run(tmp_path, [*RUNNER, "--watch", ".", "--help"])
    assert (status, errors) == (0, "")
    assert "-m module" in output
    assert "--watch PATH" in output


def test_the_command(tmp_path: Path) -> None:
    """What is installed as ``mighty-patcher`` calls this function, with flags of its own."""
    write(tmp_path, {"bin/mighty-patcher": COMMAND, "app/main.py": TELL})
    ended = run(tmp_path, ["-P", "bin/mighty-patcher", "--quiet", "app/main.py", "--quiet"])
    assert ended.status == 0, ended
    assert ended == run(tmp_path, ["app/main.py", "--quiet"])
    try:
        distribution = importlib.metadata.distribution("mighty-patcher")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("not installed, only on the path")
    (entry,) = distribution.entry_points.select(group="console_scripts", name="mighty-patcher")
    assert entry.load() is sys.modules["mighty_patcher.cli"].main


def test_a_script_whose_name_is_an_option(tmp_path: Path) -> None:
    write(tmp_path, {"-x.py": TELL})
    plain = run(tmp_path, ["--", "-x.py", "--", "-y"])
    assert plain.status == 0, plain
    assert run(tmp_path, [*RUNNER, "--", "-x.py", "--", "-y"]) == plain


def test_modules_of_the_current_folder_are_not_ours(tmp_path: Path) -> None:
    bad = {f"{name}.py": "raise SystemExit(9)" for name in ("argparse", "json", "typing", "re")}
    write(tmp_path, {**bad, "app/main.py": TELL})
    assert run(tmp_path, [*RUNNER, "app/main.py"]) == run(tmp_path, ["app/main.py"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("log.jsonl", f"{{folder}}{os.sep}log.jsonl"),
        ("fd:3", "fd:3"),
        ("unix:/tmp/s", "unix:/tmp/s"),
    ],
)
def test_where_events_go(tmp_path: Path, given: str, found: str) -> None:
    found = found.replace("{folder}", str(tmp_path))
    code = "import os; print(os.environ['MIGHTY_PATCHER_EVENTS'])"
    ended = run(tmp_path, [*RUNNER, "--events", given, "-c", code])
    assert ended == (0, f"{found}\n", "")


@pytest.mark.parametrize("name", ["mighty-patcher-tool", "sub/tool"])
def test_commands_of_packages_run_what_is_here(tmp_path: Path, name: str) -> None:
    """``mighty-patcher $(which gunicorn)`` is about the modules of the current folder."""
    commands = Path(os.path.realpath(Path(sys.executable).parent))
    assert cli._folder(cli.Program("script", str(commands / name))) == (
        "." if "/" not in name else str(commands / "sub")
    )
