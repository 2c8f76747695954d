"""The sync worker: serves the queue and watches the remote, until it is told to end or killed.

It lives in a process of its own, which may be killed at any moment: whatever it was doing, the
database holds the catalog before or after, and the queue still holds what was asked for.
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from paod.config import Settings
from paod.daemon.agenda import Agenda, Failure
from paod.daemon.board import Board
from paod.daemon.retries import Retries
from paod.daemon.standing import standing_words
from paod.daemon.syncing import GRACE, Syncing
from paod.errors import CommitNotFound, FetchFailed, MirrorError, PaodError, StoreError
from paod.model import ClaimedSync, SyncRequest, SyncResult
from paod.outgoing import Way
from paod.store.retention import STEP
from paod.sync import moved_to

LOOK_SECONDS = 1.0
"""After which the queue is looked at, even if nobody called."""
IDLE_SECONDS = 30.0
"""Within which the loop comes round when it has nothing to do."""
OUTAGE_SECONDS = (0.5, 1.0, 2.0)
"""Between attempts while the database, or the mirror's folder, cannot be used."""
TELL_SECONDS = 10.0
"""Between two looks at where the catalog stands, for whoever watches over the daemon."""
PRUNE_SECONDS = 3600.0
FIRST_PRUNE_SECONDS = 60.0
"""After the start, so that a daemon that is often restarted prunes too."""
FIRST_MOVED_SECONDS = 30.0
MOVED_SECONDS = 3600.0
"""Between two questions whether the host says that the repository has another address."""
PRUNE_PAUSE = 1.0
"""Between two steps of what is much: others write in between."""

logger = logging.getLogger("paod.daemon")


