"""The supervisor: one thread that starts the children, watches over them and ends them in order.

It forks, waits, kills by deadline and starts again, and does nothing else: it opens no database,
reads no repository and answers no request, so that nothing a child does can bring it down.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from paod.daemon.backoff import Backoff
from paod.daemon.board import Board
from paod.daemon.child import PARENT_SIGNALS, Death, Kind, Lifeline, fork

TURN = 0.25
"""Seconds between two looks at deadlines."""
GRACE = 3.0
"""Seconds that children have to end by themselves; the whole end takes at most five."""
START_SECONDS = 60.0
FORK_RETRY = 5.0

logger = logging.getLogger("paod.daemon")


@dataclass
class Slot:
    """A child's place: what it runs, given its predecessor's death, and who stands there now."""

    kind: Kind
    body: Callable[[Death | None], int]
    backoff: Backoff
    pid: int | None = None
    started: float = 0.0
    next_start: float = 0.0
    last_death: Death | None = None
    syncs_before: int = 0
    overran: bool = field(default=False)


class Supervisor:
    """Keeps one child in every slot until it is told to stop."""

    def __init__(self, slots: Sequence[Slot], board: Board, *, hangup_ends: bool = False) -> None:
        """``hangup_ends``: a SIGHUP means the terminal is gone, not "sync now"."""
        self._slots = slots
        self._board = board
        self._hangup_ends = hangup_ends
        self._lifeline = Lifeline()

    def run(self, on_state: Callable[[str], None]) -> int:
        """Supervise until SIGTERM or SIGINT; return the exit status.

        ``on_state`` is told ``ready`` once the children are started, and ``stopping``.
        """
        with _signals() as signals:
            self._start_due()
            on_state("ready")
            try:
                while not self._turn(signals):
                    pass
                on_state("stopping")
                return self._stop(signals)
            finally:
                self._kill_all()
                self._lifeline.close()

    def _turn(self, signals: _Signals) -> bool:
        """Wait for news and do what they ask for; return whether it is to end."""
        for number in signals.wait(TURN):
            if number in (signal.SIGTERM, signal.SIGINT):
                return True
            if number == signal.SIGHUP and self._hangup_ends:
                return True
            if number == signal.SIGHUP:
                self._tell("sync", signal.SIGHUP)
        self._reap()
        self._kill_overdue()
        self._start_due()
        return False

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.pid is None and now >= slot.next_start:
                self._start(slot, now)

    def _start(self, slot: Slot, now: float) -> None:
        if slot.kind == "sync":
            slot.syncs_before = self._board.syncs
            self._board.enter("starting", START_SECONDS)
        death = slot.last_death
        slot.overran = False
        slot.started = now
        try:
            slot.pid = fork(lambda: slot.body(death), self._lifeline)
        except OSError as error:
            slot.next_start = now + FORK_RETRY
            logger.error("no %s worker can be started: %s", slot.kind, error)
            return
        logger.info("%s worker %d started", slot.kind, slot.pid)

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.pid is None:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if pid:
                self._bury(slot, os.waitstatus_to_exitcode(status))

    def _bury(self, slot: Slot, status: int) -> None:
        """Note how a child ended, say so, and plan its successor."""
        now = time.monotonic()
        slot.last_death = self._death_of(slot, status)
        useful = slot.kind == "sync" and self._board.syncs > slot.syncs_before
        delay = slot.backoff.after(now - slot.started, useful=useful)
        pid, slot.pid, slot.next_start = slot.pid, None, now + delay
        if slot.kind == "sync":
            self._board.leave()
        logger.warning(
            "%s worker %d ended: %s, a new one starts in %.1f s",
            *(slot.kind, pid, _describe(slot.last_death), delay),
        )

    def _death_of(self, slot: Slot, status: int) -> Death:
        if slot.kind != "sync":
            return Death(status)
        return Death.of_worker(status, self._board, overran=slot.overran)

    def _kill_overdue(self) -> None:
        """Kill the sync worker when its phase, or the file in its hand, takes too long."""
        if not self._board.overdue(time.monotonic()):
            return
        for slot in self._slots:
            if slot.kind == "sync" and slot.pid is not None and not slot.overran:
                slot.overran = True
                os.kill(slot.pid, signal.SIGKILL)

    def _stop(self, signals: _Signals) -> int:
        """Ask every child to end and wait; return 0, or 128 and the signal that hurried it."""
        logger.info("stopping")
        for kind in ("api", "sync"):
            self._tell(kind, signal.SIGTERM)
        end = time.monotonic() + GRACE
        while self._living() and time.monotonic() < end:
            for number in signals.wait(TURN):
                if number in (signal.SIGTERM, signal.SIGINT):
                    return 128 + number
            self._forget_ended()
        for slot in self._living():
            logger.warning("%s worker %d did not end in time and is killed", slot.kind, slot.pid)
        return 0

    def _forget_ended(self) -> None:
        for slot in self._living():
            if slot.pid is not None and os.waitpid(slot.pid, os.WNOHANG)[0]:
                slot.pid = None

    def _kill_all(self) -> None:
        for slot in self._living():
            if slot.pid is not None:
                os.kill(slot.pid, signal.SIGKILL)
                os.waitpid(slot.pid, 0)
                slot.pid = None

    def _tell(self, kind: str, number: signal.Signals) -> None:
        for slot in self._living():
            if slot.kind == kind and slot.pid is not None:
                os.kill(slot.pid, number)

    def _living(self) -> list[Slot]:
        return [slot for slot in self._slots if slot.pid is not None]


class _Signals:
    """Signals as something to wait for: Python writes their numbers into a pipe."""

    def __init__(self, read: int) -> None:
        self._read = read

    def wait(self, seconds: float) -> list[int]:
        """Return the signals that came, none after ``seconds``."""
        if not select.select([self._read], [], [], seconds)[0]:
            return []
        return list(os.read(self._read, 4096))


@contextlib.contextmanager
def _signals() -> Iterator[_Signals]:
    read, write = os.pipe()
    os.set_blocking(read, False)
    os.set_blocking(write, False)
    handlers = {number: signal.signal(number, lambda *_: None) for number in PARENT_SIGNALS}
    wakeup = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield _Signals(read)
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _describe(death: Death) -> str:
    held = f" with {death.held.path} in hand" if death.held else ""
    if death.overran:
        return f"killed, for its {death.phase} phase took too long{held}"
    return f"{death.how}{held}"
