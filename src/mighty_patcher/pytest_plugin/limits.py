"""The time limit of pytest-timeout, which sets it for the first attempt at a test, and no other."""

from __future__ import annotations

from collections.abc import Generator

import pytest

__all__ = ["Limits"]


class Limits:
    """A plugin that sets the limit again."""

    def __init__(self) -> None:
        self._settings: object = None

    @pytest.hookimpl(tryfirst=True, optionalhook=True)
    def pytest_timeout_set_timer(self, settings: object) -> None:
        """Take note of it."""
        self._settings = settings

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        """Forget that of the test before."""
        self._settings = None
        return (yield)

    def begin(self, item: pytest.Item) -> None:
        """Set it for another attempt."""
        if self._settings is not None:
            item.config.hook.pytest_timeout_set_timer(item=item, settings=self._settings)

    def end(self, item: pytest.Item) -> None:
        """End what was set for the last attempt; the item may be another than that of the first."""
        if self._settings is not None:
            item.config.hook.pytest_timeout_cancel_timer(item=item)
