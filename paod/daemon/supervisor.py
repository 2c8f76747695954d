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
from typing import Literal

from paod.daemon.backoff import Backoff
from paod.daemon.board import Board
from paod.daemon.child import PARENT_SIGNALS, Death, Kind, Lifeline, fork

TURN = 0.25
"""Seconds between two looks at deadlines."""
SECOND_LOOK = 0.2
"""Seconds after which a missed deadline that still stands ends a child."""
GRACE = 3.0
"""Seconds that children have to end by themselves; the whole end takes at most five."""
START_SECONDS = 60.0
FORK_RETRY = 5.0
ABSENCE = 5.0
"""A turn that comes so late was kept by something that kept the children too: a frozen machine."""

State = Literal["ready", "alive", "reloading", "stopping"]
OnState = Callable[[State, str], None]
"""Is told what becomes of the daemon, and where the catalog stands."""

logger = logging.getLogger("paod.daemon")


@dataclass
class Slot:
    """A child's place: what it runs, given its predecessor's death, and who stands there now."""

    kind: Kind
    body: Callable[[Death | None], int]
    backoff: Backoff
    seat: int = 0
    """The place on the board of a worker that shows signs of life."""
    pid: int | None = None
    started: float = 0.0
    next_start: float = 0.0
    last_death: Death | None = None
    syncs_before: int = 0
    overran: bool = field(default=False)
    missed: float = 0.0
    """The deadline that the last look found it to have missed; 0.0: none."""
    suspected: float = 0.0
    """When a look first found it to have missed that one."""
    promised: float = 0.0
    """What stood at an API worker's place when it was started."""


class Supervisor:
    """Keeps one child in every slot until it is told to stop."""

    def __init__(self, slots: Sequence[Slot], board: Board, *, hangup_ends: bool = False) -> None:
        """``hangup_ends``: a SIGHUP means the terminal is gone, not "sync now"."""
        self._slots = slots
        self._board = board
        self._hangup_ends = hangup_ends
        self._lifeline = Lifeline()
        self._ready = False
        self._last_turn = time.monotonic()
        self._patient_until = 0.0

    def run(self, on_state: OnState) -> int:
        """Supervise until SIGTERM or SIGINT; return the exit status.

        ``on_state`` is told ``ready`` once every API worker answers, then ``alive`` at each turn at
        which no child is overdue, ``reloading`` and again ``ready`` at SIGHUP, and ``stopping``.
        """

        def tell(state: State) -> None:
            on_state(state, self._board.standing(time.monotonic()))

        with _signals() as signals:
            self._start_due()
            try:
                while not self._turn(signals, tell):
                    self._report(tell)
                tell("stopping")
                return self._stop(signals)
            finally:
                self._kill_all()
                self._lifeline.close()

    def _turn(self, signals: _Signals, tell: Callable[[State], None]) -> bool:
        """Wait for news and do what they ask for; return whether it is to end."""
        for number in signals.wait(TURN):
            if number in (signal.SIGTERM, signal.SIGINT):
                return True
            if number == signal.SIGHUP and self._hangup_ends:
                return True
            if number == signal.SIGHUP:
                tell("reloading")
                self._tell("sync", signal.SIGHUP)
                self._ready = False  # is said again once all answer
        self._reap()
        self._kill_overdue()
        self._start_due()
        return False

    def _report(self, tell: Callable[[State], None]) -> None:
        """Say that all is alive; nothing while a child is overdue, be it that it cannot be killed.

        Who waits for the word then may start everything anew.
        """
        if self._overdue():
            return
        if not self._ready and all(map(self._answers, self._slots)):
            self._ready = True
            tell("ready")
        tell("alive")

    def _answers(self, slot: Slot) -> bool:
        """Whether an API worker came to its work. The catalog is served whatever the sync does."""
        if slot.kind != "api":
            return True
        return slot.pid is not None and self._board.promised(slot.seat) != slot.promised

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.pid is None and now >= slot.next_start:
                self._start(slot, now)

    def _start(self, slot: Slot, now: float) -> None:
        if slot.kind == "sync":
            slot.syncs_before = self._board.syncs
            self._board.enter("starting", START_SECONDS)
        else:
            slot.promised = self._board.promise(slot.seat, START_SECONDS)
        death = slot.last_death
        slot.overran, slot.missed = False, 0.0
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
            return Death(status, slot.overran)
        return Death.of_worker(status, self._board, overran=slot.overran)

    def _kill_overdue(self) -> None:
        """Kill a sync worker whose phase, or the file in its hand, takes too long.

        And an API worker that shows no sign of life. Either only if a second look, some time
        after the first, finds the same deadline missed: one that came round in between, late on a
        machine that had no time for it, lives on.
        """
        now = time.monotonic()
        if now - self._last_turn > ABSENCE:
            self._patient_until = now + ABSENCE
        self._last_turn = now
        for slot in self._living():
            missed = self._missed(slot, now)
            if missed != slot.missed:
                slot.missed, slot.suspected = missed, now
            late = missed and now >= max(slot.suspected + SECOND_LOOK, self._patient_until)
            if slot.pid is not None and not slot.overran and late:
                slot.overran = True
                os.kill(slot.pid, signal.SIGKILL)

    def _overdue(self) -> list[Slot]:
        now = time.monotonic()
        return [slot for slot in self._living() if self._missed(slot, now)]

    def _missed(self, slot: Slot, now: float) -> float:
        """Return the deadline that a child has missed, 0.0 if none."""
        if slot.kind == "sync":
            return self._board.overdue(now)
        promised = self._board.promised(slot.seat)
        return promised if promised < now else 0.0

    def _stop(self, signals: _Signals) -> int:
        """Ask every child to end and wait; return 0, or 128 and the signal that hurried it."""
        logger.info("stopping")
        for kind in ("api", "preview", "sync"):
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
    if death.overran and not death.phase:
        return "killed, for it gave no sign of life"
    if death.overran:
        return f"killed, for its {death.phase} phase took too long{held}"
    return f"{death.how}{held}"
