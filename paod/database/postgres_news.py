"""News between machines that share a PostgreSQL database: ``LISTEN`` and ``NOTIFY``.

One thread of a process listens, and wakes all that wait in it. Nothing is lost that matters: what
is sent is a hint, and everyone who waits also looks again after a while.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import sql

from paod.database.postgres_connection import SCHEMA, Connection
from paod.errors import StoreError

NOTIFY: Final = f"SELECT pg_notify('paod_' || {SCHEMA}, '')"
_CHANNEL: Final = f"SELECT 'paod_' || {SCHEMA} AS channel"
LOOK_SECONDS: Final = 1.0
"""Between two looks whether to stop, and between two attempts to listen."""

logger = logging.getLogger("paod.database")


class News:
    """How much news a process has heard of, and its one ear."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        """``connect`` opens a connection of the listener's own."""
        self._connect = connect
        self._condition = threading.Condition()
        self._heard = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def wait(self, seen: int | None, timeout: float) -> int:
        """Wait up to ``timeout`` seconds for more than was ``seen``; return what was heard by now.

        None: nothing was seen yet, and nothing is waited for.
        """
        with self._condition:
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="news", daemon=True)
                self._thread.start()
            if seen is not None:
                self._condition.wait_for(lambda: self._heard != seen, timeout)
            return self._heard

    def close(self) -> None:
        """Stop listening, within a second or so."""
        self._stopping.set()

    def _listen(self) -> None:
        """Listen until told to stop; a connection that ends is made again."""
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._hear(connection)
            except (psycopg.Error, StoreError) as error:
                logger.debug("nobody listens for news of the database: %s", error)
                self._stopping.wait(LOOK_SECONDS)

    def _hear(self, connection: Connection) -> None:
        row = connection.execute(_CHANNEL).fetchone()
        assert row is not None, "a SELECT without FROM has a row"
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(row["channel"])))
        self._tell()  # of what may have come while nobody listened
        while not self._stopping.is_set():
            for _ in connection.notifies(timeout=LOOK_SECONDS, stop_after=1):
                self._tell()

    def _tell(self) -> None:
        with self._condition:
            self._heard += 1
            self._condition.notify_all()
