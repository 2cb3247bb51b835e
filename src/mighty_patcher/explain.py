"""``mighty-patcher --explain shop.cart``: what an edit of a module could reach; nothing is run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mighty_patcher.engine.dependencies import Graph, Sources, Unknown, Use
from mighty_patcher.engine.modules import Modules
from mighty_patcher.engine.roots import python_files
from mighty_patcher.errors import SourceError

__all__ = ["Explanation", "explain", "main"]

_USAGE = 2


class Explanation:
    """The modules below some roots, read and never run.

    Args:
        roots: Module roots. The folder ``src`` in one of them is a root, too.

    Attributes:
        files: The file of each module, by name.
        graph: Who needs whom.
        unreadable: Why a file was left out, one sentence each.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._modules = Modules(list(_module_roots(roots)))
        self.files: dict[str, str] = {}
        self.unreadable: list[str] = []
        uses: dict[str, list[Use | Unknown]] = {}
        sources = Sources()
        for path in sorted(python_files(self._modules.roots)):
            name = self._modules.name_of(path)
            if name is None:
                continue
            is_package = Path(path).name == "__init__.py"
            self.files[name] = path
            try:
                uses[name] = sources.uses(path, name, name if is_package else "")
            except SourceError as error:
                self.unreadable.append(str(error))
        self.graph = Graph.of(uses, self.files)
        self._unknown = {
            name: [use for use in found if isinstance(use, Unknown)] for name, found in uses.items()
        }

    def name_of(self, given: str) -> str | None:
        """Return the module that is meant by a name or by the path of a file."""
        if given in self.files:
            return given
        path = Path(given)
        name = self._modules.name_of(str(path)) if path.is_file() else None
        return name if name in self.files else None

    def lines(self, name: str) -> Iterator[str]:
        """Say what an edit of a module can reach."""
        yield f"{name}  ({self._place(name)})"
        dependents = self.graph.dependents(name)
        count = len(dependents)
        if not dependents:
            yield "  no module below the roots imports it"
        else:
            yield f"  an edit of it can reach {count} module{'s' if count > 1 else ''}:"
        rows = [self._row(one, through, name) for one, through in dependents.items()]
        names, places = (max((len(row[at]) for row in rows), default=0) for at in (0, 1))
        for one, place, way in rows:
            yield f"    {one:{names}}  {place:{places}}  {way}"
        dependencies = [it for it in self.graph.dependencies(name) if it in self.files]
        if dependencies:
            yield f"  it needs {', '.join(dependencies)}"
        for one in self._unknown:
            for call in self._unknown[one] if one not in dependents else ():
                yield f"  {self._place(one)}:{call.line} imports a module that only running tells"

    def _row(self, dependent: str, through: str, name: str) -> tuple[str, str, str]:
        why = self.graph.why(dependent, through)
        line = why.line if isinstance(why, Use) else 0
        way = str(why) if through == name else f"{why}  (through {through})"
        return dependent, f"{self._place(dependent)}:{line}", way

    def _place(self, name: str) -> str:
        return self._modules.display(self.files[name])


def explain(name: str, roots: Sequence[Path] = (Path(),)) -> str:
    """Say what an edit of a module could reach, without running anything.

    Args:
        name: The module; or the path of its file.
        roots: Module roots, whose files are read.

    Raises:
        ModuleNotFoundError: There is no such module below the roots.
    """
    explanation = Explanation(roots)
    found = explanation.name_of(name)
    if found is None:
        raise ModuleNotFoundError(_not_found(name, roots), name=name)
    return "\n".join(explanation.lines(found))


def main(names: Sequence[str], roots: Sequence[str]) -> int:
    """Print what edits of modules could reach.

    Args:
        names: The modules.
        roots: Module roots, which exist.

    Returns:
        The exit status: 2 if there is no such module.
    """
    folders = [Path(root) for root in roots]
    explanation = Explanation(folders)
    found: list[str] = []
    for given in names:
        name = explanation.name_of(given)
        if name is None:
            return _refuse(_not_found(given, folders))
        found.append(name)
    entries = ["\n".join(explanation.lines(name)) for name in found]
    sys.stdout.write("\n\n".join(entries) + "\n")
    for sentence in explanation.unreadable:
        sys.stderr.write(f"mighty-patcher: left out: {sentence}\n")
    return 0


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"mighty-patcher: {sentence}\n")
    return _USAGE


def _not_found(name: str, roots: Sequence[Path]) -> str:
    places = ", ".join(str(root.resolve()) for root in roots)
    return f"there is no module {name} below {places}"


def _module_roots(roots: Sequence[Path]) -> Iterator[Path]:
    for root in roots:
        yield root
        source = root / "src"
        if source.is_dir() and not (source / "__init__.py").exists():
            yield source
