"""One text of one file: read it while it stands still, hash it, parse it, and compile it as the
import system would.

Nothing here runs user code, except a module's own loader where that compiles in its own way.
"""

from __future__ import annotations

import ast
import codecs
import hashlib
import importlib.util
import inspect
import io
import os
import re
import stat
import sys
import tokenize
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mighty_patcher.engine.module_facts import name_of_module, namespace_of, spec_of
from mighty_patcher.errors import SourceError
from mighty_patcher.integrations.pytest import rewriting_compiler, rewritten_bytecode

__all__ = [
    "Texts",
    "Version",
    "compile_for",
    "forget_bytecode",
    "is_rewritten",
    "looks_unfinished",
    "own_compiler",
    "parse",
    "parsed",
    "parsed_for_now",
    "part_compiler",
    "plain_compile",
    "read",
    "without_warnings",
]

_STAR_IMPORT = re.compile(rb"import\s*\*")  # begins with a word, which is looked for much faster
_READS = 10
"""How often a file is read before it counts as being written without end."""

_MOST_PARSED = 1_000_000  # bytes of text; their trees take some 50 MB


@dataclass(frozen=True)
class Version:
    """One text of one file.

    Attributes:
        path: The real path of the file.
        data: The text as it is on disk.
        digest: The hash of `data`; two versions with the same digest have the same text.
    """

    path: str
    data: bytes = field(repr=False)
    digest: bytes

    @classmethod
    def of(cls, path: str, data: bytes) -> Version:
        """Make the version of a file that has this text.

        Args:
            path: The real path of the file.
            data: Its text, as bytes.

        Returns:
            The version, hashed but neither decoded nor parsed yet.
        """
        return cls(path, data, hashlib.blake2b(data, digest_size=16).digest())

    @cached_property
    def text(self) -> str:
        """The text, decoded by its own declaration (PEP 263), with plain newlines.

        Raises:
            SourceError: It is binary or does not decode.
        """
        return _decode(self.path, self.data)

    @cached_property
    def may_import_all(self) -> bool:
        """Whether ``from m import *`` may stand in it."""
        return _STAR_IMPORT.search(self.data) is not None

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree.

        Raises:
            SourceError: The text does not parse.
        """
        return parse(self)


class Texts:
    """What text each file had when the program imported it.

    A module keeps no text, so it has to be remembered from before the first save. All files
    below the roots are read at the start, also those that nothing has imported yet: by the time
    somebody imports them, it would be too late to know what was imported.
    """

    def __init__(self) -> None:
        self._known: dict[str, Version] = {}
        self._parsed = 0  # bytes of text that have been parsed

    def take(self, paths: Iterable[str]) -> None:
        """Read files whose text is not known yet.

        A file that cannot be read or decoded stays unknown; its next save will say why.

        Args:
            paths: The files.
        """
        for path in paths:
            if self.get(path) is not None:
                continue
            try:
                self.put(read(path))
            except SourceError:
                continue

    def get(self, path: str) -> Version | None:
        """Return the known text of a file, or `None`."""
        return self.at(os.path.realpath(path))

    def at(self, path: str) -> Version | None:
        """Return the known text of a file whose path has no symbolic links, or `None`."""
        return self._known.get(path)

    def put(self, version: Version) -> None:
        """Remember a version as the one that is in force."""
        self._known[version.path] = version

    def has_room(self, text: Version) -> bool:
        """Tell whether the syntax tree of one more text may stay; see `forget_trees`."""
        self._parsed += len(text.data)
        return self._parsed <= _MOST_PARSED

    def forget_trees(self, but: Collection[str]) -> None:
        """Let go of syntax trees where there are many: they take fifty times the room of the text,
        and make each pass over the heap and each collection as much longer.

        Args:
            but: The paths of files whose trees stay, for they are about to be needed again.
        """
        parsed = [text for text in self._known.values() if "tree" in vars(text)]
        size = sum(len(text.data) for text in parsed)
        for text in sorted(parsed, key=lambda it: it.path in but):
            if size <= _MOST_PARSED:
                break
            del vars(text)["tree"]
            size -= len(text.data)
        self._parsed = size

    def forget(self, path: str) -> None:
        """Forget a file; one that is not known is no error."""
        self._known.pop(os.path.realpath(path), None)


# --- reading --------------------------------------------------------------------------------


@contextmanager
def parsed_for_now(text: Version, *, keep: bool = False) -> Iterator[ast.Module]:
    """Parse a text, and let go of the tree after the block unless it was there before.

    Args:
        text: The text.
        keep: Do not let go of it.

    Raises:
        SourceError: The text does not parse.
    """
    keep = keep or "tree" in vars(text)
    try:
        yield text.tree
    finally:
        if not keep:
            vars(text).pop("tree", None)


def parsed(text: Version | None) -> Version | None:
    """Return a text if it parses: what was on disk at the start need not have been imported."""
    try:
        tree = None if text is None else text.tree
    except SourceError:
        tree = None
    return None if tree is None else text


def read(path: str) -> Version:
    """Read a file while it stands still.

    A file that changes while it is read is read again, so that a version is never half of one
    save and half of the next.

    Args:
        path: The file.

    Returns:
        Its version, known to decode.

    Raises:
        SourceError: The file is absent, no regular file, unreadable, binary or undecodable, or it
            does not stand still.
    """
    real = os.path.realpath(path)
    try:
        data = _read_still(real)
    except OSError as exc:
        raise SourceError(real, _os_reason(exc)) from exc
    version = Version.of(real, data)
    _decode(real, data)  # Not version.text: that would keep a second copy of every known file.
    return version


def looks_unfinished(path: str, known: Version | None) -> bool:
    """Tell whether an editor seems to be in the middle of saving a file.

    Editors delete and create, rename away and create, or truncate, pause and write. What is seen
    in between is no version of anybody's program.

    Args:
        path: The file.
        known: The version in force, where there is one.

    Returns:
        True if the file is absent, or blank although the known version is not.
    """
    if known is None or not known.data.strip():
        return not Path(path).exists()
    try:
        return not Path(path).read_bytes().strip()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # Unreadable or a directory: `read` has the words for it.


def forget_bytecode(path: str) -> None:
    """Remove the cached code of a file that was saved.

    It goes by the second and the size of the source, so that an ``importlib.reload`` or another
    import in the program could bring back the old code.

    Args:
        path: The file.
    """
    with suppress(OSError, NotImplementedError):
        os.unlink(importlib.util.cache_from_source(path))
    rewritten = rewritten_bytecode(path)
    if rewritten is not None:
        with suppress(OSError):
            os.unlink(rewritten)


def _read_still(path: str) -> bytes:
    file = Path(path)
    for _ in range(_READS):
        before = file.stat()
        if stat.S_ISDIR(before.st_mode):
            raise IsADirectoryError(path)
        if not stat.S_ISREG(before.st_mode):
            raise SourceError(path, "it is not a regular file")  # A pipe would block us.
        data = file.read_bytes()
        # By name and not by descriptor: the file may have been replaced by another one.
        if _stamp(file.stat()) == _stamp(before):
            return data
    raise SourceError(path, f"it changed during each of {_READS} attempts to read it")


def _stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _os_reason(exc: OSError) -> str:
    match exc:
        case FileNotFoundError() | NotADirectoryError():
            return "the file is not there"
        case IsADirectoryError():
            return "it is a directory, not a file"
        case PermissionError():
            return "there is no permission to read it"
        case _:
            return f"it cannot be read ({exc.strerror or exc})"


# --- decoding -------------------------------------------------------------------------------


def _decode(path: str, data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise SourceError(path, "it is UTF-16 text, which Python does not read; save it as UTF-8")
    nul = data.find(b"\0")
    if nul >= 0:
        raise SourceError(path, "it holds a NUL byte, so it is not text", _line(data, nul))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise _undecodable(path, data, exc.encoding, exc) from exc
    except SyntaxError as exc:
        # detect_encoding says in this way, and without a line, that the declaration is unknown
        # or that one of the first two lines is not UTF-8.
        raise _undetectable(path, data, exc) from exc
    except Exception as exc:  # A codec may be anybody's code.
        raise SourceError(path, f"its declared encoding cannot decode it ({exc})", 1) from exc
    newlines = io.IncrementalNewlineDecoder(None, translate=True)
    return newlines.decode(text, final=True)


def _undetectable(path: str, data: bytes, exc: SyntaxError) -> SourceError:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as undecodable:
        if "unknown encoding" not in exc.msg:
            return _undecodable(path, data, "utf-8", undecodable)
    return SourceError(path, f"its encoding declaration does not hold ({exc.msg})", 1)


def _undecodable(path: str, data: bytes, encoding: str, exc: UnicodeDecodeError) -> SourceError:
    bad = exc.object[exc.start : exc.start + 1].hex()
    # The codec of a BOM counts positions behind it.
    offset = exc.start + len(data) - len(exc.object)
    return SourceError(path, f"byte 0x{bad} is not {encoding}", _line(data, offset))


def _line(data: bytes, offset: int) -> int:
    return len(data[: offset + 1].replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"))


# --- parsing and compiling --------------------------------------------------------------------


def parse(version: Version) -> ast.Module:
    """Parse a version. `Version.tree` remembers the result.

    The compiler's warnings (an invalid escape, say) are not shown here: compiling shows them.

    Args:
        version: The version.

    Returns:
        A syntax tree of its own.

    Raises:
        SourceError: The text does not parse.
    """
    text = version.text
    try:
        with without_warnings(version.path):
            return ast.parse(text, version.path)
    except Exception as exc:
        raise _source_error(version, exc, version.path) from exc


def compile_for(
    version: Version, module: ModuleType, filename: str, *, tree: ast.Module | None = None
) -> CodeType:
    """Compile a version as an import of the module would: through the module's own loader.

    A loader that has ``source_to_code`` is asked: those of the import system, and the hooks that
    subclass them to change what is compiled (typeguard, beartype). Other loaders cannot be
    compiled through, because they offer nothing between "read the file" and "run the module":

    - what pytest's ``AssertionRewritingHook`` does is done beside it (`integrations.pytest`);
    - the built-in `compile` takes the place of ``zipimporter``, frozen and built-in modules, and of
      modules without a loader.

    A loader that changes the text in ``get_data`` is compiled through too, but it is given the
    text that is in the file.

    The compiler's warnings are shown as at an import, with the same filters, but they never fail
    a reload: where a filter turns them into errors they are ignored.

    Args:
        version: The version.
        module: The module that the file belongs to.
        filename: What the code shall have as its ``co_filename``; tracebacks, debuggers and
            breakpoints want the same as at the import.
        tree: What to compile instead of the whole text: a part of the version's syntax tree.

    Returns:
        The code of the module.

    Raises:
        SourceError: The text does not compile, or the loader failed.
    """
    source_to_code, name = own_compiler(module)
    source = version.data if tree is None else tree
    arguments = _arguments(source_to_code, source, filename, name)
    try:
        try:
            code = source_to_code(*arguments)
        except SyntaxError:
            # A warning that a filter makes an error comes out as a SyntaxError. Where it was not
            # one of those, the second attempt raises it again.
            with without_warnings(filename, name):
                code = source_to_code(*arguments)
    except (SyntaxError, RecursionError, MemoryError) as exc:
        raise _source_error(version, exc, filename) from exc
    except Exception as exc:
        if source_to_code is plain_compile:
            raise _source_error(version, exc, filename) from exc
        raise _loader_error(version, source_to_code, f"raised {_in_words(exc)}") from exc
    if not isinstance(code, CodeType):
        raise _loader_error(version, source_to_code, f"returned {code!r} instead of code")
    return code


def own_compiler(module: ModuleType) -> tuple[Any, str]:
    """Return what compiles the module's text, and the name it knows the module by."""
    loader, name = _loader_of(module)
    rewriting = rewriting_compiler(loader)
    if rewriting is not None:
        return rewriting, name
    return getattr(loader, "source_to_code", plain_compile), name


