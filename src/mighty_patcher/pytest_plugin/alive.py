"""Fixtures that outlive a test: which of them are to be made anew after an edit."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable
from typing import Any

import pytest

from mighty_patcher.engine.report import LINES_MOVED, Reload, Step
from mighty_patcher.pytest_plugin.calls import Calls, listening
from mighty_patcher.pytest_plugin.collected import files_named
from mighty_patcher.pytest_plugin.registry import Definition, function_of

__all__ = ["Alive"]


class Alive:
    """A plugin that knows the values of fixtures of a scope beyond a test."""

    def __init__(self) -> None:
        self._values: dict[Definition, tuple[Any, Calls]] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: Definition, request: Any
    ) -> Generator[None, object, object]:
        """Note what runs."""
        if fixturedef.scope == "function":
            return (yield)
        with listening() as calls:
            self._values[fixturedef] = request, calls
            return (yield)

    def pytest_fixture_post_finalizer(self, fixturedef: Definition) -> None:
        """Forget what has ended."""
        self._values.pop(fixturedef, None)

    def end(self, reloads: Iterable[Reload], outdated: Collection[Definition]) -> list[str]:
        """End what has failed, what an edit concerns, and what is defined no more.

        Args:
            reloads: What was reloaded.
            outdated: Definitions that are in force no more.

        Returns:
            What was raised meanwhile, in words.
        """
        steps = list(_steps(reloads))
        raised: list[str] = []
        for definition, (request, calls) in reversed(list(self._values.items())):
            if definition not in self._values:
                continue  # it ended with one that it needs
            if definition in outdated or _has_failed(definition) or _concerned(calls, steps):
                try:
                    definition.finish(request)
                except BaseException as error:
                    if isinstance(error, (KeyboardInterrupt, pytest.exit.Exception)):
                        raise
                    name = function_of(definition.func).__name__
                    raised.append(
                        f"the end of fixture {name} raised {type(error).__name__}: {error}"
                    )
                self._values.pop(definition, None)
        return raised


def _has_failed(definition: Definition) -> bool:
    result = definition.cached_result
    return result is None or result[2] is not None


def _concerned(calls: Calls, steps: Iterable[tuple[Step, str]]) -> bool:
    return any(calls.concern(step, path) for step, path in steps)


def _steps(reloads: Iterable[Reload]) -> Iterable[tuple[Step, str]]:
    for reload in reloads:
        for step in reload.steps:
            if step.reason != LINES_MOVED and step.kind != "kept":
                for path in files_named({step.module}):
                    yield step, path
