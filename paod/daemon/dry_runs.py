"""Runs dry runs, each in a process of its own: what anybody proposes must not hold up a sync.

A dry run has a shorter time than a sync, its own memory, a mirror beside the branch's that borrows
its objects, and what is left of the processor. Killed, it has failed: it is not run again, blames
no file and sets no mirror aside. One runs at a time, over all processes of a state folder.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, NoReturn

from paod.basis import check_source
from paod.config import Settings
from paod.daemon.board import Board
from paod.daemon.child import Death, Lifeline, collect_rarely, fork, limit_memory
from paod.daemon.opening import open_store
from paod.daemon.pace import Pace
from paod.errors import PaodError, StoreError
from paod.failpoint import failpoint
from paod.metrics import Meters, Shared
from paod.model import ClaimedSync
from paod.store import Store
from paod.sync import Memory, Workshop, open_annex
from paod.sync import run as run_sync
from paod.sync.results import sentence

LOCK_NAME = "previews.lock"
LOOK = 0.1
LOOK_AT_ROW = 0.5
"""Seconds between two looks at whether a dry run was cancelled."""
WAIT = 1.0
START_SECONDS = 60.0
GONE_SECONDS = 7200.0
"""After which a dry run that still runs is that of a machine which is gone."""
NICENESS = 10

OnPhase = Callable[[str], None]

logger = logging.getLogger("paod.daemon")


def _ignore(*_: object) -> None:
    """Tell nobody."""


class DryRuns:
    """Serves the dry runs of the queue, one after the other."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        shared: Shared | None = None,
        on_turn: Callable[[], object] = _ignore,
        on_phase: OnPhase = _ignore,
    ) -> None:
        """``on_turn`` is called often, as a sign of life; ``on_phase`` is told what is done."""
        self._settings = settings
        self._store = store
        self._shared = shared
        self._on_turn = on_turn
        self._on_phase = on_phase
        self._runner = f"{settings.instance_name}:{settings.state_dir}"

    def run(self) -> NoReturn:
        """Serve until SIGTERM."""
        signal.signal(signal.SIGTERM, _leave)
        waits = False
        while True:
            self._on_turn()
            try:
                if not self.serve_one():
                    self._store.database.wait(WAIT)
                waits = False
            except PaodError as error:
                logger.log(logging.DEBUG if waits else logging.WARNING, "dry runs wait: %s", error)
                waits = True
                time.sleep(WAIT)

    def serve_one(self) -> bool:
        """Run the next dry run; return whether there was one, and nobody else runs any here.

        Raises ``SettingsDiffer`` where the catalog is of another source than these settings name:
        what this machine would find says nothing of it.
        """
        with self._place() as mine:
            if not mine:
                return False
            self._end("Interrupted", "the process that ran it died")
            check_source(self._store, self._settings)
            claimed = self._store.claim(dry_run=True, runner=self._runner)
            if claimed is not None:
                self._carry_out(claimed)
            return claimed is not None

    @contextmanager
    def _place(self) -> Iterator[bool]:
        path = self._settings.state_dir / LOCK_NAME
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise PaodError(f"the lock {path} cannot be made: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
        finally:
            os.close(lock)

    def _end(self, reason: str, message: str) -> None:
        self._store.end_dry_runs(self._runner, reason, message, seconds=GONE_SECONDS)

    def _carry_out(self, claimed: ClaimedSync) -> None:
        """Fork a child for a dry run, and write its end where the child could not."""
        self._store.database.close()  # no connection is open across a fork
        board, lifeline = Board(), Lifeline()
        board.enter("starting", START_SECONDS)
        pid = fork(lambda: _life(self._settings, claimed, board, self._shared), lifeline)
        try:
            death = self._watch(pid, claimed.id, board)
        except SystemExit:
            _kill(pid)
            self._end("Interrupted", "paod was stopped while this dry run ran")
            raise
        except BaseException:
            _kill(pid)
            self._end("Interrupted", "what ran it was interrupted")
            raise
        finally:
            lifeline.close()
        if death is not None and death.status != 0:
            logger.warning("dry run %d: %s", claimed.id, death.message)
            self._end(death.reason, death.message)

    def _watch(self, pid: int, sync_id: int, board: Board) -> Death | None:
        """Wait for the child's end; kill it when it takes too long, or was cancelled (None)."""
        phase, look_at = "", 0.0
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return Death.of_worker(os.waitstatus_to_exitcode(status), board, overran=False)
            self._on_turn()
            now = time.monotonic()
            if board.overdue(now):
                death = Death.of_worker(-signal.SIGKILL, board, overran=True)
                _kill(pid)
                return death
            if now >= look_at:
                look_at = now + LOOK_AT_ROW
                if not self._is_wanted(sync_id):
                    _kill(pid)
                    return None
            if board.phase != phase:
                phase = board.phase
                self._on_phase(phase)
            time.sleep(LOOK)

    def _is_wanted(self, sync_id: int) -> bool:
        """Whether nobody cancelled it; while the database does not answer, nobody did."""
        try:
            row = self._store.sync(sync_id)
        except StoreError:
            return True
        return row is None or row["status"] != "failed" or row["reason"] != "Cancelled"


def _leave(*_: Any) -> NoReturn:
    raise SystemExit(0)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _life(settings: Settings, claimed: ClaimedSync, board: Board, shared: Shared | None) -> int:
    """A child's life: one dry run, with what is left of the processor."""
    os.nice(NICENESS)
    limit_memory(settings.preview_memory)
    collect_rarely()
    pace = Pace(board)
    store = open_store(settings)
    pace.begin(settings.preview_timeout)

    said = ""

    def enter(phase: str, seconds: float | None = None) -> None:
        nonlocal said
        pace.enter(phase, seconds)
        if phase != said:
            said = phase
            with suppress(StoreError):  # that it cannot be said is no reason to end
                store.phase(claimed.id, phase)
        failpoint(f"preview:{phase}")

    def note(oid: str, path: str) -> None:
        pace.note(oid, path)
        failpoint(f"in_preview:{path}")

    try:
        mirror = open_annex(settings, enter)
    except PaodError as error:
        store.cancel(claimed.id, sentence(error), error.reason_given)
        return 0
    shop = Workshop(
        mirror=mirror,
        store=store,
        settings=settings,
        memory=Memory(),
        clock=store.database.now,
        note=note,
        on_phase=enter,
        fetching=Meters(shared).fetching if shared else nullcontext,
    )
    run_sync(claimed, shop)
    return 0
