"""What is in force: the text that each file had when the program took it over, the code that it was
compiled to, and the lines that tracebacks show.
"""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Collection, Iterable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import NamedTuple, Protocol

from mighty_patcher.engine import version
from mighty_patcher.engine.facts import facts
from mighty_patcher.engine.imports import Imported, imports_of
from mighty_patcher.engine.module_facts import filename_of, name_of_module, namespace_of, package_of
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.run import running_line
from mighty_patcher.engine.toplevel import names_bound
from mighty_patcher.engine.trees import TRY
from mighty_patcher.engine.version import Texts, Version
from mighty_patcher.errors import SourceError

__all__ = ["InForce", "Session", "StarImporter", "code_filename"]

"""What a text has that imports everything from some module."""


class Session(Protocol):
    """A namespace into which somebody types code, of which there is no file.

    What was typed is not ours: it is not executed again. But names that it has imported follow.

    """

    @property
    def module(self) -> ModuleType:
        """The module that has the namespace."""

    @property
    def imports(self) -> list[Imported]:
        """What it has imported."""

    def star_names(self, source: str) -> set[str] | None:
        """Return the names that it has from an import of everything, if it has imported
        everything from the module of this name.
        """

    def took(self, source: str, name: str) -> None:
        """Note that it was given one more name of a module from which it imports everything."""


class StarImporter(NamedTuple):
    """A module that imports everything from another.

    Attributes:
        module: The module.
        own: The names that it binds itself.
        session: It is that of this one.
    """

    module: ModuleType
    own: set[str]
    session: Session | None = None


