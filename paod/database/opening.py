"""From a database URL to the adapter that speaks to it."""

from __future__ import annotations

from pathlib import Path

from paod.database.protocol import Database
from paod.database.sqlite import SQLiteDatabase
from paod.errors import StoreError

SQLITE_PREFIX = "sqlite:///"


def open_database(url: str, *, read_only: bool = False) -> Database:
    """Return the database that a URL names; nothing is connected or made yet.

    ``sqlite:///relative.db`` is relative to the working directory, ``sqlite:////var/lib/x.db``
    absolute. The path is taken as it is written, without percent-decoding.
    """
    path = url.removeprefix(SQLITE_PREFIX)
    if path == url or not path or path == ":memory:":
        raise StoreError(
            "the database URL is of no kind that this paod knows",
            "set PAO_DB_URL to sqlite:///<path of a file>",
        )
    return SQLiteDatabase(Path(path), read_only=read_only)
