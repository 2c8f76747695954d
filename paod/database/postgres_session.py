"""One connection to PostgreSQL, the state of its transaction, and the driver's errors in our terms.

Every connection has limits of its own: a statement, a lock and a silent network each have their
end, so that nobody waits for ever. A transaction that stands open is ended by the server when its
owner hangs.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import orjson
import psycopg
from psycopg import conninfo
from psycopg.abc import PQGen
from psycopg.adapt import Buffer, Loader
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row

from paod.database.postgres_failures import translated
from paod.database.protocol import Params, Password, Row, no_password
from paod.errors import StoreError, StoreUnavailable

CONNECT_SECONDS: Final = 4
LOCK_SECONDS: Final = 4
"""For which a statement waits for a lock: whoever delivers a webhook is to have his answer within
five."""
STATEMENT_SECONDS: Final = 60
SILENCE_SECONDS = 20.0
"""For which a server, or what stands between, may say nothing while it owes an answer."""
STANDBY_SECONDS: Final = 5.0
"""For which a connection to a standby is kept: then it is seen who is behind the name by now."""

_DEFAULTS: Final[dict[str, Any]] = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "client_encoding": "UTF8",
}
_SESSION: Final = f"""
SET TimeZone = 'UTC';
SET lock_timeout = '{LOCK_SECONDS}s';
SET statement_timeout = '{STATEMENT_SECONDS}s';
SET idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s';
SET tcp_keepalives_idle = 2;
SET tcp_keepalives_interval = 1;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = 10000;
"""
SCHEMA: Final = "current_schema()::regnamespace::oid"
"""The schema that holds the tables, as a number: two catalogs in one database never meet."""
_SERVER: Final = """
SELECT standby, CASE WHEN NOT standby THEN system_identifier || ':'
    || left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS server
FROM pg_control_system(), pg_is_in_recovery() AS standby
"""
"""The cluster, and the timeline of its log: each promotion of a standby begins one."""
_READ_ONLY: Final = "SET default_transaction_read_only = on;"


class Connection(psycopg.Connection[DictRow]):
    """A connection that knows since when it stands, and waits for nobody for ever."""

    opened: float = 0.0
    server: str | None = None
    """Which server of a cluster it leads to, and on which timeline of its log."""
    is_known: bool = False
    """Whether the server was asked that."""
    patient: bool = False
    """Whether it waits as long as the server does: for what may take its time."""

    def wait(self, gen: PQGen[Any], *limits: Any, **more: Any) -> Any:
        """Wait as psycopg does, but not for one who is silent."""
        return super().wait(self._heard(gen), *limits, **more)

    def _heard(self, gen: PQGen[Any]) -> PQGen[Any]:
        """Pass on what a generator waits for; raise when nothing comes for too long.

        TCP notices when nothing gets through, but not a proxy or a server that takes what it is
        sent and then hangs.
        """
        last = time.monotonic()
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                now = time.monotonic()
                if ready:
                    last = now
                elif now - last > SILENCE_SECONDS and not self.patient:
                    self.close()
                    raise psycopg.OperationalError(f"it said nothing for {SILENCE_SECONDS:g} s")
                awaited = gen.send(ready)
        except StopIteration as end:
            return end.value


class _JsonText(Loader):
    """JSON as text with sorted keys, as the store writes it: the server keeps another order."""

    def load(self, data: Buffer) -> str:
        return orjson.dumps(orjson.loads(data), option=orjson.OPT_SORT_KEYS).decode()


class _Stamp(Loader):
    """A time as the store writes it: UTC, ISO 8601, to the millisecond."""

    def load(self, data: Buffer) -> str:
        day, _, clock = bytes(data).decode().removesuffix("+00").partition(" ")
        seconds, _, fraction = clock.partition(".")
        return f"{day}T{seconds}.{fraction[:3]:0<3}Z"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, and how its connections are made."""

    url: str
    read_only: bool = False
    password: Password = no_password
    """Asked at each connection, as it may have been changed; one in the URL goes first."""

    def parameters(self, role: str) -> dict[str, Any]:
        """Return what libpq is given; ``role`` tells the server's administrator who this is."""
        given = conninfo.conninfo_to_dict(self.url)
        return _DEFAULTS | {"application_name": role, "password": self.password()} | given

    def connect(self, role: str) -> Connection:
        """Open a connection for a role; raise ``StoreUnavailable`` if there is none to be had."""
        try:
            connection = Connection.connect(
                **self.parameters(role), autocommit=True, row_factory=dict_row
            )
            self.configure(connection)
        except psycopg.Error as error:
            raise translated(error) from error
        return connection

    def configure(self, connection: Connection) -> None:
        """Set a new connection's limits and the form of what it reads."""
        connection.execute(_SESSION + (_READ_ONLY if self.read_only else ""))
        connection.adapters.register_loader("jsonb", _JsonText)
        connection.adapters.register_loader("timestamptz", _Stamp)
        connection.opened = time.monotonic()


