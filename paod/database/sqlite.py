"""SQLite: one file, one connection a thread, in WAL mode, written with ``synchronous=FULL``.

Three of its habits decide how this is written. A transaction that begins by reading and then writes
fails at once beside another writer, without waiting: so writing begins IMMEDIATE. After some errors
(disk full, I/O) SQLite rolls back by itself, and the next statement would run on its own: so every
write and the COMMIT first see that the transaction still stands, and after any error nothing more
is written. A connection must not cross a fork: so each process opens its own.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paod.database import sqlite_file
from paod.database.driver import sqlite3, statements
from paod.database.joining import joined
from paod.database.lock import file_lock
from paod.database.protocol import Params, Row, Table
from paod.database.session import FileId, Session, Translating, connect, file_at, is_frozen
from paod.database.wakeup import Listener, tell
from paod.deadline import seconds_left
from paod.errors import StoreError, StoreUnavailable

BUSY_TIMEOUT = 4.0
"""Seconds that a writer waits for another one's transaction: whoever delivers a webhook is to have
his answer within five."""

logger = logging.getLogger("paod.database")

DEAF_PAUSE = 1.0
"""Seconds between two looks of a thread that cannot be told of news."""
_READING = ("SELECT", "WITH", "PRAGMA")
_TABLES = """
SELECT name FROM sqlite_master
WHERE type = 'table' AND instr(name, '_search') = 0 AND instr(name, 'sqlite_') = 0 ORDER BY rowid
"""
_TYPES = {
    "id": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "reference": "INTEGER",
    "json": "TEXT",
    "timestamp": "TEXT",
    "boolean": "INTEGER",
    "text_c": "TEXT",
}


class SQLiteDatabase:
    """The ``Database`` in one file; beside it lie a lock file and a folder of wake-up sockets."""

    dialect = "sqlite"
    shared = False
    types: Mapping[str, str] = _TYPES

    def __init__(
        self, path: Path, *, read_only: bool = False, busy_timeout: float = BUSY_TIMEOUT
    ) -> None:
        self.path = path.absolute()
        self._read_only = read_only
        self._busy_timeout = busy_timeout
        self._local = threading.local()
        self._guard = threading.Lock()
        self._owner = os.getpid()
        self._sessions: list[Session] = []
        self._inherited: list[Session] = []
        self._told_of: FileId | None = None

    def prepare(self) -> None:
        sqlite_file.make_or_check(self.path)

    def schema_number(self) -> int:
        return int(self.query("PRAGMA user_version")[0]["user_version"])

    def stamp(self, number: int) -> None:
        self.execute(f"PRAGMA user_version = {int(number)}")

    def back_up(self, label: str) -> None:
        copy = self.path.with_name(f"{self.path.name}.{label}")
        new = self.path.with_name(f"{copy.name}.new")
        new.unlink(missing_ok=True)
        self.vacuum_into(new)
        new.replace(copy)

    def vacuum_into(self, file: Path) -> None:
        """Write what is committed, of one moment, to a file that is new or empty."""
        reader = self._connected()  # this thread's own connection may be inside a transaction
        try:
            self._run(reader, "VACUUM INTO :copy", {"copy": str(file)})
        finally:
            reader.close()

    def tables(self) -> list[Table]:
        found = []
        for table in self.query(_TABLES):
            columns = self.query("SELECT * FROM pragma_table_xinfo(:name)", table)
            key = sorted((one for one in columns if one["pk"]), key=lambda one: int(one["pk"]))
            types = {one["name"]: one["type"] for one in columns}
            found.append(Table(table["name"], types, tuple(one["name"] for one in key)))
        return found

    def go_on_counting(self, table: str) -> None:
        """Do nothing: SQLite sees by itself which ids were given."""

    def execute(self, sql: str, params: Params | None = None) -> int:
        session = self._writing()
        return int(self._run(session, sql, params).rowcount)

    def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        session = self._writing()
        with self._translating(session):
            session.handle.conn.executemany(sql, rows)

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        session = self._session()
        if session.state == "writing" or not sql.lstrip().startswith(_READING):
            self._writing()
        with self._translating(session):
            cursor = session.handle.execute(sql, None if params is None else dict(params))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def query_all(self, asked: Sequence[tuple[str, Params | None]]) -> list[list[Row]]:
        return [self.query(sql, params) for sql, params in asked]

    def script(self, sql: str) -> None:
        for statement in statements(sql):
            self._run(self._writing(), statement)

    @contextmanager
    def atomic(self) -> Iterator[None]:
        session = self._session()
        if session.state != "idle":
            with joined(session):
                yield
            return
        session.wait_for_locks(seconds_left(self._busy_timeout))
        self._run(session, "BEGIN IMMEDIATE")
        session.state, session.broken = "writing", False
        try:
            yield
            self._writing()
            if file_at(self.path) != session.file:
                raise self._gone("was replaced or removed during a transaction")
            self._run(session, "COMMIT")
        finally:
            self._end(session)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        session = self._session()
        if session.state != "idle":
            yield
            return
        self._run(session, "BEGIN")
        session.state, session.broken = "reading", False
        try:
            yield
        finally:
            self._end(session)

    def index_text(self, table: str, rows: Sequence[Params], *, new: bool) -> None:
        index = f"{table}_search"
        if not new:
            self.execute_many(f"DELETE FROM {index} WHERE rowid = :id", rows)  # noqa: S608 a table's name, from the store
        self.execute_many(
            f"INSERT INTO {index} (rowid, search_text) VALUES (:id, :search_text)",  # noqa: S608 as above
            rows,
        )

    def search_clause(self, table: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
        index = f"{table}_search"
        clause = f"id IN (SELECT rowid FROM {index} WHERE {index} MATCH :search)"  # noqa: S608 as above
        return clause, {"search": " AND ".join(f'"{word}"*' for word in words)}

    def sync_lock(self, wait: float = 0.0) -> AbstractContextManager[bool]:
        return file_lock(self.path.with_name(f"{self.path.name}-lock"), wait)

    def give_way(self) -> None:
        """Do nothing: the lock is given up after each block."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def server(self) -> str | None:
        return None

    def sync_holder(self) -> tuple[str, str] | None:
        return None

    def wake(self) -> None:
        listener = self._session().listener if self._has_session() else None
        with suppress(OSError):
            tell(self._ears, None if listener is None else listener.name)

    def wait(self, timeout: float) -> bool:
        session = self._session()
        if session.listener is not None:
            return session.listener.wait(timeout)
        try:
            session.listener = Listener(self._ears)
        except OSError:  # no room or no right to listen: looking again now and then must do
            time.sleep(min(timeout, DEAF_PAUSE))
        return True

    def on_renewed(self, call: Callable[[], object]) -> None:
        """Do nothing: a file is opened, and nothing of it is pooled."""

    def close(self) -> None:
        self._forget_parents()
        with self._guard:
            for session in self._sessions:
                session.close()
            self._sessions.clear()
            self._local = threading.local()

    @property
    def _ears(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wake")

    def _has_session(self) -> bool:
        if self._owner != os.getpid():
            return False
        session: Session | None = getattr(self._local, "session", None)
        if session is None or session.state != "idle":
            return session is not None
        return file_at(self.path) == session.file and not (session.frozen and self._thawed())

    def _thawed(self) -> bool:
        """Whether what was opened as unchangeable can change by now."""
        return not is_frozen(self.path)

    def _session(self) -> Session:
        if not self._has_session():
            self._forget_parents()
            former: Session | None = getattr(self._local, "session", None)
            new = self._connected() if former is None else self._followed(former)
            self._local.session = self._keep(new)
        session: Session = self._local.session
        return session

    def _followed(self, former: Session) -> Session:
        """Open what lies at the path now, in place of a file that is there no more.

        Whoever went on with the former file would read, and write into, what nobody else sees.
        """
        if file_at(self.path) is None:
            raise self._gone("is gone: it was removed or renamed while paod used it")
        sqlite_file.check(self.path)
        with file_lock(
            self.path.with_name(f"{self.path.name}-swap"), seconds_left(self._busy_timeout)
        ):
            try:
                former.clear_logs()
            except OSError as error:
                raise self._gone("was replaced, and its former log cannot be removed") from error
            session = self._connected()
        if session.schema != former.schema:
            session.close()
            raise StoreError(
                f"the database {self.path} was replaced by one of another schema",
                "restart paod, which brings it up to date",
            )
        if self._told_of != session.file and session.file != former.file:
            self._told_of = session.file
            logger.warning(
                "the database %s was replaced by another file, used from now on", self.path
            )
        self._drop(former)
        return session

    def _gone(self, what: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"the database {self.path} {what}",
            "put it back, or restart paod: it makes a new one from the repository",
            reason="StorageGone",
        )

    def _drop(self, session: Session) -> None:
        with self._guard:
            self._sessions.remove(session)
        session.close()

    def _forget_parents(self) -> None:
        """Leave a parent process's connections alone: closing one here would drop its locks."""
        if self._owner != os.getpid():
            self._owner, self._guard = os.getpid(), threading.Lock()
            self._inherited += self._sessions
            self._sessions, self._local = [], threading.local()

    def _connected(self) -> Session:
        return connect(self.path, read_only=self._read_only, busy_timeout=self._busy_timeout)

    def _keep(self, session: Session) -> Session:
        with self._guard:
            ended = [one for one in self._sessions if not one.thread.is_alive()]
            for one in ended:
                one.close()
            self._sessions = [one for one in self._sessions if one not in ended] + [session]
        return session

    def _writing(self) -> Session:
        """Return the session whose transaction stands; raise if it does not, and write nothing."""
        session = self._session()
        if session.state != "writing":
            raise StoreError("a write outside a transaction was refused")
        if session.broken or not session.handle.conn.in_transaction:
            raise StoreError("the transaction ended with an earlier error; nothing was written")
        return session

    def _run(self, session: Session, sql: str, params: Params | None = None) -> Any:
        with self._translating(session):
            return session.handle.execute(sql, None if params is None else dict(params))

    def _translating(self, session: Session) -> Translating:
        return Translating(self.path, session)

    def _end(self, session: Session) -> None:
        """Roll back whatever is still open; after a COMMIT nothing is."""
        session.state, session.broken = "idle", False
        if session.handle.conn.in_transaction:
            with suppress(sqlite3.Error):
                session.handle.conn.execute("ROLLBACK")
        if session.handle.conn.in_transaction:  # not even that works: a new connection will
            del self._local.session
            self._drop(session)
