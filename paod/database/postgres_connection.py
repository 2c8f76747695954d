"""A connection to PostgreSQL: how it is made, what holds in it, and when it is given up.

Every connection has limits of its own: a statement, a lock and a silent network each have their
end, so that nobody waits for ever, and whoever has a deadline waits no longer than that.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import psycopg
from psycopg import conninfo
from psycopg.abc import PQGen
from psycopg.adapt import Buffer, Loader
from psycopg.rows import DictRow, dict_row

from paod.database import postgres_settings as settings
from paod.database.postgres_failures import translated
from paod.database.protocol import Password, no_password
from paod.deadline import is_over, seconds_left
from paod.errors import StoreUnavailable

CONNECT_SECONDS: Final = 4
LEAST_CONNECT_SECONDS: Final = 2
"""The driver gives a host no less."""
SILENCE_SECONDS = 20.0
"""For which a server, or what stands between, may say nothing while it owes an answer."""
STANDBY_SECONDS: Final = 5.0
"""For which a connection to a standby is kept: then it is seen who is behind the name by now."""

_DEFAULTS: Final[dict[str, Any]] = {
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
    "client_encoding": "UTF8",
}
SCHEMA: Final = "current_schema()::regnamespace::oid"
"""The schema that holds the tables, as a number: two catalogs in one database never meet."""
_READ_ONLY: Final = "SET default_transaction_read_only = on; "


class _Pipeline(psycopg.Pipeline):
    def _exit_gen(self) -> PQGen[None]:
        """End with a Sync and nothing behind it.

        psycopg asks for a flush as well, by which the server's clock for a transaction that idles
        stands still: it would let a frozen writer keep all others waiting.
        """
        try:
            self._enqueue_sync()
            yield from self._communicate_gen()
        finally:
            yield from self._fetch_gen(flush=False)


class Connection(psycopg.Connection[DictRow]):
    """A connection that knows since when it stands, and waits for nobody for ever."""

    opened: float = 0.0
    server: str | None = None
    """Which server of a cluster it leads to, and on which timeline of its log."""
    is_known: bool = False
    """Whether the server was asked that."""
    patient: bool = False
    """Whether it waits as long as the server does: for what may take its time."""

    @contextmanager
    def pipeline(self) -> Iterator[psycopg.Pipeline]:
        """Send statements without waiting for each one's answer, but for all at the end."""
        if self._pipeline is None:
            self._pipeline = _Pipeline(self)
        with super().pipeline() as made:
            yield made

    def wait(self, gen: PQGen[Any], *limits: Any, **more: Any) -> Any:
        """Wait as psycopg does, but not for one who is silent."""
        return super().wait(self._heard(gen), *limits, **more)

    def _heard(self, gen: PQGen[Any]) -> PQGen[Any]:
        """Pass on what a generator waits for; raise when nothing comes for too long.

        TCP notices when nothing gets through, but not a proxy or a server that takes what it is
        sent and then hangs. Nor does it know how long whoever asks can wait.
        """
        last = time.monotonic()
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                now = time.monotonic()
                if is_over():
                    self.close()
                    raise psycopg.OperationalError("it did not answer within the request's time")
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
    paths: set[str] = field(default_factory=set)
    """The search path of the first connection, and of all others."""

    def parameters(self, role: str) -> dict[str, Any]:
        """Return what libpq is given; ``role`` tells the server's administrator who this is."""
        given = conninfo.conninfo_to_dict(self.url)
        most = min(CONNECT_SECONDS, int(given.get("connect_timeout") or CONNECT_SECONDS))
        wait = max(LEAST_CONNECT_SECONDS, int(seconds_left(most)))
        own = {"application_name": role, "connect_timeout": wait}
        return _DEFAULTS | {"password": self.password()} | given | own

    def connect(self, role: str) -> Connection:
        """Open a connection for a role; raise ``StoreUnavailable`` if there is none to be had."""
        if is_over():
            raise StoreUnavailable("no connection to the database came within the request's time")
        try:
            connection = Connection.connect(
                **self.parameters(role), autocommit=True, row_factory=dict_row
            )
        except psycopg.Error as error:
            raise translated(error) from error
        try:
            self.configure(connection)
        except psycopg.Error as error:
            connection.close()  # the error may be kept, and the server may have none left
            raise translated(error) from error
        return connection

    def configure(self, connection: Connection) -> None:
        """Set what paod relies on in a new session, and the form of what it reads."""
        cursor = connection.execute(
            (_READ_ONLY if self.read_only else "")
            + settings.statement(connection.info.server_version)
        )
        while cursor.nextset():
            pass
        rows = cursor.fetchall()
        connection.adapters.register_loader("jsonb", _JsonText)
        connection.adapters.register_loader("timestamptz", _Stamp)
        connection.opened = time.monotonic()
        self._check_path(connection, str(rows[0]["search_path"]))

    def _check_path(self, connection: Connection, path: str) -> None:
        """Refuse a session of another schema: half of the catalog would be written there."""
        if not self.paths:
            self.paths.add(path)
        if path not in self.paths:
            connection.close()
            raise StoreUnavailable(
                f"the schema of the search path is {path} now, and was {min(self.paths)}",
                "put the role's search_path back, or restart paod if the other schema is meant",
                reason="SchemaChanged",
            )


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
