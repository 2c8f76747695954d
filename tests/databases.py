"""Which database a test runs on: a folder's file of SQLite, or a folder's schema of PostgreSQL.

Tests that name no database work on whichever is chosen, over ``url_in`` a folder. A module that
says ``pytestmark = on_each_database`` is run on both.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest

from paod.database import Database, open_database
from paod.store import Store
from tests.postgres import MEMORY, shared_server

NAMES = ("sqlite", "postgresql")
on_each_database = pytest.mark.usefixtures("each_database")
"""Runs a test on both databases, one after the other."""
_chosen = "sqlite"
_made: set[str] = set()
_opened: list[Database] = []
_lent: dict[str, Path] = {}
"""Schemas that have their tables already, each with the folder whose it is, or was."""


def choose(name: str) -> None:
    """Let tests run on a database from here on."""
    global _chosen
    _chosen = name


def chosen() -> str:
    """Return the name of the database that tests run on now."""
    return _chosen


def url_in(folder: Path, name: str | None = None) -> str:
    """Return the URL of a folder's database; the same folder has the same one."""
    return postgres_url_in(folder) if (name or _chosen) == "postgresql" else sqlite_url_in(folder)


def sqlite_url_in(folder: Path) -> str:
    return f"sqlite:///{folder}/paod.db"


def postgres_url_in(folder: Path) -> str:
    """Return the URL of a folder's schema, which is made when it is first asked for."""
    schema = f"t{hashlib.sha256(str(folder).encode()).hexdigest()[:24]}"
    server = shared_server()
    if schema not in _made:
        server.execute(f"CREATE SCHEMA {schema}")
        _made.add(schema)
    return server.url(schema)


def database_in(folder: Path, **options: bool) -> Database:
    """Return a folder's database."""
    return opened(url_in(folder), instance="vm-1", **options)


def opened(url: str, **options: Any) -> Database:
    """Open a database; its connections to a server end with the test, if not before."""
    database = open_database(url, **options)
    if database.shared:
        _opened.append(database)
    return database


def close_opened(*, for_good: bool = False) -> None:
    """End the connections that tests opened to servers; whoever goes on connects again.

    ``for_good``: nobody goes on.
    """
    for database in _opened:
        database.close()
    if for_good:
        _opened.clear()


def ready_url_in(folder: Path, name: str | None = None) -> str:
    """Return the URL of a folder's database, which has its tables and holds nothing yet.

    The same folder has the same one. It is quicker than to make the tables anew.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    if (name or _chosen) == "postgresql":
        return shared_server().url(_ready_schema(folder))
    if not (folder / "paod.db").exists():
        shutil.copy(_template(), folder / "paod.db")
    return sqlite_url_in(folder)


def ready_database_in(folder: Path, name: str) -> Database:
    """Return a folder's database as ``ready_url_in`` does, with connections that are open already.

    They are only closed where that was asked for, and else left to the next one that it is lent to.
    """
    url = ready_url_in(folder, name)
    return _open(url) if name == "postgresql" else open_database(url)


@cache
def _open(url: str) -> Database:
    return open_database(url, pool_size=1)


@cache
def _template() -> Path:
    """Return the file of an empty, closed database with its tables."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    atexit.register(shutil.rmtree, folder)
    _make_tables(sqlite_url_in(folder))
    return folder / "paod.db"


def _ready_schema(folder: Path) -> str:
    """Return a folder's schema: his already, else emptied once its folder is gone, else new."""
    for schema, owner in _lent.items():
        if owner == folder:
            return schema
    for schema, owner in _lent.items():
        if not owner.exists():
            _empty(schema)
            break
    else:
        schema = f"ready{len(_lent)}"
        shared_server().execute(f"CREATE SCHEMA {schema}")
        _make_tables(shared_server().url(schema))
    _lent[schema] = folder
    return schema


def _make_tables(url: str) -> None:
    store = Store(open_database(url))
    store.migrate()
    store.close()


def _empty(schema: str) -> None:
    """Delete every row; TRUNCATE would make thirty files anew."""
    _administrator().execute(_emptying(schema).encode())


@cache
def _administrator() -> psycopg.Connection:
    return psycopg.connect(shared_server().url(), autocommit=True)


@cache
def _emptying(schema: str) -> str:
    """Return what deletes every row of a schema, and begins anew."""
    named = (
        "SELECT relname FROM pg_class WHERE relkind = '{}' AND relnamespace = '{}'::regnamespace"
    )
    tables, sequences = (
        [str(name) for (name,) in shared_server().execute(named.format(kind, schema))]
        for kind in "rS"
    )
    tables.remove("schema_migrations")
    head = (
        "(id, epoch, timeline, seal, generation, basis) VALUES"
        " (1, md5(random()::text), md5(random()::text), md5(random()::text), 0, '')"
    )
    return "; ".join(
        [
            "SET session_replication_role = replica",  # whatever refers to what
            *(f"DELETE FROM {schema}.{table}" for table in tables),
            *(f"SELECT setval('{schema}.{name}', 1, false)" for name in sequences),
            f"INSERT INTO {schema}.catalog_head {head}",
        ]
    )
