"""How long the sync under way may take, written on the board for whoever watches over it.

A sync that is over its time ends by itself between two files or commits, where nothing of what it
found is lost; only one that hangs is killed. What begins a fetch stops the clock: a fetch has
limits of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from paod.daemon.board import Board
from paod.errors import SyncOverdue
from paod.failpoint import failpoint

GRACE = 5.0
"""Seconds beyond a time limit that has a gentler end of its own, before the process is killed."""


class Pace:
    """The time of one process's work. Between syncs nothing but a phase's own limit counts."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.monotonic) -> None:
        self._board = board
        self._clock = clock
        self._ends = float("inf")
        self._allowed = 0.0
        self._stopped_at: float | None = None

    def begin(self, seconds: float) -> None:
        """Begin a sync that has so many seconds without its fetches."""
        self._allowed, self._ends = seconds, self._clock() + seconds
        self._stopped_at = None

    def end(self) -> None:
        """End the sync: what follows is not part of its time."""
        self._ends = float("inf")

    def enter(self, phase: str, seconds: float | None = None) -> None:
        """Write a phase on the board; without its own limit it has what is left of the sync's."""
        now = self._clock()
        if self._stopped_at is not None:
            self._ends += now - self._stopped_at
        self._stopped_at = None if seconds is None else now
        if seconds is None:
            seconds = self._ends - now + min(GRACE, self._allowed / 2) - GRACE
        self._board.enter(phase, seconds + GRACE)

    def note(self, oid: str, path: str) -> None:
        """Write which file is in hand, "" twice: none; raise ``SyncOverdue`` once time is over."""
        if self._stopped_at is None and self._clock() > self._ends:
            self._board.enter("ending", GRACE)
            raise SyncOverdue(
                f"it was not done within {self._allowed:g} seconds",
                "it goes on where it was; raise PAO_SYNC_TIMEOUT if that happens again and again",
            )
        self._board.hold(oid, path)
        failpoint(f"in_hand:{path}")
