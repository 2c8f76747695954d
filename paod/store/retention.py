"""What is not kept for ever: deliveries, messages, problems, syncs, crashes. Never history."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Final

from paod.store.base import Base, stamp
from paod.store.syncs import LAST_COMPLETED, LAST_FOLLOWING

STEP: Final = 500
"""Rows that one transaction deletes at most, so that no writer waits long."""

_OLD: Final = {
    "parser_crashes": """
        DELETE FROM parser_crashes WHERE oid IN (
            SELECT oid FROM parser_crashes WHERE last_crashed_at < :before LIMIT :step
        )
    """,
    "webhook_events": """
        DELETE FROM webhook_events WHERE id IN (
            SELECT id FROM webhook_events WHERE last_received_at < :before LIMIT :step
        )
    """,
    "outbox": """
        DELETE FROM outbox WHERE id IN (
            SELECT id FROM outbox WHERE queued_at < :before LIMIT :step
        )
    """,
    "catalog_validation_errors": """
        DELETE FROM catalog_validation_errors WHERE id IN (
            SELECT id FROM catalog_validation_errors WHERE resolved_at < :before LIMIT :step
        )
    """,
    "catalog_sync_status": f"""
        DELETE FROM catalog_sync_status WHERE id IN (
            SELECT id FROM catalog_sync_status
            WHERE requested_at < :before AND status NOT IN ('queued', 'running')
              AND id <> COALESCE({LAST_COMPLETED}, 0) AND id <> COALESCE({LAST_FOLLOWING}, 0)
            LIMIT :step
        )
    """,  # noqa: S608 built from constants
}


class Retention(Base):
    """Deletes what is old, in small steps."""

    def prune(self, days: float) -> dict[str, int]:
        """Delete what ended on a day more than ``days`` ago; return how many rows went, by table.

        At most ``STEP`` of each table, in a transaction of its own: where that many went there are
        more, and it is for the caller to come again. Whole days go, so that there is work once a
        day. The last completed sync and the last that followed the branch stay, however old.
        """
        day = self._clock().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        before = stamp(day - timedelta(days=days))
        return {table: self._prune(sql, before) for table, sql in _OLD.items()}

    def _prune(self, sql: str, before: str) -> int:
        with self.database.atomic():
            return self.database.execute(sql, {"before": before, "step": STEP})
