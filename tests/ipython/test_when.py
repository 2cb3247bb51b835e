"""When saves are applied: between cells, at once, or when they are asked for."""

from __future__ import annotations

from shells import Kernel, Start

M = "A = 1\ndef f(): return 1\n"
TWO = "A = 2\ndef f(): return 2\n"
SAVE = f"open('m.py', 'w').write({TWO!r}) and None"
HERE = """
import mighty_patcher.ipython, time
(session,) = mighty_patcher.ipython._sessions.values()

def is_there(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()
"""


def begin(notebook: Kernel) -> None:
    notebook.save("m.py", M)
    notebook.run("from m import A, f")
    notebook.run(HERE)


def test_a_save_during_a_cell_waits_until_it_has_ended(notebook: Kernel) -> None:
    begin(notebook)
    ran = notebook.run(
        f"{SAVE}\nsession.reloader.catch_up(), f(), A, session.reloader.waiting != ()"
    )
    assert (ran.value, ran.err) == ("(True, 1, 1, True)", "")
    ran = notebook.run("f(), A")
    assert ran.value == "(2, 2)"
    assert ran.reports == ["reloaded m.py: patched f; ran A; rebound 1 name"]


def test_an_error_in_a_cell_that_ran_while_a_file_was_saved(notebook: Kernel) -> None:
    """The lines are those that ran."""
    notebook.save("m.py", "def f(then):\n    then()\n    1 / 0\n")
    notebook.run("from m import f")
    notebook.run(HERE)
    save = "open('m.py', 'w').write('# one\\n# two\\n# three\\n') and session.reloader.catch_up()"
    ran = notebook.run(f"f(lambda: {save})")
    assert "----> 3     1 / 0" in ran.error


def test_async_cells(notebook: Kernel) -> None:
    begin(notebook)
    ran = notebook.run(
        f"""
        import asyncio
        await asyncio.sleep(0)
        {SAVE}
        await asyncio.to_thread(session.reloader.catch_up)
        await asyncio.sleep(0.01)
        f()
        """
    )
    assert ran.value == "1"
    assert (
        "CancelledError"
        in notebook.run("await asyncio.sleep(0)\nraise asyncio.CancelledError").error
    )
    assert notebook.value("f()") == "2"


def test_a_task_of_the_loop_has_it_when_the_next_cell_begins(notebook: Kernel) -> None:
    begin(notebook)
    notebook.run(
        """
        import asyncio
        seen = []
        async def watch():
            while not seen or seen[-1] != 2:
                seen.append(f())
                await asyncio.sleep(0.001)
        task = asyncio.create_task(watch())
        """
    )
    notebook.run(SAVE)
    assert notebook.value("await task\nsorted(set(seen))") == "[1, 2]"


def test_a_cell_within_a_cell_applies_nothing(notebook: Kernel) -> None:
    begin(notebook)
    ran = notebook.run(f"{SAVE}\nget_ipython().run_cell('inner = f()')\ninner, f()")
    assert ran.value == "(1, 1)"
    assert notebook.value("f()") == "2"


def test_threads_have_it_when_a_cell_begins(notebook: Kernel) -> None:
    begin(notebook)
    notebook.run(
        """
        import threading
        seen, ended = [], threading.Event()
        def look():
            while not ended.wait(0.001):
                seen.append(f())
        thread = threading.Thread(target=look)
        thread.start()
        """
    )
    ran = notebook.run(f"{SAVE}\nsession.reloader.catch_up()\nis_there(lambda: 2 in seen, 0.05)")
    assert ran.value == "False"
    ran = notebook.run("print(is_there(lambda: 2 in seen))\nended.set()\nthread.join()\nset(seen)")
    assert (ran.out, ran.value) == ("True\n", "{1, 2}")


def test_at_once_and_between_again(notebook: Kernel) -> None:
    begin(notebook)
    assert notebook.run("%mighty now").out == ""
    assert "saves     are applied at once" in notebook.run("%mighty").out
    ran = notebook.run(f"{SAVE}\nis_there(lambda: f() == 2), is_there(lambda: A == 2)")
    assert ran.value == "(True, True)"
    ran = notebook.run("import sys; sys.stderr.flush(); session.reloader.last.ok")
    assert ran.value == "True"
    notebook.run("%mighty between")
    assert "between cells" in notebook.run("%mighty").out
    notebook.run(f"open('m.py', 'w').write({M!r}) and session.reloader.catch_up(), f()")
    assert notebook.value("f()") == "1"


