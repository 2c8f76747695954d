"""Whose file is this: judged from its first bytes, before SQLite may touch it.

A file that is not paod's, or is cut off, is refused and left as it is. A new one is made beside its
place and linked there when it is whole, so that no crash leaves an empty file under that name.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from paod.database.driver import sqlite3
from paod.database.failures import RESTORE
from paod.errors import MigrationError, StoreUnavailable

APPLICATION_ID = 0x70616F64
"""The word ``paod``, where SQLite keeps whose file it is."""

_MAGIC = b"SQLite format 3\x00"


def make_or_check(path: Path) -> None:
    """See to it that paod's database stands at ``path``; raise ``MigrationError`` if another does.

    Safe for several processes at once: the first one's file is everyone's.
    """
    with _opening(path):
        if not path.exists():
            _make(path)
        check(path)
        if not _has_log(path):
            _give_log(path)


def exists(path: Path) -> bool:
    """Whether a database's file is there; raise ``StoreUnavailable`` where one may not look."""
    with _opening(path):
        return path.exists()


@contextlib.contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(
            f"the database {path} cannot be opened ({error.strerror})",
            "see that its folder exists, and run this as the user that paod runs as",
        ) from error


def _make(path: Path) -> None:
    new = path.with_name(f"{path.name}.new-{os.getpid()}")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        _write_header(new)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
        flush(path.parent)
    finally:
        new.unlink()


def _write_header(new: Path) -> None:
    connection = sqlite3.connect(str(new), isolation_level=None)
    try:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the database {new} cannot be made ({error})") from error
    finally:
        connection.close()


def flush(path: Path) -> None:
    """See a file, or a folder's list of its files, to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _has_log(path: Path) -> bool:
    """Whether the file is in WAL mode, as a copy that was put in its place may not be."""
    with path.open("rb") as file:
        return file.read(20)[18] == 2


def _give_log(path: Path) -> None:
    connection = sqlite3.connect(str(path), isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"the database {path} cannot be prepared ({error})") from error
    finally:
        connection.close()


def check(path: Path) -> None:
    """Raise ``MigrationError`` where the file at ``path`` is not a whole database of paod's.

    And ``StoreUnavailable`` where it cannot be read.
    """
    with _opening(path), path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):
        what = "is empty" if not header else "is no SQLite database"
        raise MigrationError(f"the file {path} {what}; it was left as it is", RESTORE)
    if _number(">I", header[68:72]) != APPLICATION_ID:
        raise MigrationError(
            f"the database {path} belongs to another program; it was left as it is",
            "set PAO_DB_URL to a file of paod's own",
        )
    if not _is_whole(path, header):
        raise MigrationError(f"the database {path} is cut off; it was left as it is", RESTORE)


def _is_whole(path: Path, header: bytes) -> bool:
    """Whether the file has all its pages. While there is a log, some may still stand only there."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        return True
    page_size, pages = _number(">H", header[16:18]), _number(">I", header[28:32])
    return path.stat().st_size >= pages * (65536 if page_size == 1 else page_size)


def _number(layout: str, data: bytes) -> int:
    return int(struct.unpack(layout, data)[0])
