from __future__ import annotations

import json
import logging
import os
import socket
import sys

import pytest

from mighty_patcher.engine.events import VARIABLE, emit
from mighty_patcher.engine.report import Reload, Stale, Step
from mighty_patcher.errors import RefusedEdit

RELOAD = Reload(
    modules=("shop.cart",),
    paths=("shop/cart.py",),
    steps=(Step("ran", "shop.cart", "DEADLINE", 13, "reads TIMEOUT, which changed"),),
    stale=(Stale("f", "why", "hint"),),
)


def test_nowhere(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    emit(RELOAD)
    assert list(tmp_path.iterdir()) == []


def test_a_file_gets_one_object_for_each_reload(monkeypatch, tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_text('"there before"\n')
    monkeypatch.setenv(VARIABLE, str(file))
    emit(RELOAD)
    emit(Reload(errors=(RefusedEdit("no", "hint"),)))
    before, one, two = map(json.loads, file.read_text().splitlines())
    assert before == "there before"
    assert (one["v"], one["event"], one["ok"], one["modules"]) == (1, "reload", True, ["shop.cart"])
    assert one["steps"] == [
        {
            "kind": "ran",
            "module": "shop.cart",
            "qualname": "DEADLINE",
            "line": 13,
            "reason": "reads TIMEOUT, which changed",
        }
    ]
    assert (two["ok"], two["errors"][0]["hint"]) == (False, "hint")


def test_a_file_descriptor(monkeypatch):
    reader, writer = os.pipe()
    with os.fdopen(reader, encoding="utf-8") as lines, os.fdopen(writer, "w"):
        monkeypatch.setenv(VARIABLE, f"fd:{writer}")
        emit(RELOAD)
        assert json.loads(lines.readline())["v"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no sockets of this kind")
def test_a_socket(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("events")
        server.listen()
        monkeypatch.setenv(VARIABLE, "unix:events")
        emit(RELOAD)
        connection, _ = server.accept()
        with connection, connection.makefile(encoding="utf-8") as lines:
            assert json.loads(lines.readline())["modules"] == ["shop.cart"]


@pytest.mark.parametrize("target", ["absent/events", "fd:987654", "fd:x", "unix:absent"])
def test_where_nobody_listens_is_said_once(monkeypatch, tmp_path, caplog, target):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, target)
    with caplog.at_level(logging.WARNING, "mighty_patcher"):
        emit(RELOAD)
        emit(RELOAD)
    (record,) = caplog.records
    assert f"events cannot be written to {target}" in record.getMessage()
    assert VARIABLE in record.getMessage()
