"""Counts that outlive what they count: how syncs ended, what they changed, how long things took.

Rows are pruned by their age, and a counter must not go back for it. So each is counted in the
transaction that makes it true. Durations are histograms: a count for each bucket, and the sum of
all in milliseconds. Dry runs are not counted, for they move nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from paod.database import Database, Params, Row
from paod.model import Counts, SyncResult

SYNCS: Final = "syncs"
"""By trigger and status."""
CHANGES: Final = "changes"
"""Items and bundles, by what became of them."""
PHASES: Final = "phases"
"""A histogram for each phase of a sync."""
VISIBLE: Final = "visible"
"""A histogram of the times from a delivery's receipt to its commit being served."""
SUM: Final = "ms"
"""The detail under which a histogram has its sum."""
BEYOND: Final = "+Inf"
BOUNDS: Final = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Upper bounds of the buckets, in seconds."""

Tallies = Counter[tuple[str, str, str]]
"""How many to add, by counter, label and detail."""

RETURNING_SYNC: Final = "RETURNING triggered_by, status, dry_run"
_ADD: Final = """
INSERT INTO counters (counter, label, detail, total) VALUES (:counter, :label, :detail, :count)
ON CONFLICT (counter, label, detail) DO UPDATE SET total = counters.total + excluded.total
"""
_RECEIVED: Final = """
SELECT last_received_at FROM webhook_events
WHERE sync_id = :id OR sync_id IN (SELECT id FROM catalog_sync_status WHERE superseded_by = :id)
"""


def count_syncs(database: Database, rows: Iterable[Row]) -> None:
    """Count syncs that ended, by the rows that ``RETURNING_SYNC`` gave."""
    _add(database, _syncs(rows))


def count_outcome(database: Database, row: Row, result: SyncResult) -> None:
    """Count a sync that ended by itself, with what it changed and the time of each phase."""
    if row["dry_run"]:
        return
    tallies = _syncs([row])
    if result.status == "completed":
        tallies += _changes(result.items) + _changes(result.bundles)
    for phase, seconds in result.timings.items():
        tallies += _observed(PHASES, phase, seconds)
    _add(database, tallies)


def deliveries_of(sync_id: int) -> tuple[str, Params]:
    """Return what asks for the deliveries that a sync stands for, as ``count_applied`` takes it."""
    return _RECEIVED, {"id": sync_id}


def count_applied(
    database: Database, deliveries: Iterable[Row], now: datetime, seconds: float
) -> None:
    """Count what applying took, and how long the deliveries waited whose commits are served now.

    Those are the sync's own and those of the requests that it stands for. One that came again
    counts from then on: it is an operator's new try.
    """
    tallies = _observed(PHASES, "apply", seconds)
    for row in deliveries:
        waited = now - datetime.fromisoformat(row["last_received_at"])
        tallies += _observed(VISIBLE, "", waited.total_seconds())
    _add(database, tallies)


def _syncs(rows: Iterable[Row]) -> Tallies:
    return Counter(
        (SYNCS, row["triggered_by"], row["status"]) for row in rows if not row["dry_run"]
    )


def _changes(counts: Counts) -> Tallies:
    changes = {"added": counts.added, "updated": counts.updated, "removed": counts.removed}
    return Counter({(CHANGES, change, ""): number for change, number in changes.items()})


def _observed(counter: str, label: str, seconds: float) -> Tallies:
    place = bisect_left(BOUNDS, seconds)
    bucket = str(BOUNDS[place]) if place < len(BOUNDS) else BEYOND
    return Counter({(counter, label, bucket): 1, (counter, label, SUM): round(1000 * seconds)})


def _add(database: Database, tallies: Tallies) -> None:
    rows = [
        {"counter": counter, "label": label, "detail": detail, "count": count}
        for (counter, label, detail), count in sorted(tallies.items())
    ]
    if rows:
        database.execute_many(_ADD, rows)