def part_compiler(module: ModuleType, version: Version) -> Callable[[ast.Module, str], CodeType]:
    """Return what compiles parts of a module that can be taken apart."""
    return rewriting_compiler(_loader_of(module)[0], version.data) or plain_compile


def is_rewritten(module: ModuleType) -> bool:
    """Tell whether what is compiled has other statements, but each for itself."""
    return rewriting_compiler(_loader_of(module)[0]) is not None


def _loader_of(module: ModuleType) -> tuple[object, str]:
    spec = spec_of(module)
    if spec is None:  # A script: its loader is there all the same.
        return namespace_of(module).get("__loader__"), name_of_module(module)
    return spec.loader, spec.name  # `package.__main__`, where it runs as `__main__`.


def plain_compile(data: bytes | ast.Module, filename: str) -> CodeType:
    """Compile as it is."""
    code: CodeType = compile(data, filename, "exec", dont_inherit=True)
    return code


def _arguments(
    source_to_code: Any, data: bytes | ast.Module, filename: str, name: str
) -> tuple[Any, ...]:
    # Python 3.15 added `fullname`. Hooks written for older versions do not take it, and some that
    # run on older versions do, so it is the signature that counts and not the version.
    try:
        parameters = inspect.signature(source_to_code).parameters
    except (TypeError, ValueError):
        return data, filename
    return (data, filename, name) if "fullname" in parameters else (data, filename)


