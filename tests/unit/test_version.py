from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import textwrap
import types
import warnings
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from mighty_patcher.engine import version as room
from mighty_patcher.engine.version import (
    Texts,
    Version,
    compile_for,
    looks_unfinished,
    parse,
    read,
)
from mighty_patcher.errors import SourceError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "cart.py"


def version_of(text: str | bytes, path: str = "/shop/cart.py") -> Version:
    return Version.of(path, text if isinstance(text, bytes) else text.encode())


def module_from(file: Path, loader: object = None) -> types.ModuleType:
    """A module as an import leaves it, without running it."""
    if loader is None:
        loader = SourceFileLoader("cart", str(file))
    spec = importlib.util.spec_from_file_location("cart", file, loader=loader)
    module = types.ModuleType("cart")
    module.__spec__, module.__loader__, module.__file__ = spec, loader, str(file)
    return module


def failing(data: bytes, file: Path) -> SourceError:
    file.write_bytes(data)
    with pytest.raises(SourceError) as info:
        read(str(file))
    assert info.value.path == str(file)
    assert not info.value.reason.endswith(".")
    return info.value


class TestRead:
    def test_text_and_digest(self, file):
        file.write_bytes(b"RATE = 1\n")
        version = read(str(file))
        assert (version.path, version.data, version.text) == (
            str(file),
            b"RATE = 1\n",
            "RATE = 1\n",
        )
        assert len(version.digest) == 16
        assert version.digest == version_of("RATE = 1\n").digest != version_of("RATE = 2\n").digest

    def test_is_known_by_its_real_path(self, file, tmp_path):
        file.write_text("")
        (tmp_path / "link.py").symlink_to(file)
        assert read(str(tmp_path / "link.py")).path == str(file)

    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"", ""),
            (b"\xef\xbb\xbfa = '\xc3\xa9'\n", "a = 'é'\n"),
            (b"# coding: latin-1\na = '\xe9'\n", "# coding: latin-1\na = 'é'\n"),
            (b"\n# vim: fileencoding=cp1252 :\n'\x80'", "\n# vim: fileencoding=cp1252 :\n'€'"),
            (b"a = 1\r\nb = 2\rc = 3\n", "a = 1\nb = 2\nc = 3\n"),
            (b"a = 1\n\x0c\nb = 2\n", "a = 1\n\x0c\nb = 2\n"),
        ],
    )  # fmt: skip
    def test_decodes(self, file, data, text):
        file.write_bytes(data)
        version = read(str(file))
        assert version.text == text
        assert ast.dump(version.tree) == ast.dump(ast.parse(data))

    def test_absent(self, file):
        with pytest.raises(SourceError, match="the file is not there"):
            read(str(file))
        with pytest.raises(SourceError, match="the file is not there"):
            read(str(file / "below" / "a_file.py"))

    def test_directory(self, tmp_path):
        with pytest.raises(SourceError, match="it is a directory"):
            read(str(tmp_path))

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
    def test_pipe_does_not_block(self, file):
        os.mkfifo(file)
        with pytest.raises(SourceError, match="not a regular file"):
            read(str(file))

    def test_unreadable(self, file, monkeypatch):
        file.write_text("")

        def refuse(path):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read everything
        with pytest.raises(SourceError, match="no permission"):
            read(str(file))

    def test_binary(self, file):
        error = failing(b"a = 1\nb = '\0'\n", file)
        assert (error.line, error.reason) == (2, "it holds a NUL byte, so it is not text")

    def test_utf_16(self, file):
        assert "save it as UTF-8" in failing("a = 1".encode("utf-16"), file).reason

    @pytest.mark.parametrize(
        ("data", "line", "reason"),
        [
            (b"a = '\xe9'\n", 1, "byte 0xe9 is not utf-8"),
            (b"a\r\nb\rc\nd = '\xff'\n", 4, "byte 0xff is not utf-8"),
            (b"\xef\xbb\xbfa\nb\n'\xe9'\n", 3, "byte 0xe9 is not utf-8"),
            (b"# coding: ascii\n\n'\xe9'\n", 3, "byte 0xe9 is not ascii"),
        ],
    )
    def test_undecodable_says_where(self, file, data, line, reason):
        error = failing(data, file)
        assert (error.line, error.reason) == (line, reason)

    @pytest.mark.parametrize("name", ["klingon", "rot13", "undefined"])
    def test_encoding_that_is_none(self, file, name):
        error = failing(f"# coding: {name}\n".encode(), file)
        assert error.line == 1
        assert "encoding" in error.reason

    def test_bom_and_declaration_disagree(self, file):
        error = failing(b"\xef\xbb\xbf# coding: latin-1\n", file)
        assert "declaration does not hold" in error.reason

    def test_reads_again_when_the_file_changed_meanwhile(self, file, monkeypatch):
        file.write_bytes(b"old")
        readings = []

        def read_bytes(path, original=Path.read_bytes):
            data = original(path)
            if not readings:
                path.write_bytes(b"longer than before")
            readings.append(data)
            return data

        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        assert read(str(file)).data == b"longer than before"
        assert readings == [b"old", b"longer than before"]

    def test_reads_again_when_the_file_was_replaced_meanwhile(self, file, tmp_path, monkeypatch):
        file.write_bytes(b"old")
        times = file.stat()
        other = tmp_path / "other"
        other.write_bytes(b"new")  # same size, and
        os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))  # same time

        def read_bytes(path, original=Path.read_bytes):
            data = original(path)
            if other.exists():
                other.replace(path)
            return data

        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        assert read(str(file)).data == b"new"

    def test_gives_up_on_a_file_that_never_stands_still(self, file, monkeypatch):
        file.write_bytes(b"")

        def read_bytes(path, original=Path.read_bytes):
            data = original(path)
            path.write_bytes(data + b"\n")
            return data

        monkeypatch.setattr(Path, "read_bytes", read_bytes)
        with pytest.raises(SourceError, match="changed during each of 10"):
            read(str(file))


