"""From a database URL to the adapter that speaks to it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from paod.database.protocol import Database, Password, no_password
from paod.database.sqlite import SQLiteDatabase
from paod.errors import StoreError

if TYPE_CHECKING:
    from paod.database.postgres import PostgresDatabase

SQLITE_PREFIX = "sqlite:///"


POSTGRES_PREFIXES = ("postgresql://", "postgres://")
POOL_SIZE = 8


def open_database(
    url: str,
    *,
    read_only: bool = False,
    pool_size: int = POOL_SIZE,
    instance: str = "",
    password: Password = no_password,
) -> Database:
    """Return the database that a URL names; nothing is connected or made yet.

    ``sqlite:///relative.db`` is relative to the working directory, ``sqlite:////var/lib/x.db``
    absolute. The path is taken as it is written, without percent-decoding. ``postgresql://…`` is
    as libpq reads it; ``pool_size`` bounds its connections a process, ``instance`` names this one,
    and ``password`` is asked at each connection where the URL has none.
    """
    if url.startswith(POSTGRES_PREFIXES):
        kind = _postgres()
        return kind(
            url, read_only=read_only, pool_size=pool_size, instance=instance, password=password
        )
    path = url.removeprefix(SQLITE_PREFIX)
    if path == url or not path or path == ":memory:":
        raise StoreError(
            "the database URL is of no kind that this paod knows",
            "set PAO_DB_URL to sqlite:///<path of a file> or postgresql://…",
        )
    return SQLiteDatabase(Path(path), read_only=read_only)


def _postgres() -> type[PostgresDatabase]:
    """Import the driver only where it is needed: it is an extra."""
    try:
        from paod.database.postgres import PostgresDatabase
    except ImportError as error:
        raise StoreError(
            f"the driver of PostgreSQL cannot be loaded ({error})", "pip install 'paod[postgres]'"
        ) from error
    return PostgresDatabase
