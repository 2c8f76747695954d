"""The connections of a process to PostgreSQL: bounded, and back as soon as the server is."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from paod.database import Database, postgres_pool, postgres_watch
from paod.database.postgres import PostgresDatabase
from paod.database.postgres_watch import Watch
from paod.errors import StoreError, StoreUnavailable
from tests.databases import opened
from tests.postgres import MEMORY, shared_server
from tests.wire import Wire

CROWD = 8
"""Threads that ask at once: more than may wait for a pool of one."""


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-", dir=MEMORY) as folder:
        made = Wire(Path(folder), shared_server().folder)
        yield made
        made.close()


def wired(wire: Wire) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(wire.folder), safe='')}"


def all_at_once(work: Callable[[], object], number: int = CROWD) -> list[BaseException]:
    """Do something in so many threads; return what was raised."""
    raised: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except StoreUnavailable as error:
            raised.append(error)

    threads = [threading.Thread(target=do, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised


def ask(database: Database) -> object:
    return database.query("SELECT 1 AS one")


@pytest.mark.parametrize("how", ["refused", "no connection left", "no password"])
def test_after_an_outage_that_many_waited_in_the_first_question_is_answered(
    wire: Wire, how: str
) -> None:
    """Whoever gave up waiting leaves nothing behind that would keep the next one waiting."""
    server, role = shared_server(), f"crowd_{how.split()[-1]}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    away, back = {
        "refused": ("SELECT 1", "SELECT 1"),
        "no connection left": (
            f"ALTER ROLE {role} CONNECTION LIMIT 0",
            f"ALTER ROLE {role} CONNECTION LIMIT -1",
        ),
        "no password": (f"ALTER ROLE {role} NOLOGIN", f"ALTER ROLE {role} LOGIN"),
    }[how]
    database = opened(wired(wire).replace("postgres@", f"{role}@"), pool_size=1)
    ask(database)
    wire.refuses = how == "refused"
    server.execute(away)
    wire.cut()
    assert len(all_at_once(lambda: ask(database))) == CROWD
    wire.refuses = False
    server.execute(back)
    for _ in range(CROWD):  # the last attempt may have been a moment ago
        if not all_at_once(lambda: ask(database), 1):
            break
        threading.Event().wait(0.2)
    assert ask(database) == [{"one": 1}]
    assert all_at_once(lambda: ask(database), CROWD // 2) == []


def test_no_more_connections_are_made_than_the_pool_may_have(wire: Wire) -> None:
    shared_server().execute("CREATE ROLE bounded LOGIN")
    database = opened(wired(wire).replace("postgres@", "bounded@"), pool_size=2)
    together = threading.Barrier(2)

    def hold() -> None:
        with database.snapshot():
            ask(database)
            together.wait(10)

    assert all_at_once(hold, 6) == []
    found = shared_server().execute("SELECT pid FROM pg_stat_activity WHERE usename = 'bounded'")
    assert len(found) == 2


def test_a_connection_that_ended_takes_none_beside_it_for_sound(wire: Wire) -> None:
    database = opened(wired(wire), pool_size=3)
    together = threading.Barrier(3)

    def hold() -> None:
        with database.snapshot():
            together.wait(10)

    assert all_at_once(hold, 3) == []
    wire.cut()
    assert ask(database) == [{"one": 1}]


# The watch over a pool


class Sides:
    """What a server and a pool do, for a watch that has a clock of the test's."""

    def __init__(self) -> None:
        self.server = self.pool = True
        self.now = 0.0
        self.renewed = 0
        self.watch = Watch(self._ask, self._borrow, self._renew, lambda: self.now)

    def _ask(self) -> None:
        if not self.server:
            raise StoreUnavailable("no server")

    def _borrow(self) -> None:
        if not self.pool:
            raise self.watch.refused(StoreUnavailable("no connection"))
        self.watch.lent()

    def _renew(self) -> None:
        self.renewed += 1

    def looks(self, seconds: float) -> list[bool]:
        """Look each second for a while."""
        found = []
        for _ in range(round(seconds)):
            self.now += 1.0
            found.append(self.watch.look())
        return found


@pytest.fixture
def sides() -> Sides:
    made = Sides()
    made.watch.close()  # no thread looks: the test does
    return made


def test_an_outage_of_the_server_renews_no_pool(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sides.server = sides.pool = False
    told = sides.watch.refused(StoreUnavailable("no connection"))
    assert told.reason_given == "StoreUnavailable"
    assert all(sides.looks(300))
    sides.server = sides.pool = True
    assert sides.looks(1) == [False]
    assert "the database is back, after 301 s" in caplog.text
    assert sides.renewed == 0


def test_a_pool_that_lends_nothing_while_the_server_answers_is_renewed_and_named(
    sides: Sides, caplog: pytest.LogCaptureFixture
) -> None:
    sides.server = sides.pool = False
    sides.watch.refused(StoreUnavailable("no connection"))
    sides.looks(30)
    sides.server = True
    sides.looks(10)
    assert sides.renewed == 0
    told = sides.watch.refused(StoreUnavailable("no connection"))
    assert (told.reason_given, "the database answers" in str(told)) == ("PoolStuck", True)
    sides.looks(1)
    assert sides.renewed == 1
    assert "they are made again" in caplog.text
    sides.looks(10)
    assert sides.renewed == 1  # the new one has as long


def test_one_question_that_is_answered_shows_that_the_pool_is_none_the_worse(sides: Sides) -> None:
    sides.pool = False
    sides.watch.refused(StoreUnavailable("all are in use"))
    for _ in range(10):
        sides.looks(9)
        sides.watch.lent()
    assert sides.renewed == 0


def test_a_process_whose_pool_is_stuck_comes_back_by_itself_and_counts_it(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the cause: here, places that nobody gives back."""
    monkeypatch.setattr(postgres_pool, "BORROW_SECONDS", 0.05)
    monkeypatch.setattr(postgres_watch, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(postgres_watch, "STUCK_SECONDS", 0.1)
    database, renewed = PostgresDatabase(wired(wire), pool_size=2), threading.Event()
    database.on_renewed(renewed.set)
    pool = database._lenders()
    while pool._places.acquire(blocking=False):
        pass
    with pytest.raises(StoreUnavailable, match="all connections"):
        ask(database)
    assert renewed.wait(30)
    assert ask(database) == [{"one": 1}]
    database.close()


def test_whatever_the_server_says_the_pool_goes_on_being_watched() -> None:
    """An error that is no outage, such as a right that was taken away."""
    now = [0.0]
    renewed: list[float] = []

    def refuse() -> None:
        raise StoreError("permission denied")

    watch = Watch(lambda: None, refuse, lambda: renewed.append(now[0]), clock=lambda: now[0])
    watch._ended.set()  # it looks when the test says so
    watch.refused(StoreUnavailable("none to be had"))
    assert watch.look()
    now[0] = postgres_watch.STUCK_SECONDS
    assert watch.look()
    assert renewed == [now[0]]
    asking = Watch(refuse, lambda: None, lambda: None, clock=lambda: now[0])
    assert asking.look()