class TestVersion:
    def test_remembers_text_and_tree(self):
        version = version_of("a = 1\n")
        assert version.tree is version.tree
        assert version.text is version.text
        assert parse(version) is not version.tree

    def test_compares_by_content_and_has_a_short_repr(self):
        assert version_of("a") == version_of("a") != version_of("b")
        assert len({version_of("a"), version_of("a")}) == 1
        assert "BIG" not in repr(version_of("BIG" * 1000))

    def test_is_frozen(self):
        with pytest.raises(AttributeError):
            version_of("a").path = "b"

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a = 1\nb = (\n", 2),
            ("def f():\nreturn\n", 2),
            ("a =\n", 1),
        ],
    )
    def test_syntax_error_has_its_line(self, text, line):
        with pytest.raises(SourceError) as info:
            version_of(text).tree  # noqa: B018
        assert info.value.line == line
        assert isinstance(info.value.__cause__, SyntaxError)
        assert info.value.__cause__.filename == "/shop/cart.py"

    @pytest.mark.parametrize(
        "text", ["-" * 100_000 + "1", "(" * 5_000, "+".join("a" * 200_000), "1" * 10_000]
    )
    def test_too_much_for_the_parser(self, text):
        with pytest.raises(SourceError):
            version_of(text).tree  # noqa: B018

    def test_undecodable_text(self):
        with pytest.raises(SourceError, match="0xff"):
            version_of(b"\xff").text  # noqa: B018


