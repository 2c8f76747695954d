"""Which sync stood for a request in the end: requests merge, and run again after a crash."""

from __future__ import annotations

from typing import Final

from paod.database import Database, Row

_ROW: Final = "SELECT id, status, reason, superseded_by FROM catalog_sync_status WHERE id = :id"


def final_sync(database: Database, sync_id: int | None) -> Row | None:
    """Follow a sync to the one that no other stands for; None where it was pruned or never was.

    It ends, because a row is given up at most once, for one that was queued or running then.
    """
    final = None
    while sync_id is not None:
        rows = database.query(_ROW, {"id": sync_id})
        if not rows:
            break
        final = rows[0]
        sync_id = final["superseded_by"]
    return final
