"""What goes wrong with PostgreSQL under a catalog (P1 to P4), each on a real server.

The server is restarted, stopped in the middle of things, failed over to a standby, out of
connections, locked, slow, silent, or cut off at the worst moment. The role has a password, which
must show up nowhere, whatever happens.
"""

from __future__ import annotations

import itertools
import logging
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from falcon.testing import Result

from paod.config import load
from paod.daemon import open_store, prepare_state, prepare_store
from paod.daemon.board import Board
from paod.daemon.syncing import Syncing
from paod.daemon.worker import SyncWorker
from paod.database import (
    postgres_connection,
    postgres_seat,
    postgres_session,
    postgres_settings,
)
from paod.database.postgres_settings import Setting
from paod.errors import StoreError, StoreUnavailable
from paod.model import SyncRequest
from paod.store import Delivery, Store
from tests.databases import opened
from tests.faults.test_database import HOOK, applied, edit, expected
from tests.origin import Origin
from tests.postgres import MEMORY, Server
from tests.running import item
from tests.served import POSTGRES, URL, Served
from tests.served import item as document
from tests.store_tools import Clock, Syncs
from tests.wire import Wire, at_commit

CANARY = "canary-Zq7-of-the-database"
PUSH = {"ref": "refs/heads/main", "after": "1" * 40, "repository": {"clone_url": URL}}
SOON = 8.0
"""Seconds in which who asks is refused at the latest, on a machine that does much else."""
_numbers = itertools.count()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server of this module's own, which its tests may stop; it keeps what it confirmed."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=MEMORY) as folder:
        made = Server(Path(folder), {"synchronous_commit": "on"})
        made.execute(f"CREATE ROLE paod LOGIN PASSWORD '{CANARY}'")
        access = made.data / "pg_hba.conf"
        access.write_text(f"local all paod scram-sha-256\n{access.read_text()}")
        made.execute("SELECT pg_reload_conf()")
        yield made
        made.stop(signal.SIGQUIT)


@pytest.fixture(autouse=True)
def log(server: Server, caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Keep what is logged, from all levels; the password is not in it."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    yield told
    told += [record.getMessage() for record in caplog.records]
    assert CANARY not in caplog.text
    assert CANARY not in "\n".join(told)


def new_schema(server: Server) -> str:
    schema = f"faults{next(_numbers)}"
    server.execute(f"CREATE SCHEMA {schema} AUTHORIZATION paod")
    return schema


def url_of(folder: Path, schema: str) -> str:
    """Return a URL with the password, by the way of a folder's socket."""
    options = quote(f"-csearch_path={schema}")
    return (
        f"postgresql://paod:{CANARY}@/postgres?host={quote(str(folder), safe='')}&options={options}"
    )


@pytest.fixture
def url(server: Server) -> str:
    return url_of(server.folder, new_schema(server))


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-", dir=MEMORY) as folder:
        made = Wire(Path(folder), server.folder)
        yield made
        made.close()


@pytest.fixture
def wired(server: Server, wire: Wire) -> str:
    """The URL of an empty schema, by the way of the wire."""
    return url_of(wire.folder, new_schema(server))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Served]]:
    """Serve a catalog of one item from a database."""
    made: list[Served] = []

    def start(url: str) -> Served:
        served = Served(tmp_path, {"PAO_DB_URL": url})
        made.append(served)
        served.push({POSTGRES: document()})
        return served

    yield start
    for served in made:
        served.store.close()


def read(served: Served) -> Result:
    return served.get("/catalog/items/postgres-database")


def refused(answer: Result) -> bool:
    """Whether an answer says, as it is to, that the database is gone; it tells no secret."""
    assert CANARY not in answer.text
    assert answer.status_code in (200, 503), answer.text
    if answer.status_code == 503:
        assert answer.json["type"] == "urn:paod:problem:store-unavailable"
        assert int(answer.headers["retry-after"]) > 0
    return answer.status_code == 503


