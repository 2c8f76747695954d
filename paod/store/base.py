"""What every part of the store stands on: the database, the clock, and whose catalog it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from paod.database import Database, Row
from paod.errors import StoreUnavailable

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """Return a time as the tables and the API hold it: UTC, ISO 8601, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the catalog comes from, as sync rows name it. ``repository_url`` is redacted."""

    repository_url: str = ""
    branch: str = ""
    root: str = "catalog"


@dataclass(frozen=True, slots=True)
class Outlets:
    """What others are told at all. ``changes``: alerts also tell what changed in the catalog."""

    alerts: bool = False
    changes: bool = False
    statuses: bool = False


class Base:
    """The store's parts are classes over this one: a database, a clock and what never changes.

    Without a clock it is the database's, for what is compared between machines.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock | None = None,
        source: Source | None = None,
        outlets: Outlets | None = None,
    ) -> None:
        self.database = database
        self._clock = clock or database.now
        self._source = source or Source()
        self._outlets = outlets or Outlets()

    def _only_row(self, sql: str) -> Row:
        """Return the one row of head state, as far as a statement asks for it."""
        rows = self.database.query(sql)
        if not rows:
            raise StoreUnavailable("the database is not set up yet")
        return rows[0]

    def _now(self) -> str:
        return stamp(self._clock())
