"""Pins of items: what readers see of them, and that the branch's catalog never knows of any."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.errors import PinRefused
from paod.model import Kind, Plan, Step, Stored
from paod.store import EntryFilters, Found, Removed, Store
from paod.versions import version_in_range
from tests.databases import on_each_database
from tests.model import Tree
from tests.postgres import MEMORY
from tests.steps import steps
from tests.store_tools import (
    Clock,
    Syncs,
    bundle,
    empty_store,
    item,
    ready_store,
    result_of,
    running,
    with_mappings,
)
from tests.test_fold_properties import NAMES, histories

pytestmark = on_each_database

POSTGRES = "catalog/databases/postgres.yaml"


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    store = empty_store(tmp_path)
    yield store
    store.close()


def body(store: Store, name: str) -> dict[str, Any]:
    """Return an item that is served."""
    found = store.item(name)
    assert isinstance(found, Found), found
    return found.body


def listed(store: Store, **filters: Any) -> dict[str, dict[str, Any]]:
    """Return what a list of items says, by name."""
    return {row["name"]: row for row in store.items(EntryFilters(**filters), None, 50).rows}


def feed(store: Store, since: int) -> list[tuple[str, str, str, int]]:
    """Return the lines of the feed after a generation."""
    rows = store.changes(since, 50).rows
    return [(row["kind"], row["name"], row["change"], row["revision"]) for row in rows]


def two_revisions(store: Store) -> Syncs:
    """Make an item with two revisions that differ in all that lists show."""
    syncs = Syncs(store)
    old = item("postgres", description="Elephants", owner="a-team", tags=["sql", "old"])
    new = item(
        "postgres", version="2.0.0", description="Mammoths", owner="b-team", tags=["sql", "new"]
    )
    web = bundle("web", "postgres >=2.0.0", "redis")
    syncs.sync({POSTGRES: old, "catalog/b/web.yaml": web, "catalog/x/redis.yaml": item("redis")})
    syncs.sync({POSTGRES: new})
    return syncs


def test_a_pinned_item_is_served_as_its_revision_was(store: Store) -> None:
    two_revisions(store)
    pinned = store.pin_item("postgres", 1, "mammoths bite")
    assert pinned == {
        "name": "postgres",
        "pin": {"revision": 1, "reason": "mammoths bite", "since": "2026-01-01T00:00:00.000Z"},
        "generation": 3,
    }
    found = body(store, "postgres")
    assert (found["version"], found["description"], found["revision"]) == ("1.0.0", "Elephants", 1)
    assert (found["pin"], found["generation"]) == (pinned["pin"], 3)
    row = listed(store)["postgres"]
    assert (row["owner"], row["tags"], row["pin"]) == ("a-team", ["sql", "old"], pinned["pin"])
    assert listed(store)["redis"]["pin"] is None
    assert listed(store, owner="a-team").keys() == {"postgres", "redis"}
    assert not listed(store, owner="b-team")
    assert listed(store, tags=("old",)).keys() == {"postgres"}
    assert not listed(store, tags=("new",))
    assert listed(store, search="elephants").keys() == {"postgres"}
    assert not listed(store, search="mammoths")
    assert {tag["name"] for tag in store.facets()["tags"]} == {"sql", "old"}


def test_bundles_resolve_against_what_is_served(store: Store) -> None:
    two_revisions(store)
    parts = {"postgres": "2.0.0", "redis": "1.0.0"}
    web = store.bundle("web")
    assert isinstance(web, Found)
    assert {part["catalog_item"]: part["version"] for part in web.body["parts"]} == parts
    store.pin_item("postgres", 1, "why")
    assert feed(store, 2) == [
        ("item", "postgres", "pinned", 1),
        ("bundle", "web", "resolution", 1),
    ]
    web = store.bundle("web")
    assert isinstance(web, Found)
    assert web.body["resolved"] is False
    assert web.body["reasons"] == ["'postgres' is at version 1.0.0, outside >=2.0.0"]
    store.release_item("postgres")
    assert feed(store, 3) == [
        ("item", "postgres", "released", 2),
        ("bundle", "web", "resolution", 1),
    ]
    web = store.bundle("web")
    assert isinstance(web, Found)
    assert web.body["resolved"] is True


def test_what_the_branch_does_meanwhile_is_recorded_and_not_served(store: Store) -> None:
    syncs = two_revisions(store)
    store.pin_item("postgres", 1, "why")
    before, web = body(store, "postgres"), store.bundle("web")
    syncs.sync({POSTGRES: item("postgres", version="3.0.0")})
    assert body(store, "postgres") == before
    assert store.bundle("web") == web
    assert store.head().generation == 4  # its list of revisions has grown
    assert feed(store, 3) == []
    [pin] = store.item_pins()
    assert (pin["version"], pin["revision"]) == ("1.0.0", 1)
    assert pin["branch"] == {"revision": 3, "version": "3.0.0", "is_active": True}
    syncs.sync({POSTGRES: None})
    assert body(store, "postgres") == before
    assert store.item_pins()[0]["branch"]["is_active"] is False
    assert feed(store, 3) == []
    assert store.release_item("postgres")["generation"] == 6
    assert isinstance(store.item("postgres"), Removed)
    assert feed(store, 3) == [
        ("item", "postgres", "removed", 4),
        ("bundle", "web", "resolution", 1),
    ]


def test_a_removed_item_can_be_brought_back_by_a_pin(store: Store) -> None:
    syncs = two_revisions(store)
    syncs.sync({POSTGRES: None})
    store.pin_item("postgres", 2, "it is needed until Friday")
    assert body(store, "postgres")["version"] == "2.0.0"
    syncs.sync({POSTGRES: item("postgres", version="4.0.0")})
    store.release_item("postgres")
    assert body(store, "postgres")["version"] == "4.0.0"
    versions = store.versions("item", "postgres", None, 9)
    assert versions is not None
    assert [row["change"] for row in versions.rows] == ["restored", "removed", "changed", "added"]


def test_a_pinned_item_goes_by_the_name_that_the_branch_gives_it(store: Store) -> None:
    syncs = two_revisions(store)
    store.pin_item("postgres", 1, "why")
    syncs.sync({POSTGRES: item("pg", version="3.0.0", renamed_from="postgres")})
    found = body(store, "pg")
    assert (found["name"], found["version"], found["generation"]) == ("pg", "1.0.0", 4)
    assert ("item", "pg", "renamed", 1) in feed(store, 3)
    syncs.sync({"catalog/x/postgres.yaml": item("postgres", version="9.0.0")})
    assert body(store, "pg")["version"] == "1.0.0"
    store.release_item("pg")
    assert body(store, "pg")["version"] == "3.0.0"


def test_a_pin_is_replaced_by_the_next_one(store: Store) -> None:
    two_revisions(store)
    for revision in (1, 2, 1):
        store.pin_item("postgres", revision, "why")
        assert body(store, "postgres")["revision"] == revision
    store.release_item("postgres")
    assert body(store, "postgres")["revision"] == 2
    assert store.item_pins() == []


@pytest.mark.parametrize(
    ("name", "revision", "reason", "said"),
    [
        ("nothing", 1, "NoSuchItem", "never had an item nothing"),
        ("postgres", 7, "NoSuchRevision", "has no revision 7"),
        ("postgres", 3, "RevisionIsRemoval", "is its removal"),
    ],
)
def test_a_pin_that_cannot_be_changes_nothing(
    store: Store, name: str, revision: int, reason: str, said: str
) -> None:
    two_revisions(store).sync({POSTGRES: None})
    with pytest.raises(PinRefused, match=said) as refused:
        store.pin_item(name, revision, "why")
    assert refused.value.reason_given == reason
    assert store.head().generation == 3
    with pytest.raises(PinRefused, match="is not pinned"):
        store.release_item("postgres")


@dataclass
class Portal:
    """A reader who keeps a copy by the feed alone, and reads again whatever it names."""

    store: Store
    generation: int = 0
    copy: dict[tuple[str, str], Any] = field(default_factory=dict)

    def follow(self) -> None:
        """Read what is new in the feed."""
        rows = self.store.changes(self.generation, 1000).rows
        for row in rows:  # first: names may have been given on, or swapped
            self.copy.pop((row["kind"], row["renamed_from"]), None)
        for row in rows:
            key = (row["kind"], row["name"])
            self.copy[key] = None if row["change"] == "removed" else read(self.store, *key)
        self.generation = self.store.head().generation


def read(store: Store, kind: Kind, name: str) -> Any:
    """Return what is served under a name, None where nothing is."""
    found = store.item(name) if kind == "item" else store.bundle(name)
    return found.body if isinstance(found, Found) else None


def everything(store: Store, names: Sequence[str] = NAMES) -> dict[tuple[str, str], Any]:
    """Return all that is served under these names."""
    return {
        (kind, name): found
        for kind in ("item", "bundle")
        for name in names
        if (found := read(store, kind, name)) is not None
    }


def unmarked(served: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Return what is served without the marks of when it came to be."""
    marks = {"generation", "updated_at", "created_at"}
    return {key: {k: v for k, v in one.items() if k not in marks} for key, one in served.items()}