def wait_until(look: Callable[[], object], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def quickly_refused(served: Served) -> None:
    """Check that reads and webhooks are refused in bounded time, and the process lives."""
    began = time.monotonic()
    assert refused(read(served))
    assert refused(served.deliver(PUSH))
    assert time.monotonic() - began < SOON
    assert served.get("/health").status_code == 503
    assert served.client.simulate_get("/readyz").status_code == 503
    assert served.client.simulate_get("/livez").status_code == 200


def terminate(server: Server, whose: str = "paod%") -> int:
    """End backends as an administrator does, and wait for their ends; return how many."""
    ended = server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE usename = 'paod' AND application_name LIKE '{whose}'"
    )
    return len(ended)


# P1: the server goes away


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_p1_while_the_server_is_gone_reads_are_refused_and_then_go_on(
    server: Server,
    serve: Callable[[str], Served],
    url: str,
    how: signal.Signals,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = serve(url)
    assert not refused(read(served))
    server.stop(how)
    try:
        caplog.clear()
        quickly_refused(served)
        for _ in range(20):
            assert refused(read(served))
        told = [one for one in caplog.records if one.levelno >= logging.WARNING]
        assert {one.name for one in told} == {"paod.api"}  # a line each request, and no more
        assert "cannot be reached" in told[0].getMessage()
    finally:
        server.start()
    wait_until(lambda: not refused(read(served)))
    assert served.deliver(PUSH).json["status"] == "accepted"


def sync_for_ever(url: str, acknowledged: int) -> None:
    """Sync one commit after another, and say of each delivery that it is safe."""
    store = Store(opened(url), Clock())
    syncs = Syncs(store, store.load(), applied(store))
    store.recover()
    while True:
        planned = syncs.planned(edit(syncs.number + 1))
        delivery = Delivery(f"d-{os.getpid()}-{syncs.number}", "push", "accepted")
        store.receive(delivery, HOOK)
        os.write(acknowledged, f"{delivery.id}\n".encode())
        syncs.apply(planned)


def test_p1_stopped_in_the_middle_of_syncs_it_is_the_catalog_before_or_after(
    server: Server, url: str
) -> None:
    store = Store(opened(url), Clock())
    store.migrate()
    chance, promised = random.Random(), []
    for _ in range(3):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                sync_for_ever(url, writer)
            except StoreUnavailable:
                os._exit(0)
            os._exit(1)
        os.close(writer)
        os.read(reader, 1)
        time.sleep(chance.uniform(0.0, 0.5))
        server.stop(signal.SIGQUIT)
        server.start()
        os.kill(child, signal.SIGKILL)  # it may have been between two transactions, and go on
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, -signal.SIGKILL)
        with os.fdopen(reader) as lines:
            promised += lines.read().split()[1:]
    assert applied(store) > 0
    assert store.load().catalog == expected(applied(store), store)
    store.recover()
    assert store.current() is None
    assert all(store.event(delivery) is not None for delivery in promised)
    store.close()


def test_p1_readers_whose_backends_are_terminated_notice_nothing(
    server: Server, serve: Callable[[str], Served], url: str
) -> None:
    served = serve(url)
    for _ in range(5):
        assert not refused(read(served))
        assert terminate(server) > 0
    assert not refused(read(served))


def test_p1_a_terminated_transaction_is_taken_back_and_said(server: Server, url: str) -> None:
    store = Store(opened(url), Clock())
    store.migrate()

    def write() -> None:
        with store.database.atomic():
            store.enqueue(SyncRequest("manual"))
            assert terminate(server) > 0
            store.enqueue(SyncRequest("manual"))

    def look() -> None:
        with store.database.snapshot():
            store.queue()
            assert terminate(server) > 0
            store.queue()

    for work in (write, look):
        with pytest.raises(StoreUnavailable) as gone:
            work()
        assert gone.value.hint
        assert store.queue() == []
    store.close()


# P1: another server behind the same name


