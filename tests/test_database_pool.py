"""The connections of a process to PostgreSQL: bounded, and back as soon as the server is."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from paod.database import Database
from paod.errors import StoreUnavailable
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