def test_at_once_is_reported_in_the_cell_that_runs(notebook: Kernel) -> None:
    begin(notebook)
    notebook.run("%mighty now\ntold = []\nsession.reloader.listen(told.append)")
    ran = notebook.run(f"{SAVE}\nis_there(lambda: told)")
    assert ran.reports == ["reloaded m.py: patched f; ran A; rebound 1 name"]


def test_what_waits_is_applied_at_once_when_that_begins(notebook: Kernel) -> None:
    begin(notebook)
    assert (
        notebook.run(f"{SAVE}\nsession.reloader.catch_up()\n%mighty now\nf(), A").value == "(2, 2)"
    )


def test_off_and_on(notebook: Kernel) -> None:
    begin(notebook)
    notebook.run("%mighty off")
    notebook.run(SAVE)
    assert notebook.value("f(), A") == "(1, 1)"
    status = notebook.run("%mighty").out
    assert "saves     wait; `%mighty on` applies them" in status
    assert "waiting   m.py" in status
    notebook.run("%mighty on")
    assert notebook.value("f(), A") == "(2, 2)"
    assert "waiting" not in notebook.run("%mighty").out


def test_apply_in_the_middle_of_a_cell(notebook: Kernel) -> None:
    begin(notebook)
    ran = notebook.run(f"before = f()\n{SAVE}\n%mighty apply\nbefore, f(), A")
    assert ran.value == "(1, 2, 2)"
    assert notebook.run("%mighty apply").out == "nothing was saved\n"


def test_undo(notebook: Kernel) -> None:
    begin(notebook)
    notebook.run(SAVE)
    assert notebook.value("f(), A") == "(2, 2)"
    notebook.save("m.py", "def f(:\n")
    assert "not reloaded: " in notebook.run("1").err
    # What is taken back is the last that did something.
    assert "reloaded m.py: patched f; ran A" in notebook.run("%mighty undo").out
    assert notebook.value("f(), A") == "(1, 1)"
    assert "the reload of m.py was undone" in notebook.run("%mighty errors").out
    assert "there is no reload to undo" in notebook.run("%mighty undo").err
    notebook.save("m.py", TWO)
    assert notebook.value("f(), A") == "(2, 2)"


def test_a_folder_that_is_watched_before_anything_is_imported(notebook: Kernel) -> None:
    notebook.save("lib/deep/m.py", "A = 1")
    assert "watches lib" in notebook.run("%mighty watch lib").out
    notebook.run("import sys; sys.path.append('lib')\nfrom deep.m import A")
    notebook.save("lib/deep/m.py", "A = 2")
    assert notebook.value("A") == "2"
    assert "there is no folder nowhere to watch" in notebook.run("%mighty watch nowhere").err
    assert "takes a folder" in notebook.run("%mighty watch").err


def test_words_that_it_does_not_know(notebook: Kernel) -> None:
    assert "knows no 'later'; it knows on, between, now" in notebook.run("%mighty later").err
    assert "%mighty undo takes nothing" in notebook.run("%mighty undo 3").err


def test_help_and_the_tab_key(notebook: Kernel) -> None:
    assert "take the last reload back, exactly" in notebook.run("%mighty?").pages
    offered = notebook.completions("%mighty ")
    assert {"between", "now", "off", "undo", "watch"} <= set(offered)
    assert "%mighty" in notebook.completions("%migh")
    assert [it for it in notebook.completions("%mighty er") if "errors" in it]


def test_subshells(kernel: Start) -> None:
    """While a cell runs in one, a cell that begins in another applies nothing (JEP 91)."""
    started = kernel({"m.py": M})
    client = started.client
    message = client.session.msg("create_subshell_request")
    client.control_channel.send(message)
    reply = client.get_control_msg(timeout=60)
    subshell = reply["content"].get("subshell_id")
    started.run("from m import f")
    started.run(HERE)
    started.run("import threading; begun, may_end = threading.Event(), threading.Event()")
    message = client.session.msg(
        "execute_request",
        {
            "code": "begun.set(); may_end.wait(60); kept = f()",
            "silent": False,
            "store_history": True,
        },
    )
    message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)
    assert started.value("begun.wait(60)") == "True"
    started.save("m.py", TWO)
    assert started.value("session.reloader.catch_up(), f()") == "(True, 1)"
    assert started.value("f(), session.reloader.waiting != ()") == "(1, True)"
    ended = started.value("may_end.set()\nis_there(lambda: len(session._running) == 1)")
    assert ended == "True"
    assert started.value("kept, f()") == "(1, 2)"
