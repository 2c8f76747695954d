"""What was ever published is a table: read when a verdict needs it, written by the difference."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.database import Row
from paod.model import Catalog, Document, Key, Step
from paod.model.published import Pair, Published
from paod.store import Store
from paod.sync import Memory
from tests.databases import chosen, database_in, on_each_database
from tests.store_tools import Clock, Syncs, commit, empty_store, examined, item

pytestmark = on_each_database

A: Key = ("item", "a")
PATH = "catalog/x/a.yaml"
BEFORE = 13
"""The last schema that kept what was published within each entry's row."""


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[Store]:
    store = empty_store(tmp_path)
    yield store
    store.close()


def version(number: int, name: str = "a", renamed_from: str | None = None) -> Document:
    return item(name, version=f"1.0.{number}", renamed_from=renamed_from)


def published(store: Store, name: str = "a") -> set[Pair]:
    """Return what the tables say was published under an item's name."""
    return set(store.load().catalog.published.everything([("item", name)])["item", name])


def pairs(*documents: Document) -> set[Pair]:
    return {(one.version, one.content_hash) for one in documents}


@pytest.mark.parametrize("versions", [4, 40])
def test_one_version_more_is_one_row_and_a_worker_keeps_none(store: Store, versions: int) -> None:
    syncs = Syncs(store)
    for number in range(versions):
        syncs.sync({PATH: version(number)})
    assert published(store) == pairs(*map(version, range(versions)))
    memory = Memory()
    syncs.stored = memory.at(store.head(), store)
    assert len(pickle.dumps(memory.stored)) < 4000
    (planned,) = syncs.sync({PATH: version(versions)}).entries
    assert planned.published == Published((A,), tuple(pairs(version(versions))))
    assert len(published(store)) == versions + 1
    (again,) = syncs.sync({PATH: version(0)}).entries  # a revert: nothing new was published
    assert again.published == Published((A,))
    assert again.entry.warning is None


def test_a_rename_leaves_the_rows_where_they_are_and_a_takeover_copies_them(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: version(1)})
    (renamed,) = syncs.sync({PATH: version(2, "b", "a")}).entries
    assert renamed.published.kept == (A,)
    assert published(store, "b") == pairs(version(1), version(2, "b", "a"))
    syncs.sync({"catalog/x/c.yaml": version(1, "c")})
    syncs.sync({PATH: None, "catalog/x/c.yaml": version(3, "c", "b")})
    both = {*published(store, "b"), *pairs(version(1, "c"), version(3, "c", "b"))}
    assert published(store, "c") == both
    assert len(both) == 4


def test_a_fold_from_scratch_writes_the_difference_and_forgets_other_lines(store: Store) -> None:
    syncs = Syncs(store)
    for number in (1, 2, 3):
        syncs.sync({PATH: version(number), "catalog/x/b.yaml": version(1, "b")})
    line = [(1, version(1)), (2, version(2)), (4, version(4))]
    steps = [Step(commit(number), ((PATH, examined(one)),)) for number, one in line]
    planned = plan(store.load(), fold(Catalog(), steps, "warn"), anew=True)
    by_name = {one.entry.document.name: one.published for one in planned.entries}
    assert by_name["a"] == Published((A,), tuple(pairs(version(4))), tuple(pairs(version(3))))
    syncs.apply(planned)
    assert published(store) == pairs(version(1), version(2), version(4))
    assert published(store, "b") == set()  # it is not of this line
    assert not store.database.query("SELECT * FROM catalog_item_published WHERE version = '1.0.3'")


def test_what_was_published_before_the_table_was_made_is_carried_over(tmp_path: Path) -> None:
    store = Store(database_in(tmp_path), Clock())
    store.lay_out(BEFORE)
    with store.database.atomic():
        for table in ("catalog_items", "catalog_bundles"):
            _fill(store, table)
    store.migrate()
    for kind in ("item", "bundle"):
        found = store.database.query(f"SELECT * FROM catalog_{kind}_published ORDER BY version")
        told = [(row["version"], row["content_hash"]) for row in found]
        assert told == [("1.0.0", "aa"), ("1.0.1", "bb")], chosen()
    store.close()


def _fill(store: Store, table: str) -> None:
    """Put a row into a table of entries as it was then: all that it must have, and two versions."""
    row: Row = {
        **dict.fromkeys(("is_active", "on_line"), True),
        **dict.fromkeys(("revision", "generation"), 1),
        **dict.fromkeys(("version", "description", "owner", "category", "content_hash"), "x"),
        **dict.fromkeys(("source_file_path", "source_file_hash", "commit_hash"), "x"),
        **dict.fromkeys(("commit_author", "commit_subject", "search_text", "content"), "x"),
        **dict.fromkeys(("commit_time", "created_at", "updated_at"), "2026-01-01T00:00:00.000Z"),
        **dict.fromkeys(("tags", "outline"), "[]"),
        "name": "a",
        "published": '[["1.0.0","aa"],["1.0.1","bb"]]',
    }
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    store.database.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)
