"""What is applied is what is loaded and served, whatever the history was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.model import Catalog, Key, Place, Plan, Problem, Step, Stored
from paod.store import EntryFilters, Found, ProblemFilters, Removed, Renamed, Store
from tests.databases import on_each_database
from tests.model import Spec, Tree
from tests.steps import steps
from tests.store_tools import (
    Clock,
    Syncs,
    bundle,
    commit,
    empty_store,
    examined,
    item,
    ready_store,
    result_of,
    running,
    with_mappings,
)
from tests.test_fold_properties import histories

pytestmark = on_each_database

ALL = EntryFilters(include_inactive=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = empty_store(tmp_path)
    yield store
    store.close()


def apply(store: Store, planned: Plan, before: str | None) -> None:
    result = result_of(planned, before)
    store.apply(running(store), planned, result, commit=planned.catalog.commit or "", basis="b")


class Told:
    """What the plans said so far, to compare the tables with."""

    def __init__(self) -> None:
        self.revisions: dict[Key, list[tuple[int, str, str]]] = {}
        self.problems: dict[str, tuple[Problem, ...]] = {}

    def take(self, planned: Plan) -> None:
        moved = {
            one.entry.key: self.revisions.pop(one.row)
            for one in planned.entries
            if one.row is not None and one.row in self.revisions
        }
        self.revisions |= moved
        for one in planned.revisions:
            revision = (one.number, one.revision.change, one.revision.commit.hash)
            self.revisions.setdefault(one.entry, []).append(revision)
        if planned.replace_problems:
            self.problems.clear()
        for path in planned.files:
            self.problems.pop(path, None)
        self.problems |= planned.problems


def assert_holds(store: Store, told: Told, stored: Stored) -> None:
    loaded = store.load()
    assert loaded == stored
    keys = loaded.catalog.entries.keys()
    published = [one.catalog.published.everything(keys) for one in (loaded, stored)]
    assert published[0] == published[1]
    for (kind, name), revisions in told.revisions.items():
        page = store.versions(kind, name, None, 1000)
        assert page is not None
        found = [(row["revision"], row["change"], row["commit"]["hash"]) for row in page.rows]
        assert found == revisions[::-1]
    listed = store.problems(ProblemFilters(), None, 1000).rows
    expected = [one for found in told.problems.values() for one in found]
    fields = ("path", "code", "severity", "line", "column", "pointer", "message", "commit")
    assert sorted([row[name] for name in fields] for row in listed) == sorted(
        [one.as_json()[name] for name in fields] for one in expected
    )
    assert_reads_agree(store, stored.catalog)


def assert_reads_agree(store: Store, catalog: Catalog) -> None:
    active = {key for key, entry in catalog.entries.items() if entry.active}
    items = [row["name"] for row in store.items(EntryFilters(), None, 100).rows]
    bundles = [row["name"] for row in store.bundles(EntryFilters(), None, 100).rows]
    assert items == sorted(name for kind, name in active if kind == "item")
    assert bundles == sorted(name for kind, name in active if kind == "bundle")
    for name in items:
        found = store.item(name)
        assert isinstance(found, Found)
        assert found.body["source"]["path"] == catalog.entries["item", name].path
        assert name in [row["name"] for row in store.items(EntryFilters(search=name), None, 9).rows]
        assert name in [
            row["name"] for row in store.items(EntryFilters(tags=(name,)), None, 9).rows
        ]


@settings(max_examples=80, deadline=None)
@given(st.lists(histories(), min_size=1, max_size=3), st.data())
def test_what_is_loaded_is_what_was_applied(
    rewritten: list[list[Tree]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, told, stored = ready_store(Path(folder)), Told(), Stored()
        for history in rewritten:
            cut = data.draw(st.integers(1, len(history)))
            first = plan(
                stored, fold(Catalog(), with_mappings(steps(history[:cut])), "warn"), anew=True
            )
            told.take(first)
            apply(store, first, stored.catalog.commit)
            assert_holds(store, told, first.after)
            rest = with_mappings(steps(history, first=cut + 1))
            second = plan(first.after, fold(first.catalog, rest, "warn"), anew=False)
            told.take(second)
            apply(store, second, first.catalog.commit)
            assert_holds(store, told, second.after)
            stored = second.after
        store.close()


def test_an_empty_store_loads_as_nothing(store: Store) -> None:
    assert store.load() == Stored()
    assert store.head().commit is None
    assert len(store.head().epoch) == 16


def test_two_items_swap_names_in_one_sync(store: Store) -> None:
    syncs = Syncs(store)
    one, other = item("one", says=1), item("other", says=2)
    syncs.sync({"catalog/x/1.yaml": one, "catalog/x/2.yaml": other})
    syncs.sync(
        {
            "catalog/x/1.yaml": item("other", says=1, renamed_from="one"),
            "catalog/x/2.yaml": item("one", says=2, renamed_from="other"),
        }
    )
    assert store.load() == syncs.stored
    assert [row["name"] for row in store.items(ALL, None, 9).rows] == ["one", "other"]


def test_a_generation_counts_what_readers_see(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    assert store.head().generation == 1
    syncs.sync({"catalog/x/b.yaml": item("b"), "catalog/x/c.yaml": item("c")})
    assert store.head().generation == 2
    syncs.sync({})
    assert (store.head().generation, store.head().commit) == (2, syncs.stored.catalog.commit)
    feed = store.changes(0, 10)
    found = [(row["generation"], row["name"], row["change"]) for row in feed.rows]
    assert found == [(1, "a", "added"), (2, "b", "added"), (2, "c", "added")]
    assert [row["name"] for row in store.changes(1, 10).rows] == ["b", "c"]


def test_the_feed_goes_on_inside_a_generation(store: Store) -> None:
    Syncs(store).sync({f"catalog/x/{name}.yaml": item(name) for name in "abcde"})
    names, since, position = [], 0, None
    while True:
        page = store.changes(since, 2, position)
        names += [row["name"] for row in page.rows]
        if page.next is None:
            break
        assert isinstance(page.next, tuple)
        since, position = page.next
    assert names == list("abcde")


def test_an_item_in_full(tmp_path: Path) -> None:
    clock = Clock()
    store = empty_store(tmp_path, clock)
    syncs = Syncs(store)
    found = item("a", tags=["x", "y"], presentation={"fields": []}, deprecated={"since": "1.0.0"})
    syncs.sync({"catalog/databases/a.yaml": found})
    clock.turn(hours=1)
    syncs.sync({"catalog/databases/b.yaml": item("b")})
    looked = store.item("a")
    assert isinstance(looked, Found)
    assert looked.body == {
        "name": "a",
        "version": "1.0.0",
        "description": "Something to order",
        "owner": "a-team",
        "tags": ["x", "y"],
        "presentation": {"fields": []},
        "deprecated": {"since": "1.0.0"},
        "category": "databases",
        "source": {
            "path": "catalog/databases/a.yaml",
            "commit": f"{1:040x}",
            "hash": found.source_hash,
        },
        "revision": 1,
        "generation": 1,
        "is_active": True,
        "stale": None,
        "pin": None,
        "created_at": "2026-01-01T00:00:00.000Z",
        "updated_at": "2026-01-01T00:00:00.000Z",
    }
    store.close()


def test_a_broken_file_leaves_its_item_stale(store: Store) -> None:
    syncs = Syncs(store)
    path = "catalog/x/a.yaml"
    syncs.sync({path: item("a")})
    broken = Problem("yaml-syntax", "error", "no YAML", path=path, line=3)
    syncs.sync({path: [broken]})
    stale = {"since_commit": f"{2:040x}", "problems": 1}
    assert store.items(EntryFilters(), None, 9).rows[0]["stale"] == stale
    (problem,) = store.problems(ProblemFilters(), None, 9).rows
    assert (problem["code"], problem["line"], problem["status"]) == ("yaml-syntax", 3, "open")
    syncs.sync({path: item("a")})
    assert store.items(EntryFilters(), None, 9).rows[0]["stale"] is None
    assert store.problems(ProblemFilters(), None, 9).rows == []
    (problem,) = store.problems(ProblemFilters(status="resolved"), None, 9).rows
    assert problem["resolved_at"] is not None


def test_a_removed_item_answers_with_its_last_revision_and_comes_back(tmp_path: Path) -> None:
    clock = Clock()
    store = empty_store(tmp_path, clock)
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    clock.turn(minutes=5)
    syncs.sync({"catalog/x/a.yaml": None})
    clock.turn(minutes=5)
    syncs.sync({"catalog/x/b.yaml": item("b")})
    gone = store.item("a")
    assert isinstance(gone, Removed)
    assert gone.body["removed_at"] == "2026-01-01T00:05:00.000Z"
    assert gone.body["removed_by"]["hash"] == f"{2:040x}"
    assert gone.body["last_revision"]["revision"] == 2
    assert gone.body["last_revision"]["document"]["name"] == "a"
    assert [row["name"] for row in store.items(ALL, None, 9).rows] == ["a", "b"]
    syncs.sync({"catalog/x/a.yaml": item("a")})
    assert isinstance(store.item("a"), Found)
    history = store.versions("item", "a", None, 10)
    assert history is not None
    assert [row["change"] for row in history.rows] == ["restored", "removed", "added"]
    store.close()


def test_a_renamed_item_leads_to_its_new_name(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("old")})
    syncs.sync({"catalog/x/a.yaml": item("new", renamed_from="old")})
    assert store.item("old") == Renamed("new")
    assert store.bundle("old") is None
    assert store.versions("item", "old", None, 9) is None
    history = store.versions("item", "new", None, 9)
    assert history is not None
    assert [(row["name"], row["renamed_from"]) for row in history.rows] == [
        ("new", "old"),
        ("old", None),
    ]
    syncs.sync({"catalog/x/b.yaml": item("old", says="another")})
    assert isinstance(store.item("old"), Found)


def test_a_row_of_a_rewritten_history_is_kept_apart(store: Store) -> None:
    first = plan(
        Stored(), fold(Catalog(), with_mappings(steps([_tree("a", "b")])), "warn"), anew=True
    )
    apply(store, first, None)
    second = plan(
        first.after, fold(Catalog(), with_mappings(steps([_tree("b")])), "warn"), anew=True
    )
    apply(store, second, first.catalog.commit)
    loaded = store.load()
    assert loaded == second.after
    assert ("item", "a") not in loaded.catalog.entries
    assert not loaded.identities["item", "a"].active
    assert isinstance(store.item("a"), Removed)


def test_a_file_keeps_its_places_when_only_its_entry_changes(store: Store) -> None:
    """A deeper history is found to begin before the comment that moved the lines."""
    plain = item("a")
    commented = replace(plain, source_hash="sha256:2", name_place=Place(2, 7))
    path = "catalog/x/a.yaml"
    begun, gone_on = (
        Step(commit(number), ((path, examined(found)),))
        for number, found in ((1, plain), (2, commented))
    )
    shallow = plan(Stored(), fold(Catalog(), [gone_on], "warn"), anew=True)
    apply(store, shallow, None)
    deep = plan(shallow.after, fold(Catalog(), [begun, gone_on], "warn"), anew=True)
    assert not deep.files
    apply(store, deep, shallow.catalog.commit)
    assert store.load() == deep.after


def _tree(*names: str) -> Tree:
    return {f"catalog/x/{name}.yaml": Spec(name) for name in names}


def test_a_bundle_names_what_it_resolves_to(store: Store) -> None:
    syncs = Syncs(store)
    path = "catalog/x/set.yaml"
    syncs.sync(
        {"catalog/x/a.yaml": item("a", version="1.4.0"), path: bundle("set", "a >=1.0.0", "b")}
    )
    found = store.bundle("set")
    assert isinstance(found, Found)
    assert found.body["resolved"] is False
    assert found.body["reasons"] == ["there is no item 'b' in the catalog"]
    assert [(part["catalog_item"], part["version"]) for part in found.body["parts"]] == [
        ("a", "1.4.0"),
        ("b", None),
    ]
    syncs.sync({"catalog/x/b.yaml": item("b", version="2.0.0")})
    found = store.bundle("set")
    assert isinstance(found, Found)
    assert (found.body["resolved"], found.body["reasons"]) == (True, [])
    assert found.body["parts"][1] == {
        "catalog_item": "b",
        "range": "",
        "required": True,
        "version": "2.0.0",
        "reason": None,
    }
    assert store.load() == syncs.stored


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A small catalog to search."""
    store = empty_store(tmp_path_factory.mktemp("shelf"))
    Syncs(store).sync(
        {
            "catalog/databases/a.yaml": item(
                "postgres-database", description="PostgreSQL für Teams", tags=["sql", "storage"]
            ),
            "catalog/databases/b.yaml": item(
                "mysql-database", description="MySQL", tags=["sql"], owner="b-team"
            ),
            "catalog/compute/c.yaml": item(
                "eks-app", description='Kubernetes, "managed"; 100% ours', tags=["storage"]
            ),
            "catalog/compute/d.yaml": item("Zebra", description="Éclair straße 数据库"),
        }
    )
    yield store
    store.close()


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("postgres", ["postgres-database"]),
        ("POSTGRES-DATABASE", ["postgres-database"]),
        ("data", ["mysql-database", "postgres-database"]),
        ("database post", ["postgres-database"]),
        ("fur", ["postgres-database"]),
        ("für", ["postgres-database"]),
        ("eclair", ["Zebra"]),
        ("STRASSE", ["Zebra"]),
        ("数据", ["Zebra"]),
        ("tabase", []),
        ("sql", ["mysql-database", "postgres-database"]),
        ('"managed"', ["eks-app"]),
        ('" OR 1=1 --', []),
        ("NEAR(a b)", []),
        ("AND", []),
        ("100%", ["eks-app"]),
        ("* -", []),
        ("\x00", []),
        ("", []),
    ],
)
def test_search_finds_words_by_their_beginning(
    shelf: Store, search: str, expected: list[str]
) -> None:
    found = shelf.items(EntryFilters(search=search), None, 9).rows
    assert [row["name"] for row in found] == expected


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (EntryFilters(), ["Zebra", "eks-app", "mysql-database", "postgres-database"]),
        (EntryFilters(category="databases"), ["mysql-database", "postgres-database"]),
        (EntryFilters(owner="b-team"), ["mysql-database"]),
        (EntryFilters(tags=("sql",)), ["mysql-database", "postgres-database"]),
        (EntryFilters(tags=("sql", "storage")), ["postgres-database"]),
        (EntryFilters(tags=("sql", "none")), []),
        (EntryFilters(category="compute", tags=("storage",), search="kube"), ["eks-app"]),
        (EntryFilters(category="%"), []),
    ],
)
def test_filters_narrow_together(shelf: Store, filters: EntryFilters, expected: list[str]) -> None:
    assert [row["name"] for row in shelf.items(filters, None, 9).rows] == expected


