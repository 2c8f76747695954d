"""The store as commands read it: without a daemon's help, and without writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from paod.config import Settings
from paod.daemon import open_store
from paod.errors import PaodError
from paod.store import Store


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the database for reading; raise PaodError while there is none yet."""
    if settings.db_file is not None and not settings.db_file.exists():
        raise PaodError(
            f"nothing has been synced yet: there is no database {settings.db_file}",
            "start `paod serve`, or run `paod sync`",
        )
    store = open_store(settings, read_only=True)
    try:
        yield store
    finally:
        store.close()
