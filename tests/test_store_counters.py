"""Counts that outlive the rows they count, each made in the transaction of what it counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.errors import StoreError
from paod.model import Problem, SyncRequest
from paod.store import Delivery, Store
from tests.databases import on_each_database
from tests.store_tools import Clock, Syncs, empty_store, ended, item, running

pytestmark = on_each_database

CLOCK = Clock()


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    store = empty_store(tmp_path, CLOCK)
    yield store
    store.close()


def counted(store: Store, counter: str) -> dict[str, int]:
    """Return a counter's totals by ``label detail``."""
    found = store.figures().counters
    return {
        f"{label} {detail}".strip(): total
        for (one, label, detail), total in found.items()
        if one == counter
    }


def push(store: Store, delivery_id: str) -> None:
    request = SyncRequest("webhook", webhook={"after": "f" * 40, "delivery_id": delivery_id})
    store.receive(Delivery(delivery_id, "push", "accepted"), request)


def test_every_way_to_end_is_counted_once(store: Store) -> None:
    store.finish(running(store), ended())
    store.finish(running(store, SyncRequest("schedule")), ended("failed", "RemoteUnreachable"))
    store.finish(running(store), ended("blocked", "MassRemoval"))
    store.finish(running(store), ended("rejected", "ProblemsFound"), problems={})
    for trigger in ("webhook", "webhook", "startup"):
        store.enqueue(SyncRequest(trigger))
    assert store.claim() is not None, "it stands for two others"
    assert store.recover(), "the one that ran died"
    store.enqueue(SyncRequest("manual", commit="f" * 40))
    store.mark_restored()
    assert store.cancel(store.enqueue(SyncRequest("watch")), "not wanted any more")
    assert counted(store, "syncs") == {
        "manual completed": 1,
        "schedule failed": 1,
        "manual blocked": 1,
        "manual rejected": 1,
        "webhook superseded": 2,
        "startup failed": 2,
        "manual failed": 1,
        "watch failed": 1,
    }


def test_a_dry_run_is_no_sync(store: Store) -> None:
    dry = SyncRequest("manual", dry_run=True)
    store.finish(running(store, dry), ended("completed", "Succeeded", timings={"fetch": 1.0}))
    running(store, dry)
    store.recover()
    assert store.figures().counters == {}


def test_what_a_sync_changed_is_counted_as_readers_see_it(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a"), "catalog/x/b.yaml": item("b")})
    syncs.sync({"catalog/x/a.yaml": item("a", version="1.1.0"), "catalog/x/b.yaml": None})
    store.finish(running(store), ended("blocked", "MassRemoval", items=syncs.planned({}).items))
    assert counted(store, "changes") == {"added": 2, "updated": 1, "removed": 1}
    phases = counted(store, "phases")
    assert (phases["fold 0.25"], phases["fold ms"]) == (2, 500)
    assert sum(n for bucket, n in phases.items() if bucket.startswith("apply ")) >= 2


def test_pruning_takes_nothing_off_a_counter(store: Store) -> None:
    Syncs(store).sync({"catalog/x/a.yaml": item("a")})
    store.finish(running(store), ended())
    before = store.figures().counters
    CLOCK.turn(days=100)
    assert store.prune(90)["catalog_sync_status"] == 1
    assert store.figures().counters == before


def test_a_sync_that_is_not_written_is_not_counted(store: Store) -> None:
    sync_id = running(store)
    store.recover()
    before = store.figures().counters
    with pytest.raises(StoreError, match="not running any more"):
        store.finish(sync_id, ended())
    assert store.figures().counters == before


def test_from_receipt_to_served_counts_every_delivery_once(store: Store) -> None:
    """Of two that merge, one waits 20 seconds and one 4; a crash in between adds to both."""
    syncs = Syncs(store)
    push(store, "one")
    CLOCK.turn(seconds=16)
    push(store, "two")
    assert store.claim() is not None
    store.recover()
    CLOCK.turn(seconds=4)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    assert counted(store, "visible") == {"30.0": 1, "5.0": 1, "ms": 24_000}
    syncs.sync({"catalog/x/a.yaml": item("a", version="2.0.0")})
    assert counted(store, "visible")["ms"] == 24_000, "a later sync is not theirs"


def test_a_delivery_that_changes_nothing_is_not_waited_for(store: Store) -> None:
    push(store, "three")
    claimed = store.claim()
    assert claimed is not None
    store.finish(claimed.id, ended())
    assert counted(store, "visible") == {}


def test_held_is_a_refused_commit_until_another_is_served(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    assert not store.figures().held
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit="e" * 40))
    store.finish(running(store), ended("failed", "RemoteUnreachable"))
    figures = store.figures()
    assert (figures.held, figures.failures) == (True, 1)
    syncs.sync({"catalog/x/a.yaml": item("a", version="2.0.0")})
    figures = store.figures()
    assert (figures.held, figures.failures) == (False, 0)


def test_the_census_tells_states_apart_and_its_edition_when_it_may_differ(store: Store) -> None:
    syncs = Syncs(store)
    edition = store.figures().edition
    syncs.sync({"catalog/x/a.yaml": item("a"), "catalog/x/b.yaml": item("b")})
    assert store.figures().edition != edition
    edition = store.figures().edition
    bad = [Problem("yaml-syntax", "error", "no YAML", "catalog/x/a.yaml", line=1)]
    syncs.sync({"catalog/x/a.yaml": bad, "catalog/x/b.yaml": None})
    assert store.figures().edition != edition
    census = store.census()
    assert census.entries == {("item", "stale"): 1, ("item", "removed"): 1}
    assert (census.errors, census.warnings) == (1, 0)
