"""``paod serve``: everything that must be so before the first fork, and what each child runs."""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from paod import __version__
from paod.api import create_app, look_back
from paod.config import Settings, with_admin_token
from paod.daemon.backoff import Backoff
from paod.daemon.board import Board
from paod.daemon.child import Death, collect_rarely, limit_memory
from paod.daemon.delivery import Senders, outlets_of
from paod.daemon.dry_runs import DryRuns
from paod.daemon.instance import Instance
from paod.daemon.listener import address_of, close_listener, open_listener
from paod.daemon.opening import check_files, locks_of, open_store, prepare_state, prepare_store
from paod.daemon.server import ApiServer, serve_until_told
from paod.daemon.spool import OTHER_BYTES
from paod.daemon.standing import standing_words
from paod.daemon.supervisor import OnState, Slot, State, Supervisor
from paod.daemon.syncing import Syncing
from paod.daemon.worker import SyncWorker
from paod.errors import StoreError
from paod.metrics import Meters, Shared, prepare
from paod.model import SyncRequest

ANSWER_SECONDS = 20.0
"""Within which an API worker's loop comes round, whatever its threads are doing."""

logger = logging.getLogger("paod.daemon")


def _tell_nobody(_state: State, _words: str) -> None:
    """Ignore what becomes of the daemon."""


def serve(
    settings: Settings,
    *,
    listener: socket.socket | None = None,
    hangup_ends: bool = False,
    on_state: OnState = _tell_nobody,
) -> int:
    """Follow the repository and serve the API until a signal ends it; return the exit status.

    ``listener``: a socket to serve on in place of the configured address. ``hangup_ends``: SIGHUP
    ends the daemon as SIGTERM does, instead of asking for a sync. ``on_state`` is told what
    becomes of it, and where the catalog stands. Raise AlreadyRunning where another daemon has the
    state folder or the database, MigrationError for a database that is not ours, SettingsError for
    an address that cannot be had, or a file that cannot be used.
    """
    check_files(settings)
    prepare_state(settings)
    instance = Instance(locks_of(settings))
    try:
        prepare_store(settings)
        _look_back(settings)
        settings = with_admin_token(settings)
        with _listening(settings, listener) as listener:
            return _supervise(settings, listener, on_state, hangup_ends=hangup_ends)
    finally:
        instance.close()


def _supervise(
    settings: Settings,
    listener: socket.socket,
    on_state: OnState,
    *,
    hangup_ends: bool,
) -> int:
    board = Board()
    _announce(settings, board)
    workers = settings.api_workers or len(os.sched_getaffinity(0))
    logger.info(
        "paod %s follows %s, branch %s", __version__, settings.repo_url, settings.repo_branch
    )
    logger.info("listening on %s, API workers: %d", address_of(listener), workers)

    places = _places(settings, workers)

    def api(seat: int, _: Death | None) -> int:
        on_turn = partial(board.promise, seat, ANSWER_SECONDS)
        return _run_api(
            settings, listener, places[seat], on_turn, _told_in(settings) / f"api-{seat}"
        )

    def preview(_: Death | None) -> int:
        listener.close()
        return _run_previews(settings, places[-1], partial(board.promise, workers, ANSWER_SECONDS))

    def sync(death: Death | None) -> int:
        listener.close()
        return _run_sync(settings, board, death, places[-2])

    slots = [
        Slot("api", partial(api, seat), Backoff(random.uniform), seat) for seat in range(workers)
    ]
    slots.append(Slot("sync", sync, Backoff(random.uniform)))
    slots.append(Slot("preview", preview, Backoff(random.uniform), workers))
    status = Supervisor(slots, board, hangup_ends=hangup_ends).run(on_state)
    _close_database(settings)
    return status


def _announce(settings: Settings, board: Board) -> None:
    """Write where the catalog stands before anybody asks: it is served before the first sync."""
    with suppress(StoreError):  # what cannot be read now, the sync worker says once it can
        store = open_store(settings)
        try:
            words, ago = standing_words(store, settings, store.database.now())
        finally:
            store.close()
        board.tell(words, 0.0 if ago is None else time.monotonic() - ago)


@contextmanager
def _listening(settings: Settings, given: socket.socket | None) -> Iterator[socket.socket]:
    """Listen on the socket that was ``given``, else where the settings say.

    The file of a given one belongs to who gave it.
    """
    if given is not None:
        with given:
            yield given
        return
    listener = open_listener(settings.listen)
    try:
        yield listener
    finally:
        close_listener(listener)


def _places(settings: Settings, workers: int) -> list[Shared | None]:
    """Return where each child counts, the sync worker and that of dry runs last.

    None: by itself, there is no room.
    """
    names = [*(f"api-{number}" for number in range(workers)), "sync", "preview"]
    folder = settings.state_dir / "metrics"
    try:
        prepare(folder, names)
    except OSError as error:
        logger.error("metrics are those of one process: %s cannot be written: %s", folder, error)
        return [None] * len(names)
    return [Shared(folder, name) for name in names]


def _told_in(settings: Settings) -> Path:
    """Return the folder that keeps what readers were told, outside of the database."""
    return settings.state_dir / "told"


def _look_back(settings: Settings) -> None:
    """See whether the database is older than what readers were told before this start."""
    with suppress(OSError):
        _told_in(settings).mkdir(mode=0o700, exist_ok=True)
    store = open_store(settings)
    try:
        look_back(store, _told_in(settings))
    finally:
        store.close()


def _close_database(settings: Settings) -> None:
    """Be the last to close the database: then all of it lies in its one file.

    The workers' ends are too sudden for that.
    """
    with suppress(StoreError):
        store = open_store(settings)
        store.head()
        store.close()


def _run_api(
    settings: Settings,
    listener: socket.socket,
    shared: Shared | None,
    on_turn: Callable[[], object],
    told: Path,
) -> int:
    """An API worker's life, with a sign of it at each turn; ``told`` is the file of its place."""
    stopping = threading.Event()
    store, meters = open_store(settings), Meters(shared)
    application = create_app(store, settings, stopping=stopping, meters=meters, told=told)
    server = ApiServer(
        application,
        listener,
        settings.trusted_proxy,
        other_bytes=max(OTHER_BYTES, settings.max_file_bytes),
        on_stop=stopping.set,
        on_turn=on_turn,
    )
    return serve_until_told(server)


def _run_previews(settings: Settings, shared: Shared | None, on_turn: Callable[[], object]) -> int:
    """The life of the one who runs dry runs, each in a child."""
    DryRuns(settings, open_store(settings), shared=shared, on_turn=on_turn).run()


def _run_sync(settings: Settings, board: Board, death: Death | None, shared: Shared | None) -> int:
    """A sync worker's life; ``death`` is its predecessor's, None for the daemon's first."""
    limit_memory(settings.sync_memory)
    collect_rarely()
    store = open_store(settings)
    syncing = Syncing(settings, store, board, death, meters=Meters(shared))
    worker = SyncWorker(settings, syncing, board, random.uniform)
    senders = Senders(store, outlets_of(settings), random.uniform)
    senders.start()
    try:
        worker.run(SyncRequest("startup") if death is None else None)
    except SystemExit:
        syncing.abandon()
        senders.stop()
        raise
