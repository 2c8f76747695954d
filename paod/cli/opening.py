"""The store as commands use it: without a daemon's help, and mostly without writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from paod.config import Settings
from paod.daemon import open_store
from paod.database import file_exists
from paod.errors import PaodError
from paod.store import Store


@contextmanager
def opened(settings: Settings, *, read_only: bool = True) -> Iterator[Store]:
    """Open the database, mostly for reading; raise PaodError while there is none yet."""
    if settings.db_file is not None and not file_exists(settings.db_file):
        raise PaodError(
            f"nothing has been synced yet: there is no database {settings.db_file}",
            "start `paod serve`, or run `paod sync`",
        )
    store = open_store(settings, read_only=read_only)
    try:
        yield store
    finally:
        store.close()
