"""Every test of the core is a test for leaks as well.

Once a test has passed, its body runs some ten times more, and may leave neither an object nor, on
debug builds, a reference behind. A test that cannot be repeated, or is too slow to be, says so:
``@pytest.mark.unsteady("why")``. Where each run goes through the whole heap, ``runs(FEW)``
are enough.
"""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from functools import partial

import pytest
from steady import steady


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run the body of a test that has passed again."""
    result = yield
    marker = pyfuncitem.get_closest_marker("unsteady")
    if marker is None:
        names = pyfuncitem._fixtureinfo.argnames
        body = partial(pyfuncitem.obj, **{name: pyfuncitem.funcargs[name] for name in names})
        runs = pyfuncitem.get_closest_marker("runs")
        if runs is not None:  # going through the heap takes back what was put aside
            steady(body, *runs.args)
        else:
            put_aside()
            steady(body)
    elif not marker.args:
        pytest.fail("a test that is not run for leaks must say why: unsteady('why')")
    return result


def put_aside() -> None:
    """Put aside all that there is, so that the collections of a leak test are quick."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def frozen() -> Iterator[None]:
    """Begin a module without the garbage of others."""
    put_aside()
    yield
    gc.unfreeze()
