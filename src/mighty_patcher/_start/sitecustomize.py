"""Start the reloader before the first line of a program.

The runner puts this folder first in ``PYTHONPATH``, where Python's own `site` finds it. Any Python
that the program starts may come here, so this is written for all of them, and for itself: what has
no core of ours is left alone, and nobody loses a ``sitecustomize`` of his own.
"""

import os
import sys

_here = os.path.dirname(os.path.abspath(__file__))
_package = os.path.dirname(_here)
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _here]

try:
    import _imp

    _suffixes = _imp.extension_suffixes()
except (AttributeError, ImportError):  # Python 2
    _suffixes = []

if "MIGHTY_PATCHER_RUN" in os.environ and any(
    os.path.exists(os.path.join(_package, "_core" + suffix)) for suffix in _suffixes
):
    _before, _path = set(sys.modules), list(sys.path)
    # Python's own library first: a PYTHONPATH may lead to a `queue.py` of the user's.
    _library = os.path.dirname(os.__file__)
    sys.path.sort(key=lambda entry: not entry.startswith(_library))
    if "mighty_patcher" not in sys.modules:
        # By its place: this Python may have another one installed, or none.
        import importlib.util

        _spec = importlib.util.spec_from_file_location(
            "mighty_patcher", os.path.join(_package, "__init__.py")
        )
        if _spec is not None and _spec.loader is not None:
            sys.modules["mighty_patcher"] = importlib.util.module_from_spec(_spec)
            _spec.loader.exec_module(sys.modules["mighty_patcher"])

    import mighty_patcher.children

    mighty_patcher.children.start(_before, _path)
    sys.path[:] = _path

# What this one hides. Where there is none, `site` expects this very ImportError.
sys.modules.pop("sitecustomize", None)
__import__("sitecustomize")