class InForce:
    """Knows for each file which version runs, and for each module its code.

    Args:
        modules: The loaded modules.
        paths: The files whose text is what an import reads now, or has read.
    """

    def __init__(self, modules: Modules, paths: Iterable[str]) -> None:
        self._modules = modules
        self._texts = Texts()
        self._texts.take(paths)
        # By path and identity of the module: the digest of a version, and its code.
        self._codes: dict[tuple[str, int], tuple[bytes, CodeType]] = {}
        self._saved: dict[tuple[str, int], tuple[bytes, CodeType]] = {}
        self._imports: dict[str, tuple[bytes, list[Imported]]] = {}
        self._first: dict[str, Version | None] = {}
        self.begun: dict[str, Version] = {}
        """The versions that modules run since a moment ago, of a reload that has not ended: who
        imports from whom is as these have it.
        """
        # Files elsewhere that import nothing from a module, with its name: a common value, such as
        # 5, is held by modules everywhere, and their texts should not be read at every reload.
        self._strangers: set[tuple[str, str]] = set()
        self._sessions: list[Session] = []

    def take(self, paths: Iterable[str]) -> None:
        """Read files whose text is what an import reads now, or has read."""
        self._texts.take(paths)
        self._strangers.clear()

    def doubt(self, path: str) -> None:
        """Note that nobody knows which text of a file was imported."""
        self._texts.forget(path)

    def open_session(self, session: Session) -> None:
        """Have the imports of a session follow, too."""
        self._sessions = [*self._sessions, session]

    def close_session(self, session: Session) -> None:
        """End that."""
        self._sessions = [it for it in self._sessions if it is not session]

    def text(self, path: str) -> Version | None:
        """Return the version of a file that runs, or None if that is not known."""
        return self._texts.get(path)

    def knows(self, module: ModuleType) -> bool:
        """Tell whether the text that a module runs is known."""
        return self.text_of(module) is not None

    def text_of(self, module: ModuleType) -> Version | None:
        """Return the version that a module runs, or None if it has no file or that is not known."""
        file = filename_of(module)
        return None if file is None else self.text(file)

    def texts(self) -> Iterator[tuple[ModuleType, Version]]:
        """Yield the modules below the roots, each with the version that it runs, if known."""
        for module, path in self._modules.with_paths():
            if (text := self._texts.at(path)) is not None:
                yield module, text

    def first_text(self, path: str) -> Version | None:
        """Return the version that was imported: a script that is still running has its lines."""
        return self._first.get(path, self._texts.get(path))

    def code(self, text: Version, module: ModuleType) -> CodeType:
        """Return a module's code in the version that runs: of the last reload, or of the import.

        Raises:
            SourceError: It does not compile.
        """
        return _compiled(self._codes, text, module)

    def saved_code(self, text: Version, module: ModuleType) -> CodeType:
        """Return a module's code in a version that was saved; it is compiled once.

        Raises:
            SourceError: It does not compile.
        """
        code = _compiled(self._saved, text, module)
        self._saved[text.path, id(module)] = text.digest, code
        return code

    def put(self, text: Version) -> None:
        """Note that a saved version runs now."""
        for module in self._modules.of(text.path):
            code = self._saved.pop((text.path, id(module)), None)
            if code is not None:
                self._codes[text.path, id(module)] = code
        known = self._texts.get(text.path)
        self._first.setdefault(text.path, known)
        if known is None:
            self._strangers.clear()  # it may have been one
        self._texts.put(text)
        for filename in self._filenames(text.path):
            linecache.cache.pop(filename, None)

    def take_back(self, old: Version | None, new: Version) -> None:
        """Note that an older version runs again, while the newer one is on disk."""
        if old is None:
            self._texts.forget(new.path)
        else:
            self._texts.put(old)
        self.show(new.path, old)

    def read_anew(self, path: str) -> None:
        """Note that a file was saved that no module was loaded from: an import would read this."""
        self._first.pop(path, None)
        self._strangers.clear()
        self._texts.forget(path)
        self._texts.take([path])
        for filename in self._filenames(path):  # which may have been made to stay, by `show`
            linecache.cache.pop(filename, None)

    def relocate(self, old: str, new: str, text: Version | None, left: Version | None) -> None:
        """Note that the modules of one file are those of another one.

        Args:
            old: The first file.
            new: The other one.
            text: What they run, as a text of the other; None if that is not known.
            left: What the first file has; None for what can be read there now.
        """
        for filename in self._filenames(old):
            linecache.cache.pop(filename, None)
        for path in (old, new):
            self._texts.forget(path)
            self._imports.pop(path, None)
        if old in self._first:
            self._first[new] = self._first.pop(old)
        self._strangers.clear()
        for known in (text, left):
            if known is not None:
                self._texts.put(known)
        if left is None:
            self._texts.take([old])
        self.show(new, text)

    def forget_trees(self, but: Collection[str]) -> None:
        """Let go of syntax trees where there are many: see `Texts.forget_trees`."""
        self._texts.forget_trees(but)

    def show(self, path: str, text: Version | None) -> None:
        """Let tracebacks show the lines of a version, whatever is on disk."""
        if text is not None:
            for filename in self._filenames(path):
                lines = text.text.splitlines(keepends=True)
                # Without a time of its file an entry is never checked (linecache.checkcache).
                linecache.cache[filename] = (len(text.data), None, lines, filename)

    def imports_of(self, module: ModuleType, source: str, name: str) -> list[Imported]:
        """Return what a module imports when it runs, from its text; nothing if it has none.

        Args:
            module: The module.
            source: The name of the module that is looked for.
            name: The name in it that is looked for. A text that cannot import it is not parsed, and
                nothing is returned.
        """
        for session in self._sessions:
            if session.module is module:
                return session.imports
        file = filename_of(module)
        if file is None or (file, source) in self._strangers or self._modules.is_excluded(module):
            return []  # what an excluded module has imported stays as it was, too
        path = os.path.realpath(file)
        importer = name_of_module(module)
        text = self.begun.get(path) or self._texts.get(path)
        is_elsewhere = text is None
        try:
            text = text or version.read(path)
            if is_elsewhere and not _may_import_from(text.data, importer, source):
                self._strangers.add((file, source))
            if not _may_import(text, importer, source, name):
                return []
            known = self._imports.get(path)
            if known is None or known[0] != text.digest:
                with version.parsed_for_now(text, keep=self._texts.has_room(text)) as tree:
                    found = imports_of(tree, importer, package_of(module))
                known = self._imports[path] = (text.digest, found)
        except SourceError:
            if is_elsewhere and not path.endswith(".py"):  # an extension module
                self._strangers.add((file, source))
            return []
        return known[1]

    def importers(self, source: str, name: str) -> Iterator[tuple[ModuleType, str, str]]:
        """Yield the modules below the roots that import a name from a module, and their names for
        it; or the qualified name where a class imports it.
        """
        for module, text in self._texts_now():
            if name.encode() in text.data:
                for imported in self.imports_of(module, source, name):
                    if imported.module == source and imported.name in (name, "*"):
                        bound = name if imported.name == "*" else imported.bound
                        yield module, bound, imported.member

    def reading(self, module: ModuleType, path: str, name: str) -> Iterator[ast.stmt]:
        """Yield the statements at the top of a module that read an attribute, and could not be
        executed without it.

        Args:
            module: The module.
            path: What it calls the owner of the attribute (``config``, ``pkg.config``).
            name: The attribute.
        """
        text = self._text_now(module)
        if text is not None and name.encode() in text.data:
            for statement in text.tree.body:
                if not isinstance(statement, TRY) and (path, name) in facts(statement).attributes:
                    yield statement

    def star_importers(self, source: str) -> list[StarImporter]:
        """Return the sessions, and the modules below the roots, that import everything from a
        module.
        """
        found = []
        for session in self._sessions:
            if (names := session.star_names(source)) is not None:
                own = set(namespace_of(session.module)) - names
                found.append(StarImporter(session.module, own, session))
        for module, text in self._texts_now():
            if not text.may_import_all:
                continue
            imports = self.imports_of(module, source, "*")
            if any((it.module, it.name) == (source, "*") for it in imports):
                found.append(StarImporter(module, names_bound(text.tree)))
        return found

    def binds_after(self, module: ModuleType, name: str, line: int) -> bool:
        """Tell whether a module binds a name in any case after a line of its source."""
        text = self._text_now(module)
        if text is None or text.data.count(name.encode()) < 2:
            return False
        return any(it.lineno > line and name in facts(it).sure for it in text.tree.body)

    def _texts_now(self) -> Iterator[tuple[ModuleType, Version]]:
        for module, path in self._modules.with_paths():
            if (text := self.begun.get(path) or self._texts.at(path)) is not None:
                yield module, text

    def _text_now(self, module: ModuleType) -> Version | None:
        file = filename_of(module) if self.begun else None
        return self.begun.get(os.path.realpath(file or "")) or self.text_of(module)

    def _filenames(self, path: str) -> set[str]:
        return {path, *(code_filename(module, path) for module in self._modules.of(path))}


