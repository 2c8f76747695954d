"""Copies of a SQLite file: made while it is in use, read whole, and put in its place."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from paod.database.sqlite import SQLiteDatabase
from paod.database.sqlite_file import flush
from paod.errors import StoreError

_BLANKS = re.compile(r"[\s\"]+")
_HINT = "restore it from an older backup, or move it away: paod builds a new one"


def copy_database(path: Path, file: Path) -> None:
    """Write a copy of what is committed, of one moment and read whole, to a file that is new."""
    with _made_beside(file) as new:
        database = SQLiteDatabase(path, read_only=True)
        try:
            database.vacuum_into(new)
        finally:
            database.close()
        damage = damage_of(new)
        if damage is not None:
            raise StoreError(f"the database {path} is damaged: {damage}", _HINT)


def damage_of(path: Path) -> str | None:
    """Read a whole file; return what is wrong with it, None where nothing is."""
    database = SQLiteDatabase(path, read_only=True)
    try:
        found = database.query("PRAGMA integrity_check(1)")
    except StoreError as error:
        return str(error)
    finally:
        database.close()
    said = str(next(iter(found[0].values())))
    return None if said == "ok" else said


def objects_of(path: Path) -> frozenset[tuple[str, str, str]]:
    """Return every object of a file's schema: its type, its name, and the SQL that made it.

    Only blanks, quotes and case are left out. What SQLite makes by itself is not among them.
    """
    database = SQLiteDatabase(path, read_only=True)
    try:
        rows = database.query("SELECT type, name, sql FROM sqlite_master")
    finally:
        database.close()
    return frozenset(
        (row["type"], row["name"], _BLANKS.sub("", row["sql"] or "").lower())
        for row in rows
        if not row["name"].startswith("sqlite_")
    )


@contextlib.contextmanager
def _made_beside(file: Path) -> Iterator[Path]:
    """Let a new file be written beside its place; it gets there whole, on the disk, or not at all.

    Nobody else can read it. Raises ``StoreError`` where a file is there already.
    """
    new = file.with_name(f"{file.name}.new-{os.getpid()}")
    try:
        if file.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        yield new
        flush(new)
        os.link(new, file)
        flush(file.parent)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)


def put_in_place(new: Path, path: Path, aside: Path) -> None:
    """Let ``new`` be the database at ``path``; what was there is kept as ``aside``.

    Nobody may have either open. The former log goes first, or it would be taken for the new
    file's.
    """
    for suffix in ("-wal", "-shm"):
        log = path.with_name(path.name + suffix)
        if log.exists():
            log.rename(aside.with_name(aside.name + suffix))
    if path.exists():
        os.link(path, aside)
    new.replace(path)
    flush(path.parent)