def test_p1_a_standby_is_read_and_written_once_it_is_promoted(
    server: Server,
    serve: Callable[[str], Served],
    wire: Wire,
    wired: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres_connection, "STANDBY_SECONDS", 0.5)
    served = serve(wired)
    with tempfile.TemporaryDirectory(prefix="pg-", dir=MEMORY) as folder:
        standby = Server(Path(folder), primary=server)
        try:
            served.push({"catalog/databases/second.yaml": document("second")})
            wait_until(lambda: behind(server) == 0)
            wire.target = standby.folder
            wire.cut()
            assert served.get("/catalog/items/second").status_code == 200
            answer = served.post("/admin/catalog/sync", {})
            assert refused(answer)
            assert answer.json["detail"] == "the database cannot be written"
            with served.store.database.sync_lock() as mine:
                assert not mine
            standby.execute("SELECT pg_promote()")
            wait_until(lambda: served.post("/admin/catalog/sync", {}).status_code == 202)
            with served.store.database.sync_lock() as mine:
                assert mine
                assert served.store.claim() is not None
        finally:
            served.store.close()
            standby.stop(signal.SIGQUIT)


def behind(primary: Server) -> Any:
    """Return by how many bytes the standby is behind."""
    rows = primary.execute(
        "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint FROM pg_stat_replication"
    )
    return rows[0][0] if rows else None


# P1: no room, no password


def test_p1_with_all_connections_taken_reads_are_refused_until_there_is_one(
    server: Server, serve: Callable[[str], Served], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(url)
    terminate(server)
    server.execute("ALTER ROLE paod CONNECTION LIMIT 1")
    try:
        with psycopg.connect(url):
            quickly_refused(served)
            assert "too many connections" in caplog.text
            with pytest.raises(StoreUnavailable, match="refuses the connection"):
                take_seat(served.store)
        wait_until(lambda: not refused(read(served)))
    finally:
        server.execute("ALTER ROLE paod CONNECTION LIMIT -1")


def quick_locks() -> tuple[Setting, ...]:
    """Return what is set in sessions, with little patience for a lock."""
    return tuple(
        replace(one, value="300ms") if one.name == "lock_timeout" else one
        for one in postgres_settings.SETTINGS
    )


def take_seat(store: Store) -> None:
    with store.database.sync_lock() as mine:
        assert mine


def test_a_refused_password_is_not_told(
    server: Server, serve: Callable[[str], Served], url: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(url)
    terminate(server)
    server.execute("ALTER ROLE paod PASSWORD 'another'")
    try:
        quickly_refused(served)
        with pytest.raises(StoreUnavailable, match="refuses the connection"):
            take_seat(served.store)
        assert "password authentication failed" in caplog.text
    finally:
        server.execute(f"ALTER ROLE paod PASSWORD '{CANARY}'")
    wait_until(lambda: not refused(read(served)))


# P3: locks and errors that pass


def test_p3_a_table_that_somebody_locked_is_waited_for_a_bounded_time(
    server: Server, serve: Callable[[str], Served], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_session, "LOCK_SECONDS", 0.3)
    monkeypatch.setattr(postgres_settings, "SETTINGS", quick_locks())
    served = serve(url)
    with psycopg.connect(server.url()) as administrator:
        schema = url.rpartition("%3D")[2]
        administrator.execute(f"LOCK TABLE {schema}.catalog_items".encode())
        assert refused(read(served))
        with pytest.raises(StoreUnavailable, match="holds a lock for too long"):
            served.push({POSTGRES: document(version="2.0.0")})
        administrator.rollback()
    assert read(served).json["version"] == "1.0.0"
    served.store.recover()
    served.push({POSTGRES: document(version="2.0.0")})
    assert read(served).json["version"] == "2.0.0"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("40001", "StoreUnavailable"),
        ("40P01", "StoreUnavailable"),
        ("57014", "StoreUnavailable"),
        ("57P01", "StoreUnavailable"),
        ("53100", "StorageFull"),
        ("53200", "StoreUnavailable"),
        ("58030", "StoreUnavailable"),
        ("25006", "StorageReadOnly"),
    ],
)
def test_p3_what_may_pass_is_worth_another_try(url: str, state: str, reason: str) -> None:
    database = opened(url)

    def fail() -> None:
        with database.atomic():
            database.script(f"DO $$ BEGIN RAISE 'as told' USING ERRCODE = '{state}'; END $$;")

    with pytest.raises(StoreUnavailable) as told:
        fail()
    assert told.value.reason_given == reason
    assert told.value.hint
    with pytest.raises(StoreError) as lasting:
        fail_for_good(database)
    assert not isinstance(lasting.value, StoreUnavailable)
    database.close()


