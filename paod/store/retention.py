"""What is not kept for ever: deliveries, messages, problems, syncs, crashes. Never history."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from paod.store.base import Base, stamp
from paod.store.syncs import LAST_COMPLETED, LAST_FOLLOWING

STEP: Final = 500
"""Rows that one transaction deletes, so that no writer waits long."""

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
        """Delete what ended more than ``days`` ago; return how many rows went, by table.

        The last completed sync and the last that followed the branch stay, however old.
        """
        before = stamp(self._clock() - timedelta(days=days))
        return {table: self._prune(sql, before) for table, sql in _OLD.items()}

    def _prune(self, sql: str, before: str) -> int:
        gone, step = 0, STEP
        while step == STEP:
            with self.database.atomic():
                step = self.database.execute(sql, {"before": before, "step": STEP})
            gone += step
        return gone
