"""The core knows where it is, and refuses where it does not."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import textwrap

import pytest

from mighty_patcher import _core

REFUSAL = (
    f"mighty_patcher was built for an interpreter whose insides differ from those of "
    f"cpython {sys.version.split()[0]}; install it again with this interpreter"
)

unrepeated = pytest.mark.unsteady("it starts another process")


def child(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(source)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_free_threaded_or_not() -> None:
    assert _core.FREE_THREADED is bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


@pytest.mark.skipif(not _core.FREE_THREADED, reason="there is a GIL")
@unrepeated
def test_the_gil_stays_off() -> None:
    result = child("""
        import sys
        assert not sys._is_gil_enabled()
        import mighty_patcher._core
        assert not sys._is_gil_enabled()
        print("off")
    """)
    assert (result.stdout, result.stderr, result.returncode) == ("off\n", "", 0)


@pytest.mark.parametrize(
    ("scratch", "why"),
    [
        (
            "def target(value): return value\ndef donor(value): return value",
            "a scratch function did not take its new content",
        ),
        (
            "def target(value): return value\ndonor = len",
            "expected a function, not 'builtin_function_or_method'",
        ),
    ],
)
def test_the_self_test_refuses(monkeypatch: pytest.MonkeyPatch, scratch: str, why: str) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(_core, "_SCRATCH", scratch)
        with pytest.raises(ImportError) as caught:
            _core._self_test()  # type: ignore[attr-defined]
    assert str(caught.value) == f"{REFUSAL} ({why})"
    del caught
    _core._self_test()  # type: ignore[attr-defined]


@unrepeated
def test_the_import_fails_with_the_self_test() -> None:
    """On an interpreter where a patched function does not run as it should."""
    result = child("""
        import sys

        def fail(frame, event, argument):
            if event == "call" and frame.f_code.co_name == "donor":
                raise SystemError("bad insides")

        sys.setprofile(fail)
        try:
            import mighty_patcher._core
        except ImportError as error:
            print(error)
            print(repr(error.__cause__))
        assert "mighty_patcher._core" not in sys.modules
    """)
    assert result.stderr == ""
    assert result.stdout == f"{REFUSAL} (bad insides)\nSystemError('bad insides')\n"


@unrepeated
def test_another_interpreter_is_refused() -> None:
    result = child("""
        import sys

        sys.implementation.name = "otherpython"
        try:
            import mighty_patcher._core
        except ImportError as error:
            print(error)
    """)
    assert result.stderr == ""
    assert result.stdout == REFUSAL.replace("cpython", "otherpython") + "\n"


def test_constants_are_bits() -> None:
    names = "CODE CLOSURE DEFAULTS KWDEFAULTS GLOBALS BUILTINS NAME QUALNAME MODULE DOC"
    names += " ANNOTATIONS ANNOTATE TYPEPARAMS DICT"
    bits = [getattr(_core, name) for name in names.split()]
    assert bits == [1 << n for n in range(len(bits))]
    assert sum(bits) == _core.ALL_FIELDS
