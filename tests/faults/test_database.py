"""What goes wrong under a database: kills, full disks, locks, read-only mounts (D1 to D8, F11)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.database import SQLiteDatabase
from paod.errors import StoreError, StoreUnavailable
from paod.model import Catalog, Plan, SyncRequest
from paod.store import Delivery, EntryFilters, Store
from paod.store.migrate import newest_schema
from tests.databases import chosen, on_each_database, url_in
from tests.store_tools import Clock, Edit, Syncs, database_in, empty_store, item, result_of, running

pytestmark = on_each_database
only_sqlite = pytest.mark.only_on("sqlite")

HOOK = SyncRequest("webhook", webhook={"ref": "refs/heads/main"})
BULK = 40


def edit(number: int) -> Edit:
    """Return the edit of a commit: all documents change, so that a half-applied one would show."""
    return {
        f"catalog/x/{place}.yaml": item(f"item-{place}", says=number, text="x" * 500)
        for place in range(BULK)
    }


def expected(number: int, store: Store) -> Catalog:
    """Return the catalog after this many commits, made without a database."""
    syncs = Syncs(store)
    for one in range(1, number + 1):
        syncs.stored = syncs.planned(edit(one)).after
    return syncs.stored.catalog


def intact(store: Store) -> bool:
    if chosen() != "sqlite":
        return True  # a client that dies damages no server
    return store.database.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]


def applied(store: Store) -> int:
    commit = store.head().commit
    return 0 if commit is None else int(commit, 16)


def sync_for_ever(folder: Path, acknowledged: int) -> None:
    """Sync one commit after another, and say of each queued request that it is safe."""
    store = empty_store(folder)
    syncs = Syncs(store, store.load(), applied(store))
    store.recover()
    while True:
        planned = syncs.planned(edit(syncs.number + 1))
        delivery = Delivery(f"d-{os.getpid()}-{syncs.number}", "push", "accepted")
        store.receive(delivery, HOOK)
        os.write(acknowledged, f"{delivery.id}\n".encode())
        syncs.apply(planned)


@pytest.mark.parametrize("seed", range(3))
def test_d1_killed_anywhere_it_is_the_catalog_before_or_after(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    promised: list[str] = []
    empty_store(tmp_path).close()
    for _ in range(6):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            sync_for_ever(tmp_path, writer)
        os.close(writer)
        os.read(reader, 1)  # it is at work, however long the way there was
        time.sleep(chance.uniform(0.02, 0.25))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reader) as lines:
            promised += lines.read().split()[1:]
    store = empty_store(tmp_path)
    assert intact(store)
    assert applied(store) > 0
    assert store.load().catalog == expected(applied(store), store)
    store.recover()
    assert store.current() is None
    assert all(store.event(delivery) is not None for delivery in promised)
    store.close()


KILLED_AT = """
import os
from paod.database import open_database
from tests.faults.test_database import HOOK, edit
from tests.store_tools import Clock, Syncs
from paod.store import Delivery, Store
store = Store(open_database(os.environ["DATABASE"]), Clock())
store.migrate()
syncs = Syncs(store)
syncs.sync(edit(1))
planned = syncs.planned(edit(2))
store.receive(Delivery("d-1", "push", "accepted"), HOOK)
syncs.apply(planned)
"""


def killed_at(folder: Path, point: str, program: str = KILLED_AT) -> None:
    root = Path(__file__).parent.parent.parent
    environment = {**os.environ, "PAOD_FAILPOINT": point, "PYTHONPATH": str(root)}
    environment["DATABASE"] = url_in(folder)
    ended = subprocess.run([sys.executable, "-c", program], cwd=folder, env=environment, timeout=60)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("point", "commits", "queued", "running"),
    [
        ("after_event_insert", 1, 1, False),
        ("before_commit", 0, 0, True),
        ("after_commit", 1, 0, False),
        ("after_claim", 0, 0, True),
    ],
)
def test_d1_killed_at_each_boundary(
    tmp_path: Path, point: str, commits: int, queued: int, running: bool
) -> None:
    killed_at(tmp_path, point)
    store = empty_store(tmp_path)
    assert intact(store)
    assert store.load().catalog == expected(commits, store)
    assert len(store.queue()) == queued
    assert (store.current() is not None) is running
    assert len(store.recover()) == running
    store.close()


def test_d5_killed_while_migrating_it_begins_again(tmp_path: Path) -> None:
    killed_at(tmp_path, "in_migration")
    store = empty_store(tmp_path)
    assert intact(store)
    applied = store.database.query("SELECT number FROM schema_migrations")
    assert len(applied) == newest_schema(chosen())
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB, or the loud word that this needs root."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs root: to mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def room_left(folder: Path, kilobytes: int) -> Path:
    """Fill a disk up to a rest; return the file that fills it."""
    free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
    filler = folder / "filler"
    filler.write_bytes(b"\0" * max(0, free - kilobytes * 1024))
    return filler


@only_sqlite
def test_d2_a_full_disk_takes_the_whole_sync_back(small_disk: Path) -> None:
    store = empty_store(small_disk)
    syncs = Syncs(store)
    syncs.sync(edit(1))
    refused = 0
    for kilobytes in (0, 4, 8, 16, 32, 64, 128, 192, 256, 320, 512):
        sync_id = running(store)
        planned = syncs.planned(edit(syncs.number + 1))
        filler = room_left(small_disk, kilobytes)
        reason = _apply(store, syncs, planned, sync_id)
        assert reason in (None, "StorageFull")
        refused += reason is not None
        assert [row["name"] for row in store.items(EntryFilters(), None, 99).rows]
        assert store.load() == syncs.stored
        filler.unlink()
        store.recover()
        store.claim()
    assert 0 < refused < 11
    assert intact(store)
    syncs.sync(edit(syncs.number + 1))
    assert store.load() == syncs.stored
    store.close()


def _apply(store: Store, syncs: Syncs, planned: Plan, sync_id: int) -> str | None:
    """Apply a plan; return the reason if the store refused it."""
    after = planned.catalog.commit or ""
    result = result_of(planned, syncs.stored.catalog.commit)
    try:
        store.apply(sync_id, planned, result, commit=after, basis="basis")
    except StoreUnavailable as refused:
        syncs.number -= 1
        return refused.reason_given
    syncs.stored = planned.after
    return None


@only_sqlite
def test_f11_whoever_goes_on_after_a_full_disk_commits_nothing(tmp_path: Path) -> None:
    """SQLite rolls back by itself there: what followed would be on its own, row by row."""
    database = database_in(tmp_path)
    database.prepare()
    with database.atomic():
        database.script("CREATE TABLE things (text TEXT);")
    database.query("PRAGMA max_page_count = 20")

    def swallow() -> int:
        refused = 0
        with database.atomic():
            for _ in range(50):
                try:
                    _put(database, "x" * 5000)
                except StoreError:
                    refused += 1
        return refused

    with pytest.raises(StoreError, match="earlier error"):
        swallow()
    assert database.query("SELECT COUNT(*) AS n FROM things") == [{"n": 0}]
    database.query("PRAGMA max_page_count = 2000")
    with database.atomic():
        _put(database, "y")
    assert database.query("SELECT text FROM things") == [{"text": "y"}]
    database.close()


def _put(database: SQLiteDatabase, text: str) -> None:
    database.execute("INSERT INTO things VALUES (:text)", {"text": text})


def remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)


@only_sqlite
def test_d3_a_read_only_disk_is_read_and_said(small_disk: Path) -> None:
    store = empty_store(small_disk)
    syncs = Syncs(store)
    syncs.sync(edit(1))
    store.close()
    remount(small_disk, "ro")
    for _ in range(2):
        assert store.load() == syncs.stored
        with pytest.raises(StoreUnavailable) as refused:
            store.receive(Delivery("d-1", "push", "accepted"), HOOK)
        assert refused.value.reason_given == "StorageReadOnly"
        store.migrate()
    with pytest.raises(StoreUnavailable), store.database.sync_lock():
        pass
    start = time.monotonic()
    store.database.wake()
    assert store.database.wait(0.05)
    assert time.monotonic() - start < 1
    remount(small_disk, "rw")
    syncs.sync(edit(2))
    assert store.load() == syncs.stored
    store.close()


@only_sqlite
def test_d4_a_damaged_page_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    Syncs(store).sync(edit(1))
    store.close()
    path = tmp_path / "paod.db"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x55" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged") as damaged:
        store.load()
    assert damaged.value.reason_given == "StorageDamaged"
    with pytest.raises(StoreError):
        store.receive(Delivery("d-1", "push", "accepted"), HOOK)
    store.close()
    assert path.read_bytes() == data


@only_sqlite
def test_d6_a_lock_that_another_program_holds(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    syncs = Syncs(store)
    syncs.sync(edit(1))
    program = (
        "import sqlite3, sys, time; c = sqlite3.connect('paod.db', isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    start = time.monotonic()
    with pytest.raises(StoreUnavailable, match="another process holds") as refused:
        store.receive(Delivery("d-1", "push", "accepted"), HOOK)
    assert 3 < time.monotonic() - start < 8
    assert refused.value.reason_given == "StoreUnavailable"
    assert store.load() == syncs.stored
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert not store.receive(Delivery("d-1", "push", "accepted"), HOOK).duplicate
    store.close()


@only_sqlite
def test_d7_a_long_reader_keeps_its_state_and_the_log_is_cut_after_it(tmp_path: Path) -> None:
    store, other = empty_store(tmp_path), empty_store(tmp_path)
    syncs = Syncs(store)
    syncs.sync(edit(1))
    before = syncs.stored
    with other.database.snapshot():
        assert other.head().generation == 1
        for number in range(2, 20):
            syncs.sync(edit(number))
        assert other.load() == before
    assert other.load() == syncs.stored
    log = tmp_path / "paod.db-wal"
    grown = log.stat().st_size
    for number in range(20, 50):
        syncs.sync(edit(number))
    assert log.stat().st_size < 2 * grown
    other.close()
    store.close()


def test_d8_readers_during_syncs_never_see_a_mixture(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    syncs = Syncs(store)
    syncs.sync(edit(1))
    mixed: list[set[str]] = []
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            rows = store.database.query("SELECT commit_hash FROM catalog_items")
            found = {row["commit_hash"] for row in rows}
            seen.update(found)
            if len(found) != 1 or len(rows) != BULK:
                mixed.append(found)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(2, 25):
        syncs.sync(edit(number))
    done.set()
    for reader in readers:
        reader.join()
    assert mixed == []
    assert len(seen) > 1
    store.close()


def test_o12_a_clock_that_goes_back_changes_no_order(tmp_path: Path) -> None:
    clock = Clock()
    store = empty_store(tmp_path, clock)
    first = store.enqueue(SyncRequest("manual", dry_run=True))
    clock.turn(days=-400)
    second = store.enqueue(SyncRequest("manual", dry_run=True))
    assert [row["sync_id"] for row in store.queue()] == [first, second]
    claimed = store.claim(dry_run=True)
    assert claimed is not None
    assert claimed.id == first
    assert [row["sync_id"] for row in store.syncs(None, 9).rows] == [second, first]
    store.close()
