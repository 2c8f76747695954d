"""What every part of the store stands on: the database, the clock, and whose catalog it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from paod.database import Database, Row
from paod.errors import StoreUnavailable
from paod.messages import cut
from paod.model import SyncResult

Clock = Callable[[], datetime]
Redact = Callable[[str], str]


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


LONGEST_WORDS: Final = 2000
"""Characters of a message that is kept: a server may have written most of it."""


def as_it_is(text: str) -> str:
    """Return a text unchanged: whoever made the store knows no secrets."""
    return text


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
        redact: Redact = as_it_is,
    ) -> None:
        """``redact`` takes secrets out of what is about to be kept for people to read."""
        self.database = database
        self._clock = clock or database.now
        self._source = source or Source()
        self._outlets = outlets or Outlets()
        self._redact = redact

    def _words(self, text: str) -> str:
        """Return a message as a row may hold it: without secrets, and not without end."""
        return cut(self._redact(text), LONGEST_WORDS)

    def _fit(self, result: SyncResult) -> SyncResult:
        """Return how a sync ended, with a message that a row may hold."""
        return replace(result, message=self._words(result.message))

    def _only_row(self, sql: str) -> Row:
        """Return the one row of head state, as far as a statement asks for it."""
        rows = self.database.query(sql)
        if not rows:
            raise StoreUnavailable("the database is not set up yet")
        return rows[0]

    def _now(self) -> str:
        return stamp(self._clock())
