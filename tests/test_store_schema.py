"""The schema: made once, by whoever comes first, and as the documentation says."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path

import pytest

from paod.database import open_database
from paod.database.postgres_schema import schema_number
from paod.errors import MigrationError
from paod.store import EntryFilters, Store
from paod.store.migrate import migrations
from tests.databases import chosen, on_each_database, url_in
from tests.store_tools import Clock, Syncs, database_in, empty_store, item

pytestmark = on_each_database
only_sqlite = pytest.mark.only_on("sqlite")
only_postgres = pytest.mark.only_on("postgresql")

DOCS = Path(__file__).parent.parent / "docs" / "sql-schema.md"
TYPES = {
    "sqlite": {
        "id": {"INTEGER"},
        "text": {"TEXT"},
        "json": {"TEXT"},
        "time": {"TEXT"},
        "boolean": {"INTEGER"},
        "integer": {"INTEGER"},
    },
    "postgresql": {
        "id": {"bigint"},
        "text": {"text"},
        "json": {"jsonb"},
        "time": {"timestamp with time zone"},
        "boolean": {"boolean"},
        "integer": {"integer", "bigint"},
    },
}
"""What stands for the documentation's kinds of column."""
LEDGER = """
CREATE TABLE schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at {timestamp} NOT NULL
)
"""
_COLUMNS = """
SELECT table_name AS "table", column_name AS "column", data_type AS type
FROM information_schema.columns WHERE table_schema = current_schema()
ORDER BY table_name, ordinal_position
"""
Tables = dict[str, dict[str, str]]


def documented() -> Tables:
    """Return the tables of the documentation, each with its columns and their kinds, in order."""
    text = DOCS.read_text(encoding="utf-8").split("## Tables and columns", 1)[1]
    tables = {}
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        name, _, body = section.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", body, flags=re.MULTILINE)
        tables[name.strip()] = dict(rows)
    return tables


def real(folder: Path) -> Tables:
    """Return the tables of a folder's database, those of the full text left out."""
    if chosen() == "sqlite":
        return real_file(folder / "paod.db")
    tables: Tables = {}
    database = database_in(folder)
    for row in database.query(_COLUMNS):
        tables.setdefault(row["table"], {})[row["column"]] = row["type"]
    database.close()
    return tables


def real_file(path: Path) -> Tables:
    """Return the tables of a file."""
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
    found, told = real(tmp_path), documented()
    assert sorted(found) == sorted(told)
    for name, columns in found.items():
        assert list(columns) == list(told[name]), name
        for column, kind in told[name].items():
            assert columns[column] in TYPES[chosen()][kind], (name, column)


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
    assert set(columns.split()) <= real(tmp_path)[table].keys()


def test_the_story_s_upsert_works_on_the_name(tmp_path: Path) -> None:
    """ON CONFLICT (name) needs the name to be unique."""
    store = empty_store(tmp_path)
    Syncs(store).sync({"catalog/x/a.yaml": item("a")})
    columns = real(tmp_path)["catalog_items"].keys() - {"id"}
    again = f"SELECT {', '.join(sorted(columns))} FROM catalog_items WHERE true"
    with store.database.atomic():
        store.database.execute(
            f"INSERT INTO catalog_items ({', '.join(sorted(columns))}) {again}"
            " ON CONFLICT (name) DO UPDATE SET owner = 'another'"
        )
    assert [row["owner"] for row in store.items(EntryFilters(), None, 9).rows] == ["another"]
    store.close()


def contents(folder: Path) -> object:
    """Return all that a database holds: the file's bytes, or all rows."""
    if chosen() == "sqlite":
        return (folder / "paod.db").read_bytes()
    database = database_in(folder)
    found = {name: database.query(f"SELECT * FROM {name} ORDER BY 1") for name in real(folder)}
    database.close()
    return found


def test_migrations_are_numbered_without_a_gap() -> None:
    found = migrations(chosen())
    assert [one.number for one in found] == list(range(1, len(found) + 1))


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    head = store.head()
    store.close()
    before = contents(tmp_path)
    again = empty_store(tmp_path)
    assert again.head() == head
    assert again.load() == syncs.stored
    again.close()
    assert contents(tmp_path) == before


@pytest.mark.only_on("postgresql")
def test_another_s_first_migration_is_seen_whole_or_not_at_all(tmp_path: Path) -> None:
    """Else its tables, seen without their ledger, would be taken for another program's."""
    database = database_in(tmp_path)

    def ask(sql: str) -> list[dict[str, object]]:
        rows = database.query(sql)
        empty_store(tmp_path).close()  # after the first question, before the next
        return rows

    with database.snapshot():
        assert schema_number(ask) == 0
    assert database.schema_number() == migrations("postgresql")[-1].number
    database.close()


def test_ten_processes_start_at_once(tmp_path: Path) -> None:
    """They all find the same database, whose head was made once."""
    url_in(tmp_path)
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
    assert [row["number"] for row in ledger] == [one.number for one in migrations(chosen())]
    store.close()
    if chosen() == "sqlite":
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


def test_an_older_database_is_brought_up_to_date_and_a_file_copied(tmp_path: Path) -> None:
    store = Store(database_in(tmp_path), Clock())
    store.database.prepare()
    first = migrations(chosen())[0]
    with store.database.atomic():
        store.database.script(LEDGER.format_map(store.database.types))
        store.database.script(first.sql.format_map(store.database.types))
        enter(store, first.number)
    store.migrate()
    assert store.database.schema_number() == len(migrations(chosen()))
    assert store.load().catalog.entries == {}
    store.close()
    if chosen() == "sqlite":
        (copy,) = tmp_path.glob("paod.db.before-*")
        assert copy.name == "paod.db.before-0002"
        assert "catalog_items" in real_file(copy)
        assert "webhook_events" not in real_file(copy)


def enter(store: Store, number: int) -> None:
    """Note a migration, as whoever applied it would."""
    values = {"number": number, "name": "another", "now": "2026-01-01T00:00:00.000Z"}
    store.database.execute(
        "INSERT INTO schema_migrations (number, name, applied_at) VALUES (:number, :name, :now)",
        values,
    )
    store.database.stamp(number)


def test_a_newer_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    with store.database.atomic():
        enter(store, 999)
    store.close()
    before = contents(tmp_path)
    with pytest.raises(MigrationError, match="schema 999"):
        store.migrate()
    store.close()
    assert contents(tmp_path) == before


@only_postgres
@pytest.mark.parametrize(
    "theirs",
    [
        "CREATE TABLE schema_migrations (version TEXT PRIMARY KEY)",
        "CREATE TABLE orders (id INTEGER)",
    ],
)
def test_a_schema_of_another_program_is_refused_and_left_as_it_is(
    tmp_path: Path, theirs: str
) -> None:
    database = database_in(tmp_path)
    with database.atomic():
        database.script(theirs)
    before = real(tmp_path)
    with pytest.raises(MigrationError, match="left as it is") as refused:
        empty_store(tmp_path)
    assert "CREATE SCHEMA" in refused.value.hint
    assert real(tmp_path) == before
    database.close()


@only_postgres
def test_a_schema_that_is_not_there_is_said(tmp_path: Path) -> None:
    database = open_database(url_in(tmp_path).replace("search_path%3D", "search_path%3Dno_"))
    with pytest.raises(MigrationError, match="no schema of the search path"):
        database.prepare()
    database.close()


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


@only_sqlite
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
