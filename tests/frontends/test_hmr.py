"""``builtins.__hmr__``: SEEDS B12 to B17."""

from __future__ import annotations

from programs import Passes, Run


def test_seed_12_hmr_is_in_builtins(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import AutoReloader, hmr

            reloader = AutoReloader(path=".", watch=False)
            installed = hmr.install(reloader)
            assert __hmr__ is installed and __hmr__.reloader is reloader
            assert hmr.install(reloader) is hmr.install() is __hmr__
            with AutoReloader(path=".") as watching:
                del __builtins__.__hmr__
                assert hmr.install().reloader is watching  # who watches the program already
                assert hmr.install(reloader).reloader is reloader
            installed = __hmr__
            import other
            assert other.same(__hmr__)
            """,
            "other.py": "def same(it): return it is __hmr__",
        }
    )


def test_seed_13_reload_module_returns_names_and_milliseconds(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import threading, time
            import foo, bar
            if __name__ == "__main__":
                save("foo", "X = 2\\ndef f(): return 'new'")
                clock = time.perf_counter()
                reloaded, duration = __hmr__.reload_module("foo")
                took = (time.perf_counter() - clock) * 1000
                assert len(reloaded) == 2 and list(reloaded) == ["foo", "bar"], reloaded
                assert "foo" in reloaded
                last = __hmr__.reloader.last.seconds * 1000
                assert last <= duration <= took, (last, duration, took)  # not in seconds
                assert bar.X == 2 and foo.f() == "new"

                save("foo", "X = 3\\ndef f(): return 'thread'")
                found = []
                thread = threading.Thread(target=lambda: found.extend(__hmr__.reload_module("foo")))
                thread.start()
                thread.join()
                assert tuple(found[0]) == ("foo", "bar") and bar.X == 3
            """,
            "foo.py": "X = 1\ndef f(): return 'old'",
            "bar.py": "from foo import X",
        }
    )


def test_seed_13_a_module_that_did_not_change_runs_again_whole(passes: Passes) -> None:
    """It reads something else than its source; `reload_changed` leaves it alone."""
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import settings
            if __name__ == "__main__":
                load, threads = settings.load, settings.cache
                settings.cache["kept"] = 1
                pathlib.Path("settings.txt").write_text("two")
                reloaded, _ = __hmr__.reload_changed()
                assert not reloaded and settings.value == "one"
                reloaded, _ = __hmr__.reload_module("settings")
                assert list(reloaded) == ["settings"] and settings.value == "two"
                assert settings.load is load and settings.cache == {}

                save("settings", pathlib.Path("settings.py").read_text() + "# only a comment")
                settings.cache["kept"] = 1
                reloaded, _ = __hmr__.reload_module("settings")
                assert settings.cache == {"kept": 1}  # it did change, and no statement of it
            """,
            "settings.txt": "one",
            "settings.py": """
                cache = {}
                def load():
                    with open("settings.txt") as file:
                        return file.read()
                value = load()
                """,
        }
    )


def test_seed_13_a_file_that_an_editor_has_just_emptied_is_waited_for(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import foo, os, threading
            save("foo", "")
            result = __hmr__.reloader.reload(["foo.py"], takes_empty=False)
            assert not result.paths and __hmr__.reloader.engine.emptied and foo.f() == 1
            reached = threading.Event()
            status = os.stat
            def stat(path, **keywords):
                found = status(path, **keywords)
                if str(path).endswith("foo.py") and found.st_size == 0:
                    reached.set()
                return found
            os.stat = stat
            thread = threading.Thread(target=__hmr__.reload_module, args=["foo"])
            thread.start()
            reached.wait()
            save("foo", "def f(): return 2")
            thread.join()
            assert foo.f() == 2
            """,
            "foo.py": "def f(): return 1",
        }
    )


