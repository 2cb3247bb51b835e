"""``%mighty``: what was reloaded, and when saves are applied."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from IPython.core.error import TryNext, UsageError
from IPython.core.magic import Magics, line_magic, magics_class

from mighty_patcher import __version__
from mighty_patcher.engine.report import details

if TYPE_CHECKING:
    from mighty_patcher.ipython.session import ShellSession

__all__ = ["MightyMagics", "give_magics"]

_WHEN = {
    "between": "are applied between cells",
    "now": "are applied at once",
    "off": "wait; `%mighty on` applies them",
}


@magics_class
class MightyMagics(Magics):
    """The magic of its own.

    Args:
        session: What it is about.
    """

    def __init__(self, session: ShellSession) -> None:
        super().__init__(session.shell)
        self._session = session
        self._words: dict[str, Callable[[str], object]] = {
            "": self._status,
            "on": self._on,
            "between": self._on,
            "now": self._now,
            "off": self._off,
            "apply": self._apply,
            "undo": self._undo,
            "errors": self._errors,
            "watch": self._watch,
        }

    def install(self) -> None:
        """Have the shell know it."""
        give_magics(self._session, self)
        words, session = sorted(filter(None, self._words)), self._session

        def complete(_: object, event: Any) -> list[str]:
            if session.is_closed or " " in event.line.strip().removeprefix("%mighty").lstrip():
                raise TryNext
            return words

        self._session.shell.set_hook("complete_command", complete, str_key="%mighty")

    @line_magic
    def mighty(self, line: str) -> None:
        """Say what was reloaded, and set when saves are applied.

        ``%mighty``            when saves are applied, what is watched, the last reload
        ``%mighty between``    apply saves before the next cell begins; so it begins
        ``%mighty now``        apply them at once, also while a cell runs
        ``%mighty off``        do not apply them; they wait
        ``%mighty on``         the same as between
        ``%mighty apply``      apply now what waits, at this place of a cell
        ``%mighty undo``       take the last reload back, exactly
        ``%mighty errors``     the files whose saved text is not what runs, and why
        ``%mighty watch DIR``  watch a folder, before anything is imported from it
        """
        word, _, rest = line.strip().partition(" ")
        if word not in self._words:
            known = ", ".join(filter(None, self._words))
            raise UsageError(f"%mighty knows no {word!r}; it knows {known}")
        if rest and word != "watch":
            raise UsageError(f"%mighty {word} takes nothing, and was given {rest.strip()!r}")
        self._words[word](rest.strip())

    # ---- the words

    def _status(self, _: str) -> None:
        self._session.reloader.catch_up()
        for head, text in self._facts():
            _show(f"{head:9} {text}")

    def _facts(self) -> Iterator[tuple[str, str]]:
        session, reloader = self._session, self._session.reloader
        yield "version", __version__
        yield "saves", _WHEN[session.when]
        if session.only_marked:
            yield "only", f"{_listed(session.marked)}, marked by %aimport"
        if session.skipped:
            yield "never", _listed(session.skipped)
        nothing = "nothing: no module of yours is loaded"
        yield "watches", _listed(map(_short, reloader.roots)) or nothing
        if reloader.waiting:
            yield "waiting", _listed(map(_short, reloader.waiting))
        if reloader.last is not None:
            yield "last", str(reloader.last).partition("\n")[0]
        if reloader.errors:
            yield "errors", f"{_listed(map(_short, reloader.errors))}: see %mighty errors"

    def _on(self, _: str) -> None:
        self._session.is_silent = self._session.only_marked = False
        self._session.when = "between"

    def _now(self, _: str) -> None:
        self._session.is_silent = self._session.only_marked = False
        self._session.when = "now"

    def _off(self, _: str) -> None:
        self._session.when = "off"

    def _apply(self, _: str) -> None:
        if self._session.apply(also_unmarked=True) is None:
            _show("nothing was saved")

    def _undo(self, _: str) -> None:
        undone = self._session.reloader.undo()
        if not undone.modules:
            raise UsageError(str(undone.error))
        _show(f"undone: {str(undone).partition(chr(10))[0]}")

    def _errors(self, _: str) -> None:
        errors = self._session.reloader.errors
        for error in errors.values():
            _show("\n  ".join([str(error), *(error.details or details(error))]))
        if not errors:
            _show("none: what is saved is what runs")

    def _watch(self, folder: str) -> None:
        if not folder:
            raise UsageError("%mighty watch takes a folder")
        try:
            path = self._session.watch(folder)
        except OSError as error:
            raise UsageError(str(error)) from None
        _show(f"watches {_short(path)}")


def give_magics(session: ShellSession, magics: Magics) -> None:
    """Have a shell know magics, until its session is closed.

    Args:
        session: The session.
        magics: The magics.
    """
    manager: Any = session.shell.magics_manager
    manager.register(magics)
    lines: dict[str, Any] = manager.magics["line"]
    own = {name: lines[name] for name in magics.magics["line"]}

    def forget() -> None:
        for name, magic in own.items():
            if lines.get(name) is magic:  # and not somebody else's by now
                del lines[name]

    session.on_close.append(forget)


def _show(text: str) -> None:
    print(text)  # noqa: T201  It is the answer of a magic: the output of its cell.


def _listed(names: Any) -> str:
    return ", ".join(sorted(names))


def _short(path: str | os.PathLike[str]) -> str:
    """Write a path as people do: from the current folder, or from home."""
    text, here, home = os.fspath(path), os.path.join(os.getcwd(), ""), os.path.expanduser("~")  # noqa: PTH109, PTH111, PTH118
    if text.startswith(here):
        return text.removeprefix(here)
    return text.replace(home, "~", 1) if text.startswith(os.path.join(home, "")) else text  # noqa: PTH118