@dataclass
class Branch:
    """One store that follows a made-up branch."""

    store: Store
    stored: Stored = field(default_factory=Stored)

    def sync(self, step: Step) -> Plan:
        """Sync to one more commit."""
        planned = plan(self.stored, fold(self.stored.catalog, [step], "warn"), anew=False)
        result = result_of(planned, self.stored.catalog.commit)
        sync_id = running(self.store)
        self.store.apply(sync_id, planned, result, commit=step.commit, basis="")
        self.stored = self.store.settled(planned.after)
        return planned


moves = st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 4)), min_size=0, max_size=2)


@pytest.mark.only_on("sqlite")
@given(history=histories(), pins=st.lists(moves, min_size=7, max_size=7))
@settings(
    max_examples=int(os.environ.get("PAOD_HISTORIES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
def test_a_branch_never_knows_of_pins(
    history: list[Tree], pins: list[list[tuple[str, int]]]
) -> None:
    """Whatever is pinned and released when: the fold's catalog is that of a store without pins."""
    folders = [Path(tempfile.mkdtemp(dir=MEMORY)) for _ in range(2)]
    plain, pinned = (Branch(ready_store(folder)) for folder in folders)
    portal, clock = Portal(pinned.store), Clock()
    try:
        for step, wanted in zip(with_mappings(steps(history)), pins, strict=False):
            plain.sync(step)
            pinned.sync(step)
            for name, revision in wanted:
                _pin_or_release(pinned.store, name, revision)
            assert pinned.store.load() == plain.store.load()
            _check_served(pinned.store, portal)
            clock.turn(minutes=1)
        for pin in pinned.store.item_pins():
            pinned.store.release_item(pin["name"])
        assert unmarked(everything(pinned.store)) == unmarked(everything(plain.store))
        _check_served(pinned.store, portal)
    finally:
        for branch, folder in zip((plain, pinned), folders, strict=True):
            branch.store.close()
            shutil.rmtree(folder)


def _pin_or_release(store: Store, name: str, revision: int) -> None:
    try:
        if revision:
            store.pin_item(name, revision, "why")
        else:
            store.release_item(name)
    except PinRefused:
        pass


def _check_served(store: Store, portal: Portal) -> None:
    """Hold what is served against the pins, against itself, and against a portal's copy."""
    served, rows = everything(store), listed(store)
    for pin in store.item_pins():
        found = served["item", pin["name"]]
        kept = store.revision("item", pin["name"], pin["revision"])
        assert kept is not None
        assert found["revision"] == pin["revision"]
        assert {**kept["document"], "name": pin["name"]}.items() <= found.items()
    for (kind, _), found in served.items():
        for part in found["parts"] if kind == "bundle" else ():
            there = rows.get(part["catalog_item"])
            fits = there is not None and version_in_range(there["version"], part["range"])
            assert part["version"] == (there["version"] if there and fits else None)
    portal.follow()
    assert {key: one for key, one in portal.copy.items() if one is not None} == served
    assert rows.keys() == {name for kind, name in served if kind == "item"}
