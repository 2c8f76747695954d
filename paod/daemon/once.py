"""One sync for a command: by the daemon where one runs, else in a child with the same limits."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from paod.config import Settings
from paod.daemon.board import Board
from paod.daemon.child import Death, Lifeline, collect_rarely, fork, limit_memory
from paod.daemon.delivery import send_due
from paod.daemon.dry_runs import DryRuns
from paod.daemon.instance import is_held
from paod.daemon.opening import check_files, locks_of, open_store, prepare_state, prepare_store
from paod.daemon.syncing import Syncing
from paod.errors import PaodError, StoreUnavailable
from paod.model import SyncRequest
from paod.store import Store

LOOK = 0.1
ATTEMPTS = 3
"""A file that kills the child is set aside after the second time; the third gets through."""
LOCK_SECONDS = 1.0
STOP_SECONDS = 3.0
START_SECONDS = 60.0
TELLING_SECONDS = 120.0
_OPEN = ("queued", "running")

OnPhase = Callable[[str], None]


def daemon_running(settings: Settings) -> bool:
    """Return whether ``paod serve`` runs on this state folder or this database now."""
    return is_held(locks_of(settings))


def run_once(
    settings: Settings,
    request: SyncRequest,
    on_phase: OnPhase = lambda _phase: None,
    *,
    adopt: bool = False,
) -> dict[str, Any]:
    """Have one request carried out and return its row, a dry run's ``preview`` with it.

    A request that was merged into another gives that other's row. ``on_phase`` is told what the
    sync does, where it is done here. Raise StoreUnavailable when it does not end in time. When a
    KeyboardInterrupt ends it, so that nobody waits for the request, it is taken back. ``adopt``:
    the catalog is to become that of these settings' repository, branch and root.
    """
    check_files(settings)
    prepare_state(settings)
    prepare_store(settings, adopt=adopt)
    store = open_store(settings)
    try:
        sync_id = store.enqueue(request)
        if daemon_running(settings):
            store.database.wake()
            row = _await(store, sync_id, 2 * settings.sync_timeout + START_SECONDS)
        elif request.dry_run:
            row = _look(settings, store, sync_id, on_phase)
        else:
            row = _carry_out(settings, store, sync_id, on_phase)
        return row | {"preview": store.outlook(row["sync_id"])} if request.dry_run else row
    except KeyboardInterrupt:
        _withdraw(store, sync_id, "whoever asked for it interrupted it")
        raise
    finally:
        store.database.close()


def _carry_out(settings: Settings, store: Store, sync_id: int, on_phase: OnPhase) -> dict[str, Any]:
    """Fork, and fork again where a file killed the child, until the request has ended."""
    for _ in range(ATTEMPTS):
        death = _fork_once(settings, sync_id, on_phase)
        if death.status != 0:
            _clear_away(store, death)
        row = _row(store, sync_id)
        if death.blamed is None:
            break
        sync_id = row["superseded_by"] or sync_id
    if row["status"] in _OPEN:
        _withdraw(store, row["sync_id"], "what was to run it could not begin")
        raise PaodError(
            f"sync {row['sync_id']} was not carried out: what was to run it ended ({death.how})",
            "run it again with --verbose to see why",
            reason="WorkerCrashed",
        )
    return row


def _look(settings: Settings, store: Store, sync_id: int, on_phase: OnPhase) -> dict[str, Any]:
    """Run dry runs until this one has ended; another command may run it."""
    dry_runs = DryRuns(settings, store, on_phase=on_phase)
    while (row := _row(store, sync_id))["status"] in _OPEN:
        if not dry_runs.serve_one():
            time.sleep(LOOK)
    return row


def _fork_once(settings: Settings, sync_id: int, on_phase: OnPhase) -> Death:
    """Serve the queue in a child until a request has ended, or the child."""
    board, lifeline = Board(), Lifeline()
    board.enter("starting", START_SECONDS)
    pid = fork(lambda: _serve_until_ended(settings, sync_id, board), lifeline)
    try:
        return _watch(pid, board, on_phase)
    except BaseException:
        _end(pid)
        raise
    finally:
        lifeline.close()


def _serve_until_ended(settings: Settings, sync_id: int, board: Board) -> int:
    limit_memory(settings.sync_memory)
    collect_rarely()
    store = open_store(settings)
    syncing = Syncing(settings, store, board)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        while _row(store, sync_id)["status"] in _OPEN:
            board.enter("waiting", 2 * settings.sync_timeout + START_SECONDS)
            syncing.serve_one(LOCK_SECONDS)
        board.enter("telling", TELLING_SECONDS)
        send_due(settings, store, random.uniform)
    except SystemExit:
        syncing.abandon()
        raise
    except PaodError as error:
        # it could not even begin: else the request waits, and nobody learns what for
        if not store.cancel(_row(store, sync_id)["sync_id"], _sentence(error)):
            raise
    return 0


def _sentence(error: PaodError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)


def _watch(pid: int, board: Board, on_phase: OnPhase) -> Death:
    """Wait for the child's end, tell its phases, and kill it when one takes too long."""
    phase, overran, missed = "", False, 0.0
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return Death.of_worker(os.waitstatus_to_exitcode(status), board, overran=overran)
        if board.phase != phase:
            phase = board.phase
            on_phase(phase)
        before, missed = missed, board.overdue(time.monotonic())
        if missed and missed == before and not overran:
            overran = True
            os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK)


def _end(pid: int) -> None:
    """Ask a child to end, as somebody asked us; kill it when it does not."""
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + STOP_SECONDS
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(LOOK)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _withdraw(store: Store, sync_id: int, why: str) -> None:
    """Take back a request that is not to run any more, unless it is under way elsewhere.

    The child may have been killed, and then could not give it back to the queue.
    """
    _clear_away(store, Death(0))
    store.cancel(sync_id, why)


def _clear_away(store: Store, death: Death) -> None:
    """Write down what a dead child could not."""
    with store.database.sync_lock(LOCK_SECONDS) as mine:
        if not mine:
            return
        if death.blamed is not None:
            store.crashed(death.blamed.oid, death.blamed.path)
        store.recover(death.reason, death.message)


def _await(store: Store, sync_id: int, seconds: float) -> dict[str, Any]:
    """Wait until the daemon has carried a request out."""
    end = time.monotonic() + seconds
    while (row := _row(store, sync_id))["status"] in _OPEN:
        if time.monotonic() > end:
            raise StoreUnavailable(
                f"the daemon has not carried out sync {sync_id} in {seconds:.0f} s",
                "look at what it does: paod status, and its log",
            )
        store.database.wait(1.0)
    return row


def _row(store: Store, sync_id: int) -> dict[str, Any]:
    """Return a request's row, or that of the request it was merged into."""
    row = store.sync(sync_id)
    while row is not None and row["status"] == "superseded" and row["superseded_by"]:
        row = store.sync(row["superseded_by"])
    assert row is not None, "a request that was just written has a row"
    return row
