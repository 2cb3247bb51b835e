"""Checks sequences in a process of its own, which is small: a reload looks at every object. ::

python tests/fuzz/fuzzing.py SEED COUNT        # for development; FUZZ_LEVEL=values,held,...
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

from found import FOUND
from processes import SABOTAGE, Processes
from sequences import LEVELS, Sequence, check, explained, new_sequence, parsed, shrunk

import mighty_patcher.engine.engine  # noqa: F401  It is there before anything is forked.

__all__ = ["check_found", "main"]


def main(seed: int, count: int, mode: str = "", show: int = 1) -> int:
    """Check some sequences; print the smallest reproduction of each that is wrong.

    Args:
        seed: The seed of the first; those that follow have the next ones.
        count: How many.
        mode: A sabotage that has to be noticed in most; or ``twice`` to compare two fresh processes
            with each other; or ``list`` to make nothing smaller; or ``excused`` to do so, and say
            in how many sequences which exception of the rules was needed.
        show: After how many wrong ones to stop.

    Returns:
        The exit code.
    """
    levels = tuple(os.environ.get("FUZZ_LEVEL", ",".join(LEVELS)).split(","))
    wrong: Counter[str] = Counter()
    needed: Counter[str] = Counter()
    saves = noticed = 0
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder))
        for number in range(seed, seed + count):
            sequence = new_sequence(processes, number)
            saves += len(sequence.saves)
            if mode == "twice":
                wrong["fuzzer"] += _differ(processes, sequence)
                continue
            excused: set[str] = set()
            failure = check(processes, sequence, levels, mode if mode in SABOTAGE else "", excused)
            needed.update(excused)
            if mode in SABOTAGE:
                if check(processes, sequence, levels) is None:  # else it is wrong without us
                    noticed += failure is not None and failure.level != "errors"
            elif failure is not None:
                wrong[failure.level] += 1
                if mode in ("list", "excused"):
                    print(f"seed {number}: {failure.level}: {failure.differences[0]}", flush=True)
                    continue
                processes.restart()  # what went before may have left something behind
                if check(processes, sequence, levels) is not None:
                    sequence, failure = shrunk(processes, sequence, levels)
                else:
                    print("only after other programs have run in the same process:")
                print(explained(number, sequence, failure), flush=True)
                if wrong.total() >= show:
                    break
        processes.close()
    print(f"{count} sequences from seed {seed}, {saves} saves; wrong: {dict(+wrong)}", end="")
    print(f"; noticed: {noticed}" if mode in SABOTAGE else "")
    if mode == "excused":
        print(*(f"{count:5} {reason}" for reason, count in needed.most_common()), sep="\n")
    return 1 if wrong.total() else 0


def check_found() -> int:
    """Check what was found to be wrong once; print what still is.

    Returns:
        The exit code.
    """
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        processes = Processes(Path(folder))
        for name, text in FOUND.items():
            sequence = parsed(text)
            errors = [it.error for it in map(processes.fresh, sequence.in_force()) if it.error]
            failure = check(processes, sequence)
            if errors or failure is not None:
                wrong += 1
                print(name, *errors, failure and explained(0, sequence, failure), sep="\n")
        processes.close()
    return 1 if wrong else 0


def _differ(processes: Processes, sequence: Sequence) -> int:
    """Count the texts of a sequence that two fresh processes make different things of."""
    texts = [sequence.texts, *sequence.in_force()]
    first = [processes.fresh(it) for it in texts]
    processes.restart()
    second = [processes.fresh(it) for it in reversed(texts)][::-1]
    return sum(
        (it.words, it.notes, it.error) != (other.words, other.notes, other.error)
        for it, other in zip(first, second, strict=True)
    )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments == ["found"]:
        sys.exit(check_found())
    numbers = [int(it) for it in arguments if it.isdigit()]
    modes = [it for it in arguments if not it.isdigit()]
    sys.exit(main(*numbers[:2], mode=modes[0] if modes else "", show=(*numbers[2:], 1)[0]))