class TestLooksUnfinished:
    KNOWN = version_of("a = 1\n")

    def test_absent(self, file):
        assert looks_unfinished(str(file), self.KNOWN)
        assert looks_unfinished(str(file), None)

    @pytest.mark.parametrize("text", ["", " \n\t\r\n"])
    def test_blank(self, file, text):
        file.write_text(text)
        assert looks_unfinished(str(file), self.KNOWN)
        assert not looks_unfinished(str(file), None)
        assert not looks_unfinished(str(file), version_of(" \n"))

    def test_finished(self, file, tmp_path):
        file.write_text("b")
        assert not looks_unfinished(str(file), self.KNOWN)
        assert not looks_unfinished(str(tmp_path), self.KNOWN)


class TestTexts:
    def test_takes_what_can_be_read(self, tmp_path):
        good, bad, absent = (tmp_path / name for name in ("good.py", "bad.py", "absent.py"))
        good.write_text("a = 1")
        bad.write_bytes(b"\xff")
        texts = Texts()
        texts.take(map(str, (bad, absent, good)))
        assert texts.get(str(good)).text == "a = 1"
        assert texts.get(str(bad)) is None
        assert texts.get(str(absent)) is None

    def test_keeps_the_text_that_is_in_force(self, file):
        texts = Texts()
        file.write_text("old")
        texts.take([str(file)])
        file.write_text("new")
        texts.take([str(file)])
        assert texts.get(str(file)).text == "old"
        texts.put(read(str(file)))
        assert texts.get(str(file)).text == "new"

    def test_knows_a_file_by_any_of_its_paths(self, file, tmp_path):
        file.write_text("text")
        link = tmp_path / "link.py"
        link.symlink_to(file)
        texts = Texts()
        texts.take([str(link)])
        assert texts.get(str(file)) is texts.get(str(link))
        texts.forget(str(link))
        assert texts.get(str(file)) is None
        texts.forget(str(link))

    def test_keeps_no_decoded_copies(self, file):
        file.write_text("text")
        texts = Texts()
        texts.take([str(file)])
        assert "text" not in vars(texts.get(str(file)))


class Recording(SourceFileLoader):
    """As an import hook does it: compiles something else than what is written."""

    def source_to_code(self, data, path, *, _optimize=-1):
        self.seen = bytes(data), path
        return compile(data.replace(b"1", b"2"), path, "exec", dont_inherit=True)


class WithName(SourceFileLoader):
    """As since Python 3.15."""

    def source_to_code(self, data, path, fullname=None, *, _optimize=-1):
        self.seen = fullname
        return compile(data, path, "exec", dont_inherit=True)


class Static(SourceFileLoader):
    """As typeguard's."""

    @staticmethod
    def source_to_code(data, path="<string>"):
        return compile(data, path, "exec", dont_inherit=True)


