"""The schema, brought up to date by numbered SQL files: once each, in order, never renumbered.

``NNNN_subject.sql`` is for every database, ``NNNN_subject.<dialect>.sql`` for one. A change and its
line in the ledger share a transaction, so that a crash leaves both or neither.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib import resources

from paod.errors import MigrationError, StoreUnavailable
from paod.failpoint import failpoint
from paod.store.base import Base
from paod.store.timeline import new_id

COPYING = 1_000_000
"""The number that stands in the ledger while a database is a copy that is not whole yet: any paod,
however old, takes it for a newer one's and refuses it."""

PATIENCE = 60.0
"""Seconds in which another process, that was first, is to have migrated the database."""

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at {timestamp} NOT NULL
)
"""
_ENTER = """
INSERT INTO schema_migrations (number, name, applied_at) VALUES (:number, :name, :now)
"""
_FIRST_HEAD = """
INSERT INTO catalog_head (id, epoch, generation, basis) VALUES (1, :epoch, 0, '')
ON CONFLICT (id) DO NOTHING
"""
_FIRST_TIMELINE = """
UPDATE catalog_head SET timeline = :timeline, seal = :seal WHERE timeline = ''
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered change of the schema. ``sql`` still holds its type tokens."""

    number: int
    name: str
    sql: str


def migrations(dialect: str) -> tuple[Migration, ...]:
    """Return all changes that this program knows for a dialect, in order."""
    found = []
    for file in resources.files(__package__).joinpath("migrations").iterdir():
        name, _, suffix = file.name.partition(".")
        if suffix in ("sql", f"{dialect}.sql"):
            found.append(Migration(int(name[:4]), name[5:], file.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda one: one.number))


def newest_schema(dialect: str) -> int:
    """Return the number of the last change that this program knows."""
    return migrations(dialect)[-1].number


class Schema(Base):
    """Makes the tables and keeps them what this program expects."""

    def migrate(self) -> None:
        """Make the database or bring it up to date; safe when several processes do it at once.

        Raises ``MigrationError``, and leaves all as it is, where the database is not paod's or is
        newer than this program.
        """
        self.database.prepare()
        known = migrations(self.database.dialect)
        number = self._checked(known)
        end = time.monotonic() + PATIENCE
        while number != known[-1].number:
            try:
                with self.database.atomic():
                    self._apply(known)
                return
            except StoreUnavailable as error:  # another process is at it, mostly
                if error.reason_given == "StorageReadOnly" or time.monotonic() > end:
                    raise
                number = self._checked(known)

    def lay_out(self, until: int) -> None:
        """Make the empty tables of an older schema, in a new database: to compare another with."""
        self.database.prepare()
        with self.database.atomic():
            self._make(migrations(self.database.dialect)[:until])

    def _checked(self, known: tuple[Migration, ...]) -> int:
        number, newest = self.database.schema_number(), known[-1].number
        if number == COPYING:
            raise MigrationError(
                "the database holds a copy that was never finished; it was left as it is",
                "finish it: run the same `paod migrate --to` again",
            )
        if number > newest:
            raise MigrationError(
                f"the database has schema {number}, and this paod knows {newest}; "
                "it was left as it is",
                "install the newer paod again, or restore the backup from before its first start",
            )
        return number

    def _apply(self, known: tuple[Migration, ...]) -> None:
        """Apply what is missing: asked again here, as another process may have been first."""
        applied = self._checked(known)
        if 0 < applied < known[-1].number:
            self.database.back_up(f"before-{applied + 1:04d}")
        self._make(known[applied:])
        self.database.execute(_FIRST_HEAD, {"epoch": new_id()})
        self.database.execute(_FIRST_TIMELINE, {"timeline": new_id(), "seal": new_id()})

    def _make(self, changes: tuple[Migration, ...]) -> None:
        self.database.script(_LEDGER.format_map(self.database.types))
        for migration in changes:
            self.database.script(migration.sql.format_map(self.database.types))
            self.database.execute(
                _ENTER,
                {"number": migration.number, "name": migration.name, "now": self._now()},
            )
            self.database.stamp(migration.number)
            failpoint("in_migration")
