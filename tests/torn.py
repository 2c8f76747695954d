"""A writer and a reader of shared memory, two real processes: what does the reader see?"""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator

from paod.daemon.board import Board

NEVER = 1e9
"""Seconds: a promise that no test outlives."""


@contextlib.contextmanager
def beside(write: Callable[[], None], core: int | None = None) -> Iterator[None]:
    """Let another process call ``write`` without a pause; both on one ``core`` if it is given."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    pid = os.fork()
    if pid == 0:
        while True:
            write()
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.sched_setaffinity(0, before)


def read_promises(reads: int, core: int | None = None) -> int:
    """Return how many of ``reads`` of a promise beside its writer were none of those written."""
    board = Board()
    first = board.promise(3, NEVER)
    with beside(lambda: board.promise(3, NEVER), core):
        return sum(not first <= board.promised(3) < 2 * NEVER for _ in range(reads))


def read_phases(reads: int, core: int | None = None) -> int:
    """Return how many reads of the phase and the file in hand were torn or found it overdue."""
    board = Board()
    names = ("fetch" * 6, "fold" * 8, "x")
    files = [(f"{letter}" * 40, f"{letter}" * size) for letter, size in (("a", 7), ("b", 2000))]

    def write() -> None:
        for name in names:
            board.enter(name, NEVER)
            for oid, path in files:
                board.hold(oid, path)

    write()

    def torn() -> bool:
        held = board.held
        mixed = held is not None and (held.oid, held.path) not in files
        return mixed or board.phase not in names or board.overdue(0.001)

    with beside(write, core):
        return sum(torn() for _ in range(reads))


def read_standing(reads: int, core: int | None = None) -> int:
    """Return how many reads of where the catalog stands mixed two words, or words and times."""
    board = Board()
    board.tell("a" * 500, 0.0)
    told = {"a" * 500, "b" * 100 + ", checked 7 s ago"}

    def write() -> None:
        board.tell("a" * 500, 0.0)
        board.tell("b" * 100, 3.0)

    with beside(write, core):
        return sum(board.standing(10.0) not in told for _ in range(reads))


def main() -> int:
    """Read ten million promises and a million of each record, on one core; 1 if one tore."""
    core = min(os.sched_getaffinity(0))
    found = {
        "promises": read_promises(10_000_000, core),
        "phases": read_phases(1_000_000, core),
        "standings": read_standing(1_000_000, core),
    }
    sys.stdout.write(", ".join(f"{count} torn {name}" for name, count in found.items()) + "\n")
    return int(any(found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
