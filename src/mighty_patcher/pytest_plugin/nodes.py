"""Collecting again, into the nodes that there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from _pytest.mark.structures import get_unpacked_marks

__all__ = ["in_words", "items_of"]


class _NotCollected(Exception):
    """What pytest says about a file that it cannot collect."""


def in_words(error: Exception) -> str:
    """Say what has kept something from being collected."""
    return str(error) if isinstance(error, _NotCollected) else f"{type(error).__name__}: {error}"


def items_of(
    node: pytest.Collector | pytest.Item, known: dict[tuple[str, type], Any]
) -> Iterator[pytest.Item]:
    """Collect again.

    Args:
        node: What is collected.
        known: The nodes that there are, by id and type. One whose object is the same stays.

    Raises:
        Exception: pytest cannot collect it; or what a hook has raised.
    """
    if isinstance(node, pytest.Item):
        node.ihook.pytest_itemcollected(item=node)
        yield node
        return
    _take_marks(node)
    # pytest-asyncio 0.23 replaces it at each start of a collection, by what calls the one before.
    vars(node).pop("collect", None)
    node.ihook.pytest_collectstart(collector=node)
    report = node.ihook.pytest_make_collect_report(collector=node)
    if report.failed:
        raise _NotCollected(f"{node.nodeid} is as it was collected before:\n{report.longreprtext}")
    for child in report.result:
        twin = known.get((child.nodeid, type(child)))
        if twin is not None and isinstance(child, pytest.Collector) and _same_object(twin, child):
            yield from items_of(twin, known)
        else:
            yield from items_of(child, known)


def _same_object(old: Any, new: Any) -> bool:
    return getattr(old, "obj", None) is getattr(new, "obj", None)


def _take_marks(node: Any) -> None:
    """Give a node that stays the marks that its object has now."""
    obj = getattr(node, "_obj", None)
    if obj is None:
        return
    # What `obj` of the node does when it looks for its object.
    for mark in node.own_markers:
        node.keywords._markers.pop(mark.name, None)
    node.own_markers[:] = get_unpacked_marks(obj)
    node.keywords.update((mark.name, mark) for mark in node.own_markers)