class Failing(SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        raise LookupError("no such table")


class Codeless(SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        return None


class Rewriting:
    """As pytest's: nothing between reading the file and running the module."""

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        raise AssertionError("must not run")


def run(code: types.CodeType) -> dict[str, object]:
    namespace: dict[str, object] = {}
    exec(code, namespace)
    return namespace


class TestCompileFor:
    TEXT = version_of("a = 1\ndef f(): return a\n")

    @pytest.mark.parametrize("loader", [None, Static, Rewriting, WithName])
    def test_compiles_what_is_written(self, file, loader):
        if loader is not None:
            loader = loader() if loader is Rewriting else loader("cart", str(file))
        namespace = run(compile_for(self.TEXT, module_from(file, loader), "/x/cart.py"))
        assert namespace["a"] == 1
        assert namespace["f"].__code__.co_filename == "/x/cart.py"

    def test_same_code_as_an_import(self, file):
        file.write_bytes(self.TEXT.data)
        module = module_from(file)
        imported = module.__loader__.get_code("cart")
        assert compile_for(self.TEXT, module, str(file)) == imported

    def test_inherits_no_future_of_ours(self, file):
        text = version_of("def f(a: 1): pass\n")
        namespace = run(compile_for(text, module_from(file), "cart.py"))
        assert namespace["f"].__annotations__ == {"a": 1}

    def test_loader_that_compiles_in_its_own_way(self, file):
        loader = Recording("cart", str(file))
        code = compile_for(self.TEXT, module_from(file, loader), "/x/cart.py")
        assert run(code)["a"] == 2
        assert loader.seen == (self.TEXT.data, "/x/cart.py")

    def test_loader_of_a_script(self, file):
        module = module_from(file, Recording("__main__", str(file)))
        module.__spec__ = None
        assert run(compile_for(self.TEXT, module, "cart.py"))["a"] == 2

    def test_loader_that_asks_for_the_name(self, file):
        loader = WithName("cart", str(file))
        module = module_from(file, loader)
        module.__name__ = "__main__"
        compile_for(self.TEXT, module, "cart.py")
        assert loader.seen == "cart"

    def test_module_without_a_loader(self):
        assert run(compile_for(self.TEXT, types.ModuleType("bare"), "cart.py"))["a"] == 1

    def test_lazy_module_is_not_loaded_by_it(self, file):
        file.write_text("raise AssertionError('loaded')")
        loader = importlib.util.LazyLoader(SourceFileLoader("cart", str(file)))
        spec = importlib.util.spec_from_file_location("cart", file, loader=loader)
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        assert run(compile_for(self.TEXT, module, "cart.py"))["a"] == 1

    @pytest.mark.parametrize("loader", [SourceFileLoader, Recording, Rewriting])
    def test_syntax_error(self, file, loader):
        loader = loader() if loader is Rewriting else loader("cart", str(file))
        with pytest.raises(SourceError, match="'return' outside function") as info:
            compile_for(version_of("a = 1\n\nreturn\n"), module_from(file, loader), "/x/cart.py")
        assert (info.value.path, info.value.line) == ("/shop/cart.py", 3)

    def test_line_of_another_file_is_not_told(self, file):
        class Elsewhere(SourceFileLoader):
            def source_to_code(self, data, path, *, _optimize=-1):
                return compile("\n\n(", "template.txt", "exec")

        loader = Elsewhere("cart", str(file))
        with pytest.raises(SourceError) as info:
            compile_for(self.TEXT, module_from(file, loader), "/x/cart.py")
        assert info.value.line is None

    @pytest.mark.parametrize(
        ("loader", "words"),
        [
            (Failing, "Failing raised LookupError: no such table"),
            (Codeless, "Codeless returned None instead of code"),
        ],
    )
    def test_loader_that_fails_is_named(self, file, loader, words):
        loader = loader("cart", str(file))
        with pytest.raises(SourceError, match=words):
            compile_for(self.TEXT, module_from(file, loader), "cart.py")

    def test_too_deep(self, file):
        with pytest.raises(SourceError, match="nested too deeply"):
            compile_for(version_of("-" * 100_000 + "1"), module_from(file), "cart.py")

    def test_interrupt_is_not_swallowed(self, file):
        class Interrupted(SourceFileLoader):
            def source_to_code(self, data, path, *, _optimize=-1):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            compile_for(self.TEXT, module_from(file, Interrupted("cart", str(file))), "cart.py")


class TestWarnings:
    """The compiler's warnings neither fail a reload nor come twice."""

    TEXT = version_of("a = '\\d'\nb = a is 'x'\n")

    def reload(self, file):
        parse(self.TEXT)
        return run(compile_for(self.TEXT, module_from(file), "/shop/cart.py"))

    def test_shown_as_often_as_at_an_import(self, file):
        def what(warning):
            return warning.category, str(warning.message), warning.filename, warning.lineno

        file.write_bytes(self.TEXT.data)
        with warnings.catch_warnings(record=True) as at_import:
            warnings.simplefilter("always")
            SourceFileLoader("cart", str(file)).source_to_code(self.TEXT.data, "/shop/cart.py")
        with warnings.catch_warnings(record=True) as at_reload:
            warnings.simplefilter("always")
            self.reload(file)
        assert len(at_import) == 2
        assert list(map(what, at_reload)) == list(map(what, at_import))

    @pytest.mark.parametrize("loader", [SourceFileLoader, Static, WithName, Recording])
    def test_never_an_error(self, file, loader):
        module = module_from(file, loader("cart", str(file)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parse(self.TEXT)
            assert run(compile_for(self.TEXT, module, "/shop/cart.py"))["a"] == "\\d"

    def test_filters_are_left_as_they_were(self, file):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            before = list(warnings.filters)
            self.reload(file)
            assert warnings.filters == before
            with pytest.raises(SourceError):
                parse(version_of("("))
            with pytest.raises(SourceError):
                compile_for(version_of("return"), module_from(file), "cart.py")
            assert warnings.filters == before

    def test_filters_that_were_replaced_meanwhile(self):
        # As when another thread enters or leaves catch_warnings during the parse.
        with warnings.catch_warnings():
            before = list(warnings.filters)
            with room.without_warnings("cart.py"), warnings.catch_warnings():
                warnings.resetwarnings()
            assert warnings.filters == before

    def test_a_real_error_is_still_one(self, file):
        text = version_of("a = '\\d'\nreturn\n")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(SourceError, match="outside function") as info:
                compile_for(text, module_from(file), "cart.py")
        assert info.value.line == 2

    @pytest.mark.parametrize(
        "options", [[], ["-Werror"], ["-Xcontext_aware_warnings=1", "-Werror"]]
    )
    def test_under_command_line_options(self, file, options):
        file.write_bytes(self.TEXT.data)
        script = """
            import sys
            from types import ModuleType
            from mighty_patcher.engine.version import compile_for, read
            version = read(sys.argv[1])
            version.tree
            compile_for(version, ModuleType("cart"), version.path)
        """
        done = subprocess.run(
            [sys.executable, *options, "-c", textwrap.dedent(script), str(file)],
            env={**os.environ, "PYTHONPATH": str(Path(room.__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # An invalid escape is a DeprecationWarning on 3.11, which is not shown by default.
        escapes = 1 if sys.version_info >= (3, 12) else 0
        shown = not options
        assert done.stderr.count("invalid escape") == escapes * shown
        assert done.stderr.count('"is" with') == shown


class TestTrees:
    """They take fifty times the room of a text, so that not all stay."""

    def texts(self, tmp_path, count):
        known = Texts()
        for at in range(count):
            path = tmp_path / f"m{at}.py"
            path.write_text(f"x{at} = 1\n" + "# room\n" * 20_000)
            known.take([str(path)])
        return known, [known.get(str(tmp_path / f"m{at}.py")) for at in range(count)]

    def test_of_few_texts_stay(self, tmp_path):
        known, texts = self.texts(tmp_path, 3)
        trees = [text.tree for text in texts]
        known.forget_trees(())
        assert [text.tree for text in texts] == trees

    def test_of_many_go_but_for_those_that_are_needed(self, tmp_path):
        known, texts = self.texts(tmp_path, 30)
        trees = [text.tree for text in texts]
        known.forget_trees([texts[3].path])
        left = [at for at, text in enumerate(texts) if vars(text).get("tree") is trees[at]]
        assert 3 in left
        assert len(left) < 10
        assert texts[0].tree.body[0].targets[0].id == "x0"

    def test_for_a_moment(self, tmp_path):
        _, texts = self.texts(tmp_path, 2)
        tree = texts[1].tree
        with room.parsed_for_now(texts[0]), room.parsed_for_now(texts[1]) as same:
            assert same is tree
        assert ["tree" in vars(text) for text in texts] == [False, True]

    def test_there_is_room_for_some(self, tmp_path):
        known, texts = self.texts(tmp_path, 30)
        has_room = [known.has_room(text) for text in texts]
        assert has_room == sorted(has_room, reverse=True)
        assert has_room[0] is not has_room[-1]
        known.forget_trees(())
        assert known.has_room(texts[0])
