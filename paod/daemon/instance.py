"""One daemon for a state folder and a database: a lock that the operating system holds.

The lock is on an open file, so it ends with its holder however that dies; the process id written
into it is only what the refusal can name. It may not be used to order syncs: the database has a
lock of its own for that.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from paod.errors import AlreadyRunning, SettingsError

LOCK_NAME = "serve.lock"
PATIENCE = 1.0
"""Seconds for which a lock may be held by one who only looks, or by a dead daemon's last child."""


def lock_paths(state: Path, database_file: Path | None) -> tuple[Path, ...]:
    """Return the files to lock: one in the state folder, and always one beside the database.

    A link is followed to the file itself, so that two names of one database have one lock.
    """
    paths = [state / LOCK_NAME]
    if database_file is not None:
        file = database_file.resolve()
        paths.append(file.with_name(f"{file.name}.{LOCK_NAME}"))
    return tuple(paths)


class Instance:
    """The locks of a running daemon, held until ``close`` or death."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        """Take every lock; raise AlreadyRunning, naming the holder, when one is taken."""
        self._files: list[IO[str]] = []
        try:
            for path in paths:
                self._files.append(_take(path))
        except (AlreadyRunning, SettingsError):
            self.close()
            raise

    def close(self) -> None:
        """Give the locks up. The files stay: removing one would let two daemons hold a lock."""
        while self._files:
            self._files.pop().close()


def is_held(paths: tuple[Path, ...]) -> bool:
    """Return whether a daemon holds one of the locks now."""
    return any(_is_locked(path) for path in paths)


def _take(path: Path) -> IO[str]:
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise SettingsError(
            f"the lock {path} cannot be made: {error.strerror}",
            "PAO_STATE_DIR, and the folder of PAO_DB_URL, must be there and writable for paod",
        ) from error
    if not _locked_in_time(file):
        holder = _holder(file)
        file.close()
        raise AlreadyRunning(
            f"another paod serve runs on {_subject(path)}{holder}",
            "stop it first, or give this one a PAO_STATE_DIR and PAO_DB_URL of its own",
        )
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def _subject(path: Path) -> Path:
    """Return what a lock is for: a state folder, or a database's file."""
    if path.name == LOCK_NAME:
        return path.parent
    return path.with_name(path.name.removesuffix(f".{LOCK_NAME}"))


def _locked_in_time(file: IO[str]) -> bool:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        else:
            return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    pid = file.read(20).strip()
    return f" (process {pid})" if pid.isdecimal() else ""


def _is_locked(path: Path) -> bool:
    try:
        with path.open(encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