class SyncWorker:
    """Decides when to sync; how is ``Syncing``'s to know."""

    def __init__(
        self,
        settings: Settings,
        syncing: Syncing,
        board: Board,
        uniform: Callable[[float, float], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``uniform(a, b)`` draws the randomness of intervals and delays."""
        self._clock = clock
        self._settings = settings
        self._syncing = syncing
        self._store = syncing.store
        self._board = board
        self._agenda = Agenda(settings.sync_interval, uniform)
        self._wanted: list[SyncRequest] = []
        self._retries = Retries()
        self._announced: SyncRequest | None = None
        self._reached: tuple[str | None, str | None] | None = None
        """The tip that a sync has dealt with, and the head that it left; None: no tip is."""
        self._prune_at = clock() + FIRST_PRUNE_SECONDS
        self._tell_at = clock()
        self._moved_at = clock() + FIRST_MOVED_SECONDS
        self._outages = 0
        self._leaving = False

    def run(self, first: SyncRequest | None) -> NoReturn:
        """Work until SIGTERM."""
        signal.signal(signal.SIGTERM, self._leave)
        signal.signal(signal.SIGHUP, lambda *_: self.ask(SyncRequest("manual", reason="SIGHUP")))
        self.begin(first)
        while not self._leaving:
            self._go_on()
        raise SystemExit(0)

    def _leave(self, *_: Any) -> NoReturn:
        """End at the next safe point; a transaction under way is rolled back as the stack unwinds.

        Within a ``__del__`` Python drops the exception; then the turn is the last.
        """
        self._leaving = True
        raise SystemExit(0)

    def begin(self, first: SyncRequest | None) -> None:
        """Ask for ``first`` at once; None: look at the remote instead."""
        if first is None:
            self._agenda.soon(self._clock())
        else:
            self.ask(first)

    def ask(self, request: SyncRequest) -> None:
        """Put a request into the queue at the next turn; asked for twice, it is put there once."""
        if request not in self._wanted:
            self._wanted.append(request)

    def _go_on(self) -> None:
        """Take a turn or wait; say once when the database or the mirror cannot be used."""
        try:
            if not self.turn():
                self.wait()
        except PaodError as error:
            delay = OUTAGE_SECONDS[min(self._outages, len(OUTAGE_SECONDS) - 1)]
            if not self._outages:
                logger.error("the sync worker waits: %s (%s)", error, error.hint or "no hint")
            self._outages += 1
            self._tell_waiting(error)
            self._board.enter("waiting", delay + IDLE_SECONDS)
            time.sleep(delay)
        else:
            if self._outages:
                logger.info("the sync worker goes on")
                self._tell_at = self._clock()
            self._outages = 0

    def turn(self) -> bool:
        """Do the next thing there is to do; return False when there is nothing."""
        self._board.enter("idle", IDLE_SECONDS)
        self._ask()
        served = self._syncing.serve_one()
        if self._syncing.took_over():
            self._agenda.soon(self._clock())
        if served is not None:
            self._digest(*served)
            self._tell_at = self._clock()
        elif not self._syncing.rests and not self._agenda.wait(self._clock()):
            self._look()
        elif self._clock() >= self._prune_at:
            self._prune()
        elif self._clock() >= self._moved_at and not self._agenda.failures:
            self._look_for_move()
        elif self._clock() >= self._tell_at:
            self._tell()
        else:
            return False
        return True

    def wait(self) -> None:
        """Wait for a call, for the next look at the remote unless that rests too, or a second."""
        left = LOOK_SECONDS if self._syncing.rests else self._agenda.wait(self._clock())
        self._store.database.wait(min(LOOK_SECONDS, left))

    def _ask(self) -> None:
        """Queue what is wanted, however full the queue is: nobody else can make room in it."""
        while self._wanted:
            self._store.enqueue(self._wanted[0], bounded=False)
            self._wanted.pop(0)

    def _look(self) -> None:
        now = self._clock()
        expecting = self._agenda.expecting
        self._agenda.look(now)
        if self._retries:
            for request in self._retries.take():
                self.ask(request)
            return
        announced = self._announced if expecting else None
        self._poll(now, announced or SyncRequest("schedule"))

    def _poll(self, now: float, request: SyncRequest) -> None:
        """Ask for the remote's tip; a new one, or none to be had, is for a sync to deal with."""
        with self._syncing.alone() as mine:
            if not mine:
                return
            head = self._store.head()
            pinned = head.pin is not None
            try:
                tip = self._syncing.mirror.remote_tip()
            except MirrorError as error:
                self._poll_failed(now, error, None if pinned else request)
                return
            if not pinned and (tip, head.commit) != self._reached:
                self.ask(request)
                return
            if pinned or tip == head.commit:  # else a refused commit: there is something newer
                self._store.touch_checked()
            self._agenda.settled(now)

    def _poll_failed(self, now: float, error: MirrorError, request: SyncRequest | None) -> None:
        """Let a sync find and record what is wrong; None: the catalog is pinned, no sync looks."""
        if request is not None:
            self.ask(request)
            return
        rest = error.retry_after if isinstance(error, FetchFailed) else 0.0
        delay = self._agenda.failed(now, Failure(error.reason_given, rest))
        logger.warning("poll failed, next in %.0f s: %s", delay, error)

    def _digest(self, claimed: ClaimedSync, result: SyncResult) -> None:
        """Draw what follows from a sync for the next look at the remote."""
        now = self._clock()
        request = claimed.request
        if result.reason in ("Pinned", "DeadlineExceeded"):
            return  # what was over its time is queued again already
        if not request.follows_branch and request.pin != "clear":
            self._leave_branch(request, result)
        elif result.status == "failed":
            self._plan_retry(now, request, result)
        else:
            self._settle(now, request, result)

    def _leave_branch(self, request: SyncRequest, result: SyncResult) -> None:
        self._reached = None
        if request.pin == "set" and result.status == "completed":
            self._retries.pinned()

    def _settle(self, now: float, request: SyncRequest, result: SyncResult) -> None:
        """Note the tip that was dealt with; what failed before and is not done is tried again."""
        self._retries.done(request)
        self._reached = (result.to_commit, self._store.head().commit)
        self._agenda.settled(now)
        if self._retries:
            self._agenda.soon(now)
        self._await_announced(now, request)

    def _plan_retry(self, now: float, request: SyncRequest, result: SyncResult) -> None:
        delay = self._agenda.failed(now, Failure(result.reason, result.retry_after))
        self._retries.failed(request)
        logger.info("%d failed in a row, the next sync in %.0f s", self._agenda.failures, delay)

    def _await_announced(self, now: float, request: SyncRequest) -> None:
        """Look again soon for a commit that a webhook announced and the remote did not show."""
        known = _announced(self._announced)
        commit = _announced(request)
        if commit is not None and commit != known and not self._has(commit):
            self._announced = request
            self._agenda.expect(now)
        elif known is not None and self._has(known):
            self._announced = None
            self._agenda.found()

    def _has(self, commit: str) -> bool:
        try:
            self._syncing.mirror.resolve(commit)
        except CommitNotFound:
            return False
        return True

    def _tell(self) -> None:
        """Write on the board where the catalog stands."""
        self._tell_at = self._clock() + TELL_SECONDS
        words, ago = standing_words(self._store, self._settings, self._store.database.now())
        self._board.tell(words, 0.0 if ago is None else time.monotonic() - ago)

    def _tell_waiting(self, error: PaodError) -> None:
        """Write on the board that nothing goes on, and why; a full disk can still be read."""
        words, ago = "", None
        with suppress(StoreError):
            words, ago = standing_words(self._store, self._settings, self._store.database.now())
        told = ", ".join(filter(None, (words, f"waiting ({error.reason_given})")))
        self._board.tell(told, 0.0 if ago is None else time.monotonic() - ago)

    def _look_for_move(self) -> None:
        """Say once that the Git host redirects; its webhooks name the new address from then on."""
        self._moved_at = self._clock() + MOVED_SECONDS
        with self._syncing.alone() as mine:
            if not mine:
                return
            self._board.enter("heads", Way().whole + GRACE)
            try:
                target = moved_to(self._settings)
            except PaodError as error:
                logger.debug("whether the repository has moved is not known: %s", error)
                return
            if self._store.note_moved(target) and target is not None:
                logger.warning(
                    "the repository is at %s now: set PAO_REPO_URL to that; until then %s is"
                    " followed, and deliveries for either are taken",
                    *(target, self._settings.repo_url),
                )

    def _prune(self) -> None:
        self._board.enter("prune", IDLE_SECONDS + GRACE)
        self._prune_at = self._clock() + PRUNE_SECONDS
        gone = self._store.prune(self._settings.retention_days)
        if STEP in gone.values():
            self._prune_at = self._clock() + PRUNE_PAUSE
        if any(gone.values()):
            told = ", ".join(f"{number} of {table}" for table, number in gone.items() if number)
            logger.info("pruned rows: %s", told)


def _announced(request: SyncRequest | None) -> str | None:
    """Return the commit that a request's webhook said the branch has now."""
    after = (request.webhook or {}).get("after") if request is not None else None
    return after if isinstance(after, str) and after.strip("0") else None
