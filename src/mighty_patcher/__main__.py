"""``python -m mighty_patcher``."""

from __future__ import annotations

import sys

if not sys.flags.safe_path:
    # `-m` has put the current directory first, and the program may have a `json.py` of its own.
    _first = sys.path.pop(0)
    from mighty_patcher import cli

    sys.path.insert(0, _first)
else:
    from mighty_patcher import cli

if __name__ == "__main__":
    sys.exit(cli.main(flags=cli.interpreter_flags()))
