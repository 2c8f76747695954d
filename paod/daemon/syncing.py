"""Runs what the queue asks for: one sync at a time, under the lock that all processes share.

Used by the sync worker, which does nothing else all day, and by a command that runs one sync. It
writes on the board what is under way and what is in hand, so that whoever finds this process dead
can tell why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from paod.config import Settings
from paod.daemon.board import Board
from paod.daemon.child import Death
from paod.failpoint import failpoint
from paod.mirror import Mirror
from paod.model import ClaimedSync, SyncResult
from paod.store import Store
from paod.sync import Memory, Workshop, open_mirror
from paod.sync import run as run_sync

GRACE = 5.0
"""Seconds beyond a time limit that has a gentler end of its own, before the process is killed."""
SETTING_UP_SECONDS = 60.0


class Syncing:
    """The queue's one servant in this process. It may run while another process has another."""

    def __init__(
        self, settings: Settings, store: Store, board: Board, death: Death | None = None
    ) -> None:
        """``death``: how this process's predecessor died, whose work is then taken up again."""
        self.store = store
        self._settings = settings
        self._board = board
        self._death = death
        self._memory = Memory()
        self._ready = False
        self._sync_ends = float("inf")
        self._mirror: Mirror | None = None

    @property
    def mirror(self) -> Mirror:
        """The mirror, to be used by the one who is alone."""
        assert self._mirror is not None, "only who is alone has a mirror"
        return self._mirror

    @contextmanager
    def alone(self, wait: float = 0.0) -> Iterator[bool]:
        """Try to be the only process that syncs; the value says whether it is."""
        with self.store.database.sync_lock(wait) as mine:
            if mine and not self._ready:
                self._make_ready()
            yield mine

    def serve_one(self, wait: float = 0.0) -> tuple[ClaimedSync, SyncResult] | None:
        """Run the next request; None: there is none, or another process is syncing now."""
        with self.alone(wait) as mine:
            claimed = self._claim() if mine else None
            if claimed is None:
                return None
            return claimed, self._run(claimed)

    def _claim(self) -> ClaimedSync | None:
        """Take the next request, after any that a process left running which died elsewhere."""
        if self.store.current() is not None:
            self.store.recover()
        return self.store.claim()

    def abandon(self) -> None:
        """Give the work under way back to the queue: this process was told to end."""
        self.store.recover("Interrupted", "paod was stopped while this sync ran")

    def _run(self, claimed: ClaimedSync) -> SyncResult:
        self._sync_ends = time.monotonic() + self._settings.sync_timeout
        self._enter("sync")
        shop = Workshop(
            mirror=self.mirror,
            store=self.store,
            settings=self._settings,
            memory=self._memory,
            clock=lambda: datetime.now(UTC),
            note=self._note,
            on_phase=self._enter,
        )
        try:
            result = run_sync(claimed, shop)
        finally:
            self._sync_ends = float("inf")
        self._board.release()
        self._board.count_sync()
        self._ready = self._is_written(claimed)
        return result

    def _is_written(self, claimed: ClaimedSync) -> bool:
        """Whether the outcome reached the database; if not, the row is taken up like a dead one."""
        row = self.store.sync(claimed.id)
        return row is None or row["status"] != "running"

    def _make_ready(self) -> None:
        """Take up what a dead process left: its rows, the file that killed it, its mirror."""
        self._enter("setting up", SETTING_UP_SECONDS)
        death = self._death or Death(0)
        if death.blamed is not None:
            self.store.crashed(death.blamed.oid, death.blamed.path)
        self.store.recover(death.reason, death.message)
        self._death = None
        self._mirror = open_mirror(self._settings, self._enter)
        if death.suspects_mirror:
            self._mirror.renew(f"a sync died reading it ({death.how})")
        self._ready = True

    def _enter(self, phase: str, seconds: float | None = None) -> None:
        """Write a phase on the board; without its own limit it has what is left of the sync's."""
        left = self._sync_ends - time.monotonic()
        allowed = left if seconds is None else min(left, seconds + GRACE)
        self._board.enter(phase, allowed)
        failpoint(f"phase:{phase}")

    def _note(self, oid: str, path: str) -> None:
        self._board.hold(oid, path)
        failpoint(f"in_hand:{path}")
