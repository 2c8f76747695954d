"""The one seat of who syncs: a session's advisory lock, over all machines that share the database.

It is kept for as long as its connection lives, and whoever has it writes over that connection.
When it ends, the server first takes back what was not committed and only then frees the lock.

A connection may live on while nobody is at its other end: a process was stopped, a network or a
proxy keeps what it is sent. So whoever has the seat gives a sign of life over it, also while a
sync does something else for long, and whoever waits ends a session that gave none for too long.
One that wakes up then finds its connection ended, and whatever it would have written refused.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg.pq import TransactionStatus

from paod.database.postgres_connection import SCHEMA, Address
from paod.database.postgres_session import Session
from paod.database.protocol import Row
from paod.deadline import within
from paod.errors import StoreError, StoreUnavailable

ROLE: Final = "paod sync"
"""What the server's list of sessions calls the one who has the seat, before his own name."""
PAUSE: Final = 0.1
BEAT_SECONDS = 2.0
"""Between two signs of life of who has the seat."""
SILENT_SECONDS = 10.0
"""Without any, after which others end his session, by the server's clock."""

_TRY: Final = f"""
SELECT CASE WHEN pg_is_in_recovery() THEN FALSE
            ELSE pg_try_advisory_lock(1885433700, {SCHEMA}::int) END AS mine
"""
_HELD: Final = f"""
FROM pg_locks AS locks JOIN pg_stat_activity AS activity ON activity.pid = locks.pid
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objsubid = 2
  AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND locks.classid = 1885433700 AND locks.objid = {SCHEMA}
"""  # noqa: S608 built from constants
HOLDER: Final = f"""
SELECT activity.application_name AS name, activity.backend_start AS since {_HELD}
"""

Query = Callable[[str], list[Row]]

logger = logging.getLogger("paod.database")


def _silent() -> str:
    """Return what holds of a session that gave no sign of life for too long.

    One that works on a statement is not silent, however long it takes: statements have limits.
    """
    return (
        "(activity.state <> 'active' AND clock_timestamp() - activity.state_change"
        f" > {float(SILENT_SECONDS)} * interval '1 s')"
    )


class Seat:
    """A process's claim to the seat. ``instance``: how the process is known to others."""

    def __init__(self, address: Address, instance: str, query: Query) -> None:
        """``query`` asks over another connection than the seat's."""
        self._address = address
        self._role = f"{ROLE} {instance}".strip()
        self._query = query
        self._session: Session | None = None
        self._said: set[str] = set()
        _seats.add(self)

    def take(self, deadline: float) -> Session | None:
        """Return the session that has the seat, None if another one's has it until ``deadline``.

        A seat that this process has is only looked at: whether its connection still stands. Else
        it is only tried for when nobody has it, so that its connection is as old as the seat.
        """
        if self._session is not None and not _is_sound(self._session):
            self.leave()
        while self._session is None:
            if not self._is_taken():
                self._try()
            if self._session is None:
                if time.monotonic() >= deadline:
                    return None
                time.sleep(PAUSE)
        return self._session

    def _is_taken(self) -> bool:
        """Return whether somebody has the seat; end his session if he has gone silent."""
        found = self._query(
            "SELECT activity.application_name AS name, activity.state IS NULL AS hidden,"
            f" COALESCE({_silent()}, FALSE) AS silent {_HELD}"
        )
        for row in found:
            if row["silent"]:
                self._end_silent(holder(row["name"]))
            elif row["hidden"]:
                self._say_once(
                    "the session that holds the sync lock is another role's: if it goes silent,"
                    " this machine cannot end it; give all machines the same role in PAO_DB_URL"
                )
        return bool(found)

    def _end_silent(self, name: str) -> None:
        """End a session; whether it is still silent is asked once more, in the same statement."""
        try:
            ended = self._query(
                f"SELECT pg_terminate_backend(activity.pid) AS ended {_HELD} AND {_silent()}"
            )
        except StoreUnavailable:
            raise
        except StoreError as error:
            self._say_once(f"the silent session that holds the sync lock was not ended: {error}")
            return
        if ended:
            logger.warning(
                "%s held the sync lock and gave no sign of life for %g s: its session was ended",
                name or "another machine",
                SILENT_SECONDS,
            )

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            logger.warning("%s", words)

    def _try(self) -> None:
        session = Session(self._address.connect(self._role), is_seat=True)
        try:
            if session.rows(_TRY)[0]["mine"]:
                self._session = session
                threading.Thread(
                    target=_give_signs, args=(session,), name="seat", daemon=True
                ).start()
        finally:
            if self._session is None:  # somebody was quicker, or it is a standby
                session.connection.close()

    def leave(self) -> None:
        """End the connection, and the lock with it."""
        if self._session is not None:
            self._session.connection.close()
        self._session = None

    def drop_inherited(self) -> None:
        """Close, in a forked child, its copy of the socket: it would keep a dead parent's lock."""
        if self._session is not None and not self._session.connection.closed:
            os.close(self._session.connection.fileno())


def _give_signs(session: Session) -> None:
    """Give signs of life over a session until it ends; who uses it finds out that it did."""
    while not session.connection.closed:
        time.sleep(BEAT_SECONDS)
        with contextlib.suppress(psycopg.Error):
            _give_sign(session)


def _give_sign(session: Session) -> None:
    """Give one, unless the session is in use: then its statements are signs enough.

    Within a transaction there is none: who hangs in one is to be ended.
    """
    if not session.guard.acquire(blocking=False):
        return
    try:
        connection = session.connection
        if connection.closed or connection.info.transaction_status is not TransactionStatus.IDLE:
            return
        with within(SILENT_SECONDS):
            connection.execute("SELECT 1")
    finally:
        session.guard.release()


_seats: weakref.WeakSet[Seat] = weakref.WeakSet()


def _drop_inherited() -> None:
    for seat in _seats:
        with contextlib.suppress(OSError, psycopg.Error):
            seat.drop_inherited()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited)


def holder(name: str) -> str:
    """Return the instance that a session of the server's list belongs to."""
    return name.removeprefix(ROLE).strip()


def _is_sound(session: Session) -> bool:
    try:
        session.rows("SELECT 1 AS here")
    except StoreUnavailable:
        return False
    return True