def test_seed_14_however_it_was_imported(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import package.base, package.user, lazily, dynamic, cycle_a, reexported
            from package.base import VALUE, compute
            import package.base as base
            import package

            save("package.base", pathlib.Path("package/base.py").read_text().replace("old", "new"))
            __hmr__.reload_module("package.base")
            assert VALUE == base.VALUE == "new" and compute() == "new compute"
            assert package.VALUE == "new" and package.compute() == "new compute"  # re-exported
            assert reexported.both() == ("new", "new compute")
            assert package.user.both() == ("new", "new compute")  # relatively
            assert lazily.both() == ("new", "new compute")  # in a function
            assert dynamic.both() == ("new", "new compute")  # importlib.import_module
            assert cycle_a.both() == ("new", "new compute")

            dependents = __hmr__.dependents("package.base")
            names = {"package", "package.user", "lazily", "dynamic", "cycle_a", "cycle_b"}
            assert {"__main__", "reexported", *names} == set(dependents), dependents
            assert set(dependents[:5]) >= {"package", "package.user"}
            assert set(__hmr__.dependencies("reexported")) == {"package", "package.base"}
            assert __hmr__.dependencies("package.base") == ()
            """,
            "package/__init__.py": "from .base import VALUE, compute",
            "package/base.py": "VALUE = 'old'\ndef compute(): return 'old compute'",
            "package/user.py": """
                from . import base
                from .base import VALUE, compute
                def both(): return VALUE, compute()
                """,
            "reexported.py": """
                from package import VALUE, compute
                def both(): return VALUE, compute()
                """,
            "lazily.py": """
                def both():
                    from package.base import VALUE, compute
                    return VALUE, compute()
                both()
                """,
            "dynamic.py": """
                import importlib
                name = "package.base"
                base = importlib.import_module(name)
                def both(): return base.VALUE, base.compute()
                """,
            "cycle_a.py": """
                import cycle_b
                from package.base import compute
                def both(): return cycle_b.base.VALUE, compute()
                """,
            "cycle_b.py": """
                import package.base as base
                import cycle_a
                """,
        }
    )


def test_seed_15_hooks_and_error_handlers(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import foo, pytest
            calls = []

            @__hmr__.add_pre_reload_hook
            def before(name):
                calls.append(("before", name, foo.X))

            @__hmr__.add_post_reload_hook
            def after(name):
                calls.append(("after", name, foo.X))

            assert __hmr__.add_post_reload_hook(after) is after  # not twice
            save("foo", "X = 2")
            __hmr__.reload_module("foo")
            assert calls == [("before", "foo", 1), ("after", "foo", 2)], calls

            save("foo", "X = (")
            with pytest.raises(SyntaxError):
                __hmr__.reload_module("foo")
            save("foo", "X = 1 / 0")
            with pytest.raises(ZeroDivisionError):
                __hmr__.reload_module("foo")
            with pytest.raises(ImportError):
                __hmr__.reload_module("missing")
            with pytest.raises(ImportError):
                __hmr__.reload_module("math")

            errors = []

            @__hmr__.add_error_handler
            def handler(name, exception):
                errors.append((name, type(exception).__name__))

            calls.clear()
            reloaded, duration = __hmr__.reload_module("foo")
            assert not reloaded and calls == [("before", "foo", 2)]
            save("foo", "X = (")
            __hmr__.reload_module("foo")
            __hmr__.reload_module("missing")
            expected = [("foo", "ZeroDivisionError"), ("foo", "SyntaxError")]
            assert errors == [*expected, ("missing", "ModuleNotFoundError")], errors

            __hmr__.remove_pre_reload_hook(before)
            __hmr__.remove_post_reload_hook(after)
            __hmr__.remove_error_handler(handler)
            save("foo", "X = 3")
            calls.clear()
            __hmr__.reload_module("foo")
            assert foo.X == 3 and not calls
            with pytest.raises(ValueError):
                __hmr__.remove_error_handler(handler)
            """,
            "foo.py": "X = 1",
        }
    )


def test_seed_15_hooks_that_raise_are_reported_and_break_nothing(passes: Passes) -> None:
    program = passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import foo, sys
            def broken(*arguments):
                raise LookupError("from a hook")
            def leaving(*arguments):
                sys.exit(7)
            for add in (__hmr__.add_pre_reload_hook, __hmr__.add_post_reload_hook):
                add(broken)
                add(leaving)
            __hmr__.add_error_handler(broken)
            save("foo", "X = 2")
            reloaded, _ = __hmr__.reload_module("foo")
            assert list(reloaded) == ["foo"] and foo.X == 2
            save("foo", "X = (")
            __hmr__.reload_module("foo")
            """,
            "foo.py": "X = 1",
        }
    )
    assert program.output.count("LookupError: from a hook") == 3
    assert "the hook broken raised; the reload is none the worse for it" in program.output


def test_seed_15_a_refused_edit_has_its_name(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import RefusedEdit, hmr

            __rerun__ = "module"
            hmr.install()
            found = []
            __hmr__.add_error_handler(lambda name, error: found.append((name, type(error))))
            text = pathlib.Path("main.py").read_text()
            save("main", text + "# and\\nmore = 1\\n")  # it runs right now, at its top
            reloaded, _ = __hmr__.reload_module("__main__")
            assert not reloaded and found == [("__main__", RefusedEdit)], found
            """
        }
    )


def test_seed_15_the_watcher_calls_them_and_never_raises(run: Run) -> None:
    program = run(
        {
            "main.py": """
            import threading
            from mighty_patcher import AutoReloader, hmr
            import foo
            hmr.install(AutoReloader(path="."))
            __hmr__.add_pre_reload_hook(lambda name: print("before", name))
            __hmr__.add_post_reload_hook(lambda name: print("after", name, foo.X))
            __hmr__.add_error_handler(lambda name, error: print("error", name, repr(error)))
            print("ready")
            threading.Event().wait()
            """,
            "foo.py": "X = 1",
        }
    )
    program.expect("ready")
    program.save(foo="X = 2")
    program.expect("before foo")
    program.expect("after foo 2")
    program.save(foo="X = 1 / 0")
    program.expect("before foo")
    program.expect(r"error foo ZeroDivisionError\('division by zero'\)")
    program.save(foo="def f(:\n")
    program.expect("error foo SyntaxError.*")
    program.save(foo="X = 3")
    program.expect("after foo 3")


