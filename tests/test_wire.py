"""The tests' own wire: what it does to a client is what it says."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.postgres import MEMORY, shared_server
from tests.wire import Fate, Wire, at_commit


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-", dir=MEMORY) as folder:
        made = Wire(Path(folder), shared_server().folder)
        yield made
        made.close()


@pytest.fixture
def client(wire: Wire) -> Iterator[psycopg.Connection]:
    url = f"postgresql://postgres@/postgres?host={quote(str(wire.folder), safe='')}"
    with psycopg.connect(url, autocommit=True) as made:
        yield made


def asked(client: psycopg.Connection, answers: list[object]) -> threading.Thread:
    """Ask in a thread of its own; the answer is added when it comes."""
    thread = threading.Thread(
        target=lambda: answers.append(client.execute("SELECT 7").fetchone()), daemon=True
    )
    thread.start()
    return thread


def test_what_is_sent_together_arrives_together(wire: Wire, client: psycopg.Connection) -> None:
    wire.delay = 0.05
    before, began = wire.round_trips, time.monotonic()
    with client.pipeline():
        for _ in range(20):
            client.execute("SELECT 1")
    assert time.monotonic() - began >= 2 * 0.05
    assert wire.round_trips - before <= 3


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_a_silent_direction_keeps_what_came_until_it_ends(
    wire: Wire, client: psycopg.Connection, direction: str
) -> None:
    way, answers = getattr(wire, direction), list[object]()
    way.silent = True
    thread = asked(client, answers)
    thread.join(0.1)
    assert not answers
    way.silent = False
    thread.join(10)
    assert answers == [(7,)]


@pytest.mark.parametrize(
    ("fate", "kept"), [("cut", 0), ("deliver and cut", 1), ("cut inside the answer", 1)]
)
def test_a_cut_commit_is_there_or_not(
    wire: Wire, client: psycopg.Connection, fate: Fate, kept: int
) -> None:
    shared_server().execute("CREATE TABLE IF NOT EXISTS cut (n int)")
    shared_server().execute("TRUNCATE cut")
    wire.fate = at_commit(b"INSERT INTO cut", fate)
    client.execute("BEGIN; INSERT INTO cut VALUES (1)")
    with pytest.raises(psycopg.OperationalError):
        client.execute("COMMIT")
    found = shared_server().execute("SELECT count(*) FROM cut")
    assert found == [(kept,)]


def test_who_is_turned_away_may_come_again(wire: Wire, client: psycopg.Connection) -> None:
    wire.refuses = True
    url = f"postgresql://postgres@/postgres?host={quote(str(wire.folder), safe='')}"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
    assert client.execute("SELECT 7").fetchone() == (7,)
    wire.refuses = False
    psycopg.connect(url).close()