@contextmanager
def without_warnings(filename: str, name: str = "") -> Iterator[None]:
    """Ignore what the compiler warns about in one file.

    Needs a private way because `warnings.catch_warnings` replaces the filters of the whole
    process, and puts the old ones back in whatever order threads happen to leave it: entered on
    the watcher's thread, it could switch off the program's own warnings for good. So one filter
    that matches nothing else is put in front for a moment.
    """
    if getattr(sys.flags, "context_aware_warnings", False):  # 3.14: per thread, and safe.
        with warnings.catch_warnings(action="ignore"):  # type: ignore[call-overload, unused-ignore]
            yield
        return
    entries = _filters_for(filename, name)
    filters: Any = warnings.filters
    filters[:0] = entries
    try:
        yield
    finally:
        for entry in entries:
            with suppress(ValueError):  # Somebody has emptied the filters since.
                filters.remove(entry)


@lru_cache(maxsize=16)  # a reload compiles one statement after the other
def _filters_for(filename: str, name: str) -> tuple[Any, ...]:
    """Return the filters that ignore what the compiler warns about in one file."""
    # A compiler's warning has its file as its module, less the suffix; since 3.15 the real name.
    sources = {filename, filename.removesuffix(".py"), name} - {""}
    pattern = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(sources)))})\Z")
    return tuple(
        ("ignore", None, category, pattern, 0) for category in (SyntaxWarning, DeprecationWarning)
    )


def _source_error(version: Version, exc: Exception, filename: str) -> SourceError:
    match exc:
        case SyntaxError():
            # The line may be one of another file: a loader reads what it likes.
            line = exc.lineno if exc.filename in (None, filename, version.path) else None
            return SourceError(version.path, exc.msg, line or None)
        case RecursionError() | MemoryError():
            return SourceError(version.path, "it is nested too deeply for Python's compiler")
        case _:
            return SourceError(version.path, f"it does not parse ({exc})")


def _loader_error(version: Version, source_to_code: Any, did: str) -> SourceError:
    loader = getattr(source_to_code, "__self__", None)
    where = source_to_code if loader is None else type(loader)
    name = f"{getattr(where, '__module__', '?')}.{getattr(where, '__qualname__', '?')}"
    return SourceError(version.path, f"its loader {name} {did}")


def _in_words(exc: Exception) -> str:
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