def is_sound(connection: Connection) -> bool:
    """Tell whether a connection can be lent; close one that is dead, or led to a standby for long.

    A sound one costs no question: a server that ends a connection, or has news of itself, sends.
    """
    try:
        standby = _is_standby(connection)
    except psycopg.Error:
        standby = False
        connection.close()
    if standby and time.monotonic() - connection.opened > STANDBY_SECONDS:
        connection.close()  # another server may be behind the name by now
    return not connection.closed


def _is_standby(connection: Connection) -> bool:
    told = connection.info.parameter_status("in_hot_standby")  # unknown before PostgreSQL 14
    if told is not None and not _has_news(connection):
        return told == "on"
    row = connection.execute("SELECT pg_is_in_recovery() AS standby").fetchone()
    return row is not None and bool(row["standby"])


def _has_news(connection: Connection) -> bool:
    looking = select.poll()  # select would not take a process's thousandth file
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))


@dataclass(slots=True, eq=False)
class Session:
    """A connection in use. ``broken``: an error happened in its transaction."""

    connection: Connection
    is_seat: bool = False
    """Whether the connection holds the lock of the one who syncs."""
    state: Literal["idle", "reading", "writing"] = "idle"
    broken: bool = False

    def __enter__(self) -> None:
        """Surround a statement: wrap a driver's error once, and mark the transaction as broken."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
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
        """Run one statement, or without parameters several."""
        with self:
            return self.connection.execute(_placed(sql, params is not None), params)

    def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement for each set of parameters."""
        sets = list(rows)
        if len(sets) == 1:  # needs none of what makes many quick
            self.execute(sql, sets[0])
            return
        with self, self.connection.cursor() as cursor:
            cursor.executemany(_placed(sql, True), sets)

    def script(self, sql: str) -> None:
        """Run several statements, which may take their time: they change tables."""
        self.connection.patient = True
        try:
            self.execute(f"SET LOCAL statement_timeout = 0; {sql}")
        finally:
            self.connection.patient = False

    def rows(self, sql: str, params: Params | None = None) -> list[Row]:
        """Return the rows of one statement."""
        with self:
            cursor = self.connection.execute(_placed(sql, params is not None), params)
            has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
            return cursor.fetchall() if has_rows else []

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
        try:
            self.execute(sql)
        except BaseException:
            self.end()  # it may stand, without the lock that belongs to it
            raise
        self.state, self.broken = state, False

    def commit(self) -> None:
        """End the transaction well.

        Raises ``StoreUnavailable`` (``OutcomeUnknown``) when the connection ends before the answer:
        nobody knows then whether it was committed.
        """
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
        self.state, self.broken = "idle", False
        if self._status() is TransactionStatus.IDLE:
            return
        with suppress(psycopg.Error):
            self.connection.execute("ROLLBACK")
        if self._status() is not TransactionStatus.IDLE:
            self.connection.close()

    @property
    def stands(self) -> bool:
        """Whether a transaction is open in which no error happened."""
        return not self.broken and self._status() is TransactionStatus.INTRANS

    def _status(self) -> TransactionStatus:
        return self.connection.info.transaction_status


_PARAMETER: Final = re.compile(r":([a-z_][a-z0-9_]*)")


@cache
def _placed(sql: str, parameters: bool) -> Any:
    """Return a statement with the driver's placeholders: ``%(name)s`` for ``:name``."""
    if parameters:
        sql = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
    return sql
