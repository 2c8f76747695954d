"""The database's verbs on a real file, with real threads and processes."""

from __future__ import annotations

import os
import sqlite3 as stock
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlite_utils

from paod.database import Database, SQLiteDatabase, open_database
from paod.database.driver import statements
from paod.errors import StoreError, StoreUnavailable
from tests.databases import database_in, on_each_database

pytestmark = on_each_database
only_sqlite = pytest.mark.only_on("sqlite")
PATIENCE = 5.0
"""Seconds in which a server has noticed that a client is gone."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = database_in(tmp_path)
    database.prepare()
    with database.atomic():
        database.script("CREATE TABLE things (name TEXT PRIMARY KEY, size INTEGER NOT NULL);")
    yield database
    database.close()


def put(database: Database, name: str, size: int | None = 1) -> int:
    values = {"name": name, "size": size}
    return database.execute("INSERT INTO things (name, size) VALUES (:name, :size)", values)


def names(database: Database) -> list[str]:
    return [row["name"] for row in database.query("SELECT name FROM things ORDER BY name")]


def in_child(work: Callable[[], None]) -> int:
    """Run work in a forked child; return its exit status."""
    child = os.fork()
    if not child:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def in_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_writes_are_committed_together(database: Database, tmp_path: Path) -> None:
    with database.atomic():
        assert put(database, "a") == 1
        database.execute_many(
            "INSERT INTO things VALUES (:name, :size)",
            [{"name": "b", "size": 2}, {"name": "c", "size": 3}],
        )
        assert names(database_in(tmp_path)) == []
    assert names(database_in(tmp_path)) == ["a", "b", "c"]
    assert database.query("SELECT size FROM things WHERE name = :name", {"name": "b"}) == [
        {"size": 2}
    ]


def test_an_exception_takes_everything_back(database: Database) -> None:
    def fail() -> None:
        with database.atomic():
            put(database, "a")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert names(database) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda database: put(database, "a"),
        lambda database: database.script("DELETE FROM things;"),
        lambda database: database.execute_many("DELETE FROM things WHERE size = :s", [{"s": 1}]),
        lambda database: database.query("DELETE FROM things RETURNING name"),
    ],
)
def test_a_write_outside_a_transaction_is_refused(
    database: Database, write: Callable[[Database], object]
) -> None:
    with database.atomic():
        put(database, "kept")
    with pytest.raises(StoreError, match="outside a transaction"):
        write(database)
    with database.snapshot(), pytest.raises(StoreError):
        write(database)
    assert names(database) == ["kept"]


def test_whoever_swallows_an_error_still_loses_the_transaction(database: Database) -> None:
    def go_on_writing() -> None:
        with database.atomic():
            put(database, "a")
            with pytest.raises(StoreError):
                put(database, "a")
            put(database, "b")

    def go_on_to_commit() -> None:
        with database.atomic():
            put(database, "a")
            with pytest.raises(StoreError):
                put(database, "b", size=None)

    for swallow in (go_on_writing, go_on_to_commit):
        with pytest.raises(StoreError, match="earlier error"):
            swallow()
        assert names(database) == []


def test_nested_blocks_are_one_transaction(database: Database) -> None:
    with database.atomic():
        put(database, "a")
        with database.atomic():
            put(database, "b")
    assert names(database) == ["a", "b"]


def test_an_error_in_a_nested_block_ends_the_outer_one(database: Database) -> None:
    def swallow() -> None:
        with database.atomic():
            put(database, "c")
            with suppress(ZeroDivisionError), database.atomic():
                _ = 1 / 0

    with pytest.raises(StoreError, match="earlier error"):
        swallow()
    assert names(database) == []


def test_the_connection_works_on_after_an_error(database: Database) -> None:
    with pytest.raises(StoreError), database.atomic():
        database.execute("INSERT INTO nowhere VALUES (1)")
    with database.atomic():
        put(database, "a")
    assert names(database) == ["a"]


def test_a_snapshot_sees_one_state(database: Database, tmp_path: Path) -> None:
    other = database_in(tmp_path)
    with database.snapshot():
        assert names(database) == []
        with other.atomic():
            put(other, "a")
        assert names(database) == []
    assert names(database) == ["a"]
    other.close()


def test_a_transaction_that_reads_first_waits_for_another_writer(
    database: Database,
) -> None:
    """A deferred BEGIN would fail at once here, whatever the busy timeout."""
    begun = threading.Event()

    def write() -> None:
        with database.atomic():
            begun.set()
            time.sleep(0.2)
            put(database, "first")

    thread = in_thread(write)
    begun.wait()
    with database.atomic():
        assert names(database) == ["first"]
        put(database, "second")
    thread.join()
    assert names(database) == ["first", "second"]


def test_a_lock_that_is_not_freed_is_an_error_in_bounded_time(
    database: Database, tmp_path: Path
) -> None:
    """A webhook's sender is to have his answer within five seconds."""
    impatient = database_in(tmp_path)
    with database.atomic():
        start = time.monotonic()
        refused = pytest.raises(StoreUnavailable, match=r"another (process|session) holds")
        with refused, impatient.atomic():
            pass
        assert time.monotonic() - start < 5
        assert names(impatient) == []
    impatient.close()


