"""Edit a Python program while it runs: save, and every reference to old code uses the new.

The public names are imported when they are first asked for, so that importing the package costs
next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # not from typing, which takes longer to import than all that is here
if TYPE_CHECKING:
    from mighty_patcher.engine.report import Reload as Reload
    from mighty_patcher.engine.report import Stale as Stale
    from mighty_patcher.engine.report import Step as Step
    from mighty_patcher.engine.run import currently_reloading as currently_reloading
    from mighty_patcher.errors import MightyPatcherError as MightyPatcherError
    from mighty_patcher.errors import RefusedEdit as RefusedEdit
    from mighty_patcher.errors import RunError as RunError
    from mighty_patcher.errors import SourceError as SourceError
    from mighty_patcher.patching import actually_patch as actually_patch
    from mighty_patcher.patching import replace_inner_value as replace_inner_value
    from mighty_patcher.proxy import Reloader as Reloader
    from mighty_patcher.watch import AutoReloader as AutoReloader

_HOMES = {  # where each public name is
    "AutoReloader": "mighty_patcher.watch",
    "MightyPatcherError": "mighty_patcher.errors",
    "RefusedEdit": "mighty_patcher.errors",
    "Reload": "mighty_patcher.engine.report",
    "Reloader": "mighty_patcher.proxy",
    "RunError": "mighty_patcher.errors",
    "SourceError": "mighty_patcher.errors",
    "Stale": "mighty_patcher.engine.report",
    "Step": "mighty_patcher.engine.report",
    "actually_patch": "mighty_patcher.patching",
    "currently_reloading": "mighty_patcher.engine.run",
    "replace_inner_value": "mighty_patcher.patching",
}

__all__ = list(_HOMES)
_HOMES |= dict.fromkeys(
    ("load_ipython_extension", "unload_ipython_extension"), "mighty_patcher.ipython"
)
__version__ = "1.0.0.dev0"


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