def _may_import(text: Version, importer: str, source: str, name: str) -> bool:
    """Tell from a text whether it is worth parsing, to see if it imports a name from a module."""
    return _may_import_from(text.data, importer, source) and (
        (name != "*" and name.encode() in text.data) or text.may_import_all
    )


def _may_import_from(data: bytes, importer: str, source: str) -> bool:
    # `from . import name` does not name its package.
    return source.rpartition(".")[2].encode() in data or importer.startswith(f"{source}.")


def code_filename(module: ModuleType, path: str) -> str:
    """Return the ``co_filename`` of a module's code, which must stay what it was: debuggers and
    breakpoints go by it. That of a script is what was typed on the command line.

    Args:
        module: The module.
        path: The real path of its file.
    """
    running = running_line(module)
    if running is not None:
        return running[0].co_filename
    name = os.path.basename(path)
    for value in list(namespace_of(module).values()):
        if type(value) is FunctionType and value.__globals__ is namespace_of(module):
            filename = value.__code__.co_filename
            if os.path.basename(filename) == name:
                return filename
    return filename_of(module) or path


def _compiled(
    known: dict[tuple[str, int], tuple[bytes, CodeType]], text: Version, module: ModuleType
) -> CodeType:
    filename = code_filename(module, text.path)
    digest, code = known.get((text.path, id(module)), (b"", None))
    if code is None or digest != text.digest or code.co_filename != filename:
        code = version.compile_for(text, module, filename)
    return code
