"""``--children``: what a program starts is kept up to date as well."""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path

import pytest
import watchdog
from running import RUNNER, TIMEOUT, Running, Start, run, write

from mighty_patcher import children

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="most of it is about fork")

ONE = "def f():\n    return 1\n"
TWO = "def f():\n    return 2\n"
# A line from the parent is evaluated, and answered with the number of the process.
ANSWER = r"""
import os, sys
from words import f

def say(*words):  # in one piece: others write, too
    os.write(1, (" ".join(map(str, words)) + "\n").encode())

def answer(lines):
    say("child")
    for line in lines:
        say("child", eval(line))

if __name__ == "__main__":
    answer(sys.stdin)
"""
PROCESS = """
import multiprocessing as mp, sys
from answer import answer, f, say

def serve(queue):
    answer(iter(queue.get, None))

if __name__ == "__main__":
    context = mp.get_context("{method}")
    queue = context.Queue()
    child = context.Process(target=serve, args=[queue])
    child.start()
    for line in sys.stdin:
        queue.put(line)
        say("parent", eval(line))
    queue.put(None)
    child.join()
    print(child.exitcode)
"""
FORK = """
import os, sys, threading
from answer import answer, f, say

def main():
    ours, theirs = os.pipe()
    if os.fork() == 0:
        with os.fdopen(ours) as lines:
            os.close(theirs)
            answer(lines)
        sys.exit(0)
    os.close(ours)
    with os.fdopen(theirs, "w") as child:
        for line in sys.stdin:
            child.write(line)
            child.flush()
            say("parent", eval(line))
    print(os.waitstatus_to_exitcode(os.wait()[1]))

if __name__ == "__main__":
    main()
"""
SUBPROCESS = """
import subprocess, sys
from answer import f, say

if __name__ == "__main__":
    with subprocess.Popen([sys.executable, "answer.py"], stdin=subprocess.PIPE, text=True) as child:
        for line in sys.stdin:
            child.stdin.write(line)
            child.stdin.flush()
            say("parent", eval(line))
    print(child.returncode)
"""
PROGRAMS = {
    "fork": FORK,
    "multiprocessing fork": PROCESS.replace("{method}", "fork"),
    "multiprocessing forkserver": PROCESS.replace("{method}", "forkserver"),
    "multiprocessing spawn": PROCESS.replace("{method}", "spawn"),
    "subprocess": SUBPROCESS,
}


def said(program: Running) -> set[str]:
    """What parent and child say of f()."""
    program.tell("f()")
    return {program.expect(r"(child|parent) \d")[0] for _ in range(2)}


@pytest.mark.parametrize("main", PROGRAMS.values(), ids=PROGRAMS)
def test_a_child_is_hot(start: Start, main: str) -> None:
    files = {"main.py": main, "answer.py": ANSWER, "words.py": ONE}
    # Also where PYTHONPATH leads to what we have loaded ourselves.
    site_packages = str(Path(watchdog.__path__[0]).parent)
    program = start(files, "--children", "main.py", env={"PYTHONPATH": site_packages})
    program.expect("child")
    assert said(program) == {"child 1", "parent 1"}
    for new in (2, 3):
        program.save("words.py", ONE.replace("1", str(new)))
        # Each process that has imported it reloads it, the server of forks among them (3.14).
        program.expect(r".* reloaded words\.py: patched f .*")
        deadline = time.monotonic() + TIMEOUT
        while said(program) != {f"child {new}", f"parent {new}"}:
            assert time.monotonic() < deadline, program.transcript
    assert program.end() == 0
    assert program.transcript.endswith("\n0\n")


@pytest.mark.parametrize("main", PROGRAMS.values(), ids=PROGRAMS)
def test_without_the_option_a_child_is_not(tmp_path: Path, main: str) -> None:
    tell = "[sorted(os.environ), __import__('threading').active_count(), hasattr(os, '__hmr__')]\n"
    write(tmp_path, {"main.py": "import os\n" + main, "answer.py": ANSWER, "words.py": ONE})

    def children(*arguments: str) -> list[str]:
        ended = run(tmp_path, [*arguments, "main.py"], stdin=tell)
        assert ended.status == 0, ended
        return [line for line in ended.output.splitlines() if line.startswith("child [")]

    assert len(children()) == 1
    assert children(*RUNNER) == children()


def test_what_is_saved_during_a_pause_is_reloaded_after_it(start: Start) -> None:
    main = """
        import sys, threading
        from mighty_patcher import AutoReloader
        from words import f

        reloader = AutoReloader(".")
        for line in sys.stdin:
            sys.stdout.write(f"{eval(line)}\\n")  # in one piece: the watcher writes, too
    """
    program = start({"main.py": main, "words.py": ONE}, "--watch", "main.py", "main.py")
    threads = "[t.name for t in threading.enumerate() if t.name == 'mighty_patcher']"
    program.ask(f"reloader.pause(15), {threads}", "(None, ['mighty_patcher'])")  # the runner's
    program.save("words.py", TWO)
    program.tell("f(), reloader.resume()")
    program.expect_all(r"\(1, None\)", r".* reloaded words\.py: patched f .*")
    program.ask("f(), reloader.resume()", "(2, None)")
    program.save("words.py", ONE)
    program.expect(r".* reloaded words\.py: patched f .*")
    program.ask(
        "f(), reloader.stop(), reloader.pause(), reloader.resume()", "(1, None, None, None)"
    )
    program.ask(threads, "['mighty_patcher']")


SLOW = "import __main__\n__main__.say('runs')\n__main__.go.wait(15)\nX = 2"


