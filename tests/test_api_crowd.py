"""Requests of an expensive kind: so many at once, and each kind waits in places of its own."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import falcon
import falcon.testing

from paod.api import errors
from paod.api.app import resources
from paod.api.catalog import Changes, Facets
from paod.api.crowd import Crowd
from paod.api.items import ItemCheck
from paod.api.operation import Answer, Operation, Readable
from paod.api.preview import Preview
from paod.api.problems import DocumentCheck
from paod.api.requests import Sync
from paod.api.waiting import CATCHING_UP, PREVIEWING, WAITERS
from paod.daemon.lanes import ADMIN, READERS, THREADS
from paod.metrics import Meters
from tests.served import Served


class Slow(Readable):
    """Stays until it is let go."""

    path = "/slow"
    most = 2
    operation = Operation("Stay", "nobody", {200: Answer("It stayed.")})

    def __init__(self) -> None:
        self.arrived = threading.Semaphore(0)
        self.go = threading.Event()

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: object) -> None:
        self.arrived.release()
        self.go.wait(10)
        if req.get_param("fail"):
            raise RuntimeError


def test_one_too_many_is_told_to_come_again() -> None:
    slow = Slow()
    app: falcon.App = falcon.App(middleware=[Crowd()])
    errors.install(app)
    app.add_route(slow.path, slow)
    client = falcon.testing.TestClient(app)
    statuses: list[int] = []

    def ask(query: str) -> None:
        statuses.append(client.simulate_get("/slow", query_string=query).status_code)

    threads = [threading.Thread(target=ask, args=(query,)) for query in ("", "fail=1")]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert slow.arrived.acquire(timeout=10)
    for _ in range(3):
        refused = client.simulate_get("/slow")
        assert (refused.status_code, refused.json["type"]) == (503, "urn:paod:problem:busy")
        assert int(refused.headers["retry-after"]) > 0
    slow.go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(statuses) == [200, 500]
    assert client.simulate_get("/slow").status_code == 200, "a place that was left is free"


def test_who_waits_takes_no_place_of_others(tmp_path: Path) -> None:
    """Who follows the feed, who waits for a generation and who waits for a sync or a preview."""
    served = Served(tmp_path)
    found = resources(
        served.store,
        served.settings,
        threading.Event(),
        time.monotonic,
        lambda: datetime.now(UTC),
        Meters(),
    )
    by_kind = {type(one): one for one in found}
    changes, sync = by_kind[Changes], by_kind[Sync]
    assert isinstance(changes, Changes)
    assert isinstance(sync, Sync)
    preview = by_kind[Preview]
    assert isinstance(preview, Preview)
    places = [changes._waiting, changes._reads._waiting, sync._waiting, preview._waiting]
    assert len(set(map(id, places))) == len(places)
    assert THREADS[READERS] - 4 > WAITERS + CATCHING_UP
    assert THREADS[ADMIN] - 2 > WAITERS + PREVIEWING
    served.store.close()


def test_kinds_that_cost_much_are_bounded() -> None:
    bounded = (ItemCheck, Facets, Preview, DocumentCheck)
    assert all(0 < (one.most or 0) <= 4 for one in bounded)
