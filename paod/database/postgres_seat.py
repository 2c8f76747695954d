"""The one seat of who syncs: a session's advisory lock, over all machines that share the database.

It is kept for as long as its connection lives, and whoever has it writes over that connection.
When it ends, the server first takes back what was not committed and only then frees the lock.
"""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable
from typing import Final

import psycopg

from paod.database.postgres_session import SCHEMA, Address, Session
from paod.errors import StoreUnavailable

ROLE: Final = "paod sync"
"""What the server's list of sessions calls the one who has the seat, before his own name."""
PAUSE: Final = 0.1

_TRY: Final = f"""
SELECT CASE WHEN pg_is_in_recovery() THEN FALSE
            ELSE pg_try_advisory_lock(1885433700, {SCHEMA}::int) END AS mine
"""
HOLDER: Final = f"""
SELECT activity.application_name AS name, activity.backend_start AS since
FROM pg_locks AS locks JOIN pg_stat_activity AS activity ON activity.pid = locks.pid
WHERE locks.locktype = 'advisory' AND locks.granted AND locks.objsubid = 2
  AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND locks.classid = 1885433700 AND locks.objid = {SCHEMA}
"""  # noqa: S608 built from constants


class Seat:
    """A process's claim to the seat. ``instance``: how the process is known to others."""

    def __init__(self, address: Address, instance: str) -> None:
        self._address = address
        self._role = f"{ROLE} {instance}".strip()
        self._session: Session | None = None
        _seats.add(self)

    def take(self, deadline: float, taken: Callable[[], bool]) -> Session | None:
        """Return the session that has the seat, None if another one's has it until ``deadline``.

        A seat that this process has is only looked at: whether its connection still stands. Else
        ``taken`` tells whether somebody has it, so that its connection is as old as the seat.
        """
        if self._session is not None and not _is_sound(self._session):
            self.leave()
        while self._session is None:
            if not taken():
                self._try()
            if self._session is None:
                if time.monotonic() >= deadline:
                    return None
                time.sleep(PAUSE)
        return self._session

    def _try(self) -> None:
        session = Session(self._address.connect(self._role), is_seat=True)
        try:
            if session.rows(_TRY)[0]["mine"]:
                self._session = session
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


_seats: weakref.WeakSet[Seat] = weakref.WeakSet()


def _drop_inherited() -> None:
    for seat in _seats:
        with contextlib.suppress(OSError, psycopg.Error):
            seat.drop_inherited()


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
