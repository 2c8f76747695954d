"""Connections to PostgreSQL, lent for a question or a transaction, and a bounded number of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from paod.database.postgres_session import Address, Connection, Session, check
from paod.errors import StoreUnavailable

BORROW_SECONDS: Final = 2.0
"""For which a question waits for a connection."""
REST_SECONDS: Final = 0.5
"""After a question that got none, in which nobody waits for one: refusals come quickly then."""
IDLE_SECONDS: Final = 60.0
WAITING: Final = 4
"""So many questions for each connection may wait for it."""
_FORM: Final[dict[str, Any]] = {"autocommit": True, "row_factory": dict_row}


class Pool:
    """The connections of one process, opened as they are needed."""

    def __init__(self, address: Address, size: int) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=address.parameters("paod") | _FORM,
            connection_class=Connection,
            configure=address.configure,
            check=check,
            min_size=0,
            max_size=size,
            max_waiting=WAITING * size,
            timeout=BORROW_SECONDS,
            reconnect_timeout=BORROW_SECONDS,
            max_idle=IDLE_SECONDS,
            num_workers=1,
            name="paod",
            open=True,
        )
        self._rests_until = 0.0

    @contextmanager
    def lent(self) -> Iterator[Session]:
        """Lend a connection; raise ``StoreUnavailable`` when none is to be had soon."""
        connection = self._get()
        try:
            yield Session(connection)
        finally:
            self._pool.putconn(connection)

    def close(self) -> None:
        """End all connections."""
        self._pool.close()

    def _get(self) -> Connection:
        if time.monotonic() < self._rests_until:
            raise StoreUnavailable("no connection to the database was to be had a moment ago")
        try:
            return self._pool.getconn()
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise StoreUnavailable(
                f"no connection to the database was to be had in {BORROW_SECONDS:g} s",
                "see that its server runs and takes connections; psycopg.pool's lines in the log"
                " tell why it did not",
            ) from error