def test_threads_have_connections_of_their_own(database: Database) -> None:
    def write(name: str) -> None:
        for number in range(20):
            with database.atomic():
                put(database, f"{name}{number}")

    threads = [in_thread(lambda name=name: write(name)) for name in "abcd"]  # type: ignore[misc]
    for thread in threads:
        thread.join()
    assert len(names(database)) == 80


def test_a_forked_child_opens_its_own_connection(database: Database) -> None:
    def work() -> None:
        assert names(database) == ["a"]
        with database.atomic():
            put(database, "child's")
        database.close()

    with database.atomic():
        put(database, "a")
    assert in_child(work) == 0
    with database.atomic():
        put(database, "b")
    assert names(database) == ["a", "b", "child's"]
    if isinstance(database, SQLiteDatabase):
        assert database.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def test_a_child_forked_inside_a_transaction_does_not_share_it(database: Database) -> None:
    def work() -> None:
        assert names(database) == []
        database.close()

    with database.atomic():
        put(database, "a")
        assert in_child(work) == 0
        put(database, "b")
    assert names(database) == ["a", "b"]


@only_sqlite
def test_closed_connections_leave_no_log_behind(database: Database, tmp_path: Path) -> None:
    thread = in_thread(lambda: assert_no_names(database))
    thread.join()
    database.close()
    assert not (tmp_path / "paod.db-wal").exists()
    assert names(database) == []


def assert_no_names(database: Database) -> None:
    assert names(database) == []


@only_sqlite
def test_connections_are_safe_ones(database: Database) -> None:
    found = {
        name: next(iter(database.query(f"PRAGMA {name}")[0].values()))
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 4000,
    }


def test_a_read_only_database_writes_nothing(database: Database, tmp_path: Path) -> None:
    with database.atomic():
        put(database, "a")
    reader = database_in(tmp_path, read_only=True)
    assert reader.query("SELECT name FROM things") == [{"name": "a"}]
    with pytest.raises(StoreUnavailable, match="cannot be written") as refused, reader.atomic():
        reader.execute("DELETE FROM things")
    assert refused.value.reason_given == "StorageReadOnly"
    assert names(database) == ["a"]
    reader.close()


def test_one_process_at_a_time_holds_the_lock(database: Database) -> None:
    def held() -> None:
        with database.sync_lock(PATIENCE) as mine:
            assert mine

    def refused() -> None:
        with database.sync_lock(0.1) as mine:
            assert not mine

    assert in_child(held) == 0
    with database.sync_lock(PATIENCE) as mine:
        assert mine
        assert in_child(refused) == 0
        with database.sync_lock() as again:
            assert not again
    database.close()
    assert in_child(held) == 0


@pytest.mark.only_on("postgresql")
def test_the_seat_is_kept_between_two_blocks(database: Database) -> None:
    def refused() -> None:
        with database.sync_lock(0.1) as mine:
            assert not mine

    assert database.sync_holder() is None
    with database.sync_lock() as mine:
        assert mine
    holder = database.sync_holder()
    assert holder is not None
    assert holder[0] == "vm-1"
    assert in_child(refused) == 0
    with database.sync_lock() as again:
        assert again


@only_sqlite
def test_the_lock_is_free_after_its_block(database: Database) -> None:
    def held() -> None:
        with database.sync_lock() as mine:
            assert mine

    with database.sync_lock() as mine:
        assert mine
    assert in_child(held) == 0
    assert database.sync_holder() is None


