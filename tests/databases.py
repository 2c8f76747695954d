"""Which database a test runs on: a folder's file of SQLite, or a folder's schema of PostgreSQL.

Tests that name no database work on whichever is chosen, over ``url_in`` a folder. A module that
says ``pytestmark = on_each_database`` is run on both.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from paod.database import Database, open_database
from tests.postgres import shared_server

NAMES = ("sqlite", "postgresql")
on_each_database = pytest.mark.usefixtures("each_database")
"""Runs a test on both databases, one after the other."""
_chosen = "sqlite"
_made: set[str] = set()


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
    return open_database(url_in(folder), instance="vm-1", **options)
