"""The schema: made once, by whoever comes first, and as the documentation says."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest

from paod.errors import MigrationError
from paod.store import Store
from paod.store.migrate import migrations
from tests.store_tools import Clock, Syncs, database_in, empty_store, item

DOCS = Path(__file__).parent.parent / "docs" / "sql-schema.md"
DOCUMENTED_TYPES = {
    "id": "INTEGER",
    "text": "TEXT",
    "json": "TEXT",
    "time": "TEXT",
    "boolean": "INTEGER",
    "integer": "INTEGER",
}


def documented() -> dict[str, dict[str, str]]:
    """Return the tables of the documentation, each with its columns and their types, in order."""
    text = DOCS.read_text(encoding="utf-8").split("## Tables and columns", 1)[1]
    tables = {}
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", body, flags=re.MULTILINE)
        tables[name.strip()] = {column: DOCUMENTED_TYPES[kind] for column, kind in rows}
    return tables


def real(path: Path) -> dict[str, dict[str, str]]:
    """Return the tables of a database, those of the full text left out."""
    connection = sqlite3.connect(path)
    names = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if "_search" not in name and not name.startswith("sqlite_")
    ]
    tables = {
        name: {row[1]: row[2] for row in connection.execute(f"PRAGMA table_xinfo({name})")}
        for name in names
    }
    connection.close()
    return tables


def test_the_documentation_names_every_table_and_column(tmp_path: Path) -> None:
    empty_store(tmp_path).close()
    found, told = real(tmp_path / "paod.db"), documented()
    assert sorted(found) == sorted(told)
    for name, columns in found.items():
        assert list(columns.items()) == list(told[name].items()), name


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (
            "catalog_items",
            "name version description owner tags category presentation fulfillment"
            " source_file_path source_file_hash updated_at is_active",
        ),
        (
            "catalog_sync_status",
            "id sync_started_at sync_completed_at status repository_url branch items_added"
            " commit_hash triggered_by webhook_payload from_commit mode items_updated items_removed"
            " bundles_added bundles_updated bundles_removed problems error_message timings",
        ),
    ],
)
def test_the_story_s_columns_are_there(tmp_path: Path, table: str, columns: str) -> None:
    empty_store(tmp_path).close()
    assert set(columns.split()) <= real(tmp_path / "paod.db")[table].keys()


def test_the_story_s_upsert_works_on_the_name(tmp_path: Path) -> None:
    """ON CONFLICT (name) needs the name to be unique."""
    empty_store(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "paod.db")
    found = connection.execute("PRAGMA index_list(catalog_items)").fetchall()
    unique = [row[1] for row in found if row[2]]
    columns = [connection.execute(f"PRAGMA index_info({name})").fetchall() for name in unique]
    assert [[row[2] for row in index] for index in columns] == [["name"]]
    connection.close()


def test_migrations_are_numbered_without_a_gap() -> None:
    found = migrations("sqlite")
    assert [one.number for one in found] == list(range(1, len(found) + 1))


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    head = store.head()
    store.close()
    before = (tmp_path / "paod.db").read_bytes()
    again = empty_store(tmp_path)
    assert again.head() == head
    assert again.load() == syncs.stored
    again.close()
    assert (tmp_path / "paod.db").read_bytes() == before


def test_ten_processes_start_at_once(tmp_path: Path) -> None:
    """They all find the same database, whose head was made once."""
    start, start_for_writing = os.pipe()
    children = []
    for _ in range(10):
        child = os.fork()
        if not child:
            os._exit(_started(tmp_path, start, start_for_writing))
        children.append(child)
    os.close(start_for_writing)  # lets all of them go
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
    os.close(start)
    store = empty_store(tmp_path)
    assert len(store.database.query("SELECT epoch FROM catalog_head")) == 1
    ledger = store.database.query("SELECT number FROM schema_migrations ORDER BY number")
    assert [row["number"] for row in ledger] == [one.number for one in migrations("sqlite")]
    store.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["paod.db"]


def _started(folder: Path, start: int, start_for_writing: int) -> int:
    try:
        os.close(start_for_writing)
        os.read(start, 1)
        store = empty_store(folder)
        store.head()
        store.close()
    except BaseException:
        return 1
    return 0


def test_an_older_database_is_copied_and_brought_up_to_date(tmp_path: Path) -> None:
    store = Store(database_in(tmp_path), Clock())
    store.database.prepare()
    first = migrations("sqlite")[0]
    with store.database.atomic():
        store.database.script(first.sql.format_map(store.database.types))
        store.database.stamp(first.number)
    store.migrate()
    assert store.database.schema_number() == len(migrations("sqlite"))
    assert store.load().catalog.entries == {}
    store.close()
    (copy,) = tmp_path.glob("paod.db.before-*")
    assert copy.name == "paod.db.before-0002"
    assert "catalog_items" in real(copy)
    assert "webhook_events" not in real(copy)


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    with store.database.atomic():
        store.database.stamp(999)
    store.close()
    before = (tmp_path / "paod.db").read_bytes()
    with pytest.raises(MigrationError, match="schema 999"):
        store.migrate()
    store.close()
    assert (tmp_path / "paod.db").read_bytes() == before


def _garbage(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04 this is something else" * 100)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()


def _cut_off(path: Path) -> None:
    empty_store(path.parent).close()
    path.write_bytes(path.read_bytes()[: 4096 * 3])


def _head_only(path: Path) -> None:
    empty_store(path.parent).close()
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("damage", [_garbage, _empty, _foreign, _cut_off, _head_only])
def test_what_is_not_ours_is_refused_and_left_as_it_is(tmp_path: Path, damage: object) -> None:
    path = tmp_path / "paod.db"
    assert callable(damage)
    damage(path)
    before = path.read_bytes()
    with pytest.raises(MigrationError, match="left as it is") as refused:
        empty_store(tmp_path)
    assert refused.value.hint
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["paod.db"]
