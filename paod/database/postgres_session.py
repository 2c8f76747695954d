"""One connection to PostgreSQL in use, the state of its transaction, and the driver's errors in our
terms.

A transaction that stands open is ended by the server when its owner hangs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow

from paod.database.postgres_connection import Connection
from paod.database.postgres_failures import translated
from paod.database.postgres_settings import (
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    WRITING_IDLE_SECONDS,
)
from paod.database.protocol import Params, Row
from paod.deadline import seconds_left
from paod.errors import StoreError, StoreUnavailable

ANSWERING: Final = 0.3
"""Seconds of a request's time that are left for the answer, when the server ends a statement."""
_SERVER: Final = """
SELECT standby, CASE WHEN NOT standby THEN system_identifier || ':'
    || left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS server
FROM pg_control_system(), pg_is_in_recovery() AS standby
"""
"""The cluster, and the timeline of its log: each promotion of a standby begins one."""


def writing_limits() -> str:
    """Return what a transaction that writes is limited to: all other writers wait for its end.

    What a request has left is for all of its waiting, less what the answer takes.
    """
    lock = max(0.01, seconds_left(LOCK_SECONDS + ANSWERING) - ANSWERING)
    whole = max(0.01, seconds_left(STATEMENT_SECONDS + ANSWERING) - ANSWERING)
    limits = {
        "idle_in_transaction_session_timeout": WRITING_IDLE_SECONDS,
        "lock_timeout": lock,
        "statement_timeout": whole,
    }
    return "; ".join(f"SET LOCAL {name} = {round(1000 * of)}" for name, of in limits.items())


@dataclass(slots=True, eq=False)
class Session:
    """A connection in use. ``broken``: an error happened in its transaction."""

    connection: Connection
    is_seat: bool = False
    """Whether the connection holds the lock of the one who syncs."""
    state: Literal["idle", "reading", "writing"] = "idle"
    broken: bool = False
    guard: Any = field(default_factory=threading.RLock)
    """Held by the thread that uses it, from a transaction's beginning until its end."""
    waiting: list[tuple[str, list[Params]]] = field(default_factory=list)
    """Writes whose result nobody waits for: they go out with the next question."""

    def __enter__(self) -> None:
        """Surround a statement: wrap a driver's error once, and mark the transaction as broken."""
        self.guard.acquire()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.guard.release()
        if error is None:
            return
        self.broken = True
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
            self.connection.close()  # another server may be behind the name by now
        if not isinstance(error, psycopg.Error | UnicodeEncodeError):
            return
        if self.is_seat and self.connection.closed:
            raise StoreUnavailable(
                f"the connection that held the sync lock ended ({translated(error)})",
                "another machine may sync by now; this one tries to get the lock again",
                reason="SeatLost",
            ) from error
        raise translated(error) from error

    def execute(self, sql: str, params: Params | None = None) -> psycopg.Cursor[DictRow]:
        """Run one statement, or without parameters and outside of a transaction several."""
        if self.state == "writing":
            return self.run([(sql, params)])[0]
        with self:
            return self.connection.execute(_placed(sql, params is not None), params)

    def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Have one statement run for each set of parameters before whatever comes next."""
        self.waiting.append((sql, list(rows)))

    def run(self, asked: Sequence[tuple[str, Params | None]]) -> list[psycopg.Cursor[DictRow]]:
        """Run what waits, and then statements, all in one round trip."""
        waiting, self.waiting = self.waiting, []
        with self, self.connection.pipeline():
            for sql, sets in waiting:
                self.connection.cursor().executemany(_placed(sql, True), sets)
            return [
                self.connection.execute(_placed(sql, params is not None), params)
                for sql, params in asked
            ]

    def script(self, sql: str) -> None:
        """Run several statements, which may take their time: they change tables."""
        self.connection.patient = True
        try:
            self.run([])
            with self:
                self.connection.execute(_placed(f"SET LOCAL statement_timeout = 0; {sql}", False))
        finally:
            self.connection.patient = False

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        """Return the rows of one statement."""
        return self.rows_of([(sql, params)])[0]

    def rows_of(self, asked: Sequence[tuple[str, Params | None]]) -> list[list[Row]]:
        """Return the rows of statements, in one round trip where they write or are several."""
        if self.state != "writing" and len(asked) == 1:
            return [_fetched(self.execute(*asked[0]))]
        return [_fetched(cursor) for cursor in self.run(asked)]

    @property
    def server(self) -> str | None:
        """Which server wrote, and writes, what this session sees; None: it does not say."""
        return self.connection.server

    def know_server(self) -> None:
        """Ask once, outside of a transaction, which server this is; a service may not tell."""
        if self.connection.is_known or self.state != "idle":
            return
        try:
            row = self.connection.execute(_SERVER).fetchone()
        except psycopg.OperationalError:
            return  # it is gone, or busy: what follows finds out
        except psycopg.Error:
            row = None
        self.connection.server = None if row is None else row["server"]
        self.connection.is_known = row is None or not row["standby"]

    def begin(self, sql: str, state: Literal["reading", "writing"]) -> None:
        """Begin a transaction."""
        self.guard.acquire()
        self.state = state
        try:
            with self:
                self.connection.execute(_placed(sql, False))  # several statements in one message
        except BaseException:
            self.end()  # it may stand, without the lock that belongs to it
            raise
        self.broken = False

    def commit(self) -> None:
        """End the transaction well.

        Raises ``StoreUnavailable`` (``OutcomeUnknown``) when the connection ends before the answer:
        nobody knows then whether it was committed.
        """
        if self.waiting:
            self.run([])
        try:
            with self:
                self.connection.execute("COMMIT", prepare=False)  # one plain message
        except StoreError as error:
            if not self.connection.closed:
                raise
            raise StoreUnavailable(
                f"the connection ended while a transaction was committed ({error})",
                "see what became of it before it is tried again",
                reason="OutcomeUnknown",
            ) from error

    def end(self) -> None:
        """Roll back whatever is still open; after a COMMIT nothing is."""
        try:
            if self._status() is not TransactionStatus.IDLE:
                with suppress(psycopg.Error):
                    self.connection.execute("ROLLBACK")
            if self._status() is not TransactionStatus.IDLE:
                self.connection.close()
        finally:
            self.state, self.broken = "idle", False
            self.waiting.clear()
            self.guard.release()

    @property
    def stands(self) -> bool:
        """Whether a transaction is open in which no error happened."""
        return not self.broken and self._status() is TransactionStatus.INTRANS

    def _status(self) -> TransactionStatus:
        return self.connection.info.transaction_status


def _fetched(cursor: psycopg.Cursor[DictRow]) -> list[Row]:
    has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
    return cursor.fetchall() if has_rows else []


_PARAMETER: Final = re.compile(r":([a-z_][a-z0-9_]*)")


@cache
def _placed(sql: str, parameters: bool) -> Any:
    """Return a statement with the driver's placeholders: ``%(name)s`` for ``:name``."""
    if parameters:
        sql = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
    return sql