@pytest.mark.parametrize("releases", ["before", "after_in_parent"])
def test_a_fork_during_a_reload(start: Start, releases: str) -> None:
    """It waits for the reload; but not for ever, because that may be waiting for it."""
    main = f"""
        import os, sys, threading, words

        def say(*words):
            os.write(1, (" ".join(map(str, words)) + "\\n").encode())

        go = threading.Event()
        os.register_at_fork({releases}=go.set)
        say("ready")
        for line in sys.stdin:
            if os.fork() == 0:
                say("child", words.X)
                os._exit(0)
            say("status", os.wait()[1])
    """
    program = start({"main.py": main, "words.py": "X = 1"}, "--children", "main.py")
    program.expect("ready")
    program.save("words.py", SLOW)
    program.expect("runs")
    program.tell("")
    told = [r"child 1", r".* was forked in the middle of a reload, and is not kept up to date; .*"]
    if releases == "before":
        told = ["child 2"]
    program.expect_all(*told, "status 0", r".* reloaded words\.py: .*")


APP = """
import os
from words import f

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [f"{f()} {os.getpid()}".encode()]

async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{f()} {os.getpid()}".encode()})
"""
SERVERS = {
    "gunicorn": ("--workers", "2", "--bind", "127.0.0.1:0", "app:wsgi"),
    "gunicorn preload": ("--preload", "--workers", "2", "--bind", "127.0.0.1:0", "app:wsgi"),
    "uvicorn": ("--lifespan", "off", "--workers", "2", "--port", "0", "app:asgi"),
}


@pytest.mark.parametrize("server", SERVERS)
def test_workers_of_a_server(start: Start, tmp_path: Path, server: str) -> None:
    module = server.partition(" ")[0]
    pytest.importorskip(module)
    program = start(
        {"app.py": APP, "words.py": ONE},
        *("--children", "-m", module, *SERVERS[server]),
        env={"HOME": str(tmp_path)},
    )
    port = int(program.expect(r".*http://127\.0\.0\.1:(\d+)\b.*")[1])
    if server == "uvicorn":  # whose parent names the port before anybody listens to it
        for _ in range(2):
            program.expect(".*Started server process.*")
    workers = answers(port, "1", 2)
    program.save("words.py", TWO)
    for _ in (*workers, *(["master"] if "preload" in server else [])):
        program.expect(r".* reloaded words\.py: patched f .*")
    assert answers(port, "2", 2) == workers


def answers(port: int, answer: str, workers: int) -> set[str]:
    """Ask a server until so many workers have answered, and return their numbers."""
    found: set[str] = set()
    deadline = time.monotonic() + TIMEOUT
    while len(found) < workers:
        assert time.monotonic() < deadline, found
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        try:
            connection.request("GET", "/")
        except ConnectionRefusedError:  # not yet
            continue
        word, worker = connection.getresponse().read().decode().split()
        connection.close()
        assert word == answer
        found.add(worker)
    return found


def test_helpers_of_multiprocessing_are_not_hot(tmp_path: Path) -> None:
    tell = "import threading; print(threading.active_count() > 1)"
    main = f"""
        import subprocess, sys
        for first in ("", "from multiprocessing.resource_tracker import main;"):
            subprocess.run([sys.executable, "-c", first + {tell!r}], check=True)
    """
    write(tmp_path, {"main.py": main})
    assert run(tmp_path, [*RUNNER, "--children", "main.py"]) == (0, "True\nFalse\n", "")


def test_the_runner_in_a_hot_program(tmp_path: Path) -> None:
    tell = "print({k: v for k, v in os.environ.items() if k[:6] in ('PYTHON', 'MIGHTY')})"
    main = f"""
        import subprocess, os, sys
        subprocess.run([sys.executable, "-m", "mighty_patcher", "-c", "import os; {tell}"])
    """
    write(tmp_path, {"main.py": main, "plain.py": f"import os; {tell}"})
    plain = run(tmp_path, ["plain.py"])
    assert run(tmp_path, [*RUNNER, "--children", "main.py"]) == plain


def test_another_python_is_left_alone(tmp_path: Path) -> None:
    """The hook is in the way of every Python that a program starts, and means one only."""
    hook = Path(sys.modules["mighty_patcher"].__path__[0]) / "_start"
    write(
        tmp_path,
        {
            "pkg/_start/sitecustomize.py": (hook / "sitecustomize.py").read_text(),
            "lib/sitecustomize.py": "print('mine')",
        },
    )
    paths = os.pathsep.join([str(tmp_path / "pkg" / "_start"), "lib"])
    env = {"PYTHONPATH": paths, "MIGHTY_PATCHER_RUN": "{}"}
    code = "import sys; print([p for p in sys.path if 'pkg' in p], 'mighty_patcher' in sys.modules)"
    ended = run(tmp_path, ["-c", code], env=env)
    assert ended == (0, "mine\n[] False\n", "")
    ended = run(tmp_path, ["-c", code], env={**env, "PYTHONPATH": paths.removesuffix("lib")})
    assert ended == (0, "[] False\n", "")


def test_a_start_that_took_long_says_why() -> None:
    assert children._why_so_long(["/home/ada"], 0.5) == ""
    assert children._why_so_long(["/home/ada"], 12.3) == (
        "it took 12 s to read what is below /home/ada; --watch names less of it"
    )


def test_a_child_whose_folder_is_gone_says_so_and_runs(tmp_path: Path) -> None:
    main = """
        import shutil, subprocess, sys
        shutil.rmtree("app")
        sys.exit(subprocess.run([sys.executable, "-c", "print('it runs')"]).returncode)
    """
    write(tmp_path, {"main.py": main, "app/words.py": ONE})
    ended = run(tmp_path, [*RUNNER, "--children", "--watch", "app", "main.py"])
    assert ended.status == 0
    assert ended.output == "it runs\n"
    assert "mighty-patcher: there is no directory" in ended.errors
