"""A plugin of a child pytest: edits files after a test, reloads, and says what was collected then.

The edits stand in ``edits.json`` as a list of ``[node id, {file: [old, new]}]``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mighty_patcher import AutoReloader
from mighty_patcher.pytest_plugin.collected import Changes, Collected


class Editing:
    def __init__(self) -> None:
        self.collected = Collected()
        self.edits = json.loads(Path("edits.json").read_text("utf-8"))
        self.said: list[dict[str, object]] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.session = session
        self.reloader = AutoReloader(".", watch=False)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if not self.edits or self.edits[0][0] != nodeid:
            return
        _, files = self.edits.pop(0)
        for name, (old, new) in files.items():
            text = Path(name).read_text("utf-8")
            assert old in text, (name, old)
            Path(name).write_text(text.replace(old, new), "utf-8")
        reload = self.reloader.reload(list(files))
        assert reload.ok, reload
        running = next(it for it in self.session.items if it.nodeid == nodeid)
        before = {it: id(it) for it in self.session.items}
        changes = self.collected.update(self.session, [reload], running)
        assert all(id(it) == before[it] for it in self.session.items if it in before)
        self.said.append(described(changes))

    def pytest_sessionfinish(self) -> None:
        assert not self.edits, self.edits
        Path("said.json").write_text(json.dumps(self.said), "utf-8")
        self.reloader.stop()


def described(changes: Changes) -> dict[str, object]:
    def last(items: list[pytest.Item]) -> list[str]:
        return [it.nodeid.partition("::")[2] for it in items]

    return {
        "files": [it.name for it in changes.files],
        "replaced": last(list(changes.replaced.values())),
        "added": last(changes.added),
        "removed": last(changes.removed),
        "outdated": [it.argname for it in changes.outdated],
        "problems": changes.problems,
    }


def pytest_configure(config: pytest.Config) -> None:
    editing = Editing()
    config.pluginmanager.register(editing.collected)
    config.pluginmanager.register(editing)
