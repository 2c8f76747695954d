"""Connections to PostgreSQL, lent for a question or a transaction, and a bounded number of them.

Whoever asks for one connects himself where none is idle, in the time that he has: no thread stands
behind it, and nothing is kept of an attempt but why the last one failed. So an outage leaves
nothing that could outlast it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from psycopg.pq import TransactionStatus

from paod.database.postgres_connection import Connection, is_sound
from paod.database.postgres_session import Session
from paod.database.postgres_watch import Watch
from paod.deadline import seconds_left
from paod.errors import StoreUnavailable

BORROW_SECONDS = 2.0
"""For which a question waits until one of the connections in use is free."""
REST_SECONDS: Final = 0.5
"""After an attempt to connect that failed, in which nobody tries: refusals come quickly then."""
IDLE_SECONDS: Final = 60.0
WAITING: Final = 4
"""So many questions for each connection may wait for it."""


class Pool:
    """The connections of one process, opened as they are needed."""

    def __init__(self, connect: Callable[[], Connection], size: int, watch: Watch) -> None:
        """``connect`` opens one, or raises ``StoreUnavailable``. ``size``: as many at most.

        ``watch`` is told of each that is lent, and of each refusal.
        """
        self._connect = connect
        self._watch = watch
        self._places = threading.Semaphore(size)
        self._queue = threading.Semaphore((WAITING + 1) * size)
        """Of those who wait for a place. Who gives up leaves it, however he ends."""
        self._guard = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        """With the time since when, the longest first; lent from the end."""
        self._rests_until = 0.0
        self._trouble: StoreUnavailable | None = None
        self._closed = False

    @contextmanager
    def lent(self) -> Iterator[Session]:
        """Lend a connection; raise ``StoreUnavailable`` when none is to be had soon."""
        connection = self._one()
        try:
            yield Session(connection)
        finally:
            try:
                self._take_back(connection)
            finally:
                self._places.release()

    def close(self) -> None:
        """End all connections: the idle ones at once, those that are lent when they come back."""
        self._closed = True
        self._drop(float("inf"))

    def _one(self) -> Connection:
        """Return a connection, with its place; have the outcome watched."""
        try:
            self._take_place()
            try:
                connection = self._idle_one() or self._new_one()
            except BaseException:
                self._places.release()
                raise
        except StoreUnavailable as error:
            raise self._watch.refused(error) from error
        self._watch.lent()
        return connection

    def _take_place(self) -> None:
        """Wait until one more connection may be used."""
        if not self._queue.acquire(blocking=False):
            raise _all_in_use("too many wait for one already")
        try:
            wait = seconds_left(BORROW_SECONDS)
            if not self._places.acquire(timeout=wait):
                raise _all_in_use(f"none was free within {wait:.1f} s")
        finally:
            self._queue.release()

    def _idle_one(self) -> Connection | None:
        """Return a sound one that is open already; after a restart of the server none may be."""
        while True:
            with self._guard:
                if not self._idle:
                    return None
                _, connection = self._idle.pop()
            if is_sound(connection):
                return connection

    def _new_one(self) -> Connection:
        if self._trouble is not None and time.monotonic() < self._rests_until:
            raise StoreUnavailable(
                f"no connection to the database was to be had a moment ago: {self._trouble}",
                self._trouble.hint,
            )
        try:
            connection = self._connect()
        except StoreUnavailable as error:
            self._trouble, self._rests_until = error, time.monotonic() + REST_SECONDS
            raise
        self._trouble = None
        return connection

    def _take_back(self, connection: Connection) -> None:
        """Keep a connection for the next one; where it ended, those beside it may have too."""
        now = time.monotonic()
        if connection.closed:
            self._drop(float("inf"))
        elif connection.info.transaction_status is not TransactionStatus.IDLE or self._closed:
            connection.close()
        else:
            with self._guard:
                self._idle.append((now, connection))
            self._drop(now - IDLE_SECONDS)

    def _drop(self, before: float) -> None:
        """End the connections that were idle since before a time."""
        with self._guard:
            dropped = [one for since, one in self._idle if since < before]
            self._idle = [one for one in self._idle if one[0] >= before]
        for connection in dropped:
            connection.close()


def _all_in_use(how: str) -> StoreUnavailable:
    return StoreUnavailable(
        f"all connections to the database are in use, and {how}",
        "raise PAO_DB_POOL_SIZE, or see what keeps them busy in pg_stat_activity",
    )
