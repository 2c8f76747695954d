"""A database whose file is replaced, removed or copied while it is in use."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.database import SQLiteDatabase, copy_database, damage_of
from paod.errors import StoreError, StoreUnavailable


def database_in(folder: Path) -> SQLiteDatabase:
    return SQLiteDatabase(folder / "paod.db")


@pytest.fixture(name="database")
def _database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    database = made(tmp_path)
    yield database
    database.close()


def made(folder: Path) -> SQLiteDatabase:
    """Return a database with one table."""
    database = database_in(folder)
    database.prepare()
    with database.atomic():
        database.execute("CREATE TABLE names (name TEXT, size INTEGER)")
    return database


def put(database: SQLiteDatabase, name: str) -> None:
    with database.atomic():
        database.execute("INSERT INTO names VALUES (:name, 1)", {"name": name})


def names(database: SQLiteDatabase) -> list[str]:
    return [row["name"] for row in database.query("SELECT name FROM names")]


def replaced_inside(database: SQLiteDatabase, path: Path) -> None:
    """Write, while somebody puts another file in the database's place."""
    with database.atomic():
        database.execute("INSERT INTO names VALUES ('lost', 1)")
        copy = path.with_name("copy.db")
        shutil.copy(path, copy)
        copy.replace(path)


def test_another_file_in_its_place_is_used_from_then_on(
    database: SQLiteDatabase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(database, "old")
    other = tmp_path / "other"
    other.mkdir()
    new = made(other)
    put(new, "new")
    new.close()
    with caplog.at_level(logging.WARNING, "paod.database"):
        (other / "paod.db").replace(tmp_path / "paod.db")
        assert names(database) == ["new"]
        put(database, "newer")
    assert names(database) == ["new", "newer"]
    assert [record.message.endswith("used from now on") for record in caplog.records] == [True]


def test_a_file_that_is_gone_is_said_to_be_and_comes_back(
    database: SQLiteDatabase, tmp_path: Path
) -> None:
    put(database, "first")
    away = tmp_path / "away.db"
    (tmp_path / "paod.db").rename(away)
    for use in (lambda: names(database), lambda: put(database, "lost")):
        with pytest.raises(StoreUnavailable, match="is gone") as gone:
            use()
        assert gone.value.reason_given == "StorageGone"
    away.rename(tmp_path / "paod.db")
    put(database, "second")
    assert names(database) == ["first", "second"]


def test_a_transaction_does_not_end_in_a_file_that_nobody_sees(
    database: SQLiteDatabase, tmp_path: Path
) -> None:
    put(database, "first")
    with pytest.raises(StoreUnavailable, match="during a transaction"):
        replaced_inside(database, tmp_path / "paod.db")


@pytest.mark.parametrize("other", ["foreign", "newer"])
def test_what_is_not_ours_is_not_used(database: SQLiteDatabase, tmp_path: Path, other: str) -> None:
    put(database, "first")
    folder = tmp_path / "other"
    folder.mkdir()
    if other == "foreign":
        sqlite3.connect(folder / "paod.db").execute("CREATE TABLE x (y)").connection.close()
    else:
        new = made(folder)
        with new.atomic():
            new.stamp(7)
        new.close()
    (folder / "paod.db").replace(tmp_path / "paod.db")
    with pytest.raises(StoreError, match=r"another (program|schema)"):
        names(database)


def test_a_lock_whose_file_was_removed_is_taken_on_the_new_one(
    database: SQLiteDatabase, tmp_path: Path
) -> None:
    lock = tmp_path / "paod.db-lock"
    with database.sync_lock() as mine:
        assert mine
        lock.unlink()
    with database.sync_lock() as mine, database_in(tmp_path).sync_lock() as second:
        assert (mine, second) == (True, False)
        assert lock.exists()


def test_a_copy_is_whole_private_and_never_written_over(
    database: SQLiteDatabase, tmp_path: Path
) -> None:
    put(database, "first")
    copy = tmp_path / "copy.db"
    with database.atomic():
        database.execute("INSERT INTO names VALUES ('not committed', 1)")
        copy_database(database.path, copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    copied = SQLiteDatabase(copy)
    assert names(copied) == ["first"]
    copied.close()
    with pytest.raises(StoreError, match="File exists"):
        copy_database(database.path, copy)
    with pytest.raises(StoreError, match="No such file"):
        copy_database(database.path, tmp_path / "nowhere" / "copy.db")
    there = sorted(file.name for file in tmp_path.iterdir())
    assert there == ["copy.db", "paod.db", "paod.db-shm", "paod.db-wal"]


def test_a_damaged_database_gives_no_copy(database: SQLiteDatabase, tmp_path: Path) -> None:
    with database.atomic():
        rows = [{"name": f"{number:0100}"} for number in range(2000)]
        database.execute_many("INSERT INTO names VALUES (:name, 1)", rows)
        database.execute("CREATE INDEX by_name ON names (name)")
    database.close()
    file = tmp_path / "paod.db"
    data = bytearray(file.read_bytes())
    data[-6000:-5000] = b"\xff" * 1000
    file.write_bytes(data)
    assert damage_of(file)
    with pytest.raises(StoreError):
        copy_database(database.path, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_a_copy_that_is_put_in_place_by_hand_gets_its_log(
    database: SQLiteDatabase, tmp_path: Path
) -> None:
    copy_database(database.path, tmp_path / "copy.db")
    database.close()
    (tmp_path / "copy.db").replace(tmp_path / "paod.db")
    assert database.query("PRAGMA journal_mode") == [{"journal_mode": "delete"}]
    database.close()
    database.prepare()
    assert database.query("PRAGMA journal_mode") == [{"journal_mode": "wal"}]
