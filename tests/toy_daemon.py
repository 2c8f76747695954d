"""A supervisor with toy children, run as a program: ``python -m tests.toy_daemon FOLDER LIFE…``.

Each LIFE is what one sync worker after the other does; the last one is repeated. Every child
writes a line to FOLDER/log when it starts: its kind, its process id, what it heard of the death
before. The API toy ends at SIGTERM, unless FOLDER/deaf exists.
"""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from paod.daemon.backoff import Backoff
from paod.daemon.board import Board
from paod.daemon.child import limit_memory
from paod.daemon.supervisor import Slot, Supervisor

FOLDER, LIVES = Path(sys.argv[1]), sys.argv[2:]
BOARD = Board()


def note(line):
    with (FOLDER / "log").open("a") as log:
        log.write(line + "\n")


def toy_api(death):
    note(f"api {os.getpid()} {death.how if death else '-'}")
    if (FOLDER / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        BOARD.promise(0, 0.001 if (FOLDER / "late").exists() else 30.0)
        time.sleep(0.1)
        if (FOLDER / "late").exists():
            BOARD.promise(0, -1.0)
            note("late")
        if (FOLDER / "still").exists():
            (FOLDER / "still").unlink()
            BOARD.promise(0, 0.3)
            os.kill(os.getpid(), signal.SIGSTOP)


def toy_sync(death):
    told = f"{death.reason}:{death.blamed.path if death.blamed else ''}" if death else "-"
    started = sum(line.startswith("sync ") for line in (FOLDER / "log").read_text().splitlines())
    life = LIVES[min(started, len(LIVES) - 1)]
    signal.signal(signal.SIGHUP, lambda *_: note("hangup"))
    note(f"sync {os.getpid()} {told}")
    return globals()[f"live_{life}"]()


def live_well():
    BOARD.enter("idle", 30.0)
    while True:
        time.sleep(60)


def live_exit():
    return 3


def live_segv():
    BOARD.hold("ab" * 20, "catalog/a/bad.yaml")
    ctypes.string_at(0)


def live_hang():
    BOARD.enter("fetch", 0.5)
    # Holds the interpreter's lock, as a hanging C library does: no Python signal handler runs.
    ctypes.PyDLL(None).sleep(60)


def live_stopped():
    BOARD.enter("idle", 0.5)
    os.kill(os.getpid(), signal.SIGSTOP)


def live_eat():
    limit_memory(256)
    try:
        bytearray(2**30)
    except MemoryError:
        note("memory error")
    return live_well()


def tell(state, words):
    if state != "alive":
        note(f"state {state}: {words}")


if __name__ == "__main__":
    (FOLDER / "log").touch()
    backoff = [Backoff(lambda low, _high: low) for _ in range(2)]
    slots = [Slot("api", toy_api, backoff[0]), Slot("sync", toy_sync, backoff[1])]
    hangup_ends = (FOLDER / "terminal").exists()
    supervisor = Supervisor(slots, BOARD, hangup_ends=hangup_ends)
    sys.exit(supervisor.run(tell))
