"""Where pytest keeps the definitions of fixtures, so that those of one file can be parsed anew.

There is no public way to take a definition out again. What pytest calls its places has changed with
9.1 and 9.2, where they went from node ids to nodes; these differences are here and nowhere else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any

import pytest

__all__ = ["Definition", "Registry", "fixture_function", "function_of", "same_definition"]

Definition = Any
"""A ``FixtureDef``, of which pytest publishes the type and hardly an attribute."""


class Registry:
    """The definitions of fixtures of a session.

    Args:
        session: The session.
    """

    def __init__(self, session: pytest.Session) -> None:
        self._session = session
        self._manager: Any = session._fixturemanager
        self._is_by_node = hasattr(self._manager, "_node_autousenames")  # since 9.1

    def __iter__(self) -> Iterator[Definition]:
        for definitions in self._lists():
            yield from definitions

    def snapshot(self) -> Callable[[], None]:
        """Return what puts everything back as it is now."""
        undo = [_copied(place) for place in self._places()]

        def restore() -> None:
            for put_back in undo:
                put_back()

        return restore

    def forget_below(self, node: pytest.Collector) -> list[Definition]:
        """Take out what is defined in a file or in the classes in it.

        Returns:
            The definitions.
        """
        if self._is_by_node:
            for place in self._autouse():
                for owner in [it for it in place if _is_below(it, node)]:
                    del place[owner]
            return self._take(lambda it: it.node is not None and _is_below(it.node, node))
        below = (node.nodeid, f"{node.nodeid}::")
        for place in self._autouse():
            for name in [it for it in place if it == below[0] or it.startswith(below[1])]:
                del place[name]
        self._seen_anew()
        return self._take(lambda it: it.baseid == below[0] or it.baseid.startswith(below[1]))

    def parse_plugin_anew(self, plugin: ModuleType) -> list[Definition]:
        """Take out what a plugin or a conftest defines, and parse what it defines now.

        Returns:
            The definitions that were taken out.
        """
        here = {id(function) for function in _fixture_functions(plugin)}

        def is_of_plugin(it: Definition) -> bool:
            function = function_of(it.func)
            return id(function) in here or (
                isinstance(function, FunctionType) and function.__globals__ is vars(plugin)
            )

        taken = self._take(lambda it: is_of_plugin(it) and self._is_of_no_file(it))
        autouse = self._autouse()
        for it in taken:
            for names in (names for place in autouse for names in place.values()):
                if it.argname in names:
                    names.remove(it.argname)
        self._parse(plugin)
        return taken

    def put_back(self, twins: Mapping[int, Definition]) -> None:
        """Put the old definition where its twin is.

        Args:
            twins: The old definition for the identity of the new one.
        """
        for definitions in self._lists():
            definitions[:] = [twins.get(id(it), it) for it in definitions]

    def _take(self, is_meant: Callable[[Definition], bool]) -> list[Definition]:
        taken: list[Definition] = []
        for definitions in self._lists():
            taken += filter(is_meant, definitions)
            definitions[:] = [it for it in definitions if not is_meant(it)]
        return taken

    def _parse(self, plugin: ModuleType) -> None:
        name = self._session.config.pluginmanager.get_name(plugin) or ""
        self._seen_anew()
        if self._is_by_node and name.endswith("conftest.py"):
            self._manager.parsefactories(holder=plugin, node=self._node_of(Path(name).parent))
        else:
            self._manager.pytest_plugin_registered(plugin=plugin, plugin_name=name)

    def _node_of(self, folder: Path) -> pytest.Collector:
        """Return where the fixtures of a conftest are visible; those of the root, everywhere."""
        if folder == self._session.config.rootpath:
            return self._session
        for item in self._session.items:
            for node in item.listchain():
                if isinstance(node, pytest.Directory) and node.path == folder:
                    return node
        return self._session

    def _is_of_no_file(self, definition: Definition) -> bool:
        if self._is_by_node:
            return not isinstance(definition.node, (pytest.File, pytest.Class))
        return "::" not in definition.baseid and not definition.baseid.endswith(".py")

    def _seen_anew(self) -> None:
        """Let objects be parsed that were parsed before."""
        seen = getattr(self._manager, "_holderobjseen", None)  # until 9.0 or so
        if seen is not None:
            seen.clear()

    def _lists(self) -> Iterator[list[Definition]]:
        for place in self._places()[: -len(self._autouse())]:
            for value in place.values():
                if isinstance(value, list):
                    yield value
                else:
                    yield from value.values()

    def _places(self) -> list[dict[Any, Any]]:
        # Until 9.1, and since 9.2.
        names = ("_arg2fixturedefs", "_arg2node2fixturedefs", "_arg2nodeid2fixturedefs")
        return [*self._there(names), *self._autouse()]

    def _autouse(self) -> list[dict[Any, list[str]]]:
        return self._there(("_node_autousenames", "_nodeid_autousenames"))

    def _there(self, names: Iterable[str]) -> list[dict[Any, Any]]:
        return [getattr(self._manager, it) for it in names if hasattr(self._manager, it)]


def _copied(place: dict[Any, Any]) -> Callable[[], None]:
    """Return what puts a dictionary of lists, or of dictionaries of lists, back."""
    copy = {
        key: value[:] if isinstance(value, list) else {k: v[:] for k, v in value.items()}
        for key, value in place.items()
    }

    def put_back() -> None:
        place.clear()
        place.update(copy)

    return put_back


def _is_below(node: Any, top: pytest.Collector) -> bool:
    return top in node.listchain()


# --- one definition -----------------------------------------------------------------------------


def function_of(function: Any) -> Any:
    """Return the function of a bound method; anything else as it is."""
    return function.__func__ if isinstance(function, MethodType) else function


def fixture_function(value: object) -> FunctionType | None:
    """Return the function that ``@pytest.fixture`` was put on, or None if this is no fixture.

    Args:
        value: What the name of the fixture is bound to: since pytest 8.4 an object that holds the
            function, before that a function that says not to call it.
    """
    if isinstance(value, type) or not _is_fixture(value):
        return None
    getter = getattr(value, "_get_wrapped_function", None)
    if getter is not None:
        found = function_of(getter())
    else:
        wrapped = getattr(value, "__pytest_wrapped__", None)
        found = getattr(wrapped, "obj", value)
    return found if isinstance(found, FunctionType) else None


def _is_fixture(value: object) -> bool:
    if type(value).__name__ == "FixtureFunctionDefinition":
        return True
    return isinstance(value, FunctionType) and "_pytestfixturefunction" in vars(value)


def _fixture_functions(holder: ModuleType) -> Iterator[FunctionType]:
    for value in list(vars(holder).values()):
        function = fixture_function(value)
        if function is not None:
            yield function


def same_definition(old: Definition, new: Definition) -> bool:
    """Tell whether two definitions say the same, so that the value of one serves the other."""
    return old is new or (
        type(old) is type(new)
        and old.argname == new.argname
        and old.scope == new.scope
        and _same_function(function_of(old.func), function_of(new.func))
        and old.argnames == new.argnames
        and _same_values(old.params, new.params)
        and (old.ids is new.ids or _equal(old.ids, new.ids))
    )


def _same_function(old: Any, new: Any) -> bool:
    """Tell whether functions are the same; those that pytest makes itself are always new."""
    if old is new:
        return True
    if type(old) is not FunctionType or type(new) is not FunctionType:
        return False
    return old.__code__ is new.__code__ and all(map(_same_held, _held(old), _held(new)))


def _held(function: FunctionType) -> list[object]:
    """Return what a function of pytest's has in its closure: functions, a class, a name."""
    try:
        return [function_of(cell.cell_contents) for cell in function.__closure__ or ()]
    except ValueError:  # an empty cell
        return [object()]


def _same_held(old: object, new: object) -> bool:
    return (isinstance(old, str) and old == new) or _same_function(old, new)


def _same_values(old: Iterable[object] | None, new: Iterable[object] | None) -> bool:
    """Tell whether the values are the very same, as they are until somebody makes them again."""
    if old is None or new is None:
        return old is new
    olds, news = list(old), list(new)
    return len(olds) == len(news) and all(map(operator.is_, olds, news))


def _equal(old: object, new: object) -> bool:
    """Compare what may not want to be compared, such as arrays."""
    if old is new:
        return True
    try:
        return type(old) is type(new) and bool(old == new)
    except Exception:
        return False
