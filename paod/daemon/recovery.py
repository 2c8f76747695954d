"""Backups of the database, made while it is in use, and put in its place again when it is not."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from paod.config import Settings
from paod.daemon.instance import Instance
from paod.daemon.opening import locks_of, prepare_state
from paod.database import (
    SQLiteDatabase,
    check_file,
    copy_database,
    damage_of,
    file_exists,
    objects_of,
    put_in_place,
)
from paod.errors import PaodError, StoreError, StoreUnavailable
from paod.model import Head
from paod.store import Store
from paod.store.migrate import newest_schema

LOCK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of the database: where its catalog stands, and by which schema it is laid out."""

    file: Path
    size: int
    schema: int
    head: Head


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that is the database now, and where the former one lies, None: there was none."""

    backup: Backup
    former: Path | None


def back_up(settings: Settings, file: Path) -> Backup:
    """Copy the database to a new file and check the copy; paod may run meanwhile."""
    path = _file_of(settings, "use pg_dump, which may run while paod does")
    if not file_exists(path):
        raise PaodError(f"there is no database {path}", "start `paod serve`, or run `paod sync`")
    copy_database(path, file)
    return _facts(file)


def restore(settings: Settings, file: Path, *, force: bool) -> Restored:
    """Put a backup in the database's place and keep what is there now.

    Raises ``AlreadyRunning`` while a daemon runs, ``PaodError`` for a file that is no whole backup,
    and, unless it is to be done by ``force``, where the present catalog is newer.
    """
    database = _file_of(settings, "stop paod, then use pg_restore, or psql, on what pg_dump made")
    prepare_state(settings)
    instance = Instance(locks_of(settings))
    try:
        with SQLiteDatabase(database).sync_lock(LOCK_SECONDS) as mine:
            if not mine:
                raise StoreUnavailable("a sync is under way", "wait until it has ended")
            return _restored(database, file, force=force)
    finally:
        instance.close()


def _file_of(settings: Settings, otherwise: str) -> Path:
    """Return the database's file; PostgreSQL's copies are the business of its own tools."""
    if settings.db_file is None:
        raise PaodError("paod copies SQLite databases alone; this is PostgreSQL", otherwise)
    return settings.db_file


def _restored(database: Path, file: Path, *, force: bool) -> Restored:
    backup = _checked(file)
    if not force:
        _refuse_older(database, backup)
    new = database.with_name(f"{database.name}.restoring")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    try:
        shutil.copyfile(file, new)
        _mark(new)
        former = _aside(database)
        put_in_place(new, database, former)
    except OSError as error:
        raise StoreError(f"{file} cannot be put in place: {error.strerror}") from error
    finally:
        new.unlink(missing_ok=True)
    return Restored(backup, former if former.exists() else None)


def _checked(file: Path) -> Backup:
    if not file.is_file():
        raise PaodError(f"there is no file {file}")
    try:
        backup = _facts(file)
    except StoreError as error:
        raise PaodError(f"{file} is no backup of paod's: {error}") from error
    if backup.schema <= newest_schema("sqlite"):
        refuse_strange(file, backup.schema)
    damage = damage_of(file)
    if damage is not None:
        raise PaodError(f"{file} is damaged: {damage}", "restore another backup")
    if backup.schema > newest_schema("sqlite"):
        raise PaodError(
            f"{file} has schema {backup.schema}, this paod knows {newest_schema('sqlite')}",
            "install the paod that made it, or a newer one",
        )
    return backup


def refuse_strange(file: Path, schema: int) -> None:
    """Raise PaodError for a file that holds more or less than the migrations up to its schema make.

    A trigger in it would run at each write, a view would stand for a table.
    """
    with tempfile.TemporaryDirectory(prefix="paod-restore-") as folder:
        store = Store(SQLiteDatabase(Path(folder) / "fresh.db"))
        try:
            store.lay_out(schema)
        finally:
            store.close()
        expected = objects_of(Path(folder) / "fresh.db")
    strange = sorted(f"{kind} {name}" for kind, name, _ in expected ^ objects_of(file))
    if strange:
        raise PaodError(
            f"{file} is not as paod lays a database out: {', '.join(strange[:5])}",
            "restore another backup, one that nobody wrote into",
        )


def _facts(file: Path) -> Backup:
    """Read where a database's catalog stands; raise StoreError for a file that is not paod's."""
    store = Store(SQLiteDatabase(file, read_only=True))
    try:
        check_file(file)
        return Backup(file, file.stat().st_size, store.database.schema_number(), store.head())
    finally:
        store.close()


def _refuse_older(database: Path, backup: Backup) -> None:
    """Raise PaodError where the present catalog can be read and is newer than the backup's."""
    try:
        present = _facts(database).head if database.exists() else None
    except StoreError:
        return
    if present is not None and _is_newer(present, backup.head):
        raise PaodError(
            f"the present catalog (generation {present.generation}, synced {present.synced_at}) is"
            f" newer than the backup's (generation {backup.head.generation}, synced"
            f" {backup.head.synced_at})",
            "--force restores it all the same; the present database is kept beside it",
        )


def _is_newer(present: Head, other: Head) -> bool:
    if present.timeline == other.timeline:
        return present.generation > other.generation
    return (present.synced_at or "") > (other.synced_at or "")


def _mark(new: Path) -> None:
    database = SQLiteDatabase(new)
    database.prepare()
    store = Store(database)
    try:
        store.mark_restored()
    finally:
        store.close()


def _aside(database: Path) -> Path:
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    return database.with_name(f"{database.name}.replaced-{now}")