def test_the_lock_is_free_as_soon_as_its_holder_is_dead(database: Database) -> None:
    """Also when a child of the holder lives on, that was forked while the lock was held."""
    ready, ready_for_writing = os.pipe()
    holder = os.fork()
    if not holder:
        with database.sync_lock():
            orphan = os.fork()
            if not orphan:
                os.write(ready_for_writing, b"%d\n" % os.getpid())
                time.sleep(30)
                os._exit(0)
            time.sleep(30)
    orphan = int(os.read(ready, 20))
    with database.sync_lock() as mine:
        assert not mine
    os.kill(holder, 9)
    os.waitpid(holder, 0)
    with database.sync_lock(0 if isinstance(database, SQLiteDatabase) else PATIENCE) as mine:
        assert mine
    os.kill(orphan, 9)


def test_waiting_for_the_lock_ends_when_it_is_freed(database: Database) -> None:
    taken = threading.Event()

    def hold() -> None:
        with database.sync_lock():
            taken.set()
            time.sleep(0.2)

    thread = in_thread(hold)
    taken.wait()
    with database.sync_lock(5) as mine:
        assert mine
    thread.join()


def test_news_reaches_every_waiting_process(database: Database) -> None:
    ready, ready_for_writing = os.pipe()

    def listen() -> None:
        assert database.wait(0)  # the first wait never blocks
        os.write(ready_for_writing, b"!")
        start = time.monotonic()
        assert database.wait(10)
        assert time.monotonic() - start < 5

    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            try:
                listen()
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
        os.read(ready, 1)
    database.wake()
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0, 0]


def test_news_between_two_waits_is_kept(database: Database) -> None:
    assert database.wait(0)
    while database.wait(0.5):
        pass
    assert in_child(database.wake) == 0
    for _ in range(100):  # more than a socket's queue holds
        in_thread(database.wake).join()
    assert database.wait(PATIENCE)
    while database.wait(0.5):
        pass


@only_sqlite
def test_the_dead_are_swept_and_news_goes_on(database: Database, tmp_path: Path) -> None:
    assert database.wait(0)
    assert in_child(lambda: os._exit(0 if database.wait(0) else 1)) == 0
    ears = tmp_path / "paod.db-wake"
    assert len(list(ears.iterdir())) == 2
    in_thread(database.wake).join()
    assert len(list(ears.iterdir())) == 1
    assert database.wait(1)
    database.close()
    assert list(ears.iterdir()) == []


@only_sqlite
def test_a_folder_with_a_long_name_can_be_listened_in(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 150)
    folder.mkdir()
    database = database_in(folder)
    database.prepare()
    assert database.wait(0)
    in_thread(database.wake).join()
    assert database.wait(1)
    database.close()


@only_sqlite
def test_waking_where_nobody_ever_waited_is_no_error(tmp_path: Path) -> None:
    database_in(tmp_path / "nowhere").wake()


@only_sqlite
@pytest.mark.parametrize("url", ["sqlite://x.db", "sqlite:///", "sqlite:///:memory:", "mysql://x"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(StoreError):
        open_database(url)


@only_sqlite
def test_a_url_names_a_file(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/with%20space and ?.db")
    database.prepare()
    assert database.schema_number() == 0
    assert (tmp_path / "with%20space and ?.db").exists()
    database.close()


@only_sqlite
def test_sqlite_utils_keeps_an_outer_transaction(tmp_path: Path) -> None:
    """What this program stands on: no call of sqlite-utils commits behind our back."""
    path = tmp_path / "outer.db"
    handle = sqlite_utils.Database(stock.connect(path, isolation_level=None))
    handle.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)")
    handle.execute("BEGIN IMMEDIATE")
    handle.execute("INSERT INTO things (name) VALUES (:name)", {"name": "a"})
    handle["things"].insert({"name": "b"})
    handle["things"].upsert({"id": 1, "name": "c"}, pk="id")
    handle.executescript("CREATE TABLE more (x); INSERT INTO more VALUES (1);")
    assert handle.conn.in_transaction
    handle.execute("ROLLBACK")
    assert handle.query("SELECT COUNT(*) AS n FROM things").__next__() == {"n": 0}
    assert handle.table_names() == ["things"]
    handle.close()


@only_sqlite
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1;\nSELECT 2;\n", ["SELECT 1;\n", "SELECT 2;\n"]),
        ("SELECT\n  1;\n-- the end\n", ["SELECT\n  1;\n"]),
        ("SELECT ';\n';\nSELECT 2", ["SELECT ';\n';\n", "SELECT 2"]),
        ("CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT 1;\nEND;\n", [None]),
    ],
)
def test_a_script_is_split_where_its_statements_end(script, expected):
    assert list(statements(script)) == [one or script for one in expected]