def test_seed_13_from_inside_the_reloaded_code(passes: Passes) -> None:
    """A function of the module asks for its own reload; and so does the module when it runs."""
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import foo, bar
            save("foo", pathlib.Path("foo.py").read_text().replace("old", "new"))
            assert foo.again() == ("old", ("foo",)) and foo.again()[0] == "new"

            save("bar", "X = 2")
            save("foo", pathlib.Path("foo.py").read_text() + "asked = __hmr__.reload_module('bar')")
            __hmr__.reload_module("foo")
            assert foo.asked == ((), 0.0)  # its turn comes when foo has been reloaded
            assert bar.X == 2

            save("foo", "runs.append(1)\\n__hmr__.reload_module(__name__)\\n")
            foo.runs = []
            __hmr__.reload_module("foo")
            assert foo.runs == [1, 1]  # and not for ever
            """,
            "foo.py": """
                def again():
                    reloaded, _ = __hmr__.reload_module(__name__)
                    return "old", tuple(reloaded)
                """,
            "bar.py": "X = 1",
        }
    )


def test_seed_13_from_many_threads_at_once(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            from mighty_patcher import hmr

            hmr.install()
            import foo, threading
            found, gate = [], threading.Barrier(8)

            def reload():
                gate.wait()
                for _ in range(5):
                    found.append(__hmr__.reload_module("foo")[0])

            save("foo", "runs = globals().get('runs', 0) + 1\\ndef f(): return 'new'")
            threads = [threading.Thread(target=reload) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert set(found) == {("foo",)} and len(found) == 40
            assert foo.f() == "new" and foo.runs == 40  # the first has patched f
            """,
            "foo.py": "runs = globals().get('runs', 0) + 1\ndef f(): return 'old'",
        }
    )


def test_seed_13_in_a_handler_of_watchdog(run: Run) -> None:
    """The way of renovo's own example, which is called early and several times for a save."""
    program = run(
        {
            "main.py": """
from mighty_patcher import hmr

hmr.install()
import pathlib, threading
from watchdog.events import FileSystemEventHandler
from watchdog.observers import Observer
import foo


class Handler(FileSystemEventHandler):
    def on_modified(self, event):
        path = pathlib.Path(event.src_path)
        if path.suffix == ".py":
            reloaded, duration = __hmr__.reload_module(path.stem)
            print(f"reloaded {len(reloaded)} in {duration} ms:", foo.f())


observer = Observer()
observer.schedule(Handler(), ".")
observer.start()
print("ready")
threading.Event().wait()
""",
            "foo.py": "def f(): return 1",
        }
    )
    program.expect("ready")
    for value in (2, 3):
        program.save(foo=f"def f(): return {value}")
        program.expect(rf"reloaded 1 in [\d.]+ ms: {value}")


def test_seed_16_main_itself(passes: Passes) -> None:
    program = """
        from foo import bar

        LIMIT = 1

        def limit():
            return LIMIT, bar, "old"

        if __name__ == "__main__":
            import sys
            from mighty_patcher import hmr
            hmr.install()
            text = pathlib.Path("main.py").read_text()
            save("main", text.replace("LIMIT = 1", "LIMIT = 2").replace('"o' + 'ld"', '"new"'))
            reloaded, _ = __hmr__.reload_module("__main__")
            assert list(reloaded) == ["__main__"]
            assert limit() == (2, 1, "new"), limit()
            save("foo", "bar = 2")
            assert list(__hmr__.reload_module("foo")[0]) == ["foo", "__main__"]
            assert bar == 2 and limit() == (2, 2, "new")
            del sys.modules["foo"]
            import foo
            assert foo.bar == 2
            save("foo", "bar = 3")
            assert "foo" in __hmr__.reload_module("foo")[0]
            from foo import bar as again
            assert again == foo.bar == 3
        """
    passes({"main.py": program, "foo.py": "bar = 1"})


def test_seed_17_it_need_not_come_first(passes: Passes) -> None:
    passes(
        {
            "main.py": """
            import foo, user
            from foo import f
            instance = user.User()

            from mighty_patcher import hmr
            hmr.install()
            assert set(__hmr__.dependents("foo")) == {"user", "__main__"}
            save("foo", "def f(): return 'new'\\nX = 'new'")
            __hmr__.reload_module("foo")
            assert f() == instance.f() == user.X == "new"
            """,
            "foo.py": "def f(): return 'old'\nX = 'old'",
            "user.py": """
                from foo import X, f
                class User:
                    def f(self): return f()
                """,
        }
    )