def test_pages_go_on_after_a_name(shelf: Store) -> None:
    first = shelf.items(EntryFilters(), None, 3)
    assert first.next == "mysql-database"
    second = shelf.items(EntryFilters(), "mysql-database", 3)
    assert [row["name"] for row in second.rows] == ["postgres-database"]
    assert second.next is None


def test_facets_and_stats_count_what_is_active(shelf: Store) -> None:
    facets = shelf.facets()
    assert facets["categories"] == [
        {"name": "compute", "count": 2},
        {"name": "databases", "count": 2},
    ]
    assert facets["tags"] == [{"name": "sql", "count": 2}, {"name": "storage", "count": 2}]
    stats = shelf.stats()
    assert stats["items"] == {"active": 4, "inactive": 0, "stale": 0}
    assert stats["bundles"] == {"active": 0, "inactive": 0, "stale": 0, "unresolved": 0}
    assert stats["by_owner"]["b-team"] == {"items": 1, "bundles": 0}
    assert stats["last_updated_at"] == "2026-01-01T00:00:00.000Z"


def test_what_was_removed_counts_in_no_facet(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync(
        {"catalog/x/a.yaml": item("a", tags=["t"]), "catalog/y/b.yaml": item("b", tags=["t"])}
    )
    syncs.sync({"catalog/x/a.yaml": None})
    assert store.facets() == {
        "categories": [{"name": "y", "count": 1}],
        "owners": [{"name": "a-team", "count": 1}],
        "tags": [{"name": "t", "count": 1}],
        "truncated": [],
    }
    assert store.stats()["items"] == {"active": 1, "inactive": 1, "stale": 0}


def test_a_revision_in_full(shelf: Store) -> None:
    revision = shelf.revision("item", "eks-app", 1)
    assert revision is not None
    assert revision["document"]["name"] == "eks-app"
    assert revision["commit"]["subject"] == "Subject"
    assert shelf.revision("item", "eks-app", 2) is None
    assert shelf.revision("item", "nobody", 1) is None
    assert shelf.versions("item", "nobody", None, 9) is None


def test_the_story_s_columns_hold_what_the_document_says(shelf: Store) -> None:
    (row,) = shelf.database.query(
        "SELECT * FROM catalog_items WHERE name = :name", {"name": "postgres-database"}
    )
    assert row["tags"] == '["sql","storage"]'
    assert row["category"] == "databases"
    assert row["source_file_path"] == "catalog/databases/a.yaml"
    assert row["source_file_hash"].startswith("sha256:")
    assert row["is_active"] == 1