def fail_for_good(database: Any) -> None:
    with database.atomic():
        database.script("SELECT nothing FROM nowhere;")


# The network


def test_a_slow_network_is_only_slow(
    serve: Callable[[str], Served], wire: Wire, wired: str
) -> None:
    served = serve(wired)
    wire.delay = 0.02
    assert not refused(read(served))
    served.push({POSTGRES: document(version="2.0.0")})
    assert read(served).json["version"] == "2.0.0"


def test_a_silent_network_is_given_up(
    serve: Callable[[str], Served], wire: Wire, wired: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What takes all and passes nothing on: TCP sees nothing wrong with it."""
    monkeypatch.setattr(postgres_connection, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(postgres_connection, "CONNECT_SECONDS", 2)
    served = serve(wired)
    assert not refused(read(served))
    wire.silent = True
    quickly_refused(served)
    wire.silent = False
    wait_until(lambda: not refused(read(served)))


# P2 and P4: who syncs


class Machine:
    """One machine's sync worker, without its process."""

    def __init__(self, folder: Path, origin: Origin, url: str, name: str) -> None:
        self.settings = load(
            {
                "PAO_REPO_URL": origin.url,
                "PAO_STATE_DIR": str(folder / name),
                "PAO_DB_URL": url,
                "PAO_INSTANCE": name,
                "PAO_SYNC_INTERVAL": "0",
            }
        )
        prepare_state(self.settings)
        prepare_store(self.settings)
        self.board = Stage()
        self.store = open_store(self.settings)
        self.syncing = Syncing(self.settings, self.store, self.board)

    def serve(self) -> str:
        """Run what is queued; return how that ended."""
        try:
            served = self.syncing.serve_one()
        except StoreUnavailable as error:
            return error.reason_given
        return "nothing" if served is None else served[1].reason

    def rows(self) -> list[tuple[str, str]]:
        """Return status and reason of each sync, oldest first."""
        found = self.store.syncs(None, 50).rows
        return [(row["status"], row["reason"]) for row in reversed(found)]


class Stage(Board):
    """A board that lets something happen when a sync comes to a phase."""

    def __init__(self) -> None:
        super().__init__()
        self.at: dict[str, Callable[[], None]] = {}

    def enter(self, phase: str, seconds: float) -> None:
        """Write the phase, and let happen what is to."""
        super().enter(phase, seconds)
        if phase in self.at:
            self.at.pop(phase)()


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as made:
        made.write("catalog/things/first.yaml", item("first")).commit()
        yield made


MOVED = b"SET commit_hash"
"""In the statement that moves the head, shortly before its COMMIT."""


def test_p2_a_commit_whose_answer_is_lost_is_looked_up_and_not_repeated(
    tmp_path: Path, origin: Origin, wire: Wire, wired: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(tmp_path, origin, wired, "vm-1")
    machine.store.enqueue(SyncRequest("manual"))
    wire.fate = at_commit(MOVED, "deliver and cut")
    assert machine.serve() == "SeatLost"
    wait_until(lambda: machine.serve() == "nothing" and "was applied" in caplog.text)
    assert machine.rows() == [("completed", "Succeeded")]
    assert machine.store.head().commit == origin.head
    assert machine.store.head().generation == 1
    origin.write("catalog/things/second.yaml", item("second")).commit()
    machine.store.enqueue(SyncRequest("manual"))
    assert machine.serve() == "Succeeded"
    assert machine.store.head().commit == origin.head
    machine.store.close()


def test_p2_a_commit_that_never_arrived_runs_again(
    tmp_path: Path, origin: Origin, wire: Wire, wired: str, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine(tmp_path, origin, wired, "vm-1")
    machine.store.enqueue(SyncRequest("manual"))
    wire.fate = at_commit(MOVED, "cut")
    assert machine.serve() == "SeatLost"
    wait_until(lambda: machine.serve() == "Succeeded")
    assert "was not applied, and runs again" in caplog.text
    assert machine.rows() == [("failed", "Interrupted"), ("completed", "Succeeded")]
    assert machine.store.head().generation == 1
    machine.store.close()


@pytest.mark.parametrize("phase", ["fetch", "fold", "apply"])
def test_p4_who_loses_the_seat_in_a_sync_stops_before_another_starts(
    server: Server, tmp_path: Path, origin: Origin, url: str, phase: str
) -> None:
    first, second = (Machine(tmp_path, origin, url, name) for name in ("vm-1", "vm-2"))
    assert first.serve() == "nothing"
    sync_id = first.store.enqueue(SyncRequest("manual"))
    assert second.serve() == "nothing"

    def lose() -> None:
        assert terminate(server, "paod sync vm-1") == 1
        wait_until(lambda: second.serve() == "Succeeded")

    first.board.at[phase] = lose
    assert first.serve() == "SeatLost"
    assert first.serve() == "nothing"
    assert first.store.database.sync_holder()[0] == "vm-2"  # type: ignore[index]
    assert first.rows() == [("failed", "Interrupted"), ("completed", "Succeeded")]
    cut_off = first.store.sync(sync_id)
    assert cut_off is not None
    assert first.store.head().generation == 1
    for machine in (first, second):
        machine.store.close()


def test_p4_who_takes_over_looks_at_the_remote_unasked(
    server: Server, tmp_path: Path, origin: Origin, url: str
) -> None:
    """A commit whose webhook nobody took, and nobody polls."""
    first, second = (Machine(tmp_path, origin, url, name) for name in ("vm-1", "vm-2"))
    workers = [
        SyncWorker(machine.settings, machine.syncing, machine.board, random.uniform)
        for machine in (first, second)
    ]
    for worker in (*workers, workers[0]):
        worker.begin(SyncRequest("startup"))
        while worker.turn():
            pass
    assert first.store.head().commit == origin.head
    unseen = origin.write("catalog/things/second.yaml", item("second")).commit()
    for worker in workers:
        assert not worker.turn()
    assert terminate(server, "paod sync vm-1") == 1
    while workers[1].turn():
        pass
    assert second.store.head().commit == unseen
    for machine in (first, second):
        machine.store.close()


def test_p4_who_gives_no_sign_of_life_is_ended_and_writes_nothing_beside_the_next(
    tmp_path: Path,
    origin: Origin,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As when a whole machine is stopped in a fetch, and wakes up when another one syncs."""
    monkeypatch.setattr(postgres_seat, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(postgres_seat, "BEAT_SECONDS", 1000.0)
    first, second = (Machine(tmp_path, origin, url, name) for name in ("vm-1", "vm-2"))
    first.store.enqueue(SyncRequest("manual"))
    first.board.at["fetch"] = lambda: wait_until(lambda: second.serve() == "Succeeded")
    assert first.serve() == "SeatLost"
    assert "vm-1 held the sync lock and gave no sign of life" in caplog.text
    assert first.rows() == [("failed", "Interrupted"), ("completed", "Succeeded")]
    assert first.store.head().generation == 1
    for machine in (first, second):
        machine.store.close()


def test_p4_who_is_busy_for_long_gives_signs_of_life(
    tmp_path: Path, origin: Origin, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_seat, "SILENT_SECONDS", 1.0)
    monkeypatch.setattr(postgres_seat, "BEAT_SECONDS", 0.05)
    first, second = (Machine(tmp_path, origin, url, name) for name in ("vm-1", "vm-2"))
    first.store.enqueue(SyncRequest("manual"))
    looks = itertools.count()
    began = time.monotonic()

    def be_busy() -> None:
        wait_until(
            lambda: (
                second.serve() == "nothing" and next(looks) >= 10 and time.monotonic() - began > 2.0
            )
        )

    first.board.at["fetch"] = be_busy
    assert first.serve() == "Succeeded"
    for machine in (first, second):
        machine.store.close()


def test_p4_a_silent_holder_of_another_role_is_named_and_left(
    server: Server,
    tmp_path: Path,
    origin: Origin,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(postgres_seat, "SILENT_SECONDS", 0.0)
    machine = Machine(tmp_path, origin, url, "vm-1")
    with psycopg.connect(server.url(), autocommit=True) as other:
        schema = url.rpartition("%3D")[2]
        other.execute(
            f"SELECT pg_advisory_lock(1885433700, '{schema}'::regnamespace::int)".encode()
        )
        assert machine.serve() == "nothing"
        assert machine.serve() == "nothing"
    told = [one for one in caplog.messages if "give all machines the same role" in one]
    assert len(told) == 1
    machine.store.close()


def test_p4_who_loses_the_lock_in_each_sync_leaves_it_to_others_for_a_while(
    server: Server, tmp_path: Path, origin: Origin, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    now = [0.0]
    first, second = (Machine(tmp_path, origin, url, name) for name in ("vm-1", "vm-2"))
    first.syncing = Syncing(first.settings, first.store, first.board, clock=lambda: now[0])
    first.store.enqueue(SyncRequest("manual"))
    for times in range(1, 4):
        first.board.at["fold"] = lambda: terminate(server, "paod sync vm-1")
        assert first.serve() == "SeatLost"
        assert times == 1 or first.serve() == "nothing"
        now[0] += 60.0
    assert "lost in 3 syncs in a row" in caplog.text
    now[0] -= 60.0
    assert first.serve() == "nothing"
    assert second.serve() == "Succeeded"
    for machine in (first, second):
        machine.store.close()


def test_a_frozen_writer_keeps_the_others_for_as_long_as_it_may_idle(
    url: str, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its COMMIT is held by the network: the server ends what idles in a transaction."""
    monkeypatch.setattr(postgres_session, "WRITING_IDLE_SECONDS", 0.3)
    store = Store(opened(url), Clock())
    store.migrate()
    frozen = Store(opened(url_of(wire.folder, url.rpartition("%3D")[2])), Clock())
    wire.fate = at_commit(b"INSERT INTO catalog_sync_status", "hold")
    ended: list[str] = []

    def write() -> None:
        try:
            frozen.enqueue(SyncRequest("manual"))
        except StoreUnavailable as error:
            ended.append(error.reason_given)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    wait_until(lambda: wire.holds)
    queued = store.enqueue(SyncRequest("webhook"))
    assert [row["sync_id"] for row in store.queue()] == [queued]
    wire.release()
    writer.join(10)
    assert ended == ["OutcomeUnknown"]
    store.close()
    frozen.close()


def test_p4_a_sync_that_finds_the_database_gone_fails_and_converges(
    server: Server, tmp_path: Path, origin: Origin, url: str
) -> None:
    machine = Machine(tmp_path, origin, url, "vm-1")
    machine.store.enqueue(SyncRequest("manual"))
    machine.board.at["fold"] = lambda: server.stop(signal.SIGQUIT)
    try:
        assert machine.serve() in ("SeatLost", "StoreUnavailable")
        assert machine.serve() == "StoreUnavailable"
    finally:
        server.start()
    wait_until(lambda: machine.serve() == "Succeeded")
    assert machine.store.head().commit == origin.head
    machine.store.close()


def test_the_password_is_in_no_table(server: Server) -> None:
    """Looked for in whatever the tests before this one left."""
    named = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE 'faults%'"
    with psycopg.connect(server.url()) as administrator:
        for schema, table in administrator.execute(named).fetchall():
            rows = administrator.execute(f"SELECT CAST(t AS TEXT) FROM {schema}.{table} t".encode())
            assert CANARY not in str(rows.fetchall())
