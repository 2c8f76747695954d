"""One deadline for a request: whatever is done for it takes from what is left."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from paod import deadline
from paod.api.operation import DELIVERY_SECONDS, SECONDS
from paod.api.waiting import Waiting
from paod.database import Database
from paod.database.postgres_connection import Address
from paod.database.postgres_session import writing_limits
from paod.errors import StoreUnavailable
from paod.store import Store
from tests.databases import opened, ready_url_in
from tests.postgres import MEMORY, shared_server
from tests.served import POSTGRES, URL, Served, item
from tests.wire import Wire

PUSH = {"ref": "refs/heads/main", "after": "1" * 40, "repository": {"clone_url": URL}}
LONG = 1000.0
"""More than any limit of its own allows."""


@pytest.fixture(autouse=True)
def _none_is_left() -> Iterator[None]:
    yield
    assert deadline.seconds_left(LONG) == LONG


def test_without_one_there_is_as_much_as_is_asked_for() -> None:
    assert deadline.seconds_left(7.0) == 7.0
    assert not deadline.is_over()


def test_an_inner_one_never_adds_to_an_outer_one() -> None:
    with deadline.within(1.0):
        with deadline.within(LONG):
            assert deadline.seconds_left(LONG) <= 1.0
        with deadline.within(0.0):
            assert deadline.is_over()
            assert deadline.seconds_left(LONG) == 0.0
        assert not deadline.is_over()


def test_it_counts_from_when_a_request_had_arrived() -> None:
    deadline.begin(5.0, time.monotonic() - 6.0)
    assert deadline.is_over()
    deadline.extend(10.0)
    assert 8.0 < deadline.seconds_left(LONG) <= 9.0
    deadline.end()


def test_another_thread_has_none() -> None:
    seen: list[float] = []
    with deadline.within(1.0):
        thread = threading.Thread(target=lambda: seen.append(deadline.seconds_left(LONG)))
        thread.start()
        thread.join()
    assert seen == [LONG]


# What takes from it


def spied(monkeypatch: pytest.MonkeyPatch, name: str) -> list[float]:
    """Record what is left whenever a verb of the store is called."""
    left: list[float] = []
    verb = getattr(Store, name)

    def noting(self: Store, *given: Any, **more: Any) -> Any:
        left.append(deadline.seconds_left(LONG))
        return verb(self, *given, **more)

    monkeypatch.setattr(Store, name, noting)
    return left


def test_requests_have_theirs_and_deliveries_a_longer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    read, taken = spied(monkeypatch, "served"), spied(monkeypatch, "receive")
    assert served.get("/catalog/items/postgres-database").status_code == 200
    assert served.deliver(PUSH).status_code == 200
    assert SECONDS < DELIVERY_SECONDS
    assert (0 < read[0] <= SECONDS, SECONDS < taken[0] <= DELIVERY_SECONDS) == (True, True)


def test_the_time_in_which_a_request_queued_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    read = spied(monkeypatch, "served")
    queued = {"paod.came": time.monotonic() - 3.0}
    assert served.get("/catalog/items/postgres-database", extras=queued).status_code == 200
    assert 0 < read[0] <= SECONDS - 3.0


def test_what_waits_on_purpose_has_that_time_beside() -> None:
    left: list[float] = []

    def look() -> bool | None:
        left.append(deadline.seconds_left(LONG))
        return len(left) > 1 or None

    waiting = Waiting(lambda _seconds: None, threading.Event())
    with deadline.within(1.0):
        assert waiting.until(look, 5.0)
    assert left[0] <= 1.0 < 5.0 < left[1] <= 6.0


def test_a_statement_and_a_lock_get_what_is_left_less_what_the_answer_takes() -> None:
    def limits() -> list[int]:
        return [int(part.rpartition(" ")[2]) for part in writing_limits().split(";")]

    assert limits() == [5000, 4000, 60000]
    with deadline.within(1.3):
        _, lock, statement = limits()
        assert 10 <= statement <= lock <= 1000  # each is asked a moment after the other
    with deadline.within(0.0):
        assert limits()[1:] == [10, 10]


def test_a_connection_gets_what_is_left_and_never_more_than_its_own_limit() -> None:
    address = Address("postgresql://nobody@/nowhere?connect_timeout=30")
    assert address.parameters("paod")["connect_timeout"] == 4
    with deadline.within(3.5):
        assert address.parameters("paod")["connect_timeout"] == 3
    with deadline.within(0.0), pytest.raises(StoreUnavailable, match="request's time"):
        address.connect("paod")


@pytest.fixture
def wire() -> Iterator[Wire]:
    with tempfile.TemporaryDirectory(prefix="wire-", dir=MEMORY) as folder:
        made = Wire(Path(folder), shared_server().folder)
        yield made
        made.close()


def raises_in_time(work: Callable[[], object], seconds: float = 0.3) -> StoreUnavailable:
    """Do something that has few seconds; return how it was refused."""
    with deadline.within(seconds), pytest.raises(StoreUnavailable) as refused:
        work()
    return refused.value


@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_a_silent_network_takes_no_more_than_there_is(wire: Wire, direction: str) -> None:
    database = opened(
        f"postgresql://postgres@/postgres?host={quote(str(wire.folder), safe='')}", pool_size=1
    )
    database.query("SELECT 1")
    getattr(wire, direction).silent = True
    refused = raises_in_time(lambda: database.query("SELECT 1"))
    assert "within the request's time" in str(refused)
    wire.silent = False
    assert database.query("SELECT 1 AS one") == [{"one": 1}]


def test_a_place_in_the_pool_is_waited_for_no_longer_than_there_is() -> None:
    database = opened(shared_server().url(), pool_size=1)
    holding, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with database.snapshot():
            holding.set()
            ended.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(30)
    refused = raises_in_time(lambda: database.query("SELECT 1"), 0.1)
    ended.set()
    thread.join()
    assert "none was free within 0.1 s" in str(refused)


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_the_writers_lock_is_waited_for_no_longer_than_there_is(tmp_path: Path, name: str) -> None:
    """Another process writes, for longer than the limit of a lock."""
    url = ready_url_in(tmp_path, name)
    first, second = opened(url), opened(url)
    with first.atomic():
        first.execute("UPDATE catalog_head SET checked_at = checked_at")
        raises_in_time(lambda: write(second), 0.5)
    write(second)
    first.close()
    second.close()


def write(database: Database) -> None:
    with database.atomic():
        database.execute("UPDATE catalog_head SET checked_at = checked_at")


def test_at_a_distance_reads_and_deliveries_are_few_round_trips(tmp_path: Path, wire: Wire) -> None:
    """So that they fit into their time: at 50 ms each way, ten are a second."""
    role = f"far{uuid.uuid4().hex[:12]}"
    shared_server().execute(f"CREATE ROLE {role} LOGIN")
    shared_server().execute(f"CREATE SCHEMA {role} AUTHORIZATION {role}")
    url = f"postgresql://{role}@/postgres?host={quote(str(wire.folder), safe='')}"
    served = Served(tmp_path, {"PAO_DB_URL": url})
    served.push({POSTGRES: item()})
    assert served.get("/catalog/items/postgres-database").status_code == 200
    wire.delay = 0.01
    counted = []
    for ask in (
        lambda: served.get("/catalog/items/postgres-database"),
        lambda: served.get("/catalog/items"),
        lambda: served.deliver(PUSH),
    ):
        before = wire.round_trips
        assert ask().status_code == 200
        counted.append(wire.round_trips - before)
    repeated, first, delivery = counted
    assert (repeated <= 2, first <= 6, delivery <= 10) == (True, True, True), counted
    served.store.close()
