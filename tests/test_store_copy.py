"""A catalog that moves to another database, and back: every row is the same."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paod.database import open_database
from paod.errors import MigrationError, StoreError
from paod.model import SyncRequest
from paod.store import Copy, EntryFilters, Store
from paod.store.copy import LEDGER, PAGE
from tests.databases import postgres_url_in, sqlite_url_in
from tests.postgres import shared_server
from tests.served import POSTGRES, Served, bundle, item
from tests.store_tools import Clock


def filled(folder: Path) -> Served:
    """Return an installation with something in its tables."""
    served = Served(folder)
    served.push({POSTGRES: item(), "catalog/compute/vm.yaml": item("vm")})
    served.push(
        {POSTGRES: item(description='Ö "quoted" \\u0000', extra="x-note: {b: 1, a: 1.50}\n")}
    )
    served.push({"catalog/compute/vm.yaml": None, "catalog/a/web.yaml": bundle("web", "vm")})
    served.push({"catalog/a/bad.yaml": "name: [\n"})
    served.end("failed")
    served.deliver({"ref": "refs/heads/main", "repository": {"clone_url": "x"}, "after": "a" * 40})
    for number in range(3):
        served.push(
            {f"catalog/bulk/{number}-{n}.yaml": item(f"i-{number}-{n}") for n in range(250)}
        )
    return served


def rows_of(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, as text and numbers."""
    return {
        table.name: sorted(
            (
                {
                    key: int(value) if isinstance(value, bool) else value
                    for key, value in row.items()
                }
                for row in store.database.query(f"SELECT * FROM {table.name}")
            ),
            key=str,
        )
        for table in store.database.tables()
        if table.name != LEDGER
    }


def store_at(url: str) -> Store:
    return Store(open_database(url), Clock())


def test_a_round_trip_gives_the_same_database(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "middle", "last")]
    for folder in folders:
        folder.mkdir()
    first = filled(folders[0])
    middle, last = store_at(postgres_url_in(folders[1])), store_at(sqlite_url_in(folders[2]))
    for source, target in ((first.store, middle), (middle, last)):
        copy = Copy(source, target)
        told: list[int] = []
        total = copy.begin()
        copied = copy.run(told.append)
        assert told[-1] == total == sum(one.rows for one in copied)
        assert rows_of(target) == rows_of(source)
        assert target.load() == source.load()
        assert target.database.schema_number() == source.database.schema_number()
    assert rows_of(last)["catalog_items"]
    _goes_on(first.store, middle, last)


def _goes_on(*stores: Store) -> None:
    """Both copies give the next ids that the first one would, and are searched as it is."""
    assert len({store.enqueue(SyncRequest("manual")) for store in stores}) == 1
    found = [store.items(EntryFilters(search="i-2"), None, 5).rows for store in stores]
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 5
    for store in stores:
        store.close()


def test_what_was_interrupted_goes_on(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    first, target = filled(tmp_path), store_at(postgres_url_in(tmp_path / "there"))
    copy = Copy(first.store, target)
    copy.begin()

    def interrupt(done: int) -> None:
        if done > 700:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy.run(interrupt)
    some = sum(map(len, rows_of(target).values()))
    assert 0 < some < sum(map(len, rows_of(first.store).values()))
    with pytest.raises(MigrationError, match="never finished"):
        target.migrate()
    again = Copy(first.store, target)
    total = again.begin()
    told: list[int] = []
    again.run(told.append)
    assert some < told[0] <= some + PAGE
    assert told[-1] == total
    assert rows_of(target) == rows_of(first.store)
    target.migrate()
    first.store.close()
    target.close()


def test_a_database_that_is_not_empty_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = filled(tmp_path / "one"), Served(tmp_path / "two")
    two.push({POSTGRES: item()})
    before = rows_of(two.store)
    for restart in (False, True):
        with pytest.raises(StoreError, match="not empty"):
            Copy(one.store, two.store).begin(restart=restart)
    assert rows_of(two.store) == before
    one.store.close()
    two.store.close()


def test_an_unfinished_copy_of_another_catalog_is_not_gone_on_with(tmp_path: Path) -> None:
    for name in ("one", "two", "there"):
        (tmp_path / name).mkdir()
    one, two = filled(tmp_path / "one"), Served(tmp_path / "two")
    two.push({POSTGRES: item()})
    target = store_at(sqlite_url_in(tmp_path / "there"))
    Copy(one.store, target).begin()
    with pytest.raises(StoreError, match="another catalog"):
        Copy(two.store, target).begin()
    copy = Copy(two.store, target)
    copy.begin(restart=True)
    copy.run()
    assert rows_of(target) == rows_of(two.store)
    for store in (one.store, two.store, target):
        store.close()


def test_what_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    first, target = Served(tmp_path), store_at(sqlite_url_in(tmp_path / "there"))
    first.push({POSTGRES: item()})
    copy = Copy(first.store, target)
    copy.begin()
    with pytest.raises(KeyboardInterrupt):
        copy.run(_interrupt)
    first.push({POSTGRES: item(description="Newer")})
    again = Copy(first.store, target)
    again.begin()
    with pytest.raises(StoreError, match="differ"):
        again.run()
    with pytest.raises(MigrationError, match="never finished"):
        target.migrate()
    first.store.close()
    target.close()


def _interrupt(_done: int) -> None:
    raise KeyboardInterrupt


def test_the_roles_of_the_manual_are_enough(tmp_path: Path) -> None:
    """What docs/operations.md has the administrator say, said to a server; then paod moves in."""
    manual = (Path(__file__).parent.parent / "docs" / "operations.md").read_text("utf-8")
    first, second = re.findall(r"```sql\n(.*?)```", manual, re.DOTALL)
    server = shared_server()
    name = f"m{os.getpid()}"
    for statement in filter(None, map(str.strip, first.replace("paod", name).split(";"))):
        server.execute(statement)
    admin = psycopg.connect(server.url(database=name), autocommit=True)
    admin.execute(second.replace("paod", name).encode())
    url = server.url(database=name).replace("postgres@", f"{name}@")
    target, source = store_at(url), Served(tmp_path)
    source.push({POSTGRES: item()})
    copy = Copy(source.store, target)
    copy.begin()
    copy.run()
    owned = (
        "SELECT DISTINCT nspname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace"
    )
    asked = f"{owned} WHERE relowner = '{name}'::regrole AND relkind = 'r'"
    assert admin.execute(asked.encode()).fetchall() == [(name,)]
    with target.database.sync_lock() as mine:
        assert mine
    assert target.database.sync_holder() is not None
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(url) as tenant:
        tenant.execute("CREATE TABLE public.mine (x int)")
    for store in (target, source.store):
        store.close()
    admin.close()
