"""Connections to PostgreSQL, lent for a question or a transaction, and a bounded number of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from paod.database.postgres_failures import translated
from paod.database.postgres_session import Address, Connection, Session, is_sound
from paod.errors import StoreError, StoreUnavailable

BORROW_SECONDS: Final = 2.0
"""For which a question waits for a connection."""
REST_SECONDS: Final = 0.5
"""After a question that got none, in which nobody waits for one: refusals come quickly then."""
IDLE_SECONDS: Final = 60.0
WAITING: Final = 4
"""So many questions for each connection may wait for it."""
TROUBLE_SECONDS: Final = 10.0
"""For which the reason of a failed attempt to connect explains that there is no connection."""
_FORM: Final[dict[str, Any]] = {"autocommit": True, "row_factory": dict_row}


class _Trouble(logging.Filter):
    """Keeps why a pool could not connect, which it tells its log alone, again and again.

    Whoever asked for a connection says it, once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._told: tuple[float, StoreError] | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Note the error that a warning tells, and let no warning through."""
        errors = [one for one in record.args or () if isinstance(one, Exception)]
        if errors:
            self._told = (time.monotonic(), translated(errors[-1]))
        return record.levelno < logging.WARNING

    def recent(self) -> StoreError | None:
        """Return the trouble of the last few seconds."""
        if self._told is None or time.monotonic() - self._told[0] > TROUBLE_SECONDS:
            return None
        return self._told[1]


_trouble: Final = _Trouble()
logging.getLogger("psycopg.pool").addFilter(_trouble)


class Pool:
    """The connections of one process, opened as they are needed."""

    def __init__(self, address: Address, size: int) -> None:
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs=lambda: address.parameters("paod") | _FORM,
            connection_class=Connection,
            configure=address.configure,
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
            raise _none_to_be_had("a moment ago")
        try:
            return self._sound(time.monotonic() + BORROW_SECONDS)
        except (PoolTimeout, PoolClosed, TooManyRequests) as error:
            self._rests_until = time.monotonic() + REST_SECONDS
            raise _none_to_be_had(f"in {BORROW_SECONDS:g} s") from error

    def _sound(self, deadline: float) -> Connection:
        """Return the next connection that is sound; after a restart of the server none may be.

        The pool would rest for a second after each that is not.
        """
        while True:
            connection = self._pool.getconn(max(0.01, deadline - time.monotonic()))
            if is_sound(connection):
                return connection
            self._pool.putconn(connection)


def _none_to_be_had(when: str) -> StoreUnavailable:
    message = f"no connection to the database was to be had {when}"
    trouble = _trouble.recent()
    if trouble is None:
        return StoreUnavailable(message, "all are in use: raise PAO_DB_POOL_SIZE")
    return StoreUnavailable(f"{message}: {trouble}", trouble.hint)
