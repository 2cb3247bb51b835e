"""What a program under test does at its end: answer the test's questions, and tell of each reload.

It runs in the child. The socket to the test is inherited; each message is one line of JSON.
"""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import sys
import threading
import traceback
from collections.abc import Iterator
from types import CodeType
from typing import Any

_socket = socket.socket(fileno=int(os.environ["LIVE_SOCKET"]))
_lock = threading.RLock()  # reloads are told from the watcher's thread


def report(reload: Any) -> None:
    """Tell the test of a reload; the ``on_reload`` of the programs."""
    _send({"report": reload.as_dict()})


def tell(message: object) -> None:
    """Tell the test something, from any thread; `Program.told` waits for it."""
    _send({"told": message})


def serve(namespace: dict[str, Any]) -> None:
    """Answer until the test hangs up. Starts a reloader if the program has none."""
    if "reloader" not in namespace:
        from mighty_patcher import AutoReloader

        options = json.loads(os.environ["LIVE_OPTIONS"])
        namespace["reloader"] = AutoReloader(on_reload=report, **options)
    _load_marker()
    _send({"told": "ready"})
    with _socket.makefile(encoding="utf-8") as questions:
        for line in questions:
            source, mode = json.loads(line)
            _send(_answer(source, mode, namespace))
    namespace["reloader"].stop()
    _socket.close()


def functions(packages: list[str]) -> dict[str, Any]:
    """Collect the functions of loaded packages, as ``module:qualified name``."""
    found: dict[str, Any] = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in packages:
            for function in _functions_of(vars(module), name):
                found.setdefault(f"{name}:{function.__qualname__}", function)
    return found


def fingerprint(code: CodeType) -> list[Any]:
    """Return what code does, comparable between two processes."""
    return [
        code.co_code.hex(),
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        [fingerprint(c) if isinstance(c, CodeType) else _constant(c) for c in code.co_consts],
    ]


def _load_marker() -> None:
    """Import what `Program.no_more_reports` saves."""
    path = os.environ["LIVE_MARKER"]
    spec = importlib.util.spec_from_file_location("live_marker", path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules["live_marker"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["live_marker"])


def _functions_of(namespace: Any, module: str) -> Iterator[Any]:
    for value in list(namespace.values()):
        value = getattr(value, "__func__", value)
        value = getattr(value, "fget", value)
        if getattr(value, "__module__", None) != module:
            continue
        if isinstance(value, type):
            yield from _functions_of(vars(value), module)
        elif hasattr(value, "__code__"):
            yield value


def _constant(value: object) -> str:
    if isinstance(value, frozenset):  # Its order is of no meaning.
        return repr(sorted(map(repr, value)))
    return repr(value)


def _answer(source: str, mode: str, namespace: dict[str, Any]) -> dict[str, Any]:
    try:
        value = eval(compile(source, "<the test>", mode), namespace)
        answer = {"value": repr(value)}
    except BaseException:
        answer = {"raised": traceback.format_exc()}
    sys.stdout.flush()
    sys.stderr.flush()
    return answer


def _send(message: object) -> None:
    data = json.dumps(message).encode() + b"\n"
    with _lock:
        _socket.sendall(data)
