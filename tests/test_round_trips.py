"""How often a sync that is written waits for the server: as often, whatever it writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from paod.database.postgres import PostgresDatabase
from paod.model import SyncRequest
from paod.store import Delivery, Outlets, Store
from tests.databases import on_each_database, opened, postgres_url_in
from tests.store_tools import Syncs, bundle, item, result_of, running

pytestmark = [on_each_database, pytest.mark.only_on("postgresql")]

MOST: Final = 12
"""Under the writers' lock; docs/operations.md says what follows for a machine's distance."""


@dataclass
class Wire:
    """What libpq says that it sent. Who sent a ``Query`` or a ``Sync`` waits for its answer."""

    file: Path
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def traced(self, database: PostgresDatabase) -> Iterator[None]:
        with database._session() as session:
            connection = session.connection.pgconn
        with self.file.open("w+b") as file:
            connection.trace(file.fileno())
            try:
                yield
            finally:
                connection.untrace()
        lines = [line.split(b"\t") for line in self.file.read_bytes().splitlines()]
        self.asked = [
            words[3].decode()
            for words in lines
            if len(words) > 3 and words[1] == b"F" and words[3] in WAITS
        ]


WAITS: Final = (b"Query", b"Sync")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    outlets = Outlets(alerts=True, changes=True, statuses=True)
    store = Store(opened(postgres_url_in(tmp_path), pool_size=1), outlets=outlets)
    store.migrate()
    yield store
    store.close()


def edit(count: int, said: str) -> dict[str, Any]:
    names = [f"item-{number}" for number in range(count)]
    found: dict[str, Any] = {
        f"catalog/a/{name}.yaml": item(name, description=said, tags=[name, "all"]) for name in names
    }
    return found | {"catalog/a/all.yaml": bundle("all", f"{names[0]} >=1.0.0", description=said)}


@pytest.mark.parametrize("count", [1, 60, 600])
@pytest.mark.parametrize("pins", [0, 1, 20])
def test_what_is_written_takes_as_many_round_trips_whatever_its_size(
    store: Store, tmp_path: Path, count: int, pins: int
) -> None:
    """With alerts, statuses, pins and a delivery: all that there is to write."""
    syncs = Syncs(store)
    syncs.sync(edit(count, "first"))
    for number in range(min(pins, count)):
        store.pin_item(f"item-{number}", 1, "held")
    payload = {"delivery_id": "d-1", "before": "0" * 40}
    for place in range(3):
        delivery = Delivery(f"d-{place}", "push", "accepted", payload=payload)
        store.receive(delivery, SyncRequest("webhook", webhook=payload))
    planned = syncs.planned(edit(count, "second"))
    assert len(planned.entries) >= count
    sync_id = running(store)
    result = result_of(planned, syncs.stored.catalog.commit)
    wire = Wire(tmp_path / "trace")
    database = store.database
    assert isinstance(database, PostgresDatabase)
    commit = planned.catalog.commit
    assert commit is not None
    with wire.traced(database):
        store.apply(sync_id, planned, result, commit=commit, basis="basis", touch_checked=True)
    ended = len(wire.asked) - wire.asked[::-1].index("Query")  # with the COMMIT the lock is free
    assert ended <= MOST
