"""One thread's connection to a SQLite file, and the state of its transaction."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import sqlite_utils

from paod.database.driver import sqlite3
from paod.database.failures import translated
from paod.database.wakeup import Listener

_PRAGMAS = """
PRAGMA foreign_keys = ON;
PRAGMA synchronous = FULL;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -8000;
PRAGMA journal_size_limit = 67108864;
"""


FileId = tuple[int, int]


@dataclass(slots=True, eq=False)
class Session:
    """A connection. ``broken``: an error happened in its transaction, which may not end well.

    ``file`` is the one that it was opened on, whatever lies at its path now, and ``logs`` are the
    files beside it that belong to it, by their paths. ``frozen``: it was opened as one that nobody
    can change.
    """

    thread: threading.Thread
    handle: sqlite_utils.Database
    file: FileId | None
    logs: Mapping[Path, FileId | None]
    frozen: bool = False
    state: Literal["idle", "reading", "writing"] = "idle"
    broken: bool = False
    listener: Listener | None = None
    busy_timeout: float = -1.0

    def wait_for_locks(self, seconds: float) -> None:
        """Let statements from here on wait for so long while another process writes."""
        if seconds != self.busy_timeout:
            self.handle.conn.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")
            self.busy_timeout = seconds

    def clear_logs(self) -> None:
        """Remove the log of a file that was replaced, or it would be taken for the new one's.

        SQLite knows a log by its name alone. One that came with the new file is left.
        """
        for log, known in self.logs.items():
            if known is not None and file_at(log) == known:
                log.unlink()

    @property
    def schema(self) -> int:
        """The number of the schema."""
        return int(self.handle.execute("PRAGMA user_version").fetchone()[0])

    def close(self) -> None:
        """End the connection and stop listening."""
        self.handle.close()
        if self.listener is not None:
            self.listener.close()


def connect(path: Path, *, read_only: bool, busy_timeout: float) -> Session:
    """Open a file that is there already, for the calling thread."""
    frozen, file = is_frozen(path), file_at(path)
    mode = "mode=ro&immutable=1" if frozen else "mode=ro" if read_only else "mode=rw"
    try:
        connection = sqlite3.connect(
            f"{path.as_uri()}?{mode}",
            uri=True,
            timeout=busy_timeout,
            isolation_level=None,
            check_same_thread=False,  # whoever closes a database ends the connections of all
        )
        connection.executescript(_PRAGMAS)
        connection.execute("PRAGMA user_version").fetchone()  # opens the file and its log
    except sqlite3.Error as error:
        raise translated(error, path) from error
    handle = sqlite_utils.Database(connection, recursive_triggers=False, execute_plugins=False)
    logs = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm")]
    beside = {log: file_at(log) for log in logs}
    return Session(
        threading.current_thread(), handle, file, beside, frozen, busy_timeout=busy_timeout
    )


def file_at(path: Path) -> FileId | None:
    """Return what tells the file at a path from any other, None where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 at each statement, so the quicker one
    except OSError:
        return None
    return found.st_dev, found.st_ino


def is_frozen(path: Path) -> bool:
    """Whether the file lies, without a log, on a file system that is mounted read-only.

    SQLite cannot open it in WAL mode then, as it must make files beside it; told that nobody else
    can write either, it can. With a log still there, it reads through that.
    """
    try:
        read_only = os.statvfs(path.parent).f_flag & os.ST_RDONLY
    except OSError:
        return False
    return bool(read_only) and not path.with_name(f"{path.name}-wal").exists()


class Translating:
    """Wraps a driver's error once, and marks the transaction that it happened in as broken.

    A class and not a generator, because it surrounds every statement.
    """

    __slots__ = ("_path", "_session")

    def __init__(self, path: Path, session: Session) -> None:
        self._path = path
        self._session = session

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        self._session.broken = True
        if isinstance(error, sqlite3.Error):
            raise translated(error, self._path) from error
