"""Runs what the queue asks for: one sync at a time, under the lock that all processes share.

Used by the sync worker, which does nothing else all day, and by a command that runs one sync. It
writes on the board what is under way and what is in hand, so that whoever finds this process dead
can tell why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from paod.api import log_went_back
from paod.basis import check_source, rules_differ
from paod.config import Settings
from paod.daemon.backoff import rest_after
from paod.daemon.board import Board
from paod.daemon.child import Death
from paod.daemon.pace import GRACE, Pace
from paod.errors import SettingsDiffer, StoreError, StoreUnavailable
from paod.failpoint import failpoint
from paod.metrics import Meters
from paod.mirror import Mirror
from paod.model import ClaimedSync, SyncResult, who_applied
from paod.store import Store
from paod.sync import Memory, Verdicts, Workshop, open_mirror
from paod.sync import run as run_sync

__all__ = ["GRACE", "Syncing"]

MOST_PATIENCE = 3
"""So many times is the time of a sync doubled that is cut off again and again."""
SETTING_UP_SECONDS = 60.0
LONGEST_LOST = 60.0
"""For which the lock is left to others that was lost again and again."""

logger = logging.getLogger("paod.daemon")


class Syncing:
    """The queue's one servant in this process. It may run while another process has another."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        board: Board,
        death: Death | None = None,
        clock: Callable[[], float] = time.monotonic,
        meters: Meters | None = None,
    ) -> None:
        """``death``: how this process's predecessor died, whose work is then taken up again.

        At once, or after a rest by ``clock`` if it is not the first that died of it.
        """
        self.store = store
        self._clock = clock
        self._meters = meters or Meters()
        store.database.on_renewed(self._meters.pool_rebuilt)
        self._rebuilds = 0
        """Of those of the mirror, how many were counted."""
        self._cut_off: frozenset[int] = frozenset()
        self._rests_until = 0.0
        self._losses = 0
        """Of the lock in the middle of a sync, in a row."""
        self._lost_until = 0.0
        """Until then the lock is left to others."""
        self.rests = False
        """Whether nothing waits but what the predecessor died of, and it was not time for that."""
        self._sync_id: int | None = None
        self._phase = ""
        self._settings = settings
        self._board = board
        self._death = death
        self._verdicts = Verdicts(settings.state_dir / "verdicts")
        self._memory = Memory()
        self._ready = False
        self._mine: bool | None = None
        self._took_over = False
        self._server: str | None = None
        self._unknown: int | None = None
        """A sync that was lost in its COMMIT: nobody told this process whether it was applied."""
        self._pace = Pace(board)
        self._mirror: Mirror | None = None

    @property
    def mirror(self) -> Mirror:
        """The mirror, to be used by the one who is alone."""
        assert self._mirror is not None, "only who is alone has a mirror"
        return self._mirror

    @contextmanager
    def alone(self, wait: float = 0.0) -> Iterator[bool]:
        """Try to be the only process that syncs; the value says whether it is."""
        if self._clock() < self._lost_until:
            yield False
            return
        try:
            with self.store.database.sync_lock(wait) as mine:
                self._note_place(mine=mine)
                if mine:
                    check_source(self.store, self._settings)
                    self._confirm_server()
                if mine and not self._ready:
                    self._make_ready()
                yield mine
        except StoreUnavailable:
            self._note_place(mine=None)
            raise
        except SettingsDiffer:  # an operator wants another machine's, or this one's are wrong
            self.store.database.give_way()
            self._note_place(mine=None)
            raise
        finally:
            self._count_rebuilds()

    def _confirm_server(self) -> None:
        """See whether the server that has the database now is the one that had it before."""
        server = self.store.database.server()
        if server == self._server:
            return
        found = self.store.confirm_server()
        self._server = server
        if found is not None:
            log_went_back(found)

    def _count_rebuilds(self) -> None:
        if self._mirror is not None:
            self._meters.rebuilt(self._mirror.rebuilds - self._rebuilds)
            self._rebuilds = self._mirror.rebuilds

    def _note_place(self, *, mine: bool | None) -> None:
        """Say when this process begins to be the one that syncs, or to wait; None: who knows?"""
        if mine == self._mine:
            return
        if mine is None:
            logger.warning(
                "%s may not be the one that syncs any more", self._settings.instance_name
            )
        elif mine:
            self._took_over = True
            self._memory.forget()
            logger.info("%s is the one that syncs", self._settings.instance_name)
            self._warn_of_rules()
        else:
            holder = self.store.database.sync_holder()
            logger.info("%s waits: %s syncs", *(self._settings.instance_name, _name(holder)))
        self._mine = mine

    def _warn_of_rules(self) -> None:
        """Say that this machine judges otherwise than the one before it: all is folded again."""
        applied = self.store.head().applied_with
        if differs := rules_differ(self.store, self._settings, applied):
            logger.warning("%s had other rules (%s)", who_applied(applied), differs)

    def took_over(self) -> bool:
        """Say once that this process has become the one that syncs: only it looks at the remote."""
        took_over, self._took_over = self._took_over, False
        return took_over

    def serve_one(self, wait: float = 0.0) -> tuple[ClaimedSync, SyncResult] | None:
        """Run the next request; None: there is none, or another process is syncing now."""
        with self.alone(wait) as mine:
            claimed = self._claim() if mine else None
            if claimed is None:
                return None
            with self._counting_losses():
                return claimed, self._run(claimed)

    @contextmanager
    def _counting_losses(self) -> Iterator[None]:
        """Leave the lock to others for a while when it is lost in one sync after the other.

        Whatever ends the session each time would end it again, and others may have better luck.
        """
        try:
            yield
        except StoreUnavailable:
            self._losses += 1
            pause = min(LONGEST_LOST, rest_after(self._losses))
            self._lost_until = self._clock() + pause
            if pause:
                logger.warning(
                    "the sync lock was lost in %d syncs in a row; this machine leaves it to others"
                    " for %.0f s: see the database server's log for what ends its sessions",
                    *(self._losses, pause),
                )
            raise
        self._losses = 0

    def _claim(self) -> ClaimedSync | None:
        """Take the next request, after any that a process left running which died elsewhere."""
        self._look_up()
        current = self.store.current()
        if current is not None and not current["dry_run"]:
            self.store.recover()
        self.rests = self._is_resting()
        return None if self.rests else self.store.claim()

    def _look_up(self) -> None:
        """Say what became of a sync that was lost in its COMMIT.

        The lock is this process's again, so the server has ended the connection it went over.
        """
        if self._unknown is None:
            return
        row = self.store.sync(self._unknown)
        if row is not None and row["status"] == "completed":
            logger.info("sync %d was applied: its outcome had been unknown", self._unknown)
        else:
            logger.info("sync %d was not applied, and runs again", self._unknown)
        self._unknown = None

    def _is_resting(self) -> bool:
        if self._clock() >= self._rests_until:
            return False
        waiting = (row["sync_id"] for row in self.store.queue() if not row["dry_run"])
        return self._cut_off.issuperset(waiting)

    def abandon(self) -> None:
        """Give the work under way back to the queue: this process was told to end.

        What another process has under way by now is left to it.
        """
        with self.store.database.sync_lock() as mine:
            if mine:
                self.store.recover("Interrupted", "paod was stopped while this sync ran")

    def _run(self, claimed: ClaimedSync) -> SyncResult:
        self._pace.begin(self._patience())
        self._enter("sync")
        self._sync_id = claimed.id
        shop = Workshop(
            mirror=self.mirror,
            store=self.store,
            settings=self._settings,
            memory=self._memory,
            clock=self.store.database.now,
            note=self._pace.note,
            verdicts=self._verdicts,
            on_phase=self._enter,
            fetching=self._meters.fetching,
        )
        try:
            result = run_sync(claimed, shop)
        finally:
            self._pace.end()
            self._sync_id = None
        if result.reason == "OutcomeUnknown":
            self._unknown = claimed.id
        self._board.release()
        self._board.count_sync()
        row = self.store.sync(claimed.id)
        # else the outcome did not reach the database: the row is taken up like a dead one
        self._ready = row is None or row["status"] != "running"
        if row is not None and row["superseded_by"] is not None:
            self._rest([row["superseded_by"]])  # it was over its time, and goes on where it was
        return result

    def _patience(self) -> float:
        """Return the seconds that a sync may take: more, the more often it was cut off.

        So whatever it is that takes so long comes to its end.
        """
        doubled = min(self.store.cut_off_in_a_row(), MOST_PATIENCE)
        return float(self._settings.sync_timeout * 2**doubled)

    def _make_ready(self) -> None:
        """Take up what a dead process left: its rows, the file that killed it, its mirror."""
        self._enter("setting up", SETTING_UP_SECONDS)
        death = self._death or Death(0)
        if death.blamed is not None:
            self.store.crashed(death.blamed.oid, death.blamed.path)
        if death.overran and death.phase == "fetch":
            self._meters.fetch_killed()
        again = self.store.recover(death.reason, death.message)
        if self._death is not None and death.blamed is None:
            self._rest(again)
        self._death = None
        self._mirror, self._rebuilds = open_mirror(self._settings, self._enter), 0
        if death.suspects_mirror and self.store.cut_off_in_a_row() <= 1:
            self._mirror.renew(f"a sync died reading it ({death.how})")
        self._ready = True

    def _rest(self, again: list[int]) -> None:
        """Let what killed the predecessor wait, the longer the more often it did."""
        pause = rest_after(max(map(self.store.times_cut_off, again), default=0))
        self._cut_off = frozenset(again)
        self._rests_until = self._clock() + pause
        if pause:
            logger.warning("what the sync worker died of is tried again in %.0f s", pause)

    def _enter(self, phase: str, seconds: float | None = None) -> None:
        """Write a phase on the board; without its own limit it has what is left of the sync's."""
        self._pace.enter(phase, seconds)
        self._tell(phase)
        failpoint(f"phase:{phase}")

    def _tell(self, phase: str) -> None:
        """Let readers see what a sync does; one that fails for it would be the worse news."""
        if self._sync_id is None or phase == self._phase:
            return
        self._phase = phase
        try:
            self.store.phase(self._sync_id, phase)
        except StoreUnavailable as error:
            if error.reason_given == "SeatLost":
                raise  # another one may sync by now: this sync goes no further
        except StoreError:
            pass


def _name(holder: tuple[str, str] | None) -> str:
    return "another process" if holder is None else holder[0]
